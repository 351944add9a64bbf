//! Adyen's JSON: Checkout v72, Disputes v30, standard webhooks v1.

use std::borrow::Cow;
use std::collections::BTreeMap;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use quittance::*;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::SPEC;

/// A JSON object whose members are all texts.
pub(crate) type Texts<'a> = BTreeMap<&'static str, Cow<'a, str>>;

/// The members that have a value.
pub(crate) fn texts<'a, const N: usize>(members: [(&'static str, Option<&'a str>); N]) -> Texts<'a> {
    members.into_iter().filter_map(|(name, value)| Some((name, Cow::Borrowed(value?)))).collect()
}

/// `POST /payments`: what may be secret borrowed, the rest as it is.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct NewPayment<'a> {
    payment_method: Texts<'a>,
    #[serde(skip_serializing_if = "Texts::is_empty")]
    mpi_data: Texts<'a>,
    #[serde(flatten)]
    rest: Value,
}

impl<'a> NewPayment<'a> {
    pub(crate) fn of(request: &'a Authorize, more: Value) -> Result<NewPayment<'a>> {
        let (customer, order, browser) = (&request.customer, &request.order, browser_info(&request.browser));
        let lines = order.line_items.iter().map(line_item).collect::<Result<Vec<_>>>()?;
        let metadata: BTreeMap<_, _> = order.metadata.iter().map(|(name, value)| (name, value)).collect();
        let names = customer.first_name.as_ref().zip(customer.last_name.as_ref());
        let attempt = match request.three_ds {
            ThreeDs::Challenge => Some("always"),
            ThreeDs::Never => Some("never"),
            ThreeDs::Auto | ThreeDs::External(_) => None,
        };
        let rest = json!({
            "reference": request.reference,
            "amount": amount(&request.amount)?,
            "returnUrl": request.return_url,
            "authenticationData": attempt.map(|attempt| json!({ "attemptAuthentication": attempt })),
            "storePaymentMethod": request.store.then_some(true),
            "shopperEmail": customer.email,
            "telephoneNumber": customer.phone,
            "shopperLocale": customer.locale.as_ref().map(|tag| tag.replace('-', "_")),
            "shopperName": names.map(|(first, last)| json!({ "firstName": first, "lastName": last })),
            "countryCode": request.billing.country,
            "billingAddress": address(&request.billing),
            "deliveryAddress": order.shipping.as_ref().and_then(address),
            "shopperStatement": order.descriptor,
            "lineItems": (!lines.is_empty()).then_some(lines),
            "metadata": (!metadata.is_empty()).then_some(metadata),
            "shopperIP": request.browser.ip,
            "channel": browser.as_ref().map(|_| "Web"),
            "browserInfo": browser,
        });
        let payment_method = method(&request.method, request.network_transaction_id.as_deref())?;
        let mpi_data = mpi_data(&request.method, &request.three_ds);
        Ok(NewPayment { payment_method, mpi_data, rest: merge(rest, more) })
    }
}

/// When money is taken, whatever the account's default. Methods that take it at once have no setting for it.
pub(crate) fn capture(mode: CaptureMode, at_once: bool) -> Value {
    match mode {
        CaptureMode::Manual => json!({ "additionalData": { "manualCapture": "true" } }),
        CaptureMode::Automatic => json!({ "captureDelayHours": (!at_once).then_some(0) }),
    }
}

/// The members of both that have a value.
pub(crate) fn merge(one: Value, other: Value) -> Value {
    let members = [one, other].into_iter().filter_map(|value| match value {
        Value::Object(members) => Some(members),
        _ => None,
    });
    Value::Object(members.flatten().filter(|(_, value)| !value.is_null()).collect())
}

pub(crate) fn amount(money: &Money) -> Result<Value> {
    Ok(json!({ "currency": money.currency().code(), "value": SPEC.minor(money)? }))
}

/// `paymentMethod`; `series`: the network transaction id of the first payment of a series.
fn method<'a>(method: &'a Method, series: Option<&'a str>) -> Result<Texts<'a>> {
    let mut out = match method {
        Method::Card(card) => {
            let cvc = card.cvc.as_ref().map(|cvc| cvc.expose());
            let rest = [("type", Some("scheme")), ("cvc", cvc), ("holderName", card.holder.as_deref())];
            numbered(texts(rest), &card.number, &card.expiry)
        }
        Method::NetworkToken(token) if token.source == TokenSource::Network => {
            let rest = [("type", Some("networkToken")), ("holderName", token.holder.as_deref())];
            numbered(texts(rest), &token.number, &token.expiry)
        }
        Method::NetworkToken(_) => return Err(Error::unsupported_variant("a decrypted wallet token")),
        Method::ApplePay(token) => {
            let mut out = texts([("type", Some("applepay"))]);
            out.insert("applePayToken", Cow::Owned(STANDARD.encode(token.payment_data.expose())));
            out
        }
        Method::GooglePay(pay) => texts([("type", Some("googlepay")), ("googlePayToken", Some(pay.token.expose()))]),
        Method::Mandate(handle) => texts([("type", Some("scheme")), ("storedPaymentMethodId", Some(handle.id()))]),
        Method::BankRedirect { brand, bank } => texts([("type", Some(brand)), ("issuer", bank.as_deref())]),
        Method::BankDebit { account, .. } => {
            let (owner, iban) = (Some(&*account.holder), Some(account.number.expose()));
            texts([("type", Some("sepadirectdebit")), ("ownerName", owner), ("iban", iban)])
        }
        Method::PayLater { brand } => texts([("type", Some(brand))]),
        other => return Err(Error::unsupported_variant(other.family())),
    };
    out.extend(series.map(|id| ("networkPaymentReference", Cow::Borrowed(id))));
    Ok(out)
}

fn numbered<'a>(mut out: Texts<'a>, number: &'a Pan, expiry: &Expiry) -> Texts<'a> {
    out.insert("number", Cow::Borrowed(number.expose()));
    out.insert("expiryMonth", Cow::Owned(expiry.month2()));
    out.insert("expiryYear", Cow::Owned(expiry.year().to_string()));
    out
}

/// `mpiData`: the cryptogram of a network token, or the results of an authentication done elsewhere.
fn mpi_data<'a>(method: &'a Method, three_ds: &'a ThreeDs) -> Texts<'a> {
    let mut out = match method {
        Method::NetworkToken(token) => texts([
            ("tokenAuthenticationVerificationValue", token.cryptogram.as_ref().map(|tavv| tavv.expose())),
            ("eci", token.eci.as_deref()),
        ]),
        _ => Texts::new(),
    };
    if let ThreeDs::External(results) = three_ds {
        // The directory server's answer follows from the indicator: 05 and 02 stand for authenticated, others for attempted.
        let directory = if matches!(results.eci.as_str(), "05" | "02") { "Y" } else { "A" };
        out.extend(texts([
            ("cavv", Some(results.cryptogram.expose())),
            ("eci", Some(&results.eci)),
            ("directoryResponse", Some(directory)),
            ("dsTransID", Some(&results.ds_transaction_id)),
            ("threeDSVersion", Some(&results.version)),
        ]));
    }
    out
}

/// Adyen wants street and house number apart and every part but the state present; an address that lacks one is left out.
fn address(address: &Address) -> Option<Value> {
    let line = address.line1.as_deref()?;
    let is_number = |text: &str| text.starts_with(|first: char| first.is_ascii_digit());
    let (street, house) = match (line.split_once(' '), line.rsplit_once(' ')) {
        (Some((number, street)), _) if is_number(number) => (street, number),
        (_, Some((street, number))) if is_number(number) => (street, number),
        _ => (line, address.line2.as_deref()?),
    };
    let all = json!({
        "street": street,
        "houseNumberOrName": house,
        "city": address.city.as_ref()?,
        "postalCode": address.postal_code.as_ref()?,
        "country": address.country.as_ref()?,
        "stateOrProvince": address.state,
    });
    Some(merge(all, Value::Null))
}

fn line_item(line: &LineItem) -> Result<Value> {
    let each = SPEC.minor(&line.unit_amount)?;
    let (name, quantity) = (&line.name, line.quantity);
    let all = json!({ "id": line.sku, "description": name, "quantity": quantity, "amountIncludingTax": each });
    Ok(merge(all, Value::Null))
}

/// All members are required, so a browser of which less is known is left out.
fn browser_info(browser: &Browser) -> Option<Value> {
    Some(json!({
        "userAgent": browser.user_agent.as_ref()?,
        "acceptHeader": browser.accept.as_ref()?,
        "language": browser.language.as_ref()?,
        "colorDepth": browser.color_depth?,
        "screenHeight": browser.screen_height?,
        "screenWidth": browser.screen_width?,
        "timeZoneOffset": browser.time_zone_offset_minutes?,
        "javaEnabled": browser.java?,
    }))
}

/// An amount in an answer.
#[derive(Deserialize)]
pub(crate) struct ReadAmount {
    pub(crate) currency: String,
    pub(crate) value: i64,
}

/// The answer of `/payments` and `/payments/details`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PaymentAnswer {
    pub(crate) psp_reference: Option<String>,
    pub(crate) result_code: String,
    pub(crate) refusal_reason: Option<String>,
    pub(crate) refusal_reason_code: Option<String>,
    pub(crate) merchant_reference: Option<String>,
    pub(crate) amount: Option<ReadAmount>,
    pub(crate) additional_data: Option<AdditionalData>,
    pub(crate) action: Option<Box<RawValue>>,
}

/// `additionalData` of answers and webhook items: texts by name; which come is chosen in the Customer Area.
#[derive(Deserialize, Default)]
pub(crate) struct AdditionalData(Option<BTreeMap<String, Value>>);

impl AdditionalData {
    pub(crate) fn get(&self, name: &str) -> Option<String> {
        self.0.as_ref()?.get(name)?.as_str().map(str::to_owned)
    }
}

/// What the shopper must do next. Members that only a client library reads stay in the raw text.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Action {
    pub(crate) r#type: String,
    pub(crate) payment_method_type: Option<String>,
    pub(crate) url: Option<String>,
    pub(crate) method: Option<String>,
    #[serde(default)]
    pub(crate) data: BTreeMap<String, String>,
}

/// The answer of a modification. The classic API has `response: [capture-received]` in place of `status: received`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Modified {
    pub(crate) psp_reference: String,
    pub(crate) payment_psp_reference: Option<String>,
    #[serde(alias = "response")]
    pub(crate) status: String,
    pub(crate) amount: Option<ReadAmount>,
    pub(crate) reference: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SessionAnswer {
    pub(crate) id: String,
    pub(crate) session_data: String,
    pub(crate) expires_at: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ServiceError {
    pub(crate) error_code: Option<String>,
    pub(crate) message: Option<String>,
}

pub(crate) fn defense_document(document: &Document) -> Value {
    let (kind, content_type, content) = (&document.kind, &document.media_type, STANDARD.encode(&document.content));
    json!({ "defenseDocumentTypeCode": kind, "contentType": content_type, "content": content })
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DisputeAnswer {
    pub(crate) dispute_service_result: DisputeResult,
    #[serde(default)]
    pub(crate) defense_reasons: Vec<DefenseReason>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DisputeResult {
    pub(crate) success: bool,
    pub(crate) error_message: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DefenseReason {
    pub(crate) defense_reason_code: String,
    pub(crate) satisfied: bool,
}

/// A standard webhook delivery; each item is wrapped in an object with one member, `NotificationRequestItem`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Notification {
    pub(crate) notification_items: Vec<BTreeMap<String, Item>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Item {
    pub(crate) psp_reference: String,
    pub(crate) original_reference: Option<String>,
    pub(crate) merchant_account_code: String,
    pub(crate) merchant_reference: String,
    pub(crate) amount: ReadAmount,
    pub(crate) event_code: String,
    #[serde(deserialize_with = "flag")]
    pub(crate) success: String,
    pub(crate) event_date: Option<String>,
    pub(crate) reason: Option<String>,
    pub(crate) payment_method: Option<String>,
    #[serde(default)]
    pub(crate) additional_data: AdditionalData,
}

/// A text, in some deliveries a truth value; it is signed as the text.
fn flag<'de, D: serde::Deserializer<'de>>(value: D) -> std::result::Result<String, D::Error> {
    match Value::deserialize(value)? {
        Value::Bool(flag) => Ok(flag.to_string()),
        other => String::deserialize(other).map_err(serde::de::Error::custom),
    }
}

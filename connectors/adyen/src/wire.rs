//! Adyen's JSON: Checkout v72, Disputes v30, standard webhooks v1.

use std::borrow::Cow;
use std::collections::BTreeMap;

use quittance::*;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::{SPEC, encode};

/// A JSON object whose members are all texts.
pub(crate) type Texts<'a> = BTreeMap<&'static str, Cow<'a, str>>;

/// The members that have a value.
pub(crate) fn texts<'a, const N: usize>(members: [(&'static str, Option<&'a str>); N]) -> Texts<'a> {
    members.into_iter().filter_map(|(name, value)| Some((name, Cow::Borrowed(value?)))).collect()
}

#[derive(Serialize)]
pub(crate) struct Amount {
    currency: &'static str,
    value: i64,
}

/// Every Checkout body that names an account and a reference: payments, sessions and modifications.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Body<'a> {
    merchant_account: &'a str,
    reference: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    amount: Option<Amount>,
    #[serde(flatten)]
    texts: Texts<'a>,
    #[serde(flatten)]
    objects: BTreeMap<&'static str, Texts<'a>>,
    #[serde(flatten)]
    values: BTreeMap<&'static str, Value>,
}

impl<'a> Body<'a> {
    pub(crate) fn new(merchant_account: &'a str, reference: &'a str, amount: Option<Money>) -> Result<Body<'a>> {
        let exact = |money: Money| Ok(Amount { currency: money.currency().code(), value: SPEC.minor(&money)? });
        let amount = amount.map(exact).transpose()?;
        let (texts, objects, values) = (Texts::new(), BTreeMap::new(), BTreeMap::new());
        Ok(Body { merchant_account, reference, amount, texts, objects, values })
    }

    /// Adds the members that have a value.
    pub(crate) fn texts<const N: usize>(mut self, members: [(&'static str, Option<&'a str>); N]) -> Self {
        self.texts.extend(texts(members));
        self
    }

    /// Adds an object unless it is empty.
    pub(crate) fn object(mut self, name: &'static str, members: Texts<'a>) -> Self {
        self.objects.extend((!members.is_empty()).then_some((name, members)));
        self
    }

    pub(crate) fn value(mut self, name: &'static str, value: Option<Value>) -> Self {
        self.values.extend(value.map(|value| (name, value)));
        self
    }

    /// Says when money is taken, whatever the account's default. Methods that take it at once have no setting for it.
    pub(crate) fn captured(self, mode: CaptureMode, at_once: bool) -> Self {
        match mode {
            CaptureMode::Manual => self.object("additionalData", texts([("manualCapture", Some("true"))])),
            CaptureMode::Automatic => self.value("captureDelayHours", (!at_once).then(|| json!(0))),
        }
    }

    pub(crate) fn by(mut self, customer: &'a Customer, billing: &'a Address, browser: &'a Browser) -> Self {
        if let Some(tag) = &customer.locale {
            self.texts.insert("shopperLocale", Cow::Owned(tag.replace('-', "_")));
        }
        let browser_info = browser_info(browser);
        self.texts([
            ("shopperEmail", customer.email.as_deref()),
            ("telephoneNumber", customer.phone.as_deref()),
            ("socialSecurityNumber", customer.tax_id.as_deref()),
            ("countryCode", billing.country.as_deref()),
            ("shopperIP", browser.ip.as_deref()),
            ("channel", browser_info.as_ref().map(|_| "Web")),
        ])
        .object("shopperName", name(customer).unwrap_or_default())
        .object("billingAddress", address(billing).unwrap_or_default())
        .value("browserInfo", browser_info)
    }

    pub(crate) fn ordered(self, order: &'a Order) -> Result<Self> {
        let lines = order.line_items.iter().map(line_item).collect::<Result<Vec<_>>>()?;
        let metadata: BTreeMap<_, _> = order.metadata.iter().map(|(name, value)| (name, value)).collect();
        Ok(self
            .texts([("shopperStatement", order.descriptor.as_deref())])
            .object("deliveryAddress", order.shipping.as_ref().and_then(address).unwrap_or_default())
            .value("lineItems", (!lines.is_empty()).then(|| json!(lines)))
            .value("metadata", (!metadata.is_empty()).then(|| json!(metadata))))
    }
}

/// `paymentMethod`; `series`: the network transaction id of the first payment of a series.
pub(crate) fn method<'a>(method: &'a Method, series: Option<&'a str>) -> Result<Texts<'a>> {
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
            out.insert("applePayToken", Cow::Owned(encode(token.payment_data.expose())));
            out
        }
        Method::GooglePay(token) => {
            texts([("type", Some("googlepay")), ("googlePayToken", Some(token.token.expose()))])
        }
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

/// `authenticationData`.
pub(crate) fn authentication(wish: &ThreeDs) -> Texts<'static> {
    let attempt = match wish {
        ThreeDs::Challenge => Some("always"),
        ThreeDs::Never => Some("never"),
        ThreeDs::Auto | ThreeDs::External(_) => None,
    };
    texts([("attemptAuthentication", attempt)])
}

/// `mpiData`: the cryptogram of a network token, or the results of an authentication done elsewhere.
pub(crate) fn mpi_data<'a>(method: &'a Method, three_ds: &'a ThreeDs) -> Texts<'a> {
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

fn name(customer: &Customer) -> Option<Texts<'_>> {
    let (first, last) = (customer.first_name.as_deref()?, customer.last_name.as_deref()?);
    Some(texts([("firstName", Some(first)), ("lastName", Some(last))]))
}

/// Adyen wants street and house number apart and every part but the state present; an address that lacks one is left out.
fn address(address: &Address) -> Option<Texts<'_>> {
    let line = address.line1.as_deref()?;
    let is_number = |text: &str| text.starts_with(|first: char| first.is_ascii_digit());
    let (street, house) = match (line.split_once(' '), line.rsplit_once(' ')) {
        (Some((number, street)), _) if is_number(number) => (street, number),
        (_, Some((street, number))) if is_number(number) => (street, number),
        _ => (line, address.line2.as_deref()?),
    };
    Some(texts([
        ("street", Some(street)),
        ("houseNumberOrName", Some(house)),
        ("city", Some(address.city.as_deref()?)),
        ("postalCode", Some(address.postal_code.as_deref()?)),
        ("country", Some(address.country.as_deref()?)),
        ("stateOrProvince", address.state.as_deref()),
    ]))
}

fn line_item(line: &LineItem) -> Result<Value> {
    let each = SPEC.minor(&line.unit_amount)?;
    let mut out = json!({ "description": line.name, "quantity": line.quantity, "amountIncludingTax": each });
    if let Some(sku) = &line.sku {
        out["id"] = json!(sku);
    }
    Ok(out)
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

impl ReadAmount {
    pub(crate) fn money(&self) -> Result<Money> {
        SPEC.money(self.value, &self.currency)
    }
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
    pub(crate) auth_code: Option<String>,
    pub(crate) additional_data: Option<AdditionalData>,
    pub(crate) action: Option<Box<RawValue>>,
}

/// `additionalData` of answers and webhook items: texts by name; which come is chosen in the Customer Area.
#[derive(Deserialize, Default)]
pub(crate) struct AdditionalData(BTreeMap<String, Value>);

impl AdditionalData {
    pub(crate) fn get(&self, name: &str) -> Option<String> {
        self.0.get(name)?.as_str().map(str::to_owned)
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

/// Every call of the Disputes API.
#[derive(Serialize, Default)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DisputeCall<'a> {
    pub(crate) merchant_account_code: &'a str,
    pub(crate) dispute_psp_reference: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) defense_reason_code: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) defense_documents: Vec<Texts<'a>>,
}

pub(crate) fn defense_document(document: &Document) -> Texts<'_> {
    let kind = [("defenseDocumentTypeCode", Some(&*document.kind)), ("contentType", Some(&*document.media_type))];
    let mut out = texts(kind);
    out.insert("content", Cow::Owned(encode(&document.content)));
    out
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

/// A standard webhook delivery.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Notification {
    pub(crate) notification_items: Vec<Wrapper>,
}

#[derive(Deserialize)]
pub(crate) struct Wrapper {
    #[serde(rename = "NotificationRequestItem")]
    pub(crate) item: Item,
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
    pub(crate) success: String,
    pub(crate) event_date: Option<String>,
    pub(crate) reason: Option<String>,
    pub(crate) payment_method: Option<String>,
    #[serde(default)]
    pub(crate) additional_data: AdditionalData,
}

//! Members of requests, in the schema's order.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use quittance::body::{Member, list, node, object, optional, text};
use quittance::*;

use crate::wire::Answer;
use crate::{AuthorizeNet, REFUND};

/// Equal transactions within these seconds (at most eight hours) are refused, and the refusal names the first. Purchase order
/// numbers are compared, so with the key as `poNumber` only a repetition is equal.
const DUPLICATE_WINDOW: (&str, &str) = ("duplicateWindow", "28800");

/// The transaction of an authorization.
pub(crate) fn transaction<'a>(cx: &Context<'_>, request: &'a Authorize) -> Result<Member<'a>> {
    let kind = match request.capture {
        CaptureMode::Automatic => "authCaptureTransaction",
        CaptureMode::Manual => "authOnlyTransaction",
    };
    let recurring = matches!(request.initiator, Initiator::Merchant(MitCategory::Recurring));
    let recurring = recurring.then_some(("recurringBilling", "true"));
    let (payment, profile) = match &request.method {
        Method::Mandate(mandate) => (None, charged(mandate)?),
        method => (payment(cx, method)?, node("profile", [optional("createProfile", request.store.then_some("true"))])),
    };
    let stored = payment.is_none();
    let option = match request.initiator {
        Initiator::Merchant(_) => Some("isSubsequentAuth"),
        Initiator::Customer if stored => Some("isStoredCredentials"),
        Initiator::Customer => request.store.then_some("isFirstSubsequentAuth"),
    };
    let first = request.network_transaction_id.as_deref();
    // The gateway refuses a customer's data beside a stored profile (E00093), and a profile without any (E00102).
    let id = request.customer.id.as_deref().or(request.store.then_some(&request.reference)).map(short);
    let customer = node("customer", [optional("id", id), optional("email", request.customer.email.as_deref())]);
    let members = [
        text("transactionType", kind),
        text("amount", AuthorizeNet::SPEC.major(&request.amount)?),
        text("currencyCode", request.amount.currency().code()),
        payment,
        profile,
        order(&request.reference, request.order.description.as_deref()),
        text("poNumber", short(request.key.as_str())),
        customer.filter(|_| !stored),
        address(&request.customer, &request.billing).filter(|_| !stored),
        optional("customerIP", request.browser.ip.as_deref()),
        authentication(&request.three_ds)?,
        settings([DUPLICATE_WINDOW, ("allowPartialAuth", "false")].into_iter().chain(recurring)),
        optional("merchantDescriptor", request.order.descriptor.as_deref()),
        node("processingOptions", [option.and_then(|option| text(option, "true"))]),
        node("subsequentAuthInformation", [optional("originalNetworkTransId", first)]),
    ];
    Ok(node("transactionRequest", members))
}

/// The transaction of a refund; `found` tells how the payment was made.
pub(crate) fn refund<'a>(request: &'a RefundRequest, found: &'a Tree) -> Result<Member<'a>> {
    let payment = found.at("transaction/payment").ok_or_else(|| Error::protocol("the payment has no method"))?;
    let card = payment.text("creditCard/cardNumber").or(payment.text("tokenInformation/tokenNumber"));
    let masked = match card {
        Some(number) => node("creditCard", [text("cardNumber", number), text("expirationDate", "XXXX")]),
        None => {
            // Without `echeckType`, as in the vendor's example of a credit: it was that of a debit.
            let names = ["accountType", "routingNumber", "accountNumber", "nameOnAccount"];
            let account = payment.at("bankAccount");
            node("bankAccount", names.map(|name| optional(name, account.and_then(|account| account.text(name)))))
        }
    };
    let members = [
        text("transactionType", REFUND),
        text("amount", AuthorizeNet::SPEC.major(&request.amount)?),
        text("currencyCode", request.amount.currency().code()),
        node("payment", [masked]),
        text("refTransId", request.payment.id()),
        order(&request.reference, request.reason.as_deref()),
        text("poNumber", short(request.key.as_str())),
        settings([DUPLICATE_WINDOW]),
    ];
    Ok(node("transactionRequest", members))
}

/// A profile with one way to pay. Only a card can be tried without taking money: `liveMode` asks the issuer for 0.00.
pub(crate) fn profile<'a>(cx: &Context<'_>, request: &'a SetUp) -> Result<[Member<'a>; 2]> {
    let customer = short(request.customer.id.as_deref().unwrap_or(&request.reference));
    let members = [
        text("merchantCustomerId", customer),
        text("description", request.reference.as_str()),
        optional("email", request.customer.email.as_deref()),
        node("paymentProfiles", [address(&request.customer, &request.billing), payment(cx, &request.method)?]),
    ];
    let mode = if matches!(request.method, Method::Card(_)) { "liveMode" } else { "none" };
    Ok([node("profile", members), text("validationMode", mode)])
}

/// `text` if it has at most 20 characters, as the gateway's ids do, else the first 20 hex digits of its SHA-256.
pub(crate) fn short(text: &str) -> String {
    match text.chars().count() <= 20 {
        true => text.to_owned(),
        false => hex::encode(digest::sha256(text.as_bytes())).chars().take(20).collect(),
    }
}

fn order<'a>(reference: &str, description: Option<&str>) -> Member<'a> {
    let description = description.map(|description| description.chars().take(255).collect::<String>());
    node("order", [text("invoiceNumber", short(reference)), optional("description", description)])
}

/// The customer profile that a mandate belongs to.
pub(crate) fn customer_of(mandate: &Handle) -> Result<&str> {
    mandate.part("customer").ok_or_else(|| Error::invalid("mandate", "the handle names no customer profile"))
}

fn charged(mandate: &Handle) -> Result<Member<'_>> {
    let customer = text("customerProfileId", customer_of(mandate)?);
    Ok(node("profile", [customer, node("paymentProfile", [text("paymentProfileId", mandate.id())])]))
}

fn payment<'a>(cx: &Context<'_>, method: &'a Method) -> Result<Member<'a>> {
    let way = match method {
        Method::Card(typed) => {
            card(&typed.number, typed.expiry, [optional("cardCode", typed.cvc.as_ref().map(Cvc::expose)), None])
        }
        Method::NetworkToken(token) => {
            let cryptogram = optional("cryptogram", token.cryptogram.as_ref().map(Cryptogram::expose));
            card(
                &token.number,
                token.expiry,
                [optional("isPaymentToken", cryptogram.is_some().then_some("true")), cryptogram],
            )
        }
        Method::ApplePay(token) => opaque(cx, "COMMON.APPLE.INAPP.PAYMENT", &token.payment_data),
        Method::GooglePay(token) => opaque(cx, "COMMON.GOOGLE.INAPP.PAYMENT", &token.token),
        Method::BankDebit { account, .. } => {
            let missing = || Error::invalid("account.routing", "a routing number is needed");
            let routing = account.routing.as_deref().ok_or_else(missing)?;
            // The schemes' own codes: CCD for companies, WEB for consumers who agreed online.
            let (kind, scheme) = match account.kind {
                BankAccountKind::Checking => ("checking", "WEB"),
                BankAccountKind::Savings => ("savings", "WEB"),
                BankAccountKind::Business => ("businessChecking", "CCD"),
            };
            let members = [
                text("accountType", kind),
                text("routingNumber", routing),
                text("accountNumber", account.number.expose()),
                text("nameOnAccount", account.holder.chars().take(22).collect::<String>()),
                text("echeckType", scheme),
            ];
            node("bankAccount", members)
        }
        method => return Err(Error::unsupported_variant(method.family())),
    };
    Ok(node("payment", [way]))
}

fn card<'a>(number: &'a Pan, expiry: Expiry, proof: [Member<'a>; 2]) -> Member<'a> {
    let expiry = format!("{}-{}", expiry.year(), expiry.month2());
    node("creditCard", [text("cardNumber", number.expose()), text("expirationDate", expiry)].into_iter().chain(proof))
}

/// A wallet's token, base64 over the text as the wallet gave it.
fn opaque<'a>(cx: &Context<'_>, descriptor: &'static str, token: &Secret) -> Member<'a> {
    let value = STANDARD.encode(token.expose());
    cx.protect(&value);
    node("opaqueData", [text("dataDescriptor", descriptor), text("dataValue", value)])
}

/// The indicator is one digit here: 5 and 6 for Visa, 1 and 2 for Mastercard. Version and directory server id have no field.
fn authentication(three_ds: &ThreeDs) -> Result<Member<'_>> {
    match three_ds {
        ThreeDs::Auto | ThreeDs::Never => Ok(None),
        ThreeDs::Challenge => Err(Error::unsupported_variant("a 3-D Secure challenge")),
        ThreeDs::External(results) => {
            let indicator = text("authenticationIndicator", results.eci.trim_start_matches('0'));
            let value = text("cardholderAuthenticationValue", results.cryptogram.expose());
            Ok(node("cardholderAuthentication", [indicator, value]))
        }
    }
}

fn address<'a>(customer: &'a Customer, billing: &'a Address) -> Member<'a> {
    let lines: Vec<&str> = [&billing.line1, &billing.line2].into_iter().flatten().map(String::as_str).collect();
    let members = [
        optional("firstName", customer.first_name.as_deref()),
        optional("lastName", customer.last_name.as_deref()),
        optional("address", (!lines.is_empty()).then(|| lines.join(" "))),
        optional("city", billing.city.as_deref()),
        optional("state", billing.state.as_deref()),
        optional("zip", billing.postal_code.as_deref()),
        optional("country", billing.country.as_deref()),
        optional("phoneNumber", customer.phone.as_deref()),
    ];
    node("billTo", members)
}

fn settings<'a>(settings: impl IntoIterator<Item = (&'static str, &'a str)>) -> Member<'a> {
    let pair = |(name, value)| object([text("settingName", name), text("settingValue", value)]);
    node("transactionSettings", [list("setting", settings.into_iter().map(pair))])
}

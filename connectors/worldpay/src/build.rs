//! Members of an order, in the order of the document type.

use quittance::body::{Member, node, optional, text};
use quittance::*;
use serde::Deserialize;

use crate::Worldpay;

/// Whose tokens are used: those that belong to one shopper.
const SCOPE: &str = "shopper";

/// The order of a payment.
pub(crate) fn order<'a>(request: &'a Authorize, code: &'a str) -> Result<Member<'a>> {
    if request.store && !matches!(request.method, Method::Card(_)) {
        return Err(Error::unsupported_variant(format_args!("storing {}", request.method.family())));
    }
    let delay = if request.capture == CaptureMode::Automatic { "0" } else { "OFF" };
    let description = request.order.description.as_deref().unwrap_or(&request.reference);
    let session = [text("@id", code), optional("@shopperIPAddress", request.browser.ip.as_deref())];
    let action = optional("@action", (request.amount.minor() == 0).then_some("ACCOUNTVERIFICATION"));
    let details = [action, method(request)?, stored(request), node("session", session), external(&request.three_ds)];
    let members = [
        text("@orderCode", code),
        text("@captureDelay", delay),
        text("description", description),
        amount(&request.amount, false)?,
        node("paymentDetails", details),
        shopper(request),
        node("createToken", [optional("@tokenScope", request.store.then_some(SCOPE))]),
        optional("statementNarrative", request.order.descriptor.as_deref()),
        flex(request),
    ];
    Ok(node("order", members))
}

/// An amount; a modification says in which direction it goes.
pub(crate) fn amount<'a>(amount: &Money, directed: bool) -> Result<Member<'a>> {
    let exponent = Worldpay::SPEC.exponents.exponent(amount.currency()).to_string();
    let members = [
        text("@value", Worldpay::SPEC.minor(amount)?.to_string()),
        text("@currencyCode", amount.currency().code()),
        text("@exponent", exponent),
        optional("@debitCreditIndicator", directed.then_some("credit")),
    ];
    Ok(node("amount", members))
}

/// The code that the order of this reference goes by.
pub(crate) fn order_code(reference: &str) -> String {
    let fits = |byte: u8| byte.is_ascii_graphic() && !b"<>|'\"&".contains(&byte);
    match reference.len() <= 64 && reference.bytes().all(fits) {
        true => reference.to_owned(),
        false => hex::encode(digest::sha256(reference.as_bytes())),
    }
}

fn method(request: &Authorize) -> Result<Member<'_>> {
    Ok(match &request.method {
        Method::Card(card) => {
            let holder = card.holder.clone().or(request.customer.full_name());
            let members = [
                text("cardNumber", card.number.expose()),
                expiry(card.expiry),
                optional("cardHolderName", holder),
                optional("cvc", card.cvc.as_ref().map(Cvc::expose)),
                node("cardAddress", [address(request)]),
            ];
            node("CARD-SSL", members)
        }
        Method::NetworkToken(token) => {
            let kind = match token.source {
                TokenSource::ApplePay => "APPLEPAY",
                TokenSource::GooglePay => "GOOGLEPAY",
                TokenSource::Network => "NETWORKTOKEN",
                TokenSource::SamsungPay => return Err(Error::unsupported_variant("a Samsung Pay token")),
            };
            let members = [
                text("@type", kind),
                text("tokenNumber", token.number.expose()),
                expiry(token.expiry),
                optional("cardHolderName", token.holder.clone().or(request.customer.full_name())),
                optional("cryptogram", token.cryptogram.as_ref().map(Cryptogram::expose)),
                optional("eciIndicator", token.eci.as_deref()),
            ];
            node("EMVCO_TOKEN-SSL", members)
        }
        Method::Mandate(mandate) => {
            node("TOKEN-SSL", [text("@tokenScope", SCOPE), text("paymentTokenID", mandate.id())])
        }
        Method::ApplePay(token) => apple_pay(token)?,
        Method::GooglePay(token) => google_pay(token)?,
        other => return Err(Error::unsupported_variant(other.family())),
    })
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct GoogleToken {
    protocol_version: String,
    signature: String,
    signed_message: String,
}

fn apple_pay(token: &ApplePay) -> Result<Member<'static>> {
    let ApplePayParts { data, signature, version, header } = token.parts()?;
    let header = node(
        "header",
        [
            text("ephemeralPublicKey", header.ephemeral_public_key),
            text("publicKeyHash", header.public_key_hash),
            text("transactionId", header.transaction_id),
        ],
    );
    Ok(node("APPLEPAY-SSL", [header, text("signature", signature), text("version", version), text("data", data)]))
}

fn google_pay(token: &GooglePay) -> Result<Member<'static>> {
    let not_json = |_| Error::invalid("method.token", "the token is not the JSON that the device gives");
    let GoogleToken { protocol_version, signature, signed_message } =
        serde_json::from_str(token.token.expose()).map_err(not_json)?;
    let members = [
        text("protocolVersion", protocol_version),
        text("signature", signature),
        text("signedMessage", signed_message),
    ];
    Ok(node("PAYWITHGOOGLE-SSL", members))
}

pub(crate) fn expiry<'a>(expiry: Expiry) -> Member<'a> {
    node("expiryDate", [node("date", [text("@month", expiry.month2()), text("@year", expiry.year().to_string())])])
}

fn address(request: &Authorize) -> Member<'_> {
    let Address { line1, line2, city, state, postal_code, country } = &request.billing;
    let members = [
        optional("address1", line1.as_deref()),
        optional("address2", line2.as_deref()),
        optional("postalCode", postal_code.as_deref()),
        optional("city", city.as_deref()),
        optional("state", state.as_deref()),
        optional("countryCode", country.as_deref()),
        optional("telephoneNumber", request.customer.phone.as_deref()),
    ];
    node("address", members)
}

/// What a stored card is to the networks: stored now, or used again, by the merchant for a reason. A later payment quotes the first one.
fn stored(request: &Authorize) -> Member<'_> {
    let reason = match request.initiator {
        Initiator::Customer => None,
        Initiator::Merchant(MitCategory::Recurring) => Some("RECURRING"),
        Initiator::Merchant(MitCategory::Installment) => Some("INSTALMENT"),
        Initiator::Merchant(MitCategory::Unscheduled) => Some("UNSCHEDULED"),
    };
    let before = match (&request.method, reason) {
        (Method::Mandate(mandate), _) => mandate.part("network"),
        (_, Some(_)) => None,
        _ if request.store => return node("storedCredentials", [text("@usage", "FIRST")]),
        _ => return None,
    };
    let first = optional("schemeTransactionIdentifier", request.network_transaction_id.as_deref().or(before));
    node("storedCredentials", [text("@usage", "USED"), optional("@merchantInitiatedReason", reason), first])
}

/// The token of a stored card, to be deleted.
pub(crate) fn forget(mandate: &Handle) -> Member<'_> {
    let shopper = optional("authenticatedShopperID", mandate.part("shopper"));
    node("paymentTokenDelete", [text("@tokenScope", SCOPE), text("paymentTokenID", mandate.id()), shopper])
}

fn external(three_ds: &ThreeDs) -> Member<'_> {
    let ThreeDs::External(results) = three_ds else { return None };
    let members = [
        text("threeDSVersion", results.version.as_str()),
        text("dsTransactionId", results.ds_transaction_id.as_str()),
        text("cavv", results.cryptogram.expose()),
        text("eci", results.eci.as_str()),
    ];
    node("info3DSecure", members)
}

fn shopper(request: &Authorize) -> Member<'_> {
    let Browser { accept, user_agent, .. } = &request.browser;
    let browser = [optional("acceptHeader", accept.as_deref()), optional("userAgentHeader", user_agent.as_deref())];
    let email = optional("shopperEmailAddress", request.customer.email.as_deref());
    let id = match &request.method {
        Method::Mandate(mandate) => mandate.part("shopper").map(str::to_owned),
        _ => request.store.then(|| shopper_id(request.customer.id.as_deref().unwrap_or(&request.reference))),
    };
    node("shopper", [email, optional("authenticatedShopperID", id), node("browser", browser)])
}

/// The id that a shopper's tokens belong to: `id`, or its SHA-256 in hex where the gateway takes it not.
fn shopper_id(id: &str) -> String {
    let fits = id.len() <= 64 && !id.starts_with('_') && id.bytes().all(|byte| byte.is_ascii_graphic());
    if fits { id.to_owned() } else { hex::encode(digest::sha256(id.as_bytes())) }
}

/// What 3DS Flex asks for; without a device data collection the browser counts as one without JavaScript.
fn flex(request: &Authorize) -> Member<'_> {
    let preference = match &request.three_ds {
        _ if !matches!(request.method, Method::Card(_)) => return None,
        ThreeDs::External(_) => return None,
        ThreeDs::Auto if request.browser.user_agent.is_none() => return None,
        ThreeDs::Auto => "noPreference",
        ThreeDs::Challenge => "challengeRequested",
        ThreeDs::Never => "noChallengeRequested",
    };
    let collected = request.order.metadata.iter().find(|(name, _)| name == "dfReferenceId");
    let members = [
        optional("@dfReferenceId", collected.map(|(_, value)| value.as_str())),
        optional("@javaScriptEnabled", collected.is_none().then_some("false")),
        text("@challengeWindowSize", "fullPage"),
        text("@challengePreference", preference),
    ];
    node("additional3DSData", members)
}

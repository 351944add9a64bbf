//! The gateway's JSON: what is sent.

use std::borrow::Cow;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use quittance::body::{Json, Member, flag, list, node, object, optional, text};
use quittance::*;

use crate::codes;

/// `FID=COMMON.APPLE.INAPP.PAYMENT` in base64: says that the sealed data is Apple Pay's.
const APPLE_PAY: &str = "RklEPUNPTU1PTi5BUFBMRS5JTkFQUC5QQVlNRU5U";

/// An action of the payer authentication within a payment, and what it is told.
pub(crate) type Authentication<'a> = (&'static str, Vec<Member<'a>>);

/// The body of `POST /pts/v2/payments`. An amount of nothing stores the card and takes no money.
pub(crate) fn payment<'a>(request: &'a Authorize, authentication: Option<Authentication<'a>>) -> Result<Json<'a>> {
    let Authorize { method, customer, order, .. } = request;
    let (indicator, proof) = proof(method, &request.three_ds)?;
    let solution = match (method.family(), source(method)) {
        (Family::ApplePay, _) | (_, Some(TokenSource::ApplePay)) => Some("001"),
        (Family::GooglePay, _) | (_, Some(TokenSource::GooglePay)) => Some("012"),
        (_, Some(TokenSource::SamsungPay)) => Some("008"),
        _ => None,
    };
    let tokens = if request.store { &["customer", "paymentInstrument"][..] } else { &[] };
    let challenges = authentication.is_some();
    let (action, told) = authentication.unzip();
    let actions = request.store.then_some("TOKEN_CREATE").into_iter().chain(action);
    let processing = node(
        "processingInformation",
        [
            flag("capture", request.capture == CaptureMode::Automatic && request.amount.minor() > 0),
            optional("commerceIndicator", series(request.initiator).or(indicator)),
            optional("paymentSolution", solution),
            words("actionList", actions),
            words("actionTokenTypes", tokens.iter().copied()),
            node("authorizationOptions", [initiator(request)]),
        ],
    );
    let bill_to = node("billTo", bill_to(request));
    let ship_to = order.shipping.iter().flat_map(|address| postal(address));
    Ok(object([
        reference(&request.reference),
        processing,
        instrument(method)?,
        node("orderInformation", [amount("totalAmount", &request.amount), bill_to, node("shipTo", ship_to)]),
        node("buyerInformation", [optional("merchantCustomerID", customer.id.as_deref())]),
        node("deviceInformation", device(&request.browser, challenges)),
        merchant(order),
        node("consumerAuthenticationInformation", proof.into_iter().chain(told.into_iter().flatten())),
    ]))
}

/// How the merchant is named to the customer's bank.
pub(crate) fn merchant(order: &Order) -> Member<'_> {
    node("merchantInformation", [node("merchantDescriptor", [optional("name", order.descriptor.as_deref())])])
}

/// A list of texts.
pub(crate) fn words<'a>(name: &'a str, words: impl IntoIterator<Item = impl Into<Cow<'a, str>>>) -> Member<'a> {
    list(name, words.into_iter().map(|word| Json::Text(word.into())))
}

/// The merchant's reference of a request.
pub(crate) fn reference(code: &str) -> Member<'_> {
    node("clientReferenceInformation", [text("code", code)])
}

/// An amount under the name that the service has for it.
pub(crate) fn amount<'a>(name: &'a str, money: &Money) -> Member<'a> {
    node("amountDetails", [text(name, money.major()), text("currency", money.currency().code())])
}

/// What a follow-on service is asked: `group` holds the amount.
pub(crate) fn follow_on<'a>(code: &'a str, group: &'a str, money: &Money) -> Json<'a> {
    object([reference(code), node(group, [amount("totalAmount", money)])])
}

/// Merchant-initiated payments are told apart by the indicator too.
fn series(initiator: Initiator) -> Option<&'static str> {
    match initiator {
        Initiator::Merchant(MitCategory::Recurring) => Some("recurring"),
        Initiator::Merchant(MitCategory::Installment) => Some("install"),
        Initiator::Merchant(MitCategory::Unscheduled) => Some("internet"),
        Initiator::Customer => None,
    }
}

fn initiator(request: &Authorize) -> Member<'_> {
    let stored = matches!(request.method, Method::Mandate(_));
    let merchant = matches!(request.initiator, Initiator::Merchant(_));
    let who = if merchant { Some("merchant") } else { stored.then_some("customer") };
    let first = optional("previousTransactionId", request.network_transaction_id.as_deref().filter(|_| merchant));
    node(
        "initiator",
        [
            optional("type", who),
            flag("credentialStoredOnFile", request.store.then_some(true)),
            flag("storedCredentialUsed", (stored || merchant).then_some(true)),
            node("merchantInitiatedTransaction", [first]),
        ],
    )
}

fn instrument(method: &Method) -> Result<Member<'_>> {
    let members = match method {
        Method::Card(card) => vec![node("card", numbered(&card.number, &card.expiry, card.cvc.as_ref()))],
        Method::NetworkToken(token) => {
            // The network's own cryptogram goes with the authentication, a wallet's with the token.
            let wallet = token.cryptogram.as_ref().filter(|_| token.source != TokenSource::Network);
            let more = [optional("cryptogram", wallet.map(|proof| proof.expose())), text("transactionType", "1")];
            vec![node("tokenizedCard", numbered(&token.number, &token.expiry, None).into_iter().chain(more))]
        }
        Method::ApplePay(pay) => {
            let sealed = STANDARD.encode(pay.payment_data.expose());
            let sealed = [text("value", sealed), text("descriptor", APPLE_PAY), text("encoding", "Base64")];
            vec![node("fluidData", sealed), node("tokenizedCard", [text("transactionType", "1")])]
        }
        Method::GooglePay(pay) => vec![node("fluidData", [text("value", STANDARD.encode(pay.token.expose()))])],
        Method::Mandate(handle) => {
            let customer = handle.part("customer").map(|id| node("customer", [text("id", id)]));
            vec![customer.flatten(), node("paymentInstrument", [text("id", handle.id())])]
        }
        Method::CardToken(token) => return Ok(node("tokenInformation", [text("transientTokenJwt", token.expose())])),
        other => return Err(Error::unsupported_variant(other.family())),
    };
    Ok(node("paymentInformation", members))
}

pub(crate) fn numbered<'a>(number: &'a Pan, expiry: &Expiry, cvc: Option<&'a Cvc>) -> [Member<'a>; 5] {
    [
        text("number", number.expose()),
        text("expirationMonth", expiry.month2()),
        text("expirationYear", expiry.year().to_string()),
        optional("type", codes::card_type(number.brand())),
        optional("securityCode", cvc.map(|cvc| cvc.expose())),
    ]
}

fn source(method: &Method) -> Option<TokenSource> {
    match method {
        Method::NetworkToken(token) => Some(token.source),
        _ => None,
    }
}

/// The indicator of an authenticated payment, and what proves it.
type Proof<'a> = (Option<&'static str>, Vec<Member<'a>>);

/// Mastercard has fields of its own for the cryptogram. A network token counts as authenticated: its cryptogram is that of the network.
fn proof<'a>(method: &'a Method, three_ds: &'a ThreeDs) -> Result<Proof<'a>> {
    let (number, eci, cryptogram, more) = match (method, three_ds) {
        (Method::Card(card), ThreeDs::External(done)) => {
            let directory = text("directoryServerTransactionId", &done.ds_transaction_id);
            let more = [directory, text("paSpecificationVersion", &done.version)];
            (&card.number, Some(done.eci.as_str()), &done.cryptogram, more)
        }
        (Method::Card(_), _) | (Method::CardToken(_), ThreeDs::Challenge) => return Ok((None, Vec::new())),
        (_, ThreeDs::External(_) | ThreeDs::Challenge) => {
            return Err(Error::unsupported_variant("3-D Secure of anything but a card"));
        }
        (Method::NetworkToken(token), _) if token.source == TokenSource::Network => match &token.cryptogram {
            Some(own) => (&token.number, token.eci.as_deref(), own, [None, None]),
            None => return Ok((None, Vec::new())),
        },
        _ => return Ok((None, Vec::new())),
    };
    let brand = number.brand();
    let authenticated = if brand == Brand::Mastercard { "02" } else { "05" };
    let stated = eci.unwrap_or(authenticated);
    let indicator = codes::commerce_indicator(brand, stated);
    let unknown = || Error::unsupported_variant("authentication of this brand with this indicator");
    let indicator = Some(indicator.ok_or_else(unknown)?);
    let mut members = vec![optional("eciRaw", eci)];
    if brand == Brand::Mastercard {
        let collected = if stated == "02" { "2" } else { "1" };
        members
            .extend([text("ucafAuthenticationData", cryptogram.expose()), text("ucafCollectionIndicator", collected)]);
    } else {
        members.push(text("cavv", cryptogram.expose()));
    }
    members.extend(more);
    Ok((indicator, members))
}

pub(crate) fn bill_to(request: &Authorize) -> impl Iterator<Item = Member<'_>> {
    person(&request.customer).into_iter().chain(postal(&request.billing))
}

/// A person's name, and how they are reached.
pub(crate) fn person(person: &Customer) -> [Member<'_>; 4] {
    [
        optional("firstName", person.first_name.as_deref()),
        optional("lastName", person.last_name.as_deref()),
        optional("email", person.email.as_deref()),
        optional("phoneNumber", person.phone.as_deref()),
    ]
}

/// What is known of the customer's device; for a challenge also what a hidden frame would have found out.
fn device(browser: &Browser, challenges: bool) -> Vec<Member<'_>> {
    let mut members =
        vec![optional("ipAddress", browser.ip.as_deref()), optional("userAgent", browser.user_agent.as_deref())];
    if challenges {
        members.extend([
            optional("userAgentBrowserValue", browser.user_agent.as_deref()),
            optional("httpAcceptContent", browser.accept.as_deref()),
            optional("httpBrowserLanguage", browser.language.as_deref()),
            flag("httpBrowserJavaEnabled", browser.java),
            // The screen is known from a script.
            flag("httpBrowserJavaScriptEnabled", browser.screen_width.map(|_| true)),
            optional("httpBrowserColorDepth", browser.color_depth.map(|bits| bits.to_string())),
            optional("httpBrowserScreenHeight", browser.screen_height.map(|pixels| pixels.to_string())),
            optional("httpBrowserScreenWidth", browser.screen_width.map(|pixels| pixels.to_string())),
            optional("httpBrowserTimeDifference", browser.time_zone_offset_minutes.map(|minutes| minutes.to_string())),
        ]);
    }
    members
}

fn postal(address: &Address) -> [Member<'_>; 6] {
    [
        optional("address1", address.line1.as_deref()),
        optional("address2", address.line2.as_deref()),
        optional("locality", address.city.as_deref()),
        optional("administrativeArea", address.state.as_deref()),
        optional("postalCode", address.postal_code.as_deref()),
        optional("country", address.country.as_deref()),
    ]
}

//! Members of requests, in the schema's order.

use quittance::body::{Member, node, optional, text};
use quittance::*;

use crate::WorldpayCnp;

/// The members of a sale or authorization.
pub(crate) fn payment(request: &Authorize) -> Result<Vec<Member<'_>>> {
    let (method, source) = method(&request.method, None)?;
    let (source, authentication) = authentication(request, source)?;
    let stored = match &request.method {
        Method::Mandate(mandate) => mandate.part("network"),
        _ => None,
    };
    let (source, processing) = match (request.initiator, stored_before(request)) {
        (Initiator::Merchant(MitCategory::Recurring), _) => ("recurring", None),
        (Initiator::Merchant(MitCategory::Installment), _) => ("installment", None),
        (Initiator::Merchant(MitCategory::Unscheduled), _) => (source, Some("merchantInitiatedCOF")),
        (Initiator::Customer, true) => (source, Some("cardholderInitiatedCOF")),
        (Initiator::Customer, false) => (source, request.store.then_some("initialCOF")),
    };
    let merchant = matches!(request.initiator, Initiator::Merchant(_));
    let first = request.network_transaction_id.as_deref().or(stored).filter(|_| merchant);
    Ok(vec![
        text("orderId", request.reference.as_str()),
        text("amount", WorldpayCnp::SPEC.minor(&request.amount)?.to_string()),
        text("orderSource", source),
        address("billToAddress", Some(&request.customer), &request.billing),
        request.order.shipping.as_ref().and_then(|shipping| address("shipToAddress", None, shipping)),
        method,
        authentication,
        node("customBilling", [optional("descriptor", request.order.descriptor.as_deref())]),
        optional("processingType", processing),
        optional("originalNetworkTransactionId", first),
    ])
}

/// The members of an eCheck sale: a debit of a bank account. Verification wants the first and the last name.
pub(crate) fn debit<'a>(request: &'a Authorize, account: &'a BankAccount, verify: bool) -> Result<Vec<Member<'a>>> {
    if request.capture == CaptureMode::Manual || request.store {
        return Err(Error::unsupported_variant("reserving money of a bank account, or storing it"));
    }
    let routing = account.routing.as_deref();
    let routing =
        routing.ok_or_else(|| Error::invalid("method.account.routing", "a debit needs the routing number"))?;
    let kind = match account.kind {
        BankAccountKind::Checking => "Checking",
        BankAccountKind::Savings => "Savings",
        BankAccountKind::Business => "Corporate",
    };
    let account = [text("accType", kind), text("accNum", account.number.expose()), text("routingNum", routing)];
    let Customer { first_name, last_name, .. } = &request.customer;
    let short = |name: &Option<String>| name.as_ref().map(|name| name.chars().take(25).collect::<String>());
    let name = [optional("firstName", short(first_name)), optional("lastName", short(last_name))];
    Ok(vec![
        text("orderId", request.reference.as_str()),
        optional("verify", verify.then_some("true")),
        text("amount", WorldpayCnp::SPEC.minor(&request.amount)?.to_string()),
        text("orderSource", "ecommerce"),
        node("billToAddress", name.into_iter().chain(postal(Some(&request.customer), &request.billing))),
        node("echeck", account),
        node("customBilling", [optional("descriptor", request.order.descriptor.as_deref())]),
    ])
}

/// The members of a token's registration.
pub(crate) fn token(request: &SetUp) -> Result<[Member<'_>; 2]> {
    match &request.method {
        Method::Card(card) => {
            Ok([text("orderId", request.reference.as_str()), text("accountNumber", card.number.expose())])
        }
        other => Err(Error::unsupported_variant(format_args!("storing {}", other.family()))),
    }
}

/// The members of the authorization of nothing that asks the issuer about a registered card.
pub(crate) fn trial<'a>(request: &'a SetUp, registered: &'a str) -> Result<Vec<Member<'a>>> {
    let (method, source) = method(&request.method, Some(registered))?;
    let processing = match request.usage {
        Some(MitCategory::Recurring) => "initialRecurring",
        Some(MitCategory::Installment) => "initialInstallment",
        Some(MitCategory::Unscheduled) | None => "initialCOF",
    };
    Ok(vec![
        text("orderId", request.reference.as_str()),
        text("amount", "0"),
        text("orderSource", source),
        address("billToAddress", Some(&request.customer), &request.billing),
        method,
        text("processingType", processing),
    ])
}

/// The handle of a token, with what later payments have to name.
pub(crate) fn mandate(token: &str, method: &Method, network: Option<&str>) -> Handle {
    let expiry = match method {
        Method::Card(card) => Some(card.expiry.mmyy()),
        Method::NetworkToken(token) => Some(token.expiry.mmyy()),
        Method::Mandate(earlier) => earlier.part("expiry").map(str::to_owned),
        _ => None,
    };
    Handle::new(token).with_some("expiry", expiry).with_some("network", network)
}

/// `text` if it has at most 36 characters, else the first 36 hex digits of its SHA-256.
pub(crate) fn short(text: &str) -> String {
    match text.len() <= 36 {
        true => text.to_owned(),
        false => hex::encode(digest::sha256(text.as_bytes())).chars().take(36).collect(),
    }
}

fn stored_before(request: &Authorize) -> bool {
    matches!(request.method, Method::Mandate(_))
}

/// The method's element, and the order source that belongs to it. A card that is `registered` goes by its token.
fn method<'a>(method: &'a Method, registered: Option<&'a str>) -> Result<(Member<'a>, &'static str)> {
    Ok(match (method, registered) {
        (Method::Card(card), Some(token)) => {
            let code = optional("cardValidationNum", card.cvc.as_ref().map(Cvc::expose));
            (node("token", [text("cnpToken", token), text("expDate", card.expiry.mmyy()), code]), "ecommerce")
        }
        (Method::Card(card), None) => {
            let code = optional("cardValidationNum", card.cvc.as_ref().map(Cvc::expose));
            (plain_card(&card.number, card.expiry, code)?, "ecommerce")
        }
        (Method::NetworkToken(token), _) => {
            let source = match token.source {
                TokenSource::ApplePay => "applepay",
                TokenSource::GooglePay => "androidpay",
                TokenSource::Network => "ecommerce",
                TokenSource::SamsungPay => return Err(Error::unsupported_variant("a Samsung Pay token")),
            };
            (plain_card(&token.number, token.expiry, None)?, source)
        }
        (Method::ApplePay(token), _) => (apple_pay(token)?, "applepay"),
        (Method::Mandate(mandate), _) => {
            let members = [text("cnpToken", mandate.id()), optional("expDate", mandate.part("expiry"))];
            (node("token", members), "ecommerce")
        }
        (other, _) => return Err(Error::unsupported_variant(other.family())),
    })
}

fn plain_card<'a>(number: &'a Pan, expiry: Expiry, code: Member<'a>) -> Result<Member<'a>> {
    let kind = match number.brand() {
        Brand::Visa => "VI",
        Brand::Mastercard => "MC",
        Brand::Amex => "AX",
        Brand::Discover => "DI",
        Brand::Diners => "DC",
        Brand::Jcb => "JC",
        _ => return Err(Error::invalid("method", "the card brand is not one that the provider takes")),
    };
    Ok(node("card", [text("type", kind), text("number", number.expose()), text("expDate", expiry.mmyy()), code]))
}

/// The parts of the token as the device gave them.
fn apple_pay(token: &ApplePay) -> Result<Member<'static>> {
    let ApplePayParts { data, signature, version, header } = token.parts()?;
    let header = node(
        "header",
        [
            optional("applicationData", header.application_data),
            text("ephemeralPublicKey", header.ephemeral_public_key),
            text("publicKeyHash", header.public_key_hash),
            text("transactionId", header.transaction_id),
        ],
    );
    Ok(node("applepay", [text("data", data), header, text("signature", signature), text("version", version)]))
}

/// What proves the cardholder: the wallet's or network's cryptogram, or the results of 3-D Secure. The indicator of the latter
/// is the order source: 05 (Visa, American Express, Discover) and 02 (Mastercard) are authenticated, the rest attempted.
fn authentication<'a>(request: &'a Authorize, source: &'static str) -> Result<(&'static str, Member<'a>)> {
    let address = optional("customerIpAddress", request.browser.ip.as_deref());
    let none = None::<&str>;
    let (source, value, transaction, version, token_value) = match (&request.three_ds, &request.method) {
        (ThreeDs::Challenge, _) => return Err(Error::unsupported_variant("a 3-D Secure challenge")),
        (ThreeDs::External(results), _) => {
            let source = match results.eci.trim_start_matches('0') {
                "5" | "2" => "3dsAuthenticated",
                _ => "3dsAttempted",
            };
            let version = results.version.split('.').next();
            (source, Some(&results.cryptogram), Some(results.ds_transaction_id.as_str()), version, None)
        }
        (_, Method::NetworkToken(token)) if token.source == TokenSource::Network => {
            (source, None, none, none, token.cryptogram.as_ref())
        }
        (_, Method::NetworkToken(token)) => (source, token.cryptogram.as_ref(), none, none, None),
        _ => (source, None, none, none, None),
    };
    let members = [
        optional("authenticationValue", value.map(Cryptogram::expose)),
        optional("authenticationTransactionId", transaction),
        address,
        optional("authenticationProtocolVersion", version),
        optional("tokenAuthenticationValue", token_value.map(Cryptogram::expose)),
    ];
    Ok((source, node("cardholderAuthentication", members)))
}

fn address<'a>(name: &'a str, customer: Option<&'a Customer>, address: &'a Address) -> Member<'a> {
    let full = optional("name", customer.and_then(Customer::full_name));
    node(name, [full].into_iter().chain(postal(customer, address)))
}

fn postal<'a>(customer: Option<&'a Customer>, address: &'a Address) -> [Member<'a>; 8] {
    let line = |line: &Option<String>| line.as_ref().map(|line| line.chars().take(35).collect::<String>());
    [
        optional("addressLine1", line(&address.line1)),
        optional("addressLine2", line(&address.line2)),
        optional("city", line(&address.city)),
        optional("state", address.state.as_deref()),
        optional("zip", address.postal_code.as_deref()),
        optional("country", address.country.as_deref()),
        optional("email", customer.and_then(|customer| customer.email.as_deref())),
        optional("phone", customer.and_then(|customer| customer.phone.as_deref())),
    ]
}

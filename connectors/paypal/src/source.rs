//! Request bodies: what is asked, in PayPal's words. Members that are absent are left out.

use quittance::body::{Json, Member, list, node, object, optional, text};
use quittance::*;

/// PayPal takes the money itself once the customer has approved.
pub(crate) const COMPLETE_ON_APPROVAL: &str = "ORDER_COMPLETE_ON_PAYMENT_APPROVAL";

pub(crate) fn amount(spec: &Spec, amount: &Money) -> Result<[Member<'static>; 2]> {
    Ok([text("currency_code", amount.currency().code()), text("value", spec.major(amount)?)])
}

pub(crate) fn order<'a>(spec: &Spec, request: &'a Authorize) -> Result<Json<'a>> {
    let bank = request.method.family() == Family::BankRedirect;
    if bank && request.capture == CaptureMode::Manual {
        return Err(Error::unsupported_variant("manual capture of a bank redirect"));
    }
    let total = amount(spec, &request.amount)?;
    let item = |line: &'a LineItem| {
        let quantity = text("quantity", line.quantity.to_string());
        let price = node("unit_amount", amount(spec, &line.unit_amount)?);
        Ok(object([text("name", &line.name), quantity, price, optional("sku", line.sku.as_deref())]))
    };
    let items = request.order.line_items.iter().map(item).collect::<Result<Vec<_>>>()?;
    let breakdown = (!items.is_empty()).then(|| node("breakdown", [node("item_total", total.clone())])).flatten();
    let unit = object([
        text("custom_id", &request.reference),
        node("amount", total.into_iter().chain([breakdown])),
        optional("description", request.order.description.as_deref()),
        optional("soft_descriptor", request.order.descriptor.as_deref()),
        list("items", items),
        node("shipping", [request.order.shipping.as_ref().and_then(|to| address("address", to))]),
    ]);
    Ok(object([
        text("intent", intent(request.capture)),
        optional("processing_instruction", bank.then_some(COMPLETE_ON_APPROVAL)),
        list("purchase_units", [unit]),
        node("payment_source", [source(spec, request)?]),
    ]))
}

/// An order without a payment source, for PayPal's JavaScript SDK.
pub(crate) fn session<'a>(spec: &Spec, request: &'a OpenSession) -> Result<Json<'a>> {
    let unit = object([text("custom_id", &request.reference), node("amount", amount(spec, &request.amount)?)]);
    Ok(object([text("intent", intent(request.capture)), list("purchase_units", [unit])]))
}

fn intent(capture: CaptureMode) -> &'static str {
    if capture == CaptureMode::Manual { "AUTHORIZE" } else { "CAPTURE" }
}

/// PayPal takes no address without its country.
fn address<'a>(name: &'a str, address: &'a Address) -> Member<'a> {
    let country = address.country.as_deref()?;
    let members = [
        optional("address_line_1", address.line1.as_deref()),
        optional("address_line_2", address.line2.as_deref()),
        optional("admin_area_2", address.city.as_deref()),
        optional("admin_area_1", address.state.as_deref()),
        optional("postal_code", address.postal_code.as_deref()),
        text("country_code", country),
    ];
    node(name, members)
}

/// Where the customer comes back to, whatever they did.
fn ways_back<'a>(url: Option<&'a str>) -> [Member<'a>; 2] {
    [optional("return_url", url), optional("cancel_url", url)]
}

fn source<'a>(spec: &Spec, request: &'a Authorize) -> Result<Member<'a>> {
    let (url, vault) = (request.return_url.as_deref(), request.store.then_some("ON_SUCCESS"));
    let way_back = || Error::invalid("return_url", "the customer is sent to another page and needs a way back");
    Ok(match &request.method {
        Method::Card(_) if matches!(request.three_ds, ThreeDs::External(_)) => {
            return Err(Error::unsupported_variant("3-D Secure done elsewhere"));
        }
        Method::Card(typed) => {
            let card = card(typed, request.initiator == Initiator::Customer, &request.billing);
            let sca = matches!(request.three_ds, ThreeDs::Challenge).then_some("SCA_ALWAYS");
            let vault = node("vault", [optional("store_in_vault", vault)]);
            let more = [
                node("attributes", [vault, node("verification", [optional("method", sca)])]),
                stored_credential(request),
                node("experience_context", ways_back(url)),
            ];
            node("card", card.into_iter().chain(more))
        }
        Method::NetworkToken(token) => network_token(spec, request, token)?,
        Method::WalletRedirect { .. } => {
            let url = url.ok_or_else(way_back)?;
            let ships = request.order.shipping.as_ref().is_some_and(|address| address.country.is_some());
            let vault = [optional("store_in_vault", vault), optional("usage_type", vault.map(|_| "MERCHANT"))];
            let shipping = if ships { "SET_PROVIDED_ADDRESS" } else { "NO_SHIPPING" };
            let experience = [text("user_action", "PAY_NOW"), text("shipping_preference", shipping)];
            let experience = ways_back(Some(url)).into_iter().chain(experience);
            let members = [node("attributes", [node("vault", vault)]), node("experience_context", experience)];
            node("paypal", members)
        }
        Method::BankRedirect { brand, .. } => {
            let url = url.ok_or_else(way_back)?;
            let missing = |field| Error::invalid(field, "the customer's name and country are needed");
            let country = request.billing.country.as_deref().ok_or_else(|| missing("billing.country"))?;
            let members = [
                text("name", request.customer.full_name().ok_or_else(|| missing("customer"))?),
                text("country_code", country),
                // Only Przelewy24 knows the member, and demands it.
                optional("email", request.customer.email.as_deref().filter(|_| brand == "p24")),
                node("experience_context", ways_back(Some(url))),
            ];
            node(brand, members)
        }
        Method::Mandate(handle) => {
            let members = [text("vault_id", handle.id()), stored_credential(request)];
            node(handle.part("source").unwrap_or("card"), members)
        }
        other => return Err(Error::unsupported_variant(other.family())),
    })
}

/// "This parameter [security_code] cannot be present in the request when payment_initiator=MERCHANT."
fn card<'a>(card: &'a Card, with_code: bool, billing: &'a Address) -> [Member<'a>; 5] {
    [
        optional("name", card.holder.as_deref()),
        text("number", card.number.expose()),
        text("expiry", expiry(&card.expiry)),
        optional("security_code", card.cvc.as_ref().filter(|_| with_code).map(Cvc::expose)),
        address("billing_address", billing),
    ]
}

fn expiry(expiry: &Expiry) -> String {
    format!("{}-{}", expiry.year(), expiry.month2())
}

/// A network's own token is a card; tokens out of wallets have sources of their own.
fn network_token<'a>(spec: &Spec, request: &'a Authorize, token: &'a NetworkToken) -> Result<Member<'a>> {
    let cryptogram = || optional("cryptogram", token.cryptogram.as_ref().map(Cryptogram::expose));
    let name = optional("name", token.holder.as_deref());
    let indicator = optional("eci_indicator", token.eci.as_deref());
    let number = || [text("number", token.number.expose()), text("expiry", expiry(&token.expiry))];
    Ok(match token.source {
        TokenSource::Network => {
            let flag = optional("eci_flag", token.eci.as_deref().and_then(eci_flag));
            let token = node("network_token", number().into_iter().chain([cryptogram(), flag]));
            node("card", [name, address("billing_address", &request.billing), token, stored_credential(request)])
        }
        TokenSource::ApplePay => {
            let decrypted = [
                node("transaction_amount", amount(spec, &request.amount)?),
                node("tokenized_card", number()),
                text("payment_data_type", "3DSECURE"),
                node("payment_data", [cryptogram(), indicator]),
            ];
            node("apple_pay", [name, node("decrypted_token", decrypted)])
        }
        TokenSource::GooglePay => {
            let method = if token.cryptogram.is_some() { "CRYPTOGRAM_3DS" } else { "PAN_ONLY" };
            let decrypted = [
                text("payment_method", "CARD"),
                text("authentication_method", method),
                node("card", number()),
                cryptogram(),
                indicator,
            ];
            node("google_pay", [name, node("decrypted_token", decrypted)])
        }
        TokenSource::SamsungPay => return Err(Error::unsupported_variant("a Samsung Pay token")),
    })
}

/// PayPal's name for an electronic commerce indicator; 00 to 02 are Mastercard's.
fn eci_flag(eci: &str) -> Option<String> {
    let outcome = match eci {
        "02" | "05" => "FULLY_AUTHENTICATED",
        "01" | "06" => "ATTEMPTED_AUTHENTICATION",
        "00" | "07" => "NON_3D_SECURE",
        _ => return None,
    };
    Some(format!("{}{outcome}_TRANSACTION", if eci < "03" { "MASTERCARD_" } else { "" }))
}

/// Which payment of a series it is; a single payment has none. The wallet knows no payment type.
fn stored_credential(request: &Authorize) -> Member<'_> {
    let (mandate, wallet) = match &request.method {
        Method::Mandate(handle) => (true, handle.part("source") == Some("paypal")),
        _ => (false, false),
    };
    let (initiator, kind) = match request.initiator {
        Initiator::Merchant(MitCategory::Unscheduled) => ("MERCHANT", "UNSCHEDULED"),
        Initiator::Merchant(_) => ("MERCHANT", "RECURRING"),
        Initiator::Customer if mandate => ("CUSTOMER", "ONE_TIME"),
        Initiator::Customer if request.store => ("CUSTOMER", "UNSCHEDULED"),
        Initiator::Customer => return None,
    };
    let earlier = request.network_transaction_id.as_deref().filter(|_| initiator == "MERCHANT" && !wallet);
    let members = [
        text("payment_initiator", initiator),
        optional("payment_type", Some(kind).filter(|_| !wallet)),
        text("usage", if mandate || initiator == "MERCHANT" { "SUBSEQUENT" } else { "FIRST" }),
        node("previous_network_transaction_reference", [optional("id", earlier)]),
    ];
    node("stored_credential", members)
}

pub(crate) fn setup(request: &SetUp) -> Result<Json<'_>> {
    let Method::Card(typed) = &request.method else { return Err(Error::unsupported_variant(request.method.family())) };
    let always = matches!(request.three_ds, ThreeDs::Challenge);
    let more = [
        text("verification_method", if always { "SCA_ALWAYS" } else { "SCA_WHEN_REQUIRED" }),
        node("experience_context", ways_back(request.return_url.as_deref())),
    ];
    let source = node("card", card(typed, true, &request.billing).into_iter().chain(more));
    Ok(object([node("payment_source", [source])]))
}

pub(crate) fn payout<'a>(spec: &Spec, request: &'a PayOut, account: &'a str) -> Result<Json<'a>> {
    let kind = match account {
        address if address.contains('@') => "EMAIL",
        number if number.starts_with('+') => "PHONE",
        _ => "PAYPAL_ID",
    };
    let amount = [text("currency", request.amount.currency().code()), text("value", spec.major(&request.amount)?)];
    let item = object([
        text("recipient_type", kind),
        text("receiver", account),
        node("amount", amount),
        text("sender_item_id", &request.reference),
        optional("note", request.description.as_deref()),
    ]);
    // "PayPal does not process duplicate payouts": this id guards for 30 days.
    let header = node("sender_batch_header", [text("sender_batch_id", request.key.as_str())]);
    Ok(object([header, list("items", [item])]))
}

/// The content type of [`evidence`].
pub(crate) const MULTIPART: &str = "multipart/form-data; boundary=quittance-evidence";

/// The body of `provide-evidence`: one part `input`. Its JSON has no line break, so the boundary cannot occur in it.
pub(crate) fn evidence(evidence: &Evidence) -> Result<String> {
    if !evidence.documents.is_empty() {
        return Err(Error::unsupported_variant("evidence with documents"));
    }
    let number = evidence.tracking_number.as_deref();
    // Carriers that PayPal lists have names of their own; the free name serves every one, and is demanded then.
    let (listed, free) =
        (number.map(|_| "OTHER"), number.map(|_| evidence.carrier.as_deref().unwrap_or("unspecified")));
    let tracking = object([
        optional("carrier_name", listed),
        optional("carrier_name_other", free),
        optional("tracking_number", number),
    ]);
    let kind = if number.is_some() { "PROOF_OF_FULFILLMENT" } else { "OTHER" };
    let one = object([
        node("evidence_info", [list("tracking_info", [tracking])]),
        text("evidence_type", kind),
        text("notes", &evidence.explanation),
    ]);
    let unwritable = |_| Error::invalid("answer", "the evidence cannot be written as JSON");
    let input = serde_json::to_string(&object([list("evidences", [one])])).map_err(unwritable)?;
    let part = "content-disposition: form-data; name=\"input\"\r\ncontent-type: application/json";
    Ok(format!("--quittance-evidence\r\n{part}\r\n\r\n{input}\r\n--quittance-evidence--\r\n"))
}

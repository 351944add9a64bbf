//! Request bodies: what is asked, in PayPal's words. Members that are null are left out when they are sent.

use quittance::*;
use serde_json::{Value, json};

/// PayPal takes the money itself once the customer has approved.
pub(crate) const COMPLETE_ON_APPROVAL: &str = "ORDER_COMPLETE_ON_PAYMENT_APPROVAL";

/// A body without its null members, and without the objects and lists that are empty then; the body itself stays.
pub(crate) fn pruned(body: Value) -> Value {
    let absent = |part: &Value| match part {
        Value::Object(members) => members.is_empty(),
        Value::Array(items) => items.is_empty(),
        other => other.is_null(),
    };
    match body {
        Value::Object(members) => {
            let members = members.into_iter().map(|(name, member)| (name, pruned(member)));
            Value::Object(members.filter(|(_, member)| !absent(member)).collect())
        }
        Value::Array(items) => items.into_iter().map(pruned).filter(|item| !absent(item)).collect(),
        other => other,
    }
}

pub(crate) fn amount(spec: &Spec, amount: &Money) -> Result<Value> {
    Ok(json!({ "currency_code": amount.currency().code(), "value": spec.major(amount)? }))
}

pub(crate) fn order(spec: &Spec, request: &Authorize) -> Result<Value> {
    let bank = request.method.family() == Family::BankRedirect;
    if bank && request.capture == CaptureMode::Manual {
        return Err(Error::unsupported_variant("manual capture of a bank redirect"));
    }
    let mut total = amount(spec, &request.amount)?;
    let item = |line: &LineItem| {
        let price = amount(spec, &line.unit_amount)?;
        Ok(json!({ "name": line.name, "quantity": line.quantity.to_string(), "unit_amount": price, "sku": line.sku }))
    };
    let items = request.order.line_items.iter().map(item).collect::<Result<Vec<_>>>()?;
    if !items.is_empty() {
        total["breakdown"] = json!({ "item_total": total.clone() });
    }
    Ok(json!({
        "intent": intent(request.capture), "processing_instruction": bank.then_some(COMPLETE_ON_APPROVAL),
        "purchase_units": [{
            "custom_id": request.reference, "amount": total,
            "description": request.order.description, "soft_descriptor": request.order.descriptor,
            "items": items,
            "shipping": { "address": request.order.shipping.as_ref().map(address) },
        }],
        "payment_source": source(spec, request)?,
    }))
}

/// An order without a payment source, for PayPal's JavaScript SDK.
pub(crate) fn session(spec: &Spec, request: &OpenSession) -> Result<Value> {
    let unit = json!({ "custom_id": request.reference, "amount": amount(spec, &request.amount)? });
    Ok(json!({ "intent": intent(request.capture), "purchase_units": [unit] }))
}

fn intent(capture: CaptureMode) -> &'static str {
    if capture == CaptureMode::Manual { "AUTHORIZE" } else { "CAPTURE" }
}

/// PayPal takes no address without its country.
fn address(address: &Address) -> Value {
    address.country.as_ref().map_or(Value::Null, |country| {
        json!({
            "address_line_1": address.line1, "address_line_2": address.line2,
            "admin_area_2": address.city, "admin_area_1": address.state,
            "postal_code": address.postal_code, "country_code": country,
        })
    })
}

fn source(spec: &Spec, request: &Authorize) -> Result<Value> {
    let (url, vault) = (request.return_url.as_deref(), request.store.then_some("ON_SUCCESS"));
    let way_back = || Error::invalid("return_url", "the customer is sent to another page and needs a way back");
    Ok(match &request.method {
        Method::Card(_) if matches!(request.three_ds, ThreeDs::External(_)) => {
            return Err(Error::unsupported_variant("3-D Secure done elsewhere"));
        }
        Method::Card(typed) => {
            let mut source = card(typed, request.initiator == Initiator::Customer, &request.billing);
            let sca = matches!(request.three_ds, ThreeDs::Challenge).then_some("SCA_ALWAYS");
            source["attributes"] = json!({ "vault": { "store_in_vault": vault }, "verification": { "method": sca } });
            source["stored_credential"] = stored_credential(request);
            source["experience_context"] = json!({ "return_url": url, "cancel_url": url });
            json!({ "card": source })
        }
        Method::NetworkToken(token) => network_token(spec, request, token)?,
        Method::WalletRedirect { .. } => {
            let url = url.ok_or_else(way_back)?;
            let ships = request.order.shipping.as_ref().is_some_and(|address| address.country.is_some());
            json!({ "paypal": {
                "attributes": { "vault": { "store_in_vault": vault, "usage_type": vault.map(|_| "MERCHANT") } },
                "experience_context": {
                    "return_url": url, "cancel_url": url, "user_action": "PAY_NOW",
                    "shipping_preference": if ships { "SET_PROVIDED_ADDRESS" } else { "NO_SHIPPING" },
                },
            } })
        }
        Method::BankRedirect { brand, .. } => {
            let url = url.ok_or_else(way_back)?;
            let missing = |field| Error::invalid(field, "the customer's name and country are needed");
            json!({ brand.as_str(): {
                "name": request.customer.full_name().ok_or_else(|| missing("customer"))?,
                "country_code": request.billing.country.as_deref().ok_or_else(|| missing("billing.country"))?,
                // Only Przelewy24 knows the member, and demands it.
                "email": request.customer.email.as_ref().filter(|_| brand == "p24"),
                "experience_context": { "return_url": url, "cancel_url": url },
            } })
        }
        Method::Mandate(handle) => {
            let source = json!({ "vault_id": handle.id(), "stored_credential": stored_credential(request) });
            json!({ handle.part("source").unwrap_or("card"): source })
        }
        other => return Err(Error::unsupported_variant(other.family())),
    })
}

/// "This parameter [security_code] cannot be present in the request when payment_initiator=MERCHANT."
fn card(card: &Card, with_code: bool, billing: &Address) -> Value {
    json!({
        "name": card.holder, "number": card.number.expose(), "expiry": expiry(&card.expiry),
        "security_code": card.cvc.as_ref().filter(|_| with_code).map(Cvc::expose),
        "billing_address": address(billing),
    })
}

fn expiry(expiry: &Expiry) -> String {
    format!("{}-{}", expiry.year(), expiry.month2())
}

/// A network's own token is a card; tokens out of wallets have sources of their own.
fn network_token(spec: &Spec, request: &Authorize, token: &NetworkToken) -> Result<Value> {
    let cryptogram = token.cryptogram.as_ref().map(Cryptogram::expose);
    let (number, expiry, name) = (token.number.expose(), expiry(&token.expiry), token.holder.as_deref());
    Ok(match token.source {
        TokenSource::Network => {
            let flag = token.eci.as_deref().and_then(eci_flag);
            json!({ "card": {
                "name": name,
                "billing_address": address(&request.billing),
                "network_token": { "number": number, "expiry": expiry, "cryptogram": cryptogram, "eci_flag": flag },
                "stored_credential": stored_credential(request),
            } })
        }
        TokenSource::ApplePay => json!({ "apple_pay": { "name": name, "decrypted_token": {
            "transaction_amount": amount(spec, &request.amount)?,
            "tokenized_card": { "number": number, "expiry": expiry },
            "payment_data_type": "3DSECURE",
            "payment_data": { "cryptogram": cryptogram, "eci_indicator": token.eci },
        } } }),
        TokenSource::GooglePay => json!({ "google_pay": { "name": name, "decrypted_token": {
            "payment_method": "CARD",
            "authentication_method": if cryptogram.is_some() { "CRYPTOGRAM_3DS" } else { "PAN_ONLY" },
            "card": { "number": number, "expiry": expiry },
            "cryptogram": cryptogram, "eci_indicator": token.eci,
        } } }),
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
fn stored_credential(request: &Authorize) -> Value {
    let (mandate, wallet) = match &request.method {
        Method::Mandate(handle) => (true, handle.part("source") == Some("paypal")),
        _ => (false, false),
    };
    let (initiator, kind) = match request.initiator {
        Initiator::Merchant(MitCategory::Unscheduled) => ("MERCHANT", "UNSCHEDULED"),
        Initiator::Merchant(_) => ("MERCHANT", "RECURRING"),
        Initiator::Customer if mandate => ("CUSTOMER", "ONE_TIME"),
        Initiator::Customer if request.store => ("CUSTOMER", "UNSCHEDULED"),
        Initiator::Customer => return Value::Null,
    };
    let earlier = request.network_transaction_id.as_ref().filter(|_| initiator == "MERCHANT" && !wallet);
    json!({
        "payment_initiator": initiator,
        "payment_type": Some(kind).filter(|_| !wallet),
        "usage": if mandate || initiator == "MERCHANT" { "SUBSEQUENT" } else { "FIRST" },
        "previous_network_transaction_reference": { "id": earlier },
    })
}

pub(crate) fn setup(request: &SetUp) -> Result<Value> {
    let Method::Card(typed) = &request.method else { return Err(Error::unsupported_variant(request.method.family())) };
    let mut source = card(typed, true, &request.billing);
    let always = matches!(request.three_ds, ThreeDs::Challenge);
    source["verification_method"] = json!(if always { "SCA_ALWAYS" } else { "SCA_WHEN_REQUIRED" });
    source["experience_context"] = json!({ "return_url": request.return_url, "cancel_url": request.return_url });
    Ok(json!({ "payment_source": { "card": source } }))
}

pub(crate) fn payout(spec: &Spec, request: &PayOut, account: &str) -> Result<Value> {
    let kind = match account {
        address if address.contains('@') => "EMAIL",
        number if number.starts_with('+') => "PHONE",
        _ => "PAYPAL_ID",
    };
    let (currency, value) = (request.amount.currency().code(), spec.major(&request.amount)?);
    Ok(json!({
        // "PayPal does not process duplicate payouts": this id guards for 30 days.
        "sender_batch_header": { "sender_batch_id": request.key.as_str() },
        "items": [{
            "recipient_type": kind, "receiver": account,
            "amount": { "currency": currency, "value": value },
            "sender_item_id": request.reference, "note": request.description,
        }],
    }))
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
    let tracking = json!({ "carrier_name": listed, "carrier_name_other": free, "tracking_number": number });
    let kind = if number.is_some() { "PROOF_OF_FULFILLMENT" } else { "OTHER" };
    let info = json!({ "tracking_info": [tracking] });
    let one = json!({ "evidence_type": kind, "notes": evidence.explanation, "evidence_info": info });
    let input = pruned(json!({ "evidences": [one] }));
    let part = "content-disposition: form-data; name=\"input\"\r\ncontent-type: application/json";
    Ok(format!("--quittance-evidence\r\n{part}\r\n\r\n{input}\r\n--quittance-evidence--\r\n"))
}

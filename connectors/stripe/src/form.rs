//! Stripe's form fields, nested names in brackets: <https://docs.stripe.com/api/payment_intents/create>.

use std::borrow::Cow;

use quittance::{
    Address, Authorize, Browser, CaptureMode, Customer, Error, Initiator, Method, Money, Pairs, Result, ThreeDs,
};

/// Stripe's type of a method: <https://docs.stripe.com/api/payment_methods/object#payment_method_object-type>. Only
/// cards are stored.
pub(crate) fn kind(method: &Method) -> Result<&'static str> {
    Ok(match (method, method.brand()) {
        (Method::Card(_) | Method::ApplePay(_) | Method::GooglePay(_) | Method::Mandate(_), _) => "card",
        (Method::BankRedirect { .. }, Some("ideal")) => "ideal",
        (Method::BankDebit { .. }, Some("sepa")) => "sepa_debit",
        (Method::PayLater { .. }, Some("klarna")) => "klarna",
        _ => return Err(Error::unsupported_variant(method.family())),
    })
}

/// Fields of a call that is answered by a PaymentIntent: network codes and refunded amount stand in its charge only.
pub(crate) fn with_charge<'a>() -> Pairs<'a> {
    let mut form = Pairs::new();
    form.set("expand[0]", "latest_charge");
    form
}

/// Fields of a call that creates a PaymentIntent or SetupIntent and confirms it.
pub(crate) fn confirm<'a>(form: &mut Pairs<'a>, kind: &'a str, reference: &'a str) {
    form.set("confirm", "true");
    form.set("payment_method_types[0]", kind);
    form.set("metadata[reference]", reference);
}

pub(crate) fn amount(form: &mut Pairs<'_>, amount: &Money, minor: i64, capture: CaptureMode) {
    form.set("amount", minor.to_string());
    form.set("currency", amount.currency().code().to_ascii_lowercase());
    form.set("capture_method", if capture == CaptureMode::Manual { "manual" } else { "automatic" });
}

fn address<'a>(form: &mut Pairs<'a>, prefix: &str, address: &'a Address) {
    form.set_some(format!("{prefix}[address][line1]"), address.line1.as_deref());
    form.set_some(format!("{prefix}[address][line2]"), address.line2.as_deref());
    form.set_some(format!("{prefix}[address][city]"), address.city.as_deref());
    form.set_some(format!("{prefix}[address][state]"), address.state.as_deref());
    form.set_some(format!("{prefix}[address][postal_code]"), address.postal_code.as_deref());
    form.set_some(format!("{prefix}[address][country]"), address.country.as_deref());
}

/// `payment_method_data` for a method of Stripe's type `kind`.
pub(crate) fn method<'a>(
    form: &mut Pairs<'a>,
    kind: &'a str,
    method: &'a Method,
    customer: &'a Customer,
    billing: &'a Address,
) {
    form.set("payment_method_data[type]", kind);
    let mut holder = None;
    match method {
        Method::Card(card) => {
            holder = card.holder.as_deref();
            form.set("payment_method_data[card][number]", card.number.expose());
            form.set("payment_method_data[card][exp_month]", card.expiry.month().to_string());
            form.set("payment_method_data[card][exp_year]", card.expiry.year().to_string());
            form.set_some("payment_method_data[card][cvc]", card.cvc.as_ref().map(|cvc| cvc.expose()));
        }
        Method::BankDebit { account, .. } => {
            holder = Some(account.holder.as_str());
            form.set("payment_method_data[sepa_debit][iban]", account.number.expose());
        }
        _ => {}
    }
    let name = holder.map(Cow::Borrowed).or_else(|| customer.full_name().map(Cow::Owned));
    form.set_some("payment_method_data[billing_details][name]", name);
    form.set_some("payment_method_data[billing_details][email]", customer.email.as_deref());
    form.set_some("payment_method_data[billing_details][phone]", customer.phone.as_deref());
    address(form, "payment_method_data[billing_details]", billing);
}

/// How the customer agreed to a debit mandate: <https://docs.stripe.com/payments/payment-methods#mandates>. Without a
/// browser it counts as agreed on paper or by telephone.
pub(crate) fn acceptance<'a>(form: &mut Pairs<'a>, browser: &'a Browser) {
    let online = browser.ip.as_deref().zip(browser.user_agent.as_deref());
    form.set("mandate_data[customer_acceptance][type]", if online.is_some() { "online" } else { "offline" });
    form.set_some("mandate_data[customer_acceptance][online][ip_address]", online.map(|(ip, _)| ip));
    form.set_some("mandate_data[customer_acceptance][online][user_agent]", online.map(|(_, agent)| agent));
}

/// <https://docs.stripe.com/payments/3d-secure/authentication-flow>; without a wish Stripe's own rules decide.
pub(crate) fn three_ds<'a>(form: &mut Pairs<'a>, wish: &'a ThreeDs) {
    match wish {
        ThreeDs::Auto | ThreeDs::Never => {}
        ThreeDs::Challenge => form.set("payment_method_options[card][request_three_d_secure]", "challenge"),
        ThreeDs::External(done) => {
            form.set("payment_method_options[card][three_d_secure][version]", &done.version);
            form.set("payment_method_options[card][three_d_secure][electronic_commerce_indicator]", &done.eci);
            form.set("payment_method_options[card][three_d_secure][cryptogram]", done.cryptogram.expose());
            form.set("payment_method_options[card][three_d_secure][transaction_id]", &done.ds_transaction_id);
        }
    }
}

/// What a PaymentIntent says beside amount and method. A card's statement takes a suffix to the account's text only.
pub(crate) fn order<'a>(form: &mut Pairs<'a>, request: &'a Authorize, kind: &str) {
    let order = &request.order;
    form.set_some("description", order.description.as_deref());
    let descriptor = if kind == "card" { "statement_descriptor_suffix" } else { "statement_descriptor" };
    form.set_some(descriptor, order.descriptor.as_deref());
    for (name, value) in order.metadata.iter().filter(|(name, _)| name != "reference") {
        form.set(format!("metadata[{name}]"), value);
    }
    if let Some(to) = &order.shipping {
        form.set_some("shipping[name]", request.customer.full_name());
        address(form, "shipping", to);
    }
    match request.initiator {
        Initiator::Customer => form.set_some("return_url", request.return_url.as_deref()),
        Initiator::Merchant(_) => form.set("off_session", "true"),
    }
}

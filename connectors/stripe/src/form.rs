//! Stripe's form fields, nested names in brackets: <https://docs.stripe.com/api/payment_intents/create>.

use std::borrow::Cow;

use quittance::{
    Address, Authorize, Browser, CaptureMode, Customer, Error, Family, Initiator, Method, MethodKind, Money, Result,
    ThreeDs,
};
use serde::{Serialize, Serializer};

/// Stripe's type of each method: <https://docs.stripe.com/api/payment_methods/object#payment_method_object-type>.
const TYPES: &[(MethodKind, &str)] = &[
    (MethodKind::of(Family::Card), "card"),
    (MethodKind::of(Family::ApplePay), "card"),
    (MethodKind::of(Family::GooglePay), "card"),
    (MethodKind::branded(Family::WalletRedirect, "alipay"), "alipay"),
    (MethodKind::branded(Family::WalletRedirect, "paypal"), "paypal"),
    (MethodKind::branded(Family::WalletRedirect, "wechat_pay"), "wechat_pay"),
    (MethodKind::branded(Family::BankRedirect, "bancontact"), "bancontact"),
    (MethodKind::branded(Family::BankRedirect, "eps"), "eps"),
    (MethodKind::branded(Family::BankRedirect, "ideal"), "ideal"),
    (MethodKind::branded(Family::BankRedirect, "p24"), "p24"),
    (MethodKind::branded(Family::BankDebit, "becs"), "au_becs_debit"),
    (MethodKind::branded(Family::BankDebit, "sepa"), "sepa_debit"),
    (MethodKind::branded(Family::PayLater, "afterpay"), "afterpay_clearpay"),
    (MethodKind::branded(Family::PayLater, "klarna"), "klarna"),
    (MethodKind::branded(Family::Voucher, "boleto"), "boleto"),
    (MethodKind::branded(Family::Voucher, "oxxo"), "oxxo"),
    (MethodKind::of(Family::Pix), "pix"),
];

/// The methods of the spec: those with a type of their own, and mandates.
pub(crate) const METHODS: [MethodKind; TYPES.len() + 1] = {
    let mut methods = [MethodKind::of(Family::Mandate); TYPES.len() + 1];
    let mut at = 0;
    while at < TYPES.len() {
        methods[at] = TYPES[at].0;
        at += 1;
    }
    methods
};

/// Stripe's type of a method; a mandate's handle names it unless it is a card.
pub(crate) fn kind(method: &Method) -> Result<&str> {
    if let Method::Mandate(mandate) = method {
        return Ok(mandate.part("type").unwrap_or("card"));
    }
    let known = TYPES.iter().find(|(known, _)| known.family == method.family() && known.brand == method.brand());
    known.map(|(_, kind)| *kind).ok_or_else(|| Error::unsupported_variant(method.family()))
}

/// Form fields in the order in which they were set.
pub(crate) struct Form<'a>(Vec<(Cow<'static, str>, Cow<'a, str>)>);

impl Serialize for Form<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, value)))
    }
}

impl<'a> Form<'a> {
    pub(crate) fn new() -> Form<'a> {
        Form(Vec::new())
    }

    /// For calls that are answered by a PaymentIntent: network codes and refunded amount stand in its charge only.
    pub(crate) fn with_charge() -> Form<'a> {
        Form(vec![("expand[0]".into(), "latest_charge".into())])
    }

    /// For calls that create a PaymentIntent or SetupIntent and confirm it.
    pub(crate) fn confirmed(mut self, kind: &'a str, reference: &'a str) -> Form<'a> {
        self.set("confirm", "true");
        self.set("payment_method_types[0]", kind);
        self.set("metadata[reference]", reference);
        self
    }

    pub(crate) fn set(&mut self, name: impl Into<Cow<'static, str>>, value: impl Into<Cow<'a, str>>) {
        self.0.push((name.into(), value.into()));
    }

    pub(crate) fn set_some<V: Into<Cow<'a, str>>>(&mut self, name: impl Into<Cow<'static, str>>, value: Option<V>) {
        if let Some(value) = value {
            self.set(name, value);
        }
    }

    pub(crate) fn amount(&mut self, amount: &Money, minor: i64, capture: CaptureMode) {
        self.set("amount", minor.to_string());
        self.set("currency", amount.currency().code().to_ascii_lowercase());
        self.set("capture_method", if capture == CaptureMode::Manual { "manual" } else { "automatic" });
    }

    pub(crate) fn person(&mut self, prefix: &str, name: Option<Cow<'a, str>>, customer: &'a Customer) {
        let field = |name: &str| if prefix.is_empty() { name.to_owned() } else { format!("{prefix}[{name}]") };
        self.set_some(field("name"), name.or_else(|| customer.full_name().map(Cow::Owned)));
        self.set_some(field("email"), customer.email.as_deref());
        self.set_some(field("phone"), customer.phone.as_deref());
    }

    fn address(&mut self, prefix: &str, address: &'a Address) {
        self.set_some(format!("{prefix}[address][line1]"), address.line1.as_deref());
        self.set_some(format!("{prefix}[address][line2]"), address.line2.as_deref());
        self.set_some(format!("{prefix}[address][city]"), address.city.as_deref());
        self.set_some(format!("{prefix}[address][state]"), address.state.as_deref());
        self.set_some(format!("{prefix}[address][postal_code]"), address.postal_code.as_deref());
        self.set_some(format!("{prefix}[address][country]"), address.country.as_deref());
    }

    /// `payment_method_data` for a method of Stripe's type `kind`.
    pub(crate) fn method(&mut self, kind: &'a str, method: &'a Method, customer: &'a Customer, billing: &'a Address) {
        self.set("payment_method_data[type]", kind);
        let mut holder = None;
        match method {
            Method::Card(card) => {
                holder = card.holder.as_deref();
                self.set("payment_method_data[card][number]", card.number.expose());
                self.set("payment_method_data[card][exp_month]", card.expiry.month().to_string());
                self.set("payment_method_data[card][exp_year]", card.expiry.year().to_string());
                self.set_some("payment_method_data[card][cvc]", card.cvc.as_ref().map(|cvc| cvc.expose()));
            }
            Method::BankRedirect { bank, .. } => {
                self.set_some(format!("payment_method_data[{kind}][bank]"), bank.as_deref());
            }
            Method::BankDebit { account, .. } => {
                holder = Some(account.holder.as_str());
                let number = if kind == "sepa_debit" { "iban" } else { "account_number" };
                self.set(format!("payment_method_data[{kind}][{number}]"), account.number.expose());
                self.set_some(format!("payment_method_data[{kind}][bsb_number]"), account.routing.as_deref());
            }
            Method::Voucher { .. } if kind == "boleto" => {
                self.set_some("payment_method_data[boleto][tax_id]", customer.tax_id.as_deref());
            }
            _ => {}
        }
        self.person("payment_method_data[billing_details]", holder.map(Cow::Borrowed), customer);
        self.address("payment_method_data[billing_details]", billing);
    }

    /// How the customer agreed to a debit mandate: <https://docs.stripe.com/payments/payment-methods#mandates>. Without a
    /// browser it counts as agreed on paper or by telephone.
    pub(crate) fn acceptance(&mut self, browser: &'a Browser) {
        if let (Some(ip), Some(agent)) = (&browser.ip, &browser.user_agent) {
            self.set("mandate_data[customer_acceptance][type]", "online");
            self.set("mandate_data[customer_acceptance][online][ip_address]", ip);
            self.set("mandate_data[customer_acceptance][online][user_agent]", agent);
        } else {
            self.set("mandate_data[customer_acceptance][type]", "offline");
        }
    }

    /// <https://docs.stripe.com/payments/3d-secure/authentication-flow>; without a wish Stripe's own rules decide.
    pub(crate) fn three_ds(&mut self, wish: &'a ThreeDs) {
        match wish {
            ThreeDs::Auto | ThreeDs::Never => {}
            ThreeDs::Challenge => self.set("payment_method_options[card][request_three_d_secure]", "challenge"),
            ThreeDs::External(done) => {
                self.set("payment_method_options[card][three_d_secure][version]", &done.version);
                self.set("payment_method_options[card][three_d_secure][electronic_commerce_indicator]", &done.eci);
                self.set("payment_method_options[card][three_d_secure][cryptogram]", done.cryptogram.expose());
                self.set("payment_method_options[card][three_d_secure][transaction_id]", &done.ds_transaction_id);
            }
        }
    }

    /// What a PaymentIntent says beside amount and method. A card's statement takes a suffix to the account's text only.
    pub(crate) fn order(&mut self, request: &'a Authorize, kind: &str) {
        let order = &request.order;
        self.set_some("description", order.description.as_deref());
        let descriptor = if kind == "card" { "statement_descriptor_suffix" } else { "statement_descriptor" };
        self.set_some(descriptor, order.descriptor.as_deref());
        for (name, value) in order.metadata.iter().filter(|(name, _)| name != "reference") {
            self.set(format!("metadata[{name}]"), value);
        }
        if let Some(address) = &order.shipping {
            self.set_some("shipping[name]", request.customer.full_name());
            self.address("shipping", address);
        }
        match request.initiator {
            Initiator::Customer => self.set_some("return_url", request.return_url.as_deref()),
            Initiator::Merchant(_) => self.set("off_session", "true"),
        }
        if kind == "wechat_pay" {
            self.set("payment_method_options[wechat_pay][client]", "web");
        }
    }
}

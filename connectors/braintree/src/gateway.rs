//! The gateway's XML, as Braintree's SDK reads it.

use quittance::*;
use serde::Deserialize;

use crate::Braintree;
use crate::codes::{self, Found};

/// `<transaction>`: a payment (`sale`) or a refund (`credit`). An element that is `nil` reads as an empty text.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct Transaction {
    id: String,
    global_id: Option<String>,
    status: String,
    r#type: Option<String>,
    amount: String,
    currency_iso_code: Option<String>,
    order_id: Option<String>,
    refunded_transaction_id: Option<String>,
    processor_response_code: Option<String>,
    processor_response_text: Option<String>,
    processor_authorization_code: Option<String>,
    processor_settlement_response_code: Option<String>,
    gateway_rejection_reason: Option<String>,
    network_transaction_id: Option<String>,
    network_response_code: Option<String>,
    merchant_advice_code: Option<String>,
    avs_postal_code_response_code: Option<String>,
    cvv_response_code: Option<String>,
}

/// What stands in an element, if anything does.
fn filled(element: Option<String>) -> Option<String> {
    element.filter(|text| !text.is_empty())
}

impl Transaction {
    /// Whether it gives money back.
    pub(crate) fn is_refund(&self) -> bool {
        self.r#type.as_deref() == Some("credit")
    }

    pub(crate) fn found(self) -> Result<Found> {
        let handle = Handle::new(self.id).with_some("node", filled(self.global_id));
        let currency = filled(self.currency_iso_code);
        let amount = currency.map(|currency| Braintree::SPEC.money_major(&self.amount, &currency)).transpose();
        let network = Network {
            transaction_id: filled(self.network_transaction_id),
            authorization_code: filled(self.processor_authorization_code),
            response_code: filled(self.network_response_code),
            advice_code: filled(self.merchant_advice_code),
            avs: filled(self.avs_postal_code_response_code),
            cvc: filled(self.cvv_response_code),
            ..Network::default()
        };
        Ok(Found {
            amount: amount.map_err(|error| error.about(&handle))?,
            handle,
            // The gateway writes GraphQL's words in small letters.
            status: self.status.to_ascii_uppercase(),
            reference: filled(self.order_id),
            original: filled(self.refunded_transaction_id).map(Handle::new),
            code: filled(self.processor_settlement_response_code).or_else(|| filled(self.processor_response_code)),
            message: filled(self.processor_response_text),
            rejection: filled(self.gateway_rejection_reason),
            network,
        })
    }
}

/// `<notification>` without its subject.
#[derive(Deserialize)]
pub(crate) struct Head {
    pub(crate) kind: String,
    pub(crate) timestamp: String,
}

/// `<notification>` about something.
#[derive(Deserialize)]
pub(crate) struct Notification<T> {
    pub(crate) subject: T,
}

#[derive(Deserialize)]
pub(crate) struct AboutTransaction {
    pub(crate) transaction: Transaction,
}

#[derive(Deserialize)]
pub(crate) struct AboutDispute {
    pub(crate) dispute: ReadDispute,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct ReadDispute {
    id: String,
    global_id: Option<String>,
    status: String,
    kind: Option<String>,
    amount_disputed: Option<String>,
    currency_iso_code: Option<String>,
    reason_code: Option<String>,
    reply_by_date: Option<String>,
    transaction: Option<Original>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Original {
    id: String,
    global_id: Option<String>,
}

impl ReadDispute {
    pub(crate) fn dispute(self) -> Result<Dispute> {
        let handle = Handle::new(self.id).with_some("node", filled(self.global_id));
        let amount = filled(self.amount_disputed).zip(filled(self.currency_iso_code));
        let amount = amount.map(|(major, currency)| Braintree::SPEC.money_major(&major, &currency)).transpose();
        Ok(Dispute {
            stage: self.kind.as_deref().and_then(codes::stage),
            payment: self.transaction.map(|of| Handle::new(of.id).with_some("node", filled(of.global_id))),
            amount: amount.map_err(|error| error.about(&handle))?,
            reason_code: filled(self.reason_code),
            respond_by: self.reply_by_date.as_deref().and_then(codes::deadline),
            ..Dispute::new(handle, codes::dispute_state(self.status))
        })
    }
}

/// `<api-error-response>`: what the gateway found wrong, nested as the request was.
#[derive(Deserialize)]
pub(crate) struct Refusal {
    message: Option<String>,
    errors: Option<Errors>,
}

#[derive(Deserialize)]
struct Errors {
    transaction: Option<OfTransaction>,
}

#[derive(Deserialize)]
struct OfTransaction {
    errors: Option<List>,
}

#[derive(Deserialize)]
struct List {
    #[serde(default)]
    error: Vec<One>,
}

#[derive(Deserialize)]
struct One {
    code: Option<String>,
    attribute: Option<Attribute>,
}

#[derive(Deserialize)]
struct Attribute {
    #[serde(rename = "$text")]
    name: Option<String>,
}

impl Refusal {
    pub(crate) fn fault(self) -> Fault {
        let list = self.errors.and_then(|errors| errors.transaction).and_then(|transaction| transaction.errors);
        let first = list.and_then(|list| list.error.into_iter().next());
        let (code, attribute) = first.map_or((None, None), |first| (first.code, first.attribute));
        // `base` stands for the transaction as a whole.
        let field = attribute.and_then(|attribute| attribute.name).filter(|name| name != "base");
        Fault { code, message: self.message, field }
    }
}

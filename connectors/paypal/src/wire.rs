//! PayPal's answers: the members that are read (Orders v2.13, Payments v2.5, Payment Method Tokens v3.1, Payouts
//! v1.9, Disputes v1.10). A missing status is an empty one, so that the id beside it is not lost.

use serde::Deserialize;

#[derive(Deserialize)]
pub(crate) struct Order {
    pub(crate) id: String,
    #[serde(default)]
    pub(crate) status: String,
    pub(crate) processing_instruction: Option<String>,
    #[serde(default)]
    pub(crate) purchase_units: Vec<Unit>,
    #[serde(default)]
    pub(crate) payment_source: Instruments,
    #[serde(default)]
    pub(crate) links: Vec<Link>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Unit {
    pub(crate) amount: Option<Amount>,
    pub(crate) custom_id: Option<String>,
    pub(crate) payments: Payments,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Payments {
    pub(crate) authorizations: Vec<Transaction>,
    pub(crate) captures: Vec<Transaction>,
    pub(crate) refunds: Vec<Transaction>,
}

/// An authorization, a capture or a refund.
#[derive(Deserialize)]
pub(crate) struct Transaction {
    pub(crate) id: String,
    #[serde(default)]
    pub(crate) status: String,
    pub(crate) amount: Option<Amount>,
    pub(crate) custom_id: Option<String>,
    #[serde(default)]
    pub(crate) processor_response: Processor,
    pub(crate) network_transaction_reference: Option<NetworkReference>,
    #[serde(default)]
    pub(crate) supplementary_data: Supplementary,
}

#[derive(Deserialize)]
pub(crate) struct NetworkReference {
    pub(crate) id: Option<String>,
}

#[derive(Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Processor {
    pub(crate) response_code: Option<String>,
    pub(crate) payment_advice_code: Option<String>,
    pub(crate) avs_code: Option<String>,
    pub(crate) cvv_code: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Supplementary {
    pub(crate) related_ids: RelatedIds,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct RelatedIds {
    pub(crate) order_id: Option<String>,
    pub(crate) authorization_id: Option<String>,
    pub(crate) capture_id: Option<String>,
}

/// `payment_source` of an answer.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Instruments {
    pub(crate) card: Option<Instrument>,
    pub(crate) paypal: Option<Instrument>,
}

#[derive(Deserialize)]
pub(crate) struct Instrument {
    pub(crate) attributes: Option<Stored>,
    pub(crate) authentication_result: Option<Authentication>,
    /// Of a card in the vault: `VERIFIED` or `FAILED`.
    pub(crate) verification_status: Option<String>,
    pub(crate) verification: Option<Verification>,
}

#[derive(Deserialize)]
pub(crate) struct Stored {
    pub(crate) vault: Option<VaultToken>,
}

/// A stored instrument, as an order shows it or as the vault itself does.
#[derive(Deserialize)]
pub(crate) struct VaultToken {
    pub(crate) id: String,
    #[serde(default)]
    pub(crate) status: String,
    #[serde(default)]
    pub(crate) payment_source: Box<Instruments>,
    #[serde(default)]
    pub(crate) links: Vec<Link>,
}

#[derive(Deserialize)]
pub(crate) struct Authentication {
    pub(crate) liability_shift: Option<String>,
    #[serde(default)]
    pub(crate) three_d_secure: ThreeDSecure,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct ThreeDSecure {
    pub(crate) authentication_status: Option<String>,
    pub(crate) enrollment_status: Option<String>,
}

#[derive(Deserialize)]
pub(crate) struct Verification {
    pub(crate) network_transaction_id: Option<String>,
    #[serde(default)]
    pub(crate) processor_response: Processor,
}

#[derive(Deserialize)]
pub(crate) struct Dispute {
    pub(crate) dispute_id: String,
    #[serde(default)]
    pub(crate) status: String,
    pub(crate) reason: Option<String>,
    pub(crate) dispute_amount: Option<Amount>,
    pub(crate) dispute_life_cycle_stage: Option<String>,
    pub(crate) dispute_outcome: Option<Outcome>,
    pub(crate) seller_response_due_date: Option<String>,
    #[serde(default)]
    pub(crate) disputed_transactions: Vec<Disputed>,
}

#[derive(Deserialize)]
pub(crate) struct Outcome {
    pub(crate) outcome_code: Option<String>,
}

#[derive(Deserialize)]
pub(crate) struct Disputed {
    pub(crate) seller_transaction_id: Option<String>,
}

/// A payout batch; without items right after it was made.
#[derive(Deserialize)]
pub(crate) struct Batch {
    pub(crate) batch_header: BatchHeader,
    #[serde(default)]
    pub(crate) items: Vec<PayoutItem>,
}

#[derive(Deserialize)]
pub(crate) struct BatchHeader {
    pub(crate) payout_batch_id: String,
    #[serde(default)]
    pub(crate) batch_status: String,
}

#[derive(Deserialize)]
pub(crate) struct PayoutItem {
    pub(crate) payout_batch_id: String,
    #[serde(default)]
    pub(crate) transaction_status: String,
    pub(crate) payout_item: PayoutDetail,
    pub(crate) errors: Option<Fault>,
}

#[derive(Deserialize)]
pub(crate) struct PayoutDetail {
    pub(crate) amount: Amount,
    pub(crate) sender_item_id: Option<String>,
}

/// An amount; Payouts call the first member otherwise.
#[derive(Deserialize)]
pub(crate) struct Amount {
    #[serde(alias = "currency")]
    pub(crate) currency_code: String,
    pub(crate) value: String,
}

#[derive(Deserialize)]
pub(crate) struct Link {
    pub(crate) href: String,
    pub(crate) rel: String,
}

/// A webhook event around its resource.
#[derive(Deserialize)]
pub(crate) struct Event<T> {
    pub(crate) id: Option<String>,
    pub(crate) create_time: Option<String>,
    pub(crate) event_type: String,
    pub(crate) resource: T,
}

/// An error body: of the REST APIs, or (`error`) of the token endpoint.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Fault {
    pub(crate) name: Option<String>,
    pub(crate) message: Option<String>,
    pub(crate) debug_id: Option<String>,
    pub(crate) details: Vec<Detail>,
    pub(crate) error: Option<String>,
    pub(crate) error_description: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Detail {
    pub(crate) issue: Option<String>,
    pub(crate) description: Option<String>,
    pub(crate) field: Option<String>,
}

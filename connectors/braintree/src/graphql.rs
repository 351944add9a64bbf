//! Braintree's GraphQL: what is asked, and what comes back.

use quittance::body::{Json, Member, node, object, optional, text};
use quittance::*;
use serde::Deserialize;

use crate::Braintree;
use crate::codes::{self, Found};

/// The fields of a transaction that are read.
pub(crate) const TRANSACTION: &str = "it: transaction { id legacyId status orderId amount { value currencyCode } \
    paymentMethod { id } paymentMethodSnapshot { ... on CreditCardTransactionDetails { networkTransactionId } } \
    statusHistory { status \
    ... on AuthorizedEvent { processorResponse { legacyCode message authorizationId cvvResponse avsPostalCodeResponse } \
    networkResponse { code } } \
    ... on ProcessorDeclinedEvent { processorResponse { legacyCode message cvvResponse avsPostalCodeResponse } \
    networkResponse { code } merchantAdviceCodeResponse { code } } \
    ... on FailedEvent { processorResponse { legacyCode message } networkResponse { code } } \
    ... on GatewayRejectedEvent { gatewayRejectionReason processorResponse { legacyCode message } } \
    ... on SettlementDeclinedEvent { processorResponse { legacyCode message } } } }";

/// The fields of a refund that are read.
pub(crate) const REFUND: &str = "it: refund { id legacyId status orderId amount { value currencyCode } \
    refundedTransaction { id legacyId } statusHistory { status \
    ... on ProcessorDeclinedEvent { processorResponse { legacyCode message } networkResponse { code } } \
    ... on SettlementDeclinedEvent { processorResponse { legacyCode message } } } }";

/// The fields of a dispute that are read.
pub(crate) const DISPUTE: &str = "it: dispute { id legacyId status }";

/// The fields of a stored method that are read.
pub(crate) const VAULTED: &str = "paymentMethod { id } verification { status gatewayRejectionReason \
    processorResponse { legacyCode message cvvResponse avsPostalCodeResponse } networkResponse { code } }";

/// A mutation by Braintree's naming: the input's type is named after it. What it did comes back under one name.
pub(crate) fn mutation(name: &str, fields: &str) -> String {
    let (first, rest) = name.split_at(1);
    let kind = format!("{}{rest}Input", first.to_ascii_uppercase());
    format!("mutation ($input: {kind}!) {{ done: {name}(input: $input) {{ {fields} }} }}")
}

/// A search for transactions.
pub(crate) fn search() -> String {
    let fields = TRANSACTION.trim_start_matches("it: transaction ");
    let found = format!("it: transactions(input: $input, first: 1) {{ edges {{ node {fields} }} }}");
    format!("query ($input: TransactionSearchInput!) {{ done: search {{ {found} }} }}")
}

/// A whole request.
pub(crate) fn request<'a>(query: &'a str, input: impl IntoIterator<Item = Member<'a>>) -> Json<'a> {
    object([text("query", query), node("variables", [node("input", input)])])
}

/// `transaction` of a charge or an authorization.
pub(crate) fn transaction<'a>(request: &'a Authorize, account: &'a str) -> Result<Vec<Member<'a>>> {
    let (customer, order) = (&request.customer, &request.order);
    let vault = request.store.then_some("ON_SUCCESSFUL_TRANSACTION");
    Ok(vec![
        text("amount", Braintree::SPEC.major(&request.amount)?),
        text("orderId", &request.reference),
        text("merchantAccountId", account),
        optional("paymentInitiator", initiator(request.initiator)),
        node("vaultPaymentMethodAfterTransacting", [optional("when", vault)]),
        node("descriptor", [optional("name", order.descriptor.as_deref())]),
        node(
            "customerDetails",
            [optional("email", customer.email.as_deref()), optional("phoneNumber", customer.phone.as_deref())],
        ),
        three_ds(&request.three_ds),
    ])
}

fn initiator(initiator: Initiator) -> Option<&'static str> {
    match initiator {
        Initiator::Customer => None,
        Initiator::Merchant(MitCategory::Recurring) => Some("RECURRING"),
        Initiator::Merchant(MitCategory::Installment) => Some("INSTALLMENT"),
        Initiator::Merchant(MitCategory::Unscheduled) => Some("UNSCHEDULED"),
    }
}

fn three_ds(three_ds: &ThreeDs) -> Member<'_> {
    let ThreeDs::External(results) = three_ds else { return None };
    node(
        "threeDSecurePassThrough",
        [
            text("eciFlag", &results.eci),
            text("cavv", results.cryptogram.expose()),
            text("version", &results.version),
            text("directoryServerTransactionId", &results.ds_transaction_id),
        ],
    )
}

fn address(address: &Address) -> [Member<'_>; 6] {
    [
        optional("addressLine1", address.line1.as_deref()),
        optional("addressLine2", address.line2.as_deref()),
        optional("adminArea2", address.city.as_deref()),
        optional("adminArea1", address.state.as_deref()),
        optional("postalCode", address.postal_code.as_deref()),
        optional("countryCode", address.country.as_deref()),
    ]
}

pub(crate) fn card<'a>(card: &'a Card, billing: &'a Address) -> Member<'a> {
    node(
        "creditCard",
        [
            text("number", card.number.expose()),
            text("expirationMonth", card.expiry.month2()),
            text("expirationYear", card.expiry.year().to_string()),
            optional("cvv", card.cvc.as_ref().map(|cvc| cvc.expose())),
            optional("cardholderName", card.holder.as_deref()),
            node("billingAddress", address(billing)),
        ],
    )
}

pub(crate) fn network_token(token: &NetworkToken) -> Result<Member<'_>> {
    let origin = match token.source {
        TokenSource::ApplePay => "APPLE_PAY",
        TokenSource::GooglePay => "GOOGLE_PAY",
        TokenSource::Network => "NETWORK_TOKEN",
        _ => return Err(Error::unsupported_variant("a network token of this wallet")),
    };
    let missing = || Error::invalid("method.network_token.cryptogram", "Braintree takes no network token without one");
    Ok(node(
        "networkToken",
        [
            text("number", token.number.expose()),
            text("expirationMonth", token.expiry.month2()),
            text("expirationYear", token.expiry.year().to_string()),
            text("cryptogram", token.cryptogram.as_ref().ok_or_else(missing)?.expose()),
            optional("eCommerceIndicator", token.eci.as_deref()),
            node("originDetails", [text("origin", origin)]),
        ],
    ))
}

/// An answer: what was done under the name `done`, and errors beside it or in its place.
#[derive(Deserialize)]
pub(crate) struct Answer<T> {
    data: Option<Done<T>>,
    #[serde(default)]
    errors: Vec<Fault>,
}

#[derive(Deserialize)]
struct Done<T> {
    done: Option<T>,
}

#[derive(Deserialize)]
struct Fault {
    message: Option<String>,
    #[serde(default)]
    extensions: Extensions,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Extensions {
    error_class: Option<String>,
    legacy_code: Option<String>,
    input_path: Vec<serde_json::Value>,
}

impl<T> Answer<T> {
    pub(crate) fn split(self) -> (Option<T>, Option<Error>) {
        (self.data.and_then(|data| data.done), self.errors.into_iter().next().map(Fault::error))
    }
}

impl Fault {
    /// Class and effect (developer.paypal.com/braintree/graphql/guides/making_api_calls: Error classes).
    fn error(self) -> Error {
        let class = self.extensions.error_class.unwrap_or_default();
        let (kind, effect) = match class.as_str() {
            "VALIDATION" if self.extensions.legacy_code.as_deref().is_some_and(codes::is_conflict) => {
                (Kind::Conflict, Effect::None)
            }
            "AUTHENTICATION" | "AUTHORIZATION" => (Kind::Credentials, Effect::None),
            "NOT_FOUND" => (Kind::NotFound, Effect::None),
            "RESOURCE_LIMIT" => (Kind::RateLimited, Effect::None),
            "VALIDATION" | "UNSUPPORTED_CLIENT" | "NOT_IMPLEMENTED" => (Kind::Invalid, Effect::None),
            "INTERNAL" | "SERVICE_AVAILABILITY" => (Kind::Unavailable, Effect::Unknown),
            _ => (Kind::Protocol, Effect::Unknown),
        };
        let message = self.message.unwrap_or_else(|| "the provider reports an error".to_owned());
        let error = Error::new(kind, effect, message).with_code(self.extensions.legacy_code.unwrap_or(class));
        match self.extensions.input_path.iter().rev().find_map(serde_json::Value::as_str) {
            Some(field) => error.in_field(field),
            None => error,
        }
    }
}

/// What was done, where it is one thing: queries call it `it`.
#[derive(Deserialize)]
pub(crate) struct One<T> {
    pub(crate) it: T,
}

#[derive(Deserialize)]
pub(crate) struct Id {
    pub(crate) id: String,
}

/// A transaction or a refund.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Transaction {
    id: String,
    legacy_id: String,
    status: String,
    order_id: Option<String>,
    amount: Amount,
    payment_method: Option<Id>,
    payment_method_snapshot: Option<Snapshot>,
    refunded_transaction: Option<Original>,
    #[serde(default)]
    status_history: Vec<Event>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Amount {
    value: String,
    currency_code: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Snapshot {
    network_transaction_id: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Original {
    id: String,
    legacy_id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Event {
    status: String,
    gateway_rejection_reason: Option<String>,
    processor_response: Option<ProcessorResponse>,
    network_response: Option<Code>,
    merchant_advice_code_response: Option<Code>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct ProcessorResponse {
    legacy_code: Option<String>,
    message: Option<String>,
    authorization_id: Option<String>,
    cvv_response: Option<String>,
    avs_postal_code_response: Option<String>,
}

#[derive(Deserialize)]
struct Code {
    code: Option<String>,
}

impl Transaction {
    /// The id of the stored method, if the payment has one.
    pub(crate) fn stored(&self) -> Option<String> {
        self.payment_method.as_ref().map(|method| method.id.clone())
    }

    pub(crate) fn found(self) -> Result<Found> {
        let handle = Handle::new(self.legacy_id).with("node", self.id);
        let amount = Braintree::SPEC.money_major(&self.amount.value, &self.amount.currency_code);
        let amount = Some(amount.map_err(|error| error.about(&handle))?);
        let status = self.status;
        let mut events = self.status_history;
        // A refusal is told by its own event; of what was captured, the authorization's has the codes.
        let refused = codes::REFUSED.contains(&status.as_str());
        let tells = |event: &Event| event.status == status && (refused || event.processor_response.is_some());
        let at = events.iter().position(tells);
        let at = at.or_else(|| events.iter().position(|event| event.status == "AUTHORIZED"));
        let event = at.map(|at| events.swap_remove(at));
        let code = |code: Option<Code>| code.and_then(|code| code.code);
        let (rejection, response, network_code, advice_code) = event.map_or((None, None, None, None), |event| {
            let codes = (code(event.network_response), code(event.merchant_advice_code_response));
            (event.gateway_rejection_reason, event.processor_response, codes.0, codes.1)
        });
        let response = response.unwrap_or_default();
        let network = Network {
            transaction_id: self.payment_method_snapshot.and_then(|snapshot| snapshot.network_transaction_id),
            authorization_code: response.authorization_id,
            response_code: network_code,
            advice_code,
            avs: response.avs_postal_code_response,
            cvc: response.cvv_response,
            ..Network::default()
        };
        let original = self.refunded_transaction.map(|of| Handle::new(of.legacy_id).with("node", of.id));
        let (code, message, reference) = (response.legacy_code, response.message, self.order_id);
        Ok(Found { handle, status, amount, reference, original, code, message, rejection, network })
    }
}

/// Texts against a dispute, each with its category.
pub(crate) fn evidence(evidence: &Evidence) -> impl Iterator<Item = (&'static str, &str)> {
    let texts = [
        ("GENERAL", Some(evidence.explanation.as_str()).filter(|text| !text.is_empty())),
        ("CARRIER_NAME", evidence.carrier.as_deref()),
        ("TRACKING_NUMBER", evidence.tracking_number.as_deref()),
    ];
    texts.into_iter().filter_map(|(category, content)| Some((category, content?)))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ReadDispute {
    id: String,
    legacy_id: String,
    status: String,
}

impl ReadDispute {
    pub(crate) fn dispute(self) -> Dispute {
        Dispute::new(Handle::new(self.legacy_id).with("node", self.id), codes::dispute_state(self.status))
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Vaulted {
    pub(crate) payment_method: Option<Id>,
    pub(crate) verification: Option<Verification>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Verification {
    status: String,
    gateway_rejection_reason: Option<String>,
    processor_response: Option<ProcessorResponse>,
    network_response: Option<Code>,
}

impl Verification {
    /// What the verification says of the method, and what the network said.
    pub(crate) fn state(self) -> (MandateState, Network) {
        let response = self.processor_response.unwrap_or_default();
        let network_code = self.network_response.and_then(|network| network.code);
        let network = Network {
            response_code: network_code.clone(),
            avs: response.avs_postal_code_response,
            cvc: response.cvv_response,
            ..Network::default()
        };
        let state = match self.status.as_str() {
            "VERIFIED" => MandateState::Active,
            "PROCESSOR_DECLINED" | "GATEWAY_REJECTED" | "FAILED" => {
                let decline = codes::decline(response.legacy_code, response.message, self.gateway_rejection_reason);
                MandateState::Declined(Decline { network_code, ..decline })
            }
            "PENDING" | "VERIFYING" => MandateState::Pending,
            _ => MandateState::Unrecognised(self.status),
        };
        (state, network)
    }
}

/// What a search found.
#[derive(Deserialize)]
pub(crate) struct Search {
    edges: Vec<Edge>,
}

#[derive(Deserialize)]
struct Edge {
    node: Transaction,
}

impl Search {
    pub(crate) fn newest(self) -> Option<Transaction> {
        self.edges.into_iter().next().map(|edge| edge.node)
    }
}

//! The provider's answers and notifications.

use quittance::{Currency, Decline, Effect, Error, Handle, Kind, Money, Network, Reason, Result, State};
use serde::Deserialize;

use crate::{Worldpay, codes};
use quittance::Provider as _;

/// The root of every document.
#[derive(Deserialize)]
pub(crate) struct PaymentService {
    pub(crate) reply: Option<Reply>,
    pub(crate) notify: Option<Notify>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Reply {
    order_status: Option<OrderStatus>,
    error: Option<Failure>,
    ok: Option<Accepted>,
}

#[derive(Deserialize)]
pub(crate) struct Notify {
    #[serde(rename = "orderStatusEvent")]
    pub(crate) status: Option<OrderStatus>,
}

#[derive(Deserialize)]
struct Failure {
    #[serde(rename = "@code")]
    code: String,
    #[serde(rename = "$text")]
    message: Option<String>,
}

/// A modification that was taken on.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Accepted {
    pub(crate) capture_received: Option<Received>,
    pub(crate) cancel_received: Option<Received>,
    pub(crate) refund_received: Option<Received>,
    delete_token_received: Option<Deleted>,
}

#[derive(Deserialize)]
struct Deleted {
    #[serde(rename = "@paymentTokenID")]
    token: String,
}

#[derive(Deserialize)]
pub(crate) struct Received {
    #[serde(rename = "@orderCode")]
    order_code: String,
    amount: Option<Amount>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct OrderStatus {
    #[serde(rename = "@orderCode")]
    pub(crate) order_code: String,
    error: Option<Failure>,
    pub(crate) payment: Option<PaymentStatus>,
    token: Option<Token>,
    #[serde(rename = "challengeRequired")]
    pub(crate) challenge: Option<ChallengeRequired>,
}

/// The token that an order has made.
#[derive(Deserialize)]
struct Token {
    #[serde(rename = "authenticatedShopperID")]
    shopper: Option<String>,
    #[serde(rename = "tokenDetails")]
    details: Option<TokenDetails>,
}

#[derive(Deserialize)]
struct TokenDetails {
    #[serde(rename = "paymentTokenID")]
    id: String,
}

#[derive(Deserialize)]
pub(crate) struct ChallengeRequired {
    #[serde(rename = "threeDSChallengeDetails")]
    pub(crate) details: Challenge,
}

#[derive(Deserialize)]
pub(crate) struct Challenge {
    #[serde(rename = "transactionId3DS")]
    pub(crate) transaction_id: String,
    #[serde(rename = "acsURL")]
    pub(crate) acs_url: String,
    pub(crate) payload: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PaymentStatus {
    pub(crate) amount: Amount,
    pub(crate) last_event: String,
    #[serde(rename = "balance", default)]
    balances: Vec<Balance>,
    #[serde(rename = "AuthorisationId")]
    authorisation: Option<AuthorisationId>,
    #[serde(rename = "ISO8583ReturnCode")]
    return_code: Option<Code>,
    #[serde(rename = "IssuerResponseCode")]
    issuer_code: Option<Code>,
    #[serde(rename = "CVCResultCode")]
    cvc: Option<Description>,
    #[serde(rename = "AVSResultCode")]
    avs: Option<Description>,
    #[serde(rename = "ThreeDSecureResult")]
    three_ds: Option<Description>,
    scheme_response: Option<SchemeResponse>,
}

#[derive(Deserialize)]
pub(crate) struct Amount {
    #[serde(rename = "@value")]
    value: String,
    #[serde(rename = "@currencyCode")]
    currency: String,
    #[serde(rename = "@exponent")]
    exponent: String,
}

#[derive(Deserialize)]
struct Balance {
    #[serde(rename = "@accountType")]
    account: String,
    amount: Amount,
}

#[derive(Deserialize)]
struct AuthorisationId {
    #[serde(rename = "@id")]
    id: Option<String>,
}

#[derive(Deserialize)]
struct Code {
    #[serde(rename = "@code")]
    code: String,
    #[serde(rename = "@description")]
    description: Option<String>,
}

#[derive(Deserialize)]
struct Description {
    #[serde(rename = "@description")]
    description: Option<String>,
    #[serde(rename = "@eci")]
    eci: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SchemeResponse {
    transaction_identifier: Option<String>,
}

impl OrderStatus {
    /// The token that the order has made, with what later payments have to name.
    pub(crate) fn mandate(&self, network: Option<&str>) -> Option<Handle> {
        let token = self.token.as_ref()?;
        let id = token.details.as_ref().map(|details| details.id.as_str()).filter(|id| !id.is_empty())?;
        Some(Handle::new(id).with_some("shopper", token.shopper.as_deref()).with_some("network", network))
    }
}

impl Challenge {
    /// Whether the parts are an address, an id and encoded data, and no text that repeats something else.
    pub(crate) fn is_plain(&self) -> bool {
        let encoded = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+/=-_".contains(&byte));
        let address = self.acs_url.strip_prefix("https://");
        address.is_some_and(|rest| rest.bytes().all(|byte| byte.is_ascii_graphic()))
            && encoded(&self.transaction_id)
            && encoded(&self.payload)
    }
}

impl Failure {
    fn to_error(&self) -> Error {
        codes::error(&self.code, self.message.as_deref().unwrap_or_default().trim())
    }
}

fn other_order() -> Error {
    Error::new(Kind::Integrity, Effect::Unknown, "the answer speaks of another order")
}

/// What an answer says of the modification that was asked for.
pub(crate) fn asked_for<T>(part: Option<T>) -> Result<T> {
    part.ok_or_else(|| Error::protocol("the answer is to another modification"))
}

impl Reply {
    /// The status of the order of that code.
    pub(crate) fn status(self, code: &str) -> Result<OrderStatus> {
        if let Some(failure) = &self.error {
            return Err(failure.to_error());
        }
        let status = self.order_status.ok_or_else(|| Error::protocol("the answer has no order status"))?;
        match &status.error {
            Some(failure) => Err(failure.to_error()),
            None if status.order_code == code => Ok(status),
            None => Err(other_order().about(&Handle::new(code))),
        }
    }

    /// The modification of the order of that code that was taken on.
    pub(crate) fn accepted(self, code: &str) -> Result<Accepted> {
        let accepted = self.ok()?;
        let all = [&accepted.capture_received, &accepted.cancel_received, &accepted.refund_received];
        let is_asked = all.into_iter().flatten().all(|received| received.order_code == code);
        if is_asked { Ok(accepted) } else { Err(other_order()) }
    }

    /// That this token was deleted.
    pub(crate) fn deleted(self, token: &str) -> Result<()> {
        match asked_for(self.ok()?.delete_token_received)?.token == token {
            true => Ok(()),
            false => Err(Error::new(Kind::Integrity, Effect::Unknown, "the answer speaks of another token")),
        }
    }

    /// The modification that was taken on.
    fn ok(self) -> Result<Accepted> {
        match self.error.or(self.order_status.and_then(|status| status.error)) {
            Some(failure) => Err(failure.to_error()),
            None => self.ok.ok_or_else(|| Error::protocol("the answer has no ok")),
        }
    }
}

impl Received {
    /// The amount, if the answer says it.
    pub(crate) fn money(&self) -> Result<Option<Money>> {
        self.amount.as_ref().map(Amount::money).transpose().map(Option::flatten)
    }
}

impl Amount {
    /// The amount; refuses an exponent that is not the currency's.
    pub(crate) fn money(&self) -> Result<Option<Money>> {
        let wrong = || Error::protocol("the answer has no valid amount");
        let digits = !self.value.is_empty() && self.value.bytes().all(|byte| byte.is_ascii_digit());
        let minor: i64 = self.value.parse().ok().filter(|_| digits).ok_or_else(wrong)?;
        let currency = Currency::from_code(&self.currency).ok_or_else(wrong)?;
        match self.exponent == Worldpay::SPEC.exponents.exponent(currency).to_string() {
            true => Worldpay::SPEC.money(minor, &self.currency).map(Some),
            false => Err(wrong()),
        }
    }
}

impl PaymentStatus {
    /// Where the payment stands.
    pub(crate) fn state(&self) -> State {
        match self.last_event.as_str() {
            "REFUSED" => State::Declined(self.decline()),
            "ERROR" => State::Declined(Decline { reason: Reason::ProcessingError, ..self.decline() }),
            event => codes::state(event),
        }
    }

    pub(crate) fn decline(&self) -> Decline {
        let code = self.return_code.as_ref().or(self.issuer_code.as_ref());
        let failed = self.three_ds.as_ref().and_then(|result| result.description.as_deref());
        let reason = match (code, failed) {
            (None, Some("Failed" | "Cardholder not authenticated")) => Reason::AuthenticationFailed,
            (None, _) => Reason::Generic,
            (Some(code), _) => codes::reason(&code.code),
        };
        Decline {
            code: code.map(|code| code.code.clone()),
            message: code.and_then(|code| code.description.clone()),
            network_code: self.issuer_code.as_ref().map(|code| code.code.clone()),
            ..Decline::new(reason)
        }
    }

    /// The amount on an account of the payment.
    pub(crate) fn balance(&self, account: &str) -> Result<Option<Money>> {
        let balance = self.balances.iter().find(|balance| balance.account == account);
        balance.map(|balance| balance.amount.money()).transpose().map(Option::flatten)
    }

    /// What the network said.
    pub(crate) fn network(&self) -> Network {
        let said = |result: &Option<Description>| result.as_ref().and_then(|result| result.description.clone());
        Network {
            transaction_id: self.scheme_response.as_ref().and_then(|scheme| scheme.transaction_identifier.clone()),
            authorization_code: self.authorisation.as_ref().and_then(|authorisation| authorisation.id.clone()),
            response_code: self.issuer_code.as_ref().map(|code| code.code.clone()),
            avs: said(&self.avs),
            cvc: said(&self.cvc),
            eci: self.three_ds.as_ref().and_then(|result| result.eci.clone()),
            ..Network::default()
        }
    }
}

//! The provider's answers. `litle` stands for `cnp` in those of older schema versions.

use quittance::{Currency, Decline, Effect, Error, Kind, Money, Network, Result, State};
use serde::Deserialize;

use crate::codes::{self, Meaning};

/// An answer: whether the request was read, and what became of its transaction.
#[derive(Deserialize)]
pub(crate) struct Envelope {
    #[serde(rename = "@response")]
    pub(crate) response: String,
    #[serde(rename = "@message", default)]
    pub(crate) message: String,
    #[serde(rename = "$value", default)]
    answers: Vec<Answer>,
}

/// A transaction's answer, by what the transaction was.
#[derive(Deserialize)]
pub(crate) enum Answer {
    #[serde(rename = "authorizationResponse")]
    Authorization(Said),
    #[serde(rename = "saleResponse")]
    Sale(Said),
    #[serde(rename = "captureResponse")]
    Capture(Said),
    #[serde(rename = "creditResponse")]
    Credit(Said),
    #[serde(rename = "voidResponse")]
    Void(Said),
    #[serde(rename = "authReversalResponse")]
    Reversal(Said),
    #[serde(rename = "echeckSalesResponse")]
    CheckSale(Said),
    #[serde(rename = "echeckCreditResponse")]
    CheckCredit(Said),
    #[serde(rename = "echeckVoidResponse")]
    CheckVoid(Said),
    #[serde(rename = "registerTokenResponse")]
    Token(Said),
    #[serde(rename = "queryTransactionResponse")]
    Query(Found),
    #[serde(other)]
    Other,
}

/// What was said of a transaction.
#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Said {
    #[serde(rename = "@id")]
    own_id: Option<String>,
    #[serde(alias = "litleTxnId")]
    cnp_txn_id: Option<String>,
    pub(crate) order_id: Option<String>,
    response: String,
    message: Option<String>,
    auth_code: Option<String>,
    pub(crate) approved_amount: Option<String>,
    fraud_result: Option<FraudResult>,
    token_response: Option<TokenResponse>,
    #[serde(alias = "litleToken")]
    cnp_token: Option<String>,
    network_transaction_id: Option<String>,
    enhanced_auth_response: Option<Enhanced>,
}

#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
struct FraudResult {
    avs_result: Option<String>,
    card_validation_result: Option<String>,
}

#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
struct TokenResponse {
    #[serde(alias = "litleToken")]
    cnp_token: Option<String>,
}

#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Enhanced {
    network_response: Option<NetworkResponse>,
}

#[derive(Clone, Deserialize)]
struct NetworkResponse {
    #[serde(rename = "networkField", default)]
    fields: Vec<NetworkField>,
}

/// A field of the network's own message, by its number in ISO 8583.
#[derive(Clone, Deserialize)]
struct NetworkField {
    #[serde(rename = "@fieldNumber")]
    number: String,
    #[serde(rename = "fieldValue")]
    value: Option<String>,
}

/// The answer to a query.
#[derive(Deserialize)]
pub(crate) struct Found {
    pub(crate) response: String,
    #[serde(rename = "results_max10")]
    pub(crate) results: Option<Results>,
}

#[derive(Deserialize)]
pub(crate) struct Results {
    #[serde(rename = "$value", default)]
    pub(crate) answers: Vec<Answer>,
}

impl Envelope {
    /// The only answer.
    pub(crate) fn answer(self) -> Result<Answer> {
        let mut answers = self.answers.into_iter();
        match (answers.next(), answers.next()) {
            (Some(answer), None) => Ok(answer),
            _ => Err(Error::protocol("the answer has not one transaction")),
        }
    }

    /// What was said of the only transaction.
    pub(crate) fn transaction(self) -> Result<Said> {
        self.answer()?.said().cloned().ok_or_else(|| Error::protocol("the answer is of another transaction type"))
    }

    /// That the answer is to the transaction of this `id`, which is echoed.
    pub(crate) fn check_id(&self, id: &str) -> Result<()> {
        let echoes = |answer: &Answer| answer.own_id().is_none_or(|own| own == id);
        match self.answers.iter().all(echoes) {
            true => Ok(()),
            false => Err(Error::new(Kind::Integrity, Effect::Unknown, "the answer is to another transaction")),
        }
    }
}

impl Answer {
    fn said(&self) -> Option<&Said> {
        match self {
            Answer::Authorization(said)
            | Answer::Sale(said)
            | Answer::Capture(said)
            | Answer::Credit(said)
            | Answer::Void(said)
            | Answer::Reversal(said)
            | Answer::CheckSale(said)
            | Answer::CheckCredit(said)
            | Answer::CheckVoid(said)
            | Answer::Token(said) => Some(said),
            Answer::Query(_) | Answer::Other => None,
        }
    }

    fn own_id(&self) -> Option<&str> {
        self.said()?.own_id.as_deref()
    }
}

impl Said {
    /// The provider's id of the transaction.
    pub(crate) fn id(&self) -> Result<&str> {
        let id = self.cnp_txn_id.as_deref().filter(|id| !id.is_empty());
        id.ok_or_else(|| Error::protocol("the answer has no transaction id"))
    }

    /// That it is about the transaction that was asked for.
    pub(crate) fn speaks_of(&self, id: &str) -> Result<()> {
        match self.id()? == id {
            true => Ok(()),
            false => Err(Error::new(Kind::Integrity, Effect::Unknown, "the answer speaks of another transaction")),
        }
    }

    /// What the response code says of a transaction that ends in `done` when it is approved.
    pub(crate) fn state(&self, done: State) -> Result<State> {
        let declined = |reason| {
            State::Declined(Decline {
                message: self.message.clone(),
                network_code: self.network_code(),
                ..Decline::with_code(reason, &self.response)
            })
        };
        let words = ["Approved", "Transaction Received", "Account number was"];
        let approving = |message: &String| words.iter().any(|word| message.contains(word));
        let approval = self.auth_code.is_some() || self.message.as_ref().is_none_or(approving);
        Ok(match codes::meaning(&self.response, approval) {
            Meaning::Approved => done,
            Meaning::Received => State::Pending,
            Meaning::Declined(reason) => declined(reason),
            Meaning::Refused(kind, effect) => {
                let message = self.message.as_deref().unwrap_or_default();
                let error = Error::new(kind, effect, format!("the transaction was not processed: {message}"));
                return Err(error.with_code(&*self.response));
            }
            Meaning::Unknown => State::Unrecognised(self.response.clone()),
        })
    }

    /// The token that the card was stored under.
    pub(crate) fn token(&self) -> Option<&str> {
        let beside = self.token_response.as_ref().and_then(|token| token.cnp_token.as_deref());
        self.cnp_token.as_deref().or(beside).filter(|token| !token.is_empty())
    }

    /// The network's id of the transaction.
    pub(crate) fn network_id(&self) -> Option<&str> {
        self.network_transaction_id.as_deref()
    }

    fn network_code(&self) -> Option<String> {
        let fields = self.enhanced_auth_response.as_ref()?.network_response.as_ref()?.fields.iter();
        fields.filter(|field| field.number == "39").find_map(|field| field.value.clone())
    }

    /// What the network said.
    pub(crate) fn network(&self) -> Network {
        let fraud = self.fraud_result.as_ref();
        Network {
            transaction_id: self.network_transaction_id.clone(),
            authorization_code: self.auth_code.clone(),
            response_code: self.network_code(),
            avs: fraud.and_then(|fraud| fraud.avs_result.clone()),
            cvc: fraud.and_then(|fraud| fraud.card_validation_result.clone()),
            ..Network::default()
        }
    }
}

/// An amount of an answer, in cents.
pub(crate) fn money(text: &str) -> Result<Money> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let minor = text.parse().ok().filter(|_| digits);
    minor.map(|minor| Money::new(minor, Currency::USD)).ok_or_else(|| Error::protocol("the answer has no valid amount"))
}

/// The raw value of a state that a stored method cannot have.
pub(crate) fn raw(state: State) -> String {
    match state {
        State::Unrecognised(raw) => raw,
        state => state.as_str().to_owned(),
    }
}

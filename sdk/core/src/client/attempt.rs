//! The record of every try: what metrics, routing, alerts and analytics are folds over.

use std::time::Duration;

use jiff::Timestamp;

use crate::{
    Authorize, Brand, Currency, Decline, Dispute, DisputeState, Effect, Error, Event, Family, Key, Kind, Mandate,
    MandateState, Method, Money, Network, NetworkToken, Op, Payment, Payout, Reason, Refund, Session, SetUp, State,
    TransferState,
};

/// Receives every [`Attempt`]. Called in line: hand slow work to another task.
pub trait Sink: Send + Sync {
    /// Takes the record of one try.
    fn attempt(&self, attempt: &Attempt);
}

/// One try of one operation. It holds no secret and nothing about the customer but the country.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// The connector's id, [`crate::Spec::id`].
    pub connector: &'static str,
    /// The operation. Look-ups that settle an unknown result are attempts of their own, under the same key.
    pub op: Op,
    /// What kind of payment it was.
    pub segment: Segment,
    /// The amount asked for, in operations that have one.
    pub amount: Option<Money>,
    /// How it ended.
    pub verdict: Verdict,
    /// How long it took, without waits between tries; zero if the clock went back.
    pub latency: Duration,
    /// When it began.
    pub at: Timestamp,
    /// The idempotency key: equal for all tries of one call. `None` for reads.
    pub key: Option<Key>,
    /// Which try of its call this is, from 1.
    pub number: u32,
}

/// What kind of payment a try was for, as far as the request says it. Later operations on a payment know only the currency.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Segment {
    /// The method's family.
    pub family: Option<Family>,
    /// The method's brand, for branded families (`ideal`).
    pub method_brand: Option<String>,
    /// The card's brand, after its first digits.
    pub card_brand: Option<Brand>,
    /// The first six digits of a card or network token; never more.
    pub bin: Option<String>,
    /// The country of the billing address, ISO 3166-1 alpha-2.
    pub country: Option<String>,
    /// The currency.
    pub currency: Option<Currency>,
}

impl Segment {
    fn of(method: &Method, country: Option<&String>, currency: Currency) -> Segment {
        let number = match method {
            Method::Card(card) => Some(&card.number),
            Method::NetworkToken(token) => Some(&token.number),
            _ => None,
        };
        Segment {
            family: Some(method.family()),
            method_brand: method.brand().map(str::to_owned),
            card_brand: number.map(|number| number.brand()),
            bin: number.map(|number| number.bin().to_owned()),
            country: country.cloned(),
            currency: Some(currency),
        }
    }

    pub(super) fn of_authorize(request: &Authorize) -> Segment {
        Segment::of(&request.method, request.billing.country.as_ref(), request.amount.currency())
    }

    pub(super) fn of_set_up(request: &SetUp) -> Segment {
        Segment::of(&request.method, request.billing.country.as_ref(), request.currency)
    }
}

/// How a try ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The answer shows what was asked for; of a look-up, an object in good standing.
    Approved,
    /// The provider works on it.
    Pending,
    /// The customer must do something first.
    Challenge,
    /// Refused, run out or withdrawn.
    Declined {
        /// The class.
        reason: Reason,
        /// The provider's own code, as it came.
        code: Option<String>,
        /// The network's response code, as it came.
        network_code: Option<String>,
        /// The network's advice code, as it came.
        advice_code: Option<String>,
    },
    /// No answer, and nothing happened at the provider.
    Failed {
        /// The class of the error.
        kind: Kind,
    },
    /// The provider may have acted.
    Unknown {
        /// The class of the error; `None` when there was an answer whose state does not tell.
        kind: Option<Kind>,
    },
}

impl Verdict {
    /// The verdict in words, `snake_case`, for labels.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Verdict::Approved => "approved",
            Verdict::Pending => "pending",
            Verdict::Challenge => "challenge",
            Verdict::Declined { .. } => "declined",
            Verdict::Failed { .. } => "failed",
            Verdict::Unknown { .. } => "unknown",
        }
    }

    const UNTOLD: Verdict = Verdict::Unknown { kind: None };

    pub(super) fn of<T: Answered>(op: Op, result: &Result<T, Error>) -> Verdict {
        match result {
            Ok(answer) => answer.verdict(op),
            Err(error) if error.effect() == Effect::Unknown && !op.reads() => {
                Verdict::Unknown { kind: Some(error.kind()) }
            }
            Err(error) => Verdict::Failed { kind: error.kind() },
        }
    }

    fn ended(reason: Reason) -> Verdict {
        Verdict::declined(&Decline::new(reason), &Network::default())
    }

    /// A refusal; codes that stand beside the decline are used where it has none itself.
    fn declined(decline: &Decline, network: &Network) -> Verdict {
        Verdict::Declined {
            reason: decline.reason,
            code: decline.code.clone(),
            network_code: decline.network_code.clone().or_else(|| network.response_code.clone()),
            advice_code: decline.advice_code.clone().or_else(|| network.advice_code.clone()),
        }
    }
}

/// An answer that can be judged.
pub(super) trait Answered {
    /// What the answer means for the operation that was asked for.
    fn verdict(&self, op: Op) -> Verdict;
}

impl Answered for Payment {
    fn verdict(&self, op: Op) -> Verdict {
        match (&self.state, op) {
            (State::ActionRequired(_), _) => Verdict::Challenge,
            (State::Pending, _) => Verdict::Pending,
            (State::Declined(decline), _) => Verdict::declined(decline, &self.network),
            (State::Expired, _) => Verdict::ended(Reason::Expired),
            (State::Unrecognised(_), _) => Verdict::UNTOLD,
            (State::Voided, Op::Void | Op::Retrieve) => Verdict::Approved,
            (State::Voided, _) => Verdict::ended(Reason::Generic),
            // A payment that still stands does not show that it was released, nor a reservation that it was taken.
            (State::Authorized | State::Captured, Op::Void) | (State::Authorized, Op::Capture) => Verdict::UNTOLD,
            (State::Authorized | State::Captured, _) => Verdict::Approved,
        }
    }
}

impl Answered for TransferState {
    fn verdict(&self, _op: Op) -> Verdict {
        match self {
            TransferState::Pending => Verdict::Pending,
            TransferState::ActionRequired(_) => Verdict::Challenge,
            TransferState::Succeeded => Verdict::Approved,
            TransferState::Failed(decline) => Verdict::declined(decline, &Network::default()),
            TransferState::Cancelled => Verdict::ended(Reason::Generic),
            TransferState::Unrecognised(_) => Verdict::UNTOLD,
        }
    }
}

impl Answered for Refund {
    fn verdict(&self, op: Op) -> Verdict {
        self.state.verdict(op)
    }
}

impl Answered for Payout {
    fn verdict(&self, op: Op) -> Verdict {
        self.state.verdict(op)
    }
}

impl Answered for Mandate {
    fn verdict(&self, op: Op) -> Verdict {
        match (&self.state, op) {
            (MandateState::ActionRequired(_), _) => Verdict::Challenge,
            (MandateState::Pending, _) => Verdict::Pending,
            (MandateState::Declined(decline), _) => Verdict::declined(decline, &self.network),
            (MandateState::Revoked, Op::Revoke) => Verdict::Approved,
            (MandateState::Revoked, _) => Verdict::ended(Reason::MandateRevoked),
            (MandateState::Active, Op::Revoke) | (MandateState::Unrecognised(_), _) => Verdict::UNTOLD,
            (MandateState::Active, _) => Verdict::Approved,
        }
    }
}

impl Answered for Dispute {
    fn verdict(&self, _op: Op) -> Verdict {
        match self.state {
            DisputeState::Unrecognised(_) => Verdict::UNTOLD,
            _ => Verdict::Approved,
        }
    }
}

impl Answered for Session {
    fn verdict(&self, _op: Op) -> Verdict {
        Verdict::Approved
    }
}

impl Answered for NetworkToken {
    fn verdict(&self, _op: Op) -> Verdict {
        Verdict::Approved
    }
}

impl Answered for Vec<Event> {
    fn verdict(&self, _op: Op) -> Verdict {
        Verdict::Approved
    }
}

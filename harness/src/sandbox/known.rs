//! What a sandbox knows: the exchanges and deliveries of the tapes, each with the situation it stands in.

use std::collections::BTreeMap;
use std::sync::Arc;

use http::Method;
use quittance::{Currency, Op};

use super::give::Needs;
use super::places::Place;
use super::roles::{Figure, Flag, Quantity, Style};
use crate::tape::{AnswerTemplate, Shape, Template, Webhook};

/// What a request makes or speaks of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Kind {
    Payment,
    Refund,
    Mandate,
    Payout,
    Dispute,
    /// What authorizes requests.
    Token,
    /// Anything else that has an id: a customer, an order, a capture.
    Other,
}

impl Kind {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Kind::Payment => "payment",
            Kind::Refund => "refund",
            Kind::Mandate => "mandate",
            Kind::Payout => "payout",
            Kind::Dispute => "dispute",
            Kind::Token => "token",
            Kind::Other => "other",
        }
    }

    /// The kind of object that an operation makes, or else acts on.
    pub(super) fn of(op: Op) -> Kind {
        match op {
            Op::Refund | Op::RetrieveRefund => Kind::Refund,
            Op::SetUp | Op::Revoke => Kind::Mandate,
            Op::PayOut | Op::RetrievePayout => Kind::Payout,
            Op::AnswerDispute => Kind::Dispute,
            Op::OpenSession | Op::UnwrapToken | Op::Webhook => Kind::Other,
            _ => Kind::Payment,
        }
    }
}

/// How an object stands: its state in the words of the contract, and its amounts in the provider's minor units.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Account {
    pub(super) state: &'static str,
    pub(super) amount: i64,
    pub(super) captured: i64,
    pub(super) refunded: i64,
}

impl Account {
    pub(super) const NONE: Account = Account { state: "", amount: 0, captured: 0, refunded: 0 };
}

/// The situation of an exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Moment {
    /// How the payment stood when the request came.
    pub(super) before: Account,
    /// How it stands when the answer is given.
    pub(super) after: Account,
    /// How it stands when all has settled.
    pub(super) end: Account,
    /// The amount that is asked.
    pub(super) asked: Option<i64>,
}

/// What a value of a tape's request is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Role {
    /// A fixed text.
    Literal(String),
    /// An amount, of this quantity where it is one that is asked.
    Amount(Figure, Option<Quantity>),
    /// The currency.
    Currency(Style),
    /// A text with holes.
    Holes(Template),
    /// An id of the merchant's that follows from the reference.
    Digest,
}

/// A value of a tape's request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Want {
    pub(super) path: String,
    pub(super) place: Place,
    pub(super) role: Role,
}

/// What fills a slot: a place of an answer that is filled when it is given.
#[derive(Debug, Clone)]
pub(super) enum Fill {
    Amount(Quantity, Figure),
    Flag(Flag),
    Currency(Style),
    /// What was sent there; else the text of the tape, or nothing.
    Echo {
        /// Where it stands in requests; then the name under which it is kept for later answers.
        path: String,
        place: Place,
        quoted: bool,
        otherwise: Option<String>,
    },
    /// All that was sent below that path, as a JSON object.
    Object {
        /// The number of the path.
        prefix: usize,
        /// Under which it is kept for later answers.
        name: String,
    },
    /// The id that follows from the reference.
    Digest,
    /// The id of the object of that kind.
    Id(Kind),
    /// A minted value, by its place among those of the answer.
    Minted(usize),
    /// The members of a list that tell refunds, one for each, by their place among such lists of the answer.
    Refunds(usize),
    /// The last digits, the first digits, or a masked number of the card; the tape's text.
    Card {
        part: &'static str,
        text: String,
    },
}

/// The member of a list that tells of one refund. It has slots of its own.
#[derive(Debug)]
pub(super) struct Item {
    pub(super) template: Template,
    /// The minted values that stand in it.
    pub(super) gens: Vec<Gen>,
    pub(super) slots: Vec<Fill>,
}

/// A minted value that stands in an answer or delivery. They are in the order of their names.
#[derive(Debug)]
pub(super) struct Gen {
    pub(super) name: String,
    pub(super) shape: Shape,
    /// Whether it is another one whenever that answer is given.
    pub(super) is_new: bool,
}

/// What is the same for all exchanges of one case.
#[derive(Debug)]
pub(super) struct Lineage {
    /// The case.
    pub(super) case: Arc<str>,
    /// What is made at each step, by the number of the step.
    pub(super) made: BTreeMap<u32, Kind>,
    /// What minted and caught names belong to.
    pub(super) names: BTreeMap<String, Kind>,
    /// The currency of the case.
    pub(super) currency: Option<Currency>,
    /// Family and brand of the method that the case begins with.
    pub(super) method: Arc<str>,
    /// The test card of the profile that the case begins with.
    pub(super) card: Arc<str>,
    /// The sample values of the case.
    pub(super) samples: Arc<BTreeMap<String, String>>,
    /// Names of values that are in the handle of an object: of what, and in which part; the id itself is the part without a name.
    pub(super) parts: BTreeMap<String, (Kind, String)>,
    /// Ids that stand in its deliveries as they are, with what they are of.
    pub(super) ids: BTreeMap<String, Kind>,
    /// The shape of each value that its tape mints.
    pub(super) shapes: BTreeMap<String, Shape>,
    /// How many steps the case has.
    pub(super) steps: usize,
}

/// The situation of one exchange of a tape: where it stands in its case, and what it does there.
#[derive(Debug)]
pub(super) struct Situation {
    pub(super) lineage: Arc<Lineage>,
    pub(super) line: usize,
    pub(super) op: Op,
    pub(super) step: u32,
    pub(super) method: Method,
    /// The provider's host.
    pub(super) host: String,
    /// The segments of the path.
    pub(super) segments: Vec<Template>,
    pub(super) moment: Moment,
    /// The state of the object that the operation is about, in the end.
    pub(super) shows: &'static str,
    /// Whether it moves something.
    pub(super) acts: bool,
    /// Whether it belongs to the settling of its step.
    pub(super) settles: bool,
    /// What it makes.
    pub(super) creates: Option<Kind>,
    /// How the id of what it makes is made of minted values.
    pub(super) id: Option<Template>,
    pub(super) class: Class,
    /// The minted values that are first in its answer.
    pub(super) news: Vec<String>,
    pub(super) answer: AnswerTemplate,
}

/// One exchange of a tape whose values are understood. Its answer has slots.
#[derive(Debug)]
pub(super) struct Known {
    pub(super) at: Situation,
    pub(super) wants: Vec<Want>,
    /// The minted values that stand in the answer.
    pub(super) gens: Vec<Gen>,
    /// What fills the slots of the answer, by number.
    pub(super) slots: Vec<Fill>,
    /// The members of its lists that tell refunds.
    pub(super) items: Vec<Item>,
    /// Its deliveries, by their place in the list of all.
    pub(super) due: Vec<usize>,
    /// Whether its answer is the last of its step's own, after which deliveries follow.
    pub(super) last: bool,
    /// Whether it names no object and tells of one: it lists payments, of which a sandbox has the newest.
    pub(super) lists: bool,
    /// Whether its answer has an amount that follows from what was given back.
    pub(super) tells_refunds: bool,
    /// What its answer needs of the steps of its case.
    pub(super) needs: Needs,
}

/// What an exchange shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Class {
    /// What was asked is done.
    Done,
    /// The provider says no to a good request: a decline, or an end that a test card or a customer chooses.
    Declined,
    /// The operation is not allowed now, or not in that amount.
    Refused,
    /// The provider finds the request wrong.
    Invalid,
    /// There is no such object.
    Missing,
    /// The credentials are refused.
    Credentials,
    /// The same request came before under this key: what is answered then, where it is not what was answered first.
    Again,
}

/// What one delivery of a tape reports, and when.
#[derive(Debug)]
pub(super) struct Report {
    pub(super) lineage: Arc<Lineage>,
    pub(super) step: u32,
    /// The name of the event.
    pub(super) event: Arc<str>,
    /// What it is about.
    pub(super) kind: Kind,
    /// The state that it reports.
    pub(super) state: &'static str,
    pub(super) moment: Moment,
    pub(super) webhook: Webhook,
    /// Whether it is of a case of its own and not of the settling of an operation.
    pub(super) alone: bool,
}

/// One delivery of a tape whose values are understood. Its body has slots.
#[derive(Debug)]
pub(super) struct Delivered {
    pub(super) report: Report,
    pub(super) gens: Vec<Gen>,
    /// What fills the slots of the body, by number.
    pub(super) slots: Vec<Fill>,
}

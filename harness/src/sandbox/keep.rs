//! Notes what a request made, and how the payment stands after it.

use quittance::Op;

use super::book::{Later, Number, Object};
use super::choice::{Target, asked, waits};
use super::few::Few;
use super::give::Own;
use super::known::{Account, Class, Kind, Known, Moment, Role};
use super::roles::Quantity;
use super::sent::{Sent, Value};
use super::texts::{Of, Texts};
use super::understand::begins;
use super::{Sandbox, State};

/// Longest text that is kept of a request for later answers, in bytes.
const MAX_KEPT: usize = 1_024;

/// What a request made.
pub(super) struct Made<'k> {
    pub(super) number: Number,
    pub(super) target: Target,
    pub(super) own: Own<'k>,
    pub(super) minted: Few<'k>,
    pub(super) fresh: Vec<&'k str>,
    pub(super) id: String,
    /// An exchange whose test card was recognised.
    pub(super) card_of: Option<usize>,
    pub(super) moment: Moment,
    /// The exchange that made it, by its place in the list of all.
    pub(super) index: usize,
}

impl Made<'_> {
    /// How the payment stands as far as it was told.
    fn told(&self, known: &Known) -> Account {
        let settled = known.due.is_empty() && known.at.moment.after.state == known.at.moment.end.state;
        if known.at.acts && settled { self.moment.end } else { self.moment.after }
    }

    /// The values that are parts of the handle of such an object, by part.
    fn parts<'m>(&'m self, known: &'m Known, kind: Kind) -> impl Iterator<Item = (&'m str, &'m str)> {
        self.minted.iter().chain(self.own.caught.iter()).filter_map(move |(name, value)| {
            let (of, part) = known.at.lineage.parts.get(name)?;
            (*of == kind).then_some((part.as_str(), value))
        })
    }
}

fn is_root(kind: Kind) -> bool {
    matches!(kind, Kind::Payment | Kind::Mandate | Kind::Payout)
}

/// Moves the payment that a request is about.
fn touch(state: &mut State, known: &Known, made: &Made<'_>) {
    let told = made.told(known);
    let Some(object) = made.target.root.and_then(|root| state.book.get_mut(root)) else { return };
    object.requests += 1;
    if known.at.acts || (known.at.op == Op::Complete && waits(object.end.state)) {
        (object.account, object.end, object.later) = (told, made.moment.end, None);
    } else if known.at.moment.after == known.at.moment.end && known.at.moment.after.state == object.end.state {
        object.account = object.end;
    }
}

impl Sandbox {
    /// Notes what a request made and how the payment stands after it; the payment, if there is one.
    pub(super) fn book_keeping(
        &self,
        state: &mut State,
        known: &Known,
        made: Made<'_>,
        sent: &Sent<'_>,
    ) -> Option<Number> {
        let begins_own = known.at.creates.is_some_and(is_root);
        let target = made.target;
        if !begins_own {
            touch(state, known, &made);
            for number in [target.root, target.object].into_iter().flatten() {
                if let Some(object) = state.book.get_mut(number) {
                    made.parts(known, object.kind).for_each(|(part, value)| object.texts.set(Of::Part, part, value));
                }
            }
        }
        let number = made.number;
        let Some(kind) = known.at.creates else {
            let fresh = made.fresh.iter().filter_map(|name| Some((name, made.minted.get(name)?)));
            for (name, value) in fresh.filter(|_| target.object.is_some()) {
                target.object.into_iter().for_each(|object| state.book.mint(object, name, value));
            }
            return target.root;
        };
        let object = self.object(state, known, kind, &made, sent);
        state.book.add(number, object);
        if begins_own { Some(number) } else { target.root }
    }

    /// The object that an exchange makes.
    fn object(&self, state: &mut State, known: &Known, kind: Kind, made: &Made<'_>, sent: &Sent<'_>) -> Object {
        let spare = state.book.spare();
        let told = made.told(known);
        let Made { target, own, card_of, moment, index, .. } = made;
        let inherited = target.object.and_then(|parent| state.book.get(parent));
        let amount = moment.asked.unwrap_or_default();
        let alone = |state: &'static str| Account { state, amount, captured: 0, refunded: 0 };
        let waiting = is_root(kind) && waits(told.state) && !waits(moment.end.state) && !moment.end.state.is_empty();
        let later = waiting.then_some(Later { account: moment.end, known: *index });
        let (account, end) = match kind {
            _ if waiting => (told, told),
            kind if is_root(kind) => (told, moment.end),
            Kind::Refund => (alone(known.at.shows), alone("succeeded")),
            _ => (alone(""), alone("")),
        };
        Object {
            kind,
            parent: target.object,
            children: Vec::new(),
            texts: self.texts((known, kind), made, inherited, sent, spare),
            account,
            end,
            later,
            currency: own.currency.or(inherited.and_then(|object| object.currency)).or(known.at.lineage.currency),
            made_by: Some(*index),
            card_of: card_of.or(inherited.and_then(|object| object.card_of)),
            requests: 1,
        }
    }

    /// The ids of an object that is made, and what was sent for it.
    fn texts(
        &self,
        (known, kind): (&Known, Kind),
        made: &Made<'_>,
        inherited: Option<&Object>,
        sent: &Sent<'_>,
        spare: Texts,
    ) -> Texts {
        let Made { own, minted, fresh, id, .. } = made;
        let mut texts = Vec::with_capacity(48);
        // What is asked for most stands at the end, from where it is looked for.
        texts.extend(self.kept(sent).map(|(name, value)| (Of::Sent, name, value)));
        if let (Some(object), true) = (inherited, own.samples.is_empty()) {
            texts.extend(object.texts.all().filter(|(of, ..)| *of == Of::Sample));
        }
        texts.extend(own.samples.iter().map(|(name, value)| (Of::Sample, name, value)));
        texts.extend(own.caught.iter().map(|(name, value)| (Of::Caught, name, value)));
        texts.extend(made.parts(known, kind).map(|(part, value)| (Of::Part, part, value)));
        texts.extend(fresh.iter().filter_map(|name| Some((Of::Minted, *name, minted.get(name)?))));
        let alone = [(Of::Digest, own.digest), (Of::Key, own.key), (Of::Reference, own.reference)];
        texts.extend(alone.into_iter().filter_map(|(of, value)| Some((of, "", value?))));
        if !id.is_empty() {
            texts.push((Of::Id, "", id.as_str()));
        }
        Texts::of(&texts, spare)
    }

    /// What was sent and is repeated in later answers.
    fn kept<'s>(&self, sent: &'s Sent<'_>) -> impl Iterator<Item = (&'s str, &'s str)> {
        let kept = move |value: &'s Value<'_>| {
            let place = value.place.filter(|place| self.knowledge.keeps(*place) && value.text.len() <= MAX_KEPT)?;
            Some((sent.short(place)?, &*value.text))
        };
        let alone = sent.iter().filter_map(kept);
        alone.chain(sent.objects())
    }
}

/// How a payment stands after an exchange.
pub(super) fn moved(known: &Known, before: Account, sent: Option<i64>) -> Moment {
    let tape = known.at.moment;
    let asked = asked(known.at.op, sent, &before);
    let sum = asked.unwrap_or(0);
    let still = Moment { before, after: before, end: before, asked };
    if begins(known.at.op) {
        // What is refused leaves the payment that is there as it is.
        if known.at.class == Class::Refused && known.at.creates.is_none() {
            return still;
        }
        let sum = if sum == 0 { before.amount } else { sum };
        if !known.at.acts && known.at.creates.is_none_or(|kind| kind == Kind::Other) && !known.at.settles {
            return Moment { asked: Some(sum), ..still };
        }
        if known.at.settles || (known.at.acts && known.at.creates.is_none()) {
            let state = if known.at.settles { tape.after.state } else { tape.end.state };
            let captured = if state == "captured" && before.captured == 0 { before.amount } else { before.captured };
            let after = if known.at.settles && !known.at.acts && before.state == state {
                before
            } else {
                Account { state, captured, ..before }
            };
            let after = if known.at.settles && !known.at.acts { before } else { after };
            return Moment { before, after, end: after, asked: Some(sum) };
        }
        let stands = |state: &'static str| Account {
            state,
            amount: sum,
            captured: if state == "captured" { sum } else { 0 },
            refunded: 0,
        };
        return Moment {
            before: Account::NONE,
            after: stands(tape.after.state),
            end: stands(tape.end.state),
            asked: Some(sum),
        };
    }
    // A request without an amount that belongs to a capture of a part takes nothing: it gives the rest free.
    let states = known.wants.iter().any(|want| matches!(want.role, Role::Amount(_, Some(Quantity::Asked))));
    let takes_rest = tape.asked == tape.before.amount.checked_sub(tape.before.captured);
    if known.at.op == Op::Capture && !states && !takes_rest && tape.asked.is_some() {
        return still;
    }
    let completes = known.at.op == Op::Complete && waits(before.state);
    if !(known.at.acts || completes) || known.at.class == Class::Refused {
        return still;
    }
    let end = match known.at.op {
        Op::Capture => Account { state: "captured", captured: before.captured.saturating_add(sum), ..before },
        Op::Void => Account { state: "voided", ..before },
        Op::Refund => Account { refunded: before.refunded.saturating_add(sum), ..before },
        Op::Adjust => Account { amount: if sum == 0 { before.amount } else { sum }, ..before },
        Op::Complete => {
            let state = tape.end.state;
            let captured = if state == "captured" && before.captured == 0 { before.amount } else { before.captured };
            Account { state, captured, ..before }
        }
        _ => before,
    };
    if completes && !known.at.acts {
        return Moment { before, after: end, end, asked: None };
    }
    let settled = tape.after.state == tape.end.state && tape.after.captured == tape.end.captured;
    let after = if settled || known.at.op == Op::Refund { end } else { before };
    Moment { before, after, end, asked }
}

//! Chooses the exchange that answers a request: by what was sent, by how the payment stands, and by what a test card or amount is for.

use std::collections::{BTreeMap, HashMap};

use quittance::{Idempotency, Op, Spec};

use super::book::{Book, Number, Object};
use super::fit::Fit;
use super::known::{Account, Class, Kind, Known, Lineage};
use super::texts::Of;
use super::understand::begins;
use crate::profile::Profile;
use crate::tape::Hole;

/// A test card that chooses an outcome: by sample values in which it differs from the approved one, or by the amount.
#[derive(Debug, Default)]
pub(super) struct Chooser {
    pub(super) differs: BTreeMap<String, String>,
    pub(super) amount: Option<i64>,
}

/// The test cards of a profile by name.
pub(super) type Choosers = HashMap<String, Chooser>;

pub(super) fn choosers(profile: &Profile) -> Choosers {
    let approved = profile.card_samples("approved").unwrap_or_default();
    let chooser = |name: &String| {
        let samples = profile.card_samples(name).unwrap_or_default();
        let differs = samples.into_iter().filter(|(key, value)| approved.get(key) != Some(value)).collect();
        let amount = profile.model.cards.get(name).and_then(|card| card.amount_minor);
        (name.clone(), Chooser { differs, amount })
    };
    profile.model.cards.keys().filter(|name| *name != "approved").map(chooser).collect()
}

/// What is to be done with a request.
#[derive(Debug)]
pub(super) enum Choice {
    /// An exchange answers it: by its place among the fits.
    Answer(usize),
    /// The credentials are refused.
    Unproven(usize),
    /// There is no such object.
    Absent(usize),
    /// What was sent is no request of that kind.
    Invalid(usize),
    /// The operation is not allowed now.
    Refused(usize),
}

impl Choice {
    /// The place among the fits.
    pub(super) fn at(&self) -> usize {
        match self {
            Choice::Answer(at)
            | Choice::Unproven(at)
            | Choice::Absent(at)
            | Choice::Invalid(at)
            | Choice::Refused(at) => *at,
        }
    }
}

/// What a choice looks at of every exchange of a route: a copy, since all of them are looked at for each request.
#[derive(Debug, Clone, Copy)]
pub(super) struct Brief {
    op: Op,
    class: Class,
    acts: bool,
    creates: Option<Kind>,
    pub(super) lists: bool,
    /// How far it stands behind in the order of belief.
    rank: i32,
}

impl Brief {
    pub(super) fn of(known: &Known) -> Brief {
        let at = &known.at;
        let declined = if at.class == Class::Declined { 25 } else { 0 };
        let shape = i32::from(at.settles && !at.acts);
        // A case that ends while it waits says nothing of how it ends.
        let endless = if begins(at.op) && waits(at.moment.end.state) { 2 } else { 0 };
        let rank = declined + shape + endless;
        Brief { op: at.op, class: at.class, acts: at.acts, creates: at.creates, lists: known.lists, rank }
    }

    /// Whether what it shows is no mistake of who asks.
    fn is_usual(self) -> bool {
        matches!(self.class, Class::Done | Class::Declined | Class::Refused)
    }

    /// Whether another may answer in its place, as the payment stands.
    fn may_be(self, other: Brief) -> bool {
        if self.acts || self.creates.is_some() {
            let fetches = |brief: Brief| brief.creates == Some(Kind::Token);
            return (other.op, other.acts, fetches(other)) == (self.op, self.acts, fetches(self));
        }
        !other.acts && other.creates.is_none()
    }
}

/// What a choice is made by.
pub(super) struct Chooses<'c> {
    pub(super) spec: &'static Spec,
    pub(super) known: &'c [Known],
    pub(super) book: &'c Book,
}

/// The target of a request: the object that it names, and the payment that this belongs to.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Target {
    pub(super) object: Option<Number>,
    pub(super) root: Option<Number>,
}

impl Chooses<'_> {
    fn of(&self, fit: &Fit<'_>) -> Option<&Known> {
        self.known.get(fit.index)
    }

    /// What is the same for all exchanges of the case that an object was begun in.
    fn lineage(&self, object: &Object) -> Option<&Lineage> {
        Some(&*self.known.get(object.made_by?)?.at.lineage)
    }

    /// The payment that waits for somebody, where an answer was chosen that shows it otherwise: then they have decided by now.
    pub(super) fn decided(&self, fits: &[Fit<'_>], choice: Option<&Choice>) -> Option<Number> {
        let Some(Choice::Answer(at)) = choice else { return None };
        let (fit, known) = fits.get(*at).and_then(|fit| Some((fit, self.of(fit)?)))?;
        let number = self.target(fit).root?;
        let object = self.book.get(number).filter(|object| object.later.is_some())?;
        let reads = !known.at.acts && known.at.creates.is_none();
        let shown = known.at.moment.after.state;
        (reads && !waits(shown) && shown != object.end.state).then_some(number)
    }

    /// The object that a request is about.
    pub(super) fn target(&self, fit: &Fit<'_>) -> Target {
        if fit.joint.named.is_empty() && !fit.brief.lists {
            return Target::default();
        }
        let kind = Kind::of(fit.brief.op);
        let is =
            |wanted: Kind| move |number: &&Number| self.book.get(**number).is_some_and(|object| object.kind == wanted);
        let named = fit.joint.named.iter();
        let object = named.clone().rev().find(is(kind)).or_else(|| named.clone().rev().find(is(Kind::Payment)));
        let object = object.or_else(|| named.clone().next_back()).copied();
        let object = object.or_else(|| if fit.brief.lists { self.book.newest_payment() } else { None });
        Target { object, root: object.and_then(|object| self.book.root(object)) }
    }

    /// The choice among the fits of a route.
    pub(super) fn choose(&self, fits: &[Fit<'_>]) -> Option<Choice> {
        let usual = |fit: &Fit<'_>| fit.brief.is_usual();
        let all = || fits.iter().enumerate();
        // What opens a session only is said so; a sparse request begins a payment.
        let session = |fit: &Fit<'_>| if fit.brief.op == Op::OpenSession && !fit.joint.is_exact { 40 } else { 0 };
        let scored = |fit: &Fit<'_>| fit.score + self.by_card(fit) - fit.brief.rank - session(fit);
        let scores: Vec<i32> = fits.iter().map(scored).collect();
        let score = |at: usize| scores.get(at).copied().unwrap_or(i32::MIN);
        let best = |found: &mut dyn Iterator<Item = (usize, &Fit<'_>)>| {
            // Of equals the first, which is of the simpler case.
            found.map(|(at, _)| (score(at), usize::MAX - at)).max().map(|(_, at)| usize::MAX - at)
        };
        let top = best(&mut all().filter(|(_, fit)| usual(fit))).or_else(|| best(&mut all()))?;
        // A payment may be begun with a token of the client's that no tape knows.
        let begun = fits.get(top).is_some_and(|fit| fit.joint.absent && begins(fit.brief.op));
        let other = if begun { best(&mut all().filter(|(_, fit)| usual(fit) && !fit.joint.absent)) } else { None };
        let top = other.unwrap_or(top);
        let (fit, known) = fits.get(top).and_then(|fit| Some((fit, self.of(fit)?)))?;
        if fit.joint.unproven {
            return Some(Choice::Unproven(top));
        }
        if fit.joint.absent || known.at.class == Class::Missing {
            return Some(Choice::Absent(top));
        }
        if fit.joint.no_amount && begins(known.at.op) && known.at.acts {
            return Some(Choice::Invalid(top));
        }
        let target = self.target(fit);
        let too_much = self.too_much(fits, known, fit, target);
        if let Some(at) = too_much.filter(|_| known.at.op == Op::Adjust) {
            return Some(Choice::Answer(at));
        }
        let legal = !known.at.acts || self.is_legal(known, fit, target);
        let may = |(_, other): &(usize, &Fit<'_>)| {
            let is_good = usual(other) && !other.joint.absent && !other.joint.unproven;
            is_good && (other.brief.class == Class::Refused) != legal && fit.brief.may_be(other.brief)
        };
        let situated = |at: usize, fit: &Fit<'_>| score(at) + self.by_situation(fit, self.target(fit), legal);
        let chosen = all().filter(may).map(|(at, fit)| (situated(at, fit), usize::MAX - at)).max();
        Some(match chosen {
            Some((_, at)) => Choice::Answer(usize::MAX - at),
            None if legal => Choice::Answer(top),
            None => Choice::Refused(top),
        })
    }

    /// The refusal of the same request for an amount as far beyond what is reserved as this one, where the tapes show one: how far an
    /// amount can be raised is the provider's secret.
    fn too_much(&self, fits: &[Fit<'_>], known: &Known, fit: &Fit<'_>, target: Target) -> Option<usize> {
        let (asked, now) = (fit.joint.asked?, self.book.get(target.root?)?.end);
        if asked <= now.amount || now.amount <= 0 {
            return None;
        }
        let alike = |other: &&Known| {
            let (was, tape) = (other.at.moment.before, other.at.moment.asked.unwrap_or_default());
            let same = other.at.acts == known.at.acts && was.state == now.state && was.amount > 0 && tape > was.amount;
            same && matches!(other.at.op, Op::Capture | Op::Adjust)
        };
        // In millionths of what was reserved.
        let share = |asked: i64, amount: i64| i128::from(asked) * 1_000_000 / i128::from(amount);
        let of_tape = |other: &Known| share(other.at.moment.asked.unwrap_or_default(), other.at.moment.before.amount);
        let asked = share(asked, now.amount);
        let all = || fits.iter().enumerate().filter_map(|(at, fit)| Some((at, self.of(fit).filter(alike)?)));
        if all().any(|(_, other)| other.at.class == Class::Done && of_tape(other) >= asked) {
            return None;
        }
        let refused = all().filter(|(_, other)| other.at.class == Class::Refused && of_tape(other) <= asked);
        refused.max_by_key(|(_, other)| of_tape(other)).map(|(at, _)| at)
    }

    /// How well the card, token or amount that was sent is the one of the case.
    fn by_card(&self, fit: &Fit<'_>) -> i32 {
        if fit.joint.named.is_empty() && !fit.has_chooser() {
            return 0;
        }
        let before =
            fit.joint.named.iter().filter_map(|number| self.book.line(*number).find_map(|(_, object)| object.card_of));
        let before = before.filter_map(|of| self.known.get(of)).map(|known| &*known.at.lineage.card).next();
        if !fit.has_chooser() {
            return if before.is_none() { 0 } else { -10 };
        }
        let is_same = || self.of(fit).is_some_and(|known| before == Some(&*known.at.lineage.card));
        let right = fit.chosen(begins(fit.brief.op)).unwrap_or_else(is_same);
        // Who only looks is told how the payment stands, whichever card it was.
        match (right, fit.brief.acts || fit.brief.creates.is_some()) {
            (true, true) => 120,
            (true, false) => 20,
            (false, true) => -150,
            (false, false) => -20,
        }
    }

    /// The exchange, by its place in the list of all, where its test card was recognised.
    pub(super) fn card_of(&self, fit: &Fit<'_>) -> Option<usize> {
        let known = self.of(fit)?;
        (fit.chosen(begins(known.at.op)) == Some(true)).then_some(fit.index)
    }

    /// Whether an operation may be done as the payment stands.
    fn is_legal(&self, known: &Known, fit: &Fit<'_>, target: Target) -> bool {
        if begins(known.at.op) {
            let is_own =
                |number: Number| self.book.get(number).is_some_and(|object| object.kind == Kind::of(known.at.op));
            let means = self.spec.idempotency_of(known.at.op);
            let taken = |of: Of, text: &str| means.refuses() && self.book.find(of, text).is_some_and(is_own);
            let by_reference = fit.reference().is_some_and(|reference| taken(Of::Reference, reference));
            // What else a request has under a name, a nonce or a digest, may come again.
            let is_path = matches!(means, Idempotency::Path(_));
            let named = |hole: &Hole| is_path && matches!(hole, Hole::Any { name: Some(_), .. });
            let path = fit.caught().any(|caught| named(caught.hole) && taken(Of::Caught, caught.text));
            return known.at.creates != Some(Kind::of(known.at.op)) || !(by_reference || path);
        }
        let Some(object) = target.root.and_then(|root| self.book.get(root)) else {
            // What is no payment yet cannot be taken or given back.
            return target.object.is_none() || !matches!(known.at.op, Op::Capture | Op::Refund);
        };
        let (now, told) = (object.end, object.account.state);
        let asked = asked(known.at.op, fit.joint.asked, &now);
        match known.at.op {
            Op::Capture => {
                let open = now.state == "authorized"
                    || (now.state == "captured" && self.spec.capture.multiple && now.captured > 0);
                open && asked.is_none_or(|asked| asked > 0 && asked <= now.amount.saturating_sub(now.captured))
            }
            Op::Refund => {
                let left = now.captured.saturating_sub(now.refunded);
                now.state == "captured" && left > 0 && asked.is_none_or(|asked| asked > 0 && asked <= left)
            }
            Op::Void => {
                let taken = now.state == "captured" && told == "captured";
                matches!(now.state, "authorized" | "action_required" | "pending")
                    || (now.state == "captured" && matches!(told, "action_required" | "pending"))
                    || (taken && self.spec.void.captured && now.refunded == 0)
            }
            Op::Adjust => now.state == "authorized",
            _ => true,
        }
    }

    /// How well the situation of the case is that of the payment.
    fn by_situation(&self, fit: &Fit<'_>, target: Target, legal: bool) -> i32 {
        let Some(known) = self.of(fit) else { return i32::MIN };
        let named = target.object.and_then(|number| self.book.get(number));
        // What was begun under the conditions of a case goes on under them.
        let begun = named.and_then(|object| self.lineage(object));
        let mut score = if begun.is_some_and(|begun| begun.case == known.at.lineage.case) { 5 } else { 0 };
        let Some(object) = target.root.and_then(|root| self.book.get(root)) else { return score };
        let method = self.lineage(object).map_or("", |begun| &*begun.method);
        let is_same_method = method == &*known.at.lineage.method;
        if !method.is_empty() && is_same_method {
            score += 8;
        }
        let (was, now) = (known.at.moment.before, object.end);
        if !known.at.acts {
            let named = target.object.and_then(|number| self.book.get(number));
            return score + read_score(known, object, is_same_method, named);
        }
        score += match was.state {
            state if state == now.state => 12,
            state if state == object.account.state => 10,
            _ => -20,
        };
        let asked = asked(known.at.op, fit.joint.asked, &now);
        let rest = |account: &Account| match known.at.op {
            Op::Refund => account.captured.saturating_sub(account.refunded),
            _ => account.amount.saturating_sub(account.captured),
        };
        if let (Some(asked), Some(tape)) = (asked, known.at.moment.asked) {
            let same = asked.cmp(&rest(&now)) == tape.cmp(&rest(&was));
            score += if same { 6 } else { -3 };
        }
        score += if (was.refunded > 0) == (now.refunded > 0) { 2 } else { 0 };
        score += if (was.captured > 0) == (now.captured > 0) { 2 } else { 0 };
        if legal { score } else { score / 2 }
    }
}

/// Whether a payment waits for its customer.
pub(super) fn waits(state: &str) -> bool {
    matches!(state, "action_required" | "pending")
}

/// How well what an exchange shows is what is to be shown.
fn read_score(known: &Known, root: &Object, is_same_method: bool, object: Option<&Object>) -> i32 {
    let (shown, now) = (known.at.moment.after, root.end);
    let is_payout = |kind: Kind| kind == Kind::Payout;
    if object.is_some_and(|object| is_payout(object.kind) != is_payout(Kind::of(known.at.op))) {
        // Asked for in the same words, but another kind of order.
        return -40;
    }
    if let Some(own) = object.filter(|object| object.kind == Kind::Refund) {
        // A look-up of the payment that goes on to its refunds tells less of them than one of a refund.
        let is_own = Kind::of(known.at.op) == Kind::Refund;
        return if is_own && known.at.shows == own.end.state { 12 } else { -12 };
    }
    let mut score = match shown.state {
        state if state == now.state => 12,
        // Some tell the wait in other words to who looks.
        state if waits(state) && waits(now.state) && is_same_method => 10,
        state if state == root.account.state => 4,
        _ => -30,
    };
    let back = |account: &Account| (account.refunded > 0, account.refunded >= account.captured && account.captured > 0);
    // What was given back in part is better told by the answer about the whole payment, where that tells such an amount at all.
    let partly = back(&now) == (true, false);
    score += match partly && shown.refunded == 0 {
        true if known.tells_refunds => 8,
        _ if back(&shown).0 == back(&now).0 => 6,
        _ => -6,
    };
    score += if back(&shown).1 == back(&now).1 { 1 } else { 0 };
    score += if (shown.captured == shown.amount) == (now.captured == now.amount) { 2 } else { 0 };
    score
}

/// What is asked: where no amount is sent, the whole.
pub(super) fn asked(op: Op, sent: Option<i64>, now: &Account) -> Option<i64> {
    match op {
        Op::Capture => sent.or_else(|| now.amount.checked_sub(now.captured)),
        Op::Refund => sent.or_else(|| now.captured.checked_sub(now.refunded)),
        _ => sent,
    }
}

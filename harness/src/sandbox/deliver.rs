//! What a provider delivers by itself: after an answer, or when it is asked to.

use std::sync::Arc;

use quittance::Op;

use super::book::{Number, Object};
use super::choice::Target;
use super::give::{Giving, Means, Own};
use super::known::{Account, Class, Delivered, Gen, Kind, Known, Moment};
use super::shown::{Due, Later, Made, Waiting};
use super::texts::{Of, Texts};
use super::{Sandbox, State};
use crate::tape::Delivery;

impl Sandbox {
    /// What the provider delivers after an answer: what the tapes have for the step, else what reports the state that was reached.
    pub(super) fn due(
        &self,
        state: &mut State,
        known: &Known,
        target: Target,
        before: Account,
        now_unix_seconds: i64,
    ) -> Vec<Due> {
        if !known.at.acts {
            return Vec::new();
        }
        let all = &self.knowledge.delivered;
        let mut wanted: Vec<usize> = known.due.iter().copied().filter(|index| *index < all.len()).collect();
        if wanted.is_empty() && known.at.class != Class::Refused {
            let end = target.root.and_then(|root| state.book.get(root)).map_or(Account::NONE, |object| object.end);
            let reached = |delivered: &&Delivered| {
                delivered.report.alone
                    && match delivered.report.kind {
                        Kind::Refund => known.at.op == Op::Refund && delivered.report.state == "succeeded",
                        Kind::Payment | Kind::Mandate | Kind::Payout => {
                            let kind = target.root.and_then(|root| state.book.get(root)).map(|object| object.kind);
                            kind == Some(delivered.report.kind)
                                && delivered.report.state == end.state
                                && end.state != before.state
                        }
                        _ => false,
                    }
            };
            wanted.extend(all.iter().position(|delivered| reached(&delivered)));
        }
        let due: Vec<Due> =
            wanted.into_iter().filter_map(|index| self.made(state, index, target, now_unix_seconds)).collect();
        if !due.is_empty()
            && let Some(object) = target.root.and_then(|root| state.book.get_mut(root))
        {
            object.account = object.end;
        }
        due
    }

    /// Whoever a payment waits for has decided, as its test card or method says: what is delivered then. Nothing where it does not wait
    /// any more.
    pub fn decide(&self, waiting: Waiting, now_unix_seconds: i64) -> Vec<Due> {
        self.decided(&mut self.state(), waiting.0, now_unix_seconds)
    }

    pub(super) fn decided(&self, state: &mut State, number: Number, now_unix_seconds: i64) -> Vec<Due> {
        let Some(object) = state.book.get_mut(number) else { return Vec::new() };
        let Some((later, before)) = object.later.take().map(|later| (later, object.end)) else { return Vec::new() };
        (object.account, object.end) = (later.account, later.account);
        let Some(known) = self.knowledge.known.get(later.known) else { return Vec::new() };
        let target = Target { object: Some(number), root: Some(number) };
        self.due(state, known, target, before, now_unix_seconds)
    }

    /// A delivery for a payment, by its place in the list of all. Where nobody has said where deliveries go, it is made when it is looked
    /// at.
    fn made(&self, state: &mut State, index: usize, target: Target, now_unix_seconds: i64) -> Option<Due> {
        let delivered = self.knowledge.delivered.get(index)?;
        let number = state.book.number();
        let account = self.standing(state, target);
        let object = target.object.and_then(|object| state.book.get(object));
        let asked =
            object.map(|object| object.end.amount).filter(|amount| *amount > 0).or(delivered.report.moment.asked);
        let asked =
            if object.is_some_and(|object| object.kind == Kind::Payment) && delivered.report.kind == Kind::Payment {
                Some(account.amount)
            } else {
                asked
            };
        let moment = Moment { before: account, after: account, end: account, asked };
        let later = Later { delivered: index, target, moment, number, now_unix_seconds };
        let made = match &state.webhook {
            None => Made::Later(later),
            Some((url, _)) => Made::Whole(self.telling(state, delivered, later).delivery(delivered, Some(url))?),
        };
        let payment = target.root.and_then(|root| state.book.get(root)).map(|object| object.id().to_owned());
        self.note(state, delivered, later);
        Some(Due { event: Arc::clone(&delivered.report.event), payment, made })
    }

    /// Notes the ids that a delivery tells first.
    fn note(&self, state: &mut State, delivered: &Delivered, later: Later) {
        let Later { target, moment, number, .. } = later;
        let kind = delivered.report.kind;
        let object = target.object.filter(|_| matches!(kind, Kind::Payment | Kind::Refund));
        if object.is_none() && kind != Kind::Dispute {
            return;
        }
        let names = &delivered.report.lineage.names;
        let has = |one: &Gen| {
            let object = object.and_then(|object| state.book.get(object)).filter(|object| object.kind == kind);
            object.is_some_and(|object| object.texts.get(Of::Minted, &one.name).is_some())
        };
        let own = delivered.gens.iter().filter(|one| names.get(&one.name) == Some(&kind) && !has(one));
        let (minted, _) = self.telling(state, delivered, later).minted(own);
        if let Some(object) = object {
            minted.iter().for_each(|(name, value)| state.book.mint(object, name, value));
        }
        if kind == Kind::Dispute {
            let mut texts = Texts::default();
            minted.iter().for_each(|(name, value)| texts.add(Of::Minted, name, value));
            state.book.add(number, dispute(target, texts, delivered, moment.after));
        }
    }

    /// What a delivery is made with.
    fn telling<'g>(&'g self, state: &'g State, delivered: &'g Delivered, later: Later) -> Giving<'g> {
        let credentials = state.webhook.as_ref().map_or(&self.credentials, |(_, credentials)| credentials);
        let now_unix_seconds = later.now_unix_seconds;
        Giving {
            means: Means { credentials, recipes: &self.recipes, seed: self.seed, now_unix_seconds },
            book: &state.book,
            lineage: &delivered.report.lineage,
            step: delivered.report.step,
            target: later.target,
            own: Own::NONE,
            sent: None,
            asked: None,
            moment: later.moment,
            number: later.number,
        }
    }

    /// The signed headers and the body of a delivery; none where they cannot be made.
    pub fn delivery(&self, due: &Due) -> Option<Delivery> {
        match &due.made {
            Made::Whole(delivery) => Some(delivery.clone()),
            Made::Later(later) => {
                let delivered = self.knowledge.delivered.get(later.delivered)?;
                self.telling(&self.state(), delivered, *later).delivery(delivered, None)
            }
        }
    }

    /// The names of the deliveries that can be made for a payment now.
    pub fn events(&self, payment: &str) -> Vec<String> {
        let state = self.state();
        let Some(target) = target_of(&state, payment) else { return Vec::new() };
        let mut names: Vec<String> = self.deliverable(&state, target).map(|(_, delivered)| named(delivered)).collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    /// Makes a delivery for a payment, by a name out of [`Sandbox::events`]. The payment then stands as it says. `None` for a payment or
    /// an event that there is not.
    pub fn deliver(&self, payment: &str, event: &str, now_unix_seconds: i64) -> Option<Due> {
        let state = &mut *self.state();
        let target = target_of(state, payment)?;
        let (index, delivered) = self.deliverable(state, target).find(|(_, delivered)| named(delivered) == event)?;
        let newest = |kind: Kind| {
            let root = state.book.get(target.root?)?;
            let is = |number: &&Number| state.book.get(**number).is_some_and(|object| object.kind == kind);
            root.children.iter().rev().find(is).copied()
        };
        let object = if delivered.report.kind == Kind::Refund { newest(Kind::Refund) } else { target.object };
        if delivered.report.kind == Kind::Payment
            && let Some(object) = target.root.and_then(|root| state.book.get_mut(root))
        {
            let captured = match delivered.report.state {
                "captured" if object.end.captured == 0 => object.end.amount,
                "declined" | "voided" | "expired" => 0,
                _ => object.end.captured,
            };
            object.later = None;
            object.end = Account { state: delivered.report.state, captured, ..object.end };
            object.account = object.end;
        }
        self.made(state, index, Target { object, ..target }, now_unix_seconds)
    }

    fn deliverable<'s>(&'s self, state: &State, target: Target) -> impl Iterator<Item = (usize, &'s Delivered)> {
        let object = target.root.and_then(|root| state.book.get(root));
        let kind = object.map_or(Kind::Other, |object| object.kind);
        let refunded = object.is_some_and(|object| object.end.refunded > 0);
        let fits = move |(_, delivered): &(usize, &Delivered)| match delivered.report.kind {
            Kind::Refund => refunded,
            Kind::Dispute => kind == Kind::Payment,
            other => other == kind && delivered.report.state != "refusal",
        };
        let all = self.knowledge.delivered.iter().enumerate().filter(fits);
        let (alone, with): (Vec<_>, Vec<_>) = all.partition(|(_, one)| one.report.alone);
        alone.into_iter().chain(with)
    }
}

fn named(delivered: &Delivered) -> String {
    match delivered.report.state {
        "" => delivered.report.event.to_string(),
        state => format!("{} ({state})", delivered.report.event),
    }
}

fn target_of(state: &State, payment: &str) -> Option<Target> {
    let number = state.book.with_id(payment)?;
    Some(Target { object: Some(number), root: state.book.root(number) })
}

fn dispute(target: Target, texts: Texts, delivered: &Delivered, account: Account) -> Object {
    Object {
        kind: Kind::Dispute,
        parent: target.object,
        children: Vec::new(),
        texts,
        account,
        end: account,
        later: None,
        currency: delivered.report.lineage.currency,
        made_by: None,
        card_of: None,
        requests: 0,
    }
}

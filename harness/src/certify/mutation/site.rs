//! One answer of one operation: what its members stand for, as far as request, profile and tapes tell without the connector.

use std::rc::Rc;
use std::sync::Arc;

use quittance::{Currency, Error, EventBody, Handle, Money, Op, Spec};
use serde_json::Value as Json;

use super::body::{Body, Spot};
use super::decimal;
use crate::certify::ground::Place;
use crate::profile::{StatusOf, StatusRow};
use crate::run::case::{Asked, Case, Played, Rehearsal};
use crate::tape::Exchange;
use crate::view::Outcome;

/// The amounts of a result.
pub(super) const AMOUNTS: [&str; 4] = ["amount", "captured", "captured_now", "refunded"];

/// One exchange of a sound case with its answer.
pub(super) struct Site<'g> {
    pub(super) case: &'g Case,
    pub(super) place: Place,
    pub(super) exchange: &'g Exchange,
    pub(super) op: Op,
    pub(super) asked: Option<&'g Asked>,
    pub(super) played: &'g Played,
    pub(super) rehearsal: Rc<Rehearsal<'g>>,
    /// How the operation ends with the answer as it is.
    pub(super) whole: Result<Outcome, Error>,
    pub(super) status: u16,
    /// Whether the request may have moved money, and none that may follows in the step.
    pub(super) decides: bool,
    /// Whether no exchange of the step follows.
    pub(super) is_last: bool,
    /// Method and URL, holes as they are written.
    pub(super) endpoint: String,
    /// The path and the body of the request.
    pub(super) sent: String,
    /// The answer, with what stands in base64 open.
    pub(super) body: Body,
    pub(super) bytes: Vec<u8>,
}

/// What members of an answer stand for, by the numbers of their spots.
#[derive(Debug, Default)]
pub(super) struct Roles {
    /// Where a status stands.
    pub(super) status: Vec<usize>,
    /// Those of them that say how the answer ended.
    pub(super) support: Vec<usize>,
    /// States in which equal calls end although no listed status stands in their answers.
    pub(super) silent: Vec<&'static str>,
    /// Whether the profile lists the values of `status`; else they are what differs from answers that ended otherwise.
    pub(super) is_published: bool,
    /// Each amount asked for or told, in minor units, with its places.
    pub(super) amounts: Vec<(i64, Vec<usize>)>,
    pub(super) currency: Vec<usize>,
    /// Each id by which the request named the object, with its places.
    pub(super) ids: Vec<(String, Vec<usize>)>,
    pub(super) reference: Vec<usize>,
}

impl Site<'_> {
    /// Another answer as the provider would send it: base64 made, signed anew.
    pub(super) fn sealed(&self, altered: &[u8]) -> Arc<[u8]> {
        match (std::str::from_utf8(&self.bytes), std::str::from_utf8(altered)) {
            (Ok(open), Ok(altered)) => {
                self.played.player(|player| player.resealed(self.place.index, open, altered)).into_bytes().into()
            }
            _ => altered.into(),
        }
    }

    /// The state as it is, empty for an error or what has none.
    pub(super) fn state(&self) -> &'static str {
        self.whole.as_ref().map_or("", state)
    }

    /// Whether both are answers to the same exchange of the same operation, and both came as answers.
    pub(super) fn is_like(&self, other: &Site<'_>) -> bool {
        let came = |site: &Site<'_>| (200..300).contains(&site.status);
        let alike =
            (self.op, self.place.exchange) == (other.op, other.place.exchange) && self.endpoint == other.endpoint;
        alike && came(self) && came(other)
    }

    /// A member of what was asked.
    pub(super) fn input(&self, pointer: &str) -> Option<&Json> {
        self.asked?.input.pointer(pointer)
    }

    /// The amount that was asked for.
    pub(super) fn amount(&self) -> Option<Money> {
        let minor = self.input("/amount/minor")?.as_i64()?;
        let currency = self.input("/amount/currency")?.as_str()?.parse::<Currency>().ok()?;
        Some(Money::new(minor, currency))
    }

    /// The id that the result gives the object.
    pub(super) fn own_id(&self) -> Option<String> {
        self.whole.as_ref().ok().and_then(Outcome::id)
    }

    /// The ids of the object that was asked about, as far as the request carried them.
    fn object_ids(&self) -> Vec<String> {
        let handles = ["/payment", "/refund", "/mandate", "/payout", "/dispute", "/by/handle"];
        let named = handles.iter().filter_map(|pointer| self.input(pointer)?.as_str());
        let parts = named.flat_map(|handle| handle.split(['?', '&'])).map(|part| part.split('=').next_back());
        let mut ids: Vec<String> = parts.flatten().filter(|id| id.len() >= 6).map(str::to_owned).collect();
        ids.retain(|id| self.sent.contains(id.as_str()));
        ids.sort();
        ids.dedup();
        ids
    }

    /// What the members stand for. `others`: the sites of the connector; `published`: its status values.
    pub(super) fn roles(&self, spec: &Spec, published: &[StatusRow], others: &[Site<'_>]) -> Roles {
        let spots = self.body.spots();
        let places = |wanted: &dyn Fn(&str) -> bool| -> Vec<usize> {
            let holds = |spot: &&Spot<'_>| spot.value.scalar().is_some_and(|text| wanted(&text));
            spots.iter().filter(holds).map(|spot| spot.number).collect()
        };
        let mut roles = Roles::default();
        self.status_roles(&mut roles, &spots, published, others);
        let told = self.told_amounts();
        for money in self.amount().into_iter().chain(told.iter().copied()).filter(|money| money.minor() != 0) {
            let forms = [spec.minor(&money).map(|minor| minor.to_string()), spec.major(&money)];
            let found = places(&|text| forms.iter().flatten().any(|form| decimal::same(text, form)));
            if !found.is_empty() && !roles.amounts.iter().any(|(known, _)| *known == money.minor()) {
                roles.amounts.push((money.minor(), found));
            }
        }
        if let Some(money) = self.amount().or(told.first().copied()) {
            roles.currency = places(&|text| text.eq_ignore_ascii_case(money.currency().code()));
        }
        let ids = self.object_ids().into_iter().map(|id| (places(&|text| text == id), id));
        roles.ids = ids.filter(|(found, _)| !found.is_empty()).map(|(found, id)| (id, found)).collect();
        if let Some(reference) = self.input("/reference").and_then(Json::as_str) {
            roles.reference = places(&|text| text == reference);
        }
        roles
    }

    fn status_roles(&self, roles: &mut Roles, spots: &[Spot<'_>], published: &[StatusRow], others: &[Site<'_>]) {
        let listed = self.listed(spots, published);
        let silent = others
            .iter()
            .filter(|other| self.is_like(other) && other.listed(&other.body.spots(), published).is_empty());
        roles.silent = silent.map(Site::state).collect();
        roles.is_published = !listed.is_empty();
        if roles.is_published {
            roles.status = listed.iter().map(|(number, _)| *number).collect();
            let exact = |(_, row): &&(usize, &StatusRow)| row.becomes == self.state();
            roles.support = listed.iter().filter(exact).map(|(number, _)| *number).collect();
            // A word of several objects is listed with one meaning: then any of them may be the one that counts.
            if roles.support.is_empty() && is_good(self.state(), self.op) {
                roles.support.clone_from(&roles.status);
            }
            return;
        }
        let otherwise = |other: &&Site<'_>| self.is_like(other) && self.ending() != other.ending();
        for other in others.iter().filter(otherwise) {
            let theirs = other.body.spots();
            let differs = spots.iter().filter(|spot| self.differs(spot, other, &theirs));
            roles.status.extend(differs.map(|spot| spot.number));
        }
        roles.status.sort_unstable();
        roles.status.dedup();
        // What a refusal rests on may stand in its own answer alone.
        if is_good(self.state(), self.op) {
            roles.support.clone_from(&roles.status);
        }
    }

    /// The spots whose value the profile lists for objects of the result's kind.
    fn listed<'p>(&self, spots: &[Spot<'_>], published: &'p [StatusRow]) -> Vec<(usize, &'p StatusRow)> {
        let of = self.whole.as_ref().ok().and_then(kind);
        let row = |spot: &Spot<'_>| {
            let text = spot.value.scalar()?;
            let row = published.iter().find(|row| Some(row.of) == of && row.value == text)?;
            Some((spot.number, row))
        };
        spots.iter().filter_map(row).collect()
    }

    /// Whether both tapes state a value of their own at the place of the spot.
    pub(super) fn differs(&self, spot: &Spot<'_>, other: &Site<'_>, theirs: &[Spot<'_>]) -> bool {
        let Some(their) = theirs.iter().find(|their| their.path == spot.path) else { return false };
        match (spot.value.scalar(), their.value.scalar()) {
            (Some(one), Some(two)) => {
                one != two && self.exchange.states_literally(&one) && other.exchange.states_literally(&two)
            }
            _ => false,
        }
    }

    /// State, or class of the error, by which answers are told apart.
    fn ending(&self) -> &'static str {
        match &self.whole {
            Ok(outcome) => state(outcome),
            Err(_) => "error",
        }
    }

    /// The amounts that the result shows.
    pub(super) fn told_amounts(&self) -> Vec<Money> {
        let Ok(outcome) = &self.whole else { return Vec::new() };
        let json = outcome.to_json();
        let money = |name: &&str| {
            let currency = json.get(*name)?.get("currency")?.as_str()?.parse::<Currency>().ok()?;
            Some(Money::new(json.get(*name)?.get("minor")?.as_i64()?, currency))
        };
        AMOUNTS.iter().filter_map(money).collect()
    }
}

/// The state of what a result is about; of events, of the first one's object.
pub(super) fn state(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Events(events) => match events.first().map(|event| &event.body) {
            Some(EventBody::Payment(payment)) => payment.state.as_str(),
            Some(EventBody::Refund(refund)) => refund.state.as_str(),
            Some(EventBody::Dispute(dispute)) => dispute.state.as_str(),
            Some(EventBody::Payout(payout)) => payout.state.as_str(),
            Some(EventBody::Mandate(mandate)) => mandate.state.as_str(),
            _ => "",
        },
        other => other.state(),
    }
}

/// Whose published status values the result goes by.
pub(super) fn kind(outcome: &Outcome) -> Option<StatusOf> {
    Some(match outcome {
        Outcome::Payment(_) => StatusOf::Payment,
        Outcome::Refund(_) => StatusOf::Refund,
        Outcome::Mandate(_) => StatusOf::Mandate,
        Outcome::Payout(_) => StatusOf::Payout,
        Outcome::Dispute(_) => StatusOf::Dispute,
        Outcome::Events(events) => match events.first()?.body {
            EventBody::Payment(_) => StatusOf::Payment,
            EventBody::Refund(_) => StatusOf::Refund,
            EventBody::Dispute(_) => StatusOf::Dispute,
            EventBody::Payout(_) => StatusOf::Payout,
            EventBody::Mandate(_) => StatusOf::Mandate,
            EventBody::Refusal(_) | EventBody::Ignored => return None,
        },
        Outcome::Session(_) | Outcome::Token(_) => return None,
    })
}

/// Whether money is reserved or moved, or an object stands, as the operation wished.
pub(super) fn is_good(state: &str, op: Op) -> bool {
    let always = ["authorized", "captured", "succeeded", "active", "won", "under_review"];
    always.contains(&state)
        || matches!((state, op), ("voided", Op::Void) | ("revoked", Op::Revoke) | ("lost", Op::AnswerDispute))
}

/// Whether it was refused, or taken back.
pub(super) fn is_bad(state: &str, op: Op) -> bool {
    let bad = ["declined", "failed", "voided", "expired", "cancelled", "revoked", "lost"];
    bad.contains(&state) && !is_good(state, op)
}

/// Whether nothing final is claimed.
pub(super) fn is_open(state: &str) -> bool {
    matches!(state, "pending" | "unrecognised" | "action_required")
}

/// Whether the handle is one that the request knew, and not one that the provider gave.
pub(super) fn is_of_merchant(site: &Site<'_>, handle: &Handle) -> bool {
    site.input("/reference").and_then(Json::as_str) == Some(handle.id())
}

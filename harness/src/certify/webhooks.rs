//! Deliveries: each that a tape holds is handed over valid, spoilt in every way that a proof must notice, at the edges of the time
//! that it is good for, twice, and among all the others in both orders; one of several events also backwards, and each event alone.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use http::Method;
use quittance::{Error, Kind, WebhookAuthentication, WebhookRules};
use serde_json::value::RawValue;

use super::again::{Answered, Scene, as_it_was};
use super::ground::{Ground, Tried, finding};
use super::leaves;
use super::shown::{deliveries, objects};
use crate::run::case::Finding;
use crate::run::stage::Tokens;
use crate::tape::{Delivery, Edit, Spoil};
use crate::view::{self, Outcome};
use crate::words::counted;

/// A value that stands in place of another where the body is not to be believed.
const UNKNOWN: &str = "quittance_unknown";

/// Proofs that are not the delivery's own.
const SPOILT: [(&str, Spoil); 8] = [
    ("unsigned", Spoil::Unsigned),
    ("of another key", Spoil::WrongKey),
    ("with an empty proof", Spoil::Prefix(0)),
    ("with a proof of one byte", Spoil::Prefix(1)),
    ("with a proof of eight bytes", Spoil::Prefix(8)),
    ("with a proof that lacks its last byte", Spoil::Prefix(usize::MAX)),
    ("with a proof that has a byte too many", Spoil::Extended),
    ("with a proof of another algorithm", Spoil::OtherAlgorithm),
];

/// A delivery of a tape that the connector takes.
struct Valid<'a> {
    scene: Arc<Scene<'a>>,
    index: usize,
    made: Delivery,
    /// What it yields, as JSON.
    yields: String,
    answered: Answered,
}

/// What came of the trials so far.
#[derive(Default)]
struct Count {
    tried: Tried,
    refused: usize,
}

/// Valid deliveries are taken, spoilt ones refused, and each yields the same however often and in whatever order they come.
pub(super) fn webhooks(ground: &Ground<'_>) -> Tried {
    let Some(rules) = ground.spec().webhook else { return Tried::default() };
    let mut count = Count::default();
    let mut valid = Vec::new();
    let mut nameless = 0;
    for (scene, index) in deliveries(ground) {
        let Some(made) = scene.played.player(|player| player.remade(index, Spoil::Not, &[])) else { continue };
        let answered = scene.deliver(made.clone(), &as_it_was);
        if let Ok(Outcome::Events(events)) = &answered.result {
            nameless += usize::from(events.iter().any(|event| event.id.is_none()));
            let yields = told(&answered.result);
            valid.push(Valid { scene, index, made, yields, answered });
        }
    }
    for one in &valid {
        one.parted(&mut count);
        match rules.authentication {
            WebhookAuthentication::ReadBack => {
                one.read_back(&mut count);
                // Some of its deliveries may be signed all the same.
                one.spoilt(&rules, &mut count);
            }
            _ => {
                one.spoilt(&rules, &mut count);
                one.dated(&rules, &mut count);
            }
        }
    }
    in_every_order(&valid, &mut count);
    count.tried.figures = BTreeMap::from([
        ("deliveries".to_owned(), valid.len()),
        ("refused".to_owned(), count.refused),
        ("without_event_id".to_owned(), nameless),
    ]);
    count.tried
}

impl Count {
    /// One trial, with what does not hold.
    fn add(&mut self, valid: &Valid<'_>, how: &str, unmet: Option<(String, String)>) {
        self.tried.trials += 1;
        if let Some((expected, found)) = unmet {
            let what = format!("{} delivery {} {how}", valid.scene.case.id, valid.index + 1);
            self.tried.findings.push(Finding { step: valid.scene.step, ..finding(what, expected, found) });
        }
    }

    /// A delivery that must be refused.
    fn refuse(&mut self, valid: &Valid<'_>, how: &str, rules: &WebhookRules, answered: &Answered) {
        self.refused += 1;
        // A public key may be fetched before anything is proven.
        let fetches = rules.authentication == WebhookAuthentication::Signature;
        let sent = answered.sent.iter().filter(|(_, request)| !fetches || request.method() != Method::GET).count();
        let refused = answered.result.as_ref().is_err_and(|error| error.kind() == Kind::Signature);
        let found = || format!("{}, {}", told(&answered.result), counted(sent, "request"));
        self.add(valid, how, (!refused || sent > 0).then(|| ("signature, without a request".to_owned(), found())));
    }
}

impl Valid<'_> {
    fn unlike(&self, answered: &Answered) -> Option<(String, String)> {
        let yields = told(&answered.result);
        (yields != self.yields).then(|| (format!("the same as alone: {}", self.yields), yields))
    }

    /// Every proof that is not its own, and every single character changed under its own.
    fn spoilt(&self, rules: &WebhookRules, count: &mut Count) {
        for (how, spoil) in SPOILT {
            let made = self.scene.played.player(|player| player.remade(self.index, spoil, &[]));
            // A shared secret has no algorithm.
            if let Some(made) = made.filter(|made| *made != self.made) {
                count.refuse(self, how, rules, &self.scene.deliver(made, &as_it_was));
            }
        }
        let altered = self.scene.played.player(|player| player.altered(self.index));
        for (place, made) in altered {
            count.refuse(self, &format!("with {place} altered"), rules, &self.scene.deliver(made, &as_it_was));
        }
    }

    /// The list of a batch with each of its items alone, and backwards: every event is told in its place, as when it comes alone.
    fn parted(&self, count: &mut Count) {
        let Ok(Outcome::Events(events)) = &self.answered.result else { return };
        let Some(body) = self.scene.played.player(|player| player.unsigned(self.index)) else { return };
        let Some((list, items)) = batch(&body, events.len()) else { return };
        let mut turn = |how: String, order: &[usize]| {
            let with: Vec<&str> = order.iter().filter_map(|at| items.get(*at).copied()).collect();
            let edits = [Edit { at: list.clone(), with: format!("[{}]", with.join(",")) }];
            let made = self.scene.played.player(|player| player.remade(self.index, Spoil::Not, &edits));
            let Some(made) = made else { return };
            let wanted = order.iter().filter_map(|at| events.get(*at).cloned()).collect();
            let expected = told(&Ok(Outcome::Events(wanted)));
            let found = told(&self.scene.deliver(made, &as_it_was).result);
            count.add(self, &how, (found != expected).then_some((expected, found)));
        };
        (0..items.len()).for_each(|at| turn(format!("with event {} alone", at + 1), &[at]));
        turn("backwards".to_owned(), &(0..items.len()).rev().collect::<Vec<_>>());
    }

    /// Good up to the tolerance on both sides of now, and no further.
    fn dated(&self, rules: &WebhookRules, count: &mut Count) {
        let Some(tolerance) = rules.tolerance_seconds.map(i64::from) else { return };
        let given = |made: Delivery, seconds: i64| {
            let now = self.scene.now_unix.saturating_add(seconds);
            self.scene.deliver_at(now, &self.scene.tokens(), made, &as_it_was)
        };
        let at = |seconds: i64| given(self.made.clone(), seconds);
        for (how, seconds) in [("as old as it may be", tolerance), ("as far ahead as it may be", -tolerance)] {
            let unlike = self.unlike(&at(seconds));
            count.add(self, how, unlike);
        }
        for (how, seconds) in [("a second too old", tolerance + 1), ("a second too far ahead", -tolerance - 1)] {
            count.refuse(self, how, rules, &at(seconds));
            // The time that counts is the one that is signed.
            for made in self.scene.played.player(|player| player.redated(self.index, &self.made, seconds)) {
                count.refuse(self, &format!("{how}, dated anew"), rules, &given(made, seconds));
            }
        }
    }

    /// What a provider that signs nothing says is asked, not believed: no value of the body makes another result.
    fn read_back(&self, count: &mut Count) {
        let acts = self.answered.result.as_ref().is_ok_and(|outcome| !objects(outcome).is_empty());
        let unasked = acts && self.answered.sent.is_empty();
        count.add(self, "unsigned", unasked.then(|| ("a look-up".to_owned(), "no request".to_owned())));
        let Some(body) = self.scene.played.player(|player| player.unsigned(self.index)) else { return };
        for leaf in leaves::of(&body) {
            let edits: [Edit; 1] = [leaf.edit(UNKNOWN)];
            let made = self.scene.played.player(|player| player.remade(self.index, Spoil::Not, &edits));
            let Some(made) = made else { continue };
            let answered = self.scene.deliver(made, &as_it_was);
            let other = answered.result.as_ref().is_ok_and(|outcome| {
                let before = self.answered.result.as_ref().map(objects).unwrap_or_default();
                let known =
                    |id: &str, state: &str| before.iter().any(|object| object.id == id && object.state == state);
                objects(outcome).iter().any(|object| !known(object.id, object.state) || answered.sent.is_empty())
            });
            let found = || told(&answered.result);
            let how = format!("with another {}", leaf.path);
            count.add(self, &how, other.then(|| ("what the provider answers, or an error".to_owned(), found())));
        }
    }
}

/// All deliveries twice each, in order and in reverse, with what earlier ones left in the token cache.
fn in_every_order(valid: &[Valid<'_>], count: &mut Count) {
    let mut turn = |order: &mut dyn Iterator<Item = &Valid<'_>>, how: &str| {
        let tokens = Tokens::default();
        for one in order {
            for again in ["", ", a second time"] {
                let answered = one.scene.deliver_at(one.scene.now_unix, &tokens, one.made.clone(), &as_it_was);
                count.add(one, &format!("{how}{again}"), one.unlike(&answered));
            }
        }
    };
    turn(&mut valid.iter(), "after those before it");
    turn(&mut valid.iter().rev(), "after those behind it");
}

/// The list in a JSON body that holds as many items as the delivery has events, where it is the only one: its place, and the items.
fn batch(body: &str, events: usize) -> Option<(Range<usize>, Vec<&str>)> {
    let members: BTreeMap<&str, &RawValue> = serde_json::from_str(body).ok()?;
    let lists = members.into_values().filter_map(|member| {
        let items: Vec<&RawValue> = serde_json::from_str(member.get()).ok()?;
        let start = body.find(member.get())?;
        let items: Vec<&str> = items.into_iter().map(RawValue::get).collect();
        (items.len() == events && events > 1).then_some((start..start + member.get().len(), items))
    });
    let lists: Vec<_> = lists.collect();
    <[_; 1]>::try_from(lists).ok().map(|[list]| list)
}

fn told(result: &Result<Outcome, Error>) -> String {
    view::result_json(result).to_string()
}

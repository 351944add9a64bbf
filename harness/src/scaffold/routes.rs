//! Which request of a description is which operation: by path, verb, name, and what its body and its answer hold.

use std::collections::BTreeMap;

use quittance::Op;

use super::answer;
use super::candidate::{Candidate, is_parameter, rank_of};
use super::fields;
use super::shape::{Leaf, Member};
use crate::descriptions::openapi::Api;

/// The operations that are looked for, in the order in which paths are given away: the plainest first.
const SOUGHT: [Op; 6] = [Op::Authorize, Op::Capture, Op::Refund, Op::Void, Op::Retrieve, Op::RetrieveRefund];
/// How many other requests are told that could be meant.
const OTHERS: usize = 3;

/// Words for taking, giving back and letting go, as they stand in paths.
const TAKES: [&str; 3] = ["captur", "settle", "complete"];
const GIVES_BACK: [&str; 3] = ["refund", "reversal", "credit"];
const LETS_GO: [&str; 7] = ["void", "cancel", "revers", "release", "abort", "close", "expire"];

/// Parts of the names of what is something else than payments in a path.
const OTHER: [&str; 34] = [
    "link",
    "method",
    "webhook",
    "subscription",
    "customer",
    "report",
    "search",
    "token",
    "plan",
    "payout",
    "batch",
    "fee",
    "bulk",
    "mock",
    "test",
    "pull",
    "platform",
    "mass",
    "quote",
    "dispute",
    "chargeback",
    "incoming",
    "inbound",
    "pending",
    "partner",
    "endpoint",
    "callback",
    "notif",
    "sharing",
    "expected",
    "balance",
    "recurring",
    "ledger",
    "merchant_initiated",
];
/// First letters of what is done to a payment that is there, or to something else of it, as the last word of a path.
const ACTS: [&str; 15] = [
    "confirm",
    "detail",
    "payout",
    "stop",
    "settle",
    "release",
    "complete",
    "approve",
    "close",
    "expire",
    "increment",
    "adjust",
    "extend",
    "resend",
    "method",
];
/// First letters of words in a name that no request for a payment has.
const NOT: [&str; 17] = [
    "refund",
    "captur",
    "cancel",
    "void",
    "revers",
    "list",
    "search",
    "calculate",
    "get",
    "fetch",
    "update",
    "preview",
    "download",
    "verify",
    "validate",
    "schedule",
    "record",
];

/// The path for an operation, and others that could be meant.
pub(super) struct Found<'c, 'a> {
    pub(super) candidate: &'c Candidate<'a>,
    pub(super) others: Vec<String>,
}

/// The path for each operation, none given twice. `chosen` are those that somebody has named, or taken out by `none`.
///
/// # Errors
/// A request that was named and is not there.
pub(super) fn routes<'c, 'a>(
    api: &Api,
    candidates: &'c [Candidate<'a>],
    chosen: &[(Op, String)],
) -> Result<BTreeMap<Op, Found<'c, 'a>>, String> {
    let mut found: BTreeMap<Op, Found<'_, '_>> = BTreeMap::new();
    for (op, request) in chosen.iter().filter(|(_, request)| request != "none") {
        let named = candidates.iter().find(|candidate| candidate.shown() == *request).ok_or_else(|| {
            let verb = request.split(' ').next().unwrap_or_default();
            let near = |candidate: &&Candidate<'_>| candidate.verb == verb;
            let all: Vec<String> = candidates.iter().filter(near).take(8).map(Candidate::shown).collect();
            format!("--route {op}='{request}': it has no such request, only {} …", all.join(", "))
        })?;
        found.insert(*op, Found { candidate: named, others: Vec::new() });
    }
    for op in SOUGHT.into_iter().filter(|op| !chosen.iter().any(|(named, _)| named == op)) {
        let stem = found.get(&Op::Authorize).map(|first| stem(first.candidate)).unwrap_or_default();
        let ids = [Op::Capture, Op::Void].iter().filter_map(|op| found.get(op)?.candidate.parameter()).collect();
        let free = candidates.iter().filter(|candidate| {
            let same = |taken: &&Found<'_, '_>| std::ptr::eq(taken.candidate, *candidate);
            !found.values().any(|taken| same(&taken))
        });
        let refunds = found.get(&Op::Refund).map(|refund| refund.candidate.segments.clone()).unwrap_or_default();
        let sought = Sought { api, op, stem: &stem, ids, refunds, candidates };
        let mut scored: Vec<(i32, &Candidate<'_>)> =
            free.filter_map(|candidate| Some((sought.score(candidate)?, candidate))).collect();
        scored.sort_by_key(|(score, candidate)| (-*score, candidate.path.len(), candidate.path));
        let mut best = scored.into_iter().map(|(_, candidate)| candidate);
        match best.next() {
            Some(candidate) => {
                let others = best.take(OTHERS).map(Candidate::shown).collect();
                found.insert(op, Found { candidate, others });
            }
            None if op == Op::Authorize => break,
            None => {}
        }
    }
    // What was never given back is not looked up.
    if !found.contains_key(&Op::Refund) {
        found.remove(&Op::RetrieveRefund);
    }
    Ok(found)
}

/// The segments of what a payment's request makes, without a way to pay after the noun.
fn stem(authorize: &Candidate<'_>) -> Vec<String> {
    let length = authorize.rank().map_or(authorize.segments.len(), |(_, length)| length);
    authorize.segments.iter().take(length).cloned().collect()
}

/// What a sign is worth.
fn worth(is: bool, value: i32) -> i32 {
    if is { value } else { 0 }
}

fn counted(number: usize) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}

/// An operation that is looked for, and where payments are made.
struct Sought<'s, 'c> {
    api: &'s Api,
    op: Op,
    stem: &'s [String],
    /// What paths that are found already call the payment's id.
    ids: Vec<String>,
    /// Where refunds are made.
    refunds: Vec<String>,
    candidates: &'s [Candidate<'c>],
}

impl Sought<'_, '_> {
    /// How well a path fits; none where it does not.
    fn score(&self, candidate: &Candidate<'_>) -> Option<i32> {
        if candidate.path_speaks_of(&["simulat", "sandbox"]) {
            return None;
        }
        let stem = self.stem;
        let shared = candidate.segments.iter().zip(stem).take_while(|(one, other)| one == other).count();
        let is_below = !stem.is_empty() && shared == stem.len();
        // Where nothing but the body says which payment, what is done stands beside what makes one.
        let is_beside = candidate.segments.len() == stem.len() && shared + 1 == stem.len();
        let place = Place {
            near: counted(shared) * 3 + worth(is_below, 20),
            plain: self.plain(candidate),
            is_below,
            is_beside,
            is_one: is_below && candidate.segments.len() == stem.len() + 1 && is_parameter(candidate.last()),
        };
        match self.op {
            Op::Authorize => self.pays(candidate, place.plain),
            Op::Capture => self.takes(candidate, &place),
            Op::Refund => gives_back(candidate, stem, &place),
            Op::Void => self.lets_go(candidate, &place),
            Op::Retrieve => self.looks_up(candidate, &place),
            Op::RetrieveRefund => {
                let fits = candidate.verb == "GET" && is_parameter(candidate.last());
                let is_other = candidate.parameter().is_some_and(|name| name.contains("method"));
                let fits = fits && candidate.path_speaks_of(&GIVES_BACK[..1]) && !is_other;
                let is_beside = !self.refunds.is_empty() && candidate.segments.starts_with(&self.refunds);
                fits.then_some(place.plain - 6 * counted(candidate.parameters()) + worth(is_beside, 8))
            }
            _ => None,
        }
    }

    /// How plain a path is: short, and not about something else than payments.
    fn plain(&self, candidate: &Candidate<'_>) -> i32 {
        worth(candidate.path_speaks_of(&OTHER), -18) - 2 * counted(candidate.segments.len())
    }

    /// Whether what is done is one of these words, to what is made here or to a payment anywhere.
    fn is_done(&self, candidate: &Candidate<'_>, place: &Place, words: &[&str]) -> bool {
        let is_ours = candidate.is_of(self.stem) || place.is_beside || candidate.is_of_payments();
        // The path of a payment with a verb that changes it says what is done in its name alone.
        let is_alone = place.is_one || place.is_beside && candidate.verb != "POST" && candidate.is_of(self.stem);
        let is_told = is_alone && candidate.is_named(words);
        let is_bare = place.is_beside && !candidate.last().contains('_') && candidate.begins_with(words);
        let is_about_one =
            || candidate.parameters() > 0 || is_bare || candidate.verb == "DELETE" || self.sends_id(candidate);
        (candidate.ends_in(words) && is_ours || is_told) && is_about_one()
    }

    fn takes(&self, candidate: &Candidate<'_>, place: &Place) -> Option<i32> {
        let changes = matches!(candidate.verb.as_str(), "POST" | "PUT" | "PATCH");
        // What is completed need not be taken: it may only be closed.
        let is_late = !candidate.ends_in(&TAKES[..2]) && candidate.ends_in(&TAKES);
        let is_taken =
            !is_late || candidate.is_told(&["captur", "settl", "authoriz", "authoris", "pre-auth", "preauth"]);
        let is_undone = candidate.path_speaks_of(&GIVES_BACK) || candidate.ends_in(&LETS_GO);
        let fits = changes && is_taken && !is_undone && self.is_done(candidate, place, &TAKES);
        fits.then_some(place.near + place.plain + worth(of_authorization(candidate), 4) - worth(is_late, 8))
    }

    fn lets_go(&self, candidate: &Candidate<'_>, place: &Place) -> Option<i32> {
        let changes = matches!(candidate.verb.as_str(), "POST" | "PUT" | "PATCH" | "DELETE");
        let holds = |words: &[&str]| candidate.ends_in(words) || candidate.is_named(words);
        let unlike = match () {
            () if candidate.ends_in(&LETS_GO[..2]) => 0,
            () if holds(&LETS_GO[..2]) => 2,
            () if holds(&LETS_GO[..4]) => 3,
            () if holds(&LETS_GO[..5]) => 4,
            () => 6,
        };
        let fits = changes && !candidate.ends_in(&["refund"]) && self.is_done(candidate, place, &LETS_GO);
        fits.then_some(place.near + place.plain + worth(of_authorization(candidate), 4) - unlike)
    }

    /// Whether the body says which payment is meant.
    fn sends_id(&self, candidate: &Candidate<'_>) -> bool {
        let is_target = |leaf: &Leaf| matches!(leaf, Leaf::Target(_));
        self.asked(candidate).is_some_and(|members| members.iter().any(|member| member.has_one(&is_target)))
    }

    /// What the body of a request holds, where it is described.
    fn asked(&self, candidate: &Candidate<'_>) -> Option<Vec<Member>> {
        let body = self.api.resolve(candidate.value.get("requestBody")?);
        fields::request(self.api, self.op, body.get("content")?, false)
    }

    /// How well a request fits that makes a payment: it is called so, asks for an amount, and the rest is done to what it makes.
    fn pays(&self, candidate: &Candidate<'_>, plain: i32) -> Option<i32> {
        // A path that is put to is one that exists, unless nothing can be posted there.
        let is_put = candidate.verb == "PUT"
            && !self.candidates.iter().any(|other| other.path == candidate.path && other.verb == "POST");
        if !(candidate.verb == "POST" || is_put) || candidate.speaks_of(&NOT) || candidate.begins_with(&ACTS) {
            return None;
        }
        let (rank, length) = candidate.rank()?;
        let stem = candidate.segments.get(..length)?;
        let asked = self.asked(candidate);
        let is_described = asked.is_some();
        let (has_amount, has_card) = asked.map(|members| fields::asks(&members)).unwrap_or_default();
        // What is authorised without an amount is a consent or a user; and a way to pay asks for one.
        let needs_amount = is_described && candidate.last().starts_with("auth") || length < candidate.segments.len();
        if needs_amount && !has_amount {
            return None;
        }
        let below = |words: &[&str]| {
            let is_below = |other: &&Candidate<'_>| {
                let is_of_it = other.segments.starts_with(stem) && !other.path_speaks_of(&OTHER);
                is_of_it && other.parameters() > 0 && other.ends_in(words)
            };
            self.candidates.iter().any(|other| is_below(&other))
        };
        let done =
            counted([&TAKES[..], &["refund", "credit"], &LETS_GO[..]].iter().filter(|words| below(words)).count());
        let deep = counted(candidate.parameters());
        let is_of_payments = deep > 0 && ["payments", "payment"].contains(&candidate.begins());
        let is_paid =
            stem.iter().rev().skip(1).any(|segment| ["pay", "payments", "payment"].contains(&segment.as_str()));
        let of_body = worth(has_amount, 8) + worth(has_card, 2);
        Some(
            30 - rank + plain - 6 * deep + 4 * done + of_body + worth(is_of_payments, 10) + worth(is_paid, 2)
                - worth(is_put, 10),
        )
    }

    /// How well a request fits that looks at a payment: one of those that are made there, or another whose answer is a payment.
    fn looks_up(&self, candidate: &Candidate<'_>, place: &Place) -> Option<i32> {
        const ASKS: [&str; 3] = ["verify", "status", "inquir"];
        let asks = candidate.path_speaks_of(&ASKS);
        // A payment is asked for by its id, or what is asked stands behind that.
        let is_behind = ASKS.iter().any(|word| candidate.last().contains(word)) && candidate.parameters() > 0;
        if candidate.verb != "GET" || !(is_parameter(candidate.last()) || is_behind) {
            return None;
        }
        let about = candidate.about();
        let is_same =
            self.stem.iter().rfind(|segment| !is_parameter(segment)).is_some_and(|noun| same_noun(noun, about));
        let is_named = rank_of(about).is_some()
            || asks && (candidate.noun().is_some() || about.is_empty() && candidate.names_payment());
        let is_listed =
            candidate.speaks_of(&["timeline", "history", "list", "export", "event", "refund", "link", "token"]);
        if !place.is_one && (!is_named || is_listed) {
            return None;
        }
        // What is said to be about a state of its own is not about every payment.
        let is_narrow = candidate.speaks_of(&["pending", "test", "mock"]);
        let is_payment = answer::is_payment(self.api, Op::Retrieve, candidate.value);
        let is_known = candidate.parameter().is_some_and(|name| self.ids.contains(&name));
        let of_path = worth(is_same, 12) + worth(candidate.is_of(self.stem), 4) + worth(is_known, 3) + worth(asks, 4);
        let of_answer = worth(is_payment, 8) - worth(is_narrow, 60);
        let deep = 3 * counted(candidate.parameters().saturating_sub(1));
        let rank = if place.is_one || is_same { 0 } else { candidate.noun().unwrap_or(8) };
        let near = if place.is_below { place.near } else { place.near.min(6) };
        Some(near + place.plain + of_answer + of_path - deep - rank)
    }
}

/// Where a path stands beside the one that makes payments.
struct Place {
    /// How much of that path it shares.
    near: i32,
    /// How short and plain it is.
    plain: i32,
    is_below: bool,
    is_beside: bool,
    /// Whether it is that of one payment.
    is_one: bool,
}

/// How well a request fits that gives money back.
fn gives_back(candidate: &Candidate<'_>, stem: &[String], place: &Place) -> Option<i32> {
    let changes = matches!(candidate.verb.as_str(), "POST" | "PUT" | "PATCH");
    let is_paid_back = !candidate.speaks_of(&["cancel", "void", "search", "list", "update", "apply", "dismiss"])
        || ["refund", "refunds"].iter().any(|end| candidate.last().ends_with(end));
    let speaks = candidate.speaks_of(&["refund"]);
    // A refund that has an id is there already, unless the id is that of the payment.
    let is_new = !is_parameter(candidate.last()) || candidate.verb == "POST";
    let fits = changes && candidate.path_speaks_of(&GIVES_BACK) && speaks && is_new && is_paid_back;
    let of_path = match candidate.parameters() {
        0 => 0,
        _ if is_parameter(candidate.last()) => -4,
        _ if candidate.is_of(stem) => 5,
        _ => -5,
    };
    let of_name = worth(candidate.begins().starts_with("refund"), 3) - worth(!candidate.path_speaks_of(&["refund"]), 3);
    fits.then_some(place.near + place.plain + of_path + of_name)
}

/// Whether it is done to an authorization.
fn of_authorization(candidate: &Candidate<'_>) -> bool {
    candidate.path_speaks_of(&["authoriz", "authoris"])
}

fn same_noun(one: &str, other: &str) -> bool {
    one.trim_end_matches('s') == other.trim_end_matches('s')
}

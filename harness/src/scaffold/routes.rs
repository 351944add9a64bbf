//! Which request of a description is which operation: by path, verb, name, and what its body and its answer hold.

use std::collections::BTreeMap;

use quittance::Op;
use serde_json::Value;

use super::answer;
use super::fields;
use crate::descriptions::openapi::Api;

/// The operations that are looked for, in the order in which paths are given away: the plainest first.
const SOUGHT: [Op; 6] = [Op::Authorize, Op::Capture, Op::Refund, Op::Void, Op::Retrieve, Op::RetrieveRefund];
/// How many other requests are told that could be meant.
const OTHERS: usize = 3;

/// Nouns of what a payment is called in paths, the plainest first.
const PAYMENT: [&str; 24] = [
    "payments",
    "payment",
    "charges",
    "charge",
    "payment_intents",
    "paymentintents",
    "payment-intents",
    "authorizations",
    "authorize",
    "authorise",
    "transactions",
    "transaction",
    "sales",
    "sale",
    "purchases",
    "purchase",
    "orders",
    "order",
    "checkouts",
    "checkout",
    "transfers",
    "invoices",
    "cob",
    "instant",
];

/// A path of the description with a verb.
pub(super) struct Candidate<'a> {
    pub(super) verb: String,
    pub(super) path: &'a str,
    pub(super) item: &'a Value,
    pub(super) value: &'a Value,
    /// The path's segments in lower case; parameters begin with a brace.
    segments: Vec<String>,
    /// Words of the operation's name and summary.
    words: Vec<String>,
}

/// The path for an operation, and others that could be meant.
pub(super) struct Found<'c, 'a> {
    pub(super) candidate: &'c Candidate<'a>,
    pub(super) others: Vec<String>,
}

pub(super) fn candidates(api: &Api) -> Vec<Candidate<'_>> {
    let paths = api.root.get("paths").and_then(Value::as_object).into_iter().flatten();
    let verbs = |item: &'_ Value| -> Vec<String> {
        let all = ["get", "post", "put", "patch", "delete"].into_iter();
        all.filter(|verb| item.get(verb).is_some_and(Value::is_object)).map(str::to_owned).collect()
    };
    paths
        .flat_map(|(path, item)| verbs(item).into_iter().map(move |verb| (path, item, verb)))
        .filter_map(|(path, item, verb)| {
            let value = item.get(&verb)?;
            let segments = path.split('/').filter(|part| !part.is_empty()).map(str::to_lowercase).collect();
            let name = value.get("operationId").and_then(Value::as_str).unwrap_or_default();
            let summary = value.get("summary").and_then(Value::as_str).unwrap_or_default();
            Some(Candidate {
                verb: verb.to_uppercase(),
                path,
                item,
                value,
                segments,
                words: words(&format!("{name} {summary}")),
            })
        })
        .collect()
}

/// Words in lower case, `camelCase` taken apart.
fn words(text: &str) -> Vec<String> {
    let mut spaced = String::new();
    let mut after_small = false;
    for c in text.chars() {
        if c.is_uppercase() && after_small {
            spaced.push(' ');
        }
        after_small = c.is_lowercase();
        spaced.push(if c.is_alphanumeric() { c } else { ' ' });
    }
    spaced.split_whitespace().map(str::to_lowercase).collect()
}

pub(super) fn is_parameter(segment: &str) -> bool {
    segment.starts_with('{') || segment.starts_with(':')
}

impl Candidate<'_> {
    /// Verb and path, as they are given for an operation.
    pub(super) fn shown(&self) -> String {
        format!("{} {}", self.verb, self.path)
    }

    /// The name of the last parameter of the path, without case and separators.
    pub(super) fn parameter(&self) -> Option<String> {
        self.segments.iter().rev().find(|segment| is_parameter(segment)).map(|segment| fields::plain(segment))
    }

    fn last(&self) -> &str {
        self.segments.last().map_or("", String::as_str)
    }

    fn parameters(&self) -> usize {
        self.segments.iter().filter(|segment| is_parameter(segment)).count()
    }

    /// Whether a word begins with one of these, in the last literal segment or in the operation's name.
    fn speaks_of(&self, roots: &[&str]) -> bool {
        let literal = self.segments.iter().rev().find(|segment| !is_parameter(segment)).map_or("", String::as_str);
        let of_path = words(literal);
        let own = self.words.iter().chain(&of_path);
        own.clone().any(|word| roots.iter().any(|root| word.starts_with(root)))
    }

    /// Whether the last segment holds one of these words.
    fn ends_in(&self, words: &[&str]) -> bool {
        words.iter().any(|word| self.last().contains(word))
    }

    /// Whether it is about what `stem` makes: they share a noun.
    fn is_of(&self, stem: &[String]) -> bool {
        let noun = |segment: &&String| {
            !is_parameter(segment) && *segment != "api" && !(segment.starts_with('v') && segment.len() < 5)
        };
        stem.iter().filter(noun).any(|segment| self.segments.contains(segment))
    }

    fn path_speaks_of(&self, roots: &[&str]) -> bool {
        self.segments
            .iter()
            .filter(|segment| !is_parameter(segment))
            .any(|segment| roots.iter().any(|root| segment.contains(root)))
    }

    /// How plainly the last segment names a payment, from 0; one with a word before the noun less so.
    fn rank(&self) -> Option<i32> {
        let whole = PAYMENT.iter().position(|noun| *noun == self.last());
        let ends = || {
            let is_end = |noun: &&str| ['-', '_'].iter().any(|mark| self.last().ends_with(&format!("{mark}{noun}")));
            PAYMENT.iter().position(is_end).map(|at| at + 6)
        };
        whole.or_else(ends).and_then(|rank| i32::try_from(rank).ok())
    }
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
        let stem: Vec<String> =
            found.get(&Op::Authorize).map(|first| first.candidate.segments.clone()).unwrap_or_default();
        let free = candidates.iter().filter(|candidate| {
            let same = |taken: &&Found<'_, '_>| std::ptr::eq(taken.candidate, *candidate);
            !found.values().any(|taken| same(&taken))
        });
        let sought = Sought { api, op, stem: &stem, candidates };
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
    Ok(found)
}

/// An operation that is looked for, and where payments are made.
struct Sought<'s, 'c> {
    api: &'s Api,
    op: Op,
    stem: &'s [String],
    candidates: &'s [Candidate<'c>],
}

impl Sought<'_, '_> {
    /// How well a path fits; none where it does not.
    fn score(&self, candidate: &Candidate<'_>) -> Option<i32> {
        const OTHER: [&str; 18] = [
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
        ];
        let stem = self.stem;
        let depth = i32::try_from(candidate.segments.len()).unwrap_or(i32::MAX);
        let shared = candidate.segments.iter().zip(stem).take_while(|(one, other)| one == other).count();
        let whole_stem = !stem.is_empty() && shared == stem.len();
        let near = i32::try_from(shared).unwrap_or(0) * 3 + if whole_stem { 20 } else { 0 };
        let changes = matches!(candidate.verb.as_str(), "POST" | "PUT" | "PATCH");
        let other = if candidate.path_speaks_of(&OTHER) { -18 } else { 0 };
        let plain = -2 * depth + other;
        let has = |roots: &[&str]| candidate.speaks_of(roots);
        // Where nothing but the body says which payment, what is done stands beside what makes one.
        let is_beside = candidate.segments.len() == stem.len() && shared + 1 == stem.len();
        let named = |nouns: &[&str]| candidate.ends_in(nouns) && (candidate.is_of(stem) || is_beside);
        let is_about_one = candidate.parameters() > 0 || self.sends_id(candidate);
        match self.op {
            Op::Authorize => self.pays(candidate, plain),
            Op::Capture => {
                let late = candidate.ends_in(&["complete"]);
                let fits = changes && named(&["captur", "settle", "complete"]) && is_about_one;
                fits.then_some(near + plain - if late { 8 } else { 0 })
            }
            Op::Refund => {
                let of_path = candidate.path_speaks_of(&["refund", "reversal", "credit"]);
                let is_paid_back = !has(&["cancel", "void", "search", "list", "update", "apply", "dismiss"])
                    || ["refund", "refunds"].iter().any(|end| candidate.last().ends_with(end));
                let fits = changes && of_path && has(&["refund"]) && !is_parameter(candidate.last()) && is_paid_back;
                fits.then_some(near + plain + if candidate.parameters() > 0 { 5 } else { 0 })
            }
            Op::Void => {
                let named = named(&["void", "cancel", "revers", "release", "abort"]) && !candidate.ends_in(&["refund"]);
                let fits = (changes || candidate.verb == "DELETE") && named && is_about_one;
                fits.then_some(near + plain)
            }
            Op::Retrieve => self.looks_up(candidate, near, plain, whole_stem),
            Op::RetrieveRefund => {
                let fits = candidate.verb == "GET" && is_parameter(candidate.last());
                let is_refund = candidate.path_speaks_of(&["refund"]);
                let deep = i32::try_from(candidate.parameters()).unwrap_or(0);
                (fits && is_refund).then_some(plain - 6 * deep)
            }
            _ => None,
        }
    }

    /// Whether the body says which payment is meant.
    fn sends_id(&self, candidate: &Candidate<'_>) -> bool {
        let body =
            candidate.value.get("requestBody").map(|body| self.api.resolve(body)).and_then(|body| body.get("content"));
        let members = body.and_then(|content| fields::request(self.api, self.op, content, false));
        let is_target = |leaf: &super::shape::Leaf| matches!(leaf, super::shape::Leaf::Target(_));
        members.is_some_and(|members| members.iter().any(|member| member.has_one(&is_target)))
    }

    /// How well a request fits that makes a payment: it is called so, asks for an amount, and the rest is done to what it makes.
    fn pays(&self, candidate: &Candidate<'_>, plain: i32) -> Option<i32> {
        const NOT: [&str; 16] = [
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
        ];
        if candidate.verb != "POST" || candidate.speaks_of(&NOT) {
            return None;
        }
        let rank = candidate.rank()?;
        let body =
            candidate.value.get("requestBody").map(|body| self.api.resolve(body)).and_then(|body| body.get("content"));
        let asked = body.and_then(|content| fields::request(self.api, Op::Authorize, content, false));
        let is_described = asked.is_some();
        let (has_amount, has_card) = asked.map(|members| fields::asks(&members)).unwrap_or_default();
        // What is authorised without an amount is a consent or a user.
        if is_described && !has_amount && candidate.ends_in(&["authori"]) {
            return None;
        }
        let below = |words: &[&str]| {
            let is_below = |other: &&Candidate<'_>| {
                other.segments.starts_with(&candidate.segments) && other.parameters() > 0 && other.ends_in(words)
            };
            self.candidates.iter().any(|other| is_below(&other))
        };
        let done = [&["captur", "settle", "complete"][..], &["refund", "credit"], &["cancel", "void", "revers"]];
        let done = i32::try_from(done.iter().filter(|words| below(words)).count()).unwrap_or(0);
        let deep = i32::try_from(candidate.parameters()).unwrap_or(0);
        let worth = |is: bool, value: i32| if is { value } else { 0 };
        let begins = candidate
            .segments
            .iter()
            .find(|segment| !is_parameter(segment) && *segment != "api" && !segment.starts_with('v'));
        let is_of_payments =
            deep > 0 && begins.is_some_and(|segment| ["payments", "payment"].contains(&segment.as_str()));
        let of_body = worth(has_amount, 8) + worth(has_card, 4);
        Some(30 - rank + plain - 6 * deep + 4 * done + of_body + worth(is_of_payments, 10))
    }

    /// How well a request fits that looks at a payment: one of those that are made there, or another whose answer is a payment.
    fn looks_up(&self, candidate: &Candidate<'_>, near: i32, plain: i32, whole_stem: bool) -> Option<i32> {
        if candidate.verb != "GET" || !is_parameter(candidate.last()) {
            return None;
        }
        let is_next = whole_stem && candidate.segments.len() == self.stem.len() + 1;
        let literal = candidate.segments.iter().rev().find(|segment| !is_parameter(segment)).map_or("", String::as_str);
        let nouns = || candidate.segments.iter().filter_map(|segment| PAYMENT.iter().position(|noun| noun == segment));
        let asks = candidate.path_speaks_of(&["verify", "status", "inquir"]);
        let is_named = PAYMENT.contains(&literal) || asks && nouns().next().is_some();
        let rank = nouns().min().and_then(|rank| i32::try_from(rank).ok()).unwrap_or(8);
        let is_listed =
            candidate.speaks_of(&["timeline", "history", "list", "export", "event", "refund", "link", "token"]);
        if !is_next && (!is_named || is_listed) {
            return None;
        }
        // What is said to be about a state of its own is not about every payment.
        let is_narrow = candidate.speaks_of(&["pending", "test", "mock"]);
        let is_payment = answer::is_payment(self.api, Op::Retrieve, candidate.value);
        let worth = |is: bool, value: i32| if is { value } else { 0 };
        let of_answer = worth(is_payment, 8) - worth(is_narrow, 40);
        Some(near + plain + of_answer + worth(candidate.is_of(self.stem), 4) - if is_next { 0 } else { rank })
    }
}

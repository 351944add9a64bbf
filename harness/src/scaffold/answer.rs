//! Answers out of a description's schemas: which object of one is the payment or the refund, and which of its members are read.
//!
//! What is read keeps its place; what else the description requires has a sample of its kind; the rest is left out, and counted.

use std::collections::BTreeMap;

use quittance::Op;
use serde_json::Value;

use super::design::{self, Problem};
use super::fields::{self, plain, tells};
use super::schema::{self, Kind, MOST_LEVELS, Property};
use super::shape::{Form, Leaf, Member, Written};
use crate::descriptions::openapi::Api;

/// How deep the object is looked for that an answer is about.
const MOST_WRAPPERS: usize = 3;
/// How many members that nobody reads are kept of an answer.
const MOST_SAMPLES: usize = 60;

/// Names of objects that only wrap what an answer is about.
const WRAPPERS: [&str; 16] = [
    "data",
    "result",
    "results",
    "payload",
    "response",
    "body",
    "content",
    "object",
    "message",
    "resource",
    "attributes",
    "item",
    "items",
    "entity",
    "details",
    "instruction",
];
/// Parts of the names of objects that are something else than the payment, though they have an id, a status or an amount too.
const OTHERS: [&str; 38] = [
    "customer",
    "merchant",
    "card",
    "payer",
    "payee",
    "account",
    "shipping",
    "billing",
    "address",
    "plan",
    "log",
    "history",
    "source",
    "error",
    "link",
    "meta",
    "fee",
    "tax",
    "tip",
    "discount",
    "creditor",
    "debtor",
    "subscription",
    "invoice",
    "balance",
    "device",
    "token",
    "method",
    "risk",
    "dispute",
    "split",
    "event",
    "bank",
    "wallet",
    "recipient",
    "action",
    "shop",
    "store",
];

/// What the first success of an operation answers.
pub(super) struct Answer {
    /// The HTTP status.
    pub(super) status: u16,
    pub(super) members: Vec<Member>,
    /// The values that the description lists for the member that is the status.
    pub(super) statuses: Vec<String>,
    /// How many members that it knows are left out.
    pub(super) left_out: usize,
}

impl Answer {
    /// One of a form that nobody can guess.
    fn unknown(status: u16) -> Answer {
        Answer { status, members: design::answer(&Leaf::Minor), statuses: Vec::new(), left_out: 0 }
    }
}

/// The first success of an operation whose answer is described. `names` are what paths call the payment's id.
pub(super) fn answer(api: &Api, op: Op, operation: &Value, names: &[String]) -> Answer {
    let mut successes: Vec<_> = responses(api, operation)
        .filter_map(|(status, media)| Some((status.filter(|status| (200..300).contains(status))?, media)))
        .collect();
    successes.sort_by_key(|(status, media)| (media.is_none(), *status));
    let Some((status, media)) = successes.first().copied() else { return Answer::unknown(200) };
    let Some((schema, example)) = media else { return Answer::unknown(status) };
    let root = schema::properties(api, schema, example);
    let search = Search { api, op, names };
    let places = search.places(&root);
    let mut made = Made { api, places: &places, left_out: 0, samples: 0 };
    let members = made.members(root, "", 0);
    if members.is_empty() {
        // Nothing is described, so the answer is of a form that nobody can guess.
        return Answer::unknown(status);
    }
    let statuses = search.listed(schema, example, &places);
    Answer { status, statuses, members, left_out: made.left_out }
}

/// Whether the answer of an operation has what a payment has: a status beside an id or an amount.
pub(super) fn is_payment(api: &Api, op: Op, operation: &Value) -> bool {
    let is_good = |status: Option<u16>| status.is_some_and(|status| (200..300).contains(&status));
    if !responses(api, operation).any(|(status, media)| is_good(status) && media.is_some()) {
        return false;
    }
    let members = answer(api, op, operation, &[]).members;
    let has = |wanted: &dyn Fn(&Leaf) -> bool| members.iter().any(|member| member.has_one(wanted));
    has(&|leaf| *leaf == Leaf::Status)
        && has(&|leaf| matches!(leaf, Leaf::Id(_) | Leaf::Minor | Leaf::Major | Leaf::Decimal))
}

/// The schema of a body, and an example of it.
type Media<'a> = (&'a Value, Option<&'a Value>);

/// The responses of an operation: the status, none for a class or all others, and the body.
fn responses<'a>(api: &'a Api, operation: &'a Value) -> impl Iterator<Item = (Option<u16>, Option<Media<'a>>)> {
    let responses = operation.get("responses").and_then(Value::as_object);
    responses.into_iter().flatten().map(|(status, response)| {
        (status.parse().ok(), api.resolve(response).get("content").and_then(|content| fields::media(api, content)))
    })
}

/// Looks for what is read.
struct Search<'a, 'n> {
    api: &'a Api,
    op: Op,
    names: &'n [String],
}

/// What is read, by the path of its member: names with a slash after each.
type Places = BTreeMap<String, Leaf>;

impl<'a> Search<'a, '_> {
    fn places(&self, root: &[Property<'a>]) -> Places {
        let mut best = (0, String::new(), root.to_vec());
        self.anchor(root, "", 0, &mut best);
        let (_, path, members) = best;
        let mut places = Places::new();
        let mut put = |leaf: &dyn Fn(&Leaf) -> bool| {
            let found = members.iter().filter_map(|property| {
                let (found, rank) = self.reads(property)?;
                leaf(&found).then_some((rank, property.name, found))
            });
            if let Some((_, name, leaf)) = found.min_by_key(|(rank, ..)| *rank) {
                places.insert(format!("{path}{name}/"), leaf);
            }
        };
        put(&|leaf| matches!(leaf, Leaf::Id(_)));
        put(&|leaf| *leaf == Leaf::Status);
        put(&|leaf| *leaf == Leaf::Reference);
        put(&|leaf| matches!(leaf, Leaf::Reason(_)));
        self.target(&members, &path, &mut places);
        if let Some((place, amount, currency)) = self.money(&members, &path, 0) {
            places.insert(place, amount);
            places.extend(currency.map(|place| (place, Leaf::Currency)));
        }
        places
    }

    /// What a member of the object that the answer is about is, and how sure that is.
    fn reads(&self, property: &Property<'a>) -> Option<(Leaf, usize)> {
        let name = plain(property.name);
        let kind = property.kind(self.api);
        let refunds = matches!(self.op, Op::Refund | Op::RetrieveRefund);
        let written = if kind == Kind::Whole { Written::Whole } else { Written::Text };
        let is_id = matches!(kind, Kind::Text | Kind::Whole);
        if is_id && !refunds && self.names.contains(&name) {
            return Some((Leaf::Id(written), 0));
        }
        let of_refund = ["refund", "reversal", "credit", "return"];
        match fields::read_as(property.name, kind, property.schema) {
            Some((Leaf::Id(_), rank)) if refunds => {
                let is_own = name == "id" || of_refund.iter().any(|noun| name.starts_with(noun));
                Some((Leaf::Id(written), if is_own { rank } else { rank + 100 }))
            }
            Some((Leaf::Id(_), rank)) => Some((Leaf::Id(written), rank + 1)),
            None if is_id && matches!(self.op, Op::Authorize | Op::Refund) => {
                // What is made has an id, under whatever name.
                let others = ["request", "idempot", "correlation", "merchant", "customer", "account", "token", "card"];
                let is_other = tells(&name, &others);
                let ends = name.ends_with("id") || name.ends_with("reference");
                (ends && !is_other).then_some((Leaf::Id(written), 1000))
            }
            found => found,
        }
    }

    /// The id of the payment in the answer to a refund, beside that of the refund.
    fn target(&self, members: &[Property<'a>], path: &str, places: &mut Places) {
        if !matches!(self.op, Op::Refund) {
            return;
        }
        let nouns = ["payment", "transaction", "charge", "original", "order"];
        let is_target = |property: &&Property<'a>| {
            let name = plain(property.name);
            let named = nouns.iter().find_map(|noun| name.strip_prefix(noun));
            property.kind(self.api) == Kind::Text
                && named.is_some_and(|rest| ["id", "pspreference", "transactionid"].contains(&rest))
        };
        let found = members.iter().find(is_target).map(|property| format!("{path}{}/", property.name));
        if let Some(place) = found.filter(|place| !places.contains_key(place)) {
            places.insert(place, Leaf::Target(""));
        }
    }

    /// The object that has most of what a payment has: at the root, in what wraps it, or under a name of its own.
    fn anchor(&self, members: &[Property<'a>], path: &str, level: usize, best: &mut (i32, String, Vec<Property<'a>>)) {
        let score = self.rate(members) + self.rate_path(path);
        if score > best.0 {
            *best = (score, path.to_owned(), members.to_vec());
        }
        if level >= MOST_WRAPPERS {
            return;
        }
        for property in members.iter().filter(|property| self.leads_on(property, level)) {
            let inner = property.inner(self.api);
            if !inner.is_empty() {
                self.anchor(&inner, &format!("{path}{}/", property.name), level + 1, best);
            }
        }
    }

    fn nouns(&self) -> &'static [&'static str] {
        match self.op {
            Op::Refund | Op::RetrieveRefund => &["refund", "reversal", "credit", "devolucao"],
            _ => &[
                "payment",
                "transaction",
                "charge",
                "order",
                "intent",
                "transfer",
                "sale",
                "authorization",
                "checkout",
            ],
        }
    }

    fn leads_on(&self, property: &Property<'a>, level: usize) -> bool {
        let name = plain(property.name);
        let is_wrapper = WRAPPERS.contains(&name.as_str());
        let is_noun = self.nouns().iter().any(|noun| name.contains(noun));
        match property.kind(self.api) {
            Kind::Object => {
                is_wrapper || !tells(&name, &OTHERS) && !fields::is_of_money(&name) && (is_noun || level == 0)
            }
            // A list of answers, where one was asked for, has one.
            Kind::List(_) => WRAPPERS.contains(&name.as_str()),
            _ => false,
        }
    }

    fn rate_path(&self, path: &str) -> i32 {
        let one = |name: &str| {
            let name = plain(name);
            let is_noun = self.nouns().iter().any(|noun| name.starts_with(noun));
            if is_noun || WRAPPERS.contains(&name.as_str()) { -1 } else { -5 }
        };
        path.split('/').filter(|name| !name.is_empty()).map(one).sum()
    }

    fn rate(&self, members: &[Property<'a>]) -> i32 {
        let found: Vec<(Leaf, usize)> = members.iter().filter_map(|property| self.reads(property)).collect();
        let worth = |value: i32, is: &dyn Fn(&(Leaf, usize)) -> bool| if found.iter().any(is) { value } else { 0 };
        let has_money = members
            .iter()
            .any(|property| fields::is_of_money(property.name) && property.kind(self.api) == Kind::Object);
        worth(5, &|(leaf, rank)| matches!(leaf, Leaf::Id(_)) && *rank < 1000)
            + worth(1, &|(leaf, _)| matches!(leaf, Leaf::Id(_)))
            + worth(6, &|(leaf, _)| *leaf == Leaf::Status)
            + worth(2, &|(leaf, _)| *leaf == Leaf::Reference)
            + if has_money {
                3
            } else {
                worth(3, &|(leaf, _)| matches!(leaf, Leaf::Minor | Leaf::Major | Leaf::Decimal))
            }
    }

    /// The amount, and the currency beside it: among the object's members, else in an object of its own.
    fn money(&self, members: &[Property<'a>], path: &str, level: usize) -> Option<(String, Leaf, Option<String>)> {
        let read = |property: &Property<'a>| fields::read_as(property.name, property.kind(self.api), property.schema);
        let is_amount = |leaf: &Leaf| matches!(leaf, Leaf::Minor | Leaf::Major | Leaf::Decimal);
        let amounts = members.iter().filter_map(|property| {
            let (leaf, rank) = read(property)?;
            is_amount(&leaf).then_some((rank, property.name, leaf))
        });
        let is_currency = |property: &&Property<'a>| read(property).is_some_and(|(leaf, _)| leaf == Leaf::Currency);
        let currency = || members.iter().find(is_currency).map(|property| format!("{path}{}/", property.name));
        if let Some((_, name, leaf)) = amounts.min_by_key(|(rank, ..)| *rank) {
            return Some((format!("{path}{name}/"), leaf, currency()));
        }
        let not_it = ["refunded", "captured", "remaining", "available", "received", "net", "balance", "dcc"];
        let mut inner: Vec<&Property<'a>> = members
            .iter()
            .filter(|property| property.kind(self.api) == Kind::Object && fields::is_of_money(property.name))
            .filter(|property| !tells(property.name, &OTHERS) && !tells(property.name, &not_it))
            .collect();
        inner.sort_by_key(|property| (!plain(property.name).starts_with("amount"), property.name.len()));
        let within = |property: &Property<'a>| {
            self.money(&property.inner(self.api), &format!("{path}{}/", property.name), level + 1)
        };
        let found = inner.into_iter().filter(|_| level < 2).find_map(within);
        found.map(|(place, leaf, beside)| (place, leaf, beside.or_else(currency)))
    }

    /// The values that the description lists for the status.
    fn listed(&self, schema: &'a Value, example: Option<&'a Value>, places: &Places) -> Vec<String> {
        let Some((place, _)) = places.iter().find(|(_, leaf)| **leaf == Leaf::Status) else { return Vec::new() };
        let mut members = schema::properties(self.api, schema, example);
        let mut found = None;
        for name in place.split('/').filter(|name| !name.is_empty()) {
            found = members.iter().find(|property| property.name == name).copied();
            members = found.map(|property| property.inner(self.api)).unwrap_or_default();
        }
        found.map(|property| property.listed(self.api)).unwrap_or_default().into_iter().map(str::to_owned).collect()
    }
}

/// The members of an answer in the making.
struct Made<'a, 'p> {
    api: &'a Api,
    places: &'p Places,
    left_out: usize,
    samples: usize,
}

impl<'a> Made<'a, '_> {
    fn members(&mut self, properties: Vec<Property<'a>>, path: &str, level: usize) -> Vec<Member> {
        let mut out = Vec::new();
        for property in properties {
            let place = format!("{path}{}/", property.name);
            let leads_on = self.places.keys().any(|known| known.starts_with(&place));
            let form = match self.places.get(&place) {
                Some(leaf) => Some(Form::Leaf(self.read(leaf, &property))),
                None if leads_on && level < MOST_LEVELS + 1 => {
                    let inner = self.members(property.inner(self.api), &place, level + 1);
                    let is_list = matches!(property.kind(self.api), Kind::List(_));
                    Some(if is_list { Form::List(inner) } else { Form::Node(inner) })
                }
                None if property.needed && !property.is("writeOnly") && self.samples < MOST_SAMPLES => {
                    self.samples += 1;
                    Some(Form::Leaf(Leaf::Sample(property.sample(self.api, level))))
                }
                None => None,
            };
            match form {
                Some(form) => out.push(Member { name: property.name.to_owned(), form }),
                None => self.left_out += 1,
            }
        }
        out
    }

    /// What is read, with what stands there while nothing is declined.
    fn read(&self, leaf: &Leaf, property: &Property<'a>) -> Leaf {
        match leaf {
            Leaf::Reason(_) => Leaf::Reason(property.needed.then(|| property.sample(self.api, 0))),
            leaf => leaf.clone(),
        }
    }
}

/// Parts of the names of members that say why something was refused.
const TELLING: [&str; 9] = ["code", "type", "message", "error", "detail", "description", "reason", "title", "status"];

/// The refusals of an operation whose bodies are described.
pub(super) fn problems(api: &Api, operation: &Value) -> Vec<Problem> {
    let refusals = responses(api, operation).filter(|(status, _)| status.is_none_or(|status| status >= 400));
    let problem = |(status, media): (Option<u16>, Option<Media<'_>>)| {
        let (schema, example) = media?;
        let members = told(api, schema::properties(api, schema, example), 0);
        let text = |words: &[&str]| path_of(&members, words);
        let code = text(&["code"]).or_else(|| text(&["type"])).or_else(|| text(&["reason", "error"]));
        let message =
            text(&["message", "detail", "description", "title", "reason"]).filter(|path| Some(path) != code.as_ref());
        (!members.is_empty()).then_some(Problem { status, members, code, message })
    };
    refusals.filter_map(problem).collect()
}

/// The members of a refusal: what it always has, and what says why.
fn told(api: &Api, properties: Vec<Property<'_>>, level: usize) -> Vec<Member> {
    let mut out = Vec::new();
    for property in properties.into_iter().filter(|property| !property.is("writeOnly")) {
        let kind = property.kind(api);
        let is_told = level < 3 && tells(property.name, &TELLING);
        if !is_told && !property.needed || out.len() >= MOST_SAMPLES {
            continue;
        }
        let inner = match kind {
            Kind::Object | Kind::List(_) if level < 3 => told(api, property.inner(api), level + 1),
            _ => Vec::new(),
        };
        let is_state = ["status", "success", "ok", "state"].contains(&plain(property.name).as_str());
        let form = match kind {
            Kind::List(_) if !inner.is_empty() => Form::List(inner),
            _ if !inner.is_empty() => Form::Node(inner),
            Kind::Flag if is_state => Form::Leaf(Leaf::Sample(Value::from(false))),
            Kind::Object if !property.needed => continue,
            _ => Form::Leaf(Leaf::Sample(property.sample(api, 0))),
        };
        out.push(Member { name: property.name.to_owned(), form });
    }
    out
}

/// The way to the first text under such a name, the outermost before those further in; a list has none, its objects do.
fn path_of(members: &[Member], words: &[&str]) -> Option<Vec<String>> {
    let here = words.iter().find_map(|word| {
        let is_it = |member: &&Member| {
            matches!(&member.form, Form::Leaf(Leaf::Sample(Value::String(_)))) && tells(&member.name, &[word])
        };
        members.iter().find(is_it).map(|member| vec![member.name.clone()])
    });
    here.or_else(|| {
        members.iter().find_map(|member| match &member.form {
            Form::Node(inner) | Form::List(inner) => {
                path_of(inner, words).map(|path| [vec![member.name.clone()], path].concat())
            }
            Form::Leaf(_) => None,
        })
    })
}

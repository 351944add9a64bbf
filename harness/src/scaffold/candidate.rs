//! A request of a description as its path, verb and name tell of it.

use serde_json::Value;

use super::fields::plain;
use crate::descriptions::openapi::Api;

/// Nouns of what a payment is called in paths, in words joined by `_`, and how plain they are, from 0.
const PAYMENT: [(&str, i32); 37] = [
    ("payments", 0),
    ("payment", 1),
    ("payment_intents", 1),
    ("payins", 4),
    ("payin", 4),
    ("charges", 4),
    ("charge", 4),
    ("authorizations", 7),
    ("authorization", 7),
    ("authorisations", 7),
    ("authorisation", 7),
    ("authorize", 8),
    ("authorise", 8),
    ("payment_orders", 8),
    ("auth", 9),
    ("transactions", 10),
    ("transaction", 11),
    ("sales", 12),
    ("sale", 13),
    ("purchases", 14),
    ("purchase", 15),
    ("preauthorizations", 15),
    ("orders", 16),
    ("order", 17),
    ("checkouts", 18),
    ("checkout", 19),
    ("transfers", 20),
    ("transfer", 20),
    ("invoices", 21),
    ("payment_requests", 22),
    ("pay", 23),
    ("pagos", 22),
    ("pagamentos", 22),
    ("cobrancas", 22),
    ("cobros", 22),
    ("cob", 22),
    ("instant", 23),
];
/// From here on a noun may mean something else than a payment.
const LESS_PLAIN: i32 = 12;
/// Last words of a path that only say that something is made there.
const MAKES: [&str; 9] = ["create", "new", "add", "init", "initiate", "initialize", "initialise", "process", "submit"];
/// Parts of the names of parameters that say whose something is, not what it is.
const OWNERS: [&str; 8] = ["merch", "account", "store", "shop", "tenant", "client", "customer", "terminal"];

/// A path of the description with a verb.
pub(super) struct Candidate<'a> {
    /// Upper case.
    pub(super) verb: String,
    pub(super) path: &'a str,
    pub(super) item: &'a Value,
    pub(super) value: &'a Value,
    /// The path's segments: parameters begin with a brace, others are words in lower case joined by `_`.
    pub(super) segments: Vec<String>,
    /// Words of the operation's name and summary.
    words: Vec<String>,
}

pub(super) fn candidates(api: &Api) -> Vec<Candidate<'_>> {
    let paths = api.root.get("paths").and_then(Value::as_object).into_iter().flatten();
    let verbs = |item: &'_ Value| -> Vec<String> {
        let all = ["get", "post", "put", "patch", "delete"].into_iter();
        all.filter(|verb| item.get(verb).is_some_and(Value::is_object)).map(str::to_owned).collect()
    };
    paths
        .filter(|(path, _)| path.starts_with('/'))
        .flat_map(|(path, item)| verbs(item).into_iter().map(move |verb| (path, item, verb)))
        .filter_map(|(path, item, verb)| {
            let value = item.get(&verb)?;
            let name = value.get("operationId").and_then(Value::as_str).unwrap_or_default();
            let summary = value.get("summary").and_then(Value::as_str).unwrap_or_default();
            let words = words(&format!("{name} {summary}"));
            Some(Candidate { verb: verb.to_uppercase(), path, item, value, segments: segments(path), words })
        })
        .collect()
}

/// A path in the words of its segments, without what only says how the server is written (`.do`) or that something is made.
fn segments(path: &str) -> Vec<String> {
    let literal = |part: &str| {
        let is_suffix = |end: &str| (2..5).contains(&end.len()) && end.bytes().all(|byte| byte.is_ascii_alphabetic());
        let part =
            part.rsplit_once('.').filter(|(stem, end)| !stem.is_empty() && is_suffix(end)).map_or(part, |at| at.0);
        words(part).join("_")
    };
    let own = |part: &str| if is_parameter(part) { part.to_lowercase() } else { literal(part) };
    let mut all: Vec<String> = path.split('/').filter(|part| !part.is_empty()).map(own).collect();
    if let [.., before, last] = all.as_slice()
        && MAKES.contains(&last.as_str())
        && !is_parameter(before)
    {
        all.pop();
    }
    all
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

/// Which segment is the id of what a request is about: the last parameter, but for those that say whose it is.
pub(super) fn id_at(segments: &[&str]) -> Option<usize> {
    let is_owner = |segment: &str| OWNERS.iter().any(|owner| plain(segment).contains(owner));
    let last = |wanted: &dyn Fn(&str) -> bool| segments.iter().rposition(|part| is_parameter(part) && wanted(part));
    last(&|part| !is_owner(part)).or_else(|| last(&|_| true))
}

fn starts_so(word: &str, roots: &[&str]) -> bool {
    roots.iter().any(|root| word.starts_with(root))
}

impl Candidate<'_> {
    /// Verb and path, as they are given for an operation.
    pub(super) fn shown(&self) -> String {
        format!("{} {}", self.verb, self.path)
    }

    /// The name of the path's id, without case and separators.
    pub(super) fn parameter(&self) -> Option<String> {
        let segments: Vec<&str> = self.segments.iter().map(String::as_str).collect();
        segments.get(id_at(&segments)?).map(|segment| plain(segment))
    }

    pub(super) fn last(&self) -> &str {
        self.segments.last().map_or("", String::as_str)
    }

    pub(super) fn parameters(&self) -> usize {
        self.literals(false).count()
    }

    /// The segments that are words, or those that are parameters.
    fn literals(&self, are_words: bool) -> impl DoubleEndedIterator<Item = &String> {
        self.segments.iter().filter(move |segment| is_parameter(segment) != are_words)
    }

    /// The last segment that is a word.
    pub(super) fn literal(&self) -> &str {
        self.literals(true).next_back().map_or("", String::as_str)
    }

    /// What is done: the last segment, or what stands before the id, as in `/void/{id}`.
    pub(super) fn action(&self) -> &str {
        let is_before = is_parameter(self.last()) && matches!(self.verb.as_str(), "POST" | "PUT");
        let before = self.segments.len().checked_sub(2).and_then(|at| self.segments.get(at));
        before.filter(|_| is_before).map_or(self.last(), String::as_str)
    }

    /// Whether a word begins with one of these, in the last literal segment or in the operation's name.
    pub(super) fn speaks_of(&self, roots: &[&str]) -> bool {
        self.is_named(roots) || self.literal().split('_').any(|word| starts_so(word, roots))
    }

    /// Whether a word of the operation's name begins with one of these.
    pub(super) fn is_named(&self, roots: &[&str]) -> bool {
        self.words.iter().any(|word| starts_so(word, roots))
    }

    /// Whether the operation is described with one of these words.
    pub(super) fn is_told(&self, words: &[&str]) -> bool {
        let told = self.value.get("description").and_then(Value::as_str).unwrap_or_default().to_lowercase();
        self.is_named(words) || words.iter().any(|word| told.contains(word))
    }

    /// Whether the last segment begins with one of these words.
    pub(super) fn begins_with(&self, words: &[&str]) -> bool {
        self.last().split('_').any(|word| starts_so(word, words))
    }

    /// Whether what is done is one of these words.
    pub(super) fn ends_in(&self, words: &[&str]) -> bool {
        words.iter().any(|word| self.action().contains(word))
    }

    /// Whether it is about what `stem` makes: they share a noun.
    pub(super) fn is_of(&self, stem: &[String]) -> bool {
        let is_noun = |segment: &&String| !is_parameter(segment) && *segment != "api" && !is_version(segment);
        stem.iter().filter(is_noun).any(|segment| self.segments.contains(segment))
    }

    pub(super) fn path_speaks_of(&self, roots: &[&str]) -> bool {
        self.literals(true).any(|segment| roots.iter().any(|root| segment.contains(root)))
    }

    /// How plainly the last segment names a payment, from 0; one with a word before the noun less so, and one with a way to pay after
    /// it. With it, how many segments lead to what is made.
    pub(super) fn rank(&self) -> Option<(i32, usize)> {
        let length = self.segments.len();
        let whole = rank_of(self.last()).map(|rank| (rank, length));
        let ends = || {
            let (_, rank) = PAYMENT.iter().find(|(noun, _)| self.last().ends_with(&format!("_{noun}")))?;
            Some((rank + 6, length))
        };
        let before = || {
            [1, 2].into_iter().find_map(|ways| {
                let at = length.checked_sub(ways)?;
                let is_plain = |way: &String| !is_parameter(way) && !is_version(way) && rank_of(way).is_none();
                let is_way = self.segments.iter().skip(at).all(is_plain);
                let rank = rank_of(self.segments.get(at.checked_sub(1)?)?).filter(|_| is_way)?;
                Some((rank + if ways == 1 { 4 } else { 8 }, at))
            })
        };
        whole.or_else(ends).or_else(before)
    }

    /// The plainest noun of a payment in the path, as its rank.
    pub(super) fn noun(&self) -> Option<i32> {
        self.literals(true).filter_map(|segment| rank_of(segment)).min()
    }

    /// Whether its path has a word that means nothing but a payment.
    pub(super) fn is_of_payments(&self) -> bool {
        self.noun().is_some_and(|rank| rank < LESS_PLAIN)
    }

    /// Whether its name holds a noun of a payment.
    pub(super) fn names_payment(&self) -> bool {
        self.words.iter().any(|word| rank_of(word).is_some())
    }

    /// The first segment that says what the path is about.
    pub(super) fn begins(&self) -> &str {
        self.literals(true).find(|segment| *segment != "api" && !is_version(segment)).map_or("", String::as_str)
    }

    /// The last noun of the path: its last word, but for one that only names the parameter after it, as in `orders/id/{id}`.
    pub(super) fn about(&self) -> &str {
        let names_key = |segment: &str| {
            let name = plain(segment);
            let of_key = ["verify", "status", "inquire", "query"];
            self.parameter().is_some_and(|parameter| parameter == name || parameter.ends_with(&name))
                || name.starts_with("by")
                || name.ends_with("id")
                || of_key.contains(&name.as_str())
        };
        let word = self.literals(true).rfind(|segment| !names_key(segment) || rank_of(segment).is_some());
        word.map_or("", String::as_str)
    }
}

/// `v1`, `v2_1`.
fn is_version(segment: &str) -> bool {
    segment.strip_prefix('v').is_some_and(|rest| rest.starts_with(|letter: char| letter.is_ascii_digit()))
}

/// How plainly a word names a payment, from 0.
pub(super) fn rank_of(word: &str) -> Option<i32> {
    PAYMENT.iter().find(|(noun, _)| *noun == word).map(|(_, rank)| *rank)
}

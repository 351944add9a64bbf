//! The mutants of one answer: members put together by what they stand for, then each member by itself.

use super::body::{Change, Changes, Spot, Value};
use super::decimal;
use super::site::{Roles, Site};
use crate::profile::StatusRow;

/// A value that no provider has.
pub(super) const UNKNOWN: &str = "quittance_unknown_value";

/// What is meant by a mutant, for its judgement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Aim {
    /// Something means nothing any more.
    Garbage,
    /// A truth value turned round: what it says is another thing, whatever that is.
    Flip,
    /// Every status says what the profile lists for this state.
    Status(String),
    /// The literals of an answer that ended in this state, or in an error.
    Literals(&'static str),
    /// This amount, in minor units, stands nowhere any more: each place holds another.
    Amount(i64),
    /// The currency stands nowhere any more: each place names another.
    Currency,
    /// An object of this id is spoken of nowhere any more: each place has another id.
    Object,
    /// The merchant's reference stands nowhere any more: each place has another.
    Reference,
    /// The text breaks off.
    Cut,
}

/// One changed answer.
#[derive(Debug, Clone)]
pub(super) struct Mutant {
    /// The paths of what is changed.
    pub(super) at: String,
    /// What was put there.
    pub(super) put: String,
    pub(super) aim: Aim,
    pub(super) changes: Changes,
    pub(super) bytes: Vec<u8>,
}

impl Mutant {
    pub(super) fn of(site: &Site<'_>, spots: &[Spot<'_>], put: &str, aim: Aim, changes: Changes) -> Mutant {
        let path = |number: &usize| spots.iter().find(|spot| spot.number == *number).map(|spot| spot.path.as_str());
        let at = changes.keys().filter_map(path).collect::<Vec<_>>().join(" and ");
        Mutant { at, put: put.to_owned(), aim, bytes: site.body.write(&changes), changes }
    }
}

/// The mutants that change several members at once, and those that cut the text.
pub(super) fn groups(site: &Site<'_>, roles: &Roles, published: &[StatusRow], others: &[Site<'_>]) -> Vec<Mutant> {
    let spots = site.body.spots();
    let mut all = Vec::new();
    statuses(site, &spots, roles, published, others, &mut all);
    for (minor, places) in &roles.amounts {
        for (put, change) in AMOUNTS {
            push(site, &spots, places, put, Aim::Amount(*minor), change, &mut all);
        }
    }
    push(site, &spots, &roles.currency, "another currency", Aim::Currency, other_currency, &mut all);
    for (_, places) in &roles.ids {
        push(site, &spots, places, "another id", Aim::Object, other_id, &mut all);
    }
    push(site, &spots, &roles.reference, "another reference", Aim::Reference, other_id, &mut all);
    let length = site.bytes.len();
    if site.body.has_an_end() {
        for end in [length / 4, length / 2, length - length / 4, site.bytes.trim_ascii_end().len() - 1] {
            let bytes = site.bytes.get(..end).unwrap_or_default().to_vec();
            let put = format!("the end after {end} of {length} bytes");
            all.push(Mutant { at: "$".to_owned(), put, aim: Aim::Cut, changes: Changes::new(), bytes });
        }
    }
    all
}

type Turn = fn(&Value) -> Option<Change>;

/// One mutant in which every one of these places is changed alike; none when one of them cannot be.
fn push(
    site: &Site<'_>,
    spots: &[Spot<'_>],
    places: &[usize],
    put: &str,
    aim: Aim,
    turn: impl Fn(&Value) -> Option<Change>,
    all: &mut Vec<Mutant>,
) {
    let changed = spots.iter().filter(|spot| places.contains(&spot.number));
    let changes: Option<Changes> = changed.map(|spot| Some((spot.number, turn(spot.value)?))).collect();
    if let Some(changes) = changes.filter(|changes| !changes.is_empty()) {
        all.push(Mutant::of(site, spots, put, aim, changes));
    }
}

fn statuses(
    site: &Site<'_>,
    spots: &[Spot<'_>],
    roles: &Roles,
    published: &[StatusRow],
    others: &[Site<'_>],
    all: &mut Vec<Mutant>,
) {
    let garbage: [(&str, Turn); 4] = [
        ("nothing", |_| Some(Change::Drop)),
        ("null", |_| Some(Change::With(Value::Null))),
        ("an unknown value", |_| Some(Change::With(Value::text(UNKNOWN)))),
        ("two values", |value| Some(Change::Twice(Value::text(UNKNOWN), value.clone()))),
    ];
    for (put, turn) in garbage {
        push(site, spots, &roles.status, put, Aim::Garbage, turn, all);
    }
    if roles.is_published {
        let of = site.whole.as_ref().ok().and_then(super::site::kind);
        let is_there = |row: &StatusRow| {
            let status = spots.iter().filter(|spot| roles.status.contains(&spot.number));
            status.map(|spot| spot.value.scalar()).all(|text| text.as_deref() == Some(row.value.as_str()))
        };
        for row in published.iter().filter(|row| Some(row.of) == of && !is_there(row)) {
            let (put, aim) = (format!("{:?}", row.value), Aim::Status(row.becomes.clone()));
            let turn = |_: &Value| Some(Change::With(Value::text(&row.value)));
            push(site, spots, &roles.status, &put, aim, turn, all);
        }
        return;
    }
    for other in others.iter().filter(|other| site.is_like(other)) {
        let theirs = other.body.spots();
        let literal = |spot: &Spot<'_>| {
            let their = theirs.iter().find(|their| their.path == spot.path)?;
            site.differs(spot, other, &theirs).then(|| (spot.number, Change::With(their.value.clone())))
        };
        let changes: Changes = spots.iter().filter_map(literal).collect();
        if !changes.is_empty() {
            let put = format!("the values of {} step {}", other.case.id, other.place.step);
            all.push(Mutant::of(site, spots, &put, Aim::Literals(other.state()), changes));
        }
    }
}

/// A number or numeric text with another number in its place, in the same form.
fn renumbered(value: &Value, turn: impl Fn(&str) -> Option<String>) -> Option<Value> {
    Some(match value {
        Value::Number(text) => Value::Number(turn(text)?),
        Value::Text(text) if decimal::is_number(text) => Value::Text(turn(text)?),
        _ => return None,
    })
}

fn nudge(value: &Value, by: i128) -> Option<Change> {
    renumbered(value, |text| decimal::nudged(text, by)).map(Change::With)
}

fn huge(value: &Value, number: &str) -> Option<Change> {
    renumbered(value, |_| Some(number.to_owned())).map(Change::With)
}

const AMOUNTS: [(&str, Turn); 8] = [
    ("one more", |value| nudge(value, 1)),
    ("one less", |value| nudge(value, -1)),
    ("the negative amount", |value| renumbered(value, |text| Some(format!("-{text}"))).map(Change::With)),
    ("1e400", |value| huge(value, "1e400")),
    ("10^30", |value| huge(value, "1000000000000000000000000000000")),
    ("9223372036854775808", |value| huge(value, "9223372036854775808")),
    ("a word", |_| Some(Change::With(Value::text(UNKNOWN)))),
    ("two amounts", |value| Some(Change::Twice(value.clone(), renumbered(value, |text| decimal::nudged(text, 1))?))),
];

/// Another currency with as many decimals, in the same letter case.
fn other_currency(value: &Value) -> Option<Change> {
    let Value::Text(text) = value else { return None };
    let other = if text.eq_ignore_ascii_case("USD") { "EUR" } else { "USD" };
    let is_lower = text.chars().all(|letter| letter.is_ascii_lowercase());
    Some(Change::With(Value::Text(if is_lower { other.to_ascii_lowercase() } else { other.to_owned() })))
}

/// An id of the same shape: its last three letters and digits each one further.
fn other_id(value: &Value) -> Option<Change> {
    let text = value.scalar()?;
    let mut left = 3;
    let further = |letter: char| match letter {
        '9' => '0',
        'z' => 'a',
        'Z' => 'A',
        other => char::from_u32(u32::from(other) + 1).unwrap_or(other),
    };
    let turned = text.chars().rev().map(|letter| match letter.is_ascii_alphanumeric() && left > 0 {
        true => {
            left -= 1;
            further(letter)
        }
        false => letter,
    });
    let text: String = turned.collect::<Vec<_>>().into_iter().rev().collect();
    Some(Change::With(if matches!(value, Value::Number(_)) { Value::Number(text) } else { Value::Text(text) }))
}

/// Two changes by which a member shows whether anything reads it: it is not there, and it has a shape that no reader takes.
pub(super) fn probes(spot: &Spot<'_>) -> [(String, Change); 2] {
    let shapeless = match spot.value {
        Value::Object(_) | Value::List(_) => Value::text(UNKNOWN),
        _ => Value::List(vec![Value::Object(vec![(UNKNOWN.to_owned(), Value::Null)])]),
    };
    [("nothing".to_owned(), Change::Drop), ("another shape".to_owned(), Change::With(shapeless))]
}

/// Every further change of a member that is read, with what was put there.
pub(super) fn singles(spot: &Spot<'_>) -> Vec<(String, Aim, Change)> {
    let mut all = Vec::new();
    let mut with = |put: &str, value: Value| {
        if value != *spot.value {
            all.push((put.to_owned(), Aim::Garbage, Change::With(value)));
        }
    };
    with("null", Value::Null);
    match spot.value {
        Value::Object(_) => with("an empty object", Value::Object(Vec::new())),
        _ => with("an empty list", Value::List(Vec::new())),
    }
    with("an unknown value", Value::text(UNKNOWN));
    with("an empty text", Value::text(""));
    match spot.value {
        Value::Number(text) => with("the number as text", Value::text(text)),
        Value::Text(text) if decimal::is_number(text) => with("the text as a number", Value::Number(text.clone())),
        _ => with("987654321", Value::Number("987654321".to_owned())),
    }
    for number in ["1e400", "9223372036854775808"] {
        if let Some(value) = renumbered(spot.value, |_| Some(number.to_owned())) {
            with(number, value);
        }
    }
    if let Value::Bool(flag) = spot.value {
        all.push((format!("{}", !flag), Aim::Flip, Change::With(Value::Bool(!flag))));
    }
    if spot.is_member {
        let (one, other) = (spot.value.clone(), Value::text(UNKNOWN));
        all.push(("two values".to_owned(), Aim::Garbage, Change::Twice(one.clone(), other.clone())));
        all.push(("two values, the known one last".to_owned(), Aim::Garbage, Change::Twice(other, one)));
    }
    all
}

/// One place of an amount with another amount, while other places may keep it.
pub(super) fn amounts_of(spot: &Spot<'_>) -> impl Iterator<Item = (String, Aim, Change)> {
    let value = spot.value.clone();
    let first = AMOUNTS.into_iter().take(3);
    first.filter_map(move |(put, turn)| Some((put.to_owned(), Aim::Garbage, turn(&value)?)))
}

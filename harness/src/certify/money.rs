//! Amounts: every currency that the connector takes, from the smallest amount to the largest, as it is sent and as it is read.
//!
//! Where the amount stands and how it is written is taken from the tape: the places of the request and of the answer that hold the
//! amount which the scenario asks. How many decimals the provider counts is told by ISO 4217 and the profile, never by the connector.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use http::Request as HttpRequest;
use quittance::{Currency, Effect, Error, Kind, Op};
use serde_json::{Value, json};

use super::again::{Answered, Scene, scenes};
use super::ground::{Ground, Tried, finding};
use super::leaves::{self, Form, Leaf};
use super::shown::{self, Way};
use crate::invoke::Request;
use crate::profile::MoneyRules;
use crate::run::case::Finding;
use crate::scenario::Class;
use crate::tape::{Edit, opened};
use crate::view::Outcome;
use crate::words::counted;

/// Operations whose request or answer names an amount.
const WITH_AMOUNT: [Op; 10] = [
    Op::Authorize,
    Op::Complete,
    Op::Capture,
    Op::Refund,
    Op::Retrieve,
    Op::RetrieveRefund,
    Op::Adjust,
    Op::OpenSession,
    Op::PayOut,
    Op::RetrievePayout,
];

/// From here on a provider may have a limit of its own, and refusing is as good as sending exactly.
const MAY_BE_TOO_LARGE: i64 = 10_000_000_000;

/// From here on an answer that holds the amount as a JSON number may be refused as too large to be read exactly.
const MAY_BE_UNREADABLE: i64 = 1_000_000_000_000_000;

/// An amount of one currency, with its text at the provider.
#[derive(Clone, Copy)]
struct Amount {
    minor: i64,
    currency: Currency,
    /// Decimals that the provider counts.
    decimals: u8,
}

impl Amount {
    /// The provider's units; `None` when the amount is no whole number of them.
    fn units(self) -> Option<i128> {
        let (from, to) = (self.currency.exponent(), self.decimals);
        let factor = 10_i128.checked_pow(u32::from(from.abs_diff(to)))?;
        let minor = i128::from(self.minor);
        match to >= from {
            true => minor.checked_mul(factor),
            false => (minor % factor == 0).then(|| minor / factor),
        }
    }

    fn write(self, style: Style) -> String {
        let units = self.units().unwrap_or_default();
        let point = |decimals: u8| {
            let digits = format!("{units:0>width$}", width = usize::from(decimals) + 1);
            let (whole, fraction) = digits.split_at(digits.len() - usize::from(decimals));
            if fraction.is_empty() { whole.to_owned() } else { format!("{whole}.{fraction}") }
        };
        match style {
            Style::Units => units.to_string(),
            Style::Decimal => point(self.decimals),
            Style::Shortened => shortened(&point(self.decimals)).to_owned(),
            Style::Code => self.currency.code().to_owned(),
            Style::SmallCode => self.currency.code().to_ascii_lowercase(),
            Style::Numeric => format!("{:03}", self.currency.numeric()),
        }
    }
}

/// How an amount or its currency is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Style {
    /// Whole units: `6000`.
    Units,
    /// With the decimals that the provider counts: `60.00`.
    Decimal,
    /// With no more decimals than it needs: `60`.
    Shortened,
    /// `EUR`.
    Code,
    /// `eur`.
    SmallCode,
    /// `978`.
    Numeric,
}

impl Style {
    /// How `text` writes the amount or its currency, if it does.
    fn of(text: &str, amount: Amount) -> Option<Style> {
        let exact = [Style::Decimal, Style::Units, Style::Code, Style::SmallCode, Style::Numeric];
        let is_number = text.starts_with(|letter: char| letter.is_ascii_digit());
        let short = || shortened(text) == amount.write(Style::Shortened);
        exact
            .into_iter()
            .find(|style| amount.write(*style) == text)
            .or_else(|| (is_number && short()).then_some(Style::Shortened))
    }

    const fn is_amount(self) -> bool {
        matches!(self, Style::Units | Style::Decimal | Style::Shortened)
    }
}

/// A decimal number without zeros at its end.
fn shortened(text: &str) -> &str {
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { text }
}

/// A place of a request.
struct Spot {
    record: usize,
    path: String,
    form: Form,
    style: Style,
}

/// An operation with the places at which its request and its answer hold the amount.
struct Written<'a> {
    scene: &'a Scene<'a>,
    op: Op,
    input: &'a Value,
    /// The amount of the tape.
    asked: Amount,
    /// Whether the request names it; else the answer alone does.
    asks: bool,
    spots: Vec<Spot>,
    /// The places of each record's answer.
    answers: BTreeMap<usize, Vec<(Leaf, Style)>>,
    /// Where the result states the amount.
    stated: Vec<String>,
}

/// Every currency that the connector takes is sent and read exactly, and the tables of both sides agree.
pub(super) fn money(ground: &Ground<'_>) -> Tried {
    let spec = ground.spec();
    let rules = ground.subject.profile.model.money.as_ref();
    let currencies: Vec<Currency> =
        Currency::all().iter().copied().filter(|currency| spec.currencies.contains(*currency)).collect();
    let mut tried = Tried::new(currencies.len(), tables(ground, &currencies, rules));
    if rules.is_some_and(|rules| rules.hidden.is_some()) {
        return tried;
    }
    let scenes = scenes(ground);
    let (mut sent, mut read) = (0, delivered(ground, &currencies, rules, &mut tried));
    for op in WITH_AMOUNT.into_iter().filter(|op| spec.has(*op)) {
        let mut candidates: Vec<_> =
            scenes.iter().filter(|scene| scene.asked.is_some_and(|asked| asked.op == op)).collect();
        candidates.sort_by_key(|scene| {
            let scenario = &scene.case.scenario;
            let plain = scenario.class == Class::Success && scenario.proves.as_str() == op.as_str();
            let own = scenario.id.split('.').next() == Some(op.as_str());
            (!plain, !own, scene.case.brand.is_some(), scene.step)
        });
        // A case whose request holds the amount comes first: a provider that takes all of a reservation is told none in the plain one.
        let found = |sent: bool| {
            let mut found = candidates.iter().filter_map(|scene| Written::find(scene, op, rules));
            found.find(|written| !sent || written.spots.iter().any(|spot| spot.style.is_amount()))
        };
        let Some(written) = found(true).or_else(|| found(false)) else {
            // Where a tape is missing or to be filled in, that is told.
            if matches!(op, Op::Authorize | Op::PayOut) && ground.plan.is_whole() {
                tried.findings.push(finding(
                    format!("the amount of {op}"),
                    "a place of the request that holds it, or `money.hidden` in the profile",
                    "none in any case that passes",
                ));
            }
            continue;
        };
        let taken = spec.currencies_of(op);
        let nameable = |currency: &&Currency| taken.contains(**currency) && written.can_name(**currency);
        for currency in currencies.iter().filter(nameable) {
            let decimals = MoneyRules::exponent(rules, *currency);
            for minor in amounts(*currency, decimals) {
                tried.trials += 1;
                sent += written.spots.len();
                read += written.stated.len();
                tried.findings.extend(written.attempt(Amount { minor, currency: *currency, decimals }));
            }
        }
    }
    tried.figures = BTreeMap::from([
        ("currencies".to_owned(), currencies.len()),
        ("places_sent".to_owned(), sent),
        ("places_read".to_owned(), read),
    ]);
    tried
}

/// The amounts of deliveries, in every currency; gives how many amounts were read.
fn delivered(ground: &Ground<'_>, currencies: &[Currency], rules: Option<&MoneyRules>, tried: &mut Tried) -> usize {
    let mut read = 0;
    let mut known = BTreeSet::new();
    for shown in shown::all(ground).iter().filter(|shown| matches!(shown.way, Way::Delivery(_))) {
        let Some((asked, paths)) = alone(&stated(&shown.plain.to_json(), String::new()), None, rules) else { continue };
        let names = match &shown.plain {
            Outcome::Events(events) => events.iter().map(|event| event.name.clone()).collect::<Vec<_>>(),
            _ => Vec::new(),
        };
        if !known.insert(names) {
            continue;
        }
        let styled: Vec<(Leaf, Style)> = styled(&shown.leaves, asked);
        let read_back = answers(&shown.scene, asked);
        let all_styled = || styled.iter().chain(read_back.values().flatten());
        // An amount inside base64 cannot be changed.
        if all_styled().next().is_none() {
            continue;
        }
        let names_currency = all_styled().any(|(_, style)| !style.is_amount());
        for currency in currencies.iter().filter(|currency| names_currency || **currency == asked.currency) {
            let decimals = MoneyRules::exponent(rules, *currency);
            let unit = 10_i64.pow(u32::from(currency.exponent().saturating_sub(decimals)));
            let amount = Amount { minor: 123_457 * unit, currency: *currency, decimals };
            let edits: Vec<Edit> = styled.iter().map(|(leaf, style)| leaf.edit(&amount.write(*style))).collect();
            let wanted = (amount.minor, currency.code().to_owned());
            let altered = |record: usize, body: &Bytes| rewritten(&shown.scene, &read_back, record, body, amount);
            let found = shown.with_answers(&edits, &altered).map(|outcome| stated(&outcome.to_json(), String::new()));
            let wrong = paths.iter().find(|path| found.as_ref().map_or(true, |read| read.get(*path) != Some(&wanted)));
            tried.trials += 1;
            read += paths.len();
            if let Some(wrong) = wrong {
                let what = format!("{}: delivery of {} {currency}", shown.scene.case.id, amount.minor);
                let told = found.as_ref().map_or_else(told_error, |read| format!("{:?}", read.get(wrong)));
                tried.findings.push(finding(what, format!("{wrong} of {} {currency}", amount.minor), told));
            }
        }
    }
    read
}

/// The only amount beside zero that a result states, or that was asked and no other is stated, with the paths at which it stands.
fn alone(
    read: &BTreeMap<String, (i64, String)>,
    named: Option<(i64, String)>,
    rules: Option<&MoneyRules>,
) -> Option<(Amount, Vec<String>)> {
    let stated = read.iter().filter(|(_, (minor, _))| *minor != 0);
    let (minor, code) = named.or_else(|| stated.clone().next().map(|(_, money)| money.clone()))?;
    let same = stated.clone().all(|(_, money)| *money == (minor, code.clone()));
    let currency = Currency::from_code(&code).filter(|_| same)?;
    let amount = Amount { minor, currency, decimals: MoneyRules::exponent(rules, currency) };
    amount.units()?;
    Some((amount, stated.map(|(path, _)| path.clone()).collect()))
}

/// The exponents that the connector declares are those of ISO 4217 and the vendor's page.
fn tables(ground: &Ground<'_>, currencies: &[Currency], rules: Option<&MoneyRules>) -> Vec<Finding> {
    let spec = ground.spec();
    let told = |currency: Currency| MoneyRules::exponent(rules, currency);
    let differing = currencies.iter().filter(|currency| spec.exponents.exponent(**currency) != told(**currency));
    let differing = differing.map(|currency| {
        let declared = spec.exponents.exponent(*currency);
        finding(
            format!("exponent of {currency}"),
            format!("{}, by the profile", told(*currency)),
            format!("{declared}"),
        )
    });
    let listed = rules.into_iter().flat_map(|rules| rules.exponents.keys());
    let idle = listed.filter(|code| !currencies.iter().any(|currency| currency.code() == code.as_str()));
    let idle = idle.map(|code| {
        finding(format!("money.exponents.{code}"), "a currency that the connector takes", "none: take it out")
    });
    differing.chain(idle).collect()
}

/// The amounts that are tried in a currency: the smallest and, where the provider counts coarser units, ones between two of them;
/// an ordinary one; the largest of twelve digits, and of 64 bits.
fn amounts(currency: Currency, decimals: u8) -> Vec<i64> {
    let unit = 10_i64.pow(u32::from(currency.exponent().saturating_sub(decimals)));
    let whole = |minor: i64| minor - minor % unit;
    let mut all = vec![unit, 123_457 * unit, whole(999_999_999_999), whole(i64::MAX)];
    if unit > 1 {
        all.extend([1, 123_457 * unit + 1]);
    }
    all
}

impl<'a> Written<'a> {
    /// The places of the amount in a scene whose request holds it and whose result states no other amount.
    fn find(scene: &'a Scene<'a>, op: Op, rules: Option<&MoneyRules>) -> Option<Written<'a>> {
        let input = &scene.asked?.input;
        let asks = input.get("amount").is_some();
        let request = Request::read(op, input).ok()?;
        let first = scene.ask(&request, &|_, _| None);
        let read = stated(&first.result.ok()?.to_json(), String::new());
        let named = input.get("amount").and_then(|amount| stated(amount, String::new()).into_values().next());
        let (asked, stated) = alone(&read, named, rules)?;
        let answers = answers(scene, asked);
        let mut written = Written { scene, op, input, asked, asks, spots: Vec::new(), answers, stated };
        for (record, request) in first.sent.iter().filter_map(|(record, request)| Some(((*record)?, request))) {
            written.spots.extend(leaves_of(request).into_iter().filter_map(|leaf| {
                let style = Style::of(&leaf.value, asked)?;
                Some(Spot { record, path: leaf.path, form: leaf.form, style })
            }));
        }
        if !asks {
            written.spots.clear();
        }
        let compares = written.spots.iter().any(|spot| spot.style.is_amount()) || !written.stated.is_empty();
        compares.then_some(written)
    }

    /// The request of the step with another amount, and with a handle that names its currency and amount in accord.
    fn request(&self, amount: Amount) -> Option<Request> {
        let mut input = self.input.clone();
        let members = input.as_object_mut()?;
        if self.asks {
            members.insert("amount".to_owned(), json!({ "minor": amount.minor, "currency": amount.currency.code() }));
        }
        // What the amount is made up of would no longer add up.
        members.get_mut("order").and_then(Value::as_object_mut).and_then(|order| order.remove("line_items"));
        let currency = (format!("={}", self.asked.currency), format!("={}", amount.currency));
        let minor = (format!("={}", self.asked.minor), format!("={}", amount.minor));
        for handle in ["/payment", "/mandate", "/refund", "/payout", "/by/handle"] {
            if let Some(Value::String(text)) = input.pointer_mut(handle) {
                let renamed = |part: &str| match part.strip_suffix(minor.0.as_str()) {
                    Some(name) => format!("{name}{}", minor.1),
                    None => part.replace(&currency.0, &currency.1),
                };
                *text = text.split('&').map(renamed).collect::<Vec<_>>().join("&");
            }
        }
        Request::from_json(self.op, input).ok()
    }

    fn attempt(&self, amount: Amount) -> Option<Finding> {
        let what = format!("{}: {} of {} {}", self.scene.case.id, self.op, amount.minor, amount.currency);
        let told = |expected: String, found: String| {
            Some(Finding { step: self.scene.step, ..finding(what.clone(), expected, found) })
        };
        let Some(request) = self.request(amount) else {
            return told("a request".to_owned(), "the input cannot be read".to_owned());
        };
        if amount.units().is_none() {
            if !self.asks {
                return None;
            }
            let answered = self.scene.ask(&request, &|_, _| None);
            return match is_refused(&answered) {
                true => None,
                false => told(
                    format!("invalid without a request: {} decimals are counted", amount.decimals),
                    outcome(&answered),
                ),
            };
        }
        let answered =
            self.scene.ask(&request, &|record, body| rewritten(self.scene, &self.answers, record, body, amount));
        // A change of a reservation may state the difference to what is known: what does not add to that is not sent.
        let relative = self.op == Op::Adjust && !self.spots.iter().any(|spot| spot.style.is_amount());
        if self.asks && (relative || amount.minor >= MAY_BE_TOO_LARGE) && is_refused(&answered) {
            return None;
        }
        if let Some((expected, found)) = self.unlike(&answered, amount) {
            return told(expected, found);
        }
        match &answered.result {
            Ok(result) => {
                let read = stated(&result.to_json(), String::new());
                let wanted = (amount.minor, amount.currency.code().to_owned());
                let wrong = self.stated.iter().find(|path| read.get(*path) != Some(&wanted))?;
                told(format!("{wrong} of {} {}", wanted.0, wanted.1), format!("{:?}", read.get(wrong)))
            }
            Err(_) if amount.minor >= MAY_BE_UNREADABLE => None,
            Err(error) => told("the amount sent and read".to_owned(), told_error(error)),
        }
    }

    /// Whether request or answer can tell that the amount is in this currency; else all is in the currency of the account.
    fn can_name(&self, currency: Currency) -> bool {
        let in_answer = || self.answers.values().flatten().any(|(_, style)| !style.is_amount());
        let in_handle = || self.input.to_string().contains(&format!("={}", self.asked.currency));
        self.asks || currency == self.asked.currency || in_answer() || in_handle()
    }

    /// The first place of the requests that holds something else than the amount: what was expected there, and found.
    fn unlike(&self, answered: &Answered, amount: Amount) -> Option<(String, String)> {
        for spot in &self.spots {
            let expected = amount.write(spot.style);
            let place = format!("{} {expected}", spot.path);
            let request = answered.sent.iter().find(|(record, _)| *record == Some(spot.record));
            let Some((_, request)) = request else {
                return Some((place, outcome(answered)));
            };
            match leaves_of(request).into_iter().find(|leaf| leaf.path == spot.path) {
                Some(leaf) if leaf.value == expected && leaf.form == spot.form => {}
                Some(leaf) => return Some((place, format!("{} ({:?})", leaf.value, leaf.form))),
                None => return Some((place, "nothing there".to_owned())),
            }
        }
        None
    }
}

/// The places of each answer of a scene that hold the amount.
fn answers(scene: &Scene<'_>, asked: Amount) -> BTreeMap<usize, Vec<(Leaf, Style)>> {
    let of = |body: &Bytes| styled(&leaves::of(&opened(&String::from_utf8_lossy(body))), asked);
    let answers = scene.records.iter().enumerate();
    answers.filter_map(|(index, record)| Some((index, of(record.answer.as_ref()?.body())))).collect()
}

fn styled(leaves: &[Leaf], asked: Amount) -> Vec<(Leaf, Style)> {
    leaves.iter().filter_map(|leaf| Style::of(&leaf.value, asked).map(|style| (leaf.clone(), style))).collect()
}

/// What the answer of a record says once it speaks of the amount.
fn rewritten(
    scene: &Scene<'_>,
    answers: &BTreeMap<usize, Vec<(Leaf, Style)>>,
    record: usize,
    body: &Bytes,
    amount: Amount,
) -> Option<Bytes> {
    let styled = answers.get(&record).filter(|styled| !styled.is_empty())?;
    let edits: Vec<Edit> = styled.iter().map(|(leaf, style)| leaf.edit(&amount.write(*style))).collect();
    let open = opened(std::str::from_utf8(body).ok()?);
    let altered = Edit::all(&edits, &open);
    let exchange = scene.records.get(record)?.exchange?;
    Some(Bytes::from(scene.played.player(|player| player.resealed(exchange, &open, &altered))))
}

/// The values of a request's body and query.
fn leaves_of(request: &HttpRequest<Bytes>) -> Vec<Leaf> {
    let mut all = leaves::of(&opened(std::str::from_utf8(request.body()).unwrap_or_default()));
    let mut query = leaves::of(request.uri().query().unwrap_or_default());
    query.iter_mut().for_each(|leaf| leaf.path.insert(0, '?'));
    all.append(&mut query);
    all
}

/// Refused as it is asked: typed, and nothing was sent.
fn is_refused(answered: &Answered) -> bool {
    let typed = |error: &Error| error.kind() == Kind::Invalid && error.effect() == Effect::None;
    answered.sent.is_empty() && answered.result.as_ref().is_err_and(typed)
}

fn outcome(answered: &Answered) -> String {
    let result = match &answered.result {
        Ok(outcome) => outcome.state().to_owned(),
        Err(error) => told_error(error),
    };
    format!("{result}, {}", counted(answered.sent.len(), "request"))
}

fn told_error(error: &Error) -> String {
    format!("{}: {error}", error.kind().as_str())
}

/// Every amount that a result states, by its path: minor units and currency.
fn stated(result: &Value, path: String) -> BTreeMap<String, (i64, String)> {
    let mut all = BTreeMap::new();
    if let Some(items) = result.as_array() {
        items.iter().enumerate().for_each(|(index, item)| all.extend(stated(item, format!("{path}[{index}]"))));
    }
    let Some(members) = result.as_object() else { return all };
    if let (Some(minor), Some(currency)) = (members.get("minor").and_then(Value::as_i64), members.get("currency")) {
        all.insert(path, (minor, currency.as_str().unwrap_or_default().to_owned()));
        return all;
    }
    members.iter().for_each(|(name, value)| all.extend(stated(value, format!("{path}.{name}"))));
    all
}

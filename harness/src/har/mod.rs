//! Tapes out of HAR 1.2 files, as browsers and mitmproxy write them.
//!
//! Entries of the connector's hosts become exchanges. Values become holes as in a recording; what is computed (signatures, nonces, dates) is
//! taken from a present tape that has a request of the same method and path.

pub(crate) mod file;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use file::MAX_HAR_BYTES;
use file::{Entry, Har};

use crate::certify::Plan;
use crate::live::Account;
use crate::record::{UNREADABLE, model_of, replayed, test_cards, text_of};
use crate::run::case::Case;
use crate::run::plan::Planned;
use crate::scenario::{StepOp, Suite};
use crate::tape::model::{ExchangeModel, Provenance, ProvenanceKind};
use crate::tape::{StepValues, is_alike};
use crate::taping::{self, Crossing, Known, luhn_runs};
use crate::words::{are, counted};
use crate::world::{Subject, Unusable, World, unknown};

/// What an import is asked for.
#[derive(Debug, Clone)]
pub struct Options {
    /// The case that the tape is for.
    pub case: String,
    /// Further hosts whose entries are taken.
    pub hosts: Vec<String>,
    /// The numbers of the entries that are taken, from 1; all of those hosts when none is named.
    pub entries: Vec<usize>,
    /// The step of each entry that is taken, in order.
    pub steps: Vec<u32>,
    /// A file with the credentials that stand in the HAR, so that they become holes.
    pub credentials: Option<String>,
    /// The environment in which it was recorded.
    pub environment: String,
}

/// What `quittance import --json` prints.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ImportReport {
    /// The connector.
    pub connector: String,
    /// The case.
    pub case: String,
    /// The tape's file, relative to the project's root.
    pub file: String,
    /// The tape.
    pub tape: String,
    /// The numbers of the entries that were taken, from 1.
    pub entries: Vec<usize>,
    /// How many entries are of other hosts, or were not asked for.
    pub left_out: usize,
    /// The entries of the connector's hosts that are no exchanges of a client with the provider, each with the reason.
    pub no_exchanges: BTreeMap<usize, String>,
    /// The headers of requests that are the browser's own, and were left out.
    pub headers_left_out: Vec<String>,
    /// The holes, each once.
    pub holes: Vec<String>,
    /// Where something stands as it came that a hole should stand for, each with what it should be.
    pub literal: Vec<String>,
    /// The steps of the scenario for which no entry was taken, where the tape does not replay as it is.
    pub steps_without_exchange: Vec<u32>,
    /// Why the tape does not replay as it is; none when it does.
    pub replay: Option<String>,
    /// Whether it can be read as a tape at all; else it cannot be written.
    pub readable: bool,
    /// Whether the file was written.
    pub written: bool,
}

/// An entry that is taken, as a message.
struct Taken {
    /// From 1.
    number: usize,
    crossing: Crossing,
}

/// Makes the tape; writes nothing.
///
/// # Errors
/// A file that is no HAR, with its place; an unknown case; a card number or key that looks live, or another doubt, by entry and field and
/// never by value; exchanges that no tape can state.
pub fn import(
    world: &World,
    suite: &Suite,
    subject: &Subject,
    name: &str,
    bytes: &[u8],
    options: &Options,
) -> Result<ImportReport, Unusable> {
    let told = |why: String| Unusable::Text(format!("{name}: {why}"));
    let plan = Plan::of(suite, subject);
    let case = case_of(&plan, subject, &options.case)?;
    let har = Har::read(bytes).map_err(told)?;
    let hosts = hosts(subject, &options.hosts);
    let all = har.entries.len();
    let (mut entries, no_exchanges) = chosen(har, &hosts, &options.entries).map_err(told)?;
    let library = library(world, subject).map_err(|error| vec![error])?;
    let mut taken = messages(&entries).map_err(told)?;
    place(&mut taken, &library, case.as_ref(), &options.case, &options.steps).map_err(told)?;
    let headers_left_out = without_browsers(&mut entries, &mut taken).map_err(told)?;
    refuse_live(subject, &entries).map_err(told)?;
    let known = known(subject, &taken, options)?;
    let numbers: Vec<usize> = taken.iter().map(|taken| taken.number).collect();
    let provenance = provenance(world, subject, &entries, &taken, options);
    let crossings: Vec<Crossing> = taken.into_iter().map(|taken| taken.crossing).collect();
    let (model, doubts) = taping::tape(&crossings, &known, provenance).map_err(told)?;
    let missing = case.as_ref().map(|case| steps_without(&crossings, case, library.models.get(&options.case)));
    let literal = literal(&crossings, &model.exchange, &numbers);
    if !doubts.is_empty() {
        let lines: Vec<String> = doubts.iter().map(|doubt| entry_place(&doubt.to_string(), &numbers)).collect();
        return Err(told(format!(
            "refused, nothing was written:\n  {}\ngive --credentials FILE for credentials that are to become holes, and take the rest out",
            lines.join("\n  ")
        )));
    }
    let tape = text_of(&model).map_err(told)?;
    let replay = match &case {
        Some(case) => replayed(subject, case, &tape, 1).err(),
        None => Some("the connector has no such case yet: nothing to replay it against".to_owned()),
    };
    let file = format!("{}/{}.toml", subject.folder, options.case);
    Ok(ImportReport {
        connector: subject.entry.spec.id.to_owned(),
        case: options.case.clone(),
        file,
        holes: holes(&tape),
        tape,
        literal,
        steps_without_exchange: missing.filter(|_| replay.is_some()).unwrap_or_default(),
        entries: numbers,
        left_out: all - entries.len() - no_exchanges.len(),
        no_exchanges,
        headers_left_out,
        readable: !replay.as_deref().is_some_and(|why| why.starts_with(UNREADABLE)),
        replay,
        written: false,
    })
}

/// The entries of the hosts that were asked for, and those of them that are no exchanges.
type Chosen = (Vec<(usize, Entry)>, BTreeMap<usize, String>);

fn chosen(har: Har, hosts: &[String], numbers: &[usize]) -> Result<Chosen, String> {
    let all = har.entries.len();
    if let Some(number) = numbers.iter().find(|number| !(1..=all).contains(*number)) {
        return Err(format!("--entries: there is no entry {number}, the file has {}", counted(all, "entry")));
    }
    let is_asked = |number: &usize| numbers.is_empty() || numbers.contains(number);
    let (mut entries, mut no_exchanges) = (Vec::new(), BTreeMap::new());
    for (number, entry) in har.entries {
        if !is_asked(&number) || !entry.host().is_some_and(|host| hosts.contains(&host)) {
            continue;
        }
        match entry.no_exchange() {
            Some(why) => drop(no_exchanges.insert(number, why.to_owned())),
            None => entries.push((number, entry)),
        }
    }
    match entries.is_empty() {
        false => Ok((entries, no_exchanges)),
        true => Err(format!(
            "none of its {} is an exchange with {}; --host NAME takes those of another host{}",
            counted(all, "entry"),
            hosts.join(", "),
            passed_over(&no_exchanges)
        )),
    }
}

/// `; entry 2: a WebSocket`, for each.
fn passed_over(no_exchanges: &BTreeMap<usize, String>) -> String {
    no_exchanges.iter().map(|(number, why)| format!("; entry {number}: {why}")).collect()
}

fn messages(entries: &[(usize, Entry)]) -> Result<Vec<Taken>, String> {
    let taken = |(number, entry): &(usize, Entry)| {
        let (request, answer, at_unix) = entry.messages().map_err(|why| format!("entry {number}: {why}"))?;
        let crossing = Crossing { step: 1, settle: false, request, answer, at_unix, like: None };
        Ok(Taken { number: *number, crossing })
    };
    entries.iter().map(taken).collect()
}

/// Takes a browser's own headers out of the requests; gives their names, each once.
fn without_browsers(entries: &mut [(usize, Entry)], taken: &mut [Taken]) -> Result<Vec<String>, String> {
    let mut names = Vec::new();
    for ((_, entry), taken) in entries.iter_mut().zip(taken.iter_mut()) {
        names.extend(entry.without_browser(taken.crossing.like.as_ref().map(|like| &like.request)));
    }
    for (taken, bare) in taken.iter_mut().zip(messages(entries)?) {
        taken.crossing.request = bare.crossing.request;
    }
    names.sort();
    names.dedup();
    Ok(names)
}

/// What did not come from the provider's own hosts is nobody's recording.
fn provenance(
    world: &World,
    subject: &Subject,
    entries: &[(usize, Entry)],
    taken: &[Taken],
    options: &Options,
) -> Provenance {
    let is_own = |entry: &Entry| entry.host().is_some_and(|host| subject.entry.spec.allows_host(&host));
    if !entries.iter().all(|(_, entry)| is_own(entry)) {
        return Provenance { kind: ProvenanceKind::Synthesised, source: None, seen: None, environment: None };
    }
    let seen = taken.first().and_then(|taken| jiff::Timestamp::from_second(taken.crossing.at_unix).ok());
    let day = seen.map_or_else(|| world.today.to_string(), |seen| seen.to_string().chars().take(10).collect());
    Provenance {
        kind: ProvenanceKind::Recorded,
        source: Some("imported from a HAR file".to_owned()),
        seen: Some(day),
        environment: Some(options.environment.clone()),
    }
}

/// `exchange 2, …` in the words of the HAR: the entry's number.
fn entry_place(doubt: &str, numbers: &[usize]) -> String {
    let rest = doubt.strip_prefix("exchange ").and_then(|rest| rest.split_once(','));
    let number =
        |text: &str| text.parse::<usize>().ok().and_then(|number| numbers.get(number.checked_sub(1)?).copied());
    match rest.and_then(|(number_text, rest)| Some((number(number_text)?, rest))) {
        Some((number, rest)) => format!("entry {number},{rest}"),
        None => doubt.to_owned(),
    }
}

/// The case of that name, where the connector has a tape for it.
fn case_of(plan: &Plan, subject: &Subject, name: &str) -> Result<Option<Case>, Unusable> {
    if let Some(case) = plan.cases().find(|case| case.id == name && case.strike.is_none()) {
        return Ok(Some(case.clone()));
    }
    let bare = name.split('@').next().unwrap_or(name);
    let known: Vec<&str> = plan.scenarios.iter().map(|(scenario, _)| scenario.id.as_str()).collect();
    let found = plan.scenarios.iter().find(|(scenario, _)| scenario.id == bare);
    match found {
        Some((_, Planned::NotApplicable(missing))) => Err(Unusable::Text(format!(
            "{name} does not apply to {}: not declared: {}",
            subject.entry.spec.id, missing.need
        ))),
        Some((scenario, _)) if scenario.derive.is_some() => {
            Err(Unusable::Text(format!("{name} has no tape of its own: it is a fault put into another case")))
        }
        Some(_) => Ok(None),
        None => Err(Unusable::Text(unknown("scenario", bare, &known))),
    }
}

/// The hosts whose entries are taken: those of the spec, of present tapes, and those that are named.
fn hosts(subject: &Subject, more: &[String]) -> Vec<String> {
    let of_spec = subject.entry.spec.hosts.iter().map(|host| host.trim_start_matches("*.").to_ascii_lowercase());
    let mut hosts: Vec<String> = of_spec.chain(more.iter().map(|host| host.to_ascii_lowercase())).collect();
    hosts.sort();
    hosts.dedup();
    hosts
}

/// Refuses card numbers and keys that look live, wherever they stand in the entries that are taken.
fn refuse_live(subject: &Subject, entries: &[(usize, Entry)]) -> Result<(), String> {
    let cards = test_cards(&subject.profile);
    let mut places = Vec::new();
    for (number, entry) in entries {
        entry.each_text(&mut |place, text| {
            let basic = text.strip_prefix("Basic ").and_then(|pair| STANDARD.decode(pair).ok());
            let opened = basic.map(|pair| String::from_utf8_lossy(&pair).into_owned()).unwrap_or_default();
            for what in taping::doubts_of(text, &cards).chain(taping::doubts_of(&opened, &cards)) {
                if !what.contains("e-mail") {
                    places.push(format!("entry {number}, {place}: {what}"));
                }
            }
        });
    }
    places.dedup();
    match places.is_empty() {
        true => Ok(()),
        false => Err(format!(
            "refused, nothing was written:\n  {}\ntake it out of the file, or record with test data",
            places.join("\n  ")
        )),
    }
}

/// Every exchange of every tape of the connector, with the compiled one beside it.
struct Library<'s> {
    subject: &'s Subject,
    models: BTreeMap<String, Vec<ExchangeModel>>,
}

fn library<'s>(world: &World, subject: &'s Subject) -> Result<Library<'s>, crate::FileError> {
    let model = |(case, tape): (&String, &Arc<crate::tape::Tape>)| {
        model_of(&world.root, subject, tape).map(|model| (case.clone(), model.exchange))
    };
    Ok(Library { subject, models: subject.tapes.iter().map(model).collect::<Result<_, _>>()? })
}

/// An exchange that is like an entry.
struct Likeness<'l> {
    /// From 0.
    index: usize,
    /// How many texts stand in the same places.
    places: usize,
    model: &'l ExchangeModel,
}

impl Library<'_> {
    /// The exchange of a case, of those not `used`, that has the request's method and path; of several the one with most of its places, as
    /// all operations may have one path.
    fn find(&self, case: &str, used: &[usize], crossing: &Crossing) -> Option<Likeness<'_>> {
        let (tape, models) = (self.subject.tapes.get(case)?, self.models.get(case)?);
        let mut best: Option<Likeness<'_>> = None;
        for (index, (exchange, model)) in tape.exchanges.iter().zip(models).enumerate() {
            if used.contains(&index) || !is_alike(exchange, &crossing.request) {
                continue;
            }
            let places = file::beside(&model.request, &crossing.request).len();
            if best.as_ref().is_none_or(|best| best.places < places) {
                best = Some(Likeness { index, places, model });
            }
        }
        best
    }
}

/// Gives each entry its step, and the present exchange that is like it.
fn place(
    taken: &mut [Taken],
    library: &Library<'_>,
    case: Option<&Case>,
    name: &str,
    steps: &[u32],
) -> Result<(), String> {
    if !steps.is_empty() && steps.len() != taken.len() {
        let entries = counted(taken.len(), "entry");
        return Err(format!(
            "--steps names {}, and {entries} {} taken",
            counted(steps.len(), "step"),
            are(taken.len())
        ));
    }
    let last = case.map_or(u32::MAX, |case| u32::try_from(case.steps.len()).unwrap_or(u32::MAX));
    let mut used = Vec::new();
    let mut step = 0;
    for (index, taken) in taken.iter_mut().enumerate() {
        let own = library.find(name, &used, &taken.crossing);
        let others = library.models.keys().rev().filter_map(|case| library.find(case, &[], &taken.crossing));
        let found = match &own {
            Some(own) => Some(own.model.clone()),
            None => others.max_by_key(|other| other.places).map(|other| other.model.clone()),
        };
        if let Some(own) = own {
            used.push(own.index);
            (step, taken.crossing.settle) = (own.model.step, own.model.settle);
        } else {
            step = (step + 1).min(last);
        }
        taken.crossing.step = steps.get(index).copied().unwrap_or(step).max(1);
        taken.crossing.like = found;
    }
    if taken.windows(2).any(|pair| matches!(pair, [one, two] if one.crossing.step > two.crossing.step)) {
        return Err("the entries are not in the order of the scenario's steps: give --steps, or sort them".to_owned());
    }
    Ok(())
}

/// What the present exchanges' holes stand for in the entries, and the credentials that were given.
fn known(subject: &Subject, taken: &[Taken], options: &Options) -> Result<Known, Unusable> {
    let mut credentials = match &options.credentials {
        Some(file) => (*Account::read(subject.entry, file)?.flat).clone(),
        None => BTreeMap::new(),
    };
    let cards = test_cards(&subject.profile);
    let mut steps: BTreeMap<u32, StepValues> = BTreeMap::new();
    for taken in taken {
        let crossing = &taken.crossing;
        let values = steps.entry(crossing.step).or_default();
        let body = String::from_utf8_lossy(crossing.request.body());
        if let Some(card) = luhn_runs(&body).into_iter().find(|number| cards.contains(number)) {
            Arc::make_mut(&mut values.samples).insert("card.number".to_owned(), card);
        }
        let Some(like) = &crossing.like else { continue };
        for pair in file::beside(&like.request, &crossing.request) {
            for (hole, value) in caught(&pair.template, &pair.actual).unwrap_or_default() {
                match hole.split_once(':').unwrap_or((hole.as_str(), "")) {
                    ("key", "") => values.key = Some(value),
                    ("reference", "") => values.reference = Some(value),
                    ("secret", name) => drop(credentials.entry(name.to_owned()).or_insert(value)),
                    ("card", name) => {
                        Arc::make_mut(&mut values.samples).insert(format!("card.{name}"), value);
                    }
                    ("basic", pair) => basic(pair, &value, &mut credentials),
                    _ => {}
                }
            }
        }
    }
    Ok(Known { credentials: Arc::new(credentials), steps, test_cards: cards })
}

/// The two credentials of a pair in base64.
fn basic(pair: &str, value: &str, credentials: &mut BTreeMap<String, String>) {
    let opened = STANDARD.decode(value).ok().and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_default();
    let names = pair.split_once(':').unwrap_or((pair, ""));
    if let Some((user, password)) = opened.split_once(':') {
        for (name, value) in [(names.0, user), (names.1, password)] {
            if !name.is_empty() && !value.is_empty() {
                credentials.entry(name.to_owned()).or_insert_with(|| value.to_owned());
            }
        }
    }
}

/// What the holes of a template stand for in a text, each with its name; none where that is open.
fn caught(template: &str, actual: &str) -> Option<Vec<(String, String)>> {
    let mut found = Vec::new();
    let (mut template, mut actual) = (template, actual);
    while let Some((before, rest)) = template.split_once("${") {
        let (hole, after) = rest.split_once('}').filter(|_| !before.ends_with('$'))?;
        let hole = hole.trim_end_matches("#number");
        actual = actual.strip_prefix(before)?;
        let next = after.split("${").next().unwrap_or_default();
        let end = match length_of(hole) {
            Some(length) => length,
            // Only what stands behind a hole says where it ends.
            None if next.is_empty() && !after.is_empty() => return None,
            None if next == after => actual.len().checked_sub(after.len())?,
            None => actual.find(next)?,
        };
        let value = actual.get(..end).filter(|value| !value.is_empty())?;
        found.push((hole.to_owned(), value.to_owned()));
        (template, actual) = (after, actual.get(end..)?);
    }
    (template == actual).then_some(found)
}

/// How long the value of a hole is, where it always is as long.
fn length_of(hole: &str) -> Option<usize> {
    match hole {
        "card:expiry_month2" | "card:expiry_year2" => Some(2),
        "card:expiry_year" | "card:last4" => Some(4),
        _ => None,
    }
}

/// The steps of a case that ask the provider and have none of the exchanges; the present tape knows which do.
fn steps_without(crossings: &[Crossing], case: &Case, present: Option<&Vec<ExchangeModel>>) -> Vec<u32> {
    let asks = |number: u32, op: StepOp| match present {
        Some(present) => present.iter().any(|exchange| exchange.step == number),
        None => op != StepOp::Advance,
    };
    let steps = (1..).zip(&case.steps).filter(|(number, (step, _))| asks(*number, step.op)).map(|(number, _)| number);
    steps.filter(|number| !crossings.iter().any(|crossing| crossing.step == *number)).collect()
}

/// Where the present tape has a hole and the new one has none, and which entries have no present tape to take holes from.
fn literal(crossings: &[Crossing], made: &[ExchangeModel], numbers: &[usize]) -> Vec<String> {
    let mut told = Vec::new();
    for ((crossing, made), number) in crossings.iter().zip(made).zip(numbers) {
        let Some(like) = &crossing.like else {
            told.push(format!(
                "entry {number}: no tape has a request of this method and path: a key, a reference, an expiry date or a security code in it \
                 stays as it is"
            ));
            continue;
        };
        let made = file::beside(&made.request, &crossing.request);
        for theirs in
            file::beside(&like.request, &crossing.request).into_iter().filter(|theirs| has_hole(&theirs.template))
        {
            let own = made.iter().find(|own| own.place == theirs.place);
            if own.is_some_and(|own| !has_hole(&own.template)) {
                told.push(format!(
                    "entry {number}, request {}: stays as it is, where the present tape has {}",
                    theirs.place, theirs.template
                ));
            }
        }
    }
    told
}

fn has_hole(template: &str) -> bool {
    template.replace("$${", "").contains("${")
}

/// The holes of a tape, each once.
fn holes(tape: &str) -> Vec<String> {
    let found = tape.match_indices("${").filter_map(|(at, _)| {
        let rest = tape.get(at..)?;
        rest.get(..=rest.find('}')?).map(str::to_owned)
    });
    let mut holes: Vec<String> = found.collect();
    holes.sort();
    holes.dedup();
    holes
}

/// Where the tape goes.
pub fn path_of(world: &World, report: &ImportReport) -> PathBuf {
    world.root.join(&report.file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holes_are_caught() {
        let pair = |hole: &str, value: &str| Some(vec![(hole.to_owned(), value.to_owned())]);
        assert_eq!(caught("Bearer ${secret:api_key}", "Bearer sk_test_1"), pair("secret:api_key", "sk_test_1"));
        assert_eq!(caught("${card:expiry_year#number}", "2030"), pair("card:expiry_year", "2030"));
        let both = |one: &str, other: &str| Some([pair(one, "01")?, pair(other, "30")?].concat());
        let expiry = "${card:expiry_month2}${card:expiry_year2}";
        assert_eq!(caught(expiry, "0130"), both("card:expiry_month2", "card:expiry_year2"));
        assert_eq!(caught("${a}-${b}", "01-30"), both("a", "b"));
        assert_eq!((caught("${a}${b}", "0130"), caught(expiry, "01/30"), caught("plain", "other")), (None, None, None));
        assert_eq!(caught("x${a}", "y1"), None);
        assert_eq!(entry_place("exchange 2, answer /id: x", &[4, 9]), "entry 9, answer /id: x");
    }
}

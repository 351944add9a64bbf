//! Tapes out of a vendor's environment: the suite is run there with the user's account, what was exchanged is scrubbed, replayed, and only
//! then written.

pub mod drift;
mod origin;

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::bad_input::Document;
use crate::certify::{self, Plan, SEED};
use crate::files::write_atomically;
use crate::har::file;
use crate::live::course::{self, Taken};
use crate::live::drivable::{asks_for_bad_credentials, undrivable};
use crate::live::remote::Sent;
use crate::live::{Live, Setting};
use crate::mask::Masker;
use crate::profile::Profile;
use crate::run::case::{self, Bench, Case, Finding};
use crate::run::stage::START_UNIX_SECONDS;
use crate::scenario::Suite;
use crate::tape::model::{ExchangeModel, TapeModel};
use crate::tape::{NO_SECRETS, Tape, is_alike};
use crate::taping::{self, Crossing, Known, luhn_runs};
use crate::world::{Subject, Unusable, World};
use origin::Origins;

/// How often a tape is replayed before it is written, each time with another seed.
pub const REPLAYS: u64 = 3;

/// Credentials shorter than this are flags and country codes.
const SHORTEST_CREDENTIAL: usize = 6;

/// Test cards that vendors and card networks publish, beside those of the profile.
const PUBLISHED_CARDS: [&str; 11] = [
    "4111111111111111",
    "4242424242424242",
    "4000000000000002",
    "4012888888881881",
    "5555555555554444",
    "5105105105105100",
    "378282246310005",
    "371449635398431",
    "6011111111111117",
    "30569309025904",
    "3530111333300000",
];

/// What a recording is asked for.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where and as whom.
    pub setting: Setting,
    /// A pattern that case ids must match.
    pub scenario: Option<String>,
    /// The vendor's environment, as `sandbox`.
    pub environment: String,
    /// The folder for the tapes; that of the connector when none is given.
    pub out: Option<PathBuf>,
    /// Whether nothing is written.
    pub dry_run: bool,
}

/// What came of a case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It was recorded, and the tape replays.
    Recorded,
    /// The environment did not end it as the suite demands.
    Failed,
    /// Something in it may not be kept, or the tape does not replay.
    Refused,
    /// An environment cannot be asked for it.
    LeftOut,
}

/// One case of a recording.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RecordedCase {
    /// The case.
    pub case: String,
    /// What came of it.
    pub outcome: Outcome,
    /// How many exchanges the tape has.
    pub exchanges: usize,
    /// Why it is not recorded; places, never values.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub because: Vec<String>,
    /// The file that was written.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub file: Option<String>,
}

/// What `quittance record --json` prints.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RecordReport {
    /// The connector.
    pub connector: String,
    /// The vendor's environment.
    pub environment: String,
    /// Why tapes are not marked as recorded in the vendor's environment: a sentence each.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub not_the_vendors: Vec<String>,
    /// The cases, in the order of the suite.
    pub cases: Vec<RecordedCase>,
}

impl RecordReport {
    /// How many cases came to that.
    pub fn count(&self, outcome: Outcome) -> usize {
        self.cases.iter().filter(|case| case.outcome == outcome).count()
    }
}

/// Records every case that an environment can be asked for; `each` is told after each.
///
/// # Errors
/// Credentials that cannot be used, files that cannot be read or written.
pub fn record(
    world: &World,
    suite: &Suite,
    subject: &Subject,
    options: &Options,
    mut each: impl FnMut(&RecordedCase),
) -> Result<RecordReport, Unusable> {
    let live = Live::open(subject, &options.setting, None)?;
    let origins = Origins::of(&live);
    if let (Some(why), None, false) = (origins.others().next(), &options.out, options.dry_run) {
        let told = format!("{why}; give --out DIR: it does not take the place of tapes in {}", subject.folder);
        return Err(Unusable::Text(told));
    }
    let plan = Plan::of(suite, subject);
    let reasons = undrivable(subject, &plan);
    let folder = options.out.clone().unwrap_or_else(|| world.root.join(&subject.folder));
    let mut cases = Vec::new();
    for case in plan.cases().filter(|case| case.strike.is_none() && selects(options.scenario.as_deref(), &case.id)) {
        let blank =
            |outcome, because| RecordedCase { case: case.id.clone(), outcome, exchanges: 0, because, file: None };
        let recorded = match reasons.get(&case.id) {
            Some(why) => blank(Outcome::LeftOut, vec![why.clone()]),
            None => match taped(world, &live, &origins, case, &options.environment)? {
                Err((outcome, because)) => blank(outcome, because),
                Ok((text, exchanges)) => {
                    let path = folder.join(format!("{}.toml", case.id));
                    if !options.dry_run {
                        let failed = |error| Unusable::Text(format!("{}: cannot be written: {error}", path.display()));
                        write_atomically(&path, text.as_bytes()).map_err(failed)?;
                    }
                    let file = (!options.dry_run).then(|| path.display().to_string());
                    RecordedCase { exchanges, file, ..blank(Outcome::Recorded, Vec::new()) }
                }
            },
        };
        each(&recorded);
        cases.push(recorded);
    }
    Ok(RecordReport {
        connector: subject.entry.spec.id.to_owned(),
        environment: options.environment.clone(),
        not_the_vendors: origins.others().collect(),
        cases,
    })
}

/// Whether a case is asked for.
pub(crate) fn selects(pattern: Option<&str>, case: &str) -> bool {
    pattern.is_none_or(|pattern| certify::matches_pattern(pattern, case))
}

/// The text of a tape with the number of its exchanges; or why there is none.
type Taped = Result<(String, usize), (Outcome, Vec<String>)>;

fn taped(world: &World, live: &Live<'_>, origins: &Origins, case: &Case, environment: &str) -> Result<Taped, Unusable> {
    let subject = live.subject;
    let (mut credentials, stranger) = (Arc::clone(&live.account.flat), live.account.stranger(subject.entry, None));
    let connector = match (asks_for_bad_credentials(case), &stranger) {
        (false, _) => &*live.connector,
        (true, Some(stranger)) => {
            credentials = Arc::new(live.account.strange());
            &**stranger
        }
        (true, None) => {
            let why = "no credential can be changed without breaking its form".to_owned();
            return Ok(Err((Outcome::LeftOut, vec![why])));
        }
    };
    let played = course::play(live, connector, case, &certify::play(subject, case, None, SEED));
    if !played.findings.is_empty() {
        let mask = course::Mask::of(live, &played.taken);
        let told = mask.findings(played.findings).iter().map(ToString::to_string).collect();
        return Ok(Err((Outcome::Failed, told)));
    }
    if let Some(why) = played.stopped {
        return Ok(Err((Outcome::LeftOut, vec![why])));
    }
    let present = model_of(&world.root, subject, &case.tape).map_err(|error| vec![error])?;
    let crossings = match crossings(case, &present, &played.taken) {
        Ok(crossings) => crossings,
        Err(why) => return Ok(Err((Outcome::Failed, vec![why]))),
    };
    let steps = played.taken.iter().map(|taken| (taken.number, taken.asked.values.clone())).collect();
    let known = Known { credentials, steps, test_cards: test_cards(&subject.profile) };
    let hosts = crossings.iter().filter_map(|crossing| live.goes_to(crossing.request.uri())?.authority().cloned());
    let provenance = origins.provenance(hosts.map(|host| host.to_string()), world.today, environment);
    let refused = |why: Vec<String>| Ok(Err((Outcome::Refused, why)));
    let (model, doubts) = match taping::tape(&crossings, &known, provenance) {
        Ok(made) => made,
        Err(why) => return refused(vec![why]),
    };
    if !doubts.is_empty() {
        let told: BTreeSet<String> = doubts.iter().map(ToString::to_string).collect();
        return refused(told.into_iter().collect());
    }
    let text = match text_of(&model) {
        Ok(text) => text,
        Err(why) => return refused(vec![why]),
    };
    if let Some(why) = leak(live, &known, &played.taken, &text) {
        return refused(vec![why]);
    }
    Ok(match replayed(subject, case, &text, REPLAYS) {
        Ok(()) => Ok((text, model.exchange.len())),
        Err(why) => Err((Outcome::Refused, vec![why])),
    })
}

/// A tape as a file.
///
/// # Errors
/// What TOML cannot state.
pub(crate) fn text_of(model: &TapeModel) -> Result<String, String> {
    toml::to_string_pretty(model).map_err(|error| format!("the tape cannot be written as TOML: {error}"))
}

/// How it begins when a text is no tape at all.
pub(crate) const UNREADABLE: &str = "the tape would not be read";

/// Replays a tape in memory with the profile's dummies, with `times` seeds.
///
/// # Errors
/// What does not fit, masked.
pub(crate) fn replayed(subject: &Subject, case: &Case, text: &str, times: u64) -> Result<(), String> {
    let tape = Tape::parse(&format!("{}.toml", case.id), text, &subject.profile).map_err(|errors| {
        let told: Vec<String> = errors.iter().map(|error| format!("{}: {}", error.field, error.message)).collect();
        format!("{UNREADABLE}: {}", told.join("; "))
    })?;
    let case = Case { tape, ..case.clone() };
    for seed in 1..=times {
        let bench = Bench::of(subject, seed);
        if let Some(finding) = case::play(bench, &case).findings.first() {
            let hint = time_hint(finding, &subject.file_of(&case.tape)).unwrap_or_default();
            return Err(format!("it does not replay (seed {seed}): {finding}{hint}"));
        }
    }
    Ok(())
}

/// What to write where a request carries the time in a form that only the provider's tapes can name.
fn time_hint(finding: &Finding, file: &str) -> Option<String> {
    let bare = |text: &str| text.trim_matches(['"', '`']).to_owned();
    let format = taping::written_as(&bare(&finding.found), &bare(&finding.expected), START_UNIX_SECONDS)?;
    Some(format!("; this is the time: write `${{now:{format}}}` there in {file}, then try again"))
}

/// A credential or access token that is left in the text, as it is or encoded.
fn leak(live: &Live<'_>, known: &Known, taken: &[Taken], text: &str) -> Option<String> {
    let of_account = live.account.flat.values().chain(known.credentials.values());
    let mut secrets: Vec<String> = of_account
        .filter(|value| value.len() >= SHORTEST_CREDENTIAL && !NO_SECRETS.contains(&value.as_str()))
        .cloned()
        .collect();
    secrets.extend(taken.iter().flat_map(|taken| taken.sent.iter().chain(&taken.settling)).filter_map(course::bearer));
    let masker = Masker::new(secrets);
    text.lines().position(|line| masker.text(line) != line).map(|at| {
        format!(
            "line {} of the tape would hold a credential or an access token in a form that is not understood",
            at + 1
        )
    })
}

/// The exchanges of a play, each with the present tape's exchange of the same method and path.
fn crossings(case: &Case, present: &TapeModel, taken: &[Taken]) -> Result<Vec<Crossing>, String> {
    let mut used = vec![false; present.exchange.len()];
    let mut all = Vec::new();
    for taken in taken {
        let own = taken.sent.iter().map(|sent| (false, sent)).chain(taken.settling.iter().map(|sent| (true, sent)));
        for (settle, sent) in own {
            let answer =
                sent.answer.clone().map_err(|failure| format!("step {}: no answer: {failure:?}", taken.number))?;
            let like = alike(&case.tape, present, &mut used, taken.number, sent);
            let (request, at_unix) = (sent.request.clone(), sent.at_unix);
            all.push(Crossing { step: taken.number, settle, request, answer, at_unix, like });
        }
    }
    Ok(all)
}

/// The exchange of the present tape that is like what was sent: of its step and not taken yet, where there is one.
fn alike(tape: &Tape, present: &TapeModel, used: &mut [bool], step: u32, sent: &Sent) -> Option<ExchangeModel> {
    let fits = |index: &usize| tape.exchanges.get(*index).is_some_and(|exchange| is_alike(exchange, &sent.request));
    let all = || 0..present.exchange.len();
    let of_step = |index: &usize| present.exchange.get(*index).is_some_and(|exchange| exchange.step == step);
    // Where one address takes everything, method and path say nothing: the one with most places in common is meant, the first of equals.
    let places = |index: &usize| {
        let common = present.exchange.get(*index).map(|exchange| file::beside(&exchange.request, &sent.request).len());
        (common.unwrap_or_default(), Reverse(*index))
    };
    let fresh = all().filter(of_step).filter(|index| used.get(*index) == Some(&false)).filter(fits).max_by_key(places);
    let index = fresh.or_else(|| all().filter(fits).max_by_key(places))?;
    if let Some(slot) = used.get_mut(index) {
        *slot = true;
    }
    present.exchange.get(index).cloned()
}

/// The file of a tape as it is written.
pub(crate) fn model_of(root: &Path, subject: &Subject, tape: &Tape) -> Result<TapeModel, crate::FileError> {
    let document = Document::read(&root.join(subject.file_of(tape)))?;
    let text = match &subject.profile.model.like {
        Some(like) if tape.inherited => like.applied(&document.text),
        _ => document.text.clone(),
    };
    Document::new(document.file, text).parse()
}

/// The published test cards of a profile, and those that vendors and networks share.
pub(crate) fn test_cards(profile: &Profile) -> Vec<String> {
    let methods = profile.model.methods.keys().filter_map(|name| profile.method_samples(name));
    let of_methods = methods.flat_map(BTreeMap::into_values).flat_map(|value| luhn_runs(&value));
    let of_cards = profile.model.cards.values().map(|card| card.number.clone());
    of_methods.chain(of_cards).chain(PUBLISHED_CARDS.map(str::to_owned)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_address_for_all_is_told_apart_by_what_is_sent() {
        let exchange = |body: &str| {
            format!(
                "[[exchange]]\nstep = 1\nrequest = {{ method = \"POST\", url = \"https://api.reference.example/all\", \
                 headers = {{ content-type = \"application/json\" }}, json = '{body}' }}\nresponse = {{ status = 200 }}\n"
            )
        };
        let (ask, pay) = (exchange(r#"{"ask":"x"}"#), exchange(r#"{"pay":{"amount":"1","number":"${card:number}"}}"#));
        let text = format!("provenance = {{ kind = \"synthesised\" }}\n{ask}{pay}");
        let world = World::find(Some(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/..")))).unwrap();
        let profile = Profile::load(&world.root.join("fixtures/reference/profile.toml"), world.today).unwrap();
        let tape = Tape::parse("authorize.captured.toml", &text, &profile).unwrap();
        let model: TapeModel = toml::from_str(&text).unwrap();
        let body = bytes::Bytes::from_static(br#"{"pay":{"amount":"60","number":"4242424242424242"}}"#);
        let request = http::Request::post("https://api.reference.example/all").body(body).unwrap();
        let sent = Sent { request, at_unix: 0, answer: Err(quittance::Failure::Reset) };
        let mut used = [false, false];
        let like = alike(&tape, &model, &mut used, 1, &sent).unwrap();
        assert!(like.request.json.unwrap().contains("${card:number}") && used == [false, true]);
    }

    #[test]
    fn a_time_is_told_with_what_to_write() {
        let finding = |expected: &str, found: &str| Finding {
            step: 1,
            what: "/request/@timestamp".to_owned(),
            expected: expected.to_owned(),
            found: found.to_owned(),
        };
        let hint = |expected, found| time_hint(&finding(expected, found), "fixtures/acme/authorize.captured.toml");
        let told = hint("20261123205342", "20261122120000").unwrap();
        assert!(told.contains("write `${now:%Y%m%d%H%M%S}` there in fixtures/acme/authorize.captured.toml"), "{told}");
        assert!(hint("\"24/11/2026 09:53\"", "\"22/11/2026 12:00\"").unwrap().contains("%d/%m/%Y %H:%M"));
        // Something else of as many digits is no time.
        assert_eq!(hint("99999999999999", "20261122120000"), None);
        assert_eq!(hint("20261123205342", "20261123205343"), None);
    }
}

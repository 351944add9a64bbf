//! What is fuzzed: each function takes any bytes and must come back, without a panic and without believing garbage.
//!
//! The file is part of two programs: the targets of `cargo fuzz` in `fuzz_targets`, and the test `fuzz` of the harness, which
//! mutates the same seeds on stable Rust. Seeds are the project's own fixtures, read when the program runs.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use quittance::{Context, Delivery, EventBody, Failure, MemoryTokens, Op, State, drive};
use quittance_harness::certify::ground::Place;
use quittance_harness::certify::report::Report;
use quittance_harness::certify::{Plan, play};
use quittance_harness::corpus::recording;
use quittance_harness::profile::Profile;
use quittance_harness::run::case::{Case, delivery};
use quittance_harness::run::stage::{Fault, SeededRandom, VirtualClock};
use quittance_harness::scenario::Scenario;
use quittance_harness::tape::Tape;
use quittance_harness::tape::model::TapeModel;
use quittance_harness::view::Outcome;
use quittance_harness::world::{Subject, World};

/// Longer inputs prove no more and cost more.
pub(crate) const MAX_BYTES: usize = 1 << 16;

const SEED: u64 = 1;

/// A target by name.
pub(crate) struct Target {
    /// Its name.
    pub(crate) name: &'static str,
    /// The function.
    pub(crate) run: fn(&[u8]),
    /// Inputs to begin with.
    pub(crate) seeds: fn() -> Vec<Vec<u8>>,
}

/// Every target.
pub(crate) const TARGETS: [Target; 7] = [
    Target { name: "answers", run: answers, seeds: answer_seeds },
    Target { name: "webhooks", run: webhooks, seeds: webhook_seeds },
    Target {
        name: "tape",
        run: tape,
        seeds: || seeds(&["fixtures/stripe", "fixtures/adyen", "fixtures/authorize-net"], false),
    },
    Target {
        name: "scenario",
        run: scenario,
        seeds: || seeds(&["specs/scenarios/capture", "specs/scenarios/webhook"], false),
    },
    Target {
        name: "profile",
        run: profile,
        seeds: || seeds(&["fixtures/stripe", "fixtures/paypal", "fixtures/authorize-net"], true),
    },
    Target { name: "recordings", run: recordings, seeds: recording_seeds },
    Target { name: "report", run: report, seeds: report_seeds },
];

/// A delivery: the connector by its place, headers, body.
type Made = (usize, Vec<(String, String)>, Vec<u8>);

struct Known {
    world: World,
    subjects: Vec<Subject>,
    /// Subject, case and place of every answer with a body to read.
    places: Vec<(usize, Case, Place)>,
    /// Subject and delivery, unsigned.
    deliveries: Vec<Made>,
}

// What the connectors are judged by does not change while the program runs.
fn known() -> &'static Known {
    static KNOWN: OnceLock<Known> = OnceLock::new();
    KNOWN.get_or_init(|| {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let world = World::find(Some(&root)).expect("the project's root");
        let suite = world.suite().expect("the suite");
        let entries = quittance_connectors::ALL;
        let subjects: Vec<Subject> = entries.iter().map(|entry| world.subject(entry).expect("a subject")).collect();
        let mut places = Vec::new();
        let mut deliveries = Vec::new();
        for (index, subject) in subjects.iter().enumerate() {
            for case in Plan::of(&suite, subject).cases().filter(|case| case.strike.is_none()) {
                let read =
                    |place: &Place| case.tape.exchanges.get(place.index).is_some_and(|one| one.answers_structured());
                places.extend(Place::all(case).into_iter().filter(read).map(|place| (index, case.clone(), place)));
            }
            for text in texts(&root.join(&subject.folder), false) {
                let model: Option<TapeModel> = toml::from_str(&text).ok();
                for webhook in model.map(|model| model.webhook).unwrap_or_default() {
                    let headers = webhook.headers.into_iter().collect();
                    deliveries.push((index, headers, webhook.body.into_bytes()));
                }
            }
        }
        Known { world, subjects, places, deliveries }
    })
}

/// What a kept input is tried as: an answer is given at every exchange, since which of them has a number changes with the tapes.
pub(crate) fn kept(target: &Target, input: Vec<u8>) -> Vec<Vec<u8>> {
    if target.name != "answers" {
        return vec![input];
    }
    let body = input.get(2..).unwrap_or_default();
    (0..=u16::MAX).zip(&known().places).map(|(at, _)| [&at.to_be_bytes(), body].concat()).collect()
}

/// The first two bytes choose the exchange, the others are the body of its answer.
pub(crate) fn answers(data: &[u8]) {
    let Some((choice, body)) = data.split_first_chunk::<2>() else { return };
    let known = known();
    let at = usize::from(u16::from_be_bytes(*choice)) % known.places.len();
    let (subject, case, place) = &known.places[at];
    let mut case = case.clone();
    case.strike = Some(place.strike(Fault::Body(Arc::from(body)), false));
    case.steps.truncate(place.step as usize);
    let played = play(&known.subjects[*subject], &case, None, SEED);
    let Some(ended) = played.ended.get(place.step as usize - 1) else { return };
    if let Ok(outcome) = &ended.result {
        let claims = is_final(outcome) && ended.first.is_none() && ended.op != Some(Op::Webhook);
        assert!(
            !claims || is_structured(body),
            "{} at exchange {}: {} from garbage",
            case.id,
            place.exchange + 1,
            outcome.state()
        );
    }
}

/// Whether a connector may read anything out of a body.
fn is_structured(body: &[u8]) -> bool {
    let text = std::str::from_utf8(body).unwrap_or_default().trim_start_matches('\u{feff}').trim();
    // Members that nobody reads may hold anything that ends, such as half a surrogate pair.
    text.starts_with('<') || text.starts_with('{') && serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok()
}

fn is_final(outcome: &Outcome) -> bool {
    match outcome {
        Outcome::Payment(payment) => !matches!(payment.state, State::Pending | State::Unrecognised(_)),
        Outcome::Session(_) | Outcome::Token(_) => true,
        Outcome::Events(events) => !events.is_empty(),
        other => !matches!(other.state(), "pending" | "unrecognised"),
    }
}

/// The first two bytes choose a delivery, the next two how much of the input is headers, a line each; the rest is its body. Nobody
/// has the key, so nothing may be believed.
pub(crate) fn webhooks(data: &[u8]) {
    let Some((choice, rest)) = data.split_first_chunk::<4>() else { return };
    let known = known();
    let at = usize::from(u16::from_be_bytes([choice[0], choice[1]])) % known.deliveries.len();
    let (subject, headers, _) = &known.deliveries[at];
    let split = usize::from(u16::from_be_bytes([choice[2], choice[3]])).min(rest.len());
    let (lines, body) = rest.split_at(split);
    let lines = String::from_utf8_lossy(lines);
    let given = lines
        .lines()
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()));
    let all: Vec<(String, String)> = headers.iter().cloned().chain(given).collect();
    let Ok(delivery): Result<Delivery, String> = delivery(&all, body.to_vec().into()) else { return };
    let subject = &known.subjects[*subject];
    let (wire, clock, random, tokens) =
        (drive::Wire::default(), VirtualClock::new(), SeededRandom::new(SEED), MemoryTokens::default());
    let cx = Context::new(&wire, &clock, &random, &tokens);
    let result = drive::drive(&wire, subject.connector.webhook(&cx, &delivery), |_| Err(Failure::Reset));
    // What a provider that signs nothing says of something else is not looked up, and not believed either.
    let believed = result.is_ok_and(|events| events.iter().any(|event| !matches!(event.body, EventBody::Ignored)));
    assert!(!believed, "{} believes a delivery that nobody signed", subject.entry.spec.id);
}

/// A tape.
pub(crate) fn tape(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    for subject in &known().subjects {
        let file = format!("{}/authorize.captured.toml", subject.folder);
        let _read = Tape::parse(&file, text, &subject.profile);
    }
}

/// A scenario.
pub(crate) fn scenario(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let _read = Scenario::parse("specs/scenarios/capture/full.toml", text);
}

/// A profile.
pub(crate) fn profile(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let known = known();
    let folder = known.world.root.join("fixtures/stripe");
    let _read = Profile::parse("fixtures/stripe/profile.toml", text, &folder, known.world.today);
}

/// A file of recordings.
pub(crate) fn recordings(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let (mut found, mut errors) = (Vec::new(), Vec::new());
    recording::parse(Path::new("recordings.jsonl"), text, &mut found, &mut errors);
}

/// A report: one that is read must be whole, so that it is written again as it was read.
pub(crate) fn report(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(report) = Report::parse(text) {
        assert!(Report::parse(&report.to_ndjson()).is_ok(), "a report that is read cannot be written");
    }
}

/// The TOML files of a folder: profiles, or all others.
fn texts(folder: &Path, profiles: bool) -> Vec<String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    paths.sort();
    let wanted = |path: &&PathBuf| {
        path.extension().is_some_and(|extension| extension == "toml") && path.ends_with("profile.toml") == profiles
    };
    paths.iter().filter(wanted).filter_map(|path| std::fs::read_to_string(path).ok()).collect()
}

fn seeds(folders: &[&str], profiles: bool) -> Vec<Vec<u8>> {
    let root = &known().world.root;
    folders.iter().flat_map(|folder| texts(&root.join(folder), profiles)).map(String::into_bytes).collect()
}

fn answer_seeds() -> Vec<Vec<u8>> {
    let known = known();
    let mut seeds = Vec::new();
    for (at, (subject, case, place)) in known.places.iter().enumerate() {
        let played = play(&known.subjects[*subject], case, None, SEED);
        let records = played.records().into_iter().filter(|record| record.exchange == Some(place.index));
        let choice = u16::try_from(at).unwrap_or_default().to_be_bytes();
        seeds.extend(
            records.filter_map(|record| record.answer).map(|answer| [choice.as_slice(), answer.body()].concat()),
        );
    }
    seeds
}

fn webhook_seeds() -> Vec<Vec<u8>> {
    let seed = |(at, (_, _, body)): (usize, &Made)| {
        let choice = u16::try_from(at).unwrap_or_default().to_be_bytes();
        [choice.as_slice(), &[0, 0], body].concat()
    };
    known().deliveries.iter().enumerate().map(seed).collect()
}

fn recording_seeds() -> Vec<Vec<u8>> {
    let line = |body: &str| {
        format!(
            r#"{{"provider":"stripe","operation":"authorize","outcome":"success","state":"current","status":200,"content_type":"json","body":{body:?},"source":"seed"}}"#
        )
    };
    vec![line("{}").into_bytes(), format!("{}\n\n{}\n", line("<a/>"), line("a=b")).into_bytes()]
}

fn report_seeds() -> Vec<Vec<u8>> {
    let header = r#"{"type":"header","format":2,"harness":"0","suite":"1","suite_digest":"","scenarios":0,"seed":1,"tiers":[],"connectors":[],"narrowed":null}"#;
    let line =
        r#"{"type":"verdict","connector":"a","case":"b","tier":"memory","verdict":"pass","clauses":[],"trials":1}"#;
    let footer = r#"{"type":"footer","counts":{"pass":1},"lines":1,"memory_digest":"","wire_digest":"","digest":""}"#;
    vec![[header, line, footer].join("\n").into_bytes()]
}

//! Recorded answers against the parsers of the connectors: does a connector read what it has never seen as it was meant?
//!
//! Format and rules: `specs/recordings.md`.

pub mod body;
pub mod feed;
pub mod recording;
pub mod rules;
pub mod verdict;

use std::collections::BTreeMap;

use quittance::Op;
use serde::Serialize;

use body::View;
use recording::{Age, Recorded, Recording};
use rules::{CorpusRules, Route};
use verdict::Judgement;

use crate::run::case::Case;
use crate::run::plan::{self, Planned};
use crate::scenario::Suite;
use crate::world::{Subject, World};

/// The share of labelled current answers on which a connector must agree, in percent.
pub const NEEDED_PERCENT: u64 = 97;

/// What came of one recording.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    /// Read as the origin asserted.
    Agrees,
    /// Not.
    Disagrees {
        /// Why, in one sentence.
        reason: String,
        /// Whether a failure was read as a final success.
        unsafe_success: bool,
    },
    /// Read; the origin asserted nothing.
    Unlabelled,
    /// The provider's own words contradict the recorded outcome; read as they say.
    Disputed {
        /// The rule's reason.
        reason: String,
    },
    /// An answer that the connector never gets.
    OutOfScope {
        /// The rule's reason, or that the connector lacks the operation.
        reason: String,
    },
}

/// One line of the account.
#[derive(Debug, Clone)]
pub struct Line {
    /// The recording's place: file and line.
    pub place: String,
    /// Its name at its origin.
    pub source: String,
    /// Whether the API is current.
    pub state: Age,
    /// The operation that read it, where one did.
    pub op: Option<Op>,
    /// What came of it.
    pub ending: Ending,
}

/// The numbers of one provider and state.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Recordings.
    pub total: u64,
    /// Labelled answers that were fed to a parser and not disputed.
    pub read: u64,
    /// Of these, read as asserted.
    pub agree: u64,
    /// Of these, not.
    pub disagree: u64,
    /// Of these, failures read as a final success.
    pub unsafe_success: u64,
    /// Answers without an asserted outcome that were fed to a parser.
    pub unlabelled: u64,
    /// Answers that contradict their recorded outcome.
    pub disputed: u64,
    /// Answers that the connector never gets.
    pub out_of_scope: u64,
}

impl Counts {
    /// Whether enough of the answers agree, and none is unsafe.
    pub fn is_enough(&self) -> bool {
        self.unsafe_success == 0 && self.agree * 100 >= NEEDED_PERCENT * self.read
    }

    /// The agreement in tenths of a percent; `None` without a labelled answer.
    pub fn permille(&self) -> Option<u64> {
        (self.agree * 1000).checked_div(self.read)
    }

    fn add(&mut self, ending: &Ending) {
        self.total += 1;
        match ending {
            Ending::Agrees => {
                self.read += 1;
                self.agree += 1;
            }
            Ending::Disagrees { unsafe_success, .. } => {
                self.read += 1;
                self.disagree += 1;
                self.unsafe_success += u64::from(*unsafe_success);
            }
            Ending::Unlabelled => self.unlabelled += 1,
            Ending::Disputed { .. } => self.disputed += 1,
            Ending::OutOfScope { .. } => self.out_of_scope += 1,
        }
    }
}

/// The account of one connector.
#[derive(Debug, Clone)]
pub struct Account {
    /// The connector.
    pub connector: String,
    /// One line a recording, in the order of the file.
    pub lines: Vec<Line>,
}

impl Account {
    /// The numbers by state.
    pub fn counts(&self) -> BTreeMap<Age, Counts> {
        let mut counts: BTreeMap<Age, Counts> = BTreeMap::new();
        self.lines.iter().for_each(|line| counts.entry(line.state).or_default().add(&line.ending));
        counts
    }

    /// Whether the connector agrees on enough of the current answers.
    pub fn passes(&self) -> bool {
        self.counts().iter().all(|(state, counts)| *state != Age::Current || counts.is_enough())
    }

    /// The reasons of one kind of ending with their numbers: out of scope and disputed.
    pub fn reasons(&self) -> BTreeMap<(&'static str, &str), u64> {
        let mut reasons = BTreeMap::new();
        for line in &self.lines {
            let key = match &line.ending {
                Ending::OutOfScope { reason } => ("out of scope", reason.as_str()),
                Ending::Disputed { reason } => ("disputed", reason.as_str()),
                _ => continue,
            };
            *reasons.entry(key).or_default() += 1;
        }
        reasons
    }
}

/// Feeds every recording of the subject's provider to it.
pub fn run(world: &World, suite: &Suite, subject: &Subject, recordings: &[Recording]) -> Account {
    let planned = plan::plan(suite, subject.entry.spec, &subject.profile, &subject.tapes, &subject.folder);
    let cases: Vec<Case> = planned
        .into_iter()
        .flat_map(|(_, planned)| match planned {
            Planned::Cases(cases) => cases,
            _ => Vec::new(),
        })
        .collect();
    let id = subject.entry.spec.id;
    let own = recordings.iter().filter(|recording| recording.provider == id);
    let lines = own.map(|recording| line(world, subject, &cases, recording)).collect();
    Account { connector: id.to_owned(), lines }
}

fn line(world: &World, subject: &Subject, cases: &[Case], recording: &Recording) -> Line {
    let default = CorpusRules::default();
    let rules = subject.profile.model.corpus.as_ref().unwrap_or(&default);
    let view = View::of(&recording.content_type, &recording.body);
    let (op, ending) = match assign(rules, subject, recording, &view) {
        Assigned::OutOfScope(reason) => (None, Ending::OutOfScope { reason }),
        Assigned::To(op, manual, route) => {
            (Some(op), read(world, subject, cases, recording, &view, (op, manual, route)))
        }
    };
    Line {
        place: format!("{}:{}", recording.file, recording.line),
        source: recording.source.clone(),
        state: recording.state,
        op,
        ending,
    }
}

enum Assigned<'r> {
    To(Op, bool, Option<&'r Route>),
    OutOfScope(String),
}

/// A route, else a rule that sets the answer aside, else the recorded operation.
fn assign<'r>(rules: &'r CorpusRules, subject: &Subject, recording: &Recording, view: &View) -> Assigned<'r> {
    let route = rules.route.iter().find(|route| rules::holds(&route.when, recording, view));
    if let Some(route) = route
        && let Some(op) = route.operation.as_ref().and_then(|name| name.parse().ok())
    {
        return Assigned::To(op, route.manual, Some(route));
    }
    let aside = rules.out_of_scope.iter().find(|rule| rules::holds(&rule.when, recording, view));
    if let (None, Some(rule)) = (route, aside) {
        return Assigned::OutOfScope(rule.reason.clone());
    }
    let word = recording.operation.as_deref().unwrap_or("null");
    let Some((op, manual)) = default_operation(word) else {
        return Assigned::OutOfScope(format!("recorded as `{word}`, and of no shape that the connector reads"));
    };
    if !subject.entry.spec.has(op) {
        return Assigned::OutOfScope(format!("the connector has no {op}"));
    }
    Assigned::To(op, manual, route)
}

/// The operation of the contract for the origin's word, and whether the money is taken later.
fn default_operation(word: &str) -> Option<(Op, bool)> {
    Some(match word {
        "purchase" => (Op::Authorize, false),
        "authorize" => (Op::Authorize, true),
        "capture" => (Op::Capture, false),
        "void" => (Op::Void, false),
        "refund" => (Op::Refund, false),
        "credit" => (Op::PayOut, false),
        "inquire" => (Op::Retrieve, false),
        "adjust" => (Op::Adjust, false),
        "store" | "verify" => (Op::SetUp, false),
        "unstore" => (Op::Revoke, false),
        "webhook" => (Op::Webhook, false),
        _ => return None,
    })
}

fn read(
    world: &World,
    subject: &Subject,
    cases: &[Case],
    recording: &Recording,
    view: &View,
    (op, manual, route): (Op, bool, Option<&Route>),
) -> Ending {
    let disagrees = |reason: String| Ending::Disagrees { reason, unsafe_success: false };
    // Where every authorization takes the money at once, one tape serves both.
    let way = feed::way(cases, op, manual, route).or_else(|why| match op {
        Op::Authorize => feed::way(cases, op, !manual, route).map_err(|_| why),
        _ => Err(why),
    });
    let fed = way.and_then(|way| feed::feed(subject, &world.root, &way, recording, view));
    let (result, asked_on) = match fed {
        Err(why) => return disagrees(format!("not fed: {why}")),
        Ok(fed) => (fed.result, fed.asked_on),
    };
    let Some(result) = result else { return disagrees("the connector panicked".to_owned()) };
    if let Some(reason) = disputed(subject, recording, view) {
        // Believed only as far as the connector reads the contrary of the label.
        let contrary = match recording.outcome {
            Recorded::Success => Recorded::Failure,
            _ => Recorded::Success,
        };
        let contrary = Recording { outcome: contrary, ..recording.clone() };
        if verdict::judge(op, &contrary, &result) == Judgement::Agrees {
            return Ending::Disputed { reason };
        }
    }
    match (verdict::judge(op, recording, &result), asked_on) {
        (Judgement::Agrees, _) => Ending::Agrees,
        (Judgement::Unlabelled, _) => Ending::Unlabelled,
        (Judgement::Disagrees { reason, unsafe_success }, None) => Ending::Disagrees { reason, unsafe_success },
        (Judgement::Disagrees { .. }, Some(request)) => Ending::OutOfScope {
            reason: format!("the connector goes on with {request}, whose answer was not recorded"),
        },
    }
}

fn disputed(subject: &Subject, recording: &Recording, view: &View) -> Option<String> {
    let word = match recording.outcome {
        Recorded::Success => "success",
        Recorded::Failure => "failure",
        Recorded::Unlabelled => return None,
    };
    let rules = subject.profile.model.corpus.as_ref()?;
    let fits = |rule: &&rules::Disputed| rule.recorded == word && rules::holds(&rule.when, recording, view);
    rules.disputed.iter().find(fits).map(|rule| rule.reason.clone())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    const INTENT: &str = r#"{"id":"pi_1","object":"payment_intent","status":"succeeded","amount":2000,"amount_received":2000,"currency":"gbp","capture_method":"automatic"}"#;
    const DECLINED: &str =
        r#"{"error":{"type":"card_error","code":"card_declined","decline_code":"lost_card","message":"no"}}"#;

    fn line(operation: &str, outcome: &str, body: &str, expect: &str) -> String {
        let body = serde_json::Value::from(body);
        format!(
            r#"{{"provider":"stripe","operation":"{operation}","outcome":{outcome},"state":"current","status":null,"content_type":"json","body":{body},"expect":{expect},"request":null,"source":{{"name":"n"}}}}"#
        )
    }

    fn endings(lines: &[String]) -> Vec<Ending> {
        let (mut recordings, mut errors) = (Vec::new(), Vec::new());
        recording::parse(Path::new("a.jsonl"), &lines.join("\n"), &mut recordings, &mut errors);
        assert_eq!(errors, []);
        let world = World::find(Some(&Path::new(env!("CARGO_MANIFEST_DIR")).join(".."))).unwrap();
        let entry = world.entries(&["stripe".to_owned()]).unwrap()[0];
        let subject = world.subject(entry).unwrap();
        let account = run(&world, &world.suite().unwrap(), &subject, &recordings);
        account.lines.into_iter().map(|line| line.ending).collect()
    }

    #[test]
    fn readings_are_compared_with_labels() {
        let found = endings(&[
            line("purchase", r#""success""#, INTENT, "{}"),
            line("purchase", r#""failure""#, INTENT, "{}"),
            line("purchase", r#""success""#, INTENT, r#"{"reference":"pi_1|x"}"#),
            line("purchase", r#""success""#, INTENT, r#"{"reference":"succeeded"}"#),
            line("purchase", r#""failure""#, DECLINED, r#"{"code":"lost_card"}"#),
            line("purchase", r#""failure""#, DECLINED, r#"{"code":"card_error"}"#),
            line("purchase", r#""success""#, DECLINED, "{}"),
            line("purchase", r#""failure""#, "not JSON", "{}"),
            line("purchase", "null", INTENT, "{}"),
            line("purchase", r#""success""#, r#"{"object":"invoice"}"#, "{}"),
        ]);
        let disagrees = |ending: &Ending, wanted: bool| matches!(ending, Ending::Disagrees { unsafe_success, .. } if *unsafe_success == wanted);
        assert_eq!(found[0], Ending::Agrees);
        assert!(disagrees(&found[1], true), "{:?}", found[1]);
        assert_eq!(found[2], Ending::Agrees);
        assert!(disagrees(&found[3], false), "{:?}", found[3]);
        assert_eq!(found[4], Ending::Agrees);
        assert!(disagrees(&found[5], false), "{:?}", found[5]);
        assert!(disagrees(&found[6], false), "{:?}", found[6]);
        assert!(disagrees(&found[7], false), "{:?}", found[7]);
        assert_eq!(found[8], Ending::Unlabelled);
        assert!(matches!(found[9], Ending::OutOfScope { .. }), "{:?}", found[9]);
    }

    #[test]
    fn the_bar_is_counted_exactly() {
        let counts = |agree, read, unsafe_success| Counts { agree, read, unsafe_success, ..Counts::default() };
        assert!(counts(97, 100, 0).is_enough());
        assert!(!counts(96, 100, 0).is_enough());
        assert!(!counts(99, 100, 1).is_enough());
        assert!(counts(0, 0, 0).is_enough());
        assert_eq!(counts(2, 3, 0).permille(), Some(666));
    }
}

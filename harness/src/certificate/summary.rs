//! What a whole run says of one connector: computed from its lines, never stated.

use std::collections::BTreeSet;

use jiff::civil::Date;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::level::{BELONGS, LIVE_DAYS, Level, OPTIONAL};
use quittance::Op;

use crate::certify::Plan;
use crate::certify::declared::unfound;
use crate::certify::report::{Header, Line, Verdict};
use crate::profile::Exemption;
use crate::reference;
use crate::run::case::Case;
use crate::scenario::{Class, Expectation};
use crate::tape::Exchange;
use crate::tape::model::{Provenance, ProvenanceKind};
use crate::words::counted;
use crate::world::Subject;

/// The mark before a check's name in the case of its line.
const CHECK: &str = "check:";

/// How many names a reason lists before it only counts.
const LISTED: usize = 4;

/// Where the exchanges and deliveries of a connector's tapes come from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Histogram {
    /// Bytes from the vendor's environment.
    pub recorded: usize,
    /// Following a page or description of the vendor.
    pub documented: usize,
    /// Written by us.
    pub synthesised: usize,
}

/// The grades of the spoilt answers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Mutation {
    /// Told as it is.
    pub correct: usize,
    /// A typed error or an unknown state.
    pub safe: usize,
    /// A wrong outcome. One denies the level.
    #[serde(rename = "unsafe")]
    pub harmful: usize,
}

/// What a level takes into account beside the lines.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Facts {
    /// Where the exchanges come from.
    pub provenance: Histogram,
    /// Exchanges and deliveries of success and refusal scenarios that were not recorded in the last [`LIVE_DAYS`] days. Faults cannot
    /// be had from a vendor, so their tapes do not count.
    pub unrecorded: usize,
    /// The exemptions of the profile.
    pub exemptions: Vec<Exemption>,
    /// What the vendor does not publish, by the profile.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unconfirmed: Vec<String>,
    /// What no tape of it can show, although connectors of its kind are judged by it; it stands beside the level.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unshown: Vec<String>,
}

/// What a run says of one connector as a whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Summary {
    /// The connector.
    pub connector: String,
    /// The level that it reached; none when the run gives none. Never above [`Level::Silver`].
    pub level: Option<Level>,
    /// The level as it is printed: `silver (documented)`, or `none`.
    pub title: String,
    /// The level above.
    pub next: Option<Level>,
    /// What stands in the way of it.
    pub missing: Vec<String>,
    /// The grades of the spoilt answers; none when they were not tried.
    pub mutation: Option<Mutation>,
    /// What was taken into account beside the lines.
    pub facts: Facts,
}

impl Facts {
    /// The facts of a connector on that day.
    pub fn of(plan: &Plan, subject: &Subject) -> Facts {
        let model = &subject.profile.model;
        let (exemptions, mut unconfirmed) = (model.exemption.clone(), model.unconfirmed.clone());
        // The harness's own provider is in no catalogue, and nobody takes it for a real one.
        if subject.entry.spec.id != reference::ID {
            unconfirmed.extend(subject.entry.spec.hosts.iter().filter(|host| is_reserved(host)).map(|host| {
                format!(
                    "{host} is a name reserved for examples and tests (RFC 2606, RFC 6761): no provider answers there"
                )
            }));
        }
        let sent = plan.cases().flat_map(|case| &case.tape.exchanges).flat_map(Exchange::unproven);
        unconfirmed.extend(sent.collect::<BTreeSet<_>>().into_iter().map(|name| {
            format!("what is sent as `{name}`: an `any` hole takes every text there; state it by a signature recipe")
        }));
        let mut facts = Facts { exemptions, unconfirmed, unshown: unshown(plan, subject), ..Facts::default() };
        for case in plan.cases().filter(|case| case.strike.is_none()) {
            let exchanges = case.tape.exchanges.iter().map(|exchange| &exchange.provenance);
            let deliveries = case.tape.webhooks.iter().map(|webhook| &webhook.provenance);
            for provenance in exchanges.chain(deliveries) {
                facts.provenance.count(provenance.kind);
                let owed = case.scenario.class != Class::Fault;
                facts.unrecorded += usize::from(owed && !is_live(provenance, subject.today));
            }
        }
        facts
    }
}

/// What auditors would look for and not find: a payment that somebody declined, and the first of two where the second is refused.
fn unshown(plan: &Plan, subject: &Subject) -> Vec<String> {
    let spec = subject.entry.spec;
    let declined = |case: &Case| {
        let state = |expect: &Expectation| expect.state.as_ref().is_some_and(|state| state.is_only("declined"));
        case.strike.is_none() && case.steps.iter().any(|(_, expect)| state(expect))
    };
    let no_decline = spec.has(Op::Authorize) && !plan.cases().any(declined);
    let unfound = !unfound(spec).is_empty();
    let told = [(no_decline, "no decline"), (unfound, "no look-up after a refused repetition")];
    told.into_iter().filter(|(is, _)| *is).map(|(_, what)| what.to_owned()).collect()
}

/// Whether a host has a name that is reserved (RFC 2606, RFC 6761 section 6): nobody can own it.
fn is_reserved(host: &str) -> bool {
    let name = host.split(':').next().unwrap_or(host).trim_end_matches('.').to_ascii_lowercase();
    let under = |domain: &&str| name == *domain || name.strip_suffix(*domain).is_some_and(|rest| rest.ends_with('.'));
    ["example", "test", "invalid", "localhost", "example.com", "example.net", "example.org"].iter().any(under)
}

/// Whether bytes were recorded in the last [`LIVE_DAYS`] days, and not in the future.
fn is_live(provenance: &Provenance, today: Date) -> bool {
    let oldest = today.checked_sub(jiff::Span::new().days(LIVE_DAYS)).unwrap_or(today);
    let seen = provenance.seen.as_deref().and_then(|seen| seen.parse::<Date>().ok());
    provenance.kind == ProvenanceKind::Recorded && seen.is_some_and(|seen| (oldest..=today).contains(&seen))
}

impl Histogram {
    fn count(&mut self, kind: ProvenanceKind) {
        match kind {
            ProvenanceKind::Recorded => self.recorded += 1,
            ProvenanceKind::Documented => self.documented += 1,
            ProvenanceKind::Synthesised => self.synthesised += 1,
        }
    }
}

impl std::fmt::Display for Histogram {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} recorded, {} documented, {} synthesised", self.recorded, self.documented, self.synthesised)
    }
}

impl Summary {
    /// Computes what a run says of a connector.
    pub fn of(header: &Header, all: &[Line], connector: &str, facts: Facts) -> Summary {
        let lines: Vec<&Line> = all.iter().filter(|line| line.connector == connector).collect();
        let judged = Judged { header, lines: &lines, facts: &facts };
        let mut level = None;
        let mut next = None;
        let mut missing = judged.of_the_run();
        for candidate in Level::ALL {
            if missing.is_empty() {
                missing = judged.against(candidate);
                next = Some(candidate);
            }
            if missing.is_empty() {
                level = Some(candidate);
            }
        }
        let title = level.map_or("none".to_owned(), |level| title(level, &facts));
        let mutation = judged.check("mutation").and_then(mutation);
        Summary { connector: connector.to_owned(), level, title, next, missing, mutation, facts }
    }
}

/// A level in words: beside silver stands what the tapes are made of, and what none of them shows.
pub fn title(level: Level, facts: &Facts) -> String {
    let made_of = match facts.provenance {
        Histogram { documented: 0, recorded: 0, .. } => "synthesised",
        _ if facts.unrecorded > 0 => "documented",
        _ => "recorded",
    };
    match level {
        Level::Silver if facts.unshown.is_empty() => format!("{level} ({made_of})"),
        Level::Silver => format!("{level} ({made_of}; {})", facts.unshown.join(", ")),
        _ => level.to_string(),
    }
}

/// The grades in the figures of the check; none when one of them is missing.
fn mutation(line: &Line) -> Option<Mutation> {
    let figure = |name: &str| line.figures.get(name).copied();
    Some(Mutation { correct: figure("correct")?, safe: figure("safe")?, harmful: figure("unsafe")? })
}

/// The lines of one connector with what they are judged by.
struct Judged<'a> {
    header: &'a Header,
    lines: &'a [&'a Line],
    facts: &'a Facts,
}

impl Judged<'_> {
    fn check(&self, name: &str) -> Option<&Line> {
        self.lines.iter().find(|line| line.case.strip_prefix(CHECK) == Some(name)).copied()
    }

    /// Why the run gives no level at all, whatever it found.
    fn of_the_run(&self) -> Vec<String> {
        let mut missing = Vec::new();
        if self.header.probed.is_some() {
            return vec![
                "a probe judges an implementation of the provider's API: it certifies no connector".to_owned(),
            ];
        }
        if let Some(pattern) = &self.header.narrowed {
            missing.push(format!("the run was narrowed to `{pattern}`: run it without --scenario"));
        }
        if !["memory", "wire"].iter().all(|tier| self.header.tiers.iter().any(|run| run == tier)) {
            let tiers = self.header.tiers.join(" and ");
            missing.push(format!("only the tier {tiers} was run: run it without --tier"));
        }
        missing
    }

    /// What stands in the way of a level whose lower ones are reached.
    fn against(&self, level: Level) -> Vec<String> {
        let mut missing: Vec<String> = match level {
            Level::Draft => self.without_level(),
            Level::Bronze => ["memory", "wire"].iter().flat_map(|tier| self.scenarios(tier)).collect(),
            Level::Silver => {
                self.facts.unconfirmed.iter().map(|what| format!("not confirmed by the vendor: {what}")).collect()
            }
            Level::Gold => self.live(),
        };
        for (name, _) in BELONGS.iter().filter(|(_, of)| *of == level) {
            match self.check(name) {
                None if *name == OPTIONAL => {}
                None => missing.push(format!("{CHECK}{name} was not run")),
                Some(line) if !matches!(line.verdict, Verdict::Pass | Verdict::NotApplicable) => {
                    missing.push(format!("{CHECK}{name}: {}, {}", line.verdict, told(line)));
                }
                Some(line) if *name == "mutation" => missing.extend(spoilt(line)),
                Some(_) => {}
            }
        }
        missing
    }

    /// Checks that the table of levels does not know, and lines that the harness could not judge.
    fn without_level(&self) -> Vec<String> {
        let unknown = |line: &&&Line| line.case.strip_prefix(CHECK).is_some_and(|name| Level::of_check(name).is_none());
        let mut missing: Vec<String> =
            self.lines.iter().filter(unknown).map(|line| format!("{} belongs to no level", line.case)).collect();
        let broken = self.lines.iter().filter(|line| line.verdict == Verdict::HarnessError);
        missing.extend(broken.map(|line| format!("{}: the harness could not judge it", line.case)));
        missing
    }

    /// What is missing among the scenarios on a tier: one that was not judged, or that does not hold.
    fn scenarios(&self, tier: &str) -> Vec<String> {
        let lines = || self.lines.iter().filter(|line| line.tier == tier && !line.case.starts_with(CHECK));
        let scenario = |line: &&&Line| line.case.split('@').next().map(str::to_owned);
        let judged: BTreeSet<String> = lines().filter_map(|line| scenario(&line)).collect();
        let mut missing = Vec::new();
        if judged.len() != self.header.scenarios {
            let demanded = self.header.scenarios;
            missing.push(format!("{} of the {demanded} scenarios of the suite were judged ({tier})", judged.len()));
        }
        for verdict in [Verdict::Fail, Verdict::NotRun, Verdict::HarnessError] {
            let cases: Vec<&str> =
                lines().filter(|line| line.verdict == verdict).map(|line| line.case.as_str()).collect();
            if !cases.is_empty() {
                missing.push(format!("{verdict} ({tier}): {}", listed(&cases)));
            }
        }
        missing
    }

    fn live(&self) -> Vec<String> {
        let mut missing = Vec::new();
        if self.facts.unrecorded > 0 {
            missing.push(format!(
                "{} of success and refusal scenarios not recorded from the vendor's environment in the last {LIVE_DAYS} days",
                counted(self.facts.unrecorded, "exchange")
            ));
        }
        missing
            .push("a second party has to run everything again: `quittance verify CERT --countersign KEY`".to_owned());
        missing
    }
}

/// What a check that does not pass came to: how much it found, or why it was not run.
fn told(line: &Line) -> String {
    match (&line.because, line.findings.len()) {
        (Some(because), 0) => because.clone(),
        (_, count) => counted(count, "finding"),
    }
}

/// Why the grades of the spoilt answers deny the level.
fn spoilt(line: &Line) -> Option<String> {
    match mutation(line) {
        None => Some(format!("{CHECK}mutation tells no grades")),
        Some(Mutation { harmful: 0, .. }) => None,
        Some(Mutation { harmful, .. }) => Some(format!("{CHECK}mutation: {harmful} unsafe")),
    }
}

fn listed(names: &[&str]) -> String {
    let shown: Vec<&str> = names.iter().take(LISTED).copied().collect();
    match names.len().saturating_sub(LISTED) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

#[cfg(test)]
mod tests;

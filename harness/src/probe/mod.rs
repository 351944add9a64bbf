//! Driving a partner's implementation of a provider's API with the connector of that provider: the suite's scenarios as far as an
//! environment can be asked for them, and trials that no tape can hold.

mod amiss;
mod checks;
mod hooks;
mod hostile;
mod trial;

use std::collections::BTreeMap;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use crate::certify::report::{Line, Verdict};
use crate::certify::{self, Plan, SEED, play};
use crate::live::course::{self, Mask, Taken};
use crate::live::drivable::{asks_for_bad_credentials, undrivable};
use crate::live::{Live, Setting};
use crate::run::case::{Case, Finding};
use crate::run::judge::Ended;
use crate::run::plan::Planned;
use crate::scenario::{Scenario, Suite};
use crate::view::Outcome;
use crate::world::{Subject, Unusable};

pub use checks::NAMES as CHECKS;
pub use hooks::Hooks;

/// The name of the tier in a probe's report.
pub const TIER: &str = "probe";

/// How long the environment may take for the first sign of life.
const FIRST_SIGN: Duration = Duration::from_secs(10);

/// What a probe is asked for.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where and as whom.
    pub setting: Setting,
    /// A pattern that scenario ids must match; then no checks are made.
    pub scenario: Option<String>,
    /// One check alone; then no scenarios are played.
    pub check: Option<String>,
    /// The options that a command needs to repeat a line of this run.
    pub repeat: String,
}

/// One probe.
#[derive(Debug)]
pub struct Probe<'a> {
    pub(crate) live: Live<'a>,
    pub(crate) plan: Plan,
    pub(crate) hooks: Option<Hooks>,
    options: Options,
    /// Whether a purchase has stayed open for as long as the run has patience.
    pub(crate) stays_open: AtomicBool,
}

impl<'a> Probe<'a> {
    /// Makes everything ready and looks whether somebody is there.
    ///
    /// # Errors
    /// Credentials that cannot be used, and an address where nobody answers.
    pub fn open(
        suite: &Suite,
        subject: &'a Subject,
        options: Options,
        hooks: Option<Hooks>,
    ) -> Result<Probe<'a>, Unusable> {
        let live = Live::open(subject, &options.setting, hooks.as_ref().map(Hooks::url))?;
        let probe = Probe { plan: Plan::of(suite, subject), live, hooks, options, stays_open: AtomicBool::new(false) };
        probe.greet()?;
        Ok(probe)
    }

    /// A request that any HTTP server answers in some way.
    fn greet(&self) -> Result<(), Unusable> {
        let host = self.live.subject.entry.spec.hosts.first().copied().unwrap_or_default();
        let remote = self.live.remote();
        let limits = quittance::Limits { timeout: FIRST_SIGN, ..quittance::Limits::default() };
        let request = http::Request::get(format!("https://{host}/")).body(bytes::Bytes::new());
        let request = request.map_err(|error| Unusable::Text(format!("{host}: {error}")))?;
        match self.live.block_on(quittance::Transport::send(&remote, request, limits)) {
            Err(quittance::Failure::Refused(why)) => {
                let advice = match why.contains("certificate") {
                    true => "give the authority of its certificate with --ca FILE",
                    false => "start the server, or correct --base-url",
                };
                let shown = self.options.setting.targets.shown();
                Err(Unusable::Text(format!("{shown}: cannot be reached: {why}; {advice}")))
            }
            _ => Ok(()),
        }
    }

    /// Where a request to that URL of the provider went.
    pub fn address_of(&self, url: &str) -> String {
        let moved = url.parse().ok().and_then(|uri| self.live.goes_to(&uri));
        moved.map_or_else(|| url.to_owned(), |uri| uri.to_string())
    }

    /// The seed of the run.
    pub fn seed(&self) -> u64 {
        self.live.seed
    }

    /// Plays everything; `each` is told after each line.
    pub fn run(&self, mut each: impl FnMut(&Line)) -> Vec<Line> {
        let mut lines = Vec::new();
        let mut add = |line: Line| {
            each(&line);
            lines.push(line);
        };
        if self.options.check.is_none() {
            let reasons = undrivable(self.live.subject, &self.plan);
            for (scenario, planned) in &self.plan.scenarios {
                self.scenario(scenario, planned, &reasons).into_iter().for_each(&mut add);
            }
        }
        if self.options.scenario.is_none() {
            checks::all(self, self.options.check.as_deref()).into_iter().for_each(add);
        }
        lines
    }

    /// How many lines a run has at most.
    pub fn size(&self) -> usize {
        self.plan.scenarios.len() + CHECKS.len()
    }

    fn scenario(&self, scenario: &Scenario, planned: &Planned, reasons: &BTreeMap<String, String>) -> Vec<Line> {
        let selects =
            |case: &str| self.options.scenario.as_deref().is_none_or(|pattern| certify::matches_pattern(pattern, case));
        match planned {
            Planned::Cases(cases) => {
                cases.iter().filter(|case| selects(&case.id)).map(|case| self.case(case, reasons)).collect()
            }
            _ if !selects(&scenario.id) => Vec::new(),
            Planned::NotApplicable(missing) => {
                vec![
                    self.blank(&scenario.id, &scenario.clauses)
                        .because(Verdict::NotApplicable, format!("not declared: {}", missing.need)),
                ]
            }
            Planned::Unfilled(_, errors) | Planned::Unreadable(errors) => {
                let told: Vec<String> = errors.iter().map(ToString::to_string).collect();
                vec![self.blank(&scenario.id, &scenario.clauses).because(Verdict::NotRun, told.join("; "))]
            }
        }
    }

    fn case(&self, case: &Case, reasons: &BTreeMap<String, String>) -> Line {
        let blank = self.blank(&case.id, &case.scenario.clauses);
        if let Some(why) = reasons.get(&case.id) {
            return blank.because(Verdict::NotApplicable, why.clone());
        }
        let stranger;
        let connector = match asks_for_bad_credentials(case) {
            false => &*self.live.connector,
            true => match self.live.account.stranger(self.live.subject.entry, None) {
                Some(connector) if hostile::has_strangers(self) => {
                    stranger = connector;
                    &*stranger
                }
                _ => {
                    return blank.because(
                        Verdict::NotApplicable,
                        "no credential can be changed without breaking its form".to_owned(),
                    );
                }
            },
        };
        let taped = play(self.live.subject, case, None, SEED);
        let played = course::play(&self.live, connector, case, &taped);
        if let Some(hooks) = &self.hooks {
            hooks.read(&self.live);
        }
        let tape = taped.records();
        let mut findings = played.findings;
        match asks_for_bad_credentials(case) {
            // They may be refused earlier than on the tape, by the endpoint that gives access tokens.
            true => findings.extend(amiss::last_form(&tape, &played.taken)),
            false => {
                let same = |step: u32| stands_alike(step, &taped.ended, &played.taken);
                findings.extend(amiss::forms(case, &tape, &played.taken).into_iter().filter(|found| same(found.step)));
            }
        }
        let mut line = blank;
        line.0.trials = played.taken.iter().map(|taken| taken.sent.len() + taken.settling.len()).sum();
        if let Some(why) = played.stopped.filter(|_| findings.is_empty()) {
            return line.because(Verdict::NotApplicable, why);
        }
        self.judged(line.0, findings, &played.taken, &format!("--scenario {}", case.id))
    }

    /// The line with its findings, and what was sent in the steps that they are about.
    pub(crate) fn judged(&self, mut line: Line, findings: Vec<Finding>, taken: &[Taken], only: &str) -> Line {
        if findings.is_empty() {
            return line;
        }
        let mask = Mask::of(&self.live, taken);
        line.verdict = Verdict::Fail;
        let last = findings.iter().map(|finding| finding.step).max().unwrap_or(0);
        line.exchanges = mask.shown(taken.iter().filter(|taken| taken.number <= last || last == 0));
        line.findings = mask.findings(findings);
        line.repeat = Some(format!("quittance probe {} {only}", self.options.repeat));
        line
    }

    fn blank(&self, case: &str, clauses: &[String]) -> Blank {
        Blank(Line::new(self.live.subject.entry.spec.id, case, TIER, clauses.to_vec()))
    }
}

/// Whether a step came to the same state as on the tape. One that waits where the tape's does not is told in another form.
fn stands_alike(step: u32, taped: &[Ended], taken: &[Taken]) -> bool {
    let state = |ended: &Ended| ended.result.as_ref().ok().map(Outcome::state);
    let tape = usize::try_from(step).ok().and_then(|step| taped.get(step.checked_sub(1)?)).map(state);
    let live = taken.iter().find(|taken| taken.number == step).map(|taken| state(&taken.ended));
    let waits = |state: &Option<Option<&str>>| matches!(state, Some(Some("pending" | "action_required")));
    tape == live || !(waits(&tape) || waits(&live))
}

/// A line that says nothing yet.
pub(crate) struct Blank(pub(crate) Line);

impl Blank {
    pub(crate) fn because(self, verdict: Verdict, why: String) -> Line {
        Line { verdict, because: Some(why), ..self.0 }
    }
}

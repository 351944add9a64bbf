//! The kill matrix: each planted bug against the scenarios and each derived check.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, Once, PoisonError};

use quittance::{Connector, Provider};
use serde_json::{Value, json};

use super::{BUGS, ENTRY, ID, Planted, Reference, Sound, Stand};
use crate::certify::checks::{self, FURTHER};
use crate::certify::ground::{Check, Ground};
use crate::certify::report::{Line, Verdict};
use crate::certify::{self, Options, Plan, SEED, Tiers};
use crate::descriptions;
use crate::profile::Like;
use crate::run::case::{Case, Played};
use crate::run::input::toml_json;
use crate::run::plan::{Tapes, load_folder};
use crate::run::wire::Wire;
use crate::scenario::Suite;
use crate::unfilled::Place;
use crate::world::{Subject, Unusable, World};

/// The check that compares the tiers; it needs loopback servers and stands beside the others.
pub const TIERS: &str = "tiers";

/// The check of places that are not filled in; it looks at files.
pub const FILLED: &str = "filled";

/// The check against the vendor's description; the reference provider's own lies beside its tapes.
pub const DESCRIPTIONS: &str = "descriptions";

/// Every check that stands beside the others, as far as this harness is built with it.
fn further() -> impl Iterator<Item = &'static str> {
    FURTHER.iter().copied().filter(|name| *name != DESCRIPTIONS || cfg!(feature = "descriptions"))
}

/// How much of the certification each bug goes through. The verdict is the same: what a bug names must find it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// The scenarios and checks that the bug names.
    Named,
    /// Every scenario, and the checks that the bug names.
    Scenarios,
    /// Every scenario and every check.
    Full,
}

/// What a trial of a bug found, by scenario or check.
#[derive(Debug, Clone, Default)]
pub struct Row {
    /// The scenarios that the bug fails, with the first finding of each.
    pub scenarios: BTreeMap<String, String>,
    /// The checks that were run, with the first finding of each that fails.
    pub checks: BTreeMap<String, Option<String>>,
}

impl Row {
    /// Whether a killer of the table, `check:<name>` or a scenario, found the bug.
    pub fn killed_by(&self, killer: &str) -> bool {
        match killer.strip_prefix("check:") {
            Some(check) => self.checks.get(check).is_some_and(Option::is_some),
            None => self.scenarios.contains_key(killer),
        }
    }

    /// Whether anything found the bug.
    pub fn is_killed(&self) -> bool {
        !self.scenarios.is_empty() || self.checks.values().any(Option::is_some)
    }
}

/// Bugs against checks.
#[derive(Debug, Clone)]
pub struct Matrix {
    /// The names of the checks, in the order of the report.
    pub checks: Vec<&'static str>,
    /// The names of the checks that a whole run shows.
    pub shown: Vec<String>,
    /// The bugs in the order of the table, each with what found it.
    pub rows: Vec<(&'static Planted, Row)>,
    /// What the connector without a bug fails; empty as it must be.
    pub unsound: Vec<String>,
    /// How many trials the connector without a bug passed.
    pub trials: usize,
}

impl Matrix {
    /// The matrix as it would be without one check.
    #[must_use]
    pub fn without(mut self, check: &str) -> Matrix {
        self.checks.retain(|name| *name != check);
        self.rows.iter_mut().for_each(|(_, row)| drop(row.checks.remove(check)));
        self
    }

    /// Everything for which the self-certification fails: a bug that survives or escapes a killer that it names, a check that kills
    /// nothing, a sound connector that does not pass.
    pub fn faults(&self) -> Vec<String> {
        let mut faults: Vec<String> = self.unsound.iter().map(|what| format!("without a bug: {what}")).collect();
        for (planted, row) in &self.rows {
            let name = planted.bug.name();
            if !row.is_killed() {
                faults.push(format!("{name} survives: {}", planted.what));
                continue;
            }
            let escaped = planted.killed_by.iter().filter(|killer| !row.killed_by(killer));
            faults.extend(escaped.map(|killer| format!("{name} is not killed by {killer}: {}", planted.what)));
        }
        let kills = |check: &str| self.rows.iter().any(|(_, row)| row.checks.get(check).is_some_and(Option::is_some));
        let idle = self.checks.iter().filter(|check| !kills(check));
        faults.extend(idle.map(|check| format!("the check {check} kills no bug")));
        let untried = self.shown.iter().filter(|check| !self.checks.contains(&check.as_str()));
        faults.extend(untried.map(|check| format!("the check {check} is shown, and no bug puts it to the proof")));
        faults
    }

    /// The matrix as JSON.
    pub fn to_json(&self) -> Value {
        let row = |(planted, row): &(&'static Planted, Row)| {
            let checks = row.checks.iter().filter_map(|(name, found)| Some((name, found.as_ref()?)));
            json!({
                "bug": planted.bug.name(), "what": planted.what, "must_be_killed_by": planted.killed_by,
                "scenarios": row.scenarios, "checks": checks.collect::<BTreeMap<_, _>>(),
                "checks_run": row.checks.keys().collect::<Vec<_>>(),
            })
        };
        let faults = self.faults();
        json!({
            "passed": faults.is_empty(), "faults": faults, "checks": self.checks, "trials_without_a_bug": self.trials,
            "bugs": self.rows.iter().map(row).collect::<Vec<_>>(),
        })
    }
}

/// What every trial shares.
#[derive(Debug)]
pub struct Laboratory {
    world: World,
    suite: Suite,
    sound: Subject,
    checks: &'static [Check],
    extent: Extent,
    wire: Mutex<Wire>,
}

impl Laboratory {
    /// Reads the suite and the reference provider's fixtures, and starts loopback servers.
    ///
    /// # Errors
    /// What cannot be read or started.
    pub fn open(world: &World, checks: &'static [Check], extent: Extent) -> Result<Laboratory, Unusable> {
        let wire = Wire::start().map_err(|error| Unusable::Text(format!("loopback servers cannot start: {error}")))?;
        let (suite, sound) = (world.suite()?, world.subject(&ENTRY)?);
        Ok(Laboratory { world: world.clone(), suite, sound, checks, extent, wire: Mutex::new(wire) })
    }

    /// Puts the connector without a bug and every bug on trial, on all cores; `tell` is called after each.
    pub fn matrix(&self, tell: &(dyn Fn() + Sync)) -> Matrix {
        let next = Mutex::new(BUGS.iter().enumerate());
        let done = Mutex::new(BTreeMap::new());
        let work = || {
            loop {
                // The lock must not be held while a bug is on trial.
                let Some((index, planted)) = lock(&next).next() else { return };
                let row = self.row(planted);
                lock(&done).insert(index, (planted, row));
                tell();
            }
        };
        let (unsound, trials, shown) = std::thread::scope(|scope| {
            let workers = std::thread::available_parallelism().map_or(1, usize::from);
            (0..workers).for_each(|_| drop(scope.spawn(work)));
            self.soundness()
        });
        let rows = done.into_inner().unwrap_or_else(PoisonError::into_inner).into_values().collect();
        let checks = self.checks.iter().map(|check| check.name).chain(further()).collect();
        Matrix { checks, shown, rows, unsound, trials }
    }

    /// What the connector without a bug fails on both tiers, how many trials it passed, and the checks that were shown.
    fn soundness(&self) -> (Vec<String>, usize, Vec<String>) {
        let options = Options { seed: SEED, tiers: Tiers::Both, narrowed: None };
        let mut lines = certify::in_memory(&self.suite, &self.sound, &options);
        certify::add_the_wire(&self.suite, &self.sound, &options, &lock(&self.wire), &mut lines);
        lines.push(self.described(&self.sound));
        let passes = |line: &&Line| matches!(line.verdict, Verdict::Pass | Verdict::NotApplicable);
        let told = |line: &Line| {
            let finding = line.findings.first().map(ToString::to_string).or(line.because.clone());
            format!("{} ({}): {}", line.case, line.tier, finding.unwrap_or_default())
        };
        let trials = lines.iter().filter(passes).map(|line| line.trials).sum();
        let shown = lines.iter().filter_map(|line| line.case.strip_prefix("check:")).map(str::to_owned).collect();
        (lines.iter().filter(|line| !passes(line)).map(told).collect(), trials, shown)
    }

    /// Puts one bug on trial, as far as the extent goes.
    pub fn row(&self, planted: &Planted) -> Row {
        let subject = match self.plant(planted) {
            Ok(subject) => subject,
            Err(why) => return Row { scenarios: BTreeMap::from([("connect".to_owned(), why)]), ..Row::default() },
        };
        let named = |killer: &str| planted.killed_by.contains(&killer);
        let wanted = |check: &&Check| self.extent == Extent::Full || named(&format!("check:{}", check.name));
        let checks: Vec<&Check> = self.checks.iter().filter(wanted).collect();
        // A check looks at every case.
        let all = self.extent != Extent::Named || !checks.is_empty();
        let plan = Plan::of(&self.suite, &subject);
        let mut row = Row::default();
        let mut played: Vec<(&Case, Played)> = Vec::new();
        for case in plan.cases().filter(|case| all || named(&case.id)) {
            match guarded(|| certify::play(&subject, case, None, SEED)) {
                Ok(one) => {
                    if let Some(finding) = one.findings.first() {
                        row.scenarios.insert(case.id.clone(), finding.to_string());
                    }
                    played.push((case, one));
                }
                Err(panic) => drop(row.scenarios.insert(case.id.clone(), panic)),
            }
        }
        let ground = Ground::new(&plan, &subject, SEED, &played);
        for check in checks {
            let found = match guarded(|| (check.run)(&ground)) {
                Ok(tried) => tried.findings.first().map(ToString::to_string),
                Err(panic) => Some(panic),
            };
            row.checks.insert(check.name.to_owned(), found);
        }
        for check in further().filter(|check| self.extent == Extent::Full || named(&format!("check:{check}"))) {
            row.checks.insert(check.to_owned(), self.beside(check, &plan, &subject));
        }
        row
    }

    /// What a check that stands beside the others finds.
    fn beside(&self, check: &str, plan: &Plan, subject: &Subject) -> Option<String> {
        let line = match check {
            TIERS => return self.tiers(subject),
            FILLED => checks::filled(plan, subject),
            _ => self.described(subject),
        };
        let found = || line.findings.first().map(ToString::to_string).or(line.because.clone()).unwrap_or_default();
        (!matches!(line.verdict, Verdict::Pass | Verdict::NotApplicable)).then(found)
    }

    /// The line of the tapes held against the reference provider's own description.
    fn described(&self, subject: &Subject) -> Line {
        let folder = self.world.root.join("fixtures");
        match descriptions::check(&self.world, &self.suite, subject, &folder) {
            Ok(checked) => checks::descriptions(subject.entry.spec.id, checked),
            Err(why) => {
                let found = certify::ground::finding("the description", "one that can be read", why.to_string());
                certify::ground::Tried::new(1, vec![found]).line(subject.entry.spec.id, DESCRIPTIONS, &[])
            }
        }
    }

    /// The first difference between the tiers over the purchases.
    fn tiers(&self, subject: &Subject) -> Option<String> {
        let options = Options { seed: SEED, tiers: Tiers::Both, narrowed: Some("authorize.*".to_owned()) };
        let mut lines = certify::in_memory(&self.suite, subject, &options);
        certify::add_the_wire(&self.suite, subject, &options, &lock(&self.wire), &mut lines);
        let compared = lines.iter().find(|line| line.case == "check:tiers")?;
        compared.findings.first().map(ToString::to_string)
    }

    fn plant(&self, planted: &Planted) -> Result<Subject, String> {
        let mut table = self.sound.profile.model.credentials.clone();
        table.insert("bug".to_owned(), toml::Value::try_from(planted.bug).map_err(|error| error.to_string())?);
        let credentials = toml_json(&toml::Value::Table(table.clone()));
        let entry = match planted.bug.stand() {
            Stand::Declared(entry) => entry,
            _ => &ENTRY,
        };
        let connector: Box<dyn Connector> = match planted.bug.stand() {
            Stand::Bare => {
                let credentials = serde_json::from_value(credentials).map_err(|cause| cause.to_string())?;
                Box::new(Reference::<Sound>::new(credentials).map_err(|error| error.to_string())?)
            }
            _ => entry.connect(credentials).map_err(|error| error.to_string())?,
        };
        let mut subject = self.sound.with(entry, connector);
        // Checks that connect anew do so with the bug.
        subject.profile.model.credentials = table;
        match planted.bug.stand() {
            Stand::UnfilledProfile => {
                subject.profile.unfilled = vec![Place { line: 1, what: "the currency".to_owned() }];
            }
            Stand::UnfilledTape => subject.tapes = self.altered("example/sessions", "example/${fill:the path}")?,
            Stand::KeyInUrl => {
                subject.tapes = self.altered("/oauth/token\"", "/oauth/token?key=${secret:signing_key}\"")?
            }
            Stand::MistakenTapes => subject.tapes = self.altered("\"return_url\"", "\"returnUrl\"")?,
            _ => {}
        }
        Ok(subject)
    }

    /// The tapes with another text in place of one.
    fn altered(&self, from: &str, to: &str) -> Result<Tapes, String> {
        let replace = BTreeMap::from([(from.to_owned(), to.to_owned())]);
        let like = Like { connector: ID.to_owned(), replace, provenance: None };
        let mut tapes = Tapes::new();
        let folder = self.world.root.join(&self.sound.folder);
        load_folder(&folder, &self.sound.profile, Some(&like), &mut tapes)
            .map_err(|errors| errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))?;
        Ok(tapes)
    }
}

thread_local! {
    /// Whether this thread tries something that may panic.
    static ON_TRIAL: Cell<bool> = const { Cell::new(false) };
}

/// A panic is a finding like others, and its trace would only disturb.
fn guarded<T>(act: impl FnOnce() -> T) -> Result<T, String> {
    static QUIET: Once = Once::new();
    QUIET.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            if !ON_TRIAL.get() {
                before(panic);
            }
        }));
    });
    ON_TRIAL.set(true);
    let result = catch_unwind(AssertUnwindSafe(act));
    ON_TRIAL.set(false);
    result.map_err(|_| "a panic".to_owned())
}

fn lock<T>(slot: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    slot.lock().unwrap_or_else(PoisonError::into_inner)
}

//! One binary for the workspace: every scenario and check of every connector as a named test, the rules of the sources, and
//! trials that show that what must fail does fail.

#![allow(clippy::panic, reason = "a test binary: what cannot be read ends it")]

mod bad_input;
mod certificate;
mod contract;
mod planted;
mod qr;
mod self_test;
mod tidy;
mod tree;
mod wallets;

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use libtest_mimic::{Arguments, Failed, Trial};
use quittance_harness::certify::report::{Line, Verdict};
use quittance_harness::certify::{self, Options, SEED, Tiers};
use quittance_harness::scenario::Suite;
use quittance_harness::world::{Subject, World};

/// The project's root.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().map(Path::to_owned).unwrap_or_default()
}

/// The project as the command line finds it.
fn world() -> World {
    World::find(Some(&root())).unwrap_or_else(|unusable| panic!("{unusable}"))
}

fn main() {
    quittance_harness::product::install(&quittance_command::PRODUCT);
    let mut arguments = Arguments::from_args();
    // Scenarios of one connector are played once, whichever test asks first.
    arguments.test_threads.get_or_insert(2);
    let mut trials = Vec::new();
    let mut add = |name: &str, test: fn() -> Result<(), Failed>| trials.push(Trial::test(name.to_owned(), test));
    tidy::tests(&mut add);
    tree::tests(&mut add);
    contract::tests(&mut add);
    bad_input::tests(&mut add);
    planted::tests(&mut add);
    qr::tests(&mut add);
    certificate::tests(&mut add);
    self_test::tests(&mut add);
    wallets::tests(&mut add);
    trials.extend(scenarios(arguments.filter.as_deref()));
    libtest_mimic::run(&arguments, trials).exit();
}

/// Every line of the certification in memory, as a test of its own. A connector is played when the first of its tests is run, not for the
/// list; a filter that names one (`stripe::`) spares the others.
fn scenarios(filter: Option<&str>) -> Vec<Trial> {
    let only = filter.and_then(|filter| filter.split_once("::")).map(|(id, _)| id);
    let world = world();
    let suite = Arc::new(world.suite().unwrap_or_else(|unusable| panic!("{unusable}")));
    let mut trials = Vec::new();
    let named = quittance_connectors::ALL.iter().filter(|entry| only.is_none_or(|id| id == entry.spec.id));
    for entry in named {
        let subject = world.subject(entry).unwrap_or_else(|unusable| panic!("{unusable}"));
        let cases = Arc::new(certify::cases_in_memory(&suite, &subject));
        let certified = Arc::new(Certified { suite: Arc::clone(&suite), subject, lines: OnceLock::new() });
        for index in 0..cases.len() {
            let (certified, cases) = (Arc::clone(&certified), Arc::clone(&cases));
            let name = cases.get(index).map(|case| format!("{}::{case}", entry.spec.id)).unwrap_or_default();
            trials.push(Trial::test(name, move || certified.holds(cases.get(index).map_or("", |case| case))));
        }
        let all = move || {
            let missed = certified.lines().iter().filter(|line| line.verdict != Verdict::NotApplicable);
            complain(missed.filter(|line| !cases.contains(&line.case)).map(|line| line.case.clone()).collect())
        };
        trials.push(Trial::test(format!("{}::every line is a test", entry.spec.id), all));
    }
    trials
}

/// A connector with its lines, once one is asked for.
struct Certified {
    suite: Arc<Suite>,
    subject: Subject,
    lines: OnceLock<Vec<Line>>,
}

impl Certified {
    fn lines(&self) -> &[Line] {
        let options = Options { seed: SEED, tiers: Tiers::Memory, narrowed: None };
        self.lines.get_or_init(|| certify::in_memory(&self.suite, &self.subject, &options))
    }

    /// Whether the case is judged, and holds.
    fn holds(&self, case: &str) -> Result<(), Failed> {
        match self.lines().iter().find(|line| line.case == case) {
            Some(line) if matches!(line.verdict, Verdict::Pass | Verdict::Exempt | Verdict::NotApplicable) => Ok(()),
            Some(line) => Err(Failed::from(told(line))),
            None => Err(Failed::from("it has no line")),
        }
    }
}

fn told(line: &Line) -> String {
    let findings: Vec<String> = line.findings.iter().map(ToString::to_string).collect();
    format!("{} {}\n{}", line.verdict, line.because.as_deref().unwrap_or_default(), findings.join("\n"))
}

/// Fails with every complaint, one a line.
fn complain(complaints: Vec<String>) -> Result<(), Failed> {
    if complaints.is_empty() { Ok(()) } else { Err(complaints.join("\n").into()) }
}

/// Every file below `folder` whose name ends in `ending`, build output aside.
fn files(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let Ok(entries) = std::fs::read_dir(folder) else { return found };
    for path in entries.flatten().map(|entry| entry.path()) {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        if path.is_dir() && name != "target" && name != ".git" {
            found.extend(files(&path, ending));
        } else if path.is_file() && name.ends_with(ending) {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// A path for people: from the root on.
fn short(path: &Path) -> String {
    path.strip_prefix(root()).unwrap_or(path).display().to_string()
}

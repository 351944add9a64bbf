//! `quittance probe`: drives an implementation of a provider's API with the connector of that provider.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use super::certify::{Sink, background, progress};
use super::request::quoted;
use super::vendor::Environment;
use super::{FAIL, UNUSABLE, say, tell_note};
use crate::certificate::{Facts, Summary};
use crate::certify::report::{Footer, Header, Line, Report, Verdict};
use crate::certify::{self, Plan, Tiers};
use crate::probe::{self, CHECKS, Hooks, Probe};
use crate::scenario::Suite;
use crate::tape::ShownRecord;
use crate::words::counted;
use crate::world::{Subject, Unusable, World, unknown};

/// How many findings of a line are printed.
const SHOWN_FINDINGS: usize = 12;

/// Drive your implementation of a provider's API with the provider's connector
#[derive(Debug, Args)]
#[command(
    after_help = "Requests go to --base-url with the path of the provider's API; HOST=URL sends those of one host elsewhere. \
    The suite's scenarios are played as far as an environment can be asked for them; then repetitions under one key, illegal \
    transitions, payments beside each other, hostile requests, unknown credentials and deliveries are tried. An answer is judged by \
    the scenario, by what the connector reads, by the form of the tape's answer, and by books.\n\n\
    Examples:\n  quittance probe --base-url http://127.0.0.1:8080 --contract stripe\n  \
    quittance probe --base-url https://sandbox.bank.example/pay --contract natwest --credentials bank.toml\n  \
    quittance probe --base-url https://127.0.0.1:8443 --ca ca.pem --contract stripe\n  \
    quittance probe --base-url http://127.0.0.1:8080 --contract stripe --webhooks-listen 127.0.0.1:4243\n  \
    quittance probe --base-url http://127.0.0.1:8080 --contract stripe --scenario 'refund.*'\n  \
    quittance probe --base-url http://127.0.0.1:8080 --contract stripe --check hostile --out probed\n\n\
    Exit codes: 0 everything that was tried passed, 1 something failed, 2 unusable input, nobody there, or an incomplete run."
)]
pub(super) struct ProbeCommand {
    /// Where the implementation is; HOST=URL for one host of the provider alone
    #[arg(long, value_name = "[HOST=]URL", required = true)]
    base_url: Vec<String>,
    /// The connector of the provider whose API it implements; `quittance list` has them
    #[arg(long, value_name = "ID")]
    contract: String,
    #[command(flatten)]
    environment: Environment,
    /// Listen here for deliveries, and judge them; let your implementation send to this address
    #[arg(long, value_name = "ADDRESS")]
    webhooks_listen: Option<String>,
    /// The URL that your implementation calls, where it is another than http://ADDRESS and the provider signs it
    #[arg(long, value_name = "URL", requires = "webhooks_listen")]
    webhooks_url: Option<String>,
    /// Only scenarios whose id matches, and no checks; `*` stands for any text
    #[arg(long, value_name = "GLOB", conflicts_with = "check")]
    scenario: Option<String>,
    /// Only this check: repeats, transitions, concurrency, hostile, credentials or deliveries
    #[arg(long, value_name = "NAME")]
    check: Option<String>,
    /// Write report.ndjson into this folder and, made of it, site, badges, quittance.sarif, summary.md and junit.xml
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Print the report as NDJSON instead of a table
    #[arg(long)]
    json: bool,
}

impl ProbeCommand {
    pub(super) fn run(&self, world: &World) -> Result<ExitCode, Unusable> {
        let suite = world.suite()?;
        let entries = world.entries(std::slice::from_ref(&self.contract))?;
        let entry = entries.first().ok_or_else(|| Unusable::Text("give --contract ID".to_owned()))?;
        self.check_names(&suite)?;
        let setting = self.environment.setting(&self.base_url)?;
        let subject = world.subject(entry)?;
        let hooks = match (&self.webhooks_listen, entry.spec.webhook) {
            (None, _) => None,
            (Some(address), rules) => {
                let acknowledgement = rules.map_or("", |rules| rules.acknowledgement);
                Some(Hooks::listen(address, self.webhooks_url.as_deref(), acknowledgement)?)
            }
        };
        if let Some(hooks) = hooks.as_ref().filter(|_| !self.json) {
            tell_note(&format!("listening for deliveries on http://{}", hooks.address()));
        }
        let options = probe::Options {
            setting,
            scenario: self.scenario.clone(),
            check: self.check.clone(),
            repeat: self.repeat(),
        };
        let probe = Probe::open(&suite, &subject, options, hooks)?;
        let report = self.report(world, &suite, &subject, &probe)?;
        match self.json {
            true => say(report.to_ndjson().trim_end()),
            false => print(&report, &probe),
        }
        let has = |verdict: Verdict| report.lines.iter().any(|line| line.verdict == verdict);
        if !has(Verdict::Pass) && has(Verdict::Fail) {
            tell_note(
                "nothing passed: is this the provider of --contract, and --base-url what stands before its paths?",
            );
        }
        Ok(match (report.passed(), report.incomplete()) {
            (true, _) => ExitCode::SUCCESS,
            (false, true) => ExitCode::from(UNUSABLE),
            (false, false) => ExitCode::from(FAIL),
        })
    }

    fn report(&self, world: &World, suite: &Suite, subject: &Subject, probe: &Probe<'_>) -> Result<Report, Unusable> {
        let narrowed = self.scenario.clone().or_else(|| self.check.as_ref().map(|check| format!("check:{check}")));
        let options = certify::Options { seed: probe.seed(), tiers: Tiers::Memory, narrowed };
        let header = Header {
            tiers: vec![probe::TIER.to_owned()],
            probed: Some(self.base_url.join(", ")),
            ..Header::of(suite, &options, vec![subject.entry.spec.id.to_owned()])
        };
        let background = match self.json || self.out.is_some() {
            true => Some(background(world, suite, std::slice::from_ref(subject), &options)?),
            false => None,
        };
        let mut sink = Sink::open(self.out.as_deref(), &header, background.as_ref())?;
        let bar = progress(probe.size());
        let mut unwritten = None;
        let lines = probe.run(|line| {
            bar.inc(1);
            bar.set_message(line.case.clone());
            if let Err(error) = sink.write(std::slice::from_ref(line)) {
                unwritten.get_or_insert(error);
            }
        });
        bar.finish_and_clear();
        if let Some(error) = unwritten {
            return Err(error);
        }
        if !lines.iter().any(|line| line.verdict != Verdict::NotApplicable) {
            let reasons: Vec<&str> = lines.iter().filter_map(|line| line.because.as_deref()).take(3).collect();
            return Err(Unusable::Text(format!("nothing was tried: {}", reasons.join("; "))));
        }
        let facts = Facts::of(&Plan::of(suite, subject), subject);
        let summaries = vec![Summary::of(&header, &lines, subject.entry.spec.id, facts)];
        let footer = Footer::of(&lines, &summaries).with(background.as_ref());
        let report = Report { header, background, lines, summaries, footer };
        sink.close(&report)?;
        Ok(report)
    }

    fn check_names(&self, suite: &Suite) -> Result<(), Unusable> {
        if let Some(check) = self.check.as_deref().filter(|check| !CHECKS.contains(check)) {
            return Err(Unusable::Text(unknown("check", check, &CHECKS)));
        }
        certify::known_scenario(suite, self.scenario.as_deref())
    }

    /// The options that repeat a part of this run; the seed is a new one, since an environment may remember.
    fn repeat(&self) -> String {
        let mut words: Vec<String> = self.base_url.iter().map(|url| format!("--base-url {}", word(url))).collect();
        words.push(format!("--contract {}", self.contract));
        words.extend(self.environment.credentials.iter().map(|file| format!("--credentials {}", word(file))));
        words.extend(self.environment.ca.iter().map(|file| format!("--ca {}", word(file))));
        words.extend(self.webhooks_listen.iter().map(|address| format!("--webhooks-listen {}", word(address))));
        words.join(" ")
    }
}

/// A shell word, quoted where it has to be.
fn word(text: &str) -> String {
    let plain = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_./:=@,".contains(&byte));
    if plain { text.to_owned() } else { quoted(text) }
}

fn print(report: &Report, probe: &Probe<'_>) {
    for line in report.lines.iter().filter(|line| line.verdict == Verdict::Fail) {
        say(&format!("FAIL {}", line.case));
        for finding in line.findings.iter().take(SHOWN_FINDINGS) {
            say(&format!("     {finding}"));
        }
        if line.findings.len() > SHOWN_FINDINGS {
            say(&format!("     and {} more, --json prints all", line.findings.len() - SHOWN_FINDINGS));
        }
        if let Some(record) = culprit(line) {
            say(&format!("     answered {}:", record.status.map_or("nothing".to_owned(), |status| status.to_string())));
            curl(record, probe).lines().for_each(|text| say(&format!("       {text}")));
        }
        if let Some(repeat) = &line.repeat {
            say(&format!("     repeat: {repeat}"));
        }
    }
    let count = |verdict: Verdict| report.lines.iter().filter(|line| line.verdict == verdict).count();
    let mut left_out: BTreeMap<&str, usize> = BTreeMap::new();
    for line in report.lines.iter().filter(|line| line.verdict == Verdict::NotApplicable) {
        let because = line.because.as_deref().unwrap_or_default();
        *left_out.entry(because.split(':').next().unwrap_or_default()).or_default() += 1;
    }
    for line in report.lines.iter().filter(|line| matches!(line.verdict, Verdict::NotRun | Verdict::HarnessError)) {
        say(&format!("{} {}: {}", line.verdict, line.case, line.because.as_deref().unwrap_or_default()));
    }
    let exchanges: usize =
        report.lines.iter().filter(|line| !line.case.starts_with("check:")).map(|line| line.trials).sum();
    say(&format!(
        "{}: {} passed, {} failed, {} not applicable; {} in scenarios",
        report.header.probed.as_deref().unwrap_or_default(),
        count(Verdict::Pass),
        count(Verdict::Fail),
        count(Verdict::NotApplicable),
        counted(exchanges, "exchange"),
    ));
    left_out.into_iter().for_each(|(why, count)| say(&format!("  {count:>4} {why}")));
}

/// The exchange that a line's last finding is about: the last of its step.
fn culprit(line: &Line) -> Option<&ShownRecord> {
    let step = line.findings.last().map(|finding| finding.step)?;
    let mut of_step = line.exchanges.iter().rev().filter(|record| record.step == step);
    of_step.next().or_else(|| line.exchanges.last())
}

/// The request as a curl command to where it went; secrets are masked.
fn curl(record: &ShownRecord, probe: &Probe<'_>) -> String {
    let url = probe.address_of(&record.url);
    let mut words = vec![format!("curl --request {} {}", record.method, quoted(&url))];
    words
        .extend(record.headers.iter().map(|(name, value)| format!("--header {}", quoted(&format!("{name}: {value}")))));
    if !record.body.is_empty() {
        let cut: String = record.body.chars().take(2000).collect();
        words.push(format!("--data-raw {}", quoted(&cut)));
    }
    words.join(" \\\n  ")
}

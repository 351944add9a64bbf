//! `quittance blame`: what two revisions of the connectors send differently.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use clap::Args;
use indicatif::ProgressStyle;

use super::certify::progress;
use super::{FAIL, pretty, say, tell_note};
use crate::blame::revision::Revision;
use crate::blame::{Blame, compare};
use crate::transcript::Transcript;
use crate::words::counted;
use crate::world::{Unusable, World};

/// Find the first byte and field that two revisions of the connectors send differently on the same tapes
#[derive(Debug, Args)]
#[command(
    after_help = "Both revisions are built beside the project and play the scenarios and tapes of the second one. Nothing in the \
    working folder is touched; changes that are not committed do not count. The first run compiles everything and takes some \
    minutes; what it built stays in the cache.\n\n\
    Examples:\n  quittance blame HEAD~1..HEAD\n  quittance blame main..HEAD stripe paypal\n  quittance blame v1..v2 --json\n\n\
    Exit codes: 0 no difference, 1 something differs, 2 unusable input: no git repository, an unknown revision, one that cannot be \
    built or has no `quittance transcript`."
)]
pub(super) struct BlameCommand {
    /// The two revisions, as git names them
    #[arg(value_name = "REV..REV")]
    range: String,
    /// The connectors; all when none is named
    #[arg(value_name = "ID")]
    ids: Vec<String>,
    /// Where revisions are kept and built; target/blame of the project by default
    #[arg(long, value_name = "DIR")]
    cache: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl BlameCommand {
    pub(super) fn run(&self, world: &World) -> Result<ExitCode, Unusable> {
        let (before, after) = range(&self.range).map_err(Unusable::Text)?;
        let blame = self.blame(&world.root, before, after).map_err(Unusable::Text)?;
        match self.json {
            true => say(&pretty(&serde_json::json!(blame))),
            false => {
                blame.differences.iter().for_each(|difference| say(&difference.to_string()));
                let differ = if blame.differences.len() == 1 { "differs" } else { "differ" };
                say(&format!("{} of {} {differ}", blame.differences.len(), counted(blame.cases, "case")));
            }
        }
        Ok(if blame.differences.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(FAIL) })
    }

    fn blame(&self, root: &Path, before: &str, after: &str) -> Result<Blame, String> {
        let before = Revision::find(root, before)?;
        let after = Revision::find(root, after)?;
        if before.commit == after.commit {
            tell_note(&format!("{} and {} are both {}", before.name, after.name, short(&after.commit)));
            return Ok(Blame { before: before.commit, after: after.commit, cases: 0, differences: Vec::new() });
        }
        let cache = self.cache.clone().unwrap_or_else(|| root.join("target/blame"));
        let told = |error| format!("{}: cannot be made: {error}; choose another --cache", cache.display());
        std::fs::create_dir_all(&cache).map_err(told)?;
        let cache = cache.canonicalize().map_err(told)?;
        let tapes = after.check_out(root, &cache)?;
        let play = |revision: &Revision| -> Result<Vec<Transcript>, String> {
            let folder = revision.check_out(root, &cache)?;
            let binary = self.built(revision, &folder, &cache)?;
            tell_note(&format!("playing what {} sends", revision.name));
            revision.transcripts(&binary, &tapes, &self.ids)
        };
        let sent_before = play(&before)?;
        let sent_after = play(&after)?;
        if let Some(id) = self.ids.iter().find(|id| !sent_after.iter().any(|case| case.connector == **id)) {
            let known = crate::product::ids();
            return Err(match known.contains(&id.as_str()) {
                true => format!("revision {} has no connector {id} with tapes", after.name),
                false => crate::world::unknown("connector", id, &known),
            });
        }
        let (cases, differences) = compare(&sent_before, &sent_after);
        Ok(Blame { before: before.commit, after: after.commit, cases, differences })
    }

    /// The command of a revision, with a word of what is built, how long that may take, and how long it took.
    fn built(&self, revision: &Revision, folder: &Path, cache: &Path) -> Result<PathBuf, String> {
        let name = format!("{} ({})", revision.name, short(&revision.commit));
        if let Some(binary) = Revision::built(folder) {
            tell_note(&format!("{name} was built before"));
            return Ok(binary);
        }
        let estimate = match cache.join("build").exists() {
            true => "only what differs from the revision built last",
            false => "everything, once: some minutes",
        };
        tell_note(&format!("building {name}: {estimate}"));
        let started = Instant::now();
        let bar = progress(Revision::crates(folder));
        if let Ok(style) =
            ProgressStyle::with_template("{bar:40} crate {pos} of about {len}, {elapsed} gone, {eta} to go")
        {
            bar.set_style(style);
        }
        let binary = revision.build(folder, cache, &mut || bar.inc(1));
        bar.finish_and_clear();
        tell_note(&format!("built {} in {}", revision.name, lasted(started.elapsed().as_secs())));
        binary
    }
}

/// How long a build went on, in words for people.
fn lasted(seconds: u64) -> String {
    match (seconds / 60, seconds % 60) {
        (0, seconds) => counted(usize::try_from(seconds).unwrap_or_default(), "second"),
        (minutes, seconds) => format!("{minutes} min {seconds} s"),
    }
}

/// The two revisions of `one..other`.
fn range(text: &str) -> Result<(&str, &str), String> {
    match text.split_once("..") {
        Some((before, after)) if !before.is_empty() && !after.is_empty() && !after.starts_with('.') => {
            Ok((before, after))
        }
        _ => Err(format!("`{text}` is no pair of revisions; write them as HEAD~1..HEAD")),
    }
}

fn short(commit: &str) -> &str {
    commit.get(..12).unwrap_or(commit)
}

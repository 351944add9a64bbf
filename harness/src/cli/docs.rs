//! `quittance docs`: the guide of each connector, made from what it declares and says of itself.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;

use super::{pretty, say, tell_note};
use crate::bad_input::{FileError, display};
use crate::certificate::Facts;
use crate::certify::Plan;
use crate::certify::report::Report;
use crate::docs::{self, Guide};
use crate::files::write_atomically;
use crate::world::{Unusable, World};

/// Show or write the guide of connectors: operations, credentials, test cards, webhooks, what to know
#[derive(Debug, Args)]
#[command(
    after_help = "Everything comes from the connector's declarations, its doc comments, its profile and its tapes. The level stands there when the \
    report of a run is given, as that run has computed it.\n\n\
    Examples:\n  quittance docs stripe\n  quittance docs --out guides\n  quittance docs --out guides --report certification/report.ndjson\n  \
    quittance docs stripe adyen --json\n\nExit codes: 0 made, 2 unusable input."
)]
pub(super) struct Docs {
    /// The connectors; all when none is named
    #[arg(value_name = "ID")]
    ids: Vec<String>,
    /// Write pages into this folder, Markdown and HTML; open its index.html
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Take the level of each connector from this report
    #[arg(long, value_name = "FILE")]
    report: Option<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl Docs {
    pub(super) fn run(&self, world: &World) -> Result<ExitCode, Unusable> {
        if self.ids.is_empty() && self.out.is_none() && !self.json {
            let told = "name a connector, or give --out DIR for the pages of all; `quittance list` shows all";
            return Err(Unusable::Text(told.to_owned()));
        }
        let report = self.report.as_deref().map(|file| super::report::open(Some(&world.root), file)).transpose()?;
        let suite = world.suite()?;
        let guide = |entry| -> Result<Guide, Unusable> {
            let subject = world.subject(entry)?;
            let provenance = Facts::of(&Plan::of(&suite, &subject), &subject).provenance;
            let level = report.as_ref().and_then(|report| level(report, entry.spec.id));
            Ok(Guide::of(world, &subject, provenance, level))
        };
        let guides = world.entries(&self.ids)?.into_iter().map(guide).collect::<Result<Vec<_>, _>>()?;
        if let Some(folder) = &self.out {
            for page in docs::pages(&guides).map_err(Unusable::Text)? {
                let path = folder.join(&page.name);
                write_atomically(&path, page.content.as_bytes())
                    .map_err(|error| vec![FileError::of_file(display(&path), format!("cannot be written: {error}"))])?;
            }
            tell_note(&format!("{} guides in {}", guides.len(), folder.display()));
        }
        match (self.json, self.out.is_some()) {
            (true, _) => say(&pretty(&json!(DocsReport { guides }))),
            (false, true) => {}
            (false, false) => {
                let texts = guides.iter().map(docs::text).collect::<Result<Vec<_>, _>>().map_err(Unusable::Text)?;
                say(texts.join("\n").trim_end());
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// What `quittance docs --json` prints.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct DocsReport {
    /// A guide for each connector.
    guides: Vec<Guide>,
}

/// What a report says of a connector.
fn level(report: &Report, id: &str) -> Option<String> {
    report.summaries.iter().find(|summary| summary.connector == id).map(|summary| summary.title.clone())
}

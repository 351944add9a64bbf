//! `quittance can-i-use`: which connectors can do a thing, and why the others cannot.

use std::process::ExitCode;

use clap::Args;
use quittance::Spec;
use schemars::JsonSchema;
use serde::Serialize;

use super::{FAIL, pretty, say};
use crate::capabilities::{Obstacle, Wish};
use crate::world::{Unusable, catalogue};

/// Ask which connectors can do a thing, and why the others cannot
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  quittance can-i-use --op refund.partial --method card --country NL --currency EUR
  quittance can-i-use --op authorize.manual --method ideal
  quittance can-i-use --op set_up --method bank_debit/sepa stripe adyen --json

Forms of operations: authorize.manual, authorize.three_ds, authorize.external_three_ds, capture.partial, capture.multiple, \
void.captured, void.debit, refund.partial, refund.multiple, retrieve.id, retrieve.reference, answer_dispute.accept, answer_dispute.contest.

Exit codes: 0 at least one can, 1 none can, 2 unusable input.")]
pub(super) struct CanIUse {
    /// The operation, with the form of it where that matters: refund, refund.partial
    #[arg(long, value_name = "OPERATION[.FORM]")]
    op: String,
    /// The method: a family (card, bank_redirect), a brand (ideal), or both (bank_redirect/ideal)
    #[arg(long)]
    method: Option<String>,
    /// The merchant's country, ISO 3166-1, as NL
    #[arg(long)]
    country: Option<String>,
    /// The currency, ISO 4217, as EUR
    #[arg(long)]
    currency: Option<String>,
    /// The connectors; all when none is named
    #[arg(value_name = "ID")]
    ids: Vec<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// What `quittance can-i-use --json` prints.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct CanIUseReport {
    /// The connectors that were asked about, sorted by id.
    pub connectors: Vec<Answer>,
}

/// What holds for one connector.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Answer {
    /// The connector.
    pub id: String,
    /// Whether it can be used.
    pub can: bool,
    /// Everything that stands in the way.
    pub obstacles: Vec<Obstacle>,
    /// What could not be judged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub caveat: Option<String>,
}

impl CanIUse {
    pub(super) fn run(&self) -> Result<ExitCode, Unusable> {
        let all: Vec<&'static Spec> = crate::product::installed().connectors.iter().map(|entry| entry.spec).collect();
        let [method, country, currency] = [&self.method, &self.country, &self.currency].map(Option::as_deref);
        let wish = Wish::read(&self.op, method, country, currency, &all).map_err(Unusable::Text)?;
        let answer = |spec: &Spec| {
            let obstacles = wish.obstacles(spec);
            let caveat = wish.caveat(spec);
            Answer { id: spec.id.to_owned(), can: obstacles.is_empty(), obstacles, caveat }
        };
        let connectors: Vec<Answer> = catalogue(&self.ids)?.iter().map(|entry| answer(entry.spec)).collect();
        let report = CanIUseReport { connectors };
        match self.json {
            true => say(&pretty(&serde_json::json!(report))),
            false => report.connectors.iter().for_each(|answer| say(&told(answer))),
        }
        Ok(match report.connectors.iter().any(|answer| answer.can) {
            true => ExitCode::SUCCESS,
            false => ExitCode::from(FAIL),
        })
    }
}

fn told(answer: &Answer) -> String {
    let mut reasons: Vec<String> = answer.obstacles.iter().map(ToString::to_string).collect();
    reasons.extend(answer.caveat.as_ref().map(|caveat| format!("({caveat})")));
    let can = if answer.can { "yes" } else { "no" };
    format!("{:20} {can:3}  {}", answer.id, reasons.join("; ")).trim_end().to_owned()
}

//! `quittance new`: a connector that compiles and certifies as a draft, with everything that is to be filled in marked.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use serde_json::json;

use super::{pretty, say};
use crate::scaffold::{self, AmountForm, Body, Endpoint, Scaffold, Wanted};
use crate::words::{are, counted};
use crate::world::{Unusable, World};

/// Make a new connector: crate, profile, a few tapes to fill in, and its lines in the catalogue
#[derive(Debug, Args)]
#[command(
    after_help = "What nobody but the provider's documentation knows is marked as ${fill:...}. The connector compiles at once and certifies \
    as a draft; it stays one, and `certify` ends with exit code 2 (incomplete), until the last mark is gone. There is a tape for each \
    operation, a decline and a refusal; once these are filled in, `quittance tapes` drafts the others out of them.\n\n\
    Out of a description (--from) come addresses, credentials, requests, answers, status values and the currency. Of an answer the tapes have \
    what is read and what the description requires; how much is left out is told, and which other requests could be meant (--route). \
    specs/descriptions/ID.toml says which description it is, for `certify --descriptions`.\n\n\
    Examples:\n  quittance new acme\n  quittance new acme --name 'Acme Pay' --live-url https://api.acme.com/v1\n  \
    quittance new acme --from openapi.yaml\n  quittance new acme --body xml\n  quittance new acme --body soap\n  quittance new acme --body xml --endpoint single --amount major\n  \
    quittance new acme-bank --family pix --sandbox-url https://sandbox.acme-bank.com/pix/v2\n  \
    quittance new acme --from openapi.yaml --dry-run\n  \
    quittance new acme --from openapi.yaml --route retrieve='GET /payments/{id}' --route void=none\n\n\
    Exit codes: 0 everything was written (or would be), 2 a bad or taken id, an unknown family, an unreadable description; then nothing \
    was written."
)]
pub(super) struct New {
    /// The connector's id: small letters, digits and hyphens
    #[arg(value_name = "ID")]
    id: String,
    /// The provider's name for people; else made of the id
    #[arg(long)]
    name: Option<String>,
    /// Stand on this family of sdk/families: a thin crate
    #[arg(long, value_name = "FAMILY", conflicts_with_all = ["from", "body", "endpoint", "amount"])]
    family: Option<String>,
    /// Take addresses, proof of identity and requests from this description (OpenAPI 3 or Swagger 2.0, JSON or YAML)
    #[arg(long, value_name = "FILE")]
    from: Option<PathBuf>,
    /// The description's request for an operation, where another was taken for it, as retrieve='GET /payments/{id}'; or void=none
    #[arg(long = "route", value_name = "OPERATION=REQUEST", requires = "from")]
    routes: Vec<String>,
    /// How the bodies of requests are written; else JSON, or as the description has it
    #[arg(long, value_name = "FORM")]
    body: Option<Body>,
    /// Where the operations are: each object has a path, or one address takes every request
    #[arg(long, value_name = "FORM", default_value = "resources", conflicts_with = "from")]
    endpoint: Endpoint,
    /// How amounts are written: minor units (6000) or decimals of major units (60.00)
    #[arg(long, value_name = "FORM", default_value = "minor", conflicts_with = "from")]
    amount: AmountForm,
    /// The address of the provider's documentation
    #[arg(long, value_name = "URL")]
    documentation: Option<String>,
    /// What stands before every path in the test environment; see --live-url
    #[arg(long, value_name = "URL")]
    sandbox_url: Option<String>,
    /// What stands before every path in the live environment; for open-banking-uk before the version, as https://api.bank.com/open-banking
    #[arg(long, value_name = "URL")]
    live_url: Option<String>,
    /// Only say what would be written
    #[arg(long)]
    dry_run: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl New {
    pub(super) fn run(&self, world: &World) -> Result<ExitCode, Unusable> {
        let wanted = Wanted {
            id: self.id.clone(),
            name: self.name.clone(),
            family: self.family.clone(),
            from: self.from.clone(),
            routes: self.routes.clone(),
            body: self.body,
            endpoint: self.endpoint,
            amount: self.amount,
            documentation: self.documentation.clone(),
            sandbox: self.sandbox_url.clone(),
            live: self.live_url.clone(),
        };
        let made = scaffold::scaffold(world, &wanted, self.dry_run)?;
        match self.json {
            true => say(&pretty(&json!(made))),
            false => print(&made),
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn print(made: &Scaffold) {
    for operation in &made.operations {
        let name = operation.operation_id.as_deref().map(|id| format!("  ({id})")).unwrap_or_default();
        say(&format!("{:16} {}{name}", operation.operation, operation.request));
        if let Some(other) = operation.others.first() {
            let all = operation.others.join(", ");
            say(&format!("{:16} or {all}: --route {}='{other}'", "", operation.operation));
        }
        if operation.left_out > 0 {
            let count = counted(operation.left_out, "optional member");
            say(&format!("{:16} {count} of its answer {} left out", "", are(operation.left_out)));
        }
    }
    for lost in &made.lost {
        say(&format!("passed over: {lost}"));
    }
    made.files.iter().for_each(|file| say(&format!("new     {file}")));
    made.changed.iter().for_each(|file| say(&format!("changed {file}")));
    let count = made.files.len() + made.changed.len();
    let verb = if made.dry_run { "would be" } else { are(count) };
    say(&format!("{} {verb} written, with {} to fill in", counted(count, "file"), counted(made.places, "place")));
    if !made.dry_run {
        say("next:");
        (1..).zip(&made.next).for_each(|(number, step)| say(&format!("  {number}. {step}")));
        say("to take all of it back, and nothing else (Cargo.lock follows with the next build):");
        say(&format!("  {}", made.take_back));
    }
}

//! `quittance schema`: the forms of credentials, of inputs and of the project's files.

use std::path::Path;
use std::process::ExitCode;

use clap::Args;
use quittance::Op;
use serde_json::{Map, Value};

use super::desk::{connector, operation};
use super::{pretty, say};
use crate::bad_input::{FileError, display};
use crate::files::refresh;
use crate::invoke::Request;
use crate::world::{Unusable, World};

/// Where the schemas of the formats stand, below the root.
const FOLDER: &str = "specs/schemas";

/// Rules by which editors with Taplo (<https://taplo.tamasfe.dev/configuration/file.html>) check the project's TOML files.
const EDITOR_RULES: &str = r#"# Tells editors which schema checks which file; written by `quittance schema --formats --write`.
[[rule]]
include = ["specs/scenarios/**/*.toml"]
[rule.schema]
path = "specs/schemas/scenario.schema.json"

[[rule]]
include = ["fixtures/*/profile.toml"]
[rule.schema]
path = "specs/schemas/profile.schema.json"

[[rule]]
include = ["fixtures/*/*.toml"]
exclude = ["fixtures/*/profile.toml"]
[rule.schema]
path = "specs/schemas/tape.schema.json"
"#;

/// Print a JSON Schema: of a connector's credentials, of an operation's input, or of the file formats
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  quittance schema stripe                          the credentials
  quittance schema stripe --operation authorize    the input of an operation, as `quittance request` takes it
  quittance schema --formats                       scenario, tape and profile files
  quittance schema --formats --write               write those to specs/schemas, with rules for editors")]
pub(super) struct Schema {
    /// The connector
    #[arg(value_name = "CONNECTOR", required_unless_present = "formats")]
    connector: Option<String>,
    /// The schema of this operation's input instead of the credentials
    #[arg(long, value_name = "OPERATION", conflicts_with = "formats")]
    operation: Option<String>,
    /// The schemas of the project's files: scenario, tape, profile
    #[arg(long, conflicts_with = "connector")]
    formats: bool,
    /// Write them to specs/schemas, and .taplo.toml for editors
    #[arg(long, requires = "formats")]
    write: bool,
    /// Print JSON (the default)
    #[arg(long)]
    json: bool,
}

impl Schema {
    pub(super) fn run(&self, world: impl FnOnce() -> Result<World, Unusable>) -> Result<ExitCode, Unusable> {
        match &self.connector {
            Some(id) => say(&pretty(&self.of_connector(id)?)),
            None if self.write => write(&world()?.root)?,
            None => {
                let schemas = crate::schemas().into_iter().map(|(name, schema)| (name.to_owned(), schema));
                say(&pretty(&Value::Object(schemas.collect::<Map<_, _>>())));
            }
        }
        Ok(ExitCode::SUCCESS)
    }

    fn of_connector(&self, id: &str) -> Result<Value, Unusable> {
        let entry = connector(id)?;
        let Some(name) = &self.operation else { return Ok(entry.credentials_schema().to_value()) };
        match operation(entry, name)? {
            Op::Webhook => Err(Unusable::Text(
                "a webhook delivery has headers and a body, not an input; `quittance read` takes one".to_owned(),
            )),
            op => Ok(Request::schema(op).unwrap_or_default().to_value()),
        }
    }
}

fn write(root: &Path) -> Result<(), Unusable> {
    let schemas =
        crate::schemas().into_iter().map(|(name, schema)| (format!("{FOLDER}/{name}"), pretty(&schema) + "\n"));
    let rules = (".taplo.toml".to_owned(), EDITOR_RULES.to_owned());
    for (name, content) in schemas.chain([rules]) {
        let path = root.join(&name);
        let changed = refresh(&path, &content)
            .map_err(|error| vec![FileError::of_file(display(&path), format!("cannot be written: {error}"))])?;
        say(&format!("{name} {}", if changed { "written" } else { "is as it was" }));
    }
    Ok(())
}

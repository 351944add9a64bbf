//! The conformance harness of Quittance: scenarios, tapes and profiles, and what judges a connector by them.
//!
//! Scenarios ([`scenario`]) hold the only expectations; tapes ([`tape`]) hold a provider's bytes; a profile ([`profile`]) holds a connector's
//! dummy data and published tables. All three are TOML files that refuse unknown fields; what is wrong with one is a [`FileError`] with file, line and field.

pub mod bad_input;
pub mod blame;
pub mod canary;
pub mod capabilities;
pub mod certificate;
pub mod certify;
pub mod cli;
pub mod contract;
pub mod corpus;
pub mod descriptions;
pub mod docs;
pub mod files;
pub mod har;
pub mod invoke;
pub mod live;
pub mod mask;
mod pem;
pub mod printed;
pub mod probe;
pub mod product;
pub mod profile;
pub mod publish;
pub mod record;
pub mod reference;
pub mod regions;
pub mod run;
pub mod sandbox;
pub mod scaffold;
pub mod scenario;
pub mod serve;
pub mod soak;
pub mod story;
pub mod tape;
mod taping;
pub mod transcript;
pub mod unfilled;
pub mod view;
mod words;
pub mod world;

pub use bad_input::FileError;

/// The JSON Schemas of the project's formats, by file name: of its files for editors, of what commands print for other tools.
pub fn schemas() -> Vec<(&'static str, serde_json::Value)> {
    vec![
        ("scenario.schema.json", schemars::schema_for!(scenario::Scenario).to_value()),
        ("tape.schema.json", schemars::schema_for!(tape::model::TapeModel).to_value()),
        ("profile.schema.json", schemars::schema_for!(profile::ProfileModel).to_value()),
        ("report.schema.json", certify::report::schema().to_value()),
        ("matrix.schema.json", schemars::schema_for!(cli::matrix::MatrixReport).to_value()),
        ("transcript.schema.json", schemars::schema_for!(transcript::Transcript).to_value()),
        ("blame.schema.json", schemars::schema_for!(blame::Blame).to_value()),
        ("can-i-use.schema.json", schemars::schema_for!(cli::can_i_use::CanIUseReport).to_value()),
        ("serve.schema.json", schemars::schema_for!(serve::forms::Started).to_value()),
        ("serve-control.schema.json", schemars::schema_for!(serve::forms::ControlApi).to_value()),
        ("record.schema.json", schemars::schema_for!(record::RecordReport).to_value()),
        ("drift.schema.json", schemars::schema_for!(record::drift::DriftReport).to_value()),
        ("import.schema.json", schemars::schema_for!(har::ImportReport).to_value()),
        ("list.schema.json", schemars::schema_for!(printed::List).to_value()),
        ("explain.schema.json", schemars::schema_for!(printed::Explain).to_value()),
        ("soak.schema.json", schemars::schema_for!(printed::Soak).to_value()),
        ("self-test.schema.json", schemars::schema_for!(printed::SelfTest).to_value()),
        ("key.schema.json", schemars::schema_for!(printed::Key).to_value()),
        ("request.schema.json", schemars::schema_for!(printed::Request).to_value()),
        ("read.schema.json", schemars::schema_for!(printed::Read).to_value()),
        ("corpus.schema.json", schemars::schema_for!(printed::Corpus).to_value()),
        ("verify.schema.json", schemars::schema_for!(printed::Verify).to_value()),
        ("report-summary.schema.json", schemars::schema_for!(printed::Report).to_value()),
        ("suite.schema.json", schemars::schema_for!(printed::Suite).to_value()),
        ("docs.schema.json", schemars::schema_for!(cli::docs::DocsReport).to_value()),
        ("new.schema.json", schemars::schema_for!(scaffold::Scaffold).to_value()),
        ("tapes.schema.json", schemars::schema_for!(scaffold::TapesReport).to_value()),
        ("certificate.schema.json", schemars::schema_for!(certificate::Certificate).to_value()),
    ]
}

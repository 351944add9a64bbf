//! The forms of what commands print with `--json`, where no type of the harness is printed whole: for the schemas in `specs/schemas`, to
//! which the tests hold each command.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde_json::{Map, Value};

/// `quittance list --json`: `connectors`, or with `--scenarios` the suite.
#[derive(Debug, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct List {
    /// The connectors, sorted by id.
    pub connectors: Option<Vec<Connector>>,
    /// The version of the suite.
    pub suite: Option<String>,
    /// The scenarios, in the suite's order.
    pub scenarios: Option<Vec<Scenario>>,
}

/// A connector in a list.
#[derive(Debug, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Connector {
    /// Its id.
    pub id: String,
    /// The provider's name.
    pub name: String,
    /// The provider's documentation.
    pub documentation: String,
    /// The operations, in the order of the contract.
    pub operations: Vec<String>,
    /// The methods of `authorize`.
    pub methods: Vec<String>,
}

/// A scenario in a list.
#[derive(Debug, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Scenario {
    /// Its id.
    pub id: String,
    /// What it shows.
    pub title: String,
    /// The operation that it is about.
    pub proves: String,
    /// The clauses of the contract that it enforces.
    pub clauses: Vec<String>,
    /// What a connector must declare for it to apply.
    pub needs: Vec<String>,
}

/// `quittance explain --json`: a whole case, or why there is none.
#[derive(Debug, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Explain {
    /// The connector.
    pub connector: String,
    /// The case: `<scenario>` or `<scenario>@<brand>`.
    pub case: String,
    /// What the scenario shows.
    pub title: String,
    /// The tier on which it was played.
    pub tier: Option<String>,
    /// The seed of everything minted.
    pub seed: Option<u64>,
    /// The clauses that the scenario enforces, each with its text.
    pub rules: Option<Vec<(String, String)>>,
    /// The tape, relative to the project's root.
    pub tape: Option<String>,
    /// The steps: what was asked, sent, answered and made of it.
    pub steps: Option<Vec<Map<String, Value>>>,
    /// What does not hold for the case as a whole.
    pub findings: Option<Vec<Value>>,
    /// The command that repeats it.
    pub repeat: Option<String>,
    /// `not_applicable` where the case does not apply.
    pub verdict: Option<String>,
    /// The need that is not declared then.
    pub missing: Option<String>,
}

/// `quittance soak --json`.
#[derive(Debug, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Soak {
    /// What was asked for, and how long it took.
    pub run: SoakRun,
    /// The counts: payments, exchanges, faults, and what was lost, double or made up.
    pub account: Map<String, Value>,
    /// Whether nothing was lost, double or made up.
    pub passes: bool,
}

/// A run of payments.
#[derive(Debug, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct SoakRun {
    /// The seed.
    pub seed: u64,
    /// How many exchanges in a thousand fail.
    pub fault_permille: u64,
    /// How long it took.
    pub milliseconds: u64,
}

/// `quittance self-test --json`.
#[derive(Debug, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct SelfTest {
    /// Whether every bug was found, and every check found one.
    pub passed: bool,
    /// What is wrong with the harness.
    pub faults: Vec<String>,
    /// The checks.
    pub checks: Vec<String>,
    /// How many single trials the connector without a bug passed.
    pub trials_without_a_bug: u64,
    /// Each planted bug with what found it.
    pub bugs: Vec<PlantedBug>,
}

/// A planted bug and what found it.
#[derive(Debug, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct PlantedBug {
    /// Its name.
    pub bug: String,
    /// What is wrong, in a sentence.
    pub what: String,
    /// What must find it.
    pub must_be_killed_by: Vec<String>,
    /// The scenarios that failed, with the first finding of each.
    pub scenarios: BTreeMap<String, String>,
    /// The checks that failed, with the first finding of each.
    pub checks: BTreeMap<String, String>,
    /// The checks that were run.
    pub checks_run: Vec<String>,
}

/// `quittance corpus --json`.
#[derive(Debug, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Corpus {
    /// How many recordings in a hundred must be read, in scope.
    pub needed_percent: u64,
    /// Each connector with its recordings.
    pub connectors: Vec<CorpusAccount>,
    /// How many recordings are of providers that there is no connector for.
    pub recordings_without_connector: u64,
}

/// What one connector made of its recordings.
#[derive(Debug, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct CorpusAccount {
    /// The connector.
    pub connector: String,
    /// Whether enough was read.
    pub passes: bool,
    /// Counts by provenance and ending.
    pub counts: Map<String, Value>,
    /// Each recording with its place, operation, ending and the reason.
    pub recordings: Vec<Map<String, Value>>,
}

/// `quittance verify --json`: a line a certificate.
#[derive(Debug, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Verify {
    /// The file.
    pub certificate: String,
    /// Whether it holds; none where the file is unusable.
    pub holds: Option<bool>,
    /// Why the file is unusable.
    pub unusable: Option<String>,
    /// The connector.
    pub connector: Option<String>,
    /// The level that it reached.
    pub level: Option<String>,
    /// The level in words.
    pub title: Option<String>,
    /// When it was issued.
    pub issued: Option<String>,
    /// When it runs out.
    pub expires: Option<String>,
    /// The public key of the issuer.
    pub issuer: Option<String>,
    /// Whether the issuer is trusted.
    pub trusted: Option<bool>,
    /// The public key of the second party.
    pub second_party: Option<String>,
    /// Whether everything was run again, and how much.
    pub ran_again: Option<Value>,
    /// What does not hold.
    pub refusals: Option<Vec<Map<String, Value>>>,
}

/// `quittance report --json`.
#[derive(Debug, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Report {
    /// The version of the suite.
    pub suite: String,
    /// The seed.
    pub seed: u64,
    /// The tiers that were run.
    pub tiers: Vec<String>,
    /// Whether everything passed.
    pub passed: bool,
    /// Whether something could not be judged.
    pub incomplete: bool,
    /// Each connector with where it stands and its counts.
    pub connectors: Vec<Map<String, Value>>,
}

/// `quittance suite --json`.
#[derive(Debug, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Suite {
    /// The version.
    pub version: Option<String>,
    /// How many scenarios there are.
    pub scenarios: Option<u64>,
    /// The digest over all of them.
    pub digest: Option<String>,
    /// Whether the manifest fits the files.
    pub fits: Option<bool>,
    /// What differs.
    pub differences: Option<Vec<String>>,
    /// Whether the manifest was written anew.
    pub changed: Option<bool>,
}

/// `quittance key --json`.
#[derive(Debug, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Key {
    /// The public half of the key, as `ed25519:` and base64.
    pub public_key: String,
}

/// `quittance request --json`.
#[derive(Debug, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Request {
    /// The connector.
    pub connector: String,
    /// The operation.
    pub operation: String,
    /// The time of the call, RFC 3339.
    pub now: String,
    /// The seed of keys, references and everything random.
    pub seed: u64,
    /// Whether secrets are masked.
    pub masked: bool,
    /// The requests, in order.
    pub requests: Vec<SentRequest>,
    /// Whether the operation came to its end: every request had an answer.
    pub complete: bool,
    /// What is to be said about where the requests end.
    pub note: Option<String>,
}

/// A request as it would be sent.
#[derive(Debug, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct SentRequest {
    /// The method.
    pub method: String,
    /// Scheme, host, path and query.
    pub url: String,
    /// The headers; one that comes again has a list.
    pub headers: BTreeMap<String, Value>,
    /// The body as it is sent.
    pub body: Option<String>,
    /// The body of JSON.
    pub json: Option<Value>,
    /// The fields of a form; one that comes again has a list.
    pub form: Option<Map<String, Value>>,
    /// What answered it: a file, or a tape.
    pub answered_by: Option<String>,
}

/// `quittance read --json`.
#[derive(Debug, JsonSchema)]
#[schemars(untagged)]
pub enum Read {
    /// The events of a delivery, in order.
    Events(Vec<Map<String, Value>>),
    /// What an operation came to.
    Result(Box<ReadResult>),
}

/// An object of the contract, or an error; what an answer does not say is left out.
#[derive(Debug, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct ReadResult {
    /// The payment: the object itself, or what a refund or dispute belongs to.
    pub payment: Option<String>,
    /// The refund.
    pub refund: Option<String>,
    /// The mandate.
    pub mandate: Option<String>,
    /// The payout.
    pub payout: Option<String>,
    /// The dispute.
    pub dispute: Option<String>,
    /// The object's state, in the words of the contract.
    pub state: Option<String>,
    /// What the customer has to do next.
    pub action: Option<Map<String, Value>>,
    /// Why it was declined.
    pub decline: Option<Map<String, Value>>,
    /// The provider's status, where the connector does not know it.
    pub raw: Option<String>,
    /// The amount.
    pub amount: Option<Amount>,
    /// What is taken in all.
    pub captured: Option<Amount>,
    /// What was taken by this operation.
    pub captured_now: Option<Amount>,
    /// What was given back in all.
    pub refunded: Option<Amount>,
    /// The merchant's reference.
    pub reference: Option<String>,
    /// What the card network said.
    pub network: Option<Map<String, Value>>,
    /// The stage of a dispute.
    pub stage: Option<String>,
    /// The code of the reason of a dispute.
    pub reason_code: Option<String>,
    /// When a dispute must be answered, RFC 3339.
    pub respond_by: Option<String>,
    /// A session for a client SDK or a wallet sheet.
    pub session: Option<String>,
    /// The secret of a session, masked.
    pub token: Option<String>,
    /// Until when a session is good, RFC 3339.
    pub expires: Option<String>,
    /// The number of a network token, masked.
    pub number: Option<String>,
    /// Month and year of a network token.
    pub expiry: Option<String>,
    /// The cryptogram of a network token, masked.
    pub cryptogram: Option<String>,
    /// The electronic commerce indicator of a network token.
    pub eci: Option<String>,
    /// Whether a network token still needs 3-D Secure.
    pub needs_three_ds: Option<bool>,
    /// The kind of an error; all that follows goes with one.
    pub error: Option<String>,
    /// Whether the provider may have acted: `none` or `unknown`.
    pub effect: Option<String>,
    /// The error in words.
    pub message: Option<String>,
    /// The provider's code.
    pub code: Option<String>,
    /// The field at fault.
    pub field: Option<String>,
    /// After how many seconds to try again.
    pub retry_after_seconds: Option<u64>,
    /// The object that the error is about.
    pub handle: Option<String>,
    /// The HTTP status.
    pub status: Option<u16>,
}

/// An amount of money.
#[derive(Debug, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Amount {
    /// Minor units, as ISO 4217 counts them.
    pub minor: i64,
    /// ISO 4217 code.
    pub currency: String,
}

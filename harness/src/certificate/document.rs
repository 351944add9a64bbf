//! The certificate itself: what it states, how it is written, and how it is signed. `specs/certificate.md` describes it.

use std::collections::BTreeMap;

use jiff::civil::Date;
use quittance::digest;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::built;
use super::canonical;
use super::key::{PublicKey, SigningKey};
use super::level::Level;
use super::summary::{Facts, Mutation, Summary};
use super::tree::{Tree, Trees};
use crate::certify::report::{self, Line};
use crate::product;

/// Version of the format.
pub const FORMAT: u32 = 1;

/// How long a certificate is good, in days. It ends earlier with the first of its exemptions.
pub const DAYS: i32 = 90;

/// The largest seed that every reader of JSON keeps (RFC 8259, section 6).
pub const SEED_MAX: u64 = (1 << 53) - 1;

/// What stands before the canonical text when it is signed, so that a signature says what it is for.
const PURPOSE: &str = "quittance certificate 1\n";

/// A certificate: `<connector>.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Certificate {
    /// Version of the format: 1.
    pub certificate: u32,
    /// The connector's id.
    pub connector: String,
    /// The level that the run gave: draft, bronze or silver. Gold is what silver becomes by the second party's signature.
    pub level: Level,
    /// The level as it is printed, `silver (documented)`.
    pub title: String,
    /// The grades of the spoilt answers.
    pub mutation: Option<Mutation>,
    /// Where the exchanges come from on the day of issue, and the exemptions.
    pub facts: Facts,
    /// The seed of the run.
    pub seed: u64,
    /// What the run found.
    pub verdicts: Verdicts,
    /// The day of issue in UTC, as `2026-11-22`.
    pub issued: String,
    /// The last day on which it is good, in UTC.
    pub expires: String,
    /// What everything was built with and run by.
    pub toolchain: Toolchain,
    /// The connector's crate and every other crate of the workspace on which it stands.
    pub source: Tree,
    /// The scenarios.
    pub suite: SuiteTree,
    /// The profile and the tapes.
    pub tapes: Tree,
    /// The issuer's key, `ed25519:` and base64.
    pub public_key: String,
    /// The issuer's signature over the canonical form, base64.
    pub signature: String,
    /// The signature of a second party that ran everything again and found the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub second_party: Option<SecondParty>,
}

/// The verdicts of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Verdicts {
    /// SHA-256 over the seed and the connector's verdict lines as they stand in a report, hexadecimal.
    pub digest: String,
    /// How many lines have each verdict.
    pub counts: BTreeMap<String, usize>,
    /// How many single trials they are made of.
    pub trials: usize,
}

/// What everything was built with and run by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Toolchain {
    /// The compiler, as `rustc --version` tells it.
    pub rustc: String,
    /// The version of the harness.
    pub harness: String,
    /// The harness, the catalogue, the transport and the files of the workspace.
    pub tree: Tree,
}

/// The suite.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SuiteTree {
    /// Its version.
    pub version: String,
    /// Its files.
    pub tree: Tree,
}

/// Who ran everything again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SecondParty {
    /// The key, `ed25519:` and base64; another than the issuer's.
    pub public_key: String,
    /// Its signature over the same canonical form, base64.
    pub signature: String,
}

impl Verdicts {
    /// The verdicts of one connector's lines under a seed.
    pub fn of(seed: u64, lines: &[&Line]) -> Verdicts {
        let mut text = format!("{seed}\n");
        let mut counts = BTreeMap::new();
        for line in lines {
            text.push_str(&report::verdict_line(line));
            text.push('\n');
            *counts.entry(line.verdict.as_str().to_owned()).or_insert(0) += 1;
        }
        let trials = lines.iter().map(|line| line.trials).sum();
        Verdicts { digest: hex::encode(digest::sha256(text.as_bytes())), counts, trials }
    }
}

/// The last day of a certificate issued on that day with those exemptions.
pub(super) fn expires(issued: Date, facts: &Facts) -> Date {
    let latest = issued.checked_add(jiff::Span::new().days(DAYS)).unwrap_or(issued);
    let ends = facts.exemptions.iter().filter_map(|exemption| exemption.expires.parse().ok());
    ends.chain([latest]).min().unwrap_or(latest)
}

impl Certificate {
    /// Issues a certificate on what a whole run says of a connector.
    ///
    /// # Errors
    /// A run that gives no level, a seed above [`SEED_MAX`], and sources that are not those of this program.
    pub fn issue(run: &Issue<'_>, key: &SigningKey) -> Result<Certificate, String> {
        let summary = run.summary;
        let connector = &summary.connector;
        let level = summary
            .level
            .ok_or_else(|| format!("{connector}: no level, so no certificate: {}", summary.missing.join("; ")))?;
        if run.seed > SEED_MAX {
            return Err(format!("the seed {} is too large for a certificate; choose one up to {SEED_MAX}", run.seed));
        }
        built::check(&run.trees)?;
        let Trees { source, suite, tapes, toolchain } = run.trees.clone();
        let mut certificate = Certificate {
            certificate: FORMAT,
            connector: connector.clone(),
            level,
            title: summary.title.clone(),
            mutation: summary.mutation,
            facts: summary.facts.clone(),
            seed: run.seed,
            verdicts: Verdicts::of(run.seed, run.lines),
            issued: run.today.to_string(),
            expires: expires(run.today, &summary.facts).to_string(),
            toolchain: Toolchain {
                rustc: product::installed().rustc.to_owned(),
                harness: built::HARNESS.to_owned(),
                tree: toolchain,
            },
            source,
            suite: SuiteTree { version: run.suite_version.to_owned(), tree: suite },
            tapes,
            public_key: key.public().to_string(),
            signature: String::new(),
            second_party: None,
        };
        certificate.signature = key.sign(certificate.signed_text().as_bytes());
        Ok(certificate)
    }

    /// Adds the signature of a second party. Whoever calls this has run everything again.
    ///
    /// # Errors
    /// The issuer's own key.
    pub fn countersign(&mut self, key: &SigningKey) -> Result<(), String> {
        let public_key = key.public().to_string();
        if public_key == self.public_key {
            return Err("a second party signs with a key of its own: this one issued the certificate".to_owned());
        }
        let signature = key.sign(self.signed_text().as_bytes());
        self.second_party = Some(SecondParty { public_key, signature });
        Ok(())
    }

    /// What is signed: the purpose, then the canonical form of everything but the signatures.
    pub fn signed_text(&self) -> String {
        let mut value = serde_json::to_value(self).unwrap_or_default();
        if let Value::Object(members) = &mut value {
            members.remove("signature");
            members.remove("second_party");
        }
        format!("{PURPOSE}{}", canonical::text(&value))
    }

    /// The certificate as its file holds it: indented by two spaces, members in the order of this type, one line feed at the end.
    pub fn to_json(&self) -> String {
        // Texts, whole numbers and maps with text keys: writing them cannot fail.
        serde_json::to_string_pretty(self).unwrap_or_default() + "\n"
    }

    /// Whether the issuer's signature fits.
    pub fn is_signed(&self) -> bool {
        self.fits(&self.public_key, &self.signature)
    }

    /// The second party's key, if its signature fits and it is another than the issuer's.
    pub fn second_key(&self) -> Option<PublicKey> {
        let second = self.second_party.as_ref()?;
        let fits = second.public_key != self.public_key && self.fits(&second.public_key, &second.signature);
        fits.then(|| second.public_key.parse().ok()).flatten()
    }

    fn fits(&self, key: &str, signature: &str) -> bool {
        key.parse().is_ok_and(|key: PublicKey| key.verifies(self.signed_text().as_bytes(), signature))
    }
}

/// What a certificate is issued on.
#[derive(Debug)]
pub struct Issue<'a> {
    /// What the run says of the connector.
    pub summary: &'a Summary,
    /// Its lines.
    pub lines: &'a [&'a Line],
    /// The seed of the run.
    pub seed: u64,
    /// The version of the suite.
    pub suite_version: &'a str,
    /// The files on which it stands.
    pub trees: Trees,
    /// The day of issue.
    pub today: Date,
}

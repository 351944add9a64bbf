//! `quittance verify`: checks certificates by running everything again.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use serde_json::{Value, json};

use super::source::{Source, one_standard_input};
use super::{FAIL, UNUSABLE, say, tell_error};
use crate::certificate::form::Text;
use crate::certificate::key::{PublicKey, SigningKey, Trust};
use crate::certificate::verify::{Refusal, Verified, verify};
use crate::certificate::{Certificate, Level};
use crate::files::write_atomically;
use crate::world::{Unusable, World};

/// Check certificates: signature, dates, every file, and the verdicts by running everything again
#[derive(Debug, Args)]
#[command(
    after_help = "Without --key or --trust, the signature is checked against the key that the certificate names, which says \
    that it was not changed, and not who issued it. specs/certificate.md describes certificates.\n\n\
    Examples:\n  quittance verify certificates/stripe.json\n  quittance verify certificates/*.json --trust keys.txt\n  \
    quittance verify stripe.json --key ed25519:4qH1…\n  quittance verify stripe.json --countersign second.pem\n\n\
    Exit codes: 0 it holds, 1 it is refused, 2 it cannot be judged here."
)]
pub(super) struct Verify {
    /// The certificates; - for standard input
    #[arg(value_name = "CERT", required = true)]
    certificates: Vec<String>,
    /// A public key that may have issued them, as `quittance key show` prints it; can be given more than once
    #[arg(long, value_name = "PUBLIC")]
    key: Vec<PublicKey>,
    /// A file of trusted public keys, one a line; what stands after a key names its owner, # begins a comment
    #[arg(long, value_name = "FILE")]
    trust: Option<PathBuf>,
    /// Sign those that hold with this private key as the second party, and write them back
    #[arg(long, value_name = "FILE")]
    countersign: Option<PathBuf>,
    /// Print a JSON object a certificate
    #[arg(long)]
    json: bool,
}

impl Verify {
    pub(super) fn run(&self, world: &World) -> Result<ExitCode, Unusable> {
        one_standard_input(self.certificates.iter().map(String::as_str))?;
        let trust = self.trust()?;
        let signer = self.countersign.as_deref().map(SigningKey::read).transpose().map_err(Unusable::Text)?;
        let mut code = 0;
        for path in &self.certificates {
            match self.one(world, path, trust.as_ref(), signer.as_ref()) {
                Ok(true) => {}
                Ok(false) => code = code.max(FAIL),
                Err(unusable) => {
                    code = UNUSABLE;
                    if self.json {
                        say(&json!({ "certificate": path, "holds": null, "unusable": unusable.to_string() })
                            .to_string());
                    }
                    tell_error(&unusable);
                }
            }
        }
        Ok(ExitCode::from(code))
    }

    /// Whom the user trusts; none when nothing was said of it.
    fn trust(&self) -> Result<Option<Trust>, Unusable> {
        let mut trust = Trust { keys: self.key.clone() };
        if let Some(path) = &self.trust {
            let source = Source::read(&path.to_string_lossy(), "the list of trusted keys")?;
            let text = String::from_utf8_lossy(&source.bytes);
            trust.keys.extend(Trust::parse(&source.name, &text).map_err(Unusable::Text)?.keys);
        }
        Ok((!trust.keys.is_empty()).then_some(trust))
    }

    /// Checks one certificate; says whether it holds.
    fn one(
        &self,
        world: &World,
        path: &str,
        trust: Option<&Trust>,
        signer: Option<&SigningKey>,
    ) -> Result<bool, Unusable> {
        let source = Source::read(path, "the certificate")?;
        let text = std::str::from_utf8(&source.bytes)
            .map_err(|_| Unusable::Text(format!("{}: expected UTF-8 text", source.name)))?;
        let verified = verify(world, Text { file: &source.name, text }, trust)?;
        match self.json {
            true => say(&as_json(path, &verified).to_string()),
            false => print(&source.name, &verified),
        }
        if let (Some(signer), Some(certificate), true) = (signer, &verified.certificate, verified.refusals.is_empty()) {
            countersign(path, certificate, signer)?;
            if !self.json {
                say(&format!("{path}: countersigned by {}", signer.public()));
            }
        }
        Ok(verified.refusals.is_empty())
    }
}

fn countersign(path: &str, certificate: &Certificate, signer: &SigningKey) -> Result<(), Unusable> {
    let mut signed = certificate.clone();
    signed.countersign(signer).map_err(|why| Unusable::Text(format!("{path}: {why}")))?;
    write_atomically(Path::new(path), signed.to_json().as_bytes())
        .map_err(|error| Unusable::Text(format!("{path}: the countersigned certificate cannot be written: {error}")))
}

/// The level that holds today, as it is printed.
fn level(verified: &Verified, certificate: &Certificate) -> String {
    match verified.level {
        Some(Level::Gold) => Level::Gold.to_string(),
        _ => certificate.title.clone(),
    }
}

fn print(name: &str, verified: &Verified) {
    for Refusal { about, error } in &verified.refusals {
        say(&format!("refused ({about}): {error}"));
    }
    let Some(certificate) = &verified.certificate else { return };
    if !verified.refusals.is_empty() {
        if !verified.ran_again {
            say(&format!("{name}: nothing was run again, since it speaks of other files or another toolchain"));
        }
        return;
    }
    say(&format!("{}: {}, good until {}", certificate.connector, level(verified, certificate), certificate.expires));
    let known = match verified.trusted {
        Some(_) => "a trusted key",
        None => "a key of which nothing is known: name those you trust with --key or --trust",
    };
    say(&format!("  issued on {} by {}, {known}", certificate.issued, certificate.public_key));
    if let Some(second) = verified.second_party {
        say(&format!("  second party {second}"));
    }
    say(&format!("  exchanges: {}", certificate.facts.provenance));
    for exemption in &certificate.facts.exemptions {
        say(&format!("  exempt until {}: {}: {}", exemption.expires, exemption.scenario, exemption.reason));
    }
    let lines: usize = certificate.verdicts.counts.values().sum();
    say(&format!("  every file is the same, and {lines} verdicts of {} trials agree", certificate.verdicts.trials));
}

fn as_json(path: &str, verified: &Verified) -> Value {
    let refusal = |Refusal { about, error }: &Refusal| json!({ "about": about.as_str(), "line": error.line, "field": error.field, "message": error.message });
    let certificate = verified.certificate.as_ref();
    json!({
        "certificate": path,
        "holds": verified.refusals.is_empty(),
        "connector": certificate.map(|certificate| &certificate.connector),
        "level": verified.level,
        "title": certificate.filter(|_| verified.level.is_some()).map(|certificate| level(verified, certificate)),
        "issued": certificate.map(|certificate| &certificate.issued),
        "expires": certificate.map(|certificate| &certificate.expires),
        "issuer": certificate.map(|certificate| &certificate.public_key),
        "trusted": verified.trusted,
        "second_party": verified.second_party.map(|key| key.to_string()),
        "ran_again": verified.ran_again,
        "refusals": verified.refusals.iter().map(refusal).collect::<Vec<_>>(),
    })
}

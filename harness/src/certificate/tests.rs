//! Every byte of a certificate is set: whatever is changed is refused, with its own reason.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::LazyLock;

use jiff::civil::{Date, date};

use super::document::{Certificate, Issue};
use super::form::{Fault, Text};
use super::key::{SigningKey, Trust};
use super::summary::{Facts, Summary};
use super::tree::{Tree, Trees};
use super::verify::{About, Verified, verify};
use super::{Histogram, Level, Mutation, sources};
use crate::product::{self, Product};
use crate::profile::Exemption;
use crate::world::World;

const TODAY: Date = date(2026, 11, 22);

/// A program of these sources.
static PRODUCT: LazyLock<Product> = LazyLock::new(|| {
    let sources = sources::list(&Path::new(env!("CARGO_MANIFEST_DIR")).join("..")).unwrap();
    Product { connectors: quittance_connectors::ALL, sources: sources.leak(), rustc: "rustc 1.95.0" }
});

fn world() -> World {
    product::install(&PRODUCT);
    World { root: Path::new(env!("CARGO_MANIFEST_DIR")).join(".."), today: TODAY }
}

fn key(name: &str) -> SigningKey {
    let path = std::env::temp_dir().join(format!("quittance-certificate-{}-{name}.pem", std::process::id()));
    let key = SigningKey::create(&path).unwrap();
    std::fs::remove_file(path).unwrap();
    key
}

fn exemption(expires: &str) -> Exemption {
    let [scenario, reason, owner] = ["refund.full", "the vendor mends it", "payments"].map(str::to_owned);
    Exemption { scenario, reason, owner, expires: expires.to_owned() }
}

fn summary() -> Summary {
    Summary {
        connector: "stripe".to_owned(),
        level: Some(Level::Silver),
        title: "silver (documented)".to_owned(),
        next: Some(Level::Gold),
        missing: Vec::new(),
        mutation: Some(Mutation { correct: 5, safe: 3, harmful: 0 }),
        facts: Facts {
            provenance: Histogram { recorded: 0, documented: 7, synthesised: 1 },
            unrecorded: 8,
            exemptions: vec![exemption("2027-02-20")],
            unconfirmed: Vec::new(),
            unshown: Vec::new(),
        },
    }
}

/// The trees of stripe with one file each: enough to be signed, and a few lines long.
fn small_trees() -> Trees {
    let Trees { source, suite, tapes, toolchain } = Trees::of(&world().root, "stripe").unwrap();
    let first = |tree: Tree| {
        let files: BTreeMap<String, String> = tree.files.into_iter().take(1).collect();
        Tree { digest: Tree::digest_of(&files), files }
    };
    Trees { source: first(source), suite: first(suite), tapes: first(tapes), toolchain: first(toolchain) }
}

fn issued_on(today: Date, key: &SigningKey) -> Certificate {
    let summary = summary();
    let issue = Issue { summary: &summary, lines: &[], seed: 1, suite_version: "1.0.0", trees: small_trees(), today };
    Certificate::issue(&issue, key).unwrap()
}

fn read(text: &str) -> Result<Certificate, Fault> {
    Text { file: "stripe.json", text }.read()
}

fn verified(certificate: &Certificate, trust: Option<&Trust>) -> Verified {
    verify(&world(), Text { file: "stripe.json", text: &certificate.to_json() }, trust).unwrap()
}

/// What the check of a certificate says about one thing.
fn told(certificate: &Certificate, trust: Option<&Trust>, about: About) -> String {
    let refusals = verified(certificate, trust).refusals;
    refusals.iter().filter(|refusal| refusal.about == about).map(|refusal| format!("{}\n", refusal.error)).collect()
}

#[test]
fn a_certificate_reads_back_and_its_signature_fits() {
    let certificate = issued_on(TODAY, &key("whole"));
    assert_eq!(read(&certificate.to_json()), Ok(certificate.clone()));
    assert!(certificate.is_signed());
    assert_eq!((certificate.issued.as_str(), certificate.expires.as_str()), ("2026-11-22", "2027-02-20"));
    assert_eq!(told(&certificate, None, About::Signature), "");
    assert_eq!(told(&certificate, None, About::Dates), "");
}

#[test]
fn every_changed_byte_is_refused() {
    let mut certificate = issued_on(TODAY, &key("bytes"));
    certificate.countersign(&key("bytes-second")).unwrap();
    let text = certificate.to_json();
    for at in 0..text.len() {
        for change in [1, 2] {
            let mut bytes = text.clone().into_bytes();
            bytes[at] ^= change;
            // A file that is not UTF-8 is refused before it is read.
            let Ok(changed) = String::from_utf8(bytes) else { continue };
            match read(&changed) {
                Err(Fault::Unusable(error)) => assert!(error.line > 0, "byte {at}: {error}"),
                Err(Fault::Refused(errors)) => {
                    assert!(errors.iter().all(|error| error.line > 0), "byte {at}: {errors:?}");
                }
                Ok(read) => {
                    let holds = read.is_signed() && read.second_key() == certificate.second_key();
                    assert!(
                        !holds,
                        "byte {at} of the certificate can be changed: {}",
                        &text[at.saturating_sub(40)..at]
                    );
                }
            }
        }
    }
}

#[test]
fn the_form_is_refused_with_line_and_field() {
    let text = issued_on(TODAY, &key("form")).to_json();
    let refused = |from: &str, to: &str| {
        let changed = text.replacen(from, to, 1);
        assert_ne!(changed, text, "{from}");
        match read(&changed) {
            Err(Fault::Refused(errors)) => errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"),
            Err(Fault::Unusable(error)) => format!("unusable: {error}"),
            Ok(_) => "it was read".to_owned(),
        }
    };
    for (from, to, expected) in [
        ("\"seed\"", "\"sede\"", "sede: unknown field `sede`"),
        ("\"trials\": 0", "\"trials\": 0,\n    \"more\": 1", "verdicts.more: unknown field `more`"),
        ("\"seed\": 1", "\"seed\": \"1\"", "seed: invalid type: string \"1\", expected u64"),
        ("\"documented\": 7", "\"documented\": -7", "facts.provenance.documented: invalid value"),
        ("    \"owner\": \"payments\",\n", "", "facts.exemptions[1]: missing field `owner`"),
        ("\"owner\": \"payments\"", "\"owner\": null", "facts.exemptions[1].owner: invalid type: null"),
        ("\"level\": \"silver\"", "\"level\": \"platinum\"", "level: unknown variant `platinum`"),
        ("\"level\": \"silver\"", "\"level\": \"gold\"", "level: gold is never stated"),
        ("\"certificate\": 1", "\"certificate\": 2", "certificate: format 2 is not 1"),
        ("\"issued\": \"2026-11-22\"", "\"issued\": \"22.11.2026\"", "issued: expected a date as 2026-11-22"),
        ("ed25519:", "rsa:", "public_key: expected a public key as `ed25519:"),
        ("\"seed\": 1,", "\"seed\": 1, ", "is not written as a certificate is: expected `\"seed\": 1,`"),
        ("\"seed\": 1,", "\"seed\": 1,\n  \"seed\": 1,", "seed: duplicate field `seed`"),
        ("{", "{{", "unusable: stripe.json:1: "),
    ] {
        let found = refused(from, to);
        assert!(found.contains(expected), "{from} as {to}: no `{expected}` in: {found}");
        // A field that is missing is told where its object ends, any other fault where it is.
        let added = to.matches('\n').count().saturating_sub(from.matches('\n').count());
        let line = text[..text.find(from).unwrap()].matches('\n').count() + 1 + added;
        assert!(to.is_empty() || found.contains(&format!("stripe.json:{line}: ")), "{from}: line {line} in: {found}");
    }
    let source = text.find("\"source\"").unwrap();
    let digest = source + text[source..].find("\"digest\": \"").unwrap() + 11;
    let mut changed = text.clone();
    changed.replace_range(digest..=digest, if &text[digest..=digest] == "0" { "1" } else { "0" });
    assert!(matches!(read(&changed), Err(Fault::Refused(errors))
        if errors[0].to_string().contains("source.digest: does not agree")));
}

#[test]
fn dates_are_refused_each_with_its_own_message() {
    let key = key("dates");
    let on = |today| told(&issued_on(today, &key), None, About::Dates);
    assert_eq!(on(date(2026, 11, 23)), "stripe.json:33: issued: 2026-11-23 lies in the future: today is 2026-11-22\n");
    assert_eq!(on(date(2026, 8, 23)), "stripe.json:34: expires: expired on 2026-11-21: certify again\n");
    assert_eq!(on(date(2026, 8, 24)), "");
    let mut long = issued_on(TODAY, &key);
    long.expires = "2028-01-01".to_owned();
    long.signature = key.sign(long.signed_text().as_bytes());
    assert!(told(&long, None, About::Dates).contains("expires: states 2028-01-01, but a certificate issued on"));
    assert_eq!(told(&long, None, About::Signature), "", "it is well signed and refused all the same");
    let mut summary = summary();
    summary.facts.exemptions.push(exemption("2026-12-24"));
    let issue =
        Issue { summary: &summary, lines: &[], seed: 1, suite_version: "1.0.0", trees: small_trees(), today: TODAY };
    assert_eq!(Certificate::issue(&issue, &key).unwrap().expires, "2026-12-24", "it ends with its first exemption");
}

#[test]
fn signatures_and_trust_are_refused_each_with_its_own_message() {
    let (ours, other) = (key("ours"), key("other"));
    let certificate = issued_on(TODAY, &ours);
    let trust = |keys: &[&SigningKey]| Trust { keys: keys.iter().map(|key| key.public()).collect() };
    assert_eq!(verified(&certificate, None).trusted, None);
    assert_eq!(told(&certificate, Some(&trust(&[&other, &ours])), About::Trust), "");
    let untrusted = told(&certificate, Some(&trust(&[&other])), About::Trust);
    assert!(untrusted.contains(&format!("public_key: {} is not among the trusted keys", ours.public())), "{untrusted}");
    let mut forged = certificate.clone();
    forged.seed = 2;
    assert!(told(&forged, None, About::Signature).contains("signature: does not fit the key and the content"));
    let mut taken_over = certificate.clone();
    taken_over.public_key = other.public().to_string();
    assert!(told(&taken_over, None, About::Signature).contains("does not fit"));
    let mut twice = certificate.clone();
    assert!(twice.countersign(&ours).unwrap_err().contains("a key of its own"));
    twice.countersign(&other).unwrap();
    assert_eq!(verified(&twice, None).second_party, Some(other.public()));
    assert_eq!(told(&twice, None, About::Signature), "");
    if let Some(second) = &mut twice.second_party {
        second.signature.clone_from(&twice.signature);
    }
    assert!(told(&twice, None, About::Signature).contains("second_party.signature: does not fit"));
    if let Some(second) = &mut twice.second_party {
        second.public_key.clone_from(&twice.public_key);
    }
    assert!(told(&twice, None, About::Signature).contains("is the issuer's own key"));
}

#[test]
fn files_that_differ_are_named_and_nothing_is_run() {
    let mut certificate = issued_on(TODAY, &key("files"));
    let gone = "connectors/stripe/src/gone.rs".to_owned();
    certificate.source.files.insert(gone, "0".repeat(64));
    certificate.source.digest = Tree::digest_of(&certificate.source.files);
    let source = told(&certificate, None, About::Source);
    assert!(source.contains("connectors/stripe/src/gone.rs is missing here"), "{source}");
    assert!(source.contains("connectors/stripe/src/lib.rs is not in the certificate"), "{source}");
    assert!(told(&certificate, None, About::Tapes).contains("fixtures/stripe/capture.full.toml is not in"));
    certificate.toolchain.rustc = "rustc 1.0.0".to_owned();
    assert!(
        told(&certificate, None, About::Toolchain).contains("toolchain.rustc: states \"rustc 1.0.0\", computed is")
    );
    let found = verified(&certificate, None);
    assert!(!found.ran_again);
    assert_eq!(found.level, None);
}

#[test]
fn what_cannot_be_issued_or_judged() {
    let key = key("refused");
    let mut summary = summary();
    let issue = |summary: &Summary, seed, trees| {
        Certificate::issue(&Issue { summary, lines: &[], seed, suite_version: "1.0.0", trees, today: TODAY }, &key)
    };
    assert!(issue(&summary, 1 << 53, small_trees()).unwrap_err().contains("too large"));
    let mut changed = small_trees();
    changed.source.files.values_mut().for_each(|digest| *digest = "0".repeat(64));
    assert!(issue(&summary, 1, changed).unwrap_err().contains("build it again"));
    summary.level = None;
    summary.missing = vec!["only the tier memory was run".to_owned()];
    assert!(issue(&summary, 1, small_trees()).unwrap_err().contains("no certificate: only the tier memory"));
    let mut unknown = issued_on(TODAY, &key);
    unknown.connector = "../stripe".to_owned();
    let told = verify(&world(), Text { file: "c.json", text: &unknown.to_json() }, None).unwrap_err().to_string();
    assert!(told.contains("c.json:3: connector: the catalogue has no connector `../stripe`"), "{told}");
}

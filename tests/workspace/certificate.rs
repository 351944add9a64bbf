//! Certificates of this project: whatever is changed is named, whoever lies is found out, and a second party makes it gold.

use std::path::Path;

use libtest_mimic::Failed;
use quittance_harness::certificate::form::Text;
use quittance_harness::certificate::key::{SigningKey, Trust};
use quittance_harness::certificate::tree::Trees;
use quittance_harness::certificate::verify::{About, Verified, verify};
use quittance_harness::certificate::{Certificate, Facts, Issue, Level, Mutation, Summary};
use quittance_harness::certify::report::{Header, Line};
use quittance_harness::certify::{self, Options, Plan, SEED, Tiers};
use quittance_harness::run::wire::Wire;
use quittance_harness::world::World;

use super::planted::Copy;
use super::{complain, files, world};

/// The connector with the fewest cases.
const ID: &str = "authorize-net";

/// Everything of which a certificate speaks.
const PARTS: &[&str] =
    &[".cargo", "Cargo.lock", "Cargo.toml", "command", "connectors", "fixtures", "harness", "sdk", "specs"];

pub(crate) fn tests(add: &mut impl FnMut(&str, fn() -> Result<(), Failed>)) {
    add("certificate::a_changed_file_is_named", a_changed_file_is_named);
    add("certificate::a_signed_lie_is_found_out", a_signed_lie_is_found_out);
    add("certificate::a_second_party_makes_it_gold", a_second_party_makes_it_gold);
}

fn key(copy: &Copy, name: &str) -> Result<SigningKey, Failed> {
    Ok(SigningKey::create(&copy.path().join(name))?)
}

fn issue(world: &World, summary: &Summary, lines: &[Line], key: &SigningKey) -> Result<Certificate, Failed> {
    let suite = world.suite().map_err(|unusable| unusable.to_string())?;
    let lines: Vec<&Line> = lines.iter().collect();
    let trees = Trees::of(&world.root, ID)?;
    let today = world.today;
    let issue = Issue { summary, lines: &lines, seed: SEED, suite_version: &suite.version, trees, today };
    Ok(Certificate::issue(&issue, key)?)
}

/// A certificate by a whole run.
fn certified(world: &World, key: &SigningKey) -> Result<Certificate, Failed> {
    let told = |unusable: quittance_harness::world::Unusable| unusable.to_string();
    let suite = world.suite().map_err(told)?;
    let entry = quittance_connectors::find(ID).ok_or("no such connector")?;
    let subject = world.subject(entry).map_err(told)?;
    let options = Options { seed: SEED, tiers: Tiers::Both, narrowed: None };
    let mut lines = certify::in_memory(&suite, &subject, &options);
    certify::add_the_wire(&suite, &subject, &options, &Wire::start()?, &mut lines);
    let header = Header::of(&suite, &options, vec![ID.to_owned()]);
    let summary = Summary::of(&header, &lines, ID, Facts::of(&Plan::of(&suite, &subject), &subject));
    issue(world, &summary, &lines, key)
}

fn check(world: &World, certificate: &Certificate, trust: Option<&Trust>) -> Result<Verified, Failed> {
    let text = certificate.to_json();
    Ok(verify(world, Text { file: "it.json", text: &text }, trust).map_err(|unusable| unusable.to_string())?)
}

/// One byte is changed in a file of each kind, and in every eighth file of all; a file is added, and one is taken away.
fn a_changed_file_is_named() -> Result<(), Failed> {
    let copy = Copy::of(PARTS)?;
    let world = World { root: copy.path().to_owned(), today: world().today };
    let options = Options { seed: SEED, tiers: Tiers::Both, narrowed: None };
    let suite = world.suite().map_err(|unusable| unusable.to_string())?;
    let mut summary = Summary::of(&Header::of(&suite, &options, vec![ID.to_owned()]), &[], ID, Facts::default());
    summary.level = Some(Level::Draft);
    let certificate = issue(&world, &summary, &[], &key(&copy, "key.pem")?)?;
    let mut complaints = Vec::new();
    let mut expect = |about: About, file: &str, how: &str| -> Result<(), Failed> {
        let refusals = check(&world, &certificate, None)?.refusals;
        let named = |error: &str| error.contains(&format!(": {file} {how}"));
        if !refusals.iter().any(|refusal| refusal.about == about && named(&refusal.error.to_string())) {
            complaints.push(format!("{file} {how}: {refusals:?}"));
        }
        if refusals.len() != 1 {
            complaints.push(format!("{file}: {} refusals", refusals.len()));
        }
        Ok(())
    };
    let trees = [
        (About::Source, &certificate.source),
        (About::Suite, &certificate.suite.tree),
        (About::Tapes, &certificate.tapes),
        (About::Toolchain, &certificate.toolchain.tree),
    ];
    let always = ["connectors/authorize-net/src/lib.rs", "sdk/core/src/guard.rs", "Cargo.lock", "specs/suite.toml"];
    for (about, tree) in trees {
        for (index, file) in tree.files.keys().enumerate() {
            if index % 8 == 0 || always.contains(&file.as_str()) {
                let path = copy.path().join(file);
                let bytes = std::fs::read(&path)?;
                let mut changed = bytes.clone();
                let middle = changed.len() / 2;
                match changed.get_mut(middle).filter(|_| !file.ends_with("profile.toml")) {
                    Some(byte) => *byte ^= 1,
                    // A profile that cannot be read any more is refused before its digest is compared.
                    None => changed.push(b'\n'),
                }
                std::fs::write(&path, changed)?;
                // A manifest that cannot be read any more is refused before its digest is compared.
                if !file.ends_with("Cargo.toml") {
                    expect(about, file, "was changed")?;
                }
                std::fs::write(&path, bytes)?;
            }
        }
    }
    let added = "fixtures/authorize-net/added.toml";
    std::fs::write(copy.path().join(added), "")?;
    expect(About::Tapes, added, "is not in the certificate")?;
    std::fs::remove_file(copy.path().join(added))?;
    let gone = "connectors/authorize-net/src/codes.rs";
    std::fs::remove_file(copy.path().join(gone))?;
    expect(About::Source, gone, "is missing here")?;
    complain(complaints)
}

/// Whoever holds the key can sign anything; running everything again finds what is not so.
fn a_signed_lie_is_found_out() -> Result<(), Failed> {
    let copy = Copy::of(&[])?;
    std::fs::create_dir_all(copy.path())?;
    let key = key(&copy, "key.pem")?;
    let world = world();
    let certificate = certified(&world, &key)?;
    let mut lie = certificate.clone();
    lie.level = Level::Draft;
    lie.title = "draft".to_owned();
    lie.verdicts.trials += 1;
    lie.facts.provenance.recorded += 1;
    lie.facts.unrecorded = 0;
    lie.mutation = Some(Mutation { correct: 1, safe: 0, harmful: 0 });
    lie.seed += 1;
    lie.signature = key.sign(lie.signed_text().as_bytes());
    let refusals = check(&world, &lie, None)?.refusals;
    let mut complaints = Vec::new();
    for field in
        ["level", "title", "verdicts.digest", "verdicts.trials", "mutation", "facts.provenance", "facts.unrecorded"]
    {
        if !refusals.iter().any(|refusal| refusal.about == About::Verdicts && refusal.error.field == field) {
            complaints.push(format!("{field} was not found out"));
        }
    }
    if refusals.iter().any(|refusal| refusal.about != About::Verdicts) {
        complaints.push(format!("refused for something else: {refusals:?}"));
    }
    let honest = check(&world, &certificate, None)?;
    if !honest.refusals.is_empty() || !honest.ran_again || honest.level != Some(certificate.level) {
        complaints.push(format!("the certificate does not hold: {:?}", honest.refusals));
    }
    complain(complaints)
}

/// Says of every tape that it was recorded.
fn claim_recordings(folder: &Path) -> Result<(), Failed> {
    for path in files(folder, ".toml").iter().filter(|path| !path.ends_with("profile.toml")) {
        let text = std::fs::read_to_string(path)?;
        let (documented, synthesised) = ("kind = \"documented\"", "kind = \"synthesised\"");
        let (recorded, here) = ("kind = \"recorded\"", "environment = \"sandbox\"");
        let source = "source = \"https://vendor.example\"";
        let seen = format!("seen = \"{}\"", world().today);
        let text = text
            .replace(&format!("{documented}\n"), &format!("{recorded}\n{here}\n"))
            .replace(&format!("{synthesised}\n"), &format!("{recorded}\n{here}\n{source}\n{seen}\n"))
            .replace(documented, &format!("{recorded}, {here}"))
            .replace(synthesised, &format!("{recorded}, {here}, {source}, {seen}"));
        std::fs::write(path, text)?;
    }
    Ok(())
}

/// With recorded tapes, the signature of a trusted second party makes silver gold; that of a stranger does not.
fn a_second_party_makes_it_gold() -> Result<(), Failed> {
    let copy = Copy::of(PARTS)?;
    claim_recordings(&copy.path().join("fixtures").join(ID))?;
    let world = World { root: copy.path().to_owned(), today: world().today };
    let (first, second) = (key(&copy, "first.pem")?, key(&copy, "second.pem")?);
    let mut certificate = certified(&world, &first)?;
    if certificate.title != "silver (recorded)" {
        return Err(format!("{}: {:?}", certificate.title, certificate.facts).into());
    }
    certificate.countersign(&second)?;
    let level = |trusted: &[&SigningKey]| {
        let trust = Trust { keys: trusted.iter().map(|key| key.public()).collect() };
        check(&world, &certificate, Some(&trust)).map(|verified| verified.level)
    };
    let mut complaints = Vec::new();
    for (trusted, expected) in [(vec![&first, &second], Level::Gold), (vec![&first], Level::Silver)] {
        let found = level(&trusted)?;
        if found != Some(expected) {
            complaints.push(format!("with {} trusted keys it is {found:?}", trusted.len()));
        }
    }
    complain(complaints)
}

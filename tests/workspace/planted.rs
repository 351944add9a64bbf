//! Faults planted in copies of the fixtures: each must make the certification fail.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use libtest_mimic::Failed;
use quittance_harness::certify::checks::CHECKS;
use quittance_harness::certify::ground::Ground;
use quittance_harness::certify::report::Verdict;
use quittance_harness::certify::{self, Options, Plan, SEED, Tiers};
use quittance_harness::run::plan::Planned;
use quittance_harness::world::{Unusable, World};

use super::{complain, files, root, world};

pub(crate) fn tests(add: &mut impl FnMut(&str, fn() -> Result<(), Failed>)) {
    add("planted::one_byte_in_a_request", one_byte_in_a_request);
    add("planted::an_expectation_in_a_tape", an_expectation_in_a_tape);
    add("planted::a_word_taken_from_a_profile", a_word_taken_from_a_profile);
    add("planted::a_tape_deleted", a_tape_deleted);
    add("planted::a_missing_tape_is_told_once", a_missing_tape_is_told_once);
    add("planted::another_reason_of_a_failing_account", another_reason_of_a_failing_account);
    add("planted::an_expired_exemption_blocks", an_expired_exemption_blocks);
    add("planted::a_member_that_says_no_and_is_not_read_is_named", a_member_that_says_no_and_is_not_read_is_named);
    add("planted::what_is_left_of_the_model", what_is_left_of_the_model);
    add("planted::a_look_up_that_is_signed_otherwise", a_look_up_that_is_signed_otherwise);
    add("planted::a_signature_of_an_answer_that_is_not_read", a_signature_of_an_answer_that_is_not_read);
}

/// A copy of some folders and files of the project in the system's temporary folder, deleted when dropped.
pub(crate) struct Copy(PathBuf);

impl Copy {
    /// Copies `folders` of the project; a single file can stand among them.
    pub(crate) fn of(folders: &[&str]) -> std::io::Result<Copy> {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let name = format!("quittance-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let copy = Copy(std::env::temp_dir().join(name));
        std::fs::create_dir_all(&copy.0)?;
        for folder in folders {
            copy_folder(&root().join(folder), &copy.0.join(folder))?;
        }
        Ok(copy)
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    pub(crate) fn world(&self) -> Result<World, Failed> {
        Ok(World { root: self.0.clone(), today: world().today })
    }
}

impl Drop for Copy {
    fn drop(&mut self) {
        let _left_behind = std::fs::remove_dir_all(&self.0);
    }
}

/// Copies a folder, or a single file.
fn copy_folder(from: &Path, to: &Path) -> std::io::Result<()> {
    if from.is_file() {
        return std::fs::copy(from, to).map(drop);
    }
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let path = entry?.path();
        let target = to.join(path.file_name().unwrap_or_default());
        if path.is_dir() {
            copy_folder(&path, &target)?;
        } else {
            std::fs::copy(&path, &target)?;
        }
    }
    Ok(())
}

/// Whether the certification of a connector in a copy passes; unusable input counts as a failure too.
fn certifies(copy: &Copy, id: &str, scenario: Option<&str>) -> Result<bool, Failed> {
    let world = copy.world()?;
    let entry = quittance_connectors::find(id).ok_or("no such connector")?;
    let run = || -> Result<bool, Unusable> {
        let suite = world.suite()?;
        let subject = world.subject(entry)?;
        let options = Options { seed: SEED, tiers: Tiers::Memory, narrowed: scenario.map(str::to_owned) };
        let lines = certify::in_memory(&suite, &subject, &options);
        let good = [Verdict::Pass, Verdict::NotApplicable, Verdict::Exempt];
        Ok(!lines.is_empty() && lines.iter().all(|line| good.contains(&line.verdict)))
    };
    Ok(run().unwrap_or(false))
}

/// In every tape of every connector, one byte of the first request is changed: method, path, header value or body in turn.
fn one_byte_in_a_request() -> Result<(), Failed> {
    let copy = Copy::of(&["specs", "fixtures"])?;
    let mut complaints = Vec::new();
    let mut planted = 0;
    for entry in quittance_connectors::ALL {
        let id = entry.spec.id;
        for (turn, path) in files(&copy.path().join("fixtures").join(id), ".toml").iter().enumerate() {
            let text = std::fs::read_to_string(path)?;
            let case = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
            let Some(changed) = spoil(&text, turn) else { continue };
            std::fs::write(path, changed)?;
            planted += 1;
            if certifies(&copy, id, Some(&case))? {
                complaints.push(format!("{id}: a changed byte in a request of {case} was not noticed"));
            }
            std::fs::write(path, text)?;
        }
    }
    if planted < 20 * quittance_connectors::ALL.len() {
        complaints.push(format!("only {planted} faults were planted"));
    }
    complain(complaints)
}

/// The tape with one letter or digit of a request changed: in the method, in the last path segment, or in a body value.
fn spoil(text: &str, turn: usize) -> Option<String> {
    let request = text.find("[exchange.request]")?;
    let rest = text.get(request..)?;
    let mark = ["method = \"", "url = \"https://", "amount", "content-type = \""];
    let at = mark
        .iter()
        .cycle()
        .skip(turn)
        .take(mark.len())
        .find_map(|mark| Some(request + rest.find(mark)? + mark.len()))?;
    let end = text.get(request..)?.find("[exchange.response]").map_or(text.len(), |end| request + end);
    // Letters inside a hole may stand for anything of a shape, so a byte outside of holes is taken.
    let slice = text.get(at..end)?;
    let mut depth = 0usize;
    let offset = slice.char_indices().find_map(|(offset, letter)| {
        match letter {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        (depth == 0 && letter.is_ascii_lowercase() && letter != 'z').then_some(offset)
    });
    let offset = offset.or_else(|| slice.find(|letter: char| letter.is_ascii_uppercase() && letter != 'Z'))?;
    let mut bytes = text.as_bytes().to_vec();
    *bytes.get_mut(at + offset)? += 1;
    String::from_utf8(bytes).ok()
}

/// A tape cannot state an expectation, so none can be loosened there.
fn an_expectation_in_a_tape() -> Result<(), Failed> {
    let copy = Copy::of(&["specs", "fixtures"])?;
    let path = copy.path().join("fixtures/stripe/capture.full.toml");
    let text = std::fs::read_to_string(&path)?;
    std::fs::write(&path, format!("expect = {{ state = \"pending\" }}\n{text}"))?;
    let passes = certifies(&copy, "stripe", Some("capture.full"))?;
    complain(passes.then(|| "a tape with an expectation was accepted".to_owned()).into_iter().collect())
}

/// A profile that claims less than its tapes show is found out.
fn a_word_taken_from_a_profile() -> Result<(), Failed> {
    let copy = Copy::of(&["specs", "fixtures"])?;
    let path = copy.path().join("fixtures/stripe/profile.toml");
    let text = std::fs::read_to_string(&path)?;
    let changed = text.replacen("\"amount\", ", "", 1);
    if changed == text {
        return Err("no such word in the profile".into());
    }
    std::fs::write(&path, changed)?;
    let passes = certifies(&copy, "stripe", None)?;
    complain(passes.then(|| "a profile that claims less was accepted".to_owned()).into_iter().collect())
}

fn a_tape_deleted() -> Result<(), Failed> {
    let copy = Copy::of(&["specs", "fixtures"])?;
    std::fs::remove_file(copy.path().join("fixtures/stripe/refund.full.toml"))?;
    let passes = certifies(&copy, "stripe", Some("refund.full"))?;
    complain(passes.then(|| "a missing tape was accepted".to_owned()).into_iter().collect())
}

/// A rule is declared and the tapes of its scenarios are missing: the scenarios fail, and the check of the declarations does not say it again.
fn a_missing_tape_is_told_once() -> Result<(), Failed> {
    let told = |unusable: Unusable| unusable.to_string();
    let world = world();
    let entry = quittance_connectors::find("stripe").ok_or("no stripe")?;
    let (suite, mut subject) = (world.suite().map_err(told)?, world.subject(entry).map_err(told)?);
    let of_rule = |id: &str| {
        let scenario = suite.scenarios.iter().find(|scenario| Some(scenario.id.as_str()) == id.split('@').next());
        scenario.is_some_and(|scenario| scenario.needs.iter().any(|need| need == "refund:partial"))
    };
    let before = subject.tapes.len();
    subject.tapes.retain(|case, _| !of_rule(case));
    let plan = Plan::of(&suite, &subject);
    let mut complaints = Vec::new();
    // Where nothing was played, all that tapes show is lacking.
    for (name, waits) in [("spec", false), ("answers", true), ("money", false), ("coverage", true), ("places", true)] {
        let check = CHECKS.iter().find(|check| check.name == name).ok_or("no such check")?;
        let tried = (check.run)(&Ground::new(&plan, &subject, SEED, &[]));
        complaints.extend(tried.findings.iter().map(|found| format!("check:{name} says it too: {found}")));
        if tried.waiting.is_empty() == waits {
            complaints.push(format!("check:{name} waits for {:?}", tried.waiting));
        }
    }
    let missing = plan.scenarios.iter().filter(|(_, planned)| matches!(planned, Planned::Unreadable(_))).count();
    if subject.tapes.len() == before || missing == 0 {
        complaints.push("no tape was taken away".to_owned());
    }
    complain(complaints)
}

/// What a failing account is refused for is the profile's word, within what the scenario allows: another reason, none, or one that it does
/// not allow fails.
fn another_reason_of_a_failing_account() -> Result<(), Failed> {
    let stated = "reason = \"invalid_account\"\n";
    let mut complaints = Vec::new();
    for (word, expected) in
        [(stated, true), ("reason = \"generic\"\n", false), ("", false), ("reason = \"duplicate\"\n", false)]
    {
        let copy = Copy::of(&["specs", "fixtures"])?;
        let path = copy.path().join("fixtures/worldpay-cnp/profile.toml");
        let (head, account) = std::fs::read_to_string(&path)?
            .split_once("[methods.ach_failed]")
            .map(|(head, rest)| (head.to_owned(), rest.replacen(stated, word, 1)))
            .ok_or("the profile has no failing account")?;
        std::fs::write(&path, format!("{head}[methods.ach_failed]{account}"))?;
        if certifies(&copy, "worldpay-cnp", Some("bank_debit.failed@ach"))? != expected {
            complaints.push(format!("`{}` passes: {}", word.trim(), !expected));
        }
    }
    complain(complaints)
}

/// An exemption lets off until its day; after that it fails the run, whether its scenario passes or not.
fn an_expired_exemption_blocks() -> Result<(), Failed> {
    let entry = quittance_connectors::find("stripe").ok_or("no stripe")?;
    let today = world().today;
    let later = |days: i32| today.checked_add(jiff::Span::new().days(days));
    let mut complaints = Vec::new();
    for (missing, day, expected) in [
        (true, later(30)?, [("refund.full", Verdict::Exempt)].as_slice()),
        (true, later(31)?, &[("refund.full", Verdict::Fail), ("check:fixtures", Verdict::Fail)]),
        (false, later(30)?, &[("refund.full", Verdict::Pass), ("check:fixtures", Verdict::Pass)]),
        (false, later(31)?, &[("refund.full", Verdict::Pass), ("check:fixtures", Verdict::Fail)]),
    ] {
        let copy = Copy::of(&["specs", "fixtures"])?;
        let path = copy.path().join("fixtures/stripe/profile.toml");
        let exemption = format!(
            "{}\n[[exemption]]\nscenario = \"refund.full\"\nreason = \"it is mended\"\nowner = \"us\"\nexpires = \"{}\"\n",
            std::fs::read_to_string(&path)?,
            later(30)?
        );
        std::fs::write(&path, exemption)?;
        if missing {
            std::fs::remove_file(copy.path().join("fixtures/stripe/refund.full.toml"))?;
        }
        let world = World { today: day, ..copy.world()? };
        let told = |unusable: Unusable| unusable.to_string();
        let subject = world.subject(entry).map_err(told)?;
        let options = Options { seed: SEED, tiers: Tiers::Memory, narrowed: None };
        let lines = certify::in_memory(&world.suite().map_err(told)?, &subject, &options);
        for (case, verdict) in expected {
            let found = lines.iter().find(|line| line.case == *case).map(|line| line.verdict);
            if found != Some(*verdict) {
                complaints.push(format!("on {day}, tape missing {missing}: {case} is {found:?}, not {verdict}"));
            }
        }
    }
    complain(complaints)
}

/// The profile says that a member tells a refusal plainly, and a connector that goes by nothing refuses whatever it says.
fn a_member_that_says_no_and_is_not_read_is_named() -> Result<(), Failed> {
    let told = |unusable: Unusable| unusable.to_string();
    let copy = Copy::of(&["specs", "fixtures/reference"])?;
    let path = copy.path().join("fixtures/reference/profile.toml");
    let text = std::fs::read_to_string(&path)?;
    let text = text.replacen("[credentials]\n", "[credentials]\nbug = \"unlisted_refusal_as_invalid\"\n", 1);
    let row =
        "[[refused]]\nmember = \"message\"\nvalue = \"the balance is too low\"\nsays = \"nothing was paid out\"\n";
    std::fs::write(&path, format!("{text}\n{row}"))?;
    let world = copy.world()?;
    let suite = world.suite().map_err(told)?;
    let mut subject = world.subject(&quittance_harness::reference::ENTRY).map_err(told)?;
    subject.tapes.retain(|case, _| case.starts_with("pay_out"));
    let options = Options { seed: SEED, tiers: Tiers::Memory, narrowed: None };
    let lines = certify::in_memory(&suite, &subject, &options);
    let said: Vec<String> = lines.iter().flat_map(|line| &line.findings).map(ToString::to_string).collect();
    let named = said.iter().any(|finding| finding.contains("the connector does not read `message`"));
    complain((!named).then(|| format!("the member is not named: {}", said.join("; "))).into_iter().collect())
}

/// The host of the model inside the text of a QR code: its tape is not played, and the place is named.
fn what_is_left_of_the_model() -> Result<(), Failed> {
    let copy = Copy::of(&["specs", "fixtures/bradesco", "fixtures/itau"])?;
    let path = copy.path().join("fixtures/itau/profile.toml");
    let text = std::fs::read_to_string(&path)?;
    let spoilt: Vec<&str> = text.lines().filter(|line| !line.contains("qrpix-h.bradesco.com.br/qr/v2\" =")).collect();
    std::fs::write(&path, spoilt.join("\n"))?;
    let world = copy.world()?;
    let entry = quittance_connectors::find("itau").ok_or("no such connector")?;
    let (suite, subject) = (world.suite()?, world.subject(entry)?);
    let unfilled = Plan::of(&suite, &subject).scenarios.into_iter().find_map(|(_, planned)| match planned {
        Planned::Unfilled(_, errors) => errors.first().map(ToString::to_string),
        _ => None,
    });
    let told = unfilled.ok_or("what is left of the model was not noticed")?;
    let parts =
        ["fixtures/bradesco/", "`qrpix-h.bradesco.com.br/qr/v2/` is of bradesco", "[like.replace] of fixtures/itau"];
    complain(parts.iter().filter(|part| !told.contains(**part)).map(|part| format!("no {part} in {told}")).collect())
}

/// The answers of Redsys' look-ups, signed under the key of another order or by nobody: none is believed, also not that there is no payment.
fn a_look_up_that_is_signed_otherwise() -> Result<(), Failed> {
    let mut complaints = Vec::new();
    for case in ["retrieve.captured", "retrieve.not_found", "retrieve_refund.succeeded"] {
        let copy = Copy::of(&["specs", "fixtures/redsys"])?;
        let mut spoil = |file: &str, stated: &str, other: &str| -> Result<(), Failed> {
            let path = copy.path().join("fixtures/redsys").join(file);
            let text = std::fs::read_to_string(&path)?;
            std::fs::write(&path, text.replacen(stated, other, 1))?;
            if certifies(&copy, "redsys", Some(case))? {
                complaints.push(format!("{case} passes with {other} for {stated}"));
            }
            Ok(std::fs::write(&path, text)?)
        };
        spoil("profile.toml", "\"${asked:Ds_Order}\"", "\"1234other\"")?;
        spoil(&format!("{case}.toml"), "<Signature>${sig:queried}</Signature>", "")?;
        if !certifies(&copy, "redsys", Some(case))? {
            complaints.push(format!("{case} does not pass as it is"));
        }
    }
    complain(complaints)
}

/// A tape whose answer is signed, for a connector that reads no signature: it believes what was altered.
fn a_signature_of_an_answer_that_is_not_read() -> Result<(), Failed> {
    let told = |unusable: Unusable| unusable.to_string();
    let copy = Copy::of(&["specs", "fixtures/stripe"])?;
    let path = copy.path().join("fixtures/stripe/retrieve.captured.toml");
    let text = std::fs::read_to_string(&path)?;
    let stated = "headers = { content-type = \"application/json\",";
    std::fs::write(&path, text.replace(stated, &format!("{stated} x-signature = \"${{sig:webhook}}\",")))?;
    let world = copy.world()?;
    let entry = quittance_connectors::find("stripe").ok_or("no stripe")?;
    let (suite, mut subject) = (world.suite().map_err(told)?, world.subject(entry).map_err(told)?);
    subject.tapes.retain(|case, _| case == "retrieve.captured");
    let options = Options { seed: SEED, tiers: Tiers::Memory, narrowed: None };
    let lines = certify::in_memory(&suite, &subject, &options);
    let hostile = lines.iter().filter(|line| line.case == "check:hostile").flat_map(|line| &line.findings);
    let said: Vec<String> = hostile.map(ToString::to_string).collect();
    let named = said.iter().any(|finding| finding.contains("altered after signing"));
    complain((!named).then(|| format!("it is not named: {}", said.join("; "))).into_iter().collect())
}

//! The harness certifies itself, and would fail without any one of its checks.

use libtest_mimic::Failed;
use quittance_harness::certify::checks::CHECKS;
use quittance_harness::reference::matrix::{Extent, Laboratory};

use super::{complain, world};

pub(crate) fn tests(add: &mut impl FnMut(&str, fn() -> Result<(), Failed>)) {
    add("self_test::every_check_is_needed", every_check_is_needed);
}

/// The kill matrix holds, and no longer holds when a derived check is taken away: some bug then escapes what must find it.
fn every_check_is_needed() -> Result<(), Failed> {
    let laboratory = Laboratory::open(&world(), CHECKS, Extent::Named).map_err(|unusable| unusable.to_string())?;
    let matrix = laboratory.matrix(&|| {});
    let mut complaints = matrix.faults();
    for check in &matrix.checks {
        let faults = matrix.clone().without(check).faults();
        let missed =
            |fault: &String| fault.contains(&format!("is not killed by check:{check}")) || fault.contains("survives");
        if !faults.iter().any(missed) {
            complaints.push(format!("without the check {check} the self-certification would pass"));
        }
    }
    // Each check that `certify` shows is one of the matrix: another, which no bug puts to the proof, is a fault.
    let odd = matrix.shown.iter().filter(|shown| !matrix.checks.contains(&shown.as_str()));
    complaints.extend(odd.map(|shown| format!("check {shown} is shown and not tried")));
    let mut more = matrix.clone();
    more.shown.push("another".to_owned());
    if more.shown.len() <= matrix.checks.len()
        || !more.faults().iter().any(|fault| fault.contains("check another is shown"))
    {
        complaints.push("a check that nothing puts to the proof would pass".to_owned());
    }
    complain(complaints)
}

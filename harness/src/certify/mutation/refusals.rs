//! Refusals under a success status (2xx) whose code nobody published.
//!
//! Many providers answer every request with status 200 and tell by a code that they refused it. What a listed code means the connector's
//! table says; a code beyond it may mean anything, also that the provider acted. So (ERROR-15) the code of each such refusal of a tape is
//! replaced, wherever the connector has it from: by a word that is no code, and by codes of the same form that no tape and no list has.
//! Then nothing final may be claimed: no error that says that nothing was done, of a look-up none that says that there is nothing, and no
//! final state. All literal texts and numbers of a refusal are replaced at once too: an answer of which nothing is known says nothing.
//!
//! A refusal stays certain where **another** member states it plainly: one whose value the profile lists as a status that ends badly, or
//! one of its `[[refused]]`. And it must rest on that: with that member unknown too, nothing final may be left. A row of `[[refused]]`
//! that no refusal rests on is a finding itself.
//!
//! A decline alone may have an unlisted code of the provider's own form (DECLINE-6): a code that is no approval refuses a payment, where
//! the scenario `decline.unlisted_code` has a tape that shows it. A word that is no code does not.
//!
//! The code is what the connector reports, so one must be reported (ERROR-16); otherwise it could not be seen what it goes by.

use std::collections::BTreeSet;

use quittance::{Decline, Effect, Error, Kind, MandateState, Op, State, TransferState};

use super::Run;
use super::body::{Change, Changes, Spot, Value};
use super::decimal;
use super::grade::{Grade, told};
use super::mutants::{Aim, Mutant, UNKNOWN};
use super::site::{Site, is_bad, is_open, kind, state};
use crate::certify::ground::finding;
use crate::profile::{ProfileModel, RefusedRow, StatusOf, StatusRow};
use crate::run::case::Finding;
use crate::view::Outcome;

/// Numbers in codes that nobody has, by their digit and how many digits more there are: a table may have one of them by chance, a rule for
/// all the rest has every one.
const NUMBERS: [(char, usize); 3] = [('9', 0), ('9', 1), ('8', 2)];

/// Refusals, and what they rest on.
pub(super) struct Refusals<'p> {
    profile: &'p ProfileModel,
    /// The rows of `[[refused]]` that a refusal rests on, by their place.
    proven: BTreeSet<usize>,
    /// Refusals that were tried, by operation, code and endpoint.
    known: BTreeSet<String>,
}

/// What a result claims for certain.
struct Claim<'r> {
    code: Option<&'r str>,
    told: String,
}

impl<'p> Refusals<'p> {
    pub(super) fn of(profile: &'p ProfileModel) -> Refusals<'p> {
        Refusals { profile, proven: BTreeSet::new(), known: BTreeSet::new() }
    }

    /// Tries the refusal of an answer, if it is one.
    pub(super) fn tried(&mut self, run: &mut Run<'_>) {
        let site = run.judge.site;
        let refused = match &site.whole {
            Ok(outcome) => is_bad(state(outcome), site.op),
            Err(error) => is_certain(error, site.op),
        };
        let came = (200..300).contains(&site.status) && site.is_last && site.op != Op::Webhook;
        // A look-up that goes before the request may refuse what was never sent.
        let acts = site.op.reads() || site.decides;
        if !refused || !came || !acts {
            return;
        }
        let code = code_of(&site.whole);
        let spots = site.body.spots();
        let known = format!("{} {} {} {code:?} {}", site.op, site.endpoint, site.state(), spots.len());
        if !self.known.insert(known) {
            return;
        }
        for spot in spots.iter().filter(|spot| is_literal(site, spot)) {
            let holds =
                |code: &str| spot.value.scalar().is_some_and(|text| code.contains(&*text) || text.contains(code));
            if code.is_some_and(holds) {
                self.code(run, &spots, spot);
            }
        }
        if site.whole.is_err() && !site.op.reads() {
            self.nothing_known(run, &spots);
            self.kept(run, &spots, code);
        }
    }

    /// Another code at one place.
    fn code(&mut self, run: &mut Run<'_>, spots: &[Spot<'_>], spot: &Spot<'_>) {
        let site = run.judge.site;
        let word = Mutant::of(site, spots, "a code that nobody published", Aim::Garbage, put(spot, UNKNOWN));
        let is_decline = site.whole.is_ok();
        if self.grade(run, spots, &word, Some(UNKNOWN)) || is_decline {
            return;
        }
        let with = |text: &String| {
            Mutant::of(site, spots, &format!("{text:?}, which nobody published,"), Aim::Garbage, put(spot, text))
        };
        let forms = self.forms(site, spot);
        run.tried.trials += forms.len();
        let certain =
            forms.iter().filter(|text| self.unsupported(run, spots, &with(text), Some(text)).is_some()).count();
        if let Some(last) = forms.last().filter(|_| certain > 1 && certain == forms.len()) {
            self.grade(run, spots, &with(last), Some(last));
        }
    }

    /// Codes of the same form that stand in no list.
    fn forms(&self, site: &Site<'_>, spot: &Spot<'_>) -> Vec<String> {
        let Some(text) = spot.value.scalar() else { return Vec::new() };
        let listed = |code: &String| {
            *code == text
                || self.profile.code.iter().any(|row| row.value == *code)
                || self.profile.status.iter().any(|row| row.value == *code)
                || site.exchange.states_literally(code)
        };
        let with = |(digit, more): (char, usize)| {
            let code = text.replace(|letter: char| letter.is_ascii_digit(), &digit.to_string());
            let at = code.rfind(digit).filter(|_| code != *text)?;
            let (before, after) = code.split_at(at);
            Some(format!("{before}{}{after}", digit.to_string().repeat(more)))
        };
        NUMBERS.into_iter().filter_map(with).filter(|code| !listed(code)).collect()
    }

    /// Every literal text and number unknown at once.
    fn nothing_known(&mut self, run: &mut Run<'_>, spots: &[Spot<'_>]) {
        let site = run.judge.site;
        let roles = run.judge.roles;
        let ids = roles.ids.iter().map(|(_, places)| places);
        let amounts = roles.amounts.iter().map(|(_, places)| places);
        let asked: BTreeSet<usize> =
            ids.chain(amounts).chain([&roles.currency, &roles.reference]).flatten().copied().collect();
        let plain = spots.iter().filter(|spot| is_literal(site, spot) && !asked.contains(&spot.number));
        let changes: Changes = plain.map(|spot| (spot.number, Change::With(formed(spot, UNKNOWN)))).collect();
        if changes.is_empty() {
            return;
        }
        let bytes = site.body.write(&changes);
        let mutant = Mutant {
            at: "every text and number".to_owned(),
            put: "unknown values".to_owned(),
            aim: Aim::Garbage,
            changes,
            bytes,
        };
        self.grade(run, spots, &mutant, None);
    }

    /// A refusal that has a code keeps it.
    fn kept(&mut self, run: &mut Run<'_>, spots: &[Spot<'_>], code: Option<&str>) {
        let site = run.judge.site;
        let stands = |code: &str| {
            spots.iter().filter_map(|spot| spot.value.scalar()).any(|text| code.contains(&*text) && !text.is_empty())
        };
        let is_code = |spot: &&Spot<'_>| {
            let name = member(spot).to_ascii_lowercase();
            let text = spot.value.scalar().unwrap_or_default();
            name.ends_with("code") && !text.is_empty() && !text.contains(char::is_whitespace) && is_literal(site, spot)
        };
        let Some(spot) = spots.iter().find(is_code).filter(|_| !code.is_some_and(stands)) else { return };
        let what = format!(
            "{} exchange {}: {} in the refusal of {}",
            site.case.id,
            site.place.exchange + 1,
            spot.path,
            site.op
        );
        let found = finding(what, "an error with the provider's code", code.unwrap_or("none"));
        run.tried.findings.push(Finding { step: site.place.step, ..found });
    }

    /// Grades a mutant of a refusal; whether it is unsafe. `code` is what was put in the place of the code.
    fn grade(&mut self, run: &mut Run<'_>, spots: &[Spot<'_>], mutant: &Mutant, code: Option<&str>) -> bool {
        run.tried.trials += 1;
        *run.tried.figures.entry("unlisted_codes".to_owned()).or_default() += 1;
        let found = self.unsupported(run, spots, mutant, code);
        let is_unsafe = found.is_some();
        let expected = "nothing final, as the code says nothing and the connector reads no member that says so plainly (those of \
                        `[[refused]]` and `[[status]]` in the profile): an unknown effect, or a state that is open";
        run.graded(mutant, found.map_or(Grade::Safe, |found| Grade::Unsafe(expected.to_owned(), found)));
        is_unsafe
    }

    /// What is claimed although the changed answer does not state it plainly.
    fn unsupported(
        &mut self,
        run: &mut Run<'_>,
        spots: &[Spot<'_>],
        mutant: &Mutant,
        code: Option<&str>,
    ) -> Option<String> {
        let site = run.judge.site;
        let result = run.play(mutant);
        let claimed = claim(site, result.as_ref())?;
        // Where the code stays, this is no place of it.
        if let (Some(code), Some(kept)) = (code, claimed.code)
            && !kept.contains(code)
        {
            return None;
        }
        let untouched = spots.iter().filter(|spot| !mutant.changes.contains_key(&spot.number));
        let plain: Vec<(&Spot<'_>, Option<usize>)> =
            untouched.filter_map(|spot| Some((spot, self.plain(site, spot)?))).collect();
        if plain.is_empty() {
            return Some(claimed.told);
        }
        let further = plain.iter().map(|(spot, _)| (spot.number, Change::With(Value::text(UNKNOWN))));
        let changes = mutant.changes.clone().into_iter().chain(further).collect();
        let without = Mutant::of(site, spots, "unknown values", Aim::Garbage, changes);
        let result = run.play(&without);
        if let Some(still) = claim(site, result.as_ref()) {
            let names: BTreeSet<String> = plain.iter().map(|(spot, _)| format!("`{}`", member(spot))).collect();
            let names = names.into_iter().collect::<Vec<_>>().join(", ");
            return Some(format!("{}, whatever {names} says: the connector does not read {names}", still.told));
        }
        self.proven.extend(plain.iter().filter_map(|(_, row)| *row));
        None
    }

    /// Whether a member says plainly how it ended; if by a row of `[[refused]]`, by which.
    fn plain(&self, site: &Site<'_>, spot: &Spot<'_>) -> Option<Option<usize>> {
        let text = spot.value.scalar()?;
        let row = self.profile.refused.iter().position(|row| row.member == member(spot) && row.value == text);
        let of = site.whole.as_ref().ok().and_then(kind);
        // A method is stored by way of a payment or a trial of the card, which has a payment's status.
        let fits = |row: &StatusRow| {
            of.is_none_or(|of| row.of == of || of == StatusOf::Mandate && row.of == StatusOf::Payment)
        };
        let says = |row: &StatusRow| row.value == text && fits(row) && is_bad(&row.becomes, site.op);
        let status = self.profile.status.iter().any(says);
        if row.is_some() { Some(row) } else { status.then_some(None) }
    }

    /// Rows of `[[refused]]` that nothing rests on.
    pub(super) fn unproven(&self) -> Vec<Finding> {
        let idle = |(index, row): (usize, &RefusedRow)| {
            let what = format!("refused: {} = {}", row.member, row.value);
            let expected = "a refusal on a tape that rests on it when its code is unknown";
            (!self.proven.contains(&index)).then(|| finding(what, expected, "none: take it out"))
        };
        self.profile.refused.iter().enumerate().filter_map(idle).collect()
    }
}

/// The code by which a refusal is told.
fn code_of(result: &Result<Outcome, Error>) -> Option<&str> {
    let decline = match result {
        Err(error) => return error.code(),
        Ok(Outcome::Payment(payment)) => match &payment.state {
            State::Declined(decline) => decline,
            _ => return None,
        },
        Ok(Outcome::Mandate(mandate)) => match &mandate.state {
            MandateState::Declined(decline) => decline,
            _ => return None,
        },
        Ok(Outcome::Refund(refund)) => failed(&refund.state)?,
        Ok(Outcome::Payout(payout)) => failed(&payout.state)?,
        Ok(_) => return None,
    };
    decline.code.as_deref()
}

fn failed(state: &TransferState) -> Option<&Decline> {
    match state {
        TransferState::Failed(decline) => Some(decline),
        _ => None,
    }
}

/// Whether an error denies something: that the provider acted, or of a look-up, that there is anything.
fn is_certain(error: &Error, op: Op) -> bool {
    if op.reads() { error.kind() == Kind::NotFound } else { error.effect() == Effect::None }
}

/// What a result claims for certain; none where it claims nothing.
fn claim<'r>(site: &Site<'_>, result: Option<&'r Result<Outcome, Error>>) -> Option<Claim<'r>> {
    let Some(result) = result else { return Some(Claim { code: None, told: "a panic".to_owned() }) };
    let told = match result {
        Ok(outcome) if is_open(state(outcome)) => return None,
        Ok(outcome) => told(outcome),
        Err(error) if !is_certain(error, site.op) => return None,
        Err(error) => format!("{} with effect {}: {error}", error.kind().as_str(), error.effect().as_str()),
    };
    Some(Claim { code: code_of(result), told })
}

/// The name of a member: the last part of its path.
fn member<'s>(spot: &'s Spot<'_>) -> &'s str {
    let mut path = spot.path.as_str();
    while let Some((before, index)) = path.strip_suffix(']').and_then(|inside| inside.rsplit_once('[')) {
        if index.starts_with('"') {
            return index.trim_matches('"');
        }
        path = before;
    }
    path.rsplit_once('.').map_or(path, |(_, name)| name)
}

/// Whether the tape states the text or number as it is.
fn is_literal(site: &Site<'_>, spot: &Spot<'_>) -> bool {
    match spot.value {
        Value::Text(text) | Value::Number(text) => !text.is_empty() && site.exchange.states_literally(text),
        _ => false,
    }
}

/// A text in the form of a spot: a number stays one.
fn formed(spot: &Spot<'_>, text: &str) -> Value {
    match spot.value {
        Value::Number(_) if decimal::is_number(text) => Value::Number(text.to_owned()),
        Value::Number(_) => Value::Number("987654321".to_owned()),
        _ => Value::text(text),
    }
}

fn put(spot: &Spot<'_>, text: &str) -> Changes {
    Changes::from([(spot.number, Change::With(formed(spot, text)))])
}

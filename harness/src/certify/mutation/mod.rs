//! Mutants of answers: what a connector makes of an answer that differs from the tape's in one respect.
//!
//! Each JSON, XML or form answer of each case that passes is changed: members that stand for the same thing together (status,
//! amount, currency, id, reference), the text cut off, and then each member by itself. A member that can be left out and can
//! take a shape that no reader accepts without any change to the result is read by nobody: it and its parts are not changed
//! further. Answers that are written alike are changed once for an operation, a member once for an operation, exchange, HTTP
//! status, outcome and role, and one answer has at most [`LIMIT`] mutants; so the cost is linear in the tapes. What refuses under a
//! success status has further mutants of its codes, see `refusals`.

mod body;
mod decimal;
mod grade;
mod mutants;
mod refusals;
mod site;

use std::collections::HashMap;
use std::rc::Rc;

use quittance::Error;

use super::ground::{Ground, Place, Tried, finding};
use crate::run::case::{Case, Finding, Played, Rehearsal};
use crate::run::stage::{Fault, Strike};
use crate::tape::opened;
use crate::view::{Outcome, result_json};
use body::{Body, Changes, Spot};
use grade::{Grade, Judge};
use mutants::{Aim, Mutant};
use site::{Roles, Site};

/// Most mutants of one answer; mutants and members beyond are counted in the figure `left_out`.
const LIMIT: usize = 400;

/// Whether a member is read, by what makes two members alike.
type Known = HashMap<String, bool>;

/// The check.
pub(super) fn mutation(ground: &Ground<'_>) -> Tried {
    let sites = sites(ground);
    let mut known = Known::new();
    let mut tried = Tried::default();
    for grade in ["correct", "safe", "unsafe", "noticed"] {
        tried.figures.insert(grade.to_owned(), 0);
    }
    let published = &ground.subject.profile.model.status;
    let mut refusals = refusals::Refusals::of(&ground.subject.profile.model);
    for site in &sites {
        let roles = site.roles(ground.spec(), published, &sites);
        let judge = Judge { site, roles: &roles, published, whole: result_json(&site.whole) };
        let unchanged = site.body.write(&Changes::new());
        let mut run = Run { judge, tried: &mut tried, left: LIMIT, unchanged };
        for mutant in mutants::groups(site, &roles, published, &sites) {
            run.try_one(&mutant);
        }
        run.members(&mut known);
        refusals.tried(&mut run);
    }
    refusals.unproven().into_iter().for_each(|unproven| tried.lacks(ground.plan, unproven));
    tried
}

/// Every answer to change, without repetition.
fn sites<'g>(ground: &'g Ground<'_>) -> Vec<Site<'g>> {
    let mut rehearsals: HashMap<(&str, u32), Option<Rc<Rehearsal<'g>>>> = HashMap::new();
    let mut all = Vec::new();
    let played: HashMap<&str, &Played> = ground.sound().map(|(case, played)| (case.id.as_str(), played)).collect();
    for (case, place) in ground.distinct(ground.sound().map(|(case, _)| case)) {
        let rehearsal = rehearsals
            .entry((case.id.as_str(), place.step))
            .or_insert_with(|| ground.rehearse(case, place.step).ok().map(Rc::new));
        let Some(rehearsal) = rehearsal else { continue };
        let Some(played) = played.get(case.id.as_str()) else { continue };
        all.extend(site(ground, case, place, played, rehearsal));
    }
    all
}

fn site<'g>(
    ground: &'g Ground<'_>,
    case: &'g Case,
    place: Place,
    played: &'g Played,
    rehearsal: &Rc<Rehearsal<'g>>,
) -> Option<Site<'g>> {
    let op = ground.ended(case, place.step)?.op?;
    let exchange = case.tape.exchanges.get(place.index)?;
    let rehearsed = rehearsal.play(None);
    let record = rehearsed.records.get(place.exchange)?;
    let answer = record.answer.as_ref()?;
    let media_type = answer.headers().get(http::header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let moves = |record: &crate::tape::Record| record.request.method() != http::Method::GET;
    let later = rehearsed.records.iter().skip(place.exchange + 1).any(moves);
    let sent = String::from_utf8_lossy(record.request.body());
    let open = opened(&String::from_utf8_lossy(answer.body())).into_owned();
    Some(Site {
        case,
        place,
        exchange,
        op,
        asked: played.asked.get(&place.step).map(AsRef::as_ref),
        played,
        rehearsal: Rc::clone(rehearsal),
        status: answer.status().as_u16(),
        decides: moves(record) && !later && answer.status().is_success() && !op.reads() && op != quittance::Op::Webhook,
        is_last: rehearsed.records.len() == place.exchange + 1,
        endpoint: exchange.endpoint(),
        sent: format!("{} {sent}", record.request.uri().path()),
        body: Body::read(open.as_bytes(), media_type.unwrap_or_default())?,
        bytes: open.into_bytes(),
        whole: rehearsed.result?,
    })
}

/// The mutants of one answer.
struct Run<'r> {
    judge: Judge<'r>,
    tried: &'r mut Tried,
    left: usize,
    /// The body as it is written without a change.
    unchanged: Vec<u8>,
}

impl Run<'_> {
    fn count(&mut self, figure: &str) {
        let op = self.judge.site.op.as_str();
        *self.tried.figures.entry(figure.to_owned()).or_default() += 1;
        *self.tried.figures.entry(format!("{op}/{figure}")).or_default() += 1;
    }

    /// Plays one mutant; whether the result differs from the one without it.
    fn try_one(&mut self, mutant: &Mutant) -> bool {
        // XML and forms write a number and its text alike: no change is no mutant.
        if mutant.aim != Aim::Cut && mutant.bytes == self.unchanged {
            return false;
        }
        if self.left == 0 {
            *self.tried.figures.entry("left_out".to_owned()).or_default() += 1;
            return false;
        }
        self.left -= 1;
        self.tried.trials += 1;
        let result = self.play(mutant);
        let noticed = self.judge.noticed(result.as_ref());
        if noticed {
            self.count("noticed");
        }
        let grade = self.judge.grade(mutant, result.as_ref());
        self.graded(mutant, grade);
        noticed
    }

    /// How the operation ends with the mutant in place of the answer; none after a panic.
    fn play(&self, mutant: &Mutant) -> Option<Result<Outcome, Error>> {
        let place = self.judge.site.place;
        let fault = Fault::Body(self.judge.site.sealed(&mutant.bytes));
        let strike = Strike { step: place.step, exchange: place.exchange, fault, lasting: false };
        self.judge.site.rehearsal.play(Some(strike)).result
    }

    fn graded(&mut self, mutant: &Mutant, grade: Grade) {
        match grade {
            Grade::Correct => self.count("correct"),
            Grade::Safe => self.count("safe"),
            Grade::Unsafe(expected, found) => {
                self.count("unsafe");
                let finding = self.finding(mutant, expected, found);
                self.tried.findings.push(finding);
            }
        }
    }

    fn finding(&self, mutant: &Mutant, expected: String, found: String) -> Finding {
        let Site { case, place, op, .. } = self.judge.site;
        let what = format!(
            "{} exchange {}: {} with {} in the answer to {op}",
            case.id,
            place.exchange + 1,
            mutant.at,
            mutant.put
        );
        Finding { step: place.step, ..finding(what, expected, found) }
    }

    /// Each member by itself.
    fn members(&mut self, known: &mut Known) {
        let site = self.judge.site;
        let spots = site.body.spots();
        let mut skip = 0;
        for spot in &spots {
            if spot.number < skip {
                continue;
            }
            // The next answer that has such a member takes it up.
            if self.left == 0 {
                *self.tried.figures.entry("left_out".to_owned()).or_default() += 1;
                continue;
            }
            let key = self.key(spot);
            let is_read = match known.get(&key) {
                Some(is_read) => *is_read,
                None => {
                    let is_read = self.member(&spots, spot);
                    known.insert(key, is_read);
                    is_read
                }
            };
            if !is_read {
                skip = spot.end;
            }
        }
    }

    /// The mutants of one member; whether anything reads it.
    fn member(&mut self, spots: &[Spot<'_>], spot: &Spot<'_>) -> bool {
        let site = self.judge.site;
        let mutant = |put: &str, aim, change| Mutant::of(site, spots, put, aim, Changes::from([(spot.number, change)]));
        let mut is_read = false;
        for (put, change) in mutants::probes(spot) {
            is_read |= self.try_one(&mutant(&put, Aim::Garbage, change));
        }
        if !is_read {
            return false;
        }
        for (put, aim, change) in mutants::singles(spot) {
            self.try_one(&mutant(&put, aim, change));
        }
        if self.judge.roles.amounts.iter().any(|(_, places)| places.contains(&spot.number)) {
            for (put, aim, change) in mutants::amounts_of(spot) {
                self.try_one(&mutant(&put, aim, change));
            }
        }
        true
    }

    /// What makes two members alike: operation, exchange, HTTP status, state, whether a method is stored, path, type, and what it
    /// stands for.
    fn key(&self, spot: &Spot<'_>) -> String {
        let Judge { site, roles, whole, .. } = &self.judge;
        let stores = whole.get("mandate").is_some();
        let role = role(roles, spot);
        let kind = std::mem::discriminant(spot.value);
        let (op, exchange, status) = (site.op, site.place.exchange, site.status);
        // Items of a list are read alike.
        let path = spot.path.replace(|letter: char| letter.is_ascii_digit(), "");
        format!("{op} {exchange} {status} {} {} {} {kind:?} {role}", site.state(), stores, path)
    }
}

/// What a member stands for, in a word; of a status its value too.
fn role(roles: &Roles, spot: &Spot<'_>) -> String {
    let number = spot.number;
    if roles.status.contains(&number) {
        return spot.value.scalar().unwrap_or_default().into_owned();
    }
    match () {
        () if roles.amounts.iter().any(|(_, places)| places.contains(&number)) => "amount".to_owned(),
        () if roles.ids.iter().any(|(_, places)| places.contains(&number)) => "id".to_owned(),
        () => String::new(),
    }
}

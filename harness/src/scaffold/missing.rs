//! Tapes that a connector's declarations ask for and that are not there, drafted from its other tapes.
//!
//! A step that another tape has already is taken over, with its holes moved to the steps of the draft; a step that no tape shows has the
//! shape of a new connector's. What was not shown by that very step says in its provenance what is to be filled in, so that no draft
//! is played before somebody has looked it up.

use std::collections::BTreeSet;
use std::path::Path;

use quittance::{Entry, Kind, Op};
use schemars::JsonSchema;
use serde::Serialize;

use super::design::Design;
use super::moved::{Holes, minted, renamed, with_amount};
use super::shape::{AmountForm, Body, Endpoint};
use super::tape;
use crate::files::write_atomically;
use crate::record::text_of;
use crate::run::plan::{self, Planned};
use crate::scenario::{Scenario, Step, StepOp, Suite, operation_of};
use crate::tape::Tape;
use crate::tape::model::{ExchangeModel, Provenance, ProvenanceKind, TapeModel, WebhookModel};
use crate::unfilled::{mark, taken_out};
use crate::world::{Subject, Unusable, World};

/// What a step gets for being the same as another in everything.
const SAME: u32 = 20;
/// The amount of a step that states none.
const USUAL_AMOUNT_MINOR: i64 = 6000;

/// The tapes of a connector beside what its declarations ask for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct TapesReport {
    /// The connector.
    pub connector: String,
    /// Whether nothing was to be written.
    pub check: bool,
    /// The tapes that were not there, in the suite's order.
    pub missing: Vec<MissingTape>,
    /// The connector's own tapes that no case uses any more, relative to the root.
    pub unused: Vec<String>,
    /// The tapes that were there and are still to be filled in, relative to the root.
    pub unfilled: Vec<String>,
}

/// A tape that was not there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct MissingTape {
    /// The case: `<scenario>` or `<scenario>@<brand>`.
    pub case: String,
    /// What its scenario shows.
    pub title: String,
    /// The file, relative to the root.
    pub file: String,
    /// Where each step of the draft comes from.
    pub steps: Vec<String>,
    /// How many places of it are to be filled in.
    pub places: usize,
    /// Whether it was written.
    pub written: bool,
    /// Why it cannot be drafted.
    pub because: Option<String>,
}

/// A tape that is there, with its scenario.
struct Known<'s> {
    case: String,
    scenario: &'s Scenario,
    model: TapeModel,
}

/// A step of a tape that is there.
#[derive(Clone, Copy)]
struct Pick<'k> {
    known: &'k Known<'k>,
    /// From 1.
    step: u32,
    likeness: u32,
}

impl Pick<'_> {
    fn is(&self, other: &Pick<'_>) -> bool {
        self.step == other.step && self.known.case == other.known.case
    }
}

/// Finds the tapes that a connector lacks and, unless only asked, writes drafts of them; nothing that is there is changed.
///
/// # Errors
/// Faults of the connector's files or the suite, and a file that cannot be written.
pub fn tapes(world: &World, entry: &'static Entry, check: bool) -> Result<TapesReport, Unusable> {
    let suite = world.suite()?;
    let subject = world.subject(entry)?;
    let planned = plan::plan(&suite, entry.spec, &subject.profile, &subject.tapes, &subject.folder);
    let known = known(&world.root, &suite, &subject);
    let mut report = TapesReport {
        connector: entry.spec.id.to_owned(),
        check,
        missing: Vec::new(),
        unused: Vec::new(),
        unfilled: Vec::new(),
    };
    let mut incomplete = BTreeSet::new();
    for (scenario, planned) in &planned {
        match planned {
            Planned::Unreadable(errors) if scenario.derive.is_none() => {
                incomplete.insert(scenario.id.as_str());
                for error in errors {
                    let found = missing(world, &subject, &known, scenario, &error.file, check)?;
                    report.missing.push(found);
                }
            }
            Planned::Unfilled(cases, errors) if cases.iter().all(|case| case.strike.is_none()) => {
                report.unfilled.extend(errors.iter().map(|error| error.file.clone()));
            }
            _ => {}
        }
    }
    let unused = plan::unused_tapes(&planned, &subject.tapes).into_iter();
    // Where one brand's tape is missing, those of the others are in use all the same.
    let unused = unused.filter(|case| !incomplete.contains(case.split('@').next().unwrap_or(case)));
    report.unused = unused.map(|case| format!("{}/{case}.toml", subject.folder)).collect();
    Ok(report)
}

/// The tapes as they are written, the marks in them included.
fn known<'s>(root: &Path, suite: &'s Suite, subject: &Subject) -> Vec<Known<'s>> {
    let read = |tape: &Tape| {
        let scenario = suite.scenario(tape.case.split('@').next()?)?;
        let text = std::fs::read_to_string(root.join(subject.file_of(tape))).ok()?;
        let like = subject.profile.model.like.as_ref().filter(|_| tape.inherited);
        let text = like.map_or_else(|| text.clone(), |like| like.applied(&text));
        Some(Known { case: tape.case.clone(), scenario, model: toml::from_str(&text).ok()? })
    };
    subject.tapes.values().filter_map(|tape| read(tape)).collect()
}

fn missing(
    world: &World,
    subject: &Subject,
    known: &[Known<'_>],
    scenario: &Scenario,
    file: &str,
    check: bool,
) -> Result<MissingTape, Unusable> {
    let name = file.rsplit('/').next().unwrap_or(file);
    let case = name.strip_suffix(".toml").unwrap_or(name);
    let draft = Draft::of(subject, known, scenario, case);
    let text = draft.text().and_then(|text| match Tape::parse(name, &text, &subject.profile) {
        Ok(_) => Ok(text),
        Err(errors) => {
            Err(errors.iter().map(|error| format!("{}: {}", error.field, error.message)).collect::<Vec<_>>().join("; "))
        }
    });
    let path = world.root.join(file);
    if let (Ok(text), false) = (&text, check || path.exists()) {
        write_atomically(&path, text.as_bytes())
            .map_err(|error| Unusable::Text(format!("{file}: cannot be written: {error}")))?;
    }
    Ok(MissingTape {
        case: case.to_owned(),
        title: scenario.title.clone(),
        file: file.to_owned(),
        steps: draft.told,
        places: text.as_ref().map_or(0, |text| taken_out(text).0.len()),
        written: text.is_ok() && !check,
        because: text.err().map(|why| format!("a draft of the other tapes does not hold ({why}); write it by hand")),
    })
}

/// A tape in the making.
struct Draft<'a> {
    subject: &'a Subject,
    scenario: &'a Scenario,
    model: TapeModel,
    /// Where each step comes from.
    told: Vec<String>,
}

impl<'a> Draft<'a> {
    fn of(subject: &'a Subject, known: &'a [Known<'a>], scenario: &'a Scenario, case: &str) -> Draft<'a> {
        let provenance = synthesised(None);
        let model = TapeModel { provenance, exchange: Vec::new(), webhook: Vec::new(), returned: Vec::new() };
        let mut draft = Draft { subject, scenario, model, told: Vec::new() };
        let picks = picks(known, scenario, case);
        for (number, (step, pick)) in (1..).zip(scenario.steps.iter().zip(&picks)) {
            match pick {
                _ if step.op == StepOp::Advance => {}
                Some(pick) => draft.take_over(number, step, *pick, &picks),
                None => draft.shape(number, step, known),
            }
        }
        draft.mark_one();
        draft
    }

    fn text(&self) -> Result<String, String> {
        Ok(format!(
            "# {}.\n# Drafted from the connector's other tapes. Hold every step against the provider's documentation, and take every ${{fill:...}} out.\n{}",
            self.scenario.title,
            text_of(&self.model)?
        ))
    }

    /// A step as another tape has it.
    fn take_over(&mut self, number: u32, step: &Step, pick: Pick<'_>, picks: &[Option<Pick<'_>>]) {
        let Known { case, scenario, model } = pick.known;
        let holes = Holes { number, to: |of: u32| moved_to(of, pick, picks, self.scenario, number) };
        let theirs = pick.step.checked_sub(1).and_then(|at| scenario.steps.get(usize::try_from(at).ok()?));
        let amounts = theirs.map(|theirs| (amount_of(theirs), amount_of(step)));
        let again = picks.iter().take(number as usize - 1).flatten().any(|earlier| earlier.is(&pick));
        let mut fresh = minted(model, pick.step);
        fresh.retain(|name| again || self.has_made(number, step, name));
        let change = |text: String| {
            let text = renamed(&holes.moved(&text), &fresh, number);
            amounts.map_or(text.clone(), |(from, to)| with_amount(&text, from, to))
        };
        let first = (self.model.exchange.len(), self.model.webhook.len());
        for exchange in model.exchange.iter().filter(|exchange| exchange.step == pick.step) {
            let provenance = Some(claimed(exchange.provenance.as_ref().unwrap_or(&model.provenance)));
            let exchange = ExchangeModel { step: number, provenance, ..exchange.clone() };
            self.model.exchange.extend(changed(&exchange, change));
        }
        let own = model.webhook.iter().filter(|_| !gets_again(self.scenario, step));
        for webhook in own.filter(|webhook| webhook.step == pick.step) {
            let provenance = Some(claimed(webhook.provenance.as_ref().unwrap_or(&model.provenance)));
            let webhook = WebhookModel { step: number, provenance, ..webhook.clone() };
            self.model.webhook.extend(changed(&webhook, change));
        }
        for returned in model.returned.iter().filter(|returned| returned.step == pick.step) {
            let mut returned = returned.clone();
            returned.step = number;
            self.model.returned.extend(changed(&returned, change));
        }
        let is_same = pick.likeness >= SAME;
        if !is_same {
            let from = format!("what step {} of {case} has, made to show {}", pick.step, self.wanted(step));
            self.ask(first, &from);
        }
        let what = if is_same { "the same" } else { "to be changed" };
        self.told.push(format!("step {number}: step {} of {case}, {what}", pick.step));
    }

    /// Whether an earlier step that makes an object of the same kind has made one of that name already. A repetition gets the same again.
    fn has_made(&self, number: u32, step: &Step, name: &str) -> bool {
        let op = |step: &Step| operation_of(self.scenario, step).filter(|op| !op.reads());
        let earlier = (1..number).zip(&self.scenario.steps).filter(|(_, earlier)| op(earlier) == op(step));
        let made = |(number, _): (u32, &Step)| minted(&self.model, number).iter().any(|made| made == name);
        step.op != StepOp::Replay && op(step).is_some() && earlier.into_iter().any(made)
    }

    /// A step that no tape shows, in the shape of a new connector's.
    fn shape(&mut self, number: u32, step: &Step, known: &[Known<'_>]) {
        let op = operation_of(self.scenario, step).unwrap_or(Op::Authorize);
        let first = (self.model.exchange.len(), self.model.webhook.len());
        match op {
            Op::Webhook if gets_again(self.scenario, step) => {}
            Op::Webhook => self.model.webhook.push(WebhookModel {
                step: number,
                provenance: None,
                url: None,
                headers: Default::default(),
                body: mark("a delivery of the provider"),
                seal: Default::default(),
            }),
            _ => {
                let shaped = shaped(self.subject, self.scenario, known, number, op);
                let made = self
                    .model
                    .exchange
                    .iter()
                    .map(|exchange| exchange.step)
                    .find_map(|step| minted(&self.model, step).pop());
                let named = |text: String| {
                    made.as_ref()
                        .map_or(text.clone(), |name| text.replace("${gen:payment}", &format!("${{gen:{name}}}")))
                };
                self.model.exchange.extend(shaped.iter().filter_map(|exchange| changed(exchange, named)));
            }
        }
        let wanted = self.wanted(step);
        self.ask(first, &wanted);
        self.told.push(format!("step {number}: no tape shows {op}"));
    }

    /// What a step is to show, in words.
    fn wanted(&self, step: &Step) -> String {
        let op = operation_of(self.scenario, step).map_or("the step", Op::as_str);
        let states: Vec<&str> = step.expect.state.iter().flat_map(|state| &state.values).map(String::as_str).collect();
        match states.is_empty() {
            true => format!("{op}, as the title says"),
            false => format!("{op} that ends {}", states.join(" or ")),
        }
    }

    /// Marks what came last as something to look up.
    fn ask(&mut self, first: (usize, usize), what: &str) {
        let exchanges = self.model.exchange.iter_mut().skip(first.0).map(|exchange| &mut exchange.provenance);
        let webhooks = self.model.webhook.iter_mut().skip(first.1).map(|webhook| &mut webhook.provenance);
        for (index, provenance) in exchanges.chain(webhooks).enumerate() {
            let mark = (index == 0)
                .then(|| mark(&format!("where the provider documents {what}; or nothing, once it is as it should be")));
            *provenance = Some(synthesised(mark));
        }
    }

    /// No draft is without a mark: somebody has to have looked at it.
    fn mark_one(&mut self) {
        let is_marked = text_of(&self.model).is_ok_and(|text| !taken_out(&text).0.is_empty());
        if !is_marked {
            let title = self.scenario.title.clone();
            self.model.provenance =
                synthesised(Some(mark(&format!("where the provider documents this case: {title}"))));
        }
    }
}

fn synthesised(source: Option<String>) -> Provenance {
    Provenance { kind: ProvenanceKind::Synthesised, source, seen: None, environment: None }
}

/// What bytes claim in another tape than their own: a recording is one of its own case alone.
fn claimed(there: &Provenance) -> Provenance {
    if there.kind == ProvenanceKind::Recorded { synthesised(None) } else { there.clone() }
}

/// A part of a tape with its texts changed; the same where it is no part any more after that.
fn changed<T: Serialize + serde::de::DeserializeOwned + Clone>(
    part: &T,
    change: impl Fn(String) -> String,
) -> Option<T> {
    let text = toml::to_string(part).ok()?;
    toml::from_str(&change(text)).ok().or_else(|| Some(part.clone()))
}

/// Whether a step gets the delivery of another step, which the tape has there alone.
fn gets_again(scenario: &Scenario, step: &Step) -> bool {
    step.of.is_some() && operation_of(scenario, step) == Some(Op::Webhook)
}

fn amount_of(step: &Step) -> i64 {
    step.input.get("amount_minor").and_then(toml::Value::as_integer).unwrap_or(USUAL_AMOUNT_MINOR)
}

/// The step of the draft that a step of the other tape has become: the one taken from there, else the first that does the same.
fn moved_to(of: u32, pick: Pick<'_>, picks: &[Option<Pick<'_>>], scenario: &Scenario, number: u32) -> u32 {
    let upto = || (1u32..=number).zip(picks);
    let same = Pick { step: of, ..pick };
    let taken = upto().filter(|(_, other)| other.is_some_and(|other| other.is(&same))).map(|(number, _)| number).last();
    let op = |scenario: &Scenario, step: u32| {
        let at = usize::try_from(step).ok()?.checked_sub(1)?;
        operation_of(scenario, scenario.steps.get(at)?)
    };
    let wanted = op(pick.known.scenario, of);
    let alike = || upto().map(|(number, _)| number).find(|step| wanted.is_some() && op(scenario, *step) == wanted);
    taken.or_else(alike).unwrap_or(of)
}

/// For each step of the scenario the step of a tape that is most like it, from one tape as far as that goes.
fn picks<'k>(known: &'k [Known<'k>], scenario: &Scenario, case: &str) -> Vec<Option<Pick<'k>>> {
    let brand = case.split_once('@').map(|(_, brand)| brand);
    let like = |step: &Step, known: &'k Known<'k>, at: usize| -> Option<Pick<'k>> {
        let likeness = likeness(scenario, step, known.scenario, known.scenario.steps.get(at)?)?;
        let of_brand = known.case.split_once('@').map(|(_, brand)| brand) == brand;
        Some(Pick { known, step: u32::try_from(at + 1).ok()?, likeness: likeness + if of_brand { 3 } else { 0 } })
    };
    let aligned = |known: &'k Known<'k>| -> u32 {
        let each =
            scenario.steps.iter().enumerate().map(|(at, step)| like(step, known, at).map_or(0, |pick| pick.likeness));
        each.sum()
    };
    // Of those that are equally like it, the first by name.
    let main = known.iter().rev().max_by_key(|known| aligned(known)).map(|known| known.case.as_str());
    let best = |(at, step): (usize, &Step)| {
        let all = known
            .iter()
            .flat_map(|known| (0..known.scenario.steps.len()).filter_map(move |there| like(step, known, there)));
        let rank = |pick: &Pick<'_>| {
            let is_main = main == Some(pick.known.case.as_str()) && pick.step as usize == at + 1;
            (pick.likeness, is_main, std::cmp::Reverse(pick.step))
        };
        all.max_by_key(rank)
    };
    scenario.steps.iter().enumerate().map(best).collect()
}

/// Whether the provider refuses what the step asks. An answer that is of something else than was asked (`integrity`), or that nobody can
/// read, is no refusal.
fn is_refusal(step: &Step) -> bool {
    const REFUSALS: [Kind; 5] = [Kind::Credentials, Kind::Invalid, Kind::Conflict, Kind::NotFound, Kind::RateLimited];
    let words = |named: &[String]| named.iter().all(|state| matches!(state.as_str(), "declined" | "failed"));
    let expect = &step.expect;
    expect.refused
        || expect.error.as_ref().is_some_and(|kinds| kinds.values.iter().all(|kind| REFUSALS.contains(kind)))
        || expect.state.as_ref().is_some_and(|states| words(&states.values))
}

/// How much two steps have in common; none where they do not do the same.
fn likeness(scenario: &Scenario, step: &Step, other_scenario: &Scenario, other: &Step) -> Option<u32> {
    let does_the_same = step.op == other.op
        && step.tamper == other.tamper
        // What a provider says when it refuses shows nothing of what it says else.
        && (is_refusal(step) || !is_refusal(other))
        && operation_of(scenario, step) == operation_of(other_scenario, other);
    let common = [
        (4, step.method == other.method),
        (3, step.card == other.card),
        (4, step.expect == other.expect),
        (2, step.input == other.input),
        (2, step.expect.state == other.expect.state),
        (1, step.expect.refused == other.expect.refused),
        (1, step.expect.error == other.expect.error),
    ];
    does_the_same.then(|| common.iter().filter(|(_, is)| *is).map(|(weight, _)| weight).sum())
}

/// The exchanges of a step as a new connector has them, under this connector's address and proof of identity.
fn shaped(subject: &Subject, scenario: &Scenario, known: &[Known<'_>], number: u32, op: Op) -> Vec<ExchangeModel> {
    let id = subject.entry.spec.id;
    let all = || known.iter().flat_map(|known| &known.model.exchange);
    let body = match all().find(|exchange| exchange.request.method == "POST").map(|exchange| &exchange.request) {
        Some(request) if request.xml.is_some() => Body::Xml,
        Some(request) if request.form.is_some() => Body::Form,
        _ => Body::Json,
    };
    let origin = |url: &str| url.split('/').take(3).collect::<Vec<_>>().join("/");
    let host = || subject.entry.spec.hosts.first().map(|host| format!("https://{host}"));
    let origin = all().next().map(|exchange| origin(&exchange.request.url)).or_else(host).unwrap_or_default();
    let url = format!("{origin}/{}", mark(&format!("the path of {op}")));
    let absent = subject.profile.model.absent.as_ref().and_then(|absent| absent.payment.clone()).unwrap_or_default();
    let text = tape::tape(&Design::common(id, body, Endpoint::default(), AmountForm::default()), scenario, &absent);
    let mut shaped = toml::from_str::<TapeModel>(&text).map(|model| model.exchange).unwrap_or_default();
    shaped.retain(|exchange| exchange.step == number);
    if shaped.is_empty() {
        let other = "[request]\nmethod = \"POST\"\nurl = \"\"\n[response]\nstatus = 200\n";
        shaped.extend(toml::from_str::<ExchangeModel>(&format!("step = {number}\n{other}")).ok());
        shaped.iter_mut().for_each(|exchange| {
            exchange.request.text = Some(mark(&format!("what {op} sends")));
            exchange.response.body = mark("what the provider answers");
        });
    }
    if op.reads() {
        shaped.iter_mut().for_each(|exchange| as_read(exchange, op, known));
    }
    let proof = all().find_map(|exchange| {
        let is_proof = |value: &str| value.contains("${secret:") || value.contains("${basic:");
        let found: Vec<_> = exchange.request.headers.iter().filter(|(_, value)| is_proof(value)).collect();
        (!found.is_empty()).then_some(found)
    });
    for exchange in &mut shaped {
        exchange.request.url.clone_from(&url);
        exchange.request.headers.remove("authorization");
        let proof = proof.iter().flatten().map(|(name, value)| ((*name).clone(), (*value).clone()));
        exchange.request.headers.extend(proof);
    }
    shaped
}

/// A request that reads as the connector's others do: by the method that most of their reads have, without a body where that is GET.
fn as_read(exchange: &mut ExchangeModel, op: Op, known: &[Known<'_>]) {
    let reads = |known: &Known<'_>, exchange: &ExchangeModel| {
        let step = usize::try_from(exchange.step).ok().and_then(|step| known.scenario.steps.get(step.checked_sub(1)?));
        step.and_then(|step| operation_of(known.scenario, step)).is_some_and(Op::reads)
    };
    let others = known.iter().flat_map(|known| {
        let own = known.model.exchange.iter().filter(move |exchange| reads(known, exchange));
        own.map(|exchange| exchange.request.method.as_str())
    });
    let (posts, gets): (Vec<&str>, Vec<&str>) = others.partition(|method| *method == "POST");
    let request = &mut exchange.request;
    if posts.len() > gets.len() {
        "POST".clone_into(&mut request.method);
        let is_empty = request.json.is_none() && request.xml.is_none() && request.form.is_none();
        if is_empty && request.text.is_none() {
            request.text = Some(mark(&format!("what {op} sends")));
        }
        return;
    }
    "GET".clone_into(&mut request.method);
    (request.json, request.xml, request.form, request.text) = (None, None, None, None);
    request.headers.remove("content-type");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_of_accepted_states_makes_no_step_another() {
        let scenario = |states: &str| {
            let text = format!(
                "id = \"refund.x\"\ntitle = \"T\"\nclauses = [\"REFUND-1\"]\nproves = \"refund\"\nclass = \"success\"\nneeds = []\n\
                 [[step]]\nop = \"refund\"\nexpect = {{ state = {states} }}\n"
            );
            toml::from_str::<Scenario>(&text).unwrap()
        };
        let of = |states: &str| {
            let (one, other) = (scenario("[\"succeeded\", \"pending\"]"), scenario(states));
            likeness(&one, &one.steps[0], &other, &other.steps[0])
        };
        assert_eq!(of("[\"pending\", \"succeeded\"]"), of("[\"succeeded\", \"pending\"]"));
        assert!(of("\"pending\"") < of("[\"succeeded\", \"pending\"]"));
    }
}

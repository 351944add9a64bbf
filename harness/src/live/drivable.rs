//! Which cases can be asked of an environment, and why the others cannot.
//!
//! A tape decides how its case ends; an environment decides by what is asked of it. Where two cases ask the same and end otherwise, the
//! environment can be asked for one of them at most: the one that ends as a success, and without further help.

use std::collections::BTreeMap;

use quittance::{Kind, Op, State};
use serde_json::{Map, Value, json};

use crate::certify::{Plan, SEED, play};
use crate::run::case::{Case, Played};
use crate::run::judge::Ended;
use crate::scenario::{Class, StepOp};
use crate::view::Outcome;
use crate::world::Subject;

/// The members of a request by which an environment can be expected to choose how it ends.
const CHOOSING: [&str; 8] = ["amount", "currency", "method", "capture", "by", "three_ds", "answer", "recipient"];

/// Why a case with a return of the customer's cannot be asked for.
const CUSTOMER: &str = "a customer has to act";

/// A case that asks for refused credentials.
pub fn asks_for_bad_credentials(case: &Case) -> bool {
    let expects = |kind: Kind| {
        case.steps.iter().any(|(_, expect)| {
            expect
                .error
                .as_ref()
                .is_some_and(|errors| errors.values.iter().any(|error| error.as_str() == kind.as_str()))
        })
    };
    expects(Kind::Credentials)
}

/// Why cases of a plan cannot be asked of an environment, by case.
pub fn undrivable(subject: &Subject, plan: &Plan) -> BTreeMap<String, String> {
    let mut reasons = BTreeMap::new();
    let mut asked: BTreeMap<String, (String, String)> = BTreeMap::new();
    let mut played: Vec<(&Case, Played)> = Vec::new();
    for case in plan.cases() {
        match at_once(case) {
            Some(why) => {
                reasons.insert(case.id.clone(), why.to_owned());
                // It cannot be asked for, and yet what it asks for has its end.
                if why == CUSTOMER {
                    played.push((case, play(subject, case, None, SEED)));
                }
            }
            None => played.push((case, play(subject, case, None, SEED))),
        }
    }
    let helped = |played: &Played| played.ended.iter().filter(|ended| ended.first.is_some()).count();
    // The sort is stable: among equals, the suite's order.
    played.sort_by_key(|(case, played)| (case.scenario.class != Class::Success, helped(played)));
    for (case, played) in &played {
        if needs_customer(played) {
            reasons.insert(case.id.clone(), CUSTOMER.to_owned());
        }
        if asks_for_bad_credentials(case) {
            continue;
        }
        let mut so_far = String::new();
        for (number, (ended, (step, _))) in (1u32..).zip(played.ended.iter().zip(&case.steps)) {
            so_far.push_str(&question(played, number, step.op, ended));
            let end = end_of(ended);
            match asked.get(&so_far) {
                Some((other, first)) if *other != end => {
                    let why = format!("only a tape decides it: the same requests end otherwise in {first}");
                    reasons.entry(case.id.clone()).or_insert(why);
                    break;
                }
                Some(_) => {}
                None => drop(asked.insert(so_far.clone(), (end, case.id.clone()))),
            }
        }
    }
    reasons
}

/// What can be told from the case alone.
fn at_once(case: &Case) -> Option<&'static str> {
    let has = |op: StepOp| case.steps.iter().any(|(step, _)| step.op == op);
    if case.strike.is_some() {
        return Some("a fault on the way, which `quittance certify` puts in");
    }
    if has(StepOp::Webhook) {
        return Some("it begins with a delivery of the tape; real ones are judged by check:deliveries");
    }
    if has(StepOp::Advance) {
        return Some("the clock of an environment cannot be moved");
    }
    if has(StepOp::Complete) || !case.tape.returns.is_empty() {
        return Some(CUSTOMER);
    }
    if case.tape.exchanges.is_empty() {
        return Some("nothing is sent");
    }
    None
}

/// A first answer that asks for the customer, and does not stay.
fn needs_customer(played: &Played) -> bool {
    let asks = |ended: &Ended| ended.first.as_ref().is_some_and(|first| first.state() == "action_required");
    played.ended.iter().any(asks)
}

/// What a step asks, without what is made anew for each run: objects by the step that made them, keys and references left out.
fn question(played: &Played, number: u32, op: StepOp, ended: &Ended) -> String {
    let Some(asked) = played.asked.get(&number) else { return format!("{op:?};") };
    let kept = asked.input.as_object().into_iter().flatten().filter(|(name, _)| CHOOSING.contains(&name.as_str()));
    let mut input = Value::Object(kept.map(|(name, value)| (name.clone(), value.clone())).collect::<Map<_, _>>());
    let objects = ["payment", "refund", "mandate", "dispute", "payout"]
        .iter()
        .filter_map(|name| Some(((*name).to_owned(), asked.input.get(name)?.clone())));
    input.as_object_mut().into_iter().for_each(|members| members.extend(objects.clone()));
    let mut text = input.to_string();
    for (index, earlier) in played.ended.iter().enumerate() {
        if let Some(handle) = earlier.direct().and_then(Outcome::handle) {
            text = text.replace(&json!(handle.to_string()).to_string(), &format!("\"#{}\"", index + 1));
        }
    }
    let reference = asked.values.reference.clone().unwrap_or_default();
    let text = if reference.is_empty() { text } else { text.replace(&reference, "#reference") };
    format!("{op:?} {} {text};", ended.op.map_or("", Op::as_str))
}

/// How a step ends, as far as an environment chooses it.
fn end_of(ended: &Ended) -> String {
    match &ended.result {
        Ok(Outcome::Payment(payment)) => match &payment.state {
            State::Declined(decline) => format!("declined {}", decline.reason.as_str()),
            state => state.as_str().to_owned(),
        },
        Ok(outcome) => outcome.state().to_owned(),
        Err(error) => format!("error {}", error.kind().as_str()),
    }
}

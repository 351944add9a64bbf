//! A tape for each scenario that the declarations select: what the crate sends, and an answer with what nobody knows yet marked.

use std::fmt::Write as _;

use quittance::Op;
use serde_json::Value;

use super::design::{Design, Part, Proof, Route};
use super::shape::{self, Body, Form, Leaf, Member, Values};
use crate::scenario::{Scenario, Step, StepOp};
use crate::unfilled::mark;

/// What a scenario has made so far.
#[derive(Default)]
struct Course {
    /// The hole of the id and the step of each payment.
    payments: Vec<(String, u32)>,
    refunds: Vec<(String, u32)>,
}

impl Course {
    /// The id of the object that is meant, as its hole.
    fn of(made: &[(String, u32)], step: Option<u32>) -> Option<String> {
        let found = match step {
            Some(step) => made.iter().find(|(_, number)| *number == step),
            None => made.last(),
        };
        found.map(|(hole, _)| hole.clone())
    }

    /// A new object of this kind; `shape` follows its name in the hole. None is minted where the merchant's reference is the id.
    fn make(made: &mut Vec<(String, u32)>, kind: &str, shape: Option<&str>, number: u32) -> String {
        let name = if made.is_empty() { kind.to_owned() } else { format!("{kind}{number}") };
        let hole = match shape {
            Some(shape) => format!("${{gen:{name}{shape}}}"),
            None => format!("${{reference:{number}}}"),
        };
        made.push((hole.clone(), number));
        hole
    }
}

/// The tape of a scenario, its steps in order.
pub(super) fn tape(design: &Design, scenario: &Scenario, absent: &str) -> String {
    let mut out = format!("# {}.\n", scenario.title);
    out.push_str(
        "# Put the provider's bytes in place of what stands below, state where they come from, and take every ${fill:...} out.\n\
         [provenance]\nkind = \"synthesised\"\n",
    );
    let mut course = Course::default();
    for (number, step) in (1..).zip(&scenario.steps) {
        let (asked, of) = match (step.op, step.of) {
            (StepOp::Replay, Some(of)) => {
                (usize::try_from(of).ok().and_then(|of| scenario.steps.get(of.checked_sub(1)?)), of)
            }
            _ => (Some(step), number),
        };
        let route = asked.and_then(|asked| design.route(asked.op.operation()?).map(|route| (asked, route)));
        match route {
            Some((asked, route)) => {
                exchange(&mut out, design, &mut course, Place { scenario, step, asked, route, number, of, absent })
            }
            None if step.op == StepOp::Advance => {}
            None => {
                let _text = writeln!(out, "\n# Step {number}: {}", mark("what this step sends and gets"));
            }
        }
    }
    out
}

/// One step of a scenario and how it reaches the provider.
struct Place<'a> {
    scenario: &'a Scenario,
    step: &'a Step,
    /// The step whose request it is: another's where it is repeated.
    asked: &'a Step,
    route: &'a Route,
    number: u32,
    of: u32,
    absent: &'a str,
}

fn exchange(out: &mut String, design: &Design, course: &mut Course, place: Place<'_>) {
    let Place { scenario, step, asked, route, number, of, absent } = place;
    let expected = serde_json::to_value(&step.expect).unwrap_or_default();
    let answer = Answered::of(scenario, route, &expected);
    let input = |name: &str| asked.input.get(name);
    let is_absent =
        ["payment", "refund"].iter().any(|name| input(name).and_then(|word| word.as_str()) == Some("absent"));
    // A refund is asked for by the step that made it: its payment is the last that was made.
    let of_payment = asked.of.filter(|_| route.op != Op::RetrieveRefund);
    let payment = Course::of(&course.payments, of_payment);
    let refund = Course::of(&course.refunds, asked.of);
    let payment_id =
        if is_absent { absent.to_owned() } else { payment.unwrap_or_else(|| mark("the id of the payment")) };
    let target = match route.op {
        Op::RetrieveRefund if is_absent => absent.to_owned(),
        Op::RetrieveRefund => refund.unwrap_or_else(|| mark("the id of the refund")),
        _ => payment_id.clone(),
    };
    let is_id = |leaf: &Leaf| matches!(leaf, Leaf::Id(_));
    let id = match (route.op, answer.is_error || of != number) {
        // Where no member is known to be the id, later requests have it to be filled in.
        (Op::Authorize | Op::Refund, false) if !route.answer.iter().any(|member| member.has_one(&is_id)) => {
            String::new()
        }
        (Op::Authorize, false) => {
            let shape = (!design.is_by_reference()).then(|| design.id_shape(Op::Authorize));
            Course::make(&mut course.payments, "payment", shape, number)
        }
        (Op::Refund, false) => Course::make(&mut course.refunds, "refund", Some(design.id_shape(Op::Refund)), number),
        (Op::Authorize, true) => Course::of(&course.payments, Some(of)).unwrap_or_default(),
        (Op::Refund, true) => Course::of(&course.refunds, Some(of)).unwrap_or_default(),
        _ => target.clone(),
    };
    let hole =
        |name: &str, step: u32| if step == number { format!("${{{name}}}") } else { format!("${{{name}:{step}}}") };
    let first = course.payments.first().map_or(of, |(_, step)| *step);
    let values = Values {
        amount_minor: input("amount_minor").and_then(toml::Value::as_integer).unwrap_or(6000),
        currency: &design.currency,
        capture: input("capture").and_then(|word| word.as_str()) != Some("manual"),
        target: target.clone(),
        id: id.replace(&format!("${{reference:{number}}}"), "${reference}"),
        status: answer.status.clone(),
        reason: answer.reason.clone(),
        reference: hole("reference", of),
        key: hole("key", of),
    };
    let _text = writeln!(out, "\n[[exchange]]\nstep = {number}\n[exchange.request]\nmethod = \"{}\"", route.verb);
    let _text = writeln!(out, "url = {}", quoted(&format!("{}{}", design.sandbox, path(route, &target, &payment_id))));
    request(out, design, route, &values);
    // The answer speaks of the payment by the reference of the step that made it; one without a status is no payment's.
    let is_payment = route.answer.iter().any(|member| member.has(&Leaf::Status));
    let told = if matches!(route.op, Op::Authorize | Op::Refund) || !is_payment {
        values.reference.clone()
    } else {
        hole("reference", first)
    };
    respond(out, design, route, &answer, &Values { reference: told, ..values });
}

/// Path and query with the id in its place, and that of the payment.
fn path(route: &Route, target: &str, payment: &str) -> String {
    let mut out = String::new();
    for part in &route.path {
        out.push('/');
        match part {
            Part::Text(text) => out.push_str(text),
            Part::Id => out.push_str(target),
            Part::Payment => out.push_str(payment),
            Part::Credential(name) => {
                let _text = write!(out, "${{secret:{name}}}");
            }
        }
    }
    for (index, name) in route.query.iter().enumerate() {
        let _text = write!(out, "{}{name}={}", if index == 0 { '?' } else { '&' }, mark(name));
    }
    out
}

fn request(out: &mut String, design: &Design, route: &Route, values: &Values<'_>) {
    let mut headers = vec![match &design.proof {
        Proof::Bearer => ("authorization".to_owned(), "Bearer ${secret:api_key}".to_owned()),
        Proof::Basic => ("authorization".to_owned(), "Basic ${basic:username:password}".to_owned()),
        Proof::Header(name) => (name.clone(), "${secret:api_key}".to_owned()),
    }];
    if let Some(name) = design.idempotency.as_ref().filter(|_| is_keyed(route)) {
        headers.push((name.clone(), values.key.clone()));
    }
    headers.extend(route.headers.iter().map(|(name, what)| (name.clone(), mark(what))));
    let kind = match design.body {
        Body::Json => "application/json",
        Body::Form => "application/x-www-form-urlencoded",
        Body::Xml | Body::Soap => "text/xml; charset=utf-8",
    };
    if route.body.is_some() {
        headers.push(("content-type".to_owned(), kind.to_owned()));
    }
    if design.body == Body::Soap {
        headers.push(("soapaction".to_owned(), route.root.clone()));
    }
    let listed: Vec<String> = headers.iter().map(|(name, value)| format!("{name} = {}", quoted(value))).collect();
    let _text = writeln!(out, "headers = {{ {} }}", listed.join(", "));
    let Some(body) = &route.body else { return };
    let _text = match design.body {
        Body::Json => writeln!(out, "json = '''\n{}'''", shape::json(body, values)),
        Body::Xml => writeln!(out, "xml = '''\n{}'''", shape::xml(&route.root, body, values)),
        Body::Soap => writeln!(out, "xml = '''\n{}'''", shape::soap(&route.root, body, values)),
        Body::Form => {
            out.push_str("[exchange.request.form]\n");
            shape::form(body, values).iter().try_for_each(|(name, value)| writeln!(out, "{name:?} = {}", quoted(value)))
        }
    };
}

/// Whether the caller's key goes with it: everything that changes something.
pub(super) fn is_keyed(route: &Route) -> bool {
    route.verb != "GET"
}

fn respond(out: &mut String, design: &Design, route: &Route, answer: &Answered, values: &Values<'_>) {
    let soap = design.body == Body::Soap;
    let kind = if design.body.is_xml() { "text/xml; charset=utf-8" } else { "application/json" };
    let _text =
        writeln!(out, "[exchange.response]\nstatus = {}\nheaders = {{ content-type = \"{kind}\" }}", answer.http);
    let code = |name: &str| Leaf::Unknown(format!("{name} of the provider, {}", answer.status));
    let problem = match route.problem(answer.http) {
        Some(problem) => {
            let mut members = problem.members.clone();
            if let Some(path) = &problem.code {
                put(&mut members, path, &code("code"));
            }
            members
        }
        None => vec![
            Member::leaf(if soap { "faultcode" } else { "code" }, code("code")),
            Member::leaf(
                if soap { "faultstring" } else { "message" },
                Leaf::Unknown("text of the provider".to_owned()),
            ),
        ],
    };
    let members = if answer.is_error { problem.as_slice() } else { route.answer.as_slice() };
    let root = || format!("{}_answer", route.root);
    let body = match design.body {
        Body::Soap if answer.is_error => shape::soap("soap:Fault", members, values),
        Body::Soap => shape::soap(&root(), members, values),
        Body::Xml => shape::xml(&root(), members, values),
        Body::Json | Body::Form => shape::json(members, values),
    };
    let _text = writeln!(out, "body = '''\n{body}'''");
}

/// Puts something in the place that a path of names leads to.
fn put(members: &mut [Member], path: &[String], leaf: &Leaf) {
    let Some((name, rest)) = path.split_first() else { return };
    let Some(member) = members.iter_mut().find(|member| member.name == *name) else { return };
    match &mut member.form {
        Form::Leaf(place) => *place = leaf.clone(),
        Form::Node(inner) | Form::List(inner) => put(inner, rest, leaf),
    }
}

fn quoted(text: &str) -> String {
    format!("{text:?}")
}

/// What the answer to a step is.
struct Answered {
    is_error: bool,
    http: u16,
    /// What its status or code is to say.
    status: String,
    /// What its reason is to say, where it is a decline.
    reason: Option<String>,
}

impl Answered {
    fn of(scenario: &Scenario, route: &Route, expected: &Value) -> Answered {
        let words = |name: &str| -> Option<String> {
            match expected.get(name)? {
                Value::String(word) => Some(word.replace('_', " ")),
                Value::Array(words) => {
                    let words: Vec<String> =
                        words.iter().filter_map(Value::as_str).map(|word| word.replace('_', " ")).collect();
                    Some(words.join(" or "))
                }
                _ => None,
            }
        };
        let thing = if matches!(route.op, Op::Refund | Op::RetrieveRefund) { "refund" } else { "payment" };
        let refused = expected.get("refused").and_then(Value::as_bool) == Some(true);
        let error = words("error");
        let http = match error.as_deref() {
            Some("credentials") => 401,
            Some("not found") => 404,
            Some("conflict") => 409,
            Some("rate limited") => 429,
            Some("unavailable") => 503,
            Some("invalid") => route.refusal(400),
            // What stands in the answer is at fault, not its status.
            Some(_) => route.status,
            None if refused => route.refusal(400),
            None => route.status,
        };
        let (state, why) = (words("state"), words("reason"));
        let has_reason = route.answer.iter().any(|member| member.has_one(&|leaf| matches!(leaf, Leaf::Reason(_))));
        let reason = why.clone().filter(|_| has_reason).map(|why| format!("code of the provider for: {why}"));
        let shown: Vec<&str> = route.statuses.iter().take(8).map(String::as_str).collect();
        let listed = if shown.is_empty() { String::new() } else { format!(", one of {}", shown.join(", ")) };
        let status = match (state, why) {
            (Some(state), Some(why)) if !has_reason => {
                format!("status of a {thing} that is {state}, and why: {why}{listed}")
            }
            (Some(state), _) => format!("status of a {thing} that is {state}{listed}"),
            _ => format!("for this: {}", scenario.title.to_lowercase()),
        };
        Answered { is_error: http >= 300, http, status, reason }
    }
}

//! Every connector of the catalogue against its own sandbox, with other amounts, keys and references than the tapes have.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use std::path::Path;
use std::sync::LazyLock;

use bytes::Bytes;
use http::Request as Sent;
use quittance::{Context, Entry, Error, Op, drive};
use quittance_harness::invoke::Request;
use quittance_harness::run::delivery::delivery_of;
use quittance_harness::run::input::Builder;
use quittance_harness::run::objects::{Objects, terms_of};
use quittance_harness::run::stage::{Around, START_UNIX_SECONDS};
use quittance_harness::sandbox::{Due, Sandbox};
use quittance_harness::scenario::{Scenario, Step, Suite};
use quittance_harness::view::Outcome;
use quittance_harness::world::{Subject, World};

mod held;

static WORLD: LazyLock<(World, Suite)> = LazyLock::new(|| {
    let world = World::find(Some(&Path::new(env!("CARGO_MANIFEST_DIR")).join(".."))).unwrap();
    let suite = world.suite().unwrap();
    (world, suite)
});

/// A connector and its sandbox.
struct Pair {
    subject: Subject,
    sandbox: Sandbox,
}

impl Pair {
    fn of(entry: &'static Entry) -> Pair {
        let subject = WORLD.0.subject(entry).unwrap();
        let sandbox = Sandbox::new(&subject, &WORLD.1, 7).unwrap();
        Pair { subject, sandbox }
    }

    fn named(id: &str) -> Pair {
        Pair::of(quittance_connectors::find(id).unwrap())
    }

    fn has(&self, scenario: &str) -> bool {
        let tapes = &self.subject.tapes;
        tapes.contains_key(scenario)
    }
}

/// One payment of a connector against the sandbox, with a seed of its own.
struct Life<'p> {
    pair: &'p Pair,
    around: Around,
    seed: u64,
    objects: Objects,
    number: u32,
    due: Vec<Due>,
    trace: Vec<String>,
    /// Status and case of each answer.
    answers: Vec<(u16, Option<String>)>,
}

impl<'p> Life<'p> {
    fn new(pair: &'p Pair, seed: u64) -> Life<'p> {
        Life {
            pair,
            around: Around::new(seed),
            seed,
            objects: Objects::default(),
            number: 0,
            due: Vec::new(),
            trace: Vec::new(),
            answers: Vec::new(),
        }
    }

    /// Calls the step of a scenario with another amount.
    fn step(&mut self, scenario: &str, step: usize, minor: Option<i64>) -> Result<Outcome, Error> {
        let scenario = scenario_of(scenario);
        let mut step: Step = scenario.steps[step - 1].clone();
        step.of = None;
        if let Some(minor) = minor {
            let mut table = step.input.clone();
            table.insert("amount_minor".to_owned(), toml::Value::Integer(minor));
            step.input = table;
        }
        self.number += 1;
        let request = self.request(&step).unwrap_or_else(|why| panic!("{}: {why}", self.pair.sandbox.id()));
        self.call(&request)
    }

    fn request(&mut self, step: &Step) -> Result<Request, String> {
        let builder = Builder {
            spec: self.pair.subject.entry.spec,
            profile: &self.pair.subject.profile,
            brand: None,
            seed: self.seed,
        };
        let prepared = builder.prepare(self.number, step, &self.objects)?;
        if matches!(prepared.op, Op::Authorize | Op::SetUp) {
            self.objects.note_terms(self.number, terms_of(&prepared.input).map(Into::into));
        }
        Request::from_json(prepared.op, prepared.input)
    }

    fn call(&mut self, request: &Request) -> Result<Outcome, Error> {
        let slot = drive::Wire::default();
        let cx = Context::new(&slot, &self.around.clock, &self.around.random, &self.around.tokens);
        let sandbox = &self.pair.sandbox;
        let (due, trace, answers) = (&mut self.due, &mut self.trace, &mut self.answers);
        let result = drive::drive(&slot, request.call(self.pair.subject.connector.as_ref(), &cx), |sent| {
            let answered = sandbox.answer(&sent, START_UNIX_SECONDS);
            trace.push(format!(
                "{} {} {} -> {} {:?}\n    {}",
                sent.method(),
                sent.uri(),
                String::from_utf8_lossy(sent.body()).chars().take(1500).collect::<String>(),
                answered.response.status(),
                answered.seen,
                String::from_utf8_lossy(answered.response.body()).split_whitespace().collect::<Vec<_>>().join(" ")
            ));
            answers.push((answered.response.status().as_u16(), answered.seen.case.as_deref().map(str::to_owned)));
            due.extend(answered.due);
            due.extend(answered.waiting.into_iter().flat_map(|one| sandbox.decide(one, START_UNIX_SECONDS)));
            Ok(answered.response)
        });
        if let Ok(outcome) = &result {
            self.objects.note(self.number, outcome);
        }
        result
    }

    /// Reads the deliveries that are due, as an application does.
    fn deliver(&mut self) -> Vec<Outcome> {
        let due = std::mem::take(&mut self.due);
        let mut all = Vec::new();
        for one in due {
            let delivery = self.pair.sandbox.delivery(&one).unwrap();
            self.trace.push(format!("delivery {}: {}", one.event, String::from_utf8_lossy(&delivery.body)));
            let delivery = delivery_of(delivery).unwrap();
            self.number += 1;
            match self.call(&Request::Webhook(delivery)) {
                Ok(outcome) => all.push(outcome),
                Err(error) => {
                    panic!("{}: delivery {}: {error}\n{}", self.pair.sandbox.id(), one.event, self.trace.join("\n"))
                }
            }
        }
        all
    }

    /// Which connector, and what was sent and answered so far.
    fn told(&self) -> String {
        format!("{}\n{}", self.pair.sandbox.id(), self.trace.join("\n"))
    }
}

fn scenario_of(id: &str) -> &'static Scenario {
    WORLD.1.scenario(id).unwrap_or_else(|| panic!("no scenario {id}"))
}

fn connectors() -> impl Iterator<Item = Pair> {
    let all = quittance_connectors::ALL.iter().filter(|entry| entry.spec.has(Op::Authorize));
    let only = std::env::var("ONLY").ok();
    all.filter(move |entry| only.as_deref().is_none_or(|only| only == entry.spec.id)).map(|entry| Pair::of(entry))
}

fn minor(amount: Option<quittance::Money>) -> Option<i64> {
    amount.map(|amount| amount.minor())
}

fn payment(result: Result<Outcome, Error>, told: &str) -> quittance::Payment {
    match result {
        Ok(Outcome::Payment(payment)) => payment,
        other => panic!("no payment: {other:?}\n{told}"),
    }
}

/// A purchase of each connector, settled by deliveries or a look-up, with the amount that was asked.
#[test]
fn every_connector_pays_another_amount() {
    let mut failed = Vec::new();
    for pair in connectors() {
        let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| pays(&pair)));
        if let Err(cause) = result {
            failed.push(cause.downcast_ref::<String>().cloned().unwrap_or_default());
        }
    }
    assert!(failed.is_empty(), "{} fail:\n{}", failed.len(), failed.join("\n\n"));
}

fn pays(pair: &Pair) {
    let id = pair.sandbox.id();
    let amount = 7351;
    let mut life = Life::new(pair, 11);
    if pair.has("capture.full") {
        let first = life.step("capture.full", 1, Some(amount));
        let first = payment(first, &life.told());
        assert_eq!(minor(first.amount).unwrap_or(amount), amount, "{}", life.told());
        life.deliver();
        let captured = life.step("capture.full", 2, Some(amount));
        let captured = payment(captured, &life.told());
        assert_eq!(minor(captured.captured).unwrap_or(amount), amount, "{}", life.told());
        life.deliver();
        // A second capture is refused, or, where an answer comes later, told as a refusal.
        let twice = life.step("capture.full", 2, Some(amount));
        let refused = match &twice {
            Err(error) => error.effect() == quittance::Effect::None,
            Ok(Outcome::Payment(payment)) => payment.captured.is_none_or(|captured| captured.minor() == amount),
            Ok(_) => false,
        };
        assert!(refused, "{id}: second capture: {twice:?}\n{}", life.told());
        life.due.clear();
    } else {
        let first = life.step("authorize.captured", 1, Some(amount));
        let first = payment(first, &life.told());
        assert_eq!(minor(first.amount).unwrap_or(amount), amount, "{}", life.told());
        life.deliver();
    }
    if pair.subject.entry.spec.has(Op::Refund) {
        refunds(pair, &mut life, amount);
    }
    if pair.has("retrieve.captured") && !pair.has("refund.partial") {
        let found = life.step("retrieve.captured", 2, None);
        let found = payment(found, &life.told());
        assert_eq!(minor(found.amount).unwrap_or(amount), amount, "{}", life.told());
    }
}

fn refunds(pair: &Pair, life: &mut Life<'_>, amount: i64) {
    let part = if pair.has("refund.partial") { 1203 } else { amount };
    let refund = life.step("refund.full", 2, Some(part));
    let Ok(Outcome::Refund(refund)) = refund else { panic!("no refund: {refund:?}\n{}", life.told()) };
    assert_eq!(minor(refund.amount).unwrap_or(part), part, "{}", life.told());
    life.deliver();
    let again = if pair.has("refund.multiple") { 701 } else { 0 };
    if again > 0 {
        let refund = life.step("refund.full", 2, Some(again));
        let Ok(Outcome::Refund(refund)) = refund else { panic!("no second refund: {refund:?}\n{}", life.told()) };
        assert_eq!(minor(refund.amount).unwrap_or(again), again, "{}", life.told());
        for told in life.deliver() {
            let Outcome::Events(events) = told else { continue };
            for event in events {
                if let quittance::EventBody::Refund(told) = event.body {
                    assert_eq!(minor(told.amount).unwrap_or(again), again, "{}", life.told());
                }
            }
        }
    }
    let part = part + again;
    let over = life.step("refund.too_much", 2, Some(amount));
    let refused = match &over {
        Err(error) => error.effect() == quittance::Effect::None,
        Ok(Outcome::Refund(refund)) => refund.state.as_str() == "failed" || !life.due.is_empty(),
        Ok(_) => false,
    };
    assert!(refused, "over-refund: {over:?}\n{}", life.told());
    life.due.clear();
    if pair.has("retrieve.captured") {
        let found = life.step("retrieve.captured", 2, None);
        let found = payment(found, &life.told());
        assert_eq!(found.state.as_str(), "captured", "{}", life.told());
        assert_eq!(minor(found.amount).unwrap_or(amount), amount, "{}", life.told());
        assert_eq!(minor(found.refunded).unwrap_or(part), part, "{}", life.told());
    }
}

/// The operations of an order stand in a message inside a text, of which a refund is told by its own amount.
#[test]
fn what_was_given_back_is_told_apart_in_a_message() {
    let pair = Pair::named("redsys");
    let (mut life, mut other) = (Life::new(&pair, 41), Life::new(&pair, 43));
    other.step("retrieve.captured", 1, Some(999)).unwrap();
    life.step("retrieve.refunded", 1, Some(7351)).unwrap();
    let look = |life: &mut Life<'_>| {
        let found = life.step("retrieve.refunded", 3, None);
        let found = payment(found, &life.told());
        (minor(found.amount), minor(found.captured), minor(found.refunded))
    };
    assert_eq!(look(&mut life), (Some(7351), Some(7351), None), "{}", life.told());
    for (part, sum) in [(1203, 1203), (701, 1904)] {
        life.step("refund.full", 2, Some(part)).unwrap();
        assert_eq!(look(&mut life), (Some(7351), Some(7351), Some(sum)), "{}", life.told());
        let refund = life.step("retrieve_refund.succeeded", 3, None);
        let Ok(Outcome::Refund(refund)) = refund else { panic!("no refund: {refund:?}\n{}", life.told()) };
        assert_eq!(minor(refund.amount), Some(part), "{}", life.told());
    }
    assert_eq!(look(&mut other), (Some(999), Some(999), None), "{}", other.told());
}

/// A list has a member for each refund, with its own id and amount, and a delivery tells its own refund and the whole payment.
#[test]
fn each_refund_stands_in_a_list_with_its_own_amount() {
    let pair = Pair::named("pix-efi");
    let mut life = Life::new(&pair, 47);
    life.step("retrieve.refunded", 1, Some(7351)).unwrap();
    life.due.clear();
    let mut ids = Vec::new();
    for part in [1203, 701] {
        let refund = life.step("refund.full", 2, Some(part));
        let Ok(Outcome::Refund(refund)) = refund else { panic!("no refund: {refund:?}\n{}", life.told()) };
        ids.push(refund.handle.id().to_owned());
    }
    let amounts = [("12.03", 0), ("7.01", 1)];
    for ((amount, at), due) in amounts.into_iter().zip(std::mem::take(&mut life.due)) {
        let delivery = pair.sandbox.delivery(&due).unwrap();
        let told: serde_json::Value = serde_json::from_slice(&delivery.body).unwrap();
        let paid = &told["pix"][0];
        assert_eq!((&paid["valor"], &paid["devolucoes"][0]["valor"]), (&"73.51".into(), &amount.into()));
        assert_eq!(paid["devolucoes"][0]["id"], ids[at].as_str());
    }
    let found = life.step("retrieve.refunded", 3, None);
    assert_eq!(minor(payment(found, &life.told()).refunded), Some(1904), "{}", life.told());
    let answer = life.trace.last().and_then(|told| told.rsplit_once("    ")).unwrap().1;
    let answer: serde_json::Value = serde_json::from_str(answer).unwrap();
    let listed = answer["pix"][0]["devolucoes"].as_array().unwrap();
    let told: Vec<_> = listed.iter().map(|one| (one["id"].as_str().unwrap(), one["valor"].as_str().unwrap())).collect();
    assert_eq!(told, [(ids[0].as_str(), "12.03"), (ids[1].as_str(), "7.01")]);
    assert_ne!(listed[0]["rtrId"], listed[1]["rtrId"]);
}

/// Payments that go on in turns keep their own ids and amounts.
#[test]
fn payments_do_not_mix() {
    for id in ["stripe", "adyen", "square"] {
        let pair = Pair::named(id);
        let mut lives: Vec<(i64, Life<'_>)> =
            (0..20).map(|index| (5000 + 7 * index, Life::new(&pair, 100 + u64::try_from(index).unwrap()))).collect();
        let mut ids = std::collections::BTreeSet::new();
        for (amount, life) in &mut lives {
            let made = life.step("capture.full", 1, Some(*amount));
            let made = payment(made, &life.told());
            assert!(ids.insert(made.handle.id().to_owned()), "{}", life.told());
            life.deliver();
        }
        for (amount, life) in lives.iter_mut().rev() {
            let captured = life.step("capture.full", 2, Some(*amount));
            let captured = payment(captured, &life.told());
            assert_eq!(minor(captured.captured).unwrap_or(*amount), *amount, "{}", life.told());
        }
        assert_eq!(pair.sandbox.payments(100).len(), 20);
    }
}

/// What is chosen for a request is what a sandbox chooses that has seen no other, whatever was asked before and however often.
#[test]
fn the_same_is_chosen_again_and_nothing_else() {
    for pair in connectors() {
        let id = pair.sandbox.id();
        let operation = |scenario: &&Scenario| scenario.steps.first().and_then(|step| step.op.operation());
        let begins = |scenario: &&Scenario| matches!(operation(scenario), Some(Op::Authorize | Op::SetUp | Op::PayOut));
        let mut begun: Vec<&Scenario> = pair.subject.tapes.keys().filter_map(|id| WORLD.1.scenario(id)).collect();
        begun.retain(begins);
        let asked = |pair: &Pair, scenario: &Scenario, seed: u64| {
            let mut life = Life::new(pair, seed);
            let _declined_or_not = life.step(&scenario.id, 1, None);
            life.answers
        };
        // Of one seed all keys are the same.
        for (seed, scenario) in (100..).step_by(3).zip(&begun) {
            let first = asked(&pair, scenario, seed);
            assert_eq!(first, asked(&pair, scenario, seed + 1), "{id}, {}", scenario.id);
            if id == "square" {
                assert_eq!(first, asked(&Pair::named(id), scenario, seed + 2), "{id}, {}", scenario.id);
            }
        }
    }
}

#[test]
fn a_repeated_key_gets_the_same_bytes() {
    let pair = Pair::named("stripe");
    let request = |amount: &str| {
        Sent::post("https://api.stripe.com/v1/payment_intents")
            .header("authorization", "Bearer sk_test_quittance")
            .header("idempotency-key", "k-1")
            .header("content-type", "application/x-www-form-urlencoded")
            .body(Bytes::from(format!("amount={amount}&currency=eur&confirm=true&payment_method_types[0]=card&metadata[order]=17&metadata[a%22b]=x")))
            .unwrap()
    };
    let first = pair.sandbox.answer(&request("7351"), START_UNIX_SECONDS);
    let again = pair.sandbox.answer(&request("7351"), START_UNIX_SECONDS + 9);
    assert_eq!(first.response.body(), again.response.body());
    assert!(again.seen.replayed && !first.seen.replayed);
    let body: serde_json::Value = serde_json::from_slice(first.response.body()).unwrap();
    assert_eq!(body["amount"], 7351);
    assert_eq!(body["currency"], "eur");
    assert_eq!(body["metadata"], serde_json::json!({ "order": "17", "a\"b": "x" }));
    let other = pair.sandbox.answer(&request("99"), START_UNIX_SECONDS);
    assert!(other.response.status().is_client_error());
}

#[test]
fn a_reservation_whose_key_does_not_replay_is_made_again() {
    for (id, scenario, same) in [
        ("worldpay-cnp", "capture.full", false),
        ("worldpay-cnp", "authorize.captured", true),
        ("stripe", "capture.full", true),
    ] {
        let pair = Pair::named(id);
        let made = || payment(Life::new(&pair, 8).step(scenario, 1, None), scenario).handle;
        assert_eq!(made() == made(), same, "{id} {scenario}");
    }
}

#[test]
fn test_cards_choose_the_outcome() {
    for (id, card) in [
        ("stripe", "decline.insufficient_funds"),
        ("adyen", "decline.insufficient_funds"),
        ("square", "decline.generic_decline"),
    ] {
        let pair = Pair::named(id);
        let mut life = Life::new(&pair, 5);
        let made = life.step(card, 1, Some(812));
        let declined = payment(made, &life.told());
        assert_eq!(declined.state.as_str(), "declined", "{}", life.told());
        assert!(!pair.sandbox.outcomes().is_empty());
    }
}

/// A test card chooses the outcome whichever way the payment is to be captured, and a challenge stands until the customer has passed it.
#[test]
fn cards_go_before_the_way_of_capture() {
    let pair = Pair::named("stripe");
    let request = |number: &str, capture: &str| {
        let body = format!(
            "amount=7351&currency=usd&confirm=true&capture_method={capture}&payment_method_types[0]=card\
             &payment_method_data[type]=card&payment_method_data[card][number]={number}"
        );
        Sent::post("https://x/v1/payment_intents")
            .header("authorization", "Bearer sk_test_quittance")
            .header("content-type", "application/x-www-form-urlencoded")
            .body(Bytes::from(body))
            .unwrap()
    };
    let waiting = std::cell::Cell::new(None);
    let answer = |request: Sent<Bytes>| {
        let answered = pair.sandbox.answer(&request, START_UNIX_SECONDS);
        waiting.set(answered.waiting);
        serde_json::from_slice::<serde_json::Value>(answered.response.body()).unwrap()
    };
    for capture in ["manual", "automatic"] {
        assert_eq!(answer(request("4000000000009995", capture))["error"]["decline_code"], "insufficient_funds");
        let asked = answer(request("4000000000003220", capture));
        assert_eq!(asked["status"], "requires_action");
        assert_eq!(asked["description"], serde_json::Value::Null);
        let customer = waiting.take().expect("somebody who decides");
        let look = || {
            let path = format!("/v1/payment_intents/{}?expand[0]=latest_charge", asked["id"].as_str().unwrap());
            answer(Sent::get(path).header("authorization", "Bearer sk_test_quittance").body(Bytes::new()).unwrap())
        };
        let found = look();
        assert_eq!(found["status"], "requires_action", "{found}");
        pair.sandbox.decide(customer, START_UNIX_SECONDS);
        assert!(pair.sandbox.decide(customer, START_UNIX_SECONDS).is_empty(), "one decides once");
        let found = look();
        assert_eq!((&found["status"], &found["amount"]), (&"succeeded".into(), &7351.into()), "{found}");
    }
}

#[test]
fn what_cannot_be_read_is_refused_and_a_capture_is_made_once() {
    let pair = Pair::named("stripe");
    let post = |path: &str, body: &[u8]| {
        let request = Sent::post(path).header("authorization", "Bearer sk_test_quittance");
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        pair.sandbox.answer(&request.body(Bytes::copy_from_slice(body)).unwrap(), START_UNIX_SECONDS).response
    };
    assert_eq!(post("/v1/payment_intents", b"{\"amount\":").status(), 400);
    assert_eq!(post("/v1/payment_intents", b"\xff\xff").status(), 400);
    let made = post(
        "/v1/payment_intents",
        b"amount=7351&currency=eur&confirm=true&capture_method=manual&payment_method=pm_card_visa",
    );
    let made: serde_json::Value = serde_json::from_slice(made.body()).unwrap();
    let capture = format!("/v1/payment_intents/{}/capture", made["id"].as_str().unwrap());
    assert_eq!(post(&capture, b"<a").status(), 400);
    let first = post(&capture, b"");
    let taken: serde_json::Value = serde_json::from_slice(first.body()).unwrap();
    assert_eq!((first.status().as_u16(), &taken["amount_received"]), (200, &7351.into()));
    assert_eq!(post(&capture, b"").status(), 400);
}

#[test]
fn wrong_credentials_are_refused_by_the_provider() {
    let pair = Pair::named("stripe");
    let request = Sent::post("https://x/v1/payment_intents")
        .header("authorization", "Bearer sk_live_other")
        .body(Bytes::from("amount=1&currency=eur"))
        .unwrap();
    let answered = pair.sandbox.answer(&request, START_UNIX_SECONDS);
    assert_eq!(answered.response.status(), 401);
    assert!(String::from_utf8_lossy(answered.response.body()).contains("Invalid API Key"));
}

fn post(path: &str, headers: &[(&str, &str)], body: &str) -> Sent<Bytes> {
    let request = headers.iter().fold(Sent::post(path), |request, (name, value)| request.header(*name, *value));
    request.body(Bytes::copy_from_slice(body.as_bytes())).unwrap()
}

/// `curl -u KEY:` is as good as a bearer's key; another key is not.
#[test]
fn a_key_may_be_the_user_of_http_basic() {
    use base64::Engine as _;
    let pair = Pair::named("stripe");
    let status = |user: &str| {
        let basic = format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(user));
        let request = post(
            "/v1/payment_intents",
            &[("authorization", &basic), ("content-type", "application/x-www-form-urlencoded")],
            "amount=1050&currency=usd&confirm=true&payment_method=pm_card_visa",
        );
        pair.sandbox.answer(&request, START_UNIX_SECONDS).response.status().as_u16()
    };
    assert_eq!(status("sk_test_quittance:"), 200);
    assert_eq!((status("sk_test_quittance:x"), status("sk_test_other:")), (401, 401));
}

#[test]
fn bodies_of_another_kind_are_refused() {
    let pair = Pair::named("adyen");
    let mut life = Life::new(&pair, 3);
    let made = life.step("authorize.captured", 1, Some(1200));
    payment(made, &life.told());
    let path = "/v72/payments";
    let key = ("x-api-key", pair.subject.credentials["api_key"].clone());
    let body = r#"{"amount":{"value":1200,"currency":"EUR"},"reference":"r-1","paymentMethod":{"type":"scheme"}}"#;
    let answer = |media: &str, body: &str| {
        let request = post(path, &[(key.0, &key.1), ("content-type", media)], body);
        pair.sandbox.answer(&request, START_UNIX_SECONDS).response.status().as_u16()
    };
    assert_eq!(answer("application/json; charset=utf-8", body), 200);
    for (media, body) in [("text/csv", body), ("application/x-www-form-urlencoded", body), ("application/json", "")] {
        let status = answer(media, body);
        assert!((400..500).contains(&status), "{media} {body}: {status}");
    }
}

/// A signature is computed again: by another key, or over another body, it is refused as the provider refuses it.
#[test]
fn signatures_of_requests_are_held_to_their_recipe() {
    let pair = Pair::named("cybersource");
    let mut life = Life::new(&pair, 9);
    let made = life.step("authorize.captured", 1, Some(1200));
    assert_eq!(payment(made, &life.told()).state.as_str(), "captured");
    let mut value = pair.subject.profile.model.credentials.clone();
    let secret = value.get("shared_secret").and_then(|secret| secret.as_str()).unwrap();
    let other: String = secret.chars().rev().filter(|letter| *letter != '=').chain("=".chars()).collect();
    value.insert("shared_secret".to_owned(), toml::Value::String(other));
    let forger = pair.subject.entry.connect(serde_json::to_value(&value).unwrap()).expect("the secret's form");
    let slot = drive::Wire::default();
    let around = Around::new(21);
    let cx = Context::new(&slot, &around.clock, &around.random, &around.tokens);
    let request = life.request(&scenario_of("authorize.captured").steps[0]).unwrap();
    let mut statuses = Vec::new();
    let result = drive::drive(&slot, request.call(forger.as_ref(), &cx), |sent| {
        let answered = pair.sandbox.answer(&sent, START_UNIX_SECONDS);
        statuses.push(answered.response.status().as_u16());
        Ok(answered.response)
    });
    assert_eq!(statuses, [401], "{result:?}");
    assert_eq!(result.unwrap_err().kind(), quittance::Kind::Credentials);
}

/// Whatever comes is answered.
#[test]
fn garbage_is_answered() {
    for id in ["stripe", "adyen", "authorize-net", "worldpay", "redsys", "mollie"] {
        let pair = Pair::named(id);
        let paths = [
            "/",
            "//",
            "/v1/payment_intents",
            "/v72/payments/%ff/captures",
            "/xml/v1/request.api",
            "/jsp/merchant/xml/paymentService.jsp",
            "/v2/payments/tr_x?a=%",
        ];
        let deep = "[".repeat(5000);
        let bodies = ["", "{", "<a", "a=1&&=%zz", &deep, "{\"a\":1,\"a\":2}", "<a x='1' x='2'>&b;</a>"];
        let bodies = bodies.iter().map(|body| body.as_bytes()).chain([b"\xff\xfe".as_slice()]);
        for path in paths {
            for body in bodies.clone() {
                for method in ["GET", "POST", "PUT", "DELETE", "BREW"] {
                    let request = Sent::builder()
                        .method(method)
                        .uri(path)
                        .header("x", "\u{80}")
                        .body(Bytes::copy_from_slice(body));
                    let Ok(request) = request else { continue };
                    let answered = pair.sandbox.answer(&request, i64::MAX);
                    assert!(answered.response.status().as_u16() >= 200);
                }
            }
        }
    }
}

//! What the client makes of calls that ended unknown.

use quittance::{
    Address, Adjust, Authorize, Capture, CaptureMode, Complete, Connector, Customer, Effect, Failure, Handle, Kind, Op,
    PayOut, Payment, Policy, Recipient, Refund, RefundRequest, Result, Spec, State, TransferState, Void,
};

use crate::client::{Bench, OK};
use crate::shop::{
    BLIND, FULL, KEYED_REFUNDS, PARTLY_FOUND, PARTS, REPLAYING, UNIQUE, UNKEYED_REFUNDS, UNKEYED_RESERVATIONS,
};
use crate::support::{Answer, eur, json, key, pay, purchase, ready};

fn reset() -> Answer {
    Err(Failure::Reset)
}

fn payment(rest: &str) -> Answer {
    json(200, &format!(r#"{{"id":"pay_1",{rest}}}"#))
}

#[test]
fn an_unknown_authorization_is_found_by_reference() {
    for state in ["authorized", "captured", "pending", "declined", "brand_new"] {
        let found = payment(&format!(r#""state":"{state}","amount":1050"#));
        let bench = Bench::of(&FULL, [reset(), found]);
        assert_eq!(bench.buy().unwrap().handle, pay());
        assert_eq!(bench.world.sent(), ["POST /payments", "GET /payments?reference=order-1"]);
        let attempts = bench.ledger.all();
        assert_eq!((attempts[0].op, attempts[1].op), (Op::Authorize, Op::Retrieve));
        assert_eq!(attempts[0].key, attempts[1].key);
    }
}

#[test]
fn an_unknown_authorization_is_found_by_the_id_it_told() {
    let bench = Bench::of(&FULL, [json(500, r#"{"id":"pay_1"}"#), json(200, OK)]);
    assert_eq!(bench.buy().unwrap().state, State::Captured);
    assert_eq!(bench.world.sent(), ["POST /payments", "GET /payments/pay_1"]);
}

#[test]
fn an_unreadable_answer_is_looked_up_too() {
    for body in ["", "<html>", r#"{"id":"pay_1"}"#] {
        let bench = Bench::of(&REPLAYING, [json(200, body), json(200, OK)]);
        assert!(bench.buy().is_ok());
        assert_eq!(bench.world.sent()[1], "GET /payments?reference=order-1");
    }
}

#[test]
fn a_payment_found_must_agree() {
    for rest in [r#""state":"captured","amount":1049"#, r#""state":"captured","captured":1051"#] {
        let bench = Bench::of(&FULL, [reset(), payment(rest)]);
        let error = bench.buy().unwrap_err();
        assert_eq!((error.kind(), error.effect(), error.handle()), (Kind::Integrity, Effect::Unknown, Some(&pay())));
    }
}

#[test]
fn an_answer_that_disagrees_is_not_looked_away() {
    let bench = Bench::of(&REPLAYING, [payment(r#""state":"captured","amount":1049"#), json(200, OK)]);
    let error = bench.buy().unwrap_err();
    assert_eq!((error.kind(), error.handle(), bench.world.sent().len()), (Kind::Integrity, Some(&pay()), 1));
}

#[test]
fn finding_nothing_proves_nothing_unless_the_policy_says_so() {
    for (not_found_is_proof, status, effect) in [
        (false, 404, Effect::Unknown),
        (true, 404, Effect::None),
        // Only the provider's word that there is nothing counts.
        (true, 401, Effect::Unknown),
        (true, 422, Effect::Unknown),
    ] {
        let policy = Policy { not_found_is_proof, ..Policy::default() };
        let bench = Bench::new(&FULL, policy, [reset(), json(status, "{}")]);
        let error = bench.buy().unwrap_err();
        assert_eq!((error.kind(), error.effect()), (Kind::Network, effect), "{status}");
    }
    let policy = Policy { not_found_is_proof: true, ..Policy::default() };
    let bench = Bench::new(&FULL, policy, [reset(), reset(), reset(), reset()]);
    assert_eq!(bench.buy().unwrap_err().effect(), Effect::Unknown);
    assert_eq!(bench.world.sent().len(), 4);
}

#[test]
fn where_nothing_can_be_looked_up_the_error_stays() {
    let bench = Bench::of(&BLIND, [reset(), json(200, OK)]);
    assert_eq!((bench.buy().unwrap_err().effect(), bench.world.sent().len()), (Effect::Unknown, 1));
    assert_eq!(bench.ledger.lines(), [(Op::Authorize, "unknown")]);
}

#[test]
fn a_reservation_whose_key_does_not_replay_is_made_once() {
    for (spec, capture, sent) in [
        (&UNKEYED_RESERVATIONS, CaptureMode::Manual, ["POST /payments", "GET /payments?reference=order-1"]),
        (&UNKEYED_RESERVATIONS, CaptureMode::Automatic, ["POST /payments", "POST /payments"]),
        (&REPLAYING, CaptureMode::Manual, ["POST /payments", "POST /payments"]),
    ] {
        let bench = Bench::of(spec, [reset(), payment(r#""state":"authorized","amount":1050"#)]);
        let request = Authorize { capture, ..purchase() };
        assert_eq!(ready(bench.client.authorize(&bench.world.cx(), &request)).unwrap().handle, pay());
        assert_eq!(bench.world.sent(), sent);
    }
    // What never left is tried again all the same.
    let refused = Err(Failure::Refused("no route".into()));
    let bench = Bench::of(&UNKEYED_RESERVATIONS, [refused, payment(r#""state":"authorized","amount":1050"#)]);
    let request = Authorize { capture: CaptureMode::Manual, ..purchase() };
    assert!(ready(bench.client.authorize(&bench.world.cx(), &request)).is_ok());
    assert_eq!(bench.world.sent().len(), 2);
}

#[test]
fn a_repeated_reference_leads_to_the_first_payment() {
    let conflict = || json(409, r#"{"code":"duplicate"}"#);
    let bench = Bench::of(&UNIQUE, [conflict(), json(200, OK)]);
    assert_eq!(bench.buy().unwrap().handle, pay());
    // Another payment has the reference: nothing happened now.
    let bench = Bench::of(&UNIQUE, [conflict(), payment(r#""state":"captured","amount":7"#)]);
    let error = bench.buy().unwrap_err();
    assert_eq!((error.kind(), error.effect(), error.code()), (Kind::Conflict, Effect::None, Some("duplicate")));
    let bench = Bench::of(&FULL, [conflict(), json(200, OK)]);
    assert_eq!((bench.buy().unwrap_err().kind(), bench.world.sent().len()), (Kind::Conflict, 1));
}

fn void(bench: &Bench) -> Result<Payment> {
    let request = Void { key: key(), reference: "void-1".into(), payment: pay() };
    ready(bench.client.void(&bench.world.cx(), &request))
}

fn capture(bench: &Bench) -> Result<Payment> {
    let request = Capture { key: key(), reference: "capture-1".into(), payment: pay(), amount: eur(500), last: true };
    ready(bench.client.capture(&bench.world.cx(), &request))
}

fn adjust(bench: &Bench) -> Result<Payment> {
    let request = Adjust { key: key(), reference: "adjust-1".into(), payment: pay(), amount: eur(1500) };
    ready(bench.client.adjust(&bench.world.cx(), &request))
}

fn complete(bench: &Bench) -> Result<Payment> {
    let request = Complete {
        key: key(),
        reference: "order-1".into(),
        payment: pay(),
        amount: eur(1050),
        capture: CaptureMode::Automatic,
        method: None,
        customer: Customer::default(),
        billing: Address::default(),
        returned: Vec::new(),
    };
    ready(bench.client.complete(&bench.world.cx(), &request))
}

#[test]
fn a_completion_without_an_id_is_found_by_reference() {
    let bench = Bench::of(&FULL, [reset(), json(200, OK)]);
    let request = Complete {
        key: key(),
        reference: "order-1".into(),
        payment: Handle::new("order-1"),
        amount: eur(1050),
        capture: CaptureMode::Automatic,
        method: None,
        customer: Customer::default(),
        billing: Address::default(),
        returned: Vec::new(),
    };
    assert_eq!(ready(bench.client.complete(&bench.world.cx(), &request)).unwrap().handle, pay());
    assert_eq!(bench.world.sent()[1], "GET /payments?reference=order-1");
}

type Step = fn(&Bench) -> Result<Payment>;

#[test]
fn a_step_is_done_only_if_the_payment_shows_it() {
    let shown: [(Step, &str); 5] = [
        (void, r#""state":"voided""#),
        (capture, r#""state":"captured","captured":500,"amount":1050"#),
        (adjust, r#""state":"authorized","amount":1500"#),
        (complete, r#""state":"captured","amount":1050"#),
        (complete, r#""state":"declined""#),
    ];
    for (step, rest) in shown {
        let bench = Bench::of(&FULL, [reset(), payment(rest)]);
        assert_eq!(step(&bench).unwrap().handle, pay(), "{rest}");
        assert_eq!(bench.world.sent()[1], "GET /payments/pay_1");
    }
    let open: [(Step, &str); 13] = [
        (void, r#""state":"authorized""#),
        (void, r#""state":"captured""#),
        (void, r#""state":"expired""#),
        (capture, r#""state":"authorized","amount":1050"#),
        (capture, r#""state":"captured","amount":1050"#),
        (capture, r#""state":"captured","captured":499"#),
        (capture, r#""state":"captured","captured":1050"#),
        (adjust, r#""state":"authorized","amount":1050"#),
        (adjust, r#""state":"authorized""#),
        (adjust, r#""state":"voided","amount":1500"#),
        (complete, r#""state":"pending""#),
        (complete, r#""state":"brand_new""#),
        (complete, r#""state":"captured","amount":1049"#),
    ];
    for (step, rest) in open {
        let bench = Bench::of(&FULL, [reset(), payment(rest)]);
        stays_unknown(step(&bench), rest);
    }
    for answer in [json(404, "{}"), json(200, "<html>"), json(200, r#"{"id":"pay_2","state":"voided"}"#)] {
        stays_unknown(void(&Bench::of(&FULL, [reset(), answer])), "unusable answer");
    }
}

#[track_caller]
fn stays_unknown(result: Result<Payment>, why: &str) {
    let error = result.unwrap_err();
    assert_eq!((error.kind(), error.effect(), error.handle()), (Kind::Network, Effect::Unknown, Some(&pay())), "{why}");
}

#[test]
fn an_error_keeps_the_id_that_it_told() {
    let bench = Bench::of(&FULL, [json(500, r#"{"id":"void_1"}"#), payment(r#""state":"authorized""#)]);
    assert_eq!(void(&bench).unwrap_err().handle(), Some(&Handle::new("void_1")));
    assert_eq!(bench.ledger.all()[0].segment.currency, None);
    let bench = Bench::of(&FULL, [payment(r#""state":"captured","captured":500"#)]);
    capture(&bench).unwrap();
    assert_eq!(
        (bench.ledger.all()[0].segment.currency, bench.ledger.all()[0].amount),
        (Some(eur(0).currency()), Some(eur(500)))
    );
}

#[test]
fn one_capture_of_several_cannot_be_shown() {
    let bench = Bench::of(&PARTS, [reset(), payment(r#""state":"captured","captured":500"#)]);
    stays_unknown(capture(&bench), "the total does not tell which capture arrived");
    let bench = Bench::of(&BLIND, [reset()]);
    stays_unknown(capture(&bench), "nothing can be looked up");
    assert_eq!(bench.world.sent().len(), 1);
}

fn refund_with(spec: &'static Spec, answers: impl IntoIterator<Item = Answer>) -> (Bench, Result<Refund>) {
    let bench = Bench::of(spec, answers);
    let request =
        RefundRequest { key: key(), reference: "refund-1".into(), payment: pay(), amount: eur(500), reason: None };
    let result = ready(bench.client.refund(&bench.world.cx(), &request));
    (bench, result)
}

#[test]
fn a_refund_is_found_only_by_its_own_id() {
    let failed = || json(500, r#"{"id":"re_1"}"#);
    let found = |rest: &str| json(200, &format!(r#"{{"id":"re_1","state":"succeeded"{rest}}}"#));
    let (bench, result) = refund_with(&FULL, [failed(), found(r#","amount":500,"payment":"pay_1""#)]);
    let refund = result.unwrap();
    assert_eq!((refund.handle, refund.state), (Handle::new("re_1"), TransferState::Succeeded));
    assert_eq!(bench.world.sent(), ["POST /refunds", "GET /refunds/re_1"]);
    assert_eq!(bench.ledger.lines(), [(Op::Refund, "unknown"), (Op::RetrieveRefund, "approved")]);

    let (_, result) = refund_with(&FULL, [failed(), found(r#","amount":501"#)]);
    assert_eq!(result.unwrap_err().kind(), Kind::Integrity);
    let (_, result) = refund_with(&FULL, [failed(), found(r#","payment":"pay_2""#)]);
    assert_eq!(result.unwrap_err().effect(), Effect::Unknown);
    let policy = Policy { deadline: std::time::Duration::from_millis(100), ..Policy::default() };
    let hurried = Bench::new(&FULL, policy, [failed(), found(r#","amount":500"#)]);
    let request =
        RefundRequest { key: key(), reference: "refund-1".into(), payment: pay(), amount: eur(500), reason: None };
    assert!(ready(hurried.client.refund(&hurried.world.cx(), &request)).is_err() && hurried.world.sent().len() == 1);
    for (spec, answers) in [(&FULL, [reset()]), (&BLIND, [failed()])] {
        let (bench, result) = refund_with(spec, answers);
        assert_eq!((result.unwrap_err().effect(), bench.world.sent().len()), (Effect::Unknown, 1));
    }
}

#[test]
fn a_refund_that_is_refused_as_a_repetition_is_the_first_one() {
    let conflict = |status| json(status, r#"{"id":"re_1","code":"duplicate"}"#);
    let found = |rest: &str| json(200, &format!(r#"{{"id":"re_1","state":"succeeded"{rest}}}"#));
    let (bench, result) = refund_with(&UNIQUE, [conflict(409), found(r#","amount":500,"payment":"pay_1""#)]);
    assert_eq!(result.unwrap().state, TransferState::Succeeded);
    assert_eq!(bench.world.sent(), ["POST /refunds", "GET /refunds/re_1"]);
    // Another refund has the id, or there is none under it: nothing happened, as the provider said.
    for answer in [found(r#","amount":501"#), found(r#","amount":500,"payment":"pay_2""#), json(404, "{}")] {
        let (bench, result) = refund_with(&UNIQUE, [conflict(409), answer]);
        let error = result.unwrap_err();
        assert_eq!((error.kind(), error.effect(), error.code()), (Kind::Conflict, Effect::None, Some("duplicate")));
        assert_eq!(bench.world.sent().len(), 2);
    }
    // A provider that answers repetitions refuses for another reason, and no other refusal speaks of a repetition.
    for (spec, answer) in [(&FULL, conflict(409)), (&REPLAYING, conflict(409)), (&UNIQUE, conflict(422))] {
        let (bench, result) = refund_with(spec, [answer]);
        assert_eq!((result.unwrap_err().effect(), bench.world.sent().len()), (Effect::None, 1));
    }
}

/// A second refund would be made where the provider keeps no key of it.
#[test]
fn a_refund_is_repeated_only_under_a_key_of_its_own() {
    let done = || json(200, r#"{"id":"re_1","state":"succeeded","amount":500,"payment":"pay_1"}"#);
    let (bench, result) = refund_with(&UNKEYED_REFUNDS, [reset(), done()]);
    assert_eq!((result.unwrap_err().effect(), bench.world.sent().len()), (Effect::Unknown, 1));
    let bench = Bench::of(&UNKEYED_REFUNDS, [reset(), json(200, OK)]);
    assert!(bench.buy().is_ok());
    let (bench, result) = refund_with(&KEYED_REFUNDS, [reset(), done()]);
    assert_eq!((result.unwrap().state, bench.world.sent().len()), (TransferState::Succeeded, 2));
    let bench = Bench::of(&KEYED_REFUNDS, [reset(), json(404, "{}")]);
    assert_eq!(bench.buy().unwrap_err().effect(), Effect::Unknown);
    assert_eq!(bench.world.sent(), ["POST /payments", "GET /payments?reference=order-1"]);
}

#[test]
fn a_look_up_that_tells_the_authorization_only_settles_nothing_later() {
    let bench = Bench::of(&PARTLY_FOUND, [reset(), json(200, OK)]);
    assert_eq!(bench.buy().unwrap().handle, pay());
    let bench = Bench::of(&PARTLY_FOUND, [reset(), payment(r#""state":"voided""#)]);
    assert_eq!((void(&bench).unwrap_err().effect(), bench.world.sent().len()), (Effect::Unknown, 1));
}

#[test]
fn a_payout_is_found_by_its_id() {
    let pay_out_with = |spec: &'static Spec, answers: [Answer; 2]| {
        let bench = Bench::of(spec, answers);
        let request = PayOut {
            key: key(),
            reference: "out-1".into(),
            amount: eur(500),
            recipient: Recipient::Wallet { brand: "paypal".into(), account: "a@b.test".into() },
            customer: Customer::default(),
            description: None,
        };
        let result = ready(bench.client.pay_out(&bench.world.cx(), &request));
        (bench, result)
    };
    let pay_out = |answers| pay_out_with(&FULL, answers);
    let failed = || json(502, r#"{"id":"po_1"}"#);
    let (bench, result) = pay_out([failed(), json(200, r#"{"id":"po_1","state":"pending","amount":500}"#)]);
    assert_eq!(result.unwrap().state, TransferState::Pending);
    assert_eq!(bench.world.sent()[1], "GET /payouts/po_1");
    assert_eq!(bench.ledger.lines(), [(Op::PayOut, "unknown"), (Op::RetrievePayout, "pending")]);
    let (_, result) = pay_out([failed(), json(200, r#"{"id":"po_1","state":"pending","amount":501}"#)]);
    assert_eq!(result.unwrap_err().kind(), Kind::Integrity);
    let (bench, result) = pay_out([reset(), json(200, "{}")]);
    assert_eq!((result.unwrap_err().effect(), bench.world.sent().len()), (Effect::Unknown, 1));

    // A repetition that is refused leads to the first payout; another one under its id does not.
    let conflict = || json(409, r#"{"id":"po_1"}"#);
    let (_, result) = pay_out_with(&UNIQUE, [conflict(), json(200, r#"{"id":"po_1","state":"pending","amount":500}"#)]);
    assert_eq!(result.unwrap().handle, Handle::new("po_1"));
    let (_, result) = pay_out_with(&UNIQUE, [conflict(), json(200, r#"{"id":"po_1","state":"pending","amount":501}"#)]);
    let error = result.unwrap_err();
    assert_eq!((error.kind(), error.effect()), (Kind::Conflict, Effect::None));
    let (bench, result) = pay_out([conflict(), json(200, "{}")]);
    assert_eq!((result.unwrap_err().kind(), bench.world.sent().len()), (Kind::Conflict, 1));
}

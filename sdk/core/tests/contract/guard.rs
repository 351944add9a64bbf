use quittance::{
    Answer, AnswerDispute, Authorize, Capture, CaptureMode, Complete, Connector, Currency, Effect, Evidence, Guard,
    Handle, Key, Kind, Lookup, Method, Money, PayOut, Recipient, RefundRequest, Retrieve, Spec, State, Void,
};

use crate::shop::{BLIND, FULL, PARTS, SMALL, Shop, TOKEN};
use crate::support::{CVC, PAN, World, eur, json, key, pay, purchase, ready};

fn guarded(spec: &'static Spec) -> Guard {
    Guard::new(Shop::of(spec))
}

/// Refused with this kind and field, and nothing was sent.
#[track_caller]
fn refuses(spec: &'static Spec, request: &Authorize, kind: Kind, field: Option<&str>) {
    let world = World::new([]);
    let error = ready(guarded(spec).authorize(&world.cx(), request)).unwrap_err();
    assert_eq!((error.kind(), error.effect(), error.field()), (kind, Effect::None, field), "{error}");
    assert!(world.sent().is_empty());
}

fn capture() -> Capture {
    Capture { key: key(), reference: "capture-1".into(), payment: pay(), amount: eur(500), last: true }
}

fn refund() -> RefundRequest {
    RefundRequest { key: key(), reference: "r".into(), payment: pay(), amount: eur(500), reason: None }
}

fn pay_out() -> PayOut {
    PayOut {
        key: key(),
        reference: "p".into(),
        amount: eur(500),
        recipient: Recipient::Wallet { brand: "paypal".into(), account: "a@b.test".into() },
        customer: quittance::Customer::default(),
        description: None,
    }
}

pub(crate) fn complete(method: Option<Method>) -> Complete {
    Complete {
        key: key(),
        reference: "order-1".into(),
        payment: pay(),
        amount: eur(1050),
        capture: CaptureMode::Automatic,
        method,
        customer: quittance::Customer::default(),
        billing: quittance::Address::default(),
        returned: Vec::new(),
    }
}

fn void() -> Void {
    Void { key: key(), reference: "void-1".into(), payment: pay() }
}

#[test]
fn undeclared_wishes_are_typed_and_send_nothing() {
    let with_method = |method| Authorize { method, ..purchase() };
    refuses(&FULL, &with_method(Method::Pix), Kind::Unsupported, None);
    let eps = Method::BankRedirect { brand: "eps".into(), bank: None };
    refuses(&FULL, &with_method(eps), Kind::Unsupported, None);
    refuses(&FULL, &Authorize { store: true, ..purchase() }, Kind::Unsupported, None);
    let manual = Authorize { capture: CaptureMode::Manual, amount: eur(1000), ..purchase() };
    refuses(&SMALL, &manual, Kind::Unsupported, None);
    let usd = Authorize { amount: Money::new(1050, Currency::USD), ..purchase() };
    refuses(&FULL, &usd, Kind::Invalid, Some("amount.currency"));

    const PAYS_IN_DOLLARS: Spec = Spec { payout_currencies: Some(&[Currency::USD]), ..FULL };
    let world = World::new([]);
    let elsewhere = ready(guarded(&PAYS_IN_DOLLARS).pay_out(&world.cx(), &pay_out())).unwrap_err();
    assert_eq!((elsewhere.kind(), elsewhere.field()), (Kind::Invalid, Some("amount.currency")));

    let world = World::new([]);
    let undeclared = ready(guarded(&SMALL).void(&world.cx(), &void())).unwrap_err();
    assert_eq!((undeclared.kind(), undeclared.effect()), (Kind::Unsupported, Effect::None));
    let lookup = Retrieve { by: Lookup::Handle(pay()) };
    assert_eq!(ready(guarded(&BLIND).retrieve(&world.cx(), &lookup)).unwrap_err().kind(), Kind::Unsupported);
    for answer in [Answer::Accept, Answer::Contest(Evidence::default())] {
        let dispute = AnswerDispute { key: key(), dispute: Handle::new("d"), answer };
        assert_eq!(ready(guarded(&FULL).answer_dispute(&world.cx(), &dispute)).unwrap_err().kind(), Kind::Unsupported);
    }
    assert!(world.sent().is_empty());
}

#[test]
fn malformed_requests_name_the_field_and_send_nothing() {
    for text in ["", "a b", "schlüssel", "a\n", &"k".repeat(65)] {
        refuses(&FULL, &Authorize { key: Key::new(text), ..purchase() }, Kind::Invalid, Some("key"));
    }
    for text in ["", "a\r\nb", &"r".repeat(81)] {
        refuses(&FULL, &Authorize { reference: text.into(), ..purchase() }, Kind::Invalid, Some("reference"));
    }
    for minor in [0, -1, i64::MIN] {
        refuses(&FULL, &Authorize { amount: eur(minor), ..purchase() }, Kind::Invalid, Some("amount"));
    }
    // The provider counts whole euros: 10.50 cannot be said.
    refuses(&SMALL, &purchase(), Kind::Invalid, Some("amount"));
    for url in ["http://shop.test/back", "javascript:alert(1)", ""] {
        refuses(&FULL, &Authorize { return_url: Some(url.into()), ..purchase() }, Kind::Invalid, Some("return_url"));
    }
    let world = World::new([]);
    let by = Lookup::Reference("a\r\nb".into());
    assert_eq!(ready(guarded(&FULL).retrieve(&world.cx(), &Retrieve { by })).unwrap_err().field(), Some("reference"));
    let nameless = Void { reference: String::new(), ..void() };
    assert_eq!(ready(guarded(&FULL).void(&world.cx(), &nameless)).unwrap_err().field(), Some("reference"));
    assert!(world.sent().is_empty());
}

#[test]
fn an_answer_that_agrees_passes() {
    let agreeing =
        r#"{"id":"pay_1","state":"captured","amount":1050,"captured":1050,"currency":"EUR","reference":"order-1"}"#;
    let sparse = r#"{"id":"pay_1","state":"captured"}"#;
    for body in [agreeing, sparse] {
        let world = World::new([json(200, body)]);
        let payment = ready(guarded(&FULL).authorize(&world.cx(), &purchase())).unwrap();
        assert_eq!((payment.handle, payment.state), (pay(), State::Captured));
    }
}

/// The answer is refused as disagreeing, its id is kept, and the provider may have acted.
#[track_caller]
fn disagrees<T: std::fmt::Debug>(result: quittance::Result<T>, id: &str) {
    let error = result.unwrap_err();
    let handle = error.handle().map(Handle::id);
    assert_eq!((error.kind(), error.effect(), handle), (Kind::Integrity, Effect::Unknown, Some(id)), "{error}");
}

#[test]
fn an_answer_about_something_else_is_an_integrity_error() {
    for body in [
        r#"{"id":"pay_1","state":"captured","amount":1051}"#,
        r#"{"id":"pay_1","state":"captured","amount":1049}"#,
        r#"{"id":"pay_1","state":"captured","captured":1049}"#,
        r#"{"id":"pay_1","state":"captured","amount":1050,"currency":"USD"}"#,
        r#"{"id":"pay_1","state":"declined","amount":1}"#,
        r#"{"id":"pay_1","state":"captured","reference":"order-2"}"#,
    ] {
        let world = World::new([json(200, body)]);
        disagrees(ready(guarded(&FULL).authorize(&world.cx(), &purchase())), "pay_1");
    }
    for body in [
        r#"{"id":"pay_2","state":"captured"}"#,
        r#"{"id":"pay_1","state":"captured","now":499}"#,
        r#"{"id":"pay_1","state":"captured","captured":499}"#,
        r#"{"id":"pay_1","state":"captured","captured":501}"#,
    ] {
        let world = World::new([json(200, body)]);
        disagrees(ready(guarded(&FULL).capture(&world.cx(), &capture())), "pay_1");
    }
    for (by, body) in [
        (Lookup::Handle(pay()), r#"{"id":"pay_2","state":"captured"}"#),
        (Lookup::Reference("order-1".into()), r#"{"id":"pay_1","state":"captured","reference":"order-2"}"#),
    ] {
        let world = World::new([json(200, body)]);
        disagrees(ready(guarded(&FULL).retrieve(&world.cx(), &Retrieve { by })), "pay_1");
    }
}

#[test]
fn the_total_of_several_captures_is_at_least_what_was_asked_for() {
    let captured = |spec: &'static Spec, rest: &str| {
        let world = World::new([json(200, &format!(r#"{{"id":"pay_1",{rest}}}"#))]);
        ready(guarded(spec).capture(&world.cx(), &capture()))
    };
    assert!(captured(&PARTS, r#""state":"captured","captured":500"#).is_ok());
    assert!(captured(&PARTS, r#""state":"captured","captured":900"#).is_ok());
    disagrees(captured(&PARTS, r#""state":"captured","captured":499"#), "pay_1");
    // Of a payment that is not captured yet, the total is that of before.
    assert!(captured(&FULL, r#""state":"pending","captured":0"#).is_ok());
}

#[test]
fn other_operations_are_compared_too() {
    let other = || World::new([json(200, r#"{"id":"x","state":"succeeded","amount":1}"#)]);
    let refund = refund();
    disagrees(ready(guarded(&FULL).refund(&other().cx(), &refund)), "x");
    let world = World::new([json(200, r#"{"id":"x","state":"succeeded","payment":"pay_2"}"#)]);
    disagrees(ready(guarded(&FULL).refund(&world.cx(), &refund)), "pay_1");
    disagrees(ready(guarded(&FULL).pay_out(&other().cx(), &pay_out())), "x");
    disagrees(ready(guarded(&FULL).void(&other().cx(), &void())), "pay_1");
    disagrees(ready(guarded(&FULL).complete(&other().cx(), &complete(None))), "pay_1");
}

#[test]
fn what_the_provider_echoes_is_masked() {
    let echo = format!("card {PAN} code {CVC} key {TOKEN}");
    let declined = format!(r#"{{"id":"p","state":"declined","code":"{PAN}","text":"{echo}"}}"#);
    let unheard = format!(r#"{{"id":"p","state":"{TOKEN}"}}"#);
    for (status, body) in [
        (200, declined),
        (200, unheard),
        (402, format!(r#"{{"code":"{TOKEN}","message":"{echo}"}}"#)),
        (500, format!(r#"{{"code":"{CVC}","message":"{echo}"}}"#)),
    ] {
        let world = World::new([json(status, &body)]);
        let shown = format!("{:?}", ready(guarded(&FULL).authorize(&world.cx(), &purchase())));
        for secret in [PAN, CVC, TOKEN] {
            assert!(!shown.contains(secret), "{shown}");
        }
        assert!(shown.contains("[secret]"), "{shown}");
    }
}

#[test]
fn echoes_of_a_refund_and_a_payout_are_masked_too() {
    for state in [format!(r#""state":"failed","code":"{PAN}","text":"key {TOKEN}""#), format!(r#""state":"{TOKEN}""#)] {
        let world = || World::new([json(200, &format!(r#"{{"id":"x",{state}}}"#))]);
        let refunded = format!("{:?}", ready(guarded(&FULL).refund(&world().cx(), &refund())));
        let paid_out = format!("{:?}", ready(guarded(&FULL).pay_out(&world().cx(), &pay_out())));
        for shown in [refunded, paid_out] {
            assert!(!shown.contains(PAN) && !shown.contains(TOKEN) && shown.contains("[secret]"), "{shown}");
        }
    }
}

#[test]
fn an_id_that_holds_a_secret_is_no_answer() {
    let body = format!(r#"{{"id":"{TOKEN}","state":"succeeded"}}"#);
    let world = || World::new([json(200, &body)]);
    assert_eq!(ready(guarded(&FULL).refund(&world().cx(), &refund())).unwrap_err().kind(), Kind::Protocol);
    assert_eq!(ready(guarded(&FULL).pay_out(&world().cx(), &pay_out())).unwrap_err().kind(), Kind::Protocol);
}

#[test]
fn no_amount_is_below_zero_and_no_id_is_empty() {
    for body in [r#"{"id":"","state":"succeeded"}"#, r#"{"id":"x","state":"succeeded","amount":-500}"#] {
        let world = || World::new([json(200, body)]);
        assert!(ready(guarded(&FULL).authorize(&world().cx(), &purchase())).is_err(), "{body}");
        assert!(ready(guarded(&FULL).refund(&world().cx(), &refund())).is_err(), "{body}");
        assert!(ready(guarded(&FULL).pay_out(&world().cx(), &pay_out())).is_err(), "{body}");
    }
}

#[test]
fn a_method_is_taken_again_only_where_the_provider_asks_for_it() {
    let complete = complete(Some(purchase().method));
    let world = World::new([]);
    let error = ready(guarded(&FULL).complete(&world.cx(), &complete)).unwrap_err();
    assert_eq!((error.kind(), error.field()), (Kind::Invalid, Some("method")), "{error}");
    assert!(world.sent().is_empty());
    const ASKS: Spec = Spec { complete_with_method: true, ..FULL };
    let world = World::new([json(200, r#"{"id":"pay_1","state":"captured"}"#)]);
    assert!(ready(guarded(&ASKS).complete(&world.cx(), &complete)).is_ok());
}

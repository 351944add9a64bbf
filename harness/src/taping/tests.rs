//! What becomes a hole, and what stops a tape.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::*;
use crate::tape::model::{ProvenanceKind, RequestModel};

fn known() -> Known {
    let credentials = BTreeMap::from([
        ("api_key".to_owned(), "sk_test_quittance".to_owned()),
        ("user".to_owned(), "merchant-7".to_owned()),
    ]);
    let values = StepValues {
        key: Some("key-0001-abcd".to_owned()),
        reference: Some("R1-279b3143b7".to_owned()),
        samples: Arc::default(),
    };
    Known {
        credentials: Arc::new(credentials),
        steps: BTreeMap::from([(1, values)]),
        test_cards: vec!["4242424242424242".to_owned()],
    }
}

fn made(request: &str, answer: &str) -> (TapeModel, Vec<Doubt>) {
    let request = Request::post("https://api.example/v1/payments")
        .header("authorization", "Bearer sk_test_quittance")
        .header("idempotency-key", "key-0001-abcd")
        .header("content-type", "application/json")
        .body(Bytes::copy_from_slice(request.as_bytes()))
        .unwrap();
    let answer = Response::builder()
        .status(200)
        .header("content-type", "application/json")
        .header("date", "Sun, 22 Nov 2026 12:00:00 GMT")
        .body(Bytes::copy_from_slice(answer.as_bytes()))
        .unwrap();
    let crossing = Crossing { step: 1, settle: false, request, answer, at_unix: 1_795_348_800, like: None };
    let provenance = Provenance { kind: ProvenanceKind::Synthesised, source: None, seen: None, environment: None };
    tape(&[crossing], &known(), provenance).unwrap()
}

#[test]
fn values_become_holes_by_value_and_by_type() {
    let (model, doubts) = made(
        r#"{"reference":"R1-279b3143b7","amount":6000}"#,
        r#"{"id":"pi_3Nabc12345","status":"succeeded","amount":6000,"created":1795348799,"expires":"2026-11-22T13:00:00Z","reference":"R1-279b3143b7","trace":"f25084f0-5b16-4c0a-ae5d-b24808a95e4b","account":123456789012,"rate":1.50}"#,
    );
    assert_eq!(doubts, []);
    let exchange = &model.exchange[0];
    assert_eq!(exchange.request.headers["authorization"], "Bearer ${secret:api_key}");
    assert_eq!(exchange.request.headers["idempotency-key"], "${key}");
    assert_eq!(exchange.request.json.as_deref(), Some(r#"{"reference":"${reference}","amount":6000}"#));
    assert!(!exchange.response.headers.contains_key("date"));
    assert_eq!(
        exchange.response.body,
        r#"{"id":"pi_${gen:id:alnum10}","status":"succeeded","amount":6000,"created":"${now:unix#number}","expires":"${now+3600:rfc3339}","reference":"${reference}","trace":"${gen:trace:uuid}","account":"${gen:account:digits12#number}","rate":1.50}"#
    );
}

#[test]
fn what_nobody_may_keep_is_told_by_place() {
    let told =
        |request: &str, answer: &str| made(request, answer).1.iter().map(ToString::to_string).collect::<Vec<_>>();
    let pan = told("{}", r#"{"card":{"number":"4111 1111 1111 1111"}}"#);
    assert_eq!(pan, ["exchange 1, answer /card/number: a card number that is no test card of this profile"]);
    assert_eq!(told(r#"{"card":"4242424242424242"}"#, "{}"), Vec::<String>::new());
    assert_eq!(told(r#"{"a":"sk_live_x"}"#, "{}"), ["exchange 1, request /a: a key that looks live"]);
    assert_eq!(
        told("{}", r#"{"mail":"ada@lovelace.org","other":"ada@shop.example"}"#),
        ["exchange 1, answer /mail: an e-mail address"]
    );
}

#[test]
fn runs_of_digits_are_card_numbers_only_with_their_check_digit() {
    assert_eq!(luhn_runs("x 4242-4242-4242-4242; 4242424242424241 179534880000000"), ["4242424242424242"]);
    assert!(luhn_runs("12345678901234567890123").is_empty());
}

#[test]
fn ids_of_networks_are_no_card_numbers() {
    let doubted = |digits: &str| doubts_of(digits, &[]).next().is_some();
    for id in ["238492034823941", "401288888888182", "312345678901230"] {
        assert!(!doubted(id), "{id}");
    }
    for card in ["4539578763621486", "371449635398431", "2223003122003222", "6304000000000000", "3530111333300000"] {
        assert!(doubted(card), "{card}");
    }
}

/// An id that passes the check digit of cards by chance is one where the present tape says that the provider mints it.
#[test]
fn what_the_present_tape_mints_is_no_card_number() {
    let answer = r#"{"card":{"transaction":"6304000000000000"}}"#;
    let like = |body: &str| {
        let mut like = made("{}", body).0.exchange.remove(0);
        like.response.body = body.to_owned();
        like
    };
    let doubts = |like: Option<ExchangeModel>| {
        let request = Request::post("https://api.example/v1/payments").body(Bytes::new()).unwrap();
        let media = "application/json";
        let response = Response::builder().header("content-type", media).body(Bytes::from(answer)).unwrap();
        let crossing = Crossing { step: 1, settle: false, request, answer: response, at_unix: 1_795_348_800, like };
        let provenance = Provenance { kind: ProvenanceKind::Synthesised, source: None, seen: None, environment: None };
        tape(&[crossing], &known(), provenance).unwrap().1
    };
    assert_eq!(doubts(Some(like(r#"{"card":{"transaction":"${gen:network:digits16}"}}"#))), []);
    assert_eq!(doubts(Some(like(r#"{"card":{"transaction":"none"}}"#))).len(), 1);
    assert_eq!(doubts(None).len(), 1);
}

/// What a tape has that the request is like, as TOML.
fn made_like(like: &str, request: &str) -> RequestModel {
    let like: ExchangeModel = toml::from_str(like).unwrap();
    let request = Request::post("https://api.example/v1/payments")
        .header("content-type", "text/xml")
        .body(Bytes::copy_from_slice(request.as_bytes()))
        .unwrap();
    let answer = Response::builder().status(200).body(Bytes::from_static(b"<ok/>")).unwrap();
    let crossing = Crossing { step: 1, settle: false, request, answer, at_unix: 1_795_348_800, like: Some(like) };
    let mut known = known();
    let samples = [
        ("card.number", "4242424242424242"),
        ("card.expiry_month", "1"),
        ("card.expiry_year", "2030"),
        ("card.cvc", "123"),
    ];
    let samples = samples.map(|(name, value)| (name.to_owned(), value.to_owned()));
    known.steps.get_mut(&1).unwrap().samples = Arc::new(BTreeMap::from(samples));
    let provenance = Provenance { kind: ProvenanceKind::Synthesised, source: None, seen: None, environment: None };
    let (model, doubts) = tape(&[crossing], &known, provenance).unwrap();
    assert_eq!(doubts, []);
    model.exchange[0].request.clone()
}

/// In XML a place is an element's or an attribute's; short values and times of a form of the provider's own are known by the present tape.
#[test]
fn xml_takes_the_holes_of_a_present_tape() {
    let like = r#"
        step = 1
        [request]
        method = "POST"
        url = "https://api.example/v1/payments"
        headers = { content-type = "text/xml" }
        xml = '''<request timestamp="${now:%Y%m%d%H%M%S}" id="x-${now:%H%M}-${reference}"><card><number>${card:number}</number>
            <exp>${card:expiry_month2}${card:expiry_year2}</exp><cvn>${card:cvc}</cvn><digest>${any:hex}</digest></card></request>'''
        [response]
        status = 200
        body = "<ok/>"
    "#;
    let xml = "<?xml version=\"1.0\"?><request timestamp=\"20261122120003\" id=\"x-1200-R1-279b3143b7\"><orderid>key-0001-abcd</orderid>\
               <card><number>4242424242424242</number><exp>0130</exp><cvn>123</cvn><other>123</other><digest>0a1b</digest></card></request>";
    assert_eq!(
        made_like(like, xml).xml.as_deref(),
        Some(
            "<?xml version=\"1.0\"?><request timestamp=\"${now:%Y%m%d%H%M%S}\" id=\"x-${now:%H%M}-${reference}\"><orderid>${key}</orderid>\
             <card><number>${card:number}</number><exp>${card:expiry_month2}${card:expiry_year2}</exp><cvn>${card:cvc}</cvn>\
             <other>${card:cvc}</other><digest>${any:hex}</digest></card></request>"
        )
    );
}

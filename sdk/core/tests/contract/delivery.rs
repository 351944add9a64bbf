use quittance::digest::{Hash, hmac, same};
use quittance::http::HeaderMap;
use quittance::{Connector, Delivery, Effect, Error, EventBody, Guard, Kind, Result, Signed, State, check_age};

use crate::shop::{FULL, Shop, TOKEN};
use crate::support::{NOW_SECOND, World, ready};

const BODY: &str = r#"{"id":"pay_1","state":"captured"}"#;

fn delivery(time: i64, key: &str, body: &'static str) -> Delivery {
    let time = time.to_string();
    let signature = hmac(Hash::Sha256, key.as_bytes(), &[time.as_bytes(), b".", BODY.as_bytes()]);
    let mut headers = HeaderMap::new();
    headers.insert("shop-time", time.parse().unwrap());
    headers.insert("shop-signature", hex::encode(signature).parse().unwrap());
    Delivery::new(headers, body)
}

fn receive(delivery: &Delivery) -> Result<Vec<quittance::Event>> {
    let world = World::new([]);
    let events = ready(Guard::new(Shop::of(&FULL)).webhook(&world.cx(), delivery));
    assert!(world.sent().is_empty());
    events
}

#[track_caller]
fn rejected<T>(result: Result<T>) {
    let error = result.err().unwrap();
    assert_eq!((error.kind(), error.effect()), (Kind::Signature, Effect::None), "{error}");
}

#[test]
fn a_signed_delivery_is_read() {
    for time in [NOW_SECOND, NOW_SECOND - 300, NOW_SECOND + 300] {
        let events = receive(&delivery(time, TOKEN, BODY)).unwrap();
        let EventBody::Payment(payment) = &events[0].body else { panic!("another event") };
        assert_eq!(payment.state, State::Captured);
    }
}

#[test]
fn a_delivery_that_nobody_vouches_for_is_not_read() {
    rejected(receive(&delivery(NOW_SECOND, "another key", BODY)));
    rejected(receive(&delivery(NOW_SECOND, "", BODY)));
    rejected(receive(&delivery(NOW_SECOND, TOKEN, r#"{"id":"pay_1","state":"voided"}"#)));
    for time in [NOW_SECOND - 301, NOW_SECOND + 301, 0, i64::MIN, i64::MAX] {
        rejected(receive(&delivery(time, TOKEN, BODY)));
    }
    rejected(receive(&Delivery::new(HeaderMap::new(), BODY)));
    for (name, value) in
        [("shop-time", "soon"), ("shop-signature", "zz"), ("shop-signature", ""), ("shop-signature", "00")]
    {
        let mut headers = HeaderMap::new();
        headers.insert("shop-time", NOW_SECOND.to_string().parse().unwrap());
        headers.insert("shop-signature", "00".repeat(32).parse().unwrap());
        headers.insert(name, value.parse().unwrap());
        rejected(receive(&Delivery::new(headers, BODY)));
    }
}

#[test]
fn keyed_digests_vouch_for_what_was_signed_and_nothing_less() {
    let delivery = Delivery::new(HeaderMap::new(), BODY).at_url("https://merchant.test/hook");
    for hash in [Hash::Sha1, Hash::Sha256, Hash::Sha512] {
        let given = hmac(hash, b"key", &[BODY.as_bytes()]);
        assert_eq!(delivery.hmac(hash, b"key", &[Signed::Body], &given).unwrap().text().unwrap(), BODY);
        rejected(delivery.hmac(hash, b"key", &[Signed::Body], &given[..given.len() - 1]));
        rejected(delivery.hmac(hash, b"key", &[Signed::Body], &[]));
        rejected(delivery.hmac(hash, b"key", &[Signed::Text("."), Signed::Body], &given));
        rejected(delivery.hmac(hash, b"yek", &[Signed::Body], &given));
        // Anybody can sign with a secret that was left blank.
        rejected(delivery.hmac(hash, b"", &[Signed::Body], &hmac(hash, b"", &[BODY.as_bytes()])));
    }
    assert!(same(b"a", b"a") && !same(b"a", b"b") && !same(b"a", b"aa") && !same(b"", b""));
    rejected(delivery.vouch(|_| Err(Error::signature("no"))));
    assert!(delivery.vouch(|body| if body == BODY.as_bytes() { Ok(()) } else { Err(Error::signature("no")) }).is_ok());
    assert_eq!(delivery.url(), Some("https://merchant.test/hook"));
}

#[test]
fn an_age_beyond_all_bounds_is_no_overflow() {
    let world = World::new([]);
    for time in [i64::MIN, i64::MAX] {
        rejected(check_age(&world.cx(), time, u32::MAX));
    }
    assert!(check_age(&world.cx(), NOW_SECOND, 0).is_ok());
}

#[test]
fn a_delivery_does_not_show_its_body() {
    let shown = format!("{:?}", delivery(NOW_SECOND, TOKEN, BODY));
    assert!(!shown.contains("captured"), "{shown}");
}

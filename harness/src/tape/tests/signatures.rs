//! The expected signatures were computed with another implementation.

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use base64::Engine as _;

use super::{NOW, one, paths, player, profile, request, tape, values};
use crate::tape::{Delivery, Spoil, Tape};

const URL: &str = "https://api.acme.test:8443/v1/pay?x=1";
const REQUEST: &str = "xWYg7T7ly7Ef8BLjlisEi4I/a3jrLKgYedidsrGLNbX1WPn0iB1TZFec3xIpA9s3G7DjnQC2ieOBvxt1ip0toA==";
const FIELDS: &str = "CCED178A8856396000B6D7C5BA593B517A8813FF";
const INSIDE: &str = "p8ZihLS8BQLVkRG8ay7LXN_QQTyUSQa7kkXqyQ9pN0Q";
const OF_A_DIGEST: &str = "567bbb50141a81f603a4f06cae896ac56465016a";
const CHECKED: &str = "442dda0e7e0873175ca4f4eafc4eefcc562e47254fb115ca1ad2c21bbad4005603dfb4e9711156d7e3503ee5858184d6d62bf1d4788a153ae15e8a9132e2f624";

#[test]
fn a_request_signature_is_recomputed() {
    let tape = one(&format!(
        "method = \"POST\"\nurl = \"{URL}\"\nheaders = {{ x-nonce = \"n-${{any:digits}}\", x-sig = \"v1=${{sig:request}}\" }}\njson = '{{\"a\":1}}'"
    ));
    let sent = |nonce: &str, signature: &str, body: &str| {
        paths(&tape, &request("POST", URL, &[("x-nonce", nonce), ("x-sig", signature)], body))
    };
    let right = format!("v1={REQUEST}");
    assert!(sent("n-1", &right, "{\"a\":1}").is_empty());
    assert_eq!(sent("n-2", &right, "{\"a\":1}"), ["header x-sig"]);
    assert_eq!(sent("n-1", &right, "{ \"a\":1}"), ["header x-sig"], "the exact bytes are signed");
    assert_eq!(sent("n-1", &right.replace("xW", "yW"), "{\"a\":1}"), ["header x-sig"]);
    assert_eq!(sent("n-1", "v1=", "{\"a\":1}"), ["header x-sig"]);
}

#[test]
fn a_signature_inside_a_form_covers_its_fields() {
    let tape = one(
        "method = \"POST\"\nurl = \"https://api.acme.test/\"\nform = { amount = \"60 00\", currency = \"EUR\", sign = \"${sig:fields}\" }",
    );
    let sent = |body: &str| paths(&tape, &request("POST", "https://api.acme.test/", &[], body));
    assert!(sent(&format!("amount=60+00&currency=EUR&sign={FIELDS}")).is_empty());
    assert_eq!(sent(&format!("amount=60+00&currency=EUR&sign={}", FIELDS.to_lowercase())), ["form sign"]);
    assert_eq!(sent(&format!("amount=60+01&currency=EUR&sign={FIELDS}")), ["form amount", "form sign"]);
    assert_eq!(sent("amount=60+00&currency=EUR"), ["form sign"]);
}

#[test]
fn digests_of_the_body_and_captured_values_can_be_signed() {
    let tape = one(
        "method = \"POST\"\nurl = \"https://api.acme.test/${any:digits:nonce}\"\nheaders = { x-sig = \"${sig:checked}\" }\ntext = \"hello\"",
    );
    let sent = |nonce: &str| {
        paths(&tape, &request("POST", &format!("https://api.acme.test/{nonce}"), &[("x-sig", CHECKED)], "hello"))
    };
    assert!(sent("77").is_empty());
    assert_eq!(sent("78"), ["header x-sig"]);
}

#[test]
fn a_digest_of_a_digest_can_be_stated() {
    let tape = one(
        "method = \"POST\"\nurl = \"https://api.acme.test/\"\nxml = '<r><orderid>N6qs</orderid><sha1hash>${sig:with_secret}</sha1hash></r>'",
    );
    let sent = |order: &str, digest: &str| {
        let body = format!("<r><orderid>{order}</orderid><sha1hash>{digest}</sha1hash></r>");
        paths(&tape, &request("POST", "https://api.acme.test/", &[], &body))
    };
    assert!(sent("N6qs", OF_A_DIGEST).is_empty());
    assert_eq!(sent("N6qs", &OF_A_DIGEST.replace('a', "b")), ["/r/sha1hash"]);
    assert!(sent("N6qt", OF_A_DIGEST).contains(&"/r/sha1hash".to_owned()), "what is inside is signed, too");
}

#[test]
fn a_delivery_is_signed_last() {
    let tape = tape(
        "[[webhook]]\nstep = 1\nheaders = { content-type = \"application/json\", stripe-signature = \"t=${now:unix},v1=${sig:webhook}\" }\nbody = '{\"a\":\"é\"}'\n\
         [[webhook]]\nstep = 2\nbody = '{\"item\":{\"amount\":12.340,\"ok\":true,\"id\":\"${gen:id}\",\"sign\":\"${sig:inside}\"}}'\n",
    );
    let mut run = player(&tape);
    let delivery = run.webhook(1, Spoil::Not).unwrap();
    let signature = format!("t={NOW},v1=10a9e7b5cb78d443887ead714993d2c6619101f8500604531339a225f7c49f6a");
    assert!(delivery.headers.contains(&("stripe-signature".to_owned(), signature)));
    assert_eq!(delivery.body, "{\"a\":\"é\"}");
    assert!(!run.has_webhook(1));
    assert!(run.webhook(1, Spoil::Not).unwrap() == delivery, "the last one again");
    for spoil in [Spoil::WrongKey, Spoil::Body, Spoil::Unsigned] {
        assert!(run.webhook(1, spoil).unwrap() != delivery, "{spoil:?}");
    }
    run.end_step().unwrap();
    run.begin_step(2, values(2));
    let delivery = run.webhook(2, Spoil::Not).unwrap();
    assert!(
        String::from_utf8_lossy(&delivery.body).ends_with(&format!("\"sign\":\"{INSIDE}\"}}}}")),
        "{:?}",
        delivery.body
    );
    run.finish().unwrap();
}

#[test]
fn answers_can_be_signed_too() {
    let tape = tape(
        "[[exchange]]\nstep = 1\nrequest = { method = \"GET\", url = \"https://api.acme.test/\" }\nresponse = { status = 200, headers = { x-sig = \"${sig:webhook}\" }, body = '{\"a\":\"é\"}' }\n",
    );
    let answer = player(&tape).exchange(&request("GET", "https://api.acme.test/", &[], "")).unwrap();
    assert_eq!(answer.headers()["x-sig"], "10a9e7b5cb78d443887ead714993d2c6619101f8500604531339a225f7c49f6a");
}

#[test]
fn what_a_recipe_needs_must_be_there() {
    let tape = one("method = \"POST\"\nurl = \"https://api.acme.test/\"\nheaders = { x-sig = \"${sig:request}\" }");
    let found = super::differences(&tape, &request("POST", "https://api.acme.test/", &[("x-sig", "x")], ""));
    assert!(found[0].expected.contains("`${header:x-nonce}`, but there is no such header"), "{found:?}");
    let text = "[[webhook]]\nstep = 1\nheaders = { x-sig = \"${sig:request}\" }\nbody = ''\n";
    let found = player(&super::tape(text)).webhook(1, Spoil::Not).unwrap_err();
    assert!(found[0].found.contains("a webhook has none"), "{found:?}");
}

#[test]
fn rsa_signatures_verify_with_the_public_key() {
    let pair = KeyPair::generate(KeySize::Rsa2048).unwrap();
    let der = AsDer::<Pkcs8V1Der<'_>>::as_der(&pair).unwrap();
    let base64 = |bytes: &[u8]| base64::engine::general_purpose::STANDARD.encode(bytes);
    let pkcs8 = format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", base64(der.as_ref()));
    // The RSA key stands in PKCS #8 behind a header of 26 bytes (RFC 5208 §5, a 2048-bit key).
    let pkcs1 =
        format!("-----BEGIN RSA PRIVATE KEY-----\n{}\n-----END RSA PRIVATE KEY-----\n", base64(&der.as_ref()[26..]));
    let folder = std::env::temp_dir().join(format!("quittance-rsa-{}", std::process::id())).join("acme");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("key.pem"), &pkcs8).unwrap();
    for key in ["key.pem".to_owned(), pkcs8, pkcs1, "${secret:pem}".to_owned()] {
        let text = super::PROFILE.replace(
            "[credentials.nested]",
            &format!("pem = '''{}'''\n[credentials.nested]", std::fs::read_to_string(folder.join("key.pem")).unwrap()),
        ) + &format!(
            "[signature.rsa]\nalgorithm = \"rsa-sha256\"\nkey = '''{key}'''\nover = \"${{body}}\"\nencoding = \"base64\"\n"
        );
        let profile =
            crate::profile::Profile::parse("acme/profile.toml", &text, &folder, jiff::civil::date(2026, 11, 22))
                .unwrap();
        let tape = "provenance = { kind = \"synthesised\" }\n[[webhook]]\nstep = 1\nheaders = { x-sig = \"${sig:rsa}\" }\nbody = 'hello'\n";
        let tape = Tape::parse("a.toml", tape, &profile).unwrap();
        let run = super::RunValues {
            seed: 1,
            now_unix_seconds: NOW,
            credentials: std::sync::Arc::new(profile.credentials),
            proven: None,
        };
        let delivery = super::Player::new(tape, run).webhook(1, Spoil::Not).unwrap();
        let signature = base64::engine::general_purpose::STANDARD.decode(&delivery.headers[0].1).unwrap();
        UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, pair.public_key().as_ref())
            .verify(b"hello", &signature)
            .unwrap();
    }
    let _ = std::fs::remove_dir_all(folder.parent().unwrap());
}

#[test]
fn credentials_are_flat() {
    assert_eq!(profile().credentials["nested.account"], "account_7");
}

#[test]
fn a_delivery_can_be_spoilt() {
    let tape = tape(
        "[[webhook]]\nstep = 1\nheaders = { x-plain = \"p\", x-sig = \"t=${now:unix},v1=${sig:webhook}\" }\nbody = '{\"a\":\"id\",\"n\":19}'\n\
         [[webhook]]\nstep = 2\nbody = '{\"other\":7,\"item\":{\"amount\":12.340,\"ok\":true,\"sign\":\"${sig:inside}\"}}'\n\
         [[webhook]]\nstep = 3\nheaders = { authorization = \"Basic ${basic:user:password}\", x-token = \"${secret:api_key}\" }\nbody = '{\"n\":1}'\n\
         [[webhook]]\nstep = 4\nbody = '{\"n\":1}'\n",
    );
    let mut run = player(&tape);
    let header = |delivery: &Delivery, name: &str| {
        delivery.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone())
    };
    let body = |delivery: &Delivery| String::from_utf8(delivery.body.to_vec()).unwrap();
    let valid = run.webhook(1, Spoil::Not).unwrap();

    let altered = run.webhook(1, Spoil::Body).unwrap();
    assert_eq!((body(&altered), &altered.headers), ("{\"a\":\"id\",\"n\":99}".to_owned(), &valid.headers));
    let unsigned = run.webhook(1, Spoil::Unsigned).unwrap();
    assert_eq!((unsigned.body, unsigned.headers), (valid.body.clone(), vec![("x-plain".to_owned(), "p".to_owned())]));
    let wrong = run.webhook(1, Spoil::WrongKey).unwrap();
    let (right, other) = (header(&valid, "x-sig").unwrap(), header(&wrong, "x-sig").unwrap());
    assert!(wrong.body == valid.body && right != other && right.len() == other.len() && right[..16] == other[..16]);
    let valid = body(&run.webhook(2, Spoil::Not).unwrap());
    let altered = body(&run.webhook(2, Spoil::Body).unwrap());
    assert_eq!(altered, valid.replace("12.340", "92.340"), "the amount is signed, the other number is not");
    let unsigned = body(&run.webhook(2, Spoil::Unsigned).unwrap());
    assert!(unsigned.contains("\"sign\":\"\""));
    assert_ne!(body(&run.webhook(2, Spoil::WrongKey).unwrap()), valid);

    let wrong = run.webhook(3, Spoil::WrongKey).unwrap();
    assert_eq!(header(&wrong, "x-token").unwrap(), "sk_test_quittance-other");
    assert_ne!(header(&wrong, "authorization").unwrap(), "Basic bWVyY2hhbnQ6cGFzcyB3b3Jk");
    assert!(run.webhook(3, Spoil::Unsigned).unwrap().headers.is_empty());
    assert!(run.webhook(3, Spoil::Body).is_err(), "a secret does not cover the body");
    for spoil in [Spoil::Body, Spoil::Unsigned, Spoil::WrongKey] {
        assert!(run.webhook(4, spoil).is_err(), "it has no proof");
    }
    assert!(run.webhook(5, Spoil::Body).is_err());
}

#[test]
fn a_delivery_is_dated_anew_however_its_tape_writes_the_time() {
    let tape = tape(
        "[[webhook]]\nstep = 1\nheaders = { x-day = \"${now-10800:%Y%m%d%H%M%S}\", x-plain = \"p\", x-sig = \"t=${now:unix},v1=${sig:webhook}\" }\nbody = '{}'\n",
    );
    let mut run = player(&tape);
    let valid = run.webhook(1, Spoil::Not).unwrap();
    let value = |delivery: &Delivery, name: &str| {
        delivery.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone()).unwrap()
    };
    let moved = run.redated(0, &valid, 301);
    assert_eq!(moved.len(), 2, "each header that states the time");
    let [day, signed] = [0, 1].map(|index| &moved[index]);
    let number = |delivery: &Delivery| value(delivery, "x-day").parse::<u64>().unwrap();
    assert_eq!(number(day) - number(&valid), 501, "five minutes and a second");
    assert_eq!(value(day, "x-sig"), value(&valid, "x-sig"));
    assert_eq!(value(signed, "x-sig"), value(&valid, "x-sig").replace(&NOW.to_string(), &(NOW + 301).to_string()));
    assert_eq!(run.redated(1, &valid, 301), []);
}

#[test]
fn the_url_of_a_delivery_can_be_signed() {
    let text = "[[webhook]]\nstep = 1\nurl = \"https://merchant.example/hook?a=1\"\nheaders = { x-nonce = \"n\", x-sig = \"${sig:request}\" }\nbody = '{}'\n";
    let delivery = player(&tape(text)).webhook(1, Spoil::Not).unwrap();
    assert_eq!(delivery.url.as_deref(), Some("https://merchant.example/hook?a=1"));
    assert_eq!(delivery.headers[1].1.len(), 88);
    let found = super::try_tape(&text.replace("https://merchant", "merchant")).unwrap_err();
    assert!(found[0].contains("webhook[1].url: expected a whole url"), "{found:?}");
}

//! What is held against a request, and what an answer does not say of a case that no tape shows.

use std::fs;
use std::path::Path;

use quittance::{Context, Kind, drive};
use quittance_harness::run::stage::{Around, START_UNIX_SECONDS};
use quittance_harness::sandbox::{Answered, Sandbox};
use quittance_harness::world::World;

use super::{Life, Pair, WORLD, post, scenario_of};

/// Another merchant's account is refused as a wrong key is, wherever it is sent.
#[test]
fn another_account_is_refused() {
    for (id, name, other) in [
        ("adyen", "merchant_account", "AnotherShop"),
        ("worldpay-cnp", "merchant_id", "1288792"),
        ("square", "location_id", "L88917AVBK2S6"),
        ("redsys", "merchant_code", "999008882"),
    ] {
        let pair = Pair::named(id);
        let mut value = pair.subject.profile.model.credentials.clone();
        assert!(value.insert(name.to_owned(), toml::Value::String(other.to_owned())).is_some(), "{id} has no {name}");
        let stranger = pair.subject.entry.connect(serde_json::to_value(&value).unwrap()).unwrap();
        let slot = drive::Wire::default();
        let around = Around::new(21);
        let cx = Context::new(&slot, &around.clock, &around.random, &around.tokens);
        let request = Life::new(&pair, 9).request(&scenario_of("authorize.captured").steps[0]).unwrap();
        let mut misses = Vec::new();
        let result = drive::drive(&slot, request.call(stranger.as_ref(), &cx), |sent| {
            let answered = pair.sandbox.answer(&sent, START_UNIX_SECONDS);
            misses.extend(answered.seen.misses);
            Ok(answered.response)
        });
        assert_eq!(result.unwrap_err().kind(), Kind::Credentials, "{id}");
        let told = misses.iter().flat_map(|miss| &miss.differences).any(|why| why.contains(&format!("secret:{name}")));
        assert!(told || id == "redsys", "{id}: {misses:?}");
    }
}

/// The profile and two tapes of Redsys, the signature of requests as any text in base64.
fn unsigned() -> Sandbox {
    let root = Path::new(env!("CARGO_TARGET_TMPDIR")).join("held-redsys");
    let fixtures = root.join("fixtures/redsys");
    fs::create_dir_all(&fixtures).unwrap();
    for file in ["profile.toml", "authorize.captured.toml", "authorize.bad_credentials.toml"] {
        let text = fs::read_to_string(WORLD.0.root.join("fixtures/redsys").join(file)).unwrap();
        fs::write(fixtures.join(file), text.replace("${sig:request}", "${any:base64}")).unwrap();
    }
    let world = World { root, today: WORLD.0.today };
    let subject = world.subject(quittance_connectors::find("redsys").unwrap()).unwrap();
    Sandbox::new(&subject, &WORLD.1, 7).unwrap()
}

/// A proof of another form than the hole for it is refused, also where good ones came before.
#[test]
fn a_proof_has_the_form_of_its_hole() {
    let (sandbox, pair) = (unsigned(), Pair::named("redsys"));
    for (seed, proof, is_taken) in [
        (1, "MDEyMw==", true),
        (2, "no base64!", false),
        (3, "", false),
        (4, "NDU2Nw==", true),
        (5, "no base64!", false),
    ] {
        let mut life = Life::new(&pair, seed);
        let request = life.request(&scenario_of("authorize.captured").steps[0]).unwrap();
        let slot = drive::Wire::default();
        let cx = Context::new(&slot, &life.around.clock, &life.around.random, &life.around.tokens);
        let mut cases = Vec::new();
        let _read = drive::drive(&slot, request.call(pair.subject.connector.as_ref(), &cx), |mut sent| {
            let mut body: serde_json::Value = serde_json::from_slice(sent.body()).unwrap();
            body["Ds_Signature"] = proof.into();
            *sent.body_mut() = body.to_string().into();
            let answered = sandbox.answer(&sent, START_UNIX_SECONDS);
            cases.push(answered.seen.case.is_some());
            Ok(answered.response)
        });
        assert_eq!(cases, [is_taken], "{proof}");
    }
}

/// What is of another form than its hole and proves nothing is told.
#[test]
fn another_form_than_that_of_the_hole_is_told() {
    let pair = Pair::named("authorize-net");
    for (number, is_told) in [("00ff", false), ("zzz", true)] {
        let answered = transaction(&pair, "authCaptureTransaction", &format!(r#""refId":"{number}","#));
        let told: Vec<&String> = answered.seen.misses.iter().flat_map(|miss| &miss.differences).collect();
        let found = told.iter().any(|why| why.contains("refId") && why.contains("not of the form"));
        assert_eq!(found, is_told, "{number}: {told:?}");
    }
}

/// A request of Authorize.Net without a card.
fn transaction(pair: &Pair, kind: &str, more: &str) -> Answered {
    let secret = |name: &str| &pair.subject.credentials[name];
    let body = format!(
        r#"{{"createTransactionRequest":{{"merchantAuthentication":{{"name":"{}","transactionKey":"{}"}},{more}"transactionRequest":{{"transactionType":"{kind}","amount":"10.00","refTransId":"1"}}}}}}"#,
        secret("api_login_id"),
        secret("transaction_key"),
    );
    pair.sandbox
        .answer(&post("/xml/v1/request.api", &[("content-type", "application/json")], &body), START_UNIX_SECONDS)
}

fn pay(sandbox: &Sandbox, headers: &[(&str, &str)], body: &str) -> Answered {
    let own = [
        ("authorization", "Bearer sk_test_quittance"),
        ("stripe-version", "2026-08-26.dahlia"),
        ("content-type", "application/x-www-form-urlencoded"),
    ];
    sandbox.answer(&post("/v1/payment_intents", &[&own, headers].concat(), body), START_UNIX_SECONDS)
}

const BODY: &str = "amount=1050&currency=usd&confirm=true&payment_method=pm_card_visa";

/// Another body under a key is refused in the form of the provider's refusals, and not in the words of a capture that came too late.
#[test]
fn a_refusal_that_no_tape_shows_has_no_words_of_another() {
    let pair = Pair::named("stripe");
    let key = [("idempotency-key", "k-1")];
    assert_eq!(pay(&pair.sandbox, &key, BODY).response.status(), 200);
    let other = pay(&pair.sandbox, &key, &BODY.replace("1050", "1051"));
    let text = String::from_utf8_lossy(other.response.body()).into_owned();
    assert!(other.response.status().is_client_error(), "{text}");
    let told: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(told["error"]["message"], "refused; no tape shows the words of this refusal", "{text}");
    assert!(told["error"]["type"].is_string(), "{text}");
}

/// A kind of request that no tape has is none of those that they have: it moves nothing.
#[test]
fn another_kind_of_request_is_told_as_such() {
    let pair = Pair::named("authorize-net");
    let ask = |kind: &str| transaction(&pair, kind, "").response;
    let lost = ask("updateSplitTenderTransaction");
    let told = String::from_utf8_lossy(lost.body()).into_owned();
    assert_eq!((lost.status().as_u16(), lost.headers()["x-quittance"].as_bytes()), (404, &b"serve"[..]), "{told}");
    assert!(told.contains("transactionType") && told.contains("`voidTransaction`"), "{told}");
    assert!(!ask("voidTransaction").headers().contains_key("x-quittance"));
}

//! One exchange in memory: judge a request of fifteen fields and make an answer of about two kilobytes. To hold: at most 5 µs.
//! The baseline of the same run is `serde_json` reading that request into its own tree.

#![allow(clippy::unwrap_used, reason = "a benchmark that cannot be set up has nothing to measure")]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use divan::Bencher;
use http::Request;
use quittance_harness::profile::Profile;
use quittance_harness::tape::{Player, RunValues, StepValues, Tape};

const PROFILE: &str = "id = \"acme\"\ncurrency = \"EUR\"\ncountry = \"NL\"\n[credentials]\napi_key = \"sk_test_quittance\"\n\
                       [signature.webhook]\nalgorithm = \"hmac-sha256\"\nkey = \"${secret:api_key}\"\nover = \"${body}\"\nencoding = \"hex\"\n";

fn main() {
    divan::main();
}

fn fields(number: &str, key: &str, separator: &str, pair: impl Fn(&str, &str) -> String) -> String {
    let mut text = vec![pair("number", number), pair("key", key)];
    text.extend((0..13).map(|index| pair(&format!("field_{index}"), &format!("value-{index}"))));
    text.join(separator)
}

fn json(number: &str, key: &str) -> String {
    format!("{{{}}}", fields(number, key, ",", |name, value| format!("\"{name}\":\"{value}\"")))
}

fn answer() -> String {
    let mut body =
        String::from("{\"id\":\"pi_${gen:id}\",\"reference\":\"${reference}\",\"created\":\"${now:unix#number}\"");
    for index in 0..60 {
        let _ = write!(body, ",\"member_{index}\":\"some value {index}\"");
    }
    body + "}"
}

fn player(body: &str) -> Player {
    let folder = Path::new("acme");
    let profile = Profile::parse("acme/profile.toml", PROFILE, folder, jiff::civil::date(2026, 11, 22)).unwrap();
    let text = format!(
        "provenance = {{ kind = \"synthesised\" }}\n[[exchange]]\nstep = 1\n[exchange.request]\nmethod = \"POST\"\n\
         url = \"https://api.acme.test/v1/payments\"\nheaders = {{ authorization = \"Bearer ${{secret:api_key}}\", idempotency-key = \"${{key}}\" }}\n{body}\n\
         [exchange.response]\nstatus = 200\nheaders = {{ content-type = \"application/json\", request-id = \"req_${{gen:request}}\" }}\nbody = '''{}'''\n",
        answer()
    );
    let tape = Tape::parse("acme/a.toml", &text, &profile).unwrap();
    Player::new(
        tape,
        RunValues {
            seed: 7,
            now_unix_seconds: 1_795_342_500,
            credentials: Arc::new(profile.credentials),
            proven: None,
        },
    )
}

fn request(body: String) -> Request<Bytes> {
    Request::post("https://api.acme.test/v1/payments")
        .header("authorization", "Bearer sk_test_quittance")
        .header("idempotency-key", "key-1")
        .body(Bytes::from(body))
        .unwrap()
}

fn step() -> StepValues {
    let samples = BTreeMap::from([("card.number".to_owned(), "4242424242424242".to_owned())]);
    StepValues {
        key: Some("key-1".to_owned()),
        reference: Some("R1-0123456789".to_owned()),
        samples: Arc::new(samples),
    }
}

fn run(bencher: Bencher<'_, '_>, body: &str, request: &Request<Bytes>) {
    let template = player(body);
    bencher
        .with_inputs(|| {
            let mut player = Player::new(Arc::clone(template.tape()), template.run_values().clone());
            player.begin_step(1, step());
            player
        })
        .bench_local_refs(|player| black_box(player.exchange(black_box(request)).unwrap()));
}

#[divan::bench]
fn json_exchange(bencher: Bencher<'_, '_>) {
    let body = format!("json = '''{}'''", json("${card:number}", "${key}"));
    run(bencher, &body, &request(json("4242424242424242", "key-1")));
}

#[divan::bench]
fn form_exchange(bencher: Bencher<'_, '_>) {
    let body = format!(
        "form = {{ {} }}",
        fields("${card:number}", "${key}", ", ", |name, value| format!("{name} = \"{value}\""))
    );
    let sent = fields("4242424242424242", "key-1", "&", |name, value| format!("{name}={value}"));
    run(bencher, &body, &request(sent));
}

#[divan::bench]
fn xml_exchange(bencher: Bencher<'_, '_>) {
    let xml = |number: &str, key: &str| {
        format!("<pay>{}</pay>", fields(number, key, "", |name, value| format!("<{name}>{value}</{name}>")))
    };
    let body = format!("xml = '{}'", xml("${card:number}", "${key}"));
    run(bencher, &body, &request(xml("4242424242424242", "key-1")));
}

#[divan::bench]
fn baseline_serde_json_reads_the_request(bencher: Bencher<'_, '_>) {
    let body = json("4242424242424242", "key-1");
    bencher.bench_local(|| serde_json::from_str::<serde_json::Value>(black_box(&body)));
}

//! The check `canary` proves itself: a small connector lets a secret out at each sink and in each form, and each is found.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use std::path::Path;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use quittance::{
    Authorize, Connector, Context, Currencies, Currency, Decline, Entry, Error, Family, Fault, Handle, Method,
    MethodKind, Op, Payment, Provider, Reason, Reply, Result, Secret, Spec, State, async_trait,
};
use quittance_harness::certify::checks::CHECKS;
use quittance_harness::certify::ground::Ground;
use quittance_harness::certify::report::Line;
use quittance_harness::certify::{self, Options, Plan, Tiers};
use quittance_harness::profile::Profile;
use quittance_harness::scenario::{Scenario, Suite};
use quittance_harness::tape::Tape;
use quittance_harness::world::Subject;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

struct Leaky {
    key: Secret,
    leak: String,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Credentials {
    /// The key of the account.
    key: Secret,
    /// What is let out.
    #[serde(default)]
    leak: String,
}

impl Provider for Leaky {
    const SPEC: Spec = Spec {
        hosts: &["api.leaky.example"],
        operations: &[Op::Authorize],
        methods: &[MethodKind::of(Family::Card)],
        currencies: Currencies::Only(&[Currency::EUR]),
        ..Spec::new("leaky", "Leaky", "https://leaky.example/docs")
    };
    type Credentials = Credentials;

    fn new(credentials: Credentials) -> Result<Leaky> {
        Ok(Leaky { key: credentials.key, leak: credentials.leak })
    }
}

fn reversed(text: &str) -> String {
    text.chars().rev().collect()
}

fn grouped(text: &str, by: &str) -> String {
    text.as_bytes().chunks(4).map(|part| String::from_utf8_lossy(part).into_owned()).collect::<Vec<_>>().join(by)
}

fn url_escaped(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

/// A connector that shows what the base64 of an answer holds, which is no leak: numbers as short as a security code.
const SEALED_NUMBERS: &str = "numbers inside base64";

/// All but 30 of the numbers that a security code of three digits may be made of.
fn numbers() -> String {
    (700..970).map(|number| number.to_string()).collect::<Vec<_>>().join(" ")
}

impl Leaky {
    /// What stands in the id of a payment, for leaks of a form.
    fn id(&self, number: &str, holder: &str, cvc: &str) -> Option<String> {
        let key = self.key.expose();
        Some(match self.leak.as_str() {
            "id in base64" => STANDARD.encode(number),
            "id in base64 behind one letter" => STANDARD.encode(format!("k{key}")),
            "id in base64 behind two letters" => URL_SAFE_NO_PAD.encode(format!("k:{key}")),
            "security code in base64" => STANDARD.encode(cvc),
            "security code inside base64" => URL_SAFE_NO_PAD.encode(json!({ "a": 1, "cvc": cvc }).to_string()),
            "id in hex" => hex::encode(number),
            "id in hex, upper case" => hex::encode_upper(key),
            "id reversed" => reversed(number),
            "id with blanks" => grouped(number, " "),
            "id with hyphens" => grouped(number, "-"),
            "id escaped for a URL" => url_escaped(key),
            "id escaped for a form" => url_escaped(holder),
            "id escaped for JSON" => key.replace('"', "\\\""),
            "id escaped for XML" => key.replace('"', "&quot;"),
            "id as bytes" => format!("{:?}", number.as_bytes()),
            _ => return None,
        })
    }

    fn log(&self, number: &str, cvc: &str) {
        match self.leak.as_str() {
            "log" => tracing::trace!(target: "leaky", "key {}", self.key.expose()),
            "log of a security code" => tracing::debug!("code {cvc}"),
            "log of a number" => tracing::info!(pan = number.parse::<u64>().unwrap_or_default()),
            "log of a span" => tracing::trace_span!("call", number).in_scope(|| ()),
            _ => {}
        }
    }

    /// What becomes of an answer that is no success.
    fn refused(&self, reply: &Reply, number: &str) -> Result<Payment> {
        let back = reversed(self.key.expose());
        let declined = |decline: Decline| Ok(Payment::new(Handle::new("p_1"), State::Declined(decline)));
        match self.leak.as_str() {
            "panic" => panic!("no brand for {number}"),
            "log of what the provider says" => tracing::warn!("{}", reply.text().unwrap_or_default()),
            "error" => return Err(Error::protocol(format!("odd answer {back}"))),
            "code of an error" => return Err(Error::protocol("odd answer").with_code(back)),
            "error of the provider" => return Err(Error::protocol(reversed(reply.text().unwrap_or_default()))),
            "text of a decline" => {
                return declined(Decline { message: Some(back), ..Decline::new(Reason::Generic) });
            }
            "code of a decline" => {
                return declined(Decline { network_code: Some(back), ..Decline::new(Reason::Generic) });
            }
            _ => {}
        }
        let text = |said: Value| said["message"].as_str().map(str::to_owned);
        Err(reply.fault(|said: Value| Fault { message: text(said), ..Fault::default() }))
    }

    /// The url of the request.
    fn url(&self, number: &str) -> String {
        let query = match self.leak.as_str() {
            "URL with a hole" => format!("?pan={number}"),
            "URL" => format!("?key={}", url_escaped(self.key.expose())),
            _ => String::new(),
        };
        format!("https://api.leaky.example/payments{query}")
    }
}

#[async_trait]
impl Connector for Leaky {
    fn spec(&self) -> &'static Spec {
        &Leaky::SPEC
    }

    async fn authorize(&self, cx: &Context<'_>, request: &Authorize) -> Result<Payment> {
        let Method::Card(card) = &request.method else { return Err(Error::unsupported(Op::Authorize)) };
        let (number, holder) = (card.number.expose(), card.holder.as_deref().unwrap_or_default());
        let cvc = card.cvc.as_ref().map(|cvc| cvc.expose()).unwrap_or_default();
        self.log(number, cvc);
        let call = cx.post(self.url(number)).bearer(&self.key);
        let call = match self.leak.as_str() {
            "what is sent" => call.header("x-extra", &reversed(number)),
            _ => call,
        };
        let body = json!({ "number": number, "cvc": cvc, "holder": holder, "amount": request.amount.minor() });
        let reply = call.json(&body).send().await?;
        if !reply.is_success() {
            return self.refused(&reply, number);
        }
        let answer: Value = reply.json()?;
        let id = answer["id"].as_str().unwrap_or_default();
        let opened = answer["sealed"].as_str().and_then(|sealed| String::from_utf8(STANDARD.decode(sealed).ok()?).ok());
        let id = self.id(number, holder, cvc).or(opened).unwrap_or(id.to_owned());
        Ok(Payment::new(Handle::new(id), State::Captured))
    }
}

const PROFILE: &str = r#"
id = "leaky"
currency = "EUR"
country = "NL"
[credentials]
key = 'sk_test/"quittance'
[cards.approved]
number = "4242424242424242"
expiry_month = 3
expiry_year = 2030
cvc = "123"
holder = "Ada Example"
source = "https://leaky.example/cards"
"#;

const CARD: &str = r#"
[cards.NAME]
number = "4242424242424242"
expiry_month = 3
expiry_year = 2030
cvc = "123"
source = "https://leaky.example/cards"
"#;

const EXEMPTION: &str = r#"
[[exemption]]
scenario = "authorize.paid"
reason = "agreed with AAABBEg0VhI0VniQEjRWAAAAAAA="
owner = "payments"
expires = "2026-12-01"
"#;

const SCENARIO: &str = r#"
id = "authorize.paid"
title = "A payment ends in some way"
clauses = ["AUTHORIZE-1"]
proves = "authorize"
class = "success"
needs = ["authorize"]
[[step]]
op = "authorize"
method = "card"
card = "approved"
input = { amount_minor = 6000 }
expect = { state = "captured" }
"#;

fn tape(leak: &str) -> String {
    let query = match leak {
        "URL with a hole" => "?pan=${card:number}",
        "URL" => "?key=${any:text}",
        _ => "",
    };
    let sealed = match leak {
        SEALED_NUMBERS => format!(",\"sealed\":\"{}\"", STANDARD.encode(numbers())),
        _ => String::new(),
    };
    let extra = if leak == "what is sent" { ", x-extra = \"${any:digits}\"" } else { "" };
    let body = r#"{"number":"${card:number}","cvc":"${card:cvc}","holder":"${card:holder}","amount":6000}"#;
    format!(
        r#"
provenance = {{ kind = "synthesised" }}
[[exchange]]
step = 1
[exchange.request]
method = "POST"
url = "https://api.leaky.example/payments{query}"
headers = {{ authorization = "Bearer ${{secret:key}}", content-type = "application/json"{extra} }}
json = '{body}'
[exchange.response]
status = 200
body = '{{"id":"${{gen:payment:alnum12}}"{sealed}}}'
"#
    )
}

fn told(errors: Vec<quittance_harness::FileError>) -> String {
    errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

/// The line of the check for a connector with that leak.
fn line(leak: &str) -> Line {
    let entry: &'static Entry = &const { Entry::of::<Leaky>() };
    let today = jiff::civil::date(2026, 11, 22);
    // The leak is a credential, so that the connector that the check makes has it too.
    let text = PROFILE.replace("[cards.approved]", &format!("leak = \"{leak}\"\n[cards.approved]"));
    let text = match leak {
        "exemption" => format!("{text}{EXEMPTION}"),
        // So many codes that one would be among the numbers if it were left to chance.
        SEALED_NUMBERS => (0..20).fold(text, |text, card| text + &CARD.replace("NAME", &format!("card_{card}"))),
        _ => text,
    };
    let profile = Profile::parse("leaky/profile.toml", &text, Path::new("leaky"), today).map_err(told).unwrap();
    let tape = Tape::parse("fixtures/leaky/authorize.paid.toml", &tape(leak), &profile).map_err(told).unwrap();
    let scenario = Scenario::parse("specs/scenarios/authorize/paid.toml", SCENARIO).map_err(told).unwrap();
    let suite = Suite { version: "1.0.0".into(), digest: String::new(), scenarios: vec![scenario] };
    let subject = Subject {
        entry,
        tapes: [("authorize.paid".to_owned(), tape)].into(),
        credentials: Arc::new(profile.credentials.clone()),
        connector: entry.connect(json!({ "key": "sk_test/\"quittance", "leak": leak })).unwrap(),
        proven: Arc::default(),
        profile,
        folder: "fixtures/leaky".to_owned(),
        today,
    };
    let options = Options { seed: 1, tiers: Tiers::Memory, narrowed: None };
    let plan = Plan::of(&suite, &subject);
    let played: Vec<_> = plan.cases().map(|case| (case, certify::play(&subject, case, None, options.seed))).collect();
    let check = CHECKS.iter().find(|check| check.name == "canary").expect("the check");
    let tried = (check.run)(&Ground::new(&plan, &subject, options.seed, &played));
    options.repeatable(tried.line("leaky", check.name, check.clauses))
}

/// Leak, sink, secret, form.
const LEAKS: &[(&str, &str, &str, &str)] = &[
    ("log", "the log", "credentials.key", "as it is"),
    ("log of a security code", "the log", "cards.approved.cvc", "as it is"),
    ("log of a number", "the log", "cards.approved.number", "as it is"),
    ("log of a span", "the log", "cards.approved.number", "as it is"),
    ("log of what the provider says", "the log", "cards.approved.holder", "as it is"),
    ("panic", "a panic", "cards.approved.number", "as it is"),
    ("id in base64", "a result", "cards.approved.number", "in base64"),
    ("id in base64 behind one letter", "Debug of a result", "credentials.key", "in base64"),
    ("id in base64 behind two letters", "a result", "credentials.key", "in base64"),
    ("security code in base64", "a result", "cards.approved.cvc", "in base64"),
    ("security code inside base64", "Debug of a result", "cards.approved.cvc", "in base64"),
    ("id in hex", "a result", "cards.approved.number", "in hex"),
    ("id in hex, upper case", "a result", "credentials.key", "in hex, upper case"),
    ("id reversed", "explain", "cards.approved.number", "reversed"),
    ("id reversed", "explain --json", "cards.approved.number", "reversed"),
    ("id with blanks", "a result", "cards.approved.number", "with blanks"),
    ("id with hyphens", "a result", "cards.approved.number", "with hyphens"),
    ("id escaped for a URL", "a result", "credentials.key", "URL-escaped"),
    ("id escaped for a form", "a result", "cards.approved.holder", "blanks as +"),
    ("id escaped for JSON", "Debug of a result", "credentials.key", "JSON-escaped"),
    ("id escaped for XML", "a result", "credentials.key", "XML-escaped"),
    ("id as bytes", "a result", "cards.approved.number", "as a list of bytes"),
    ("error", "an error", "credentials.key", "reversed"),
    ("code of an error", "an error", "credentials.key", "reversed"),
    ("error of the provider", "an error", "cards.approved.holder", "reversed"),
    ("text of a decline", "a result", "credentials.key", "reversed"),
    ("code of a decline", "an attempt", "credentials.key", "reversed"),
    ("URL with a hole", "a URL", "cards.approved.number", "as it is"),
    ("URL", "a URL beside the holes for secrets", "credentials.key", "URL-escaped"),
    ("what is sent", "report.ndjson", "cards.approved.number", "reversed"),
    ("id in hex", "junit.xml", "cards.approved.number", "in hex"),
    ("id in hex", "the SARIF file", "cards.approved.number", "in hex"),
    ("id in hex", "the Markdown summary", "cards.approved.number", "in hex"),
    ("what is sent", "an HTML page", "cards.approved.number", "reversed"),
    ("what is sent", "report.ndjson with its background", "cards.approved.number", "reversed"),
    ("exemption", "a certificate", "input.three_ds.cryptogram", "as it is"),
];

#[test]
fn the_tight_connector_passes() {
    let line = line("");
    assert!(line.findings.is_empty(), "{:#?}", line.findings);
    assert!(line.repeat.is_none() && line.trials > 10);
}

/// No security code is made of a number that the base64 of the traffic holds: shown, it could not be told from a leak.
#[test]
fn numbers_inside_base64_are_no_leak() {
    let line = line(SEALED_NUMBERS);
    assert!(line.findings.is_empty(), "{:#?}", line.findings);
}

#[test]
fn each_planted_leak_is_found() {
    let mut missed = Vec::new();
    for (leak, sink, secret, form) in LEAKS {
        let line = line(leak);
        let hit = line.findings.iter().any(|found| {
            found.what.ends_with(&format!(": {sink}")) && found.expected.ends_with(secret) && found.found.contains(form)
        });
        let repeats = line.repeat.as_ref().is_some_and(|repeat| repeat.contains(" --canary-seed "));
        if !hit || !repeats {
            missed.push(format!("{leak} at {sink}: {:#?}", line.findings));
        }
    }
    assert!(missed.is_empty(), "{} of {} missed: {}", missed.len(), LEAKS.len(), missed.join("\n"));
}

//! The harness proves itself: a small connector with planted bugs, each of which a scenario or check must find.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

use std::cell::RefCell;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use quittance::digest::Hash;
use quittance::{
    Authorize, Connector, Context, Currencies, Currency, Delivery, Effect, Entry, Error, Event, EventBody, Family,
    Fault, Handle, Idempotency, Kind, Method, MethodKind, Op, Payment, Provider, Refund, RefundRequest, Result, Secret,
    Signed, Spec, State, TransferState, WebhookAuthentication, WebhookRules, async_trait,
};
use quittance_harness::certify::report::{Line, Report};
use quittance_harness::certify::{self, Options, Tiers};
use quittance_harness::profile::Profile;
use quittance_harness::scenario::{Scenario, Suite};
use quittance_harness::tape::Tape;
use quittance_harness::world::Subject;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

/// A connector of three operations, with the bug that its credentials name.
struct Acme {
    key: Secret,
    bug: String,
}

thread_local! {
    /// The newest payment, for a bug that takes it for the one that is meant. The checks run beside each other, each on one thread: of
    /// each other's payments they are to know nothing.
    static NEWEST: RefCell<String> = const { RefCell::new(String::new()) };
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Credentials {
    /// The key of the account.
    key: Secret,
    /// The bug that is planted.
    #[serde(default)]
    bug: String,
}

#[derive(Deserialize)]
struct Body {
    id: String,
    state: String,
    amount: i64,
}

impl Provider for Acme {
    const SPEC: Spec = Spec {
        hosts: &["api.acme.example"],
        operations: &[Op::Authorize, Op::Refund, Op::Webhook],
        methods: &[MethodKind::of(Family::Card)],
        currencies: Currencies::Only(&[Currency::EUR]),
        idempotency: Idempotency::Header("idempotency-key"),
        webhook: Some(WebhookRules {
            authentication: WebhookAuthentication::HeaderMac,
            tolerance_seconds: None,
            acknowledgement: "",
        }),
        ..Spec::new("acme", "Acme", "https://acme.example/docs")
    };
    type Credentials = Credentials;

    fn new(credentials: Credentials) -> Result<Acme> {
        Ok(Acme { key: credentials.key, bug: credentials.bug })
    }
}

impl Acme {
    fn has(&self, bug: &str) -> bool {
        self.bug == bug
    }

    async fn post(&self, cx: &Context<'_>, path: &str, key: &str, body: serde_json::Value) -> Result<Option<Body>> {
        let again = format!("{key}-2");
        let known = self.has("takes another key for a repetition") && self.was_sent(cx, key).await?;
        let sent = self.send(cx, path, if known { &again } else { key }, &body).await;
        match sent {
            Err(error)
                if self.has("charges again by itself")
                    && (error.kind(), error.effect()) == (Kind::Network, Effect::Unknown) =>
            {
                let repeated = self.send(cx, path, &again, &body).await;
                repeated.map_err(|error| error.with_effect(Effect::Unknown))
            }
            sent => sent,
        }
    }

    /// Whether a request went out under the key before, as a cache that outlives the call remembers it.
    async fn was_sent(&self, cx: &Context<'_>, key: &str) -> Result<bool> {
        let mut fresh = false;
        let mark = async {
            fresh = true;
            Ok((Secret::new("sent"), Duration::from_secs(3600)))
        };
        cx.token(key, mark).await?;
        Ok(!fresh)
    }

    async fn send(&self, cx: &Context<'_>, path: &str, key: &str, body: &serde_json::Value) -> Result<Option<Body>> {
        let mut call = cx.post(format!("https://api.acme.example{path}")).bearer(&self.key);
        if !self.has("drops the key") {
            call = call.header("idempotency-key", key);
        }
        if self.has("adds a header") {
            call = call.header("x-extra", "1");
        }
        let reply = call.json(body).send().await?;
        if (self.has("believes any status") || self.has("shows the key")) && reply.status() == 503 {
            return Ok(None);
        }
        if self.has("takes an empty answer for success") && reply.status() == 204 {
            return Ok(None);
        }
        if self.has("forgets the wait") && reply.status() == 429 {
            return Err(Error::new(Kind::RateLimited, Effect::None, "too many requests"));
        }
        if self.has("calls a limit a wrong request") && reply.status() == 429 {
            return Err(Error::new(Kind::Invalid, Effect::None, "refused"));
        }
        if self.has("forgets the effect") && reply.status() >= 500 {
            return Err(Error::new(Kind::Unavailable, Effect::None, "out of order"));
        }
        if self.has("leaks the key") && !reply.is_success() {
            return Err(Error::new(Kind::Credentials, Effect::None, format!("refused: {}", self.key.expose())));
        }
        if !reply.is_success() {
            return Err(reply.fault_with(Fault::default()));
        }
        reply.json().map(Some)
    }
}

#[async_trait]
impl Connector for Acme {
    fn spec(&self) -> &'static Spec {
        &Acme::SPEC
    }

    async fn authorize(&self, cx: &Context<'_>, request: &Authorize) -> Result<Payment> {
        let Method::Card(card) = &request.method else { return Err(Error::unsupported(Op::Authorize)) };
        let minor = request.amount.minor() + i64::from(self.has("sends another amount"));
        let mut body = json!({ "number": card.number.expose(), "amount": minor, "reference": request.reference });
        if self.has("adds a member") {
            body["extra"] = json!(1);
        }
        let Some(answer) = self.post(cx, "/payments", request.key.as_str(), body).await? else {
            return Ok(match self.has("shows the key") {
                true => Payment::new(Handle::new(self.key.expose()), State::Pending),
                false => Payment::new(Handle::new("p"), State::Captured),
            });
        };
        let state = match answer.state.as_str() {
            "paid" => State::Captured,
            "" if self.has("takes no status for success") => State::Captured,
            _ if self.has("takes the unknown for success") => State::Captured,
            _ if self.has("is always pending") => State::Pending,
            "open" => State::Pending,
            other => State::Unrecognised(other.to_owned()),
        };
        NEWEST.with_borrow_mut(|newest| answer.id.clone_into(newest));
        let amount = match self.has("answers with the amount that was asked for") {
            true => request.amount,
            false => Acme::SPEC.money(answer.amount, "EUR")?,
        };
        let id = if self.has("shows the card") { card.number.expose().to_owned() } else { answer.id };
        Ok(Payment { amount: Some(amount), ..Payment::new(Handle::new(id), state) })
    }

    async fn refund(&self, cx: &Context<'_>, request: &RefundRequest) -> Result<Refund> {
        if self.has("refuses by itself") {
            return Err(Error::invalid("amount", "too much"));
        }
        let newest = Handle::new(NEWEST.with_borrow(String::clone));
        let meant = if self.has("refunds the newest payment") { &newest } else { &request.payment };
        let path = format!("/payments/{}/refunds", meant.segment()?);
        let answer = self.post(cx, &path, request.key.as_str(), json!({ "amount": request.amount.minor() })).await?;
        let answer = answer.ok_or_else(|| Error::protocol("no answer"))?;
        let state = match answer.state.as_str() {
            "done" => TransferState::Succeeded,
            _ if self.has("takes any refund for done") => TransferState::Succeeded,
            _ => TransferState::Pending,
        };
        let amount = Some(Acme::SPEC.money(answer.amount, "EUR")?);
        Ok(Refund { amount, ..Refund::new(Handle::new(answer.id), state) })
    }

    async fn webhook(&self, _: &Context<'_>, delivery: &Delivery) -> Result<Vec<Event>> {
        let read = |body: Body| {
            let state = match body.state.as_str() {
                _ if self.has("turns events around") => State::Voided,
                "paid" => State::Captured,
                other => State::Unrecognised(other.to_owned()),
            };
            vec![Event {
                id: None,
                at: None,
                name: "paid".to_owned(),
                body: EventBody::Payment(Payment::new(Handle::new(body.id), state)),
            }]
        };
        if self.has("believes any delivery") {
            return delivery.untrusted(|delivery| delivery.json::<Body>()).map(read);
        }
        let given = hex::decode(delivery.header("acme-signature")?).unwrap_or_default();
        let authentic = delivery.hmac(Hash::Sha256, self.key.expose().as_bytes(), &[Signed::Body], &given)?;
        authentic.json::<Body>().map(read)
    }
}

const PROFILE: &str = r#"
id = "acme"
currency = "EUR"
country = "NL"
answers = ["amount", "currency", "refund_amount"]
events = ["payment"]
[[status]]
of = "payment"
value = "paid"
becomes = "captured"
[[status]]
of = "refund"
value = "done"
becomes = "succeeded"
[status_source]
url = "https://acme.example/docs"
seen = "2026-11-22"
[credentials]
key = "sk_test_quittance"
[signature.webhook]
algorithm = "hmac-sha256"
key = "${secret:key}"
over = "${body}"
encoding = "hex"
[cards.approved]
number = "4242424242424242"
expiry_month = 3
expiry_year = 2030
source = "https://acme.example/cards"
"#;

const SCENARIOS: [(&str, &str); 4] = [
    (
        "refund/full",
        r#"
title = "A payment is taken and given back"
clauses = ["REFUND-1"]
proves = "refund"
class = "success"
needs = ["authorize", "refund"]
[[step]]
op = "authorize"
method = "main"
input = { amount_minor = 6000 }
expect = { state = "captured", amount_minor = 6000, settles = true }
[[step]]
op = "refund"
input = { amount_minor = 6000 }
expect = { state = "succeeded", amount_minor = 6000 }
"#,
    ),
    (
        "refund/too_much",
        r#"
title = "More than was taken is refused"
clauses = ["REFUND-4"]
proves = "refund"
class = "refusal"
needs = ["authorize", "refund"]
[[step]]
op = "authorize"
method = "main"
input = { amount_minor = 6000 }
expect = { state = "captured" }
[[step]]
op = "refund"
input = { amount_minor = 6001 }
expect = { refused = true }
"#,
    ),
    (
        "state/unknown",
        r#"
title = "A state that is not known is no success"
clauses = ["STATE-2"]
proves = "authorize"
class = "refusal"
needs = ["authorize"]
[[step]]
op = "authorize"
method = "main"
input = { amount_minor = 6000 }
expect = { state = "unrecognised" }
"#,
    ),
    (
        "webhook/paid",
        r#"
title = "A delivery is believed as it came and no other"
clauses = ["WEBHOOK-1"]
proves = "webhook"
class = "success"
needs = ["webhook"]
[[step]]
op = "webhook"
expect = { events = [{ kind = "payment", state = "captured" }] }
[[step]]
op = "webhook"
of = 1
tamper = "body"
expect = { error = "signature", effect = "none", exchanges = 0 }
"#,
    ),
];

fn payment(state: &str) -> String {
    format!(
        r#"
[[exchange]]
step = 1
request = {{ method = "POST", url = "https://api.acme.example/payments", headers = {{ authorization = "Bearer ${{secret:key}}", content-type = "application/json", idempotency-key = "${{key}}" }}, json = '{{"number":"${{card:number}}","amount":6000,"reference":"${{reference}}"}}' }}
response = {{ status = 200, body = '{{"id":"${{gen:payment:alnum12}}","state":"{state}","amount":6000}}' }}
"#
    )
}

fn refund(minor: u32, status: u16, body: &str) -> String {
    format!(
        r#"
[[exchange]]
step = 2
request = {{ method = "POST", url = "https://api.acme.example/payments/${{gen:payment}}/refunds", headers = {{ authorization = "Bearer ${{secret:key}}", content-type = "application/json", idempotency-key = "${{key}}" }}, json = '{{"amount":{minor}}}' }}
response = {{ status = {status}, body = '{body}' }}
"#
    )
}

const REFUNDED: &str = r#"{"id":"${gen:refund}","state":"done","amount":6000}"#;

const DELIVERY: &str = r#"
[[webhook]]
step = 1
headers = { acme-signature = "${sig:webhook}" }
body = '{"id":"pay_1","state":"paid","amount":6000}'
"#;

fn profile(text: &str) -> std::result::Result<Profile, String> {
    Profile::parse("acme/profile.toml", text, Path::new("acme"), jiff::civil::date(2026, 11, 22))
        .map_err(|errors| errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
}

fn tapes(more: &str) -> [(&'static str, String); 4] {
    [
        ("refund.full", format!("{}{more}{}", payment("paid"), refund(6000, 200, REFUNDED))),
        ("refund.too_much", format!("{}{}", payment("paid"), refund(6001, 422, "{}"))),
        ("state.unknown", payment("odd")),
        ("webhook.paid", DELIVERY.to_owned()),
    ]
}

fn tape(case: &str, text: &str, profile: &Profile) -> std::result::Result<Arc<Tape>, String> {
    let text = format!("provenance = {{ kind = \"synthesised\" }}\n{text}");
    Tape::parse(&format!("fixtures/acme/{case}.toml"), &text, profile)
        .map_err(|errors| errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
}

/// What the certification of the connector with that bug finds: `case: finding`.
fn found(bug: &str, more: &str, profile_text: &str) -> Vec<String> {
    let entry: &'static Entry = &const { Entry::of::<Acme>() };
    let profile = profile(profile_text).unwrap();
    let scenario = |(path, text): &(&str, &str)| {
        let id = path.replace('/', ".");
        Scenario::parse(&format!("specs/scenarios/{path}.toml"), &format!("id = \"{id}\"{text}")).unwrap()
    };
    let suite =
        Suite { version: "1.0.0".into(), digest: String::new(), scenarios: SCENARIOS.iter().map(scenario).collect() };
    let tapes =
        tapes(more).iter().map(|(case, text)| ((*case).to_owned(), tape(case, text, &profile).unwrap())).collect();
    let subject = Subject {
        entry,
        tapes,
        credentials: Arc::new(profile.credentials.clone()),
        connector: entry.connect(json!({ "key": "sk_test_quittance", "bug": bug })).unwrap(),
        proven: Arc::default(),
        profile,
        folder: "fixtures/acme".to_owned(),
        today: jiff::civil::date(2026, 11, 22),
    };
    let options = Options { seed: 1, tiers: Tiers::Memory, narrowed: None };
    let lines = certify::in_memory(&suite, &subject, &options);
    let told =
        |line: &Line| line.findings.iter().map(|finding| format!("{}: {finding}", line.case)).collect::<Vec<_>>();
    lines.iter().flat_map(told).collect()
}

/// The suite of this test is too small for the check `spec`; nothing else is amiss without a bug.
#[test]
fn the_sound_connector_passes() {
    let amiss: Vec<String> =
        found("", "", PROFILE).into_iter().filter(|text| !text.starts_with("check:spec")).collect();
    assert!(amiss.is_empty(), "{amiss:#?}");
}

#[test]
fn each_planted_bug_is_found() {
    let sound = found("", "", PROFILE);
    for (bug, case, words) in [
        ("believes any status", "check:faults", "503 html"),
        ("forgets the effect", "check:faults", "effect"),
        ("takes no status for success", "check:mutation", "$.state with an empty text"),
        ("answers with the amount that was asked for", "check:mutation", "$.amount with one more"),
        ("takes any refund for done", "check:mutation", "$.state with an unknown value"),
        ("takes an empty answer for success", "check:hostile_answers", "204 empty"),
        ("forgets the wait", "check:hostile_answers", "the wait that the answer asks for"),
        ("calls a limit a wrong request", "check:hostile_answers", "429 text"),
        ("shows the key", "check:faults", "repeats a secret"),
        ("shows the card", "refund.full", "expect.state"),
        ("drops the key", "refund.full", "header idempotency-key"),
        ("adds a header", "refund.full", "header x-extra"),
        ("adds a member", "refund.full", "$.extra"),
        ("sends another amount", "refund.full", "$.amount"),
        ("takes the unknown for success", "state.unknown", "expect.state"),
        ("is always pending", "state.unknown", "expect.state"),
        ("refuses by itself", "refund.too_much", "no such request"),
        ("believes any delivery", "webhook.paid", "signature"),
        ("turns events around", "webhook.paid", "events[0].state"),
    ] {
        let found = found(bug, "", PROFILE);
        let hit = found.iter().any(|text| text.starts_with(case) && text.contains(words) && !sound.contains(text));
        assert!(hit, "{bug}: {found:#?}");
    }
}

/// What is seen only when a call is cut off, or when payments run beside each other, no other check finds.
#[test]
fn crash_and_sequences_find_what_nothing_else_does() {
    let sound = found("", "", PROFILE);
    for (bug, check, words) in [
        ("charges again by itself", "check:crash", "no further request in the same call"),
        ("takes another key for a repetition", "check:crash", "(another request)"),
        ("refunds the newest payment", "check:sequences", "refund.full"),
    ] {
        let found: Vec<String> = found(bug, "", PROFILE).into_iter().filter(|text| !sound.contains(text)).collect();
        assert!(found.iter().any(|text| text.starts_with(check) && text.contains(words)), "{bug}: {found:#?}");
        let others = ["check:crash", "check:sequences"];
        assert!(found.iter().all(|text| others.iter().any(|check| text.starts_with(check))), "{bug}: {found:#?}");
    }
    let newest = found("refunds the newest payment", "", PROFILE);
    assert!(newest.iter().any(|text| text.contains("--seed 1")), "{newest:#?}");
}

/// A key in the text of an error never comes as far as a report: the guard around each connector masks it.
#[test]
fn a_key_in_an_error_is_masked() {
    let found = found("leaks the key", "", PROFILE);
    assert!(found.iter().any(|text| text.contains("refused: [secret]")), "{found:#?}");
    assert!(found.iter().all(|text| !text.contains("sk_test_quittance")));
}

/// A part of a tape that settles what is settled already is left over, and that is a finding.
#[test]
fn a_settling_that_nobody_needs_is_left_over() {
    let more = r#"
[[exchange]]
step = 1
settle = true
request = { method = "GET", url = "https://api.acme.example/payments/x" }
response = { status = 200 }
"#;
    let found = found("", more, PROFILE);
    assert!(found.iter().any(|text| text.starts_with("refund.full") && text.contains("to settle")), "{found:#?}");
}

/// A delivery whose hole has no value is told once, and the run ends.
#[test]
fn a_delivery_that_cannot_be_made_ends() {
    let more = "[[webhook]]\nstep = 1\nbody = \"${card:nothing}\"\n";
    let found = found("", more, PROFILE);
    assert!(found.iter().any(|text| text.starts_with("refund.full") && text.contains("webhook")), "{found:#?}");
}

#[test]
fn a_profile_cannot_keep_silent_or_change_what_is_asked() {
    let idle = PROFILE
        .replace("[credentials]", "[unavailable]\n\"card:lost_card\" = \"no such card is published\"\n[credentials]");
    let found = found("", "", &idle);
    assert!(found.iter().any(|text| text.contains("unavailable.card:lost_card")), "{found:#?}");
    let overridden = format!("{PROFILE}[input.refund]\namount = 1\n");
    assert!(profile(&overridden).err().is_some_and(|why| why.contains("input.refund.amount")));
}

#[test]
fn holes_stay_closed_where_money_and_proofs_stand() {
    let profile = profile(PROFILE).unwrap();
    let request = |request: &str| {
        let text = format!(
            "[[exchange]]\nstep = 1\nresponse = {{ status = 200 }}\n[exchange.request]\nmethod = \"POST\"\n{request}"
        );
        tape("refund.full", &text, &profile).map(|_| ())
    };
    let url = "url = \"https://api.acme.example/\"\n";
    for (text, place) in [
        (format!("{url}headers = {{ authorization = \"Bearer ${{any:text}}\" }}"), "headers.authorization"),
        (format!("{url}headers = {{ authorization = \"${{any:text}} ${{sig:webhook}}\" }}"), "headers.authorization"),
        (format!("{url}headers = {{ idempotency-key = \"${{any:uuid}}\" }}"), "headers.idempotency-key"),
        (
            format!("{url}json = '{{\"amount\":{{\"value\":\"${{any:digits}}#\"}}}}'").replace("}#", "#number}"),
            "`value`",
        ),
        (format!("{url}form = {{ total = \"${{any:digits}}\" }}"), "`total`"),
        (format!("{url}xml = '<a><Amount>${{any:text}}</Amount></a>'"), "`Amount`"),
        ("url = \"https://api.acme.example/?amount=${any:digits}\"".to_owned(), "`amount`"),
    ] {
        let refused = request(&text).err();
        assert!(refused.as_ref().is_some_and(|why| why.contains(place)), "{text}: {refused:?}");
    }
    let nonce = format!("{url}headers = {{ authorization = \"n=${{any:hex}} ${{sig:webhook}}\" }}");
    assert_eq!(request(&nonce), Ok(()));
}

#[test]
fn a_report_that_was_cut_or_changed_is_known() {
    let header = r#"{"type":"header","format":2,"harness":"0","suite":"1","suite_digest":"","scenarios":0,"seed":1,"tiers":[],"connectors":[],"narrowed":null}"#;
    assert!(Report::parse(header).is_err_and(|why| why.contains("no footer")));
    assert!(Report::parse("").is_err_and(|why| why.contains("header")));
}

//! Planted bugs that only the checks of amounts, published values and deliveries find: no scenario here has an eye for them.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

use std::path::Path;
use std::sync::{Arc, Mutex};

use quittance::digest::{self, Hash};
use quittance::{
    Authorize, Connector, Context, Currencies, Currency, Decline, Delivery, Entry, Error, Event, EventBody, Exponents,
    Family, Fault, Handle, Lookup, LookupKind, Method, MethodKind, Money, Op, Payment, Provider, Reason, Result,
    Retrieve, Secret, Spec, State, WebhookAuthentication, WebhookRules, async_trait, check_age,
};
use quittance_harness::certify::{self, Options, Tiers};
use quittance_harness::profile::Profile;
use quittance_harness::scenario::{Scenario, Suite};
use quittance_harness::tape::Tape;
use quittance_harness::world::Subject;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

/// A connector with the bug that its credentials name; it reads deliveries back where `READ_BACK` says so.
struct Mint<const READ_BACK: bool> {
    key: Secret,
    bug: String,
    last: Mutex<String>,
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
struct Object {
    id: String,
    status: String,
    code: Option<String>,
    amount: String,
    currency: String,
    method: Option<String>,
}

#[derive(Deserialize)]
struct Told {
    id: String,
    r#type: String,
    payment: Object,
}

impl<const READ_BACK: bool> Provider for Mint<READ_BACK> {
    const SPEC: Spec = Spec {
        hosts: &["api.mint.example"],
        operations: &[Op::Authorize, Op::Retrieve, Op::Webhook],
        methods: &[MethodKind::of(Family::Card)],
        lookups: &[LookupKind::Handle],
        currencies: Currencies::Only(&[
            Currency::BHD,
            Currency::CLF,
            Currency::EUR,
            Currency::IDR,
            Currency::ISK,
            Currency::JPY,
        ]),
        exponents: Exponents(&[(Currency::IDR, 0), (Currency::ISK, 2)]),
        webhook: Some(WebhookRules {
            authentication: match READ_BACK {
                true => WebhookAuthentication::ReadBack,
                false => WebhookAuthentication::HeaderMac,
            },
            tolerance_seconds: if READ_BACK { None } else { Some(300) },
            acknowledgement: "",
        }),
        ..Spec::new("mint", "Mint", "https://mint.example/docs")
    };
    type Credentials = Credentials;

    fn new(credentials: Credentials) -> Result<Self> {
        Ok(Mint { key: credentials.key, bug: credentials.bug, last: Mutex::default() })
    }
}

impl<const READ_BACK: bool> Mint<READ_BACK> {
    fn has(&self, bug: &str) -> bool {
        self.bug == bug
    }

    fn amount(&self, amount: &Money) -> Result<String> {
        let minor = amount.minor();
        if self.has("sends two decimals always") {
            return Ok(format!("{}.{:02}", minor / 100, minor % 100));
        }
        let exact = Self::SPEC.major(amount)?;
        let longest = if self.has("cuts long amounts") { 11 } else { exact.len() };
        Ok(exact.chars().take(longest).collect())
    }

    fn state(&self, object: &Object) -> Result<State> {
        let code = || object.code.clone().unwrap_or_default();
        let reason = |code: &str| match code {
            "51" => Reason::InsufficientFunds,
            "54" if self.has("mixes two codes up") => Reason::InsufficientFunds,
            "54" => Reason::ExpiredCard,
            _ if self.has("has a reason for every code") => Reason::Generic,
            _ => Reason::Unmapped,
        };
        Ok(match object.status.as_str() {
            _ if self.has("believes an unknown method") && object.method.as_deref() != Some("card") => State::Captured,
            "paid" => State::Captured,
            "open" => State::Pending,
            "expired" if self.has("takes expired for paid") => State::Captured,
            "expired" => State::Expired,
            "refused" if self.has("forgets the code") && reason(&code()) == Reason::Unmapped => {
                State::Declined(Decline::new(Reason::Unmapped))
            }
            "refused" => State::Declined(Decline::with_code(reason(&code()), code())),
            _ if self.has("takes the unknown for paid") => State::Captured,
            _ if self.has("loses the id") => return Err(Error::protocol("unknown status")),
            other => State::Unrecognised(other.to_owned()),
        })
    }

    fn payment(&self, object: &Object) -> Result<Payment> {
        let amount = match self.has("reads two decimals always") && object.currency == "JPY" {
            true => Self::SPEC.money_major(&format!("{}00", object.amount), &object.currency)?,
            false => Self::SPEC.money_major(&object.amount, &object.currency)?,
        };
        Ok(Payment { amount: Some(amount), ..Payment::new(Handle::new(&object.id), self.state(object)?) })
    }

    async fn look_up(&self, cx: &Context<'_>, id: &str) -> Result<Payment> {
        let call = cx.get(format!("https://api.mint.example/payments/{id}")).bearer(&self.key);
        let reply = call.send().await?;
        if !reply.is_success() {
            return Err(reply.fault_with(Fault::default()));
        }
        self.payment(&reply.json()?)
    }

    /// Whether the proof holds, but for the bug.
    fn proves(&self, cx: &Context<'_>, delivery: &Delivery, body: &[u8]) -> Result<bool> {
        let header = delivery.header("mint-signature")?;
        let (time, given) = header.split_once(',').ok_or_else(|| Error::signature("no time"))?;
        let dated = if self.has("dates by another header") { delivery.header("mint-time")? } else { time };
        let seconds = dated.parse().map_err(|_| Error::signature("no time"))?;
        let tolerance = match self.bug.as_str() {
            "keeps no time" => u32::MAX,
            "has no patience" => 200,
            "has a minute too much patience" => 360,
            _ => 300,
        };
        check_age(cx, seconds, tolerance)?;
        let hash = |hash: Hash| digest::hmac(hash, self.key.expose().as_bytes(), &[time.as_bytes(), b".", body]);
        let (right, given) = (hash(Hash::Sha256), hex::decode(given).unwrap_or_default());
        Ok(match self.bug.as_str() {
            "accepts a prefix" => !given.is_empty() && right.starts_with(&given),
            "accepts no proof" => given.is_empty() || right == given,
            "accepts more than the proof" => given.starts_with(&right),
            "accepts another algorithm" => right == given || hash(Hash::Sha1) == given,
            "accepts any proof" => true,
            _ => right == given,
        })
    }
}

#[async_trait]
impl<const READ_BACK: bool> Connector for Mint<READ_BACK> {
    fn spec(&self) -> &'static Spec {
        const { &<Self as Provider>::SPEC }
    }

    async fn authorize(&self, cx: &Context<'_>, request: &Authorize) -> Result<Payment> {
        let Method::Card(card) = &request.method else { return Err(Error::unsupported(Op::Authorize)) };
        let (amount, currency) = (self.amount(&request.amount)?, request.amount.currency().code());
        let body = json!({ "number": card.number.expose(), "amount": amount, "currency": currency });
        let reply = cx.post("https://api.mint.example/payments").bearer(&self.key).json(&body).send().await?;
        if !reply.is_success() {
            return Err(reply.fault_with(Fault::default()));
        }
        self.payment(&reply.json()?)
    }

    async fn retrieve(&self, cx: &Context<'_>, request: &Retrieve) -> Result<Payment> {
        let Lookup::Handle(handle) = &request.by else { return Err(Error::unsupported(Op::Retrieve)) };
        self.look_up(cx, &handle.segment()?).await
    }

    async fn webhook(&self, cx: &Context<'_>, delivery: &Delivery) -> Result<Vec<Event>> {
        if !READ_BACK {
            let proven = delivery.untrusted(|body| self.proves(cx, delivery, body.text()?.as_bytes()))?;
            if !proven {
                return Err(Error::signature("the signature does not agree"));
            }
        }
        let told: Told = delivery.untrusted(|body| body.json())?;
        let payment = match READ_BACK {
            true if self.has("believes the body") => {
                let state = self.state(&told.payment)?;
                Payment { state, ..self.look_up(cx, &told.payment.id).await? }
            }
            true => self.look_up(cx, &told.payment.id).await?,
            false if self.has("believes any type") => {
                Payment { state: State::Captured, ..self.payment(&told.payment)? }
            }
            false => self.payment(&told.payment)?,
        };
        let known = told.r#type == "payment.changed" || self.has("believes any type");
        let last = std::mem::replace(&mut *self.last.lock().unwrap(), told.id.clone());
        let fresh = last != told.id || !self.has("remembers deliveries");
        let body = if known && fresh { EventBody::Payment(payment) } else { EventBody::Ignored };
        Ok(vec![Event { id: Some(told.id), at: None, name: told.r#type, body }])
    }
}

const PROFILE: &str = r#"
id = "mint"
currency = "EUR"
country = "NL"
answers = ["amount", "currency"]
events = ["payment"]
[credentials]
key = "sk_test_quittance"
[signature.webhook]
algorithm = "hmac-sha256"
key = "${secret:key}"
over = "${now:unix}.${body}"
encoding = "hex"
[money]
exponents = { IDR = 0, ISK = 2 }
source = "https://mint.example/currencies"
seen = "2026-11-22"
[cards.approved]
number = "4242424242424242"
expiry_month = 3
expiry_year = 2030
source = "https://mint.example/cards"
[[status]]
of = "payment"
value = "paid"
becomes = "captured"
[[status]]
of = "payment"
value = "open"
becomes = "pending"
[[status]]
of = "payment"
value = "expired"
becomes = "expired"
[[code]]
value = "51"
reason = "insufficient_funds"
[[code]]
value = "54"
reason = "expired_card"
[status_source]
url = "https://mint.example/codes"
seen = "2026-11-22"
"#;

const SCENARIOS: [(&str, &str, &str); 5] = [
    ("authorize/captured", "authorize", "{ state = \"captured\", amount_minor = 6000 }"),
    ("authorize/open", "authorize", "{ state = \"pending\" }"),
    ("authorize/refused", "authorize", "{ state = \"declined\", reason = \"insufficient_funds\" }"),
    ("webhook/paid", "webhook", "{ events = [{ kind = \"payment\", state = \"captured\" }] }"),
    ("webhook/open", "webhook", "{ events = [{ kind = \"payment\", state = \"pending\" }] }"),
];

fn scenario((path, op, expect): &(&str, &str, &str)) -> Scenario {
    let id = path.replace('/', ".");
    let input = if *op == "authorize" { "method = \"main\"\ninput = { amount_minor = 6000 }" } else { "" };
    let text = format!(
        "id = \"{id}\"\ntitle = \"One step of its own\"\nclauses = [\"WEBHOOK-1\"]\nproves = \"{op}\"\nclass = \"success\"\n\
         needs = [\"{op}\"]\n[[step]]\nop = \"{op}\"\n{input}\nexpect = {expect}\n"
    );
    Scenario::parse(&format!("specs/scenarios/{path}.toml"), &text).unwrap()
}

fn object(status: &str, more: &str) -> String {
    format!(
        r#"{{"id":"${{gen:payment:alnum12}}","status":"{status}"{more},"amount":"60.00","currency":"EUR","method":"card"}}"#
    )
}

fn payment(status: &str, more: &str) -> String {
    format!(
        r#"
[[exchange]]
step = 1
request = {{ method = "POST", url = "https://api.mint.example/payments", headers = {{ authorization = "Bearer ${{secret:key}}", content-type = "application/json" }}, json = '{{"number":"${{card:number}}","amount":"60.00","currency":"EUR"}}' }}
response = {{ status = 200, body = '{}' }}
"#,
        object(status, more)
    )
}

fn delivery(status: &str, read_back: bool) -> String {
    let headers = match read_back {
        true => "{ content-type = \"application/json\" }",
        false => "{ mint-signature = \"${now:unix},${sig:webhook}\", mint-time = \"${now:unix}\" }",
    };
    let body = object(status, "");
    let made = format!(
        r#"
[[webhook]]
step = 1
headers = {headers}
body = '{{"id":"${{gen:event-{status}:alnum12}}","type":"payment.changed","payment":{body}}}'
"#
    );
    let look_up = format!(
        r#"
[[exchange]]
step = 1
request = {{ method = "GET", url = "https://api.mint.example/payments/${{gen:payment}}", headers = {{ authorization = "Bearer ${{secret:key}}" }} }}
response = {{ status = 200, body = '{body}' }}
"#
    );
    if read_back { format!("{look_up}{made}") } else { made }
}

/// What the checks find in the connector with that bug: `check: finding`, of the four checks of this file.
fn found<const READ_BACK: bool>(bug: &str, profile_text: &str) -> Vec<String> {
    let entry: &'static Entry = &const { Entry::of::<Mint<READ_BACK>>() };
    let today = jiff::civil::date(2026, 11, 22);
    let profile = Profile::parse("mint/profile.toml", profile_text, Path::new("mint"), today).unwrap();
    let texts = [
        ("authorize.captured", payment("paid", "")),
        ("authorize.open", payment("open", "")),
        ("authorize.refused", payment("refused", ",\"code\":\"51\"")),
        ("webhook.paid", delivery("paid", READ_BACK)),
        ("webhook.open", delivery("open", READ_BACK)),
    ];
    let tape = |(case, text): &(&str, String)| {
        let text = format!("provenance = {{ kind = \"synthesised\" }}\n{text}");
        ((*case).to_owned(), Tape::parse(&format!("fixtures/mint/{case}.toml"), &text, &profile).unwrap())
    };
    let suite =
        Suite { version: "1.0.0".into(), digest: String::new(), scenarios: SCENARIOS.iter().map(scenario).collect() };
    let subject = Subject {
        entry,
        tapes: texts.iter().map(tape).collect(),
        credentials: Arc::new(profile.credentials.clone()),
        connector: entry.connect(json!({ "key": "sk_test_quittance", "bug": bug })).unwrap(),
        proven: Arc::default(),
        profile,
        folder: "fixtures/mint".to_owned(),
        today,
    };
    let options = Options { seed: 1, tiers: Tiers::Memory, narrowed: None };
    let checks = ["check:money", "check:coverage", "check:unrecognised", "check:webhooks"];
    let mut all = Vec::new();
    for line in certify::in_memory(&suite, &subject, &options) {
        let is_check = checks.contains(&line.case.as_str());
        assert!(!is_check || line.trials > 0, "{} tries nothing", line.case);
        assert!(line.case.starts_with("check:") || line.findings.is_empty(), "{bug}: {:#?}", line.findings);
        let told = |finding: &quittance_harness::run::case::Finding| format!("{}: {finding}", line.case);
        all.extend(line.findings.iter().filter(|_| is_check).map(told));
    }
    all
}

#[test]
fn the_sound_connectors_pass() {
    assert_eq!(found::<false>("", PROFILE), Vec::<String>::new());
    assert_eq!(found::<true>("", PROFILE), Vec::<String>::new());
}

#[test]
fn each_planted_bug_is_found() {
    for (bug, check, words) in [
        ("sends two decimals always", "check:money", "BHD"),
        ("cuts long amounts", "check:money", "999999999999 EUR"),
        ("reads two decimals always", "check:money", "JPY"),
        ("takes expired for paid", "check:coverage", "expired"),
        ("mixes two codes up", "check:coverage", "decline code 54"),
        ("takes the unknown for paid", "check:unrecognised", "found captured"),
        ("loses the id", "check:unrecognised", "found protocol"),
        ("has a reason for every code", "check:unrecognised", "found declined generic"),
        ("forgets the code", "check:unrecognised", "a decline, unmapped"),
        ("believes an unknown method", "check:unrecognised", "none further than before"),
        ("accepts a prefix", "check:webhooks", "a proof of one byte"),
        ("accepts no proof", "check:webhooks", "an empty proof"),
        ("accepts more than the proof", "check:webhooks", "a byte too many"),
        ("accepts another algorithm", "check:webhooks", "another algorithm"),
        ("accepts any proof", "check:webhooks", "the body altered"),
        ("keeps no time", "check:webhooks", "a second too old"),
        ("has no patience", "check:webhooks", "as far ahead as it may be"),
        ("has a minute too much patience", "check:webhooks", "a second too far ahead"),
        ("dates by another header", "check:webhooks", "dated anew"),
        ("remembers deliveries", "check:webhooks", "a second time"),
    ] {
        let found = found::<false>(bug, PROFILE);
        let hit = found.iter().any(|text| text.starts_with(check) && text.contains(words));
        assert!(hit, "{bug}: {found:#?}");
    }
    let found = found::<true>("believes the body", PROFILE);
    assert!(
        found.iter().any(|text| text.starts_with("check:webhooks") && text.contains("with another /payment/status")),
        "{found:#?}"
    );
}

/// Both tables of exponents are judged, and published values that nothing shows need a reason.
#[test]
fn a_profile_that_says_something_else_is_found() {
    for (old, new, words) in [
        ("IDR = 0, ISK = 2", "IDR = 0", "exponent of ISK"),
        ("IDR = 0, ISK = 2", "IDR = 0, ISK = 2, CLP = 2", "money.exponents.CLP"),
        ("value = \"expired\"", "value = \"lapsed\"", "payment status lapsed"),
        ("value = \"54\"", "value = \"62\"", "decline code 62"),
        ("becomes = \"pending\"", "becomes = \"pending\"\nunmapped = \"nobody has seen it\"", "no `unmapped`"),
    ] {
        let found = found::<false>("", &PROFILE.replacen(old, new, 1));
        assert!(found.iter().any(|text| text.contains(words)), "{words}: {found:#?}");
    }
}

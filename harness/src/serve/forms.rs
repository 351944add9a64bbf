//! What a server tells: one line at its start, and the answers of its control API.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{CONTROL, Plan, State};
use crate::sandbox::{OutcomeShown, PaymentShown, Seen};

/// The line that `quittance serve --json` prints when it listens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Started {
    /// Scheme, host and port.
    pub url: String,
    /// The control page; its API stands below `/api`.
    pub control_url: String,
    /// The seed of ids and chaos.
    pub seed: u64,
    /// File of the certificate that clients must trust, as PEM.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls_authority: Option<String>,
    /// Where deliveries go.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub webhooks: Option<String>,
    /// What goes wrong on purpose.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub chaos: Option<String>,
    /// The providers.
    pub providers: Vec<ProviderStarted>,
}

/// How to use one provider.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ProviderStarted {
    /// The connector's id.
    pub id: String,
    /// The provider's name.
    pub name: String,
    /// What stands in place of the provider's scheme and host.
    pub base_url: String,
    /// Hosts by which requests find it too; `*` stands for one label.
    pub hosts: Vec<String>,
    /// The dummy credentials to use, by dotted name; not given where more than three providers are served.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub credentials: Option<BTreeMap<String, String>>,
    /// Test cards, amounts and tokens with their outcomes; not given where more than three providers are served.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outcomes: Option<Vec<OutcomeShown>>,
}

impl Started {
    pub(super) fn of(state: &State, address: SocketAddr, authority: Option<PathBuf>, plan: &Plan) -> Started {
        let shown = match address.ip() {
            IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
            IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
            ip => ip,
        };
        let scheme = if authority.is_some() { "https" } else { "http" };
        let url = format!("{scheme}://{}", SocketAddr::new(shown, address.port()));
        let is_only = state.providers.all.len() == 1;
        let providers = state.providers.all.iter().map(|provider| {
            let spec = provider.entry.spec;
            ProviderStarted {
                id: spec.id.to_owned(),
                name: spec.name.to_owned(),
                base_url: if is_only { url.clone() } else { format!("{url}/{}", spec.id) },
                hosts: spec.hosts.iter().map(|host| (*host).to_owned()).collect(),
                credentials: None,
                outcomes: None,
            }
        });
        Started {
            control_url: format!("{url}{CONTROL}"),
            seed: plan.seed,
            tls_authority: authority.map(|path| path.display().to_string()),
            webhooks: plan.webhooks.as_ref().map(|webhooks| webhooks.url.to_string()),
            chaos: Some(plan.chaos.to_string()).filter(|text| !text.is_empty()),
            providers: providers.collect(),
            url,
        }
    }

    /// Adds what is known of the providers that were read.
    pub(super) fn complete(&mut self, state: &State) {
        for (index, provider) in self.providers.iter_mut().enumerate() {
            let loaded = state.providers.loaded(index).and_then(Result::ok);
            provider.credentials = loaded.map(|loaded| loaded.credentials().clone());
            provider.outcomes = loaded.map(|loaded| loaded.sandbox().outcomes());
        }
    }
}

/// The bodies of the control API, each by the end of its path below `/_quittance/api`.
#[derive(Debug, JsonSchema)]
#[allow(dead_code, reason = "the schema is what this is for")]
pub struct ControlApi {
    /// `GET health`
    health: Health,
    /// `GET providers`
    providers: Vec<ProviderShown>,
    /// `GET traffic?after=NUMBER&newest=COUNT&provider=ID`
    traffic: TrafficShown,
    /// `GET traffic/NUMBER`
    traffic_detail: TrafficDetail,
    /// `GET payments?newest=COUNT&provider=ID`: the newest first
    payments: Vec<PaymentsShown>,
    /// `GET outcomes?provider=ID`
    outcomes: Vec<OutcomesShown>,
    /// `GET events?provider=ID&payment=ID`: names of the deliveries that can be made now
    events: Vec<String>,
    /// `GET webhooks?newest=COUNT`
    webhooks: Vec<DeliveryShown>,
    /// `GET webhooks/NUMBER`
    webhook_detail: DeliveryDetail,
    /// `POST webhooks`; the answer is one `webhooks` row
    send_webhook: SendWebhook,
    /// `GET faults`, and the answer of `POST faults`: the faults of the next requests
    faults: Vec<FaultShown>,
    /// `POST faults`
    ask_fault: AskFault,
    /// `GET chaos`, and the body and the answer of `POST chaos`
    chaos: ChaosShown,
    /// `POST reset`; the answer is `health`
    reset: Reset,
    /// Every refusal
    error: Refused,
}

/// How the server is.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Health {
    /// Always `ok`.
    pub status: String,
    /// The version of the command.
    pub version: String,
    /// How long it has run.
    pub uptime_ms: u64,
    /// Requests to providers so far.
    pub requests: u64,
    /// Connections that are open.
    pub connections: usize,
    /// Deliveries that are not over.
    pub webhooks_waiting: usize,
    /// Where deliveries go.
    pub webhooks: Option<String>,
    /// The seed of ids and chaos.
    pub seed: u64,
}

/// One provider.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct ProviderShown {
    /// The connector's id.
    pub id: String,
    /// The provider's name.
    pub name: String,
    /// What stands in place of the provider's scheme and host.
    pub base_url: String,
    /// Hosts by which requests find it too.
    pub hosts: Vec<String>,
}

/// Requests, the oldest first.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct TrafficShown {
    /// The number of the newest request there was: ask for what comes after it.
    pub newest: u64,
    /// The requests.
    pub entries: Vec<TrafficEntry>,
}

/// One request to a provider.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct TrafficEntry {
    /// Its number, from 1.
    pub number: u64,
    /// When it came, in milliseconds since 1970.
    pub at_unix_ms: i64,
    /// How long it took, in microseconds.
    pub duration_micros: u64,
    /// The provider; none when no provider was found.
    pub provider: Option<String>,
    /// The method.
    pub method: String,
    /// Path and query as the provider would see them, masked.
    pub url: String,
    /// The answer's status; none when there was no answer.
    pub status: Option<u16>,
    /// What went wrong on purpose.
    pub fault: Option<String>,
    /// What the sandbox made of it; none when it did not get that far.
    pub seen: Option<Seen>,
}

/// One request with headers and bodies, masked.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct TrafficDetail {
    /// The request.
    pub entry: TrafficEntry,
    /// Its headers; of those that may hold a secret the names alone.
    pub request_headers: Vec<HeaderShown>,
    /// Its body, masked; of a long one the beginning.
    pub request_body: String,
    /// The length of the whole body.
    pub request_body_bytes: usize,
    /// The headers of the provider's answer.
    pub answer_headers: Vec<HeaderShown>,
    /// The provider's answer, masked; of a long one the beginning.
    pub answer_body: String,
    /// The length of the whole answer.
    pub answer_body_bytes: usize,
}

/// A header.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct HeaderShown {
    /// Its name, in lower case.
    pub name: String,
    /// Its value, or a mask.
    pub value: String,
}

/// The payments of one provider.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct PaymentsShown {
    /// The connector's id.
    pub provider: String,
    /// Its payments, the newest first.
    pub payments: Vec<PaymentShown>,
}

/// What chooses outcomes with one provider.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct OutcomesShown {
    /// The connector's id.
    pub provider: String,
    /// Test cards, amounts and tokens.
    pub outcomes: Vec<OutcomeShown>,
}

/// One delivery.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct DeliveryShown {
    /// Its number, from 1.
    pub number: u64,
    /// When it was due, in milliseconds since 1970.
    pub at_unix_ms: i64,
    /// The connector's id.
    pub provider: String,
    /// The payment that it is about.
    pub payment: Option<String>,
    /// The event's name.
    pub event: String,
    /// How far it is.
    pub state: DeliveryState,
    /// How often it was tried.
    pub tries: u32,
    /// The status of the last answer.
    pub status: Option<u16>,
    /// Why the last try had no answer.
    pub error: Option<String>,
    /// When it is tried again, in milliseconds since 1970.
    pub next_try_unix_ms: Option<i64>,
    /// The names of its headers, signatures among them.
    pub header_names: Vec<String>,
    /// The length of its body.
    pub body_bytes: usize,
}

/// One delivery whole, as who finds out why it is refused needs it.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct DeliveryDetail {
    /// The delivery.
    pub delivery: DeliveryShown,
    /// Its headers as they are sent, signatures among them.
    pub headers: Vec<HeaderShown>,
    /// Its body as it is sent.
    pub body: String,
    /// Whether something in them is a secret, and masked: then they are not byte for byte what is sent.
    pub masked: bool,
}

/// How far a delivery is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryState {
    /// There is no receiver: the server was started without --webhooks.
    NotSent,
    /// It waits for its turn.
    Waiting,
    /// It is being sent.
    Sending,
    /// It was not taken, and is tried again.
    Retrying,
    /// The receiver took it.
    Delivered,
    /// It was not taken at the last try.
    Failed,
    /// Too many were waiting, or a reset came in between.
    Dropped,
}

impl DeliveryState {
    /// Whether nothing more happens to it.
    pub fn is_over(self) -> bool {
        !matches!(self, DeliveryState::Waiting | DeliveryState::Sending | DeliveryState::Retrying)
    }
}

/// Asks for a delivery about a payment.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SendWebhook {
    /// The connector's id; may be left out where one provider is served.
    pub provider: Option<String>,
    /// The payment's id.
    pub payment: String,
    /// The event's name, one of `events`.
    pub event: String,
}

/// A fault of the next requests.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct FaultShown {
    /// The provider; none means any.
    pub provider: Option<String>,
    /// The fault, as `503` or `reset_after`.
    pub fault: String,
}

/// Asks for a fault.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AskFault {
    /// The provider whose next request goes wrong; any when it is left out.
    pub provider: Option<String>,
    /// `reset`, `timeout`, `html`, `cut` or a status from 400 to 599; all but `cut` also with `_after`, for after the provider has acted.
    pub fault: String,
    /// How many requests; 1 when it is left out.
    pub times: Option<usize>,
}

/// What goes wrong on purpose.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ChaosShown {
    /// As `--chaos` takes it; empty or none means that nothing goes wrong.
    pub chaos: Option<String>,
}

/// Asks for a start from nothing: no payments, no traffic, no deliveries, no faults, and ids and chaos from the seed again.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Reset {
    /// The provider; all when it is left out.
    pub provider: Option<String>,
}

/// Why something was not done.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Refused {
    /// In one sentence, with what to do.
    pub error: String,
}

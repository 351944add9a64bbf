//! The control page and its API, below `/_quittance`.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::Router;
use axum::body::Body;
use axum::extract::{DefaultBodyLimit, Path, RawQuery, State as Shared};
use axum::response::Response as Page;
use axum::routing::get;
use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderValue, Request, Response, StatusCode};
use hyper::body::Incoming;
use hyper::service::Service as _;
use hyper_util::service::TowerToHyperService;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::answer::Answer;
use super::chaos::Chaos;
use super::forms::{
    AskFault, ChaosShown, DeliveryDetail, FaultShown, HeaderShown, Health, OutcomesShown, PaymentsShown, ProviderShown,
    Refused, Reset, SendWebhook, Started, TrafficShown,
};
use super::mask::Veil;
use super::page::{self, POLICY, page};
use super::{State, exchange, guard, now_unix_ms};
use crate::sandbox::OWN;
use crate::world::unknown;

/// How many rows are given when nobody says how many.
const ROWS: usize = 100;
/// What the body of a request to the API may have.
const BODY_BYTES: usize = 64 << 10;

/// Answers what is asked below `/_quittance`.
pub(super) struct Control {
    service: TowerToHyperService<Router>,
    names: Vec<String>,
}

/// What the handlers share.
struct Desk {
    state: Arc<State>,
    providers: Vec<ProviderShown>,
    webhooks: Option<String>,
    page: Bytes,
    policy: HeaderValue,
}

type At = Shared<Arc<Desk>>;

/// What a handler comes to.
type Told = Result<Page, (StatusCode, String)>;

impl Control {
    pub(super) fn new(state: Arc<State>, started: &Started) -> Control {
        let shown = started.providers.iter().map(|provider| ProviderShown {
            id: provider.id.clone(),
            name: provider.name.clone(),
            base_url: provider.base_url.clone(),
            hosts: provider.hosts.clone(),
        });
        let names = state.names.clone();
        let desk = Arc::new(Desk {
            providers: shown.collect(),
            webhooks: started.webhooks.clone(),
            page: page(),
            policy: page::policy(),
            state,
        });
        let api = Router::new()
            .route("/health", get(|at: At| async move { json(&at.health()) }))
            .route("/providers", get(|at: At| async move { json(&at.providers) }))
            .route("/traffic", get(|at: At, query: RawQuery| async move { told(at.traffic(query)) }))
            .route(
                "/traffic/{number}",
                get(|at: At, Path(number): Path<String>| async move { told(at.detail(&number)) }),
            )
            .route("/payments", get(|at: At, query: RawQuery| async move { told(at.payments(query)) }))
            .route("/outcomes", get(|at: At, query: RawQuery| async move { told(at.outcomes(query)) }))
            .route("/events", get(|at: At, query: RawQuery| async move { told(at.events(query)) }))
            .route(
                "/webhooks",
                get(|at: At, query: RawQuery| async move { told(at.webhooks(query)) })
                    .post(|at: At, body: Bytes| async move { told(at.send_webhook(&body)) }),
            )
            .route(
                "/webhooks/{number}",
                get(|at: At, Path(number): Path<String>| async move { told(at.webhook(&number)) }),
            )
            .route(
                "/faults",
                get(|at: At| async move { json(&at.faults()) })
                    .post(|at: At, body: Bytes| async move { told(at.ask_fault(&body)) }),
            )
            .route(
                "/chaos",
                get(|at: At| async move { json(&at.chaos()) })
                    .post(|at: At, body: Bytes| async move { told(at.set_chaos(&body)) }),
            )
            .route("/reset", axum::routing::post(|at: At, body: Bytes| async move { told(at.reset(&body)) }))
            .layer(DefaultBodyLimit::max(BODY_BYTES));
        let router = Router::new()
            .route("/_quittance", get(|at: At| async move { at.page() }))
            .route("/_quittance/", get(|at: At| async move { at.page() }))
            .nest("/_quittance/api", api)
            .fallback(|| async { refused(StatusCode::NOT_FOUND, "no such page; the API has health, providers, traffic, payments, outcomes, events, webhooks, faults, chaos and reset below /_quittance/api".to_owned()) })
            .method_not_allowed_fallback(|| async { refused(StatusCode::METHOD_NOT_ALLOWED, "this takes another method; see the schema serve-control in specs/schemas".to_owned()) })
            .with_state(desk);
        Control { service: TowerToHyperService::new(router), names }
    }

    /// Answers a request, if it may be answered.
    pub(super) async fn answer(&self, request: Request<Incoming>) -> Response<Answer> {
        let allowed = guard::check(request.method(), request.uri(), request.headers(), &self.names);
        let mut response = match allowed {
            Err((status, why)) => refused(status, why.to_owned()),
            Ok(()) => match self.service.call(request.map(Body::new)).await {
                Ok(response) => response,
                Err(never) => match never {},
            },
        };
        let headers = response.headers_mut();
        headers.insert(OWN, HeaderValue::from_static("serve"));
        headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.entry(CONTENT_SECURITY_POLICY).or_insert(HeaderValue::from_static(POLICY));
        response.map(Answer::Control)
    }
}

impl Desk {
    fn page(&self) -> Page {
        let mut response = Response::new(Body::from(self.page.clone()));
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
        response.headers_mut().insert(CONTENT_SECURITY_POLICY, self.policy.clone());
        response
    }

    fn health(&self) -> Health {
        let state = &self.state;
        Health {
            status: "ok".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            uptime_ms: exchange::micros(state.begun.elapsed()) / 1000,
            requests: state.requests.load(Ordering::Relaxed),
            connections: state.connections.load(Ordering::Relaxed),
            webhooks_waiting: state.webhooks.waiting(),
            webhooks: self.webhooks.clone(),
            seed: state.seed,
        }
    }

    /// The place of a provider; of none, that of the only one there is.
    fn provider(&self, id: Option<&str>) -> Result<Option<usize>, (StatusCode, String)> {
        let Some(id) = id.filter(|id| !id.is_empty()) else { return Ok(None) };
        let known: Vec<&str> = self.providers.iter().map(|provider| provider.id.as_str()).collect();
        let index = self.state.providers.index(id).ok_or_else(|| {
            let told = unknown("provider", id, &known);
            (
                StatusCode::NOT_FOUND,
                told.replace("`quittance list` shows all", "GET providers lists those of this server"),
            )
        })?;
        Ok(Some(index))
    }

    fn only(&self, id: Option<&str>) -> Result<usize, (StatusCode, String)> {
        let only = (self.providers.len() == 1).then_some(0);
        self.provider(id)?.or(only).ok_or_else(|| bad("`provider` is missing: this server has several"))
    }

    fn id(&self, index: usize) -> &str {
        self.providers.get(index).map_or("", |provider| provider.id.as_str())
    }

    fn traffic(&self, RawQuery(query): RawQuery) -> Told {
        let query = Query::read(query, &["after", "newest", "provider"])?;
        let provider = self.provider(query.text("provider"))?;
        let after = query.number("after")?.unwrap_or(0);
        let traffic = &self.state.traffic;
        let newest = traffic.newest();
        Ok(json(&TrafficShown { newest, entries: traffic.since(&self.state, after, query.rows()?, provider) }))
    }

    fn detail(&self, number: &str) -> Told {
        let detail = number.parse().ok().and_then(|number| self.state.traffic.detail(&self.state, number));
        let detail = detail.ok_or_else(|| {
            (StatusCode::NOT_FOUND, format!("request {number} is not kept; the last {} are", self.state.limits.traffic))
        })?;
        Ok(json(&detail))
    }

    fn payments(&self, RawQuery(query): RawQuery) -> Told {
        let query = Query::read(query, &["newest", "provider"])?;
        let (only, rows) = (self.provider(query.text("provider"))?, query.rows()?);
        let of = |index: usize| {
            let loaded = self.state.providers.loaded(index)?.ok()?;
            let payments = loaded.sandbox().payments(rows);
            Some(PaymentsShown { provider: self.id(index).to_owned(), payments })
        };
        let all = (0..self.providers.len()).filter(|index| only.is_none_or(|only| only == *index)).filter_map(of);
        Ok(json(&all.collect::<Vec<_>>()))
    }

    /// A provider that is asked for by name is read now.
    fn outcomes(&self, RawQuery(query): RawQuery) -> Told {
        let query = Query::read(query, &["provider"])?;
        let only = self.provider(query.text("provider"))?;
        if let Some(index) = only {
            self.state.providers.load(index).map_err(|why| (StatusCode::INTERNAL_SERVER_ERROR, why.to_owned()))?;
        }
        let of = |index: usize| {
            let loaded = self.state.providers.loaded(index)?.ok()?;
            Some(OutcomesShown { provider: self.id(index).to_owned(), outcomes: loaded.sandbox().outcomes() })
        };
        let all = (0..self.providers.len()).filter(|index| only.is_none_or(|only| only == *index)).filter_map(of);
        Ok(json(&all.collect::<Vec<_>>()))
    }

    fn events(&self, RawQuery(query): RawQuery) -> Told {
        let query = Query::read(query, &["provider", "payment"])?;
        let index = self.only(query.text("provider"))?;
        let payment = query.text("payment").ok_or_else(|| bad("`payment` is missing"))?;
        let loaded = self.state.providers.loaded(index).and_then(Result::ok);
        Ok(json(&loaded.map(|loaded| loaded.sandbox().events(payment)).unwrap_or_default()))
    }

    fn webhooks(&self, RawQuery(query): RawQuery) -> Told {
        let query = Query::read(query, &["newest"])?;
        Ok(json(&self.state.webhooks.shown(query.rows()?)))
    }

    fn webhook(&self, number: &str) -> Told {
        let found = number.parse().ok().and_then(|number| self.state.webhooks.whole(number));
        let (delivery, made) = found.ok_or_else(|| {
            (StatusCode::NOT_FOUND, format!("delivery {number} is not kept; GET webhooks lists those"))
        })?;
        let loaded =
            self.state.providers.index(&delivery.provider).and_then(|index| self.state.providers.loaded(index));
        let veil = Veil::new(loaded.and_then(Result::ok).map(|loaded| &loaded.masker));
        let (sent, body) = made.map(|made| (made.headers, made.body)).unwrap_or_default();
        let body = String::from_utf8_lossy(&body);
        let headers: Vec<HeaderShown> =
            sent.iter().map(|(name, value)| HeaderShown { name: name.clone(), value: veil.text(value) }).collect();
        let shown = veil.text(&body);
        let masked = shown != body || headers.iter().zip(&sent).any(|(shown, (_, value))| shown.value != *value);
        Ok(json(&DeliveryDetail { delivery, headers, body: shown, masked }))
    }

    fn send_webhook(&self, body: &[u8]) -> Told {
        let asked: SendWebhook = read(body)?;
        let index = self.only(asked.provider.as_deref())?;
        let loaded = self.state.providers.loaded(index).and_then(Result::ok);
        let made = loaded.and_then(|loaded| {
            let sandbox = loaded.sandbox();
            let due = sandbox.deliver(&asked.payment, &asked.event, now_unix_ms() / 1000)?;
            Some((sandbox, due))
        });
        let (sandbox, due) = made.ok_or_else(|| {
            let why =
                "no such delivery can be made now; GET events?provider=ID&payment=ID lists those that can".to_owned();
            (StatusCode::NOT_FOUND, why)
        })?;
        let number = self.state.webhooks.take(self.id(index), &sandbox, due);
        Ok(json(&self.state.webhooks.one(number)))
    }

    fn faults(&self) -> Vec<FaultShown> {
        let shown = |(provider, fault): (Option<usize>, super::chaos::Fault)| FaultShown {
            provider: provider.map(|index| self.id(index).to_owned()),
            fault: fault.to_string(),
        };
        self.state.planned.asked().into_iter().map(shown).collect()
    }

    fn ask_fault(&self, body: &[u8]) -> Told {
        let asked: AskFault = read(body)?;
        let provider = self.provider(asked.provider.as_deref())?;
        let fault = asked.fault.parse().map_err(bad)?;
        let is_taken = self.state.planned.ask(provider, fault, asked.times.unwrap_or(1));
        if !is_taken {
            return Err(bad("at most 1,000 faults can be planned ahead; POST reset forgets them"));
        }
        Ok(json(&self.faults()))
    }

    fn chaos(&self) -> ChaosShown {
        ChaosShown { chaos: Some(self.state.planned.chaos().to_string()).filter(|text| !text.is_empty()) }
    }

    fn set_chaos(&self, body: &[u8]) -> Told {
        let asked: ChaosShown = read(body)?;
        let chaos: Chaos = asked.chaos.unwrap_or_default().parse().map_err(bad)?;
        self.state.planned.set_chaos(chaos);
        Ok(json(&self.chaos()))
    }

    fn reset(&self, body: &[u8]) -> Told {
        let asked: Reset = if body.is_empty() { Reset::default() } else { read(body)? };
        let only = self.provider(asked.provider.as_deref())?;
        self.state.providers.reset(only).map_err(|why| (StatusCode::INTERNAL_SERVER_ERROR, why))?;
        self.state.planned.reset(only);
        self.state.webhooks.reset(only.map(|index| self.id(index)));
        if only.is_none() {
            self.state.traffic.clear();
        }
        Ok(json(&self.health()))
    }
}

/// The query of a request, its names checked.
struct Query(HashMap<String, String>);

impl Query {
    fn read(query: Option<String>, known: &[&str]) -> Result<Query, (StatusCode, String)> {
        let pairs =
            form_urlencoded::parse(query.unwrap_or_default().as_bytes()).into_owned().collect::<HashMap<_, _>>();
        match pairs.keys().find(|name| !known.contains(&name.as_str())) {
            Some(name) => Err(bad(format!("`{name}`: unknown parameter; known are {}", known.join(", ")))),
            None => Ok(Query(pairs)),
        }
    }

    fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    fn number(&self, name: &str) -> Result<Option<u64>, (StatusCode, String)> {
        let read = |text: &str| text.parse().map_err(|_| bad(format!("`{name}`: expected a whole number")));
        self.text(name).map(read).transpose()
    }

    fn rows(&self) -> Result<usize, (StatusCode, String)> {
        let rows = self.number("newest")?.and_then(|rows| usize::try_from(rows).ok());
        Ok(rows.unwrap_or(ROWS).min(1_000))
    }
}

fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, (StatusCode, String)> {
    serde_json::from_slice(body).map_err(|error| bad(format!("the body does not fit: {error}")))
}

fn bad(why: impl Into<String>) -> (StatusCode, String) {
    (StatusCode::BAD_REQUEST, why.into())
}

fn told(result: Told) -> Page {
    result.unwrap_or_else(|(status, why)| refused(status, why))
}

fn refused(status: StatusCode, error: String) -> Page {
    let mut response = json(&Refused { error });
    *response.status_mut() = status;
    response
}

fn json(value: &impl Serialize) -> Page {
    // What is written here has names for keys and no numbers that JSON does not have.
    let text = serde_json::to_vec(value).unwrap_or_default();
    let mut response = Response::new(Body::from(text));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

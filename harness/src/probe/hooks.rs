//! A listener for deliveries, and whether they are vouched for, about what was done, and true.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::Request;
use axum::http::StatusCode;
use bytes::Bytes;
use http::HeaderMap;
use quittance::{Delivery, Error, EventBody, Handle, MemoryTokens, Op};
use tokio::runtime::Runtime;

use super::Probe;
use super::checks::bout;
use super::trial::{Bout, Stop, Talked, Tried, WHOLE_MINOR};
use crate::invoke;
use crate::live::Live;
use crate::live::course::finding;
use crate::scenario::StepOp;
use crate::view::Outcome;
use crate::words::counted;
use crate::world::Unusable;

/// The largest delivery that is read, in bytes.
const MAX_DELIVERY_BYTES: usize = 1 << 20;
/// How many deliveries are kept; more are acknowledged and counted.
const MAX_DELIVERIES: usize = 10_000;
/// Pause between two looks at what has come.
const PAUSE: Duration = Duration::from_millis(20);

/// A delivery as it came.
#[derive(Clone)]
struct Raw {
    url: String,
    headers: HeaderMap,
    body: Bytes,
}

/// A delivery as the connector read it.
struct Heard {
    raw: Raw,
    read: Result<Outcome, Error>,
}

#[derive(Default)]
struct Inbox {
    new: Vec<Raw>,
    left_out: usize,
}

/// The listener; it ends with this value.
pub struct Hooks {
    inbox: Arc<Mutex<Inbox>>,
    heard: Mutex<Vec<Heard>>,
    address: SocketAddr,
    url: String,
    _runtime: Runtime,
}

impl std::fmt::Debug for Hooks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Hooks({})", self.address)
    }
}

fn lock<T>(slot: &Mutex<T>) -> MutexGuard<'_, T> {
    slot.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Hooks {
    /// Listens on `address` (`127.0.0.1:0` takes any free port). Each delivery is answered with 200 and `acknowledgement`; `public` is the
    /// URL that the implementation calls, where it is another than `http://ADDRESS`.
    ///
    /// # Errors
    /// An address that cannot be had.
    pub fn listen(address: &str, public: Option<&str>, acknowledgement: &'static str) -> Result<Hooks, Unusable> {
        let told = |why: String| {
            Unusable::Text(format!("--webhooks-listen {address}: {why}; give a free address as 127.0.0.1:9000"))
        };
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.map_err(|error| told(error.to_string()))?;
        let listener =
            runtime.block_on(tokio::net::TcpListener::bind(address)).map_err(|error| told(error.to_string()))?;
        let address = listener.local_addr().map_err(|error| told(error.to_string()))?;
        let inbox = Arc::new(Mutex::new(Inbox::default()));
        let base = public.map_or_else(|| format!("http://{address}"), |url| url.trim_end_matches('/').to_owned());
        // A url with a path is the very one that is called; else each delivery says its path.
        let has_path = base.split_once("://").is_some_and(|(_, rest)| rest.contains('/'));
        let url = if has_path { base.clone() } else { format!("{base}/") };
        let kept = Arc::clone(&inbox);
        let app = Router::new().fallback(move |request: Request| {
            receive(request, Arc::clone(&kept), (base.clone(), has_path), acknowledgement)
        });
        runtime.spawn(async move { axum::serve(listener, app).await });
        Ok(Hooks { inbox, heard: Mutex::default(), address, url, _runtime: runtime })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The URL that the implementation is to call, as far as it is known before it does.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Lets the connector read what came since this was called last: a signed time is fresh only for a while.
    pub fn read(&self, live: &Live<'_>) {
        let new = std::mem::take(&mut lock(&self.inbox).new);
        for raw in new {
            let delivery = Delivery::new(raw.headers.clone(), raw.body.clone()).at_url(raw.url.clone());
            let request = invoke::Request::Webhook(delivery);
            let read = live.call(&*live.connector, &request, &live.remote(), &MemoryTokens::default());
            lock(&self.heard).push(Heard { raw, read });
        }
    }

    /// The newest of what events told that `pick` takes.
    fn told<T>(&self, pick: impl Fn(&EventBody) -> Option<T>) -> Option<T> {
        let heard = lock(&self.heard);
        let events = heard.iter().rev().filter_map(|heard| match &heard.read {
            Ok(Outcome::Events(events)) => Some(events.iter().rev()),
            _ => None,
        });
        events.flatten().find_map(|event| pick(&event.body))
    }

    /// Waits until `done` says so of the newest that `pick` takes; gives what it was at the end.
    fn wait<T>(&self, live: &Live<'_>, pick: impl Fn(&EventBody) -> Option<T>, done: impl Fn(&T) -> bool) -> Option<T> {
        let end = Instant::now() + live.patience;
        loop {
            self.read(live);
            let told = self.told(&pick);
            if told.as_ref().is_some_and(&done) || Instant::now() >= end {
                return told;
            }
            std::thread::sleep(PAUSE);
        }
    }
}

async fn receive(
    request: Request,
    inbox: Arc<Mutex<Inbox>>,
    (base, has_path): (String, bool),
    acknowledgement: &'static str,
) -> (StatusCode, &'static str) {
    let (parts, body) = request.into_parts();
    let Ok(body) = axum::body::to_bytes(body, MAX_DELIVERY_BYTES).await else {
        return (StatusCode::PAYLOAD_TOO_LARGE, "");
    };
    let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
    let url = if has_path { base } else { format!("{base}{path}") };
    let raw = Raw { url, headers: parts.headers, body };
    let mut inbox = lock(&inbox);
    match inbox.new.len() < MAX_DELIVERIES {
        true => inbox.new.push(raw),
        false => inbox.left_out += 1,
    }
    (StatusCode::OK, acknowledgement)
}

/// What came to the listener during the whole probe, and what comes for a purchase and a refund made now.
pub(super) fn deliveries(probe: &Probe<'_>) -> Tried {
    let mut tried = Tried::default();
    let Some(hooks) = &probe.hooks else {
        tried.leave_out("nobody listens: give --webhooks-listen ADDRESS");
        return tried;
    };
    let subject = probe.live.subject;
    if !subject.entry.spec.has(Op::Webhook) {
        tried.leave_out("the connector reads no deliveries");
        return tried;
    }
    let reports = |word: &str| subject.profile.model.events.iter().any(|event| event == word);
    if reports("payment") {
        bout(probe, &mut tried, "the delivery of a purchase", |bout| purchase(probe, hooks, bout));
    }
    if reports("refund") && subject.entry.spec.has(Op::Refund) {
        bout(probe, &mut tried, "the delivery of a refund", |bout| refund(probe, hooks, bout));
    }
    hooks.read(&probe.live);
    unproven(hooks, &mut tried);
    tried
}

fn purchase(probe: &Probe<'_>, hooks: &Hooks, bout: &mut Bout<'_>) -> Talked {
    let (_, payment) = bout.purchase(WHOLE_MINOR, false)?;
    let payment = bout.look_up()?.unwrap_or(payment);
    let pick = |body: &EventBody| match body {
        EventBody::Payment(told) if told.handle.id() == payment.handle.id() => Some(told.clone()),
        _ => None,
    };
    let state = payment.state.as_str();
    match hooks.wait(&probe.live, pick, |told| told.state.as_str() == state) {
        None => Err(missing(probe, hooks, bout, "payment", &payment.handle)),
        Some(told) => {
            let shown =
                |money: Option<quittance::Money>| money.map_or("not told".to_owned(), |money| money.to_string());
            let differ = |one: Option<quittance::Money>, other| one.is_some() && other != one;
            let text = |state: &str, amount, captured| {
                format!("{state}, amount {}, captured {}", shown(amount), shown(captured))
            };
            let wrong = told.state.as_str() != state
                || (payment.amount.is_some() && differ(told.amount, payment.amount))
                || (payment.captured.is_some() && differ(told.captured, payment.captured));
            let expected = text(state, payment.amount, payment.captured);
            let found = text(told.state.as_str(), told.amount, told.captured);
            if wrong {
                Err(bout.fault(format!("an event that agrees with the look-up: {expected}"), found).into())
            } else {
                Ok(())
            }
        }
    }
}

fn refund(probe: &Probe<'_>, hooks: &Hooks, bout: &mut Bout<'_>) -> Talked {
    bout.purchase(WHOLE_MINOR, false)?;
    let taken = bout.done(StepOp::Refund, Some(WHOLE_MINOR), &["succeeded", "pending"])?;
    let Some(Outcome::Refund(made)) = taken.outcome() else { return Ok(()) };
    let pick = |body: &EventBody| match body {
        EventBody::Refund(told) if told.handle.id() == made.handle.id() => Some(told.clone()),
        _ => None,
    };
    match hooks.wait(&probe.live, pick, |_| true) {
        None => Err(missing(probe, hooks, bout, "refund", &made.handle)),
        Some(told) if told.amount.is_some() && made.amount.is_some() && told.amount != made.amount => {
            let shown = |money: Option<quittance::Money>| money.map_or_else(String::new, |money| money.to_string());
            Err(bout.fault(format!("an event of {}", shown(made.amount)), shown(told.amount)).into())
        }
        Some(_) => Ok(()),
    }
}

fn missing(probe: &Probe<'_>, hooks: &Hooks, bout: &Bout<'_>, what: &str, handle: &Handle) -> Stop {
    let heard = lock(&hooks.heard);
    let refused = heard.iter().filter(|heard| heard.read.is_err()).count();
    let read = heard.len() - refused;
    let found = format!(
        "none within {} ms; {} about other objects came so far, and {} refused",
        probe.live.patience.as_millis(),
        counted(read, "delivery"),
        if refused == 1 { "1 was".to_owned() } else { format!("{refused} were") },
    );
    bout.fault(format!("a delivery about the {what} {}", handle.id()), found).into()
}

/// Deliveries that the connector refuses, and events that tell something else when they come again.
fn unproven(hooks: &Hooks, tried: &mut Tried) {
    const SHOWN: usize = 3;
    let heard = lock(&hooks.heard);
    tried.count(heard.len());
    let refused: Vec<_> = heard.iter().filter_map(|heard| heard.read.as_ref().err()).collect();
    for error in refused.iter().take(SHOWN) {
        let found = format!("an error of kind {}: {}", error.kind().as_str(), error.message());
        tried.fault(finding(0, "a delivery", "one that the connector can vouch for and read", found));
    }
    let mut events: std::collections::BTreeMap<&str, (&Heard, &EventBody)> = std::collections::BTreeMap::new();
    let mut again = 0;
    for one in heard.iter() {
        let Ok(Outcome::Events(read)) = &one.read else { continue };
        for event in read {
            let Some(id) = event.id.as_deref() else { continue };
            match events.get(id) {
                Some((first, body)) => {
                    again += 1;
                    if **body != event.body && first.raw.body != one.raw.body {
                        let expected = "the same as when it came first".to_owned();
                        tried.fault(finding(
                            0,
                            format!("the event {id}, delivered again"),
                            expected,
                            "another content",
                        ));
                    }
                }
                None => drop(events.insert(id, (one, &event.body))),
            }
        }
    }
    for (name, count) in [("deliveries", heard.len()), ("refused", refused.len()), ("again", again)] {
        tried.figures.insert(name.to_owned(), count);
    }
    let left_out = lock(&hooks.inbox).left_out;
    if left_out > 0 {
        tried.figures.insert("left_out".to_owned(), left_out);
    }
}

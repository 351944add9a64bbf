//! The HTTP half of `quittance serve`: providers' sandboxes ([`crate::sandbox`]) on one port, with a control page.
//!
//! A request finds its provider by `Host`, else by its first path segment; a single provider also answers at the root. Every
//! connection, body, queue and log has a limit ([`Limits`]), so that no client can make the server grow or stop.

mod answer;
pub mod chaos;
mod connection;
mod control;
mod customers;
mod exchange;
pub mod forms;
mod guard;
mod mask;
mod page;
mod providers;
mod tls;
mod traffic;
mod webhooks;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, AtomicUsize};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use quittance::Entry;
use tokio::net::TcpListener;
use tokio::sync::watch;

use chaos::Chaos;
use control::Control;
use customers::Customers;
use exchange::Planned;
use forms::Started;
use providers::Providers;
use tls::Tls;
use traffic::Traffic;
use webhooks::Webhooks;

use crate::world::{Unusable, World};

/// Where the control page and its API stand.
pub const CONTROL: &str = "/_quittance";

/// What a server is to do.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The providers, each once.
    pub entries: Vec<&'static Entry>,
    /// The address to listen on.
    pub bind: IpAddr,
    /// The port; 0 takes a free one.
    pub port: u16,
    /// Where to write the certificate of the server's own authority; `None` serves plain HTTP.
    pub tls: Option<TlsPlan>,
    /// Where deliveries go; `None` keeps them to be looked at.
    pub webhooks: Option<WebhookPlan>,
    /// What goes wrong on purpose.
    pub chaos: Chaos,
    /// How long a payment waits where somebody else decides about it, its customer or their bank; nothing decides at once.
    pub customer: Duration,
    /// The seed of ids and of chaos.
    pub seed: u64,
    /// Names besides `localhost` and addresses by which the control page may be asked for.
    pub names: Vec<String>,
    /// The limits.
    pub limits: Limits,
}

impl Plan {
    /// These providers for this machine alone: on a free port, over plain HTTP, nothing delivered, nothing wrong on purpose, customers who take a second,
    /// seed 1.
    pub fn new(entries: Vec<&'static Entry>) -> Plan {
        Plan {
            entries,
            bind: IpAddr::V4(Ipv4Addr::LOCALHOST),
            port: 0,
            tls: None,
            webhooks: None,
            chaos: Chaos::default(),
            customer: Duration::from_secs(1),
            seed: 1,
            names: Vec::new(),
            limits: Limits::default(),
        }
    }
}

/// How to serve TLS.
#[derive(Debug, Clone, Default)]
pub struct TlsPlan {
    /// Where the authority's certificate is written; else to the folder for temporary files.
    pub authority: Option<PathBuf>,
}

/// How deliveries are sent.
#[derive(Debug, Clone)]
pub struct WebhookPlan {
    /// Where to: https, or http on this machine.
    pub url: http::Uri,
    /// How often a delivery is tried before it is given up.
    pub tries: u32,
    /// How long to wait before the second try; twice as long before each further one, at most a minute.
    pub back_off: Duration,
}

/// What one server takes at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Open connections; further ones are answered with 503 and closed.
    pub connections: usize,
    /// Bytes of a request's body; a longer one is read over and answered with 413.
    pub body_bytes: usize,
    /// How long the headers of a request, or a TLS handshake, may take to arrive.
    pub header_time: Duration,
    /// How long the body of a request may take to arrive.
    pub body_time: Duration,
    /// How long a connection may stand without a byte in either direction.
    pub idle_time: Duration,
    /// How long an exchange stays without an answer when chaos says that there is none.
    pub silence: Duration,
    /// Requests that are kept to be looked at.
    pub traffic: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            connections: 1_024,
            body_bytes: 1 << 20,
            header_time: Duration::from_secs(10),
            body_time: Duration::from_secs(30),
            idle_time: Duration::from_secs(75),
            silence: Duration::from_secs(60),
            traffic: 500,
        }
    }
}

/// What every connection shares.
struct State {
    providers: Providers,
    traffic: Traffic,
    webhooks: Arc<Webhooks>,
    planned: Planned,
    customers: Customers,
    seed: u64,
    limits: Limits,
    /// Names by which the control page may be asked for.
    names: Vec<String>,
    begun: Instant,
    requests: AtomicU64,
    connections: AtomicUsize,
}

/// A server that listens.
pub struct Server {
    listener: TcpListener,
    tls: Option<Tls>,
    control: Arc<Control>,
    state: Arc<State>,
    started: Started,
}

/// Reads the providers of a server, where they are few, and tells how to use them.
pub struct Reading {
    state: Arc<State>,
    started: Started,
}

impl Reading {
    /// Takes some milliseconds a provider; requests wait for it.
    ///
    /// # Errors
    /// Every fault of the providers' files.
    pub fn read(mut self) -> Result<Started, Unusable> {
        self.state.providers.read_few()?;
        self.started.complete(&self.state);
        Ok(self.started)
    }
}

impl std::fmt::Debug for Reading {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Reading").field("url", &self.started.url).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Server {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Server").field("url", &self.started.url).finish_non_exhaustive()
    }
}

impl Server {
    /// Listens. A provider is read when it is first asked for; [`Reading`] does it before.
    ///
    /// # Errors
    /// A port that is in use, and an address that this machine does not have.
    pub async fn start(world: &World, plan: Plan) -> Result<Server, Unusable> {
        let asked = SocketAddr::new(plan.bind, plan.port);
        let listener = TcpListener::bind(asked).await.map_err(|error| cannot_listen(asked, &error))?;
        let address = listener.local_addr().map_err(|error| cannot_listen(asked, &error))?;
        let webhook_url = plan.webhooks.as_ref().map(|webhooks| webhooks.url.to_string());
        let providers = Providers::new(world, &plan.entries, plan.seed, webhook_url);
        let tls = match &plan.tls {
            Some(tls) => Some(Tls::make(tls, address, &plan.entries).map_err(Unusable::Text)?),
            None => None,
        };
        let webhooks = Webhooks::new(plan.webhooks.clone())?;
        let state = Arc::new(State {
            traffic: Traffic::new(plan.limits.traffic),
            webhooks,
            planned: Planned::new(plan.chaos.clone(), plan.entries.len()),
            customers: Customers::new(plan.customer),
            seed: plan.seed,
            limits: plan.limits,
            names: plan.names.iter().map(|name| name.to_ascii_lowercase()).collect(),
            begun: Instant::now(),
            requests: AtomicU64::new(0),
            connections: AtomicUsize::new(0),
            providers,
        });
        let started = Started::of(&state, address, tls.as_ref().map(|tls| tls.authority.clone()), &plan);
        let control = Arc::new(Control::new(Arc::clone(&state), &started));
        Ok(Server { listener, tls, control, state, started })
    }

    /// Where it listens.
    pub fn started(&self) -> &Started {
        &self.started
    }

    /// What reads the providers while the server runs already.
    pub fn reading(&self) -> Reading {
        Reading { state: Arc::clone(&self.state), started: self.started.clone() }
    }

    /// Serves until `stop` is ready, then ends open exchanges within two seconds. Gives the number of deliveries that were still to
    /// be sent.
    pub async fn run(self, stop: impl Future<Output = ()>) -> usize {
        let (stopping, stopped) = watch::channel(false);
        let door = connection::Door::new(self.listener, self.tls, self.control, Arc::clone(&self.state));
        tokio::select! {
            () = door.serve(stopped) => {}
            () = stop => {}
        }
        let _no_connection_is_left = stopping.send(true);
        connection::wait(&self.state).await;
        self.state.webhooks.waiting()
    }
}

fn cannot_listen(address: SocketAddr, error: &std::io::Error) -> Unusable {
    Unusable::Text(match error.kind() {
        std::io::ErrorKind::AddrInUse => {
            format!(
                "port {} of {} is in use; give another with --port N, or --port 0 for a free one",
                address.port(),
                address.ip()
            )
        }
        std::io::ErrorKind::PermissionDenied => {
            format!("port {} may not be used by this user; give one above 1023 with --port N", address.port())
        }
        std::io::ErrorKind::AddrNotAvailable => {
            format!("{} is no address of this machine; --bind 127.0.0.1 is the default", address.ip())
        }
        _ => format!("{address} cannot be listened on: {error}"),
    })
}

/// The wall clock, in milliseconds since 1970.
fn now_unix_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// A lock outlives a panic of its holder: nothing that is behind one is left half changed.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

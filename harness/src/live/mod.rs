//! Running a connector against an environment that is no tape: what `probe`, `record` and `drift` share.
//!
//! Everything goes through the connector and an ordinary HTTP client. Each case has keys and references of its own, made from the run's
//! seed, so that an environment that remembers earlier runs does not answer for them.

pub mod compare;
pub mod course;
pub(crate) mod credentials;
pub mod drivable;
pub mod remote;
pub mod shape;

use std::sync::Arc;
use std::time::Duration;

use quittance::{Connector, Context, Error, Limits, MemoryTokens, Protected, SystemClock, Transport as _, digest};
use quittance_reqwest::{ReqwestTransport, SystemRandom};
use tokio::runtime::Runtime;

use crate::invoke::Request;
use crate::view::Outcome;
use crate::world::{Subject, Unusable};
pub use credentials::Account;
use remote::{Remote, Targets};

/// A connector, an account and an environment.
pub struct Live<'a> {
    /// The connector's profile and tapes.
    pub subject: &'a Subject,
    /// The account.
    pub account: Account,
    /// The connector, made from the account's credentials.
    pub connector: Box<dyn Connector>,
    /// Seed of keys and references.
    pub seed: u64,
    /// How long a step is waited for that is answered as not yet decided.
    pub patience: Duration,
    /// How long one exchange may take.
    pub timeout: Duration,
    runtime: Runtime,
    client: ReqwestTransport,
    targets: Arc<Targets>,
    /// What the connector has protected so far.
    protected: Protected,
}

impl std::fmt::Debug for Live<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Live").field("connector", &self.subject.entry.spec.id).finish_non_exhaustive()
    }
}

/// What a live run is asked for.
#[derive(Debug, Clone)]
pub struct Setting {
    /// Where requests go.
    pub targets: Targets,
    /// A file with credentials; the profile's dummies when none is given.
    pub credentials: Option<String>,
    /// Seed of keys and references; a new one each time when none is given.
    pub seed: Option<u64>,
    /// A file with the certificates, in PEM, of authorities that are trusted besides those of the platform.
    pub authorities: Option<String>,
    /// See [`Live::patience`].
    pub patience: Duration,
    /// See [`Live::timeout`].
    pub timeout: Duration,
}

impl<'a> Live<'a> {
    /// Makes the connector and the client; nothing is sent. `webhook_url` is where deliveries are awaited: dummy credentials that name a
    /// place of the merchant's name that one.
    ///
    /// # Errors
    /// Credentials that cannot be used, and a client or threads that cannot be had.
    pub fn open(subject: &'a Subject, setting: &Setting, webhook_url: Option<&str>) -> Result<Live<'a>, Unusable> {
        let account = match &setting.credentials {
            Some(file) => Account::read(subject.entry, file)?,
            None => Account::of_profile(subject, webhook_url),
        };
        let connector = account.connect(subject.entry).map_err(|error| {
            Unusable::Text(format!("credentials.{}: {}", error.field().unwrap_or_default(), error.message()))
        })?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .map_err(|error| Unusable::Text(format!("threads cannot be had: {error}")))?;
        let client = client(setting.authorities.as_deref())?;
        let present = jiff::Timestamp::now().as_nanosecond().unsigned_abs() as u64;
        Ok(Live {
            subject,
            account,
            connector,
            // 32 bits, so that every reader of JSON keeps the number.
            seed: setting.seed.unwrap_or((present ^ (present >> 32)) & u64::from(u32::MAX)),
            patience: setting.patience,
            timeout: setting.timeout,
            runtime,
            client,
            targets: Arc::new(setting.targets.clone()),
            protected: Protected::default(),
        })
    }

    /// The seed of one case or trial of that name.
    pub fn seed_of(&self, name: &str) -> u64 {
        let hash = digest::sha256(format!("{} {name}", self.seed).as_bytes());
        hash.iter().take(8).fold(0, |number, byte| (number << 8) | u64::from(*byte))
    }

    /// A way to the environment.
    pub fn remote(&self) -> Remote {
        Remote::new(self.client.clone(), Arc::clone(&self.targets))
    }

    /// Where a request to the provider's `uri` goes.
    pub fn goes_to(&self, uri: &http::Uri) -> Option<http::Uri> {
        self.targets.of(uri)
    }

    /// What an address answers to a plain GET, outside of any conversation; `None` without an answer.
    pub(crate) fn asked(&self, address: &http::Uri) -> Option<http::Response<bytes::Bytes>> {
        let request = http::Request::get(address).body(bytes::Bytes::new()).ok()?;
        let limits = Limits { timeout: self.timeout, ..Limits::default() };
        self.runtime.block_on(self.client.send(request, limits)).ok()
    }

    /// The addresses that take the place of the provider's own.
    pub(crate) fn addresses(&self) -> impl Iterator<Item = http::Uri> {
        self.targets.addresses()
    }

    /// Runs something on the threads of this run.
    pub fn block_on<T>(&self, work: impl Future<Output = T>) -> T {
        self.runtime.block_on(work)
    }

    /// Calls an operation.
    pub fn call(
        &self,
        connector: &dyn Connector,
        request: &Request,
        remote: &Remote,
        tokens: &MemoryTokens,
    ) -> Result<Outcome, Error> {
        let cx = Context::new(remote, &SystemClock, &SystemRandom, tokens)
            .with_timeout(self.timeout)
            .with_protected(&self.protected);
        self.runtime.block_on(request.call(connector, &cx))
    }
}

/// The client, with the authorities of that file besides the platform's.
fn client(authorities: Option<&str>) -> Result<ReqwestTransport, Unusable> {
    let Some(file) = authorities else {
        return ReqwestTransport::new().map_err(|error| Unusable::Text(error.message().to_owned()));
    };
    let text = std::fs::read(file).map_err(|error| {
        Unusable::Text(format!("{file}: the authorities cannot be read: {error}; give a file in PEM"))
    })?;
    ReqwestTransport::trusting(&text).map_err(|error| Unusable::Text(format!("{file}: {}", error.message())))
}

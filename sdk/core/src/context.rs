//! The only door out of a connector: transport, clock, randomness, ids, token cache, log, and the limits of a call.

use std::borrow::Cow;
use std::collections::HashMap;
use std::future::Future;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use crate::protected::Protected;
use crate::scrub::{SHORTEST_ENCODED, scrub};
use crate::{Call, Effect, Error, Kind, Result, Secret, Spec};
use async_trait::async_trait;
use bytes::Bytes;
use http::uri::Scheme;
use http::{Method, Request, Response};
use jiff::Timestamp;

/// Bounds of one operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How many exchanges one operation may make.
    pub exchanges: u32,
    /// How many bytes a reply body may have.
    pub reply_bytes: usize,
    /// How long one exchange may take.
    pub timeout: Duration,
}

impl Default for Limits {
    /// 8 exchanges, 1 MiB a reply, 30 s an exchange.
    fn default() -> Limits {
        Limits { exchanges: 8, reply_bytes: 1 << 20, timeout: Duration::from_secs(30) }
    }
}

/// Why a transport has no reply. Texts must not hold header or body content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The request was never sent whole: no route, refused, TLS refused.
    Refused(String),
    /// The connection broke after the request was sent and before a reply.
    Reset,
    /// The reply broke off.
    Cut,
    /// The time of [`Limits::timeout`] passed after the request was sent.
    TimedOut,
    /// The reply is longer than [`Limits::reply_bytes`].
    TooLarge,
}

/// Carries one HTTP exchange. Must not follow redirects, keep cookies, retry or decode beyond `content-encoding`.
#[async_trait]
pub trait Transport: Send + Sync {
    /// Sends `request` and reads the whole reply, within `limits`.
    async fn send(&self, request: Request<Bytes>, limits: Limits) -> std::result::Result<Response<Bytes>, Failure>;
}

/// Tells the time.
pub trait Clock: Send + Sync {
    /// Now.
    fn now(&self) -> Timestamp;
}

/// The machine's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}

/// Gives random bytes. For applications: a cryptographic source.
pub trait Random: Send + Sync {
    /// Fills `bytes`.
    fn fill(&self, bytes: &mut [u8]);
}

/// Keeps access tokens between calls. Await nothing in it that is not ready at once, or [`crate::drive`] ends in an error.
#[async_trait]
pub trait TokenCache: Send + Sync {
    /// The token under `name`, unless it ran out before `now`.
    async fn get(&self, name: &str, now: Timestamp) -> Option<Secret>;
    /// Keeps `token` under `name` until `expires`.
    async fn put(&self, name: &str, token: Secret, expires: Timestamp);
    /// Drops the token under `name`.
    async fn forget(&self, name: &str);
    /// Keeps `secret` under `name` until `expires`, for [`TokenCache::get`] to find: what a customer's authorisation gave, which nothing
    /// fetches again. A token that is lost is fetched anew; with this the mandate that rests on it is lost, so an application whose
    /// customers agree to such mandates (the connector's documentation says so) has a cache that keeps it, encrypted, beyond the process. This
    /// default keeps it as a token.
    async fn keep(&self, name: &str, secret: Secret, expires: Timestamp) {
        self.put(name, secret, expires).await;
    }
    /// Notes `name` until `until` and says whether it was new at `now`; refuses what may be used only once. A cache that several callers
    /// share does both in one step, so that of two callers at the same time one is told `false`, which this default does not
    /// promise. One that cannot tell says `false`.
    async fn first_use(&self, name: &str, now: Timestamp, until: Timestamp) -> bool {
        let is_new = self.get(name, now).await.is_none();
        if is_new {
            self.put(name, Secret::from("used"), until).await;
        }
        is_new
    }
}

/// How many entries a [`MemoryTokens`] holds before it refuses to note more: far above what five minutes of wallet tokens bring.
const MEMORY_ENTRIES: usize = 100_000;

/// A token cache in this process's memory: what [`TokenCache::keep`] is asked to keep is lost with the process too.
#[derive(Debug, Default)]
pub struct MemoryTokens(Mutex<HashMap<String, (Secret, Timestamp)>>);

impl MemoryTokens {
    fn with<T>(&self, act: impl FnOnce(&mut HashMap<String, (Secret, Timestamp)>) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner))
    }
}

/// The copy keeps its own tokens from then on.
impl Clone for MemoryTokens {
    fn clone(&self) -> MemoryTokens {
        MemoryTokens(Mutex::new(self.with(|tokens| tokens.clone())))
    }
}

#[async_trait]
impl TokenCache for MemoryTokens {
    async fn get(&self, name: &str, now: Timestamp) -> Option<Secret> {
        self.with(|tokens| tokens.get(name).filter(|(_, expires)| *expires > now).map(|(token, _)| token.clone()))
    }

    async fn put(&self, name: &str, token: Secret, expires: Timestamp) {
        self.with(|tokens| tokens.insert(name.to_owned(), (token, expires)));
    }

    async fn forget(&self, name: &str) {
        self.with(|tokens| tokens.remove(name));
    }

    async fn first_use(&self, name: &str, now: Timestamp, until: Timestamp) -> bool {
        self.with(|tokens| {
            // What ran out is dropped now and then, not on every call.
            if tokens.len() % 1024 == 1023 || tokens.len() >= MEMORY_ENTRIES {
                tokens.retain(|_, (_, expires)| *expires > now);
            }
            if tokens.len() >= MEMORY_ENTRIES || tokens.get(name).is_some_and(|(_, expires)| *expires > now) {
                return false;
            }
            tokens.insert(name.to_owned(), (Secret::from("used"), until));
            true
        })
    }
}

/// What an operation may use of the world outside.
pub struct Context<'a> {
    transport: &'a dyn Transport,
    clock: &'a dyn Clock,
    random: &'a dyn Random,
    tokens: &'a dyn TokenCache,
    limits: Limits,
    spec: Option<&'static Spec>,
    exchanges: AtomicU32,
    acted: AtomicBool,
    protected: Protected,
    shared: Option<&'a Protected>,
}

impl<'a> Context<'a> {
    /// A context with default limits.
    pub fn new(
        transport: &'a dyn Transport,
        clock: &'a dyn Clock,
        random: &'a dyn Random,
        tokens: &'a dyn TokenCache,
    ) -> Context<'a> {
        Context {
            transport,
            clock,
            random,
            tokens,
            limits: Limits::default(),
            spec: None,
            exchanges: AtomicU32::new(0),
            acted: AtomicBool::new(false),
            protected: Protected::default(),
            shared: None,
        }
    }

    /// The same context with other limits.
    #[must_use]
    pub fn with_limits(self, limits: Limits) -> Context<'a> {
        Context { limits, ..self }
    }

    /// The same context with another time limit of an exchange.
    #[must_use]
    pub fn with_timeout(self, timeout: Duration) -> Context<'a> {
        Context { limits: Limits { timeout, ..self.limits }, ..self }
    }

    /// The same context, with what is protected in its operations gathered in `protected` too: for who shows their requests.
    #[must_use]
    pub fn with_protected(self, protected: &'a Protected) -> Context<'a> {
        Context { shared: Some(protected), ..self }
    }

    /// A context for one operation of a connector: own counters, and only the hosts of `spec`, over https.
    pub fn scoped(&self, spec: &'static Spec) -> Context<'a> {
        let fresh = Context::new(self.transport, self.clock, self.random, self.tokens);
        Context { limits: self.limits, spec: Some(spec), shared: self.shared, ..fresh }
    }

    /// A GET of `url`.
    pub fn get(&self, url: impl Into<String>) -> Call<'_> {
        Call::new(self, Method::GET, url.into())
    }

    /// A POST to `url`.
    pub fn post(&self, url: impl Into<String>) -> Call<'_> {
        Call::new(self, Method::POST, url.into())
    }

    /// A call with any method.
    pub fn call(&self, method: Method, url: impl Into<String>) -> Call<'_> {
        Call::new(self, method, url.into())
    }

    /// Now.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// `N` random bytes.
    pub fn random<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        self.random.fill(&mut bytes);
        bytes
    }

    /// A random UUID (version 4, RFC 9562), for protocols that want an id of each request.
    pub fn uuid(&self) -> String {
        let mut bytes = self.random::<16>();
        bytes[6] = (bytes[6] & 0x0f) | 0x40;
        bytes[8] = (bytes[8] & 0x3f) | 0x80;
        let text = hex::encode(bytes);
        format!("{}-{}-{}-{}-{}", &text[..8], &text[8..12], &text[12..16], &text[16..20], &text[20..])
    }

    /// The access token under `name` from the cache, or the one that `fetch` gets, kept for as long as it says (less ten
    /// seconds). Name it after everything it depends on: host and client id.
    pub async fn token<F>(&self, name: &str, fetch: F) -> Result<Secret>
    where
        F: Future<Output = Result<(Secret, Duration)>> + Send,
    {
        if let Some(token) = self.tokens.get(name, self.now()).await {
            self.protect(token.expose());
            return Ok(token);
        }
        let (token, lifetime) = fetch.await?;
        self.protect(token.expose());
        if let Ok(expires) = self.now().checked_add(lifetime.saturating_sub(Duration::from_secs(10))) {
            self.tokens.put(name, token.clone(), expires).await;
        }
        Ok(token)
    }

    /// Keeps under `name`, for its lifetime (less ten seconds), what a customer's authorisation gave and nothing fetches again: see
    /// [`TokenCache::keep`]. Name it after everything it depends on.
    pub async fn keep(&self, name: &str, secret: &Secret, lifetime: Duration) {
        self.protect(secret.expose());
        let expires = self.now().checked_add(lifetime.saturating_sub(Duration::from_secs(10)));
        self.tokens.keep(name, secret.clone(), expires.unwrap_or(Timestamp::MAX)).await;
    }

    /// What was kept under `name`, unless its life is over.
    pub async fn kept(&self, name: &str) -> Option<Secret> {
        let found = self.tokens.get(name, self.now()).await?;
        self.protect(found.expose());
        Some(found)
    }

    /// Drops the access token under `name`, after the provider refused it, or what was kept there.
    pub async fn forget_token(&self, name: &str) {
        self.tokens.forget(name).await;
    }

    /// Notes something that may be used only once, such as the id of a wallet's token, until it is worthless anyway; says whether this
    /// was its first use. It stands in the token cache: what its callers share, they refuse together.
    pub async fn first_use(&self, name: &str, until: Timestamp) -> bool {
        self.tokens.first_use(name, self.now(), until).await
    }

    /// Registers a secret text: from now on it is masked in every error, result text and log line of this operation.
    pub fn protect(&self, secret: &str) {
        self.protected.add(secret);
        self.shared.into_iter().for_each(|shared| shared.add(secret));
    }

    /// Masks card numbers and protected texts.
    pub fn clean(&self, text: &str) -> String {
        self.changed(text).unwrap_or_else(|| text.to_owned())
    }

    /// Whether a text that cannot be masked, such as an id, holds a secret of this operation.
    pub(crate) fn holds_secret(&self, text: &str) -> bool {
        let protected = self.protected.texts();
        let long = protected.iter().filter(|secret| secret.len() >= SHORTEST_ENCODED);
        long.into_iter().any(|secret| text.len() >= secret.len() && text.contains(secret.as_str()))
    }

    /// What [`Context::clean`] makes of a text, where that is another text.
    pub(crate) fn changed(&self, text: &str) -> Option<String> {
        let protected = self.protected.texts();
        let secrets: Vec<&str> = protected.iter().map(|secret| secret.as_str()).collect();
        match scrub(text, &secrets) {
            Cow::Borrowed(same) if same.len() == text.len() => None,
            clean => Some(clean.into_owned()),
        }
    }

    /// Writes a debug line to `tracing`, masked.
    pub fn note(&self, text: &str) {
        if tracing::enabled!(target: "quittance", tracing::Level::DEBUG) {
            tracing::debug!(target: "quittance", "{}", self.clean(text));
        }
    }

    /// Whether an earlier exchange of this operation may have had an effect at the provider.
    pub(crate) fn acted(&self) -> bool {
        self.acted.load(Ordering::Relaxed)
    }

    /// Carries one exchange within the limits. `harmless`: it cannot move money or change an object.
    pub(crate) async fn exchange(&self, request: Request<Bytes>, harmless: bool) -> Result<Response<Bytes>> {
        let sent = self.exchanges.fetch_add(1, Ordering::Relaxed);
        let before = self.acted();
        let so_far = if before { Effect::Unknown } else { Effect::None };
        if sent >= self.limits.exchanges {
            let message = format!("the operation needs more than {} exchanges", self.limits.exchanges);
            return Err(Error::new(Kind::Protocol, so_far, message));
        }
        let host = request.uri().host().unwrap_or_default();
        if let Some(spec) = self.spec {
            if !spec.allows_host(host) {
                return Err(Error::new(Kind::Invalid, so_far, format!("{host} is not a declared host of {}", spec.id)));
            }
            if request.uri().scheme() != Some(&Scheme::HTTPS) {
                return Err(Error::new(Kind::Invalid, so_far, "the request URL does not start with https://"));
            }
        }
        tracing::debug!(target: "quittance", method = %request.method(), host, "exchange");
        let reply = self.transport.send(request, self.limits).await;
        match reply {
            Ok(reply) if reply.body().len() > self.limits.reply_bytes => Err(too_large(self.limits.reply_bytes)),
            Ok(reply) => {
                let refused = (400..500).contains(&reply.status().as_u16());
                if !harmless && !refused {
                    self.acted.store(true, Ordering::Relaxed);
                }
                tracing::debug!(target: "quittance", status = reply.status().as_u16(), bytes = reply.body().len(), "reply");
                Ok(reply)
            }
            Err(failure) => {
                if !harmless && !matches!(failure, Failure::Refused(_)) {
                    self.acted.store(true, Ordering::Relaxed);
                }
                Err(failed(failure, self.limits, before))
            }
        }
    }
}

impl std::fmt::Debug for Context<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Context")
            .field("limits", &self.limits)
            .field("spec", &self.spec.map(|spec| spec.id))
            .finish_non_exhaustive()
    }
}

fn too_large(limit: usize) -> Error {
    Error::protocol(format!("the reply is longer than {limit} bytes"))
}

fn failed(failure: Failure, limits: Limits, acted_before: bool) -> Error {
    let network = |effect, message: String| Error::new(Kind::Network, effect, message);
    match failure {
        Failure::Refused(why) => network(
            if acted_before { Effect::Unknown } else { Effect::None },
            format!("the provider could not be reached: {why}"),
        ),
        Failure::Reset => network(Effect::Unknown, "the connection broke before the reply".to_owned()),
        Failure::Cut => network(Effect::Unknown, "the reply broke off".to_owned()),
        Failure::TimedOut => network(Effect::Unknown, format!("no reply within {} s", limits.timeout.as_secs())),
        Failure::TooLarge => too_large(limits.reply_bytes),
    }
}

//! What an application hands to `quittance`: HTTP over `reqwest`, the operating system's randomness, tokio's clock.
//!
//! ```no_run
//! use quittance::{Client, Connector, Context, Entry, MemoryTokens, Result, SystemClock};
//! use quittance_reqwest::{ReqwestTransport, SystemRandom, TokioSleep};
//!
//! # async fn example(entry: Entry, credentials: serde_json::Value, purchase: quittance::Authorize) -> Result<()> {
//! let client = Client::new(entry.connect(credentials)?, TokioSleep);
//! let (transport, tokens) = (ReqwestTransport::new()?, MemoryTokens::default());
//! let cx = Context::new(&transport, &SystemClock, &SystemRandom, &tokens);
//! let payment = client.authorize(&cx, &purchase).await?;
//! # Ok(())
//! # }
//! ```

use std::error::Error as _;
use std::time::Duration;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use http::{Request, Response};
use quittance::{Effect, Error, Failure, Kind, Limits, Random, Sleep, Transport};

/// How long [`ReqwestTransport::new`] waits for a connection, name look-up and TLS handshake included.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// How long an unused connection is kept. Shorter than the usual 60 s of load balancers: a request on a connection that the other
/// side is closing ends in [`Failure::Reset`], whose effect is unknown.
pub const IDLE_TIMEOUT: Duration = Duration::from_secs(30);

/// A transport over one `reqwest` client, with its pool of connections: make one and share it.
///
/// It follows no redirect, repeats nothing, keeps no cookie, decodes no body, and ends every exchange within [`Limits`].
#[derive(Clone, Debug)]
pub struct ReqwestTransport {
    client: reqwest::Client,
}

impl ReqwestTransport {
    /// A transport with the platform's root certificates. It goes straight to the provider: proxies of the environment are not
    /// asked, use [`ReqwestTransport::from_builder`] for one.
    pub fn new() -> quittance::Result<ReqwestTransport> {
        ReqwestTransport::from_builder(usual())
    }

    /// The same that also trusts these authorities: certificates in PEM, one or more. Fails if there is none in it.
    pub fn trusting(authorities_pem: &[u8]) -> quittance::Result<ReqwestTransport> {
        let unusable =
            |why: &str| Error::new(Kind::Invalid, Effect::None, format!("the authorities cannot be used: {why}"));
        let found =
            reqwest::Certificate::from_pem_bundle(authorities_pem).map_err(|cause| unusable(&innermost(&cause)))?;
        match found.is_empty() {
            true => Err(unusable("there is no certificate in PEM")),
            false => ReqwestTransport::from_builder(usual().tls_certs_merge(found)),
        }
    }

    /// A transport with the application's own proxy, certificates or client identity. What a [`Transport`] must not do is switched off,
    /// whatever the builder says; a time limit for connecting is the caller's to set. Fails if the TLS settings cannot be used.
    pub fn from_builder(builder: reqwest::ClientBuilder) -> quittance::Result<ReqwestTransport> {
        let client = builder
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .referer(false)
            .no_gzip()
            .no_brotli()
            .no_deflate()
            .no_zstd()
            .build()
            .map_err(|cause| {
                let message = format!("the HTTP client cannot be made: {}", innermost(&cause.without_url()));
                Error::new(Kind::Network, Effect::None, message)
            })?;
        Ok(ReqwestTransport { client })
    }
}

fn usual() -> reqwest::ClientBuilder {
    reqwest::Client::builder()
        .no_proxy()
        .connect_timeout(CONNECT_TIMEOUT)
        .pool_idle_timeout(IDLE_TIMEOUT)
        .user_agent(concat!("quittance/", env!("CARGO_PKG_VERSION")))
}

#[async_trait]
impl Transport for ReqwestTransport {
    async fn send(&self, request: Request<Bytes>, limits: Limits) -> Result<Response<Bytes>, Failure> {
        let mut request = reqwest::Request::try_from(request).map_err(unsent)?;
        *request.timeout_mut() = Some(limits.timeout);
        let mut reply = self.client.execute(request).await.map_err(without_reply)?;
        let body = read(&mut reply, limits.reply_bytes).await?;
        let mut whole = Response::new(body);
        *whole.status_mut() = reply.status();
        *whole.version_mut() = reply.version();
        *whole.headers_mut() = std::mem::take(reply.headers_mut());
        Ok(whole)
    }
}

/// The body, read piece by piece so that no reply can take more memory than the limit and one piece.
async fn read(reply: &mut reqwest::Response, limit: usize) -> Result<Bytes, Failure> {
    let announced = reply.content_length().unwrap_or(0);
    if usize::try_from(announced).is_ok_and(|announced| announced > limit) {
        return Err(Failure::TooLarge);
    }
    let mut body = BytesMut::new();
    while let Some(piece) = reply.chunk().await.map_err(broken_off)? {
        if body.len() + piece.len() > limit {
            return Err(Failure::TooLarge);
        }
        body.extend_from_slice(&piece);
    }
    Ok(body.freeze())
}

fn unsent(cause: reqwest::Error) -> Failure {
    Failure::Refused(innermost(&cause.without_url()))
}

/// What it means that no reply began. Only what failed before the request could be written is taken for refused.
fn without_reply(cause: reqwest::Error) -> Failure {
    if cause.is_builder() || cause.is_connect() {
        unsent(cause)
    } else if cause.is_timeout() {
        Failure::TimedOut
    } else {
        Failure::Reset
    }
}

fn broken_off(cause: reqwest::Error) -> Failure {
    if cause.is_timeout() { Failure::TimedOut } else { Failure::Cut }
}

/// The cause at the bottom: the operating system's or the TLS library's words. Those above repeat the URL, whose query may hold
/// what no error may show.
fn innermost(error: &reqwest::Error) -> String {
    let mut cause = error.source();
    while let Some(below) = cause.and_then(|cause| cause.source()) {
        cause = Some(below);
    }
    match cause {
        Some(cause) => cause.to_string().chars().take(200).collect(),
        None => "the request cannot be sent".to_owned(),
    }
}

/// The cryptographic random source of aws-lc, seeded by the operating system; the same that TLS uses.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemRandom;

impl Random for SystemRandom {
    fn fill(&self, bytes: &mut [u8]) {
        if aws_lc_rs::rand::fill(bytes).is_err() {
            // Guessable nonces and keys are worse than no process. aws-lc itself ends the process when it gets no entropy.
            std::process::abort();
        }
    }
}

/// Waits on tokio's timer; needs a runtime with time enabled.
#[derive(Clone, Copy, Debug, Default)]
pub struct TokioSleep;

#[async_trait]
impl Sleep for TokioSleep {
    async fn sleep(&self, time: Duration) {
        tokio::time::sleep(time).await;
    }
}

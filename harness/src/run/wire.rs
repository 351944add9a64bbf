//! The wire tier: the same stage behind real HTTP over loopback, `reqwest` on one side and `wiremock` on the other.
//!
//! One mock server serves a whole run; it keeps no requests and knows nothing but the stage of the case at hand. Faults of the
//! connection are real too: a closed port, a listener that hangs up, one that never answers.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Request, Response, Uri};
use quittance::{Failure, Limits, Transport, async_trait};
use quittance_reqwest::ReqwestTransport;
use tokio::net::TcpSocket;
use tokio::runtime::Runtime;
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, Respond, ResponseTemplate};

use super::stage::{Fault, Stage};

/// Carries the provider's scheme and host, since every request goes to loopback.
const TARGET: &str = "x-quittance-target";
/// An answer that does not come to its end.
const BEGINNING: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n{\"id\":";
/// How long an exchange waits for a server that never answers.
const PATIENCE: Duration = Duration::from_millis(150);

/// The mock server, the HTTP client and the runtime of a run on the wire.
pub struct Wire {
    runtime: Runtime,
    client: ReqwestTransport,
    server: MockServer,
    current: Current,
    hang_up: String,
    cut: String,
    silent: String,
    slow: String,
    closed: String,
    /// Holds the closed port, where nobody listens: a free one could be given to the server of another run.
    _held: TcpSocket,
}

type Current = Arc<Mutex<Option<Arc<Stage>>>>;

impl Wire {
    /// Starts the servers.
    ///
    /// # Errors
    /// When loopback ports or threads cannot be had.
    pub fn start() -> std::io::Result<Wire> {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let current = Current::default();
        let responder = StageResponder(Arc::clone(&current));
        let server = runtime.block_on(async {
            let server = MockServer::builder().disable_request_recording().start().await;
            Mock::given(any()).respond_with(responder).mount(&server).await;
            server
        });
        let client = ReqwestTransport::new().map_err(std::io::Error::other)?;
        let held = TcpSocket::new_v4()?;
        held.bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))?;
        let closed = format!("http://{}", held.local_addr()?);
        let [hang_up, cut] = [misbehaving(Manner::HangUp)?, misbehaving(Manner::Cut)?];
        let [silent, slow] = [misbehaving(Manner::Silent)?, misbehaving(Manner::Slow)?];
        Ok(Wire { runtime, client, server, current, hang_up, cut, silent, slow, closed, _held: held })
    }

    /// Makes `stage` the provider and runs one operation against it.
    pub fn run<T>(&self, stage: &Arc<Stage>, operation: impl Future<Output = T>) -> T {
        *lock(&self.current) = Some(Arc::clone(stage));
        let result = self.runtime.block_on(operation);
        *lock(&self.current) = None;
        result
    }

    async fn send(&self, mut request: Request<Bytes>, mut limits: Limits) -> Result<Response<Bytes>, Failure> {
        let fault = lock(&self.current).as_ref().and_then(|stage| stage.due());
        let base = match &fault {
            Some(Fault::Refused) => self.closed.clone(),
            Some(Fault::Reset) => self.hang_up.clone(),
            Some(Fault::Cut) => self.cut.clone(),
            Some(fault @ (Fault::TimedOut | Fault::Slow)) => {
                limits.timeout = PATIENCE;
                if *fault == Fault::Slow { self.slow.clone() } else { self.silent.clone() }
            }
            _ => self.server.uri(),
        };
        let answered = |fault| {
            matches!(fault, Fault::Answer(..) | Fault::Spoilt(_) | Fault::Body(_) | Fault::Typed(_) | Fault::Echo(_))
        };
        if fault.is_some_and(|fault| !answered(fault)) {
            // The server never sees this request as HTTP: it is judged here.
            let stage = lock(&self.current).clone();
            let _judged = stage.map(|stage| stage.exchange(&request));
        }
        redirect(&mut request, &base).ok_or_else(|| Failure::Refused("malformed request URL".to_owned()))?;
        self.client.send(request, limits).await
    }
}

impl std::fmt::Debug for Wire {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Wire").field("server", &self.server.uri()).finish_non_exhaustive()
    }
}

#[async_trait]
impl Transport for Wire {
    async fn send(&self, request: Request<Bytes>, limits: Limits) -> Result<Response<Bytes>, Failure> {
        Wire::send(self, request, limits).await
    }
}

/// Sends the request to `base` and notes where it was meant to go.
fn redirect(request: &mut Request<Bytes>, base: &str) -> Option<()> {
    let uri = request.uri();
    let target = format!("{}://{}", uri.scheme_str()?, uri.authority()?);
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    let moved: Uri = format!("{base}{path}").parse().ok()?;
    request.headers_mut().insert(TARGET, HeaderValue::from_str(&target).ok()?);
    *request.uri_mut() = moved;
    Some(())
}

struct StageResponder(Current);

impl Respond for StageResponder {
    fn respond(&self, request: &wiremock::Request) -> ResponseTemplate {
        let stage = lock(&self.0).clone();
        let answer = restore(request).zip(stage).map(|(request, stage)| stage.exchange(&request));
        match answer {
            Some(Ok(answer)) => template(&answer),
            // A difference from the tape is on the stage's list; the connector sees the connection's end as an answer that says nothing.
            Some(Err(_)) | None => ResponseTemplate::new(599),
        }
    }
}

/// The request as the connector meant it.
fn restore(request: &wiremock::Request) -> Option<Request<Bytes>> {
    let target = request.headers.get(TARGET)?.to_str().ok()?;
    let path = match request.url.query() {
        Some(query) => format!("{}?{query}", request.url.path()),
        None => request.url.path().to_owned(),
    };
    let mut restored = Request::new(Bytes::copy_from_slice(&request.body));
    *restored.method_mut() = request.method.clone();
    *restored.uri_mut() = format!("{target}{path}").parse().ok()?;
    *restored.headers_mut() = request.headers.clone();
    restored.headers_mut().remove(TARGET);
    Some(restored)
}

fn template(answer: &Response<Bytes>) -> ResponseTemplate {
    let media_type = answer.headers().get(http::header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let template =
        ResponseTemplate::new(answer.status()).set_body_raw(answer.body().to_vec(), media_type.unwrap_or(""));
    answer
        .headers()
        .iter()
        .filter(|(name, _)| *name != http::header::CONTENT_TYPE)
        .fold(template, |template, (name, value)| template.append_header(name, value))
}

/// How a server breaks the protocol after it has read a request.
#[derive(Clone, Copy, PartialEq)]
enum Manner {
    HangUp,
    Cut,
    Silent,
    Slow,
}

/// A listener that misbehaves; its thread ends with the process.
fn misbehaving(manner: Manner) -> std::io::Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = format!("http://{}", listener.local_addr()?);
    std::thread::Builder::new().name("misbehaving".to_owned()).spawn(move || {
        for stream in listener.incoming().flatten() {
            if std::thread::Builder::new().spawn(move || misbehave(stream, manner)).is_err() {
                return;
            }
        }
    })?;
    Ok(address)
}

/// Errors of the connection are what is wanted here, so none is looked at.
fn misbehave(mut stream: TcpStream, manner: Manner) {
    let mut buffer = [0u8; 8192];
    let _read = stream.read(&mut buffer);
    match manner {
        Manner::HangUp => {}
        Manner::Cut => {
            let _written = stream.write_all(BEGINNING);
        }
        Manner::Silent => std::thread::sleep(PATIENCE * 4),
        Manner::Slow => {
            let _written = stream.write_all(BEGINNING);
            std::thread::sleep(PATIENCE * 4);
        }
    }
    let _closed = stream.shutdown(Shutdown::Both);
}

fn lock<T>(slot: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    slot.lock().unwrap_or_else(PoisonError::into_inner)
}

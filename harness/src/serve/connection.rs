//! Connections: how many there may be, how long they may stand still, and how they end.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};
use tokio_rustls::server::TlsStream;

use super::answer::{HangUp, refusal, whole};
use super::control::Control;
use super::exchange::exchange;
use super::tls::Tls;
use super::{CONTROL, Limits, State};

/// What one connection more than allowed gets.
const FULL: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nx-quittance: serve\r\nretry-after: 1\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
/// How many bytes the head of a request may have. What brings more than twice that in one piece is refused by hyper.
const HEAD_BYTES: usize = 64 << 10;
/// How often a connection is looked at.
const TICK: Duration = Duration::from_secs(1);
/// How much of what was refused is still read, so that its sender gets the refusal and no reset.
const REFUSED_BYTES: usize = 1 << 20;
/// How long open exchanges have when the server ends.
const FAREWELL: Duration = Duration::from_secs(2);

/// Takes connections in.
pub(super) struct Door {
    listener: TcpListener,
    tls: Option<Tls>,
    control: Arc<Control>,
    state: Arc<State>,
}

impl Door {
    pub(super) fn new(listener: TcpListener, tls: Option<Tls>, control: Arc<Control>, state: Arc<State>) -> Door {
        Door { listener, tls, control, state }
    }

    /// Serves for ever.
    pub(super) async fn serve(&self, stopped: watch::Receiver<bool>) {
        loop {
            let Ok((stream, _)) = self.listener.accept().await else {
                // Out of file descriptors, or a client that is gone already: others may still come in.
                sleep(Duration::from_millis(20)).await;
                continue;
            };
            let Some(seat) = Seat::take(&self.state) else {
                let _gone = stream.try_write(FULL);
                continue;
            };
            let _slower = stream.set_nodelay(true);
            let (control, state) = (Arc::clone(&self.control), Arc::clone(&self.state));
            let (tls, stopped) = (self.tls.clone(), stopped.clone());
            tokio::spawn(async move {
                let wire = match tls {
                    None => Some(Wire::Plain(stream)),
                    Some(tls) => {
                        let shaken = timeout(state.limits.header_time, tls.acceptor.accept(stream)).await;
                        shaken.ok().and_then(Result::ok).map(|stream| Wire::Tls(Box::new(stream)))
                    }
                };
                if let Some(wire) = wire {
                    converse(wire, control, state, stopped).await;
                }
                drop(seat);
            });
        }
    }
}

/// Waits until no connection is left, for two seconds at most.
pub(super) async fn wait(state: &State) {
    let begun = Instant::now();
    while state.connections.load(Ordering::Relaxed) > 0 && begun.elapsed() < FAREWELL {
        sleep(Duration::from_millis(10)).await;
    }
}

/// One of the places for connections; free again with the value.
struct Seat(Arc<State>);

impl Seat {
    fn take(state: &Arc<State>) -> Option<Seat> {
        let seat = Seat(Arc::clone(state));
        (state.connections.fetch_add(1, Ordering::Relaxed) < state.limits.connections).then_some(seat)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.0.connections.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Speaks HTTP on one connection until either side ends it, or it stands still for too long.
async fn converse(wire: Wire, control: Arc<Control>, state: Arc<State>, mut stopped: watch::Receiver<bool>) {
    let pulse = Arc::new(Pulse::default());
    let line = TokioIo::new(Line { wire, pulse: Arc::clone(&pulse), is_shut: false, leftover_bytes: REFUSED_BYTES });
    let limits = state.limits;
    let service = service_fn(|request: Request<Incoming>| {
        let (control, state, pulse) = (&control, &state, &pulse);
        pulse.head_is_read();
        async move {
            let answered = match request.uri().path().starts_with(CONTROL) {
                _ if head_bytes(&request) > HEAD_BYTES => Ok(whole(too_long())),
                true => Ok(control.answer(request).await),
                false => exchange(state, request).await,
            };
            match &answered {
                Ok(_) => pulse.is_answered(),
                Err(HangUp) => pulse.abort.store(true, Ordering::Relaxed),
            }
            answered
        }
    });
    let mut builder = http1::Builder::new();
    // The pulse sees to times, with one timer a connection instead of one a request.
    builder.header_read_timeout(None).max_buf_size(HEAD_BYTES).half_close(false);
    let mut connection = std::pin::pin!(builder.serve_connection(line, service));
    let mut tick = interval(TICK.min(limits.header_time / 2).max(Duration::from_millis(10)));
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut ending = false;
    loop {
        tokio::select! {
            biased;
            _ended = connection.as_mut() => return,
            _ = tick.tick() => if pulse.is_over(&limits) { return },
            _ = stopped.changed(), if !ending => {
                ending = true;
                connection.as_mut().graceful_shutdown();
            }
        }
    }
}

/// The length of a head as it was sent; blanks that need not be there aside.
fn head_bytes<T>(request: &Request<T>) -> usize {
    const FIRST: usize = "  HTTP/1.1\r\n".len();
    const EACH: usize = ": \r\n".len();
    const LAST: usize = "\r\n".len();
    let target = request.uri().path_and_query().map_or(0, |target| target.as_str().len());
    let headers = request.headers().iter().map(|(name, value)| name.as_str().len() + value.len() + EACH);
    FIRST + request.method().as_str().len() + target + headers.sum::<usize>() + LAST
}

fn too_long() -> Response<Bytes> {
    let message = format!("the head of the request is longer than {HEAD_BYTES} bytes, the most this server reads");
    refusal(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, &message)
}

/// When a connection last moved, and what it waits for. Times are milliseconds since it began.
struct Pulse {
    begun: Instant,
    moved: AtomicU64,
    /// Since when the head of a request is arriving; 0 while none is.
    head_since: AtomicU64,
    /// Whether a request is being answered.
    is_busy: AtomicBool,
    /// Whether the connection is to end with a reset.
    abort: AtomicBool,
}

impl Default for Pulse {
    fn default() -> Pulse {
        let never = || AtomicU64::new(0);
        let (is_busy, abort) = (AtomicBool::new(false), AtomicBool::new(false));
        Pulse { begun: Instant::now(), moved: never(), head_since: never(), is_busy, abort }
    }
}

impl Pulse {
    /// Never 0, which stands for no time.
    fn now(&self) -> u64 {
        u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX).max(1)
    }

    fn has_read(&self) {
        let now = self.now();
        self.moved.store(now, Ordering::Relaxed);
        if !self.is_busy.load(Ordering::Relaxed) && self.head_since.load(Ordering::Relaxed) == 0 {
            self.head_since.store(now, Ordering::Relaxed);
        }
    }

    fn has_written(&self) {
        self.moved.store(self.now(), Ordering::Relaxed);
    }

    fn head_is_read(&self) {
        self.is_busy.store(true, Ordering::Relaxed);
        self.head_since.store(0, Ordering::Relaxed);
    }

    /// Whether bytes have come that are no whole request.
    fn has_unread(&self) -> bool {
        self.head_since.load(Ordering::Relaxed) > 0
    }

    fn is_answered(&self) {
        self.is_busy.store(false, Ordering::Relaxed);
    }

    fn is_over(&self, limits: &Limits) -> bool {
        let now = self.now();
        let longer = |since: u64, limit: Duration| u128::from(now.saturating_sub(since)) > limit.as_millis();
        let head = self.head_since.load(Ordering::Relaxed);
        let idle =
            !self.is_busy.load(Ordering::Relaxed) && longer(self.moved.load(Ordering::Relaxed), limits.idle_time);
        idle || (head > 0 && longer(head, limits.header_time))
    }
}

/// A connection whose every movement is noted.
struct Line {
    wire: Wire,
    pulse: Arc<Pulse>,
    /// Whether all that is to be written is written.
    is_shut: bool,
    /// How much may still be read after that.
    leftover_bytes: usize,
}

/// Plain, or under TLS.
enum Wire {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl Line {
    /// What bytes go through.
    fn wire(self: Pin<&mut Self>) -> Pin<&mut dyn Both> {
        match &mut self.get_mut().wire {
            Wire::Plain(stream) => Pin::new(stream),
            Wire::Tls(stream) => Pin::new(stream.as_mut()),
        }
    }

    /// Reads away what a client still sends to a server that has refused it: bytes that nobody has read when a connection closes make
    /// it end with a reset, which takes the refusal along.
    fn poll_leftovers(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let mut piece = [0; 8 << 10];
        while self.leftover_bytes > 0 {
            let mut buffer = ReadBuf::new(&mut piece);
            let read = ready!(self.as_mut().wire().poll_read(context, &mut buffer));
            let length = buffer.filled().len();
            if read.is_err() || length == 0 {
                break;
            }
            self.leftover_bytes = self.leftover_bytes.saturating_sub(length);
        }
        Poll::Ready(())
    }

    fn written<T>(&self, written: Poll<T>) -> Poll<T> {
        if written.is_ready() {
            self.pulse.has_written();
        }
        written
    }
}

/// A stream in both directions.
trait Both: AsyncRead + AsyncWrite + Unpin {}
impl<T: AsyncRead + AsyncWrite + Unpin> Both for T {}

impl Drop for Line {
    fn drop(&mut self) {
        if self.pulse.abort.load(Ordering::Relaxed) {
            let stream = match &self.wire {
                Wire::Plain(stream) => stream,
                Wire::Tls(stream) => stream.get_ref().0,
            };
            // What is to look like a reset ends with one.
            let _ended_already = stream.set_zero_linger();
        }
    }
}

impl AsyncRead for Line {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = self.as_mut().wire().poll_read(context, buffer);
        if buffer.filled().len() > before {
            self.pulse.has_read();
        }
        read
    }
}

impl AsyncWrite for Line {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = self.as_mut().wire().poll_write(context, bytes);
        self.written(written)
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.wire().poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !self.is_shut {
            ready!(self.as_mut().wire().poll_shutdown(context))?;
            self.is_shut = true;
        }
        if self.pulse.has_unread() {
            ready!(self.poll_leftovers(context));
        }
        Poll::Ready(Ok(()))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = self.as_mut().wire().poll_write_vectored(context, parts);
        self.written(written)
    }

    fn is_write_vectored(&self) -> bool {
        matches!(self.wire, Wire::Plain(_))
    }
}

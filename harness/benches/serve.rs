//! What a request to `quittance serve` costs, beside a bare hyper handler and wiremock that answer with the same bytes: CPU of the
//! server's process alone, measured in one run. To hold: at most 1.5 times the bare handler, a start within 15 ms, flat memory.
//!
//! The bare handler runs on tokio's default runtime with two threads, and once more on one, as `serve` does. Clients wait before they read
//! an answer: how often a server wakes one that waits for it depends on how fast both are, and costs as much as a bare answer.
//!
//! `cargo bench -p quittance-harness --bench serve` prints the ratios and the time of a start; with `-- --memory` the memory of the
//! server over a million requests. CPU is read from `/proc`, so the figures are told on Linux only.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a benchmark that cannot be set up has nothing to measure")]
#![allow(clippy::print_stdout, reason = "figures are what a benchmark is for")]

mod common;

use std::convert::Infallible;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use bytes::Bytes;
use common::{micros, ratio};
use http::{Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use mimalloc::MiMalloc;
use quittance_harness::product::{Product, install};
use quittance_harness::serve::{Plan, Server};
use quittance_harness::world::World;
use tokio::net::TcpListener;
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, ResponseTemplate};

/// The servers, the baseline first.
const KINDS: [&str; 4] = ["bare", "bare-one-thread", "serve", "wiremock"];
/// Connections that are open at a time.
const CONNECTIONS: usize = 8;
/// How long clients wait before they read, when all have asked.
const PAUSE: Duration = Duration::from_micros(300);
/// Requests in a batch, and batches of each server, taken in turn so that a slow spell of the machine meets all of them.
const BATCH: usize = 4_000;
const ROUNDS: usize = 15;
/// Requests before: then a sandbox remembers as much as it ever will.
const WARM_UP: usize = 60_000;
/// Requests over which memory is watched, and how often it is told.
const MANY: usize = 1_000_000;
const STEPS: usize = 10;

/// That of the command, for all servers alike.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

static PRODUCT: Product = Product { connectors: quittance_connectors::ALL, sources: "", rustc: "" };

fn main() {
    install(&PRODUCT);
    let words: Vec<String> = std::env::args().skip(1).collect();
    match words.iter().position(|word| word == "--server") {
        Some(at) => server(&words[at + 1]),
        None if words.iter().any(|word| word == "--memory") => memory(),
        None if words == ["--bench"] => figures(),
        None => trial(),
    }
}

/// Each server answers: what is measured is there.
fn trial() {
    for kind in KINDS {
        let running = Running::start(kind);
        Load::new(&running).send(64);
    }
    println!("{} servers answer", KINDS.len());
}

fn figures() {
    let running = KINDS.map(Running::start);
    let mut loads: Vec<Load> = running.iter().map(Load::new).collect();
    loads.iter_mut().for_each(|load| load.send(WARM_UP));
    let mut times = [const { Vec::new() }; KINDS.len()];
    for _ in 0..ROUNDS {
        for ((running, load), times) in running.iter().zip(&mut loads).zip(&mut times) {
            let Some(before) = running.cpu() else { return println!("CPU of a process cannot be read here") };
            load.send(BATCH);
            times.push((running.cpu().unwrap() - before) / u32::try_from(BATCH).unwrap());
        }
    }
    let medians = times.map(|mut times| {
        times.sort_unstable();
        times[times.len() / 2]
    });
    println!();
    for (kind, time) in KINDS.iter().zip(medians) {
        println!("{kind}: {} CPU a request; {} of bare hyper", micros(time), ratio(time, medians[0]));
    }
    let mut starts: Vec<Duration> = (0..11).map(|_| Running::start("serve").start).collect();
    starts.sort_unstable();
    println!("serve: first answer {} after the start of the process", micros(starts[starts.len() / 2]));
}

fn memory() {
    let running = Running::start("serve");
    let mut load = Load::new(&running);
    load.send(CONNECTIONS);
    println!("requests  resident");
    let mut curve = Vec::new();
    for step in 0..=STEPS {
        if step > 0 {
            load.send(MANY / STEPS);
        }
        let Some(kilobytes) = running.resident_kilobytes() else {
            return println!("memory of a process cannot be read here");
        };
        println!("{:>8}  {:>5}.{} MB", step * MANY / STEPS, kilobytes / 1024, kilobytes % 1024 * 10 / 1024);
        curve.push(kilobytes);
    }
    // Until then the sandbox fills with the payments that it remembers at most.
    let settled = &curve[STEPS / 5..];
    let (least, most) = (settled.iter().min().unwrap(), settled.iter().max().unwrap());
    println!(
        "from {} on: {}.{}% between the least and the most",
        MANY / 5,
        (most - least) * 100 / least,
        (most - least) * 1000 / least % 10
    );
    assert!(*most <= least + least / 5, "memory grows with the requests: {curve:?}");
}

/// A server in a process of its own.
struct Running {
    child: Child,
    port: u16,
    /// From the start of the process to its first answer.
    start: Duration,
}

impl Running {
    fn start(kind: &str) -> Running {
        let begun = Instant::now();
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--server", kind])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let port = line.trim().parse().unwrap_or_else(|_| panic!("{kind} does not start"));
        let mut stream = BufReader::new(TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap());
        let question = b"GET /_quittance/api/health HTTP/1.1\r\nhost: localhost\r\n\r\n";
        stream.get_mut().write_all(question).unwrap();
        read_answer(&mut stream);
        Running { child, port, start: begun.elapsed() }
    }

    /// The CPU time of all threads so far.
    fn cpu(&self) -> Option<Duration> {
        let tasks = std::fs::read_dir(format!("/proc/{}/task", self.child.id())).ok()?;
        let time = |task: std::io::Result<std::fs::DirEntry>| -> Option<u64> {
            let text = std::fs::read_to_string(task.ok()?.path().join("schedstat")).ok()?;
            text.split(' ').next()?.parse().ok()
        };
        Some(Duration::from_nanos(tasks.filter_map(time).sum()))
    }

    fn resident_kilobytes(&self) -> Option<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
        line.trim().trim_end_matches(" kB").parse().ok()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ended_already = self.child.kill();
        let _ended = self.child.wait();
    }
}

/// Kept-alive connections, and the request that goes over them in turn.
struct Load {
    streams: Vec<BufReader<TcpStream>>,
    head: String,
    /// What stands before the reference, how long that is, and what stands after it.
    body: (String, usize, String),
    sent: usize,
}

impl Load {
    fn new(running: &Running) -> Load {
        let call = &common::load("stripe", "authorize.captured").calls[0];
        let sent = &call.sent[0];
        let body = String::from_utf8(sent.body().to_vec()).unwrap();
        let mut head = format!("{} {} HTTP/1.1\r\nhost: 127.0.0.1\r\n", sent.method(), sent.uri().path());
        for (name, value) in sent.headers().iter().filter(|(name, _)| *name != "idempotency-key") {
            head.push_str(&format!("{name}: {}\r\n", value.to_str().unwrap()));
        }
        head.push_str(&format!("content-length: {}\r\n", body.len()));
        let (before, rest) = body.split_once("%5Breference%5D=").unwrap();
        let length = rest.find('&').unwrap_or(rest.len());
        let body = (format!("{before}%5Breference%5D="), length, rest[length..].to_owned());
        let connect = |_| {
            let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, running.port)).unwrap();
            stream.set_nodelay(true).unwrap();
            BufReader::new(stream)
        };
        Load { streams: (0..CONNECTIONS).map(connect).collect(), head, body, sent: 0 }
    }

    /// Sends so many requests, each under a key and a reference of its own, and reads their answers.
    fn send(&mut self, count: usize) {
        for _ in 0..count.div_ceil(CONNECTIONS) {
            for stream in &mut self.streams {
                self.sent += 1;
                let (before, length, after) = &self.body;
                let key = format!("{}idempotency-key: key-{:09}", self.head, self.sent);
                let request = format!("{key}\r\n\r\n{before}{:0>length$}{after}", self.sent);
                stream.get_mut().write_all(request.as_bytes()).unwrap();
            }
            std::thread::sleep(PAUSE);
            for stream in &mut self.streams {
                assert_eq!(read_answer(stream), 200);
            }
        }
    }
}

/// Reads over one answer and gives its status.
fn read_answer(stream: &mut BufReader<TcpStream>) -> u16 {
    let mut line = String::new();
    stream.read_line(&mut line).unwrap();
    let status = line.split(' ').nth(1).unwrap().parse().unwrap();
    let mut length = 0;
    loop {
        line.clear();
        stream.read_line(&mut line).unwrap();
        if line == "\r\n" {
            break;
        }
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length: ") {
            length = value.trim().parse().unwrap();
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).unwrap();
    status
}

/// Serves until the process is ended, after it has told its port; on the runtime that such a server usually has, `serve` on that of the
/// command.
fn server(kind: &str) {
    let runtime = match kind {
        "bare" | "wiremock" => tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build(),
        _ => tokio::runtime::Builder::new_current_thread().enable_all().build(),
    };
    runtime.unwrap().block_on(async {
        match kind {
            "serve" => serve().await,
            "wiremock" => {
                let server = MockServer::builder().disable_request_recording().start().await;
                let template = ResponseTemplate::new(200).set_body_raw(answer().to_vec(), "application/json");
                Mock::given(any()).respond_with(template).mount(&server).await;
                println!("{}", server.address().port());
                std::future::pending::<()>().await;
            }
            _ => bare().await,
        }
    });
}

async fn serve() {
    let world = World::find(Some(&Path::new(env!("CARGO_MANIFEST_DIR")).join(".."))).unwrap();
    let plan = Plan::new(world.entries(&["stripe".to_owned()]).unwrap());
    let server = Server::start(&world, plan).await.unwrap();
    println!("{}", server.started().url.rsplit(':').next().unwrap());
    server.run(std::future::pending()).await;
}

/// The provider's answer, byte for byte.
fn answer() -> Bytes {
    common::load("stripe", "authorize.captured").calls[0].answers[0].body().clone()
}

/// Reads every request whole and gives the same answer.
async fn bare() {
    let answer = answer();
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    println!("{}", listener.local_addr().unwrap().port());
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        stream.set_nodelay(true).unwrap();
        let answer = answer.clone();
        tokio::spawn(async move {
            let service = service_fn(|request: Request<Incoming>| {
                let answer = answer.clone();
                async move {
                    axum::body::to_bytes(axum::body::Body::new(request.into_body()), 1 << 20).await.unwrap();
                    let response = Response::builder().header("content-type", "application/json");
                    Ok::<_, Infallible>(response.body(axum::body::Body::from(answer)).unwrap())
                }
            });
            let _ended =
                http1::Builder::new().header_read_timeout(None).serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

//! A server of a test, and a client that shows what comes over the wire.

use std::io::{BufReader, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::mpsc::channel;
use std::time::Duration;

use quittance_harness::product::{Product, install};
use quittance_harness::serve::forms::Started;
use quittance_harness::serve::{Plan, Server};
use quittance_harness::world::World;
use serde_json::Value;
use tokio::sync::oneshot;

/// A server that ends with the value.
pub(super) struct Served {
    pub(super) started: Started,
    pub(super) address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<std::thread::JoinHandle<usize>>,
}

static PRODUCT: Product = Product { connectors: quittance_connectors::ALL, sources: "", rustc: "" };

pub(super) fn world() -> World {
    install(&PRODUCT);
    World::find(Some(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/..")))).unwrap()
}

pub(super) fn plan(ids: &[&str]) -> Plan {
    let ids: Vec<String> = ids.iter().map(|id| (*id).to_owned()).collect();
    Plan::new(world().entries(&ids).unwrap())
}

pub(super) fn serve(plan: Plan) -> Served {
    let (told, started) = channel();
    let (stop, stopped) = oneshot::channel::<()>();
    let thread = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        runtime.block_on(async {
            let server = Server::start(&world(), plan).await.unwrap();
            told.send(server.reading().read().unwrap()).unwrap();
            server
                .run(async {
                    let _dropped = stopped.await;
                })
                .await
        })
    });
    let started: Started = started.recv_timeout(Duration::from_secs(60)).unwrap();
    let address = started.url.split_once("://").unwrap().1.parse().unwrap();
    Served { started, address, stop: Some(stop), thread: Some(thread) }
}

impl Served {
    pub(super) fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        stream
    }

    /// Sends a request on a connection of its own; `None` when the connection ends without an answer.
    pub(super) fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Option<Answer> {
        let mut stream = self.connect();
        let has_host = headers.iter().any(|(name, _)| *name == "host");
        let mut text = format!("{method} {path} HTTP/1.1\r\nconnection: close\r\ncontent-length: {}\r\n", body.len());
        if !has_host {
            text.push_str(&format!("host: {}\r\n", self.address));
        }
        headers.iter().for_each(|(name, value)| text.push_str(&format!("{name}: {value}\r\n")));
        stream.write_all(format!("{text}\r\n{body}").as_bytes()).unwrap();
        answer(&mut BufReader::new(stream))
    }

    pub(super) fn get(&self, path: &str) -> Value {
        let answer = self.ask("GET", &format!("/_quittance/api/{path}"), &[], "").unwrap();
        assert_eq!(answer.status, 200, "{path}: {}", answer.body);
        serde_json::from_str(&answer.body).unwrap()
    }

    pub(super) fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        let json = [("content-type", "application/json")];
        let answer = self.ask("POST", &format!("/_quittance/api/{path}"), &json, &body.to_string()).unwrap();
        (answer.status, serde_json::from_str(&answer.body).unwrap())
    }

    /// Makes a card payment with Stripe and gives the answer.
    pub(super) fn pay(&self) -> Option<Answer> {
        self.ask("POST", "/v1/payment_intents", &STRIPE, PAYMENT)
    }
}

pub(super) const STRIPE: [(&str, &str); 2] =
    [("authorization", "Bearer sk_test_quittance"), ("content-type", "application/x-www-form-urlencoded")];
pub(super) const PAYMENT: &str = "amount=1050&currency=usd&confirm=true&payment_method_data[type]=card\
                       &payment_method_data[card][number]=4242424242424242&payment_method_data[card][exp_month]=12\
                       &payment_method_data[card][exp_year]=2030&payment_method_data[card][cvc]=737";

impl Drop for Served {
    fn drop(&mut self) {
        let _ended = self.stop.take().map(|stop| stop.send(()));
        if !std::thread::panicking() {
            self.thread.take().unwrap().join().unwrap();
        }
    }
}

#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: String,
    /// Whether the body came whole.
    pub(super) whole: bool,
}

impl Answer {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// Reads an answer with a content-length.
pub(super) fn answer(stream: &mut impl std::io::BufRead) -> Option<Answer> {
    let mut line = String::new();
    if !stream.read_line(&mut line).is_ok_and(|read| read > 0) {
        return None;
    }
    let status = line.split(' ').nth(1)?.parse().ok()?;
    let mut headers = Vec::new();
    loop {
        line.clear();
        stream.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(": ") else { break };
        headers.push((name.to_owned(), value.to_owned()));
    }
    let length =
        headers.iter().find(|(name, _)| name == "content-length").map_or(0, |(_, value)| value.parse().unwrap());
    let mut body = Vec::new();
    let mut part = [0; 4096];
    while body.len() < length {
        match stream.read(&mut part) {
            Ok(0) | Err(_) => break,
            Ok(read) => body.extend_from_slice(&part[..read]),
        }
    }
    Some(Answer { status, headers, whole: body.len() == length, body: String::from_utf8(body).unwrap() })
}

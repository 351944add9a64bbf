//! The server as clients meet it, over real sockets: limits, garbage, slow clients, TLS, webhooks, chaos, the control API.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod served;

use std::io::{BufRead as _, BufReader, ErrorKind, Read as _, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use quittance_harness::serve::{Limits, Plan, Server, TlsPlan, WebhookPlan};
use serde_json::{Value, json};
use served::{Answer, PAYMENT, STRIPE, Served, answer, plan, serve, world};

#[test]
fn providers_are_found_and_told_apart() {
    let served = serve(plan(&["stripe", "mollie"]));
    assert_eq!(served.started.providers.len(), 2);
    assert_eq!(served.started.providers[0].base_url, format!("{}/stripe", served.started.url));
    assert!(served.started.providers[0].credentials.as_ref().unwrap().contains_key("api_key"));
    assert!(!served.started.providers[0].outcomes.as_ref().unwrap().is_empty());
    let by_path = served.ask("POST", "/stripe/v1/payment_intents", &STRIPE, PAYMENT).unwrap();
    let by_host =
        served.ask("POST", "/v1/payment_intents", &[&STRIPE[..], &[("host", "api.stripe.com")]].concat(), PAYMENT);
    assert_eq!((by_path.status, by_host.unwrap().status), (200, 200), "{}", by_path.body);
    let lost = served.ask("GET", "/v1/payment_intents", &[], "").unwrap();
    assert_eq!((lost.status, lost.header("x-quittance")), (404, Some("serve")));
    assert!(lost.body.contains("stripe, mollie"), "{}", lost.body);
    let traffic = served.get("traffic?newest=10");
    let providers: Vec<&Value> =
        traffic["entries"].as_array().unwrap().iter().map(|entry| &entry["provider"]).collect();
    assert_eq!(providers, [&json!("stripe"), &json!("stripe"), &Value::Null]);
    assert_eq!(served.get("payments?provider=stripe")[0]["payments"].as_array().unwrap().len(), 2);
}

#[test]
fn a_single_provider_answers_at_the_root() {
    let served = serve(plan(&["stripe"]));
    assert_eq!(served.started.providers[0].base_url, served.started.url);
    assert_eq!(served.pay().unwrap().status, 200);
    assert_eq!(served.ask("POST", "/stripe/v1/payment_intents", &STRIPE, PAYMENT).unwrap().status, 200);
}

#[test]
fn a_port_in_use_is_told() {
    let served = serve(plan(&["stripe"]));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let again = Plan { port: served.address.port(), ..plan(&["stripe"]) };
    let told = runtime.block_on(Server::start(&world(), again)).unwrap_err().to_string();
    assert!(told.contains("in use") && told.contains("--port 0"), "{told}");
    let elsewhere = Plan { bind: "192.0.2.1".parse().unwrap(), ..plan(&["stripe"]) };
    let told = runtime.block_on(Server::start(&world(), elsewhere)).unwrap_err().to_string();
    assert!(told.contains("no address of this machine"), "{told}");
}

#[test]
fn garbage_is_refused_and_harms_nobody() {
    let served = serve(plan(&["stripe"]));
    for garbage in [
        &b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"[..],
        b"GET\r\n\r\n",
        b"\0\0\0\0\0\0\0\0\r\n\r\n",
        b"GET / HTTP/1.1\r\nhost\r\n\r\n",
        b"POST / HTTP/1.1\r\ncontent-length: 4\r\ncontent-length: 5\r\n\r\nabcd",
        b"POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
        b"GET /\xff\xfe HTTP/1.1\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ] {
        let mut stream = served.connect();
        stream.write_all(garbage).unwrap();
        let _half_open = stream.shutdown(std::net::Shutdown::Write);
        let mut told = Vec::new();
        let _reset = stream.read_to_end(&mut told);
        let text = String::from_utf8_lossy(&told);
        assert!(told.is_empty() || text.starts_with("HTTP/1.1 4"), "{garbage:?}: {text}");
    }
    let mut stream = served.connect();
    stream.write_all(b"no http at all\r\n\r\n").unwrap();
    assert_eq!(answer(&mut BufReader::new(stream)).unwrap().status, 400);
    let long = format!("/{}", "x".repeat(70_000));
    assert!(served.ask("GET", &long, &[], "").is_none_or(|answer| matches!(answer.status, 414 | 431)));
    let odd = [("host", "stripe..com"), ("authorization", "\u{fc}\u{e9}"), ("content-type", ";;;")];
    assert!(served.ask("POST", "/v1/%ff%00/..//?=&&=[", &odd, "\u{1}{[=&%zz").unwrap().status >= 400);
    assert_eq!(served.pay().unwrap().status, 200);
    // Everything that came in can be shown.
    let newest = served.get("traffic?newest=500")["newest"].as_u64().unwrap();
    (1..=newest).for_each(|number| drop(served.get(&format!("traffic/{number}"))));
}

#[test]
fn a_head_may_have_64_kib() {
    let served = serve(plan(&["stripe"]));
    let empty = "GET  HTTP/1.1\r\nhost: a\r\nx-long: \r\n\r\n".len();
    let told = |path: &str, length: usize| {
        let mut stream = served.connect();
        let value = "x".repeat(length - empty - path.len());
        write!(stream, "GET {path} HTTP/1.1\r\nhost: a\r\nx-long: {value}\r\n\r\n").unwrap();
        answer(&mut BufReader::new(stream)).unwrap().status
    };
    let path = "/v1/payment_intents/pi_1";
    assert_eq!(told(path, 64 << 10), 401);
    assert_eq!(told(path, (64 << 10) + 1), 431);
    assert_eq!(told(path, 100 << 10), 431);
    assert_eq!(told(path, 1 << 20), 431, "the refusal arrives while the rest is still being sent");
    assert_eq!(told("/_quittance/api/health", (64 << 10) + 1), 431);
}

#[test]
fn a_path_that_no_tape_has_is_told_apart_from_a_payment_that_is_not_there() {
    let served = serve(plan(&["stripe"]));
    for (method, path, near) in [
        ("GET", "/", "; the nearest is "),
        ("POST", "/v1/payment_intentz", "; the nearest is POST /v1/payment_intents"),
        ("POST", "/v1/payment_intents/pi_1/captures", "; the nearest is POST /v1/payment_intents/*/capture"),
        ("PUT", "/v1/payment_intents", "; the nearest is POST /v1/payment_intents"),
    ] {
        let lost = served.ask(method, path, &STRIPE, "").unwrap();
        assert_eq!((lost.status, lost.header("x-quittance")), (404, Some("serve")), "{method} {path}");
        let told = format!("no tape of stripe has {method} {path}{near}");
        assert!(lost.body.contains(&told), "{told}: {}", lost.body);
    }
    let absent = served.ask("GET", "/v1/payment_intents/pi_1", &STRIPE[..1], "").unwrap();
    assert_eq!((absent.status, absent.header("x-quittance")), (404, None));
    assert!(absent.body.contains("No such payment_intent"), "{}", absent.body);
}

#[test]
fn a_body_of_ten_megabytes_is_answered() {
    let served = serve(plan(&["stripe"]));
    for head in ["content-length: 10485760", "transfer-encoding: chunked"] {
        let mut stream = served.connect();
        write!(stream, "POST /v1/payment_intents HTTP/1.1\r\nhost: {}\r\n{head}\r\n\r\n", served.address).unwrap();
        let piece = vec![b'a'; 1 << 20];
        for _ in 0..10 {
            if head.starts_with("transfer") {
                write!(stream, "{:x}\r\n", piece.len()).unwrap();
            }
            stream.write_all(&piece).unwrap();
            if head.starts_with("transfer") {
                stream.write_all(b"\r\n").unwrap();
            }
        }
        if head.starts_with("transfer") {
            stream.write_all(b"0\r\n\r\n").unwrap();
        }
        let mut stream = BufReader::new(stream);
        let told = answer(&mut stream).unwrap();
        assert_eq!(told.status, 413, "{head}");
        assert!(told.body.contains("1048576"), "{}", told.body);
    }
    // One that asks first is told at once.
    let mut stream = served.connect();
    let head = "content-length: 10485760\r\nexpect: 100-continue";
    write!(stream, "POST /v1/payment_intents HTTP/1.1\r\nhost: {}\r\n{head}\r\n\r\n", served.address).unwrap();
    assert_eq!(answer(&mut BufReader::new(stream)).unwrap().status, 413);
    // The largest that is taken.
    assert_ne!(served.ask("POST", "/v1/payment_intents", &STRIPE, &"a".repeat(1 << 20)).unwrap().status, 413);
    assert_eq!(served.pay().unwrap().status, 200);
}

#[test]
fn slow_clients_are_let_go() {
    let [header_time, body_time, idle_time] = [400, 600, 900].map(Duration::from_millis);
    let limits = Limits { header_time, body_time, idle_time, ..Limits::default() };
    let served = serve(Plan { limits, ..plan(&["stripe"]) });
    let ends = |mut stream: TcpStream, least: Duration, most: Duration| {
        let begun = Instant::now();
        let mut told = String::new();
        let _reset = stream.read_to_string(&mut told);
        let took = begun.elapsed();
        assert!(took >= least && took < most, "{took:?}: {told}");
        told
    };
    let second = Duration::from_secs(1);
    // Headers that never end, even when they drip.
    let drip = served.connect();
    let mut drops = drip.try_clone().unwrap();
    drops.write_all(b"GET / HTTP/1.1\r\n").unwrap();
    std::thread::spawn(move || {
        while drops.write_all(b"x-a: b\r\n").is_ok() {
            std::thread::sleep(Duration::from_millis(100));
        }
    });
    ends(drip, header_time / 2, header_time + second);
    // A body that never comes.
    let mut stream = served.connect();
    stream.write_all(b"POST /v1/payment_intents HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\n\r\nabc").unwrap();
    let told = ends(stream, body_time / 2, body_time + idle_time + second);
    assert!(told.starts_with("HTTP/1.1 408"), "{told}");
    // A connection that says nothing, before and after a request.
    ends(served.connect(), idle_time / 2, idle_time + second);
    let mut stream = served.connect();
    stream.write_all(b"GET /v1/nothing HTTP/1.1\r\nhost: a\r\n\r\n").unwrap();
    assert!(ends(stream, idle_time / 2, idle_time + second).starts_with("HTTP/1.1 "));
    // One that is used in time stays.
    let stream = served.connect();
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    for _ in 0..4 {
        (&stream).write_all(b"GET /_quittance/api/health HTTP/1.1\r\nhost: localhost\r\n\r\n").unwrap();
        assert_eq!(answer(&mut reader).unwrap().status, 200);
        std::thread::sleep(idle_time / 2);
    }
}

#[test]
fn a_thousand_idle_connections_are_borne() {
    let limits = Limits { connections: 600, ..Limits::default() };
    let served = serve(Plan { limits, ..plan(&["stripe"]) });
    let idle: Vec<TcpStream> = (0..1000).map(|_| TcpStream::connect(served.address).unwrap()).collect();
    let mut turned_away = 0;
    for mut stream in idle.iter() {
        stream.set_read_timeout(Some(Duration::from_millis(if turned_away == 0 { 1 } else { 50 }))).unwrap();
        let mut told = [0; 64];
        match stream.read(&mut told) {
            Ok(read) => {
                assert!(told[..read].starts_with(b"HTTP/1.1 503"), "{}", String::from_utf8_lossy(&told[..read]));
                turned_away += 1;
            }
            Err(error) => assert!(matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut), "{error}"),
        }
    }
    assert!((300..=400).contains(&turned_away), "{turned_away} of 1000 turned away by a server of 600");
    drop(idle);
    let deadline = Instant::now() + Duration::from_secs(5);
    while served.pay().is_none_or(|answer| answer.status == 503) {
        assert!(Instant::now() < deadline, "no place is free again");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn tls_is_served_under_its_own_authority() {
    use tokio_rustls::rustls::pki_types::pem::PemObject as _;
    use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
    use tokio_rustls::rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("serve-authority.pem");
    let served = serve(Plan { tls: Some(TlsPlan { authority: Some(path.clone()) }), ..plan(&["stripe"]) });
    assert!(served.started.url.starts_with("https://"));
    assert_eq!(served.started.tls_authority.as_deref(), path.to_str());
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(&path).unwrap()).unwrap();
    assert!(!std::fs::read_to_string(&path).unwrap().contains("PRIVATE"));
    let config = Arc::new(ClientConfig::builder().with_root_certificates(roots).with_no_client_auth());
    for name in ["localhost", "127.0.0.1", "api.stripe.com"] {
        let name = ServerName::try_from(name).unwrap().to_owned();
        let connection = ClientConnection::new(Arc::clone(&config), name).unwrap();
        let mut stream = StreamOwned::new(connection, served.connect());
        stream.write_all(b"GET /_quittance/api/health HTTP/1.1\r\nhost: localhost\r\n\r\n").unwrap();
        assert_eq!(answer(&mut BufReader::new(stream)).unwrap().status, 200);
    }
    let strangers =
        Arc::new(ClientConfig::builder().with_root_certificates(RootCertStore::empty()).with_no_client_auth());
    let connection = ClientConnection::new(strangers, ServerName::try_from("localhost").unwrap()).unwrap();
    let mut stream = StreamOwned::new(connection, served.connect());
    assert!(stream.write_all(b"GET / HTTP/1.1\r\n\r\n").is_err());
    // Plain HTTP on the port of TLS ends the connection.
    let mut plain = served.connect();
    plain.write_all(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n").unwrap();
    let mut told = Vec::new();
    let _reset = plain.read_to_end(&mut told);
    assert!(!told.starts_with(b"HTTP"));
}

/// A receiver of webhooks that answers with the statuses of a list in turn, then with 200; gives what it receives.
fn receiver(statuses: &[u16]) -> (u16, Receiver<(Instant, String)>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let statuses = Arc::new(Mutex::new(statuses.to_vec()));
    let (told, heard) = channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = BufReader::new(stream.unwrap());
            let (statuses, told) = (Arc::clone(&statuses), told.clone());
            std::thread::spawn(move || {
                loop {
                    let mut head = String::new();
                    while !head.ends_with("\r\n\r\n") {
                        if !stream.read_line(&mut head).is_ok_and(|read| read > 0) {
                            return;
                        }
                    }
                    let length = head
                        .lines()
                        .find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok());
                    let mut body = vec![0; length.unwrap_or(0)];
                    stream.read_exact(&mut body).unwrap();
                    told.send((Instant::now(), head + &String::from_utf8(body).unwrap())).unwrap();
                    let mut left = statuses.lock().unwrap();
                    let status = if left.is_empty() { 200 } else { left.remove(0) };
                    drop(left);
                    write!(stream.get_mut(), "HTTP/1.1 {status} Told\r\ncontent-length: 0\r\n\r\n").unwrap();
                }
            });
        }
    });
    (port, heard)
}

fn sending(port: u16, tries: u32) -> Plan {
    let url = format!("http://127.0.0.1:{port}/hooks?a=1").parse().unwrap();
    Plan { webhooks: Some(WebhookPlan { url, tries, back_off: Duration::from_millis(60) }), ..plan(&["stripe"]) }
}

/// The payment and one of the events that can be sent about it.
fn paid(served: &Served) -> (String, String) {
    assert_eq!(served.pay().unwrap().status, 200);
    let payment = served.get("payments")[0]["payments"][0]["id"].as_str().unwrap().to_owned();
    let events = served.get(&format!("events?payment={payment}"));
    (payment, events[0].as_str().unwrap().to_owned())
}

#[track_caller]
fn until(served: &Served, holds: impl Fn(&[Value]) -> bool) -> Vec<Value> {
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        let rows = served.get("webhooks?newest=500").as_array().unwrap().clone();
        if holds(&rows) {
            return rows;
        }
        assert!(Instant::now() < deadline, "{rows:#?}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn webhooks_are_tried_again_in_order() {
    let (port, heard) = receiver(&[500, 503]);
    let served = serve(sending(port, 5));
    let (payment, event) = paid(&served);
    let by_itself = served.get("webhooks").as_array().unwrap().len();
    let asked = json!({ "payment": payment, "event": event });
    let numbers: Vec<u64> = (0..3)
        .map(|_| {
            let (status, row) = served.post("webhooks", &asked);
            assert_eq!((status, row["payment"].as_str()), (200, Some(&*payment)), "{row}");
            row["number"].as_u64().unwrap()
        })
        .collect();
    let rows = until(&served, |rows| rows.iter().all(|row| row["state"] == "delivered"));
    assert_eq!(rows.len(), by_itself + 3);
    assert!(numbers.is_sorted() && rows.iter().all(|row| row["status"] == 200));
    assert_eq!(rows[0]["tries"], 3);
    assert!(rows[1..].iter().all(|row| row["tries"] == 1), "later ones wait: {rows:#?}");
    let heard: Vec<(Instant, String)> = heard.try_iter().collect();
    assert_eq!(heard.len(), by_itself + 5);
    assert!(
        heard[0].1.starts_with("POST /hooks?a=1 HTTP/1.1\r\n") && heard[0].1.contains("stripe-signature: t="),
        "{}",
        heard[0].1
    );
    assert!(heard[1].1 == heard[0].1 && heard[2].1 == heard[0].1, "the same delivery is sent again");
    let pauses = [heard[1].0 - heard[0].0, heard[2].0 - heard[1].0];
    assert!(pauses[0] >= Duration::from_millis(55) && pauses[1] >= Duration::from_millis(115), "{pauses:?}");
}

#[test]
fn webhooks_are_given_up_and_reset() {
    let (port, _heard) = receiver(&[500; 100]);
    let served = serve(sending(port, 2));
    let (payment, event) = paid(&served);
    served.post("webhooks", &json!({ "payment": payment, "event": event }));
    let rows = until(&served, |rows| rows.iter().all(|row| row["state"] == "failed"));
    assert!(rows.iter().all(|row| row["tries"] == 2 && row["status"] == 500));
    let (status, told) = served.post("webhooks", &json!({ "payment": payment, "event": "no.such" }));
    assert!(status == 404 && told["error"].as_str().unwrap().contains("events?"), "{told}");
    let (status, health) = served.post("reset", &json!({}));
    assert_eq!((status, &health["webhooks_waiting"]), (200, &json!(0)));
    assert_eq!(served.get("webhooks"), json!([]));
    assert_eq!(served.get("payments"), json!([{ "provider": "stripe", "payments": [] }]));
    assert_eq!(served.get("traffic")["entries"], json!([]));
}

#[test]
fn webhooks_without_a_receiver_are_shown() {
    let served = serve(plan(&["stripe"]));
    let (payment, event) = paid(&served);
    let (_, row) = served.post("webhooks", &json!({ "payment": payment, "event": event }));
    assert_eq!(row["state"], "not_sent");
    assert!(row["header_names"].as_array().unwrap().contains(&json!("stripe-signature")));
    // Whoever refuses it can look at the very bytes, and at the signature over them.
    let whole = served.get(&format!("webhooks/{}", row["number"]));
    assert_eq!((&whole["delivery"]["event"], &whole["masked"]), (&row["event"], &json!(false)));
    let body = whole["body"].as_str().unwrap();
    assert_eq!(json!(body.len()), row["body_bytes"]);
    assert!(body.contains(&payment) && !body.contains("whsec_"), "{body}");
    let signature = whole["headers"].as_array().unwrap().iter().find(|one| one["name"] == "stripe-signature").unwrap();
    assert!(signature["value"].as_str().unwrap().starts_with("t="), "{signature}");
    assert_eq!(served.ask("GET", "/_quittance/api/webhooks/99", &[], "").unwrap().status, 404);
}

#[test]
fn chaos_repeats_with_its_seed() {
    let chaos = "503=20%,429_after=20%,reset=10%,html=10%,cut=10%";
    let course = |seed| {
        let served = serve(Plan { chaos: chaos.parse().unwrap(), seed, ..plan(&["stripe"]) });
        let told = |answer: Option<Answer>| answer.map_or(0, |answer| if answer.whole { answer.status } else { 1 });
        let one: Vec<u16> = (0..120).map(|_| told(served.pay())).collect();
        let payments = served.get("payments?newest=1000")[0]["payments"].as_array().unwrap().len();
        let (status, _) = served.post("reset", &json!({}));
        let again: Vec<u16> = (0..120).map(|_| told(served.pay())).collect();
        assert_eq!((status, &again), (200, &one), "a reset begins again");
        (one, payments)
    };
    let (one, payments) = course(7);
    assert_eq!(course(7).0, one);
    assert_ne!(course(8).0, one);
    for status in [0, 1, 200, 429, 502, 503] {
        assert!(one.contains(&status), "{status} never came: {one:?}");
    }
    // What is answered, cut, or refused afterwards was acted on; what is refused before was not.
    assert_eq!(payments, one.iter().filter(|status| matches!(status, 1 | 200 | 429)).count());
}

#[test]
fn faults_are_planned_ahead() {
    let served = serve(plan(&["stripe", "mollie"]));
    assert_eq!(served.post("faults", &json!({ "provider": "stripe", "fault": "503_after", "times": 2 })).0, 200);
    assert_eq!(served.post("faults", &json!({ "fault": "reset" })).0, 200);
    assert_eq!(served.get("faults").as_array().unwrap().len(), 3);
    let stripe = || served.ask("POST", "/stripe/v1/payment_intents", &STRIPE, PAYMENT);
    assert!(served.ask("GET", "/mollie/v2/payments/tr_1", &[], "").is_none(), "the fault of any provider");
    for _ in 0..2 {
        let spoilt = stripe().unwrap();
        assert_eq!(
            (spoilt.status, spoilt.header("x-quittance"), spoilt.header("retry-after")),
            (503, Some("chaos 503_after"), Some("1"))
        );
    }
    assert_eq!(stripe().unwrap().status, 200);
    assert_eq!(served.get("payments?provider=stripe")[0]["payments"].as_array().unwrap().len(), 3);
    assert_eq!(served.get("faults"), json!([]));
    let entries = served.get("traffic")["entries"].clone();
    assert_eq!((&entries[0]["fault"], &entries[0]["status"]), (&json!("reset"), &Value::Null));
    assert_eq!((&entries[1]["fault"], &entries[1]["status"]), (&json!("503_after"), &json!(503)));
    for wrong in
        [json!({ "fault": "5o3" }), json!({ "fault": "503", "times": 5000 }), json!({ "fault": 503 }), json!({})]
    {
        assert_eq!(served.post("faults", &wrong).0, 400, "{wrong}");
    }
    assert_eq!(served.post("faults", &json!({ "provider": "strpe", "fault": "503" })).0, 404);
}

#[test]
fn latency_silence_and_the_end() {
    let limits = Limits { silence: Duration::from_millis(300), ..Limits::default() };
    let served = serve(Plan { limits, chaos: "latency=80ms".parse().unwrap(), ..plan(&["stripe"]) });
    let begun = Instant::now();
    assert_eq!(served.pay().unwrap().status, 200);
    assert!(begun.elapsed() >= Duration::from_millis(80));
    assert_eq!(
        served.post("chaos", &json!({ "chaos": "timeout_after=100%" })),
        (200, json!({ "chaos": "timeout_after=100%" }))
    );
    let begun = Instant::now();
    assert!(served.pay().is_none());
    assert!(begun.elapsed() >= Duration::from_millis(300));
    assert_eq!(served.post("chaos", &json!({ "chaos": null })).1, json!({ "chaos": null }));
    assert_eq!(served.post("chaos", &json!({ "chaos": "503=200%" })).0, 400);
    assert_eq!(served.get("payments")[0]["payments"].as_array().unwrap().len(), 2);
    // An open exchange is answered before the end.
    let (address, slow) = (served.address, "latency=300ms");
    served.post("chaos", &json!({ "chaos": slow }));
    let waiting = std::thread::spawn(move || {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.write_all(b"GET /v1/nothing HTTP/1.1\r\nhost: a\r\n\r\n").unwrap();
        answer(&mut BufReader::new(stream)).map(|answer| answer.status)
    });
    std::thread::sleep(Duration::from_millis(100));
    drop(served);
    assert!(waiting.join().unwrap().is_some());
    assert!(TcpStream::connect(address).is_err());
}

#[test]
fn the_control_api_keeps_strangers_out_and_secrets_in() {
    let served = serve(plan(&["stripe"]));
    let own = [("authorization", "Bearer sk_live_of_somebody"), ("content-type", "application/x-www-form-urlencoded")];
    served.ask("POST", "/v1/payment_intents?api_key=rk_live_of_somebody", &own, PAYMENT).unwrap();
    served.pay().unwrap();
    let payments = served.get("payments");
    let mut all = String::new();
    for path in ["health", "providers", "traffic", "traffic/1", "traffic/2", "payments", "webhooks", "faults", "chaos"]
    {
        all.push_str(&served.get(path).to_string());
    }
    for secret in ["of_somebody", "sk_test_quittance", "whsec_quittance", "4242424242424242", "737"] {
        assert!(!all.contains(secret), "{secret} is shown: {all}");
    }
    assert!(all.contains("1050"), "{all}");
    let post = |headers: &[(&str, &str)]| served.ask("POST", "/_quittance/api/reset", headers, "{}").unwrap().status;
    let json = ("content-type", "application/json");
    assert_eq!(post(&[json, ("origin", "https://evil.example")]), 403);
    assert_eq!(post(&[json, ("sec-fetch-site", "cross-site")]), 403);
    assert_eq!(post(&[("content-type", "text/plain")]), 415);
    assert_eq!(post(&[json, ("host", "rebound.example")]), 421);
    assert_eq!(served.ask("GET", "/_quittance", &[("host", "rebound.example")], "").unwrap().status, 421);
    assert_eq!(served.get("payments"), payments);
    let page = served.ask("GET", "/_quittance", &[], "").unwrap();
    assert!(page.header("content-security-policy").unwrap().contains("script-src 'sha256-"));
    assert!(page.body.contains("<title>Sandbox"));
    let options =
        served.ask("OPTIONS", "/_quittance/api/reset", &[json, ("origin", "https://evil.example")], "").unwrap();
    assert!(options.status >= 400 && options.header("access-control-allow-origin").is_none());
}

#[test]
fn the_control_api_tells_what_is_wrong() {
    let served = serve(plan(&["stripe"]));
    let told = |path: &str| {
        let answer = served.ask("GET", &format!("/_quittance/api/{path}"), &[], "").unwrap();
        let error = serde_json::from_str::<Value>(&answer.body).unwrap()["error"].as_str().unwrap().to_owned();
        (answer.status, error)
    };
    assert_eq!(told("nothing").0, 404);
    let (status, error) = told("payments?provider=strip");
    assert!(status == 404 && error.contains("did you mean stripe"), "{error}");
    assert!(told("traffic?after=x").1.contains("whole number"));
    assert!(told("traffic?since=1").1.contains("known are after, newest, provider"));
    assert_eq!(told("traffic/99").0, 404);
    assert_eq!(served.post("webhooks", &json!({ "payment": 1 })).0, 400);
    let long = json!({ "fault": "x".repeat(100_000) }).to_string();
    let answer = served.ask("POST", "/_quittance/api/faults", &[("content-type", "application/json")], &long).unwrap();
    assert_eq!(answer.status, 413);
}

#[test]
fn the_log_keeps_to_its_length() {
    let served = serve(Plan { limits: Limits { traffic: 10, ..Limits::default() }, ..plan(&["stripe"]) });
    let stream = served.connect();
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    for number in 0..50 {
        write!(&stream, "GET /v1/nothing/{number} HTTP/1.1\r\nhost: a\r\n\r\n").unwrap();
        assert!(answer(&mut reader).is_some());
    }
    let traffic = served.get("traffic?newest=500");
    let numbers: Vec<u64> =
        traffic["entries"].as_array().unwrap().iter().map(|entry| entry["number"].as_u64().unwrap()).collect();
    assert_eq!((numbers, &traffic["newest"]), ((41..=50).collect(), &json!(50)));
    assert_eq!(served.get("traffic?after=48")["entries"].as_array().unwrap().len(), 2);
}

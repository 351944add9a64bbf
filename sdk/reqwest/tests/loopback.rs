//! The transport against a listener on the loopback interface that speaks HTTP byte by byte.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use quittance::{Bytes, Failure, Limits, Random, Sleep, Transport, http};
use quittance_reqwest::{ReqwestTransport, SystemRandom, TokioSleep};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

const LIMITS: Limits = Limits { exchanges: 8, reply_bytes: 1000, timeout: Duration::from_secs(5) };

/// What the listener does after it has read the whole request.
#[derive(Clone, Copy, Debug)]
enum Then {
    /// Writes these bytes and closes.
    Close(&'static str),
    /// Writes these bytes and keeps the connection open for ever.
    Hang(&'static str),
    /// Closes with data unread, which resets the connection.
    Reset,
}

/// A listener that serves every connection alike; gives the requests it read when asked to stop.
async fn listen(then: Then) -> (SocketAddr, JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let task = tokio::spawn(async move {
        let (mut requests, mut open) = (Vec::new(), Vec::new());
        // A client that is done opens no further connection; the wait only bounds the test.
        while let Ok(Ok((mut stream, _))) = tokio::time::timeout(Duration::from_millis(700), listener.accept()).await {
            match then {
                Then::Reset => {
                    stream.read_exact(&mut [0; 10]).await.unwrap();
                    continue;
                }
                Then::Close(reply) | Then::Hang(reply) => {
                    requests.push(request(&mut stream).await);
                    stream.write_all(reply.as_bytes()).await.unwrap();
                }
            }
            if matches!(then, Then::Hang(_)) {
                open.push(stream);
            }
        }
        requests
    });
    (address, task)
}

/// Reads one request: head and as many bytes of body as it announces.
async fn request(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8(bytes.clone()).unwrap();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap_or("0");
            if body.len() == length.parse::<usize>().unwrap() {
                return text;
            }
        }
        let mut piece = [0; 4096];
        let read = stream.read(&mut piece).await.unwrap();
        assert!(read > 0, "the request breaks off");
        bytes.extend_from_slice(&piece[..read]);
    }
}

fn transport() -> ReqwestTransport {
    let builder = reqwest::Client::builder().no_proxy().connect_timeout(Duration::from_millis(300));
    ReqwestTransport::from_builder(builder).unwrap()
}

async fn post(scheme: &str, to: SocketAddr, limits: Limits) -> Result<http::Response<Bytes>, Failure> {
    let request = http::Request::post(format!("{scheme}://{to}/pay?token=hunter2"))
        .header("x-key", "hunter2")
        .body(Bytes::from_static(b"hunter2"))
        .unwrap();
    transport().send(request, limits).await
}

#[tokio::test]
async fn a_reply_comes_whole_and_undecoded() {
    let reply =
        "HTTP/1.1 201 Created\r\ncontent-encoding: gzip\r\nset-cookie: a=b\r\ncontent-length: 8\r\n\r\nnot gzip";
    let (address, requests) = listen(Then::Close(reply)).await;
    let reply = post("http", address, LIMITS).await.unwrap();
    assert_eq!((reply.status().as_u16(), reply.body().as_ref()), (201, &b"not gzip"[..]));
    assert_eq!(
        (&reply.headers()["set-cookie"], &reply.headers()["content-encoding"]),
        (&"a=b".parse().unwrap(), &"gzip".parse().unwrap())
    );
    let requests = requests.await.unwrap();
    assert_eq!(requests.len(), 1);
    let (head, body) = requests[0].split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("POST /pay?token=hunter2 HTTP/1.1\r\nx-key: hunter2\r\n"), "{head}");
    assert!(!head.contains("accept-encoding") && !head.contains("cookie"), "{head}");
    assert_eq!(body, "hunter2");
}

#[tokio::test]
async fn a_redirect_is_a_reply() {
    let (address, requests) =
        listen(Then::Close("HTTP/1.1 307 Temporary Redirect\r\nlocation: /elsewhere\r\ncontent-length: 0\r\n\r\n"))
            .await;
    let reply = post("http", address, LIMITS).await.unwrap();
    assert_eq!((reply.status().as_u16(), reply.headers()["location"].as_bytes()), (307, &b"/elsewhere"[..]));
    assert_eq!(requests.await.unwrap().len(), 1);
}

/// Nothing was sent, and the reason shows nothing of the request.
#[track_caller]
fn refused(result: Result<http::Response<Bytes>, Failure>) {
    match result {
        Err(Failure::Refused(why)) => {
            assert!(!why.is_empty() && !why.contains("hunter2") && !why.contains("://"), "{why}")
        }
        other => panic!("not refused: {other:?}"),
    }
}

#[tokio::test]
async fn what_never_left_is_refused() {
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    refused(post("http", closed, LIMITS).await);
    // A listener that speaks no TLS, and one that says nothing at all.
    let (plain, _requests) = listen(Then::Reset).await;
    refused(post("https", plain, LIMITS).await);
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let begin = Instant::now();
    refused(post("https", silent.local_addr().unwrap(), LIMITS).await);
    assert!(begin.elapsed() < LIMITS.timeout, "the time to connect has its own limit");
    let request = http::Request::get("/no/host?token=hunter2").body(Bytes::new()).unwrap();
    refused(transport().send(request, LIMITS).await);
}

#[tokio::test]
async fn the_usual_transport_says_who_it_is() {
    let (address, requests) = listen(Then::Close("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")).await;
    let request = http::Request::get(format!("http://{address}/")).body(Bytes::new()).unwrap();
    ReqwestTransport::new().unwrap().send(request, LIMITS).await.unwrap();
    assert!(requests.await.unwrap()[0].contains("\r\nuser-agent: quittance/"));
}

#[tokio::test]
async fn a_connection_that_breaks_before_the_reply_is_reset_and_not_tried_again() {
    for then in [Then::Close(""), Then::Close("HTTP/1.1 20"), Then::Close("no HTTP at all\r\n\r\n"), Then::Reset] {
        let (address, requests) = listen(then).await;
        assert_eq!(post("http", address, LIMITS).await.unwrap_err(), Failure::Reset);
        assert!(requests.await.unwrap().len() <= 1);
    }
}

#[tokio::test]
async fn a_body_that_breaks_off_is_cut() {
    for reply in [
        "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nfive!",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nfive!\r\n",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nx\r\nfive!\r\n",
    ] {
        let (address, _requests) = listen(Then::Close(reply)).await;
        assert_eq!(post("http", address, LIMITS).await.unwrap_err(), Failure::Cut, "{reply}");
    }
}

#[tokio::test]
async fn time_runs_out_before_and_within_the_reply() {
    let limits = Limits { timeout: Duration::from_millis(200), ..LIMITS };
    for reply in ["", "HTTP/1.1 200 OK\r\n", "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nfive!"] {
        let (address, _requests) = listen(Then::Hang(reply)).await;
        let begin = Instant::now();
        assert_eq!(post("http", address, limits).await.unwrap_err(), Failure::TimedOut, "{reply}");
        assert!(begin.elapsed() >= limits.timeout && begin.elapsed() < Duration::from_secs(3));
    }
}

#[tokio::test]
async fn no_reply_is_longer_than_the_limit() {
    let limits = Limits { reply_bytes: 5, ..LIMITS };
    for (then, fits) in [
        (Then::Close("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nfive!"), true),
        (Then::Close("HTTP/1.1 200 OK\r\n\r\nfive!"), true),
        (Then::Hang("HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nsix!!!"), false),
        (Then::Hang("HTTP/1.1 200 OK\r\ncontent-length: 99999999999\r\n\r\n"), false),
        (Then::Hang("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nfive!\r\n1\r\n!\r\n"), false),
        (Then::Hang("HTTP/1.1 200 OK\r\n\r\nsix!!!"), false),
    ] {
        let (address, _requests) = listen(then).await;
        let body = post("http", address, limits).await.map(http::Response::into_body);
        assert_eq!(body, if fits { Ok("five!".into()) } else { Err(Failure::TooLarge) }, "{then:?}");
    }
}

#[tokio::test]
async fn time_passes_and_bytes_are_random() {
    let begin = Instant::now();
    TokioSleep.sleep(Duration::from_millis(30)).await;
    assert!(begin.elapsed() >= Duration::from_millis(30));
    let (mut one, mut other) = ([0; 32], [0; 32]);
    SystemRandom.fill(&mut one);
    SystemRandom.fill(&mut other);
    assert!(one != other && one != [0; 32]);
    SystemRandom.fill(&mut []);
}

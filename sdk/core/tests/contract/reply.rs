use std::time::Duration;

use quittance::{Effect, Fault, Kind, Reply, Result};
use serde::Deserialize;

use crate::support::{Answer, World, json, ready, with_header};

fn reply(answer: Answer) -> Reply {
    let world = World::new([answer]);
    ready(world.cx().get("https://api.shop.test/").send()).unwrap()
}

fn body(bytes: impl Into<quittance::Bytes>) -> Reply {
    reply(with_header(200, "x-nothing", "1", bytes))
}

/// What the status means, written once more from the rules and not from the code.
fn meaning(status: u16) -> (Kind, Effect) {
    match status {
        401 | 403 | 407 => (Kind::Credentials, Effect::None),
        404 | 410 => (Kind::NotFound, Effect::None),
        409 => (Kind::Conflict, Effect::None),
        425 | 429 => (Kind::RateLimited, Effect::None),
        // The provider gave up waiting: what it read by then is not known.
        408 => (Kind::Network, Effect::Unknown),
        _ if status / 100 == 4 => (Kind::Invalid, Effect::None),
        _ if status / 100 == 5 => (Kind::Unavailable, Effect::Unknown),
        _ => (Kind::Protocol, Effect::Unknown),
    }
}

#[test]
fn every_status_has_one_meaning() {
    for status in 200..600 {
        let error = reply(json(status, "{}")).fault_with(Fault::default());
        assert_eq!((error.kind(), error.effect()), meaning(status), "{status}");
        assert_eq!((error.status(), error.code()), (Some(status), None));
        assert!(error.message().ends_with(&format!("(HTTP {status})")), "{error}");
    }
}

#[test]
fn a_fault_keeps_what_the_body_says_and_survives_any_body() {
    #[derive(Deserialize)]
    struct Problem {
        code: String,
    }
    let read =
        |problem: Problem| Fault { code: Some(problem.code), message: Some(" no ".into()), field: Some("f".into()) };
    let error = reply(json(422, r#"{"code":"E7"}"#)).fault(read);
    assert_eq!((error.code(), error.field()), (Some("E7"), Some("f")));
    assert_eq!(error.message(), "the provider refused the request: no");
    let silent = reply(json(422, "{}")).fault_with(Fault { message: Some(" ".into()), ..Fault::default() });
    assert_eq!(silent.message(), "the provider refused the request (HTTP 422)");
    for text in ["", "<html>", "[]", r#"{"code":7}"#, "\u{0}"] {
        let error = reply(json(503, text)).fault(read);
        assert_eq!((error.kind(), error.code(), error.field()), (Kind::Unavailable, None, None));
    }
}

#[test]
fn the_wait_that_the_provider_asks_for() {
    let wait = |text: &str| reply(with_header(429, "retry-after", text, "")).retry_after().map(|wait| wait.as_secs());
    assert_eq!(wait("7"), Some(7));
    assert_eq!(wait(" 0 "), Some(0));
    assert_eq!(wait("999999999"), Some(86_400));
    assert_eq!(wait("Sun, 22 Nov 2026 10:00:30 GMT"), Some(30));
    assert_eq!(wait("Sun, 22 Nov 2026 09:00:00 GMT"), Some(0));
    assert_eq!(wait("Fri, 22 Nov 2126 09:00:00 GMT"), Some(86_400));
    for text in ["", "-1", "1.5", "soon", "99999999999999999999999"] {
        assert_eq!(wait(text), None, "{text}");
    }
    let error = reply(with_header(429, "retry-after", "7", "")).fault_with(Fault::default());
    assert_eq!((error.retry_after(), error.retryable()), (Some(Duration::from_secs(7)), true));
}

#[derive(Debug, Deserialize, PartialEq)]
struct Item {
    id: String,
}

#[derive(Debug, Deserialize, PartialEq)]
struct Sparse {
    id: Option<String>,
}

/// Unreadable, and the provider may have acted.
#[track_caller]
fn unreadable<T: std::fmt::Debug>(result: Result<T>) {
    let error = result.unwrap_err();
    assert_eq!((error.kind(), error.effect()), (Kind::Protocol, Effect::Unknown), "{error}");
}

#[test]
fn json_is_read_strictly() {
    let item = Item { id: "a".into() };
    assert_eq!(body("\u{feff}{\"id\":\"a\"}").json::<Item>().unwrap(), item);
    assert_eq!(body(r#"{"more":1,"id":"a","more":2}"#).json::<Item>().unwrap(), item);
    assert_eq!(body(r#"{"more":"]]]][[[[\"{{","id":"a"}"#).json::<Item>().unwrap(), item);
    unreadable(body(r#"{"id":"a","id":"b"}"#).json::<Item>());
    unreadable(body(r#"{"id":"a","id":"a"}"#).json::<Item>());
    for text in ["", "  \r\n", "null", "{}", r#"{"id":7}"#, r#"{"id":"a"} x"#, r#"{"id":"a"#, r#"{"id":"a",}"#, "NaN"] {
        unreadable(body(text).json::<Item>());
    }
    unreadable(body(&b"{\"id\":\"\xff\"}"[..]).json::<Item>());
    unreadable(body(&b"\xff\xfe{\x00"[..]).json::<Item>());
    for kind in ["text/html", "text/html; charset=utf-8", " Text/HTML"] {
        unreadable(reply(with_header(200, "content-type", kind, r#"{"id":"a"}"#)).json::<Item>());
    }
    let error = body(r#"{"id":{"secret":"hunter2"}}"#).json::<Item>().unwrap_err();
    assert!(!error.to_string().contains("hunter2"), "{error}");
    assert!(body("{}").json::<Item>().unwrap_err().message().contains("id is missing"));
}

#[test]
fn what_nests_too_deep_is_refused_also_where_nobody_reads_it() {
    let deep = |open: &str, close: &str, levels: usize| format!("{}{}", open.repeat(levels), close.repeat(levels));
    for text in [
        format!(r#"{{"id":"a","more":{}}}"#, deep("[", "]", 5_000)),
        format!(r#"{{"id":"a","more":{}0{}}}"#, "{\"a\":".repeat(5_000), "}".repeat(5_000)),
        "[".repeat(5_000),
    ] {
        unreadable(body(text).json::<Item>());
    }
    assert!(body(format!(r#"{{"id":"a","more":{}}}"#, deep("[", "]", 127))).json::<Item>().is_ok());
    let told = |text: String| body(text).json::<Item>().unwrap_err().message().to_owned();
    assert!(told("[".repeat(5_000)).contains("nests too deep"));
    assert!(told(format!(r#"{{"id":"a","more":{}}}"#, deep("[", "]", 128))).contains("nests too deep"));
    assert!(told("[\"]\",".repeat(200) + &"]".repeat(200)).contains("nests too deep"));
    // Many that stand beside each other, or in a text, do not nest.
    for more in [
        format!("[{}0]", "[],".repeat(200)),
        format!("\"{}\"", "[".repeat(200)),
        format!("\"\\\"{}\"", "{".repeat(200)),
    ] {
        assert!(body(format!(r#"{{"id":"a","more":{more}}}"#)).json::<Item>().is_ok(), "{more}");
    }
    let elements = |levels: usize| format!("<r><id>a</id>{}</r>", deep("<a>", "</a>", levels - 1));
    assert!(body(elements(128)).xml::<Item>().is_ok());
    unreadable(body(elements(129)).xml::<Item>());
    for text in
        [deep("<a>", "</a>", 5_000), format!("<r><id>a</id>{}</r>", deep("<a>", "</a>", 5_000)), "<a>".repeat(5_000)]
    {
        unreadable(body(text).xml::<Item>());
    }
}

#[test]
fn xml_is_read_strictly() {
    let item = Item { id: "a".into() };
    assert_eq!(body("\u{feff}<?xml version=\"1.0\"?>\n<r><more/><id>a</id></r>").xml::<Item>().unwrap(), item);
    let named = "<!DOCTYPE r SYSTEM \"https://dtd.test/r.dtd\"><r><id>a</id></r>";
    assert_eq!(body(named).xml::<Item>().unwrap(), item);
    assert_eq!(body("<r/>").xml::<Sparse>().unwrap(), Sparse { id: None });
    for text in ["", "a", "<r>"] {
        unreadable(body(text).xml::<Sparse>());
    }
    for text in [
        "",
        "a",
        "<r><id>a</id>",
        "<r><id>a</r></id>",
        "<r></r>",
        "<r><id>a</id><id>b</id></r>",
        "<!DOCTYPE r [<!ENTITY a \"b\">]><r><id>&a;</id></r>",
        "<!DOCTYPE r [<!ENTITY a \"b\">]><r><id>a</id></r>",
        "<r><id>a</id></r><r><id>b</id></r>",
        "<r><id>&undeclared;</id></r>",
    ] {
        unreadable(body(text).xml::<Item>());
    }
    unreadable(body(&b"<r><id>\xff</id></r>"[..]).xml::<Item>());
    unreadable(reply(with_header(200, "content-type", "text/html", "<r><id>a</id></r>")).xml::<Item>());
}

#[test]
fn forms_keep_their_order() {
    let pairs = |text: &str| vec![text.to_owned(), "1".to_owned()];
    let form: Vec<Vec<String>> = body("b=1&a=1&b=1").form().unwrap().into_iter().map(|(n, v)| vec![n, v]).collect();
    assert_eq!(form, [pairs("b"), pairs("a"), pairs("b")]);
    unreadable(body(&b"a=\xff"[..]).form());
}

#[test]
fn a_reply_does_not_show_its_body() {
    let shown = format!("{:?}", body("hunter2"));
    assert!(shown.contains("200") && !shown.contains("hunter2"), "{shown}");
}

#[test]
fn an_answer_says_how_long_it_may_be_kept() {
    let kept = |control: &str, age: &str| {
        let mut answer = with_header(200, "cache-control", control, "{}").unwrap();
        if !age.is_empty() {
            answer.headers_mut().insert("age", age.parse().unwrap());
        }
        reply(Ok(answer)).max_age().as_secs()
    };
    assert_eq!(kept("public, max-age=600", ""), 600);
    assert_eq!(kept("Max-Age=600,public", "100"), 500);
    assert_eq!(kept("max-age=600", "601"), 0);
    assert_eq!(kept("max-age=600", "soon"), 0);
    assert_eq!(kept("max-age=99999999999", ""), 31_536_000);
    for none in ["", "public", "max-age=-1", "max-age=600, no-store", "no-cache, max-age=600", "s-maxage=600"] {
        assert_eq!(kept(none, ""), 0, "{none}");
    }
}

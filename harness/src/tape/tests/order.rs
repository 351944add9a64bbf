use super::{player, request, tape, values};
use crate::tape::{Settle, Spoil};

const TAPE: &str = "
[[exchange]]
step = 1
request = { method = \"POST\", url = \"https://api.acme.test/pay\" }
response = { status = 201, headers = { x-a = \"1\" }, body = '{\"id\":\"${gen:id}\"}' }
[[exchange]]
step = 1
request = { method = \"POST\", url = \"https://api.acme.test/pay/${gen:id}/take\" }
response = { status = 202 }
[[exchange]]
step = 1
settle = true
request = { method = \"GET\", url = \"https://api.acme.test/pay/${gen:id}\" }
response = { status = 200 }
[[exchange]]
step = 3
request = { method = \"GET\", url = \"https://api.acme.test/last\" }
response = { status = 200 }
[[webhook]]
step = 3
body = '{\"id\":\"${gen:id}\"}'
[[return]]
step = 3
parameters = { z = \"${gen:token}\", a = [\"1\", \"${reference:1}\"] }
";

fn send(
    player: &mut crate::tape::Player,
    method: &str,
    path: &str,
) -> Result<http::Response<bytes::Bytes>, Vec<crate::tape::Mismatch>> {
    player.exchange(&request(method, &format!("https://api.acme.test{path}"), &[], ""))
}

fn id_of(answer: &http::Response<bytes::Bytes>) -> String {
    std::str::from_utf8(answer.body()).unwrap().split('"').nth(3).unwrap().to_owned()
}

#[test]
fn exchanges_come_in_order_and_by_step() {
    let mut run = player(&tape(TAPE));
    assert_eq!((run.expected(), run.remaining(), run.settle()), (Some(0), 2, Settle::Retrieve));
    let id = id_of(&send(&mut run, "POST", "/pay").unwrap());
    assert_eq!((run.expected(), run.remaining()), (Some(1), 1));
    assert_eq!(send(&mut run, "POST", "/pay").unwrap_err()[0].path, "url");
    let answer = send(&mut run, "POST", &format!("/pay/{id}/take")).unwrap();
    assert_eq!((answer.status().as_u16(), run.expected(), run.remaining()), (202, None, 0));
    let surplus = send(&mut run, "GET", &format!("/pay/{id}")).unwrap_err();
    assert_eq!(
        (surplus[0].path.as_str(), surplus[0].expected.as_str()),
        ("exchange", "no request before step 1 settles")
    );
    run.begin_settle();
    assert_eq!((run.expected(), run.remaining()), (Some(2), 1));
    send(&mut run, "GET", &format!("/pay/{id}")).unwrap();
    assert_eq!((run.remaining(), run.settle()), (0, Settle::None));
    run.end_step().unwrap();

    run.begin_step(2, values(2));
    let surplus = send(&mut run, "GET", "/last").unwrap_err();
    assert_eq!(
        surplus[0].to_string(),
        "exchange: expected no further request in step 2, found GET https://api.acme.test/last"
    );
    run.end_step().unwrap();

    run.begin_step(3, values(3));
    send(&mut run, "GET", "/last").unwrap();
    assert_eq!(run.settle(), Settle::Return);
    let parameters = run.returned(3).unwrap().unwrap();
    assert_eq!(parameters.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["z", "a", "a"]);
    assert_eq!((parameters[0].1.len(), parameters[2].1.as_str()), (24, "R1-0123456789"));
    assert_eq!(run.returned(3), Ok(None));
    assert_eq!(run.settle(), Settle::Webhook);
    assert_eq!(run.webhook(3, Spoil::Not).unwrap().body, format!("{{\"id\":\"{id}\"}}"));
    assert_eq!(run.settle(), Settle::None);
    run.end_step().unwrap();
    run.finish().unwrap();
    assert!(send(&mut run, "GET", "/last").is_err());
    assert_eq!(run.transcript().len(), 8);
    let indexes: Vec<Option<usize>> = run.transcript().iter().map(|record| record.exchange).collect();
    assert_eq!(indexes, [Some(0), Some(1), Some(1), None, Some(2), None, Some(3), None]);
}

#[test]
fn what_is_left_over_is_reported_once_with_its_place() {
    let mut run = player(&tape(TAPE));
    send(&mut run, "POST", "/pay").unwrap();
    let left = run.end_step().unwrap_err();
    assert_eq!(left.len(), 2);
    assert!(
        left[0].expected.starts_with("POST https://api.acme.test/pay/")
            && left[0].expected.ends_with("capture.partial.toml:7)"),
        "{left:?}"
    );
    assert!(left[1].expected.contains("to settle"), "{left:?}");
    run.end_step().unwrap();
    let left = run.finish().unwrap_err();
    let at: Vec<&str> = left.iter().map(|mismatch| mismatch.path.as_str()).collect();
    assert_eq!(at, ["exchange", "webhook", "return"]);
    run.finish().unwrap();
}

#[test]
fn settling_cannot_begin_early() {
    let mut run = player(&tape(TAPE));
    run.begin_settle();
    assert_eq!((run.expected(), run.remaining()), (None, 0));
    let found = send(&mut run, "GET", "/pay/x").unwrap_err();
    assert_eq!(found[0].expected, "the exchanges of the operation before those that settle it");
    let mut run = player(&tape(TAPE));
    run.begin_step(3, values(3));
    let found = send(&mut run, "GET", "/last").unwrap_err();
    assert_eq!(found[0].expected, "first the exchange of step 1 that is left over");
}

#[test]
fn a_later_step_finds_the_card_of_an_earlier_one() {
    let text = "[[exchange]]\nstep = 2\nrequest = { method = \"GET\", url = \"https://api.acme.test/${card:last4}\" }\nresponse = { status = 200 }\n";
    let mut run = player(&tape(text));
    run.begin_step(2, values(2));
    send(&mut run, "GET", "/4242").unwrap();
}

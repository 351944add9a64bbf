use quittance::drive::{Exchange, Step, Wire, drive};
use quittance::http::{Request, Response, StatusCode};
use quittance::{Bytes, Connector, Context, Effect, Failure, Guard, Kind, Lookup, MemoryTokens, Retrieve, SystemClock};

use crate::shop::{FULL, Shop};
use crate::support::{Answer, Dice, json, pay, purchase};

const SEED_BODIES: [&str; 4] = [
    r#"{"id":"pay_1","state":"captured","amount":1050,"captured":1050,"currency":"eur","reference":"order-1"}"#,
    r#"{"id":"pay_1","state":"declined","code":"51","text":"card 4242424242424242"}"#,
    r#"{"code":"E1","message":"no","id":"pay_1"}"#,
    "<html>Bad Gateway</html>",
];

/// A body with a few bytes changed, doubled or cut off.
fn body(dice: &Dice) -> Vec<u8> {
    let mut bytes = SEED_BODIES[pick(dice, SEED_BODIES.len())].as_bytes().to_vec();
    for _ in 0..pick(dice, 3) {
        let at = pick(dice, bytes.len().max(1));
        match pick(dice, 4) {
            0 => bytes.truncate(at),
            1 => bytes.insert(at.min(bytes.len()), dice.roll().to_be_bytes()[0]),
            2 => bytes.extend_from_within(at.min(bytes.len())..),
            _ => bytes.iter_mut().skip(at).take(1).for_each(|byte| *byte ^= dice.roll().to_be_bytes()[1]),
        }
    }
    bytes
}

fn pick(dice: &Dice, below: usize) -> usize {
    usize::try_from(dice.roll() >> 16).unwrap() % below
}

fn answer(dice: &Dice) -> Answer {
    match pick(dice, 8) {
        0 => Err(Failure::Reset),
        1 => Err(Failure::Refused("no route".into())),
        _ => {
            let status = [200, 200, 200, 201, 302, 402, 404, 429, 500][pick(dice, 9)];
            let mut reply = Response::new(Bytes::from(body(dice)));
            *reply.status_mut() = StatusCode::from_u16(status).unwrap();
            if let Ok(value) = quittance::http::HeaderValue::from_bytes(&dice.roll().to_be_bytes()) {
                let name = ["content-type", "retry-after", "x-other"][pick(dice, 3)];
                reply.headers_mut().insert(name, value);
            }
            Ok(reply)
        }
    }
}

#[test]
fn no_reply_makes_a_call_panic_or_lie() {
    let dice = Dice::new(0xd1ce);
    let (shop, request) = (Guard::new(Shop::of(&FULL)), purchase());
    let (mut answered, mut failed) = (0, 0);
    for _ in 0..20_000 {
        let (wire, tokens) = (Wire::default(), MemoryTokens::default());
        let cx = Context::new(&wire, &SystemClock, &dice, &tokens);
        let (mut status, mut may_have_acted) = (None, false);
        let result = drive(&wire, shop.authorize(&cx, &request), |_: Request<Bytes>| {
            let answer = answer(&dice);
            status = answer.as_ref().ok().map(|reply| reply.status().as_u16());
            may_have_acted = !matches!((&answer, status), (Err(Failure::Refused(_)), _) | (_, Some(400..=499)));
            answer
        });
        match result {
            Ok(payment) => {
                answered += 1;
                assert!(matches!(status, Some(200 | 201)), "{status:?} became {payment:?}");
                assert!(payment.amount.is_none_or(|amount| amount == request.amount));
                assert!(!format!("{payment:?}").contains("4242424242424242"));
            }
            Err(error) => {
                failed += 1;
                assert_eq!(error.effect() == Effect::Unknown, may_have_acted, "{status:?}: {error:?}");
            }
        }
    }
    assert!(answered > 1_000 && failed > 1_000, "{answered} answered, {failed} failed");
}

#[test]
fn a_call_goes_one_exchange_at_a_time() {
    let (wire, tokens, dice) = (Wire::default(), MemoryTokens::default(), Dice::new(1));
    let cx = Context::new(&wire, &SystemClock, &dice, &tokens);
    let shop = Shop::of(&FULL);
    let lookup = Retrieve { by: Lookup::Handle(pay()) };
    let mut exchange = Exchange::new(&wire, shop.retrieve(&cx, &lookup));
    let Step::Send(request) = exchange.start() else { panic!("nothing was sent") };
    assert_eq!((request.method().as_str(), request.uri().path()), ("GET", "/payments/pay_1"));
    let Step::Done(result) = exchange.reply(json(200, SEED_BODIES[0])) else { panic!("more was sent") };
    assert_eq!(result.unwrap().handle, pay());
}

#[test]
fn a_call_that_waits_for_something_else_ends_in_an_error() {
    let wire = Wire::default();
    let stuck = std::future::pending::<quittance::Result<()>>();
    let error = drive(&wire, stuck, |_| Err(Failure::Reset)).unwrap_err();
    assert_eq!((error.kind(), error.effect()), (Kind::Protocol, Effect::Unknown));
    let stuck = std::future::pending::<quittance::Result<()>>();
    assert!(matches!(Exchange::new(&wire, stuck).start(), Step::Done(Err(_))));
}

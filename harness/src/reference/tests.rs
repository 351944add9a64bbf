//! The connector against the simulated provider: what one sends, the other takes, and the ledger keeps.

use quittance::drive::{Wire, drive};
use quittance::{Connector, Context, Error, Kind, MemoryTokens, Op};
use serde_json::{Value, json};

use super::ENTRY;
use super::provider::{SimulatedProvider, Standing};
use crate::invoke::Request;
use crate::run::stage::{SeededRandom, VirtualClock};
use crate::view::Outcome;

struct Shop {
    connector: Box<dyn Connector>,
    provider: SimulatedProvider,
    tokens: MemoryTokens,
    random: SeededRandom,
}

impl Shop {
    fn open() -> Shop {
        let credentials = json!({
            "client_id": "quittance-reference", "client_secret": "client-secret", "signing_key": "signing-key",
            "webhook_secret": "webhook-secret", "wallet_key": "wallet-key",
        });
        Shop {
            connector: ENTRY.connect(credentials).unwrap(),
            provider: SimulatedProvider::new("signing-key"),
            tokens: MemoryTokens::default(),
            random: SeededRandom::new(1),
        }
    }

    fn call(&mut self, op: Op, input: Value) -> Result<Outcome, Error> {
        let request = Request::from_json(op, input).unwrap();
        let (wire, clock) = (Wire::default(), VirtualClock::new());
        let cx = Context::new(&wire, &clock, &self.random, &self.tokens);
        let call = request.call(self.connector.as_ref(), &cx);
        drive(&wire, call, |sent| Ok(self.provider.answer(&sent)))
    }

    fn charge(&mut self, key: &str, minor: i64, capture: &str, card: &str) -> Result<Outcome, Error> {
        let method = json!({ "card": { "number": card, "expiry": { "month": 12, "year": 2030 }, "cvc": "123" } });
        let amount = json!({ "minor": minor, "currency": "HUF" });
        self.call(
            Op::Authorize,
            json!({ "key": key, "reference": format!("R-{key}"), "amount": amount, "method": method, "capture": capture }),
        )
    }

    fn change(&mut self, op: Op, key: &str, payment: &str, minor: i64) -> Result<Outcome, Error> {
        let amount = json!({ "minor": minor, "currency": "HUF" });
        let input = json!({ "key": key, "reference": format!("R-{key}"), "payment": payment, "amount": amount });
        self.call(op, input)
    }
}

const APPROVED: &str = "4111111111111111";

fn kind(result: Result<Outcome, Error>) -> Option<Kind> {
    result.err().map(|error| error.kind())
}

#[test]
fn the_ledger_keeps_what_was_taken_and_given_back() {
    let mut shop = Shop::open();
    let payment = shop.charge("k1", 10_000, "manual", APPROVED).unwrap().id().unwrap();
    assert_eq!(kind(shop.change(Op::Capture, "k2", &payment, 10_100)), Some(Kind::Invalid));
    assert_eq!(shop.change(Op::Capture, "k3", &payment, 4_000).unwrap().state(), "captured");
    assert_eq!(shop.change(Op::Capture, "k4", &payment, 6_000).unwrap().state(), "captured");
    assert_eq!(kind(shop.change(Op::Capture, "k5", &payment, 100)), Some(Kind::Conflict));
    assert_eq!(shop.change(Op::Refund, "k6", &payment, 2_500).unwrap().state(), "succeeded");
    assert_eq!(kind(shop.change(Op::Refund, "k7", &payment, 7_600)), Some(Kind::Invalid));
    let void = shop.call(Op::Void, json!({ "key": "k8", "reference": "R-k8", "payment": payment }));
    assert_eq!(kind(void), Some(Kind::Conflict));
    let held = shop.provider.payment(&payment).unwrap();
    assert_eq!((held.authorised_minor, held.captured_minor, held.refunded_minor), (10_000, 10_000, 2_500));
    assert_eq!(shop.provider.violations(), Vec::<String>::new());
}

#[test]
fn a_key_charges_once_and_for_one_request_only() {
    let mut shop = Shop::open();
    let first = shop.charge("k1", 6_000, "automatic", APPROVED).unwrap().id();
    assert_eq!(shop.charge("k1", 6_000, "automatic", APPROVED).unwrap().id(), first);
    assert_eq!(shop.provider.charges_of_key("k1"), 1);
    assert_eq!(kind(shop.charge("k1", 6_100, "automatic", APPROVED)), Some(Kind::Conflict));
    assert_eq!(shop.provider.payments_of("R-k1").count(), 1);
    let found = shop.call(Op::Retrieve, json!({ "by": { "reference": "R-k1" } })).unwrap();
    assert_eq!((found.id(), found.state()), (first, "captured"));
}

#[test]
fn cards_mandates_and_payouts_end_as_they_should() {
    let mut shop = Shop::open();
    let declined = shop.charge("k1", 6_000, "automatic", "4895370000000031").map(|outcome| outcome.state());
    assert_eq!(declined.ok(), Some("declined"));
    let held = shop.provider.payments_of("R-k1").next().unwrap();
    assert_eq!((held.standing, held.authorised_minor), (Standing::Declined("insufficient_funds"), 0));
    let recipient = json!({ "bank": { "brand": "sepa", "account": { "number": "HU42117730161111101800000000", "holder": "Ada Example" } } });
    let amount = json!({ "minor": 6_000, "currency": "HUF" });
    let input = json!({ "key": "k2", "reference": "R-k2", "amount": amount, "recipient": recipient });
    assert_eq!(shop.call(Op::PayOut, input).unwrap().state(), "succeeded");
    assert_eq!(kind(shop.call(Op::Retrieve, json!({ "by": { "handle": "pay_none" } }))), Some(Kind::NotFound));
}

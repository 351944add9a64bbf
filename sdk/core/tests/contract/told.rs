//! What the guard makes of each text, id and amount of an answer, whatever the operation: deliveries hold every kind of them.

use std::sync::Arc;

use quittance::{
    Answer, AnswerDispute, Authorize, CaptureMode, CardRules, Client, Complete, Connector, Context, Decline, Delivery,
    Dispute, DisputeRules, DisputeState, Effect, Event, EventBody, Family, Guard, Handle, Key, Kind, Mandate,
    MandateState, Method, MethodKind, Network, NextAction, Op, OpenSession, Payment, Payout, Reason, Refund, Refusal,
    Result, Secret, Session, SetUp, Spec, State, ThreeDs, ThreeDsRules, TransferState, async_trait,
};
use serde_json::json;

use crate::client::Ledger;
use crate::guard::complete;
use crate::shop::{FULL, TOKEN};
use crate::support::{PAN, World, eur, key, ready};

const SPEC: Spec = Spec {
    operations: &[Op::Authorize, Op::SetUp, Op::OpenSession, Op::AnswerDispute, Op::Webhook],
    methods: &[
        MethodKind::of(Family::Card),
        MethodKind::of(Family::NetworkToken),
        MethodKind::of(Family::ApplePay),
        MethodKind::of(Family::GooglePay),
        MethodKind::branded(Family::BankDebit, "sepa"),
    ],
    mandates: &[MethodKind::of(Family::NetworkToken)],
    cards: CardRules { number: false, token: true },
    three_ds: ThreeDsRules { challenge: false, external: true },
    disputes: DisputeRules { accept: true, contest: false },
    ..FULL
};

/// Answers with what it was given, in a call that knows [`TOKEN`].
#[derive(Default)]
struct Telling {
    events: Vec<Event>,
    session: Option<Handle>,
    echo: String,
}

#[async_trait]
impl Connector for Telling {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    async fn authorize(&self, _: &Context<'_>, _: &Authorize) -> Result<Payment> {
        let decline = Decline { message: Some(self.echo.clone()), ..Decline::new(Reason::Generic) };
        Ok(Payment::new(Handle::new("pay_1"), State::Declined(decline)))
    }

    async fn set_up(&self, _: &Context<'_>, request: &SetUp) -> Result<Mandate> {
        let network = Network { response_code: Some("85".to_owned()), ..Network::default() };
        let reference = Some(request.reference.clone());
        let paid = Payment { reference, network, mandate: Some(handle()), ..payment(State::Authorized) };
        Ok(Mandate::of_payment(paid))
    }

    async fn answer_dispute(&self, _: &Context<'_>, _: &AnswerDispute) -> Result<Dispute> {
        Ok(Dispute::new(handle(), DisputeState::Unrecognised("new".to_owned())))
    }

    async fn open_session(&self, cx: &Context<'_>, _: &OpenSession) -> Result<Session> {
        cx.protect(TOKEN);
        Ok(Session { handle: self.session.clone(), token: Secret::new("client"), expires: None })
    }

    async fn webhook(&self, cx: &Context<'_>, _: &Delivery) -> Result<Vec<Event>> {
        cx.protect(TOKEN);
        Ok(self.events.clone())
    }
}

fn event(body: EventBody) -> Event {
    Event { id: None, at: None, name: "changed".to_owned(), body }
}

fn read(event: Event) -> Result<Vec<Event>> {
    let (world, telling) = (World::new([]), Telling { events: vec![event], ..Telling::default() });
    let delivery = Delivery::new(quittance::http::HeaderMap::new(), "");
    ready(Guard::new(telling).webhook(&world.cx(), &delivery))
}

fn secret() -> Option<String> {
    Some(TOKEN.to_owned())
}

fn decline() -> Decline {
    let reason = Reason::Generic;
    Decline { reason, code: secret(), message: secret(), network_code: secret(), advice_code: secret() }
}

fn handle() -> Handle {
    Handle::new("id_1")
}

fn payment(state: State) -> Payment {
    Payment::new(handle(), state)
}

fn mandate(state: MandateState) -> Mandate {
    Mandate::new(handle(), state)
}

fn dispute() -> Dispute {
    Dispute::new(handle(), DisputeState::Lost)
}

#[test]
fn free_texts_of_every_answer_are_masked() {
    let network = || Network {
        response_code: secret(),
        advice_code: secret(),
        avs: secret(),
        cvc: secret(),
        ..Network::default()
    };
    let raw = || TOKEN.to_owned();
    let unknown = DisputeState::Unrecognised(raw());
    for (body, texts) in [
        (EventBody::Payment(Payment { network: network(), ..payment(State::Declined(decline())) }), 8),
        (EventBody::Payment(payment(State::Unrecognised(raw()))), 1),
        (EventBody::Refund(Refund::new(handle(), TransferState::Failed(decline()))), 4),
        (EventBody::Refund(Refund::new(handle(), TransferState::Unrecognised(raw()))), 1),
        (EventBody::Payout(Payout::new(handle(), TransferState::Failed(decline()))), 4),
        (EventBody::Mandate(Mandate { network: network(), ..mandate(MandateState::Declined(decline())) }), 8),
        (EventBody::Mandate(mandate(MandateState::Unrecognised(raw()))), 1),
        (EventBody::Dispute(Dispute { reason_code: secret(), state: unknown, ..dispute() }), 2),
        (EventBody::Refusal(Refusal { op: Op::Capture, payment: handle(), decline: decline() }), 4),
        (EventBody::Ignored, 0),
    ] {
        let shown = format!("{:?}", read(Event { name: raw(), ..event(body) }).unwrap());
        assert_eq!((shown.matches("[secret]").count(), shown.contains(TOKEN)), (texts + 1, false), "{shown}");
    }
}

#[test]
fn what_must_stay_as_it_is_holds_no_secret() {
    let told = || Handle::new(TOKEN);
    let text = || TOKEN.to_owned();
    let fields = || vec![("a".to_owned(), TOKEN.to_owned())];
    let url = || "https://shop.test/".to_owned();
    let actions = [
        NextAction::Redirect { url: text() },
        NextAction::PostForm { url: url(), fields: fields() },
        NextAction::ThreeDs { url: url(), fields: fields() },
        NextAction::Qr { text: text(), expires: None },
        NextAction::Voucher { reference: text(), url: None, expires: None },
        NextAction::Voucher { reference: "1".to_owned(), url: secret(), expires: None },
    ];
    let networks = [
        Network { transaction_id: secret(), ..Network::default() },
        Network { authorization_code: secret(), ..Network::default() },
        Network { eci: secret(), ..Network::default() },
    ];
    let paid = || payment(State::Captured);
    let refund = || Refund::new(handle(), TransferState::Pending);
    let mut bodies = vec![
        EventBody::Payment(Payment::new(told(), State::Captured)),
        EventBody::Payment(Payment::new(handle().with("capture", TOKEN), State::Captured)),
        EventBody::Payment(Payment { reference: secret(), ..paid() }),
        EventBody::Payment(Payment { mandate: Some(told()), ..paid() }),
        EventBody::Refund(Refund { payment: Some(told()), ..refund() }),
        EventBody::Refund(Refund { reference: secret(), ..refund() }),
        EventBody::Payout(Payout { reference: secret(), ..Payout::new(handle(), TransferState::Pending) }),
        EventBody::Mandate(Mandate::new(told(), MandateState::Active)),
        EventBody::Mandate(Mandate { reference: secret(), ..mandate(MandateState::Active) }),
        EventBody::Dispute(Dispute::new(told(), DisputeState::Won)),
        EventBody::Dispute(Dispute { payment: Some(told()), ..dispute() }),
        EventBody::Refusal(Refusal { op: Op::Void, payment: told(), decline: Decline::new(Reason::Generic) }),
    ];
    for action in actions {
        bodies.push(EventBody::Payment(payment(State::ActionRequired(action.clone()))));
        bodies.push(EventBody::Refund(Refund::new(handle(), TransferState::ActionRequired(action.clone()))));
        bodies.push(EventBody::Payout(Payout::new(handle(), TransferState::ActionRequired(action.clone()))));
        bodies.push(EventBody::Mandate(mandate(MandateState::ActionRequired(action))));
    }
    for network in networks {
        bodies.push(EventBody::Payment(Payment { network: network.clone(), ..paid() }));
        bodies.push(EventBody::Mandate(Mandate { network, ..mandate(MandateState::Active) }));
    }
    let events = bodies.into_iter().map(event).chain([Event { id: secret(), ..event(EventBody::Ignored) }]);
    for event in events {
        let told = format!("{event:?}");
        assert_eq!(read(event).unwrap_err().kind(), Kind::Protocol, "{told}");
    }
    let (world, telling) = (World::new([]), Telling { session: Some(told()), ..Telling::default() });
    let opened = OpenSession {
        key: key(),
        reference: "order-1".into(),
        amount: eur(1050),
        capture: CaptureMode::Automatic,
        customer: quittance::Customer::default(),
        return_url: None,
        domain: None,
        validation_url: None,
    };
    assert_eq!(ready(Guard::new(telling).open_session(&world.cx(), &opened)).unwrap_err().kind(), Kind::Protocol);
}

#[test]
fn every_answer_has_an_id_and_no_amount_below_zero() {
    let none = || Handle::new("");
    let below = || Some(eur(-1));
    let paid = || payment(State::Captured);
    let refund = || Refund::new(handle(), TransferState::Pending);
    for (body, kind) in [
        (EventBody::Payment(Payment::new(none(), State::Captured)), Kind::Protocol),
        (EventBody::Payment(Payment { mandate: Some(none()), ..paid() }), Kind::Protocol),
        (EventBody::Payment(Payment { amount: below(), ..paid() }), Kind::Integrity),
        (EventBody::Payment(Payment { captured: below(), ..paid() }), Kind::Integrity),
        (EventBody::Payment(Payment { captured_now: below(), ..paid() }), Kind::Integrity),
        (EventBody::Payment(Payment { refunded: below(), ..paid() }), Kind::Integrity),
        (EventBody::Refund(Refund { payment: Some(none()), ..refund() }), Kind::Protocol),
        (EventBody::Refund(Refund { amount: below(), ..refund() }), Kind::Integrity),
        (EventBody::Payout(Payout::new(none(), TransferState::Pending)), Kind::Protocol),
        (
            EventBody::Payout(Payout { amount: below(), ..Payout::new(handle(), TransferState::Pending) }),
            Kind::Integrity,
        ),
        (EventBody::Mandate(Mandate::new(none(), MandateState::Active)), Kind::Protocol),
        (EventBody::Dispute(Dispute { payment: Some(none()), ..dispute() }), Kind::Protocol),
        (EventBody::Dispute(Dispute { amount: below(), ..dispute() }), Kind::Integrity),
    ] {
        let told = format!("{body:?}");
        let error = read(event(body)).unwrap_err();
        assert_eq!((error.kind(), error.effect()), (kind, Effect::Unknown), "{told}");
    }
    assert!(read(event(EventBody::Payment(Payment { refunded: Some(eur(0)), ..paid() }))).is_ok());
}

const CRYPTOGRAM: &str = "BwcHBwcHBwcHBwcHBwcHBwcHBwc=";
/// The cryptogram of an authentication that was done elsewhere.
const AUTHENTICATION: &str = "CAgICAgICAgICAgICAgICAgICAg=";

/// What is made of `echo` when a purchase with `method` is declined in these words.
fn declined(method: serde_json::Value, echo: &str) -> Result<Payment> {
    let (world, telling) = (World::new([]), Telling { echo: echo.to_owned(), ..Telling::default() });
    let method: Method = serde_json::from_value(method).unwrap();
    let three_ds = json!({ "external": { "version": "2.2.0", "eci": "05", "cryptogram": AUTHENTICATION, "ds_transaction_id": "1" } });
    let three_ds = serde_json::from_value(three_ds).unwrap();
    let purchase = Authorize { three_ds, ..Authorize::new(Key::new("key-1"), "order-1", eur(1050), method) };
    ready(Guard::new(telling).authorize(&world.cx(), &purchase))
}

#[test]
fn what_a_customer_pays_with_is_masked_in_the_answer() {
    const IBAN: &str = "DE89370400440532013000";
    let wallet = json!({ "version": "EC_v1", "parts": [{ "data": "inner-secret-1" }] }).to_string();
    let network = json!({
        "number": PAN, "expiry": { "month": 3, "year": 2030 }, "cryptogram": CRYPTOGRAM, "source": "network", "holder": "Ada Example"
    });
    let debit = json!({ "brand": "sepa", "account": { "number": IBAN, "holder": "Ada Example" } });
    for (method, echo, shown) in [
        (json!({ "card_token": "tok-secret-1" }), &*format!("tok-secret-1 {AUTHENTICATION}"), "[secret] [secret]"),
        (json!({ "network_token": network }), &*format!("{CRYPTOGRAM} of Ada Example"), "[secret] of [secret]"),
        (json!({ "apple_pay": { "payment_data": wallet } }), "EC_v1 with inner-secret-1", "EC_v1 with [secret]"),
        (json!({ "google_pay": { "token": wallet } }), "EC_v1 with inner-secret-1", "EC_v1 with [secret]"),
        (json!({ "bank_debit": debit }), &*format!("{IBAN} of Ada Example"), "[secret] of [secret]"),
    ] {
        let State::Declined(decline) = declined(method, echo).unwrap().state else { panic!("no decline") };
        assert_eq!(decline.message.as_deref(), Some(shown));
    }
}

fn set_up() -> SetUp {
    let number = json!({ "number": PAN, "expiry": { "month": 3, "year": 2030 }, "source": "network" });
    let asked = json!({
        "key": "key-1", "reference": "mandate-1", "currency": "EUR", "method": { "network_token": number }, "three_ds": "challenge",
        "customer": { "email": "ada@shop.test" }, "billing": { "country": "DE" }, "browser": { "ip": "192.0.2.1" },
        "return_url": "https://shop.test/back"
    });
    serde_json::from_value(asked).unwrap()
}

#[test]
fn storing_a_method_can_be_asked_for_as_a_payment_of_nothing() {
    let paid = set_up().as_payment();
    assert_eq!((paid.amount, paid.capture, paid.store), (eur(0), CaptureMode::Manual, true));
    assert!(matches!(paid.three_ds, ThreeDs::Challenge));
    assert_eq!(paid.customer.email.as_deref(), Some("ada@shop.test"));
    assert_eq!((paid.billing.country.as_deref(), paid.browser.ip.as_deref()), (Some("DE"), Some("192.0.2.1")));
    assert_eq!(paid.return_url.as_deref(), Some("https://shop.test/back"));
}

#[test]
fn a_client_hands_on_what_it_is_told_and_records_it() {
    let (world, ledger) = (World::new([]), Arc::new(Ledger::default()));
    let telling = Telling { events: vec![event(EventBody::Ignored)], ..Telling::default() };
    let connector: Box<dyn Connector> = Box::new(Guard::new(telling));
    let client = Client::new(connector, world.naps.clone()).with_sink(ledger.clone());
    let cx = world.cx();
    let mandate = ready(client.set_up(&cx, &set_up())).unwrap();
    assert_eq!((mandate.reference.as_deref(), mandate.state), (Some("mandate-1"), MandateState::Active));
    assert_eq!(mandate.network.response_code.as_deref(), Some("85"));
    let dispute = AnswerDispute { key: key(), dispute: handle(), answer: Answer::Accept };
    ready(client.answer_dispute(&cx, &dispute)).unwrap();
    let delivery = Delivery::new(quittance::http::HeaderMap::new(), "");
    assert_eq!(ready(client.webhook(&cx, &delivery)).unwrap().len(), 1);
    assert_eq!(ledger.lines(), [(Op::SetUp, "approved"), (Op::AnswerDispute, "unknown"), (Op::Webhook, "approved")]);
    let segment = ledger.all()[0].segment.clone();
    assert_eq!((segment.family, segment.bin.as_deref()), (Some(Family::NetworkToken), Some("424242")));
    assert_eq!((segment.country.as_deref(), segment.currency), (Some("DE"), Some(eur(0).currency())));
    let card = SetUp { method: Method::CardToken(Secret::new("tok_1")), ..set_up() };
    assert_eq!(ready(client.set_up(&cx, &card)).unwrap_err().kind(), Kind::Unsupported);
}

#[test]
fn a_parameter_of_a_return_is_found_by_its_name() {
    let returned = vec![("a".to_owned(), "1".to_owned()), ("b".to_owned(), "2".to_owned())];
    let complete = Complete { returned, ..complete(None) };
    assert_eq!((complete.returned("b"), complete.returned("c")), (Some("2"), None));
}

#[test]
fn a_card_goes_in_the_form_that_is_declared() {
    let card = json!({ "card": { "number": PAN, "expiry": { "month": 3, "year": 2030 } } });
    assert_eq!(declined(card, "no").unwrap_err().kind(), Kind::Unsupported);
    let world = World::new([]);
    let token = Method::CardToken(Secret::new("tok_1"));
    let purchase = Authorize::new(Key::new("key-1"), "order-1", eur(1050), token);
    let numbers = Guard::new(crate::shop::Shop::of(&FULL));
    assert_eq!(ready(numbers.authorize(&world.cx(), &purchase)).unwrap_err().kind(), Kind::Unsupported);
    assert!(world.sent().is_empty());
}

#[test]
fn what_a_connector_leaves_out_is_unsupported() {
    struct Bare;

    #[async_trait]
    impl Connector for Bare {
        fn spec(&self) -> &'static Spec {
            &SPEC
        }
    }

    let world = World::new([]);
    let delivery = Delivery::new(quittance::http::HeaderMap::new(), "");
    assert_eq!(ready(Bare.webhook(&world.cx(), &delivery)).unwrap_err().kind(), Kind::Unsupported);
}

//! What values show of themselves: in `Debug`, in words, in schemas.

use std::fmt::Debug;

use quittance::body;
use quittance::digest::{Hash, hmac};
use quittance::drive::{Exchange, Wire};
use quittance::http::HeaderMap;
use quittance::{
    Authorize, BankAccount, Client, Context, Cryptogram, Currency, Cvc, Decimal, Decline, Delivery, DisputeStage,
    Entry, Error, Expiry, Family, Guard, Handle, Key, MethodKind, Money, MoneyError, NetworkToken, NoSleep, Op, Pairs,
    Pan, Reason, Secret, Signed, State, TextOr, Tree,
};
use schemars::{JsonSchema, schema_for};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::shop::{FULL, Shop, TOKEN};
use crate::support::{CVC, PAN, World};

/// Its `Debug` text begins so, and holds no secret.
#[track_caller]
fn shows(value: &impl Debug, beginning: &str) {
    let shown = format!("{value:?}");
    assert!(shown.starts_with(beginning), "{shown}");
    for secret in [PAN, CVC, TOKEN, "Ada", "DE89370400440532013000"] {
        assert!(!shown.contains(secret), "{shown}");
    }
}

#[test]
fn debug_tells_what_a_thing_is_and_hides_what_it_holds() {
    let world = World::new([]);
    let cx = world.cx().scoped(&FULL);
    shows(&cx, "Context { limits: Limits");
    shows(&Guard::new(Shop::of(&FULL)), "Guard(shop)");
    shows(
        &Client::new(Box::new(Shop::of(&FULL)) as Box<dyn quittance::Connector>, NoSleep),
        "Client { connector: \"shop\"",
    );
    shows(&Entry::of::<Shop>(), "Entry(shop)");
    shows(&Handle::new("pay_1").with("capture", "c/1"), "pay_1?capture=c%2F1");
    shows(&Key::new("key-1"), "Key(key-1)");
    shows(&Currency::EUR, "EUR");
    let mut fields = Pairs::new();
    fields.set("card[number]", PAN);
    shows(&fields, "{\"card[number]\"}");
    shows(&body::text("number", PAN), "Some((\"number\", Text))");

    let card = json!({ "number": PAN, "expiry": { "month": 3, "year": 2030 }, "source": "network", "holder": "Ada" });
    let token: NetworkToken = serde_json::from_value(card).unwrap();
    shows(&token, "NetworkToken { number: •••• 4242");
    assert!(token.needs_three_ds() && format!("{token:?}").contains("[name]"));
    let cryptogram = Cryptogram::parse("BwcHBwcHBwcHBwcHBwcHBwcHBwc=").unwrap();
    assert!(!NetworkToken { cryptogram: Some(cryptogram), ..token }.needs_three_ds());
    let account: BankAccount =
        serde_json::from_value(json!({ "number": "DE89370400440532013000", "holder": "Ada", "country": "DE" }))
            .unwrap();
    shows(&account, "BankAccount { number: [secret]");

    let delivery = Delivery::new(HeaderMap::new(), PAN);
    shows(&delivery, "Delivery { bytes: 16");
    let given = hmac(Hash::Sha256, b"key", &[PAN.as_bytes()]);
    shows(&delivery.hmac(Hash::Sha256, b"key", &[Signed::Body], &given).unwrap(), "Authentic(16 bytes)");
    assert_eq!(delivery.untrusted(|body| body.text().map(str::to_owned)).unwrap(), PAN);
}

#[test]
fn a_request_on_its_way_shows_where_it_goes() {
    let (wire, world) = (Wire::default(), World::new([]));
    let cx = Context::new(&wire, &*world.clock, &world.dice, &world.tokens);
    let mut draft = String::new();
    let call = cx.post("https://api.shop.test/a").query(&json!({ "token": TOKEN })).json(&PAN).sign(|signed| {
        draft = format!("{signed:?}");
        Ok(Vec::new())
    });
    shows(&call, "Call(POST https://api.shop.test/a)");
    assert_eq!(draft, "Draft(POST api.shop.test/a, 18 bytes)");
    let mut exchange = Exchange::new(&wire, call.send());
    shows(&exchange, "Exchange");
    shows(&exchange.start(), "Send(POST api.shop.test/a, 18 bytes)");
    shows(&wire, "Wire");
}

#[test]
fn what_others_wrote_is_cut_also_where_nothing_in_it_is_masked() {
    let world = World::new([]);
    let cx = world.cx();
    cx.protect(TOKEN);
    assert_eq!(cx.clean(&format!("key {TOKEN}")), "key [secret]");
    assert_eq!(cx.clean(&"x".repeat(600)).len(), quittance::scrub::MAX_CHARS);
}

#[test]
fn words_are_those_of_scenarios_and_the_command_line() {
    let method = MethodKind::branded(Family::BankRedirect, "ideal");
    let words = format!("{} {} {method} {}", Op::RetrieveRefund, Family::Pix, MethodKind::of(Family::Card));
    assert_eq!(words, "retrieve_refund pix bank_redirect/ideal card");
    assert!(Family::Voucher.branded() && !Family::Pix.branded());
    assert_eq!(format!("{} {}", Reason::LostCard, Key::new("key-1")), "lost_card key-1");
    let stages =
        [DisputeStage::Inquiry, DisputeStage::Chargeback, DisputeStage::PreArbitration, DisputeStage::Arbitration];
    assert_eq!(stages.map(DisputeStage::as_str), ["inquiry", "chargeback", "pre_arbitration", "arbitration"]);
    assert!(State::Authorized.is_success() && State::Captured.is_success() && !State::Pending.is_success());
    assert_eq!(Currency::EUR.name(), "Euro");
    assert_eq!(FULL.major(&Money::new(1050, Currency::EUR)).unwrap(), "10.50");
    let refused = Decline::with_code(Reason::LostCard, "41");
    assert_eq!((refused.reason, refused.code.as_deref()), (Reason::LostCard, Some("41")));
    assert!(Reason::InsufficientFunds.may_pass_later() && !Reason::StolenCard.may_pass_later());
}

#[test]
fn errors_say_what_is_wrong_and_where() {
    let error = Error::invalid("amount", "too much").with_code("E1");
    assert_eq!(error.to_string(), "too much (field amount) (code E1)");
    let told = |text: &str, currency| Money::parse_major(text, currency).unwrap_err().to_string();
    assert!(
        told("1,5", Currency::EUR).contains("plain decimal") && told("1.555", Currency::EUR).contains("2 decimals")
    );
    assert!(
        told("1.5", Currency::JPY).contains("none are possible")
            && told(&"9".repeat(20), Currency::EUR).contains("large")
    );
    assert!(MoneyError::CurrencyMismatch.to_string().contains("another currency"));
    assert!(Pan::parse("4242").unwrap_err().to_string().contains("12 to 19 digits"));
    // A text in the place of a currency is repeated only where it can be a code.
    let unknown = |text: &str| text.parse::<Currency>().unwrap_err().to_string();
    assert!(unknown("XQZ").contains("\"XQZ\""));
    assert!(!unknown("7391").contains("7391") && !unknown("hunter").contains("hunter"));
}

#[test]
fn what_cannot_be_read_says_what_was_expected() {
    fn refused<T: DeserializeOwned>(json: &str) -> String {
        serde_json::from_str::<T>(json).err().unwrap().to_string()
    }
    assert!(refused::<Currency>("[]").contains("ISO 4217 currency code"));
    assert!(refused::<Decimal>("[]").contains("an amount as decimal text or number"));
    assert!(refused::<Secret>("[]").contains("a secret text"));
    assert!(refused::<TextOr<Value>>("[]").contains("a text or an object"));
    let tree: Tree = serde_json::from_str(r#"{"a":[1.5,"x"],"b":true}"#).unwrap();
    assert!(matches!(tree.member("a"), Some(Tree::List(items)) if items.len() == 2));
    let doubled: Tree = serde_json::from_str(r#"{"n":{"a":"1","a":"2"}}"#).unwrap();
    assert!(matches!(doubled.member("n"), Some(Tree::Other)));
    assert!(matches!(tree.member("b"), Some(Tree::Other)) && tree.member("c").is_none());
    let amount: Decimal = serde_json::from_str("10.50").unwrap();
    assert_eq!(amount.as_str(), "10.5");
}

/// Name and type in the schema of `T`, and whether it is marked as never read back.
fn schema_of<T: JsonSchema>() -> (String, String, bool) {
    let schema = schema_for!(T).to_value();
    let text = |name: &str| schema[name].as_str().unwrap_or_default().to_owned();
    (text("title"), text("type"), schema["writeOnly"] == Value::Bool(true))
}

#[test]
fn schemas_name_values_and_mark_secrets() {
    let of = |name: &str, kind: &str, secret| (name.to_owned(), kind.to_owned(), secret);
    assert_eq!(schema_of::<Pan>(), of("Pan", "string", true));
    assert_eq!(schema_of::<Cvc>(), of("Cvc", "string", true));
    assert_eq!(schema_of::<Cryptogram>(), of("Cryptogram", "string", true));
    assert_eq!(schema_of::<Secret>(), of("Secret", "string", true));
    assert_eq!(schema_of::<Currency>(), of("Currency", "string", false));
    assert_eq!(schema_of::<Handle>(), of("Handle", "string", false));
    assert_eq!(schema_of::<Expiry>(), of("Expiry", "object", false));
    // Shown in place where they are short; a secret is marked where it stands.
    let purchase = schema_for!(Authorize).to_value();
    let apart = ["Pan", "Cvc", "Cryptogram", "Secret", "Currency", "Handle", "Expiry"];
    let apart: Vec<&str> = apart.into_iter().filter(|name| !purchase["$defs"][name].is_null()).collect();
    assert_eq!(apart, ["Handle", "Expiry"]);
}

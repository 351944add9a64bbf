//! The contract between an application and a payment provider.
//!
//! [`Connector`] is the one trait; a connector crate implements it for one provider and offers an [`Entry`]. Applications call
//! it through [`Client`], which adds retries, time limits and records of every attempt. The SDK does no I/O of its own: a
//! [`Transport`] is handed in, see `quittance-reqwest`.
//!
//! Three rules carry the rest. A decline is an answer (`Ok` with [`State::Declined`]), an [`Error`] means that there was none.
//! Every error says whether the provider may have acted ([`Effect`]). What is not known is never taken for success.
//!
//! # Example
//!
//! A connector with one operation, called through a client over a transport in memory:
//!
//! ```
//! use quittance::drive::{Wire, drive};
//! use quittance::http::Response;
//! use quittance::*;
//! use serde::Deserialize;
//!
//! /// The account at the provider.
//! #[derive(Deserialize, schemars::JsonSchema)]
//! #[serde(deny_unknown_fields)]
//! struct Credentials {
//!     /// The secret API key.
//!     key: Secret,
//! }
//!
//! struct Shop(Credentials);
//!
//! /// The provider's answer, as far as it is read.
//! #[derive(Deserialize)]
//! struct Answer {
//!     id: String,
//!     status: String,
//!     amount: i64,
//!     currency: String,
//! }
//!
//! impl Provider for Shop {
//!     const SPEC: Spec = Spec {
//!         hosts: &["api.shop.example"],
//!         operations: &[Op::Authorize],
//!         methods: &[MethodKind::of(Family::Card)],
//!         currencies: Currencies::Only(&[Currency::EUR]),
//!         idempotency: Idempotency::Header("idempotency-key"),
//!         ..Spec::new("shop", "Shop", "https://shop.example/docs")
//!     };
//!     type Credentials = Credentials;
//!
//!     fn new(credentials: Credentials) -> Result<Shop> {
//!         Ok(Shop(credentials))
//!     }
//! }
//!
//! #[async_trait]
//! impl Connector for Shop {
//!     fn spec(&self) -> &'static Spec {
//!         &Shop::SPEC
//!     }
//!
//!     async fn authorize(&self, cx: &Context<'_>, request: &Authorize) -> Result<Payment> {
//!         let Method::Card(card) = &request.method else { return Err(Error::unsupported(Op::Authorize)) };
//!         let body = serde_json::json!({ "number": card.number.expose(), "amount": Shop::SPEC.minor(&request.amount)? });
//!         let call = cx.post("https://api.shop.example/payments").bearer(&self.0.key);
//!         let reply = call.header("idempotency-key", request.key.as_str()).json(&body).send().await?;
//!         if !reply.is_success() {
//!             return Err(reply.fault_with(Fault::default()));
//!         }
//!         let answer: Answer = reply.json()?;
//!         let state = match answer.status.as_str() {
//!             "paid" => State::Captured,
//!             "refused" => State::Declined(Decline::new(Reason::Generic)),
//!             other => State::Unrecognised(other.to_owned()),
//!         };
//!         let amount = Some(Shop::SPEC.money(answer.amount, &answer.currency)?);
//!         Ok(Payment { amount, ..Payment::new(Handle::new(answer.id), state) })
//!     }
//! }
//!
//! const ENTRY: Entry = Entry::of::<Shop>();
//!
//! /// For the example only: an application uses a cryptographic source, see `quittance-reqwest`.
//! struct NoRandom;
//!
//! impl Random for NoRandom {
//!     fn fill(&self, _bytes: &mut [u8]) {}
//! }
//!
//! # fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
//! let client = Client::new(ENTRY.connect(serde_json::json!({ "key": "sk_test_1" }))?, NoSleep);
//! let (wire, tokens) = (Wire::default(), MemoryTokens::default());
//! let cx = Context::new(&wire, &SystemClock, &NoRandom, &tokens);
//!
//! let card = Card { number: Pan::parse("4242 4242 4242 4242")?, expiry: Expiry::new(3, 2030)?, cvc: None, holder: None };
//! let amount = Money::new(1050, Currency::EUR);
//! let purchase = Authorize::new(Key::new("key-1"), "order-1", amount, Method::Card(card));
//!
//! // The first reply gets lost. The provider knows the key, so the client asks again.
//! let mut tries = 0;
//! let payment = drive(&wire, client.authorize(&cx, &purchase), |request| {
//!     assert_eq!(request.headers()["idempotency-key"], "key-1");
//!     tries += 1;
//!     match tries {
//!         1 => Err(Failure::TimedOut),
//!         _ => Ok(Response::new(r#"{"id":"p1","status":"paid","amount":1050,"currency":"EUR"}"#.into())),
//!     }
//! })?;
//! assert_eq!((payment.state, tries), (State::Captured, 2));
//!
//! // An answer about another amount is no answer.
//! let purchase = Authorize { key: Key::new("key-2"), reference: "order-2".into(), ..purchase };
//! let error = drive(&wire, client.authorize(&cx, &purchase), |_| {
//!     Ok(Response::new(r#"{"id":"p2","status":"paid","amount":1,"currency":"EUR"}"#.into()))
//! });
//! assert!(error.is_err_and(|error| error.kind() == Kind::Integrity && error.effect() == Effect::Unknown));
//! # Ok(())
//! # }
//! ```

pub mod body;
mod call;
mod card;
mod client;
mod connector;
mod context;
mod currency;
mod decline;
mod delivery;
pub mod digest;
pub mod drive;
mod error;
mod guard;
mod handle;
mod kept;
mod key;
mod limits;
mod method;
mod money;
mod op;
mod outcome;
mod pairs;
mod protected;
mod read;
mod reply;
mod request;
pub mod scrub;
mod secret;
mod spec;
mod text_or;
mod tree;

pub use async_trait::async_trait;
pub use bytes::Bytes;
pub use http;
pub use jiff::Timestamp;

pub use call::{Call, Draft};
pub use card::{Brand, CardError, Cryptogram, Cvc, Expiry, Pan};
pub use client::{Attempt, Client, NoSleep, Policy, Segment, Sink, Sleep, Verdict};
pub use connector::{Connector, Entry, Provider};
pub use context::{Clock, Context, Failure, Limits, MemoryTokens, Random, SystemClock, TokenCache, Transport};
pub use currency::{Currency, UnknownCurrency};
pub use decline::{Decline, Reason};
pub use delivery::{Authentic, Dated, Delivery, Signed, Untrusted, check_age};
pub use error::{Effect, Error, Kind, Result};
pub use guard::{Guard, agree_part, agree_payment, agree_payout};
pub use handle::Handle;
pub use key::Key;
pub use limits::{MandateLimits, Period, PeriodLimit, PeriodStart};
pub use method::{
    ApplePay, ApplePayHeader, ApplePayParts, BankAccount, BankAccountKind, Card, GooglePay, Method, NetworkToken,
    TokenSource, Upi,
};
pub use money::{Decimal, Exponents, MajorNumber, Money, MoneyError};
pub use op::{Family, MethodKind, Op, UnknownOp};
pub use outcome::{
    Dispute, DisputeStage, DisputeState, Event, EventBody, Mandate, MandateState, Network, NextAction, Parameters,
    Payment, Payout, Refund, Refusal, Session, State, TransferState,
};
pub use pairs::{Fields, Pairs};
pub use protected::Protected;
pub use reply::{Fault, Reply};
pub use request::{
    Address, Adjust, Answer, AnswerDispute, Authorize, Browser, Capture, CaptureMode, Complete, Customer, Document,
    Evidence, ExternalThreeDs, Initiator, LineItem, Lookup, MitCategory, OpenSession, Order, PayOut, Recipient,
    RefundRequest, Retrieve, RetrievePayout, RetrieveRefund, Revoke, SetUp, ThreeDs, UnwrapToken, Void, WalletToken,
};
pub use secret::Secret;
pub use spec::{
    CaptureRules, CardRules, Currencies, DisputeRules, Environment, Idempotency, LookupKind, RefundRules,
    RetrieveRules, Spec, ThreeDsRules, VoidRules, WebhookAuthentication, WebhookRules,
};
pub use text_or::TextOr;
pub use tree::Tree;

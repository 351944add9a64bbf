//! The contract between an application and a payment provider.
//!
//! [`Connector`] is the one trait; a connector crate implements it for one provider and offers an [`Entry`]. Applications call
//! it through [`Client`], which adds retries, time limits and records of every attempt. The SDK does no I/O of its own: a
//! [`Transport`] is handed in, see `quittance-reqwest`.
//!
//! Three rules carry the rest. A decline is an answer (`Ok` with [`State::Declined`]), an [`Error`] means that there was none.
//! Every error says whether the provider may have acted ([`Effect`]). What is not known is never taken for success.

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
mod method;
mod money;
mod op;
mod outcome;
mod read;
mod reply;
mod request;
pub mod scrub;
mod secret;
mod spec;

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
pub use delivery::{Authentic, Delivery, Signed, Untrusted, check_age};
pub use error::{Effect, Error, Kind, Result};
pub use guard::Guard;
pub use handle::Handle;
pub use method::{ApplePay, BankAccount, BankAccountKind, Card, GooglePay, Method, NetworkToken, TokenSource, Upi};
pub use money::{Decimal, Exponents, MajorNumber, Money, MoneyError};
pub use op::{Family, MethodKind, Op, UnknownOp};
pub use outcome::{
    Dispute, DisputeStage, DisputeState, Event, EventBody, Mandate, MandateState, Network, NextAction, Parameters,
    Payment, Payout, Refund, Refusal, Session, State, TransferState,
};
pub use reply::{Fault, Reply};
pub use request::{
    Address, Adjust, Answer, AnswerDispute, Authorize, Browser, Capture, CaptureMode, Complete, Customer, Document,
    Evidence, ExternalThreeDs, Initiator, Key, LineItem, Lookup, MitCategory, OpenSession, Order, PayOut, Recipient,
    RefundRequest, Retrieve, RetrievePayout, RetrieveRefund, Revoke, SetUp, ThreeDs, UnwrapToken, Void, WalletToken,
};
pub use secret::Secret;
pub use spec::{
    CaptureRules, Currencies, DisputeRules, Environment, Idempotency, LookupKind, RefundRules, Spec, ThreeDsRules,
    VoidRules, WebhookAuthentication, WebhookRules,
};

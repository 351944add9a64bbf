//! What the contract promises and no scenario of a provider can show: the checks before and after a call, the limits of a call, strict
//! reading, and the client's rules of repetition.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod client;
mod client_settle;
mod context;
mod delivery;
mod drive;
mod entry;
mod guard;
mod reply;
mod shop;
mod shown;
mod support;
mod told;
mod values;

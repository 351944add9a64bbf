//! Wallet tokens, verified and decrypted.
//!
//! One function a wallet ([`apple::verify_and_decrypt`], [`google::verify_and_decrypt`] …), and no way to decrypt without verifying.
//! None reads a clock, keeps state or does I/O: the time and the store of tokens already seen ([`Replays`]) are given. What comes out
//! is an [`Opened`] with a [`quittance::NetworkToken`]: one with a cryptogram goes to a provider as it is, one without
//! (Google Pay `PAN_ONLY`) is a card number that needs 3-D Secure.
//!
//! Every input is bounded before it is decoded. Errors name what is wrong with a token, except one: whether a key did not unwrap, a
//! MAC did not fit or a tag did not fit is told to nobody ([`Error::NotOpened`]).

pub mod apple;
mod checkout;
pub mod click_to_pay;
mod error;
pub mod google;
mod jose;
mod keys;
mod opened;
pub mod paze;
mod replays;
pub mod samsung;

pub use error::Error;
pub use opened::Opened;
pub use replays::Replays;

/// The largest token that is looked at, in bytes. Real ones have 2 to 6 KiB.
pub const TOKEN_BYTES_MAX: usize = 64 * 1024;

#[cfg(test)]
mod tests;

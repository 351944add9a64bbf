//! A provider's sandbox made of its tapes: requests in, the provider's answers and webhooks out. It does no I/O.

mod shown;

pub use shown::{Answered, Due, Miss, OutcomeShown, PaymentShown, Seen};

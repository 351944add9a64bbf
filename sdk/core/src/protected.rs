//! What must not be shown of a call.

use std::sync::{Mutex, MutexGuard, PoisonError};

use zeroize::Zeroizing;

/// Secret texts that connectors protected, for who shows requests: a digest or an assertion made of a credential is no less secret than the
/// credential, and only the connector knows it. Those of every operation under a context gather here once it is given by
/// [`Context::with_protected`](crate::Context::with_protected), and stay until it is dropped.
#[derive(Default)]
pub struct Protected(Mutex<Vec<Zeroizing<String>>>);

impl Protected {
    /// Visits each text once, in the order in which they were protected.
    pub fn each(&self, visit: &mut dyn FnMut(&str)) {
        self.texts().iter().for_each(|text| visit(text));
    }

    pub(crate) fn add(&self, secret: &str) {
        let mut texts = self.texts();
        if !secret.is_empty() && !texts.iter().any(|known| known.as_str() == secret) {
            texts.push(Zeroizing::new(secret.to_owned()));
        }
    }

    pub(crate) fn texts(&self) -> MutexGuard<'_, Vec<Zeroizing<String>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Protected {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Protected({})", self.texts().len())
    }
}

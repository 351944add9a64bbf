//! Canaries: card data, keys and tokens that are fresh in each run, and the search for every form in which they may come out.
//!
//! Values that stand in a fixture may be known to a connector or hidden by a rule that fits only them. A canary is known to nobody:
//! where it comes out, something let it out.

mod disguise;
mod search;

use std::sync::OnceLock;

use aws_lc_rs::rand;

pub use disguise::{Canary, Disguised, Kind, disguise};
pub(crate) use search::opened;
pub use search::{Found, Searcher};

static SEED: OnceLock<u64> = OnceLock::new();

/// The seed of the canaries of this process: by chance, unless [`fix_seed`] was called before.
pub fn seed() -> u64 {
    *SEED.get_or_init(|| {
        let mut bytes = [0; 8];
        // Without a source of chance the clock must do: a canary has to be new, not unguessable.
        match rand::fill(&mut bytes) {
            Ok(()) => u64::from_be_bytes(bytes),
            Err(_) => u64::from_ne_bytes(
                jiff::Timestamp::now().as_nanosecond().to_ne_bytes().first_chunk().map_or(bytes, |chunk| *chunk),
            ),
        }
    })
}

/// Makes the canaries of an earlier run again. It has no effect once [`seed`] was asked for.
pub fn fix_seed(seed: u64) {
    SEED.get_or_init(|| seed);
}

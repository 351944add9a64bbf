//! What the program around the harness is made of. The harness knows no connector but its own reference; the catalogue and the
//! digests of the sources are given to it once, at the start, by the program that links them.

use std::sync::OnceLock;

use quittance::Entry;

/// What a program is made of.
#[derive(Debug)]
pub struct Product {
    /// The catalogue, sorted by id.
    pub connectors: &'static [&'static Entry],
    /// Digest and path of every file that the program was built from, `<sha256> <path>` on a line each.
    pub sources: &'static str,
    /// The compiler, as `rustc --version` tells it.
    pub rustc: &'static str,
}

static NONE: Product = Product { connectors: &[], sources: "", rustc: "" };

static PRODUCT: OnceLock<&'static Product> = OnceLock::new();

/// Says what this program is made of. Only the first call counts; without one the catalogue is empty.
pub fn install(product: &'static Product) {
    let _said_before = PRODUCT.set(product);
}

pub(crate) fn installed() -> &'static Product {
    PRODUCT.get().copied().unwrap_or(&NONE)
}

/// The ids of the catalogue.
pub(crate) fn ids() -> Vec<&'static str> {
    installed().connectors.iter().map(|entry| entry.spec.id).collect()
}

/// The connector of that id in the catalogue.
pub(crate) fn find(id: &str) -> Option<&'static Entry> {
    installed().connectors.iter().find(|entry| entry.spec.id == id).copied()
}

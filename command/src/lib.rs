//! What the `quittance` command is made of. A package apart from the harness, so that a change of one connector builds neither
//! the harness nor the other connectors anew.

use quittance_harness::product::Product;

/// The catalogue, and what this program is built from.
pub static PRODUCT: Product = Product {
    connectors: quittance_connectors::ALL,
    sources: include_str!(concat!(env!("OUT_DIR"), "/sources.txt")),
    rustc: env!("QUITTANCE_RUSTC"),
};

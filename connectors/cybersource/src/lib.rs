//! CyberSource, a Visa company: the gateway's REST API under its own hosts. See [`quittance_cybersource_rest`].

use quittance::Entry;
use quittance_cybersource_rest::{Gateway, Merchant};

/// CyberSource's line in the catalogue.
pub static ENTRY: Entry = Entry::of::<Merchant<CyberSource>>();

/// CyberSource itself.
pub struct CyberSource;

impl Gateway for CyberSource {
    const ID: &'static str = "cybersource";
    const NAME: &'static str = "CyberSource";
    const DOCUMENTATION: &'static str = "https://developer.cybersource.com/api-reference-assets/index.html";
    const LIVE: &'static str = "api.cybersource.com";
    const TEST: &'static str = "apitest.cybersource.com";
    const ELECTRONIC_CHECKS: bool = true;
}

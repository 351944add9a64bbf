//! Wells Fargo Merchant Services: the CyberSource gateway with the bank as processor. See [`quittance_cybersource_rest`].
//!
//! The bank publishes no hosts of its own for the REST API: its merchants are accounts at CyberSource's.

use quittance::Entry;
use quittance_cybersource_rest::{Gateway, Merchant};

/// The bank's line in the catalogue.
pub static ENTRY: Entry = Entry::of::<Merchant<WellsFargo>>();

/// Wells Fargo.
pub struct WellsFargo;

impl Gateway for WellsFargo {
    const ID: &'static str = "wells-fargo";
    const NAME: &'static str = "Wells Fargo Merchant Services";
    const DOCUMENTATION: &'static str = "https://developer.cybersource.com/api-reference-assets/index.html";
    const LIVE: &'static str = "api.cybersource.com";
    const TEST: &'static str = "apitest.cybersource.com";
    const ELECTRONIC_CHECKS: bool = true;
}

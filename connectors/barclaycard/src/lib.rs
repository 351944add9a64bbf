//! Barclaycard Smartpay Fuse: the CyberSource gateway under the bank's hosts. See [`quittance_cybersource_rest`].
//!
//! Source of the hosts: developer.cybersource.com/docs/barclays, "Getting Started with REST", "Header Fields".

use quittance::Entry;
use quittance_cybersource_rest::{Gateway, Merchant};

/// Barclaycard's line in the catalogue.
pub static ENTRY: Entry = Entry::of::<Merchant<Barclaycard>>();

/// Barclaycard Smartpay Fuse.
pub struct Barclaycard;

impl Gateway for Barclaycard {
    const ID: &'static str = "barclaycard";
    const NAME: &'static str = "Barclaycard Smartpay Fuse";
    const DOCUMENTATION: &'static str =
        "https://developer.cybersource.com/docs/barclays/en-us/platform/get-started/all/rest/get-started-rest.html";
    const LIVE: &'static str = "api.smartpayfuse.barclaycard";
    const TEST: &'static str = "api.smartpayfuse-test.barclaycard";
}

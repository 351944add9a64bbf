//! Lloyds Bank, personal accounts: payments by UK Open Banking (<https://developer.lloydsbanking.com>). What could not be confirmed is
//! listed in the profile.

use quittance::{Entry, Spec};
use quittance_open_banking_uk::{Bank, OpenBanking, Site, spec};

/// Lloyds Bank's line in the catalogue.
pub static ENTRY: Entry = Entry::of::<OpenBanking<Lloyds>>();

/// What Lloyds Bank has of its own.
#[derive(Debug)]
pub enum Lloyds {}

impl Bank for Lloyds {
    const SPEC: Spec = spec(
        "lloyds",
        "Lloyds Bank",
        "https://developer.lloydsbanking.com",
        &["authorise-api.lloydsbank.co.uk", "secure-api.lloydsbank.com"],
        &["secure-api.lloydsbank.com"],
    );
    const SANDBOX: Option<Site> = None;
    const LIVE: Site = Site {
        api: "https://secure-api.lloydsbank.com/prod01/lbg/lyds/open-banking",
        discovery: "https://authorise-api.lloydsbank.co.uk/prod01/channel/lyds/personal/.well-known/openid-configuration",
    };
}

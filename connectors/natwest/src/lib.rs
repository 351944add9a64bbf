//! NatWest, personal accounts: payments by UK Open Banking (<https://www.bankofapis.com>). What could not be confirmed is listed in the
//! profile.

use quittance::{Entry, Spec};
use quittance_open_banking_uk::{Bank, OpenBanking, Site, spec};

/// NatWest's line in the catalogue.
pub static ENTRY: Entry = Entry::of::<OpenBanking<NatWest>>();

/// What NatWest has of its own.
#[derive(Debug)]
pub enum NatWest {}

impl Bank for NatWest {
    const SPEC: Spec = spec(
        "natwest",
        "NatWest",
        "https://www.bankofapis.com",
        &["api.natwest.com", "personal.secure1.natwest.com", "secure1t.natwest.com"],
        &["api.natwest.com", "secure1t.natwest.com"],
    );
    const SANDBOX: Option<Site> = None;
    const LIVE: Site = Site {
        api: "https://api.natwest.com/open-banking",
        discovery: "https://personal.secure1.natwest.com/.well-known/openid-configuration",
    };
}

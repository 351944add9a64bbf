//! HSBC UK, personal accounts: payments by UK Open Banking (<https://develop.hsbc.com/ob-api-documentation>).

use quittance::{Entry, Spec};
use quittance_open_banking_uk::{Bank, OpenBanking, Site, spec};

/// HSBC UK's line in the catalogue.
pub static ENTRY: Entry = Entry::of::<OpenBanking<HsbcUk>>();

/// What HSBC UK has of its own.
#[derive(Debug)]
pub enum HsbcUk {}

impl Bank for HsbcUk {
    const SPEC: Spec = spec(
        "hsbc-uk",
        "HSBC UK",
        "https://develop.hsbc.com/ob-api-documentation",
        &["api.ob.hsbc.co.uk", "sandbox.ob.hsbc.co.uk", "secure.sandbox.ob.hsbc.co.uk"],
        &["api.ob.hsbc.co.uk", "secure.sandbox.ob.hsbc.co.uk"],
    );
    const SANDBOX: Option<Site> = Some(Site {
        api: "https://secure.sandbox.ob.hsbc.co.uk/obie/open-banking",
        discovery: "https://sandbox.ob.hsbc.co.uk/.well-known/openid-configuration",
    });
    const LIVE: Site = Site {
        api: "https://api.ob.hsbc.co.uk/obie/open-banking",
        discovery: "https://api.ob.hsbc.co.uk/.well-known/openid-configuration",
    };
}

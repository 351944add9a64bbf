//! Barclays UK, personal accounts: payments by UK Open Banking (<https://developer.barclays.com>). What could not be confirmed is listed
//! in the profile.

use quittance::{Entry, Spec};
use quittance_open_banking_uk::{Bank, OpenBanking, Site, spec};

/// Barclays UK's line in the catalogue.
pub static ENTRY: Entry = Entry::of::<OpenBanking<BarclaysUk>>();

/// What Barclays UK has of its own.
#[derive(Debug)]
pub enum BarclaysUk {}

impl Bank for BarclaysUk {
    const SPEC: Spec = spec(
        "barclays-uk",
        "Barclays UK",
        "https://developer.barclays.com",
        &["oauth.tiaa.barclays.com", "telesto.api.barclays", "token.tiaa.barclays.com"],
        &["telesto.api.barclays", "token.tiaa.barclays.com"],
    );
    const SANDBOX: Option<Site> = None;
    const LIVE: Site = Site {
        api: "https://telesto.api.barclays/open-banking",
        discovery: "https://oauth.tiaa.barclays.com/BarclaysPersonal/.well-known/openid-configuration",
    };
}

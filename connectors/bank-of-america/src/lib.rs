//! Bank of America Merchant Services: the CyberSource gateway under the bank's hosts. See [`quittance_cybersource_rest`].
//!
//! The vendor's own client libraries name both hosts as environments of the bank (`BANKOFAMERICA.ENVIRONMENT.…`).

use quittance::Entry;
use quittance_cybersource_rest::{Gateway, Merchant};

/// The bank's line in the catalogue.
pub static ENTRY: Entry = Entry::of::<Merchant<BankOfAmerica>>();

/// Bank of America.
pub struct BankOfAmerica;

impl Gateway for BankOfAmerica {
    const ID: &'static str = "bank-of-america";
    const NAME: &'static str = "Bank of America Merchant Services";
    const DOCUMENTATION: &'static str =
        "https://developer.merchant.services.bankofamerica.com/api-reference-assets/index.html";
    const LIVE: &'static str = "api.merchant-services.bankofamerica.com";
    const TEST: &'static str = "apitest.merchant-services.bankofamerica.com";
    const ELECTRONIC_CHECKS: bool = true;
}

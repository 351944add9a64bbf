//! The catalogue: every connector in one sorted slice, each behind the cargo feature of its id.

use quittance::Entry;

/// Every connector that is compiled in, sorted by id.
pub static ALL: &[&Entry] = &[
    #[cfg(feature = "adyen")]
    &quittance_adyen::ENTRY,
    #[cfg(feature = "apple-pay")]
    &quittance_apple_pay::ENTRY,
    #[cfg(feature = "authorize-net")]
    &quittance_authorize_net::ENTRY,
    #[cfg(feature = "banco-do-brasil")]
    &quittance_banco_do_brasil::ENTRY,
    #[cfg(feature = "bank-of-america")]
    &quittance_bank_of_america::ENTRY,
    #[cfg(feature = "barclaycard")]
    &quittance_barclaycard::ENTRY,
    #[cfg(feature = "barclays-uk")]
    &quittance_barclays_uk::ENTRY,
    #[cfg(feature = "bradesco")]
    &quittance_bradesco::ENTRY,
    #[cfg(feature = "braintree")]
    &quittance_braintree::ENTRY,
    #[cfg(feature = "cybersource")]
    &quittance_cybersource::ENTRY,
    #[cfg(feature = "gocardless")]
    &quittance_gocardless::ENTRY,
    #[cfg(feature = "google-pay")]
    &quittance_google_pay::ENTRY,
    #[cfg(feature = "hsbc-uk")]
    &quittance_hsbc_uk::ENTRY,
    #[cfg(feature = "itau")]
    &quittance_itau::ENTRY,
    #[cfg(feature = "lloyds")]
    &quittance_lloyds::ENTRY,
    #[cfg(feature = "mollie")]
    &quittance_mollie::ENTRY,
    #[cfg(feature = "natwest")]
    &quittance_natwest::ENTRY,
    #[cfg(feature = "paypal")]
    &quittance_paypal::ENTRY,
    #[cfg(feature = "pix-efi")]
    &quittance_pix_efi::ENTRY,
    #[cfg(feature = "razorpay")]
    &quittance_razorpay::ENTRY,
    #[cfg(feature = "redsys")]
    &quittance_redsys::ENTRY,
    #[cfg(feature = "square")]
    &quittance_square::ENTRY,
    #[cfg(feature = "stripe")]
    &quittance_stripe::ENTRY,
    #[cfg(feature = "truelayer")]
    &quittance_truelayer::ENTRY,
    #[cfg(feature = "wechat-pay")]
    &quittance_wechat_pay::ENTRY,
    #[cfg(feature = "wells-fargo")]
    &quittance_wells_fargo::ENTRY,
    #[cfg(feature = "worldpay")]
    &quittance_worldpay::ENTRY,
    #[cfg(feature = "worldpay-cnp")]
    &quittance_worldpay_cnp::ENTRY,
];

/// The entry of a connector by id.
pub fn find(id: &str) -> Option<&'static Entry> {
    ALL.iter().copied().find(|entry| entry.spec.id == id)
}

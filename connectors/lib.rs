//! The catalogue: every connector in one sorted slice, each behind the cargo feature of its id.

use quittance::Entry;

/// Every connector that is compiled in, sorted by id.
pub static ALL: &[&Entry] = &[
    #[cfg(feature = "adyen")]
    &quittance_adyen::ENTRY,
    #[cfg(feature = "authorize-net")]
    &quittance_authorize_net::ENTRY,
    #[cfg(feature = "gocardless")]
    &quittance_gocardless::ENTRY,
    #[cfg(feature = "paypal")]
    &quittance_paypal::ENTRY,
    #[cfg(feature = "razorpay")]
    &quittance_razorpay::ENTRY,
    #[cfg(feature = "stripe")]
    &quittance_stripe::ENTRY,
    #[cfg(feature = "wechat-pay")]
    &quittance_wechat_pay::ENTRY,
];

/// The entry of a connector by id.
pub fn find(id: &str) -> Option<&'static Entry> {
    ALL.iter().copied().find(|entry| entry.spec.id == id)
}

//! PayPal's published codes and what they mean: of processors, and of the `details[].issue` of a 4xx.

use quittance::Reason;

/// The class of a `processor_response.response_code` (Orders v2; meanings in PayPal's SDK reference,
/// `ProcessorResponseCode`). A code that only names what went wrong inside PayPal or between it and the processor is
/// [`Reason::ProcessingError`].
pub(crate) fn processor_reason(code: &str) -> Reason {
    match code {
        "0100" | "0500" | "1000" | "10BR" | "5100" | "9530" | "9540" | "PPAR" | "PPDV" | "PPSD" | "PPSE" => {
            Reason::Generic
        }
        "00N7" | "1382" | "5110" | "PCVV" | "PPC2" => Reason::IncorrectCvc,
        "5120" => Reason::InsufficientFunds,
        "1380" | "5400" | "PPEF" | "PPEX" => Reason::ExpiredCard,
        "5180" | "5900" | "7800" => Reason::IncorrectNumber,
        "5170" | "5190" | "PPAD" | "PPAV" => Reason::IncorrectAddress,
        "0890" | "5130" | "5500" | "7900" => Reason::IncorrectPin,
        // PayPal has one code for lost and stolen.
        "9520" => Reason::LostCard,
        "9500" | "9510" => Reason::SuspectedFraud,
        "5150" => Reason::PickUpCard,
        "0580" | "1312" | "1393" | "5160" | "5210" | "5700" | "8030" | "PPAG" | "PPBG" | "PPCO" | "PPDC" | "PPFR"
        | "PPNC" | "PPQC" | "PPRN" | "PPTT" | "PPUE" | "PPUI" | "PPUP" | "PPUR" | "PPVT" => Reason::NotPermitted,
        "1320" | "PPAE" | "PPCT" | "PPCU" | "PPDI" | "PPMC" | "PPPM" | "PPUC" | "PPVC" => Reason::CardNotSupported,
        "PPAX" => Reason::AmountLimit,
        "5135" | "5710" | "PPEL" | "PPNL" => Reason::VelocityLimit,
        "1310" | "PPAI" | "PPS6" => Reason::InvalidAmount,
        "0390" | "1330" | "1335" | "1352" | "5140" | "5930" | "5950" | "6300" | "PP06" | "PPAB" | "PPFI" => {
            Reason::InvalidAccount
        }
        "5650" | "PCNR" => Reason::AuthenticationRequired,
        "7700" | "7710" | "PPD3" | "PPTE" | "PPTR" | "PPTV" => Reason::AuthenticationFailed,
        "0R00" => Reason::MandateRevoked,
        "5910" | "5920" => Reason::IssuerUnavailable,
        "0800" | "0880" | "0960" | "1300" | "1317" | "1360" | "1384" | "1390" | "5800" | "7600" | "8000" | "8010"
        | "8100" | "8110" | "8220" | "9100" | "PPCR" | "PPER" | "PPFE" | "PPFV" | "PPGR" | "PPH1" | "PPIF" | "PPII"
        | "PPIM" | "PPIT" | "PPLR" | "PPLS" | "PPMB" | "PPMD" | "PPNT" | "PPPH" | "PPRE" | "PPRF" | "PPS0" | "PPS1"
        | "PPS2" | "PPS4" | "PPS5" | "PPTF" | "PPTI" | "PPVE" => Reason::ProcessingError,
        "5200" => Reason::Duplicate,
        "1340" | "1350" | "1370" | "8020" | "PPAU" | "PPCE" | "PPNM" | "PPPI" | "PPRR" | "PPUA" => {
            Reason::MerchantConfiguration
        }
        "PPDT" | "PPSC" => Reason::RiskRules,
        "PPS3" => Reason::Expired,
        _ => Reason::Unmapped,
    }
}

/// Issues of a 422 (`details[].issue`) that refuse the payment rather than the request (Orders v2, Payments v2).
const REFUSALS: &[(&str, Reason)] = &[
    ("AGREEMENT_ALREADY_CANCELLED", Reason::MandateRevoked),
    ("AUTHORIZATION_DENIED", Reason::Generic),
    ("CARD_BRAND_NOT_SUPPORTED", Reason::CardNotSupported),
    ("CARD_EXPIRED", Reason::ExpiredCard),
    ("COMPLIANCE_VIOLATION", Reason::RiskRules),
    ("DOMESTIC_TRANSACTION_REQUIRED", Reason::NotPermitted),
    ("INSTRUMENT_DECLINED", Reason::Generic),
    ("MAX_NUMBER_OF_PAYMENT_ATTEMPTS_EXCEEDED", Reason::VelocityLimit),
    ("PAYEE_BLOCKED_TRANSACTION", Reason::RiskRules),
    ("PAYER_ACCOUNT_LOCKED_OR_CLOSED", Reason::InvalidAccount),
    ("PAYER_ACCOUNT_RESTRICTED", Reason::InvalidAccount),
    ("PAYER_CANNOT_PAY", Reason::Generic),
    ("PAYMENT_SOURCE_CANNOT_BE_USED", Reason::NotPermitted),
    ("PAYMENT_SOURCE_DECLINED_BY_PROCESSOR", Reason::Generic),
    ("REDIRECT_PAYER_FOR_ALTERNATE_FUNDING", Reason::Generic),
    ("TRANSACTION_BLOCKED_BY_PAYEE", Reason::RiskRules),
    ("TRANSACTION_LIMIT_EXCEEDED", Reason::AmountLimit),
    ("TRANSACTION_REFUSED", Reason::RiskRules),
];

/// The class of an issue that refuses the payment.
pub(crate) fn issue_reason(issue: &str) -> Option<Reason> {
    REFUSALS.iter().find(|(known, _)| *known == issue).map(|(_, reason)| *reason)
}

/// Whether an issue says that the object is in another state than the call needs, or that the reference was used before; PayPal sends it
/// under 422. Source: errors of the OpenAPI documents of Orders v2 and Payments v2.
pub(crate) fn is_conflict(issue: &str) -> bool {
    const OTHERS: &str = "CANNOT_BE_VOIDED DUPLICATE_INVOICE_ID MAX_CAPTURE_COUNT_EXCEEDED \
        MAX_NUMBER_OF_REFUNDS_EXCEEDED ORDER_COMPLETION_IN_PROGRESS PENDING_CAPTURE REFUND_NOT_ALLOWED \
        REFUND_NOT_PERMITTED_DUE_TO_CHARGEBACK REFUND_TIME_LIMIT_EXCEEDED TRANSACTION_DISPUTED";
    let ends = ["_EXPIRED", "_FULLY_REFUNDED", "_NOT_APPROVED", "_VOIDED"];
    issue.starts_with("PREVIOUSLY_")
        || issue.contains("_ALREADY_")
        || ends.iter().any(|end| issue.ends_with(end))
        || OTHERS.split(' ').any(|one| one == issue)
}

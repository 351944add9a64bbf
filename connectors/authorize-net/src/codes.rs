//! What the provider's codes mean. Texts: <https://developer.authorize.net/api/reference/responseCodes.html>.

use quittance::{Decline, Effect, Error, Kind, Reason, State, Tree};

use crate::wire::Answer;

/// A response reason code that refuses this payment, whether it came as declined (2) or as an error (3).
pub(crate) fn reason(code: &str) -> Option<Reason> {
    Some(match code {
        "2" | "3" | "191" => Reason::Generic,
        "4" => Reason::PickUpCard,
        "6" | "37" | "200" | "315" => Reason::IncorrectNumber,
        "7" | "8" | "201" | "316" | "317" => Reason::ExpiredCard,
        "9" | "10" | "101" | "211" => Reason::InvalidAccount,
        "11" | "222" | "318" => Reason::Duplicate,
        "17" | "28" | "289" => Reason::CardNotSupported,
        // 45 and 145: address and card code both differ; 127, 145, 165: the gateway's own void after the mismatch failed.
        "27" | "45" | "127" | "145" => Reason::IncorrectAddress,
        "44" | "65" | "78" | "165" => Reason::IncorrectCvc,
        "36" | "52" | "152" | "202" | "209" | "214" | "217" | "219" | "220" | "223" | "224" => Reason::ProcessingError,
        "41" | "141" => Reason::SuspectedFraud,
        "49" => Reason::AmountLimit,
        "203" => Reason::InvalidAmount,
        "215" | "218" => Reason::IncorrectPin,
        "116" | "117" | "118" | "156" => Reason::AuthenticationFailed,
        "128" => Reason::NotPermitted,
        "18" | "24" | "29" | "30" | "31" | "34" | "35" | "38" | "43" | "56" | "154" | "170" | "171" | "172" | "173"
        | "204" | "205" | "206" | "207" | "208" | "210" | "212" | "213" | "216" | "221" => {
            Reason::MerchantConfiguration
        }
        "66" | "250" | "251" | "254" => Reason::RiskRules,
        // Nacha's codes of a returned bank debit.
        "R01" | "R09" => Reason::InsufficientFunds,
        "R02" | "R03" | "R04" | "R12" | "R13" | "R14" | "R15" | "R16" | "R20" => Reason::InvalidAccount,
        "R05" | "R07" | "R08" | "R10" | "R11" | "R29" => Reason::MandateRevoked,
        _ => return None,
    })
}

/// A decline with the provider's reason code and text, and the processor's own code.
pub(crate) fn decline(code: Option<&str>, message: Option<&str>, network_code: Option<&str>) -> Decline {
    let [code, message, network_code] = [code, message, network_code].map(|text| text.map(str::to_owned));
    let reason = code.as_deref().and_then(reason).unwrap_or(Reason::Unmapped);
    Decline { code, message, network_code, ..Decline::new(reason) }
}

/// The error of a transaction (response code 3) for a reason that is no decline. A code that is not listed may mean anything.
pub(crate) fn transaction_error(code: &str, text: &str) -> Error {
    let (kind, effect) = match code {
        "13" | "32" | "103" | "123" => (Kind::Credentials, Effect::None),
        "15" | "16" | "319" => (Kind::NotFound, Effect::None),
        "48" | "50" | "54" | "64" | "175" | "260" | "298" | "310" | "311" | "327" => (Kind::Conflict, Effect::None),
        // The processor timed out or answered nonsense; 120 to 122 add that the gateway's own void failed too.
        "19" | "20" | "21" | "22" | "23" | "25" | "26" | "57" | "58" | "59" | "60" | "61" | "62" | "63" | "120"
        | "121" | "122" | "180" | "181" | "192" | "261" => (Kind::Unavailable, Effect::Unknown),
        "131" | "132" | "901" => (Kind::Unavailable, Effect::None),
        _ if code.parse().is_ok_and(is_validation) => (Kind::Invalid, Effect::None),
        // Unlisted, or of no one meaning, as 36: approved, but settlement failed.
        _ => (Kind::Protocol, Effect::Unknown),
    };
    let error = Error::new(kind, effect, format!("the transaction ended in an error: {text}")).with_code(code);
    match code {
        "5" | "47" | "51" | "55" => error.in_field("amount"),
        "39" => error.in_field("amount.currency"),
        _ => error,
    }
}

/// The reason codes by which the gateway finds the request or the account's settings wrong before anything is sent on
/// (<https://developer.authorize.net/api/reference/dist/json/responseCodes.json>).
const fn is_validation(code: u16) -> bool {
    matches!(
        code,
        5 | 12 | 14 | 17 | 18 | 24 | 28..=31 | 33 | 34 | 38..=40 | 42 | 43 | 46 | 47 | 49 | 51 | 53 | 55 | 56 | 66..=100 | 111..=119 | 124
            | 128 | 130 | 154..=156 | 185 | 225..=228 | 230..=248 | 262 | 265 | 270 | 271 | 280..=290 | 296 | 297 | 325 | 326 | 328
            | 330..=333 | 339 | 341..=344 | 350 | 351
    )
}

/// The same of the API's codes: the number after the `E`. Not 46, 61, 78 and 101, which do not say what was done.
const fn is_validation_of_request(code: u16) -> bool {
    matches!(
        code,
        2..=4 | 13..=34 | 36..=38 | 41..=45 | 47 | 48 | 50..=52 | 54..=58 | 60 | 65..=77 | 79..=98 | 100 | 102 | 103 | 107
    )
}

/// The error of a request that the API refused as a whole (`messages.message.code`).
pub(crate) fn request_error(code: &str, text: &str) -> Error {
    let (kind, effect) = match code {
        "E00005" | "E00006" | "E00007" | "E00008" | "E00009" | "E00010" | "E00011" | "E00059" | "E00064" => {
            (Kind::Credentials, Effect::None)
        }
        "E00035" | "E00040" | "E00099" => (Kind::NotFound, Effect::None),
        "E00012" | "E00039" | "E00105" | "E00106" => (Kind::Conflict, Effect::None),
        "E00053" | "E00104" => (Kind::Unavailable, Effect::None),
        "E00001" | "E00049" | "E00062" | "E00063" => (Kind::Unavailable, Effect::Unknown),
        _ if code.strip_prefix('E').and_then(|number| number.parse().ok()).is_some_and(is_validation_of_request) => {
            (Kind::Invalid, Effect::None)
        }
        _ => (Kind::Protocol, Effect::Unknown),
    };
    Error::new(kind, effect, format!("the request ended in an error: {text}")).with_code(code)
}

/// The state by `transactionStatus`; a refund that is done counts as captured. A bank debit is not taken before it has
/// settled, and can be returned after. `generalError` and `chargeback` have no one meaning, and are not recognised.
pub(crate) fn state(details: &Tree, status: &str) -> State {
    let told = decline(details.text("responseReasonCode"), details.text("responseReasonDescription"), None);
    if let Some(returned) = details.at("returnedItems:returnedItem") {
        return State::Declined(decline(returned.text("code"), returned.text("description"), None));
    }
    match status {
        "authorizedPendingCapture" => State::Authorized,
        "capturedPendingSettlement" if details.at("payment/bankAccount").is_some() => State::Pending,
        "capturedPendingSettlement" | "settledSuccessfully" | "refundSettledSuccessfully" => State::Captured,
        "voided" => State::Voided,
        "expired" => State::Expired,
        "declined" => State::Declined(told),
        "failedReview" => State::Declined(Decline { reason: Reason::RiskRules, ..told }),
        // The processor did not answer, and the gateway neither asks again nor settles it (support article KA-04306).
        "communicationError" => State::Declined(Decline { reason: Reason::ProcessingError, ..told }),
        // Under review, on the way to settlement, or in a batch that can still be recovered.
        "FDSPendingReview"
        | "FDSAuthorizedPendingReview"
        | "underReview"
        | "approvedReview"
        | "settlementError"
        | "authorizedPendingRelease"
        | "couldNotVoid"
        | "pendingFinalSettlement"
        | "pendingSettlement"
        | "updatingSettlement"
        | "refundPendingSettlement" => State::Pending,
        status => State::Unrecognised(status.to_owned()),
    }
}

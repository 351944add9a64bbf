//! What response codes mean: the list "Payment Transaction Response Codes" of the cnpAPI reference guide.

use quittance::{Effect, Error, Kind, Reason};

/// What a transaction's response code says.
pub(crate) enum Meaning {
    Approved,
    /// Taken on; a query tells the end.
    Received,
    Declined(Reason),
    /// Not processed, for a reason that is no decline.
    Refused(Kind, Effect),
    Unknown,
}

/// Reads a response code. One of three digits beyond the table is a refusal, unless what stands beside it speaks of an
/// approval.
pub(crate) fn meaning(code: &str, speaks_of_approval: bool) -> Meaning {
    match code {
        // 010 approves in part, where that was asked for; `approvedAmount` then tells how much, and less than was asked is refused.
        "000" | "010" | "011" | "013" | "141" | "142" | "801" | "802" => return Meaning::Approved,
        "001" => return Meaning::Received,
        _ => {}
    }
    if let Some((kind, effect)) = refused(code) {
        return Meaning::Refused(kind, effect);
    }
    match reason(code) {
        Some(reason) => Meaning::Declined(reason),
        None if speaks_of_approval || !is_code(code) => Meaning::Unknown,
        None => Meaning::Declined(Reason::Unmapped),
    }
}

/// Whether a text has the form of a response code: three digits.
fn is_code(text: &str) -> bool {
    text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// The reason of a code that refuses a payment.
fn reason(code: &str) -> Option<Reason> {
    Some(match code {
        "100" | "101" => Reason::IssuerUnavailable,
        "102" | "108" | "137" | "252" | "257" | "258" | "379" | "386" | "521" | "652" | "944" => {
            Reason::ProcessingError
        }
        "110" | "112" | "113" | "114" | "115" | "116" | "117" | "118" => Reason::InsufficientFunds,
        "120" | "121" | "122" | "123" | "124" | "125" | "126" | "130" | "206" | "349" | "350" | "951" => {
            Reason::Generic
        }
        "127" | "162" | "955" | "999" => Reason::AmountLimit,
        "131" | "324" | "326" | "895" => Reason::IncorrectPin,
        "138" | "139" | "143" | "309" | "312" | "313" | "330" | "565" | "923" | "961" | "962" => {
            Reason::CardNotSupported
        }
        "140" | "145" | "305" | "320" => Reason::ExpiredCard,
        "103" | "170" | "192" | "321" | "325" | "335" | "354" | "821" | "825" | "879" | "952" | "956" => {
            Reason::MerchantConfiguration
        }
        "146" | "149" | "215" | "307" | "308" | "317" | "322" | "327" | "566" => Reason::NotPermitted,
        "147" | "555" | "550" | "950" => Reason::SuspectedFraud,
        "148" | "301" | "302" | "323" | "820" => Reason::IncorrectNumber,
        "207" | "303" => Reason::PickUpCard,
        "209" | "340" => Reason::InvalidAmount,
        "213" => Reason::LostCard,
        // 304 stands for lost or stolen, without a word which.
        "214" | "304" => Reason::StolenCard,
        "226" | "352" | "358" => Reason::IncorrectCvc,
        "218" | "253" | "501" | "822" | "823" | "900" | "953" | "954" => Reason::InvalidAccount,
        "251" => Reason::Duplicate,
        "315" | "318" | "319" => Reason::RiskRules,
        "328" => Reason::MandateRevoked,
        "351" | "664" => Reason::AuthenticationFailed,
        "980" => Reason::AuthenticationRequired,
        "651" => Reason::CustomerCancelled,
        "656" => Reason::VelocityLimit,
        _ => return None,
    })
}

/// The error of a follow-up transaction that was not processed.
fn refused(code: &str) -> Option<(Kind, Effect)> {
    Some(match code {
        "223" | "360" => (Kind::NotFound, Effect::None),
        "111" | "211" | "271" | "272" | "273" | "306" | "311" | "316" | "336" | "361" | "362" | "365" | "835"
        | "939" => (Kind::Conflict, Effect::None),
        "212" | "346" | "347" | "348" | "401" | "898" | "899" | "957" | "958" | "959" | "991" | "993" | "994" => {
            (Kind::Invalid, Effect::None)
        }
        "370" | "560" => (Kind::Unavailable, Effect::Unknown),
        _ => return None,
    })
}

/// The error of a request that was not read: `response` of the envelope
/// (<http://support.worldpay.com/support/CNP-API/content/addrespheaderrormess.htm>).
pub(crate) fn request_error(code: &str, message: &str) -> Error {
    let (kind, effect) = match code {
        "3" => (Kind::Credentials, Effect::None),
        "4" => (Kind::RateLimited, Effect::None),
        // As the stubs of Worldpay's SDK for Java have it, beside that of a message that does not follow the schema.
        "1" if message.starts_with("System Error") => (Kind::Unavailable, Effect::Unknown),
        "1" | "2" | "5" => (Kind::Invalid, Effect::None),
        _ => (Kind::Protocol, Effect::Unknown),
    };
    let error = Error::new(kind, effect, format!("the provider did not read the request: {message}")).with_code(code);
    match (kind, field(message)) {
        (Kind::Invalid, Some(field)) => error.in_field(field),
        _ => error,
    }
}

/// The element that the validating parser names (`… of element 'expDate' is not valid`).
fn field(message: &str) -> Option<&str> {
    let (_, rest) = message.split_once("element '")?;
    rest.split_once('\'').map(|(name, _)| name)
}

//! What Redsys' response codes (`Ds_Response`) and error codes (`SIS…`) mean.

use quittance::{Currency as C, Decline, Effect, Error, Kind, Reason, State};

/// Where a payment stands after an operation of this kind: <https://sis-d.redsys.es/websantander/codigosRespuesta.html>. Up to 99 is an
/// approval, 900 that of a confirmation, 400 that of a cancellation; 9998 and 9999 wait for the customer; all other
/// numbers of three or four digits refuse.
pub(crate) fn state(kind: &str, code: &str) -> State {
    let approved = code.len() == 3 && code.starts_with('0') && is_number(code);
    match (kind, code) {
        ("0" | "A", _) if approved => State::Captured,
        ("1" | "7", _) if approved => State::Authorized,
        ("2", "900") => State::Captured,
        ("9", "400") => State::Voided,
        (_, "998" | "999" | "9998" | "9999") => State::Pending,
        (_, "400" | "481" | "500" | "900") => State::Unrecognised(code.to_owned()),
        _ if !approved && is_number(code) => State::Declined(Decline::with_code(reason(code), code)),
        _ => State::Unrecognised(code.to_owned()),
    }
}

fn is_number(code: &str) -> bool {
    matches!(code.len(), 3 | 4) && code.bytes().all(|byte| byte.is_ascii_digit())
}

/// The class of a refusal. The first digit of a code of three tells whether the card is to be retained.
pub(crate) fn reason(code: &str) -> Reason {
    match code {
        "101" | "191" | "201" => Reason::ExpiredCard,
        "102" | "167" | "202" => Reason::SuspectedFraud,
        "104" | "114" | "181" | "182" | "204" | "950" => Reason::NotPermitted,
        "106" => Reason::VelocityLimit,
        "107" | "190" | "207" | "290" => Reason::Generic,
        "110" | "916" => Reason::InvalidAmount,
        "116" => Reason::InsufficientFunds,
        "118" | "9093" => Reason::IncorrectNumber,
        "125" => Reason::InvalidAccount,
        "129" | "280" => Reason::IncorrectCvc,
        "180" | "9078" => Reason::CardNotSupported,
        "184" => Reason::AuthenticationFailed,
        "195" => Reason::AuthenticationRequired,
        "208" => Reason::LostCard,
        "209" => Reason::StolenCard,
        "904" | "9104" | "9218" | "9256" | "9257" | "9913" | "9914" => Reason::MerchantConfiguration,
        "909" | "928" | "944" | "949" | "9094" | "9997" => Reason::ProcessingError,
        "912" | "9912" => Reason::IssuerUnavailable,
        "913" | "945" | "947" => Reason::Duplicate,
        "9064" | "9253" => Reason::IncorrectNumber,
        "9261" => Reason::RiskRules,
        "9915" => Reason::CustomerCancelled,
        _ => Reason::Unmapped,
    }
}

/// The error of a query: an own code, or one as those of operations. "TPV-Virtual Consulta SOAP" (see `lookup`), section 4.
pub(crate) fn unanswered(code: &str) -> Error {
    let (kind, field) = match code {
        "XML0024" => (Kind::NotFound, None),
        "XML0004" | "XML0005" | "XML0006" | "XML0007" | "XML0028" | "XML0041" => {
            (Kind::Credentials, Some("merchant_code"))
        }
        "XML0008" | "XML0009" | "XML0010" | "XML0011" => (Kind::Credentials, Some("terminal")),
        "XML0023" => (Kind::Credentials, Some("secret_key")),
        "XML0012" | "XML0013" | "XML0014" | "XML0015" => (Kind::Invalid, Some("reference")),
        _ if code.starts_with("SIS") => return refused(code),
        _ => (Kind::Protocol, None),
    };
    let error = Error::new(kind, Effect::None, "the query ended in an error").with_code(code);
    match field {
        Some(field) => error.in_field(field),
        None => error,
    }
}

/// The error of a request that ended as a whole in an error code, with HTTP 200: <https://sis-d.redsys.es/websantander/codigosRespuesta.html>.
pub(crate) fn refused(code: &str) -> Error {
    let number =
        code.strip_prefix("SIS").filter(|digits| digits.len() == 4).and_then(|digits| digits.parse::<u16>().ok());
    let (kind, effect, field) = match number.unwrap_or_default() {
        8 | 9 | 26 | 432 => (Kind::Credentials, Effect::None, Some("merchant_code")),
        10 | 11 | 28 | 433 => (Kind::Credentials, Effect::None, Some("terminal")),
        20 | 21 | 41 | 42 | 429 | 435 => (Kind::Credentials, Effect::None, Some("secret_key")),
        15..=17 | 27 => (Kind::Invalid, Effect::None, Some("amount.currency")),
        18 | 19 | 57 | 62 | 198 => (Kind::Invalid, Effect::None, Some("amount")),
        51 | 55 | 56 | 60 | 61 | 72 | 222 | 223 => (Kind::Conflict, Effect::None, None),
        54 | 59 | 225 => (Kind::NotFound, Effect::None, None),
        63..=65 | 253 => (Kind::Invalid, Effect::None, Some("method.card.number")),
        66..=71 => (Kind::Invalid, Effect::None, Some("method.card.expiry")),
        216 | 217 | 221 => (Kind::Invalid, Effect::None, Some("method.card.cvc")),
        // The request, or what the terminal may do, is wrong.
        7
        | 14
        | 22..=25
        | 30
        | 31
        | 33
        | 37
        | 40
        | 58
        | 74..=76
        | 78
        | 84..=86
        | 89
        | 92
        | 93
        | 97
        | 98
        | 112
        | 114
        | 119..=122
        | 132
        | 133
        | 199
        | 200
        | 214
        | 218..=220
        | 224
        | 226
        | 227
        | 229
        | 252
        | 254..=258
        | 270
        | 274
        | 298
        | 319
        | 321
        | 322
        | 325
        | 430
        | 431
        | 434 => (Kind::Invalid, Effect::None, None),
        34 | 38 => (Kind::Unavailable, Effect::Unknown, None),
        // Unlisted, or of no one meaning, as 79: a payment by card failed.
        _ => (Kind::Protocol, Effect::Unknown, None),
    };
    let error = Error::new(kind, effect, "the request ended in an error").with_code(code);
    match field {
        Some(field) => error.in_field(field),
        None => error,
    }
}

/// Those that <https://github.com/javiertury/redsys-easy> lists, less what ISO 4217 has withdrawn; a terminal has one of them.
#[rustfmt::skip]
pub(crate) const CURRENCIES: &[C] = &[
    C::AED, C::ARS, C::AUD, C::BRL, C::CAD, C::CHF, C::CLP, C::CNY, C::COP, C::CRC, C::CZK, C::DKK, C::DOP, C::EUR,
    C::GBP, C::GTQ, C::HUF, C::IDR, C::INR, C::JPY, C::KRW, C::MXN, C::MYR, C::NOK, C::NZD, C::PEN, C::PLN, C::SAR,
    C::SEK, C::SGD, C::THB, C::TWD, C::USD, C::UYU,
];

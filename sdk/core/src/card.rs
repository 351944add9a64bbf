//! Card data: number, security code, cryptogram and expiry, checked when they are read and hidden ever after.

use std::borrow::Cow;
use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, de};
use zeroize::Zeroizing;

use crate::secret::{Discreet, Secret};

mod brand;

pub use brand::Brand;

/// Why card data was refused. It never holds the data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CardError {
    /// The card number holds something else than digits, spaces and hyphens.
    PanMalformed,
    /// The card number has fewer than 12 or more than 19 digits.
    PanLength,
    /// The last digit of the card number is not the check digit of the others.
    PanChecksum,
    /// The security code is not 3 or 4 digits.
    Cvc,
    /// The cryptogram is not base64 of 16 to 64 bytes.
    Cryptogram,
    /// The month of expiry is not 1 to 12.
    ExpiryMonth,
    /// The year of expiry is neither two digits nor in 2000 to 2099.
    ExpiryYear,
}

impl fmt::Display for CardError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::PanMalformed => "card number may hold only digits, spaces and hyphens",
            Self::PanLength => "card number must have 12 to 19 digits",
            Self::PanChecksum => "card number has a wrong check digit, look for a mistyped digit",
            Self::Cvc => "card security code must be 3 or 4 digits",
            Self::Cryptogram => "cryptogram must be padded standard base64 of 16 to 64 bytes",
            Self::ExpiryMonth => "expiry month must be 1 to 12",
            Self::ExpiryYear => "expiry year must be two digits, or four from 2000 to 2099",
        })
    }
}

impl std::error::Error for CardError {}

/// A card number, or a network token in the shape of one (ISO/IEC 7812): 12 to 19 digits, the last of them a Luhn check digit
/// (but see [`Pan::of_wallet`]).
///
/// Shown as `•••• 4242` in `Debug`, otherwise guarded like [`Secret`].
///
/// ```
/// use quittance::{Brand, Pan};
///
/// let number = Pan::parse("4242 4242 4242 4242")?;
/// assert_eq!(format!("{number:?}"), "•••• 4242");
/// assert_eq!((number.brand(), number.bin()), (Brand::Visa, "424242"));
/// // The whole number is had only by a call that a reviewer can search for.
/// assert_eq!(number.expose(), "4242424242424242");
/// // A mistyped digit breaks the check digit.
/// assert!(Pan::parse("4242 4242 4242 4241").is_err());
/// # Ok::<(), quittance::CardError>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Pan(Secret);

impl Pan {
    /// Reads a card number; spaces and hyphens are dropped.
    pub fn parse(text: &str) -> Result<Self, CardError> {
        // Room for the longest number at once: a buffer that grows leaves copies behind.
        let mut digits = Zeroizing::new(String::with_capacity(MAX_PAN_DIGITS));
        for character in text.chars() {
            match character {
                ' ' | '-' => {}
                '0'..='9' if digits.len() == MAX_PAN_DIGITS => return Err(CardError::PanLength),
                '0'..='9' => digits.push(character),
                _ => return Err(CardError::PanMalformed),
            }
        }
        if digits.len() < MIN_PAN_DIGITS {
            return Err(CardError::PanLength);
        }
        if !luhn(digits.bytes()) {
            return Err(CardError::PanChecksum);
        }
        Ok(Self(Secret::new(std::mem::take(&mut *digits))))
    }

    /// Reads the number inside a wallet's token: 12 to 19 digits and nothing else. The check digit is not looked at: nobody typed the
    /// number, the wallet vouches for it, and issuers' device numbers need not have one.
    pub fn of_wallet(text: &str) -> Result<Self, CardError> {
        if !text.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(CardError::PanMalformed);
        }
        match (MIN_PAN_DIGITS..=MAX_PAN_DIGITS).contains(&text.len()) {
            true => Ok(Self(Secret::from(text))),
            false => Err(CardError::PanLength),
        }
    }

    /// All digits, without separators: for the request they belong to, and nothing else.
    pub fn expose(&self) -> &str {
        self.0.expose()
    }

    /// The first six digits, which may be shown (PCI DSS 3.4.1).
    pub fn bin(&self) -> &str {
        self.expose().split_at(6).0
    }

    /// The first eight digits, the issuer's number since ISO/IEC 7812-1:2017; `None` for numbers of fewer than 16 digits, where
    /// eight and the last four would leave too little hidden.
    pub fn bin8(&self) -> Option<&str> {
        (self.expose().len() >= 16).then(|| self.expose().split_at(8).0)
    }

    /// The last four digits, which may be shown.
    pub fn last4(&self) -> &str {
        self.expose().split_at(self.expose().len() - 4).1
    }

    /// The brand that the first digits point to; see [`Brand`] for how far to trust it.
    pub fn brand(&self) -> Brand {
        Brand::of(self.bin())
    }
}

impl fmt::Debug for Pan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "•••• {}", self.last4())
    }
}

impl<'de> Deserialize<'de> for Pan {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = deserializer.deserialize_any(Discreet { what: "a card number as text", numbers: false })?;
        Self::parse(text.expose()).map_err(de::Error::custom)
    }
}

impl JsonSchema for Pan {
    fn schema_name() -> Cow<'static, str> {
        "Pan".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": "^[ -]*([0-9][ -]*){12,19}$", "writeOnly": true })
    }
}

const MIN_PAN_DIGITS: usize = 12;
const MAX_PAN_DIGITS: usize = 19;

/// Whether ASCII digits end in their check digit (Luhn, ISO/IEC 7812-1 annex B).
pub(crate) fn luhn(digits: impl DoubleEndedIterator<Item = u8>) -> bool {
    let sum = digits.rev().enumerate().fold(0, |sum: u32, (place, byte)| {
        let digit = u32::from(byte - b'0');
        let doubled = if place % 2 == 1 { digit * 2 } else { digit };
        sum + doubled / 10 + doubled % 10
    });
    sum.is_multiple_of(10)
}

/// The card security code printed on the card (CVC2, CVV2, CID): 3 or 4 digits. It must not be kept after authorization (PCI DSS 3.3.1).
///
/// Hidden in `Debug` and guarded like [`Secret`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cvc(Secret);

impl Cvc {
    /// Reads a security code of 3 or 4 digits, nothing around them.
    pub fn parse(text: &str) -> Result<Self, CardError> {
        let fits = matches!(text.len(), 3 | 4) && text.bytes().all(|byte| byte.is_ascii_digit());
        if fits { Ok(Self(Secret::from(text))) } else { Err(CardError::Cvc) }
    }

    /// The digits: for the request they belong to, and nothing else.
    pub fn expose(&self) -> &str {
        self.0.expose()
    }
}

impl<'de> Deserialize<'de> for Cvc {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = deserializer.deserialize_any(Discreet { what: "a card security code as text", numbers: false })?;
        Self::parse(text.expose()).map_err(de::Error::custom)
    }
}

impl JsonSchema for Cvc {
    fn schema_name() -> Cow<'static, str> {
        "Cvc".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": "^[0-9]{3,4}$", "writeOnly": true })
    }
}

/// The cryptogram of a network token, wallet token or 3-D Secure authentication (TAVV, CAVV, AAV): standard base64 with padding,
/// 16 to 64 bytes, kept as given. Most have 20 bytes.
///
/// Hidden in `Debug` and guarded like [`Secret`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cryptogram(Secret);

impl Cryptogram {
    /// Reads a cryptogram.
    pub fn parse(text: &str) -> Result<Self, CardError> {
        // 64 bytes are 88 characters; nothing longer needs decoding.
        if text.len() > 88 {
            return Err(CardError::Cryptogram);
        }
        let bytes = STANDARD.decode(text).map(Zeroizing::new).map_err(|_| CardError::Cryptogram)?;
        if (16..=64).contains(&bytes.len()) { Ok(Self(Secret::from(text))) } else { Err(CardError::Cryptogram) }
    }

    /// The base64 text: for the request it belongs to, and nothing else.
    pub fn expose(&self) -> &str {
        self.0.expose()
    }
}

impl<'de> Deserialize<'de> for Cryptogram {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = deserializer.deserialize_any(Discreet { what: "a cryptogram as base64 text", numbers: false })?;
        Self::parse(text.expose()).map_err(de::Error::custom)
    }
}

impl JsonSchema for Cryptogram {
    fn schema_name() -> Cow<'static, str> {
        "Cryptogram".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "format": "password", "contentEncoding": "base64", "maxLength": 88, "writeOnly": true })
    }
}

/// The month in which a card expires. The card is good to the end of that month.
///
/// In JSON `{"month": 3, "year": 2030}`; `"03"` and `30` are understood too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Expiry {
    year: u16,
    month: u8,
}

impl Expiry {
    /// A month from 1 to 12 of a year from 2000 to 2099; years 0 to 99 mean 20YY.
    pub fn new(month: u8, year: u16) -> Result<Self, CardError> {
        if !(1..=12).contains(&month) {
            return Err(CardError::ExpiryMonth);
        }
        match year {
            0..=99 => Ok(Self { year: 2000 + year, month }),
            2000..=2099 => Ok(Self { year, month }),
            _ => Err(CardError::ExpiryYear),
        }
    }

    /// The month, 1 to 12.
    pub const fn month(&self) -> u8 {
        self.month
    }

    /// The year, 2000 to 2099.
    pub const fn year(&self) -> u16 {
        self.year
    }

    /// The month in two digits, `03`.
    pub fn month2(&self) -> String {
        format!("{:02}", self.month)
    }

    /// The year in two digits, `30` for 2030.
    pub fn year2(&self) -> String {
        format!("{:02}", self.year % 100)
    }

    /// `YYMM`, the order of ISO 8583 field 14: `3003` for March 2030.
    pub fn yymm(&self) -> String {
        self.year2() + &self.month2()
    }

    /// `MMYY`, the order printed on cards: `0330` for March 2030.
    pub fn mmyy(&self) -> String {
        self.month2() + &self.year2()
    }

    /// Whether the card has expired in the given month of the given four-digit year.
    pub fn is_past(&self, year: u16, month: u8) -> bool {
        (self.year, self.month) < (year, month)
    }
}

impl<'de> Deserialize<'de> for Expiry {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Fields {
            month: SmallNumber,
            year: SmallNumber,
        }

        let Fields { month, year } = Fields::deserialize(deserializer)?;
        let month = u8::try_from(month.0).map_err(|_| de::Error::custom(CardError::ExpiryMonth))?;
        Self::new(month, year.0).map_err(de::Error::custom)
    }
}

/// A month or a year, as a number or as digits. A refused value is not repeated: it may be a card number in the wrong field.
struct SmallNumber(u16);

impl<'de> Deserialize<'de> for SmallNumber {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        const WHAT: &str = "a month or year in up to four digits";
        let text = deserializer.deserialize_any(Discreet { what: WHAT, numbers: true })?;
        let digits = text.expose();
        let fits = matches!(digits.len(), 1..=4) && digits.bytes().all(|byte| byte.is_ascii_digit());
        let number = if fits { digits.parse().ok() } else { None };
        number.map(Self).ok_or_else(|| de::Error::custom(format_args!("expected {WHAT}")))
    }
}

impl JsonSchema for Expiry {
    fn schema_name() -> Cow<'static, str> {
        "Expiry".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "object",
            "properties": {
                "month": { "type": ["integer", "string"], "description": "1 to 12", "minimum": 1, "maximum": 12, "pattern": "^(0?[1-9]|1[0-2])$" },
                "year": { "type": ["integer", "string"], "description": "four digits, or two for 20YY", "minimum": 0, "maximum": 2099, "pattern": "^(20)?[0-9]{2}$" },
            },
            "required": ["month", "year"],
            "additionalProperties": false,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pan(text: &str) -> Pan {
        Pan::parse(text).unwrap()
    }

    #[test]
    fn card_numbers_are_parsed_and_hidden() {
        let card = pan("4242 4242-4242 4242");
        assert_eq!(card.expose(), "4242424242424242");
        assert_eq!((card.bin(), card.bin8(), card.last4()), ("424242", Some("42424242"), "4242"));
        assert_eq!(format!("{card:?}"), "•••• 4242");
        assert_eq!(pan("378282246310005").bin8(), None);
        assert_eq!(card, pan("4242424242424242"));
    }

    #[test]
    fn what_is_no_card_number_is_refused() {
        let refused = |text: &str| Pan::parse(text).unwrap_err();
        assert_eq!(refused("4242424242424241"), CardError::PanChecksum);
        assert_eq!(refused(""), CardError::PanLength);
        assert_eq!(refused("42424242420"), CardError::PanLength);
        assert_eq!(refused("42424242424242424242"), CardError::PanLength);
        assert_eq!(refused("4242.4242.4242.4242"), CardError::PanMalformed);
        assert_eq!(refused("٤٢٤٢٤٢٤٢٤٢٤٢٤٢٤٢"), CardError::PanMalformed);
        assert!(Pan::parse("500000000009").is_ok() && Pan::parse("6304000000000000000").is_ok());
    }

    #[test]
    fn the_number_in_a_wallet_token_needs_no_check_digit() {
        assert_eq!(Pan::of_wallet("4817499130000013").unwrap().expose(), "4817499130000013");
        assert_eq!(Pan::of_wallet("4817 4991 3000 0013"), Err(CardError::PanMalformed));
        assert_eq!(Pan::of_wallet("48174991300"), Err(CardError::PanLength));
        assert_eq!(Pan::of_wallet("48174991300000131234"), Err(CardError::PanLength));
    }

    #[test]
    fn luhn_catches_every_single_mistyped_digit() {
        let good = b"4242424242424242";
        for place in 0..good.len() {
            for digit in (b'0'..=b'9').filter(|digit| *digit != good[place]) {
                let mut mistyped = *good;
                mistyped[place] = digit;
                assert!(!luhn(mistyped.into_iter()));
            }
        }
    }

    #[test]
    fn security_codes_and_cryptograms_are_checked() {
        assert_eq!(Cvc::parse("0123").unwrap().expose(), "0123");
        for text in ["", "12", "12345", "12a", " 123", "١٢"] {
            assert_eq!(Cvc::parse(text), Err(CardError::Cvc), "{text}");
        }
        assert!(Cryptogram::parse(&STANDARD.encode([7; 20])).is_ok());
        assert!(Cryptogram::parse(&STANDARD.encode([7; 64])).is_ok());
        for text in [
            STANDARD.encode([7; 15]),
            STANDARD.encode([7; 65]),
            STANDARD.encode([7; 200]),
            "?".repeat(28),
            "BwcHBwcHBwcHBwcHBwcHBwcHBwc".into(),
        ] {
            assert_eq!(Cryptogram::parse(&text), Err(CardError::Cryptogram), "{text}");
        }
        assert!(!format!("{:?}{:?}", Cvc::parse("739"), Cryptogram::parse(&STANDARD.encode([7; 20]))).contains("739"));
    }

    #[test]
    fn expiry_in_every_notation() {
        let expiry = Expiry::new(3, 30).unwrap();
        assert_eq!(expiry, Expiry::new(3, 2030).unwrap());
        assert_eq!(
            (expiry.month2(), expiry.year2(), expiry.yymm(), expiry.mmyy()),
            ("03".into(), "30".into(), "3003".into(), "0330".into())
        );
        assert!(
            !expiry.is_past(2030, 3) && expiry.is_past(2030, 4) && expiry.is_past(2031, 1) && !expiry.is_past(2029, 12)
        );
        assert_eq!(Expiry::new(0, 30), Err(CardError::ExpiryMonth));
        assert_eq!(Expiry::new(13, 30), Err(CardError::ExpiryMonth));
        assert_eq!(Expiry::new(3, 100), Err(CardError::ExpiryYear));
        assert_eq!(Expiry::new(3, 2100), Err(CardError::ExpiryYear));
    }

    #[test]
    fn json_is_parsed_and_never_repeated_in_errors() {
        assert_eq!(serde_json::from_str::<Pan>(r#""4242 4242 4242 4242""#).unwrap().last4(), "4242");
        for json in [r#"{"month":3,"year":2030}"#, r#"{"month":"03","year":"30"}"#] {
            assert_eq!(serde_json::from_str::<Expiry>(json).unwrap().mmyy(), "0330");
        }
        for json in ["4242424242424242", "\"4242424242424241\"", "[\"4242424242424242\"]"] {
            assert!(!serde_json::from_str::<Pan>(json).unwrap_err().to_string().contains("42"));
            assert!(!serde_json::from_str::<Cvc>(json).unwrap_err().to_string().contains("42"));
            assert!(!serde_json::from_str::<Cryptogram>(json).unwrap_err().to_string().contains("42"));
            let expiry = format!("{{\"month\":{json},\"year\":2030}}");
            assert!(!serde_json::from_str::<Expiry>(&expiry).unwrap_err().to_string().contains("42"));
        }
        assert!(serde_json::from_str::<Expiry>(r#"{"month":3,"year":2030,"day":1}"#).is_err());
        assert!(serde_json::from_str::<Expiry>(r#"{"month":"+3","year":2030}"#).is_err());
    }
}

//! Money: whole minor units of one currency, exact conversions, no floating point.

use std::cmp::Ordering;
use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, de};
use serde_json::value::RawValue;

use crate::currency::Currency;

/// An amount in minor units of its currency, as ISO 4217 counts them: 1050 for 10.50 EUR, 1050 for 1050 JPY.
///
/// Amounts of different currencies are unequal, unordered, and cannot be added.
///
/// ```
/// use quittance::{Currency, Money};
///
/// let price = Money::new(1050, Currency::EUR);
/// assert_eq!(price.to_string(), "10.50 EUR");
/// assert_eq!(Money::parse_major("10.50", Currency::EUR), Ok(price));
/// assert_eq!(Money::new(1050, Currency::JPY).major(), "1050");
///
/// assert!(Money::parse_major("10.505", Currency::EUR).is_err());
/// assert_eq!(price.checked_add(&Money::new(1, Currency::JPY)), None);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Money {
    /// Minor units.
    minor: i64,
    /// ISO 4217 code.
    currency: Currency,
}

/// Why an amount could not be read or converted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MoneyError {
    /// The text is no plain decimal number: digits, at most one point between digits, at most one leading minus.
    Malformed,
    /// The amount has more decimals, not zero, than can be kept.
    TooPrecise {
        /// How many decimals can be kept.
        decimals: u8,
    },
    /// The amount does not fit 64 bits of minor units, or came as a floating-point number too large to be exact.
    OutOfRange,
    /// The amount is in another currency than the one asked for.
    CurrencyMismatch,
}

impl Money {
    /// An amount from minor units.
    pub const fn new(minor: i64, currency: Currency) -> Self {
        Self { minor, currency }
    }

    /// Nothing, in a currency.
    pub const fn zero(currency: Currency) -> Self {
        Self::new(0, currency)
    }

    /// The amount in minor units as ISO 4217 counts them.
    pub const fn minor(&self) -> i64 {
        self.minor
    }

    /// The currency.
    pub const fn currency(&self) -> Currency {
        self.currency
    }

    /// The amount in major units as exact decimal text, always with the decimals of ISO 4217: `10.50`, `-0.05`, for JPY `1050`.
    pub fn major(&self) -> String {
        decimal_text(self.minor, self.currency.exponent())
    }

    /// Reads major units: `10.50`, `10.5`, `10`, `-0.05`, and `10.5000`, since zeros lose nothing.
    ///
    /// Errors: [`MoneyError::Malformed`] for blanks, a plus sign, exponents, separators of thousands, a missing digit on either side of
    /// the point; [`MoneyError::TooPrecise`] for more decimals than the currency has; [`MoneyError::OutOfRange`] beyond 64 bits.
    pub fn parse_major(text: &str, currency: Currency) -> Result<Self, MoneyError> {
        Ok(Self::new(parse_decimal(text, currency.exponent())?, currency))
    }

    /// The sum; `None` if the currencies differ or the sum does not fit.
    pub fn checked_add(&self, other: &Self) -> Option<Self> {
        let minor = self.minor.checked_add(other.minor)?;
        (self.currency == other.currency).then_some(Self::new(minor, self.currency))
    }

    /// The difference; `None` if the currencies differ or the difference does not fit.
    pub fn checked_sub(&self, other: &Self) -> Option<Self> {
        let minor = self.minor.checked_sub(other.minor)?;
        (self.currency == other.currency).then_some(Self::new(minor, self.currency))
    }
}

impl PartialOrd for Money {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        (self.currency == other.currency).then(|| self.minor.cmp(&other.minor))
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.major(), self.currency)
    }
}

impl fmt::Display for MoneyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed => f.write_str("amount is not a plain decimal number, write it like \"10.50\""),
            Self::TooPrecise { decimals: 0 } => f.write_str("amount has decimals where none are possible"),
            Self::TooPrecise { decimals } => {
                write!(f, "amount has more than the {decimals} decimals possible")
            }
            Self::OutOfRange => f.write_str("amount is too large to be kept exactly"),
            Self::CurrencyMismatch => f.write_str("amount is in another currency than expected"),
        }
    }
}

impl std::error::Error for MoneyError {}

/// Where a provider counts minor units otherwise than ISO 4217: the exceptions, each with the provider's number of decimals.
///
/// `Exponents(&[(Currency::IDR, 0)])` is a provider that counts whole rupiah. Everything not listed follows ISO 4217.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exponents(pub &'static [(Currency, u8)]);

impl Exponents {
    /// No exceptions.
    pub const ISO: Self = Self(&[]);

    /// The number of decimals that the provider gives a currency.
    pub fn exponent(&self, currency: Currency) -> u8 {
        let listed = self.0.iter().find(|(exception, _)| *exception == currency);
        listed.map_or(currency.exponent(), |(_, exponent)| *exponent)
    }

    /// The amount in the provider's minor units.
    ///
    /// Errors: [`MoneyError::TooPrecise`] if it is no whole number of them, [`MoneyError::OutOfRange`] if it does not fit.
    pub fn minor_at(&self, money: &Money) -> Result<i64, MoneyError> {
        rescale(money.minor, money.currency.exponent(), self.exponent(money.currency))
    }

    /// The amount that the provider's minor units stand for. Errors as for [`minor_at`](Self::minor_at).
    pub fn money_from(&self, minor: i64, currency: Currency) -> Result<Money, MoneyError> {
        let minor = rescale(minor, self.exponent(currency), currency.exponent())?;
        Ok(Money::new(minor, currency))
    }

    /// The amount in major units as exact decimal text, always with the provider's number of decimals.
    ///
    /// Errors as for [`minor_at`](Self::minor_at).
    pub fn major_at(&self, money: &Money) -> Result<String, MoneyError> {
        Ok(decimal_text(self.minor_at(money)?, self.exponent(money.currency)))
    }
}

/// An amount in major units as a provider writes it in JSON: a string (`"10.50"`) or a number (`10.5`, `10`).
///
/// A string is kept as it stands and judged by [`to_money`](Self::to_money). A number with a point arrives as binary floating point; its
/// shortest decimal form is the text the provider wrote as long as neighbours are closer together than the last decimal, and beyond
/// that it is refused: at 2^43 (about 8.8 · 10^12) while reading, at 2^39 by `to_money` for a currency of four decimals.
/// It needs a self-describing format: for XML use a `String` and [`Money::parse_major`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decimal {
    text: String,
    /// How many decimals can be trusted; all of them, unless floating point was involved.
    exact_decimals: u8,
}

impl Decimal {
    /// The decimal text: the provider's own, or the shortest form of its number.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The amount. Errors as for [`Money::parse_major`].
    pub fn to_money(&self, currency: Currency) -> Result<Money, MoneyError> {
        if currency.exponent() > self.exact_decimals {
            return Err(MoneyError::OutOfRange);
        }
        Money::parse_major(&self.text, currency)
    }
}

impl<'de> Deserialize<'de> for Decimal {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(DecimalVisitor)
    }
}

struct DecimalVisitor;

impl de::Visitor<'_> for DecimalVisitor {
    type Value = Decimal;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an amount as decimal text or number")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Decimal, E> {
        Ok(Decimal { text: text.to_owned(), exact_decimals: u8::MAX })
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<Decimal, E> {
        Ok(Decimal { text: number.to_string(), exact_decimals: u8::MAX })
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Decimal, E> {
        Ok(Decimal { text: number.to_string(), exact_decimals: u8::MAX })
    }

    fn visit_f64<E: de::Error>(self, number: f64) -> Result<Decimal, E> {
        // Doubles lie 2^-14 apart just below 2^39, closer than four decimals, and 2^-10 apart just below 2^43, closer than three.
        const FOUR_DECIMALS_BELOW: f64 = 549_755_813_888.0;
        const THREE_DECIMALS_BELOW: f64 = 8_796_093_022_208.0;
        let size = number.abs();
        let exact_decimals = if size < FOUR_DECIMALS_BELOW {
            4
        } else if size < THREE_DECIMALS_BELOW {
            3
        } else {
            return Err(E::custom(MoneyError::OutOfRange));
        };
        // `Display` prints the shortest digits that read back as the same number, and never an exponent.
        Ok(Decimal { text: number.to_string(), exact_decimals })
    }
}

/// An amount that serialises as a JSON number in major units with a fixed number of decimals, `12.50`, never through floating point.
///
/// For JSON only: other formats do not know how to write digits verbatim, and [`serde_json::Value`] drops trailing zeros.
#[derive(Clone, Debug, Serialize)]
#[serde(transparent)]
pub struct MajorNumber(Box<RawValue>);

impl MajorNumber {
    /// The amount with the provider's number of decimals. Errors as for [`Exponents::major_at`].
    pub fn new(money: &Money, exponents: Exponents) -> Result<Self, MoneyError> {
        let text = exponents.major_at(money)?;
        RawValue::from_string(text).map(Self).map_err(|_| MoneyError::Malformed)
    }
}

/// Writes `minor` with the point `decimals` digits from the right.
fn decimal_text(minor: i64, decimals: u8) -> String {
    let sign = if minor < 0 { "-" } else { "" };
    let decimals = usize::from(decimals);
    let digits = format!("{:0>width$}", minor.unsigned_abs(), width = decimals + 1);
    let (whole, fraction) = digits.split_at(digits.len() - decimals);
    let point = if fraction.is_empty() { "" } else { "." };
    format!("{sign}{whole}{point}{fraction}")
}

/// Reads plain decimal text as a whole number of units of `10^-decimals`.
fn parse_decimal(text: &str, decimals: u8) -> Result<i64, MoneyError> {
    let (negative, unsigned) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
    let (whole, fraction) =
        unsigned.split_once('.').map_or((unsigned, None), |(whole, fraction)| (whole, Some(fraction)));
    let all_digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if !all_digits(whole) || !fraction.is_none_or(all_digits) {
        return Err(MoneyError::Malformed);
    }
    let significant = fraction.unwrap_or_default().trim_end_matches('0');
    let missing = usize::from(decimals).checked_sub(significant.len()).ok_or(MoneyError::TooPrecise { decimals })?;
    let digits = whole.bytes().chain(significant.bytes()).map(|byte| i64::from(byte - b'0'));
    digits
        .chain(std::iter::repeat_n(0, missing))
        .try_fold(0_i64, |sum, digit| {
            let tenfold = sum.checked_mul(10)?;
            if negative { tenfold.checked_sub(digit) } else { tenfold.checked_add(digit) }
        })
        .ok_or(MoneyError::OutOfRange)
}

/// Converts a count of units of `10^-from` into a count of units of `10^-to`.
fn rescale(minor: i64, from: u8, to: u8) -> Result<i64, MoneyError> {
    let factor = 10_i64.checked_pow(u32::from(from.abs_diff(to)));
    match factor {
        _ if minor == 0 => Ok(0),
        Some(factor) if to >= from => minor.checked_mul(factor).ok_or(MoneyError::OutOfRange),
        None if to >= from => Err(MoneyError::OutOfRange),
        Some(factor) if minor % factor == 0 => Ok(minor / factor),
        _ => Err(MoneyError::TooPrecise { decimals: to }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXTREMES: [i64; 9] = [0, 1, -1, 5, 1050, -1050, 100_000, i64::MAX, i64::MIN];

    fn parse(text: &str, currency: Currency) -> Result<i64, MoneyError> {
        Money::parse_major(text, currency).map(|money| money.minor())
    }

    #[test]
    fn major_text_reads_back_in_every_currency() {
        for &currency in Currency::all() {
            for minor in EXTREMES {
                let money = Money::new(minor, currency);
                assert_eq!(Money::parse_major(&money.major(), currency), Ok(money));
            }
        }
        assert_eq!(Money::new(1050, Currency::EUR).to_string(), "10.50 EUR");
        assert_eq!(Money::new(-5, Currency::EUR).major(), "-0.05");
        assert_eq!(Money::new(1050, Currency::JPY).major(), "1050");
        assert_eq!(Money::new(5, Currency::KWD).major(), "0.005");
        assert_eq!(Money::new(i64::MIN, Currency::CLF).major(), "-922337203685477.5808");
    }

    #[test]
    fn only_plain_decimals_are_read() {
        for (text, minor) in [
            ("10.50", 1050),
            ("10.5", 1050),
            ("10", 1000),
            ("10.500000", 1050),
            ("007.10", 710),
            ("-0.05", -5),
            ("-0", 0),
        ] {
            assert_eq!(parse(text, Currency::EUR), Ok(minor), "{text}");
        }
        for text in [
            "", "-", ".", "10.", ".5", "+1", "--1", "1 ", " 1", "1e2", "1,5", "1.5.0", "1_000", "0x10", "١", "NaN",
            "1.-5",
        ] {
            assert_eq!(parse(text, Currency::EUR), Err(MoneyError::Malformed), "{text}");
        }
        assert_eq!(parse("10.505", Currency::EUR), Err(MoneyError::TooPrecise { decimals: 2 }));
        assert_eq!(parse("1050.5", Currency::JPY), Err(MoneyError::TooPrecise { decimals: 0 }));
        assert_eq!(parse("1050.00", Currency::JPY), Ok(1050));
        assert_eq!(parse("92233720368547758.07", Currency::EUR), Ok(i64::MAX));
        assert_eq!(parse("92233720368547758.08", Currency::EUR), Err(MoneyError::OutOfRange));
        assert_eq!(parse("-92233720368547758.08", Currency::EUR), Ok(i64::MIN));
        assert_eq!(parse(&"9".repeat(400), Currency::EUR), Err(MoneyError::OutOfRange));
    }

    #[test]
    fn sums_and_order_stay_within_a_currency() {
        let (one, two) = (Money::new(1, Currency::EUR), Money::new(2, Currency::EUR));
        assert_eq!(one.checked_add(&two), Some(Money::new(3, Currency::EUR)));
        assert_eq!(one.checked_sub(&two), Some(Money::new(-1, Currency::EUR)));
        assert_eq!(one.checked_add(&Money::new(i64::MAX, Currency::EUR)), None);
        assert_eq!(one.checked_sub(&Money::new(i64::MIN, Currency::EUR)), None);
        assert_eq!(one.checked_add(&Money::zero(Currency::USD)), None);
        assert_eq!(one.checked_sub(&Money::zero(Currency::USD)), None);
        assert!(one < two);
        assert_eq!(one.partial_cmp(&Money::new(2, Currency::USD)), None);
    }

    #[test]
    fn iso_exponents_change_nothing() {
        for &currency in Currency::all() {
            for minor in EXTREMES {
                let money = Money::new(minor, currency);
                assert_eq!(Exponents::ISO.minor_at(&money), Ok(minor));
                assert_eq!(Exponents::ISO.money_from(minor, currency), Ok(money));
                assert_eq!(Exponents::ISO.major_at(&money), Ok(money.major()));
            }
        }
    }

    #[test]
    fn provider_exponents_are_exact_or_refused() {
        const PROVIDER: Exponents =
            Exponents(&[(Currency::IDR, 0), (Currency::CLP, 2), (Currency::KWD, 2), (Currency::XAU, 40)]);
        let idr = Money::new(105_000, Currency::IDR);
        assert_eq!(PROVIDER.minor_at(&idr), Ok(1050));
        assert_eq!(PROVIDER.major_at(&idr), Ok("1050".to_owned()));
        assert_eq!(PROVIDER.money_from(1050, Currency::IDR), Ok(idr));
        assert_eq!(PROVIDER.minor_at(&Money::new(105_050, Currency::IDR)), Err(MoneyError::TooPrecise { decimals: 0 }));
        let clp = Money::new(1050, Currency::CLP);
        assert_eq!(PROVIDER.minor_at(&clp), Ok(105_000));
        assert_eq!(PROVIDER.major_at(&clp), Ok("1050.00".to_owned()));
        assert_eq!(PROVIDER.money_from(105_001, Currency::CLP), Err(MoneyError::TooPrecise { decimals: 0 }));
        assert_eq!(PROVIDER.minor_at(&Money::new(i64::MAX, Currency::CLP)), Err(MoneyError::OutOfRange));
        assert_eq!(PROVIDER.minor_at(&Money::new(-1230, Currency::KWD)), Ok(-123));
        assert_eq!(PROVIDER.minor_at(&Money::new(1234, Currency::KWD)), Err(MoneyError::TooPrecise { decimals: 2 }));
        assert_eq!(PROVIDER.minor_at(&Money::new(1, Currency::XAU)), Err(MoneyError::OutOfRange));
        assert_eq!(PROVIDER.minor_at(&Money::zero(Currency::XAU)), Ok(0));
        assert_eq!(PROVIDER.exponent(Currency::EUR), 2);
    }

    #[test]
    fn decimals_are_read_from_strings_and_numbers() {
        let read = |json: &str, currency| {
            serde_json::from_str::<Decimal>(json).unwrap().to_money(currency).map(|money| money.minor())
        };
        for json in ["\"10.50\"", "10.50", "10.5", "1.05e1"] {
            assert_eq!(read(json, Currency::EUR), Ok(1050), "{json}");
        }
        assert_eq!(read("10", Currency::EUR), Ok(1000));
        assert_eq!(read("-10", Currency::EUR), Ok(-1000));
        assert_eq!(read("18446744073709551615", Currency::JPY), Err(MoneyError::OutOfRange));
        assert_eq!(read("0.1234", Currency::CLF), Ok(1234));
        assert_eq!(read("0.30000000000000004", Currency::EUR), Err(MoneyError::TooPrecise { decimals: 2 }));
        assert_eq!(read("1e-7", Currency::EUR), Err(MoneyError::TooPrecise { decimals: 2 }));
        assert_eq!(read("\"ten\"", Currency::EUR), Err(MoneyError::Malformed));
    }

    #[test]
    fn floating_point_is_taken_only_where_it_is_exact() {
        let read = |json: &str| serde_json::from_str::<Decimal>(json);
        for (text, currency) in [
            ("549755813887.9999", Currency::CLF),
            ("8796093022207.999", Currency::KWD),
            ("8796093022207.99", Currency::EUR),
        ] {
            assert_eq!(read(text).unwrap().to_money(currency).unwrap().major(), text);
        }
        assert_eq!(read("549755813888.0001").unwrap().to_money(Currency::CLF), Err(MoneyError::OutOfRange));
        for json in ["8796093022208.5", "-8796093022208.5", "1e300", "18446744073709551616", "true", "null", "[]"] {
            assert!(read(json).is_err(), "{json}");
        }
        // The largest step of each grade, walked over: every text must come back as it was written.
        for thousandths in 0..1000 {
            let text = format!("8796093022207.{thousandths:03}");
            assert_eq!(read(&text).unwrap().to_money(Currency::KWD).unwrap().major(), text);
        }
    }

    #[test]
    fn major_numbers_are_written_digit_by_digit() {
        let write = |minor, currency, exponents| {
            serde_json::to_string(&MajorNumber::new(&Money::new(minor, currency), exponents).unwrap()).unwrap()
        };
        assert_eq!(write(1234, Currency::EUR, Exponents::ISO), "12.34");
        assert_eq!(write(1250, Currency::EUR, Exponents::ISO), "12.50");
        assert_eq!(write(-5, Currency::EUR, Exponents::ISO), "-0.05");
        assert_eq!(write(12, Currency::JPY, Exponents::ISO), "12");
        assert_eq!(write(12, Currency::JPY, Exponents(&[(Currency::JPY, 2)])), "12.00");
        assert_eq!(write(i64::MAX, Currency::EUR, Exponents::ISO), "92233720368547758.07");
        let too_precise = MajorNumber::new(&Money::new(1234, Currency::KWD), Exponents(&[(Currency::KWD, 2)]));
        assert_eq!(too_precise.map(|_| ()), Err(MoneyError::TooPrecise { decimals: 2 }));
    }
}

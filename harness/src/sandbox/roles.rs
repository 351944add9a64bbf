//! What the values of answers stand for: an amount of the payment, whether it is refunded, its currency. A tape states them as they were
//! in its case; what fits all cases of an operation is what they mean.

use std::fmt::Write as _;

use quittance::{Currency, Money};

use super::known::{Account, Moment};

/// An amount of a payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Quantity {
    /// What this request asks for.
    Asked,
    /// What was taken.
    Captured,
    /// The whole amount.
    Amount,
    /// What was given back.
    Refunded,
    /// What is reserved and not taken.
    Uncaptured,
    /// What was taken and not given back.
    Kept,
    /// What is not with the merchant: given back or never taken.
    Released,
    /// By how much the whole amount was raised.
    Raised,
    /// The whole amount less what was given back.
    Left,
}

impl Quantity {
    /// In the order in which they are believed when several fit.
    const ALL: [Quantity; 9] = [
        Quantity::Asked,
        Quantity::Captured,
        Quantity::Amount,
        Quantity::Refunded,
        Quantity::Uncaptured,
        Quantity::Kept,
        Quantity::Released,
        Quantity::Raised,
        Quantity::Left,
    ];

    /// The amount in a situation.
    pub(super) fn of(self, moment: &Moment) -> Option<i64> {
        let now = moment.after;
        match self {
            Quantity::Asked => moment.asked,
            Quantity::Captured => Some(now.captured),
            Quantity::Amount => Some(now.amount),
            Quantity::Refunded => Some(now.refunded),
            Quantity::Uncaptured => now.amount.checked_sub(now.captured),
            Quantity::Kept => now.captured.checked_sub(now.refunded),
            Quantity::Released => now.amount.checked_sub(now.captured)?.checked_add(now.refunded),
            Quantity::Raised => now.amount.checked_sub(moment.before.amount),
            Quantity::Left => now.amount.checked_sub(now.refunded),
        }
    }

    /// The quantity that fits all values; of several the one that the path speaks of, else the first. `None` where none fits, and
    /// where every value is nothing.
    pub(super) fn fitting<'m>(path: &str, values: impl Iterator<Item = (i64, &'m Moment)> + Clone) -> Option<Quantity> {
        Quantity::spoken(path, values.clone()).or_else(|| Quantity::all_fitting(values).first().copied())
    }

    /// The quantity that the path speaks of, where it fits all values.
    pub(super) fn spoken<'m>(path: &str, values: impl Iterator<Item = (i64, &'m Moment)> + Clone) -> Option<Quantity> {
        // The amount itself and what it stands in; further out the whole answer may be about refunds.
        let (refunds, captures) = (path.contains("refunds["), path.contains("captures["));
        let mut names = path.rsplitn(3, ['.', '/']);
        let path =
            format!("{}.{}", names.next().unwrap_or_default(), names.next().unwrap_or_default()).to_ascii_lowercase();
        let spoken = |quantity: &Quantity| match quantity {
            Quantity::Refunded => refunds || path.contains("refunded") || path.contains("devoluc"),
            Quantity::Captured => {
                captures || path.contains("captured") || path.contains("received") || path.contains("settleamount")
            }
            Quantity::Uncaptured => path.contains("capturable"),
            Quantity::Kept => path.contains("remaining"),
            _ => false,
        };
        Quantity::all_fitting(values).into_iter().find(spoken)
    }

    fn all_fitting<'m>(values: impl Iterator<Item = (i64, &'m Moment)> + Clone) -> Vec<Quantity> {
        if values.clone().all(|(value, _)| value == 0) {
            return Vec::new();
        }
        let fits = |quantity: &Quantity| values.clone().all(|(value, moment)| quantity.of(moment) == Some(value));
        Quantity::ALL.into_iter().filter(fits).collect()
    }
}

/// How an amount is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Figure {
    /// In minor units: `6000`.
    Minor,
    /// In major units with decimals: `60.00`.
    Major,
}

impl Figure {
    /// Reads an amount of a tape, whose currency has `exponent` decimals.
    pub(super) fn read(text: &str, exponent: u8) -> Option<(Figure, i64)> {
        let digits =
            |text: &str| !text.is_empty() && text.len() <= 15 && text.bytes().all(|byte| byte.is_ascii_digit());
        match text.split_once('.') {
            Some((whole, part)) if digits(whole) && digits(part) && part.len() == usize::from(exponent) => {
                format!("{whole}{part}").parse().ok().map(|minor| (Figure::Major, minor))
            }
            None if digits(text) && (text == "0" || !text.starts_with('0')) => {
                text.parse().ok().map(|minor| (Figure::Minor, minor))
            }
            _ => None,
        }
    }

    /// Reads an amount that a client sent.
    pub(super) fn parse(self, text: &str, currency: Option<Currency>) -> Option<i64> {
        let text = text.trim();
        match self {
            Figure::Minor => text.parse::<i64>().ok(),
            Figure::Major => match currency {
                Some(currency) => {
                    let zeros = text.split_once('.').filter(|(_, part)| part.bytes().all(|byte| byte == b'0'));
                    Money::parse_major(zeros.map_or(text, |(whole, _)| whole), currency).ok().map(|money| money.minor())
                }
                None => None,
            },
        }
    }

    /// Writes an amount.
    pub(super) fn write(self, minor: i64, currency: Option<Currency>, out: &mut String) {
        match (self, currency) {
            (Figure::Major, Some(currency)) => out.push_str(&Money::new(minor, currency).major()),
            _ => out.push_str(itoa::Buffer::new().format(minor)),
        }
    }
}

/// Something about a payment that is so or is not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flag {
    /// All that was taken was given back.
    Refunded,
    /// Something was taken.
    Captured,
}

impl Flag {
    pub(super) fn of(self, now: &Account) -> bool {
        match self {
            Flag::Refunded => now.captured > 0 && now.refunded >= now.captured,
            Flag::Captured => now.captured > 0,
        }
    }

    /// What a word of JSON of this name stands for, where it fits this value alone and there is something to tell.
    pub(super) fn fitting_one(name: &str, value: bool, moment: &Moment) -> Option<Flag> {
        let flag = if name.contains("refunded") { Flag::Refunded } else { return None };
        (moment.after.captured > 0 && flag.of(&moment.after) == value).then_some(flag)
    }

    /// What a word of JSON of this name stands for, where it fits all values.
    pub(super) fn fitting<'m>(name: &str, values: impl Iterator<Item = (bool, &'m Moment)> + Clone) -> Option<Flag> {
        let flag = match name {
            _ if name.contains("refunded") => Flag::Refunded,
            _ if name.contains("captured") => Flag::Captured,
            _ => return None,
        };
        let varies = values.clone().any(|(value, _)| value);
        (varies && values.clone().all(|(value, moment)| flag.of(&moment.after) == value)).then_some(flag)
    }
}

/// How a currency is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    /// `EUR`.
    Upper,
    /// `eur`.
    Lower,
    /// `978`.
    Numeric,
}

impl Style {
    /// How a value of a tape writes the currency of its case; a number only where the path speaks of a currency.
    pub(super) fn read(path: &str, text: &str, currency: Currency) -> Option<Style> {
        if text == currency.code() {
            Some(Style::Upper)
        } else if text.len() == 3 && text.eq_ignore_ascii_case(currency.code()) {
            Some(Style::Lower)
        } else {
            let numeric = format!("{:03}", currency.numeric());
            (text == numeric && path.to_ascii_lowercase().contains("currency")).then_some(Style::Numeric)
        }
    }

    pub(super) fn parse(self, text: &str) -> Option<Currency> {
        match self {
            Style::Numeric => Currency::from_numeric(text.parse().ok()?),
            _ => {
                let mut code = <[u8; 3]>::try_from(text.as_bytes()).ok()?;
                code.make_ascii_uppercase();
                Currency::from_code(std::str::from_utf8(&code).ok()?)
            }
        }
    }

    pub(super) fn write(self, currency: Currency, out: &mut String) {
        match self {
            Style::Upper => out.push_str(currency.code()),
            Style::Lower => out.extend(currency.code().chars().map(|letter| letter.to_ascii_lowercase())),
            Style::Numeric => drop(write!(out, "{:03}", currency.numeric())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moment(amount: i64, captured: i64, refunded: i64, asked: i64) -> Moment {
        let after = Account { state: "captured", amount, captured, refunded };
        Moment { before: Account::NONE, after, end: after, asked: Some(asked) }
    }

    #[test]
    fn a_quantity_is_what_fits_all_cases() {
        let (whole, part) = (moment(6000, 6000, 0, 6000), moment(6000, 2500, 0, 2500));
        let of = |path: &str, values: &[(i64, &Moment)]| Quantity::fitting(path, values.iter().copied());
        assert_eq!(of("$.amount", &[(6000, &whole), (6000, &part)]), Some(Quantity::Amount));
        assert_eq!(of("$.amount_received", &[(6000, &whole), (2500, &part)]), Some(Quantity::Captured));
        assert_eq!(of("$.rest", &[(0, &whole), (3500, &part)]), Some(Quantity::Uncaptured));
        assert_eq!(of("$.fee", &[(0, &whole), (0, &part)]), None);
        assert_eq!(of("$.odd", &[(17, &whole)]), None);
    }

    #[test]
    fn amounts_are_read_and_written_exactly() {
        assert_eq!(Figure::read("60.00", 2), Some((Figure::Major, 6000)));
        assert_eq!(Figure::read("6000", 2), Some((Figure::Minor, 6000)));
        assert_eq!(Figure::read("60.0", 2), None);
        assert_eq!(Figure::Major.parse("73.5", Some(Currency::EUR)), Some(7350));
        assert_eq!(Figure::Major.parse("5000.00", Currency::from_code("JPY")), Some(5000));
        let mut written = String::new();
        Figure::Major.write(7351, Some(Currency::EUR), &mut written);
        assert_eq!(written, "73.51");
        assert_eq!(Figure::Minor.parse("1e9", None), None);
    }
}

//! Card brands by the first six digits.

/// A card brand, told from the first six digits.
///
/// The authoritative tables are the networks' own and change often, so this is a first guess, good for choosing a
/// field value or an icon; what the provider answers comes first. Cards with two brands are named after one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Brand {
    /// Visa, Visa Electron included.
    Visa,
    /// Mastercard.
    Mastercard,
    /// American Express.
    Amex,
    /// Discover.
    Discover,
    /// Diners Club.
    Diners,
    /// JCB.
    Jcb,
    /// China UnionPay.
    UnionPay,
    /// Maestro.
    Maestro,
    /// Any other, or a domestic one: Elo, Hiper, RuPay, Mir, Troy, Verve.
    Other,
}

impl Brand {
    /// The brand of a number that starts with these six digits.
    pub(super) fn of(bin: &str) -> Self {
        let prefix = bin.bytes().fold(0, |sum: u32, byte| sum * 10 + u32::from(byte - b'0'));
        let range = BRANDS.iter().find(|(first, last, _)| (*first..=*last).contains(&prefix));
        range.map_or(Self::Other, |(_, _, brand)| *brand)
    }
}

/// Ranges of the first six digits; the first that fits decides, so domestic brands stand before the ranges they lie in.
///
/// Compiled on 2026-11-22 from two public tables that name the networks' bulletins: `credit_card_methods.rb` of ActiveMerchant
/// (Mastercard Rules, Discover Global Network compliance guide, Elo's table) and Braintree's `credit-card-type` 10.3.0
/// (UnionPay, Maestro, Elo, Hiper, Troy, Verve). RuPay's ranges are those common to public card detectors.
const BRANDS: &[(u32, u32, Brand)] = &[
    (493698, 493698, Brand::Maestro),
    (401178, 401179, Brand::Other), // Elo, down to 457632
    (431274, 431274, Brand::Other),
    (438935, 438935, Brand::Other),
    (451416, 451416, Brand::Other),
    (457393, 457393, Brand::Other),
    (457631, 457632, Brand::Other),
    (504175, 504175, Brand::Other), // Elo
    (506099, 506198, Brand::Other), // Verve
    (506699, 506778, Brand::Other), // Elo
    (507865, 507964, Brand::Other), // Verve
    (508500, 508999, Brand::Other), // RuPay
    (509000, 509999, Brand::Other), // Elo
    (589562, 589562, Brand::Other), // Naranja
    (627780, 627780, Brand::Other), // Elo, down to 636368
    (636297, 636297, Brand::Other),
    (636368, 636368, Brand::Other),
    (637095, 637095, Brand::Other), // Hiper, down to 637612
    (637568, 637568, Brand::Other),
    (637599, 637599, Brand::Other),
    (637609, 637609, Brand::Other),
    (637612, 637612, Brand::Other),
    (650031, 650033, Brand::Other), // Elo, down to 650598
    (650035, 650051, Brand::Other),
    (650405, 650439, Brand::Other),
    (650485, 650538, Brand::Other),
    (650541, 650598, Brand::Other),
    (650700, 650718, Brand::Other), // Elo, down to 651679
    (650720, 650727, Brand::Other),
    (650901, 650978, Brand::Other),
    (651652, 651679, Brand::Other),
    (652150, 653149, Brand::Other), // RuPay
    (655000, 655019, Brand::Other), // Elo
    (655021, 655058, Brand::Other), // Elo
    (657366, 657366, Brand::Other), // Troy
    (657998, 657998, Brand::Other), // Troy
    (222100, 272099, Brand::Mastercard),
    (300000, 305999, Brand::Diners),
    (309500, 309599, Brand::Diners),
    (340000, 349999, Brand::Amex),
    (352800, 358999, Brand::Jcb),
    (360000, 369999, Brand::Diners),
    (370000, 379999, Brand::Amex),
    (380000, 399999, Brand::Diners),
    (400000, 499999, Brand::Visa),
    (500000, 509999, Brand::Maestro),
    (510000, 559999, Brand::Mastercard),
    (560000, 599999, Brand::Maestro),
    (601100, 601199, Brand::Discover),
    (620000, 629999, Brand::UnionPay),
    (630000, 639999, Brand::Maestro),
    (644000, 659999, Brand::Discover),
    (670000, 679999, Brand::Maestro),
    (810000, 817199, Brand::UnionPay),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::card::Pan;

    /// Numbers that networks and providers publish for testing.
    #[test]
    fn brands_of_published_test_numbers() {
        for (number, brand) in [
            ("4111111111111111", Brand::Visa),
            ("4222222222222", Brand::Visa),
            ("5555555555554444", Brand::Mastercard),
            ("2223003122003222", Brand::Mastercard),
            ("378282246310005", Brand::Amex),
            ("6011111111111117", Brand::Discover),
            ("30569309025904", Brand::Diners),
            ("38520000023237", Brand::Diners),
            ("3566002020360505", Brand::Jcb),
            ("6200000000000005", Brand::UnionPay),
            ("6759649826438453", Brand::Maestro),
            ("6362970000457013", Brand::Other),
            ("2200000000000004", Brand::Other),
        ] {
            assert_eq!(Pan::parse(number).unwrap().brand(), brand, "{number}");
        }
    }

    #[test]
    fn brand_ranges_are_well_formed_and_all_can_be_reached() {
        for (index, (first, last, _)) in BRANDS.iter().enumerate() {
            assert!(first <= last && (100_000..1_000_000).contains(first) && (100_000..1_000_000).contains(last));
            let deciding = |prefix: &u32| BRANDS.iter().position(|(from, to, _)| (*from..=*to).contains(prefix));
            assert!(deciding(first) == Some(index) || deciding(last) == Some(index), "{first}–{last}");
        }
    }
}

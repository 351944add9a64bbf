//! Whole numbers on the command line: what is no number, or none of the range, is refused with what is wanted.

use std::ops::RangeInclusive;

/// Reads whole numbers of a range, for `value_parser`; clap says before it what was given, and for which option.
pub(super) fn number<T: TryFrom<u64>>(
    range: RangeInclusive<u64>,
) -> impl Fn(&str) -> Result<T, String> + Clone + Send + Sync + 'static {
    move |text| {
        let read = text.parse::<u64>().ok().filter(|number| range.contains(number));
        let told = || format!("expected a whole number from {} to {}", range.start(), range.end());
        read.and_then(|number| T::try_from(number).ok()).ok_or_else(told)
    }
}

/// Reads a seed: any number of 64 bits.
pub(super) fn seed(text: &str) -> Result<u64, String> {
    number(0..=u64::MAX)(text)
}

#[cfg(test)]
mod tests {
    use super::{number, seed};

    #[test]
    fn what_is_no_number_is_told_with_the_range() {
        let status = number::<u16>(100..=599);
        assert_eq!(status("404"), Ok(404));
        for text in ["", "ok", "99", "600", "2e2", "-1", "99999999999999999999"] {
            assert_eq!(status(text), Err("expected a whole number from 100 to 599".to_owned()), "{text}");
        }
        assert_eq!(seed("18446744073709551615"), Ok(u64::MAX));
        assert_eq!(seed("x"), Err("expected a whole number from 0 to 18446744073709551615".to_owned()));
    }
}

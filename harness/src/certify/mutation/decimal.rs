//! Decimal numbers as text, of any length, without arithmetic in floating point.

/// Whether a text is the same number as an amount written in minor units (`6000`) or as a decimal (`60.00`). A decimal amount
/// needs its point in the text too: `60` may be anything.
pub(super) fn same(text: &str, amount: &str) -> bool {
    text.contains('.') == amount.contains('.') && canonical(text).is_some_and(|one| canonical(amount) == Some(one))
}

/// Whether a text is a plain decimal number.
pub(super) fn is_number(text: &str) -> bool {
    canonical(text).is_some()
}

/// The number with its last digit one more or less; the same count of decimals.
pub(super) fn nudged(text: &str, by: i128) -> Option<String> {
    canonical(text)?;
    let decimals = text.split_once('.').map_or(0, |(_, decimals)| decimals.len());
    let moved = text.replace('.', "").parse::<i128>().ok()?.checked_add(by)?;
    let (sign, digits) = (if moved < 0 { "-" } else { "" }, format!("{:0>1$}", moved.unsigned_abs(), decimals + 1));
    let (whole, rest) = digits.split_at(digits.len() - decimals);
    Some(if decimals == 0 { format!("{sign}{whole}") } else { format!("{sign}{whole}.{rest}") })
}

/// Sign, digits and decimals without zeros that say nothing.
fn canonical(text: &str) -> Option<(bool, &str, &str)> {
    let (negative, digits) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
    let (whole, decimals) = digits.split_once('.').unwrap_or((digits, ""));
    let all_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let is_number = !whole.is_empty() && all_digits(whole) && all_digits(decimals);
    is_number.then(|| (negative, whole.trim_start_matches('0'), decimals.trim_end_matches('0')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_compared_and_nudged_exactly() {
        for (text, amount, equal) in [
            ("6000", "6000", true),
            ("60.00", "60.00", true),
            ("60.0", "60.00", true),
            ("60", "60.00", false),
            ("060.000", "60.00", true),
            ("-60.00", "60.00", false),
            ("x", "60.00", false),
            ("6.1e3", "6100", false),
        ] {
            assert_eq!(same(text, amount), equal, "{text} {amount}");
        }
        for (text, by, nudge) in [("6000", 1, "6001"), ("60.00", -1, "59.99"), ("0.00", -1, "-0.01"), ("9", 1, "10")] {
            assert_eq!(nudged(text, by).as_deref(), Some(nudge));
        }
        assert_eq!(nudged("", 1), None);
    }
}

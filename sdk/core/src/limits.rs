//! What a customer agrees to with a mandate.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{Currency, Error, Money, Result};

/// The limits of later payments under a mandate, which the customer sees and agrees to. For schemes that have such limits (variable
/// recurring payments of UK open banking, PayTo, UPI AutoPay, Pix Automático); a connector of a scheme that demands one says which is
/// missing, and one of a scheme without limits leaves them out, for the merchant to keep.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct MandateLimits {
    /// From when payments may be taken, RFC 3339; none: at once.
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    pub valid_from: Option<Timestamp>,
    /// Until when, RFC 3339; none: until it is withdrawn.
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    pub valid_to: Option<Timestamp>,
    /// The most that one payment may be.
    pub payment_max: Option<Money>,
    /// The most that all payments of a period may be together, for each period that has such a limit.
    pub periods: Vec<PeriodLimit>,
}

impl MandateLimits {
    /// Refuses limits that no mandate in `currency` can have: another currency, nothing or less, an end before its start, one period twice.
    pub(crate) fn check(&self, currency: Currency) -> Result<()> {
        for (index, limit) in self.periods.iter().enumerate() {
            if self.periods.iter().take(index).any(|other| other.period == limit.period) {
                return Err(Error::invalid("limits.periods", "a period is limited once"));
            }
        }
        let sums = self.periods.iter().map(|limit| ("limits.periods.sum_max", limit.sum_max));
        for (field, amount) in self.payment_max.map(|amount| ("limits.payment_max", amount)).into_iter().chain(sums) {
            if amount.currency() != currency {
                return Err(Error::invalid(field, "a limit is in the currency of the mandate"));
            }
            if amount.minor() <= 0 {
                return Err(Error::invalid(field, "a limit is greater than zero"));
            }
        }
        match (self.valid_from, self.valid_to) {
            (Some(from), Some(to)) if to <= from => {
                Err(Error::invalid("limits.valid_to", "a mandate ends after its start"))
            }
            _ => Ok(()),
        }
    }
}

/// The most that may be taken within a period.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PeriodLimit {
    /// How long it is.
    pub period: Period,
    /// The most that its payments may be together.
    pub sum_max: Money,
    /// When it begins.
    #[serde(default)]
    pub start: PeriodStart,
}

/// A length of time over which payments are summed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Period {
    /// A day.
    Day,
    /// Seven days.
    Week,
    /// Fourteen days.
    Fortnight,
    /// A month.
    Month,
    /// Six months.
    HalfYear,
    /// A year.
    Year,
}

/// When a period begins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PeriodStart {
    /// On the day of the customer's consent, and again after each period.
    #[default]
    Consent,
    /// With the calendar's own day, week, month or year; the first may be a part of one.
    Calendar,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_that_no_mandate_can_have_name_their_field() {
        let refused = |limits: &str| {
            let limits: MandateLimits = serde_json::from_str(limits).unwrap();
            limits.check(Currency::GBP).err().and_then(|error| error.field().map(str::to_owned))
        };
        let limits = |to: &str, most: &str, sum: &str| {
            refused(&format!(
                r#"{{"valid_from": "2026-11-22T00:00:00Z", "valid_to": "{to}", "payment_max": {{"minor": 6000, "currency": "{most}"}},
                    "periods": [{{"period": "half_year", "sum_max": {{"minor": {sum}, "currency": "GBP"}}, "start": "calendar"}}]}}"#
            ))
        };
        assert_eq!(refused("{}"), None);
        assert_eq!(limits("2027-11-22T00:00:00+01:00", "GBP", "6000"), None);
        assert_eq!(limits("2026-11-22T00:00:00+01:00", "GBP", "6000").as_deref(), Some("limits.valid_to"));
        assert_eq!(limits("2027-11-22T00:00:00Z", "EUR", "6000").as_deref(), Some("limits.payment_max"));
        assert_eq!(limits("2027-11-22T00:00:00Z", "GBP", "0").as_deref(), Some("limits.periods.sum_max"));
        let twice = r#"{"periods": [{"period": "day", "sum_max": {"minor": 1, "currency": "GBP"}}, {"period": "day", "sum_max": {"minor": 2, "currency": "GBP"}}]}"#;
        assert_eq!(refused(twice).as_deref(), Some("limits.periods"));
    }
}

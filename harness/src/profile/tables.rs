//! What a provider publishes: its statuses, its decline codes, and how it counts money.

use std::collections::{BTreeMap, BTreeSet};

use quittance::Currency;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Check, ProfileModel, date};
use crate::bad_input::FieldPath;
use crate::scenario::{known_word, reasons, states_of_object};
use crate::unfilled::STAND_IN;

/// A published status value and what it must become. A value that the provider publishes for two kinds of object that are one here (an
/// order and its authorization) stands twice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StatusRow {
    /// The object that has this status.
    pub of: StatusOf,
    /// The provider's value.
    pub value: String,
    /// The state of the contract.
    pub becomes: String,
    /// Why no tape shows the value and none can be made to show it, in a sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unmapped: Option<String>,
}

/// The object that has a status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum StatusOf {
    /// A payment.
    Payment,
    /// A refund.
    Refund,
    /// A payout.
    Payout,
    /// A dispute.
    Dispute,
    /// A mandate.
    Mandate,
}

impl StatusOf {
    /// The object, as the contract names it.
    pub fn as_str(self) -> &'static str {
        match self {
            StatusOf::Payment => "payment",
            StatusOf::Refund => "refund",
            StatusOf::Payout => "payout",
            StatusOf::Dispute => "dispute",
            StatusOf::Mandate => "mandate",
        }
    }
}

/// A published decline code and its reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CodeRow {
    /// The provider's code.
    pub value: String,
    /// The reason of the contract.
    pub reason: String,
    /// Why no tape shows the code and none can be made to show it, in a sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unmapped: Option<String>,
}

/// A member of an answer under a success status (2xx) by which a provider says plainly that it refused and did nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RefusedRow {
    /// The name of the member, element, attribute (`@name`) or field.
    pub member: String,
    /// The value that says so; a truth value as `true` or `false`.
    pub value: String,
    /// What the vendor says of it, in a sentence, and where.
    pub says: String,
}

/// How a provider counts money, told by the vendor and not by the connector: the two must agree.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MoneyRules {
    /// Decimals of the currencies in which the provider deviates from ISO 4217, by code; of those that the connector takes.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub exponents: BTreeMap<String, u8>,
    /// Why the amount cannot be seen in the requests, in a sentence; then no amount is compared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hidden: Option<String>,
    /// The vendor's page or description.
    pub source: String,
    /// The day on which it was read, as `2026-11-22`.
    pub seen: String,
}

impl MoneyRules {
    /// How many decimals the provider gives a currency; without rules, those of ISO 4217.
    pub fn exponent(rules: Option<&MoneyRules>, currency: Currency) -> u8 {
        let listed = rules.and_then(|rules| rules.exponents.get(currency.code()));
        listed.copied().unwrap_or(currency.exponent())
    }
}

/// Where the published lists come from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StatusSource {
    /// The vendor's page or description.
    pub url: String,
    /// The day on which it was read, as `2026-11-22`.
    pub seen: String,
}

impl Check<'_> {
    /// `open` says that something in the profile is still to be filled in, which may be what a value means.
    pub(super) fn tables(&mut self, model: &ProfileModel, open: bool) {
        let root = FieldPath::root();
        let mut seen = BTreeSet::new();
        for (index, row) in model.status.iter().enumerate() {
            let path = root.key("status").item(index);
            let once = seen.insert((row.of, &row.value, &row.becomes));
            self.expect(once, &path.key("value"), "expected each status value once for each state");
            self.expect(!row.value.is_empty(), &path.key("value"), "expected the provider's value");
            let is_open = open && row.becomes == STAND_IN;
            if let (Err(why), false) = (known_word(&row.becomes, states_of_object(row.of.as_str())), is_open) {
                self.refuse(&path.key("becomes"), why);
            }
            self.reason(&path.key("unmapped"), row.unmapped.as_deref());
        }
        let mut seen = BTreeSet::new();
        for (index, row) in model.code.iter().enumerate() {
            let path = root.key("code").item(index);
            self.expect(seen.insert(&row.value), &path.key("value"), "expected each decline code once");
            self.expect(!row.value.is_empty(), &path.key("value"), "expected the provider's code");
            if let Err(why) = known_word(&row.reason, &reasons()) {
                self.refuse(&path.key("reason"), why);
            }
            self.reason(&path.key("unmapped"), row.unmapped.as_deref());
        }
        let mut seen = BTreeSet::new();
        for (index, row) in model.refused.iter().enumerate() {
            let path = root.key("refused").item(index);
            let once = seen.insert((&row.member, &row.value));
            self.expect(once, &path.key("value"), "expected each member with this value once");
            self.expect(!row.member.is_empty(), &path.key("member"), "expected the name of a member");
            self.expect(!row.value.is_empty(), &path.key("value"), "expected the provider's value");
            self.reason(&path.key("says"), Some(&row.says));
        }
        let source = root.key("status_source");
        match &model.status_source {
            Some(from) => {
                self.expect(!from.url.trim().is_empty(), &source.key("url"), "expected the vendor's page");
                self.expect(date(&from.seen).is_some(), &source.key("seen"), "expected a date as 2026-11-22");
            }
            None => self.expect(
                model.status.is_empty() && model.code.is_empty(),
                &source,
                "expected `[status_source]` beside `[[status]]` and `[[code]]`",
            ),
        }
    }

    fn reason(&mut self, path: &FieldPath, reason: Option<&str>) {
        self.expect(reason.is_none_or(|reason| reason.trim().len() >= 10), path, "expected the reason, in a sentence");
    }

    pub(super) fn money(&mut self, money: Option<&MoneyRules>) {
        let Some(money) = money else { return };
        let path = FieldPath::root().key("money");
        for (code, decimals) in &money.exponents {
            let here = path.key("exponents").key(code);
            match Currency::from_code(code).filter(|currency| currency.has_minor_unit()) {
                None => self.refuse(&here, "expected an active currency of ISO 4217 that has a minor unit"),
                Some(currency) => {
                    self.expect(currency.exponent() != *decimals, &here, "expected other decimals than ISO 4217 gives");
                    self.expect(*decimals <= 6, &here, "expected 0 to 6 decimals");
                }
            }
        }
        self.reason(&path.key("hidden"), money.hidden.as_deref());
        self.expect(!money.source.trim().is_empty(), &path.key("source"), "expected the vendor's page");
        self.expect(date(&money.seen).is_some(), &path.key("seen"), "expected a date as 2026-11-22");
    }
}

//! What a provider publishes: its statuses, its decline codes, and how it counts money.

use std::collections::{BTreeMap, BTreeSet};

use quittance::{Currency, Kind, Op};
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

/// A published value (status, kind, type of event) that says at which stage a dispute is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StageRow {
    /// The provider's value.
    pub value: String,
    /// The stage of the contract: `inquiry`, `chargeback`, `pre_arbitration`, `arbitration`.
    pub stage: String,
    /// Why no tape shows the value and none can be made to show it, in a sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unmapped: Option<String>,
}

/// A published code of an error and the kind of error that it stands for, where the provider's status alone does not say it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FaultRow {
    /// The provider's code.
    pub value: String,
    /// The kind of error of the contract: `conflict`, `not_found`, `invalid` …
    pub kind: String,
    /// Why no tape shows the code and none can be made to show it, in a sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unmapped: Option<String>,
}

/// A published value of a member that stands beside a status and says more of it: why a payment was cancelled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DetailRow {
    /// The object that has the status.
    pub of: StatusOf,
    /// The status, or type of event, beside which it stands.
    pub beside: String,
    /// The name of the member, element, attribute (`@name`) or field; the whole path with `/` before it, where others have the name too.
    pub member: String,
    /// The provider's value.
    pub value: String,
    /// The state of the contract that both make together.
    pub becomes: String,
    /// Why no tape shows the value and none can be made to show it, in a sentence.
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

/// What a result carries as the provider wrote it, by the names of its JSON form.
pub const PLACE_WORDS: [&str; 11] = [
    "reason_code",
    "decline/message",
    "decline/network_code",
    "decline/advice_code",
    "network/transaction_id",
    "network/authorization_code",
    "network/response_code",
    "network/advice_code",
    "network/avs",
    "network/cvc",
    "network/eci",
];

/// Ends of paths (`error/message`, `@code`; the whole path with `/` before it) by the words of [`PLACE_WORDS`], each with the operation
/// before it (`webhook reason`) where it says so in the bodies of one operation alone.
pub type Places = BTreeMap<String, Vec<String>>;

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
        self.stages(&model.stage);
        self.details(&model.detail);
        self.faults(&model.fault);
        self.places(&model.places);
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

    fn stages(&mut self, rows: &[StageRow]) {
        const STAGES: [&str; 4] = ["inquiry", "chargeback", "pre_arbitration", "arbitration"];
        let mut seen = BTreeSet::new();
        for (index, row) in rows.iter().enumerate() {
            let path = FieldPath::root().key("stage").item(index);
            self.expect(seen.insert(&row.value), &path.key("value"), "expected each value once");
            self.expect(!row.value.is_empty(), &path.key("value"), "expected the provider's value");
            if let Err(why) = known_word(&row.stage, &STAGES) {
                self.refuse(&path.key("stage"), why);
            }
            self.reason(&path.key("unmapped"), row.unmapped.as_deref());
        }
    }

    fn faults(&mut self, rows: &[FaultRow]) {
        let mut seen = BTreeSet::new();
        for (index, row) in rows.iter().enumerate() {
            let path = FieldPath::root().key("fault").item(index);
            self.expect(seen.insert(&row.value), &path.key("value"), "expected each code once");
            self.expect(!row.value.is_empty(), &path.key("value"), "expected the provider's code");
            let kinds: Vec<&str> = Kind::ALL.iter().map(|kind| kind.as_str()).collect();
            if let Err(why) = known_word(&row.kind, &kinds) {
                self.refuse(&path.key("kind"), why);
            }
            self.reason(&path.key("unmapped"), row.unmapped.as_deref());
        }
    }

    fn details(&mut self, rows: &[DetailRow]) {
        let mut seen = BTreeSet::new();
        for (index, row) in rows.iter().enumerate() {
            let path = FieldPath::root().key("detail").item(index);
            let once = seen.insert((row.of, &row.beside, &row.member, &row.value));
            self.expect(once, &path.key("value"), "expected each value once beside a status");
            self.expect(!row.member.is_empty(), &path.key("member"), "expected the name of a member");
            self.expect(!row.value.is_empty(), &path.key("value"), "expected the provider's value");
            self.expect(!row.beside.is_empty(), &path.key("beside"), "expected the provider's value");
            if let Err(why) = known_word(&row.becomes, states_of_object(row.of.as_str())) {
                self.refuse(&path.key("becomes"), why);
            }
            self.reason(&path.key("unmapped"), row.unmapped.as_deref());
        }
    }

    fn places(&mut self, places: &Places) {
        for (word, ends) in places {
            let path = FieldPath::root().key("places").key(word);
            if let Err(why) = known_word(word, &PLACE_WORDS) {
                self.refuse(&path, why);
            }
            self.expect(!ends.is_empty(), &path, "expected a place, or no such line");
            for (index, end) in ends.iter().enumerate() {
                let once = !ends.iter().take(index).any(|other| other == end);
                self.expect(once, &path.item(index), "expected each place once");
                let (op, end) = end.split_once(' ').map_or((None, end.as_str()), |(op, end)| (Some(op), end));
                let parts = end.strip_prefix('/').unwrap_or(end);
                let whole = !parts.split('/').any(str::is_empty);
                let known = op.is_none_or(|op| op.parse::<Op>().is_ok());
                self.expect(known, &path.item(index), "expected the name of an operation before the blank");
                self.expect(whole, &path.item(index), "expected the end of a path, as `error/message`");
            }
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

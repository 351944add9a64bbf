//! The profile of a connector: dummy credentials, test cards, published tables, signature recipes and dated exemptions.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use jiff::civil::Date;
use quittance::Op;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::bad_input::{Document, FieldPath, FileError};
use crate::capabilities::read_currency;
use crate::corpus::rules::CorpusRules;
use crate::run::built::Model;
use crate::run::input::RETURN_URL;
use crate::scenario::{ANSWER_WORDS, EVENT_WORDS, known_word, reasons};
use crate::tape::{Recipe, RecipeModel};
use crate::unfilled;
use crate::world::hint;

mod like;
mod recipes;
mod tables;

pub use like::Like;
pub use tables::{
    CodeRow, DetailRow, FaultRow, MoneyRules, PLACE_WORDS, Places, RefusedRow, StageRow, StatusOf, StatusRow,
    StatusSource,
};

/// Longest time ahead for which an exemption may be asked, in days.
pub const EXEMPTION_DAYS: i32 = 90;

/// Fields of a request that only a scenario states.
const SCENARIO_WORDS: [&str; 14] = [
    "key",
    "reference",
    "amount",
    "currency",
    "method",
    "payment",
    "refund",
    "mandate",
    "payout",
    "dispute",
    "by",
    "capture",
    "initiator",
    "returned",
];

/// The profile file as it is written: `fixtures/<connector>/profile.toml`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ProfileModel {
    /// The connector's id; the name of the folder.
    pub id: String,
    /// Whose profile and tapes hold for this connector too; what is stated here goes before them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub like: Option<Like>,
    /// What the provider does not publish about itself (hosts, headers, fields in which it may differ), each in a sentence. Anything
    /// here holds the connector below silver.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unconfirmed: Vec<String>,
    /// The currency of amounts, unless a method states another: ISO 4217, upper case.
    pub currency: String,
    /// The country of the payer, unless a method states another: ISO 3166-1, two letters.
    pub country: String,
    /// Dummy credentials in the shape of the connector's schema; never live-looking.
    #[schemars(with = "serde_json::Map<String, serde_json::Value>")]
    pub credentials: toml::Table,
    /// How requests and deliveries are signed, by the name used in `${sig:NAME}`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub signature: BTreeMap<String, RecipeModel>,
    /// Test cards by the name used in scenarios.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub cards: BTreeMap<String, Card>,
    /// Samples of the input of other methods, by family or brand, or both with `_` between; `currency` and `country` are optional.
    /// A variant has the scenario's word after it (`ach_failed`), and may state the `reason` that it is refused for.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(with = "BTreeMap<String, serde_json::Map<String, serde_json::Value>>")]
    pub methods: BTreeMap<String, toml::Table>,
    /// The method that `main` stands for where no card is declared: a family or brand of `methods`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub main: Option<String>,
    /// The method that `redirect` stands for: a family or brand of `methods`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub redirect: Option<String>,
    /// What the provider's answers carry, in the words of [`crate::scenario::ANSWER_WORDS`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub answers: Vec<String>,
    /// What the provider reports by webhook, in the words of [`crate::scenario::EVENT_WORDS`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub events: Vec<String>,
    /// What the provider does not have, by the need of the suite (`card:lost_card`, `event:refusal`), with the reason. Whatever the
    /// spec implies and the profile lacks must stand here.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub unavailable: BTreeMap<String, String>,
    /// Handles of objects that do not exist, in their text form.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub absent: Option<Absent>,
    /// What is added to the input of an operation, by its name; fields as in the operation's request.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(with = "BTreeMap<String, serde_json::Map<String, serde_json::Value>>")]
    pub input: BTreeMap<String, toml::Table>,
    /// Every status value that the provider publishes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub status: Vec<StatusRow>,
    /// Every published value that says at which stage a dispute is.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stage: Vec<StageRow>,
    /// Published values of members that say more than the status beside them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub detail: Vec<DetailRow>,
    /// Published codes of errors that say more than the status of the answer does.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fault: Vec<FaultRow>,
    /// Every decline code that the provider publishes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub code: Vec<CodeRow>,
    /// Members of answers under a success status (2xx) that say by themselves that the request was refused and nothing was done. A
    /// refusal with a code that nobody published is believed only beside one of these, or beside a status that says so.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub refused: Vec<RefusedRow>,
    /// Where answers and deliveries say what a result carries, by the words of [`PLACE_WORDS`]: ends of the paths of members (elements,
    /// attributes `@name`, fields), without the numbers of list items.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub places: Places,
    /// Where the lists come from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status_source: Option<StatusSource>,
    /// How the provider counts money, where it differs from ISO 4217.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub money: Option<MoneyRules>,
    /// How recorded answers find their parser.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub corpus: Option<CorpusRules>,
    /// Scenarios that are let off for a time.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exemption: Vec<Exemption>,
}

/// A test card that the provider publishes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Card {
    /// The number: 12 to 19 digits that pass the Luhn check (ISO/IEC 7812-1).
    pub number: String,
    /// Month of expiry, 1 to 12.
    pub expiry_month: u8,
    /// Year of expiry, four digits.
    pub expiry_year: u16,
    /// Three or four digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cvc: Option<String>,
    /// The cardholder's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub holder: Option<String>,
    /// Cryptogram of a network token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cryptogram: Option<String>,
    /// The token that the provider's client SDK gives for the card; sent in place of the card where the connector takes tokens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
    /// The vendor's page that lists the card.
    pub source: String,
    /// The amount by which the provider chooses this outcome, in minor units; overrides the scenario's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amount_minor: Option<i64>,
    /// What is added to the input of an operation that uses the card.
    #[serde(default, skip_serializing_if = "toml::Table::is_empty")]
    #[schemars(with = "serde_json::Map<String, serde_json::Value>")]
    pub input: toml::Table,
}

/// Handles of objects that do not exist, in their text form.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Absent {
    /// A payment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payment: Option<String>,
    /// A refund.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refund: Option<String>,
    /// A mandate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mandate: Option<String>,
}

/// A scenario that is let off until a date.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Exemption {
    /// The scenario's id.
    pub scenario: String,
    /// Why.
    pub reason: String,
    /// Who sees to it.
    pub owner: String,
    /// The last day on which it holds, as `2027-01-31`; at most 90 days ahead.
    pub expires: String,
}

impl Exemption {
    /// Whether it no longer holds on that day; an expired exemption blocks.
    pub fn is_expired(&self, today: Date) -> bool {
        date(&self.expires).is_none_or(|expires| expires < today)
    }
}

/// A profile that was read and checked.
#[derive(Debug, Clone)]
pub struct Profile {
    /// The file as it is written.
    pub model: Model,
    /// The credentials by dotted name, as `${secret:NAME}` uses them.
    pub credentials: BTreeMap<String, String>,
    /// The signature recipes by name, read once.
    pub recipes: BTreeMap<String, Arc<Recipe>>,
    /// What is still to be filled in: the connector stays a draft.
    pub unfilled: Vec<unfilled::Place>,
    /// The places of the file itself, without those of another connector's that hold here too.
    pub own_places: Places,
}

/// What is read of a file by itself.
#[derive(Deserialize)]
struct OwnTables {
    #[serde(default)]
    places: Places,
}

impl Profile {
    /// Reads `fixtures/<connector>/profile.toml`. `today` is the day against which exemptions are judged.
    ///
    /// # Errors
    /// Everything that is wrong with the file, each with line and field.
    pub fn load(path: &Path, today: Date) -> Result<Self, Vec<FileError>> {
        let document = Document::read(path).map_err(|error| vec![error])?;
        let folder = path.parent().unwrap_or(Path::new("."));
        Self::build(&document, folder, today)
    }

    /// Reads a profile from text; `folder` holds its key files and its name is the connector's id.
    ///
    /// # Errors
    /// As [`Profile::load`].
    pub fn parse(file: &str, text: &str, folder: &Path, today: Date) -> Result<Self, Vec<FileError>> {
        Self::build(&Document::new(file, text), folder, today)
    }

    fn build(document: &Document, folder: &Path, today: Date) -> Result<Self, Vec<FileError>> {
        let (unfilled, document) = document.without_marks();
        let document = &document;
        let mut model = like::read(document, folder).map_err(|error| vec![error])?;
        let own: OwnTables = document.parse().map_err(|error| vec![error])?;
        let mut check = Check { document, errors: Vec::new() };
        let mut credentials = BTreeMap::new();
        check.head(&model, folder);
        check.credentials(&FieldPath::root().key("credentials"), "", &model.credentials, &mut credentials);
        check.cards(&model.cards);
        check.tables(&model, !unfilled.is_empty());
        check.words(&model);
        check.money(model.money.as_ref());
        check.exemptions(&model.exemption, today);
        check.corpus(model.corpus.as_ref());
        let folders = [Some(folder.to_owned()), model.like.as_ref().map(|like| like.folder(folder))];
        let recipes = check.recipes(&model.signature, &folders, &credentials);
        // A value whose meaning is to be filled in can be held against nothing yet.
        model.status.retain(|row| row.becomes != unfilled::STAND_IN);
        if check.errors.is_empty() {
            Ok(Self { model: model.into(), credentials, recipes, unfilled, own_places: own.places })
        } else {
            Err(check.errors)
        }
    }

    /// The sample values of a test card, by the names that `${card:NAME}` uses with `card.` before them.
    pub fn card_samples(&self, name: &str) -> Option<BTreeMap<String, String>> {
        let card = self.model.cards.get(name)?;
        let mut samples = BTreeMap::from([
            ("card.number".to_owned(), card.number.clone()),
            ("card.expiry_month".to_owned(), card.expiry_month.to_string()),
            ("card.expiry_year".to_owned(), card.expiry_year.to_string()),
        ]);
        let optional = [
            ("card.cvc", &card.cvc),
            ("card.holder", &card.holder),
            ("card.cryptogram", &card.cryptogram),
            ("card.token", &card.token),
        ];
        samples.extend(
            optional.into_iter().filter_map(|(name, value)| value.clone().map(|value| (name.to_owned(), value))),
        );
        Some(samples)
    }

    /// The sample values of a method or brand, named as those of a card; nested fields by dotted name (`card.account.number`).
    /// An `expiry` of month and year also has the names of a card's.
    pub fn method_samples(&self, name: &str) -> Option<BTreeMap<String, String>> {
        let mut samples = BTreeMap::new();
        flatten("card.", self.model.methods.get(name)?, &mut samples);
        for (from, to) in [("card.expiry.month", "card.expiry_month"), ("card.expiry.year", "card.expiry_year")] {
            if let Some(value) = samples.get(from).cloned() {
                samples.entry(to.to_owned()).or_insert(value);
            }
        }
        Some(samples)
    }
}

/// Adds the scalars of a table under dotted names; lists are left out.
fn flatten(prefix: &str, table: &toml::Table, out: &mut BTreeMap<String, String>) {
    for (key, value) in table {
        match value {
            toml::Value::Table(inner) => flatten(&format!("{prefix}{key}."), inner, out),
            other => out.extend(scalar(other).map(|text| (format!("{prefix}{key}"), text))),
        }
    }
}

fn scalar(value: &toml::Value) -> Option<String> {
    match value {
        toml::Value::String(text) => Some(text.clone()),
        toml::Value::Integer(number) => Some(number.to_string()),
        toml::Value::Boolean(flag) => Some(flag.to_string()),
        _ => None,
    }
}

struct Check<'a> {
    document: &'a Document,
    errors: Vec<FileError>,
}

impl Check<'_> {
    fn refuse(&mut self, path: &FieldPath, message: impl Into<String>) {
        self.errors.push(self.document.error(path, message));
    }

    fn expect(&mut self, holds: bool, path: &FieldPath, message: &str) {
        if !holds {
            self.refuse(path, message);
        }
    }

    fn head(&mut self, model: &ProfileModel, folder: &Path) {
        let root = FieldPath::root();
        let name = folder.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        if model.id != name {
            self.refuse(&root.key("id"), format!("expected `{name}`, the name of the folder, found `{}`", model.id));
        }
        self.expect(
            is_upper(&model.currency, 3),
            &root.key("currency"),
            "expected a currency code of three capital letters",
        );
        if is_upper(&model.currency, 3) {
            self.currency(&root.key("currency"), &model.currency);
        }
        self.expect(
            is_upper(&model.country, 2),
            &root.key("country"),
            "expected a country code of two capital letters",
        );
        for (name, method) in &model.methods {
            let path = root.key("methods").key(name);
            for (field, length) in [("currency", 3), ("country", 2)] {
                let fits =
                    method.get(field).is_none_or(|value| value.as_str().is_some_and(|text| is_upper(text, length)));
                self.expect(fits, &path.key(field), &format!("expected a code of {length} capital letters"));
            }
            if let Some(code) = method.get("currency").and_then(toml::Value::as_str).filter(|code| is_upper(code, 3)) {
                self.currency(&path.key("currency"), code);
            }
            let reason = method.get("reason").map(|reason| known_word(reason.as_str().unwrap_or_default(), &reasons()));
            if let Some(Err(why)) = reason {
                self.refuse(&path.key("reason"), why);
            }
        }
    }

    fn currency(&mut self, path: &FieldPath, code: &str) {
        if let Err(why) = read_currency(code) {
            self.refuse(path, why);
        }
    }

    fn credentials(
        &mut self,
        path: &FieldPath,
        prefix: &str,
        table: &toml::Table,
        flat: &mut BTreeMap<String, String>,
    ) {
        for (key, value) in table {
            let (here, name) = (path.key(key), format!("{prefix}{key}"));
            match (value, scalar(value)) {
                (toml::Value::Table(inner), _) => self.credentials(&here, &format!("{name}."), inner, flat),
                (_, Some(text)) if looks_live(&text) => {
                    self.refuse(&here, "expected a dummy: this looks like a live credential")
                }
                (_, Some(text)) => {
                    flat.insert(name, text);
                }
                (toml::Value::Array(_), None) => {}
                (_, None) => self.refuse(&here, "expected a text, a whole number, a flag or a table"),
            }
        }
    }

    fn cards(&mut self, cards: &BTreeMap<String, Card>) {
        for (name, card) in cards {
            let path = FieldPath::root().key("cards").key(name);
            self.expect(is_word(name), &path, "expected a card name of small letters, digits and `_`");
            self.expect(
                passes_luhn(&card.number),
                &path.key("number"),
                "expected a card number that passes the Luhn check",
            );
            self.expect(
                (1..=12).contains(&card.expiry_month),
                &path.key("expiry_month"),
                "expected a month from 1 to 12",
            );
            self.expect(
                (2000..2100).contains(&card.expiry_year),
                &path.key("expiry_year"),
                "expected a year of four digits",
            );
            let cvc = card
                .cvc
                .as_ref()
                .is_none_or(|cvc| matches!(cvc.len(), 3 | 4) && cvc.bytes().all(|byte| byte.is_ascii_digit()));
            self.expect(cvc, &path.key("cvc"), "expected three or four digits");
            self.expect(
                !card.source.trim().is_empty(),
                &path.key("source"),
                "expected the vendor's page that lists the card",
            );
            self.expect(
                card.amount_minor.is_none_or(|amount| amount > 0),
                &path.key("amount_minor"),
                "expected an amount above zero, in minor units",
            );
        }
    }

    fn words(&mut self, model: &ProfileModel) {
        let root = FieldPath::root();
        let lists: [(&str, &[String], &[&str]); 2] =
            [("answers", &model.answers, &ANSWER_WORDS), ("events", &model.events, &EVENT_WORDS)];
        for (field, words, known) in lists {
            for (index, word) in words.iter().enumerate() {
                let path = root.key(field).item(index);
                let message = format!("expected one of {}, found `{word}`", known.join(", "));
                self.expect(known.contains(&word.as_str()), &path, &message);
                self.expect(!words.iter().take(index).any(|other| other == word), &path, "expected each word once");
            }
        }
        for (index, text) in model.unconfirmed.iter().enumerate() {
            let path = root.key("unconfirmed").item(index);
            self.expect(text.trim().len() >= 10, &path, "expected what is not published, in a sentence");
        }
        for (field, method) in [("main", &model.main), ("redirect", &model.redirect)] {
            if let Some(method) = method.as_ref().filter(|method| !model.methods.contains_key(*method)) {
                let names: Vec<&str> = model.methods.keys().map(String::as_str).collect();
                let hint = if names.is_empty() { "there is none".to_owned() } else { hint(method, &names) };
                self.refuse(
                    &root.key(field),
                    format!("expected a method that has a sample in `[methods.…]`, found `{method}`; {hint}"),
                );
            }
        }
        for (need, reason) in &model.unavailable {
            let path = root.key("unavailable").key(need);
            self.expect(reason.trim().len() >= 10, &path, "expected the reason, in a sentence");
        }
        for (name, input) in &model.input {
            let path = root.key("input").key(name);
            let known = name.parse::<Op>().is_ok();
            self.expect(known, &path, "expected the name of an operation");
            self.input(&path, input);
        }
        for (name, card) in &model.cards {
            self.input(&root.key("cards").key(name).key("input"), &card.input);
        }
        for (name, method) in &model.methods {
            let input = method.get("input").and_then(toml::Value::as_table);
            input.into_iter().for_each(|input| self.input(&root.key("methods").key(name).key("input"), input));
        }
    }

    /// What is added to an input must not replace what the scenario asks.
    fn input(&mut self, path: &FieldPath, input: &toml::Table) {
        for name in input.keys().filter(|name| SCENARIO_WORDS.contains(&name.as_str())) {
            self.refuse(&path.key(name), format!("expected no `{name}`: the scenario states it"));
        }
    }

    fn exemptions(&mut self, exemptions: &[Exemption], today: Date) {
        let latest = today.checked_add(jiff::Span::new().days(EXEMPTION_DAYS)).unwrap_or(today);
        for (index, exemption) in exemptions.iter().enumerate() {
            let path = FieldPath::root().key("exemption").item(index);
            for (field, text) in
                [("scenario", &exemption.scenario), ("reason", &exemption.reason), ("owner", &exemption.owner)]
            {
                self.expect(!text.trim().is_empty(), &path.key(field), "expected a text that is not empty");
            }
            match date(&exemption.expires) {
                None => self.refuse(&path.key("expires"), "expected a date as 2027-01-31"),
                Some(expires) => self.expect(
                    expires <= latest,
                    &path.key("expires"),
                    &format!("expected a date at most {EXEMPTION_DAYS} days ahead, {latest} at the latest"),
                ),
            }
        }
    }

    fn corpus(&mut self, rules: Option<&CorpusRules>) {
        for (list, index, message) in rules.map(CorpusRules::faults).unwrap_or_default() {
            let path = FieldPath::root().key("corpus").key(list);
            self.refuse(&index.map_or_else(|| path.clone(), |index| path.item(index)), message);
        }
    }
}

fn date(text: &str) -> Option<Date> {
    if text.len() == 10 { text.parse().ok() } else { None }
}

fn is_upper(text: &str, length: usize) -> bool {
    text.len() == length && text.bytes().all(|byte| byte.is_ascii_uppercase())
}

/// Small letters, digits and underscores, as in the vocabulary of the contract.
pub(crate) fn is_word(text: &str) -> bool {
    text.starts_with(|letter: char| letter.is_ascii_lowercase())
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
}

/// Whether a dummy credential stands for a place of the merchant's that the provider calls; where customers return to is none.
pub(crate) fn is_merchants_url(text: &str) -> bool {
    text.starts_with("https://merchant.example") && text != RETURN_URL
}

/// Marks by which providers tell live keys from test keys.
pub(crate) fn looks_live(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    let inside = ["sk_live", "pk_live", "rk_live", "_live_", "-live-", "$production$", "whsec_live"];
    let first = ["live_", "live-", "prod_", "prod-", "akia"];
    inside.iter().any(|mark| lower.contains(mark)) || first.iter().any(|mark| lower.starts_with(mark))
}

/// ISO/IEC 7812-1 annex B, over 12 to 19 digits.
pub(crate) fn passes_luhn(number: &str) -> bool {
    if !(12..=19).contains(&number.len()) || !number.bytes().all(|byte| byte.is_ascii_digit()) {
        return false;
    }
    let digits = number.bytes().rev().map(|byte| u32::from(byte - b'0'));
    let sum: u32 = digits
        .enumerate()
        .map(|(place, digit)| if place % 2 == 0 { digit } else { digit * 2 / 10 + digit * 2 % 10 })
        .sum();
    sum.is_multiple_of(10)
}

#[cfg(test)]
mod tests;

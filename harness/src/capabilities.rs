//! What connectors declare, as data: for the matrix, for reports, and for the question whether one can be used for something.

use quittance::{Currencies, Currency, Family, Idempotency, LookupKind, MethodKind, Op, Spec, WebhookAuthentication};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::regions;
use crate::world::{hint, near, unknown};

/// What a connector declares.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Capabilities {
    /// The id.
    pub id: String,
    /// The provider's name.
    pub name: String,
    /// The provider's documentation.
    pub documentation: String,
    /// The hosts it talks to.
    pub hosts: Vec<String>,
    /// Those of them that ask the application's transport for a client certificate (mutual TLS).
    pub mutual_tls: Vec<String>,
    /// The operations, in the order of the contract.
    pub operations: Vec<String>,
    /// The methods of `authorize`: `card`, `bank_redirect/ideal`.
    pub methods: Vec<String>,
    /// The methods of `set_up`.
    pub mandates: Vec<String>,
    /// The rules in the words of a scenario's `needs`: `capture:partial`.
    pub rules: Vec<String>,
    /// The currencies by code (ISO 4217); empty when it takes all that have a minor unit.
    pub currencies: Vec<String>,
    /// The currencies of payouts, where they are fewer; empty when they are the same, or there are no payouts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub payout_currencies: Vec<String>,
    /// The merchants' countries by code (ISO 3166-1 alpha-2); empty when no list is published.
    pub countries: Vec<String>,
    /// The regions of those countries.
    pub regions: Vec<String>,
    /// Where the idempotency key travels, in words.
    pub idempotency: String,
    /// How webhooks are vouched for, in words; none when there are none.
    pub webhook: Option<String>,
}

impl Capabilities {
    /// What a spec declares.
    pub fn of(spec: &Spec) -> Capabilities {
        Capabilities {
            id: spec.id.to_owned(),
            name: spec.name.to_owned(),
            documentation: spec.documentation.to_owned(),
            hosts: texts(spec.hosts),
            mutual_tls: texts(spec.mutual_tls),
            operations: texts(spec.operations),
            methods: texts(spec.methods),
            mandates: texts(spec.mandates),
            rules: texts(&declared_rules(spec)),
            currencies: match spec.currencies {
                Currencies::All => Vec::new(),
                Currencies::Only(list) => texts(list),
            },
            payout_currencies: texts(spec.payout_currencies.unwrap_or_default()),
            countries: texts(spec.countries),
            regions: regions_of(spec),
            idempotency: idempotency(spec),
            webhook: spec.webhook.map(|rules| {
                let dated = rules.tolerance_seconds.map(|seconds| format!(", at most {seconds} s old"));
                format!("{}{}", authentication(rules.authentication), dated.unwrap_or_default())
            }),
        }
    }
}

fn texts<T: ToString>(list: &[T]) -> Vec<String> {
    list.iter().map(ToString::to_string).collect()
}

fn regions_of(spec: &Spec) -> Vec<String> {
    let mut found: Vec<String> =
        spec.countries.iter().filter_map(|country| regions::region(country)).map(str::to_owned).collect();
    found.sort_unstable();
    found.dedup();
    found
}

/// Where the key travels, and in which operations otherwise.
fn idempotency(spec: &Spec) -> String {
    let mut told = carrier(spec.idempotency);
    for group in spec.idempotency_exceptions.chunk_by(|one, next| one.1 == next.1) {
        let ops: Vec<&str> = group.iter().map(|(op, _)| op.as_str()).collect();
        let means = group.first().map(|(_, means)| carrier(*means)).unwrap_or_default();
        told.push_str(&format!("; {}: {means}", ops.join(", ")));
    }
    if !spec.replays_reservations {
        told.push_str("; reservations: a repetition reserves again");
    }
    told
}

fn carrier(means: Idempotency) -> String {
    match means {
        Idempotency::Header(name) => format!("header {name}"),
        Idempotency::Body(name) => format!("body field {name}"),
        Idempotency::Unique(names) => format!("a second {} is refused", names.join(" or ")),
        Idempotency::Path(name) => format!("PUT under {name} in the path"),
        Idempotency::None => "none".to_owned(),
    }
}

fn authentication(means: WebhookAuthentication) -> &'static str {
    match means {
        WebhookAuthentication::HeaderMac => "keyed digest in a header",
        WebhookAuthentication::BodyMac => "keyed digest in the body",
        WebhookAuthentication::Signature => "public-key signature",
        WebhookAuthentication::SharedSecret => "shared text in a header",
        WebhookAuthentication::ReadBack => "read back from the provider",
    }
}

/// The rules that a spec declares, in the words of `needs`.
pub fn declared_rules(spec: &Spec) -> Vec<&'static str> {
    let lookups = |kind: LookupKind| spec.lookups.contains(&kind);
    let replayed = [Op::Authorize, Op::Refund, Op::PayOut];
    [
        (spec.capture.manual, "capture:manual"),
        (spec.capture.partial, "capture:partial"),
        (spec.capture.multiple, "capture:multiple"),
        (spec.void.captured, "void:captured"),
        (spec.void.debit, "void:debit"),
        (spec.refund.partial, "refund:partial"),
        (spec.refund.multiple, "refund:multiple"),
        (spec.three_ds.challenge, "three_ds"),
        (spec.three_ds.external, "three_ds:external"),
        (lookups(LookupKind::Handle), "lookup:id"),
        (lookups(LookupKind::Reference), "lookup:reference"),
        (replayed.iter().any(|op| spec.has(*op) && spec.idempotency_of(*op).replays()), "idempotency"),
        (spec.disputes.accept, "dispute:accept"),
        (spec.disputes.contest, "dispute:contest"),
    ]
    .into_iter()
    .filter_map(|(declared, need)| declared.then_some(need))
    .collect()
}

/// Forms of an operation that a rule of the spec must declare; without a rule the operation itself is enough.
const VARIANTS: &[(Op, &str, Option<&str>)] = &[
    (Op::Authorize, "manual", Some("capture:manual")),
    (Op::Authorize, "three_ds", Some("three_ds")),
    (Op::Authorize, "external_three_ds", Some("three_ds:external")),
    (Op::Capture, "full", None),
    (Op::Capture, "partial", Some("capture:partial")),
    (Op::Capture, "multiple", Some("capture:multiple")),
    (Op::Void, "captured", Some("void:captured")),
    (Op::Void, "debit", Some("void:debit")),
    (Op::Refund, "full", None),
    (Op::Refund, "partial", Some("refund:partial")),
    (Op::Refund, "multiple", Some("refund:multiple")),
    (Op::Retrieve, "id", Some("lookup:id")),
    (Op::Retrieve, "reference", Some("lookup:reference")),
    (Op::AnswerDispute, "accept", Some("dispute:accept")),
    (Op::AnswerDispute, "contest", Some("dispute:contest")),
];

/// What a wish can name: every operation, and its forms.
pub(crate) fn operation_forms() -> Vec<&'static str> {
    let plain = Op::ALL.iter().map(|op| op.as_str());
    let forms = VARIANTS.iter().map(|(op, form, _)| &*format!("{op}.{form}").leak());
    plain.chain(forms).collect()
}

/// What somebody wants to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wish {
    /// The operation.
    pub op: Op,
    /// The rule that the wanted form of it needs.
    pub rule: Option<&'static str>,
    /// The method: a family, a brand, or `family/brand`.
    pub method: Option<String>,
    /// The merchant's country.
    pub country: Option<String>,
    /// The currency.
    pub currency: Option<Currency>,
}

/// Why a connector cannot be used for a wish.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "reason", rename_all = "snake_case")]
pub enum Obstacle {
    /// The operation is not declared.
    OperationUndeclared {
        /// The operation.
        operation: String,
    },
    /// The operation is declared, but not this form of it.
    RuleUndeclared {
        /// The rule in the words of a scenario's `needs`.
        rule: String,
    },
    /// The method is not declared.
    MethodUndeclared {
        /// The method that was asked for.
        method: String,
    },
    /// The currency is not taken.
    CurrencyNotTaken {
        /// The currency, ISO 4217.
        currency: String,
    },
    /// Merchants of the country are not served.
    CountryNotServed {
        /// The country, ISO 3166-1 alpha-2.
        country: String,
    },
}

impl std::fmt::Display for Obstacle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Obstacle::OperationUndeclared { operation } => write!(f, "{operation} is not declared"),
            Obstacle::RuleUndeclared { rule } => write!(f, "the rule {rule} is not declared"),
            Obstacle::MethodUndeclared { method } => write!(f, "the method {method} is not declared"),
            Obstacle::CurrencyNotTaken { currency } => write!(f, "{currency} is not taken"),
            Obstacle::CountryNotServed { country } => write!(f, "merchants in {country} are not served"),
        }
    }
}

impl Wish {
    /// Reads a wish from its words; `specs` are those of all connectors, for the names of brands.
    ///
    /// # Errors
    /// A word that names nothing, with those that come near.
    pub fn read(
        op: &str,
        method: Option<&str>,
        country: Option<&str>,
        currency: Option<&str>,
        specs: &[&'static Spec],
    ) -> Result<Wish, String> {
        let (op, rule) = read_op(op)?;
        Ok(Wish {
            op,
            rule,
            method: method.map(|method| read_method(method, specs)).transpose()?,
            country: country.map(read_country).transpose()?,
            currency: currency.map(read_currency).transpose()?,
        })
    }

    /// Everything that stands in the way with a connector; nothing when it can be used.
    pub fn obstacles(&self, spec: &Spec) -> Vec<Obstacle> {
        let mut found = Vec::new();
        if !spec.has(self.op) {
            found.push(Obstacle::OperationUndeclared { operation: self.op.to_string() });
        }
        if let Some(rule) = self.rule.filter(|rule| !declared_rules(spec).contains(rule)) {
            found.push(Obstacle::RuleUndeclared { rule: rule.to_owned() });
        }
        let takes = |kind: &MethodKind, method: &str| names(kind).iter().any(|name| name == method);
        if let Some(method) = &self.method
            && !spec.methods_of(self.op).iter().any(|kind| takes(kind, method))
        {
            found.push(Obstacle::MethodUndeclared { method: method.clone() });
        }
        if let Some(currency) = self.currency.filter(|currency| !spec.currencies_of(self.op).contains(*currency)) {
            found.push(Obstacle::CurrencyNotTaken { currency: currency.to_string() });
        }
        if let Some(country) = &self.country
            && !spec.countries.is_empty()
            && !spec.countries.contains(&country.as_str())
        {
            found.push(Obstacle::CountryNotServed { country: country.clone() });
        }
        found
    }

    /// What could not be judged: the provider publishes no list of countries, or asks for what only the application has.
    pub fn caveat(&self, spec: &Spec) -> Option<String> {
        let unlisted = self.country.is_some() && spec.countries.is_empty();
        let caveats = [
            (unlisted, "no list of countries is published"),
            (!spec.mutual_tls.is_empty(), "the transport needs a client certificate for mutual TLS"),
        ];
        let caveats: Vec<&str> = caveats.into_iter().filter_map(|(holds, text)| holds.then_some(text)).collect();
        (!caveats.is_empty()).then(|| caveats.join("; "))
    }
}

/// What a method can be called: family, brand, `family/brand`.
fn names(kind: &MethodKind) -> Vec<String> {
    let mut names = vec![kind.family.to_string(), kind.to_string()];
    names.extend(kind.brand.map(str::to_owned));
    names
}

fn read_op(word: &str) -> Result<(Op, Option<&'static str>), String> {
    let (name, variant) = word.split_once('.').map_or((word, None), |(name, variant)| (name, Some(variant)));
    let known: Vec<&str> = Op::ALL.iter().map(|op| op.as_str()).collect();
    let op: Op = name.parse().map_err(|_| unknown("operation", name, &known))?;
    let Some(variant) = variant else { return Ok((op, None)) };
    let of_op = VARIANTS.iter().filter(|(of, ..)| *of == op);
    match of_op.clone().find(|(_, name, _)| *name == variant) {
        Some((.., rule)) => Ok((op, *rule)),
        None => {
            let forms: Vec<&str> = of_op.map(|(_, name, _)| *name).collect();
            match forms.is_empty() {
                true => Err(format!("{op} has one form only; leave out `.{variant}`")),
                false => Err(format!("unknown form `{variant}` of {op}; {}", hint(variant, &forms))),
            }
        }
    }
}

fn read_method(word: &str, specs: &[&'static Spec]) -> Result<String, String> {
    let declared = specs.iter().flat_map(|spec| spec.methods.iter().chain(spec.mandates)).flat_map(names);
    let mut known: Vec<String> = Family::ALL.iter().map(ToString::to_string).chain(declared).collect();
    known.sort_unstable();
    known.dedup();
    if known.iter().any(|name| name == word) {
        return Ok(word.to_owned());
    }
    let known: Vec<&str> = known.iter().map(String::as_str).collect();
    Err(unknown("method", word, &known))
}

fn read_country(word: &str) -> Result<String, String> {
    let code = word.to_ascii_uppercase();
    if regions::region(&code).is_some() {
        return Ok(code);
    }
    // ISO 3166-1 keeps UK free for the United Kingdom; most codes of three letters begin with that of two.
    let likely = match code.as_str() {
        "UK" => Some("GB"),
        other if other.len() == 3 => other.get(..2).filter(|code| regions::region(code).is_some()),
        _ => None,
    };
    Err(match likely {
        Some(code) => format!("unknown country `{word}`; did you mean {code}?"),
        None => format!("unknown country `{word}`; expected a code of ISO 3166-1, two letters, as NL"),
    })
}

/// A currency by its code, or what is wrong with the code.
pub(crate) fn read_currency(word: &str) -> Result<Currency, String> {
    let code = word.to_ascii_uppercase();
    let known: Vec<&str> = Currency::all().iter().map(|currency| currency.code()).collect();
    Currency::from_code(&code).ok_or_else(|| match near(&code, &known).as_slice() {
        [] => format!("unknown currency `{word}`; expected a code of ISO 4217, three letters, as EUR"),
        near => format!("unknown currency `{word}`; did you mean {}?", near.join(", ")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPEC: Spec = Spec {
        operations: &[Op::Authorize, Op::Refund, Op::SetUp, Op::PayOut],
        methods: &[MethodKind::of(Family::Card), MethodKind::branded(Family::BankRedirect, "ideal")],
        mandates: &[MethodKind::of(Family::Card)],
        currencies: Currencies::Only(&[Currency::EUR, Currency::GBP]),
        payout_currencies: Some(&[Currency::GBP]),
        countries: &["NL"],
        ..Spec::new("sample", "Sample", "https://example.com")
    };

    fn reasons(op: &str, method: Option<&str>, country: Option<&str>, currency: Option<&str>) -> Vec<String> {
        let wish = Wish::read(op, method, country, currency, &[&SPEC]).unwrap();
        wish.obstacles(&SPEC).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn each_obstacle_is_named() {
        let none: [&str; 0] = [];
        assert_eq!(reasons("refund", Some("card"), Some("nl"), Some("eur")), none);
        assert_eq!(reasons("pay_out", None, None, Some("gbp")), none);
        assert_eq!(reasons("pay_out", None, None, Some("eur")), ["EUR is not taken"]);
        assert_eq!(reasons("refund.full", Some("ideal"), None, None), none);
        assert_eq!(reasons("authorize", Some("bank_redirect/ideal"), None, None), none);
        assert_eq!(reasons("refund.partial", None, None, None), ["the rule refund:partial is not declared"]);
        assert_eq!(reasons("void", None, None, None), ["void is not declared"]);
        assert_eq!(reasons("set_up", Some("ideal"), None, None), ["the method ideal is not declared"]);
        assert_eq!(
            reasons("refund", Some("pix"), Some("DE"), Some("USD")),
            ["the method pix is not declared", "USD is not taken", "merchants in DE are not served"]
        );
    }

    #[test]
    fn without_a_list_of_countries_nobody_is_turned_away() {
        let open = Spec { countries: &[], ..SPEC };
        let wish = Wish::read("refund", None, Some("DE"), None, &[]).unwrap();
        assert_eq!(
            (wish.obstacles(&open), wish.caveat(&open).as_deref()),
            (vec![], Some("no list of countries is published"))
        );
        assert_eq!(wish.caveat(&SPEC), None);
    }

    #[test]
    fn unknown_words_bring_near_ones() {
        let told = |op: &str, method: Option<&str>, country: Option<&str>, currency: Option<&str>| {
            Wish::read(op, method, country, currency, &[&SPEC]).unwrap_err()
        };
        assert_eq!(told("refnd", None, None, None), "unknown operation `refnd`; did you mean refund?");
        assert_eq!(told("refund.partal", None, None, None), "unknown form `partal` of refund; did you mean partial?");
        assert_eq!(told("adjust.more", None, None, None), "adjust has one form only; leave out `.more`");
        assert!(told("refund", Some("idea"), None, None).contains("did you mean ideal"));
        assert_eq!(told("refund", Some("crad"), None, None), "unknown method `crad`; did you mean card?");
        assert!(told("refund", Some("zzzzzz"), None, None).contains("known are apple_pay, bank_debit"));
        assert_eq!(told("refund", None, Some("NLD"), None), "unknown country `NLD`; did you mean NL?");
        assert_eq!(told("refund", None, Some("uk"), None), "unknown country `uk`; did you mean GB?");
        assert!(told("refund", None, Some("Holland"), None).contains("ISO 3166-1"));
        assert!(told("refund", None, None, Some("EURO")).contains("did you mean EUR"));
    }
}

//! The request of a scenario's step: what the scenario asks, the profile's samples, and the handles of earlier steps.

use std::sync::Arc;

use quittance::{Family, LookupKind, MethodKind, Op, Spec, digest};
use serde_json::{Map, Value, json};

use super::objects::{Objects, Wanted};
use crate::profile::Profile;
use crate::scenario::{Expectation, Step, StepOp, Tamper};
use crate::tape::StepValues;

/// Where a customer comes back to in every scenario.
pub const RETURN_URL: &str = "https://merchant.example/return";

/// The cryptogram of 3-D Secure done elsewhere, in every scenario that has one.
pub const THREE_DS_CRYPTOGRAM: &str = "AAABBEg0VhI0VniQEjRWAAAAAAA=";

/// Keys of a method sample that are no part of the method itself.
const SAMPLE_WORDS: [&str; 4] = ["currency", "country", "input", "reason"];

/// What a step of a scenario sends, before it is typed.
#[derive(Debug, Clone)]
pub struct Prepared {
    /// The operation.
    pub op: Op,
    /// The request, in the JSON form of [`crate::invoke::Request::schema`].
    pub input: Value,
    /// What stands in the tape's holes during the step.
    pub values: StepValues,
    /// The amount that was asked, in minor units, when the profile's card overrides the scenario's: scenario's, card's.
    pub overridden: Option<(i64, i64)>,
}

/// Everything a step is built from.
#[derive(Debug, Clone, Copy)]
pub struct Builder<'a> {
    /// The connector's capabilities.
    pub spec: &'static Spec,
    /// The connector's profile.
    pub profile: &'a Profile,
    /// The brand that the case is expanded for.
    pub brand: Option<&'a str>,
    /// Seed of keys and references.
    pub seed: u64,
}

impl Builder<'_> {
    /// The idempotency key of step `number`; see [`key_of`].
    pub fn key(&self, number: u32) -> String {
        key_of(self.seed, number)
    }

    /// The merchant's reference of step `number`; see [`reference_of`].
    pub fn reference(&self, number: u32) -> String {
        reference_of(self.seed, number)
    }

    /// Builds the request of `step`, the `number`th of its scenario from 1.
    ///
    /// # Errors
    /// What the scenario or the profile lacks.
    pub fn prepare(&self, number: u32, step: &Step, objects: &Objects) -> Result<Prepared, String> {
        let op = op_of(step).ok_or("the step calls no operation")?;
        let (reference_step, key_step) = match op {
            Op::Complete => (self.started(step, objects).unwrap_or(number), number),
            Op::Retrieve => (step.of.or_else(|| objects.step_of(Wanted::Payment, None)).unwrap_or(number), number),
            _ => (number, number),
        };
        let values = StepValues {
            key: Some(self.key(key_step)),
            reference: Some(self.reference(reference_step)),
            samples: Arc::default(),
        };
        let mut prepared = Prepared { op, input: json!({}), values, overridden: None };
        let mut input = match op {
            Op::Authorize => self.authorize(step, objects, &mut prepared)?,
            Op::SetUp => self.set_up(step, &mut prepared)?,
            Op::PayOut => self.pay_out(step, &mut prepared)?,
            Op::UnwrapToken => self.unwrap(step, &mut prepared)?,
            Op::OpenSession => {
                let mut input = keyed(&prepared.values);
                put(&mut input, "amount", self.amount(step, None)?);
                put(&mut input, "return_url", json!(RETURN_URL));
                input
            }
            _ => self.follow_up(op, step, objects, &prepared.values)?,
        };
        if let Some(extra) = self.profile.model.input.get(op.as_str()) {
            merge(&mut input, table_json(extra));
        }
        let sample = self.sample_name(step);
        let extra = sample.as_deref().and_then(|name| self.profile.model.methods.get(name)?.get("input")?.as_table());
        if let Some(extra) = extra {
            merge(&mut input, table_json(extra));
        }
        if let Some(card) =
            step.card.as_deref().filter(|_| self.is_card(step)).and_then(|name| self.profile.model.cards.get(name))
        {
            merge(&mut input, table_json(&card.input));
        }
        scenario_words(op, step, &mut input);
        prepared.input = Value::Object(input);
        Ok(prepared)
    }

    /// The step that started what a `complete` goes on with.
    pub(super) fn started(&self, step: &Step, objects: &Objects) -> Option<u32> {
        let payment = objects.step_of(Wanted::Payment, step.of);
        payment.or_else(|| objects.step_of(Wanted::Mandate, step.of))
    }

    fn authorize(&self, step: &Step, objects: &Objects, prepared: &mut Prepared) -> Result<Map<String, Value>, String> {
        let mut input = keyed(&prepared.values);
        let sample = self.sample_name(step);
        put(&mut input, "amount", self.amount(step, sample.as_deref())?);
        let card = step.card.as_deref().and_then(|name| self.profile.model.cards.get(name));
        if let (Some(minor), Some(scenario), true) =
            (card.and_then(|card| card.amount_minor), step_integer(step, "amount_minor"), self.is_card(step))
        {
            prepared.overridden = Some((scenario, minor));
            let currency = self.currency(sample.as_deref());
            put(&mut input, "amount", json!({ "minor": minor, "currency": currency }));
        }
        put(&mut input, "return_url", json!(RETURN_URL));
        let method = self.method(step, Op::Authorize, objects, &mut prepared.values)?;
        put(&mut input, "method", method);
        Ok(input)
    }

    fn set_up(&self, step: &Step, prepared: &mut Prepared) -> Result<Map<String, Value>, String> {
        let mut input = keyed(&prepared.values);
        put(&mut input, "currency", json!(self.currency(self.sample_name(step).as_deref())));
        put(&mut input, "return_url", json!(RETURN_URL));
        let method = self.method(step, Op::SetUp, &Objects::default(), &mut prepared.values)?;
        put(&mut input, "method", method);
        Ok(input)
    }

    fn pay_out(&self, step: &Step, prepared: &mut Prepared) -> Result<Map<String, Value>, String> {
        let mut input = keyed(&prepared.values);
        put(&mut input, "amount", self.amount(step, Some("payout"))?);
        let sample = self.sample("payout")?;
        prepared.values.samples = self.profile.method_samples("payout").unwrap_or_default().into();
        put(&mut input, "recipient", sample);
        Ok(input)
    }

    fn unwrap(&self, step: &Step, prepared: &mut Prepared) -> Result<Map<String, Value>, String> {
        let name = step.method.as_deref().ok_or("unwrap_token needs a method")?;
        let sample = match step.tamper {
            Some(Tamper::WrongKey) => format!("{name}_wrong_key"),
            _ => name.to_owned(),
        };
        prepared.values.samples = self.profile.method_samples(&sample).unwrap_or_default().into();
        let mut token = self.sample(&sample)?;
        if step.tamper == Some(Tamper::Body) {
            alter_token(&mut token)?;
        }
        Ok(Map::from_iter([("token".to_owned(), json!({ name: token }))]))
    }

    /// Operations on an object of an earlier step.
    fn follow_up(
        &self,
        op: Op,
        step: &Step,
        objects: &Objects,
        values: &StepValues,
    ) -> Result<Map<String, Value>, String> {
        let mut input = keyed(values);
        let handle = |wanted: Wanted| -> Result<Value, String> {
            if step.input.get(wanted.as_str()).and_then(|word| word.as_str()) == Some("absent") {
                let absent = self.profile.model.absent.as_ref().and_then(|absent| match wanted {
                    Wanted::Payment => absent.payment.as_ref(),
                    Wanted::Refund => absent.refund.as_ref(),
                    Wanted::Mandate => absent.mandate.as_ref(),
                    Wanted::Payout | Wanted::Dispute => None,
                });
                return absent.map(|text| json!(text)).ok_or(format!("the profile has no absent.{wanted}"));
            }
            objects
                .handle(wanted, step.of)
                .map(|handle| json!(handle.to_string()))
                .ok_or(format!("no earlier {wanted}"))
        };
        match op {
            Op::Complete => {
                let payment =
                    objects.handle(Wanted::Payment, step.of).or_else(|| objects.handle(Wanted::Mandate, step.of));
                put(&mut input, "payment", json!(payment.ok_or("no earlier payment")?.to_string()));
                let (amount, capture) = objects.terms(step.of).ok_or("no earlier payment")?;
                put(&mut input, "amount", amount);
                put(&mut input, "capture", capture);
            }
            Op::Capture | Op::Refund | Op::Adjust => {
                put(&mut input, "payment", handle(Wanted::Payment)?);
                let currency = objects.currency(step.of).unwrap_or_else(|| self.currency(None));
                let minor = step_integer(step, "amount_minor").ok_or("amount_minor is missing")?;
                put(&mut input, "amount", json!({ "minor": minor, "currency": currency }));
                if op == Op::Capture {
                    put(&mut input, "last", json!(true));
                }
            }
            Op::Void => put(&mut input, "payment", handle(Wanted::Payment)?),
            Op::Revoke => {
                input.remove("reference");
                put(&mut input, "mandate", handle(Wanted::Mandate)?);
            }
            Op::AnswerDispute => {
                input.remove("reference");
                put(&mut input, "dispute", handle(Wanted::Dispute)?);
            }
            Op::Retrieve => return self.retrieve(step, handle, values),
            Op::RetrieveRefund => return Ok(Map::from_iter([("refund".to_owned(), handle(Wanted::Refund)?)])),
            Op::RetrievePayout => return Ok(Map::from_iter([("payout".to_owned(), handle(Wanted::Payout)?)])),
            _ => return Err(format!("{op} is no step")),
        }
        Ok(input)
    }

    fn retrieve(
        &self,
        step: &Step,
        handle: impl Fn(Wanted) -> Result<Value, String>,
        values: &StepValues,
    ) -> Result<Map<String, Value>, String> {
        let asked = step.input.get("lookup").and_then(|word| word.as_str());
        let by_reference = asked == Some("reference") || !self.spec.lookups.contains(&LookupKind::Handle);
        let by = match by_reference {
            true => json!({ "reference": values.reference }),
            false => json!({ "handle": handle(Wanted::Payment)? }),
        };
        Ok(Map::from_iter([("by".to_owned(), by)]))
    }

    /// The name of the sample in the profile for the step's method, if it is not a card.
    pub fn sample_name(&self, step: &Step) -> Option<String> {
        if step.op == StepOp::PayOut {
            return Some("payout".to_owned());
        }
        let kind = self.kind(step)?;
        match kind.family {
            Family::Card | Family::Mandate => None,
            _ => Some(self.sample_of(kind, step)),
        }
    }

    /// The name of a method's sample: its brand, with the family before it where the profile has such a one, or its family; the step's
    /// variant of it where there is one.
    fn sample_of(&self, kind: MethodKind, step: &Step) -> String {
        let known = |name: &String| self.profile.model.methods.contains_key(name);
        let family = kind.family.as_str();
        let plain = match kind.brand {
            Some(brand) => Some(format!("{family}_{brand}")).filter(known).unwrap_or(brand.to_owned()),
            None => family.to_owned(),
        };
        let variant = step.sample.as_ref().map(|variant| format!("{plain}_{variant}"));
        variant.filter(known).unwrap_or(plain)
    }

    /// What must come of a step. Of several reasons that a variant of a sample may be refused for, the one that the profile states
    /// for it counts, else the first.
    ///
    /// # Errors
    /// A reason of the profile that the scenario does not allow.
    pub fn expectation(&self, step: &Step) -> Result<Expectation, String> {
        let mut expect = step.expect.clone();
        let (Some(_), Some(allowed)) = (&step.sample, &mut expect.reason) else { return Ok(expect) };
        let name = self.sample_name(step);
        let sample = name.as_ref().and_then(|name| self.profile.model.methods.get(name));
        match sample.and_then(|sample| sample.get("reason")?.as_str()) {
            None => allowed.values.truncate(1),
            Some(stated) if allowed.values.iter().any(|reason| reason == stated) => {
                allowed.values = vec![stated.to_owned()];
            }
            Some(stated) => {
                let (name, allowed) = (name.unwrap_or_default(), allowed.values.join(", "));
                return Err(format!("methods.{name}.reason: expected one of {allowed}, found `{stated}`"));
            }
        }
        Ok(expect)
    }

    fn is_card(&self, step: &Step) -> bool {
        self.kind(step).is_some_and(|kind| kind.family == Family::Card)
    }

    /// The declared method that the step's `method` stands for in this case.
    pub fn kind(&self, step: &Step) -> Option<MethodKind> {
        let op = op_of(step)?;
        let declared = self.spec.methods_of(op);
        let named = |name: &str| {
            let of_brand = declared.iter().find(|kind| kind.brand == Some(name));
            of_brand.or_else(|| declared.iter().find(|kind| kind.family.as_str() == name)).copied()
        };
        match step.method.as_deref()? {
            "main" if declared.contains(&MethodKind::of(Family::Card)) => Some(MethodKind::of(Family::Card)),
            "main" => named(self.profile.model.main.as_deref()?),
            "redirect" => named(self.profile.model.redirect.as_deref()?),
            "mandate" => Some(MethodKind::of(Family::Mandate)),
            family => match self.brand {
                Some(brand) => {
                    declared.iter().find(|kind| kind.family.as_str() == family && kind.brand == Some(brand)).copied()
                }
                None => named(family),
            },
        }
    }

    fn method(&self, step: &Step, op: Op, objects: &Objects, values: &mut StepValues) -> Result<Value, String> {
        let asked = step.method.as_deref().unwrap_or_default();
        let kind = self.kind(step).ok_or(format!("{op} declares no method for `{asked}`"))?;
        match kind.family {
            Family::Card => {
                let name = step.card.as_deref().unwrap_or("approved");
                let card = self.profile.model.cards.get(name).ok_or(format!("the profile has no cards.{name}"))?;
                values.samples = self.profile.card_samples(name).unwrap_or_default().into();
                if self.spec.cards.token
                    && let Some(token) = &card.token
                {
                    return Ok(json!({ "card_token": token }));
                }
                let mut fields = json!({
                    "number": card.number,
                    "expiry": { "month": card.expiry_month, "year": card.expiry_year },
                });
                if let Some(fields) = fields.as_object_mut() {
                    card.cvc.iter().for_each(|cvc| put(fields, "cvc", json!(cvc)));
                    card.holder.iter().for_each(|holder| put(fields, "holder", json!(holder)));
                }
                Ok(json!({ "card": fields }))
            }
            Family::Mandate => {
                let handle = objects.handle(Wanted::Mandate, step.of).ok_or("no earlier mandate")?;
                Ok(json!({ "mandate": handle.to_string() }))
            }
            Family::Pix => Ok(json!("pix")),
            family => {
                let name = self.sample_of(kind, step);
                values.samples = self.profile.method_samples(&name).unwrap_or_default().into();
                let mut sample = self.sample(&name)?;
                if let Some(way) = sample.get("flow").filter(|_| family == Family::Upi) {
                    return Ok(json!({ "upi": way }));
                }
                if let (Some(brand), Some(fields)) = (kind.brand, sample.as_object_mut()) {
                    put(fields, "brand", json!(brand));
                }
                Ok(json!({ family.as_str(): sample }))
            }
        }
    }

    /// The method's own fields out of the profile's sample.
    fn sample(&self, name: &str) -> Result<Value, String> {
        let table = self.profile.model.methods.get(name).ok_or(format!("the profile has no methods.{name}"))?;
        let fields = table.iter().filter(|(key, _)| !SAMPLE_WORDS.contains(&key.as_str()));
        Ok(Value::Object(fields.map(|(key, value)| (key.clone(), toml_json(value))).collect()))
    }

    fn currency(&self, sample: Option<&str>) -> String {
        let own = sample.and_then(|name| self.profile.model.methods.get(name)?.get("currency")?.as_str());
        own.unwrap_or(&self.profile.model.currency).to_owned()
    }

    fn amount(&self, step: &Step, sample: Option<&str>) -> Result<Value, String> {
        let minor = step_integer(step, "amount_minor").ok_or("amount_minor is missing")?;
        Ok(json!({ "minor": minor, "currency": self.currency(sample) }))
    }
}

/// Alters the signed part of a wallet's token: a letter in the middle of `data` (Apple Pay) or `signedMessage` (Google Pay).
fn alter_token(token: &mut Value) -> Result<(), String> {
    let text = ["payment_data", "token"].into_iter().find_map(|name| token.get(name).and_then(Value::as_str));
    let mut signed: Value = text.and_then(|text| serde_json::from_str(text).ok()).ok_or("the token is no JSON text")?;
    let part = ["data", "signedMessage"].into_iter().find(|name| signed.get(name).is_some_and(Value::is_string));
    let part = part.ok_or("the token has neither `data` nor `signedMessage`")?;
    let whole = signed.get(part).and_then(Value::as_str).unwrap_or_default();
    let letters = whole.chars().enumerate().map(|(at, letter)| match (at == whole.len() / 2, letter) {
        (true, 'A') => 'B',
        (true, _) => 'A',
        (false, letter) => letter,
    });
    let altered: String = letters.collect();
    put_value(&mut signed, part, json!(altered));
    let name = if token.get("payment_data").is_some() { "payment_data" } else { "token" };
    put_value(token, name, json!(signed.to_string()));
    Ok(())
}

fn put_value(object: &mut Value, name: &str, value: Value) {
    if let Some(members) = object.as_object_mut() {
        put(members, name, value);
    }
}

/// Dummy evidence, under what the profile gives in `input.answer_dispute`.
fn evidence(input: &Map<String, Value>) -> Value {
    let mut words = Map::new();
    put(&mut words, "explanation", json!("The goods were delivered on 2026-11-02."));
    put(&mut words, "tracking_number", json!("QT123456789"));
    if let Some(given) = input.get("answer").and_then(|answer| answer.get("contest")?.as_object()) {
        merge(&mut words, given.clone());
    }
    Value::Object(words)
}

/// The idempotency key of step `number`: a UUID that follows from the seed.
pub fn key_of(seed: u64, number: u32) -> String {
    let hash = hex(&digest::sha256(format!("key {seed} {number}").as_bytes()));
    format!("{}-{}-4{}-8{}-{}", &hash[..8], &hash[8..12], &hash[13..16], &hash[17..20], &hash[20..32])
}

/// The merchant's reference of step `number`: `R<step>-<10 hex>`.
pub fn reference_of(seed: u64, number: u32) -> String {
    let hash = hex(&digest::sha256(format!("reference {seed} {number}").as_bytes()));
    format!("R{number}-{}", &hash[..10])
}

/// The operation that a step calls.
pub fn op_of(step: &Step) -> Option<Op> {
    step.op.operation()
}

/// The words of a scenario's `input` that are not fields of the request as they stand.
fn scenario_words(op: Op, step: &Step, input: &mut Map<String, Value>) {
    for (name, value) in &step.input {
        let value = toml_json(value);
        match (name.as_str(), value.as_str()) {
            ("amount_minor" | "lookup", _) | ("payment" | "refund" | "mandate", Some("absent")) => {}
            ("initiator", Some("merchant")) => {
                let category = step.input.get("mit_category").and_then(|word| word.as_str()).unwrap_or("unscheduled");
                put(input, "initiator", json!({ "merchant": category }));
            }
            ("mit_category", _) => {}
            ("three_ds", Some("external")) => put(
                input,
                "three_ds",
                json!({ "external": {
                    "version": "2.2.0",
                    "eci": "05",
                    "cryptogram": THREE_DS_CRYPTOGRAM,
                    "ds_transaction_id": "f25084f0-5b16-4c0a-ae5d-b24808a95e4b",
                } }),
            ),
            ("answer", Some("contest")) => {
                let evidence = evidence(input);
                put(input, "answer", json!({ "contest": evidence }));
            }
            _ => put(input, name, value),
        }
    }
    if op == Op::AnswerDispute && !input.contains_key("answer") {
        put(input, "answer", json!("accept"));
    }
}

fn keyed(values: &StepValues) -> Map<String, Value> {
    let parts = [("key", &values.key), ("reference", &values.reference)];
    parts.into_iter().filter_map(|(name, value)| Some((name.to_owned(), json!(value.as_ref()?)))).collect()
}

fn step_integer(step: &Step, name: &str) -> Option<i64> {
    step.input.get(name).and_then(|value| value.as_integer())
}

fn put(out: &mut Map<String, Value>, name: &str, value: Value) {
    out.insert(name.to_owned(), value);
}

/// Lays `over` over `base`; objects are merged, everything else is replaced.
fn merge(base: &mut Map<String, Value>, over: Map<String, Value>) {
    for (name, value) in over {
        match (base.get_mut(&name), value) {
            (Some(Value::Object(inner)), Value::Object(over)) => merge(inner, over),
            (_, value) => {
                base.insert(name, value);
            }
        }
    }
}

fn table_json(table: &toml::Table) -> Map<String, Value> {
    table.iter().map(|(name, value)| (name.clone(), toml_json(value))).collect()
}

/// A TOML value as JSON; dates become text.
pub fn toml_json(value: &toml::Value) -> Value {
    match value {
        toml::Value::String(text) => json!(text),
        toml::Value::Integer(number) => json!(number),
        toml::Value::Float(number) => json!(number),
        toml::Value::Boolean(truth) => json!(truth),
        toml::Value::Datetime(date) => json!(date.to_string()),
        toml::Value::Array(items) => Value::Array(items.iter().map(toml_json).collect()),
        toml::Value::Table(table) => Value::Object(table_json(table)),
    }
}

/// `hex::encode` goes letter by letter.
fn hex(hash: &[u8; 32]) -> String {
    let mut letters = vec![0; 64];
    let written = hex::encode_to_slice(hash, &mut letters);
    written.ok().and_then(|()| String::from_utf8(letters).ok()).unwrap_or_default()
}

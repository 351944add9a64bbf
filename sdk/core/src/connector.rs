//! The contract: one trait for every provider, and its entry in the catalogue.

use async_trait::async_trait;
use schemars::{JsonSchema, Schema};
use serde::de::DeserializeOwned;

use crate::{
    Adjust, AnswerDispute, Authorize, Capture, Complete, Context, Delivery, Dispute, Effect, Error, Event, Guard, Kind,
    Mandate, NetworkToken, Op, OpenSession, PayOut, Payment, Payout, Refund, RefundRequest, Result, Retrieve,
    RetrievePayout, RetrieveRefund, Revoke, Session, SetUp, Spec, UnwrapToken, Void,
};

/// One account at one provider.
///
/// A connector awaits nothing but calls built from its [`Context`]; it reads no clock, environment, socket or randomness of
/// its own. Dropping a future midway may leave an order open at the provider: treat it like [`Effect::Unknown`].
/// An operation that is not overridden is not offered and must not be declared in [`Spec::operations`].
#[async_trait]
pub trait Connector: Send + Sync {
    /// What it can do.
    fn spec(&self) -> &'static Spec;

    /// Reserves or takes money.
    async fn authorize(&self, _cx: &Context<'_>, _request: &Authorize) -> Result<Payment> {
        Err(Error::unsupported(Op::Authorize))
    }

    /// Goes on after the customer came back from a redirect or challenge.
    async fn complete(&self, _cx: &Context<'_>, _request: &Complete) -> Result<Payment> {
        Err(Error::unsupported(Op::Complete))
    }

    /// Takes reserved money.
    async fn capture(&self, _cx: &Context<'_>, _request: &Capture) -> Result<Payment> {
        Err(Error::unsupported(Op::Capture))
    }

    /// Releases reserved money.
    async fn void(&self, _cx: &Context<'_>, _request: &Void) -> Result<Payment> {
        Err(Error::unsupported(Op::Void))
    }

    /// Gives taken money back.
    async fn refund(&self, _cx: &Context<'_>, _request: &RefundRequest) -> Result<Refund> {
        Err(Error::unsupported(Op::Refund))
    }

    /// Looks at a payment.
    async fn retrieve(&self, _cx: &Context<'_>, _request: &Retrieve) -> Result<Payment> {
        Err(Error::unsupported(Op::Retrieve))
    }

    /// Looks at a refund.
    async fn retrieve_refund(&self, _cx: &Context<'_>, _request: &RetrieveRefund) -> Result<Refund> {
        Err(Error::unsupported(Op::RetrieveRefund))
    }

    /// Changes a reserved amount.
    async fn adjust(&self, _cx: &Context<'_>, _request: &Adjust) -> Result<Payment> {
        Err(Error::unsupported(Op::Adjust))
    }

    /// Stores a mandate or credential without taking money.
    async fn set_up(&self, _cx: &Context<'_>, _request: &SetUp) -> Result<Mandate> {
        Err(Error::unsupported(Op::SetUp))
    }

    /// Withdraws a mandate or stored credential.
    async fn revoke(&self, _cx: &Context<'_>, _request: &Revoke) -> Result<Mandate> {
        Err(Error::unsupported(Op::Revoke))
    }

    /// Opens a session for a client SDK or a wallet sheet.
    async fn open_session(&self, _cx: &Context<'_>, _request: &OpenSession) -> Result<Session> {
        Err(Error::unsupported(Op::OpenSession))
    }

    /// Turns a wallet token into a network token.
    async fn unwrap_token(&self, _cx: &Context<'_>, _request: &UnwrapToken) -> Result<NetworkToken> {
        Err(Error::unsupported(Op::UnwrapToken))
    }

    /// Sends money to a recipient.
    async fn pay_out(&self, _cx: &Context<'_>, _request: &PayOut) -> Result<Payout> {
        Err(Error::unsupported(Op::PayOut))
    }

    /// Looks at a payout.
    async fn retrieve_payout(&self, _cx: &Context<'_>, _request: &RetrievePayout) -> Result<Payout> {
        Err(Error::unsupported(Op::RetrievePayout))
    }

    /// Accepts or contests a dispute.
    async fn answer_dispute(&self, _cx: &Context<'_>, _request: &AnswerDispute) -> Result<Dispute> {
        Err(Error::unsupported(Op::AnswerDispute))
    }

    /// Reads a webhook delivery. Events come in the order of the delivery; one that is vouched for but not read is
    /// [`crate::EventBody::Ignored`].
    async fn webhook(&self, _cx: &Context<'_>, _delivery: &Delivery) -> Result<Vec<Event>> {
        Err(Error::unsupported(Op::Webhook))
    }
}

/// A connector that can be made from credentials; what a connector crate implements beside [`Connector`].
pub trait Provider: Connector + Sized + 'static {
    /// What it can do.
    const SPEC: Spec;
    /// The account's credentials: a struct with a documented field each, secrets as [`crate::Secret`], `deny_unknown_fields`.
    type Credentials: DeserializeOwned + JsonSchema;

    /// Takes the credentials. Fails with [`Kind::Credentials`] and the field's name when one cannot be used.
    fn new(credentials: Self::Credentials) -> Result<Self>;
}

/// A connector's line in the catalogue.
#[derive(Clone, Copy)]
pub struct Entry {
    /// What it can do.
    pub spec: &'static Spec,
    credentials: fn() -> Schema,
    connect: fn(serde_json::Value) -> Result<Box<dyn Connector>>,
}

impl Entry {
    /// The entry of provider `P`.
    pub const fn of<P: Provider>() -> Entry {
        Entry { spec: &P::SPEC, credentials: schema_of::<P>, connect: connect::<P> }
    }

    /// The JSON Schema of the credentials.
    pub fn credentials_schema(&self) -> Schema {
        (self.credentials)()
    }

    /// Makes the connector, behind the [`Guard`]. Errors name the credentials field at fault, never its value.
    pub fn connect(&self, credentials: serde_json::Value) -> Result<Box<dyn Connector>> {
        (self.connect)(credentials)
    }
}

impl std::fmt::Debug for Entry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Entry({})", self.spec.id)
    }
}

fn schema_of<P: Provider>() -> Schema {
    schemars::schema_for!(P::Credentials)
}

fn connect<P: Provider>(credentials: serde_json::Value) -> Result<Box<dyn Connector>> {
    if let Some(error) = credentials_fault(&credentials, &schema_of::<P>()) {
        return Err(error);
    }
    // serde's own message can quote the offending value, which may be a secret: it is not passed on.
    let credentials = serde_json::from_value(credentials).map_err(|_| {
        credentials_error("credentials", "a credentials field has the wrong form; compare with the credentials schema")
    })?;
    Ok(Box::new(Guard::new(P::new(credentials)?)))
}

fn credentials_error(field: &str, what: impl Into<String>) -> Error {
    Error::new(Kind::Credentials, Effect::None, what).in_field(field)
}

/// The first field of `given` that is missing, unknown, or of another type than the schema says.
fn credentials_fault(given: &serde_json::Value, schema: &Schema) -> Option<Error> {
    let Some(given) = given.as_object() else {
        return Some(credentials_error("credentials", "credentials must be a JSON object"));
    };
    let known = schema.get("properties").and_then(|properties| properties.as_object())?;
    let required = schema
        .get("required")
        .and_then(|required| required.as_array())
        .into_iter()
        .flatten()
        .filter_map(|name| name.as_str());
    if let Some(unknown) = given.keys().find(|name| !known.contains_key(*name)) {
        let list = known.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
        return Some(credentials_error(unknown, format!("unknown credentials field; known fields: {list}")));
    }
    if let Some(missing) = required.into_iter().find(|name| !given.contains_key(*name)) {
        return Some(credentials_error(missing, "credentials field is missing"));
    }
    let (name, value) = given.iter().find(|(name, value)| !fits(value, known.get(*name), schema))?;
    let mut choices = Vec::new();
    choices_of(known.get(name), schema, &mut choices);
    let what = match (choices.is_empty(), value.as_str().and_then(|given| meant(given, &choices))) {
        (true, _) => "credentials field has the wrong type or an unknown value".to_owned(),
        (_, None) => format!("expected one of {}", choices.join(", ")),
        (_, Some(meant)) => format!("expected one of {}; did you mean {meant}?", choices.join(", ")),
    };
    Some(credentials_error(name, what))
}

/// The texts that a member of the schema may be, where it is a choice.
fn choices_of<'s>(schema: Option<&'s serde_json::Value>, root: &'s Schema, choices: &mut Vec<&'s str>) {
    let Some(schema) = schema else { return };
    if let Some(pointer) = schema.get("$ref").and_then(|name| name.as_str()).and_then(|name| name.strip_prefix('#')) {
        choices_of(root.pointer(pointer), root, choices);
    }
    let list = |word: &str| schema.get(word).and_then(|list| list.as_array()).into_iter().flatten();
    choices.extend(schema.get("const").into_iter().chain(list("enum")).filter_map(|choice| choice.as_str()));
    list("oneOf").chain(list("anyOf")).for_each(|choice| choices_of(Some(choice), root, choices));
}

/// What providers' consoles call what is a choice here.
const OTHER_WORDS: [(&str, &str); 4] =
    [("prod", "live"), ("test", "sandbox"), ("development", "sandbox"), ("staging", "sandbox")];

/// The choice that was meant: it begins as what was given, or that is another word for it.
fn meant<'s>(given: &str, choices: &[&'s str]) -> Option<&'s str> {
    let given = given.to_ascii_lowercase();
    let start = |text: &str| text.chars().take(3).collect::<String>();
    let other = OTHER_WORDS.iter().find(|(word, _)| given.starts_with(word)).map(|(_, choice)| *choice);
    let begins = |choice: &&&str| !given.is_empty() && start(choice) == start(&given);
    choices.iter().find(begins).or_else(|| choices.iter().find(|choice| Some(**choice) == other)).copied()
}

/// Whether a value has the form that a member of the schema asks for: type, choice of values, and definitions that it refers to.
fn fits(value: &serde_json::Value, schema: Option<&serde_json::Value>, root: &Schema) -> bool {
    let Some(schema) = schema else { return true };
    if let Some(reference) = schema.get("$ref").and_then(|reference| reference.as_str()) {
        let definition = reference.strip_prefix('#').and_then(|pointer| root.pointer(pointer));
        return fits(value, definition, root);
    }
    let choices = schema.get("oneOf").or_else(|| schema.get("anyOf")).and_then(|choices| choices.as_array());
    if let Some(choices) = choices {
        return choices.iter().any(|choice| fits(value, Some(choice), root));
    }
    if schema.get("const").is_some_and(|only| only != value) {
        return false;
    }
    let allowed = match schema.get("type") {
        Some(serde_json::Value::String(one)) => vec![one.as_str()],
        Some(serde_json::Value::Array(several)) => several.iter().filter_map(|one| one.as_str()).collect(),
        _ => return true,
    };
    let actual = match value {
        serde_json::Value::Null => "null",
        serde_json::Value::Bool(_) => "boolean",
        serde_json::Value::Number(_) => "integer",
        serde_json::Value::String(_) => "string",
        serde_json::Value::Array(_) => "array",
        serde_json::Value::Object(_) => "object",
    };
    allowed.contains(&actual)
        && schema.get("enum").and_then(|list| list.as_array()).is_none_or(|list| list.contains(value))
}

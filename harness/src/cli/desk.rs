//! What `request` and `read` share: a connector, an operation, credentials, a clock and a seed, and the call itself.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use clap::Args;
use http::Response;
use quittance::{Connector, Context, Entry, Error, MemoryTokens, Op, Protected, drive};
use serde_json::{Value, json};

use super::number::seed;
use super::source::Source;
use super::tell_note;
use crate::invoke::Request;
use crate::live::credentials::flatten;
use crate::mask::secrets_of;
use crate::run::input::{key_of, reference_of, toml_json};
use crate::run::sample::{Sample, Untaped, untaped};
use crate::run::stage::{SeededRandom, VirtualClock};
use crate::tape::{RunValues, StandIn, hidden_credentials};
use crate::view::Outcome;
use crate::world::{Subject, Unusable, World, unknown};

/// Under what a call is made.
#[derive(Debug, Args)]
pub(super) struct Setting {
    /// Credentials as JSON, - for standard input; else those of fixtures/CONNECTOR/profile.toml
    #[arg(long, value_name = "FILE")]
    pub(super) credentials: Option<String>,
    /// The time of the call, RFC 3339 or seconds since 1970; else the present
    #[arg(long, value_name = "TIME", value_parser = instant, allow_hyphen_values = true)]
    now: Option<i64>,
    /// Seed of keys, references and everything random; else a new one each time
    #[arg(long, value_name = "NUMBER", value_parser = seed)]
    seed: Option<u64>,
}

/// A connector and an operation, ready to be called.
pub(super) struct Desk {
    pub(super) op: Op,
    pub(super) now_unix_seconds: i64,
    pub(super) seed: u64,
    /// The credentials that must not be shown.
    pub(super) secrets: Vec<String>,
    entry: &'static Entry,
    world: World,
    own: Option<Box<dyn Connector>>,
    subject: Result<Subject, Unusable>,
    credentials: Arc<BTreeMap<String, String>>,
}

/// What a call came to.
pub(super) struct Called {
    /// The requests, each with the name of what answered it.
    pub(super) requests: Vec<(http::Request<Bytes>, Option<String>)>,
    /// The result; `None` when a request had no answer.
    pub(super) result: Option<Result<Outcome, Error>>,
    /// What the connector protected.
    pub(super) protected: Protected,
}

/// An answer with the name of where it comes from.
pub(super) type Named = (Response<Bytes>, String);

/// The connector of that id.
pub(super) fn connector(id: &str) -> Result<&'static Entry, Unusable> {
    crate::world::find(id).ok_or_else(|| Unusable::Text(unknown("connector", id, &crate::product::ids())))
}

/// The operation of that name, which the connector must declare.
pub(super) fn operation(entry: &Entry, name: &str) -> Result<Op, Unusable> {
    let op: Op = name.parse().map_err(|_| {
        let known: Vec<&str> = Op::ALL.iter().map(|op| op.as_str()).collect();
        Unusable::Text(unknown("operation", name, &known))
    })?;
    match entry.spec.has(op) {
        true => Ok(op),
        false => {
            let declared: Vec<&str> = entry.spec.operations.iter().map(|op| op.as_str()).collect();
            let declared = declared.join(", ");
            Err(Unusable::Text(format!("{} does not declare {op}; it declares {declared}", entry.spec.id)))
        }
    }
}

impl Desk {
    /// Makes the connector of `id` from the credentials that are given, else from those of its profile.
    pub(super) fn open(world: World, id: &str, operation_name: &str, setting: &Setting) -> Result<Desk, Unusable> {
        let entry = world.entry(id)?;
        let op = operation(entry, operation_name)?;
        // What a connector sends follows from the profile alone: tapes that cannot be read yet only cannot answer.
        let subject = world.subject(entry).or_else(|error| {
            let untaped = world.untaped(entry).map_err(|_| Unusable::Text(error.to_string()))?;
            tell_note(&format!("no tape answers, as not all can be read: {error}"));
            Ok(untaped)
        });
        let given = match &setting.credentials {
            Some(path) => Some(Source::read(path, "the credentials")?),
            None => None,
        };
        let mut known = subject.as_ref().map(|subject| (*subject.credentials).clone()).unwrap_or_default();
        let (own, value, subject) = match given {
            Some(source) => {
                let value = source.object()?;
                flatten("", &value, &mut known);
                let own = entry.connect(value.clone()).map_err(|error| refused(&source.name, id, &error))?;
                (Some(own), value, subject)
            }
            None => {
                let subject = subject?;
                let value = toml_json(&toml::Value::Table(subject.profile.model.credentials.clone()));
                (None, value, Ok(subject))
            }
        };
        let present = jiff::Timestamp::now();
        Ok(Desk {
            op,
            now_unix_seconds: setting.now.unwrap_or_else(|| present.as_second()),
            // 32 bits, so that every reader of JSON keeps the number.
            seed: setting.seed.unwrap_or_else(|| present.as_nanosecond().unsigned_abs() as u64 & u64::from(u32::MAX)),
            secrets: secrets_of(&entry.credentials_schema(), &value)
                .into_iter()
                .chain(hidden_credentials(&known))
                .collect(),
            entry,
            world,
            own,
            subject,
            credentials: Arc::new(known),
        })
    }

    /// The connector's id.
    pub(super) fn id(&self) -> &'static str {
        self.entry.spec.id
    }

    /// The suite's plain success case of the operation, if the connector has one.
    ///
    /// # Errors
    /// Faults of the profile, the tapes or the suite.
    pub(super) fn sample(&self) -> Result<Option<Sample>, Unusable> {
        let subject = self.subject.as_ref().map_err(|error| Unusable::Text(error.to_string()))?;
        Ok(Sample::find(&self.world.suite()?, subject, self.op, self.seed))
    }

    fn untaped(&self) -> Result<Option<Untaped>, Unusable> {
        let subject = self.subject.as_ref().map_err(|error| Unusable::Text(error.to_string()))?;
        Ok(untaped(&self.world.suite()?, subject, self.op, self.seed))
    }

    /// The request out of `source`, with key and reference filled in; without a source, that of the sample.
    pub(super) fn request(&self, source: Option<&Source>) -> Result<(Request, Value), Unusable> {
        if let Some(source) = source {
            let mut input = source.object()?;
            self.fill(&mut input);
            return Ok((source.request(self.id(), self.op, input.clone())?, input));
        }
        let none = |why: String| Unusable::Text(format!("no plausible input of {}: {why}; give --input FILE", self.op));
        let input = match self.sample()?.map(|sample| sample.input.clone()) {
            Some(Ok(input)) => input,
            // No tape, or none that passes: the scenario's own input will do.
            taped => match self.untaped()? {
                Some(Untaped { scenario, input }) => {
                    tell_note(&format!(
                        "the input is that of {scenario}, which no tape answers; ids of earlier steps are made up"
                    ));
                    input.map_err(|why| none(format!("{scenario}: {why}")))?
                }
                None => {
                    let why = taped.and_then(Result::err).unwrap_or_else(|| {
                        format!("the suite has no success scenario of it that applies to {}", self.id())
                    });
                    return Err(none(why));
                }
            },
        };
        let request = Request::from_json(self.op, input.clone()).map_err(none)?;
        Ok((request, input))
    }

    /// Puts a key and a reference where the operation has them and the input does not.
    fn fill(&self, input: &mut Value) {
        let schema = Request::schema(self.op).unwrap_or_default();
        let has = |name: &str| schema.pointer(&format!("/properties/{name}")).is_some();
        if let Some(members) = input.as_object_mut() {
            for (name, value) in [("key", key_of(self.seed, 1)), ("reference", reference_of(self.seed, 1))] {
                if has(name) && !members.contains_key(name) {
                    members.insert(name.to_owned(), json!(value));
                }
            }
        }
    }

    /// The tape that can stand in for the provider, if there is one. Faults of the project's files count as none where the caller
    /// brought credentials and input of their own.
    pub(super) fn stand_in(&self, input: &Value) -> Result<Option<StandIn>, Unusable> {
        let sample = match self.sample() {
            Err(_) if self.own.is_some() => None,
            sample => sample?,
        };
        let run = RunValues {
            seed: self.seed,
            now_unix_seconds: self.now_unix_seconds,
            credentials: Arc::clone(&self.credentials),
            proven: None,
        };
        Ok(sample.map(|sample| sample.stand_in(run, input)))
    }

    /// Calls the operation, each request answered by `answer`, until one has no answer.
    pub(super) fn call(
        &self,
        request: &Request,
        mut answer: impl FnMut(&http::Request<Bytes>) -> Option<Named>,
    ) -> Result<Called, Unusable> {
        let connector = match (&self.own, &self.subject) {
            (Some(own), _) => &**own,
            (None, Ok(subject)) => &*subject.connector,
            (None, Err(error)) => return Err(Unusable::Text(error.to_string())),
        };
        let wire = drive::Wire::default();
        let clock = VirtualClock::at(self.now_unix_seconds);
        let random = SeededRandom::new(self.seed);
        let tokens = MemoryTokens::default();
        let protected = Protected::default();
        let cx = Context::new(&wire, &clock, &random, &tokens).with_protected(&protected);
        let mut exchange = drive::Exchange::new(&wire, request.call(connector, &cx));
        let mut requests = Vec::new();
        let mut step = exchange.start();
        let result = loop {
            match step {
                drive::Step::Done(result) => break Some(result),
                drive::Step::Send(sent) => match answer(&sent) {
                    Some((response, name)) => {
                        requests.push((sent, Some(name)));
                        step = exchange.reply(Ok(response));
                    }
                    None => {
                        requests.push((sent, None));
                        break None;
                    }
                },
            }
        };
        drop(exchange);
        drop(cx);
        Ok(Called { requests, result, protected })
    }

    /// The connector's refusal of an input before anything was sent.
    pub(super) fn unsent(&self, error: &Error) -> Unusable {
        let field = error.field().map(|field| format!(" ({field})")).unwrap_or_default();
        let told = format!("{} refuses the input: {}{field}; nothing was sent", self.id(), error.message());
        Unusable::Text(format!(
            "{told}; `quittance schema {} --operation {}` shows what can be given",
            self.id(),
            self.op
        ))
    }
}

/// An answer out of status, headers and body. Without a content type, the body's first letter tells it.
pub(super) fn response(status: u16, headers: &[(String, String)], body: Vec<u8>) -> Result<Response<Bytes>, String> {
    let first = body.iter().find(|byte| !byte.is_ascii_whitespace()).copied();
    let mut builder = Response::builder().status(status);
    for (name, value) in headers {
        builder = builder.header(name, value);
    }
    let has_type = headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type"));
    builder = match first {
        Some(b'{' | b'[') if !has_type => builder.header("content-type", "application/json"),
        Some(b'<') if !has_type && is_html(&body) => builder.header("content-type", "text/html"),
        Some(b'<') if !has_type => builder.header("content-type", "text/xml"),
        _ => builder,
    };
    builder.body(Bytes::from(body)).map_err(|error| error.to_string())
}

fn is_html(body: &[u8]) -> bool {
    let start = String::from_utf8_lossy(body.get(..body.len().min(200)).unwrap_or_default()).to_ascii_lowercase();
    start.contains("<html") || start.contains("<!doctype html")
}

fn refused(name: &str, id: &str, error: &Error) -> Unusable {
    let field = error.field().unwrap_or_default();
    Unusable::Text(format!("{name}: {field}: {}; `quittance schema {id}` shows the form", error.message()))
}

fn instant(text: &str) -> Result<i64, String> {
    let seconds = text.parse::<i64>().ok().filter(|seconds| jiff::Timestamp::from_second(*seconds).is_ok());
    let written = || text.parse::<jiff::Timestamp>().ok().map(|stamp| stamp.as_second());
    seconds.or_else(written).ok_or_else(|| "expected a time as 2026-11-22T12:00:00Z, or seconds since 1970".to_owned())
}

//! What commands read: a file or standard input, as bytes or JSON, with the place of a mistake.

use std::io::Read as _;

use quittance::Op;
use quittance::scrub::scrub;
use serde_json::Value;

use crate::bad_input::MAX_FILE_BYTES;
use crate::invoke::Request;
use crate::world::Unusable;

/// The name of standard input on the command line.
const STANDARD_INPUT: &str = "-";

/// Content that was read, with its name for messages.
pub(super) struct Source {
    pub(super) name: String,
    pub(super) bytes: Vec<u8>,
}

impl Source {
    /// Reads a file, or standard input for `-`. `what` names it in messages.
    pub(super) fn read(path: &str, what: &str) -> Result<Source, Unusable> {
        Source::read_up_to(MAX_FILE_BYTES, path, what)
    }

    /// The same for content that may have up to `most` bytes.
    pub(super) fn read_up_to(most: u64, path: &str, what: &str) -> Result<Source, Unusable> {
        let mut bytes = Vec::new();
        let limit = most + 1;
        let (name, result) = match path {
            STANDARD_INPUT => {
                ("standard input".to_owned(), std::io::stdin().lock().take(limit).read_to_end(&mut bytes))
            }
            path => {
                let read = std::fs::File::open(path).and_then(|file| file.take(limit).read_to_end(&mut bytes));
                (path.to_owned(), read)
            }
        };
        match result {
            Err(error) => Err(Unusable::Text(format!(
                "{name}: {what} cannot be read: {error}; give a file, or - for standard input"
            ))),
            Ok(_) if bytes.len() as u64 > most => {
                Err(Unusable::Text(format!("{name}: {what} is longer than {most} bytes")))
            }
            Ok(_) => Ok(Source { name, bytes }),
        }
    }

    /// The content as JSON.
    pub(super) fn json(&self) -> Result<Value, Unusable> {
        serde_json::from_slice(&self.bytes).map_err(|error| self.at(&error, &plain(&error), "expected JSON"))
    }

    /// The content as a JSON object.
    pub(super) fn object(&self) -> Result<Value, Unusable> {
        let value = self.json()?;
        match value {
            Value::Object(_) => Ok(value),
            _ => Err(Unusable::Text(format!("{}: expected a JSON object", self.name))),
        }
    }

    /// Reads the request of `op` out of `input`, which is the content with what was filled in.
    pub(super) fn request(&self, connector: &str, op: Op, input: Value) -> Result<Request, Unusable> {
        Request::read(op, input).map_err(|error| {
            let advice = format!("`quittance schema {connector} --operation {op}` shows the form");
            // What was filled in is missing in the text; any other mistake is found again there, with its place.
            let filled_in =
                |told: &str| ["key", "reference"].iter().any(|name| told == format!("missing field `{name}`"));
            match Request::read(op, &mut serde_json::Deserializer::from_slice(&self.bytes)) {
                Err(placed) if !filled_in(&plain(&placed)) => self.at(&placed, &plain(&placed), &advice),
                _ => {
                    let told = plain(&error);
                    Unusable::Text(format!("{}: input of {op}: {}; {advice}", self.name, scrub(&told, &[])))
                }
            }
        })
    }

    fn at(&self, error: &serde_json::Error, message: &str, advice: &str) -> Unusable {
        let place = match error.line() {
            0 => String::new(),
            line => format!(":{line}:{}", error.column()),
        };
        Unusable::Text(format!("{}{place}: {}; {advice}", self.name, scrub(message, &[])))
    }
}

/// Standard input can be read once.
pub(super) fn one_standard_input<'p>(paths: impl IntoIterator<Item = &'p str>) -> Result<(), Unusable> {
    match paths.into_iter().filter(|path| *path == STANDARD_INPUT).count() {
        0 | 1 => Ok(()),
        _ => Err(Unusable::Text(
            "standard input (-) can be given for one argument only; use files for the others".into(),
        )),
    }
}

/// The message without its place.
fn plain(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    text.strip_suffix(&place).unwrap_or(&text).to_owned()
}

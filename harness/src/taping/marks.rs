//! Values and the holes that stand for them.

use std::collections::BTreeMap;

use aho_corasick::{AhoCorasick, MatchKind};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::request::is_computed;
use super::{Crossing, Known};
use crate::tape::json::Json;
use crate::tape::{NO_SECRETS, NoSlots, Part, Place, Scope, Spoil, StepValues, Template, is_secret_value};

/// Known values shorter than this become holes only where they stand alone.
const SHORTEST_INSIDE: usize = 6;
/// Text of letters and digits this long, with a digit, was made for the occasion; shorter text may be a code or a version.
const SHORTEST_ID: usize = 8;
/// The same without a digit, in letters of both cases.
const SHORTEST_LETTERS: usize = 16;
/// A time this near to the exchange is its own, seconds.
const NEAR_SECONDS: i64 = 300;
/// A time further ahead is none that the exchange has made, seconds.
const FAR_SECONDS: i64 = 400 * 24 * 3600;
/// The longest value that a hole mints.
const LONGEST_MINTED: usize = 256;
/// Words in the name of a field by which it speaks of money.
const MONEY: [&str; 5] = ["amount", "total", "price", "captured", "refunded"];

/// The holes of one tape, as far as it is made.
pub(crate) struct Marks<'k> {
    known: &'k Known,
    /// Value and hole of what the provider has made so far.
    minted: Vec<(String, String)>,
    names: Vec<String>,
    /// What was sent so far: values in it are not the provider's.
    asked: String,
}

impl<'k> Marks<'k> {
    pub(super) fn new(known: &'k Known) -> Marks<'k> {
        Marks { known, minted: Vec::new(), names: Vec::new(), asked: String::new() }
    }

    pub(super) fn test_cards(&self) -> &'k [String] {
        &self.known.test_cards
    }

    /// Notes a text that was sent.
    pub(super) fn asked(&mut self, text: &str) {
        self.asked.push_str(text);
        self.asked.push('\n');
    }

    /// Value and hole of what is known in a step.
    fn of_step(&self, step: u32) -> Vec<(String, String)> {
        let mut pairs: Vec<(String, String)> = Vec::new();
        for (number, values) in &self.known.steps {
            let of = if *number == step { String::new() } else { format!(":{number}") };
            let named = [("key", &values.key), ("reference", &values.reference)];
            pairs.extend(
                named.into_iter().filter_map(|(name, value)| Some((value.clone()?, format!("${{{name}{of}}}")))),
            );
        }
        let own = self.known.steps.get(&step).map(|values| values.samples.iter());
        for (name, value) in own.into_iter().flatten().filter(|(name, _)| is_secret_value(name)) {
            pairs.push((value.clone(), format!("${{card:{}}}", name.trim_start_matches("card."))));
        }
        let is_secret = |value: &str| value.len() >= SHORTEST_INSIDE && !NO_SECRETS.contains(&value);
        let secrets: Vec<_> = self.known.credentials.iter().filter(|(_, value)| is_secret(value)).collect();
        for (name, value) in &secrets {
            pairs.push(((*value).clone(), format!("${{secret:{name}}}")));
        }
        let nobody = (String::new(), String::new());
        let all = || self.known.credentials.iter().chain([(&nobody.0, &nobody.1)]);
        for (user, user_value) in all() {
            for (password, password_value) in all().filter(|(password, _)| !(user.is_empty() && password.is_empty())) {
                let pair = STANDARD.encode(format!("{user_value}:{password_value}"));
                pairs.push((pair, format!("${{basic:{user}:{password}}}")));
            }
        }
        pairs.extend(self.minted.iter().cloned());
        pairs
    }

    /// The text with holes for what is known.
    pub(super) fn known(&self, step: u32, text: &str) -> String {
        let mut pairs = self.of_step(step);
        if let Some((_, hole)) = pairs.iter().find(|(value, _)| value == text && !value.is_empty()) {
            return hole.clone();
        }
        pairs.retain(|(value, _)| value.len() >= SHORTEST_INSIDE);
        let escaped: Vec<(String, String)> = pairs
            .iter()
            .map(|(value, hole)| (utf8_percent_encode(value, NON_ALPHANUMERIC).to_string(), hole.clone()))
            .collect();
        pairs.extend(escaped);
        // A text that looks like a hole is none.
        pairs.push(("${".to_owned(), "$${".to_owned()));
        let (values, holes): (Vec<String>, Vec<String>) = pairs.into_iter().unzip();
        match AhoCorasick::builder().match_kind(MatchKind::LeftmostLongest).build(&values) {
            Ok(finder) => finder.replace_all(text, &holes),
            Err(_) => text.to_owned(),
        }
    }

    /// A text of a request: the present tape's template for that place, where it is computed anew or stands for just this text; else the text
    /// with holes for what is known.
    pub(super) fn requested(&self, crossing: &Crossing, theirs: Option<&str>, text: &str) -> String {
        match theirs.filter(|theirs| is_computed(theirs) || self.fills(crossing, theirs, text)) {
            Some(theirs) => theirs.to_owned(),
            None => self.known(crossing.step, text),
        }
    }

    /// Whether a template of the present tape comes to that text by what is known, as `${card:expiry_month2}${card:expiry_year2}` to `1230`.
    pub(super) fn fills(&self, crossing: &Crossing, template: &str, text: &str) -> bool {
        let Ok(template) = Template::parse(template, Place::Request) else { return false };
        let last = self.known.steps.keys().copied().max().unwrap_or_default().max(crossing.step);
        let steps: Vec<StepValues> =
            (1..=last).map(|step| self.known.steps.get(&step).cloned().unwrap_or_default()).collect();
        let (none, recipes) = (BTreeMap::new(), BTreeMap::new());
        let scope = Scope {
            credentials: &self.known.credentials,
            steps: &steps,
            step: crossing.step,
            minted: &none,
            captured: &none,
            slots: &NoSlots,
            caught: &[],
            now_unix: crossing.at_unix,
            recipes: &recipes,
            message: None,
            asked: None,
            spoil: Spoil::Not,
            proven: None,
        };
        let mut filled = String::new();
        let is_whole = template.parts.iter().all(|part| match part {
            Part::Text(part) => {
                filled.push_str(part);
                true
            }
            Part::Hole(hole) => scope.resolve(hole, &mut filled).is_ok(),
        });
        is_whole && template.holes().next().is_some() && filled == text
    }

    /// A text of an answer with holes for what is known, times, and what the provider has made; `name` is the field's pointer or name.
    pub(super) fn answer(&mut self, name: &str, text: &str, crossing: &Crossing) -> String {
        if let Some(hole) = time_hole(text, crossing.at_unix) {
            return hole;
        }
        self.mint(name, text, crossing.step);
        self.known(crossing.step, text)
    }

    /// A number of an answer; one that is a time or was made for the occasion becomes a text with a hole that stands for a number.
    pub(super) fn number<'j>(&mut self, name: &str, text: &'j str, crossing: &Crossing) -> Json<'j> {
        let field = name.rsplit('/').next().unwrap_or(name).to_ascii_lowercase();
        let plain = || Json::Number(text);
        if MONEY.iter().any(|word| field.contains(word)) || !text.bytes().all(|byte| byte.is_ascii_digit()) {
            return plain();
        }
        for (unit, format) in [(1, "unix"), (1000, "millis")] {
            let seconds = text.parse::<i64>().ok().map(|number| number / unit);
            if let Some(hole) = seconds.and_then(|seconds| moment(seconds, crossing.at_unix, format)) {
                return Json::String(hole.replace('}', "#number}").into());
            }
        }
        let known = self.of_step(crossing.step).into_iter().find(|(value, _)| value == text);
        match known {
            Some((_, hole)) => Json::String(hole.replace('}', "#number}").into()),
            None if text.len() > SHORTEST_ID && !text.starts_with('0') => {
                self.mint(name, text, crossing.step);
                let hole = self.known(crossing.step, text);
                if hole.starts_with("${") { Json::String(hole.replace('}', "#number}").into()) } else { plain() }
            }
            None => plain(),
        }
    }

    /// An answer that is no JSON: what stands between tags is marked as texts are, the rest by what is known.
    pub(super) fn between_tags(&mut self, text: &str, crossing: &Crossing) -> String {
        let mut out = String::new();
        let mut name = "value".to_owned();
        for part in text.split_inclusive(['<', '>', '&', '=']) {
            let end = part.len() - usize::from(part.ends_with(['<', '>', '&', '=']));
            let (inside, mark) = part.split_at(end);
            match mark {
                ">" | "=" => {
                    name = inside.split([' ', '/', ':']).next_back().unwrap_or_default().to_owned();
                    out.push_str(&self.known(crossing.step, inside));
                }
                _ => out.push_str(&self.answer(&name, inside, crossing)),
            }
            out.push_str(mark);
        }
        out
    }

    /// Gives a hole to each part of a text that was made for the occasion and that the caller has not sent.
    fn mint(&mut self, name: &str, text: &str, step: u32) {
        for token in tokens(text) {
            let is_new = !self.minted.iter().any(|(value, _)| value == token) && !self.asked.contains(token);
            let is_known = || self.of_step(step).iter().any(|(value, _)| value.contains(token));
            if is_new && !is_known() {
                let hole = format!("${{gen:{}:{}}}", self.name(name), shape(token));
                self.minted.push((token.to_owned(), hole));
            }
        }
    }

    /// A name for a hole, after the field that has the value first.
    fn name(&mut self, field: &str) -> String {
        let parts: Vec<&str> =
            field.split('/').filter(|part| part.parse::<usize>().is_err() && !part.is_empty()).collect();
        let last = parts.iter().rev().take(2).rev().copied().collect::<Vec<_>>().join("_");
        let plain: String = last
            .chars()
            .map(|letter| if letter.is_ascii_alphanumeric() { letter.to_ascii_lowercase() } else { '_' })
            .collect();
        let plain = plain.trim_matches('_').trim_start_matches(|letter: char| letter.is_ascii_digit()).to_owned();
        let plain = if plain.is_empty() { "value".to_owned() } else { plain };
        let mut name = plain.clone();
        let mut number = 1;
        while self.names.contains(&name) {
            number += 1;
            name = format!("{plain}{number}");
        }
        self.names.push(name.clone());
        name
    }
}

/// The parts of a text that look as if they were made for the occasion.
fn tokens(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(at) = (0..rest.len()).find(|at| rest.get(*at..at + 36).is_some_and(is_uuid)) {
        found.extend(pieces(rest.get(..at).unwrap_or_default()));
        found.extend(rest.get(at..at + 36));
        rest = rest.get(at + 36..).unwrap_or_default();
    }
    found.extend(pieces(rest));
    found
}

fn pieces(text: &str) -> impl Iterator<Item = &str> {
    text.split(|letter: char| !letter.is_ascii_alphanumeric()).filter(|piece| {
        let has = |test: fn(&u8) -> bool| piece.bytes().any(|byte| test(&byte));
        let letters = has(u8::is_ascii_lowercase) && has(u8::is_ascii_uppercase) && !is_words(piece);
        (piece.len() >= SHORTEST_ID && has(u8::is_ascii_digit)) || (piece.len() >= SHORTEST_LETTERS && letters)
    })
}

/// Words run together (`requiresPaymentMethod`): capitals are few and never beside each other.
fn is_words(piece: &str) -> bool {
    let bytes = piece.as_bytes();
    let capitals = bytes.iter().filter(|byte| byte.is_ascii_uppercase()).count();
    let beside = bytes.windows(2).any(|pair| pair.iter().all(u8::is_ascii_uppercase));
    !beside && capitals * 4 <= bytes.len()
}

fn is_uuid(text: &str) -> bool {
    let mark = |(at, byte): (usize, u8)| match at {
        8 | 13 | 18 | 23 => byte == b'-',
        _ => byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte),
    };
    text.len() == 36 && text.bytes().enumerate().all(mark)
}

/// The shape of a value, as `gen` holes name it.
fn shape(token: &str) -> String {
    let all = |test: fn(&u8) -> bool| token.bytes().all(|byte| test(&byte));
    let length = token.len().min(LONGEST_MINTED);
    if is_uuid(token) {
        "uuid".to_owned()
    } else if all(u8::is_ascii_digit) {
        format!("digits{length}")
    } else if all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(byte)) {
        format!("hex{length}")
    } else if all(|byte| byte.is_ascii_digit() || byte.is_ascii_uppercase()) {
        format!("upper{length}")
    } else {
        format!("alnum{length}")
    }
}

/// Forms in which requests carry the time beside those that have a name, the longest first.
const FORMS: [&str; 14] = [
    "%Y-%m-%dT%H:%M:%S",
    "%Y-%m-%d %H:%M:%S",
    "%d/%m/%Y %H:%M:%S",
    "%Y-%m-%d %H:%M",
    "%d/%m/%Y %H:%M",
    "%Y%m%d%H%M%S",
    "%y%m%d%H%M%S",
    "%d/%m/%Y",
    "%m/%d/%Y",
    "%d.%m.%Y",
    "%H:%M:%S",
    "%Y%m%d",
    "%y%m%d",
    "%H%M%S",
];

/// The form in which a text is the time `unix`, and another text another time.
pub(crate) fn written_as(text: &str, other: &str, unix: i64) -> Option<&'static str> {
    let now = Timestamp::from_second(unix).ok()?.to_zoned(jiff::tz::TimeZone::UTC);
    let is_time = |form: &str| jiff::fmt::strtime::parse(form, other).is_ok();
    FORMS.into_iter().find(|form| now.strftime(form).to_string() == text && is_time(form))
}

/// The hole of a text that is a time.
fn time_hole(text: &str, at_unix: i64) -> Option<String> {
    if text.len() == 10 && text.parse::<jiff::civil::Date>().is_ok() {
        let today = Timestamp::from_second(at_unix).ok()?.to_string();
        return today.starts_with(text).then(|| "${now:date}".to_owned());
    }
    if !(20..=35).contains(&text.len()) || text.as_bytes().get(10) != Some(&b'T') {
        return None;
    }
    let stamp: Timestamp = text.parse().ok()?;
    let format = if text.contains('.') { "rfc3339ms" } else { "rfc3339" };
    moment(stamp.as_second(), at_unix, format)
}

/// The hole of a time, when it lies near the exchange or not too far ahead.
fn moment(seconds: i64, at_unix: i64, format: &str) -> Option<String> {
    let ahead = seconds - at_unix;
    match ahead {
        _ if ahead.abs() <= NEAR_SECONDS => Some(format!("${{now:{format}}}")),
        _ if (0..=FAR_SECONDS).contains(&ahead) => Some(format!("${{now+{ahead}:{format}}}")),
        _ => None,
    }
}

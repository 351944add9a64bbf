//! Fills the slots of an answer with what is so for this payment.

use std::borrow::Cow;

use quittance::Currency;

use super::book::Object;
use super::few::Few;
use super::known::{Fill, Kind, Lineage, Moment};
use super::places::Place;
use super::sent::{Sent, Value};
use super::texts::Of;
use crate::tape::{Escape, Fills, push_escaped};

/// Longest object of the merchant's that is given back, in bytes.
const MAX_OBJECT: usize = 4_096;

/// What slots are filled from.
pub(super) struct Filling<'f> {
    /// What fills each, by number.
    pub(super) fills: &'f [Fill],
    /// The minted values of the answer.
    pub(super) minted: &'f Few<'f>,
    pub(super) moment: Moment,
    pub(super) currency: Option<Currency>,
    pub(super) lineage: &'f Lineage,
    /// What this request has sent.
    pub(super) own: Option<&'f Sent<'f>>,
    /// Its sample values.
    pub(super) samples: &'f Few<'f>,
    /// What earlier requests have made, the nearest first: what they have sent counts where this one has not.
    pub(super) line: Vec<&'f Object>,
    pub(super) digest: Option<&'f str>,
    /// The ids of the objects around, by kind.
    pub(super) ids: Vec<(Kind, &'f str)>,
    /// The members of lists that tell refunds, each list as it is written.
    pub(super) items: &'f [String],
    pub(super) escape: Escape,
}

impl Fills for Filling<'_> {
    fn fill(&self, number: usize, out: &mut String) -> bool {
        self.fills.get(number).is_some_and(|fill| self.write(fill, out))
    }
}

impl Filling<'_> {
    /// Writes the text of a slot as it stands in the answer; false where the member whose value it is is to be left out.
    fn write(&self, fill: &Fill, out: &mut String) -> bool {
        match fill {
            Fill::Amount(quantity, figure) => {
                let minor = quantity.of(&self.moment).unwrap_or(self.moment.after.amount);
                figure.write(minor, self.currency.or(self.lineage.currency), out);
            }
            Fill::Flag(flag) => out.push_str(if flag.of(&self.moment.after) { "true" } else { "false" }),
            Fill::Currency(style) => {
                let currency = self.currency.or(self.lineage.currency);
                currency.into_iter().for_each(|currency| style.write(currency, out));
            }
            Fill::Echo { path, place, quoted, otherwise } => match (self.sent(path, *place, otherwise), quoted) {
                (Some(text), true) => {
                    out.push('"');
                    push_escaped(text, self.escape, out);
                    out.push('"');
                }
                (None, true) => return false,
                (sent, false) => push_escaped(sent.unwrap_or_default(), self.escape, out),
            },
            Fill::Object { prefix, name } => {
                let own = self.own.and_then(|own| own.object(*prefix));
                out.push_str(own.or_else(|| self.earlier(name)).unwrap_or("{}"));
            }
            Fill::Digest => push_escaped(self.digest.unwrap_or_default(), self.escape, out),
            Fill::Id(kind) => {
                let id = self.ids.iter().find(|(other, _)| other == kind).map(|(_, id)| *id);
                push_escaped(id.unwrap_or_default(), self.escape, out);
            }
            Fill::Minted(at) => push_escaped(self.minted.at(*at).unwrap_or_default(), self.escape, out),
            Fill::Refunds(at) => out.push_str(self.items.get(*at).map_or("", String::as_str)),
            Fill::Card { part, text } => push_escaped(&self.card(part, text), self.escape, out),
        }
        true
    }

    fn sent<'t>(&'t self, path: &str, place: Place, otherwise: &'t Option<String>) -> Option<&'t str> {
        let own = self.own.and_then(|own| own.first(place));
        own.or_else(|| self.earlier(path)).or(otherwise.as_deref())
    }

    fn earlier(&self, path: &str) -> Option<&str> {
        self.line.iter().find_map(|object| object.texts.get(Of::Sent, path))
    }

    /// A part of the card in the form in which the tape has it.
    fn card<'t>(&'t self, part: &str, tape: &'t str) -> Cow<'t, str> {
        let earlier = |name: &str| self.line.iter().find_map(|object| object.texts.get(Of::Sample, name));
        let sample = |name: &str| self.samples.get(name).or_else(|| earlier(name));
        let made: Option<Cow<'t, str>> = match part {
            "last4" => sample("card.last4").map(Cow::Borrowed),
            "bin" => sample("card.bin").and_then(|bin| bin.get(..tape.len())).map(Cow::Borrowed),
            "month" => sample("card.expiry_month").map(|month| {
                let month = month.trim_start_matches('0');
                if tape.starts_with('0') && month.len() == 1 { format!("0{month}").into() } else { month.into() }
            }),
            "year" => sample("card.expiry_year").map(Cow::Borrowed),
            _ => sample("card.last4").and_then(|last4| {
                let head = tape.get(..tape.len().checked_sub(4)?)?;
                let tape_bin = self.lineage.samples.get("card.number").and_then(|number| number.get(..6));
                let head = match (tape_bin, sample("card.bin")) {
                    (Some(tape_bin), Some(bin)) if head.starts_with(tape_bin) && bin.len() >= 6 => {
                        format!("{}{}", bin.get(..6)?, head.get(6..)?)
                    }
                    _ => head.to_owned(),
                };
                Some(format!("{head}{last4}").into())
            }),
        };
        made.unwrap_or(Cow::Borrowed(tape))
    }
}

/// Adds a value to the JSON object of what was sent below a place: of `form metadata[cart]` the rest `[cart]` is the member `cart`. One that
/// would make it too long is left out.
pub(super) fn add_member(rest: &str, value: &Value<'_>, object: &mut Option<String>) {
    let name = match rest.strip_prefix('[') {
        Some(inner) => inner.strip_suffix(']').unwrap_or(inner).trim_matches('"'),
        None => match rest.strip_prefix('.') {
            Some(name) => name,
            None => return,
        },
    };
    let length = object.as_ref().map_or(0, String::len);
    if length + name.len() + value.text.len() > MAX_OBJECT {
        return;
    }
    let out = object.get_or_insert_with(|| String::with_capacity(128));
    // The end of the object, where it has members already.
    out.pop();
    out.push_str(if length == 0 { "{\"" } else { ",\"" });
    push_escaped(name, Escape::Json, out);
    out.push_str("\":");
    if value.bare {
        out.push_str(&value.text);
    } else {
        out.push('"');
        push_escaped(&value.text, Escape::Json, out);
        out.push('"');
    }
    out.push('}');
}

//! Fills the slots of an answer with what is so for this payment.

use std::collections::BTreeMap;

use quittance::Currency;

use super::book::Object;
use super::known::{Fill, Kind, Lineage, Moment, Slot};
use super::leaves::Value;
use super::texts::Of;
use crate::tape::{Escape, push_escaped};

/// What fills the slot of a JSON member that is to be left out: no text that a client sends, since it would be escaped.
pub(super) const ABSENT: &str = "\0";

/// Longest object of the merchant's that is given back, in bytes.
const MAX_OBJECT: usize = 4_096;

/// What slots are filled from.
pub(super) struct Filling<'f> {
    pub(super) moment: Moment,
    pub(super) currency: Option<Currency>,
    pub(super) lineage: &'f Lineage,
    /// What this request has sent.
    pub(super) own: &'f [Value],
    /// Its sample values.
    pub(super) samples: &'f BTreeMap<String, String>,
    /// What earlier requests have made, the nearest first: what they have sent counts where this one has not.
    pub(super) line: Vec<&'f Object>,
    pub(super) digest: Option<&'f str>,
    /// The ids of the objects around, by kind.
    pub(super) ids: Vec<(Kind, &'f str)>,
    pub(super) escape: Escape,
}

impl Filling<'_> {
    /// The text of a slot, as it stands in the answer.
    pub(super) fn text(&self, slot: &Slot) -> String {
        match &slot.fill {
            Fill::Amount(quantity, figure) => {
                let minor = quantity.of(&self.moment).unwrap_or(self.moment.after.amount);
                figure.write(minor, self.currency.or(self.lineage.currency))
            }
            Fill::Flag(flag) => flag.of(&self.moment.after).to_string(),
            Fill::Currency(style) => {
                self.currency.or(self.lineage.currency).map(|currency| style.write(currency)).unwrap_or_default()
            }
            Fill::Echo { path, quoted, otherwise } => {
                let sent = self.sent(path).or(otherwise.as_deref());
                match (sent, quoted) {
                    (Some(text), true) => format!("\"{}\"", self.escaped(text)),
                    (None, true) => ABSENT.to_owned(),
                    (sent, false) => self.escaped(sent.unwrap_or_default()),
                }
            }
            Fill::Object { prefix } => object(prefix, self.own)
                .or_else(|| self.earlier(&format!("o:{prefix}")).map(str::to_owned))
                .unwrap_or_else(|| "{}".to_owned()),
            Fill::Digest => self.escaped(self.digest.unwrap_or_default()),
            Fill::Id(kind) => {
                let id = self.ids.iter().find(|(other, _)| other == kind).map(|(_, id)| *id);
                self.escaped(id.unwrap_or_default())
            }
            Fill::Card { part, text } => self.escaped(&self.card(part, text)),
        }
    }

    fn sent(&self, path: &str) -> Option<&str> {
        let own = self.own.iter().find(|value| value.path == path).map(|value| value.text.as_str());
        own.or_else(|| self.earlier(path))
    }

    fn earlier(&self, path: &str) -> Option<&str> {
        self.line.iter().find_map(|object| object.texts.get(Of::Sent, path))
    }

    fn escaped(&self, text: &str) -> String {
        let mut out = String::with_capacity(text.len());
        push_escaped(text, self.escape, &mut out);
        out
    }

    /// A part of the card in the form in which the tape has it.
    fn card(&self, part: &str, tape: &str) -> String {
        let earlier = |name: &str| self.line.iter().find_map(|object| object.texts.get(Of::Sample, name));
        let sample = |name: &str| self.samples.get(name).map(String::as_str).or_else(|| earlier(name));
        let made = match part {
            "last4" => sample("card.last4").map(str::to_owned),
            "bin" => sample("card.bin").and_then(|bin| bin.get(..tape.len())).map(str::to_owned),
            "month" => sample("card.expiry_month").map(|month| {
                let month = month.trim_start_matches('0');
                if tape.starts_with('0') && month.len() == 1 { format!("0{month}") } else { month.to_owned() }
            }),
            "year" => sample("card.expiry_year").map(str::to_owned),
            _ => sample("card.last4").and_then(|last4| {
                let head = tape.get(..tape.len().checked_sub(4)?)?;
                let tape_bin = self.lineage.samples.get("card.number").and_then(|number| number.get(..6));
                let head = match (tape_bin, sample("card.bin")) {
                    (Some(tape_bin), Some(bin)) if head.starts_with(tape_bin) && bin.len() >= 6 => {
                        format!("{}{}", bin.get(..6)?, head.get(6..)?)
                    }
                    _ => head.to_owned(),
                };
                Some(format!("{head}{last4}"))
            }),
        };
        made.unwrap_or_else(|| tape.to_owned())
    }
}

/// What was sent below a place, as a JSON object: `form metadata[cart]` is the member `cart`. None where nothing was.
pub(super) fn object(prefix: &str, sent: &[Value]) -> Option<String> {
    let mut out = String::new();
    for value in sent {
        let Some(rest) = value.path.strip_prefix(prefix) else { continue };
        let name = match rest.strip_prefix('[') {
            Some(inner) => inner.trim_end_matches(']').trim_matches('"'),
            None => match rest.strip_prefix('.') {
                Some(name) => name,
                None => continue,
            },
        };
        if out.len() + name.len() + value.text.len() > MAX_OBJECT {
            break;
        }
        out.push(if out.is_empty() { '{' } else { ',' });
        out.push('"');
        push_escaped(name, Escape::Json, &mut out);
        out.push_str("\":");
        if value.bare {
            out.push_str(&value.text);
        } else {
            out.push('"');
            push_escaped(&value.text, Escape::Json, &mut out);
            out.push('"');
        }
    }
    if out.is_empty() {
        return None;
    }
    out.push('}');
    Some(out)
}

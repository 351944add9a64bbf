//! Reads one value of a request for an exchange: how much it tells of whether that is meant, and what it brings.

use std::collections::BTreeMap;
use std::ops::Range;

use quittance::Currency;

use super::book::{Book, Number};
use super::fit::{Readings, Weight};
use super::known::{Kind, Known, Role, Want};
use super::proof::Spared;
use super::read::{Caught, caught};
use super::roles::Quantity;
use super::texts::Of;
use super::understand::begins;
use crate::tape::{Class, Encoding, Hole, Part, Template, speaks_of_proof};

/// What fits are judged by.
#[derive(Clone, Copy)]
pub(super) struct Ground<'k, 'g> {
    pub(super) known: &'k [Known],
    /// None where it is read without a look at what is remembered, as long as nothing of that is named.
    pub(super) book: Option<&'g Book>,
    pub(super) credentials: &'g BTreeMap<String, String>,
    pub(super) spared: &'g Spared,
}

/// What values tell of whether an exchange is meant. There are many of them in a request, and so it is small.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Mark {
    pub(super) score: i32,
    /// How many values were sent.
    pub(super) present: i32,
    /// Of how many each flag is so.
    counts: u64,
}

/// What is so of a value: the place of its count in a mark.
#[derive(Debug, Clone, Copy)]
pub(super) enum Flag {
    Absent = 0,
    Unproven = 12,
    NoAmount = 24,
    /// It is missing and stands in no header.
    Lacks = 36,
    /// It is missing or another than the tape's.
    Differs = 48,
}

impl Mark {
    /// What a count may reach: a request has no more values than this.
    const MOST: u64 = 0xfff;

    pub(super) fn add(&mut self, other: Mark) {
        self.score += other.score;
        self.present += other.present;
        self.counts = self.counts.wrapping_add(other.counts);
    }

    pub(super) fn take_away(&mut self, other: Mark) {
        self.score -= other.score;
        self.present -= other.present;
        self.counts = self.counts.wrapping_sub(other.counts);
    }

    /// Notes a flag of the mark of one value.
    pub(super) fn set(&mut self, flag: Flag, is_so: bool) {
        self.counts |= u64::from(is_so) << flag as u32;
    }

    pub(super) fn has(self, flag: Flag) -> bool {
        self.counts >> flag as u32 & Mark::MOST != 0
    }
}

/// What a value brings beside its mark.
#[derive(Debug, Clone, Default)]
pub(super) struct Brought<'r> {
    pub(super) caught: Range<usize>,
    pub(super) named: Range<usize>,
    pub(super) currency: Option<Currency>,
    pub(super) reference: Option<&'r str>,
    pub(super) key: Option<&'r str>,
    pub(super) digest: Option<&'r str>,
}

/// Reads one value of a request for an exchange.
pub(super) struct Reader<'r, 'g, 'o> {
    pub(super) ground: Ground<'r, 'g>,
    pub(super) known: &'r Known,
    pub(super) path: &'r str,
    pub(super) weight: Weight,
    pub(super) mark: Mark,
    pub(super) brought: Brought<'r>,
    pub(super) readings: &'o mut Readings<'r>,
}

impl<'r> Reader<'r, '_, '_> {
    /// Nothing was sent there.
    pub(super) fn missing(&mut self, role: &Role) {
        self.mark.score += self.weight.missing;
        self.mark.set(Flag::Lacks, !self.path.starts_with("header "));
        self.mark.set(Flag::Differs, true);
        match role {
            Role::Holes(template) => {
                // What names an object is not meant where none is named.
                let names = template.holes().any(|hole| matches!(hole, Hole::Gen { .. }));
                self.mark.score -= if names { 30 } else { 0 };
                self.mark.set(Flag::Unproven, self.proves(template));
            }
            Role::Amount(_, Some(Quantity::Asked | Quantity::Raised)) => self.mark.set(Flag::NoAmount, true),
            _ => {}
        }
    }

    /// This was sent there.
    pub(super) fn value(&mut self, role: &'r Role, text: &'r str) {
        match role {
            Role::Literal(literal) if literal == text => self.mark.score += self.weight.same,
            Role::Literal(_) => {
                self.mark.score += self.weight.other;
                self.mark.set(Flag::Differs, true);
            }
            Role::Holes(template) => self.holes(template, text),
            Role::Digest => self.digest(text),
            Role::Currency(style) => {
                self.mark.score += self.weight.same;
                self.brought.currency = style.parse(text);
            }
            Role::Amount(..) => self.mark.score += self.weight.same,
        }
    }

    fn digest(&mut self, text: &'r str) {
        if matches!(self.known.at.creates, Some(Kind::Payment | Kind::Mandate | Kind::Payout)) {
            self.brought.digest = Some(text);
            return;
        }
        match self.find(Of::Digest, text) {
            Some(number) => self.readings.named.push(number),
            // What asks about a card before the payment names what is not there yet.
            None if begins(self.known.at.op) => self.brought.digest = Some(text),
            None => self.mark.set(Flag::Absent, true),
        }
    }

    fn holes(&mut self, template: &'r Template, text: &'r str) {
        let first = self.readings.caught.len();
        if !caught(template, text, &mut self.readings.caught) {
            self.mark.score += self.weight.other;
            self.mark.set(Flag::Differs, true);
            let lone_key = self.path == "header authorization" && is_lone_key(self.ground, template, text);
            self.mark.set(Flag::Unproven, !lone_key && (self.proves(template) || self.names_account(template)));
            // An id of another form than this one is of something else.
            self.mark.set(Flag::Absent, self.path.starts_with("path "));
            return;
        }
        self.mark.score += self.weight.same;
        for at in first..self.readings.caught.len() {
            if let Some(one) = self.readings.caught.get(at).copied() {
                self.hole(one);
            }
        }
    }

    fn hole(&mut self, one: Caught<'r, 'r>) {
        let (known, path) = (self.known, self.path);
        match one.hole {
            Hole::Secret(name) if !one.is_credential(self.ground.credentials) => {
                self.mark.set(Flag::Unproven, path.starts_with("header ") || !self.ground.spared.is_free(name));
                self.other();
            }
            Hole::Any { .. } if !one.has_form() => {
                self.mark.set(Flag::Unproven, speaks_of_proof(path));
                self.other();
            }
            Hole::Basic { user, password } => {
                let half = |name: &str| self.ground.credentials.get(name).map_or("", String::as_str);
                let pair = format!("{}:{}", half(user), half(password));
                self.mark.set(Flag::Unproven, Encoding::Base64.encode(pair.as_bytes()) != one.text);
            }
            Hole::Gen { name, .. } => self.minted(name, one.text),
            Hole::Capture(_) => match self.find(Of::Caught, one.text) {
                Some(number) => self.readings.named.push(number),
                None => self.mark.set(Flag::Absent, path.starts_with("path ") && known.at.creates.is_none()),
            },
            Hole::Reference(step) => {
                let earlier = step.is_some_and(|step| step != known.at.step);
                if earlier || (!known.at.acts && known.at.creates.is_none()) {
                    match self.find(Of::Reference, one.text) {
                        Some(number) => self.readings.named.push(number),
                        None => {
                            let asks = path.starts_with("path ") || path.starts_with("query ") || known.at.op.reads();
                            self.mark.set(Flag::Absent, earlier || asks);
                        }
                    }
                }
                if !earlier {
                    self.brought.reference = self.brought.reference.or(Some(one.text));
                }
            }
            Hole::Key(_) => self.brought.key = Some(one.text),
            _ => {}
        }
    }

    /// What stands in a hole is another text than fits there, though all around it does.
    fn other(&mut self) {
        self.mark.score += self.weight.other - self.weight.same;
        self.mark.set(Flag::Differs, true);
    }

    /// The object that is named so.
    fn find(&mut self, of: Of, text: &str) -> Option<Number> {
        self.readings.looks_up = true;
        self.ground.book?.find(of, text)
    }

    fn minted(&mut self, name: &str, text: &str) {
        let number = self.find(Of::Minted, text);
        let object = number.and_then(|number| self.ground.book?.get(number));
        match (number, object) {
            (Some(_), Some(object)) if object.kind == Kind::Token => {}
            (Some(number), Some(object)) => {
                self.mark.score += if kind_of(self.known, name) == object.kind { 20 } else { -10 };
                self.readings.named.push(number);
            }
            _ if self.path == "header authorization" => self.mark.set(Flag::Unproven, true),
            _ => {
                self.mark.score -= 15;
                self.mark.set(Flag::Absent, true);
            }
        }
    }

    /// Whether a template names the account: a sparse request may leave that out, and none may name another.
    fn names_account(&self, template: &Template) -> bool {
        template.holes().any(|hole| matches!(hole, Hole::Secret(name) if !self.ground.spared.is_free(name)))
    }

    /// Whether a template holds what authorizes: a secret, a signature, or what is named as one.
    fn proves(&self, template: &Template) -> bool {
        template.holes().any(|hole| match hole {
            Hole::Secret(name) if self.ground.spared.has_credential(name) => false,
            Hole::Secret(name) => self.path.starts_with("header ") || self.ground.spared.is_secret(name),
            Hole::Any { .. } => speaks_of_proof(self.path),
            Hole::Signature(name) => !self.ground.spared.has_recipe(name),
            Hole::Basic { .. } => true,
            Hole::Gen { .. } => self.path == "header authorization",
            _ => false,
        })
    }
}

/// Whether a key that the tape sends as a bearer's stands alone as the user of HTTP Basic, as some providers take it too (`curl -u KEY:`).
/// It is shown as a difference.
fn is_lone_key(ground: Ground<'_, '_>, template: &Template, text: &str) -> bool {
    let [Part::Text(scheme), Part::Hole(Hole::Secret(name))] = template.parts.as_slice() else { return false };
    let sent = text.strip_prefix("Basic ").and_then(|text| Encoding::Base64.decode(text.trim()));
    let key = ground.credentials.get(name);
    scheme == "Bearer " && key.zip(sent).is_some_and(|(key, sent)| sent.strip_suffix(b":") == Some(key.as_bytes()))
}

/// What kind of object a name belongs to.
pub(super) fn kind_of(known: &Known, name: &str) -> Kind {
    known.at.lineage.names.get(name).copied().unwrap_or(Kind::Other)
}

/// The form that every text fits there which a client may send: none for any; `Err` where it matters which text it is.
pub(super) fn form_of(want: &Want) -> Result<Option<Class>, ()> {
    let Role::Holes(template) = &want.role else { return Err(()) };
    match template.parts.as_slice() {
        [Part::Hole(Hole::Key(_) | Hole::Reference(_) | Hole::Signature(_))] => Ok(None),
        [Part::Hole(Hole::Any { class, .. })] => Ok(Some(*class)),
        _ => Err(()),
    }
}

/// Whether a value brings more than a mark.
pub(super) fn brings(want: &Want) -> bool {
    matches!(want.role, Role::Holes(_) | Role::Currency(_) | Role::Digest)
}

/// Whether a value tells both exchanges the same, whatever it is.
pub(super) fn reads_alike((one, want): (&Known, &Want), (other, same): (&Known, &Want)) -> bool {
    let alike = |hole: &Hole| match hole {
        Hole::Gen { name, .. } => kind_of(one, name) == kind_of(other, name),
        Hole::Reference(Some(step)) => (*step == one.at.step) == (*step == other.at.step),
        _ => true,
    };
    want == same
        && match &want.role {
            Role::Holes(template) => {
                let does = |known: &Known| (known.at.acts, known.at.creates, known.at.op.reads());
                does(one) == does(other) && template.holes().all(alike)
            }
            Role::Digest => (one.at.creates, begins(one.at.op)) == (other.at.creates, begins(other.at.op)),
            _ => true,
        }
}

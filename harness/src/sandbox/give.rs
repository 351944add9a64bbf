//! Gives the answer of an exchange, or a delivery, for one payment: with its ids, amounts and texts.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use http::Response;
use quittance::Currency;

use super::book::{Book, Number, Object};
use super::choice::Target;
use super::fill::{ABSENT, Filling};
use super::fit::Fit;
use super::known::{Delivered, Kind, Known, Lineage, Moment, Slot};
use super::leaves::Value;
use super::texts::Of;
use crate::tape::{
    self, AnswerTemplate, BodyText, Delivery, Escape, HeaderText, Hole, Part, Recipe, Scope, Shape, Spoil, StepValues,
    Template, Webhook, mint,
};

/// What all answers of a sandbox are made with.
#[derive(Clone, Copy)]
pub(super) struct Means<'m> {
    pub(super) credentials: &'m BTreeMap<String, String>,
    pub(super) recipes: &'m BTreeMap<String, Arc<Recipe>>,
    pub(super) seed: u64,
    pub(super) now_unix_seconds: i64,
}

/// What the request itself brings.
#[derive(Debug, Default, Clone)]
pub(super) struct Own {
    pub(super) minted: BTreeMap<String, String>,
    pub(super) caught: BTreeMap<String, String>,
    pub(super) reference: Option<String>,
    pub(super) key: Option<String>,
    pub(super) digest: Option<String>,
    pub(super) samples: BTreeMap<String, String>,
    pub(super) currency: Option<Currency>,
}

impl Own {
    pub(super) fn of(fit: &Fit<'_>) -> Own {
        let mut own = Own {
            reference: fit.reference().map(str::to_owned),
            key: fit.key().map(str::to_owned),
            digest: fit.digest().map(str::to_owned),
            currency: fit.currency(),
            ..Own::default()
        };
        for caught in fit.caught() {
            let text = caught.text.to_owned();
            match caught.hole {
                Hole::Gen { name, .. } => drop(own.minted.insert(name.clone(), text)),
                Hole::Any { name: Some(name), .. } | Hole::Capture(name) => {
                    own.caught.entry(name.clone()).or_insert(text);
                }
                Hole::Card(name) => own.sample(name, text),
                _ => {}
            }
        }
        own
    }

    /// Notes a sample value. Of a number only what may be shown is kept.
    fn sample(&mut self, name: &str, text: String) {
        match name {
            "card.number" => {
                let last4 = text.len().checked_sub(4).and_then(|at| text.get(at..));
                last4.map(|last4| self.samples.insert("card.last4".to_owned(), last4.to_owned()));
                text.get(..6).map(|bin| self.samples.insert("card.bin".to_owned(), bin.to_owned()));
            }
            "card.expiry_month2" => {
                drop(self.samples.insert("card.expiry_month".to_owned(), text.trim_start_matches('0').to_owned()))
            }
            "card.expiry_year2" => drop(self.samples.insert("card.expiry_year".to_owned(), format!("20{text}"))),
            "card.cvc" | "card.cryptogram" => {}
            _ => drop(self.samples.insert(name.to_owned(), text)),
        }
    }
}

/// An answer on its way.
pub(super) struct Giving<'g> {
    pub(super) means: Means<'g>,
    pub(super) book: &'g Book,
    pub(super) lineage: &'g Lineage,
    pub(super) step: u32,
    pub(super) target: Target,
    pub(super) own: &'g Own,
    pub(super) sent: &'g [Value],
    pub(super) moment: Moment,
    /// The number of what is made; every new value follows from it.
    pub(super) number: Number,
}

/// An answer with the values that were new in it.
pub(super) struct Given {
    pub(super) response: Response<Bytes>,
    pub(super) minted: BTreeMap<String, String>,
    /// Those that were made for this answer.
    pub(super) fresh: Vec<String>,
    pub(super) id: String,
}

impl Giving<'_> {
    /// The answer of an exchange; none where a hole has no value.
    pub(super) fn answer(&self, known: &Known) -> Option<Given> {
        let renew = |name: &String| (known.at.acts || known.at.creates.is_some()) && known.at.news.contains(name);
        let (minted, fresh) = self.minted(&known.gens, renew);
        let body = match &known.at.answer.body {
            BodyText::Holes(template, escape) => Some((template, *escape)),
            BodyText::Fixed(_) => None,
        };
        let captured = self.captured(
            &known.slots,
            body.map(|(template, _)| template),
            body.map_or(Escape::None, |(_, escape)| escape),
        );
        let in_headers = known.at.answer.headers.iter().filter_map(|(_, text)| match text {
            HeaderText::Holes(template) => Some(template),
            HeaderText::Fixed(_) => None,
        });
        let templates = in_headers.chain(body.map(|(template, _)| template)).chain(&known.at.id);
        let steps = self.steps(templates.flat_map(Template::holes));
        let scope = self.scope(&minted, &captured, &steps);
        let response = match body.and_then(|(template, escape)| Some((without(template, &captured)?, escape))) {
            Some((template, escape)) => {
                let answer = AnswerTemplate { body: BodyText::Holes(template, escape), ..known.at.answer.clone() };
                tape::rendered(&answer, &scope).ok()?
            }
            None => tape::rendered(&known.at.answer, &scope).ok()?,
        };
        let id = match &known.at.id {
            Some(id) if id.literal().is_some() && self.own.digest.is_some() => {
                self.own.digest.clone().unwrap_or_default()
            }
            Some(id) => self.text(id, &scope).unwrap_or_default(),
            None => String::new(),
        };
        Some(Given { response, minted, fresh, id })
    }

    /// A delivery; none where a hole has no value.
    pub(super) fn delivery(&self, delivered: &Delivered) -> Option<(Delivery, BTreeMap<String, String>)> {
        self.delivery_of(delivered, &delivered.report.webhook)
    }

    fn delivery_of(&self, delivered: &Delivered, webhook: &Webhook) -> Option<(Delivery, BTreeMap<String, String>)> {
        let (minted, _) = self.minted(&delivered.gens, |_| false);
        let captured = self.captured(&delivered.slots, Some(&webhook.body), webhook.escape);
        let in_headers = webhook.headers.iter().map(|(_, template)| template);
        let templates = in_headers.chain([&webhook.body]).chain(&webhook.url);
        let steps = self.steps(templates.flat_map(Template::holes));
        let scope = self.scope(&minted, &captured, &steps);
        let slimmer = without(&webhook.body, &captured).map(|body| Webhook { body, ..webhook.clone() });
        tape::delivered(slimmer.as_ref().unwrap_or(webhook), &scope).ok().map(|delivery| (delivery, minted))
    }

    /// A delivery to another url than that of the tape.
    pub(super) fn delivery_to(&self, delivered: &Delivered, url: &str) -> Option<(Delivery, BTreeMap<String, String>)> {
        let mut webhook = delivered.report.webhook.clone();
        webhook.url = Some(Template::of(vec![Part::Text(url.to_owned())], false));
        self.delivery_of(delivered, &webhook)
    }

    pub(super) fn scope<'s>(
        &'s self,
        minted: &'s BTreeMap<String, String>,
        captured: &'s BTreeMap<String, String>,
        steps: &'s [StepValues],
    ) -> Scope<'s> {
        Scope {
            credentials: self.means.credentials,
            steps,
            step: self.step,
            minted,
            captured,
            caught: &[],
            now_unix: self.means.now_unix_seconds,
            recipes: self.means.recipes,
            message: None,
            spoil: Spoil::Not,
            proven: None,
        }
    }

    fn text(&self, template: &Template, scope: &Scope<'_>) -> Option<String> {
        let mut out = String::new();
        template.render(scope, Escape::None, &mut out).ok().map(|()| out)
    }

    /// The object that the request names and all that it belongs to.
    fn line(&self) -> impl Iterator<Item = &Object> {
        self.target.object.into_iter().flat_map(|number| self.book.line(number).map(|(_, object)| object))
    }

    /// The line, then what was made for the objects in it, the newest first.
    fn around(&self) -> impl Iterator<Item = &Object> {
        let children = self.line().flat_map(|object| object.children.iter().rev());
        self.line().chain(children.filter_map(|child| self.book.get(*child)))
    }

    /// The minted values that stand in a text, and the names of those that are new.
    fn minted(&self, names: &[String], renew: impl Fn(&String) -> bool) -> (BTreeMap<String, String>, Vec<String>) {
        let mut minted = BTreeMap::new();
        let mut fresh = Vec::new();
        for name in names {
            let known = self.own.minted.get(name).cloned();
            let known = known.or_else(|| if renew(name) { None } else { self.remembered(name) });
            let value = known.unwrap_or_else(|| {
                fresh.push(name.clone());
                let shape = self.lineage.shapes.get(name).copied().unwrap_or(Shape::DEFAULT);
                mint(self.means.seed ^ self.number.wrapping_mul(0x9e37_79b9_7f4a_7c15), name, shape)
            });
            minted.insert(name.clone(), value);
        }
        (minted, fresh)
    }

    /// A value that was minted before: under that name, or, under another name, what an object of that kind is known by.
    fn remembered(&self, name: &str) -> Option<String> {
        let kind = self.lineage.names.get(name).copied();
        let special = |kind: Kind| !matches!(kind, Kind::Other | Kind::Token);
        let named = self
            .around()
            .filter(|object| kind.is_none_or(|kind| !special(kind) || kind == object.kind || !special(object.kind)));
        let by_name = named.filter_map(|object| object.texts.get(Of::Minted, name)).next();
        let anywhere = || self.around().find_map(|object| object.texts.get(Of::Minted, name)).map(str::to_owned);
        by_name.map(str::to_owned).or_else(|| self.part(name)).or_else(anywhere)
    }

    /// What is the same part of the handle of an object of the same kind, under whichever name.
    fn part(&self, name: &str) -> Option<String> {
        let (kind, part) = self.lineage.parts.get(name)?;
        let mut of_kind = self.around().filter(|object| object.kind == *kind);
        let object = of_kind.next()?;
        let whole = || Some(object.id()).filter(|id| part.is_empty() && !id.is_empty());
        object.texts.get(Of::Part, part).or_else(whole).map(str::to_owned)
    }

    /// What was caught before, and the text of each slot.
    fn captured(&self, slots: &[Slot], body: Option<&Template>, escape: Escape) -> BTreeMap<String, String> {
        let mut captured = BTreeMap::new();
        for hole in body.iter().flat_map(|template| template.holes()) {
            if let Hole::Capture(name) = hole {
                let before = || self.around().find_map(|object| object.texts.get(Of::Caught, name)).map(str::to_owned);
                let known = self.own.caught.get(name).cloned().or_else(before);
                captured.insert(name.clone(), known.or_else(|| self.part(name)).unwrap_or_default());
            }
        }
        if slots.is_empty() {
            return captured;
        }
        let filling = Filling {
            moment: self.moment,
            currency: self.own.currency.or_else(|| self.line().find_map(|object| object.currency)),
            lineage: self.lineage,
            own: self.sent,
            samples: &self.own.samples,
            line: self.line().collect(),
            digest: self
                .own
                .digest
                .as_deref()
                .or_else(|| self.line().find_map(|object| object.texts.get(Of::Digest, ""))),
            ids: self.around().map(|object| (object.kind, object.id())).collect(),
            escape,
        };
        captured.extend(slots.iter().map(|slot| (slot.name.clone(), filling.text(slot))));
        captured
    }

    /// The sample values of the case, over them those of earlier requests, and over them those of this one.
    fn samples(&self) -> Arc<BTreeMap<String, String>> {
        let mut samples = (*self.lineage.samples).clone();
        let before: Vec<&Object> = self.line().collect();
        let earlier = before.iter().rev().flat_map(|object| object.texts.all()).filter(|(of, ..)| *of == Of::Sample);
        samples.extend(earlier.map(|(_, name, value)| (name.to_owned(), value.to_owned())));
        samples.extend(self.own.samples.clone());
        Arc::new(samples)
    }

    /// What stands for each step of the case, as far as these holes need it.
    pub(super) fn steps<'h>(&self, holes: impl Iterator<Item = &'h Hole>) -> Vec<StepValues> {
        let mut needs = Needs::default();
        holes.for_each(|hole| needs.add(hole, self.means.recipes));
        if !needs.steps {
            return Vec::new();
        }
        let samples = if needs.samples { self.samples() } else { Arc::default() };
        let from_line = |of: Of| self.line().find_map(|object| object.texts.get(of, "")).map(str::to_owned);
        let step = |number: usize| {
            let number = u32::try_from(number).unwrap_or(u32::MAX);
            let kind = self.lineage.made.get(&number).copied();
            let (mut key, mut reference) = (None, None);
            if number == self.step {
                (key, reference) = (self.own.key.clone(), self.own.reference.clone());
            } else if let Some(object) = self.around().find(|object| Some(object.kind) == kind) {
                let own = |of: Of| object.texts.get(of, "").map(str::to_owned);
                (key, reference) = (own(Of::Key), own(Of::Reference));
            }
            StepValues {
                key: Some(key.or_else(|| from_line(Of::Key)).unwrap_or_default()),
                reference: Some(reference.or_else(|| from_line(Of::Reference)).unwrap_or_default()),
                samples: Arc::clone(&samples),
            }
        };
        (1..=self.lineage.steps.max(usize::try_from(self.step).unwrap_or(1))).map(step).collect()
    }
}

/// What holes need of the steps of a case.
#[derive(Default)]
struct Needs {
    steps: bool,
    samples: bool,
}

impl Needs {
    fn add(&mut self, hole: &Hole, recipes: &BTreeMap<String, Arc<Recipe>>) {
        match hole {
            Hole::Card(_) => (self.steps, self.samples) = (true, true),
            Hole::Key(_) | Hole::Reference(_) | Hole::Digest { .. } => self.steps = true,
            // No recipe signs by another.
            Hole::Signature(name) => {
                let templates = recipes.get(name).into_iter().flat_map(|recipe| recipe.templates());
                let holes = templates.flat_map(|(_, template)| template.holes());
                holes.filter(|hole| !matches!(hole, Hole::Signature(_))).for_each(|hole| self.add(hole, recipes));
            }
            _ => {}
        }
    }
}

/// A JSON template without the members whose value was never sent; none where there are no such members.
fn without(template: &Template, captured: &BTreeMap<String, String>) -> Option<Template> {
    let is_absent = |part: &Part| match part {
        Part::Hole(Hole::Slot(name)) => captured.get(name).is_some_and(|text| text == ABSENT),
        _ => false,
    };
    if !template.parts.iter().any(is_absent) {
        return None;
    }
    let mut parts: Vec<Part> = Vec::with_capacity(template.parts.len());
    let mut text = String::new();
    let mut cut = false;
    for part in &template.parts {
        match part {
            Part::Text(next) if cut => {
                let rest = next.trim_start();
                match rest.strip_prefix(',') {
                    Some(rest) => text.push_str(rest),
                    None => {
                        let kept = text.trim_end();
                        let length = kept.strip_suffix(',').unwrap_or(kept).len();
                        text.truncate(length);
                        text.push_str(next);
                    }
                }
                cut = false;
            }
            Part::Text(next) => text.push_str(next),
            absent if is_absent(absent) => {
                let name = text.trim_end().strip_suffix(':').map(str::trim_end).and_then(|rest| rest.strip_suffix('"'));
                if let Some(start) = name.and_then(|name| name.rfind('"')) {
                    text.truncate(start);
                    cut = true;
                }
            }
            Part::Hole(hole) => {
                if !text.is_empty() {
                    parts.push(Part::Text(std::mem::take(&mut text)));
                }
                parts.push(Part::Hole(hole.clone()));
                cut = false;
            }
        }
    }
    if !text.is_empty() {
        parts.push(Part::Text(text));
    }
    Some(Template::of(parts, template.has_number()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_that_were_never_sent_are_left_out() {
        let slot = |name: &str| Part::Hole(Hole::Slot(name.to_owned()));
        let text = |text: &str| Part::Text(text.to_owned());
        let parts = vec![
            text("{\"a\": "),
            slot("x"),
            text(", \"b\": "),
            slot("y"),
            text(", \"c\": {\"d\": "),
            slot("x"),
            text("}}"),
        ];
        let captured = BTreeMap::from([("x".to_owned(), ABSENT.to_owned()), ("y".to_owned(), "1".to_owned())]);
        let left = without(&Template::of(parts, false), &captured).unwrap();
        let wanted = vec![text("{ \"b\": "), slot("y"), text(", \"c\": {}}")];
        assert_eq!(left.parts, wanted);
    }
}

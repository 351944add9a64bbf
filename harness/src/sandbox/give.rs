//! Gives the answer of an exchange, or a delivery, for one payment: with its ids, amounts and texts.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use http::Response;
use quittance::Currency;

use super::book::{Book, Number, Object};
use super::choice::Target;
use super::few::Few;
use super::fill::Filling;
use super::fit::Fit;
use super::known::{Account, Delivered, Fill, Gen, Item, Kind, Known, Lineage, Moment};
use super::sent::Sent;
use super::texts::Of;
use crate::tape::{
    self, AnswerTemplate, BodyText, Delivery, Escape, HeaderText, Hole, NoSlots, Part, Recipe, Scope, Spoil,
    StepValues, Template, Webhook, mint,
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
pub(super) struct Own<'r> {
    pub(super) minted: Few<'r>,
    pub(super) caught: Few<'r>,
    pub(super) reference: Option<&'r str>,
    pub(super) key: Option<&'r str>,
    pub(super) digest: Option<&'r str>,
    pub(super) samples: Few<'r>,
    pub(super) currency: Option<Currency>,
}

impl<'r> Own<'r> {
    /// Of what nobody asked for.
    pub(super) const NONE: &'static Own<'static> = &Own {
        minted: Few::NONE,
        caught: Few::NONE,
        reference: None,
        key: None,
        digest: None,
        samples: Few::NONE,
        currency: None,
    };

    pub(super) fn of(fit: &Fit<'r>) -> Own<'r> {
        let mut own = Own {
            reference: fit.reference(),
            key: fit.key(),
            digest: fit.digest(),
            currency: fit.currency(),
            ..Own::default()
        };
        for caught in fit.caught() {
            match caught.hole {
                Hole::Gen { name, .. } => own.minted.set(name, caught.text),
                Hole::Any { name: Some(name), .. } | Hole::Capture(name) => own.caught.add(name, caught.text),
                Hole::Card(name) => own.sample(name, caught.text),
                _ => {}
            }
        }
        own
    }

    /// Notes a sample value. Of a number only what may be shown is kept.
    fn sample(&mut self, name: &'r str, text: &'r str) {
        match name {
            "card.number" => {
                let last4 = text.len().checked_sub(4).and_then(|at| text.get(at..));
                last4.into_iter().for_each(|last4| self.samples.set("card.last4", last4));
                text.get(..6).into_iter().for_each(|bin| self.samples.set("card.bin", bin));
            }
            "card.expiry_month2" => self.samples.set("card.expiry_month", text.trim_start_matches('0')),
            "card.expiry_year2" => self.samples.set("card.expiry_year", format!("20{text}")),
            "card.cvc" | "card.cryptogram" => {}
            _ => self.samples.set(name, text),
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
    pub(super) own: &'g Own<'g>,
    /// What was sent, where it is an answer.
    pub(super) sent: Option<&'g Sent<'g>>,
    /// The body of the request, where it is an answer.
    pub(super) asked: Option<&'g [u8]>,
    pub(super) moment: Moment,
    /// The number of what is made; every new value follows from it.
    pub(super) number: Number,
}

/// An answer with the values that were new in it.
pub(super) struct Given<'k> {
    pub(super) response: Response<Bytes>,
    pub(super) minted: Few<'k>,
    /// Those that were made for this answer.
    pub(super) fresh: Vec<&'k str>,
    pub(super) id: String,
}

impl Giving<'_> {
    /// The answer of an exchange; none where a hole has no value.
    pub(super) fn answer<'k>(&self, known: &'k Known) -> Option<Given<'k>> {
        self.answer_as(known, &known.at.answer)
    }

    /// The same with other texts in it.
    pub(super) fn answer_as<'k>(&self, known: &'k Known, answer: &AnswerTemplate) -> Option<Given<'k>> {
        let (minted, fresh) = self.minted(&known.gens);
        let escape = match &answer.body {
            BodyText::Holes(_, escape) => *escape,
            BodyText::Fixed(_) => Escape::None,
        };
        let captured = self.captured(&known.needs.captures);
        let items: Vec<String> = known.items.iter().map(|item| self.refunds(item, escape)).collect();
        let slots = self.slots(&known.slots, &minted, escape, &items);
        let steps = self.steps(&known.needs);
        let scope = Scope { slots: &slots, ..self.scope(&minted, &captured, &steps) };
        let response = tape::rendered(answer, &scope).ok()?;
        let id = match (&known.at.id, self.own.digest) {
            (Some(id), Some(digest)) if id.literal().is_some() => digest.to_owned(),
            (Some(id), _) => id.text(&scope).unwrap_or_default(),
            (None, _) => String::new(),
        };
        Some(Given { response, minted, fresh, id })
    }

    /// A delivery, to another url than that of the tape where one is given; none where a hole has no value.
    pub(super) fn delivery(&self, delivered: &Delivered, url: Option<&str>) -> Option<Delivery> {
        let webhook = &delivered.report.webhook;
        let (minted, _) = self.minted(&delivered.gens);
        let in_headers = webhook.headers.iter().map(|(_, template)| template);
        let templates = in_headers.chain([&webhook.body]).chain(&webhook.url);
        let needs = Needs::of(templates.flat_map(Template::holes), self.step, self.means.recipes);
        let captured = self.captured(&needs.captures);
        let slots = self.slots(&delivered.slots, &minted, webhook.escape, &[]);
        let steps = self.steps(&needs);
        let scope = Scope { slots: &slots, ..self.scope(&minted, &captured, &steps) };
        let elsewhere = url.filter(|_| webhook.url.is_some()).map(|url| {
            let url = Some(Template::of(vec![Part::Text(url.to_owned())], false));
            Webhook { url, ..webhook.clone() }
        });
        tape::delivered(elsewhere.as_ref().unwrap_or(webhook), &scope).ok()
    }

    /// The members of a list that tell refunds, one for each that the request may speak of; where none is known, that of the tape.
    fn refunds(&self, item: &Item, escape: Escape) -> String {
        let is_refund = |number: &Number| self.book.get(*number).is_some_and(|object| object.kind == Kind::Refund);
        let all = match (self.target.object.filter(is_refund), self.target.root) {
            (Some(one), _) => vec![one],
            (None, root) => root.map(|root| self.book.refunds(root)).unwrap_or_default(),
        };
        let told = all.into_iter().filter_map(|number| {
            let amount = self.book.get(number)?.end.amount;
            let after = Account { refunded: amount, ..self.moment.after };
            let moment = Moment { after, asked: Some(amount), ..self.moment };
            let target = Target { object: Some(number), ..self.target };
            // What is minted for it follows from its own number: it is the same whenever it is told.
            Giving { target, moment, number, ..*self }.item(item, escape)
        });
        let told: Vec<String> = told.collect();
        if told.is_empty() { self.item(item, escape).unwrap_or_default() } else { told.join(",") }
    }

    fn item(&self, item: &Item, escape: Escape) -> Option<String> {
        let (minted, _) = self.minted(&item.gens);
        let needs = Needs::of(item.template.holes(), self.step, self.means.recipes);
        let captured = self.captured(&needs.captures);
        let slots = self.slots(&item.slots, &minted, escape, &[]);
        let steps = self.steps(&needs);
        let scope = Scope { slots: &slots, ..self.scope(&minted, &captured, &steps) };
        tape::rendered_part(&item.template, escape, &scope).ok()
    }

    pub(super) fn scope<'s>(
        &'s self,
        minted: &'s Few<'s>,
        captured: &'s Few<'s>,
        steps: &'s [StepValues],
    ) -> Scope<'s> {
        Scope {
            credentials: self.means.credentials,
            steps,
            step: self.step,
            minted,
            captured,
            slots: &NoSlots,
            caught: &[],
            now_unix: self.means.now_unix_seconds,
            recipes: self.means.recipes,
            message: None,
            asked: self.asked,
            spoil: Spoil::Not,
            proven: None,
        }
    }

    /// The object that the request names and all that it belongs to.
    fn line(&self) -> impl Iterator<Item = &Object> {
        self.target.object.into_iter().flat_map(|number| self.book.line(number).map(|(_, object)| object))
    }

    /// The line, then what was made for the objects in it, the newest first. One refund tells nothing of another.
    fn around(&self) -> impl Iterator<Item = &Object> {
        let of_refund = self.line().next().is_some_and(|object| object.kind == Kind::Refund);
        let children = self.line().flat_map(|object| object.children.iter().rev());
        let children = children.filter_map(|child| self.book.get(*child));
        self.line().chain(children.filter(move |child| !of_refund || child.kind != Kind::Refund))
    }

    /// The minted values that stand in a text, and the names of those that are new.
    pub(super) fn minted<'k>(&self, gens: impl IntoIterator<Item = &'k Gen>) -> (Few<'k>, Vec<&'k str>) {
        let gens = gens.into_iter();
        let count = gens.size_hint().0;
        let (mut minted, mut fresh) = (Few::with_capacity(count), Vec::with_capacity(count));
        let seed = self.means.seed ^ self.number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        for Gen { name, shape, is_new } in gens {
            let known = self.own.minted.get(name).map(str::to_owned);
            let known = known.or_else(|| if *is_new { None } else { self.remembered(name) });
            let value = known.unwrap_or_else(|| {
                fresh.push(name.as_str());
                mint(seed, name, *shape)
            });
            minted.push(name, value);
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

    /// What was caught, now or before, by name.
    fn captured<'c>(&'c self, names: &'c [String]) -> Few<'c> {
        let mut captured = Few::default();
        for name in names {
            let before = || self.around().find_map(|object| object.texts.get(Of::Caught, name));
            let known = self.own.caught.get(name).or_else(before).map(Cow::Borrowed);
            captured.set(name, known.or_else(|| self.part(name).map(Cow::Owned)).unwrap_or_default());
        }
        captured
    }

    /// What fills the slots.
    fn slots<'s>(&'s self, fills: &'s [Fill], minted: &'s Few<'s>, escape: Escape, items: &'s [String]) -> Filling<'s> {
        let before = || self.line().find_map(|object| object.texts.get(Of::Digest, ""));
        Filling {
            fills,
            minted,
            moment: self.moment,
            currency: self.own.currency.or_else(|| self.line().find_map(|object| object.currency)),
            lineage: self.lineage,
            own: self.sent,
            samples: &self.own.samples,
            line: self.line().collect(),
            digest: self.own.digest.or_else(before),
            ids: self.around().map(|object| (object.kind, object.id())).collect(),
            items,
            escape,
        }
    }

    /// The sample values of the case, over them those of earlier requests, and over them those of this one.
    fn samples(&self) -> Arc<BTreeMap<String, String>> {
        let mut samples = (*self.lineage.samples).clone();
        let before: Vec<&Object> = self.line().collect();
        let earlier = before.iter().rev().flat_map(|object| object.texts.all()).filter(|(of, ..)| *of == Of::Sample);
        samples.extend(earlier.map(|(_, name, value)| (name.to_owned(), value.to_owned())));
        samples.extend(self.own.samples.iter().map(|(name, value)| (name.to_owned(), value.to_owned())));
        Arc::new(samples)
    }

    /// What stands for each step of the case, as far as it is needed.
    pub(super) fn steps(&self, needs: &Needs) -> Vec<StepValues> {
        if needs.steps.is_empty() && !needs.samples {
            return Vec::new();
        }
        let samples = if needs.samples { self.samples() } else { Arc::default() };
        let from_line = |of: Of| self.line().find_map(|object| object.texts.get(of, ""));
        // A refusal may be that of another step.
        let sent = self.own.reference;
        let step = |number: usize| {
            let number = u32::try_from(number).unwrap_or(u32::MAX);
            let samples = Arc::clone(&samples);
            if !needs.steps.contains(&number) {
                return StepValues { key: None, reference: None, samples };
            }
            let kind = self.lineage.made.get(&number).copied();
            let (mut key, mut reference) = (None, None);
            if number == self.step {
                (key, reference) = (self.own.key, self.own.reference);
            } else if let Some(object) = self.around().find(|object| Some(object.kind) == kind) {
                let own = |of: Of| object.texts.get(of, "");
                (key, reference) = (own(Of::Key), own(Of::Reference));
            }
            StepValues {
                key: Some(key.or_else(|| from_line(Of::Key)).unwrap_or_default().to_owned()),
                reference: Some(reference.or_else(|| from_line(Of::Reference)).or(sent).unwrap_or_default().to_owned()),
                samples,
            }
        };
        (1..=self.lineage.steps.max(usize::try_from(self.step).unwrap_or(1))).map(step).collect()
    }
}

/// What holes need of the steps of a case.
#[derive(Debug, Default)]
pub(super) struct Needs {
    /// The number of the step that the holes are of.
    own: u32,
    /// Steps whose key or reference is needed, by number.
    steps: Vec<u32>,
    samples: bool,
    /// The names of what was caught, each once.
    captures: Vec<String>,
}

impl Needs {
    /// What these holes of a step need.
    pub(super) fn of<'h>(
        holes: impl Iterator<Item = &'h Hole>,
        own: u32,
        recipes: &BTreeMap<String, Arc<Recipe>>,
    ) -> Needs {
        let mut needs = Needs { own, ..Needs::default() };
        holes.for_each(|hole| needs.add(hole, recipes));
        needs
    }

    /// What the answer of an exchange needs.
    pub(super) fn of_answer(known: &Known, recipes: &BTreeMap<String, Arc<Recipe>>) -> Needs {
        let answer = &known.at.answer;
        let in_headers = answer.headers.iter().filter_map(|(_, text)| match text {
            HeaderText::Holes(template) => Some(template),
            HeaderText::Fixed(_) => None,
        });
        let in_body = match &answer.body {
            BodyText::Holes(template, _) => Some(template),
            BodyText::Fixed(_) => None,
        };
        let templates = in_headers.chain(in_body).chain(&known.at.id);
        Needs::of(templates.flat_map(Template::holes), known.at.step, recipes)
    }

    fn add(&mut self, hole: &Hole, recipes: &BTreeMap<String, Arc<Recipe>>) {
        match hole {
            Hole::Card(_) => self.samples = true,
            Hole::Capture(name) if !self.captures.contains(name) => self.captures.push(name.clone()),
            Hole::Key(step) | Hole::Reference(step) | Hole::Digest { step, .. } => {
                let step = step.unwrap_or(self.own);
                if !self.steps.contains(&step) {
                    self.steps.push(step);
                }
            }
            // A recipe may name another, and none itself by that way.
            Hole::Signature(name) => {
                let templates = recipes.get(name).into_iter().flat_map(|recipe| recipe.templates());
                let holes = templates.flat_map(|(_, template)| template.holes());
                holes.for_each(|hole| self.add(hole, recipes));
            }
            _ => {}
        }
    }
}

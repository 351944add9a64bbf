//! Which hole stands where, and whether it will have a value when its turn comes.

use std::collections::{BTreeMap, BTreeSet};

use super::hole::{Hole, Shape};
use super::signature::Recipe;
use crate::bad_input::FieldPath;
use crate::profile::Profile;

/// Where in the run a hole stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Site {
    pub(super) kind: SiteKind,
    /// Index in the tape's list of that kind; a request and its answer share it.
    pub(super) index: usize,
    pub(super) step: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SiteKind {
    Request,
    Answer,
    Webhook,
    Return,
}

impl Site {
    pub(super) fn request(index: usize, step: u32) -> Self {
        Self { kind: SiteKind::Request, index, step }
    }

    pub(super) fn answer(index: usize, step: u32) -> Self {
        Self { kind: SiteKind::Answer, index, step }
    }

    pub(super) fn webhook(index: usize, step: u32) -> Self {
        Self { kind: SiteKind::Webhook, index, step }
    }

    pub(super) fn of_return(index: usize, step: u32) -> Self {
        Self { kind: SiteKind::Return, index, step }
    }

    /// Whether an answer, delivery or return here is out before the request `request` is sent.
    fn is_answered_before(self, request: Self) -> bool {
        match self.kind {
            SiteKind::Request => false,
            SiteKind::Answer => self.index < request.index,
            SiteKind::Webhook | SiteKind::Return => self.step <= request.step,
        }
    }

    /// Whether the request here has been sent when `by` is made or judged.
    fn is_sent_by(self, by: Self) -> bool {
        match (self.kind, by.kind) {
            (SiteKind::Request, SiteKind::Request | SiteKind::Answer) => self.index <= by.index,
            (SiteKind::Request, SiteKind::Webhook | SiteKind::Return) => self.step <= by.step,
            _ => false,
        }
    }
}

pub(super) struct Use {
    pub(super) site: Site,
    pub(super) path: FieldPath,
    pub(super) hole: Hole,
}

/// A value that is minted at a site, if no earlier one has minted it.
pub(super) struct Minted {
    pub(super) site: Site,
    pub(super) name: String,
    pub(super) shape: Shape,
}

/// What each answer, delivery and return mints; a place that names no shape takes that of another place.
pub(super) fn mints(uses: &[Use]) -> Vec<Minted> {
    let mut shapes: BTreeMap<&str, Shape> = BTreeMap::new();
    for used in uses {
        if let Hole::Gen { name, shape: Some(shape) } = &used.hole {
            shapes.entry(name).or_insert(*shape);
        }
    }
    let mut found: Vec<Minted> = Vec::new();
    for used in uses.iter().filter(|used| used.site.kind != SiteKind::Request) {
        let Hole::Gen { name, .. } = &used.hole else { continue };
        if !found.iter().any(|minted| minted.site == used.site && minted.name == *name) {
            let shape = shapes.get(name.as_str()).copied().unwrap_or(Shape::DEFAULT);
            found.push(Minted { site: used.site, name: name.clone(), shape });
        }
    }
    found
}

/// Every hole that names what is not there, or not there yet.
pub(super) fn problems(uses: &[Use], profile: &Profile) -> Vec<(FieldPath, String)> {
    let mut problems = Vec::new();
    let mut shapes: BTreeMap<&str, Shape> = BTreeMap::new();
    let mut caught: BTreeSet<(&str, usize)> = BTreeSet::new();
    for used in uses {
        if let Some(problem) = problem_of(used, uses, profile) {
            problems.push((used.path.clone(), problem));
        }
        match &used.hole {
            Hole::Gen { name, shape: Some(shape) } if *shapes.entry(name).or_insert(*shape) != *shape => {
                let message = format!("expected one shape for `{name}`: another place states a different one");
                problems.push((used.path.clone(), message));
            }
            Hole::Any { name: Some(name), .. } if !caught.insert((name, used.site.index)) => {
                let message = format!("expected `${{capture:{name}}}` at the second place of the same value");
                problems.push((used.path.clone(), message));
            }
            _ => {}
        }
    }
    problems
}

fn problem_of(used: &Use, uses: &[Use], profile: &Profile) -> Option<String> {
    let step = used.site.step;
    let credential = |name: &str| {
        let missing = !name.is_empty() && !profile.credentials.contains_key(name);
        missing.then(|| format!("the profile has no credential `{name}`"))
    };
    match &used.hole {
        Hole::Secret(name) => credential(name),
        Hole::Basic { user, password } => credential(user).or_else(|| credential(password)),
        Hole::Signature(name) if !profile.recipes.contains_key(name) => {
            Some(format!("the profile has no recipe `[signature.{name}]`"))
        }
        Hole::Signature(name) => signature_problem(profile.recipes.get(name)?, used),
        Hole::Key(Some(other)) | Hole::Reference(Some(other)) | Hole::Digest { step: Some(other), .. }
            if *other > step =>
        {
            Some(format!("step {other} comes after step {step}"))
        }
        Hole::Gen { name, .. } if used.site.kind == SiteKind::Request => {
            let mints = |other: &Use| matches!(&other.hole, Hole::Gen { name: minted, .. } if minted == name);
            let minted = uses.iter().any(|other| mints(other) && other.site.is_answered_before(used.site));
            (!minted).then(|| format!("expected an earlier answer that mints `${{gen:{name}}}`"))
        }
        Hole::Capture(name) => {
            let catches = |other: &Use| matches!(&other.hole, Hole::Any { name: Some(caught), .. } if caught == name);
            let caught = uses.iter().any(|other| catches(other) && other.site.is_sent_by(used.site));
            (!caught).then(|| format!("expected a request up to here that catches it with `${{any:SHAPE:{name}}}`"))
        }
        _ => None,
    }
}

/// A recipe that seals is no signature; a signature that is verified stands in a header, where reports leave it out.
fn signature_problem(recipe: &Recipe, used: &Use) -> Option<String> {
    if recipe.seals() {
        return Some("the recipe seals: name it under `seal`".to_owned());
    }
    let path = used.path.to_string();
    let is_left_out = path.contains(".headers.") || recipe.is_whole() && path.contains(".form.");
    (recipe.verifies() && used.site.kind == SiteKind::Request && !is_left_out)
        .then(|| "expected a signature of this algorithm in a header of the request".to_owned())
}

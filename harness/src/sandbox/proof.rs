//! Whether a request is signed by who it says: signatures are computed again, or verified, by the recipes of the profile.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use super::act::Asking;
use super::choice::Target;
use super::fit::Fit;
use super::give::{Needs, Own};
use super::known::Known;
use super::{Sandbox, State};
use crate::certify::checks::secrets_of;
use crate::profile::is_merchants_url;
use crate::tape::{Headers, Hole, Message, Recipe, Scope};
use crate::world::Subject;

/// What is not held against a request.
#[derive(Debug, Default)]
pub(super) struct Spared {
    /// Names of credentials that an account need not have, and so need not send.
    credentials: HashSet<String>,
    /// Names of recipes that sign by no other.
    recipes: HashSet<String>,
    /// Names of credentials that are no secrets.
    open: HashSet<String>,
    /// Those of them that may be another text: places of the merchant's, and words for people.
    free: HashSet<String>,
    /// Places of the merchant's, as the url that deliveries go to.
    places: HashSet<String>,
}

impl Spared {
    pub(super) fn of(subject: &Subject) -> Spared {
        let schema = subject.entry.credentials_schema().to_value();
        let required = |name: &str| {
            let member = name.split('.').next().unwrap_or_default();
            let all = schema.get("required").and_then(serde_json::Value::as_array);
            all.is_some_and(|all| all.iter().any(|one| one.as_str() == Some(member)))
        };
        let credentials: HashSet<String> = subject.credentials.keys().filter(|name| !required(name)).cloned().collect();
        let is_spared = |hole: &Hole| match hole {
            Hole::Secret(name) => credentials.contains(name),
            Hole::Basic { password, .. } => credentials.contains(password),
            _ => true,
        };
        let all = &subject.profile.recipes;
        let recipes = all.iter().filter(|(_, recipe)| needs_only(recipe, all, &is_spared));
        let recipes = recipes.map(|(name, _)| name.clone()).collect();
        let secrets: HashSet<String> = secrets_of(subject).into_iter().map(|(name, _)| name).collect();
        let open = subject.credentials.iter().filter(|(name, _)| !secrets.contains(&format!("credentials.{name}")));
        let named = |is: fn(&str) -> bool| -> HashSet<String> {
            open.clone().filter(|(_, value)| is(value)).map(|(name, _)| name.clone()).collect()
        };
        // What names an account has no spaces.
        let free = named(|value| is_merchants_url(value) || value.contains(' '));
        Spared { credentials, recipes, open: named(|_| true), free, places: named(is_merchants_url) }
    }

    /// Whether a credential is a secret, which must be sent.
    pub(super) fn is_secret(&self, name: &str) -> bool {
        !self.open.contains(name)
    }

    /// Whether a credential may be another text than the profile's where it is sent.
    pub(super) fn is_free(&self, name: &str) -> bool {
        self.free.contains(name)
    }

    /// Whether a credential is a place of the merchant's.
    pub(super) fn is_place(&self, name: &str) -> bool {
        self.places.contains(name)
    }

    pub(super) fn has_credential(&self, name: &str) -> bool {
        self.credentials.contains(name)
    }

    pub(super) fn has_recipe(&self, name: &str) -> bool {
        self.recipes.contains(name)
    }
}

/// Whether every hole of a recipe, and of those that it names, is such a one.
fn needs_only(recipe: &Recipe, all: &BTreeMap<String, Arc<Recipe>>, is_such: &impl Fn(&Hole) -> bool) -> bool {
    recipe.templates().flat_map(|(_, template)| template.holes()).all(|hole| match hole {
        Hole::Signature(name) => all.get(name).is_some_and(|other| needs_only(other, all, is_such)),
        hole => is_such(hole),
    })
}

/// How old a signed time may be.
const MOST_AGO_SECONDS: i64 = 5;

impl Sandbox {
    /// Whether a signature of the request is another than the recipe's. What is signed in another form than the tape's is not looked at:
    /// it is a difference that is shown.
    pub(super) fn is_forged(&self, state: &State, asking: &Asking<'_>, known: &Known, fit: &Fit<'_>) -> bool {
        let signature = |hole: &Hole| matches!(hole, Hole::Signature(_));
        if !fit.caught().any(|caught| signature(caught.hole)) {
            return false;
        }
        let request = asking.request;
        let Ok(body) = std::str::from_utf8(request.body()) else { return true };
        let own = Own::of(fit);
        let giving = self.giving(state, asking, known, &own, Target::default());
        let needs = Needs::of(fit.caught().map(|caught| caught.hole), known.at.step, &self.recipes);
        let steps = giving.steps(&needs);
        let caught: Vec<_> = own.caught.iter().map(|(name, text)| (name.to_owned(), text.to_owned())).collect();
        let scope = Scope { caught: &caught, ..giving.scope(&own.minted, &own.caught, &steps) };
        let own_host = request.headers().get(http::header::HOST).and_then(|host| host.to_str().ok());
        let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
        // A client that was moved here by its base url signs the host that it sends to.
        let holds = |host: &str, ago: i64| {
            let headers = Headers::Sent(request.headers());
            let message = Message { method: request.method().as_str(), host, path, headers, body };
            let scope = Scope { message: Some(message), now_unix: scope.now_unix.saturating_sub(ago), ..scope };
            fit.caught().all(|caught| match caught.hole {
                Hole::Signature(name) => {
                    self.recipes.get(name).is_none_or(|recipe| recipe.verify(caught.text, &scope).unwrap_or(true))
                }
                _ => true,
            })
        };
        // What is signed may tell the second in which it was.
        !(0..=MOST_AGO_SECONDS).any(|ago| holds(&known.at.host, ago) || own_host.is_some_and(|host| holds(host, ago)))
    }
}

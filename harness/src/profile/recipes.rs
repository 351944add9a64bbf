//! The signature recipes of a profile, read, and held against what they name.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::Check;
use crate::bad_input::FieldPath;
use crate::tape::{Hole, Recipe, RecipeModel};
use crate::world::hint;

/// How many recipes may stand inside each other, the outermost counted.
const MOST_NESTED: usize = 4;

type Recipes = BTreeMap<String, Arc<Recipe>>;

impl Check<'_> {
    /// The recipes, read; each finds its credentials and the recipes that it names.
    pub(super) fn recipes(
        &mut self,
        models: &BTreeMap<String, RecipeModel>,
        folders: &[Option<PathBuf>],
        credentials: &BTreeMap<String, String>,
    ) -> BTreeMap<String, Arc<Recipe>> {
        let mut recipes = BTreeMap::new();
        for (name, model) in models {
            let path = FieldPath::root().key("signature").key(name);
            // A key file lies beside the profile that names it: the connector's own or the other's.
            let mut compiled = folders.iter().flatten().map(|folder| Recipe::compile(model, folder));
            let first = compiled.next().unwrap_or_else(|| Recipe::compile(model, Path::new(".")));
            let recipe = match first.or_else(|wrong| compiled.find_map(Result::ok).ok_or(wrong)) {
                Ok(recipe) => recipe,
                Err((field, message)) => {
                    self.refuse(&path.key(field), message);
                    continue;
                }
            };
            for (field, template) in recipe.templates() {
                for hole in template.holes() {
                    if let Hole::Secret(secret) = hole
                        && !credentials.contains_key(secret)
                    {
                        self.refuse(&path.key(field), format!("the profile has no credential `{secret}`"));
                    }
                }
            }
            recipes.insert(name.clone(), Arc::new(recipe));
        }
        for (name, recipe) in &recipes {
            let path = FieldPath::root().key("signature").key(name);
            for (field, other) in recipe.others() {
                if let Err(why) = fits(name, other, models, &recipes) {
                    self.refuse(&path.key(field), why);
                }
            }
        }
        recipes
    }
}

/// Whether a recipe may name that other one: it is there, gives one text for one message, and leads to no circle.
fn fits(name: &str, other: &str, models: &BTreeMap<String, RecipeModel>, recipes: &Recipes) -> Result<(), String> {
    let Some(recipe) = recipes.get(other) else {
        if models.contains_key(other) {
            return Ok(());
        }
        let known: Vec<&str> = models.keys().map(String::as_str).collect();
        return Err(format!("the profile has no recipe `[signature.{other}]`; {}", hint(other, &known)));
    };
    if recipe.seals() || recipe.verifies() {
        return Err(format!("expected a recipe that gives one text for one message, which `{other}` does not"));
    }
    let mut within = vec![other];
    for _ in 1..MOST_NESTED {
        if within.contains(&name) {
            return Err(format!("expected another recipe: `{other}` is made of `{name}`"));
        }
        within = within
            .iter()
            .filter_map(|name| recipes.get(*name))
            .flat_map(|recipe| recipe.others())
            .map(|(_, other)| other)
            .collect();
        if within.is_empty() {
            return Ok(());
        }
    }
    Err(format!("expected at most {MOST_NESTED} recipes inside each other, and no circle"))
}

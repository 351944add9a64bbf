//! Parts of bodies that the provider encrypts: a tape states them in the clear, and they are sealed before anything is signed.

use std::collections::BTreeMap;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};

use super::json::{self, Json};
use super::template::Template;
use super::values::{Headers, Message, Scope, Unresolved};
use crate::profile::Profile;

/// How a recipe of `aes-256-gcm` seals.
#[derive(Debug)]
pub(super) struct Seal {
    pub(super) nonce: Template,
    pub(super) associated_data: Template,
}

impl Seal {
    pub(super) fn templates(&self) -> [(&'static str, &Template); 2] {
        [("nonce", &self.nonce), ("associated_data", &self.associated_data)]
    }

    /// Ciphertext and tag.
    pub(super) fn sealed(&self, key: &[u8], text: &str, scope: &Scope<'_>) -> Result<Vec<u8>, Unresolved> {
        let cannot = |why: &str| Unresolved { hole: "a sealed part".to_owned(), why: why.to_owned() };
        let key = UnboundKey::new(&AES_256_GCM, key).map_err(|_| cannot("the key has another length than 32 bytes"))?;
        let nonce = Nonce::try_assume_unique_for_key(self.nonce.text(scope)?.as_bytes());
        let nonce = nonce.map_err(|_| cannot("the nonce has another length than 12 bytes"))?;
        let mut bytes = text.as_bytes().to_vec();
        let sealed = LessSafeKey::new(key).seal_in_place_append_tag(
            nonce,
            Aad::from(self.associated_data.text(scope)?.into_bytes()),
            &mut bytes,
        );
        sealed.map(|()| bytes).map_err(|_| cannot("it is too long"))
    }
}

/// What is wrong with the parts that a tape seals: each with its pointer.
pub(super) fn problems(parts: &BTreeMap<String, String>, profile: &Profile) -> Vec<(String, String)> {
    let problem = |(pointer, name): (&String, &String)| {
        let message = match profile.recipes.get(name) {
            _ if !pointer.starts_with('/') => "expected a JSON pointer that starts with `/`".to_owned(),
            Some(recipe) if recipe.seals() => return None,
            Some(_) => format!("the recipe `[signature.{name}]` signs, expected one of `aes-256-gcm`"),
            None => format!("the profile has no recipe `[signature.{name}]`"),
        };
        Some((pointer.clone(), message))
    };
    parts.iter().filter_map(problem).collect()
}

/// What a tape says of a body: JSON pointers to the parts that are sealed, each with its recipe.
pub(super) type Sealed = Vec<(String, String)>;

/// The body with its parts sealed: of a text its letters, of an object or array its JSON. A body that is no JSON, and a part that is not
/// there, stay as they are: whoever spoils a body spoils it in the clear.
pub(super) fn seal(parts: &Sealed, body: String, scope: &Scope<'_>) -> Result<String, Unresolved> {
    if parts.is_empty() {
        return Ok(body);
    }
    let Ok(mut root) = json::read(&body) else { return Ok(body) };
    for (pointer, name) in parts {
        let Some(place) = root.pointer_mut(pointer) else { continue };
        let mut clear = String::new();
        match &*place {
            Json::String(text) => clear.push_str(text),
            other => other.write(&mut clear),
        }
        let recipe = scope.recipes.get(name).ok_or_else(|| Unresolved {
            hole: format!("the sealed part {pointer}"),
            why: "the profile has no such signature recipe".to_owned(),
        })?;
        let message =
            scope.message.unwrap_or(Message { method: "", host: "", path: "", headers: Headers::Made(&[]), body: "" });
        let within = Scope { message: Some(Message { body: &body, ..message }), ..*scope };
        let sealed = recipe.sealed(&clear, &within)?;
        *place = Json::String(sealed.into());
    }
    let mut out = String::with_capacity(body.len() + 256);
    root.write(&mut out);
    Ok(out)
}

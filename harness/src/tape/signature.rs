//! Signature recipes: the harness computes by itself what a request or a delivery must be signed with.

use std::fmt;
use std::path::Path;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use base64::Engine as _;
use hmac::{Hmac, KeyInit, Mac};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha1::Sha1;
use sha2::{Digest as _, Sha256, Sha512};

use super::hole::{Encoding, Place};
use super::template::{Escape, Template};
use super::values::{Scope, Spoil, Unresolved};
use crate::pem;

/// How a signature is made, as `[signature.NAME]` of a profile states it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RecipeModel {
    /// The algorithm.
    pub algorithm: Algorithm,
    /// Template of the key. For `rsa-sha256`: a PEM private key, or the name of a PEM file beside the profile. None for plain digests.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// How the key's text becomes bytes.
    #[serde(default)]
    pub key_encoding: KeyEncoding,
    /// Template of the signed text.
    pub over: String,
    /// How the signature is written.
    pub encoding: Encoding,
}

/// A signature or digest algorithm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Algorithm {
    /// HMAC with SHA-1 (RFC 2104).
    HmacSha1,
    /// HMAC with SHA-256.
    HmacSha256,
    /// HMAC with SHA-512.
    HmacSha512,
    /// SHA-256 of the text; the key stands in the text.
    Sha256,
    /// SHA-512 of the text; the key stands in the text.
    Sha512,
    /// RSASSA-PKCS1-v1_5 with SHA-256 (RFC 8017 §8.2), which is deterministic.
    RsaSha256,
}

impl Algorithm {
    /// Another algorithm that needs no other key; a key pair's signature becomes a digest, which anybody can make.
    const fn another(self) -> Algorithm {
        match self {
            Algorithm::HmacSha1 | Algorithm::HmacSha512 => Algorithm::HmacSha256,
            Algorithm::HmacSha256 => Algorithm::HmacSha1,
            Algorithm::Sha256 => Algorithm::Sha512,
            Algorithm::Sha512 | Algorithm::RsaSha256 => Algorithm::Sha256,
        }
    }
}

/// How the text of a key becomes bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum KeyEncoding {
    /// The text's own UTF-8 bytes.
    #[default]
    Text,
    /// Hexadecimal.
    Hex,
    /// Base64 with padding.
    Base64,
}

/// A recipe that was read once and can sign any message.
pub struct Recipe {
    algorithm: Algorithm,
    key: Template,
    key_encoding: KeyEncoding,
    over: Template,
    encoding: Encoding,
    /// The key pair, when it does not depend on the run.
    key_pair: Option<RsaKeyPair>,
}

impl fmt::Debug for Recipe {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Recipe")
            .field("algorithm", &self.algorithm)
            .field("over", &self.over)
            .field("encoding", &self.encoding)
            .finish_non_exhaustive()
    }
}

impl Recipe {
    /// Reads a recipe. `folder` is where a PEM file is looked for. The error names the field and what was expected.
    pub(crate) fn compile(model: &RecipeModel, folder: &Path) -> Result<Self, (&'static str, String)> {
        let over = Template::parse(&model.over, Place::Recipe).map_err(|message| ("over", message))?;
        let keyless = matches!(model.algorithm, Algorithm::Sha256 | Algorithm::Sha512);
        let key_text = match (&model.key, keyless) {
            (None, false) => return Err(("key", "expected a key for this algorithm".to_owned())),
            (Some(_), true) => {
                return Err(("key", "expected no key: a plain digest takes its key inside `over`".to_owned()));
            }
            (key, _) => key.clone().unwrap_or_default(),
        };
        let key = Template::parse(&key_text, Place::Recipe).map_err(|message| ("key", message))?;
        let key_pair = match (model.algorithm, key.literal()) {
            (Algorithm::RsaSha256, Some(literal)) => {
                Some(literal_key_pair(literal, folder).map_err(|message| ("key", message))?)
            }
            _ => None,
        };
        Ok(Self {
            algorithm: model.algorithm,
            key,
            key_encoding: model.key_encoding,
            over,
            encoding: model.encoding,
            key_pair,
        })
    }

    /// The templates of this recipe, for checks of the names in their holes.
    pub(crate) fn templates(&self) -> [&Template; 2] {
        [&self.key, &self.over]
    }

    /// The signature over the message in `scope`, written in the recipe's encoding.
    pub(crate) fn sign(&self, scope: &Scope<'_>) -> Result<String, Unresolved> {
        let spoil = scope.spoil;
        let scope = &Scope { spoil: Spoil::Not, ..*scope };
        let mut text = String::new();
        self.over.render(scope, Escape::None, &mut text)?;
        if spoil == Spoil::WrongKey {
            // To the verifier a signature over another text and one by another key look alike, and every key keeps its form.
            text.push_str("forged");
        }
        if spoil == Spoil::Fingerprint {
            return Ok(text);
        }
        let algorithm = if spoil == Spoil::OtherAlgorithm { self.algorithm.another() } else { self.algorithm };
        let mut signature = self.signature(algorithm, text.as_bytes(), scope)?;
        match spoil {
            Spoil::Prefix(length) => signature.truncate(length.min(signature.len().saturating_sub(1))),
            Spoil::Extended => signature.push(0),
            _ => {}
        }
        Ok(self.encoding.encode(&signature))
    }

    fn signature(&self, algorithm: Algorithm, text: &[u8], scope: &Scope<'_>) -> Result<Vec<u8>, Unresolved> {
        Ok(match algorithm {
            Algorithm::Sha256 => Sha256::digest(text).to_vec(),
            Algorithm::Sha512 => Sha512::digest(text).to_vec(),
            Algorithm::HmacSha1 => finish(Hmac::<Sha1>::new_from_slice(&self.key_bytes(scope)?), text)?,
            Algorithm::HmacSha256 => finish(Hmac::<Sha256>::new_from_slice(&self.key_bytes(scope)?), text)?,
            Algorithm::HmacSha512 => finish(Hmac::<Sha512>::new_from_slice(&self.key_bytes(scope)?), text)?,
            Algorithm::RsaSha256 => match &self.key_pair {
                Some(pair) => sign_rsa(pair, text)?,
                None => sign_rsa(&key_pair(&self.key_text(scope)?).map_err(|why| unusable(&why))?, text)?,
            },
        })
    }

    fn key_text(&self, scope: &Scope<'_>) -> Result<String, Unresolved> {
        let mut text = String::new();
        self.key.render(scope, Escape::None, &mut text)?;
        Ok(text)
    }

    fn key_bytes(&self, scope: &Scope<'_>) -> Result<Vec<u8>, Unresolved> {
        let text = self.key_text(scope)?;
        match self.key_encoding {
            KeyEncoding::Text => Ok(text.into_bytes()),
            KeyEncoding::Hex => hex::decode(&text).map_err(|_| unusable("it is no hexadecimal text")),
            KeyEncoding::Base64 => {
                base64::engine::general_purpose::STANDARD.decode(&text).map_err(|_| unusable("it is no base64 text"))
            }
        }
    }
}

fn unusable(why: &str) -> Unresolved {
    Unresolved { hole: "the signature key".to_owned(), why: why.to_owned() }
}

fn finish<M: Mac>(mac: Result<M, hmac::digest::InvalidLength>, text: &[u8]) -> Result<Vec<u8>, Unresolved> {
    let mut mac = mac.map_err(|_| unusable("its length is wrong"))?;
    mac.update(text);
    Ok(mac.finalize().into_bytes().to_vec())
}

fn sign_rsa(pair: &RsaKeyPair, text: &[u8]) -> Result<Vec<u8>, Unresolved> {
    let mut signature = vec![0; pair.public_modulus_len()];
    pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), text, &mut signature).map_err(|_| unusable("it cannot sign"))?;
    Ok(signature)
}

/// A literal key is a PEM text, or the name of a PEM file beside the profile.
fn literal_key_pair(literal: &str, folder: &Path) -> Result<RsaKeyPair, String> {
    if literal.contains("-----BEGIN") {
        return key_pair(literal);
    }
    let plain_name = !literal.is_empty() && !literal.contains(['/', '\\']) && literal.ends_with(".pem");
    if !plain_name {
        return Err(format!(
            "expected a PEM private key, or the name of a `.pem` file beside the profile, found `{literal}`"
        ));
    }
    let pem = std::fs::read_to_string(folder.join(literal))
        .map_err(|error| format!("the key file `{literal}` cannot be read: {error}"))?;
    key_pair(&pem)
}

fn key_pair(text: &str) -> Result<RsaKeyPair, String> {
    let expected = "expected a PEM private key (`PRIVATE KEY` or `RSA PRIVATE KEY`)";
    let refused = |_| expected.to_owned();
    let pair = match (pem::block(text, "PRIVATE KEY"), pem::block(text, "RSA PRIVATE KEY")) {
        (Some(inner), _) => RsaKeyPair::from_pkcs8(&inner.map_err(refused)?),
        (None, Some(inner)) => RsaKeyPair::from_der(&inner.map_err(refused)?),
        (None, None) => return Err(expected.to_owned()),
    };
    pair.map_err(|error| format!("the RSA key is refused: {error}"))
}

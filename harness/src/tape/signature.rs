//! Signature recipes: the harness computes by itself what a request or a delivery must be signed with.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use hmac::{Hmac, KeyInit, Mac};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha1::Sha1;
use sha2::{Digest as _, Sha256, Sha512};

use super::hole::{Encoding, Hole, Place};
use super::key_pair::{KeyPair, Scheme};
use super::seal::Seal;
use super::template::{Escape, Template};
use super::values::{Scope, Spoil, Unresolved};

/// How a signature is made, as `[signature.NAME]` of a profile states it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RecipeModel {
    /// The algorithm.
    pub algorithm: Algorithm,
    /// Template of the key. For a key pair (`rsa-sha256`, `ps256`, `es256`, `es512`, `es512-der`): a PEM private key, or the name of a
    /// PEM file beside the profile. None for plain digests.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// How the key's text becomes bytes.
    #[serde(default)]
    pub key_encoding: KeyEncoding,
    /// Template of a text that makes another key of the key, for each message its own: the text, filled up with zero bytes, encrypted with
    /// Triple DES in CBC mode from a zero vector.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub triple_des_over: Option<String>,
    /// The same with AES-128: the text, padded as PKCS #7 says, encrypted in CBC mode from a zero vector under the first 16 bytes of the key;
    /// the base64 of that is the key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub aes_128_over: Option<String>,
    /// Template of the signed text, in which `${sig:OTHER}` is what another recipe gives; none for `aes-256-gcm`, which seals what a tape says.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub over: String,
    /// Template of the protected header, as JSON: the signature is then a detached JWS (RFC 7515, appendix F) in base64url. With
    /// `"b64": false` in it the signed text goes in as it is (RFC 7797).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub protected: Option<String>,
    /// Whether the signed text stands in the signature itself: a JWS (RFC 7515, section 3.1) that a request carries in a header or a field of a
    /// form. `over` is then a JSON object, whose members the text must have; it may have more (`jti`).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub whole: bool,
    /// For `aes-256-gcm`: template of the nonce of 12 bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nonce: Option<String>,
    /// For `aes-256-gcm`: template of the associated data; none is the empty text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub associated_data: Option<String>,
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
    /// SHA-1 of the text (RFC 3174); the key stands in the text.
    Sha1,
    /// SHA-256 of the text; the key stands in the text.
    Sha256,
    /// SHA-512 of the text; the key stands in the text.
    Sha512,
    /// RSASSA-PKCS1-v1_5 with SHA-256 (RFC 8017 §8.2), which is deterministic.
    RsaSha256,
    /// RSASSA-PSS with SHA-256 and a salt of 32 bytes (RFC 7518 §3.5), which is randomized.
    Ps256,
    /// ECDSA on P-256 with SHA-256, `r` and `s` of fixed length (RFC 7518 §3.4), which is randomized.
    Es256,
    /// ECDSA on P-521 with SHA-512, `r` and `s` of fixed length (RFC 7518 §3.4), which is randomized.
    Es512,
    /// The same, with `r` and `s` as a DER sequence (RFC 3279 §2.2.3).
    Es512Der,
    /// No signature: seals parts of bodies by AES-256-GCM with the tag behind the ciphertext.
    #[serde(rename = "aes-256-gcm")]
    Aes256Gcm,
}

impl Algorithm {
    /// Another algorithm that needs no other key; a key pair's signature becomes a digest, which anybody can make.
    const fn another(self) -> Algorithm {
        match self {
            Algorithm::HmacSha1 | Algorithm::HmacSha512 => Algorithm::HmacSha256,
            Algorithm::HmacSha256 => Algorithm::HmacSha1,
            Algorithm::Sha256 => Algorithm::Sha512,
            _ => Algorithm::Sha256,
        }
    }

    /// The scheme, for one that signs by a key pair.
    const fn scheme(self) -> Option<Scheme> {
        match self {
            Algorithm::RsaSha256 => Some(Scheme::RsaSha256),
            Algorithm::Ps256 => Some(Scheme::Ps256),
            Algorithm::Es256 => Some(Scheme::Es256),
            Algorithm::Es512 => Some(Scheme::Es512),
            Algorithm::Es512Der => Some(Scheme::Es512Der),
            _ => None,
        }
    }

    /// Whether two signatures over one text differ, so that one that was sent can only be verified.
    const fn is_randomized(self) -> bool {
        matches!(self, Algorithm::Ps256 | Algorithm::Es256 | Algorithm::Es512 | Algorithm::Es512Der)
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
    /// The key is the SHA-1 of the text.
    Sha1,
}

/// A recipe that was read once and can sign any message.
pub struct Recipe {
    algorithm: Algorithm,
    key: Template,
    key_encoding: KeyEncoding,
    triple_des_over: Option<Template>,
    aes_128_over: Option<Template>,
    over: Template,
    protected: Option<Template>,
    whole: bool,
    encoding: Encoding,
    seal: Option<Seal>,
    /// The key pair, when it does not depend on the run.
    key_pair: Option<KeyPair>,
    /// The key pair that was read last, with its text: reading one takes longer than signing.
    last_pair: Mutex<Option<(String, Arc<KeyPair>)>>,
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

type Fault = (&'static str, String);

impl Recipe {
    /// Reads a recipe. `folder` is where a PEM file is looked for. The error names the field and what was expected.
    pub(crate) fn compile(model: &RecipeModel, folder: &Path) -> Result<Self, Fault> {
        let over = template("over", &model.over)?;
        let keyless = matches!(model.algorithm, Algorithm::Sha1 | Algorithm::Sha256 | Algorithm::Sha512);
        let key_text = match (&model.key, keyless) {
            (None, false) => return Err(("key", "expected a key for this algorithm".to_owned())),
            (Some(_), true) => {
                return Err(("key", "expected no key: a plain digest takes its key inside `over`".to_owned()));
            }
            (key, _) => key.clone().unwrap_or_default(),
        };
        let own = |field, text: &Option<String>| text.as_ref().map(|text| template(field, text)).transpose();
        let triple_des_over = own("triple_des_over", &model.triple_des_over)?;
        let aes_128_over = own("aes_128_over", &model.aes_128_over)?;
        let key = template("key", &key_text)?;
        let key_pair = match (model.algorithm.scheme(), key.literal()) {
            (Some(scheme), Some(literal)) => {
                Some(KeyPair::read_literal(scheme, literal, folder).map_err(|message| ("key", message))?)
            }
            _ => None,
        };
        Ok(Self {
            algorithm: model.algorithm,
            key,
            key_encoding: model.key_encoding,
            triple_des_over,
            aes_128_over,
            over,
            protected: protected(model)?,
            whole: model.whole,
            encoding: model.encoding,
            seal: seal(model)?,
            key_pair,
            last_pair: Mutex::new(None),
        })
    }

    /// The templates of this recipe with their fields, for checks of the names in their holes.
    pub(crate) fn templates(&self) -> impl Iterator<Item = (&'static str, &Template)> {
        let seal = self.seal.iter().flat_map(Seal::templates);
        let protected = self.protected.iter().map(|template| ("protected", template));
        let own = self.triple_des_over.iter().map(|template| ("triple_des_over", template));
        let own = own.chain(self.aes_128_over.iter().map(|template| ("aes_128_over", template)));
        [("key", &self.key), ("over", &self.over)].into_iter().chain(protected).chain(seal).chain(own)
    }

    /// Whether it seals parts of bodies in place of signing.
    pub(crate) fn seals(&self) -> bool {
        self.seal.is_some()
    }

    /// Whether a signature that was sent is verified, since computing it again gives another text.
    pub(crate) fn verifies(&self) -> bool {
        self.algorithm.is_randomized() || self.protected.is_some()
    }

    /// The other recipes that it names, with the fields that do.
    pub(crate) fn others(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.templates().flat_map(|(field, template)| {
            template.holes().filter_map(move |hole| match hole {
                Hole::Signature(name) => Some((field, name.as_str())),
                _ => None,
            })
        })
    }

    /// Whether the signed text stands in the signature itself.
    pub(crate) fn is_whole(&self) -> bool {
        self.whole
    }

    /// The signature over the message in `scope`, written in the recipe's encoding.
    pub(crate) fn sign(&self, scope: &Scope<'_>) -> Result<String, Unresolved> {
        let spoil = scope.spoil;
        let scope = &Scope { spoil: Spoil::Not, ..*scope };
        let mut text = self.over.text(scope)?;
        if spoil == Spoil::WrongKey {
            // To the verifier a signature over another text and one by another key look alike, and every key keeps its form.
            text.push_str("forged");
        }
        let header = self.header(scope)?;
        if spoil == Spoil::Fingerprint {
            return Ok(header.unwrap_or_default() + &text);
        }
        let algorithm = if spoil == Spoil::OtherAlgorithm { self.algorithm.another() } else { self.algorithm };
        let encoded = header.as_deref().map(|header| Encoding::Base64url.encode(header.as_bytes()));
        let input = match (&header, &encoded) {
            (Some(header), Some(encoded)) => jws_input(header, encoded, &text),
            _ => text,
        };
        let mut signature = self.signature(algorithm, input.as_bytes(), scope)?;
        match spoil {
            Spoil::Prefix(length) => signature.truncate(length.min(signature.len().saturating_sub(1))),
            Spoil::Extended => signature.push(0),
            _ => {}
        }
        let signature = self.encoding.encode(&signature);
        if self.whole {
            return Ok(format!("{input}.{signature}"));
        }
        Ok(encoded.map_or_else(|| signature.clone(), |encoded| format!("{encoded}..{signature}")))
    }

    /// Length in bytes of the start of `text` that can be a signature of this recipe.
    pub(crate) fn extent(&self, text: &str) -> usize {
        let fits = |byte: u8| match self.encoding {
            Encoding::Hex | Encoding::HexUpper => byte.is_ascii_hexdigit(),
            Encoding::Base64 => byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'='),
            Encoding::Base64urlPadded => byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'='),
            Encoding::Base64url => {
                byte.is_ascii_alphanumeric()
                    || matches!(byte, b'-' | b'_')
                    || (byte == b'.' && self.protected.is_some())
            }
        };
        text.bytes().position(|byte| !fits(byte)).unwrap_or(text.len())
    }

    /// Whether `given` is a signature of this recipe over the message in `scope`. Of a detached JWS the members of the header must be
    /// those of the recipe, in any order, and are signed as they came.
    pub(crate) fn verify(&self, given: &str, scope: &Scope<'_>) -> Result<bool, Unresolved> {
        let Some(scheme) = self.algorithm.scheme() else { return Ok(self.sign(scope)? == given) };
        let text = self.over.text(scope)?;
        let (input, signature) = match self.header(scope)? {
            Some(expected) if self.whole => {
                let Some(read) = read_whole(given, &expected, &text) else { return Ok(false) };
                read
            }
            None => (text, given),
            Some(expected) => {
                let Some((encoded, signature)) = given.split_once("..") else { return Ok(false) };
                let header = Encoding::Base64url.decode(encoded).and_then(|header| String::from_utf8(header).ok());
                let Some(header) = header.filter(|header| same_members(header, &expected)) else { return Ok(false) };
                (jws_input(&header, encoded, &text), signature)
            }
        };
        let Some(signature) = self.encoding.decode(signature) else { return Ok(false) };
        let proof = || Ok(self.pair(scheme, scope)?.verify(scheme, input.as_bytes(), &signature));
        match scope.proven.filter(|_| self.algorithm.is_randomized()) {
            Some(proven) => proven.or(self, &[self.named_key(scope)?.as_bytes(), input.as_bytes()], proof),
            None => proof(),
        }
    }

    /// `text` sealed, in the recipe's encoding.
    pub(crate) fn sealed(&self, text: &str, scope: &Scope<'_>) -> Result<String, Unresolved> {
        let seal = self.seal.as_ref().ok_or_else(|| unusable("the recipe seals nothing"))?;
        let scope = &Scope { spoil: Spoil::Not, ..*scope };
        Ok(self.encoding.encode(&seal.sealed(&self.key_bytes(scope)?, text, scope)?))
    }

    fn header(&self, scope: &Scope<'_>) -> Result<Option<String>, Unresolved> {
        let render = |template: &Template| {
            let mut header = String::new();
            template.render(scope, Escape::Json, &mut header).map(|()| header)
        };
        self.protected.as_ref().map(render).transpose()
    }

    fn signature(&self, algorithm: Algorithm, text: &[u8], scope: &Scope<'_>) -> Result<Vec<u8>, Unresolved> {
        if let Some(scheme) = algorithm.scheme() {
            let make = || self.pair(scheme, scope)?.sign(scheme, text).map_err(|why| unusable(&why));
            let Some(proven) = scope.proven else { return make() };
            return proven.signature(self, &[&[scheme as u8], self.named_key(scope)?.as_bytes(), text], make);
        }
        Ok(match algorithm {
            Algorithm::Sha1 => Sha1::digest(text).to_vec(),
            Algorithm::Sha512 => Sha512::digest(text).to_vec(),
            Algorithm::HmacSha1 => finish(Hmac::<Sha1>::new_from_slice(&self.key_bytes(scope)?), text)?,
            Algorithm::HmacSha256 => finish(Hmac::<Sha256>::new_from_slice(&self.key_bytes(scope)?), text)?,
            Algorithm::HmacSha512 => finish(Hmac::<Sha512>::new_from_slice(&self.key_bytes(scope)?), text)?,
            Algorithm::Aes256Gcm => return Err(unusable("the recipe seals and does not sign")),
            _ => Sha256::digest(text).to_vec(),
        })
    }

    fn pair(&self, scheme: Scheme, scope: &Scope<'_>) -> Result<Pair<'_>, Unresolved> {
        if let Some(pair) = &self.key_pair {
            return Ok(Pair::Own(pair));
        }
        let text = self.key_text(scope)?;
        let mut last = lock(&self.last_pair);
        if let Some((_, pair)) = last.as_ref().filter(|(known, _)| *known == text) {
            return Ok(Pair::Shared(Arc::clone(pair)));
        }
        let pair = Arc::new(KeyPair::read(scheme, &text).map_err(|why| unusable(&why))?);
        *last = Some((text, Arc::clone(&pair)));
        Ok(Pair::Shared(pair))
    }

    /// The text of a key that is not the recipe's own, for which another run may have another.
    fn named_key(&self, scope: &Scope<'_>) -> Result<String, Unresolved> {
        if self.key_pair.is_some() { Ok(String::new()) } else { self.key_text(scope) }
    }

    fn key_text(&self, scope: &Scope<'_>) -> Result<String, Unresolved> {
        self.key.text(scope)
    }

    fn key_bytes(&self, scope: &Scope<'_>) -> Result<Vec<u8>, Unresolved> {
        let key = self.given_key(scope)?;
        if let Some(template) = &self.aes_128_over {
            let short = || unusable("AES-128 takes a key of 16 bytes");
            let own = quittance_crypto::aes_128_cbc(key.get(..16).ok_or_else(short)?, template.text(scope)?.as_bytes());
            return Ok(Encoding::Base64.encode(&own.map_err(|_| short())?).into_bytes());
        }
        let Some(template) = &self.triple_des_over else { return Ok(key) };
        let own = quittance_crypto::triple_des_cbc(&key, template.text(scope)?.as_bytes());
        own.map_err(|_| unusable("Triple DES takes a key of 24 bytes"))
    }

    fn given_key(&self, scope: &Scope<'_>) -> Result<Vec<u8>, Unresolved> {
        let text = self.key_text(scope)?;
        match self.key_encoding {
            KeyEncoding::Text => Ok(text.into_bytes()),
            KeyEncoding::Sha1 => Ok(quittance::digest::sha1(text.as_bytes()).to_vec()),
            KeyEncoding::Hex => hex::decode(&text).map_err(|_| unusable("it is no hexadecimal text")),
            KeyEncoding::Base64 => {
                base64::engine::general_purpose::STANDARD.decode(&text).map_err(|_| unusable("it is no base64 text"))
            }
        }
    }
}

/// What key pairs have done in memory for one connector, so that thousands of trials do not repeat it: they took most of the time.
///
/// A connector signs by text, key and chance alone, so a text that it signed rightly by a randomized signature is not verified again; and
/// the mock answers one text with one signature. Plays on the wire, and clients of others, are always verified and signed for anew.
#[derive(Default)]
pub struct Proven {
    verified: Mutex<BTreeSet<Known>>,
    signed: Mutex<BTreeMap<Known, Vec<u8>>>,
}

/// A recipe, by its place in memory, and the digest of what it was used on.
type Known = (usize, [u8; 32]);

fn known(recipe: &Recipe, parts: &[&[u8]]) -> Known {
    let mut digest = Sha256::new();
    for part in parts {
        digest.update(part.len().to_le_bytes());
        digest.update(part);
    }
    (std::ptr::from_ref(recipe).addr(), digest.finalize().into())
}

impl fmt::Debug for Proven {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Proven")
    }
}

impl Proven {
    fn or(
        &self,
        recipe: &Recipe,
        parts: &[&[u8]],
        proof: impl FnOnce() -> Result<bool, Unresolved>,
    ) -> Result<bool, Unresolved> {
        let known = known(recipe, parts);
        if lock(&self.verified).contains(&known) {
            return Ok(true);
        }
        let proven = proof()?;
        if proven {
            lock(&self.verified).insert(known);
        }
        Ok(proven)
    }

    fn signature(
        &self,
        recipe: &Recipe,
        parts: &[&[u8]],
        make: impl FnOnce() -> Result<Vec<u8>, Unresolved>,
    ) -> Result<Vec<u8>, Unresolved> {
        let known = known(recipe, parts);
        if let Some(signature) = lock(&self.signed).get(&known) {
            return Ok(signature.clone());
        }
        let signature = make()?;
        lock(&self.signed).insert(known, signature.clone());
        Ok(signature)
    }
}

fn lock<T>(slot: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    slot.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// A key pair of the profile, or one out of the credentials of a run.
enum Pair<'r> {
    Own(&'r KeyPair),
    Shared(Arc<KeyPair>),
}

impl std::ops::Deref for Pair<'_> {
    type Target = KeyPair;

    fn deref(&self) -> &KeyPair {
        match self {
            Pair::Own(pair) => pair,
            Pair::Shared(pair) => pair,
        }
    }
}

fn template(field: &'static str, text: &str) -> Result<Template, Fault> {
    Template::parse(text, Place::Recipe).map_err(|message| (field, message))
}

fn protected(model: &RecipeModel) -> Result<Option<Template>, Fault> {
    let Some(text) = &model.protected else {
        let without = ("whole", "expected it only with `protected`".to_owned());
        return if model.whole { Err(without) } else { Ok(None) };
    };
    if model.algorithm.scheme().is_none() || model.encoding != Encoding::Base64url {
        return Err(("protected", "expected it only with a key pair and the encoding `base64url`".to_owned()));
    }
    match serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(text) {
        Ok(_) => template("protected", text).map(Some),
        Err(error) => Err(("protected", format!("expected a JSON object with its holes inside strings: {error}"))),
    }
}

fn seal(model: &RecipeModel) -> Result<Option<Seal>, Fault> {
    let sealing = model.algorithm == Algorithm::Aes256Gcm;
    match (&model.nonce, sealing) {
        (Some(_), true) if !model.over.is_empty() => {
            Err(("over", "expected none: what is sealed stands in the tape".to_owned()))
        }
        (Some(nonce), true) => {
            let associated_data = template("associated_data", model.associated_data.as_deref().unwrap_or_default())?;
            Ok(Some(Seal { nonce: template("nonce", nonce)?, associated_data }))
        }
        (None, true) => Err(("nonce", "expected a nonce for this algorithm".to_owned())),
        (None, false) if model.associated_data.is_none() => match model.over.is_empty() {
            true => Err(("over", "expected the signed text".to_owned())),
            false => Ok(None),
        },
        _ => Err(("nonce", "expected neither `nonce` nor `associated_data` but for `aes-256-gcm`".to_owned())),
    }
}

/// What a detached JWS signs: the encoded header, and the text encoded unless the header says `"b64": false`.
fn jws_input(header: &str, encoded: &str, text: &str) -> String {
    let members: serde_json::Value = serde_json::from_str(header).unwrap_or_default();
    match members.get("b64") {
        Some(serde_json::Value::Bool(false)) => format!("{encoded}.{text}"),
        _ => format!("{encoded}.{}", Encoding::Base64url.encode(text.as_bytes())),
    }
}

/// What was signed, and the signature, of a JWS whose header has the members of `header` and whose text has those of `text`.
fn read_whole<'g>(given: &'g str, header: &str, text: &str) -> Option<(String, &'g str)> {
    let (input, signature) = given.rsplit_once('.')?;
    let (encoded, content) = input.split_once('.')?;
    let open = |part: &str| Encoding::Base64url.decode(part).and_then(|bytes| String::from_utf8(bytes).ok());
    let (sent, content) = (open(encoded)?, open(content)?);
    let members = |text: &str| serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(text).ok();
    let (stated, found) = (members(text)?, members(&content)?);
    let agrees = same_members(&sent, header)
        && super::json::read(&content).is_ok()
        && stated.iter().all(|(name, value)| found.get(name) == Some(value));
    agrees.then(|| (input.to_owned(), signature))
}

/// Whether two JSON objects have the same members with the same values; none twice.
fn same_members(one: &str, other: &str) -> bool {
    let read = |text: &str| serde_json::from_str::<serde_json::Value>(text).ok();
    super::json::read(one).is_ok() && read(one).is_some_and(|one| Some(one) == read(other))
}

fn unusable(why: &str) -> Unresolved {
    Unresolved { hole: "the signature key".to_owned(), why: why.to_owned() }
}

fn finish<M: Mac>(mac: Result<M, hmac::digest::InvalidLength>, text: &[u8]) -> Result<Vec<u8>, Unresolved> {
    let mut mac = mac.map_err(|_| unusable("its length is wrong"))?;
    mac.update(text);
    Ok(mac.finalize().into_bytes().to_vec())
}

//! Detached JSON Web Signatures: header and signature travel, the payload is the message beside them (RFC 7515,
//! appendix F), with the payload's text signed as base64url or as it is (RFC 7797, `b64`).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

use crate::{
    Curve, EcPrivateKey, EcPublicKey, Error, RsaPrivateKey, RsaPublicKey, rsa_pss_sha256_verify, rsa_sha256_verify,
};

/// The longest detached signature that is read, in bytes of text.
pub const JWS_BYTES_MAX: usize = 16 * 1024;

/// A key that signs, with its algorithm (RFC 7518, section 3.1).
#[derive(Clone, Copy, Debug)]
pub enum JwsKey<'k> {
    /// `RS256`: RSASSA-PKCS1-v1_5 with SHA-256.
    Rs256(&'k RsaPrivateKey),
    /// `PS256`: RSASSA-PSS with SHA-256.
    Ps256(&'k RsaPrivateKey),
    /// `ES256` or `ES512`, as the key's curve says.
    Ec(&'k EcPrivateKey),
}

/// A key that verifies, with the one algorithm that it is good for. What the header names does not choose it.
#[derive(Clone, Copy, Debug)]
pub enum JwsVerifier<'k> {
    /// `RS256`.
    Rs256(&'k RsaPublicKey),
    /// `PS256`.
    Ps256(&'k RsaPublicKey),
    /// `ES256` or `ES512`, as the key's curve says.
    Ec(&'k EcPublicKey),
}

const fn of_curve(curve: Curve) -> &'static str {
    match curve {
        Curve::P256 => "ES256",
        Curve::P521 => "ES512",
    }
}

impl JwsKey<'_> {
    /// The algorithm's name, as the header must state it.
    pub fn algorithm(&self) -> &'static str {
        match self {
            JwsKey::Rs256(_) => "RS256",
            JwsKey::Ps256(_) => "PS256",
            JwsKey::Ec(key) => of_curve(key.curve()),
        }
    }

    /// The detached signature `header..signature` over `payload`. `header` is the JSON text of the protected header, sent as
    /// it is; with `"b64": false` in it the payload is signed as it is, else as base64url.
    ///
    /// # Errors
    /// [`Error::Malformed`] for a header that is no JSON object, names another algorithm, or has `b64` without listing it in
    /// `crit`; [`Error::Signing`] when the key cannot sign.
    pub fn sign_detached(&self, header: &str, payload: &[u8]) -> Result<String, Error> {
        let members = members_of(header.as_bytes())?;
        if members.get("alg").and_then(Value::as_str) != Some(self.algorithm()) {
            return Err(MALFORMED);
        }
        let encoded = URL_SAFE_NO_PAD.encode(header);
        let input = signing_input(&encoded, encodes_payload(&members)?, payload);
        let signature = match self {
            JwsKey::Rs256(key) => key.sign_sha256(&input)?,
            JwsKey::Ps256(key) => key.sign_pss_sha256(&input)?,
            JwsKey::Ec(key) => key.sign(&input)?,
        };
        Ok(format!("{encoded}..{}", URL_SAFE_NO_PAD.encode(signature)))
    }
}

const MALFORMED: Error = Error::Malformed { what: "detached signature" };

/// A detached signature that was read and not yet believed.
#[derive(Clone, Debug)]
pub struct DetachedJws<'t> {
    encoded: &'t str,
    members: Map<String, Value>,
    signature: Vec<u8>,
}

impl<'t> DetachedJws<'t> {
    /// Reads `header..signature`.
    ///
    /// # Errors
    /// [`Error::TooLarge`] over [`JWS_BYTES_MAX`], [`Error::Malformed`] for another form: a payload inside, no base64url, a
    /// header that is no JSON object.
    pub fn read(text: &'t str) -> Result<Self, Error> {
        if text.len() > JWS_BYTES_MAX {
            return Err(Error::TooLarge { what: "detached signature", limit_bytes: JWS_BYTES_MAX });
        }
        let (encoded, signature) = text.split_once("..").ok_or(MALFORMED)?;
        let decode = |part: &str| URL_SAFE_NO_PAD.decode(part).map_err(|_| MALFORMED);
        let (header, signature) = (decode(encoded)?, decode(signature)?);
        Ok(Self { encoded, members: members_of(&header)?, signature })
    }

    /// A text member of the header, such as `kid`. Nothing vouches for it before [`DetachedJws::verify`].
    pub fn text(&self, member: &str) -> Option<&str> {
        self.members.get(member)?.as_str()
    }

    /// A member of the header.
    pub fn member(&self, name: &str) -> Option<&Value> {
        self.members.get(name)
    }

    /// Checks the signature over `payload`. `understood` are the critical members (`crit`) that the caller acts on; `b64` is
    /// understood here.
    ///
    /// # Errors
    /// [`Error::Signature`] when the signature does not fit, the header names another algorithm than the key's, or a critical
    /// member is not understood or not there.
    pub fn verify(&self, key: JwsVerifier<'_>, payload: &[u8], understood: &[&str]) -> Result<(), Error> {
        let algorithm = match key {
            JwsVerifier::Rs256(_) => "RS256",
            JwsVerifier::Ps256(_) => "PS256",
            JwsVerifier::Ec(key) => of_curve(key.curve()),
        };
        let critical = critical(&self.members).ok_or(Error::Signature)?;
        let known = |name: &&str| self.members.contains_key(*name) && (*name == "b64" || understood.contains(name));
        if self.text("alg") != Some(algorithm) || !critical.iter().all(known) {
            return Err(Error::Signature);
        }
        let encodes = encodes_payload(&self.members).map_err(|_| Error::Signature)?;
        let input = signing_input(self.encoded, encodes, payload);
        match key {
            JwsVerifier::Rs256(key) => rsa_sha256_verify(key, &input, &self.signature),
            JwsVerifier::Ps256(key) => rsa_pss_sha256_verify(key, &input, &self.signature),
            JwsVerifier::Ec(key) => key.verify(&input, &self.signature),
        }
    }
}

fn members_of(header: &[u8]) -> Result<Map<String, Value>, Error> {
    serde_json::from_slice(header).map_err(|_| MALFORMED)
}

/// The names under `crit`; `None` when it is there and not a list of texts with one at least.
fn critical(members: &Map<String, Value>) -> Option<Vec<&str>> {
    match members.get("crit") {
        None => Some(Vec::new()),
        Some(Value::Array(names)) if !names.is_empty() => names.iter().map(Value::as_str).collect(),
        Some(_) => None,
    }
}

/// Whether the payload is signed as base64url; `b64` must be critical where it stands (RFC 7797, section 6).
fn encodes_payload(members: &Map<String, Value>) -> Result<bool, Error> {
    match members.get("b64") {
        None => Ok(true),
        Some(Value::Bool(encodes)) => {
            let listed = critical(members).is_some_and(|critical| critical.contains(&"b64"));
            if listed { Ok(*encodes) } else { Err(MALFORMED) }
        }
        Some(_) => Err(MALFORMED),
    }
}

fn signing_input(encoded: &str, encodes_payload: bool, payload: &[u8]) -> Vec<u8> {
    let mut input = format!("{encoded}.").into_bytes();
    if encodes_payload {
        input.extend_from_slice(URL_SAFE_NO_PAD.encode(payload).as_bytes());
    } else {
        input.extend_from_slice(payload);
    }
    input
}

//! Signatures of requests: HTTP message signatures (RFC 9421) on P-521, in headers of GoCardless's own names.
//!
//! <https://developer.gocardless.com/gc-embed/api-request-signing/>; form of the signature (DER) and name of the digest as in the
//! vendor's library for Node.js (`apiRequestSigning.ts`).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::CONTENT_TYPE;
use quittance::*;
use quittance_crypto::{Curve, EcPrivateKey};
use schemars::JsonSchema;
use serde::Deserialize;

/// A key of the dashboard's "API request keys".
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Signing {
    /// The id that GoCardless gave to the public key (`RSK…`).
    pub id: String,
    /// The private key on the curve P-521, as PEM.
    pub private_key: Secret,
}

/// Signs every request of an account.
pub(crate) struct Signer {
    id: String,
    key: EcPrivateKey,
}

impl Signer {
    pub(crate) fn of(given: &Signing) -> Result<Signer> {
        let unusable = |_| {
            Error::new(Kind::Credentials, Effect::None, "expected a PEM private key on P-521")
                .in_field("signing.private_key")
        };
        let pair = EcPrivateKey::from_pem(Curve::P521, given.private_key.expose()).map_err(unusable)?;
        Ok(Signer { id: given.id.clone(), key: pair })
    }

    /// Adds the signature over method, host, path and query, and over the body where there is one.
    pub(crate) fn sign<'a>(&self, cx: &Context<'_>, call: Call<'a>) -> Call<'a> {
        let (created, nonce) = (cx.now().as_second(), cx.uuid());
        call.sign(|draft| {
            let Draft { method, host, path, headers, body } = draft;
            let mut covered = "\"@method\" \"@authority\" \"@request-target\"".to_owned();
            let mut base = format!("\"@method\": {method}\n\"@authority\": {host}\n\"@request-target\": {path}\n");
            let mut added = Vec::new();
            if !body.is_empty() {
                let digest = format!("sha256=:{}:", STANDARD.encode(digest::sha256(body)));
                let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
                let length = body.len();
                let parts =
                    format!("\"content-digest\": {digest}\n\"content-type\": {kind}\n\"content-length\": {length}\n");
                base.push_str(&parts);
                covered.push_str(" \"content-digest\" \"content-type\" \"content-length\"");
                added.push(("content-digest", digest));
            }
            let parameters = format!("({covered});keyid=\"{}\";created={created};nonce=\"{nonce}\"", self.id);
            base.push_str(&format!("\"@signature-params\": {parameters}"));
            let cannot = |_| Error::new(Kind::Credentials, Effect::None, "the key cannot sign");
            let signature = STANDARD.encode(self.key.sign_der(base.as_bytes()).map_err(cannot)?);
            added.push(("gc-signature-input", format!("sig-1={parameters}")));
            added.push(("gc-signature", format!("sig-1=:{signature}:")));
            Ok(added)
        })
    }
}

//! What the merchant signs: message bodies, and the request with which customers are sent to the bank.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use quittance::digest::{self, Hash};
use quittance::{Context, Effect, Error, Fields as _, Kind, Pairs, Result, Timestamp};
use quittance_crypto::{JwsKey, RsaPrivateKey};
use serde::Serialize;

use crate::Registration;
use crate::wire::Discovery;

/// Where the public half of the signing key is found.
const TRUST_ANCHOR: &str = "openbanking.org.uk";
/// For how long a signed request is good.
const REQUEST_SECONDS: i64 = 600;
/// For how long an assertion is good.
const ASSERTION_SECONDS: i64 = 60;
const RESPONSE_TYPE: &str = "code id_token";
const SCOPE: &str = "openid payments";

/// The JOSE header of message signing (Read-Write API Profile, "Process for Signing a Payload").
#[derive(Serialize)]
struct Header<'a> {
    alg: &'static str,
    kid: &'a str,
    #[serde(rename = "http://openbanking.org.uk/iat")]
    signed_at: i64,
    #[serde(rename = "http://openbanking.org.uk/iss")]
    signer: &'a str,
    #[serde(rename = "http://openbanking.org.uk/tan")]
    trust_anchor: &'static str,
    crit: [&'static str; 3],
}

/// The detached signature over a body.
pub(crate) fn detached(by: &Registration, key: &RsaPrivateKey, now: Timestamp, body: &[u8]) -> Result<String> {
    let header = Header {
        alg: "PS256",
        kid: &by.kid,
        signed_at: now.as_second(),
        signer: &by.signer,
        trust_anchor: TRUST_ANCHOR,
        crit: ["http://openbanking.org.uk/iat", "http://openbanking.org.uk/iss", "http://openbanking.org.uk/tan"],
    };
    sign(key, &json(&header)?, body)
}

#[derive(Serialize)]
struct PlainHeader<'a> {
    alg: &'static str,
    kid: &'a str,
}

/// The request object (OpenID Connect Core, section 6.1, with the members that FAPI 1.0 asks for).
#[derive(Serialize)]
struct RequestObject<'a> {
    iss: &'a str,
    aud: &'a str,
    iat: i64,
    nbf: i64,
    exp: i64,
    client_id: &'a str,
    response_type: &'static str,
    redirect_uri: &'a str,
    scope: &'static str,
    state: &'a str,
    nonce: &'a str,
    claims: Claims<'a>,
}

#[derive(Serialize)]
struct Claims<'a> {
    id_token: IdToken<'a>,
}

#[derive(Serialize)]
struct IdToken<'a> {
    openbanking_intent_id: Wanted<'a>,
    acr: OneOf,
}

#[derive(Serialize)]
struct Wanted<'a> {
    value: &'a str,
    essential: bool,
}

#[derive(Serialize)]
struct OneOf {
    essential: bool,
    values: [&'static str; 2],
}

/// The page at which the customer authorises the consent.
pub(crate) fn page(
    by: &Registration,
    key: &RsaPrivateKey,
    bank: &Discovery,
    cx: &Context<'_>,
    consent: &str,
) -> Result<String> {
    let now = cx.now().as_second();
    // The same for the same consent, so that a call made again gives the same page; nobody else can make it.
    let nonce = hex::encode(digest::hmac(Hash::Sha256, by.signing_key.expose().as_bytes(), &[consent.as_bytes()]));
    let object = RequestObject {
        iss: &by.client_id,
        aud: &bank.issuer,
        iat: now,
        nbf: now,
        exp: now.saturating_add(REQUEST_SECONDS),
        client_id: &by.client_id,
        response_type: RESPONSE_TYPE,
        redirect_uri: &by.return_url,
        scope: SCOPE,
        state: consent,
        nonce: &nonce,
        claims: Claims {
            id_token: IdToken {
                openbanking_intent_id: Wanted { value: consent, essential: true },
                acr: OneOf { essential: true, values: ["urn:openbanking:psd2:sca", "urn:openbanking:psd2:ca"] },
            },
        },
    };
    let signed = whole(by, key, &object)?;
    // Repeated outside the object, as OpenID Connect asks.
    let mut query = Pairs::new();
    query.set("response_type", RESPONSE_TYPE);
    query.set("client_id", by.client_id.as_str());
    query.set("scope", SCOPE);
    query.set("redirect_uri", by.return_url.as_str());
    query.set("state", consent);
    query.set("nonce", nonce.as_str());
    query.set("request", signed);
    Ok(format!("{}?{}", bank.authorization_endpoint, query.encoded()?))
}

/// What the client says of itself at the token endpoint (RFC 7523, section 3).
#[derive(Serialize)]
struct Assertion<'a> {
    iss: &'a str,
    sub: &'a str,
    aud: &'a str,
    jti: &'a str,
    iat: i64,
    exp: i64,
}

/// The assertion by which the client authenticates, good for one request.
pub(crate) fn assertion(by: &Registration, key: &RsaPrivateKey, cx: &Context<'_>, endpoint: &str) -> Result<String> {
    let (client, now) = (by.client_id.as_str(), cx.now().as_second());
    let exp = now.saturating_add(ASSERTION_SECONDS);
    whole(by, key, &Assertion { iss: client, sub: client, aud: endpoint, jti: &cx.uuid(), iat: now, exp })
}

/// A signed token with its content inside.
fn whole(by: &Registration, key: &RsaPrivateKey, content: &impl Serialize) -> Result<String> {
    let payload = json(content)?;
    let detached = sign(key, &json(&PlainHeader { alg: "PS256", kid: &by.kid })?, payload.as_bytes())?;
    Ok(detached.replacen("..", &format!(".{}.", URL_SAFE_NO_PAD.encode(&payload)), 1))
}

fn sign(key: &RsaPrivateKey, header: &str, payload: &[u8]) -> Result<String> {
    JwsKey::Ps256(key).sign_detached(header, payload).map_err(|why| unsigned(&why.to_string()))
}

fn json(value: &impl Serialize) -> Result<String> {
    serde_json::to_string(value).map_err(|why| unsigned(&why.to_string()))
}

fn unsigned(why: &str) -> Error {
    Error::new(Kind::Credentials, Effect::None, format!("cannot sign: {why}")).in_field("signing_key")
}

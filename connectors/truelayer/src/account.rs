//! The application's token, signatures of requests, and the proof of webhooks.

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use quittance::*;
use quittance_crypto::{Curve, DetachedJws, EcPublicKey, JwsKey, JwsVerifier};
use serde::{Serialize, de::DeserializeOwned};

use crate::{MandateUse, TOLERANCE_SECONDS, Truelayer, wire};

/// The one version of signatures.
const VERSION: &str = "2";

/// How long a key of the webhooks is kept.
const KEY_LIFE: Duration = Duration::from_secs(3600);

impl Truelayer {
    pub(crate) fn domain(&self) -> &'static str {
        match self.credentials.environment {
            Environment::Live => "truelayer.com",
            Environment::Sandbox => "truelayer-sandbox.com",
        }
    }

    fn url(&self, service: &str, path: &str) -> String {
        format!("https://{service}.{}{path}", self.domain())
    }

    pub(crate) fn get<'a>(&self, cx: &'a Context<'_>, path: &str) -> Call<'a> {
        cx.get(self.url("api", path))
    }

    /// A signed POST: the signature covers method, path, idempotency key and body
    /// (<https://github.com/TrueLayer/truelayer-signing>).
    pub(crate) fn post<'a, T: Serialize>(
        &self,
        cx: &'a Context<'_>,
        path: &str,
        key: &str,
        body: Option<&T>,
    ) -> Result<Call<'a>> {
        let signer = JwsKey::Ec(&self.key);
        let header = wire::Header {
            alg: signer.algorithm(),
            kid: &self.credentials.signing_key_id,
            tl_version: VERSION,
            tl_headers: "Idempotency-Key",
        };
        let header = serde_json::to_string(&header).map_err(|_| unusable())?;
        let call = cx.post(self.url("api", path)).header("idempotency-key", key);
        let call = match body {
            Some(body) => call.json(body),
            None => call,
        };
        Ok(call.sign(|draft| {
            let mut payload = format!("{} {}\nIdempotency-Key: {key}\n", draft.method, draft.path).into_bytes();
            payload.extend_from_slice(draft.body);
            let signature = signer.sign_detached(&header, &payload).map_err(|_| unusable())?;
            Ok(vec![("tl-signature", signature)])
        }))
    }

    pub(crate) async fn read<T: DeserializeOwned>(&self, cx: &Context<'_>, call: Call<'_>) -> Result<T> {
        self.send(cx, call).await?.json()
    }

    /// The one funnel: with the access token, which is forgotten when TrueLayer refuses it.
    pub(crate) async fn send(&self, cx: &Context<'_>, call: Call<'_>) -> Result<Reply> {
        let name = format!("truelayer {} {}", self.domain(), self.credentials.client_id);
        let token = cx.token(&name, self.fetch_token(cx)).await?;
        let reply = call.bearer(&token).send().await?;
        if reply.is_success() {
            return Ok(reply);
        }
        if reply.status() == 401 {
            cx.forget_token(&name).await;
        }
        Err(fault(&reply))
    }

    /// What the application may do (<https://docs.truelayer.com/docs/create-a-payment-mandate>); TrueLayer refuses a scope that it has not enabled.
    fn scope(&self) -> &'static str {
        match self.credentials.mandates {
            Some(MandateUse::Sweeping) => "payments recurring_payments:sweeping",
            Some(MandateUse::Commercial) => "payments recurring_payments:commercial",
            _ => "payments",
        }
    }

    async fn fetch_token(&self, cx: &Context<'_>) -> Result<(Secret, Duration)> {
        let secret = &self.credentials.client_secret;
        cx.protect(secret.expose());
        let mut form = Pairs::new();
        form.set("grant_type", "client_credentials");
        form.set("client_id", &self.credentials.client_id);
        form.set("client_secret", secret.expose());
        form.set("scope", self.scope());
        let reply = cx.post(self.url("auth", "/connect/token")).harmless().form(&form).send().await?;
        if reply.is_success() {
            let token: wire::Token = reply.json()?;
            return Ok((token.access_token, Duration::from_secs(token.expires_in)));
        }
        let error = fault(&reply);
        match error.code() {
            Some("invalid_client") => Err(error.of_kind(Kind::Credentials)),
            _ => Err(error),
        }
    }

    /// Vouches for a webhook by its signature over method, path, time and body
    /// (<https://docs.truelayer.com/docs/payments-api-webhook-reference>); everything that needs no key is checked before one
    /// is fetched, and keys come from the environment's own address only.
    pub(crate) async fn vouch<'d>(&self, cx: &Context<'_>, delivery: &'d Delivery) -> Result<Authentic<'d>> {
        let unproven = |why: &str| Error::signature(format!("tl-signature: {why}"));
        let jws = DetachedJws::read(delivery.header("tl-signature")?).map_err(|why| unproven(&why.to_string()))?;
        let place = self.url("webhooks", "/.well-known/jwks");
        if jws.text("jku") != Some(place.as_str()) || jws.text("tl_version") != Some(VERSION) {
            return Err(unproven("of another place or version"));
        }
        let names: Vec<&str> = jws.text("tl_headers").unwrap_or_default().split(',').collect();
        if !names.iter().any(|name| name.eq_ignore_ascii_case("x-tl-webhook-timestamp")) {
            return Err(unproven("the time is not signed"));
        }
        let time: Timestamp =
            delivery.header("x-tl-webhook-timestamp")?.parse().map_err(|_| unproven("the time is none"))?;
        check_age(cx, time.as_second(), TOLERANCE_SECONDS)?;
        let mut head = String::new();
        for name in names {
            head.push_str(&format!("{name}: {}\n", delivery.header(&name.to_ascii_lowercase())?));
        }
        let url = delivery.url().ok_or_else(|| unproven("the address of the delivery is not known"))?;
        let path = path_of(url);
        let kid = jws.text("kid").filter(|kid| !kid.is_empty() && kid.len() <= 64).ok_or_else(|| unproven("no key"))?;
        let name = format!("truelayer key {place} {kid}");
        let key = match cx.token(&name, self.fetch_key(cx, &place, kid)).await {
            Err(error) if error.kind() == Kind::NotFound => return Err(unproven("the key is not truelayer's")),
            key => key?,
        };
        let key = point(key.expose()).ok_or_else(|| unproven("the key is not on p-521"))?;
        delivery.vouch(|body| {
            let holds = |path: &str| {
                let signed = [format!("POST {path}\n{head}").as_bytes(), body].concat();
                jws.verify(JwsVerifier::Ec(&key), &signed, &[]).is_ok()
            };
            // The vendor's libraries take the path with and without a slash at its end.
            let other = path.strip_suffix('/').map_or_else(|| format!("{path}/"), str::to_owned);
            if holds(path) || holds(&other) { Ok(()) } else { Err(unproven("it does not agree")) }
        })
    }

    /// A key of the webhooks as `x.y`, and how long it is kept.
    async fn fetch_key(&self, cx: &Context<'_>, place: &str, kid: &str) -> Result<(Secret, Duration)> {
        let reply = cx.get(place).send().await?;
        if !reply.is_success() {
            return Err(fault(&reply));
        }
        let keys: wire::Keys = reply.json()?;
        let wanted = |key: &wire::Jwk| key.kid.as_deref() == Some(kid) && key.crv.as_deref() == Some("P-521");
        let found = keys.keys.into_iter().find(wanted).and_then(|key| Some(format!("{}.{}", key.x?, key.y?)));
        let missing = || Error::new(Kind::NotFound, Effect::None, "no such key is published");
        Ok((Secret::new(found.ok_or_else(missing)?), KEY_LIFE))
    }
}

fn point(text: &str) -> Option<EcPublicKey> {
    let (x, y) = text.split_once('.')?;
    let [x, y] = [x, y].map(|part| URL_SAFE_NO_PAD.decode(part).ok());
    EcPublicKey::from_coordinates(Curve::P521, &x?, &y?).ok()
}

/// The path of a URL, without its query.
fn path_of(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let path = rest.find('/').and_then(|at| rest.get(at..)).unwrap_or("/");
    path.split(['?', '#']).next().unwrap_or("/")
}

fn unusable() -> Error {
    Error::new(Kind::Credentials, Effect::None, "the key cannot sign").in_field("signing_key")
}

/// The path of an object, or of something below it.
pub(crate) fn at(collection: &str, handle: &Handle, below: &str) -> Result<String> {
    Ok(format!("{collection}/{}{below}", handle.segment()?))
}

/// The error that an answer stands for: the code is what stands behind `#` in the problem's type.
fn fault(reply: &Reply) -> Error {
    let error = reply.fault(|problem: wire::Problem| Fault {
        code: problem.error.or(problem.kind.and_then(|kind| Some(kind.rsplit_once('#')?.1.to_owned()))),
        message: problem.detail.or(problem.title),
        field: problem.errors.and_then(|errors| errors.into_iter().next()).map(|(field, _)| field),
    });
    match error.code() {
        Some("invalid-state" | "idempotency-key-reuse") => error.of_kind(Kind::Conflict),
        Some("concurrency-conflict" | "idempotency-key-concurrency-conflict") => error.in_progress(),
        _ => error,
    }
}

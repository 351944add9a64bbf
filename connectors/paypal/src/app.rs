//! The account at PayPal's REST platform: access token, errors, and the proof of webhooks
//! (<https://developer.paypal.com/api/rest/>).

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use quittance::body::Json;
use quittance::*;
use quittance_crypto::{Certificate, rsa_sha256_verify};
use schemars::JsonSchema;
use serde::{Deserialize, de::DeserializeOwned};

use crate::{codes, wire};

/// How far a delivery's transmission time may be from now; PayPal dates every attempt anew.
pub(crate) const TOLERANCE_SECONDS: u32 = 300;

/// A REST app of a PayPal business account, as the developer dashboard shows it under "Apps & Credentials".
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct App {
    /// Client ID of the app.
    client_id: String,
    /// Secret of the app.
    client_secret: Secret,
    /// ID of the app's webhook, needed to read deliveries.
    webhook_id: Option<String>,
    /// `sandbox` or `live`; each has apps of its own.
    #[serde(default)]
    environment: Environment,
}

/// An answer, or the refusal of the payment.
pub(crate) type Asked<T> = std::result::Result<T, Decline>;

impl App {
    fn zone(&self) -> &'static str {
        if self.environment == Environment::Live { "" } else { "sandbox." }
    }

    fn url(&self, path: &str) -> String {
        format!("https://api-m.{}paypal.com{path}", self.zone())
    }

    pub(crate) fn get<'a>(&self, cx: &'a Context<'_>, path: &str) -> Call<'a> {
        cx.get(self.url(path))
    }

    /// A call with the idempotency key; the caller adds a body, if there is one.
    pub(crate) fn call<'a>(&self, cx: &'a Context<'_>, method: http::Method, path: &str, key: &Key) -> Call<'a> {
        cx.call(method, self.url(path)).header("paypal-request-id", key.as_str())
    }

    /// A POST of `body` that asks for the whole object back.
    pub(crate) fn post<'a>(&self, cx: &'a Context<'_>, path: &str, key: &Key, body: Json<'_>) -> Call<'a> {
        let call = self.call(cx, http::Method::POST, path, key);
        call.header("prefer", "return=representation").json(&body)
    }

    /// The one funnel: with the access token, which is fetched anew and tried once more when PayPal refuses it.
    pub(crate) async fn send(&self, cx: &Context<'_>, call: Call<'_>) -> Result<Reply> {
        let name = format!("paypal {} {}", self.url(""), self.client_id);
        call.send_with_token(&name, || self.fetch_token(cx)).await
    }

    async fn fetch_token(&self, cx: &Context<'_>) -> Result<(Secret, Duration)> {
        let call = cx.post(self.url("/v1/oauth2/token")).harmless().basic(&self.client_id, &self.client_secret);
        let mut form = Pairs::new();
        form.set("grant_type", "client_credentials");
        let reply = call.form(&form).send().await?;
        if reply.is_success() { reply.token() } else { Err(fault(&reply)) }
    }

    pub(crate) async fn read<T: DeserializeOwned>(&self, cx: &Context<'_>, call: Call<'_>) -> Result<T> {
        let reply = self.send(cx, call).await?;
        if reply.is_success() { reply.json() } else { Err(fault(&reply)) }
    }

    /// As [`App::read`], with a refusal of the payment (422 and an issue that says so) told apart from an error.
    pub(crate) async fn ask<T: DeserializeOwned>(&self, cx: &Context<'_>, call: Call<'_>) -> Result<Asked<T>> {
        let reply = self.send(cx, call).await?;
        if reply.is_success() {
            return reply.json().map(Ok);
        }
        let error = fault(&reply);
        match error.code().and_then(|code| Some(Decline::with_code(codes::issue_reason(code)?, code))) {
            Some(decline) if reply.status() == 422 => {
                Ok(Err(Decline { message: Some(error.message().to_owned()), ..decline }))
            }
            _ => Err(error),
        }
    }

    /// Vouches for a delivery by PayPal's signature over `transmission id|transmission time|webhook id|CRC-32 of the body`
    /// (developer.paypal.com/api/rest/webhooks/rest, "Self verification method").
    ///
    /// The certificate is vouched for by the host that serves it, so it is taken only from PayPal's own folder for the
    /// environment, and must bear PayPal's name for the purpose. It is kept for a day. Everything that can be checked
    /// without it is checked before it is fetched.
    pub(crate) async fn vouch<'d>(&self, cx: &Context<'_>, delivery: &'d Delivery) -> Result<Authentic<'d>> {
        let unset = || Error::new(Kind::Credentials, Effect::None, "deliveries need it").in_field("webhook_id");
        let webhook = self.webhook_id.as_deref().ok_or_else(unset)?;
        let zone = self.zone();
        let folder = format!("https://api.{zone}paypal.com/v1/notifications/certs/");
        let (id, time) = (delivery.header("paypal-transmission-id")?, delivery.header("paypal-transmission-time")?);
        let sent: Timestamp = time.parse().map_err(|_| Error::signature("paypal-transmission-time is no time"))?;
        check_age(cx, sent.as_second(), TOLERANCE_SECONDS)?;
        if !delivery.header("paypal-auth-algo")?.eq_ignore_ascii_case("SHA256withRSA") {
            return Err(Error::signature("paypal-auth-algo names another algorithm than SHA256withRSA"));
        }
        let signature = STANDARD.decode(delivery.header("paypal-transmission-sig")?);
        let signature = signature.map_err(|_| Error::signature("paypal-transmission-sig is not base64"))?;
        let url = delivery.header("paypal-cert-url")?;
        if !url.strip_prefix(folder.as_str()).is_some_and(is_id) {
            return Err(Error::signature("paypal-cert-url is not a certificate of paypal"));
        }
        let pem = cx.token(url, fetch_certificates(cx, url)).await?;
        let chain = certificates(pem.expose())?;
        let name = format!("messageverificationcerts.{zone}paypal.com");
        let leaf = chain.first().filter(|leaf| leaf.is_for(&name) && leaf.valid_at(cx.now().as_second()));
        let leaf = leaf.ok_or_else(|| Error::signature("the certificate is not valid now for paypal's messages"))?;
        delivery.vouch(|body| {
            let signed = format!("{id}|{time}|{webhook}|{}", crc32fast::hash(body));
            let verdict = rsa_sha256_verify(leaf.public_key(), signed.as_bytes(), &signature);
            verdict.map_err(|why| Error::signature(why.to_string()))
        })
    }
}

/// The certificates under `url`, and how long they may be kept.
async fn fetch_certificates(cx: &Context<'_>, url: &str) -> Result<(Secret, Duration)> {
    let reply = cx.get(url).send().await?;
    if !reply.is_success() {
        return Err(fault(&reply));
    }
    certificates(reply.text()?).map_err(|error| Error::protocol(error.message()))?;
    Ok((Secret::new(reply.text()?), Duration::from_secs(86_400)))
}

fn certificates(pem: &str) -> Result<Vec<Certificate>> {
    Certificate::read_pem(pem.as_bytes()).map_err(|why| Error::signature(format!("certificate of the delivery: {why}")))
}

/// PayPal's ids are letters, digits, hyphens and underscores; nothing else goes into a path.
fn is_id(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
}

/// The path of an object, or of a verb on it.
pub(crate) fn at(collection: &str, id: &str, verb: &str) -> Result<String> {
    match is_id(id) {
        true => Ok(format!("{collection}/{id}{verb}")),
        false => Err(Error::new(Kind::NotFound, Effect::None, "the handle holds no id of paypal")),
    }
}

/// The error that an answer stands for: code, text and field of the first detail, else of the body. An issue that tells of
/// another state than the call needs is a conflict, though PayPal sends it under 422. Another says that an earlier
/// call on the object still runs (409; errors of the OpenAPI document of Payments v2).
pub(crate) fn fault(reply: &Reply) -> Error {
    let body: wire::Fault = reply.json().unwrap_or_default();
    let detail = body.details.into_iter().next().unwrap_or_default();
    let text = detail.description.or(body.message).or(body.error_description);
    let support = body.debug_id.map(|id| format!(" (debug id {id})")).unwrap_or_default();
    let code = detail.issue.or(body.name).or(body.error);
    let conflict = (400..500).contains(&reply.status()) && code.as_deref().is_some_and(codes::is_conflict);
    let message = text.map(|text| text + &support);
    let running = code.as_deref() == Some("PREVIOUS_REQUEST_IN_PROGRESS");
    let error = reply.fault_with(Fault { code, message, field: detail.field });
    let error = if running { error.in_progress() } else { error };
    if conflict { error.of_kind(Kind::Conflict) } else { error }
}

//! Microform: fields for a card on a page of the merchant's, out of which the number goes to the gateway alone. They start with a session
//! (the "capture context": a JWT, whose signature the library in the browser checks); the token that they give is a [`Method::CardToken`],
//! good for 15 minutes or one authorization.
//!
//! Source: developer.cybersource.com/docs/cybs/en-us/digital-accept-flex, "Creating the Server-Side Capture Context"; the answer:
//! developer.cybersource.com/demo/doc/capture_context_doc.html.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use quittance::body::{object, text};
use quittance::*;
use serde::Deserialize;

use crate::{DONE, Gateway, Merchant, build, codes};

/// What is read of a JWT: when a session runs out, and the id by which the payer authentication knows a card token.
#[derive(Deserialize)]
struct Claims {
    exp: Option<i64>,
    jti: Option<String>,
}

impl<G: Gateway> Merchant<G> {
    pub(crate) async fn open(&self, cx: &Context<'_>, request: &OpenSession) -> Result<Session> {
        let domain = request.domain.as_deref();
        let domain = domain.ok_or_else(|| Error::invalid("domain", "a session is for a page of this domain"))?;
        let body = object([
            text("clientVersion", "v2"),
            build::words("targetOrigins", [format!("https://{domain}")]),
            build::words("allowedCardNetworks", codes::networks()),
            build::words("allowedPaymentTypes", ["CARD"]),
        ]);
        let call = self.post(cx, "/microform/v2/sessions", &body).header("accept", "application/jwt");
        let reply = self.ask(call, DONE).await?;
        let token = reply.text()?;
        let expires = claims(token).and_then(|claims| Timestamp::from_second(claims.exp?).ok());
        let expires = expires.ok_or_else(|| Error::protocol("the session is not a JWT that runs out"))?;
        Ok(Session { handle: None, token: Secret::new(token), expires: Some(expires) })
    }
}

/// The id of a card token. It stands for the card too.
pub(crate) fn id_of(cx: &Context<'_>, token: &Secret) -> Result<String> {
    let id = claims(token.expose()).and_then(|claims| claims.jti);
    let id = id.ok_or_else(|| Error::invalid("method", "the card token is not one of Microform's"))?;
    cx.protect(&id);
    Ok(id)
}

/// The claims of a JWT, whoever has signed it.
fn claims(jwt: &str) -> Option<Claims> {
    let mut parts = jwt.split('.').map(|part| URL_SAFE_NO_PAD.decode(part).ok().filter(|part| !part.is_empty()));
    let (Some(_), Some(claims), Some(_), None) = (parts.next()?, parts.next()?, parts.next()?, parts.next()) else {
        return None;
    };
    serde_json::from_slice(&claims).ok()
}

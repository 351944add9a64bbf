//! Notifications (docs: Webhooks Implementation Guide, version 3). A key of their own signs the time and the `payload`, without what stands
//! around it: so a delivery only says which transaction is to be looked up.
//!
//! - The payload is signed as compact JSON, as the vendor's own cartridges check it (`cybersource-plugins-commercetools`,
//!   `AuthenticationHelper.ts`; `cybersource-plugins-rest-salesforceb2ccommerce`, `WebhookNotification.js`), for an hour.
//! - Events of the product `payments` have a payload that is sealed for a certificate of the merchant's. Where in it the key stands is not
//!   published; such a delivery is refused. Those of Decision Manager and of card processing come open.
//! - Which member names the transaction is shown for token events only: `data.id` is read, or `id` where the payload is the transaction.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use quittance::digest::Hash;
use quittance::*;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::lookup::{AUTHORIZATION, CAPTURE, CREDIT, REVERSAL, VOID, refunded};
use crate::wire::Answer;
use crate::{Gateway, Merchant, checks};

/// How long a signature is good.
pub(crate) const AGE_SECONDS: u32 = 3600;

/// The events that are about payments: what became of a request, and how a review ended.
const ABOUT_PAYMENTS: [&str; 3] = ["payments.", "risk.casemanagement.decision.", "risk.profile.decision."];

/// A notification, of which `payload` is signed.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Notification {
    event_type: String,
    payload: Box<RawValue>,
}

impl<G: Gateway> Merchant<G> {
    pub(crate) async fn notified(&self, cx: &Context<'_>, delivery: &Delivery) -> Result<Vec<Event>> {
        let Notification { event_type: name, payload } = self.proven(cx, delivery)?;
        let event = |name, body| Ok(vec![Event { id: None, at: None, name, body }]);
        if !ABOUT_PAYMENTS.iter().any(|start| name.starts_with(start)) {
            return event(name, EventBody::Ignored);
        }
        let told: Answer = serde_json::from_str(payload.get())
            .map_err(|_| Error::protocol("the payload of the notification cannot be read"))?;
        let found = self.details(cx, told.told()?).await?;
        let root = found.root()?.to_owned();
        let is = |service| found.service(service).map(|ended| ended.is_some());
        let body = if is(CREDIT)? || is(checks::CREDIT)? {
            EventBody::Refund(refunded(&found)?)
        } else if (is(AUTHORIZATION)? || is(checks::DEBIT)?) && found.id()? == root {
            EventBody::Payment(self.follow(cx, &found).await?)
        } else if is(CAPTURE)? || is(REVERSAL)? || is(VOID)? {
            EventBody::Payment(self.look_at(cx, &root).await?)
        } else if found.is_other() {
            EventBody::Ignored
        } else {
            return Err(Error::protocol("the transaction is neither a payment nor a refund"));
        };
        event(name, body)
    }

    /// The notification, when its payload is signed (docs: "Validating a Notification with the Digital Signature Key").
    fn proven(&self, cx: &Context<'_>, delivery: &Delivery) -> Result<Notification> {
        let header = delivery.header("v-c-signature")?;
        let part = |name: &str| {
            let parts = header.split(';').filter_map(|part| part.trim().split_once('='));
            parts.into_iter().find(|(own, _)| *own == name).map(|(_, value)| value)
        };
        let unsigned = || Error::signature("the header v-c-signature has no time in milliseconds, or no signature");
        let time = part("t").ok_or_else(unsigned)?;
        let moment: i64 = time.parse().map_err(|_| unsigned())?;
        let given = part("sig").and_then(|given| STANDARD.decode(given).ok()).ok_or_else(unsigned)?;
        check_age(cx, moment.div_euclid(1000), AGE_SECONDS)?;
        let notification: Notification = delivery
            .untrusted(|body| body.json())
            .map_err(|_| Error::signature("the notification has no payload that could be signed"))?;
        let key = self.credentials.webhook_key.as_ref().and_then(|key| STANDARD.decode(key.expose()).ok());
        let payload = compact(notification.payload.get());
        let signed = [Signed::Text(time), Signed::Text("."), Signed::Text(&payload)];
        delivery.hmac(Hash::Sha256, &key.unwrap_or_default(), &signed, &given)?;
        Ok(notification)
    }
}

/// JSON without the white space between its parts.
fn compact(json: &str) -> String {
    let (mut quoted, mut escaped) = (false, false);
    let keep = |letter: &char| {
        let white = letter.is_ascii_whitespace() && !quoted;
        quoted ^= *letter == '"' && !escaped;
        escaped = *letter == '\\' && !escaped;
        !white
    };
    json.chars().filter(keep).collect()
}

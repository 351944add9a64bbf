//! Webhook deliveries: unreadable until vouched for.

use bytes::Bytes;
use http::HeaderMap;
use serde::de::DeserializeOwned;

use crate::digest::{self, Hash};
use crate::read;
use crate::{Context, Error, Result};

/// A webhook delivery as it arrived. Its body can only be read through a check.
///
/// ```
/// use quittance::digest::{Hash, hmac};
/// use quittance::http::HeaderMap;
/// use quittance::{Delivery, Signed};
///
/// let body = r#"{"id":"p1","status":"paid"}"#;
/// let signature = hmac(Hash::Sha256, b"whsec_1", &[body.as_bytes()]);
/// let delivery = Delivery::new(HeaderMap::new(), body);
///
/// let vouched = delivery.hmac(Hash::Sha256, b"whsec_1", &[Signed::Body], &signature)?;
/// assert_eq!(vouched.text()?, body);
/// // Under another key there is nothing to read.
/// assert!(delivery.hmac(Hash::Sha256, b"whsec_2", &[Signed::Body], &signature).is_err());
/// # Ok::<(), quittance::Error>(())
/// ```
#[derive(Clone)]
pub struct Delivery {
    headers: HeaderMap,
    url: Option<String>,
    body: Bytes,
}

/// A piece of the text that a provider signs.
#[derive(Clone, Copy, Debug)]
pub enum Signed<'p> {
    /// Known text.
    Text(&'p str),
    /// The body, byte for byte.
    Body,
}

/// How a provider writes a time and digests into one header, as `t=1767225600,v1=9f86…,v1=60303…`.
#[derive(Clone, Copy, Debug)]
pub struct Dated {
    /// The hash under the keyed digest.
    pub hash: Hash,
    /// The name of the time, in Unix seconds (`t`).
    pub time: &'static str,
    /// The name of a digest, in hex (`v1`). There are several while the provider rolls keys.
    pub digest: &'static str,
    /// What stands between the time and the body in the signed text (`.`).
    pub joint: &'static str,
    /// How far the time may be from now, seconds.
    pub tolerance_seconds: u32,
}

/// A delivery whose origin is proven.
#[derive(Clone, Copy)]
pub struct Authentic<'d>(&'d Delivery);

impl Delivery {
    /// A delivery with its headers and its body, byte for byte as received.
    pub fn new(headers: HeaderMap, body: impl Into<Bytes>) -> Delivery {
        Delivery { headers, url: None, body: body.into() }
    }

    /// Adds the public URL at which it arrived, for providers that sign it.
    #[must_use]
    pub fn at_url(mut self, url: impl Into<String>) -> Delivery {
        self.url = Some(url.into());
        self
    }

    /// The public URL at which it arrived, if it was given.
    pub fn url(&self) -> Option<&str> {
        self.url.as_deref()
    }

    /// A header by lower-case name; missing or unreadable is a signature error, since checks need it.
    pub fn header(&self, name: &str) -> Result<&str> {
        let value = self.headers.get(name).ok_or_else(|| Error::signature(format!("header {name} is missing")))?;
        value.to_str().map_err(|_| Error::signature(format!("header {name} is not text")))
    }

    /// Vouches by a keyed digest over `signed`; `given` is the digest that came, decoded. An empty key vouches for nothing: anybody
    /// can sign with it.
    pub fn hmac(&self, hash: Hash, key: &[u8], signed: &[Signed<'_>], given: &[u8]) -> Result<Authentic<'_>> {
        if key.is_empty() {
            return Err(Error::signature("the webhook secret is empty, set it in the credentials"));
        }
        let parts: Vec<&[u8]> = signed
            .iter()
            .map(|part| match part {
                Signed::Text(text) => text.as_bytes(),
                Signed::Body => &self.body,
            })
            .collect();
        match digest::same(&digest::hmac(hash, key, &parts), given) {
            true => Ok(Authentic(self)),
            false => Err(Error::signature("the signature does not agree")),
        }
    }

    /// Vouches by a header that holds a time and one or more keyed digests over time, joint and body.
    pub fn dated_hmac(&self, cx: &Context<'_>, header: &str, form: &Dated, key: &[u8]) -> Result<Authentic<'_>> {
        let text = self.header(header)?;
        let named = |wanted: &'static str| {
            let parts = text.split([',', ';']).filter_map(|part| part.trim().split_once('='));
            parts.filter(move |(name, _)| *name == wanted).map(|(_, value)| value)
        };
        let time = named(form.time).next().unwrap_or_default();
        let seconds = time.parse().map_err(|_| Error::signature(format!("header {header} has no time in seconds")))?;
        check_age(cx, seconds, form.tolerance_seconds)?;
        let signed = [Signed::Text(time), Signed::Text(form.joint), Signed::Body];
        named(form.digest)
            .filter_map(|digest| hex::decode(digest).ok())
            .find_map(|digest| self.hmac(form.hash, key, &signed, &digest).ok())
            .ok_or_else(|| Error::signature(format!("no signature in header {header} agrees")))
    }

    /// Vouches by a check of the connector over the body bytes (a public-key signature); the check's error is the result.
    pub fn vouch(&self, check: impl FnOnce(&[u8]) -> Result<()>) -> Result<Authentic<'_>> {
        check(&self.body).map(|()| Authentic(self))
    }

    /// Gives the body to `read` unvouched, for providers that sign inside the body or sign nothing. What comes out must have
    /// been checked in `read`, or be read back from the provider.
    pub fn untrusted<T>(&self, read: impl FnOnce(Untrusted<'_>) -> Result<T>) -> Result<T> {
        read(Untrusted(&self.body))
    }
}

/// A body that nobody vouched for.
#[derive(Clone, Copy)]
pub struct Untrusted<'d>(&'d [u8]);

impl Untrusted<'_> {
    /// The body as JSON; strict as [`crate::Reply::json`].
    pub fn json<T: DeserializeOwned>(&self) -> Result<T> {
        read::json(self.0)
    }

    /// The body as XML.
    pub fn xml<T: DeserializeOwned>(&self) -> Result<T> {
        read::xml(self.0)
    }

    /// The body as text.
    pub fn text(&self) -> Result<&str> {
        read::text(self.0)
    }
}

impl Authentic<'_> {
    /// The body as JSON; strict as [`crate::Reply::json`].
    pub fn json<T: DeserializeOwned>(&self) -> Result<T> {
        read::json(&self.0.body)
    }

    /// The body as XML.
    pub fn xml<T: DeserializeOwned>(&self) -> Result<T> {
        read::xml(&self.0.body)
    }

    /// The body as text.
    pub fn text(&self) -> Result<&str> {
        read::text(&self.0.body)
    }
}

/// Refuses a delivery signed more than `tolerance_seconds` before or after now.
pub fn check_age(cx: &Context<'_>, signed_at_unix_seconds: i64, tolerance_seconds: u32) -> Result<()> {
    let age = cx.now().as_second().saturating_sub(signed_at_unix_seconds);
    match age.unsigned_abs() <= u64::from(tolerance_seconds) {
        true => Ok(()),
        false => Err(Error::signature(format!("signed {age} s ago, tolerance is {tolerance_seconds} s"))),
    }
}

impl std::fmt::Debug for Delivery {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Delivery").field("bytes", &self.body.len()).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Authentic<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Authentic({} bytes)", self.0.body.len())
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::{Clock, Failure, Limits, MemoryTokens, Random, Transport};

    struct Still;

    impl Clock for Still {
        fn now(&self) -> Timestamp {
            Timestamp::UNIX_EPOCH
        }
    }

    impl Random for Still {
        fn fill(&self, bytes: &mut [u8]) {
            bytes.fill(0);
        }
    }

    #[async_trait::async_trait]
    impl Transport for Still {
        async fn send(
            &self,
            _: http::Request<Bytes>,
            _: Limits,
        ) -> std::result::Result<http::Response<Bytes>, Failure> {
            Err(Failure::Reset)
        }
    }

    const FORM: Dated = Dated { hash: Hash::Sha256, time: "t", digest: "v1", joint: ".", tolerance_seconds: 300 };

    fn vouched(header: &str) -> bool {
        let headers = HeaderMap::from_iter([(http::HeaderName::from_static("sig"), header.parse().unwrap())]);
        let delivery = Delivery::new(headers, "{}");
        let tokens = MemoryTokens::default();
        let cx = Context::new(&Still, &Still, &Still, &tokens);
        delivery.dated_hmac(&cx, "sig", &FORM, b"key").is_ok()
    }

    #[test]
    fn one_good_digest_of_several_within_tolerance_vouches() {
        let digest = |time: &str| hex::encode(digest::hmac(Hash::Sha256, b"key", &[time.as_bytes(), b".", b"{}"]));
        assert!(vouched(&format!("t=0,v1={}", digest("0"))));
        assert!(vouched(&format!("t=-300, v0=00, v1=00, v1={}", digest("-300"))));
        assert!(!vouched(&format!("t=-301,v1={}", digest("-301"))));
        assert!(!vouched(&format!("t=1,v1={}", digest("0"))));
        assert!(!vouched(&format!("t=0,v0={}", digest("0"))));
        assert!(!vouched(&format!("v1={}", digest(""))));
        assert!(!vouched("t=0"));
    }
}

//! Google's root signing keys.

use jiff::Timestamp;
use serde::Deserialize;

use super::{Version, milliseconds};
use crate::keys::{base64, p256_point};
use crate::{Error, TOKEN_BYTES_MAX};

/// The keys of `https://payments.developers.google.com/paymentmethodtoken/keys.json` (for tests, `…/paymentmethodtoken/test/keys.json`).
#[derive(Clone, Debug)]
pub struct RootKeys(Vec<RootKey>);

#[derive(Clone, Debug)]
struct RootKey {
    point: Vec<u8>,
    version: Version,
    expires_at: Option<Timestamp>,
}

#[derive(Deserialize)]
struct Published {
    keys: Vec<PublishedKey>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PublishedKey {
    key_value: String,
    protocol_version: String,
    key_expiration: Option<String>,
}

impl RootKeys {
    /// Reads the published JSON. A key of an unknown version or form is passed over: the list may grow.
    ///
    /// # Errors
    /// [`Error::UnusableKey`] when the text is no such list.
    pub fn parse(json: &str) -> Result<RootKeys, Error> {
        let unusable = Error::UnusableKey("list of root keys");
        if json.len() > TOKEN_BYTES_MAX {
            return Err(unusable);
        }
        let published: Published = serde_json::from_str(json).map_err(|_| unusable)?;
        Ok(RootKeys(published.keys.iter().filter_map(RootKey::read).collect()))
    }

    /// The points of the keys that may sign that version now.
    pub(super) fn valid(&self, version: Version, now: Timestamp) -> Vec<&[u8]> {
        // Only the first version's keys were published without an expiry.
        let is_valid = |key: &&RootKey| match key.expires_at {
            Some(expires_at) => expires_at > now,
            None => key.version == Version::EcV1,
        };
        let of_version = self.0.iter().filter(|key| key.version == version);
        of_version.filter(is_valid).map(|key| key.point.as_slice()).collect()
    }
}

impl RootKey {
    fn read(published: &PublishedKey) -> Option<RootKey> {
        let expires_at = match &published.key_expiration {
            Some(text) => Some(milliseconds(text)?),
            None => None,
        };
        let point = p256_point(&base64(&published.key_value)?)?.to_vec();
        Some(RootKey { point, version: Version::named(&published.protocol_version)?, expires_at })
    }
}

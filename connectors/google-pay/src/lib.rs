//! Google Pay: tokens of the `DIRECT` integration and of gateways, verified and decrypted here (`ECv1`, `ECv2`, `ECv2SigningOnly`).
//!
//! - Google's root keys are fetched from the address that it publishes and kept in the context's token cache for as long as the answer
//!   allows (`Cache-Control`, `Age`); then they are fetched anew.
//! - A token whose message was altered is refused before that, without a fetch.
//! - A token is opened once. An application with several instances shares the context's token cache, where the messages already opened
//!   are noted until they expire.
//! - What comes out is a network token with its cryptogram (`CRYPTOGRAM_3DS`), or the card number alone (`PAN_ONLY`), which needs 3-D
//!   Secure: [`NetworkToken::needs_three_ds`].
//!
//! Source: <https://developers.google.com/pay/api/web/guides/resources/payment-data-cryptography>.

use std::time::Duration;

use quittance::*;
use quittance_wallets::google::{Keys, RootKeys, check_form, verify_and_decrypt};
use schemars::JsonSchema;
use serde::Deserialize;

/// The catalogue entry.
pub static ENTRY: Entry = Entry::of::<GoogleRecipient>();

/// One recipient of tokens: a merchant or a gateway.
#[derive(Debug)]
pub struct GoogleRecipient {
    credentials: Credentials,
    keys: Keys,
}

/// Credentials of a recipient.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Credentials {
    /// `merchant:` and the Google merchant id (in the test environment always `merchant:12345678901234567890`), or `gateway:` and the
    /// gateway id.
    pub recipient_id: String,
    /// Private keys whose public halves are registered with Google, PEM (P-256): the current one and, during a rotation, the one before.
    /// None where tokens are only signed.
    pub private_keys: Vec<Secret>,
    /// For a gateway: the merchant whose tokens are opened; a token for another is refused.
    pub gateway_merchant_id: Option<String>,
    /// Google's test or live keys.
    pub environment: Environment,
}

impl Provider for GoogleRecipient {
    const SPEC: Spec = Spec {
        hosts: &["payments.developers.google.com"],
        operations: &[Op::UnwrapToken],
        methods: &[MethodKind::of(Family::GooglePay)],
        currencies: Currencies::All,
        ..Spec::new("google-pay", "Google Pay", "https://developers.google.com/pay/api")
    };
    type Credentials = Credentials;

    fn new(credentials: Credentials) -> Result<GoogleRecipient> {
        let unusable = |field: &str, why: String| Error::new(Kind::Credentials, Effect::None, why).in_field(field);
        let id = credentials.recipient_id.split_once(':');
        if !id.is_some_and(|(kind, id)| matches!(kind, "merchant" | "gateway") && !id.is_empty()) {
            return Err(unusable("recipient_id", "expected merchant:… or gateway:…".to_owned()));
        }
        let keys = Keys::new(&credentials.recipient_id, &credentials.private_keys);
        let keys = keys.map_err(|error| unusable("private_keys", error.to_string()))?;
        Ok(GoogleRecipient { credentials, keys })
    }
}

#[async_trait]
impl Connector for GoogleRecipient {
    fn spec(&self) -> &'static Spec {
        &Self::SPEC
    }

    async fn unwrap_token(&self, cx: &Context<'_>, request: &UnwrapToken) -> Result<NetworkToken> {
        let WalletToken::GooglePay(token) = &request.token else {
            return Err(Error::unsupported_variant("another wallet's token"));
        };
        let token = token.token.expose();
        check_form(token, &self.keys, cx.now())?;
        let roots = self.roots(cx).await?;
        let opened = verify_and_decrypt(token, &roots, &self.keys, cx.now(), cx).await?;
        let merchant = &self.credentials.gateway_merchant_id;
        if merchant.is_some() && opened.gateway_merchant_id != *merchant {
            return Err(Error::invalid("token", "the token is for another merchant of the gateway"));
        }
        Ok(opened.into_token()?)
    }
}

impl GoogleRecipient {
    async fn roots(&self, cx: &Context<'_>) -> Result<RootKeys> {
        let url = match self.credentials.environment {
            Environment::Live => "https://payments.developers.google.com/paymentmethodtoken/keys.json",
            Environment::Sandbox => "https://payments.developers.google.com/paymentmethodtoken/test/keys.json",
        };
        let published = cx.token(url, fetch(cx, url)).await?;
        read(published.expose())
    }
}

/// The keys under `url`, and how long they may be kept.
async fn fetch(cx: &Context<'_>, url: &str) -> Result<(Secret, Duration)> {
    let reply = cx.get(url).send().await?;
    if !reply.is_success() {
        return Err(reply.fault_with(Fault::default()));
    }
    let published = reply.text()?;
    // What cannot be read must not be kept.
    read(published)?;
    Ok((Secret::from(published), reply.max_age()))
}

fn read(published: &str) -> Result<RootKeys> {
    RootKeys::parse(published).map_err(|_| Error::protocol("google's list of root keys cannot be read"))
}

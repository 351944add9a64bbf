//! Apple Pay: payment sessions for the sheet, and tokens that are verified and decrypted here.
//!
//! - A session is asked for over mutual TLS: the application's transport presents the merchant identity certificate (not the payment
//!   processing one). It is good for one payment within five minutes.
//! - The validation URL of the browser chooses the host, and only among those that Apple publishes; nothing else of it is used.
//! - A token is believed by its signature up to Apple's root, within five minutes of its making, once. An application with several
//!   instances shares the context's token cache, where the tokens already opened are noted.
//! - What comes out is a network token with its cryptogram, to be paid with at any provider that takes one. Chinese tokens with chip data
//!   (`EMV`) are none and are refused.
//!
//! Sources: <https://developer.apple.com/documentation/applepayontheweb/requesting-an-apple-pay-payment-session>,
//! <https://developer.apple.com/documentation/applepayontheweb/setting-up-your-server> (the hosts),
//! <https://developer.apple.com/documentation/passkit/payment-token-format-reference>.

mod wire;

use quittance::*;
use quittance_wallets::apple::{Keys, Merchant, Root, verify_and_decrypt};
use schemars::JsonSchema;
use serde::Deserialize;

/// The catalogue entry.
pub static ENTRY: Entry = Entry::of::<AppleMerchant>();

/// One merchant identifier.
#[derive(Debug)]
pub struct AppleMerchant {
    credentials: Credentials,
    keys: Keys,
}

/// Credentials of a merchant identifier.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Credentials {
    /// Merchant identifier (`merchant.com.example`).
    pub merchant_identifier: String,
    /// Name of the store on the sheet, at most 64 bytes; the same for every payment.
    pub display_name: String,
    /// Private keys of the payment processing certificates, PEM (PKCS#8): the current one and, during a rotation, the one before.
    pub processing_keys: Vec<Secret>,
    /// Sandbox or live.
    pub environment: Environment,
    /// The gateway to ask where the browser names none.
    #[serde(default)]
    pub region: Region,
    /// A root certificate to trust instead of Apple's own, PEM: for tokens of a test chain, never in production.
    pub test_root: Option<String>,
}

/// Where Apple's gateway stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Region {
    /// Everywhere but in China.
    #[default]
    Global,
    /// China.
    China,
}

/// Apple's list of hosts for merchant validation.
const HOSTS: &[&str] = &[
    "apple-pay-gateway-cert.apple.com",
    "apple-pay-gateway-nc-pod1.apple.com",
    "apple-pay-gateway-nc-pod2.apple.com",
    "apple-pay-gateway-nc-pod3.apple.com",
    "apple-pay-gateway-nc-pod4.apple.com",
    "apple-pay-gateway-nc-pod5.apple.com",
    "apple-pay-gateway-pr-pod1.apple.com",
    "apple-pay-gateway-pr-pod2.apple.com",
    "apple-pay-gateway-pr-pod3.apple.com",
    "apple-pay-gateway-pr-pod4.apple.com",
    "apple-pay-gateway-pr-pod5.apple.com",
    "apple-pay-gateway.apple.com",
    "cn-apple-pay-gateway-cert.apple.com",
    "cn-apple-pay-gateway-sh-pod1.apple.com",
    "cn-apple-pay-gateway-sh-pod2.apple.com",
    "cn-apple-pay-gateway-sh-pod3.apple.com",
    "cn-apple-pay-gateway-tj-pod1.apple.com",
    "cn-apple-pay-gateway-tj-pod2.apple.com",
    "cn-apple-pay-gateway-tj-pod3.apple.com",
    "cn-apple-pay-gateway.apple.com",
];

impl Provider for AppleMerchant {
    const SPEC: Spec = Spec {
        hosts: HOSTS,
        mutual_tls: HOSTS,
        operations: &[Op::OpenSession, Op::UnwrapToken],
        methods: &[MethodKind::of(Family::ApplePay)],
        currencies: Currencies::All,
        ..Spec::new("apple-pay", "Apple Pay", "https://developer.apple.com/documentation/applepayontheweb")
    };
    type Credentials = Credentials;

    fn new(credentials: Credentials) -> Result<AppleMerchant> {
        if credentials.display_name.is_empty() || credentials.display_name.len() > 64 {
            return Err(unusable("display_name", "expected 1 to 64 bytes"));
        }
        let merchant = |pem| Merchant::new(&credentials.merchant_identifier, pem);
        let merchants = credentials.processing_keys.iter().map(merchant).collect::<std::result::Result<Vec<_>, _>>();
        let merchants = merchants.map_err(|error| unusable("processing_keys", error.to_string()))?;
        let root = match &credentials.test_root {
            Some(pem) => Root::from_pem(pem).map_err(|error| unusable("test_root", error.to_string()))?,
            None => Root::APPLE_G3,
        };
        let keys = Keys::with_root(root, merchants).map_err(|error| unusable("processing_keys", error.to_string()))?;
        Ok(AppleMerchant { credentials, keys })
    }
}

fn unusable(field: &str, message: impl Into<String>) -> Error {
    Error::new(Kind::Credentials, Effect::None, message).in_field(field)
}

#[async_trait]
impl Connector for AppleMerchant {
    fn spec(&self) -> &'static Spec {
        &Self::SPEC
    }

    /// Answers with the session object as Apple gave it, for `completeMerchantValidation`.
    async fn open_session(&self, cx: &Context<'_>, request: &OpenSession) -> Result<Session> {
        let domain = request.domain.as_deref().ok_or_else(|| Error::invalid("domain", "a session is for a domain"))?;
        let host = self.host(request.validation_url.as_deref())?;
        let body = wire::SessionRequest {
            merchant_identifier: &self.credentials.merchant_identifier,
            display_name: &self.credentials.display_name,
            initiative: "web",
            initiative_context: domain,
        };
        let reply = cx.post(format!("https://{host}/paymentservices/paymentSession")).json(&body).send().await?;
        if !reply.is_success() {
            return Err(reply.fault(|fault: wire::Fault| Fault {
                code: fault.status_code,
                message: fault.status_message,
                field: None,
            }));
        }
        let session: wire::Session = reply.json()?;
        if session.merchant_session_identifier.is_empty() {
            return Err(Error::protocol("the session has no identifier"));
        }
        if session.domain_name.is_some_and(|answered| answered != domain) {
            return Err(Error::new(Kind::Integrity, Effect::Unknown, "the session is for another domain"));
        }
        let expires = session.expires_at.map(Timestamp::from_millisecond).transpose();
        let expires = expires.map_err(|_| Error::protocol("the time of the session's end cannot be read"))?;
        Ok(Session { handle: None, token: Secret::new(reply.text()?), expires })
    }

    async fn unwrap_token(&self, cx: &Context<'_>, request: &UnwrapToken) -> Result<NetworkToken> {
        let WalletToken::ApplePay(token) = &request.token else {
            return Err(Error::unsupported_variant("another wallet's token"));
        };
        let opened = verify_and_decrypt(token.payment_data.expose(), &self.keys, cx.now(), cx).await?;
        if let Some(amount) = &request.amount {
            opened.agree_amount(amount)?;
        }
        Ok(opened.into_token()?)
    }
}

impl AppleMerchant {
    /// The host to ask: that of the validation URL when it is one of Apple's in this environment, else the region's own.
    fn host(&self, validation_url: Option<&str>) -> Result<&'static str> {
        let sandbox = self.credentials.environment == Environment::Sandbox;
        let Some(url) = validation_url else {
            return Ok(match (self.credentials.region, sandbox) {
                (Region::Global, false) => "apple-pay-gateway.apple.com",
                (Region::Global, true) => "apple-pay-gateway-cert.apple.com",
                (Region::China, false) => "cn-apple-pay-gateway.apple.com",
                (Region::China, true) => "cn-apple-pay-gateway-cert.apple.com",
            });
        };
        let is_its = |host: &str| {
            let path = url.strip_prefix("https://").and_then(|rest| rest.strip_prefix(host));
            matches!(path, Some("/paymentservices/startSession" | "/paymentservices/paymentSession"))
        };
        let mut of_environment = HOSTS.iter().copied().filter(|host| host.ends_with("-cert.apple.com") == sandbox);
        let found = of_environment.find(|host| is_its(host));
        found.ok_or_else(|| Error::invalid("validation_url", "the url is none of apple's for this environment"))
    }
}

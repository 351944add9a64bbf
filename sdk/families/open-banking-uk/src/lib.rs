//! Domestic payments over UK Open Banking's Read/Write API (<https://openbankinguk.github.io/read-write-api-site3/>, versions 3.1
//! and 4.0): JSON over mutual TLS, access tokens by OAuth, bodies signed by detached JWS (PS256). What a bank has of its own stands
//! in a [`Bank`]; [`OpenBanking`] is the connector.
//!
//! A payment is a consent (`POST /domestic-payment-consents`) that the customer authorises at the bank, where they are sent with a
//! signed request object (OpenID Connect Core, section 6.1; response type `code id_token`), and then a payment
//! (`POST /domestic-payments`) under the customer's access token, which [`Connector::complete`] makes. The handle is the consent's id,
//! with the payment's id as part `payment` once there is one. The bank answers the parameters in the fragment of the redirect URL: the
//! page there must hand them on.
//!
//! A mandate is a variable recurring payment (VRP): a consent with limits (`POST /domestic-vrp-consents`), agreed to in the same way, and
//! payments under it (`POST /domestic-vrps`) at which the customer does nothing. The CMA's order makes the nine largest banks offer it for
//! sweeping. Its handle says what it is (`of=mandate`): `complete` and `retrieve` tell where it stands, as a payment of nothing. What allows
//! the payments is the customer's token, which nobody can fetch again: it is kept in the token cache ([`TokenCache::keep`]), so an
//! application with such mandates has a cache that lasts. Where the cache has lost it, the mandate has to be set up anew.
//!
//! The client authenticates by its certificate (`tls_client_auth`, RFC 8705), which belongs to the application's transport, as in every
//! call, or at the token endpoint by a signed assertion beside it (`private_key_jwt`, RFC 7523). Where the merchant wants it, the bank is asked
//! for the customer's funds before the payment is made; not before one under a mandate, where a refusal would have no payment yet by which
//! it is found. The bank's own signatures over answers are not checked: the answers come over the same mutual TLS. The interface takes nothing
//! back: there is no void and no refund in it.
//!
//! Not offered: international payments, where the bank changes the customer's money at a rate and for charges that its answers state and the
//! contract has no words for; scheduled payments, standing orders and files of payments; events (a look-up tells that a mandate has ended).

mod read;
mod sign;
mod vrp;
mod wire;

use std::marker::PhantomData;
use std::time::Duration;

use quittance::*;
use quittance_crypto::RsaPrivateKey;
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// What a bank has of its own.
pub trait Bank: Send + Sync + 'static {
    /// The connector's spec, made from [`spec`].
    const SPEC: Spec;
    /// Its test environment, where the address of one is known. Where none is, credentials must say `live`, and so must the profile:
    /// `[credentials]` with `environment = "live"`.
    const SANDBOX: Option<Site>;
    /// Its live environment.
    const LIVE: Site;
}

/// A version of the Read/Write API.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
pub enum Version {
    /// 3.1: the payee's reference is a member of its own.
    #[serde(rename = "v3.1")]
    V3_1,
    /// 4.0: remittance information is a list of texts.
    #[default]
    #[serde(rename = "v4.0")]
    V4_0,
}

/// How the client authenticates at the bank's token endpoint, as it was registered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ClientAuthentication {
    /// By the certificate of the connection alone (RFC 8705, section 2.1).
    #[default]
    TlsClientAuth,
    /// By an assertion that the signing key signs (RFC 7523, section 2.2).
    PrivateKeyJwt,
}

/// What the bank lets the client use mandates for (`OBVRPConsentType`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MandateUse {
    /// Between accounts of the customer's own.
    #[default]
    Sweeping,
    /// Anything else, by agreement with the bank.
    Commercial,
}

/// The addresses of one environment.
#[derive(Clone, Copy, Debug)]
pub struct Site {
    /// What stands before the version in the paths (`https://host/open-banking`).
    pub api: &'static str,
    /// Where the bank says the rest: token endpoint, authorisation page and issuer (OpenID Connect Discovery 1.0, section 4).
    pub discovery: &'static str,
}

/// A registration of the merchant, or of its payment initiation service, at the bank.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Registration {
    /// Client ID that the bank gave at registration.
    client_id: String,
    /// Who signs: organisation ID and software statement ID of the Open Banking Directory, with a slash between.
    signer: String,
    /// The id (`kid`) of the signing certificate in the directory.
    kid: String,
    /// The private key of the signing certificate: RSA, PKCS#8, PEM.
    signing_key: Secret,
    /// The registered https address to which customers return.
    return_url: String,
    /// The account that receives: sort code and account number, 14 digits.
    creditor_account: String,
    /// The holder of the account that receives.
    creditor_name: String,
    /// The version of the interface, `v4.0` or `v3.1`: banks offer both for some time.
    #[serde(default)]
    version: Version,
    /// How the client authenticates at the token endpoint: `tls_client_auth` or `private_key_jwt`, as it was registered.
    #[serde(default)]
    client_authentication: ClientAuthentication,
    /// Whether the bank is asked for the customer's funds before a payment is made: one that lacks them is then declined, and not made.
    #[serde(default)]
    confirm_funds: bool,
    /// What mandates are for: `sweeping` or `commercial`.
    #[serde(default)]
    mandates: MandateUse,
    /// `sandbox` or `live`; each has registrations of its own.
    #[serde(default)]
    environment: Environment,
}

const UK: MethodKind = MethodKind::branded(Family::OpenBanking, "uk");
const METHODS: &[MethodKind] = &[UK, MethodKind::of(Family::Mandate)];

/// The spec of a bank. `mutual_tls`: the hosts of API and token endpoint, which ask for a client certificate.
pub const fn spec(
    id: &'static str,
    name: &'static str,
    documentation: &'static str,
    hosts: &'static [&'static str],
    mutual_tls: &'static [&'static str],
) -> Spec {
    Spec {
        hosts,
        mutual_tls,
        operations: &[Op::Authorize, Op::Complete, Op::Retrieve, Op::SetUp, Op::Revoke],
        methods: METHODS,
        mandates: &[UK],
        currencies: Currencies::Only(&[Currency::GBP]),
        countries: &["GB"],
        lookups: &[LookupKind::Handle],
        idempotency: Idempotency::Header("x-idempotency-key"),
        ..Spec::new(id, name, documentation)
    }
}

/// One registration at the bank `B`.
pub struct OpenBanking<B> {
    registration: Registration,
    site: Site,
    key: RsaPrivateKey,
    bank: PhantomData<B>,
}

impl<B: Bank> std::fmt::Debug for OpenBanking<B> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "OpenBanking({})", B::SPEC.id)
    }
}

impl<B: Bank> Provider for OpenBanking<B> {
    const SPEC: Spec = B::SPEC;
    type Credentials = Registration;

    fn new(registration: Registration) -> Result<Self> {
        let wrong = |field, what| Error::new(Kind::Credentials, Effect::None, what).in_field(field);
        let key = RsaPrivateKey::from_pem(registration.signing_key.expose())
            .map_err(|_| wrong("signing_key", "this is no RSA key in PEM of PKCS#8"))?;
        let account = &registration.creditor_account;
        if account.len() != 14 || !account.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(wrong("creditor_account", "sort code and account number have 14 digits together"));
        }
        if !registration.return_url.starts_with("https://") {
            return Err(wrong("return_url", "a return URL starts with https://"));
        }
        let site = if registration.environment == Environment::Live { Some(B::LIVE) } else { B::SANDBOX };
        let site = site.ok_or_else(|| {
            wrong("environment", "no test environment of this bank is known: state `environment = \"live\"`")
        })?;
        Ok(Self { registration, site, key, bank: PhantomData })
    }
}

#[async_trait]
impl<B: Bank> Connector for OpenBanking<B> {
    fn spec(&self) -> &'static Spec {
        &<Self as Provider>::SPEC
    }

    async fn authorize(&self, cx: &Context<'_>, request: &Authorize) -> Result<Payment> {
        if let Method::Mandate(mandate) = &request.method {
            return self.charge(cx, request, mandate).await;
        }
        if request.store {
            return Err(Error::unsupported_variant("storing the method with a payment: a mandate is set up by itself"));
        }
        self.only_registered(request.return_url.as_deref())?;
        let initiation = wire::Initiation::new(&self.registration, self.registration.version, self.spec(), request)?;
        let data = wire::Data { consent_id: None, initiation: &initiation };
        let call = self.post(cx, "/domestic-payment-consents", &request.key);
        let call = self.signed(cx, of_browser(call, &request.browser), &data, IN_SHOP);
        let consent: wire::Answer = self.with_own_token(cx, call).await?;
        let payment = read::payment(self.spec(), &consent.data)?;
        if !read::awaits_customer(&consent.data.status) {
            return Ok(payment);
        }
        let page = self.page(cx, &payment.handle).await?;
        Ok(Payment { state: State::ActionRequired(page), ..payment })
    }

    async fn complete(&self, cx: &Context<'_>, request: &Complete) -> Result<Payment> {
        if vrp::is_mandate(&request.payment) {
            return self.complete_mandate(cx, request).await;
        }
        let consent = self.look(cx, &request.payment).await?;
        let payment = read::payment(self.spec(), &consent)?;
        agree_payment(&payment, request.amount, &request.reference)?;
        let authorised = read::is_authorised(&consent.status) && consent.payment_id.is_none();
        let (true, Some(code)) = (authorised, request.returned("code")) else { return Ok(payment) };
        same_customer(request)?;
        let initiation = consent.initiation.ok_or_else(|| Error::protocol("the consent has no initiation"))?;
        let name = self.customer(&consent.consent_id);
        // Kept, since a code is good for one exchange and the payment may have to be sent again.
        let exchange = async {
            let tokens = self.exchanged(cx, code).await?;
            Ok((tokens.access_token, Duration::from_secs(tokens.expires_in)))
        };
        let token = cx.token(&name, exchange).await?;
        if self.registration.confirm_funds && !self.has_funds(cx, &consent.consent_id, &name, &token).await? {
            return Ok(Payment { state: State::Declined(Decline::new(Reason::InsufficientFunds)), ..payment });
        }
        let data = wire::Data { consent_id: Some(&consent.consent_id), initiation: &initiation };
        let call = self.post(cx, "/domestic-payments", &request.key);
        let call = self.signed(cx, call, &data, IN_SHOP);
        let made: wire::Answer = self.as_customer(cx, call, &name, &token).await?;
        agree_part(&payment.handle, Some(&consent.consent_id), Some(&made.data.consent_id))?;
        read::payment(self.spec(), &made.data).map_err(|error| error.about(&payment.handle))
    }

    async fn retrieve(&self, cx: &Context<'_>, request: &Retrieve) -> Result<Payment> {
        let Lookup::Handle(handle) = &request.by else {
            return Err(Error::unsupported_variant("retrieve by reference"));
        };
        match handle.part("of") {
            Some(vrp::MANDATE) => self.retrieve_mandate(cx, handle).await,
            Some(vrp::CHARGE) => self.retrieve_charge(cx, handle).await,
            _ => read::payment(self.spec(), &self.look(cx, handle).await?),
        }
    }

    async fn set_up(&self, cx: &Context<'_>, request: &SetUp) -> Result<Mandate> {
        self.agree(cx, request).await
    }

    async fn revoke(&self, cx: &Context<'_>, request: &Revoke) -> Result<Mandate> {
        self.end(cx, &request.mandate).await
    }
}

/// What a payment is for (`OBInternalPaymentContext1Code`).
const IN_SHOP: &str = "EcommerceMerchantInitiatedPayment";

/// Says where the customer is.
fn of_browser<'a>(call: Call<'a>, browser: &Browser) -> Call<'a> {
    let call = call.header_some("x-fapi-customer-ip-address", browser.ip.as_deref());
    call.header_some("x-customer-user-agent", browser.user_agent.as_deref())
}

/// Whoever came back was sent to the bank for this payment or mandate.
fn same_customer(request: &Complete) -> Result<()> {
    match request.returned("state") == Some(request.payment.id()) {
        true => Ok(()),
        false => Err(Error::invalid("returned.state", "the customer came back from another payment")),
    }
}

impl<B: Bank> OpenBanking<B> {
    fn url(&self, path: &str) -> String {
        let version = match self.registration.version {
            Version::V3_1 => "v3.1",
            Version::V4_0 => "v4.0",
        };
        format!("{}/{version}/pisp{path}", self.site.api)
    }

    fn only_registered(&self, return_url: Option<&str>) -> Result<()> {
        match return_url.is_none_or(|url| url == self.registration.return_url) {
            true => Ok(()),
            false => Err(Error::invalid("return_url", "customers return to the registered address only")),
        }
    }

    /// Under which name the tokens are kept that a customer gave for a consent.
    fn customer(&self, consent: &str) -> String {
        format!("open banking {} {} {consent}", self.site.api, self.registration.client_id)
    }

    /// The bank's page at which the customer authorises the consent of this handle.
    async fn page(&self, cx: &Context<'_>, handle: &Handle) -> Result<NextAction> {
        let bank = self.discover(cx).await.map_err(|error| error.about(handle))?;
        let url = sign::page(&self.registration, &self.key, &bank, cx, handle.id());
        let url = url.map_err(|error| error.about(handle).with_effect(Effect::Unknown))?;
        Ok(NextAction::Redirect { url })
    }

    /// What the bank says of itself, kept for a day.
    async fn discover(&self, cx: &Context<'_>) -> Result<wire::Discovery> {
        let fetch = async {
            let reply = cx.get(self.site.discovery).send().await?;
            if !reply.is_success() {
                return Err(fault(&reply));
            }
            reply.json::<wire::Discovery>()?;
            Ok((Secret::new(reply.text()?), Duration::from_secs(86_400)))
        };
        let text = cx.token(self.site.discovery, fetch).await?;
        serde_json::from_str(text.expose()).map_err(|_| Error::protocol("the bank's discovery document cannot be read"))
    }

    fn get<'a>(&self, cx: &'a Context<'_>, path: &str) -> Call<'a> {
        let call = cx.get(self.url(path));
        call.header("accept", "application/json").header("x-fapi-interaction-id", &cx.uuid())
    }

    /// A POST that makes something, under the caller's key: the standard takes 40 characters.
    fn post<'a>(&self, cx: &'a Context<'_>, path: &str, key: &Key) -> Call<'a> {
        let call = cx.post(self.url(path));
        match key.as_str() {
            short if short.len() <= 40 => call.header("x-idempotency-key", short),
            long => {
                let digest = hex::encode(digest::sha256(long.as_bytes()));
                call.header("x-idempotency-key", digest.get(..40).unwrap_or(&digest))
            }
        }
    }

    /// Adds the body and what goes with it: correlation and signature.
    fn signed<'a>(
        &self,
        cx: &'a Context<'_>,
        call: Call<'a>,
        data: &impl Serialize,
        context: &'static str,
    ) -> Call<'a> {
        let body = wire::Order { data, risk: wire::Risk { context } };
        let call = call.header("accept", "application/json").header("x-fapi-interaction-id", &cx.uuid());
        call.json(&body).sign(|draft| {
            let signature = sign::detached(&self.registration, &self.key, cx.now(), draft.body)?;
            Ok(vec![("x-jws-signature", signature)])
        })
    }

    /// The payment where there is one, else the consent.
    async fn look(&self, cx: &Context<'_>, handle: &Handle) -> Result<wire::Object> {
        let path = match handle.part("payment") {
            Some(payment) => format!("/domestic-payments/{}", Handle::new(payment).segment()?),
            None => format!("/domestic-payment-consents/{}", handle.segment()?),
        };
        let found: wire::Answer = self.with_own_token(cx, self.get(cx, &path)).await?;
        agree_part(handle, handle.part("payment"), found.data.payment_id.as_deref())?;
        agree_part(handle, Some(handle.id()), Some(&found.data.consent_id))?;
        Ok(found.data)
    }

    /// Whether the customer's account has the money. A bank that cannot tell leaves it to the payment.
    async fn has_funds(&self, cx: &Context<'_>, consent: &str, name: &str, token: &Secret) -> Result<bool> {
        let path = format!("/domestic-payment-consents/{}/funds-confirmation", Handle::new(consent).segment()?);
        let found: wire::Answer<wire::Funds> = self.as_customer(cx, self.get(cx, &path), name, token).await?;
        Ok(found.data.result.is_none_or(|result| result.available))
    }

    /// A call under the customer's token of that name, which is forgotten when the bank refuses it.
    async fn as_customer<T: DeserializeOwned>(
        &self,
        cx: &Context<'_>,
        call: Call<'_>,
        name: &str,
        token: &Secret,
    ) -> Result<T> {
        let reply = call.bearer(token).send().await?;
        if reply.status() == 401 {
            cx.forget_token(name).await;
        }
        if reply.is_success() { reply.json() } else { Err(fault(&reply)) }
    }

    /// A call in the client's own name, whose answer is read.
    async fn with_own_token<T: DeserializeOwned>(&self, cx: &Context<'_>, call: Call<'_>) -> Result<T> {
        self.send(cx, call).await?.json()
    }

    /// A call in the client's own name.
    async fn send(&self, cx: &Context<'_>, call: Call<'_>) -> Result<Reply> {
        let name = format!("open banking {} {}", self.site.api, self.registration.client_id);
        let bank = self.discover(cx).await?;
        let own = || async {
            let mut form = Pairs::new();
            form.set("grant_type", "client_credentials");
            form.set("scope", "payments");
            let tokens = self.fetch_tokens(cx, &bank, form).await?;
            Ok((tokens.access_token, Duration::from_secs(tokens.expires_in)))
        };
        let reply = call.send_with_token(&name, own).await?;
        if reply.is_success() { Ok(reply) } else { Err(fault(&reply)) }
    }

    /// The tokens that the customer's authorisation is exchanged for.
    async fn exchanged(&self, cx: &Context<'_>, code: &str) -> Result<wire::Tokens> {
        cx.protect(code);
        let mut form = Pairs::new();
        form.set("grant_type", "authorization_code");
        form.set("code", code);
        form.set("redirect_uri", self.registration.return_url.as_str());
        self.fetch_tokens(cx, &self.discover(cx).await?, form).await
    }

    async fn fetch_tokens(
        &self,
        cx: &Context<'_>,
        bank: &wire::Discovery,
        mut form: Pairs<'_>,
    ) -> Result<wire::Tokens> {
        form.set("client_id", self.registration.client_id.clone());
        if self.registration.client_authentication == ClientAuthentication::PrivateKeyJwt {
            let assertion = sign::assertion(&self.registration, &self.key, cx, &bank.token_endpoint)?;
            cx.protect(&assertion);
            form.set("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer");
            form.set("client_assertion", assertion);
        }
        let reply = cx.post(&bank.token_endpoint).harmless().form(&form).send().await?;
        if reply.is_success() { reply.json() } else { Err(fault(&reply)) }
    }
}

/// The error that an answer stands for. Banks answer 400 for what they do not know and for what is in another state.
fn fault(reply: &Reply) -> Error {
    let error = reply.fault(wire::Problem::into_fault);
    let kind = match error.code() {
        Some("U011" | "UK.OBIE.Resource.NotFound") => Kind::NotFound,
        Some("U009" | "UK.OBIE.Resource.InvalidConsentStatus") => Kind::Conflict,
        Some("U029" | "UK.OBIE.Rules.ResourceAlreadyExists") => Kind::Conflict,
        _ => return error,
    };
    if (400..500).contains(&reply.status()) { error.of_kind(kind) } else { error }
}

//! TrueLayer: open banking payments into a merchant account, refunds and payouts from it. JSON over HTTPS with a
//! client-credentials token; every POST is signed with a detached JWS (ES512), and so is every webhook.
//!
//! The customer pays on TrueLayer's hosted page, or, when the bank is named, goes straight to the bank. Money has arrived
//! when a payment is `settled`; `executed` says only that the bank took it on. The merchant's reference travels in the metadata.
//! Webhooks state no amount.
//!
//! A mandate is a variable recurring payment (VRP) in pounds, agreed to in the same way; payments under it need no customer. Its
//! handle says that it is one (`of=mandate`): `complete` and `retrieve` then tell where it stands, as a payment of nothing.
//!
//! Not offered: verified payouts; look-up by reference.
//!
//! Sources: <https://docs.truelayer.com/docs/create-a-payment>, <https://docs.truelayer.com/docs/create-a-payment-mandate>, the vendor's
//! library for Java (<https://github.com/TrueLayer/truelayer-java>) and signing libraries (<https://github.com/TrueLayer/truelayer-signing>).

mod account;
mod wire;

use account::at;
use quittance::*;
use quittance_crypto::{Curve, EcPrivateKey};
use schemars::JsonSchema;
use serde::Deserialize;

/// TrueLayer's line in the catalogue.
pub static ENTRY: Entry = Entry::of::<Truelayer>();

/// How far the signed time of a webhook may be from now; every attempt is dated anew.
const TOLERANCE_SECONDS: u32 = 300;

/// One application with its merchant accounts.
#[derive(Debug)]
pub struct Truelayer {
    credentials: Credentials,
    key: EcPrivateKey,
}

/// The application as TrueLayer's console shows it.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Credentials {
    /// Client id.
    client_id: String,
    /// Client secret.
    client_secret: Secret,
    /// Id of the public key that was uploaded for signing (`kid`).
    signing_key_id: String,
    /// Private key of that id on the curve P-521, as PEM.
    signing_key: Secret,
    /// Id of the merchant account in pounds, where there is one.
    merchant_account_gbp: Option<String>,
    /// Id of the merchant account in euros, where there is one.
    merchant_account_eur: Option<String>,
    /// What TrueLayer has enabled mandates for, where it has: `sweeping` (between accounts of the customer's own), `commercial`, or one of
    /// the four uses of the first wave.
    mandates: Option<MandateUse>,
    /// `sandbox` or `live`.
    #[serde(default)]
    environment: Environment,
}

/// What mandates are for: their type, and for commercial ones of the first wave the use case, which needs no scope of its own
/// (<https://docs.truelayer.com/docs/create-a-mandate>).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MandateUse {
    /// Between accounts of the customer's own.
    Sweeping,
    /// By agreement with TrueLayer.
    Commercial,
    /// Bills for energy, water and the like.
    Utilities,
    /// Public bodies.
    GovernmentPayments,
    /// Mortgages, pensions, accounts.
    FinancialServices,
    /// Donations to registered charities.
    Charity,
}

impl Provider for Truelayer {
    const SPEC: Spec = Spec {
        hosts: &[
            "api.truelayer.com",
            "api.truelayer-sandbox.com",
            "auth.truelayer.com",
            "auth.truelayer-sandbox.com",
            "webhooks.truelayer.com",
            "webhooks.truelayer-sandbox.com",
        ],
        operations: &[
            Op::Authorize,
            Op::Complete,
            Op::Void,
            Op::Refund,
            Op::Retrieve,
            Op::RetrieveRefund,
            Op::SetUp,
            Op::Revoke,
            Op::PayOut,
            Op::RetrievePayout,
            Op::Webhook,
        ],
        methods: &[
            MethodKind::branded(Family::OpenBanking, "eu"),
            MethodKind::branded(Family::OpenBanking, "uk"),
            MethodKind::of(Family::Mandate),
        ],
        mandates: &[MethodKind::branded(Family::OpenBanking, "uk")],
        currencies: Currencies::Only(&[Currency::EUR, Currency::GBP]),
        refund: RefundRules { partial: true, multiple: true },
        lookups: &[LookupKind::Handle],
        idempotency: Idempotency::Header("idempotency-key"),
        webhook: Some(WebhookRules {
            authentication: WebhookAuthentication::Signature,
            tolerance_seconds: Some(TOLERANCE_SECONDS),
            acknowledgement: "",
        }),
        ..Spec::new("truelayer", "TrueLayer", "https://docs.truelayer.com/docs/create-a-payment")
    };
    type Credentials = Credentials;

    fn new(credentials: Credentials) -> Result<Truelayer> {
        let key = EcPrivateKey::from_pem(Curve::P521, credentials.signing_key.expose());
        let unusable = |_| {
            Error::new(Kind::Credentials, Effect::None, "expected a PEM private key on P-521").in_field("signing_key")
        };
        Ok(Truelayer { key: key.map_err(unusable)?, credentials })
    }
}

#[async_trait]
impl Connector for Truelayer {
    fn spec(&self) -> &'static Spec {
        &Self::SPEC
    }

    async fn authorize(&self, cx: &Context<'_>, request: &Authorize) -> Result<Payment> {
        let bank = match &request.method {
            Method::OpenBanking { bank, .. } => bank.as_deref(),
            Method::Mandate(mandate) => return self.charge(cx, request, mandate).await,
            other => return Err(Error::unsupported_variant(other.family())),
        };
        let return_url = needed(request.return_url.as_deref())?;
        let name = payer(&request.customer)?;
        let body = wire::NewPayment {
            amount_in_minor: Self::SPEC.minor(&request.amount)?,
            currency: request.amount.currency().code(),
            payment_method: wire::PaymentMethod::BankTransfer {
                provider_selection: wire::Selection::of(bank, request.amount.currency() == Currency::EUR),
                beneficiary: self.beneficiary(request.amount.currency())?,
            },
            user: Some(wire::User::of(&name, &request.customer)),
            metadata: wire::Metadata { reference: &request.reference },
        };
        let call = self.post(cx, "/v3/payments", request.key.as_str(), Some(&body))?;
        let made: wire::Created = self.read(cx, call).await?;
        let handle = Handle::new(&made.id);
        let key = bank.map(|_| &request.key);
        let onward = self.onward(cx, &PAYMENT, made, key, return_url).await.map_err(|error| error.about(&handle))?;
        let state = match onward {
            Onward::To(page) => State::ActionRequired(page),
            Onward::Stands(status, failure_reason) => wire::state(status, failure_reason),
        };
        Ok(Payment::new(handle, state))
    }

    async fn complete(&self, cx: &Context<'_>, request: &Complete) -> Result<Payment> {
        let found = self.look(cx, &request.payment).await?;
        agree_payment(&found, request.amount, &request.reference)?;
        // As the first answer, this one states the state alone; amounts are checked here and told by a look-up.
        Ok(Payment { amount: None, captured: None, reference: None, ..found })
    }

    async fn void(&self, cx: &Context<'_>, request: &Void) -> Result<Payment> {
        let path = at("/v3/payments", &request.payment, "/actions/cancel")?;
        let call = self.post(cx, &path, request.key.as_str(), None::<&()>)?;
        match self.send(cx, call).await?.status() {
            // Taken on; a failure by reason `canceled` is reported once it is done.
            202 => Ok(Payment::new(request.payment.clone(), State::Pending)),
            _ => Err(Error::protocol("a cancellation is answered with 202")),
        }
    }

    async fn refund(&self, cx: &Context<'_>, request: &RefundRequest) -> Result<Refund> {
        let body = wire::NewRefund {
            amount_in_minor: Self::SPEC.minor(&request.amount)?,
            reference: &request.reference,
            metadata: wire::Metadata { reference: &request.reference },
        };
        let path = at("/v3/payments", &request.payment, "/refunds")?;
        let made: wire::Id = self.read(cx, self.post(cx, &path, request.key.as_str(), Some(&body))?).await?;
        Ok(Refund {
            payment: Some(request.payment.clone()),
            ..Refund::new(wire::refund_handle(made.id, request.payment.id()), TransferState::Pending)
        })
    }

    async fn retrieve(&self, cx: &Context<'_>, request: &Retrieve) -> Result<Payment> {
        match &request.by {
            Lookup::Handle(handle) => self.look(cx, handle).await,
            Lookup::Reference(_) => Err(Error::unsupported(Op::Retrieve)),
        }
    }

    async fn retrieve_refund(&self, cx: &Context<'_>, request: &RetrieveRefund) -> Result<Refund> {
        let unknown = || Error::invalid("refund", "the handle lacks the payment of the refund");
        let payment = Handle::new(request.refund.part("payment").ok_or_else(unknown)?);
        let path = at("/v3/payments", &payment, &format!("/refunds/{}", request.refund.segment()?))?;
        let found: wire::Transfer = self.read(cx, self.get(cx, &path)).await?;
        found.into_refund(payment)
    }

    async fn set_up(&self, cx: &Context<'_>, request: &SetUp) -> Result<Mandate> {
        let Method::OpenBanking { bank, .. } = &request.method else {
            return Err(Error::unsupported_variant(request.method.family()));
        };
        if request.currency != Currency::GBP {
            return Err(Error::invalid("currency", "variable recurring payments are in pounds"));
        }
        let unset = || Error::new(Kind::Credentials, Effect::None, "mandates need a use").in_field("mandates");
        let made_for = self.credentials.mandates.ok_or_else(unset)?;
        let return_url = needed(request.return_url.as_deref())?;
        let name = payer(&request.customer)?;
        let body = wire::NewMandate {
            mandate: wire::MandateTerms {
                kind: if made_for == MandateUse::Sweeping { "sweeping" } else { "commercial" },
                use_case: wire::use_case(made_for),
                provider_selection: wire::Selection::of(bank.as_deref(), false),
                beneficiary: self.beneficiary(request.currency)?,
            },
            currency: request.currency.code(),
            user: wire::User::of(&name, &request.customer),
            constraints: wire::Constraints::of(&request.limits)?,
            metadata: wire::Metadata { reference: &request.reference },
        };
        let call = self.post(cx, "/v3/mandates", request.key.as_str(), Some(&body))?;
        let made: wire::Created = self.read(cx, call).await?;
        let handle = wire::mandate_handle(&made.id);
        let key = bank.as_ref().map(|_| &request.key);
        let onward = self.onward(cx, &MANDATE, made, key, return_url).await.map_err(|error| error.about(&handle))?;
        let state = match onward {
            Onward::To(page) => MandateState::ActionRequired(page),
            Onward::Stands(status, failure_reason) => wire::mandate(status, failure_reason),
        };
        Ok(Mandate::new(handle, state))
    }

    async fn revoke(&self, cx: &Context<'_>, request: &Revoke) -> Result<Mandate> {
        let path = at("/v3/mandates", &request.mandate, "/revoke")?;
        match self.send(cx, self.post(cx, &path, request.key.as_str(), None::<&()>)?).await?.status() {
            204 => Ok(Mandate::new(request.mandate.clone(), MandateState::Revoked)),
            _ => Err(Error::protocol("a revocation is answered with 204")),
        }
    }

    async fn pay_out(&self, cx: &Context<'_>, request: &PayOut) -> Result<Payout> {
        let Recipient::Bank { account, .. } = &request.recipient else {
            return Err(Error::unsupported_variant("payouts to other than a bank account"));
        };
        let number = account.number.expose();
        let body = wire::NewPayout {
            merchant_account_id: self.merchant_account(request.amount.currency())?,
            amount_in_minor: Self::SPEC.minor(&request.amount)?,
            currency: request.amount.currency().code(),
            beneficiary: wire::ExternalAccount {
                kind: "external_account",
                account_holder_name: &account.holder,
                reference: request.description.as_deref().unwrap_or(&request.reference),
                account_identifiers: [match account.routing.as_deref() {
                    Some(sort_code) => wire::Account::SortCodeAccountNumber { sort_code, account_number: number },
                    None => wire::Account::Iban { iban: number },
                }],
            },
            metadata: wire::Metadata { reference: &request.reference },
        };
        let made: wire::Id = self.read(cx, self.post(cx, "/v3/payouts", request.key.as_str(), Some(&body))?).await?;
        Ok(Payout::new(Handle::new(made.id), TransferState::Pending))
    }

    async fn retrieve_payout(&self, cx: &Context<'_>, request: &RetrievePayout) -> Result<Payout> {
        let found: wire::Transfer = self.read(cx, self.get(cx, &at("/v3/payouts", &request.payout, "")?)).await?;
        found.into_payout()
    }

    async fn webhook(&self, cx: &Context<'_>, delivery: &Delivery) -> Result<Vec<Event>> {
        let authentic = self.vouch(cx, delivery).await?;
        let event: wire::Event = authentic.json()?;
        let body = match event.kind.as_str() {
            "payment_authorized" | "payment_executed" | "payment_settled" | "payment_failed" => {
                EventBody::Payment(authentic.json::<wire::PaymentEvent>()?.into_payment(&event.kind))
            }
            "refund_executed" | "refund_failed" => {
                EventBody::Refund(authentic.json::<wire::RefundEvent>()?.into_refund(&event.kind))
            }
            "payout_executed" | "payout_failed" => {
                EventBody::Payout(authentic.json::<wire::PayoutEvent>()?.into_payout(&event.kind))
            }
            "mandate_authorized" | "mandate_failed" | "mandate_revoked" => {
                EventBody::Mandate(authentic.json::<wire::MandateEvent>()?.into_mandate(&event.kind))
            }
            _ => EventBody::Ignored,
        };
        Ok(vec![Event { id: Some(event.event_id), at: None, name: event.kind, body }])
    }
}

/// What a customer authorises, by its names in paths and in the address of the hosted page.
struct Authorised {
    collection: &'static str,
    id: &'static str,
}

const PAYMENT: Authorised = Authorised { collection: "payments", id: "payment_id" };
const MANDATE: Authorised = Authorised { collection: "mandates", id: "mandate_id" };

/// How it goes on with what was made.
enum Onward {
    /// The customer goes to a page.
    To(NextAction),
    /// It stands at this status, with the reason of a failure.
    Stands(String, Option<String>),
}

/// Where the customer comes back to.
fn needed(return_url: Option<&str>) -> Result<&str> {
    return_url.ok_or_else(|| Error::invalid("return_url", "the customer comes back to it"))
}

/// The name of a payer who can be reached, as the law on money laundering asks.
fn payer(customer: &Customer) -> Result<String> {
    if customer.email.is_none() && customer.phone.is_none() {
        return Err(Error::invalid("customer.email", "the payer's email address or phone number is needed"));
    }
    customer.full_name().ok_or_else(|| Error::invalid("customer", "the payer's name is needed"))
}

impl Truelayer {
    fn merchant_account(&self, currency: Currency) -> Result<&str> {
        let (account, field) = match currency {
            Currency::GBP => (&self.credentials.merchant_account_gbp, "merchant_account_gbp"),
            _ => (&self.credentials.merchant_account_eur, "merchant_account_eur"),
        };
        let unset = || Error::new(Kind::Credentials, Effect::None, "payments in the currency need it").in_field(field);
        account.as_deref().ok_or_else(unset)
    }

    fn beneficiary(&self, currency: Currency) -> Result<wire::MerchantAccount<'_>> {
        let merchant_account_id = self.merchant_account(currency)?;
        Ok(wire::MerchantAccount { kind: "merchant_account", merchant_account_id })
    }

    /// A payment under a mandate: it goes to the mandate's beneficiary, and the customer does nothing
    /// (<https://docs.truelayer.com/docs/create-a-payment-on-a-mandate>).
    async fn charge(&self, cx: &Context<'_>, request: &Authorize, mandate: &Handle) -> Result<Payment> {
        let body = wire::NewPayment {
            amount_in_minor: Self::SPEC.minor(&request.amount)?,
            currency: request.amount.currency().code(),
            payment_method: wire::PaymentMethod::Mandate { mandate_id: mandate.id() },
            user: None,
            metadata: wire::Metadata { reference: &request.reference },
        };
        let call = self.post(cx, "/v3/payments", request.key.as_str(), Some(&body))?;
        let made: wire::Created = self.read(cx, call).await?;
        let unstated = || Error::protocol("the answer has no status").about(&Handle::new(&made.id));
        let status = made.status.ok_or_else(unstated)?;
        Ok(Payment::new(Handle::new(&made.id), wire::state(status, made.failure_reason)))
    }

    /// The payment, or the mandate as a payment of nothing, as it stands.
    async fn look(&self, cx: &Context<'_>, handle: &Handle) -> Result<Payment> {
        if wire::is_mandate(handle) {
            let found: wire::FoundMandate = self.read(cx, self.get(cx, &at("/v3/mandates", handle, "")?)).await?;
            return Ok(found.into_payment());
        }
        let found: wire::Found = self.read(cx, self.get(cx, &at("/v3/payments", handle, "")?)).await?;
        found.into_payment()
    }

    /// How it goes on with what was made: the customer goes to the hosted page, or straight to the bank where one was named; `key` is then
    /// the key of the request.
    async fn onward(
        &self,
        cx: &Context<'_>,
        of: &Authorised,
        made: wire::Created,
        key: Option<&Key>,
        return_url: &str,
    ) -> Result<Onward> {
        match (made.status.as_deref(), key) {
            // Mandates are made without a status.
            (None | Some("authorization_required"), None) => self.hosted_page(of, &made, return_url).map(Onward::To),
            (None | Some("authorization_required"), Some(key)) => self.start(cx, of, &made, key, return_url).await,
            (Some(status), _) => Ok(Onward::Stands(status.to_owned(), made.failure_reason)),
        }
    }

    /// The hosted page, whose address holds the token of what was made, as the vendor wants it (`HostedPaymentPageLinkBuilder` of its
    /// library for Java).
    fn hosted_page(&self, of: &Authorised, made: &wire::Created, return_url: &str) -> Result<NextAction> {
        let missing = || Error::protocol("the answer has no resource token");
        let token = made.resource_token.as_ref().ok_or_else(missing)?.expose();
        let Authorised { collection, id: name } = of;
        let page = format!("https://payment.{}/{collection}", self.domain());
        let url = format!("{page}#{name}={}&resource_token={token}&return_uri={return_url}", made.id);
        Ok(NextAction::Redirect { url })
    }

    /// Sends the customer straight to the bank that was named.
    async fn start(
        &self,
        cx: &Context<'_>,
        of: &Authorised,
        made: &wire::Created,
        key: &Key,
        return_url: &str,
    ) -> Result<Onward> {
        let body = wire::Start { redirect: wire::Return { return_uri: return_url } };
        let path = at(&format!("/v3/{}", of.collection), &Handle::new(&made.id), "/authorization-flow")?;
        let flow: wire::Flow = self.read(cx, self.post(cx, &path, &format!("{key}-flow"), Some(&body))?).await?;
        let next = flow.authorization_flow.and_then(|flow| flow.actions).and_then(|actions| actions.next);
        Ok(match next {
            Some(wire::Next { kind, uri: Some(url) }) if kind == "redirect" && flow.status == "authorizing" => {
                Onward::To(NextAction::Redirect { url })
            }
            // Forms and choices that a bank wants besides are shown on the hosted page.
            Some(wire::Next { kind, .. }) if kind != "wait" && flow.status == "authorizing" => {
                Onward::To(self.hosted_page(of, made, return_url)?)
            }
            _ => Onward::Stands(flow.status, flow.failure_reason),
        })
    }
}

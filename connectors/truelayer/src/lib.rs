//! TrueLayer: open banking payments into a merchant account, refunds and payouts from it. JSON over HTTPS with a
//! client-credentials token; every POST is signed with a detached JWS (ES512), and so is every webhook.
//!
//! The customer pays on TrueLayer's hosted page, or, when the bank is named, goes straight to the bank. Money has arrived
//! when a payment is `settled`; `executed` says only that the bank took it on. The merchant's reference travels in the metadata.
//! Webhooks state no amount. Not offered: mandates (VRP), whose limits a set-up has no place for; verified payouts; look-up
//! by reference.
//!
//! Sources: <https://docs.truelayer.com/docs/create-a-payment>, the vendor's library for Java
//! (<https://github.com/TrueLayer/truelayer-java>) and signing libraries (<https://github.com/TrueLayer/truelayer-signing>).

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
    /// `sandbox` or `live`.
    #[serde(default)]
    environment: Environment,
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
            Op::PayOut,
            Op::RetrievePayout,
            Op::Webhook,
        ],
        methods: &[MethodKind::branded(Family::OpenBanking, "eu"), MethodKind::branded(Family::OpenBanking, "uk")],
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
        let Method::OpenBanking { bank, .. } = &request.method else {
            return Err(Error::unsupported(Op::Authorize));
        };
        let needed = || Error::invalid("return_url", "the customer comes back to it");
        let return_url = request.return_url.as_deref().ok_or_else(needed)?;
        let customer = &request.customer;
        let name = customer.full_name().ok_or_else(|| Error::invalid("customer", "the payer's name is needed"))?;
        if customer.email.is_none() && customer.phone.is_none() {
            return Err(Error::invalid("customer.email", "the payer's email address or phone number is needed"));
        }
        let euro = request.amount.currency() == Currency::EUR;
        let body = wire::NewPayment {
            amount_in_minor: Self::SPEC.minor(&request.amount)?,
            currency: request.amount.currency().code(),
            payment_method: wire::BankTransfer {
                kind: "bank_transfer",
                provider_selection: match bank.as_deref() {
                    None => wire::Selection::UserSelected,
                    Some(provider_id) => wire::Selection::Preselected {
                        provider_id,
                        scheme_selection: euro.then_some(wire::Typed { kind: "instant_preferred" }),
                    },
                },
                beneficiary: wire::MerchantAccount {
                    kind: "merchant_account",
                    merchant_account_id: self.merchant_account(request.amount.currency())?,
                },
            },
            user: wire::User { name: &name, email: customer.email.as_deref(), phone: customer.phone.as_deref() },
            metadata: wire::Metadata { reference: &request.reference },
        };
        let call = self.post(cx, "/v3/payments", request.key.as_str(), Some(&body))?;
        let made: wire::Created = self.read(cx, call).await?;
        let handle = Handle::new(&made.id);
        let state = match (made.status.as_str(), bank) {
            ("authorization_required", None) => State::ActionRequired(self.hosted_page(&made, return_url)?),
            ("authorization_required", Some(_)) => {
                let started = self.start(cx, request, &made, return_url).await;
                started.map_err(|error| error.about(&handle))?
            }
            _ => wire::state(made.status, made.failure_reason),
        };
        Ok(Payment::new(handle, state))
    }

    async fn complete(&self, cx: &Context<'_>, request: &Complete) -> Result<Payment> {
        let found = self.payment(cx, &request.payment).await?;
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
            Lookup::Handle(handle) => self.payment(cx, handle).await,
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
            _ => EventBody::Ignored,
        };
        Ok(vec![Event { id: Some(event.event_id), at: None, name: event.kind, body }])
    }
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

    async fn payment(&self, cx: &Context<'_>, handle: &Handle) -> Result<Payment> {
        let found: wire::Found = self.read(cx, self.get(cx, &at("/v3/payments", handle, "")?)).await?;
        found.into_payment()
    }

    /// The hosted page, whose address holds the payment's token, as the vendor wants it (`HostedPaymentPageLinkBuilder` of its library for Java).
    fn hosted_page(&self, made: &wire::Created, return_url: &str) -> Result<NextAction> {
        let missing = || Error::protocol("the answer has no resource token");
        let token = made.resource_token.as_ref().ok_or_else(missing)?;
        let page = format!("https://payment.{}/payments", self.domain());
        let url = format!("{page}#payment_id={}&resource_token={}&return_uri={return_url}", made.id, token.expose());
        Ok(NextAction::Redirect { url })
    }

    /// Sends the customer straight to the bank that was named.
    async fn start(
        &self,
        cx: &Context<'_>,
        request: &Authorize,
        made: &wire::Created,
        return_url: &str,
    ) -> Result<State> {
        let body = wire::Start { redirect: wire::Return { return_uri: return_url } };
        let path = at("/v3/payments", &Handle::new(&made.id), "/authorization-flow")?;
        let key = format!("{}-flow", request.key);
        let flow: wire::Flow = self.read(cx, self.post(cx, &path, &key, Some(&body))?).await?;
        let next = flow.authorization_flow.and_then(|flow| flow.actions).and_then(|actions| actions.next);
        Ok(match next {
            Some(wire::Next { kind, uri: Some(url) }) if kind == "redirect" && flow.status == "authorizing" => {
                State::ActionRequired(NextAction::Redirect { url })
            }
            // Forms and choices that a bank wants besides are shown on the hosted page.
            Some(wire::Next { kind, .. }) if kind != "wait" && flow.status == "authorizing" => {
                State::ActionRequired(self.hosted_page(made, return_url)?)
            }
            _ => wire::state(flow.status, flow.failure_reason),
        })
    }
}

//! Authorize.Net: ordered JSON at `request.api`, keys in the body, HMAC-SHA512 webhooks.
//!
//! - Every answer has HTTP 200; `messages.resultCode` and `transactionResponse.responseCode` tell what happened.
//! - Ids have 20 characters: longer keys and references are sent as the first 20 hex digits of their SHA-256.
//! - A repetition is caught for eight hours by the gateway's duplicate check, which names the first transaction: read back.
//! - An account has one currency, and no answer names it: handles carry it, else the credentials say it.
//! - A refund quotes the masked card or account, which is read back first. There is no look-up by reference: the newest 500
//!   unsettled transactions are searched.
//!
//! Sources: <https://developer.authorize.net/api/reference/index.html> and `AnetApiSchema.xsd`.

mod build;
mod codes;
mod wire;

use build::short;
use quittance::body::{Member, node, object, text};
use quittance::*;
use schemars::JsonSchema;
use serde::Deserialize;
use wire::{Answer, Verdict};

/// The catalogue entry.
pub static ENTRY: Entry = Entry::of::<AuthorizeNet>();

/// One merchant account.
#[derive(Debug)]
pub struct AuthorizeNet {
    credentials: Credentials,
}

/// Credentials of a merchant account.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Credentials {
    /// API login ID.
    pub api_login_id: Secret,
    /// Transaction key, 16 characters.
    pub transaction_key: Secret,
    /// Signature key, 128 hexadecimal digits; signs webhooks.
    pub signature_key: Secret,
    /// The currency of the account, an ISO 4217 code; an account has exactly one.
    pub currency: Currency,
    /// Sandbox or live account.
    pub environment: Environment,
}

impl Provider for AuthorizeNet {
    const SPEC: Spec = Spec {
        hosts: &["api.authorize.net", "apitest.authorize.net"],
        operations: &[
            Op::Authorize,
            Op::Capture,
            Op::Void,
            Op::Refund,
            Op::Retrieve,
            Op::RetrieveRefund,
            Op::SetUp,
            Op::Revoke,
            Op::Webhook,
        ],
        methods: &[
            MethodKind::of(Family::Card),
            MethodKind::of(Family::NetworkToken),
            MethodKind::of(Family::ApplePay),
            MethodKind::of(Family::GooglePay),
            MethodKind::branded(Family::BankDebit, "ach"),
            MethodKind::of(Family::Mandate),
        ],
        mandates: &[MethodKind::of(Family::Card), MethodKind::branded(Family::BankDebit, "ach")],
        currencies: Currencies::Only(&[Currency::CAD, Currency::USD]),
        countries: &["CA", "US"],
        capture: CaptureRules { manual: true, partial: true, multiple: false },
        void: VoidRules { captured: true, debit: true },
        three_ds: ThreeDsRules { challenge: false, external: true },
        refund: RefundRules { partial: true, multiple: true },
        lookups: &[LookupKind::Handle, LookupKind::Reference],
        idempotency: Idempotency::Body("poNumber"),
        idempotency_exceptions: &[
            (Op::Void, Idempotency::None),
            (Op::SetUp, Idempotency::None),
            (Op::Revoke, Idempotency::None),
        ],
        webhook: Some(WebhookRules {
            authentication: WebhookAuthentication::HeaderMac,
            tolerance_seconds: None,
            acknowledgement: "",
        }),
        ..Spec::new("authorize-net", "Authorize.Net", "https://developer.authorize.net/api/reference/index.html")
    };
    type Credentials = Credentials;

    fn new(credentials: Credentials) -> Result<AuthorizeNet> {
        Ok(AuthorizeNet { credentials })
    }
}

#[async_trait]
impl Connector for AuthorizeNet {
    fn spec(&self) -> &'static Spec {
        &Self::SPEC
    }

    async fn authorize(&self, cx: &Context<'_>, request: &Authorize) -> Result<Payment> {
        let family = request.method.family();
        if family == Family::BankDebit && request.capture == CaptureMode::Manual {
            return Err(Error::unsupported_variant("manual capture of a bank debit"));
        }
        if request.store && !Self::SPEC.mandates.iter().any(|kind| kind.family == family) {
            return Err(Error::unsupported_variant(format_args!("storing {family}")));
        }
        let currency = request.amount.currency();
        let (verdict, answer) = self.transact(cx, &request.key, build::transaction(cx, request)?).await?;
        let state = match verdict {
            Verdict::Before(found) => return payment(&found, currency).map(as_told_first),
            Verdict::Other(state) => state,
            _ if request.capture == CaptureMode::Manual => State::Authorized,
            _ if family == Family::BankDebit => State::Pending,
            _ if answer.text("transactionResponse/accountType") == Some("eCheck") => State::Pending,
            _ => State::Captured,
        };
        let handle = match answer.id("transactionResponse/transId") {
            Some(id) => handle(id, currency),
            // Refused without being kept: the reference is all there is to find it by.
            None => handle(&short(&request.reference), currency).with("by", "reference"),
        };
        let stored = answer.at("profileResponse").filter(|_| state.is_success());
        Ok(Payment {
            mandate: stored.and_then(Tree::mandate),
            network: answer.network(),
            ..Payment::new(handle, state)
        })
    }

    async fn capture(&self, cx: &Context<'_>, request: &Capture) -> Result<Payment> {
        let kind = text("transactionType", "priorAuthCaptureTransaction");
        let body = [kind, text("amount", Self::SPEC.major(&request.amount)?), text("refTransId", request.payment.id())];
        let found = self.follow(cx, &request.key, &request.payment, body, State::Captured).await?;
        match found.captured.is_none_or(|captured| captured == request.amount) {
            true => Ok(as_told_first(found)),
            false => Err(refused(Kind::Conflict, "another amount was captured before")),
        }
    }

    async fn void(&self, cx: &Context<'_>, request: &Void) -> Result<Payment> {
        let body = [text("transactionType", "voidTransaction"), text("refTransId", request.payment.id()), None];
        let found = self.follow(cx, &request.key, &request.payment, body, State::Voided).await?;
        match found.state {
            State::Declined(_) => Err(refused(Kind::Conflict, "the processor refused the void")),
            _ => Ok(as_told_first(found)),
        }
    }

    async fn refund(&self, cx: &Context<'_>, request: &RefundRequest) -> Result<Refund> {
        // The gateway asks for the masked card or account again.
        let found = self.details(cx, request.payment.id()).await?;
        let transaction = build::refund(request, &found)?;
        let (verdict, answer) = self.transact(cx, &request.key, transaction).await?;
        let currency = request.amount.currency();
        let state = match verdict {
            Verdict::Before(found) => return refund(&found, currency),
            Verdict::Other(state) => transfer(state),
            _ => TransferState::Pending,
        };
        let kept = answer.id("transactionResponse/transId");
        let id = kept.ok_or_else(|| refused(Kind::Conflict, "the gateway made no refund"))?;
        let payment = answer.id("transactionResponse/refTransID").map(|id| handle(id, currency));
        Ok(Refund { payment, ..Refund::new(handle(id, currency), state) })
    }

    async fn retrieve(&self, cx: &Context<'_>, request: &Retrieve) -> Result<Payment> {
        match &request.by {
            Lookup::Handle(handle) if handle.part("by").is_some() => {
                Ok(Payment { handle: handle.clone(), ..self.find(cx, handle.id()).await? })
            }
            Lookup::Handle(handle) => payment(&self.details(cx, handle.id()).await?, self.currency(handle)),
            Lookup::Reference(reference) => {
                let found = self.find(cx, &short(reference)).await?;
                Ok(Payment { reference: Some(reference.clone()), ..found })
            }
        }
    }

    async fn retrieve_refund(&self, cx: &Context<'_>, request: &RetrieveRefund) -> Result<Refund> {
        refund(&self.details(cx, request.refund.id()).await?, self.currency(&request.refund))
    }

    async fn set_up(&self, cx: &Context<'_>, request: &SetUp) -> Result<Mandate> {
        let body = build::profile(cx, request)?;
        let answer = self.send(cx, "createCustomerProfileRequest", &short(request.key.as_str()), body).await?;
        if let Some(decline) = answer.trial() {
            return Ok(Mandate::new(Handle::new(short(&request.reference)), MandateState::Declined(decline)));
        }
        answer.check()?;
        let handle = answer.mandate().ok_or_else(|| Error::protocol("the answer names no profile"))?;
        Ok(Mandate::new(handle, MandateState::Active))
    }

    async fn revoke(&self, cx: &Context<'_>, request: &Revoke) -> Result<Mandate> {
        let customer = text("customerProfileId", build::customer_of(&request.mandate)?);
        let body = [customer, text("customerPaymentProfileId", request.mandate.id())];
        self.send(cx, "deleteCustomerPaymentProfileRequest", &short(request.key.as_str()), body).await?.check()?;
        Ok(Mandate::new(request.mandate.clone(), MandateState::Revoked))
    }

    async fn webhook(&self, cx: &Context<'_>, delivery: &Delivery) -> Result<Vec<Event>> {
        let header = delivery.header("x-anet-signature")?;
        let digits = header.split_once('=').filter(|(name, _)| name.eq_ignore_ascii_case("sha512"));
        let given = digits.and_then(|(_, digits)| hex::decode(digits).ok());
        let given = given.ok_or_else(|| Error::signature("header x-anet-signature is not sha512= and hex digits"))?;
        // The key is its text, not the bytes that its hex digits stand for.
        let key = self.credentials.signature_key.expose().as_bytes();
        let event: Tree = delivery.hmac(digest::Hash::Sha512, key, &[Signed::Body], &given)?.json()?;
        let name = event.need("eventType")?;
        let body = match name.strip_prefix("net.authorize.") {
            Some(kind) if kind.starts_with("payment.") => {
                let found = self.details(cx, event.need("payload/id")?).await?;
                match found.text("transaction/transactionType") {
                    Some(REFUND) => EventBody::Refund(refund(&found, self.credentials.currency)?),
                    _ => EventBody::Payment(payment(&found, self.credentials.currency)?),
                }
            }
            Some("customer.paymentProfile.deleted") => {
                let customer = event.text("payload/customerProfileId");
                let mandate = Handle::new(event.need("payload/id")?).with_some("customer", customer);
                EventBody::Mandate(Mandate::new(mandate, MandateState::Revoked))
            }
            _ => EventBody::Ignored,
        };
        let at = event.text("eventDate").and_then(|date| date.parse().ok());
        Ok(vec![Event { id: event.text("notificationId").map(str::to_owned), at, name: name.to_owned(), body }])
    }
}

impl AuthorizeNet {
    /// Sends a transaction. What was done before is read back.
    async fn transact(&self, cx: &Context<'_>, key: &Key, transaction: Member<'_>) -> Result<(Verdict, Tree)> {
        let key = short(key.as_str());
        let answer = self.send(cx, "createTransactionRequest", &key, [transaction, None]).await?;
        let verdict = answer.verdict(self.credentials.environment == Environment::Live)?;
        let earlier = match &verdict {
            Verdict::Duplicate => answer.id("transactionResponse/transId"),
            Verdict::Captured => answer.id("transactionResponse/refTransID"),
            _ => return Ok((verdict, answer)),
        };
        let earlier_one = |message: &str| Error::new(Kind::Conflict, Effect::Unknown, message).with_code("11");
        let id = earlier.ok_or_else(|| earlier_one("an equal transaction was sent before; look it up by reference"))?;
        let found = self.details(cx, id).await;
        let found = found.map_err(|error| error.with_effect(Effect::Unknown).about(&Handle::new(id)))?;
        match matches!(verdict, Verdict::Captured) || found.text("transrefId") == Some(key.as_str()) {
            true => Ok((Verdict::Before(found), answer)),
            false => Err(earlier_one("an equal transaction was sent under another key").about(&Handle::new(id))),
        }
    }

    /// Acts on an earlier payment, which is in state `done` after that.
    async fn follow(
        &self,
        cx: &Context<'_>,
        key: &Key,
        about: &Handle,
        body: [Member<'_>; 3],
        done: State,
    ) -> Result<Payment> {
        let (verdict, answer) = self.transact(cx, key, node("transactionRequest", body)).await?;
        let state = match verdict {
            Verdict::Before(found) => return payment(&found, self.currency(about)),
            Verdict::Other(state) => state,
            _ => done,
        };
        let id = answer.id("transactionResponse/refTransID").or(answer.id("transactionResponse/transId"));
        let id = id.ok_or_else(|| Error::protocol("the answer names no transaction"))?;
        Ok(Payment { network: answer.network(), ..Payment::new(handle(id, self.currency(about)), state) })
    }

    /// An answer with a `transaction`, and with the `transrefId` that it was made under.
    async fn details(&self, cx: &Context<'_>, id: &str) -> Result<Tree> {
        let found = self.send(cx, "getTransactionDetailsRequest", "", [text("transId", id), None]).await?;
        found.check()?;
        match found.need("transaction/transId")? == id {
            true => Ok(found),
            false => Err(Error::new(Kind::Integrity, Effect::Unknown, "the answer speaks of another transaction")),
        }
    }

    /// The newest unsettled transaction with this invoice number.
    async fn find(&self, cx: &Context<'_>, invoice: &str) -> Result<Payment> {
        let sorting = node("sorting", [text("orderBy", "submitTimeUTC"), text("orderDescending", "true")]);
        let paging = node("paging", [text("limit", "500"), text("offset", "1")]);
        let answer = self.send(cx, "getUnsettledTransactionListRequest", "", [sorting, paging]).await?;
        answer.check()?;
        let newest = answer.list("transactions", "transaction");
        let found = newest.iter().find(|summary| summary.text("invoiceNumber") == Some(invoice));
        let missing = || refused(Kind::NotFound, "no unsettled transaction has this reference");
        payment(&self.details(cx, found.ok_or_else(missing)?.need("transId")?).await?, self.credentials.currency)
    }

    /// The one funnel. Without a `key` the call only reads.
    async fn send(&self, cx: &Context<'_>, method: &'static str, key: &str, body: [Member<'_>; 2]) -> Result<Tree> {
        let Credentials { api_login_id, transaction_key, environment, .. } = &self.credentials;
        let url = match environment {
            Environment::Live => "https://api.authorize.net/xml/v1/request.api",
            Environment::Sandbox => "https://apitest.authorize.net/xml/v1/request.api",
        };
        cx.protect(api_login_id.expose());
        cx.protect(transaction_key.expose());
        let account = [text("name", api_login_id.expose()), text("transactionKey", transaction_key.expose())];
        let key = Some(key).filter(|key| !key.is_empty());
        let head = [node("merchantAuthentication", account), key.and_then(|key| text("refId", key))];
        let call = cx.post(url).json(&object([node(method, head.into_iter().chain(body))]));
        let reply = if key.is_none() { call.harmless() } else { call }.send().await?;
        if reply.status() != 200 {
            return Err(reply.fault_with(Fault::default()));
        }
        reply.json()
    }

    fn currency(&self, handle: &Handle) -> Currency {
        handle.part("currency").and_then(Currency::from_code).unwrap_or(self.credentials.currency)
    }
}

fn handle(id: &str, currency: Currency) -> Handle {
    Handle::new(id).with("currency", currency.code())
}

/// The `transactionType` of a refund, and those of payments.
const REFUND: &str = "refundTransaction";
const PAYMENTS: [&str; 3] = ["authCaptureTransaction", "authOnlyTransaction", "captureOnlyTransaction"];

/// An error of which the gateway says that nothing was done.
fn refused(kind: Kind, message: &str) -> Error {
    Error::new(kind, Effect::None, message)
}

/// The state of a refund, as that of a payment in which done is captured.
fn transfer(state: State) -> TransferState {
    match state {
        State::Captured => TransferState::Succeeded,
        State::Voided => TransferState::Cancelled,
        State::Declined(decline) => TransferState::Failed(decline),
        State::Unrecognised(raw) => TransferState::Unrecognised(raw),
        _ => TransferState::Pending,
    }
}

/// A payment out of the answer to [`AuthorizeNet::details`].
fn payment(found: &Tree, currency: Currency) -> Result<Payment> {
    let is_payment = |details: &&Tree| details.text("transactionType").is_some_and(|kind| PAYMENTS.contains(&kind));
    let other = || Error::new(Kind::NotFound, Effect::Unknown, "the transaction is no payment");
    let details = found.at("transaction").filter(is_payment).ok_or_else(other)?;
    let money = |name: &str| AuthorizeNet::SPEC.money_major(details.need(name)?, currency.code());
    let state = codes::state(details, details.need("transactionStatus")?);
    Ok(Payment {
        amount: Some(money("authAmount")?),
        captured: (state == State::Captured).then(|| money("settleAmount")).transpose()?,
        reference: details.text("order/invoiceNumber").map(str::to_owned),
        network: found.network(),
        ..Payment::new(handle(details.need("transId")?, currency), state)
    })
}

/// What was read back, as the first answer had told it: without amounts and reference.
fn as_told_first(found: Payment) -> Payment {
    Payment { amount: None, captured: None, reference: None, ..found }
}

/// A refund out of the answer to [`AuthorizeNet::details`].
fn refund(found: &Tree, currency: Currency) -> Result<Refund> {
    let details = found.at("transaction").filter(|details| details.text("transactionType") == Some(REFUND));
    let details = details.ok_or_else(|| Error::new(Kind::NotFound, Effect::Unknown, "the transaction is no refund"))?;
    let state = transfer(codes::state(details, details.need("transactionStatus")?));
    Ok(Refund {
        amount: Some(AuthorizeNet::SPEC.money_major(details.need("settleAmount")?, currency.code())?),
        payment: details.id("refTransId").map(|id| handle(id, currency)),
        reference: details.text("order/invoiceNumber").map(str::to_owned),
        ..Refund::new(handle(details.need("transId")?, currency), state)
    })
}

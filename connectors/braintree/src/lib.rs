//! Braintree: cards, network tokens and client tokens by the GraphQL API; look-ups and voids by the gateway, which answers in XML.
//!
//! - GraphQL tells every error in a 200: `errors[].extensions.errorClass` is its class, `legacyCode` the code.
//! - GraphQL has no void that cannot become a refund (`reverseTransaction`), so a void goes to the gateway. Look-ups read the
//!   gateway's transaction too, the form in which Braintree also reports changes.
//! - A handle is the id that the Control Panel shows (`legacyId`); its part `node` is the id that GraphQL takes.
//! - A request names no currency: each merchant account has one, so the credentials name an account for each currency.
//! - A card number is exchanged for a single-use token first. There is no idempotency key: after an unknown end, look the
//!   payment up by its reference (`orderId`).
//! - A capture is final for Braintree once it is submitted for settlement.
//! - A webhook is a form: the gateway's XML in base64, and its HMAC-SHA1 under the SHA-1 of the private key.
//!
//! Sources: <https://developer.paypal.com/braintree/graphql> with its schema, and Braintree's SDK for the gateway.

mod codes;
mod gateway;
mod graphql;

use std::collections::BTreeMap;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use graphql::mutation;
use quittance::body::{Member, node, optional, text};
use quittance::digest::{self, Hash};
use quittance::*;
use schemars::JsonSchema;
use serde::{Deserialize, de::DeserializeOwned};

/// Braintree's line in the catalogue.
pub static ENTRY: Entry = Entry::of::<Braintree>();

/// The version of the GraphQL API: the first that takes two-letter country codes.
const VERSION: &str = "2021-02-01";

/// The version of the gateway's API (Braintree's SDK 3.40.0).
const GATEWAY_VERSION: &str = "6";

/// One Braintree gateway account.
#[derive(Debug)]
pub struct Braintree {
    credentials: Credentials,
}

/// What the Control Panel gives for a gateway account (Settings > API).
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Credentials {
    /// The merchant id of the gateway account.
    pub merchant_id: String,
    /// The public key of the API key pair.
    pub public_key: String,
    /// The private key of the API key pair; it also signs webhooks.
    pub private_key: Secret,
    /// The merchant account for each currency, by ISO 4217 code.
    pub merchant_accounts: BTreeMap<String, String>,
    /// Sandbox or production.
    pub environment: Environment,
}

#[rustfmt::skip]
const SPEC: Spec = Spec {
    hosts: &[
        "payments.braintree-api.com", "payments.sandbox.braintree-api.com", "api.braintreegateway.com",
        "api.sandbox.braintreegateway.com",
    ],
    operations: &[
        Op::Authorize, Op::Capture, Op::Void, Op::Refund, Op::Retrieve, Op::RetrieveRefund, Op::Adjust, Op::SetUp, Op::Revoke,
        Op::OpenSession, Op::AnswerDispute, Op::Webhook,
    ],
    methods: &[MethodKind::of(Family::Card), MethodKind::of(Family::NetworkToken), MethodKind::of(Family::Mandate)],
    mandates: &[MethodKind::of(Family::Card)], cards: CardRules { number: true, token: true },
    currencies: Currencies::Only(codes::CURRENCIES),
    capture: CaptureRules { manual: true, partial: true, multiple: false }, void: VoidRules { captured: true, debit: false },
    refund: RefundRules { partial: true, multiple: true }, three_ds: ThreeDsRules { challenge: false, external: true },
    lookups: &[LookupKind::Handle, LookupKind::Reference], disputes: DisputeRules { accept: true, contest: true },
    webhook: Some(WebhookRules {
        authentication: WebhookAuthentication::BodyMac, tolerance_seconds: None, acknowledgement: "",
    }),
    ..Spec::new("braintree", "Braintree", "https://developer.paypal.com/braintree/graphql")
};

impl Provider for Braintree {
    const SPEC: Spec = SPEC;
    type Credentials = Credentials;

    fn new(credentials: Credentials) -> Result<Braintree> {
        match credentials.merchant_accounts.keys().all(|code| Currency::from_code(code).is_some()) {
            true => Ok(Braintree { credentials }),
            false => {
                Err(Error::new(Kind::Credentials, Effect::None, "an account stands under what is no currency code")
                    .in_field("merchant_accounts"))
            }
        }
    }
}

#[async_trait]
impl Connector for Braintree {
    fn spec(&self) -> &'static Spec {
        ENTRY.spec
    }

    async fn authorize(&self, cx: &Context<'_>, request: &Authorize) -> Result<Payment> {
        let account = self.account(request.amount.currency())?;
        let method = self.method(cx, &request.method, &request.billing).await?;
        let verb = match request.capture {
            CaptureMode::Automatic => "chargePaymentMethod",
            CaptureMode::Manual => "authorizePaymentMethod",
        };
        let input = [text("paymentMethodId", method), node("transaction", graphql::transaction(request, account)?)];
        let answer =
            self.done::<graphql::Transaction>(self.graphql(cx, &mutation(verb, graphql::TRANSACTION), input)).await?;
        let stored = answer.stored();
        let payment = answer.found()?.payment()?;
        let stored = stored.filter(|_| request.store && payment.state.is_success());
        Ok(Payment { mandate: stored.map(Handle::new), ..payment })
    }

    async fn capture(&self, cx: &Context<'_>, request: &Capture) -> Result<Payment> {
        let amount = node("transaction", [text("amount", self.spec().major(&request.amount)?)]);
        let input = [text("transactionId", graphql_id(&request.payment)?), amount];
        let query = mutation("captureTransaction", graphql::TRANSACTION);
        self.change(&request.payment, self.graphql(cx, &query, input)).await
    }

    async fn void(&self, cx: &Context<'_>, request: &Void) -> Result<Payment> {
        let path = format!("transactions/{}/void", request.payment.segment()?);
        let found: gateway::Transaction = self.gateway(cx, http::Method::PUT, &path).await?;
        Ok(Payment { reference: None, ..found.found()?.payment()? })
    }

    async fn refund(&self, cx: &Context<'_>, request: &RefundRequest) -> Result<Refund> {
        let amount = text("amount", self.spec().major(&request.amount)?);
        let reason = optional("reason", request.reason.as_deref());
        let refund = node("refund", [amount, text("orderId", &request.reference), reason]);
        let input = [text("transactionId", graphql_id(&request.payment)?), refund];
        let query = mutation("refundTransaction", graphql::REFUND);
        let refund = self.done::<graphql::Transaction>(self.graphql(cx, &query, input)).await?.found()?.refund()?;
        refund.payment.as_ref().map_or(Ok(()), |payment| agree_node(&request.payment, payment))?;
        Ok(refund)
    }

    async fn retrieve(&self, cx: &Context<'_>, request: &Retrieve) -> Result<Payment> {
        match &request.by {
            Lookup::Handle(handle) => self.look_up(cx, handle).await?.payment(),
            Lookup::Reference(reference) => {
                let input = [node("orderId", [text("is", reference)])];
                let call = self.graphql(cx, &graphql::search(), input).harmless();
                let unknown = || Error::new(Kind::NotFound, Effect::None, "no transaction has this reference");
                self.done::<graphql::Search>(call).await?.newest().ok_or_else(unknown)?.found()?.payment()
            }
        }
    }

    async fn retrieve_refund(&self, cx: &Context<'_>, request: &RetrieveRefund) -> Result<Refund> {
        self.look_up(cx, &request.refund).await?.refund()
    }

    async fn adjust(&self, cx: &Context<'_>, request: &Adjust) -> Result<Payment> {
        let amount = text("amount", self.spec().major(&request.amount)?);
        let input = [text("transactionId", graphql_id(&request.payment)?), amount];
        let query = mutation("updateTransactionAmount", graphql::TRANSACTION);
        // The payment keeps the reference of its authorization.
        Ok(Payment { reference: None, ..self.change(&request.payment, self.graphql(cx, &query, input)).await? })
    }

    async fn set_up(&self, cx: &Context<'_>, request: &SetUp) -> Result<Mandate> {
        let account = self.account(request.currency)?;
        let method = self.method(cx, &request.method, &request.billing).await?;
        let verification = node("verification", [text("merchantAccountId", account)]);
        let query = mutation("vaultPaymentMethod", graphql::VAULTED);
        let call = self.graphql(cx, &query, [text("paymentMethodId", method), verification]);
        let (vaulted, error) = self.answer::<graphql::Vaulted>(call).await?;
        match vaulted.map(|vaulted| (vaulted.payment_method, vaulted.verification)) {
            // The error beside a refused verification only says that there is nothing stored.
            Some((stored, Some(verification))) => {
                let (state, network) = verification.state();
                if stored.is_none() && state == MandateState::Active {
                    return Err(Error::protocol("the answer names no stored method"));
                }
                let handle = Handle::new(stored.map_or_else(|| request.reference.clone(), |stored| stored.id));
                Ok(Mandate { network, ..Mandate::new(handle, state) })
            }
            Some((Some(stored), None)) => {
                let unverified = MandateState::Unrecognised("stored without verification".to_owned());
                Ok(Mandate::new(Handle::new(stored.id), unverified))
            }
            _ => Err(error.unwrap_or_else(unreadable)),
        }
    }

    async fn revoke(&self, cx: &Context<'_>, request: &Revoke) -> Result<Mandate> {
        let input = [text("paymentMethodId", request.mandate.id()), text("clientMutationId", request.key.as_str())];
        let query = mutation("deletePaymentMethodFromVault", "it: clientMutationId");
        let deleted: String = self.done(self.graphql(cx, &query, input)).await?;
        agree_part(&request.mandate, Some(request.key.as_str()), Some(&deleted))?;
        Ok(Mandate::new(request.mandate.clone(), MandateState::Revoked))
    }

    async fn open_session(&self, cx: &Context<'_>, request: &OpenSession) -> Result<Session> {
        let account = self.account(request.amount.currency())?;
        let input = [node("clientToken", [text("merchantAccountId", account)])];
        let call = self.graphql(cx, &mutation("createClientToken", "it: clientToken"), input);
        let token: Secret = self.done(call).await?;
        Ok(Session { handle: None, token, expires: None })
    }

    async fn answer_dispute(&self, cx: &Context<'_>, request: &AnswerDispute) -> Result<Dispute> {
        let id = graphql_id(&request.dispute)?;
        let about = |error: Error| error.about(&request.dispute);
        let verb = match &request.answer {
            Answer::Accept => "acceptDispute",
            Answer::Contest(evidence) if !evidence.documents.is_empty() => {
                return Err(Error::unsupported_variant("evidence as a document"));
            }
            Answer::Contest(evidence) => {
                let query = mutation("createDisputeTextEvidence", "it: evidence { id }");
                let mut given = false;
                for (category, content) in graphql::evidence(evidence) {
                    let input = [text("disputeId", id), text("category", category), text("content", content)];
                    // What was given before stays with the dispute.
                    let after = |error: Error| if given { error.with_effect(Effect::Unknown) } else { error };
                    let _: graphql::Id =
                        self.done(self.graphql(cx, &query, input)).await.map_err(|error| about(after(error)))?;
                    given = true;
                }
                "finalizeDispute"
            }
        };
        let call = self.graphql(cx, &mutation(verb, graphql::DISPUTE), [text("disputeId", id)]);
        let contested = matches!(request.answer, Answer::Contest(_));
        let after = |error: Error| about(if contested { error.with_effect(Effect::Unknown) } else { error });
        let answered = self.done::<graphql::ReadDispute>(call).await.map_err(after)?.dispute();
        agree_node(&request.dispute, &answered.handle)?;
        Ok(answered)
    }

    async fn webhook(&self, _cx: &Context<'_>, delivery: &Delivery) -> Result<Vec<Event>> {
        // What was signed is the text of a field, so the proven XML becomes a delivery of its own.
        let proven = Delivery::new(http::HeaderMap::new(), self.vouched(delivery)?);
        let notification = proven.vouch(|_| Ok(()))?;
        let head: gateway::Head = notification.xml()?;
        let body = match head.kind.as_str() {
            "transaction_settled" | "transaction_settlement_declined" | "refund_failed" => {
                let subject = notification.xml::<gateway::Notification<gateway::AboutTransaction>>()?.subject;
                // Of a refund that failed, the notification itself says what it is about; its transaction need not.
                let is_refund = head.kind == "refund_failed" || subject.transaction.is_refund();
                let found = subject.transaction.found()?;
                if is_refund { EventBody::Refund(found.refund()?) } else { EventBody::Payment(found.payment()?) }
            }
            kind if kind.starts_with("dispute_") => {
                let subject = notification.xml::<gateway::Notification<gateway::AboutDispute>>()?.subject;
                EventBody::Dispute(subject.dispute.dispute()?)
            }
            _ => EventBody::Ignored,
        };
        Ok(vec![Event { id: None, at: head.timestamp.parse().ok(), name: head.kind, body }])
    }
}

impl Braintree {
    /// The merchant account that takes `currency`.
    fn account(&self, currency: Currency) -> Result<&str> {
        let account = self.credentials.merchant_accounts.get(currency.code());
        let missing =
            || Error::invalid("amount.currency", format!("no merchant account for {currency} in the credentials"));
        account.map(String::as_str).ok_or_else(missing)
    }

    /// The id under which Braintree takes the method; a number is exchanged for a single-use one.
    async fn method<'m>(&self, cx: &Context<'_>, method: &'m Method, billing: &Address) -> Result<Token<'m>> {
        let (verb, input) = match method {
            Method::CardToken(token) => return Ok(token.expose().into()),
            Method::Mandate(stored) => return Ok(stored.id().into()),
            Method::Card(card) => ("tokenizeCreditCard", graphql::card(card, billing)),
            Method::NetworkToken(token) => ("tokenizeNetworkToken", graphql::network_token(token)?),
            other => return Err(Error::unsupported_variant(other.family())),
        };
        // A single-use token moves nothing and lapses by itself.
        let call = self.graphql(cx, &mutation(verb, "it: paymentMethod { id }"), [input]).harmless();
        let made: graphql::Id = self.done(call).await?;
        Ok(made.id.into())
    }

    /// A mutation that changes the payment `of`.
    async fn change(&self, of: &Handle, call: Call<'_>) -> Result<Payment> {
        let changed = self.done::<graphql::Transaction>(call).await?.found()?.payment()?;
        agree_node(of, &changed.handle)?;
        Ok(changed)
    }

    /// The XML of a delivery. `bt_signature` holds pairs of public key and digest, one for each key of the account; the digest is over
    /// `bt_payload`, to which senders may have added a line end.
    fn vouched(&self, delivery: &Delivery) -> Result<Vec<u8>> {
        let fields = delivery.untrusted(|body| {
            let pairs = form_urlencoded::parse(body.text()?.as_bytes()).into_owned();
            Ok(pairs.collect::<BTreeMap<String, String>>())
        });
        let fields = fields.map_err(|_| Error::signature("the delivery is not a form"))?;
        let field =
            |name: &str| fields.get(name).ok_or_else(|| Error::signature(format!("form field {name} is missing")));
        let (signature, payload) = (field("bt_signature")?, field("bt_payload")?);
        let mut pairs = signature.split('&').filter_map(|pair| pair.split_once('|'));
        let own =
            pairs.find(|(key, _)| *key == self.credentials.public_key).and_then(|(_, made)| hex::decode(made).ok());
        let own = own.ok_or_else(|| Error::signature("bt_signature holds no digest of this public key"))?;
        let private = self.credentials.private_key.expose();
        let key = digest::sha1(private.as_bytes());
        let agrees =
            |end: &str| digest::same(&digest::hmac(Hash::Sha1, &key, &[payload.as_bytes(), end.as_bytes()]), &own);
        if private.is_empty() || !(agrees("") || agrees("\n")) {
            return Err(Error::signature("the signature does not agree"));
        }
        let lines: String = payload.split_ascii_whitespace().collect();
        STANDARD.decode(lines).map_err(|_| Error::protocol("bt_payload is not base64"))
    }

    fn graphql<'a, 'm>(
        &self,
        cx: &'a Context<'a>,
        query: &'m str,
        input: impl IntoIterator<Item = Member<'m>>,
    ) -> Call<'a> {
        let url = match self.credentials.environment {
            Environment::Live => "https://payments.braintree-api.com/graphql",
            Environment::Sandbox => "https://payments.sandbox.braintree-api.com/graphql",
        };
        let call = cx.post(url).basic(&self.credentials.public_key, &self.credentials.private_key);
        call.header("braintree-version", VERSION).json(&graphql::request(query, input))
    }

    async fn done<T: DeserializeOwned>(&self, call: Call<'_>) -> Result<T> {
        match self.answer::<graphql::One<T>>(call).await? {
            // An error beside what was done is about a part of the answer only.
            (Some(done), _) => Ok(done.it),
            (None, error) => Err(error.unwrap_or_else(unreadable)),
        }
    }

    /// What was done, and what went wrong; a part can succeed while another fails.
    async fn answer<T: DeserializeOwned>(&self, call: Call<'_>) -> Result<(Option<T>, Option<Error>)> {
        let reply = call.send().await?;
        if !reply.is_success() {
            return Err(reply.fault_with(Fault::default()));
        }
        Ok(reply.json::<graphql::Answer<T>>()?.split())
    }

    /// A call of the gateway for what its XML root stands for.
    async fn gateway<T: DeserializeOwned>(&self, cx: &Context<'_>, method: http::Method, path: &str) -> Result<T> {
        let Credentials { merchant_id, public_key, private_key, environment, .. } = &self.credentials;
        let host = match environment {
            Environment::Live => "api.braintreegateway.com",
            Environment::Sandbox => "api.sandbox.braintreegateway.com",
        };
        let call = cx.call(method, format!("https://{host}/merchants/{merchant_id}/{path}"));
        let call = call.basic(public_key, private_key).header("accept", "application/xml");
        let reply = call.header("x-apiversion", GATEWAY_VERSION).send().await?;
        if reply.is_success() {
            return reply.xml();
        }
        let error = reply.fault_with(reply.xml::<gateway::Refusal>().map(gateway::Refusal::fault).unwrap_or_default());
        Err(if error.code().is_some_and(codes::is_conflict) { error.of_kind(Kind::Conflict) } else { error })
    }

    async fn look_up(&self, cx: &Context<'_>, handle: &Handle) -> Result<codes::Found> {
        let path = format!("transactions/{}", handle.segment()?);
        self.gateway::<gateway::Transaction>(cx, http::Method::GET, &path).await?.found()
    }
}

/// A method's id; a token is borrowed, so that it is not copied.
type Token<'m> = std::borrow::Cow<'m, str>;

fn unreadable() -> Error {
    Error::protocol("the answer has neither data nor errors")
}

/// Checks that an answer speaks of the object asked for by GraphQL's id too.
fn agree_node(asked: &Handle, answered: &Handle) -> Result<()> {
    agree_part(asked, asked.part("node"), answered.part("node"))
}

/// The id that GraphQL takes; a handle out of an old event may lack it.
fn graphql_id(handle: &Handle) -> Result<&str> {
    let missing =
        || Error::new(Kind::Conflict, Effect::None, "the handle has no part `node`; retrieve the payment first");
    handle.part("node").ok_or_else(missing)
}

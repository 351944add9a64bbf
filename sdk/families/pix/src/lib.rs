//! Pix by dynamic QR code, over the API that Brazil's central bank prescribes to every institution that receives Pix
//! (<https://github.com/bacen/pix-api>, version 2.9.0): JSON over mutual TLS with a client-credentials token, decimal texts in
//! BRL. What an institution has of its own stands in an [`Institution`]; [`Pix`] is the connector.
//!
//! A payment is a charge (`cob`), created by PUT under a `txid` of the merchant's making: the reference itself where it has the form
//! of one (26 to 35 letters and digits), else 32 hexadecimal digits of its SHA-256. The reference stands in the charge as additional
//! information, too, which the payer sees. The payment's handle is the txid, with the end-to-end id of the Pix that paid it as
//! part `e2e`. A refund (`devolução`) is a PUT as well, under the digest of its key; its handle needs both ids. The central bank
//! prescribes nothing for money that is sent; where an institution has an interface for it ([`Sending`]), that is a PUT alike.
//!
//! A charge that is left unpaid stays active in the institution's register. It is answered as expired once its time is over; a payer
//! who read the code before may still pay it in the minutes after that, which a delivery then tells.
//!
//! Institutions prove deliveries by their client certificate alone, which ends at the application's own TLS: each charge is read
//! back. A delivery of more charges than a call has exchanges needs [`Limits::exchanges`] raised.

mod read;
mod wire;

use std::marker::PhantomData;
use std::time::Duration;

use quittance::http::Method as Verb;
use quittance::*;
use schemars::JsonSchema;
use serde::Deserialize;
use serde::de::DeserializeOwned;

/// What an institution has of its own.
pub trait Institution: Send + Sync + 'static {
    /// The connector's spec, made from [`spec`].
    const SPEC: Spec;
    /// Its test environment.
    const SANDBOX: Site;
    /// Its live environment.
    const LIVE: Site;
    /// How it takes the request for an access token.
    const GRANT: Grant;
    /// The query parameter that names the application in every call, if the institution asks for one.
    const APPLICATION_KEY: Option<&'static str> = None;

    /// The kind of an error that the institution tells by its own code and not by the status that the central bank prescribes.
    fn kind(_code: &str) -> Option<Kind> {
        None
    }
}

/// The addresses of one environment.
#[derive(Clone, Copy, Debug)]
pub struct Site {
    /// What stands before the central bank's paths (`https://host/v2`).
    pub api: &'static str,
    /// The token endpoint.
    pub token: &'static str,
    /// The interface for sending money to Pix keys, if the institution has one ([`with_payouts`]).
    pub sending: Option<Sending>,
}

/// An interface of an institution's own that sends Pix under an id of the merchant's making.
#[derive(Clone, Copy, Debug)]
pub struct Sending {
    /// The address behind which stands the id of one that is to be sent, by PUT.
    pub send: &'static str,
    /// The address behind which stands the id of one that is looked at.
    pub sent: &'static str,
}

/// How the request for an access token is written (RFC 6749 section 4.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grant {
    /// As a form, the client's id and secret by HTTP Basic.
    Form,
    /// As a form that holds the client's id and secret.
    FormWithSecret,
    /// As JSON, the client's id and secret by HTTP Basic.
    Json,
}

/// The account of a merchant who receives Pix.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Account {
    /// Client ID of the application.
    client_id: String,
    /// Client secret of the application.
    client_secret: Secret,
    /// The application's key at the institution's developer portal, where it asks for one (Banco do Brasil).
    application_key: Option<Secret>,
    /// The Pix key that receives: CPF, CNPJ, telephone, e-mail or random key.
    chave: String,
    /// For how long a code can be paid, seconds from 1; an hour when absent.
    expires_seconds: Option<u32>,
    /// `sandbox` or `live`; each has credentials of its own.
    #[serde(default)]
    environment: Environment,
}

/// What institutions do.
const OPERATIONS: [Op; 8] = [
    Op::Authorize,
    Op::Void,
    Op::Refund,
    Op::Retrieve,
    Op::RetrieveRefund,
    Op::PayOut,
    Op::RetrievePayout,
    Op::Webhook,
];
/// The same but for sending, which is not the central bank's.
const OPERATIONS_OF_ALL: [Op; 6] = {
    let [authorize, void, refund, retrieve, retrieve_refund, _, _, webhook] = OPERATIONS;
    [authorize, void, refund, retrieve, retrieve_refund, webhook]
};

const METHODS: &[MethodKind] = &[MethodKind::of(Family::Pix)];

/// The spec of an institution whose hosts are these, all of which ask for a client certificate.
pub const fn spec(
    id: &'static str,
    name: &'static str,
    documentation: &'static str,
    hosts: &'static [&'static str],
) -> Spec {
    Spec {
        hosts,
        mutual_tls: hosts,
        operations: &OPERATIONS_OF_ALL,
        methods: METHODS,
        currencies: Currencies::Only(&[Currency::BRL]),
        countries: &["BR"],
        refund: RefundRules { partial: true, multiple: true },
        lookups: &[LookupKind::Handle, LookupKind::Reference],
        idempotency: Idempotency::Path("txid"),
        webhook: Some(WebhookRules {
            authentication: WebhookAuthentication::ReadBack,
            tolerance_seconds: None,
            acknowledgement: "",
        }),
        ..Spec::new(id, name, documentation)
    }
}

/// The spec of an institution that sends as well: both its sites have an interface for it ([`Site::sending`]).
pub const fn with_payouts(spec: Spec) -> Spec {
    Spec { operations: &OPERATIONS, ..spec }
}

/// One account at the institution `I`.
#[derive(Debug)]
pub struct Pix<I> {
    account: Account,
    institution: PhantomData<I>,
}

impl<I: Institution> Provider for Pix<I> {
    const SPEC: Spec = I::SPEC;
    type Credentials = Account;

    fn new(account: Account) -> Result<Self> {
        let wrong = |what| Error::new(Kind::Credentials, Effect::None, what);
        if account.chave.is_empty() {
            return Err(wrong("the pix key that receives is needed").in_field("chave"));
        }
        if account.expires_seconds == Some(0) {
            return Err(wrong("a code is good for a second at least").in_field("expires_seconds"));
        }
        if I::APPLICATION_KEY.is_some() != account.application_key.is_some() {
            return Err(wrong("this institution asks for it, or does not").in_field("application_key"));
        }
        Ok(Self { account, institution: PhantomData })
    }
}

#[async_trait]
impl<I: Institution> Connector for Pix<I> {
    fn spec(&self) -> &'static Spec {
        &<Self as Provider>::SPEC
    }

    async fn authorize(&self, cx: &Context<'_>, request: &Authorize) -> Result<Payment> {
        let handle = Handle::new(txid(&request.reference));
        let original = self.spec().major(&request.amount)?;
        let order = wire::Order::new(&self.account, request, original);
        let call = self.call(cx, Verb::PUT, &format!("/cob/{}", handle.segment()?)).json(&order);
        self.charge(cx, call, &handle).await
    }

    async fn void(&self, cx: &Context<'_>, request: &Void) -> Result<Payment> {
        let call = self.call(cx, Verb::PATCH, &format!("/cob/{}", request.payment.segment()?));
        let call = call.json(&wire::Removal { status: wire::REMOVED_BY_RECEIVER });
        self.charge(cx, call, &request.payment).await
    }

    async fn refund(&self, cx: &Context<'_>, request: &RefundRequest) -> Result<Refund> {
        let e2e = match request.payment.part("e2e") {
            Some(e2e) => e2e.to_owned(),
            None => self.paid_by(cx, &request.payment).await?,
        };
        let id = digits(request.key.as_str());
        let body = wire::Return { valor: self.spec().major(&request.amount)?, descricao: request.reason.as_deref() };
        let handle = Handle::new(&id).with("e2e", &e2e);
        let call = self.call(cx, Verb::PUT, &return_path(&id, &e2e)?).json(&body);
        // Also of one that is refused as a repetition: the first one can be looked at under the same ids.
        self.returned(cx, call, &id, &e2e).await.map_err(|error| error.about(&handle))
    }

    async fn retrieve(&self, cx: &Context<'_>, request: &Retrieve) -> Result<Payment> {
        match &request.by {
            Lookup::Handle(handle) => self.look(cx, handle).await,
            Lookup::Reference(reference) => self.look(cx, &Handle::new(txid(reference))).await,
        }
    }

    async fn retrieve_refund(&self, cx: &Context<'_>, request: &RetrieveRefund) -> Result<Refund> {
        let missing = || Error::new(Kind::NotFound, Effect::None, "the handle lacks the end-to-end id of its pix");
        let (id, e2e) = (request.refund.id(), request.refund.part("e2e").ok_or_else(missing)?);
        self.returned(cx, self.call(cx, Verb::GET, &return_path(id, e2e)?), id, e2e).await
    }

    async fn pay_out(&self, cx: &Context<'_>, request: &PayOut) -> Result<Payout> {
        let sending = self.site().sending.ok_or_else(|| Error::unsupported(Op::PayOut))?;
        let handle = Handle::new(digits(request.key.as_str()));
        let body = wire::Send::new(&self.account, request, self.spec().major(&request.amount)?)?;
        let call = self.sending_call(cx, Verb::PUT, sending.send, &handle)?.json(&body);
        self.sent(cx, call, &handle).await
    }

    async fn retrieve_payout(&self, cx: &Context<'_>, request: &RetrievePayout) -> Result<Payout> {
        self.look_sent(cx, &request.payout).await
    }

    async fn webhook(&self, cx: &Context<'_>, delivery: &Delivery) -> Result<Vec<Event>> {
        let notice: wire::Notice = delivery.untrusted(|body| body.json())?;
        let mut events = Vec::new();
        for told in &notice.pix {
            if let Some(id) = told.sent().filter(|_| self.site().sending.is_some()) {
                let payout = self.look_sent(cx, &Handle::new(id)).await?;
                let id = payout.handle.part("e2e").map(str::to_owned);
                events.push(Event { id, at: None, name: "envio".to_owned(), body: EventBody::Payout(payout) });
                continue;
            }
            // Pix without a charge: those by a key or a static code, whose txid is shorter.
            let Some(txid) = told.txid.as_deref().filter(|txid| is_txid(txid)) else {
                events.push(Event { id: None, at: None, name: "pix".to_owned(), body: EventBody::Ignored });
                continue;
            };
            let handle = Handle::new(txid);
            let charge: wire::Charge = self.read(cx, self.look_call(cx, &handle)?).await?;
            agree_part(&handle, Some(txid), Some(&charge.txid))?;
            events.extend(read::events(self.spec(), cx, told, &charge)?);
        }
        Ok(events)
    }
}

impl<I: Institution> Pix<I> {
    fn site(&self) -> Site {
        if self.account.environment == Environment::Live { I::LIVE } else { I::SANDBOX }
    }

    fn call<'a>(&self, cx: &'a Context<'_>, verb: Verb, path: &str) -> Call<'a> {
        self.keyed(cx, cx.call(verb, format!("{}{path}", self.site().api)))
    }

    /// A call with the application's key, where the institution asks for one.
    fn keyed<'a>(&self, cx: &Context<'_>, call: Call<'a>) -> Call<'a> {
        let (Some(name), Some(key)) = (I::APPLICATION_KEY, &self.account.application_key) else { return call };
        cx.protect(key.expose());
        let mut query = Pairs::new();
        query.set(name, key.expose());
        call.query(&query)
    }

    fn look_call<'a>(&self, cx: &'a Context<'_>, handle: &Handle) -> Result<Call<'a>> {
        Ok(self.call(cx, Verb::GET, &format!("/cob/{}", handle.segment()?)))
    }

    /// A call about the Pix that is sent under `handle`.
    fn sending_call<'a>(&self, cx: &'a Context<'_>, verb: Verb, address: &str, handle: &Handle) -> Result<Call<'a>> {
        Ok(self.keyed(cx, cx.call(verb, format!("{address}/{}", handle.segment()?))))
    }

    async fn look_sent(&self, cx: &Context<'_>, handle: &Handle) -> Result<Payout> {
        let sending = self.site().sending.ok_or_else(|| Error::unsupported(Op::RetrievePayout))?;
        self.sent(cx, self.sending_call(cx, Verb::GET, sending.sent, handle)?, handle).await
    }

    /// The answer to a call about a Pix that is sent.
    async fn sent(&self, cx: &Context<'_>, call: Call<'_>, handle: &Handle) -> Result<Payout> {
        let sent: wire::Sent = self.read(cx, call).await.map_err(|error| error.about(handle))?;
        agree_part(handle, Some(handle.id()), Some(&sent.id))?;
        read::payout(self.spec(), &sent)
    }

    async fn look(&self, cx: &Context<'_>, handle: &Handle) -> Result<Payment> {
        self.charge(cx, self.look_call(cx, handle)?, handle).await
    }

    /// The end-to-end id of the Pix that paid a charge.
    async fn paid_by(&self, cx: &Context<'_>, payment: &Handle) -> Result<String> {
        let found = self.look(cx, payment).await?;
        let unpaid =
            || Error::new(Kind::Conflict, Effect::None, "the charge is not paid, there is nothing to give back");
        found.handle.part("e2e").map(str::to_owned).ok_or_else(unpaid)
    }

    /// A call about the charge of `handle`.
    async fn charge(&self, cx: &Context<'_>, call: Call<'_>, handle: &Handle) -> Result<Payment> {
        let charge: wire::Charge = self.read(cx, call).await?;
        agree_part(handle, Some(handle.id()), Some(&charge.txid))?;
        read::payment(self.spec(), cx, &charge)
    }

    /// A call about the refund `id` of the Pix `e2e`.
    async fn returned(&self, cx: &Context<'_>, call: Call<'_>, id: &str, e2e: &str) -> Result<Refund> {
        let returned: wire::Returned = self.read(cx, call).await?;
        let refund = read::refund(self.spec(), &returned, e2e)?;
        agree_part(&refund.handle, Some(id), Some(&returned.id))?;
        Ok(refund)
    }

    /// The one funnel.
    async fn read<T: DeserializeOwned>(&self, cx: &Context<'_>, call: Call<'_>) -> Result<T> {
        let name = format!("pix {} {}", self.site().token, self.account.client_id);
        let reply = call.send_with_token(&name, || self.fetch_token(cx)).await?;
        if reply.is_success() { reply.json() } else { Err(self.fault(&reply)) }
    }

    async fn fetch_token(&self, cx: &Context<'_>) -> Result<(Secret, Duration)> {
        let Account { client_id, client_secret, .. } = &self.account;
        let call = cx.post(self.site().token).harmless();
        let mut form = Pairs::new();
        form.set("grant_type", wire::CLIENT_CREDENTIALS);
        let call = match I::GRANT {
            Grant::Json => {
                call.basic(client_id, client_secret).json(&wire::Grant { grant_type: wire::CLIENT_CREDENTIALS })
            }
            Grant::Form => call.basic(client_id, client_secret).form(&form),
            Grant::FormWithSecret => {
                cx.protect(client_secret.expose());
                form.set("client_id", client_id.as_str());
                form.set("client_secret", client_secret.expose());
                call.form(&form)
            }
        };
        let reply = call.send().await?;
        if reply.is_success() { reply.token() } else { Err(self.fault(&reply)) }
    }

    fn fault(&self, reply: &Reply) -> Error {
        let error = reply.fault(wire::Problem::into_fault);
        match error.code().and_then(|code| I::kind(code).or_else(|| kind(code))) {
            Some(kind) if (400..500).contains(&reply.status()) => error.of_kind(kind),
            _ => error,
        }
    }
}

/// The kind of an error of the central bank's whose status says less. What the connector sends respects the schema: a refund is refused for
/// what was done before, too much, too late, or under an id that is taken.
fn kind(code: &str) -> Option<Kind> {
    (code == "PixDevolucaoInvalida").then_some(Kind::Conflict)
}

fn return_path(id: &str, e2e: &str) -> Result<String> {
    Ok(format!("/pix/{}/devolucao/{}", Handle::new(e2e).segment()?, Handle::new(id).segment()?))
}

/// The txid of a charge: the reference where it is one, else made from it.
fn txid(reference: &str) -> String {
    if is_txid(reference) { reference.to_owned() } else { digits(reference) }
}

/// `[a-zA-Z0-9]{26,35}`, as the schema `TxId` says.
fn is_txid(text: &str) -> bool {
    (26..=35).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

/// 32 hexadecimal digits that stand for a text.
fn digits(text: &str) -> String {
    let mut digits = hex::encode(digest::sha256(text.as_bytes()));
    digits.truncate(32);
    digits
}

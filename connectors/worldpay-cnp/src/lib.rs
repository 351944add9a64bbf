//! Worldpay eCommerce in the United States (formerly Vantiv and Litle): cnpAPI 12.34, online transactions, XML both ways.
//!
//! - Every answer has HTTP 200. The envelope's `response` tells whether the request was read, the transaction's own `response` what
//!   became of it; a code beyond the table is a refusal, unless an authorization code or the text of an approval came with it.
//! - The attribute `id` is the duplicate check: the same sale, capture, credit, void or reversal under the same `id` within two days is
//!   answered with the first result; longer keys are sent as 36 hex digits of their SHA-256. Authorizations are not compared: a repetition reserves
//!   again, so one whose answer was lost stays unknown. A sale repeated too soon may go unnoticed: time-outs of at least 60 seconds are asked for.
//! - Captures, voids and refunds are transactions of their own: a handle keeps the newest `capture` and `void`. A refund is of the
//!   newest capture.
//! - `queryTransaction` tells how one transaction was answered, not where a payment stands after others: refunds are looked up with it,
//!   and a purchase whose answer was lost is repeated under its key. It finds a transaction by the provider's id or by the `id` that it was
//!   sent under, which is made of the key, and not by the order: so it finds no payment whose answer was lost by its reference.
//! - No amount and no currency stands in an answer; an account takes US dollars.
//! - Bank accounts in the United States are debited as eChecks: the answer says that the debit was taken on, and its money counts as taken. What
//!   banks return afterwards stands in the provider's reports only.
//! - Not offered: raising a reservation (`authIndicator` Incremental: neither a page nor the vendor's libraries say whether its amount is the increase
//!   or the new total, and a repetition reserves again); paying out (`fastAccessFunding` is not among what the duplicate check compares, and
//!   <http://support.worldpay.com/support/CNP-API/content/d22fastaccess.htm> warns that a repetition pays again; credits of vendors and sub-merchants
//!   go in batches only, by the schema); forgetting a token, for which there is no transaction.
//! - A method is stored as the account's token: `registerTokenRequest`, then an authorization of nothing that asks the issuer.
//!
//! Sources: the schemas `cnpOnline_v12.34.xsd` and those it includes; <https://github.com/Vantiv/cnp-sdk-for-dotnet>;
//! <http://support.worldpay.com/support/CNP-API/content/onlinedupecheck.htm>.

mod build;
mod codes;
mod wire;

use quittance::body::{Member, node, object, optional, text};
use quittance::*;
use schemars::JsonSchema;
use serde::Deserialize;
use wire::{Answer, Envelope};

/// The catalogue entry.
pub static ENTRY: Entry = Entry::of::<WorldpayCnp>();

/// One merchant account.
#[derive(Debug)]
pub struct WorldpayCnp {
    credentials: Credentials,
}

/// Credentials of a merchant account.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Credentials {
    /// The user of the presenter, at most 20 characters.
    pub user: Secret,
    /// Its password, at most 20 characters.
    pub password: Secret,
    /// The merchant id.
    pub merchant_id: String,
    /// The report group that transactions are filed under in the provider's reports.
    pub report_group: String,
    /// Whether a bank account is verified before it is debited, for merchants that have eCheck verification.
    #[serde(default)]
    pub verify_accounts: bool,
    /// Pre-live or live.
    pub environment: Environment,
}

impl Provider for WorldpayCnp {
    const SPEC: Spec = Spec {
        hosts: &["payments.vantivprelive.com", "payments.vantivcnp.com"],
        operations: &[Op::Authorize, Op::Capture, Op::Void, Op::Refund, Op::RetrieveRefund, Op::SetUp],
        methods: &[
            MethodKind::of(Family::Card),
            MethodKind::of(Family::NetworkToken),
            MethodKind::of(Family::ApplePay),
            MethodKind::branded(Family::BankDebit, "ach"),
            MethodKind::of(Family::Mandate),
        ],
        mandates: &[MethodKind::of(Family::Card)],
        currencies: Currencies::Only(&[Currency::USD]),
        countries: &["US"],
        capture: CaptureRules { manual: true, partial: true, multiple: true },
        void: VoidRules { captured: true, debit: true },
        three_ds: ThreeDsRules { challenge: false, external: true },
        refund: RefundRules { partial: true, multiple: true },
        idempotency: Idempotency::Body("@id"),
        replays_reservations: false,
        ..Spec::new(
            "worldpay-cnp",
            "Worldpay eCommerce (cnpAPI)",
            "http://support.worldpay.com/support/CNP-API/content/dupetransdetect.htm",
        )
    };
    type Credentials = Credentials;

    fn new(credentials: Credentials) -> Result<WorldpayCnp> {
        Ok(WorldpayCnp { credentials })
    }
}

#[async_trait]
impl Connector for WorldpayCnp {
    fn spec(&self) -> &'static Spec {
        &Self::SPEC
    }

    async fn authorize(&self, cx: &Context<'_>, request: &Authorize) -> Result<Payment> {
        let (element, done, body) = match (&request.method, request.capture) {
            (Method::BankDebit { account, .. }, _) => {
                ("echeckSale", State::Captured, build::debit(request, account, self.credentials.verify_accounts)?)
            }
            (_, CaptureMode::Automatic) => ("sale", State::Captured, build::payment(request)?),
            (_, CaptureMode::Manual) => ("authorization", State::Authorized, build::payment(request)?),
        };
        let said = self.send(cx, element, &request.key, body).await?.transaction()?;
        let handle = Handle::new(said.id()?).with("type", element);
        let state = said.state(done)?;
        let approved = said.approved_amount.as_deref().map(wire::money).transpose()?;
        let mandate = said.token().filter(|_| request.store && state.is_success());
        Ok(Payment {
            captured: approved.filter(|_| state == State::Captured),
            amount: approved,
            mandate: mandate.map(|token| build::mandate(token, &request.method, said.network_id())),
            reference: said.order_id.clone(),
            network: said.network(),
            ..Payment::new(handle, state)
        })
    }

    async fn capture(&self, cx: &Context<'_>, request: &Capture) -> Result<Payment> {
        let body = [
            optional("@partial", (!request.last).then_some("true")),
            text("cnpTxnId", request.payment.id()),
            text("orderId", request.reference.as_str()),
            text("amount", Self::SPEC.minor(&request.amount)?.to_string()),
        ];
        let said = self.send(cx, "capture", &request.key, body).await?.transaction()?;
        let state = followed(said.state(State::Captured)?)?;
        Ok(Payment {
            network: said.network(),
            ..Payment::new(request.payment.clone().with("capture", said.id()?), state)
        })
    }

    async fn void(&self, cx: &Context<'_>, request: &Void) -> Result<Payment> {
        let taken = taken(&request.payment);
        let element = match taken {
            Some(_) if is_check(&request.payment) => "echeckVoid",
            Some(_) => "void",
            None => "authReversal",
        };
        let body = [text("cnpTxnId", taken.unwrap_or(request.payment.id()))];
        let said = self.send(cx, element, &request.key, body).await?.transaction()?;
        let state = followed(said.state(State::Voided)?)?;
        Ok(Payment::new(request.payment.clone().with("void", said.id()?), state))
    }

    async fn refund(&self, cx: &Context<'_>, request: &RefundRequest) -> Result<Refund> {
        let check = is_check(&request.payment);
        let body = [
            text("cnpTxnId", taken(&request.payment).unwrap_or(request.payment.id())),
            optional("orderId", (!check).then_some(request.reference.as_str())),
            text("amount", Self::SPEC.minor(&request.amount)?.to_string()),
        ];
        let element = if check { "echeckCredit" } else { "credit" };
        let said = self.send(cx, element, &request.key, body).await?.transaction()?;
        let state = transfer(said.state(State::Captured)?);
        Ok(Refund { payment: Some(request.payment.clone()), ..Refund::new(Handle::new(said.id()?), state) })
    }

    async fn retrieve_refund(&self, cx: &Context<'_>, request: &RetrieveRefund) -> Result<Refund> {
        let state = match self.find(cx, request.refund.id()).await? {
            None => TransferState::Pending,
            Some(Answer::Credit(said) | Answer::CheckCredit(said)) => {
                said.speaks_of(request.refund.id())?;
                transfer(said.state(State::Captured)?)
            }
            Some(_) => return Err(Error::new(Kind::NotFound, Effect::Unknown, "the transaction is no refund")),
        };
        Ok(Refund::new(request.refund.clone(), state))
    }

    async fn set_up(&self, cx: &Context<'_>, request: &SetUp) -> Result<Mandate> {
        let registered =
            self.send(cx, "registerTokenRequest", &request.key, build::token(request)?).await?.transaction()?;
        let refused = |state, handle| Ok(Mandate { reference: None, ..Mandate::new(handle, state) });
        match registered.state(State::Authorized)? {
            State::Authorized => {}
            State::Declined(decline) => {
                return refused(MandateState::Declined(decline), Handle::new(&*request.reference));
            }
            state => return refused(MandateState::Unrecognised(wire::raw(state)), Handle::new(&*request.reference)),
        }
        let token = registered.token().ok_or_else(|| Error::protocol("the answer has no token"))?;
        let about = build::mandate(token, &request.method, None);
        let asked = self.send(cx, "authorization", &request.key, build::trial(request, token)?).await;
        let said = asked.and_then(Envelope::transaction).map_err(|error| error.about(&about))?;
        let state = match said.state(State::Authorized)? {
            State::Authorized => MandateState::Active,
            State::Pending => MandateState::Pending,
            State::Declined(decline) => MandateState::Declined(decline),
            state => MandateState::Unrecognised(wire::raw(state)),
        };
        let handle = build::mandate(token, &request.method, said.network_id());
        Ok(Mandate { reference: said.order_id.clone(), network: said.network(), ..Mandate::new(handle, state) })
    }
}

impl WorldpayCnp {
    /// The answer that a transaction got; none while there is none.
    async fn find(&self, cx: &Context<'_>, id: &str) -> Result<Option<Answer>> {
        let call = self.call(cx, "queryTransaction", "query", [text("origCnpTxnId", id)]).harmless();
        let Answer::Query(found) = self.read(call).await?.answer()? else {
            return Err(Error::protocol("the answer is none to a query"));
        };
        match found.response.as_str() {
            "150" => {
                let mut results = found.results.map(|results| results.answers).unwrap_or_default().into_iter();
                match (results.next(), results.next()) {
                    (Some(answer), None) => Ok(Some(answer)),
                    _ => Err(Error::protocol("the answer has not one result")),
                }
            }
            "151" => Err(Error::new(Kind::NotFound, Effect::Unknown, "the provider does not know the transaction")
                .with_code("151")),
            "152" => Ok(None),
            code => Err(Error::protocol("the query has an unknown response code").with_code(code)),
        }
    }

    /// Sends a transaction under a key; the answer must be to it.
    async fn send<'a>(
        &self,
        cx: &Context<'_>,
        element: &'static str,
        key: &Key,
        body: impl IntoIterator<Item = Member<'a>>,
    ) -> Result<Envelope> {
        let id = build::short(key.as_str());
        let envelope = self.read(self.call(cx, element, &id, body)).await?;
        envelope.check_id(&id)?;
        Ok(envelope)
    }

    /// The one request form: credentials, then one transaction.
    fn call<'c, 'a>(
        &self,
        cx: &'c Context<'_>,
        element: &'static str,
        id: &str,
        body: impl IntoIterator<Item = Member<'a>>,
    ) -> Call<'c> {
        let Credentials { user, password, merchant_id, report_group, environment, .. } = &self.credentials;
        let url = match environment {
            Environment::Live => "https://payments.vantivcnp.com/vap/communicator/online",
            Environment::Sandbox => "https://payments.vantivprelive.com/vap/communicator/online",
        };
        cx.protect(user.expose());
        cx.protect(password.expose());
        let head = [text("@id", id.to_owned()), text("@reportGroup", report_group.clone())];
        let request = object([
            text("@version", "12.34"),
            text("@xmlns", "http://www.vantivcnp.com/schema"),
            text("@merchantId", merchant_id.as_str()),
            node("authentication", [text("user", user.expose()), text("password", password.expose())]),
            node(element, head.into_iter().chain(body)),
        ]);
        cx.post(url).xml("cnpOnlineRequest", &request)
    }

    /// The envelope of a request that was read.
    async fn read(&self, call: Call<'_>) -> Result<Envelope> {
        let reply = call.send().await?;
        if reply.status() != 200 {
            return Err(reply.fault_with(Fault::default()));
        }
        let envelope: Envelope = reply.xml()?;
        match envelope.response.as_str() {
            "0" => Ok(envelope),
            code => Err(codes::request_error(code, &envelope.message)),
        }
    }
}

/// The transaction by which a payment's money was taken, if it was.
fn taken(payment: &Handle) -> Option<&str> {
    let at_once = matches!(payment.part("type"), Some("sale" | "echeckSale"));
    payment.part("capture").or_else(|| at_once.then(|| payment.id()))
}

/// Whether a payment was a debit of a bank account, which has transactions of its own.
fn is_check(payment: &Handle) -> bool {
    payment.part("type") == Some("echeckSale")
}

/// A capture or void that is declined did not take place: the payment is as it was.
fn followed(state: State) -> Result<State> {
    match state {
        State::Declined(decline) => {
            let message = decline.message.unwrap_or_default();
            let effect = if decline.reason == Reason::Unmapped { Effect::Unknown } else { Effect::None };
            let error = Error::new(Kind::Conflict, effect, format!("the provider refused: {message}"));
            Err(error.with_code(decline.code.unwrap_or_default()))
        }
        state => Ok(state),
    }
}

/// The state of a refund, as that of a payment in which done is captured.
fn transfer(state: State) -> TransferState {
    match state {
        State::Captured => TransferState::Succeeded,
        State::Declined(decline) => TransferState::Failed(decline),
        State::Unrecognised(raw) => TransferState::Unrecognised(raw),
        _ => TransferState::Pending,
    }
}

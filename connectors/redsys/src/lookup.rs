//! Looking up an order: all its operations, of every kind (`Monitor`), or the details of its refunds (`Detail`).
//!
//! Question and answer stand as XML in a text of a SOAP envelope. Both are signed by HMAC-SHA256 over the element `Version` as it is written,
//! under the key of the order, and nothing but that element is read of an answer. An error that says something of the payment, that
//! there is none, is signed likewise; of other errors, as of a wrong key, the service can make no signature that would hold here. Nothing
//! dates an answer: an earlier one about the same order holds too.
//!
//! Source: Redsys, "TPV-Virtual Consulta SOAP" 1.4 (RS.TE.CEL.MAN.0021, 13/08/2020), section 3.4 for the signature of both messages (those of
//! its examples hold, by the key of the public test terminal), annex 1 for that of errors, of which it has no example.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use quick_xml::de::from_str;
use quick_xml::se::to_string_with_root;
use quittance::body::{node, object, optional, text};
use quittance::*;

use crate::wire::{Message, Messages, Parameters, Soap, Version};
use crate::{
    CANCELLATION, CONFIRMATION, PURCHASE, REFUND, RESERVATION, Redsys, VALIDATION, codes, money, numeric, sign,
};

/// The end of what is signed.
const END: &str = "</Version>";

impl Redsys {
    /// Where the payment of an order stands; `known` is its handle.
    pub(crate) async fn look(&self, cx: &Context<'_>, order: &str, known: Option<&Handle>) -> Result<Payment> {
        standing(&self.operations(cx, order, "Monitor", None).await?, order, known)
    }

    /// A refund of an order, by its authorisation code.
    pub(crate) async fn look_at_refund(&self, cx: &Context<'_>, refund: &Handle) -> Result<Refund> {
        let order = refund.part("order").ok_or_else(|| Error::invalid("refund", "the handle lacks the order"))?;
        let refunds = self.operations(cx, order, "Detail", Some(REFUND)).await?;
        let found = refunds.iter().find(|one| one.authorisation_code.as_deref() == Some(refund.id()));
        let none = || Error::new(Kind::NotFound, Effect::None, "the order has no refund of this authorisation code");
        let found = found.ok_or_else(none)?;
        let state = match after(found)? {
            State::Captured => TransferState::Succeeded,
            State::Declined(decline) => TransferState::Failed(decline),
            State::Unrecognised(raw) => TransferState::Unrecognised(raw),
            _ => TransferState::Pending,
        };
        let payment = Some(Handle::new(order));
        Ok(Refund { amount: money(found)?, payment, ..Refund::new(refund.clone(), state) })
    }

    /// The operations of an order, those of one kind or all, the newest first.
    async fn operations(
        &self,
        cx: &Context<'_>,
        order: &str,
        question: &str,
        kind: Option<&str>,
    ) -> Result<Vec<Parameters>> {
        let reply = self.query(cx, order, question, kind)?.send().await?;
        if !reply.is_success() {
            return Err(reply.fault_with(Fault::default()));
        }
        let said = reply.xml::<Soap>()?.body.answer.text;
        let message = self.vouched(&said, order)?;
        if message.operations.iter().any(|operation| operation.order != order) {
            return Err(Error::new(Kind::Integrity, Effect::None, "the answer speaks of another order"));
        }
        Ok(message.operations)
    }

    /// The message of an answer, out of the bytes that are signed.
    fn vouched(&self, said: &str, order: &str) -> Result<Message> {
        let unread = || Error::protocol("the answer has no message that can be read");
        let (start, end) = said.find("<Version").zip(said.rfind(END)).ok_or_else(unread)?;
        let signed = said.get(start..end + END.len()).ok_or_else(unread)?;
        let message = from_str::<Version>(signed).map_err(|_| unread())?.message;
        let given = from_str::<Messages>(said).map_err(|_| unread())?.signature.unwrap_or_default();
        let holds = self.key.agrees(sign::Method::HmacSha256V1, order, signed, &given)?;
        match message.refused.as_ref().map(|refused| codes::unanswered(&refused.code)) {
            Some(error) if holds || error.kind() != Kind::NotFound => Err(error),
            // The question, sent back, is signed alike and has none.
            None if holds && !message.operations.is_empty() => Ok(message),
            _ => Err(Error::protocol("the answer is not signed as Redsys signs")),
        }
    }

    fn query<'a>(&self, cx: &'a Context<'a>, order: &str, question: &str, kind: Option<&str>) -> Result<Call<'a>> {
        let members = [
            text("Ds_MerchantCode", &self.credentials.merchant_code),
            text("Ds_Terminal", &self.credentials.terminal),
            text("Ds_Order", order),
            optional("Ds_TransactionType", kind),
        ];
        let asked = object([text("@Ds_Version", "0.0"), node("Message", [node(question, members)])]);
        let unwritten = |_| Error::invalid("payment", "the order cannot be written as XML");
        let asked = to_string_with_root("Version", &asked).map_err(unwritten)?;
        let signature = STANDARD.encode(self.key.signature(sign::Method::HmacSha256V1, order, &asked)?);
        let signed = format!(
            "<Messages>{asked}<Signature>{signature}</Signature>\
             <SignatureVersion>HMAC_SHA256_V1</SignatureVersion></Messages>"
        );
        let envelope = object([
            text("@xmlns:soapenv", "http://schemas.xmlsoap.org/soap/envelope/"),
            text("@xmlns:web", "http://webservices.apl02.redsys.es"),
            node("soapenv:Body", [node("web:consultaOperaciones", [text("cadenaXML", signed)])]),
        ]);
        let url = match self.credentials.environment {
            Environment::Live => "https://sis.redsys.es/apl02/services/SerClsWSConsulta",
            Environment::Sandbox => "https://sis-t.redsys.es:25443/apl02/services/SerClsWSConsulta",
        };
        Ok(cx.post(url).header("soapaction", "consultaOperaciones").xml("soapenv:Envelope", &envelope).harmless())
    }
}

/// What the operations of an order come to. Of several attempts at the page the one that went through counts, else the newest.
fn standing(operations: &[Parameters], order: &str, known: Option<&Handle>) -> Result<Payment> {
    let kind = |operation: &Parameters| operation.kind.clone().unwrap_or_default();
    let attempts = operations.iter().filter(|one| matches!(kind(one).as_str(), PURCHASE | RESERVATION | VALIDATION));
    let attempts = attempts.map(|one| Ok((one, after(one)?))).collect::<Result<Vec<_>>>()?;
    let (first, mut state) = attempts
        .iter()
        .find(|(_, state)| state.is_success())
        .or(attempts.first())
        .cloned()
        .ok_or_else(|| Error::new(Kind::NotFound, Effect::None, "the order has no payment"))?;
    let amount = money(first)?;
    let (mut captured, mut refunded) = (amount.filter(|_| state == State::Captured), None);
    for later in operations.iter().rev() {
        match (kind(later).as_str(), after(later)?) {
            // What was refused left the payment as it was.
            (_, State::Declined(_)) => {}
            (CONFIRMATION, State::Captured) => (state, captured) = (State::Captured, sum(captured, money(later)?)?),
            (CONFIRMATION | CANCELLATION, then) => state = then,
            (REFUND, State::Captured) => refunded = sum(refunded, money(later)?)?,
            _ => {}
        }
    }
    let own = Handle::new(order).with_some("amount", first.amount.as_ref());
    let own = own.with_some("currency", amount.map(|amount| numeric(amount.currency())));
    let handle = known.cloned().unwrap_or(own);
    // A validation reserves nothing, whatever amount it names.
    Ok(match (kind(first).as_str(), &state) {
        (VALIDATION, State::Authorized) => Payment::new(handle, State::Pending),
        (VALIDATION, _) => Payment::new(handle, state),
        _ => Payment { amount, captured, refunded, ..Payment::new(handle, state) },
    })
}

/// Where a payment stands after this operation alone, a refund as a confirmation.
fn after(operation: &Parameters) -> Result<State> {
    let kind = operation.kind.as_deref().unwrap_or_default();
    Ok(match operation.stage.as_deref() {
        Some("F") => codes::state(if kind == REFUND { CONFIRMATION } else { kind }, operation.code()?),
        // Asked for, with the bank, with the customer, on its way.
        Some("S" | "P" | "A" | "E" | "W" | "O") => State::Pending,
        Some(other) => State::Unrecognised(other.to_owned()),
        None => return Err(Error::protocol("an operation of the answer has no Ds_State")),
    })
}

fn sum(so_far: Option<Money>, more: Option<Money>) -> Result<Option<Money>> {
    let Some((one, other)) = so_far.zip(more) else { return Ok(so_far.or(more)) };
    one.checked_add(&other).map(Some).ok_or_else(|| Error::protocol("the amounts of the order do not add up"))
}

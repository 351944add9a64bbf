//! What the central bank's objects say, in the contract's words.

use quittance::*;

use crate::wire::{Charge, Paid, REFERENCE, Returned, Seconds, Sent, Told};

pub(crate) fn payment(spec: &Spec, cx: &Context<'_>, charge: &Charge) -> Result<Payment> {
    let handle = Handle::new(&charge.txid).with_some("e2e", charge.pix.first().map(|paid| &paid.e2e));
    let money = |text: &str| spec.money_major(text, "BRL").map_err(|error| error.about(&handle));
    let captured = total(charge.pix.iter().map(|paid| money(&paid.valor)))?;
    let given_back = charge.pix.iter().flat_map(|paid| &paid.devolucoes).filter(|one| one.status == "DEVOLVIDO");
    let reference = charge.information.iter().find(|one| one.nome == REFERENCE);
    Ok(Payment {
        amount: Some(money(&charge.valor.original)?),
        captured,
        refunded: total(given_back.map(|one| money(&one.valor)))?,
        reference: reference.map(|one| one.valor.clone()),
        ..Payment::new(handle.clone(), state(cx, charge))
    })
}

/// The sum; none of nothing.
fn total(amounts: impl Iterator<Item = Result<Money>>) -> Result<Option<Money>> {
    let too_large = || Error::protocol("the amounts of the answer do not add up");
    amounts.into_iter().try_fold(None, |sum: Option<Money>, amount| {
        let amount = amount?;
        sum.map_or(Some(amount), |sum| sum.checked_add(&amount)).ok_or_else(too_large).map(Some)
    })
}

/// Schema `CobrancaStatus`, which is that of the register and knows no lapse of time.
fn state(cx: &Context<'_>, charge: &Charge) -> State {
    match charge.status.as_str() {
        "ATIVA" => match (expiry(charge), &charge.code) {
            (Some(expires), _) if expires < cx.now() => State::Expired,
            (expires, Some(text)) => State::ActionRequired(NextAction::Qr { text: text.clone(), expires }),
            (_, None) => State::Pending,
        },
        "CONCLUIDA" => State::Captured,
        "REMOVIDA_PELO_USUARIO_RECEBEDOR" | "REMOVIDA_PELO_PSP" => State::Voided,
        other => State::Unrecognised(other.to_owned()),
    }
}

fn expiry(charge: &Charge) -> Option<Timestamp> {
    let created: Timestamp = charge.calendario.criacao.as_deref()?.parse().ok()?;
    let seconds = match charge.calendario.expiracao.as_ref()? {
        Seconds::Number(seconds) => *seconds,
        Seconds::Text(text) => text.parse().ok()?,
    };
    created.checked_add(std::time::Duration::from_secs(seconds.into())).ok()
}

pub(crate) fn refund(spec: &Spec, returned: &Returned, e2e: &str) -> Result<Refund> {
    let handle = Handle::new(&returned.id).with("e2e", e2e);
    let state = match returned.status.as_str() {
        "EM_PROCESSAMENTO" => TransferState::Pending,
        "DEVOLVIDO" => TransferState::Succeeded,
        code @ "NAO_REALIZADO" => {
            let message = returned.motivo.clone();
            TransferState::Failed(Decline { message, ..Decline::with_code(Reason::Generic, code) })
        }
        other => TransferState::Unrecognised(other.to_owned()),
    };
    let amount = spec.money_major(&returned.valor, "BRL").map_err(|error| error.about(&handle))?;
    Ok(Refund { amount: Some(amount), ..Refund::new(handle, state) })
}

/// A Pix that was sent: <https://dev.efipay.com.br/en/docs/api-pix/status/>.
pub(crate) fn payout(spec: &Spec, sent: &Sent) -> Result<Payout> {
    let handle = Handle::new(&sent.id).with_some("e2e", sent.e2e.as_ref());
    let state = match sent.status.as_str() {
        "EM_PROCESSAMENTO" => TransferState::Pending,
        "REALIZADO" => TransferState::Succeeded,
        code @ "NAO_REALIZADO" => TransferState::Failed(Decline::with_code(Reason::Generic, code)),
        other => TransferState::Unrecognised(other.to_owned()),
    };
    let amount = spec.money_major(&sent.valor, "BRL").map_err(|error| error.about(&handle))?;
    Ok(Payout { amount: Some(amount), ..Payout::new(handle, state) })
}

/// What a notice was about, as the charge that was read back shows it: the payment, or the refunds that the notice names.
pub(crate) fn events(spec: &Spec, cx: &Context<'_>, told: &Told, charge: &Charge) -> Result<Vec<Event>> {
    let unknown = || Error::new(Kind::NotFound, Effect::None, "the institution does not know what the delivery tells");
    if told.devolucoes.is_empty() {
        let payment = payment(spec, cx, charge)?;
        let paid = charge.pix.iter().find(|paid| paid.e2e == told.e2e).ok_or_else(unknown)?;
        return Ok(vec![event("pix", Some(&told.e2e), paid, EventBody::Payment(payment))]);
    }
    let paid = charge.pix.iter().find(|paid| paid.e2e == told.e2e).ok_or_else(unknown)?;
    let news = told.devolucoes.iter().map(|named| {
        let returned = paid.devolucoes.iter().find(|one| one.id == named.id).ok_or_else(unknown)?;
        let refund = Refund { payment: Some(Handle::new(&charge.txid)), ..refund(spec, returned, &paid.e2e)? };
        Ok(event("devolucao", returned.return_id.as_ref(), paid, EventBody::Refund(refund)))
    });
    news.collect()
}

fn event(name: &str, id: Option<&String>, paid: &Paid, body: EventBody) -> Event {
    let at = paid.horario.as_deref().and_then(|text| text.parse().ok());
    Event { id: id.cloned(), at, name: name.to_owned(), body }
}

//! Answers and events in the words of the contract.

use quittance::*;
use serde::de::IgnoredAny;

use crate::wire::{Amount, Event as Delivered, Link};
use crate::{ENTRY, codes, wire};

/// Captures of these states are money taken.
const TAKEN: &[&str] = &["COMPLETED", "PARTIALLY_REFUNDED", "REFUNDED"];

/// An amount of the answer about `handle`, which an error keeps.
fn money(amount: Option<&Amount>, handle: &Handle) -> Result<Option<Money>> {
    let read = |amount: &Amount| ENTRY.spec.money_major(&amount.value, &amount.currency_code);
    amount.map(read).transpose().map_err(|error| error.about(handle))
}

/// The sum of the transactions in one of `statuses`; `None` when there is none.
fn total(transactions: &[wire::Transaction], statuses: &[&str], handle: &Handle) -> Result<Option<Money>> {
    let mut sum: Option<Money> = None;
    for one in transactions.iter().filter(|one| statuses.contains(&one.status.as_str())) {
        let Some(amount) = money(one.amount.as_ref(), handle)? else { return Ok(None) };
        let too_large = || Error::protocol("the amounts of the answer do not add up").about(handle);
        sum = Some(sum.map_or(Some(amount), |sum| sum.checked_add(&amount)).ok_or_else(too_large)?);
    }
    Ok(sum)
}

pub(crate) fn payment(order: &wire::Order) -> Result<Payment> {
    let nothing = wire::Unit::default();
    let unit = order.purchase_units.first().unwrap_or(&nothing);
    let (authorization, capture) = (unit.payments.authorizations.last(), unit.payments.captures.last());
    let handle = Handle::new(&order.id)
        .with_some("authorization", authorization.map(|one| &one.id))
        .with_some("capture", capture.map(|one| &one.id));
    let source = &order.payment_source;
    let stored = [("card", &source.card), ("paypal", &source.paypal)].into_iter().find_map(|(name, instrument)| {
        let token = instrument.as_ref()?.attributes.as_ref()?.vault.as_ref()?;
        (token.status == "VAULTED").then(|| Handle::new(&token.id).with("source", name))
    });
    let amount = authorization.and_then(|one| one.amount.as_ref()).or(unit.amount.as_ref());
    Ok(Payment {
        amount: money(amount.or(capture.and_then(|one| one.amount.as_ref())), &handle)?,
        captured: total(&unit.payments.captures, TAKEN, &handle)?,
        refunded: total(&unit.payments.refunds, &["COMPLETED"], &handle)?,
        reference: unit.custom_id.clone(),
        mandate: stored,
        network: capture.or(authorization).map(network).unwrap_or_default(),
        ..Payment::new(handle, order_state(order, unit))
    })
}

/// The answer to a capture, or the news of one; `known` is the payment as far as it is known otherwise. The total is told
/// only where every earlier capture is known.
pub(crate) fn capture(capture: &wire::Transaction, known: &Handle) -> Result<Payment> {
    let ids = &capture.supplementary_data.related_ids;
    agree_part(known, known.part("authorization"), ids.authorization_id.as_deref())?;
    let order = ids.order_id.as_deref();
    let handle = order.filter(|id| *id != known.id()).map_or_else(|| known.clone(), Handle::new);
    let (state, now) = (state(capture), money(capture.amount.as_ref(), known)?);
    let before = match known.part("capture") {
        None => Some(0),
        Some(_) => known.part("taken").and_then(|minor| minor.parse().ok()),
    };
    let total = now.filter(|_| state == State::Captured).zip(before);
    let total = total.and_then(|(now, before)| now.checked_add(&Money::new(before, now.currency())));
    let taken = total.map(|total| total.minor().to_string());
    Ok(Payment {
        captured: total,
        captured_now: now,
        network: network(capture),
        ..Payment::new(handle.with("capture", &capture.id).with_some("taken", taken), state)
    })
}

fn order_state(order: &wire::Order, unit: &wire::Unit) -> State {
    let (authorization, capture) = (unit.payments.authorizations.last(), unit.payments.captures.last());
    if unit.payments.captures.iter().any(|capture| TAKEN.contains(&capture.status.as_str())) {
        return State::Captured;
    }
    match (authorization, capture) {
        (None, Some(capture)) => state(capture),
        (Some(_), Some(capture)) if capture.status == "PENDING" => State::Pending,
        (Some(authorization), _) => state(authorization),
        (None, None) => match (order.status.as_str(), approval(&order.links)) {
            ("CREATED" | "PAYER_ACTION_REQUIRED", Some(url)) => {
                State::ActionRequired(match order.payment_source.card {
                    Some(_) => NextAction::ThreeDs { url, fields: Vec::new() },
                    None => NextAction::Redirect { url },
                })
            }
            ("CREATED" | "PAYER_ACTION_REQUIRED" | "SAVED" | "APPROVED", _) => State::Pending,
            ("VOIDED", _) => State::Voided,
            (other, _) => State::Unrecognised(other.to_owned()),
        },
    }
}

/// Where an authorization or a capture stands; no status of the one means something else of the other.
pub(crate) fn state(one: &wire::Transaction) -> State {
    match one.status.as_str() {
        "CREATED" => State::Authorized,
        "CAPTURED" | "PARTIALLY_CAPTURED" => State::Captured,
        status if TAKEN.contains(&status) => State::Captured,
        "VOIDED" => State::Voided,
        "PENDING" => State::Pending,
        "DECLINED" | "DENIED" => State::Declined(decline(&one.processor_response, Reason::Generic, &one.status)),
        "FAILED" => State::Declined(decline(&one.processor_response, Reason::ProcessingError, &one.status)),
        other => State::Unrecognised(other.to_owned()),
    }
}

pub(crate) fn approval(links: &[Link]) -> Option<String> {
    links.iter().find(|link| matches!(link.rel.as_str(), "payer-action" | "approve")).map(|link| link.href.clone())
}

/// Whether PayPal advises against going on after 3-D Secure: no liability shift for an enrolled card, or none known
/// (developer.paypal.com, "3D Secure response parameters").
pub(crate) fn failed_authentication(order: &wire::Order) -> Option<Decline> {
    let result = order.payment_source.card.as_ref()?.authentication_result.as_ref()?;
    let enrolled = result.three_d_secure.enrollment_status.as_deref() == Some("Y");
    let shift = result.liability_shift.as_deref().unwrap_or("UNKNOWN");
    let go_on = shift == "POSSIBLE" || (shift == "NO" && !enrolled);
    let code = result.three_d_secure.authentication_status.as_deref().unwrap_or(shift);
    (!go_on).then(|| Decline::with_code(Reason::AuthenticationFailed, code))
}

/// Why something was refused: the processor's code, else what the status alone says.
fn decline(processor: &wire::Processor, otherwise: Reason, status: &str) -> Decline {
    let code = processor.response_code.as_deref();
    let reason = code.map_or(otherwise, codes::processor_reason);
    let advice_code = processor.payment_advice_code.clone();
    Decline { advice_code, ..Decline::with_code(reason, code.unwrap_or(status)) }
}

pub(crate) fn network(transaction: &wire::Transaction) -> Network {
    let reference = transaction.network_transaction_reference.as_ref();
    processed(&transaction.processor_response, reference.and_then(|one| one.id.clone()))
}

fn processed(processor: &wire::Processor, transaction_id: Option<String>) -> Network {
    Network {
        transaction_id,
        response_code: processor.response_code.clone(),
        advice_code: processor.payment_advice_code.clone(),
        avs: processor.avs_code.clone(),
        cvc: processor.cvv_code.clone(),
        ..Network::default()
    }
}

pub(crate) fn refund(refund: &wire::Transaction) -> Result<Refund> {
    let (handle, ids) = (Handle::new(&refund.id), &refund.supplementary_data.related_ids);
    let state = match refund.status.as_str() {
        "COMPLETED" => TransferState::Succeeded,
        "PENDING" => TransferState::Pending,
        "FAILED" => TransferState::Failed(decline(&refund.processor_response, Reason::ProcessingError, &refund.status)),
        "CANCELLED" => TransferState::Cancelled,
        other => TransferState::Unrecognised(other.to_owned()),
    };
    Ok(Refund {
        amount: money(refund.amount.as_ref(), &handle)?,
        payment: ids.order_id.as_ref().map(|id| Handle::new(id).with_some("capture", ids.capture_id.as_ref())),
        reference: refund.custom_id.clone(),
        ..Refund::new(handle, state)
    })
}

pub(crate) fn mandate(token: &wire::VaultToken) -> Mandate {
    let card = token.payment_source.card.as_ref();
    let verification = card.and_then(|card| card.verification.as_ref());
    let processor = verification.map(|done| done.processor_response.clone()).unwrap_or_default();
    let state = match card.and_then(|card| card.verification_status.as_deref()) {
        None | Some("VERIFIED") => MandateState::Active,
        Some("FAILED") => MandateState::Declined(decline(&processor, Reason::Generic, "FAILED")),
        Some(other) => MandateState::Unrecognised(other.to_owned()),
    };
    let transaction_id = verification.and_then(|done| done.network_transaction_id.clone());
    let source = if token.payment_source.paypal.is_some() { "paypal" } else { "card" };
    Mandate {
        network: processed(&processor, transaction_id),
        ..Mandate::new(Handle::new(&token.id).with("source", source), state)
    }
}

pub(crate) fn payout(batch: &wire::Batch) -> Result<Payout> {
    let header = &batch.batch_header;
    let state = match (batch.items.first(), header.batch_status.as_str()) {
        (Some(first), _) => return payout_item(first),
        // "SUCCESS" says that the batch was worked through, not that its item was paid.
        (None, "PENDING" | "PROCESSING" | "SUCCESS") => TransferState::Pending,
        (None, code @ "DENIED") => TransferState::Failed(Decline::with_code(Reason::Generic, code)),
        (None, "CANCELED") => TransferState::Cancelled,
        (None, other) => TransferState::Unrecognised(other.to_owned()),
    };
    Ok(Payout::new(Handle::new(&header.payout_batch_id), state))
}

fn payout_item(item: &wire::PayoutItem) -> Result<Payout> {
    let handle = Handle::new(&item.payout_batch_id);
    let state = match item.transaction_status.as_str() {
        "SUCCESS" => TransferState::Succeeded,
        "PENDING" | "UNCLAIMED" | "ONHOLD" => TransferState::Pending,
        status @ ("FAILED" | "RETURNED" | "BLOCKED" | "REFUNDED" | "REVERSED" | "DENIED") => {
            let error = item.errors.as_ref();
            let code = error.and_then(|error| error.name.as_deref()).unwrap_or(status);
            let message = error.and_then(|error| error.message.clone());
            TransferState::Failed(Decline { message, ..Decline::with_code(Reason::Unmapped, code) })
        }
        other => TransferState::Unrecognised(other.to_owned()),
    };
    let amount = money(Some(&item.payout_item.amount), &handle)?;
    Ok(Payout { amount, reference: item.payout_item.sender_item_id.clone(), ..Payout::new(handle, state) })
}

pub(crate) fn dispute(dispute: &wire::Dispute) -> Result<Dispute> {
    let outcome = dispute.dispute_outcome.as_ref().and_then(|outcome| outcome.outcome_code.as_deref());
    let state = match (dispute.status.as_str(), outcome) {
        ("OPEN" | "WAITING_FOR_SELLER_RESPONSE", _) => DisputeState::NeedsResponse,
        ("WAITING_FOR_BUYER_RESPONSE" | "UNDER_REVIEW", _) => DisputeState::UnderReview,
        ("RESOLVED", Some("RESOLVED_SELLER_FAVOUR" | "CANCELED_BY_BUYER" | "DENIED")) => DisputeState::Won,
        ("RESOLVED", Some("RESOLVED_BUYER_FAVOUR" | "ACCEPTED")) => DisputeState::Lost,
        (other, outcome) => DisputeState::Unrecognised(outcome.unwrap_or(other).to_owned()),
    };
    let stages =
        [DisputeStage::Inquiry, DisputeStage::Chargeback, DisputeStage::PreArbitration, DisputeStage::Arbitration];
    let stage = dispute.dispute_life_cycle_stage.as_deref();
    let transaction = dispute.disputed_transactions.first().and_then(|one| one.seller_transaction_id.as_ref());
    let handle = Handle::new(&dispute.dispute_id);
    Ok(Dispute {
        stage: stages.into_iter().find(|known| stage.is_some_and(|stage| stage.eq_ignore_ascii_case(known.as_str()))),
        payment: transaction.map(|id| Handle::new(id).with("capture", id)),
        amount: money(dispute.dispute_amount.as_ref(), &handle)?,
        reason_code: dispute.reason.clone(),
        respond_by: dispute.seller_response_due_date.as_deref().and_then(|text| text.parse().ok()),
        ..Dispute::new(handle, state)
    })
}

/// The one event of a delivery (developer.paypal.com/api/rest/webhooks/event-names).
pub(crate) fn events(delivery: Authentic<'_>) -> Result<Vec<Event>> {
    let event: Delivered<IgnoredAny> = delivery.json()?;
    let name = event.event_type.as_str();
    let kind = name.rsplit_once('.').map_or(name, |(kind, _)| kind);
    let body = match kind {
        _ if name == "PAYMENT.CAPTURE.REFUNDED" || name == "PAYMENT.CAPTURE.REVERSED" => {
            EventBody::Refund(refund(&delivery.json::<Delivered<_>>()?.resource)?)
        }
        "CHECKOUT.ORDER" => EventBody::Payment(payment(&delivery.json::<Delivered<_>>()?.resource)?),
        "CUSTOMER.DISPUTE" => EventBody::Dispute(dispute(&delivery.json::<Delivered<_>>()?.resource)?),
        "PAYMENT.AUTHORIZATION" | "PAYMENT.CAPTURE" => {
            EventBody::Payment(transaction(&delivery.json::<Delivered<_>>()?.resource, kind)?)
        }
        "PAYMENT.REFUND" => EventBody::Refund(refund(&delivery.json::<Delivered<_>>()?.resource)?),
        "PAYMENT.PAYOUTS-ITEM" => EventBody::Payout(payout_item(&delivery.json::<Delivered<_>>()?.resource)?),
        "VAULT.PAYMENT-TOKEN" => {
            let stored = mandate(&delivery.json::<Delivered<_>>()?.resource);
            let gone = name == "VAULT.PAYMENT-TOKEN.DELETED";
            EventBody::Mandate(if gone { Mandate { state: MandateState::Revoked, ..stored } } else { stored })
        }
        _ => EventBody::Ignored,
    };
    let at = event.create_time.as_deref().and_then(|text| text.parse().ok());
    Ok(vec![Event { id: event.id, at, name: event.event_type, body }])
}

/// News of an authorization or a capture; the order that they belong to stands beside them. A capture without an
/// authorization takes the whole amount.
fn transaction(one: &wire::Transaction, kind: &str) -> Result<Payment> {
    let ids = &one.supplementary_data.related_ids;
    let handle = Handle::new(ids.order_id.as_ref().unwrap_or(&one.id));
    let amount = money(one.amount.as_ref(), &handle)?;
    let news = match (kind, &ids.order_id, &ids.authorization_id) {
        ("PAYMENT.CAPTURE", Some(_), None) => Payment { amount, captured_now: None, ..capture(one, &handle)? },
        ("PAYMENT.CAPTURE", _, authorization) => {
            // Of how many, the event does not say.
            let known = handle.with_some("authorization", authorization.as_ref()).with("capture", &one.id);
            Payment { captured_now: None, ..capture(one, &known)? }
        }
        _ => {
            let handle = handle.with("authorization", &one.id);
            Payment { amount, network: network(one), ..Payment::new(handle, state(one)) }
        }
    };
    Ok(Payment { reference: one.custom_id.clone(), ..news })
}

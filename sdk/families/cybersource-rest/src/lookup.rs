//! What the transaction search tells: payments with all that followed on them, and refunds.

use quittance::body::{object, text};
use quittance::*;

use crate::wire::{Answer, Ended};
use crate::{Gateway, Merchant, checks, is_challenged, payment};

/// The services of a transaction: reserving, taking, releasing, withdrawing before settlement, giving back.
pub(crate) const AUTHORIZATION: &str = "ics_auth";
pub(crate) const CAPTURE: &str = "ics_bill";
pub(crate) const REVERSAL: &str = "ics_auth_reversal";
pub(crate) const VOID: &str = "ics_void";
pub(crate) const CREDIT: &str = "ics_credit";

/// How many transactions of a payment are looked up, one exchange each, beside the search and the payment.
const MOST_RELATED: usize = 6;

impl<G: Gateway> Merchant<G> {
    /// A transaction.
    pub(crate) async fn details(&self, cx: &Context<'_>, id: &str) -> Result<Answer> {
        let path = format!("/tss/v2/transactions/{}", Handle::new(id).segment()?);
        let found = self.send(self.call(cx, http::Method::GET, &path)).await?;
        agree_part(&Handle::new(id), Some(id), Some(found.id()?))?;
        Ok(found)
    }

    /// The handle with what follow-on services need; looked up where it holds the id alone.
    pub(crate) async fn known(&self, cx: &Context<'_>, handle: &Handle) -> Result<Handle> {
        match handle.part("total").or(handle.part("taken")) {
            Some(_) => Ok(handle.clone()),
            None if is_challenged(handle) => Ok(self.look_at(cx, &self.find(cx, handle.id()).await?).await?.handle),
            None => Ok(handle.clone().merged(&self.look_at(cx, handle.id()).await?.handle)),
        }
    }

    /// A payment with all that followed on it.
    pub(crate) async fn look_at(&self, cx: &Context<'_>, id: &str) -> Result<Payment> {
        self.follow(cx, &self.details(cx, id).await?).await
    }

    /// A payment that was looked up, with all that followed on it.
    pub(crate) async fn follow(&self, cx: &Context<'_>, first: &Answer) -> Result<Payment> {
        let none = || Error::new(Kind::NotFound, Effect::None, "the transaction is no payment");
        let is_check = first.service(checks::DEBIT)?.is_some();
        let begun = first.service(if is_check { checks::DEBIT } else { AUTHORIZATION })?;
        let state = match (begun.ok_or_else(none)?, first.found_status()?) {
            (Ended::Refused, _) | (_, "AUTHORIZED_RISK_DECLINED" | "DECLINED" | "INVALID_REQUEST") => {
                State::Declined(first.decline())
            }
            (Ended::Unknown(raw), _) => State::Unrecognised(raw),
            (Ended::Done, "REVERSED" | "VOIDED" | "CANCELLED") => State::Voided,
            (Ended::Done, "AUTHORIZED" | "AUTHORIZED_PENDING_REVIEW") => State::Authorized,
            // Of a purchase or an electronic check: the batch is still to go out, or has gone.
            (Ended::Done, "PENDING" | "TRANSMITTED") if is_check || first.service(CAPTURE)?.is_some() => {
                State::Authorized
            }
            (Ended::Done, "PENDING" | "PENDING_AUTHENTICATION" | "PENDING_REVIEW") => State::Pending,
            (Ended::Done, other) => State::Unrecognised(other.to_owned()),
        };
        if state != State::Authorized {
            return payment(first, state, None);
        }
        let mut books = Books::default();
        books.enter(first)?;
        let related = first.related();
        if related.len() > MOST_RELATED {
            return Err(Error::protocol("more transactions followed on the payment than can be looked at"));
        }
        for id in related {
            books.enter(&self.details(cx, id).await?)?;
        }
        let state = match &books {
            Books { unknown: Some(raw), .. } => State::Unrecognised(raw.clone()),
            Books { released: true, .. } => State::Voided,
            Books { waiting: true, .. } => State::Pending,
            Books { taken: Some(_), .. } => State::Captured,
            _ => State::Authorized,
        };
        let captured = books.captured.filter(|_| state == State::Captured);
        if books.refunded.zip(captured).is_some_and(|(one, other)| one.currency() != other.currency()) {
            return Err(Error::new(Kind::Integrity, Effect::Unknown, "the payment and its refunds differ in currency"));
        }
        // A transaction that stored a card shows the token for as long as it is kept (`tokenInformation`).
        let mandate = first.mandate();
        let found = Payment { captured, refunded: books.refunded, mandate, ..payment(first, state, books.taken)? };
        Ok(if is_check { checks::marked(found) } else { found })
    }

    /// The id of the newest payment with this reference. The query language has signs of its own, so a reference is plain.
    pub(crate) async fn find(&self, cx: &Context<'_>, reference: &str) -> Result<String> {
        if !reference.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.')) {
            return Err(Error::invalid("reference", "a search takes letters, digits and -._ only"));
        }
        let query = format!("clientReferenceInformation.code:{reference}");
        let body = object([text("query", query), text("sort", "submitTimeUtc:desc")]);
        let found = self.send(self.post(cx, "/tss/v2/searches", &body).harmless()).await?;
        let none = || Error::new(Kind::NotFound, Effect::None, "no payment has this reference");
        found.authorization(reference)?.map(str::to_owned).ok_or_else(none)
    }
}

/// What the transactions of a payment come to.
#[derive(Default)]
struct Books {
    taken: Option<String>,
    captured: Option<Money>,
    refunded: Option<Money>,
    released: bool,
    waiting: bool,
    unknown: Option<String>,
}

impl Books {
    fn enter(&mut self, found: &Answer) -> Result<()> {
        let status = found.found_status()?;
        for name in [CAPTURE, checks::DEBIT, REVERSAL, VOID, CREDIT, checks::CREDIT] {
            match (found.service(name)?, name, status) {
                // The status of a purchase is that of its capture, or still that of its authorization.
                (Some(Ended::Done), CAPTURE, "PENDING" | "TRANSMITTED" | "AUTHORIZED")
                | (Some(Ended::Done), checks::DEBIT, "PENDING" | "TRANSMITTED") => {
                    self.waiting |= name == checks::DEBIT && status == "PENDING";
                    self.taken = Some(found.id()?.to_owned());
                    self.captured = sum(self.captured, found.total()?)?;
                }
                (Some(Ended::Done), CREDIT | checks::CREDIT, "PENDING" | "TRANSMITTED") => {
                    self.refunded = sum(self.refunded, found.total()?)?;
                }
                (Some(Ended::Done), REVERSAL | VOID, "REVERSED" | "VOIDED" | "CANCELLED") => self.released = true,
                (Some(Ended::Done), ..) => self.unknown = Some(status.to_owned()),
                (Some(Ended::Unknown(raw)), ..) => self.unknown = Some(raw),
                (Some(Ended::Refused) | None, ..) => {}
            }
        }
        Ok(())
    }
}

/// Whether a payment is found without what an earlier answer told of it.
pub(crate) fn is_undone(known: &Handle, found: &Payment) -> bool {
    let lost = |part| known.part(part).is_some() && found.handle.part(part).is_none();
    let is_plain = matches!(found.state, State::Authorized | State::Captured);
    let is_open = is_plain || found.state == State::Pending;
    is_plain && lost("taken") || is_open && known.part("released").is_some()
}

fn sum(so_far: Option<Money>, more: Option<Money>) -> Result<Option<Money>> {
    let Some((one, other)) = so_far.zip(more) else { return Ok(so_far.or(more)) };
    one.checked_add(&other).map(Some).ok_or_else(|| Error::protocol("the amounts of the payment do not add up"))
}

/// How a refund stands, that was looked up.
pub(crate) fn refunded(found: &Answer) -> Result<Refund> {
    let none = || Error::new(Kind::NotFound, Effect::None, "the transaction is no refund");
    let service = found.service(CREDIT)?.or(found.service(checks::CREDIT)?);
    let state = match (service.ok_or_else(none)?, found.found_status()?) {
        (Ended::Refused, "DECLINED" | "INVALID_REQUEST") => TransferState::Failed(found.decline()),
        (Ended::Unknown(raw), _) => TransferState::Unrecognised(raw),
        (Ended::Done, "PENDING") => TransferState::Pending,
        (Ended::Done, "TRANSMITTED") => TransferState::Succeeded,
        (Ended::Done | Ended::Refused, other) => TransferState::Unrecognised(other.to_owned()),
    };
    Ok(Refund { amount: found.total()?, reference: found.reference(), ..Refund::new(found.handle()?, state) })
}

//! Fast Access: money is sent to a card, by Visa Direct or Mastercard Send. The network's answer may come later, in a notification or an
//! inquiry. An order that ends in `ERROR` got none: whether the money went is not known.
//!
//! Source: <https://developer.worldpay.com/docs/wpg/manage/fastaccess/>, and `FF_DISBURSE-SSL` of the document type.

use quittance::body::{node, optional, text};
use quittance::*;

use crate::wire::OrderStatus;
use crate::{Worldpay, build};

impl Worldpay {
    pub(crate) async fn disburse(&self, cx: &Context<'_>, request: &PayOut) -> Result<Payout> {
        let Recipient::Card(card) = &request.recipient else {
            return Err(Error::unsupported_variant("a payout to anything but a card"));
        };
        let code = build::order_code(&request.reference);
        let details = [
            text("cardNumber", card.number.expose()),
            build::expiry(card.expiry),
            optional("cardHolderName", card.holder.clone().or(request.customer.full_name())),
        ];
        let recipient = node("recipient", [node("paymentInstrument", [node("cardDetails", details)])]);
        let members = [
            text("@orderCode", &*code),
            text("description", request.description.as_deref().unwrap_or(&request.reference)),
            build::amount(&request.amount, false)?,
            node("paymentDetails", [node("FF_DISBURSE-SSL", [recipient])]),
            node("shopper", [optional("shopperEmailAddress", request.customer.email.as_deref())]),
        ];
        let (said, _) = self.send(cx, "submit", node("order", members), None).await?;
        let payout = read(&said.status(&code)?, Handle::new(&*code))?;
        Ok(Payout { reference: Some(request.reference.clone()), ..payout })
    }
}

/// A payout as its order's status shows it.
pub(crate) fn read(status: &OrderStatus, handle: Handle) -> Result<Payout> {
    let payment = status.payment.as_ref().ok_or_else(|| Error::protocol("the order has no payment"))?;
    let state = match payment.last_event.as_str() {
        "PUSH_REQUESTED" | "PUSH_PENDING" => TransferState::Pending,
        "PUSH_APPROVED" => TransferState::Succeeded,
        "PUSH_REFUSED" => TransferState::Failed(payment.decline()),
        other => TransferState::Unrecognised(other.to_owned()),
    };
    Ok(Payout { amount: payment.amount.money()?, ..Payout::new(handle, state) })
}

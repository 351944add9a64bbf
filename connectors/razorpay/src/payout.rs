//! Payouts: RazorpayX's composite call, which keeps recipient and account by itself.

use std::borrow::Cow;

use quittance::body::{Member, node, object, optional, text, whole};
use quittance::*;

use crate::wire::PayoutObject;
use crate::{Razorpay, codes, idempotency_key, receipt};

impl Razorpay {
    /// Sends money from the RazorpayX account.
    pub(crate) async fn send_out(&self, cx: &Context<'_>, request: &PayOut) -> Result<Payout> {
        let account = self.credentials.payout_account.as_deref().ok_or_else(|| {
            Error::new(Kind::Credentials, Effect::None, "payouts need an account").in_field("payout_account")
        })?;
        let (mode, fund_account, holder) = fund_account(request)?;
        let customer = &request.customer;
        let contact = node(
            "contact",
            [
                optional("name", customer.full_name().or(holder)),
                optional("email", customer.email.as_deref()),
                optional("contact", customer.phone.as_deref()),
            ],
        );
        let body = object([
            text("account_number", account),
            whole("amount", Razorpay::SPEC.minor(&request.amount)?),
            text("currency", request.amount.currency().code()),
            text("mode", mode),
            text("purpose", "payout"),
            node("fund_account", fund_account.into_iter().chain([contact])),
            text("reference_id", receipt(&request.reference)?),
            optional("narration", request.description.as_deref()),
        ]);
        let call = self.post(cx, "payouts").json(&body);
        payout(&self.send(call.header("x-payout-idempotency", &idempotency_key(&request.key))).await?)
    }
}

/// A payout out of an answer or event.
pub(crate) fn payout(object: &PayoutObject) -> Result<Payout> {
    let mut payout = Payout::new(Handle::new(&object.id), codes::payout(object));
    payout.amount = Some(Razorpay::SPEC.money(object.amount, &object.currency)?);
    payout.reference = object.reference_id.clone();
    Ok(payout)
}

/// Mode, members and holder of the account that is paid:
/// <https://razorpay.com/docs/api/x/payout-composite/create/bank-account/>.
fn fund_account(request: &PayOut) -> Result<(Cow<'static, str>, [Member<'_>; 2], Option<String>)> {
    match &request.recipient {
        Recipient::Bank { brand, account } if matches!(brand.as_str(), "imps" | "neft" | "rtgs") => {
            let bank = node(
                "bank_account",
                [
                    text("name", &account.holder),
                    optional("ifsc", account.routing.as_deref()),
                    text("account_number", account.number.expose()),
                ],
            );
            let members = [text("account_type", "bank_account"), bank];
            Ok((brand.to_ascii_uppercase().into(), members, Some(account.holder.clone())))
        }
        Recipient::Wallet { brand, account } if brand == "upi" => {
            let address = node("vpa", [text("address", account.expose())]);
            Ok(("UPI".into(), [text("account_type", "vpa"), address], None))
        }
        _ => Err(Error::unsupported_variant("a recipient other than a bank account by imps, neft or rtgs, or upi")),
    }
}

//! Electronic checks: debits of bank accounts in the United States, by the Automated Clearing House (ACH).
//!
//! A debit is `PENDING` until it is passed on to the banks, and can be voided until then; its refund is a credit to the same account.
//!
//! Source: developer.cybersource.com/docs/cybs/en-us/echeck, "Processing an eCheck Debit Transaction Using the REST API";
//! `cybersource-rest-samples-node`, `electronic-check-debits`, `electronic-check-follow-on-refund`; `cybersource-plugins-commercetools`,
//! `ProcessingInformationMapper.ts`, `SyncHelper.ts`; developer.cybersource.com, "Service Fees in Electronic Check Transactions" (voids).

use quittance::body::{Member, node, object, text};
use quittance::*;

use crate::{Gateway, Merchant, build, payment};

/// The services of a transaction: debiting an account, and crediting it.
pub(crate) const DEBIT: &str = "ics_ecp_debit";
pub(crate) const CREDIT: &str = "ics_ecp_credit";

/// `paymentType.name` of a debit and of its refund.
const CHECK: &str = "CHECK";

impl<G: Gateway> Merchant<G> {
    pub(crate) async fn debit(&self, cx: &Context<'_>, request: &Authorize, account: &BankAccount) -> Result<Payment> {
        if request.capture == CaptureMode::Manual || request.store {
            return Err(Error::unsupported_variant("reserving money of a bank account, or storing it"));
        }
        let missing = || Error::invalid("method.account.routing", "a debit needs the routing number");
        let routing = account.routing.as_deref().ok_or_else(missing)?;
        // The schemes' own codes: CCD for companies, WEB for consumers who agreed online.
        let (of, scheme) = match account.kind {
            BankAccountKind::Checking => ("C", "WEB"),
            BankAccountKind::Savings => ("S", "WEB"),
            BankAccountKind::Business => ("X", "CCD"),
        };
        let debited = node("account", [text("type", of), text("number", account.number.expose())]);
        let amount = build::amount("totalAmount", &request.amount);
        let body = object([
            build::reference(&request.reference),
            node("processingInformation", [node("bankTransferOptions", [text("secCode", scheme)])]),
            node(
                "paymentInformation",
                [node("bank", [debited, text("routingNumber", routing)]), node("paymentType", [text("name", CHECK)])],
            ),
            node("orderInformation", [amount, node("billTo", build::bill_to(request))]),
            build::merchant(&request.order),
        ]);
        let answer = self.send(self.post(cx, "/pts/v2/payments", &body)).await?;
        let state = match answer.status()? {
            "PENDING" | "AUTHORIZED_PENDING_REVIEW" | "PENDING_REVIEW" => State::Pending,
            "TRANSMITTED" => State::Captured,
            "AUTHORIZED_RISK_DECLINED" | "DECLINED" | "INVALID_REQUEST" => State::Declined(answer.decline()),
            other => State::Unrecognised(other.to_owned()),
        };
        Ok(marked(payment(&answer, state, Some(answer.id()?.to_owned()))?))
    }
}

/// The payment with a handle that says what it is.
pub(crate) fn marked(payment: Payment) -> Payment {
    Payment { handle: payment.handle.with("type", "check"), ..payment }
}

pub(crate) fn is_check(handle: &Handle) -> bool {
    handle.part("type") == Some("check")
}

/// Says that a refund is of an electronic check.
pub(crate) fn kind() -> Member<'static> {
    node("paymentInformation", [node("paymentType", [text("name", CHECK)])])
}

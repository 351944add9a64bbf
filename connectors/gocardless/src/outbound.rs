//! Outbound payments: money sent from the account's balance by Faster Payments.
//! <https://developer.gocardless.com/api-reference/#core-endpoints-outbound-payments>,
//! <https://developer.gocardless.com/sending-money/overview/>.

use quittance::*;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use crate::codes::{self, FASTER_PAYMENTS};
use crate::{GoCardless, Payer, SPEC, wire};

const KIND: &str = "outbound_payments";

/// What one may write on a statement, and how much of it.
const STATEMENT: (&str, usize) = (" &-./", 18);

/// Who approves payouts: GoCardless sends none without (<https://developer.gocardless.com/sending-money/approve-outbound-payment/>).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PayoutApproval {
    /// Somebody in GoCardless's dashboard. A payout is pending until then, and cancelled when nobody does.
    #[default]
    Dashboard,
    /// The connector, where the recipient's bank says that the account's holder is exactly the one who was named; the dashboard otherwise.
    FullMatch,
}

impl GoCardless {
    /// Recipient, bank account and payment; and the approval. A payout whose verification takes longer is approved when it is asked for
    /// again under the same key.
    pub(crate) async fn send_money(&self, cx: &Context<'_>, request: &PayOut) -> Result<Payout> {
        let Recipient::Bank { brand, account } = &request.recipient else {
            return Err(Error::unsupported_variant("payouts to other than a bank account"));
        };
        if brand != FASTER_PAYMENTS.brand {
            return Err(Error::unsupported_variant(brand));
        }
        let (customer, billing) = (&request.customer, &Address::default());
        let payer = Payer { brand, account, customer, billing, ip: None };
        let recipient = self.account(cx, &request.key, &FASTER_PAYMENTS, &payer).await?;
        let mut links = json!({ "recipient_bank_account": recipient });
        if let Some(creditor) = &self.credentials.creditor {
            links["creditor"] = json!(creditor);
        }
        let mut body = json!({
            "amount": SPEC.minor(&request.amount)?,
            "scheme": FASTER_PAYMENTS.name,
            "links": links,
            "metadata": { "reference": request.reference },
        });
        if is_for_statement(&request.reference) {
            body["reference"] = json!(request.reference);
        }
        if let Some(description) = &request.description {
            body["description"] = json!(description);
        }
        let made = self.create(cx, KIND, request.key.as_str(), &json!({ KIND: body })).await?;
        self.approved(cx, request, made).await
    }

    async fn approved(&self, cx: &Context<'_>, request: &PayOut, made: wire::OutboundPayment) -> Result<Payout> {
        let wanted = self.credentials.payout_approval == PayoutApproval::FullMatch;
        if !wanted || made.status != "pending_approval" || !made.is_full_match() {
            return payout(made);
        }
        let made = payout(made)?;
        // An approval cannot be taken back: what the key has made must be what is asked for now.
        agree_payout(&made, request.amount, &request.reference)?;
        let path = format!("{KIND}/{}/actions/approve", made.handle.segment()?);
        let call = self.post(cx, &path, &format!("{}-approve", request.key));
        let answer = self.exchange(cx, call).await.and_then(|reply| crate::read(&reply));
        let approved = payout(answer.map_err(|error| error.about(&made.handle))?)?;
        agree_part(&made.handle, Some(made.handle.id()), Some(approved.handle.id()))?;
        Ok(approved)
    }

    pub(crate) async fn outbound(&self, cx: &Context<'_>, handle: &Handle) -> Result<Payout> {
        payout(self.get(cx, KIND, handle).await?)
    }
}

/// Whether a reference can stand on a statement; GoCardless makes one of its own else.
fn is_for_statement(reference: &str) -> bool {
    let (signs, longest) = STATEMENT;
    reference.len() <= longest
        && reference.chars().all(|letter| letter.is_ascii_alphanumeric() || signs.contains(letter))
}

fn payout(body: wire::OutboundPayment) -> Result<Payout> {
    let amount = Some(SPEC.money(body.amount, &body.currency)?);
    let reference = body.metadata.and_then(|metadata| metadata.reference);
    Ok(Payout { amount, reference, ..Payout::new(Handle::new(body.id), codes::payout(body.status)) })
}

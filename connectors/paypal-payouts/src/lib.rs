//! PayPal Payouts: money to PayPal accounts. A product of its own beside checkout, which PayPal enables separately
//! (<https://developer.paypal.com/docs/api/payments.payouts-batch/v1/>).
//!
//! A payout is a batch of one item; its handle is the batch's id. The first answer knows the batch only, so it is always
//! pending; [`Connector::retrieve_payout`] or a webhook tells what became of the item.

use quittance::*;
use quittance_family_paypal::wire::{Amount, Event as Delivered};
use quittance_family_paypal::{App, CURRENCIES, EXPONENTS, HOSTS, WEBHOOK, at, money};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::json;

/// PayPal Payouts' line in the catalogue.
pub static ENTRY: Entry = Entry::of::<Payouts>();

/// One PayPal business account with Payouts.
#[derive(Debug)]
pub struct Payouts(App);

impl Provider for Payouts {
    const SPEC: Spec = Spec {
        hosts: HOSTS,
        operations: &[Op::PayOut, Op::RetrievePayout, Op::Webhook],
        currencies: Currencies::Only(CURRENCIES),
        exponents: EXPONENTS,
        idempotency: Idempotency::Header("paypal-request-id"),
        webhook: Some(WEBHOOK),
        ..Spec::new("paypal-payouts", "PayPal Payouts", "https://developer.paypal.com/docs/payouts/")
    };
    type Credentials = App;

    fn new(credentials: App) -> Result<Self> {
        Ok(Self(credentials))
    }
}

#[async_trait]
impl Connector for Payouts {
    fn spec(&self) -> &'static Spec {
        ENTRY.spec
    }

    async fn pay_out(&self, cx: &Context<'_>, request: &PayOut) -> Result<Payout> {
        let account = match &request.recipient {
            Recipient::Wallet { brand, account } if brand == "paypal" => account.expose(),
            _ => return Err(Error::unsupported_variant("a payout to anything but a PayPal account")),
        };
        let kind = match account {
            address if address.contains('@') => "EMAIL",
            number if number.starts_with('+') => "PHONE",
            _ => "PAYPAL_ID",
        };
        let (currency, value) = (request.amount.currency().code(), self.spec().major(&request.amount)?);
        let body = json!({
            // "PayPal does not process duplicate payouts": this id guards for 30 days.
            "sender_batch_header": { "sender_batch_id": request.key.as_str() },
            "items": [{
                "recipient_type": kind,
                "receiver": account,
                "amount": { "currency": currency, "value": value },
                "sender_item_id": request.reference,
                "note": request.description,
            }],
        });
        payout(&self.0.read(cx, self.0.post(cx, "/v1/payments/payouts", &request.key, body)).await?)
    }

    async fn retrieve_payout(&self, cx: &Context<'_>, request: &RetrievePayout) -> Result<Payout> {
        payout(&self.0.read(cx, self.0.get(cx, &at("/v1/payments/payouts", request.payout.id(), "")?)).await?)
    }

    async fn webhook(&self, cx: &Context<'_>, delivery: &Delivery) -> Result<Vec<Event>> {
        let authentic = self.0.vouch(cx, delivery).await?;
        let event: Delivered<IgnoredAny> = authentic.json()?;
        let body = match event.event_type.strip_prefix("PAYMENT.PAYOUTS-ITEM.") {
            Some(_) => EventBody::Payout(item(&authentic.json::<Delivered<Item>>()?.resource)?),
            None => EventBody::Ignored,
        };
        Ok(vec![event.told(body)])
    }
}

fn payout(batch: &Batch) -> Result<Payout> {
    let header = &batch.batch_header;
    let state = match (batch.items.first(), header.batch_status.as_str()) {
        (Some(first), _) => return item(first),
        // "SUCCESS" says that the batch was worked through, not that its item was paid.
        (None, "PENDING" | "PROCESSING" | "SUCCESS") => TransferState::Pending,
        (None, code @ "DENIED") => TransferState::Failed(Decline::with_code(Reason::Generic, code)),
        (None, "CANCELED") => TransferState::Cancelled,
        (None, other) => TransferState::Unrecognised(other.to_owned()),
    };
    Ok(Payout::new(Handle::new(&header.payout_batch_id), state))
}

fn item(item: &Item) -> Result<Payout> {
    let handle = Handle::new(&item.payout_batch_id);
    let state = match item.transaction_status.as_str() {
        "SUCCESS" => TransferState::Succeeded,
        "PENDING" | "UNCLAIMED" | "ONHOLD" => TransferState::Pending,
        status @ ("FAILED" | "RETURNED" | "BLOCKED" | "REFUNDED" | "REVERSED" | "DENIED") => {
            let error = item.errors.as_ref();
            let code = error.and_then(|error| error.name.as_deref()).unwrap_or(status);
            let message = error.and_then(|error| error.message.clone());
            TransferState::Failed(Decline { message, ..Decline::with_code(reason(code), code) })
        }
        other => TransferState::Unrecognised(other.to_owned()),
    };
    let amount = money(ENTRY.spec, Some(&item.payout_item.amount), &handle)?;
    Ok(Payout { amount, reference: item.payout_item.sender_item_id.clone(), ..Payout::new(handle, state) })
}

/// Item errors whose class is clear (Payouts API, "Item errors"); the rest keep their code only.
fn reason(code: &str) -> Reason {
    match code {
        "INSUFFICIENT_FUNDS" => Reason::InsufficientFunds,
        "RECEIVER_UNREGISTERED" | "RECEIVER_ACCOUNT_LOCKED" | "RECEIVER_UNCONFIRMED" => Reason::InvalidAccount,
        "RECEIVING_LIMIT_EXCEEDED" | "TRANSACTION_LIMIT_EXCEEDED" => Reason::AmountLimit,
        "RISK_DECLINE" | "REGULATORY_BLOCKED" | "REGULATORY_PENDING" => Reason::RiskRules,
        _ => Reason::Unmapped,
    }
}

/// A payout batch; without items right after it was made.
#[derive(Deserialize)]
struct Batch {
    batch_header: Header,
    #[serde(default)]
    items: Vec<Item>,
}

#[derive(Deserialize)]
struct Header {
    payout_batch_id: String,
    #[serde(default)]
    batch_status: String,
}

#[derive(Deserialize)]
struct Item {
    payout_batch_id: String,
    #[serde(default)]
    transaction_status: String,
    payout_item: Detail,
    errors: Option<Fault>,
}

#[derive(Deserialize)]
struct Detail {
    amount: Amount,
    sender_item_id: Option<String>,
}

#[derive(Deserialize)]
struct Fault {
    name: Option<String>,
    message: Option<String>,
}

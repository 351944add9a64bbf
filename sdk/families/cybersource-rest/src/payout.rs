//! Payouts to cards: original credit transactions (Visa Direct, Mastercard Send), which the card's issuer approves or refuses at once.
//!
//! - The approval is all that is ever told: the money is there within 30 minutes or two business days, as the issuer has it, so there is
//!   nothing to look up.
//! - Networks want to know who sends the money: the merchant, as the credentials say.
//!
//! Source: developer.cybersource.com/docs/cybs/en-us/payouts, "How it Works"; `cybersource-rest-client` 0.0.83, `OctCreatePaymentRequest`,
//! `PtsV2PayoutsPost201Response`; `cybersource-rest-samples-node`, `Samples/Payouts`.

use quittance::body::{node, object, optional, text};
use quittance::*;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{Gateway, Merchant, build};

/// Who sends payouts, as the bank of the recipient is told: the merchant.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Sender {
    /// The company's name, up to 30 characters.
    pub name: String,
    /// Where it is; with the state in the USA and Canada.
    #[serde(default)]
    pub address: Address,
    /// What its payouts are, two letters (`FD`: general disbursements). Without it the account's configuration says so.
    pub business_application_id: Option<String>,
}

impl<G: Gateway> Merchant<G> {
    pub(crate) async fn credit(&self, cx: &Context<'_>, request: &PayOut) -> Result<Payout> {
        let Recipient::Card(card) = &request.recipient else {
            return Err(Error::unsupported_variant("a payout to anything but a card"));
        };
        let unnamed =
            || Error::new(Kind::Credentials, Effect::None, "a payout names its sender").in_field("payout_sender");
        let Sender { name, address, business_application_id } =
            self.credentials.payout_sender.as_ref().ok_or_else(unnamed)?;
        let body = object([
            build::reference(&request.reference),
            node(
                "processingInformation",
                [
                    optional("businessApplicationId", business_application_id.as_deref()),
                    text("commerceIndicator", "internet"),
                ],
            ),
            node("paymentInformation", [node("card", build::numbered(&card.number, &card.expiry, None))]),
            node("orderInformation", [build::amount("totalAmount", &request.amount)]),
            node("recipientInformation", build::person(&request.customer)),
            node(
                "senderInformation",
                [
                    text("name", name),
                    optional("address1", address.line1.as_deref()),
                    optional("locality", address.city.as_deref()),
                    optional("administrativeArea", address.state.as_deref()),
                    optional("postalCode", address.postal_code.as_deref()),
                    optional("countryCode", address.country.as_deref()),
                    // A deposit account, as the vendor says of disbursements.
                    node("account", [text("fundsSource", "05")]),
                ],
            ),
        ]);
        let answer = self.send(self.post(cx, "/pts/v2/payouts", &body)).await?;
        let state = match answer.status()? {
            "ACCEPTED" => TransferState::Succeeded,
            "DECLINED" | "INVALID_REQUEST" => TransferState::Failed(answer.decline()),
            other => TransferState::Unrecognised(other.to_owned()),
        };
        let (amount, reference) = (answer.total()?, answer.reference());
        Ok(Payout { amount, reference, ..Payout::new(answer.handle()?, state) })
    }
}

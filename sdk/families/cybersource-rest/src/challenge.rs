//! Payer authentication: 3-D Secure by the gateway, where a challenge is asked for ([`ThreeDs::Challenge`]).
//!
//! The setup, then the payment with the check of enrollment in it: either the issuer lets it pass and the same request authorizes, or
//! the customer has a challenge to pass first. The payment after it is a request of its own, which needs the card, the customer and the
//! billing address again. The data of the browser go along in place of those that a hidden frame would collect in ten seconds.
//!
//! Source: developer.cybersource.com/docs/cybs/en-us/payer-authentication, "Implementing Direct API", "Combining the Authentication and
//! the Authorization Services", "Setting Up Device Data Collection When Using a Flex Microform Token"; `cybersource-rest-samples-node`, `authorization-with-payer-auth-validation`.

use quittance::body::{node, object, text};
use quittance::*;

use crate::wire::Answer;
use crate::{Gateway, Merchant, build, flex, paid};

/// What came of the wish to pay.
pub(crate) enum Asked {
    /// The payment's own answer.
    Answered(Answer),
    /// The card cannot be authenticated; nothing else was asked.
    Refused(Answer),
    /// The customer has a challenge to pass first.
    Challenged(Answer, Handle, NextAction),
}

impl<G: Gateway> Merchant<G> {
    /// Asks for a payment, with a challenge where one is wanted.
    pub(crate) async fn pay(&self, cx: &Context<'_>, request: &Authorize) -> Result<Asked> {
        let card = match (&request.three_ds, &request.method) {
            (ThreeDs::Challenge, Method::Card(card)) => {
                node("paymentInformation", [node("card", build::numbered(&card.number, &card.expiry, None))])
            }
            (ThreeDs::Challenge, Method::CardToken(token)) => {
                node("tokenInformation", [text("transientToken", flex::id_of(cx, token)?)])
            }
            _ => {
                let body = build::payment(request, None)?;
                return Ok(Asked::Answered(self.send(self.post(cx, "/pts/v2/payments", &body)).await?));
            }
        };
        let setup = object([build::reference(&request.reference), card]);
        let setup = self.send(self.post(cx, "/risk/v1/authentication-setups", &setup).harmless()).await?;
        match setup.status()? {
            "COMPLETED" => {}
            "FAILED" => return Ok(Asked::Refused(setup)),
            _ => return Err(Error::protocol("the setup of the authentication has an unknown status")),
        }
        let enrollment = enrollment(request, setup.authentication("referenceId")?)?;
        let body = build::payment(request, Some(enrollment))?;
        let answer = self.send(self.post(cx, "/pts/v2/payments", &body)).await?;
        match (answer.status()?, answer.authentication("stepUpUrl")) {
            ("PENDING_AUTHENTICATION", _) => {}
            (_, Err(_)) => return Ok(Asked::Answered(answer)),
            (_, Ok(_)) => return Err(Error::protocol("the answer has a challenge, and a status that says otherwise")),
        }
        // The gateway gives the payment its id when it is authorized.
        let handle = Handle::new(&*request.reference)
            .with("authentication", answer.authentication("authenticationTransactionId")?)
            .with_some("store", request.store.then_some("1"));
        let fields = vec![("JWT".to_owned(), answer.authentication("accessToken")?.to_owned())];
        let action = NextAction::ThreeDs { url: answer.authentication("stepUpUrl")?.to_owned(), fields };
        Ok(Asked::Challenged(answer, handle, action))
    }

    /// The payment after the challenge: the gateway reads its result and authorizes.
    pub(crate) async fn pay_challenged(&self, cx: &Context<'_>, request: &Complete) -> Result<Payment> {
        let authentication = request.payment.part("authentication");
        let authentication =
            authentication.ok_or_else(|| Error::invalid("payment", "the payment waits for no challenge"))?;
        agree_part(&request.payment, Some(authentication), request.returned("TransactionId"))?;
        let Some(method @ (Method::Card(_) | Method::CardToken(_))) = &request.method else {
            return Err(Error::invalid("method", "after a challenge the gateway asks for the card again"));
        };
        let takes = request.amount.minor() > 0;
        let again = Authorize {
            capture: if takes { request.capture } else { CaptureMode::Manual },
            store: request.payment.part("store").is_some(),
            customer: request.customer.clone(),
            billing: request.billing.clone(),
            ..Authorize::new(request.key.clone(), &request.reference, request.amount, method.clone())
        };
        let told = vec![text("authenticationTransactionId", authentication)];
        let body = build::payment(&again, Some(("VALIDATE_CONSUMER_AUTHENTICATION", told)))?;
        let payment = paid(&self.send(self.post(cx, "/pts/v2/payments", &body)).await?, again.capture)?;
        Ok(if takes { payment } else { only_stored(payment) })
    }

    /// A payment that was challenged: its authorization stands under its reference, once there is one.
    pub(crate) async fn look_at_challenged(&self, cx: &Context<'_>, handle: &Handle) -> Result<Payment> {
        match self.find(cx, handle.id()).await {
            Ok(id) => {
                let found = self.look_at(cx, &id).await?;
                let stores = handle.part("store").is_some() && found.amount.is_some_and(|amount| amount.minor() == 0);
                Ok(Payment { handle: handle.clone(), ..if stores { only_stored(found) } else { found } })
            }
            Err(error) if error.kind() == Kind::NotFound => Ok(Payment::new(handle.clone(), State::Pending)),
            Err(error) => Err(error),
        }
    }
}

/// A card that was only stored has paid nothing; without a token there is nothing to pay with.
fn only_stored(payment: Payment) -> Payment {
    let state = match (payment.state, &payment.mandate) {
        (state, _) if !state.is_success() => state,
        (_, Some(_)) => State::Pending,
        (_, None) => State::Unrecognised("AUTHORIZED".to_owned()),
    };
    Payment { state, ..payment }
}

/// What the check of enrollment is told. A challenge is the merchant's wish (`03`); nothing is paid where a card is stored (`02`).
fn enrollment<'a>(request: &'a Authorize, setup: &'a str) -> Result<build::Authentication<'a>> {
    let back = request.return_url.as_deref();
    let back = back.ok_or_else(|| Error::invalid("return_url", "a challenge ends at a page of the merchant's"))?;
    let told = vec![
        text("referenceId", setup),
        text("returnUrl", back),
        text("deviceChannel", "Browser"),
        text("challengeCode", "03"),
        text("messageCategory", if request.amount.minor() > 0 { "01" } else { "02" }),
    ];
    Ok(("CONSUMER_AUTHENTICATION", told))
}

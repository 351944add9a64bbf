//! Payer authentication: 3-D Secure by the gateway, where a challenge is asked for ([`ThreeDs::Challenge`]).
//!
//! The setup, then the payment with the check of enrollment in it: either the issuer lets it pass and the same request authorizes, or
//! the customer has a challenge to pass first. The payment after it is a request of its own, which needs the card again. So a challenged
//! card is put into the account's token vault before, with its billing address, and stays there: what the handle calls `instrument` can
//! be withdrawn as a mandate. The data of the browser go along in place of those that a hidden frame would collect in ten seconds.
//!
//! Source: developer.cybersource.com/docs/cybs/en-us/payer-authentication, "Implementing Direct API", "Combining the Authentication and
//! the Authorization Services"; token management: `cybersource-rest-samples-node`, `Samples/TokenManagement`.

use quittance::body::{Json, Member, flag, list, node, object, optional, text};
use quittance::*;

use crate::wire::Answer;
use crate::{Gateway, Merchant, build, codes, paid};

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
        let (ThreeDs::Challenge, Method::Card(card)) = (&request.three_ds, &request.method) else {
            let body = build::payment(request, Vec::new())?;
            return Ok(Asked::Answered(self.send(self.post(cx, "/pts/v2/payments", &body)).await?));
        };
        let setup = object([
            build::reference(&request.reference),
            node("paymentInformation", [node("card", build::numbered(&card.number, &card.expiry, None))]),
        ]);
        let setup = self.send(self.post(cx, "/risk/v1/authentication-setups", &setup).harmless()).await?;
        match setup.status()? {
            "COMPLETED" => {}
            "FAILED" => return Ok(Asked::Refused(setup)),
            _ => return Err(Error::protocol("the setup of the authentication has an unknown status")),
        }
        let body = build::payment(request, proof(request, setup.authentication("referenceId")?)?)?;
        let answer = self.send(self.post(cx, "/pts/v2/payments", &body)).await?;
        match (answer.status()?, answer.authentication("stepUpUrl")) {
            ("PENDING_AUTHENTICATION", _) => {}
            (_, Err(_)) => return Ok(Asked::Answered(answer)),
            (_, Ok(_)) => return Err(Error::protocol("the answer has a challenge, and a status that says otherwise")),
        }
        let instrument = self.keep(cx, request, card).await?;
        // The gateway gives the payment its id when it is authorized.
        let handle = Handle::new(&*request.reference)
            .with("authentication", answer.authentication("authenticationTransactionId")?)
            .with("instrument", instrument)
            .with_some("store", request.store.then_some("1"));
        let fields = vec![("JWT".to_owned(), answer.authentication("accessToken")?.to_owned())];
        let action = NextAction::ThreeDs { url: answer.authentication("stepUpUrl")?.to_owned(), fields };
        Ok(Asked::Challenged(answer, handle, action))
    }

    /// The payment after the challenge: the gateway reads its result and authorizes.
    pub(crate) async fn pay_challenged(&self, cx: &Context<'_>, request: &Complete) -> Result<Payment> {
        let nothing = || Error::invalid("payment", "the payment waits for no challenge");
        let part = |name| request.payment.part(name).ok_or_else(nothing);
        let (authentication, instrument) = (part("authentication")?, part("instrument")?);
        agree_part(&request.payment, Some(authentication), request.returned("TransactionId"))?;
        let (stores, takes) = (request.payment.part("store").is_some(), request.amount.minor() > 0);
        let capture = if takes { request.capture } else { CaptureMode::Manual };
        let stored = node("initiator", [flag("credentialStoredOnFile", stores.then_some(true))]);
        let body = object([
            build::reference(&request.reference),
            node(
                "processingInformation",
                [
                    flag("capture", capture == CaptureMode::Automatic),
                    list("actionList", [Json::Text("VALIDATE_CONSUMER_AUTHENTICATION".into())]),
                    node("authorizationOptions", [stored]),
                ],
            ),
            node("paymentInformation", [node("paymentInstrument", [text("id", instrument)])]),
            node("orderInformation", [build::amount("totalAmount", &request.amount)]),
            node("consumerAuthenticationInformation", [text("authenticationTransactionId", authentication)]),
        ]);
        let payment = paid(&self.send(self.post(cx, "/pts/v2/payments", &body)).await?, capture)?;
        let mandate = stores && payment.state.is_success();
        // A card that was only stored has paid nothing.
        let state = if takes || !payment.state.is_success() { payment.state } else { State::Pending };
        Ok(Payment { state, mandate: mandate.then(|| Handle::new(instrument)), ..payment })
    }

    /// A payment that was challenged: its authorization stands under its reference, once there is one.
    pub(crate) async fn look_at_challenged(&self, cx: &Context<'_>, handle: &Handle) -> Result<Payment> {
        match self.find(cx, handle.id()).await {
            Ok(id) => Ok(Payment { handle: handle.clone(), ..self.look_at(cx, &id).await? }),
            Err(error) if error.kind() == Kind::NotFound => Ok(Payment::new(handle.clone(), State::Pending)),
            Err(error) => Err(error),
        }
    }

    /// Puts a card into the vault, with its expiry and billing address; the id of the payment instrument.
    async fn keep(&self, cx: &Context<'_>, request: &Authorize, card: &Card) -> Result<String> {
        let number = object([node("card", [text("number", card.number.expose())])]);
        let kept = self.send(self.post(cx, "/tms/v1/instrumentidentifiers", &number).harmless()).await?;
        let expiry = [
            text("expirationMonth", card.expiry.month2()),
            text("expirationYear", card.expiry.year().to_string()),
            optional("type", codes::card_name(card.number.brand())),
        ];
        let instrument = object([
            node("card", expiry),
            node("billTo", build::bill_to(request)),
            node("instrumentIdentifier", [text("id", kept.id()?)]),
        ]);
        let kept = self.send(self.post(cx, "/tms/v1/paymentinstruments", &instrument).harmless()).await?;
        kept.id().map(str::to_owned)
    }
}

/// What the check of enrollment is told. A challenge is the merchant's wish (`03`); nothing is paid where a card is stored (`02`).
fn proof<'a>(request: &'a Authorize, setup: &'a str) -> Result<Vec<Member<'a>>> {
    let back = request.return_url.as_deref();
    let back = back.ok_or_else(|| Error::invalid("return_url", "a challenge ends at a page of the merchant's"))?;
    Ok(vec![
        text("referenceId", setup),
        text("returnUrl", back),
        text("deviceChannel", "Browser"),
        text("challengeCode", "03"),
        text("messageCategory", if request.amount.minor() > 0 { "01" } else { "02" }),
    ])
}

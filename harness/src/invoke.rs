//! Any operation as a value: read from JSON, called on a connector.

use quittance::{
    Adjust, AnswerDispute, Authorize, Capture, Complete, Connector, Context, Delivery, Error, Op, OpenSession, PayOut,
    RefundRequest, Retrieve, RetrievePayout, RetrieveRefund, Revoke, SetUp, UnwrapToken, Void,
};
use schemars::{Schema, schema_for};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::view::Outcome;

/// The request of one operation.
#[derive(Debug, Clone)]
pub enum Request {
    /// [`Op::Authorize`].
    Authorize(Box<Authorize>),
    /// [`Op::Complete`].
    Complete(Box<Complete>),
    /// [`Op::Capture`].
    Capture(Capture),
    /// [`Op::Void`].
    Void(Void),
    /// [`Op::Refund`].
    Refund(RefundRequest),
    /// [`Op::Retrieve`].
    Retrieve(Retrieve),
    /// [`Op::RetrieveRefund`].
    RetrieveRefund(RetrieveRefund),
    /// [`Op::Adjust`].
    Adjust(Adjust),
    /// [`Op::SetUp`].
    SetUp(Box<SetUp>),
    /// [`Op::Revoke`].
    Revoke(Revoke),
    /// [`Op::OpenSession`].
    OpenSession(OpenSession),
    /// [`Op::UnwrapToken`].
    UnwrapToken(UnwrapToken),
    /// [`Op::PayOut`].
    PayOut(Box<PayOut>),
    /// [`Op::RetrievePayout`].
    RetrievePayout(RetrievePayout),
    /// [`Op::AnswerDispute`].
    AnswerDispute(AnswerDispute),
    /// [`Op::Webhook`].
    Webhook(Delivery),
}

impl Request {
    /// Reads the request of `op`, in the JSON form of [`Request::schema`]. Deliveries are made, not read:
    /// [`Op::Webhook`] is an error here.
    pub fn from_json(op: Op, input: Value) -> Result<Request, String> {
        Request::read(op, input).map_err(|cause| format!("input of {op}: {cause}"))
    }

    /// [`Request::from_json`] out of any JSON reader; one over a text names line and column of a mistake.
    ///
    /// # Errors
    /// A field that is missing, unknown or of another form.
    pub fn read<'de, D: Deserializer<'de>>(op: Op, input: D) -> Result<Request, D::Error> {
        Ok(match op {
            Op::Authorize => Request::Authorize(Deserialize::deserialize(input)?),
            Op::Complete => Request::Complete(Deserialize::deserialize(input)?),
            Op::Capture => Request::Capture(Deserialize::deserialize(input)?),
            Op::Void => Request::Void(Deserialize::deserialize(input)?),
            Op::Refund => Request::Refund(Deserialize::deserialize(input)?),
            Op::Retrieve => Request::Retrieve(Deserialize::deserialize(input)?),
            Op::RetrieveRefund => Request::RetrieveRefund(Deserialize::deserialize(input)?),
            Op::Adjust => Request::Adjust(Deserialize::deserialize(input)?),
            Op::SetUp => Request::SetUp(Deserialize::deserialize(input)?),
            Op::Revoke => Request::Revoke(Deserialize::deserialize(input)?),
            Op::OpenSession => Request::OpenSession(Deserialize::deserialize(input)?),
            Op::UnwrapToken => Request::UnwrapToken(Deserialize::deserialize(input)?),
            Op::PayOut => Request::PayOut(Deserialize::deserialize(input)?),
            Op::RetrievePayout => Request::RetrievePayout(Deserialize::deserialize(input)?),
            Op::AnswerDispute => Request::AnswerDispute(Deserialize::deserialize(input)?),
            Op::Webhook => return Err(serde::de::Error::custom("a webhook delivery has no JSON form")),
        })
    }

    /// The JSON Schema of the input of `op`; `None` for webhooks.
    pub fn schema(op: Op) -> Option<Schema> {
        Some(match op {
            Op::Authorize => schema_for!(Authorize),
            Op::Complete => schema_for!(Complete),
            Op::Capture => schema_for!(Capture),
            Op::Void => schema_for!(Void),
            Op::Refund => schema_for!(RefundRequest),
            Op::Retrieve => schema_for!(Retrieve),
            Op::RetrieveRefund => schema_for!(RetrieveRefund),
            Op::Adjust => schema_for!(Adjust),
            Op::SetUp => schema_for!(SetUp),
            Op::Revoke => schema_for!(Revoke),
            Op::OpenSession => schema_for!(OpenSession),
            Op::UnwrapToken => schema_for!(UnwrapToken),
            Op::PayOut => schema_for!(PayOut),
            Op::RetrievePayout => schema_for!(RetrievePayout),
            Op::AnswerDispute => schema_for!(AnswerDispute),
            Op::Webhook => return None,
        })
    }

    /// The operation.
    pub fn op(&self) -> Op {
        match self {
            Request::Authorize(_) => Op::Authorize,
            Request::Complete(_) => Op::Complete,
            Request::Capture(_) => Op::Capture,
            Request::Void(_) => Op::Void,
            Request::Refund(_) => Op::Refund,
            Request::Retrieve(_) => Op::Retrieve,
            Request::RetrieveRefund(_) => Op::RetrieveRefund,
            Request::Adjust(_) => Op::Adjust,
            Request::SetUp(_) => Op::SetUp,
            Request::Revoke(_) => Op::Revoke,
            Request::OpenSession(_) => Op::OpenSession,
            Request::UnwrapToken(_) => Op::UnwrapToken,
            Request::PayOut(_) => Op::PayOut,
            Request::RetrievePayout(_) => Op::RetrievePayout,
            Request::AnswerDispute(_) => Op::AnswerDispute,
            Request::Webhook(_) => Op::Webhook,
        }
    }

    /// Calls the operation on `connector`.
    pub async fn call(&self, connector: &dyn Connector, cx: &Context<'_>) -> Result<Outcome, Error> {
        Ok(match self {
            Request::Authorize(request) => Outcome::Payment(connector.authorize(cx, request).await?),
            Request::Complete(request) => Outcome::Payment(connector.complete(cx, request).await?),
            Request::Capture(request) => Outcome::Payment(connector.capture(cx, request).await?),
            Request::Void(request) => Outcome::Payment(connector.void(cx, request).await?),
            Request::Refund(request) => Outcome::Refund(connector.refund(cx, request).await?),
            Request::Retrieve(request) => Outcome::Payment(connector.retrieve(cx, request).await?),
            Request::RetrieveRefund(request) => Outcome::Refund(connector.retrieve_refund(cx, request).await?),
            Request::Adjust(request) => Outcome::Payment(connector.adjust(cx, request).await?),
            Request::SetUp(request) => Outcome::Mandate(connector.set_up(cx, request).await?),
            Request::Revoke(request) => Outcome::Mandate(connector.revoke(cx, request).await?),
            Request::OpenSession(request) => Outcome::Session(connector.open_session(cx, request).await?),
            Request::UnwrapToken(request) => Outcome::Token(connector.unwrap_token(cx, request).await?),
            Request::PayOut(request) => Outcome::Payout(connector.pay_out(cx, request).await?),
            Request::RetrievePayout(request) => Outcome::Payout(connector.retrieve_payout(cx, request).await?),
            Request::AnswerDispute(request) => Outcome::Dispute(connector.answer_dispute(cx, request).await?),
            Request::Webhook(delivery) => Outcome::Events(connector.webhook(cx, delivery).await?),
        })
    }
}

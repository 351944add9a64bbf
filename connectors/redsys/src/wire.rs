//! Redsys' JSON, as far as the connector reads it. Unknown members are ignored.

use quittance::{Error, Result};
use serde::Deserialize;

/// The envelope of every request, answer and notification: parameters are JSON in base64, the signature is over that text.
#[derive(Deserialize)]
pub(crate) struct Envelope {
    #[serde(rename = "Ds_SignatureVersion")]
    pub version: Option<String>,
    #[serde(rename = "Ds_MerchantParameters")]
    pub parameters: Option<String>,
    #[serde(rename = "Ds_Signature")]
    pub signature: Option<String>,
    /// In place of all others: a code `SIS0000` of a request that was refused.
    #[serde(rename = "errorCode")]
    pub error_code: Option<String>,
}

/// Parameters of an answer or a notification: <https://pagosonline.redsys.es/conexion-rest.html>.
#[derive(Deserialize)]
pub(crate) struct Parameters {
    #[serde(rename = "Ds_Order")]
    pub order: String,
    #[serde(rename = "Ds_Amount")]
    pub amount: Option<String>,
    #[serde(rename = "Ds_Currency")]
    pub currency: Option<String>,
    #[serde(rename = "Ds_Response")]
    pub response: Option<String>,
    #[serde(rename = "Ds_TransactionType")]
    pub kind: Option<String>,
    /// How far an operation is that was looked up, a letter.
    #[serde(rename = "Ds_State")]
    pub stage: Option<String>,
    #[serde(rename = "Ds_MerchantData")]
    pub merchant_data: Option<String>,
    #[serde(rename = "Ds_AuthorisationCode")]
    pub authorisation_code: Option<String>,
    #[serde(rename = "Ds_Response_Description")]
    pub description: Option<String>,
    #[serde(rename = "Ds_Merchant_Identifier")]
    pub identifier: Option<String>,
    #[serde(rename = "Ds_Merchant_Cof_Txnid")]
    pub network_transaction_id: Option<String>,
    #[serde(rename = "Ds_ECI")]
    pub eci: Option<String>,
    #[serde(rename = "Ds_EMV3DS")]
    pub emv3ds: Option<Emv3ds>,
}

/// How a card is authenticated, or what the customer is asked: <https://pagosonline.redsys.es/funcionalidades-autenticacion3DS.html>.
#[derive(Deserialize)]
pub(crate) struct Emv3ds {
    #[serde(rename = "threeDSInfo")]
    pub info: Option<String>,
    #[serde(rename = "protocolVersion")]
    pub version: Option<String>,
    #[serde(rename = "threeDSServerTransID")]
    pub transaction_id: Option<String>,
    #[serde(rename = "threeDSMethodURL")]
    pub method_url: Option<String>,
    #[serde(rename = "acsURL")]
    pub acs_url: Option<String>,
    pub creq: Option<String>,
}

/// The answer of the service for queries.
#[derive(Deserialize)]
pub(crate) struct Soap {
    #[serde(rename = "Body")]
    pub body: SoapBody,
}

#[derive(Deserialize)]
pub(crate) struct SoapBody {
    #[serde(rename = "consultaOperacionesResponse")]
    pub answer: Answered,
}

#[derive(Deserialize)]
pub(crate) struct Answered {
    /// [`Messages`], as text.
    #[serde(rename = "consultaOperacionesReturn")]
    pub text: String,
}

/// What stands beside the signed part of a message, [`Version`].
#[derive(Deserialize)]
pub(crate) struct Messages {
    #[serde(rename = "Signature")]
    pub signature: Option<String>,
}

/// The part of a message that is signed.
#[derive(Deserialize)]
pub(crate) struct Version {
    #[serde(rename = "Message")]
    pub message: Message,
}

/// Operations, the newest first, or why there are none.
#[derive(Deserialize)]
pub(crate) struct Message {
    #[serde(rename = "Response", default)]
    pub operations: Vec<Parameters>,
    #[serde(rename = "ErrorMsg")]
    pub refused: Option<Refused>,
}

#[derive(Deserialize)]
pub(crate) struct Refused {
    #[serde(rename = "Ds_ErrorCode")]
    pub code: String,
}

impl Parameters {
    /// The response code without the zeros before it, at least three digits: `0190` and `190` are the same.
    pub(crate) fn code(&self) -> Result<&str> {
        let code = self.response.as_deref().ok_or_else(|| Error::protocol("the answer has no Ds_Response"))?;
        let cut = code.len().saturating_sub(3);
        let (zeros, rest) = code.split_at_checked(cut).unwrap_or(("", code));
        Ok(if zeros.bytes().all(|byte| byte == b'0') { rest } else { code })
    }
}

//! The standard's shapes (`OBWriteDomesticConsent4`, `OBWriteDomestic2`, their answers, `OBErrorResponse1`).

use quittance::{Authorize, Error, Fault, Result, Spec};
use serde::{Deserialize, Serialize};

use crate::{Registration, Version};

const SORT_CODE_AND_ACCOUNT: &str = "UK.OBIE.SortCodeAccountNumber";
/// The longest end-to-end identification and reference (`Max35Text`).
const REFERENCE_CHARACTERS: usize = 35;

/// What a bank publishes of itself.
#[derive(Deserialize)]
pub(crate) struct Discovery {
    pub(crate) issuer: String,
    pub(crate) authorization_endpoint: String,
    pub(crate) token_endpoint: String,
}

#[derive(Serialize)]
pub(crate) struct Order<'a> {
    #[serde(rename = "Data")]
    pub(crate) data: Data<'a>,
    #[serde(rename = "Risk")]
    pub(crate) risk: Risk,
}

#[derive(Serialize)]
pub(crate) struct Data<'a> {
    #[serde(rename = "ConsentId", skip_serializing_if = "Option::is_none")]
    pub(crate) consent_id: Option<&'a str>,
    #[serde(rename = "Initiation")]
    pub(crate) initiation: &'a Initiation,
}

#[derive(Serialize)]
pub(crate) struct Risk {
    #[serde(rename = "PaymentContextCode")]
    pub(crate) context: &'static str,
}

/// What is to be paid: sent with the consent, and again, as the bank has it, with the payment.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Initiation {
    instruction_identification: String,
    pub(crate) end_to_end_identification: String,
    pub(crate) instructed_amount: Amount,
    /// The customer's account, which the bank adds once it was chosen.
    #[serde(skip_serializing_if = "Option::is_none")]
    debtor_account: Option<Account>,
    creditor_account: Account,
    #[serde(skip_serializing_if = "Option::is_none")]
    remittance_information: Option<Remittance>,
}

impl Initiation {
    pub(crate) fn new(
        registration: &Registration,
        version: Version,
        spec: &Spec,
        request: &Authorize,
    ) -> Result<Initiation> {
        let reference = request.reference.clone();
        if reference.chars().count() > REFERENCE_CHARACTERS {
            return Err(Error::invalid("reference", "the banks take 35 characters at most"));
        }
        let remittance = match version {
            Version::V3_1 => Remittance { reference: Some(reference.clone()), unstructured: None },
            Version::V4_0 => Remittance { reference: None, unstructured: Some(vec![reference.clone()]) },
        };
        Ok(Initiation {
            instruction_identification: reference.clone(),
            end_to_end_identification: reference,
            instructed_amount: Amount {
                amount: spec.major(&request.amount)?,
                currency: request.amount.currency().code().to_owned(),
            },
            debtor_account: None,
            creditor_account: Account {
                scheme_name: SORT_CODE_AND_ACCOUNT.to_owned(),
                identification: registration.creditor_account.clone(),
                name: Some(registration.creditor_name.clone()),
                secondary_identification: None,
            },
            remittance_information: Some(remittance),
        })
    }
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Amount {
    pub(crate) amount: String,
    pub(crate) currency: String,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Account {
    scheme_name: String,
    identification: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    secondary_identification: Option<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Remittance {
    #[serde(skip_serializing_if = "Option::is_none")]
    reference: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    unstructured: Option<Vec<String>>,
}

#[derive(Deserialize)]
pub(crate) struct Answer {
    #[serde(rename = "Data")]
    pub(crate) data: Object,
}

/// A consent, or the payment made under it.
#[derive(Deserialize)]
pub(crate) struct Object {
    #[serde(rename = "ConsentId")]
    pub(crate) consent_id: String,
    #[serde(rename = "DomesticPaymentId")]
    pub(crate) payment_id: Option<String>,
    #[serde(rename = "Status", default)]
    pub(crate) status: String,
    #[serde(rename = "Initiation")]
    pub(crate) initiation: Option<Initiation>,
}

/// Whether the customer's account has the money (`OBWriteFundsConfirmationResponse1`).
#[derive(Deserialize)]
pub(crate) struct Funds {
    #[serde(rename = "Data")]
    pub(crate) data: FundsData,
}

#[derive(Deserialize)]
pub(crate) struct FundsData {
    #[serde(rename = "FundsAvailableResult")]
    pub(crate) result: Option<FundsResult>,
}

#[derive(Deserialize)]
pub(crate) struct FundsResult {
    #[serde(rename = "FundsAvailable")]
    pub(crate) available: bool,
}

/// An error of the API, or (`error`) of the token endpoint.
#[derive(Deserialize, Default)]
#[serde(default)]
pub(crate) struct Problem {
    #[serde(rename = "Message")]
    message: Option<String>,
    #[serde(rename = "Errors")]
    errors: Vec<Detail>,
    error: Option<String>,
    error_description: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "PascalCase")]
struct Detail {
    error_code: Option<String>,
    message: Option<String>,
    path: Option<String>,
}

impl Problem {
    pub(crate) fn into_fault(self) -> Fault {
        let detail = self.errors.into_iter().next().unwrap_or_default();
        let message = detail.message.or(self.message).or(self.error_description);
        Fault { code: detail.error_code.or(self.error), message, field: detail.path }
    }
}

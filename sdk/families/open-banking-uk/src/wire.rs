//! The standard's shapes (`OBWriteDomesticConsent4`, `OBWriteDomestic2`, their answers, `OBErrorResponse1`); those of mandates stand in
//! [`crate::vrp`].

use quittance::{Authorize, Error, Fault, Money, Result, Secret, Spec};
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

/// What a token endpoint answers (RFC 6749, section 5.1).
#[derive(Deserialize)]
pub(crate) struct Tokens {
    pub(crate) access_token: Secret,
    /// Seconds; one that says no time is good for this operation only.
    #[serde(default)]
    pub(crate) expires_in: u64,
    /// For authorisations that outlive the access token.
    pub(crate) refresh_token: Option<Secret>,
}

#[derive(Serialize)]
pub(crate) struct Order<T> {
    #[serde(rename = "Data")]
    pub(crate) data: T,
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
        let reference = checked(&request.reference)?.to_owned();
        Ok(Initiation {
            remittance_information: Some(Remittance::of(version, &reference)),
            instruction_identification: reference.clone(),
            end_to_end_identification: reference,
            instructed_amount: Amount::of(spec, &request.amount)?,
            debtor_account: None,
            creditor_account: Account::creditor(registration),
        })
    }
}

/// The reference, where the standard takes it as an identification.
pub(crate) fn checked(reference: &str) -> Result<&str> {
    match reference.chars().count() <= REFERENCE_CHARACTERS {
        true => Ok(reference),
        false => Err(Error::invalid("reference", "the banks take 35 characters at most")),
    }
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Amount {
    pub(crate) amount: String,
    pub(crate) currency: String,
}

impl Amount {
    pub(crate) fn of(spec: &Spec, amount: &Money) -> Result<Amount> {
        Ok(Amount { amount: spec.major(amount)?, currency: amount.currency().code().to_owned() })
    }
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Account {
    scheme_name: String,
    identification: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    secondary_identification: Option<String>,
}

impl Account {
    /// The account that receives.
    pub(crate) fn creditor(registration: &Registration) -> Account {
        Account {
            scheme_name: SORT_CODE_AND_ACCOUNT.to_owned(),
            identification: registration.creditor_account.clone(),
            name: Some(registration.creditor_name.clone()),
            secondary_identification: None,
        }
    }
}

/// What stands on the customer's statement.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Remittance {
    #[serde(skip_serializing_if = "Option::is_none")]
    reference: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    unstructured: Option<Vec<String>>,
}

impl Remittance {
    pub(crate) fn of(version: Version, reference: &str) -> Remittance {
        match version {
            Version::V3_1 => Remittance { reference: Some(reference.to_owned()), unstructured: None },
            Version::V4_0 => Remittance { reference: None, unstructured: Some(vec![reference.to_owned()]) },
        }
    }
}

#[derive(Deserialize)]
pub(crate) struct Answer<T = Object> {
    #[serde(rename = "Data")]
    pub(crate) data: T,
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

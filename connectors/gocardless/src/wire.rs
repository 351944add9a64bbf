//! GoCardless's JSON. Every body has one member, named after the kind of resource.

use quittance::{Address, BankAccount, BankAccountKind, Customer, Error, Result};
use serde::{Deserialize, Serialize};

use crate::codes::Scheme;

/// A body with one resource.
#[derive(Deserialize)]
pub(crate) struct Envelope<T> {
    #[serde(alias = "customers", alias = "customer_bank_accounts", alias = "mandates", alias = "payments")]
    #[serde(alias = "refunds", alias = "billing_requests", alias = "billing_request_flows")]
    #[serde(alias = "outbound_payments")]
    pub(crate) resource: T,
}

/// `customers` of a request.
#[derive(Serialize)]
pub(crate) struct NewCustomer<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    given_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    family_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    company_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    address_line1: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    address_line2: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    city: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    region: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    postal_code: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    country_code: Option<&'a str>,
}

impl<'a> NewCustomer<'a> {
    /// GoCardless wants both names of a person, or a company's.
    pub(crate) fn of(
        customer: &'a Customer,
        billing: &'a Address,
        account: &'a BankAccount,
    ) -> Result<NewCustomer<'a>> {
        let company_name = (account.kind == BankAccountKind::Business).then_some(account.holder.as_str());
        let (given_name, family_name) = (customer.first_name.as_deref(), customer.last_name.as_deref());
        if company_name.is_none() && given_name.and(family_name).is_none() {
            return Err(Error::invalid("customer.last_name", "a person needs a first and a last name"));
        }
        Ok(NewCustomer {
            given_name,
            family_name,
            company_name,
            email: customer.email.as_deref(),
            address_line1: billing.line1.as_deref(),
            address_line2: billing.line2.as_deref(),
            city: billing.city.as_deref(),
            region: billing.state.as_deref(),
            postal_code: billing.postal_code.as_deref(),
            country_code: billing.country.as_deref(),
        })
    }
}

/// `customer_bank_accounts` of a request.
#[derive(Serialize)]
pub(crate) struct NewAccount<'a> {
    account_holder_name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    iban: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    account_number: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    branch_code: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bank_code: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    account_type: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    country_code: Option<&'static str>,
    links: OfCustomer<'a>,
}

#[derive(Serialize)]
struct OfCustomer<'a> {
    customer: &'a str,
}

impl<'a> NewAccount<'a> {
    pub(crate) fn of(scheme: &Scheme, account: &'a BankAccount, customer: &'a str) -> NewAccount<'a> {
        let (number, code) = (Some(account.number.expose()), account.routing.as_deref());
        let national = scheme.country.is_some();
        // The kind is asked of accounts in US dollars, and refused of others.
        let kind = if account.kind == BankAccountKind::Savings { "savings" } else { "checking" };
        NewAccount {
            account_holder_name: &account.holder,
            iban: number.filter(|_| !national),
            account_number: number.filter(|_| national),
            branch_code: code.filter(|_| national && !scheme.by_bank),
            bank_code: code.filter(|_| scheme.by_bank),
            account_type: (scheme.country == Some("US")).then_some(kind),
            country_code: scheme.country,
            links: OfCustomer { customer },
        }
    }
}

/// A resource of which only the id is read.
#[derive(Deserialize)]
pub(crate) struct Named {
    pub(crate) id: String,
}

/// What the connector keeps with every resource.
#[derive(Deserialize, Default)]
pub(crate) struct Metadata {
    pub(crate) reference: Option<String>,
    pub(crate) key: Option<String>,
}

#[derive(Deserialize)]
pub(crate) struct PaymentBody {
    pub(crate) id: String,
    pub(crate) status: String,
    pub(crate) amount: i64,
    pub(crate) currency: String,
    pub(crate) amount_refunded: Option<i64>,
    pub(crate) scheme: Option<String>,
    pub(crate) metadata: Option<Metadata>,
    pub(crate) links: Links,
}

#[derive(Deserialize)]
pub(crate) struct RefundBody {
    pub(crate) id: String,
    pub(crate) status: String,
    pub(crate) amount: i64,
    pub(crate) currency: String,
    pub(crate) metadata: Option<Metadata>,
    pub(crate) links: Links,
}

#[derive(Deserialize)]
pub(crate) struct MandateBody {
    pub(crate) id: String,
    pub(crate) status: String,
    pub(crate) metadata: Option<Metadata>,
}

#[derive(Deserialize)]
pub(crate) struct OutboundPayment {
    pub(crate) id: String,
    pub(crate) status: String,
    pub(crate) amount: i64,
    pub(crate) currency: String,
    pub(crate) metadata: Option<Metadata>,
    verifications: Option<Verifications>,
}

impl OutboundPayment {
    /// Whether the recipient's bank has confirmed the holder's name.
    pub(crate) fn is_full_match(&self) -> bool {
        let holder =
            self.verifications.as_ref().and_then(|all| all.recipient_bank_account_holder_verification.as_ref());
        holder.and_then(|holder| holder.result.as_deref()) == Some("full_match")
    }
}

#[derive(Deserialize)]
struct Verifications {
    recipient_bank_account_holder_verification: Option<Verification>,
}

#[derive(Deserialize)]
struct Verification {
    result: Option<String>,
}

#[derive(Deserialize)]
pub(crate) struct BillingRequestBody {
    pub(crate) id: String,
    pub(crate) status: String,
    pub(crate) payment_request: Option<PaymentRequest>,
    pub(crate) links: Links,
}

#[derive(Deserialize)]
pub(crate) struct PaymentRequest {
    pub(crate) amount: i64,
    pub(crate) currency: String,
    pub(crate) metadata: Option<Metadata>,
}

#[derive(Deserialize)]
pub(crate) struct FlowBody {
    pub(crate) id: String,
    pub(crate) expires_at: Option<String>,
    pub(crate) authorisation_url: String,
}

/// The ids of related resources, in answers and events.
#[derive(Deserialize, Default)]
pub(crate) struct Links {
    pub(crate) payment: Option<String>,
    pub(crate) refund: Option<String>,
    pub(crate) mandate: Option<String>,
    pub(crate) billing_request: Option<String>,
    pub(crate) payment_request_payment: Option<String>,
    pub(crate) outbound_payment: Option<String>,
}

/// A delivery: up to 250 events.
#[derive(Deserialize)]
pub(crate) struct Batch {
    pub(crate) events: Vec<EventBody>,
}

#[derive(Deserialize)]
pub(crate) struct EventBody {
    pub(crate) id: String,
    pub(crate) created_at: String,
    pub(crate) resource_type: String,
    pub(crate) action: String,
    #[serde(default)]
    pub(crate) links: Links,
    #[serde(default)]
    pub(crate) details: Details,
    pub(crate) resource_metadata: Option<Metadata>,
}

/// Why an event happened.
#[derive(Deserialize, Default)]
pub(crate) struct Details {
    pub(crate) cause: Option<String>,
    pub(crate) description: Option<String>,
    pub(crate) reason_code: Option<String>,
    pub(crate) will_attempt_retry: Option<bool>,
}

#[derive(Deserialize)]
pub(crate) struct FaultBody {
    pub(crate) error: FaultError,
}

#[derive(Deserialize)]
pub(crate) struct FaultError {
    pub(crate) r#type: Option<String>,
    pub(crate) message: Option<String>,
    #[serde(default)]
    pub(crate) errors: Vec<OneError>,
}

#[derive(Deserialize)]
pub(crate) struct OneError {
    pub(crate) reason: Option<String>,
    pub(crate) message: Option<String>,
    pub(crate) field: Option<String>,
    pub(crate) links: Option<Conflict>,
}

#[derive(Deserialize)]
pub(crate) struct Conflict {
    pub(crate) conflicting_resource_id: Option<String>,
}

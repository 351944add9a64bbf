//! Mandates: variable recurring payments (`OBDomesticVRPConsentRequest`, `OBDomesticVRPRequest` and their answers).

use std::time::Duration;

use quittance::*;
use serde::{Deserialize, Serialize};

use crate::read::{self, agreed, awaits_customer, made, with_terms};
use crate::wire::{Account, Amount, Answer, Remittance, Tokens, checked};
use crate::{Bank, IN_SHOP, MandateUse, OpenBanking, fault, of_browser, same_customer};

/// What a handle says of itself (part `of`): a mandate, and a payment under one.
pub(crate) const MANDATE: &str = "mandate";
pub(crate) const CHARGE: &str = "charge";

/// The customer is asked once, at the consent, and not at its payments.
const NOT_ASKED: &str = "UK.OBIE.SCANotRequired";
const PRESENT: &str = "InSession";
const ABSENT: &str = "OffSession";

/// For how long a refresh token is kept: until the bank refuses it, since the standard gives it no end of its own.
const REFRESH_LIFE: Duration = Duration::from_secs(3_650 * 86_400);

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct NewConsent {
    control_parameters: ControlParameters,
    initiation: Initiation,
}

/// What the customer agrees to.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct ControlParameters {
    #[serde(skip_serializing_if = "Option::is_none")]
    valid_from_date_time: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    valid_to_date_time: Option<Timestamp>,
    maximum_individual_amount: Amount,
    periodic_limits: Vec<PeriodicLimit>,
    #[serde(rename = "VRPType")]
    kinds: [&'static str; 1],
    #[serde(rename = "PSUAuthenticationMethods")]
    authentication: [&'static str; 1],
    #[serde(rename = "PSUInteractionTypes")]
    interactions: &'static [&'static str],
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct PeriodicLimit {
    period_type: &'static str,
    period_alignment: &'static str,
    #[serde(flatten)]
    sum_max: Amount,
}

impl ControlParameters {
    /// The standard asks for the most of one payment, and of at least one period.
    fn of(spec: &Spec, made_for: MandateUse, request: &SetUp) -> Result<ControlParameters> {
        let limits = &request.limits;
        let unlimited = || Error::invalid("limits.payment_max", "a mandate limits the single payment");
        if limits.periods.is_empty() {
            return Err(Error::invalid("limits.periods", "a mandate limits the payments of a period"));
        }
        Ok(ControlParameters {
            valid_from_date_time: limits.valid_from,
            valid_to_date_time: limits.valid_to,
            maximum_individual_amount: Amount::of(spec, &limits.payment_max.ok_or_else(unlimited)?)?,
            periodic_limits: limits
                .periods
                .iter()
                .map(|limit| PeriodicLimit::of(spec, limit))
                .collect::<Result<_>>()?,
            kinds: [kind(made_for)],
            authentication: [NOT_ASKED],
            interactions: if request.usage.is_some() { &[ABSENT, PRESENT] } else { &[PRESENT] },
        })
    }
}

impl PeriodicLimit {
    fn of(spec: &Spec, limit: &PeriodLimit) -> Result<PeriodicLimit> {
        if limit.period == Period::Fortnight && limit.start == PeriodStart::Calendar {
            return Err(Error::invalid(
                "limits.periods.start",
                "no calendar has fortnights: they start with the consent",
            ));
        }
        Ok(PeriodicLimit {
            period_type: match limit.period {
                Period::Day => "Day",
                Period::Week => "Week",
                Period::Fortnight => "Fortnight",
                Period::Month => "Month",
                Period::HalfYear => "Half-year",
                Period::Year => "Year",
            },
            period_alignment: match limit.start {
                PeriodStart::Consent => "Consent",
                PeriodStart::Calendar => "Calendar",
            },
            sum_max: Amount::of(spec, &limit.sum_max)?,
        })
    }
}

/// What all payments have in common. A text for the statement is each payment's own.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Initiation {
    creditor_account: Account,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct NewCharge<'a> {
    consent_id: &'a str,
    #[serde(rename = "PSUAuthenticationMethod")]
    authentication: &'static str,
    #[serde(rename = "PSUInteractionType")]
    interaction: &'static str,
    #[serde(rename = "VRPType")]
    kind: &'static str,
    initiation: Initiation,
    instruction: Instruction,
}

/// What one payment has of its own.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Instruction {
    instruction_identification: String,
    end_to_end_identification: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    remittance_information: Option<Remittance>,
    instructed_amount: Amount,
    creditor_account: Account,
}

#[derive(Clone, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Consent {
    consent_id: String,
    status: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Charge {
    #[serde(rename = "DomesticVRPId")]
    id: String,
    consent_id: String,
    status: String,
    instruction: Option<Instruction>,
}

impl Charge {
    fn into_payment(self, spec: &Spec) -> Result<Payment> {
        let handle = Handle::new(self.id).with("of", CHARGE);
        let terms = self.instruction.as_ref();
        let terms = terms.map(|of| (&of.instructed_amount, of.end_to_end_identification.as_str()));
        with_terms(spec, Payment::new(handle, made(&self.status)), terms)
    }
}

pub(crate) fn is_mandate(handle: &Handle) -> bool {
    handle.part("of") == Some(MANDATE)
}

fn kind(made_for: MandateUse) -> &'static str {
    match made_for {
        MandateUse::Sweeping => "UK.OBIE.VRPType.Sweeping",
        MandateUse::Commercial => "UK.OBIE.VRPType.Other",
    }
}

/// What a payment is for (`OBInternalPaymentContext1Code`).
fn context(made_for: MandateUse) -> &'static str {
    match made_for {
        MandateUse::Sweeping => "TransferToSelf",
        MandateUse::Commercial => IN_SHOP,
    }
}

/// Under which name the refresh token is kept that goes with the access token of this name.
fn refresh(name: &str) -> String {
    format!("{name} refresh")
}

impl<B: Bank> OpenBanking<B> {
    /// A consent with limits, for the customer to authorise.
    pub(crate) async fn agree(&self, cx: &Context<'_>, request: &SetUp) -> Result<Mandate> {
        let made_for = self.registration.mandates;
        self.only_registered(request.return_url.as_deref())?;
        let data = NewConsent {
            control_parameters: ControlParameters::of(&B::SPEC, made_for, request)?,
            initiation: Initiation { creditor_account: Account::creditor(&self.registration) },
        };
        let call = of_browser(self.post(cx, "/domestic-vrp-consents", &request.key), &request.browser);
        let call = self.signed(cx, call, &data, context(made_for));
        let consent: Answer<Consent> = self.with_own_token(cx, call).await?;
        let Consent { consent_id, status } = consent.data;
        let handle = Handle::new(consent_id).with("of", MANDATE);
        let state = match agreed(&status) {
            State::Pending if awaits_customer(&status) => MandateState::ActionRequired(self.page(cx, &handle).await?),
            // One that is agreed to is of use once the customer's tokens are there.
            State::Pending => MandateState::Pending,
            State::Declined(decline) => MandateState::Declined(decline),
            State::Voided | State::Expired => MandateState::Revoked,
            _ => MandateState::Unrecognised(status),
        };
        Ok(Mandate::new(handle, state))
    }

    /// The mandate, once the customer came back: what they brought is exchanged for the tokens, which is possible once.
    pub(crate) async fn complete_mandate(&self, cx: &Context<'_>, request: &Complete) -> Result<Payment> {
        let consent = self.consent(cx, &request.payment).await?;
        let found = self.told(cx, consent.clone()).await;
        let open = found.mandate.is_none() && read::is_authorised(&consent.status);
        let (true, Some(code)) = (open, request.returned("code")) else { return Ok(found) };
        same_customer(request)?;
        let tokens = self.exchanged(cx, code).await?;
        self.keep(cx, &self.customer(&consent.consent_id), tokens).await;
        Ok(Payment { mandate: Some(found.handle.clone()), ..found })
    }

    /// The mandate as a payment of nothing.
    pub(crate) async fn retrieve_mandate(&self, cx: &Context<'_>, mandate: &Handle) -> Result<Payment> {
        let consent = self.consent(cx, mandate).await?;
        Ok(self.told(cx, consent).await)
    }

    async fn consent(&self, cx: &Context<'_>, mandate: &Handle) -> Result<Consent> {
        let call = self.get(cx, &format!("/domestic-vrp-consents/{}", mandate.segment()?));
        let found: Answer<Consent> = self.with_own_token(cx, call).await?;
        agree_part(mandate, Some(mandate.id()), Some(&found.data.consent_id))?;
        Ok(found.data)
    }

    /// A mandate is one that can be charged where it is agreed to and its tokens are kept.
    async fn told(&self, cx: &Context<'_>, consent: Consent) -> Payment {
        let name = self.customer(&consent.consent_id);
        let handle = Handle::new(consent.consent_id).with("of", MANDATE);
        let has_tokens = cx.kept(&name).await.is_some() || cx.kept(&refresh(&name)).await.is_some();
        let usable = has_tokens && read::is_authorised(&consent.status);
        Payment { mandate: usable.then(|| handle.clone()), ..Payment::new(handle, agreed(&consent.status)) }
    }

    /// A payment under a mandate, to the account that it names.
    pub(crate) async fn charge(&self, cx: &Context<'_>, request: &Authorize, mandate: &Handle) -> Result<Payment> {
        let reference = checked(&request.reference)?.to_owned();
        let made_for = self.registration.mandates;
        let data = NewCharge {
            consent_id: mandate.id(),
            authentication: NOT_ASKED,
            interaction: if request.initiator == Initiator::Customer { PRESENT } else { ABSENT },
            kind: kind(made_for),
            initiation: Initiation { creditor_account: Account::creditor(&self.registration) },
            instruction: Instruction {
                remittance_information: Some(Remittance::of(self.registration.version, &reference)),
                instruction_identification: reference.clone(),
                end_to_end_identification: reference,
                instructed_amount: Amount::of(&B::SPEC, &request.amount)?,
                creditor_account: Account::creditor(&self.registration),
            },
        };
        let name = self.customer(mandate.id());
        let token = self.mandate_token(cx, &name).await?;
        let call = of_browser(self.post(cx, "/domestic-vrps", &request.key), &request.browser);
        let call = self.signed(cx, call, &data, context(made_for));
        let made: Answer<Charge> = self.as_customer(cx, call, &name, &token).await?;
        agree_part(mandate, Some(mandate.id()), Some(&made.data.consent_id))?;
        made.data.into_payment(&B::SPEC)
    }

    pub(crate) async fn retrieve_charge(&self, cx: &Context<'_>, charge: &Handle) -> Result<Payment> {
        let call = self.get(cx, &format!("/domestic-vrps/{}", charge.segment()?));
        let found: Answer<Charge> = self.with_own_token(cx, call).await?;
        found.data.into_payment(&B::SPEC)
    }

    /// Ends a mandate; its tokens are dropped.
    pub(crate) async fn end(&self, cx: &Context<'_>, mandate: &Handle) -> Result<Mandate> {
        let path = format!("/domestic-vrp-consents/{}", mandate.segment()?);
        let call = cx.call(http::Method::DELETE, self.url(&path)).header("accept", "application/json");
        let reply = self.send(cx, call.header("x-fapi-interaction-id", &cx.uuid())).await?;
        if reply.status() != 204 {
            return Err(fault(&reply));
        }
        let name = self.customer(mandate.id());
        cx.forget_token(&name).await;
        cx.forget_token(&refresh(&name)).await;
        Ok(Mandate::new(mandate.clone(), MandateState::Revoked))
    }

    /// The customer's access token, or the one that a refresh token is exchanged for.
    async fn mandate_token(&self, cx: &Context<'_>, name: &str) -> Result<Secret> {
        if let Some(token) = cx.kept(name).await {
            return Ok(token);
        }
        let lost = || {
            let what = "the customer's authorisation of this mandate is not kept (any more): set it up again";
            Error::new(Kind::Conflict, Effect::None, what)
        };
        let kept = cx.kept(&refresh(name)).await.ok_or_else(lost)?;
        let bank = self.discover(cx).await?;
        let mut form = Pairs::new();
        form.set("grant_type", "refresh_token");
        form.set("refresh_token", kept.expose());
        match self.fetch_tokens(cx, &bank, form).await {
            // The customer or the bank has ended it.
            Err(error) if error.code() == Some("invalid_grant") => {
                cx.forget_token(&refresh(name)).await;
                Err(error.of_kind(Kind::Conflict))
            }
            tokens => Ok(self.keep(cx, name, tokens?).await),
        }
    }

    /// Keeps what the customer gave; the access token comes back.
    async fn keep(&self, cx: &Context<'_>, name: &str, tokens: Tokens) -> Secret {
        if let Some(token) = &tokens.refresh_token {
            cx.keep(&refresh(name), token, REFRESH_LIFE).await;
        }
        cx.keep(name, &tokens.access_token, Duration::from_secs(tokens.expires_in)).await;
        tokens.access_token
    }
}

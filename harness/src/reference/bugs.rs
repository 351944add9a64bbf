//! The bugs that can be planted in the reference connector, and what must find each of them.

use std::borrow::Cow;

use quittance::{CaptureRules, Entry, Environment, Idempotency, LookupKind, Op, RetrieveRules, Secret, Spec};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Serialize};

use super::connector::{Credentials, Reference, SPEC, Variant};

/// A bug as the self-certification plants it.
#[derive(Debug, Clone, Copy)]
pub struct Planted {
    /// The bug.
    pub bug: Bug,
    /// What is wrong, in a sentence.
    pub what: &'static str,
    /// What must find it: ids of scenarios, and `check:` with the name of a derived check. Each of them must; others may.
    pub killed_by: &'static [&'static str],
}

/// How a bug is put on trial.
#[derive(Debug, Clone, Copy)]
pub enum Stand {
    /// In memory, behind the guard, as every connector.
    Guarded,
    /// In memory, without the guard: it shows that the checks notice what the guard alone keeps back.
    Bare,
    /// In memory, with other declarations.
    Declared(&'static Entry),
    /// In memory and on the wire.
    BothTiers,
    /// In memory, with other fixtures: a profile that is not filled in.
    UnfilledProfile,
    /// In memory, with other fixtures: a tape that is not filled in.
    UnfilledTape,
    /// In memory, with tapes that hold the same mistake as the connector.
    MistakenTapes,
    /// In memory, with tapes whose token requests have a key in their URL.
    KeyInUrl,
}

impl Bug {
    /// The bug's name, `snake_case`, as the credentials and the command line have it.
    pub fn name(self) -> String {
        let value = serde_json::to_value(self).ok();
        value.and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
    }

    /// How it is put on trial.
    pub fn stand(self) -> Stand {
        match self {
            Bug::GuardLeftOut | Bug::UndeclaredMethodSent => Stand::Bare,
            Bug::OperationsUnsorted => Stand::Declared(const { &Entry::of::<Reference<Unsorted>>() }),
            Bug::CapturesUndeclared => Stand::Declared(const { &Entry::of::<Reference<OneCapture>>() }),
            Bug::KeyCarrierMisnamed => Stand::Declared(const { &Entry::of::<Reference<OtherCarrier>>() }),
            Bug::KeyCarrierCut => Stand::Declared(const { &Entry::of::<Reference<CutCarrier>>() }),
            Bug::KeyCarrierAnother => Stand::Declared(const { &Entry::of::<Reference<AnotherCarrier>>() }),
            Bug::RefundKeyDisowned => Stand::Declared(const { &Entry::of::<Reference<NoRefundKey>>() }),
            Bug::RefundKeyMisnamed => Stand::Declared(const { &Entry::of::<Reference<OtherRefundKey>>() }),
            Bug::RefundKeyOfEach => Stand::Declared(const { &Entry::of::<Reference<RefundKeyOfEach>>() }),
            Bug::ReservationsDisowned => Stand::Declared(const { &Entry::of::<Reference<NoReservationKey>>() }),
            Bug::RepetitionNotFound => Stand::Declared(const { &Entry::of::<Reference<NotFound>>() }),
            Bug::IdleHost => Stand::Declared(const { &Entry::of::<Reference<MoreHosts>>() }),
            Bug::LaterStepsUndeclared => Stand::Declared(const { &Entry::of::<Reference<Earlier>>() }),
            Bug::SecretUnmarked => Stand::Declared(const { &Entry::of::<Reference<OpenSecret>>() }),
            Bug::FieldOfAnyForm => Stand::Declared(const { &Entry::of::<Reference<LooseField>>() }),
            Bug::LengthHeaderTrusted => Stand::BothTiers,
            Bug::ProfileNotFilledIn => Stand::UnfilledProfile,
            Bug::TapeNotFilledIn => Stand::UnfilledTape,
            Bug::NameOfItsOwn => Stand::MistakenTapes,
            Bug::KeyInLookUp => Stand::KeyInUrl,
            _ => Stand::Guarded,
        }
    }
}

/// Declares each bug once: its name, what is wrong, and what must find it.
macro_rules! bugs {
    ($($bug:ident $what:literal [$($killer:literal),+])+) => {
        /// A small deviation at one place of the reference connector.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
        #[serde(rename_all = "snake_case")]
        pub enum Bug { $(#[doc = $what] $bug,)+ }

        /// Every bug, by the part of the exchange that it spoils.
        pub const BUGS: &[Planted] = &[$(Planted { bug: Bug::$bug, what: $what, killed_by: &[$($killer),+] },)+];
    };
}

#[rustfmt::skip]
bugs! {
    // What is sent: money.
    WrongExponent "the exponents of ISO 4217 are used in place of the provider's" ["authorize.captured"]
    FloatAmount "amounts are sent as JSON numbers with a fraction" ["authorize.captured"]
    AmountOneMore "a purchase asks for one minor unit more" ["authorize.captured"]
    CaptureAmountLost "a capture leaves its amount out, so that all is taken" ["capture.partial"]
    RefundAmountLost "a refund leaves its amount out, so that all is given back" ["refund.partial"]
    CurrencyFixed "every amount is sent in euro" ["authorize.captured"]
    CurrencyInSmallLetters "the currency is sent in small letters" ["authorize.captured"]
    AdjustmentAdded "an adjustment sends one unit beside the new total" ["adjust.raised"]
    YenWithDecimals "yen are sent with two decimals" ["check:money"]
    LongAmountsCut "amounts of more than nine digits lose the rest" ["check:money"]
    RareExponent "krónur alone are sent with the decimals of ISO 4217" ["check:money"]
    // What is sent: idempotency.
    KeyNotSent "the idempotency key is not sent" ["authorize.captured", "idempotency.authorize"]
    KeyNotSentWithRefunds "the idempotency key is not sent with refunds" ["refund.full", "idempotency.refund"]
    KeyFromClock "the idempotency key is made from the clock" ["authorize.captured"]
    KeyCut "the idempotency key is cut to 32 characters" ["authorize.captured"]
    KeyCarrierMisnamed "the declarations name another header for the key" ["check:idempotency"]
    KeyCarrierCut "the declarations name a part of a member's name as the carrier of the key" ["check:idempotency"]
    KeyCarrierAnother "the declarations name a member that is not made of the key" ["check:idempotency"]
    RefundKeyDisowned "the declarations say that refunds have no key" ["check:idempotency"]
    RefundKeyMisnamed "the declarations name another header for the key of refunds alone" ["check:idempotency"]
    RefundKeyOfEach "the declarations say that refunds are unique by a member that is the same for each" ["check:idempotency"]
    ReservationsDisowned "the declarations say that the key replays no reservations, and that it replays no purchases either" ["check:idempotency"]
    RepetitionNotFound "a second payment of one reference is said to be refused, and no look-up finds the first" ["check:idempotency"]
    DoubleSend "every request is sent twice" ["authorize.captured"]
    RetriedWithNewKey "a charge is repeated under a new key after a failure of the provider" ["authorize.outage"]
    RetriedAfterTimeout "the connector repeats by itself after a time-out" ["authorize.timeout", "check:crash"]
    // What is sent: headers, signature, token.
    HeaderMissing "the request id is not sent" ["authorize.captured"]
    HeaderAdded "a header is sent that the provider does not know" ["authorize.captured"]
    SignatureWithoutPath "the signature leaves the path out" ["authorize.captured"]
    SignatureWithoutBody "the signature leaves the body out" ["authorize.captured"]
    TokenFetchedEachTime "a token is fetched for every request" ["capture.full"]
    TokenNotRenewed "a token is used for ten years" ["check:tokens"]
    RequestIdOfItsOwn "request ids come from a counter of the process" ["check:two_runs"]
    RequestIdCutForSome "request ids that end in 5 lose their last digit" ["check:two_seeds"]
    IdleHost "a host is declared that nothing is sent to" ["check:environments"]
    LiveHostUndeclared "the live address is none that is declared" ["check:environments"]
    LiveSentToSandbox "requests of a live account go to the test environment" ["check:environments"]
    LivePathOfItsOwn "refunds alone have another path in the live environment" ["check:environments"]
    AwaitsSomethingElse "the connector waits for something else than its transport" ["authorize.captured"]
    // What is sent: members and order.
    MemberAdded "a member is sent that the provider does not know" ["authorize.captured"]
    ReferenceNotSent "the merchant's reference is not sent" ["authorize.captured"]
    CaptureModeIgnored "a reservation is sent as a purchase" ["capture.full"]
    ThreeDsDropped "results of 3-D Secure are not handed on" ["three_ds.external"]
    InitiatorDropped "a charge by the merchant is sent as one by the customer" ["mandate.merchant"]
    StoreDropped "the wish to store the method is not sent" ["mandate.customer"]
    ReturnUrlDropped "the return URL is not sent" ["complete.returned"]
    CryptogramDropped "a network token goes without its cryptogram" ["network_token.captured"]
    WalletTokenChanged "a wallet's token is written anew" ["google_pay.captured"]
    CardSentWithMandate "a charge of a stored method sends the card number that was stored" ["mandate.merchant"]
    EvidenceDropped "evidence is not sent" ["answer_dispute.contested"]
    ReferenceLookupUnfiltered "a look-up by reference asks for all payments" ["retrieve.by_reference"]
    AnsweredFoundOnly "a look-up by reference finds only payments whose first answer was read" ["check:crash"]
    NewestPaymentRefunded "a refund goes to the newest payment" ["check:sequences"]
    ExchangesSwapped "a payout is confirmed before it is created" ["pay_out.paid"]
    ConfirmationLeftOut "a payout is created and never confirmed" ["pay_out.paid"]
    // Failures.
    ServerErrorAsDecline "a failure of the provider becomes a decline" ["authorize.outage", "check:faults"]
    RateLimitAsDecline "too many requests become a decline" ["retrieve.rate_limited", "check:faults"]
    TimeoutAsFailed "a time-out becomes a decline" ["authorize.timeout", "check:faults"]
    ResetWithoutEffect "a reset connection is said to have had no effect" ["authorize.reset", "check:faults"]
    CredentialsAsDecline "refused credentials become a decline" ["authorize.bad_credentials", "check:faults"]
    RedirectAsSuccess "a redirect to an API request becomes success" ["check:hostile_answers"]
    PageAsSuccess "a web page becomes success" ["authorize.unreadable", "check:hostile_answers"]
    HalfAnswerAsSuccess "an answer that breaks off is searched for the word of success" ["check:hostile"]
    EmptyAnswerAsSuccess "an empty answer becomes success" ["check:hostile_answers"]
    RateLimitUnreadable "too many requests in plain text become an unreadable answer" ["authorize.rate_limited", "check:hostile_answers"]
    ServerErrorUnreadable "a page of a failing provider becomes an unreadable answer" ["authorize.outage", "check:hostile_answers"]
    RetryAfterDropped "the time to wait is dropped" ["authorize.rate_limited", "retrieve.rate_limited"]
    FieldDropped "the field that the provider finds wrong is dropped" ["authorize.invalid"]
    NotFoundAsProtocol "an unknown object becomes an unreadable answer" ["retrieve.not_found"]
    NotFoundAsVoided "an unknown payment becomes a voided one" ["retrieve.not_found"]
    ConflictAsSuccess "a conflict becomes success" ["capture.too_late", "void.too_late"]
    RefundLimitIgnored "a refund over the limit becomes a success" ["refund.too_much"]
    HandleLost "the handle is lost when the second exchange fails" ["check:faults"]
    EffectForgotten "a failure of the second exchange is said to have had no effect" ["check:faults"]
    SecretInError "an error shows the signing key" ["check:faults"]
    UnlistedRefusalAsInvalid "a refusal under status 201 with a code that is not listed becomes an error without effect" ["check:mutation"]
    RefusalCodeDropped "the code of a refusal under status 201 is not kept" ["check:mutation"]
    // What is read.
    UnknownAsSuccess "a status that is not known becomes success" ["state.unrecognised"]
    EmptyStatusAsSuccess "a payment whose status is empty becomes captured" ["check:mutation"]
    CapturedNowAsAsked "a capture is said to have taken what was asked for, whatever the answer says" ["check:mutation"]
    UnknownAsPending "a status that is not known becomes pending" ["state.unrecognised"]
    UnknownAsError "a status that is not known becomes an error without the id" ["state.unrecognised"]
    UnknownRefundAsSettled "a refund of a status that is not known becomes a success" ["check:unrecognised"]
    DeclineAsError "a decline becomes an error" ["decline.generic_decline"]
    DeclineAsPending "a decline becomes pending" ["decline.generic_decline"]
    DeclineCodeDropped "the provider's decline code is dropped" ["decline.lost_card"]
    NetworkCodeDropped "the network's code is dropped" ["decline.insufficient_funds"]
    AdviceCodeDropped "the network's advice code is dropped" ["decline.generic_decline"]
    MessageDropped "the provider's message of a decline is dropped" ["check:places"]
    NetworkCodeOfOneMember "the network's code of a decline is read in one of the two members that may say it" ["check:places"]
    StoredReferenceDropped "the reference of a stored method is lost with the customer's step" ["set_up.challenged"]
    RunningAsRefused "a request whose first is still worked on is told as one without effect" ["check:coverage"]
    ListedRefusalAsUnknown "a refusal under status 201 with a listed code is told as one that nobody knows" ["check:coverage"]
    ConflictAsInvalid "a state that does not allow it is told as a wrong request" ["capture.too_late", "void.too_late"]
    ChallengeAsRedirect "a challenge of a card is told as any page" ["three_ds.completed", "set_up.challenged"]
    DisputeReasonDropped "the reason of a dispute is dropped" ["check:places"]
    InquiryAsChargeback "an inquiry is taken for a chargeback" ["check:coverage"]
    LapsedAsVoided "what else stands beside the status of a released reservation is not read" ["check:coverage"]
    CustomerAsMandate "the customer's id stands for that of a stored method which the answer leaves out" ["check:mutation"]
    RefusalReopened "a refusal under status 402 that leaves out why becomes pending" ["check:mutation"]
    ReasonsSwapped "lost and stolen cards are taken for each other" ["decline.lost_card", "decline.stolen_card"]
    UnlistedCodeAsGeneric "a code that is not known becomes a reason" ["decline.unlisted_code"]
    ExpiredAsCaptured "a payment that lapsed becomes success" ["check:coverage"]
    RareReason "a closed account is no reason of its own" ["check:coverage"]
    AmountIgnored "the amount of the answer is not read" ["authorize.captured"]
    CurrencyIgnored "the currency of the answer is not read" ["integrity.currency"]
    ReferenceIgnored "the reference of the answer is not read" ["integrity.reference"]
    CapturedNowIgnored "what a capture itself took is not read" ["capture.multiple", "check:answers"]
    RefundedIgnored "what was given back of a payment is not read" ["retrieve.refunded", "check:answers"]
    ApprovalCodeDropped "the approval code is dropped" ["check:answers"]
    ResponseCodeDropped "the network's code of a success is dropped" ["check:answers"]
    AddressCheckDropped "the result of the address check is dropped" ["check:answers"]
    CodeCheckDropped "the result of the security code's check is dropped" ["check:answers"]
    EciDropped "the electronic commerce indicator is dropped" ["check:answers"]
    RefundAmountIgnored "the amount of a refund is not read" ["check:answers"]
    RefundPaymentIgnored "the payment of a refund is not read" ["check:answers"]
    RefundReferenceIgnored "the reference of a refund is not read" ["check:answers"]
    MandateReferenceIgnored "the reference of a stored method is not read" ["check:answers"]
    PayoutReferenceIgnored "the reference of a payout is not read" ["check:answers"]
    IdLost "the merchant's reference stands for the payment's id" ["capture.full", "retrieve.captured"]
    PartialAsFull "a partial capture is reported as full" ["capture.partial"]
    PendingRefundAsSettled "a pending refund becomes a success" ["refund.failed", "refund.full"]
    FailedRefundAsPending "a failed refund becomes pending" ["refund.failed"]
    FailedPayoutAsPaid "a failed payout becomes a success" ["retrieve_payout.failed", "webhook.payout"]
    ActionDropped "what the customer must do is dropped" ["complete.returned", "three_ds.completed"]
    ChallengeAsSuccess "a challenged payment becomes success" ["three_ds.completed", "retrieve.action_required"]
    ReturnBelieved "the customer's return is believed without asking" ["complete.cancelled", "three_ds.failed"]
    MandateDropped "the stored method is not read" ["mandate.customer"]
    RevokedAsActive "a revoked mandate stays active" ["revoke.revoked"]
    VoidAsAuthorized "a released reservation stays authorized" ["void.authorized"]
    LostDisputeAsWon "a lost dispute becomes a won one" ["answer_dispute.accepted"]
    PanicOnMissing "a missing member ends in a panic" ["decline.generic_decline"]
    CardInHandle "the handle of a payment holds the card number in base64" ["check:canary"]
    CardInApprovalCode "the approval code holds the card number in base64, one byte on" ["check:canary"]
    CardInLog "the card number is logged" ["check:canary"]
    CardInDebug "the `Debug` of a payment shows the card number, backwards" ["check:canary"]
    KeyInDebug "the `Debug` of a payment shows the signing key, backwards" ["check:canary"]
    KeyInLookUp "the key that belongs in the URL of token requests stands in that of look-ups, too, under another name" ["check:canary"]
    LengthHeaderTrusted "an answer with a length header is taken for unfinished" ["check:tiers"]
    // Wallet tokens and deliveries.
    WalletTokenUnproven "the signature of a wallet token is not checked" ["unwrap_token.apple_pay_tampered", "unwrap_token.google_pay_wrong_key"]
    UnsignedBelieved "a delivery is read without its proof" ["webhook.unproven", "webhook.tampered"]
    StaleBelieved "the time of a delivery is not checked" ["webhook.stale"]
    SecondDeliveryDropped "a delivery that was read before yields nothing" ["webhook.payment"]
    ProofCutBelieved "the beginning of a proof is enough" ["check:webhooks"]
    AheadBelieved "a delivery that is dated ahead of now is read" ["check:webhooks"]
    UnknownDeliveredAsSuccess "a status that is not known becomes success in a delivery" ["check:unrecognised"]
    EventsSorted "the events of a delivery are sorted" ["check:webhooks"]
    EventIdMinted "each reading of a delivery gives another event id" ["webhook.payment"]
    EventOfOtherPayment "an event names another payment" ["bank_redirect.settled@ideal"]
    UnknownEventAsPayment "a delivery of an unknown type becomes a captured payment" ["webhook.unknown_type"]
    UnknownEventAsError "a delivery of an unknown type is an error" ["webhook.unknown_type"]
    UnreadableEventIgnored "a delivery that cannot be read is passed over" ["webhook.unreadable"]
    RefusalAsDecline "a late refusal becomes a declined payment" ["webhook.refusal"]
    // Declarations.
    DeclaredOperationMissing "a declared operation is not there" ["adjust.raised"]
    CapturesUndeclared "several captures are possible and not declared" ["check:fixtures"]
    LaterStepsUndeclared "look-ups show what came after the authorization, and that is not declared" ["check:fixtures"]
    OperationsUnsorted "the operations are declared in another order" ["check:spec"]
    SecretUnmarked "a secret of the credentials is not marked as one" ["check:credentials_schema"]
    FieldOfAnyForm "the schema of the credentials does not say what a field may hold that can be left out" ["check:credentials_schema"]
    ProfileNotFilledIn "a place of the profile is not filled in" ["check:filled"]
    TapeNotFilledIn "a place of a tape is not filled in" ["check:filled"]
    NameOfItsOwn "connector and tapes agree on the name of a member that the provider does not have" ["check:descriptions"]
    UndeclaredMethodSent "a method that is not declared is sent" ["check:undeclared"]
    GuardLeftOut "the connector is handed out without the guard" ["check:currency", "integrity.amount"]
}

/// Several captures are left out.
#[derive(Debug)]
pub(super) struct OneCapture;

impl Variant for OneCapture {
    const SPEC: Spec = Spec { capture: CaptureRules { manual: true, partial: true, multiple: false }, ..SPEC };
    type Credentials = Credentials;
}

/// The operations in another order than the contract's.
#[derive(Debug)]
pub(super) struct Unsorted;

impl Variant for Unsorted {
    #[rustfmt::skip]
    const SPEC: Spec = Spec {
        operations: &[
            Op::Complete, Op::Authorize, Op::Capture, Op::Void, Op::Refund, Op::Retrieve, Op::RetrieveRefund, Op::Adjust,
            Op::SetUp, Op::Revoke, Op::OpenSession, Op::UnwrapToken, Op::PayOut, Op::RetrievePayout, Op::AnswerDispute, Op::Webhook,
        ],
        ..SPEC
    };
    type Credentials = Credentials;
}

/// The idempotency key travels in another header than declared.
#[derive(Debug)]
pub(super) struct OtherCarrier;

impl Variant for OtherCarrier {
    const SPEC: Spec = Spec { idempotency: Idempotency::Header("x-request-key"), ..SPEC };
    type Credentials = Credentials;
}

/// The key is said to travel in a member whose name is only begun.
#[derive(Debug)]
pub(super) struct CutCarrier;

impl Variant for CutCarrier {
    const SPEC: Spec = Spec { idempotency: Idempotency::Body("curren"), ..SPEC };
    type Credentials = Credentials;
}

/// The key is said to travel in the member of the reference.
#[derive(Debug)]
pub(super) struct AnotherCarrier;

impl Variant for AnotherCarrier {
    const SPEC: Spec = Spec { idempotency: Idempotency::Body("reference"), ..SPEC };
    type Credentials = Credentials;
}

/// Refunds are said to have no key.
#[derive(Debug)]
pub(super) struct NoRefundKey;

impl Variant for NoRefundKey {
    const SPEC: Spec = Spec { idempotency_exceptions: &[(Op::Refund, Idempotency::None)], ..SPEC };
    type Credentials = Credentials;
}

/// The key of refunds is said to travel in a header of its own.
#[derive(Debug)]
pub(super) struct OtherRefundKey;

impl Variant for OtherRefundKey {
    const SPEC: Spec = Spec { idempotency_exceptions: &[(Op::Refund, Idempotency::Header("x-refund-key"))], ..SPEC };
    type Credentials = Credentials;
}

/// Refunds are said to be unique by their currency.
#[derive(Debug)]
pub(super) struct RefundKeyOfEach;

impl Variant for RefundKeyOfEach {
    const SPEC: Spec = Spec { idempotency_exceptions: &[(Op::Refund, Idempotency::Unique(&["currency"]))], ..SPEC };
    type Credentials = Credentials;
}

/// The key of reservations is said not to replay, where that of purchases does not either.
#[derive(Debug)]
pub(super) struct NoReservationKey;

impl Variant for NoReservationKey {
    const SPEC: Spec = Spec { idempotency: Idempotency::Unique(&["reference"]), replays_reservations: false, ..SPEC };
    type Credentials = Credentials;
}

/// Payments are said to be unique by their reference, by which they are not found.
#[derive(Debug)]
pub(super) struct NotFound;

impl Variant for NotFound {
    const SPEC: Spec =
        Spec { idempotency: Idempotency::Unique(&["reference"]), lookups: &[LookupKind::Handle], ..SPEC };
    type Credentials = Credentials;
}

/// A host of somebody else's is declared.
#[derive(Debug)]
pub(super) struct MoreHosts;

impl Variant for MoreHosts {
    const SPEC: Spec = Spec { hosts: &["api.reference.example", "live.reference.example", "api.other.test"], ..SPEC };
    type Credentials = Credentials;
}

/// Look-ups are said to tell the authorization only.
#[derive(Debug)]
pub(super) struct Earlier;

impl Variant for Earlier {
    const SPEC: Spec = Spec { retrieve: RetrieveRules { later: false }, ..SPEC };
    type Credentials = Credentials;
}

/// Credentials with a secret that their schema does not mark.
#[derive(Debug)]
pub(super) struct OpenSecret;

impl Variant for OpenSecret {
    const SPEC: Spec = SPEC;
    type Credentials = OpenCredentials;
}

/// An account's keys, one of them as plain text.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OpenCredentials {
    /// Name of the account.
    pub client_id: String,
    /// Password of the account.
    pub client_secret: String,
    /// Key of request signatures.
    pub signing_key: Secret,
    /// Key of delivery signatures.
    pub webhook_secret: Secret,
    /// Key of wallet tokens.
    pub wallet_key: Secret,
    /// Which environment the account belongs to.
    #[serde(default)]
    pub environment: Environment,
    /// The bug that is planted.
    #[serde(default)]
    pub bug: Option<Bug>,
}

impl From<OpenCredentials> for Credentials {
    fn from(open: OpenCredentials) -> Credentials {
        Credentials {
            client_id: open.client_id,
            client_secret: Secret::new(open.client_secret),
            signing_key: open.signing_key,
            webhook_secret: open.webhook_secret,
            wallet_key: open.wallet_key,
            environment: open.environment,
            bug: open.bug,
        }
    }
}

/// Credentials with a field of which the schema says nothing.
#[derive(Debug)]
pub(super) struct LooseField;

impl Variant for LooseField {
    const SPEC: Spec = SPEC;
    type Credentials = LooseCredentials;
}

/// An account's keys; the field that can be left out has no type in the schema.
#[derive(Deserialize)]
#[serde(transparent)]
pub struct LooseCredentials(Credentials);

impl JsonSchema for LooseCredentials {
    fn schema_name() -> Cow<'static, str> {
        "LooseCredentials".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let mut schema = Credentials::json_schema(generator);
        if let Some(field) = schema.pointer_mut("/properties/bug") {
            *field = serde_json::json!({ "description": "The bug that is planted." });
        }
        schema
    }
}

impl From<LooseCredentials> for Credentials {
    fn from(loose: LooseCredentials) -> Credentials {
        loose.0
    }
}

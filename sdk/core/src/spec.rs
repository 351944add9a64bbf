//! What a connector can do, as constant data. Every claim is proved by the harness in both directions.

use crate::{CaptureMode, Currency, Exponents, MethodKind, Money, Op};

/// The capabilities of a connector.
#[derive(Clone, Copy, Debug)]
pub struct Spec {
    /// The id: crate suffix, cargo feature, fixture folder; `kebab-case`.
    pub id: &'static str,
    /// The provider's name for people.
    pub name: &'static str,
    /// The provider's API documentation.
    pub documentation: &'static str,
    /// Every host the connector talks to; no other is reachable through [`crate::Context`].
    /// An entry that starts with `*` stands for one prefix label set by the credentials (`*-checkout-live.adyenpayments.com`).
    pub hosts: &'static [&'static str],
    /// Those of `hosts` that ask for a client certificate (mutual TLS). Key and certificate are the business of the application's
    /// [`crate::Transport`]; no connector sees them.
    pub mutual_tls: &'static [&'static str],
    /// The operations, in the order of [`Op::ALL`].
    pub operations: &'static [Op],
    /// The methods that [`Op::Authorize`] takes.
    pub methods: &'static [MethodKind],
    /// The methods that [`Op::SetUp`] stores.
    pub mandates: &'static [MethodKind],
    /// In what form cards are taken, where [`crate::Family::Card`] is among the methods.
    pub cards: CardRules,
    /// The currencies.
    pub currencies: Currencies,
    /// The currencies of payouts, where they are fewer; `None`: the same.
    pub payout_currencies: Option<&'static [Currency]>,
    /// The countries of merchants that can use it, ISO 3166-1 alpha-2; empty: no list is published.
    pub countries: &'static [&'static str],
    /// Rules for taking reserved money.
    pub capture: CaptureRules,
    /// Rules for releasing money.
    pub void: VoidRules,
    /// Rules for giving money back.
    pub refund: RefundRules,
    /// What 3-D Secure the connector offers for cards.
    pub three_ds: ThreeDsRules,
    /// Whether [`Op::Complete`] after a challenge takes the method once more ([`crate::Complete::method`]), and with it
    /// who buys and the billing address.
    pub complete_with_method: bool,
    /// By what [`Op::Retrieve`] finds a payment.
    pub lookups: &'static [LookupKind],
    /// What [`Op::Retrieve`] tells of it.
    pub retrieve: RetrieveRules,
    /// Where the idempotency key travels.
    pub idempotency: Idempotency,
    /// Operations whose key travels otherwise, or that have none: a refund that the provider would make once more.
    pub idempotency_exceptions: &'static [(Op, Idempotency)],
    /// Whether a key that replays does so for reservations too ([`CaptureMode::Manual`]). Else the provider answers a purchase that comes again
    /// with the first result, and reserves once more where it was a reservation.
    pub replays_reservations: bool,
    /// How webhooks are vouched for; `None` when there are none.
    pub webhook: Option<WebhookRules>,
    /// How disputes can be answered.
    pub disputes: DisputeRules,
    /// The provider's own exponents where they differ from ISO 4217.
    pub exponents: Exponents,
}

impl Spec {
    /// A spec that can do nothing; connectors fill in what they have.
    pub const fn new(id: &'static str, name: &'static str, documentation: &'static str) -> Spec {
        Spec {
            id,
            name,
            documentation,
            hosts: &[],
            mutual_tls: &[],
            operations: &[],
            methods: &[],
            mandates: &[],
            cards: CardRules { number: true, token: false },
            currencies: Currencies::Only(&[]),
            payout_currencies: None,
            countries: &[],
            capture: CaptureRules { manual: false, partial: false, multiple: false },
            void: VoidRules { captured: false, debit: false },
            refund: RefundRules { partial: false, multiple: false },
            three_ds: ThreeDsRules { challenge: false, external: false },
            complete_with_method: false,
            lookups: &[],
            retrieve: RetrieveRules { later: true },
            idempotency: Idempotency::None,
            idempotency_exceptions: &[],
            replays_reservations: true,
            webhook: None,
            disputes: DisputeRules { accept: false, contest: false },
            exponents: Exponents::ISO,
        }
    }

    /// Whether the operation is declared.
    pub fn has(&self, op: Op) -> bool {
        self.operations.contains(&op)
    }

    /// The declared methods for `op`: those of [`Op::SetUp`], else those of [`Op::Authorize`].
    pub fn methods_of(&self, op: Op) -> &'static [MethodKind] {
        match op {
            Op::SetUp => self.mandates,
            _ => self.methods,
        }
    }

    /// The declared currencies for `op`: those of [`Op::PayOut`], else all.
    pub fn currencies_of(&self, op: Op) -> Currencies {
        match (op, self.payout_currencies) {
            (Op::PayOut | Op::RetrievePayout, Some(list)) => Currencies::Only(list),
            _ => self.currencies,
        }
    }

    /// Where the idempotency key of `op` travels.
    pub fn idempotency_of(&self, op: Op) -> Idempotency {
        let exception = self.idempotency_exceptions.iter().find(|(of, _)| *of == op);
        exception.map_or(self.idempotency, |(_, means)| *means)
    }

    /// Whether the provider answers a repetition of `op` under its key with the first result; `capture` is that of the request, automatic
    /// where it has none.
    pub fn replays(&self, op: Op, capture: CaptureMode) -> bool {
        self.idempotency_of(op).replays() && (self.replays_reservations || capture == CaptureMode::Automatic)
    }

    /// Whether `host` is one the connector may talk to.
    pub fn allows_host(&self, host: &str) -> bool {
        self.hosts.iter().any(|allowed| match allowed.strip_prefix('*') {
            Some(suffix) => host.strip_suffix(suffix).is_some_and(|prefix| {
                !prefix.is_empty() && prefix.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
            }),
            None => host == *allowed,
        })
    }
}

/// Which of a provider's two environments an account belongs to; a field of most credentials.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Environment {
    /// The provider's test environment: no money moves.
    #[default]
    Sandbox,
    /// The live environment.
    Live,
}

/// The currencies of a connector.
#[derive(Clone, Copy, Debug)]
pub enum Currencies {
    /// All of ISO 4217 that have a minor unit.
    All,
    /// These.
    Only(&'static [Currency]),
}

impl Currencies {
    /// Whether `currency` is among them.
    pub fn contains(&self, currency: Currency) -> bool {
        match self {
            Currencies::All => currency.has_minor_unit(),
            Currencies::Only(list) => list.contains(&currency),
        }
    }
}

/// In what form a connector takes cards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CardRules {
    /// As number, expiry and code ([`crate::Method::Card`]).
    pub number: bool,
    /// As a token of the provider's client SDK ([`crate::Method::CardToken`]).
    pub token: bool,
}

/// Rules for taking reserved money.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CaptureRules {
    /// [`crate::CaptureMode::Manual`] is offered.
    pub manual: bool,
    /// Less than the reserved amount can be taken.
    pub partial: bool,
    /// It can be taken in several parts.
    pub multiple: bool,
}

/// Rules for releasing money.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VoidRules {
    /// A captured payment can be voided for some time, before it is settled.
    pub captured: bool,
    /// A debit of a bank account can be withdrawn for some time, before the provider has passed it on to the banks.
    pub debit: bool,
}

/// What 3-D Secure a connector offers for cards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ThreeDsRules {
    /// The provider runs challenges: [`crate::NextAction::ThreeDs`] or a redirect, then [`Op::Complete`].
    pub challenge: bool,
    /// Results of an authentication done elsewhere are handed through ([`crate::ThreeDs::External`]).
    pub external: bool,
}

/// Rules for giving money back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RefundRules {
    /// Less than the taken amount can be given back.
    pub partial: bool,
    /// It can be given back in several parts.
    pub multiple: bool,
}

/// How disputes can be answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DisputeRules {
    /// By accepting.
    pub accept: bool,
    /// By evidence.
    pub contest: bool,
}

/// By what a payment can be found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LookupKind {
    /// The provider's id, out of a handle.
    Handle,
    /// The merchant's reference.
    Reference,
}

/// What a look-up tells of a payment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetrieveRules {
    /// Also what came after the authorization: captures, releases, refunds. Else a look-up repeats how the authorization was answered: it finds
    /// one whose answer was lost, and shows nothing of what was done since.
    pub later: bool,
}

/// Where the idempotency key travels; the provider answers a repetition with the first result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Idempotency {
    /// In a header of this name (lower case).
    Header(&'static str),
    /// In a body field of this name: a JSON member, form field or XML element; `@name` is an attribute.
    Body(&'static str),
    /// The provider refuses a second payment of the same merchant reference or key in one of these fields, or answers as to the first; look it up
    /// then, since it need not say which. There are several
    /// where payments, refunds and payouts have numbers of their own.
    Unique(&'static [&'static str]),
    /// In the path of a PUT, under this name: an id that is made of the merchant's reference or the key. The provider refuses a second
    /// payment under it, or answers as to the first; look it up then.
    Path(&'static str),
    /// The provider has none.
    None,
}

impl Idempotency {
    /// Whether a repetition with the same key returns the first result.
    pub const fn replays(self) -> bool {
        matches!(self, Idempotency::Header(_) | Idempotency::Body(_))
    }

    /// Whether the provider may refuse a repetition because it has the first payment, which a look-up then finds.
    pub const fn refuses(self) -> bool {
        matches!(self, Idempotency::Unique(_) | Idempotency::Path(_))
    }
}

/// How webhook deliveries are vouched for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WebhookRules {
    /// The means.
    pub authentication: WebhookAuthentication,
    /// How old a signed time may be, seconds; `None` where the provider signs no time.
    pub tolerance_seconds: Option<u32>,
    /// The body that acknowledges a delivery (status 200); empty where any 2xx does.
    pub acknowledgement: &'static str,
}

/// The means by which a delivery is vouched for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WebhookAuthentication {
    /// A keyed digest in a header.
    HeaderMac,
    /// A keyed digest inside the body.
    BodyMac,
    /// A public-key signature.
    Signature,
    /// A shared text in a header.
    SharedSecret,
    /// Nothing: the connector reads the object back from the provider.
    ReadBack,
}

impl Spec {
    /// The amount in the provider's minor units.
    pub fn minor(&self, amount: &Money) -> crate::Result<i64> {
        self.exponents.minor_at(amount).map_err(|cause| crate::Error::invalid("amount", cause.to_string()))
    }

    /// The amount as the provider's decimal text (`10.50`).
    pub fn major(&self, amount: &Money) -> crate::Result<String> {
        self.exponents.major_at(amount).map_err(|cause| crate::Error::invalid("amount", cause.to_string()))
    }

    /// An amount out of an answer, from the provider's minor units and currency code in any letter case.
    pub fn money(&self, minor: i64, currency: &str) -> crate::Result<Money> {
        let currency = currency_of(currency)?;
        self.exponents
            .money_from(minor, currency)
            .map_err(|cause| crate::Error::protocol(format!("amount in the answer: {cause}")))
    }

    /// An amount out of an answer, from decimal text and a currency code in any letter case.
    pub fn money_major(&self, major: &str, currency: &str) -> crate::Result<Money> {
        Money::parse_major(major, currency_of(currency)?)
            .map_err(|cause| crate::Error::protocol(format!("amount in the answer: {cause}")))
    }
}

fn currency_of(code: &str) -> crate::Result<Currency> {
    let unknown = || crate::Error::protocol("currency in the answer is not in ISO 4217");
    let mut upper = [0u8; 3];
    let bytes = code.as_bytes();
    if bytes.len() != 3 {
        return Err(unknown());
    }
    for (to, from) in upper.iter_mut().zip(bytes) {
        *to = from.to_ascii_uppercase();
    }
    std::str::from_utf8(&upper).ok().and_then(Currency::from_code).ok_or_else(unknown)
}

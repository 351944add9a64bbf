//! The gateway's JSON: what comes back. Members differ by service and processor, so answers are read by path.

use quittance::*;
use serde::Deserialize;

use crate::{checks, codes, lookup};

/// An answer of the payment services (`/pts/v2`) or of the transaction search (`/tss/v2`), or a part of one.
#[derive(Deserialize)]
#[serde(transparent)]
pub(crate) struct Answer(Tree);

/// How a service of a transaction ended.
pub(crate) enum Ended {
    Done,
    Refused,
    Unknown(String),
}

impl Answer {
    pub(crate) fn id(&self) -> Result<&str> {
        self.need("id")
    }

    pub(crate) fn handle(&self) -> Result<Handle> {
        self.id().map(Handle::new)
    }

    /// The status of a payment service's answer.
    pub(crate) fn status(&self) -> Result<&str> {
        let handle = self.handle()?;
        self.need("status").map_err(|error| error.about(&handle))
    }

    /// The status of a transaction that was looked up.
    pub(crate) fn found_status(&self) -> Result<&str> {
        self.need("applicationInformation/status")
    }

    pub(crate) fn reference(&self) -> Option<String> {
        self.text("clientReferenceInformation/code").map(str::to_owned)
    }

    /// The amount that the issuer agreed to; of an answer without one, the amount that was asked for.
    pub(crate) fn authorized(&self) -> Result<Option<Money>> {
        let agreed = self.money("orderInformation/amountDetails", "authorizedAmount")?;
        agreed.map_or_else(|| self.total(), |agreed| Ok(Some(agreed)))
    }

    /// The amount of the whole order: of a capture its own, after an increment the sum.
    pub(crate) fn total(&self) -> Result<Option<Money>> {
        self.money("orderInformation/amountDetails", "totalAmount")
    }

    pub(crate) fn refunded(&self) -> Result<Option<Money>> {
        self.money("refundAmountDetails", "refundAmount")
    }

    /// The stored card, when one was made.
    pub(crate) fn mandate(&self) -> Option<Handle> {
        let made = self.text("tokenInformation/paymentInstrument/id")?;
        Some(Handle::new(made).with_some("customer", self.text("tokenInformation/customer/id")))
    }

    /// The transaction that a payload speaks of.
    pub(crate) fn told(&self) -> Result<&str> {
        self.text("data/id").map_or_else(|| self.need("id"), Ok)
    }

    /// The first of the transactions that belong together.
    pub(crate) fn root(&self) -> Result<&str> {
        self.text("rootId").map_or_else(|| self.id(), Ok)
    }

    /// A datum of the authentication of the payer.
    pub(crate) fn authentication(&self, name: &str) -> Result<&str> {
        self.need(&format!("consumerAuthenticationInformation/{name}"))
    }

    /// How the service of that name ended; none when it was not part of the transaction.
    pub(crate) fn service(&self, name: &str) -> Result<Option<Ended>> {
        at(&self.0, "applicationInformation/applications")
            .ok_or_else(|| Error::protocol("the transaction tells nothing of its services"))?;
        let is_it = |service: &&Tree| text_at(service, "name") == Some(name);
        let Some(found) = list_at(&self.0, "applicationInformation/applications").iter().find(is_it) else {
            return Ok(None);
        };
        match text_at(found, "rCode") {
            Some("1") => Ok(Some(Ended::Done)),
            Some("0" | "-1") => Ok(Some(Ended::Refused)),
            Some(other) => Ok(Some(Ended::Unknown(other.to_owned()))),
            None => Err(Error::protocol("a service of the transaction has no result")),
        }
    }

    /// Whether the transaction is a check of a bank account or a payout, whose services are others.
    pub(crate) fn is_other(&self) -> bool {
        let mut services = list_at(&self.0, "applicationInformation/applications").iter();
        services.any(|service| {
            text_at(service, "name").is_some_and(|name| name.starts_with("ics_ecp_") || name == "ics_oct")
        })
    }

    /// The ids of transactions that belong to this one.
    pub(crate) fn related(&self) -> Vec<&str> {
        let links = list_at(&self.0, "_links/relatedTransactions").iter();
        let ids = links.filter_map(|link| text_at(link, "href")?.rsplit('/').next());
        ids.filter(|id| !id.is_empty() && self.text("id") != Some(id)).collect()
    }

    /// Of the transactions that a search found, the newest payment with that reference. The search may find others beside them.
    pub(crate) fn authorization(&self, reference: &str) -> Result<Option<&str>> {
        self.need("totalCount")?;
        let authorizes = |summary: &&Tree| {
            let services = list_at(summary, "applicationInformation/applications").iter();
            services
                .into_iter()
                .any(|service| matches!(text_at(service, "name"), Some(lookup::AUTHORIZATION | checks::DEBIT)))
        };
        let of_it = |summary: &&Tree| text_at(summary, "clientReferenceInformation/code") == Some(reference);
        let summaries = list_at(&self.0, "_embedded/transactionSummaries");
        if !summaries.is_empty() && !summaries.iter().any(|summary| of_it(&summary)) {
            return Err(Error::new(Kind::Integrity, Effect::None, "the transactions found have other references"));
        }
        let found = summaries.iter().filter(of_it).find(authorizes);
        let nameless = || Error::protocol("a transaction that was found has no id");
        found.map(|summary| text_at(summary, "id").ok_or_else(nameless)).transpose()
    }

    pub(crate) fn network(&self) -> Network {
        let own = |path: &str| self.text(&format!("processorInformation/{path}")).map(str::to_owned);
        Network {
            transaction_id: own("networkTransactionId").or_else(|| own("transactionId")),
            authorization_code: own("approvalCode"),
            response_code: own("responseCode"),
            advice_code: own("merchantAdvice/codeRaw").or_else(|| own("merchantAdvice/code")),
            avs: own("avs/codeRaw").or_else(|| own("avs/code")),
            cvc: own("cardVerification/resultCode"),
            eci: self.text("consumerAuthenticationInformation/eciRaw").map(str::to_owned),
        }
    }

    pub(crate) fn decline(&self) -> Decline {
        let (code, network) = (self.text("errorInformation/reason"), self.network());
        Decline {
            reason: code.map_or(Reason::Generic, codes::reason),
            code: code.map(str::to_owned),
            message: self.text("errorInformation/message").map(str::to_owned),
            network_code: network.response_code,
            advice_code: network.advice_code,
        }
    }

    /// What a refused request says. In front of the services it is `response.rmsg`, of the token service a list, of Microform's sessions
    /// `responseStatus`.
    pub(crate) fn fault(self) -> Fault {
        let inner = at(&self.0, "responseStatus").unwrap_or(&self.0);
        let listed = list_at(inner, "errors").first();
        let mut details = list_at(inner, "details").iter();
        let field = details.find_map(|detail| text_at(detail, "field").or_else(|| text_at(detail, "location")));
        let own = |name, other| text_at(inner, name).or_else(|| text_at(listed?, other)).map(str::to_owned);
        Fault {
            code: own("reason", "type"),
            message: own("message", "message").or_else(|| self.text("response/rmsg").map(str::to_owned)),
            field: field.map(str::to_owned),
        }
    }

    fn money(&self, group: &str, name: &str) -> Result<Option<Money>> {
        let Some(amount) = at(&self.0, &format!("{group}/{name}")) else {
            return match at(&self.0, group) {
                None | Some(Tree::Node(_)) => Ok(None),
                Some(_) => Err(Error::protocol(format!("{group} of the answer cannot be read"))),
            };
        };
        let currency = self.text(&format!("{group}/currency")).and_then(Currency::from_code);
        match (amount, currency) {
            (Tree::Text(amount), Some(currency)) => amount.to_money(currency).map(Some),
            _ => Err(MoneyError::Malformed),
        }
        .map_err(|cause| Error::protocol(format!("{name} of the answer: {cause}")))
    }

    fn text(&self, path: &str) -> Option<&str> {
        text_at(&self.0, path)
    }

    fn need(&self, path: &str) -> Result<&str> {
        self.text(path).ok_or_else(|| Error::protocol(format!("the answer has no {path}")))
    }
}

fn at<'t>(tree: &'t Tree, path: &str) -> Option<&'t Tree> {
    path.split('/').try_fold(tree, |tree, name| tree.member(name))
}

fn text_at<'t>(tree: &'t Tree, path: &str) -> Option<&'t str> {
    match at(tree, path)? {
        Tree::Text(text) => Some(text.as_str()),
        _ => None,
    }
}

fn list_at<'t>(tree: &'t Tree, path: &str) -> &'t [Tree] {
    match at(tree, path) {
        Some(Tree::List(items)) => items,
        _ => &[],
    }
}

//! What a new connector is made of: addresses, proofs of identity, and a route for each operation.

use quittance::Op;

use super::hooks::Hooks;
use super::shape::{AmountForm, Body, Endpoint, Form, Leaf, Member, Written};

/// How an account proves who it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Proof {
    /// `Authorization: Bearer`.
    Bearer,
    /// `Authorization: Basic`.
    Basic,
    /// The key in a header of this name, lower case.
    Header(String),
}

/// A part of a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Part {
    Text(String),
    /// The id of the payment or refund that the operation is about.
    Id,
    /// The id of the payment whose refund the operation is about.
    Payment,
    /// A field of the credentials.
    Credential(String),
}

/// How one operation reaches the provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Route {
    pub(super) op: Op,
    /// Upper case.
    pub(super) verb: String,
    /// The path below the base, in parts without the slashes between.
    pub(super) path: Vec<Part>,
    /// Further headers that the provider asks for, lower case, each with what it is.
    pub(super) headers: Vec<(String, String)>,
    /// Query parameters that the provider asks for.
    pub(super) query: Vec<String>,
    /// The element around an XML body.
    pub(super) root: String,
    pub(super) body: Option<Vec<Member>>,
    pub(super) answer: Vec<Member>,
    pub(super) status: u16,
    /// The values that the description lists for the status in the answer.
    pub(super) statuses: Vec<String>,
    /// How many members of the answer that the description knows are left out.
    pub(super) left_out: usize,
    /// Other requests of the description that could be meant.
    pub(super) others: Vec<String>,
    /// The refusals that the description shows.
    pub(super) problems: Vec<Problem>,
    /// The operation's name in the provider's description.
    pub(super) operation_id: Option<String>,
}

/// An answer that refuses, as the description has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Problem {
    /// The HTTP status; none where the description means a class or all others.
    pub(super) status: Option<u16>,
    /// What it holds; never empty.
    pub(super) members: Vec<Member>,
    /// The way to the member that is the code, a text.
    pub(super) code: Option<Vec<String>>,
    /// The way to the member that is a sentence for people.
    pub(super) message: Option<Vec<String>>,
}

impl Route {
    /// The status of a refusal: 422 in place of 400 where the description knows only that.
    pub(super) fn refusal(&self, status: u16) -> u16 {
        let is_shown = |status: u16| self.problems.iter().any(|problem| problem.status == Some(status));
        if status == 400 && !is_shown(400) && is_shown(422) { 422 } else { status }
    }

    /// The form of a refusal with this status: its own, that of all others, else that of any.
    pub(super) fn problem(&self, status: u16) -> Option<&Problem> {
        let of = |status: Option<u16>| self.problems.iter().find(|problem| problem.status == status);
        of(Some(status)).or_else(|| of(None)).or_else(|| self.problems.first())
    }
}

/// Everything that the files of a new connector are written from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Design {
    pub(super) body: Body,
    pub(super) proof: Proof,
    /// What stands before every path, without a slash at the end.
    pub(super) sandbox: String,
    pub(super) live: String,
    /// Whether the two are made up.
    pub(super) invented: bool,
    /// Whether the description does not tell which address is the test environment's and which the live one's.
    pub(super) unsure: bool,
    pub(super) documentation: String,
    /// The header of the idempotency key, lower case.
    pub(super) idempotency: Option<String>,
    /// In the order of [`Op::ALL`].
    pub(super) routes: Vec<Route>,
    pub(super) currency: String,
    pub(super) country: String,
    /// What the description says of webhooks.
    pub(super) hooks: Hooks,
    /// References of the description that name nothing, at places that may be absent.
    pub(super) lost: Vec<String>,
}

impl Design {
    /// A provider as many are: payments, captures and refunds as resources below one another, or asked for by bodies at one address.
    pub(super) fn common(id: &str, body: Body, endpoint: Endpoint, form: AmountForm) -> Design {
        let card = ["number", "expiry_month", "expiry_year", "cvc", "holder"].into_iter().zip([
            Leaf::Number,
            Leaf::Month(Written::Text),
            Leaf::Year(Written::Text),
            Leaf::Cvc,
            Leaf::Holder,
        ]);
        let card = card.map(|(name, leaf)| Member::leaf(name, leaf)).collect();
        let counted = if form == AmountForm::Major { Leaf::Major } else { Leaf::Minor };
        let amount = || vec![Member::leaf("amount", counted.clone()), Member::leaf("currency", Leaf::Currency)];
        let reference = || Member::leaf("reference", Leaf::Reference);
        let payment = [amount(), vec![reference(), Member::leaf("capture", Leaf::Capture), Member::node("card", card)]];
        let refund = [amount(), vec![reference()]].concat();
        let route = |op: Op, verb: &str, path: &[&str], body: Option<Vec<Member>>| Route {
            op,
            verb: verb.to_owned(),
            path: path
                .iter()
                .map(|part| if *part == "{}" { Part::Id } else { Part::Text((*part).to_owned()) })
                .collect(),
            headers: Vec::new(),
            query: Vec::new(),
            root: op.as_str().to_owned(),
            body,
            answer: answer(&counted),
            status: 200,
            statuses: Vec::new(),
            left_out: 0,
            others: Vec::new(),
            problems: Vec::new(),
            operation_id: None,
        };
        let mut routes = vec![
            route(Op::Authorize, "POST", &["payments"], Some(payment.concat())),
            route(Op::Capture, "POST", &["payments", "{}", "captures"], Some(amount())),
            route(Op::Void, "POST", &["payments", "{}", "voids"], None),
            route(Op::Refund, "POST", &["payments", "{}", "refunds"], Some(refund)),
            route(Op::Retrieve, "GET", &["payments", "{}"], None),
        ];
        if endpoint == Endpoint::Single || body == Body::Soap {
            routes.iter_mut().for_each(|route| single(route, body));
        }
        Design {
            body,
            proof: Proof::Bearer,
            sandbox: format!("https://sandbox.{id}.example/v1"),
            live: format!("https://api.{id}.example/v1"),
            invented: true,
            unsure: false,
            documentation: String::new(),
            idempotency: None,
            routes,
            currency: "EUR".to_owned(),
            country: "DE".to_owned(),
            hooks: Hooks::default(),
            lost: Vec::new(),
        }
    }

    pub(super) fn has(&self, op: Op) -> bool {
        self.routes.iter().any(|route| route.op == op)
    }

    pub(super) fn route(&self, op: Op) -> Option<&Route> {
        self.routes.iter().find(|route| route.op == op)
    }

    /// What follows the name in the hole of an id that this operation mints: the shape of a number, where it is one.
    pub(super) fn id_shape(&self, op: Op) -> &'static str {
        let is_number = |leaf: &Leaf| *leaf == Leaf::Id(Written::Whole);
        match self.route(op).is_some_and(|route| route.answer.iter().any(|member| member.has_one(&is_number))) {
            true => ":digits9",
            false => "",
        }
    }

    /// Whether payments are known by the merchant's reference: what is their id in answers is the reference in the request.
    pub(super) fn is_by_reference(&self) -> bool {
        let Some(route) = self.route(Op::Authorize) else { return false };
        let name = name_of(&route.answer, &|leaf| matches!(leaf, Leaf::Id(_)));
        let sent = route.body.as_deref().and_then(|body| name_of(body, &|leaf| *leaf == Leaf::Reference));
        name.is_some() && name == sent
    }

    /// Whether nothing is reserved first, so that a void can only be that of a payment that is taken.
    pub(super) fn voids_captured(&self) -> bool {
        self.has(Op::Void) && !self.has(Op::Capture)
    }

    /// Whether a refund is looked up under its payment, so that its handle names both.
    pub(super) fn is_under_payment(&self) -> bool {
        self.route(Op::RetrieveRefund).is_some_and(|route| route.path.contains(&Part::Payment))
    }

    /// The hosts, sorted.
    pub(super) fn hosts(&self) -> Vec<String> {
        let host = |url: &String| {
            let rest = url.split_once("://").map_or(url.as_str(), |(_, rest)| rest);
            let host = rest.split(['/', '?']).next().unwrap_or_default();
            host.split(':').next().unwrap_or_default().to_owned()
        };
        let mut hosts: Vec<String> = [&self.sandbox, &self.live].into_iter().map(host).collect();
        hosts.sort();
        hosts.dedup();
        hosts
    }

    /// The status values that the description lists, each once: of what (`payment`, `refund`), and the value.
    pub(super) fn statuses(&self) -> Vec<(&'static str, &str)> {
        let mut all: Vec<(&str, &str)> = Vec::new();
        for route in &self.routes {
            let of = if matches!(route.op, Op::Refund | Op::RetrieveRefund) { "refund" } else { "payment" };
            let new: Vec<(&str, &str)> = route.statuses.iter().map(|value| (of, value.as_str())).collect();
            all.extend(new.into_iter().filter(|row| !row.1.is_empty()));
        }
        all.sort_by_key(|(of, _)| *of);
        let mut seen = std::collections::HashSet::new();
        all.retain(|row| seen.insert(*row));
        all
    }

    /// The fields of the credentials that paths name, in their order.
    pub(super) fn path_credentials(&self) -> Vec<&str> {
        let mut names: Vec<&str> = Vec::new();
        for part in self.routes.iter().flat_map(|route| &route.path) {
            match part {
                Part::Credential(name) if !names.contains(&name.as_str()) => names.push(name),
                _ => {}
            }
        }
        names
    }
}

/// The name of the first of these leaves.
fn name_of<'m>(members: &'m [Member], wanted: &dyn Fn(&Leaf) -> bool) -> Option<&'m str> {
    members.iter().find_map(|member| match &member.form {
        Form::Leaf(leaf) => wanted(leaf).then_some(member.name.as_str()),
        Form::Node(inner) | Form::List(inner) => name_of(inner, wanted),
    })
}

/// The same request at the one address: the body says what is asked, and of which payment. In XML its root does.
fn single(route: &mut Route, body: Body) {
    let target = if route.op == Op::Retrieve { "handle.id()" } else { "request.payment.id()" };
    let target = (route.op != Op::Authorize).then(|| Member::leaf("payment", Leaf::Target(target)));
    let named = (!body.is_xml()).then(|| Member::leaf("operation", Leaf::Fixed(route.op.as_str().to_owned())));
    let members = named.into_iter().chain(target).chain(route.body.take().into_iter().flatten());
    route.body = Some(members.collect());
    route.path.clear();
    "POST".clone_into(&mut route.verb);
}

/// What an answer of such a provider holds.
pub(super) fn answer(amount: &Leaf) -> Vec<Member> {
    [
        ("id", Leaf::Id(Written::Text)),
        ("status", Leaf::Status),
        ("amount", amount.clone()),
        ("currency", Leaf::Currency),
        ("reference", Leaf::Reference),
    ]
    .map(|(name, leaf)| Member::leaf(name, leaf))
    .to_vec()
}

//! What the names of members say of them, and the bodies of requests out of a description's schemas.

use quittance::Op;
use serde_json::Value;

use super::schema::{self, Kind, MOST_LEVELS, Property};
use super::shape::{Form, Leaf, Member, Written};
use crate::descriptions::openapi::Api;

/// How many members of a request are taken: a description may ask for hundreds.
const MOST_MEMBERS: usize = 40;

/// Names of amounts, without case and separators, the plainest first; so too those below.
const AMOUNTS: [&str; 14] = [
    "amount",
    "value",
    "amountminor",
    "amountincents",
    "total",
    "totalamount",
    "requestedamount",
    "transactionamount",
    "paymentamount",
    "chargeamount",
    "refundamount",
    "grossamount",
    "original",
    "valor",
];
const CURRENCIES: [&str; 6] =
    ["currency", "currencycode", "amountcurrency", "currencyid", "transactioncurrency", "paymentcurrency"];
const REFERENCES: [&str; 20] = [
    "reference",
    "merchantreference",
    "merchanttransactionid",
    "merchantorderid",
    "merchantpaymentid",
    "externalid",
    "externalreference",
    "referenceid",
    "clientreference",
    "checkoutreference",
    "transactionreference",
    "paymentreference",
    "orderreference",
    "correlationid",
    "refno",
    "outtradeno",
    "ordernumber",
    "merchantref",
    "orderid",
    "refundreference",
];
const STATES: [&str; 12] = [
    "status",
    "state",
    "paymentstatus",
    "paymentstate",
    "transactionstatus",
    "transactionstate",
    "chargestatus",
    "orderstatus",
    "refundstatus",
    "resultcode",
    "result",
    "outcome",
];
const REASONS: [&str; 15] = [
    "declinecode",
    "declinereason",
    "failurecode",
    "failurereason",
    "refusalreasoncode",
    "refusalreason",
    "reasoncode",
    "statusreason",
    "responsecode",
    "gatewayresponse",
    "errorcode",
    "failuremessage",
    "reason",
    "statusdetail",
    "statusdetails",
];
/// Ids of what a payment is called.
const IDS: [&str; 14] = [
    "id",
    "paymentid",
    "transactionid",
    "chargeid",
    "refundid",
    "paymentintentid",
    "pspreference",
    "captureid",
    "authorizationid",
    "transferid",
    "checkoutid",
    "saleid",
    "invoiceid",
    "txid",
];

/// Names of what a payment is made with, where that is no card's number.
const TENDERS: [&str; 13] = [
    "card",
    "cardtoken",
    "token",
    "source",
    "sourceid",
    "paymentmethod",
    "paymentmethodid",
    "paymentmethodtoken",
    "paymenttoken",
    "paymentinstrument",
    "paymentinstrumentid",
    "instrument",
    "nonce",
];

/// A name without case and separators.
pub(super) fn plain(name: &str) -> String {
    name.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_lowercase()
}

/// Whether a name holds one of these words.
pub(super) fn tells(name: &str, words: &[&str]) -> bool {
    let name = plain(name);
    words.iter().any(|word| name.contains(word))
}

/// Whether what a name calls holds money: `amount`, `order_total`, `money`.
pub(super) fn is_of_money(name: &str) -> bool {
    tells(name, &["amount", "money", "total", "price", "valor", "funds", "instruct"])
}

/// What a member is by its name and kind, and how plain that name is: 0 the plainest. None for one that tells nothing.
pub(super) fn read_as(name: &str, kind: Kind<'_>, schema: &Value) -> Option<(Leaf, usize)> {
    let name = plain(name);
    let rank = |names: &[&str]| names.iter().position(|known| *known == name);
    let (is_text, is_id) = (kind == Kind::Text, matches!(kind, Kind::Text | Kind::Whole));
    let written = if kind == Kind::Whole { Written::Whole } else { Written::Text };
    let amount = || match kind {
        Kind::Text | Kind::Whole | Kind::Number => Some((amount_as(kind, schema), rank(&AMOUNTS)?)),
        _ => None,
    };
    let found = |leaf: Leaf, names: &[&str], fits: bool| rank(names).filter(|_| fits).map(|rank| (leaf, rank));
    amount()
        .or_else(|| found(Leaf::Currency, &CURRENCIES, is_text))
        .or_else(|| found(Leaf::Reference, &REFERENCES, is_text))
        .or_else(|| found(Leaf::Id(written), &IDS, is_id))
        .or_else(|| found(Leaf::Status, &STATES, is_text))
        .or_else(|| found(Leaf::Reason(None), &REASONS, is_text))
}

/// How an amount is written. A number without a word on it counts minor units, as is usual.
fn amount_as(kind: Kind<'_>, schema: &Value) -> Leaf {
    let text = |word: &str| schema.get(word).and_then(Value::as_str).unwrap_or_default().to_lowercase();
    let told = text("description") + &text("title");
    let is_minor = ["minor unit", "cents", "smallest", "subunit", "lowest denomination", "centavos"]
        .iter()
        .any(|word| told.contains(word));
    let has_point = |word: &str| schema.get(word).is_some_and(|value| value.as_f64().is_some() && !value.is_i64());
    let is_broken = ["example", "multipleOf", "minimum", "default", "maximum"].into_iter().any(has_point)
        || ["float", "double", "decimal"].contains(&text("format").as_str());
    match kind {
        Kind::Whole => Leaf::Minor,
        Kind::Number if is_broken && !is_minor => Leaf::Decimal,
        Kind::Number => Leaf::Minor,
        _ => Leaf::Major,
    }
}

/// The schema of a body and an example of it; JSON before forms before XML.
pub(super) fn media<'a>(api: &'a Api, content: &'a Value) -> Option<(&'a Value, Option<&'a Value>)> {
    let media = content.as_object()?;
    let words = ["json", "urlencoded", "xml", ""];
    let of = |word: &&str| media.iter().find(|(name, _)| name.contains(*word)).map(|(_, media)| media);
    let media = words.iter().find_map(of)?;
    let several = || api.resolve(media.get("examples")?.as_object()?.values().next()?).get("value");
    Some((media.get("schema").unwrap_or(&Value::Null), media.get("example").or_else(several)))
}

/// What a request's body holds: what the description asks for, and what every payment needs. `named` says that the path has the id.
pub(super) fn request(api: &Api, op: Op, content: &Value, named: bool) -> Option<Vec<Member>> {
    let (schema, _) = media(api, content)?;
    let asked = Asked { api, op, named };
    let properties = schema::properties(api, schema, None);
    let tender = properties.iter().find(|property| {
        property.kind(api) == Kind::Text
            && TENDERS.contains(&plain(property.name).as_str())
            && property.chosen.is_none()
    });
    let tender = tender.map(|property| property.name.to_owned());
    let mut found = asked.members(properties, "", 0);
    once(&mut found, &Leaf::Reference);
    // What is paid with is needed, though the description lets it be one of several members.
    let is_wanted = |name: &String| !found.iter().any(|member| member.name == *name) && !asks(&found).1;
    if let Some(name) = tender.filter(|name| op == Op::Authorize && !found.is_empty() && is_wanted(name)) {
        let what = format!("{name}, what is paid with: a token, or what was saved");
        found.push(Member::leaf(&name, Leaf::Unknown(what)));
    }
    (!found.is_empty()).then_some(found)
}

/// Of several members that could be the same thing, the first is; the others are filled in by hand.
fn once(members: &mut [Member], leaf: &Leaf) {
    let mut of_kind: Vec<&mut Member> =
        members.iter_mut().filter(|member| member.form == Form::Leaf(leaf.clone())).collect();
    let rank = |member: &&mut Member| REFERENCES.iter().position(|name| *name == plain(&member.name));
    of_kind.sort_by_key(rank);
    for other in of_kind.into_iter().skip(1) {
        other.form = Form::Leaf(Leaf::Unknown(other.name.clone()));
    }
}

/// Parts of the names of objects in a request that are the payment's own.
const OWN: [&str; 6] = ["data", "payment", "transaction", "order", "purchase", "charge"];

/// What an operation's request holds.
struct Asked<'a> {
    api: &'a Api,
    op: Op,
    named: bool,
}

impl<'a> Asked<'a> {
    /// The members that the description asks for or a payment needs, of the object that is called `parent`.
    fn members(&self, properties: Vec<Property<'a>>, parent: &str, level: usize) -> Vec<Member> {
        let mut out = Vec::new();
        // The plainest of several names of the merchant's reference.
        let reference = |property: &Property<'a>| {
            let read = read_as(property.name, property.kind(self.api), property.schema)?;
            (read.0 == Leaf::Reference).then_some(read.1)
        };
        let best = properties.iter().filter_map(&reference).min();
        for property in properties {
            if property.is("readOnly") {
                continue;
            }
            let is_own = level == 0 || is_of_money(parent) || tells(parent, &OWN);
            let is_spare =
                !property.needed && best.is_some_and(|best| reference(&property).is_some_and(|rank| rank > best));
            if is_spare {
                continue;
            }
            let form = self.form(&property, parent, is_own, level);
            let known = match &form {
                Form::Leaf(Leaf::Unknown(_) | Leaf::Fixed(_)) => false,
                Form::Leaf(_) => true,
                _ => {
                    ["card", "amount", "paymentmethod", "source", "money", "instruct"]
                        .iter()
                        .any(|word| plain(property.name).starts_with(word))
                        || level < 2 && tells(property.name, &["transaction", "payment", "purchaseunits"])
                }
            };
            let has_any = match &form {
                Form::Node(inner) | Form::List(inner) => property.needed || inner.iter().any(Member::is_known),
                Form::Leaf(_) => true,
            };
            if (property.needed || known || property.chosen.is_some()) && has_any && out.len() < MOST_MEMBERS {
                out.push(Member { name: property.name.to_owned(), form });
            }
        }
        out
    }

    fn form(&self, property: &Property<'a>, parent: &str, is_own: bool, level: usize) -> Form {
        if let Some(word) = property.chosen {
            return Form::Leaf(Leaf::Fixed(word.to_owned()));
        }
        let kind = property.kind(self.api);
        if level < MOST_LEVELS && matches!(kind, Kind::Object | Kind::List(_)) {
            let inner = self.members(property.inner(self.api), property.name, level + 1);
            match kind {
                _ if inner.is_empty() => {}
                Kind::Object => return Form::Node(inner),
                _ => return Form::List(inner),
            }
        }
        let leaf = self.leaf(property, kind, is_own);
        let is_cards = tells(parent, &["card", "source", "method", "instrument", "credential", "expir"]);
        // A number, a month and a year are a card's in a card alone.
        match leaf {
            Leaf::Number | Leaf::Month(_) | Leaf::Year(_)
                if !is_cards && !tells(property.name, &["card", "pan", "exp"]) =>
            {
                Form::Leaf(self.other(property, kind))
            }
            leaf => Form::Leaf(leaf),
        }
    }

    /// What a member is; `is_own` where its object is the payment or its amount, not something else that has a value or a reference.
    fn leaf(&self, property: &Property<'a>, kind: Kind<'a>, is_own: bool) -> Leaf {
        let read = read_as(property.name, kind, property.schema).map(|(leaf, _)| leaf);
        let name = plain(property.name);
        let (at_first, pays) = (self.op == Op::Authorize, self.op != Op::Void);
        match read {
            Some(leaf @ (Leaf::Minor | Leaf::Major | Leaf::Decimal | Leaf::Currency)) if is_own && pays => leaf,
            Some(Leaf::Reference) if is_own => Leaf::Reference,
            _ if tells(&name, &["idempot"]) || name == "requestid" => Leaf::Key,
            _ if self.is_target(&name, kind) => Leaf::Target(match self.op {
                Op::Retrieve => "handle.id()",
                Op::RetrieveRefund => "request.refund.id()",
                _ => "request.payment.id()",
            }),
            _ if at_first => card(&name, kind).unwrap_or_else(|| self.other(property, kind)),
            _ => self.other(property, kind),
        }
    }

    /// Whether a member says which payment is meant, where no path does.
    fn is_target(&self, name: &str, kind: Kind<'_>) -> bool {
        let of_payment = [
            "payment",
            "transaction",
            "charge",
            "order",
            "original",
            "capture",
            "relatedtransaction",
            "originaltransaction",
            "parenttransaction",
            "relatedpayment",
            "originalpayment",
        ];
        let is_id = |ends: &[&str]| {
            let named = of_payment.iter().find_map(|noun| name.strip_prefix(noun));
            named.is_some_and(|rest| ends.iter().any(|end| rest == *end || rest == format!("intent{end}")))
        };
        let fits = kind == Kind::Text && self.op != Op::Authorize && !self.named;
        fits && is_id(&["", "id", "reference", "pspreference", "transactionid", "paymentid"])
    }

    /// What nothing but the provider's documentation tells: the only value there is, a default, or a place to be filled in.
    fn other(&self, property: &Property<'a>, kind: Kind<'a>) -> Leaf {
        let name = property.name;
        match property.listed(self.api).as_slice() {
            [only] => Leaf::Fixed((*only).to_owned()),
            [] => Leaf::Unknown(format!("{name}, {}", kind.word())),
            several => {
                let shown: Vec<&str> = several.iter().take(6).copied().collect();
                Leaf::Unknown(format!("{name}, one of {}", shown.join(", ")))
            }
        }
    }
}

/// What a member of a card is, or of the request of a payment.
fn card(name: &str, kind: Kind<'_>) -> Option<Leaf> {
    let is = |words: &[&str]| words.contains(&name);
    let written = if matches!(kind, Kind::Whole | Kind::Number) { Written::Whole } else { Written::Text };
    Some(match () {
        () if is(&["capture", "autocapture", "autosettle", "captureautomatically"]) && kind == Kind::Flag => {
            Leaf::Capture
        }
        () if is(&["number", "cardnumber", "pan", "cardno"]) => Leaf::Number,
        () if is(&["expmonth", "expirymonth", "expirationmonth", "expiremonth", "month"]) => Leaf::Month(written),
        () if is(&["expyear", "expiryyear", "expirationyear", "expireyear", "year"]) => Leaf::Year(written),
        () if is(&["cvc", "cvv", "cvv2", "cvn", "securitycode", "cardcode", "csc"]) => Leaf::Cvc,
        () if is(&["holder", "cardholder", "cardholdername", "nameoncard", "holdername"]) => Leaf::Holder,
        () => return None,
    })
}

/// Whether a request asks for an amount, and for a card.
pub(super) fn asks(members: &[Member]) -> (bool, bool) {
    let has = |leaf: Leaf| members.iter().any(|member| member.has(&leaf));
    (has(Leaf::Minor) || has(Leaf::Major) || has(Leaf::Decimal), has(Leaf::Number))
}

/// The currency that a request's schema lists: the default, that of the example, or the first, where the euro is not among them.
pub(super) fn currency(api: &Api, content: &Value) -> Option<String> {
    let (schema, example) = media(api, content)?;
    let is_known = |code: &&str| quittance::Currency::from_code(&code.to_uppercase()).is_some();
    let found = find(api, &schema::properties(api, schema, example), 0)?;
    let listed: Vec<&str> = found.listed(api).into_iter().filter(is_known).collect();
    let sample = found.sample(api, 0);
    let shown = sample.as_str().filter(is_known);
    match (listed.iter().any(|code| code.eq_ignore_ascii_case("EUR")), shown) {
        (true, _) => None,
        (false, Some(code)) if !code.eq_ignore_ascii_case("EUR") => Some(code.to_uppercase()),
        _ => listed.first().map(|code| code.to_uppercase()),
    }
}

/// The first member that is a currency, the outermost before those further in.
fn find<'a>(api: &'a Api, properties: &[Property<'a>], level: usize) -> Option<Property<'a>> {
    let is_currency = |property: &&Property<'a>| CURRENCIES.contains(&plain(property.name).as_str());
    let here = properties.iter().find(is_currency).copied();
    here.or_else(|| {
        let inner = properties.iter().filter(|_| level < 2).map(|property| property.inner(api));
        inner.filter(|inner| !inner.is_empty()).find_map(|inner| find(api, &inner, level + 1))
    })
}

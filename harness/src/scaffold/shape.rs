//! The body of a request, once: written into a tape as the provider's bytes, and into the crate as the code that builds them.

use std::fmt::Write as _;

use serde_json::Value;

use crate::unfilled::mark;

/// How a provider writes the bodies of requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum, serde::Serialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Body {
    /// JSON.
    #[default]
    Json,
    /// `application/x-www-form-urlencoded`, nested names in brackets; answers are JSON.
    Form,
    /// XML.
    Xml,
    /// XML in the envelope of SOAP 1.1, at one address.
    Soap,
}

/// The namespace of the envelope of SOAP 1.1 (<https://www.w3.org/TR/2000/NOTE-SOAP-20000508/>, section 4).
const SOAP: &str = "http://schemas.xmlsoap.org/soap/envelope/";

impl Body {
    /// The word for it on the command line.
    pub(super) fn word(self) -> &'static str {
        match self {
            Body::Json => "json",
            Body::Form => "form",
            Body::Xml => "xml",
            Body::Soap => "soap",
        }
    }

    /// Whether bodies are XML, in an envelope or not.
    pub(super) fn is_xml(self) -> bool {
        matches!(self, Body::Xml | Body::Soap)
    }
}

/// Where the operations of a provider are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum Endpoint {
    /// Each object has a path of its own.
    #[default]
    Resources,
    /// One address takes every request; the body says what is asked.
    Single,
}

/// How a provider writes amounts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum AmountForm {
    /// A whole number of minor units (6000).
    #[default]
    Minor,
    /// A decimal text of major units (60.00).
    Major,
}

/// How a provider writes a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Written {
    /// As text; a month with two digits.
    Text,
    /// As a whole number.
    Whole,
}

/// What stands at a place of a body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Leaf {
    /// The amount in minor units, a number.
    Minor,
    /// The amount as decimal text.
    Major,
    /// The amount in major units, a number.
    Decimal,
    Currency,
    /// The merchant's reference.
    Reference,
    /// The idempotency key.
    Key,
    /// Whether the money is taken at once.
    Capture,
    Number,
    Month(Written),
    Year(Written),
    Cvc,
    Holder,
    /// A text that is always the same.
    Fixed(String),
    /// The id of the object that the request acts on, and the expression of it in the crate.
    Target(&'static str),
    /// The id of the object that the answer is about.
    Id(Written),
    /// The status, as the words of the scenario have it.
    Status,
    /// Why a payment is declined; what stands there while it is not, where something must.
    Reason(Option<Value>),
    /// What nobody reads, in the form that the description shows.
    Sample(Value),
    /// Nobody knows yet: what it is, in words.
    Unknown(String),
}

/// A member of a body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Member {
    pub(super) name: String,
    pub(super) form: Form,
}

/// What a member holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Form {
    Leaf(Leaf),
    Node(Vec<Member>),
    /// A list of one object.
    List(Vec<Member>),
}

impl Member {
    pub(super) fn leaf(name: &str, leaf: Leaf) -> Member {
        Member { name: name.to_owned(), form: Form::Leaf(leaf) }
    }

    pub(super) fn node(name: &str, members: Vec<Member>) -> Member {
        Member { name: name.to_owned(), form: Form::Node(members) }
    }

    /// Whether this stands in it anywhere.
    pub(super) fn has(&self, wanted: &Leaf) -> bool {
        self.has_one(&|leaf| leaf == wanted)
    }

    /// Whether one of these stands in it anywhere.
    pub(super) fn has_one(&self, wanted: &dyn Fn(&Leaf) -> bool) -> bool {
        match &self.form {
            Form::Leaf(leaf) => wanted(leaf),
            Form::Node(members) | Form::List(members) => members.iter().any(|member| member.has_one(wanted)),
        }
    }

    /// Whether something of it is known.
    pub(super) fn is_known(&self) -> bool {
        self.has_one(&|leaf| !matches!(leaf, Leaf::Unknown(_)))
    }
}

/// What stands in the holes of one exchange.
#[derive(Debug, Clone)]
pub(super) struct Values<'v> {
    pub(super) amount_minor: i64,
    pub(super) currency: &'v str,
    pub(super) capture: bool,
    /// The id of the object that the request acts on, with its hole.
    pub(super) target: String,
    /// The id of the object in the answer, with its hole.
    pub(super) id: String,
    /// What the status is to say.
    pub(super) status: String,
    /// What the reason is to say, of a payment that is declined.
    pub(super) reason: Option<String>,
    /// The hole of the merchant's reference.
    pub(super) reference: String,
    /// The hole of the idempotency key.
    pub(super) key: String,
}

/// The end of a hole that is a number in JSON, whatever it is written in.
const NUMBER: &str = "#number}";

/// A value as it stands in a tape: a text, or something that goes without quotation marks.
enum Text {
    Quoted(String),
    Bare(String),
}

impl Text {
    /// As it stands where there are no quotation marks.
    fn plain(self) -> String {
        let (Text::Bare(text) | Text::Quoted(text)) = self;
        text.replace(NUMBER, "}")
    }
}

impl Leaf {
    fn text(&self, values: &Values<'_>) -> Text {
        let minor = values.amount_minor;
        let major = || format!("{}.{:02}", minor / 100, minor % 100);
        Text::Quoted(match self {
            Leaf::Minor => return Text::Bare(minor.to_string()),
            Leaf::Capture => return Text::Bare(values.capture.to_string()),
            Leaf::Decimal => return Text::Bare(major()),
            Leaf::Major => major(),
            Leaf::Currency => values.currency.to_owned(),
            Leaf::Reference => values.reference.clone(),
            Leaf::Key => values.key.clone(),
            Leaf::Number => "${card:number}".to_owned(),
            Leaf::Month(Written::Text) => "${card:expiry_month2}".to_owned(),
            Leaf::Month(Written::Whole) => format!("${{card:expiry_month{NUMBER}"),
            Leaf::Year(Written::Text) => "${card:expiry_year}".to_owned(),
            Leaf::Year(Written::Whole) => format!("${{card:expiry_year{NUMBER}"),
            Leaf::Cvc => "${card:cvc}".to_owned(),
            Leaf::Holder => "${card:holder}".to_owned(),
            Leaf::Fixed(text) => text.replace("${", "$${"),
            Leaf::Target(_) => values.target.clone(),
            Leaf::Id(Written::Text) => values.id.clone(),
            Leaf::Id(Written::Whole) => format!("{}{NUMBER}", values.id.trim_end_matches('}')),
            Leaf::Status => mark(&values.status),
            Leaf::Reason(sample) => match (&values.reason, sample) {
                (Some(reason), _) => mark(reason),
                (None, sample) => return sampled(sample.as_ref().unwrap_or(&Value::Null)),
            },
            Leaf::Sample(sample) => return sampled(sample),
            Leaf::Unknown(what) => mark(what),
        })
    }

    /// Whether it stands in a body with these values: a reason does in that of a decline, else where something must.
    fn stands(&self, values: &Values<'_>) -> bool {
        *self != Leaf::Reason(None) || values.reason.is_some()
    }

    /// The expression of a member with this value, by the functions of `quittance::body`; none where nobody knows it.
    fn code(&self, provider: &str, name: &str) -> Option<String> {
        let name = literal(name);
        Some(match self {
            Leaf::Minor => format!("whole({name}, {provider}::SPEC.minor(&request.amount)?)"),
            Leaf::Major => format!("text({name}, {provider}::SPEC.major(&request.amount)?)"),
            Leaf::Currency => format!("text({name}, request.amount.currency().code())"),
            Leaf::Reference => format!("text({name}, request.reference.as_str())"),
            Leaf::Key => format!("text({name}, request.key.as_str())"),
            Leaf::Capture => format!("flag({name}, request.capture == CaptureMode::Automatic)"),
            Leaf::Number => format!("text({name}, card.number.expose())"),
            Leaf::Month(Written::Text) => format!("text({name}, card.expiry.month2())"),
            Leaf::Month(Written::Whole) => format!("whole({name}, i64::from(card.expiry.month()))"),
            Leaf::Year(Written::Text) => format!("text({name}, card.expiry.year().to_string())"),
            Leaf::Year(Written::Whole) => format!("whole({name}, i64::from(card.expiry.year()))"),
            Leaf::Cvc => format!("optional({name}, card.cvc.as_ref().map(Cvc::expose))"),
            Leaf::Holder => format!("optional({name}, card.holder.as_deref())"),
            Leaf::Fixed(text) => format!("text({name}, {})", literal(text)),
            Leaf::Target(id) => format!("text({name}, {id})"),
            Leaf::Decimal | Leaf::Id(_) | Leaf::Status | Leaf::Reason(_) | Leaf::Sample(_) | Leaf::Unknown(_) => {
                return None;
            }
        })
    }
}

/// A value as it is, in one line.
fn sampled(value: &Value) -> Text {
    match value {
        Value::String(text) => Text::Quoted(text.clone()),
        other => Text::Bare(other.to_string()),
    }
}

/// The members that stand in a body with these values.
fn standing<'m>(members: &'m [Member], values: &Values<'_>) -> impl Iterator<Item = &'m Member> {
    members.iter().filter(|member| match &member.form {
        Form::Leaf(leaf) => leaf.stands(values),
        _ => true,
    })
}

/// A Rust text.
fn literal(text: &str) -> String {
    format!("{text:?}")
}

/// The members as the arguments of `object([…])`: a line each, with a comment where something is to be filled in.
pub(super) fn code(members: &[Member], provider: &str) -> String {
    let mut out = String::new();
    for member in members {
        match &member.form {
            Form::Leaf(Leaf::Unknown(what)) => comment(&mut out, what),
            Form::Leaf(Leaf::Decimal) => {
                comment(
                    &mut out,
                    &format!("{}, a JSON number of major units: `MajorNumber` in a struct of its own", member.name),
                );
            }
            Form::Leaf(leaf) => {
                if let Some(code) = leaf.code(provider, &member.name) {
                    let _text = writeln!(out, "{code},");
                }
            }
            _ if !member.is_known() => comment(&mut out, &member.name),
            Form::Node(inner) => {
                let _text = writeln!(out, "node({}, [\n{}]),", literal(&member.name), code(inner, provider));
            }
            Form::List(inner) => {
                let _text = writeln!(out, "list({}, [object([\n{}])]),", literal(&member.name), code(inner, provider));
            }
        }
    }
    out
}

fn comment(out: &mut String, what: &str) {
    let _text = writeln!(out, "// To fill in: {}.", what.split_whitespace().collect::<Vec<_>>().join(" "));
}

/// The functions of `quittance::body` that the code of these members calls, `object` among them.
pub(super) fn functions<'m>(bodies: impl Iterator<Item = &'m [Member]>) -> Vec<&'static str> {
    fn of(members: &[Member], found: &mut Vec<&'static str>) {
        for member in members {
            match &member.form {
                Form::Leaf(leaf) => found.extend(match leaf {
                    Leaf::Minor | Leaf::Month(Written::Whole) | Leaf::Year(Written::Whole) => Some("whole"),
                    Leaf::Capture => Some("flag"),
                    Leaf::Cvc | Leaf::Holder => Some("optional"),
                    Leaf::Decimal | Leaf::Id(_) | Leaf::Status | Leaf::Reason(_) => None,
                    Leaf::Sample(_) | Leaf::Unknown(_) => None,
                    _ => Some("text"),
                }),
                Form::Node(inner) if member.is_known() => {
                    found.push("node");
                    of(inner, found);
                }
                Form::List(inner) if member.is_known() => {
                    found.extend(["list", "object"]);
                    of(inner, found);
                }
                _ => {}
            }
        }
    }
    let mut found = vec!["object"];
    bodies.for_each(|members| of(members, &mut found));
    found.sort_unstable();
    found.dedup();
    found
}

/// The members as JSON in a tape.
pub(super) fn json(members: &[Member], values: &Values<'_>) -> String {
    let mut out = String::new();
    json_object(members, values, 0, &mut out);
    out
}

fn json_object(members: &[Member], values: &Values<'_>, depth: usize, out: &mut String) {
    let inner = "  ".repeat(depth + 1);
    out.push('{');
    for (index, member) in standing(members, values).enumerate() {
        let comma = if index == 0 { "" } else { "," };
        let _text = write!(out, "{comma}\n{inner}{}: ", serde_json::Value::from(member.name.as_str()));
        match &member.form {
            Form::Leaf(leaf) => match leaf.text(values) {
                Text::Bare(text) => out.push_str(&text),
                Text::Quoted(text) => out.push_str(&serde_json::Value::from(text).to_string()),
            },
            Form::Node(members) => json_object(members, values, depth + 1, out),
            Form::List(members) => {
                out.push('[');
                json_object(members, values, depth + 1, out);
                out.push(']');
            }
        }
    }
    if !members.is_empty() {
        let _text = write!(out, "\n{}", "  ".repeat(depth));
    }
    out.push('}');
}

/// The members as XML in a tape, below the element `root`.
pub(super) fn xml(root: &str, members: &[Member], values: &Values<'_>) -> String {
    let mut out = String::new();
    element(root, members, values, 0, &mut out);
    out.trim_end().to_owned()
}

/// The same in the envelope of SOAP 1.1.
pub(super) fn soap(root: &str, members: &[Member], values: &Values<'_>) -> String {
    let mut out = format!("<soap:Envelope xmlns:soap=\"{SOAP}\">\n  <soap:Body>\n");
    element(root, members, values, 2, &mut out);
    out.push_str("  </soap:Body>\n</soap:Envelope>");
    out
}

fn element(name: &str, members: &[Member], values: &Values<'_>, depth: usize, out: &mut String) {
    let space = "  ".repeat(depth);
    let _text = writeln!(out, "{space}<{name}>");
    for member in standing(members, values) {
        match &member.form {
            Form::Leaf(leaf) => {
                let text = leaf.text(values).plain().replace('&', "&amp;").replace('<', "&lt;");
                let _text = writeln!(out, "{space}  <{0}>{text}</{0}>", member.name);
            }
            Form::Node(members) | Form::List(members) => element(&member.name, members, values, depth + 1, out),
        }
    }
    let _text = writeln!(out, "{space}</{name}>");
}

/// The members as the fields of a form, in the order of the code.
pub(super) fn form(members: &[Member], values: &Values<'_>) -> Vec<(String, String)> {
    fn fields(prefix: &str, members: &[Member], values: &Values<'_>, out: &mut Vec<(String, String)>) {
        for member in members {
            let name = if prefix.is_empty() { member.name.clone() } else { format!("{prefix}[{}]", member.name) };
            match &member.form {
                Form::Leaf(leaf) => out.push((name, leaf.text(values).plain())),
                Form::Node(members) => fields(&name, members, values, out),
                Form::List(members) => fields(&format!("{name}[0]"), members, values, out),
            }
        }
    }
    let mut out = Vec::new();
    fields("", members, values, &mut out);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const VALUES: Values<'static> = Values {
        amount_minor: 6005,
        currency: "EUR",
        capture: true,
        target: String::new(),
        id: String::new(),
        status: String::new(),
        reason: None,
        reference: String::new(),
        key: String::new(),
    };

    fn members() -> Vec<Member> {
        let card = vec![
            Member::leaf("number", Leaf::Number),
            Member::leaf("zone", Leaf::Unknown("a \"zone\"".to_owned())),
            Member::leaf("month", Leaf::Month(Written::Whole)),
            Member::leaf("year", Leaf::Year(Written::Text)),
        ];
        vec![
            Member::leaf("minor", Leaf::Minor),
            Member::leaf("major", Leaf::Major),
            Member::node("card", card.clone()),
            Member { name: "items".to_owned(), form: Form::List(card) },
            Member::node("far", vec![Member::leaf("x", Leaf::Unknown("x".to_owned()))]),
        ]
    }

    #[test]
    fn one_shape_is_written_in_every_form() {
        let text = json(&members(), &VALUES);
        let read: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(read["minor"], 6005);
        assert_eq!(read["major"], "60.05");
        assert_eq!(read["items"][0]["number"], "${card:number}");
        assert_eq!(read["card"]["zone"], "${fill:a zone}");
        assert_eq!(
            (&read["card"]["month"], &read["card"]["year"]),
            (&"${card:expiry_month#number}".into(), &"${card:expiry_year}".into())
        );
        assert!(xml("pay", &members(), &VALUES).starts_with("<pay>\n  <minor>6005</minor>"));
        let fields = form(&members(), &VALUES);
        assert!(fields.contains(&("items[0][number]".to_owned(), "${card:number}".to_owned())), "{fields:?}");
        assert!(fields.contains(&("card[month]".to_owned(), "${card:expiry_month}".to_owned())), "{fields:?}");
        let code = code(&members(), "Acme");
        assert!(code.contains("list(\"items\", [object([\ntext(\"number\", card.number.expose()),\n"), "{code}");
        assert!(code.contains("whole(\"month\", i64::from(card.expiry.month())),\ntext(\"year\""), "{code}");
        assert!(code.contains("// To fill in: far.\n"), "{code}");
        assert_eq!(functions([members().as_slice()].into_iter()), ["list", "node", "object", "text", "whole"]);
    }

    /// As the structs read it that a new connector has for it.
    #[test]
    fn an_envelope_is_read_whatever_stands_in_it() {
        #[derive(serde::Deserialize)]
        struct Envelope {
            #[serde(rename = "Body")]
            body: Content,
        }
        #[derive(serde::Deserialize)]
        struct Content {
            #[serde(rename = "$value")]
            answer: Answer,
        }
        #[derive(serde::Deserialize)]
        struct Answer {
            minor: i64,
        }
        for root in ["pay_answer", "soap:Fault"] {
            let read: Envelope = quick_xml::de::from_str(&soap(root, &members(), &VALUES)).unwrap();
            assert_eq!(read.body.answer.minor, 6005);
        }
    }
}

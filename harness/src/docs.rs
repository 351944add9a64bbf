//! The guide of a connector: what someone who uses it must know, out of its declarations, its profile and its own doc comments.

use std::path::Path;

use minijinja::value::Serde;
use minijinja::{Environment, Value, context};
use quittance::Op;
use schemars::JsonSchema;
use serde::Serialize;

use crate::capabilities::Capabilities;
use crate::certificate::Histogram;
use crate::certify::dossier::{Dossier, Source};
use crate::publish::fields::{Field, fields};
use crate::publish::{BASE, Page, STYLE};
use crate::world::{Subject, World};

/// A connector for those who use it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Guide {
    /// What it declares.
    pub capabilities: Capabilities,
    /// What it is, from its own documentation.
    pub about: String,
    /// What a reader must know of this provider, from its own documentation and its family's.
    pub notes: Vec<String>,
    /// Its operations with what each does.
    pub operations: Vec<Operation>,
    /// The fields of the credentials, the required ones first.
    pub credentials: Vec<Field>,
    /// The vendor's public test cards.
    pub cards: Vec<TestCard>,
    /// How webhooks are set up; none when it reads none.
    pub webhook: Option<Webhook>,
    /// What the provider does not offer, with the reason.
    pub unavailable: Vec<String>,
    /// What the provider does not publish.
    pub unconfirmed: Vec<String>,
    /// Where the exchanges of its tapes come from.
    pub provenance: Histogram,
    /// The pages that they come from.
    pub sources: Vec<Source>,
    /// The level in the report that was given, as it computed it.
    pub level: Option<String>,
}

/// An operation with what it does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Operation {
    /// The operation.
    pub operation: String,
    /// What it does.
    pub what: String,
}

/// A test card of the vendor: public test data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct TestCard {
    /// What it leads to, in the words of scenarios.
    pub name: String,
    /// What is typed, or the token that is sent in its place.
    pub number: String,
    /// Month and year.
    pub expiry: String,
    /// The code.
    pub cvc: Option<String>,
    /// The amount that brings the outcome about, in minor units.
    pub amount_minor: Option<i64>,
    /// The vendor's page that lists it.
    pub source: String,
}

/// How webhooks are set up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Webhook {
    /// How a delivery is vouched for.
    pub vouched: String,
    /// The body that acknowledges a delivery; empty where any 2xx does.
    pub acknowledgement: String,
    /// The fields of the credentials that have to do with it.
    pub credentials: Vec<String>,
    /// What deliveries report, in the words of profiles.
    pub events: Vec<String>,
}

impl Guide {
    /// The guide of a connector; `level` is what a report says of it.
    pub fn of(world: &World, subject: &Subject, provenance: Histogram, level: Option<String>) -> Guide {
        let (spec, model) = (subject.entry.spec, &subject.profile.model);
        let dossier = Dossier::with(subject, Vec::new());
        let credentials = fields(&dossier.credentials);
        let (about, notes) = told(&world.root, spec.id);
        let card = |(name, card): (&String, &crate::profile::Card)| TestCard {
            name: name.replace('_', " "),
            number: card.token.clone().filter(|_| spec.cards.token).unwrap_or_else(|| card.number.clone()),
            expiry: format!("{:02}/{}", card.expiry_month, card.expiry_year),
            cvc: card.cvc.clone(),
            amount_minor: card.amount_minor,
            source: card.source.clone(),
        };
        let of_webhook = |field: &&Field| {
            let text = format!("{} {}", field.name, field.description).to_lowercase();
            ["webhook", "notification", "delivery", "deliveries"].iter().any(|word| text.contains(word))
        };
        let webhook = spec.webhook.map(|rules| Webhook {
            vouched: dossier.capabilities.webhook.clone().unwrap_or_default(),
            acknowledgement: rules.acknowledgement.to_owned(),
            credentials: credentials.iter().filter(of_webhook).map(|field| field.name.clone()).collect(),
            events: model.events.iter().map(|event| event.replace('_', " ")).collect(),
        });
        let operation = |op: &Op| {
            Operation {
            operation: op.to_string(),
            what: match op {
                Op::Complete if spec.complete_with_method => {
                    format!("{}; asks for the card, the customer and the billing address again", does(*op))
                }
                Op::Retrieve if !spec.retrieve.later => {
                    "tells how the authorization of a payment was answered, also where that answer was lost; not what came after"
                        .to_owned()
                }
                _ => does(*op).to_owned(),
            },
        }
        };
        Guide {
            about,
            notes,
            operations: spec.operations.iter().map(operation).collect(),
            credentials,
            cards: model.cards.iter().map(card).collect(),
            webhook,
            unavailable: model.unavailable.iter().map(|(need, reason)| format!("`{need}`: {reason}")).collect(),
            unconfirmed: model.unconfirmed.clone(),
            provenance,
            sources: dossier.sources,
            capabilities: dossier.capabilities,
            level,
        }
    }
}

/// What an operation does, in a sentence.
const fn does(op: Op) -> &'static str {
    match op {
        Op::Authorize => "reserves money, or takes it at once",
        Op::Complete => "goes on after the customer came back from a redirect or a challenge",
        Op::Capture => "takes reserved money",
        Op::Void => "releases reserved money",
        Op::Refund => "gives taken money back",
        Op::Retrieve => "looks at a payment",
        Op::RetrieveRefund => "looks at a refund",
        Op::Adjust => "changes a reserved amount",
        Op::SetUp => "stores a method without taking money",
        Op::Revoke => "withdraws a stored method",
        Op::OpenSession => "opens a session for a client SDK or a wallet sheet",
        Op::UnwrapToken => "turns a wallet's token into a network token",
        Op::PayOut => "sends money to a recipient",
        Op::RetrievePayout => "looks at a payout",
        Op::AnswerDispute => "accepts or contests a dispute",
        Op::Webhook => "reads a delivery",
    }
}

/// What the crate of a connector says of itself: its first paragraph, and everything after it, its family's included.
fn told(root: &Path, id: &str) -> (String, Vec<String>) {
    let folder = root.join("connectors").join(id);
    let mut parts = paragraphs(&std::fs::read_to_string(folder.join("src/lib.rs")).unwrap_or_default());
    let manifest = std::fs::read_to_string(folder.join("Cargo.toml")).unwrap_or_default();
    let families = root.join("sdk/families");
    let family = manifest.lines().find_map(|line| {
        let name = line.strip_prefix("quittance-")?.split(['.', ' ']).next()?;
        families.join(name).is_dir().then(|| families.join(name))
    });
    if let Some(family) = family {
        parts.extend(paragraphs(&std::fs::read_to_string(family.join("src/lib.rs")).unwrap_or_default()));
    }
    let about = if parts.is_empty() { String::new() } else { parts.remove(0) };
    (about, parts)
}

/// The paragraphs and list items of a file's own documentation, without the marks of links inside the code.
fn paragraphs(source: &str) -> Vec<String> {
    let mut parts: Vec<String> = Vec::new();
    let mut open = false;
    for line in source.lines().map_while(|line| line.strip_prefix("//!")) {
        let text = line.trim();
        let (is_item, text) = text.strip_prefix("- ").map_or((false, text), |text| (true, text));
        match parts.last_mut().filter(|_| open && !is_item) {
            _ if text.is_empty() => open = false,
            Some(part) => {
                part.push(' ');
                part.push_str(text);
            }
            None => {
                parts.push(text.to_owned());
                open = true;
            }
        }
    }
    parts.into_iter().map(|part| part.replace("[`", "`").replace("`]", "`")).collect()
}

const TEMPLATES: [(&str, &str); 5] = [
    ("base.html", BASE),
    ("guide.txt", include_str!("../templates/guide.txt")),
    ("guide.md", include_str!("../templates/guide.md")),
    ("guide.html", include_str!("../templates/guide.html")),
    ("guides.html", include_str!("../templates/guides.html")),
];

/// A text with the marks of Markdown that doc comments have, as HTML: code and addresses.
fn prose(text: &str) -> Value {
    let mut out = String::new();
    let escaped = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;");
    for (index, part) in escaped.split('`').enumerate() {
        if index % 2 == 1 {
            out.push_str(&format!("<code>{part}</code>"));
            continue;
        }
        let mut rest = part;
        while let Some((before, address)) = rest.split_once("&lt;https://") {
            let Some((address, after)) = address.split_once("&gt;") else { break };
            out.push_str(&format!("{before}<a href=\"https://{address}\" rel=\"noreferrer\">https://{address}</a>"));
            rest = after;
        }
        out.push_str(rest);
    }
    Value::from_safe_string(out)
}

fn render(template: &str, values: Value) -> Result<String, String> {
    let told = |error: minijinja::Error| format!("a guide cannot be made: {error:#}");
    let mut environment = Environment::new();
    environment.set_undefined_behavior(minijinja::UndefinedBehavior::SemiStrict);
    environment.add_filter("prose", |text: &str| prose(text));
    environment.add_filter("cell", |text: &str| text.replace('|', "\\|").replace('\n', " "));
    for (name, source) in TEMPLATES {
        environment.add_template(name, source).map_err(told)?;
    }
    let text = environment.get_template(template).and_then(|template| template.render(values)).map_err(told)?;
    Ok(text.trim_end().to_owned() + "\n")
}

/// The guide as text for a terminal.
///
/// # Errors
/// When the template does not fit, which tests exclude.
pub fn text(guide: &Guide) -> Result<String, String> {
    render("guide.txt", context! { guide => Value::from(Serde(guide)) })
}

/// The pages of guides: Markdown and HTML for each, and an index of all.
///
/// # Errors
/// When a template does not fit, which tests exclude.
pub fn pages(guides: &[Guide]) -> Result<Vec<Page>, String> {
    let style = || Value::from_safe_string(STYLE.to_owned());
    let mut pages = Vec::new();
    let mut index = String::from("# Connectors\n\n| connector | operations | methods | level |\n|---|---|---|---|\n");
    for guide in guides {
        let can = &guide.capabilities;
        let values = || context! { guide => Value::from(Serde(guide)), style => style() };
        pages.push(Page { name: format!("{}.md", can.id), content: render("guide.md", values())? });
        pages.push(Page { name: format!("{}.html", can.id), content: render("guide.html", values())? });
        let level = guide.level.as_deref().unwrap_or("");
        let row = format!(
            "| [{}]({}.md) | {} | {} | {level} |\n",
            can.name,
            can.id,
            can.operations.len(),
            can.methods.join(", ")
        );
        index.push_str(&row);
    }
    pages.push(Page { name: "index.md".to_owned(), content: index });
    let all = context! { guides => Value::from(Serde(guides)), style => style() };
    pages.push(Page { name: "index.html".to_owned(), content: render("guides.html", all)? });
    Ok(pages)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documentation_is_read_paragraph_by_paragraph() {
        let parts = paragraphs(
            "//! A shop\n//! of [`Kind`].\n//!\n//! - one\n//!   more\n//! - two\n//!\n//! End.\n\nuse x;\n//! no\n",
        );
        assert_eq!(parts, ["A shop of `Kind`.", "one more", "two", "End."]);
        assert!(paragraphs("use x;").is_empty());
    }

    #[test]
    fn prose_is_escaped() {
        let html = prose("a <b> `c<d` <https://x.example/\"> end").to_string();
        let link = "<a href=\"https://x.example/&quot;\" rel=\"noreferrer\">https://x.example/&quot;</a>";
        assert_eq!(html, format!("a &lt;b&gt; <code>c&lt;d</code> {link} end"));
    }
}

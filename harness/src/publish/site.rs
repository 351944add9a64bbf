//! The site: pages that work from disk, without a server and without a script.
//!
//! `index.html` is the matrix of connectors, operations and methods, `scenarios.html` that of scenarios and connectors, and each
//! connector has a page with its declarations and every exchange. The templates stand in `harness/templates`.

mod connector;
mod matrix;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use minijinja::value::Serde;
use minijinja::{Environment, Value, context};
use quittance::digest;

use super::{Book, id_of};

/// A file of the site.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// Its name, relative to the folder of the site.
    pub name: String,
    /// Its content.
    pub content: String,
}

const TEMPLATES: &[(&str, &str)] = &[
    ("base.html", BASE),
    ("report.html", include_str!("../../templates/report.html")),
    ("macros.html", include_str!("../../templates/macros.html")),
    ("index.html", include_str!("../../templates/index.html")),
    ("scenarios.html", include_str!("../../templates/scenarios.html")),
    ("connector.html", include_str!("../../templates/connector.html")),
];
/// The frame of every page.
pub(crate) const BASE: &str = include_str!("../../templates/base.html");
/// The style of every page.
pub(crate) const STYLE: &str = include_str!("../../templates/style.css");
const SCRIPT: &str = include_str!("../../templates/filter.js");

/// The pages of a report.
///
/// # Errors
/// When a template does not fit, which tests exclude.
pub fn site(book: &Book<'_>) -> Result<Vec<Page>, String> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(minijinja::UndefinedBehavior::SemiStrict);
    for (name, source) in TEMPLATES {
        environment.add_template(name, source).map_err(told)?;
    }
    let frame = frame(book);
    let render = |template: &str, name: String, page: Value| {
        let content =
            environment.get_template(template).and_then(|template| template.render(context! { page, ..frame.clone() }));
        content.map(|content| Page { name, content }).map_err(told)
    };
    let mut pages = vec![
        render("index.html", "index.html".to_owned(), Value::from(Serde(matrix::index(book))))?,
        render("scenarios.html", "scenarios.html".to_owned(), Value::from(Serde(matrix::scenarios(book))))?,
    ];
    for dossier in &book.background.connectors {
        let page = Value::from(Serde(connector::page(book, dossier)));
        pages.push(render("connector.html", page_of(id_of(dossier)), page)?);
    }
    Ok(pages)
}

fn told(error: minijinja::Error) -> String {
    format!("a page cannot be made: {error:#}")
}

/// The page of a connector.
fn page_of(connector: &str) -> String {
    format!("connector-{connector}.html")
}

/// What every page shows.
fn frame(book: &Book<'_>) -> Value {
    let report = book.report;
    let result = match (report.passed(), report.incomplete()) {
        (true, _) => "pass",
        (false, true) => "incomplete",
        (false, false) => "fail",
    };
    context! {
        style => Value::from_safe_string(STYLE.to_owned()),
        script => Value::from_safe_string(SCRIPT.to_owned()),
        // The browser runs this script and no other, whatever a text of the report may hold.
        script_digest => STANDARD.encode(digest::sha256(SCRIPT.as_bytes())),
        result,
        suite => report.header.suite.clone(),
        seed => report.header.seed,
        tiers => report.header.tiers.join(" and "),
        narrowed => report.header.narrowed.clone(),
        harness => report.header.harness.clone(),
        digest => report.footer.digest.clone(),
    }
}

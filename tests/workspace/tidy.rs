//! Rules of the sources that no compiler checks.

use std::path::Path;

use libtest_mimic::Failed;

use super::{complain, files, root, short};

/// No file of ours is longer.
const FILE_LINES: usize = 600;
/// No function is longer, signature and braces included.
const FUNCTION_LINES: usize = 70;
/// No connector is longer in all.
const CONNECTOR_LINES: usize = 900;
/// No connector on a family is longer.
const THIN_LINES: usize = 80;
/// Connectors that may be longer, with the reason.
const LONG_CONNECTORS: &[(&str, usize, &str)] = &[
    (
        "cybersource-rest",
        1_520,
        "eight APIs under one account: payments, payer authentication, Microform, payouts, electronic checks, stored cards, \
         transaction search and notifications",
    ),
    ("braintree", 1_120, "two APIs under one account: GraphQL, and the gateway's XML for look-ups, voids and webhooks"),
    (
        "gocardless",
        1_100,
        "three products under one account: debits by mandates, instant payments, and payouts; and the signatures of requests",
    ),
    (
        "open-banking-uk",
        1_240,
        "two products under one registration: single payments and mandates with their payments; request objects and body signatures",
    ),
    (
        "paypal",
        1_340,
        "five PayPal APIs under one account: Orders, Payments, Vault, Payouts, Disputes, and certificate webhooks",
    ),
    ("razorpay", 1_240, "two products under one account: payments with their mandates, and the payouts of RazorpayX"),
    (
        "redsys",
        1_160,
        "three interfaces under one terminal: operations by REST, the payment page, and look-ups by SOAP, each signed its own way",
    ),
    (
        "truelayer",
        1_160,
        "three APIs under one account: payments with their refunds, payouts, and mandates with their payments",
    ),
    ("worldpay", 980, "payments of many methods with 3DS Flex and stored cards, and the payouts of Fast Access"),
];

pub(crate) fn tests(add: &mut impl FnMut(&str, fn() -> Result<(), Failed>)) {
    add("tidy::files_are_short", files_are_short);
    add("tidy::functions_are_short", functions_are_short);
    add("tidy::connectors_are_short", connectors_are_short);
    add("tidy::connectors_touch_nothing_but_the_context", purity);
    add("tidy::proofs_are_compared_in_constant_time", constant_time);
    add("tidy::no_floating_point_money", no_floats);
    add("tidy::no_left_overs", no_left_overs);
    add("tidy::allowed_lints_have_a_reason", allowed_lints);
}

fn sources() -> Vec<(String, String)> {
    ["sdk", "connectors", "harness", "tests"]
        .iter()
        .flat_map(|folder| files(&root().join(folder), ".rs"))
        .map(|path| (short(&path), std::fs::read_to_string(&path).unwrap_or_default()))
        .collect()
}

fn connector_sources() -> Vec<(String, String)> {
    let of_connector =
        |(name, _): &(String, String)| name.starts_with("connectors/") || name.starts_with("sdk/families/");
    sources().into_iter().filter(of_connector).collect()
}

fn files_are_short() -> Result<(), Failed> {
    let long = |(name, text): (String, String)| {
        let lines = text.lines().count();
        (lines > FILE_LINES).then(|| format!("{name}: {lines} lines, at most {FILE_LINES}"))
    };
    complain(sources().into_iter().filter_map(long).collect())
}

/// Functions by their indentation: from a line with `fn ` to the first line that closes at the same depth.
fn functions_are_short() -> Result<(), Failed> {
    let mut complaints = Vec::new();
    for (name, text) in sources() {
        let lines: Vec<&str> = text.lines().collect();
        for (start, line) in lines.iter().enumerate() {
            let depth = line.len() - line.trim_start().len();
            let words = line.trim_start();
            let is_function = words.starts_with("fn ") || words.starts_with("async fn ") || words.contains(" fn ");
            if !is_function || words.starts_with("//") || words.ends_with(';') || words.contains('"') {
                continue;
            }
            let close = format!("{}}}", " ".repeat(depth));
            let length = lines.iter().skip(start).position(|line| *line == close).map_or(0, |at| at + 1);
            if length > FUNCTION_LINES {
                complaints.push(format!("{name}:{}: {length} lines, at most {FUNCTION_LINES}", start + 1));
            }
        }
    }
    complain(complaints)
}

fn connectors_are_short() -> Result<(), Failed> {
    let mut complaints = Vec::new();
    for folder in super::tree::connector_folders().into_iter().chain(super::tree::crate_folders("sdk/families")) {
        let id = folder.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let count = |path: &std::path::PathBuf| std::fs::read_to_string(path).map_or(0, |text| text.lines().count());
        let lines: usize = files(&folder, ".rs").iter().map(count).sum();
        let exception = LONG_CONNECTORS.iter().find(|(name, _, reason)| *name == id && !reason.is_empty());
        let limit = exception.map_or(CONNECTOR_LINES, |(_, limit, _)| *limit);
        let manifest = std::fs::read_to_string(folder.join("Cargo.toml")).unwrap_or_default();
        let thin = folder.starts_with(root().join("connectors")) && on_a_family(&manifest);
        let limit = if thin { THIN_LINES } else { limit };
        if lines > limit {
            complaints.push(format!("{}: {lines} lines, at most {limit}", short(&folder)));
        }
        if exception.is_some() && lines <= CONNECTOR_LINES {
            complaints.push(format!("connectors/{id}: {lines} lines need no exception any more"));
        }
    }
    complain(complaints)
}

/// Whether a manifest depends on a family's crate.
fn on_a_family(manifest: &str) -> bool {
    let families = super::tree::crate_folders("sdk/families").into_iter();
    let name = |folder: std::path::PathBuf| folder.file_name().map(|name| format!("quittance-{}", name.display()));
    families.filter_map(name).any(|family| manifest.contains(&format!("{family}.workspace")))
}

/// A connector awaits its context only and reads no clock, randomness, environment, file or socket of its own.
fn purity() -> Result<(), Failed> {
    const FORBIDDEN: &[&str] = &[
        "SystemTime",
        "Instant::now",
        "Timestamp::now",
        "std::env",
        "env!(",
        "std::fs",
        "std::net",
        "std::thread",
        "tokio",
        "reqwest",
        "rand::",
        "getrandom",
        "macro_rules!",
        "#[test]",
        "static mut",
        "lazy_static",
        "OnceLock",
        "println!",
    ];
    let mut complaints = Vec::new();
    for (name, text) in connector_sources() {
        // A word, not the end of another: `Brand::Visa` is no `rand::`.
        let holds = |word: &str| text.match_indices(word).any(|(at, _)| !text[..at].ends_with(char::is_alphanumeric));
        for word in FORBIDDEN.iter().filter(|word| holds(word)) {
            complaints.push(format!("{name}: holds {word}"));
        }
    }
    for folder in super::tree::connector_folders() {
        let manifest = std::fs::read_to_string(folder.join("Cargo.toml")).unwrap_or_default();
        for line in ["test = false", "doctest = false"] {
            if !manifest.contains(line) {
                complaints.push(format!("{}: expected {line} in [lib]", short(&folder.join("Cargo.toml"))));
            }
        }
    }
    complain(complaints)
}

/// Signatures go through [`quittance::Delivery`] or a public-key check, never through `==`.
fn constant_time() -> Result<(), Failed> {
    let digest = std::fs::read_to_string(root().join("sdk/core/src/digest.rs"))?;
    let delivery = std::fs::read_to_string(root().join("sdk/core/src/delivery.rs"))?;
    let mut complaints = Vec::new();
    if !digest.contains("ct_eq") || !delivery.contains("digest::same") {
        complaints
            .push("sdk/core: deliveries are expected to be compared by digest::same, and that by ct_eq".to_owned());
    }
    for (name, text) in connector_sources() {
        for (number, line) in text.lines().enumerate() {
            let compares = line.contains("==") || line.contains("!=");
            let proof = ["signature", "hmac", "digest"].iter().any(|word| line.to_lowercase().contains(word));
            if compares && proof && !line.trim_start().starts_with("//") {
                complaints.push(format!("{name}:{}: compares a proof by an operator", number + 1));
            }
        }
    }
    complain(complaints)
}

fn no_floats() -> Result<(), Failed> {
    let mut complaints = Vec::new();
    for (name, text) in connector_sources() {
        for word in ["f64", "f32", "as_f64"].iter().filter(|word| text.contains(**word)) {
            complaints.push(format!("{name}: holds {word}"));
        }
    }
    complain(complaints)
}

/// Words that belong to no published project: markers of unfinished work, and places of one machine.
fn no_left_overs() -> Result<(), Failed> {
    let marks = ["todo!", "unimplemented!", "dbg!("].map(str::to_owned);
    let places = [["/wo", "rk/"].concat(), ["/ro", "ot/"].concat(), ["FIX", "ME"].concat()];
    let mut complaints = Vec::new();
    let texts = ["md", ".toml", ".rs", ".yml"].iter().flat_map(|ending| files(&root(), ending));
    for path in texts.filter(|path| !path.ends_with("tests/workspace/tidy.rs")) {
        let text = std::fs::read_to_string(&path).unwrap_or_default();
        let rust = path.extension().is_some_and(|extension| extension == "rs");
        for mark in marks.iter().filter(|_| rust).chain(&places).filter(|mark| text.contains(mark.as_str())) {
            complaints.push(format!("{}: holds {mark}", short(&path)));
        }
    }
    complain(complaints)
}

fn allowed_lints() -> Result<(), Failed> {
    let mut complaints = Vec::new();
    for (name, text) in sources().into_iter().filter(|(name, _)| !Path::new(name).starts_with("tests")) {
        let lines: Vec<&str> = text.lines().collect();
        for (number, line) in lines.iter().enumerate().filter(|(_, line)| line.trim_start().starts_with("#[allow(")) {
            let attribute: String = lines.iter().skip(number).take(4).copied().collect();
            if !attribute.split(")]").next().unwrap_or_default().contains("reason") {
                complaints.push(format!("{name}:{}: {} without a reason", number + 1, line.trim()));
            }
        }
    }
    complain(complaints)
}

//! Tapes that are refused, each with line and field.

use super::try_tape;
use crate::bad_input::each_is_named;
use crate::tape::model::{ProvenanceKind, TapeModel};

const EXCHANGE: &str = "[[exchange]]
step = 1
[exchange.request]
method = \"POST\"
url = \"https://api.acme.test/pay\"
headers = { x-a = \"${key}\" }
json = '{\"id\": \"${reference}\"}'
[exchange.response]
status = 200
body = '{\"id\":\"${gen:id}\"}'
[[exchange]]
step = 2
[exchange.request]
method = \"POST\"
url = \"https://api.acme.test/pay/${gen:id}\"
form = { a = \"1\" }
[exchange.response]
status = 200
";

/// What is replaced, by what, and what the error must hold.
const MISTAKES: &[(&str, &str, &str)] = &[
    ("step = 1", "step = 0", ":3: exchange[1].step: expected a step number from 1"),
    ("step = 1", "step = 3", ":13: exchange[2].step: expected exchanges in the order of their steps"),
    ("step = 1", "stp = 1", ":3: exchange[1].stp: unknown field `stp`"),
    ("step = 1", "step = \"1\"", ":3: exchange[1].step: invalid type: string"),
    ("\"POST\"", "\"post\"", ":5: exchange[1].request.method: expected a method in upper case, found `post`"),
    ("https://api.acme.test/pay\"", "/pay\"", ":6: exchange[1].request.url: expected a whole url"),
    ("https://api.acme.test/pay\"", "ftp://api.acme.test/pay\"", ":6: exchange[1].request.url: expected a whole url"),
    (
        "https://api.acme.test/pay\"",
        "https://api.acme.test/pay?a=1&&b\"",
        ":6: exchange[1].request.url: expected no empty pair",
    ),
    ("https://api.acme.test/pay\"", "https://api.acme.test/${gen:id}%zz\"", ":6: exchange[1].request.url: "),
    ("x-a", "X-A", ":7: exchange[1].request.headers.X-A: expected a header name in lower case"),
    ("x-a", "host", ":7: exchange[1].request.headers.host: expected no such header"),
    ("${key}", "${key:2}", ":7: exchange[1].request.headers.x-a: step 2 comes after step 1"),
    ("${key}", "${kee}", ":7: exchange[1].request.headers.x-a: unknown hole `${kee}`"),
    ("${key}", "${secret:none}", ":7: exchange[1].request.headers.x-a: the profile has no credential `none`"),
    ("${key}", "${basic:user:none}", ":7: exchange[1].request.headers.x-a: the profile has no credential `none`"),
    ("${key}", "${sig:none}", ":7: exchange[1].request.headers.x-a: the profile has no recipe `[signature.none]`"),
    ("${key}", "${gen:id}", ":7: exchange[1].request.headers.x-a: expected an earlier answer that mints `${gen:id}`"),
    ("${key}", "${capture:x}", ":7: exchange[1].request.headers.x-a: expected a request up to here that catches it"),
    (
        "${key}",
        "${any:hex:x}${any:hex:x}",
        ":7: exchange[1].request.headers.x-a: expected `${capture:x}` at the second place",
    ),
    (
        "${key}",
        "${now:unix#number}",
        ":7: exchange[1].request.headers.x-a: expected a `#number` hole only in a JSON body",
    ),
    ("\"${reference}\"", "${reference}", ":8: exchange[1].request.json: expected JSON with its holes inside strings"),
    ("\"${reference}\"", "\"x${now:unix#number}\"", ":8: exchange[1].request.json: expected a `#number` hole alone"),
    (
        "{\"id\": \"${reference}\"}",
        "{\"${key}\": 1}",
        ":8: exchange[1].request.json: expected no hole in the member name",
    ),
    ("json = '", "text = 'a'\njson = '", ":4: exchange[1].request: expected at most one of"),
    ("json = '{\"id\": \"${reference}\"}'", "xml = '<a>'", ":8: exchange[1].request.xml: "),
    (
        "json = '{\"id\": \"${reference}\"}'",
        "ordered = true",
        ":8: exchange[1].request.ordered: expected `ordered` only beside",
    ),
    (
        "json = '{\"id\": \"${reference}\"}'",
        "form = { a = [] }",
        ":8: exchange[1].request.form.a: expected at least one value",
    ),
    ("json = '{\"id\": \"${reference}\"}'", "form = { a = 1 }", ":8: exchange[1].request.form"),
    ("status = 200", "status = 100", ":10: exchange[1].response.status: expected a final HTTP status"),
    (
        "${gen:id}\"}'",
        "${any:hex}\"}'",
        ":11: exchange[1].response.body: the hole `${any:hex}` cannot stand in an answer",
    ),
    (
        "${gen:id}\"}'",
        "${gen:id:hex8} ${gen:id:hex9}\"}'",
        ":11: exchange[1].response.body: expected one shape for `id`",
    ),
];

#[test]
fn each_mistake_is_named_with_line_and_field() {
    assert!(try_tape(EXCHANGE).is_ok(), "{:?}", try_tape(EXCHANGE));
    let problems = |text: &str| try_tape(text).err().unwrap_or_default();
    each_is_named(EXCHANGE, "fixtures/acme/capture.partial.toml", MISTAKES, problems);
}

#[test]
fn settling_comes_after_the_operation_and_a_tape_is_not_empty() {
    let text = EXCHANGE.replacen("step = 1", "step = 1\nsettle = true", 1).replace("step = 2", "step = 1");
    let found = try_tape(&text).unwrap_err();
    assert!(
        found[0].contains("exchange[2]: expected") || found[0].contains("exchange[2].settle: expected the settling"),
        "{found:?}"
    );
    assert!(try_tape("").unwrap_err()[0].contains("expected an `[[exchange]]` or a `[[webhook]]`"));
    let found = try_tape("[[webhook]]\nstep = 2\nbody = ''\n[[webhook]]\nstep = 1\nbody = ''\n[[return]]\nstep = 0\n")
        .unwrap_err();
    assert_eq!(found.len(), 2, "{found:?}");
}

#[test]
fn provenance_claims_need_their_source() {
    let load = |provenance: &str| {
        let second = format!("step = 2\nprovenance = {{ {provenance} }}");
        let text = EXCHANGE.replacen("step = 2", &second, 1);
        try_tape(&text).map_err(|errors| errors[0].clone())
    };
    assert_eq!(
        load("kind = \"documented\", source = \"https://acme.test/docs\", seen = \"2026-11-22\"").unwrap().exchanges[1]
            .provenance
            .kind,
        ProvenanceKind::Documented
    );
    for (provenance, expected) in [
        ("kind = \"documented\", seen = \"2026-11-22\"", "source: expected a value, because the kind is `documented`"),
        (
            "kind = \"documented\", source = \"https://acme.test\"",
            "seen: expected a value, because the kind is `documented`",
        ),
        ("kind = \"documented\", source = \"x\", seen = \"22.11.2026\"", "seen: expected a date as 2026-11-22"),
        (
            "kind = \"recorded\", source = \"x\", seen = \"2026-11-22\"",
            "environment: expected a value, because the kind is `recorded`",
        ),
        ("kind = \"guessed\"", "kind: unknown variant `guessed`"),
    ] {
        let found = load(provenance).unwrap_err();
        assert!(found.contains(&format!("toml:14: exchange[2].provenance.{expected}")), "{provenance}: {found}");
    }
}

#[test]
fn a_model_survives_being_written() {
    let text = format!(
        "provenance = {{ kind = \"synthesised\" }}\n{}",
        EXCHANGE.replace("{ a = \"1\" }", "{ z = \"1\", a = [\"2\", \"3\"] }")
    );
    let model: TapeModel = toml::from_str(&text).unwrap();
    let names: Vec<&str> =
        model.exchange[1].request.form.as_ref().unwrap().fields.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["z", "a"], "the order of the file is kept");
    let written = toml::to_string(&model).unwrap();
    assert_eq!(toml::from_str::<TapeModel>(&written).unwrap().exchange[0], model.exchange[0]);
}

#[test]
fn the_schemas_are_objects_with_descriptions() {
    let schemas = crate::schemas();
    let mut names: Vec<String> = schemas.iter().map(|(name, _)| (*name).to_owned()).collect();
    names.sort();
    let files = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../specs/schemas")).unwrap();
    let mut written: Vec<String> = files.map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
    written.sort();
    assert_eq!(names, written);
    for (name, schema) in schemas {
        // What is read is refused where it is misspelt or added to.
        let read =
            ["scenario", "tape", "profile", "certificate"].iter().any(|format| name == format!("{format}.schema.json"));
        assert!(!read || schema["additionalProperties"] == false, "{name}");
        // A report has lines of several kinds, told apart by a field that needs no description; what is read is one thing or a list.
        let kinds = schema["oneOf"].as_array().or_else(|| schema["anyOf"].as_array());
        let kinds = kinds.cloned().unwrap_or_else(|| vec![schema.clone()]);
        let described =
            |(field, schema): (&String, &serde_json::Value)| field == "type" || schema["description"].is_string();
        let told = |kind: &serde_json::Value| match kind["properties"].as_object() {
            Some(fields) => !fields.is_empty() && fields.iter().all(described),
            None => kind["description"].is_string(),
        };
        assert!(kinds.iter().all(told), "{name}: {schema:#}");
    }
}

use quittance::{Effect, Entry, Kind};
use serde_json::{Value, json};

use crate::shop::Shop;

const ENTRY: Entry = Entry::of::<Shop>();

#[test]
fn good_credentials_connect() {
    for given in [json!({ "token": "t" }), json!({ "token": "t", "environment": "live", "account": 7 })] {
        assert_eq!(ENTRY.connect(given).unwrap().spec().id, "shop");
    }
    assert!(ENTRY.credentials_schema().get("properties").is_some_and(|properties| properties.get("token").is_some()));
}

/// Refused, with the field's name and without any value.
#[track_caller]
fn refuses(given: Value, field: &str) {
    let error = ENTRY.connect(given).err().unwrap();
    assert_eq!(
        (error.kind(), error.effect(), error.field()),
        (Kind::Credentials, Effect::None, Some(field)),
        "{error}"
    );
    let shown = format!("{error} {error:?}");
    assert!(!shown.contains("canary") && !shown.contains("424242"), "{shown}");
}

#[test]
fn bad_credentials_are_named_and_not_repeated() {
    for given in [json!(null), json!("canary"), json!(["canary"])] {
        refuses(given, "credentials");
    }
    refuses(json!({}), "token");
    refuses(json!({ "token": "canary", "tokn": "canary" }), "tokn");
    refuses(json!({ "token": null }), "token");
    refuses(json!({ "token": 424242424242_i64 }), "token");
    refuses(json!({ "token": { "a": "canary" } }), "token");
    refuses(json!({ "token": "canary", "environment": "canary" }), "environment");
    refuses(json!({ "token": "canary", "environment": 424242 }), "environment");
    let told = |given: &str| {
        let given = json!({ "token": "t", "environment": given });
        ENTRY.connect(given).err().unwrap().message().to_owned()
    };
    assert_eq!(told("canary"), "expected one of sandbox, live");
    assert_eq!(told("production"), "expected one of sandbox, live; did you mean live?");
    assert_eq!(told("Sandbx"), "expected one of sandbox, live; did you mean sandbox?");
    refuses(json!({ "token": "canary", "account": "canary" }), "account");
    refuses(json!({ "token": "canary", "account": 13 }), "account");
    // Of the right type but out of range: the form is at fault, and the value stays out.
    refuses(json!({ "token": "canary", "account": 424242424242_i64 }), "credentials");
}

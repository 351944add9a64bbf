//! A request made from a tape's own values fits it; with one byte changed it does not.

use http::Uri;
use proptest::prelude::*;

use super::{one, paths, request, tape};

const URL: &str = "https://api.acme.test/v1/pay/R1-0123456789?limit=10&key=key-1";
const HEADERS: [(&str, &str); 2] = [("authorization", "Bearer sk_test_quittance"), ("idempotency-key", "key-1")];
const JSON: &str = r#"{"amount":{"value":1250,"currency":"EUR"},"card":{"number":"4242424242424242","month":"03"},"list":[true,null,-1.50e3]}"#;
const FORM: &str = "amount=6000&card%5Bnumber%5D=4242424242424242&empty=&note=a+b";
const XML: &str = r#"<pay version="1"><amount currency="EUR">12.50</amount><number>4242424242424242</number></pay>"#;
const TEXT: &str = "amount=1250;key=key-1";

/// A tape whose request is exactly what the constants say.
fn shape(body: &str) -> std::sync::Arc<crate::tape::Tape> {
    one(&format!(
        "method = \"POST\"\nurl = \"https://api.acme.test/v1/pay/${{reference}}?limit=10&key=${{key}}\"\n\
         headers = {{ authorization = \"Bearer ${{secret:api_key}}\", idempotency-key = \"${{key}}\" }}\n{body}"
    ))
}

fn shapes() -> [(&'static str, std::sync::Arc<crate::tape::Tape>); 4] {
    [
        (
            JSON,
            shape(
                r#"json = '{"amount":{"value":1250,"currency":"EUR"},"card":{"number":"${card:number}","month":"${card:expiry_month2}"},"list":[true,null,-1.50e3]}'"#,
            ),
        ),
        (
            FORM,
            shape("form = { amount = \"6000\", \"card[number]\" = \"${card:number}\", empty = \"\", note = \"a b\" }"),
        ),
        (
            XML,
            shape(
                "xml = '<pay version=\"1\"><amount currency=\"EUR\">12.50</amount><number>${card:number}</number></pay>'",
            ),
        ),
        (TEXT, shape("text = \"amount=1250;key=${key}\"")),
    ]
}

/// The text with one byte replaced, or nothing when that is no text or the same.
fn changed(text: &str, at: usize, byte: u8) -> Option<String> {
    let mut bytes = text.as_bytes().to_vec();
    let slot = bytes.get_mut(at % text.len())?;
    if *slot == byte {
        return None;
    }
    *slot = byte;
    String::from_utf8(bytes).ok()
}

/// Changes that a media type defines to mean the same.
fn means_the_same(body: &str, changed: &str) -> bool {
    match body {
        // Hexadecimal digits of an escape have no case.
        FORM => {
            body.eq_ignore_ascii_case(changed)
                && body
                    .split('%')
                    .zip(changed.split('%'))
                    .all(|(one, other)| one.get(2..) == other.get(2..) || one == other)
        }
        // White space inside a tag is white space.
        XML => body.split_whitespace().eq(changed.split_whitespace()),
        _ => false,
    }
}

#[test]
fn a_request_of_the_tapes_own_values_fits() {
    for (body, tape) in shapes() {
        assert_eq!(paths(&tape, &request("POST", URL, &HEADERS, body)), Vec::<String>::new(), "{body}");
    }
}

#[test]
fn every_single_byte_of_every_part_counts() {
    for (body, tape) in shapes() {
        for at in 0..body.len() {
            for byte in [
                b'0', b'1', b'a', b'A', b'z', b' ', b'"', b'\'', b'=', b'&', b'+', b'%', b',', b':', b'.', b'-', b'<',
                b'/', b'e', b'{', b'\n',
            ] {
                let Some(other) = changed(body, at, byte) else { continue };
                let same = means_the_same(body, &other);
                assert!(same || !paths(&tape, &request("POST", URL, &HEADERS, &other)).is_empty(), "{other}");
            }
        }
    }
}

proptest! {
    #[test]
    fn one_changed_byte_of_a_body_is_seen(which in 0_usize..4, at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let (body, tape) = &shapes()[which];
        if let Some(other) = changed(body, at.index(body.len()), byte)
            && !means_the_same(body, &other)
        {
            prop_assert!(!paths(tape, &request("POST", URL, &HEADERS, &other)).is_empty(), "{}", other);
        }
    }

    #[test]
    fn one_changed_byte_of_a_url_or_header_is_seen(part in 0_usize..3, at in any::<prop::sample::Index>(), byte in 0x20_u8..0x7f) {
        let tape = shape("");
        let text = [URL, HEADERS[0].1, HEADERS[1].1][part];
        if let Some(other) = changed(text, at.index(text.len()), byte) {
            let url = if part == 0 { other.as_str() } else { URL };
            let authorization = if part == 1 { other.as_str() } else { HEADERS[0].1 };
            let key = if part == 2 { other.as_str() } else { HEADERS[1].1 };
            // The case of a scheme has no meaning (RFC 3986 §3.1).
            let scheme = part == 0 && other.eq_ignore_ascii_case(URL) && other.ends_with(&URL[5..]);
            // What is no url at all cannot be sent; a fragment is cut off by the type, and so shortens the url.
            if let Ok(uri) = url.parse::<Uri>() && uri.host().is_some() && !scheme {
                let sent = request("POST", url, &[("authorization", authorization), ("idempotency-key", key)], "");
                prop_assert!(!paths(&tape, &sent).is_empty(), "{}", other);
            }
        }
    }

    #[test]
    fn any_text_fits_its_own_any_hole_and_comes_back(text in "[a-zA-Z0-9]{1,40}") {
        let tape = tape("[[exchange]]\nstep = 1\nrequest = { method = \"POST\", url = \"https://api.acme.test/\", text = \"<${any:alnum:found}>\" }\nresponse = { status = 200, body = \"${capture:found}\" }\n");
        let answer = super::player(&tape).exchange(&request("POST", "https://api.acme.test/", &[], &format!("<{text}>"))).unwrap();
        prop_assert_eq!(answer.body(), text.as_str());
    }
}

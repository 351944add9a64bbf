use super::{differences, one, paths, player, request};

const URL: &str = "https://api.acme.test/v1/pay";

fn json_paths(expected: &str, sent: &str) -> Vec<String> {
    paths(
        &one(&format!("method = \"POST\"\nurl = \"{URL}\"\njson = '''{expected}'''")),
        &request("POST", URL, &[], sent),
    )
}

fn form_paths(expected: &str, sent: &str) -> Vec<String> {
    paths(&one(&format!("method = \"POST\"\nurl = \"{URL}\"\n{expected}")), &request("POST", URL, &[], sent))
}

fn xml_paths(expected: &str, sent: &str) -> Vec<String> {
    paths(
        &one(&format!("method = \"POST\"\nurl = \"{URL}\"\nxml = '''{expected}'''")),
        &request("POST", URL, &[], sent),
    )
}

#[test]
fn method_url_and_query_are_strict() {
    let tape =
        one("method = \"GET\"\nurl = \"https://api.acme.test:8443/v1/a%20b/${reference}?b=x%20y&a=${key}&a=2&flag\"");
    let base = "https://api.acme.test:8443/v1/a%20b/R1-0123456789";
    let sent = |method: &str, url: &str| paths(&tape, &request(method, url, &[], ""));
    assert!(sent("GET", &format!("{base}?b=x+y&a=key-1&a=2&flag")).is_empty());
    assert!(sent("GET", &format!("{base}?flag&a=key-1&b=x%20y&a=2")).is_empty(), "a query is a multimap");
    assert_eq!(sent("POST", &format!("{base}?b=x+y&a=key-1&a=2&flag")), ["method"]);
    assert_eq!(sent("GET", &format!("{base}?b=x+y&a=2&a=key-1&flag")), ["query a", "query a"]);
    assert_eq!(sent("GET", &format!("{base}?b=x+y&a=key-1&flag")), ["query a"]);
    assert_eq!(sent("GET", &format!("{base}?b=x+y&a=key-1&a=2&flag=")), ["query flag"]);
    assert_eq!(sent("GET", &format!("{base}?b=x+y&a=key-1&a=2&flag&c=1")), ["query c"]);
    assert_eq!(sent("GET", &format!("{base}?b=x+y&a=key-1&a=2&flag&")), ["query"]);
    for url in [
        "http://api.acme.test:8443/v1/a%20b/R1-0123456789",
        "https://api.acme.test/v1/a%20b/R1-0123456789",
        "https://api.acme.test:8443/v1/a%20b/R1-0123456789/",
    ] {
        assert_eq!(sent("GET", &format!("{url}?b=x+y&a=key-1&a=2&flag")), ["url"], "{url}");
    }
}

#[test]
fn a_value_in_a_path_may_be_escaped_and_a_bare_host_has_a_path() {
    let tape = one("method = \"GET\"\nurl = \"https://api.acme.test/of/${card:holder}/x%2Fy\"");
    assert!(paths(&tape, &request("GET", "https://api.acme.test/of/Ada%20%22A%22%20&%20Co/x%2Fy", &[], "")).is_empty());
    assert_eq!(
        paths(&tape, &request("GET", "https://api.acme.test/of/Ada%20%22B%22%20&%20Co/x%2Fy", &[], "")),
        ["url"]
    );
    assert_eq!(
        paths(&tape, &request("GET", "https://api.acme.test/of/Ada%20%22A%22%20&%20Co/x%2fy", &[], "")),
        ["url"]
    );
    let tape = one("method = \"GET\"\nurl = \"https://api.acme.test?a=1\"");
    assert!(paths(&tape, &request("GET", "https://api.acme.test/?a=1", &[], "")).is_empty());
}

#[test]
fn headers_are_listed_exactly() {
    let tape = one(&format!(
        "method = \"GET\"\nurl = \"{URL}\"\nheaders = {{ authorization = \"Bearer ${{secret:api_key}}\", x-a = \"1\" }}"
    ));
    let sent = |headers: &[(&str, &str)]| paths(&tape, &request("GET", URL, headers, ""));
    let (key, a) = (("authorization", "Bearer sk_test_quittance"), ("x-a", "1"));
    assert!(sent(&[key, a]).is_empty());
    assert!(
        sent(&[
            key,
            a,
            ("host", "h"),
            ("content-length", "0"),
            ("accept-encoding", "gzip"),
            ("user-agent", "u"),
            ("accept", "*/*")
        ])
        .is_empty()
    );
    assert_eq!(sent(&[key, a, ("accept", "application/json")]), ["header accept"]);
    assert_eq!(sent(&[key, a, ("x-b", "1")]), ["header x-b"]);
    assert_eq!(sent(&[key, a, a]), ["header x-a"]);
    assert_eq!(sent(&[key]), ["header x-a"]);
    assert_eq!(sent(&[("authorization", "Bearer sk_test_quittancf"), a]), ["header authorization"]);
    assert_eq!(
        sent(&[("authorization", "bearer sk_test_quittance"), ("x-a", "2")]),
        ["header authorization", "header x-a"]
    );
}

#[test]
fn json_is_compared_structurally_and_by_the_text_of_numbers() {
    let expected = r#"{"amount": {"value": 1250, "rate": 12.340}, "list": [1, "a", null, true], "name": "x"}"#;
    assert!(
        json_paths(expected, r#"{"name":"x","list":[1,"a",null,true],"amount":{"rate":12.340,"value":1250}}"#)
            .is_empty()
    );
    let cases = [
        (r#"{"name":"x","list":[1,"a",null,true],"amount":{"rate":12.34,"value":1250}}"#, vec!["$.amount.rate"]),
        (
            r#"{"name":"x","list":[1.0,"a",null,true],"amount":{"rate":12.340,"value":"1250"}}"#,
            vec!["$.amount.value", "$.list[0]"],
        ),
        (r#"{"name":"x","list":[1,"a",null],"amount":{"rate":12.340,"value":1250}}"#, vec!["$.list[3]"]),
        (r#"{"name":"x","list":[1,"a",null,true,1],"amount":{"rate":12.340,"value":1250}}"#, vec!["$.list[4]"]),
        (r#"{"name":"x","list":[1,"a",false,true],"amount":{"rate":12.340}}"#, vec!["$.amount.value", "$.list[2]"]),
        (
            r#"{"name":"x","list":[1,"a",null,true],"amount":{"rate":12.340,"value":1250,"odd key":{}}}"#,
            vec!["$.amount[\"odd key\"]"],
        ),
        (r#"{"name":"x","name":"x","list":[1,"a",null,true],"amount":{"rate":12.340,"value":1250}}"#, vec!["$.name"]),
        (r#"{"name":"x","list":[1,"a",null,true],"amount":[]}"#, vec!["$.amount"]),
        ("", vec!["$"]),
    ];
    for (sent, found) in cases {
        assert_eq!(json_paths(expected, sent), found, "{sent}");
    }
}

#[test]
fn order_counts_where_the_tape_says_so() {
    let tape = one(&format!(
        "method = \"POST\"\nurl = \"{URL}\"\nordered = true\njson = '''{{\"a\":1,\"b\":{{\"c\":1,\"d\":2}}}}'''"
    ));
    assert!(paths(&tape, &request("POST", URL, &[], r#"{"a":1,"b":{"c":1,"d":2}}"#)).is_empty());
    assert_eq!(paths(&tape, &request("POST", URL, &[], r#"{"b":{"c":1,"d":2},"a":1}"#)), ["$.b"]);
    assert_eq!(paths(&tape, &request("POST", URL, &[], r#"{"a":1,"b":{"d":2,"c":1}}"#)), ["$.b.d"]);
    let ordered = "ordered = true\nform = { z = \"1\", a = \"2\" }";
    assert!(form_paths(ordered, "z=1&a=2").is_empty());
    assert_eq!(form_paths(ordered, "a=2&z=1"), ["form a"]);
}

#[test]
fn forms_are_multimaps() {
    let form = "form = { amount = \"6000\", \"card[number]\" = \"${card:number}\", list = [\"1\", \"2\"] }";
    assert!(form_paths(form, "list=1&amount=6000&card%5Bnumber%5D=4242424242424242&list=2").is_empty());
    assert_eq!(
        form_paths(form, "list=2&amount=6000&card%5Bnumber%5D=4242424242424242&list=1"),
        ["form list", "form list"]
    );
    assert_eq!(form_paths(form, "list=1&amount=6000&list=2"), ["form card[number]"]);
    assert_eq!(
        form_paths(form, "list=1&amount=6001&card%5Bnumber%5D=4242424242424242&list=2&list=3"),
        ["form amount", "form list"]
    );
    assert_eq!(form_paths(form, "list=1&amount=60 00&card%5Bnumber%5D=4242424242424242&list=2"), ["form"]);
}

#[test]
fn xml_is_compared_by_meaning() {
    let expected = "<payment version=\"1\" kind=\"a\">\n  <amount>60.00</amount>\n  <note>a &amp; b</note>\n</payment>";
    assert!(xml_paths(expected, "<?xml version=\"1.0\"?><payment kind='a' version='1'><amount>60.00</amount><note>a &#38; b</note></payment>").is_empty());
    let cases = [
        (
            "<payment kind='a' version='2'><amount>60.00</amount><note>a &amp; b</note></payment>",
            vec!["/payment/@version"],
        ),
        (
            "<payment kind='a'><amount>60.0</amount><note>a &amp; b</note></payment>",
            vec!["/payment/@version", "/payment/amount"],
        ),
        ("<payment kind='a' version='1' x='1'><amount>60.00</amount></payment>", vec!["/payment/@x", "/payment/note"]),
        (
            "<payment kind='a' version='1'><note>a &amp; b</note><amount>60.00</amount></payment>",
            vec!["/payment/amount", "/payment/note"],
        ),
        (
            "<payment kind='a' version='1'><amount> 60.00</amount><note>a &amp; b</note><y/></payment>",
            vec!["/payment/amount", "/payment/y"],
        ),
        (
            "<payment kind='a' version='1'><amount/>x<note>a &amp; b</note></payment>",
            vec!["/payment/amount", "/payment/note", "/payment/note[2]"],
        ),
        ("<Payment/>", vec!["/payment"]),
        ("<payment>", vec!["/"]),
    ];
    for (sent, found) in cases {
        assert_eq!(xml_paths(expected, sent), found, "{sent}");
    }
}

#[test]
fn xml_siblings_are_counted() {
    let found = xml_paths(
        "<list><item>1</item><item>2</item></list>",
        "<list><item>1</item><item>3</item><item>4</item></list>",
    );
    assert_eq!(found, ["/list/item[2]", "/list/item[3]"]);
}

#[test]
fn text_and_no_body_are_exact() {
    assert!(form_paths("text = \"a ${key}\\n\"", "a key-1\n").is_empty());
    assert_eq!(form_paths("text = \"a ${key}\\n\"", "a key-1"), ["body"]);
    assert!(form_paths("", "").is_empty());
    assert_eq!(form_paths("", " "), ["body"]);
    assert_eq!(form_paths("text = \"x\"", ""), ["body"]);
    let tape = one(&format!("method = \"POST\"\nurl = \"{URL}\"\ntext = \"x\""));
    let mut bytes = request("POST", URL, &[], "");
    *bytes.body_mut() = bytes::Bytes::from_static(&[0xff]);
    assert_eq!(paths(&tape, &bytes), ["body"]);
}

#[test]
fn secrets_are_masked_in_what_is_said() {
    let tape = one(&format!(
        "method = \"POST\"\nurl = \"{URL}\"\nheaders = {{ authorization = \"Basic ${{basic:user:password}}\" }}\n\
         form = {{ number = \"${{card:number}}\", cvc = \"${{card:cvc}}\", key = \"${{secret:api_key}}\", amount = \"6000\" }}"
    ));
    let sent = request(
        "POST",
        URL,
        &[("authorization", "Basic bWVyY2hhbnQ6cGFzcyB3b3JkCg=="), ("x-leak", "bWVyY2hhbnQ6cGFzcyB3b3Jk")],
        "number=4111111111111111&cvc=456&key=pk_other&amount=sk_test_quittance-4242424242424242-123",
    );
    let mut player = player(&tape);
    let found = player.exchange(&sent).unwrap_err();
    let said = format!(
        "{found:?} {:?} {}",
        player.shown_transcript(),
        player.redact("pass word pass%20word pass+word 123 4242424242424242")
    );
    for secret in [
        "4111111111111111",
        "456",
        "pk_other",
        "sk_test_quittance",
        "4242424242424242",
        "bWVyY2hhbnQ6cGFzcyB3b3Jk",
        "123",
        "pass word",
        "pass+word",
    ] {
        let shown = said.replace("number=4111111111111111&cvc=456&key=pk_other", "");
        assert!(!shown.contains(secret), "{secret}: {shown}");
    }
    let amount = found.iter().find(|mismatch| mismatch.path == "form amount").unwrap();
    assert_eq!((amount.expected.as_str(), amount.found.as_str()), ("`6000`", "`•••-•••-•••`"));
    let number = found.iter().find(|mismatch| mismatch.path == "form number").unwrap();
    assert_eq!(number.to_string(), "form number: expected `${card:number}`, found `•••` (16 characters)");
}

#[test]
fn every_difference_is_reported_at_once() {
    let tape = one(&format!("method = \"POST\"\nurl = \"{URL}\"\nheaders = {{ x-a = \"1\" }}\njson = '{{\"a\":1}}'"));
    let sent = request("PUT", "https://other.acme.test/v1/pay?x=1", &[("x-b", "1")], "{\"b\":2}");
    let found = differences(&tape, &sent);
    let at: Vec<&str> = found.iter().map(|mismatch| mismatch.path.as_str()).collect();
    assert_eq!(at, ["method", "url", "query x", "header x-a", "header x-b", "$.a", "$.b"]);
}

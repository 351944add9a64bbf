//! Where a JSON text does not fit, in words that hold no value of it: answers may repeat secrets. The way is found in the text, when there
//! is something to tell: a tracking deserializer would have every shape of every connector compiled a second time.

/// The longest name of a member that is told; what is longer is rather a value.
const LONGEST_NAME: usize = 40;

/// What an object or a list has come to.
enum Open {
    Object { name: Option<String>, named: bool },
    List(usize),
}

/// What does not fit, and where: `payment.amount.value: expected a text (line 1 column 40)`.
pub(super) fn told(text: &str, cause: &serde_json::Error) -> String {
    let place = format!("line {} column {}", cause.line(), cause.column());
    match cause.classify() {
        serde_json::error::Category::Eof => return format!("it breaks off at {place}"),
        serde_json::error::Category::Data => {}
        _ => return format!("syntax at {place}"),
    }
    let way = way(text, cause.line(), cause.column());
    let message = cause.to_string();
    if let Some(name) = quoted(&message, "missing field `") {
        let dot = if way.is_empty() { "" } else { "." };
        return format!("{way}{dot}{name} is missing ({place})");
    }
    let what = match quoted(&message, "duplicate field `") {
        Some(_) => "stands twice".to_owned(),
        None => expected(&message)
            .map_or_else(|| "has a value that does not fit".to_owned(), |what| format!("expected {what}")),
    };
    match (way.is_empty(), what.starts_with("expected")) {
        (true, _) => format!("{what} ({place})"),
        (false, true) => format!("{way}: {what} ({place})"),
        (false, false) => format!("{way} {what} ({place})"),
    }
}

/// The name of the program that follows `start` in one of serde's messages.
pub(super) fn quoted<'m>(message: &'m str, start: &str) -> Option<&'m str> {
    message.strip_prefix(start)?.split('`').next()
}

/// What was expected, out of a message of serde's own: it stands last, after the value.
fn expected(message: &str) -> Option<String> {
    let own = ["invalid type: ", "invalid value: ", "invalid length ", "unknown variant `"];
    own.iter().find(|start| message.starts_with(**start))?;
    let (_, what) = message.rsplit_once(", expected ")?;
    let what = what.split(" at line ").next().unwrap_or_default();
    Some(match what {
        "a string" | "string" | "a borrowed string" => "a text".to_owned(),
        "u8" | "u16" | "u32" | "u64" | "i8" | "i16" | "i32" | "i64" => "a whole number".to_owned(),
        "f32" | "f64" => "a number".to_owned(),
        "a sequence" => "a list".to_owned(),
        "a map" => "an object".to_owned(),
        other if other.starts_with("struct ") => "an object".to_owned(),
        other => other.to_owned(),
    })
}

/// The way from the root to what ends, or begins, at this place as serde_json counts it: lines from 1, columns in bytes.
fn way(text: &str, line: usize, column: usize) -> String {
    let start: usize = text.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum();
    let read = text.as_bytes().get(..start.saturating_add(column)).unwrap_or(text.as_bytes());
    let mut open: Vec<Open> = Vec::new();
    let mut at = 0;
    while let Some(byte) = read.get(at) {
        at += 1;
        match (byte, open.last_mut()) {
            (b'"', last) => {
                let end = end_of_text(read, at);
                if let Some(Open::Object { name, named: false }) = last {
                    *name = read.get(at..end).map(|name| String::from_utf8_lossy(name).into_owned());
                }
                at = end + 1;
            }
            (b':', Some(Open::Object { named, .. })) => *named = true,
            (b',', Some(Open::Object { name, named })) => (*name, *named) = (None, false),
            (b',', Some(Open::List(index))) => *index += 1,
            (b'{', _) => open.push(Open::Object { name: None, named: false }),
            (b'[', _) => open.push(Open::List(0)),
            (b'}' | b']', _) => drop(open.pop()),
            _ => {}
        }
    }
    let mut way = String::new();
    for one in &open {
        match one {
            Open::List(index) => way.push_str(&format!("[{index}]")),
            Open::Object { name: Some(name), .. } => {
                way.push_str(if way.is_empty() { "" } else { "." });
                way.push_str(if is_name(name) { name } else { "*" });
            }
            Open::Object { name: None, .. } => {}
        }
    }
    way
}

/// Where the text that begins at `at` has its closing quotation mark.
fn end_of_text(bytes: &[u8], at: usize) -> usize {
    let mut escaped = false;
    let end = bytes.iter().skip(at).position(|byte| match byte {
        _ if escaped => {
            escaped = false;
            false
        }
        b'\\' => {
            escaped = true;
            false
        }
        byte => *byte == b'"',
    });
    end.map_or(bytes.len(), |end| at + end)
}

/// Whether it is a name that a programmer gave. An object may be keyed by data, as card numbers or tokens.
fn is_name(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'@' | b'$' | b'.' | b':');
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    (1..=LONGEST_NAME).contains(&text.len()) && text.bytes().all(plain) && digits < 6
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use crate::read::json;

    #[derive(Debug, Deserialize)]
    #[allow(dead_code, reason = "only the reading counts")]
    struct Answer {
        payment: Payment,
    }

    #[derive(Debug, Deserialize)]
    #[allow(dead_code, reason = "only the reading counts")]
    struct Payment {
        id: String,
        items: Vec<Item>,
        #[serde(default)]
        by_token: std::collections::BTreeMap<String, u64>,
    }

    #[derive(Debug, Deserialize)]
    #[allow(dead_code, reason = "only the reading counts")]
    struct Item {
        amount: u64,
        kind: Kind,
    }

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "snake_case")]
    enum Kind {
        Sale,
        Refund,
    }

    #[track_caller]
    fn told_of(text: &str) -> String {
        let error = json::<Answer>(text.as_bytes()).unwrap_err();
        assert!(!error.message().contains("s3cret"), "{}", error.message());
        error.message().replace("the answer has another shape than expected: ", "")
    }

    #[test]
    fn the_way_to_what_does_not_fit() {
        for (text, expected) in [
            (r#"{"payment":{"id":7}}"#, "payment.id: expected a text (line 1 column 18)"),
            (r#"{"x":[1,{"y":"s3cret"}],"payment":{"id":{"s3cret":1}}}"#, "payment.id: expected a text"),
            (r#"{"payment":{"id":"}\"{,:"}}"#, "payment.items is missing"),
            (
                "{\n \"payment\":\n {\"id\": \"a\",\n \"items\": [{\"amount\":1,\"kind\":\"sale\"}, {\"amount\": \"s3cret\"}]}}",
                "payment.items[1].amount: expected a whole number (line 4",
            ),
            (
                r#"{"payment":{"id":"a","items":[{"amount":1,"kind":"s3cret, expected s3cret"}]}}"#,
                "payment.items[0].kind: expected `sale` or `refund`",
            ),
            (r#"{"payment":{"id":"a","items":[{"kind":"sale"}]}}"#, "payment.items[0].amount is missing"),
            (r#"{"payment":{"id":"a","id":"s3cret"}}"#, "payment.id stands twice"),
            (r#"{"payment":{"id":"a","items":{}}}"#, "payment.items: expected a list"),
            (
                r#"{"payment":{"id":"a","items":[],"by_token":{"4111111111111111":"s3cret"}}}"#,
                "payment.by_token.*: expected a whole number",
            ),
            (
                r#"{"payment":{"id":"a","items":[],"by_token":{"a12345":"s3cret"}}}"#,
                "payment.by_token.a12345: expected",
            ),
            (r#"{"payment":{"id":"a","items":[],"by_token":{"a123456":"s3cret"}}}"#, "payment.by_token.*: expected"),
            (
                r#"{"payment":{"id":"a","items":[],"by_token":{"abcdefghijklmnopqrstuvwxyzabcdefghijklmno":"s3cret"}}}"#,
                "payment.by_token.*: expected",
            ),
            (r#"["s3cret"]"#, "[0]: expected an object"),
            (r#""s3cret""#, "expected an object (line 1 column 8)"),
            (r#"{"payment":"#, "it breaks off at line 1"),
            (r#"{"payment":{"id":s3cret}}"#, "syntax at line 1 column 18"),
        ] {
            let told = told_of(text);
            assert!(told.starts_with(expected), "{text}: {told}");
        }
    }
}

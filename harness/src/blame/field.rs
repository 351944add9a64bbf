//! The field of a request that a byte belongs to.

/// The field at byte `at` of a request's text: `method`, `path`, `query limit`, `header idempotency-key`, `form amount`,
/// `$.amount.value`, `/payment/amount`, or `body` where the body has no form that is known.
pub fn field_at(text: &str, at: usize) -> String {
    let head = text.find("\n\n").map_or(text.len(), |end| end + 1);
    let body = (head + 1).min(text.len());
    if at >= body && body < text.len() {
        return in_body(
            media_type(text.get(..head).unwrap_or_default()),
            text.get(body..).unwrap_or_default(),
            at - body,
        );
    }
    let start = text.get(..at.min(text.len())).unwrap_or_default().rfind('\n').map_or(0, |end| end + 1);
    let line = text.get(start..).unwrap_or_default().lines().next().unwrap_or_default();
    if start > 0 {
        return format!("header {}", line.split(':').next().unwrap_or_default());
    }
    let (method, url) = line.split_once(' ').unwrap_or((line, ""));
    match at.checked_sub(method.len() + 1) {
        None => "method".to_owned(),
        Some(at) => in_url(url, at),
    }
}

fn media_type(head: &str) -> &str {
    head.lines().find_map(|line| line.strip_prefix("content-type: ")).unwrap_or_default()
}

fn in_url(url: &str, at: usize) -> String {
    let query = url.find('?').unwrap_or(url.len());
    let authority = url.find("://").map_or(0, |end| end + 3);
    let path = url.get(authority..).and_then(|rest| rest.find('/')).map_or(url.len(), |end| authority + end);
    match at {
        at if at > query => format!("query {}", pair_at(url.get(query + 1..).unwrap_or_default(), at - query - 1)),
        at if at < path => "host".to_owned(),
        _ => "path".to_owned(),
    }
}

/// The name of the `name=value` pair at a byte, decoded.
fn pair_at(pairs: &str, at: usize) -> String {
    let mut start = 0;
    for pair in pairs.split('&') {
        if at <= start + pair.len() {
            let decoded = form_urlencoded::parse(pair.as_bytes()).next();
            return decoded.map_or_else(String::new, |(name, _)| name.into_owned());
        }
        start += pair.len() + 1;
    }
    String::new()
}

fn in_body(media_type: &str, body: &str, at: usize) -> String {
    let first = body.trim_start().chars().next();
    match first {
        _ if media_type.starts_with("application/x-www-form-urlencoded") => format!("form {}", pair_at(body, at)),
        Some('{' | '[') => json_path(body, at),
        Some('<') => xml_path(body, at),
        _ => "body".to_owned(),
    }
}

/// A level of a JSON text: the member or the item that is being read.
enum Level {
    Object(Option<String>),
    Array(usize),
}

/// The path of the value at a byte of a JSON text; a byte of a member's name belongs to that member.
fn json_path(body: &str, at: usize) -> String {
    let mut levels: Vec<Level> = Vec::new();
    let mut letters = body.char_indices();
    let mut named = false;
    while let Some((start, letter)) = letters.next() {
        if letter == '"' {
            let text = string(&mut letters);
            let end = start + text.len() + 2;
            if let (Some(Level::Object(member)), false) = (levels.last_mut(), named) {
                *member = Some(text);
            }
            if at < end {
                break;
            }
            continue;
        }
        if start >= at && !matches!(letter, '{' | '[') {
            break;
        }
        match letter {
            '{' => levels.push(Level::Object(None)),
            '[' => levels.push(Level::Array(0)),
            '}' | ']' => drop(levels.pop()),
            ',' => {
                if let Some(Level::Array(index)) = levels.last_mut() {
                    *index += 1;
                }
            }
            _ => {}
        }
        named = match letter {
            ':' => true,
            ',' | '{' => false,
            '[' => true,
            '}' | ']' => matches!(levels.last(), Some(Level::Array(_))),
            _ => named,
        };
        if start >= at {
            break;
        }
    }
    let mut path = "$".to_owned();
    for level in &levels {
        match level {
            Level::Object(Some(name)) => path.push_str(&format!(".{name}")),
            Level::Object(None) => {}
            Level::Array(index) => path.push_str(&format!("[{index}]")),
        }
    }
    path
}

/// The rest of a JSON string, as it is written, up to its closing mark.
fn string(letters: &mut std::str::CharIndices<'_>) -> String {
    let mut text = String::new();
    while let Some((_, letter)) = letters.next() {
        match letter {
            '"' => break,
            '\\' => {
                text.push(letter);
                text.extend(letters.next().map(|(_, escaped)| escaped));
            }
            _ => text.push(letter),
        }
    }
    text
}

/// The path of the element at a byte of an XML text.
fn xml_path(body: &str, at: usize) -> String {
    let mut path: Vec<&str> = Vec::new();
    let mut rest = body;
    let mut offset = 0;
    while let Some(open) = rest.find('<') {
        if offset + open > at {
            break;
        }
        let tag = rest.get(open + 1..).unwrap_or_default();
        let length = tag.find('>').unwrap_or(tag.len());
        let content = tag.get(..length).unwrap_or_default();
        let end = open + 1 + length;
        let name = content.split(|letter: char| letter.is_whitespace() || letter == '/').next().unwrap_or_default();
        match content.chars().next() {
            Some('/') if offset + end < at => drop(path.pop()),
            Some('/' | '?' | '!') => {}
            _ if content.ends_with('/') && offset + end < at => {}
            _ => path.push(name),
        }
        offset += (end + 1).min(rest.len());
        rest = rest.get(end + 1..).unwrap_or_default();
    }
    format!("/{}", path.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The field at the first place of `mark` in the text.
    fn at(text: &str, mark: &str) -> String {
        field_at(text, text.find(mark).unwrap())
    }

    #[test]
    fn method_url_and_headers() {
        let text = "POST https://api.example/v1/pay?limit=10&a%5Bb%5D=7\nx-a: 1\ncontent-type: text/plain\n\nhello";
        for (mark, field) in [
            ("POST", "method"),
            ("api", "host"),
            ("/v1", "path"),
            ("10", "query limit"),
            ("7", "query a[b]"),
            ("x-a", "header x-a"),
            ("text", "header content-type"),
            ("hello", "body"),
        ] {
            assert_eq!(at(text, mark), field, "{mark}");
        }
        assert_eq!(field_at("GET https://api.example/a\n", 900), "header ");
    }

    #[test]
    fn forms() {
        let text =
            "POST https://api.example/\ncontent-type: application/x-www-form-urlencoded\n\na=1&card%5Bnumber%5D=42&z=9";
        assert_eq!([at(text, "a=1"), at(text, "=42"), at(text, "9")], ["form a", "form card[number]", "form z"]);
    }

    #[test]
    fn json() {
        let text = "POST https://api.example/\ncontent-type: application/json\n\n\
            {\"amount\": {\"value\": 100, \"list\": [\"a\", {\"b\": \"é\\\"c\"}, 7]}, \"last\": true, \"none\": null}";
        for (mark, field) in [
            ("100", "$.amount.value"),
            ("value", "$.amount.value"),
            ("\"a\"", "$.amount.list[0]"),
            ("é", "$.amount.list[1].b"),
            ("7", "$.amount.list[2]"),
            ("true", "$.last"),
            ("null", "$.none"),
        ] {
            assert_eq!(at(text, mark), field, "{mark}");
        }
    }

    #[test]
    fn xml() {
        let text = "POST https://api.example/\n\n<?xml version=\"1.0\"?><pay><id a=\"x\"/><amount>100</amount><more>5</more></pay>";
        for (mark, field) in
            [("100", "/pay/amount"), ("5<", "/pay/more"), ("a=\"x\"", "/pay/id"), ("more", "/pay/more")]
        {
            assert_eq!(at(text, mark), field, "{mark}");
        }
    }
}

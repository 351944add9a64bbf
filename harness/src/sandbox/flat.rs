//! Headers in one piece of memory: of what is kept of many exchanges, and seldom looked at, a map would take several pieces each.

use http::{HeaderMap, HeaderName, HeaderValue};

/// Appends headers, name and value a line each.
pub(crate) fn write(headers: &HeaderMap, out: &mut Vec<u8>) {
    for (name, value) in headers {
        for line in [name.as_str().as_bytes(), value.as_bytes()] {
            out.extend_from_slice(line);
            out.push(b'\n');
        }
    }
}

/// The headers that [`write`] has written: no name or value of one has a line break in it.
pub(crate) fn read(lines: &[u8]) -> HeaderMap {
    let mut lines = lines.split(|byte| *byte == b'\n');
    let mut headers = HeaderMap::new();
    while let (Some(name), Some(value)) = (lines.next(), lines.next()) {
        if let (Ok(name), Ok(value)) = (HeaderName::from_bytes(name), HeaderValue::from_bytes(value)) {
            headers.append(name, value);
        }
    }
    headers
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_come_back_as_they_were() {
        let mut headers = HeaderMap::new();
        for (name, value) in [("x-a", "1: 2"), ("set-cookie", "a"), ("set-cookie", ""), ("x-b", "é")] {
            headers.append(name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        let mut lines = Vec::new();
        write(&headers, &mut lines);
        assert_eq!(read(&lines), headers);
        assert_eq!(read(&[]), HeaderMap::new());
    }
}

//! Who may use the control page: programs and pages of this machine, not a page of somebody else that the same browser shows.
//!
//! A page of another origin can send requests here, but not without naming its origin; and a name that an attacker points to this
//! machine (DNS rebinding) stands in `Host`. So a request must name an address, `localhost` or a name given with `--name`; and one that
//! changes something must come from the same origin or from no page at all, and be JSON, which no form can send.

use std::net::IpAddr;

use http::header::{CONTENT_TYPE, HOST, ORIGIN};
use http::{HeaderMap, Method, StatusCode, Uri};

use super::providers::without_port;

/// Whether the request may be answered; else status and reason.
pub(super) fn check(
    method: &Method,
    url: &Uri,
    headers: &HeaderMap,
    names: &[String],
) -> Result<(), (StatusCode, &'static str)> {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let host = url.authority().map(http::uri::Authority::as_str).or_else(|| text(HOST)).unwrap_or_default();
    if !is_own(without_port(host), names) {
        return Err((
            StatusCode::MISDIRECTED_REQUEST,
            "the control page answers to addresses, to localhost and to names given with --name",
        ));
    }
    if method == Method::GET || method == Method::HEAD {
        return Ok(());
    }
    let site = headers.get("sec-fetch-site").map(|value| value.as_bytes());
    let is_foreign = site.is_some_and(|site| !matches!(site, b"same-origin" | b"none"));
    let is_origin =
        |origin: &str| origin.split_once("://").is_some_and(|(_, authority)| authority.eq_ignore_ascii_case(host));
    let origin = headers.get(ORIGIN).map(|_| text(ORIGIN).is_some_and(is_origin));
    if is_foreign || origin == Some(false) || headers.get_all(ORIGIN).iter().count() > 1 {
        return Err((StatusCode::FORBIDDEN, "a page of another origin may not do this"));
    }
    let media_type = text(CONTENT_TYPE).and_then(|value| value.split(';').next()).map(str::trim);
    match media_type {
        Some(media_type) if media_type.eq_ignore_ascii_case("application/json") => Ok(()),
        _ => Err((StatusCode::UNSUPPORTED_MEDIA_TYPE, "expected content-type: application/json")),
    }
}

fn is_own(host: &str, names: &[String]) -> bool {
    let host = host.to_ascii_lowercase();
    host.parse::<IpAddr>().is_ok() || host == "localhost" || host.ends_with(".localhost") || names.contains(&host)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[track_caller]
    fn checked(method: &Method, headers: &[(&'static str, &'static str)]) -> u16 {
        let headers: HeaderMap =
            headers.iter().map(|(name, value)| (name.parse().unwrap(), HeaderValue::from_static(value))).collect();
        let names = ["sandbox".to_owned()];
        check(method, &Uri::from_static("/_quittance"), &headers, &names)
            .map_or_else(|(status, _)| status.as_u16(), |()| 200)
    }

    #[test]
    fn only_this_machine_may() {
        let json = ("content-type", "application/json");
        for host in
            ["127.0.0.1:4242", "localhost:4242", "LOCALHOST", "[::1]:4242", "192.168.1.5", "sandbox:1", "a.localhost"]
        {
            assert_eq!(checked(&Method::GET, &[("host", host)]), 200, "{host}");
            assert_eq!(checked(&Method::POST, &[("host", host), json]), 200, "{host}");
        }
        for host in ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example", ""] {
            assert_eq!(checked(&Method::GET, &[("host", host)]), 421, "{host}");
        }
        assert_eq!(checked(&Method::GET, &[]), 421);
    }

    #[test]
    fn foreign_pages_may_not() {
        let (host, json) = (("host", "127.0.0.1:4242"), ("content-type", "application/json"));
        let post = |more: &[(&'static str, &'static str)]| checked(&Method::POST, &[&[host, json], more].concat());
        assert_eq!(post(&[("origin", "http://127.0.0.1:4242"), ("sec-fetch-site", "same-origin")]), 200);
        assert_eq!(post(&[("origin", "https://evil.example")]), 403);
        assert_eq!(post(&[("origin", "http://127.0.0.1:4243")]), 403);
        assert_eq!(post(&[("origin", "null")]), 403);
        assert_eq!(post(&[("sec-fetch-site", "cross-site")]), 403);
        assert_eq!(post(&[("sec-fetch-site", "same-site")]), 403);
        assert_eq!(checked(&Method::POST, &[host, ("content-type", "text/plain")]), 415);
        assert_eq!(checked(&Method::POST, &[host]), 415);
        assert_eq!(checked(&Method::DELETE, &[host, json, ("origin", "https://evil.example")]), 403);
    }
}

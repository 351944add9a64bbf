//! The transport of a live run: real HTTP to where the user says, with everything that was sent kept for judgement.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use http::{Request, Response, Uri};
use quittance::{Failure, Limits, Transport, async_trait};
use quittance_reqwest::ReqwestTransport;

/// Where requests go in place of the provider's own hosts.
#[derive(Debug, Clone, Default)]
pub struct Targets {
    /// A host of the provider, or none for all others, and scheme, authority and path prefix.
    rules: Vec<(Option<String>, String)>,
}

impl Targets {
    /// Reads `URL` and `HOST=URL`; none at all leaves the provider's own hosts.
    ///
    /// # Errors
    /// An address that is none, or has a query.
    pub fn parse(texts: &[String]) -> Result<Targets, String> {
        let rule = |text: &String| {
            let (host, url) = match text.split_once('=') {
                Some((host, url)) if !host.contains('/') => (Some(host.to_ascii_lowercase()), url),
                _ => (None, text.as_str()),
            };
            let shape =
                || format!("`{url}`: expected an address as http://127.0.0.1:8080 or https://sandbox.example/v1");
            let uri: Uri = url.parse().map_err(|_| shape())?;
            let is_http = matches!(uri.scheme_str(), Some("http" | "https"));
            let has_user = uri.authority().is_some_and(|authority| authority.as_str().contains('@'));
            if !is_http || uri.host().is_none_or(str::is_empty) || uri.query().is_some() || has_user {
                return Err(shape());
            }
            Ok((host, url.trim_end_matches('/').to_owned()))
        };
        Ok(Targets { rules: texts.iter().map(rule).collect::<Result<_, String>>()? })
    }

    /// The addresses, for people.
    pub fn shown(&self) -> String {
        let urls: Vec<&str> = self.rules.iter().map(|(_, url)| url.as_str()).collect();
        urls.join(", ")
    }

    /// The addresses that take the place of the provider's own.
    pub(crate) fn addresses(&self) -> impl Iterator<Item = Uri> {
        self.rules.iter().filter_map(|(_, url)| url.parse().ok())
    }

    /// An address that is neither encrypted nor on this machine.
    pub fn exposed(&self) -> Option<&str> {
        let is_near = |uri: &Uri| matches!(uri.host(), Some("127.0.0.1" | "localhost" | "[::1]"));
        let exposed =
            |url: &&str| url.parse::<Uri>().is_ok_and(|uri| uri.scheme_str() == Some("http") && !is_near(&uri));
        self.rules.iter().map(|(_, url)| url.as_str()).find(exposed)
    }

    /// Where a request to `uri` goes.
    pub fn of(&self, uri: &Uri) -> Option<Uri> {
        let host = uri.host().unwrap_or_default().to_ascii_lowercase();
        let named = self.rules.iter().find(|(of, _)| of.as_deref() == Some(host.as_str()));
        let Some((_, base)) = named.or_else(|| self.rules.iter().find(|(of, _)| of.is_none())) else {
            return Some(uri.clone());
        };
        let path = uri.path_and_query().map_or("/", |path| path.as_str());
        format!("{base}{path}").parse().ok()
    }
}

/// A request as the connector meant it, at the provider's host, and what came back.
#[derive(Clone)]
pub struct Sent {
    /// The request.
    pub request: Request<Bytes>,
    /// When it was sent, in seconds since 1970.
    pub at_unix: i64,
    /// The answer, or why there is none.
    pub answer: Result<Response<Bytes>, Failure>,
}

impl std::fmt::Debug for Sent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sent").field("answered", &self.answer.is_ok()).finish_non_exhaustive()
    }
}

/// A change of a request on its way.
pub type Change = Arc<dyn Fn(&mut Request<Bytes>) + Send + Sync>;

/// One caller's way to the environment.
pub struct Remote {
    client: ReqwestTransport,
    targets: Arc<Targets>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    sent: Vec<Sent>,
    change: Option<(usize, Change)>,
}

impl std::fmt::Debug for Remote {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Remote").field("targets", &self.targets).finish_non_exhaustive()
    }
}

impl Remote {
    /// A way through `client`.
    pub fn new(client: ReqwestTransport, targets: Arc<Targets>) -> Remote {
        Remote { client, targets, state: Mutex::default() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What was sent since this was asked last, in order.
    pub fn take(&self) -> Vec<Sent> {
        std::mem::take(&mut self.state().sent)
    }

    /// Changes the request at that place, from 0, of those that are sent from now on until [`Remote::take`].
    pub fn change(&self, at: usize, change: Change) {
        self.state().change = Some((at, change));
    }
}

#[async_trait]
impl Transport for Remote {
    async fn send(&self, mut request: Request<Bytes>, limits: Limits) -> Result<Response<Bytes>, Failure> {
        let due = {
            let mut state = self.state();
            let sent = state.sent.len();
            state.change.take_if(|(at, _)| *at == sent)
        };
        if let Some((_, change)) = due {
            change(&mut request);
        }
        let mut outgoing = request.clone();
        *outgoing.uri_mut() =
            self.targets.of(request.uri()).ok_or_else(|| Failure::Refused("malformed request URL".to_owned()))?;
        let at_unix = jiff::Timestamp::now().as_second();
        let answer = self.client.send(outgoing, limits).await;
        self.state().sent.push(Sent { request, at_unix, answer: answer.clone() });
        answer
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_mapped_and_bad_ones_refused() {
        let of = |texts: &[&str]| Targets::parse(&texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>());
        let targets = of(&["http://127.0.0.1:8080/stripe/", "login.bank.example=https://id.test"]).unwrap();
        let to = |url: &str| targets.of(&url.parse().unwrap()).unwrap().to_string();
        assert_eq!(to("https://api.bank.example/v1/x?a=1"), "http://127.0.0.1:8080/stripe/v1/x?a=1");
        assert_eq!(to("https://login.bank.example/token"), "https://id.test/token");
        assert_eq!(targets.exposed(), None);
        assert_eq!(of(&["http://mock:80"]).unwrap().exposed(), Some("http://mock:80"));
        for bad in ["", "ftp://a", "127.0.0.1:80", "https://a?b=c", "https://user:secret@a"] {
            let why = of(&[bad]).unwrap_err();
            assert!(why.contains("expected an address"), "{bad}: {why}");
        }
        assert_eq!(Targets::default().of(&"https://a/b".parse().unwrap()).unwrap().to_string(), "https://a/b");
    }
}

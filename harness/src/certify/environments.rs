//! The environment that no tape is of: most credentials choose between two, and every tape is of one of them. The same calls are made with
//! credentials of the other, answered blindly from the tape, and each request is held against the one that the tape's environment gets.

use std::collections::BTreeSet;

use bytes::Bytes;
use http::{Request as HttpRequest, Uri};
use quittance::{Connector, Error, Kind, Spec};
use serde_json::{Value, json};

use super::again::{Answered, Scene, as_it_was, scenes};
use super::ground::{Ground, Tried, finding};
use super::shown::deliveries;
use crate::invoke::Request;
use crate::run::case::Finding;
use crate::run::delivery::delivery_of;
use crate::run::input::toml_json;
use crate::run::stage::Tokens;
use crate::tape::Spoil;
use crate::view::result_json;
use crate::world::Subject;

/// The member of the credentials that chooses, as `quittance::Environment` has it.
const FIELD: &str = "environment";

/// An environment by its name, with a connector of it.
type Other = (&'static str, Box<dyn Connector>);

/// Every call of the sound cases, asked with credentials of the other environment; and whether all declared hosts are asked for anything.
pub(super) fn environments(ground: &Ground<'_>) -> Tried {
    let (mut tried, there) = match other_environment(ground.subject) {
        Ok(Some((name, other))) => {
            let called = calls(ground, other.as_ref());
            let hosts =
                called.iter().flat_map(|called| &called.there.sent).map(|(_, sent)| host(sent.uri()).to_owned());
            let hosts = hosts.collect::<BTreeSet<String>>();
            (judged(ground.spec(), name, &called), hosts)
        }
        Ok(None) => (Tried::default(), BTreeSet::new()),
        Err(found) => return Tried::new(1, vec![found]),
    };
    let records = ground.sound().flat_map(|(_, played)| played.records());
    let asked = records.map(|record| host(record.request.uri()).to_owned()).chain(there).collect();
    for idle in idle_hosts(ground.spec(), &asked) {
        tried.lacks(ground.plan, idle);
    }
    tried
}

/// The declared hosts that nothing is sent to, nor to any other of their domain: which of a provider's own hosts a call goes to, what a
/// delivery or the caller names may decide. One that stands for many is not looked at.
fn idle_hosts(spec: &Spec, asked: &BTreeSet<String>) -> Vec<Finding> {
    let domains: BTreeSet<&str> = asked.iter().map(|host| domain(host)).collect();
    let idle = spec.hosts.iter().filter(|host| !host.starts_with('*') && !domains.contains(domain(host)));
    let told =
        |host: &&str| finding("declarations hosts", "a request to each host", format!("none to {host}: take it out"));
    idle.map(told).collect()
}

/// The name that a host is under: its last two labels, three where the last but one is a country's kind of name (`co.uk`).
fn domain(host: &str) -> &str {
    let mut dots = host.rmatch_indices('.').map(|(at, _)| at);
    let (last, before, third) = (dots.next(), dots.next(), dots.next());
    let label = before.zip(last).and_then(|(before, last)| host.get(before + 1..last));
    let is_kind = label.is_some_and(|label| ["ac", "co", "com", "gov", "net", "org"].contains(&label));
    let start = if is_kind { third } else { before };
    start.and_then(|start| host.get(start + 1..)).unwrap_or(host)
}

/// The calls of the sound cases, made in both environments.
fn calls(ground: &Ground<'_>, other: &dyn Connector) -> Vec<Called> {
    let mut called = Vec::new();
    for scene in scenes(ground) {
        let Some(asked) = scene.asked else { continue };
        let Ok(request) = Request::read(asked.op, &asked.input) else { continue };
        called.extend(Called::of(&scene, &request, Some(&asked.input), other));
    }
    for (scene, index) in deliveries(ground) {
        let made = scene.played.player(|player| player.remade(index, Spoil::Not, &[])).map(delivery_of);
        let Some(Ok(delivery)) = made else { continue };
        called.extend(Called::of(&scene, &Request::Webhook(delivery), None, other));
    }
    called
}

/// The environment that the profile's credentials do not choose, with a connector of it; none where there is no choice, or where the profile
/// is of the live environment and the connector says that it has no other.
fn other_environment(subject: &Subject) -> Result<Option<Other>, Finding> {
    let schema = subject.entry.credentials_schema().to_value();
    if schema.pointer(&format!("/properties/{FIELD}")).is_none() {
        return Ok(None);
    }
    let mut given = toml_json(&toml::Value::Table(subject.profile.model.credentials.clone()));
    let is_live = given.get(FIELD).is_some_and(|chosen| chosen == "live");
    let name = if is_live { "sandbox" } else { "live" };
    given.as_object_mut().map(|members| members.insert(FIELD.to_owned(), json!(name)));
    match subject.entry.connect(given) {
        Ok(connector) => Ok(Some((name, connector))),
        Err(error) if is_live && error.field() == Some(FIELD) => Ok(None),
        Err(error) => {
            let what = format!("credentials.{FIELD} = {name}");
            Err(finding(what, "a connector, with the profile's dummies", error.to_string()))
        }
    }
}

/// One call, made in both environments.
struct Called {
    /// The case and what was asked, for a finding.
    what: String,
    step: u32,
    /// Each request of the tape's environment, with the text of its answer.
    here: Vec<(HttpRequest<Bytes>, String)>,
    there: Answered,
    /// What the call came to, as JSON.
    result: String,
    /// What the caller gave.
    given: String,
}

impl Called {
    /// None where nothing is sent, or where the other environment has no proof of a delivery of this one.
    fn of(scene: &Scene<'_>, request: &Request, input: Option<&Value>, other: &dyn Connector) -> Option<Called> {
        // What earlier calls kept is of one environment: neither has it.
        let ask = |request: &Request| scene.ask_at(scene.now_unix, &Tokens::default(), request, &as_it_was).sent;
        let mut here = ask(request);
        let mut bare = None;
        // An address that the caller gives is of one environment: both are asked without it.
        if let Some(without) = input.and_then(|input| without_addresses(input, &here)) {
            bare = Some(Request::read(request.op(), &without).ok()?);
            here = bare.as_ref().map(ask)?;
        }
        if here.is_empty() {
            return None;
        }
        let answers: Vec<Option<usize>> = here.iter().map(|(answer, _)| *answer).collect();
        let there = scene.ask_blindly(other, bare.as_ref().unwrap_or(request), &answers);
        if input.is_none() && matches!(&there.result, Err(error) if error.kind() == Kind::Signature) {
            return None;
        }
        let text = |answer: Option<usize>| {
            let answer = answer.and_then(|index| scene.records.get(index)).and_then(|record| record.answer.as_ref());
            answer.map(|answer| plain(&String::from_utf8_lossy(answer.body()))).unwrap_or_default()
        };
        Some(Called {
            what: format!("{} {}", scene.case.id, request.op()),
            step: scene.step,
            here: here.into_iter().map(|(answer, sent)| (sent, text(answer))).collect(),
            result: plain(&result_json(&there.result).to_string()),
            given: input.map(|input| plain(&input.to_string())).unwrap_or_default(),
            there,
        })
    }

    /// The requests of both environments side by side.
    fn pairs(&self) -> impl Iterator<Item = Pair<'_>> {
        self.here.iter().zip(&self.there.sent).enumerate().map(|(index, ((here, answer), (_, there)))| Pair {
            called: self,
            index,
            here: here.uri(),
            there: there.uri(),
            answer,
        })
    }

    fn finding(&self, index: usize, expected: impl Into<String>, found: impl Into<String>) -> Finding {
        let found = finding(format!("{} request {}", self.what, index + 1), expected, found);
        Finding { step: self.step, ..found }
    }
}

/// Slashes of JSON that are escaped, as they are meant.
fn plain(text: &str) -> String {
    text.replace("\\/", "/")
}

/// The input without the members that name a host which the call was sent to; none when there are no such members.
fn without_addresses(input: &Value, sent: &[(Option<usize>, HttpRequest<Bytes>)]) -> Option<Value> {
    let hosts: Vec<String> =
        sent.iter().filter_map(|(_, request)| Some(format!("//{}", request.uri().host()?))).collect();
    let names = |value: &Value| hosts.iter().any(|host| value.to_string().contains(host.as_str()));
    let members = input.as_object().filter(|members| members.values().any(names))?;
    let kept = members.iter().filter(|(_, value)| !names(value));
    Some(kept.map(|(name, value)| (name.clone(), value.clone())).collect())
}

/// A request in the tape's environment, and the same in the other.
struct Pair<'a> {
    called: &'a Called,
    index: usize,
    here: &'a Uri,
    there: &'a Uri,
    /// What the tape answers.
    answer: &'a str,
}

/// A base in the tape's environment, by its host, and the one that stands for it in the other.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Base {
    host: String,
    from: String,
    to: String,
}

impl Pair<'_> {
    /// Whether the address was told by an answer that came before: such a one is not the connector's.
    fn is_told(&self) -> bool {
        let (host, path) = (host(self.there), self.there.path());
        let mut before = self.called.here.iter().take(self.index);
        before.any(|(_, answer)| answer.contains(&format!("//{host}{path}")))
    }

    /// The bases that are left when the longest end that both paths have is taken off; none when they have no end in common.
    fn base(&self) -> Option<Base> {
        let (here, there) = (self.here.path(), self.there.path());
        let segments = here.rsplit('/').zip(there.rsplit('/')).take_while(|(one, other)| one == other);
        let rest: usize = segments.map(|(segment, _)| segment.len() + 1).sum();
        // Both begin with a slash, so that what comes before the first one is empty and counts as another.
        let from = here.get(..here.len().saturating_sub(rest))?;
        let to = there.get(..there.len().saturating_sub(rest))?;
        let whole =
            Base { host: host(self.here).to_owned(), from: from.to_owned(), to: format!("{}{to}", host(self.there)) };
        (rest > 1).then_some(whole)
    }

    /// Whether another base, longer than the request's own, holds for its path and would have led elsewhere.
    fn disagrees(&self, own: &Base, base: &Base) -> bool {
        let rest = self.here.path().strip_prefix(base.from.as_str()).filter(|rest| rest.starts_with('/'));
        let reaches = base.host == own.host && base.from.len() >= own.from.len();
        reaches && rest.is_some_and(|rest| format!("{}{rest}", base.to) != address(self.there))
    }
}

fn host(uri: &Uri) -> &str {
    uri.host().unwrap_or_default()
}

/// Host and path.
fn address(uri: &Uri) -> String {
    format!("{}{}", host(uri), uri.path())
}

/// Segments with nothing in them: two slashes together, or one at the end.
fn empty_segments(uri: &Uri) -> usize {
    uri.path().split('/').skip(1).filter(|segment| segment.is_empty()).count()
}

/// Holds every call against every rule; what is wrong with many requests of one kind is told once.
fn judged(spec: &Spec, name: &str, called: &[Called]) -> Tried {
    let pairs: Vec<Pair<'_>> = called.iter().flat_map(Called::pairs).collect();
    let here: BTreeSet<&str> = pairs.iter().map(|pair| host(pair.here)).collect();
    let there: BTreeSet<&str> = pairs.iter().map(|pair| host(pair.there)).collect();
    let is_left = |declared: &&&str| !here.contains(**declared) && !there.contains(**declared);
    let left = spec.hosts.iter().filter(|host| !host.starts_with('*')).find(is_left);
    // The address of access tokens stands for itself, also where a token is refused.
    let gives_token = |pair: &&Pair<'_>| pair.answer.contains("\"access_token\"");
    let tokens: BTreeSet<String> = pairs.iter().filter(gives_token).map(|pair| address(pair.here)).collect();
    let is_token = |pair: &Pair<'_>| tokens.contains(&address(pair.here));
    let own = |pair: &&Pair<'_>| !is_token(pair) && !pair.is_told();
    let bases: BTreeSet<Base> = pairs.iter().filter(own).filter_map(Pair::base).collect();
    let mut findings: Vec<Finding> = called.iter().filter_map(|called| ended(name, called)).collect();
    for pair in &pairs {
        let mut tell = |expected: String, found: String| {
            findings.push(pair.called.finding(pair.index, format!("{name}: {expected}"), found));
        };
        if pair.there.scheme_str() != Some("https") || !spec.allows_host(host(pair.there)) {
            tell("https and a declared host".to_owned(), pair.there.to_string());
        }
        if pair.there.query() != pair.here.query() {
            tell(format!("the query {}", pair.here.query().unwrap_or("none")), pair.there.to_string());
        }
        if empty_segments(pair.there) != empty_segments(pair.here) {
            tell(format!("the slashes of {}", pair.here.path()), pair.there.path().to_owned());
        }
        if pair.is_told() {
            continue;
        }
        if let Some(left) = left.filter(|_| here.contains(host(pair.there))) {
            tell(format!("another host than {}, as {left} is declared", host(pair.there)), pair.there.to_string());
        }
        if is_token(pair) {
            continue;
        }
        match pair.base() {
            None => tell(format!("the end of {}", pair.here.path()), pair.there.path().to_owned()),
            Some(base) => {
                if let Some(other) = bases.iter().find(|other| pair.disagrees(&base, other)) {
                    tell(format!("{} in place of {}{}", other.to, other.host, other.from), address(pair.there));
                }
            }
        }
    }
    findings.extend(called.iter().filter_map(|called| shown(name, called, &here, &there)));
    let mut told = BTreeSet::new();
    findings.retain(|found| told.insert(found.expected.clone()));
    Tried::new(called.iter().map(|called| called.here.len()).sum(), findings)
}

/// A call that does not send as many requests as in the tape's environment.
fn ended(name: &str, called: &Called) -> Option<Finding> {
    let (here, there) = (called.here.len(), called.there.sent.len());
    let told = |error: &Error| format!("{there}: {error}");
    let found = called.there.result.as_ref().err().map_or_else(|| there.to_string(), told);
    (here != there).then(|| called.finding(there.min(here), format!("{name}: as many requests, {here}"), found))
}

/// A result that leads to a host of the tape's environment alone, which neither the caller nor an answer named.
fn shown(name: &str, called: &Called, here: &BTreeSet<&str>, there: &BTreeSet<&str>) -> Option<Finding> {
    let leads = |host: &&&str| {
        let address = format!("//{host}");
        let named = called.given.contains(&address) || called.here.iter().any(|(_, answer)| answer.contains(&address));
        called.result.contains(&address) && !named
    };
    let host = here.difference(there).find(leads)?;
    let last = called.there.sent.len().saturating_sub(1);
    Some(called.finding(last, format!("{name}: a result without hosts of the other environment"), (*host).to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPEC: Spec = Spec {
        hosts: &["test.example", "live.example", "id.live.example"],
        ..Spec::new("acme", "Acme", "https://acme.example/docs")
    };

    fn sent(url: &str) -> HttpRequest<Bytes> {
        HttpRequest::builder().uri(url).body(Bytes::new()).unwrap()
    }

    /// The expectations that requests do not meet: each as it goes to the tape's environment, its answer, and as it goes to the other.
    fn unmet(requests: &[(&str, &str, &str)]) -> Vec<String> {
        let there = requests.iter().filter(|(.., there)| !there.is_empty());
        let called = Called {
            what: "a case".to_owned(),
            step: 1,
            here: requests.iter().map(|(here, answer, _)| (sent(here), (*answer).to_owned())).collect(),
            there: Answered {
                result: Err(Error::protocol("unreadable")),
                sent: there.map(|(.., there)| (None, sent(there))).collect(),
            },
            result: String::new(),
            given: String::new(),
        };
        judged(&SPEC, "live", &[called]).findings.into_iter().map(|found| found.expected).collect()
    }

    #[test]
    fn other_bases_are_let_through() {
        let token = ("https://test.example/api/jwt", "{\"access_token\":\"t\"}", "https://id.live.example/oauth/token");
        let refused =
            ("https://test.example/api/jwt", "{\"error\":\"invalid_client\"}", "https://id.live.example/oauth/token");
        let paid = ("https://test.example/sandbox/v2/cob/1?a=b", "", "https://live.example/pix/v2/cob/1?a=b");
        let other = ("https://test.example/other/2", "", "https://live.example/other/2");
        let told =
            ("https://test.example/here", "{\"next\":\"https://test.example/n/1\"}", "https://live.example/here");
        let next = ("https://test.example/n/1", "", "https://test.example/n/1");
        for requests in [&[token, paid, other][..], &[token, refused], &[paid], &[told, next]] {
            assert_eq!(unmet(requests), Vec::<String>::new(), "{requests:?}");
        }
    }

    #[test]
    fn a_host_that_nothing_is_sent_to_is_told() {
        let idle = |asked: &[&str]| {
            let asked = asked.iter().map(|host| (*host).to_owned()).collect();
            idle_hosts(&SPEC, &asked).into_iter().map(|found| found.found).collect::<Vec<String>>()
        };
        assert_eq!(
            idle(&["test.example"]),
            ["none to live.example: take it out", "none to id.live.example: take it out"]
        );
        assert!(idle(SPEC.hosts).is_empty() && idle(&["test.example", "live.example"]).is_empty());
        assert_eq!(
            (domain("a.bank.co.uk"), domain("bank.co.uk"), domain("a.b.bank.de")),
            ("bank.co.uk", "bank.co.uk", "bank.de")
        );
        assert_eq!((domain("localhost"), domain("bank.de")), ("localhost", "bank.de"));
    }

    #[test]
    fn whatever_differs_otherwise_is_told() {
        let sound = ("https://test.example/v1/a", "", "https://live.example/v1/a");
        for (there, told) in [
            ("http://live.example/v1/b", "https and a declared host"),
            ("https://elsewhere.example/v1/b", "https and a declared host"),
            ("https://test.example/v1/b", "another host than test.example"),
            ("https://live.example/v1/b?c=d", "the query none"),
            ("https://live.example//v1/b", "the slashes of /v1/b"),
            ("https://live.example/v1/b/", "the slashes of /v1/b"),
            ("https://live.example/v1/c", "the end of /v1/b"),
            ("https://live.example/v9/b", "live.example/v9 in place of test.example/v1"),
            ("", "as many requests, 2"),
        ] {
            let unmet = unmet(&[sound, ("https://test.example/v1/b", "", there)]);
            assert!(unmet.iter().any(|expected| expected.contains(told)), "{there}: {unmet:?}");
        }
    }
}

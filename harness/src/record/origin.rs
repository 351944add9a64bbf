//! Where the bytes of a recording come from: the vendor's environment, or a server that stands in for it.

use std::collections::BTreeMap;
use std::net::{IpAddr, ToSocketAddrs as _};

use http::Uri;
use jiff::civil::Date;

use crate::live::Live;
use crate::sandbox::OWN;
use crate::tape::model::{Provenance, ProvenanceKind};

/// Addresses that are none of the vendor's, each with what it is: what comes from there was made up by whoever runs it.
#[derive(Debug, Default)]
pub(super) struct Origins(BTreeMap<String, &'static str>);

impl Origins {
    /// Looks at each address that takes the place of the provider's own hosts.
    pub(super) fn of(live: &Live<'_>) -> Origins {
        let other = |address: Uri| Some((address.authority()?.to_string(), what_is(live, &address)?));
        Origins(live.addresses().filter_map(other).collect())
    }

    /// Each of them in a sentence.
    pub(super) fn others(&self) -> impl Iterator<Item = String> {
        self.0.iter().map(|(host, what)| format!("{host} is {what}, not the vendor's environment"))
    }

    /// Where a tape comes from whose requests went to `hosts`: with one that is not the vendor's, none of it is called recorded.
    pub(super) fn provenance(&self, hosts: impl Iterator<Item = String>, today: Date, environment: &str) -> Provenance {
        let (mut last, mut other) = (String::new(), None);
        for host in hosts {
            other = other.or_else(|| self.0.get_key_value(&host));
            last = host;
        }
        let (kind, source, environment) = match other {
            Some((host, what)) => (ProvenanceKind::Synthesised, format!("played against {host}, {what}"), None),
            None => (ProvenanceKind::Recorded, format!("recorded from {last}"), Some(environment.to_owned())),
        };
        Provenance { kind, source: Some(source), seen: Some(today.to_string()), environment }
    }
}

/// What an address is that is none of the vendor's.
fn what_is(live: &Live<'_>, address: &Uri) -> Option<&'static str> {
    let host = address.host().unwrap_or_default();
    if live.subject.entry.spec.allows_host(host) {
        return None;
    }
    let is_own = || {
        let health = format!("{}://{}/_quittance/api/health", address.scheme_str()?, address.authority()?);
        let answer = live.asked(&health.parse().ok()?)?;
        Some(answer.headers().contains_key(OWN))
    };
    match is_own().unwrap_or(false) {
        true => Some("a sandbox of quittance serve"),
        false => is_near(host).then_some("a server on this machine"),
    }
}

/// Whether a host is this machine, by its address or by the addresses that its name has.
fn is_near(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let is_here = |address: IpAddr| address.is_loopback() || address.is_unspecified();
    match bare.parse::<IpAddr>() {
        Ok(address) => is_here(address),
        Err(_) => {
            let mut found = (bare, 0).to_socket_addrs().into_iter().flatten().peekable();
            found.peek().is_some() && found.all(|address| is_here(address.ip()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_is_known_by_address_and_name() {
        for near in ["127.0.0.1", "127.8.9.1", "[::1]", "0.0.0.0", "localhost"] {
            assert!(is_near(near), "{near}");
        }
        for far in ["192.0.2.1", "[2001:db8::1]", "nowhere.invalid"] {
            assert!(!is_near(far), "{far}");
        }
    }

    #[test]
    fn one_exchange_elsewhere_and_nothing_is_called_recorded() {
        let origins = Origins([("127.0.0.1:4242".to_owned(), "a sandbox of quittance serve")].into());
        let today = jiff::civil::date(2026, 11, 22);
        let of = |hosts: &[&str]| origins.provenance(hosts.iter().map(|host| (*host).to_owned()), today, "sandbox");
        let vendors = of(&["id.vendor.example", "api.vendor.example"]);
        assert_eq!((vendors.kind, vendors.environment.as_deref()), (ProvenanceKind::Recorded, Some("sandbox")));
        assert_eq!(vendors.source.as_deref(), Some("recorded from api.vendor.example"));
        let mixed = of(&["127.0.0.1:4242", "api.vendor.example"]);
        assert_eq!((mixed.kind, mixed.environment), (ProvenanceKind::Synthesised, None));
        assert_eq!(mixed.source.as_deref(), Some("played against 127.0.0.1:4242, a sandbox of quittance serve"));
    }
}

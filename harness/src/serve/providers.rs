//! The providers of a server: how a request finds its own, and when each is read.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use http::Uri;
use http::uri::{Authority, PathAndQuery};
use quittance::Entry;

use crate::mask::{Masker, secrets_of};
use crate::run::input::toml_json;
use crate::sandbox::Sandbox;
use crate::scenario::Suite;
use crate::world::{Subject, Unusable, World};

/// So many providers are read as soon as the server listens; of more, each is read when it is first asked for.
const READ_AT_ONCE: usize = 3;

/// All providers of a server, in the order they were named.
pub(super) struct Providers {
    pub(super) all: Vec<Provider>,
    by_id: HashMap<&'static str, usize>,
    source: Source,
}

/// Where sandboxes are made from.
struct Source {
    world: World,
    suite: OnceLock<Result<Suite, String>>,
    seed: u64,
    /// Where deliveries go: some providers sign that too.
    webhook_url: Option<String>,
}

/// One provider.
pub(super) struct Provider {
    pub(super) entry: &'static Entry,
    loaded: OnceLock<Result<Loaded, String>>,
}

/// A provider whose files were read.
pub(super) struct Loaded {
    subject: Subject,
    sandbox: RwLock<Arc<Sandbox>>,
    /// Hides the dummy credentials, too: a client may send its own in their place, and readers cannot tell them apart.
    pub(super) masker: Masker,
}

/// Where a request goes.
pub(super) struct Found {
    /// The provider's place in the list.
    pub(super) index: usize,
    /// The url as the provider would see it.
    pub(super) url: Uri,
}

impl Providers {
    /// Nothing is read yet.
    pub(super) fn new(world: &World, entries: &[&'static Entry], seed: u64, webhook_url: Option<String>) -> Providers {
        let provider = |entry: &&'static Entry| Provider { entry, loaded: OnceLock::new() };
        let all: Vec<Provider> = entries.iter().map(provider).collect();
        let by_id = entries.iter().enumerate().map(|(index, entry)| (entry.spec.id, index)).collect();
        let source = Source { world: world.clone(), suite: OnceLock::new(), seed, webhook_url };
        Providers { all, by_id, source }
    }

    /// Reads the providers where they are few.
    ///
    /// # Errors
    /// Every fault of their files.
    pub(super) fn read_few(&self) -> Result<(), Unusable> {
        if self.all.len() > READ_AT_ONCE {
            return Ok(());
        }
        std::thread::scope(|scope| {
            for index in 1..self.all.len() {
                scope.spawn(move || self.load(index).is_ok());
            }
            self.load(0).is_ok()
        });
        (0..self.all.len()).try_for_each(|index| match self.load(index) {
            Ok(_) => Ok(()),
            Err(why) => Err(Unusable::Text(why.to_owned())),
        })
    }

    /// The provider's place by its id.
    pub(super) fn index(&self, id: &str) -> Option<usize> {
        self.by_id.get(id).copied()
    }

    /// The provider at `index`, if it was read already.
    pub(super) fn loaded(&self, index: usize) -> Option<Result<&Loaded, &str>> {
        let loaded = self.all.get(index)?.loaded.get()?;
        Some(loaded.as_ref().map_err(String::as_str))
    }

    /// The provider at `index`, read now if it was not yet; that takes some milliseconds.
    pub(super) fn load(&self, index: usize) -> Result<&Loaded, &str> {
        let Some(provider) = self.all.get(index) else { return Err("no such provider") };
        provider.loaded.get_or_init(|| self.source.load(provider.entry)).as_ref().map_err(String::as_str)
    }

    /// Which provider a request is for: by the authority of its url or its `Host`, else by its first path segment; the only provider
    /// has everything else.
    pub(super) fn find(&self, host: Option<&str>, url: &Uri) -> Option<Found> {
        let path = url.path_and_query().map_or("/", PathAndQuery::as_str);
        let segment = url.path().strip_prefix('/')?.split('/').next().unwrap_or_default();
        let named = self.index(segment);
        let host = url.authority().map(Authority::host).or_else(|| host.map(without_port)).unwrap_or_default();
        let is_host = |index: &usize| self.all.get(*index).is_some_and(|provider| allows(provider.entry, host));
        let of_host = match named {
            // Several providers may share a host.
            Some(index) if is_host(&index) => None,
            _ => (0..self.all.len()).find(|index| is_host(index)),
        };
        let own = || if url.authority().is_none() { Some(url.clone()) } else { path.parse().ok() };
        match (of_host, named) {
            (None, Some(index)) => {
                let rest = path.get(1 + segment.len()..).unwrap_or_default();
                let url = if rest.starts_with('/') { rest.parse() } else { format!("/{rest}").parse() };
                Some(Found { index, url: url.ok()? })
            }
            (Some(index), _) => Some(Found { index, url: own()? }),
            (None, None) if self.all.len() == 1 => Some(Found { index: 0, url: own()? }),
            (None, None) => None,
        }
    }

    /// Puts new sandboxes in the place of the old, of one provider or of all that were read.
    ///
    /// # Errors
    /// When one cannot be made; those before it are new then.
    pub(super) fn reset(&self, only: Option<usize>) -> Result<(), String> {
        for (index, _) in self.all.iter().enumerate().filter(|(index, _)| only.is_none_or(|only| only == *index)) {
            if let Some(Ok(loaded)) = self.loaded(index) {
                let sandbox = self.source.sandbox(&loaded.subject)?;
                *loaded.sandbox.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(sandbox);
            }
        }
        Ok(())
    }
}

impl Loaded {
    /// The sandbox as it stands now.
    pub(super) fn sandbox(&self) -> Arc<Sandbox> {
        Arc::clone(&self.sandbox.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// The dummy credentials by dotted name.
    pub(super) fn credentials(&self) -> &BTreeMap<String, String> {
        &self.subject.credentials
    }
}

impl Source {
    fn load(&self, entry: &'static Entry) -> Result<Loaded, String> {
        let subject = self.world.subject(entry).map_err(|error| error.to_string())?;
        let sandbox = RwLock::new(Arc::new(self.sandbox(&subject)?));
        let credentials = toml_json(&toml::Value::Table(subject.profile.model.credentials.clone()));
        let masker = Masker::new(secrets_of(&entry.credentials_schema(), &credentials));
        Ok(Loaded { subject, sandbox, masker })
    }

    fn sandbox(&self, subject: &Subject) -> Result<Sandbox, String> {
        let suite = self.suite.get_or_init(|| self.world.suite().map_err(|error| error.to_string()));
        let suite = suite.as_ref().map_err(Clone::clone)?;
        let sandbox = Sandbox::new(subject, suite, self.seed).map_err(|error| error.to_string())?;
        sandbox.set_webhook_url(self.webhook_url.as_deref());
        Ok(sandbox)
    }
}

/// The name in a `Host` header.
pub(super) fn without_port(host: &str) -> &str {
    let ends_bracket = host.starts_with('[').then(|| host.find(']')).flatten();
    match ends_bracket {
        Some(end) => host.get(1..end).unwrap_or_default(),
        None => host.rsplit_once(':').map_or(host, |(name, _)| name),
    }
}

fn allows(entry: &Entry, host: &str) -> bool {
    match host.bytes().any(|byte| byte.is_ascii_uppercase()) {
        true => entry.spec.allows_host(&host.to_ascii_lowercase()),
        false => entry.spec.allows_host(host),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn providers(ids: &[&str]) -> Providers {
        let root = std::path::Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
        let entry = |id: &&str| *quittance_connectors::ALL.iter().find(|entry| entry.spec.id == *id).unwrap();
        let entries: Vec<&'static Entry> = ids.iter().map(entry).collect();
        let all = entries.iter().map(|entry| Provider { entry, loaded: OnceLock::new() }).collect();
        let by_id = entries.iter().enumerate().map(|(index, entry)| (entry.spec.id, index)).collect();
        let world = World::find(Some(root)).unwrap();
        Providers { all, by_id, source: Source { world, suite: OnceLock::new(), seed: 1, webhook_url: None } }
    }

    #[track_caller]
    fn found(providers: &Providers, host: &str, url: &str) -> Option<(&'static str, String)> {
        let found = providers.find(Some(host), &url.parse().unwrap())?;
        Some((providers.all[found.index].entry.spec.id, found.url.to_string()))
    }

    #[test]
    fn a_request_finds_its_provider() {
        let several = providers(&["stripe", "mollie"]);
        let to = |id, url: &str| Some((id, url.to_owned()));
        assert_eq!(found(&several, "127.0.0.1:80", "/stripe/v1/x?a=1"), to("stripe", "/v1/x?a=1"));
        assert_eq!(found(&several, "127.0.0.1:80", "/mollie?a=1"), to("mollie", "/?a=1"));
        assert_eq!(found(&several, "API.stripe.com:443", "/v1/x"), to("stripe", "/v1/x"));
        assert_eq!(found(&several, "api.mollie.com", "/v2/stripe/"), to("mollie", "/v2/stripe/"));
        assert_eq!(found(&several, "127.0.0.1", "http://api.stripe.com/v1/x?b"), to("stripe", "/v1/x?b"));
        assert_eq!(found(&several, "127.0.0.1", "/v1/x"), None);
        assert_eq!(found(&several, "[::1]:80", "/stripe"), to("stripe", "/"));
        let one = providers(&["stripe"]);
        assert_eq!(found(&one, "127.0.0.1", "/v1/x"), to("stripe", "/v1/x"));
        assert_eq!(found(&one, "127.0.0.1", "/stripe/v1/x"), to("stripe", "/v1/x"));
        assert_eq!(without_port("[::1]:80"), "::1");
    }
}

//! Where the commands go that leave this machine, and as whom.

use std::time::Duration;

use clap::Args;

use super::number::{number, seed};
use crate::certify;
use crate::live::Setting;
use crate::live::remote::Targets;
use crate::scenario::Suite;
use crate::world::{Subject, Unusable, World};

/// As whom a live run goes, and how long it waits: what `probe`, `record` and `drift` share.
#[derive(Debug, Args)]
pub(super) struct Environment {
    /// Credentials in the form of the connector's schema, TOML, or JSON in a file that ends in .json
    #[arg(long, value_name = "FILE")]
    pub(super) credentials: Option<String>,
    /// Trust the authorities of this file too, certificates in PEM: for an address with a certificate of a private one
    #[arg(long, value_name = "FILE")]
    pub(super) ca: Option<String>,
    /// Seed of keys and references; else a new one each time, so that an environment that remembers does not answer for an earlier run
    #[arg(long, value_name = "NUMBER", value_parser = seed)]
    seed: Option<u64>,
    /// How long a payment that is not decided is followed, and a delivery is waited for
    #[arg(long, value_name = "SECONDS", default_value_t = 5, value_parser = number::<u64>(0..=86_400))]
    patience: u64,
    /// How long one exchange may take
    #[arg(long, value_name = "SECONDS", default_value_t = 30, value_parser = number::<u64>(1..=600))]
    timeout: u64,
}

impl Environment {
    /// The setting, with these addresses in place of the provider's own.
    pub(super) fn setting(&self, base_urls: &[String]) -> Result<Setting, Unusable> {
        Ok(Setting {
            targets: Targets::parse(base_urls).map_err(|why| Unusable::Text(format!("--base-url: {why}")))?,
            credentials: self.credentials.clone(),
            authorities: self.ca.clone(),
            seed: self.seed,
            patience: Duration::from_secs(self.patience),
            timeout: Duration::from_secs(self.timeout),
        })
    }
}

/// A connector in its vendor's environment: what `record` and `drift` share.
#[derive(Debug, Args)]
pub(super) struct Vendor {
    /// The connector
    #[arg(value_name = "ID")]
    id: String,
    #[command(flatten)]
    environment: Environment,
    /// Send requests here instead of to the provider's hosts; HOST=URL for one host alone
    #[arg(long, value_name = "[HOST=]URL")]
    base_url: Vec<String>,
    /// Only scenarios whose id matches; `*` stands for any text
    #[arg(long, value_name = "GLOB")]
    pub(super) scenario: Option<String>,
}

impl Vendor {
    /// The suite, the connector with its tapes, and where and as whom it is played.
    pub(super) fn open(&self, world: &World) -> Result<(Suite, Subject, Setting), Unusable> {
        let suite = world.suite()?;
        let entries = world.entries(std::slice::from_ref(&self.id))?;
        let entry = entries.first().ok_or_else(|| Unusable::Text("give an ID".to_owned()))?;
        certify::known_scenario(&suite, self.scenario.as_deref())?;
        let setting = self.setting()?;
        Ok((suite, world.subject(entry)?, setting))
    }

    /// The setting of a run with somebody's account: it leaves this machine encrypted or not at all.
    fn setting(&self) -> Result<Setting, Unusable> {
        let setting = self.environment.setting(&self.base_url)?;
        if setting.credentials.is_none() && self.base_url.is_empty() {
            let told = "give --credentials FILE with an account of the vendor's test environment, or --base-url URL of a server that takes the profile's dummies";
            return Err(Unusable::Text(told.to_owned()));
        }
        match setting.targets.exposed().filter(|_| setting.credentials.is_some()) {
            Some(url) => {
                Err(Unusable::Text(format!("--base-url {url}: credentials leave this machine over https only")))
            }
            None => Ok(setting),
        }
    }
}

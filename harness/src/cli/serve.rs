//! `quittance serve`: sandboxes of providers, made of their tapes, for anybody's client.

use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use http::Uri;

use super::number::{number, seed};
use super::{say, tell_note};
use crate::serve::chaos::{Chaos, milliseconds};
use crate::serve::forms::{ProviderStarted, Started};
use crate::serve::{Limits, Plan, Server, TlsPlan, WebhookPlan};
use crate::world::{Unusable, World};

/// The port unless another is asked for.
const PORT: u16 = 4242;
/// How long a customer takes at most.
const MOST_PATIENT: Duration = Duration::from_secs(60);
/// Credentials longer than this (keys, certificates) are not printed.
const LONGEST_CREDENTIAL: usize = 80;

/// Serve sandboxes of providers, made of their tapes, to any client
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  quittance serve stripe                                    in place of https://api.stripe.com
  quittance serve stripe mollie --port 0 --json             a free port, told in one line of JSON
  quittance serve                                           every provider, each below /ID/
  quittance serve stripe --webhooks http://127.0.0.1:4243/webhooks
  quittance serve stripe --chaos latency=50ms..200ms,503=2%,503_after=1%,reset=1% --seed 7
  quittance serve stripe --tls --tls-authority ca.pem

A request finds its provider by its Host header, else by the first part of its path; a single provider also answers at the root. \
/_quittance shows traffic, payments and test cards, and sends webhooks; /_quittance/api is the same for programs \
(`quittance schema --formats`, serve-control).

Chaos: reset, timeout, html, cut, statuses from 400 to 599; alone before the provider acts, with _after once it has acted; \
duplicate_webhook; latency=A..B.

A payment that waits for its customer is decided after --customer, as its test card or method says, and its webhook comes then. \
Ctrl-C ends the server.")]
pub(super) struct Serve {
    /// The providers; all of the catalogue when none is named
    #[arg(value_name = "ID")]
    ids: Vec<String>,
    /// The port; 0 takes a free one
    #[arg(long, default_value_t = PORT, value_name = "N", value_parser = number::<u16>(0..=65_535))]
    port: u16,
    /// The address to listen on; others than this machine can reach the server unless it is a loopback address
    #[arg(long, default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST), value_name = "ADDRESS", value_parser = address)]
    bind: IpAddr,
    /// Serve HTTPS, with a certificate of an authority that is made at each start
    #[arg(long)]
    tls: bool,
    /// Where to write the authority's certificate; else to the folder for temporary files
    #[arg(long, value_name = "FILE", requires = "tls")]
    tls_authority: Option<PathBuf>,
    /// Where to send webhooks: https, or http on this machine
    #[arg(long, value_name = "URL", value_parser = receiver)]
    webhooks: Option<Uri>,
    /// How often a webhook is tried
    #[arg(long, default_value_t = 5, value_name = "N", value_parser = number::<u32>(1..=20), requires = "webhooks")]
    webhook_tries: u32,
    /// The pause before the second try; twice as long before each further one
    #[arg(long, default_value = "1s", value_name = "TIME", value_parser = pause, requires = "webhooks")]
    webhook_back_off: Duration,
    /// How long a payment waits that its customer or their bank decides about; 0s decides at once
    #[arg(long, default_value = "1s", value_name = "TIME", value_parser = patience)]
    customer: Duration,
    /// What goes wrong on purpose, and how often
    #[arg(long, default_value = "", value_name = "LIST", hide_default_value = true)]
    chaos: Chaos,
    /// The seed of ids and of chaos
    #[arg(long, default_value_t = 1, value_name = "N", value_parser = seed)]
    seed: u64,
    /// How many connections may be open
    #[arg(long, default_value_t = Limits::default().connections, value_name = "N", value_parser = number::<usize>(1..=100_000))]
    connections: usize,
    /// A name besides localhost by which the control page may be asked for
    #[arg(long = "name", value_name = "HOST")]
    names: Vec<String>,
    /// Print one line of JSON when it listens, and nothing else
    #[arg(long)]
    json: bool,
}

fn address(text: &str) -> Result<IpAddr, String> {
    text.parse().map_err(|_| "expected an IP address of this machine, as 127.0.0.1 or 0.0.0.0".to_owned())
}

fn receiver(text: &str) -> Result<Uri, String> {
    let url: Uri =
        text.parse().map_err(|error| format!("{error}; expected a url as http://127.0.0.1:4243/webhooks"))?;
    let host = url.host().unwrap_or_default().trim_matches(['[', ']']);
    let is_here = host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
    match url.scheme_str() {
        Some("https") => Ok(url),
        Some("http") if is_here => Ok(url),
        Some("http") => {
            Err("http leaves this machine unprotected; give an https url, or one of this machine".to_owned())
        }
        _ => Err("expected a url as http://127.0.0.1:4243/webhooks".to_owned()),
    }
}

fn pause(text: &str) -> Result<Duration, String> {
    milliseconds(text).map(Duration::from_millis).ok_or_else(|| "expected a time as 500ms or 2s".to_owned())
}

fn patience(text: &str) -> Result<Duration, String> {
    let time = milliseconds(text).map(Duration::from_millis).filter(|time| *time <= MOST_PATIENT);
    time.ok_or_else(|| "expected a time of at most 60s, as 500ms or 2s".to_owned())
}

impl Serve {
    pub(super) fn run(self, world: &World) -> Result<ExitCode, Unusable> {
        let plan = Plan {
            bind: self.bind,
            port: self.port,
            tls: self.tls.then(|| TlsPlan { authority: self.tls_authority.clone() }),
            webhooks: self.webhooks.clone().map(|url| WebhookPlan {
                url,
                tries: self.webhook_tries,
                back_off: self.webhook_back_off,
            }),
            chaos: self.chaos.clone(),
            customer: self.customer,
            seed: self.seed,
            names: self.names.clone(),
            limits: Limits { connections: self.connections, ..Limits::default() },
            ..Plan::new(world.entries(&self.ids)?)
        };
        // What is remembered stands behind one lock: several threads would wait for each other, and one answers more with less.
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| Unusable::Text(format!("no threads can be had: {error}")))?;
        let left = runtime.block_on(async {
            let server = Server::start(world, plan).await?;
            // Clients may come while the providers are still being read.
            let reading = server.reading();
            let read = tokio::task::spawn_blocking(|| reading.read());
            let serving = server.run(asked_to_end());
            tokio::pin!(serving);
            let started = tokio::select! {
                left = &mut serving => return Ok(left),
                read = read => read.map_err(|error| Unusable::Text(format!("reading the providers ended: {error}")))??,
            };
            match self.json {
                true => say(&serde_json::json!(started).to_string()),
                false => print(&started),
            }
            if !self.bind.is_loopback() {
                tell_note(&format!("{} can be reached from other machines", self.bind));
            }
            Ok::<usize, Unusable>(serving.await)
        })?;
        if left > 0 {
            tell_note(&format!("{left} webhooks were not delivered"));
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// Ready when the user or the system asks the process to end.
async fn asked_to_end() {
    let interrupt = async {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    #[cfg(unix)]
    let terminate = async {
        match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
            Ok(mut signal) => drop(signal.recv().await),
            Err(_) => std::future::pending().await,
        }
    };
    #[cfg(not(unix))]
    let terminate = std::future::pending::<()>();
    tokio::select! {
        () = interrupt => {}
        () = terminate => {}
    }
}

fn print(started: &Started) {
    let is_only = started.providers.len() == 1;
    for provider in &started.providers {
        say(&format!("{:20} {}", provider.id, provider.base_url));
        if !is_only && provider.credentials.is_none() {
            continue;
        }
        details(provider);
    }
    if started.providers.iter().any(|provider| provider.credentials.is_none()) {
        say("\nCredentials stand in fixtures/ID/profile.toml; `quittance serve ID` prints them with the test cards.");
    }
    say("");
    if let Some(authority) = &started.tls_authority {
        say(&format!("Trust         {authority}"));
    }
    if let Some(webhooks) = &started.webhooks {
        say(&format!("Webhooks to   {webhooks}"));
    }
    if let Some(chaos) = &started.chaos {
        say(&format!("Chaos         {chaos}"));
    }
    say(&format!("Seed          {}", started.seed));
    say(&format!("Control page  {}", started.control_url));
    say("Ctrl-C ends it.");
}

fn details(provider: &ProviderStarted) {
    say(&format!("  in place of https://{}", provider.hosts.join(", https://")));
    for (name, value) in provider.credentials.iter().flatten() {
        match value.len() > LONGEST_CREDENTIAL || value.contains('\n') {
            true => say(&format!("  {name:30} see fixtures/{}/profile.toml", provider.id)),
            false => say(&format!("  {name:30} {value}")),
        }
    }
    for outcome in provider.outcomes.iter().flatten() {
        say(&format!("  {:8} {:21} {:22} {}", outcome.kind, outcome.name, outcome.value, outcome.outcome));
    }
}

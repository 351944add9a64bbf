//! A wallet's token opened by its own connector and paid with at a provider: what comes out is what providers take.

use std::sync::Arc;

use libtest_mimic::Failed;
use quittance::{Family, MethodKind, NetworkToken};
use quittance_harness::certify::SEED;
use quittance_harness::run::case::{Bench, Case, Played, play};
use quittance_harness::run::plan::{Planned, plan};
use quittance_harness::scenario::Suite;
use quittance_harness::view::Outcome;
use quittance_harness::world::{self, Subject};

use super::{complain, world};

pub(crate) fn tests(add: &mut impl FnMut(&str, fn() -> Result<(), Failed>)) {
    add("wallets::opened_here_and_paid_there", opened_here_and_paid_there);
}

/// The connector that opens a wallet's tokens, the scenario of it, and the source that the token then names.
const WALLETS: [(&str, &str, &str); 2] =
    [("apple-pay", "unwrap_token.apple_pay", "apple_pay"), ("google-pay", "unwrap_token.google_pay", "google_pay")];

/// A provider whose request is the same for tokens of every source, so that its tape holds for all.
const PROVIDER: &str = "authorize-net";

fn opened_here_and_paid_there() -> Result<(), Failed> {
    let suite = world().suite().map_err(|unusable| unusable.to_string())?;
    let mut complaints = Vec::new();
    for (wallet, scenario, source) in WALLETS {
        let subject = subject(wallet)?;
        let token = opened(&played(&subject, &suite, scenario)?)?;
        if token.needs_three_ds() || token.number.expose() != "4895370012345671" || token.expiry.yymm() != "3012" {
            complaints.push(format!("{wallet}: {token:?}"));
        }
        let mut provider = self::subject(PROVIDER)?;
        assert!(provider.entry.spec.methods.contains(&MethodKind::of(Family::NetworkToken)));
        provider.profile.model.methods.insert("network_token".to_owned(), sample(&token, source));
        let paid = played(&provider, &suite, "network_token.captured")?;
        complaints.extend(paid.findings.iter().map(|found| format!("{wallet} at {PROVIDER}: {found}")));
    }
    complain(complaints)
}

fn subject(id: &str) -> Result<Subject, Failed> {
    let entry = world::find(id).ok_or(format!("no connector {id}"))?;
    world().subject(entry).map_err(|unusable| unusable.to_string().into())
}

fn played(subject: &Subject, suite: &Suite, scenario: &str) -> Result<Played, Failed> {
    let planned = plan(suite, subject.entry.spec, &subject.profile, &subject.tapes, &subject.folder);
    let cases = planned.iter().find(|(candidate, _)| candidate.id == scenario).map(|(_, planned)| planned);
    let Some(Planned::Cases(cases)) = cases else { return Err(format!("{scenario} does not apply").into()) };
    let case: &Case = cases.first().ok_or(format!("{scenario} has no case"))?;
    let bench = Bench {
        connector: &*subject.connector,
        profile: &subject.profile,
        credentials: &Arc::clone(&subject.credentials),
        wire: None,
        proven: None,
        seed: SEED,
    };
    Ok(play(bench, case))
}

fn opened(played: &Played) -> Result<NetworkToken, Failed> {
    match played.ended.first().map(|ended| &ended.result) {
        Some(Ok(Outcome::Token(token))) => Ok(token.clone()),
        Some(Ok(_)) | None => Err("no token came out".into()),
        Some(Err(error)) => Err(error.to_string().into()),
    }
}

/// The token as a profile's sample of the method.
fn sample(token: &NetworkToken, source: &str) -> toml::Table {
    let expiry = [("month", i64::from(token.expiry.month())), ("year", i64::from(token.expiry.year()))];
    let expiry: toml::Table = expiry.map(|(name, value)| (name.to_owned(), value.into())).into_iter().collect();
    let mut sample = toml::Table::from_iter([("expiry".to_owned(), toml::Value::Table(expiry))]);
    let cryptogram = token.cryptogram.as_ref().map_or("", |cryptogram| cryptogram.expose());
    let eci = token.eci.as_deref().unwrap_or_default();
    for (name, value) in
        [("number", token.number.expose()), ("cryptogram", cryptogram), ("eci", eci), ("source", source)]
    {
        sample.insert(name.to_owned(), value.into());
    }
    sample
}

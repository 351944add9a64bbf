//! The certificates that `quittance certify` writes.

use std::path::{Path, PathBuf};

use clap::Args;

use super::say;
use crate::certificate::key::SigningKey;
use crate::certificate::tree::Trees;
use crate::certificate::{Certificate, Issue, Summary};
use crate::certify::report::{Line, Report};
use crate::files::write_atomically;
use crate::world::{Unusable, World};

/// Where certificates go, and who signs them.
#[derive(Debug, Args)]
pub(super) struct Certificates {
    /// Write a signed certificate of each connector that reached a level into this folder, as ID.json
    #[arg(long, value_name = "DIR", requires = "key", conflicts_with_all = ["scenario", "tier", "descriptions"])]
    certificates: Option<PathBuf>,
    /// The private key that signs them; `quittance key new FILE` makes one
    #[arg(long, value_name = "FILE", requires = "certificates")]
    key: Option<PathBuf>,
}

/// A folder for certificates and the key that signs them, both known to be usable before the run.
#[derive(Debug)]
pub(super) struct Issuer {
    folder: PathBuf,
    key: SigningKey,
}

impl Certificates {
    /// Makes the folder and reads the key; none when no certificates are asked for.
    pub(super) fn issuer(&self) -> Result<Option<Issuer>, Unusable> {
        let (Some(folder), Some(key)) = (&self.certificates, &self.key) else { return Ok(None) };
        let key = SigningKey::read(key).map_err(Unusable::Text)?;
        std::fs::create_dir_all(folder).map_err(|error| unwritten(folder, &error))?;
        Ok(Some(Issuer { folder: folder.clone(), key }))
    }
}

impl Issuer {
    /// Writes the certificate of each connector that reached a level. A file is replaced as a whole or not at all.
    pub(super) fn write(&self, world: &World, report: &Report, quiet: bool) -> Result<(), Unusable> {
        for summary in &report.summaries {
            let told = match summary.level {
                Some(_) => self.write_one(world, report, summary)?,
                None => format!("no certificate of {}: {}", summary.connector, summary.missing.join("; ")),
            };
            if !quiet {
                say(&told);
            }
        }
        Ok(())
    }

    fn write_one(&self, world: &World, report: &Report, summary: &Summary) -> Result<String, Unusable> {
        let connector = &summary.connector;
        let lines: Vec<&Line> = report.lines.iter().filter(|line| line.connector == *connector).collect();
        let issue = Issue {
            summary,
            lines: &lines,
            seed: report.header.seed,
            suite_version: &report.header.suite,
            trees: Trees::of(&world.root, connector).map_err(Unusable::Text)?,
            today: world.today,
        };
        let certificate = Certificate::issue(&issue, &self.key).map_err(Unusable::Text)?;
        let path = self.folder.join(format!("{connector}.json"));
        write_atomically(&path, certificate.to_json().as_bytes()).map_err(|error| unwritten(&path, &error))?;
        Ok(format!("{}: {}, good until {}", path.display(), certificate.title, certificate.expires))
    }
}

fn unwritten(path: &Path, error: &std::io::Error) -> Unusable {
    Unusable::Text(format!(
        "{}: certificates cannot be written: {error}; choose another --certificates",
        path.display()
    ))
}

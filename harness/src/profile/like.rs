//! Providers that share a wire protocol share its files: a profile may say that another's profile and tapes hold for it too.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use aho_corasick::{AhoCorasick, MatchKind};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::ProfileModel;
use crate::bad_input::{Document, FieldPath, FileError, with_near};
use crate::tape::model::{Provenance, ProvenanceKind, TapeModel};
use crate::unfilled::Place;
use crate::world::{find, near};

/// Whose profile and tapes hold for this connector too. What its own files state goes before them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Like {
    /// The other connector, whose profile has no `[like]` of its own.
    pub connector: String,
    /// Texts in the other's files, as hosts, and what stands in their place here.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub replace: BTreeMap<String, String>,
    /// Where this provider publishes that it takes and gives these bytes: `documented`. Left out, they count as synthesised.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provenance: Option<Provenance>,
}

/// Whether an address, or what else is one text, ends before this letter.
fn ends(letter: char) -> bool {
    letter.is_whitespace() || matches!(letter, '"' | '\'' | '<' | '>' | '?' | '$')
}

/// What is read of a profile before it is known whether the file is all of it.
#[derive(Deserialize)]
struct Head {
    like: Option<Like>,
}

impl Like {
    /// The other's fixture folder, beside that of the connector.
    pub fn folder(&self, own: &Path) -> PathBuf {
        own.with_file_name(&self.connector)
    }

    /// A text of the other's files as it reads here.
    pub fn applied(&self, text: &str) -> String {
        let (from, to): (Vec<&String>, Vec<&String>) = self.replace.iter().unzip();
        match AhoCorasick::builder().match_kind(MatchKind::LeftmostLongest).build(from) {
            Ok(finder) => finder.replace_all(text, &to),
            Err(_) => text.to_owned(),
        }
    }

    /// Where the other's name or one of its hosts is left in a text of its files once all is replaced; `own` is the connector's id.
    /// Comments, and lines that say where bytes come from, speak of the other rightly.
    pub(crate) fn remains(&self, text: &str, own: &str) -> Vec<Place> {
        let words = self.words(own);
        let gone: BTreeMap<String, String> =
            self.replace.keys().map(|from| (from.clone(), "\n".repeat(from.matches('\n').count()))).collect();
        let left = Like { replace: gone, ..self.clone() }.applied(text);
        let Ok(finder) =
            AhoCorasick::builder().ascii_case_insensitive(true).match_kind(MatchKind::LeftmostLongest).build(&words)
        else {
            return Vec::new();
        };
        let speaks = |line: &str| ["#", "source =", "provenance ="].iter().any(|start| line.starts_with(start));
        let mut places = Vec::new();
        for (number, line) in left.lines().enumerate().filter(|(_, line)| !speaks(line.trim_start())) {
            for found in finder.find_iter(line) {
                let (before, rest) = line.split_at_checked(found.start()).unwrap_or_default();
                let start = before.len() - before.rsplit(ends).next().unwrap_or_default().len();
                let end = found.start() + rest.find(ends).unwrap_or(rest.len());
                let what = format!(
                    "`{}` is of {}: say in [like.replace] of fixtures/{own}/profile.toml what stands there",
                    line.get(start..end).unwrap_or_default(),
                    self.connector
                );
                places.push(Place { line: number + 1, what });
            }
        }
        places
    }

    /// What tells the other from everyone else: its hosts, its names, and the words of its id that its hosts are named by. What is part of
    /// a host of the connector's own tells nothing.
    fn words(&self, own: &str) -> Vec<String> {
        // A program that has neither of them knows the hosts of none.
        if self.connector == own || find(own).or_else(|| find(&self.connector)).is_none() {
            return Vec::new();
        }
        let hosts = |id: &str| find(id).map_or(&[][..], |entry| entry.spec.hosts);
        let theirs = hosts(&self.connector);
        let is_label = |word: &&str| theirs.iter().any(|host| host.split('.').any(|label| label == *word));
        let short = self.connector.split('-').filter(|word| word.len() > 3).filter(is_label);
        let name = find(&self.connector).map(|entry| entry.spec.name);
        let all = theirs.iter().copied().chain(short).chain(name).chain([self.connector.as_str()]);
        let is_own = |word: &String| hosts(own).iter().any(|host| host.contains(word.as_str()));
        all.map(str::to_ascii_lowercase).filter(|word| !is_own(word)).collect()
    }

    /// What a tape of the other claims here: no more than it claims there, and only what this provider publishes itself.
    pub(crate) fn claimed(&self, tape: &mut TapeModel) {
        let own = self.provenance.as_ref();
        let lowered = |there: &mut Provenance| match own.filter(|_| there.kind != ProvenanceKind::Synthesised) {
            Some(own) => *there = own.clone(),
            None => {
                let kind = ProvenanceKind::Synthesised;
                *there = Provenance { kind, source: None, seen: None, environment: None };
            }
        };
        lowered(&mut tape.provenance);
        let exchanges = tape.exchange.iter_mut().filter_map(|exchange| exchange.provenance.as_mut());
        let deliveries = tape.webhook.iter_mut().filter_map(|webhook| webhook.provenance.as_mut());
        exchanges.chain(deliveries).for_each(lowered);
    }

    /// The first text to be replaced that stands nowhere in the other's files, nor in a host that it declares, and what is told of all such
    /// with what comes near each.
    fn idle(&self, own: &Path) -> Option<(&str, String)> {
        // A program that has not the other knows none of its hosts.
        let hosts = find(&self.connector)?.spec.hosts;
        let files = std::fs::read_dir(self.folder(own)).ok()?.flatten().map(|entry| entry.path());
        let files = files.filter(|path| path.extension().is_some_and(|extension| extension == "toml"));
        let text: String = files.filter_map(|path| std::fs::read_to_string(path).ok()).collect();
        self.idle_in(&text, hosts)
    }

    fn idle_in(&self, text: &str, hosts: &[&str]) -> Option<(&str, String)> {
        let is_idle = |from: &&String| !text.contains(from.as_str()) && !hosts.iter().any(|host| host.contains(*from));
        let mut all = self.replace.keys().filter(is_idle);
        let hint = |from: &str| {
            let tokens: BTreeSet<&str> = text.split(ends).filter(|token| token.len() * 2 > from.len()).collect();
            let close = near(from, &tokens.into_iter().collect::<Vec<_>>());
            close.first().map(|close| format!("; did you mean `{close}`?")).unwrap_or_default()
        };
        let first = all.next()?;
        let mut told =
            format!("expected a text of the files of {}, found none that has it{}", self.connector, hint(first));
        for other in all {
            told.push_str(&format!("; nor has any `{other}`{}", hint(other)));
        }
        Some((first, told))
    }

    /// What is wrong: field and message.
    pub(super) fn check(&self) -> Vec<(&'static str, String)> {
        let mut wrong = Vec::new();
        if self.connector.is_empty() || self.connector.contains(['/', '\\', '.']) {
            wrong.push(("connector", "expected the id of another connector".to_owned()));
        }
        if self.replace.keys().any(String::is_empty) {
            wrong.push(("replace", "expected texts that are not empty".to_owned()));
        }
        match &self.provenance {
            Some(own) if own.kind == ProvenanceKind::Recorded => {
                wrong.push(("provenance", "expected `documented`: what was recorded is a tape of its own".to_owned()));
            }
            Some(own) => wrong.extend(own.check().err().map(|(_, message)| ("provenance", message))),
            None => {}
        }
        wrong
    }
}

/// Reads a profile, with that of another connector below it where it says so. Tables are joined member by member; of anything else
/// that both have, the connector's own stands.
pub(super) fn read(document: &Document, folder: &Path) -> Result<ProfileModel, FileError> {
    let Some(like) = document.parse::<Head>()?.like else { return document.parse() };
    let refuse = |field: &str, message: String| document.error(&FieldPath::root().key("like").key(field), message);
    if let Some((field, message)) = like.check().into_iter().next() {
        return Err(refuse(field, message));
    }
    if let Some((key, message)) = like.idle(folder) {
        let path = FieldPath::root().key("like").key("replace").key(key);
        return Err(document.error(&path, message));
    }
    let other = Document::read(&like.folder(folder).join("profile.toml"))
        .map_err(|error| refuse("connector", error.to_string()))?;
    let other = Document::new(other.file.as_str(), like.applied(&other.text));
    let mut whole: toml::Table = other.parse()?;
    if whole.contains_key("like") {
        return Err(refuse("connector", "expected a connector whose profile has no `[like]` of its own".to_owned()));
    }
    join(&mut whole, document.parse()?);
    let read: Result<ProfileModel, toml::de::Error> = whole.try_into();
    read.map_err(|error| {
        document.error(&FieldPath::root(), with_near(error.message().trim_end_matches('.').to_owned()))
    })
}

fn join(below: &mut toml::Table, above: toml::Table) {
    for (name, value) in above {
        match (below.get_mut(&name), value) {
            (Some(toml::Value::Table(below)), toml::Value::Table(above)) => join(below, above),
            (_, value) => {
                below.insert(name, value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn like(text: &str) -> Like {
        toml::from_str(text).unwrap()
    }

    #[test]
    fn hosts_are_replaced_at_once() {
        let like = like("connector = \"acme\"\nreplace = { \"a.test\" = \"b.test\", \"b.test\" = \"c.test\" }");
        assert_eq!(like.applied("https://a.test/b.test"), "https://b.test/c.test");
    }

    #[test]
    fn what_is_left_of_another_is_found() {
        const OTHER: &str = crate::reference::ID;
        let host = find(OTHER).unwrap().spec.hosts.first().unwrap();
        let like = like(&format!(
            "connector = \"{OTHER}\"\nreplace = {{ \"https://{host}/v1\" = \"https://bank.test/{OTHER}\" }}"
        ));
        let text = format!(
            "# of {OTHER}\nsource = \"https://{host}\"\nurl = \"https://{host}/v1/a\"\ntext = \"2599QR.{}/x {}\"\n",
            host.to_uppercase(),
            OTHER.to_uppercase()
        );
        let found: Vec<(usize, String)> =
            like.remains(&text, "bank").into_iter().map(|place| (place.line, place.what)).collect();
        assert!(matches!(found.as_slice(), [(4, _), (4, _)]), "{found:?}");
        assert!(found.iter().all(|(_, what)| what.contains("fixtures/bank/profile.toml")), "{found:?}");
        assert!(
            found.iter().any(|(_, what)| what.starts_with(&format!("`2599QR.{}/x` ", host.to_uppercase()))),
            "{found:?}"
        );
        let text = format!("url = \"https://{host}/v2/b?c=d\"\n");
        let found = like.remains(&text, "bank").into_iter().map(|place| place.what).collect::<Vec<_>>();
        assert!(
            matches!(found.as_slice(), [what] if what.starts_with(&format!("`https://{host}/v2/b` "))),
            "the whole address: {found:?}"
        );
        assert!(like.remains(&text, OTHER).is_empty(), "its own");
    }

    #[test]
    fn texts_that_stand_nowhere_are_told_together() {
        let like = like(
            "connector = \"acme\"\nreplace = { \"/oauth2/authorise\" = \"/a\", \"api.acme.test\" = \"b\", \"acme.tset\" = \"c\" }",
        );
        let text = "url = \"https://acme.test/v1\"\npage = \"/oauth2/authorize\"\n";
        let (first, told) = like.idle_in(text, &["api.acme.test"]).unwrap();
        assert_eq!(first, "/oauth2/authorise");
        assert!(told.contains("did you mean `/oauth2/authorize`?; nor has any `acme.tset`"), "{told}");
        assert!(!told.contains("api.acme.test"), "{told}");
    }

    #[test]
    fn a_tape_of_another_claims_what_this_provider_publishes() {
        const TAPE: &str = "[provenance]\nkind = \"recorded\"\nsource = \"there\"\nseen = \"2026-11-22\"\n\
            environment = \"sandbox\"\n[[webhook]]\nstep = 1\nbody = \"\"\nprovenance = { kind = \"synthesised\" }";
        let claims = |like: &Like| {
            let mut tape: TapeModel = toml::from_str(TAPE).unwrap();
            like.claimed(&mut tape);
            let delivery = tape.webhook.first().and_then(|webhook| webhook.provenance.clone());
            (tape.provenance.kind, tape.provenance.source, delivery.map(|delivery| delivery.kind))
        };
        let none = like("connector = \"acme\"");
        let synthesised = ProvenanceKind::Synthesised;
        assert_eq!(claims(&none), (synthesised, None, Some(synthesised)));
        let here =
            "connector = \"acme\"\n[provenance]\nkind = \"documented\"\nsource = \"here\"\nseen = \"2026-11-22\"";
        let documented = ProvenanceKind::Documented;
        assert_eq!(claims(&like(here)), (documented, Some("here".to_owned()), Some(synthesised)));
        assert!(!like("connector = \"../acme\"").check().is_empty());
        assert!(!like("connector = \"acme\"\n[provenance]\nkind = \"recorded\"").check().is_empty());
    }

    #[test]
    fn own_members_go_before() {
        let table = |text: &str| text.parse::<toml::Table>().unwrap();
        let mut whole = table("id = \"a\"\nlist = [1, 2]\n[credentials]\nkey = \"a\"\nother = \"a\"");
        join(&mut whole, table("id = \"b\"\nlist = [3]\n[credentials]\nkey = \"b\""));
        assert_eq!(whole, table("id = \"b\"\nlist = [3]\n[credentials]\nkey = \"b\"\nother = \"a\""));
    }
}

//! Checking a certificate: form, signature, trust and dates, then every file of which it speaks, then the verdicts by running
//! everything again. Nothing is believed that can be computed.

use std::fmt;

use jiff::civil::Date;
use quittance::Entry;

use super::built;
use super::document::{Certificate, Verdicts, expires};
use super::form::{Fault, Text};
use super::key::{PublicKey, Trust};
use super::level::Level;
use super::summary::{Facts, Summary};
use super::tree::{Trees, short};
use crate::bad_input::FileError;
use crate::certify::report::{Header, Line};
use crate::certify::{self, Options, Plan, Tiers};
use crate::product;
use crate::run::wire::Wire;
use crate::world::{Unusable, World};

/// Why a certificate is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum About {
    /// It is not written as a certificate is.
    Form,
    /// A signature does not fit.
    Signature,
    /// The issuer's key is not trusted.
    Trust,
    /// It was issued in the future, is good no more, or for too long.
    Dates,
    /// Its sources are not those of this tree.
    Source,
    /// Its scenarios are not those of this tree.
    Suite,
    /// Its profile and tapes are not those of this tree.
    Tapes,
    /// It was made with another toolchain.
    Toolchain,
    /// Running everything again found something else.
    Verdicts,
}

impl About {
    /// The reason in one word.
    pub const fn as_str(self) -> &'static str {
        match self {
            About::Form => "form",
            About::Signature => "signature",
            About::Trust => "trust",
            About::Dates => "dates",
            About::Source => "source",
            About::Suite => "suite",
            About::Tapes => "tapes",
            About::Toolchain => "toolchain",
            About::Verdicts => "verdicts",
        }
    }
}

impl fmt::Display for About {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One reason to refuse a certificate, with its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The kind of reason.
    pub about: About,
    /// What is wrong, with line and field of the certificate.
    pub error: FileError,
}

/// What a check of a certificate came to.
#[derive(Debug)]
pub struct Verified {
    /// The certificate, unless its form was refused.
    pub certificate: Option<Certificate>,
    /// Why it is refused; empty when it holds.
    pub refusals: Vec<Refusal>,
    /// Whether the issuer is trusted; none when nobody said whom to trust.
    pub trusted: Option<bool>,
    /// The second party, when its signature fits.
    pub second_party: Option<PublicKey>,
    /// Whether everything was run again.
    pub ran_again: bool,
    /// The level that holds today: gold when a trusted second party signed and the recordings are live, else that of the certificate.
    pub level: Option<Level>,
}

/// Checks a certificate against the project that `world` names.
///
/// # Errors
/// What cannot be judged here: text that is no JSON, a connector that the catalogue does not have, a project that cannot be read, and
/// a program that was built from other sources than those that stand here.
pub fn verify(world: &World, text: Text<'_>, trust: Option<&Trust>) -> Result<Verified, Unusable> {
    let none = Verified {
        certificate: None,
        refusals: Vec::new(),
        trusted: None,
        second_party: None,
        ran_again: false,
        level: None,
    };
    let certificate = match text.read() {
        Ok(certificate) => certificate,
        Err(Fault::Unusable(error)) => return Err(Unusable::Files(vec![error])),
        Err(Fault::Refused(errors)) => {
            let refusals = errors.into_iter().map(|error| Refusal { about: About::Form, error }).collect();
            return Ok(Verified { refusals, ..none });
        }
    };
    let entry = product::find(&certificate.connector).ok_or_else(|| {
        let told = format!("the catalogue has no connector `{}`", certificate.connector);
        Unusable::Files(vec![text.error("connector", told)])
    })?;
    let second_party = certificate.second_key();
    let trusted = trust.map(|trust| is_trusted(trust, &certificate));
    let mut check = Check { text, certificate: &certificate, refusals: Vec::new() };
    check.signatures();
    check.issuer(trusted);
    check.dates(world.today);
    let trees = Trees::of(&world.root, entry.spec.id).map_err(Unusable::Text)?;
    let same_files = check.trees(&trees);
    let mut live = false;
    if same_files {
        built::check(&trees).map_err(Unusable::Text)?;
        live = check.run_again(world, entry)?;
    }
    let refusals = check.refusals;
    let seconded = second_party.is_some_and(|key| trust.is_some_and(|trust| trust.keys.contains(&key)));
    let gold = certificate.level == Level::Silver && live && seconded && trusted == Some(true);
    let level = refusals.is_empty().then_some(if gold { Level::Gold } else { certificate.level });
    Ok(Verified { certificate: Some(certificate), refusals, trusted, second_party, ran_again: same_files, level })
}

fn is_trusted(trust: &Trust, certificate: &Certificate) -> bool {
    certificate.public_key.parse().is_ok_and(|key| trust.keys.contains(&key))
}

/// A check of one certificate under way.
struct Check<'a> {
    text: Text<'a>,
    certificate: &'a Certificate,
    refusals: Vec<Refusal>,
}

impl Check<'_> {
    fn refuse(&mut self, about: About, field: &str, message: impl Into<String>) {
        self.refusals.push(Refusal { about, error: self.text.error(field, message) });
    }

    /// Refuses when a stated value is not the one that was computed.
    fn same<T: PartialEq + fmt::Debug>(&mut self, about: About, field: &str, stated: &T, computed: &T) {
        if stated != computed {
            self.refuse(about, field, format!("states {stated:?}, computed is {computed:?}"));
        }
    }

    fn signatures(&mut self) {
        if !self.certificate.is_signed() {
            let told = "does not fit the key and the content: the certificate was changed after it was signed";
            self.refuse(About::Signature, "signature", told);
        }
        let second = self.certificate.second_party.as_ref();
        if let Some(second) = second.filter(|_| self.certificate.second_key().is_none()) {
            match second.public_key == self.certificate.public_key {
                true => {
                    let told = "is the issuer's own key: a second party has one of its own";
                    self.refuse(About::Signature, "second_party.public_key", told);
                }
                false => {
                    let told = "does not fit the second party's key and the content";
                    self.refuse(About::Signature, "second_party.signature", told);
                }
            }
        }
    }

    fn issuer(&mut self, trusted: Option<bool>) {
        if trusted == Some(false) {
            let told = format!("{} is not among the trusted keys", self.certificate.public_key);
            self.refuse(About::Trust, "public_key", told);
        }
    }

    fn dates(&mut self, today: Date) {
        let (Ok(issued), Ok(last)) =
            (self.certificate.issued.parse::<Date>(), self.certificate.expires.parse::<Date>())
        else {
            return;
        };
        if issued > today {
            self.refuse(About::Dates, "issued", format!("{issued} lies in the future: today is {today}"));
        }
        if last < today {
            self.refuse(About::Dates, "expires", format!("expired on {last}: certify again"));
        }
        let due = expires(issued, &self.certificate.facts);
        if last != due {
            let told = format!("states {last}, but a certificate issued on {issued} with its exemptions ends on {due}");
            self.refuse(About::Dates, "expires", told);
        }
    }

    /// Compares every file; says whether all are the same.
    fn trees(&mut self, here: &Trees) -> bool {
        let before = self.refusals.len();
        let certificate = self.certificate;
        let pairs = [
            (About::Toolchain, "toolchain.tree.files", &certificate.toolchain.tree, &here.toolchain),
            (About::Source, "source.files", &certificate.source, &here.source),
            (About::Suite, "suite.tree.files", &certificate.suite.tree, &here.suite),
            (About::Tapes, "tapes.files", &certificate.tapes, &here.tapes),
        ];
        for (about, field, stated, here) in pairs {
            for difference in stated.differences(here) {
                self.refuse(about, field, difference);
            }
        }
        self.same(
            About::Toolchain,
            "toolchain.rustc",
            &certificate.toolchain.rustc.as_str(),
            &product::installed().rustc,
        );
        self.same(About::Toolchain, "toolchain.harness", &certificate.toolchain.harness.as_str(), &built::HARNESS);
        self.refusals.len() == before
    }

    /// Runs everything again and compares what the certificate says of it; says whether the recordings are live today.
    fn run_again(&mut self, world: &World, entry: &'static Entry) -> Result<bool, Unusable> {
        let certificate = self.certificate;
        let suite = world.suite()?;
        let mut subject = world.subject(entry)?;
        let options = Options { seed: certificate.seed, tiers: Tiers::Both, narrowed: None };
        let wire = Wire::start().map_err(|error| Unusable::Text(format!("loopback servers cannot start: {error}")))?;
        let mut lines = certify::in_memory(&suite, &subject, &options);
        certify::add_the_wire(&suite, &subject, &options, &wire, &mut lines);
        let plan = Plan::of(&suite, &subject);
        let live = Facts::of(&plan, &subject).unrecorded == 0;
        // What depends on the day is judged as of the day of issue.
        subject.today = certificate.issued.parse().unwrap_or(world.today);
        let facts = Facts::of(&plan, &subject);
        let header = Header::of(&suite, &options, vec![certificate.connector.clone()]);
        let summary = Summary::of(&header, &lines, &certificate.connector, facts);
        self.same(About::Suite, "suite.version", &certificate.suite.version, &suite.version);
        self.compare(&summary, &lines);
        Ok(live)
    }

    fn compare(&mut self, summary: &Summary, lines: &[Line]) {
        let stated = self.certificate;
        let computed = Verdicts::of(stated.seed, &lines.iter().collect::<Vec<_>>());
        if stated.verdicts.digest != computed.digest {
            let (then, now) = (short(&stated.verdicts.digest), short(&computed.digest));
            let told = format!("running everything again with seed {} gave {now}, not {then}", stated.seed);
            self.refuse(About::Verdicts, "verdicts.digest", told);
        }
        self.same(About::Verdicts, "verdicts.counts", &stated.verdicts.counts, &computed.counts);
        self.same(About::Verdicts, "verdicts.trials", &stated.verdicts.trials, &computed.trials);
        self.same(About::Verdicts, "level", &Some(stated.level), &summary.level);
        self.same(About::Verdicts, "title", &stated.title, &summary.title);
        self.same(About::Verdicts, "mutation", &stated.mutation, &summary.mutation);
        self.same(About::Verdicts, "facts.provenance", &stated.facts.provenance, &summary.facts.provenance);
        self.same(About::Verdicts, "facts.unrecorded", &stated.facts.unrecorded, &summary.facts.unrecorded);
        self.same(About::Verdicts, "facts.exemptions", &stated.facts.exemptions, &summary.facts.exemptions);
    }
}

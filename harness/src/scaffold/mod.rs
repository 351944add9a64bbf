//! A new connector: its crate, its profile, a tape for each thing that can be done, and its lines in the catalogue.
//!
//! These few tapes are models: once they are filled in, `quittance tapes` drafts the rest of what the declarations select out of them.
//! What nobody knows yet is marked (see [`crate::unfilled`]), so that the connector compiles and stands at the level draft from the first
//! minute, and no further before the last mark is gone. All files are made first, read back as the harness will read them, and then
//! written so that all of them stand in the end, or none.

#[cfg(feature = "descriptions")]
mod answer;
#[cfg(feature = "descriptions")]
mod api;
#[cfg(feature = "descriptions")]
mod candidate;
mod catalogue;
mod design;
#[cfg(feature = "descriptions")]
mod document;
#[cfg(feature = "descriptions")]
mod fields;
mod hooks;
mod missing;
mod moved;
mod name;
mod reads;
#[cfg(feature = "descriptions")]
mod routes;
#[cfg(feature = "descriptions")]
mod schema;
mod shape;
mod source;
mod tape;
mod write;

use std::path::{Path, PathBuf};

use quittance::{
    CaptureRules, Currencies, Family, Idempotency, LookupKind, MethodKind, Op, RefundRules, Spec, VoidRules,
};
use schemars::JsonSchema;
use serde::Serialize;

use crate::certify::declared;
use crate::profile::Profile;
use crate::run::plan::{self, Planned, Tapes};
use crate::scenario::Scenario;
use crate::tape::Tape;
use crate::unfilled;
use crate::world::{Unusable, World};
use design::Design;
pub use missing::{MissingTape, TapesReport, tapes};
use name::Names;
pub use shape::{AmountForm, Body, Endpoint};
use write::{Edit, Folder};

/// What a new connector is asked to be.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// The id: folder, crate suffix, feature and fixture folder.
    pub id: String,
    /// The name for people; else made of the id.
    pub name: Option<String>,
    /// The family of `sdk/families` whose wire protocol it speaks.
    pub family: Option<String>,
    /// A description of its API: OpenAPI 3 or Swagger 2.0, JSON or YAML.
    pub from: Option<PathBuf>,
    /// How the bodies of requests are written; else as the description has it.
    pub body: Option<Body>,
    /// Where the operations are, unless a description says it.
    pub endpoint: Endpoint,
    /// How amounts are written, unless a description says it.
    pub amount: AmountForm,
    /// The provider's documentation.
    pub documentation: Option<String>,
    /// The requests of the description that somebody has named, as `retrieve=GET /payments/{id}`, or `void=none`.
    pub routes: Vec<String>,
    /// What stands before the paths in the test environment.
    pub sandbox: Option<String>,
    /// The same in the live environment.
    pub live: Option<String>,
}

/// What was made, or would be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Scaffold {
    /// The connector's id.
    pub id: String,
    /// Its package.
    pub package: String,
    /// The family that it stands on, if any.
    pub family: Option<String>,
    /// Whether nothing was written.
    pub dry_run: bool,
    /// The operations with the requests that they make, where they are the connector's own.
    pub operations: Vec<Operation>,
    /// The new files, relative to the root.
    pub files: Vec<String>,
    /// The files with new lines.
    pub changed: Vec<String>,
    /// How many places are to be filled in.
    pub places: usize,
    /// References of the description that name nothing, at places that may be absent.
    pub lost: Vec<String>,
    /// What to do next, a command or an advice each.
    pub next: Vec<String>,
    /// The command that takes all of it back, and nothing else.
    pub take_back: String,
}

/// An operation of a new connector.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Operation {
    /// The operation.
    pub operation: String,
    /// Method and path.
    pub request: String,
    /// Its name in the provider's description.
    pub operation_id: Option<String>,
    /// How many members of its answer that the description knows are left out of the tapes, since nothing asks for them.
    pub left_out: usize,
    /// Other requests of the description that could be meant.
    pub others: Vec<String>,
}

/// Makes a new connector in the project; with `dry_run` it only says what it would make.
///
/// # Errors
/// A bad or taken name, an unknown family, a description that cannot be read, or a file that cannot be written; then nothing has changed.
pub fn scaffold(world: &World, wanted: &Wanted, dry_run: bool) -> Result<Scaffold, Unusable> {
    let root = &world.root;
    let names = Names::new(root, &wanted.id, wanted.name.as_deref())?;
    let family = wanted.family.as_deref().map(|family| name::family(root, family)).transpose()?;
    let (folders, operations, lost, described) = match &family {
        Some(family) => (thin(world, &names, family, &addresses(wanted)?)?, Vec::new(), Vec::new(), None),
        None => {
            let design = design(&names, wanted)?;
            let folders = own(world, &names, &design)?;
            let described = wanted.from.as_ref().map(|file| Described::of(&names, file, &design.sandbox));
            (folders, operations(&design), design.lost, described)
        }
    };
    let mut edits = edits(root, &names)?;
    let changed = edits.iter().map(|edit| edit.path.clone()).collect();
    let overlay = described.as_ref().map(|described| described.edit(&names));
    edits.extend(overlay.clone());
    let paths =
        |folder: &Folder| folder.files.iter().map(|(name, _)| format!("{}/{name}", folder.path)).collect::<Vec<_>>();
    let texts = folders.iter().flat_map(|folder| &folder.files).filter(|(name, _)| name.ends_with(".toml"));
    let scaffold = Scaffold {
        id: names.id.clone(),
        package: names.package.clone(),
        next: next(&names.id, family.is_some(), described.as_ref()),
        take_back: take_back(&names, overlay.is_some()),
        lost,
        family,
        dry_run,
        operations,
        files: folders.iter().flat_map(paths).chain(overlay.map(|edit| edit.path)).collect(),
        changed,
        places: texts.map(|(_, text)| unfilled::taken_out(text).0.len()).sum(),
    };
    if !dry_run {
        write::all(root, &folders, &edits)?;
    }
    Ok(scaffold)
}

/// A text file of the project.
fn read(path: &Path) -> Result<String, Unusable> {
    std::fs::read_to_string(path)
        .map_err(|error| Unusable::Text(format!("{}: cannot be read: {error}", path.display())))
}

fn edits(root: &Path, names: &Names) -> Result<Vec<Edit>, Unusable> {
    let edit = |path: &str, change: fn(&str, &Names) -> Result<String, Unusable>| -> Result<Edit, Unusable> {
        let old = read(&root.join(path))?;
        let new = change(&old, names)?;
        Ok(Edit { path: path.to_owned(), old: Some(old), new })
    };
    Ok(vec![edit("connectors/Cargo.toml", catalogue::manifest)?, edit("connectors/lib.rs", catalogue::slice)?])
}

/// The description that belongs to a new connector.
struct Described {
    /// The folder for `certify --descriptions`.
    folder: String,
    /// The file below it.
    file: String,
    /// What stands before its paths.
    base: String,
}

impl Described {
    /// A file in a folder of the connector's name is named with it, as in a folder of many providers' descriptions.
    fn of(names: &Names, file: &Path, base: &str) -> Described {
        let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let is_own = folder.file_name().is_some_and(|name| name == names.id.as_str());
        let (folder, file) = match folder.parent().filter(|_| is_own) {
            Some(above) if above.as_os_str().is_empty() => (Path::new("."), format!("{}/{name}", names.id)),
            Some(above) => (above, format!("{}/{name}", names.id)),
            None => (folder, name),
        };
        Described { folder: folder.display().to_string(), file, base: base.to_owned() }
    }

    /// The file that says which description belongs to the connector (specs/descriptions/README.md).
    fn edit(&self, names: &Names) -> Edit {
        let (name, file, base) = (&names.name, toml::Value::from(self.file.as_str()), &self.base);
        let text = format!(
            "# The description of {name} that the tapes are held against, by `certify --descriptions FOLDER`.\n\
             [[description]]\nfile = {file}\nbase = \"{base}\"\n"
        );
        Edit { path: format!("specs/descriptions/{}.toml", names.id), old: None, new: text }
    }
}

fn next(id: &str, thin: bool, described: Option<&Described>) -> Vec<String> {
    let certify = |rest: &str| format!("cargo run -- certify {id}{rest}");
    let mut next = vec![format!(
        "{}: compiles it and adds its lines to Cargo.lock; it stands at the level draft and is told what is missing",
        certify("")
    )];
    match thin {
        true => next.push(format!("connectors/{id}/src/lib.rs and fixtures/{id}/profile.toml: put in what the provider publishes, in place of every ${{fill:...}}")),
        false => next.extend([
            format!(
                "connectors/{id}/src: hosts, credentials, bodies, status values; then fixtures/{id}/profile.toml and the tapes, one by one, \
                 in place of every ${{fill:...}}"
            ),
            format!("cargo run -- tapes {id}: once they are filled in, drafts every other tape that the suite asks for out of them"),
        ]),
    }
    next.push(format!(
        "{}: after each; a tape is played once nothing in it is left to be filled in",
        certify(" --tier memory")
    ));
    next.extend(described.map(|described| {
        let told = certify(&format!(" --tier memory --descriptions {}", described.folder));
        format!("{told}: holds the tapes against the description")
    }));
    next.push(format!("cargo run -- docs {id}: how it reads for those who use it"));
    next
}

/// The command that takes a new connector back: its folders, and its lines in the two files of the catalogue.
fn take_back(names: &Names, described: bool) -> String {
    let id = &names.id;
    let overlay = if described { format!(" specs/descriptions/{id}.toml") } else { String::new() };
    let crate_name = id.replace('-', "[-_]");
    format!(
        "rm -r connectors/{id} fixtures/{id}{overlay} && perl -ni -e 'print unless /\"{id}\"|quittance[-_]{crate_name}(?![-\\w])/' \
         connectors/Cargo.toml connectors/lib.rs"
    )
}

/// A crate on a family, from the templates that lie beside the family.
fn thin(world: &World, names: &Names, family: &str, addresses: &Addresses) -> Result<Vec<Folder>, Unusable> {
    let template = |name: &str| {
        let path = format!("sdk/families/{family}/scaffold/{name}.jinja");
        let text = std::fs::read_to_string(world.root.join(&path)).map_err(|_| {
            Unusable::Text(format!(
                "{path}: no such file; the family has no template of a thin crate, so write it as its others are"
            ))
        })?;
        source::family(names, addresses, &path, &text)
    };
    let folders = folders(
        names,
        source::manifest(names, Some(family))?,
        vec![("src/lib.rs", template("lib.rs")?)],
        template("profile.toml")?,
        Vec::new(),
    );
    profile(world, names, &folders)?;
    Ok(folders)
}

fn folders(
    names: &Names,
    manifest: String,
    sources: Vec<(&str, String)>,
    profile: String,
    tapes: Vec<(String, String)>,
) -> Vec<Folder> {
    let sources = sources.into_iter().map(|(name, text)| (name.to_owned(), source::formatted(text)));
    let of_crate = [("Cargo.toml".to_owned(), manifest)].into_iter().chain(sources).collect();
    let fixtures = [("profile.toml".to_owned(), profile)].into_iter().chain(tapes).collect();
    vec![
        Folder { path: format!("connectors/{}", names.id), files: of_crate },
        Folder { path: format!("fixtures/{}", names.id), files: fixtures },
    ]
}

/// The profile among the files, read as the harness will read it.
fn profile(world: &World, names: &Names, folders: &[Folder]) -> Result<Profile, Unusable> {
    let text = folders.iter().flat_map(|folder| &folder.files).find(|(name, _)| name == "profile.toml");
    let folder = world.root.join("fixtures").join(&names.id);
    let text = text.map(|(_, text)| text.as_str()).unwrap_or_default();
    Ok(Profile::parse(&format!("fixtures/{}/profile.toml", names.id), text, &folder, world.today)?)
}

/// The scenarios whose tapes are drafted at first: one for each thing that can be done, a decline, and a refusal. The others are made of them.
const MODELS: [&str; 9] = [
    "authorize.captured",
    "authorize.invalid",
    "capture.full",
    "decline.generic_decline",
    "refund.full",
    "retrieve.captured",
    "retrieve_refund.succeeded",
    "void.authorized",
    "void.captured",
];

/// A crate of its own, and the tapes that are the models of the others.
fn own(world: &World, names: &Names, design: &Design) -> Result<Vec<Folder>, Unusable> {
    let suite = world.suite()?;
    let absent = format!("absent_{}", names.id.replace('-', "_"));
    let today = world.today.to_string();
    let first = source::profile(names, design, &absent, &today, &[])?;
    let profile_of = |text: &str| {
        let files = folders(names, String::new(), Vec::new(), text.to_owned(), Vec::new());
        profile(world, names, &files)
    };
    // The spec is made of static parts; this one lives as long as the command.
    let spec: &'static Spec = Box::leak(Box::new(spec(names, design)));
    let bare = profile_of(&first)?;
    let lacking = declared::lacking(suite.scenarios.iter(), spec, &bare);
    let text = source::profile(names, design, &absent, &today, &lacking.into_iter().collect::<Vec<_>>())?;
    let read = profile_of(&text)?;
    let planned = plan::plan(&suite, spec, &read, &Tapes::new(), &format!("fixtures/{}", names.id));
    let selected = planned.iter().filter(|(scenario, planned)| {
        matches!(planned, Planned::Unreadable(_)) && MODELS.contains(&scenario.id.as_str())
    });
    let mut tapes = Vec::new();
    for (scenario, _) in selected {
        tapes.push(one_tape(design, scenario, &absent, &read)?);
    }
    let sources = vec![("src/lib.rs", source::lib(names, design)?), ("src/wire.rs", source::wire(names, design)?)];
    Ok(folders(names, source::manifest(names, None)?, sources, text, tapes))
}

fn operations(design: &Design) -> Vec<Operation> {
    let operation = |route: &design::Route| Operation {
        operation: route.op.as_str().to_owned(),
        request: format!("{} {}", route.verb, source::shown_path(route)),
        operation_id: route.operation_id.clone(),
        left_out: route.left_out,
        others: route.others.clone(),
    };
    design.routes.iter().map(operation).collect()
}

/// The tape of a scenario with its name, read as the harness will read it.
fn one_tape(
    design: &Design,
    scenario: &Scenario,
    absent: &str,
    profile: &Profile,
) -> Result<(String, String), Unusable> {
    let name = format!("{}.toml", scenario.case_id(None));
    let text = tape::tape(design, scenario, absent);
    Tape::parse(&name, &text, profile)?;
    Ok((name, text))
}

/// The addresses that were given, without a slash at the end.
#[derive(Debug, Clone, Default)]
struct Addresses {
    sandbox: Option<String>,
    live: Option<String>,
    documentation: Option<String>,
}

fn addresses(wanted: &Wanted) -> Result<Addresses, Unusable> {
    let whole = |option: &str, given: &Option<String>| -> Result<Option<String>, Unusable> {
        let Some(url) = given else { return Ok(None) };
        let parsed: Option<http::Uri> = url.parse().ok();
        let whole = parsed
            .is_some_and(|url| url.scheme_str() == Some("https") && url.host().is_some() && url.query().is_none());
        match whole && !url.contains(['"', '\\', '$', '{', '<', '>']) {
            true => Ok(Some(url.trim_end_matches('/').to_owned())),
            false => Err(Unusable::Text(format!("{option} {url}: expected an address as https://api.provider.com/v1"))),
        }
    };
    Ok(Addresses {
        sandbox: whole("--sandbox-url", &wanted.sandbox)?,
        live: whole("--live-url", &wanted.live)?,
        documentation: whole("--documentation", &wanted.documentation)?,
    })
}

fn design(names: &Names, wanted: &Wanted) -> Result<Design, Unusable> {
    let mut design = match &wanted.from {
        None => Design::common(&names.id, wanted.body.unwrap_or_default(), wanted.endpoint, wanted.amount),
        Some(file) => described(&names.id, file, &chosen(&wanted.routes)?)?,
    };
    if let Some(body) = wanted.body.filter(|body| wanted.from.is_some() && body.is_xml() != design.body.is_xml()) {
        let (given, found) = (body.word(), design.body.word());
        return Err(Unusable::Text(format!(
            "--body {given}: the description given by --from has {found}; leave --body out"
        )));
    }
    design.body = wanted.body.unwrap_or(design.body);
    let given = addresses(wanted)?;
    let places = [
        (given.sandbox, &mut design.sandbox),
        (given.live, &mut design.live),
        (given.documentation, &mut design.documentation),
    ];
    for (given, place) in places {
        given.into_iter().for_each(|url| *place = url);
    }
    let is_open = wanted.sandbox.is_none() || wanted.live.is_none();
    design.invented &= is_open;
    design.unsure &= is_open;
    Ok(design)
}

/// The requests that somebody has named for operations.
fn chosen(routes: &[String]) -> Result<Vec<(Op, String)>, Unusable> {
    const KNOWN: [Op; 6] = [Op::Authorize, Op::Capture, Op::Void, Op::Refund, Op::Retrieve, Op::RetrieveRefund];
    let one = |route: &String| {
        let (name, request) = route.split_once('=')?;
        let op = KNOWN.into_iter().find(|op| op.as_str() == name.trim())?;
        let request = request.split_whitespace().collect::<Vec<_>>().join(" ");
        (request == "none" || request.contains(" /")).then_some((op, request))
    };
    let wrong = |route: &String| {
        let known = KNOWN.map(Op::as_str).join(", ");
        Unusable::Text(format!(
            "--route {route}: expected OPERATION='VERB /path' or OPERATION=none, with one of {known}"
        ))
    };
    routes.iter().map(|route| one(route).ok_or_else(|| wrong(route))).collect()
}

#[cfg(feature = "descriptions")]
fn described(id: &str, file: &Path, chosen: &[(Op, String)]) -> Result<Design, Unusable> {
    let name = file.display().to_string();
    if name.contains("://") {
        let fetched = if name.ends_with(".json") { "openapi.json" } else { "openapi.yaml" };
        return Err(Unusable::Text(format!(
            "--from {name}: expected a file, found an address; fetch it first: curl --fail --location --output {fetched} '{name}', then --from {fetched}"
        )));
    }
    let unreadable = |why: String| Unusable::Text(format!("{name}: the description cannot be read: {why}"));
    let api = crate::descriptions::openapi::Api::load(file, "").map_err(unreadable)?;
    document::check(&api.root).map_err(|why| Unusable::Text(format!("{name}: {why}")))?;
    api::design(id, &name, &api, chosen).map_err(|why| Unusable::Text(format!("{name}: {why}")))
}

#[cfg(not(feature = "descriptions"))]
fn described(_id: &str, file: &Path, _chosen: &[(Op, String)]) -> Result<Design, Unusable> {
    Err(Unusable::Text(format!(
        "{}: this build cannot read descriptions; build with the feature `descriptions`",
        file.display()
    )))
}

/// What the new crate will declare: the same as its source says.
fn spec(names: &Names, design: &Design) -> Spec {
    let operations: Vec<Op> = design.routes.iter().map(|route| route.op).collect();
    let currency = quittance::Currency::from_code(&design.currency);
    let leaked = |text: &str| -> &'static str { String::leak(text.to_owned()) };
    Spec {
        operations: Vec::leak(operations),
        methods: const { &[MethodKind::of(Family::Card)] },
        currencies: Currencies::Only(Vec::leak(currency.into_iter().collect())),
        capture: CaptureRules { manual: design.has(Op::Capture), partial: false, multiple: false },
        refund: RefundRules { partial: false, multiple: false },
        void: VoidRules { captured: design.voids_captured(), debit: false },
        lookups: if design.has(Op::Retrieve) { &[LookupKind::Handle] } else { &[] },
        idempotency: match &design.idempotency {
            Some(name) => Idempotency::Header(leaked(name)),
            None => Idempotency::None,
        },
        ..Spec::new(leaked(&names.id), leaked(&names.name), leaked(&design.documentation))
    }
}

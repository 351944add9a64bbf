//! Folder = crate suffix = feature = connector id = fixture folder, and the catalogue is sorted and whole.

use std::path::PathBuf;

use libtest_mimic::Failed;

use super::{complain, root};

pub(crate) fn tests(add: &mut impl FnMut(&str, fn() -> Result<(), Failed>)) {
    add("tree::catalogue_is_whole_and_sorted", catalogue);
    add("tree::manifests_agree", manifests);
    add("tree::schemas_are_current", schemas);
}

/// The folder of every connector crate.
pub(crate) fn connector_folders() -> Vec<PathBuf> {
    crate_folders("connectors")
}

/// The folders of crates directly below a folder of the project.
pub(crate) fn crate_folders(below: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(root().join(below)).into_iter().flatten().flatten();
    let mut folders: Vec<PathBuf> =
        entries.map(|entry| entry.path()).filter(|path| path.join("Cargo.toml").is_file()).collect();
    folders.sort();
    folders
}

fn folder_names() -> Vec<String> {
    let name = |path: &PathBuf| path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    connector_folders().iter().map(name).collect()
}

fn catalogue() -> Result<(), Failed> {
    let ids: Vec<&str> = quittance_connectors::ALL.iter().map(|entry| entry.spec.id).collect();
    let folders = folder_names();
    let mut complaints = Vec::new();
    if ids != folders {
        complaints.push(format!("the catalogue holds {ids:?}, the folders are {folders:?}"));
    }
    for id in &ids {
        if !root().join("fixtures").join(id).join("profile.toml").is_file() {
            complaints.push(format!("fixtures/{id}/profile.toml is missing"));
        }
    }
    let fixtures = std::fs::read_dir(root().join("fixtures"))?.flatten();
    let own = quittance_harness::reference::ID;
    let strangers = fixtures.map(|entry| entry.file_name().to_string_lossy().into_owned());
    let strangers = strangers.filter(|name| name != own && !ids.contains(&name.as_str()));
    complaints.extend(strangers.map(|name| format!("fixtures/{name} belongs to no connector")));
    complain(complaints)
}

fn manifests() -> Result<(), Failed> {
    let text = std::fs::read_to_string(root().join("connectors/Cargo.toml"))?;
    let catalogue: toml::Table = text.parse()?;
    let mut complaints = Vec::new();
    let all = catalogue["features"]["all"].as_array().cloned().unwrap_or_default();
    let all: Vec<&str> = all.iter().filter_map(|name| name.as_str()).collect();
    let folders = folder_names();
    if all != folders {
        complaints.push(format!("the feature `all` holds {all:?}, the folders are {folders:?}"));
    }
    for (folder, id) in connector_folders().iter().zip(&folders) {
        let manifest: toml::Table = std::fs::read_to_string(folder.join("Cargo.toml"))?.parse()?;
        let name = manifest["package"]["name"].as_str().unwrap_or_default();
        if name != format!("quittance-{id}") {
            complaints.push(format!("connectors/{id}: the crate is named {name}"));
        }
        if !catalogue["features"].as_table().is_some_and(|features| features.contains_key(id)) {
            complaints.push(format!("connectors/{id}: no feature of that name"));
        }
    }
    complain(complaints)
}

/// The JSON Schemas for editors are those of the formats as they are read.
fn schemas() -> Result<(), Failed> {
    let mut complaints = Vec::new();
    for (name, schema) in quittance_harness::schemas() {
        let path = root().join("specs/schemas").join(name);
        let written: serde_json::Value =
            serde_json::from_str(&std::fs::read_to_string(&path).unwrap_or_default()).unwrap_or_default();
        if written != schema {
            complaints.push(format!("specs/schemas/{name} is out of date: run `quittance schema --formats --write`"));
        }
    }
    complain(complaints)
}

//! A revision of the project out of git, built in a folder of its own.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use crate::transcript::Transcript;

/// A revision of the project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revision {
    /// As it was asked for.
    pub name: String,
    /// The full commit id.
    pub commit: String,
}

impl Revision {
    /// Finds a revision.
    ///
    /// # Errors
    /// When `root` is no git repository, git is missing, or it knows no such revision.
    pub fn find(root: &Path, name: &str) -> Result<Revision, String> {
        let top = git(root, &["rev-parse", "--show-toplevel"])
            .map_err(|why| format!("{}: not a git repository: {why}", root.display()))?;
        let same = |one: &Path, other: &Path| one.canonicalize().ok() == other.canonicalize().ok();
        if !same(Path::new(top.trim()), root) {
            return Err(format!(
                "{}: not a git repository of its own; revisions are compared where the project's history is",
                root.display()
            ));
        }
        let commit =
            git(root, &["rev-parse", "--verify", "--quiet", "--end-of-options", &format!("{name}^{{commit}}")])
                .map_err(|_| format!("unknown revision `{name}`; `git log --oneline` shows those that there are"))?;
        Ok(Revision { name: name.to_owned(), commit: commit.trim().to_owned() })
    }

    /// Writes the files of the revision into `cache/<commit>` unless they are there; returns the folder.
    ///
    /// # Errors
    /// Those of git and of the file system.
    pub fn check_out(&self, root: &Path, cache: &Path) -> Result<PathBuf, String> {
        let folder = cache.join(&self.commit);
        let complete = folder.join(".complete");
        if complete.exists() {
            return Ok(folder);
        }
        let told = |error: std::io::Error| format!("{}: cannot be written: {error}", folder.display());
        std::fs::create_dir_all(&folder).map_err(told)?;
        let folder = folder.canonicalize().map_err(told)?;
        // An index of its own: the one of the user stays as it is.
        let index = folder.join(".index");
        let prefix = format!("--prefix={}/", folder.display());
        for arguments in [&["read-tree", self.commit.as_str()][..], &["checkout-index", "--all", "--force", &prefix]] {
            run(Command::new("git").arg("-C").arg(root).env("GIT_INDEX_FILE", &index).args(arguments))?;
        }
        std::fs::remove_file(&index).map_err(told)?;
        std::fs::write(folder.join(".complete"), "").map_err(told)?;
        Ok(folder)
    }

    /// The command of a revision that was built before.
    pub fn built(folder: &Path) -> Option<PathBuf> {
        Some(binary(folder)).filter(|binary| binary.exists())
    }

    /// How many crates a revision is built of, at most: those of its lock file.
    pub fn crates(folder: &Path) -> usize {
        let lock = std::fs::read_to_string(folder.join("Cargo.lock")).unwrap_or_default();
        lock.lines().filter(|line| *line == "[[package]]").count()
    }

    /// Builds the command of a revision that was checked out; returns the binary. Revisions share the compiled dependencies in
    /// `cache/build`. `each` is told of each crate that is begun.
    ///
    /// # Errors
    /// When it cannot be compiled, with the end of what cargo says.
    pub fn build(&self, folder: &Path, cache: &Path, each: &mut dyn FnMut()) -> Result<PathBuf, String> {
        touch(folder).map_err(|error| format!("{}: cannot be touched: {error}", folder.display()))?;
        let target = cache.join("build");
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut command = Command::new(cargo);
        command.current_dir(folder).args([
            "build",
            "--locked",
            "--color",
            "never",
            "--bin",
            "quittance",
            "--target-dir",
        ]);
        watched(command.arg(&target), each).map_err(|why| format!("revision {}: cannot be built: {why}", self.name))?;
        let built = target.join("debug").join(format!("quittance{}", std::env::consts::EXE_SUFFIX));
        let binary = binary(folder);
        // The next revision is built over it.
        std::fs::copy(&built, &binary).map_err(|error| format!("{}: cannot be copied: {error}", built.display()))?;
        Ok(binary)
    }

    /// What the connectors of this revision send on the scenarios and tapes below `root`: those of `ids` that the revision has and that
    /// have tapes there; all of them when none is named.
    ///
    /// # Errors
    /// When the revision has no such command, or cannot read those files.
    pub fn transcripts(&self, binary: &Path, root: &Path, ids: &[String]) -> Result<Vec<Transcript>, String> {
        let mut asked = self.connectors(binary, root)?;
        asked.retain(|id| ids.is_empty() || ids.contains(id));
        if asked.is_empty() {
            return Ok(Vec::new());
        }
        let output = output(Command::new(binary).arg("--root").arg(root).args(["transcript", "--json"]).args(asked))?;
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        if told.contains("unrecognized subcommand") {
            return Err(format!("revision {} is older than `quittance transcript`: it cannot be compared", self.name));
        }
        if !output.status.success() {
            return Err(format!(
                "revision {} cannot play the scenarios and tapes of the second revision: {}",
                self.name,
                tail(&told)
            ));
        }
        let text = String::from_utf8_lossy(&output.stdout);
        let lines = text.lines().map(serde_json::from_str::<Transcript>);
        lines.collect::<Result<_, _>>().map_err(|cause| format!("revision {}: not a transcript: {cause}", self.name))
    }

    /// The ids of the connectors of this revision that have fixtures below `root`.
    fn connectors(&self, binary: &Path, root: &Path) -> Result<Vec<String>, String> {
        let listed = run(Command::new(binary).arg("--root").arg(root).args(["list", "--json"]))
            .map_err(|why| format!("revision {}: {why}", self.name))?;
        let value: serde_json::Value =
            serde_json::from_str(&listed).map_err(|cause| format!("revision {}: not a list: {cause}", self.name))?;
        let rows = value.as_array().or_else(|| value["connectors"].as_array()).cloned().unwrap_or_default();
        let has_tapes = |id: &&str| root.join("fixtures").join(id).join("profile.toml").is_file();
        Ok(rows.iter().filter_map(|row| row["id"].as_str()).filter(has_tapes).map(str::to_owned).collect())
    }
}

/// Makes every file as new as now. Cargo knows the crates of a workspace by their place within it, so those of two revisions are the
/// same to it, and a file older than the last build, which was another revision's, would not be compiled.
fn touch(folder: &Path) -> std::io::Result<()> {
    let now = std::time::SystemTime::now();
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        match entry.file_type()? {
            kind if kind.is_dir() => touch(&entry.path())?,
            kind if kind.is_file() => std::fs::File::options().append(true).open(entry.path())?.set_modified(now)?,
            _ => {}
        }
    }
    Ok(())
}

fn git(root: &Path, arguments: &[&str]) -> Result<String, String> {
    run(Command::new("git").arg("-C").arg(root).args(arguments))
}

fn output(command: &mut Command) -> Result<Output, String> {
    let name = command.get_program().to_string_lossy().into_owned();
    command.output().map_err(|error| format!("{name} cannot be run: {error}"))
}

/// Standard output of a command that must succeed.
fn run(command: &mut Command) -> Result<String, String> {
    let output = output(command)?;
    match output.status.success() {
        true => Ok(String::from_utf8_lossy(&output.stdout).into_owned()),
        false => Err(tail(&String::from_utf8_lossy(&output.stderr))),
    }
}

/// Runs cargo and tells of each crate that it begins.
fn watched(command: &mut Command, each: &mut dyn FnMut()) -> Result<(), String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let told = |error: std::io::Error| format!("{name} cannot be run: {error}");
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().map_err(told)?;
    let mut said = Vec::new();
    for line in child.stderr.take().into_iter().flat_map(|stderr| BufReader::new(stderr).lines().map_while(Result::ok))
    {
        match line.trim_start().starts_with("Compiling ") {
            true => each(),
            false => said.push(line),
        }
    }
    match child.wait().map_err(told)?.success() {
        true => Ok(()),
        false => Err(tail(&said.join("\n"))),
    }
}

/// Where the command of a revision lies.
fn binary(folder: &Path) -> PathBuf {
    folder.join(format!(".quittance{}", std::env::consts::EXE_SUFFIX))
}

/// The end of what a command said.
fn tail(text: &str) -> String {
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    lines.get(lines.len().saturating_sub(12)..).unwrap_or_default().join("\n")
}

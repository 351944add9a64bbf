//! The lines of the catalogue: one sorted slice, a feature and a dependency each. A connector changes no line but its own, so that two
//! that are added side by side seldom meet, and one is taken back by its lines.

use super::name::Names;
use crate::world::Unusable;

/// `connectors/lib.rs` with the connector's line.
pub(super) fn slice(text: &str, names: &Names) -> Result<String, Unusable> {
    let lost = || lost("connectors/lib.rs", "the list of entries");
    let open = text.find("ALL: &[&Entry] = &[\n").ok_or_else(lost)?;
    let from = open + text.get(open..).and_then(|rest| rest.find("&[\n")).ok_or_else(lost)? + "&[\n".len();
    let to = from + text.get(from..).and_then(|rest| rest.find("];")).ok_or_else(lost)?;
    let mut lines: Vec<String> = Vec::new();
    let mut pair = String::new();
    for line in text.get(from..to).unwrap_or_default().lines() {
        pair.push_str(line);
        pair.push('\n');
        if line.trim_start().starts_with('&') {
            lines.push(std::mem::take(&mut pair));
        }
    }
    lines.push(format!("    #[cfg(feature = \"{}\")]\n    &{}::ENTRY,\n", names.id, names.module));
    // Sorted by id, as the features: `a-b` before `ab`.
    lines.sort_by_key(|pair| pair.split('"').nth(1).map(str::to_owned));
    let (head, tail) = (text.get(..from).unwrap_or_default(), text.get(to..).unwrap_or_default());
    Ok(format!("{head}{}{pair}{tail}", lines.concat()))
}

/// `connectors/Cargo.toml` with the connector's feature and dependency.
pub(super) fn manifest(text: &str, names: &Names) -> Result<String, Unusable> {
    const FILE: &str = "connectors/Cargo.toml";
    let is_listed = |line: &str| line.starts_with("    \"") && line.ends_with("\",");
    let text = inserted(text, is_listed, &format!("    \"{}\",", names.id))
        .filter(|_| text.contains("all = ["))
        .ok_or_else(|| lost(FILE, "the feature `all`"))?;
    let feature = format!("{} = [\"dep:{}\"]", names.id, names.package);
    let text = inserted(&text, |line| line.ends_with("\"]") && line.contains(" = [\"dep:"), &feature)
        .ok_or_else(|| lost(FILE, "the features"))?;
    let dependency = format!("{} = {{ path = \"{}\", optional = true }}", names.package, names.id);
    inserted(&text, |line| line.starts_with("quittance-") && line.contains("optional = true"), &dependency)
        .ok_or_else(|| lost(FILE, "the dependencies"))
}

fn lost(file: &str, what: &str) -> Unusable {
    Unusable::Text(format!("{file}: {what} cannot be found; the file has another form than this version knows"))
}

/// The text with `line` put into its sorted place among the lines that are alike.
fn inserted(text: &str, alike: impl Fn(&str) -> bool, line: &str) -> Option<String> {
    let key = |line: &str| line.split(" = ").next().unwrap_or_default().to_owned();
    let lines: Vec<&str> = text.lines().collect();
    let last = lines.iter().rposition(|other| alike(other))?;
    let at = lines.iter().position(|other| alike(other) && key(other) > key(line)).unwrap_or(last + 1);
    let (before, after) = lines.split_at_checked(at)?;
    Some([before, &[line], after].concat().join("\n") + "\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(id: &str) -> Names {
        let package = format!("quittance-{id}");
        let module = package.replace('-', "_");
        Names { id: id.to_owned(), package, module, provider: "Acme".to_owned(), name: "Acme".to_owned() }
    }

    /// Adding a connector that is there already to files without it must give the files as they are.
    #[test]
    fn lines_go_to_their_sorted_place() {
        let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../connectors");
        let text = std::fs::read_to_string(root.join("lib.rs")).unwrap();
        let cargo = std::fs::read_to_string(root.join("Cargo.toml")).unwrap();
        for id in ["adyen", "barclays-uk", "worldpay", "worldpay-cnp"] {
            let names = names(id);
            let line = format!("    #[cfg(feature = \"{id}\")]\n    &{}::ENTRY,\n", names.module);
            assert_eq!(slice(&text.replace(&line, ""), &names).unwrap(), text);
            let without = cargo
                .replace(&format!("{id} = [\"dep:{}\"]\n", names.package), "")
                .replace(&format!("{} = {{ path = \"{id}\", optional = true }}\n", names.package), "")
                .replacen(&format!("    \"{id}\",\n"), "", 1);
            assert_eq!(manifest(&without, &names).unwrap(), cargo);
        }
        assert!(manifest("[features]\n", &names("acme")).is_err());
        assert!(slice("", &names("acme")).is_err());
    }
}

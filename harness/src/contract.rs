//! The numbered rules of `specs/contract.md`.

use std::collections::BTreeMap;
use std::path::Path;

use crate::bad_input::{Document, FileError};

/// The rules by id (`CAPTURE-2`), each with its sentence.
///
/// # Errors
/// When `specs/contract.md` cannot be read.
pub fn rules(specs: &Path) -> Result<BTreeMap<String, String>, FileError> {
    Ok(parse(&Document::read(&specs.join("contract.md"))?.text))
}

/// A rule is a list item that begins with its id in bold; lines indented below it belong to it.
fn parse(text: &str) -> BTreeMap<String, String> {
    let mut rules: BTreeMap<String, String> = BTreeMap::new();
    let mut open: Option<String> = None;
    for line in text.lines() {
        let rule = line.strip_prefix("- **").and_then(|rest| rest.split_once("**"));
        match (rule, &open) {
            (Some((id, sentence)), _) => {
                rules.insert(id.to_owned(), sentence.trim().to_owned());
                open = Some(id.to_owned());
            }
            (None, Some(id)) if line.starts_with("  ") && !line.trim().is_empty() => {
                if let Some(sentence) = rules.get_mut(id) {
                    sentence.push(' ');
                    sentence.push_str(line.trim());
                }
            }
            _ => open = None,
        }
    }
    rules
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_read_with_their_further_lines() {
        let rules = parse("# Title\n- **A-1** One\n  more.\n- **A-2** Two.\n\n  not a rule\n- plain\n");
        let expected = [("A-1", "One more."), ("A-2", "Two.")];
        assert_eq!(rules, expected.map(|(id, text)| (id.to_owned(), text.to_owned())).into());
    }

    #[test]
    fn the_contract_has_rules() {
        let specs = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../specs"));
        assert!(rules(specs).unwrap()["CAPTURE-1"].contains("whole amount"));
    }
}

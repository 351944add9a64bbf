//! XML against an XML Schema (XSD 1.0), as far as providers' schemas go: sequence, choice, all, occurrence, substitution groups,
//! extension, attributes, and simple types by restriction. What is not interpreted is told in `skipped`, never passed over in silence.

mod simple;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::exchange::Difference;
use crate::tape::xml::{self, Element, Node};

/// A schema with everything that it includes.
#[derive(Debug)]
pub(super) struct Xsd {
    namespace: String,
    elements: BTreeMap<String, Element<String>>,
    types: BTreeMap<String, Element<String>>,
    /// The members of each substitution group, by the name of its head.
    members: BTreeMap<String, Vec<String>>,
    /// What is not interpreted, and so not checked.
    pub(super) skipped: RefCell<BTreeSet<String>>,
}

/// The content of a complex type: its parts in sequence, attributes, and the type of its text.
#[derive(Default)]
struct Shape<'s> {
    parts: Vec<&'s Element<String>>,
    attributes: Vec<&'s Element<String>>,
    text: Option<&'s str>,
}

pub(super) fn local(name: &str) -> &str {
    name.rsplit_once(':').map_or(name, |(_, local)| local)
}

pub(super) fn attribute<'e>(element: &'e Element<String>, name: &str) -> Option<&'e str> {
    element.attributes.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
}

pub(super) fn children(element: &Element<String>) -> impl Iterator<Item = &Element<String>> {
    element.children.iter().filter_map(|child| match child {
        Node::Element(child) => Some(child),
        Node::Text(_) => None,
    })
}

/// How often a particle may stand.
fn occurrence(particle: &Element<String>) -> (usize, usize) {
    let count = |name: &str| attribute(particle, name).map(|text| text.parse().unwrap_or(usize::MAX));
    (count("minOccurs").unwrap_or(1), count("maxOccurs").unwrap_or(1))
}

impl Xsd {
    /// Reads the schema at `path` and what it includes.
    ///
    /// # Errors
    /// What cannot be read.
    pub(super) fn load(path: &Path) -> Result<Xsd, String> {
        let mut xsd = Xsd {
            namespace: String::new(),
            elements: BTreeMap::new(),
            types: BTreeMap::new(),
            members: BTreeMap::new(),
            skipped: RefCell::default(),
        };
        xsd.include(path, &mut BTreeSet::new())?;
        Ok(xsd)
    }

    fn include(&mut self, path: &Path, read: &mut BTreeSet<String>) -> Result<(), String> {
        if !read.insert(path.display().to_string()) {
            return Ok(());
        }
        let text = std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
        self.add(&text, &mut |schema, location| schema.include(&path.with_file_name(location), read))
    }

    fn add(&mut self, text: &str, include: &mut dyn FnMut(&mut Xsd, &str) -> Result<(), String>) -> Result<(), String> {
        let root = xml::read(text.trim_start_matches('\u{feff}').trim())?;
        if let Some(namespace) = attribute(&root, "targetNamespace") {
            namespace.clone_into(&mut self.namespace);
        }
        for child in children(&root) {
            match (local(&child.name), attribute(child, "name")) {
                ("include", _) => include(self, attribute(child, "schemaLocation").unwrap_or_default())?,
                ("element", Some(name)) => {
                    if let Some(head) = attribute(child, "substitutionGroup") {
                        self.members.entry(local(head).to_owned()).or_default().push(name.to_owned());
                    }
                    self.elements.insert(name.to_owned(), child.clone());
                }
                ("complexType" | "simpleType", Some(name)) => {
                    self.types.insert(name.to_owned(), child.clone());
                }
                ("annotation", _) => {}
                (other, _) => self.skip(format!("{other} at the top of the schema")),
            }
        }
        Ok(())
    }

    pub(super) fn skip(&self, what: String) {
        self.skipped.borrow_mut().insert(what);
    }

    /// Every difference of a document; `place` is what stands before its paths.
    pub(super) fn check(&self, place: &str, body: &str) -> Vec<Difference> {
        let mut found = Vec::new();
        let mut differs = |at: &str, expected: String, what: String| {
            found.push(Difference { place: format!("{place} {at}"), expected, found: what });
        };
        let root = match xml::read(body.trim_start_matches('\u{feff}').trim()) {
            Ok(root) => root,
            Err(why) => {
                differs("$", "XML".to_owned(), why);
                return found;
            }
        };
        let path = format!("$.{}", local(&root.name));
        let space = match root.name.split_once(':') {
            Some((prefix, _)) => attribute(&root, &format!("xmlns:{prefix}")),
            None => attribute(&root, "xmlns"),
        };
        if space.unwrap_or_default() != self.namespace {
            differs(&path, format!("the namespace {}", self.namespace), "another".to_owned());
        }
        match self.elements.get(local(&root.name)) {
            Some(declared) => self.element(declared, &root, &path, &mut differs),
            None => differs(&path, "an element of the schema".to_owned(), "another".to_owned()),
        }
        found
    }

    fn element(
        &self,
        declared: &Element<String>,
        node: &Element<String>,
        path: &str,
        differs: &mut dyn FnMut(&str, String, String),
    ) {
        if let Some(name) = attribute(declared, "type") {
            return match self.types.get(local(name)) {
                Some(named) if local(&named.name) == "complexType" => self.complex(named, node, path, differs),
                _ => self.leaf(name, node, path, differs),
            };
        }
        for child in children(declared) {
            match local(&child.name) {
                "complexType" => return self.complex(child, node, path, differs),
                "simpleType" => {
                    if let Some(expected) = self.restricted(child, &text_of(node)) {
                        differs(path, expected, told(node));
                    }
                    return;
                }
                _ => {}
            }
        }
        self.skip(format!("the element {} without a type", attribute(declared, "name").unwrap_or_default()));
    }

    /// An element of a simple type, by the type's name.
    fn leaf(&self, name: &str, node: &Element<String>, path: &str, differs: &mut dyn FnMut(&str, String, String)) {
        if let Some(child) = children(node).next() {
            return differs(path, "text alone".to_owned(), format!("the element {}", local(&child.name)));
        }
        self.attributes(&[], node, path, differs);
        if let Some(expected) = self.named(name, &text_of(node)) {
            differs(path, expected, told(node));
        }
    }

    fn complex(
        &self,
        kind: &Element<String>,
        node: &Element<String>,
        path: &str,
        differs: &mut dyn FnMut(&str, String, String),
    ) {
        let mut shape = Shape::default();
        self.shape(kind, &mut shape, 0);
        self.attributes(&shape.attributes, node, path, differs);
        let nodes: Vec<&Element<String>> = children(node).collect();
        match shape.text {
            Some(name) => {
                if let Some(expected) = self.named(name, &text_of(node)) {
                    differs(path, expected, told(node));
                }
            }
            None if nodes.is_empty() || text_of(node).trim().is_empty() => {}
            None => differs(path, "elements alone".to_owned(), "text between them".to_owned()),
        }
        let names: Vec<&str> = nodes.iter().map(|node| local(&node.name)).collect();
        let mut furthest = 0;
        let mut ends = BTreeSet::from([0]);
        for part in &shape.parts {
            ends = ends.iter().flat_map(|at| self.ends(part, &names, *at, &mut furthest)).collect();
        }
        if !ends.contains(&names.len()) {
            let found = names.get(furthest).map_or("the end".to_owned(), |name| format!("the element {name}"));
            differs(path, "the schema's elements in its order, with those that are required".to_owned(), found);
        }
        for node in nodes {
            let name = local(&node.name);
            let declared = shape.parts.iter().find_map(|part| self.declared(part, name));
            match declared {
                Some(declared) => self.element(declared, node, &format!("{path}.{name}"), differs),
                None => differs(&format!("{path}.{name}"), "an element of the schema".to_owned(), "another".to_owned()),
            }
        }
    }

    fn attributes(
        &self,
        declared: &[&Element<String>],
        node: &Element<String>,
        path: &str,
        differs: &mut dyn FnMut(&str, String, String),
    ) {
        for (name, value) in node.attributes.iter().filter(|(name, _)| name != "xmlns" && !name.starts_with("xmlns:")) {
            let known = declared.iter().find(|declared| attribute(declared, "name") == Some(name));
            match known.map(|known| attribute(known, "type")) {
                None => differs(&format!("{path}.@{name}"), "no such attribute".to_owned(), "one".to_owned()),
                Some(None) => self.skip(format!("the attribute {name} without a named type")),
                Some(Some(kind)) => {
                    if let Some(expected) = self.named(kind, value) {
                        let found = format!("a text of {} characters", value.chars().count());
                        differs(&format!("{path}.@{name}"), expected, found);
                    }
                }
            }
        }
        for declared in declared.iter().filter(|declared| attribute(declared, "use") == Some("required")) {
            let name = attribute(declared, "name").unwrap_or_default();
            if attribute(node, name).is_none() {
                differs(&format!("{path}.@{name}"), "a required attribute".to_owned(), "none".to_owned());
            }
        }
    }

    /// Collects what a complex type is made of, what it extends first.
    fn shape<'s>(&'s self, kind: &'s Element<String>, shape: &mut Shape<'s>, depth: usize) {
        if depth > 32 {
            return self.skip("types that extend each other".to_owned());
        }
        for child in children(kind) {
            match local(&child.name) {
                "sequence" | "choice" | "all" => shape.parts.push(child),
                "attribute" => shape.attributes.push(child),
                "complexContent" | "simpleContent" => self.shape(child, shape, depth + 1),
                "extension" => {
                    let base = attribute(child, "base").unwrap_or_default();
                    match self.types.get(local(base)) {
                        Some(named) if local(&named.name) == "complexType" => self.shape(named, shape, depth + 1),
                        _ => shape.text = Some(base),
                    }
                    self.shape(child, shape, depth + 1);
                }
                "annotation" => {}
                other => self.skip(format!("{other} in a complex type")),
            }
        }
    }

    /// The global element that a particle refers to, or itself.
    fn target<'s>(&'s self, particle: &'s Element<String>) -> Option<&'s Element<String>> {
        match attribute(particle, "ref") {
            Some(name) => self.elements.get(local(name)),
            None => Some(particle),
        }
    }

    /// The declaration by which an element of this name stands in a particle.
    fn declared<'s>(&'s self, particle: &'s Element<String>, name: &str) -> Option<&'s Element<String>> {
        if local(&particle.name) != "element" {
            return children(particle).find_map(|part| self.declared(part, name));
        }
        let target = self.target(particle)?;
        let own = attribute(target, "name")?;
        match own == name && attribute(target, "abstract") != Some("true") {
            true => Some(target),
            // Only a global element has substitutes.
            false if attribute(particle, "ref").is_some() => self.substitute(own, name, 0),
            false => None,
        }
    }

    fn substitute(&self, head: &str, name: &str, depth: usize) -> Option<&Element<String>> {
        let members = self.members.get(head).filter(|_| depth < 32)?;
        members.iter().find_map(|member| match member == name {
            true => self.elements.get(member),
            false => self.substitute(member, name, depth + 1),
        })
    }

    /// Where the names that a particle takes, from `at` on, may end; `furthest`: how many names any particle took.
    fn ends(&self, particle: &Element<String>, names: &[&str], at: usize, furthest: &mut usize) -> BTreeSet<usize> {
        let (least, most) = occurrence(particle);
        let (mut ends, mut front, mut seen) = (BTreeSet::new(), BTreeSet::from([at]), BTreeSet::new());
        for count in 0..=most {
            if count >= least {
                ends.extend(front.iter().copied());
            }
            if count == most {
                break;
            }
            let next: BTreeSet<usize> = front.iter().flat_map(|at| self.once(particle, names, *at, furthest)).collect();
            // Who takes nothing can do so as often as is asked.
            if count < least && next == front {
                ends.extend(next.iter().copied());
            }
            front = next.into_iter().filter(|at| seen.insert(*at)).collect();
            if front.is_empty() {
                break;
            }
        }
        ends
    }

    fn once(&self, particle: &Element<String>, names: &[&str], at: usize, furthest: &mut usize) -> BTreeSet<usize> {
        match local(&particle.name) {
            "element" => match names.get(at) {
                Some(name) if self.declared(particle, name).is_some() => {
                    *furthest = (*furthest).max(at + 1);
                    BTreeSet::from([at + 1])
                }
                _ => BTreeSet::new(),
            },
            "sequence" => children(particle).fold(BTreeSet::from([at]), |starts, part| {
                starts.iter().flat_map(|at| self.ends(part, names, *at, furthest)).collect()
            }),
            "choice" => children(particle).flat_map(|part| self.ends(part, names, at, furthest)).collect(),
            "all" => self.in_any_order(particle, names, at, furthest),
            "annotation" => BTreeSet::from([at]),
            other => {
                self.skip(format!("{other} in a content model"));
                BTreeSet::from([names.len()])
            }
        }
    }

    /// Each part of an `all` at most once, in any order.
    fn in_any_order(
        &self,
        particle: &Element<String>,
        names: &[&str],
        mut at: usize,
        furthest: &mut usize,
    ) -> BTreeSet<usize> {
        let mut left: Vec<&Element<String>> = children(particle).collect();
        while let Some(name) = names.get(at) {
            let Some(index) = left.iter().position(|part| self.declared(part, name).is_some()) else { break };
            left.remove(index);
            at += 1;
            *furthest = (*furthest).max(at);
        }
        let complete = left.iter().all(|part| occurrence(part).0 == 0);
        if complete { BTreeSet::from([at]) } else { BTreeSet::new() }
    }
}

/// The text of an element, without that of its children.
fn text_of(node: &Element<String>) -> String {
    let texts = node.children.iter().filter_map(|child| match child {
        Node::Text(text) => Some(text.as_str()),
        Node::Element(_) => None,
    });
    texts.collect()
}

/// What stands in an element, without its text: bodies hold card numbers and keys.
fn told(node: &Element<String>) -> String {
    format!("a text of {} characters", text_of(node).chars().count())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCHEMA: &str = r#"<xs:schema targetNamespace="urn:a" xmlns:x="urn:a" xmlns:xs="http://www.w3.org/2001/XMLSchema">
      <xs:element name="head" type="x:base" abstract="true"/>
      <xs:complexType name="base"><xs:attribute name="id" type="x:id" use="required"/></xs:complexType>
      <xs:simpleType name="id"><xs:restriction base="xs:string"><xs:minLength value="1"/><xs:maxLength value="3"/></xs:restriction></xs:simpleType>
      <xs:element name="pay" substitutionGroup="x:head"><xs:complexType><xs:complexContent><xs:extension base="x:base"><xs:sequence>
        <xs:element name="amount"><xs:simpleType><xs:restriction base="xs:integer"><xs:totalDigits value="4"/></xs:restriction></xs:simpleType></xs:element>
        <xs:choice><xs:element name="card" type="x:card"/><xs:element name="token" type="xs:string"/></xs:choice>
        <xs:element name="note" type="xs:string" minOccurs="0" maxOccurs="2"/>
      </xs:sequence></xs:extension></xs:complexContent></xs:complexType></xs:element>
      <xs:complexType name="card"><xs:all><xs:element name="number" type="xs:string"/><xs:element name="brand" type="x:brand" minOccurs="0"/></xs:all></xs:complexType>
      <xs:simpleType name="brand"><xs:restriction base="xs:string"><xs:enumeration value="VI"/><xs:enumeration value="MC"/></xs:restriction></xs:simpleType>
      <xs:element name="root"><xs:complexType><xs:sequence><xs:element ref="x:head"/></xs:sequence></xs:complexType></xs:element>
      <xs:element name="odd"><xs:complexType><xs:sequence><xs:any/></xs:sequence></xs:complexType></xs:element>
    </xs:schema>"#;

    fn schema() -> Xsd {
        let (elements, types, members) = Default::default();
        let mut xsd = Xsd { namespace: String::new(), elements, types, members, skipped: RefCell::default() };
        xsd.add(SCHEMA, &mut |_, _| Ok(())).unwrap();
        xsd
    }

    fn places(body: &str) -> Vec<String> {
        schema().check("P", body).into_iter().map(|difference| difference.place).collect()
    }

    fn pay(attributes: &str, inner: &str) -> Vec<String> {
        places(&format!("<root xmlns=\"urn:a\"><pay {attributes}>{inner}</pay></root>"))
    }

    #[test]
    fn what_agrees_is_let_through() {
        for inner in [
            "<amount>100</amount><token>t</token>",
            "<amount>-9999</amount><card><brand>MC</brand><number>4</number></card><note/><note>b</note>",
        ] {
            assert!(pay("id=\"a\"", inner).is_empty(), "{inner}");
        }
        assert!(
            places("<r:root xmlns:r=\"urn:a\"><r:pay id=\"a\"><r:amount>1</r:amount><r:token/></r:pay></r:root>")
                .is_empty()
        );
    }

    #[test]
    fn what_does_not_agree_is_found_at_its_place() {
        let at = |rest: &str| vec![format!("P $.root.pay{rest}")];
        assert_eq!(pay("", "<amount>1</amount><token/>"), at(".@id"));
        assert_eq!(pay("id=\"abcd\"", "<amount>1</amount><token/>"), at(".@id"));
        assert_eq!(pay("id=\"a\" x=\"1\"", "<amount>1</amount><token/>"), at(".@x"));
        assert_eq!(pay("id=\"a\"", "<amount>1.5</amount><token/>"), at(".amount"));
        assert_eq!(pay("id=\"a\"", "<amount>12345</amount><token/>"), at(".amount"));
        assert_eq!(pay("id=\"a\"", "<token/><amount>1</amount>"), at(""));
        assert_eq!(pay("id=\"a\"", "<amount>1</amount>"), at(""));
        assert_eq!(pay("id=\"a\"", "<amount>1</amount><token/><note/><note/><note/>"), at(""));
        assert_eq!(
            pay("id=\"a\"", "<amount>1</amount><card><brand>AX</brand></card>"),
            [at(".card"), at(".card.brand")].concat()
        );
        assert_eq!(pay("id=\"a\"", "<amount>1</amount><token><b/></token>"), at(".token"));
        assert_eq!(places("<root xmlns=\"urn:b\"><pay id=\"a\"><amount>1</amount><token/></pay></root>"), ["P $.root"]);
        assert_eq!(places("<root xmlns=\"urn:a\"><head id=\"a\"/></root>"), ["P $.root", "P $.root.head"]);
        assert_eq!(places("<other xmlns=\"urn:a\"/>"), ["P $.other"]);
        assert_eq!(places("<root"), ["P $"]);
    }

    #[test]
    fn what_is_not_interpreted_is_told() {
        let xsd = schema();
        xsd.check("P", "<odd xmlns=\"urn:a\"><b/></odd>");
        assert_eq!(xsd.skipped.into_inner().into_iter().collect::<Vec<_>>(), ["any in a content model"]);
    }
}

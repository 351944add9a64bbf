//! The structs that read what is read of an answer, wherever in it that stands, and the expressions that take it out of them.

use std::collections::BTreeMap;

use serde::Serialize;

use super::name::{capital, word};
use super::shape::{Form, Leaf, Member};

/// A struct of the answers.
#[derive(Debug, Serialize)]
pub(super) struct Object {
    name: String,
    what: String,
    /// Whether it may be absent, with all that is in it.
    default: bool,
    fields: Vec<Field>,
}

#[derive(Debug, Serialize)]
struct Field {
    name: String,
    rename: Option<String>,
    skip: bool,
    default: bool,
    kind: String,
}

/// A name on the way to a member, and whether a list of objects stands there.
type Step = (String, bool);

/// Something that is read.
#[derive(Debug, Clone)]
pub(super) struct Read {
    /// The field of the struct in which it ends.
    field: &'static str,
    /// The way to it, its own name last; none where the description does not show it.
    way: Option<Vec<Step>>,
    kind: &'static str,
}

impl Read {
    /// One of these leaves; what lies in a list of lists is filled in by hand.
    pub(super) fn of(
        field: &'static str,
        kind: &'static str,
        members: &[Member],
        wanted: &dyn Fn(&Leaf) -> bool,
    ) -> Read {
        let way = way(members, wanted).filter(|way| way.iter().filter(|(_, is_list)| *is_list).count() < 2);
        Read { field, way, kind }
    }

    /// What stands at the end of a path of names.
    pub(super) fn at(field: &'static str, kind: &'static str, members: &[Member], path: Option<&Vec<String>>) -> Read {
        let mut way = Vec::new();
        let mut members = members;
        for name in path.into_iter().flatten() {
            let found = members.iter().find(|member| member.name == *name).map(|member| &member.form);
            way.push((name.clone(), matches!(found, Some(Form::List(_)))));
            members = match found {
                Some(Form::Node(inner) | Form::List(inner)) => inner,
                _ => &[],
            };
        }
        let is_readable = path.is_some() && way.iter().filter(|(_, is_list)| *is_list).count() < 2;
        Read { field, way: is_readable.then_some(way), kind }
    }

    pub(super) fn field(&self) -> &'static str {
        self.field
    }

    pub(super) fn is_found(&self) -> bool {
        self.way.is_some()
    }

    /// Whether its object is never without it.
    fn is_needed(&self) -> bool {
        !self.kind.starts_with("Option")
    }

    /// The expression of it in what `found` has read.
    fn expression(&self, found: &str, fields: &[&str]) -> String {
        let mut out = found.to_owned();
        let mut is_listed = false;
        let way = self.way.as_deref().unwrap_or_default();
        for (name, is_list) in way.iter().take(way.len().saturating_sub(1)) {
            out = format!("{out}.{}", part(name, fields));
            if *is_list {
                let call = if self.is_needed() { "map" } else { "and_then" };
                out = format!("{out}.first().{call}(|one| one");
                is_listed = true;
            }
        }
        out = format!("{out}.{}", self.field);
        match (is_listed, self.is_needed(), self.kind) {
            (false, _, "i64") => format!("{out}.to_string()"),
            (false, ..) => out,
            (true, true, "i64") => format!("{out}.to_string()).unwrap_or_default()"),
            (true, true, _) => format!("{out}.clone()).unwrap_or_default()"),
            (true, false, _) => format!("{out}.clone())"),
        }
    }
}

/// The way to the first of these leaves.
pub(super) fn way(members: &[Member], wanted: &dyn Fn(&Leaf) -> bool) -> Option<Vec<Step>> {
    members.iter().find_map(|member| match &member.form {
        Form::Leaf(leaf) => wanted(leaf).then(|| vec![(member.name.clone(), false)]),
        Form::Node(inner) => way(inner, wanted).map(|rest| [vec![(member.name.clone(), false)], rest].concat()),
        Form::List(inner) => way(inner, wanted).map(|rest| [vec![(member.name.clone(), true)], rest].concat()),
    })
}

/// The field of an object inside another, beside the fields that are read.
fn part(name: &str, fields: &[&str]) -> String {
    let word = word(name);
    if fields.contains(&word.as_str()) { format!("{word}_part") } else { word }
}

/// The structs for what is read, the outermost first, and the expression of each of it.
pub(super) fn objects(
    name: &str,
    what: &str,
    reads: &[Read],
    found: &str,
) -> (Vec<Object>, BTreeMap<&'static str, String>) {
    let fields: Vec<&str> = reads.iter().map(|read| read.field).collect();
    let mut out = Vec::new();
    object(name, what, reads.iter().collect(), 0, &fields, &mut out);
    let expressions = reads.iter().map(|read| (read.field, read.expression(found, &fields)));
    (out, expressions.collect())
}

fn object(name: &str, what: &str, reads: Vec<&Read>, depth: usize, fields: &[&str], out: &mut Vec<Object>) {
    let at = out.len();
    let default = depth > 0 && !reads.iter().any(|read| read.is_needed());
    out.push(Object { name: name.to_owned(), what: what.to_owned(), default, fields: Vec::new() });
    let mut own = Vec::new();
    let mut inner: Vec<(&Step, Vec<&Read>)> = Vec::new();
    for read in reads {
        let steps = read.way.as_deref().unwrap_or_default();
        match steps.get(depth) {
            Some(step) if depth + 1 < steps.len() => match inner.iter_mut().find(|(known, _)| *known == step) {
                Some((_, reads)) => reads.push(read),
                None => inner.push((step, vec![read])),
            },
            step => own.push(Field {
                name: read.field.to_owned(),
                rename: step.map(|(name, _)| name.clone()).filter(|name| name != read.field),
                skip: step.is_none(),
                default: false,
                kind: read.kind.to_owned(),
            }),
        }
    }
    for ((called, is_list), reads) in inner {
        let field = part(called, fields);
        let below: String = word(called).split('_').map(capital).collect();
        let kind = format!("{name}{below}");
        own.push(Field {
            rename: (field != *called).then(|| called.clone()),
            name: field,
            skip: false,
            default: *is_list || !reads.iter().any(|read| read.is_needed()),
            kind: if *is_list { format!("Vec<{kind}>") } else { kind.clone() },
        });
        object(&kind, &format!("`{called}` of it."), reads, depth + 1, fields, out);
    }
    if let Some(object) = out.get_mut(at) {
        object.fields = own;
    }
}

#[cfg(test)]
mod tests {
    use super::super::shape::Written;
    use super::*;

    #[test]
    fn what_is_read_is_taken_out_of_what_wraps_it() {
        let amount = Member::node("amount", vec![Member::leaf("value", Leaf::Minor)]);
        let list =
            Member { name: "details".to_owned(), form: Form::List(vec![Member::leaf("why", Leaf::Reason(None))]) };
        let data = vec![Member::leaf("id", Leaf::Id(Written::Whole)), amount, list];
        let members = [Member::node("data", data)];
        let reads = [
            Read::of("id", "i64", &members, &|leaf| matches!(leaf, Leaf::Id(_))),
            Read::of("amount", "Option<Number>", &members, &|leaf| *leaf == Leaf::Minor),
            Read::of("reason", "Option<String>", &members, &|leaf| matches!(leaf, Leaf::Reason(_))),
            Read::of("currency", "Option<String>", &members, &|leaf| *leaf == Leaf::Currency),
        ];
        let (objects, taken) = objects("Payment", "A payment.", &reads, "found");
        assert_eq!(taken["id"], "found.data.id.to_string()");
        assert_eq!(taken["amount"], "found.data.amount_part.amount");
        assert_eq!(taken["reason"], "found.data.details.first().and_then(|one| one.reason.clone())");
        assert_eq!(taken["currency"], "found.currency");
        let names: Vec<(&str, bool)> = objects.iter().map(|object| (object.name.as_str(), object.default)).collect();
        let below = [("PaymentDataAmount", true), ("PaymentDataDetails", true)];
        assert_eq!(names, [[("Payment", false), ("PaymentData", false)], below].concat());
    }
}

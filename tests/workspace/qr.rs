//! Texts of QR codes in the fixtures: lengths fit, and the checksum is computed.

use libtest_mimic::Failed;

use super::{complain, files, root, short, world};

pub(crate) fn tests(add: &mut impl FnMut(&str, fn() -> Result<(), Failed>)) {
    add("qr::texts_of_codes_are_sound", texts_of_codes_are_sound);
}

/// Every text that begins as one (`000201`), in each connector's own tapes and in those of another as they read for it.
fn texts_of_codes_are_sound() -> Result<(), Failed> {
    let mut complaints = Vec::new();
    let mut count = 0;
    for entry in quittance_connectors::ALL {
        let folder = root().join("fixtures").join(entry.spec.id);
        let like = world().subject(entry)?.profile.model.like.clone();
        let other = like.as_ref().map(|like| like.folder(&folder));
        for path in files(&folder, ".toml").into_iter().chain(other.iter().flat_map(|folder| files(folder, ".toml"))) {
            let text = std::fs::read_to_string(&path)?;
            let read =
                like.as_ref().filter(|_| !path.starts_with(&folder)).map_or(text.clone(), |like| like.applied(&text));
            for code in read.split('"').filter(|text| text.starts_with("000201")) {
                count += 1;
                complaints
                    .extend(fault(code).map(|why| format!("{}, {}: {why} in {code}", entry.spec.id, short(&path))));
            }
        }
    }
    if count == 0 {
        complaints.push("no text of a QR code was found".to_owned());
    }
    complain(complaints)
}

/// What is wrong with a text: objects of id, length and value; those of an account (26) and of further data (62) hold objects again.
fn fault(code: &str) -> Option<String> {
    const SUM: &str = "6304${crc16}";
    let Some(objects) = code.strip_suffix(SUM) else { return Some(format!("expected `{SUM}` at the end")) };
    let minted = "${gen:location:hex32}";
    objects_of(&objects.replace(minted, &"0".repeat(32)))
}

fn objects_of(text: &str) -> Option<String> {
    let mut rest = text;
    while !rest.is_empty() {
        let read = |from: usize, to: usize| rest.get(from..to).unwrap_or_default();
        let (id, length) = (read(0, 2), read(2, 4).parse::<usize>().ok());
        let Some(value) = length.and_then(|length| rest.get(4..4 + length)) else {
            return Some(format!("the length at `{rest}` does not fit"));
        };
        if let Some(why) = matches!(id, "26" | "62").then(|| objects_of(value)).flatten() {
            return Some(why);
        }
        rest = rest.get(4 + value.len()..).unwrap_or_default();
    }
    None
}

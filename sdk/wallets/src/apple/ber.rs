//! BER with indefinite lengths, rewritten with definite ones (X.690, sections 8.1.3 and 10.1): what Apple sends, as a DER reader takes it.

/// How deep values may lie in each other. A CMS message with certificates has about 12 levels.
const DEPTH_MAX: usize = 32;

/// The same values with definite lengths. `None` when the bytes are not one whole value.
pub(super) fn to_definite(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(bytes.len());
    let rest = value(bytes, &mut out, DEPTH_MAX)?;
    rest.is_empty().then_some(out)
}

/// Rewrites the first value and gives what follows it.
fn value<'b>(bytes: &'b [u8], out: &mut Vec<u8>, depth: usize) -> Option<&'b [u8]> {
    let depth = depth.checked_sub(1)?;
    let (&tag, rest) = bytes.split_first()?;
    // Tags above 30 take further bytes; CMS has none.
    if tag & 0x1f == 0x1f {
        return None;
    }
    let (&first, rest) = rest.split_first()?;
    let constructed = tag & 0x20 != 0;
    if first == 0x80 {
        return if constructed { indefinite(tag, rest, out, depth) } else { None };
    }
    let (length, rest) = length(first, rest)?;
    let (content, after) = rest.split_at_checked(length)?;
    if constructed {
        let mut inner = Vec::with_capacity(length);
        let mut left = content;
        while !left.is_empty() {
            left = value(left, &mut inner, depth)?;
        }
        write(tag, &inner, out);
    } else {
        write(tag, content, out);
    }
    Some(after)
}

fn indefinite<'b>(tag: u8, mut rest: &'b [u8], out: &mut Vec<u8>, depth: usize) -> Option<&'b [u8]> {
    let mut inner = Vec::new();
    loop {
        if let Some(after) = rest.strip_prefix(&[0, 0]) {
            write(tag, &inner, out);
            return Some(after);
        }
        rest = value(rest, &mut inner, depth)?;
    }
}

fn length(first: u8, rest: &[u8]) -> Option<(usize, &[u8])> {
    if first < 0x80 {
        return Some((usize::from(first), rest));
    }
    // Four bytes of length are more than any token has.
    let (bytes, rest) = rest.split_at_checked(usize::from(first & 0x7f)).filter(|(bytes, _)| bytes.len() <= 4)?;
    let length =
        bytes.iter().try_fold(0usize, |length, &byte| length.checked_mul(256)?.checked_add(usize::from(byte)))?;
    Some((length, rest))
}

fn write(tag: u8, content: &[u8], out: &mut Vec<u8>) {
    out.push(tag);
    match u8::try_from(content.len()) {
        Ok(short) if short < 0x80 => out.push(short),
        _ => {
            let bytes = content.len().to_be_bytes();
            let bytes = bytes.iter().copied().skip_while(|byte| *byte == 0).collect::<Vec<u8>>();
            out.push(0x80 | u8::try_from(bytes.len()).unwrap_or(0x7f));
            out.extend(bytes);
        }
    }
    out.extend(content);
}

//! What goes wrong on purpose: latency, refusals before the provider acts, faults after it has acted, deliveries sent twice.
//!
//! Everything is drawn from the seed and the number of the request, so that a client that asks the same things in the same order meets
//! the same faults again.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use crate::world::near;

/// Longest latency that can be asked for.
pub const LONGEST_LATENCY_MS: u64 = 60_000;

/// A chance is a whole number of millionths.
const WHOLE: u32 = 1_000_000;

/// Words that take a chance, besides status codes and `latency`.
const WORDS: [&str; 9] =
    ["reset", "reset_after", "timeout", "timeout_after", "html", "html_after", "cut", "duplicate_webhook", "latency"];

/// How an exchange goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The connection ends without an answer.
    Reset,
    /// No answer comes, until the client gives up or a minute is over.
    Timeout,
    /// This status with an empty body.
    Status(u16),
    /// Status 502 with a page of HTML, as a gateway before the provider sends it.
    Html,
    /// The provider's answer ends in the middle of its body.
    Cut,
}

/// A fault, and whether the provider has acted by then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fault {
    /// How it goes wrong.
    pub kind: Kind,
    /// Whether the request reaches the provider first.
    pub after: bool,
}

impl fmt::Display for Fault {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            Kind::Reset => out.write_str("reset")?,
            Kind::Timeout => out.write_str("timeout")?,
            Kind::Status(code) => write!(out, "{code}")?,
            Kind::Html => out.write_str("html")?,
            Kind::Cut => return out.write_str("cut"),
        }
        out.write_str(if self.after { "_after" } else { "" })
    }
}

impl FromStr for Fault {
    type Err = String;

    /// `reset`, `timeout`, `html`, `cut`, or a status from 400 to 599; each but `cut` also with `_after`.
    fn from_str(word: &str) -> Result<Fault, String> {
        let (name, after) = word.strip_suffix("_after").map_or((word, false), |name| (name, true));
        let kind = match name {
            "reset" => Kind::Reset,
            "timeout" => Kind::Timeout,
            "html" => Kind::Html,
            // A body can be cut only after it was made.
            "cut" => return Ok(Fault { kind: Kind::Cut, after: true }),
            code if code.len() == 3 && code.bytes().all(|byte| byte.is_ascii_digit()) => {
                match code.parse::<u16>().ok().filter(|code| (400..600).contains(code)) {
                    Some(code) => Kind::Status(code),
                    None => return Err(format!("`{word}`: expected a status from 400 to 599")),
                }
            }
            _ => return Err(unknown(word)),
        };
        Ok(Fault { kind, after })
    }
}

fn unknown(word: &str) -> String {
    let names = near(word, &WORDS);
    let hint = match names.is_empty() {
        true => format!("known are {} and statuses as 503 or 503_after", WORDS.join(", ")),
        false => format!("did you mean {}?", names.join(", ")),
    };
    format!("`{word}`: unknown word; {hint}")
}

/// What may go wrong, and how often.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Chaos {
    /// The shortest and the longest time, in milliseconds, that an answer is held back.
    latency_ms: Option<(u64, u64)>,
    /// The faults with their chances in millionths; together at most 1.
    faults: Vec<(Fault, u32)>,
    /// The chance in millionths that a delivery is sent twice.
    duplicate: u32,
}

/// What happens to one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Draw {
    /// How long the answer is held back.
    pub latency: Duration,
    /// What goes wrong.
    pub fault: Option<Fault>,
}

impl Chaos {
    /// What happens to the request of this number, from 0.
    pub fn draw(&self, seed: u64, number: u64) -> Draw {
        let latency_ms = self
            .latency_ms
            .map_or(0, |(shortest, longest)| shortest + random(seed, number, 1) % (longest - shortest + 1));
        let mut rest = random(seed, number, 2) % u64::from(WHOLE);
        let fault = self.faults.iter().find_map(|(fault, chance)| {
            let chance = u64::from(*chance);
            let hit = rest < chance;
            rest = rest.saturating_sub(chance);
            hit.then_some(*fault)
        });
        Draw { latency: Duration::from_millis(latency_ms), fault }
    }

    /// Whether the delivery of this number, from 0, is sent twice.
    pub fn doubles(&self, seed: u64, number: u64) -> bool {
        random(seed, number, 3) % u64::from(WHOLE) < u64::from(self.duplicate)
    }

    /// Whether nothing goes wrong at all.
    pub fn is_nothing(&self) -> bool {
        *self == Chaos::default()
    }
}

/// A number drawn from seed, count and purpose: the finalizer of SplitMix64 over the three.
fn random(seed: u64, number: u64, purpose: u64) -> u64 {
    let mut mixed = seed ^ purpose.wrapping_mul(0xd6e8_feb8_6659_fd93);
    mixed = mixed.wrapping_add(number.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

impl FromStr for Chaos {
    type Err = String;

    /// A comma list as `latency=50ms..200ms,reset=1%,503=2%,503_after=0.5%,duplicate_webhook=5%`.
    fn from_str(text: &str) -> Result<Chaos, String> {
        let mut chaos = Chaos::default();
        let mut named: Vec<&str> = Vec::new();
        for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            let Some((word, value)) = part.split_once('=') else {
                return Err(format!("`{part}`: expected WORD=VALUE, as 503=2% or latency=50ms..200ms"));
            };
            let (word, value) = (word.trim(), value.trim());
            if named.contains(&word) {
                return Err(format!("`{word}` stands twice; name it once"));
            }
            named.push(word);
            match word {
                "latency" => chaos.latency_ms = Some(latency(value)?),
                "duplicate_webhook" => chaos.duplicate = chance(word, value)?,
                _ => chaos.faults.push((word.parse()?, chance(word, value)?)),
            }
        }
        let sum: u64 = chaos.faults.iter().map(|(_, chance)| u64::from(*chance)).sum();
        match sum > u64::from(WHOLE) {
            true => {
                Err("the chances of the faults come to more than 100%; a request can go wrong in one way".to_owned())
            }
            false => Ok(chaos),
        }
    }
}

/// The form that is read back to the same chaos.
impl fmt::Display for Chaos {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts = Vec::new();
        match self.latency_ms {
            Some((shortest, longest)) if shortest == longest => parts.push(format!("latency={shortest}ms")),
            Some((shortest, longest)) => parts.push(format!("latency={shortest}ms..{longest}ms")),
            None => {}
        }
        parts.extend(self.faults.iter().map(|(fault, chance)| format!("{fault}={}", percent(*chance))));
        if self.duplicate > 0 {
            parts.push(format!("duplicate_webhook={}", percent(self.duplicate)));
        }
        out.write_str(&parts.join(","))
    }
}

fn percent(chance: u32) -> String {
    let (whole, part) = (chance / 10_000, chance % 10_000);
    match part {
        0 => format!("{whole}%"),
        _ => format!("{whole}.{}%", format!("{part:04}").trim_end_matches('0')),
    }
}

/// `1%`, `0.25%`: millionths.
fn chance(word: &str, value: &str) -> Result<u32, String> {
    let wrong =
        || format!("`{word}={value}`: expected a chance from 0% to 100% with at most four decimals, as 1% or 0.25%");
    let number = value.strip_suffix('%').ok_or_else(wrong)?;
    let (whole, part) = number.split_once('.').unwrap_or((number, "0"));
    let digits = |text: &str| !text.is_empty() && text.len() <= 4 && text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !digits(part) {
        return Err(wrong());
    }
    let whole: u32 = whole.parse().map_err(|_| wrong())?;
    let part: u32 = format!("{part:0<4}").parse().map_err(|_| wrong())?;
    Some(whole * 10_000 + part).filter(|chance| *chance <= WHOLE).ok_or_else(wrong)
}

/// `50ms`, `1s`, `50ms..200ms`: milliseconds.
fn latency(value: &str) -> Result<(u64, u64), String> {
    let wrong = || {
        format!(
            "`latency={value}`: expected a time or a range up to {} s, as 50ms, 1s or 50ms..200ms",
            LONGEST_LATENCY_MS / 1000
        )
    };
    let (shortest, longest) = value.split_once("..").unwrap_or((value, value));
    let shortest = milliseconds(shortest).ok_or_else(wrong)?;
    let longest = milliseconds(longest).ok_or_else(wrong)?;
    match shortest <= longest && longest <= LONGEST_LATENCY_MS {
        true => Ok((shortest, longest)),
        false => Err(wrong()),
    }
}

/// A time as `250ms` or `2s`, in milliseconds.
pub fn milliseconds(text: &str) -> Option<u64> {
    let text = text.trim();
    match text.strip_suffix("ms") {
        Some(number) => number.parse().ok(),
        None => text.strip_suffix('s')?.parse::<u64>().ok()?.checked_mul(1000),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_read_and_written() {
        let text = "latency=50ms..200ms,reset=1%,timeout=1%,503=2%,429=0.25%,html=1%,cut=1%,503_after=10%,duplicate_webhook=5%";
        let chaos: Chaos = text.parse().unwrap();
        assert_eq!(chaos.to_string(), text);
        assert!("".parse::<Chaos>().unwrap().is_nothing());
        assert_eq!("latency=2s".parse::<Chaos>().unwrap().to_string(), "latency=2000ms");
    }

    #[test]
    fn bad_words_are_told() {
        let told = |text: &str| text.parse::<Chaos>().unwrap_err();
        assert!(told("latensy=5ms").contains("did you mean latency"));
        assert!(told("503").contains("expected WORD=VALUE"));
        assert!(told("503=2").contains("0% to 100%"));
        assert!(told("503=101%").contains("0% to 100%"));
        assert!(told("503=0.00001%").contains("four decimals"));
        assert!(told("200=1%").contains("400 to 599"));
        assert!(told("503=60%,429=60%").contains("more than 100%"));
        assert!(told("503=1%,503=2%").contains("twice"));
        assert!(told("latency=9ms..3ms").contains("50ms..200ms"));
        assert!(told("latency=61s").contains("up to 60 s"));
        assert!(told("zzzzzzzz=1%").contains("known are"));
    }

    #[test]
    fn draws_repeat_and_keep_to_their_chances() {
        let chaos: Chaos = "latency=5ms..9ms,503=10%,reset_after=5%,duplicate_webhook=50%".parse().unwrap();
        let draws = |seed| (0..20_000).map(|number| chaos.draw(seed, number)).collect::<Vec<_>>();
        let one = draws(7);
        assert_eq!(one, draws(7));
        assert_ne!(one, draws(8));
        assert!(one.iter().all(|draw| (5..=9).contains(&draw.latency.as_millis())));
        let count =
            |word: &str| one.iter().filter(|draw| draw.fault.is_some_and(|fault| fault.to_string() == word)).count();
        assert!((1800..2200).contains(&count("503")), "{}", count("503"));
        assert!((850..1150).contains(&count("reset_after")), "{}", count("reset_after"));
        let doubled = (0..1000).filter(|number| chaos.doubles(7, *number)).count();
        assert!((430..570).contains(&doubled), "{doubled}");
    }
}

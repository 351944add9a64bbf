//! The fuzz targets of `fuzz/targets.rs` on stable Rust: seeds are changed by a random generator with a fixed start, so that a run can be
//! repeated. Each target gets a few hundred inputs; `QUITTANCE_FUZZ_SECONDS` gives it more time.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, reason = "tests")]

use std::panic::catch_unwind;
use std::path::Path;
use std::time::{Duration, Instant};

#[path = "../../fuzz/targets.rs"]
mod targets;

use targets::{MAX_BYTES, TARGETS, Target};

/// Inputs of a target when no time is given.
const INPUTS: usize = 300;

/// Words that parsers stumble over.
const WORDS: [&str; 24] = [
    "\"",
    "{",
    "}",
    "[",
    "]",
    "\\u0000",
    "\\ud800",
    "null",
    "true",
    "-1",
    "0",
    "1e999",
    "99999999999999999999",
    "0.1",
    "${",
    "}",
    "<![CDATA[",
    "<!DOCTYPE a>",
    "&amp;",
    "\u{feff}",
    "\u{202e}",
    "\n",
    "=",
    "succeeded",
];

/// xorshift64*: the same inputs on every machine.
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() >> 32).unwrap() % limit.max(1)
    }
}

/// A seed with one to eight changes.
fn changed(chance: &mut Chance, seeds: &[Vec<u8>]) -> Vec<u8> {
    let mut input = seeds[chance.below(seeds.len())].clone();
    for _ in 0..=chance.below(8) {
        let at = chance.below(input.len() + 1);
        let end = (at + chance.below(24)).min(input.len());
        match chance.below(8) {
            0 if at < input.len() => input[at] ^= 1 << chance.below(8),
            1 if at < input.len() => input[at] = u8::try_from(chance.below(256)).unwrap(),
            2 => drop(input.drain(at..end)),
            3 => {
                let part = input[at..end].to_vec();
                input.splice(at..at, part);
            }
            4 => input.truncate(at),
            5 => {
                let other = &seeds[chance.below(seeds.len())];
                let from = chance.below(other.len() + 1);
                input.truncate(at);
                input.extend_from_slice(&other[from..]);
            }
            _ => {
                let word = WORDS[chance.below(WORDS.len())];
                input.splice(at..end, word.bytes());
            }
        }
    }
    input.truncate(MAX_BYTES);
    input
}

/// Runs a target on its kept inputs, then on new ones; gives how many.
fn run(target: &Target) -> usize {
    let seeds = (target.seeds)();
    assert!(!seeds.is_empty(), "{} has no seed", target.name);
    let seconds: Option<u64> = std::env::var("QUITTANCE_FUZZ_SECONDS").ok().and_then(|text| text.parse().ok());
    let (began, mut chance, mut count) = (Instant::now(), Chance(0x9e37_79b9_7f4a_7c15), 0);
    let kept = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/regressions").join(target.name);
    let kept =
        std::fs::read_dir(kept).into_iter().flatten().flatten().map(|entry| std::fs::read(entry.path()).unwrap());
    let attempt = |input: &[u8], count: usize| {
        if catch_unwind(|| (target.run)(input)).is_err() {
            let kept = std::env::temp_dir().join(format!("{}-{count}", target.name));
            std::fs::write(&kept, input).unwrap();
            panic!("{}: input {count}, kept as {}", target.name, kept.display());
        }
    };
    kept.flat_map(|input| targets::kept(target, input)).for_each(|input| attempt(&input, 0));
    let mut inputs = seeds.iter().filter(|seed| target.name != "webhooks" || seed.len() > 4).take(INPUTS).cloned();
    loop {
        let input = inputs.next().unwrap_or_else(|| changed(&mut chance, &seeds));
        count += 1;
        attempt(&input, count);
        let more = seconds.map_or(count < 2 * INPUTS, |seconds| began.elapsed() < Duration::from_secs(seconds));
        if !more {
            return count;
        }
    }
}

/// The most memory that the process had, in KiB; `None` where the system does not tell.
fn peak_kib() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?.trim().strip_suffix(" kB")?.trim().parse().ok()
}

#[test]
fn no_target_panics_or_believes_garbage() {
    let only = std::env::var("QUITTANCE_FUZZ_TARGET").ok();
    for target in TARGETS.iter().filter(|target| only.as_deref().is_none_or(|only| only == target.name)) {
        let count = run(target);
        println!("{}: {count} inputs, at most {} MiB", target.name, peak_kib().unwrap_or_default() / 1024);
    }
    assert!(peak_kib().is_none_or(|peak| peak < 1 << 20), "more than 1 GiB");
}

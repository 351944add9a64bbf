//! A hash for maps whose keys no client chooses: what a client sends is only looked up in them.

use std::hash::Hasher;

/// Mixes eight bytes at a time by a multiplication. Whoever chooses the keys of a map can make them collide.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Quick(u64);

impl Hasher for Quick {
    fn write(&mut self, bytes: &[u8]) {
        let mut chunks = bytes.chunks_exact(8);
        for chunk in &mut chunks {
            self.write_u64(chunk.try_into().map_or(0, u64::from_le_bytes));
        }
        // The last eight again, some of them for the second time.
        let rest = chunks.remainder();
        self.write_u64(match bytes.last_chunk() {
            Some(last) if !rest.is_empty() => u64::from_le_bytes(*last),
            _ => rest.iter().fold(1, |rest, byte| rest << 8 | u64::from(*byte)),
        });
    }

    fn write_u8(&mut self, byte: u8) {
        self.write_u64(u64::from(byte));
    }

    fn write_usize(&mut self, number: usize) {
        self.write_u64(u64::try_from(number).unwrap_or(u64::MAX));
    }

    fn write_u64(&mut self, number: u64) {
        // The multiplier is the golden ratio in 64 bits.
        self.0 = (self.0.rotate_left(5) ^ number).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }

    fn finish(&self) -> u64 {
        self.0 ^ self.0 >> 32
    }
}

//! Bytes from bytes, the same ones each time: what stands in for libFuzzer in `cargo x test`.

/// A small generator of numbers (SplitMix64): statistically good enough, and the same on every machine.
#[derive(Debug)]
pub struct Numbers(u64);

impl Numbers {
    /// The sequence of a seed.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Below `bound`; 0 when that is 0.
    pub fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % (bound.max(1) as u64)).unwrap_or(0)
    }
}

/// What parsers stumble over.
const WORDS: &[&[u8]] = &[
    b"\0",
    b"\xff",
    b"\xc3",
    b"\xe2\x80\xae",
    b"\xef\xbb\xbf",
    b"\r\n",
    b"\n",
    b"---\n",
    b"...\n",
    b"- ",
    b": ",
    b"&a ",
    b"*a",
    b"<<: ",
    b"|\n",
    b">-\n",
    b"!!str ",
    b"? ",
    b"\"",
    b"'",
    b"[",
    b"]",
    b"{",
    b"}",
    b"#",
    b"%YAML 1.2\n",
    b"..",
    b"/",
    b"~1",
    b"**",
    b"[!a-z]",
    b"{a,b}",
    b"\\",
    b"1e999",
    b"0x",
    b"-",
    b"0777",
    b"yes",
    b"\x1b[2J",
    b"0000",
    b"0001",
    b"\x80\x80\x80\x80\x08",
    b"\x7f\xff\xff\xff",
];

/// `seed` after one to four small accidents; `other` may be spliced in.
#[must_use]
pub fn mutate(seed: &[u8], other: &[u8], numbers: &mut Numbers) -> Vec<u8> {
    let mut bytes = seed.to_vec();
    for _ in 0..=numbers.below(4) {
        accident(&mut bytes, other, numbers);
    }
    bytes
}

fn accident(bytes: &mut Vec<u8>, other: &[u8], numbers: &mut Numbers) {
    let at = numbers.below(bytes.len() + 1);
    let end = (at + numbers.below(32)).min(bytes.len());
    match numbers.below(7) {
        0 if at < bytes.len() => bytes[at] ^= 1 << numbers.below(8),
        1 if at < bytes.len() => bytes[at] = u8::try_from(numbers.below(256)).unwrap_or(0),
        2 => drop(bytes.drain(at..end)),
        3 => {
            let again: Vec<u8> = bytes[at..end].repeat(1 + numbers.below(8));
            bytes.splice(at..at, again);
        }
        4 => bytes.truncate(at),
        5 => {
            let from = numbers.below(other.len() + 1);
            let to = (from + numbers.below(64)).min(other.len());
            bytes.splice(at..end, other[from..to].iter().copied());
        }
        _ => {
            let word = WORDS[numbers.below(WORDS.len())];
            bytes.splice(at..at, word.iter().copied());
        }
    }
}

//! The seeded source of all choices in the corpus, and of the ids and texts made by chance alone.

/// A seeded source of choices (SplitMix64), so that every run makes the same corpus.
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % bound as u64).unwrap()
    }

    pub fn one<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())]
    }

    pub fn hex(&mut self, digits: usize) -> String {
        (0..digits)
            .map(|_| char::from(b"0123456789abcdef"[self.below(16)]))
            .collect()
    }

    /// A random identifier of a type, with a UUID of version 4.
    pub fn id(&mut self, kind: &str) -> String {
        let variant = ["8", "9", "a", "b"][self.below(4)];
        let (a, b, c, d, e) = (
            self.hex(8),
            self.hex(4),
            self.hex(3),
            self.hex(3),
            self.hex(12),
        );
        format!("{kind}--{a}-{b}-4{c}-{variant}{d}-{e}")
    }

    /// A short text of any kind.
    pub fn text(&mut self) -> String {
        let words = [
            "a phrase",
            "Hafenmeister",
            "港湾の障害について",
            "two\nlines",
            "quoted \"word\"",
            "ｶﾅ and 漢字",
            "x",
            "line\u{2028}end",
            "\u{1f4a1} idea",
            "C:\\path\\to",
        ];
        format!("{} {}", self.one(&words), self.below(1000))
    }
}

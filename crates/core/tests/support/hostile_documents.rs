//! Writes JSON documents that are as hostile as documents can be: numbers in every spelling, keys
//! that look like indices, escapes, lone surrogates, white space everywhere. From a seed, so that
//! the same documents come on every machine.

#![expect(dead_code, reason = "each test that includes this uses its own part")]

use std::fmt::Write as _;

use posthaste_core::limits::DEPTH_MAX;

/// What the document's author made of it, which says what may come of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    None,
    /// Holds one thing that JavaScript reads and changes; the complaint about it has these words.
    Lossy(&'static str),
    /// Some characters were changed at random.
    Mutated,
}

pub struct Document {
    pub text: String,
    pub fault: Fault,
}

pub const LOSSES: [&str; 5] = [
    "the integer has more digits",
    "too large for a double",
    "a double makes it 0",
    "the key stands twice",
    "nested deeper than 64 levels",
];

/// Marsaglia's xorshift64: the same documents on every machine.
#[derive(Default)]
pub struct Chance(pub u64);

impl Chance {
    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    pub fn below(&mut self, bound: usize) -> usize {
        // The high bits are the better ones.
        usize::try_from((self.next() >> 32) % bound as u64).expect("below a usize")
    }

    pub fn one_in(&mut self, bound: usize) -> bool {
        self.below(bound) == 0
    }

    pub fn one_of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())]
    }
}

/// Writes documents. `loss` is what still has to be put into the one being written.
#[derive(Default)]
pub struct Generator {
    chance: Chance,
    text: String,
    spacious: bool,
    loss: Option<&'static str>,
    /// Decimals of up to 767 digits that lie exactly between two doubles.
    half_ways: Vec<String>,
}

impl Generator {
    pub fn new(seed: u64) -> Generator {
        let mut chance = Chance(seed);
        let half_ways = (0..64).map(|_| half_way(chance.next() >> 11)).collect();
        Generator { chance, half_ways, ..Generator::default() }
    }

    /// A document whose value is an object and which is kept.
    pub fn object_document(&mut self) -> String {
        self.text = String::new();
        self.spacious = self.chance.one_in(2);
        self.loss = None;
        self.space();
        self.object(5);
        self.space();
        std::mem::take(&mut self.text)
    }

    pub fn document(&mut self) -> Document {
        self.text = String::new();
        self.spacious = self.chance.one_in(2);
        let wanted = self.chance.one_in(20).then(|| self.chance.one_of(&LOSSES));
        self.loss = wanted;
        self.space();
        if self.chance.one_in(200) {
            self.nested_value(DEPTH_MAX - 8);
        } else {
            self.value(5);
        }
        self.space();
        let mut text = std::mem::take(&mut self.text);
        if wanted.is_none() && self.chance.one_in(10) {
            self.mutate(&mut text);
            return Document { text, fault: Fault::Mutated };
        }
        // A document without a place for its fault stays without it.
        let put = if self.loss.is_none() { wanted } else { None };
        Document { text, fault: put.map_or(Fault::None, Fault::Lossy) }
    }

    fn space(&mut self) {
        while self.spacious && self.chance.one_in(3) {
            let space = self.chance.one_of(&[' ', '\t', '\n', '\r']);
            self.text.push(space);
        }
    }

    fn value(&mut self, depth: usize) {
        let too_deep = self.loss.take_if(|loss| *loss == LOSSES[4]);
        if too_deep.is_some() {
            self.text.push_str(&"[".repeat(DEPTH_MAX + 1));
            self.text.push_str(&"]".repeat(DEPTH_MAX + 1));
            return;
        }
        match self.chance.below(if depth == 0 { 6 } else { 11 }) {
            0 => self.text.push_str("null"),
            1 => {
                let word = self.chance.one_of(&["true", "false"]);
                self.text.push_str(word);
            }
            2 | 3 => self.number(),
            4 | 5 => self.string(),
            6 | 7 => self.array(depth - 1),
            _ => self.object(depth - 1),
        }
    }

    /// Nearly as deep as it may be, with something hostile at the bottom.
    fn nested_value(&mut self, levels: usize) {
        let mut closing = Vec::new();
        for _ in 0..levels {
            if self.chance.one_in(2) {
                self.text.push('[');
                closing.push("]");
            } else {
                self.text.push_str("{\"b\":");
                closing.push(",\"7\":0}");
            }
            self.space();
        }
        self.value(5);
        for close in closing.into_iter().rev() {
            self.text.push_str(close);
            self.space();
        }
    }

    fn array(&mut self, depth: usize) {
        self.text.push('[');
        self.space();
        for position in 0..self.chance.below(5) {
            if position > 0 {
                self.text.push(',');
                self.space();
            }
            self.value(depth);
            self.space();
        }
        self.text.push(']');
    }

    fn object(&mut self, depth: usize) {
        let mut keys: Vec<Vec<u16>> = Vec::new();
        let count = if self.chance.one_in(30) { 20 } else { self.chance.below(6) };
        for _ in 0..count {
            let key = self.key();
            if !keys.contains(&key) {
                keys.push(key);
            }
        }
        if !keys.is_empty() && self.loss.take_if(|loss| *loss == LOSSES[3]).is_some() {
            let twice = keys[self.chance.below(keys.len())].clone();
            keys.push(twice);
        }
        self.text.push('{');
        self.space();
        for (position, key) in keys.iter().enumerate() {
            if position > 0 {
                self.text.push(',');
                self.space();
            }
            self.spell_string(key);
            self.space();
            self.text.push(':');
            self.space();
            self.value(depth);
            self.space();
        }
        self.text.push('}');
    }

    fn key(&mut self) -> Vec<u16> {
        const KEYS: [&str; 26] = [
            "",
            "a",
            "b",
            "z",
            "A",
            "é",
            "__proto__",
            "constructor",
            "toJSON",
            "length",
            "0",
            "-0",
            "00",
            "01",
            "1.0",
            "-1",
            "+1",
            "1e3",
            " 1",
            "4294967293",
            "4294967294",
            "4294967295",
            "4294967296",
            "2147483648",
            "9007199254740993",
            "10000000000",
        ];
        match self.chance.below(4) {
            0 => self.chance.one_of(&KEYS).encode_utf16().collect(),
            1 => self.chance.below(120).to_string().encode_utf16().collect(),
            2 => (self.chance.next() >> 30).to_string().encode_utf16().collect(),
            _ => self.units(),
        }
    }

    // --- Strings ------------------------------------------------------------------------------

    fn string(&mut self) {
        let units = self.units();
        self.spell_string(&units);
    }

    /// UTF-16 as JavaScript has it: pairs, and halves of them.
    fn units(&mut self) -> Vec<u16> {
        let mut units = Vec::new();
        let length = if self.chance.one_in(20) { 60 } else { 8 };
        for _ in 0..self.chance.below(length) {
            let random = self.chance.next() >> 20;
            let within = |low: u64, high: u64| {
                u16::try_from(low + random % (high - low + 1)).expect("16 bits")
            };
            match self.chance.below(12) {
                0 => units.push(within(0, 0x1f)),
                1 => units.extend(self.chance.one_of(&["\"", "\\", "/", "\u{7f}"]).encode_utf16()),
                2 => units.extend([within(0xd800, 0xdbff), 0xdc00 | within(0, 0x3ff) & 0x3ff]),
                3 => units.push(within(0xd800, 0xdfff)),
                4 => units.push(within(0x80, 0x7ff)),
                5 => units.push(within(0x2000, 0x2fff)),
                6 => units.push(within(0xe000, 0xffff)),
                _ => units.push(within(0x20, 0x7e)),
            }
        }
        units
    }

    fn spell_string(&mut self, units: &[u16]) {
        let escape_often = self.chance.one_in(3);
        self.text.push('"');
        let mut at = 0;
        while let Some(unit) = units.get(at).copied() {
            let pair = match units.get(at + 1) {
                Some(low @ 0xdc00..=0xdfff) if (0xd800..=0xdbff).contains(&unit) => Some(*low),
                _ => None,
            };
            at += if pair.is_some() { 2 } else { 1 };
            let escaped = escape_often && self.chance.one_in(2);
            let character = char::decode_utf16([unit, pair.unwrap_or(0)]).next();
            match character.and_then(Result::ok) {
                Some(plain) if !escaped && !matches!(plain, '\0'..='\x1f' | '"' | '\\') => {
                    self.text.push(plain);
                }
                Some(named) if self.chance.one_in(2) && named_escape(named).is_some() => {
                    self.text.push_str(named_escape(named).expect("asked for just before"));
                }
                _ => {
                    self.spell_unit(unit);
                    if let Some(low) = pair {
                        self.spell_unit(low);
                    }
                }
            }
        }
        self.text.push('"');
    }

    fn spell_unit(&mut self, unit: u16) {
        if self.chance.one_in(2) {
            write!(self.text, "\\u{unit:04x}").expect("a String takes all");
        } else {
            write!(self.text, "\\u{unit:04X}").expect("a String takes all");
        }
    }

    // --- Numbers ------------------------------------------------------------------------------

    fn number(&mut self) {
        let lossy = self.loss.take_if(|loss| LOSSES[..3].contains(loss));
        let spelled = match lossy {
            Some(loss) if loss == LOSSES[0] => self.lossy_integer(),
            Some(loss) if loss == LOSSES[1] => self.too_large(),
            Some(_) => self.too_small(),
            None => self.kept_number(),
        };
        self.text.push_str(&spelled);
    }

    fn lossy_integer(&mut self) -> String {
        let sign = self.chance.one_of(&["", "-"]);
        // Odd and above 2^53. ECMAScript spells no integer like that: up to 17 digits it spells
        // doubles exactly or with a 0 at the end, and above that always with a 0.
        let odd = (1 << 53) | (self.chance.next() >> 1) | 1;
        match self.chance.below(4) {
            0 => self.chance.one_of(&["9007199254740993", "12345678901234567890"]).to_owned(),
            1 => format!("{sign}{}1", "9".repeat(17 + self.chance.below(200))),
            _ => format!("{sign}{odd}"),
        }
    }

    fn too_large(&mut self) -> String {
        let sign = self.chance.one_of(&["", "-"]);
        match self.chance.below(4) {
            0 => format!("{sign}1e{}", 309 + self.chance.below(100_000)),
            1 => format!("{sign}1{}", "0".repeat(309 + self.chance.below(900))),
            2 => format!("{sign}1.7976931348623159{}E+308", self.chance.below(1_000)),
            _ => format!("{sign}0.{}1e99999999999999999999", "0".repeat(self.chance.below(9))),
        }
    }

    fn too_small(&mut self) -> String {
        let sign = self.chance.one_of(&["", "-"]);
        match self.chance.below(3) {
            0 => format!("{sign}1e-{}", 325 + self.chance.below(100_000)),
            1 => format!("{sign}0.{}1", "0".repeat(330 + self.chance.below(900))),
            _ => format!("{sign}2.4703282292062327E-0324"),
        }
    }

    fn kept_number(&mut self) -> String {
        const NUMBERS: [&str; 36] = [
            "0",
            "-0",
            "0.0",
            "-0.0",
            "0e0",
            "-0E+7",
            "0e400",
            "0e99999999999",
            "1",
            "-1",
            "1.0",
            "1.10",
            "1e5",
            "1E+5",
            "100e-2",
            "1e20",
            "1e21",
            "1e22",
            "123456789012345680000",
            "9007199254740991",
            "9007199254740992",
            "-9007199254740994",
            "9007199254740993.0",
            "0.1",
            "0.30000000000000004",
            "0.000001",
            "0.0000001",
            "0.00000100",
            "5e-324",
            "4.9406564584124654e-324",
            "2.2250738585072011e-308",
            "2.2250738585072014E-308",
            "1.7976931348623157e308",
            "1000000000000000000000",
            "1.0000000000000001110223024625157",
            "12345678901234567000",
        ];
        let raw = self.chance.next();
        let double = loop {
            let double = f64::from_bits(self.chance.next());
            if double.is_finite() {
                break double;
            }
        };
        let human = f64::from(raw as u32) / 10_f64.powi((raw >> 60) as i32);
        match self.chance.below(12) {
            0 | 1 => self.chance.one_of(&NUMBERS).to_owned(),
            2 => (raw >> (11 + self.chance.below(53))).to_string(),
            3 => format!("-{}", raw >> (11 + self.chance.below(53))),
            4 => format!("{double:e}"),
            5 => format!("{double:.30E}"),
            6 => format!("{double:.16e}"),
            7 => format!("{:.1}", double.abs().powf(0.1)),
            8 => format!("{human}e{}", raw % 40),
            9 => format!("{human}E-0{}", raw % 40),
            10 => format!("{human:.9}"),
            _ => {
                let trace = self.chance.one_of(&["", "0", "1", "000000001"]);
                let half_way = self.chance.below(self.half_ways.len());
                format!("{}{trace}", self.half_ways[half_way])
            }
        }
    }

    // --- Mutations ----------------------------------------------------------------------------

    /// Changes a few characters into others that mean something to a parser; never to a zero byte,
    /// which is what separates documents on their way to Node.
    fn mutate(&mut self, text: &mut String) {
        const SIGNIFICANT: [char; 32] = [
            '{', '}', '[', ']', ',', ':', '"', '\\', '/', 'u', 'd', 'D', '0', '1', '9', '-', '+',
            '.', 'e', 'E', ' ', '\n', '\t', '\u{b}', '\u{1}', '\u{7f}', '\u{a0}', '\u{2028}',
            '\u{feff}', 'é', 't', '\'',
        ];
        let mut characters: Vec<char> = text.chars().collect();
        for _ in 0..=self.chance.below(3) {
            let at = self.chance.below(characters.len());
            let character = self.chance.one_of(&SIGNIFICANT);
            match self.chance.below(3) {
                0 => characters.insert(at, character),
                1 => characters[at] = character,
                _ if characters.len() > 1 => drop(characters.remove(at)),
                _ => {}
            }
        }
        *text = characters.into_iter().collect();
    }
}

/// The decimal half-way between the double `mantissa` × 2^-1074 and the next one, in full:
/// (2 × `mantissa` + 1) × 2^-1075, which is that odd number × 5^1075 behind 1,075 places.
fn half_way(mantissa: u64) -> String {
    const LIMB: u64 = 1_000_000_000;
    let odd = 2 * mantissa + 1;
    let mut limbs = vec![odd % LIMB, odd / LIMB];
    for _ in 0..1_075 {
        let mut carry = 0;
        for limb in &mut limbs {
            let product = *limb * 5 + carry;
            *limb = product % LIMB;
            carry = product / LIMB;
        }
        if carry > 0 {
            limbs.push(carry);
        }
    }
    let digits: String = limbs.iter().rev().map(|limb| format!("{limb:09}")).collect();
    let digits = digits.trim_start_matches('0');
    format!("0.{digits:0>1075}")
}

fn named_escape(character: char) -> Option<&'static str> {
    Some(match character {
        '"' => "\\\"",
        '\\' => "\\\\",
        '/' => "\\/",
        '\x08' => "\\b",
        '\x0c' => "\\f",
        '\n' => "\\n",
        '\r' => "\\r",
        '\t' => "\\t",
        _ => return None,
    })
}

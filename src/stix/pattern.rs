//! The grammar of STIX patterns (STIX §9): whether a text is a pattern, and nothing about what it
//! matches. Nesting is bounded, so no pattern can exhaust the stack.

use super::timestamp;

/// Deepest nesting of parentheses; real patterns use two or three.
const DEPTH_MAX: usize = 64;

/// Where a text stops being a pattern.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message} at character {at}")]
pub struct PatternFault {
    /// Position in characters, from zero.
    pub at: usize,
    /// What was expected or found.
    pub message: &'static str,
}

/// Checks that a text is a STIX pattern.
///
/// # Errors
/// The first place where it is not.
///
/// ```
/// use sekisho::stix::pattern::check;
/// assert!(check("[ipv4-addr:value = '198.51.100.1' OR url:value LIKE 'http%'] WITHIN 5 SECONDS").is_ok());
/// assert!(check("[ipv4-addr:value = 198.51.100.1]").is_err());
/// ```
pub fn check(text: &str) -> Result<(), PatternFault> {
    let tokens = lex(text)?;
    let mut parser = Parser {
        tokens: &tokens,
        at: 0,
        end: text.chars().count(),
    };
    parser.followed_by(0)?;
    match parser.peek() {
        None => Ok(()),
        Some(_) => Err(parser.fault("more follows the pattern")),
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Token<'a> {
    /// A name or keyword without hyphen.
    Word(&'a str),
    /// A name with a hyphen.
    Hyphened(&'a str),
    Text,
    Binary,
    Hex,
    Time,
    Int {
        positive: bool,
    },
    Float {
        positive: bool,
    },
    Sign(&'static str),
}

const SIGNS: [&str; 16] = [
    "==", "!=", "<>", "<=", ">=", "=", "<", ">", "[", "]", "(", ")", ":", ",", ".", "*",
];

fn lex(text: &str) -> Result<Vec<(usize, Token<'_>)>, PatternFault> {
    let mut tokens = Vec::new();
    let (mut rest, mut at) = (text, 0);
    loop {
        let blank = blank(rest);
        at += rest
            .get(..blank)
            .map_or(0, |skipped| skipped.chars().count());
        rest = rest.get(blank..).unwrap_or_default();
        if rest.is_empty() {
            return Ok(tokens);
        }
        let fault = |message| PatternFault { at, message };
        let (token, length) = token(rest).map_err(fault)?;
        tokens.push((at, token));
        at += rest.get(..length).map_or(0, |taken| taken.chars().count());
        rest = rest.get(length..).unwrap_or_default();
    }
}

/// Bytes of white space and comments in front.
fn blank(text: &str) -> usize {
    let mut rest = text;
    loop {
        let before = rest.len();
        rest = rest.trim_start();
        if let Some(comment) = rest.strip_prefix("//") {
            rest = comment
                .find(['\n', '\r'])
                .and_then(|end| comment.get(end..))
                .unwrap_or("");
        } else if let Some((_, after)) = rest.strip_prefix("/*").and_then(|c| c.split_once("*/")) {
            rest = after;
        }
        if rest.len() == before {
            return text.len() - rest.len();
        }
    }
}

fn token(rest: &str) -> Result<(Token<'_>, usize), &'static str> {
    let first = rest.chars().next().ok_or("nothing")?;
    // Only the next byte is looked at: a search per token would make long texts quadratic.
    let opens = rest.as_bytes().get(1) == Some(&b'\'');
    match first {
        '\'' => Ok((Token::Text, quoted(rest)?.1)),
        'b' | 'h' | 't' if opens => {
            let (body, length) = quoted(rest.get(1..).unwrap_or_default())?;
            let token = literal(first, body)?;
            Ok((token, length + 1))
        }
        _ if first.is_ascii_alphabetic() || first == '_' => {
            let part = |char: char| char.is_ascii_alphanumeric() || char == '_' || char == '-';
            let length = rest.find(|char| !part(char)).unwrap_or(rest.len());
            let name = rest.get(..length).unwrap_or_default();
            let token = if name.contains('-') {
                Token::Hyphened(name)
            } else {
                Token::Word(name)
            };
            Ok((token, length))
        }
        _ => number(rest)
            .or_else(|| {
                let sign = SIGNS.into_iter().find(|sign| rest.starts_with(sign))?;
                Some((Token::Sign(sign), sign.len()))
            })
            .ok_or("unexpected character"),
    }
}

/// The body of a quoted literal, and its length in bytes with both quotes.
fn quoted(rest: &str) -> Result<(&str, usize), &'static str> {
    let mut escaped = false;
    for (at, char) in rest.char_indices().skip(1) {
        match char {
            '\\' | '\'' if escaped => escaped = false,
            _ if escaped => return Err("a backslash escapes only `'` and `\\`"),
            '\\' => escaped = true,
            '\'' => return Ok((rest.get(1..at).unwrap_or_default(), at + 1)),
            _ => {}
        }
    }
    Err("a literal does not end")
}

fn literal(kind: char, body: &str) -> Result<Token<'static>, &'static str> {
    match kind {
        't' if timestamp::is_stix(body) => Ok(Token::Time),
        't' => Err("no timestamp"),
        'h' if body.len().is_multiple_of(2)
            && body.bytes().all(|byte| byte.is_ascii_hexdigit()) =>
        {
            Ok(Token::Hex)
        }
        'h' => Err("no hexadecimal"),
        _ => {
            let digits = body.trim_end_matches('=');
            let digit = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'+' || byte == b'/';
            let fits =
                !body.is_empty() && body.len().is_multiple_of(4) && body.len() - digits.len() <= 2;
            if fits && digits.bytes().all(digit) {
                Ok(Token::Binary)
            } else {
                Err("no base64")
            }
        }
    }
}

fn number(rest: &str) -> Option<(Token<'_>, usize)> {
    let unsigned = rest.strip_prefix(['+', '-']).unwrap_or(rest);
    let sign = rest.len() - unsigned.len();
    let digits = |text: &str| {
        text.find(|char: char| !char.is_ascii_digit())
            .unwrap_or(text.len())
    };
    let whole = digits(unsigned);
    let positive = !rest.starts_with('-');
    let fraction = unsigned.get(whole..)?.strip_prefix('.').map(digits);
    if let Some(fraction @ 1..) = fraction {
        return Some((Token::Float { positive }, sign + whole + 1 + fraction));
    }
    let text = unsigned.get(..whole)?;
    let plain = text == "0" || !text.starts_with('0');
    let positive = positive && text != "0";
    (whole > 0 && plain).then_some((Token::Int { positive }, sign + whole))
}

struct Parser<'t> {
    tokens: &'t [(usize, Token<'t>)],
    at: usize,
    end: usize,
}

/// Words of the grammar, which name nothing unless quoted.
const KEYWORDS: [&str; 18] = [
    "AND",
    "OR",
    "NOT",
    "FOLLOWEDBY",
    "LIKE",
    "MATCHES",
    "ISSUBSET",
    "ISSUPERSET",
    "EXISTS",
    "IN",
    "START",
    "STOP",
    "SECONDS",
    "WITHIN",
    "REPEATS",
    "TIMES",
    "true",
    "false",
];

type Parsed = Result<(), PatternFault>;

impl<'t> Parser<'t> {
    fn peek(&self) -> Option<Token<'t>> {
        self.tokens.get(self.at).map(|&(_, token)| token)
    }

    fn fault(&self, message: &'static str) -> PatternFault {
        let at = self.tokens.get(self.at).map_or(self.end, |&(at, _)| at);
        PatternFault { at, message }
    }

    fn eat(&mut self, wanted: Token<'_>) -> bool {
        let found = self.peek() == Some(wanted);
        self.at += usize::from(found);
        found
    }

    fn need(&mut self, wanted: Token<'_>, message: &'static str) -> Parsed {
        if self.eat(wanted) {
            Ok(())
        } else {
            Err(self.fault(message))
        }
    }

    fn deeper(&self, depth: usize) -> Result<usize, PatternFault> {
        if depth < DEPTH_MAX {
            Ok(depth + 1)
        } else {
            Err(self.fault("nested too deeply"))
        }
    }

    // FOLLOWEDBY binds weakest, then OR, then AND (§9.5).
    fn followed_by(&mut self, depth: usize) -> Parsed {
        loop {
            self.observations(depth)?;
            if !self.eat(Token::Word("FOLLOWEDBY")) {
                return Ok(());
            }
        }
    }

    /// Observations joined by AND and OR; the two need no telling apart to know the grammar holds.
    fn observations(&mut self, depth: usize) -> Parsed {
        loop {
            self.observation(depth)?;
            if !self.eat(Token::Word("AND")) && !self.eat(Token::Word("OR")) {
                return Ok(());
            }
        }
    }

    fn observation(&mut self, depth: usize) -> Parsed {
        if self.eat(Token::Sign("(")) {
            self.followed_by(self.deeper(depth)?)?;
            self.need(Token::Sign(")"), "`)` expected")?;
        } else {
            self.need(Token::Sign("["), "`[` expected")?;
            self.comparisons(depth)?;
            self.need(Token::Sign("]"), "`]` expected")?;
        }
        // §9.5.1: at most one qualifier of each kind.
        let mut had = Vec::new();
        while let Some(kind) = self.qualifier()? {
            if had.contains(&kind) {
                self.at -= 1;
                return Err(self.fault("a second qualifier of its kind"));
            }
            had.push(kind);
        }
        Ok(())
    }

    /// Reads a qualifier, if there is one, and gives its keyword.
    fn qualifier(&mut self) -> Result<Option<&'static str>, PatternFault> {
        let kind = if self.eat(Token::Word("START")) {
            self.need(Token::Time, "timestamp expected")?;
            self.need(Token::Word("STOP"), "STOP expected")?;
            self.need(Token::Time, "timestamp expected")?;
            "START"
        } else if self.eat(Token::Word("WITHIN")) {
            match self.peek() {
                Some(Token::Int { positive: true } | Token::Float { positive: true }) => {
                    self.at += 1
                }
                _ => return Err(self.fault("positive number expected")),
            }
            self.need(Token::Word("SECONDS"), "SECONDS expected")?;
            "WITHIN"
        } else if self.eat(Token::Word("REPEATS")) {
            self.need(Token::Int { positive: true }, "positive integer expected")?;
            self.need(Token::Word("TIMES"), "TIMES expected")?;
            "REPEATS"
        } else {
            return Ok(None);
        };
        Ok(Some(kind))
    }

    fn comparisons(&mut self, depth: usize) -> Parsed {
        loop {
            self.comparison(depth)?;
            if !self.eat(Token::Word("AND")) && !self.eat(Token::Word("OR")) {
                return Ok(());
            }
        }
    }

    fn comparison(&mut self, depth: usize) -> Parsed {
        if self.eat(Token::Sign("(")) {
            self.comparisons(self.deeper(depth)?)?;
            return self.need(Token::Sign(")"), "`)` expected");
        }
        let denied = self.eat(Token::Word("NOT"));
        if self.eat(Token::Word("EXISTS")) {
            return self.path();
        }
        if denied {
            return Err(self.fault("EXISTS expected"));
        }
        self.path()?;
        // §9.6: NOT stands between the path and the operator.
        let _ = self.eat(Token::Word("NOT"));
        let operator = self.peek();
        self.at += 1;
        match operator {
            Some(Token::Sign("=" | "==" | "!=" | "<>")) => self.constant(true),
            Some(Token::Sign("<" | ">" | "<=" | ">=")) => self.constant(false),
            Some(Token::Word("LIKE" | "MATCHES" | "ISSUBSET" | "ISSUPERSET")) => {
                self.need(Token::Text, "string expected")
            }
            Some(Token::Word("IN")) => self.set(),
            _ => {
                self.at -= 1;
                Err(self.fault("operator expected"))
            }
        }
    }

    fn set(&mut self) -> Parsed {
        self.need(Token::Sign("("), "`(` expected")?;
        if self.eat(Token::Sign(")")) {
            return Ok(());
        }
        loop {
            self.constant(true)?;
            if !self.eat(Token::Sign(",")) {
                return self.need(Token::Sign(")"), "`)` expected");
            }
        }
    }

    fn constant(&mut self, boolean: bool) -> Parsed {
        let fits = match self.peek() {
            Some(Token::Text | Token::Binary | Token::Hex | Token::Time) => true,
            Some(Token::Int { .. } | Token::Float { .. }) => true,
            Some(Token::Word("true" | "false")) => boolean,
            _ => false,
        };
        if !fits {
            return Err(self.fault("constant expected"));
        }
        self.at += 1;
        Ok(())
    }

    fn path(&mut self) -> Parsed {
        match self.peek() {
            Some(Token::Word(name)) if !KEYWORDS.contains(&name) => self.at += 1,
            Some(Token::Hyphened(_)) => self.at += 1,
            _ => return Err(self.fault("object type expected")),
        }
        self.need(Token::Sign(":"), "`:` expected")?;
        self.step()?;
        loop {
            if self.eat(Token::Sign(".")) {
                self.step()?;
            } else if self.eat(Token::Sign("[")) {
                match self.peek() {
                    Some(Token::Int { .. } | Token::Sign("*")) => self.at += 1,
                    _ => return Err(self.fault("index expected")),
                }
                self.need(Token::Sign("]"), "`]` expected")?;
            } else {
                return Ok(());
            }
        }
    }

    fn step(&mut self) -> Parsed {
        match self.peek() {
            Some(Token::Word(name)) if KEYWORDS.contains(&name) => {
                Err(self.fault("a keyword is no name unless quoted"))
            }
            Some(Token::Word(_) | Token::Text) => {
                self.at += 1;
                Ok(())
            }
            _ => Err(self.fault("property name expected")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_of_every_construct_are_taken() {
        for text in [
            "[ipv4-addr:value = '198.51.100.1']",
            "[file:hashes.'SHA-256' = 'aa' AND file:size > 25536]",
            "[file:name NOT LIKE 'a%' OR (file:name MATCHES '^x\\\\d' AND file:size <= -1.5)]",
            "[ipv4-addr:value ISSUBSET '198.51.100.0/24'] REPEATS 5 TIMES WITHIN 1800 SECONDS",
            "([a-b:c = 1] AND [a:b != true]) FOLLOWEDBY [a:b IN ('x', 2, h'00ff')] WITHIN 1.5 SECONDS",
            "[a:b = t'2024-01-01T00:00:00Z'] START t'2024-01-01T00:00:00Z' STOP t'2024-01-02T00:00:00.5Z'",
            "[EXISTS x509-certificate:issuer]",
            "[NOT EXISTS x509-certificate:issuer]",
            "[a:b = 1] WITHIN 5 SECONDS REPEATS 2 TIMES",
            "[process:extensions.'windows-service-ext'.service_dll_refs[*].name == '日本']",
            "[a:b[0].c <> b'AAA=']  // comment",
            "[a:b = 'it\\'s \\\\']/* c */",
            "[t:value = 'x' AND b:h = 'y']",
            "[a:b IN ()]",
            "[a:'AND' = h'']",
        ] {
            assert_eq!(check(text), Ok(()), "{text}");
        }
    }

    #[test]
    fn near_misses_are_refused_where_they_go_wrong() {
        for (text, at) in [
            ("", 0),
            ("ipv4-addr:value = 'x'", 0),
            ("[ipv4-addr:value = 198.51.100.1]", 25),
            ("[ipv4-addr:value = \"x\"]", 19),
            ("[ipv4-addr:value = 'x'", 22),
            ("[ipv4-addr:value = 'x]", 19),
            ("[ipv4-addr:value 'x']", 17),
            ("[ipv4-addr = 'x']", 11),
            ("[a:b = 1] REPEATS 0 TIMES", 18),
            ("[a:b = 1] WITHIN -5 SECONDS", 17),
            (
                "[a:b = 1] START '2024-01-01T00:00:00Z' STOP t'2024-01-01T00:00:00Z'",
                16,
            ),
            ("[a:b = t'2024-13-01T00:00:00Z']", 7),
            ("[a:b = h'0']", 7),
            ("[a:b > true]", 7),
            ("[a:b LIKE 5]", 10),
            ("[a:b = 'x\\n']", 7),
            ("[a:b-c = 1]", 3),
            ("[a:b = 1] [a:b = 1]", 10),
            ("[a:b = 1] AND", 13),
            ("[a:b = 01]", 7),
            ("[a:b IN (1,)]", 11),
            ("[]", 1),
            ("[a:AND = 1]", 3),
            ("[IN:a = 1]", 1),
            ("[a:b = b'']", 7),
            ("[a:b = 1)]", 8),
            ("[a:b and a:c = 1]", 5),
            ("[NOT a:b = 1]", 5),
            ("[a:b = 1] WITHIN 5 SECONDS WITHIN 6 SECONDS", 36),
        ] {
            assert_eq!(check(text).map_err(|fault| fault.at), Err(at), "{text}");
        }
    }

    #[test]
    fn nesting_is_bounded() {
        let nest = |n: usize| format!("{}[a:b = 1]{}", "(".repeat(n), ")".repeat(n));
        assert!(check(&nest(64)).is_ok());
        assert!(check(&nest(65)).is_err());
        assert!(check(&"(".repeat(1_000_000)).is_err());
        assert!(check(&format!("[{}", "(".repeat(1_000_000))).is_err());
    }
}

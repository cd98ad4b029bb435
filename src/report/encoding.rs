//! Texts as a browser or a resolver would read them: percent-encoding, character references, tags
//! and reverse-lookup names are undone before the source's identity is looked for once more.

use std::net::{Ipv4Addr, Ipv6Addr};

/// The text with its encodings undone; `None` where there are none.
pub(super) fn decoded(text: &str) -> Option<String> {
    let plain = without_references(&without_tags(&without_escapes(&without_percent(text))));
    (plain != text).then_some(plain)
}

fn without_percent(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        let hex = tail.get(..2).and_then(|hex| std::str::from_utf8(hex).ok());
        match hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(byte) if *first == b'%' => {
                bytes.push(byte);
                rest = tail.get(2..).unwrap_or_default();
            }
            _ => {
                bytes.push(*first);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// `\u3042`, as JSON and many languages write a character; surrogates come in pairs.
fn without_escapes(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut units: Vec<u16> = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let unit = rest
            .strip_prefix("\\u")
            .and_then(|tail| tail.get(..4))
            .and_then(|hex| u16::from_str_radix(hex, 16).ok());
        if let Some(unit) = unit {
            units.push(unit);
            rest = rest.get(6..).unwrap_or_default();
            continue;
        }
        out.push_str(&String::from_utf16_lossy(&units));
        units.clear();
        out.push(first);
        rest = rest.get(first.len_utf8()..).unwrap_or_default();
    }
    out + String::from_utf16_lossy(&units).as_str()
}

fn without_tags(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('<') {
        out.push_str(before);
        match after.split_once('>') {
            Some((tag, tail)) if tag.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/') => {
                rest = tail
            }
            _ => {
                out.push('<');
                rest = after;
            }
        }
    }
    out + rest
}

/// Numeric character references, and the few named ones that stand in names.
fn without_references(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('&') {
        out.push_str(before);
        let reference = after
            .split_once(';')
            .and_then(|(name, tail)| Some((character(name)?, tail)));
        match reference {
            Some((char, tail)) => {
                out.push(char);
                rest = tail;
            }
            None => {
                out.push('&');
                rest = after;
            }
        }
    }
    out + rest
}

fn character(name: &str) -> Option<char> {
    match name {
        "amp" => Some('&'),
        "period" => Some('.'),
        "hyphen" | "dash" => Some('-'),
        "shy" | "ZeroWidthSpace" => Some('\u{200b}'),
        "nbsp" => Some(' '),
        _ => {
            let number = name.strip_prefix('#')?;
            let code = match number.strip_prefix(['x', 'X']) {
                Some(hex) => u32::from_str_radix(hex, 16).ok()?,
                None => number.parse().ok()?,
            };
            char::from_u32(code)
        }
    }
}

/// The address that a reverse-lookup name stands for.
pub(super) fn reverse_name(text: &str) -> Option<String> {
    let lower = text.to_ascii_lowercase();
    if let Some(at) = lower.find(".in-addr.arpa") {
        let labels: Vec<&str> = lower
            .get(..at)?
            .rsplit(|c: char| !(c.is_ascii_digit() || c == '.'))
            .next()?
            .rsplit('.')
            .collect();
        let octets: Vec<u8> = labels
            .iter()
            .filter_map(|label| label.parse().ok())
            .collect();
        let octets: [u8; 4] = octets.get(..4)?.try_into().ok()?;
        return Some(Ipv4Addr::from(octets).to_string());
    }
    let at = lower.find(".ip6.arpa")?;
    let nibbles: Vec<u8> = lower
        .get(..at)?
        .rsplit('.')
        .map_while(|label| {
            u8::from_str_radix(label, 16)
                .ok()
                .filter(|_| label.len() == 1)
        })
        .collect();
    // A name for a whole network is as telling as one address in it.
    let mut address = 0u128;
    for (place, nibble) in nibbles.iter().take(32).enumerate() {
        address |= u128::from(*nibble) << (124 - 4 * place);
    }
    (nibbles.len() >= 4).then(|| Ipv6Addr::from(address).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_browser_would_read_is_read() {
        for text in [
            "mail%2Ebank%2dx",
            "mail&#46;bank&#x2d;x",
            "mail.<wbr>bank-x",
            "mail&period;bank-x",
            "mail\\u002ebank\\u002Dx",
        ] {
            assert_eq!(decoded(text).as_deref(), Some("mail.bank-x"), "{text}");
        }
        assert_eq!(decoded("100 % of < 5 & more"), None);
    }

    #[test]
    fn a_reverse_name_is_its_address() {
        assert_eq!(
            reverse_name("9.2.0.192.in-addr.arpa").as_deref(),
            Some("192.0.2.9")
        );
        let six = "5.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa";
        assert_eq!(reverse_name(six).as_deref(), Some("2001:db8:5::"));
        assert_eq!(reverse_name("arpa.example"), None);
    }
}

//! Internationalised host names as people read them: Punycode (RFC 3492) undone.

const BASE: u32 = 36;
const T_MIN: u32 = 1;
const T_MAX: u32 = 26;
const SKEW: u32 = 38;
const DAMP: u32 = 700;
const BIAS: u32 = 72;
const FIRST: u32 = 128;
/// The longest label of a host name, in characters (RFC 1035).
const LABEL_MAX: usize = 63;

/// The text with every label in Punycode (`xn--…`) decoded; `None` where there is none.
pub(super) fn decoded(text: &str) -> Option<String> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    let mut found = false;
    while let Some(at) = marker(rest) {
        let (before, label) = rest.split_at(at);
        let end = label
            .find(|ch: char| !(ch.is_ascii_alphanumeric() || ch == '-'))
            .unwrap_or(label.len());
        let (label, after) = label.split_at(end);
        out.push_str(before);
        match label.get(4..).and_then(decode) {
            Some(decoded) => {
                out.push_str(&decoded);
                found = true;
            }
            None => out.push_str(label),
        }
        rest = after;
    }
    out.push_str(rest);
    found.then_some(out)
}

fn marker(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    bytes
        .windows(4)
        .position(|window| window.eq_ignore_ascii_case(b"xn--"))
}

fn decode(label: &str) -> Option<String> {
    if label.is_empty() || label.len() > LABEL_MAX {
        return None;
    }
    let (basic, extended) = label.rsplit_once('-').unwrap_or(("", label));
    let mut out: Vec<char> = basic.chars().collect();
    let (mut n, mut i, mut bias) = (FIRST, 0_u32, BIAS);
    let mut digits = extended.bytes();
    while digits.len() > 0 {
        let before = i;
        let mut weight = 1_u32;
        let mut k = BASE;
        loop {
            let digit = match digits.next()? {
                byte @ b'a'..=b'z' => u32::from(byte - b'a'),
                byte @ b'A'..=b'Z' => u32::from(byte - b'A'),
                byte @ b'0'..=b'9' => u32::from(byte - b'0') + 26,
                _ => return None,
            };
            i = i.checked_add(digit.checked_mul(weight)?)?;
            let threshold = k.saturating_sub(bias).clamp(T_MIN, T_MAX);
            if digit < threshold {
                break;
            }
            weight = weight.checked_mul(BASE - threshold)?;
            k += BASE;
        }
        let count = u32::try_from(out.len() + 1).ok()?;
        bias = adapt(i - before, count, before == 0);
        n = n.checked_add(i / count)?;
        i %= count;
        out.insert(usize::try_from(i).ok()?, char::from_u32(n)?);
        i += 1;
    }
    Some(out.into_iter().collect())
}

fn adapt(delta: u32, count: u32, first: bool) -> u32 {
    let mut delta = if first { delta / DAMP } else { delta / 2 };
    delta += delta / count;
    let mut k = 0;
    while delta > (BASE - T_MIN) * T_MAX / 2 {
        delta /= BASE - T_MIN;
        k += BASE;
    }
    k + (BASE - T_MIN + 1) * delta / (delta + SKEW)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_read_as_people_read_them() {
        for (written, read) in [
            ("https://xn--l8jsg5g.example/", "https://あかつき.example/"),
            ("XN--BCHER-KVA.example", "BüCHER.example"),
            ("a xn--fiqs8s b", "a 中国 b"),
        ] {
            assert_eq!(
                decoded(written).unwrap().to_lowercase(),
                read.to_lowercase()
            );
        }
        for same in ["akatsuki.example", "xn--", "xn--99999999999", "axn-b"] {
            assert_eq!(decoded(same), None, "{same}");
        }
    }
}

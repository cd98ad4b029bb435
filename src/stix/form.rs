//! The forms of texts that STIX takes from other standards: addresses, names, languages, hashes and
//! encodings. Whether what a text names exists is not asked.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use email_address::{EmailAddress, Options};
use fluent_uri::Uri;
use idna::AsciiDenyList;
use idna::uts46::{DnsLength, Hyphens, Uts46};

/// A URL or other URI (RFC 3986, STIX §6.15): with a scheme, ASCII, well escaped.
pub(super) fn is_url(text: &str) -> bool {
    Uri::parse(text).is_ok()
}

/// The _addr-spec_ of RFC 5322 without a display name (STIX §6.5), internationalised ones too.
pub(super) fn is_email(text: &str) -> bool {
    let options = Options::default()
        .without_display_text()
        .with_domain_literal();
    EmailAddress::parse_with_options(text, options).is_ok()
}

/// A domain name of labels as in RFC 5890 (STIX §6.4), in either spelling.
pub(super) fn is_domain(text: &str) -> bool {
    let (deny, hyphens, length) = (
        AsciiDenyList::STD3,
        Hyphens::CheckFirstLast,
        DnsLength::VerifyAllowRootDot,
    );
    Uts46::new()
        .to_ascii(text.as_bytes(), deny, hyphens, length)
        .is_ok()
}

/// IPv4 in CIDR notation, a single address without suffix (STIX §6.8).
pub(super) fn is_ipv4(text: &str) -> bool {
    is_cidr::<Ipv4Addr>(text, 32)
}

/// IPv6 in CIDR notation, a single address without suffix (STIX §6.9); a zone may follow the address.
pub(super) fn is_ipv6(text: &str) -> bool {
    let (address, length) = text.split_once('/').unwrap_or((text, "128"));
    let address = match address.split_once('%') {
        Some((address, zone)) if !zone.is_empty() => address,
        Some(_) => return false,
        None => address,
    };
    is_cidr::<Ipv6Addr>(&format!("{address}/{length}"), 128)
}

fn is_cidr<A: FromStr>(text: &str, most: u8) -> bool {
    let (address, length) = text.split_once('/').unwrap_or((text, "0"));
    let plain = length == "0" || !length.starts_with(['0', '+']);
    let fits = length.parse::<u8>().is_ok_and(|length| length <= most);
    plain && fits && address.parse::<A>().is_ok()
}

/// A MAC-48 address in lower case with colons and all zeros (STIX §6.10).
pub(super) fn is_mac(text: &str) -> bool {
    let octet = |part: &str| part.len() == 2 && is_hex(part);
    text.split(':').count() == 6 && text.split(':').all(octet)
}

/// A name of the IANA register of character sets, the one preferred for MIME where there is one
/// (STIX §3.9.1). Upper and lower case count, as the register's spelling is asked for.
pub(super) fn is_charset(text: &str) -> bool {
    let names = include_str!("charsets.txt");
    names.split_ascii_whitespace().any(|name| name == text)
}

/// Full name of a registry key's hive (STIX §6.17): no abbreviation.
pub(super) fn is_registry_key(text: &str) -> bool {
    let hive = text.split('\\').next().unwrap_or_default();
    let short = ["HKLM", "HKCC", "HKCR", "HKCU", "HKU"];
    !short.iter().any(|short| hive.eq_ignore_ascii_case(short))
}

/// A well-formed language tag of RFC 5646 §2.1; whether its parts are registered is not asked, but
/// that no language has a name of four letters or more is known.
pub(super) fn is_lang(text: &str) -> bool {
    let alpha = |part: &str| part.bytes().all(|byte| byte.is_ascii_alphabetic());
    let mut parts = text.split('-').peekable();
    let sized = |part: &str| {
        (1..=8).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphanumeric())
    };
    if !text.split('-').all(sized) {
        return false;
    }
    let first = parts.next().unwrap_or_default();
    if first.eq_ignore_ascii_case("x") || first.eq_ignore_ascii_case("i") {
        return parts.next().is_some();
    }
    if !(2..=3).contains(&first.len()) || !alpha(first) {
        return false;
    }
    for _ in 0..3 {
        let _ = parts.next_if(|part| part.len() == 3 && alpha(part));
    }
    let _ = parts.next_if(|part| part.len() == 4 && alpha(part));
    let number = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    let _ = parts.next_if(|part| part.len() == 2 && alpha(part) || part.len() == 3 && number(part));
    let variant = |part: &&str| {
        part.len() >= 5 || part.len() == 4 && part.starts_with(|first: char| first.is_ascii_digit())
    };
    while parts.next_if(variant).is_some() {}
    while let Some(singleton) = parts.next() {
        if singleton.len() != 1 {
            return false;
        }
        let own = singleton.eq_ignore_ascii_case("x");
        let mut some = false;
        while parts.next_if(|part| own || part.len() >= 2).is_some() {
            some = true;
        }
        if !some {
            return false;
        }
    }
    true
}

/// A CPE 2.3 formatted string (NISTIR 7695 §6.2, STIX §6.14).
pub(super) fn is_cpe(text: &str) -> bool {
    let Some(rest) = text.strip_prefix("cpe:2.3:") else {
        return false;
    };
    let (mut components, mut escaped) = (vec![String::new()], false);
    for char in rest.chars() {
        if char == ':' && !escaped {
            components.push(String::new());
        } else if let Some(last) = components.last_mut() {
            last.push(char);
        }
        escaped = char == '\\' && !escaped;
    }
    let part = components
        .first()
        .is_some_and(|part| ["a", "o", "h", "*", "-"].contains(&part.as_str()));
    components.len() == 11 && part && components.iter().all(|component| is_cpe_part(component))
}

/// `*`, `-`, or a value with wildcards only at its ends and all punctuation escaped.
fn is_cpe_part(part: &str) -> bool {
    if part == "*" || part == "-" {
        return true;
    }
    let inner = part.trim_start_matches('?');
    let inner = inner.strip_prefix('*').unwrap_or(inner);
    let mut chars = inner.chars().peekable();
    let mut length = 0;
    while let Some(char) = chars.next_if(|char| !"*?".contains(*char)) {
        length += 1;
        let plain = char.is_ascii_alphanumeric() || "-._".contains(char);
        let escaped = char == '\\'
            && chars
                .next()
                .is_some_and(|next| next.is_ascii_punctuation() && !"-._".contains(next));
        if !plain && !escaped {
            return false;
        }
    }
    let tail: String = chars.collect();
    length > 0 && (tail.is_empty() || tail == "*" || tail.bytes().all(|byte| byte == b'?'))
}

/// The format of a hash by its name (STIX §2.7, §10.8); of names not listed nothing is known.
pub(super) fn is_hash(algorithm: &str, text: &str) -> bool {
    let hex =
        |chars: usize| text.len() == chars && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    match algorithm {
        "MD5" => hex(32),
        "SHA-1" => hex(40),
        "SHA-256" | "SHA3-256" => hex(64),
        "SHA-512" | "SHA3-512" => hex(128),
        "SSDEEP" => {
            let known = |byte: u8| byte.is_ascii_alphanumeric() || b"/+:.".contains(&byte);
            (1..=128).contains(&text.len()) && text.bytes().all(known)
        }
        "TLSH" => text.len() == 70 && text.bytes().all(|byte| byte.is_ascii_alphanumeric()),
        _ => true,
    }
}

/// A dictionary key (STIX §2.3, §2.7).
pub(super) fn is_key(key: &str, least: usize) -> bool {
    let known = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    (least..=250).contains(&key.len()) && key.bytes().all(known)
}

/// The name of a property that is not the standard's (STIX §3.1, §11.1): a letter first, three to 250
/// of `a-z0-9_`. The standard's own `id` is shorter, and others call theirs so too.
pub(super) fn is_property_name(name: &str) -> bool {
    let known = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    let letter = name.starts_with(|first: char| first.is_ascii_lowercase());
    name == "id" || letter && (3..=250).contains(&name.len()) && name.bytes().all(known)
}

/// Hexadecimal in lower case, whole octets, at least one (STIX §2.8).
pub(super) fn is_hex(text: &str) -> bool {
    let digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    !text.is_empty() && text.len().is_multiple_of(2) && text.bytes().all(digit)
}

/// Alphabet, length and padding only: the standard's own example has loose trailing bits.
pub(super) fn is_base64(text: &str) -> bool {
    let body = text
        .strip_suffix("==")
        .or_else(|| text.strip_suffix('='))
        .unwrap_or(text);
    let digit = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'+' || byte == b'/';
    !text.is_empty() && text.len().is_multiple_of(4) && body.bytes().all(digit)
}

/// Lower-case letters, digits and hyphens (STIX §3.1, relationship names §5.1).
pub(super) fn is_hyphened(text: &str) -> bool {
    let known = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    !text.is_empty() && text.bytes().all(known)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn sides(form: fn(&str) -> bool, good: &[&str], bad: &[&str]) {
        for text in good {
            assert!(form(text), "{text}");
        }
        for text in bad {
            assert!(!form(text), "{text}");
        }
    }

    #[test]
    fn addresses_and_names_of_the_network_have_their_forms() {
        sides(
            is_ipv4,
            &["198.51.100.3", "192.0.2.0/24", "0.0.0.0/0", "1.2.3.4/32"],
            &[
                "1.2.3",
                "1.2.3.4/33",
                "01.2.3.4",
                "1.2.3.4/",
                "1.2.3.4/08",
                "1.2.3.4/+8",
                "::1",
                "",
            ],
        );
        sides(
            is_ipv6,
            &[
                "::",
                "2001:db8::/32",
                "::ffff:192.0.2.1",
                "fe80::1%eth0",
                "::1/128",
            ],
            &[
                "1.2.3.4", "::1/129", "1::2::3", "fe80::1%", "g::", "::1/", "",
            ],
        );
        sides(
            is_mac,
            &["d2:fb:49:24:37:18"],
            &[
                "D2:fb:49:24:37:18",
                "d2-fb-49-24-37-18",
                "2:fb:49:24:37:18",
                "d2:fb:49:24:37",
                "",
            ],
        );
        sides(
            is_domain,
            &[
                "example.com",
                "例え.テスト",
                "xn--r8jz45g.xn--zckzah",
                "a.example.",
                "localhost",
            ],
            &[
                "",
                "a b",
                "-a.example",
                "a..example",
                "a_b.example",
                "*.example",
                "https://a.example",
            ],
        );
        let long = format!("{}.example", "a".repeat(64));
        assert!(is_domain(long.get(1..).unwrap()) && !is_domain(&long));
        sides(
            is_email,
            &[
                "jo@example.com",
                "a.b+c@example.co.jp",
                "jo@例え.jp",
                "\"a b\"@example.com",
            ],
            &[
                "",
                "jo",
                "jo@",
                "@example.com",
                "Jo <jo@example.com>",
                "a b@example.com",
            ],
        );
        sides(
            is_url,
            &[
                "https://a.example/?b#c",
                "urn:x:1",
                "http://[::1]/",
                "mailto:a@b.example",
                "http://a.example:8/",
                "http://",
            ],
            &[
                "a.example",
                "https://a b",
                "1x:y",
                "",
                "http://a.example/%zz",
                "http://a.example/日",
                "http://a.example:80a/",
                "http://a.example/<x>",
            ],
        );
    }

    #[test]
    fn languages_and_products_have_their_forms() {
        sides(
            is_lang,
            &[
                "ja",
                "ja-Jpan-JP",
                "x-hub",
                "zh-yue-HK",
                "de-CH-1996",
                "en-a-bbb-x-y",
                "JA",
                "es-419",
                "i-klingon",
            ],
            &[
                "", "j", "ja_JP", "日本", "ja-", "123", "english", "en-a", "ja-JP-JP", "x", "en-x",
            ],
        );
        sides(
            is_cpe,
            &[
                "cpe:2.3:a:microsoft:word:2000:*:*:*:*:*:*:*",
                r"cpe:2.3:a:b:c\:d:1.0:-:*:*:*:*:*:*",
                "cpe:2.3:*:*:b*:??c?:*:*:*:*:*:*:*",
            ],
            &[
                "cpe:/a:microsoft:word",
                "cpe:2.3:a:b:c",
                "cpe:2.3:a::c:1:*:*:*:*:*:*:*",
                "cpe:2.3:x:b:c:1:*:*:*:*:*:*:*",
                "cpe:2.3:a:b c:d:1:*:*:*:*:*:*:*",
                "cpe:2.3:a:b*c:d:1:*:*:*:*:*:*:*",
                r"cpe:2.3:a:b\.c:d:1:*:*:*:*:*:*:*",
            ],
        );
        sides(
            is_charset,
            &["UTF-8", "Shift_JIS", "windows-1252"],
            &["utf-8", "utf8", ""],
        );
        sides(
            is_registry_key,
            &["HKEY_LOCAL_MACHINE\\System", "hkey_users", "Own\\HKLM"],
            &["HKLM\\System", "hkcu"],
        );
    }

    #[test]
    fn encodings_and_names_have_their_forms() {
        sides(is_hex, &["00ff"], &["", "0", "0g", "00FF"]);
        sides(
            is_base64,
            &["AAAA", "AAA=", "AA=="],
            &["", "AAA", "A===", "AA-_", "=AAA", "AAAA\n"],
        );
        sides(is_hyphened, &["uses", "x-1"], &["", "Uses", "a b", "a_b"]);
        let long = "n".repeat(251);
        sides(
            is_property_name,
            &["abc", "id", "a_1", long.get(1..).unwrap()],
            &["ab", "1bc", "_bc", "aBc", "a-c", "a c", &long],
        );
        assert!(is_hash("MD5", &"aF".repeat(16)) && !is_hash("MD5", &"a".repeat(31)));
        assert!(is_hash("own", "?") && !is_hash("SHA-256", &"z".repeat(64)));
        assert!(is_key("", 0) && is_key("A-b_1", 3) && !is_key("ab", 3) && !is_key("a.b", 0));
    }
}

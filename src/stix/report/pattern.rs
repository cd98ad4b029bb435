//! Indicators as STIX patterns of one comparison, and back.

use std::net::{Ipv4Addr, Ipv6Addr};

use ipnet::{Ipv4Net, Ipv6Net};

/// Object paths for each indicator type whose value is a string.
const PATHS: [(&str, &str); 10] = [
    ("ipv4", "ipv4-addr:value"),
    ("ipv6", "ipv6-addr:value"),
    ("domain", "domain-name:value"),
    ("url", "url:value"),
    ("email", "email-addr:value"),
    ("sha256", "file:hashes.'SHA-256'"),
    ("sha1", "file:hashes.'SHA-1'"),
    ("md5", "file:hashes.MD5"),
    ("file_name", "file:name"),
    (
        "user_agent",
        "network-traffic:extensions.'http-request-ext'.request_header.'User-Agent'",
    ),
];
/// The one path whose value is a number.
const ASN: &str = "autonomous-system:number";

/// Writes an indicator as a pattern; `None` where the value is not what its type says, so that no
/// tool is given a comparison that could never hold.
pub(super) fn write(kind: &str, value: &str) -> Option<String> {
    if kind == "asn" {
        return Some(format!("[{ASN} = {}]", asn(value)?));
    }
    let (_, path) = PATHS.iter().find(|(name, _)| *name == kind)?;
    if !is_well_formed(kind, value) {
        return None;
    }
    let escaped = value.replace('\\', "\\\\").replace('\'', "\\'");
    Some(format!("[{path} = '{escaped}']"))
}

/// Reads a pattern that [`write()`] made: the indicator type and the value.
pub(super) fn read(pattern: &str) -> Option<(&'static str, String)> {
    let comparison = pattern.strip_prefix('[')?.strip_suffix(']')?;
    // No path holds " = ", so the first one ends it whatever the value holds.
    let (path, constant) = comparison.split_once(" = ")?;
    if path == ASN {
        return Some(("asn", constant.parse::<u32>().ok()?.to_string()));
    }
    let (kind, _) = PATHS.iter().find(|(_, known)| *known == path)?;
    let literal = constant.strip_prefix('\'')?.strip_suffix('\'')?;
    Some((kind, unescape(literal)?))
}

/// Says whether a value is a CVE number as STIX wants it in an external reference.
pub(super) fn is_cve(value: &str) -> bool {
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    value
        .strip_prefix("CVE-")
        .and_then(|rest| rest.split_once('-'))
        .is_some_and(|(year, number)| {
            year.len() == 4 && number.len() >= 4 && digits(year) && digits(number)
        })
}

fn unescape(literal: &str) -> Option<String> {
    let mut out = String::with_capacity(literal.len());
    let mut rest = literal.chars();
    while let Some(ch) = rest.next() {
        match ch {
            '\\' => out.push(rest.next().filter(|next| matches!(next, '\\' | '\''))?),
            // A bare quote would have ended the literal.
            '\'' => return None,
            ch => out.push(ch),
        }
    }
    Some(out)
}

fn asn(value: &str) -> Option<u32> {
    let digits = value
        .strip_prefix("AS")
        .or_else(|| value.strip_prefix("as"))
        .unwrap_or(value);
    // `parse` alone would let a plus sign pass.
    digits
        .bytes()
        .all(|byte| byte.is_ascii_digit())
        .then(|| digits.parse().ok())?
}

fn is_well_formed(kind: &str, value: &str) -> bool {
    let bare = !value
        .chars()
        .any(|ch| ch.is_whitespace() || ch.is_control());
    let hex = |length| value.len() == length && value.bytes().all(|byte| byte.is_ascii_hexdigit());
    match kind {
        "ipv4" => value.parse::<Ipv4Addr>().is_ok() || value.parse::<Ipv4Net>().is_ok(),
        "ipv6" => value.parse::<Ipv6Addr>().is_ok() || value.parse::<Ipv6Net>().is_ok(),
        "domain" => {
            let label = |label: &str| {
                !label.is_empty()
                    && label
                        .chars()
                        .all(|ch| ch.is_alphanumeric() || matches!(ch, '-' | '_'))
            };
            bare && value.contains('.') && value.split('.').all(label)
        }
        "url" => {
            bare && value
                .split_once("://")
                .is_some_and(|(scheme, rest)| !scheme.is_empty() && !rest.is_empty())
        }
        "email" => {
            bare && value
                .split_once('@')
                .is_some_and(|(local, domain)| !local.is_empty() && !domain.is_empty())
        }
        "sha256" => hex(64),
        "sha1" => hex(40),
        "md5" => hex(32),
        _ => !value.chars().any(char::is_control),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_and_backslashes_come_back_as_they_were() {
        for name in [
            r"a'b",
            r"a\b",
            r"\",
            r"'",
            r"\'",
            r"\\'",
            "x' OR file:name = 'y",
            "']",
            "a = 'b'",
            r"C:\new\'",
            "報告書.exe",
        ] {
            let pattern = write("file_name", name).unwrap();
            assert_eq!(
                read(&pattern),
                Some(("file_name", name.to_owned())),
                "{pattern}"
            );
        }
        assert_eq!(
            write("file_name", r"a'\").unwrap(),
            r"[file:name = 'a\'\\']"
        );
        assert_eq!(read(r"[file:name = 'a'b']"), None);
        assert_eq!(read(r"[file:name = 'a\n']"), None);
    }

    #[test]
    fn a_value_that_is_not_what_its_type_says_has_no_pattern() {
        let hash = "a".repeat(64);
        for (kind, good, bad) in [
            ("ipv4", "192.0.2.0/24", "192.0.2.256"),
            ("ipv6", "2001:db8::1", "192.0.2.1"),
            ("domain", "a.example", "a example"),
            ("domain", "日本.example", "example"),
            ("url", "https://a.example/'", "a.example"),
            ("email", "a@b.example", "a.example"),
            ("sha256", hash.as_str(), "5b8e"),
            ("asn", "AS64496", "64496 and others"),
            ("asn", "64496", "+64496"),
            ("asn", "4294967295", "4294967296"),
            ("user_agent", "Mozilla/5.0 (x)", "a\nb"),
        ] {
            assert!(write(kind, good).is_some(), "{kind} {good}");
            assert!(write(kind, bad).is_none(), "{kind} {bad}");
        }
        assert!(write("other", "x").is_none());
        assert!(write("asn", "").is_none());
        assert!(is_cve("CVE-2026-1234") && !is_cve("CVE-2026-123") && !is_cve("cve-2026-1234"));
    }
}

//! Checks one value against the kind its property has in the standard: strings, numbers, instants,
//! hashes, references and the parts made of them.

use serde_json::{Map, Value};

use super::id::{Class, StixId};
use super::json::Place;
use super::shape::{Kind, Property, Target};
use super::timestamp::Instant;
use super::validate::Findings;

/// Checks a value; `clause` and `name` say in the finding which rule it is.
pub(super) fn check(
    value: &Value,
    kind: Kind,
    place: &Place<'_>,
    clause: &str,
    name: &str,
    findings: &mut Findings,
) {
    let fault = match kind {
        Kind::Free => None,
        Kind::Flag => (!value.is_boolean()).then_some("is not a boolean"),
        Kind::Int(least, most) => int_fault(value, least, most),
        Kind::Float(least, most) => match value.as_f64() {
            None => Some("is not a number"),
            Some(number) if number < least || number > most => Some("is out of range"),
            Some(_) => None,
        },
        Kind::Texts | Kind::Langs | Kind::Words(_) | Kind::Refs(_) | Kind::Parts(_) => {
            return list(value, kind, place, clause, name, findings);
        }
        Kind::Part(properties) => match value.as_object() {
            Some(part) => return members(part, properties, place, clause, findings),
            None => Some("is not an object"),
        },
        Kind::Dictionary => return dictionary(value, place, clause, name, findings),
        Kind::Hashes => return hashes(value, place, clause, name, findings),
        _ => match value.as_str() {
            None => Some("is not a string"),
            Some(text) => text_fault(text, kind),
        },
    };
    if let Some(message) = fault {
        findings.push(place, clause, name, message);
    }
}

/// Checks the members of an object against a table: those required are there, those known fit.
pub(super) fn members(
    part: &Map<String, Value>,
    properties: &[Property],
    place: &Place<'_>,
    clause: &str,
    findings: &mut Findings,
) {
    for property in properties {
        let place = Place::Member(place, property.name);
        match part.get(property.name) {
            Some(value) => check(
                value,
                property.kind,
                &place,
                clause,
                property.name,
                findings,
            ),
            None if property.required => {
                findings.push(&place, clause, property.name, "is required");
            }
            None => {}
        }
    }
}

fn list(
    value: &Value,
    kind: Kind,
    place: &Place<'_>,
    clause: &str,
    name: &str,
    findings: &mut Findings,
) {
    let item_kind = match kind {
        Kind::Langs => Kind::Lang,
        Kind::Words(words) => Kind::Word(words),
        Kind::Refs(target) => Kind::Ref(target),
        Kind::Parts(properties) => Kind::Part(properties),
        _ => Kind::Text,
    };
    let Some(items) = value.as_array() else {
        findings.push(place, clause, name, "is not a list");
        return;
    };
    // An empty list is found by the scan over the whole object.
    for (at, item) in items.iter().enumerate() {
        check(
            item,
            item_kind,
            &Place::Item(place, at),
            clause,
            name,
            findings,
        );
    }
}

fn int_fault(value: &Value, least: i64, most: i64) -> Option<&'static str> {
    let number = match (value.as_i64(), value.as_f64()) {
        (Some(number), _) => number,
        // `5.0` is the number 5 to every JSON reader.
        #[expect(clippy::cast_possible_truncation, reason = "whole and far below 2^63")]
        (None, Some(number)) if number.fract() == 0.0 && number.abs() < 1e15 => number as i64,
        (None, Some(_)) => return Some("is not an integer in range"),
        (None, None) => return Some("is not an integer"),
    };
    (number < least || number > most).then_some("is out of range")
}

fn text_fault(text: &str, kind: Kind) -> Option<&'static str> {
    match kind {
        Kind::Time => Instant::parse(text)
            .is_none()
            .then_some("is no STIX timestamp"),
        Kind::TimeMillis => match Instant::parse(text) {
            None => Some("is no STIX timestamp"),
            Some(instant) if instant.fraction_digits() < 3 => Some("lacks milliseconds"),
            Some(_) => None,
        },
        Kind::Hex => (!is_hex(text)).then_some("is not lower-case hexadecimal of even length"),
        Kind::Bin => (!is_base64(text)).then_some("is not base64"),
        Kind::Url => (!is_url(text)).then_some("is not a URL"),
        Kind::Lang => (!is_lang(text)).then_some("is not a BCP 47 language tag"),
        Kind::Cpe => (!is_cpe(text)).then_some("is not a CPE 2.3 name"),
        Kind::Hyphened => (!is_hyphened(text)).then_some("has characters other than a-z, 0-9, `-`"),
        Kind::Word(words) => (!words.contains(&text)).then_some("is not among the allowed values"),
        Kind::Ref(target) => ref_fault(text, target),
        _ => None,
    }
}

fn ref_fault(text: &str, target: Target) -> Option<&'static str> {
    let Some(id) = StixId::parse(text) else {
        return Some("is no STIX identifier");
    };
    let class = id.class();
    if id.object_type() == "bundle" {
        return Some("points at a bundle");
    }
    let fits = match target {
        Target::Types(types) => types.contains(&id.object_type()),
        Target::Any => true,
        _ if class == Class::Custom => true,
        Target::Sdo => class == Class::Sdo,
        Target::Sco => class == Class::Sco,
        Target::SdoOrSco => matches!(class, Class::Sdo | Class::Sco),
        Target::ScoOrSro => matches!(class, Class::Sco | Class::Sro),
    };
    (!fits).then_some("points at a type that may not stand here")
}

fn dictionary(value: &Value, place: &Place<'_>, clause: &str, name: &str, findings: &mut Findings) {
    let Some(entries) = value.as_object() else {
        findings.push(place, clause, name, "is not a dictionary");
        return;
    };
    for key in entries.keys() {
        if !is_key(key, 1) {
            let place = Place::Member(place, key);
            findings.push(&place, "2.3", name, "is no dictionary key");
        }
    }
}

fn hashes(value: &Value, place: &Place<'_>, clause: &str, name: &str, findings: &mut Findings) {
    let Some(entries) = value.as_object() else {
        findings.push(place, clause, name, "is not a dictionary of hashes");
        return;
    };
    for (key, hash) in entries {
        let place = Place::Member(place, key);
        let fault = match hash.as_str() {
            _ if !is_key(key, 3) => Some("is no hash name"),
            None => Some("is not a string"),
            Some(text) => (!is_hash(key, text)).then_some("is not a value of this hash"),
        };
        if let Some(message) = fault {
            findings.push(&place, "2.7", name, message);
        }
    }
}

fn is_hash(algorithm: &str, text: &str) -> bool {
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

/// A dictionary key (STIX §2.3).
fn is_key(key: &str, least: usize) -> bool {
    let known = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    (least..=250).contains(&key.len()) && key.bytes().all(known)
}

/// The name of a property that is not the standard's (STIX §3.1, §11.1).
pub(super) fn is_property_name(name: &str) -> bool {
    let known = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    (3..=250).contains(&name.len()) && name.bytes().all(known)
}

fn is_hex(text: &str) -> bool {
    let digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    !text.is_empty() && text.len().is_multiple_of(2) && text.bytes().all(digit)
}

/// Alphabet, length and padding only: the standard's own example has loose trailing bits.
fn is_base64(text: &str) -> bool {
    let body = text
        .strip_suffix("==")
        .or_else(|| text.strip_suffix('='))
        .unwrap_or(text);
    let digit = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'+' || byte == b'/';
    !text.is_empty() && text.len().is_multiple_of(4) && body.bytes().all(digit)
}

fn is_url(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once(':') else {
        return false;
    };
    let in_scheme = |char: char| char.is_ascii_alphanumeric() || "+-.".contains(char);
    scheme.starts_with(|char: char| char.is_ascii_alphabetic())
        && scheme.chars().all(in_scheme)
        && !rest.is_empty()
        && !text
            .chars()
            .any(|char| char.is_whitespace() || char.is_control() || "<>\"".contains(char))
}

/// The form of a BCP 47 tag; whether its parts are registered is not asked.
pub(super) fn is_lang(text: &str) -> bool {
    let mut parts = text.split('-');
    let first = parts.next().unwrap_or_default();
    let primary =
        (1..=8).contains(&first.len()) && first.bytes().all(|byte| byte.is_ascii_alphabetic());
    let mut rest = parts.peekable();
    // One letter alone (`x-…`, `i-…`) needs something behind it.
    primary
        && (first.len() > 1 || rest.peek().is_some())
        && rest.all(|part| {
            (1..=8).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphanumeric())
        })
}

fn is_cpe(text: &str) -> bool {
    let Some(rest) = text.strip_prefix("cpe:2.3:") else {
        return false;
    };
    let (mut parts, mut escaped, mut empty, mut length) = (1, false, false, 0_usize);
    for char in rest.chars() {
        match char {
            ':' if !escaped => {
                empty |= length == 0;
                parts += 1;
                length = 0;
            }
            _ => length += 1,
        }
        escaped = char == '\\' && !escaped;
    }
    let class = rest.starts_with(['a', 'o', 'h', '*', '-']);
    parts == 11 && !empty && length > 0 && class && !rest.contains(char::is_whitespace)
}

fn is_hyphened(text: &str) -> bool {
    let known = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    !text.is_empty() && text.bytes().all(known)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn fits(value: Value, kind: Kind) -> bool {
        let mut findings = Findings::default();
        check(&value, kind, &Place::Root, "0", "it", &mut findings);
        findings.into_list().is_empty()
    }

    #[test]
    fn numbers_are_bounded_and_whole_where_asked() {
        let kind = Kind::Int(0, 100);
        assert!(fits(json!(0), kind) && fits(json!(100), kind) && fits(json!(5.0), kind));
        for bad in [
            json!(-1),
            json!(101),
            json!(5.5),
            json!("5"),
            json!(true),
            json!(1e30),
        ] {
            assert!(!fits(bad.clone(), kind), "{bad}");
        }
        assert!(fits(json!(90), Kind::Float(-90.0, 90.0)));
        assert!(!fits(json!(90.1), Kind::Float(-90.0, 90.0)));
    }

    #[test]
    fn texts_have_their_forms() {
        let table: &[(Kind, &[&str], &[&str])] = &[
            (Kind::Hex, &["00ff"], &["", "0", "0g", "00FF"]),
            (
                Kind::Bin,
                &["AAAA", "AAA=", "AA=="],
                &["", "AAA", "A===", "AA-_", "=AAA"],
            ),
            (
                Kind::Url,
                &["https://a.example/?b", "urn:x:1"],
                &["a.example", "https://a b", "1x:y", "http:", ""],
            ),
            (
                Kind::Lang,
                &["ja", "ja-Jpan-JP", "x-hub"],
                &["", "j", "ja_JP", "日本", "ja-", "123"],
            ),
            (
                Kind::Hyphened,
                &["uses", "x-1"],
                &["", "Uses", "a b", "a_b"],
            ),
            (
                Kind::Cpe,
                &[
                    "cpe:2.3:a:microsoft:word:2000:*:*:*:*:*:*:*",
                    r"cpe:2.3:a:b:c\:d:1:*:*:*:*:*:*:*",
                ],
                &[
                    "cpe:/a:microsoft:word",
                    "cpe:2.3:a:b:c",
                    "cpe:2.3:a::c:1:*:*:*:*:*:*:*",
                ],
            ),
            (
                Kind::TimeMillis,
                &["2024-01-01T00:00:00.000Z"],
                &["2024-01-01T00:00:00.00Z", "2024-01-01T00:00:00Z"],
            ),
        ];
        for (kind, good, bad) in table {
            for text in *good {
                assert!(fits(json!(text), *kind), "{text}");
            }
            for text in *bad {
                assert!(!fits(json!(text), *kind), "{text}");
            }
            assert!(!fits(json!(1), *kind));
        }
    }

    #[test]
    fn hashes_fit_their_algorithm() {
        assert!(fits(
            json!({"MD5": "a".repeat(32), "x_own": "?"}),
            Kind::Hashes
        ));
        assert!(!fits(json!({"MD5": "a".repeat(31)}), Kind::Hashes));
        assert!(!fits(json!({"SHA-256": 1}), Kind::Hashes));
        assert!(!fits(json!({"ab": "x"}), Kind::Hashes));
        assert!(!fits(json!("a"), Kind::Hashes));
        assert!(fits(json!({"a": 1}), Kind::Dictionary));
        assert!(!fits(json!({"a.b": 1}), Kind::Dictionary));
    }

    #[test]
    fn references_point_at_what_may_stand_there() {
        let id = |kind: &str| json!(format!("{kind}--28bb3599-77cd-4a82-a950-b5bc3caf07c4"));
        let table: &[(Target, &[&str], &[&str])] = &[
            (
                Target::Types(&["identity"]),
                &["identity"],
                &["tool", "x-identity"],
            ),
            (
                Target::Sdo,
                &["tool", "x-sdo"],
                &["file", "sighting", "marking-definition", "bundle"],
            ),
            (Target::Sco, &["file", "x-sco"], &["tool"]),
            (
                Target::SdoOrSco,
                &["tool", "file", "x-a"],
                &["relationship", "language-content"],
            ),
            (Target::ScoOrSro, &["file", "sighting"], &["tool"]),
            (
                Target::Any,
                &["tool", "sighting", "marking-definition"],
                &["bundle"],
            ),
        ];
        for (target, good, bad) in table {
            for kind in *good {
                assert!(fits(id(kind), Kind::Ref(*target)), "{kind}");
            }
            for kind in *bad {
                assert!(!fits(id(kind), Kind::Ref(*target)), "{kind}");
            }
        }
        assert!(!fits(json!("tool--1"), Kind::Ref(Target::Any)));
        assert!(!fits(json!("x"), Kind::Refs(Target::Any)));
    }
}

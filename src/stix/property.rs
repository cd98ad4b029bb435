//! Checks one value against the kind its property has in the standard: strings, numbers, instants,
//! hashes, dictionaries, references and the parts made of them. The forms of texts are in `form`.

use serde_json::{Map, Value};

use super::form;
use super::id::{Class, StixId};
use super::json::Place;
use super::shape::{self, Entries, Kind, Property, Target, words};
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
        Kind::Texts
        | Kind::Langs
        | Kind::Words(_)
        | Kind::Refs(_)
        | Kind::Parts(_)
        | Kind::SomeParts(_) => return list(value, kind, place, clause, name, findings),
        Kind::Part(properties) | Kind::SomePart(properties) => match value.as_object() {
            Some(part) => {
                members(part, properties, place, clause, findings);
                let some =
                    |property: &Property| !property.required && part.contains_key(property.name);
                let needed = matches!(kind, Kind::SomePart(_)) && !properties.iter().any(some);
                needed.then_some("has none of its optional properties, and needs one")
            }
            None => Some("is not an object"),
        },
        Kind::Dictionary => return dictionary(value, None, place, clause, name, findings),
        Kind::Map(entries) => {
            return dictionary(value, Some(entries), place, clause, name, findings);
        }
        Kind::Container => return container(value, place, clause, name, findings),
        Kind::Hashes | Kind::ListedHashes => {
            return hashes(value, kind, place, clause, name, findings);
        }
        _ => match value.as_str() {
            None => Some("is not a string"),
            Some(_) if findings.defanged && is_address(kind) => None,
            Some(text) => text_fault(text, kind),
        },
    };
    if let Some(message) = fault {
        findings.push(place, clause, name, message);
    }
}

/// Checks a property the standard does not define: its name, and its value by the suffix of the name
/// (§3.1).
pub(super) fn named(value: &Value, name: &str, place: &Place<'_>, findings: &mut Findings) {
    let kind = match name.rsplit_once('_').map(|(_, suffix)| suffix) {
        _ if !form::is_property_name(name) => {
            let message = "has a name that is not 3 to 250 of a-z, 0-9, `_` after a letter";
            return findings.push(place, "3.1", "property", message);
        }
        Some("ref") => Kind::Ref(Target::Any),
        Some("refs") => Kind::Refs(Target::Any),
        Some("hex") => Kind::Hex,
        Some("bin") => Kind::Bin,
        _ => Kind::Free,
    };
    check(value, kind, place, "3.1", name, findings);
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
        Kind::SomeParts(properties) => Kind::SomePart(properties),
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
        Kind::TimeSeconds => match Instant::parse(text) {
            None => Some("is no STIX timestamp"),
            Some(_) if text.contains('.') => Some("is finer than a second"),
            Some(_) => None,
        },
        Kind::Hex => {
            (!form::is_hex(text)).then_some("is not lower-case hexadecimal of even length")
        }
        Kind::Bin => (!form::is_base64(text)).then_some("is not base64"),
        Kind::Url => (!form::is_url(text)).then_some("is no URL of RFC 3986"),
        Kind::Email => (!form::is_email(text)).then_some("is no address of RFC 5322"),
        Kind::Domain => (!form::is_domain(text)).then_some("is no domain name of RFC 5890"),
        Kind::Ipv4 => (!form::is_ipv4(text)).then_some("is no IPv4 address or CIDR block"),
        Kind::Ipv6 => (!form::is_ipv6(text)).then_some("is no IPv6 address or CIDR block"),
        Kind::Mac => (!form::is_mac(text)).then_some("is no lower-case MAC-48 address with colons"),
        Kind::Charset => {
            (!form::is_charset(text)).then_some("is no preferred name of an IANA character set")
        }
        Kind::RegistryKey => (!form::is_registry_key(text)).then_some("abbreviates its hive"),
        Kind::Lang => (!form::is_lang(text)).then_some("is not a BCP 47 language tag"),
        Kind::Cpe => (!form::is_cpe(text)).then_some("is not a CPE 2.3 name"),
        Kind::Hyphened => {
            (!form::is_hyphened(text)).then_some("has characters other than a-z, 0-9, `-`")
        }
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

/// The forms that defanging breaks on purpose (STIX §3.2 `defanged`).
fn is_address(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::Url | Kind::Email | Kind::Domain | Kind::Ipv4 | Kind::Ipv6 | Kind::Mac
    )
}

fn dictionary(
    value: &Value,
    entries: Option<Entries>,
    place: &Place<'_>,
    clause: &str,
    name: &str,
    findings: &mut Findings,
) {
    let Some(members) = value.as_object() else {
        findings.push(place, clause, name, "is not a dictionary");
        return;
    };
    for (key, value) in members {
        let place = Place::Member(place, key);
        if !form::is_key(key, 0) {
            findings.push(&place, "2.3", name, "is no dictionary key");
        } else if let Some(message) = entries.and_then(|entries| entry_fault(key, value, entries)) {
            findings.push(&place, clause, name, message);
        }
    }
}

fn entry_fault(key: &str, value: &Value, entries: Entries) -> Option<&'static str> {
    let int = || int_fault(value, i64::MIN, i64::MAX).is_none();
    let texts = || {
        let items = value.as_array();
        items.is_some_and(|items| items.iter().all(Value::is_string))
    };
    match entries {
        Entries::Texts => (!value.is_string()).then_some("is not a string"),
        Entries::Ints => (!int()).then_some("is not an integer"),
        Entries::ExifTags if !key.starts_with(|first: char| first.is_ascii_uppercase()) => {
            Some("is no EXIF tag")
        }
        Entries::TextsOrInts | Entries::ExifTags => {
            (!value.is_string() && !int()).then_some("is neither a string nor an integer")
        }
        Entries::TextLists if key.is_empty() => Some("is no header field"),
        Entries::TextLists => (!texts()).then_some("is not a list of strings"),
        // The text asks for lists, the standard's own example has plain strings.
        Entries::TextsOrTextLists => {
            (!value.is_string() && !texts()).then_some("is not a list of strings")
        }
        Entries::Startup => {
            (!words::STARTUP.contains(&key)).then_some("is no member of STARTUPINFO")
        }
    }
}

fn hashes(
    value: &Value,
    kind: Kind,
    place: &Place<'_>,
    clause: &str,
    name: &str,
    findings: &mut Findings,
) {
    let Some(entries) = value.as_object() else {
        findings.push(place, clause, name, "is not a dictionary of hashes");
        return;
    };
    let closed = matches!(kind, Kind::ListedHashes);
    for (key, hash) in entries {
        let place = Place::Member(place, key);
        let fault = match hash.as_str() {
            _ if !form::is_key(key, 3) => Some("is no hash name"),
            _ if closed && !words::HASHES.contains(&key.as_str()) => {
                Some("is not among the listed hash names")
            }
            None => Some("is not a string"),
            Some(text) => (!form::is_hash(key, text)).then_some("is not a value of this hash"),
        };
        if let Some(message) = fault {
            findings.push(&place, "2.7", name, message);
        }
    }
}

/// The deprecated container: observables under keys, which refer to each other by key.
fn container(value: &Value, place: &Place<'_>, clause: &str, name: &str, findings: &mut Findings) {
    let Some(entries) = value.as_object() else {
        findings.push(place, clause, name, "is not a container of observables");
        return;
    };
    for (key, object) in entries {
        let place = Place::Member(place, key);
        let members = object.as_object();
        let typed = members.and_then(|members| members.get("type").and_then(Value::as_str));
        let (Some(members), Some(object_type)) = (members, typed) else {
            findings.push(&place, "2.13", name, "holds what is no observable");
            continue;
        };
        let Some(shape) = shape::shape(object_type) else {
            continue; // of STIX 2.0, or custom
        };
        for property in shape.properties {
            let place = Place::Member(&place, property.name);
            match (members.get(property.name), property.kind) {
                (Some(value), Kind::Ref(_) | Kind::Refs(_)) => {
                    let refs = value
                        .as_array()
                        .map_or(std::slice::from_ref(value), Vec::as_slice);
                    let inside =
                        |key: &Value| key.as_str().is_some_and(|key| entries.contains_key(key));
                    if !refs.iter().all(inside) {
                        findings.push(
                            &place,
                            "2.13",
                            property.name,
                            "refers to nothing in its container",
                        );
                    }
                }
                (Some(value), kind) => {
                    check(value, kind, &place, shape.clause, property.name, findings);
                }
                (None, _) if property.required => {
                    findings.push(&place, shape.clause, property.name, "is required");
                }
                (None, _) => {}
            }
        }
    }
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
    fn instants_are_as_fine_as_their_property_asks() {
        let time = |fraction: &str| json!(format!("2024-01-01T00:00:00{fraction}Z"));
        assert!(fits(time(".000"), Kind::TimeMillis) && fits(time(".0000001"), Kind::TimeMillis));
        assert!(!fits(time(".00"), Kind::TimeMillis) && !fits(time(""), Kind::TimeMillis));
        assert!(fits(time(""), Kind::TimeSeconds) && !fits(time(".0"), Kind::TimeSeconds));
        assert!(fits(time(".5"), Kind::Time) && !fits(json!(1), Kind::Time));
    }

    #[test]
    fn dictionaries_have_the_entries_their_property_asks() {
        let table: &[(Entries, Value, Value)] = &[
            (Entries::Texts, json!({"Title": "t"}), json!({"Title": 1})),
            (Entries::Ints, json!({"SO_X": 1}), json!({"SO_X": "1"})),
            (
                Entries::TextsOrInts,
                json!({"a": 1, "b": "x"}),
                json!({"a": [1]}),
            ),
            (
                Entries::ExifTags,
                json!({"Make": "x"}),
                json!({"make": "x"}),
            ),
            (
                Entries::TextLists,
                json!({"Host": ["x"]}),
                json!({"Host": "x"}),
            ),
            (
                Entries::TextsOrTextLists,
                json!({"X": "x", "Y": ["x"]}),
                json!({"X": [1]}),
            ),
            (Entries::Startup, json!({"dwX": 1}), json!({"own": 1})),
        ];
        for (entries, good, bad) in table {
            assert!(fits(good.clone(), Kind::Map(*entries)), "{good}");
            assert!(!fits(bad.clone(), Kind::Map(*entries)), "{bad}");
        }
    }

    #[test]
    fn a_part_that_must_say_something_does() {
        const PART: &[Property] = &[
            Property {
                name: "must",
                kind: Kind::Text,
                required: true,
            },
            Property {
                name: "may",
                kind: Kind::Text,
                required: false,
            },
        ];
        let part = json!({"must": "x"});
        assert!(fits(part.clone(), Kind::Part(PART)) && !fits(part, Kind::SomePart(PART)));
        assert!(fits(json!({"must": "x", "may": "y"}), Kind::SomePart(PART)));
        assert!(!fits(json!([{"must": "x"}]), Kind::SomeParts(PART)));
    }

    #[test]
    fn a_container_holds_observables_that_refer_to_each_other() {
        let address = json!({"type": "ipv4-addr", "value": "198.51.100.3"});
        let traffic =
            |to: &str| json!({"type": "network-traffic", "protocols": ["tcp"], "dst_ref": to});
        let good = json!({"0": address, "1": traffic("0"), "2": {"type": "as", "number": 42}});
        assert!(fits(good, Kind::Container));
        for bad in [
            json!({"0": address, "1": traffic("7")}),
            json!({"0": {"type": "ipv4-addr"}}),
            json!({"0": {"value": "x"}}),
            json!({"0": "x"}),
            json!([address]),
        ] {
            assert!(!fits(bad.clone(), Kind::Container), "{bad}");
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
        assert!(!fits(json!({"x_own": "?"}), Kind::ListedHashes));
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

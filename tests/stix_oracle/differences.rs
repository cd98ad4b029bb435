//! Where the hub and the OASIS validator differ, and the hub follows the standard: each class under the
//! name it has in `docs/stix-validation.md`. A class looks at the very value, by rules written here
//! again, so that it does not cover for a fault of the product.

use sekisho::stix::{Violation, timestamp};
use serde_json::Value;

use super::table::{Kind, Table};
use super::values::targets;

/// A rule that the hub keeps and the validator does not: what the hub refused and the validator took.
pub struct Kept {
    pub name: &'static str,
    pub covers: fn(&Table, &Value, &Violation) -> bool,
}

/// What the validator refuses and the standard does not.
pub struct Free {
    pub name: &'static str,
    pub covers: fn(&Value, &str) -> bool,
}

fn at<'a>(object: &'a Value, violation: &Violation) -> Option<&'a Value> {
    object.pointer(&violation.pointer)
}

fn text<'a>(object: &'a Value, violation: &Violation) -> Option<&'a str> {
    at(object, violation).and_then(Value::as_str)
}

fn name(violation: &Violation) -> &str {
    violation.pointer.rsplit('/').next().unwrap()
}

fn type_of(object: &Value) -> &str {
    object["type"].as_str().unwrap_or_default()
}

fn is_hex(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// A type, two hyphens and a UUID of a version that exists.
fn is_id(text: &str) -> bool {
    let Some((kind, uuid)) = text.split_once("--") else {
        return false;
    };
    let kind = kind.starts_with(|first: char| first.is_ascii_lowercase())
        && kind
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
    let groups: Vec<&str> = uuid.split('-').collect();
    let lengths: Vec<usize> = groups.iter().map(|group| group.len()).collect();
    kind && lengths == [8, 4, 4, 4, 12]
        && groups.iter().all(|group| is_hex(group))
        && groups[2].starts_with(['1', '2', '3', '4', '5', '6', '7', '8'])
        && groups[3].starts_with(['8', '9', 'a', 'b', 'A', 'B'])
}

/// The kind of the property a pointer leads to, by the tests' own table.
fn kind_at(table: &Table, object: &Value, pointer: &str) -> Option<Kind> {
    let steps: Vec<&str> = pointer
        .split('/')
        .skip(1)
        .filter(|step| step.parse::<usize>().is_err())
        .collect();
    let (class, name) = *table
        .types
        .iter()
        .find(|(_, name)| *name == type_of(object))?;
    let [first, rest @ ..] = steps.as_slice() else {
        return None;
    };
    let find = |properties: &[super::table::Property], wanted: &str| {
        properties
            .iter()
            .find(|property| property.name == wanted)
            .map(|property| property.kind)
    };
    let (mut kind, rest) = if *first == "extensions" {
        let [key, property, rest @ ..] = rest else {
            return None;
        };
        let extensions = table.extensions(name);
        let (_, section) = extensions.iter().find(|(own, _)| own == key)?;
        (find(&section.properties, property)?, rest)
    } else {
        let sections = table.of_type(class, name);
        (
            sections
                .iter()
                .find_map(|section| find(&section.properties, first))?,
            rest,
        )
    };
    for step in rest {
        if kind.name != "part" {
            return None;
        }
        kind = find(&table.section("part", kind.argument).properties, step)?;
    }
    Some(kind)
}

/// Whether a reference names a type that its property's table excludes; custom types may stand where a
/// whole class may.
fn wrong_target(table: &Table, object: &Value, violation: &Violation) -> bool {
    let (Some(id), Some(kind)) = (
        text(object, violation),
        kind_at(table, object, &violation.pointer),
    ) else {
        return false;
    };
    let Some((target, _)) = id.split_once("--") else {
        return false;
    };
    let observables_and_links =
        type_of(object) == "observed-data" && ["relationship", "sighting"].contains(&target);
    let also: &[&str] = match (type_of(object), name(violation)) {
        ("relationship", "source_ref" | "target_ref") => &["SDO", "SCO"],
        _ => &[],
    };
    let within = targets(kind.argument).contains(&target)
        || also.iter().any(|class| targets(class).contains(&target));
    let open = ["SDO", "SCO", "ANY"].contains(&kind.argument);
    let any = kind.argument == "ANY" && target != "bundle";
    let allowed = within || observables_and_links || any || open && target.starts_with("x-");
    kind.name == "ref" && is_id(id) && !allowed
}

fn whole(object: &Value, violation: &Violation, low: f64) -> bool {
    at(object, violation)
        .and_then(Value::as_f64)
        .is_some_and(|number| {
            number.fract() != 0.0 || number < low || number.abs() > 9_007_199_254_740_991.0
        })
}

pub const KEPT: &[Kept] = &[
    Kept {
        name: "reference-targets",
        covers: |table, object, found| wrong_target(table, object, found),
    },
    Kept {
        name: "reference-form",
        covers: |table, object, found| {
            let ours =
                kind_at(table, object, &found.pointer).is_some_and(|kind| kind.name == "ref");
            let custom = found.pointer.starts_with("/x_own_ref");
            (ours || custom) && text(object, found).is_some_and(|id| !is_id(id))
        },
    },
    Kept {
        name: "property-names",
        covers: |_, _, found| {
            let name = name(found);
            let known =
                |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
            let letter = name.starts_with(|first: char| first.is_ascii_lowercase());
            found.rule == "STIX 3.1 property"
                && (!letter || !name.bytes().all(known) || name.len() > 250 || name.len() < 3)
        },
    },
    Kept {
        name: "nothing-empty",
        covers: |_, object, found| {
            let empty = |value: &Value| {
                value.is_null()
                    || *value == serde_json::json!([])
                    || *value == serde_json::json!({})
            };
            at(object, found).is_some_and(empty)
        },
    },
    Kept {
        name: "reserved-names",
        covers: |_, object, found| {
            let marking = type_of(object) == "marking-definition";
            found.rule.starts_with("STIX 3.8") && (name(found) == "phone_number" || marking)
        },
    },
    Kept {
        name: "suffixes-on-markings",
        covers: |_, object, found| {
            let value = text(object, found).unwrap_or_default();
            type_of(object) == "marking-definition"
                && ["/x_own_hex", "/x_own_bin"].contains(&found.pointer.as_str())
                && value.len() % 2 == 1
        },
    },
    Kept {
        name: "not-applicable",
        covers: |table, object, found| {
            found.message.ends_with("is not applicable to this type")
                && kind_at(table, object, &found.pointer).is_none()
        },
    },
    Kept {
        name: "spec-version",
        covers: |_, object, found| {
            found.pointer == "/spec_version" && text(object, found) == Some("2.0")
        },
    },
    Kept {
        name: "granular-choice",
        covers: |_, object, found| {
            let both =
                |part: &Value| part.get("lang").is_some() && part.get("marking_ref").is_some();
            found.rule.starts_with("STIX 7.2.3") && at(object, found).is_some_and(both)
        },
    },
    Kept {
        name: "selector-index",
        covers: |_, object, found| {
            let selector = text(object, found).unwrap_or_default();
            found.rule == "STIX 7.2.3 selectors"
                && (selector.ends_with("[00]") || into_text(object, selector))
        },
    },
    Kept {
        name: "lower-case-hex",
        covers: |_, object, found| {
            let upper =
                |text: &str| is_hex(text) && text.bytes().any(|byte| byte.is_ascii_uppercase());
            name(found).ends_with("_hex") && text(object, found).is_some_and(upper)
        },
    },
    Kept {
        name: "integers",
        covers: |table, object, found| {
            kind_at(table, object, &found.pointer).is_some_and(|kind| {
                kind.name == "integer"
                    && whole(
                        object,
                        found,
                        if kind.argument == "0.." {
                            0.0
                        } else {
                            f64::MIN
                        },
                    )
            })
        },
    },
    Kept {
        name: "dictionary-values",
        covers: |_, object, found| {
            let place = found.pointer.contains("/environment_variables/");
            place && at(object, found).is_some_and(|value| !value.is_string())
        },
    },
    Kept {
        name: "parts-are-objects",
        covers: |_, object, found| {
            found.pointer.contains("/alternate_data_streams/")
                && at(object, found).is_some_and(|value| !value.is_object())
        },
    },
    Kept {
        name: "trailing-newline",
        covers: |_, object, found| text(object, found).is_some_and(|text| text.ends_with('\n')),
    },
    Kept {
        name: "positive-qualifiers",
        covers: |_, object, found| {
            let pattern = text(object, found).unwrap_or_default();
            found.pointer == "/pattern"
                && (pattern.contains(" WITHIN 0 ") || pattern.contains(" REPEATS 0 "))
        },
    },
    Kept {
        name: "tlp-2-bodies",
        covers: |_, object, found| {
            let own = "extension-definition--60a3c5c5-0d10-413e-aab3-9e08dde9e88d";
            found.rule.ends_with("STIX marking") && object["extensions"].get(own).is_some()
        },
    },
    Kept {
        name: "instants",
        covers: |_, object, found| {
            let text = |name: &str| object.get(name).and_then(Value::as_str).unwrap_or_default();
            let fine = |text: &str| {
                text.split_once('.')
                    .is_some_and(|(_, fraction)| fraction.len() > 7)
            };
            let later = name(found);
            let earlier = match later {
                "modified" => "created",
                "valid_until" => "valid_from",
                "stop_time" => "start_time",
                "end" => "start",
                "last_observed" => "first_observed",
                _ => "first_seen",
            };
            (fine(text(later)) || fine(text(earlier)))
                && timestamp::compare(text(later), text(earlier))
                    .is_some_and(std::cmp::Ordering::is_le)
        },
    },
    Kept {
        name: "observed-things",
        covers: |_, object, found| {
            let observable = |id: &str| {
                targets("SCO")
                    .iter()
                    .any(|kind| id.split("--").next() == Some(kind))
                    || id.starts_with("x-")
            };
            let mut ids = object["object_refs"]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(Value::as_str);
            type_of(object) == "observed-data"
                && found.pointer == "/object_refs"
                && !ids.any(observable)
        },
    },
    Kept {
        name: "creation-time-of-markings",
        covers: |_, object, found| {
            let fraction = |text: &str| {
                text.split_once('.')
                    .map_or(0, |(_, fraction)| fraction.len() - 1)
            };
            type_of(object) == "marking-definition"
                && found.pointer == "/created"
                && text(object, found).is_some_and(|text| fraction(text) < 3)
        },
    },
    Kept {
        name: "extension-definition-creator",
        covers: |_, object, found| {
            type_of(object) == "extension-definition"
                && found.pointer == "/created_by_ref"
                && at(object, found).is_none()
        },
    },
];

/// Whether a selector takes an item out of a text.
fn into_text(object: &Value, selector: &str) -> bool {
    let Some((path, index)) = selector.rsplit_once(".[") else {
        return false;
    };
    let value = path
        .split('.')
        .try_fold(object, |value, step| value.get(step));
    index.ends_with(']') && value.is_some_and(Value::is_string)
}

//! What the OASIS validator refuses and the standard allows, class by class, under the names that
//! `docs/stix-validation.md` has. Each looks at the validator's message and at the value it speaks of.

use serde_json::Value;

use super::differences::Free;

/// The text between the first pair of single quotes behind a mark.
fn quoted<'a>(error: &'a str, mark: &str) -> &'a str {
    let rest = error.split_once(mark).map_or("", |(_, rest)| rest);
    rest.split('\'').nth(1).unwrap_or_default()
}

/// Whether an id's UUID is of one of the versions that came after RFC 4122.
fn late_uuid(text: &str) -> bool {
    let uuid = text.rsplit_once("--").map_or("", |(_, uuid)| uuid);
    uuid.len() == 36
        && ["6", "7", "8"]
            .iter()
            .any(|version| uuid.get(14..15) == Some(version))
}

fn has_late_uuid(value: &Value) -> bool {
    match value {
        Value::String(text) => late_uuid(text),
        Value::Array(items) => items.iter().any(has_late_uuid),
        Value::Object(members) => members
            .iter()
            .any(|(key, value)| late_uuid(key) || has_late_uuid(value)),
        _ => false,
    }
}

fn has_text(value: &Value, wanted: &dyn Fn(&str) -> bool) -> bool {
    match value {
        Value::String(text) => wanted(text),
        Value::Array(items) => items.iter().any(|item| has_text(item, wanted)),
        Value::Object(members) => members.values().any(|member| has_text(member, wanted)),
        _ => false,
    }
}

/// Tags of the corpus that RFC 5646 knows and the validator's list does not have.
const LANGUAGES: &[&str] = &[
    "ja-Jpan",
    "JA",
    "x-own",
    "zh-Hant-TW",
    "und",
    "eng",
    "en-us",
    "zz",
];

fn selectors(object: &Value) -> impl Iterator<Item = &str> {
    let markings = object["granular_markings"].as_array().into_iter().flatten();
    markings
        .flat_map(|marking| marking["selectors"].as_array().into_iter().flatten())
        .filter_map(Value::as_str)
}

pub const FREE: &[Free] = &[
    Free {
        name: "granular-language",
        covers: |object, error| {
            let lang =
                |part: &Value| part.get("lang").is_some() && part.get("marking_ref").is_none();
            error.contains("'marking_ref' is a required property")
                && object["granular_markings"]
                    .as_array()
                    .is_some_and(|parts| parts.iter().any(lang))
        },
    },
    Free {
        name: "later-uuids",
        covers: |object, error| {
            let form = error.contains("does not match the id format")
                || error.contains("extension-definition--")
                || error.contains("must contain a valid statement");
            form && has_late_uuid(object)
        },
    },
    Free {
        name: "languages",
        covers: |_, error| {
            error.contains("RFC 5646")
                && LANGUAGES
                    .iter()
                    .any(|tag| error.contains(&format!("'{tag}'")))
                || error.contains("languages[0]: ")
                    && LANGUAGES.contains(&quoted(error, "languages[0]: "))
        },
    },
    Free {
        name: "leap-seconds",
        covers: |object, error| {
            error.contains("second must be in 0..59")
                && has_text(object, &|text| text.starts_with("2016-12-31T23:59:60"))
        },
    },
    Free {
        name: "phone-numbers",
        covers: |object, error| {
            object.get("phone_numbers").is_some()
                && (error.contains("reserved property") || error.contains("'phone_numbers'"))
        },
    },
    Free {
        name: "cited-ids",
        covers: |object, error| {
            let own = |cited: &Value| {
                !["cve", "capec"].contains(&cited["source_name"].as_str().unwrap_or_default())
            };
            error.contains("external_references[0]: If the external reference is a CVE")
                && object["external_references"]
                    .as_array()
                    .is_some_and(|list| list.iter().all(own))
                && has_text(object, &|text| {
                    text.starts_with("CVE-") || text.starts_with("CAPEC-")
                })
        },
    },
    Free {
        name: "media-types",
        covers: |_, error| error.contains("mime_type"),
    },
    Free {
        name: "header-fields",
        covers: |object, error| {
            let fields = &object["additional_header_fields"];
            let one = |field: &Value| field.as_array().is_some_and(|list| list.len() == 1);
            error.contains("additional_header_fields")
                && (fields.get("date").is_some()
                    || fields
                        .as_object()
                        .is_some_and(|fields| fields.values().any(one)))
        },
    },
    Free {
        name: "socket-options",
        covers: |_, error| {
            error.contains("socket-ext.options: ")
                && error.contains("does not match any of the regexes")
        },
    },
    Free {
        name: "names-in-patterns",
        covers: |_, error| error.contains("is not a valid observable"),
    },
    Free {
        name: "crashes",
        covers: |_, error| error.starts_with("crash: "),
    },
    Free {
        name: "mapped-ipv6",
        covers: |object, error| {
            error.contains("value: '::ffff:192.0.2.1'") && object["type"] == "ipv6-addr"
        },
    },
    Free {
        name: "defanged-values",
        covers: |object, error| {
            object["defanged"] == true && (error.contains(": value: ") || error.contains(": url: "))
        },
    },
    Free {
        name: "one-of-many",
        covers: |object, error| {
            let own = [
                ("process", "created_time"),
                ("windows-registry-key", "modified_time"),
                ("process", "extensions"),
            ];
            error.contains("is not valid under any of the given schemas")
                && own
                    .iter()
                    .any(|(kind, name)| object["type"] == *kind && object.get(name).is_some())
        },
    },
    Free {
        name: "selector-keys",
        covers: |object, error| {
            let key = |text: &str| {
                text.bytes().any(|byte| byte.is_ascii_uppercase())
                    || text.split('.').any(|step| step.len() < 3)
            };
            error.contains("selectors[0]: ") && selectors(object).any(key)
        },
    },
    Free {
        name: "startup-info",
        covers: |_, error| error.contains("startup_info"),
    },
    Free {
        name: "translated-translations",
        covers: |object, error| {
            let id = object["object_ref"].as_str().unwrap_or_default();
            error.contains("object_ref: ") && id.starts_with("language-content--")
        },
    },
    Free {
        name: "own-properties-of-headers",
        covers: |_, error| error.contains("optional_header: Custom extension keys"),
    },
    Free {
        name: "mail-addresses",
        covers: |object, error| {
            let value = object["value"].as_str().unwrap_or_default();
            error.contains("is not a 'email'")
                && (value.starts_with('"') || value.ends_with(']') || !value.is_ascii())
        },
    },
    Free {
        name: "legacy-extensions",
        covers: |object, error| {
            object["type"] == "marking-definition"
                && error.contains(": extensions: 'x-own-ext' does not match")
        },
    },
    Free {
        name: "instants-as-text",
        covers: |object, error| {
            let fine = |text: &str| {
                text.ends_with('Z')
                    && text
                        .split_once('.')
                        .is_some_and(|(_, fraction)| fraction.len() > 7)
            };
            error.contains("must be later than") && has_text(object, &fine)
        },
    },
];

//! Rules that bind several properties of one object: instants in order, one of a choice, what only
//! goes together, and the forms of extensions and external references.

use std::cmp::Ordering;

use serde_json::{Map, Value};

use super::form;
use super::id::{Class, StixId, is_type_name};
use super::json::Place;
use super::pattern;
use super::property;
use super::shape::{self, Kind, Shape};
use super::timestamp;
use super::validate::Findings;

type Members = Map<String, Value>;

/// Checks the pairs of instants a shape puts in order.
pub(super) fn order(members: &Members, shape: &Shape, findings: &mut Findings) {
    let text = |name: &str| members.get(name).and_then(Value::as_str);
    for &(later, earlier, strictly) in shape.order {
        let (Some(second), Some(first)) = (text(later), text(earlier)) else {
            continue;
        };
        let wrong = match timestamp::compare(second, first) {
            Some(Ordering::Less) => true,
            Some(Ordering::Equal) => strictly,
            _ => false,
        };
        if wrong {
            let message = format!("is not after `{earlier}`");
            findings.push(
                &Place::Member(&Place::Root, later),
                shape.clause,
                later,
                &message,
            );
        }
    }
}

/// Checks what a type's section says beyond single properties.
pub(super) fn check(object_type: &str, members: &Members, shape: &Shape, findings: &mut Findings) {
    let has = |name: &str| members.contains_key(name);
    let flag = |name: &str| members.get(name).and_then(Value::as_bool) == Some(true);
    let mut fault = |name: &str, message: &str| {
        findings.push(
            &Place::Member(&Place::Root, name),
            shape.clause,
            name,
            message,
        );
    };
    match object_type {
        "location" => {
            if has("latitude") != has("longitude") {
                fault("latitude", "and `longitude` go together");
            }
            if has("precision") && !has("latitude") {
                fault("precision", "needs `latitude` and `longitude`");
            }
            if !(has("region") || has("country") || has("latitude")) {
                fault("region", "or `country` or coordinates are required");
            }
        }
        "malware" if flag("is_family") && !has("name") => fault("name", "is required for a family"),
        "malware-analysis" if !(has("result") || has("analysis_sco_refs")) => {
            fault("result", "or `analysis_sco_refs` is required");
        }
        "observed-data" => observed(members, shape, findings),
        "indicator" => {
            let text = |name: &str| members.get(name).and_then(Value::as_str);
            if let (Some("stix"), Some(pattern)) = (text("pattern_type"), text("pattern"))
                && let Err(error) = pattern::check(pattern)
            {
                fault("pattern", &format!("is no STIX pattern: {error}"));
            }
        }
        "network-traffic" => {
            if !(has("src_ref") || has("dst_ref")) {
                fault("src_ref", "or `dst_ref` is required");
            }
            if has("end") && flag("is_active") {
                fault("end", "is given while `is_active`");
            }
        }
        "email-message" => mail(members, shape, findings),
        "file" if !(has("hashes") || has("name")) => fault("hashes", "or `name` is required"),
        "artifact" => {
            if has("payload_bin") == has("url") {
                fault("payload_bin", "or `url` is required, not both");
            }
            if has("url") && !has("hashes") {
                fault("hashes", "is required beside `url`");
            }
            if has("decryption_key") && !has("encryption_algorithm") {
                fault("decryption_key", "needs `encryption_algorithm`");
            }
        }
        "process" | "user-account" | "windows-registry-key" | "x509-certificate" => {
            let own = shape.properties.iter().any(|property| has(property.name));
            if !own && !has("extensions") {
                findings.push(
                    &Place::Root,
                    shape.clause,
                    object_type,
                    "has no property of its own",
                );
            }
        }
        "extension-definition" => {
            let types = members.get("extension_types").and_then(Value::as_array);
            let toplevel = types.is_some_and(|types| {
                types
                    .iter()
                    .any(|kind| kind.as_str() == Some("toplevel-property-extension"))
            });
            if has("extension_properties") && !toplevel {
                fault(
                    "extension_properties",
                    "needs type `toplevel-property-extension`",
                );
            }
        }
        "marking-definition" => {
            if has("definition_type") != has("definition") {
                fault("definition", "and `definition_type` go together");
            } else if !has("definition") && !has("extensions") {
                fault("extensions", "is required without a `definition`");
            }
            let statement =
                members.get("definition_type").and_then(Value::as_str) == Some("statement");
            let body = members
                .get("definition")
                .and_then(|body| body.get("statement"));
            if statement && has("definition") && !body.is_some_and(Value::is_string) {
                fault("definition", "of type statement needs `statement`");
            }
        }
        "language-content" => contents(members, shape, findings),
        _ => {}
    }
}

fn observed(members: &Members, shape: &Shape, findings: &mut Findings) {
    let place = Place::Member(&Place::Root, "object_refs");
    let refs = members.get("object_refs").and_then(Value::as_array);
    if members.contains_key("objects") == members.contains_key("object_refs") {
        let message = "or (deprecated) `objects` is required, not both";
        findings.push(&place, shape.clause, "object_refs", message);
    } else if let Some(refs) = refs {
        let ids = || {
            refs.iter()
                .filter_map(Value::as_str)
                .filter_map(StixId::parse)
        };
        let observable = ids().any(|id| matches!(id.class(), Class::Sco | Class::Custom));
        if !observable && ids().next().is_some() {
            findings.push(&place, shape.clause, "object_refs", "names no observable");
        }
    }
}

fn mail(members: &Members, shape: &Shape, findings: &mut Findings) {
    let multipart = members.get("is_multipart").and_then(Value::as_bool);
    let wrong = match multipart {
        Some(true) if members.contains_key("body") => "body",
        Some(false) if members.contains_key("body_multipart") => "body_multipart",
        _ => "",
    };
    if !wrong.is_empty() {
        let place = Place::Member(&Place::Root, wrong);
        findings.push(&place, shape.clause, wrong, "contradicts `is_multipart`");
    }
    let list = Place::Member(&Place::Root, "body_multipart");
    let parts = members.get("body_multipart").and_then(Value::as_array);
    for (at, part) in parts.into_iter().flatten().enumerate() {
        if part.get("body").is_some() == part.get("body_raw_ref").is_some() {
            let message = "needs exactly one of `body` and `body_raw_ref`";
            findings.push(
                &Place::Item(&list, at),
                shape.clause,
                "body_multipart",
                message,
            );
        }
    }
}

/// Translations: by language, then by property name (§7.1).
fn contents(members: &Members, shape: &Shape, findings: &mut Findings) {
    let place = Place::Member(&Place::Root, "contents");
    let languages = members.get("contents").and_then(Value::as_object);
    for (language, translated) in languages.into_iter().flatten() {
        let place = Place::Member(&place, language);
        if !form::is_lang(language) {
            findings.push(
                &place,
                shape.clause,
                "contents",
                "has a key that is no language tag",
            );
        }
        let Some(translated) = translated.as_object() else {
            findings.push(
                &place,
                shape.clause,
                "contents",
                "has a language that is no dictionary",
            );
            continue;
        };
        for name in translated
            .keys()
            .filter(|name| !form::is_property_name(name))
        {
            let place = Place::Member(&place, name);
            findings.push(
                &place,
                shape.clause,
                "contents",
                "translates no property name",
            );
        }
    }
}

/// Checks the keys of `extensions`, and the bodies of those the standard itself defines (§7.3).
pub(super) fn extensions(extensions: &Value, findings: &mut Findings) {
    const CLAUSE: &str = "7.3";
    let place = Place::Member(&Place::Root, "extensions");
    let Some(entries) = extensions.as_object() else {
        findings.push(&place, CLAUSE, "extensions", "is not a dictionary");
        return;
    };
    for (key, value) in entries {
        let place = Place::Member(&place, key);
        let defined =
            StixId::parse(key).is_some_and(|id| id.object_type() == "extension-definition");
        // Legacy custom extensions share the suffix of the predefined ones (§11.3).
        let named = key.ends_with("-ext") && is_type_name(key);
        if !defined && !named {
            findings.push(
                &place,
                CLAUSE,
                "extensions",
                "has a key that names no extension",
            );
        }
        let Some(body) = value.as_object() else {
            findings.push(
                &place,
                CLAUSE,
                "extensions",
                "has a body that is no dictionary",
            );
            continue;
        };
        if defined {
            let place = Place::Member(&place, "extension_type");
            match body.get("extension_type") {
                None => findings.push(&place, CLAUSE, "extension_type", "is required"),
                Some(kind) => {
                    let word = shape::EXTENSION_TYPE;
                    property::check(kind, word, &place, CLAUSE, "extension_type", findings);
                }
            }
        } else if let Some((clause, kind)) = shape::predefined_extension(key) {
            property::check(value, kind, &place, clause, key, findings);
        }
        names(body, &place, key, findings);
    }
}

/// The properties of an extension keep the rules for names and suffixes too (§3.1).
fn names(body: &Members, place: &Place<'_>, key: &str, findings: &mut Findings) {
    let own = match shape::predefined_extension(key) {
        Some((_, Kind::Part(own) | Kind::SomePart(own))) => own,
        _ => &[],
    };
    for (name, value) in body {
        if !own.iter().any(|property| property.name == name) {
            property::named(value, name, &Place::Member(place, name), findings);
        }
    }
}

/// Checks what an external reference must say, and the ids of the two named sources (§2.5).
pub(super) fn external_references(members: &Members, findings: &mut Findings) {
    const CLAUSE: &str = "2.5";
    let list = Place::Member(&Place::Root, "external_references");
    let references = members.get("external_references").and_then(Value::as_array);
    for (at, reference) in references.into_iter().flatten().enumerate() {
        let place = Place::Item(&list, at);
        let Some(reference) = reference.as_object() else {
            continue; // found by the table
        };
        let text = |name: &str| reference.get(name).and_then(Value::as_str);
        let says = ["description", "url", "external_id"];
        if !says.iter().any(|name| reference.contains_key(*name)) {
            let message = "needs `description`, `url` or `external_id`";
            findings.push(&place, CLAUSE, "external_references", message);
        }
        let fits = match text("source_name") {
            Some("cve") => text("external_id").is_some_and(is_cve),
            Some("capec") => text("external_id").is_some_and(|id| {
                id.strip_prefix("CAPEC-")
                    .is_some_and(|number| is_number(number, 1))
            }),
            _ => true,
        };
        if !fits {
            let place = Place::Member(&place, "external_id");
            findings.push(
                &place,
                CLAUSE,
                "external_id",
                "is no identifier of its source",
            );
        }
    }
}

fn is_cve(id: &str) -> bool {
    let parts = id
        .strip_prefix("CVE-")
        .and_then(|rest| rest.split_once('-'));
    // Four digits, and more only where four do not do.
    let short = |number: &str| number.len() == 4 || !number.starts_with('0');
    parts.is_some_and(|(year, number)| {
        year.len() == 4 && is_number(year, 4) && is_number(number, 4) && short(number)
    })
}

fn is_number(text: &str, least: usize) -> bool {
    text.len() >= least && text.bytes().all(|byte| byte.is_ascii_digit())
}

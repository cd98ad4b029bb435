//! Objects that go with an item so that its readers can make sense of it: the TLP marking, the
//! marking that carries the rule's obligations, that of PAP, and the identity named as creator. They are shared
//! between items, and a reader sees each once.

use serde_json::{Value, json};

use super::hex;
use super::secret::{Secret, sha256};
use crate::council::{Directory, Localised, Origin};
use crate::handling::{Attribution, BodyId, Form, Pap, Rule};
use crate::stix::marking;

pub use crate::stix::marking::HANDLING_EXTENSION;

/// Support objects are made once and never change; one that would is another object.
pub(super) const MADE: &str = "2026-01-01T00:00:00.000Z";

/// What goes with one form of an item.
pub struct Supports {
    /// Markings its objects carry.
    pub marking_refs: Vec<String>,
    /// The identity its objects name as creator.
    pub creator: Value,
    /// Its id.
    pub creator_id: String,
    /// All of them, in the order they are served.
    pub objects: Vec<Value>,
}

/// Makes the support objects for one form of an item under `rule`.
#[must_use]
pub fn supports(
    secret: &Secret,
    directory: &Directory,
    origin: &Origin,
    rule: &Rule,
    form: Form,
) -> Supports {
    let creator = match form {
        Form::Identified => named(secret, directory, origin),
        Form::Anonymised | Form::None => unnamed(secret, directory, origin, rule.attribution),
    };
    let id = |object: &Value| id_of(object).unwrap_or_default().to_owned();
    let markings = markings(secret, rule);
    Supports {
        marking_refs: markings.iter().map(id).collect(),
        creator_id: id(&creator),
        creator: creator.clone(),
        objects: markings.into_iter().chain([creator]).collect(),
    }
}

/// The markings that say what a rule asks of whoever has what carries it.
#[must_use]
pub fn markings(secret: &Secret, rule: &Rule) -> Vec<Value> {
    let tlp = marking::tlp_marking(rule.access.tlp);
    let mut markings = vec![tlp, obligations(secret, rule)];
    if rule.pap != Pap::Clear {
        markings.extend(marking::pap_marking(rule.pap));
    }
    markings
}

/// A source's statement marking as the hub words it for readers of the anonymised form: the same
/// words are the same marking, whoever said them.
pub fn statement(secret: &Secret, words: &str) -> Value {
    json!({
        "type": "marking-definition",
        "spec_version": "2.1",
        "id": secret.stix_id("marking-definition", "statement", &[words]),
        "created": MADE,
        "definition_type": "statement",
        "definition": { "statement": words },
    })
}

/// The identities that the hub itself stands behind: nobody else may post in their name.
pub fn minted_identities(secret: &Secret, directory: &Directory) -> Vec<String> {
    let id = |parts: &[&str]| secret.stix_id("identity", "identity", parts);
    let pseudonyms = directory
        .bodies()
        .map(|body| id(&["pseudonym", body.id.as_str()]));
    let sectors = directory
        .bodies()
        .map(|body| id(&["sector", &sectors_of(directory, &body.id).join(" ")]));
    pseudonyms.chain(sectors).chain([id(&["hub"])]).collect()
}

fn sectors_of<'a>(directory: &'a Directory, ceptoar: &BodyId) -> Vec<&'a str> {
    directory
        .file()
        .sectors
        .iter()
        .filter(|sector| sector.ceptoars.iter().any(|dated| dated.body == *ceptoar))
        .map(|sector| sector.code.as_str())
        .collect()
}

/// The id of a STIX object.
pub fn id_of(object: &Value) -> Option<&str> {
    object.get("id").and_then(Value::as_str)
}

/// What the hub carries to a reader and cannot enforce.
pub fn obligations_of(rule: &Rule) -> Value {
    json!({
        "onward": rule.onward,
        "purposes_allowed": rule.purposes(),
        "purposes_prohibited": rule.purposes_prohibited,
        "automated": rule.automated,
        "pap": rule.pap,
        "retention_max_days": rule.retention_max_days,
        "retention_min_days": rule.access.retention_min_days,
        "storage_jp_only": rule.access.storage_jp_only,
        "k": rule.k,
        "ack_hours": rule.ack_hours,
    })
}

/// The obligations, as a marking definition.
fn obligations(secret: &Secret, rule: &Rule) -> Value {
    let handling = obligations_of(rule);
    let handling: serde_json::Map<String, Value> = match handling {
        // STIX 2.3, 2.12: no nulls and no empty lists; what is not said is left out.
        Value::Object(members) => members
            .into_iter()
            .filter(|(_, value)| {
                !value.is_null() && value.as_array().is_none_or(|list| !list.is_empty())
            })
            .collect(),
        _ => serde_json::Map::new(),
    };
    let digest = hex(&sha256(
        Value::Object(handling.clone()).to_string().as_bytes(),
    ));
    json!({
        "type": "marking-definition",
        "spec_version": "2.1",
        "id": secret.stix_id("marking-definition", "obligations", &[&digest]),
        "created": MADE,
        "name": "Handling obligations",
        "extensions": {
            HANDLING_EXTENSION: { "extension_type": "property-extension", "handling": handling }
        }
    })
}

/// The source itself: the operator where one is known, else the submitting body.
fn named(secret: &Secret, directory: &Directory, origin: &Origin) -> Value {
    let source = origin.operator.as_ref().unwrap_or(&origin.submitter);
    let name = directory
        .body(source)
        .map_or(source.as_str(), |body| body.name.ja_or_en());
    identity(
        secret,
        &["body", source.as_str(), name],
        name,
        "organization",
        &[],
    )
}

/// Whom a rendition names: as the rule's attribution says, and never the source itself.
fn unnamed(
    secret: &Secret,
    directory: &Directory,
    origin: &Origin,
    attribution: Attribution,
) -> Value {
    let source = origin.operator.as_ref().unwrap_or(&origin.submitter);
    let sectors = sectors_of(directory, &origin.ceptoar);
    match attribution {
        // `name_ok` lets the identified form name the body; the anonymised form never carries the
        // source's identity, so there it is a pseudonym (the stricter of the two sentences).
        Attribution::NameOk | Attribution::Pseudonym => {
            let tag = secret
                .uuid("pseudonym", &[source.as_str()])
                .simple()
                .to_string();
            let name = format!("Source {}", tag.get(..8).unwrap_or("unnamed"));
            identity(
                secret,
                &["pseudonym", source.as_str()],
                &name,
                "unspecified",
                &[],
            )
        }
        Attribution::SectorOnly => {
            let name = directory
                .file()
                .sectors
                .iter()
                .find(|sector| sectors.first() == Some(&sector.code.as_str()))
                .map_or("A sector of the council", |sector| {
                    Localised::en_or_ja(&sector.name)
                });
            let label = sectors.join(" ");
            identity(secret, &["sector", &label], name, "class", &sectors)
        }
        Attribution::Withheld => withheld_creator(secret),
    }
}

/// The hub itself, which stands in where nobody is named.
pub fn withheld_creator(secret: &Secret) -> Value {
    let name = "Sekisho hub (source withheld)";
    identity(secret, &["hub"], name, "system", &[])
}

fn identity(secret: &Secret, parts: &[&str], name: &str, class: &str, sectors: &[&str]) -> Value {
    let mut object = json!({
        "type": "identity",
        "spec_version": "2.1",
        "id": secret.stix_id("identity", "identity", parts),
        "created": MADE,
        "modified": MADE,
        "name": name,
        "identity_class": class,
    });
    if let (Some(members), false) = (object.as_object_mut(), sectors.is_empty()) {
        members.insert("sectors".to_owned(), json!(sectors));
    }
    object
}

//! The anonymised rendition of a posted STIX object: a new object that never carries the source's
//! identity. Ids are minted by the caller's keyed function, the same for the same original, and
//! every reference follows. Observables keep their deterministic id while what makes it is
//! unchanged. Who gets a rendition is decided elsewhere.

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::HashMap;

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde_json::{Map, Value};

use super::id::{self, Class, StixId};
use super::marking;
use super::shape;
use super::strip::Strip;
use super::timestamp;
use super::validate::validate;

/// What a rendition is made with.
pub struct RenditionContext<'a> {
    /// Mints the id of a rendition: keyed, of the same type, the same for the same original.
    pub mint: &'a dyn Fn(&StixId) -> StixId,
    /// The id under which an observable *outside* the batch is rendered, where the hub knows it to
    /// differ from its own; `None` leaves a UUIDv5 id as it is and mints any other.
    pub observable: &'a dyn Fn(&StixId) -> Option<StixId>,
    /// Id of the identity named as creator, or nobody.
    pub creator: Option<String>,
    /// When the rendition was first made; the same for all its versions.
    pub created: &'a str,
    /// The version of the rendition.
    pub modified: &'a str,
    /// The new version of what a language-content translates, if that is outside the batch.
    pub target_modified: Option<&'a str>,
    /// The markings the rendition carries instead of the source's.
    pub marking_refs: &'a [String],
    /// Texts to find in every string, and what stands in their place.
    pub strip: &'a [(String, String)],
}

/// Public catalogues: a reference to one of them does not point back at the source.
const CATALOGUES: [&str; 3] = ["cve", "capec", "mitre-attack"];

/// How far one observable's id may depend on another's before it is minted instead.
const CHAIN_MAX: usize = 16;

/// Renders one object; `None` if it is not rendered at all: an identity, a translation of one,
/// content that cannot be told apart from the source or is broken without it, or no STIX Object.
#[must_use]
pub fn anonymise(object: &Value, ctx: &RenditionContext<'_>) -> Option<Value> {
    anonymise_batch(std::slice::from_ref(object), ctx)
        .pop()
        .flatten()
}

/// Renders objects together, so that a reference to an observable that changed follows it; one
/// answer for each object, in order, as [`anonymise`] gives it.
#[must_use]
pub fn anonymise_batch(objects: &[Value], ctx: &RenditionContext<'_>) -> Vec<Option<Value>> {
    let renderer = Renderer::new(objects, ctx);
    objects
        .iter()
        .map(|object| renderer.object(object))
        .collect()
}

/// A text without what `strip` names, each replaced by what stands beside it.
#[must_use]
pub fn stripped(text: &str, strip: &[(String, String)]) -> String {
    Strip::new(strip).apply(text).into_owned()
}

/// The canonical bytes of an object (RFC 8785): equal exactly where the content is equal.
///
/// ```
/// # use serde_json::json;
/// use sekisho::stix::rendition::canonical;
/// assert_eq!(canonical(&json!({"b": 1.0, "a": "é"})), "{\"a\":\"é\",\"b\":1}".as_bytes());
/// ```
#[must_use]
pub fn canonical(object: &Value) -> Vec<u8> {
    // It fails on numbers that are not finite only, and a `Value` holds none.
    serde_json_canonicalizer::to_vec(object).unwrap_or_else(|_| object.to_string().into_bytes())
}

struct Renderer<'a> {
    ctx: &'a RenditionContext<'a>,
    strip: Strip<'a>,
    /// The objects of the batch by id; also observables inside a deprecated `objects`.
    batch: HashMap<&'a str, &'a Value>,
    renamed: RefCell<HashMap<String, StixId>>,
}

impl<'a> Renderer<'a> {
    fn new(objects: &'a [Value], ctx: &'a RenditionContext<'a>) -> Self {
        let inner = objects
            .iter()
            .filter_map(|object| object.get("objects").and_then(Value::as_object))
            .flat_map(Map::values);
        let batch = objects
            .iter()
            .chain(inner)
            .filter_map(|object| Some((object.get("id")?.as_str()?, object)))
            .collect();
        Self {
            ctx,
            strip: Strip::new(ctx.strip),
            batch,
            renamed: RefCell::default(),
        }
    }

    fn object(&self, object: &Value) -> Option<Value> {
        let members = object.as_object()?;
        let object_type = members.get("type")?.as_str()?;
        let id = StixId::parse(members.get("id")?.as_str()?)?;
        // The hub's own copy: the posted body is never believed.
        if marking::is_published(&id) {
            return marking::published(id.as_str());
        }
        let target = members.get("object_ref").and_then(Value::as_str);
        let about_identity = target.is_some_and(|id| id.starts_with("identity--"));
        let unowned = object_type == "extension-definition" && self.ctx.creator.is_none();
        if object_type == "identity" || object_type == "bundle" || unowned {
            return None;
        }
        if object_type == "language-content" && about_identity {
            return None;
        }
        let class = id::class(object_type);
        if class == Class::Custom && self.strip.finds(object_type) {
            return None;
        }
        let mut out = Map::new();
        out.insert("type".to_owned(), Value::from(object_type));
        if members.contains_key("spec_version") {
            // What the hub writes is of this version, whatever was claimed (STIX 3.2).
            out.insert("spec_version".to_owned(), Value::from("2.1"));
        }
        out.insert("id".to_owned(), Value::String(self.rename(&id, 0).into()));
        self.provenance(members, class, object_type, &mut out);
        for (name, value) in members {
            let rendered = match name.as_str() {
                "type" | "spec_version" | "id" | "created_by_ref" => continue,
                "object_marking_refs" | "granular_markings" => continue,
                // A custom observable may have meant something else by these names.
                "created" | "modified" if class != Class::Sco => continue,
                // Notes and opinions name people of the source.
                "authors" if class == Class::Sdo => continue,
                "external_references" => self.references(value),
                "object_modified" if object_type == "language-content" => self.target(target),
                _ => self.member(name, value, 0).map(|(_, value)| value),
            };
            if let Some(rendered) = rendered {
                out.insert(name.clone(), rendered);
            }
        }
        if object_type == "artifact" && !out.contains_key("payload_bin") && !out.contains_key("url")
        {
            return None;
        }
        if !self.ctx.marking_refs.is_empty() {
            let refs = self
                .ctx
                .marking_refs
                .iter()
                .cloned()
                .map(Value::String)
                .collect();
            out.insert("object_marking_refs".to_owned(), Value::Array(refs));
        }
        self.fit(object, class, out)
    }

    /// What was valid stays so: a replacement may break the form of an address, or the grammar of a
    /// pattern outside its quotations. An address that is none any more says so (STIX §3.2
    /// `defanged`); whatever else is broken is not rendered.
    fn fit(&self, object: &Value, class: Class, out: Map<String, Value>) -> Option<Value> {
        let mut out = Value::Object(out);
        if self.strip.is_empty() || validate(&out).is_ok() || validate(object).is_err() {
            return Some(out);
        }
        if class != Class::Sco {
            return None;
        }
        let members = out.as_object_mut()?;
        members.insert("defanged".to_owned(), Value::Bool(true));
        validate(&out).is_ok().then_some(out)
    }

    /// Writes creator and times where the type has them.
    fn provenance(
        &self,
        members: &Map<String, Value>,
        class: Class,
        object_type: &str,
        out: &mut Map<String, Value>,
    ) {
        let defined = !matches!(class, Class::Sco | Class::Custom);
        let has = |name: &str| class == Class::Custom && members.contains_key(name);
        let mut put = |name: &str, value: &str| {
            out.insert(name.to_owned(), Value::String(value.to_owned()));
        };
        if let Some(creator) = &self.ctx.creator
            && (defined || has("created"))
        {
            put("created_by_ref", creator);
        }
        if defined || has("created") {
            put("created", self.ctx.created);
        }
        // Marking definitions have no versions (STIX §7.2.1).
        if (defined && object_type != "marking-definition") || has("modified") {
            put("modified", self.ctx.modified);
        }
    }

    /// The version of a translation's target; left out where it is not known, which STIX reads as
    /// the latest.
    fn target(&self, target: Option<&str>) -> Option<Value> {
        let here = target.is_some_and(|id| self.batch.contains_key(id));
        let modified = if here {
            Some(self.ctx.modified)
        } else {
            self.ctx.target_modified
        };
        modified.map(|modified| Value::String(modified.to_owned()))
    }

    fn references(&self, value: &Value) -> Option<Value> {
        let kept: Vec<Value> = value
            .as_array()?
            .iter()
            .filter(|reference| {
                let source = reference.get("source_name").and_then(Value::as_str);
                source.is_some_and(|name| CATALOGUES.contains(&name))
            })
            .map(|reference| {
                // The catalogue's own number says all; a url or a note may point back.
                let members = reference.as_object().into_iter().flatten();
                let kept = members
                    .filter(|(name, _)| matches!(name.as_str(), "source_name" | "external_id"));
                Value::Object(
                    kept.map(|(name, value)| (name.clone(), value.clone()))
                        .collect(),
                )
            })
            .filter(|reference| reference.get("external_id").is_some())
            .collect();
        (!kept.is_empty()).then_some(Value::Array(kept))
    }

    /// Renders a member; `None` drops it.
    fn member(&self, name: &str, value: &Value, chain: usize) -> Option<(String, Value)> {
        if matches!(name, "object_marking_refs" | "granular_markings") {
            return None;
        }
        // A replacement would break the grammar of names, so a telling name goes with its value.
        if self.telling(name) {
            return None;
        }
        if let Value::String(text) = value
            && self.hides(name, text)
        {
            return None;
        }
        let extension = StixId::parse(name).filter(|id| id.object_type() == "extension-definition");
        let name_out =
            extension.map_or_else(|| name.to_owned(), |id| self.rename(&id, chain).into());
        let value_out = self.value(name, value, chain);
        let emptied = value_out.as_object().is_some_and(Map::is_empty) && value != &value_out;
        (!emptied).then_some((name_out, value_out))
    }

    fn value(&self, name: &str, value: &Value, chain: usize) -> Value {
        match value {
            Value::String(text) => Value::String(self.text(name, text, chain).into_owned()),
            Value::Array(items) => Value::Array(
                items
                    .iter()
                    .map(|item| self.value(name, item, chain))
                    .collect(),
            ),
            Value::Object(members) => Value::Object(
                members
                    .iter()
                    .filter_map(|(name, value)| self.member(name, value, chain))
                    .collect(),
            ),
            other => other.clone(),
        }
    }

    /// An identifier is renamed wherever it stands, not only under `_ref` and `_refs`: custom
    /// properties name ids as they like.
    fn text<'t>(&self, name: &str, text: &'t str, chain: usize) -> Cow<'t, str> {
        if let Some(id) = StixId::parse(text) {
            return Cow::Owned(self.rename(&id, chain).into());
        }
        if text.contains("--") {
            let renamed = self.embedded(text, chain);
            if renamed != text {
                return Cow::Owned(self.stripped(name, &renamed).into_owned());
            }
        }
        self.stripped(name, text)
    }

    fn stripped<'t>(&self, name: &str, text: &'t str) -> Cow<'t, str> {
        if name != "pattern" {
            let stripped = self.strip.apply(text);
            return match (&stripped, name) {
                (Cow::Borrowed(_), _) => stripped,
                (_, "relationship_type") => Cow::Borrowed("related-to"),
                // A word of a closed list names nobody, whatever letters it shares with a name.
                _ if shape::is_word(name, text) || timestamp::is_stix(text) => Cow::Borrowed(text),
                _ => stripped,
            };
        }
        // Patterns quote their strings: a replacement must not end the quotation.
        self.strip.apply_with(text, |replacement, out| {
            for char in replacement.chars() {
                if matches!(char, '\'' | '\\') {
                    out.push('\\');
                }
                out.push(char);
            }
        })
    }

    /// Renames the ids that stand inside a longer text.
    fn embedded(&self, text: &str, chain: usize) -> String {
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(at) = rest.find("--") {
            let (before, after) = rest.split_at(at);
            let of = before
                .rfind(|char: char| {
                    !(char.is_ascii_lowercase() || char.is_ascii_digit() || char == '-')
                })
                .map_or(before, |last| {
                    let start = last
                        + before
                            .get(last..)
                            .and_then(|tail| tail.chars().next())
                            .map_or(1, char::len_utf8);
                    before.get(start..).unwrap_or_default()
                });
            let found = after
                .get(2..38)
                .and_then(|uuid| StixId::parse(&format!("{of}--{uuid}")));
            match found {
                Some(id) => {
                    out.push_str(before.strip_suffix(of).unwrap_or(before));
                    out.push_str(self.rename(&id, chain).as_str());
                    rest = after.get(38..).unwrap_or_default();
                }
                None => {
                    out.push_str(before);
                    out.push_str("--");
                    rest = after.get(2..).unwrap_or_default();
                }
            }
        }
        out.push_str(rest);
        out
    }

    /// Tells whether a name that is not the standard's holds a text to strip.
    fn telling(&self, name: &str) -> bool {
        self.strip.finds(name) && !shape::is_standard_name(name)
    }

    /// Tells whether encoded bytes hold a text to strip, or cannot be read to find out.
    fn hides(&self, name: &str, text: &str) -> bool {
        if self.strip.is_empty() {
            return false;
        }
        let bytes = match name.rsplit_once('_') {
            Some((_, "bin")) => loose_base64(text),
            Some((_, "hex")) => hex(text),
            _ => return false,
        };
        bytes.is_none_or(|bytes| self.strip.finds(&String::from_utf8_lossy(&bytes)))
    }

    /// The id that stands for `id` in renditions.
    fn rename(&self, id: &StixId, chain: usize) -> StixId {
        if let Some(known) = self.renamed.borrow().get(id.as_str()) {
            return known.clone();
        }
        let here = self.batch.get(id.as_str()).copied();
        let new = match (id.class(), here) {
            _ if marking::is_published(id) => id.clone(),
            (Class::Sco, Some(object)) => self.observable(id, object, chain),
            (Class::Sco, None) => self.outside(id),
            // The key of a published extension is how readers understand it.
            (Class::Meta, None) if id.object_type() == "extension-definition" => {
                (self.ctx.observable)(id).unwrap_or_else(|| id.clone())
            }
            (Class::Custom, _) if self.strip.finds(id.object_type()) => {
                let minted = (self.ctx.mint)(id);
                StixId::new("x-removed", minted.uuid()).unwrap_or(minted)
            }
            _ => (self.ctx.mint)(id),
        };
        let mut renamed = self.renamed.borrow_mut();
        renamed.entry(id.to_string()).or_insert(new).clone()
    }

    fn outside(&self, id: &StixId) -> StixId {
        let known = (self.ctx.observable)(id);
        known.unwrap_or_else(|| match id.uuid().get_version_num() {
            5 => id.clone(),
            _ => (self.ctx.mint)(id),
        })
    }

    /// Keeps, computes or mints the id of an observable of the batch. A random id is an act of the
    /// source and traceable to it, so it is minted like any other.
    fn observable(&self, id: &StixId, object: &Value, chain: usize) -> StixId {
        let minted = || (self.ctx.mint)(id);
        let content = id::contributing_content(object);
        let (5, Some(content)) = (id.uuid().get_version_num(), content) else {
            return minted();
        };
        if chain >= CHAIN_MAX {
            return minted();
        }
        // Recursion ends: a chain or a circle of observables is cut at CHAIN_MAX.
        let rendered = self.value("", &content, chain + 1);
        if rendered == content {
            return id.clone();
        }
        let filled = rendered
            .as_object()
            .is_some_and(|members| !members.is_empty());
        let computed = filled
            .then(|| id::id_of_content(id.object_type(), &rendered))
            .flatten();
        computed.unwrap_or_else(minted)
    }
}

fn loose_base64(text: &str) -> Option<Vec<u8>> {
    const LOOSE: GeneralPurposeConfig = GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent);
    GeneralPurpose::new(&STANDARD, LOOSE).decode(text).ok()
}

fn hex(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> = text
        .chars()
        .map(|char| char.to_digit(16).and_then(|digit| u8::try_from(digit).ok()))
        .collect();
    let digits = digits?;
    let pairs = digits.chunks_exact(2);
    if !pairs.remainder().is_empty() {
        return None;
    }
    Some(
        pairs
            .map(|pair| pair.iter().fold(0, |sum, digit| sum * 16 + digit))
            .collect(),
    )
}

#[cfg(test)]
mod tests;

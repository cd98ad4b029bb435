//! What the fuzz targets share: a mutator that changes JSON as JSON, and what a rendition is made
//! with. It asserts nothing; that is each target's business.

mod mutate;

use std::sync::LazyLock;

use sekisho::exchange::secret::Secret;
use sekisho::stix::StixId;
use sekisho::stix::rendition::{RenditionContext, anonymise_batch};
use serde_json::Value;

pub use mutate::mutate_json;

/// Stands for the source's name: no word of the standard holds it.
pub const NAME: &str = "zqxacme";

/// The secret of the hub that is fuzzed.
pub static SECRET: LazyLock<Secret> = LazyLock::new(|| Secret::new(&[7; 32]));

/// Renders objects together as the hub does; with `strip`, [`NAME`] goes from every text.
pub fn render(objects: &[Value], strip: bool) -> Vec<Option<Value>> {
    let pairs = [
        (NAME.to_owned(), "[removed]".to_owned()),
        (format!("{NAME}.example"), "it's \\ [removed]".to_owned()),
    ];
    let context = RenditionContext {
        mint: &|id: &StixId| SECRET.rendition_id("owner", id),
        observable: &|_| None,
        creator: Some("identity--11111111-1111-4111-8111-111111111111".to_owned()),
        created: "2026-11-20T00:00:00.000Z",
        modified: "2026-11-21T00:00:00.000Z",
        target_modified: Some("2026-11-21T00:00:00.000Z"),
        marking_refs: &["marking-definition--55d920b0-5e8b-4f79-9ee9-91f868d9b421".to_owned()],
        strip: if strip { &pairs } else { &[] },
    };
    anonymise_batch(objects, &context)
}

/// Every string of a value with the names of its members, in order.
pub fn strings<'a>(value: &'a Value, out: &mut Vec<&'a str>) {
    match value {
        Value::String(text) => out.push(text),
        Value::Array(items) => items.iter().for_each(|item| strings(item, out)),
        Value::Object(members) => {
            for (name, member) in members {
                out.push(name);
                strings(member, out);
            }
        }
        _ => {}
    }
}

/// The selectors of an object's granular markings.
pub fn selectors(object: &Value) -> Vec<&str> {
    let list = object.get("granular_markings").and_then(Value::as_array);
    let parts = list.into_iter().flatten();
    parts
        .filter_map(|part| part.get("selectors")?.as_array())
        .flatten()
        .filter_map(Value::as_str)
        .collect()
}

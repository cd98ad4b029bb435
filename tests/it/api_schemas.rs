//! What the REST API says of itself, compared with what it does: its description and its schemas.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test stops at its first surprise"
)]

use std::collections::BTreeSet;

use reqwest::Method;
use sekisho::http::api;
use serde_json::{Value, json};

use super::api_smoke::{Served, expect, file};

#[tokio::test]
async fn the_description_lists_every_route_and_no_other() {
    let hub = Served::start().await;
    let document = expect(hub.request(Method::GET, "/openapi.json"), 200).await;
    let mut described = BTreeSet::new();
    for (path, operations) in document["paths"].as_object().unwrap() {
        for method in operations.as_object().unwrap().keys() {
            described.insert((method.to_uppercase(), path.clone()));
        }
    }
    let routed: BTreeSet<_> = api::ROUTES
        .iter()
        .map(|(method, path)| ((*method).to_owned(), (*path).to_owned()))
        .collect();
    assert_eq!(described, routed);
    // Each is there: without credentials it is closed, which nothing unrouted is.
    for (method, path) in &routed {
        let method: Method = method.parse().unwrap();
        let response = hub
            .request(method, &path.replace("{id}", "x"))
            .send()
            .await
            .unwrap();
        let expected: &[u16] = if path.starts_with("/v1") {
            &[401]
        } else {
            &[200, 400]
        };
        assert!(expected.contains(&response.status().as_u16()), "{path}");
    }
    let text = document.to_string();
    for (at, _) in text.match_indices("\"#/") {
        let pointer = text[at + 2..].split('"').next().unwrap();
        assert!(
            document.pointer(pointer).is_some(),
            "{pointer} leads nowhere"
        );
    }
}

#[test]
fn the_demo_council_is_of_the_published_schema_and_a_dangling_member_is_not() {
    let schema: Value = serde_json::from_str(&file("schemas/council.schema.json")).unwrap();
    let validator = jsonschema::options()
        .should_validate_formats(true)
        .build(&schema)
        .unwrap();
    let council: toml::Value = toml::from_str(&file("demo/council.toml")).unwrap();
    let council = serde_json::to_value(council).unwrap();
    let faults: Vec<String> = validator
        .iter_errors(&council)
        .map(|error| error.to_string())
        .collect();
    assert!(faults.is_empty(), "{faults:?}");
    for (pointer, bad) in [
        ("/bodies/0/kind", json!("club")),
        ("/bodies/0/surprise", json!(1)),
        ("/schemes/0/levels/0/tlp", json!("WHITE")),
        (
            "/schemes/0/levels/0/audience/observers",
            json!({"depth": "poc"}),
        ),
        ("/principals/0/roles", json!("poc")),
    ] {
        let mut broken = council.clone();
        let (parent, member) = pointer.rsplit_once('/').unwrap();
        broken.pointer_mut(parent).unwrap()[member] = bad;
        assert!(!validator.is_valid(&broken), "{pointer}");
        // What the schema refuses, the hub refuses too.
        let text = toml::to_string(&broken).unwrap();
        assert!(
            sekisho::council::CouncilFile::parse(&text).is_err(),
            "{pointer}"
        );
    }
}

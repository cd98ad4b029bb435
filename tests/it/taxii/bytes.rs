//! What comes out is what came in, byte for byte; and one object of two sources is one object to a
//! reader of both and tells a reader of one nothing.

use serde_json::{Value, json};

use super::{CLEAR, POSTER, READER, RED, Site, domain, exchange, indicator_id, marked};
use crate::harness::both;

/// Numbers as nobody writes them back, keys in no order, unknown properties, Japanese, escapes.
fn odd(marking: &str) -> String {
    format!(
        "{{ \"x_numbers\": [1.0, 1e5, 1E+2, -0, 0.10, 9007199254740991],\t\"pattern_type\":\"stix\",\n\
         \"name\":\"\\u6771\\u4eac 東京の\\/ビーコン 😀 \\ud83d\\ude00\", \"type\":\"indicator\",\"zzz\":{{\"b\":1,\"a\":2}},\
         \"pattern\":\"[domain-name:value = 'x.evil.example']\" , \"spec_version\" : \"2.1\",\
         \"object_marking_refs\":[\"{marking}\"],\"id\":\"{}\",\"modified\":\"2026-01-02T03:04:05.6780Z\",\
         \"created\":\"2026-01-02T03:04:05.678Z\",\"valid_from\":\"2026-01-02T03:04:05Z\" }}",
        indicator_id(77)
    )
}

both! {
    the_bytes_of_the_source_are_the_bytes_of_every_reader_as_submitted => |hub| {
        let site = Site::over(hub);
        let object = odd(CLEAR);
        let answer = site.send(POSTER, &format!(" {{ \"objects\" : [ {object} ] }} ")).await;
        assert_eq!(answer.json()["failure_count"], 0, "{answer:?}");
        for (who, path) in [
            (POSTER, exchange(&format!("objects/{}/", indicator_id(77)))),
            ("ict-analyst", exchange("objects/?match[type]=indicator")),
            ("ict-op1-feed", "/taxii2/council/collections/exchange/objects?match[version]=all".to_owned()),
        ] {
            let page = site.get(who, &path).await;
            assert!(page.text.contains(&object), "{who}: {}", page.text);
        }
        let version = site.get(POSTER, &exchange(&format!("objects/{}/versions/", indicator_id(77)))).await;
        assert_eq!(version.ok()["versions"], json!(["2026-01-02T03:04:05.6780Z"]));
    }

    an_observable_of_two_sources_is_one_to_a_reader_of_both_and_alone_to_a_reader_of_one => |hub| {
        let site = Site::over(hub);
        let shared = domain("shared.evil.example");
        let both_see = marked(shared.clone(), CLEAR);
        let path = exchange("objects/?match[type]=domain-name");
        // A hub where only the first was posted, to compare with.
        let alone = Site::over(site.hub.fresh_with_secret(&[7; 32]).await);
        let with = Site::over(site.hub.fresh_with_secret(&[7; 32]).await);
        for hub in [&alone, &with] {
            hub.post(POSTER, std::slice::from_ref(&both_see)).await;
        }
        with.post("finance-taxii", &[marked(shared.clone(), RED)]).await;
        alone.hub.advance(chrono::TimeDelta::seconds(1));
        // A reader of the first alone: the same bytes, whether the second is there or not.
        for who in [READER, POSTER, "ict-analyst"] {
            for path in [path.clone(), exchange("manifest/"), exchange(&format!("objects/{}/", shared["id"].as_str().unwrap()))] {
                let (a, b) = (alone.get(who, &path).await, with.get(who, &path).await);
                assert_eq!((a.status, &a.text, a.last()), (b.status, &b.text, b.last()), "{who} {path}");
            }
        }
        // The same content twice is one object to a reader of both.
        site.post(POSTER, std::slice::from_ref(&both_see)).await;
        site.post("finance-taxii", &[both_see]).await;
        site.hub.approve(shared["id"].as_str().unwrap()).await;
        for who in [READER, POSTER, "finance-taxii"] {
            let page = site.get(who, &path).await.ok();
            let originals: Vec<&Value> = page["objects"].as_array().unwrap().iter().filter(|o| o["id"] == shared["id"]).collect();
            assert_eq!(originals.len(), 1, "{who}: {page}");
        }
        let manifest = site.get(READER, &exchange("manifest/?match[version]=all")).await;
        let mut ids: Vec<(String, String)> = manifest.ok()["objects"].as_array().unwrap().iter()
            .map(|record| (record["id"].to_string(), record["version"].to_string())).collect();
        let count = ids.len();
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), count, "never one id and version twice");
    }
}

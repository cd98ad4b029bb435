//! Each client as it really asks: its headers, its paths, its way through the pages, its mistakes.
//! What it must get is everything, once, and an end.

use std::collections::BTreeMap;

use axum::body::Body;
use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::{
    Answer, EXCHANGE, POSTER, READER, Site, TAXII, domain, exchange, ids, indicator, indicator_id,
};
use crate::harness::{TestHub, both, without_cases};

/// A reader that is a service.
const SERVICE: &str = "aviation-taxii";
const BUNDLE: &str = "bundle--6f0d3b8e-4c52-4e19-9a7d-0b2f5c8e1d00";

async fn get(site: &Site, path: &str, headers: &[(&str, &str)]) -> Answer {
    let answer = site.bare("GET", path, headers, Body::empty()).await;
    assert!(!(300..400).contains(&answer.status), "nothing redirects");
    answer
}

async fn whole(site: &Site, who: &str) -> Vec<String> {
    site.get(who, &exchange("objects/")).await.ids()
}

async fn lenient(site: &Site) {
    let mut file: toml::Table = toml::from_str(&without_cases(sekisho::demo::COUNCIL)).unwrap();
    let list = file["principals"].as_array_mut().unwrap();
    let one = list
        .iter_mut()
        .find(|one| one["id"].as_str() == Some(SERVICE))
        .unwrap();
    one.as_table_mut()
        .unwrap()
        .insert("taxii".to_owned(), "lenient".into());
    site.hub
        .exchange
        .apply_council(&toml::to_string(&file).unwrap())
        .await
        .unwrap();
}

/// What taxii2-client demands of every answer.
fn taxii2_client_takes(answer: &Answer) {
    let mut tokens: Vec<&str> = answer
        .header("content-type")
        .split(';')
        .map(str::trim)
        .collect();
    tokens.sort_unstable();
    assert_eq!(tokens, ["application/taxii+json", "version=2.1"]);
}

/// Runs the real taxii2-client where `TEST_PYTHON` names a Python that has it.
async fn real(url: &str, who: &str, key: &str, arguments: &[&str]) -> Option<Value> {
    let python = std::env::var("TEST_PYTHON").ok()?;
    let mut command = std::process::Command::new(python);
    command.arg(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/taxii_client.py"
    ));
    command
        .args([&format!("{url}/taxii2/"), who, key])
        .args(arguments);
    let output = tokio::task::spawn_blocking(move || command.output())
        .await
        .unwrap()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {errors}");
    Some(serde_json::from_slice(&output.stdout).unwrap())
}

both! {
    taxii2_client_2_3_0_itself_posts_polls_and_deletes => |hub| {
        let site = Site::over(hub);
        let url = site.hub.serve().await;
        let (poster, reader) = (site.key(POSTER).await, site.key(READER).await);
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("envelope.json");
        std::fs::write(&file, json!({"objects": [indicator(1), indicator(2), indicator(3)]}).to_string()).unwrap();
        let Some(status) = real(&url, POSTER, &poster, &["post", file.to_str().unwrap()]).await else { return };
        assert_eq!(status["success_count"], 3);
        let wanted = whole(&site, READER).await;
        for limit in ["1", "2", "100"] {
            for what in ["poll", "manifest"] {
                let got = real(&url, READER, &reader, &[what, "--limit", limit]).await.unwrap();
                assert_eq!(ids(&json!({"objects": got})), wanted, "{what} {limit}");
            }
        }
        real(&url, POSTER, &poster, &["delete", &indicator_id(2)]).await.unwrap();
        assert_eq!(whole(&site, POSTER).await.iter().filter(|id| **id == indicator_id(2)).count(), 0);
        let boxes = real(&url, POSTER, &poster, &["post", file.to_str().unwrap(), "--collection", "drop box"]).await.unwrap();
        assert_eq!(boxes["success_count"], 3);
    }

    taxii2_client_changes_its_limit_to_the_count_it_got => |hub| {
        let site = Site::over(hub);
        site.seed().await;
        let token = format!("Token {}", site.key(READER).await);
        let headers = [("authorization", token.as_str()), ("accept", TAXII), ("user-agent", "taxii2-client/2.3.0")];
        for path in ["/taxii2/", "/taxii2/council/", "/taxii2/council/collections/", &exchange("")] {
            taxii2_client_takes(&get(&site, path, &headers).await);
        }
        let mut got = Vec::new();
        let mut query = "limit=3&match[type]=indicator,marking-definition,identity".to_owned();
        for _ in 0..9 {
            let page = get(&site, &exchange(&format!("objects/?{query}")), &headers).await;
            taxii2_client_takes(&page);
            let page = page.ok();
            got.extend(ids(&page));
            let Some(next) = page["next"].as_str() else { break };
            query = format!("limit={}&next={next}&match[type]=indicator,marking-definition,identity", ids(&page).len().min(2));
        }
        assert_eq!(got, whole(&site, READER).await);
    }

    opencti_connector_finds_by_title_and_keeps_a_stale_cursor => |hub| {
        let site = Site::over(hub);
        site.seed().await;
        let root = site.get(READER, "/taxii2/council/").await.ok();
        let list = site.get(READER, "/taxii2/council/collections/").await.ok();
        let name = format!("{}.{}", root["title"].as_str().unwrap(), "Exchange");
        let (title, collection) = name.split_once('.').unwrap();
        assert_eq!((title, collection.contains('.')), (root["title"].as_str().unwrap(), false));
        let found = list["collections"].as_array().unwrap().iter().filter(|c| c["title"] == collection).count();
        assert_eq!(found, 1);
        let mut titles = BTreeMap::new();
        for path in ["/taxii2/council/collections/", "/taxii2/public/collections/"] {
            for collection in site.get(READER, path).await.ok()["collections"].as_array().unwrap() {
                *titles.entry(collection["title"].to_string()).or_insert(0) += 1;
            }
        }
        assert!(titles.values().all(|count| *count == 1), "{titles:?}");
        let page = site.get(READER, &exchange("objects/?limit=1")).await.ok();
        assert_eq!(page["objects"][0]["spec_version"], "2.1");
        let next = page["next"].as_str().unwrap();
        // The next run, and the next collection, send the cursor of the last one.
        let stale = format!("objects/?next={next}&added_after=2026-01-01T00:00:00Z");
        assert_eq!(site.get(READER, &exchange(&stale)).await.ids(), whole(&site, READER).await[1..]);
        let other = exchange(&stale).replace(EXCHANGE, "incidents");
        site.get(READER, &other).await.ok();
    }

    opencti_ingester_moves_its_state_by_the_header_cut_to_milliseconds => |hub| {
        let site = Site::over(hub);
        lenient(&site).await;
        let login = format!("Bearer {}", site.key(SERVICE).await);
        let headers = [("authorization", login.as_str()), ("accept", "application/taxii+json;version=2.1")];
        let path = exchange("objects/");
        let (mut after, mut next, mut got): (Option<String>, Option<String>, Vec<String>) = (None, None, Vec::new());
        for round in 0..40_u32 {
            if round % 8 == 0 && round < 24 {
                let many: Vec<Value> = (0..4).map(|n| indicator(10 * round + n)).collect();
                site.post(POSTER, &many).await;
            }
            let mut query = vec!["limit=2".to_owned()];
            query.extend(after.iter().map(|after| format!("added_after={after}")));
            query.extend(next.iter().map(|next| format!("next={next}")));
            let page = get(&site, &format!("{path}?{}", query.join("&")), &headers).await;
            let body = page.ok();
            let objects = body["objects"].as_array().expect("it reads `objects` always");
            if objects.is_empty() {
                assert_eq!(body["more"], false, "with nothing and more to come it would stand still");
                continue; // it does not move its state
            }
            got.extend(ids(&body));
            next = body["next"].as_str().map(str::to_owned);
            if next.is_none() {
                let last: DateTime<Utc> = page.last().parse().unwrap();
                after = Some(last.format("%Y-%m-%dT%H:%M:%S%.3fZ").to_string());
            }
        }
        assert_eq!(got, whole(&site, SERVICE).await, "everything once, though the mark is cut");
    }

    opencti_pushes_bundles_of_one_as_stix_and_may_have_taken_the_markings_off => |hub| {
        let site = Site::over(hub);
        let login = format!("Bearer {}", site.key("finance-taxii").await);
        let headers = [
            ("authorization", login.as_str()), ("accept", "application/taxii+json; version=2.1"),
            ("content-type", "application/stix+json; version=2.1"),
        ];
        let bundle = json!({"id": BUNDLE, "spec_version": "2.1", "type": "bundle", "objects": [indicator(1)]});
        let answer = site.bare("POST", &exchange("objects/"), &headers, Body::from(bundle.to_string())).await;
        assert_eq!((answer.status, &answer.json()["success_count"]), (202, &json!(1)), "{answer:?}");
        assert_eq!(answer.json()["pending_count"], 0, "a hold is no failure");
        assert!(whole(&site, READER).await.is_empty(), "unmarked stays inside until somebody says so");
        assert_eq!(whole(&site, "finance-taxii").await, [indicator_id(1)]);
    }

    misp_pushes_everything_again_through_doubled_slashes => |hub| {
        let site = Site::over(hub);
        let login = site.basic(POSTER).await;
        let headers = [("authorization", login.as_str()), ("accept", TAXII), ("content-type", TAXII), ("user-agent", "MISP-TAXII")];
        let root = get(&site, "/taxii2//council/", &headers).await.ok();
        assert!(root["max_content_length"].as_u64().unwrap() > 0);
        let body = json!({"objects": [indicator(1), domain("a.evil.example")]}).to_string();
        for _ in 0..3 {
            let path = format!("/taxii2//council//collections/{EXCHANGE}/objects/");
            let answer = site.bare("POST", &path, &headers, Body::from(body.clone())).await;
            let status = answer.json();
            assert_eq!((answer.status, &status["success_count"], &status["failure_count"]), (202, &json!(2), &json!(0)));
        }
        let manifest = site.get(POSTER, &exchange("manifest/?match[version]=all&match[type]=indicator,domain-name")).await;
        assert_eq!(manifest.ids().len(), 2, "what is there already is no news");
        let mut broken = indicator(2);
        broken["pattern"] = json!("[");
        let answer = site.bare("POST", &exchange("objects/"), &headers, Body::from(json!({"objects": [broken]}).to_string())).await;
        assert_eq!(answer.json()["failure_count"], 1, "the first status has the failures");
    }

    misp_browses_with_basic_in_lower_case => |hub| {
        let site = Site::over(hub);
        site.seed().await;
        let login = site.basic(READER).await.replace("Basic", "basic");
        let headers = [("authorization", login.as_str()), ("accept", TAXII), ("content-type", TAXII)];
        let wanted = whole(&site, READER).await;
        let (mut got, mut next) = (Vec::new(), String::new());
        loop {
            // The first time `next` is there and empty.
            let page = get(&site, &exchange(&format!("objects/?limit=2&next={next}")), &headers).await.ok();
            assert!(!page["objects"].as_array().unwrap().is_empty());
            got.extend(ids(&page));
            match page["next"].as_str() {
                Some(further) => further.clone_into(&mut next),
                None => break,
            }
        }
        assert_eq!(got, wanted);
    }

    sentinel_has_root_and_collection_typed_by_hand => |hub| {
        let site = Site::over(hub);
        site.seed().await;
        let login = site.basic(READER).await;
        let headers = [("authorization", login.as_str()), ("accept", "application/taxii+json; version=2.1")];
        assert!(uuid::Uuid::parse_str(EXCHANGE).is_ok());
        let mut mark = "2026-01-01T00:00:00.000Z".to_owned();
        let mut got = Vec::new();
        for _ in 0..3 {
            let page = get(&site, &exchange(&format!("objects?added_after={mark}")), &headers).await;
            got.extend(page.ids());
            page.last().clone_into(&mut mark);
        }
        assert_eq!(got, whole(&site, READER).await);
    }

    splunk_posts_a_whole_bundle_as_the_envelope => |hub| {
        let site = Site::over(hub);
        let login = site.basic(POSTER).await;
        let headers = [("authorization", login.as_str()), ("accept", TAXII), ("content-type", TAXII)];
        let collection = get(&site, &exchange(""), &headers).await.ok();
        assert_eq!(collection["can_write"], true, "else it is greyed out");
        let green = "marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb";
        let grouping = json!({
            "type": "grouping", "spec_version": "2.1", "id": "grouping--6f0d3b8e-4c52-4e19-9a7d-0b2f5c8e1d01",
            "created": "2026-01-02T00:00:00.000Z", "modified": "2026-01-02T00:00:00.000Z", "context": "unspecified",
            "object_refs": [indicator_id(1)], "object_marking_refs": [green],
        });
        let marking: Value = serde_json::from_str(&format!(
            "{{\"type\":\"marking-definition\",\"spec_version\":\"2.1\",\"id\":\"{green}\",\"created\":\"2022-10-01T00:00:00.000Z\",\
             \"name\":\"TLP:GREEN\",\"extensions\":{{\"extension-definition--60a3c5c5-0d10-413e-aab3-9e08dde9e88d\":\
             {{\"extension_type\":\"property-extension\",\"tlp_2_0\":\"green\"}}}}}}")).unwrap();
        let bundle = json!({"type": "bundle", "id": BUNDLE, "objects": [grouping, super::marked(indicator(1), green), marking]});
        let answer = site.bare("POST", &exchange("objects/"), &headers, Body::from(bundle.to_string())).await;
        let status = answer.json();
        assert_eq!((answer.status, &status["success_count"], &status["status"]), (202, &json!(3), &json!("complete")), "{status}");
        let path = format!("/taxii2/council/status/{}/", status["id"].as_str().unwrap());
        assert_eq!(get(&site, &path, &headers).await.ok(), status, "it waits for the status");
    }

    elastic_follows_next_alone_and_drops_its_filters => |hub| {
        let site = Site::over(hub);
        let login = format!("Bearer {}", site.key(READER).await);
        let headers = [("authorization", login.as_str()), ("accept", "application/taxii+json;version=2.1")];
        // It starts from a mark, and later pages have the cursor and nothing else.
        site.post(POSTER, &[indicator(9)]).await;
        let mark = site.get(READER, &exchange("objects/")).await.last().to_owned();
        site.seed().await;
        let base = exchange("objects");
        let mut url = format!("{base}?added_after={mark}&limit=1&match[type]=indicator");
        let mut got = Vec::new();
        loop {
            let page = get(&site, &url, &headers).await;
            assert!(!page.last().is_empty());
            let page = page.ok();
            got.extend(ids(&page));
            let Some(next) = page["next"].as_str() else { break };
            url = format!("{base}/?next={next}");
        }
        assert_eq!(got.len(), 3, "nothing from before the mark, nothing of another type");
        // Another word before the key.
        for word in ["bearer", "Token", "X-API-Key"] {
            let login = format!("{word} {}", site.key(READER).await);
            get(&site, &base, &[("authorization", login.as_str())]).await.ok();
        }
        let key = site.key(READER).await;
        get(&site, &base, &[("x-api-key", key.as_str())]).await.ok();
    }

    elastic_reads_an_empty_list_and_its_mark_where_the_service_is_lenient => |hub| {
        let site = Site::over(hub);
        lenient(&site).await;
        let login = format!("Bearer {}", site.key(SERVICE).await);
        let path = exchange("objects/?added_after=2026-11-22T00:00:00Z");
        let page = get(&site, &path, &[("authorization", login.as_str())]).await;
        assert_eq!(page.text, r#"{"more":false,"objects":[]}"#);
        assert_eq!(page.last(), "2026-11-22T00:00:00.000000Z");
    }

    xsoar_stops_at_the_first_empty_page => |hub| {
        let site = Site::over(hub);
        // Much that it did not ask for lies between.
        for n in 0..4 {
            site.post(POSTER, &[indicator(n)]).await;
            site.post(POSTER, &(0..6).map(|m| domain(&format!("d{n}{m}.evil.example"))).collect::<Vec<_>>()).await;
        }
        let login = format!("Token {}", site.key(READER).await);
        let headers = [("authorization", login.as_str()), ("accept", TAXII)];
        assert_ne!(get(&site, "/taxii2/", &headers).await.status, 406, "it would fall back to 2.0");
        let mut got = Vec::new();
        let mut query = "limit=2&match[type]=indicator,malware".to_owned();
        for _ in 0..20 {
            let page = get(&site, &exchange(&format!("objects/?{query}")), &headers).await.ok();
            if page["objects"].as_array().is_none_or(Vec::is_empty) {
                break;
            }
            got.extend(ids(&page));
            let Some(next) = page["next"].as_str() else { break };
            query = format!("limit=2&match[type]=indicator,malware&next={next}");
        }
        assert_eq!(got.len(), 4);
    }

    eclecticiq_asks_by_alias_and_reads_again_from_a_date => |hub| {
        let site = Site::over(hub);
        site.seed().await;
        let path = "/taxii2/council/collections/exchange/objects/?limit=100&added_after=2026-01-01T00:00:00.000000Z";
        let first = site.get(READER, path).await;
        assert_eq!(first.text, site.get(READER, path).await.text, "the same again, as often as it likes");
        assert_eq!(first.ids(), whole(&site, READER).await);
    }

    sumo_logic_and_servicenow_start_at_the_discovery_address => |hub| {
        let site = Site::over(hub);
        let login = site.basic(READER).await;
        for path in ["/taxii2/", "/taxii2", "//taxii2//"] {
            let discovery = get(&site, path, &[("authorization", login.as_str())]).await.ok();
            assert_eq!(discovery["api_roots"].as_array().unwrap().len(), 2);
        }
    }

    taxii2sharp_asks_for_an_object_in_the_collections_media_type => |hub| {
        let site = Site::over(hub);
        site.seed().await;
        let media = site.get(POSTER, &exchange("")).await.ok()["media_types"][0].as_str().unwrap().to_owned();
        let login = site.basic(POSTER).await;
        let headers = [("authorization", login.as_str()), ("accept", media.as_str()), ("user-agent", "taxii2-client/2.3.0")];
        let page = get(&site, &exchange(&format!("objects/{}/", indicator_id(1))), &headers).await;
        assert_eq!(page.ids(), [indicator_id(1)]);
        // It reads one page: without a limit that is all there is.
        assert!(get(&site, &exchange("objects/"), &headers).await.ok().get("more").is_none());
    }

    cabby_and_other_clients_of_taxii_1_are_told_that_it_is_not_spoken => |hub| {
        let site = Site::over(hub);
        let login = site.basic(READER).await;
        let headers = [
            ("authorization", login.as_str()), ("content-type", "application/xml"), ("accept", "application/xml"),
            ("x-taxii-content-type", "urn:taxii.mitre.org:message:xml:1.1"),
        ];
        site.bare("POST", "/taxii2/", &headers, Body::from("<taxii_11:Discovery_Request/>")).await.refused(405);
        let answer = get(&site, "/taxii2/", &headers).await.refused(406);
        assert!(answer["description"].as_str().unwrap().contains("version=2.1"));
    }

    minemeld_takes_modified_for_the_mark_and_is_answered_each_time => |hub| {
        let site = Site::over(hub);
        site.seed().await;
        let path = exchange("objects/?added_after=2026-01-02T00:00:00.000Z");
        let first = site.get(READER, &path).await;
        for _ in 0..5 {
            assert_eq!(site.get(READER, &path).await.text, first.text);
        }
    }
}

/// The key that a hub gives has no colon, since one client cuts a password there.
#[tokio::test]
async fn a_key_has_no_colon() {
    let hub = TestHub::open(crate::harness::Backend::Sqlite)
        .await
        .unwrap();
    assert!(!hub.key(READER).await.contains(':'));
}

//! The server's mandatory rows of the TAXII 2.1 interoperability document (CSD01, table 52), each
//! under its number. Row 3.1.3, login by certificate, is a proxy's: `docs/taxii.md`.

use serde_json::{Value, json};

use super::{
    Answer, POSTER, READER, RED, Site, TAXII, domain, exchange, indicator, indicator_id, marked,
    version,
};
use crate::harness::both;

const DROPBOX: &str = "/taxii2/council/collections/dropbox/";
const READ_ONLY: &str = "/taxii2/council/collections/incidents/";
const RESOURCE: &[&str] = &["id", "title", "can_read", "can_write"];

/// The rows; each number stands in the name of a test below, or here with the reason.
const ROWS: &str = "3.1.1 3.1.2 3.1.3 3.1.4 3.2.1 3.3.1 3.3.2 3.4.1 3.5.1.1 3.5.1.2 3.5.1.3 3.5.1.4 3.5.2.1 3.5.2.2 \
3.5.2.3 3.5.2.4 3.5.3 3.6.1 3.7.1 3.7.2 3.8.1 3.8.2 3.9.1 3.10.1 3.11.1 3.11.2 3.12.1 3.13.1.1 3.13.1.2 3.13.1.3 \
3.13.1.4 3.13.1.5 3.13.1.6 3.13.1.7 3.13.1.8 3.13.1.9 3.13.1.10 3.14.1 3.15.1";

#[test]
fn all_39_rows_have_a_test() {
    let text = include_str!("interop.rs");
    assert_eq!(ROWS.split(' ').count(), 39);
    for row in ROWS.split(' ').filter(|row| *row != "3.1.3") {
        let name = format!("    row_{}_", row.replace('.', "_"));
        let found = text.lines().any(|line| {
            line.strip_prefix(&name)
                .is_some_and(|rest| rest.starts_with(char::is_alphabetic))
        });
        assert!(found, "row {row}");
    }
}

async fn rights(site: &Site, who: &str, path: &str) -> (Value, Value) {
    let resource = site.get(who, path).await.ok();
    assert!(
        RESOURCE.iter().all(|name| !resource[*name].is_null()),
        "{resource}"
    );
    (resource["can_read"].clone(), resource["can_write"].clone())
}

fn dated(answer: &Answer) {
    answer.ok();
    for name in ["x-taxii-date-added-first", "x-taxii-date-added-last"] {
        assert!(answer.header(name).ends_with('Z'));
    }
}

async fn got(site: &Site, query: &str) -> Vec<String> {
    site.get(POSTER, &exchange(&format!("objects/?{query}")))
        .await
        .ids()
}

both! {
    row_3_1_1_without_login_401_with_challenges => |hub| {
        let answer = Site::over(hub).get("", "/taxii2/council/").await;
        answer.refused(401);
        assert!(answer.header("www-authenticate").matches("realm=").count() >= 2);
    }
    row_3_1_2_with_a_wrong_login_401 => |hub| {
        let login = [("authorization", "Basic dXNlcjp3cm9uZw=="), ("accept", TAXII)];
        let answer = Site::over(hub).bare("GET", "/taxii2/council/", &login, axum::body::Body::empty()).await;
        answer.refused(401);
        assert!(answer.headers.contains_key("www-authenticate"));
    }
    row_3_1_4_basic_logs_in => |hub| {
        Site::over(hub).get(READER, "/taxii2/council/").await.ok();
    }
    row_3_2_1_discovery => |hub| {
        let discovery = Site::over(hub).get(READER, "/taxii2/").await.ok();
        assert!(discovery["title"].is_string() && discovery["api_roots"].is_array());
    }
    row_3_3_1_an_api_root => |hub| {
        let root = Site::over(hub).get(READER, "/taxii2/council/").await.ok();
        assert!(root["versions"].as_array().unwrap().contains(&json!(TAXII)));
    }
    row_3_3_2_a_wrong_api_root_404 => |hub| {
        Site::over(hub).get(READER, "/taxii2/elsewhere/").await.refused(404);
    }
    row_3_4_1_collections_ascend_by_id => |hub| {
        let list = Site::over(hub).get(READER, "/taxii2/council/collections/").await.ok();
        let ids: Vec<&str> = list["collections"].as_array().unwrap().iter().map(|c| c["id"].as_str().unwrap()).collect();
        assert!(ids.len() > 1 && ids.is_sorted());
    }
    row_3_5_1_1_a_write_only_collection => |hub| {
        assert_eq!(rights(&Site::over(hub), POSTER, DROPBOX).await, (json!(false), json!(true)));
    }
    row_3_5_1_2_a_read_write_collection => |hub| {
        assert_eq!(rights(&Site::over(hub), POSTER, &exchange("")).await, (json!(true), json!(true)));
    }
    row_3_5_1_3_a_read_only_collection => |hub| {
        assert_eq!(rights(&Site::over(hub), POSTER, READ_ONLY).await, (json!(true), json!(false)));
    }
    row_3_5_1_4_a_collection_neither_read_nor_written => |hub| {
        assert_eq!(rights(&Site::over(hub), READER, DROPBOX).await, (json!(false), json!(false)));
    }
    row_3_5_2_1_reading_a_write_only_collection_403 => |hub| {
        Site::over(hub).get(POSTER, &format!("{DROPBOX}objects/")).await.refused(403);
    }
    row_3_5_2_2_writing_to_a_read_only_collection_403 => |hub| {
        let headers = [("content-type", TAXII), ("accept", TAXII)];
        let body = json!({"objects": [indicator(1)]}).to_string();
        Site::over(hub).ask(POSTER, "POST", &format!("{READ_ONLY}objects/"), &headers, &body).await.refused(403);
    }
    row_3_5_2_3_deleting_where_one_right_is_missing_403 => |hub| {
        let site = Site::over(hub);
        for collection in [READ_ONLY, DROPBOX] {
            site.delete(POSTER, &format!("{collection}objects/{}/", indicator_id(1))).await.refused(403);
        }
    }
    row_3_5_2_4_deleting_where_both_are_missing_404 => |hub| {
        Site::over(hub).delete(READER, &format!("{DROPBOX}objects/{}/", indicator_id(1))).await.refused(404);
    }
    row_3_5_3_an_unknown_collection_404 => |hub| {
        let site = Site::over(hub);
        for rest in ["", "objects/", "manifest/"] {
            site.get(READER, &format!("/taxii2/council/collections/6f0d3b8e-4c52-4e19-9a7d-0b2f5c8e1d00/{rest}")).await.refused(404);
        }
    }
    row_3_6_1_the_manifest_with_its_dates => |hub| {
        let site = Site::over(hub);
        site.seed().await;
        let manifest = site.get(READER, &exchange("manifest/")).await;
        dated(&manifest);
        assert!(manifest.ids().len() >= 3);
    }
    row_3_7_1_objects_with_their_dates => |hub| {
        let site = Site::over(hub);
        site.seed().await;
        let objects = site.get(READER, &exchange("objects/")).await;
        dated(&objects);
        assert!(objects.ids().len() >= 3);
    }
    row_3_7_2_no_objects_an_empty_envelope => |hub| {
        assert_eq!(Site::over(hub).get(READER, &exchange("objects/")).await.text, "{}");
    }
    row_3_8_1_an_object => |hub| {
        let site = Site::over(hub);
        site.seed().await;
        let object = site.get(POSTER, &exchange(&format!("objects/{}/", indicator_id(1)))).await;
        dated(&object);
        assert_eq!(object.ids(), [indicator_id(1)]);
    }
    row_3_8_2_an_object_that_is_not_there_404 => |hub| {
        Site::over(hub).get(POSTER, &exchange(&format!("objects/{}/", indicator_id(1)))).await.refused(404);
    }
    row_3_9_1_the_versions_of_an_object => |hub| {
        let site = Site::over(hub);
        site.post(POSTER, &[version(1, 1)]).await;
        site.post(POSTER, &[version(1, 2)]).await;
        let versions = site.get(POSTER, &exchange(&format!("objects/{}/versions/", indicator_id(1)))).await;
        dated(&versions);
        assert_eq!(versions.json()["versions"].as_array().unwrap().len(), 2);
    }
    row_3_10_1_objects_are_added => |hub| {
        let status = Site::over(hub).post(POSTER, &[indicator(1), indicator(2)]).await;
        assert_eq!(status["total_count"], status["success_count"]);
        assert_eq!((&status["failure_count"], &status["pending_count"]), (&json!(0), &json!(0)));
    }
    row_3_11_1_the_status_of_a_post => |hub| {
        let site = Site::over(hub);
        let status = site.post(POSTER, &[indicator(1)]).await;
        assert_eq!(site.get(POSTER, &format!("/taxii2/council/status/{}/", status["id"].as_str().unwrap())).await.ok(), status);
    }
    row_3_11_2_the_lists_of_a_status => |hub| {
        let site = Site::over(hub);
        let mut broken = indicator(2);
        broken["pattern"] = json!("[broken");
        let status = site.send(POSTER, &json!({"objects": [indicator(1), broken]}).to_string()).await.json();
        for name in ["id", "status", "request_timestamp", "total_count", "success_count", "successes", "failure_count", "failures", "pending_count"] {
            assert!(!status[name].is_null(), "{name}");
        }
        assert!(status["failures"][0]["message"].is_string());
        assert!(status["pending_count"] == 0 && status.get("pendings").is_none(), "decided before the answer");
    }
    row_3_12_1_an_object_is_deleted => |hub| {
        let site = Site::over(hub);
        site.seed().await;
        let path = exchange(&format!("objects/{}/", indicator_id(1)));
        let answer = site.delete(POSTER, &path).await;
        assert_eq!((answer.status, answer.header("content-type")), (200, TAXII));
        site.get(POSTER, &path).await.refused(404);
    }
    row_3_13_1_1_added_after => |hub| {
        let site = Site::over(hub);
        site.post(POSTER, &[indicator(1)]).await;
        let mark = site.get(POSTER, &exchange("objects/")).await.last().to_owned();
        site.post(POSTER, &[indicator(2)]).await;
        let after = got(&site, &format!("match[type]=indicator&added_after={mark}")).await;
        assert_eq!(after, [indicator_id(2)]);
    }
    row_3_13_1_2_limit => |hub| {
        let site = Site::over(hub);
        site.seed().await;
        assert_eq!(got(&site, "limit=2").await.len(), 2);
    }
    row_3_13_1_3_match_id => |hub| {
        let site = Site::over(hub);
        site.seed().await;
        assert_eq!(got(&site, &format!("match[id]={}", indicator_id(2))).await, [indicator_id(2)]);
    }
    row_3_13_1_4_match_type => |hub| {
        let site = Site::over(hub);
        site.seed().await;
        site.post(POSTER, &[domain("a.evil.example")]).await;
        assert_eq!(got(&site, "match[type]=domain-name").await.len(), 1);
    }
    row_3_13_1_5_match_version => |hub| {
        let site = Site::over(hub);
        site.post(POSTER, &[version(1, 1)]).await;
        site.post(POSTER, &[version(1, 2)]).await;
        for (of, count) in [("last", 1), ("first", 1), ("all", 2), ("2026-01-02T01:00:00.000Z", 1)] {
            assert_eq!(got(&site, &format!("match[type]=indicator&match[version]={of}")).await.len(), count, "{of}");
        }
    }
    row_3_13_1_6_match_spec_version => |hub| {
        let site = Site::over(hub);
        site.seed().await;
        assert!(got(&site, "match[spec_version]=2.1").await.len() >= 3);
        assert!(got(&site, "match[spec_version]=2.0").await.is_empty());
    }
    row_3_13_1_7_values_are_joined_by_or => |hub| {
        let site = Site::over(hub);
        site.seed().await;
        let query = format!("match[id]={},{}", indicator_id(1), indicator_id(3));
        assert_eq!(got(&site, &query).await, [indicator_id(1), indicator_id(3)]);
    }
    row_3_13_1_8_fields_are_joined_by_and => |hub| {
        let site = Site::over(hub);
        site.seed().await;
        assert_eq!(got(&site, &format!("match[id]={}&match[type]=indicator", indicator_id(1))).await.len(), 1);
        assert!(got(&site, &format!("match[id]={}&match[type]=malware", indicator_id(1))).await.is_empty());
    }
    row_3_13_1_9_or_within_and => |hub| {
        let site = Site::over(hub);
        site.seed().await;
        site.post(POSTER, &[domain("a.evil.example"), marked(indicator(4), RED)]).await;
        let query = format!("match[type]=indicator,domain-name&match[id]={},{}", indicator_id(1), indicator_id(4));
        assert_eq!(got(&site, &query).await, [indicator_id(1), indicator_id(4)]);
    }
    row_3_13_1_10_a_field_given_twice_400 => |hub| {
        let site = Site::over(hub);
        site.get(POSTER, &exchange("objects/?match[type]=indicator&match[type]=malware")).await.refused(400);
    }
    row_3_14_1_versions_are_paged_by_the_mark => |hub| {
        let site = Site::over(hub);
        for hour in 1..=5 {
            site.post(POSTER, &[version(1, hour)]).await;
        }
        let path = exchange(&format!("objects/{}/versions/?limit=2", indicator_id(1)));
        let pages = site.all(POSTER, &path, false).await;
        let all: Vec<Value> = pages.iter().flat_map(|page| page.json()["versions"].as_array().unwrap().clone()).collect();
        assert_eq!((pages.len(), all.len()), (3, 5));
    }
    row_3_15_1_custom_properties_of_an_envelope => |hub| {
        let body = json!({"x_interop_note": {"a": 1}, "objects": [indicator(1)]});
        let answer = Site::over(hub).send(POSTER, &body.to_string()).await;
        assert_eq!((answer.status, &answer.json()["success_count"]), (202, &json!(1)));
    }
}

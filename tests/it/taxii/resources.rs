//! Items 40 to 53: the endpoints, one by one.

use chrono::TimeDelta;
use serde_json::json;

use super::{
    EXCHANGE, POSTER, READER, Site, TAXII, domain, exchange, indicator, indicator_id, version,
};
use crate::harness::both;

const DROPBOX: &str = "/taxii2/council/collections/dropbox/";

both! {
    item_40_discovery_names_the_roots_by_paths_that_resolve => |hub| {
        let site = Site::over(hub);
        let discovery = site.get("", "/taxii2/").await.ok();
        let roots = discovery["api_roots"].as_array().unwrap();
        assert!(roots.contains(&discovery["default"]) && roots.len() == 2);
        for root in roots {
            let path = root.as_str().unwrap();
            assert!(path.starts_with('/') && path.ends_with('/'));
            assert!(!path.contains("//") && !path.contains("..") && !path.contains('?'));
            site.get(POSTER, path).await.ok();
        }
        let wrong = site.bare("GET", "/taxii2/", &[("authorization", "Bearer sk_wrong")], axum::body::Body::empty()).await;
        wrong.refused(401);
        site.ask("", "GET", "/taxii2/", &[("accept", "text/html")], "").await.refused(406);
        site.get("", "/taxii2/nowhere/").await.refused(404);
    }

    item_41_a_root_says_its_version_and_the_largest_body => |hub| {
        let site = Site::over(hub);
        for (who, path) in [(POSTER, "/taxii2/council/"), ("", "/taxii2/public/")] {
            let root = site.get(who, path).await.ok();
            assert_eq!(root["versions"], json!([TAXII]));
            assert!(root["title"].is_string() && root["max_content_length"].as_u64().unwrap() > 0);
        }
        let bound = usize::try_from(site.get(POSTER, "/taxii2/council/").await.ok()["max_content_length"].as_u64().unwrap()).unwrap();
        let mut body = json!({"objects": [indicator(1)]}).to_string();
        body.push_str(&" ".repeat(bound - body.len() - 1));
        assert_eq!(site.send(POSTER, &body).await.status, 202, "a smaller body is never 413");
    }

    item_42_a_status_is_its_posters_for_a_day => |hub| {
        let site = Site::over(hub);
        let mut broken = indicator(2);
        broken.as_object_mut().unwrap().remove("pattern");
        let posted = site.send(POSTER, &json!({"objects": [indicator(1), broken]}).to_string()).await.json();
        let path = format!("/taxii2/council/status/{}/", posted["id"].as_str().unwrap());
        let status = site.get(POSTER, &path).await.ok();
        assert_eq!(status, posted);
        assert_eq!(status["status"], "complete");
        let count = |name: &str| status[name].as_u64().unwrap();
        assert_eq!(count("total_count"), count("success_count") + count("failure_count") + count("pending_count"));
        assert_eq!(status["successes"], json!([{"id": indicator_id(1), "version": "2026-01-02T00:00:00.000Z"}]));
        let failure = &status["failures"][0];
        assert!(failure["id"] == indicator_id(2) && failure["version"].is_string() && failure["message"].is_string());
        for other in [READER, "ict-publisher"] {
            site.get(other, &path).await.refused(404);
        }
        site.hub.advance(TimeDelta::hours(24));
        site.get(POSTER, &path).await.ok();
        site.hub.advance(TimeDelta::hours(2));
        site.get(POSTER, &path).await.refused(404);
    }

    item_43_the_collections_are_listed_to_who_may_use_the_root => |hub| {
        let site = Site::over(hub);
        assert_eq!(site.get(READER, "/taxii2/council/collections/").await.ok()["collections"].as_array().unwrap().len(), 6);
        site.get("", "/taxii2/council/collections/").await.refused(401);
        assert_eq!(site.get("", "/taxii2/public/collections/").await.ok()["collections"].as_array().unwrap().len(), 5);
    }

    item_44_a_collection_says_what_this_caller_may => |hub| {
        let site = Site::over(hub);
        for (who, path, read, write) in [
            (POSTER, exchange(""), true, true),
            (READER, exchange(""), true, false),
            (POSTER, "/taxii2/council/collections/incidents/".to_owned(), true, false),
            (POSTER, DROPBOX.to_owned(), false, true),
            (READER, DROPBOX.to_owned(), false, false),
            ("", "/taxii2/public/collections/exchange/".to_owned(), true, false),
        ] {
            let collection = site.get(who, &path).await.ok();
            assert_eq!((&collection["can_read"], &collection["can_write"]), (&json!(read), &json!(write)), "{who} {path}");
            assert_eq!(collection["media_types"], json!(["application/stix+json;version=2.1"]));
        }
        site.get("", &exchange("")).await.refused(401);
    }

    item_45_a_manifest_has_a_record_for_each_version => |hub| {
        let site = Site::over(hub);
        for hour in [1, 2] {
            site.post(POSTER, &[version(1, hour)]).await;
        }
        let path = exchange(&format!("manifest/?match[id]={}&match[version]=all", indicator_id(1)));
        let manifest = site.get(POSTER, &path).await.ok();
        let records = manifest["objects"].as_array().unwrap();
        let versions: Vec<&str> = records.iter().map(|record| record["version"].as_str().unwrap()).collect();
        assert_eq!(versions, ["2026-01-02T01:00:00.000Z", "2026-01-02T02:00:00.000Z"]);
        assert!(records.iter().all(|record| record["media_type"] == "application/stix+json;version=2.1"));
        site.get(POSTER, &format!("{DROPBOX}manifest/")).await.refused(403);
    }

    item_46_objects_of_a_collection_that_cannot_be_read_are_refused => |hub| {
        let site = Site::over(hub);
        for who in [POSTER, READER] {
            for rest in ["objects/", "objects/?match[type]=indicator"] {
                site.get(who, &format!("{DROPBOX}{rest}")).await.refused(403);
            }
            site.get(who, &format!("{DROPBOX}objects/{}/", indicator_id(1))).await.refused(403);
        }
        site.get("", &exchange("objects/")).await.refused(401);
    }

    item_47_a_post_is_202_and_a_duplicate_is_no_error => |hub| {
        let site = Site::over(hub);
        for _ in 0..2 {
            let status = site.post(POSTER, &[indicator(1)]).await;
            assert_eq!((&status["success_count"], &status["total_count"]), (&json!(1), &json!(1)));
        }
        assert_eq!(site.get(POSTER, &exchange("objects/?match[type]=indicator&match[version]=all")).await.ids().len(), 1);
        site.send(READER, &json!({"objects": [indicator(2)]}).to_string()).await.refused(403);
        for (body, status) in [("{", 400), ("{}", 422), ("[]", 422), ("{\"objects\":{}}", 422), ("{\"type\":\"indicator\"}", 422)] {
            let answer = site.send(POSTER, body).await;
            assert!(answer.status == status || answer.status == 400 && body == "[]", "{body}: {answer:?}");
        }
        site.send(POSTER, &" ".repeat(10 * 1024 * 1024 + 1)).await.refused(413);
        let headers = [("content-type", TAXII), ("accept", "text/html")];
        site.ask(POSTER, "POST", &exchange("objects/"), &headers, "{}").await.refused(406);
        // A drop box takes the same, from who may read nothing there.
        let headers = [("content-type", TAXII)];
        let body = json!({"objects": [indicator(5)]}).to_string();
        assert_eq!(site.ask(POSTER, "POST", &format!("{DROPBOX}objects/"), &headers, &body).await.status, 202);
        assert_eq!(site.get(POSTER, &exchange(&format!("objects/{}/", indicator_id(5)))).await.status, 200);
        site.ask(READER, "POST", &format!("{DROPBOX}objects/"), &headers, &body).await.refused(403);
    }

    item_48_an_object_is_found_by_its_id_with_its_filters => |hub| {
        let site = Site::over(hub);
        for hour in [1, 2] {
            site.post(POSTER, &[version(1, hour)]).await;
        }
        let one = exchange(&format!("objects/{}/", indicator_id(1)));
        assert_eq!(site.get(POSTER, &one).await.ids().len(), 1);
        let first = site.get(POSTER, &format!("{one}?match[version]=all&limit=1")).await.ok();
        let next = first["next"].as_str().unwrap();
        let rest = site.get(POSTER, &format!("{one}?next={next}")).await.ok();
        assert_eq!((&first["objects"][0]["modified"], &rest["objects"][0]["modified"]), (&json!("2026-01-02T01:00:00.000Z"), &json!("2026-01-02T02:00:00.000Z")));
        for id in [indicator_id(9), "x".to_owned()] {
            site.get(POSTER, &exchange(&format!("objects/{id}/"))).await.refused(404);
        }
    }

    item_49_deleting_follows_the_table_of_rights => |hub| {
        let site = Site::over(hub);
        site.seed().await;
        let rest = format!("objects/{}/", indicator_id(1));
        site.delete(READER, &format!("{DROPBOX}{rest}")).await.refused(404);
        site.delete(READER, &exchange(&rest)).await.refused(403);
        site.delete(POSTER, &format!("/taxii2/council/collections/incidents/{rest}")).await.refused(403);
        site.delete(POSTER, &format!("{DROPBOX}{rest}")).await.refused(403);
        site.delete("", &format!("/taxii2/public/collections/exchange/{rest}")).await.refused(403);
        let done = site.delete(POSTER, &exchange(&rest)).await;
        assert_eq!((done.status, done.header("content-type"), done.text.as_str()), (200, TAXII, ""));
        site.get(POSTER, &exchange(&rest)).await.refused(404);
        assert!(!site.get(POSTER, &exchange("manifest/")).await.text.contains(&indicator_id(1)));
    }

    item_50_versions_are_listed_and_paged => |hub| {
        let site = Site::over(hub);
        for hour in [1, 2, 3] {
            site.post(POSTER, &[version(1, hour)]).await;
        }
        let path = exchange(&format!("objects/{}/versions/", indicator_id(1)));
        let all = site.get(POSTER, &path).await.ok();
        assert_eq!(all["versions"], json!(["2026-01-02T01:00:00.000Z", "2026-01-02T02:00:00.000Z", "2026-01-02T03:00:00.000Z"]));
        let pages = site.all(POSTER, &format!("{path}?limit=1"), true).await;
        assert_eq!(pages.len(), 3);
        let by_mark = site.all(POSTER, &format!("{path}?limit=2"), false).await;
        assert_eq!(by_mark.len(), 2);
        assert_eq!(site.get(POSTER, &format!("{path}?match[spec_version]=2.0")).await.ok(), json!({}));
        site.post(POSTER, &[domain("a.evil.example")]).await;
        let id = site.get(POSTER, &exchange("objects/?match[type]=domain-name")).await.ids()[0].clone();
        let versions = site.get(POSTER, &exchange(&format!("objects/{id}/versions/"))).await.ok();
        assert_eq!(versions["versions"].as_array().unwrap().len(), 1);
    }

    item_52_custom_properties_of_a_post_are_passed_over => |hub| {
        let site = Site::over(hub);
        let body = json!({"x_example_note": "ours", "objects": [indicator(1)]});
        let answer = site.send(POSTER, &body.to_string()).await;
        assert_eq!((answer.status, &answer.json()["success_count"]), (202, &json!(1)));
        assert!(!site.get(POSTER, &exchange("objects/")).await.text.contains("x_example_note"), "{EXCHANGE}");
    }

    item_53_there_are_no_channels => |hub| {
        let site = Site::over(hub);
        site.get(POSTER, "/taxii2/council/channels/").await.refused(404);
    }
}

//! The 22 traps: where the text is ambiguous, and what others got wrong.

use axum::body::Body;
use chrono::TimeDelta;
use serde_json::{Value, json};

use super::{
    EXCHANGE, POSTER, READER, RED, Site, TAXII, domain, exchange, indicator, indicator_id, marked,
    version,
};
use crate::harness::{both, sample};

const FLOOR: &str = "1970-01-01T00:00:00.000000Z";

both! {
    trap_01_manifest_and_versions_have_a_cursor => |hub| {
        let site = Site::over(hub);
        for hour in [1, 2] {
            site.post(POSTER, &[version(1, hour)]).await;
        }
        for path in [format!("objects/{}/versions/?limit=1", indicator_id(1)), "manifest/?limit=1&match[version]=all".to_owned()] {
            let page = site.get(POSTER, &exchange(&path)).await.ok();
            assert!(page["more"] == true && page["next"].is_string(), "{path}");
        }
    }

    trap_02_one_post_has_as_many_dates_as_objects => |hub| {
        let site = Site::over(hub);
        let many: Vec<Value> = (0..50).map(indicator).collect();
        site.post(POSTER, &many).await;
        let path = exchange("manifest/?limit=7");
        let pages = site.all(READER, &path, false).await;
        let mut dates: Vec<String> = Vec::new();
        for page in &pages {
            for record in page.json()["objects"].as_array().unwrap() {
                dates.push(record["date_added"].to_string());
            }
        }
        assert!(dates.len() > 50 && dates.windows(2).all(|two| two[0] < two[1]));
        assert_eq!(dates.len(), site.get(READER, &exchange("manifest/")).await.ids().len());
    }

    trap_03_what_commits_later_is_dated_later => |hub| {
        let site = Site::over(hub);
        let another = site.hub.another().await;
        let poster = site.hub.caller(POSTER).await;
        let (mut mark, mut got) = (FLOOR.to_owned(), Vec::new());
        for round in 0..6_u32 {
            let envelope = |n: u32| json!({"objects": [indicator(10 * round + n)]}).to_string().into_bytes();
            let (one, two) = (envelope(1), envelope(2));
            let path = exchange(&format!("objects/?added_after={mark}&match[type]=indicator"));
            let poll = site.get(READER, &path);
            let (a, b, page) = tokio::join!(site.hub.exchange.publish_objects(&poster, &one), another.publish_objects(&poster, &two), poll);
            a.unwrap();
            b.unwrap();
            page.last().clone_into(&mut mark);
            got.extend(page.ids());
        }
        let rest = site.get(READER, &exchange(&format!("objects/?added_after={mark}&match[type]=indicator"))).await;
        got.extend(rest.ids());
        assert_eq!(got, site.get(READER, &exchange("objects/?match[type]=indicator")).await.ids());
        assert_eq!(got.len(), 12);
    }

    trap_04_an_empty_page_keeps_the_mark => |hub| {
        let site = Site::over(hub);
        assert_eq!(site.get(READER, &exchange("objects/")).await.last(), FLOOR);
        let given = "2999-01-01T00:00:00.000000Z";
        let page = site.get(READER, &exchange(&format!("objects/?added_after={given}"))).await;
        assert_eq!((page.header("x-taxii-date-added-first"), page.last()), (given, given));
    }

    trap_05_last_is_the_latest_visible_and_then_the_filters => |hub| {
        let site = Site::over(hub);
        site.post(POSTER, &[version(1, 5)]).await;
        let mark = site.get(POSTER, &exchange("objects/")).await.last().to_owned();
        // Late, and older: a version, but never the latest.
        site.post(POSTER, &[version(1, 3)]).await;
        let after = |of: &str| exchange(&format!("objects/?added_after={mark}&match[type]=indicator{of}"));
        assert_eq!(site.get(POSTER, &after("")).await.ok(), json!({}));
        assert_eq!(site.get(POSTER, &after("&match[version]=all")).await.ids().len(), 1);
        // A newer one that a reader may not see is not the latest for that reader.
        site.post(POSTER, &[version(2, 1)]).await;
        let before = site.get(READER, &exchange("objects/?match[type]=indicator")).await.ids().len();
        assert_eq!(before, 2);
    }

    trap_06_404_without_the_object_and_empty_where_filters_leave_nothing => |hub| {
        let site = Site::over(hub);
        site.seed().await;
        site.get(POSTER, &exchange(&format!("objects/{}/", indicator_id(9)))).await.refused(404);
        for of in ["added_after=2999-01-01T00:00:00Z", "match[version]=2020-01-01T00:00:00Z"] {
            let path = exchange(&format!("objects/{}/?{of}", indicator_id(1)));
            assert_eq!(site.get(POSTER, &path).await.ok(), json!({}));
        }
    }

    trap_07_what_was_deleted_is_404_by_id_and_empty_by_filter => |hub| {
        let site = Site::over(hub);
        site.post(POSTER, &[indicator(1)]).await;
        let one = exchange(&format!("objects/{}/", indicator_id(1)));
        assert_eq!(site.delete(POSTER, &one).await.status, 200);
        site.get(POSTER, &one).await.refused(404);
        assert_eq!(site.get(POSTER, &exchange(&format!("objects/?match[id]={}", indicator_id(1)))).await.ok(), json!({}));
    }

    trap_08_every_way_of_asking_is_understood => |hub| {
        let site = Site::over(hub);
        for accept in [
            "application/taxii+json", "application/taxii+json; version=2.1", "*/*", "application/*;q=0.1",
            "application/taxii+json;version=2.0, application/taxii+json;version=2.1;q=0.5",
            "application/taxii+json;version=2.1, application/stix+json;version=2.1",
        ] {
            site.ask(READER, "GET", &exchange("manifest/"), &[("accept", accept)], "").await.ok();
        }
        site.ask(READER, "GET", &exchange("manifest/"), &[("accept", "application/taxii+json;q=0")], "").await.refused(406);
    }

    trap_09_a_bundle_is_unwrapped_and_never_stored => |hub| {
        let site = Site::over(hub);
        let bundle = json!({"type": "bundle", "id": "bundle--6f0d3b8e-4c52-4e19-9a7d-0b2f5c8e1d00", "objects": [indicator(1), indicator(2)]});
        assert_eq!(site.send(POSTER, &bundle.to_string()).await.json()["success_count"], 2);
        assert!(!site.get(POSTER, &exchange("objects/")).await.text.contains("bundle"));
    }

    trap_10_a_post_is_202_and_http_status_is_a_text => |hub| {
        let site = Site::over(hub);
        assert_eq!(site.send(POSTER, &json!({"objects": [indicator(1)]}).to_string()).await.status, 202);
        assert_eq!(site.get(POSTER, "/taxii2/x/").await.refused(404)["http_status"], json!("404"));
    }

    trap_11_the_largest_body_is_taken_and_one_byte_more_is_not => |hub| {
        let site = Site::over(hub);
        let bound = 10 * 1024 * 1024;
        let mut body = json!({"objects": [indicator(1)]}).to_string();
        body.push_str(&" ".repeat(bound - body.len()));
        assert_eq!(site.send(POSTER, &body).await.status, 202);
        // Chunked: nothing announces the length.
        let login = site.basic(POSTER).await;
        let chunks = (0..11).map(|_| Ok::<_, std::io::Error>(vec![b' '; 1024 * 1024]));
        let headers = [("authorization", login.as_str()), ("content-type", TAXII)];
        let stream = Body::from_stream(futures_util::stream::iter(chunks));
        site.bare("POST", &exchange("objects/"), &headers, stream).await.refused(413);
    }

    trap_12_versions_keep_their_precision_and_compare_as_instants => |hub| {
        let site = Site::over(hub);
        let mut object = indicator(1);
        object["modified"] = json!("2026-01-02T03:00:00.120000Z");
        site.post(POSTER, &[object]).await;
        let one = format!("objects/{}/", indicator_id(1));
        let versions = site.get(POSTER, &exchange(&format!("{one}versions/"))).await.ok();
        assert_eq!(versions["versions"], json!(["2026-01-02T03:00:00.120000Z"]));
        for same in ["2026-01-02T03:00:00.12Z", "2026-01-02T03:00:00.120000Z"] {
            assert_eq!(site.get(POSTER, &exchange(&format!("{one}?match[version]={same}"))).await.ids().len(), 1);
        }
        let other = exchange(&format!("{one}?match[version]=2026-01-02T03:00:00.121Z"));
        assert_eq!(site.get(POSTER, &other).await.ok(), json!({}));
    }

    trap_13_an_observables_version_never_changes => |hub| {
        let site = Site::over(hub);
        let status = site.post(POSTER, &[domain("a.evil.example")]).await;
        let said = status["successes"][0]["version"].clone();
        site.hub.advance(TimeDelta::days(1));
        let record = |answer: Value| answer["objects"][0]["version"].clone();
        let path = exchange("manifest/?match[type]=domain-name");
        let first = record(site.get(POSTER, &path).await.ok());
        site.hub.advance(TimeDelta::days(1));
        assert_eq!((&first, &first), (&record(site.get(POSTER, &path).await.ok()), &said));
        assert_eq!(record(site.get(READER, &path).await.ok()), first, "one rule for the hub");
        let exact = exchange(&format!("objects/?match[type]=domain-name&match[version]={}", first.as_str().unwrap()));
        assert_eq!(site.get(POSTER, &exact).await.ids().len(), 1);
    }

    trap_14_more_counts_what_the_reader_may_see => |hub| {
        let site = Site::over(hub);
        site.post(POSTER, &[indicator(1)]).await;
        let count = site.get(READER, &exchange("objects/")).await.ids().len();
        let path = exchange(&format!("objects/?limit={count}"));
        let before = site.get(READER, &path).await;
        site.post(POSTER, &[marked(indicator(2), RED), marked(indicator(3), RED)]).await;
        let after = site.get(READER, &path).await;
        assert_eq!((before.text.as_str(), before.last()), (after.text.as_str(), after.last()));
        assert!(after.ok().get("more").is_none());
    }

    trap_15_a_version_that_is_first_and_last_comes_once => |hub| {
        let site = Site::over(hub);
        site.post(POSTER, &[indicator(1)]).await;
        let path = format!("objects/{}/?match[version]=first,last,2026-01-02T00:00:00.000Z", indicator_id(1));
        assert_eq!(site.get(POSTER, &exchange(&path)).await.ids().len(), 1);
    }

    trap_16_a_limit_beyond_the_page_is_no_error_and_an_empty_value_is => |hub| {
        let site = Site::over(hub);
        site.seed().await;
        for limit in ["1001", "99999999999999999999"] {
            assert!(site.get(POSTER, &exchange(&format!("objects/?limit={limit}"))).await.ids().len() >= 3);
        }
        for query in ["limit=0", "limit=-5", "limit=x", "match[type]=", "match[id]=", "match[version]="] {
            site.get(POSTER, &exchange(&format!("objects/?{query}"))).await.refused(400);
        }
    }

    trap_17_marks_are_read_in_any_precision_and_written_in_one => |hub| {
        let site = Site::over(hub);
        site.seed().await;
        for given in ["2023-06-09T00:00:00Z", "2023-06-09T00:00:00.1Z", "2023-06-09T00:00:00.12345Z"] {
            let page = site.get(POSTER, &exchange(&format!("objects/?added_after={given}"))).await;
            assert!(page.ids().len() >= 3);
        }
        let page = site.get(POSTER, &exchange("objects/?added_after=2999-06-09T00:00:00.1Z")).await;
        assert_eq!(page.last(), "2999-06-09T00:00:00.100000Z");
        site.get(POSTER, &exchange("objects/?added_after=2016-11-04T03:04:051Z")).await.refused(400);
    }

    trap_18_an_alias_stands_wherever_the_id_does => |hub| {
        let site = Site::over(hub);
        site.seed().await;
        for rest in ["", "manifest/", "objects/", "objects/?limit=2&match[type]=indicator"] {
            let by_id = site.get(POSTER, &exchange(rest)).await;
            let by_alias = site.get(POSTER, &exchange(rest).replace(EXCHANGE, "exchange")).await;
            let without = |text: &str| -> Value { let mut page: Value = serde_json::from_str(text).unwrap(); page["next"] = Value::Null; page };
            assert_eq!(without(&by_id.text), without(&by_alias.text), "{rest}");
        }
        assert_eq!(site.get(POSTER, "/taxii2/council/collections/exchange/").await.ok()["id"], EXCHANGE);
        let list = site.get(POSTER, "/taxii2/council/collections/").await.ok();
        assert!(list["collections"].as_array().unwrap().iter().all(|c| uuid::Uuid::parse_str(c["alias"].as_str().unwrap()).is_err()));
    }

    trap_19_a_drop_box_is_written_to_and_not_read => |hub| {
        let site = Site::over(hub);
        let path = "/taxii2/council/collections/dropbox/objects/";
        let headers = [("content-type", TAXII), ("accept", TAXII)];
        let body = json!({"objects": [indicator(1)]}).to_string();
        assert_eq!(site.ask(POSTER, "POST", path, &headers, &body).await.status, 202);
        site.get(POSTER, path).await.refused(403);
        site.delete(POSTER, &format!("{path}{}/", indicator_id(1))).await.refused(403);
        assert_eq!(site.get(POSTER, &exchange(&format!("objects/{}/", indicator_id(1)))).await.status, 200);
    }

    trap_20_the_default_root_is_one_of_the_roots_letter_by_letter => |hub| {
        let discovery = Site::over(hub).get("", "/taxii2/").await.ok();
        assert!(discovery["api_roots"].as_array().unwrap().contains(&discovery["default"]));
    }

    trap_21_an_item_has_the_same_date_in_every_view_and_none_is_missed => |hub| {
        hub.publish("ict-publisher", &sample("ICT-02")).await.unwrap();
        let site = Site::over(hub);
        site.post(POSTER, &[indicator(1)]).await;
        site.hub.publish("ict-publisher", &sample("ICT-02")).await.unwrap();
        let dates = async |collection: &str, who: &str| -> Vec<(String, String)> {
            let path = format!("/taxii2/council/collections/{collection}/manifest/?limit=2");
            let pages = site.all(who, &path, false).await;
            let records = pages.iter().flat_map(|page| page.json()["objects"].as_array().cloned().unwrap_or_default());
            records.map(|record| (record["id"].to_string(), record["date_added"].to_string())).collect()
        };
        let whole = dates("exchange", READER).await;
        let mut views = 0;
        for view in ["incidents", "practices", "advisories", "newsletters"] {
            let part = dates(view, READER).await;
            views += part.len();
            assert!(part.windows(2).all(|two| two[0].1 < two[1].1));
            let reports = part.iter().filter(|(id, _)| id.contains("report--"));
            assert!(reports.clone().all(|one| whole.contains(one)));
        }
        assert!(views > 2);
    }

    trap_22_a_delete_without_a_filter_means_the_latest_version => |hub| {
        let site = Site::over(hub);
        for hour in [1, 2] {
            site.post(POSTER, &[version(1, hour)]).await;
        }
        let one = exchange(&format!("objects/{}/", indicator_id(1)));
        assert_eq!(site.delete(POSTER, &one).await.status, 200);
        assert_eq!(site.get(POSTER, &one).await.ok()["objects"][0]["modified"], "2026-01-02T01:00:00.000Z");
        let gone = format!("{one}?match[version]=2026-01-02T02:00:00.000Z");
        assert_eq!(site.get(POSTER, &gone).await.ok(), json!({}));
        assert_eq!(site.delete(POSTER, &format!("{one}?match[version]=all")).await.status, 200);
        site.get(POSTER, &one).await.refused(404);
    }
}

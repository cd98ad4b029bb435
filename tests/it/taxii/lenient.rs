//! The lenient profile: what a service gets that asks for it in the council file, and nobody else.

use chrono::{DateTime, TimeDelta, Utc};
use sekisho::council::plan;
use sekisho::council::{CouncilFile, Directory};
use serde_json::{Value, json};

use super::{Answer, POSTER, Site, domain, exchange, indicator, version};
use crate::harness::{both, without_cases};

/// A service of another CEPTOAR.
const SERVICE: &str = "finance-taxii";

fn file(principal: &str, profile: &str) -> String {
    let mut file: toml::Table = toml::from_str(&without_cases(sekisho::demo::COUNCIL)).unwrap();
    let list = file["principals"].as_array_mut().unwrap();
    let one = list
        .iter_mut()
        .find(|one| one["id"].as_str() == Some(principal))
        .unwrap();
    one.as_table_mut()
        .unwrap()
        .insert("taxii".to_owned(), profile.into());
    toml::to_string(&file).unwrap()
}

async fn lenient(site: &Site) {
    site.hub
        .exchange
        .apply_council(&file(SERVICE, "lenient"))
        .await
        .unwrap();
    site.hub.advance(TimeDelta::seconds(1));
}

/// As JavaScript's dates are: cut to the millisecond.
fn cut(stamp: &str) -> String {
    let at: DateTime<Utc> = stamp.parse().unwrap();
    at.format("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
}

/// Asks by mark alone until nothing comes, keeping the mark as OpenCTI does.
async fn poll(site: &Site, mark: &mut String, limit: usize) -> Vec<String> {
    let mut got = Vec::new();
    for _ in 0..1000 {
        let page = site
            .get(
                SERVICE,
                &exchange(&format!("objects/?limit={limit}&added_after={mark}")),
            )
            .await;
        let ids = page.ids();
        if ids.is_empty() {
            return got;
        }
        *mark = cut(page.last());
        got.extend(ids);
    }
    panic!("it reads for ever");
}

fn pairs(answer: &Answer) -> Vec<(String, String)> {
    let body = answer.json();
    let records = body["objects"].as_array().unwrap();
    let text = |record: &Value, name: &str| record[name].as_str().unwrap().to_owned();
    records
        .iter()
        .map(|record| (text(record, "id"), text(record, "date_added")))
        .collect()
}

both! {
    an_empty_result_is_an_empty_list_for_the_service_alone => |hub| {
        let site = Site::over(hub);
        lenient(&site).await;
        for path in ["objects/", "manifest/"] {
            assert_eq!(site.get(SERVICE, &exchange(path)).await.text, r#"{"more":false,"objects":[]}"#);
            assert_eq!(site.get(POSTER, &exchange(path)).await.text, "{}");
        }
        site.post(POSTER, &[indicator(1)]).await;
        assert_eq!(site.get(SERVICE, &exchange("objects/")).await.ok()["more"], json!(false));
        assert!(site.get(POSTER, &exchange("objects/")).await.ok().get("more").is_none());
    }

    a_mark_cut_to_the_millisecond_loses_nothing_and_reads_nothing_twice => |hub| {
        let site = Site::over(hub);
        lenient(&site).await;
        let mut mark = "1970-01-01T00:00:00.000Z".to_owned();
        for (at, limit) in [(0, 1), (1, 2), (2, 7), (3, 1000)] {
            let mut got = Vec::new();
            for round in 0..4_u32 {
                let objects: Vec<Value> = (0..5).map(|n| version(n, 1 + round + 4 * at)).collect();
                site.post(POSTER, &objects).await;
                // Acts that follow each other at once share no millisecond.
                site.hub.exchange.publish_objects(&site.hub.caller(POSTER).await, json!({"objects": [indicator(100 + round + 10 * at)]}).to_string().as_bytes()).await.unwrap();
                got.extend(poll(&site, &mut mark, limit).await);
            }
            let indicators = |list: &[String]| list.iter().filter(|id| id.starts_with("indicator")).count();
            assert_eq!(indicators(&got), 4 * 6, "limit {limit}: each version once");
            assert!(poll(&site, &mut mark, limit).await.is_empty(), "nothing is read twice");
        }
    }

    the_standard_profile_makes_such_a_client_read_for_ever => |hub| {
        let site = Site::over(hub);
        site.post(POSTER, &[indicator(1)]).await;
        let page = site.get(SERVICE, &exchange("objects/")).await;
        assert_ne!(cut(page.last()), page.last().replace("000Z", "Z"), "this is why there is a profile");
        let again = site.get(SERVICE, &exchange(&format!("objects/?added_after={}", cut(page.last())))).await;
        assert!(!again.ids().is_empty());
    }

    dates_are_whole_milliseconds_and_ascend => |hub| {
        let site = Site::over(hub);
        lenient(&site).await;
        site.seed().await;
        site.post(POSTER, &[indicator(9)]).await;
        let manifest = site.get(SERVICE, &exchange("manifest/")).await;
        let records = pairs(&manifest);
        assert!(records.len() > 4 && records.iter().all(|(_, date)| date.ends_with("000Z")));
        assert!(records.iter().map(|(_, date)| date).is_sorted());
        assert_eq!(manifest.last(), records.last().unwrap().1);
        // Exactly those later than a date that was shown come after it.
        for (_, date) in &records {
            let after = site.get(SERVICE, &exchange(&format!("manifest/?added_after={date}"))).await;
            let wanted: Vec<String> = records.iter().filter(|(_, other)| other > date).map(|(id, _)| id.clone()).collect();
            assert_eq!(after.ids(), wanted);
        }
    }

    pages_by_cursor_are_complete_at_every_limit => |hub| {
        let site = Site::over(hub);
        lenient(&site).await;
        for n in 0..4 {
            site.post(POSTER, &[indicator(n), indicator(10 + n), indicator(20 + n)]).await;
        }
        let whole = site.get(SERVICE, &exchange("objects/")).await.ids();
        for limit in [1, 2, 3, 5, 100] {
            let mut got = Vec::new();
            let mut path = format!("objects/?limit={limit}");
            loop {
                let page = site.get(SERVICE, &exchange(&path)).await.ok();
                got.extend(super::ids(&page));
                let Some(next) = page["next"].as_str() else { break };
                assert_eq!(page["more"], true);
                path = format!("objects/?limit={limit}&next={next}&added_after=1970-01-01T00:00:00.000Z");
            }
            assert_eq!(got, whole, "{limit}");
        }
    }

    a_mark_of_the_clients_own_clock_stays_where_it_is => |hub| {
        let site = Site::over(hub);
        lenient(&site).await;
        site.seed().await;
        for mark in ["2999-01-01T00:00:00Z", "2999-01-01T00:00:00.123Z"] {
            let page = site.get(SERVICE, &exchange(&format!("objects/?added_after={mark}"))).await;
            assert_eq!(cut(page.last()), cut(mark));
        }
        // One between two milliseconds goes back to where nothing can be missed, and no further.
        let odd = site.get(SERVICE, &exchange("objects/?added_after=2999-01-01T00:00:00.123456Z")).await;
        assert_eq!(odd.last(), "2999-01-01T00:00:00.122000Z");
    }

    every_object_says_its_version_and_is_otherwise_as_it_was => |hub| {
        let site = Site::over(hub);
        lenient(&site).await;
        let plain = domain("a.evil.example");
        let text = plain.to_string().replace("\"spec_version\":\"2.1\",", "");
        let body = format!("{{\"objects\":[{}]}}", text.replacen('{', "{\"object_marking_refs\":[\"marking-definition--94868c89-83c2-464b-929b-a1a8aa3c8487\"],", 1));
        assert_eq!(site.send(POSTER, &body).await.json()["failure_count"], 0);
        let page = site.get(SERVICE, &exchange("objects/")).await.ok();
        let objects = page["objects"].as_array().unwrap();
        assert!(objects.iter().any(|object| object["type"] == "domain-name"));
        assert!(objects.iter().all(|object| object["spec_version"] == "2.1"));
        let own = site.get(POSTER, &exchange("objects/?match[type]=domain-name")).await;
        assert!(!own.text.contains("spec_version"), "the standard profile serves the bytes");
    }

    the_profile_is_a_services_own_and_shows_in_a_plan => |hub| {
        let fault = hub.exchange.apply_council(&file("ict-poc", "lenient")).await;
        assert!(format!("{fault:?}").contains("taxii"), "{fault:?}");
        assert!(hub.exchange.apply_council(&file(SERVICE, "relaxed")).await.is_err());
        hub.exchange.apply_council(&file(SERVICE, "standard")).await.unwrap();
        let read = |text: &str| Directory::new(1, CouncilFile::parse(text).unwrap());
        let old = read(&without_cases(sekisho::demo::COUNCIL));
        let new = read(&file(SERVICE, "lenient"));
        let found = plan::diff(&old, &new, crate::harness::start());
        assert_eq!(found.principals.len(), 1);
        assert_eq!(found.principals[0].fields[0].field, "taxii");
    }
}

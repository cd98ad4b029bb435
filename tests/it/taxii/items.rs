//! Items 1 to 29 of the checklist: types, login, requests and answers.

use axum::body::Body;
use serde_json::{Value, json};

use super::{
    EXCHANGE, POSTER, READER, RED, Site, TAXII, exchange, indicator, indicator_id, marked,
};
use crate::harness::both;

const COUNCIL: &str = "/taxii2/council/";

fn version_4(id: &Value) {
    let id = uuid::Uuid::parse_str(id.as_str().unwrap()).unwrap();
    assert_eq!(
        (id.get_version_num(), id.get_variant()),
        (4, uuid::Variant::RFC4122)
    );
}

/// `YYYY-MM-DDTHH:MM:SS.ssssssZ`.
fn is_stamp(text: &str) -> bool {
    let form = "0000-00-00T00:00:00.000000Z";
    text.len() == form.len()
        && text
            .bytes()
            .zip(form.bytes())
            .all(|(byte, form)| match form {
                b'0' => byte.is_ascii_digit(),
                other => byte == other,
            })
}

fn names(value: &Value) -> Vec<&str> {
    value
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect()
}

/// Every resource there is: its path, and the names it must and may have.
const RESOURCES: &[(&str, &[&str], &[&str])] = &[
    (
        "/taxii2/",
        &["title"],
        &["description", "contact", "default", "api_roots"],
    ),
    (
        COUNCIL,
        &["title", "versions", "max_content_length"],
        &["description"],
    ),
    ("/taxii2/council/collections/", &[], &["collections"]),
    (
        "/taxii2/council/collections/exchange/",
        &["id", "title", "can_read", "can_write"],
        &["description", "alias", "media_types"],
    ),
    (
        "/taxii2/council/collections/exchange/manifest/?limit=1",
        &[],
        &["more", "next", "objects"],
    ),
    (
        "/taxii2/council/collections/exchange/objects/?limit=1",
        &[],
        &["more", "next", "objects"],
    ),
];

const FOUR: [&str; 4] = [
    "manifest/",
    "objects/",
    "objects/{}/",
    "objects/{}/versions/",
];

fn four() -> Vec<String> {
    FOUR.iter()
        .map(|path| exchange(&path.replace("{}", &indicator_id(1))))
        .collect()
}

both! {
    item_01_booleans_are_bare => |hub| {
        let site = Site::over(hub);
        site.seed().await;
        let collection = site.get(POSTER, &exchange("")).await.ok();
        assert_eq!((&collection["can_read"], &collection["can_write"]), (&json!(true), &json!(true)));
        assert_eq!(site.get(POSTER, &exchange("objects/?limit=1")).await.ok()["more"], json!(true));
    }

    item_02_ids_are_random_uuids => |hub| {
        let site = Site::over(hub);
        let status = site.post(POSTER, &[indicator(1)]).await;
        version_4(&status["id"]);
        for collection in site.get(POSTER, "/taxii2/council/collections/").await.ok()["collections"].as_array().unwrap() {
            version_4(&collection["id"]);
        }
    }

    item_03_integers_are_exact_in_every_reader => |hub| {
        let site = Site::over(hub);
        let status = site.post(POSTER, &[indicator(1)]).await;
        let root = site.get(POSTER, COUNCIL).await.ok();
        for value in [&root["max_content_length"], &status["total_count"], &status["success_count"], &status["failure_count"], &status["pending_count"]] {
            assert!(value.as_u64().unwrap() < 1 << 53, "{value}");
        }
    }

    item_04_an_empty_list_is_left_out => |hub| {
        let site = Site::over(hub);
        for path in ["objects/", "manifest/"] {
            assert_eq!(site.get(READER, &exchange(path)).await.ok(), json!({}));
        }
        let status = site.post(POSTER, &[indicator(1)]).await;
        assert!(status.get("failures").is_none() && status.get("pendings").is_none(), "{status}");
        let late = format!("objects/{}/versions/?added_after=2999-01-01T00:00:00Z", indicator_id(1));
        assert_eq!(site.get(POSTER, &exchange(&late)).await.ok(), json!({}));
    }

    item_05_timestamps_have_six_digits => |hub| {
        let site = Site::over(hub);
        let status = site.post(POSTER, &[indicator(1)]).await;
        assert!(is_stamp(status["request_timestamp"].as_str().unwrap()));
        let manifest = site.get(POSTER, &exchange("manifest/")).await;
        for record in manifest.ok()["objects"].as_array().unwrap() {
            assert!(is_stamp(record["date_added"].as_str().unwrap()));
        }
        assert!(is_stamp(manifest.last()) && !is_stamp("2026-01-02T00:00:00.000Z"));
    }

    item_06_every_property_has_its_type => |hub| {
        let site = Site::over(hub);
        site.seed().await;
        let root = site.get(POSTER, COUNCIL).await.ok();
        assert_eq!(root["versions"], json!([TAXII]));
        let record = site.get(POSTER, &exchange("manifest/")).await.ok()["objects"][0].clone();
        for name in ["id", "date_added", "version", "media_type"] {
            assert!(record[name].is_string(), "{record}");
        }
        let collection = site.get(POSTER, &exchange("")).await.ok();
        assert_eq!(collection["media_types"], json!([record["media_type"]]));
    }

    item_07_names_are_exact_and_all_that_are_required_are_there => |hub| {
        let site = Site::over(hub);
        site.seed().await;
        for (path, required, allowed) in RESOURCES {
            let resource = site.get(POSTER, path).await.ok();
            let have = names(&resource);
            assert!(required.iter().all(|name| have.contains(name)), "{path}: {have:?}");
            assert!(have.iter().all(|name| required.contains(name) || allowed.contains(name)), "{path}: {have:?}");
        }
    }

    item_08_a_doubled_key_and_a_lone_surrogate_are_refused => |hub| {
        let site = Site::over(hub);
        let object = indicator(1).to_string();
        for broken in [
            object.replacen("{", "{\"name\":\"twice\",", 1),
            object.replace("Beacon 1", "\\ud800 Beacon"),
        ] {
            let answer = site.send(POSTER, &format!("{{\"objects\":[{broken}]}}")).await;
            let refused = answer.status >= 400 || answer.json()["failure_count"] == 1;
            assert!(refused, "{answer:?}");
        }
        assert_eq!(site.get(POSTER, &exchange("objects/")).await.text, "{}");
        let answer = site.send(POSTER, "{\"objects\":[],\"objects\":[]}").await;
        assert!(answer.status == 400 || answer.status == 422);
    }

    item_10_basic_works_with_a_key_as_password => |hub| {
        let site = Site::over(hub);
        let login = site.basic(POSTER).await;
        assert_eq!(site.bare("GET", COUNCIL, &[("authorization", &login)], Body::empty()).await.status, 200);
        let wrong = "Basic aWN0LXRheGlpOng=";
        assert_eq!(site.bare("GET", COUNCIL, &[("authorization", wrong)], Body::empty()).await.status, 401);
    }

    item_11_who_may_not_is_answered_and_not_ignored => |hub| {
        Site::over(hub).bare("GET", COUNCIL, &[], Body::empty()).await.refused(401);
    }

    item_12_a_401_names_the_ways_to_log_in => |hub| {
        let site = Site::over(hub);
        for path in [COUNCIL.to_owned(), exchange("objects/"), exchange("objects/x/"), "/taxii2/council/status/x/".to_owned()] {
            let answer = site.get("", &path).await;
            answer.refused(401);
            for scheme in ["Basic realm=", "Bearer realm="] {
                assert!(answer.header("www-authenticate").contains(scheme));
            }
        }
        assert!(site.get("", "/taxii2/public/").await.headers.get("www-authenticate").is_none());
    }

    item_14_what_is_left_out_breaks_no_other_rule => |hub| {
        let site = Site::over(hub);
        site.post(POSTER, &[indicator(1), marked(indicator(2), RED)]).await;
        let (objects, manifest) = (site.get(READER, &exchange("objects/")).await, site.get(READER, &exchange("manifest/")).await);
        assert_eq!(objects.ids(), manifest.ids());
        assert!(!objects.text.contains("Beacon 2") && objects.text.contains("Beacon 1"));
    }

    item_16_a_cursor_is_read_anew_for_who_presents_it => |hub| {
        let site = Site::over(hub);
        site.post(POSTER, &[indicator(1), marked(indicator(2), RED), marked(indicator(3), RED)]).await;
        let page = site.get(POSTER, &exchange("objects/?limit=1")).await.ok();
        let next = page["next"].as_str().unwrap();
        let others = site.get(READER, &exchange(&format!("objects/?next={next}"))).await;
        assert!(!others.text.contains("Beacon 2") && !others.text.contains("Beacon 3"));
        let mut forged = next.to_owned();
        let last = if forged.pop() == Some('A') { 'B' } else { 'A' };
        forged.push(last);
        site.get(POSTER, &exchange(&format!("objects/?next={forged}"))).await.refused(400);
    }

    item_17_hidden_and_absent_are_the_same_bytes => |hub| {
        let site = Site::over(hub);
        site.post(POSTER, &[marked(indicator(1), RED)]).await;
        for rest in ["", "versions/"] {
            for method in ["GET", "DELETE"] {
                let path = |n| exchange(&format!("objects/{}/{rest}", indicator_id(n)));
                // The second may delete what is its own.
                for who in [READER, "finance-taxii"] {
                    let hidden = site.ask(who, method, &path(1), &[], "").await;
                    let absent = site.ask(who, method, &path(9), &[], "").await;
                    assert_eq!((hidden.status, hidden.text), (absent.status, absent.text));
                }
            }
        }
        let many = vec!["indicator"; 501].join(",");
        site.get(READER, &exchange(&format!("objects/?match[type]={many}"))).await.refused(400);
    }

    item_18_both_forms_of_a_path_are_one => |hub| {
        let site = Site::over(hub);
        site.seed().await;
        for path in four() {
            let with = site.get(POSTER, &path).await;
            let without = site.get(POSTER, path.trim_end_matches('/')).await;
            let doubled = site.get(POSTER, &path.replace("/taxii2/", "//taxii2//")).await;
            assert_eq!((with.status, &with.text), (200, &without.text));
            assert_eq!(with.text, doubled.text);
        }
    }

    item_19_an_answer_is_the_resource_of_its_endpoint => |hub| {
        let site = Site::over(hub);
        site.seed().await;
        let manifest = site.get(POSTER, &exchange("manifest/")).await.ok();
        assert!(manifest["objects"][0]["date_added"].is_string());
        let versions = site.get(POSTER, &exchange(&format!("objects/{}/versions/", indicator_id(1)))).await.ok();
        assert_eq!(versions, json!({"versions": ["2026-01-02T00:00:00.000Z"]}));
    }

    item_20_a_failure_is_an_error_resource => |hub| {
        let site = Site::over(hub);
        site.get(POSTER, "/taxii2/nowhere/").await.refused(404);
        site.get(POSTER, "/taxii2/council/no/such/path/at/all").await.refused(404);
        site.get(POSTER, "/taxii2/council/collections/%ff/").await.refused(404);
        site.get(POSTER, &exchange("objects/?limit=0")).await.refused(400);
        site.ask(POSTER, "PUT", &exchange("objects/"), &[], "").await.refused(405);
        let headers = [("content-type", "text/csv")];
        site.ask(POSTER, "POST", &exchange("objects/"), &headers, "").await.refused(415);
    }

    item_21_every_answer_says_media_type_and_version => |hub| {
        let site = Site::over(hub);
        let mut paths = vec!["/taxii2/".to_owned(), "/taxii2/council/collections/".to_owned(), "/taxii2/x/".to_owned(), exchange("x/")];
        paths.extend(four());
        for path in paths {
            for who in ["", POSTER] {
                assert_eq!(site.get(who, &path).await.header("content-type"), TAXII, "{path}");
            }
        }
        let head = site.ask(POSTER, "HEAD", &exchange("objects/"), &[], "").await;
        assert_eq!(head.header("content-type"), TAXII);
    }

    item_22_without_a_version_the_highest_answers => |hub| {
        let site = Site::over(hub);
        let answer = site.ask(POSTER, "GET", COUNCIL, &[("accept", "application/taxii+json")], "").await;
        assert_eq!(answer.header("content-type"), TAXII);
        answer.ok();
    }

    item_23_what_is_defined_is_never_406_nor_415 => |hub| {
        let site = Site::over(hub);
        site.seed().await;
        let paths = four().into_iter().chain(["/taxii2/".to_owned(), COUNCIL.to_owned()]);
        for path in paths {
            for accept in [TAXII, "application/taxii+json", "application/taxii+json; version=2.1"] {
                assert_eq!(site.ask(POSTER, "GET", &path, &[("accept", accept)], "").await.status, 200, "{path}");
            }
        }
        let stix = [("accept", "application/stix+json;version=2.1")];
        assert_eq!(site.ask(POSTER, "GET", &exchange("manifest/"), &stix, "").await.status, 200);
        let body = json!({"objects": [indicator(7)]}).to_string();
        for content in [TAXII, "application/taxii+json"] {
            let headers = [("accept", TAXII), ("content-type", content)];
            assert_eq!(site.ask(POSTER, "POST", &exchange("objects/"), &headers, &body).await.status, 202);
        }
    }

    item_24_what_the_hub_does_not_speak_is_406_and_415 => |hub| {
        let site = Site::over(hub);
        for accept in ["application/vnd.oasis.taxii+json; version=2.0", "text/html"] {
            site.ask(POSTER, "GET", COUNCIL, &[("accept", accept)], "").await.refused(406);
        }
        let headers = [("content-type", "application/json")];
        site.ask(POSTER, "POST", &exchange("objects/"), &headers, "{}").await.refused(415);
    }

    item_25_a_post_without_a_content_type_is_refused => |hub| {
        let site = Site::over(hub);
        let body = json!({"objects": [indicator(1)]}).to_string();
        site.ask(POSTER, "POST", &exchange("objects/"), &[("accept", TAXII)], &body).await.refused(415);
        let headers = [("content-type", TAXII)];
        assert_eq!(site.ask(POSTER, "POST", &exchange("objects/"), &headers, &body).await.status, 202);
    }

    item_26_a_malformed_parameter_is_400_on_every_endpoint_that_filters => |hub| {
        let site = Site::over(hub);
        site.seed().await;
        for path in four() {
            for query in ["limit=x", "added_after=yesterday", "match[version]=newest", "match[spec_version]=x", "next=x"] {
                site.get(POSTER, &format!("{path}?{query}")).await.refused(400);
            }
            site.get(POSTER, &format!("{path}?unknown=1")).await.ok();
        }
    }

    item_27_nobody_has_to_say_which_program_asks => |hub| {
        let site = Site::over(hub);
        let login = site.basic(POSTER).await;
        assert_eq!(site.bare("GET", &exchange("objects/"), &[("authorization", &login)], Body::empty()).await.status, 200);
        let named = [("authorization", login.as_str()), ("user-agent", "taxii2-client/2.3.0")];
        assert_eq!(site.bare("GET", &exchange("objects/"), &named, Body::empty()).await.status, 200);
    }

    item_28_what_is_not_taxii_lies_elsewhere => |hub| {
        let site = Site::over(hub);
        let answer = site.ask(POSTER, "PATCH", &exchange(&format!("objects/{}/", indicator_id(1))), &[], "").await;
        answer.refused(405);
        assert_eq!(answer.header("allow"), "GET,HEAD,DELETE");
        assert_ne!(site.get(POSTER, "/v1/me").await.header("content-type"), TAXII);
    }

    item_29_the_date_headers_are_on_every_page => |hub| {
        let site = Site::over(hub);
        site.seed().await;
        for path in four() {
            for query in ["", "?added_after=2999-01-01T00:00:00.000000Z", "?limit=1", "?match[spec_version]=2.0"] {
                let page = site.get(POSTER, &format!("{path}{query}")).await;
                page.ok();
                for name in ["x-taxii-date-added-first", "x-taxii-date-added-last"] {
                    assert!(is_stamp(page.header(name)), "{path}{query}: {page:?}");
                }
            }
        }
        let manifest = site.get(POSTER, &exchange("manifest/")).await;
        let body = manifest.ok();
        let records = body["objects"].as_array().unwrap();
        let date = |record: Option<&Value>| record.unwrap()["date_added"].as_str().unwrap().to_owned();
        assert_eq!(manifest.header("x-taxii-date-added-first"), date(records.first()));
        assert_eq!(manifest.last(), date(records.last()));
        assert!(site.get(POSTER, &exchange("")).await.last().is_empty(), "{EXCHANGE} itself has none");
    }
}

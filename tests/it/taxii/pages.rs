//! Items 30 to 39: order, filters, pages, envelopes, errors.

use serde_json::{Value, json};

use super::{POSTER, READER, Site, domain, exchange, ids, indicator, indicator_id, version};
use crate::harness::both;

fn modified(answer: &super::Answer) -> Vec<String> {
    let body = answer.ok();
    let list = body["objects"].as_array().cloned().unwrap_or_default();
    list.iter()
        .map(|object| object["modified"].as_str().unwrap()[11..13].to_owned())
        .collect()
}

/// Every type that STIX 2.1 defines.
const TYPES: &str = "attack-pattern,campaign,course-of-action,grouping,identity,incident,indicator,infrastructure,\
intrusion-set,location,malware,malware-analysis,note,observed-data,opinion,report,threat-actor,tool,vulnerability,\
relationship,sighting,artifact,autonomous-system,directory,domain-name,email-addr,email-message,file,ipv4-addr,\
ipv6-addr,mac-addr,mutex,network-traffic,process,software,url,user-account,windows-registry-key,x509-certificate,\
language-content,marking-definition,extension-definition";

both! {
    item_30_pages_ascend_by_date_added_and_collections_keep_their_order => |hub| {
        let site = Site::over(hub);
        site.seed().await;
        site.post(POSTER, &[indicator(0)]).await;
        let manifest = site.get(READER, &exchange("manifest/")).await.ok();
        let dates: Vec<&str> = manifest["objects"].as_array().unwrap().iter().map(|r| r["date_added"].as_str().unwrap()).collect();
        assert!(dates.len() > 4 && dates.is_sorted() && !dates.windows(2).any(|two| two[0] == two[1]));
        assert_eq!(ids(&manifest), site.get(READER, &exchange("objects/")).await.ids());
        let list = |answer: Value| -> Vec<String> { answer["collections"].as_array().unwrap().iter().map(|c| c["id"].to_string()).collect() };
        let first = list(site.get(READER, "/taxii2/council/collections/").await.ok());
        assert!(first.is_sorted());
        assert_eq!(first, list(site.get(POSTER, "/taxii2/council/collections/").await.ok()));
    }

    item_31_added_after_is_strict_and_about_date_added_alone => |hub| {
        let site = Site::over(hub);
        site.seed().await;
        let all = site.get(POSTER, &exchange("manifest/")).await.ok();
        let dates: Vec<&str> = all["objects"].as_array().unwrap().iter().map(|r| r["date_added"].as_str().unwrap()).collect();
        let after = site.get(POSTER, &exchange(&format!("manifest/?added_after={}", dates[0]))).await;
        assert_eq!(after.ids(), ids(&all)[1..], "strictly after, oldest first");
        // Everything here was created long before it was added.
        let stix = site.get(POSTER, &exchange("objects/?added_after=2026-06-01T00:00:00Z")).await;
        assert_eq!(stix.ids(), ids(&all));
        let twice = format!("objects/?added_after={0}&added_after={0}", dates[0]);
        site.get(POSTER, &exchange(&twice)).await.refused(400);
    }

    item_32_limit_bounds_a_page_and_more_says_whether_it_is_the_last => |hub| {
        let site = Site::over(hub);
        site.seed().await;
        let whole = site.get(READER, &exchange("objects/")).await.ids().len();
        for limit in 1..=whole + 2 {
            let page = site.get(READER, &exchange(&format!("objects/?limit={limit}"))).await;
            assert_eq!(page.ids().len(), limit.min(whole));
            assert_eq!(page.json()["more"] == true, limit < whole, "{limit} of {whole}");
        }
        for limit in ["0", "-1", "1.0", "ten", ""] {
            site.get(READER, &exchange(&format!("objects/?limit={limit}"))).await.refused(400);
        }
    }

    item_33_next_and_the_mark_lead_through_the_same_pages => |hub| {
        let site = Site::over(hub);
        site.seed().await;
        for resource in ["objects/", "manifest/"] {
            let whole = site.get(READER, &exchange(resource)).await.ids();
            for filter in ["", "&match[type]=indicator"] {
                let wanted: Vec<String> = whole.iter().filter(|id| filter.is_empty() || id.starts_with("indicator")).cloned().collect();
                for by_cursor in [true, false] {
                    let path = exchange(&format!("{resource}?limit=2{filter}"));
                    let pages = site.all(READER, &path, by_cursor).await;
                    let got: Vec<String> = pages.iter().flat_map(super::Answer::ids).collect();
                    assert_eq!(got, wanted, "{resource}{filter} {by_cursor}");
                    // Full until the end, also where a filter passes over what lies between.
                    let full = pages.iter().rev().skip(1).all(|page| page.ids().len() == 2);
                    assert!(full, "{resource}{filter}");
                }
            }
        }
    }

    item_34_fields_are_joined_by_and_and_values_by_or => |hub| {
        let site = Site::over(hub);
        site.seed().await;
        site.post(POSTER, &[domain("a.evil.example")]).await;
        let count = async |query: &str| site.get(POSTER, &exchange(&format!("objects/?{query}"))).await.ids().len();
        assert_eq!(count("match[type]=indicator,domain-name").await, 4);
        let (one, two) = (indicator_id(1), indicator_id(2));
        assert_eq!(count(&format!("match[id]={one},{two}")).await, 2);
        assert_eq!(count(&format!("match[id]={one}&match[type]=indicator")).await, 1);
        assert_eq!(count(&format!("match[id]={one}&match[type]=domain-name")).await, 0);
        assert_eq!(count(&format!("match[id]={one}&match[colour]=red")).await, 1);
        for query in ["match[type]=indicator&match[type]=note", "match[type]=indicator,%20note"] {
            site.get(POSTER, &exchange(&format!("objects/?{query}"))).await.refused(400);
        }
    }

    item_35_every_type_of_the_standard_can_be_asked_for => |hub| {
        let site = Site::over(hub);
        site.seed().await;
        assert_eq!(TYPES.split(',').count(), 19 + 2 + 18 + 3);
        for one in TYPES.split(',').chain(["x-our-own"]) {
            site.get(POSTER, &exchange(&format!("objects/?match[type]={one}"))).await.ok();
        }
        assert!(site.get(POSTER, &exchange(&format!("objects/?match[type]={TYPES}"))).await.ids().len() >= 3);
    }

    item_36_versions_are_last_first_all_or_exact => |hub| {
        let site = Site::over(hub);
        for hour in [1, 2, 3] {
            site.post(POSTER, &[version(1, hour)]).await;
        }
        let one = format!("objects/{}/", indicator_id(1));
        for path in ["objects/".to_owned(), one] {
            let got = async |of: &str| modified(&site.get(POSTER, &exchange(&format!("{path}?match[type]=indicator{of}"))).await);
            assert_eq!(got("").await, ["03"]);
            assert_eq!(got("&match[version]=last").await, ["03"]);
            assert_eq!(got("&match[version]=first").await, ["01"]);
            assert_eq!(got("&match[version]=all").await, ["01", "02", "03"]);
            assert_eq!(got("&match[version]=2026-01-02T02:00:00.000Z").await, ["02"]);
            assert_eq!(got("&match[version]=first,2026-01-02T02:00:00.000Z").await, ["01", "02"]);
            assert!(got("&match[version]=2026-01-02T09:00:00.000Z").await.is_empty());
        }
        for bad in ["all,last", "last,last", "2026-01-02T02:00:00Z,2026-01-02T02:00:00.000Z"] {
            site.get(POSTER, &exchange(&format!("objects/?match[version]={bad}"))).await.refused(400);
        }
        let marking = site.get(READER, &exchange("manifest/?match[type]=marking-definition")).await.ok()["objects"][0].clone();
        let path = format!("objects/?match[id]={}&match[version]={}", marking["id"].as_str().unwrap(), marking["version"].as_str().unwrap());
        assert_eq!(site.get(READER, &exchange(&path)).await.ids().len(), 1, "its version is its `created`");
    }

    item_37_only_stix_2_1_is_there => |hub| {
        let site = Site::over(hub);
        site.seed().await;
        let count = async |of: &str| site.get(POSTER, &exchange(&format!("objects/{of}"))).await.ids().len();
        assert_eq!(count("?match[spec_version]=2.0").await, 0);
        assert!(count("?match[spec_version]=2.1").await == count("").await && count("?match[spec_version]=2.0,2.1").await == count("").await);
        let one = exchange(&format!("objects/{}/?match[spec_version]=2.0", indicator_id(1)));
        assert_eq!(site.get(POSTER, &one).await.ok(), json!({}));
    }

    item_38_an_envelope_holds_objects_and_no_bundle => |hub| {
        let site = Site::over(hub);
        assert_eq!(site.get(POSTER, &exchange("objects/")).await.text, "{}");
        let bundle = json!({"type": "bundle", "id": "bundle--6f0d3b8e-4c52-4e19-9a7d-0b2f5c8e1d00", "objects": [indicator(1)]});
        assert_eq!(site.send(POSTER, &bundle.to_string()).await.status, 202);
        let nested = site.send(POSTER, &json!({"objects": [bundle]}).to_string()).await;
        assert!(nested.status == 422 || nested.json()["failure_count"] == 1, "{nested:?}");
        let page = site.get(POSTER, &exchange("objects/")).await.ok();
        assert!(page.get("type").is_none() && page["objects"].as_array().unwrap().iter().all(|o| o["type"] != "bundle"));
    }

    item_39_an_error_says_what_and_repeats_its_status_as_text => |hub| {
        let site = Site::over(hub);
        let error = site.get(POSTER, &exchange("objects/?limit=0")).await.refused(400);
        let known = ["title", "description", "error_id", "error_code", "http_status", "external_details", "details"];
        assert!(error.as_object().unwrap().keys().all(|name| known.contains(&name.as_str())), "{error}");
        assert!(error["http_status"].is_string() && error["details"].is_object());
    }
}

//! DELETE (TAXII 5.7): a withdrawal by the source, over TAXII.

use chrono::TimeDelta;
use sekisho::exchange::withdraw::Withdrawal;
use serde_json::{Value, json};

use super::{
    CLEAR, POSTER, READER, RED, Site, TAXII, exchange, indicator, indicator_id, marked, version,
};
use crate::harness::{both, sample};

fn path(n: u32) -> String {
    exchange(&format!("objects/{}/", indicator_id(n)))
}

/// What a reader has of the indicators, by name.
async fn names(site: &Site, who: &str, query: &str) -> Vec<String> {
    let page = site
        .get(
            who,
            &exchange(&format!("objects/?match[type]=indicator{query}")),
        )
        .await
        .ok();
    let list = page["objects"].as_array().cloned().unwrap_or_default();
    list.iter()
        .map(|object| object["name"].as_str().unwrap().to_owned())
        .collect()
}

async fn notices(site: &Site, who: &str) -> Vec<Value> {
    let answer = site.get(who, "/v1/notices").await;
    answer.json()["items"].as_array().unwrap().clone()
}

both! {
    a_delete_answers_with_its_content_type_and_no_payload_and_the_object_is_gone_everywhere => |hub| {
        let site = Site::over(hub);
        site.seed().await;
        assert_eq!(names(&site, READER, "").await.len(), 3);
        let answer = site.delete(POSTER, &path(2)).await;
        assert_eq!((answer.status, answer.text.as_str(), answer.header("content-type")), (200, "", TAXII));
        for (who, left) in [(POSTER, 2), (READER, 2), ("ict-publisher", 2)] {
            site.get(who, &path(2)).await.refused(404);
            site.get(who, &exchange(&format!("objects/{}/versions/", indicator_id(2)))).await.refused(404);
            for resource in ["objects", "manifest"] {
                for of in ["", "&match[version]=all"] {
                    let page = site.get(who, &exchange(&format!("{resource}/?match[type]=indicator{of}"))).await;
                    assert_eq!(page.ids().len(), left, "{who} {resource}{of}");
                }
            }
        }
        let asked = exchange(&format!("objects/?match[id]={}", indicator_id(2)));
        assert_eq!(site.get(POSTER, &asked).await.ok(), json!({}));
        site.delete(POSTER, &path(2)).await.refused(404);
        assert_eq!(names(&site, POSTER, "").await.len(), 2);
    }

    who_had_it_is_told_and_who_had_not_is_not => |hub| {
        let site = Site::over(hub);
        site.seed().await;
        names(&site, READER, "").await;
        site.delete(POSTER, &path(2)).await;
        let told = notices(&site, READER).await;
        assert_eq!(told.len(), 1, "{told:?}");
        assert_eq!(told[0]["kind"], "withdrawn");
        assert!(notices(&site, "water-analyst").await.is_empty());
    }

    only_the_source_deletes_and_nobody_learns_of_what_is_hidden => |hub| {
        let site = Site::over(hub);
        site.post(POSTER, &[marked(indicator(1), CLEAR), marked(indicator(2), RED)]).await;
        // Another publisher reads the one and not the other.
        let seen = site.get("finance-taxii", &path(1)).await;
        assert_eq!(seen.status, 200);
        site.delete("finance-taxii", &path(1)).await.refused(403);
        let hidden = site.delete("finance-taxii", &path(2)).await;
        let absent = site.delete("finance-taxii", &path(3)).await;
        assert_eq!(hidden.refused(404), absent.refused(404));
        for (who, n) in [(READER, 1), (READER, 2), (READER, 3)] {
            site.delete(who, &path(n)).await.refused(403);
        }
        site.delete("", &path(1)).await.refused(401);
        assert_eq!(names(&site, POSTER, "").await.len(), 2, "nothing was deleted");
        // A rendition is the hub's, and its source's publisher does not find it by guessing.
        let rendition = site.get(READER, &exchange("objects/?match[type]=indicator")).await.ids()[0].clone();
        assert_ne!(site.delete("finance-taxii", &exchange(&format!("objects/{rendition}/"))).await.status, 200);
        // A colleague of the source's body may.
        assert_eq!(site.delete("ict-publisher", &path(1)).await.status, 200);
    }

    the_same_id_of_two_sources_is_deleted_by_each_for_itself => |hub| {
        let site = Site::over(hub);
        site.post(POSTER, &[marked(indicator(1), RED)]).await;
        site.post("finance-taxii", &[marked(indicator(1), RED)]).await;
        assert_eq!(site.delete("finance-taxii", &path(1)).await.status, 200);
        site.delete("finance-taxii", &path(1)).await.refused(404);
        assert_eq!(site.get(POSTER, &path(1)).await.status, 200, "the other's stays");
    }

    the_versions_asked_for_go_and_the_newest_that_is_left_stands => |hub| {
        let site = Site::over(hub);
        for hour in [1, 2, 3, 4, 5] {
            site.post(POSTER, &[version(1, hour)]).await;
        }
        let hours = async |who: &str, of: &str| -> String {
            let names = names(&site, who, of).await;
            names.iter().map(|name| name.rsplit(' ').next().unwrap().to_owned()).collect::<Vec<_>>().join(" ")
        };
        let all = "&match[version]=all";
        let delete = async |of: &str| site.delete(POSTER, &format!("{}?{of}", path(1))).await.status;
        assert_eq!(delete("match[version]=2026-01-02T02:00:00.000Z").await, 200);
        for who in [POSTER, READER] {
            assert_eq!((hours(who, "").await.as_str(), hours(who, all).await.as_str()), ("5", "1 3 4 5"), "{who}");
        }
        assert_eq!(delete("match[version]=first").await, 200);
        assert_eq!(hours(POSTER, all).await, "3 4 5");
        assert_eq!(delete("match[version]=2026-01-02T09:00:00.000Z").await, 404);
        assert_eq!(delete("match[spec_version]=2.0").await, 404);
        assert_eq!(delete("match[version]=newest").await, 400);
        // Without a filter, the latest.
        assert_eq!(delete("").await, 200);
        for who in [POSTER, READER] {
            assert_eq!((hours(who, "").await.as_str(), hours(who, all).await.as_str()), ("4", "3 4"), "{who}");
        }
        assert_eq!(delete("match[version]=all").await, 200);
        let left = format!("{}{}", hours(POSTER, all).await, hours(READER, all).await);
        assert_eq!(left, "");
        site.get(POSTER, &path(1)).await.refused(404);
    }

    what_was_deleted_can_be_posted_again_and_recalled => |hub| {
        let site = Site::over(hub);
        site.post(POSTER, &[indicator(1)]).await;
        let first = site.get(READER, &exchange("objects/")).await;
        site.delete(POSTER, &path(1)).await;
        let publisher = site.hub.caller(POSTER).await;
        site.hub.advance(TimeDelta::seconds(1));
        let recall = Withdrawal { recall: true, ..Withdrawal::default() };
        site.hub.exchange.withdraw(&publisher, &indicator_id(1), recall).await.unwrap();
        let told = notices(&site, READER).await;
        assert!(told.iter().any(|note| note["kind"] == "recalled"), "{told:?}");
        site.post(POSTER, &[indicator(1)]).await;
        let again = site.get(READER, &exchange(&format!("objects/?added_after={}", first.last()))).await;
        assert!(again.text.contains("Beacon 1"), "a new release has a new date");
        assert_eq!(site.get(POSTER, &path(1)).await.status, 200);
    }

    what_was_withdrawn_over_rest_leaves_the_desk_by_a_delete => |hub| {
        let site = Site::over(hub);
        site.post(POSTER, &[indicator(1)]).await;
        let publisher = site.hub.caller(POSTER).await;
        site.hub.exchange.withdraw(&publisher, &indicator_id(1), Withdrawal::default()).await.unwrap();
        assert_eq!(site.get(POSTER, &path(1)).await.status, 200, "the desk keeps it");
        assert_eq!(site.delete(POSTER, &path(1)).await.status, 200);
        site.get(POSTER, &path(1)).await.refused(404);
    }

    what_is_held_can_be_deleted_and_is_not_asked_about_any_more => |hub| {
        let site = Site::over(hub);
        site.post("finance-taxii", &[indicator(1)]).await;
        assert_eq!(site.get("finance-taxii", &path(1)).await.status, 200);
        assert_eq!(site.delete("finance-taxii", &path(1)).await.status, 200);
        site.get("finance-taxii", &path(1)).await.refused(404);
        let waiting = site.get("finance-poc", "/v1/approvals").await.json();
        assert_eq!(waiting["items"], json!([]), "{waiting}");
    }

    parts_of_a_report_go_with_the_report => |hub| {
        hub.publish("ict-publisher", &sample("ICT-02")).await.unwrap();
        let site = Site::over(hub);
        for id in site.get("ict-publisher", &exchange("objects/")).await.ids() {
            site.delete("ict-publisher", &exchange(&format!("objects/{id}/"))).await.refused(403);
        }
    }

    deleting_what_is_hidden_changes_no_byte_for_who_never_saw_it => |hub| {
        let (plain, busy) = (Site::over(hub.fresh_with_secret(&[9; 32]).await), Site::over(hub.fresh_with_secret(&[9; 32]).await));
        for site in [&plain, &busy] {
            site.post(POSTER, &[indicator(1)]).await;
        }
        busy.post("finance-taxii", &[marked(indicator(2), RED), marked(version(1, 4), RED)]).await;
        plain.hub.advance(TimeDelta::seconds(1));
        for n in [1, 2] {
            assert_eq!(busy.delete("finance-taxii", &path(n)).await.status, 200);
        }
        for site in [&plain, &busy] {
            site.post(POSTER, &[indicator(3)]).await;
            site.delete(POSTER, &path(3)).await;
            site.post(POSTER, &[indicator(4), indicator(2)]).await;
        }
        for who in [READER, POSTER, "ict-analyst"] {
            for rest in ["objects/?limit=2", "manifest/?match[version]=all", "objects/?match[type]=indicator&limit=1"] {
                let (a, b) = (plain.all(who, &exchange(rest), true).await, busy.all(who, &exchange(rest), true).await);
                let told = |pages: &[super::Answer]| -> Vec<String> { pages.iter().map(|page| format!("{} {}", page.text, page.last())).collect() };
                assert_eq!(told(&a), told(&b), "{who} {rest}");
            }
            for n in 1..5 {
                let (a, b) = (plain.get(who, &path(n)).await, busy.get(who, &path(n)).await);
                assert_eq!((a.status, a.text), (b.status, b.text));
            }
            assert_eq!(plain.get(who, "/v1/notices").await.text, busy.get(who, "/v1/notices").await.text);
        }
        for (who, n) in [(POSTER, 2), (POSTER, 2), (POSTER, 9), (READER, 1), ("finance-taxii", 9)] {
            let (a, b) = (plain.delete(who, &path(n)).await, busy.delete(who, &path(n)).await);
            assert_eq!((a.status, a.text), (b.status, b.text), "{who} {n}");
        }
    }

    a_delete_is_recorded => |hub| {
        let site = Site::over(hub);
        site.seed().await;
        site.delete(POSTER, &path(1)).await;
        site.hub.exchange.seal_ledger().await.unwrap();
        let entries = site.get("ict-desk", "/v1/ledger/entries").await;
        assert!(entries.text.contains("withdrawn"), "{entries:?}");
    }
}

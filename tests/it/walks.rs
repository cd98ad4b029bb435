//! Pages of what is few among much: whichever way the store walks, through what the reader has or through
//! what is asked for, it comes to the same.

use sekisho::search::document::mark;
use sekisho::search::matching::Prepared;
use sekisho::search::{Document, Query, Wanted};
use sekisho::store::feed::{Content, Query as Page, Versions};
use sekisho::store::search::Asked;
use sekisho::store::{Db, Scope};
use serde_json::json;

use crate::harness::{both, cases};

both! {
    /// Either walk alone finds the same: whoever is slower is never needed.
    marks_with_the_signs_of_a_pattern_are_found_whichever_way_is_walked => |hub| {
        let products = ["Acme\\X", "50%_off", "a'b\"c", "架空 装置\\"];
        let advisory = json!({
            "kind": "advisory", "title": {"ja": "題"}, "summary": {"ja": "文"},
            "advisory": {"type": "alert", "route": "direct", "targets": {"products": products}},
            "handling": {"tlp": "GREEN"},
        });
        hub.publish("nco-advisor", &advisory).await.unwrap();
        let db = Db::open(&hub.address).await.unwrap();
        let mut tx = db.read().await.unwrap();
        let (newest, _) = tx.newest().await.unwrap();
        let audiences = tx.audiences_after(0).await.unwrap().into_iter();
        let scope = Scope { audiences: audiences.map(|(id, _)| id).collect(), now: hub.clock.now_micros(), newest, ..Scope::default() };
        let kinds = vec!["advisory".to_owned()];
        for product in products {
            let wanted = Wanted::All(vec![Wanted::Mark(mark("product", product))]);
            let asked = Asked { wanted: &wanted, kinds: &kinds, content: Content::Reports };
            let by_reader = tx.step_by_reader(&scope, &asked, None, 100).await.unwrap();
            let by_text = tx.step_by_text(&scope, &asked, None, 100).await.unwrap().unwrap();
            assert!(!by_text.entries.is_empty(), "{product}");
            assert_eq!(by_reader.entries.len(), by_text.entries.len(), "{product}");
        }
    }

    what_the_index_names_and_what_the_reader_has_come_to_the_same => |hub| {
        for (who, report) in cases() {
            let published = hub.publish(&who, &report).await.unwrap();
            hub.approve(&published.id).await;
        }
        let db = Db::open(&hub.address).await.unwrap();
        let mut tx = db.read().await.unwrap();
        let (newest, _) = tx.newest().await.unwrap();
        let audiences = tx.audiences_after(0).await.unwrap().into_iter();
        let scope = Scope { audiences: audiences.map(|(id, _)| id).collect(), now: hub.clock.now_micros(), newest, ..Scope::default() };
        let kinds = vec!["incident_cause".to_owned()];
        let mut found = 0;
        for query in ["停電", "DDoS", "電力供給", "委託先 VPN", "機器故障", "サーバー -VPN", "遠隔保守", "certificate", "水", "ランサム", "198.51.100.24", "存在しない語"] {
            let query = Query::parse(query).unwrap();
            let wanted = Wanted::of(&query, &[]);
            let asked = Asked { wanted: &wanted, kinds: &kinds, content: Content::Reports };
            // In steps of three, as in one.
            let (mut by_reader, mut by_text) = (Vec::new(), Vec::new());
            let mut mark = None;
            loop {
                let step = tx.step_by_reader(&scope, &asked, mark, 3).await.unwrap();
                by_reader.extend(step.entries);
                mark = step.mark;
                if mark.is_none() { break; }
            }
            loop {
                let step = tx.step_by_text(&scope, &asked, mark, 3).await.unwrap().unwrap();
                by_text.extend(step.entries);
                mark = step.mark;
                if mark.is_none() { break; }
            }
            let whole = tx.step_by_text(&scope, &asked, None, 1000).await.unwrap().unwrap();
            let matching = |entries: Vec<sekisho::store::Entry>| {
                let entries = entries.into_iter().filter(|entry| {
                    let document = Document::read(entry.report.as_deref().unwrap());
                    Prepared::of(&document).matches(&query).is_some()
                });
                entries.map(|entry| entry.stamp).collect::<Vec<_>>()
            };
            let (one, two) = (matching(by_reader), matching(by_text));
            assert_eq!(one, two, "{query:?}");
            assert_eq!(two, matching(whole.entries), "{query:?}");
            assert!(one.windows(2).all(|pair| pair[0] > pair[1]), "newest first, and each once");
            found += one.len();
        }
        assert!(found > 20, "{found}");
        // And so for whoever is in one audience alone.
        let query = Query::parse("システム -存在しない語").unwrap();
        let wanted = Wanted::of(&query, &[]);
        let asked = Asked { wanted: &wanted, kinds: &kinds, content: Content::Reports };
        let mut different = std::collections::BTreeSet::new();
        for audience in scope.audiences.iter().copied().step_by(3) {
            let one = Scope { audiences: vec![audience], ..scope.clone() };
            let by_reader = tx.step_by_reader(&one, &asked, None, 1000).await.unwrap();
            let by_text = tx.step_by_text(&one, &asked, None, 1000).await.unwrap().unwrap();
            let stamps = |entries: Vec<sekisho::store::Entry>| entries.iter().map(|entry| entry.stamp).collect::<Vec<_>>();
            let (one, two) = (stamps(by_reader.entries), stamps(by_text.entries));
            assert_eq!(one, two, "audience {audience}");
            different.insert(one);
        }
        assert!(different.len() > 5, "{}", different.len());
    }

    /// The same of pages of some types or kinds, which are few or many among what there is.
    what_is_of_a_kind_and_what_the_reader_has_come_to_the_same => |hub| {
        for (who, report) in cases() {
            let published = hub.publish(&who, &report).await.unwrap();
            hub.approve(&published.id).await;
        }
        let db = Db::open(&hub.address).await.unwrap();
        let mut tx = db.read().await.unwrap();
        let (newest, _) = tx.newest().await.unwrap();
        let audiences = tx.audiences_after(0).await.unwrap().into_iter();
        let all: Vec<i64> = audiences.map(|(id, _)| id).collect();
        let mut pages = vec![all.clone()];
        pages.extend(all.iter().step_by(5).map(|one| vec![*one]));
        let (mut some, mut none) = (0, 0);
        for audiences in pages {
            let scope = Scope { audiences, now: hub.clock.now_micros(), newest, ..Scope::default() };
            for versions in [Versions::Last, Versions::All] {
                for (types, kinds) in [
                    (vec!["identity"], vec![]), (vec!["marking-definition"], vec![]), (vec!["report", "ipv4-addr"], vec![]),
                    (vec!["malware"], vec![]), (vec![], vec!["incident_cause"]), (vec![], vec!["best_practice", "advisory"]),
                    (vec!["report"], vec!["best_practice"]), (vec!["identity"], vec!["advisory"]),
                ] {
                    // A view of some kinds is complete by itself, so what goes with them is left out here.
                    let reports = !kinds.is_empty();
                    let owned = |of: &[&str]| of.iter().map(|one| (*one).to_owned()).collect::<Vec<_>>();
                    let plain = Page { limit: 10_000, reports, versions: versions.clone(), ..Page::default() };
                    let (entries, _) = tx.page(&scope, &plain).await.unwrap();
                    let asked = entries.iter().filter(|entry| {
                        let of = entry.stix_id.split("--").next().unwrap();
                        (types.is_empty() || types.contains(&of))
                            && (kinds.is_empty() || kinds.contains(&entry.kind.as_str()))
                    });
                    let mut asked: Vec<i64> = asked.map(|entry| entry.stamp).collect();
                    for descending in [false, true] {
                        for limit in [1, 4, 500] {
                            let mut page = Page { descending, limit, reports, types: owned(&types), kinds: owned(&kinds), versions: versions.clone(), ..Page::default() };
                            let mut found = Vec::new();
                            loop {
                                let (entries, more) = tx.page(&scope, &page).await.unwrap();
                                found.extend(entries.iter().map(|entry| entry.stamp));
                                page.mark = found.last().copied();
                                assert!(!more || entries.len() == limit, "a page is full until the end");
                                if !more { break; }
                            }
                            assert_eq!(found, asked, "{types:?} {kinds:?} {limit}");
                        }
                        asked.reverse();
                    }
                    if asked.is_empty() { none += 1 } else { some += 1 }
                }
            }
        }
        assert!(some > 20 && none > 20, "{some} {none}");
    }
}

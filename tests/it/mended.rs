//! What was mended before it had a test: digests and age, names masked in records, notes and their
//! places, who splits, names that change, the charter against widening. And what is told of a digest,
//! what is forgotten, and level markings over TAXII.

use std::collections::{BTreeMap, BTreeSet};

use chrono::TimeDelta;
use sekisho::exchange::Refusal;
use sekisho::exchange::publish::{Published, Submission};
use sekisho::exchange::ways_out::{WayOut, WayTaken};
use sekisho::exchange::withdraw::Withdrawal;
use sekisho::handling::Channel;
use serde_json::{Value, json};

use crate::harness::{TestHub, both, sample, without_cases};
use crate::time::decisions;

fn digest(scheme: &str, level: &str, sector: &str) -> Value {
    json!({
        "kind": "best_practice", "handling": {"scheme": scheme, "level": level}, "sector": sector,
        "useful_for_sectors": ["power", "finance"],
        "title": {"ja": "今週のまとめ"}, "summary": {"ja": "二つの事例に共通する点。"},
        "practice": {"ja": "委託先の切替手順を確かめる。"},
    })
}

fn made_of(report: &Value, part: &str) -> Submission {
    Submission {
        bytes: report.to_string().into_bytes(),
        derived_from: vec![part.to_owned()],
        ..Submission::default()
    }
}

async fn submit(hub: &TestHub, who: &str, submission: Submission) -> Published {
    hub.advance(TimeDelta::seconds(1));
    let caller = hub.caller(who).await;
    hub.exchange.publish(&caller, submission).await.unwrap()
}

async fn way(hub: &TestHub, who: &str, id: &str, way: WayOut) -> Result<WayTaken, Refusal> {
    hub.advance(TimeDelta::seconds(1));
    let caller = hub.caller(who).await;
    hub.exchange.take_way_out(&caller, id, way).await
}

/// A digest of finance's that ICT, of whose report it is made, could not read.
async fn conflict(hub: &TestHub) -> Published {
    hub.publish("ict-publisher", &sample("ICT-02"))
        .await
        .unwrap();
    let read = hub.reports(Some("finance-taxii")).await[0].id.clone();
    submit(
        hub,
        "finance-taxii",
        made_of(&digest("S1", "会員限", "finance"), &read),
    )
    .await
}

/// A digest of ICT's, made of what finance's FIN-01 is to it.
async fn of_finance(hub: &TestHub) -> Published {
    let own = hub
        .publish("finance-publisher", &sample("FIN-01"))
        .await
        .unwrap()
        .id;
    assert_eq!(hub.approve(&own).await, "released");
    let read = hub.reports(Some("ict-taxii")).await[0].id.clone();
    submit(
        hub,
        "ict-taxii",
        made_of(&digest("S2", "第2種", "ict"), &read),
    )
    .await
}

both! {
    a_digest_does_not_become_looser_by_age => |hub| {
        let part = hub.publish("ict-publisher", &sample("ICT-02")).await.unwrap().id;
        let whole = submit(&hub, "ict-publisher", made_of(&digest("S2", "第2種", "ict"), &part)).await;
        hub.approve(&whole.id).await;
        hub.advance(TimeDelta::days(366));
        hub.exchange.act_on_time().await.unwrap();
        let public = hub.reports(None).await;
        assert_eq!(public.len(), 1, "the part alone");
        assert!(!public[0].report.get().contains("今週のまとめ"));
        let records = decisions(&hub).await;
        assert!(records.iter().any(|record| record["decision"] == "downgrade.not_done" && record["item"] == whole.id.as_str()));
    }

    a_record_of_a_way_out_or_a_silence_names_no_item_and_other_body_together => |hub| {
        let held = conflict(&hub).await;
        way(&hub, "ict-poc", &held.id, WayOut::ViewOnly).await.unwrap();
        let silent = of_finance(&hub).await;
        hub.advance(TimeDelta::hours(200));
        hub.exchange.act_on_time().await.unwrap();
        let records = decisions(&hub).await;
        let of = |word: &str| records.iter().filter(|record| record["decision"] == word).collect::<Vec<_>>();
        let agreed = of("way_out.agreed");
        assert_eq!(agreed.len(), 2, "one for each side");
        for record in agreed {
            assert!(record["item"].is_null() != record["body"].is_null(), "{record}");
        }
        let silence: Vec<_> = of("silence").into_iter().filter(|record| record["item"] == silent.id.as_str() || record["item"].is_null()).collect();
        assert!(silence.iter().any(|record| record["item"] == silent.id.as_str()), "{records:#?}");
        for record in silence {
            let tells = record.to_string().contains("demo-finance");
            assert!(record["item"].is_null() == tells, "{record}");
        }
    }

    a_notes_stamp_does_not_tell_how_many_others_were_told => |hub| {
        let mut notes: BTreeMap<&str, BTreeSet<i64>> = BTreeMap::new();
        for told in [&["power-analyst"][..], &["nco-analyst"], &["power-analyst", "nco-analyst"]] {
            let twin = hub.fresh_with_secret(&[3; 32]).await;
            let id = twin.publish("ict-publisher", &sample("ICT-02")).await.unwrap().id;
            for who in told {
                twin.objects(Some(who)).await;
            }
            twin.advance(TimeDelta::seconds(1));
            let publisher = twin.caller("ict-publisher").await;
            let recall = Withdrawal { recall: true, reason: "wrong".to_owned(), version: None };
            twin.exchange.withdraw(&publisher, &id, recall).await.unwrap();
            for who in told {
                let seen = twin.objects(Some(who)).await;
                let note = seen.iter().find(|entry| entry.id.starts_with("note--")).unwrap();
                notes.entry(who).or_default().insert(note.added);
            }
        }
        for (who, stamps) in notes {
            assert_eq!(stamps.len(), 1, "{who}: {stamps:?}");
        }
    }

    only_whose_item_the_whole_is_splits_it => |hub| {
        let held = conflict(&hub).await;
        let taken = way(&hub, "ict-poc", &held.id, WayOut::Split).await.unwrap();
        assert_eq!((taken.waiting, taken.state.as_str()), (1, "held"));
        let taken = way(&hub, "finance-poc", &held.id, WayOut::Split).await.unwrap();
        assert_eq!((taken.waiting, taken.state.as_str()), (0, "split"));
    }

    a_body_that_is_renamed_is_another_identity => |hub| {
        let mut report = sample("ICT-02");
        report["handling"]["level"] = json!("第1種");
        hub.publish("ict-publisher", &report).await.unwrap();
        let renamed = without_cases(sekisho::demo::COUNCIL).replace("なみはや総合通信", "なみはや通信");
        assert_ne!(renamed, without_cases(sekisho::demo::COUNCIL));
        hub.exchange.apply_council(&renamed).await.unwrap();
        hub.publish("ict-publisher", &report).await.unwrap();
        let mut names: BTreeMap<String, String> = BTreeMap::new();
        let mut of_source = 0;
        for entry in hub.objects(Some("nco-analyst")).await {
            if entry.id.starts_with("identity--") {
                of_source += usize::from(entry.bytes.contains("なみはや"));
                let known = names.entry(entry.id).or_insert_with(|| entry.bytes.clone());
                assert_eq!(*known, entry.bytes, "never two contents under one id and version");
            }
        }
        assert_eq!(of_source, 2, "{names:?}");
    }

    what_the_charter_forbids_is_widened_to_nobody => |hub| {
        let policy = "@id(\"no-ict\") forbid (principal == Body::\"demo-ict\", action, resource) when { resource.ceptoar == Body::\"demo-finance\" };";
        let demo = without_cases(sekisho::demo::COUNCIL);
        let mut file: toml::Value = toml::from_str(&demo).unwrap();
        file["charter"].as_table_mut().unwrap().insert("policies".to_owned(), policy.into());
        file["charter"].as_table_mut().unwrap().remove("invariants");
        hub.exchange.apply_council(&toml::to_string(&file).unwrap()).await.unwrap();
        let held = conflict(&hub).await;
        let widened = way(&hub, "finance-poc", &held.id, WayOut::Widen { body: "part 1".into() }).await;
        assert!(matches!(widened, Err(Refusal::Conflict(_))), "{widened:?}");
        assert!(hub.reports(Some("ict-analyst")).await.iter().all(|report| !report.report.get().contains("今週のまとめ")));
    }

    how_far_a_digest_goes_does_not_tell_whose_its_part_is => |hub| {
        let mut levels = Vec::new();
        hub.publish("ict-publisher", &sample("ICT-02")).await.unwrap();
        let read = hub.reports(Some("finance-taxii")).await[0].id.clone();
        let whole = submit(&hub, "finance-taxii", made_of(&digest("S1", "連携セプター可", "finance"), &read)).await;
        let caller = hub.caller("finance-publisher").await;
        let view = hub.exchange.view(Some(&caller), Channel::Rest).await.unwrap();
        let reach = hub.exchange.reach(&caller, &view, &whole.id).await.unwrap().unwrap();
        let preview = {
            let caller = hub.caller("finance-taxii").await;
            hub.exchange.dry_run(&caller, &made_of(&digest("S1", "連携セプター可", "finance"), &read)).await.unwrap()
        };
        levels.push(reach.audience.iter().map(|one| serde_json::to_value(&one.share).unwrap()).collect::<Vec<_>>());
        levels.push(preview.audience.iter().map(|share| serde_json::to_value(share).unwrap()).collect());
        for shares in levels {
            for kind in ["ceptoar", "ministry"] {
                let of_kind = shares.iter().filter(|share| share["kind"] == kind && share["body"] != "demo-finance");
                let told: BTreeSet<String> = of_kind.map(|share| ["depth", "form", "when", "channel", "why"].map(|name| share[name].to_string()).join(" ")).collect();
                assert_eq!(told.len(), 1, "{kind}: {told:?}");
            }
        }
        // Of an item of its own a publisher is told body by body.
        let own = hub.publish("finance-publisher", &sample("FIN-01")).await.unwrap().id;
        let reach = hub.exchange.reach(&caller, &view, &own).await.unwrap();
        drop(reach);
    }

    pages_are_forgotten_when_the_last_item_on_them_is_erased => |hub| {
        let stored = async || sekisho::store::Db::open(&hub.address).await.unwrap().read().await.unwrap();
        let rows = async || stored().await.pages(i64::MAX, (i64::MIN, &[]), 1000).await.unwrap();
        let first = hub.publish("ict-publisher", &sample("ICT-02")).await.unwrap().id;
        hub.objects(Some("power-analyst")).await;
        let mut short = sample("ICT-02");
        short["handling"]["level"] = json!("第4種");
        let second = hub.publish("ict-publisher", &short).await.unwrap();
        hub.approve(&second.id).await;
        // One page with both.
        let analyst = hub.caller("ict-analyst").await;
        let view = hub.exchange.view(Some(&analyst), Channel::Taxii).await.unwrap();
        let query = sekisho::exchange::read::ObjectQuery { limit: 1000, ..Default::default() };
        hub.exchange.objects(&view, &query).await.unwrap();
        let key = stored().await.latest_version(&first).await.unwrap().unwrap().key;
        let entries = stored().await.entries_of(key).await.unwrap();
        let of_first = async || {
            let pages = rows().await.into_iter();
            pages.filter(|page| page.3.iter().any(|stamp| entries.iter().any(|(of, _)| of == stamp))).count()
        };
        let before = of_first().await;
        assert!(before > 1);
        hub.advance(TimeDelta::days(181));
        hub.exchange.act_on_time().await.unwrap();
        assert_eq!(of_first().await, before, "what still may be taken back is known");
        hub.advance(TimeDelta::days(1096));
        hub.exchange.act_on_time().await.unwrap();
        assert!(rows().await.is_empty());
    }

    a_levels_own_marking_is_served_over_taxii_with_what_carries_it => |hub| {
        let directory = hub.exchange.directory();
        let level = sekisho::exchange::markings::level_marking_id(&directory, "S2", "第2種");
        let id = "tool--00000000-0000-4000-8000-000000000001";
        let tool = json!({
            "type": "tool", "spec_version": "2.1", "id": id, "name": "t", "created": "2026-11-01T00:00:00.000Z",
            "modified": "2026-11-01T00:00:00.000Z", "object_marking_refs": [level],
        });
        let poster = hub.caller("ict-taxii").await;
        let outcomes = hub.exchange.publish_objects(&poster, json!({"objects": [tool]}).to_string().as_bytes()).await.unwrap();
        assert!(outcomes[0].faults.is_empty());
        let base = hub.serve().await;
        let key = hub.key("nco-analyst").await;
        let client = reqwest::Client::new();
        let root = format!("{base}/taxii2/council/collections/exchange/objects/");
        let get = async |path: String| {
            let request = client.get(path).header("x-api-key", &key).header("accept", "application/taxii+json;version=2.1");
            request.send().await.unwrap().json::<Value>().await.unwrap()
        };
        let ids = |answer: &Value| -> Vec<String> {
            answer["objects"].as_array().into_iter().flatten().map(|o| o["id"].as_str().unwrap().to_owned()).collect()
        };
        // Page by page, the marking before what carries it.
        let mut all = Vec::new();
        let mut path = format!("{root}?limit=1");
        loop {
            let page = get(path).await;
            all.extend(ids(&page));
            let Some(next) = page["next"].as_str() else { break };
            path = format!("{root}?limit=1&next={next}");
        }
        let at = |wanted: &str| all.iter().position(|id| id == wanted);
        assert!(at(&level).unwrap() < at(id).unwrap(), "{all:?}");
        let definitions = get(format!("{root}?match[type]=marking-definition")).await;
        assert!(ids(&definitions).contains(&level));
        assert_eq!(ids(&get(format!("{root}?match[type]=tool")).await), [id]);
        assert_eq!(ids(&get(format!("{root}?match[id]={level}")).await), [level.as_str()]);
        let one = get(format!("{root}{level}/")).await;
        assert_eq!(one["objects"][0]["definition"]["statement"], "S2 第2種");
        // Who has nothing that carries it does not have it.
        let key = hub.key("broadcast-analyst").await;
        drop(key);
    }
}

//! The ledger: what it grows by, who may open what, and that proofs hold and wrong ones do not.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::TimeDelta;
use sekisho::exchange::proof::Opened;
use sekisho::exchange::withdraw::Withdrawal;
use sekisho::exchange::{Credential, Refusal};
use sekisho::handling::Channel;
use sekisho::store::Db;
use sekisho::verifier::note::{Checkpoint, Key, checkpoint};
use sekisho::verifier::proof::check;
use sekisho::verifier::tree::{Hash, extends};
use serde_json::{Value, json};

use crate::harness::{TestHub, both, sample};

const BLOCK: u64 = 4096;

/// Every entry a principal may open, newest first, page by page.
async fn entries(hub: &TestHub, who: &str) -> Vec<Opened> {
    let caller = hub.caller(who).await;
    let (mut all, mut cursor): (Vec<Opened>, Option<String>) = (Vec::new(), None);
    loop {
        let page = hub.exchange.ledger_entries(&caller, cursor.as_deref(), 3);
        let (items, next) = page.await.unwrap();
        assert!(items.len() <= 3);
        all.extend(items);
        cursor = next;
        if cursor.is_none() {
            return all;
        }
    }
}

fn decision(entry: &Opened) -> Value {
    serde_json::from_str(&entry.record).unwrap()
}

async fn decisions(hub: &TestHub, who: &str) -> Vec<String> {
    let all = entries(hub, who).await;
    let word = |entry: &Opened| decision(entry)["decision"].as_str().unwrap().to_owned();
    all.iter().rev().map(word).collect()
}

async fn key(hub: &TestHub) -> Key {
    Key::parse(&hub.exchange.ledger_key().await.unwrap()).unwrap()
}

async fn head(hub: &TestHub) -> Checkpoint {
    let note = hub.exchange.ledger_checkpoint().await.unwrap().unwrap();
    checkpoint(&note, &key(hub).await).unwrap()
}

fn path(steps: &[String]) -> Vec<Hash> {
    let step = |text: &String| STANDARD.decode(text).unwrap().try_into().unwrap();
    steps.iter().map(step).collect()
}

async fn next_interval(hub: &TestHub) -> u64 {
    hub.advance(TimeDelta::seconds(60));
    hub.exchange.seal_ledger().await.unwrap().unwrap()
}

both! {
    an_interval_adds_one_block_and_before_it_has_passed_nothing_is_added => |hub| {
        assert_eq!(hub.exchange.ledger_checkpoint().await.unwrap(), None);
        assert_eq!(hub.exchange.seal_ledger().await.unwrap(), Some(BLOCK));
        assert_eq!(hub.exchange.seal_ledger().await.unwrap(), None);
        hub.advance(TimeDelta::seconds(58)); // the clock stood at one second past
        assert_eq!(hub.exchange.seal_ledger().await.unwrap(), None);
        hub.advance(TimeDelta::seconds(1));
        assert_eq!(hub.exchange.seal_ledger().await.unwrap(), Some(2 * BLOCK));
        // A hub that was off for an hour seals one block.
        hub.advance(TimeDelta::hours(1));
        assert_eq!(hub.exchange.seal_ledger().await.unwrap(), Some(3 * BLOCK));
        assert_eq!(hub.exchange.seal_ledger().await.unwrap(), None);
        assert_eq!(head(&hub).await.size, 3 * BLOCK);
        // A clock that went back seals nothing.
        hub.advance(TimeDelta::hours(-2));
        assert_eq!(hub.exchange.seal_ledger().await.unwrap(), None);
    }

    /// Law 4: neither the log's size nor an entry's place says how much was decided.
    law_4_the_log_grows_by_time_alone_and_a_place_counts_nothing => |hub| {
        let quiet = hub.fresh().await;
        let mut notes = Vec::new();
        for round in 0..3 {
            for _ in 0..round * 7 {
                hub.key("power-analyst").await;
            }
            for twin in [&hub, &quiet] {
                twin.advance(TimeDelta::seconds(60));
                twin.exchange.seal_ledger().await.unwrap().unwrap();
                let note = twin.exchange.ledger_checkpoint().await.unwrap().unwrap();
                let lines: Vec<usize> = note.split('\n').map(str::len).collect();
                notes.push((head(twin).await.size, lines));
            }
        }
        for pair in notes.chunks(2) {
            assert_eq!(pair[0], pair[1]);
        }
        let all = entries(&hub, "auditor").await;
        assert_eq!(all.len(), 1 + 7 + 14);
        let of_block: Vec<u64> = all.iter().rev().map(|entry| entry.index.unwrap())
            .filter(|index| (2 * BLOCK..3 * BLOCK).contains(index)).collect();
        assert_eq!(of_block.len(), 14);
        let rising = of_block.windows(2).filter(|pair| pair[0] < pair[1]).count();
        assert!((1..13).contains(&rising), "{of_block:?}");
        assert!(of_block.iter().max().unwrap() - of_block.iter().min().unwrap() > 100, "{of_block:?}");
        // Nor does an id: what it carries in the open is the leaf.
        for entry in &all {
            let id = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(&entry.id).unwrap();
            assert_eq!(id[16..], STANDARD.decode(&entry.leaf).unwrap());
        }
    }

    what_a_block_has_no_room_for_waits_for_the_next => |hub| {
        let many = vec![("power-analyst".to_owned(), Credential::Key); 4100];
        hub.exchange.issue_many(many).await.unwrap();
        hub.exchange.seal_ledger().await.unwrap().unwrap();
        let caller = hub.caller("auditor").await;
        let (page, _) = hub.exchange.ledger_entries(&caller, None, 10).await.unwrap();
        // With the council file there are 4101: the five newest have no place yet.
        assert_eq!(page.iter().filter(|entry| entry.sealed).count(), 5);
        let waiting = &page[0];
        assert_eq!((waiting.sealed, waiting.index), (false, None));
        let refused = hub.exchange.ledger_proof(&caller, &waiting.id, None).await;
        assert!(matches!(refused, Err(Refusal::Conflict(_))), "{refused:?}");
        assert_eq!(next_interval(&hub).await, 2 * BLOCK);
        let proved = hub.exchange.ledger_proof(&caller, &waiting.id, None).await.unwrap();
        assert!(proved.entry.index.unwrap() >= BLOCK);
        // It was not in the older checkpoint.
        let refused = hub.exchange.ledger_proof(&caller, &waiting.id, Some(BLOCK)).await;
        assert!(matches!(refused, Err(Refusal::Conflict(_))), "{refused:?}");
    }

    two_processes_seal_an_interval_once => |hub| {
        let other = hub.another().await;
        for round in 1..4 {
            let tries = (0..8).map(|at| {
                let exchange = if at % 2 == 0 { hub.exchange.clone() } else { other.clone() };
                tokio::spawn(async move { exchange.seal_ledger().await.unwrap() })
            }).collect::<Vec<_>>();
            let mut sealed = Vec::new();
            for attempt in tries {
                sealed.extend(attempt.await.unwrap());
            }
            assert_eq!(sealed, [round * BLOCK]);
            hub.advance(TimeDelta::seconds(60));
        }
        assert_eq!(other.ledger_key().await.unwrap(), hub.exchange.ledger_key().await.unwrap());
    }

    a_restart_continues_the_same_log => |hub| {
        for _ in 0..3 {
            hub.key("power-analyst").await;
            next_interval(&hub).await;
        }
        let (before, name) = (head(&hub).await, hub.exchange.ledger_key().await.unwrap());
        let again = hub.another().await;
        hub.advance(TimeDelta::seconds(60));
        assert_eq!(again.seal_ledger().await.unwrap(), Some(4 * BLOCK));
        assert_eq!(again.ledger_key().await.unwrap(), name);
        let after = head(&hub).await;
        for (from, root) in [(3 * BLOCK, before.root), (4 * BLOCK, after.root)] {
            let proof = again.ledger_consistency(from, 4 * BLOCK).await.unwrap();
            assert!(extends((from, &root), (4 * BLOCK, &after.root), &path(&proof.path)));
            let held = checkpoint(&proof.checkpoints[0], &key(&hub).await).unwrap();
            assert_eq!((held.size, held.root), (from, root));
            let mut wrong = root;
            wrong[0] ^= 1;
            assert!(!extends((from, &wrong), (4 * BLOCK, &after.root), &path(&proof.path)));
        }
        // Only checkpoints have sizes to ask for.
        for (from, to) in [(1, 4 * BLOCK), (BLOCK, 5 * BLOCK), (0, BLOCK)] {
            let refused = again.ledger_consistency(from, to).await;
            assert!(matches!(refused, Err(Refusal::NotFound)), "{from} {to}");
        }
    }

    /// Law 9: every entry, in every checkpoint that has it, is proved to a verifier that shares
    /// nothing with the hub.
    law_9_an_entry_is_proved_and_a_changed_proof_is_not => |hub| {
        for _ in 0..5 {
            hub.key("power-analyst").await;
            next_interval(&hub).await;
        }
        let (caller, key) = (hub.caller("auditor").await, key(&hub).await);
        let mut proofs = 0;
        for entry in entries(&hub, "auditor").await {
            for size in (1..=5).map(|blocks| blocks * BLOCK) {
                if entry.index.unwrap() >= size {
                    continue;
                }
                let proof = hub.exchange.ledger_proof(&caller, &entry.id, Some(size)).await.unwrap();
                let proof = serde_json::to_value(proof).unwrap();
                check(&proof.to_string(), &key).unwrap();
                proofs += 1;
                let flip = |text: &Value| {
                    let mut bytes = STANDARD.decode(text.as_str().unwrap()).unwrap();
                    bytes[3] ^= 1;
                    json!(STANDARD.encode(bytes))
                };
                let mut wrong = vec![
                    ("index", json!(entry.index.unwrap() ^ 1)),
                    ("size", json!(size + BLOCK)),
                    ("sealed", json!(false)),
                    ("leaf", flip(&proof["leaf"])),
                    ("salt", flip(&proof["salt"])),
                    ("record", json!(format!("{} ", entry.record))),
                ];
                for step in 0..proof["path"].as_array().unwrap().len() {
                    let mut path = proof["path"].clone();
                    path[step] = flip(&path[step]);
                    wrong.push(("path", path));
                }
                for (member, value) in wrong {
                    let mut changed = proof.clone();
                    changed[member] = value;
                    assert!(check(&changed.to_string(), &key).is_err(), "{member}");
                }
            }
        }
        // The council file and the first key lie in the first of five blocks.
        assert_eq!(proofs, 5 + 5 + 4 + 3 + 2 + 1);
    }

    /// Law 4: a decision exists for its item's desk and for auditors, and is absent for all others.
    law_4_an_entry_is_the_desks_and_absent_for_everybody_else => |hub| {
        let published = hub.publish("finance-publisher", &sample("FIN-01")).await.unwrap();
        hub.approve(&published.id).await;
        next_interval(&hub).await;
        for who in ["finance-publisher", "finance-poc", "finance-poc2", "finance-op1-reporter"] {
            assert_eq!(decisions(&hub, who).await, ["held", "vote", "released"], "{who}");
        }
        assert_eq!(decisions(&hub, "auditor").await, ["council.applied", "held", "vote", "released"]);
        let ids: Vec<String> = entries(&hub, "auditor").await.into_iter().map(|e| e.id).collect();
        // Another body; another operator; a reader of the own one; the office; one who reads the item.
        for who in ["power-poc", "finance-op2-reporter", "finance-op1-member", "finance-analyst",
            "secretariat", "admin", "power-analyst"] {
            assert!(decisions(&hub, who).await.is_empty(), "{who}");
            let caller = hub.caller(who).await;
            for id in &ids {
                let refused = hub.exchange.ledger_proof(&caller, id, None).await;
                assert!(matches!(refused, Err(Refusal::NotFound)), "{who}");
            }
        }
        // A list's cursor of one caller is none of another's.
        let (auditor, stranger) = (hub.caller("auditor").await, hub.caller("power-poc").await);
        let (_, cursor) = hub.exchange.ledger_entries(&auditor, None, 1).await.unwrap();
        let refused = hub.exchange.ledger_entries(&stranger, cursor.as_deref(), 1).await;
        assert!(matches!(refused, Err(Refusal::Invalid(_))));
    }

    /// A level that leaves nothing to consent to: the CEPTOAR's own point of contact is not asked and
    /// reads the item as everybody there does, while the record names the original.
    law_4_a_ceptoar_that_was_not_asked_does_not_learn_of_the_original => |hub| {
        let (before, level) = sekisho::demo::COUNCIL.split_once("level = \"会員限\"").unwrap();
        let level = level.replacen("national_centre = { depth = \"poc\", form = \"anonymised\" }",
            "national_centre = { depth = \"none\", form = \"none\" }", 1);
        hub.exchange.apply_council(&format!("{before}level = \"会員限\"{level}")).await.unwrap();
        let published = hub.publish("finance-op2-reporter", &sample("FIN-02")).await.unwrap();
        assert_eq!(published.state, "released", "{:?}", published.holds);
        for who in ["finance-poc", "finance-analyst"] {
            let read = hub.reports(Some(who)).await;
            assert_eq!(read.len(), 1, "{who}");
            assert_ne!(read[0].id, published.id);
        }
        assert_eq!(decisions(&hub, "finance-op2-reporter").await, ["released"]);
        for who in ["finance-poc", "finance-publisher", "finance-analyst"] {
            assert!(decisions(&hub, who).await.is_empty(), "{who}");
        }
    }

    /// Law 4: a body's people are known to it and to its CEPTOAR; each party knows of itself alone.
    law_4_a_record_names_no_person_of_another_body_and_no_other_party => |hub| {
        let published = hub.publish("finance-publisher", &sample("FIN-01")).await.unwrap();
        hub.approve(&published.id).await;
        let vote = async |who: &str| {
            let all = entries(&hub, who).await;
            all.into_iter().find(|entry| decision(entry)["decision"] == "vote").unwrap()
        };
        let places = |entry: &Opened| {
            entry.members.iter().map(|m| (m.at.clone(), m.text.clone())).collect::<Vec<_>>()
        };
        let named = ("/by".to_owned(), "\"finance-poc\"".to_owned());
        let operators = vote("finance-op1-reporter").await;
        assert!(places(&operators).is_empty());
        assert!(!operators.record.contains("finance-poc\""), "{}", operators.record);
        assert!(!operators.record.contains("finance-op1"), "{}", operators.record);
        assert_eq!(places(&vote("finance-publisher").await), std::slice::from_ref(&named));
        let auditors = vote("auditor").await;
        assert_eq!(places(&auditors)[0], named);
        assert_eq!(places(&auditors)[1], ("/parties".to_owned(), "[\"demo-finance\",\"finance-op1\"]".to_owned()));
        // When it was decided is part of what was committed to.
        assert_eq!(decision(&operators)["at"], decision(&auditors)["at"]);
        assert!(decision(&operators)["at"].is_string());
    }

    /// Whom a withdrawal told is counted as far as the body that withdrew may know; a posted object's
    /// record is its desk's too.
    law_4_whom_a_withdrawal_told_is_for_the_body_that_withdrew => |hub| {
        let published = hub.publish("finance-publisher", &sample("FIN-01")).await.unwrap();
        hub.approve(&published.id).await;
        hub.objects(Some("finance-op3-feed")).await;
        let publisher = hub.caller("finance-publisher").await;
        hub.exchange.withdraw(&publisher, &published.id, Withdrawal::default()).await.unwrap();
        for (who, told) in [("finance-publisher", true), ("finance-poc", true), ("auditor", true), ("finance-op1-reporter", false)] {
            let all = entries(&hub, who).await;
            let last = all.iter().find(|entry| decision(entry)["decision"] == "withdrawn").unwrap();
            let seen = last.members.iter().any(|m| m.at == "/told" && m.text.contains("finance-op3"));
            assert_eq!(seen, told, "{who}");
            assert!(!last.record.contains("finance-op3"), "{who}");
        }
        let posted = json!({"objects": [{
            "type": "indicator", "spec_version": "2.1", "id": "indicator--00000000-0000-4000-8000-000000000001",
            "created": "2026-11-01T00:00:00.000Z", "modified": "2026-11-01T00:00:00.000Z",
            "pattern": "[ipv4-addr:value = '198.51.100.3']", "pattern_type": "stix", "valid_from": "2026-11-01T00:00:00Z",
            "object_marking_refs": ["marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb"],
        }]});
        let caller = hub.caller("ict-taxii").await;
        hub.exchange.publish_objects(&caller, posted.to_string().as_bytes()).await.unwrap();
        hub.exchange.withdraw(&caller, "indicator--00000000-0000-4000-8000-000000000001", Withdrawal::default()).await.unwrap();
        assert_eq!(decisions(&hub, "ict-taxii").await, ["released", "withdrawn"]);
        assert!(decisions(&hub, "ict-poc").await.is_empty(), "nobody asked it");
    }

    /// Law 4: what a reader did is its own; a colleague's rule may hide the item from the colleague.
    law_4_a_readers_own_act_is_the_readers_alone => |hub| {
        let published = hub.publish("ict-publisher", &sample("ICT-02")).await.unwrap();
        let theirs = hub.reports(Some("power-analyst")).await[0].id.clone();
        assert_ne!(theirs, published.id);
        let caller = hub.caller("power-analyst").await;
        let view = hub.exchange.view(Some(&caller), Channel::Rest).await.unwrap();
        hub.exchange.accept_obligations(&caller, &view, &theirs).await.unwrap().unwrap();
        assert_eq!(decisions(&hub, "power-analyst").await, ["obligations.accepted"]);
        for who in ["power-poc", "power-publisher", "ict-publisher"] {
            assert!(!decisions(&hub, who).await.contains(&"obligations.accepted".to_owned()), "{who}");
        }
    }

    rows_from_before_there_were_parties_are_sealed_and_opened => |hub| {
        let published = hub.publish("finance-publisher", &sample("FIN-01")).await.unwrap();
        let db = Db::open(&hub.address).await.unwrap();
        for (at, record) in [
            json!({"decision": "old.released", "item": published.id, "version": 1, "parties": ["demo-finance"]}),
            json!({"decision": "old.vote", "item": published.id, "version": 1, "by": "finance-poc", "parties": ["demo-finance"]}),
        ].iter().enumerate() {
            let mut tx = db.write().await.unwrap();
            let idx = tx.take("ledger", 1, 1).await.unwrap() - 1;
            tx.commit().await.unwrap();
            let salt = [at as u8; 32];
            let record = record.to_string();
            let leaf = sekisho::ledger::leaf_hash(&sekisho::ledger::commitment(&salt, record.as_bytes()));
            let insert = "INSERT INTO ledger (idx, at, leaf, salt, record) VALUES ($1, 0, $2, $3, $4)";
            match &db {
                Db::Sqlite { write, .. } => { sqlx::query(insert).bind(idx).bind(&leaf[..]).bind(&salt[..]).bind(record).execute(write).await.unwrap(); }
                Db::Postgres(pool) => { sqlx::query(insert).bind(idx).bind(&leaf[..]).bind(&salt[..]).bind(record).execute(pool).await.unwrap(); }
            }
        }
        assert_eq!(decisions(&hub, "finance-publisher").await, ["held"]);
        next_interval(&hub).await;
        // The one that names a person in the open is for auditors alone.
        assert_eq!(decisions(&hub, "finance-publisher").await, ["held", "old.released"]);
        assert_eq!(decisions(&hub, "finance-op1-reporter").await, ["held"]);
        assert_eq!(decisions(&hub, "auditor").await, ["council.applied", "held", "old.released", "old.vote"]);
        let (auditor, key) = (hub.caller("auditor").await, key(&hub).await);
        for entry in entries(&hub, "auditor").await {
            let proof = hub.exchange.ledger_proof(&auditor, &entry.id, None).await.unwrap();
            check(&serde_json::to_string(&proof).unwrap(), &key).unwrap();
        }
    }
}

/// The surface: status, media type and body of each path, and that hidden and absent are one.
mod over_http {
    use super::*;
    use reqwest::Client;

    async fn get(hub: &TestHub, url: &str, who: &str, path: &str) -> (u16, String, String) {
        let key = hub.key(who).await;
        let answer = Client::new()
            .get(format!("{url}/v1/ledger/{path}"))
            .header("X-API-Key", key)
            .send()
            .await
            .unwrap();
        let media = answer.headers()["content-type"]
            .to_str()
            .unwrap()
            .to_owned();
        (
            answer.status().as_u16(),
            media,
            answer.text().await.unwrap(),
        )
    }

    both! {
        the_log_is_served_as_far_as_each_may_read_it => |hub| {
            let url = hub.serve().await;
            assert_eq!(get(&hub, &url, "power-analyst", "checkpoint").await.0, 404);
            let published = hub.publish("finance-publisher", &sample("FIN-01")).await.unwrap();
            assert_eq!(published.state, "held");
            next_interval(&hub).await;
            next_interval(&hub).await;
            // Anyone who is logged in checks the log.
            let (status, media, note) = get(&hub, &url, "power-analyst", "checkpoint").await;
            assert_eq!((status, media.as_str()), (200, "text/plain; charset=utf-8"));
            let (status, _, vkey) = get(&hub, &url, "power-analyst", "key").await;
            assert_eq!(status, 200);
            let key = Key::parse(vkey.trim_end()).unwrap();
            let head = checkpoint(&note, &key).unwrap();
            assert_eq!(head.size, 2 * BLOCK);
            let (status, _, body) = get(&hub, &url, "power-analyst", "consistency?from=4096&to=8192").await;
            assert_eq!(status, 200);
            let proof: Value = serde_json::from_str(&body).unwrap();
            let old = checkpoint(proof["checkpoints"][0].as_str().unwrap(), &key).unwrap();
            let steps: Vec<String> = serde_json::from_value(proof["path"].clone()).unwrap();
            assert!(extends((BLOCK, &old.root), (2 * BLOCK, &head.root), &path(&steps)));
            for (bad, status) in [("consistency?from=4096", 400), ("consistency?from=8192&to=4096", 400),
                ("consistency?from=x&to=4096", 400), ("consistency?from=1&to=4096", 404), ("key?x=1", 400)] {
                assert_eq!(get(&hub, &url, "power-analyst", bad).await.0, status, "{bad}");
            }
            // Who took part opens an entry.
            let (status, _, body) = get(&hub, &url, "finance-publisher", "entries?limit=10").await;
            assert_eq!(status, 200);
            let page: Value = serde_json::from_str(&body).unwrap();
            let id = page["items"][0]["id"].as_str().unwrap().to_owned();
            assert_eq!(page["items"].as_array().unwrap().len(), 1);
            assert_eq!(page["next"], Value::Null);
            let (status, _, proof) = get(&hub, &url, "finance-publisher", &format!("entries/{id}/proof?size=4096")).await;
            assert_eq!(status, 200);
            assert_eq!(check(&proof, &key).unwrap().record["item"], published.id);
            let missing = get(&hub, &url, "finance-publisher", &format!("entries/{id}/proof?size=12288")).await;
            assert_eq!(missing.0, 404);
            // For anybody else it is as absent as one that never was.
            let (_, _, body) = get(&hub, &url, "power-poc", "entries").await;
            assert_eq!(body, "{\"items\":[],\"next\":null}");
            let hidden = get(&hub, &url, "power-poc", &format!("entries/{id}/proof")).await;
            let absent = get(&hub, &url, "power-poc", "entries/none/proof").await;
            assert_eq!(hidden, absent);
            assert_eq!(hidden.0, 404);
        }
    }
}

//! Exports of the ledger, read by the verifier: whole ones hold, and a byte changed anywhere is found.

use std::collections::BTreeMap;
use std::process::{Command, Output};

use chrono::TimeDelta;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use sekisho::store::Db;
use sekisho::verifier::export::{Fault, Verified, Verifier};
use serde_json::Value;

use crate::harness::{TestHub, both, sample};

async fn export(hub: &TestHub, openings: bool) -> Vec<u8> {
    let mut bytes = Vec::new();
    let write = |line: &str| {
        bytes.extend_from_slice(line.as_bytes());
        Ok(())
    };
    hub.exchange.export_ledger(openings, write).await.unwrap();
    bytes
}

fn lines(bytes: &[u8]) -> Vec<&[u8]> {
    bytes.split_inclusive(|byte| *byte == b'\n').collect()
}

fn verify(mut verifier: Verifier, bytes: &[u8]) -> Result<Verified, Fault> {
    for line in lines(bytes) {
        verifier.line(line)?;
    }
    verifier.finish()
}

fn trusting() -> Verifier {
    Verifier::new(None, None)
}

/// A hub with a report, its consent and three sealed intervals.
async fn lived(hub: &TestHub) {
    let published = hub
        .publish("finance-publisher", &sample("FIN-01"))
        .await
        .unwrap();
    for _ in 0..2 {
        hub.exchange.seal_ledger().await.unwrap();
        hub.approve(&published.id).await;
        hub.advance(TimeDelta::seconds(60));
    }
    hub.exchange.seal_ledger().await.unwrap().unwrap();
}

fn kind(line: &[u8]) -> String {
    let line: Value = serde_json::from_slice(line).unwrap();
    line["kind"].as_str().unwrap().to_owned()
}

both! {
    an_export_holds_and_opens_every_leaf => |hub| {
        lived(&hub).await;
        let found = verify(trusting(), &export(&hub, true).await).unwrap();
        assert_eq!((found.size, found.checkpoints, found.entries), (12288, 3, 4));
        assert_eq!(found.padding + found.entries, found.size);
        let closed = verify(trusting(), &export(&hub, false).await).unwrap();
        assert_eq!((closed.size, closed.entries, closed.padding), (12288, 0, 0));
        assert_eq!(closed.root, found.root);
        // Without openings nothing of a decision is in it.
        let text = String::from_utf8(export(&hub, false).await).unwrap();
        assert!(!text.contains("released") && !text.contains("\"salt"));
    }

    an_empty_log_is_an_export_too => |hub| {
        let found = verify(trusting(), &export(&hub, true).await).unwrap();
        assert_eq!((found.size, found.checkpoints), (0, 0));
    }

    /// Law 9: what is sealed never changes, whatever is decided and sealed afterwards.
    law_9_old_leaves_never_change => |hub| {
        lived(&hub).await;
        let before = export(&hub, true).await;
        let again = hub.another().await;
        for _ in 0..3 {
            hub.key("power-analyst").await;
            hub.advance(TimeDelta::seconds(60));
            again.seal_ledger().await.unwrap().unwrap();
        }
        let after = export(&hub, true).await;
        let (before, after) = (lines(&before), lines(&after));
        assert!(after.len() > before.len());
        assert_eq!(before[1..], after[1..before.len()]);
    }

    /// Law 9: a byte changed anywhere is found, in each kind of line and in each of its parts.
    law_9_a_flipped_byte_anywhere_in_an_export_is_found => |hub| {
        lived(&hub).await;
        for openings in [true, false] {
            let bytes = export(&hub, openings).await;
            let lines = lines(&bytes);
            // The state of the verifier before each line, so that each try costs what follows.
            let mut before = vec![trusting()];
            for line in &lines {
                let mut verifier = before.last().unwrap().clone();
                verifier.line(line).unwrap();
                before.push(verifier);
            }
            before.last().unwrap().clone().finish().unwrap();
            let found = |at: usize, changed: &[u8]| {
                let mut verifier = before[at].clone();
                let parts = changed.split_inclusive(|byte| *byte == b'\n');
                let rest = lines[at + 1..].iter().copied();
                for line in parts.chain(rest) {
                    if let Err(fault) = verifier.line(line) {
                        return fault.line > at as u64;
                    }
                }
                verifier.finish().is_err()
            };
            let mut kinds: BTreeMap<String, usize> = BTreeMap::new();
            for (at, line) in lines.iter().enumerate() {
                kinds.entry(kind(line)).or_insert(at);
                if line.len() > 20_000 {
                    continue; // thousands of hashes alike: sampled below
                }
                for byte in 0..line.len() {
                    // One of the three in a long line, each in turn: 0x20 is the case of a letter.
                    let bits = [0x01, 0x20, 0x80];
                    let some = byte % 3..byte % 3 + 1;
                    for bit in &bits[if line.len() > 1000 { some } else { 0..3 }] {
                        let mut changed = line.to_vec();
                        changed[byte] ^= *bit;
                        assert!(found(at, &changed), "line {at}, byte {byte}, bit {bit:x}");
                    }
                }
            }
            let expected: &[&str] = if openings {
                &["block", "checkpoint", "entry", "key", "ledger", "padding"]
            } else {
                &["block", "checkpoint", "key", "ledger"]
            };
            assert!(kinds.keys().eq(expected.iter()), "{kinds:?}");
            let mut runner = TestRunner::new(Config {
                cases: 60,
                failure_persistence: None,
                ..Config::default()
            });
            runner.run(&(any::<u64>(), any::<u64>(), 1_u8..=255), |(line, byte, bits)| {
                let at = line as usize % lines.len();
                let mut changed = lines[at].to_vec();
                let byte = byte as usize % changed.len();
                changed[byte] ^= bits;
                prop_assert!(found(at, &changed), "line {}, byte {}, bits {:x}", at, byte, bits);
                Ok(())
            }).unwrap();
            // The start, the middle and the end of the long lines.
            for name in ["block", "padding"] {
                let Some(&at) = kinds.get(name) else { continue };
                for byte in (0..12).chain(90_000..90_024).chain(lines[at].len() - 8..lines[at].len()) {
                    let mut changed = lines[at].to_vec();
                    changed[byte] ^= 1;
                    assert!(found(at, &changed), "{name}, byte {byte}");
                }
            }
        }
    }

    a_line_missing_doubled_or_out_of_place_is_found => |hub| {
        lived(&hub).await;
        let bytes = export(&hub, true).await;
        let lines = lines(&bytes);
        for at in 0..lines.len() {
            let mut without = lines.clone();
            without.remove(at);
            assert!(verify(trusting(), &without.concat()).is_err(), "without {at}");
            let mut doubled = lines.clone();
            doubled.insert(at, lines[at]);
            assert!(verify(trusting(), &doubled.concat()).is_err(), "doubled {at}");
            if at > 0 {
                let mut swapped = lines.clone();
                swapped.swap(at - 1, at);
                assert!(verify(trusting(), &swapped.concat()).is_err(), "swapped {at}");
            }
        }
        assert!(verify(trusting(), &bytes).is_ok());
    }

    /// A whole log can be forged, with a key of its own: only what is known from elsewhere tells.
    another_log_is_not_taken_for_the_one_that_is_known => |hub| {
        lived(&hub).await;
        let forged = hub.fresh_with_secret(&[9; 32]).await;
        lived(&forged).await;
        let key = hub.exchange.ledger_key().await.unwrap();
        let held = hub.exchange.ledger_checkpoint().await.unwrap();
        hub.advance(TimeDelta::seconds(60));
        hub.exchange.seal_ledger().await.unwrap().unwrap();
        let (own, other) = (export(&hub, false).await, export(&forged, false).await);
        assert!(verify(Verifier::new(Some(key.clone()), held.clone()), &own).is_ok());
        assert!(verify(trusting(), &other).is_ok());
        let fault = verify(Verifier::new(Some(key), None), &other).unwrap_err();
        assert_eq!(fault.line, 2);
        assert!(verify(Verifier::new(None, held), &other).is_err());
    }

    /// The hub itself could show two logs under one key: whoever kept a checkpoint sees it.
    a_second_log_under_the_same_key_does_not_pass_a_kept_checkpoint => |hub| {
        let mut twins = Vec::new();
        for _ in 0..2 {
            let twin = hub.fresh_with_secret(&[7; 32]).await;
            let mut tx = Db::open(&twin.address).await.unwrap().write().await.unwrap();
            tx.make_ledger_seed(&[5; 32]).await.unwrap();
            tx.commit().await.unwrap();
            lived(&twin).await;
            twins.push(twin);
        }
        let held = twins[0].exchange.ledger_checkpoint().await.unwrap();
        let key = twins[0].exchange.ledger_key().await.unwrap();
        let (own, other) = (export(&twins[0], false).await, export(&twins[1], false).await);
        assert!(verify(Verifier::new(Some(key.clone()), None), &other).is_ok());
        assert!(verify(Verifier::new(Some(key.clone()), held.clone()), &own).is_ok());
        let fault = verify(Verifier::new(Some(key), held), &other).unwrap_err();
        assert_eq!(fault.line as usize, lines(&other).len(), "{fault}");
    }

    /// Else there were bytes in an export that nothing hangs on.
    a_line_that_says_the_same_in_another_spelling_is_found => |hub| {
        lived(&hub).await;
        let bytes = export(&hub, true).await;
        let lines = lines(&bytes);
        for (at, line) in lines.iter().enumerate() {
            let text = std::str::from_utf8(line).unwrap();
            for other in [
                text.replacen(':', ": ", 1),
                text.replacen("\"kind\"", "\"\\u006bind\"", 1),
                text.replacen('}', ",\"more\":1}", 1),
                text.replace('\n', "\r\n"),
            ] {
                let mut changed = lines.clone();
                changed[at] = other.as_bytes();
                let fault = verify(trusting(), &changed.concat()).unwrap_err();
                assert_eq!(fault.line as usize, at + 1, "{other:.60}");
            }
        }
    }

    the_command_line_exports_and_verifies_and_names_the_place_of_a_fault => |hub| {
        lived(&hub).await;
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("ledger.jsonl");
        let file = file.to_str().unwrap();
        let run = |arguments: &[&str]| -> Output {
            Command::new(env!("CARGO_BIN_EXE_sekisho")).arg("ledger").args(arguments).output().unwrap()
        };
        let answer = |output: &Output| -> Value { serde_json::from_slice(&output.stdout).unwrap() };
        let out = run(&["export", "--database", &hub.address, "--out", file, "--openings", "--json"]);
        assert!(out.status.success(), "{out:?}");
        assert_eq!(answer(&out)["size"], 12288);
        let key = hub.exchange.ledger_key().await.unwrap();
        let good = run(&["verify", file, "--key", &key, "--json"]);
        assert!(good.status.success(), "{good:?}");
        assert_eq!(answer(&good)["ok"], true);
        assert_eq!(answer(&good)["entries"], 4);
        let other = key.replace("sekisho/", "sekisho/x");
        assert_eq!(run(&["verify", file, "--key", &other]).status.code(), Some(1));

        let mut bytes = std::fs::read(file).unwrap();
        assert_eq!(bytes, export(&hub, true).await);
        let third = lines(&bytes)[..2].concat().len();
        bytes[third + 500] ^= 1;
        std::fs::write(file, bytes).unwrap();
        let bad = run(&["verify", file, "--json"]);
        assert_eq!(bad.status.code(), Some(1));
        assert_eq!(answer(&bad)["ok"], false);
        assert!([3, 4].contains(&answer(&bad)["line"].as_u64().unwrap()), "{bad:?}");
        assert!(String::from_utf8_lossy(&bad.stderr).contains("line "), "{bad:?}");

        // A party's proof, saved as it came.
        let caller = hub.caller("finance-publisher").await;
        let (entries, _) = hub.exchange.ledger_entries(&caller, None, 1).await.unwrap();
        let proof = hub.exchange.ledger_proof(&caller, &entries[0].id, None).await.unwrap();
        std::fs::write(file, serde_json::to_string_pretty(&proof).unwrap()).unwrap();
        let good = run(&["verify", file, "--key", &key, "--json"]);
        assert!(good.status.success(), "{good:?}");
        assert_eq!(answer(&good)["record"]["decision"], "released");
        assert_eq!(run(&["verify", file]).status.code(), Some(1));
    }
}

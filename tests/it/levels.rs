//! One report under every level of every scheme, and every kind of reader: who gets it, in which
//! form, before and after consent. What is expected comes from the level table itself
//! (`tests/data/levels.jsonl`) by the columns and depths of the handling rule, not from the product.

use serde_json::Value;

use crate::harness::{TestHub, both, sample};

/// A reader, and how the handling rule describes them towards a source in `sector`.
struct Who {
    name: String,
    column: &'static str,
    /// poc, analyst, ntk (member who needs to know), member, nobody
    reach: &'static str,
    honours: bool,
    desk: bool,
}

fn readers(
    sector: &str,
    useful: &str,
    other: &str,
    ministry: &str,
    approvers: &[&str],
) -> Vec<Who> {
    let who = |name: String, column, reach| Who {
        name,
        column,
        reach,
        honours: true,
        desk: false,
    };
    let asked = |role: &str| approvers.iter().any(|who| who.ends_with(role));
    let mut all = vec![
        who(format!("{sector}-analyst"), "own_ceptoar", "analyst"),
        who(format!("{sector}-op3-member"), "own_ceptoar", "ntk"),
        who(format!("{useful}-analyst"), "other_ceptoars", "analyst"),
        who(format!("{useful}-poc"), "other_ceptoars", "poc"),
        who(format!("{useful}-op1-feed"), "other_ceptoars", "ntk"),
        who(format!("{other}-op1-member"), "other_ceptoars", "member"),
        who(format!("{other}-analyst"), "other_ceptoars", "analyst"),
        who("nco-analyst".into(), "national_centre", "analyst"),
        who("nco-poc".into(), "national_centre", "poc"),
        who("agency-analyst".into(), "observers", "analyst"),
        who("agency-poc".into(), "observers", "poc"),
        who("broadcast-analyst".into(), "observers", "analyst"),
        who("broadcast-op1-member".into(), "observers", "member"),
        who("secretariat".into(), "none", "nobody"),
        who("admin".into(), "none", "nobody"),
        who("auditor".into(), "none", "nobody"),
        who("editor".into(), "none", "nobody"),
        who(format!("{other}-publisher"), "none", "nobody"),
    ];
    for known in ["FSA", "MIC", "METI", "MHLW", "MLIT"] {
        let column = if known == ministry {
            "own_ministry"
        } else {
            "other_ministries"
        };
        let prefix = known.to_lowercase();
        all.push(who(format!("{prefix}-analyst"), column, "analyst"));
        all.push(who(format!("{prefix}-poc"), column, "poc"));
    }
    for name in [
        format!("{sector}-publisher"),
        format!("{sector}-desk"),
        format!("{sector}-op1-member"),
        format!("{sector}-op1-feed"),
    ] {
        all.push(Who {
            desk: true,
            ..who(name, "own_ceptoar", "nobody")
        });
    }
    all.push(Who {
        desk: asked("poc"),
        ..who(format!("{sector}-poc"), "own_ceptoar", "poc")
    });
    if ["power", "gas", "chemical", "petroleum"].contains(&sector) {
        all.push(Who {
            desk: asked("ot_lead"),
            ..who(format!("{sector}-ot-lead"), "none", "nobody")
        });
    }
    // Declared not to store in Japan: view-only, which is neither REST nor TAXII.
    for (name, column, reach) in [
        ("finance-op5-member", "own", "ntk"),
        ("logistics-op5-member", "own", "ntk"),
    ] {
        let of = name.split('-').next().unwrap();
        let (column, reach) = match column {
            _ if of == sector => ("own_ceptoar", reach),
            _ if of == useful => ("other_ceptoars", "ntk"),
            _ => ("other_ceptoars", "member"),
        };
        all.push(Who {
            honours: false,
            ..who(name.to_owned(), column, reach)
        });
    }
    all
}

fn expected<'a>(level: &'a Value, who: &Who) -> Option<&'a str> {
    if who.desk {
        return Some("identified");
    }
    let grant = level["audience"].get(who.column)?;
    let depth = grant["depth"].as_str().unwrap();
    let admitted = match who.reach {
        "poc" => depth != "none",
        "analyst" => ["analyst", "members_ntk", "members_all"].contains(&depth),
        "ntk" => ["members_ntk", "members_all"].contains(&depth),
        "member" => depth == "members_all",
        _ => false,
    };
    let honours = who.honours || level["storage_jp_only"] == false;
    (admitted && honours).then(|| grant["form"].as_str().unwrap())
}

/// Checks every reader; `left` says whether consent to leave the CEPTOAR was given.
async fn check(
    hub: &TestHub,
    level: &Value,
    readers: &[Who],
    left: bool,
    raw: &str,
    secrets: &[String],
) {
    let name = format!("{} {}", level["scheme"], level["level"]);
    for who in readers {
        let mut wanted = expected(level, who);
        if !left && !who.desk && who.column != "own_ceptoar" {
            wanted = None;
        }
        let seen = hub.reports(Some(&who.name)).await;
        let objects = hub.objects(Some(&who.name)).await;
        let forms: Vec<&str> = seen.iter().map(|view| view.form.as_str()).collect();
        assert_eq!(
            forms,
            wanted.into_iter().collect::<Vec<_>>(),
            "{name} {} left={left}",
            who.name
        );
        assert_eq!(
            objects.is_empty(),
            wanted.is_none(),
            "{name} {} over TAXII",
            who.name
        );
        let everything: String = seen
            .iter()
            .map(|view| serde_json::to_string(view).unwrap())
            .chain(objects.iter().map(|object| object.bytes.clone()))
            .collect();
        match wanted {
            Some("identified") => assert_eq!(seen[0].report.get(), raw, "{name} {}", who.name),
            Some(_) => {
                for secret in secrets {
                    assert!(
                        !everything.contains(secret),
                        "{name}: {} reads `{secret}`",
                        who.name
                    );
                }
                let own = seen[0].id.as_str();
                assert!(
                    objects
                        .iter()
                        .any(|object| object.id == format!("report--{own}"))
                );
            }
            None => assert_eq!(everything, ""),
        }
        // One entry of each object, not two.
        let mut ids: Vec<_> = objects
            .iter()
            .map(|object| (&object.id, &object.version))
            .collect();
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), objects.len(), "{name} {} twice", who.name);
    }
}

/// Which sample, whom it is useful for, who has no need, and its ministry, per scheme; each scheme
/// is source here and reader in others' rounds.
const ROUNDS: [(&str, &str, &str, &str, &str, &str); 5] = [
    ("S1", "FIN-01", "finance", "railway", "water", "FSA"),
    ("S2", "LOG-01", "logistics", "port", "finance", "MLIT"),
    ("S3", "PWR-01", "power", "gas", "medical", "METI"),
    ("S4", "WTR-01", "water", "gov", "credit", "MLIT"),
    ("S5", "MED-01", "medical", "gov", "power", "MHLW"),
];

async fn round(hub: TestHub, scheme: &str, levels: &[&str]) {
    let (_, case, sector, useful, other, ministry) =
        *ROUNDS.iter().find(|(id, ..)| *id == scheme).unwrap();
    let table: Vec<Value> = include_str!("../data/levels.jsonl")
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .filter(|line: &Value| line["scheme"] == scheme)
        .collect();
    for level in table
        .iter()
        .filter(|line| levels.contains(&line["level"].as_str().unwrap()))
    {
        let hub = hub.fresh().await;
        let mut report = sample(case);
        report["handling"]["level"] = level["level"].clone();
        report["useful_for_sectors"] = serde_json::json!([useful]);
        let raw = report.to_string();
        let published = hub
            .publish(&format!("{sector}-publisher"), &report)
            .await
            .unwrap();
        let needed = level["approvals"].as_object().unwrap();
        let leaves = level["audience"]
            .as_object()
            .unwrap()
            .iter()
            .any(|(column, grant)| column != "own_ceptoar" && grant["depth"] != "none");
        let asked: Vec<&str> = if leaves {
            needed.keys().map(String::as_str).collect()
        } else {
            Vec::new()
        };
        let readers = readers(sector, useful, other, ministry, &asked);
        let directory = hub.exchange.directory();
        let marks = directory.identity_marks([
            &format!("{sector}-op1").as_str().into(),
            &format!("demo-{sector}").as_str().into(),
        ]);
        let mut secrets: Vec<String> = report["must_anonymise"]
            .as_array()
            .unwrap()
            .iter()
            .map(|item| item["text"].as_str().unwrap().to_owned())
            .collect();
        secrets.extend(marks.names);
        secrets.extend(marks.domains);
        secrets.push(published.id.clone());
        secrets.push(format!("{sector}-op1"));
        secrets.push(report["reference"].as_str().unwrap().to_owned());
        assert_eq!(
            published.state,
            if asked.is_empty() { "released" } else { "held" },
            "{level}"
        );
        if !asked.is_empty() {
            check(&hub, level, &readers, false, &raw, &secrets).await;
            assert_eq!(hub.approve(&published.id).await, "released", "{level}");
        }
        check(&hub, level, &readers, true, &raw, &secrets).await;
        // Without logging in: only CLEAR, in the form of the observers' column, and nothing that
        // asks for a retention nobody has promised.
        let public = hub.reports(None).await;
        let open = level["tlp"] == "CLEAR" && level["retention_min_days"] == 0;
        assert_eq!(public.len(), usize::from(open), "{level}");
        if open {
            assert_eq!(
                public[0].form,
                level["audience"]["observers"]["form"].as_str().unwrap()
            );
        }
    }
}

both! {
    s1_reaches_whom_its_levels_admit => |hub| {
        round(hub, "S1", &["特定宛先限", "会員限", "連携セプター可", "公開可"]).await;
    }
    s2_reaches_whom_its_levels_admit => |hub| {
        round(hub, "S2", &["第1種", "第2種", "第3種", "第4種"]).await;
    }
    s3_reaches_whom_its_levels_admit => |hub| {
        round(hub, "S3", &["甲【制御】", "乙", "丙", "丁"]).await;
    }
    s4_reaches_whom_its_levels_admit => |hub| {
        round(hub, "S4", &["機密性3", "機密性2", "機密性1"]).await;
    }
    s5_reaches_whom_its_levels_admit => |hub| {
        round(hub, "S5", &["TLP:RED", "TLP:AMBER+STRICT", "TLP:AMBER", "TLP:GREEN", "TLP:CLEAR"]).await;
    }
}

//! The plan of a council file: what it says will happen is what happens.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use sekisho::council::plan::{
    Alike, Direction, Effect, Fate, Impact, ItemRef, Stands, Stored, impact, stricter, tightened,
};
use sekisho::council::{CouncilFile, Directory, Origin};
use sekisho::demo::COUNCIL;
use sekisho::handling::{Audience, Channel, Form, Rule, Seat, SectorCode, Side, cut};

use crate::harness::{TestHub, both, sample, start, without_cases};

pub fn directory(text: &str) -> Directory {
    Directory::new(1, CouncilFile::parse(&without_cases(text)).unwrap())
}

/// The demo's file with one place altered.
pub fn altered(from: &str, to: &str) -> String {
    let text = COUNCIL.replacen(from, to, 1);
    assert!(text != COUNCIL, "the demo file is not written as expected");
    text
}

/// The demo's file with a further version of a scheme: its text altered, its number 2.
pub fn with_version_2(scheme: &str, effective: &str, alter: impl Fn(&str) -> String) -> String {
    let head = format!("[[schemes]]\nid = \"{scheme}\"\nversion = 1\neffective = \"2025-04-01\"");
    let start = COUNCIL.find(&head).unwrap();
    let rest = &COUNCIL[start + head.len()..];
    let end = rest
        .find("[[schemes]]\n")
        .or_else(|| rest.find("# The charter"))
        .unwrap();
    let body = &COUNCIL[start..start + head.len() + end];
    let second = alter(body)
        .replacen("version = 1", "version = 2", 1)
        .replacen("2025-04-01", effective, 1);
    assert!(second != body);
    let at = start + body.len();
    format!("{}{second}{}", &COUNCIL[..at], &COUNCIL[at..])
}

fn effects(impact: &Impact) -> BTreeMap<(String, Effect), (usize, usize)> {
    impact
        .bodies
        .iter()
        .map(|sum| {
            let key = (sum.body.to_string(), sum.effect);
            (key, (sum.items, sum.people))
        })
        .collect()
}

/// What everyone sees, by the gate: principal → STIX id of each report, over TAXII.
async fn seen(hub: &TestHub) -> BTreeMap<String, BTreeSet<(String, String)>> {
    let mut all = BTreeMap::new();
    for principal in hub.exchange.directory().principals() {
        let entries = hub.objects(Some(principal.id.as_str())).await;
        let reports = entries
            .into_iter()
            .filter(|entry| entry.bytes.contains("\"type\":\"report\""))
            .map(|entry| (entry.id.clone(), entry.version.clone()))
            .collect();
        all.insert(principal.id.to_string(), reports);
    }
    all
}

/// A released report of finance under 連携セプター可, and one of ICT under 第3種.
async fn two_reports(hub: &TestHub) {
    let finance = hub
        .publish("finance-publisher", &sample("FIN-01"))
        .await
        .unwrap();
    assert_eq!(hub.approve(&finance.id).await, "released");
    let ict = hub
        .publish("ict-publisher", &sample("ICT-01"))
        .await
        .unwrap();
    if ict.state == "held" {
        assert_eq!(hub.approve(&ict.id).await, "released");
    }
}

both! {
    /// The plan of a change of people and bodies, against what everyone in fact sees before and after.
    what_the_plan_says_of_people_is_what_the_gate_then_does => |hub| {
        two_reports(&hub).await;
        let text = altered(
            "id = \"power-analyst\"\nkind = \"person\"",
            "id = \"power-analyst-2\"\nkind = \"person\"",
        );
        let text = text.replacen(
            "id = \"railway-op1-member\"\nkind = \"person\"\nbody = \"railway-op1\"",
            "id = \"railway-op1-member\"\nkind = \"person\"\nbody = \"gas-op1\"", 1);
        let before = seen(&hub).await;
        let planned = hub.exchange.plan(&directory(&text)).await.unwrap();
        hub.exchange.apply_council(&text).await.unwrap();
        let after = seen(&hub).await;

        let nothing = BTreeSet::new();
        let mut gained: BTreeMap<String, usize> = BTreeMap::new();
        let mut lost: BTreeMap<String, usize> = BTreeMap::new();
        let old = directory(COUNCIL);
        let new = directory(&text);
        for id in before.keys().chain(after.keys()).collect::<BTreeSet<_>>() {
            let (was, is) = (before.get(id).unwrap_or(&nothing), after.get(id).unwrap_or(&nothing));
            let principal = new.principal(&id.as_str().into()).or(old.principal(&id.as_str().into()));
            let body = principal.unwrap().body.to_string();
            if is.difference(was).next().is_some() {
                *gained.entry(body.clone()).or_default() += 1;
            }
            if was.difference(is).next().is_some() {
                *lost.entry(body).or_default() += 1;
            }
        }
        let said = effects(&planned.impacts[0]);
        let people = |effect: Effect| -> BTreeMap<String, usize> {
            said.iter().filter(|((_, one), _)| *one == effect)
                .map(|((body, _), (_, people))| (body.clone(), *people)).collect()
        };
        assert_eq!(people(Effect::Gains), gained);
        assert_eq!(people(Effect::Loses), lost);
        assert!(lost.contains_key("gas-op1"), "who moved there from railway lost finance's report");
        assert_eq!(said[&("demo-power".to_owned(), Effect::Loses)], (2, 1));
        assert_eq!(said[&("demo-power".to_owned(), Effect::Gains)], (2, 1));
    }

    a_plan_writes_nothing_and_the_file_in_force_plans_to_nothing => |hub| {
        two_reports(&hub).await;
        let version = hub.exchange.directory().version();
        let before = seen(&hub).await;
        let stricter = with_version_2("S1", "2026-01-01", |text| text.replace(
            "audience.other_ceptoars = { depth = \"members_ntk\", form = \"anonymised\" }",
            "audience.other_ceptoars = { depth = \"none\", form = \"none\" }"));
        hub.exchange.plan(&directory(&stricter)).await.unwrap();
        assert_eq!(seen(&hub).await, before);
        assert_eq!(hub.exchange.refresh().await.unwrap().version(), version);
        let in_force = Directory::new(1, CouncilFile::parse(COUNCIL).unwrap());
        let same = hub.exchange.plan(&in_force).await.unwrap();
        assert!(same.plan.is_empty() && same.plan.warnings.is_empty(), "{:?}", same.plan);
        assert_eq!((same.impacts.len(), same.impacts[0].bodies.len()), (1, 0));
        assert_eq!(same.impacts[0].items, 2);
    }

    a_stricter_version_takes_sight_at_once_and_a_looser_one_gives_none => |hub| {
        two_reports(&hub).await;
        let stricter = with_version_2("S1", "2026-01-01", |text| text.replace(
            "audience.other_ceptoars = { depth = \"members_ntk\", form = \"anonymised\" }",
            "audience.other_ceptoars = { depth = \"none\", form = \"none\" }"));
        let planned = hub.exchange.plan(&directory(&stricter)).await.unwrap();
        let impact = &planned.impacts[0];
        assert_eq!(impact.narrowed, 1, "only finance's");
        let said = effects(impact);
        // The point of contact, the analyst, and the machine of power.
        assert_eq!(said[&("demo-power".to_owned(), Effect::Loses)].0, 1);
        assert!(said.keys().all(|(_, effect)| *effect == Effect::Loses));
        assert!(!said.contains_key(&("demo-finance".to_owned(), Effect::Loses)));
        assert!(!said.contains_key(&("NCO".to_owned(), Effect::Loses)));

        // 会員限 wider, 連携セプター可 to ministries as well: nothing that is out moves.
        let looser = with_version_2("S1", "2026-01-01", |text| text.replace(
            "audience.own_ministry = { depth = \"none\", form = \"none\" }",
            "audience.own_ministry = { depth = \"poc\", form = \"anonymised\" }"));
        let planned = hub.exchange.plan(&directory(&looser)).await.unwrap();
        assert_eq!(planned.impacts[0].bodies, []);
        assert_eq!(planned.impacts[0].narrowed, 0);
        let scheme = &planned.plan.schemes[0];
        assert_eq!((scheme.fate, scheme.version, scheme.in_force), (Fate::Added, 2, true));
        assert!(scheme.levels.iter().flat_map(|level| &level.turns)
            .all(|turn| turn.direction == Direction::Looser));
    }

    a_version_to_come_takes_nothing_before_its_day => |hub| {
        two_reports(&hub).await;
        let text = with_version_2("S1", "2027-04-01", |text| text.replace(
            "audience.other_ceptoars = { depth = \"members_ntk\", form = \"anonymised\" }",
            "audience.other_ceptoars = { depth = \"analyst\", form = \"anonymised\" }"));
        let planned = hub.exchange.plan(&directory(&text)).await.unwrap();
        assert!(!planned.plan.schemes[0].in_force);
        assert_eq!(planned.impacts[0].bodies, []);
        let later = &planned.impacts[1];
        assert_eq!(later.at.to_rfc3339(), "2027-04-01T00:00:00+00:00");
        let said = effects(later);
        // Members lose what the analysts keep.
        assert!(said.contains_key(&("railway-op1".to_owned(), Effect::Loses)));
        assert!(!said.contains_key(&("demo-railway".to_owned(), Effect::Loses)));
    }

    a_body_that_no_longer_stores_in_japan_may_only_look => |hub| {
        two_reports(&hub).await;
        let at = COUNCIL.find("id = \"demo-power\"\n").unwrap();
        let (head, tail) = COUNCIL.split_at(at);
        let text = format!("{head}{}", tail.replacen("storage_jp = true", "storage_jp = false", 1));
        let planned = hub.exchange.plan(&directory(&text)).await.unwrap();
        let said = effects(&planned.impacts[0]);
        assert_eq!(said[&("demo-power".to_owned(), Effect::ViewOnly)].0, 1, "finance's must stay in Japan");
        assert_eq!(said.len(), 1);
        assert_eq!(planned.plan.bodies[0].fields[0].field, "capability");
    }

    a_new_publisher_takes_a_seat_at_the_desk_and_the_desk_keeps_what_others_lose => |hub| {
        two_reports(&hub).await;
        // The analyst of finance becomes a publisher too: sees as submitted what was anonymised.
        let at = COUNCIL.find("id = \"finance-analyst\"").unwrap();
        let (head, tail) = COUNCIL.split_at(at);
        let text = format!("{head}{}", tail.replacen("roles = [\"analyst\"]", "roles = [\"analyst\", \"publisher\"]", 1));
        let planned = hub.exchange.plan(&directory(&text)).await.unwrap();
        let said = effects(&planned.impacts[0]);
        assert_eq!(said, BTreeMap::from([(("demo-finance".to_owned(), Effect::NamedSource), (1, 1))]));

        // Inside finance nobody but the desk keeps it: the operator it came from sits there.
        let text = with_version_2("S1", "2026-01-01", |text| text.replace(
            "audience.own_ceptoar = { depth = \"members_ntk\", form = \"anonymised\" }",
            "audience.own_ceptoar = { depth = \"poc\", form = \"anonymised\" }"));
        let planned = hub.exchange.plan(&directory(&text)).await.unwrap();
        let said = effects(&planned.impacts[0]);
        assert!(said.contains_key(&("finance-op2".to_owned(), Effect::Loses)));
        assert!(!said.contains_key(&("finance-op1".to_owned(), Effect::Loses)), "{said:?}");
    }

    /// The impact against the plain reading of the rule: each item and each principal by itself.
    the_impact_is_what_deciding_one_by_one_says => |hub| {
        two_reports(&hub).await;
        let text = with_version_2("S1", "2026-01-01", |text| text
            .replace("audience.other_ceptoars = { depth = \"members_ntk\", form = \"anonymised\" }",
                "audience.other_ceptoars = { depth = \"analyst\", form = \"anonymised\" }")
            .replace("audience.national_centre = { depth = \"analyst\", form = \"anonymised\" }",
                "audience.national_centre = { depth = \"poc\", form = \"anonymised\" }"));
        // And gas has not selected its member yet, so it only observes.
        let at = text.find("id = \"demo-gas\"\n").unwrap();
        let (head, tail) = text.split_at(at);
        let text = format!("{head}{}", tail.replacen("standing = \"member\"", "standing = \"selection_pending\"", 1));
        let new = directory(&text);
        let old = directory(COUNCIL);
        let planned = hub.exchange.plan(&new).await.unwrap();
        let now = hub.clock.now();

        let mut lost: BTreeMap<String, (usize, BTreeSet<String>)> = BTreeMap::new();
        let mut tx = sekisho::store::Db::open(&hub.address).await.unwrap().read().await.unwrap();
        for version in tx.planned_versions(i64::MIN, 100).await.unwrap() {
            let origin = from(&version.ceptoar);
            let rule: Rule = serde_json::from_str(&version.rule).unwrap();
            let narrower = tightened(&version.level, &origin, (&old, now), (&new, now))
                .then(|| stricter(&rule, &version.level, &origin, &new, now)).flatten()
                .unwrap_or_else(|| rule.clone());
            // Gas stands in another column now, and has what that gives.
            let mut narrower = narrower;
            if let sekisho::handling::Relative::One { columns, .. } = &rule.access.relative {
                let grant = columns.get(sekisho::handling::Column::Observers);
                narrower.access.audience.set("demo-gas".into(), grant);
            }
            let mut bodies = BTreeSet::new();
            for principal in old.principals() {
                let was = sekisho::handling::decide(&rule.access, &old.reader(principal, now).unwrap(), Channel::Console, now);
                let reader = new.reader(new.principal(&principal.id).unwrap(), now).unwrap();
                let is = sekisho::handling::decide(&narrower.access, &reader, Channel::Console, now);
                assert!(is.form().is_none() || is.form() >= was.form(), "nobody gains");
                if was.form().is_some() && is.form().is_none() {
                    bodies.insert(principal.body.to_string());
                    lost.entry(principal.body.to_string()).or_default().1.insert(principal.id.to_string());
                }
            }
            for body in bodies {
                lost.entry(body).or_default().0 += 1;
            }
        }
        let expected: BTreeMap<(String, Effect), (usize, usize)> = lost.into_iter()
            .map(|(body, (items, people))| ((body, Effect::Loses), (items, people.len()))).collect();
        assert!(expected.contains_key(&("demo-gas".to_owned(), Effect::Loses)));
        let said: BTreeMap<_, _> = effects(&planned.impacts[0]).into_iter()
            .filter(|((_, effect), _)| *effect == Effect::Loses).collect();
        assert_eq!(said, expected);
    }
}

pub fn from(ceptoar: &str) -> Origin {
    Origin {
        ceptoar: ceptoar.into(),
        submitter: ceptoar.into(),
        operator: None,
        sectors: BTreeSet::new(),
    }
}

pub fn at() -> DateTime<Utc> {
    start()
}

/// The work of a plan grows with audiences and classes of readers, not with items nor with people.
#[test]
fn a_thousand_operators_and_a_hundred_thousand_items_ask_the_gate_no_more_than_a_few() {
    use std::fmt::Write;
    let mut text = COUNCIL.to_owned();
    for n in 0..1000 {
        write!(text, "\n[[bodies]]\nid = \"many-op{n}\"\nkind = \"operator\"\nname = {{ en = \"Many {n}\" }}\nceptoars = [\"demo-power\"]\nsectors = [\"power\"]\n\n[[principals]]\nid = \"many-op{n}-member\"\nkind = \"person\"\nbody = \"many-op{n}\"\nroles = [\"member\"]\n").unwrap();
    }
    let old = directory(&text);
    // All the thousand leave power for gas.
    let moved = text.replace(
        "ceptoars = [\"demo-power\"]\nsectors = [\"power\"]\n\n[[principals]]\nid = \"many",
        "ceptoars = [\"demo-gas\"]\nsectors = [\"gas\"]\n\n[[principals]]\nid = \"many",
    );
    assert!(moved != text);
    let new = directory(&moved);
    let stored = |items: i64| {
        let mut stored = Stored::default();
        let origin = Origin {
            sectors: BTreeSet::from([SectorCode::from("power")]),
            ..from("demo-finance")
        };
        let (_, level) = old
            .level("S1", "連携セプター可", at().date_naive())
            .unwrap();
        let rule = old.level_rule(level, &origin, at());
        let mut number = 0;
        let mut entries = BTreeSet::new();
        for (form, audience) in cut(&rule.access, Side::Outside(&origin.ceptoar)) {
            number += 1;
            stored.audiences.insert(number, audience);
            entries.insert((Stands::Outside, form, number));
        }
        // As many desks as operators.
        for operator in 0..100 {
            let seat = Seat::Source {
                body: format!("many-op{operator}").as_str().into(),
            };
            number += 1;
            stored.audiences.insert(number, Audience::Desk { seat });
            let mut entries = entries.clone();
            entries.insert((Stands::Desk, Form::Identified, number));
            stored.alike.push(Alike {
                level: "S1 v1 連携セプター可".to_owned(),
                ceptoar: origin.ceptoar.clone(),
                rule: rule.clone(),
                entries,
                items: (0..items / 100)
                    .map(|n| ItemRef {
                        item: format!("{operator}-{n}"),
                        version: 1,
                    })
                    .collect(),
            });
        }
        stored
    };
    let few = impact(&old, &new, &stored(100), at(), at());
    let many = impact(&old, &new, &stored(100_000), at(), at());
    assert_eq!(few.decisions, many.decisions);
    assert!(many.decisions < 2_000, "{}", many.decisions);
    assert_eq!((few.items, many.items), (100, 100_000));
    let said = effects(&many);
    // An operator loses all but its own, which it keeps at its desk.
    assert_eq!(said[&("many-op7".to_owned(), Effect::Loses)], (99_000, 1));
    assert_eq!(
        said[&("many-op777".to_owned(), Effect::Loses)],
        (100_000, 1)
    );
    assert_eq!(said.len(), 1_000);
}

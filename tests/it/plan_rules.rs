//! What a council file makes stricter for an item that is out, and what a plan says of each dimension.

use std::collections::BTreeMap;

use sekisho::council::plan::{Direction, Fate, diff, moments, stored_level, stricter, tightened};
use sekisho::demo::COUNCIL;
use sekisho::handling::{BodyId, Depth, Form, Rule};

use crate::plan::{altered, at, directory, from, with_version_2};

/// The rule of an item of finance under this level, by the demo's own file.
fn released(level: &str) -> (String, Rule) {
    let demo = directory(COUNCIL);
    let (scheme, found) = demo.level("S1", level, at().date_naive()).unwrap();
    let rule = demo.level_rule(found, &from("demo-finance"), at());
    let label = format!("S1 v{} {level}", scheme.version);
    // As it comes back from the store.
    let text = serde_json::to_string(&rule).unwrap();
    (label, serde_json::from_str(&text).unwrap())
}

#[test]
fn an_item_keeps_its_rule_while_nothing_becomes_stricter() {
    for level in ["特定宛先限", "会員限", "連携セプター可", "公開可"] {
        let (label, rule) = released(level);
        let origin = from("demo-finance");
        assert_eq!(
            stricter(&rule, &label, &origin, &directory(COUNCIL), at()),
            None,
            "{level}"
        );
        // A body more in the directory is nobody to an item that does not list it.
        let more = altered(
            "[[bodies]]\nid = \"demo-ict\"",
            "[[bodies]]\nid = \"demo-new\"\nkind = \"ceptoar\"\nscheme = \"S1\"\nname = { en = \"New\" }\n\n[[bodies]]\nid = \"demo-ict\"",
        );
        assert_eq!(
            stricter(&rule, &label, &origin, &directory(&more), at()),
            None
        );
    }
}

#[test]
fn a_stricter_version_is_joined_with_the_old_rule_and_what_it_loosens_is_not() {
    let (label, rule) = released("連携セプター可");
    let text = with_version_2("S1", "2026-01-01", |text| {
        text.replace("retention_max_days = 365", "retention_max_days = 90")
            .replace("k = 5", "k = 3")
            .replace("ack_hours = 24", "ack_hours = 48")
    });
    let new = directory(&text);
    let narrowed = stricter(&rule, &label, &from("demo-finance"), &new, at()).unwrap();
    assert_eq!(narrowed.retention_max_days, Some(90));
    assert_eq!((narrowed.k, narrowed.ack_hours), (5, Some(24)));
    assert_eq!(narrowed.access, rule.access);
    // The day before it takes force, nothing.
    let before = "2025-12-31T23:59:59Z".parse().unwrap();
    assert_eq!(
        stricter(&rule, &label, &from("demo-finance"), &new, before),
        None
    );
}

#[test]
fn a_level_that_is_gone_leaves_the_item_its_rule_but_not_free_of_the_charter() {
    let (label, rule) = released("連携セプター可");
    let gone = with_version_2("S1", "2026-01-01", |text| {
        text.replace("level = \"連携セプター可\"", "level = \"共有可\"")
    });
    assert_eq!(
        stricter(
            &rule,
            &label,
            &from("demo-finance"),
            &directory(&gone),
            at()
        ),
        None
    );
    let plan = diff(&directory(COUNCIL), &directory(&gone), at());
    let fates: BTreeMap<&str, Fate> = plan.schemes[0]
        .levels
        .iter()
        .map(|level| (level.level.as_str(), level.fate))
        .collect();
    assert_eq!(
        fates,
        BTreeMap::from([("共有可", Fate::Added), ("連携セプター可", Fate::Removed)])
    );
    let charter = gone.replacen(
        "[charter]\nversion = 1",
        "[charter]\nversion = 2\nretention_max_days = 30",
        1,
    );
    let narrowed = stricter(
        &rule,
        &label,
        &from("demo-finance"),
        &directory(&charter),
        at(),
    );
    assert_eq!(narrowed.unwrap().retention_max_days, Some(30));
}

#[test]
fn a_ministry_that_is_no_longer_its_own_loses_what_only_its_own_may_see() {
    let demo = directory(COUNCIL);
    let (_, level) = demo.level("S3", "丙", at().date_naive()).unwrap();
    let origin = from("demo-power");
    let rule = demo.level_rule(level, &origin, at());
    let moved = COUNCIL.find("id = \"demo-power\"\n").unwrap();
    let (head, tail) = COUNCIL.split_at(moved);
    let text = format!(
        "{head}{}",
        tail.replacen(
            "body = \"METI\", from = \"2025-04-01\"",
            "body = \"METI\", until = \"2026-06-01\"",
            1
        )
    );
    let new = directory(&text);
    let narrowed = stricter(&rule, "S3 v1 丙", &origin, &new, at()).unwrap();
    let meti = BodyId::from("METI");
    assert_eq!(rule.access.audience.get(&meti).depth(), Depth::Analyst);
    assert_eq!(narrowed.access.audience.get(&meti).form(), Form::None);
    assert!(moments(&new, "2026-05-31".parse().unwrap()).contains(&"2026-06-01".parse().unwrap()));
}

/// A source may have agreed to more for one item, or age may have loosened it. While its level stays
/// what it was, no council file takes that back.
#[test]
fn an_item_loosened_for_good_reason_is_not_tightened_by_an_unrelated_change() {
    let origin = from("demo-finance");
    let old = directory(COUNCIL);
    let unrelated = directory(&altered("id = \"gas-analyst\"", "id = \"gas-analyst-2\""));
    let label = "S1 v1 連携セプター可";
    assert!(!tightened(label, &origin, (&old, at()), (&unrelated, at())));
    let related = directory(&with_version_2("S1", "2026-01-01", |text| {
        text.replace(
            "automated = \"no_external_ai\"",
            "automated = \"human_only\"",
        )
    }));
    assert!(tightened(label, &origin, (&old, at()), (&related, at())));
    let looser = directory(&with_version_2("S1", "2026-01-01", |text| {
        text.replace("automated = \"no_external_ai\"", "automated = \"allow\"")
    }));
    assert!(!tightened(label, &origin, (&old, at()), (&looser, at())));
    let charter = directory(&altered(
        "[charter]\nversion = 1",
        "[charter]\nversion = 1\nk = 9",
    ));
    assert!(tightened(label, &origin, (&old, at()), (&charter, at())));
}

#[test]
fn a_plan_says_of_each_dimension_which_way_it_turns() {
    let text = with_version_2("S2", "2026-01-01", |text| {
        text.replace("k = 3", "k = 7")
            .replace("retention_max_days = 1095", "retention_max_days = 2000")
            .replace(
                "audience.own_ministry = { depth = \"poc\", form = \"identified\" }",
                "audience.own_ministry = { depth = \"none\", form = \"none\" }",
            )
            .replace(
                "purposes_prohibited = [\"procurement_scoring\", \"sales\"]",
                "purposes_prohibited = [\"litigation\", \"sales\"]",
            )
            .replace(
                "{ \"S2.poc\" = \"silent\" }",
                "{ \"S2.poc\" = \"explicit\" }",
            )
    });
    let plan = diff(&directory(COUNCIL), &directory(&text), at());
    let turn = |level: &str, dimension: &str| {
        let found = plan.schemes[0].levels.iter().find(|l| l.level == level);
        let turns = found.unwrap().turns.iter();
        turns
            .clone()
            .find(|turn| turn.dimension == dimension)
            .unwrap_or_else(|| panic!("{dimension}: {:?}", turns.collect::<Vec<_>>()))
            .direction
    };
    assert_eq!(turn("第2種", "k"), Direction::Stricter);
    assert_eq!(turn("第2種", "retention_max_days"), Direction::Looser);
    assert_eq!(turn("第2種", "purposes_prohibited"), Direction::Both);
    assert_eq!(turn("第3種", "approvals.S2.poc"), Direction::Stricter);
    assert_eq!(turn("第4種", "audience.own_ministry"), Direction::Stricter);
    assert_eq!(plan.schemes.len(), 1);
    assert_eq!(plan.schemes[0].compared_with, Some(1));
    assert!(plan.warnings[0].contains("in force as soon as the file is"));
}

#[test]
fn a_version_altered_under_its_own_number_is_said_and_so_is_every_other_difference() {
    let text = altered("standing = \"observer\"", "standing = \"attendee\"")
        .replacen("k = 5", "k = 6", 1)
        .replacen(
            "roles = [\"auditor\"]",
            "roles = [\"auditor\", \"admin\"]",
            1,
        )
        .replacen(
            "code = \"port\"\nname = { ja = \"港湾\"",
            "code = \"port\"\nname = { ja = \"港\"",
            1,
        )
        .replacen(
            "[charter]\nversion = 1",
            "[charter]\nversion = 2\npurposes_prohibited = [\"supervision\"]",
            1,
        );
    let plan = diff(&directory(COUNCIL), &directory(&text), at());
    assert!(
        plan.warnings[0].contains("altered under its own number"),
        "{:?}",
        plan.warnings
    );
    assert_eq!(plan.schemes[0].fate, Fate::Changed);
    assert_eq!((plan.bodies.len(), plan.bodies[0].id.as_str()), (1, "FSA"));
    assert_eq!(
        (
            plan.principals.len(),
            plan.principals[0].fields[0].field.as_str()
        ),
        (1, "roles")
    );
    assert_eq!(
        (plan.sectors.len(), plan.sectors[0].id.as_str()),
        (1, "port")
    );
    let charter: BTreeMap<&str, Direction> = plan
        .charter
        .iter()
        .map(|turn| (turn.dimension.as_str(), turn.direction))
        .collect();
    assert_eq!(charter["purposes_prohibited"], Direction::Stricter);
    assert!(charter.contains_key("version"));
}

#[test]
fn a_stored_level_is_read_whatever_its_name_holds() {
    assert_eq!(
        stored_level("S5 v12 TLP:AMBER+STRICT"),
        Some(("S5", 12, "TLP:AMBER+STRICT"))
    );
    assert_eq!(
        stored_level("S3 v1 甲 v2 【制御】"),
        Some(("S3", 1, "甲 v2 【制御】"))
    );
    assert_eq!(stored_level("S3 丙"), None);
}

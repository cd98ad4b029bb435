//! The charter's own conditions: what a policy forbids reaches nobody it forbids it to, on any
//! surface; what cannot be decided is denied; a file with a fault changes nothing.

use std::collections::BTreeSet;

use chrono::NaiveDate;
use proptest::prelude::*;
use sekisho::council::charter::Invariant;
use sekisho::council::charter::policies::{Policies, SCHEMA};
use sekisho::council::resolve::Narrowing;
use sekisho::council::{CouncilFile, Directory, Facts, Fault, Origin, Subject, resolve};
use sekisho::exchange::Refusal;
use sekisho::handling::{BodyId, Form, Join, Rule, SectorCode};
use sekisho::store::Db;
use serde_json::{Value, json};

use crate::harness::{TestHub, both, sample};

const NO_OPEN: &str = r#"
@id("observers-no-open")
forbid (principal, action == Action::"receive", resource)
when {
  context.relation == Relation::"observers" &&
  [Stage::"first", Stage::"follow_up"].contains(resource.stage)
};
"#;

/// The demo's council with this charter instead of its own.
fn council(policies: &str, more: &str) -> String {
    let demo = sekisho::demo::COUNCIL;
    let (before, rest) = demo.split_once("[charter]").unwrap();
    let (_, after) = rest.split_once("# ---- bodies").unwrap();
    assert!(!policies.contains("'''"));
    format!(
        "{before}[charter]\nversion = 7\neffective = \"2025-04-01\"\npolicies = '''\n{policies}'''\n{more}\n# ---- bodies{after}"
    )
}

fn faults_of(policies: &str, more: &str) -> Vec<String> {
    CouncilFile::parse(&council(policies, more))
        .err()
        .unwrap_or_default()
        .iter()
        .map(Fault::to_string)
        .collect()
}

/// Exactly one fault, at this place, that says each of these.
fn refused(policies: &str, more: &str, place: &str, says: &[&str]) {
    let faults = faults_of(policies, more);
    assert_eq!(faults.len(), 1, "{faults:#?}");
    assert!(faults[0].starts_with(&format!("{place}: ")), "{faults:?}");
    for part in says {
        assert!(faults[0].contains(part), "no `{part}` in {faults:?}");
    }
}

fn ict(level: &str, stage: &str) -> Value {
    let mut report = sample("ICT-02");
    report["handling"]["level"] = json!(level);
    report["stage"] = json!(stage);
    report
}

async fn reads(hub: &TestHub, who: Option<&str>) -> (usize, usize) {
    let objects = hub.objects(who).await;
    let of_item = objects.iter().filter(|object| {
        let kind = object.id.split("--").next().unwrap();
        !["marking-definition", "identity"].contains(&kind)
    });
    (hub.reports(who).await.len(), of_item.count())
}

async fn apply(hub: &TestHub, policies: &str) {
    let text = council(policies, "");
    hub.exchange.apply_council(&text).await.unwrap();
}

async fn dry_run(hub: &TestHub, who: &str, report: &Value, body: &str) -> (String, Vec<String>) {
    let caller = hub.caller(who).await;
    let preview = hub.dry_run(caller.principal.id.as_str(), report).await;
    let share = preview.audience.iter().find(|s| s.body.as_str() == body);
    let share = share.unwrap();
    (share.form.clone(), share.why.clone())
}

both! {
    what_a_policy_forbids_is_read_nowhere_and_its_neighbours_read_on => |hub| {
        apply(&hub, NO_OPEN).await;
        hub.publish("ict-publisher", &ict("第2種", "follow_up")).await.unwrap();
        for who in ["agency-poc", "broadcast-poc"] {
            assert_eq!(reads(&hub, Some(who)).await, (0, 0), "{who}");
        }
        for who in ["mic-analyst", "power-analyst", "nco-analyst", "ict-analyst"] {
            let (reports, objects) = reads(&hub, Some(who)).await;
            assert_eq!(reports, 1, "{who}");
            assert!(objects > 0, "{who}");
        }
        // The nearest item that the policy does not speak of.
        hub.publish("ict-publisher", &ict("第2種", "final")).await.unwrap();
        assert_eq!(reads(&hub, Some("agency-poc")).await.0, 1);
        assert_eq!(reads(&hub, Some("power-analyst")).await.0, 2);
    }

    what_one_body_may_not_have_is_not_left_where_nobody_logs_in => |hub| {
        apply(&hub, "@id(\"power\") forbid (principal == Body::\"demo-power\", action, resource)\
                     when { resource.stage == Stage::\"first\" };").await;
        hub.publish("ict-publisher", &ict("第1種", "first")).await.unwrap();
        assert_eq!(reads(&hub, Some("power-analyst")).await, (0, 0));
        assert_eq!(reads(&hub, None).await, (0, 0));
        assert_eq!(reads(&hub, Some("gas-analyst")).await.0, 1);
        hub.publish("ict-publisher", &ict("第1種", "final")).await.unwrap();
        assert_eq!(reads(&hub, Some("power-analyst")).await.0, 1);
        assert_eq!(reads(&hub, None).await.0, 1);
    }

    a_policy_on_one_form_leaves_the_stricter_one => |hub| {
        let names = "@id(\"unnamed\") forbid (principal, action, resource)\
                     when { context.relation == Relation::\"national_centre\" && context.form == Form::\"identified\" };";
        apply(&hub, names).await;
        let (form, why) = dry_run(&hub, "ict-publisher", &ict("第2種", "final"), "NCO").await;
        assert_eq!((form.as_str(), why), ("anonymised", vec!["charter v7 policy unnamed".to_owned()]));
        hub.publish("ict-publisher", &ict("第2種", "final")).await.unwrap();
        assert_eq!(hub.reports(Some("nco-analyst")).await[0].form, "anonymised");
        assert_eq!(hub.reports(Some("ict-analyst")).await[0].form, "identified");
    }

    a_dry_run_names_the_policy_and_so_does_the_record => |hub| {
        apply(&hub, NO_OPEN).await;
        let open = ict("第2種", "first");
        let (form, why) = dry_run(&hub, "ict-publisher", &open, "demo-agency").await;
        assert_eq!((form.as_str(), why), ("none", vec!["charter v7 policy observers-no-open".to_owned()]));
        let (form, why) = dry_run(&hub, "ict-publisher", &open, "demo-power").await;
        assert_eq!(form, "anonymised");
        assert!(!why.iter().any(|by| by.contains("policy")), "{why:?}");
        let caller = hub.caller("ict-publisher").await;
        let preview = hub.dry_run(caller.principal.id.as_str(), &open).await;
        let elsewhere = preview.rule.iter().flat_map(|clause| &clause.decided_by);
        assert!(!elsewhere.into_iter().any(|by| by.contains("policy")));
    }

    a_consent_given_later_releases_the_narrowed_rule => |hub| {
        apply(&hub, "@id(\"power\") forbid (principal == Body::\"demo-power\", action, resource);").await;
        let published = hub.publish("finance-publisher", &sample("FIN-01")).await.unwrap();
        assert_eq!(reads(&hub, Some("gas-analyst")).await, (0, 0));
        // Even with the policy gone again: the item keeps the version it was released under.
        apply(&hub, "").await;
        assert_eq!(hub.approve(&published.id).await, "released");
        assert_eq!(reads(&hub, Some("gas-analyst")).await.0, 1);
        assert_eq!(reads(&hub, Some("power-analyst")).await, (0, 0));
    }

    a_policy_that_fails_denies_and_one_that_does_not_reach_it_does_not => |hub| {
        let overflow = "@id(\"overflow\") forbid (principal, action, resource)\
            when { principal == Body::\"demo-power\" && resource has severity && resource.severity + 9223372036854775807 < 0 };";
        apply(&hub, overflow).await;
        let mut report = ict("第2種", "final");
        report["severity"] = json!({"continuity": 2, "safety": 2, "trust": 2, "level": 2});
        let (form, why) = dry_run(&hub, "ict-publisher", &report, "demo-power").await;
        assert_eq!(form, "none");
        assert!(why[0].contains("overflow"), "{why:?}");
        hub.publish("ict-publisher", &report).await.unwrap();
        assert_eq!(reads(&hub, Some("power-analyst")).await, (0, 0));
        assert_eq!(reads(&hub, Some("gas-analyst")).await.0, 1);
    }

    a_posted_object_is_asked_about_by_its_type => |hub| {
        apply(&hub, "@id(\"no-indicators\") forbid (principal == Body::\"demo-power\", action, resource)\
            when { resource has stix_type && resource.stix_type == \"indicator\" };").await;
        let object = |kind: &str, n: u32| json!({
            "type": kind, "spec_version": "2.1", "id": format!("{kind}--00000000-0000-4000-8000-{n:012}"),
            "created": "2026-11-01T00:00:00.000Z", "modified": "2026-11-01T00:00:00.000Z", "name": "n",
            "object_marking_refs": ["marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb"],
        });
        let mut indicator = object("indicator", 1);
        indicator["pattern"] = json!("[ipv4-addr:value = '198.51.100.3']");
        indicator["pattern_type"] = json!("stix");
        indicator["valid_from"] = json!("2026-11-01T00:00:00Z");
        let envelope = json!({"objects": [indicator, object("course-of-action", 2)]}).to_string();
        let caller = hub.caller("ict-publisher").await;
        let outcomes = hub.exchange.publish_objects(&caller, envelope.as_bytes()).await.unwrap();
        assert!(outcomes.iter().all(|outcome| outcome.faults.is_empty()), "{outcomes:?}");
        assert_eq!(reads(&hub, Some("power-analyst")).await.1, 1);
        assert_eq!(reads(&hub, Some("gas-analyst")).await.1, 2);
    }

    a_stricter_charter_is_asked_again_about_what_is_out => |hub| {
        apply(&hub, "").await;
        let published = hub.publish("ict-publisher", &ict("第2種", "first")).await.unwrap();
        assert_eq!(reads(&hub, Some("agency-poc")).await.0, 1);
        apply(&hub, NO_OPEN).await;
        assert_eq!((reads(&hub, Some("agency-poc")).await.0, reads(&hub, Some("power-analyst")).await.0), (0, 1));
        let mut tx = Db::open(&hub.address).await.unwrap().read().await.unwrap();
        let stored = tx.latest_version(&published.id).await.unwrap().unwrap();
        let facts = tx.facts(stored.key).await.unwrap().unwrap();
        let subject: Subject = serde_json::from_str(&facts).unwrap();
        let rule: Rule = serde_json::from_str(&stored.value.rule).unwrap();
        let parts = hub.exchange.directory().charter_takes(Some(&subject), &rule, day());
        assert!(parts.is_empty(), "it has been taken: {parts:?}");
        let form = |body: &str| rule.access.audience.get(&BodyId::from(body)).form();
        assert_eq!((form("demo-agency"), form("demo-power")), (Form::None, Form::Anonymised));
    }

    a_file_with_a_fault_changes_nothing => |hub| {
        apply(&hub, NO_OPEN).await;
        let version = hub.exchange.directory().version();
        let bad = council("@id(\"p\") permit (principal, action, resource);", "");
        let refusal = hub.exchange.apply_council(&bad).await.unwrap_err();
        assert!(matches!(refusal, Refusal::Invalid(_)), "{refusal:?}");
        assert_eq!(hub.exchange.directory().version(), version);
        let (form, _) = dry_run(&hub, "ict-publisher", &ict("第2種", "first"), "demo-agency").await;
        assert_eq!(form, "none");
    }
}

#[test]
fn a_sound_charter_has_no_fault() {
    assert_eq!(faults_of(NO_OPEN, ""), [""; 0]);
    assert_eq!(faults_of("", ""), [""; 0]);
}

#[test]
fn a_permit_is_refused_with_its_name_and_line() {
    let text = format!("{NO_OPEN}\n@id(\"door\")\npermit (principal, action, resource);\n");
    let line = text
        .lines()
        .position(|l| l.starts_with("@id(\"door"))
        .unwrap()
        + 1;
    refused(
        &text,
        "",
        &format!("charter.policies line {line}"),
        &["`door` permits"],
    );
    let both = "@id(\"same\") forbid (principal, action, resource);\n\
                @id(\"same\") forbid (principal, action, resource);\n";
    refused(both, "", "charter.policies line 2", &["twice"]);
    refused(
        "forbid (principal, action, resource);",
        "",
        "charter.policies line 1",
        &["@id"],
    );
    refused(
        "@id(\"slot\") forbid (principal == ?principal, action, resource);",
        "",
        "charter.policies line 1",
        &["template"],
    );
}

#[test]
fn what_does_not_parse_or_is_ill_typed_is_refused_with_its_line() {
    let forbid = |condition: &str| {
        format!("@id(\"p\")\nforbid (principal, action, resource)\nwhen {{\n  {condition}\n}};\n")
    };
    for (condition, says) in [
        ("resource.stage ==", "unexpected token"),
        ("resource.stage == \"first\"", "types"),
        ("resource.colour == Stage::\"first\"", "colour"),
        ("resource.severity > 2", "severity"),
        ("principal.kind == BodyKind::\"observr\"", "observr"),
        ("resource.sectors.contains(\"finance\")", "types"),
    ] {
        let text = forbid(condition);
        let faults = faults_of(&text, "");
        assert!(!faults.is_empty(), "{condition} passes");
        assert!(faults[0].contains(says), "{condition}: {faults:?}");
        let line = if condition.ends_with("==") { 5 } else { 4 };
        assert!(
            faults[0].starts_with(&format!("charter.policies line {line}: ")),
            "{condition}: {faults:?}"
        );
    }
    let dead = forbid("principal.kind == BodyKind::\"ceptoar\" && false");
    assert!(
        faults_of(&dead, "")[0].contains("impossible"),
        "{:?}",
        faults_of(&dead, "")
    );
}

#[test]
fn a_name_that_the_file_does_not_have_is_refused() {
    let forbid = |condition: &str| {
        format!("@id(\"p\") forbid (principal, action, resource) when {{ {condition} }};")
    };
    for (good, bad, says) in [
        (
            "principal == Body::\"demo-power\"",
            "principal == Body::\"demo-powr\"",
            "body `demo-powr`",
        ),
        (
            "resource.sectors.contains(Sector::\"finance\")",
            "resource.sectors.contains(Sector::\"finnace\")",
            "sector `finnace`",
        ),
        (
            "resource.scheme == Scheme::\"S1\"",
            "resource.scheme == Scheme::\"S9\"",
            "scheme `S9`",
        ),
        (
            "resource.level == Level::\"S1/会員限\"",
            "resource.level == Level::\"S1/第1種\"",
            "level `S1/第1種`",
        ),
    ] {
        assert_eq!(faults_of(&forbid(good), ""), [""; 0]);
        refused(&forbid(bad), "", "charter.policies", &["`p`", says]);
    }
    refused(
        &forbid("resource == Item::\"item\""),
        "",
        "charter.policies line 1",
        &["names an item"],
    );
}

fn case(body: &str, stage: &str, expect: &str) -> String {
    format!(
        "[[charter.cases]]\nname = \"the case\"\nbody = \"{body}\"\nsource = \"demo-ict\"\n\
         item = {{ stage = \"{stage}\" }}\nexpect = \"{expect}\"\n"
    )
}

#[test]
fn a_case_that_comes_out_otherwise_is_refused_by_name() {
    for (body, stage, right, wrong) in [
        ("demo-agency", "first", "deny", "allow"),
        ("demo-agency", "final", "allow", "deny"),
        ("demo-broadcast", "follow_up", "deny", "allow"),
        ("demo-power", "first", "allow", "deny"),
        ("anybody", "first", "deny", "allow"),
    ] {
        assert_eq!(
            faults_of(NO_OPEN, &case(body, stage, right)),
            [""; 0],
            "{body} {stage}"
        );
        let place = "charter.cases `the case`";
        refused(
            NO_OPEN,
            &case(body, stage, wrong),
            place,
            &[&format!("expects `{wrong}`")],
        );
    }
    for (body, stage, says) in [
        ("demo-nobody", "first", "not in the file"),
        ("demo-agency", "frist", "cannot be decided"),
        ("ict-op1", "first", "no relation"),
    ] {
        refused(
            NO_OPEN,
            &case(body, stage, "deny"),
            "charter.cases `the case`",
            &[says],
        );
    }
}

#[test]
fn an_invariant_is_one_well_typed_expression() {
    let invariant = |when: &str| format!("[[charter.invariants]]\nid = \"i\"\nwhen = '{when}'\n");
    let good = "context.relation == Relation::\"observers\" && resource.stage == Stage::\"first\"";
    assert_eq!(faults_of(NO_OPEN, &invariant(good)), [""; 0]);
    for bad in [
        "resource.stage == \"first\"",
        "true }; permit (principal, action, resource) when { true",
        "principal == Body::\"demo-powr\"",
        "false",
    ] {
        let faults = faults_of(NO_OPEN, &invariant(bad));
        assert!(!faults.is_empty(), "{bad} passes");
        assert!(
            faults[0].starts_with("charter.invariants `i`: "),
            "{faults:?}"
        );
    }
}

/// The schema's lists of words are the report's.
#[test]
fn every_word_of_a_report_is_a_word_of_the_schema() {
    let report: Value =
        serde_json::from_str(include_str!("../../schemas/report.schema.json")).unwrap();
    let listed = |name: &str| -> BTreeSet<String> {
        let (_, rest) = SCHEMA.split_once(&format!("entity {name} enum [")).unwrap();
        let (list, _) = rest.split_once(']').unwrap();
        list.split(',')
            .map(|word| word.trim().trim_matches('"').to_owned())
            .collect()
    };
    let words = |pointer: &str| -> BTreeSet<String> {
        serde_json::from_value(report.pointer(pointer).unwrap().clone()).unwrap()
    };
    let with = |mut of: BTreeSet<String>, more: &str| {
        of.insert(more.to_owned());
        of
    };
    assert_eq!(
        listed("Kind"),
        with(words("/properties/kind/enum"), "stix_object")
    );
    assert_eq!(
        listed("Stage"),
        with(words("/properties/stage/enum"), "unsaid")
    );
    assert_eq!(
        listed("EventType"),
        words("/properties/event_types/items/enum")
    );
    assert_eq!(listed("CauseType"), words("/$defs/cause/enum"));
}

fn day() -> NaiveDate {
    "2026-11-22".parse().unwrap()
}

fn facts() -> impl Strategy<Value = Facts> {
    (
        proptest::sample::select(vec!["incident_cause", "best_practice", "stix_object"]),
        proptest::sample::select(vec!["first", "follow_up", "final", "unsaid"]),
        proptest::option::of(0..5u8),
        proptest::sample::subsequence(vec!["finance", "electricity", "ict"], 0..=3),
        proptest::sample::subsequence(vec!["near_miss", "info_leak"], 0..=2),
    )
        .prop_map(|(kind, stage, severity, sectors, events)| Facts {
            kind: kind.to_owned(),
            stix_type: (kind == "stix_object").then(|| "indicator".to_owned()),
            stage: stage.to_owned(),
            sectors: sectors.into_iter().map(SectorCode::from).collect(),
            useful_for: BTreeSet::new(),
            event_types: events.into_iter().map(str::to_owned).collect(),
            cause_types: BTreeSet::new(),
            severity,
        })
}

fn condition() -> impl Strategy<Value = String> {
    let atom = proptest::sample::select(vec![
        "true",
        "context.relation == Relation::\"observers\"",
        "context.relation == Relation::\"other_ceptoars\"",
        "context.form == Form::\"identified\"",
        "principal.kind == BodyKind::\"ministry\"",
        "principal.standing == Standing::\"observer\"",
        "principal == Body::\"demo-power\"",
        "principal.sectors.containsAny(resource.sectors)",
        "resource.stage == Stage::\"final\"",
        "resource.tlp == Tlp::\"CLEAR\"",
        "resource.kind == Kind::\"stix_object\"",
        "resource.event_types.contains(EventType::\"near_miss\")",
        "(resource has severity && resource.severity > 2)",
        "(resource has severity && resource.severity + 9223372036854775806 > 0)",
        "resource.ceptoar.kind == BodyKind::\"ceptoar\"",
        "resource.level == Level::\"S2/第1種\"",
    ])
    .prop_map(str::to_owned);
    atom.prop_recursive(3, 8, 2, |inner| {
        (inner.clone(), inner, 0..3u8).prop_map(|(a, b, how)| match how {
            0 => format!("({a} && {b})"),
            1 => format!("({a} || {b})"),
            _ => format!("!({a})"),
        })
    })
}

fn origin() -> Origin {
    Origin {
        ceptoar: BodyId::from("demo-ict"),
        submitter: BodyId::from("demo-ict"),
        operator: None,
        sectors: BTreeSet::from([SectorCode::from("ict")]),
    }
}

fn resolved(directory: &Directory, level: &str, facts: Option<&Facts>) -> Rule {
    let scheme = directory.scheme("S2", day()).unwrap();
    let at = "2026-11-22T00:00:00Z".parse().unwrap();
    let level = scheme.level(level).unwrap();
    let asked = Narrowing::default();
    resolve(directory, ("S2", 1), level, &origin(), &asked, facts, at).rule
}

/// `a` gives nobody anything that `b` does not.
fn within(a: &Rule, b: &Rule) -> bool {
    let (a, b) = (&a.access.audience, &b.access.audience);
    a.iter().all(|(body, grant)| grant.within(b.get(body)))
        && b.iter().all(|(body, grant)| a.get(body).within(grant))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    /// However wrong a policy is, it only takes away; and whatever it takes it says so.
    #[test]
    fn whatever_the_policies_the_audience_only_shrinks(
        conditions in proptest::collection::vec(condition(), 1..4),
        facts in facts(),
        level in proptest::sample::select(vec!["第1種", "第2種", "第3種"]),
    ) {
        let text: String = conditions.iter().enumerate().map(|(n, when)| {
            format!("@id(\"p{n}\") forbid (principal, action, resource) when {{ {when} }};\n")
        }).collect();
        // A condition that can never be true is refused; that is no charter.
        prop_assume!(Policies::compile(&text).is_ok());
        let bare = Directory::new(1, CouncilFile::parse(&council("", "")).unwrap());
        let bound = Directory::new(2, CouncilFile::parse(&council(&text, "")).unwrap());
        let without = resolved(&bare, level, Some(&facts));
        let with = resolved(&bound, level, Some(&facts));
        prop_assert!(within(&with, &without));
        // Asked again about what came out, as a stored rule is, nothing more is taken.
        let subject = origin().subject("S2", level, &facts);
        let parts = bound.charter_takes(Some(&subject), &with, day());
        let again = parts.iter().fold(with.clone(), |sum, part| sum.join(&part.rule));
        prop_assert_eq!(&again, &with);
        // And what was stored without the policies comes to the same.
        let parts = bound.charter_takes(Some(&subject), &without, day());
        let mut later = parts.iter().fold(without.clone(), |sum, part| sum.join(&part.rule));
        // But for what a body that comes later would have: that is settled when it is released.
        later.access.relative.clone_from(&with.access.relative);
        prop_assert_eq!(&later, &with);
        // And what is not known of the item reaches nobody.
        let unknown = resolved(&bound, level, None);
        prop_assert!(unknown.access.audience.is_empty());
        prop_assert!(within(&unknown, &with));
    }
}

/// Answers are kept, so another item, level or time must not get an earlier one's.
#[test]
fn a_kept_answer_is_given_to_the_same_question_alone() {
    let bound = Directory::new(1, CouncilFile::parse(&council(NO_OPEN, "")).unwrap());
    let form = |level: &str, stage: &str| {
        let facts: Facts = serde_json::from_value(json!({ "stage": stage })).unwrap();
        let audience = resolved(&bound, level, Some(&facts)).access.audience;
        ["demo-agency", "anybody"].map(|body| audience.get(&BodyId::from(body)).form())
    };
    let (some, none) = (Form::Anonymised, Form::None);
    for _ in 0..2 {
        assert_eq!(form("第2種", "final"), [some, none]);
        assert_eq!(form("第2種", "first"), [none, none]);
        assert_eq!(form("第1種", "first"), [none, none]);
        assert_eq!(form("第1種", "final"), [some, some]);
    }
}

#[test]
fn a_council_without_policies_asks_for_no_facts() {
    let bare = Directory::new(1, CouncilFile::parse(&council("", "")).unwrap());
    let rule = resolved(&bare, "第2種", None);
    assert!(!rule.access.audience.is_empty());
    assert_eq!(
        rule.access
            .audience
            .get(&BodyId::from("demo-agency"))
            .form(),
        Form::Anonymised
    );
}

#[test]
fn an_invariant_is_a_permit_beside_the_policies() {
    let policies = Policies::compile(NO_OPEN).unwrap();
    let invariant = Invariant {
        id: "i".to_owned(),
        when: "context.form == Form::\"identified\"".to_owned(),
    };
    let set = policies.with_invariant(&invariant).unwrap();
    assert_eq!(set.policies().count(), 2);
    assert_eq!(policies.set().policies().count(), 1);
}

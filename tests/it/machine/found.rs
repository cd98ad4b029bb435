//! What the machine found, each as a test of its own with the acts it came down to.

use chrono::TimeDelta;
use serde_json::{Value, json};

use sekisho::exchange::delete::Deleted;
use sekisho::exchange::once::Said;
use sekisho::exchange::publish::Submission;
use sekisho::exchange::withdraw::Withdrawal;
use sekisho::handling::Channel;
use sekisho::store::feed::Versions;

use crate::harness::{TestHub, both, sample, without_cases};

const NOWHERE: &str = "marking-definition--00000000-0000-4000-8000-0000000000ff";
const GREEN: &str = "marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb";

fn indicator(hour: u32, marking: &str) -> Value {
    json!({
        "type": "indicator", "spec_version": "2.1", "id": "indicator--00000000-0000-4000-8000-000000000001",
        "created": "2026-11-01T00:00:00.000Z", "modified": format!("2026-11-01T{hour:02}:00:00.000Z"),
        "name": format!("version {hour}"), "pattern": "[ipv4-addr:value = '198.51.100.3']",
        "pattern_type": "stix", "valid_from": "2026-11-01T00:00:00Z", "object_marking_refs": [marking],
    })
}

/// The demo council, but that one CEPTOAR of it has another standing.
fn broadcast_is(standing: &str) -> String {
    let mut file: toml::Value = toml::from_str(&without_cases(sekisho::demo::COUNCIL)).unwrap();
    let bodies = file["bodies"].as_array_mut().unwrap();
    let body = bodies
        .iter_mut()
        .find(|one| one["id"].as_str() == Some("demo-broadcast"))
        .unwrap();
    body.as_table_mut()
        .unwrap()
        .insert("standing".to_owned(), standing.into());
    toml::to_string(&file).unwrap()
}

async fn post(hub: &TestHub, who: &str, object: Value) {
    hub.advance(TimeDelta::seconds(1));
    let caller = hub.caller(who).await;
    let envelope = json!({ "objects": [object] }).to_string();
    let outcomes = hub
        .exchange
        .publish_objects(&caller, envelope.as_bytes())
        .await
        .unwrap();
    assert!(outcomes[0].faults.is_empty(), "{outcomes:?}");
}

both! {
    /// Law 6: the one between is held, so the newest is the first that could take its place.
    a_version_gives_way_to_the_newest_though_the_one_between_was_held => |hub| {
        for (hour, marking) in [(1, GREEN), (2, NOWHERE), (3, GREEN)] {
            post(&hub, "ict-taxii", indicator(hour, marking)).await;
        }
        let seen = hub.objects(Some("ict-analyst")).await;
        let versions: Vec<&str> = seen.iter().filter(|object| object.id.starts_with("indicator")).map(|object| object.version.as_str()).collect();
        assert_eq!(versions, ["2026-11-01T03:00:00.000Z"]);
    }

    /// Law 6: also where the newest is taken back alone: the desk's newest stays its newest, and
    /// readers have the newest of those that went to them, though one between never did.
    what_is_taken_back_alone_leaves_one_newest_to_everybody => |hub| {
        for (hour, marking) in [(1, GREEN), (2, NOWHERE), (3, GREEN)] {
            post(&hub, "ict-taxii", indicator(hour, marking)).await;
        }
        let caller = hub.caller("ict-taxii").await;
        let only = Withdrawal { version: Some(3), ..Withdrawal::default() };
        hub.exchange.withdraw(&caller, "indicator--00000000-0000-4000-8000-000000000001", only).await.unwrap();
        for (who, hours) in [("ict-taxii", "03"), ("ict-analyst", "01")] {
            let seen = hub.objects(Some(who)).await;
            let versions: Vec<&str> = seen.iter().filter(|object| object.id.starts_with("indicator")).map(|object| object.version.as_str()).collect();
            assert_eq!(versions, [format!("2026-11-01T{hours}:00:00.000Z")], "{who}");
        }
    }

    /// Law 5: an analyst who has the original and becomes a publisher of its source sits at its desk
    /// from now on, and is left with that entry and not with none.
    whoever_takes_a_seat_at_the_desk_keeps_what_they_had => |hub| {
        hub.publish("ict-publisher", &sample("ICT-02")).await.unwrap();
        let before = hub.reports(Some("ict-analyst")).await;
        assert_eq!((before.len(), before[0].form.as_str()), (1, "identified"));
        assert!(before[0].desk.is_none());
        let mut file: toml::Value = toml::from_str(&without_cases(sekisho::demo::COUNCIL)).unwrap();
        let people = file["principals"].as_array_mut().unwrap();
        let person = people.iter_mut().find(|one| one["id"].as_str() == Some("ict-analyst")).unwrap();
        person["roles"].as_array_mut().unwrap().push("publisher".into());
        hub.advance(TimeDelta::seconds(1));
        hub.exchange.apply_council(&toml::to_string(&file).unwrap()).await.unwrap();
        hub.exchange.act_on_time().await.unwrap();
        let after = hub.reports(Some("ict-analyst")).await;
        assert_eq!((after.len(), after[0].form.as_str()), (1, "identified"));
        assert!(after[0].desk.is_some());
        // Whoever takes no seat has it as before.
        let other = hub.reports(Some("ict-op1-member")).await;
        assert!(other.iter().all(|report| report.desk.is_none()));
    }

    /// Law 4: what others post, hidden, under an id that a note names moves no stamp of the note's
    /// readers, also not when something else it names comes, hidden too.
    a_note_keeps_its_stamp_whoever_else_gets_what_it_names => |hub| {
        const STRICT: &str = "marking-definition--e828b379-4e03-4974-9ac4-e53a884c97c1"; // TLP:RED
        let named = |value: &str, marking: &str| {
            let mut object = json!({"type": "domain-name", "spec_version": "2.1", "value": value});
            object["id"] = json!(sekisho::stix::id::deterministic_id(&object).unwrap().to_string());
            object["object_marking_refs"] = json!([marking]);
            object
        };
        let id = |value: &str| named(value, GREEN)["id"].clone();
        let note = json!({
            "type": "note", "spec_version": "2.1", "id": "note--00000000-0000-4000-8000-000000000001",
            "created": "2026-11-01T00:00:00.000Z", "modified": "2026-11-01T00:00:00.000Z", "content": "see these",
            "object_refs": [id("zero.example"), id("one.example")], "object_marking_refs": [GREEN],
        });
        post(&hub, "logistics-taxii", named("one.example", GREEN)).await;
        post(&hub, "ict-taxii", note).await;
        let stamps = || async {
            let seen = hub.objects(Some("nco-analyst")).await;
            let notes = seen.into_iter().filter(|object| object.id.starts_with("note--"));
            notes.map(|object| (object.id, object.added)).collect::<Vec<_>>()
        };
        let before = stamps().await;
        assert_eq!(before.len(), 1);
        post(&hub, "medical-taxii", named("one.example", NOWHERE)).await;
        assert_eq!(stamps().await, before);
        post(&hub, "medical-taxii", named("zero.example", STRICT)).await;
        assert_eq!(stamps().await, before);
        // What is not hidden brings the note with both, as another.
        post(&hub, "logistics-taxii", named("zero.example", GREEN)).await;
        assert_ne!(stamps().await, before);
    }

    /// Law 4: nor does a law that becomes stricter, after others came to have what it names, hidden.
    a_note_keeps_its_stamp_under_a_stricter_law_whoever_else_has_what_it_names => |hub| {
        let named = |marking: &str| {
            let mut object = json!({"type": "domain-name", "spec_version": "2.1", "value": "one.example"});
            object["id"] = json!(sekisho::stix::id::deterministic_id(&object).unwrap().to_string());
            object["object_marking_refs"] = json!([marking]);
            object
        };
        let note = json!({
            "type": "note", "spec_version": "2.1", "id": "note--00000000-0000-4000-8000-000000000001",
            "created": "2026-11-01T00:00:00.000Z", "modified": "2026-11-01T00:00:00.000Z", "content": "see this",
            "object_refs": [named(GREEN)["id"]], "object_marking_refs": [GREEN],
        });
        post(&hub, "logistics-taxii", named(GREEN)).await;
        post(&hub, "ict-taxii", note).await;
        post(&hub, "medical-taxii", named(NOWHERE)).await;
        let stamps = async || {
            let seen = hub.objects(Some("nco-analyst")).await;
            let notes = seen.into_iter().filter(|object| object.id.starts_with("note--"));
            notes.map(|object| (object.id, object.added)).collect::<Vec<_>>()
        };
        let before = stamps().await;
        assert_eq!(before.len(), 1);
        let mut file: toml::Value = toml::from_str(&without_cases(sekisho::demo::COUNCIL)).unwrap();
        let charter = file["charter"].as_table_mut().unwrap();
        charter.insert("version".to_owned(), 2.into());
        charter.insert("storage_jp_only".to_owned(), true.into());
        hub.advance(TimeDelta::seconds(1));
        hub.exchange.apply_council(&toml::to_string(&file).unwrap()).await.unwrap();
        hub.exchange.act_on_time().await.unwrap();
        assert_eq!(stamps().await, before);
    }

    /// Law 4: whether a report has left its CEPTOAR is no matter of whoever reads it inside, so what
    /// is made of it goes to the same bodies, also to those that moved meanwhile, before and after.
    what_is_made_of_a_report_does_not_tell_whether_it_has_left => |hub| {
        let audience = async |of: &str| {
            let submission = Submission {
                bytes: sample("ICT-02").to_string().into_bytes(),
                derived_from: vec![of.to_owned()],
                ..Submission::default()
            };
            let preview = hub.exchange.dry_run(&hub.caller("ict-publisher").await, &submission).await.unwrap();
            let shares = preview.audience.into_iter();
            shares.map(|share| (share.body.to_string(), share.depth, share.form)).collect::<Vec<_>>()
        };
        let out = hub.publish("ict-publisher", &sample("ICT-01")).await.unwrap();
        hub.advance(TimeDelta::hours(25));
        hub.exchange.act_on_time().await.unwrap();
        let mut second = sample("ICT-01");
        second["title"] = json!({"ja": "別件", "en": "another"});
        let held = hub.publish("ict-publisher", &second).await.unwrap();
        let own = hub.reports(Some("ict-publisher")).await;
        let state = |id: &str| own.iter().find(|one| one.id == id).unwrap().desk.as_ref().unwrap().state.clone();
        assert_eq!((state(&out.id).as_str(), state(&held.id).as_str()), ("released", "held"));
        let before = audience(&out.id).await;
        assert_eq!(before, audience(&held.id).await);
        // A CEPTOAR that observed only attends from now on, and stands in no column at all.
        hub.advance(TimeDelta::seconds(1));
        hub.exchange.apply_council(&broadcast_is("attendee")).await.unwrap();
        let after = audience(&out.id).await;
        assert_ne!(before, after);
        assert_eq!(after, audience(&held.id).await);
        // And where it comes back it is added to both.
        hub.advance(TimeDelta::seconds(1));
        hub.exchange.apply_council(&broadcast_is("member")).await.unwrap();
        let back = audience(&out.id).await;
        assert_ne!(after, back);
        assert_eq!(back, audience(&held.id).await);
    }

    /// Law 3: what went inside alone, and was narrowed there, goes to nobody else when a body's place
    /// in the council changes.
    what_is_held_stays_inside_though_it_was_narrowed_and_others_move => |hub| {
        hub.publish("ict-publisher", &sample("ICT-01")).await.unwrap();
        // The charter's stricter word narrows it, and then the CEPTOAR answers to another ministry.
        let stricter = |ministry: &str| {
            let mut file: toml::Value = toml::from_str(&without_cases(sekisho::demo::COUNCIL)).unwrap();
            let charter = file["charter"].as_table_mut().unwrap();
            charter.insert("version".to_owned(), 2.into());
            charter.insert("storage_jp_only".to_owned(), true.into());
            let of: toml::Value = toml::from_str(&format!("[[of]]\nbody = \"{ministry}\"\nfrom = \"2025-04-01\"")).unwrap();
            let bodies = file["bodies"].as_array_mut().unwrap();
            let body = bodies.iter_mut().find(|one| one["id"].as_str() == Some("demo-ict")).unwrap();
            body.as_table_mut().unwrap().insert("ministries".to_owned(), of["of"].clone());
            toml::to_string(&file).unwrap()
        };
        for ministry in ["MIC", "METI"] {
            hub.advance(TimeDelta::seconds(1));
            hub.exchange.apply_council(&stricter(ministry)).await.unwrap();
            hub.exchange.act_on_time().await.unwrap();
        }
        assert_eq!(hub.reports(Some("ict-analyst")).await.len(), 1);
        assert_eq!(hub.reports(Some("meti-analyst")).await.len(), 0);
        hub.advance(TimeDelta::hours(25));
        hub.exchange.act_on_time().await.unwrap();
        assert_eq!(hub.reports(Some("meti-analyst")).await.len(), 1);
    }

    /// Law 5: a CEPTOAR without operators says the same of its members as any other, and the first
    /// operator that joins reads what came before.
    the_first_operator_of_a_ceptoar_reads_what_came_before_it => |hub| {
        let file = |ceptoars: &str| {
            let mut file: toml::Value = toml::from_str(&without_cases(sekisho::demo::COUNCIL)).unwrap();
            let bodies = file["bodies"].as_array_mut().unwrap();
            for body in bodies.iter_mut().filter(|one| one["id"].as_str().is_some_and(|id| id.starts_with("ict-op"))) {
                let of: toml::Value = toml::from_str(&format!("of = [\"{ceptoars}\"]")).unwrap();
                body.as_table_mut().unwrap().insert("ceptoars".to_owned(), of["of"].clone());
            }
            toml::to_string(&file).unwrap()
        };
        hub.advance(TimeDelta::seconds(1));
        hub.exchange.apply_council(&file("demo-railway")).await.unwrap();
        let mut report = sample("ICT-02");
        report.as_object_mut().unwrap().remove("source_operator");
        hub.publish("ict-publisher", &report).await.unwrap();
        let there = async || hub.reports(Some("ict-op1-member")).await.len();
        assert_eq!(there().await, 0);
        hub.advance(TimeDelta::seconds(1));
        hub.exchange.apply_council(&file("demo-ict")).await.unwrap();
        hub.exchange.act_on_time().await.unwrap();
        assert_eq!(there().await, 1);
    }

    /// What names an object that was deleted goes with it for those too who had it at its desk alone.
    what_names_a_deleted_object_goes_for_its_desk_too => |hub| {
        let note = |n: u32, of: &str| json!({
            "type": "note", "spec_version": "2.1", "id": format!("note--00000000-0000-4000-8000-{n:012}"),
            "created": "2026-11-01T00:00:00.000Z", "modified": "2026-11-01T00:00:00.000Z", "content": format!("note {n}"),
            "object_refs": [of], "object_marking_refs": [GREEN],
        });
        let mut other = indicator(1, GREEN);
        other["id"] = json!("indicator--00000000-0000-4000-8000-000000000002");
        let held = indicator(1, NOWHERE);
        for object in [&held, &other, &note(1, held["id"].as_str().unwrap()), &note(2, other["id"].as_str().unwrap())] {
            post(&hub, "ict-taxii", object.clone()).await;
        }
        let notes = async || {
            let seen = hub.objects(Some("ict-poc")).await;
            seen.iter().filter(|object| object.id.starts_with("note")).count()
        };
        assert_eq!(notes().await, 2, "whoever is asked about the indicator has it");
        hub.advance(TimeDelta::seconds(1));
        let caller = hub.caller("ict-taxii").await;
        let view = hub.exchange.view(Some(&caller), Channel::Taxii).await.unwrap();
        let id = held["id"].as_str().unwrap();
        let done = hub.exchange.delete_object(&caller, &view, id, &Versions::Last).await.unwrap();
        assert_eq!(done, Deleted::Done);
        assert_eq!(notes().await, 1, "the other stays");
    }

    /// Laws 2 and 3: a CEPTOAR that stands elsewhere has of an advisory what its new column gives, and
    /// what another passes on gives it nothing back.
    an_advisory_follows_a_ceptoar_that_stands_elsewhere => |hub| {
        let advisory = json!({
            "kind": "advisory", "title": {"ja": "注意喚起"}, "summary": {"ja": "更新を求める。"},
            "advisory": {"type": "alert"}, "handling": {"scheme": "S2", "level": "第2種"},
        });
        let reads = async |who: &str| hub.reports(Some(who)).await.len();
        hub.advance(TimeDelta::seconds(1));
        hub.exchange.apply_council(&broadcast_is("member")).await.unwrap();
        hub.publish("nco-advisor", &advisory).await.unwrap();
        assert_eq!((reads("broadcast-analyst").await, reads("broadcast-op1-member").await), (1, 0));
        hub.advance(TimeDelta::seconds(1));
        hub.exchange.apply_council(&broadcast_is("selection_pending")).await.unwrap();
        hub.exchange.act_on_time().await.unwrap();
        assert_eq!(reads("broadcast-analyst").await, 0, "only the point of contact of an observer is given this level");
        // Another CEPTOAR's passing on is for its own operators.
        let poc = hub.caller("power-poc").await;
        let had = hub.reports(Some("power-poc")).await[0].id.clone();
        hub.advance(TimeDelta::seconds(1));
        hub.exchange.pass_on(&poc, &had, Said::default()).await.unwrap();
        assert_eq!((reads("power-op1-member").await, reads("broadcast-analyst").await), (1, 0));
        // Back again, its analysts have it, and its operators once it is passed on.
        hub.advance(TimeDelta::seconds(1));
        hub.exchange.apply_council(&broadcast_is("member")).await.unwrap();
        hub.exchange.act_on_time().await.unwrap();
        assert_eq!((reads("broadcast-analyst").await, reads("broadcast-op1-member").await), (1, 0));
        let poc = hub.caller("broadcast-poc").await;
        let had = hub.reports(Some("broadcast-poc")).await[0].id.clone();
        hub.advance(TimeDelta::seconds(1));
        hub.exchange.pass_on(&poc, &had, Said::default()).await.unwrap();
        assert_eq!(reads("broadcast-op1-member").await, 1);
    }

    /// Law 2: a policy that comes later is asked about those who come to stand in its column later, too.
    a_later_policy_holds_for_who_comes_to_stand_in_its_column => |hub| {
        let file = |standing: &str, version: i64, more: &str| {
            let mut file: toml::Value = toml::from_str(&broadcast_is(standing)).unwrap();
            let charter = file["charter"].as_table_mut().unwrap();
            let policies = format!("{}{more}", charter["policies"].as_str().unwrap());
            charter.insert("policies".to_owned(), policies.into());
            charter.insert("version".to_owned(), version.into());
            toml::to_string(&file).unwrap()
        };
        let policy = "@id(\"later\") forbid (principal, action == Action::\"receive\", resource) when { \
            context.relation == Relation::\"observers\" && resource.kind == Kind::\"stix_object\" };";
        let reads = async || {
            let seen = hub.objects(Some("broadcast-poc")).await;
            seen.iter().filter(|object| object.id.starts_with("indicator")).count()
        };
        for (first, last) in [("", 1), (policy, 0)] {
            let hub_version = if first.is_empty() { 11 } else { 12 };
            hub.advance(TimeDelta::seconds(1));
            hub.exchange.apply_council(&file("member", hub_version, "")).await.unwrap();
            if first.is_empty() {
                post(&hub, "ict-taxii", indicator(1, GREEN)).await;
            }
            hub.advance(TimeDelta::seconds(1));
            hub.exchange.apply_council(&file("member", hub_version, first)).await.unwrap();
            hub.exchange.act_on_time().await.unwrap();
            assert_eq!(reads().await, 1, "a member, of whom the policy does not speak");
            hub.advance(TimeDelta::seconds(1));
            hub.exchange.apply_council(&file("selection_pending", hub_version, first)).await.unwrap();
            hub.exchange.act_on_time().await.unwrap();
            assert_eq!(reads().await, last, "an observer");
        }
    }

    /// Law 6: an older version that comes after the newer one was deleted is read back at the desk.
    a_desk_reads_back_what_it_posts_after_a_delete => |hub| {
        let held = |hour: u32| indicator(hour, NOWHERE);
        post(&hub, "ict-taxii", held(5)).await;
        hub.advance(TimeDelta::seconds(1));
        let caller = hub.caller("ict-taxii").await;
        let view = hub.exchange.view(Some(&caller), Channel::Taxii).await.unwrap();
        let id = held(5)["id"].as_str().unwrap().to_owned();
        let done = hub.exchange.delete_object(&caller, &view, &id, &Versions::All).await.unwrap();
        assert_eq!(done, Deleted::Done);
        let there = async || {
            let seen = hub.objects(Some("ict-poc")).await;
            seen.iter().filter(|object| object.id == id).count()
        };
        assert_eq!(there().await, 0);
        post(&hub, "ict-taxii", held(4)).await;
        assert_eq!(there().await, 1);
    }
}

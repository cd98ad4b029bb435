//! What was decided by a council file that is in force no more is decided anew before it is written.

use chrono::TimeDelta;
use sekisho::exchange::Refusal;
use sekisho::exchange::publish::Submission;
use serde_json::json;

use crate::feedback::green;
use crate::harness::both;
use crate::taxii::indicator;

both! {
    who_lost_the_right_meanwhile_publishes_nothing => |hub| {
        let (reports, objects) = (hub.caller("ict-publisher").await, hub.caller("ict-taxii").await);
        let other = hub.another().await;
        let without = |council: String, who: &str, roles: &str| {
            let at = council.find(&format!("id = \"{who}\"")).unwrap();
            let line = at + council[at..].find("roles = ").unwrap();
            let end = line + council[line..].find('\n').unwrap();
            format!("{}roles = [{roles}]{}", &council[..line], &council[end..])
        };
        let council = without(sekisho::demo::COUNCIL.to_owned(), "ict-publisher", "\"member\"");
        let council = without(council, "ict-taxii", "\"analyst\"");
        other.apply_council(&council).await.unwrap();
        let submission = Submission { bytes: green("ICT-02").to_string().into_bytes(), ..Submission::default() };
        let refused = hub.exchange.publish(&reports, submission).await;
        assert!(matches!(refused, Err(Refusal::Forbidden(_))), "{refused:?}");
        let envelope = json!({"objects": [indicator(1)]}).to_string();
        let refused = hub.exchange.publish_objects(&objects, envelope.as_bytes()).await;
        assert!(matches!(refused, Err(Refusal::Forbidden(_))), "{refused:?}");
        assert!(hub.reports(Some("power-analyst")).await.is_empty());
        assert!(hub.objects(Some("power-analyst")).await.is_empty());
    }

    who_kept_it_publishes_under_the_file_in_force => |hub| {
        let (reports, objects) = (hub.caller("ict-publisher").await, hub.caller("ict-taxii").await);
        let other = hub.another().await;
        other.apply_council(&format!("{}\n# again\n", sekisho::demo::COUNCIL)).await.unwrap();
        let submission = Submission { bytes: green("ICT-02").to_string().into_bytes(), ..Submission::default() };
        let published = hub.exchange.publish(&reports, submission.clone()).await.unwrap();
        assert_eq!(published.state, "released");
        // And so for a new version, which was begun before yet another file.
        other.apply_council(sekisho::demo::COUNCIL).await.unwrap();
        hub.advance(TimeDelta::seconds(1));
        let next = Submission { replaces: Some(published.id), ..submission };
        let revised = hub.exchange.revise(&reports, next, Some(1)).await.unwrap().unwrap();
        assert_eq!((revised.version, revised.state.as_str()), (2, "released"));
        let envelope = json!({"objects": [indicator(1)]}).to_string();
        let taken = hub.exchange.publish_objects(&objects, envelope.as_bytes()).await.unwrap();
        assert!(taken.iter().all(|one| one.faults.is_empty()));
        assert!(hub.objects(Some("power-analyst")).await.len() > 1);
    }
}

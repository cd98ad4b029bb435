//! Feedback as a STIX object of the giver's: a `sighting`, an `opinion` or a `note` on what the giver
//! received. It goes through the same intake as what anybody posts, made of the item as its part, so
//! it carries the join of both rules and is taken back with the item.
//!
//! Only what is said to other readers too becomes one. Acknowledgements, answers with a date and what
//! is addressed to the source stay between the giver and the source.

use serde_json::{Value, json};

use super::{Feedback, FeedbackKind, Received, giver};
use crate::exchange::access::Caller;
use crate::exchange::anonymity;
use crate::exchange::facts;
use crate::exchange::gate::View;
use crate::exchange::hold::Hold;
use crate::exchange::intake::{Asked, Handled, handle, own_scheme};
use crate::exchange::markings::Definitions;
use crate::exchange::objects::Ready;
use crate::exchange::parts::Parts;
use crate::exchange::portions::Had;
use crate::exchange::publish::stored_rule;
use crate::exchange::refusal::Refusal;
use crate::exchange::renditions::Renditions;
use crate::exchange::settle::stored_origin;
use crate::exchange::stamps::{Places, SPREAD, Spread};
use crate::exchange::supports::supports;
use crate::exchange::{Exchange, Tx};
use crate::handling::{Audience, Form, Join, Relative, Rule, Seat};
use crate::stix::StixId;
use crate::stix::timestamp::format_stix;

/// Feedback with the rule it carries, and how it is handled where it can be released.
pub(super) struct Bound {
    /// The item's rule joined with the giver's own default level.
    pub rule: Rule,
    handled: Option<Handled>,
    parts: Parts,
}

impl Exchange {
    /// Joins the item's rule with the default level of the giver. A giver without a scheme has none,
    /// so what it says goes to nobody beside the source (law 1).
    pub(super) fn bind_feedback(
        &self,
        caller: &Caller,
        received: &Received,
        feedback: &Feedback,
    ) -> Result<Bound, Refusal> {
        let mut parts = Parts::default();
        parts.add(&received.version, received.form())?;
        let now = self.clock().now();
        let directory = &caller.directory;
        let origin = giver::origin_of(directory, &caller.body, now.date_naive());
        let bodies = (&origin.ceptoar, &origin.submitter);
        let Ok(scheme) = own_scheme(directory, bodies, "/handling", now) else {
            let mut nobody = Rule::unrestricted();
            nobody.access.audience = crate::handling::Grants::default();
            return Ok(Bound {
                rule: stored_rule(&received.version)?.join(&nobody),
                handled: None,
                parts,
            });
        };
        let mut wholes = parts.wholes.clone();
        for whole in &mut wholes {
            // The source has its own way to feedback: whether its CEPTOAR could read the join decides
            // nothing, and must not show to a giver who does not know whose the item is.
            whole.ceptoar.clone_from(&origin.ceptoar);
            "the item".clone_into(&mut whole.name);
        }
        let stix = json!({ "type": stix_type(feedback.kind).unwrap_or("note") });
        let asked = Asked {
            level: Some((&scheme.id, &scheme.default_level)),
            wholes,
            facts: Some(facts::of_object(caller, &stix, now.date_naive())),
            ..Asked::default()
        };
        let mut handled = handle(caller, origin, &asked, "/handling", now)?;
        let rule = handled.resolved.rule.clone();
        let own = handled.origin.ceptoar.as_str().to_owned();
        let asks_others = |handled: &Handled| {
            let mut asked = handled.approvals.keys();
            asked.any(|who| who.parts().is_none_or(|(body, _)| body != own))
        };
        if asks_others(&handled) {
            inside_only(&mut handled, now);
        }
        let conflict = !handled.resolved.conflicts.is_empty();
        Ok(Bound {
            rule,
            handled: (!conflict).then_some(handled),
            parts,
        })
    }

    /// Releases feedback that other readers may have too, as far as the rule goes.
    #[expect(
        clippy::too_many_arguments,
        reason = "one call site; each is a fact of the act"
    )]
    pub(super) async fn release_feedback(
        &self,
        tx: &mut Tx,
        caller: &Caller,
        view: &View,
        received: &Received,
        bound: Bound,
        (feedback, id): (&Feedback, &str),
        now: i64,
    ) -> Result<(), Refusal> {
        let (Some(kind), Some(handled)) = (stix_type(feedback.kind), bound.handled) else {
            return Ok(());
        };
        if received.form() == Form::Identified {
            // Who was told the source may name it to the source, and not to others.
            let origin = stored_origin(&received.version, &stored_rule(&received.version)?);
            let marks = anonymity::body_marks(&caller.directory, &origin);
            let check = anonymity::check(&caller.directory, &origin, marks);
            if !check.find(&json!({ "text": feedback.text })).is_empty() {
                return Ok(());
            }
        }
        let goes_with = supports(
            self.secret(),
            &caller.directory,
            &handled.origin,
            &handled.resolved.rule,
            Form::Identified,
        );
        let stix_id = self.secret().stix_id(kind, "feedback object", &[id]);
        let Some(parsed) = StixId::parse(&stix_id) else {
            return Ok(());
        };
        let value = object(
            (feedback, kind),
            &stix_id,
            &received.entry.stix_id,
            (&goes_with.creator_id, &goes_with.marking_refs),
            now,
        );
        let mut had = Had::ready(tx, now, SPREAD).await?;
        let place = Places::take(tx, now, 1).await?.at(0);
        let behind = Spread::take(tx, now, SPREAD).await?;
        let creator = goes_with.creator_id;
        let mut markings = goes_with.objects;
        markings.retain(|object| super::super::supports::id_of(object) != Some(&creator));
        let origin = handled.origin.clone();
        let ready = Ready {
            at: 0,
            place,
            raw: value.to_string(),
            value,
            id: parsed,
            handled,
            markings: Definitions::default(),
            cuts: Vec::new(),
            levels: markings,
        };
        let source = (caller.body.id.as_str(), caller.directory.as_ref());
        let mut batch = Renditions::make(self, tx, source, &origin, ready.versions()).await?;
        if let Some(of) = StixId::parse(&received.entry.stix_id) {
            // The rendition speaks of the rendition, where there is one.
            let rendered = tx.objects_of(received.version.key).await?;
            let mut rendered = rendered.into_iter().map(|(_, object)| object);
            let rendered = rendered.find(|object| {
                let ties = object.report.is_some() || !received.entry.stix_id.starts_with("report");
                ties && object.form == Form::Anonymised.word()
            });
            let told = rendered.map_or_else(|| of.to_string(), |object| object.stix_id);
            batch.refer(self.secret(), caller.body.id.as_str(), &of, &told);
        }
        self.take(tx, caller, view, &batch, ready, &mut had).await?;
        let name = format!("{} {stix_id}", caller.body.id);
        if let Some(version) = tx.latest_version(&name).await? {
            self.tie_parts(tx, version.key, &bound.parts).await?;
        }
        had.spread = Some(behind);
        self.arrived(tx, &caller.directory, had, now).await
    }
}

/// Keeps it inside the giver's CEPTOAR: whoever else would have to agree would read it as submitted,
/// and so learn who gave it.
fn inside_only(handled: &mut Handled, now: chrono::DateTime<chrono::Utc>) {
    let own = handled.origin.ceptoar.clone();
    let mut only = Rule::unrestricted();
    let all = &handled.resolved.rule.access.audience;
    only.access.audience = all.only(|body, _| *body == own);
    // Nor does a body that comes later get it.
    only.access.relative = Relative::Several;
    handled.narrow(&only, now);
    handled.approvals.clear();
    handled.holds.retain(|hold| hold.code != Hold::APPROVAL);
    handled.desk.retain(|audience| {
        let approver = matches!(
            audience,
            Audience::Desk {
                seat: Seat::Approver { .. }
            }
        );
        !approver
    });
}

/// What a kind is in STIX, where other readers may have it.
const fn stix_type(kind: FeedbackKind) -> Option<&'static str> {
    match kind {
        FeedbackKind::Sighting => Some("sighting"),
        FeedbackKind::Usefulness => Some("opinion"),
        FeedbackKind::ActionTaken | FeedbackKind::Prevented => Some("note"),
        _ => None,
    }
}

/// STIX 2.1 section 4.13's scale, for 1 to 5.
fn opinion(usefulness: Option<u8>) -> &'static str {
    match usefulness.unwrap_or(3) {
        0 | 1 => "strongly-disagree",
        2 => "disagree",
        3 => "neutral",
        4 => "agree",
        _ => "strongly-agree",
    }
}

fn object(
    (feedback, kind): (&Feedback, &str),
    id: &str,
    of: &str,
    (creator, markings): (&str, &[String]),
    now: i64,
) -> Value {
    let made = format_stix(now);
    let mut object = json!({
        "type": kind,
        "spec_version": "2.1",
        "id": id,
        "created_by_ref": creator,
        "created": made,
        "modified": made,
        "object_marking_refs": markings,
    });
    let text = feedback.text.as_deref().map(str::trim);
    let instant = |at: Option<chrono::DateTime<chrono::Utc>>| {
        at.map(|at| json!(format_stix(at.timestamp_micros())))
    };
    let members: Vec<(&str, Option<Value>)> = match kind {
        "sighting" => vec![
            ("sighting_of_ref", Some(json!(of))),
            ("description", text.map(|text| json!(text))),
            ("first_seen", instant(feedback.first_seen)),
            ("last_seen", instant(feedback.last_seen)),
            ("count", feedback.count.map(|count| json!(count))),
        ],
        "opinion" => vec![
            ("opinion", Some(json!(opinion(feedback.usefulness)))),
            ("explanation", text.map(|text| json!(text))),
            ("object_refs", Some(json!([of]))),
        ],
        _ => vec![
            ("abstract", Some(json!(feedback.kind.word()))),
            ("content", Some(json!(text.unwrap_or(feedback.kind.word())))),
            ("object_refs", Some(json!([of]))),
        ],
    };
    if let Some(all) = object.as_object_mut() {
        for (name, value) in members {
            all.extend(value.map(|value| (name.to_owned(), value)));
        }
    }
    object
}

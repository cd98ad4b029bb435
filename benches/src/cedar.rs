//! The handling rule in Cedar: a rule is a resource, a reader a principal, and who passes where is a
//! set of circles ("<body>/poc"), since Cedar's sets are hashed and its records have no computed keys.
//! Everything that can be built before is built before: entities, policies, requests.

use std::collections::{HashMap, HashSet};

use anyhow::Context as _;
use cedar_policy::{
    Authorizer, Context, Entities, Entity, EntityUid, PolicySet, Request, RestrictedExpression,
};
use sekisho::handling::{Access, Depth, Form, Reach, Reader, Tlp};

use crate::mix::{Mix, now};

/// One policy for each reason, so that the deciding policy is the reason.
const WITH_REASONS: &str = r#"
@id("identified")
permit (principal, action, resource)
when { resource.identified.containsAny(principal.circles) };
@id("identified, need to know")
permit (principal, action, resource)
when {
  resource.identified_ntk.containsAny(principal.circles) &&
  (resource.ntk_sectors.containsAny(principal.sectors) || resource.ntk_persons.contains(principal.name))
};
@id("anonymised")
permit (principal, action, resource)
when { resource.anonymised.containsAny(principal.circles) };
@id("anonymised, need to know")
permit (principal, action, resource)
when {
  resource.anonymised_ntk.containsAny(principal.circles) &&
  (resource.ntk_sectors.containsAny(principal.sectors) || resource.ntk_persons.contains(principal.name))
};
@id("named")
forbid (principal, action, resource)
when { resource has named && !resource.named.contains(principal.name) };
@id("not_before")
forbid (principal, action, resource)
when { resource has not_before && context.now < resource.not_before };
@id("not_after")
forbid (principal, action, resource)
when { resource has not_after && context.now >= resource.not_after };
@id("tlp")
forbid (principal, action, resource)
when { principal.anybody && resource.tlp > 0 };
@id("view_only")
forbid (principal, action, resource)
when { context.hands_over && resource.view_only };
@id("storage_jp_only")
forbid (principal, action, resource)
when { context.hands_over && resource.storage_jp_only && !principal.storage_jp };
@id("retention_min_days")
forbid (principal, action, resource)
when { context.hands_over && resource.retention_min_days > principal.retention_min_days };
"#;

/// The same in two policies, which say the form and no reason: what Cedar does fastest.
const WITHOUT_REASONS: &str = r#"
@id("identified")
permit (principal, action, resource)
when {
  !(resource has not_before && context.now < resource.not_before) &&
  !(resource has not_after && context.now >= resource.not_after) &&
  !(resource has named && !resource.named.contains(principal.name)) &&
  !(principal.anybody && resource.tlp > 0) &&
  !(context.hands_over && (resource.view_only || resource.storage_jp_only && !principal.storage_jp ||
    resource.retention_min_days > principal.retention_min_days)) &&
  (resource.identified.containsAny(principal.circles) ||
   resource.identified_ntk.containsAny(principal.circles) &&
   (resource.ntk_sectors.containsAny(principal.sectors) || resource.ntk_persons.contains(principal.name)))
};
@id("anonymised")
permit (principal, action, resource)
when {
  !(resource has not_before && context.now < resource.not_before) &&
  !(resource has not_after && context.now >= resource.not_after) &&
  !(resource has named && !resource.named.contains(principal.name)) &&
  !(principal.anybody && resource.tlp > 0) &&
  !(context.hands_over && (resource.view_only || resource.storage_jp_only && !principal.storage_jp ||
    resource.retention_min_days > principal.retention_min_days)) &&
  (resource.anonymised.containsAny(principal.circles) ||
   resource.anonymised_ntk.containsAny(principal.circles) &&
   (resource.ntk_sectors.containsAny(principal.sectors) || resource.ntk_persons.contains(principal.name)))
};
"#;

/// Cedar with everything loaded.
pub struct Cedar {
    authorizer: Authorizer,
    with_reasons: PolicySet,
    without_reasons: PolicySet,
    entities: Entities,
    requests: Vec<Request>,
}

impl Cedar {
    /// Builds all that a decision needs, for every question of the mix, in its order.
    pub fn new(mix: &Mix) -> anyhow::Result<Self> {
        let mut all = Vec::new();
        for (n, access) in mix.rules.iter().enumerate() {
            all.push(Entity::new(uid("Rule", n)?, rule(access), HashSet::new())?);
        }
        for (n, one) in mix.readers.iter().enumerate() {
            all.push(Entity::new(uid("Reader", n)?, reader(one), HashSet::new())?);
        }
        let requests = mix
            .questions
            .iter()
            .map(|question| {
                let context = Context::from_pairs([
                    ("now".to_owned(), long(now().timestamp_micros())),
                    (
                        "hands_over".to_owned(),
                        RestrictedExpression::new_bool(question.channel.hands_over()),
                    ),
                ])?;
                Ok(Request::new(
                    uid("Reader", question.reader)?,
                    uid("Action", 0)?,
                    uid("Rule", question.rule)?,
                    context,
                    None,
                )?)
            })
            .collect::<anyhow::Result<_>>()?;
        Ok(Self {
            authorizer: Authorizer::new(),
            with_reasons: policies(WITH_REASONS)?,
            without_reasons: policies(WITHOUT_REASONS)?,
            entities: Entities::from_entities(all, None)?,
            requests,
        })
    }

    /// How many policies it reads with reasons and without.
    pub fn policies(&self) -> [usize; 2] {
        [&self.with_reasons, &self.without_reasons].map(|set| set.policies().count())
    }

    /// The form that the nth question's reader gets, from one call.
    pub fn form(&self, question: usize, reasons: bool) -> Form {
        let policies = if reasons {
            &self.with_reasons
        } else {
            &self.without_reasons
        };
        let request = &self.requests[question];
        let response = self
            .authorizer
            .is_authorized(request, policies, &self.entities);
        if response.decision() == cedar_policy::Decision::Deny {
            return Form::None;
        }
        let deciding = response.diagnostics().reason();
        let identified = |id: &cedar_policy::PolicyId| -> bool {
            let id: &str = id.as_ref();
            id.starts_with("identified")
        };
        if deciding.into_iter().any(identified) {
            Form::Identified
        } else {
            Form::Anonymised
        }
    }

    /// Whether any policy failed on the nth question; a failed policy is passed over.
    pub fn failed(&self, question: usize) -> bool {
        let request = &self.requests[question];
        [&self.with_reasons, &self.without_reasons]
            .into_iter()
            .any(|policies| {
                let response = self
                    .authorizer
                    .is_authorized(request, policies, &self.entities);
                response.diagnostics().errors().next().is_some()
            })
    }
}

/// Policies under the ids their notes give them.
fn policies(text: &str) -> anyhow::Result<PolicySet> {
    let mut named = PolicySet::new();
    for policy in text.parse::<PolicySet>()?.policies() {
        let id = policy.annotation("id").context("a policy without id")?;
        named.add(policy.new_id(id.parse()?))?;
    }
    Ok(named)
}

fn uid(kind: &str, n: usize) -> anyhow::Result<EntityUid> {
    Ok(format!("{kind}::\"{n}\"").parse()?)
}

fn long(value: i64) -> RestrictedExpression {
    RestrictedExpression::new_long(value)
}

fn texts<T: ToString>(all: impl IntoIterator<Item = T>) -> RestrictedExpression {
    let each = |text: T| RestrictedExpression::new_string(text.to_string());
    RestrictedExpression::new_set(all.into_iter().map(each))
}

fn rule(access: &Access) -> HashMap<String, RestrictedExpression> {
    let circles = |form: Form, need_to_know: bool| {
        let granted = access
            .audience
            .iter()
            .filter(move |(_, g)| g.form() == form);
        texts(granted.flat_map(move |(body, grant)| {
            let depth = grant.depth();
            let of = |reach: &str| format!("{body}/{reach}");
            let plain = [
                (depth != Depth::None).then(|| of("poc")),
                (depth <= Depth::Analyst).then(|| of("analyst")),
                (depth == Depth::MembersAll).then(|| of("member")),
            ];
            let members = (depth == Depth::MembersNtk).then(|| of("member"));
            let (plain, members) = if need_to_know {
                (Default::default(), members)
            } else {
                (plain, None)
            };
            plain.into_iter().flatten().chain(members)
        }))
    };
    let needs = access.need_to_know.clone().unwrap_or_default();
    let mut attributes = HashMap::from([
        ("identified".to_owned(), circles(Form::Identified, false)),
        ("identified_ntk".to_owned(), circles(Form::Identified, true)),
        ("anonymised".to_owned(), circles(Form::Anonymised, false)),
        ("anonymised_ntk".to_owned(), circles(Form::Anonymised, true)),
        ("ntk_sectors".to_owned(), texts(&needs.sectors)),
        ("ntk_persons".to_owned(), texts(&needs.persons)),
        ("tlp".to_owned(), long(i64::from(access.tlp != Tlp::Clear))),
        (
            "view_only".to_owned(),
            RestrictedExpression::new_bool(access.view_only),
        ),
        (
            "storage_jp_only".to_owned(),
            RestrictedExpression::new_bool(access.storage_jp_only),
        ),
        (
            "retention_min_days".to_owned(),
            long(access.retention_min_days.into()),
        ),
    ]);
    if let Some(named) = &access.named {
        attributes.insert("named".to_owned(), texts(named));
    }
    for (name, at) in [
        ("not_before", access.not_before),
        ("not_after", access.not_after),
    ] {
        if let Some(at) = at {
            attributes.insert(name.to_owned(), long(at.timestamp_micros()));
        }
    }
    attributes
}

fn reader(reader: &Reader) -> HashMap<String, RestrictedExpression> {
    let circles = reader.places.iter().map(|place| {
        let reach = match place.reach {
            Reach::Poc => "poc",
            Reach::Analyst => "analyst",
            Reach::Member(_) => "member",
        };
        format!("{}/{reach}", place.body)
    });
    let sectors = reader.places.iter().flat_map(|place| match &place.reach {
        Reach::Member(sectors) => sectors.iter().collect(),
        _ => Vec::new(),
    });
    HashMap::from([
        ("circles".to_owned(), texts(circles)),
        ("sectors".to_owned(), texts(sectors)),
        (
            "name".to_owned(),
            RestrictedExpression::new_string(reader.principal.to_string()),
        ),
        (
            "anybody".to_owned(),
            RestrictedExpression::new_bool(
                reader.places.iter().any(|p| p.body.as_str() == "anybody"),
            ),
        ),
        (
            "storage_jp".to_owned(),
            RestrictedExpression::new_bool(reader.capability.storage_jp),
        ),
        (
            "retention_min_days".to_owned(),
            long(reader.capability.retention_min_days.into()),
        ),
    ])
}

//! Asks the charter's policies about one item: for each body the rule gives something, in the form
//! it gives. What a policy forbids is taken away, and so is everything that could not be decided:
//! Cedar passes over a policy that fails, here it denies (law 1). The answer is parts to join with
//! the rule, so it can only narrow.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::str::FromStr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use cedar_policy::{
    Authorizer, Context, Entities, Entity, EntityId, EntityTypeName, EntityUid, Request,
    RestrictedExpression,
};
use chrono::NaiveDate;

use super::policies::{ACTION, Policies};
use super::{Facts, Subject};
use crate::council::body::{Body, Standing};
use crate::council::{Directory, Fault};
use crate::handling::{BodyId, Column, Depth, Form, Grant, Join, Part, Rule, SectorCode, Tlp};

/// A charter's policies, ready to be asked; made once for each version of the directory.
#[derive(Debug)]
pub struct Conditions {
    policies: Result<Policies, Vec<Fault>>,
    /// Bodies that policies name, whose facts they may ask for.
    named: BTreeSet<BodyId>,
    types: HashMap<&'static str, EntityTypeName>,
    /// Answers already given. Posted objects come by the hundred and differ in nothing a policy
    /// sees; a directory never changes, so an answer stays true.
    answered: Mutex<HashMap<Asked, Vec<Part>>>,
}

/// Everything an answer depends on, beside the directory.
type Asked = (Subject, Tlp, Vec<(BodyId, Grant)>, NaiveDate);

/// Answers kept; beyond that all are forgotten.
const ANSWERS_MAX: usize = 256;

/// What the policies say to one body and form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// No policy forbids it.
    Allowed,
    /// These do, by `@id`.
    Forbidden(Vec<String>),
    /// It could not be decided, which denies; why, by `@id` where it was a policy's failure.
    Failed(String),
}

const TYPES: [&str; 15] = [
    "Action",
    "Body",
    "BodyKind",
    "Standing",
    "Item",
    "Kind",
    "Stage",
    "Tlp",
    "EventType",
    "CauseType",
    "Sector",
    "Scheme",
    "Level",
    "Relation",
    "Form",
];

impl Conditions {
    /// Compiles the policies of a charter. Text with a fault, which no checked file holds, denies
    /// everything.
    #[must_use]
    pub fn new(text: &str) -> Self {
        let policies = Policies::compile(text);
        let named = policies.as_ref().map(|policies| {
            let bodies = policies.names().filter(|(_, uid)| is(uid, "Body"));
            bodies
                .map(|(_, uid)| BodyId::from(uid.id().unescaped()))
                .collect()
        });
        Self {
            named: named.unwrap_or_default(),
            policies,
            types: TYPES
                .into_iter()
                .filter_map(|name| Some((name, EntityTypeName::from_str(name).ok()?)))
                .collect(),
            answered: Mutex::default(),
        }
    }

    /// What the policies take from `rule` for an item on `day`, as parts to join with it.
    ///
    /// `version` is the charter's, for the parts' labels. Without a subject nothing is known of the
    /// item, and nobody receives it.
    #[must_use]
    pub fn narrow(
        &self,
        directory: &Directory,
        version: u32,
        subject: Option<&Subject>,
        rule: &Rule,
        day: NaiveDate,
    ) -> Vec<Part> {
        let granted: Vec<(&BodyId, Grant)> = rule
            .access
            .audience
            .iter()
            .filter(|(_, grant)| !grant.is_none())
            .collect();
        let asked: Option<Asked> = subject.map(|subject| {
            let granted = granted
                .iter()
                .map(|(body, grant)| ((*body).clone(), *grant));
            (subject.clone(), rule.access.tlp, granted.collect(), day)
        });
        if let Some(asked) = &asked
            && let Some(parts) = self.answers().get(asked)
        {
            return parts.clone();
        }
        let parts = self.decide(directory, version, subject, rule, granted, day);
        if let Some(asked) = asked {
            let mut answers = self.answers();
            if answers.len() >= ANSWERS_MAX {
                answers.clear();
            }
            answers.insert(asked, parts.clone());
        }
        parts
    }

    fn answers(&self) -> MutexGuard<'_, HashMap<Asked, Vec<Part>>> {
        // Whoever panicked left whole answers behind: they are inserted at once.
        self.answered.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn decide<'a>(
        &'a self,
        directory: &'a Directory,
        version: u32,
        subject: Option<&'a Subject>,
        rule: &Rule,
        granted: Vec<(&'a BodyId, Grant)>,
        day: NaiveDate,
    ) -> Vec<Part> {
        let asked = granted.iter().map(|(body, _)| *body);
        let question = match subject {
            None => Err("the facts of the item are not known".to_owned()),
            Some(subject) => Question::new(self, directory, subject, rule.access.tlp, day, asked),
        };
        let mut taken = Taken::default();
        for (body, grant) in granted {
            match &question {
                Err(reason) => taken.take(body, Grant::NONE, std::slice::from_ref(reason)),
                Ok(question) => question.narrow(body, grant, &mut taken),
            }
        }
        let public = !rule.access.audience.get(&BodyId::anybody()).is_none();
        taken.into_parts(version, public)
    }

    /// What the policies say to one body and form of an item with this label on `day`.
    #[must_use]
    pub fn ask<'a>(
        &'a self,
        directory: &'a Directory,
        subject: &'a Subject,
        tlp: Tlp,
        (body, form): (&'a BodyId, Form),
        day: NaiveDate,
    ) -> Verdict {
        Question::new(self, directory, subject, tlp, day, [body].into_iter())
            .map_or_else(Verdict::Failed, |question| question.ask(body, form))
    }

    fn uid(&self, kind: &'static str, id: &str) -> Result<EntityUid, String> {
        self.types
            .get(kind)
            .map(|name| EntityUid::from_type_name_and_id(name.clone(), EntityId::new(id)))
            .ok_or_else(|| format!("no entity type {kind}"))
    }

    fn value(&self, kind: &'static str, id: &str) -> Result<RestrictedExpression, String> {
        self.uid(kind, id).map(RestrictedExpression::new_entity_uid)
    }

    fn values<'a>(
        &self,
        kind: &'static str,
        ids: impl IntoIterator<Item = &'a str>,
    ) -> Result<RestrictedExpression, String> {
        let values: Result<Vec<_>, _> = ids.into_iter().map(|id| self.value(kind, id)).collect();
        Ok(RestrictedExpression::new_set(values?))
    }

    fn body(
        &self,
        body: Option<&Body>,
        id: &BodyId,
        sectors: &BTreeSet<SectorCode>,
    ) -> Result<Entity, String> {
        // Whoever reads without logging in has no entry in the directory.
        let kind = body.map_or("anybody", |body| body.kind.word());
        let standing = body.map_or("none", |body| word_of(body.standing));
        entity(
            self.uid("Body", id.as_str())?,
            [
                ("kind", self.value("BodyKind", kind)?),
                ("standing", self.value("Standing", standing)?),
                (
                    "sectors",
                    self.values("Sector", sectors.iter().map(SectorCode::as_str))?,
                ),
            ],
        )
    }

    fn item(&self, subject: &Subject, tlp: Tlp) -> Result<Entity, String> {
        let Facts {
            kind,
            stix_type,
            stage,
            sectors,
            useful_for,
            event_types,
            cause_types,
            severity,
        } = &subject.facts;
        let level = format!("{}/{}", subject.scheme, subject.level);
        let mut facts = vec![
            ("kind", self.value("Kind", kind)?),
            ("stage", self.value("Stage", stage)?),
            ("tlp", self.value("Tlp", tlp.word())?),
            ("scheme", self.value("Scheme", &subject.scheme)?),
            ("level", self.value("Level", &level)?),
            ("ceptoar", self.value("Body", subject.ceptoar.as_str())?),
            ("submitter", self.value("Body", subject.submitter.as_str())?),
            (
                "sectors",
                self.values("Sector", sectors.iter().map(SectorCode::as_str))?,
            ),
            (
                "useful_for",
                self.values("Sector", useful_for.iter().map(SectorCode::as_str))?,
            ),
            (
                "event_types",
                self.values("EventType", event_types.iter().map(String::as_str))?,
            ),
            (
                "cause_types",
                self.values("CauseType", cause_types.iter().map(String::as_str))?,
            ),
        ];
        if let Some(operator) = &subject.operator {
            facts.push(("operator", self.value("Body", operator.as_str())?));
        }
        if let Some(name) = stix_type {
            facts.push(("stix_type", RestrictedExpression::new_string(name.clone())));
        }
        if let Some(severity) = severity {
            facts.push((
                "severity",
                RestrictedExpression::new_long(i64::from(*severity)),
            ));
        }
        entity(self.uid("Item", ITEM)?, facts)
    }
}

/// The one item of a question. No policy can name it.
const ITEM: &str = "item";

fn entity(
    uid: EntityUid,
    facts: impl IntoIterator<Item = (&'static str, RestrictedExpression)>,
) -> Result<Entity, String> {
    let facts = facts
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value));
    Entity::new(uid, facts.collect(), HashSet::new()).map_err(|error| error.to_string())
}

/// Everything that stays the same while the bodies are asked about one item.
struct Question<'a> {
    conditions: &'a Conditions,
    policies: &'a Policies,
    directory: &'a Directory,
    own: &'a BodyId,
    day: NaiveDate,
    entities: Entities,
    action: EntityUid,
    item: EntityUid,
}

impl<'a> Question<'a> {
    fn new(
        conditions: &'a Conditions,
        directory: &'a Directory,
        subject: &'a Subject,
        tlp: Tlp,
        day: NaiveDate,
        asked: impl Iterator<Item = &'a BodyId>,
    ) -> Result<Self, String> {
        let policies = conditions.policies.as_ref().map_err(|faults| {
            let first = faults.first().map(ToString::to_string);
            format!("the policies do not compile: {}", first.unwrap_or_default())
        })?;
        let source = [&subject.ceptoar, &subject.submitter].into_iter();
        let bodies: BTreeSet<&BodyId> = asked
            .chain(&conditions.named)
            .chain(source)
            .chain(&subject.operator)
            .collect();
        let mut entities = vec![conditions.item(subject, tlp)?];
        for id in bodies {
            let body = directory.body(id);
            let sectors = body.map(|body| directory.sectors_of(body, day));
            entities.push(conditions.body(body, id, &sectors.unwrap_or_default())?);
        }
        Ok(Self {
            conditions,
            policies,
            directory,
            own: &subject.ceptoar,
            day,
            // Against the schema: a fact that is missing or of no known word denies.
            entities: Entities::from_entities(entities, Some(policies.schema()))
                .map_err(|error| chain(&error))?,
            action: conditions.uid("Action", ACTION)?,
            item: conditions.uid("Item", ITEM)?,
        })
    }

    /// The widest form of what `body` was given that nothing forbids.
    fn narrow(&self, body: &BodyId, grant: Grant, taken: &mut Taken) {
        for form in [Form::Identified, Form::Anonymised] {
            if form < grant.form() {
                continue;
            }
            let stricter = match form {
                Form::Identified => Grant::new(grant.depth(), Form::Anonymised),
                Form::Anonymised | Form::None => Grant::NONE,
            };
            match self.ask(body, form) {
                Verdict::Allowed => return,
                Verdict::Forbidden(ids) => {
                    let by: Vec<String> = ids.iter().map(|id| format!("policy {id}")).collect();
                    taken.take(body, stricter, &by);
                }
                Verdict::Failed(reason) => {
                    taken.take(body, Grant::NONE, &[reason]);
                    return;
                }
            }
        }
    }

    fn ask(&self, body: &BodyId, form: Form) -> Verdict {
        let answer = match self.request(body, form) {
            Ok(request) => {
                Authorizer::new().is_authorized(&request, self.policies.set(), &self.entities)
            }
            Err(reason) => return Verdict::Failed(reason),
        };
        let found = answer.diagnostics();
        if let Some(error) = found.errors().next() {
            return Verdict::Failed(chain(error));
        }
        let mut ids: Vec<String> = found.reason().map(ToString::to_string).collect();
        ids.sort_unstable();
        if ids.is_empty() {
            Verdict::Allowed
        } else {
            Verdict::Forbidden(ids)
        }
    }

    fn request(&self, id: &BodyId, form: Form) -> Result<Request, String> {
        let column = match self.directory.body(id) {
            Some(body) => self.directory.column(body, self.own, self.day),
            None => (*id == BodyId::anybody()).then_some(Column::Observers),
        };
        let relation = column.map(word_of_column);
        let relation = relation.ok_or("the body stands in no relation to the item's source")?;
        let context = [
            (
                "relation".to_owned(),
                self.conditions.value("Relation", relation)?,
            ),
            (
                "form".to_owned(),
                self.conditions.value("Form", form.word())?,
            ),
        ];
        let context = Context::from_pairs(context).map_err(|error| error.to_string())?;
        Request::new(
            self.conditions.uid("Body", id.as_str())?,
            self.action.clone(),
            self.item.clone(),
            context,
            Some(self.policies.schema()),
        )
        .map_err(|error| chain(&error))
    }
}

/// What was taken from which body, by whose clause.
#[derive(Default)]
struct Taken(BTreeMap<String, BTreeMap<BodyId, Grant>>);

impl Taken {
    fn take(&mut self, body: &BodyId, left: Grant, by: &[String]) {
        for clause in by {
            let bodies = self.0.entry(clause.clone()).or_default();
            let grant = bodies.entry(body.clone()).or_insert(Grant::WIDEST);
            *grant = grant.join(&left);
        }
    }

    fn into_parts(self, version: u32, public: bool) -> Vec<Part> {
        self.0
            .into_iter()
            .map(|(clause, mut bodies)| {
                if public {
                    // What one body may not have, it must not find where nobody logs in.
                    let strictest = bodies.values().map(|left| left.form()).max();
                    let left = Grant::new(Depth::MembersAll, strictest.unwrap_or(Form::None));
                    let grant = bodies.entry(BodyId::anybody()).or_insert(Grant::WIDEST);
                    *grant = grant.join(&left);
                }
                let mut rule = Rule::unrestricted();
                for (body, grant) in bodies {
                    rule.access.audience.set(body, grant);
                }
                Part {
                    label: format!("charter v{version} {clause}"),
                    rule,
                }
            })
            .collect()
    }
}

fn is(uid: &EntityUid, kind: &str) -> bool {
    uid.type_name().basename() == kind
}

fn word_of(standing: Standing) -> &'static str {
    match standing {
        Standing::Member => "member",
        Standing::SelectionPending => "selection_pending",
        Standing::Observer => "observer",
        Standing::Attendee => "attendee",
    }
}

fn word_of_column(column: Column) -> &'static str {
    match column {
        Column::OwnCeptoar => "own_ceptoar",
        Column::OtherCeptoars => "other_ceptoars",
        Column::NationalCentre => "national_centre",
        Column::OwnMinistry => "own_ministry",
        Column::OtherMinistries => "other_ministries",
        Column::Observers => "observers",
    }
}

/// An error with what lies behind it.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut behind = error.source();
    while let Some(cause) = behind {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        behind = cause.source();
    }
    text
}

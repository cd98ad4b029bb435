//! Reads the charter's policies: Cedar text to a checked set. Only `forbid` is taken, only what is
//! strictly well typed over the published schema, and each policy carries its `@id`. It asks
//! nothing of a directory and evaluates nothing.

use std::collections::BTreeSet;
use std::str::FromStr;

use cedar_policy::{
    Effect, EntityUid, Expression, Policy, PolicyId, PolicySet, Schema, ValidationMode,
    ValidationWarning, Validator,
};
use miette::Diagnostic;

use super::Invariant;
use crate::council::Fault;

/// The published schema, as text.
pub const SCHEMA: &str = include_str!("../../../schemas/charter.cedarschema");

/// The action every question is about.
pub(super) const ACTION: &str = "receive";

const PLACE: &str = "charter.policies";

/// A checked set of `forbid` policies with the schema they were checked against.
#[derive(Clone, Debug)]
pub struct Policies {
    schema: Schema,
    set: PolicySet,
}

impl Policies {
    /// Reads and checks the text of a charter's `policies`.
    ///
    /// # Errors
    /// Every fault, with the line of the text it is on.
    pub fn compile(text: &str) -> Result<Self, Vec<Fault>> {
        let schema = schema()?;
        let read = PolicySet::from_str(text).map_err(|errors| {
            let fault = |error: &cedar_policy::ParseError| fault(text, 0, error);
            errors.iter().map(fault).collect::<Vec<Fault>>()
        })?;
        let mut faults = Vec::new();
        for template in read.templates() {
            let line = line_of(text, &template.to_string(), 0).0;
            faults.push(at(line, "a policy with a slot is a template; write it out"));
        }
        let mut named = Vec::new();
        let mut seen = BTreeSet::new();
        let mut from = 0;
        for policy in in_order(&read) {
            let (line, end) = line_of(text, &policy.to_string(), from);
            from = end;
            match id_of(policy) {
                Err(problem) => faults.push(at(line, problem)),
                Ok(id) => {
                    if !seen.insert(id.to_owned()) {
                        faults.push(at(line, format!("`@id(\"{id}\")` is there twice")));
                    }
                    if policy.effect() != Effect::Forbid {
                        faults.push(at(
                            line,
                            format!("policy `{id}` permits; a charter can only forbid, what may be received the levels say"),
                        ));
                    }
                    if names_an_item(policy) {
                        faults.push(at(
                            line,
                            format!("policy `{id}` names an item; it may speak of items by their facts alone"),
                        ));
                    }
                    named.push((line, policy.new_id(PolicyId::new(id))));
                }
            }
        }
        if !faults.is_empty() {
            return Err(faults);
        }
        let lines: Vec<(String, usize)> = named
            .iter()
            .map(|(line, policy)| (policy.id().to_string(), *line))
            .collect();
        let set = PolicySet::from_policies(named.into_iter().map(|(_, policy)| policy))
            .map_err(|error| vec![at(1, error.to_string())])?;
        let faults = ill_typed(&schema, &set, |id, error| {
            let line = lines.iter().find(|(name, _)| name == id);
            fault(text, line.map_or(1, |(_, line)| *line), error)
        });
        if faults.is_empty() {
            Ok(Self { schema, set })
        } else {
            Err(faults)
        }
    }

    /// The published schema.
    #[must_use]
    pub const fn schema(&self) -> &Schema {
        &self.schema
    }

    /// The policies, each under its `@id`.
    #[must_use]
    pub const fn set(&self) -> &PolicySet {
        &self.set
    }

    /// The policies beside one that permits exactly what an invariant is about: the set denies
    /// everything if and only if the invariant holds.
    ///
    /// # Errors
    /// When the invariant is no well-typed expression.
    pub fn with_invariant(&self, invariant: &Invariant) -> Result<PolicySet, Vec<Fault>> {
        let permit = self.permit(invariant)?;
        let policies = self.set.policies().cloned().chain([permit]);
        PolicySet::from_policies(policies).map_err(|error| vec![about(invariant, &error)])
    }

    fn permit(&self, invariant: &Invariant) -> Result<Policy, Vec<Fault>> {
        // First alone, so that it can be nothing but one expression.
        Expression::from_str(&invariant.when).map_err(|errors| {
            let all = errors.iter().map(|error| about(invariant, error));
            all.collect::<Vec<Fault>>()
        })?;
        let text = format!(
            "permit (principal, action == Action::\"{ACTION}\", resource)\nwhen {{\n{}\n}};",
            invariant.when
        );
        let permit = Policy::parse(Some(PolicyId::new("\u{0}invariant")), text)
            .map_err(|errors| vec![about(invariant, &errors)])?;
        let alone = PolicySet::from_policies([permit.clone()])
            .map_err(|error| vec![about(invariant, &error)])?;
        let faults = ill_typed(&self.schema, &alone, |_, error| about(invariant, error));
        if faults.is_empty() {
            Ok(permit)
        } else {
            Err(faults)
        }
    }

    /// Every entity that a policy names, with the policy's `@id`.
    pub(super) fn names(&self) -> impl Iterator<Item = (String, EntityUid)> {
        self.set.policies().flat_map(|policy| {
            let id = policy.id().to_string();
            let named = policy.entity_literals().into_iter();
            named.map(move |entity| (id.clone(), entity))
        })
    }

    /// Every entity that an invariant names.
    ///
    /// # Errors
    /// When the invariant is no well-typed expression.
    pub(super) fn named_by(&self, invariant: &Invariant) -> Result<Vec<EntityUid>, Vec<Fault>> {
        Ok(self.permit(invariant)?.entity_literals())
    }
}

fn schema() -> Result<Schema, Vec<Fault>> {
    Schema::from_cedarschema_str(SCHEMA)
        .map(|(schema, _)| schema)
        .map_err(|error| vec![at(1, format!("the published schema: {error}"))])
}

/// In the order of the text: Cedar numbers them as it reads.
fn in_order(set: &PolicySet) -> Vec<&Policy> {
    let mut policies: Vec<&Policy> = set.policies().collect();
    policies.sort_by_key(|policy| {
        let digits = policy.id().to_string();
        let digits = digits.trim_start_matches(|c: char| !c.is_ascii_digit());
        digits.parse::<usize>().unwrap_or(usize::MAX)
    });
    policies
}

fn id_of(policy: &Policy) -> Result<&str, String> {
    match policy.annotation("id") {
        None | Some("") => {
            Err("a policy has no `@id(\"…\")`, by which decisions would name it".to_owned())
        }
        Some(id) if id.chars().any(char::is_control) || id.chars().count() > 64 => Err(format!(
            "`{}` is no name: no control characters, at most 64",
            id.escape_debug()
        )),
        Some(id) => Ok(id),
    }
}

fn names_an_item(policy: &Policy) -> bool {
    let named = policy.entity_literals();
    named.iter().any(|uid| uid.type_name().basename() == "Item")
}

/// What the strict validator says, and the policies that can never match: a condition nobody can
/// meet is a mistake, not a wish.
fn ill_typed(
    schema: &Schema,
    set: &PolicySet,
    fault: impl Fn(&str, &dyn Diagnostic) -> Fault,
) -> Vec<Fault> {
    let found = Validator::new(schema.clone()).validate(set, ValidationMode::Strict);
    let errors = found
        .validation_errors()
        .map(|error| fault(error.policy_id().as_ref(), error));
    let dead = found
        .validation_warnings()
        .filter(|warning| {
            matches!(
                warning,
                ValidationWarning::ImpossiblePolicy(_)
                    | ValidationWarning::InvalidActionApplication(_)
            )
        })
        .map(|warning| fault(warning.policy_id().as_ref(), warning));
    errors.chain(dead).collect()
}

fn at(line: usize, message: impl Into<String>) -> Fault {
    Fault {
        place: format!("{PLACE} line {line}"),
        message: message.into(),
    }
}

fn about(invariant: &Invariant, error: &dyn Diagnostic) -> Fault {
    Fault {
        place: format!("charter.invariants `{}`", invariant.id),
        message: words(error),
    }
}

fn fault(text: &str, otherwise: usize, error: &dyn Diagnostic) -> Fault {
    let labelled = error.labels().and_then(|mut labels| labels.next());
    let line = labelled.map_or(otherwise.max(1), |label| line_at(text, label.offset()));
    at(line, words(error))
}

fn words(error: &dyn Diagnostic) -> String {
    match error.help() {
        Some(help) => format!("{error}; {help}"),
        None => error.to_string(),
    }
}

/// The line (from 1) on which `piece` begins, looking from byte `from` on, and where it ends.
fn line_of(text: &str, piece: &str, from: usize) -> (usize, usize) {
    let rest = text.get(from..).unwrap_or_default();
    rest.find(piece).map_or((1, from), |found| {
        let begin = from + found;
        (line_at(text, begin), begin + piece.len())
    })
}

fn line_at(text: &str, offset: usize) -> usize {
    let before = text.bytes().take(offset);
    before.filter(|byte| *byte == b'\n').count() + 1
}

//! The handling rule in Rego, run by regorus: compiled to its byte code, with the rule and the reader
//! as input values that are built before and shared. One rule with branches in order, which is the
//! fastest form that says a reason too.

use std::collections::BTreeMap;

use anyhow::Context as _;
use regorus::languages::rego::compiler::Compiler;
use regorus::rvm::vm::RegoVM;
use regorus::{Engine, Rc, Value};
use sekisho::handling::{Access, Depth, Form, Reach, Reader, Tlp};
use serde_json::json;

use crate::mix::{Mix, now};

const POLICY: &str = r#"package sekisho

import rego.v1

# The form, or the reason why there is none.
decision := "not_before" if input.now < input.rule.not_before

else := "not_after" if input.now >= input.rule.not_after

else := "named" if {
	input.rule.restricted
	not input.rule.named[input.reader.name]
}

else := "view_only" if {
	input.hands_over
	input.rule.view_only
}

else := "storage_jp_only" if {
	input.hands_over
	input.rule.storage_jp_only
	not input.reader.storage_jp
}

else := "retention_min_days" if {
	input.hands_over
	input.rule.retention_min_days > input.reader.retention_min_days
}

else := "tlp" if {
	input.reader.anybody
	input.rule.tlp > 0
}

else := "identified" if identified

else := "anonymised" if anonymised

else := "audience"

# Rules of their own: a branch after one that loops is never taken by the byte code of regorus 0.14.1.
identified if {
	some place in input.reader.places
	grant := input.rule.grants[place.body]
	grant.form == 0
	reaches(place, grant)
}

anonymised if {
	some place in input.reader.places
	grant := input.rule.grants[place.body]
	grant.form == 1
	reaches(place, grant)
}

# Depths: 0 members_all, 1 members_ntk, 2 analyst, 3 poc. Reaches: 1 member, 2 analyst, 3 poc.
reaches(place, grant) if {
	place.reach > 1
	grant.depth <= place.reach
}

reaches(place, grant) if {
	place.reach == 1
	grant.depth == 0
}

reaches(place, grant) if {
	place.reach == 1
	grant.depth == 1
	needs_to_know(place)
}

needs_to_know(place) if {
	some sector in place.sectors
	input.rule.ntk_sectors[sector]
}

needs_to_know(_) if input.rule.ntk_persons[input.reader.name]
"#;

/// regorus with everything loaded.
pub struct Rego {
    vm: RegoVM,
    inputs: Vec<Value>,
}

impl Rego {
    /// Compiles the policy, and builds the input of every question of the mix, in its order.
    pub fn new(mix: &Mix) -> anyhow::Result<Self> {
        let mut engine = Engine::new();
        engine.add_policy("sekisho.rego".to_owned(), POLICY.to_owned())?;
        let entry: Rc<str> = "data.sekisho.decision".into();
        let compiled = engine.compile_with_entrypoint(&entry)?;
        let program = Compiler::compile_from_policy(&compiled, &[&entry])?;
        let mut vm = RegoVM::new_with_policy(compiled);
        vm.load_program(program);
        vm.set_data(Value::new_object())?;
        let grants = Grants::default();
        let rules: Vec<Value> = mix.rules.iter().map(|access| grants.rule(access)).collect();
        let readers: Vec<Value> = mix.readers.iter().map(reader).collect();
        let inputs = mix
            .questions
            .iter()
            .map(|question| {
                Value::from(BTreeMap::from([
                    ("now".into(), Value::from(now().timestamp_micros())),
                    ("hands_over".into(), question.channel.hands_over().into()),
                    ("rule".into(), rules[question.rule].clone()),
                    ("reader".into(), readers[question.reader].clone()),
                ]))
            })
            .collect();
        Ok(Self { vm, inputs })
    }

    /// The form that the nth question's reader gets.
    pub fn form(&mut self, question: usize) -> anyhow::Result<Form> {
        self.vm.set_input(self.inputs[question].clone());
        let answer = self.vm.execute_entry_point_by_index(0)?;
        Ok(match answer.as_string()?.as_ref() {
            "identified" => Form::Identified,
            "anonymised" => Form::Anonymised,
            _ => Form::None,
        })
    }
}

/// One value for each grant there can be, shared by all bodies that have it.
struct Grants(BTreeMap<(u8, u8), Value>);

impl Default for Grants {
    fn default() -> Self {
        let pairs = (0..4).flat_map(|depth| [(depth, 0), (depth, 1)]);
        Self(
            pairs
                .map(|(depth, form)| ((depth, form), value(&json!({"depth": depth, "form": form}))))
                .collect(),
        )
    }
}

impl Grants {
    fn rule(&self, access: &Access) -> Value {
        let grants: BTreeMap<Value, Value> = access
            .audience
            .iter()
            .filter_map(|(body, grant)| {
                let depth = match grant.depth() {
                    Depth::MembersAll => 0,
                    Depth::MembersNtk => 1,
                    Depth::Analyst => 2,
                    Depth::Poc => 3,
                    Depth::None => return None,
                };
                let form = u8::from(grant.form() == Form::Anonymised);
                Some((body.as_str().into(), self.0[&(depth, form)].clone()))
            })
            .collect();
        let needs = access.need_to_know.clone().unwrap_or_default();
        let keys = |names: Vec<&str>| -> Value {
            let pairs = names.into_iter().map(|name| (name.into(), true.into()));
            Value::from(pairs.collect::<BTreeMap<Value, Value>>())
        };
        let named = access.named.iter().flatten().map(|p| p.as_str()).collect();
        let mut rule: BTreeMap<Value, Value> = BTreeMap::from([
            ("grants".into(), Value::from(grants)),
            ("restricted".into(), access.named.is_some().into()),
            ("named".into(), keys(named)),
            (
                "ntk_sectors".into(),
                keys(needs.sectors.iter().map(|s| s.as_str()).collect()),
            ),
            (
                "ntk_persons".into(),
                keys(needs.persons.iter().map(|p| p.as_str()).collect()),
            ),
            ("tlp".into(), i64::from(access.tlp != Tlp::Clear).into()),
            ("view_only".into(), access.view_only.into()),
            ("storage_jp_only".into(), access.storage_jp_only.into()),
            (
                "retention_min_days".into(),
                i64::from(access.retention_min_days).into(),
            ),
        ]);
        for (name, at) in [
            ("not_before", access.not_before),
            ("not_after", access.not_after),
        ] {
            if let Some(at) = at {
                rule.insert(name.into(), at.timestamp_micros().into());
            }
        }
        Value::from(rule)
    }
}

fn reader(reader: &Reader) -> Value {
    let places: Vec<serde_json::Value> = reader
        .places
        .iter()
        .map(|place| {
            let none = Default::default();
            let (reach, sectors) = match &place.reach {
                Reach::Poc => (3, &none),
                Reach::Analyst => (2, &none),
                Reach::Member(sectors) => (1, sectors),
            };
            json!({"body": place.body, "reach": reach, "sectors": sectors})
        })
        .collect();
    value(&json!({
        "name": reader.principal,
        "places": places,
        "anybody": reader.places.iter().any(|p| p.body.as_str() == "anybody"),
        "storage_jp": reader.capability.storage_jp,
        "retention_min_days": reader.capability.retention_min_days,
    }))
}

fn value(json: &serde_json::Value) -> Value {
    Value::from_json_str(&json.to_string())
        .context("plain JSON")
        .unwrap_or(Value::Undefined)
}

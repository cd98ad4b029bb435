//! The charter: what the council as a whole requires of every item. Its dimensions are one more rule
//! to join; what they cannot say, `forbid` policies in Cedar say ([`policies`] reads them,
//! [`evaluate`] asks them, [`check`] refuses a file whose policies or cases are wrong). Nothing
//! here can give anybody anything.

pub mod check;
pub mod evaluate;
pub mod policies;

use std::collections::BTreeSet;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use crate::handling::{
    Attribution, Automated, BodyId, Form, NoReply, Onward, Pap, Rule, SectorCode, Tlp,
};

/// What the council as a whole requires of every item, on top of any scheme: a rule that is joined
/// with every other, so it can only narrow.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Charter {
    /// Counts up with each change.
    pub version: u32,
    /// From this day on (UTC).
    #[serde(default)]
    pub effective: Option<NaiveDate>,
    #[serde(default)]
    attribution: Option<Attribution>,
    #[serde(default)]
    onward: Option<Onward>,
    #[serde(default)]
    no_reply: Option<NoReply>,
    #[serde(default)]
    purposes_allowed: Option<BTreeSet<String>>,
    #[serde(default)]
    purposes_prohibited: BTreeSet<String>,
    #[serde(default)]
    retention_max_days: Option<u32>,
    #[serde(default)]
    retention_min_days: u32,
    #[serde(default)]
    storage_jp_only: bool,
    #[serde(default)]
    automated: Option<Automated>,
    #[serde(default)]
    k: u32,
    #[serde(default)]
    ack_hours: Option<u32>,
    #[serde(default)]
    anonymise: BTreeSet<String>,
    #[serde(default)]
    pap: Option<Pap>,
    /// Conditions beyond the rule's dimensions: Cedar `forbid` policies over
    /// `schemas/charter.cedarschema`. Empty text is none.
    #[serde(default)]
    pub policies: String,
    /// The council's own table of what those policies must allow and deny.
    #[serde(default)]
    pub cases: Vec<Case>,
    /// What must hold whatever the item and the body; `sekisho policy prove` proves it.
    #[serde(default)]
    pub invariants: Vec<Invariant>,
}

impl Charter {
    /// The charter as a rule to join with.
    #[must_use]
    pub fn rule(&self) -> Rule {
        let mut rule = Rule::unrestricted();
        rule.attribution = self.attribution.unwrap_or(rule.attribution);
        rule.onward = self.onward.unwrap_or(rule.onward);
        rule.no_reply = self.no_reply.unwrap_or(rule.no_reply);
        rule.purposes_allowed.clone_from(&self.purposes_allowed);
        rule.purposes_prohibited
            .clone_from(&self.purposes_prohibited);
        rule.retention_max_days = self.retention_max_days;
        rule.access.retention_min_days = self.retention_min_days;
        rule.access.storage_jp_only = self.storage_jp_only;
        rule.automated = self.automated.unwrap_or(rule.automated);
        rule.k = self.k;
        rule.ack_hours = self.ack_hours;
        rule.anonymise.clone_from(&self.anonymise);
        rule.pap = self.pap.unwrap_or(rule.pap);
        rule
    }
}

/// What the policies can know of an item beside its rule and its source.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Facts {
    /// `incident_cause`, `best_practice`, `advisory`, or `stix_object`.
    #[serde(default = "incident_cause")]
    pub kind: String,
    /// The STIX type of a posted object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stix_type: Option<String>,
    /// `first`, `follow_up`, `final`; `unsaid` where it has none.
    #[serde(default = "unsaid")]
    pub stage: String,
    /// Its own sectors.
    #[serde(default)]
    pub sectors: BTreeSet<SectorCode>,
    /// Sectors it is said to be useful for.
    #[serde(default)]
    pub useful_for: BTreeSet<SectorCode>,
    /// As in the report.
    #[serde(default)]
    pub event_types: BTreeSet<String>,
    /// As in the report.
    #[serde(default)]
    pub cause_types: BTreeSet<String>,
    /// 0 to 4; none is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub severity: Option<u8>,
}

fn incident_cause() -> String {
    "incident_cause".to_owned()
}

fn unsaid() -> String {
    "unsaid".to_owned()
}

/// An item as the policies see it; together with its rule all that a later evaluation needs.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Subject {
    /// The CEPTOAR whose rules apply.
    pub ceptoar: BodyId,
    /// Who sent it.
    pub submitter: BodyId,
    /// The operator it is about, where one is known.
    pub operator: Option<BodyId>,
    /// The scheme's name.
    pub scheme: String,
    /// The level's name in it.
    pub level: String,
    /// The rest.
    pub facts: Facts,
}

/// What the table expects of the policies, not of the rule: `allow` says that no policy forbids it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Expected {
    /// No policy forbids it.
    Allow,
    /// A policy forbids it.
    Deny,
}

/// One line of the council's table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// What it is called in a fault.
    pub name: String,
    /// The body that would receive it; `anybody` is whoever reads without logging in.
    pub body: BodyId,
    /// The CEPTOAR it comes from, or another body with a scheme.
    pub source: BodyId,
    /// The operator it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operator: Option<BodyId>,
    /// The source's level; absent is the default of its scheme.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub level: Option<String>,
    /// The label it is released under; absent is the level's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tlp: Option<Tlp>,
    /// The form it would be received in.
    #[serde(default = "identified")]
    pub form: Form,
    /// The day of the question (UTC); absent is the charter's first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on: Option<NaiveDate>,
    /// The item.
    pub item: Facts,
    /// What must come out.
    pub expect: Expected,
}

const fn identified() -> Form {
    Form::Identified
}

/// A statement about the policies: whatever matches `when` is denied.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Invariant {
    /// What it is called.
    pub id: String,
    /// A Cedar expression over `principal`, `resource` and `context`.
    pub when: String,
}

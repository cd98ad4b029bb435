//! A body's own handling levels, mapped to the common rule, relative to their source.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use super::Tlp;
use super::dimension::{ApprovalMode, Attribution, Automated, NoReply, Onward, Pap};
use super::grants::{Depth, Form, Grant};
use super::names::{Approver, BodyId};

/// How a body stands towards the source of an item: the columns a level speaks of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Column {
    /// The source's CEPTOAR and its member operators.
    OwnCeptoar,
    /// Every other member CEPTOAR with its operators, one that shares the scheme included.
    OtherCeptoars,
    /// The national centre.
    NationalCentre,
    /// The ministry of the source's CEPTOAR.
    OwnMinistry,
    /// The other ministries.
    OtherMinistries,
    /// Agencies, CEPTOARs whose selection is pending, standing observers; at CLEAR anybody.
    Observers,
}

impl Column {
    /// Every column.
    pub const ALL: [Self; 6] = [
        Self::OwnCeptoar,
        Self::OtherCeptoars,
        Self::NationalCentre,
        Self::OwnMinistry,
        Self::OtherMinistries,
        Self::Observers,
    ];

    /// The word used in schemes and answers.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::OwnCeptoar => "own_ceptoar",
            Self::OtherCeptoars => "other_ceptoars",
            Self::NationalCentre => "national_centre",
            Self::OwnMinistry => "own_ministry",
            Self::OtherMinistries => "other_ministries",
            Self::Observers => "observers",
        }
    }
}

/// A level's audience: a grant per column.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Columns {
    own_ceptoar: Grant,
    other_ceptoars: Grant,
    national_centre: Grant,
    own_ministry: Grant,
    other_ministries: Grant,
    observers: Grant,
}

impl Columns {
    /// Everything for everybody, wherever they stand: the identity of the join.
    #[must_use]
    pub const fn widest() -> Self {
        Self {
            own_ceptoar: Grant::WIDEST,
            other_ceptoars: Grant::WIDEST,
            national_centre: Grant::WIDEST,
            own_ministry: Grant::WIDEST,
            other_ministries: Grant::WIDEST,
            observers: Grant::WIDEST,
        }
    }

    /// The same but for one column.
    #[must_use]
    pub const fn with(mut self, column: Column, grant: Grant) -> Self {
        match column {
            Column::OwnCeptoar => self.own_ceptoar = grant,
            Column::OtherCeptoars => self.other_ceptoars = grant,
            Column::NationalCentre => self.national_centre = grant,
            Column::OwnMinistry => self.own_ministry = grant,
            Column::OtherMinistries => self.other_ministries = grant,
            Column::Observers => self.observers = grant,
        }
        self
    }

    /// The grant of one column.
    #[must_use]
    pub const fn get(&self, column: Column) -> Grant {
        match column {
            Column::OwnCeptoar => self.own_ceptoar,
            Column::OtherCeptoars => self.other_ceptoars,
            Column::NationalCentre => self.national_centre,
            Column::OwnMinistry => self.own_ministry,
            Column::OtherMinistries => self.other_ministries,
            Column::Observers => self.observers,
        }
    }
}

/// The widest grant `tlp` admits in `column`, named persons aside.
///
/// TLP 2.0 with the council's reading of it: a CEPTOAR and its operators count as one organisation
/// for what their own people sent, so AMBER+STRICT reaches `members_ntk` there.
#[must_use]
pub fn bound(tlp: Tlp, column: Column) -> Grant {
    use Column::{
        NationalCentre, Observers, OtherCeptoars, OtherMinistries, OwnCeptoar, OwnMinistry,
    };
    let depth = match (tlp, column) {
        (Tlp::Red, OwnCeptoar) => Depth::Analyst,
        (Tlp::Red, NationalCentre | OwnMinistry | OtherMinistries) => Depth::Poc,
        (Tlp::AmberStrict | Tlp::Amber, OwnCeptoar) | (Tlp::Amber, OtherCeptoars) => {
            Depth::MembersNtk
        }
        (Tlp::Red | Tlp::AmberStrict, OtherCeptoars)
        | (Tlp::Red | Tlp::AmberStrict | Tlp::Amber, Observers) => Depth::None,
        (Tlp::Green | Tlp::Clear, OwnCeptoar | OtherCeptoars) => Depth::MembersAll,
        (_, NationalCentre | OwnMinistry | OtherMinistries) | (Tlp::Clear, Observers) => {
            Depth::Analyst
        }
        (Tlp::Green, Observers) => Depth::Poc,
    };
    Grant::new(depth, Form::Identified)
}

/// One handling level of a scheme.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Level {
    /// The level's own name, unique in its scheme.
    pub level: String,
    /// How far.
    pub tlp: Tlp,
    /// Who, relative to the source.
    pub audience: Columns,
    /// Whom a rendition names as its creator.
    pub attribution: Attribution,
    /// Whom a reader may pass it on to.
    pub onward: Onward,
    /// Whose consent is needed to leave the CEPTOAR.
    #[serde(default)]
    pub approvals: BTreeMap<Approver, ApprovalMode>,
    /// What no reply means.
    pub no_reply: NoReply,
    /// Hours each of its approvers has.
    pub reply_hours: u32,
    /// Purposes it may serve.
    pub purposes_allowed: BTreeSet<String>,
    /// Purposes it may never serve.
    #[serde(default)]
    pub purposes_prohibited: BTreeSet<String>,
    /// Days a recipient may keep it.
    #[serde(default)]
    pub retention_max_days: Option<u32>,
    /// Days a recipient must keep it.
    #[serde(default)]
    pub retention_min_days: u32,
    /// Whether it must be stored in Japan only.
    pub storage_jp_only: bool,
    /// What machines may do with it.
    pub automated: Automated,
    /// Days after which it becomes looser; absent is never.
    #[serde(default)]
    pub downgrade_after_days: Option<u32>,
    /// Smallest group that may be counted.
    pub k: u32,
    /// Hours in which a reader acknowledges it.
    #[serde(default)]
    pub ack_hours: Option<u32>,
    /// Kinds of fact an anonymised rendition drops.
    #[serde(default)]
    pub anonymise: BTreeSet<String>,
    /// What a reader may do that others can notice.
    #[serde(default = "pap_clear")]
    pub pap: Pap,
}

const fn pap_clear() -> Pap {
    Pap::Clear
}

impl Level {
    /// The columns in which the level goes beyond what its TLP admits; a scheme with any is refused.
    pub fn beyond_tlp(&self) -> impl Iterator<Item = Column> + '_ {
        Column::ALL
            .into_iter()
            .filter(|column| !self.audience.get(*column).within(bound(self.tlp, *column)))
    }
}

/// What happens to an item that says nothing on its handling.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unmarked {
    /// It takes the default level and waits for its point of contact to confirm.
    Hold,
    /// It takes the default level and passes.
    Release,
}

/// Who may release the anonymised mitigation of an item when people are in danger.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SafetyOverride {
    /// The role of the named person.
    pub role: String,
    /// The level the mitigation is released under; it gives nobody an identified form.
    pub level: String,
    /// Hours in which source and secretariat are told; the hub tells them at once.
    pub tell_within_hours: u32,
}

/// A body's handling levels; versioned, with an effective date.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scheme {
    /// The scheme's name.
    pub id: String,
    /// Counts up with each change.
    pub version: u32,
    /// From this day on (UTC).
    pub effective: NaiveDate,
    /// The level of an item without one.
    pub default_level: String,
    /// What such an item meets.
    pub unmarked: Unmarked,
    /// The ministry a nameless body of this scheme answers to (`policy combine` only).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nameless_ministry: Option<BodyId>,
    /// Its safety override, where it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub safety_override: Option<SafetyOverride>,
    /// Its levels.
    pub levels: Vec<Level>,
}

impl Scheme {
    /// The level of that name.
    #[must_use]
    pub fn level(&self, name: &str) -> Option<&Level> {
        self.levels.iter().find(|level| level.level == name)
    }

    /// The level for an object that carries only a TLP label: the scheme's own for that TLP, else
    /// its next stricter. Where several share a TLP, the one that admits fewest wins.
    #[must_use]
    pub fn level_for_tlp(&self, tlp: Tlp) -> Option<&Level> {
        self.levels
            .iter()
            .filter(|level| level.tlp >= tlp)
            .min_by_key(|level| (level.tlp, std::cmp::Reverse(strictness(level))))
    }

    /// The level that an item of `level` has once it is downgraded: of the looser ones the
    /// strictest, so that one step is as small as the scheme allows.
    #[must_use]
    pub fn next_looser(&self, level: &Level) -> Option<&Level> {
        self.levels
            .iter()
            .filter(|other| other.tlp < level.tlp)
            .max_by_key(|other| (other.tlp, strictness(other)))
    }

    /// The scheme's strictest level.
    #[must_use]
    pub fn strictest(&self) -> Option<&Level> {
        self.levels
            .iter()
            .max_by_key(|level| (level.tlp, strictness(level)))
    }
}

/// Compares levels of one TLP by their audience, column by column.
fn strictness(level: &Level) -> Vec<(Depth, Form)> {
    Column::ALL
        .iter()
        .map(|column| {
            let grant = level.audience.get(*column);
            (grant.depth(), grant.form())
        })
        .collect()
}

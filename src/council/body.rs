//! Who is there: bodies, their standing, and the people and services that act for them.

use std::collections::BTreeSet;

use chrono::NaiveDate;
use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::contact::{Contact, Hours};
use crate::handling::{BodyId, Capability, PrincipalId, SectorCode};

/// A name in Japanese and English; at least one is there (checked on load).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Localised {
    /// Japanese.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ja: Option<String>,
    /// English.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub en: Option<String>,
}

impl Localised {
    /// Every text there is.
    pub fn texts(&self) -> impl Iterator<Item = &str> {
        self.ja.as_deref().into_iter().chain(self.en.as_deref())
    }

    /// The English text, else the Japanese one.
    #[must_use]
    pub fn en_or_ja(&self) -> &str {
        self.texts().last().unwrap_or_default()
    }

    /// The Japanese text, else the English one.
    #[must_use]
    pub fn ja_or_en(&self) -> &str {
        self.texts().next().unwrap_or_default()
    }
}

/// What a body is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BodyKind {
    /// The council itself and its secretariat; its people have no right to content.
    Council,
    /// NISC, today NCO.
    NationalCentre,
    /// A ministry, which observes and also supervises.
    Ministry,
    /// A sector's sharing and analysis body.
    Ceptoar,
    /// A critical-infrastructure operator, member of one or more CEPTOARs.
    Operator,
    /// A security agency.
    Agency,
}

impl BodyKind {
    /// The word used in files and answers.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Council => "council",
            Self::NationalCentre => "national_centre",
            Self::Ministry => "ministry",
            Self::Ceptoar => "ceptoar",
            Self::Operator => "operator",
            Self::Agency => "agency",
        }
    }
}

/// How a body stands in the council.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// Full member.
    #[default]
    Member,
    /// Has not selected its representative yet; observer rights until then.
    SelectionPending,
    /// Standing observer.
    Observer,
    /// Admitted to one meeting by the members' consent; outside it, nothing.
    Attendee,
}

/// A relation to a body that holds from one day until another (UTC, `until` exclusive).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dated {
    /// The other body.
    pub body: BodyId,
    /// First day; absent is always.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<NaiveDate>,
    /// First day on which it no longer holds; absent is never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<NaiveDate>,
}

impl Dated {
    /// Whether it holds on `day`.
    #[must_use]
    pub fn holds(&self, day: NaiveDate) -> bool {
        self.from.is_none_or(|from| from <= day) && self.until.is_none_or(|until| day < until)
    }
}

/// A sector and the CEPTOARs that serve it; many sectors may share one CEPTOAR.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sector {
    /// Code, such as `finance`.
    pub code: SectorCode,
    /// Names.
    pub name: Localised,
    /// Its CEPTOARs, with dates.
    #[serde(default)]
    pub ceptoars: Vec<Dated>,
}

/// A body of the council.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Body {
    /// Unique name.
    pub id: BodyId,
    /// What it is.
    pub kind: BodyKind,
    /// What it is called.
    pub name: Localised,
    /// How it stands.
    #[serde(default)]
    pub standing: Standing,
    /// The scheme its items are handled under.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scheme: Option<String>,
    /// A CEPTOAR's responsible ministries, with dates.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ministries: Vec<Dated>,
    /// An operator's CEPTOARs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ceptoars: Vec<BodyId>,
    /// An operator's sectors.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub sectors: BTreeSet<SectorCode>,
    /// Whom an unanswered request for consent goes to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub superior: Option<BodyId>,
    /// Other names, looked for in every anonymised rendition of its items.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub aliases: Vec<String>,
    /// Domains, looked for likewise, with their subdomains.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub domains: Vec<String>,
    /// Networks, looked for likewise, with every address in them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub networks: Vec<IpNet>,
    /// What it has declared it can honour; absent is undeclared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capability: Option<Capability>,
    /// Whom to turn to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub contacts: Vec<Contact>,
    /// When it works; absent is at any time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub business_hours: Option<Hours>,
}

/// A person or a machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PrincipalKind {
    /// A human being.
    Person,
    /// A system.
    Service,
}

/// How TAXII answers a principal where clients need what the standard forbids (`docs/taxii.md`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TaxiiProfile {
    /// As TAXII 2.1 says.
    #[default]
    Standard,
    /// Empty lists are there, dates are whole milliseconds, every object names its version of STIX.
    Lenient,
}

impl TaxiiProfile {
    fn is_standard(&self) -> bool {
        *self == Self::Standard
    }
}

/// A role's name. The hub's own are constants here; schemes name further ones (`ot_lead`).
pub type Role = String;

/// Roles the hub itself gives meaning to.
pub mod role {
    /// May publish for its body.
    pub const PUBLISHER: &str = "publisher";
    /// Point of contact: the gate of a CEPTOAR.
    pub const POC: &str = "poc";
    /// Reads at analyst depth.
    pub const ANALYST: &str = "analyst";
    /// An operator's reader.
    pub const MEMBER: &str = "member";
    /// Issues advisories.
    pub const ADVISOR: &str = "advisor";
    /// Edits newsletters.
    pub const EDITOR: &str = "editor";
    /// Runs the council's office; no right to content.
    pub const SECRETARIAT: &str = "secretariat";
    /// Verifies the ledger.
    pub const AUDITOR: &str = "auditor";
    /// Runs the hub; no right to content.
    pub const ADMIN: &str = "admin";
    /// Not held but derived: another person of the operator an item came from.
    pub const SOURCE: &str = "source";
    /// The roles above that a council file may give.
    pub const KNOWN: [&str; 9] = [
        PUBLISHER,
        POC,
        ANALYST,
        MEMBER,
        ADVISOR,
        EDITOR,
        SECRETARIAT,
        AUDITOR,
        ADMIN,
    ];
}

/// A person or service of exactly one body.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Principal {
    /// Unique, and the user name.
    pub id: PrincipalId,
    /// Person or service.
    pub kind: PrincipalKind,
    /// The body it acts for.
    pub body: BodyId,
    /// What it is called.
    #[serde(default)]
    pub name: Localised,
    /// What it may do.
    pub roles: BTreeSet<Role>,
    /// How TAXII answers it; for services alone.
    #[serde(default, skip_serializing_if = "TaxiiProfile::is_standard")]
    pub taxii: TaxiiProfile,
}

impl Principal {
    /// Whether it holds `role`.
    #[must_use]
    pub fn has(&self, role: &str) -> bool {
        self.roles.contains(role)
    }
}

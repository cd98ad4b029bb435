//! `council.toml`: the whole directory in one file, read strictly and checked as a whole. A file
//! with any fault changes nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::body::{
    Body, BodyKind, Localised, Principal, PrincipalKind, Sector, TaxiiProfile, role,
};
use super::charter::Charter;
use crate::handling::{BodyId, Column, Form, Scheme, Tlp, Unmarked};

/// The council's own entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CouncilEntry {
    /// What it is called.
    pub name: Localised,
    /// Namespace from which STIX ids of identities and level markings derive (UUIDv5).
    pub namespace: Uuid,
}

/// The file, as written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CouncilFile {
    /// The council itself.
    pub council: CouncilEntry,
    /// Sectors.
    #[serde(default)]
    pub sectors: Vec<Sector>,
    /// Handling schemes, each in one or more versions.
    #[serde(default)]
    pub schemes: Vec<Scheme>,
    /// Council-wide rules.
    #[serde(default)]
    pub charter: Charter,
    /// Bodies.
    #[serde(default)]
    pub bodies: Vec<Body>,
    /// People and services.
    #[serde(default)]
    pub principals: Vec<Principal>,
    /// Groups of bodies to which a source may limit an item.
    #[serde(default)]
    pub sharing_groups: Vec<SharingGroup>,
}

/// Bodies that share among themselves, under an id that they have agreed on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SharingGroup {
    /// As CSAF 2.1 names it: a UUID.
    pub id: Uuid,
    /// What it is called.
    pub name: Localised,
    /// Who is in it.
    pub bodies: BTreeSet<BodyId>,
}

/// The schemes of a text, each checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schemes {
    /// In the order of the text.
    pub schemes: Vec<Scheme>,
    /// Whether the text is a whole council file. If not, it has schemes and nothing else.
    pub whole: bool,
}

/// A council file that has schemes alone.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SchemesAlone {
    schemes: Vec<Scheme>,
}

/// One thing wrong with a council file: where and which rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Path into the file, such as `bodies[3].scheme`, or a line of its text.
    pub place: String,
    /// What is wrong.
    pub message: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.message)
    }
}

impl CouncilFile {
    /// Reads and checks a file.
    ///
    /// # Errors
    /// Every fault found; for text that is not the format at all, the first.
    pub fn parse(text: &str) -> Result<Self, Vec<Fault>> {
        let file: Self = toml::from_str(text).map_err(|error| vec![at_line(text, &error)])?;
        let mut faults = Check::new(&file).run();
        if faults.is_empty() {
            faults = super::charter::check::faults(&file);
        }
        if faults.is_empty() {
            Ok(file)
        } else {
            Err(faults)
        }
    }

    /// Reads and checks the schemes of a whole council file, or of a text that has schemes alone; such
    /// a text may name these bodies.
    ///
    /// # Errors
    /// Every fault found, of a whole file those beside the schemes too, but for the charter's policies
    /// and cases: to run these is for whoever runs the hub. For text that is not the format at all, the
    /// first; for more than [`SCHEMES_MAX`] versions, that alone.
    pub fn parse_schemes(text: &str, bodies: &[Body]) -> Result<Schemes, Vec<Fault>> {
        let table: toml::Table =
            toml::from_str(text).map_err(|error| vec![at_line(text, &error)])?;
        if table.contains_key("council") {
            let file: Self = toml::from_str(text).map_err(|error| vec![at_line(text, &error)])?;
            few_enough(&file.schemes)?;
            let faults = Check::new(&file).run();
            if !faults.is_empty() {
                return Err(faults);
            }
            return Ok(Schemes {
                schemes: file.schemes,
                whole: true,
            });
        }
        let alone: SchemesAlone =
            toml::from_str(text).map_err(|error| vec![at_line(text, &error)])?;
        few_enough(&alone.schemes)?;
        let file = Self {
            council: CouncilEntry {
                name: Localised::default(),
                namespace: Uuid::nil(),
            },
            sectors: Vec::new(),
            schemes: alone.schemes,
            charter: Charter::default(),
            bodies: bodies.to_vec(),
            principals: Vec::new(),
            sharing_groups: Vec::new(),
        };
        let mut check = Check::new(&file);
        check.unique();
        for (at, scheme) in file.schemes.iter().enumerate() {
            check.scheme(at, scheme);
        }
        let faults = check.faults;
        if !faults.is_empty() {
            return Err(faults);
        }
        Ok(Schemes {
            schemes: file.schemes,
            whole: false,
        })
    }
}

/// A text to be compared has so many versions of schemes at most; each is joined with the others.
pub const SCHEMES_MAX: usize = 300;

fn few_enough(schemes: &[Scheme]) -> Result<(), Vec<Fault>> {
    if schemes.len() <= SCHEMES_MAX {
        return Ok(());
    }
    Err(vec![Fault {
        place: "schemes".to_owned(),
        message: format!("has more than {SCHEMES_MAX} versions"),
    }])
}

/// The fault of a text that cannot be read, at its line.
fn at_line(text: &str, error: &toml::de::Error) -> Fault {
    let before = error.span().and_then(|span| text.get(..span.start));
    let line = before.unwrap_or("").matches('\n').count() + 1;
    Fault {
        place: format!("line {line}"),
        message: error.message().to_owned(),
    }
}

/// A century: longer than any rule means, and far from the end of what is counted in microseconds.
const DAYS_MAX: u32 = 36_525;

struct Check<'a> {
    file: &'a CouncilFile,
    bodies: BTreeMap<&'a BodyId, &'a Body>,
    sectors: BTreeSet<&'a str>,
    schemes: BTreeSet<&'a str>,
    faults: Vec<Fault>,
}

impl<'a> Check<'a> {
    fn new(file: &'a CouncilFile) -> Self {
        Self {
            file,
            bodies: file.bodies.iter().map(|body| (&body.id, body)).collect(),
            sectors: file.sectors.iter().map(|s| s.code.as_str()).collect(),
            schemes: file.schemes.iter().map(|s| s.id.as_str()).collect(),
            faults: Vec::new(),
        }
    }

    fn fault(&mut self, place: impl Into<String>, message: impl Into<String>) {
        self.faults.push(Fault {
            place: place.into(),
            message: message.into(),
        });
    }

    fn run(mut self) -> Vec<Fault> {
        self.unique();
        for (at, scheme) in self.file.schemes.iter().enumerate() {
            self.scheme(at, scheme);
        }
        for (at, sector) in self.file.sectors.iter().enumerate() {
            for (n, ceptoar) in sector.ceptoars.iter().enumerate() {
                let place = format!("sectors[{at}].ceptoars[{n}].body");
                self.body_of_kind(&place, &ceptoar.body, BodyKind::Ceptoar);
            }
        }
        for (at, body) in self.file.bodies.iter().enumerate() {
            self.body(at, body);
            self.contacts(at, body);
        }
        for (at, principal) in self.file.principals.iter().enumerate() {
            self.principal(at, principal);
        }
        for (at, group) in self.file.sharing_groups.iter().enumerate() {
            self.sharing_group(at, group);
        }
        let centres = self
            .file
            .bodies
            .iter()
            .filter(|body| body.kind == BodyKind::NationalCentre)
            .count();
        if centres > 1 {
            self.fault("bodies", "there is more than one national centre");
        }
        self.faults
    }

    fn sharing_group(&mut self, at: usize, group: &SharingGroup) {
        let place = format!("sharing_groups[{at}]");
        // RFC 9562: CSAF reserves both for groups that are no lists of bodies.
        if group.id.is_nil() || group.id.is_max() {
            let message = format!("`{}` is reserved", group.id);
            self.fault(format!("{place}.id"), message);
        }
        for body in &group.bodies {
            if !self.bodies.contains_key(body) {
                self.fault(format!("{place}.bodies"), format!("no body is `{body}`"));
            }
        }
    }

    fn unique(&mut self) {
        let file = self.file;
        let lists: [(&str, Vec<String>); 5] = [
            (
                "sharing_groups",
                file.sharing_groups
                    .iter()
                    .map(|group| group.id.to_string())
                    .collect(),
            ),
            (
                "bodies",
                file.bodies.iter().map(|b| b.id.to_string()).collect(),
            ),
            (
                "principals",
                file.principals.iter().map(|p| p.id.to_string()).collect(),
            ),
            (
                "sectors",
                file.sectors.iter().map(|s| s.code.to_string()).collect(),
            ),
            (
                "schemes",
                file.schemes
                    .iter()
                    .map(|s| format!("{} version {}", s.id, s.version))
                    .collect(),
            ),
        ];
        for (list, names) in lists {
            let mut seen = BTreeSet::new();
            for (at, name) in names.iter().enumerate() {
                if !seen.insert(name) {
                    self.fault(format!("{list}[{at}]"), format!("`{name}` is there twice"));
                }
                if list != "schemes" && !is_plain_name(name) {
                    self.fault(
                        format!("{list}[{at}]"),
                        format!("`{name}` is no name: letters, digits, `-` and `_`, at most 64, and not `anybody`"),
                    );
                }
            }
        }
    }

    fn scheme(&mut self, at: usize, scheme: &Scheme) {
        let place = format!("schemes[{at}]");
        if !is_plain_name(&scheme.id) || self.bodies.contains_key(&BodyId::from(scheme.id.as_str()))
        {
            self.fault(
                &place,
                format!("`{}` is no name for a scheme, or is a body's", scheme.id),
            );
        }
        if scheme.level(&scheme.default_level).is_none() {
            self.fault(
                format!("{place}.default_level"),
                format!(
                    "names level `{}`, which the scheme does not have",
                    scheme.default_level
                ),
            );
        }
        let mut seen = BTreeSet::new();
        for (n, level) in scheme.levels.iter().enumerate() {
            let place = format!("{place}.levels[{n}]");
            if !seen.insert(&level.level) {
                self.fault(&place, format!("level `{}` is there twice", level.level));
            }
            for column in level.beyond_tlp() {
                self.fault(
                    format!("{place}.audience"),
                    format!(
                        "level `{}` goes beyond {} in column {column:?}",
                        level.level, level.tlp
                    ),
                );
            }
            if level.tlp == Tlp::Clear && level.downgrade_after_days.is_some() {
                self.fault(
                    format!("{place}.downgrade_after_days"),
                    "a CLEAR level has nothing to become looser to",
                );
            }
            let days = [
                Some(level.retention_min_days),
                level.retention_max_days,
                level.downgrade_after_days,
            ];
            let too_long = days.into_iter().flatten().any(|days| days > DAYS_MAX);
            if too_long || level.reply_hours > DAYS_MAX * 24 {
                self.fault(&place, format!("no time is longer than {DAYS_MAX} days"));
            }
            for approver in level.approvals.keys() {
                let known = approver.as_str() == crate::handling::Approver::SOURCE
                    || approver.parts().is_some_and(|(who, _)| {
                        who == scheme.id || self.bodies.contains_key(&BodyId::from(who))
                    });
                if !known {
                    self.fault(
                        format!("{place}.approvals"),
                        format!("approver `{approver}` is neither `source`, nor `{}.<role>`, nor a body's role", scheme.id),
                    );
                }
            }
        }
        if scheme.unmarked == Unmarked::Release && scheme.levels.is_empty() {
            self.fault(&place, "releases unmarked items but has no level");
        }
        if let Some(safety) = &scheme.safety_override {
            let place = format!("{place}.safety_override");
            match scheme.level(&safety.level) {
                None => self.fault(
                    &place,
                    format!(
                        "names level `{}`, which the scheme does not have",
                        safety.level
                    ),
                ),
                Some(level) => {
                    for column in Column::ALL {
                        if level.audience.get(column).form() == Form::Identified {
                            let message = format!(
                                "level `{}` gives {column:?} an identified form; only an anonymised mitigation may be released",
                                safety.level
                            );
                            self.fault(&place, message);
                        }
                    }
                }
            }
        }
        if let Some(ministry) = &scheme.nameless_ministry {
            self.body_of_kind(
                &format!("{place}.nameless_ministry"),
                ministry,
                BodyKind::Ministry,
            );
        }
    }

    fn contacts(&mut self, at: usize, body: &Body) {
        for (n, contact) in body.contacts.iter().enumerate() {
            let mut principals = self.file.principals.iter();
            let person = principals.any(|principal| {
                principal.id == contact.principal
                    && principal.body == body.id
                    && principal.kind == PrincipalKind::Person
            });
            if !person {
                let place = format!("bodies[{at}].contacts[{n}].principal");
                let who = &contact.principal;
                self.fault(place, format!("`{who}` is no person of `{}`", body.id));
            }
        }
        let hours = body.business_hours.as_ref();
        if let Some(fault) = hours.and_then(super::contact::Hours::fault) {
            self.fault(format!("bodies[{at}].business_hours"), fault);
        }
    }

    fn body_of_kind(&mut self, place: &str, id: &BodyId, kind: BodyKind) {
        match self.bodies.get(id) {
            None => self.fault(
                place,
                format!("names body `{id}`, which is not in the file"),
            ),
            Some(body) if body.kind != kind => self.fault(
                place,
                format!(
                    "names body `{id}`, which is of kind {}, not {}",
                    body.kind.word(),
                    kind.word()
                ),
            ),
            Some(_) => {}
        }
    }

    fn body(&mut self, at: usize, body: &Body) {
        let place = format!("bodies[{at}]");
        if body.name.texts().all(str::is_empty) {
            self.fault(
                format!("{place}.name"),
                format!("body `{}` has no name", body.id),
            );
        }
        match &body.scheme {
            Some(scheme) if !self.schemes.contains(scheme.as_str()) => self.fault(
                format!("{place}.scheme"),
                format!("names scheme `{scheme}`, which is not in the file"),
            ),
            None if body.kind == BodyKind::Ceptoar => {
                self.fault(
                    format!("{place}.scheme"),
                    format!("CEPTOAR `{}` has no scheme", body.id),
                );
            }
            _ => {}
        }
        for (n, ministry) in body.ministries.iter().enumerate() {
            self.body_of_kind(
                &format!("{place}.ministries[{n}].body"),
                &ministry.body,
                BodyKind::Ministry,
            );
        }
        for (n, ceptoar) in body.ceptoars.iter().enumerate() {
            self.body_of_kind(
                &format!("{place}.ceptoars[{n}]"),
                ceptoar,
                BodyKind::Ceptoar,
            );
        }
        if body.kind == BodyKind::Operator && body.ceptoars.is_empty() {
            self.fault(
                format!("{place}.ceptoars"),
                format!("operator `{}` belongs to no CEPTOAR", body.id),
            );
        }
        if body.kind != BodyKind::Operator && !body.ceptoars.is_empty() {
            self.fault(
                format!("{place}.ceptoars"),
                "only an operator belongs to CEPTOARs",
            );
        }
        for sector in &body.sectors {
            if !self.sectors.contains(sector.as_str()) {
                self.fault(
                    format!("{place}.sectors"),
                    format!("names sector `{sector}`, which is not in the file"),
                );
            }
        }
        if let Some(superior) = &body.superior
            && !self.bodies.contains_key(superior)
        {
            self.fault(
                format!("{place}.superior"),
                format!("names body `{superior}`, which is not in the file"),
            );
        }
    }

    fn principal(&mut self, at: usize, principal: &Principal) {
        let place = format!("principals[{at}]");
        if !self.bodies.contains_key(&principal.body) {
            self.fault(
                format!("{place}.body"),
                format!("names body `{}`, which is not in the file", principal.body),
            );
        }
        if principal.kind == PrincipalKind::Person && principal.taxii != TaxiiProfile::Standard {
            self.fault(
                format!("{place}.taxii"),
                "a profile of TAXII is for services; this is a person".to_owned(),
            );
        }
        for role in &principal.roles {
            let named_by_scheme = self.file.schemes.iter().any(|scheme| {
                let safety = scheme.safety_override.as_ref();
                safety.is_some_and(|safety| safety.role == *role)
                    || scheme.levels.iter().any(|level| {
                        level
                            .approvals
                            .keys()
                            .any(|who| who.parts().is_some_and(|(_, wanted)| wanted == role))
                    })
            });
            if !role::KNOWN.contains(&role.as_str()) && !named_by_scheme {
                self.fault(
                    format!("{place}.roles"),
                    format!("`{role}` is no role of the hub and no scheme asks for it"),
                );
            }
        }
    }
}

fn is_plain_name(name: &str) -> bool {
    (1..=64).contains(&name.len())
        && name != "anybody"
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
}

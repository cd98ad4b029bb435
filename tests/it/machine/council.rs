//! The council of one episode, drawn from the seed: bodies, people, schemes. It is the machine's own
//! picture of a council, written out as `council.toml` for the hub; the model reads it directly.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use serde_json::Value;

use super::seed::Seed;

/// What a body is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Centre,
    Ministry,
    Ceptoar,
    Operator,
    Agency,
}

/// How it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    Member,
    Pending,
    Observer,
    Attendee,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Body {
    pub id: String,
    pub kind: Kind,
    pub standing: Standing,
    pub scheme: Option<String>,
    pub ministry: Option<String>,
    /// Whom its silence is brought before.
    pub superior: Option<String>,
    pub ceptoars: Vec<String>,
    pub sectors: BTreeSet<String>,
    pub stores_in_japan: bool,
    pub keeps_days: u32,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Person {
    pub id: String,
    pub body: String,
    pub service: bool,
    pub roles: BTreeSet<String>,
}

/// Depth and form of one column, as numbers: 0 is none, and the smaller is the narrower.
pub type Grant = (u8, u8);

/// The words for a depth.
pub const DEPTHS: [&str; 5] = ["none", "poc", "analyst", "members_ntk", "members_all"];
/// The words for a form.
pub const FORMS: [&str; 3] = ["none", "anonymised", "identified"];
/// Loose to strict.
pub const TLPS: [&str; 5] = ["CLEAR", "GREEN", "AMBER", "AMBER+STRICT", "RED"];
/// Hours that every approver has.
pub const REPLY_HOURS: i64 = 48;
/// In the order of a level's columns.
pub const COLUMNS: [&str; 6] = [
    "own_ceptoar",
    "other_ceptoars",
    "national_centre",
    "own_ministry",
    "other_ministries",
    "observers",
];

/// The deepest grant each TLP bears, column by column (the README's third table).
const BOUNDS: [[u8; 6]; 5] = [
    [4, 4, 2, 2, 2, 2],
    [4, 4, 2, 2, 2, 1],
    [3, 3, 2, 2, 2, 0],
    [3, 0, 2, 2, 2, 0],
    [2, 0, 1, 1, 1, 0],
];

#[derive(Clone, Debug)]
pub struct Level {
    pub name: String,
    pub tlp: usize,
    pub columns: [Grant; 6],
    /// Approver as the scheme names it, and mode: 1 silent, 2 explicit, 3 two people.
    pub approvals: BTreeMap<String, u8>,
    pub attribution: &'static str,
    /// What no reply means: one of [`NO_REPLY`].
    pub no_reply: u8,
    pub storage_jp_only: bool,
    pub retention_min_days: u32,
    pub anonymise: BTreeSet<String>,
    /// The smallest count that may be told.
    pub k: u32,
}

#[derive(Clone, Debug)]
pub struct Scheme {
    pub id: String,
    pub version: u32,
    pub effective: String,
    pub default_level: String,
    pub holds_unmarked: bool,
    pub levels: Vec<Level>,
}

#[derive(Clone, Debug)]
pub struct Council {
    pub bodies: Vec<Body>,
    pub people: Vec<Person>,
    pub schemes: Vec<Scheme>,
    /// The charter: its version, its storage rule, which of [`POLICIES`] it has.
    pub charter: (u32, bool, Option<usize>),
}

/// What a charter may forbid: to which column, of which kind, and how it says so. Each speaks of a
/// whole column, so that what the model takes from the column is what the hub takes from its bodies.
pub const POLICIES: [(usize, &str, &str); 3] = [
    (
        5,
        "best_practice",
        "@id(\"observers\") forbid (principal, action == Action::\"receive\", resource) when { \
         context.relation == Relation::\"observers\" && resource.kind == Kind::\"best_practice\" };",
    ),
    (
        1,
        "note",
        "@id(\"notes\") forbid (principal, action == Action::\"receive\", resource) when { \
         context.relation == Relation::\"other_ceptoars\" && resource has stix_type && resource.stix_type == \"note\" };",
    ),
    (
        2,
        "incident_cause",
        "@id(\"centre\") forbid (principal, action == Action::\"receive\", resource) when { \
         context.relation == Relation::\"national_centre\" && resource.kind == Kind::\"incident_cause\" };",
    ),
];
const NO_REPLY: [&str; 3] = ["release", "escalate", "refuse"];
const MODES: [&str; 4] = ["none", "silent", "explicit", "two_person"];
const ATTRIBUTIONS: [&str; 4] = ["name_ok", "pseudonym", "sector_only", "withheld"];

fn set(words: &[&str]) -> BTreeSet<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

/// One of the five schemes of the demo, as the level table has it.
fn known_scheme(id: &str) -> Scheme {
    let at = |list: &[&str], word: &Value| {
        let found = list.iter().position(|known| Some(*known) == word.as_str());
        found.unwrap_or_else(|| panic!("{word} in {list:?}"))
    };
    let levels: Vec<Level> = include_str!("../../data/levels.jsonl")
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .filter(|line| line["scheme"] == id)
        .map(|line| Level {
            name: line["level"].as_str().unwrap().to_owned(),
            tlp: at(&TLPS, &line["tlp"]),
            columns: COLUMNS.map(|column| {
                let grant = &line["audience"][column];
                (
                    at(&DEPTHS, &grant["depth"]) as u8,
                    at(&FORMS, &grant["form"]) as u8,
                )
            }),
            approvals: line["approvals"]
                .as_object()
                .unwrap()
                .iter()
                .map(|(who, mode)| (who.clone(), at(&MODES, mode) as u8))
                .collect(),
            attribution: ATTRIBUTIONS[at(&ATTRIBUTIONS, &line["attribution"])],
            no_reply: at(&NO_REPLY, &line["no_reply"]) as u8,
            storage_jp_only: line["storage_jp_only"] == true,
            retention_min_days: line["retention_min_days"].as_u64().unwrap() as u32,
            anonymise: line["anonymise"]
                .as_array()
                .unwrap()
                .iter()
                .map(|word| word.as_str().unwrap().to_owned())
                .collect(),
            k: 0,
        })
        .collect();
    let default = match id {
        "S1" => "会員限",
        "S2" => "第2種",
        "S3" => "乙",
        "S4" => "機密性2",
        _ => "TLP:AMBER",
    };
    Scheme {
        id: id.to_owned(),
        version: 1,
        effective: "2025-04-01".to_owned(),
        default_level: default.to_owned(),
        holds_unmarked: id != "S2",
        levels,
    }
}

/// A scheme of one level per TLP, anything within the bounds.
pub fn random_scheme(seed: &mut Seed, id: &str, version: u32, effective: &str) -> Scheme {
    let levels: Vec<Level> = (0..5)
        .map(|tlp| {
            let mut columns = [(0, 0); 6];
            for (column, grant) in columns.iter_mut().enumerate() {
                let deepest = BOUNDS[tlp][column];
                let depth = match seed.below(4) {
                    0 if column > 0 => 0,
                    1 => seed.below(u64::from(deepest) + 1) as u8,
                    _ => deepest,
                };
                let depth = if column == 0 { depth.max(1) } else { depth };
                let form = if depth == 0 {
                    0
                } else {
                    1 + seed.below(2) as u8
                };
                *grant = (depth, form);
            }
            let mut approvals = BTreeMap::new();
            for who in [
                format!("{id}.poc"),
                format!("{id}.ot_lead"),
                "source".to_owned(),
            ] {
                if seed.one_in(4) {
                    approvals.insert(who, 1 + seed.below(3) as u8);
                }
            }
            if tlp == 4 {
                // A role that no scheme asks for is no role, and the file with it is refused.
                approvals.insert(format!("{id}.ot_lead"), 2);
            }
            Level {
                name: format!("L{}", TLPS[tlp]),
                tlp,
                columns,
                approvals,
                attribution: ATTRIBUTIONS[seed.below(4) as usize],
                no_reply: seed.below(3) as u8,
                storage_jp_only: seed.one_in(5),
                retention_min_days: if seed.one_in(6) { 100 } else { 0 },
                anonymise: set(&["org"]),
                k: 0,
            }
        })
        .collect();
    Scheme {
        id: id.to_owned(),
        version,
        effective: effective.to_owned(),
        default_level: levels[seed.below(5) as usize].name.clone(),
        holds_unmarked: !seed.one_in(3),
        levels,
    }
}

/// The national centre's own scheme, under which it issues advisories: nobody is asked, and small
/// counts are not told.
fn centre_scheme(seed: &mut Seed) -> Scheme {
    let mut scheme = random_scheme(seed, "A1", 1, "2025-04-01");
    let k = 2 + seed.below(2) as u32;
    for level in &mut scheme.levels {
        level.approvals.clear();
        level.k = k;
        // Most of what is issued goes to whom it may go to at all.
        if !seed.one_in(4) {
            level.columns[1].0 = BOUNDS[level.tlp][1];
            level.columns[1].1 = if level.columns[1].0 == 0 {
                0
            } else {
                1 + seed.below(2) as u8
            };
        }
    }
    scheme
}

impl Council {
    /// Draws one: three or four CEPTOARs, two of which may share a scheme.
    pub fn draw(seed: &mut Seed) -> Self {
        let mut schemes = vec![
            known_scheme(["S1", "S3", "S5"][seed.below(3) as usize]),
            known_scheme(["S2", "S4"][seed.below(2) as usize]),
            random_scheme(seed, "R1", 1, "2025-04-01"),
        ];
        if seed.one_in(2) {
            schemes.swap(0, 2);
        }
        let drawn = schemes.len();
        schemes.push(centre_scheme(seed));
        let mut council = Self {
            bodies: Vec::new(),
            people: Vec::new(),
            schemes,
            charter: (1, false, None),
        };
        council.body(
            "centre",
            Kind::Centre,
            &[
                ("analyst", &["analyst"]),
                ("poc", &["poc"]),
                ("adv", &["advisor", "publisher"]),
            ],
        );
        council.bodies.last_mut().unwrap().scheme = Some("A1".to_owned());
        for name in ["mina", "minb"] {
            council.body(
                name,
                Kind::Ministry,
                &[("analyst", &["analyst"]), ("poc", &["poc"])],
            );
        }
        council.body(
            "agency",
            Kind::Agency,
            &[("analyst", &["analyst"]), ("poc", &["poc"])],
        );
        let count = 3 + seed.below(2) as usize;
        for (at, name) in ["alpha", "bravo", "carol", "delta"]
            .into_iter()
            .take(count)
            .enumerate()
        {
            let people: &[(&str, &[&str])] = &[
                ("pub", &["publisher"]),
                ("feed", &["publisher", "analyst"]),
                ("poc", &["poc"]),
                ("poc2", &["poc", "ot_lead"]),
                ("analyst", &["analyst"]),
                ("ot", &["ot_lead"]),
            ];
            council.body(name, Kind::Ceptoar, people);
            let body = council.bodies.last_mut().unwrap();
            body.scheme = Some(council.schemes[at % drawn].id.clone());
            body.ministry = Some(["mina", "minb"][at % 2].to_owned());
            body.superior = (!seed.one_in(3))
                .then(|| ["centre", "mina", "agency"][seed.below(3) as usize].to_owned());
            if at == 3 {
                body.standing = Standing::Pending;
            }
            for n in 1..=1 + seed.below(2) {
                let operator = format!("{name}-op{n}");
                let people: &[(&str, &[&str])] =
                    &[("member", &["member"]), ("rep", &["publisher", "member"])];
                council.body(&operator, Kind::Operator, people);
                let body = council.bodies.last_mut().unwrap();
                body.ceptoars = vec![name.to_owned()];
                body.sectors = BTreeSet::from([format!("s-{name}")]);
                body.stores_in_japan = !seed.one_in(4);
                body.superior = seed.one_in(2).then(|| name.to_owned());
                body.keeps_days = if seed.one_in(4) { 10 } else { 3650 };
            }
        }
        if seed.one_in(2) {
            council.charter.2 = Some(seed.below(3) as usize);
        }
        if seed.one_in(2) {
            // An operator of two CEPTOARs.
            let operator = council
                .bodies
                .iter_mut()
                .find(|body| body.id == "alpha-op1")
                .unwrap();
            operator.ceptoars.push("bravo".to_owned());
            operator.sectors.insert("s-bravo".to_owned());
        }
        council
    }

    fn body(&mut self, id: &str, kind: Kind, people: &[(&str, &[&str])]) {
        self.bodies.push(Body {
            id: id.to_owned(),
            kind,
            standing: match kind {
                Kind::Ministry | Kind::Agency => Standing::Observer,
                _ => Standing::Member,
            },
            scheme: None,
            ministry: None,
            superior: None,
            ceptoars: Vec::new(),
            sectors: BTreeSet::new(),
            stores_in_japan: true,
            keeps_days: 3650,
        });
        for (name, roles) in people {
            self.people.push(Person {
                id: format!("{id}-{name}"),
                body: id.to_owned(),
                service: *name == "feed",
                roles: set(roles),
            });
        }
    }

    pub fn find(&self, id: &str) -> Option<&Body> {
        self.bodies.iter().find(|body| body.id == id)
    }

    pub fn person(&self, id: &str) -> Option<&Person> {
        self.people.iter().find(|person| person.id == id)
    }

    /// The scheme in force on a day written `2026-11-22`.
    pub fn scheme(&self, id: &str, day: &str) -> Option<&Scheme> {
        self.schemes
            .iter()
            .filter(|scheme| scheme.id == id && scheme.effective.as_str() <= day)
            .max_by_key(|scheme| (scheme.effective.clone(), scheme.version))
    }

    /// The file that the hub applies.
    pub fn toml(&self) -> String {
        let mut text = String::from(
            "[council]\nname = { en = \"Machine\" }\nnamespace = \"6f0d3b8e-4c52-4e19-9a7d-0b2f5c8e1d46\"\n",
        );
        let ceptoars = || self.bodies.iter().filter(|body| body.kind == Kind::Ceptoar);
        for body in ceptoars() {
            let id = &body.id;
            writeln!(
                text,
                "[[sectors]]\ncode = \"s-{id}\"\nname = {{ en = \"Sector {id}\" }}"
            )
            .unwrap();
            writeln!(text, "ceptoars = [{{ body = \"{id}\" }}]").unwrap();
        }
        for scheme in &self.schemes {
            let unmarked = if scheme.holds_unmarked {
                "hold"
            } else {
                "release"
            };
            writeln!(
                text,
                "[[schemes]]\nid = \"{}\"\nversion = {}\neffective = \"{}\"\ndefault_level = \"{}\"\nunmarked = \"{unmarked}\"",
                scheme.id, scheme.version, scheme.effective, scheme.default_level
            )
            .unwrap();
            for level in &scheme.levels {
                level.write(&mut text);
            }
        }
        let (version, storage, policy) = self.charter;
        writeln!(
            text,
            "[charter]\nversion = {version}\nstorage_jp_only = {storage}"
        )
        .unwrap();
        if let Some(policy) = policy {
            writeln!(text, "policies = '''\n{}\n'''", POLICIES[policy].2).unwrap();
        }
        for (at, body) in self.bodies.iter().enumerate() {
            body.write(at, &mut text);
        }
        for person in &self.people {
            let roles: Vec<String> = person
                .roles
                .iter()
                .map(|role| format!("{role:?}"))
                .collect();
            writeln!(
                text,
                "[[principals]]\nid = \"{}\"\nkind = \"{}\"\nbody = \"{}\"\nroles = [{}]",
                person.id,
                if person.service { "service" } else { "person" },
                person.body,
                roles.join(", ")
            )
            .unwrap();
        }
        text
    }
}

impl Level {
    fn write(&self, text: &mut String) {
        writeln!(
            text,
            "  [[schemes.levels]]\n  level = \"{}\"\n  tlp = \"{}\"",
            self.name, TLPS[self.tlp]
        )
        .unwrap();
        for (column, (depth, form)) in COLUMNS.iter().zip(self.columns) {
            writeln!(
                text,
                "  audience.{column} = {{ depth = \"{}\", form = \"{}\" }}",
                DEPTHS[depth as usize], FORMS[form as usize]
            )
            .unwrap();
        }
        let approvals: Vec<String> = self
            .approvals
            .iter()
            .map(|(who, mode)| format!("{who:?} = {:?}", MODES[*mode as usize]))
            .collect();
        let anonymise: Vec<String> = self
            .anonymise
            .iter()
            .map(|word| format!("{word:?}"))
            .collect();
        writeln!(
            text,
            "  attribution = \"{}\"\n  onward = {{ group = \"nda\", vendor = \"nda\", client = \"deny\", overseas = \"deny\" }}\n  \
             approvals = {{ {} }}\n  no_reply = \"{}\"\n  reply_hours = {REPLY_HOURS}\n  purposes_allowed = [\"defence\"]\n  \
             retention_min_days = {}\n  storage_jp_only = {}\n  automated = \"allow\"\n  k = {}\n  anonymise = [{}]",
            self.attribution,
            approvals.join(", "),
            NO_REPLY[self.no_reply as usize],
            self.retention_min_days,
            self.storage_jp_only,
            self.k,
            anonymise.join(", ")
        )
        .unwrap();
    }
}

impl Body {
    fn write(&self, at: usize, text: &mut String) {
        let kind = match self.kind {
            Kind::Centre => "national_centre",
            Kind::Ministry => "ministry",
            Kind::Ceptoar => "ceptoar",
            Kind::Operator => "operator",
            Kind::Agency => "agency",
        };
        let standing = match self.standing {
            Standing::Member => "member",
            Standing::Pending => "selection_pending",
            Standing::Observer => "observer",
            Standing::Attendee => "attendee",
        };
        // Names that no item ever carries, so that the anonymity check has nothing to find.
        writeln!(
            text,
            "[[bodies]]\nid = \"{}\"\nkind = \"{kind}\"\nstanding = \"{standing}\"\nname = {{ en = \"Vexillum {at} Kumiai\" }}\n\
             domains = [\"vexillum{at}.example\"]\ncapability = {{ storage_jp = {}, retention_min_days = {} }}",
            self.id, self.stores_in_japan, self.keeps_days
        )
        .unwrap();
        if let Some(scheme) = &self.scheme {
            writeln!(text, "scheme = \"{scheme}\"").unwrap();
        }
        if let Some(superior) = &self.superior {
            writeln!(text, "superior = \"{superior}\"").unwrap();
        }
        if let Some(ministry) = &self.ministry {
            writeln!(text, "ministries = [{{ body = \"{ministry}\" }}]").unwrap();
        }
        let list = |names: &mut dyn Iterator<Item = &String>| {
            names
                .map(|name| format!("{name:?}"))
                .collect::<Vec<_>>()
                .join(", ")
        };
        if !self.ceptoars.is_empty() {
            writeln!(text, "ceptoars = [{}]", list(&mut self.ceptoars.iter())).unwrap();
        }
        if !self.sectors.is_empty() {
            writeln!(text, "sectors = [{}]", list(&mut self.sectors.iter())).unwrap();
        }
    }
}

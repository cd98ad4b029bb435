//! What can happen in an episode. An act is data: it names items by the step that made them, so a
//! list of acts can be replayed with some of them left out. To add one: a variant here, its drawing
//! in `draw.rs`, its effect in `model.rs`, its request in `world.rs`.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use uuid::Uuid;

use super::council::Council;

/// One act at one instant, whatever else is left out.
#[derive(Clone, Debug)]
pub struct Step {
    /// Its name for ever: other steps refer to it.
    pub number: usize,
    /// Microseconds after the episode's start.
    pub at: i64,
    pub act: Act,
}

#[derive(Clone, Debug)]
pub enum Act {
    /// A report over REST, or a new version of one.
    Report(Box<Report>),
    /// An envelope over TAXII.
    Post { by: String, objects: Vec<Posted> },
    /// An answer to a request for consent for one item.
    Vote { by: String, on: Item, yes: bool },
    /// A source takes back an item, all its versions or one of them, counted from 1.
    Withdraw {
        by: String,
        on: Item,
        only: Option<usize>,
        recall: bool,
    },
    /// TAXII's delete of an object, which versions in its words.
    Delete {
        by: String,
        on: Item,
        which: Option<&'static str>,
    },
    /// A source narrows what is out.
    Narrow(Narrow),
    /// A reader acknowledges the notices of what a step took back.
    Acknowledge { by: String, on: Item, of: usize },
    /// A point of contact passes an advisory on to its operators.
    PassOn { by: String, on: Item },
    /// A reader says something of what it has; `open` is to open it.
    Say {
        by: String,
        on: Item,
        what: &'static str,
    },
    /// A reader accepts what a report obliges to, and says what came of it.
    Accept { by: String, on: Item },
    /// Another council file.
    Council(Box<Council>, String),
    /// Both hub processes end and start again.
    Restart,
    /// Time passes.
    Wait,
}

/// What an item is known by in this machine: the report a step made, or an object of a body.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Item {
    Report(usize),
    Object(String, String),
}

#[derive(Clone, Debug)]
pub struct Narrow {
    pub by: String,
    pub on: Item,
    pub level: Option<String>,
    pub named: Option<BTreeSet<String>>,
    /// Microseconds after the episode's start.
    pub not_after: Option<i64>,
}

#[derive(Clone, Debug)]
pub struct Report {
    pub by: String,
    /// The step of the first version, where this is a further one.
    pub replaces: Option<usize>,
    pub kind: &'static str,
    pub scheme: String,
    /// None is unmarked.
    pub level: Option<String>,
    pub sector: String,
    pub operator: Option<String>,
    pub useful: BTreeSet<String>,
    pub named: Option<BTreeSet<String>>,
    /// Microseconds after the episode's start.
    pub not_before: Option<i64>,
    pub not_after: Option<i64>,
    /// Lists something more to be stripped.
    pub strips: bool,
    /// The level of its narrative, where that is a part by itself.
    pub part: Option<String>,
    /// What makes it an advisory.
    pub advice: Option<Advice>,
}

/// What an advisory says beside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Advice {
    pub kind: &'static str,
    /// To the operators at once, and not through their CEPTOARs.
    pub direct: bool,
    /// Whom it concerns: nobody named is everybody.
    pub sectors: BTreeSet<String>,
    pub bodies: BTreeSet<String>,
    /// The step of the advisory that this one goes on with.
    pub ends: Option<usize>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mark {
    Nothing,
    Tlp(usize),
    Level(String, String),
    Unknown,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Thing {
    Indicator,
    Note,
    Domain,
}

#[derive(Clone, Debug)]
pub struct Posted {
    pub thing: Thing,
    pub number: usize,
    pub rev: u32,
    pub variant: u32,
    pub mark: Mark,
    /// What a note refers to.
    pub refs: Vec<(Thing, usize)>,
}

/// The TLP 2.0 marking definitions of STIX 2.1, loose to strict.
pub const TLP_MARKINGS: [&str; 5] = [
    "marking-definition--94868c89-83c2-464b-929b-a1a8aa3c8487",
    "marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb",
    "marking-definition--55d920b0-5e8b-4f79-9ee9-91f868d9b421",
    "marking-definition--939a9414-2ddd-4d32-a0cd-375ea402b003",
    "marking-definition--e828b379-4e03-4974-9ac4-e53a884c97c1",
];
const NOWHERE: &str = "marking-definition--00000000-0000-4000-8000-0000000000ff";

pub fn id_of(thing: Thing, number: usize) -> String {
    match thing {
        Thing::Indicator => format!("indicator--00000000-0000-4000-8000-{number:012}"),
        Thing::Note => format!("note--00000000-0000-4000-8000-{number:012}"),
        Thing::Domain => {
            let object =
                json!({"type": "domain-name", "spec_version": "2.1", "value": domain(number)});
            sekisho::stix::id::deterministic_id(&object)
                .unwrap()
                .to_string()
        }
    }
}

fn domain(number: usize) -> String {
    format!("d{number}.example")
}

impl Posted {
    pub fn id(&self) -> String {
        id_of(self.thing, self.number)
    }

    /// What the object says, in a word that outlives anonymisation.
    pub fn token(&self) -> String {
        match self.thing {
            Thing::Indicator => format!("qqi{}r{}v{}qq", self.number, self.rev, self.variant),
            Thing::Note => format!("qqn{}r{}v{}qq", self.number, self.rev, self.variant),
            Thing::Domain => format!("qqd{}v{}qq", self.number, self.variant),
        }
    }

    pub fn object(&self) -> Value {
        let stamp = |hours: u32| format!("2026-11-01T{hours:02}:00:00.000Z");
        let mut object = match self.thing {
            Thing::Indicator => json!({
                "type": "indicator", "spec_version": "2.1", "id": self.id(),
                "created": stamp(0), "modified": stamp(self.rev), "name": self.token(),
                "pattern": "[ipv4-addr:value = '198.51.100.3']", "pattern_type": "stix",
                "valid_from": stamp(0),
            }),
            Thing::Note => json!({
                "type": "note", "spec_version": "2.1", "id": self.id(),
                "created": stamp(0), "modified": stamp(self.rev), "content": self.token(),
                "object_refs": self.refs.iter().map(|(thing, number)| id_of(*thing, *number)).collect::<Vec<_>>(),
            }),
            Thing::Domain => json!({
                "type": "domain-name", "spec_version": "2.1", "id": self.id(),
                "value": domain(self.number), "x_note": self.token(),
            }),
        };
        match &self.mark {
            Mark::Nothing => {}
            Mark::Tlp(tlp) => object["object_marking_refs"] = json!([TLP_MARKINGS[*tlp]]),
            Mark::Level(scheme, level) => {
                object["object_marking_refs"] = json!([level_marking(scheme, level)]);
            }
            Mark::Unknown => object["object_marking_refs"] = json!([NOWHERE]),
        }
        object
    }
}

/// The id that `/v1/schemes` lists for a level.
fn level_marking(scheme: &str, level: &str) -> String {
    let namespace = Uuid::parse_str("6f0d3b8e-4c52-4e19-9a7d-0b2f5c8e1d46").unwrap();
    let id = Uuid::new_v5(&namespace, format!("level/{scheme}/{level}").as_bytes());
    format!("marking-definition--{id}")
}

/// What a step that takes back gives as its reason.
pub fn reason_token(step: usize) -> String {
    format!("qqw{step}qq")
}

pub fn report_token(step: usize) -> String {
    format!("qqr{step}qq")
}

/// What the part of a report says.
pub fn part_token(step: usize) -> String {
    format!("qqp{step}qq")
}

pub fn written(micros: i64) -> String {
    let at = chrono::DateTime::from_timestamp_micros(micros).unwrap();
    at.format("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
}

impl Report {
    pub fn body(&self, step: usize, start: i64) -> Value {
        let instant = |at: i64| written(start + at);
        let token = report_token(step);
        let mut body = json!({
            "kind": self.kind,
            "title": {"en": token}, "summary": {"en": format!("summary of {token}")},
        });
        if !self.sector.is_empty() {
            body["sector"] = json!(self.sector);
        }
        match self.kind {
            "advisory" => body["advisory"] = self.advice.as_ref().unwrap().body(),
            "incident_cause" => {
                body["event_types"] = json!(["other_event"]);
                body["cause_types"] = json!(["unknown"]);
                body["indicators"] = json!([{"type": "ipv4", "value": "198.51.100.7"}]);
            }
            _ => body["practice"] = json!({"en": "patch"}),
        }
        if let Some(level) = &self.level {
            body["handling"] = json!({"scheme": self.scheme, "level": level});
            if let Some(part) = &self.part {
                body["narrative"] = json!({"en": part_token(step)});
                body["handling"]["portions"] = json!([{"fields": ["/narrative"], "level": part}]);
            }
            if let Some(named) = &self.named {
                body["handling"]["named"] = json!(named);
            }
            if let Some(at) = self.not_before {
                body["handling"]["not_before"] = json!(instant(at));
            }
            if let Some(at) = self.not_after {
                body["handling"]["not_after"] = json!(instant(at));
            }
        }
        if let Some(operator) = &self.operator {
            body["source_operator"] = json!(operator);
        }
        if !self.useful.is_empty() {
            body["useful_for_sectors"] = json!(self.useful);
        }
        if self.strips {
            body["must_anonymise"] = json!([{"text": "Zanzibar branch", "type": "org"}]);
        }
        body
    }
}

impl Advice {
    fn body(&self) -> Value {
        let route = if self.direct { "direct" } else { "ceptoar" };
        let mut body = json!({"type": self.kind, "route": route});
        for (name, list) in [("sectors", &self.sectors), ("bodies", &self.bodies)] {
            if !list.is_empty() {
                body["targets"][name] = json!(list);
            }
        }
        body
    }
}

impl Act {
    /// Who does it; nobody for what the hub's operator or the clock does.
    pub fn by(&self) -> Option<&str> {
        match self {
            Self::Report(report) => Some(&report.by),
            Self::Post { by, .. }
            | Self::Vote { by, .. }
            | Self::Withdraw { by, .. }
            | Self::Narrow(Narrow { by, .. })
            | Self::Acknowledge { by, .. }
            | Self::Delete { by, .. }
            | Self::PassOn { by, .. }
            | Self::Say { by, .. }
            | Self::Accept { by, .. } => Some(by),
            Self::Council(..) | Self::Restart | Self::Wait => None,
        }
    }
}

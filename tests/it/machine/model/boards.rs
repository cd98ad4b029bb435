//! Advisories in the model: the way through the CEPTOARs, who said what, and what a board may tell
//! of it.

use std::collections::{BTreeMap, BTreeSet};

use super::super::acts::{Advice, Item};
use super::super::council::{Body, Council, Kind, Person};
use super::{Access, IDENTIFIED, Model, Outcome, State, Version};

/// The words that are answers, and not only a sign of life.
const ANSWERS: [&str; 5] = [
    "applicable",
    "not_applicable",
    "under_study",
    "action_taken",
    "prevented",
];

/// How far one body is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Arrived {
    pub acknowledged: bool,
    pub answer: Option<String>,
}

/// One board as the rule has it.
#[derive(Clone, Debug)]
pub struct Board {
    pub token: String,
    /// Whether it is the issuer's: in counts.
    pub issuer: bool,
    pub closed: bool,
    /// Whom it concerns, CEPTOARs and operators.
    pub bodies: BTreeMap<String, Arrived>,
    /// The CEPTOAR that each of them is counted under.
    pub of: BTreeMap<String, String>,
    /// For the issuer: operators that are named, and of each CEPTOAR from which count on it is told.
    pub named: BTreeSet<String>,
    pub k: BTreeMap<String, u64>,
}

impl Version {
    /// The words of one body's people on this version, first to last.
    fn said_by(&self, body: &str) -> Arrived {
        let mut arrived = Arrived::default();
        for (_, _, what) in self.said.iter().filter(|(of, ..)| of == body) {
            let answer = ANSWERS.iter().find(|known| *known == what);
            arrived.acknowledged |= *what == "ack" || answer.is_some();
            arrived.answer = answer.map(|word| (*word).to_owned()).or(arrived.answer);
        }
        arrived
    }
}

impl Model {
    /// A point of contact gives its operators what the rule gives beyond the way through it.
    pub(super) fn pass_on(&mut self, by: &str, on: &Item, now: i64) -> Outcome {
        let Some(at) = self.of_which(by, on, now) else {
            return Outcome::Refused;
        };
        let (person, version) = (self.council.person(by).unwrap(), &self.versions[at]);
        let place = person.body.clone();
        let ceptoar = self
            .council
            .find(&place)
            .is_some_and(|body| body.kind == Kind::Ceptoar);
        let mut whole = version.access.clone();
        whole.through = None;
        let depths = [&whole, &version.access].map(|rule| rule.grant(&self.council, &place).0);
        let fits = ceptoar
            && person.roles.contains("poc")
            && !person.service
            && version.state == State::Released
            && !version.changed
            && version.access.through.is_some()
            && depths[0] > depths[1];
        if !fits {
            return Outcome::Refused;
        }
        let version = &mut self.versions[at];
        let rules = [Some(&mut version.access)];
        let out = version.out.iter_mut().map(Option::as_mut);
        for rule in rules.into_iter().chain(out).flatten() {
            rule.through.as_mut().unwrap().insert(place.clone());
        }
        Outcome::Taken(vec![true])
    }

    /// A CEPTOAR that stands elsewhere is given its column again, as far as the way goes: it passes
    /// on anew what it passed on where it stood.
    pub(super) fn pass_on_anew(&mut self, before: &Council) {
        let stands = |council: &Council, id: &str| {
            let members = council
                .bodies
                .iter()
                .any(|body| body.ceptoars.iter().any(|of| of == id));
            (council.find(id).map(|body| body.standing), members)
        };
        let after = &self.council;
        let moved = |id: &String| stands(before, id) != stands(after, id);
        for version in &mut self.versions {
            let out = version.out.iter_mut().flatten();
            for rule in out.chain([&mut version.access]) {
                if let Some(passed) = &mut rule.through {
                    passed.retain(|id| !moved(id));
                }
            }
        }
    }

    /// The version that a reader has of an item: the newest.
    fn of_which(&self, reader: &str, on: &Item, now: i64) -> Option<usize> {
        let seen = self.view(reader, now).into_iter();
        let of = seen.filter(|seen| self.versions[seen.at].item == *on);
        of.map(|seen| seen.at)
            .max_by_key(|at| self.versions[*at].rank)
    }

    /// What somebody says of what they have.
    pub(super) fn say(
        &mut self,
        step: usize,
        by: &str,
        on: &Item,
        what: &'static str,
        now: i64,
    ) -> Outcome {
        let Some(at) = self.of_which(by, on, now) else {
            return Outcome::Refused;
        };
        let person = self.council.person(by).unwrap();
        if what == "open" {
            if self.versions[at].advice.is_none() {
                return Outcome::Refused;
            }
            let (body, service) = (person.body.clone(), person.service);
            if !service {
                self.versions[at].said.push((body, step, what));
            }
            return Outcome::Taken(vec![true]);
        }
        if what == "ack" && person.service {
            return Outcome::Refused; // it says that it reached a person
        }
        let (body, service) = (person.body.clone(), person.service);
        self.versions[at].answers.push(step);
        if !service {
            self.versions[at].said.push((body, step, what));
        }
        Outcome::Taken(vec![true])
    }

    /// Whether a person speaks for the source of a version, and so reads all that is said of it.
    pub(super) fn speaks_for_source(&self, person: &Person, version: &Version) -> bool {
        let has = |role: &str| person.roles.contains(role);
        let own = version.body == person.body || version.operator.as_ref() == Some(&person.body);
        own && (has("publisher") || has("poc")) || version.ceptoar == person.body && has("poc")
    }

    /// What a board would tell somebody of a version: for what they have.
    pub(super) fn told_on_board(&self, reader: &str, version: &Version) -> String {
        let Some(person) = self.council.person(reader) else {
            return String::new();
        };
        if self.speaks_for_source(person, version) {
            // Whom it concerns is counted, and who has passed it on is told.
            let reads = self.concerned(version).map(|body| body.id.as_str());
            let reads: Vec<&str> = reads.filter(|_| version.advice.is_some()).collect();
            let passed = &version.access.through;
            return format!("{:?} {reads:?} {passed:?}", version.said);
        }
        let body = self.council.find(&person.body).unwrap();
        if version.advice.is_none() || body.kind != Kind::Ceptoar || !person.roles.contains("poc") {
            return String::new();
        }
        let said = version.said.iter().filter(|(of, ..)| {
            let of = self.council.find(of).unwrap();
            of.id == body.id || of.ceptoars.contains(&body.id)
        });
        let reads: Vec<&Body> = self.concerned(version).collect();
        let own = reads
            .iter()
            .filter(|of| of.id == body.id || of.ceptoars.contains(&body.id));
        let own: Vec<&str> = own.map(|of| of.id.as_str()).collect();
        format!("{:?} {own:?}", said.collect::<Vec<_>>())
    }

    /// The CEPTOARs and operators that an advisory concerns and of which a person may read it.
    fn concerned<'a>(&'a self, version: &'a Version) -> impl Iterator<Item = &'a Body> {
        let bodies = self.council.bodies.iter().filter(|body| {
            matches!(body.kind, Kind::Ceptoar | Kind::Operator) && body.id != version.body
        });
        bodies.filter(|body| {
            let targeted = version
                .advice
                .as_ref()
                .is_some_and(|advice| self.targets(advice, body));
            targeted
                && self.council.people.iter().any(|person| {
                    person.body == body.id && !person.service && self.may_read(&person.id, version)
                })
        })
    }

    fn targets(&self, advice: &Advice, body: &Body) -> bool {
        let all = advice.sectors.is_empty() && advice.bodies.is_empty();
        let named = |of: &String| advice.bodies.contains(of);
        all || named(&body.id)
            || body.ceptoars.iter().any(named)
            || !self.sectors_of(body).is_disjoint(&advice.sectors)
    }

    /// Whether the rule lets somebody read, whatever their body has declared: at least to look.
    fn may_read(&self, reader: &str, version: &Version) -> bool {
        let places = self.places(reader);
        let form = |access: &Access| {
            let mut access = access.clone();
            (access.stores_in_japan, access.keeps_days) = (false, 0);
            access.form(&self.council, reader, &places, None)
        };
        let mut out = version.out.iter().flatten();
        form(&version.access) > 0 && out.any(|out| form(out) > 0)
    }

    /// The boards of what a reader has now. Those of what is not out are left aside.
    pub fn boards(&self, reader: &str, now: i64) -> Vec<Board> {
        let Some(person) = self.council.person(reader) else {
            return Vec::new();
        };
        let body = self.council.find(&person.body).unwrap();
        let poc = person.roles.contains("poc") && body.kind == Kind::Ceptoar;
        let mut boards = Vec::new();
        let view = self.view(reader, now);
        for seen in view.iter().filter(|seen| seen.live) {
            let version = &self.versions[seen.at];
            let issuer = !poc && self.speaks_for_source(person, version);
            if version.advice.is_none() || version.state != State::Released || !poc && !issuer {
                continue;
            }
            let bodies: Vec<&Body> = self.concerned(version).collect();
            let ceptoars = self.council.bodies.iter();
            let ceptoars = ceptoars.filter(|body| body.kind == Kind::Ceptoar);
            boards.push(Board {
                token: version.token.clone(),
                issuer,
                closed: self.is_ended(version, (!issuer).then_some(&view)),
                bodies: bodies
                    .iter()
                    .filter(|of| issuer || of.id == body.id || of.ceptoars.contains(&body.id))
                    .map(|body| (body.id.clone(), version.said_by(&body.id)))
                    .collect(),
                of: bodies
                    .iter()
                    .map(|body| (body.id.clone(), self.ceptoar_of(body)))
                    .collect(),
                named: bodies
                    .iter()
                    .filter(|body| body.kind == Kind::Operator && issuer)
                    .filter(|body| self.is_named(version, body, reader, now))
                    .map(|body| body.id.clone())
                    .collect(),
                k: ceptoars
                    .map(|ceptoar| {
                        let own = self.default_level(ceptoar, now).map_or(0, |level| level.k);
                        (ceptoar.id.clone(), u64::from(own.max(version.access.k)))
                    })
                    .collect(),
            });
        }
        boards
    }

    /// Whether another one that is out, and that the reader has where one is asked for, goes on with
    /// an advisory.
    fn is_ended(&self, version: &Version, has: Option<&Vec<super::Seen>>) -> bool {
        let Item::Report(first) = version.item else {
            return false;
        };
        let ends = |other: &&Version| {
            let advice = other.advice.as_ref();
            advice.is_some_and(|advice| advice.ends == Some(first))
        };
        self.versions.iter().filter(ends).any(|by| {
            let latest = *self.of(&by.item).last().unwrap();
            let of = |seen: &super::Seen| self.versions[seen.at].item == by.item;
            self.versions[latest].state == State::Released
                && has.is_none_or(|view| view.iter().any(of))
        })
    }

    fn default_level(&self, body: &Body, now: i64) -> Option<&super::Level> {
        let scheme = self.scheme_of(body, now)?;
        let levels = &scheme.levels;
        levels
            .iter()
            .find(|level| level.name == scheme.default_level)
    }

    /// Whether an operator's own default level, joined with the item's rule, gives somebody the form
    /// that names it.
    fn is_named(&self, version: &Version, body: &Body, reader: &str, now: i64) -> bool {
        let Some(level) = self.default_level(body, now) else {
            return false;
        };
        let mut own = version.under(Some(level), false).access;
        own.columns = vec![(self.ceptoar_of(body), level.columns)];
        own.through = None;
        own.sectors = self.sectors_of(body);
        let mut rule = version.access.clone();
        rule.join(&own);
        (rule.stores_in_japan, rule.keeps_days) = (false, 0);
        let centre = &self.council.person(reader).unwrap().body;
        rule.grant(&self.council, centre).1 == IDENTIFIED
            && rule.form(&self.council, reader, &self.places(reader), None) == IDENTIFIED
    }
}

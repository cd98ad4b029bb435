//! Draws an episode from a seed: a council and the acts that follow, each chosen with an eye on what
//! has happened so far, so that most of them do something.

use std::collections::BTreeSet;

mod advise;

use super::acts::{Act, Item, Mark, Narrow, Posted, Report, Step, Thing};
use super::council::{Council, Kind, Level, Person, Scheme, Standing, TLPS, random_scheme};
use super::model::{Model, State};
use super::seed::Seed;

/// One run of the machine, as data.
#[derive(Clone, Debug)]
pub struct Episode {
    pub seed: u64,
    pub council: Council,
    pub steps: Vec<Step>,
    /// Before whom the two hubs of the twin run must be the same.
    pub reader: String,
}

const SECOND: i64 = 1_000_000;
/// Notes refer to things of numbers below this.
const REFERRED: usize = 2;
const HOUR: i64 = 3600 * SECOND;

/// Draws an episode of so many acts; `start` is its first instant.
pub fn episode(number: u64, steps: usize, start: i64) -> Episode {
    let mut seed = Seed::new(number);
    let council = Council::draw(&mut seed);
    let mut drawing = Drawing {
        model: Model::new(council.clone(), start),
        at: 0,
        seed,
    };
    let mut list = Vec::with_capacity(steps);
    for number in 0..steps {
        let act = drawing.act();
        drawing.at += match act {
            Act::Wait => HOUR + drawing.seed.below(40) as i64 * HOUR,
            _ => SECOND + drawing.seed.below(5) as i64 * SECOND,
        };
        let step = Step {
            number,
            at: drawing.at,
            act,
        };
        drawing.model.pass(step.at);
        drawing.model.apply(&step);
        list.push(step);
    }
    let people = &drawing.model.council.people;
    let reader = match drawing.seed.below(12) {
        0 => super::model::ANYBODY.to_owned(),
        _ => drawing.seed.pick(people).unwrap().id.clone(),
    };
    Episode {
        seed: number,
        council,
        steps: list,
        reader,
    }
}

pub(super) struct Drawing {
    model: Model,
    at: i64,
    seed: Seed,
}

impl Drawing {
    /// The act that comes next. A new kind of act gets a line here.
    fn act(&mut self) -> Act {
        match self.seed.below(128) {
            0..28 => self.post(),
            28..44 => self.report(),
            44..52 => self.revision(),
            52..70 => self.vote(),
            70..76 => self.withdraw(),
            76..81 => self.narrow(),
            81..84 => self.answer(),
            84..89 => self.council(),
            89..92 => Act::Restart,
            100..108 => self.advise(),
            108..113 => self.pass_on(),
            113..122 => self.say(),
            122..128 => self.delete(),
            _ => Act::Wait,
        }
    }

    /// Some hours, and a fraction of a second that no other instant has.
    fn instant(&mut self, hours: u64) -> i64 {
        HOUR + self.seed.below(hours * 3600) as i64 * SECOND
            + 1000 * (1 + self.seed.below(999) as i64)
    }

    fn publisher(&mut self) -> Person {
        let publishers: Vec<Person> = self
            .model
            .council
            .people
            .iter()
            .filter(|person| person.roles.contains("publisher") && person.body != "centre")
            .cloned()
            .collect();
        self.seed.pick(&publishers).unwrap().clone()
    }

    fn post(&mut self) -> Act {
        let person = self.publisher();
        let count = 1 + self.seed.below(3) as usize;
        let mut objects: Vec<Posted> = Vec::new();
        for _ in 0..count {
            let object = self.object(&person);
            // One envelope names each id once: which of two comes first is another matter.
            if objects.iter().all(|other| other.id() != object.id()) {
                objects.push(object);
            }
        }
        Act::Post {
            by: person.id,
            objects,
        }
    }

    fn object(&mut self, person: &Person) -> Posted {
        let thing = [
            Thing::Indicator,
            Thing::Domain,
            Thing::Note,
            Thing::Indicator,
        ][self.seed.below(4) as usize];
        // Few ids, so that sources meet under them.
        let number = self.seed.below(4) as usize;
        let rev = self.seed.below(3) as u32;
        // GAP: what notes refer to says one thing alone; of two contents under one id a reader has one
        // as a stand-in, and with it what refers to that.
        let variant = u32::from(number >= REFERRED && self.seed.one_in(3));
        let body = self.model.council.find(&person.body).unwrap().clone();
        let scheme = self.model.scheme_of(&body, self.at).unwrap().clone();
        let mark = match self.seed.below(12) {
            0 => Mark::Nothing,
            1 => Mark::Unknown,
            2..6 => Mark::Level(
                scheme.id.clone(),
                self.seed.pick(&scheme.levels).unwrap().name.clone(),
            ),
            6 | 7 => Mark::Tlp(1),
            _ => Mark::Tlp(self.seed.below(TLPS.len() as u64) as usize),
        };
        let refs = match thing {
            Thing::Note => (0..1 + self.seed.below(2))
                .map(|_| {
                    let domain = self.seed.one_in(3);
                    let thing = if domain {
                        Thing::Domain
                    } else {
                        Thing::Indicator
                    };
                    (thing, self.seed.below(REFERRED as u64) as usize)
                })
                .collect::<BTreeSet<_>>()
                .into_iter()
                .collect(),
            _ => Vec::new(),
        };
        Posted {
            thing,
            number,
            rev,
            variant,
            mark,
            refs,
        }
    }

    fn report(&mut self) -> Act {
        let person = self.publisher();
        Act::Report(Box::new(self.report_of(&person, None)))
    }

    fn report_of(&mut self, person: &Person, replaces: Option<usize>) -> Report {
        if person.body == "centre" {
            return self.advisory(person, replaces);
        }
        let council = self.model.council.clone();
        let body = council.find(&person.body).unwrap().clone();
        let scheme = self.model.scheme_of(&body, self.at).unwrap().clone();
        let ceptoar = self.model.ceptoar_of(&body);
        let sector = match body.kind {
            Kind::Operator => body.sectors.first().unwrap().clone(),
            _ => format!("s-{}", body.id),
        };
        let operators: Vec<String> = council
            .bodies
            .iter()
            .filter(|other| other.ceptoars.contains(&ceptoar))
            .map(|other| other.id.clone())
            .collect();
        let operator = match body.kind {
            Kind::Operator => None,
            _ if self.seed.one_in(2) => self.seed.pick(&operators).cloned(),
            _ => None,
        };
        let sectors: Vec<String> = council
            .bodies
            .iter()
            .filter(|other| other.kind == Kind::Ceptoar)
            .map(|other| format!("s-{}", other.id))
            .collect();
        let useful = (0..self.seed.below(3))
            .filter_map(|_| self.seed.pick(&sectors).cloned())
            .collect();
        let named = self.seed.one_in(8).then(|| {
            let people = 1 + self.seed.below(4);
            (0..people)
                .filter_map(|_| self.seed.pick(&council.people))
                .map(|who| who.id.clone())
                .collect()
        });
        let level =
            (!self.seed.one_in(8)).then(|| self.seed.pick(&scheme.levels).unwrap().name.clone());
        let part = level
            .as_ref()
            .filter(|_| replaces.is_none() && self.seed.one_in(2))
            .and_then(|level| self.part_of(&scheme, level));
        let not_before = self.seed.one_in(12).then(|| self.at + self.instant(30));
        Report {
            by: person.id.clone(),
            replaces,
            kind: if self.seed.one_in(2) {
                "incident_cause"
            } else {
                "best_practice"
            },
            scheme: scheme.id,
            level,
            sector,
            operator,
            useful,
            named,
            not_before,
            not_after: self
                .seed
                .one_in(10)
                .then(|| not_before.unwrap_or(self.at) + self.instant(60)),
            strips: self.seed.one_in(6),
            part,
            advice: None,
        }
    }

    /// A level for a part of what is under another. GAP: only such as take the part from some readers
    /// and turn nobody's form, under schemes that stay as they are; and what has a part is neither
    /// revised nor narrowed by its source.
    fn part_of(&mut self, scheme: &Scheme, whole: &str) -> Option<String> {
        let named = |name: &str| scheme.levels.iter().find(|level| level.name == name);
        let whole = named(whole).filter(|_| scheme.id.starts_with('S'))?;
        let fits = |part: &&Level| {
            let columns = whole.columns.iter().zip(&part.columns);
            part.tlp > whole.tlp
                && columns
                    .into_iter()
                    .all(|(whole, part)| part.0 == 0 || part.1 >= whole.1)
        };
        let levels: Vec<&Level> = scheme.levels.iter().filter(fits).collect();
        Some(self.seed.pick(&levels)?.name.clone())
    }

    fn revision(&mut self) -> Act {
        let reports: Vec<(usize, String)> = self
            .model
            .versions
            .iter()
            .filter(|version| version.part.is_none())
            .filter_map(|version| match version.item {
                Item::Report(first) => Some((first, version.body.clone())),
                Item::Object(..) => None,
            })
            .collect();
        let Some((first, body)) = self.seed.pick(&reports).cloned() else {
            return self.report();
        };
        let people: Vec<Person> = self
            .model
            .council
            .people
            .iter()
            .filter(|person| person.body == body && person.roles.contains("publisher"))
            .cloned()
            .collect();
        match self.seed.pick(&people).cloned() {
            Some(person) => Act::Report(Box::new(self.report_of(&person, Some(first)))),
            None => self.report(),
        }
    }

    /// An item that was accepted, and one of those who may change it.
    fn owned(&mut self) -> Option<(Item, String)> {
        let items: Vec<Item> = self
            .model
            .versions
            .iter()
            .map(|version| version.item.clone())
            .collect();
        let on = self.seed.pick(&items)?.clone();
        let owners = self.model.owners(&on);
        let by = self.seed.pick(&owners)?.id.clone();
        Some((on, by))
    }

    fn withdraw(&mut self) -> Act {
        let Some((on, by)) = self.owned() else {
            return self.post();
        };
        let versions = self.model.own(&by, &on).unwrap().len();
        let only = self
            .seed
            .one_in(2)
            .then(|| 1 + self.seed.below(versions as u64) as usize);
        Act::Withdraw {
            by,
            on,
            only,
            recall: self.seed.one_in(2),
        }
    }

    /// By its source mostly, and by whoever else tries.
    fn delete(&mut self) -> Act {
        let objects: Vec<Item> = self
            .model
            .versions
            .iter()
            .filter(|version| version.posted.is_some())
            .map(|version| version.item.clone())
            .collect();
        let Some(on) = self.seed.pick(&objects).cloned() else {
            return self.post();
        };
        let owners = self.model.owners(&on);
        let others = self.publisher();
        let by = match self.seed.pick(&owners) {
            Some(owner) if !self.seed.one_in(5) => owner.id.clone(),
            _ => others.id,
        };
        let which = [None, Some("all"), Some("first"), Some("last")][self.seed.below(4) as usize];
        Act::Delete { by, on, which }
    }

    fn narrow(&mut self) -> Act {
        let Some((on, by)) = self.owned() else {
            return self.post();
        };
        let mut versions = self.model.versions.iter();
        if versions.any(|version| version.item == on && version.part.is_some()) {
            return self.post();
        }
        let mut act = Narrow {
            by,
            on,
            level: None,
            named: None,
            not_after: None,
        };
        match self.seed.below(5) {
            0 => {
                let people = &self.model.council.people;
                let named = (0..6).filter_map(|_| self.seed.pick(people));
                act.named = Some(named.map(|who| who.id.clone()).collect());
            }
            1 => act.not_after = Some(self.at + self.instant(40)),
            _ => {
                let levels = self.model.levels(&act.on);
                act.level = self.seed.pick(&levels).cloned();
            }
        }
        Act::Narrow(act)
    }

    /// A reader's word on what it was told or has.
    fn answer(&mut self) -> Act {
        let people = &self.model.council.people;
        let by = self.seed.pick(people).unwrap().id.clone();
        let taken = self.seed.pick(&self.model.taken).cloned();
        if let (Some(taken), true) = (taken, self.seed.one_in(2)) {
            let on = self.model.versions[taken.at].item.clone();
            return Act::Acknowledge {
                by,
                on,
                of: taken.step,
            };
        }
        let seen = self.model.view(&by, self.at);
        let items: Vec<Item> = seen
            .iter()
            .map(|seen| self.model.versions[seen.at].item.clone())
            .collect();
        match self.seed.pick(&items).cloned() {
            Some(on) => Act::Accept { by, on },
            None => self.post(),
        }
    }

    fn vote(&mut self) -> Act {
        let held: Vec<Item> = self
            .model
            .versions
            .iter()
            .filter(|version| version.state == State::Held)
            .map(|version| version.item.clone())
            .collect();
        let Some(on) = self.seed.pick(&held).cloned() else {
            return self.post();
        };
        let able: Vec<String> = self
            .model
            .council
            .people
            .iter()
            .filter(|person| self.model.request(person, &on).is_some())
            .map(|person| person.id.clone())
            .collect();
        match self.seed.pick(&able).cloned() {
            Some(by) => Act::Vote {
                by,
                on,
                yes: !self.seed.one_in(8),
            },
            None => self.post(),
        }
    }

    /// One change of the council's file.
    fn council(&mut self) -> Act {
        let mut council = self.model.council.clone();
        let what = match self.seed.below(8) {
            0 | 1 => {
                let at = self.seed.below(council.people.len() as u64) as usize;
                let person = &mut council.people[at];
                let role =
                    ["analyst", "poc", "ot_lead", "member"][self.seed.below(4) as usize].to_owned();
                let gone = person.roles.remove(&role);
                if !gone {
                    person.roles.insert(role.clone());
                }
                format!(
                    "{} {} {role}",
                    person.id,
                    if gone { "loses" } else { "gains" }
                )
            }
            2 => {
                let ceptoars = ["alpha", "bravo", "carol"];
                let to = ceptoars[self.seed.below(3) as usize].to_owned();
                let mut operators: Vec<_> = council
                    .bodies
                    .iter_mut()
                    .filter(|body| body.kind == Kind::Operator)
                    .collect();
                let at = self.seed.below(operators.len() as u64) as usize;
                let body = &mut operators[at];
                body.ceptoars = vec![to.clone()];
                format!("{} moves to {to}", body.id)
            }
            3 => {
                let at = self.seed.below(council.bodies.len() as u64) as usize;
                let body = &mut council.bodies[at];
                body.stores_in_japan = !body.stores_in_japan;
                format!("{} stores in Japan: {}", body.id, body.stores_in_japan)
            }
            4 => {
                let at = self.seed.below(3) as usize;
                let mut ceptoars: Vec<_> = council
                    .bodies
                    .iter_mut()
                    .filter(|body| body.kind == Kind::Ceptoar)
                    .collect();
                let body = &mut ceptoars[at];
                body.standing = match body.standing {
                    Standing::Member => {
                        [Standing::Pending, Standing::Attendee][self.seed.below(2) as usize]
                    }
                    _ => Standing::Member,
                };
                format!("{} is {:?}", body.id, body.standing)
            }
            5 => {
                let version = 1 + council
                    .schemes
                    .iter()
                    .filter(|scheme| scheme.id == "R1")
                    .map(|scheme| scheme.version)
                    .max()
                    .unwrap();
                let effective =
                    ["2026-11-22", "2026-11-24", "2026-11-27"][self.seed.below(3) as usize];
                let scheme = random_scheme(&mut self.seed, "R1", version, effective);
                council.schemes.push(scheme);
                format!("R1 version {version} from {effective}")
            }
            _ => {
                council.charter.0 += 1;
                if self.seed.one_in(2) {
                    let policy = self.seed.below(4) as usize;
                    council.charter.2 = (policy < 3).then_some(policy);
                    return Act::Council(
                        Box::new(council),
                        format!("the charter's policy is {policy}"),
                    );
                }
                council.charter.1 = !council.charter.1;
                format!("the charter stores in Japan: {}", council.charter.1)
            }
        };
        Act::Council(Box::new(council), what)
    }
}

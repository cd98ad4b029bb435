//! Readers in classes: all that a decision on an audience may depend on, before and after a change,
//! with who falls into each. Two people of one class see the same of every item, their own desk aside.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::rc::Rc;

use chrono::{DateTime, Utc};

use crate::council::Directory;
use crate::handling::{
    Audience, BodyId, Capability, Channel, Form, Place, PrincipalId, Reader, Seat,
};

/// A class of readers, by number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Class(pub usize);

/// In what form a class sees an item: on the hub's pages, and as a copy of its own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Sight {
    pub looks: Option<Form>,
    pub takes: Option<Form>,
}

/// A reader without name and seats; `None` is not in the directory.
type Kind = Option<(Vec<Place>, Capability)>;

/// For each class whether it looks and whether it takes.
pub(super) type Admitted = Rc<Vec<(bool, bool)>>;

struct Person {
    class: Class,
    body: BodyId,
}

pub(super) struct Classes {
    /// Before and after, without seats; `None` is not in the directory.
    readers: Vec<(Option<Reader>, Option<Reader>)>,
    bodies: Vec<BTreeMap<BodyId, usize>>,
    people: Vec<Person>,
    of_body: BTreeMap<BodyId, Vec<usize>>,
    seats: HashMap<Seat, BTreeMap<usize, (bool, bool)>>,
    asked: HashMap<(Audience, bool), Admitted>,
    decisions: u64,
}

impl Classes {
    /// Sorts everyone in either directory into classes. A principal whom an audience names is a
    /// class of its own.
    pub fn new<'a>(
        old: &Directory,
        new: &Directory,
        audiences: impl Iterator<Item = &'a Audience>,
        at: DateTime<Utc>,
    ) -> Self {
        let named = named_in(audiences);
        let mut classes = Self {
            readers: Vec::new(),
            bodies: Vec::new(),
            people: Vec::new(),
            of_body: BTreeMap::new(),
            seats: HashMap::new(),
            asked: HashMap::new(),
            decisions: 0,
        };
        let mut known: HashMap<(Kind, Kind, Option<PrincipalId>), Class> = HashMap::new();
        let mut place = |body: BodyId, id: &PrincipalId, both: [Option<Reader>; 2]| {
            let [before, after] = both;
            let kind = |reader: &Option<Reader>| {
                reader
                    .as_ref()
                    .map(|reader| (reader.places.clone(), reader.capability))
            };
            let key = (
                kind(&before),
                kind(&after),
                named.contains(id).then(|| id.clone()),
            );
            let person = classes.people.len();
            for (reader, is) in [(&before, false), (&after, true)] {
                for seat in reader.iter().flat_map(|reader| &reader.seats) {
                    let held = classes.seats.entry(seat.clone()).or_default();
                    let held = held.entry(person).or_default();
                    if is {
                        held.1 = true;
                    } else {
                        held.0 = true;
                    }
                }
            }
            let class = *known.entry(key).or_insert_with(|| {
                let seatless = |reader: Option<Reader>| {
                    reader.map(|reader| Reader {
                        seats: BTreeSet::new(),
                        ..reader
                    })
                };
                classes.readers.push((seatless(before), seatless(after)));
                classes.bodies.push(BTreeMap::new());
                Class(classes.readers.len() - 1)
            });
            if let Some(bodies) = classes.bodies.get_mut(class.0) {
                *bodies.entry(body.clone()).or_default() += 1;
            }
            classes
                .of_body
                .entry(body.clone())
                .or_default()
                .push(person);
            classes.people.push(Person { class, body });
        };
        let ids: BTreeSet<&PrincipalId> = old
            .principals()
            .chain(new.principals())
            .map(|principal| &principal.id)
            .collect();
        for id in ids {
            let (was, is) = (old.principal(id), new.principal(id));
            let reader = |directory: &Directory, principal: Option<&crate::council::Principal>| {
                principal.and_then(|principal| directory.reader(principal, at))
            };
            // Who moves to another body is counted where they are afterwards.
            if let Some(principal) = is.or(was) {
                place(
                    principal.body.clone(),
                    id,
                    [reader(old, was), reader(new, is)],
                );
            }
        }
        let anybody = Reader::anybody();
        place(
            BodyId::anybody(),
            &anybody.principal.clone(),
            [Some(anybody.clone()), Some(anybody)],
        );
        classes
    }

    pub fn len(&self) -> usize {
        self.readers.len()
    }

    pub fn all(&self) -> impl Iterator<Item = Class> + use<> {
        (0..self.readers.len()).map(Class)
    }

    /// The bodies of a class, with how many of each.
    pub fn bodies(&self, class: Class) -> impl Iterator<Item = (&BodyId, usize)> {
        let bodies = self.bodies.get(class.0);
        bodies.into_iter().flatten().map(|(body, n)| (body, *n))
    }

    pub fn person(&self, person: usize) -> Option<(Class, &BodyId)> {
        self.people
            .get(person)
            .map(|person| (person.class, &person.body))
    }

    /// Who holds a seat, before and after.
    pub fn seated(&self, seat: &Seat) -> impl Iterator<Item = (usize, bool, bool)> {
        let held = self.seats.get(seat);
        held.into_iter()
            .flatten()
            .map(|(person, (was, is))| (*person, *was, *is))
    }

    /// People of a body who fall into any of these classes.
    pub fn people_of(&self, body: &BodyId, classes: &BTreeSet<Class>) -> Vec<usize> {
        let people = self.of_body.get(body).into_iter().flatten().copied();
        people
            .filter(|person| {
                self.person(*person)
                    .is_some_and(|(class, _)| classes.contains(&class))
            })
            .collect()
    }

    /// Which classes an audience admits, before or after; the gate is asked once.
    pub fn admitted(&mut self, audience: &Audience, before: bool, at: DateTime<Utc>) -> Admitted {
        let key = (audience.clone(), before);
        if let Some(known) = self.asked.get(&key) {
            return Rc::clone(known);
        }
        let answers: Vec<(bool, bool)> = self
            .readers
            .iter()
            .map(|(old, new)| {
                let reader = if before { old } else { new };
                reader.as_ref().map_or((false, false), |reader| {
                    (
                        audience.admits(reader, Channel::Console, at),
                        audience.admits(reader, Channel::Taxii, at),
                    )
                })
            })
            .collect();
        self.decisions += 2 * answers.len() as u64;
        let answers = Rc::new(answers);
        self.asked.insert(key, Rc::clone(&answers));
        answers
    }

    /// The same of an audience that may be a part of others, which `known` finds by their numbers, as
    /// far as `less` leaves of those it is split from.
    pub fn admitted_among<'a>(
        &mut self,
        audience: &Audience,
        known: &dyn Fn(&i64) -> Option<&'a Audience>,
        less: &dyn Fn(&Audience) -> Option<Audience>,
        (before, at): (bool, DateTime<Utc>),
    ) -> Admitted {
        let when = (before, at);
        let nobody = || Rc::new(vec![(false, false); self.readers.len()]);
        let Audience::Part { of, with, without } = audience else {
            return match less(audience) {
                Some(left) => self.admitted(&left, before, at),
                None => nobody(),
            };
        };
        let Some(of) = known(of) else { return nobody() };
        let mut sum: Vec<_> = self.admitted_among(of, known, less, when).to_vec();
        let as_is = |audience: &Audience| Some(audience.clone());
        for (list, wanted) in with
            .iter()
            .map(|list| (list, true))
            .chain(without.iter().map(|list| (list, false)))
        {
            let mut any = vec![(false, false); sum.len()];
            for member in list.iter().filter_map(known) {
                let more = self.admitted_among(member, known, &as_is, when);
                for (any, more) in any.iter_mut().zip(more.iter()) {
                    *any = (any.0 || more.0, any.1 || more.1);
                }
            }
            for (sum, any) in sum.iter_mut().zip(any) {
                *sum = (sum.0 && any.0 == wanted, sum.1 && any.1 == wanted);
            }
        }
        Rc::new(sum)
    }

    pub const fn decisions(&self) -> u64 {
        self.decisions
    }
}

/// Whom the audiences know by name.
fn named_in<'a>(audiences: impl Iterator<Item = &'a Audience>) -> BTreeSet<PrincipalId> {
    let mut named = BTreeSet::new();
    for audience in audiences {
        if let Audience::Readers { access, .. } = audience {
            named.extend(access.named.iter().flatten().cloned());
            let persons = access.need_to_know.iter().flat_map(|needs| &needs.persons);
            named.extend(persons.cloned());
        }
    }
    named
}

//! Who sees what in which form: the handling rule (`docs/handling.md`) as one naive function over a
//! plain list of what was accepted. It shares no code with the product and knows nothing of
//! audiences, stamps, entries or pages; where it and the hub disagree, one of them is wrong.

use std::collections::{BTreeMap, BTreeSet};

use super::acts::{Act, Item, Mark, Posted, Report, Step, Thing, report_token};
use super::council::{Body, Council, Grant, Kind, Level, Person, Scheme, Standing};

/// Whoever reads without logging in.
pub const ANYBODY: &str = "anybody";

const ANONYMISED: u8 = 1;
const IDENTIFIED: u8 = 2;

/// What decides who may read, for concrete bodies.
#[derive(Clone, Debug, PartialEq)]
pub struct Access {
    tlp: usize,
    grants: BTreeMap<String, Grant>,
    sectors: BTreeSet<String>,
    persons: BTreeSet<String>,
    named: Option<BTreeSet<String>>,
    stores_in_japan: bool,
    keeps_days: u32,
    not_after: Option<i64>,
    /// What a rendition hides: attribution, profile, strings.
    attribution: &'static str,
    anonymise: BTreeSet<String>,
    strips: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    Held,
    Released,
    Refused,
    Superseded,
}

/// One accepted version of one item.
#[derive(Clone, Debug)]
pub struct Version {
    pub item: Item,
    pub step: usize,
    pub token: String,
    /// The STIX id and the object, where one was posted.
    pub posted: Option<(Thing, String, String)>,
    /// Which version is the later: a report's counter, an object's own `modified`.
    rank: (u32, usize),
    pub by: String,
    pub body: String,
    operator: Option<String>,
    ceptoar: String,
    access: Access,
    asked: BTreeMap<String, u8>,
    votes: Vec<(String, String, bool)>,
    pub state: State,
    holds_inside: bool,
    embargo: bool,
    /// Released at the desk, inside, outside.
    sides: [bool; 3],
    /// Forms made for inside and outside.
    forms: [BTreeSet<u8>; 2],
}

impl Version {
    /// An object's own version.
    pub fn revision(&self) -> u64 {
        u64::from(self.rank.0)
    }
}

/// What a reader has of one version.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Seen {
    pub token: String,
    pub step: usize,
    pub at: usize,
    pub identified: bool,
    pub desk: bool,
    pub live: bool,
    /// What else of it is told.
    pub detail: String,
}

/// What the hub answers an act with, as far as the rule says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    Nothing,
    Taken(Vec<bool>),
    Refused,
}

#[derive(Clone, Debug)]
pub struct Model {
    pub council: Council,
    pub versions: Vec<Version>,
    start: i64,
}

impl Model {
    pub fn new(council: Council, start: i64) -> Self {
        Self {
            council,
            versions: Vec::new(),
            start,
        }
    }

    fn day(&self, at: i64) -> String {
        let at = chrono::DateTime::from_timestamp_micros(self.start + at).unwrap();
        at.format("%Y-%m-%d").to_string()
    }

    /// Whose rules apply to what a body sends.
    pub fn ceptoar_of(&self, body: &Body) -> String {
        body.ceptoars.first().unwrap_or(&body.id).clone()
    }

    /// The scheme under which a body's items are handled.
    pub fn scheme_of(&self, body: &Body, at: i64) -> Option<&Scheme> {
        let ceptoar = self.council.find(&self.ceptoar_of(body))?;
        self.council.scheme(ceptoar.scheme.as_ref()?, &self.day(at))
    }

    pub fn apply(&mut self, step: &Step) -> Outcome {
        match &step.act {
            Act::Wait | Act::Restart => Outcome::Nothing,
            Act::Council(council, _) => {
                self.council = council.as_ref().clone();
                Outcome::Nothing
            }
            Act::Report(report) => self.report(step, report),
            Act::Post { by, objects } => {
                if !self
                    .council
                    .person(by)
                    .is_some_and(|who| who.roles.contains("publisher"))
                {
                    return Outcome::Refused;
                }
                // What a poster may see is looked up once for the whole envelope.
                let seen = self.view(by, step.at);
                let taken = objects
                    .iter()
                    .map(|object| self.post(step, by, object, &seen))
                    .collect();
                Outcome::Taken(taken)
            }
            Act::Vote { by, on, yes } => self.vote(by, on, *yes),
        }
    }

    fn report(&mut self, step: &Step, report: &Report) -> Outcome {
        let person = self.council.person(&report.by).unwrap().clone();
        let item = Item::Report(report.replaces.unwrap_or(step.number));
        if !person.roles.contains("publisher") {
            return Outcome::Refused;
        }
        let before: Vec<usize> = self.of(&item);
        if report.replaces.is_some() {
            // Whoever revises must read the present version at the desk, and belong to its body.
            let own = before
                .last()
                .is_some_and(|at| self.versions[*at].body == person.body);
            let now = step.at;
            let present = before.last().is_some_and(|at| {
                let version = &self.versions[*at];
                version.access.not_after.is_none_or(|until| now < until)
            });
            if !own || !present {
                return Outcome::Refused;
            }
        }
        let body = self.council.find(&person.body).unwrap().clone();
        let scheme = self.scheme_of(&body, step.at).unwrap().clone();
        let (level, unmarked) = match &report.level {
            Some(name) => (
                scheme.levels.iter().find(|level| level.name == *name),
                false,
            ),
            None => (
                scheme
                    .levels
                    .iter()
                    .find(|level| level.name == scheme.default_level),
                true,
            ),
        };
        let Some(level) = level else {
            return Outcome::Refused;
        };
        let mut sectors = report.useful.clone();
        sectors.insert(report.sector.clone());
        let operator = report
            .operator
            .clone()
            .or((body.kind == Kind::Operator).then(|| body.id.clone()));
        let mut version = self.version(item, step, &person, &body, operator, level, sectors);
        version.token = report_token(step.number);
        version.rank = (before.len() as u32, step.number);
        let access = &mut version.access;
        access.strips = report.strips;
        if let (Some(named), Some(_)) = (&report.named, &report.level) {
            access.named = Some(named.clone());
            access.persons.clone_from(named);
        }
        if report.level.is_some() {
            access.not_after = report.not_after;
            version.embargo = report.not_before.is_some_and(|from| step.at < from);
        }
        self.accept(version, unmarked && scheme.holds_unmarked);
        Outcome::Taken(vec![true])
    }

    fn post(&mut self, step: &Step, by: &str, object: &Posted, seen: &[Seen]) -> bool {
        let person = self.council.person(by).unwrap().clone();
        let body = self.council.find(&person.body).unwrap().clone();
        let scheme = self.scheme_of(&body, step.at).unwrap().clone();
        let named = |name: &str| scheme.levels.iter().find(|level| level.name == name);
        let next_stricter = |tlp: usize| {
            let least = scheme.levels.iter().filter(|level| level.tlp >= tlp);
            least.min_by_key(|level| level.tlp)
        };
        let (level, holds) = match &object.mark {
            Mark::Nothing => (named(&scheme.default_level), scheme.holds_unmarked),
            Mark::Unknown => (scheme.levels.iter().max_by_key(|level| level.tlp), true),
            Mark::Tlp(tlp) => (next_stricter(*tlp), false),
            Mark::Level(of, name) if *of == scheme.id => (named(name), false),
            // Another scheme's level that is in force is refused; one that is not is not known.
            Mark::Level(..) => (None, false),
        };
        let Some(level) = level else { return false };
        let id = object.id();
        let item = Item::Object(body.id.clone(), id.clone());
        let text = object.object().to_string();
        let content = |object: &Posted| match object.thing {
            Thing::Domain => object.token(), // its markings are not its content
            _ => object.object().to_string(),
        };
        let earlier = self.of(&item);
        for at in &earlier {
            let version = &self.versions[*at];
            let (_, _, before) = version.posted.as_ref().unwrap();
            let same = match object.thing {
                Thing::Domain => version.token == content(object),
                _ => *before == text,
            };
            if same {
                return true; // no news
            }
            if object.thing != Thing::Domain && version.rank.0 == object.rev {
                return false; // STIX 3.6
            }
        }
        if earlier.is_empty() && object.thing != Thing::Domain {
            let others: Vec<u32> = seen
                .iter()
                .filter(|seen| seen.identified)
                .map(|seen| &self.versions[seen.at])
                .filter(|version| version.posted.as_ref().is_some_and(|(_, of, _)| *of == id))
                .map(|version| version.rank.0)
                .collect();
            if !others.is_empty() && !others.contains(&object.rev) {
                return false; // STIX 3.5: visibly another's
            }
        }
        let sectors = self.sectors_of(&body);
        let operator = (body.kind == Kind::Operator).then(|| body.id.clone());
        let mut version = self.version(item, step, &person, &body, operator, level, sectors);
        version.token = object.token();
        let rank = if object.thing == Thing::Domain {
            0
        } else {
            object.rev
        };
        version.rank = (rank, self.versions.len());
        version.posted = Some((object.thing, id, text));
        self.accept(version, holds);
        true
    }

    fn sectors_of(&self, body: &Body) -> BTreeSet<String> {
        match body.kind {
            Kind::Operator => body.sectors.clone(),
            _ => BTreeSet::from([format!("s-{}", body.id)]),
        }
    }

    #[allow(
        clippy::too_many_arguments,
        reason = "one call for reports, one for objects"
    )]
    fn version(
        &self,
        item: Item,
        step: &Step,
        person: &Person,
        body: &Body,
        operator: Option<String>,
        level: &Level,
        sectors: BTreeSet<String>,
    ) -> Version {
        let ceptoar = self.ceptoar_of(body);
        let own = self.council.find(&ceptoar).unwrap();
        let mut grants = BTreeMap::new();
        for each in &self.council.bodies {
            let Some(column) = column(each, own) else {
                continue;
            };
            let (depth, form) = level.columns[column];
            let members = self
                .council
                .bodies
                .iter()
                .any(|other| other.ceptoars.contains(&each.id));
            let depth = if members { depth } else { depth.min(2) };
            grants.insert(each.id.clone(), (depth, form));
        }
        if level.tlp == 0 {
            let (depth, form) = level.columns[5];
            grants.insert(ANYBODY.to_owned(), (depth.min(2), form));
        }
        let leaves = grants
            .iter()
            .any(|(body, (depth, _))| *body != ceptoar && *depth > 0);
        let mut asked = BTreeMap::new();
        if leaves {
            for (who, mode) in &level.approvals {
                let concrete = match who.split_once('.') {
                    None => format!("{}.source", operator.as_ref().unwrap_or(&body.id)),
                    Some((_, role)) => format!("{ceptoar}.{role}"),
                };
                let entry = asked.entry(concrete).or_insert(*mode);
                *entry = (*entry).max(*mode);
            }
        }
        Version {
            item,
            step: step.number,
            token: String::new(),
            posted: None,
            rank: (0, 0),
            by: person.id.clone(),
            body: body.id.clone(),
            operator,
            ceptoar,
            access: Access {
                tlp: level.tlp,
                grants,
                sectors,
                persons: BTreeSet::new(),
                named: None,
                stores_in_japan: level.storage_jp_only || self.council.charter.1,
                keeps_days: level.retention_min_days,
                not_after: None,
                attribution: level.attribution,
                anonymise: level.anonymise.clone(),
                strips: false,
            },
            asked,
            votes: Vec::new(),
            state: State::Held,
            holds_inside: false,
            embargo: false,
            sides: [true, false, false],
            forms: [BTreeSet::new(), BTreeSet::new()],
        }
    }

    /// GAP: words of objects that several sources posted with other contents under one id and
    /// version. Of two contents the one that is released later, and was posted first, gets no
    /// rendition to stand in for it, so a reader of both may have only one.
    pub fn contested(&self) -> BTreeSet<String> {
        let mut contents: BTreeMap<(&str, u64), BTreeMap<&str, &str>> = BTreeMap::new();
        for version in &self.versions {
            if let Some((thing, id, text)) = &version.posted {
                let content = if *thing == Thing::Domain {
                    &version.token
                } else {
                    text
                };
                contents
                    .entry((id, version.revision()))
                    .or_default()
                    .insert(content, &version.token);
            }
        }
        let several = contents.into_values().filter(|group| group.len() > 1);
        several
            .flat_map(|group| group.into_values().map(str::to_owned))
            .collect()
    }

    /// The newest version that a body has posted under an id.
    pub fn newest_rev(&self, body: &str, id: &str) -> Option<u32> {
        let of = self.of(&Item::Object(body.to_owned(), id.to_owned()));
        of.into_iter().map(|at| self.versions[at].rank.0).max()
    }

    /// The versions of one item, in the order they were accepted.
    fn of(&self, item: &Item) -> Vec<usize> {
        (0..self.versions.len())
            .filter(|at| self.versions[*at].item == *item)
            .collect()
    }

    fn accept(&mut self, mut version: Version, holds_inside: bool) {
        if holds_inside {
            let poc = version
                .asked
                .entry(format!("{}.poc", version.ceptoar))
                .or_insert(2);
            *poc = (*poc).max(2);
        }
        version.holds_inside = holds_inside || version.embargo;
        let before = self.of(&version.item);
        let newest = before
            .iter()
            .copied()
            .max_by_key(|at| self.versions[*at].rank);
        let late = newest.is_some_and(|at| self.versions[at].rank > version.rank);
        if late {
            version.access.join(&self.versions[newest.unwrap()].access);
        }
        for (side, forms) in version.forms.iter_mut().enumerate() {
            let here = version.access.grants.iter();
            let here = here.filter(|(body, (depth, _))| {
                *depth > 0 && (side == 0) == (**body == version.ceptoar)
            });
            *forms = here.map(|(_, (_, form))| *form).collect();
        }
        if !late {
            for at in before {
                let older = &mut self.versions[at];
                if older.state == State::Held {
                    older.state = State::Superseded;
                }
                let was = older.access.clone();
                older.access.join(&version.access);
                let hides_more = was.attribution != older.access.attribution
                    || was.anonymise != older.access.anonymise
                    || was.strips != older.access.strips;
                if hides_more {
                    older.forms.iter_mut().for_each(|forms| {
                        forms.remove(&ANONYMISED);
                    });
                }
            }
        }
        let held = version.holds_inside || !version.asked.is_empty();
        version.state = if held { State::Held } else { State::Released };
        version.sides = [true, !version.holds_inside, !held];
        self.versions.push(version);
    }

    /// What a request for consent would be answered for, and in whose name.
    pub fn request(&self, by: &Person, on: &Item) -> Option<(usize, String)> {
        let same = |version: &Version| match (on, &version.item) {
            (Item::Object(_, id), Item::Object(_, other)) => id == other,
            (one, other) => one == other,
        };
        (0..self.versions.len())
            .rev()
            .filter(|at| self.versions[*at].state == State::Held && same(&self.versions[*at]))
            .find_map(|at| Some((at, self.open_requests(at, by).pop()?)))
    }

    /// In whose names a person may still answer for a version.
    fn open_requests(&self, at: usize, by: &Person) -> Vec<String> {
        let version = &self.versions[at];
        let answered = |who: &str| {
            version
                .votes
                .iter()
                .any(|(of, name, _)| of == who && *name == by.id)
        };
        let asked = version
            .asked
            .keys()
            .filter(|who| self.answers_for(by, who) && !answered(who));
        asked.cloned().collect()
    }

    fn answers_for(&self, by: &Person, approver: &str) -> bool {
        let (body, role) = approver.split_once('.').unwrap();
        let operator = self
            .council
            .find(&by.body)
            .is_some_and(|body| body.kind == Kind::Operator);
        let sends = by.roles.contains("publisher") || by.roles.contains("poc");
        let source = sends || operator && reads_as_member(by);
        !by.service && by.body == body && (by.roles.contains(role) || role == "source" && source)
    }

    fn vote(&mut self, by: &str, on: &Item, yes: bool) -> Outcome {
        let person = self.council.person(by).unwrap().clone();
        let Some((at, approver)) = self.request(&person, on) else {
            return Outcome::Nothing;
        };
        let version = &mut self.versions[at];
        if version.by == by {
            return Outcome::Refused; // never the own item
        }
        version.votes.push((approver, by.to_owned(), yes));
        if version.votes.iter().any(|(_, _, yes)| !yes) {
            version.state = State::Refused;
            return Outcome::Taken(vec![true]);
        }
        let heard = |who: &String| version.votes.iter().any(|(of, ..)| of == who);
        let two: BTreeSet<&String> = version
            .asked
            .iter()
            .filter(|(_, mode)| **mode == 3)
            .map(|(who, _)| who)
            .collect();
        let people: BTreeSet<&String> = version
            .votes
            .iter()
            .filter(|(of, ..)| two.contains(of))
            .map(|(_, name, _)| name)
            .collect();
        let agreed = version.asked.keys().all(heard) && (two.is_empty() || people.len() > 1);
        if agreed && !version.embargo {
            version.state = State::Released;
            version.sides = [true, true, true];
        }
        Outcome::Taken(vec![true])
    }

    /// Everything one reader has, before anything is counted as one.
    pub fn view(&self, reader: &str, now: i64) -> Vec<Seen> {
        let mut all = Vec::new();
        for (at, version) in self.versions.iter().enumerate() {
            if version.access.not_after.is_some_and(|until| now >= until) {
                continue;
            }
            let (side, form) = if self.at_desk(reader, version) {
                (0, IDENTIFIED)
            } else {
                let places = self.places(reader);
                let side = if places.iter().any(|place| place.0 == version.ceptoar) {
                    1
                } else {
                    2
                };
                let form = version.access.form(
                    &self.council,
                    reader,
                    &places,
                    (side == 1).then_some(&version.ceptoar),
                );
                if !version.sides[side] || form == 0 || !version.forms[side - 1].contains(&form) {
                    continue;
                }
                (side, form)
            };
            let later = self.of(&version.item).into_iter().any(|other| {
                let other = &self.versions[other];
                other.rank > version.rank && other.sides[side]
            });
            // What it binds its reader to, and at the desk where it stands.
            let access = &version.access;
            let mut detail = format!(
                "{} {} {}",
                access.tlp, access.stores_in_japan, access.keeps_days
            );
            if side == 0 {
                detail.push_str(&format!(" {:?} {:?}", version.state, version.votes));
            }
            all.push(Seen {
                token: version.token.clone(),
                step: version.step,
                at,
                identified: form == IDENTIFIED,
                desk: side == 0,
                live: !later,
                detail,
            });
        }
        all
    }

    /// The requests that wait for a person: token and approver.
    pub fn waiting(&self, reader: &str) -> Vec<(String, String)> {
        let Some(person) = self.council.person(reader) else {
            return Vec::new();
        };
        let mut all = Vec::new();
        for (at, version) in self.versions.iter().enumerate() {
            if version.state == State::Held {
                all.extend(
                    self.open_requests(at, person)
                        .into_iter()
                        .map(|who| (version.token.clone(), who)),
                );
            }
        }
        all.sort();
        all
    }

    fn at_desk(&self, reader: &str, version: &Version) -> bool {
        let Some(person) = self.council.person(reader) else {
            return false;
        };
        let publishes = person.roles.contains("publisher");
        let of_operator = version.operator.as_ref() == Some(&person.body)
            && (publishes || reads_as_member(person));
        publishes && person.body == version.body
            || of_operator
            || version
                .asked
                .keys()
                .any(|who| self.answers_for(person, who))
    }

    /// Where a reader belongs: body, and how far in (1 its point of contact, 2 analyst, 3 member).
    fn places(&self, reader: &str) -> Vec<(String, u8)> {
        let Some(person) = self.council.person(reader) else {
            return vec![(ANYBODY.to_owned(), 2)];
        };
        let body = self.council.find(&person.body).unwrap();
        if body.kind == Kind::Operator {
            let of = if reads_as_member(person) {
                body.ceptoars.clone()
            } else {
                Vec::new()
            };
            return of.into_iter().map(|ceptoar| (ceptoar, 3)).collect();
        }
        if body.standing == Standing::Attendee {
            return Vec::new();
        }
        let reach = if person.roles.contains("poc") { 1 } else { 2 };
        let reads = person.roles.contains("poc") || person.roles.contains("analyst");
        reads
            .then(|| (body.id.clone(), reach))
            .into_iter()
            .collect()
    }
}

fn reads_as_member(person: &Person) -> bool {
    ["member", "analyst", "poc"]
        .iter()
        .any(|role| person.roles.contains(*role))
}

/// The README's first table of bodies.
fn column(body: &Body, own: &Body) -> Option<usize> {
    if body.id == own.id {
        return Some(0);
    }
    match (body.kind, body.standing) {
        (Kind::Operator, _) | (_, Standing::Attendee) => None,
        (Kind::Ceptoar, Standing::Member) => Some(1),
        (Kind::Ceptoar | Kind::Agency, _) => Some(5),
        (Kind::Centre, _) => Some(2),
        (Kind::Ministry, _) if own.ministry.as_ref() == Some(&body.id) => Some(3),
        (Kind::Ministry, _) => Some(4),
    }
}

impl Access {
    /// The form for a reader, 0 for nothing. `only` is the body whose grant counts, where one does.
    fn form(
        &self,
        council: &Council,
        reader: &str,
        places: &[(String, u8)],
        only: Option<&String>,
    ) -> u8 {
        let person = council.person(reader);
        let body = person.and_then(|person| council.find(&person.body));
        if self
            .named
            .as_ref()
            .is_some_and(|named| !named.contains(reader))
        {
            return 0;
        }
        let (stores, keeps) =
            body.map_or((false, 0), |body| (body.stores_in_japan, body.keeps_days));
        if self.stores_in_japan && !stores || self.keeps_days > keeps {
            return 0; // may look, and gets no copy
        }
        let form_at = |(place, reach): &(String, u8)| {
            let (depth, form) = self.grants.get(place).copied().unwrap_or((0, 0));
            let needs = body.is_some_and(|body| !body.sectors.is_disjoint(&self.sectors))
                || self.persons.contains(reader);
            let admitted = match reach {
                1 => depth >= 1,
                2 => depth >= 2,
                _ => depth == 4 || depth == 3 && needs,
            };
            let clear = place != ANYBODY || self.tlp == 0;
            if admitted && clear { form } else { 0 }
        };
        let places = places
            .iter()
            .filter(|(place, _)| only.is_none_or(|only| only == place));
        places.map(form_at).max().unwrap_or(0)
    }

    /// The stricter of both, dimension by dimension.
    fn join(&mut self, other: &Self) {
        self.tlp = self.tlp.max(other.tlp);
        let bodies: Vec<String> = self.grants.keys().cloned().collect();
        for body in bodies {
            let (depth, form) = other.grants.get(&body).copied().unwrap_or((0, 0));
            let mine = self.grants.get_mut(&body).unwrap();
            *mine = (mine.0.min(depth), mine.1.min(form));
        }
        self.sectors = self.sectors.intersection(&other.sectors).cloned().collect();
        self.persons = self.persons.intersection(&other.persons).cloned().collect();
        self.named = match (&self.named, &other.named) {
            (Some(one), Some(two)) => Some(one.intersection(two).cloned().collect()),
            (one, two) => one.clone().or(two.clone()),
        };
        self.stores_in_japan |= other.stores_in_japan;
        self.keeps_days = self.keeps_days.max(other.keeps_days);
        self.not_after = match (self.not_after, other.not_after) {
            (Some(one), Some(two)) => Some(one.min(two)),
            (one, two) => one.or(two),
        };
        let order = ["name_ok", "pseudonym", "sector_only", "withheld"];
        let rank = |word| order.iter().position(|known| *known == word);
        if rank(other.attribution) > rank(self.attribution) {
            self.attribution = other.attribution;
        }
        self.anonymise = self.anonymise.union(&other.anonymise).cloned().collect();
        self.strips |= other.strips;
    }
}

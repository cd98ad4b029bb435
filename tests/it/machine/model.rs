//! Who sees what in which form: the handling rule (`docs/handling.md`) as one naive function over a
//! plain list of what was accepted. It shares no code with the product and knows nothing of
//! audiences, stamps, entries or pages; where it and the hub disagree, one of them is wrong.

use std::collections::{BTreeMap, BTreeSet};

mod boards;
mod charter;
mod narrower;
mod post;
mod sees;
mod time;
mod version;

use super::acts::{Act, Advice, Item, Report, Step, Thing, report_token};
use super::council::{Body, Council, Grant, Kind, Level, Person, REPLY_HOURS, Scheme};
pub use boards::{Arrived, Board};
pub use narrower::Taken;
use sees::reads_as_member;
use version::join_modes;

/// Whoever reads without logging in.
pub const ANYBODY: &str = "anybody";

const ANONYMISED: u8 = 1;
const IDENTIFIED: u8 = 2;

/// What decides who may read, for concrete bodies.
#[derive(Clone, Debug, PartialEq)]
pub struct Access {
    tlp: usize,
    /// What each column gives, of each source's CEPTOAR that has a say; who stands in which column is
    /// looked up when somebody asks.
    columns: Vec<(String, [Grant; 6])>,
    sectors: BTreeSet<String>,
    persons: BTreeSet<String>,
    named: Option<BTreeSet<String>>,
    stores_in_japan: bool,
    keeps_days: u32,
    /// The CEPTOARs that have passed it on, where it goes through them.
    through: Option<BTreeSet<String>>,
    /// Whether whoever reads without a login may: not what is forbidden to somebody.
    public: bool,
    /// The smallest count that may be told of it.
    k: u32,
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
    Expired,
    Withdrawn,
    Recalled,
}

/// One accepted version of one item.
#[derive(Clone, Debug)]
pub struct Version {
    pub item: Item,
    pub step: usize,
    pub token: String,
    /// The STIX id and the object, where one was posted.
    pub posted: Option<(Thing, String, String)>,
    /// What the object refers to.
    refs: Vec<(Thing, String)>,
    /// Which version is the later: a report's counter, an object's own `modified`.
    rank: (u32, usize),
    pub by: String,
    pub body: String,
    operator: Option<String>,
    ceptoar: String,
    /// The scheme, its version and the level under which it was accepted.
    scheme: (String, u32),
    level: String,
    /// Whose consent its rule asks for, whether it had to be asked or not.
    approvals: BTreeMap<String, u8>,
    /// Who acknowledged and accepted, as steps.
    answers: Vec<usize>,
    /// Which body's people said what of it.
    said: Vec<(String, usize, &'static str)>,
    /// What makes it an advisory.
    pub advice: Option<Advice>,
    /// As the charter's policies know it.
    kind: &'static str,
    /// Whether its rule is another than it was accepted under.
    changed: bool,
    /// Gone from the desk as well.
    deleted: bool,
    access: Access,
    /// Who may have the part of it that is stricter.
    pub part: Option<Access>,
    asked: BTreeMap<String, u8>,
    votes: Vec<(String, String, bool)>,
    pub state: State,
    holds_inside: bool,
    embargo: bool,
    /// Released at the desk, inside, outside.
    sides: [bool; 3],
    /// Forms made for inside and outside.
    forms: [BTreeSet<u8>; 2],
    /// Forms there are at all.
    made: BTreeSet<u8>,
    /// Whether a correction dropped its renditions for good.
    dropped: bool,
    /// The rule when it went inside and outside: what is narrowed later shows where the form stays.
    out: [Option<Access>; 2],
    /// Who has until when to reply, and who let it pass where that is consent.
    due: BTreeMap<String, i64>,
    lapsed: BTreeSet<String>,
    /// What no reply means: release, ask the superior, refuse.
    no_reply: u8,
    /// Whose superior answers too, and whether that one's time runs.
    escalated: BTreeMap<String, (String, bool)>,
    not_before: i64,
}

/// What a reader has of one version.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Seen {
    pub token: String,
    pub step: usize,
    pub at: usize,
    /// As its source sent it, references and all.
    pub identified: bool,
    /// As its source sent it but for references to what this reader lacks.
    pub cut: bool,
    pub desk: bool,
    /// At its desk, and otherwise a rendition's reader.
    pub beside: bool,
    pub live: bool,
    /// With its stricter part, where it has one.
    pub part: bool,
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
    /// What was taken back, in the order it was.
    pub taken: Vec<Taken>,
    start: i64,
    /// Until when time was looked at.
    clock: i64,
}

impl Model {
    pub fn new(council: Council, start: i64) -> Self {
        Self {
            council,
            versions: Vec::new(),
            taken: Vec::new(),
            start,
            clock: 0,
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
                let before = std::mem::replace(&mut self.council, council.as_ref().clone());
                let today = self.day(step.at);
                self.pass_on_anew(&before);
                self.tighten_all(&before, &today, step.at);
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
            Act::Delete { by, on, which } => self.delete(step, by, on, *which),
            Act::Vote { by, on, yes } => self.vote(by, on, *yes),
            Act::Narrow(act) => self.narrow(act, step.at),
            Act::Withdraw {
                by,
                on,
                only,
                recall,
            } => self.withdraw(step.number, by, on, *only, *recall),
            Act::PassOn { by, on } => self.pass_on(by, on, step.at),
            Act::Say { by, on, what } => self.say(step.number, by, on, what, step.at),
            Act::Accept { by, on } => {
                // It says what came of it too.
                self.say(step.number, by, on, "applicable", step.at);
                Outcome::Taken(vec![true])
            }
            Act::Acknowledge { on, .. } => {
                for at in self.of(on) {
                    self.versions[at].answers.push(step.number);
                }
                Outcome::Taken(vec![true])
            }
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
            // Whoever revises belongs to the body that sent it.
            let own = before
                .last()
                .is_some_and(|at| self.versions[*at].body == person.body);
            if !own {
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
        if let Some(advice) = &report.advice {
            let known = &self.council;
            let ended = advice.ends.map(|first| self.of(&Item::Report(first)));
            let own = |list: &Vec<usize>| {
                let last = list.last().map(|at| &self.versions[*at]);
                last.is_some_and(|last| last.body == body.id && last.advice.is_some())
            };
            if !ended.is_none_or(|list| own(&list)) {
                return Outcome::Refused;
            }
            // Whom it is for needs to know, as whom it is named useful for.
            sectors.remove("");
            sectors.extend(advice.sectors.clone());
            if sectors.is_empty() {
                let all = known
                    .bodies
                    .iter()
                    .filter(|body| body.kind == Kind::Ceptoar);
                sectors = all.map(|body| format!("s-{}", body.id)).collect();
            }
        } else {
            sectors.insert(report.sector.clone());
        }
        let operator = report
            .operator
            .clone()
            .or((body.kind == Kind::Operator).then(|| body.id.clone()));
        let of = |named: &String| self.council.find(named).map(|body| &body.ceptoars);
        let ceptoar = self.ceptoar_of(&body);
        if let Some(named) = &report.operator
            && !of(named).is_some_and(|all| all.contains(&ceptoar))
        {
            return Outcome::Refused;
        }
        let mut version = self.version(
            item,
            step,
            &person,
            &body,
            operator,
            level,
            sectors,
            report.kind,
        );
        version.token = report_token(step.number);
        version.rank = (before.len() as u32, step.number);
        let access = &mut version.access;
        access.strips = report.strips;
        let direct = report.advice.as_ref().is_none_or(|advice| advice.direct);
        access.through = (!direct && access.tlp > 0).then(BTreeSet::new);
        version.advice.clone_from(&report.advice);
        let access = &mut version.access;
        if let (Some(named), Some(_)) = (&report.named, &report.level) {
            access.named = Some(named.clone());
            access.persons.clone_from(named);
        }
        if report.level.is_some() {
            access.not_after = report.not_after;
            version.embargo = report.not_before.is_some_and(|from| step.at < from);
            version.not_before = report.not_before.unwrap_or(0);
        }
        if let (Some(name), Some(_)) = (&report.part, &report.level) {
            let Some(part) = scheme.levels.iter().find(|level| level.name == *name) else {
                return Outcome::Refused;
            };
            version.divide(&self.council, part, step.at);
        }
        self.accept(version, unmarked && scheme.holds_unmarked, step.at);
        Outcome::Taken(vec![true])
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
        kind: &'static str,
    ) -> Version {
        let ceptoar = self.ceptoar_of(body);
        let access = Access {
            tlp: level.tlp,
            columns: vec![(ceptoar.clone(), level.columns)],
            sectors,
            persons: BTreeSet::new(),
            named: None,
            stores_in_japan: level.storage_jp_only || self.council.charter.1,
            keeps_days: level.retention_min_days,
            through: None,
            public: true,
            k: level.k,
            not_after: None,
            attribution: level.attribution,
            anonymise: level.anonymise.clone(),
            strips: false,
        };
        let mut access = access;
        access.under_policy(&self.council, &ceptoar, kind);
        let scheme = self.scheme_of(body, step.at).unwrap();
        let scheme = (scheme.id.clone(), scheme.version);
        let leaves = !access
            .forms(&self.council, |body| *body != ceptoar)
            .is_empty();
        let mut version = Version {
            item,
            step: step.number,
            token: String::new(),
            posted: None,
            refs: Vec::new(),
            rank: (0, 0),
            by: person.id.clone(),
            body: body.id.clone(),
            operator,
            ceptoar,
            access,
            part: None,
            scheme,
            level: level.name.clone(),
            approvals: BTreeMap::new(),
            answers: Vec::new(),
            said: Vec::new(),
            advice: None,
            kind,
            changed: false,
            deleted: false,
            made: BTreeSet::new(),
            dropped: false,
            asked: BTreeMap::new(),
            votes: Vec::new(),
            state: State::Held,
            holds_inside: false,
            embargo: false,
            sides: [true, false, false],
            forms: [BTreeSet::new(), BTreeSet::new()],
            out: [None, None],
            due: BTreeMap::new(),
            lapsed: BTreeSet::new(),
            no_reply: level.no_reply,
            escalated: BTreeMap::new(),
            not_before: 0,
        };
        version.approvals = version.approvers(level);
        let until = step.at + REPLY_HOURS * 3_600_000_000;
        version.due = version
            .approvals
            .keys()
            .map(|who| (who.clone(), until))
            .collect();
        if leaves {
            version.asked.clone_from(&version.approvals);
        }
        version
    }

    /// The versions of one item, in the order they were accepted.
    fn of(&self, item: &Item) -> Vec<usize> {
        (0..self.versions.len())
            .filter(|at| self.versions[*at].item == *item)
            .collect()
    }

    fn accept(&mut self, mut version: Version, holds_inside: bool, now: i64) {
        if holds_inside {
            let poc = version
                .asked
                .entry(format!("{}.poc", version.ceptoar))
                .or_insert(2);
            *poc = (*poc).max(2);
        }
        version.holds_inside = holds_inside;
        let before = self.of(&version.item);
        let newest = before
            .iter()
            .copied()
            .max_by_key(|at| self.versions[*at].rank);
        let late = newest.is_some_and(|at| self.versions[at].rank > version.rank);
        if late {
            // It waits for those whom the newer one's rule asks.
            let newest = &self.versions[newest.unwrap()];
            version.access.join(&newest.access);
            version.no_reply = version.no_reply.max(newest.no_reply);
            for (who, mode) in &newest.approvals {
                join_modes(&mut version.approvals, who, *mode);
            }
            let own = version.ceptoar.clone();
            if !version
                .access
                .forms(&self.council, |body| *body != own)
                .is_empty()
            {
                for (who, mode) in version.approvals.clone() {
                    join_modes(&mut version.asked, &who, mode);
                    version
                        .due
                        .entry(who)
                        .or_insert(now + REPLY_HOURS * 3_600_000_000);
                }
            }
        }
        for (side, forms) in version.forms.iter_mut().enumerate() {
            let inside = |body: &String| (side == 0) == (*body == version.ceptoar);
            *forms = version.access.forms(&self.council, inside);
            version.made.extend(forms.iter().copied());
        }
        if !late {
            for at in before {
                let older = &mut self.versions[at];
                if older.state == State::Held {
                    older.state = State::Superseded;
                }
                older.join(&self.council, &version);
            }
        }
        version.due.retain(|who, _| version.asked.contains_key(who));
        version.settle(&self.council);
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
            version.lapsed.contains(who)
                || version
                    .votes
                    .iter()
                    .any(|(of, name, _)| of == who && *name == by.id)
        };
        let asked = version
            .asked
            .keys()
            .filter(|who| self.may_answer(version, by, who) && !answered(who));
        asked.cloned().collect()
    }

    /// Whether a person is asked, or stands above who was asked and did not reply.
    pub(super) fn may_answer(&self, version: &Version, by: &Person, approver: &str) -> bool {
        let above = version.escalated.get(approver);
        self.answers_for(by, approver)
            || above.is_some_and(|(body, _)| self.answers_for(by, &format!("{body}.poc")))
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
        version.settle(&self.council);
        Outcome::Taken(vec![true])
    }
}

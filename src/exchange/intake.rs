//! What is sent, checked and resolved: where it comes from, under which level, what rule follows.
//! Nothing here writes.

use std::collections::{BTreeMap, BTreeSet};

use super::access::Caller;
use super::facts;
use super::hold::Hold;
use super::refusal::Refusal;
use crate::council::body::role;
use crate::council::resolve::Narrowing;
use crate::council::{BodyKind, Directory, Facts, Origin, Resolved, Whole, resolve};
use crate::handling::{
    ApprovalMode, Approver, Audience, BodyId, Downgrade, Form, Join, Level, PrincipalId, Rule,
    Scheme, Seat, SectorCode, Side, Tlp, Unmarked, cut,
};
use crate::report::{Kind, Report};
use chrono::{DateTime, Utc};

/// An item's handling, resolved: everything that decides where it goes.
#[derive(Clone, Debug)]
pub struct Handled {
    /// Where it comes from.
    pub origin: Origin,
    /// Scheme, version and level, in words.
    pub level: String,
    /// The rule, its conflicts and the reasons.
    pub resolved: Resolved,
    /// The rules of its parts, each joined with the whole's and those before it.
    pub parts: Vec<Rule>,
    /// What holds it.
    pub holds: Vec<Hold>,
    /// Whose consent is asked.
    pub approvals: BTreeMap<Approver, ApprovalMode>,
    /// Who reads it as submitted.
    pub desk: Vec<Audience>,
    /// Who reads it inside its CEPTOAR, in which form.
    pub inside: Vec<(Form, Audience)>,
    /// Who reads it outside, once nothing holds it.
    pub outside: Vec<(Form, Audience)>,
}

impl Handled {
    /// The forms any reader gets beside the desk.
    #[must_use]
    pub fn forms(&self) -> BTreeSet<Form> {
        let both = self.inside.iter().chain(&self.outside);
        both.map(|(form, _)| *form).collect()
    }

    /// Narrows it to what another rule also admits, once those agree whom the joined rule asks.
    pub fn narrow(&mut self, rule: &Rule, now: DateTime<Utc>) {
        let joined = self.resolved.rule.join(rule);
        self.inside = cut(&joined.access, Side::Inside(&self.origin.ceptoar));
        self.outside = cut(&joined.access, Side::Outside(&self.origin.ceptoar));
        self.resolved.rule = joined;
        self.parts = self.parts.iter().map(|part| part.join(rule)).collect();
        let embargoed = self.holds.iter().any(|hold| hold.code == Hold::EMBARGO);
        if let Some(until) = self.resolved.rule.access.not_before
            && now < until
            && !embargoed
        {
            self.holds.push(embargo(until, Vec::new()));
        }
        if self.outside.is_empty() {
            return;
        }
        for (who, mode) in &self.resolved.rule.approvals {
            if *mode != ApprovalMode::None {
                let own = self.approvals.entry(who.clone()).or_insert(*mode);
                *own = (*own).max(*mode);
            }
        }
        self.holds.retain(|hold| hold.code != Hold::APPROVAL);
        let by = self.resolved.decided_by("approvals");
        let own: Vec<&str> = own_bodies(&self.origin);
        for (who, mode) in &self.approvals {
            self.holds
                .push(Hold::consent(who, mode.word(), by.clone(), &own));
        }
        for seat in desk(&self.origin, self.approvals.keys()) {
            if !self.desk.contains(&seat) {
                self.desk.push(seat);
            }
        }
    }

    /// Whether something keeps it from its own CEPTOAR too.
    #[must_use]
    pub fn held_inside(&self) -> bool {
        self.holds.iter().any(|hold| hold.inside_too)
    }
}

/// How an item says it is to be handled.
#[derive(Clone, Debug, Default)]
pub struct Asked<'a> {
    /// Scheme and level by name; none is the default.
    pub level: Option<(&'a str, &'a str)>,
    /// A TLP label stated beside it.
    pub tlp: Option<Tlp>,
    /// Something in its marking is not known to the hub.
    pub unknown_marking: bool,
    /// What the source narrows.
    pub narrowing: Narrowing,
    /// What it is made of.
    pub wholes: Vec<Whole>,
    /// Whose points of contact must agree before anybody reads it: it re-tells what they hold.
    pub retells: BTreeSet<BodyId>,
    /// What the charter's policies ask of the item; without them, where it has policies, nobody
    /// receives it.
    pub facts: Option<Facts>,
}

impl Asked<'_> {
    /// Whether nothing says under which level it is to be handled.
    fn says_nothing(&self) -> bool {
        self.level.is_none() && self.tlp.is_none() && !self.unknown_marking
    }
}

/// Whether the caller may issue advisories.
///
/// # Errors
/// Where it may not.
pub(super) fn may_issue(caller: &Caller) -> Result<(), Refusal> {
    if caller.has(role::ADVISOR) {
        return Ok(());
    }
    Err(Refusal::Forbidden(
        "issuing an advisory needs the role `advisor`".to_owned(),
    ))
}

/// The sectors that a report concerns beside its own: those it names, and for an advisory that names
/// none, all of them.
///
/// # Errors
/// When the caller may not issue what it sends.
pub(super) fn concerned<'a>(
    caller: &'a Caller,
    report: &'a Report,
) -> Result<Vec<&'a str>, Refusal> {
    let named = report.useful_for_sectors();
    if report.kind() != Kind::Advisory {
        return Ok(named);
    }
    may_issue(caller)?;
    if named.is_empty() {
        let all = caller.directory.file().sectors.iter();
        return Ok(all.map(|sector| sector.code.as_str()).collect());
    }
    Ok(named)
}

/// Where an item of this caller comes from.
///
/// # Errors
/// When the caller may not publish, or names an operator or a sector that is not its own.
pub fn origin(
    caller: &Caller,
    operator: Option<&str>,
    sector: Option<&str>,
    useful_for: &[&str],
    now: DateTime<Utc>,
) -> Result<Origin, Refusal> {
    if !caller.has(role::PUBLISHER) && !caller.has(role::ADVISOR) {
        return Err(Refusal::Forbidden(
            "publishing needs the role `publisher`".to_owned(),
        ));
    }
    let directory = &caller.directory;
    let ceptoar = directory.ceptoar_of(&caller.body).clone();
    let operator = match operator {
        None => (caller.body.kind == BodyKind::Operator).then(|| caller.body.id.clone()),
        Some(name) => {
            let id = BodyId::from(name);
            let own = match caller.body.kind {
                BodyKind::Operator => id == caller.body.id,
                _ => directory
                    .body(&id)
                    .is_some_and(|body| body.ceptoars.contains(&ceptoar)),
            };
            if !own {
                return Err(Refusal::fault(
                    "/source_operator",
                    "report.source_operator",
                    format!(
                        "`{name}` is no operator that `{}` may report for",
                        caller.body.id
                    ),
                ));
            }
            Some(id)
        }
    };
    let own_sectors = directory.sectors_of(&caller.body, now.date_naive());
    let mut sectors = BTreeSet::new();
    match sector {
        Some(code) => {
            let code = SectorCode::from(code);
            if directory.sector(&code).is_none() {
                return Err(unknown_sector("/sector", &code));
            }
            if !own_sectors.is_empty() && !own_sectors.contains(&code) {
                return Err(Refusal::fault(
                    "/sector",
                    "report.sector",
                    format!("`{code}` is not a sector of `{}`", caller.body.id),
                ));
            }
            sectors.insert(code);
        }
        None => sectors.extend(own_sectors),
    }
    for (at, code) in useful_for.iter().enumerate() {
        let code = SectorCode::from(*code);
        if directory.sector(&code).is_none() {
            return Err(unknown_sector(&format!("/useful_for_sectors/{at}"), &code));
        }
        sectors.insert(code);
    }
    Ok(Origin {
        ceptoar,
        submitter: caller.body.id.clone(),
        operator,
        sectors,
    })
}

fn unknown_sector(pointer: &str, code: &SectorCode) -> Refusal {
    Refusal::fault(
        pointer,
        "report.sector",
        format!("`{code}` is no sector of the council"),
    )
}

/// Resolves how an item of `origin` is handled.
///
/// # Errors
/// Unknown scheme or level, another body's scheme, a level that contradicts its TLP: nothing about
/// these is guessed (law 1).
pub fn handle(
    caller: &Caller,
    origin: Origin,
    asked: &Asked<'_>,
    at: &str,
    now: DateTime<Utc>,
) -> Result<Handled, Refusal> {
    let directory = &caller.directory;
    let scheme = own_scheme(directory, (&origin.ceptoar, &origin.submitter), at, now)?;
    let resolved_as = |level: &Level, narrowing: &Narrowing| {
        let scheme = (scheme.id.as_str(), scheme.version);
        let facts = asked.facts.as_ref();
        resolve(directory, scheme, level, &origin, narrowing, facts, now)
    };
    let mut narrowing = asked.narrowing.clone();
    let mut instead = None;
    if let Some(ceiling) = ceiling_of(caller, scheme, at)? {
        let rule_of = |level: &Level| resolved_as(level, &Narrowing::default()).rule;
        let mut bound = rule_of(ceiling);
        // A looser level of its own, which age would give it, is not what bounds it.
        bound.downgrade = Downgrade::Never;
        // Unmarked, it passes under a level that gives nothing that the default does not give.
        let default = scheme.level(&scheme.default_level).map(rule_of);
        let narrower = default.is_some_and(|default| bound.join(&default) == bound);
        instead = narrower.then_some(ceiling);
        narrowing.marked = Some(Box::new(match &narrowing.marked {
            Some(marked) => marked.join(&bound),
            None => bound,
        }));
    }
    let (level, mut holds) = match instead {
        Some(ceiling) if asked.says_nothing() => (ceiling, Vec::new()),
        _ => choose(scheme, asked, at)?,
    };
    let resolved = resolved_as(level, &narrowing);
    let resolved = if asked.wholes.is_empty() {
        resolved
    } else {
        resolved.made_of(directory, &origin, &asked.wholes)
    };
    let decided_by = |dimension: &str| resolved.decided_by(dimension);
    for conflict in &resolved.conflicts {
        let message = format!("the rules that apply to the item conflict: {conflict}");
        holds.push(
            Hold::whole(conflict.to_string(), message)
                .by(conflict.dimension(), decided_by(conflict.dimension()))
                .until("one of the four ways out, or a new version"),
        );
    }
    if let Some(until) = resolved.rule.access.not_before
        && now < until
    {
        holds.push(embargo(until, decided_by("not_before")));
    }
    let inside = cut(&resolved.rule.access, Side::Inside(&origin.ceptoar));
    let outside = cut(&resolved.rule.access, Side::Outside(&origin.ceptoar));
    let mut approvals: BTreeMap<Approver, ApprovalMode> = BTreeMap::new();
    if !outside.is_empty() {
        // Approvals are for leaving the CEPTOAR; what does not leave needs none.
        let needed = resolved.rule.approvals.iter();
        approvals.extend(
            needed
                .filter(|(_, mode)| **mode != ApprovalMode::None)
                .map(|(who, mode)| (who.clone(), *mode)),
        );
    }
    for body in &asked.retells {
        let mode = approvals.entry(Approver::of(body, role::POC));
        let mode = mode.or_insert(ApprovalMode::Explicit);
        *mode = (*mode).max(ApprovalMode::Explicit);
    }
    let own = own_bodies(&origin);
    for (who, mode) in &approvals {
        let by = decided_by("approvals");
        holds.push(Hold::consent(who, mode.word(), by, &own));
    }
    if !asked.retells.is_empty() {
        let message = "it re-tells what several sources hold, and each must agree first";
        holds.push(
            Hold::whole("GENERALISATION", message)
                .until("the consent of every point of contact concerned")
                .confirmable(),
        );
    }
    if holds.iter().any(|hold| hold.inside_too && hold.confirmable) {
        let poc = Approver::of(&origin.ceptoar, role::POC);
        let mode = approvals.entry(poc).or_insert(ApprovalMode::Explicit);
        *mode = (*mode).max(ApprovalMode::Explicit);
    }
    let poc = Approver::of(&origin.ceptoar, role::POC);
    let mut concerned = vec![poc];
    concerned.extend(
        asked
            .wholes
            .iter()
            .map(|whole| Approver::of(&whole.ceptoar, role::POC)),
    );
    let conflict = !resolved.conflicts.is_empty();
    let concerned = concerned.iter().filter(|_| conflict);
    let desk = desk(&origin, approvals.keys().chain(concerned));
    Ok(Handled {
        level: format!("{} v{} {}", scheme.id, scheme.version, level.level),
        origin,
        resolved,
        parts: Vec::new(),
        holds,
        approvals,
        desk,
        inside,
        outside,
    })
}

fn embargo(until: DateTime<Utc>, decided_by: Vec<String>) -> Hold {
    Hold::whole(Hold::EMBARGO, format!("not before {until}"))
        .by("not_before", decided_by)
        .until(format!("the time: {until}"))
}

/// The bodies whose item it is.
fn own_bodies(origin: &Origin) -> Vec<&str> {
    [&origin.ceptoar, &origin.submitter]
        .into_iter()
        .chain(&origin.operator)
        .map(BodyId::as_str)
        .collect()
}

/// The scheme in force for what a CEPTOAR's body sends.
pub(super) fn own_scheme<'a>(
    directory: &'a Directory,
    (ceptoar, submitter): (&BodyId, &BodyId),
    at: &str,
    now: DateTime<Utc>,
) -> Result<&'a Scheme, Refusal> {
    let body = directory.body(submitter);
    directory
        .body(ceptoar)
        .and_then(|body| body.scheme.as_deref())
        .or_else(|| body.and_then(|body| body.scheme.as_deref()))
        .and_then(|scheme| directory.scheme(scheme, now.date_naive()))
        .ok_or_else(|| {
            Refusal::fault(
                at,
                "handling.scheme",
                format!("`{ceptoar}` has no handling scheme in force"),
            )
        })
}

/// The level that bounds everything the caller posts.
///
/// # Errors
/// Where its scheme has no such level.
pub(super) fn ceiling_of<'a>(
    caller: &Caller,
    scheme: &'a Scheme,
    at: &str,
) -> Result<Option<&'a Level>, Refusal> {
    let ceiling = caller.ceiling.as_deref();
    ceiling.map(|name| level_of(scheme, name, at)).transpose()
}

fn level_of<'a>(scheme: &'a Scheme, level: &str, at: &str) -> Result<&'a Level, Refusal> {
    scheme.level(level).ok_or_else(|| {
        let known: Vec<&str> = scheme.levels.iter().map(|l| l.level.as_str()).collect();
        let known = known.join(", ");
        let message = format!("`{level}` is no level of {}; it has {known}", scheme.id);
        Refusal::fault(format!("{at}/level"), "handling.level", message)
    })
}

/// Chooses the level. Unmarked and unknown markings hold; unknown names are refused.
fn choose<'a>(
    scheme: &'a Scheme,
    asked: &Asked<'_>,
    at: &str,
) -> Result<(&'a Level, Vec<Hold>), Refusal> {
    let none = || {
        Refusal::fault(
            at,
            "handling.level",
            format!("scheme `{}` has no level", scheme.id),
        )
    };
    if asked.unknown_marking {
        let hold = Hold::whole(
            "UNKNOWN_MARKING",
            format!(
                "a marking is not known to the hub; the strictest level of {} applies until the point of contact confirms",
                scheme.id
            ),
        )
        .by("tlp", vec![format!("{} v{}", scheme.id, scheme.version)])
        .until("the point of contact's confirmation")
        .confirmable();
        return Ok((scheme.strictest().ok_or_else(none)?, vec![hold]));
    }
    if let Some((named, level)) = asked.level {
        if named != scheme.id {
            return Err(Refusal::fault(
                format!("{at}/scheme"),
                "handling.scheme",
                format!(
                    "`{named}` is not the scheme of the source, which is {}",
                    scheme.id
                ),
            ));
        }
        let found = level_of(scheme, level, at)?;
        if let Some(tlp) = asked.tlp
            && tlp != found.tlp
        {
            return Err(Refusal::fault(
                format!("{at}/tlp"),
                "handling.tlp",
                format!("{tlp} contradicts level `{level}`, which is {}", found.tlp),
            ));
        }
        return Ok((found, Vec::new()));
    }
    if let Some(tlp) = asked.tlp {
        return scheme
            .level_for_tlp(tlp)
            .map(|level| (level, Vec::new()))
            .ok_or_else(|| {
                Refusal::fault(
                    at,
                    "handling.tlp",
                    format!("{} has no level for {tlp} nor a stricter one", scheme.id),
                )
            });
    }
    let level = scheme.level(&scheme.default_level).ok_or_else(none)?;
    let holds = match scheme.unmarked {
        Unmarked::Release => Vec::new(),
        Unmarked::Hold => vec![
            Hold::whole(
                "UNMARKED",
                format!(
                    "no handling was stated; the default `{}` applies once the point of contact confirms",
                    level.level
                ),
            )
            .by("tlp", vec![format!("{} v{} default", scheme.id, scheme.version)])
            .until("the point of contact's confirmation")
            .confirmable(),
        ],
    };
    Ok((level, holds))
}

/// The source's own desk: the submitting body's publishers, the source operator, whoever is asked.
fn desk<'a>(origin: &Origin, asked: impl Iterator<Item = &'a Approver>) -> Vec<Audience> {
    let mut seats = BTreeSet::from([Seat::Publisher {
        body: origin.submitter.clone(),
    }]);
    if let Some(operator) = &origin.operator {
        seats.insert(Seat::Source {
            body: operator.clone(),
        });
    }
    for (body, role) in asked.filter_map(Approver::parts) {
        seats.insert(Seat::Approver {
            body: BodyId::from(body),
            role: role.to_owned(),
        });
    }
    seats
        .into_iter()
        .map(|seat| Audience::Desk { seat })
        .collect()
}

/// What a report asks for itself.
///
/// # Errors
/// When its TLP is no label.
pub fn asked_by(report: &Report) -> Result<Asked<'_>, Refusal> {
    let Some(handling) = report.handling() else {
        return Ok(Asked {
            facts: Some(facts::of_report(report)),
            ..Asked::default()
        });
    };
    // A name the directory does not know admits nobody. It is not refused: that would tell a
    // publisher of one sector who works in another (law 4).
    let named = handling
        .named
        .as_ref()
        .map(|names| names.iter().map(|name| PrincipalId::from(*name)).collect());
    let tlp = match handling.tlp.map(str::parse::<Tlp>) {
        None => None,
        Some(Ok(tlp)) => Some(tlp),
        Some(Err(error)) => {
            return Err(Refusal::fault(
                "/handling/tlp",
                "handling.tlp",
                error.to_string(),
            ));
        }
    };
    Ok(Asked {
        level: handling.level,
        tlp,
        unknown_marking: false,
        narrowing: Narrowing {
            named,
            not_before: handling.not_before,
            not_after: handling.not_after,
            marked: None,
        },
        facts: Some(facts::of_report(report)),
        ..Asked::default()
    })
}

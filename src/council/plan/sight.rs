//! Who gains or loses sight of which items by a change of the council file, by the gate's own
//! decision on what the release log holds.
//!
//! Items share audiences and readers fall into few classes, so the decision is taken once for each
//! audience and class, never for each item and principal. The source's own desk, whose seats are as
//! many as the bodies, is counted person by person, and only where a seat's holders change or a
//! desk would otherwise seem to lose what it keeps.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::classes::{Admitted, Class, Classes, Sight};
use super::stricter::{in_force, narrowed, tightened};
use crate::council::{Directory, Origin, rejoin};
use crate::handling::{Audience, BodyId, Form, Join, Rule, Side, cut};

/// One version of one item, as its source knows it. No content and no title.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct ItemRef {
    /// The item's id for its source.
    pub item: String,
    /// Which version.
    pub version: i64,
}

/// On which side of its source's CEPTOAR an entry of the log stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stands {
    /// At the source's desk.
    Desk,
    /// Inside the CEPTOAR.
    Inside,
    /// Everywhere else.
    Outside,
}

/// Items that share everything sight depends on.
#[derive(Clone, Debug)]
pub struct Alike {
    /// `<scheme> v<version> <level>`.
    pub level: String,
    /// Whose items they are.
    pub ceptoar: BodyId,
    /// Their rule; instants and consents do not matter here and may be left out.
    pub rule: Rule,
    /// Which audiences read them, on which side, in which form: numbers of [`Stored::audiences`].
    pub entries: BTreeSet<(Stands, Form, i64)>,
    /// The items.
    pub items: Vec<ItemRef>,
}

/// What the release log holds, as far as sight depends on it.
#[derive(Clone, Debug, Default)]
pub struct Stored {
    /// The interned audiences.
    pub audiences: BTreeMap<i64, Audience>,
    /// The items.
    pub alike: Vec<Alike>,
}

/// What becomes of a body's sight of an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// Sees what it did not see.
    Gains,
    /// No longer sees it.
    Loses,
    /// Sees it as submitted where it saw it anonymised.
    NamedSource,
    /// Sees it anonymised where it saw it as submitted.
    Anonymised,
    /// May take a copy where it could only look.
    MayTake,
    /// May only look where it could take a copy.
    ViewOnly,
}

/// An effect on people of one body.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Share {
    /// The body; `anybody` is whoever reads without logging in.
    pub body: BodyId,
    /// What happens.
    pub effect: Effect,
    /// To how many of its people and services.
    pub people: usize,
}

/// Items for which the change has the same effects.
#[derive(Clone, Debug, Serialize)]
pub struct Change {
    /// `<scheme> v<version> <level>` they were released under.
    pub level: String,
    /// Whose items they are.
    pub ceptoar: BodyId,
    /// Whether their own rule becomes stricter, because the level's present version or the charter is.
    pub narrowed: bool,
    /// Whether the anonymised renditions must go, because more is to be stripped or less to be named.
    pub renditions_go: bool,
    /// Who is affected. Whoever sits at a source's desk keeps it as submitted and is not counted.
    pub shares: Vec<Share>,
    /// Which versions of which items.
    pub items: Vec<ItemRef>,
}

/// One body's sum.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Sum {
    /// The body.
    pub body: BodyId,
    /// What happens.
    pub effect: Effect,
    /// Of how many item versions.
    pub items: usize,
    /// To how many of its people and services, for any of these.
    pub people: usize,
}

/// Who gains or loses sight of which items.
#[derive(Clone, Debug, Serialize)]
pub struct Impact {
    /// As of when.
    pub at: DateTime<Utc>,
    /// How many item versions are in the log.
    pub items: usize,
    /// How many of them become stricter themselves.
    pub narrowed: usize,
    /// How often the gate was asked: grows with audiences and reader classes, never with items.
    pub decisions: u64,
    /// Per body and effect.
    pub bodies: Vec<Sum>,
    /// The items behind the sums.
    pub changes: Vec<Change>,
}

/// Compares who sees what before and after.
///
/// Both directories are asked as of `at`; `now` is when the old one is in force. An item's rule is
/// narrowed where a file asks more at `at` than the old one does `now` (see [`tightened`]), so for
/// `at` = `now` the left side is the log as it stands, and for a later day what becomes of it anyway.
#[must_use]
pub fn impact(
    old: &Directory,
    new: &Directory,
    stored: &Stored,
    now: DateTime<Utc>,
    at: DateTime<Utc>,
) -> Impact {
    let mut run = Run {
        old,
        new,
        stored,
        now,
        at,
        classes: Classes::new(old, new, stored.audiences.values(), at),
        laws: HashMap::new(),
        impact: Impact {
            at,
            items: 0,
            narrowed: 0,
            decisions: 0,
            bodies: Vec::new(),
            changes: Vec::new(),
        },
        sums: BTreeMap::new(),
        followed: followed(stored, (old, now.date_naive()), (new, at.date_naive())),
    };
    // Items that differ only in their desks share all but the desks.
    let mut cores: HashMap<CoreKey<'_>, Vec<&Alike>> = HashMap::new();
    for alike in &stored.alike {
        let readers: Vec<_> = alike
            .entries
            .iter()
            .filter(|(side, _, _)| *side != Stands::Desk)
            .copied()
            .collect();
        let key = (
            alike.level.as_str(),
            &alike.ceptoar,
            serde_json::to_string(&alike.rule).unwrap_or_default(),
            readers,
        );
        cores.entry(key).or_default().push(alike);
    }
    for ((_, _, _, readers), alike) in &cores {
        run.core(readers, alike);
    }
    run.finish()
}

fn followed(
    stored: &Stored,
    before: rejoin::OnDay<'_>,
    after: rejoin::OnDay<'_>,
) -> BTreeMap<i64, Audience> {
    let moved = rejoin::moved(before, after);
    let follow = |audience: &Audience| {
        audience.followed(&|access, form, need_to_know_only| {
            let changes = rejoin::regranted(access, &moved, before, after);
            rejoin::rejoined(access, form, need_to_know_only, &changes)
        })
    };
    let all = stored.audiences.iter();
    all.filter_map(|(number, audience)| Some((*number, follow(audience)?)))
        .collect()
}

type CoreKey<'a> = (&'a str, &'a BodyId, String, Vec<(Stands, Form, i64)>);

/// What each file adds to items of one level and source; `None` where it adds nothing.
#[derive(Clone, Default)]
struct Law {
    old: Option<Vec<Rule>>,
    new: Option<Vec<Rule>>,
}

/// What adds up for one body and effect.
#[derive(Default)]
struct Sums {
    items: usize,
    /// By their own seats at a desk.
    people: BTreeSet<usize>,
    /// By what they are.
    classes: BTreeSet<Class>,
}

struct Run<'a> {
    old: &'a Directory,
    new: &'a Directory,
    stored: &'a Stored,
    now: DateTime<Utc>,
    at: DateTime<Utc>,
    classes: Classes,
    laws: HashMap<(&'a str, &'a BodyId), Law>,
    impact: Impact,
    sums: BTreeMap<(BodyId, Effect), Sums>,
    /// Audiences whose members change because a body's place in the council does.
    followed: BTreeMap<i64, Audience>,
}

impl<'a> Run<'a> {
    fn law(&mut self, level: &'a str, ceptoar: &'a BodyId) -> Law {
        if let Some(law) = self.laws.get(&(level, ceptoar)) {
            return law.clone();
        }
        let origin = Origin {
            ceptoar: ceptoar.clone(),
            submitter: ceptoar.clone(),
            operator: None,
            sectors: BTreeSet::new(),
        };
        let asks = |directory: &Directory| {
            tightened(level, &origin, (self.old, self.now), (directory, self.at)).then(|| {
                let charter = directory.charter(self.at.date_naive());
                in_force(level, &origin, directory, self.at)
                    .into_iter()
                    .chain(charter.map(|(_, rule)| rule))
                    .collect()
            })
        };
        let law = Law {
            old: asks(self.old),
            new: asks(self.new),
        };
        self.laws.insert((level, ceptoar), law.clone());
        law
    }

    /// Items that differ only in their desks.
    fn core(&mut self, readers: &[(Stands, Form, i64)], alike: &[&'a Alike]) {
        let Some(first) = alike.first() else { return };
        let count: usize = alike.iter().map(|one| one.items.len()).sum();
        self.impact.items += count;
        let law = self.law(&first.level, &first.ceptoar);
        let under = |rules: &Option<Vec<Rule>>| {
            rules
                .as_ref()
                .and_then(|rules| narrowed(&first.rule, rules.iter()))
        };
        let (was, becomes) = (under(&law.old), under(&law.new));
        let further = |rules: &Option<Vec<Rule>>| {
            let rules = rules.iter().flatten();
            rules.fold(Rule::unrestricted(), |sum, rule| sum.join(rule))
        };
        let pair = (was.as_ref(), becomes.as_ref());
        let before = self.seen(
            readers,
            first,
            pair.0.map(|rule| (rule, further(&law.old))),
            true,
        );
        let after = self.seen(
            readers,
            first,
            pair.1.map(|rule| (rule, further(&law.new))),
            false,
        );
        let narrowed = becomes.is_some() && becomes != was;
        if narrowed {
            self.impact.narrowed += count;
        }
        let base = was.as_ref().unwrap_or(&first.rule);
        let renditions_go = becomes.as_ref().is_some_and(|rule| {
            rule.attribution != base.attribution || rule.anonymise != base.anonymise
        }) && readers.iter().any(|(_, form, _)| *form == Form::Anonymised);

        let mut touched: BTreeMap<Class, Effect> = BTreeMap::new();
        for class in self.classes.all() {
            let pair = (sight_of(&before, class), sight_of(&after, class));
            if let Some(effect) = effect(pair.0, pair.1) {
                touched.insert(class, effect);
            }
        }
        let mut shares: BTreeMap<(BodyId, Effect), (usize, BTreeSet<Class>)> = BTreeMap::new();
        for (class, effect) in &touched {
            for (body, people) in self.classes.bodies(*class) {
                let share = shares.entry((body.clone(), *effect)).or_default();
                share.0 += people;
                share.1.insert(*class);
            }
        }
        let mut keeps = Vec::new();
        for one in alike {
            self.desk(one, &touched, &shares, (&before, &after), &mut keeps);
        }
        for ((body, effect), (_, classes)) in &shares {
            let sum = self.sums.entry((body.clone(), *effect)).or_default();
            sum.items += count;
            sum.classes.extend(classes);
        }
        for (key, less) in keeps {
            if let Some(sum) = self.sums.get_mut(&key) {
                sum.items = sum.items.saturating_sub(less);
            }
        }
        if narrowed || !shares.is_empty() {
            let mut items: Vec<ItemRef> = alike.iter().flat_map(|one| one.items.clone()).collect();
            items.sort();
            self.impact.changes.push(Change {
                level: first.level.clone(),
                ceptoar: first.ceptoar.clone(),
                narrowed,
                renditions_go,
                shares: shares
                    .into_iter()
                    .map(|((body, effect), (people, _))| Share {
                        body,
                        effect,
                        people,
                    })
                    .collect(),
                items,
            });
        }
    }

    /// The source's desk of some items: who keeps by it what others lose, and who takes or leaves a
    /// seat.
    fn desk(
        &mut self,
        one: &'a Alike,
        touched: &BTreeMap<Class, Effect>,
        shares: &BTreeMap<(BodyId, Effect), (usize, BTreeSet<Class>)>,
        (before, after): (&[Sight], &[Sight]),
        keeps: &mut Vec<Kept>,
    ) {
        let mut held: BTreeMap<usize, (bool, bool)> = BTreeMap::new();
        for (side, _, number) in &one.entries {
            if *side != Stands::Desk {
                continue;
            }
            if let Some(Audience::Desk { seat }) = self.stored.audiences.get(number) {
                for (person, was, is) in self.classes.seated(seat) {
                    let held = held.entry(person).or_default();
                    *held = (held.0 || was, held.1 || is);
                }
            }
        }
        let mut kept: BTreeMap<(BodyId, Effect), usize> = BTreeMap::new();
        let mut moved: BTreeMap<(BodyId, Effect), BTreeSet<usize>> = BTreeMap::new();
        for (person, (was, is)) in held {
            let Some((class, body)) = self.classes.person(person) else {
                continue;
            };
            let general = touched.get(&class).copied();
            let pair = (
                at_desk(sight_of(before, class), was),
                at_desk(sight_of(after, class), is),
            );
            let own = effect(pair.0, pair.1);
            if own == general {
                continue;
            }
            if let Some(general) = general {
                *kept.entry((body.clone(), general)).or_default() += 1;
            }
            if let Some(own) = own {
                moved.entry((body.clone(), own)).or_default().insert(person);
            }
        }
        for (key, people) in kept {
            // Only where nobody else of the body is affected does the body keep sight as a whole.
            if shares.get(&key).is_some_and(|(all, _)| *all <= people) {
                keeps.push((key, one.items.len()));
            }
        }
        if moved.is_empty() {
            return;
        }
        for (key, people) in &moved {
            let sum = self.sums.entry(key.clone()).or_default();
            if !shares.contains_key(key) {
                sum.items += one.items.len();
            }
            sum.people.extend(people);
        }
        self.impact.changes.push(Change {
            level: one.level.clone(),
            ceptoar: one.ceptoar.clone(),
            narrowed: false,
            renditions_go: false,
            shares: moved
                .into_iter()
                .map(|((body, effect), people)| Share {
                    body,
                    effect,
                    people: people.len(),
                })
                .collect(),
            items: one.items.clone(),
        });
    }

    /// What each class sees of some items through their readers' audiences.
    fn seen(
        &mut self,
        readers: &[(Stands, Form, i64)],
        of: &Alike,
        narrowed: Option<(&Rule, Rule)>,
        before: bool,
    ) -> Vec<Sight> {
        let mut seen = vec![Sight::default(); self.classes.len()];
        let stored = self.stored;
        let followed = std::mem::take(&mut self.followed);
        let known = |number: &i64| {
            let moved = followed.get(number).filter(|_| !before);
            moved.or_else(|| stored.audiences.get(number))
        };
        let further = narrowed.as_ref().map(|(_, further)| &further.access);
        let mut add = |form: Form, admitted: Admitted| {
            for (sight, (looks, takes)) in seen.iter_mut().zip(admitted.iter()) {
                if *looks {
                    sight.looks = Some(sight.looks.map_or(form, |best| best.min(form)));
                }
                if *takes {
                    sight.takes = Some(sight.takes.map_or(form, |best| best.min(form)));
                }
            }
        };
        for (_, form, number) in readers {
            let Some(audience) = known(number) else {
                continue;
            };
            let less = |audience: &Audience| match further {
                None => Some(audience.clone()),
                Some(further) => audience.narrowed(further, form.word()),
            };
            let when = (before, self.at);
            let classes = &mut self.classes;
            add(*form, classes.admitted_among(audience, &known, &less, when));
        }
        self.followed = followed;
        let Some((rule, _)) = narrowed else {
            return seen;
        };
        // Who loses the original by it and may have the rendition that is there gets that.
        let entered: BTreeSet<(Stands, Form)> = readers
            .iter()
            .map(|(side, form, _)| (*side, *form))
            .collect();
        for (side, form) in entered {
            let side = match side {
                Stands::Inside => Side::Inside(&of.ceptoar),
                Stands::Outside | Stands::Desk => Side::Outside(&of.ceptoar),
            };
            for (piece_form, audience) in cut(&rule.access, side) {
                if piece_form == form {
                    add(form, self.classes.admitted(&audience, before, self.at));
                }
            }
        }
        seen
    }

    fn finish(mut self) -> Impact {
        self.impact.decisions = self.classes.decisions();
        for ((body, effect), sums) in self.sums {
            let items = sums.items;
            if items == 0 {
                continue;
            }
            let mut all = sums.people;
            all.extend(self.classes.people_of(&body, &sums.classes));
            self.impact.bodies.push(Sum {
                body,
                effect,
                items,
                people: all.len(),
            });
        }
        self.impact.changes.sort_by(|a, b| {
            (&a.ceptoar, &a.level, &a.items).cmp(&(&b.ceptoar, &b.level, &b.items))
        });
        self.impact
    }
}

/// A body whose every affected person keeps sight by sitting at the desk of so many items.
type Kept = ((BodyId, Effect), usize);

fn sight_of(seen: &[Sight], class: Class) -> Sight {
    seen.get(class.0).copied().unwrap_or_default()
}

/// At the desk an item is seen as submitted, by every channel.
const fn at_desk(sight: Sight, seated: bool) -> Sight {
    if seated {
        Sight {
            looks: Some(Form::Identified),
            takes: Some(Form::Identified),
        }
    } else {
        sight
    }
}

fn effect(before: Sight, after: Sight) -> Option<Effect> {
    if before == after {
        return None;
    }
    Some(match (before.looks, after.looks) {
        (None, _) => Effect::Gains,
        (_, None) => Effect::Loses,
        (Some(was), Some(is)) if is < was => Effect::NamedSource,
        (Some(was), Some(is)) if is > was => Effect::Anonymised,
        _ if after.takes.is_none() => Effect::ViewOnly,
        _ => Effect::MayTake,
    })
}

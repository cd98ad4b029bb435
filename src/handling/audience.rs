//! Interned audiences: a rule's readers, cut into few pieces that many items share.
//!
//! A release is entered in the log for one or more of these pieces, and a reader holds the set of
//! pieces it is in; so a membership change touches readers' sets and no item. What depends on one
//! item alone (its instants) stays with the item, and need-to-know is cut per sector, since the
//! sets of sectors that sources name would otherwise be nearly as many as the items.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::decide::{Channel, Decision, Ground, Reader, Seat, decide};
use super::dimension::Join;
use super::grants::{Depth, Form, Grant};
use super::names::{BodyId, PrincipalId};
use super::rule::{Access, NeedToKnow, Relative};

/// One interned audience.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Audience {
    /// A seat at the source's own desk.
    Desk {
        /// Which.
        #[serde(flatten)]
        seat: Seat,
    },
    /// These persons and services: whoever had something, to be told that it was taken back.
    Persons {
        /// Who.
        persons: BTreeSet<PrincipalId>,
    },
    /// Those of an audience who came to be in it late, for what is older than their coming.
    Late {
        /// Who.
        persons: BTreeSet<PrincipalId>,
        /// The audience; who leaves it leaves this one too.
        of: Box<Audience>,
    },
    /// Those whom a rule admits.
    Readers {
        /// The rule's access, reduced to one form.
        #[serde(flatten)]
        access: Access,
        /// Whether this is the need-to-know piece: members who need to know and nobody else.
        need_to_know_only: bool,
        /// Readers who also belong to this body are left out: they are served by an entry of their
        /// own inside the source's CEPTOAR, and one reader gets one entry, not two.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        except: Option<BodyId>,
    },
    /// Those of another audience who also may see a part of an item, or who may not: they read
    /// different objects of it. Audiences are named by their numbers, which are smaller than this
    /// one's own.
    Part {
        /// The audience that is split.
        of: i64,
        /// For each of these, in any of its audiences.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        with: Vec<Vec<i64>>,
        /// In none of any of these.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        without: Vec<Vec<i64>>,
    },
}

impl Audience {
    /// Whether `reader` is in this audience, as far as that follows from the reader alone: not for a
    /// [`Audience::Part`], for which [`Audience::admits_among`] asks.
    #[must_use]
    pub fn admits(&self, reader: &Reader, channel: Channel, now: DateTime<Utc>) -> bool {
        self.admits_among(reader, channel, now, &BTreeSet::new())
    }

    /// Whether `reader`, who is in the audiences of smaller numbers listed in `among`, is in this
    /// one.
    #[must_use]
    pub fn admits_among(
        &self,
        reader: &Reader,
        channel: Channel,
        now: DateTime<Utc>,
        among: &BTreeSet<i64>,
    ) -> bool {
        let any = |list: &Vec<i64>| list.iter().any(|id| among.contains(id));
        match self {
            Self::Part { of, with, without } => {
                among.contains(of) && with.iter().all(any) && !without.iter().any(any)
            }
            Self::Desk { seat } => reader.seats.contains(seat),
            Self::Persons { persons } => persons.contains(&reader.principal),
            Self::Late { persons, of } => {
                // The console shows by rank and remembers no mark: nothing is late there.
                persons.contains(&reader.principal)
                    && channel.hands_over()
                    && of.admits_among(reader, channel, now, among)
            }
            Self::Readers {
                access,
                need_to_know_only,
                except,
            } => {
                let excepted = except
                    .as_ref()
                    .is_some_and(|body| reader.places.iter().any(|place| place.body == *body));
                if excepted {
                    return false;
                }
                match decide(access, reader, channel, now) {
                    Decision::Pass { ground, .. } => {
                        *need_to_know_only == (ground == Ground::NeedToKnow)
                    }
                    Decision::Deny(_) => false,
                }
            }
        }
    }
}

/// Whether everyone in audience `inner` is certainly in audience `outer`, by their definitions; false
/// where that does not follow.
#[must_use]
pub fn within(inner: i64, outer: i64, known: &BTreeMap<i64, Audience>) -> bool {
    inner == outer
        || matches!((known.get(&inner), known.get(&outer)), (Some(a), Some(b)) if a.is_within(b, known))
}

impl Audience {
    /// The audiences that this one is made of: none but for a part, and for latecomers to one.
    #[must_use]
    pub fn members(&self) -> BTreeSet<i64> {
        match self {
            Self::Part { of, with, without } => {
                let lists = with.iter().chain(without).flatten();
                lists.chain([of]).copied().collect()
            }
            Self::Late { of, .. } => of.members(),
            Self::Desk { .. } | Self::Persons { .. } | Self::Readers { .. } => BTreeSet::new(),
        }
    }

    /// Whoever is both in this part of an audience and in another, which is that audience narrowed or
    /// a part of it; `None` for anything else.
    #[must_use]
    pub fn common(&self, other: i64, known: &BTreeMap<i64, Self>) -> Option<Self> {
        let Self::Part { of, with, without } = self else {
            return None;
        };
        let none = Vec::new();
        let (whole, also, nor) = match known.get(&other)? {
            Self::Part { of, with, without } => (*of, with, without),
            _ => (other, &none, &none),
        };
        let narrower = match (within(whole, *of, known), within(*of, whole, known)) {
            (true, _) => whole,
            (_, true) => *of,
            _ => return None,
        };
        // Who is in one of a list is in one of a longer one, and who is in none of a list in none of
        // a shorter.
        let shorter = |one: &Vec<i64>, other: &Vec<i64>| {
            one != other && one.iter().all(|id| other.contains(id))
        };
        let least = |lists: &[Vec<i64>], more: &[Vec<i64>], longest: bool| -> Vec<Vec<i64>> {
            let all: BTreeSet<Vec<i64>> = lists.iter().chain(more).cloned().collect();
            let says_less = |list: &&Vec<i64>| {
                all.iter().any(|other| {
                    let (short, long) = if longest {
                        (*list, other)
                    } else {
                        (other, *list)
                    };
                    shorter(short, long)
                })
            };
            all.iter()
                .filter(|list| !says_less(list))
                .cloned()
                .collect()
        };
        Some(Self::Part {
            of: narrower,
            with: least(with, also, false),
            without: least(without, nor, true),
        })
    }

    /// Whether everyone here is certainly in `outer`, by its definition.
    #[must_use]
    pub fn is_within(&self, outer: &Self, known: &BTreeMap<i64, Self>) -> bool {
        match (self, outer) {
            _ if self == outer => true,
            (
                Self::Part { of, with, without },
                Self::Part {
                    of: outer_of,
                    with: outer_with,
                    without: outer_without,
                },
            ) if within(*of, *outer_of, known) => {
                let any = |id: &i64, list: &[i64]| list.iter().any(|of| within(*id, *of, known));
                let has = |list: &Vec<i64>| {
                    let all = |own: &Vec<i64>| own.iter().all(|id| any(id, list));
                    with.iter().any(all)
                };
                let lacks = |id: &i64| without.iter().any(|own| any(id, own));
                outer_with.iter().all(has) && outer_without.iter().flatten().all(lacks)
            }
            (Self::Part { of, .. }, _) => {
                let of = known.get(of);
                of.is_some_and(|of| of.is_within(outer, known))
            }
            (
                Self::Late { persons, of },
                Self::Late {
                    persons: all,
                    of: outer,
                },
            ) => persons.is_subset(all) && of.is_within(outer, known),
            (Self::Late { of, .. }, _) => of.is_within(outer, known),
            (
                Self::Readers {
                    access: a,
                    need_to_know_only: a_only,
                    except: a_except,
                },
                Self::Readers {
                    access: b,
                    need_to_know_only: b_only,
                    except: b_except,
                },
            ) => {
                let both = |access: &Access| Access {
                    need_to_know: access.need_to_know.clone().filter(|_| a_only == b_only),
                    // What bodies would get that come later decides nothing now.
                    relative: Relative::Anything,
                    audience: access.audience.only(|_, _| true),
                    ..access.clone()
                };
                // Who needs to know under the one is everybody under the other only where every
                // member is.
                let every = |(body, grant): (&BodyId, Grant)| {
                    grant.is_none() || b.audience.get(body).depth() == Depth::MembersAll
                };
                let grounds = a_only == b_only || *a_only && a.audience.iter().all(every);
                let spared = b_except.is_none() || a_except == b_except;
                // A body that only the outer lists has nothing in the join, said or unsaid.
                grounds && spared && both(&both(a).join(&both(b))) == both(a)
            }
            _ => false,
        }
    }
}

impl Audience {
    /// What each body has by this audience; of a part, ask what it is split from.
    pub fn grants(&self) -> Box<dyn Iterator<Item = (&BodyId, Grant)> + '_> {
        match self {
            Self::Desk { .. } | Self::Persons { .. } | Self::Part { .. } => {
                Box::new(std::iter::empty())
            }
            Self::Late { of, .. } => of.grants(),
            Self::Readers { access, .. } => Box::new(access.audience.iter()),
        }
    }

    /// This audience after its access was changed; `None` where nothing changes. A part follows what
    /// it is split from, whose definition changes in place. The source's own CEPTOAR stands in no
    /// column towards itself that could change: what went inside alone goes to nobody else, whoever
    /// moves. `change` is given the access, the form of the entries, and whether it is the
    /// need-to-know piece.
    #[must_use]
    pub fn followed(&self, change: &dyn Fn(&Access, Form, bool) -> Option<Access>) -> Option<Self> {
        match self {
            Self::Desk { .. }
            | Self::Persons { .. }
            | Self::Part { .. }
            | Self::Readers { except: None, .. } => None,
            Self::Late { persons, of } => Some(Self::Late {
                persons: persons.clone(),
                of: Box::new(of.followed(change)?),
            }),
            Self::Readers {
                access,
                need_to_know_only,
                except,
            } => {
                let mut grants = access.audience.iter().map(|(_, grant)| grant);
                let form = grants.find(|grant| !grant.is_none())?.form();
                Some(Self::Readers {
                    access: change(access, form, *need_to_know_only)?,
                    need_to_know_only: *need_to_know_only,
                    except: except.clone(),
                })
            }
        }
    }

    /// Those of this audience whom a further rule also admits to the same form; `None` is nobody. Of
    /// a part, narrow what it is split from, and split that again.
    #[must_use]
    pub fn narrowed(&self, rule: &Access, form: &str) -> Option<Self> {
        let (access, need_to_know_only, except) = match self {
            Self::Desk { .. } | Self::Persons { .. } => return Some(self.clone()),
            Self::Part { .. } => return None,
            Self::Late { persons, of } => {
                return Some(Self::Late {
                    persons: persons.clone(),
                    of: Box::new(of.narrowed(rule, form)?),
                });
            }
            Self::Readers {
                access,
                need_to_know_only,
                except,
            } => (access, need_to_know_only, except),
        };
        let mut joined = access.join(rule);
        joined.audience = joined.audience.only(|_, grant| grant.form().word() == form);
        joined.not_before = None;
        joined.not_after = None;
        // The need-to-know piece is those who pass on that ground alone: a body whose grant now
        // stops above its members has none of them left.
        (!joined.audience.is_empty()).then_some(Self::Readers {
            access: joined,
            need_to_know_only: *need_to_know_only,
            except: except.clone(),
        })
    }
}

/// Which side of the source's CEPTOAR a release is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side<'a> {
    /// The CEPTOAR itself, released at once.
    Inside(&'a BodyId),
    /// Everyone else, released with the consents the rule asks for.
    Outside(&'a BodyId),
}

/// Cuts a rule's readers on one side into interned audiences, each with the form it gets.
#[must_use]
pub fn cut(access: &Access, side: Side<'_>) -> Vec<(Form, Audience)> {
    let mut pieces = Vec::new();
    for form in [Form::Identified, Form::Anonymised] {
        let granted = access.audience.only(|body, grant| {
            grant.form() == form
                && match side {
                    Side::Inside(own) => body == own,
                    Side::Outside(own) => body != own,
                }
        });
        if granted.is_empty() {
            continue;
        }
        let except = match side {
            Side::Inside(_) => None,
            Side::Outside(own) => Some(own.clone()),
        };
        let piece = |audience, need_to_know: NeedToKnow, need_to_know_only| Audience::Readers {
            access: Access {
                audience,
                need_to_know: Some(need_to_know),
                not_before: None,
                not_after: None,
                relative: match side {
                    Side::Inside(_) => Relative::Anything,
                    Side::Outside(_) => access.relative.clone(),
                },
                ..access.clone()
            },
            need_to_know_only,
            except: except.clone(),
        };
        pieces.push((form, piece(granted.clone(), NeedToKnow::default(), false)));

        let with_members = granted.only(|_, grant| grant.depth() == Depth::MembersNtk);
        if with_members.is_empty() {
            continue;
        }
        let Some(needs) = &access.need_to_know else {
            continue; // nobody is named as needing to know: no member passes (law 1)
        };
        for sector in &needs.sectors {
            let one = NeedToKnow {
                sectors: BTreeSet::from([sector.clone()]),
                persons: BTreeSet::new(),
            };
            pieces.push((form, piece(with_members.clone(), one, true)));
        }
        if !needs.persons.is_empty() {
            let persons = NeedToKnow {
                sectors: BTreeSet::new(),
                persons: needs.persons.clone(),
            };
            pieces.push((form, piece(with_members, persons, true)));
        }
    }
    pieces
}

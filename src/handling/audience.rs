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
use super::names::BodyId;
use super::rule::{Access, NeedToKnow};

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
    if inner == outer {
        return true;
    }
    let (Some(a), Some(b)) = (known.get(&inner), known.get(&outer)) else {
        return false;
    };
    match (a, b) {
        (
            Audience::Part { of, with, without },
            Audience::Part {
                of: outer_of,
                with: outer_with,
                without: outer_without,
            },
        ) if within(*of, *outer_of, known) => {
            let has = |list: &Vec<i64>| {
                with.iter()
                    .any(|own| own.iter().all(|id| list.contains(id)))
            };
            let lacks = |id: &i64| without.iter().any(|own| own.contains(id));
            outer_with.iter().all(has) && outer_without.iter().flatten().all(lacks)
        }
        (Audience::Part { of, .. }, _) => within(*of, outer, known),
        (
            Audience::Readers {
                access: a,
                need_to_know_only: a_only,
                except: a_except,
            },
            Audience::Readers {
                access: b,
                need_to_know_only: b_only,
                except: b_except,
            },
        ) => {
            let both = |access: &Access| Access {
                need_to_know: access.need_to_know.clone().filter(|_| a_only == b_only),
                ..access.clone()
            };
            // Who needs to know under the one is everybody under the other only where every member is.
            let every = |(body, grant): (&BodyId, Grant)| {
                grant.is_none() || b.audience.get(body).depth() == Depth::MembersAll
            };
            let grounds = a_only == b_only || *a_only && a.audience.iter().all(every);
            let spared = b_except.is_none() || a_except == b_except;
            grounds && spared && both(a).join(&both(b)) == both(a)
        }
        _ => false,
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

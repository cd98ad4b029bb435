//! Interned audiences: a rule's readers, cut into few pieces that many items share.
//!
//! A release is entered in the log for one or more of these pieces, and a reader holds the set of
//! pieces it is in; so a membership change touches readers' sets and no item. What depends on one
//! item alone (its instants) stays with the item, and need-to-know is cut per sector, since the
//! sets of sectors that sources name would otherwise be nearly as many as the items.

use std::collections::BTreeSet;

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
}

impl Audience {
    /// Whether `reader` is in this audience.
    #[must_use]
    pub fn admits(&self, reader: &Reader, channel: Channel, now: DateTime<Utc>) -> bool {
        match self {
            Self::Desk { seat } => reader.seats.contains(seat),
            Self::Persons { persons } => persons.contains(&reader.principal),
            Self::Late { persons, of } => {
                // The console shows by rank and remembers no mark: nothing is late there.
                persons.contains(&reader.principal)
                    && channel.hands_over()
                    && of.admits(reader, channel, now)
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

impl Audience {
    /// What each body has by this audience.
    pub fn grants(&self) -> Box<dyn Iterator<Item = (&BodyId, Grant)> + '_> {
        match self {
            Self::Desk { .. } | Self::Persons { .. } => Box::new(std::iter::empty()),
            Self::Late { of, .. } => of.grants(),
            Self::Readers { access, .. } => Box::new(access.audience.iter()),
        }
    }

    /// This audience after its access was changed; `None` where nothing changes. `change` is given
    /// the access, the form of the entries, and whether it is the need-to-know piece.
    #[must_use]
    pub fn followed(&self, change: &dyn Fn(&Access, Form, bool) -> Option<Access>) -> Option<Self> {
        match self {
            Self::Desk { .. } | Self::Persons { .. } => None,
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

    /// Those of this audience whom a further rule also admits to the same form; `None` is nobody.
    #[must_use]
    pub fn narrowed(&self, rule: &Access, form: &str) -> Option<Self> {
        let (access, need_to_know_only, except) = match self {
            Self::Desk { .. } | Self::Persons { .. } => return Some(self.clone()),
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

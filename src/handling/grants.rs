//! Which body may read, how deep inside it, and in what form.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::dimension::Join;
use super::names::BodyId;

/// How deep inside a body an item goes, loose to strict.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Depth {
    /// Also the people and services of every member operator.
    MembersAll,
    /// Also those of member operators that need to know.
    MembersNtk,
    /// Also the body's analysts.
    Analyst,
    /// The body's points of contact.
    Poc,
    /// Nobody.
    None,
}

/// What a reader gets, loose to strict.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Form {
    /// The source's bytes, exactly.
    Identified,
    /// A rendition that never carries the source's identity.
    Anonymised,
    /// Nothing.
    None,
}

impl Form {
    /// The word used in rules and answers.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Identified => "identified",
            Self::Anonymised => "anonymised",
            Self::None => "none",
        }
    }
}

impl Depth {
    /// Every depth, loose to strict.
    pub const ALL: [Self; 5] = [
        Self::MembersAll,
        Self::MembersNtk,
        Self::Analyst,
        Self::Poc,
        Self::None,
    ];

    /// The word used in rules and answers.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::MembersAll => "members_all",
            Self::MembersNtk => "members_ntk",
            Self::Analyst => "analyst",
            Self::Poc => "poc",
            Self::None => "none",
        }
    }
}

/// One body's share: depth and form.
///
/// INVARIANT: depth none ⇔ form none; the fields are private so that [`Grant::new`] keeps it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(from = "RawGrant")]
pub struct Grant {
    depth: Depth,
    form: Form,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawGrant {
    depth: Depth,
    form: Form,
}

impl From<RawGrant> for Grant {
    fn from(raw: RawGrant) -> Self {
        Self::new(raw.depth, raw.form)
    }
}

impl Grant {
    /// Nothing for nobody.
    pub const NONE: Self = Self {
        depth: Depth::None,
        form: Form::None,
    };
    /// Everything for everybody in the body.
    pub const WIDEST: Self = Self {
        depth: Depth::MembersAll,
        form: Form::Identified,
    };

    /// A grant; either half being none makes the whole none, since half a grant would have to be
    /// guessed at (law 1).
    #[must_use]
    pub fn new(depth: Depth, form: Form) -> Self {
        if depth == Depth::None || form == Form::None {
            Self::NONE
        } else {
            Self { depth, form }
        }
    }

    /// How deep.
    #[must_use]
    pub const fn depth(self) -> Depth {
        self.depth
    }

    /// In what form.
    #[must_use]
    pub const fn form(self) -> Form {
        self.form
    }

    /// Whether nobody in the body may read.
    #[must_use]
    pub fn is_none(self) -> bool {
        self.depth == Depth::None
    }

    /// Whether `self` gives nothing that `bound` does not give.
    #[must_use]
    pub fn within(self, bound: Self) -> bool {
        self.depth >= bound.depth && self.form >= bound.form
    }
}

impl Join for Grant {
    fn join(&self, other: &Self) -> Self {
        Self::new(self.depth.max(other.depth), self.form.max(other.form))
    }
}

/// The audience of a rule: a grant per concrete body.
///
/// A body that is not listed has nothing: an empty audience is nobody (law 1). The only exception
/// is [`Grants::unrestricted`], the identity of the join, which no file or API can express.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Grants {
    bodies: BTreeMap<BodyId, Grant>,
    #[serde(skip, default = "nothing")]
    unlisted: Grant,
}

const fn nothing() -> Grant {
    Grant::NONE
}

impl Default for Grants {
    fn default() -> Self {
        Self {
            bodies: BTreeMap::new(),
            unlisted: Grant::NONE,
        }
    }
}

impl Grants {
    /// No restriction: the identity of the join, for a charter that says nothing on audience.
    #[must_use]
    pub const fn unrestricted() -> Self {
        Self {
            bodies: BTreeMap::new(),
            unlisted: Grant::WIDEST,
        }
    }

    /// What `body` may have.
    #[must_use]
    pub fn get(&self, body: &BodyId) -> Grant {
        self.bodies.get(body).copied().unwrap_or(self.unlisted)
    }

    /// Sets one body's grant.
    pub fn set(&mut self, body: BodyId, grant: Grant) {
        self.bodies.insert(body, grant);
    }

    /// The bodies listed, with their grants, those with none included.
    pub fn iter(&self) -> impl Iterator<Item = (&BodyId, Grant)> {
        self.bodies.iter().map(|(body, grant)| (body, *grant))
    }

    /// Whether no listed body may read.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.unlisted.is_none() && self.bodies.values().all(|grant| grant.is_none())
    }

    /// Only the grants for which `keep` holds; the rest becomes nothing.
    #[must_use]
    pub fn only(&self, keep: impl Fn(&BodyId, Grant) -> bool) -> Self {
        Self {
            bodies: self
                .iter()
                .filter(|(body, grant)| !grant.is_none() && keep(body, *grant))
                .map(|(body, grant)| (body.clone(), grant))
                .collect(),
            unlisted: Grant::NONE,
        }
    }
}

impl FromIterator<(BodyId, Grant)> for Grants {
    fn from_iter<I: IntoIterator<Item = (BodyId, Grant)>>(pairs: I) -> Self {
        Self {
            bodies: pairs.into_iter().collect(),
            unlisted: Grant::NONE,
        }
    }
}

impl Join for Grants {
    fn join(&self, other: &Self) -> Self {
        let bodies = self
            .bodies
            .keys()
            .chain(other.bodies.keys())
            .map(|body| (body.clone(), self.get(body).join(&other.get(body))))
            .collect();
        Self {
            bodies,
            unlisted: self.unlisted.join(&other.unlisted),
        }
    }
}

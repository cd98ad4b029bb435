//! Which body may read, how deep inside it, and in what form.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::fmt;
use std::hash::{BuildHasherDefault, Hash, Hasher};
use std::sync::{Arc, OnceLock};

use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

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
///
/// A decision looks one body up, a join walks through all of them in order: so the list is sorted,
/// and has an index beside it from its first question on. Copies share both.
#[derive(Clone)]
pub struct Grants {
    listed: Arc<Listed>,
    unlisted: Grant,
}

#[derive(Clone, Default)]
struct Listed {
    /// INVARIANT: sorted by body, and each body once.
    bodies: Vec<(BodyId, Grant)>,
    /// The same by body, once asked for. INVARIANT: whoever changes `bodies` changes this too.
    index: OnceLock<HashMap<BodyId, Grant, Hashing>>,
}

/// Names come from the council's own file, so their hash need not withstand an attacker: it is as
/// fast as it can be.
type Hashing = BuildHasherDefault<NameHasher>;

#[derive(Clone, Default)]
struct NameHasher(u64);

impl Hasher for NameHasher {
    fn write(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks::<8>();
        for word in words {
            self.write_u64(u64::from_le_bytes(*word));
        }
        let mut last = [0; 8];
        for (to, from) in last.iter_mut().zip(rest) {
            *to = *from;
        }
        self.write_u64(u64::from_le_bytes(last));
    }

    fn write_u8(&mut self, _: u8) {} // what ends a text; the map compares the texts themselves

    fn write_u64(&mut self, word: u64) {
        // The folded product mixes every bit of the word into both ends, which the map uses.
        let product = u128::from(self.0 ^ word ^ 0x9e37_79b9_7f4a_7c15) * 0xd6e8_feb8_6659_fd93;
        self.0 = (product as u64) ^ ((product >> 64) as u64);
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

impl Listed {
    fn sorted(bodies: Vec<(BodyId, Grant)>) -> Self {
        Self {
            bodies,
            index: OnceLock::new(),
        }
    }

    fn get(&self, body: &BodyId) -> Option<Grant> {
        let all = || self.bodies.iter().cloned().collect();
        self.index.get_or_init(all).get(body).copied()
    }
}

impl Default for Grants {
    fn default() -> Self {
        Self {
            listed: Arc::default(),
            unlisted: Grant::NONE,
        }
    }
}

impl Grants {
    /// No restriction: the identity of the join, for a charter that says nothing on audience.
    #[must_use]
    pub fn unrestricted() -> Self {
        Self {
            listed: Arc::default(),
            unlisted: Grant::WIDEST,
        }
    }

    /// What `body` may have.
    #[must_use]
    pub fn get(&self, body: &BodyId) -> Grant {
        self.listed.get(body).unwrap_or(self.unlisted)
    }

    /// What is listed for `body`, if it is listed at all.
    #[must_use]
    pub fn listed(&self, body: &BodyId) -> Option<Grant> {
        self.listed.get(body)
    }

    /// Sets one body's grant. To make a whole audience, collect it.
    pub fn set(&mut self, body: BodyId, grant: Grant) {
        let listed = Arc::make_mut(&mut self.listed);
        if let Some(index) = listed.index.get_mut() {
            index.insert(body.clone(), grant);
        }
        match listed.bodies.binary_search_by(|(id, _)| id.cmp(&body)) {
            Ok(at) => {
                if let Some((_, mine)) = listed.bodies.get_mut(at) {
                    *mine = grant;
                }
            }
            Err(at) => listed.bodies.insert(at, (body, grant)),
        }
    }

    /// The bodies listed, with their grants, those with none included, in the order of their names.
    pub fn iter(&self) -> impl Iterator<Item = (&BodyId, Grant)> + Clone {
        self.listed
            .bodies
            .iter()
            .map(|(body, grant)| (body, *grant))
    }

    /// Whether no listed body may read.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.unlisted.is_none() && self.iter().all(|(_, grant)| grant.is_none())
    }

    /// Only the grants for which `keep` holds; the rest becomes nothing.
    #[must_use]
    pub fn only(&self, keep: impl Fn(&BodyId, Grant) -> bool) -> Self {
        let kept = self
            .iter()
            .filter(|(body, grant)| !grant.is_none() && keep(body, *grant))
            .map(|(body, grant)| (body.clone(), grant));
        Self {
            listed: Arc::new(Listed::sorted(kept.collect())),
            unlisted: Grant::NONE,
        }
    }
}

/// Of a body that is there twice, the later grant counts.
impl FromIterator<(BodyId, Grant)> for Grants {
    fn from_iter<I: IntoIterator<Item = (BodyId, Grant)>>(pairs: I) -> Self {
        let mut bodies: Vec<(BodyId, Grant)> = pairs.into_iter().collect();
        if !bodies.is_sorted_by(|(a, _), (b, _)| a < b) {
            bodies.sort_by(|(a, _), (b, _)| a.cmp(b)); // stable: the later stays behind the earlier
            bodies.dedup_by(|(later, grant), (earlier, kept)| {
                let same = later == earlier;
                if same {
                    *kept = *grant;
                }
                same
            });
        }
        Self {
            listed: Arc::new(Listed::sorted(bodies)),
            unlisted: Grant::NONE,
        }
    }
}

impl PartialEq for Grants {
    fn eq(&self, other: &Self) -> bool {
        self.unlisted == other.unlisted
            && (Arc::ptr_eq(&self.listed, &other.listed)
                || self.listed.bodies == other.listed.bodies)
    }
}

impl Eq for Grants {}

impl Hash for Grants {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.listed.bodies.hash(state);
        self.unlisted.hash(state);
    }
}

impl fmt::Debug for Grants {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Grants")
            .field("bodies", &self.listed.bodies)
            .field("unlisted", &self.unlisted)
            .finish()
    }
}

/// Written as a map from bodies to grants.
impl Serialize for Grants {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}

impl<'de> Deserialize<'de> for Grants {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Pairs)
    }
}

struct Pairs;

impl<'de> Visitor<'de> for Pairs {
    type Value = Grants;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map from bodies to grants")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Grants, A::Error> {
        let mut bodies: Vec<(BodyId, Grant)> = Vec::new();
        while let Some(pair) = map.next_entry()? {
            bodies.push(pair);
        }
        Ok(bodies.into_iter().collect())
    }
}

impl Join for Grants {
    fn join(&self, other: &Self) -> Self {
        let both = [&self.listed.bodies, &other.listed.bodies];
        let [mut mine, mut theirs] = both.map(|bodies| bodies.iter().peekable());
        let mut bodies = Vec::with_capacity(both[0].len().max(both[1].len()));
        // Both are sorted, so one walk meets every body of either once.
        loop {
            let order = match (mine.peek(), theirs.peek()) {
                (Some((a, _)), Some((b, _))) => a.cmp(b),
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (None, None) => break,
            };
            let one = mine.next_if(|_| order.is_le());
            let two = theirs.next_if(|_| order.is_ge());
            let grant = |side: Option<&(BodyId, Grant)>, unlisted| {
                side.map_or(unlisted, |(_, grant)| *grant)
            };
            if let Some((body, _)) = one.or(two) {
                let joined = grant(one, self.unlisted).join(&grant(two, other.unlisted));
                bodies.push((body.clone(), joined));
            }
        }
        Self {
            listed: Arc::new(Listed::sorted(bodies)),
            unlisted: self.unlisted.join(&other.unlisted),
        }
    }
}

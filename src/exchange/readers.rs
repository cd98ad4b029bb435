//! To whom an item version is released: the audiences of each side and form, for the whole and for
//! each part, kept beside the entries they lead to.
//!
//! Deciding anew starts from here and not from the rule: an audience follows the directory in place,
//! and what was narrowed stays narrowed whatever the rule would give today.

use std::collections::{BTreeMap, BTreeSet};

use super::Tx;
use super::gate::intern;
use super::portions::Rules;
use super::refusal::Refusal;
use crate::handling::{Access, Audience, BodyId, Depth, Form, Rule, Side, cut};

/// The sides a version is released to; its desk is none.
pub(super) const SIDES: [&str; 2] = ["inside", "outside"];

/// One audience: its side, its form, how many parts it sees at least, its number.
type Row = (&'static str, Form, usize, i64);

/// To whom a version is released.
#[derive(Clone, Debug, Default)]
pub(super) struct Readers(BTreeSet<Row>);

/// The side of the CEPTOAR that an entry's word names; the desk is none.
fn side_of<'a>(side: &str, own: &'a BodyId) -> Option<Side<'a>> {
    match side {
        "inside" => Some(Side::Inside(own)),
        "outside" => Some(Side::Outside(own)),
        _ => None,
    }
}

impl Readers {
    /// Those of a stored version.
    pub async fn of(tx: &mut Tx, key: i64) -> Result<Self, Refusal> {
        let mut rows = BTreeSet::new();
        for (side, form, seen, audience) in tx.released_to(key).await? {
            let side = SIDES.into_iter().find(|known| *known == side);
            let form = [Form::Identified, Form::Anonymised]
                .into_iter()
                .find(|known| known.word() == form);
            if let (Some(side), Some(form)) = (side, form) {
                let seen = usize::try_from(seen).unwrap_or_default();
                rows.insert((side, form, seen, audience));
            }
        }
        Ok(Self(rows))
    }

    /// Adds everyone whom the rules admit on a side.
    pub async fn open(
        &mut self,
        tx: &mut Tx,
        side: &'static str,
        own: &BodyId,
        rules: &Rules,
    ) -> Result<(), Refusal> {
        self.add(tx, side, own, rules, &|access, _| access.clone())
            .await
    }

    /// Adds bodies that read the original under `before` and may have the rendition now.
    pub async fn change_form(
        &mut self,
        tx: &mut Tx,
        side: &'static str,
        own: &BodyId,
        (before, rules): (&Rules, &Rules),
    ) -> Result<(), Refusal> {
        let changed = |access: &Access, seen: usize| {
            let former = &before.at(seen).access.audience;
            let audience = access.audience.only(|body, grant| {
                grant.form() == Form::Anonymised && former.get(body).form() == Form::Identified
            });
            Access {
                audience,
                ..access.clone()
            }
        };
        self.add(tx, side, own, rules, &changed).await
    }

    /// Adds members who need to know, of bodies all of whose members read it under `before`: they go
    /// on reading it.
    pub async fn keep_needing(
        &mut self,
        tx: &mut Tx,
        own: &BodyId,
        (before, rules): (&Rules, &Rules),
    ) -> Result<(), Refusal> {
        let needing = |access: &Access, seen: usize| {
            let former = &before.at(seen).access.audience;
            let audience = access.audience.only(|body, grant| {
                let was = former.get(body);
                (was.depth(), grant.depth()) == (Depth::MembersAll, Depth::MembersNtk)
                    && was.form() == grant.form()
            });
            Access {
                audience,
                ..access.clone()
            }
        };
        for side in self.sides() {
            self.add(tx, side, own, rules, &needing).await?;
        }
        Ok(())
    }

    async fn add(
        &mut self,
        tx: &mut Tx,
        side: &'static str,
        own: &BodyId,
        rules: &Rules,
        of: &(dyn Fn(&Access, usize) -> Access + Sync),
    ) -> Result<(), Refusal> {
        let Some(which) = side_of(side, own) else {
            return Ok(());
        };
        for seen in 0..=rules.parts.len() {
            let access = of(&rules.at(seen).access, seen);
            for (form, audience) in cut(&access, which) {
                self.0
                    .insert((side, form, seen, intern(tx, &audience).await?));
            }
        }
        Ok(())
    }

    /// Lets each go on only to those whom a further rule admits too, in the same form.
    pub async fn narrowed(self, tx: &mut Tx, further: &Rule) -> Result<Self, Refusal> {
        let mut known: BTreeMap<(i64, Form), Option<i64>> = BTreeMap::new();
        let mut rows = BTreeSet::new();
        for (side, form, seen, id) in self.0 {
            let less = match known.get(&(id, form)) {
                Some(less) => *less,
                None => {
                    let less = match tx.definition(id).await? {
                        None => None,
                        Some(definition) => serde_json::from_str::<Audience>(&definition)?
                            .narrowed(&further.access, form.word()),
                    };
                    let less = match less {
                        None => None,
                        Some(less) => {
                            let less = intern(tx, &less).await?;
                            if less != id {
                                tx.inherit_latecomers(less, id).await?;
                            }
                            Some(less)
                        }
                    };
                    known.insert((id, form), less);
                    less
                }
            };
            rows.extend(less.map(|less| (side, form, seen, less)));
        }
        Ok(Self(rows))
    }

    /// Keeps them with a version, in place of what was kept.
    pub async fn keep(&self, tx: &mut Tx, key: i64) -> Result<(), Refusal> {
        tx.drop_released_to(key).await?;
        self.note(tx, key).await
    }

    /// Keeps them with a new version.
    pub async fn note(&self, tx: &mut Tx, key: i64) -> Result<(), Refusal> {
        let rows = self.0.iter().map(|(side, form, seen, audience)| {
            let seen = i64::try_from(*seen).unwrap_or(i64::MAX);
            ((*side).to_owned(), form.word().to_owned(), seen, *audience)
        });
        let rows: Vec<_> = rows.collect();
        Ok(tx.add_released_to(key, &rows).await?)
    }

    /// The sides there are any on.
    pub fn sides(&self) -> Vec<&'static str> {
        let any = |side: &&str| self.0.iter().any(|(of, ..)| of == side);
        SIDES.into_iter().filter(any).collect()
    }

    /// The audiences that read the whole in a form.
    pub fn of_form(&self, side: &str, form: Form) -> Vec<i64> {
        let wanted = |row: &&Row| row.0 == side && row.1 == form && row.2 == 0;
        self.0.iter().filter(wanted).map(|row| row.3).collect()
    }

    /// Who may see so many parts, in at least this form.
    pub fn at_least(&self, side: &str, form: Form, seen: usize) -> Vec<i64> {
        let wanted = |row: &&Row| row.0 == side && row.1 <= form && row.2 == seen;
        let all: BTreeSet<i64> = self.0.iter().filter(wanted).map(|row| row.3).collect();
        all.into_iter().collect()
    }

    /// Every audience that reads the whole in any form.
    pub fn all(&self) -> impl Iterator<Item = i64> {
        self.0.iter().filter(|row| row.2 == 0).map(|row| row.3)
    }
}

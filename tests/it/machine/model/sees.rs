//! The model's other half: from what was accepted to who has it now, in which form.

use std::collections::{BTreeMap, BTreeSet};

use super::super::acts::Thing;
use super::super::council::{Body, Council, Grant, Kind, Person, Standing};
use super::{ANYBODY, Access, IDENTIFIED, Model, Seen, State, Version};

impl Model {
    pub(super) fn sectors_of(&self, body: &Body) -> BTreeSet<String> {
        match body.kind {
            Kind::Operator => body.sectors.clone(),
            _ => BTreeSet::from([format!("s-{}", body.id)]),
        }
    }

    /// Whether another source posted under the same id as a version.
    pub fn shares_its_id(&self, at: usize) -> bool {
        let of = |version: &Version| version.posted.as_ref().map(|(_, id, _)| id.clone());
        let (id, item) = (of(&self.versions[at]), &self.versions[at].item);
        id.is_some()
            && self
                .versions
                .iter()
                .any(|other| of(other) == id && other.item != *item)
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

    /// Everything one reader has, before anything is counted as one.
    ///
    /// Of what an object refers to a reader gets what the reader has: an original under its id, a
    /// rendition under the id its source's rendition has, an observable under the one id it has in
    /// every form. An object without any of its references is none.
    pub fn view(&self, reader: &str, now: i64) -> Vec<Seen> {
        let mut all = self.view_of_each(reader, now);
        let mut has: BTreeSet<(Option<&String>, &String)> = BTreeSet::new();
        for seen in &all {
            let version = &self.versions[seen.at];
            if let Some((thing, id, _)) = &version.posted {
                let same = seen.identified || *thing == Thing::Domain;
                has.insert(((!same).then_some(&version.body), id));
                // GAP: what refers to the rendition goes on doing so for whoever has the original,
                // at its desk, in place of the rendition.
                if seen.beside {
                    has.insert((Some(&version.body), id));
                }
            }
        }
        all.retain_mut(|seen| {
            let version = &self.versions[seen.at];
            if seen.desk || version.refs.is_empty() {
                return true;
            }
            let kept = version.refs.iter().filter(|(thing, id)| {
                let same = seen.identified || *thing == Thing::Domain;
                has.contains(&((!same).then_some(&version.body), id))
            });
            let kept: Vec<&String> = kept.map(|(_, id)| id).collect();
            seen.detail.push_str(&format!(" {kept:?}"));
            if seen.identified && kept.len() < version.refs.len() {
                seen.identified = false;
                seen.cut = true;
            }
            !kept.is_empty()
        });
        all
    }

    fn view_of_each(&self, reader: &str, now: i64) -> Vec<Seen> {
        let mut all = Vec::new();
        for (at, version) in self.versions.iter().enumerate() {
            let released = self.released_to(reader, version, now);
            let desk = self.at_desk(reader, version);
            let seat = (0, IDENTIFIED, true);
            let Some((side, form, part)) = desk.then_some(seat).or(released) else {
                continue;
            };
            let later = self.of(&version.item).into_iter().any(|other| {
                let other = &self.versions[other];
                let there = if side == 0 {
                    !other.deleted
                } else {
                    !other.is_gone()
                };
                other.rank > version.rank && other.sides[side] && there
            });
            // What it binds its reader to, and at the desk where it stands.
            let access = &version.access;
            let mut detail = format!(
                "{} {} {} {}",
                access.tlp, access.stores_in_japan, access.keeps_days, access.attribution
            );
            if side == 0 {
                detail.push_str(&format!(
                    " {:?} {:?} {:?}",
                    version.state, version.votes, version.answers
                ));
            }
            detail.push_str(&self.told_on_board(reader, version));
            all.push(Seen {
                token: version.token.clone(),
                step: version.step,
                at,
                identified: form == IDENTIFIED && part,
                cut: form == IDENTIFIED && !part,
                part,
                desk: side == 0,
                beside: desk && released.is_some_and(|(_, form, _)| form != IDENTIFIED),
                live: !later,
                detail,
            });
        }
        all
    }

    /// On which side and in which form a version went to a reader, and whether with its stricter
    /// part, whoever sits at its desk.
    fn released_to(&self, reader: &str, version: &Version, now: i64) -> Option<(usize, u8, bool)> {
        let places = self.places(reader);
        let inside = places.iter().any(|place| place.0 == version.ceptoar);
        let side = if inside { 1 } else { 2 };
        let only = inside.then_some(&version.ceptoar);
        let form = |access: &Access| access.form(&self.council, reader, &places, only);
        let expired = version.access.not_after.is_some_and(|until| now >= until);
        let out = version.out[side - 1].as_ref().filter(|_| !expired)?;
        let stays = form(out) == form(&version.access) && form(out) > 0;
        let shown = form(out);
        let part = version.part.iter().all(|part| form(part) == shown);
        (stays && version.forms[side - 1].contains(&shown)).then_some((side, shown, part))
    }

    /// The words of what a reader sits at the desk of.
    pub fn desk_of(&self, reader: &str, now: i64) -> BTreeSet<String> {
        let seen = self.view_of_each(reader, now).into_iter();
        seen.filter(|seen| seen.desk)
            .map(|seen| seen.token)
            .collect()
    }

    /// What a reader may look at and not take, or might: at least what `/v1/view-only` lists.
    pub fn may_look(&self, reader: &str) -> Vec<String> {
        let places = self.places(reader);
        let told = self.versions.iter().filter_map(|version| {
            let looks = |access: &Access| {
                let mut access = access.clone();
                (access.stores_in_japan, access.keeps_days) = (false, 0);
                access.form(&self.council, reader, &places, None)
            };
            let access = &version.access;
            let out: Vec<u8> = version.out.iter().flatten().map(looks).collect();
            (looks(access) > 0 && out.iter().any(|form| *form > 0)).then(|| {
                let state = version.state;
                format!(
                    "{} {} {} {} {out:?} {state:?}",
                    version.token, access.tlp, access.stores_in_japan, access.keeps_days
                )
            })
        });
        told.collect()
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

    pub(super) fn at_desk(&self, reader: &str, version: &Version) -> bool {
        let Some(person) = self.council.person(reader) else {
            return false;
        };
        if version.deleted {
            return false;
        }
        let publishes = person.roles.contains("publisher");
        let of_operator = version.operator.as_ref() == Some(&person.body)
            && (publishes || reads_as_member(person));
        publishes && person.body == version.body
            || of_operator
            || version
                .asked
                .keys()
                .any(|who| self.may_answer(version, person, who))
    }

    /// Where a reader belongs: body, and how far in (1 its point of contact, 2 analyst, 3 member).
    pub(super) fn places(&self, reader: &str) -> Vec<(String, u8)> {
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

pub(super) fn reads_as_member(person: &Person) -> bool {
    ["member", "analyst", "poc"]
        .iter()
        .any(|role| person.roles.contains(*role))
}

/// The README's first table of bodies.
pub(super) fn column(body: &Body, own: &Body) -> Option<usize> {
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
    /// What a body is given, by where it stands today.
    pub(super) fn grant(&self, council: &Council, place: &str) -> Grant {
        let mut least = (4, 2);
        for (own, columns) in &self.columns {
            let own = council.find(own).unwrap();
            let (depth, form) = match council.find(place) {
                None if place == ANYBODY && self.tlp == 0 && self.public => columns[5],
                None => (0, 0),
                Some(body) => column(body, own).map_or((0, 0), |column| columns[column]),
            };
            let members = council
                .bodies
                .iter()
                .any(|other| other.ceptoars.iter().any(|of| of == place));
            let depth: u8 = if members { depth } else { depth.min(2) };
            // The way of an advisory: no deeper than a CEPTOAR's analysts until it is passed on.
            let other = |body: &Body| body.kind == Kind::Ceptoar && body.id != own.id;
            let stops = self.through.as_ref().is_some_and(|passed| {
                council.find(place).is_some_and(other) && !passed.contains(place)
            });
            let depth = if stops { depth.min(2) } else { depth };
            least = (least.0.min(depth), least.1.min(form));
        }
        least
    }

    /// The forms that some of these bodies are given.
    pub(super) fn forms(&self, council: &Council, of: impl Fn(&String) -> bool) -> BTreeSet<u8> {
        let bodies = council
            .bodies
            .iter()
            .map(|body| body.id.clone())
            .chain([ANYBODY.to_owned()]);
        let grants = bodies
            .filter(|body| of(body))
            .map(|body| self.grant(council, &body));
        grants
            .filter(|(depth, _)| *depth > 0)
            .map(|(_, form)| form)
            .collect()
    }

    /// The form for a reader, 0 for nothing. `only` is the body whose grant counts, where one does.
    pub(super) fn form(
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
            let (depth, form) = self.grant(council, place);
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
    pub(super) fn join(&mut self, other: &Self) {
        self.tlp = self.tlp.max(other.tlp);
        for (own, columns) in &other.columns {
            match self.columns.iter_mut().find(|(of, _)| of == own) {
                Some((_, mine)) => {
                    for (mine, other) in mine.iter_mut().zip(columns) {
                        *mine = (mine.0.min(other.0), mine.1.min(other.1));
                    }
                }
                None => self.columns.push((own.clone(), *columns)),
            }
        }
        self.sectors = self.sectors.intersection(&other.sectors).cloned().collect();
        self.persons = self.persons.intersection(&other.persons).cloned().collect();
        self.named = match (&self.named, &other.named) {
            (Some(one), Some(two)) => Some(one.intersection(two).cloned().collect()),
            (one, two) => one.clone().or(two.clone()),
        };
        self.stores_in_japan |= other.stores_in_japan;
        self.keeps_days = self.keeps_days.max(other.keeps_days);
        self.k = self.k.max(other.k);
        self.public &= other.public;
        self.through = match (&self.through, &other.through) {
            (Some(one), Some(two)) => Some(one.intersection(two).cloned().collect()),
            (one, two) => one.clone().or(two.clone()),
        };
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

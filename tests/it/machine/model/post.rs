//! Posted objects in the model: what becomes of one that is posted, posted again, or deleted.

use super::super::acts::{Item, Mark, Posted, Step, Thing, id_of};
use super::super::council::Kind;
use super::{Model, Outcome, Seen, State, Taken};

impl Model {
    pub(super) fn post(&mut self, step: &Step, by: &str, object: &Posted, seen: &[Seen]) -> bool {
        let person = self.council.person(by).unwrap().clone();
        let body = self.council.find(&person.body).unwrap().clone();
        let scheme = self.scheme_of(&body, step.at).unwrap().clone();
        let named = |name: &str| scheme.levels.iter().find(|level| level.name == name);
        let next_stricter = |tlp: usize| {
            let least = scheme.levels.iter().filter(|level| level.tlp >= tlp);
            least.min_by_key(|level| level.tlp)
        };
        let (level, holds) = match &object.mark {
            Mark::Nothing => (named(&scheme.default_level), scheme.holds_unmarked),
            Mark::Unknown => (scheme.levels.iter().max_by_key(|level| level.tlp), true),
            Mark::Tlp(tlp) => (next_stricter(*tlp), false),
            Mark::Level(of, name) if *of == scheme.id => (named(name), false),
            // Another scheme's level that is in force is refused; one that is not is not known.
            Mark::Level(..) => (None, false),
        };
        let Some(level) = level else { return false };
        let kind = match object.thing {
            Thing::Indicator => "indicator",
            Thing::Note => "note",
            Thing::Domain => "domain-name",
        };
        let id = object.id();
        let item = Item::Object(body.id.clone(), id.clone());
        let text = object.object().to_string();
        let content = |object: &Posted| match object.thing {
            Thing::Domain => object.token(), // its markings are not its content
            _ => object.object().to_string(),
        };
        let earlier = self.of(&item);
        for at in &earlier {
            let version = &self.versions[*at];
            let (_, _, before) = version.posted.as_ref().unwrap();
            let same = match object.thing {
                Thing::Domain => version.token == content(object),
                _ => *before == text,
            };
            if same && version.is_gone() {
                continue; // what was taken back and is posted again is a new release
            }
            if same {
                let sectors = self.sectors_of(&body);
                let operator = (body.kind == Kind::Operator).then(|| body.id.clone());
                let again =
                    self.version(item, step, &person, &body, operator, level, sectors, kind);
                self.posted_again(&earlier, &again, step.at);
                return true; // no news, but for what it asks more
            }
            if object.thing != Thing::Domain && version.rank.0 == object.rev {
                return false; // STIX 3.6
            }
        }
        if earlier.is_empty() && object.thing != Thing::Domain {
            let others: Vec<u32> = seen
                .iter()
                .filter(|seen| seen.identified)
                .map(|seen| &self.versions[seen.at])
                .filter(|version| version.posted.as_ref().is_some_and(|(_, of, _)| *of == id))
                .map(|version| version.rank.0)
                .collect();
            if !others.is_empty() && !others.contains(&object.rev) {
                return false; // STIX 3.5: visibly another's
            }
        }
        let sectors = self.sectors_of(&body);
        let operator = (body.kind == Kind::Operator).then(|| body.id.clone());
        let mut version = self.version(item, step, &person, &body, operator, level, sectors, kind);
        version.token = object.token();
        let rank = if object.thing == Thing::Domain {
            0
        } else {
            object.rev
        };
        version.rank = (rank, self.versions.len());
        version.posted = Some((object.thing, id, text));
        let refs = object.refs.iter();
        version.refs = refs
            .map(|(thing, of)| (*thing, id_of(*thing, *of)))
            .collect();
        self.accept(version, holds, step.at);
        true
    }

    /// TAXII's delete: the source takes versions back, and they leave its desk too. `which` is in the
    /// words of `match[version]`; nothing is the latest.
    pub(super) fn delete(
        &mut self,
        step: &Step,
        by: &str,
        on: &Item,
        which: Option<&'static str>,
    ) -> Outcome {
        let Item::Object(_, id) = on else {
            return Outcome::Refused;
        };
        let seen = self.view(by, step.at);
        let reads = seen.iter().filter(|seen| seen.identified || seen.desk);
        let mut reads = reads.filter_map(|seen| self.versions[seen.at].posted.as_ref());
        if !reads.any(|(_, of, _)| of == id) {
            return Outcome::Refused;
        }
        let body = self.council.person(by).unwrap().body.clone();
        let own = Item::Object(body, id.clone());
        let Some(versions) = self.own(by, &own) else {
            return Outcome::Refused;
        };
        let mut there: Vec<usize> = versions
            .iter()
            .copied()
            .filter(|at| !self.versions[*at].deleted)
            .collect();
        there.sort_by_key(|at| self.versions[*at].rank);
        let gone: Vec<usize> = match which {
            Some("all") => there,
            Some("first") => there.into_iter().take(1).collect(),
            _ => there.into_iter().next_back().into_iter().collect(),
        };
        if gone.is_empty() {
            return Outcome::Refused;
        }
        for at in gone {
            let version = &mut self.versions[at];
            version.deleted = true;
            if !version.is_gone() {
                version.state = State::Withdrawn;
                version.out = [None, None];
                let step = step.number;
                self.taken.push(Taken {
                    step,
                    at,
                    deleted: true,
                });
            }
        }
        Outcome::Taken(vec![true])
    }
}

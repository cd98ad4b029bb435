//! Draws advisories and what becomes of them: who they are for, who passes them on, who answers.

use std::collections::BTreeSet;

use super::super::acts::{Act, Advice, Item, Report};
use super::super::council::{Kind, Person};
use super::super::model::State;
use super::Drawing;

/// What readers say. GAP: of what becomes an object of the giver's (`sighting`, `action_taken`,
/// `prevented`, `usefulness`) and of what the source is told at once (`question` and the like) the
/// model knows nothing.
const SAID: [&str; 8] = [
    "ack",
    "ack",
    "ack",
    "applicable",
    "not_applicable",
    "under_study",
    "open",
    "open",
];

impl Drawing {
    pub(super) fn advise(&mut self) -> Act {
        let issuer = self.model.council.person("centre-adv").unwrap().clone();
        Act::Report(Box::new(self.advisory(&issuer, None)))
    }

    pub(super) fn advisory(&mut self, person: &Person, replaces: Option<usize>) -> Report {
        let council = self.model.council.clone();
        let body = council.find(&person.body).unwrap();
        let scheme = self.model.scheme_of(body, self.at).unwrap().clone();
        let bodies: Vec<String> = council.bodies.iter().map(|body| body.id.clone()).collect();
        let sectors: Vec<String> = council
            .bodies
            .iter()
            .filter(|body| body.kind == Kind::Ceptoar)
            .map(|body| format!("s-{}", body.id))
            .collect();
        let mut some = |list: &[String], most: u64| -> BTreeSet<String> {
            (0..self.seed.below(most))
                .filter_map(|_| self.seed.pick(list).cloned())
                .collect()
        };
        let (useful, targets) = (some(&sectors, 3), some(&sectors, 3));
        let named = some(&bodies, 3);
        let before: Vec<usize> = self
            .model
            .versions
            .iter()
            .filter(|version| version.advice.is_some())
            .filter_map(|version| match version.item {
                Item::Report(first) => Some(first),
                Item::Object(..) => None,
            })
            .collect();
        let ends = (replaces.is_none() && self.seed.one_in(3))
            .then(|| self.seed.pick(&before).copied())
            .flatten();
        // Mostly such levels as go to other CEPTOARs at all.
        let level = self.seed.below(6) as usize % 4;
        Report {
            by: person.id.clone(),
            replaces,
            kind: "advisory",
            level: Some(scheme.levels[level].name.clone()),
            scheme: scheme.id,
            sector: String::new(),
            operator: None,
            useful,
            named: None,
            not_before: None,
            not_after: None,
            strips: false,
            part: None,
            advice: Some(Advice {
                kind: match ends {
                    Some(_) => "update",
                    None => ["alert", "action_request", "rfi"][self.seed.below(3) as usize],
                },
                direct: self.seed.one_in(3),
                sectors: targets,
                bodies: named,
                ends,
            }),
        }
    }

    pub(super) fn pass_on(&mut self) -> Act {
        let out: Vec<Item> = self
            .model
            .versions
            .iter()
            .filter(|version| version.advice.is_some() && version.state == State::Released)
            .map(|version| version.item.clone())
            .collect();
        let Some(on) = self.seed.pick(&out).cloned() else {
            return self.advise();
        };
        let people = self.model.council.people.clone();
        let able: Vec<String> = people
            .into_iter()
            .filter(|person| {
                let body = self.model.council.find(&person.body).unwrap();
                person.roles.contains("poc") && body.kind == Kind::Ceptoar
            })
            .filter(|person| self.has(&person.id, &on))
            .map(|person| person.id)
            .collect();
        match self.seed.pick(&able).cloned() {
            Some(by) => Act::PassOn { by, on },
            None => self.advise(),
        }
    }

    fn has(&self, who: &str, on: &Item) -> bool {
        let mut seen = self.model.view(who, self.at).into_iter();
        seen.any(|seen| self.model.versions[seen.at].item == *on)
    }

    /// A word on a report; more often on an advisory, by somebody of those it is for.
    pub(super) fn say(&mut self) -> Act {
        let reports: Vec<Item> = self
            .model
            .versions
            .iter()
            .filter(|version| version.posted.is_none())
            .flat_map(|version| {
                let times = if version.advice.is_some() { 4 } else { 1 };
                std::iter::repeat_n(version.item.clone(), times)
            })
            .collect();
        let Some(on) = self.seed.pick(&reports).cloned() else {
            return self.advise();
        };
        let people = self.model.council.people.clone();
        let able: Vec<String> = people
            .into_iter()
            .filter(|person| self.has(&person.id, &on))
            .map(|person| person.id)
            .collect();
        let Some(by) = self.seed.pick(&able).cloned() else {
            return self.advise();
        };
        let what = SAID[self.seed.below(SAID.len() as u64) as usize];
        Act::Say { by, on, what }
    }
}

//! One episode, run: the hub beside its model, and a twin hub that lacks what is hidden from one
//! reader. The first difference ends it.

use std::collections::{BTreeMap, BTreeSet};

use super::acts::{Act, Step};
use super::check;
use super::draw::Episode;
use super::model::{ANYBODY, Model, Seen, Taken};
use super::poller::{Again, Poller};
use super::seed::Seed;
use super::surfaces::{Ask, SURFACES, kept_sets, mainly};
use super::twin;
use super::world::{Answer, Known, World};
use crate::harness::TestHub;

/// What a run did.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tally {
    pub steps: usize,
    pub left_out: usize,
    pub answers: usize,
}

/// The hubs of a twin run have this secret, so that their ids are the same.
const SECRET: [u8; 32] = [7; 32];

/// The first instant of an episode, in microseconds.
pub fn start() -> i64 {
    crate::harness::start().timestamp_micros() + 10_000_000
}

/// Runs an episode with these of its steps.
pub async fn run(kind: &TestHub, episode: &Episode, steps: &[Step]) -> Result<Tally, String> {
    let start = start();
    let without = twin::hidden(episode, steps, start);
    let one = World::open(kind.bare_with_secret(&SECRET).await, episode).await;
    let two = World::open(kind.bare_with_secret(&SECRET).await, episode).await;
    let mut run = Run {
        model: Model::new(episode.council.clone(), start),
        reader: &episode.reader,
        one,
        two,
        start,
        referred: BTreeSet::new(),
        at_desk: false,
        had: BTreeMap::new(),
        told: BTreeMap::new(),
        pollers: pollers(episode),
        twins: pollers(episode),
        seed: Seed::new(episode.seed ^ 0xabcd),
        tally: Tally::default(),
    };
    for step in steps {
        let left_out = without.contains(&step.number);
        run.step(step, left_out)
            .await
            .map_err(|error| format!("after step {}: {error}", step.number))?;
    }
    let at = steps.last().map_or(0, |step| step.at);
    run.end(at)
        .await
        .map_err(|error| format!("at the end: {error}"))?;
    Ok(run.tally)
}

fn pollers(episode: &Episode) -> Vec<Poller> {
    let other = episode
        .council
        .people
        .get(episode.seed as usize % episode.council.people.len())
        .unwrap();
    vec![
        Poller::by_mark(&episode.reader, 2),
        Poller::by_next(&episode.reader, 3),
        Poller::by_mark(&other.id, 7),
    ]
}

struct Run<'a> {
    model: Model,
    reader: &'a str,
    one: World,
    two: World,
    start: i64,
    /// Everything the reader's objects ever referred to.
    referred: BTreeSet<String>,
    at_desk: bool,
    /// Which versions each reader was handed, beside the desk's; and what they are told of since.
    had: BTreeMap<String, BTreeSet<usize>>,
    told: BTreeMap<String, Vec<Taken>>,
    pollers: Vec<Poller>,
    /// The same on the twin: what was fetched is told to its source.
    twins: Vec<Poller>,
    seed: Seed,
    tally: Tally,
}

impl Run<'_> {
    async fn step(&mut self, step: &Step, left_out: bool) -> Result<(), String> {
        // What is due on the way happens at its own instant, as it would with a clock that runs.
        while let Some(due) = self.model.next_due(step.at) {
            self.model.happen(due);
            self.set_clock(due).await;
        }
        self.set_clock(step.at).await;
        let before = self.model.taken.len();
        let council = self.model.council.clone();
        let expected = self.model.apply(step);
        for taken in &self.model.taken[before..] {
            let of = |had: &&BTreeSet<usize>| had.contains(&taken.at);
            for (reader, _) in self.had.iter().filter(|(_, had)| of(had)) {
                self.told
                    .entry(reader.clone())
                    .or_default()
                    .push(taken.clone());
            }
        }
        let answer = self.one.act(step, self.start).await;
        check::outcome(answer.as_ref(), &expected)?;
        if matches!(step.act, Act::Council(..)) {
            self.one_council().await?;
        }
        self.one.tick().await; // what an act makes due at once
        if left_out {
            self.look(step).await;
        } else {
            let twin = self.two.act(step, self.start).await;
            if step.act.by() == Some(self.reader) {
                compare(
                    &answer.into_iter().collect::<Vec<_>>(),
                    &twin.into_iter().collect::<Vec<_>>(),
                )?;
            }
        }
        self.two.tick().await;
        // Not after every act: what waits to be sent may be taken back before it is.
        if !step.number.is_multiple_of(3) {
            self.one.send_due(step.number).await;
            self.two.send_due(step.number).await;
            let everybody = &self.model.council.people;
            for person in everybody {
                let sent = self.one.sent(&person.id);
                if sent.last().is_none_or(|last| last.step != step.number) {
                    continue;
                }
                check::sent(&self.model.view(&person.id, step.at), step.number, &sent)
                    .map_err(|error| format!("{}: {error}", person.id))?;
            }
        }
        self.tally.steps += 1;
        self.tally.left_out += usize::from(left_out);
        self.others_leaves().await;
        let known = self.some_known();
        for (at, surface) in SURFACES.iter().enumerate() {
            if self.seed.one_in(if surface.often { 3 } else { 15 }) {
                self.both(at, &known).await?;
            }
        }
        self.against_model(self.reader, step.at).await?;
        let others = &self.model.council.people;
        let other = self.seed.pick(others).unwrap().id.clone();
        if self.seed.one_in(2) {
            self.against_model(&other, step.at).await?;
        }
        let moved = council.bodies != self.model.council.bodies
            || council.people != self.model.council.people;
        if self.seed.one_in(4) || moved {
            self.poll(step.at, moved).await?;
        }
        for (reader, words) in self.one.fetched() {
            let seen = self.model.view(&reader, step.at);
            let handed = seen
                .iter()
                .filter(|seen| !seen.desk && words.contains(&seen.token));
            self.had
                .entry(reader)
                .or_default()
                .extend(handed.map(|seen| seen.at));
        }
        Ok(())
    }

    /// Whoever acts has looked before, and what one is handed is told to its source: so also where
    /// the act itself is left out.
    async fn look(&self, step: &Step) {
        if let Act::Accept { by, on } | Act::PassOn { by, on } | Act::Say { by, on, .. } = &step.act
        {
            self.two.had(by, on).await;
        }
    }

    /// `moved`: somebody came to stand elsewhere since the pollers looked last.
    async fn poll(&mut self, at: i64, moved: bool) -> Result<(), String> {
        let contested = self.model.contested();
        let again = Again {
            all: moved,
            supports: self.model.some_go(),
        };
        for (poller, twin) in self.pollers.iter_mut().zip(&mut self.twins) {
            let desk = self.model.desk_of(poller.reader(), at);
            poller.poll(&self.one, &contested, again, &desk).await?;
            let _ = twin.poll(&self.two, &contested, again, &desk).await; // has less, rightly
        }
        Ok(())
    }

    /// A change of the council holds for both processes from the next request on, before either of
    /// them has looked at what is due.
    async fn one_council(&self) -> Result<(), String> {
        for person in &self.model.council.people {
            // The same path; which process answers depends on its length.
            let first = self.one.get(&person.id, "/v1/whoami").await;
            let second = self.one.get(&person.id, "/v1//whoami").await;
            if (first.status, &first.body) != (second.status, &second.body) {
                return Err(format!(
                    "{} is one to one process and another to the other: {} and {}",
                    person.id, first.body, second.body
                ));
            }
        }
        Ok(())
    }

    async fn set_clock(&self, at: i64) {
        for world in [&self.one, &self.two] {
            world.set_clock(self.start + at);
            world.tick().await;
        }
    }

    /// At the end everything is asked, by many readers.
    async fn end(&mut self, at: i64) -> Result<(), String> {
        let everybody: Vec<String> = self
            .model
            .council
            .people
            .iter()
            .map(|person| person.id.clone())
            .collect();
        // Every third of them; which third, the seed says.
        let from = self.seed.below(3) as usize;
        let some = everybody.iter().map(String::as_str).chain([ANYBODY]);
        for reader in some.skip(from).step_by(3) {
            self.against_model(reader, at)
                .await
                .map_err(|error| format!("{reader}: {error}"))?;
        }
        self.poll(at, false).await?;
        self.reasons().await?;
        self.others_leaves().await;
        let known = self.one.known.clone();
        for surface in 0..SURFACES.len() {
            self.both(surface, &known).await?;
        }
        Ok(())
    }

    /// Why a report goes where it goes is for its desk alone.
    async fn reasons(&self) -> Result<(), String> {
        let (world, reader) = (&self.one, self.reader);
        let list = world.get(reader, "/v1/reports?limit=1000").await.json();
        for item in list["items"].as_array().into_iter().flatten() {
            let path = format!("/v1/reports/{}/explain", item["id"].as_str().unwrap());
            let answer = world.get(reader, &path).await;
            if (answer.status == 200) != item["desk"].is_object() {
                return Err(format!(
                    "{path} is answered with {} {}",
                    answer.status, answer.body
                ));
            }
        }
        Ok(())
    }

    /// What of the ledger somebody else may open now, and the reader may not.
    async fn others_leaves(&mut self) {
        let people = &self.model.council.people;
        let other = self.seed.pick(people).unwrap().id.clone();
        let mut lists = Vec::new();
        for who in [other.as_str(), self.reader] {
            let list = self
                .one
                .get(who, "/v1/ledger/entries?limit=1000")
                .await
                .json();
            let ids = list["items"].as_array().into_iter().flatten();
            lists.push(
                ids.map(|item| item["id"].as_str().unwrap().to_owned())
                    .collect::<BTreeSet<_>>(),
            );
        }
        self.one.known.leaves = &lists[0] - &lists[1];
    }

    /// A few of the ids there are to try; some of them new, some old.
    fn some_known(&mut self) -> Known {
        let seed = &mut self.seed;
        let mut some = |all: &BTreeSet<String>| -> BTreeSet<String> {
            let all: Vec<&String> = all.iter().collect();
            (0..2)
                .filter_map(|_| seed.pick(&all).map(|id| (*id).clone()))
                .collect()
        };
        let all = &self.one.known;
        Known {
            reports: some(&all.reports),
            objects: some(&all.objects),
            statuses: some(&all.statuses),
            requests: some(&all.requests),
            leaves: some(&all.leaves),
        }
    }

    /// One surface of both hubs, byte by byte.
    async fn both(&mut self, surface: usize, known: &Known) -> Result<(), String> {
        let surface = &SURFACES[surface];
        let ask = |world| Ask {
            world,
            reader: self.reader,
            known,
        };
        let (one, two) = (ask(&self.one), ask(&self.two));
        let (one, two) = tokio::join!((surface.ask)(&one), (surface.ask)(&two));
        self.tally.answers += one.len() + two.len();
        compare(&one, &two).map_err(|error| format!("{}: {error}", surface.name))
    }

    /// What a reader is answered, and what the model says.
    async fn against_model(&mut self, reader: &str, at: i64) -> Result<(), String> {
        let seen = self.model.view(reader, at);
        // Who fetched what is told to its source, so the twin's readers fetch too.
        let (one, two) = tokio::join!(mainly(&self.one, reader), mainly(&self.two, reader));
        self.tally.answers += one.len() + two.len();
        let failed = |error| format!("{reader}: {error}");
        if reader == self.reader {
            compare(&one, &two).map_err(failed)?;
        }
        let objects = &one[0];
        check::taxii(&self.model, &self.one, &seen, objects).map_err(failed)?;
        if reader == self.reader {
            let (refs, supports) = check::references(objects);
            self.referred.extend(refs);
            // At a desk the supports of renditions come too, which the desk's own entry hides; and
            // those of the second of two equal objects, which the first hides.
            let hides = |one: &Seen| one.desk || self.model.shares_its_id(one.at);
            self.at_desk |= seen.iter().any(hides);
            let early = supports.iter().find(|id| !self.referred.contains(*id));
            if let (Some(early), false) = (early, self.at_desk) {
                return Err(failed(format!(
                    "{early} goes with nothing the reader ever had"
                )));
            }
        }
        let ids = check::objects(objects)
            .into_iter()
            .map(|object| object.id().to_owned());
        self.one.known.objects.extend(ids);
        check::stamps(&one[1]).map_err(failed)?;
        let [_, _, reports, requests, notices] = one.as_slice() else {
            return Ok(()); // nobody logged in
        };
        check::rest(&self.model, &self.one, &seen, reports).map_err(failed)?;
        check::waiting(&self.model, &self.one, reader, requests).map_err(failed)?;
        check::notices(&self.model, self.told.get(reader), notices, objects).map_err(failed)?;
        let (sets, twins) =
            tokio::join!(kept_sets(&self.one, reader), kept_sets(&self.two, reader));
        if reader == self.reader {
            compare(&sets, &twins).map_err(failed)?;
        }
        check::kept::sets(&sets, reports).map_err(failed)?;
        let reports = reports.json();
        let mut boards = Vec::new();
        for item in reports["items"].as_array().into_iter().flatten() {
            let id = item["id"].as_str().unwrap();
            self.one.known.reports.insert(id.to_owned());
            if item["report"]["kind"] == "advisory" {
                let token = item["report"]["title"]["en"].as_str().unwrap();
                let path = format!("/v1/advisories/{id}/board");
                let board = self.one.get(reader, &path).await;
                let desk = item["desk"]["state"].as_str();
                if desk.is_none_or(|state| state == "released") {
                    boards.push((token.to_owned(), board));
                }
            }
        }
        let expected = self.model.boards(reader, at);
        check::boards(&expected, &boards).map_err(failed)?;
        Ok(())
    }
}

fn compare(one: &[Answer], two: &[Answer]) -> Result<(), String> {
    for (one, two) in one.iter().zip(two) {
        if one == two {
            continue;
        }
        // GAP: when others fetched an item is told to its desk, to who takes it back and on boards,
        // and the twin's readers, whom less is drawn for, do not fetch at the same steps.
        let tells = ["/audience", "/board", "/withdraw"]
            .iter()
            .any(|end| one.request.contains(end));
        if tells
            && one.status == two.status
            && without_fetches(&one.body) == without_fetches(&two.body)
        {
            continue;
        }
        let differing: BTreeMap<_, _> = one
            .headers
            .iter()
            .zip(&two.headers)
            .filter(|(a, b)| a != b)
            .collect();
        let (a, b) = apart(&one.body, &two.body);
        return Err(format!(
            "{} differs by what is hidden:\n  with:    {} {a}\n  without: {} {b}\n  headers: {differing:?}",
            one.request, one.status, two.status
        ));
    }
    if one.len() == two.len() {
        Ok(())
    } else {
        Err(format!(
            "{} answers, and {} without what is hidden",
            one.len(),
            two.len()
        ))
    }
}

/// How far an item went, without when it was fetched.
fn without_fetches(body: &str) -> String {
    let mut text = body.to_owned();
    let words = [
        ("\"fetched_at\":", ','),
        ("\"delivered_at\":", ','),
        ("\"delivered\":", ','),
        ("\"told\":", ']'),
    ];
    for (word, end) in words {
        let mut parts = text.split(word);
        let mut without = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            without.push_str(&part[part.find(end).unwrap_or(part.len())..]);
        }
        text = without;
    }
    text
}

/// Both texts around the first byte in which they differ.
fn apart(one: &str, two: &str) -> (String, String) {
    let (a, b): (Vec<char>, Vec<char>) = (one.chars().collect(), two.chars().collect());
    let at = a
        .iter()
        .zip(&b)
        .position(|(a, b)| a != b)
        .unwrap_or(a.len().min(b.len()));
    let around = |text: &[char]| {
        text.iter()
            .skip(at.saturating_sub(100))
            .take(260)
            .collect::<String>()
    };
    (around(&a), around(&b))
}

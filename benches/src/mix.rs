//! The questions that all engines are asked: rules from the levels of the five demo schemes, readers of
//! every kind, both ways of reaching them, in an order that no cache can guess.

use std::collections::BTreeSet;

use chrono::{DateTime, Days, Utc};
use sekisho::council::resolve::Narrowing;
use sekisho::council::{BodyKind, CouncilFile, Directory, Origin, resolve_level};
use sekisho::handling::{Access, Audience, BodyId, Channel, PrincipalId, Reader, Side, cut};

use crate::council::operator;

/// When the questions are asked.
pub fn now() -> DateTime<Utc> {
    DateTime::from_timestamp_micros(1_795_400_000_000_000).unwrap_or_default()
}

/// One question: may this reader have what is under this rule by this channel, now?
#[derive(Clone, Copy, Debug)]
pub struct Question {
    /// Its number in [`Mix::rules`].
    pub rule: usize,
    /// Its number in [`Mix::readers`].
    pub reader: usize,
    /// How it would reach the reader.
    pub channel: Channel,
}

/// Rules and readers, and the questions that pair them.
pub struct Mix {
    /// What `decide` looks at, read back from JSON as the hub reads what it stored.
    pub rules: Vec<Access>,
    /// The same rules as interned audiences, by rule.
    pub audiences: Vec<Vec<Audience>>,
    /// Who asks.
    pub readers: Vec<Reader>,
    /// Each rule with each reader over both channels, shuffled.
    pub questions: Vec<Question>,
}

/// The mix over the bodies of one council.
pub fn mix(file: CouncilFile) -> anyhow::Result<Mix> {
    let directory = Directory::new(1, file);
    let readers = readers(&directory);
    let named: BTreeSet<PrincipalId> = readers
        .iter()
        .step_by(3)
        .map(|reader| reader.principal.clone())
        .collect();
    let (mut rules, mut audiences) = (Vec::new(), Vec::new());
    for (scheme, n) in directory.schemes(now().date_naive()).into_iter().zip(0..) {
        for level in &scheme.levels {
            let origin = origin(&directory, n);
            for narrowing in [None, Some(n)] {
                let narrowing = narrowing.map_or_else(Narrowing::default, |n| narrowed(n, &named));
                let resolved = resolve_level(
                    &directory,
                    (&scheme.id, scheme.version),
                    level,
                    &origin,
                    &narrowing,
                    now(),
                );
                let mut access = resolved.rule.access;
                access.view_only = rules.len() % 13 == 7;
                if rules.len() % 9 == 4 {
                    access.retention_min_days = 4000;
                }
                let stored = serde_json::to_string(&access)?;
                rules.push(serde_json::from_str(&stored)?);
                let mut pieces = Vec::new();
                for side in [
                    Side::Inside(&origin.ceptoar),
                    Side::Outside(&origin.ceptoar),
                ] {
                    for (_, audience) in cut(&access, side) {
                        let stored = serde_json::to_string(&audience)?;
                        pieces.push(serde_json::from_str(&stored)?);
                    }
                }
                audiences.push(pieces);
            }
        }
    }
    let mut questions = Vec::new();
    for rule in 0..rules.len() {
        for reader in 0..readers.len() {
            for channel in [Channel::Console, Channel::Taxii] {
                questions.push(Question {
                    rule,
                    reader,
                    channel,
                });
            }
        }
    }
    shuffle(&mut questions);
    Ok(Mix {
        rules,
        audiences,
        readers,
        questions,
    })
}

/// Where an item under the nth scheme comes from: a CEPTOAR of that scheme, and one of its operators.
pub fn origin(directory: &Directory, n: usize) -> Origin {
    let submitter = BodyId::from(operator(n));
    let body = directory.body(&submitter);
    let ceptoar = body.map_or(&submitter, |body| directory.ceptoar_of(body));
    let mut sectors = body.map(|body| body.sectors.clone()).unwrap_or_default();
    // And one that its source calls useful: the next.
    let next = directory.body(&BodyId::from(operator(n + 1)));
    sectors.extend(next.map(|body| body.sectors.clone()).unwrap_or_default());
    Origin {
        ceptoar: ceptoar.clone(),
        submitter: submitter.clone(),
        operator: Some(submitter.clone()),
        sectors,
    }
}

fn narrowed(n: usize, named: &BTreeSet<PrincipalId>) -> Narrowing {
    let plain = Narrowing::default();
    match n % 5 {
        0 | 1 => Narrowing {
            named: Some(named.clone()),
            ..plain
        },
        2 => Narrowing {
            not_before: now().checked_add_days(Days::new(1)),
            ..plain
        },
        3 => Narrowing {
            not_after: now().checked_sub_days(Days::new(1)),
            ..plain
        },
        _ => Narrowing {
            not_before: now().checked_sub_days(Days::new(1)),
            not_after: now().checked_add_days(Days::new(1)),
            ..plain
        },
    }
}

/// Of each kind of body some, spread over the whole list, and whoever does not log in.
fn readers(directory: &Directory) -> Vec<Reader> {
    let mut readers = vec![Reader::anybody()];
    for kind in [
        BodyKind::NationalCentre,
        BodyKind::Ministry,
        BodyKind::Agency,
        BodyKind::Ceptoar,
        BodyKind::Operator,
    ] {
        let of_kind: Vec<_> = directory
            .principals()
            .filter(|person| {
                directory
                    .body(&person.body)
                    .is_some_and(|body| body.kind == kind)
            })
            .collect();
        let wanted = match kind {
            BodyKind::NationalCentre => 2,
            BodyKind::Ministry | BodyKind::Agency => 4,
            _ => 11,
        };
        let step = (of_kind.len() / wanted).max(1);
        // An odd step, so that both roles of a body have their turn.
        let chosen = of_kind.iter().step_by(step | 1).take(wanted);
        readers.extend(chosen.filter_map(|person| directory.reader(person, now())));
    }
    // The sources' own CEPTOARs are where most rules differ.
    for n in 0..5 {
        let own = origin(directory, n).ceptoar;
        let people = directory.principals().filter(|p| p.body == own);
        readers.extend(people.filter_map(|person| directory.reader(person, now())));
    }
    readers
}

fn shuffle(questions: &mut [Question]) {
    let mut state: u64 = 0x5e4b_1500_0000_0001;
    for at in (1..questions.len()).rev() {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        questions.swap(at, (state >> 33) as usize % (at + 1));
    }
}

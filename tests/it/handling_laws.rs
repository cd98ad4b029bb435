//! Law 2: the join is commutative, associative, idempotent and monotone, and never adds a reader.
//! Random rules come from pieces of every dimension, so no dimension is left out by accident.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};
use proptest::prelude::*;
use sekisho::handling::{
    Access, ApprovalMode, Approver, Attribution, Audience, Automated, BodyId, Capability, Channel,
    Column, Columns, Depth, Downgrade, Form, Grant, Grants, Join, NeedToKnow, NoReply, Onward, Pap,
    Passing, Place, PrincipalId, Reach, Reader, Relative, Rule, SectorCode, Side, Tlp, cut, decide,
    within,
};

fn epoch() -> DateTime<Utc> {
    "2026-01-01T00:00:00Z".parse().unwrap()
}

const BODIES: [&str; 4] = ["a", "b", "c", "anybody"];
const SECTORS: [&str; 3] = ["s", "t", "u"];
const PEOPLE: [&str; 3] = ["p", "q", "r"];

fn set<T: Ord + Clone + std::fmt::Debug + 'static>(
    of: Vec<T>,
) -> impl Strategy<Value = BTreeSet<T>> {
    let len = of.len();
    proptest::sample::subsequence(of, 0..=len).prop_map(|items| items.into_iter().collect())
}

fn words(of: &'static [&'static str]) -> impl Strategy<Value = BTreeSet<String>> {
    set(of.iter().map(|word| (*word).to_owned()).collect())
}

fn grants() -> impl Strategy<Value = Grants> {
    let grant = (0..5usize, 0..3usize).prop_map(|(depth, form)| {
        let form = [Form::Identified, Form::Anonymised, Form::None][form];
        Grant::new(Depth::ALL[depth], form)
    });
    proptest::collection::btree_map(
        proptest::sample::select(BODIES.to_vec()).prop_map(BodyId::from),
        grant,
        0..4,
    )
    .prop_map(|map| map.into_iter().collect())
}

fn relative() -> impl Strategy<Value = Relative> {
    let columns = proptest::collection::vec((0..5usize, 0..3usize), 6).prop_map(|picks| {
        let none = serde_json::json!({"depth": "none", "form": "none"});
        let empty: serde_json::Map<String, serde_json::Value> = [
            "own_ceptoar",
            "other_ceptoars",
            "national_centre",
            "own_ministry",
            "other_ministries",
            "observers",
        ]
        .map(|column| (column.to_owned(), none.clone()))
        .into_iter()
        .collect();
        let empty: Columns = serde_json::from_value(empty.into()).unwrap();
        Column::ALL
            .into_iter()
            .zip(picks)
            .fold(empty, |sum, (column, (depth, form))| {
                sum.with(
                    column,
                    Grant::new(
                        Depth::ALL[depth],
                        [Form::Identified, Form::Anonymised, Form::None][form],
                    ),
                )
            })
    });
    prop_oneof![
        Just(Relative::Anything),
        Just(Relative::Several),
        (proptest::sample::select(vec!["a", "b"]), columns).prop_map(|(own, columns)| {
            Relative::One {
                own: own.into(),
                columns,
            }
        }),
    ]
}

fn access() -> impl Strategy<Value = Access> {
    let ntk = (
        set(SECTORS.map(SectorCode::from).to_vec()),
        set(PEOPLE.map(PrincipalId::from).to_vec()),
    )
        .prop_map(|(sectors, persons)| NeedToKnow { sectors, persons });
    let instant = || proptest::option::of((0..3i64).prop_map(|d| epoch() + TimeDelta::days(d)));
    (
        proptest::sample::select(Tlp::ALL.to_vec()),
        grants(),
        (proptest::option::of(ntk), relative()),
        proptest::option::of(set(PEOPLE.map(PrincipalId::from).to_vec())),
        0..3u32,
        any::<bool>(),
        instant(),
        instant(),
    )
        .prop_map(
            |(tlp, audience, (need_to_know, relative), named, keep, jp, not_before, not_after)| {
                Access {
                    tlp,
                    audience,
                    relative,
                    need_to_know,
                    named,
                    retention_min_days: keep,
                    storage_jp_only: jp,
                    view_only: keep == 2 && jp,
                    not_before,
                    not_after,
                }
            },
        )
}

fn approvals<V: Clone + std::fmt::Debug + 'static>(
    values: Vec<V>,
) -> impl Strategy<Value = BTreeMap<Approver, V>> {
    proptest::collection::btree_map(
        proptest::sample::select(vec!["a.poc", "b.poc", "o.source"]).prop_map(Approver::from),
        proptest::sample::select(values),
        0..3,
    )
}

fn rule() -> impl Strategy<Value = Rule> {
    let passing = || proptest::sample::select(Passing::ALL.to_vec());
    let onward = (passing(), passing(), passing(), passing()).prop_map(
        |(group, vendor, client, overseas)| Onward {
            group,
            vendor,
            client,
            overseas,
        },
    );
    let downgrade = prop_oneof![
        Just(Downgrade::NotApplicable),
        (1..4u32).prop_map(Downgrade::AfterDays),
        Just(Downgrade::Never)
    ];
    let first = (
        access(),
        proptest::sample::select(Attribution::ALL.to_vec()),
        onward,
        approvals(ApprovalMode::ALL.to_vec()),
        approvals(vec![24u32, 48, 72]),
        proptest::sample::select(NoReply::ALL.to_vec()),
        proptest::option::of(words(&["defence", "improve", "training"])),
        words(&["defence", "media", "sales"]),
    );
    let second = (
        proptest::option::of(1..4u32),
        proptest::sample::select(Automated::ALL.to_vec()),
        downgrade,
        0..4u32,
        proptest::option::of(1..4u32),
        words(&["org", "site", "vendor"]),
        proptest::sample::select(Pap::ALL.to_vec()),
    );
    (first, second).prop_map(|(first, second)| Rule {
        access: first.0,
        attribution: first.1,
        onward: first.2,
        approvals: first.3,
        reply_hours: first.4,
        no_reply: first.5,
        purposes_allowed: first.6,
        purposes_prohibited: first.7,
        retention_max_days: second.0,
        automated: second.1,
        downgrade: second.2,
        k: second.3,
        ack_hours: second.4,
        anonymise: second.5,
        pap: second.6,
    })
}

fn reader() -> impl Strategy<Value = Reader> {
    let reach = prop_oneof![
        Just(Reach::Poc),
        Just(Reach::Analyst),
        set(SECTORS.map(SectorCode::from).to_vec()).prop_map(Reach::Member)
    ];
    (
        proptest::sample::select(PEOPLE.to_vec()),
        proptest::sample::select(BODIES.to_vec()),
        reach,
        any::<bool>(),
        0..3u32,
    )
        .prop_map(|(who, body, reach, storage_jp, keep)| Reader {
            principal: PrincipalId::from(who),
            places: vec![Place {
                body: BodyId::from(body),
                reach,
            }],
            seats: BTreeSet::new(),
            capability: Capability {
                storage_jp,
                retention_min_days: keep,
            },
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn the_join_is_commutative(a in rule(), b in rule()) {
        prop_assert_eq!(a.join(&b), b.join(&a));
    }

    #[test]
    fn the_join_is_associative(a in rule(), b in rule(), c in rule()) {
        prop_assert_eq!(a.join(&b).join(&c), a.join(&b.join(&c)));
    }

    #[test]
    fn the_join_is_idempotent_and_the_unrestricted_rule_is_its_identity(a in rule()) {
        prop_assert_eq!(a.join(&a), a.clone());
        prop_assert_eq!(a.join(&Rule::unrestricted()), a);
    }

    /// Monotone: joining more never loosens, in the order the join itself defines.
    #[test]
    fn the_join_is_monotone(a in rule(), b in rule(), c in rule()) {
        let (small, large) = (a.join(&c), a.join(&b).join(&c));
        prop_assert_eq!(small.join(&large), large);
    }

    #[test]
    fn joining_never_adds_a_reader_nor_a_wider_form(
        a in access(), b in access(), reader in reader(), day in 0..3i64,
    ) {
        let now = epoch() + TimeDelta::days(day);
        for channel in [Channel::Console, Channel::Rest, Channel::Taxii] {
            let joined = decide(&a.join(&b), &reader, channel, now).form();
            for part in [&a, &b] {
                let alone = decide(part, &reader, channel, now).form();
                prop_assert!(joined.is_none() || alone.is_some_and(|alone| joined >= Some(alone)));
            }
        }
    }

    /// The same with everything but one dimension wide open, so that each dimension alone is seen
    /// to deny: random whole rules deny for several reasons at once and hide one that forgets to.
    #[test]
    fn each_dimension_alone_never_adds_a_reader(
        a in access(), b in access(), reader in reader(), day in 0..3i64, which in 0..6usize,
    ) {
        let only = |of: &Access| {
            let mut open = Rule::unrestricted().access;
            match which {
                0 => open.named = of.named.clone(),
                1 => {
                    open.need_to_know = of.need_to_know.clone();
                    open.audience = BODIES.iter().map(|body| (BodyId::from(*body),
                        Grant::new(Depth::MembersNtk, Form::Identified))).collect();
                }
                2 => open.retention_min_days = of.retention_min_days,
                3 => open.storage_jp_only = of.storage_jp_only,
                4 => (open.not_before, open.not_after) = (of.not_before, of.not_after),
                _ => open.audience = of.audience.clone(),
            }
            open
        };
        let (a, b) = (only(&a), only(&b));
        let now = epoch() + TimeDelta::days(day);
        let joined = decide(&a.join(&b), &reader, Channel::Rest, now).form();
        for part in [&a, &b] {
            let alone = decide(part, &reader, Channel::Rest, now).form();
            prop_assert!(joined.is_none() || alone.is_some_and(|alone| joined >= Some(alone)));
        }
    }

    /// The interned audiences are the decision, cut in pieces: together they admit exactly whom it
    /// admits, in the form it gives, and no reader from both sides of the CEPTOAR.
    #[test]
    fn the_pieces_of_a_rule_admit_exactly_whom_the_rule_admits(
        access in access(), reader in reader(), own in proptest::sample::select(BODIES.to_vec()),
    ) {
        // An item's rule always says who needs to know; its instants stay with the item.
        let access = Access {
            need_to_know: Some(access.need_to_know.unwrap_or_default()),
            not_before: None,
            not_after: None,
            ..access
        };
        let own = BodyId::from(own);
        for channel in [Channel::Console, Channel::Taxii] {
            let whole = decide(&access, &reader, channel, epoch()).form();
            let mut forms = BTreeSet::new();
            for side in [Side::Inside(&own), Side::Outside(&own)] {
                for (form, piece) in cut(&access, side) {
                    if piece.admits(&reader, channel, epoch()) {
                        forms.insert(form);
                    }
                }
            }
            prop_assert_eq!(forms.into_iter().collect::<Vec<_>>(), whole.into_iter().collect::<Vec<_>>());
        }
    }

    /// Parts are a chain: of its whole a reader sees so many and no more, and gets exactly one entry.
    /// A further condition splits each again, and nobody is in two or in none.
    #[test]
    fn the_parts_of_an_audience_are_one_for_each_reader(
        whole in access(), parts in proptest::collection::vec(access(), 1..4), other in access(),
        reader in reader(), own in proptest::sample::select(BODIES.to_vec()),
    ) {
        let bare = |access: &Access| Access {
            need_to_know: Some(access.need_to_know.clone().unwrap_or_default()),
            not_before: None, not_after: None, ..access.clone()
        };
        let own = BodyId::from(own);
        let mut chain = vec![bare(&whole)];
        for part in &parts {
            let last = chain.last().unwrap().join(&bare(part));
            chain.push(last);
        }
        let mut known: BTreeMap<i64, Audience> = BTreeMap::new();
        let mut intern = |audience: Audience| {
            let same = known.iter().find(|(_, old)| **old == audience).map(|(id, _)| *id);
            same.unwrap_or_else(|| {
                let id = known.len() as i64 + 1;
                known.insert(id, audience);
                id
            })
        };
        let mut classes: Vec<(Form, i64)> = Vec::new();
        for side in [Side::Inside(&own), Side::Outside(&own)] {
            let other: Vec<i64> = cut(&bare(&other), side).into_iter().map(|(_, a)| intern(a)).collect();
            for (form, piece) in cut(&chain[0], side) {
                let of = intern(piece);
                for seen in 0..chain.len() {
                    let mut admitted = |access: &Access| -> Vec<i64> {
                        cut(access, side).into_iter().filter(|(of, _)| *of <= form).map(|(_, a)| intern(a)).collect()
                    };
                    let with = if seen > 0 { vec![admitted(&chain[seen])] } else { vec![] };
                    let without = chain.get(seen + 1).map(&mut admitted).into_iter().filter(|list| !list.is_empty()).collect();
                    if with.iter().any(Vec::is_empty) { continue; }
                    let class = intern(Audience::Part { of, with, without });
                    for (with, without) in [(vec![other.clone()], vec![]), (vec![], vec![other.clone()])] {
                        classes.push((form, intern(Audience::Part { of: class, with, without })));
                    }
                }
            }
        }
        for channel in [Channel::Console, Channel::Taxii] {
            let mut among = BTreeSet::new();
            for (id, audience) in &known {
                if audience.admits_among(&reader, channel, epoch(), &among) { among.insert(*id); }
            }
            // Several pieces of one class are one entry: what differs is the class.
            let whole = decide(&chain[0], &reader, channel, epoch()).form();
            let mut kinds = BTreeSet::new();
            for (form, id) in &classes {
                if among.contains(id) {
                    let Some(Audience::Part { of, with, .. }) = known.get(id) else { panic!() };
                    let Some(Audience::Part { with: seen, without, .. }) = known.get(of) else { panic!() };
                    kinds.insert((*form, seen.clone(), without.clone(), with.is_empty()));
                }
            }
            prop_assert_eq!(kinds.len(), usize::from(whole.is_some()), "{:?}", kinds);
            for a in known.keys() {
                for b in known.keys() {
                    if among.contains(a) && within(*a, *b, &known) {
                        prop_assert!(among.contains(b), "{:?} in {:?}", known.get(a), known.get(b));
                    }
                }
            }
        }
    }

    /// What is certainly within is within, for a rule and the same rule joined with another.
    #[test]
    fn a_narrowed_piece_is_within_when_it_is_said_to_be(
        a in access(), b in access(), reader in reader(), own in proptest::sample::select(BODIES.to_vec()),
    ) {
        let bare = |access: &Access| Access {
            need_to_know: Some(access.need_to_know.clone().unwrap_or_default()),
            not_before: None, not_after: None, ..access.clone()
        };
        let own = BodyId::from(own);
        let joined = bare(&a).join(&bare(&b));
        for side in [Side::Inside(&own), Side::Outside(&own)] {
            let pieces = cut(&bare(&a), side).into_iter().chain(cut(&joined, side));
            let known: BTreeMap<i64, Audience> = (1..).zip(pieces.map(|(_, piece)| piece)).collect();
            for (one, inner) in &known {
                for (two, outer) in &known {
                    for channel in [Channel::Console, Channel::Taxii] {
                        if within(*one, *two, &known) && inner.admits(&reader, channel, epoch()) {
                            prop_assert!(outer.admits(&reader, channel, epoch()), "{inner:?} {outer:?}");
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn an_audience_survives_being_stored(access in access()) {
        let own = BodyId::from("a");
        let access = Access { not_before: None, not_after: None, ..access };
        for (_, piece) in cut(&access, Side::Outside(&own)) {
            let text = serde_json::to_string(&piece).unwrap();
            prop_assert_eq!(serde_json::from_str::<Audience>(&text).unwrap(), piece);
        }
    }
}

#[test]
fn an_empty_audience_is_nobody() {
    let mut access = Rule::unrestricted().access;
    access.audience = Grants::default();
    let reader = Reader::anybody();
    assert_eq!(
        decide(&access, &reader, Channel::Console, epoch()).form(),
        None
    );
    assert!(cut(&access, Side::Outside(&"a".into())).is_empty());
}

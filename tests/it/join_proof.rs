//! The laws of the join, proved instead of sampled.
//!
//! The proof has two halves. Each dimension alone keeps the laws: all its values, all triples of them.
//! And the join of two rules is made dimension by dimension: what comes out in one depends on that
//! one alone. Both walk the same list of dimensions, which a new field of the rule breaks.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};
use sekisho::handling::{
    Access, ApprovalMode, Approver, Attribution, Automated, BodyId, Column, Columns, Depth,
    Downgrade, Form, Grant, Grants, Join, NeedToKnow, NoReply, Onward, Pap, Passing, PrincipalId,
    Relative, Rule, SectorCode, Tlp,
};

/// One dimension: every value of it, as a rule that says nothing else, and how to take it over.
struct Dimension {
    name: &'static str,
    values: Vec<Rule>,
    take: fn(&Rule, &mut Rule),
}

/// Numbers and instants have no end, but the join only compares them, and any three of them are in
/// the same order as three of these.
const NUMBERS: [u32; 4] = [0, 1, 2, u32::MAX];

fn instants() -> Vec<Option<DateTime<Utc>>> {
    let epoch: DateTime<Utc> = "2026-01-01T00:00:00Z".parse().unwrap();
    let days = (0..3).map(|day| Some(epoch + TimeDelta::days(day)));
    std::iter::once(None).chain(days).collect()
}

fn subsets<T: Ord + Clone>(of: &[T]) -> Vec<BTreeSet<T>> {
    (0..1usize << of.len())
        .map(|bits| {
            of.iter()
                .enumerate()
                .filter(|(n, _)| bits >> n & 1 == 1)
                .map(|(_, item)| item.clone())
                .collect()
        })
        .collect()
}

fn maybe<T: Clone>(values: Vec<T>) -> Vec<Option<T>> {
    std::iter::once(None)
        .chain(values.into_iter().map(Some))
        .collect()
}

fn words() -> Vec<BTreeSet<String>> {
    subsets(&["a", "b", "c"].map(str::to_owned))
}

fn all_grants() -> Vec<Grant> {
    let mut all = vec![Grant::NONE];
    for depth in Depth::ALL {
        for form in [Form::Identified, Form::Anonymised] {
            let grant = Grant::new(depth, form);
            if !all.contains(&grant) {
                all.push(grant);
            }
        }
    }
    assert_eq!(all.len(), 9, "four depths in two forms, and none");
    all
}

/// Every map from two approvers to a value or nothing.
fn two_approvers<V: Copy>(values: &[V]) -> Vec<BTreeMap<Approver, V>> {
    let maybe: Vec<Option<V>> = std::iter::once(None)
        .chain(values.iter().copied().map(Some))
        .collect();
    let mut all = Vec::new();
    for one in &maybe {
        for two in &maybe {
            let pairs = [("a.poc", one), ("b.poc", two)];
            all.push(
                pairs
                    .into_iter()
                    .filter_map(|(who, value)| value.map(|value| (Approver::from(who), value)))
                    .collect(),
            );
        }
    }
    all
}

/// One body, listed with every grant or not listed, under "the rest is nobody" and under "the rest is
/// unrestricted".
fn one_body() -> Vec<Grants> {
    let mut all = Vec::new();
    for rest in [Grants::default(), Grants::unrestricted()] {
        all.push(rest.clone());
        for grant in all_grants() {
            let mut listed = rest.clone();
            listed.set("a".into(), grant);
            all.push(listed);
        }
    }
    all
}

/// Two sources' columns, with every grant in one of them and nothing in the others: the columns are
/// joined one by one like bodies.
fn relatives() -> Vec<Relative> {
    let nothing = serde_json::json!({"depth": "none", "form": "none"});
    let names = [
        "own_ceptoar",
        "other_ceptoars",
        "national_centre",
        "own_ministry",
        "other_ministries",
        "observers",
    ];
    let empty: serde_json::Map<String, serde_json::Value> = names
        .map(|name| (name.to_owned(), nothing.clone()))
        .into_iter()
        .collect();
    let empty: Columns = serde_json::from_value(empty.into()).unwrap();
    let mut all = vec![Relative::Anything, Relative::Several];
    for own in ["a", "b"] {
        for grant in all_grants() {
            all.push(Relative::One {
                own: own.into(),
                columns: empty.with(Column::Observers, grant),
            });
        }
    }
    all
}

macro_rules! dimension {
    ($name:literal, $values:expr, $($field:ident).+) => {
        Dimension {
            name: $name,
            values: $values
                .into_iter()
                .map(|value| {
                    let mut rule = Rule::unrestricted();
                    rule.$($field).+ = value;
                    rule
                })
                .collect(),
            take: |from, to| to.$($field).+.clone_from(&from.$($field).+),
        }
    };
}

fn dimensions() -> Vec<Dimension> {
    let needs = subsets(&["s", "t"].map(SectorCode::from))
        .into_iter()
        .flat_map(|sectors| {
            subsets(&["p", "q"].map(PrincipalId::from))
                .into_iter()
                .map(move |persons| NeedToKnow {
                    sectors: sectors.clone(),
                    persons,
                })
        })
        .collect();
    let people = subsets(&["p", "q", "r"].map(PrincipalId::from));
    let downgrades = [Downgrade::NotApplicable, Downgrade::Never]
        .into_iter()
        .chain(NUMBERS.map(Downgrade::AfterDays))
        .collect::<Vec<_>>();
    vec![
        dimension!("tlp", Tlp::ALL, access.tlp),
        dimension!("audience", one_body(), access.audience),
        dimension!("relative", relatives(), access.relative),
        dimension!("need_to_know", maybe(needs), access.need_to_know),
        dimension!("named", maybe(people), access.named),
        dimension!("retention_min_days", NUMBERS, access.retention_min_days),
        dimension!("storage_jp_only", [false, true], access.storage_jp_only),
        dimension!("view_only", [false, true], access.view_only),
        dimension!("not_before", instants(), access.not_before),
        dimension!("not_after", instants(), access.not_after),
        dimension!("attribution", Attribution::ALL.to_vec(), attribution),
        dimension!("onward.group", Passing::ALL.to_vec(), onward.group),
        dimension!("onward.vendor", Passing::ALL.to_vec(), onward.vendor),
        dimension!("onward.client", Passing::ALL.to_vec(), onward.client),
        dimension!("onward.overseas", Passing::ALL.to_vec(), onward.overseas),
        dimension!("approvals", two_approvers(ApprovalMode::ALL), approvals),
        dimension!("reply_hours", two_approvers(&NUMBERS), reply_hours),
        dimension!("no_reply", NoReply::ALL.to_vec(), no_reply),
        dimension!("purposes_allowed", maybe(words()), purposes_allowed),
        dimension!("purposes_prohibited", words(), purposes_prohibited),
        dimension!(
            "retention_max_days",
            maybe(NUMBERS.to_vec()),
            retention_max_days
        ),
        dimension!("automated", Automated::ALL.to_vec(), automated),
        dimension!("downgrade", downgrades, downgrade),
        dimension!("k", NUMBERS, k),
        dimension!("ack_hours", maybe(NUMBERS.to_vec()), ack_hours),
        dimension!("anonymise", words(), anonymise),
        dimension!("pap", Pap::ALL.to_vec(), pap),
    ]
}

/// Every field there is, by destructuring without `..`: a dimension that is added to the rule stops
/// this from compiling, and once it is named here it must be in the list above.
fn every_field() -> Vec<&'static str> {
    let Rule {
        access:
            Access {
                tlp: _,
                audience: _,
                relative: _,
                need_to_know: _,
                named: _,
                retention_min_days: _,
                storage_jp_only: _,
                view_only: _,
                not_before: _,
                not_after: _,
            },
        attribution: _,
        onward:
            Onward {
                group: _,
                vendor: _,
                client: _,
                overseas: _,
            },
        approvals: _,
        reply_hours: _,
        no_reply: _,
        purposes_allowed: _,
        purposes_prohibited: _,
        retention_max_days: _,
        automated: _,
        downgrade: _,
        k: _,
        ack_hours: _,
        anonymise: _,
        pap: _,
    } = Rule::unrestricted();
    let NeedToKnow {
        sectors: _,
        persons: _,
    } = NeedToKnow::default();
    vec![
        "tlp",
        "audience",
        "relative",
        "need_to_know",
        "named",
        "retention_min_days",
        "storage_jp_only",
        "view_only",
        "not_before",
        "not_after",
        "attribution",
        "onward.group",
        "onward.vendor",
        "onward.client",
        "onward.overseas",
        "approvals",
        "reply_hours",
        "no_reply",
        "purposes_allowed",
        "purposes_prohibited",
        "retention_max_days",
        "automated",
        "downgrade",
        "k",
        "ack_hours",
        "anonymise",
        "pap",
    ]
}

/// As the rule is written out: what `every_field` forgets to name would still show here.
fn written() -> BTreeSet<String> {
    let mut rule = Rule::unrestricted();
    rule.access.need_to_know = Some(NeedToKnow::default());
    rule.access.named = Some(BTreeSet::new());
    rule.access.relative = Relative::Several;
    rule.access.view_only = true;
    rule.access.not_before = instants()[1];
    rule.access.not_after = instants()[1];
    let value = serde_json::to_value(rule).unwrap();
    value
        .as_object()
        .unwrap()
        .keys()
        .map(|name| name.replace("downgrade_after_days", "downgrade"))
        .collect()
}

#[test]
fn every_dimension_of_the_rule_is_in_the_list_of_the_proof() {
    let listed: Vec<&str> = dimensions().iter().map(|one| one.name).collect();
    assert_eq!(listed, every_field());
    let stems: BTreeSet<String> = listed
        .iter()
        .map(|name| name.split('.').next().unwrap().to_owned())
        .collect();
    assert_eq!(stems, written());
}

#[test]
fn the_laws_hold_for_every_triple_of_values_of_every_dimension() {
    let identity = Rule::unrestricted();
    for Dimension { name, values, .. } in dimensions() {
        assert!(values.len() > 1, "{name}");
        let distinct = values
            .iter()
            .enumerate()
            .all(|(n, a)| values[..n].iter().all(|b| a != b));
        assert!(distinct, "{name}: a value is there twice");
        // Joined once for each pair; the table then answers for the triples.
        let table: Vec<Vec<Rule>> = values
            .iter()
            .map(|a| values.iter().map(|b| a.join(b)).collect())
            .collect();
        for (n, a) in values.iter().enumerate() {
            assert_eq!(table[n][n], *a, "{name}: idempotent");
            assert_eq!(a.join(&identity), *a, "{name}: identity");
            assert_eq!(identity.join(a), *a, "{name}: identity");
            for m in 0..values.len() {
                let ab = &table[n][m];
                assert_eq!(*ab, table[m][n], "{name}: commutative");
                assert_eq!(a.join(ab), *ab, "{name}: no looser than either");
                for (l, c) in values.iter().enumerate() {
                    let left = ab.join(c);
                    assert_eq!(left, a.join(&table[m][l]), "{name}: associative");
                    // Monotone: where a is no stricter than ab, joining c to both keeps it so.
                    assert_eq!(table[n][l].join(&left), left, "{name}: monotone");
                }
            }
        }
    }
}

/// Two rules that differ in everything, joined: each dimension comes out as if it were alone. Over
/// pairs of rules in which every dimension runs through all its values.
#[test]
fn the_join_of_two_rules_is_made_dimension_by_dimension() {
    let dimensions = dimensions();
    let longest = dimensions.iter().map(|one| one.values.len()).max().unwrap();
    let rule = |step: usize| {
        let mut rule = Rule::unrestricted();
        for (n, dimension) in dimensions.iter().enumerate() {
            // Every value once in as many steps as there are, and then shifted, so that no two
            // dimensions keep step.
            let (values, len) = (&dimension.values, dimension.values.len());
            (dimension.take)(&values[(step + n * (step / len)) % len], &mut rule);
        }
        rule
    };
    let rules: Vec<Rule> = (0..2 * longest).map(rule).collect();
    for a in &rules {
        for b in &rules {
            let whole = a.join(b);
            let mut rebuilt = Rule::unrestricted();
            for dimension in &dimensions {
                let alone = |of: &Rule| {
                    let mut alone = Rule::unrestricted();
                    (dimension.take)(of, &mut alone);
                    alone
                };
                (dimension.take)(&alone(a).join(&alone(b)), &mut rebuilt);
            }
            assert_eq!(whole, rebuilt);
        }
    }
}

/// Over three bodies and all nine grants, each also left out: the join of two audiences is the join of
/// each body's grants, whatever the others have.
#[test]
fn the_join_of_two_audiences_is_made_body_by_body() {
    let bodies = ["a", "b", "c"].map(BodyId::from);
    let grants: Vec<Option<Grant>> = maybe(all_grants());
    let audiences: Vec<Grants> = (0..1000)
        .map(|n| {
            let mut audience = Grants::default();
            for (body, place) in bodies.iter().zip([1, 10, 100]) {
                if let Some(grant) = grants[n / place % 10] {
                    audience.set(body.clone(), grant);
                }
            }
            audience
        })
        .collect();
    // Two grants by hand: per half the narrower, and no half without the other.
    let by_hand = |a: Grant, b: Grant| {
        let rank = |depth: Depth| Depth::ALL.iter().position(|one| *one == depth).unwrap();
        let depth = Depth::ALL[rank(a.depth()).max(rank(b.depth()))];
        let form = match (a.form(), b.form()) {
            (Form::Identified, Form::Identified) => Form::Identified,
            (Form::None, _) | (_, Form::None) => Form::None,
            _ => Form::Anonymised,
        };
        (depth, form)
    };
    for (n, a) in audiences.iter().enumerate() {
        for b in &audiences[n..] {
            let joined = a.join(b);
            for body in &bodies {
                let grant = joined.get(body);
                assert_eq!(
                    (grant.depth(), grant.form()),
                    by_hand(a.get(body), b.get(body))
                );
            }
        }
    }
}

#[test]
fn onward_is_four_answers_and_each_stands_alone() {
    let all: Vec<Onward> = (0..256usize)
        .map(|n| Onward {
            group: Passing::ALL[n & 3],
            vendor: Passing::ALL[n >> 2 & 3],
            client: Passing::ALL[n >> 4 & 3],
            overseas: Passing::ALL[n >> 6 & 3],
        })
        .collect();
    let stricter = |a: Passing, b: Passing| if a as u8 >= b as u8 { a } else { b };
    for a in &all {
        for b in &all {
            let joined = a.join(b);
            assert_eq!(joined.group, stricter(a.group, b.group));
            assert_eq!(joined.vendor, stricter(a.vendor, b.vendor));
            assert_eq!(joined.client, stricter(a.client, b.client));
            assert_eq!(joined.overseas, stricter(a.overseas, b.overseas));
        }
    }
}

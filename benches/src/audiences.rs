//! From a level to the readers of an item: resolving it, cutting it into audiences, and asking which
//! of many interned audiences one reader is in.

use std::collections::BTreeSet;

use anyhow::Context;
use sekisho::council::{BodyKind, Directory, Facts, resolve};
use sekisho::handling::{Audience, Channel, Reader, Side, cut};

use crate::council::{Shape, council};
use crate::measure::nanos_each;
use crate::mix::{now, origin};
use crate::table::{Section, grouped};

/// Measures at each number of bodies, and the gate at each number of audiences.
pub fn audiences(sizes: &[usize], gate: &[usize]) -> anyhow::Result<Section> {
    let mut section = Section::new("Audiences", "bodies or audiences");
    for shape in [Shape::AsInLife, Shape::AllInColumns] {
        for size in sizes {
            resolution(&mut section, shape, *size)?;
        }
    }
    for count in gate {
        self::gate(&mut section, *count)?;
    }
    Ok(section)
}

fn resolution(section: &mut Section, shape: Shape, size: usize) -> anyhow::Result<()> {
    let with_policy = council(size, shape)?;
    let mut without = with_policy.clone();
    without.charter.policies.clear();
    without.charter.invariants.clear();
    let facts: Facts = serde_json::from_value(serde_json::json!({"stage": "final"}))?;
    let day = now().date_naive();
    for (file, policies) in [(without, false), (with_policy, true)] {
        let directory = Directory::new(1, file);
        let schemes = directory.schemes(day);
        let all: Vec<_> = schemes
            .iter()
            .zip(0..)
            .flat_map(|(scheme, n)| scheme.levels.iter().map(move |level| (*scheme, level, n)))
            .collect();
        let origins: Vec<_> = (0..schemes.len()).map(|n| origin(&directory, n)).collect();
        if !policies {
            let spread = nanos_each(all.len(), || {
                for (_, level, n) in &all {
                    std::hint::black_box(directory.level_rule(level, &origins[*n], now()));
                }
            });
            section.add(
                "a level's rule over all bodies",
                grouped(size),
                spread,
                shape.word(),
            );
        }
        let one = |(scheme, level, n): &(
            &sekisho::handling::Scheme,
            &sekisho::handling::Level,
            usize,
        )| {
            resolve(
                &directory,
                (&scheme.id, scheme.version),
                level,
                &origins[*n],
                &Default::default(),
                Some(&facts),
                now(),
            )
        };
        let spread = nanos_each(all.len(), || all.iter().map(one).collect::<Vec<_>>());
        let what = if policies {
            "`resolve` under a charter with one Cedar policy"
        } else {
            "`resolve`: joined, conflicts, whose clause"
        };
        section.add(what, grouped(size), spread, shape.word());
        if policies {
            continue;
        }
        let rules: Vec<_> = all.iter().map(one).collect();
        let spread = nanos_each(rules.len(), || {
            for (rule, (_, _, n)) in rules.iter().zip(&all) {
                let own = &origins[*n].ceptoar;
                std::hint::black_box(cut(&rule.rule.access, Side::Inside(own)));
                std::hint::black_box(cut(&rule.rule.access, Side::Outside(own)));
            }
        });
        section.add("`cut`, both sides", grouped(size), spread, shape.word());
    }
    Ok(())
}

/// Audiences that a council like in life can make, up to `count`: of every level of every CEPTOAR, and
/// then, since they come to an end at some 760, the same again for named persons.
pub fn interned(directory: &Directory, count: usize) -> anyhow::Result<Vec<Audience>> {
    let mut made = BTreeSet::new();
    let mut list: Vec<Audience> = Vec::new();
    let ceptoars = || {
        directory
            .bodies()
            .filter(|body| body.kind == BodyKind::Ceptoar)
    };
    for step in 0..ceptoars().count() {
        for (n, ceptoar) in ceptoars().enumerate() {
            let mut origin = origin(directory, n);
            origin.ceptoar = ceptoar.id.clone();
            let useful = crate::mix::origin(directory, n + step);
            origin.sectors.extend(useful.sectors);
            let scheme = directory
                .scheme_of(&ceptoar.id, now().date_naive())
                .context("a CEPTOAR has a scheme")?;
            for level in &scheme.levels {
                let rule = directory.level_rule(level, &origin, now());
                let own = &origin.ceptoar;
                for side in [Side::Inside(own), Side::Outside(own)] {
                    for (_, audience) in cut(&rule.access, side) {
                        let text = serde_json::to_string(&audience)?;
                        if made.len() < count && !made.contains(&text) {
                            list.push(serde_json::from_str(&text)?);
                            made.insert(text);
                        }
                    }
                }
            }
        }
    }
    let persons = directory.principals().map(|person| &person.id);
    for (n, person) in (0..count.saturating_sub(list.len())).zip(persons) {
        let mut named = list[n].clone();
        if let Audience::Readers { access, .. } = &mut named {
            access.named = Some([person.clone()].into());
        }
        list.push(named);
    }
    Ok(list)
}

fn gate(section: &mut Section, count: usize) -> anyhow::Result<()> {
    let directory = Directory::new(1, council(10_000, Shape::AsInLife)?);
    let audiences = interned(&directory, count)?;
    let readers: Vec<Reader> = directory
        .principals()
        .step_by(101)
        .filter_map(|person| directory.reader(person, now()))
        .collect();
    let spread = nanos_each(readers.len(), || {
        for reader in &readers {
            let within = audiences
                .iter()
                .filter(|audience| audience.admits(reader, Channel::Taxii, now()))
                .count();
            std::hint::black_box(within);
        }
    });
    let note = format!(
        "{:.1} ns for each audience",
        spread.median / audiences.len() as f64
    );
    section.add(
        "the gate: which audiences one reader is in",
        grouped(audiences.len()),
        spread,
        note,
    );
    Ok(())
}

//! One decision at a time: the hub's own, Cedar's, Rego's, and what a machine can do at all, over the
//! same questions. All engines must answer alike before any is timed.

use std::hint::black_box;

use anyhow::ensure;
use sekisho::handling::{Decision, Form, decide};

use crate::cedar::Cedar;
use crate::council::{Shape, council};
use crate::measure::nanos_each;
use crate::mix::{Mix, mix, now};
use crate::rego::Rego;
use crate::table::{Section, grouped};

/// Measures at each number of bodies.
pub fn decisions(sizes: &[usize], peers: bool) -> anyhow::Result<Section> {
    let mut section = Section::new("One decision, with its reason", "bodies in the rule");
    for size in sizes {
        let mix = mix(council(*size, Shape::AllInColumns)?)?;
        let answers = answers(&mix);
        let passing = answers.iter().filter(|form| **form != Form::None).count();
        eprintln!(
            "{} rules, {} readers, {} questions, {passing} pass",
            mix.rules.len(),
            mix.readers.len(),
            mix.questions.len()
        );
        own(&mut section, &mix, &answers, *size)?;
        if peers {
            self::peers(&mut section, &mix, &answers, *size)?;
        }
    }
    Ok(section)
}

fn answers(mix: &Mix) -> Vec<Form> {
    let form = |question: &crate::mix::Question| {
        let (rule, reader) = (&mix.rules[question.rule], &mix.readers[question.reader]);
        let decision = decide(rule, reader, question.channel, now());
        decision.form().unwrap_or(Form::None)
    };
    mix.questions.iter().map(form).collect()
}

fn own(section: &mut Section, mix: &Mix, answers: &[Form], size: usize) -> anyhow::Result<()> {
    let count = mix.questions.len();
    let now = now();
    // An interned audience holds no instants: what is not yet, or no longer, is with the item.
    for (question, form) in mix.questions.iter().zip(answers) {
        let rule = &mix.rules[question.rule];
        if rule.not_before.is_some() || rule.not_after.is_some() {
            continue;
        }
        let reader = &mix.readers[question.reader];
        let admitted = mix.audiences[question.rule]
            .iter()
            .any(|audience| audience.admits(reader, question.channel, now));
        ensure!(
            admitted == (*form != Form::None),
            "the audiences of rule {} say {admitted} to reader {} and the rule {form:?}",
            question.rule,
            question.reader
        );
    }
    section.add(
        "sekisho, `decide`: form, and ground or denial",
        grouped(size),
        nanos_each(count, || {
            let mut passed = 0;
            for question in &mix.questions {
                let decision = decide(
                    black_box(&mix.rules[question.rule]),
                    black_box(&mix.readers[question.reader]),
                    question.channel,
                    black_box(now),
                );
                passed += usize::from(matches!(black_box(decision), Decision::Pass { .. }));
            }
            passed
        }),
        "",
    );
    let pieces: usize = mix
        .questions
        .iter()
        .map(|question| mix.audiences[question.rule].len())
        .sum();
    section.add(
        "sekisho, one interned `Audience::admits`",
        grouped(size),
        nanos_each(pieces, || {
            let mut passed = 0;
            for question in &mix.questions {
                for audience in black_box(&mix.audiences[question.rule]) {
                    let reader = black_box(&mix.readers[question.reader]);
                    passed += usize::from(audience.admits(reader, question.channel, now));
                }
            }
            passed
        }),
        "",
    );
    // The bare limit: all answers made before, and looked up by number.
    let mut answer_table = vec![0_u8; mix.rules.len() * mix.readers.len() * 2];
    let place = |question: &crate::mix::Question| {
        (question.rule * mix.readers.len() + question.reader) * 2
            + usize::from(question.channel.hands_over())
    };
    for (question, form) in mix.questions.iter().zip(answers) {
        answer_table[place(question)] = *form as u8;
    }
    section.add(
        "the bare limit: an answer looked up by number",
        grouped(size),
        nanos_each(count, || {
            let mut passed = 0;
            for question in &mix.questions {
                passed += usize::from(black_box(answer_table[black_box(place(question))]) < 2);
            }
            passed
        }),
        "",
    );
    Ok(())
}

fn peers(section: &mut Section, mix: &Mix, answers: &[Form], size: usize) -> anyhow::Result<()> {
    let count = mix.questions.len();
    let own = section
        .lines
        .iter()
        .rev()
        .find(|line| line.what.contains("`decide`"))
        .map_or(f64::NAN, |line| line.spread.median);
    let times = |spread: &crate::measure::Spread| format!("{:.0} × `decide`", spread.median / own);

    let cedar = Cedar::new(mix)?;
    for (n, form) in answers.iter().enumerate() {
        for reasons in [true, false] {
            let said = cedar.form(n, reasons);
            ensure!(
                said == *form,
                "Cedar says {said:?} to question {n}, the hub {form:?}"
            );
        }
        ensure!(!cedar.failed(n), "a Cedar policy failed on question {n}");
    }
    let [with, without] = cedar.policies();
    for (reasons, what) in [
        (true, format!("Cedar, {with} policies, each a reason")),
        (false, format!("Cedar, {without} policies, no reason")),
    ] {
        let spread = nanos_each(count, || {
            for n in 0..count {
                black_box(cedar.form(black_box(n), reasons));
            }
        });
        section.add(&what, grouped(size), spread, times(&spread));
    }
    drop(cedar);

    let mut rego = Rego::new(mix)?;
    for (n, form) in answers.iter().enumerate() {
        let said = rego.form(n)?;
        ensure!(
            said == *form,
            "Rego says {said:?} to question {n}, the hub {form:?}"
        );
    }
    let spread = nanos_each(count, || {
        for n in 0..count {
            black_box(rego.form(black_box(n)).is_ok());
        }
    });
    section.add(
        "Rego (regorus, byte code)",
        grouped(size),
        spread,
        times(&spread),
    );
    Ok(())
}

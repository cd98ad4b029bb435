//! A plan in words: what a council file changes, and for whom.

use std::fmt::Write;

use serde_json::Value;

use crate::council::plan::{
    Change, Direction, Effect, Entry, Fate, Field, Impact, SchemeChange, Turn,
};
use crate::exchange::plan::Planned;

/// The plan as text, with at most `items` item ids for each change.
pub fn text(planned: &Planned, items: usize) -> String {
    let plan = &planned.plan;
    let mut out = String::new();
    if plan.is_empty() {
        out.push_str("the council file says what is in force already\n");
    }
    for field in &plan.council {
        line(&mut out, "~", &field_text(field));
    }
    for (title, entries) in [
        ("sectors", &plan.sectors),
        ("bodies", &plan.bodies),
        ("principals", &plan.principals),
    ] {
        if !entries.is_empty() {
            let _ = writeln!(out, "{title}");
        }
        for entry in entries {
            list_entry(&mut out, entry);
        }
    }
    for scheme in &plan.schemes {
        scheme_text(&mut out, scheme);
    }
    if !plan.charter.is_empty() {
        out.push_str("charter\n");
        for turn in &plan.charter {
            turn_text(&mut out, turn);
        }
    }
    for warning in &plan.warnings {
        let _ = writeln!(out, "warning: {warning}");
    }
    for impact in &planned.impacts {
        impact_text(&mut out, impact, items);
    }
    out
}

fn line(out: &mut String, sign: &str, text: &str) {
    let _ = writeln!(out, "  {sign} {text}");
}

const fn sign(fate: Fate) -> &'static str {
    match fate {
        Fate::Added => "+",
        Fate::Removed => "-",
        Fate::Changed => "~",
    }
}

fn field_text(field: &Field) -> String {
    let (from, to) = (value(&field.from), value(&field.to));
    format!("{}: {from} -> {to}", field.field)
}

fn value(value: &Value) -> String {
    match value {
        Value::Null => "(nothing)".to_owned(),
        Value::String(text) => text.clone(),
        other => match (other.get("depth"), other.get("form")) {
            (Some(Value::String(depth)), Some(Value::String(form))) => format!("{depth}, {form}"),
            _ => other.to_string(),
        },
    }
}

fn list_entry(out: &mut String, entry: &Entry) {
    line(out, sign(entry.fate), &entry.id);
    for field in &entry.fields {
        let _ = writeln!(out, "      {}", field_text(field));
    }
}

fn turn_text(out: &mut String, turn: &Turn) {
    let direction = match turn.direction {
        Direction::Stricter => "stricter",
        Direction::Looser => "looser",
        Direction::Both => "other",
    };
    let (from, to) = (value(&turn.from), value(&turn.to));
    let _ = writeln!(
        out,
        "      {direction:<9} {}: {from} -> {to}",
        turn.dimension
    );
}

fn scheme_text(out: &mut String, scheme: &SchemeChange) {
    let force = match (scheme.fate, scheme.in_force) {
        (Fate::Removed, _) => "",
        (_, true) => ", in force at once",
        (_, false) => ", not in force yet or no longer",
    };
    let compared = match scheme.compared_with {
        Some(version) if version == scheme.version => " (altered under its number)".to_owned(),
        Some(version) => format!(" (compared with version {version})"),
        None => String::new(),
    };
    let _ = writeln!(
        out,
        "scheme {} {} version {}, effective {}{force}{compared}",
        sign(scheme.fate),
        scheme.scheme,
        scheme.version,
        scheme.effective
    );
    for field in &scheme.fields {
        let _ = writeln!(out, "      {}", field_text(field));
    }
    for level in &scheme.levels {
        line(out, sign(level.fate), &level.level);
        for turn in &level.turns {
            turn_text(out, turn);
        }
        if level.fate == Fate::Removed {
            out.push_str("      items released under it keep their rule\n");
        }
    }
}

const fn effect_text(effect: Effect) -> &'static str {
    match effect {
        Effect::Gains => "gains sight of",
        Effect::Loses => "loses sight of",
        Effect::NamedSource => "sees as submitted",
        Effect::Anonymised => "sees anonymised only",
        Effect::MayTake => "may take a copy of",
        Effect::ViewOnly => "may only look at",
    }
}

fn impact_text(out: &mut String, impact: &Impact, items: usize) {
    let _ = writeln!(
        out,
        "as of {}: {} item versions in the log, {} of them under a stricter rule",
        impact.at.format("%Y-%m-%d %H:%M UTC"),
        impact.items,
        impact.narrowed
    );
    if impact.bodies.is_empty() {
        out.push_str("  nobody gains or loses sight of anything\n");
    }
    for sum in &impact.bodies {
        let _ = writeln!(
            out,
            "  {:<24} {:<22} {} item versions ({} people and services)",
            sum.body.as_str(),
            effect_text(sum.effect),
            sum.items,
            sum.people
        );
    }
    for change in &impact.changes {
        change_text(out, change, items);
    }
}

fn change_text(out: &mut String, change: &Change, items: usize) {
    let _ = writeln!(
        out,
        "  {} under {}{}{}",
        change.ceptoar,
        change.level,
        if change.narrowed {
            ": the rule becomes stricter"
        } else {
            ""
        },
        if change.renditions_go {
            "; anonymised renditions as they are no longer fit"
        } else {
            ""
        },
    );
    for share in &change.shares {
        let _ = writeln!(
            out,
            "      {:<20} {} these ({})",
            share.body.as_str(),
            effect_text(share.effect),
            share.people
        );
    }
    for item in change.items.iter().take(items) {
        let _ = writeln!(out, "      - {} v{}", item.item, item.version);
    }
    if change.items.len() > items {
        let _ = writeln!(out, "      … and {} more", change.items.len() - items);
    }
}

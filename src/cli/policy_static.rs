//! The static answers in words.

use std::fmt::Write;

use crate::council::standing_answers::{Finding, Meeting, Who};

/// `policy who`.
pub fn who(answers: &[Who]) -> String {
    let mut out = String::new();
    for who in answers {
        let _ = writeln!(
            out,
            "{}: {} v{} {} ({}), effective {}",
            who.source, who.scheme, who.version, who.level, who.tlp, who.effective
        );
        if !who.conflicts.is_empty() {
            let _ = writeln!(out, "  held until resolved: {}", who.conflicts.join(", "));
        }
        for asks in &who.consent {
            let people = match asks.people.as_slice() {
                [] => "nobody today".to_owned(),
                people => people.join(", "),
            };
            let _ = writeln!(
                out,
                "  to leave {}: {} from {} ({people})",
                who.source,
                asks.mode.word(),
                asks.approver
            );
        }
        for reads in &who.readers {
            let mut notes = Vec::new();
            if reads.with_consent {
                notes.push("with consent".to_owned());
            }
            if reads.view_only {
                notes.push("may only look".to_owned());
            }
            if !reads.view_only_members.is_empty() {
                let members: Vec<&str> = reads
                    .view_only_members
                    .iter()
                    .map(|body| body.as_str())
                    .collect();
                notes.push(format!("only look: {}", members.join(", ")));
            }
            let _ = writeln!(
                out,
                "  {:<18} {:<11} {:<62} {}",
                reads.body.as_str(),
                reads.form.word(),
                reads.roles.join(", "),
                notes.join("; ")
            );
        }
        if !who.nobody_of.is_empty() {
            let bodies: Vec<&str> = who.nobody_of.iter().map(|body| body.as_str()).collect();
            let _ = writeln!(out, "  nobody of: {}", bodies.join(", "));
        }
        if let Some(days) = who.downgrade_after_days {
            let _ = writeln!(out, "  becomes looser after {days} days");
        }
        out.push_str("  a source may narrow any item further; its own desk reads what it sent\n");
    }
    out
}

/// `policy meet`: a matrix of marks, then the codes of each pair that cannot meet.
pub fn meet(meeting: &Meeting) -> String {
    let mut out = String::new();
    for (n, level) in meeting.levels.iter().enumerate() {
        let _ = write!(out, "{:>3} ", n + 1);
        for other in &meeting.levels {
            let pair = meeting.pairs.iter().find(|pair| {
                (pair.a == *level && pair.b == *other) || (pair.a == *other && pair.b == *level)
            });
            let mark = match pair {
                Some(pair) if pair.codes.is_empty() => "+",
                Some(pair) if pair.may_meet() => "~",
                _ => ".",
            };
            let _ = write!(out, " {mark}");
        }
        let _ = writeln!(out, "  {level}");
    }
    out.push_str("+ may meet   ~ only from two bodies   . never; columns in the same order\n");
    for pair in &meeting.pairs {
        if pair.codes.is_empty() && pair.codes_between_two.as_ref().is_none_or(Vec::is_empty) {
            continue;
        }
        let _ = write!(out, "{} with {}: ", pair.a, pair.b);
        let none = |codes: &[String]| {
            if codes.is_empty() {
                "nothing against it".to_owned()
            } else {
                codes.join(", ")
            }
        };
        let _ = write!(out, "{}", none(&pair.codes));
        if let Some(two) = &pair.codes_between_two
            && *two != pair.codes
        {
            let _ = write!(out, "; from two bodies: {}", none(two));
        }
        out.push('\n');
    }
    out
}

/// `policy dead`.
pub fn dead(findings: &[Finding]) -> String {
    let mut out = String::new();
    for finding in findings {
        let code = serde_json::to_value(finding.code).unwrap_or_default();
        let sources: Vec<&str> = finding.sources.iter().map(|body| body.as_str()).collect();
        let sources = if sources.is_empty() {
            String::new()
        } else {
            format!(" [{}]", sources.join(", "))
        };
        let _ = writeln!(
            out,
            "{:<24} {}: {}{sources}",
            code.as_str().unwrap_or_default(),
            finding.place,
            finding.message
        );
    }
    let _ = writeln!(out, "{} dead rules", findings.len());
    out
}

//! Cases as a table for a spreadsheet: RFC 4180, one row for each, flat columns with stable names.

use serde_json::Value;

use crate::exchange::dossier::Dossier;
use crate::exchange::read::ReportView;
use crate::http::api::{field, guarded};
use crate::http::console::{Language, content, plainly, whole};
use crate::search::Document;

/// Without it a spreadsheet set to Japanese takes UTF-8 for Shift JIS.
const BYTE_ORDER_MARK: char = '\u{feff}';

/// Columns that are a mark of the report: lists with semicolons between.
const MARKED: &[&str] = &[
    "sector",
    "event_type",
    "cause_type",
    "sub_cause",
    "malicious",
    "severity",
    "affected_band",
    "ripple_to",
    "useful_for",
    "worked_in",
    "prevents",
    "advisory_type",
    "urgency",
    "product",
    "asset_class",
];

/// Columns that are texts of the report in both languages.
const TEXTS: &[&str] = &["title", "summary", "root_cause", "lesson", "practice"];

/// The table, with the handling of the whole in every row: a row may be copied without the others.
pub fn table(language: Language, dossier: &Dossier) -> String {
    let mut text = String::from(BYTE_ORDER_MARK);
    line(&mut text, &heads());
    let plain = whole(language, dossier);
    let words: Vec<&str> = plain
        .sentences
        .iter()
        .map(|one| one.words.as_str())
        .collect();
    let whole = [
        dossier.tlp.clone(),
        plain.delete_by.clone(),
        words.join(" / "),
    ];
    for report in &dossier.items {
        let mut fields = row(language, report);
        fields.extend(whole.iter().cloned());
        line(&mut text, &fields);
    }
    text
}

fn line(text: &mut String, fields: &[String]) {
    let fields: Vec<String> = fields.iter().map(|one| field(one)).collect();
    text.push_str(&fields.join(","));
    text.push_str("\r\n");
}

fn heads() -> Vec<String> {
    let mut heads: Vec<String> = [
        "id",
        "kind",
        "drill",
        "form",
        "released_at",
        "tlp",
        "delete_by",
    ]
    .map(str::to_owned)
    .to_vec();
    for name in TEXTS {
        heads.extend(["ja", "en"].map(|tag| format!("{name}_{tag}")));
    }
    heads.push("reference".to_owned());
    heads.extend(MARKED.iter().map(|name| (*name).to_owned()));
    heads.extend(
        [
            "duration_minutes",
            "indicators",
            "whole_tlp",
            "whole_delete_by",
            "whole_handling",
        ]
        .map(str::to_owned),
    );
    heads
}

fn row(language: Language, report: &ReportView) -> Vec<String> {
    let body = content(report);
    let document = Document::of(&body);
    let own = plainly(
        language,
        &report.tlp,
        &report.obligations,
        &report.released_at,
    );
    let plain = |pointer: &str| {
        let text = body.pointer(pointer).and_then(Value::as_str);
        text.unwrap_or_default().to_owned()
    };
    let mut fields = vec![
        report.id.clone(),
        report.kind.clone(),
        report.drill.to_string(),
        report.form.clone(),
        report.released_at.clone(),
        report.tlp.clone(),
        own.delete_by,
    ];
    for name in TEXTS {
        fields.extend(["ja", "en"].map(|tag| plain(&format!("/{name}/{tag}"))));
    }
    fields.push(plain("/reference"));
    for name in MARKED {
        fields.push(list(document.values(name)));
    }
    let minutes = document.duration_minutes.map(|minutes| minutes.to_string());
    fields.push(minutes.unwrap_or_default());
    let indicators = body.get("indicators").and_then(Value::as_array);
    let values = indicators
        .into_iter()
        .flatten()
        .filter_map(|one| one.get("value")?.as_str());
    fields.push(list(values));
    fields
}

/// A list in one field: whoever divides it at its semicolons has a formula in none of the parts.
fn list<'a>(values: impl Iterator<Item = &'a str>) -> String {
    values.map(guarded).collect::<Vec<_>>().join(";")
}

#[cfg(test)]
mod tests {
    use super::{field, list};

    #[test]
    fn no_element_of_a_list_is_a_formula_and_a_semicolon_divides_no_field() {
        let text = list(["a", "=1+1", "＠b"].into_iter());
        assert_eq!(field(&text), "\"a;'=1+1;'＠b\"");
        assert_eq!(field(&list(["=1"].into_iter())), "'=1");
        assert_eq!(field(&list(["a"].into_iter())), "a");
    }
}

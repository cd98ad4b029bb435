//! A working set beside the list of what its reader has.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::machine::world::Answer;

/// What is in a set is what its reader has, in that form, and a note is left over where not.
pub fn sets(sets: &[Answer], reports: &Answer) -> Result<(), String> {
    let reports = reports.json();
    let had: BTreeMap<&str, &Value> = items(&reports, "items").collect();
    for set in sets {
        let page = set.json();
        for (id, item) in items(&page, "items") {
            let differs = |report: &Value| {
                ["form", "tlp"]
                    .iter()
                    .any(|name| report[*name] != item[*name])
            };
            match had.get(id) {
                None => return Err(format!("{} has {item}, its reader does not", set.request)),
                Some(report) if differs(report) => {
                    return Err(format!("{} has {item} for {report}", set.request));
                }
                Some(_) => {}
            }
        }
        if let Some((id, _)) = items(&page, "left_notes").find(|(id, _)| had.contains_key(id)) {
            return Err(format!(
                "{} leaves a note on {id}, which its reader has",
                set.request
            ));
        }
    }
    Ok(())
}

fn items<'a>(body: &'a Value, of: &str) -> impl Iterator<Item = (&'a str, &'a Value)> {
    let items = body[of].as_array().into_iter().flatten();
    items.filter_map(|item| Some((item["id"].as_str()?, item)))
}

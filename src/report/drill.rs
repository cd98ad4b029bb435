//! Drills: an advisory that is one, or goes on with one, says so in its title, in every language it
//! has one in, and no other does. Whoever is shown a title knows which of the two it is; the source's
//! own words are what everybody gets, so they must say it.

use serde_json::{Value, json};

use super::Fault;

/// How the title of a drill begins, by language.
pub const PREFIXES: [(&str, &str); 2] = [("ja", "【訓練】"), ("en", "[DRILL]")];

/// The kind under which a drill is kept, so that no list of real ones has it.
pub const KIND: &str = "drill";

/// Tells whether a report is a drill.
pub fn is_drill(report: &Value) -> bool {
    let advisory = report.get("advisory");
    let said = |name: &str| advisory.and_then(|advisory| advisory.get(name));
    said("type") == Some(&json!("drill")) || said("drill") == Some(&json!(true))
}

pub(super) fn check(report: &Value, faults: &mut Vec<Fault>) {
    let drill = is_drill(report);
    if drill && report.pointer("/advisory/drill") == Some(&json!(false)) {
        faults.push(Fault {
            pointer: "/advisory/drill".to_owned(),
            rule: "report.drill".to_owned(),
            message: "an advisory of type `drill` is a drill".to_owned(),
        });
    }
    for (language, prefix) in PREFIXES {
        let Some(title) = report
            .pointer(&format!("/title/{language}"))
            .and_then(Value::as_str)
        else {
            continue;
        };
        let any = PREFIXES
            .iter()
            .any(|(_, of)| title.trim_start().starts_with(of));
        if drill && !title.starts_with(prefix) || !drill && any {
            let message = if drill {
                format!("the title of a drill begins with `{prefix}`")
            } else {
                "only the title of a drill begins like one".to_owned()
            };
            faults.push(Fault {
                pointer: format!("/title/{language}"),
                rule: "report.drill".to_owned(),
                message,
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(kind: &str, drill: Option<bool>, title: &Value) -> usize {
        let mut advisory = json!({ "type": kind });
        if let Some(drill) = drill {
            advisory["drill"] = drill.into();
        }
        let mut faults = Vec::new();
        check(
            &json!({ "advisory": advisory, "title": title }),
            &mut faults,
        );
        faults.len()
    }

    #[test]
    fn a_drill_says_so_in_each_language_and_nothing_else_does() {
        let marked = json!({ "ja": "【訓練】題", "en": "[DRILL] title" });
        assert_eq!(faults("drill", None, &marked), 0);
        assert_eq!(faults("update", Some(true), &marked), 0);
        assert_eq!(faults("drill", Some(false), &marked), 1);
        assert_eq!(faults("alert", None, &json!({ "ja": "題" })), 0);
        assert_eq!(faults("drill", None, &json!({ "ja": "題" })), 1);
        assert_eq!(
            faults("drill", None, &json!({ "ja": "【訓練】題", "en": "title" })),
            1
        );
        assert_eq!(faults("alert", None, &marked), 2);
        assert_eq!(faults("alert", None, &json!({ "en": " 【訓練】title" })), 1);
    }
}

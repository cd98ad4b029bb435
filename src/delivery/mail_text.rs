//! What a mail says, in Japanese or English. The subject is made of the hub's own words and of
//! numbers, so that no name can stand in it. Of what may not stand in a mail (RED, AMBER+STRICT) it
//! says that something waits, and not even of which kind.

use std::fmt::Write;

use serde_json::Value;

use crate::exchange::deliveries::{Sending, Told};
use crate::subscription::Language;

/// An item whose text is longer is told without it, in bytes.
const ITEM_MAX: usize = 64 * 1024;
/// A mail holds the text of items up to so many bytes; the rest is told without.
const MAIL_MAX: usize = 1024 * 1024;

/// Subject and body.
pub(super) struct Text {
    pub subject: String,
    pub body: String,
}

/// Writes the mail of one delivery.
pub(super) fn write(sending: &Sending, language: Language) -> Text {
    let pen = Pen {
        language,
        hub: sending.postmark.hub.as_deref().unwrap_or_default(),
    };
    match &sending.postmark.code {
        Some(code) => pen.ask(code, &sending.subscription),
        None => pen.tell(sending),
    }
}

struct Pen<'a> {
    language: Language,
    hub: &'a str,
}

/// One word in both languages.
type Word = (&'static str, &'static str);

const SOMETHING: Word = ("お知らせがあります", "Something is waiting for you");
const DRILL: Word = ("【訓練】", "[EXERCISE] ");
const HUB: Word = ("【関所】", "[Sekisho] ");

/// What an advisory's type, or an item's kind, is called.
const KINDS: [(&str, Word); 14] = [
    ("alert", ("注意喚起", "Alert")),
    ("early_warning", ("早期警戒情報", "Early warning")),
    ("vulnerability", ("脆弱性情報", "Vulnerability")),
    ("announced_attack", ("攻撃予告情報", "Announced attack")),
    ("disaster", ("災害関連情報", "Disaster")),
    ("action_request", ("対策依頼", "Request for action")),
    ("rfi", ("照会", "Request for information")),
    ("reference", ("参考情報", "For reference")),
    ("update", ("続報", "Update")),
    ("stand_down", ("解除", "Stand-down")),
    ("drill", ("訓練", "Exercise")),
    ("advisory", ("アドバイザリ", "Advisory")),
    (
        "incident_cause",
        ("障害原因報告", "Report on the cause of an incident"),
    ),
    ("best_practice", ("ベストプラクティス", "Best practice")),
];

/// What the members of a report are called; the others go by the names that they have.
const MEMBERS: [(&str, Word); 12] = [
    ("title", ("件名", "Title")),
    ("summary", ("概要", "Summary")),
    ("sector", ("分野", "Sector")),
    ("severity", ("深刻度", "Severity")),
    ("event_types", ("事象", "Event types")),
    ("cause_types", ("原因の種別", "Cause types")),
    ("root_cause", ("根本原因", "Root cause")),
    ("impact", ("影響", "Impact")),
    ("timeline", ("経過", "Timeline")),
    ("countermeasures", ("対策", "Countermeasures")),
    ("lesson", ("教訓", "Lesson")),
    ("indicators", ("指標", "Indicators")),
];

impl Pen<'_> {
    fn say(&self, (ja, en): Word) -> &'static str {
        match self.language {
            Language::Ja => ja,
            Language::En => en,
        }
    }

    /// The one mail that goes to an address that has not agreed.
    fn ask(&self, code: &str, subscription: &str) -> Text {
        let subject = ("メールアドレスの確認", "Confirm this mail address");
        let (before, after) = match self.language {
            Language::Ja => (
                "このアドレスへの通知が申し込まれました。\n\
                 ご自身の申込みであれば、24時間以内に次の確認コードを関所に入力してください。",
                "お心当たりがなければ、何もしないでください。コードが入力されない限り、通知は届きません。",
            ),
            Language::En => (
                "Somebody asked that notifications be sent to this address.\n\
                 If it was you, give this code to Sekisho within 24 hours:",
                "If it was not, do nothing: without the code, no notifications are sent.",
            ),
        };
        let place = format!("{}/v1/subscriptions/{subscription}/confirm", self.hub);
        Text {
            subject: format!("{}{}", self.say(HUB), self.say(subject)),
            body: format!("{before}\n\n    {code}\n\n    POST {place}\n\n{after}\n"),
        }
    }

    fn tell(&self, sending: &Sending) -> Text {
        let mut body = String::new();
        let mut room = MAIL_MAX;
        for item in &sending.items {
            self.item(&mut body, item, &mut room);
            body.push('\n');
        }
        if let Some(url) = &sending.postmark.unsubscribe {
            let stop = (
                "このアドレスへの通知を止める",
                "To stop what is sent to this address",
            );
            let _ = writeln!(body, "-- \n{}: {url}", self.say(stop));
        }
        Text {
            subject: self.subject(&sending.items),
            body,
        }
    }

    fn subject(&self, items: &[Told]) -> String {
        let drills = items.iter().filter(|item| open(item) && is_drill(item));
        let drills = drills.count();
        let mut subject = String::new();
        if drills == items.len() {
            subject.push_str(self.say(DRILL));
        }
        subject.push_str(self.say(HUB));
        match items {
            [one] if open(one) => subject.push_str(&self.name(one)),
            [_] => subject.push_str(self.say(SOMETHING)),
            several => {
                let count = several.len();
                let _ = match self.language {
                    Language::Ja => write!(subject, "お知らせが{count}件あります"),
                    Language::En => write!(subject, "{count} items are waiting for you"),
                };
                if drills > 0 && drills < count {
                    subject.push_str(self.say(("（訓練を含む）", " (exercises among them)")));
                }
            }
        }
        subject
    }

    /// What an item is called that may be spoken of.
    fn name(&self, item: &Told) -> String {
        let said = |name: &str| item.line.get(name).and_then(Value::as_str);
        let word = |code: &str| KINDS.iter().find(|(known, _)| *known == code);
        let found = said("advisory_type").and_then(word);
        let found = found.or_else(|| said("kind").and_then(word));
        let mut name = match (found, said("type")) {
            (Some((_, words)), _) => self.say(*words),
            (None, Some("object")) => self.say(("STIXオブジェクト", "STIX object")),
            (None, _) => self.say(("情報", "Report")),
        }
        .to_owned();
        match said("urgency") {
            Some("emergency") => name.push_str(self.say(("（緊急）", " (emergency)"))),
            Some("urgent") => name.push_str(self.say(("（至急）", " (urgent)"))),
            _ => {}
        }
        name
    }

    fn item(&self, body: &mut String, item: &Told, room: &mut usize) {
        let said = |name: &str| item.line.get(name).and_then(Value::as_str);
        if !open(item) {
            let words = (
                "お知らせがあります。内容はメールではお伝えできません。",
                "Something is waiting for you. Mail may not say what.",
            );
            // A report goes by its number alone; what else there is would tell its kind by its place.
            let href = match (said("type"), said("id")) {
                (Some("report"), Some(id)) => format!("/v1/reports/{id}"),
                _ => "/v1/events".to_owned(),
            };
            let _ = writeln!(body, "* {}\n  {}{href}", self.say(words), self.hub);
            return;
        }
        let drill = if is_drill(item) { self.say(DRILL) } else { "" };
        let tlp = item.tlp.label();
        let _ = writeln!(body, "* {drill}{}  {tlp}", self.name(item));
        let released = said("released_at").unwrap_or_default();
        let href = said("href").unwrap_or_default();
        let _ = writeln!(body, "  {released}\n  {}{href}", self.hub);
        let Some((content, obligations)) = &item.content else {
            return;
        };
        let mut text = String::new();
        self.members(&mut text, content, 1);
        let _ = writeln!(text, "\n  {}", self.say(("取扱い", "Handling")));
        self.members(&mut text, obligations, 2);
        if text.len() > ITEM_MAX.min(*room) {
            let long = ("長いため、本文は省きました。", "Too long for a mail.");
            let _ = writeln!(body, "  {}", self.say(long));
            return;
        }
        *room -= text.len();
        let _ = write!(body, "\n{text}");
    }

    /// JSON as lines that are read.
    fn members(&self, text: &mut String, value: &Value, depth: usize) {
        let margin = "  ".repeat(depth.min(8));
        match value {
            Value::Object(members) => {
                for (name, value) in members {
                    let known = MEMBERS.iter().find(|(known, _)| known == name);
                    let name = known.map_or(name.as_str(), |(_, words)| self.say(*words));
                    self.named(text, &format!("{margin}{name}:"), value, depth);
                }
            }
            Value::Array(items) => {
                for item in items {
                    self.named(text, &format!("{margin}-"), item, depth);
                }
            }
            _ => self.named(text, &margin, value, depth),
        }
    }

    fn named(&self, text: &mut String, name: &str, value: &Value, depth: usize) {
        let own = match self.language {
            Language::Ja => ["ja", "en"],
            Language::En => ["en", "ja"],
        };
        let _ = match (value, in_one(value, own)) {
            (Value::Null, _) => Ok(()),
            (Value::Array(items), _) if items.is_empty() => Ok(()),
            (_, Some(words)) => writeln!(text, "{name} {}", lines(words, depth)),
            (Value::String(words), _) => writeln!(text, "{name} {}", lines(words, depth)),
            (Value::Bool(_) | Value::Number(_), _) => writeln!(text, "{name} {value}"),
            (Value::Object(_) | Value::Array(_), _) => {
                let written = writeln!(text, "{name}");
                self.members(text, value, depth + 1);
                written
            }
        };
    }
}

/// Somebody's words as they stand in a mail: each further line below the first, so that none of them
/// looks like the hub's own, and nothing in them but characters that are read.
fn lines(words: &str, depth: usize) -> String {
    let below = format!("\n{}", "  ".repeat(depth.min(8) + 2));
    let mut out = String::with_capacity(words.len());
    for (at, line) in words.lines().enumerate() {
        if at > 0 {
            out.push_str(&below);
        }
        let turns = |c: char| matches!(c, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        out.extend(
            line.chars()
                .map(|c| if c.is_control() || turns(c) { ' ' } else { c }),
        );
    }
    out
}

/// Whether a mail may say of which kind an item is.
fn open(item: &Told) -> bool {
    item.tlp.in_mail()
}

fn is_drill(item: &Told) -> bool {
    item.line.get("kind").and_then(Value::as_str) == Some("drill")
}

/// A text in several languages, in the first of `wanted` that it has.
fn in_one<'a>(value: &'a Value, wanted: [&str; 2]) -> Option<&'a str> {
    let members = value.as_object().filter(|members| !members.is_empty())?;
    let texts = members
        .iter()
        .all(|(language, text)| matches!(language.as_str(), "ja" | "en") && text.is_string());
    let found = wanted.iter().find_map(|language| members.get(*language));
    found.filter(|_| texts)?.as_str()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::json;

    use super::*;
    use crate::exchange::mail::Postmark;
    use crate::handling::Tlp;

    fn told(tlp: Tlp, line: Value, content: Option<Value>) -> Told {
        let handling = json!({"onward": {"group": "deny"}, "k": 5, "purposes_prohibited": []});
        Told {
            line: Arc::new(line),
            content: content.map(|content| (content, handling)),
            tlp,
        }
    }

    #[test]
    fn nobodys_words_look_like_the_hubs_own() {
        let summary = "x\r\n\n* [EXERCISE] Alert  TLP:CLEAR\n-- \nTo stop: https://evil.example\r.\rMAIL FROM:<a@b.example>\u{202e}\u{0}";
        let line =
            json!({"type": "report", "id": "i", "kind": "advisory", "href": "/v1/reports/i"});
        let content = json!({"summary": {"en": summary}});
        let text = written(vec![told(Tlp::Green, line, Some(content))], Language::En);
        assert_eq!(
            text.body
                .lines()
                .filter(|line| line.starts_with('*'))
                .count(),
            1,
            "{}",
            text.body
        );
        assert!(
            text.body
                .lines()
                .all(|line| !line.starts_with("--") && !line.starts_with("To stop"))
        );
        let odd = |c: char| c != '\n' && (c.is_control() || c == '\u{202e}');
        assert!(!text.body.contains(odd), "{:?}", text.body);
        assert!(
            text.body.contains("https://evil.example"),
            "it is told, as the source's words"
        );
    }

    fn written(items: Vec<Told>, language: Language) -> Text {
        let channel = json!({"channel": {"type": "mail", "address": "a@b.example"}});
        let sending = Sending {
            id: "msg_1".to_owned(),
            attempt: 1,
            subscription: "s".to_owned(),
            definition: serde_json::from_value(channel).unwrap(),
            secrets: Vec::new(),
            postmark: Postmark::default(),
            items,
            at: 0,
        };
        write(&sending, language)
    }

    fn report(kind: &str) -> Value {
        json!({"type": "report", "id": "1", "kind": kind, "href": "/v1/reports/1"})
    }

    #[test]
    fn every_label_from_amber_strict_on_is_kept_out_whatever_was_handed_in() {
        let content = json!({"title": {"ja": "ひみつ"}});
        for tlp in Tlp::ALL {
            // The exchange hands no such content over; that it would is no reason to say it.
            let text = written(
                vec![told(tlp, report("drill"), Some(content.clone()))],
                Language::Ja,
            );
            let said = text.body.contains("ひみつ") || text.subject.contains("訓練");
            assert_eq!(said, tlp < Tlp::AmberStrict, "{tlp}");
            assert_eq!(text.body.contains("TLP"), tlp < Tlp::AmberStrict, "{tlp}");
        }
    }

    #[test]
    fn a_text_is_in_the_language_asked_for_or_in_the_one_there_is() {
        let content = json!({
            "title": {"ja": "件", "en": "case"}, "summary": {"ja": "要"}, "severity": 2, "sector": null,
            "timeline": [{"at": "2026-01-01", "what": {"en": "start"}}],
        });
        let text = |language| {
            let items = vec![told(
                Tlp::Green,
                report("incident_cause"),
                Some(content.clone()),
            )];
            written(items, language).body
        };
        let (ja, en) = (text(Language::Ja), text(Language::En));
        for line in [
            "件名: 件\n",
            "概要: 要\n",
            "深刻度: 2\n",
            "  what: start\n",
            "group: deny\n",
        ] {
            assert!(ja.contains(line), "{line:?} in {ja}");
        }
        assert!(
            en.contains("Title: case\n") && en.contains("Summary: 要\n"),
            "{en}"
        );
        assert!(
            !ja.contains("分野") && !ja.contains("purposes"),
            "nothing of what is not said"
        );
    }

    #[test]
    fn what_is_too_long_for_a_mail_is_told_without_its_text() {
        let long = |bytes: usize| json!({"title": {"ja": "a".repeat(bytes)}});
        let item = |bytes| told(Tlp::Green, report("incident_cause"), Some(long(bytes)));
        let body = written(vec![item(ITEM_MAX - 200), item(ITEM_MAX)], Language::En).body;
        assert_eq!(body.matches("Too long for a mail.").count(), 1);
        let many = MAIL_MAX / (ITEM_MAX / 2) + 2;
        let body = written(
            (0..many).map(|_| item(ITEM_MAX / 2)).collect(),
            Language::En,
        )
        .body;
        assert!(body.len() < MAIL_MAX + ITEM_MAX && body.contains("Too long"));
        assert_eq!(
            body.matches("/v1/reports/1").count(),
            many,
            "each is told all the same"
        );
    }

    #[test]
    fn only_what_is_a_drill_throughout_begins_as_one() {
        let green = |kind: &str| told(Tlp::Green, report(kind), None);
        let subject = |items| written(items, Language::En).subject;
        assert_eq!(
            subject(vec![green("drill")]),
            "[EXERCISE] [Sekisho] Exercise"
        );
        assert_eq!(
            subject(vec![green("drill"), green("drill")]),
            "[EXERCISE] [Sekisho] 2 items are waiting for you"
        );
        assert_eq!(
            subject(vec![green("drill"), green("advisory")]),
            "[Sekisho] 2 items are waiting for you (exercises among them)"
        );
        let strict = told(Tlp::Red, report("drill"), None);
        assert_eq!(
            subject(vec![strict, green("advisory")]),
            "[Sekisho] 2 items are waiting for you"
        );
    }
}

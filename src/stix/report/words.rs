//! Texts in two languages as STIX properties.
//!
//! An object speaks the language of its first text, Japanese where there is Japanese. A text that
//! lacks it is marked by a granular `lang`; the other language goes into a `language-content`.

use serde_json::{Map, Value, json};

/// The parts of an object, and of its `language-content`, that carry words.
#[derive(Debug, Default)]
pub(super) struct Spoken {
    /// `lang`, the properties, and `granular_markings` where one property differs.
    pub(super) properties: Map<String, Value>,
    /// `contents` of the `language-content`; empty where nothing is translated.
    pub(super) translations: Map<String, Value>,
}

/// Spreads texts over properties; the first one decides the object's language.
pub(super) fn speak(texts: &[(&str, &Value)]) -> Spoken {
    let Some((_, first)) = texts.first() else {
        return Spoken::default();
    };
    let (lang, other) = if first.get("ja").is_some() {
        ("ja", "en")
    } else {
        ("en", "ja")
    };
    let mut spoken = Spoken::default();
    let mut translated = Map::new();
    let mut odd = Vec::new();
    spoken.properties.insert("lang".to_owned(), json!(lang));
    for (property, text) in texts {
        let key = (*property).to_owned();
        match (text.get(lang), text.get(other)) {
            (Some(words), translation) => {
                spoken.properties.insert(key.clone(), words.clone());
                translated.extend(translation.map(|words| (key, words.clone())));
            }
            (None, Some(words)) => {
                odd.push(json!(property));
                spoken.properties.insert(key, words.clone());
            }
            (None, None) => {}
        }
    }
    if !odd.is_empty() {
        spoken.properties.insert(
            "granular_markings".to_owned(),
            json!([{"lang": other, "selectors": odd}]),
        );
    }
    if !translated.is_empty() {
        spoken
            .translations
            .insert(other.to_owned(), Value::Object(translated));
    }
    spoken
}

/// Reads a property and its translations back into a text; `None` where the property is absent.
pub(super) fn hear(object: &Value, translations: &[&Value], property: &str) -> Option<Value> {
    let words = object.get(property)?.as_str()?;
    let granular = object
        .get("granular_markings")
        .and_then(Value::as_array)
        .into_iter()
        .flatten();
    let marked = granular
        .filter(|marking| {
            let selectors = marking.get("selectors").and_then(Value::as_array);
            selectors
                .into_iter()
                .flatten()
                .any(|selector| selector.as_str() == Some(property))
        })
        .find_map(|marking| marking.get("lang")?.as_str());
    // STIX 3.2: without `lang` the words are English.
    let lang = marked
        .or_else(|| object.get("lang")?.as_str())
        .unwrap_or("en");
    let mut text = Map::from_iter([(lang.to_owned(), json!(words))]);
    for translation in translations {
        let contents = translation
            .get("contents")
            .and_then(Value::as_object)
            .into_iter()
            .flatten();
        for (tag, properties) in contents {
            // An empty string stands for what is not translated (STIX 7.1).
            let words = properties
                .get(property)
                .and_then(Value::as_str)
                .filter(|words| !words.is_empty());
            text.extend(words.map(|words| (tag.clone(), json!(words))));
        }
    }
    Some(Value::Object(text))
}

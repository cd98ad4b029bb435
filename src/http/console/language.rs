//! Which of the two languages a page is in: what the reader chose, else what the browser asks for.

use axum::http::{HeaderMap, header};
use serde_json::Value;

use crate::council::Localised;

/// A language of the console.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    /// 日本語
    Ja,
    /// English
    En,
}

/// Words with the language they are in, so that a screen reader reads them right.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Text {
    /// The words.
    pub words: String,
    /// `ja` or `en`.
    pub lang: &'static str,
}

impl Language {
    /// The tag of BCP 47.
    pub const fn tag(self) -> &'static str {
        match self {
            Self::Ja => "ja",
            Self::En => "en",
        }
    }

    /// The language of a tag.
    pub fn of(tag: &str) -> Option<Self> {
        match tag {
            "ja" => Some(Self::Ja),
            "en" => Some(Self::En),
            _ => None,
        }
    }

    /// What the browser asks for, by weight; Japanese where it asks for neither.
    pub fn wanted(headers: &HeaderMap) -> Self {
        let text = headers
            .get(header::ACCEPT_LANGUAGE)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default();
        let mut best = (0.0, Self::Ja);
        for part in text.split(',') {
            let (tag, weight) = part.split_once(";q=").unwrap_or((part, "1"));
            let primary = tag.trim().split('-').next().unwrap_or_default();
            let weight: f32 = weight.trim().parse().unwrap_or(0.0);
            if let Some(language) = Self::of(&primary.to_ascii_lowercase())
                && weight > best.0
            {
                best = (weight, language);
            }
        }
        best.1
    }

    /// One of two wordings; both stand side by side, so none can be missing.
    pub fn t<'a>(self, ja: &'a str, en: &'a str) -> &'a str {
        match self {
            Self::Ja => ja,
            Self::En => en,
        }
    }

    /// A text of a report, in this language where it has it.
    pub fn text(self, value: &Value) -> Text {
        let other = match self {
            Self::Ja => Self::En,
            Self::En => Self::Ja,
        };
        for language in [self, other] {
            if let Some(words) = value.get(language.tag()).and_then(Value::as_str) {
                return Text {
                    words: words.to_owned(),
                    lang: language.tag(),
                };
            }
        }
        Text {
            words: value.as_str().unwrap_or_default().to_owned(),
            lang: self.tag(),
        }
    }

    /// A name of the directory, in this language where it has it.
    pub fn name(self, name: &Localised) -> &str {
        match self {
            Self::Ja => name.ja_or_en(),
            Self::En => name.en_or_ja(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    fn wanted(text: &'static str) -> Language {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT_LANGUAGE, HeaderValue::from_static(text));
        Language::wanted(&headers)
    }

    #[test]
    fn the_heavier_language_wins_and_neither_is_japanese() {
        assert_eq!(wanted("en-US,en;q=0.9,ja;q=0.8"), Language::En);
        assert_eq!(wanted("en;q=0.5,ja;q=0.8"), Language::Ja);
        assert_eq!(wanted("fr-FR,fr;q=0.9"), Language::Ja);
        assert_eq!(wanted("fr, en;q=0.1"), Language::En);
        assert_eq!(Language::wanted(&HeaderMap::new()), Language::Ja);
    }
}

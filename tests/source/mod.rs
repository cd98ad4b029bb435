//! The source tree as the two tree tests see it: each file with its comments and literals blanked, so
//! that a rule about code is not tripped by prose, and with what only tests compile taken out.
//!
//! This is a reader of text and no parser. It knows Rust's literals, comments and brackets, which is
//! enough to find paths and items in code that rustfmt has formatted.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// One file of Rust source.
pub struct Source {
    /// Where it lies below the package's root, with `/` between the parts.
    pub path: String,
    /// The file as it is.
    pub text: String,
    /// The file with comments and the insides of literals blanked; lines and columns are kept.
    pub code: String,
    /// Whether all of it is compiled for tests alone.
    pub only_tests: bool,
}

impl Source {
    /// The code with every `#[cfg(test)]` item blanked: what the product is built from.
    pub fn product(&self) -> String {
        if self.only_tests {
            blank(&self.code)
        } else {
            without_test_items(&self.code).0
        }
    }
}

/// Reads every `.rs` file below a folder of the package; a folder that does not exist has none.
pub fn read_tree(root: &Path, folder: &str) -> Vec<Source> {
    let mut files = Vec::new();
    collect(root, folder, &mut files);
    files.sort();
    tree(files)
}

/// Makes a tree from pairs of path and text, as `read_tree` does from a folder.
pub fn tree(files: impl IntoIterator<Item = (String, String)>) -> Vec<Source> {
    let mut sources: Vec<Source> = files
        .into_iter()
        .map(|(path, text)| {
            let code = mask(&text);
            let only_tests = code.contains("#![cfg(test)]");
            Source {
                path,
                text,
                code,
                only_tests,
            }
        })
        .collect();
    let mut test_modules = BTreeSet::new();
    for source in &sources {
        for name in without_test_items(&source.code).1 {
            test_modules.insert(format!("{}/{name}", child_folder(&source.path)));
        }
    }
    for source in &mut sources {
        source.only_tests |= test_modules.iter().any(|module| {
            source.path == format!("{module}.rs") || source.path.starts_with(&format!("{module}/"))
        });
    }
    sources
}

fn collect(root: &Path, folder: &str, files: &mut Vec<(String, String)>) {
    let Ok(entries) = fs::read_dir(root.join(folder)) else {
        return;
    };
    for entry in entries {
        let entry = entry.expect("a folder's entry can be read");
        let name = entry
            .file_name()
            .into_string()
            .expect("a file's name is UTF-8");
        let path = format!("{folder}/{name}");
        if entry.path().is_dir() {
            // A package below the root builds into a folder of its own.
            if name != "target" {
                collect(root, &path, files);
            }
        } else if name.ends_with(".rs") {
            let text = fs::read_to_string(entry.path()).expect("Rust source is UTF-8");
            files.push((path, text));
        }
    }
}

/// The folder in which the file's child modules lie.
fn child_folder(path: &str) -> String {
    let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
    match name {
        "mod.rs" | "lib.rs" | "main.rs" => folder.to_owned(),
        _ => path.trim_end_matches(".rs").to_owned(),
    }
}

fn blank(text: &str) -> String {
    text.chars()
        .map(|c| if c == '\n' { '\n' } else { ' ' })
        .collect()
}

/// Blanks comments and the insides of string and character literals.
pub fn mask(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    while let Some(&c) = chars.get(at) {
        let end = match (c, chars.get(at + 1)) {
            ('/', Some('/')) => line_end(&chars, at),
            ('/', Some('*')) => comment_end(&chars, at),
            ('"', _) => string_end(&chars, at + 1),
            ('r', Some('"' | '#')) if starts_literal(&chars, at) => raw_end(&chars, at + 1),
            ('\'', _) => character_end(&chars, at),
            _ => {
                out.push(c);
                at += 1;
                continue;
            }
        };
        // A raw identifier and a lifetime look like the start of a literal and end where they begin.
        if end == at + 1 {
            out.push(c);
        } else {
            let literal: String = chars.get(at..end).unwrap_or_default().iter().collect();
            out.push_str(&blank(&literal));
        }
        at = end;
    }
    out
}

fn line_end(chars: &[char], at: usize) -> usize {
    (at..chars.len())
        .find(|&i| chars[i] == '\n')
        .unwrap_or(chars.len())
}

fn comment_end(chars: &[char], at: usize) -> usize {
    let mut depth = 0;
    let mut i = at;
    while i < chars.len() {
        match (chars[i], chars.get(i + 1)) {
            ('/', Some('*')) => {
                depth += 1;
                i += 2;
            }
            ('*', Some('/')) => {
                depth -= 1;
                i += 2;
                if depth == 0 {
                    return i;
                }
            }
            _ => i += 1,
        }
    }
    chars.len()
}

fn string_end(chars: &[char], mut i: usize) -> usize {
    while i < chars.len() {
        match chars[i] {
            '\\' => i += 2,
            '"' => return i + 1,
            _ => i += 1,
        }
    }
    chars.len()
}

/// Whether an `r` opens a raw literal: `r"…"`, `br"…"` or `cr"…"`, and is not the end of a word.
fn starts_literal(chars: &[char], at: usize) -> bool {
    let before = |back: usize| at.checked_sub(back).and_then(|i| chars.get(i));
    let is_word = |c: Option<&char>| c.is_some_and(|c| c.is_alphanumeric() || *c == '_');
    match before(1) {
        Some('b' | 'c') => !is_word(before(2)),
        other => !is_word(other),
    }
}

fn raw_end(chars: &[char], mut i: usize) -> usize {
    let start = i;
    while chars.get(i) == Some(&'#') {
        i += 1;
    }
    let hashes = i - start;
    if chars.get(i) != Some(&'"') {
        return start;
    }
    i += 1;
    while i < chars.len() {
        let closes = chars[i] == '"' && (1..=hashes).all(|n| chars.get(i + n) == Some(&'#'));
        if closes {
            return i + 1 + hashes;
        }
        i += 1;
    }
    chars.len()
}

/// The end of a character literal, or the next place when the quote begins a lifetime.
fn character_end(chars: &[char], at: usize) -> usize {
    match (chars.get(at + 1), chars.get(at + 2)) {
        (Some('\\'), _) => {
            let close = (at + 3..chars.len()).find(|&i| chars[i] == '\'');
            close.map_or(chars.len(), |i| i + 1)
        }
        (Some(_), Some('\'')) => at + 3,
        _ => at + 1,
    }
}

/// Blanks each item under `#[cfg(test)]`, and names the modules among them that have their own file.
fn without_test_items(code: &str) -> (String, Vec<String>) {
    const MARK: &str = "#[cfg(test)]";
    let mut out = String::with_capacity(code.len());
    let mut modules = Vec::new();
    let mut rest = code;
    while let Some(at) = rest.find(MARK) {
        let (before, item) = rest.split_at(at);
        out.push_str(before);
        let (item, after) = item.split_at(item_end(item, MARK.len()));
        out.push_str(&blank(item));
        if let Some(name) = item
            .strip_suffix(';')
            .and_then(|head| head.split("mod ").nth(1))
        {
            modules.push(name.trim().to_owned());
        }
        rest = after;
    }
    out.push_str(rest);
    (out, modules)
}

/// Where the item that starts with an attribute ends: after its block, or at `;`. A field, a variant
/// or an arm ends at its comma.
fn item_end(item: &str, attribute: usize) -> usize {
    const KEYWORDS: [&str; 15] = [
        "pub",
        "fn",
        "mod",
        "use",
        "const",
        "static",
        "struct",
        "enum",
        "impl",
        "trait",
        "type",
        "async",
        "unsafe",
        "macro_rules",
        "let",
    ];
    let mut depth = 0;
    let mut word = String::new();
    let mut first_word = None;
    for (at, c) in item.char_indices().skip_while(|(at, _)| *at < attribute) {
        if first_word.is_none() && depth == 0 {
            if c.is_alphanumeric() || c == '_' {
                word.push(c);
            } else if !word.is_empty() {
                first_word = Some(word.clone());
            }
        }
        match c {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => {
                depth -= 1;
                if depth < 0 {
                    return at;
                }
                if c == '}' && depth == 0 {
                    return at + 1;
                }
            }
            ';' if depth == 0 => return at + 1,
            ',' if depth == 0 => {
                let opens_item = first_word.as_deref().is_some_and(|w| KEYWORDS.contains(&w));
                if !opens_item {
                    return at;
                }
            }
            _ => {}
        }
    }
    item.len()
}

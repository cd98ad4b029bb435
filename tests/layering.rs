//! Keeps the layers: which top-level module may use which, that the pure modules do no IO, and that SQL
//! stays in `store`. It reads the paths in `src` as text, so it needs nothing built. To add an edge,
//! change `LAYERS` in the same commit and say why.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test stops at its first surprise"
)]

#[expect(dead_code, reason = "the texts themselves are for `tests/tidy.rs`")]
mod source;

use source::{Source, read_tree, tree};
use std::path::Path;

/// What a layer may use besides itself.
enum Uses {
    Only(&'static [&'static str]),
    Everything,
}
use Uses::{Everything, Only};

/// Each top-level module of `src`, lowest first, with the others it may use.
const LAYERS: &[(&str, Uses)] = &[
    ("handling", Only(&[])),
    ("ledger", Only(&[])),
    // It checks what `ledger` writes, so it shares nothing with it, nor with anything of ours.
    ("verifier", Only(&[])),
    ("clock", Only(&[])),
    ("subscription", Only(&[])),
    // Text in, verdict out: it knows a report as JSON alone.
    ("search", Only(&[])),
    ("council", Only(&["handling"])),
    ("report", Only(&["handling"])),
    ("config", Only(&["handling", "subscription"])),
    ("stix", Only(&["handling", "report"])),
    // A document becomes a report; its own JSON is read as strictly as STIX is.
    ("csaf", Only(&["handling", "report", "stix"])),
    (
        "store",
        // What it keeps so that candidates are found, `search` cuts from the text it is given.
        Only(&[
            "handling", "council", "report", "stix", "ledger", "clock", "search",
        ]),
    ),
    (
        "exchange",
        // A report may hold a CSAF document, however it was sent: it is checked where reports are.
        Only(&[
            "handling",
            "council",
            "report",
            "stix",
            "csaf",
            "ledger",
            "subscription",
            "search",
            "store",
            "clock",
        ]),
    ),
    // It sends what the exchange hands it, and notes how that ended; its mail server is a setting.
    (
        "delivery",
        Only(&["exchange", "subscription", "stix", "handling", "config"]),
    ),
    (
        "http",
        Only(&[
            "exchange",
            "handling",
            "council",
            "report",
            "stix",
            "csaf",
            "subscription",
            "clock",
            "config",
            // Queries are read there, so that a fault has its place in what was typed.
            "search",
        ]),
    ),
    // A client of other hubs: what it may hand over and take in, the exchange decides.
    ("peer", Only(&["exchange", "stix", "config", "clock"])),
    (
        "demo",
        Only(&["exchange", "council", "report", "handling", "clock"]),
    ),
    ("app", Everything),
    ("cli", Everything),
    ("lib", Everything),
    ("main", Everything),
];

/// Modules whose answers depend on their arguments alone.
const PURE: &[&str] = &[
    "handling",
    "council",
    "report",
    "stix",
    "csaf",
    "ledger",
    "verifier",
    "subscription",
    "search",
];

/// What a pure module may not mention outside its tests. A path ending in `*` is a prefix.
const IMPURE: &[&str] = &[
    "sqlx",
    "axum",
    "tokio",
    "reqwest",
    "std::fs",
    "std::net::Tcp*",
    "std::net::Udp*",
    "std::env",
    "std::process",
    "Utc::now",
    "SystemTime::now",
    "Instant::now",
    "Uuid::new_v4",
];

/// The one module that speaks SQL.
const SQL: &str = "store";

#[test]
fn the_layers_hold() {
    let sources = read_tree(Path::new(env!("CARGO_MANIFEST_DIR")), "src");
    assert!(!sources.is_empty(), "src holds no Rust source");
    let found = violations(&sources);
    assert!(
        found.is_empty(),
        "{} breaches of the layers:\n{}",
        found.len(),
        found.join("\n")
    );
}

/// Finds each breach, as `path:line: what is wrong`.
fn violations(sources: &[Source]) -> Vec<String> {
    let mut found = Vec::new();
    for source in sources {
        let module = module_of(&source.path);
        let Some((layer, uses)) = LAYERS.iter().find(|(name, _)| *name == module.layer) else {
            found.push(format!(
                "{}:1: `{}` is not in the table of layers",
                source.path, module.layer
            ));
            continue;
        };
        for path in paths(&source.code, &module.segments) {
            if let Some(fault) = edge_fault(layer, uses, &path) {
                found.push(format!("{}:{}: {fault}", source.path, path.line));
            }
        }
        for path in paths(&source.product(), &module.segments) {
            if let Some(fault) = io_fault(layer, &path) {
                found.push(format!("{}:{}: {fault}", source.path, path.line));
            }
        }
    }
    // A group names one module several times.
    found.dedup();
    found
}

/// Says why a path into this package breaks the table; its tests are bound by it too.
fn edge_fault(layer: &str, uses: &Uses, path: &PathInCode) -> Option<String> {
    let target = path.top_level.as_deref()?;
    if matches!(layer, "lib" | "main") || target == layer {
        return None;
    }
    if !LAYERS.iter().any(|(name, _)| *name == target) {
        return Some(format!(
            "`{target}` at the package's root is no layer: name a module of the table"
        ));
    }
    match uses {
        Everything => None,
        Only(allowed) if allowed.contains(&target) => None,
        Only(_) => Some(format!("`{layer}` may not use `{target}`")),
    }
}

/// Says why a path outside this package may not stand in this layer.
fn io_fault(layer: &str, path: &PathInCode) -> Option<String> {
    if PURE.contains(&layer)
        && let Some(banned) = IMPURE
            .iter()
            .find(|banned| mentions(&path.segments, banned))
    {
        return Some(format!("`{layer}` is pure and may not mention `{banned}`"));
    }
    if layer != SQL && mentions(&path.segments, "sqlx") {
        return Some(format!(
            "SQL belongs in `{SQL}`, and `{layer}` mentions `sqlx`"
        ));
    }
    None
}

/// Whether the banned path's segments follow each other somewhere in the path.
fn mentions(segments: &[String], banned: &str) -> bool {
    let wanted: Vec<&str> = banned.split("::").collect();
    segments.windows(wanted.len()).any(|window| {
        window
            .iter()
            .zip(&wanted)
            .all(|(have, want)| match want.strip_suffix('*') {
                Some(prefix) => have.starts_with(prefix),
                None => have == want,
            })
    })
}

struct Module {
    layer: String,
    segments: Vec<String>,
}

/// The module that a file below `src` is: `src/handling/tlp.rs` is `handling::tlp`.
fn module_of(path: &str) -> Module {
    let inside = path.trim_start_matches("src/").trim_end_matches(".rs");
    let mut segments: Vec<String> = inside.split('/').map(str::to_owned).collect();
    if segments.last().is_some_and(|last| last == "mod") {
        segments.pop();
    }
    let layer = segments.first().cloned().unwrap_or_default();
    if segments.len() == 1 && matches!(layer.as_str(), "lib" | "main") {
        segments.clear();
    }
    Module { layer, segments }
}

/// A path as written, with groups in braces spread out: `a::{b, c::d}` gives `a::b` and `a::c::d`.
struct PathInCode {
    line: usize,
    segments: Vec<String>,
    /// The module at the package's root into which it leads, when it leads through the root.
    top_level: Option<String>,
}

#[derive(Debug, PartialEq, Clone)]
struct Token {
    line: usize,
    text: String,
}

fn tokens(code: &str) -> Vec<Token> {
    let mut out: Vec<Token> = Vec::new();
    let mut line = 1;
    let mut joins_word = false;
    let mut colon_before = false;
    for c in code.chars() {
        let in_word = c.is_alphanumeric() || c == '_';
        match out.last_mut() {
            Some(last) if in_word && joins_word => last.text.push(c),
            Some(last) if c == ':' && colon_before && last.text == ":" => last.text.push(c),
            _ if !c.is_whitespace() => out.push(Token {
                line,
                text: c.to_string(),
            }),
            _ => {}
        }
        if c == '\n' {
            line += 1;
        }
        joins_word = in_word;
        colon_before = c == ':';
    }
    out
}

fn is_word(token: Option<&Token>) -> bool {
    token.is_some_and(|t| t.text.starts_with(|c: char| c.is_alphabetic() || c == '_'))
}

fn is(token: Option<&Token>, text: &str) -> bool {
    token.is_some_and(|t| t.text == text)
}

/// Finds the paths in masked code; `module` is where the file stands, for `super` and `self`.
fn paths(code: &str, module: &[String]) -> Vec<PathInCode> {
    let tokens = tokens(code);
    let mut out = Vec::new();
    let mut here = module.to_vec();
    // The bracket depths at which the inline modules we are in were opened.
    let mut opened = Vec::new();
    let mut depth = 0;
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        match token.text.as_str() {
            "{" => depth += 1,
            "}" => {
                if opened.last() == Some(&depth) {
                    opened.pop();
                    here.pop();
                }
                depth -= 1;
            }
            "mod" if is_word(tokens.get(at + 1)) && is(tokens.get(at + 2), "{") => {
                here.push(tokens[at + 1].text.clone());
                depth += 1;
                opened.push(depth);
                at += 3;
                continue;
            }
            _ if is_word(Some(token)) && !continues_path(&tokens, at) => {
                at = spread(&tokens, at, &[], &here, &mut out);
                continue;
            }
            _ => {}
        }
        at += 1;
    }
    out
}

/// Whether the word at `at` belongs to a path that began before it, or is a field or a method.
fn continues_path(tokens: &[Token], at: usize) -> bool {
    let before = |back: usize| at.checked_sub(back).and_then(|i| tokens.get(i));
    if is(before(1), ".") {
        return true;
    }
    // `::std::fs` after a keyword is a path of its own.
    let after_keyword = ["use", "in", "as", "return", "dyn", "impl", "mut"]
        .iter()
        .any(|word| is(before(2), word));
    is(before(1), "::") && !after_keyword && (is_word(before(2)) || is(before(2), ">"))
}

/// Reads one path from `at` on, with its groups, and returns where it ended.
fn spread(
    tokens: &[Token],
    mut at: usize,
    prefix: &[String],
    here: &[String],
    out: &mut Vec<PathInCode>,
) -> usize {
    let line = tokens[at].line;
    let mut segments = prefix.to_vec();
    loop {
        segments.push(tokens[at].text.clone());
        at += 1;
        if !is(tokens.get(at), "::") {
            break;
        }
        if is(tokens.get(at + 1), "{") {
            return spread_group(tokens, at + 2, &segments, here, out);
        }
        if !is_word(tokens.get(at + 1)) && !is(tokens.get(at + 1), "*") {
            break;
        }
        at += 1;
    }
    out.push(PathInCode {
        line,
        top_level: top_level(&segments, here),
        segments,
    });
    at
}

/// Reads the items of a group from behind its `{` to behind its `}`.
fn spread_group(
    tokens: &[Token],
    mut at: usize,
    prefix: &[String],
    here: &[String],
    out: &mut Vec<PathInCode>,
) -> usize {
    while let Some(token) = tokens.get(at) {
        match token.text.as_str() {
            "}" => return at + 1,
            // The new name in `a as b` is no path.
            "as" => at += 2,
            "," | "::" => at += 1,
            _ if is_word(Some(token)) || token.text == "*" => {
                at = spread(tokens, at, prefix, here, out);
            }
            _ => at += 1,
        }
    }
    at
}

/// Resolves a path against the module it stands in, as far as the package's root.
fn top_level(segments: &[String], here: &[String]) -> Option<String> {
    let mut base = match segments.first()?.as_str() {
        "crate" | "sekisho" => Vec::new(),
        "super" | "self" => here.to_vec(),
        _ => return None,
    };
    for segment in segments {
        match segment.as_str() {
            "crate" | "sekisho" | "self" => {}
            "super" => {
                base.pop();
            }
            other if base.is_empty() => return Some(other.to_owned()),
            _ => return None,
        }
    }
    None
}

fn found_in(files: &[(&str, &str)]) -> Vec<String> {
    violations(&tree(
        files
            .iter()
            .map(|(path, text)| ((*path).to_owned(), (*text).to_owned())),
    ))
}

#[test]
fn an_edge_of_the_table_passes_and_its_reverse_fails() {
    assert_eq!(
        found_in(&[("src/stix/object.rs", "use crate::report::Report;")]),
        [""; 0]
    );
    assert_eq!(
        found_in(&[("src/report/mod.rs", "\nuse crate::stix::Object;")]),
        ["src/report/mod.rs:2: `report` may not use `stix`"]
    );
}

#[test]
fn an_upward_edge_is_found_in_every_spelling() {
    for bad in [
        "use crate::store::Tx;",
        "use crate::{council::Body, store::{Tx, open}};",
        "use crate::{\n    council::Body,\n    store,\n};",
        "use super::super::store::Tx;",
        "use super::{super::store::Tx, Body};",
        "use sekisho::store::Tx;",
        "pub use crate::store as place;",
        "use {std::fmt, crate::store::Tx};",
        "fn f(tx: &mut crate::store::Tx) {}",
        "fn f() -> Vec<crate::store::Tx> { Vec::new() }",
        "macro_rules! m { () => { $crate::store::open() } }",
        "mod inner { use super::super::super::store::Tx; }",
        "#[cfg(test)]\nmod tests { use crate::store::Tx; }",
    ] {
        let found = found_in(&[("src/council/file.rs", bad)]);
        assert_eq!(found.len(), 1, "in {bad}: {found:?}");
        assert!(
            found[0].ends_with("`council` may not use `store`"),
            "in {bad}: {found:?}"
        );
    }
}

#[test]
fn what_only_looks_like_an_upward_edge_passes() {
    for good in [
        "use crate::{council::Body, handling::{Tlp, store}};",
        "use super::store::Shelf;",
        "mod inner { use super::super::store::Shelf; }",
        "mod inner { fn f() {} }\nuse super::store::Shelf;",
        "/// Kept by [`crate::store`].\npub struct Body;",
        "/* crate::store /* nested */ crate::store */ pub(crate) struct Body;",
        "const TEXT: &str = \"crate::store\";",
        "const TEXT: &str = r#\"a \" crate::store\"#;",
        "fn f<'a>(x: &'a str) -> char { '\"' } // crate::store \"",
        "use crate::handling::rule as store;",
    ] {
        assert_eq!(
            found_in(&[("src/council/file.rs", good)]),
            [""; 0],
            "in {good}"
        );
    }
}

#[test]
fn a_pure_module_may_not_reach_the_outside_in_any_spelling() {
    for (bad, banned) in [
        ("use std::fs;", "std::fs"),
        ("use std::{collections::BTreeMap, fs::File};", "std::fs"),
        ("use ::std::env;", "std::env"),
        (
            "fn f() { std::net::TcpStream::connect(\"a\"); }",
            "std::net::Tcp*",
        ),
        ("fn f() { let now = chrono::Utc::now(); }", "Utc::now"),
        ("fn f() { let now = Utc::now(); }", "Utc::now"),
        ("async fn f() { tokio::task::yield_now().await }", "tokio"),
        ("#[derive(sqlx::FromRow)]\nstruct Row;", "sqlx"),
        ("use axum::Json;", "axum"),
    ] {
        let found = found_in(&[("src/handling/rule.rs", bad)]);
        assert_eq!(found.len(), 1, "in {bad}: {found:?}");
        let end = format!("`handling` is pure and may not mention `{banned}`");
        assert!(found[0].ends_with(&end), "in {bad}: {found:?}");
    }
}

#[test]
fn a_pure_modules_tests_may_read_files_and_its_neighbours_in_std_are_free() {
    for good in [
        "use std::net::IpAddr;\nuse std::fmt;",
        "fn f(now: DateTime<Utc>) { now.timestamp(); }",
        "const PATH: &str = env!(\"CARGO_MANIFEST_DIR\");",
        "#[cfg(test)]\nmod tests {\n    use std::fs;\n    fn f() { fs::read(\"a\"); }\n}",
    ] {
        assert_eq!(
            found_in(&[("src/handling/rule.rs", good)]),
            [""; 0],
            "in {good}"
        );
    }
    let after_tests = "#[cfg(test)]\nmod tests { fn f() {} }\nuse std::fs;";
    assert_eq!(found_in(&[("src/handling/rule.rs", after_tests)]).len(), 1);
    let test_file = [
        (
            "src/handling/mod.rs",
            "#[cfg(test)]\nmod vectors;\nmod rule;",
        ),
        ("src/handling/vectors.rs", "use std::fs;"),
        ("src/handling/rule.rs", "use std::fs;"),
    ];
    assert_eq!(
        found_in(&test_file),
        ["src/handling/rule.rs:1: `handling` is pure and may not mention `std::fs`"]
    );
}

#[test]
fn sql_stays_in_the_store() {
    let query = "fn f() { sqlx::query(\"SELECT 1\"); }";
    assert_eq!(found_in(&[("src/store/db.rs", query)]), [""; 0]);
    assert_eq!(
        found_in(&[("src/exchange/publish.rs", query)]),
        ["src/exchange/publish.rs:1: SQL belongs in `store`, and `exchange` mentions `sqlx`"]
    );
}

#[test]
fn http_reaches_the_store_through_the_exchange_alone() {
    assert_eq!(
        found_in(&[("src/http/error.rs", "use crate::exchange::Error;")]),
        [""; 0]
    );
    assert_eq!(
        found_in(&[("src/http/error.rs", "use crate::store::Error;")]),
        ["src/http/error.rs:1: `http` may not use `store`"]
    );
}

#[test]
fn a_module_or_a_root_name_outside_the_table_fails() {
    assert_eq!(
        found_in(&[("src/gateway/mod.rs", "")]),
        ["src/gateway/mod.rs:1: `gateway` is not in the table of layers"]
    );
    assert_eq!(
        found_in(&[("src/http/mod.rs", "use crate::*;")]),
        ["src/http/mod.rs:1: `*` at the package's root is no layer: name a module of the table"]
    );
}

#[test]
fn the_table_names_layers_lowest_first() {
    for (place, (layer, uses)) in LAYERS.iter().enumerate() {
        let Only(allowed) = uses else { continue };
        for target in *allowed {
            let lower = LAYERS.iter().take(place).any(|(name, _)| name == target);
            assert!(
                lower,
                "`{layer}` uses `{target}`, which does not stand above it in the table"
            );
        }
    }
}

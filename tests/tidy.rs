//! Keeps the tree tidy: sizes, names, opening words, no panicking shortcuts in the product, nothing that
//! ties the repository to one machine, and two migration folders that match. Each rule is a function
//! over paths and texts, and is tried here on a text that breaks it.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test stops at its first surprise"
)]

mod source;

use source::{Source, read_tree, tree};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

/// A file longer than this holds more than one noun.
const LINES_MAX: usize = 600;

/// Names that say nothing of what is inside.
const EMPTY_NAMES: &[&str] = &[
    "util", "utils", "helper", "helpers", "common", "types", "misc", "stuff",
];

/// What stops the hub where it should answer with an error.
const SHORTCUTS: &[&str] = &[".unwrap()", ".expect(", "todo!", "unimplemented!"];

/// Notes that need an issue; in halves, so that this file passes its own rule.
const NOTES: &[&str] = &[concat!("TO", "DO"), concat!("FIX", "ME")];

/// Folders that exist on one machine; in halves for the same reason.
const HOMES: &[&str] = &[
    concat!("/wo", "rk/"),
    concat!("/ro", "ot/"),
    concat!("/ho", "me/"),
];

/// Package registries, which every client knows without being told; in halves as well.
const REGISTRIES: &[&str] = &[
    concat!("index.crates", ".io"),
    concat!("static.crates", ".io"),
    concat!("//crates", ".io"),
    concat!("pypi", ".org"),
    concat!("pythonhosted", ".org"),
    concat!("npmjs", ".org"),
    concat!("deb.debian", ".org"),
    concat!("proxy.golang", ".org"),
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(folders: &[&str]) -> Vec<Source> {
    folders
        .iter()
        .flat_map(|folder| read_tree(root(), folder))
        .collect()
}

/// Every text file that git tracks or would track, with its path.
fn tracked() -> Vec<(String, String)> {
    let listed = Command::new("git")
        .args([
            "ls-files",
            "-z",
            "--cached",
            "--others",
            "--exclude-standard",
        ])
        .current_dir(root())
        .output()
        .expect("git runs");
    assert!(
        listed.status.success(),
        "git ls-files: {}",
        String::from_utf8_lossy(&listed.stderr)
    );
    let names = String::from_utf8(listed.stdout).expect("tracked names are UTF-8");
    let files: Vec<(String, String)> = names
        .split('\0')
        .filter(|name| !name.is_empty())
        // A file can be deleted and not yet committed, and a binary one has no text.
        .filter_map(|name| Some((name.to_owned(), fs::read_to_string(root().join(name)).ok()?)))
        .collect();
    assert!(
        files.iter().any(|(path, _)| path == "Cargo.toml"),
        "git lists no Cargo.toml"
    );
    files
}

fn assert_none(found: &[String]) {
    assert!(
        found.is_empty(),
        "{} found:\n{}",
        found.len(),
        found.join("\n")
    );
}

fn over_long(sources: &[Source]) -> Vec<String> {
    let mut found = Vec::new();
    for source in sources {
        let lines = source.text.lines().count();
        if lines > LINES_MAX {
            found.push(format!(
                "{}: {lines} lines, {LINES_MAX} allowed: split it by noun",
                source.path
            ));
        }
    }
    found
}

/// Looks at the names of files and folders and of modules inside files.
fn emptily_named(sources: &[Source]) -> Vec<String> {
    let mut found = Vec::new();
    for source in sources {
        let parts = source.path.trim_end_matches(".rs").split('/');
        let words: Vec<&str> = source
            .code
            .split(|c: char| !c.is_alphanumeric() && c != '_')
            .filter(|w| !w.is_empty())
            .collect();
        let modules = words
            .windows(2)
            .filter(|pair| pair[0] == "mod")
            .map(|pair| pair[1]);
        for name in parts
            .chain(modules)
            .filter(|name| EMPTY_NAMES.contains(name))
        {
            found.push(format!(
                "{}: `{name}` does not say what is inside",
                source.path
            ));
        }
    }
    found
}

fn shortcuts(sources: &[Source]) -> Vec<String> {
    let mut found = Vec::new();
    for source in sources {
        for (at, line) in source.product().lines().enumerate() {
            for shortcut in SHORTCUTS
                .iter()
                .filter(|shortcut| line.contains(**shortcut))
            {
                found.push(format!(
                    "{}:{}: `{shortcut}` in the product",
                    source.path,
                    at + 1
                ));
            }
        }
    }
    found
}

fn without_opening(sources: &[Source]) -> Vec<String> {
    sources
        .iter()
        .filter(|source| !source.text.starts_with("//! "))
        .map(|source| {
            format!(
                "{}:1: does not open with `//!` and what it is for",
                source.path
            )
        })
        .collect()
}

/// Finds notes without an issue in code; documents may speak about the word.
fn notes_without_issue(files: &[(String, String)]) -> Vec<String> {
    let names_issue = |rest: &str| {
        rest.split('#')
            .skip(1)
            .any(|after| after.starts_with(|c: char| c.is_ascii_digit()))
    };
    let mut found = Vec::new();
    for (path, text) in files.iter().filter(|(path, _)| !path.ends_with(".md")) {
        for (at, line) in text.lines().enumerate() {
            for note in NOTES {
                if line
                    .split_once(note)
                    .is_some_and(|(_, rest)| !names_issue(rest))
                {
                    found.push(format!(
                        "{path}:{}: {note} without an issue's number",
                        at + 1
                    ));
                }
            }
        }
    }
    found
}

/// Finds what only works, or is only reached, from the machine it was written on.
fn machine_bound(files: &[(String, String)]) -> Vec<String> {
    let mut found = Vec::new();
    for (path, text) in files {
        for (at, line) in text.lines().enumerate() {
            for home in HOMES.iter().filter(|home| names_folder(line, home)) {
                found.push(format!("{path}:{}: a path below `{home}`", at + 1));
            }
            for host in REGISTRIES.iter().filter(|host| line.contains(**host)) {
                found.push(format!("{path}:{}: the registry `{host}`", at + 1));
            }
        }
    }
    found
}

/// Whether the folder stands in the line as the start of a path: `target/work/` does not count.
fn names_folder(line: &str, folder: &str) -> bool {
    line.match_indices(folder).any(|(at, _)| {
        let before = line.get(..at).and_then(|head| head.chars().next_back());
        !before.is_some_and(|c| c.is_alphanumeric() || "._-~*})$>".contains(c))
    })
}

/// Compares the migrations for the two databases by number and name.
fn unpaired_migrations(paths: &[String]) -> Vec<String> {
    const FOLDERS: [&str; 2] = ["migrations/sqlite", "migrations/postgres"];
    let mut found = Vec::new();
    let mut holders: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for path in paths.iter().filter(|path| path.starts_with("migrations/")) {
        let placed = FOLDERS
            .iter()
            .find_map(|folder| Some((*folder, path.strip_prefix(*folder)?.strip_prefix('/')?)));
        match placed {
            Some((folder, name)) if is_migration_name(name) => {
                holders.entry(name).or_default().push(folder);
            }
            _ => found.push(format!(
                "{path}: no migration; `NNNN_name.sql` in one of {FOLDERS:?}"
            )),
        }
    }
    for (name, holding) in &holders {
        if holding.len() == 1 {
            found.push(format!(
                "{}/{name}: has no twin for the other database",
                holding[0]
            ));
        }
    }
    for (place, name) in holders.keys().enumerate() {
        if name.get(..4) != Some(format!("{:04}", place + 1).as_str()) {
            found.push(format!(
                "{name}: migration {} in order has another number",
                place + 1
            ));
        }
    }
    found
}

fn is_migration_name(name: &str) -> bool {
    let Some((number, rest)) = name.split_once('_') else {
        return false;
    };
    let Some(noun) = rest.strip_suffix(".sql") else {
        return false;
    };
    number.len() == 4
        && number.chars().all(|c| c.is_ascii_digit())
        && !noun.is_empty()
        && noun
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
}

/// Finds test files that Cargo.toml, which lists each test binary by hand, does not list.
fn tests_not_run(sources: &[Source], manifest: &str) -> Vec<String> {
    sources
        .iter()
        .map(|source| source.path.as_str())
        .filter(|path| {
            let inside = path.trim_start_matches("tests/");
            !inside.contains('/')
                || (inside.ends_with("/main.rs") && inside.matches('/').count() == 1)
        })
        .filter(|path| !manifest.contains(&format!("path = \"{path}\"")))
        .map(|path| {
            format!("{path}: not among the [[test]] entries of Cargo.toml, so it never runs")
        })
        .collect()
}

#[test]
fn no_file_is_over_long() {
    assert_none(&over_long(&read(&["src", "tests", "benches"])));
}

#[test]
fn every_name_says_something() {
    assert_none(&emptily_named(&read(&["src", "tests", "benches"])));
}

#[test]
fn the_product_takes_no_panicking_shortcut() {
    assert_none(&shortcuts(&read(&["src"])));
}

#[test]
fn every_source_file_says_what_it_is_for() {
    assert_none(&without_opening(&read(&["src"])));
}

#[test]
fn every_note_has_its_issue() {
    assert_none(&notes_without_issue(&tracked()));
}

#[test]
fn nothing_is_bound_to_one_machine() {
    assert_none(&machine_bound(&tracked()));
}

#[test]
fn both_databases_have_the_same_migrations() {
    let paths: Vec<String> = tracked().into_iter().map(|(path, _)| path).collect();
    assert_none(&unpaired_migrations(&paths));
}

#[test]
fn every_test_file_is_run() {
    let manifest = fs::read_to_string(root().join("Cargo.toml")).expect("Cargo.toml is there");
    assert_none(&tests_not_run(&read(&["tests"]), &manifest));
}

fn one(path: &str, text: &str) -> Vec<Source> {
    tree([(path.to_owned(), text.to_owned())])
}

fn file(path: &str, text: &str) -> Vec<(String, String)> {
    vec![(path.to_owned(), text.to_owned())]
}

#[test]
fn the_six_hundredth_line_passes_and_the_next_fails() {
    assert_eq!(
        over_long(&one("src/a.rs", &"//\n".repeat(LINES_MAX))).len(),
        0
    );
    assert_eq!(
        over_long(&one("src/a.rs", &"//\n".repeat(LINES_MAX + 1))).len(),
        1
    );
}

#[test]
fn an_empty_name_is_found_on_files_folders_and_modules() {
    for (path, text) in [
        ("src/http/utils.rs", ""),
        ("src/helpers/mod.rs", ""),
        ("src/stix/mod.rs", "pub mod types;"),
        ("tests/it/main.rs", "mod common { }"),
    ] {
        assert_eq!(emptily_named(&one(path, text)).len(), 1, "{path}");
    }
    for (path, text) in [
        ("src/stix/media_types.rs", ""),
        ("src/stix/mod.rs", "pub mod event_types; // mod types"),
        ("src/stix/mod.rs", "let types = 3;"),
    ] {
        assert_eq!(emptily_named(&one(path, text)).len(), 0, "{path}");
    }
}

#[test]
fn a_shortcut_is_found_in_the_product_and_let_be_in_tests() {
    for bad in [
        "fn f() { x.unwrap(); }",
        "fn f() { x.expect(\"y\"); }",
        "fn f() { todo!() }",
        "fn f() { unimplemented!(\"later\") }",
        "#[cfg(test)]\nmod tests { fn f() {} }\nfn g() { x.unwrap(); }",
        "#[cfg(test)]\nuse a::{b, c};\nfn g() { x.unwrap(); }",
        "struct S {\n    #[cfg(test)]\n    a: u8,\n}\nfn g() { x.unwrap(); }",
        "fn f<'a>() { let c = '\"'; x.unwrap(); let d = '\"'; }",
    ] {
        assert_eq!(shortcuts(&one("src/a.rs", bad)).len(), 1, "{bad}");
    }
    for good in [
        "fn f() { x.unwrap_or(3); x.unwrap_or_default(); }",
        "#[expect(clippy::panic, reason = \"a\")] fn f() {}",
        "/// ```\n/// x.unwrap();\n/// ```\nfn f() { let s = \"todo!\"; }",
        "#[cfg(test)]\nmod tests {\n    fn f() { x.unwrap(); }\n}",
        "#[cfg(test)]\n#[derive(Debug)]\nfn f<A, B>(a: [A; 3]) { x.unwrap(); }",
        "#![cfg(test)]\nfn f() { x.unwrap(); }",
    ] {
        assert_eq!(shortcuts(&one("src/a.rs", good)), [""; 0], "{good}");
    }
    let split = [
        ("src/a.rs", "#[cfg(test)]\nmod tests;"),
        ("src/a/tests.rs", "fn f() { x.unwrap(); }"),
    ];
    let split = tree(split.map(|(path, text)| (path.to_owned(), text.to_owned())));
    assert_eq!(shortcuts(&split), [""; 0]);
}

#[test]
fn a_file_without_its_opening_paragraph_is_found() {
    assert_eq!(
        without_opening(&one("src/a.rs", "//! What this is for.\n")).len(),
        0
    );
    assert_eq!(
        without_opening(&one("src/a.rs", "use b;\n//! Late.\n")).len(),
        1
    );
    assert_eq!(without_opening(&one("src/main.rs", "")).len(), 1);
}

#[test]
fn a_note_needs_an_issue() {
    for note in NOTES {
        let with = format!("// {note}(#12): widen");
        let without = format!("// {note}: widen");
        assert_eq!(notes_without_issue(&file("src/a.rs", &with)).len(), 0);
        assert_eq!(notes_without_issue(&file("src/a.rs", &without)).len(), 1);
        assert_eq!(notes_without_issue(&file("docs/a.md", &without)).len(), 0);
    }
}

#[test]
fn a_machines_own_path_or_registry_is_found() {
    for home in HOMES {
        for bad in [
            format!("cd {home}x"),
            format!("{home}x"),
            format!("p = \"{home}x\""),
        ] {
            assert_eq!(machine_bound(&file("README.md", &bad)).len(), 1, "{bad}");
        }
        for good in [
            format!("target{home}x"),
            format!("..{home}x"),
            format!("$DIR{home}x"),
        ] {
            assert_eq!(machine_bound(&file("README.md", &good)).len(), 0, "{good}");
        }
    }
    for host in REGISTRIES {
        assert_eq!(
            machine_bound(&file("a.toml", &format!("url = \"https://{host}/x\""))).len(),
            1,
            "{host}"
        );
    }
}

#[test]
fn migrations_come_in_pairs_and_in_order() {
    let found = |paths: &[&str]| {
        unpaired_migrations(
            &paths
                .iter()
                .map(|path| (*path).to_owned())
                .collect::<Vec<_>>(),
        )
        .len()
    };
    assert_eq!(found(&[]), 0);
    assert_eq!(
        found(&[
            "migrations/sqlite/0001_start.sql",
            "migrations/postgres/0001_start.sql"
        ]),
        0
    );
    assert_eq!(found(&["migrations/sqlite/0001_start.sql"]), 1);
    assert_eq!(
        found(&[
            "migrations/sqlite/0002_start.sql",
            "migrations/postgres/0002_start.sql"
        ]),
        1
    );
    assert_eq!(found(&["migrations/sqlite/1_start.sql"]), 1);
    assert_eq!(found(&["migrations/0001_start.sql"]), 1);
    // One number under two names: neither has a twin, and the second is out of order.
    assert_eq!(
        found(&[
            "migrations/sqlite/0001_start.sql",
            "migrations/postgres/0001_first.sql"
        ]),
        3
    );
}

#[test]
fn a_test_file_that_cargo_does_not_know_is_found() {
    let manifest = "[[test]]\nname = \"it\"\npath = \"tests/it/main.rs\"\n";
    assert_eq!(
        tests_not_run(&one("tests/it/main.rs", ""), manifest).len(),
        0
    );
    assert_eq!(
        tests_not_run(&one("tests/it/publish.rs", ""), manifest).len(),
        0
    );
    assert_eq!(
        tests_not_run(&one("tests/load/main.rs", ""), manifest).len(),
        1
    );
    assert_eq!(tests_not_run(&one("tests/law.rs", ""), manifest).len(), 1);
}

//! `sekisho policy check` and `sekisho policy prove`, as a person runs them. The proofs need cvc5,
//! which `tests/run` installs and then demands; the quick loop passes over them where it is missing.

use std::path::PathBuf;
use std::process::{Command, Output};

use tempfile::TempDir;

const INVARIANT: &str = r#"
[[charter.invariants]]
id = "observers and open investigations"
when = 'context.relation == Relation::"observers" && resource.stage == Stage::"first"'
"#;

fn forbid(stage: &str) -> String {
    format!(
        "@id(\"p\") forbid (principal, action, resource)\nwhen {{ context.relation == Relation::\"observers\" \
         && resource.stage == Stage::\"{stage}\" }};\n"
    )
}

/// The demo's council with these policies, in a file of its own.
fn council(dir: &TempDir, policies: &str, more: &str) -> PathBuf {
    let demo = sekisho::demo::COUNCIL;
    let (before, rest) = demo.split_once("[charter]").unwrap();
    let (_, after) = rest.split_once("# ---- bodies").unwrap();
    let text =
        format!("{before}[charter]\nversion = 2\npolicies = '''\n{policies}'''\n{more}\n#{after}");
    let path = dir.path().join("council.toml");
    std::fs::write(&path, text).unwrap();
    path
}

fn sekisho(arguments: &[&str], solver: Option<&str>) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sekisho"));
    command.args(arguments);
    if let Some(solver) = solver {
        command.env("CVC5", solver);
    }
    command.output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn have_cvc5() -> bool {
    let there = Command::new("cvc5").arg("--version").output().is_ok();
    assert!(
        there || std::env::var("SEKISHO_REQUIRE_CVC5").is_err(),
        "cvc5 is demanded and is not there"
    );
    there
}

fn prove(policies: &str, more: &str, solver: Option<&str>) -> (bool, String, String) {
    let dir = tempfile::tempdir().unwrap();
    let path = council(&dir, policies, more);
    let output = sekisho(
        &["policy", "prove", "--council", path.to_str().unwrap()],
        solver,
    );
    (
        output.status.success(),
        text(&output.stdout),
        text(&output.stderr),
    )
}

#[test]
fn an_invariant_is_proved_or_broken_by_an_example() {
    if !have_cvc5() {
        return;
    }
    let (proved, said, _) = prove(&forbid("first"), INVARIANT, None);
    assert!(proved);
    assert!(said.starts_with("holds   observers and open"), "{said}");
    // The nearest policy that leaves a gap: the council never notices by its cases alone.
    let (proved, said, why) = prove(&forbid("final"), INVARIANT, None);
    assert!(!proved);
    assert!(said.starts_with("broken  observers and open"), "{said}");
    assert!(said.contains("stage: Stage::\"first\""), "{said}");
    assert!(why.contains("1 of 1"), "{why}");
}

/// What the solver proves is of every value, not of those that someone thought of.
#[test]
fn a_gap_that_only_an_unknown_severity_shows_is_found() {
    if !have_cvc5() {
        return;
    }
    let stated = "[[charter.invariants]]\nid = \"grave\"\n\
                  when = 'context.relation == Relation::\"observers\" && !(resource has severity && resource.severity < 3)'\n";
    let policy = |severity: &str| {
        format!(
            "@id(\"p\") forbid (principal, action, resource) when {{ \
             context.relation == Relation::\"observers\" && ({severity}) }};\n"
        )
    };
    let gap = policy("resource has severity && resource.severity >= 3");
    let (proved, said, _) = prove(&gap, stated, None);
    assert!(!proved);
    assert!(!said.contains("severity"), "{said}");
    let whole = policy("!(resource has severity && resource.severity < 3)");
    assert!(prove(&whole, stated, None).0);
}

#[test]
fn nothing_is_proved_without_the_solver_or_without_an_invariant() {
    let (proved, _, why) = prove(&forbid("first"), INVARIANT, Some("/nowhere/cvc5"));
    assert!(!proved);
    assert!(why.contains("nothing was proved"), "{why}");
    let (proved, _, why) = prove(&forbid("first"), "", None);
    assert!(!proved);
    assert!(why.contains("nothing to prove"), "{why}");
}

#[test]
fn a_file_of_policies_is_checked_as_the_councils_own() {
    let dir = tempfile::tempdir().unwrap();
    let case = "[[charter.cases]]\nname = \"c\"\nbody = \"demo-agency\"\nsource = \"demo-ict\"\n\
                item = { stage = \"first\" }\nexpect = \"deny\"\n";
    let council = council(&dir, &forbid("first"), case);
    let file = dir.path().join("charter.cedar");
    let check = |policies: &str| {
        std::fs::write(&file, policies).unwrap();
        let (file, council) = (file.to_str().unwrap(), council.to_str().unwrap());
        let output = sekisho(&["policy", "check", file, "--council", council], None);
        (output.status.success(), text(&output.stderr))
    };
    assert!(check(&forbid("first")).0);
    for (policies, says) in [
        (forbid("final"), "charter.cases `c`"),
        (forbid("frist"), "charter.policies line 2"),
        (
            "@id(\"p\") permit (principal, action, resource);".to_owned(),
            "permits",
        ),
    ] {
        let (passes, why) = check(&policies);
        assert!(!passes && why.contains(says), "{says}: {why}");
    }
}

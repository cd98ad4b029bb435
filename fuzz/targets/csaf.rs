//! The CSAF document: what passes is kept to the byte, and what is made of it is within bounds.

#![no_main]

use libfuzzer_sys::{fuzz_mutator, fuzz_target};
use sekisho::csaf::provider::{FOLDER, Hash, Published, Publisher, feed, metadata};
use sekisho::csaf::{Beside, Document, report};
use sekisho::handling::Tlp;
use sekisho::report::{FAULTS_MAX, Report};
use sekisho_fuzz::mutate_json;

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    mutate_json(data, size, max_size, seed)
});

fuzz_target!(|data: &[u8]| {
    let document = match Document::parse(data) {
        Ok(document) => document,
        Err(faults) => {
            assert!((1..=FAULTS_MAX).contains(&faults.len()));
            assert!(faults.iter().all(|fault| fault.rule.starts_with("csaf.")));
            return;
        }
    };
    assert_eq!(document.text().as_bytes(), data, "other bytes than came");
    assert!(Document::is_one(document.value()));
    let kept = Document::kept(document.text().to_owned()).expect("it is read again");
    assert_eq!(kept.value(), document.value());
    assert_eq!(kept.tlp(), document.tlp());

    let made = report(&document, &Beside::default());
    let stated = made.pointer("/handling/tlp").and_then(|word| word.as_str());
    assert_eq!(
        stated.map(|word| word.parse::<Tlp>().expect("a level")),
        document.tlp()
    );
    assert_eq!(
        made.pointer("/advisory/csaf")
            .and_then(|text| text.as_str()),
        Some(document.text())
    );
    match Report::from_value(made) {
        Ok(report) => assert!(!report.bytes().is_empty()),
        Err(faults) => assert!((1..=FAULTS_MAX).contains(&faults.len())),
    }
    published(document);
});

/// Its name is one of a file, below a folder of a year.
fn published(document: Document) {
    let hash = Hash::Sha256.file(&document);
    let one = Published {
        document,
        released_at: "2026-11-20T00:00:00Z".to_owned(),
    };
    let path = one.path();
    let rest = path
        .strip_prefix(FOLDER)
        .and_then(|rest| rest.strip_prefix('/'))
        .expect("below its folder");
    let (year, file) = rest.split_once('/').expect("a year");
    assert!(
        year.len() == 4 && year.bytes().all(|byte| byte.is_ascii_digit()),
        "{path}"
    );
    let plain =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"+-_".contains(&byte);
    let stem = file.strip_suffix(".json").expect("a JSON file");
    assert!(!stem.is_empty() && stem.bytes().all(plain), "{path}");
    assert!(hash.ends_with(&format!("  {file}\n")));
    let publisher = Publisher {
        name: "n".to_owned(),
        namespace: "https://n.example".to_owned(),
    };
    let all = [one];
    assert_eq!(
        feed("https://h", &all)["feed"]["entry"]
            .as_array()
            .map(Vec::len),
        Some(1)
    );
    assert!(metadata("https://h", &publisher, &all).is_object());
}

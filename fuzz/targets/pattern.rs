//! The STIX pattern: what is one stays one where the grammar says so, and in a rendition.

#![no_main]

use libfuzzer_sys::fuzz_target;
use sekisho::stix::pattern::check;
use sekisho::stix::validate;
use sekisho_fuzz::render;
use serde_json::json;

fuzz_target!(|text: &str| {
    if let Err(fault) = check(text) {
        assert!(fault.at <= text.chars().count() && !fault.message.is_empty());
        return;
    }
    // The line feed ends a comment that the pattern may end with.
    for (other, deeper) in [
        (format!(" /* a */ {text}\n// b"), false),
        (format!("({text}\n)"), true),
        (format!("{text}\nFOLLOWEDBY[a:b=1]"), false),
        (format!("[a-b:c.'d'[*] IN ()]OR {text}"), false),
        (
            format!("({text}\n) START t'2020-01-01T00:00:00Z' STOP t'2021-01-01T00:00:00Z'"),
            true,
        ),
    ] {
        let verdict = check(&other);
        let too_deep = deeper
            && verdict
                .as_ref()
                .is_err_and(|fault| fault.message.contains("deep"));
        assert!(verdict.is_ok() || too_deep, "{other:?}: {verdict:?}");
    }
    for other in [
        format!("{text}\n)"),
        format!("{text}\nAND"),
        format!("[{text}\n]"),
        format!("{text}\n{text}"),
    ] {
        assert!(check(&other).is_err(), "{other:?}");
    }
    let indicator = json!({
        "type": "indicator", "spec_version": "2.1", "id": "indicator--8e2e2d2b-17d4-4cbf-938f-98ee46b3cd3f",
        "created": "2024-01-01T00:00:00.000Z", "modified": "2024-01-01T00:00:00.000Z",
        "valid_from": "2024-01-01T00:00:00Z", "pattern_type": "stix", "pattern": text,
    });
    assert_eq!(validate(&indicator), Ok(()));
    for strip in [false, true] {
        let rendered = render(std::slice::from_ref(&indicator), strip).remove(0);
        if let Some(rendered) = rendered {
            assert_eq!(
                validate(&rendered),
                Ok(()),
                "{text:?} became {}",
                rendered["pattern"]
            );
        }
    }
});

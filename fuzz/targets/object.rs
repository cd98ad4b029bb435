//! One STIX object, and all that follows from it without a database: verdict, rendition, portions,
//! markings and the anonymity check.

#![no_main]

use std::collections::BTreeSet;
use std::sync::LazyLock;

use libfuzzer_sys::{Corpus, fuzz_mutator, fuzz_target};
use sekisho::report::identity_check::{IdentityCheck, Mark};
use sekisho::stix::json::{Limits, parse};
use sekisho::stix::portion::{marked_parts, references, without_parts, without_references};
use sekisho::stix::rendition::canonical;
use sekisho::stix::validate::VIOLATIONS_MAX;
use sekisho::stix::{StixId, marking, resolve_selector, validate};
use sekisho_fuzz::{NAME, mutate_json, render, selectors, strings};
use serde_json::Value;

static CHECK: LazyLock<IdentityCheck> = LazyLock::new(|| {
    let marks = [
        Mark::Name(NAME.to_owned()),
        Mark::Domain(format!("{NAME}.example")),
        Mark::Network("198.51.100.0/24".parse().unwrap()),
        Mark::Person("山田 太郎".to_owned()),
        Mark::Id("desk-07".to_owned()),
        Mark::Reference("INC-12345".to_owned()),
        Mark::Stripped("198.51.100.7".to_owned()),
    ];
    IdentityCheck::new(&marks, &[])
});

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    mutate_json(data, size, max_size, seed)
});

fuzz_target!(|data: &[u8]| -> Corpus {
    let Ok(object) = parse(data, &Limits::default()) else {
        return Corpus::Keep;
    };
    let verdict = validate(&object);
    same_in_other_bytes(&object, &verdict);
    if let Err(violations) = &verdict {
        assert!((1..=VIOLATIONS_MAX).contains(&violations.len()));
        for one in violations {
            let above = one.pointer.rsplit_once('/').map_or("", |(above, _)| above);
            assert!(object.pointer(above).is_some(), "{one} points at nothing");
        }
    }
    read_markings(&object);
    portions(&object, verdict.is_ok());
    for strip in [false, true] {
        let rendered = render(std::slice::from_ref(&object), strip).remove(0);
        if let Some(rendered) = rendered {
            rendition(&object, &rendered, verdict.is_ok(), strip);
        }
    }
    Corpus::Keep
});

/// What an object says does not depend on how its bytes are laid out.
fn same_in_other_bytes(object: &Value, verdict: &Result<(), Vec<sekisho::stix::Violation>>) {
    let again = parse(object.to_string().as_bytes(), &Limits::default()).expect("reads again");
    assert_eq!(
        &again, object,
        "a value changes when it is written and read"
    );
    assert_eq!(&validate(&again), verdict);
    let bytes = canonical(object);
    let read: Value = serde_json::from_slice(&bytes).expect("the canonical form is JSON");
    assert_eq!(canonical(&read), bytes, "the canonical form is not final");
}

fn read_markings(object: &Value) {
    let mut all = Vec::new();
    strings(object, &mut all);
    for text in all {
        let _ = marking::label(text);
        if let Some(published) = marking::published(text) {
            assert_eq!(validate(&published), Ok(()));
        }
    }
    let _ = marking::meaning(object);
}

fn portions(object: &Value, valid: bool) {
    let found = references(object);
    assert!(found.iter().all(|id| StixId::parse(id).is_some()));
    let rest = without_references(object, &found);
    assert!(references(&rest).is_empty(), "a hidden reference stays");
    let mut left = vec![rest];
    for part in marked_parts(object).values() {
        left.extend(without_parts(object, part));
    }
    left.extend(without_parts(object, &BTreeSet::from(["name".to_owned()])));
    for rest in left.iter().filter(|_| valid) {
        for selector in selectors(rest) {
            let part = resolve_selector(rest, selector);
            assert!(
                part.is_some(),
                "`{selector}` selects nothing of what is left"
            );
        }
    }
}

fn rendition(object: &Value, rendered: &Value, valid: bool, strip: bool) {
    if valid {
        assert_eq!(validate(rendered), Ok(()), "of {object}\nis {rendered}");
    }
    let known = |pointer: &str| rendered.pointer(pointer).is_some();
    assert!(CHECK.find(rendered).iter().all(|one| known(&one.pointer)));
    let published = rendered["id"]
        .as_str()
        .and_then(marking::published)
        .is_some();
    if published {
        return;
    }
    let hub = "identity--11111111-1111-4111-8111-111111111111";
    let creator = rendered.get("created_by_ref");
    assert!(
        creator.is_none_or(|creator| creator == hub),
        "its creator stays"
    );
    if strip {
        let mut all = Vec::new();
        strings(rendered, &mut all);
        for text in all {
            assert!(
                !text.to_lowercase().contains(NAME),
                "the name stays in {text:?}"
            );
        }
    }
    let again = render(std::slice::from_ref(object), strip).remove(0);
    assert_eq!(
        again.as_ref(),
        Some(rendered),
        "it is another one each time"
    );
}

//! The envelope: taking it apart, and judging each object in it.

#![no_main]

use libfuzzer_sys::{fuzz_mutator, fuzz_target};
use sekisho::stix::json::{Limits, parse, split_envelope};
use sekisho::stix::report::from_stix;
use sekisho::stix::validate;
use sekisho_fuzz::{mutate_json, render};

const LIMITS: Limits = Limits {
    bytes_max: 1 << 20,
    depth_max: 16,
    objects_max: 20,
};

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    mutate_json(data, size, max_size, seed)
});

fuzz_target!(|data: &[u8]| {
    let envelope = match split_envelope(data, &LIMITS) {
        Ok(envelope) => envelope,
        Err(fault) => {
            assert!(!fault.message.is_empty());
            return;
        }
    };
    assert!(envelope.objects.len() <= LIMITS.objects_max);
    assert!(serde_json::from_slice::<serde_json::Value>(data).is_ok() || deep(data));
    let mut end = data.as_ptr() as usize;
    for object in &envelope.objects {
        // The bytes are those that came, one object after the other.
        let start = object.raw.as_ptr() as usize;
        assert!(start > end, "objects overlap");
        end = start + object.raw.len();
        assert!(end < data.as_ptr() as usize + data.len());
        assert_eq!(object.value, parse(object.raw.as_bytes(), &LIMITS));
    }
    // The same objects in other wrapping are the same objects.
    let raws: Vec<&str> = envelope.objects.iter().map(|one| one.raw).collect();
    let wrapped = format!(
        "{{\"x\":[],\"type\":\"bundle\",\"objects\":[{}]}}",
        raws.join(" ,")
    );
    let wide = Limits {
        bytes_max: 4 << 20,
        ..LIMITS
    };
    let again = split_envelope(wrapped.as_bytes(), &wide).expect("splits again");
    assert!(again.bundle && again.objects.iter().map(|one| one.raw).eq(raws));

    let read: Vec<_> = envelope
        .objects
        .into_iter()
        .filter_map(|one| one.value.ok())
        .collect();
    let valid: Vec<_> = read
        .into_iter()
        .filter(|one| validate(one).is_ok())
        .collect();
    let _ = from_stix(&valid);
    let rendered = render(&valid, false);
    assert_eq!(rendered.len(), valid.len());
    for one in rendered.iter().flatten() {
        assert_eq!(validate(one), Ok(()), "{one}");
    }
});

/// `serde_json` itself stops at 128 levels, the envelope's own reader skips what it does not need.
fn deep(data: &[u8]) -> bool {
    data.iter()
        .filter(|byte| matches!(byte, b'[' | b'{'))
        .count()
        >= 128
        || data.windows(2).any(|pair| pair == b"\\u")
        || data.iter().any(|byte| matches!(byte, b'e' | b'E'))
        || data.iter().filter(|byte| byte.is_ascii_digit()).count() > 300
}

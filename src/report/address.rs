//! Finds IP addresses and prefixes in running text.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::ops::Range;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use super::fold::Glyph;

/// Finds the IP addresses and prefixes in folded text, as ranges of glyphs.
pub(super) fn addresses(glyphs: &[Glyph]) -> Vec<(Range<usize>, IpNet)> {
    let mut found = Vec::new();
    dotted(glyphs, &mut found);
    coloned(glyphs, &mut found);
    found
}

/// IPv4: every four neighbours in a row of numbers joined by dots.
fn dotted(glyphs: &[Glyph], found: &mut Vec<(Range<usize>, IpNet)>) {
    let mut chain: Vec<(u8, Range<usize>)> = Vec::new();
    let mut at = 0;
    while at < glyphs.len() {
        let (number, end) = decimal(glyphs, at, chain.is_empty());
        let Some(octet) = number.and_then(|n| u8::try_from(n).ok()) else {
            chain.clear();
            at = end.max(at + 1);
            continue;
        };
        chain.push((octet, at..end));
        if let Some([(a, first), (b, _), (c, _), (d, _)]) = chain.last_chunk::<4>() {
            let address = Ipv4Addr::new(*a, *b, *c, *d);
            let (length, stop) = prefix_length(glyphs, end, 32);
            if let Ok(network) = Ipv4Net::new(address, length) {
                found.push((first.start..stop, IpNet::V4(network)));
            }
        }
        if follows(glyphs, end, '.') && digit(glyphs, end + 1).is_some() {
            at = end + 1;
        } else {
            chain.clear();
            at = end;
        }
    }
}

/// IPv6: from each group of a run, the longest stretch that is an address.
fn coloned(glyphs: &[Glyph], found: &mut Vec<(Range<usize>, IpNet)>) {
    // 45 characters are the longest text form, with an IPv4 tail.
    const LONGEST: usize = 45;
    let part = |g: &Glyph| g.ch.is_ascii_hexdigit() || matches!(g.ch, ':' | '.');
    let at_group = |at: usize| {
        let before = at.checked_sub(1).and_then(|i| glyphs.get(i));
        let joined = glyphs.get(at).is_some_and(|g| !g.gap);
        before
            .filter(|_| joined)
            .is_none_or(|g| !g.ch.is_ascii_hexdigit())
    };
    for (start, first) in glyphs.iter().enumerate() {
        if !part(first) || first.ch == '.' || !at_group(start) {
            continue;
        }
        let run = glyphs.iter().skip(start).take(LONGEST).enumerate();
        let run: String = run
            .take_while(|(i, g)| part(g) && (*i == 0 || !g.gap))
            .map(|(_, g)| g.ch)
            .collect();
        if run.matches(':').count() < 2 {
            continue;
        }
        // Folded hexadecimal digits, colons and dots are one byte each.
        let longest = (2..=run.len()).rev().find_map(|length| {
            let address = run.get(..length)?.parse::<Ipv6Addr>().ok()?;
            Some((address, start + length))
        });
        let Some((address, end)) = longest else {
            continue;
        };
        let (length, stop) = prefix_length(glyphs, end, 128);
        let network = match address.to_ipv4_mapped() {
            Some(v4) if length >= 96 => Ipv4Net::new(v4, length - 96).map(IpNet::V4),
            _ => Ipv6Net::new(address, length).map(IpNet::V6),
        };
        found.extend(network.ok().map(|network| (start..stop, network)));
    }
}

/// Reads a number of up to three digits; a longer one counts as none.
fn decimal(glyphs: &[Glyph], at: usize, fresh: bool) -> (Option<u32>, usize) {
    let mut end = at;
    let mut number = 0_u32;
    while let Some(value) = digit(glyphs, end)
        && (end > at || fresh || glyphs.get(end).is_some_and(|g| !g.gap))
        && (end == at || glyphs.get(end).is_some_and(|g| !g.gap))
    {
        number = number.saturating_mul(10).saturating_add(value);
        end += 1;
    }
    let known = (1..=3).contains(&(end - at)).then_some(number);
    (known, end)
}

/// Reads `/n` after an address; without it the address stands for itself.
fn prefix_length(glyphs: &[Glyph], at: usize, widest: u8) -> (u8, usize) {
    if follows(glyphs, at, '/')
        && let (Some(number), end) = decimal(glyphs, at + 1, false)
        && let Ok(length) = u8::try_from(number)
        && length <= widest
    {
        return (length, end);
    }
    (widest, at)
}

fn digit(glyphs: &[Glyph], at: usize) -> Option<u32> {
    glyphs.get(at).and_then(|g| g.ch.to_digit(10))
}

fn follows(glyphs: &[Glyph], at: usize, ch: char) -> bool {
    glyphs.get(at).is_some_and(|g| g.ch == ch && !g.gap)
}

/// IPv4 addresses as a URL may write them: one number, or parts in hexadecimal or octal.
///
/// Only a host between `//` or `@` and what ends it is read so; anywhere else a number is a number.
pub(super) fn host_numbers(glyphs: &[Glyph]) -> Vec<(Range<usize>, IpNet)> {
    let mut found = Vec::new();
    for (at, glyph) in glyphs.iter().enumerate() {
        let slashes = glyph.ch == '/' && at.checked_sub(1).is_some_and(|i| follows(glyphs, i, '/'));
        if !slashes && glyph.ch != '@' {
            continue;
        }
        let host: String = glyphs
            .iter()
            .skip(at + 1)
            .take_while(|glyph| !glyph.gap && (glyph.ch.is_ascii_alphanumeric() || glyph.ch == '.'))
            .map(|glyph| glyph.ch)
            .collect();
        let parts: Option<Vec<u64>> = host.trim_end_matches('.').split('.').map(number).collect();
        if let Some(address) = parts.and_then(|parts| whole_address(&parts)) {
            let end = at + 1 + host.len();
            found.push((at + 1..end, IpNet::V4(Ipv4Net::from(address))));
        }
    }
    found
}

/// A number in the notation of `inet_aton`.
fn number(text: &str) -> Option<u64> {
    if let Some(hex) = text.strip_prefix("0x") {
        return u64::from_str_radix(hex, 16).ok();
    }
    match text.strip_prefix('0') {
        Some(octal) if !octal.is_empty() => u64::from_str_radix(octal, 8).ok(),
        _ => text.parse().ok(),
    }
}

/// The last part fills what the others leave (`192.0.513`).
fn whole_address(parts: &[u64]) -> Option<Ipv4Addr> {
    let (last, heads) = parts.split_last()?;
    if heads.len() > 3 {
        return None;
    }
    let mut address = 0_u64;
    for head in heads {
        address = address << 8 | u64::from(u8::try_from(*head).ok()?);
    }
    let room = 8 * (4 - u32::try_from(heads.len()).ok()?);
    if *last >= 1_u64 << room {
        return None;
    }
    u32::try_from(address << room | last)
        .ok()
        .map(Ipv4Addr::from)
}

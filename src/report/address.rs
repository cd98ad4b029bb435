//! Finds IP addresses and prefixes in running text.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::ops::Range;

use ipnet::{IpNet, Ipv4Net, Ipv4Subnets, Ipv6Net};

use super::fold::Glyph;

/// Finds the IP addresses and prefixes in folded text, as ranges of glyphs.
pub(super) fn addresses(glyphs: &[Glyph]) -> Vec<(Range<usize>, IpNet)> {
    let mut found = Vec::new();
    dotted(glyphs, &mut found);
    spans(glyphs, &mut found);
    coloned(glyphs, &mut found);
    found
}

/// Two IPv4 addresses written as one thing: a range (`192.0.2.1-192.0.2.9`) or a network mask.
fn spans(glyphs: &[Glyph], found: &mut Vec<(Range<usize>, IpNet)>) {
    let mut wider = Vec::new();
    for pair in found.windows(2) {
        let [(first, IpNet::V4(from)), (second, IpNet::V4(to))] = pair else {
            continue;
        };
        let between = glyphs.get(first.end..second.start).unwrap_or_default();
        let all = first.start..second.end;
        let [sign] = between else { continue };
        if is_dash(sign.ch) {
            let subnets = Ipv4Subnets::new(from.addr(), to.addr(), 0);
            wider.extend(subnets.map(|net| (all.clone(), IpNet::V4(net))));
        } else if sign.ch == '/'
            && let Ok(net) = Ipv4Net::with_netmask(from.addr(), to.addr())
        {
            wider.push((all, IpNet::V4(net)));
        }
    }
    found.extend(wider);
}

fn is_dash(ch: char) -> bool {
    matches!(ch, '-' | '~' | '\u{2010}'..='\u{2015}' | '\u{2212}' | '〜')
}

/// What stands for every number of a last part (`192.0.2.*`), or for several (`192.0.2.1-99`).
fn last_parts(
    glyphs: &[Glyph],
    chain: &[(u8, Range<usize>)],
    end: usize,
    found: &mut Vec<(Range<usize>, IpNet)>,
) {
    if let [(a, first), (b, _), (c, _)] = chain {
        let any = glyphs
            .get(end + 1)
            .is_some_and(|g| matches!(g.ch, '*' | 'x') && !g.gap);
        let alone = glyphs
            .get(end + 2)
            .is_none_or(|g| g.gap || !g.ch.is_ascii_alphanumeric());
        if follows(glyphs, end, '.') && any && alone {
            let net = Ipv4Net::new(Ipv4Addr::new(*a, *b, *c, 0), 24).map(IpNet::V4);
            found.extend(net.ok().map(|net| (first.start..end + 2, net)));
        }
    }
    if let Some([(a, first), (b, _), (c, _), (d, _)]) = chain.last_chunk::<4>()
        && glyphs.get(end).is_some_and(|g| is_dash(g.ch) && !g.gap)
        && let (Some(last), stop) = decimal(glyphs, end + 1, false)
        && let Ok(last) = u8::try_from(last)
        && last > *d
        && !follows(glyphs, stop, '.')
    {
        let at = |last: u8| Ipv4Addr::new(*a, *b, *c, last);
        let subnets = Ipv4Subnets::new(at(*d), at(last), 0);
        found.extend(subnets.map(|net| (first.start..stop, IpNet::V4(net))));
    }
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
        last_parts(glyphs, &chain, end, found);
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
        if length == 128 {
            let inside = carried(address).map(|v4| IpNet::V4(Ipv4Net::from(v4)));
            found.extend(inside.map(|network| (start..stop, network)));
        }
    }
}

/// The IPv4 address that an IPv6 address carries: 6to4 (RFC 3056), NAT64 (RFC 6052).
fn carried(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let [first, second, third, fourth, .., sixth, seventh] = address.segments();
    let joined = |high: u16, low: u16| Ipv4Addr::from(u32::from(high) << 16 | u32::from(low));
    match (first, second) {
        (0x2002, _) => Some(joined(second, third)),
        (0x0064, 0xff9b) if third == 0 && fourth == 0 => Some(joined(sixth, seventh)),
        _ => None,
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

//! How products of a document are made of each other. The tests of section 6.1 follow that step by
//! step, each from the beginning, so a chain of thousands would exhaust the stack, and many long ones
//! the time, of whoever checks it. Here it is measured first, without recursion.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::report::Fault;

/// The longest chain of products each made of the one before; real documents have two or three.
const CHAIN_MAX: usize = 64;
/// The most steps that following every chain may take.
const STEPS_MAX: usize = 2_000_000;

/// Why a document's relations cannot be checked.
pub(super) fn fault(document: &Value) -> Option<Fault> {
    let fault = |rule: &str, message: &str| {
        Some(Fault {
            pointer: "/product_tree".to_owned(),
            rule: format!("csaf.{rule}"),
            message: message.to_owned(),
        })
    };
    let made = made_of(document);
    let edges: usize = made.values().map(Vec::len).sum();
    let mut inner: Vec<&str> = made.values().flatten().copied().collect();
    inner.sort_unstable();
    inner.dedup();
    inner.retain(|id| made.contains_key(id));
    if inner.len().saturating_mul(edges) > STEPS_MAX {
        let message = "too many products are made of products that are made of others";
        return fault("relations", message);
    }
    match longest_chain(&made) {
        None => fault("6.1.3", "a product is made of itself, through others"),
        Some(length) if length > CHAIN_MAX => {
            let message = format!("more than {CHAIN_MAX} products are made one of the other");
            fault("relations", &message)
        }
        Some(_) => None,
    }
}

/// Of which products each one that a relation defines is made: relationships of version 2.0, product
/// paths of 2.1.
fn made_of(document: &Value) -> BTreeMap<&str, Vec<&str>> {
    fn list<'a>(of: &'a Value, name: &str) -> impl Iterator<Item = &'a Value> {
        of.get(name).and_then(Value::as_array).into_iter().flatten()
    }
    let mut made: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    let Some(tree) = document.get("product_tree") else {
        return made;
    };
    for one in list(tree, "relationships").chain(list(tree, "product_paths")) {
        let product = one.pointer("/full_product_name/product_id");
        let Some(product) = product.and_then(Value::as_str) else {
            continue;
        };
        let direct = [
            "product_reference",
            "relates_to_product_reference",
            "beginning_product_reference",
        ];
        let direct = direct.into_iter().filter_map(|name| one.get(name));
        let next = list(one, "subpaths").filter_map(|path| path.get("next_product_reference"));
        let parts = made.entry(product).or_default();
        parts.extend(direct.chain(next).filter_map(Value::as_str));
    }
    made
}

/// How many products the longest chain has; `None` where one goes round.
fn longest_chain(made: &BTreeMap<&str, Vec<&str>>) -> Option<usize> {
    let mut users: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    let mut open: BTreeMap<&str, usize> = BTreeMap::new();
    for (product, parts) in made {
        let inner = parts.iter().filter(|part| made.contains_key(*part));
        for part in inner.clone() {
            users.entry(part).or_default().push(product);
        }
        open.insert(product, inner.count());
    }
    let done = open.iter().filter(|(_, left)| **left == 0);
    let mut ready: Vec<(&str, usize)> = done.map(|(product, _)| (*product, 1)).collect();
    let mut lengths: BTreeMap<&str, usize> = BTreeMap::new();
    let (mut longest, mut seen) = (0, 0);
    while let Some((product, length)) = ready.pop() {
        seen += 1;
        longest = longest.max(length);
        for user in users.get(product).into_iter().flatten() {
            let known = lengths.entry(user).or_default();
            *known = (*known).max(length + 1);
            let (length, Some(left)) = (*known, open.get_mut(user)) else {
                continue;
            };
            *left -= 1;
            if *left == 0 {
                ready.push((user, length));
            }
        }
    }
    (seen == made.len()).then_some(longest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn relations(list: &[(&str, &str)]) -> Option<String> {
        let one = |(id, of): &(&str, &str)| json!({"full_product_name": {"product_id": id}, "product_reference": of, "relates_to_product_reference": "P"});
        let list: Vec<Value> = list.iter().map(one).collect();
        let path = |one: &Value| json!({"full_product_name": one["full_product_name"], "beginning_product_reference": "P", "subpaths": [{"next_product_reference": one["product_reference"]}]});
        let paths: Vec<Value> = list.iter().map(path).collect();
        let found = fault(&json!({"product_tree": {"relationships": list}}));
        let newer = fault(&json!({"product_tree": {"product_paths": paths}}));
        assert_eq!(found, newer);
        found.map(|fault| fault.rule)
    }

    fn chain(length: usize) -> Option<String> {
        let names: Vec<String> = (0..=length).map(|n| format!("r{n}")).collect();
        let pairs: Vec<(&str, &str)> = names
            .windows(2)
            .map(|pair| (&*pair[1], &*pair[0]))
            .collect();
        relations(&pairs)
    }

    #[test]
    fn chains_are_bounded_and_rounds_are_found() {
        assert_eq!(fault(&json!({})), None);
        assert_eq!(
            relations(&[("a", "P"), ("b", "a"), ("c", "a"), ("d", "b"), ("d", "c")]),
            None
        );
        assert_eq!(chain(CHAIN_MAX), None);
        assert_eq!(chain(CHAIN_MAX + 1).as_deref(), Some("csaf.relations"));
        assert_eq!(chain(20_000).as_deref(), Some("csaf.relations"));
        assert_eq!(relations(&[("a", "a")]).as_deref(), Some("csaf.6.1.3"));
        assert_eq!(
            relations(&[("a", "b"), ("b", "c"), ("c", "a"), ("d", "a")]).as_deref(),
            Some("csaf.6.1.3")
        );
    }

    #[test]
    fn many_products_of_one_that_is_made_of_others_are_no_long_chain() {
        let names: Vec<String> = (0..7000).map(|n| format!("r{n}")).collect();
        let mut pairs: Vec<(&str, &str)> = names.iter().map(|name| (&**name, "module")).collect();
        pairs.push(("module", "P"));
        assert_eq!(relations(&pairs), None);
    }
}

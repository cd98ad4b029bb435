//! Reads `properties.txt`, the tests' own writing of the standard's property tables. Knows nothing of
//! values; those are made in `values`.

use std::collections::BTreeMap;

/// The kind of a value: what stands behind the property's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kind {
    pub list: bool,
    pub name: &'static str,
    pub argument: &'static str,
}

#[derive(Clone, Copy, Debug)]
pub struct Property {
    pub name: &'static str,
    pub required: bool,
    pub kind: Kind,
}

/// Two instants in an order: `later` is not before `earlier`, or `strictly` after it.
#[derive(Clone, Copy, Debug)]
pub struct Order {
    pub later: &'static str,
    pub earlier: &'static str,
}

/// One section of the table: a type, a part, an extension, or the common properties of a class.
#[derive(Clone, Debug)]
pub struct Section {
    pub properties: Vec<Property>,
    pub pick: Vec<&'static str>,
    pub omit: Vec<&'static str>,
    pub orders: Vec<Order>,
}

pub struct Table {
    sections: BTreeMap<(&'static str, &'static str), Section>,
    /// The types in the order of the file.
    pub types: Vec<(&'static str, &'static str)>,
}

fn words(text: &'static str) -> Vec<&'static str> {
    text.split(',').collect()
}

fn property(line: &'static str) -> Property {
    let (name, kind) = line.split_once(' ').expect(line);
    let (list, kind) = match kind.strip_prefix("of ") {
        Some(kind) => (true, kind),
        None => (false, kind),
    };
    let (kind, argument) = kind.split_once(' ').unwrap_or((kind, ""));
    let kind = Kind {
        list,
        name: kind,
        argument,
    };
    Property {
        name: name.trim_end_matches('*'),
        required: name.ends_with('*'),
        kind,
    }
}

impl Table {
    pub fn read() -> Self {
        let mut table = Self {
            sections: BTreeMap::new(),
            types: Vec::new(),
        };
        let mut open = None;
        for line in include_str!("properties.txt").lines() {
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let Some(line) = line.strip_prefix("  ") else {
                let head: Vec<&str> = line.split(' ').collect();
                let key = (head[0], head[1]);
                if ["sdo", "sro", "sco", "meta"].contains(&head[0]) {
                    table.types.push(key);
                }
                // The section of the standard, third, is for readers.
                let section = Section {
                    properties: Vec::new(),
                    pick: Vec::new(),
                    omit: Vec::new(),
                    orders: Vec::new(),
                };
                assert!(table.sections.insert(key, section).is_none(), "{line}");
                open = Some(key);
                continue;
            };
            let section = table.sections.get_mut(&open.expect(line)).expect(line);
            match line.split_once(' ').expect(line) {
                ("pick", names) => section.pick = words(names),
                ("omit", names) => section.omit = words(names),
                ("after" | "later", pair) => {
                    let (later, earlier) = pair.split_once(' ').expect(line);
                    section.orders.push(Order { later, earlier });
                }
                _ => section.properties.push(property(line)),
            }
        }
        table
    }

    pub fn section(&self, class: &'static str, name: &'static str) -> &Section {
        &self.sections[&(class, name)]
    }

    /// The sections that together hold a type's properties: the common ones and its own.
    pub fn of_type(&self, class: &'static str, name: &'static str) -> [&Section; 3] {
        let column = if class == "meta" { name } else { class };
        [
            self.section("common", "all"),
            self.section("common", column),
            self.section(class, name),
        ]
    }

    /// The predefined extensions of a type, by their key.
    pub fn extensions(&self, of: &str) -> Vec<(&'static str, &Section)> {
        let within = self
            .sections
            .iter()
            .filter(|((class, _), _)| *class == "extension");
        within
            .filter_map(|((_, name), section)| {
                let (kind, key) = name.split_once('/')?;
                (kind == of).then_some((key, section))
            })
            .collect()
    }
}

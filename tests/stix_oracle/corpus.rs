//! Makes the corpus: for every type objects that keep the table, and objects changed in one place. What
//! holds of a whole object (markings, extensions, orders) is changed in `whole`.

use serde_json::{Map, Value, json};

use super::dice::Dice;
use super::table::{Kind, Property, Section, Table};
use super::values::{border, good};

/// One object of the corpus.
pub struct Case {
    /// What was done: the type, the place, the change.
    pub label: String,
    /// JSON pointer of the change; none in an object that was left whole.
    pub place: Option<String>,
    pub object: Value,
    /// One of a kind: asked about even where others are only sampled.
    pub single: bool,
}

/// How many changes of one common property a type gets; over all types each change comes many times.
const COMMON_CHANGES: usize = 3;

pub struct Maker<'t> {
    pub table: &'t Table,
    pub dice: Dice,
    pub cases: Vec<Case>,
}

impl Maker<'_> {
    pub fn run(table: &Table, seed: u64) -> Vec<Case> {
        let mut maker = Maker {
            table,
            dice: Dice::new(seed),
            cases: Vec::new(),
        };
        for &(class, name) in &table.types {
            maker.one_type(class, name);
        }
        maker.cases
    }

    fn one_type(&mut self, class: &'static str, name: &'static str) {
        let minimal = self.minimal(class, name);
        let full = self.full(class, name);
        self.case(format!("{name} minimal"), None, minimal);
        self.case(format!("{name} full"), None, full);
        for at in 0..4 {
            let object = self.some(class, name);
            self.case(format!("{name} random {at}"), None, object);
        }
        let [all, column, own] = self.table.of_type(class, name).map(Clone::clone);
        for section in [&all, &column] {
            for property in &section.properties {
                let mut changes = self.changes(*property);
                while changes.len() > COMMON_CHANGES {
                    let out = self.dice.below(changes.len());
                    changes.swap_remove(out);
                }
                if property.required {
                    changes.push(("left out".to_owned(), String::new(), None));
                }
                self.apply(class, name, property.name, changes);
            }
        }
        for property in &own.properties {
            let mut changes = self.changes(*property);
            changes.push(("left out".to_owned(), String::new(), None));
            self.apply(class, name, property.name, changes);
        }
        for (key, section) in self.table.extensions(name) {
            self.extension(class, name, key, &section.clone());
        }
        self.whole(class, name);
    }

    pub fn case(&mut self, label: String, place: Option<String>, object: Value) {
        self.cases.push(Case {
            label,
            place,
            object,
            single: false,
        });
    }

    pub fn single(&mut self, label: String, place: Option<String>, object: Value) {
        self.cases.push(Case {
            label,
            place,
            object,
            single: true,
        });
    }

    /// The changes of one property: a pointer below it, and what comes there (or goes).
    fn changes(&mut self, property: Property) -> Vec<(String, String, Option<Value>)> {
        let mut changes = Vec::new();
        let (kind, item) = (property.kind, if property.kind.list { "/0" } else { "" });
        if kind.list {
            for (label, value) in [
                (
                    "is no list",
                    self.value(Kind {
                        list: false,
                        ..kind
                    }),
                ),
                ("is an empty list", json!([])),
                ("is null", Value::Null),
                ("is an object", json!({"0": "x"})),
                ("is a number", json!(0)),
            ] {
                changes.push((label.to_owned(), String::new(), Some(value)));
            }
            let two = json!([
                self.value(Kind {
                    list: false,
                    ..kind
                }),
                7
            ]);
            changes.push(("has a wrong second".to_owned(), String::new(), Some(two)));
        }
        if kind.name == "part" {
            for (label, value) in [
                ("is a text", json!("x")),
                ("is empty", json!({})),
                ("is null", Value::Null),
                ("is a list", json!(["x"])),
                ("has a property of its own", json!("own")),
            ] {
                let (place, value) = match label {
                    "has a property of its own" => (format!("{item}/x_own"), value),
                    _ => (item.to_owned(), value),
                };
                changes.push((label.to_owned(), place, Some(value)));
            }
            let part = self.table.section("part", kind.argument).clone();
            for inner in &part.properties {
                for (label, place, value) in self.changes(*inner) {
                    changes.push((label, format!("{item}/{}{place}", inner.name), value));
                }
                changes.push((
                    "left out".to_owned(),
                    format!("{item}/{}", inner.name),
                    None,
                ));
            }
        } else {
            for (label, value) in border(kind, &mut self.dice) {
                changes.push((label, item.to_owned(), Some(value)));
            }
        }
        changes
    }

    /// One case for each change, on a minimal or a full object.
    fn apply(
        &mut self,
        class: &'static str,
        name: &'static str,
        property: &str,
        changes: Vec<(String, String, Option<Value>)>,
    ) {
        for (label, below, value) in changes {
            let base = if self.dice.below(3) == 0 {
                self.full(class, name)
            } else {
                self.minimal_with(class, name, property)
            };
            let place = format!("/{property}{below}");
            let Some(object) = changed(base, &place, value) else {
                continue;
            };
            self.case(format!("{name} {place} {label}"), Some(place), object);
        }
    }

    fn extension(
        &mut self,
        class: &'static str,
        name: &'static str,
        key: &'static str,
        section: &Section,
    ) {
        let mut object = self.minimal(class, name);
        object["extensions"] = json!({key: self.members(section, Fill::Least, None)});
        self.case(format!("{name} {key} minimal"), None, object.clone());
        object["extensions"] = json!({key: self.members(section, Fill::All, None)});
        self.case(format!("{name} {key} full"), None, object.clone());
        for property in &section.properties {
            let mut changes = self.changes(*property);
            changes.push(("left out".to_owned(), String::new(), None));
            for (label, below, value) in changes {
                let mut object = self.minimal(class, name);
                let fill = if self.dice.below(3) == 0 {
                    Fill::All
                } else {
                    Fill::Least
                };
                object["extensions"] =
                    json!({key: self.members(section, fill, Some(property.name))});
                let place = format!("/extensions/{key}/{}{below}", property.name);
                if let Some(object) = changed(object, &place, value) {
                    self.case(format!("{name} {place} {label}"), Some(place), object);
                }
            }
        }
    }

    /// A good value of a kind, lists and parts too.
    pub fn value(&mut self, kind: Kind) -> Value {
        if kind.list {
            let length = 1 + self.dice.below(2);
            let item = Kind {
                list: false,
                ..kind
            };
            return (0..length).map(|_| self.value(item)).collect();
        }
        if kind.name == "part" {
            let part = self.table.section("part", kind.argument).clone();
            let fill = if self.dice.below(2) == 0 {
                Fill::Least
            } else {
                Fill::All
            };
            return self.members(&part, fill, None);
        }
        let at = self.dice.below(1800);
        good(kind, &mut self.dice, at)
    }

    fn members(&mut self, section: &Section, fill: Fill, also: Option<&str>) -> Value {
        let mut members = Map::new();
        for property in &section.properties {
            let needed = property.required || section.pick.contains(&property.name);
            let wanted = match fill {
                Fill::Least => false,
                Fill::Some => self.dice.below(2) == 0,
                Fill::All => true,
            } && !section.omit.contains(&property.name);
            if !needed && !wanted && also != Some(property.name) {
                continue;
            }
            // Later instants fall into the second half of the hour, so that all orders hold.
            let later = section
                .orders
                .iter()
                .any(|order| order.later == property.name);
            let value = if later {
                let at = 1800 + self.dice.below(1800);
                good(property.kind, &mut self.dice, at)
            } else {
                self.value(property.kind)
            };
            members.insert(property.name.to_owned(), value);
        }
        Value::Object(members)
    }

    fn object(
        &mut self,
        class: &'static str,
        name: &'static str,
        fill: Fill,
        also: Option<&str>,
    ) -> Value {
        let mut object = json!({"type": name, "id": self.dice.id(name)});
        for section in self.table.of_type(class, name).map(Clone::clone) {
            let Value::Object(members) = self.members(&section, fill, also) else {
                panic!("members are an object");
            };
            for (key, value) in members {
                object[key] = value;
            }
        }
        if class != "sco" {
            object["spec_version"] = json!("2.1");
        }
        settle(&mut object);
        object
    }

    pub fn minimal(&mut self, class: &'static str, name: &'static str) -> Value {
        self.object(class, name, Fill::Least, None)
    }

    fn minimal_with(&mut self, class: &'static str, name: &'static str, property: &str) -> Value {
        self.object(class, name, Fill::Least, Some(property))
    }

    pub fn full(&mut self, class: &'static str, name: &'static str) -> Value {
        self.object(class, name, Fill::All, None)
    }

    fn some(&mut self, class: &'static str, name: &'static str) -> Value {
        self.object(class, name, Fill::Some, None)
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Fill {
    Least,
    Some,
    All,
}

/// What a table cannot say: properties that only go together.
fn settle(object: &mut Value) {
    let kind = object["type"].as_str().unwrap().to_owned();
    let has = |object: &Value, name: &str| object.get(name).is_some();
    match kind.as_str() {
        "location" => {
            let near =
                has(object, "latitude") || has(object, "longitude") || has(object, "precision");
            if near && !has(object, "latitude") {
                object["latitude"] = json!(35.5);
            }
            if near && !has(object, "longitude") {
                object["longitude"] = json!(139.5);
            }
        }
        "malware" if object["is_family"] == json!(true) && !has(object, "name") => {
            object["name"] = json!("a family");
        }
        "network-traffic" if has(object, "end") => object["is_active"] = json!(false),
        "artifact" => {
            if has(object, "url") {
                object.as_object_mut().unwrap().remove("payload_bin");
                object["hashes"] = json!({"MD5": "d41d8cd98f00b204e9800998ecf8427e"});
            }
            if has(object, "decryption_key") {
                object["encryption_algorithm"] = json!("AES-256-GCM");
            }
        }
        "email-message" if has(object, "body_multipart") => {
            object["is_multipart"] = json!(true);
            object.as_object_mut().unwrap().remove("body");
        }
        "extension-definition" if has(object, "extension_properties") => {
            object["extension_types"] = json!(["toplevel-property-extension"]);
        }
        _ => {}
    }
}

/// The object with one place set, or removed; `None` if there is no such place.
pub fn changed(mut object: Value, place: &str, value: Option<Value>) -> Option<Value> {
    let (parent, name) = place.rsplit_once('/')?;
    let parent = object.pointer_mut(parent)?;
    match (parent, value) {
        (Value::Object(members), Some(value)) => {
            members.insert(name.to_owned(), value);
        }
        (Value::Object(members), None) => {
            members.remove(name)?;
        }
        (Value::Array(items), Some(value)) => *items.get_mut(name.parse::<usize>().ok()?)? = value,
        _ => return None,
    }
    Some(object)
}

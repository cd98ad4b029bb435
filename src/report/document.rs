//! What the CSAF document inside an advisory says of who published it. The document itself is in no
//! anonymised form; this is what must not be left of it elsewhere. It is read here as plain JSON and
//! checked nowhere: that is for the module `csaf`.

use serde_json::Value;

use super::Report;
use super::identity_check::Mark;

impl Report {
    /// Returns the publisher's name and domain, and the document's number where it is not the
    /// report's own. A vendor is named for its products, which an advisory is about: it is no mark.
    pub fn publisher_marks(&self) -> Vec<Mark> {
        let document: Value = match self.csaf().map(serde_json::from_str) {
            Some(Ok(document)) => document,
            _ => return Vec::new(),
        };
        let text = |pointer: &str| document.pointer(pointer).and_then(Value::as_str);
        let mut marks = Vec::new();
        if self.reference().is_none() {
            let number = text("/document/tracking/id");
            marks.extend(number.map(|number| Mark::Reference(number.to_owned())));
        }
        if text("/document/publisher/category") != Some("vendor") {
            let name = text("/document/publisher/name");
            marks.extend(name.map(|name| Mark::Name(name.to_owned())));
            let domain = text("/document/publisher/namespace").and_then(host);
            marks.extend(domain.map(|domain| Mark::Domain(domain.to_owned())));
        }
        marks
    }
}

/// The host of a URI, without the name that web servers commonly have in front.
fn host(uri: &str) -> Option<&str> {
    let (_, rest) = uri.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next()?;
    let host = authority.rsplit('@').next()?.split(':').next()?;
    let bare = host.strip_prefix("www.").unwrap_or(host);
    bare.contains('.').then_some(bare)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn marks(category: &str, reference: Option<&str>) -> Vec<Mark> {
        let csaf = json!({"document": {
            "publisher": {"category": category, "name": "甲局", "namespace": "https://www.kou.example:8443/csaf"},
            "tracking": {"id": "KOU-2026-1"},
        }});
        let mut report = json!({
            "kind": "advisory", "title": {"ja": "題"}, "summary": {"ja": "文"},
            "advisory": {"type": "alert", "csaf": csaf.to_string()},
        });
        if let Some(reference) = reference {
            report["reference"] = reference.into();
        }
        Report::from_value(report).unwrap().publisher_marks()
    }

    #[test]
    fn a_publisher_is_known_by_name_domain_and_number_and_a_vendor_by_none_of_them() {
        let (name, domain) = (
            Mark::Name("甲局".to_owned()),
            Mark::Domain("kou.example".to_owned()),
        );
        let number = Mark::Reference("KOU-2026-1".to_owned());
        assert_eq!(
            marks("coordinator", Some("KOU-2026-1")),
            [name.clone(), domain.clone()]
        );
        assert_eq!(marks("other", None), [number, name, domain]);
        assert_eq!(marks("vendor", Some("x")), []);
    }
}

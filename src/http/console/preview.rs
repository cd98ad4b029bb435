//! What sending a report would do, as a part of a page: who gets it in which form, who does not and
//! why, and what the anonymised form looks like beside what was written.

use askama::Template;
use serde_json::Value;

use super::compare::{Pair, pairs};
use super::page::Page;
use crate::exchange::Fault;
use crate::exchange::audience::Share;
use crate::exchange::dry_run::Preview;
use crate::exchange::hold::Hold;
use crate::report::identity_check::Finding;

/// Bodies that get the same.
pub struct Group {
    /// `identified`, `anonymised` or `none`.
    pub form: String,
    /// In words.
    pub label: String,
    /// The bodies.
    pub shares: Vec<Share>,
}

/// A preview ready to be shown.
#[derive(Template)]
#[template(path = "console/preview.html")]
pub struct Shown {
    /// The page's language and words.
    pub p: Page,
    /// What would become of it; empty where it would be refused.
    pub state: String,
    /// Scheme, version and level.
    pub level: String,
    /// TLP label.
    pub tlp: String,
    /// Why it would wait.
    pub holds: Vec<Hold>,
    /// Who gets what.
    pub groups: Vec<Group>,
    /// The two forms.
    pub pairs: Vec<Pair>,
    /// What still points at the source.
    pub findings: Vec<Finding>,
    /// What is wrong with it.
    pub faults: Vec<Fault>,
}

impl Shown {
    /// Nothing to show yet.
    pub fn nothing(p: &Page, faults: Vec<Fault>) -> Self {
        Self {
            p: p.clone(),
            state: String::new(),
            level: String::new(),
            tlp: String::new(),
            holds: Vec::new(),
            groups: Vec::new(),
            pairs: Vec::new(),
            findings: Vec::new(),
            faults,
        }
    }

    /// A preview of what was written.
    pub fn of(p: &Page, written: &Value, preview: Preview) -> Self {
        let empty = Value::Null;
        let pairs = match &preview.anonymised {
            Some(anonymised) => pairs(p.language, written, anonymised),
            None => pairs(p.language, &empty, &empty),
        };
        let groups = ["identified", "anonymised", "none"].map(|form| Group {
            form: form.to_owned(),
            label: p.word("form", form),
            shares: preview
                .audience
                .iter()
                .filter(|share| share.form == form)
                .cloned()
                .collect(),
        });
        Self {
            p: p.clone(),
            state: preview.state,
            level: preview.level,
            tlp: preview.tlp,
            holds: preview.holds,
            groups: groups
                .into_iter()
                .filter(|group| !group.shares.is_empty())
                .collect(),
            pairs,
            findings: preview.findings,
            faults: Vec::new(),
        }
    }

    /// How many bodies would get it.
    pub fn reached(&self) -> usize {
        let groups = self.groups.iter().filter(|group| group.form != "none");
        groups.map(|group| group.shares.len()).sum()
    }

    /// How deep, in words.
    pub fn depth(&self, share: &Share) -> &'static str {
        match share.depth.as_str() {
            "poc" => self.p.t("窓口のみ", "point of contact only"),
            "analyst" => self.p.t("分析担当まで", "down to analysts"),
            "members_ntk" => self
                .p
                .t("知る必要のある会員まで", "down to members who need to know"),
            "members_all" => self.p.t("全会員まで", "down to all members"),
            _ => "",
        }
    }

    /// When, in words.
    pub fn when(&self, share: &Share) -> &'static str {
        match share.when.as_str() {
            "at once" => self.p.t("すぐに", "at once"),
            "after consent" => self.p.t("同意の後", "after consent"),
            "held" => self.p.t("保留が解けた後", "once nothing holds it"),
            _ => "",
        }
    }
}

//! The charter's policies in the model: each takes one kind of item from one column.

use super::super::council::{Council, Kind, POLICIES};
use super::Access;
use super::sees::column;

impl Access {
    /// Takes what the policy in force takes. It is asked about each body that is given something, now
    /// and not again: so a column in which nobody is asked about gives nothing to whoever comes to
    /// stand in it later.
    pub(super) fn under_policy(&mut self, council: &Council, ceptoar: &str, kind: &str) {
        let Some(policy) = council.charter.2 else {
            return;
        };
        let own = council.find(ceptoar).unwrap();
        let (forbidden, of, _) = POLICIES[policy];
        let mut asked = [false; 6];
        for body in council
            .bodies
            .iter()
            .filter(|body| body.kind != Kind::Operator)
        {
            if let Some(column) = column(body, own) {
                asked[column] |= self.grant(council, &body.id).0 > 0;
            }
        }
        // Whoever reads without a login is asked about as an observer.
        let public = self.grant(council, super::ANYBODY).0 > 0;
        asked[5] |= public;
        if of == kind && asked[forbidden] {
            self.public = false;
        }
        for (_, columns) in &mut self.columns {
            for (at, grant) in columns.iter_mut().enumerate() {
                if !asked[at] || of == kind && at == forbidden {
                    *grant = (0, 0);
                }
            }
        }
    }
}

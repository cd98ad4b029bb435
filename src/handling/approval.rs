//! Whose yes an item still needs before it leaves its CEPTOAR. Pure: deadlines and silence are
//! events that the exchange records and passes in.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::dimension::ApprovalMode;
use super::names::{Approver, PrincipalId};

/// One recorded answer of an approver.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Vote {
    /// In which approver's name.
    pub approver: Approver,
    /// Who answered.
    pub by: PrincipalId,
    /// Yes or no.
    pub yes: bool,
}

/// Where an item stands with its approvers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Consent {
    /// Everyone asked has agreed.
    Given,
    /// Somebody said no.
    Refused,
    /// These have not answered enough yet.
    Pending(BTreeSet<Approver>),
}

/// Weighs the votes against what the rule asks.
///
/// A vote of the submitter never counts (separation of duties). `two_person` needs every approver
/// in that mode, and at least two different people among all who said yes in that mode. An approver
/// in `silent` let the time pass under a rule by which silence is consent; where a `two_person` one
/// did, the rule has said that people are not needed.
#[must_use]
pub fn consent(
    required: &BTreeMap<Approver, ApprovalMode>,
    votes: &[Vote],
    silent: &BTreeSet<Approver>,
    submitter: &PrincipalId,
) -> Consent {
    let valid = || votes.iter().filter(|vote| vote.by != *submitter);
    if valid().any(|vote| !vote.yes && required.contains_key(&vote.approver)) {
        return Consent::Refused;
    }
    let mut pending: BTreeSet<Approver> = required
        .iter()
        .filter(|(_, mode)| **mode != ApprovalMode::None)
        .filter(|(who, _)| !valid().any(|vote| vote.approver == **who))
        .filter(|(who, _)| !silent.contains(*who))
        .map(|(who, _)| who.clone())
        .collect();
    let two_person: BTreeSet<&Approver> = required
        .iter()
        .filter(|(_, mode)| **mode == ApprovalMode::TwoPerson)
        .map(|(who, _)| who)
        .collect();
    let people: BTreeSet<&PrincipalId> = valid()
        .filter(|vote| two_person.contains(&vote.approver))
        .map(|vote| &vote.by)
        .collect();
    let all_heard = two_person.iter().all(|who| !pending.contains(*who));
    let waived = two_person.iter().any(|who| silent.contains(*who));
    if !two_person.is_empty() && all_heard && !waived && people.len() < 2 {
        pending.extend(two_person.into_iter().cloned());
    }
    if pending.is_empty() {
        Consent::Given
    } else {
        Consent::Pending(pending)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn required(pairs: &[(&str, ApprovalMode)]) -> BTreeMap<Approver, ApprovalMode> {
        pairs
            .iter()
            .map(|(who, mode)| (Approver::from(*who), *mode))
            .collect()
    }

    fn none() -> BTreeSet<Approver> {
        BTreeSet::new()
    }

    fn yes(approver: &str, by: &str) -> Vote {
        Vote {
            approver: Approver::from(approver),
            by: PrincipalId::from(by),
            yes: true,
        }
    }

    #[test]
    fn an_explicit_approver_says_yes_and_the_submitter_does_not_count() {
        let rule = required(&[("a.poc", ApprovalMode::Explicit)]);
        let submitter = PrincipalId::from("a-poc");
        assert_eq!(
            consent(&rule, &[yes("a.poc", "a-poc2")], &none(), &submitter),
            Consent::Given
        );
        assert!(matches!(
            consent(&rule, &[yes("a.poc", "a-poc")], &none(), &submitter),
            Consent::Pending(_)
        ));
    }

    #[test]
    fn two_roles_held_by_one_person_are_not_two_people() {
        let rule = required(&[
            ("a.poc", ApprovalMode::TwoPerson),
            ("a.ot_lead", ApprovalMode::TwoPerson),
        ]);
        let submitter = PrincipalId::from("s");
        let one = [yes("a.poc", "p"), yes("a.ot_lead", "p")];
        assert!(matches!(
            consent(&rule, &one, &none(), &submitter),
            Consent::Pending(_)
        ));
        let first = consent(&rule, &one[..1], &none(), &submitter);
        assert_eq!(
            first,
            Consent::Pending(BTreeSet::from([Approver::from("a.ot_lead")])),
            "the one who answered is not asked again"
        );
        let two = [yes("a.poc", "p"), yes("a.ot_lead", "q")];
        assert_eq!(consent(&rule, &two, &none(), &submitter), Consent::Given);
    }

    #[test]
    fn one_role_asked_for_two_people_needs_two_votes() {
        let rule = required(&[("a.poc", ApprovalMode::TwoPerson)]);
        let submitter = PrincipalId::from("s");
        assert!(matches!(
            consent(&rule, &[yes("a.poc", "p")], &none(), &submitter),
            Consent::Pending(_)
        ));
        assert_eq!(
            consent(
                &rule,
                &[yes("a.poc", "p"), yes("a.poc", "q")],
                &none(),
                &submitter
            ),
            Consent::Given
        );
    }

    #[test]
    fn one_no_refuses_whatever_the_others_say() {
        let rule = required(&[
            ("a.poc", ApprovalMode::Explicit),
            ("source", ApprovalMode::Explicit),
        ]);
        let no = Vote {
            approver: Approver::from("source"),
            by: PrincipalId::from("o"),
            yes: false,
        };
        assert_eq!(
            consent(
                &rule,
                &[yes("a.poc", "p"), no],
                &none(),
                &PrincipalId::from("s")
            ),
            Consent::Refused
        );
    }

    #[test]
    fn silence_is_still_pending_until_it_is_recorded() {
        let rule = required(&[("a.poc", ApprovalMode::Silent)]);
        assert!(matches!(
            consent(&rule, &[], &none(), &PrincipalId::from("s")),
            Consent::Pending(_)
        ));
    }

    #[test]
    fn recorded_silence_stands_for_its_approver_alone() {
        let submitter = PrincipalId::from("s");
        let rule = required(&[
            ("a.poc", ApprovalMode::Silent),
            ("source", ApprovalMode::Explicit),
        ]);
        let silent = BTreeSet::from([Approver::from("a.poc")]);
        assert_eq!(
            consent(&rule, &[], &silent, &submitter),
            Consent::Pending(BTreeSet::from([Approver::from("source")]))
        );
        assert_eq!(
            consent(&rule, &[yes("source", "o")], &silent, &submitter),
            Consent::Given
        );
    }

    #[test]
    fn silence_never_outweighs_a_no() {
        let rule = required(&[("a.poc", ApprovalMode::Silent)]);
        let no = Vote {
            approver: Approver::from("a.poc"),
            by: PrincipalId::from("p"),
            yes: false,
        };
        let silent = BTreeSet::from([Approver::from("a.poc")]);
        assert_eq!(
            consent(&rule, &[no], &silent, &PrincipalId::from("s")),
            Consent::Refused
        );
    }
}

//! Findings from one page of `list_objects`. Names of buckets and objects stay out of them.

use super::{Assumption, Finding, Verdict};
use crate::agent::client::AgentClient;
use crate::agent::failure::AskError;
use crate::agent::wire::ObjectForms;
use crate::core::ids::AccountId;

const OBJECTS: Assumption = Assumption {
    name: "objects",
    text: "`list_objects` tells of each object its id, name, path, size, date and type",
    needed: false,
    holds: "nothing: no run rests on it",
    otherwise: "nothing: no run rests on it",
};

/// Requests the first objects of the first bucket of an account.
pub(super) async fn objects(client: &AgentClient, account: Option<AccountId>) -> Finding {
    let Some(account) = account else {
        return OBJECTS.found(Verdict::CantTell, "left out: no account is listed");
    };
    match client.first_bucket(account).await {
        Ok(Some(bucket)) => judge(client.object_forms(account, &bucket).await),
        Ok(None) => OBJECTS.found(Verdict::CantTell, "left out: no bucket is listed"),
        Err(error) => OBJECTS.found(Verdict::CantTell, format!("left out: {error}")),
    }
}

fn judge(asked: Result<ObjectForms, AskError>) -> Finding {
    match asked {
        Ok(ObjectForms { listed: 0, .. }) => {
            OBJECTS.found(Verdict::CantTell, "the first bucket is empty")
        }
        Ok(ObjectForms { listed, named, complete }) => {
            let seen = format!("{complete} of {listed} objects tell all of it");
            // Folders, which may be all there is at the top level, need not have a size.
            if complete == 0 && named == listed {
                return OBJECTS.found(Verdict::CantTell, seen);
            }
            OBJECTS.judged(complete > 0, seen)
        }
        Err(error @ (AskError::NoSuchRoute(_) | AskError::Unusable(_))) => {
            OBJECTS.judged(false, error.to_string())
        }
        Err(
            error @ (AskError::Refused { .. }
            | AskError::BadToken(_)
            | AskError::PortHeld(_)
            | AskError::Unreachable(_)),
        ) => OBJECTS.found(Verdict::CantTell, error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_without_their_fields_are_told_from_folders_and_from_none() {
        let of =
            |listed, named, complete| judge(Ok(ObjectForms { listed, named, complete })).verdict;
        assert_eq!(of(3, 3, 1), Verdict::Holds);
        assert_eq!(of(3, 1, 0), Verdict::DoesNotHold);
        assert_eq!(of(3, 3, 0), Verdict::CantTell);
        assert_eq!(of(0, 0, 0), Verdict::CantTell);
    }

    #[test]
    fn a_missing_route_is_told_from_a_refusal() {
        let of = |error| judge(Err(error)).verdict;
        assert_eq!(of(AskError::NoSuchRoute("list_objects")), Verdict::DoesNotHold);
        assert_eq!(of(AskError::Unusable("the answer can't be read".into())), Verdict::DoesNotHold);
        let (code, words) = ("ACCESS".into(), "access denied".into());
        assert_eq!(of(AskError::Refused { code, words }), Verdict::CantTell);
    }
}

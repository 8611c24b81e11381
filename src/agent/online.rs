//! `check --online`: what the agent says against a job file.

use std::collections::BTreeMap;

use super::client::AgentClient;
use super::failure::AskError;
use crate::core::ids::AccountId;
use crate::core::job::JobSet;
use crate::core::transfer::AgentState;

/// What is wrong with the job file in the agent's eyes, one sentence each; empty if nothing is.
/// Asks for the state of the agent, the user and the cloud accounts; changes nothing.
pub async fn online_problems(set: &JobSet, client: &AgentClient) -> Vec<String> {
    let mut problems = Vec::new();
    match client.agent_status().await {
        Err(error) => return vec![error.to_string()],
        Ok(AgentState::Created) => problems
            .push("no user is signed in at the agent; sign in with the desktop app".to_owned()),
        Ok(AgentState::Disposed) => {
            problems.push("the agent's session is over; sign in with the desktop app".to_owned());
        }
        Ok(state @ (AgentState::Stopped | AgentState::Paused)) => problems.push(format!(
            "the agent is {}; nothing is transferred until it is started again",
            state.word()
        )),
        Ok(AgentState::Started | AgentState::Unknown) => {}
    }
    problems.extend(client.token().warning());
    match client.user().await {
        Ok(profile) => problems.extend(role_problem(profile.user_type.as_deref())),
        // An agent that does not tell the user may still serve the rest.
        Err(AskError::NoSuchRoute(_)) => {}
        Err(error @ (AskError::BadToken(_) | AskError::Unreachable(_))) => {
            problems.push(error.to_string());
            return problems;
        }
        Err(error @ (AskError::Refused { .. } | AskError::Unusable(_))) => {
            problems.push(error.to_string());
        }
    }
    match client.accounts().await {
        Ok(accounts) => {
            let known: BTreeMap<AccountId, _> = accounts.iter().map(|a| (a.id, a)).collect();
            for (id, jobs) in accounts_of(set) {
                let used = format!("cloud account {id}, which {jobs} uses,");
                match known.get(&id) {
                    None => problems.push(format!(
                        "{used} is not known to the agent; `transferd accounts` lists those that are"
                    )),
                    Some(account) if account.deleted => {
                        problems.push(format!("{used} is deleted at the agent"));
                    }
                    Some(account) if !account.active => {
                        problems.push(format!("{used} is not active at the agent"));
                    }
                    Some(_) => {}
                }
            }
        }
        Err(error) => problems.push(format!("the cloud accounts can't be listed: {error}")),
    }
    problems
}

/// The accounts that jobs use, each with one of the jobs and the number of the others.
fn accounts_of(set: &JobSet) -> BTreeMap<AccountId, String> {
    let mut users: BTreeMap<AccountId, Vec<&str>> = BTreeMap::new();
    for job in set.jobs.values() {
        for place in [&job.source, &job.destination] {
            let users = users.entry(place.account).or_default();
            if users.last() != Some(&job.name.as_str()) {
                users.push(job.name.as_str());
            }
        }
    }
    users
        .into_iter()
        .filter_map(|(id, jobs)| {
            let words = match jobs.as_slice() {
                [] => return None,
                [one] => format!("job `{one}`"),
                [one, other] => format!("job `{one}` and job `{other}`"),
                [one, others @ ..] => format!("job `{one}` and {} others", others.len()),
            };
            Some((id, words))
        })
        .collect()
}

/// What a user type that click-api names, and that may not transfer, means.
fn role_problem(user_type: Option<&str>) -> Option<String> {
    let user_type = user_type?;
    let standard = user_type == "64" || user_type.eq_ignore_ascii_case("DesktopStandardUser");
    standard.then(|| {
        "the user is a DesktopStandardUser, who may not queue transfers; it takes one of \
         ProviderAdmin, AccountAdmin, DesktopAdmin and DesktopCreativeUser"
            .to_owned()
    })
}

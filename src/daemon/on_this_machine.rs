//! What is worth a look in what a job file names on this machine: a token that is missing or that
//! others can read, files of secrets that they can read, users that nobody has.
//!
//! Looks each time anew, since files change without the job file; what the agent says to the token
//! is not known here. `check`, `diff` and `reload` all warn of the same.

use crate::agent::{TokenKeeper, unknown_users};
use crate::alerts::exposed_files;
use crate::config::{Diagnostic, Lookup, Sources};
use crate::core::job::{JobSet, TokenSource};

/// All there is to warn of, at the keys that name it.
pub fn warnings(set: &JobSet, sources: &Sources) -> Vec<Diagnostic> {
    let mut found: Vec<_> = token(set).into_iter().collect();
    found.extend(files_and_users(set));
    at_their_keys(&found, sources)
}

/// The same but for the token, for whoever has it judged by the agent.
pub fn warnings_besides_the_token(set: &JobSet, sources: &Sources) -> Vec<Diagnostic> {
    at_their_keys(&files_and_users(set), sources)
}

/// A key, and what is said of it.
type Found = (Vec<String>, String);

fn token(set: &JobSet) -> Option<Found> {
    let key = match &set.agent.token {
        TokenSource::File(_) | TokenSource::Credential => "token_file",
        TokenSource::Environment(_) => "token_env",
        TokenSource::Login(_) => "login",
    };
    let keeper = TokenKeeper::new(set.agent.token.clone(), |name: &str| std::env::var_os(name));
    keeper.warning().map(|words| (keys(&["agent", key]), words))
}

fn files_and_users(set: &JobSet) -> Vec<Found> {
    let digests = set.digests.iter().map(|digest| &digest.channel);
    let channels = set.alerts.iter().map(|alert| &alert.channel).chain(digests);
    let files = exposed_files(channels).into_iter().map(|words| (keys(&["alerts"]), words));
    let users = unknown_users(&set.agent.user).into_iter().map(|name| {
        let words = format!("this machine has no user `{name}`: the agent can't run as it");
        (keys(&["agent", "user"]), words)
    });
    files.chain(users).collect()
}

fn keys(keys: &[&str]) -> Vec<String> {
    keys.iter().map(|&key| key.to_owned()).collect()
}

/// The places are looked up only where there is something to say: the texts are read again for it.
fn at_their_keys(found: &[Found], sources: &Sources) -> Vec<Diagnostic> {
    if found.is_empty() {
        return Vec::new();
    }
    let file = Lookup::new(sources);
    found.iter().flat_map(|(keys, words)| file.say(keys, false, words, None)).collect()
}

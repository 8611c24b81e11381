//! Warnings about what a job file names on this machine: a token that is missing or that others can
//! read, files of secrets that others can read, files that root does not obey, users that do not exist.
//!
//! Looks at the files each time, since they change independently of the job file. Does not ask the
//! agent about the token. `check`, `diff` and `reload` all give these warnings.

use crate::agent::{TokenKeeper, unknown_users};
use crate::alerts::{exposed_files, files_not_obeyed};
use crate::config::{Content, Diagnostic, Lookup, Sources};
use crate::settings::TokenSource;

/// All warnings, at the keys that name the files and users.
pub fn warnings(content: &Content, sources: &Sources) -> Vec<Diagnostic> {
    let mut found: Vec<_> = token(&content.settings.agent.token).into_iter().collect();
    found.extend(files_and_users(content));
    at_their_keys(&found, sources)
}

/// All warnings but those about the token, for a caller that has the agent judge it.
pub fn warnings_besides_the_token(content: &Content, sources: &Sources) -> Vec<Diagnostic> {
    at_their_keys(&files_and_users(content), sources)
}

/// A key, and the warning about it.
type Found = (Vec<String>, String);

fn token(source: &TokenSource) -> Option<Found> {
    let key = match source {
        TokenSource::File(_) | TokenSource::Credential => "token_file",
        TokenSource::Environment(_) => "token_env",
        TokenSource::Login(_) => "login",
    };
    let keeper = TokenKeeper::silent(source.clone(), |name: &str| std::env::var_os(name));
    keeper.warning().map(|words| (keys(&["agent", key]), words))
}

fn files_and_users(content: &Content) -> Vec<Found> {
    let Content { set, settings } = content;
    let digests = set.digests.iter().map(|digest| &digest.channel);
    let channels = set.alerts.iter().map(|alert| &alert.channel).chain(digests);
    let not_obeyed = files_not_obeyed(channels.clone());
    let files = exposed_files(channels).into_iter().chain(not_obeyed);
    let files = files.map(|words| (keys(&["alerts"]), words));
    let users = unknown_users(&settings.agent.user).into_iter().map(|name| {
        let words = format!("this machine has no user `{name}`: the agent can't run as it");
        (keys(&["agent", "user"]), words)
    });
    files.chain(users).collect()
}

fn keys(keys: &[&str]) -> Vec<String> {
    keys.iter().map(|&key| key.to_owned()).collect()
}

/// The warnings with their places, which are looked up only if there are any: the texts are parsed
/// again for it.
fn at_their_keys(found: &[Found], sources: &Sources) -> Vec<Diagnostic> {
    if found.is_empty() {
        return Vec::new();
    }
    let file = Lookup::new(sources);
    found.iter().flat_map(|(keys, words)| file.say(keys, false, words, None)).collect()
}

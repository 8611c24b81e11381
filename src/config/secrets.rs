//! The keys that hold secrets: those that are refused by name, and all whose values are not shown.

use super::names::{Scope, bare};

/// Keys under which people put secrets.
pub(crate) fn is_secret(key: &str) -> bool {
    let own = bare(key);
    matches!(
        own.as_str(),
        "token"
            | "password"
            | "passwd"
            | "pass"
            | "pw"
            | "secret"
            | "totp"
            | "totpsecret"
            | "otp"
            | "apikey"
            | "apitoken"
            | "accesstoken"
            | "jwt"
            | "jwttoken"
            | "bearer"
            | "authorization"
            | "secretkey"
            | "accesskey"
            | "secretaccesskey"
            | "clientsecret"
            | "credentials"
            | "headers"
    )
}

/// The alternative to a secret in the file.
pub(crate) fn secret_hint(key: &str, scope: Scope) -> String {
    let own = bare(key);
    let file = if own == "headers" {
        "headers_file"
    } else if own.contains("totp") || own == "otp" {
        "totp_secret_file"
    } else if own.starts_with("pass") || own == "pw" {
        "password_file"
    } else {
        "token_file"
    };
    let place = match (file, scope) {
        ("token_file", Scope::Agent) | ("headers_file", Scope::Webhook) => "",
        ("password_file" | "totp_secret_file", Scope::Login) => "",
        ("token_file", _) => " under `agent`",
        ("headers_file", _) => " under `webhook`",
        (_, _) => " under `agent.login`",
    };
    format!("put it into a file of mode 0600, and name that with `{file}`{place}")
}

/// Words that are parts of the names of secrets.
const PARTS: [&str; 23] = [
    "secret",
    "token",
    "passw",
    "passphrase",
    "key",
    "auth",
    "cred",
    "cookie",
    "dsn",
    "bearer",
    "jwt",
    "otp",
    "session",
    "hmac",
    "signature",
    "connectionstring",
    "connstr",
    "clientcert",
    // In other languages.
    "kennwort",
    "contrasen",
    "motdepasse",
    "senha",
    "parol",
];

/// Names of secrets that are parts of other words.
const WHOLE: [&str; 11] =
    ["pin", "pincode", "sid", "sig", "pwd", "mfa", "psk", "seed", "salt", "sas", "mdp"];

/// Words that people misspell.
const WORDS: [&str; 8] =
    ["password", "passwd", "token", "secret", "apikey", "credentials", "headers", "command"];

/// Keys of the job file that contain such a word, but hold no secret.
const PLAIN: [&str; 5] =
    ["token_file", "token_env", "password_file", "totp_secret_file", "headers_file"];

/// No misspelling of one of our keys is longer.
const LONGEST: usize = 200;

/// Wider than the names that the reader refuses: `AMOVE_TOKEN` is unknown to it, and still not
/// shown. The same holds for possible misspellings, and for the arguments of programs.
pub(super) fn may_name_a_secret(key: &str) -> bool {
    if key.len() > LONGEST {
        return true;
    }
    if PLAIN.contains(&key) {
        return false;
    }
    is_secret(key) || holds_only_secrets(key) || {
        let own = bare(key);
        PARTS.iter().any(|part| own.contains(part))
            || WHOLE.contains(&&*own)
            || is_near(&own, &WORDS)
    }
}

/// True for a key that names a file of secrets: a value that is not a path was meant for the file.
pub(super) fn names_a_file(key: &str) -> bool {
    PLAIN.contains(&key) && key.ends_with("_file")
}

/// True for a key below which everything may be secret: headers, and the arguments of programs.
pub(super) fn holds_only_secrets(key: &str) -> bool {
    let own = bare(key);
    let programs = [
        "command",
        "cmd",
        "exec",
        "execstart",
        "run",
        "args",
        "argv",
        "script",
        "shell",
        "env",
        "environment",
    ];
    programs.contains(&&*own) || is_near(&own, &["headers", "header", "command"])
}

/// True for a key in `alerts` whose value is no secret: ours, and what others call them.
pub(super) fn is_plain_in_alerts(key: &str) -> bool {
    const OTHERS: [&str; 9] =
        ["alerts", "timezone", "true", "events", "cron", "email", "mail", "mailto", "to"];
    let holds_an_address = matches!(key, "webhook" | "ping");
    let scopes = [Scope::Alert, Scope::Webhook, Scope::Ping, Scope::Digest];
    OTHERS.contains(&key)
        || !holds_an_address && scopes.iter().any(|scope| scope.keys().contains(&key))
}

/// True for a word that differs by two letters or fewer from one of these.
fn is_near(own: &str, words: &[&str]) -> bool {
    words.iter().any(|word| {
        // A short word is near to many that are not meant.
        let allowed = if word.len() > 5 { 2 } else { 1 };
        own.len().abs_diff(word.len()) <= allowed
            && strsim::damerau_levenshtein(own, word) <= allowed
    })
}

//! `login`: exchanges a user name, password and code for a long-lived token, in a file that only
//! its owner can read.
//!
//! The password is used once and kept nowhere. The session that it opens is closed again.

use std::fs;
use std::io::{self, Read as _, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use clap::{Args as ClapArgs, ValueEnum};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;

use super::agent::{Asked, default_token, find, say_no};
use super::ask::{done, hint, say};
use super::prompt::Prompt;
use super::render::words::{Times, span};
use super::{Exit, Global, numbers};
use crate::agent::token::expiry;
use crate::agent::{AgentClient, AskError, Challenge, LoginAnswer};
use crate::clock;
use crate::settings::TokenSource;

/// Wrong codes that a person may give before the login is given up.
const CODES_MAX: usize = 3;

/// The largest file of a token, in bytes: no request accepts a longer one.
const TOKEN_FILE_MAX: u64 = 8 * 1024;

/// Options of `transferd login`.
#[derive(Debug, ClapArgs)]
pub struct Args {
    /// User name [default: asked for]
    #[arg(long, value_name = "NAME")]
    username: Option<String>,
    /// Type of the Amove user
    #[arg(long, value_name = "TYPE", value_enum, default_value_t)]
    user_type: UserType,
    /// Where the token is written [default: the job file's `token_file`, else `token` beside it]
    #[arg(long, value_name = "PATH")]
    token_file: Option<PathBuf>,
    /// The agent [default: the job file's `agent.url`]
    #[arg(long, value_name = "URL")]
    url: Option<String>,
    /// How many days the token is to last
    #[arg(long, value_name = "DAYS", default_value_t = 365,
          value_parser = |text: &str| numbers::from_one(text, 3650_u16))]
    days: u16,
    /// What the token is called in the agent's list
    #[arg(long, value_name = "TEXT", default_value = "transferd")]
    title: String,
    /// Print a JSON object
    #[arg(long)]
    json: bool,
}

/// The document of `login --json`: the path of the token, never the token.
#[derive(Debug, Serialize)]
struct Document<'a> {
    token_file: &'a Path,
    agent: &'a str,
    /// Null if the agent does not say.
    expires_at: Option<Timestamp>,
    /// Whether the job file names that file.
    in_job_file: bool,
}

/// `--user-type`, as in `agent.login.user_type`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum UserType {
    /// An administrator (DesktopAdmin)
    #[value(name = "desktop_admin")]
    Admin,
    /// A creative user (DesktopCreativeUser)
    #[default]
    #[value(name = "desktop_creative")]
    Creative,
    /// A standard user (DesktopStandardUser), who may not queue transfers
    #[value(name = "desktop_standard")]
    Standard,
}

impl UserType {
    /// The API's number (docs/click-api.md, "Tokens").
    fn number(self) -> u32 {
        match self {
            Self::Admin => 16,
            Self::Creative => 32,
            Self::Standard => 64,
        }
    }
}

/// The word that is typed for one of the API's numbers.
pub(super) fn user_type(number: u32) -> Option<String> {
    let known = UserType::value_variants().iter().find(|kind| kind.number() == number)?;
    known.to_possible_value().map(|word| word.get_name().to_owned())
}

/// Carries out `login`.
pub fn run(args: Args, global: &Global, out: &mut dyn Write, err: &mut dyn Write) -> Exit {
    let asked = match find(global, args.url.clone(), err) {
        Ok(asked) => asked,
        Err(exit) => return exit,
    };
    let path = match target(&args, global, &asked) {
        Ok(path) => path,
        Err(words) => {
            say(err, &words);
            return Exit::No;
        }
    };
    // Reported before the password prompt, since the token can't be shown to anybody afterwards.
    if let Err(error) = writable(&path) {
        let why = match error.kind() {
            io::ErrorKind::NotFound => format!("there is no folder `{}`", folder(&path).display()),
            // A library's message names the temporary file, which is gone again.
            kind if error.raw_os_error().is_none() && kind != io::ErrorKind::InvalidData => {
                kind.to_string()
            }
            _ => error.to_string(),
        };
        say(err, &format!("the token file `{}` can't be written: {why}", path.display()));
        match error.kind() {
            io::ErrorKind::InvalidData => {
                hint(err, "move it away if it is not needed, or name another with `--token-file`");
            }
            io::ErrorKind::NotFound => {
                hint(err, "`transferd init` makes the folder; `--token-file PATH` names another");
            }
            _ => hint(err, "`--token-file PATH` writes it elsewhere"),
        }
        return Exit::No;
    }
    // Before the password prompt, check that the agent is there to take it.
    if let Err(error) = asked.greet() {
        say(err, &format!("no login at `{}`: {error}", asked.client.address()));
        hint(
            err,
            "is the Amove desktop agent running there? `agent.url` in the job file, or `--url`, \
             says where it is",
        );
        return Exit::No;
    }
    let told = writeln!(
        err,
        "user name and password go to the agent at {}, its token is written to {}",
        asked.client.address(),
        path.display()
    );
    if told.is_err() {
        return Exit::No;
    }
    let mut prompt = Prompt::open();
    let session = match asked.runtime.block_on(log_in(&asked.client, &args, &mut prompt)) {
        Ok(session) => session,
        Err(failed) => return print_failure(&failed, &prompt, &asked, err),
    };
    let now = clock::now();
    let wanted = now + SignedDuration::from_hours(24 * i64::from(args.days));
    let minted = asked.runtime.block_on(async {
        let minted = asked.client.mint_api_token(&session, &args.title, wanted).await;
        // The session is no longer needed; one that stays open ends by itself.
        let _ = asked.client.logout(&session).await;
        minted
    });
    let (token, told) = match minted {
        Ok(minted) => minted,
        Err(error) => return say_no(&error, &asked, err),
    };
    if let Err(error) = write_secret(&path, &token) {
        say(err, &format!("the token file `{}` can't be written: {error}", path.display()));
        hint(err, "a token was minted nevertheless; remove it in the agent's list of API tokens");
        return Exit::No;
    }
    let ends = expiry(token.expose_secret()).or(told);
    let told = match args.json {
        true => super::write_json(
            out,
            &Document {
                token_file: &path,
                agent: asked.client.address(),
                expires_at: ends,
                in_job_file: is_named(&asked, &path),
            },
        ),
        false => tell(&path, ends, now, &asked, out),
    };
    done(told, Exit::Done)
}

/// Prints why there is no session, and what to do.
fn print_failure(failed: &Failed, prompt: &Prompt, asked: &Asked, err: &mut dyn Write) -> Exit {
    match failed {
        Failed::Prompt(error) if error.kind() == io::ErrorKind::Interrupted => {
            say(err, "interrupted; no token was written");
            return Exit::Interrupted;
        }
        Failed::Prompt(error) => {
            say(err, &error.to_string());
            if !prompt.is_terminal() {
                let words = "without a terminal, user name, password and code are lines of input";
                hint(err, words);
            }
        }
        Failed::Agent(AskError::Refused { code, words }) => {
            say(err, &format!("the agent refuses the login: {words}"));
            hint(err, what_to_do(code));
        }
        Failed::Agent(error) => return say_no(error, asked, err),
    }
    Exit::No
}

/// The remedy for a login that was refused (docs/click-api.md: the table of codes).
fn what_to_do(code: &str) -> &'static str {
    match code {
        "AUTH" | "INVALID_EMAIL" => {
            "check user name and password, and that `--user-type` is what the user is at the \
             agent: desktop_admin, desktop_creative or desktop_standard"
        }
        "TOTP" | "SESSION" => {
            "a code is good once and for half a minute; run `transferd login` again"
        }
        "INACTIVE_USER" | "SECURITY" | "ACCESS" => "ask who administers the Amove account",
        _ => "try again in a minute; `transferd doctor` looks closer",
    }
}

fn tell(
    path: &Path,
    ends: Option<Timestamp>,
    now: Timestamp,
    asked: &Asked,
    out: &mut dyn Write,
) -> io::Result<()> {
    writeln!(out, "token written to {}", path.display())?;
    match ends {
        Some(end) => {
            let times = Times { now, zone: TimeZone::system(), absolute: true };
            let left = span(end.duration_since(now));
            writeln!(out, "it expires at {}, in {left}", times.full(end))?;
        }
        None => writeln!(out, "the agent does not say when it expires")?,
    }
    if !is_named(asked, path) {
        writeln!(out, "name it in the job file: agent: {{token_file: {}}}", path.display())?;
    }
    out.flush()
}

/// Whether the job file takes its token from this path.
fn is_named(asked: &Asked, path: &Path) -> bool {
    asked.settings.token == TokenSource::File(path.to_owned())
}

/// The path for the token.
fn target(args: &Args, global: &Global, asked: &Asked) -> Result<PathBuf, String> {
    if let Some(path) = &args.token_file {
        return std::path::absolute(path).map_err(|error| error.to_string());
    }
    match &asked.settings.token {
        TokenSource::File(path) => Ok(path.clone()),
        TokenSource::Environment(name) => Err(format!(
            "the job file takes its token from the variable `{name}`; `--token-file PATH` says \
             where to write one"
        )),
        TokenSource::Login(_) => Err(
            "the job file logs in by itself (`agent.login`); `--token-file PATH` says where to \
             write a token"
                .to_owned(),
        ),
        TokenSource::Credential => default_token(global)
            .ok_or_else(|| "no place for the token: `--token-file PATH` names one".to_owned()),
    }
}

/// Why there is no session.
enum Failed {
    Prompt(io::Error),
    Agent(AskError),
}

async fn log_in(
    client: &AgentClient,
    args: &Args,
    prompt: &mut Prompt,
) -> Result<SecretString, Failed> {
    let username = match &args.username {
        Some(username) => username.clone(),
        None => prompt.line("User name").map_err(Failed::Prompt)?,
    };
    let password = prompt.secret("Password").map_err(Failed::Prompt)?;
    let answer = client.login(username.trim(), &password, args.user_type.number()).await;
    let mut answer = answer.map_err(Failed::Agent)?;
    let mut wrong = 0;
    loop {
        let (challenge, session) = match answer {
            LoginAnswer::Token(token) => return Ok(token),
            LoginAnswer::Challenge { challenge, session } => (challenge, session),
        };
        let question = match challenge {
            Challenge::Totp => "Code from the authenticator app",
            Challenge::Sms => "Code from the text message",
            Challenge::Other(_) => "Code",
        };
        answer = loop {
            let code = prompt.secret(question).map_err(Failed::Prompt)?;
            let code = SecretString::from(code.expose_secret().trim());
            match client.mfa_respond(&code, &session).await {
                // Only a person can correct a code; a further line of standard input would be no
                // better.
                Err(AskError::Refused { code, .. })
                    if code == "TOTP" && wrong + 1 < CODES_MAX && prompt.is_terminal() =>
                {
                    wrong += 1;
                    prompt.tell("that code is wrong").map_err(Failed::Prompt)?;
                }
                other => break other.map_err(Failed::Agent)?,
            }
        };
        wrong += 1;
        if wrong > CODES_MAX {
            let words = "it asks for one code after another".to_owned();
            return Err(Failed::Agent(AskError::Unusable(words)));
        }
    }
}

/// Checks that a file can be put in place, without changing anything that stays.
fn writable(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        return Err(io::Error::new(io::ErrorKind::IsADirectory, "it is a folder"));
    }
    holds_a_token_at_most(path)?;
    tempfile::Builder::new().prefix(".token").tempfile_in(folder(path)).map(|_| ())
}

/// Checks that a file holds at most a token, as only that may be overwritten: the author of the job
/// file may have named any file.
fn holds_a_token_at_most(path: &Path) -> io::Result<()> {
    // Checked before it is opened: opening a pipe would wait for its other end.
    let found = match fs::metadata(path) {
        Ok(found) => found,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    let refuse = || {
        let words = "it holds something else than a token, and is left as it is";
        Err(io::Error::new(io::ErrorKind::InvalidData, words))
    };
    if !found.is_file() {
        return refuse();
    }
    let mut content = Vec::new();
    fs::File::open(path)?.take(TOKEN_FILE_MAX + 1).read_to_end(&mut content)?;
    let content = content.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&content).trim_ascii();
    let is_word = content.iter().all(u8::is_ascii_graphic);
    if is_word && content.len() as u64 <= TOKEN_FILE_MAX { Ok(()) } else { refuse() }
}

fn folder(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Replaces a file by a secret, at once and durably: mode 0600, or that of the old file if others
/// could not read it, and its owner and group. A link is followed, so that it stays one.
fn write_secret(path: &Path, secret: &SecretString) -> io::Result<()> {
    let path = match fs::canonicalize(path) {
        Ok(path) => path,
        Err(error) if error.kind() == io::ErrorKind::NotFound => path.to_owned(),
        Err(error) => return Err(error),
    };
    holds_a_token_at_most(&path)?;
    // Created with mode 0600 (tempfile), so that nobody else can ever open it.
    let mut file = tempfile::Builder::new().prefix(".token").tempfile_in(folder(&path))?;
    file.write_all(secret.expose_secret().as_bytes())?;
    file.write_all(b"\n")?;
    if let Ok(before) = fs::metadata(&path) {
        let mine = file.as_file().metadata()?;
        if (before.uid(), before.gid()) != (mine.uid(), mine.gid()) {
            std::os::unix::fs::fchown(file.as_file(), Some(before.uid()), Some(before.gid()))?;
        }
        // A service's token is often root's, and readable by its group: 0640 stays, 0644 does not.
        if before.mode() & 0o007 == 0 {
            file.as_file().set_permissions(fs::Permissions::from_mode(before.mode() & 0o660))?;
        }
    }
    file.as_file().sync_all()?;
    file.persist(&path).map_err(|error| error.error)?;
    fs::File::open(folder(&path))?.sync_all()
}

#[cfg(test)]
mod tests {

    use super::*;

    #[test]
    fn a_secret_replaces_the_file_behind_a_link_and_is_its_owners_alone() {
        let folder = tempfile::tempdir().unwrap();
        let real = folder.path().join("real");
        let link = folder.path().join("link");
        fs::write(&real, "old").unwrap();
        fs::set_permissions(&real, fs::Permissions::from_mode(0o644)).unwrap();
        std::os::unix::fs::symlink(&real, &link).unwrap();
        write_secret(&link, &SecretString::from("new")).unwrap();
        assert!(link.is_symlink());
        assert_eq!(fs::read_to_string(&real).unwrap(), "new\n");
        assert_eq!(fs::metadata(&real).unwrap().mode() & 0o777, 0o600);
        let left: Vec<_> = fs::read_dir(folder.path()).unwrap().collect();
        assert_eq!(left.len(), 2, "nothing is left beside it");
    }

    #[test]
    fn nothing_but_a_token_is_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        for kept in ["* * * * * root id\n", "one\ntwo\n", "[section]\nkey = value\n", "pässwort"] {
            fs::write(&path, kept).unwrap();
            let error = writable(&path).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::InvalidData, "{kept:?}");
            assert!(write_secret(&path, &SecretString::from("new")).is_err());
            assert_eq!(fs::read_to_string(&path).unwrap(), kept);
        }
        for word in ["", "\n", "old-token\n", " eyJhbGciOiJIUzI1NiJ9.eyJl.abc \n"] {
            fs::write(&path, word).unwrap();
            assert!(writable(&path).is_ok(), "{word:?}");
        }
    }

    #[test]
    fn a_folder_that_is_missing_or_a_folder_itself_is_noticed_before_a_password_is_asked_for() {
        let folder = tempfile::tempdir().unwrap();
        assert!(writable(folder.path()).is_err());
        assert!(writable(&folder.path().join("none/token")).is_err());
        assert!(writable(&folder.path().join("token")).is_ok());
    }
}

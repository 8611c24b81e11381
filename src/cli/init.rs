//! `init`: writes a commented first job file where the daemon will look for it, with the agent's
//! own accounts and buckets if there is a token already and the agent answers.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::Args as ClapArgs;
use jiff::SignedDuration;
use serde::Serialize;

use super::ask::{done, hint, say};
use super::{Exit, Global, accounts, agent, jobfile};
use crate::agent::CloudAccount;
use crate::core::plain::plain;

/// The file that `init` writes. A test reads it as the daemon would.
pub const FIRST_FILE: &str = include_str!("init.yaml");

/// The longest wait for each answer of the agent: without one the file has placeholders.
const PATIENCE: SignedDuration = SignedDuration::from_secs(5);

/// The most buckets of an account that are listed: enough to choose from, and not a page of them.
const BUCKETS_SHOWN: usize = 10;

/// Lines of [`FIRST_FILE`] that are replaced by the agent's own.
const URL: &str = "http://localhost:29123";
const ACCOUNTS: &str = "accounts:
  production: 00000000-0000-0000-0000-000000000001
  archive: 00000000-0000-0000-0000-000000000002
";
const DESCRIPTION: &str = "description: Yesterday's dailies to cold storage";
const SOURCE: &str = "source: {account: production, bucket: footage, path: ";
const DESTINATION: &str = "destination: {account: archive, bucket: cold, path: ";

/// Options of `transferd init`.
#[derive(Debug, ClapArgs)]
pub struct Args {
    /// Print to standard output instead of writing the file
    #[arg(long)]
    print: bool,
    /// Where the agent is
    #[arg(long, value_name = "URL", default_value = URL)]
    url: String,
    /// Print a JSON object
    #[arg(long, conflicts_with = "print")]
    json: bool,
}

impl Args {
    /// True if the file itself is the answer.
    pub(super) fn prints(&self) -> bool {
        self.print
    }
}

/// The document of `init --json`.
#[derive(Debug, Serialize)]
struct Document<'a> {
    /// The written file.
    path: &'a Path,
    /// The keys of the agent's accounts in it; none if it has placeholders.
    accounts: Vec<&'a str>,
    /// The path of an existing token, if there is one.
    token_file: Option<PathBuf>,
}

/// An account of the agent, with its key in the file.
struct Offered {
    key: String,
    account: CloudAccount,
    buckets: Vec<String>,
}

/// Carries out `init`.
pub fn run(args: Args, global: &Global, out: &mut dyn Write, err: &mut dyn Write) -> Exit {
    if let Err(exit) = agent::check_typed(&args.url, err) {
        return exit;
    }
    if args.print {
        let text = filled(&args.url, &offered(global, &args.url));
        return done(out.write_all(text.as_bytes()).and_then(|()| out.flush()), Exit::Done);
    }
    let path = match jobfile::path(global, err) {
        Ok(path) => path,
        Err(exit) => return exit,
    };
    // The agent is not asked for a file that will not be written.
    let offered = if path.exists() { Vec::new() } else { offered(global, &args.url) };
    match write(&path, &filled(&args.url, &offered)) {
        Ok(()) if args.json => {
            let accounts = offered.iter().map(|offered| offered.key.as_str()).collect();
            let token_file = agent::default_token(global).filter(|path| path.exists());
            done(
                super::write_json(out, &Document { path: &path, accounts, token_file }),
                Exit::Done,
            )
        }
        Ok(()) => done(tell(&path, !offered.is_empty(), global, out), Exit::Done),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            say(err, &format!("{} already exists; left unchanged", path.display()));
            hint(err, "`transferd edit` changes it; `transferd init --print` prints a new one");
            Exit::No
        }
        Err(error) => {
            say(err, &format!("{} can't be written: {error}", path.display()));
            Exit::No
        }
    }
}

/// Prints what was written, and what to do next.
fn tell(path: &Path, filled: bool, global: &Global, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "wrote {}\n\nnext:", path.display())?;
    // A job file given by name must be given to the other commands too.
    let file = match &global.config {
        Some(_) => format!(" -c {}", path.display()),
        None => String::new(),
    };
    let login = (!has_token(global))
        .then(|| format!("`transferd login{file}` gets an API token from the agent"));
    let names = match filled {
        true => format!(
            "`transferd edit{file}`: choose buckets and paths, and take out `enabled: false`"
        ),
        false => format!(
            "`transferd accounts{file} --yaml` prints your accounts; `transferd edit{file}` takes \
             them, your buckets and paths: take out `enabled: false` then"
        ),
    };
    let rest = [
        names,
        format!("`transferd check{file} --online` asks the agent whether it knows them"),
        format!(
            "`transferd run{file}` is the daemon; `transferd trigger nightly-footage --wait` tries \
             the job"
        ),
    ];
    for (number, step) in login.into_iter().chain(rest).enumerate() {
        writeln!(out, "  {}. {step}", number + 1)?;
    }
    out.flush()
}

fn has_token(global: &Global) -> bool {
    agent::default_token(global).is_some_and(|path| path.exists())
}

/// The agent's active accounts with their buckets; none without a token, or if it does not answer:
/// a first file is written anyway.
fn offered(global: &Global, url: &str) -> Vec<Offered> {
    let Some(asked) = agent::before_a_file(global, url, PATIENCE) else { return Vec::new() };
    if asked.greet().is_err() {
        return Vec::new();
    }
    asked.runtime.block_on(async {
        let Ok(mut known) = asked.client.accounts().await else { return Vec::new() };
        known.retain(|account| account.active && !account.deleted);
        known.sort_by_key(|account| (account.name.to_lowercase(), account.id));
        let keys = accounts::keys(&known);
        let mut offered = Vec::new();
        for (key, account) in keys.into_iter().zip(known) {
            // Only accounts that the first job may name are queried.
            let wanted = offered.len() < 2;
            let buckets = match wanted {
                true => asked.client.buckets(account.id).await.ok().flatten().unwrap_or_default(),
                false => Vec::new(),
            };
            offered.push(Offered { key, account, buckets });
        }
        offered
    })
}

/// The first file, with the agent's own accounts and buckets if there are any.
fn filled(url: &str, offered: &[Offered]) -> String {
    let mut text = FIRST_FILE.replace(URL, url);
    let Some(from) = offered.first() else { return text };
    let to = offered.get(1).unwrap_or(from);
    let mut list = "accounts:\n".to_owned();
    for Offered { key, account, buckets } in offered {
        let told: Vec<String> =
            buckets.iter().take(BUCKETS_SHOWN).map(|name| plain(name)).collect();
        let more = if buckets.len() > BUCKETS_SHOWN { ", …" } else { "" };
        let told = match told.as_slice() {
            [] => String::new(),
            told => format!("; buckets: {}{more}", told.join(", ")),
        };
        let (name, provider) = (plain(&account.name), account.provider());
        list.push_str(&format!("  {key}: {}  # {name}, {provider}{told}\n", account.id));
    }
    text = text.replace(ACCOUNTS, &list);
    let first = nameable(from).next();
    // Within one account, a bucket other than the source's is better.
    let other = nameable(to).find(|bucket| Some(*bucket) != first).or(nameable(to).next());
    let end = |word: &str, key: &str, bucket: Option<&String>, example: &str| {
        // A JSON string is also a YAML one, whatever the name contains.
        let bucket = bucket.and_then(|name| serde_json::to_string(name).ok());
        let bucket = bucket.unwrap_or_else(|| example.to_owned());
        format!("{word}: {{account: {key}, bucket: {bucket}, path: ")
    };
    let same = from.account.id == to.account.id && first == other;
    // The names do not tell which account is to be copied: a wrong guess would overwrite it.
    text = text.replace(DESCRIPTION, "description: Yesterday's dailies to a second place");
    let guessed =
        "# Guessed: check that these are the account to copy from and the one to copy to.";
    text = text.replace(SOURCE, &format!("{guessed}\n    {SOURCE}"));
    text = text.replace(SOURCE, &end("source", &from.key, first, "footage"));
    let destination = end("destination", &to.key, other, "cold");
    match same {
        // A job must not copy a place onto itself.
        true => text.replace(&format!("{DESTINATION}\""), &format!("{destination}\"copies/")),
        false => text.replace(DESTINATION, &destination),
    }
}

/// The buckets that a job file can name.
fn nameable(offered: &Offered) -> impl Iterator<Item = &String> {
    let good = |name: &&String| !name.is_empty() && !name.contains(char::is_control);
    offered.buckets.iter().filter(good)
}

/// Never over an existing file, nor through a link that leads nowhere.
fn write(path: &Path, text: &str) -> io::Result<()> {
    if path.is_dir() {
        return Err(io::Error::from(io::ErrorKind::AlreadyExists));
    }
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        fs::create_dir_all(folder)?;
    }
    let mut file = OpenOptions::new().write(true).create_new(true).open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config;
    use crate::core::ids::AccountId;
    use uuid::Uuid;

    fn offer(id: u128, name: &str, buckets: &[&str]) -> Offered {
        let account = CloudAccount {
            id: AccountId(Uuid::from_u128(id)),
            name: name.to_owned(),
            cloud_type: 2,
            active: true,
            deleted: false,
            shared: false,
        };
        let buckets = buckets.iter().map(|&name| name.to_owned()).collect();
        Offered { key: format!("key-{id}"), account, buckets }
    }

    #[test]
    fn whatever_the_agent_offers_the_first_file_is_good() {
        let (hostile, hostile_line) = ("b\"} # x: {y", "b\"} #\n- x: y");
        for offered in [
            vec![],
            vec![offer(1, "Only", &[])],
            vec![offer(1, "Only", &["one"])],
            vec![offer(1, "Only", &["one", "two"])],
            vec![offer(1, "A\nb: c", &[hostile, hostile_line]), offer(2, "B", &["cold"])],
            vec![offer(1, "A", &[hostile_line]), offer(2, "B", &[""]), offer(3, "C", &[])],
        ] {
            let text = filled("http://127.0.0.1:1", &offered);
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("jobs.yaml");
            fs::write(&path, &text).unwrap();
            let read = config::read(&path, &jobfile::surroundings());
            let errors = read.as_ref().err().map(|rejected| rejected.errors.clone());
            assert!(errors.is_none(), "{errors:?}\n{text}");
            assert!(text.contains("url: http://127.0.0.1:1\n"), "{text}");
            assert_eq!(text.contains(ACCOUNTS), offered.is_empty(), "{text}");
            let says_that_it_is_a_guess =
                text.contains("# Guessed: check") && !text.contains("cold storage");
            assert_eq!(says_that_it_is_a_guess, !offered.is_empty(), "{text}");
        }
    }
}

//! `accounts`: lists the agent's cloud accounts, for reading or for pasting into a job file.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io::{self, Write};

use clap::Args as ClapArgs;
use serde::Serialize;

use super::ask::done;
use super::render::paint::Tone;
use super::render::table::{Rows, Screen};
use super::{Exit, Global, agent};
use crate::agent::CloudAccount;
use crate::core::plain::plain;

/// Options of `transferd accounts`.
#[derive(Debug, ClapArgs)]
pub struct Args {
    /// Print them as `accounts:` of a job file
    #[arg(long, conflicts_with = "json")]
    yaml: bool,
    /// Print a JSON array
    #[arg(long)]
    json: bool,
}

/// One account in JSON.
#[derive(Debug, Serialize)]
struct Document<'a> {
    name: &'a str,
    id: String,
    provider: String,
    active: bool,
    shared: bool,
}

/// Carries out `accounts`.
pub fn run(args: Args, global: &Global, out: &mut dyn Write, err: &mut dyn Write) -> Exit {
    let asked = match agent::find(global, None, err) {
        Ok(asked) => asked,
        Err(exit) => return exit,
    };
    let accounts = asked.greet().map(|()| asked.wait(asked.client.accounts()));
    let mut accounts = match accounts {
        Ok(Err(interrupted)) => return interrupted,
        Ok(Ok(Ok(accounts))) => accounts,
        Ok(Ok(Err(error))) | Err(error) => return agent::say_no(&error, &asked, err),
    };
    accounts.retain(|account| !account.deleted);
    accounts.sort_by_key(|account| (account.name.to_lowercase(), account.id));
    done(tell(&args, &accounts, Screen::of_stdout(global.color), out), Exit::Done)
}

fn tell(
    args: &Args,
    accounts: &[CloudAccount],
    screen: Screen,
    out: &mut dyn Write,
) -> io::Result<()> {
    if args.json {
        let documents: Vec<_> = accounts
            .iter()
            .map(|account| Document {
                name: &account.name,
                id: account.id.to_string(),
                provider: account.provider(),
                active: account.active,
                shared: account.shared,
            })
            .collect();
        return super::write_json(out, &documents);
    }
    let text = match (args.yaml, accounts.is_empty()) {
        (true, _) => yaml(accounts),
        (false, true) => "the agent has no cloud accounts\n".to_owned(),
        (false, false) => table(accounts, screen),
    };
    out.write_all(text.as_bytes())?;
    out.flush()
}

fn table(accounts: &[CloudAccount], screen: Screen) -> String {
    let mut rows = Rows::new(screen, &["NAME", "ID", "PROVIDER", ""]);
    for account in accounts {
        let remark = match (account.active, account.shared) {
            (false, _) => (Tone::Doubtful, "not active"),
            (true, true) => (Tone::Faint, "shared"),
            (true, false) => (Tone::Plain, ""),
        };
        rows.add([
            (Tone::Strong, plain(&account.name)),
            (Tone::Plain, account.id.to_string()),
            (Tone::Plain, account.provider()),
            (remark.0, remark.1.to_owned()),
        ]);
    }
    rows.text()
}

fn yaml(accounts: &[CloudAccount]) -> String {
    if accounts.is_empty() {
        return "accounts: {}\n".to_owned();
    }
    let mut text = "accounts:\n".to_owned();
    for (account, key) in accounts.iter().zip(keys(accounts)) {
        let name = plain(&account.name);
        // Writing to a string does not fail.
        let _ = writeln!(text, "  {key}: {}  # {name}, {}", account.id, account.provider());
    }
    text
}

/// A key of its own for each account, made from its name.
pub(super) fn keys(accounts: &[CloudAccount]) -> Vec<String> {
    let mut used = BTreeSet::new();
    let key = |account: &CloudAccount| {
        let mut key = key_of(&account.name);
        let mut number = 2;
        while !used.insert(key.clone()) {
            key = format!("{}-{number}", key_of(&account.name));
            number += 1;
        }
        key
    };
    accounts.iter().map(key).collect()
}

/// A name that needs no quotes: lower case, digits, and single hyphens; never a bare number or a
/// word with another meaning in YAML.
fn key_of(name: &str) -> String {
    let mut key = String::new();
    for c in name.to_lowercase().chars() {
        if c.is_ascii_alphanumeric() || c == '_' {
            key.push(c);
        } else if !key.is_empty() && !key.ends_with('-') {
            key.push('-');
        }
    }
    let key = key.trim_end_matches('-');
    let plain = key.starts_with(|c: char| c.is_ascii_lowercase())
        && !matches!(key, "true" | "false" | "null" | "yes" | "no" | "on" | "off" | "y" | "n");
    if plain { key.to_owned() } else { format!("account-{key}").trim_end_matches('-').to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::ids::AccountId;
    use uuid::Uuid;

    fn account(id: u128, name: &str) -> CloudAccount {
        CloudAccount {
            id: AccountId(Uuid::from_u128(id)),
            name: name.to_owned(),
            cloud_type: 2,
            active: true,
            deleted: false,
            shared: false,
        }
    }

    #[test]
    fn the_yaml_can_be_pasted_whatever_the_names_are() {
        let names = ["Prod (EU)", "prod eu", "007", "Null", "日本", "a: b #c\n- d", ""];
        let accounts: Vec<_> = names.iter().zip(1..).map(|(name, id)| account(id, name)).collect();
        let text = yaml(&accounts);
        let read: serde_yaml::Value = serde_yaml::from_str(&text).unwrap();
        let map = read["accounts"].as_mapping().unwrap();
        let keys: Vec<_> = map.keys().map(|key| key.as_str().unwrap()).collect();
        let expected = [
            "prod-eu",
            "prod-eu-2",
            "account-007",
            "account-null",
            "account",
            "a-b-c-d",
            "account-2",
        ];
        assert_eq!(keys, expected);
        assert_eq!(map["a-b-c-d"].as_str(), Some(accounts[5].id.to_string().as_str()));
    }

    #[test]
    fn the_table_names_account_id_and_provider() {
        let text = table(&[account(1, "prod\u{1b}[2J")], Screen { width: None, color: false });
        assert!(text.contains("prod [2J") && text.contains("Wasabi"), "{text}");
        assert!(text.contains("00000000-0000-0000-0000-000000000001"), "{text}");
    }
}

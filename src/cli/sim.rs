//! `transferd sim`: the simulated agent alone, for trying things out and for tests.

use std::io::{self, Write};
use std::path::PathBuf;

use clap::builder::{PossibleValue, PossibleValuesParser};
use jiff::{SignedDuration, Span as JiffSpan};

use crate::core::ids::UserId;
use crate::sim::server::{Sim, SimOptions};
use crate::sim::world::{SimUser, Span, WorldOptions};

use super::ask::{hint, say};
use super::{Exit, Global, login};

/// The variants, each in both spellings.
const VARIANTS: [(&str, &str); 13] = [
    ("pascal_case", "pascal-case"),
    ("manual_type", "manual-type"),
    ("no_user_id", "no-user-id"),
    ("null_user_ids", "null-user-ids"),
    ("dates_without_zone", "dates-without-zone"),
    ("seven_digits", "seven-digits"),
    ("null_dates", "null-dates"),
    ("list_created", "list-created"),
    ("total_counts_created", "total-counts-created"),
    ("duplicate_check", "duplicate-check"),
    ("leading_slash", "leading-slash"),
    ("no_status", "no-status"),
    ("no_date_header", "no-date-header"),
];

/// Run the simulated agent alone
///
/// Prints its URL as the first line and runs until it is interrupted. Routes under /_sim, which
/// are not part of the Click API, steer it: POST /_sim/faults, /_sim/down, /_sim/status,
/// /_sim/foreign, /_sim/pause, /_sim/cancel, /_sim/token, /_sim/options; GET /_sim/transfers,
/// /_sim/posts, /_sim/requests.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Port on 127.0.0.1; 0 for any
    #[arg(long, value_name = "N", default_value_t = 29123)]
    port: u16,
    /// Random seed
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Accepted token (repeat for further users) [default: `sim-token`, or those of the users in
    /// `--options`]
    #[arg(long, value_name = "TOKEN")]
    token: Vec<String>,
    /// Keep the world in this file, and take it up from there
    #[arg(long, value_name = "FILE")]
    state: Option<PathBuf>,
    /// From acceptance to pick-up: a duration, or a range such as 200ms..3s
    #[arg(long, value_name = "RANGE", value_parser = range)]
    pick_up: Option<Span>,
    /// From pick-up to the end
    #[arg(long, value_name = "RANGE", value_parser = range)]
    duration: Option<Span>,
    /// From a cancel to Canceled
    #[arg(long, value_name = "RANGE", value_parser = range)]
    cancel_takes: Option<Span>,
    /// Divides pick-up, duration and cancel times
    #[arg(long, value_name = "FACTOR", default_value_t = 1.0, value_parser = factor)]
    speed: f64,
    /// The agent's clock is off by this
    #[arg(long, value_name = "DURATION", value_parser = signed, allow_hyphen_values = true)]
    clock_skew: Option<SignedDuration>,
    /// Share of transfers that end in Error
    #[arg(long, value_name = "SHARE", default_value_t = 0.0, value_parser = share)]
    errors: f64,
    /// Share of transfers that complete with failed objects
    #[arg(long, value_name = "SHARE", default_value_t = 0.0, value_parser = share)]
    partial: f64,
    /// Share of transfers that complete without any object
    #[arg(long, value_name = "SHARE", default_value_t = 0.0, value_parser = share)]
    empty: f64,
    /// Share of transfers that stop moving
    #[arg(long, value_name = "SHARE", default_value_t = 0.0, value_parser = share)]
    stalls: f64,
    /// Share of transfers that vanish from the list
    #[arg(long, value_name = "SHARE", default_value_t = 0.0, value_parser = share)]
    vanish: f64,
    /// Share of answers that are lost, before or after the agent has acted
    #[arg(long, value_name = "SHARE", default_value_t = 0.0, value_parser = share)]
    lost: f64,
    /// Share of requests that are answered with 500 or 499
    #[arg(long, value_name = "SHARE", default_value_t = 0.0, value_parser = share)]
    broken: f64,
    /// Foreign transfers start about this often, some between the same places
    #[arg(long, value_name = "DURATION", value_parser = signed)]
    foreign_every: Option<SignedDuration>,
    /// A person pauses, resumes or cancels something about this often
    #[arg(long, value_name = "DURATION", value_parser = signed)]
    people_every: Option<SignedDuration>,
    /// The agent restarts about this often
    #[arg(long, value_name = "DURATION", value_parser = signed)]
    restart_every: Option<SignedDuration>,
    /// Something that the vendor leaves open
    #[arg(long, value_name = "NAME", value_delimiter = ',', value_parser = variants())]
    variant: Vec<String>,
    /// Ignore `pagesize`: pages are of this many records
    #[arg(long, value_name = "N")]
    page_size: Option<usize>,
    /// All options at once, as JSON (GET /_sim/options shows them); flags come on top
    #[arg(long, value_name = "FILE")]
    options: Option<PathBuf>,
}

/// The variants by their words; `-` is accepted for `_`.
fn variants() -> PossibleValuesParser {
    let word = |(word, alias)| PossibleValue::new(word).alias(alias);
    VARIANTS.map(word).into()
}

/// Runs until it is interrupted.
pub fn run(args: &Args, _global: &Global, out: &mut dyn Write, err: &mut dyn Write) -> Exit {
    let options = match options(args) {
        Ok(options) => options,
        Err(error) => {
            say(err, &error);
            return Exit::Usage;
        }
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let served = runtime.and_then(|runtime| runtime.block_on(serve(options, out, err)));
    match served {
        Ok(()) => Exit::Done,
        Err(error) => {
            say(err, &format!("the simulated agent can't run: {error}"));
            if error.kind() == io::ErrorKind::AddrInUse {
                hint(err, "something listens there already; `--port N` names another, 0 any");
            }
            Exit::No
        }
    }
}

/// The credentials to sign in with. Nothing of a simulated agent is a secret.
fn credentials(user: &SimUser) -> String {
    let SimUser { id: _, username, password, user_type, totp_secret, sms_code, tokens } = user;
    let kind = login::user_type(*user_type).unwrap_or_else(|| user_type.to_string());
    let mut words = format!("user {username}, password {password}, user type {kind}");
    for (name, value) in [("TOTP secret", totp_secret), ("text message code", sms_code)] {
        words.extend(value.iter().map(|value| format!(", {name} {value}")));
    }
    words.extend(tokens.iter().map(|token| format!(", token {token}")));
    words
}

async fn serve(options: SimOptions, out: &mut dyn Write, err: &mut dyn Write) -> io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let users: String =
        options.world.users.iter().map(|user| format!("{}\n", credentials(user))).collect();
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let (sim, url) = Sim::start(options).await?;
    // On standard error: the address stands alone on standard output, for scripts.
    // There is nobody to tell if standard error is gone.
    let _ = write!(err, "{users}");
    writeln!(out, "{url}")?;
    out.flush()?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    sim.stop().await;
    Ok(())
}

/// Resolves the typed options.
fn options(args: &Args) -> Result<SimOptions, String> {
    let mut world = match &args.options {
        Some(path) => {
            let text = std::fs::read(path)
                .map_err(|error| format!("failed to read `{}`: {error}", path.display()))?;
            serde_json::from_slice(&text).map_err(|error| {
                format!("failed to read options from `{}`: {error}", path.display())
            })?
        }
        None => WorldOptions::default(),
    };
    if !args.token.is_empty() {
        world.users = args.token.iter().enumerate().map(user).collect();
    }
    world.pick_up = faster(args.pick_up.unwrap_or(world.pick_up), args.speed);
    world.duration = faster(args.duration.unwrap_or(world.duration), args.speed);
    world.cancel_takes = faster(args.cancel_takes.unwrap_or(world.cancel_takes), args.speed);
    world.clock_skew = args.clock_skew.unwrap_or(world.clock_skew);
    for (share, option) in [
        (args.errors, &mut world.endings.error),
        (args.partial, &mut world.endings.partial),
        (args.empty, &mut world.endings.empty),
        (args.stalls, &mut world.endings.stall),
        (args.vanish, &mut world.endings.vanish),
        (args.lost / 2.0, &mut world.faults.post_lost_before),
        (args.lost / 2.0, &mut world.faults.post_lost_after),
        (args.lost / 2.0, &mut world.faults.cancel_lost_before),
        (args.lost / 2.0, &mut world.faults.cancel_lost_after),
        (args.lost, &mut world.faults.other_lost),
        (args.broken / 2.0, &mut world.faults.post_error_before),
        (args.broken / 2.0, &mut world.faults.post_problem_after),
        (args.broken, &mut world.faults.cancel_failed),
        (args.broken.max(args.lost), &mut world.faults.list_failed),
    ] {
        if share > 0.0 {
            *option = share;
        }
    }
    world.people.foreign_every = args.foreign_every.or(world.people.foreign_every);
    world.people.act_every = args.people_every.or(world.people.act_every);
    world.people.restart_every = args.restart_every.or(world.people.restart_every);
    world.variants.fixed_page_size = args.page_size.or(world.variants.fixed_page_size);
    for name in &args.variant {
        set_variant(&mut world, name)?;
    }
    Ok(SimOptions { world, seed: args.seed, port: args.port, state: args.state.clone() })
}

fn user((number, token): (usize, &String)) -> SimUser {
    if number == 0 {
        return SimUser::new(WorldOptions::DEFAULT_USER, "operator@example.com", token);
    }
    let id = WorldOptions::DEFAULT_USER.0.as_u128() + number as u128;
    let id = UserId(uuid::Uuid::from_u128(id));
    SimUser::new(id, &format!("operator{}@example.com", number + 1), token)
}

fn set_variant(world: &mut WorldOptions, name: &str) -> Result<(), String> {
    let variants = &mut world.variants;
    let switch = match name.replace('-', "_").as_str() {
        "pascal_case" => &mut variants.pascal_case,
        "manual_type" => &mut variants.manual_type,
        "no_user_id" => &mut variants.no_user_id,
        "null_user_ids" => &mut variants.null_user_ids,
        "dates_without_zone" => &mut variants.dates_without_zone,
        "seven_digits" => &mut variants.seven_digits,
        "null_dates" => &mut variants.null_dates,
        "list_created" => &mut variants.list_created,
        "total_counts_created" => &mut variants.total_counts_created,
        "duplicate_check" => &mut variants.duplicate_check,
        "leading_slash" => &mut variants.leading_slash,
        "no_status" => &mut variants.no_status,
        "no_date_header" => &mut variants.no_date_header,
        _ => return Err(format!("there is no variant `{name}`; `--help` names them")),
    };
    *switch = true;
    Ok(())
}

fn faster(span: Span, speed: f64) -> Span {
    let divided =
        |duration: SignedDuration| SignedDuration::from_secs_f64(duration.as_secs_f64() / speed);
    Span { min: divided(span.min), max: divided(span.max) }
}

fn signed(text: &str) -> Result<SignedDuration, String> {
    let (sign, plain) = match text.strip_prefix('-') {
        Some(plain) => (-1, plain),
        None => (1, text),
    };
    let span: JiffSpan = plain
        .parse()
        .map_err(|_| format!("`{text}` is not a duration such as `90s` or `1h30m`"))?;
    let duration = SignedDuration::try_from(span)
        .map_err(|_| format!("`{text}` is too long, or holds days: use hours"))?;
    Ok(duration * sign)
}

fn range(text: &str) -> Result<Span, String> {
    let (min, max) = text.split_once("..").unwrap_or((text, text));
    let span = Span { min: signed(min)?, max: signed(max)? };
    if span.max < span.min || span.min.is_negative() {
        return Err(format!("`{text}` ends before it begins"));
    }
    Ok(span)
}

fn share(text: &str) -> Result<f64, String> {
    let share = text.parse().ok().filter(|share| (0.0..=1.0).contains(share));
    share.ok_or_else(|| format!("`{text}` is not a share: expected a number from 0 to 1"))
}

fn factor(text: &str) -> Result<f64, String> {
    let factor = text.parse().ok().filter(|factor: &f64| *factor > 0.0 && factor.is_finite());
    factor.ok_or_else(|| format!("`{text}` is not a factor: expected a number above 0"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_variant_that_is_offered_is_known_in_both_spellings() {
        for (word, alias) in VARIANTS {
            let mut world = WorldOptions::default();
            assert!(set_variant(&mut world, word).is_ok(), "{word}");
            assert!(set_variant(&mut world, alias).is_ok(), "{alias}");
        }
    }

    #[test]
    fn the_kind_of_a_user_is_told_by_the_word_that_login_takes() {
        let user = SimUser::new(WorldOptions::DEFAULT_USER, "operator@example.com", "token");
        let told = credentials(&user);
        assert!(told.contains("user type desktop_creative"), "{told}");
    }
}

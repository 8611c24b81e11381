//! Schedules compared with two oracles that share nothing with them: `croner`, away from a zone's
//! changes, and a walk over every minute or second by the contract's rule, right at the changes.
//!
//! Both are given the sets of values that an expression was written from, or its text; the code
//! under test parses nothing here but the expression itself.

use std::collections::BTreeSet;

use croner::parser::{CronParser, Seconds};
use jiff::civil::{DateTime, date};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use transferd_engine::schedule::{Schedule, Timetable};

/// Changes of an hour, of half of one, of two and of a day; at midnight, a minute past it, in
/// Ramadan; offsets of quarters of an hour; and zones without any change.
const ZONES: [&str; 18] = [
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",
    "America/Sao_Paulo",
    "UTC",
    "Pacific/Apia",
    "Asia/Kathmandu",
    "Pacific/Chatham",
    "Africa/Casablanca",
    "Europe/Dublin",
    "America/Havana",
    "Asia/Tehran",
    "Antarctica/Troll",
    "America/Caracas",
    "America/St_Johns",
    "Asia/Pyongyang",
    "Europe/Istanbul",
    "Pacific/Norfolk",
];

/// One field: its text, and the values that it was written from.
#[derive(Clone, Debug)]
struct Field {
    text: String,
    values: BTreeSet<u32>,
    starred: bool,
}

#[derive(Clone, Debug)]
struct Expression {
    second: Option<Field>,
    minute: Field,
    hour: Field,
    day: Field,
    month: Field,
    weekday: Field,
}

impl Expression {
    fn text(&self) -> String {
        let fields = [&self.minute, &self.hour, &self.day, &self.month, &self.weekday];
        let five = fields.map(|field| field.text.as_str()).join(" ");
        match &self.second {
            Some(second) => format!("{} {five}", second.text),
            None => five,
        }
    }

    /// cron(8): a day matches both day fields, or either one where neither starts with `*`.
    fn names_day(&self, wall: DateTime) -> bool {
        let has = |field: &Field, value: i8| field.values.contains(&(value as u32));
        let day = has(&self.day, wall.day());
        let weekday = has(&self.weekday, wall.weekday().to_sunday_zero_offset());
        has(&self.month, wall.month())
            && if self.day.starred || self.weekday.starred {
                day && weekday
            } else {
                day || weekday
            }
    }

    fn names(&self, wall: DateTime) -> bool {
        let has = |field: &Field, value: i8| field.values.contains(&(value as u32));
        let second = match &self.second {
            Some(second) => has(second, wall.second()),
            None => wall.second() == 0,
        };
        second
            && has(&self.minute, wall.minute())
            && has(&self.hour, wall.hour())
            && self.names_day(wall)
    }

    fn timetable(&self, zone: &str) -> Option<Timetable> {
        let text = self.text();
        match Schedule::parse(&text) {
            Ok(schedule) => Some(Timetable::new(vec![schedule], zone, zone_of(zone))),
            Err(errors) => {
                assert!(errors[0].message.starts_with("never fires"), "{text}: {errors:?}");
                None
            }
        }
    }
}

fn zone_of(name: &str) -> TimeZone {
    TimeZone::get(name).expect("the zones of the test are known")
}

/// A field over `low..=high`, some of whose lists lie in `near..=near + 3`.
fn field(low: u32, high: u32, near: u32, star_weight: u32) -> impl Strategy<Value = Field> {
    let star = Just(Field { text: "*".to_owned(), values: (low..=high).collect(), starred: true });
    let starred = (1..=high - low).prop_map(move |step| Field {
        text: format!("*/{step}"),
        values: (low..=high).step_by(step as usize).collect(),
        starred: true,
    });
    let value = prop_oneof![low..=high, near..=(near + 3).min(high)];
    let item = (value, 0..=6_u32, 1..=4_u32).prop_map(move |(start, length, step)| {
        let end = (start + length).min(high);
        let text = match (end - start, step) {
            (0, _) => format!("{start}"),
            (_, 1) => format!("{start}-{end}"),
            _ => format!("{start}-{end}/{step}"),
        };
        let step = if end == start { 1 } else { step };
        (text, (start..=end).step_by(step as usize).collect::<Vec<u32>>())
    });
    let list = prop::collection::vec(item, 1..4).prop_map(|items| Field {
        text: items.iter().map(|(text, _)| text.as_str()).collect::<Vec<_>>().join(","),
        values: items.iter().flat_map(|(_, values)| values.iter().copied()).collect(),
        starred: false,
    });
    prop_oneof![star_weight => star, 1 => starred, 5 => list]
}

fn expression(with_seconds: bool) -> impl Strategy<Value = Expression> {
    let second =
        if with_seconds { field(0, 59, 0, 3).prop_map(Some).boxed() } else { Just(None).boxed() };
    let weekday = field(0, 7, 0, 8).prop_map(|mut weekday| {
        if weekday.text.starts_with("*/") {
            weekday.values.remove(&7);
        }
        if weekday.values.remove(&7) {
            weekday.values.insert(0);
        }
        weekday
    });
    (
        second,
        field(0, 59, 0, 2),
        field(0, 23, 0, 3),
        field(1, 31, 25, 8),
        field(1, 12, 3, 12),
        weekday,
    )
        .prop_map(|(second, minute, hour, day, month, weekday)| Expression {
            second,
            minute,
            hour,
            day,
            month,
            weekday,
        })
}

/// An instant near one of the zone's changes since 2000, or anywhere in its years without any.
fn near_a_change(zone: &str, pick: usize, shift: SignedDuration) -> Timestamp {
    let from = timestamp(date(2000, 1, 1).at(0, 0, 0, 0));
    let until = timestamp(date(2040, 1, 1).at(0, 0, 0, 0));
    let changes: Vec<Timestamp> = zone_of(zone)
        .following(from)
        .map(|transition| transition.timestamp())
        .take_while(|at| *at < until)
        .collect();
    let base = match changes.len() {
        0 => from + SignedDuration::from_hours(pick as i64 * 6),
        count => changes[pick % count],
    };
    // Some zone files end with a mark at the last second of 32 bits, which changes nothing.
    let minute = base.as_second() - base.as_second().rem_euclid(60);
    Timestamp::from_second(minute).expect("the years of the test are known") + shift
}

fn timestamp(utc: DateTime) -> Timestamp {
    jiff::tz::Offset::UTC.to_timestamp(utc).expect("the years of the test are known")
}

/// Every occurrence in `(after, until]` by the contract's rule, found from the wall clock alone as
/// it is seen at each step: a jump forward removes the values that it skips, and a value that is
/// not later than all seen so far is repeated.
fn by_walking(
    expression: &Expression,
    zone: &TimeZone,
    step: SignedDuration,
    after: Timestamp,
    until: Timestamp,
) -> Vec<Timestamp> {
    let mut found = Vec::new();
    // A fold of a day repeats values seen a day before.
    let mut now = after - SignedDuration::from_hours(26);
    let mut seen = zone.to_datetime(now);
    while now < until {
        now += step;
        let wall = zone.to_datetime(now);
        let fires = if expression.hour.starred {
            expression.names(wall)
        } else if wall <= seen {
            false
        } else {
            let mut fires = false;
            while seen < wall {
                seen += step;
                fires |= expression.names(seen);
            }
            fires
        };
        seen = seen.max(wall);
        if fires && now > after {
            found.push(now);
        }
    }
    found
}

fn walk(timetable: &Timetable, after: Timestamp, until: Timestamp) -> Vec<Timestamp> {
    std::iter::successors(timetable.next_after(after), |t| {
        let next = timetable.next_after(*t);
        assert!(next.is_none_or(|next| next > *t), "next_after is strictly monotone");
        next
    })
    .take_while(|t| *t <= until)
    .collect()
}

/// Checks that walk and timetable agree on a window, and that a walk begun anywhere within it goes
/// on like one begun before it.
fn check_window(
    expression: &Expression,
    zone: &str,
    step: SignedDuration,
    after: Timestamp,
    length: SignedDuration,
    restart: f64,
) -> Result<(), TestCaseError> {
    let Some(timetable) = expression.timetable(zone) else {
        return Ok(());
    };
    let until = after + length;
    let expected = by_walking(expression, timetable.zone(), step, after, until);
    let found = walk(&timetable, after, until);
    prop_assert_eq!(&found, &expected, "`{}` in {} after {}", expression.text(), zone, after);
    let middle = after + SignedDuration::from_millis((length.as_millis() as f64 * restart) as i64);
    let rest: Vec<Timestamp> = expected.iter().copied().filter(|t| *t > middle).collect();
    prop_assert_eq!(walk(&timetable, middle, until), rest, "begun anew at {}", middle);
    let missed = timetable.missed(after, until, 5);
    prop_assert_eq!(&missed.newest[..], &expected[expected.len().saturating_sub(5)..]);
    prop_assert_eq!(missed.more, expected.len() > 5);
    Ok(())
}

/// True when the zone's offset is the same for a day on both sides, so that the rule for changes
/// does not apply.
fn is_far_from_changes(zone: &TimeZone, t: Timestamp) -> bool {
    let day = SignedDuration::from_hours(26);
    zone.following(t - day).next().is_none_or(|change| change.timestamp() > t + day)
}

/// The next value of the wall clock by croner.
fn by_croner(expression: &Expression, wall: DateTime) -> Option<DateTime> {
    let cron = CronParser::builder()
        .seconds(Seconds::Optional)
        .build()
        .parse(&expression.text())
        .expect("croner reads what the test writes");
    let naive = chrono::NaiveDate::from_ymd_opt(
        wall.year().into(),
        wall.month() as u32,
        wall.day() as u32,
    )?
    .and_hms_opt(wall.hour() as u32, wall.minute() as u32, wall.second() as u32)?;
    let next = cron.find_next_occurrence(&naive, false).ok()?.and_utc();
    let at = Timestamp::from_second(next.timestamp()).ok()?;
    Some(jiff::tz::Offset::UTC.to_datetime(at))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_500, ..ProptestConfig::default() })]

    #[test]
    fn minutes_around_changes(
        expression in expression(false),
        zone in prop::sample::select(&ZONES[..]),
        pick in 0_usize..60_000,
        back in 0_i64..1_800,
        restart in 0.0..1.0,
    ) {
        let after = near_a_change(zone, pick, SignedDuration::from_mins(-back));
        // All changes since 2000 lie at whole minutes.
        check_window(
            &expression,
            zone,
            SignedDuration::from_mins(1),
            after,
            SignedDuration::from_hours(60),
            restart,
        )?;
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 250, ..ProptestConfig::default() })]

    #[test]
    fn seconds_around_changes(
        expression in expression(true),
        zone in prop::sample::select(&ZONES[..]),
        pick in 0_usize..60_000,
        back in 0_i64..4_000,
        restart in 0.0..1.0,
    ) {
        // Days aside, or most windows of two hours would be empty.
        let all = |low, high| Field {
            text: "*".to_owned(),
            values: (low..=high).collect(),
            starred: true,
        };
        let expression =
            Expression { day: all(1, 31), month: all(1, 12), weekday: all(0, 6), ..expression };
        let after = near_a_change(zone, pick, SignedDuration::from_secs(-back));
        check_window(
            &expression,
            zone,
            SignedDuration::from_secs(1),
            after,
            SignedDuration::from_secs(9_000),
            restart,
        )?;
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4_000, ..ProptestConfig::default() })]

    #[test]
    fn croner_agrees_away_from_changes(
        expression in prop_oneof![expression(false), expression(true)],
        zone in prop::sample::select(&ZONES[..]),
        // 2000 to 2050.
        second in 946_684_800_i64..2_524_608_000,
    ) {
        // croner accepts only a plain `*` for no restriction of the day, cron(8) every field that
        // starts with it.
        let stepped = |field: &Field| field.starred && field.text != "*";
        let unlike = |one: &Field, other: &Field| stepped(one) && other.text != "*";
        prop_assume!(!unlike(&expression.day, &expression.weekday));
        prop_assume!(!unlike(&expression.weekday, &expression.day));
        let Some(timetable) = expression.timetable(zone) else {
            return Ok(());
        };
        let after = Timestamp::from_second(second).expect("the years of the test are known");
        let next = timetable.next_after(after);
        let wall = by_croner(&expression, timetable.zone().to_datetime(after));
        let (Some(next), Some(wall)) = (next, wall) else {
            return Err(TestCaseError::fail(format!("{next:?} against {wall:?}")));
        };
        let expected = timetable
            .zone()
            .to_timestamp(wall)
            .map_err(|error| TestCaseError::fail(error.to_string()))?;
        let far = [after, next, expected].iter().all(|t| is_far_from_changes(timetable.zone(), *t));
        prop_assume!(far);
        prop_assert_eq!(next, expected, "`{}` in {} after {}", expression.text(), zone, after);
    }

    #[test]
    fn schedules_that_never_fire_are_those_without_a_day(expression in expression(false)) {
        // Each weekday falls on a 29 February within 28 years.
        let days = date(2001, 1, 1).series(jiff::Span::new().days(1)).take(28 * 366);
        let fires = days.into_iter().any(|day| expression.names_day(day.to_datetime(jiff::civil::Time::midnight())));
        prop_assert_eq!(expression.timetable("UTC").is_some(), fires, "`{}`", expression.text());
    }
}

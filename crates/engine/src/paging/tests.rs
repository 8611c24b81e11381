//! Lists that change between pages: which readings prove absence.

use jiff::{SignedDuration, Timestamp};
use rstest::rstest;
use uuid::Uuid;

use super::{PageFacts, PageRecord, Paging, Reading};
use crate::ids::{AccountId, TransferId};
use crate::place::Fingerprint;
use crate::transfer::{Gap, Progress, Transfer, TransferStatus};

fn id(number: u32) -> TransferId {
    TransferId(Uuid::from_u128(number.into()))
}

fn date(seconds: i64) -> Timestamp {
    Timestamp::UNIX_EPOCH + SignedDuration::from_secs(1_000_000 + seconds)
}

fn transfer(id: TransferId) -> Transfer {
    let account = AccountId(Uuid::from_u128(1));
    let place = (account, "b", "p/");
    Transfer {
        id,
        user: None,
        fingerprint: Fingerprint::of(place, place, true),
        if_it_skips: None,
        may_be_of: Vec::new(),
        tells_no_progress: false,
        loose_fingerprint: Fingerprint::loose(place, place),
        of_sync: false,
        of_retry_batch: false,
        kind: None,
        requested_at: None,
        ended_at: None,
        status: TransferStatus::Running,
        unknown_status: None,
        progress: Progress::default(),
    }
}

/// A list, newest first: the number of each record, and its date.
struct List {
    records: Vec<(u32, i64)>,
    next: u32,
    tells_total: bool,
    /// Records that `total` counts and no page shows.
    hidden: u64,
    dated: bool,
}

impl List {
    fn of(length: u32) -> Self {
        let records = (0..length).rev().map(|n| (n, i64::from(n))).collect();
        Self { records, next: length, tells_total: true, hidden: 0, dated: true }
    }

    fn grow(&mut self, count: u32) {
        for _ in 0..count {
            self.records.insert(0, (self.next, i64::from(self.next)));
            self.next += 1;
        }
    }

    fn give(&self, paging: &mut Paging, number: u64, size: usize) {
        paging.begin(date(0), None);
        let skipped = (usize::try_from(number).unwrap() - 1) * size;
        for (number, seconds) in self.records.iter().skip(skipped).take(size) {
            paging.record(PageRecord {
                id: Some(id(*number)),
                requested_at: self.dated.then(|| date(*seconds)),
                unreadable: None,
                wanted: Some(transfer(id(*number))),
            });
        }
        let total = self.tells_total.then_some(self.records.len() as u64 + self.hidden);
        paging.end(PageFacts { total, page_size: None });
    }

    /// Reads all of it, and calls `between` after each page.
    fn read(mut self, size: usize, mut between: impl FnMut(&mut Self, u64)) -> Reading {
        let mut paging = Paging::new(date(-1), size as u64);
        let mut asked = 0;
        while let Some(number) = paging.next_page() {
            asked += 1;
            assert!(asked < 500, "it never ends");
            self.give(&mut paging, number, size);
            between(&mut self, asked);
        }
        paging.finish()
    }
}

#[rstest]
#[case::a_little(1)]
#[case::by_half_a_page(5)]
#[case::by_most_of_a_page(7)]
fn a_list_that_grows_at_each_page_gives_a_complete_look(#[case] growth: u32) {
    for length in [0, 1, 9, 10, 11, 25, 100] {
        let reading = List::of(length).read(10, |list, _| list.grow(growth));
        assert_eq!(reading.gap, None, "{length}");
        let stood = (0..length).filter(|n| reading.transfers.iter().any(|t| t.id == id(*n)));
        assert_eq!(stood.count(), usize::try_from(length).unwrap());
    }
}

#[test]
fn a_list_that_ends_before_its_total_is_short() {
    for (length, more, is_short) in
        [(0, 0, false), (0, 1, true), (5, 1, true), (10, 1, true), (25, 3, true), (25, 0, false)]
    {
        let mut list = List::of(length);
        list.hidden = more;
        let reading = list.read(10, |_, _| {});
        assert_eq!((reading.gap, reading.short), (None, is_short), "{length} and {more}");
    }
    // One that is not read to its end has not ended.
    let mut deep = Paging::new(date(20), 10);
    let mut list = List::of(25);
    list.hidden = 3;
    while let Some(number) = deep.next_page() {
        list.give(&mut deep, number, 10);
    }
    assert!(!deep.finish().short);
}

/// The pages that are asked for, and the reading, of a list without a `total` whose agent gives no
/// more than 10 records a page, and the first page for any where it ignores their number.
fn without_total(length: u32, ignores_number: bool) -> (Vec<u64>, Reading) {
    let mut list = List::of(length);
    list.tells_total = false;
    let mut paging = Paging::new(date(-1), 200);
    let mut asked = Vec::new();
    while let Some(number) = paging.next_page() {
        asked.push(number);
        list.give(&mut paging, if ignores_number { 1 } else { number }, 10);
    }
    (asked, paging.finish())
}

#[test]
fn without_a_total_a_short_page_does_not_end_a_list() {
    let (asked, reading) = without_total(25, false);
    assert_eq!((reading.gap, reading.records), (None, 25));
    assert_eq!(asked, [1, 2, 3, 4, 1], "down to an empty page, then the head again");
    let (asked, reading) = without_total(0, false);
    assert_eq!((reading.gap, asked), (None, vec![1]));
    let (asked, reading) = without_total(7, true);
    assert_eq!((reading.gap, reading.records, asked), (None, 7, vec![1, 2, 1]));
}

#[test]
fn what_has_come_meanwhile_is_read_too() {
    // More than a page is added while the last page is read.
    let reading = List::of(30).read(10, |list, asked| {
        if asked == 3 {
            list.grow(23);
        }
    });
    assert_eq!(reading.gap, None);
    assert_eq!((reading.transfers.len(), reading.records), (53, 53));
}

#[test]
fn without_a_total_any_change_makes_a_look_incomplete() {
    let mut list = List::of(30);
    list.tells_total = false;
    assert_eq!(list.read(10, |_, _| {}).gap, None);
    let mut list = List::of(30);
    list.tells_total = false;
    let reading = list.read(10, |list, asked| list.grow(u32::from(asked == 1)));
    assert_eq!(reading.gap, Some(Gap::Shifted));
}

#[test]
fn in_a_list_without_order_any_change_makes_a_look_incomplete() {
    let shuffled = || {
        let mut list = List::of(30);
        list.records.swap(3, 17);
        list
    };
    assert_eq!(shuffled().read(10, |_, _| {}).gap, None);
    let reading = shuffled().read(10, |list, asked| list.grow(u32::from(asked == 1)));
    assert_eq!(reading.gap, Some(Gap::Shifted));
}

#[test]
fn one_that_goes_while_another_comes_is_noticed() {
    // The list is as long as before, and page 2 begins one record too late.
    let reading = List::of(30).read(10, |list, asked| {
        if asked == 1 {
            list.records.remove(4);
        } else if asked == 2 {
            list.grow(1);
        }
    });
    assert_eq!(reading.gap, Some(Gap::Shifted));
}

#[test]
fn one_that_came_and_went_between_two_pages_is_noticed() {
    let reading = List::of(40).read(10, |list, asked| {
        if asked == 1 {
            list.grow(1);
        } else if asked == 2 {
            list.records.remove(0);
        }
    });
    assert_eq!(reading.gap, Some(Gap::Shifted), "the record after page 2 was read by nobody");
}

#[test]
fn a_total_that_wavers_alone_proves_nothing() {
    let mut paging = Paging::new(date(-1), 10);
    let list = List::of(25);
    while let Some(number) = paging.next_page() {
        let before = paging.totals.last;
        list.give(&mut paging, number, 10);
        if number == 2 && before == Some(25) {
            paging.totals.take(false, Some(24));
        }
    }
    assert_eq!(paging.finish().gap, Some(Gap::Shifted));
}

#[test]
fn the_same_page_again_and_again_is_no_list() {
    let list = List::of(10);
    let mut paging = Paging::new(date(-1), 10);
    let mut pages = 0;
    while paging.next_page().is_some() {
        pages += 1;
        list.give(&mut paging, 1, 10);
    }
    assert_eq!(paging.finish().gap, Some(Gap::Repeating));
    assert_eq!(pages, 3);
}

#[test]
fn a_reading_that_is_cut_reads_the_head_and_proves_nothing() {
    let list = List::of(100);
    let mut paging = Paging::new(date(-1), 10);
    let mut asked = Vec::new();
    while let Some(number) = paging.next_page() {
        asked.push(number);
        list.give(&mut paging, number, 10);
        if asked.len() == 4 {
            paging.cut(Gap::TooSlow);
        }
    }
    let reading = paging.finish();
    assert_eq!(asked, [1, 2, 3, 4, 1]);
    assert_eq!(reading.gap, Some(Gap::TooSlow));
    assert_eq!((reading.pages, reading.records, reading.total), (5, 40, Some(100)));
}

#[test]
fn how_far_back_a_list_was_read_is_told_unless_it_was_read_to_its_end() {
    let whole = List::of(30).read(10, |_, _| {});
    assert_eq!(whole.read_back_to, None);
    let list = List::of(30);
    let mut paging = Paging::new(date(25), 10);
    while let Some(number) = paging.next_page() {
        list.give(&mut paging, number, 10);
    }
    let reading = paging.finish();
    assert_eq!((reading.gap, reading.read_back_to), (None, Some(date(20))));
}

/// Numbers that look random, the same each time.
struct Draw(u64);

impl Draw {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (self.0 >> 33) % bound
    }
}

#[test]
fn whatever_happens_to_a_list_a_complete_look_has_missed_nothing_that_stood_and_stands() {
    let (mut complete, mut incomplete) = (0, 0);
    for seed in 0..20_000 {
        let mut draw = Draw(seed);
        let length = u32::try_from(draw.below(60)).unwrap();
        let mut list = List::of(length);
        list.dated = draw.below(8) > 0;
        list.tells_total = draw.below(8) > 0;
        let tells_total = list.tells_total;
        let stood: Vec<u32> = list.records.iter().map(|(number, _)| *number).collect();
        let mut gone = Vec::new();
        let reading = list.read(10, |list, _| {
            for _ in 0..draw.below(3) {
                match draw.below(6) {
                    0 if !list.records.is_empty() => {
                        let at = draw.below(list.records.len() as u64);
                        gone.push(list.records.remove(usize::try_from(at).unwrap()).0);
                    }
                    1 => {
                        // One that was accepted before others is picked up after them.
                        let at = usize::try_from(draw.below(4)).unwrap().min(list.records.len());
                        let seconds = list.records.get(at).map_or(0, |(_, seconds)| *seconds);
                        list.records.insert(at, (list.next, seconds));
                        list.next += 1;
                    }
                    _ => list.grow(u32::try_from(draw.below(3)).unwrap()),
                }
            }
        });
        if reading.gap.is_some() {
            incomplete += 1;
            continue;
        }
        complete += 1;
        if !tells_total && !gone.is_empty() {
            // A removal from the middle of a list without a total leaves no trace.
            continue;
        }
        for number in stood.iter().filter(|number| !gone.contains(number)) {
            let read = reading.transfers.iter().any(|it| it.id == id(*number));
            assert!(read, "seed {seed}: {number} of {length} was missed");
        }
    }
    assert!(complete > 5_000 && incomplete > 1_000, "{complete} complete, {incomplete} not");
}

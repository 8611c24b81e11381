//! Merges the coming occurrences of several jobs.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use jiff::Timestamp;

/// Something with occurrences: a job, as a caller sees it.
pub trait Occurring {
    /// The first occurrence after `t`; none if nothing is coming.
    fn next_after(&self, t: Timestamp) -> Option<Timestamp>;
}

/// The first occurrences of all jobs together after `now`, in order of time, then of their places
/// in `jobs`: at most `number`, and none after `until`.
pub fn coming<J: Occurring>(
    jobs: &[J],
    now: Timestamp,
    number: usize,
    until: Option<Timestamp>,
) -> Vec<(Timestamp, &J)> {
    let firsts = jobs.iter().enumerate();
    let mut heap: BinaryHeap<_> =
        firsts.filter_map(|(index, job)| Some(Reverse((job.next_after(now)?, index)))).collect();
    let mut coming = Vec::new();
    while coming.len() < number
        && let Some(Reverse((at, index))) = heap.pop()
        && until.is_none_or(|until| at <= until)
    {
        coming.push((at, &jobs[index]));
        heap.extend(jobs[index].next_after(at).map(|next| Reverse((next, index))));
    }
    coming
}

/// The first occurrence of each job after `now`, in order of time, then of their places in `jobs`.
pub fn firsts<J: Occurring>(jobs: &[J], now: Timestamp) -> Vec<(Timestamp, &J)> {
    let mut firsts: Vec<_> =
        jobs.iter().filter_map(|job| Some((job.next_after(now)?, job))).collect();
    firsts.sort_by_key(|(at, _)| *at);
    firsts
}

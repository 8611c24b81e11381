//! The queue of log lines, and the thread that writes them.
//!
//! A pipe that nobody empties, or a journal that is stuck, blocks its writer for any length of
//! time. So the writer is a thread that does nothing else: lines that it can't write in time are
//! dropped and counted, and the count is logged as soon as there is room. Does not know the format
//! of a line.
//!
//! Keeps true: a caller that logs never waits for a reader.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::limits::WAITING_BYTES_MAX;

/// Lines to be written.
pub(super) struct Queue {
    waiting: Mutex<Waiting>,
    changed: Condvar,
    /// Makes the line with the number of dropped ones.
    notice: Box<dyn Fn(u64) -> Vec<u8> + Send + Sync>,
}

#[derive(Default)]
struct Waiting {
    lines: VecDeque<Vec<u8>>,
    bytes: usize,
    /// Lines dropped since this was last logged.
    dropped: u64,
    /// True while the thread is writing a line.
    writing: bool,
}

impl Queue {
    /// Starts a thread that hands each line to `write`, which may block.
    ///
    /// # Errors
    /// The system can't start a thread.
    pub(super) fn start(
        notice: impl Fn(u64) -> Vec<u8> + Send + Sync + 'static,
        write: impl FnMut(&[u8]) + Send + 'static,
    ) -> io::Result<Arc<Self>> {
        let (waiting, changed) = (Mutex::default(), Condvar::new());
        let queue = Arc::new(Self { waiting, changed, notice: Box::new(notice) });
        let lines = Arc::clone(&queue);
        std::thread::Builder::new().name("log".to_owned()).spawn(move || lines.write_all(write))?;
        Ok(queue)
    }

    /// Adds a line, or drops it if there is no room. Never waits for the writer.
    pub(super) fn push(&self, line: Vec<u8>) {
        let mut waiting = self.lock();
        if waiting.bytes + line.len() > WAITING_BYTES_MAX {
            waiting.dropped += 1;
            return;
        }
        if let Some(notice) = self.take_notice(&mut waiting) {
            waiting.add(notice);
        }
        waiting.add(line);
        drop(waiting);
        self.changed.notify_all();
    }

    /// Waits until all lines are written, but no longer than `patience`.
    pub(super) fn finish(&self, patience: Duration) {
        let busy = |waiting: &mut Waiting| waiting.writing || !waiting.lines.is_empty();
        // Whether they were: nobody can be told.
        let _ = self.changed.wait_timeout_while(self.lock(), patience, busy);
    }

    fn write_all(&self, mut write: impl FnMut(&[u8])) {
        loop {
            let line = self.take();
            write(&line);
        }
    }

    /// The next line; waits for one.
    fn take(&self) -> Vec<u8> {
        let mut waiting = self.lock();
        waiting.writing = false;
        loop {
            if let Some(line) = waiting.lines.pop_front() {
                waiting.bytes -= line.len();
                waiting.writing = true;
                return line;
            }
            if let Some(notice) = self.take_notice(&mut waiting) {
                waiting.writing = true;
                return notice;
            }
            self.changed.notify_all();
            waiting = self.changed.wait(waiting).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn take_notice(&self, waiting: &mut Waiting) -> Option<Vec<u8>> {
        let dropped = std::mem::take(&mut waiting.dropped);
        (dropped > 0).then(|| (self.notice)(dropped))
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiting {
    fn add(&mut self, line: Vec<u8>) {
        self.bytes += line.len();
        self.lines.push_back(line);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(20);

    fn notice(dropped: u64) -> Vec<u8> {
        format!("{dropped} dropped").into_bytes()
    }

    /// A queue whose writer is held up until a message arrives, and the lines that it has written.
    fn held_up() -> (Arc<Queue>, mpsc::Sender<()>, mpsc::Receiver<String>) {
        let (go_on, held) = mpsc::channel::<()>();
        let (tell, written) = mpsc::channel();
        let queue = Queue::start(notice, move |line: &[u8]| {
            // An error means that the test has ended.
            let _ = held.recv();
            let _ = tell.send(String::from_utf8_lossy(line).into_owned());
        });
        (queue.unwrap(), go_on, written)
    }

    #[test]
    fn who_logs_does_not_wait_and_what_was_dropped_is_counted_and_said() {
        let (queue, go_on, written) = held_up();
        let line = vec![b'x'; 1 << 10];
        for _ in 0..3_000 {
            queue.push(line.clone());
        }
        queue.finish(Duration::from_millis(1));
        drop(go_on);
        // The writer may have emptied the queue in the middle of it: then there are two gaps.
        let (mut whole, mut dropped) = (0_u64, 0_u64);
        while whole + dropped < 3_000 {
            let line = written.recv_timeout(PATIENCE).unwrap();
            match line.strip_suffix(" dropped") {
                Some(count) => dropped += count.parse::<u64>().unwrap(),
                None => whole += 1,
            }
        }
        assert_eq!(whole + dropped, 3_000);
        assert!(whole >= 1_000 && dropped > 0, "{whole} and {dropped}");
        queue.push(b"again".to_vec());
        assert_eq!(written.recv_timeout(PATIENCE).unwrap(), "again");
    }

    #[test]
    fn a_line_after_a_gap_comes_behind_the_word_of_it() {
        let (queue, go_on, written) = held_up();
        for _ in 0..2_000 {
            queue.push(vec![b'x'; 1 << 10]);
        }
        for _ in 0..2 {
            go_on.send(()).unwrap();
            written.recv_timeout(PATIENCE).unwrap();
        }
        queue.push(b"after".to_vec());
        drop(go_on);
        let rest: Vec<_> = std::iter::from_fn(|| written.recv_timeout(PATIENCE).ok())
            .take_while(|line| line != "after")
            .collect();
        assert!(rest.last().unwrap().ends_with(" dropped"), "{:?}", rest.last());
    }

    #[test]
    fn the_last_lines_are_waited_for() {
        let (queue, go_on, written) = held_up();
        queue.push(b"last".to_vec());
        go_on.send(()).unwrap();
        queue.finish(PATIENCE);
        assert_eq!(written.try_recv().unwrap(), "last");
    }
}

//! Checks whether a database that has a write-ahead log is complete together with it.
//!
//! Without a log SQLite itself compares the file's length with its header, but takes a part of the
//! last page for all of it. With a log it takes the length from there, reads missing bytes at the
//! file's end as zeros, and would go on writing to a database that was cut short. So each page that
//! the file does not hold whole must be in the log. The format is
//! <https://www.sqlite.org/fileformat2.html#the_write_ahead_log>.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{BufReader, ErrorKind, Read};
use std::path::Path;

use rusqlite::Connection;

use super::failure::Failure;
use crate::store::{StoreError, io_error};

const HEADER: usize = 32;
const FRAME_HEADER: usize = 24;

/// Refuses a database that lacks pages. It may be in use: a log begins anew only once all of it is
/// in the database, so pages that vanish from the log meanwhile are there.
pub(super) fn check_length(
    connection: &Connection,
    path: &Path,
    log: &Path,
) -> Result<(), Failure> {
    let number = |name: &str| connection.pragma_query_value(None, name, |row| row.get::<_, u32>(0));
    let (pages, page_size) = (number("page_count")?, number("page_size")?);
    let in_file = whole_pages(path, page_size)?;
    if in_file >= pages {
        return Ok(());
    }
    let logged = logged_pages(log, page_size).map_err(|error| io_error(log, &error))?;
    match (in_file + 1..=pages).find(|page| !logged.contains(page)) {
        Some(page) if whole_pages(path, page_size)? < pages => {
            Err(Failure::Row(format!("it was cut short: page {page} of {pages} is missing")))
        }
        Some(_) | None => Ok(()),
    }
}

/// The number of pages that the database's file holds whole.
fn whole_pages(path: &Path, page_size: u32) -> Result<u32, StoreError> {
    let length = std::fs::metadata(path).map_err(|error| io_error(path, &error))?.len();
    Ok(u32::try_from(length / u64::from(page_size.max(1))).unwrap_or(u32::MAX))
}

/// The pages in the log's frames, as far as they belong to its current generation.
fn logged_pages(log: &Path, page_size: u32) -> std::io::Result<BTreeSet<u32>> {
    let mut pages = BTreeSet::new();
    let file = match File::open(log) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(pages),
        opened => opened?,
    };
    let mut file = BufReader::with_capacity(1 << 16, file);
    let mut header = [0; HEADER];
    if !fill(&mut file, &mut header)? {
        return Ok(pages);
    }
    let mut frame = vec![0; FRAME_HEADER + page_size as usize];
    while fill(&mut file, &mut frame)? {
        let same_turn = frame[8..16] == header[16..24];
        if !same_turn {
            break;
        }
        pages.insert(u32::from_be_bytes([frame[0], frame[1], frame[2], frame[3]]));
    }
    Ok(pages)
}

/// Fills the buffer; false at the file's end.
fn fill(file: &mut impl Read, buffer: &mut [u8]) -> std::io::Result<bool> {
    match file.read_exact(buffer) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}

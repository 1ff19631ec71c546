//! The files that the rows fetch, and the room that they need.
//!
//! Owns names and sizes, so that all of it can be made before the first measurement: nothing runs out of space after an
//! hour.

use crate::{
    lab::{Lab, MANY_SIZE},
    options::Row,
};

/// The large file.
pub const LARGE: &str = "large";

/// The small one.
pub const SMALL: &str = "small";
pub const SMALL_SIZE: u64 = 1_800;

/// Jobs at once of the row about memory.
pub const JOBS: usize = 64;

/// What a small file takes on the disk: its blocks, its inode and its entry.
const MANY_ON_DISK: u64 = MANY_SIZE + 4 * 1_024;

/// How many tools the row of many files compares with.
pub const MANY_RIVALS: usize = 3;

/// Name and size of the file that each of many jobs fetches.
pub fn memory(lab: &Lab) -> (String, u64) {
    let mib = if lab.is_quick() { 8 } else { 64 };
    (format!("memory-{mib}"), mib << 20)
}

/// Name and size of the file that goes over the link.
pub fn shaped(lab: &Lab) -> (String, u64) {
    let megabytes = if lab.is_quick() { 10 } else { 200 };
    (format!("shaped-{megabytes}"), megabytes * 1_000_000)
}

/// Names and sizes, the largest last.
pub fn sizes(lab: &Lab) -> [(String, u64); 3] {
    let [small, middle] = if lab.is_quick() { [16, 64] } else { [64, 512] };
    [
        (format!("size-{small}"), small << 20),
        (format!("size-{middle}"), middle << 20),
        (LARGE.to_owned(), lab.large_size()),
    ]
}

/// Makes what these rows fetch, and makes sure that there is room for what is fetched.
pub fn prepare(rows: &[Row], lab: &Lab, pairs: usize) -> anyhow::Result<()> {
    for row in rows {
        let files = match row {
            Row::Plain | Row::Checked | Row::Https => vec![(LARGE.to_owned(), lab.large_size())],
            Row::Small => vec![(SMALL.to_owned(), SMALL_SIZE)],
            Row::Memory => vec![memory(lab)],
            Row::Size => sizes(lab).to_vec(),
            Row::Shaped => vec![shaped(lab)],
            Row::Many => {
                lab.many()?;
                Vec::new()
            }
        };
        for (name, size) in files {
            lab.random(&name, size)?;
        }
    }
    // Many small files stay until the end; of the others, no more is there than what a pair fetched.
    let many = rows.iter().filter(|row| **row == Row::Many).count();
    let many = (many * pairs * 2 * MANY_RIVALS * lab.many_count()) as u64 * MANY_ON_DISK;
    let pair = rows.iter().map(|row| match row {
        Row::Plain | Row::Checked | Row::Https => 2 * lab.large_size(),
        Row::Memory => JOBS as u64 * memory(lab).1,
        Row::Size => lab.large_size(),
        Row::Shaped => shaped(lab).1,
        Row::Small | Row::Many => 0,
    });
    lab.require(many + pair.max().unwrap_or(0))
}

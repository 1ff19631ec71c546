//! The heads of the last answers, for people and programs to look at.
//!
//! Owns them in memory alone: nothing is decided by them, and a restart forgets them. They never take more than
//! [`MOST`] bytes together; the oldest go first.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use bgcopy_model::{FileId, JobId};

/// Bytes that are kept of one head.
const LONGEST: usize = 16 << 10;

/// Bytes that are kept of all, each with [`ENTRY`].
const MOST: usize = 512 << 10;

/// Bytes that it costs to keep a head, beside its own: most are short, and there may be thousands.
const ENTRY: usize = 128;

/// The heads of the last answers. A clone is the same collection.
#[derive(Clone, Debug, Default)]
pub struct Heads {
    kept: Arc<Mutex<Kept>>,
}

/// Invariant: `order` has one entry for each head, and `bytes` is the sum of what they cost.
#[derive(Debug, Default)]
struct Kept {
    heads: BTreeMap<FileId, (u64, Arc<str>)>,
    order: BTreeMap<u64, FileId>,
    next: u64,
    bytes: usize,
}

impl Heads {
    /// The head of the last answer for this file, if it is still there.
    pub fn of(&self, file: FileId) -> Option<Arc<str>> {
        let kept = self.lock();
        kept.heads.get(&file).map(|(_, head)| head.clone())
    }

    /// Keeps a head in place of the file's earlier one.
    pub(super) fn put(&self, file: FileId, head: &str) {
        let head = cut(head);
        let mut kept = self.lock();
        kept.remove(file);
        let number = kept.next;
        kept.next += 1;
        kept.bytes += ENTRY + head.len();
        kept.heads.insert(file, (number, head.into()));
        kept.order.insert(number, file);
        while kept.bytes > MOST
            && let Some((_, oldest)) = kept.order.first_key_value()
        {
            let oldest = *oldest;
            kept.remove(oldest);
        }
    }

    /// Drops those of a job.
    pub(super) fn forget(&self, job: JobId) {
        let mut kept = self.lock();
        let all = FileId { job, index: 0 }..=FileId {
            job,
            index: u32::MAX,
        };
        let of_job = kept.heads.range(all).map(|(file, _)| *file);
        for file in of_job.collect::<Vec<_>>() {
            kept.remove(file);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        // No code panics while it holds the lock.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn remove(&mut self, file: FileId) {
        if let Some((number, head)) = self.heads.remove(&file) {
            self.order.remove(&number);
            self.bytes -= ENTRY + head.len();
        }
    }
}

/// As many whole lines as fit.
fn cut(head: &str) -> &str {
    let mut end = head.len().min(LONGEST);
    while !head.is_char_boundary(end) {
        end -= 1;
    }
    if end == head.len() {
        return head;
    }
    match head[..end].rfind("\r\n") {
        Some(line) => &head[..line + 2],
        None => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(job: u128, index: u32) -> FileId {
        let job = JobId::from_u128(job);
        FileId { job, index }
    }

    #[test]
    fn the_last_head_of_a_file_is_kept_until_its_job_is_forgotten() {
        let heads = Heads::default();
        heads.put(file(1, 0), "HTTP/1.1 200 OK\r\n");
        heads.put(file(1, 0), "HTTP/1.1 206 Partial Content\r\n");
        heads.put(file(2, 0), "HTTP/1.1 200 OK\r\n");
        let kept = heads.of(file(1, 0)).unwrap();
        assert_eq!(&*kept, "HTTP/1.1 206 Partial Content\r\n");
        heads.forget(JobId::from_u128(1));
        assert_eq!(heads.of(file(1, 0)), None);
        assert!(heads.of(file(2, 0)).is_some());
    }

    #[test]
    fn a_long_head_ends_with_a_whole_line() {
        let heads = Heads::default();
        let long = format!("HTTP/1.1 200 OK\r\nA: b\r\nC: {}\r\n", "é".repeat(LONGEST));
        heads.put(file(1, 0), &long);
        assert_eq!(
            &*heads.of(file(1, 0)).unwrap(),
            "HTTP/1.1 200 OK\r\nA: b\r\n"
        );
        heads.put(file(1, 0), &"x".repeat(LONGEST + 1));
        assert_eq!(&*heads.of(file(1, 0)).unwrap(), "");
    }

    #[test]
    fn the_oldest_heads_make_room() {
        let heads = Heads::default();
        let line = format!("A: {}\r\n", "x".repeat(LONGEST - ENTRY - 5));
        let count = u32::try_from(MOST / (ENTRY + line.len())).unwrap();
        for index in 0..=count {
            heads.put(file(1, index), &line);
        }
        assert_eq!(heads.of(file(1, 0)), None);
        assert!((1..=count).all(|index| heads.of(file(1, index)).is_some()));
        assert_eq!(heads.lock().bytes, MOST);
        heads.forget(JobId::from_u128(1));
        let kept = heads.lock();
        assert_eq!((kept.bytes, kept.order.len(), kept.heads.len()), (0, 0, 0));
    }
}

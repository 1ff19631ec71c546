//! Which bytes of a file survive a crash: pages of 4 KiB, and the length.
//!
//! Owns the live file while it is put back into a state in which a disk may be. Holes stay holes.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt as _;

use rustix::fs::SeekFrom;

use super::rng::{Luck, Rng};

const PAGE: u64 = 4096;

/// Puts the live file into a state between the durable one and its own. Returns how many pages were lost.
///
/// `durable` is the content of the last sync; `None` is a file that was never synced.
pub(super) fn settle(live: &File, durable: Option<&File>, rng: &mut Rng) -> io::Result<usize> {
    let live_len = live.metadata()?.len();
    let durable_len = durable.map_or(Ok(0), |file| file.metadata().map(|meta| meta.len()))?;
    let luck = rng.luck();
    let len = surviving_len(durable_len, live_len, luck, rng);
    let mut ranges = data_ranges(live, live_len)?;
    if let Some(durable) = durable {
        ranges.extend(data_ranges(durable, durable_len)?);
    }
    let mut lost = 0;
    for page in pages(ranges) {
        let start = page * PAGE;
        if start >= len {
            continue;
        }
        let (now, before) = (read_page(live, start)?, read_page_of(durable, start)?);
        if now == before {
            continue;
        }
        // Beyond the end of a live file that was cut only the old bytes can be, if the cut did not survive.
        let survives = start < live_len && luck.survives(rng);
        let from = if survives { live_len - start } else { 0 };
        let end = PAGE.min(len - start);
        if from < end {
            let part = usize::try_from(from).unwrap_or(0)..usize::try_from(end).unwrap_or(0);
            live.write_all_at(&before[part], start + from)?;
        }
        lost += usize::from(!survives);
    }
    live.set_len(len)?;
    Ok(lost)
}

/// Copies a file's data and length, not its holes.
pub(super) fn copy(from: &File, to: &File) -> io::Result<()> {
    let len = from.metadata()?.len();
    let mut buf = vec![0; 256 * 1024];
    for range in data_ranges(from, len)? {
        let mut at = range.start;
        while at < range.end {
            let want = usize::try_from(range.end - at)
                .unwrap_or(buf.len())
                .min(buf.len());
            let n = from.read_at(&mut buf[..want], at)?;
            if n == 0 {
                break;
            }
            to.write_all_at(&buf[..n], at)?;
            at += n as u64;
        }
    }
    to.set_len(len)
}

/// A file that grew may have any length between on a page's boundary; one that was cut has either.
fn surviving_len(durable: u64, live: u64, luck: Luck, rng: &mut Rng) -> u64 {
    match luck {
        Luck::None => durable,
        Luck::All => live,
        Luck::Coin if live <= durable => {
            if rng.coin() {
                live
            } else {
                durable
            }
        }
        Luck::Coin => match rng.below(3) {
            0 => durable,
            1 => live,
            _ => (durable + rng.below(live - durable))
                .next_multiple_of(PAGE)
                .min(live),
        },
    }
}

/// The parts of a file that are no holes.
fn data_ranges(file: &File, len: u64) -> io::Result<Vec<Range<u64>>> {
    let mut ranges = Vec::new();
    let mut at = 0;
    while at < len {
        let start = match rustix::fs::seek(file, SeekFrom::Data(at)) {
            Ok(start) => start,
            Err(rustix::io::Errno::NXIO) => break,
            Err(e) => return Err(e.into()),
        };
        let end = rustix::fs::seek(file, SeekFrom::Hole(start))?;
        ranges.push(start..end);
        at = end;
    }
    Ok(ranges)
}

/// The numbers of the pages that some ranges touch, each once and ascending.
fn pages(mut ranges: Vec<Range<u64>>) -> impl Iterator<Item = u64> {
    ranges.sort_by_key(|range| range.start);
    let mut next = 0;
    ranges.into_iter().flat_map(move |range| {
        let first = (range.start / PAGE).max(next);
        let end = range.end.div_ceil(PAGE);
        next = next.max(end);
        first..end
    })
}

fn read_page_of(file: Option<&File>, start: u64) -> io::Result<Vec<u8>> {
    file.map_or_else(
        || Ok(vec![0; usize::try_from(PAGE).unwrap_or(0)]),
        |file| read_page(file, start),
    )
}

/// A page, with zeros beyond the end of the file.
fn read_page(file: &File, start: u64) -> io::Result<Vec<u8>> {
    let mut page = vec![0; usize::try_from(PAGE).unwrap_or(0)];
    let mut filled = 0;
    while filled < page.len() {
        match file.read_at(&mut page[filled..], start + filled as u64)? {
            0 => break,
            n => filled += n,
        }
    }
    Ok(page)
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::io::{Read as _, Seek as _, Write as _};

    use super::{Rng, copy, settle};

    fn file(content: &[u8]) -> File {
        let mut file = tempfile::tempfile().expect("a file");
        file.write_all(content).expect("written");
        file
    }

    fn content(mut file: &File) -> Vec<u8> {
        file.rewind().expect("at the start");
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).expect("read");
        bytes
    }

    #[test]
    fn each_page_is_the_old_or_the_new_one_and_both_happen() {
        let (old, new) = (vec![1; 3 * 4096], vec![2; 3 * 4096]);
        let mut outcomes = std::collections::BTreeSet::new();
        for seed in 0..500 {
            let live = file(&new);
            settle(&live, Some(&file(&old)), &mut Rng::new(seed)).expect("settled");
            let bytes = content(&live);
            for page in bytes.chunks(4096) {
                assert!(
                    page.iter().all(|byte| *byte == page[0]),
                    "a page is never torn"
                );
            }
            outcomes.insert((bytes[0], bytes[4096], bytes[8192]));
        }
        assert_eq!(outcomes.len(), 8);
    }

    #[test]
    fn a_file_that_grew_keeps_its_synced_bytes_and_any_length_between() {
        let (old, new) = (vec![1; 5000], [vec![1; 5000], vec![2; 10_000]].concat());
        let mut lengths = std::collections::BTreeSet::new();
        for seed in 0..500 {
            let live = file(&new);
            settle(&live, Some(&file(&old)), &mut Rng::new(seed)).expect("settled");
            let bytes = content(&live);
            assert_eq!(bytes[..5000], old);
            assert!(bytes[5000..].iter().all(|byte| [0, 2].contains(byte)));
            lengths.insert(bytes.len());
        }
        assert_eq!(
            lengths.into_iter().collect::<Vec<_>>(),
            [5000, 8192, 12_288, 15_000]
        );
    }

    #[test]
    fn a_cut_survives_or_not_and_leaves_no_zeros_where_it_did_not() {
        let mut lengths = std::collections::BTreeSet::new();
        for seed in 0..100 {
            let live = file(&[1; 100]);
            settle(&live, Some(&file(&vec![1; 20_000])), &mut Rng::new(seed)).expect("settled");
            let bytes = content(&live);
            assert!(bytes.iter().all(|byte| *byte == 1));
            lengths.insert(bytes.len());
        }
        assert_eq!(lengths.into_iter().collect::<Vec<_>>(), [100, 20_000]);
    }

    #[test]
    fn a_file_that_was_never_synced_may_be_empty() {
        let empty = (0..50).any(|seed| {
            let live = file(&[1; 100]);
            settle(&live, None, &mut Rng::new(seed)).expect("settled");
            content(&live).is_empty()
        });
        assert!(empty);
    }

    #[test]
    fn a_copy_has_the_bytes_and_the_holes() {
        use std::os::unix::fs::{FileExt as _, MetadataExt as _};
        let from = file(&[7; 5000]);
        from.set_len(1 << 30).expect("grown");
        from.write_all_at(b"end", (1 << 30) - 3).expect("written");
        let to = file(b"");
        copy(&from, &to).expect("copied");
        let meta = to.metadata().expect("metadata");
        assert_eq!(meta.len(), 1 << 30);
        assert!(meta.blocks() * 512 < 1 << 20, "the hole was not filled");
        let mut end = [0; 3];
        to.read_exact_at(&mut end, (1 << 30) - 3).expect("read");
        assert_eq!(&end, b"end");
    }
}

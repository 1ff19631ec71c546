//! Temporary files: making, finding again, writing, hashing, deleting.

#![allow(
    clippy::disallowed_methods,
    reason = "the tests look at files behind the crate's back"
)]

mod common;

use std::{
    fs,
    os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink},
    path::Path,
    pin::pin,
    sync::Arc,
    task::{Context, Poll, Wake, Waker},
    thread::{self, Thread},
};

use bgcopy_disk::Existing;
use bgcopy_model::{Algorithm, Condition, Extent, RangeSet};
use bytes::Bytes;
use common::{TEMPORARY, names, own, pattern};
use proptest::prelude::*;

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

/// The first so many bytes.
fn first(count: u64) -> RangeSet {
    let mut bytes = RangeSet::new();
    bytes.insert(Extent::new(0, count));
    bytes
}

#[tokio::test]
async fn a_new_file_is_empty_and_for_its_owner_only() {
    let folder = folder();
    let file = own().create(folder.path(), TEMPORARY).await.unwrap();
    let meta = fs::metadata(folder.path().join(TEMPORARY)).unwrap();
    assert_eq!(meta.mode() & 0o7777, 0o600);
    assert_eq!(meta.len(), 0);
    file.allocate(1 << 20).await.unwrap();
    let meta = fs::metadata(folder.path().join(TEMPORARY)).unwrap();
    assert_eq!(meta.len(), 0, "reserved room does not count as content");
}

#[tokio::test]
async fn what_an_earlier_try_left_is_replaced() {
    let folder = folder();
    let path = folder.path().join(TEMPORARY);
    fs::write(&path, "left").unwrap();
    own().create(folder.path(), TEMPORARY).await.unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"");
}

#[tokio::test]
async fn a_link_or_folder_planted_under_the_temporary_name_is_left_alone() {
    let folder = folder();
    let path = folder.path().join(TEMPORARY);
    let victim = folder.path().join("victim");
    fs::write(&victim, "precious").unwrap();
    let disk = own();

    symlink(&victim, &path).unwrap();
    let error = disk.create(folder.path(), TEMPORARY).await.unwrap_err();
    assert_eq!(error.condition, Condition::LocalFileChanged, "{error}");
    let opened = disk
        .reopen(folder.path(), TEMPORARY, first(0))
        .await
        .unwrap();
    assert!(opened.is_none());
    let prepared = disk.prepare(folder.path(), TEMPORARY, 0, 0, None).await;
    assert_eq!(prepared.unwrap_err().condition, Condition::LocalFileChanged);
    disk.discard(folder.path(), TEMPORARY).await.unwrap();
    assert!(path.is_symlink(), "it is not ours to delete");
    assert_eq!(fs::read(&victim).unwrap(), b"precious");

    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    assert!(disk.create(folder.path(), TEMPORARY).await.is_err());
    assert!(
        disk.reopen(folder.path(), TEMPORARY, first(0))
            .await
            .unwrap()
            .is_none()
    );
    disk.discard(folder.path(), TEMPORARY).await.unwrap();
    assert!(path.is_dir());
}

#[tokio::test]
async fn names_that_lead_out_of_the_folder_are_refused() {
    let folder = folder();
    let disk = own();
    for name in ["", "..", "../a", "/etc/a", "a/b", "a\0b"] {
        let error = disk.create(folder.path(), name).await.unwrap_err();
        assert_eq!(error.condition, Condition::InvalidName, "{name:?}");
        let error = disk.discard(folder.path(), name).await.unwrap_err();
        assert_eq!(error.condition, Condition::InvalidName, "{name:?}");
    }
    let error = disk
        .create(Path::new("relative"), TEMPORARY)
        .await
        .unwrap_err();
    assert_eq!(error.condition, Condition::InvalidName);
}

#[tokio::test]
async fn only_a_file_that_can_be_what_was_written_is_opened_again() {
    let folder = folder();
    let path = folder.path().join(TEMPORARY);
    let disk = own();
    let there = async |least| {
        let opened = disk.reopen(folder.path(), TEMPORARY, first(least)).await;
        opened.unwrap().is_some()
    };
    assert!(!there(0).await, "gone");
    fs::write(&path, [7; 100]).unwrap();
    assert!(there(0).await);
    assert!(there(100).await);
    assert!(!there(101).await, "too short");
    fs::hard_link(&path, folder.path().join("second")).unwrap();
    assert!(!there(0).await, "somebody else can change it");
    let missing = folder.path().join("unmounted");
    let error = disk
        .reopen(&missing, TEMPORARY, first(0))
        .await
        .unwrap_err();
    assert_eq!(error.condition, Condition::FolderMissing, "may come back");
}

#[tokio::test]
async fn discarding_leaves_no_file_and_is_fine_when_it_or_its_folder_is_gone() {
    let folder = folder();
    let disk = own();
    let file = disk.create(folder.path(), TEMPORARY).await.unwrap();
    disk.discard(folder.path(), TEMPORARY).await.unwrap();
    assert!(names(folder.path()).is_empty());
    disk.discard(folder.path(), TEMPORARY).await.unwrap();
    let gone = folder.path().join("gone");
    disk.discard(&gone, TEMPORARY).await.unwrap();

    let error = file.write(0, vec![pattern(10)]).await.unwrap_err();
    assert_eq!(error.condition, Condition::LocalFileChanged);
    assert!(names(folder.path()).is_empty());
}

#[tokio::test]
async fn writes_whose_futures_are_dropped_are_done_before_what_is_asked_later() {
    let folder = folder();
    let disk = own();
    let file = disk.create(folder.path(), TEMPORARY).await.unwrap();
    for at in 0..200 {
        drop(file.write(at * 1_000, vec![pattern(1_000)]));
    }
    // Not even awaited in between: the later operation comes through another handle.
    let again = disk.reopen(folder.path(), TEMPORARY, first(200_000));
    let again = again.await.unwrap().expect("all of it was written");
    let digest = again.digest(Algorithm::Blake3, 200_000).await.unwrap();
    let expected = pattern(1_000).repeat(200);
    assert_eq!(digest, *blake3::hash(&expected).as_bytes());

    let stale = file.write(0, vec![Bytes::from_static(b"old version")]);
    let error = stale.await.unwrap_err();
    assert_eq!(
        error.condition,
        Condition::LocalFileChanged,
        "a handle from before cannot write into the file any more"
    );
}

#[tokio::test]
async fn what_is_before_a_hole_is_read_once_while_the_hole_is_filled() {
    const MIB: u64 = 1 << 20;
    let content = pattern(4 << 20);
    let part = |at: u64, length: u64| {
        let bytes =
            content.slice(usize::try_from(at).unwrap()..usize::try_from(at + length).unwrap());
        (at, vec![bytes])
    };
    for algorithm in [Algorithm::Sha256, Algorithm::Blake3] {
        let folder = folder();
        let disk = own();
        let before = disk.create(folder.path(), TEMPORARY).await.unwrap();
        let mut written = RangeSet::new();
        for (at, bytes) in [part(0, MIB), part(3 * MIB, MIB)] {
            before.write(at, bytes).await.unwrap();
            written.insert(Extent::new(at, at + MIB));
        }
        let file = disk.reopen(folder.path(), TEMPORARY, written);
        let file = file.await.unwrap().expect("it is what was written");
        file.expect(Some(algorithm));
        for at in (MIB..3 * MIB).step_by(1 << 18) {
            let (at, bytes) = part(at, 1 << 18);
            file.write(at, bytes).await.unwrap();
        }
        // Another order at the strand of digests: by now it has read what was there before.
        file.digest(algorithm, 0).await.unwrap();
        let path = folder.path().join(TEMPORARY);
        let flags = rustix::fs::OFlags::WRONLY;
        let behind_its_back = rustix::fs::open(path, flags, rustix::fs::Mode::empty()).unwrap();
        rustix::io::pwrite(behind_its_back, &vec![0; 2 << 20], 0).unwrap();
        let digest = file.digest(algorithm, 4 * MIB).await.unwrap();
        assert_eq!(digest, digest_of(algorithm, &content), "{algorithm:?}");
    }
}

#[tokio::test]
async fn a_file_started_again_forgets_its_bytes_and_their_hash() {
    let folder = folder();
    let file = own().create(folder.path(), TEMPORARY).await.unwrap();
    file.expect(Some(Algorithm::Sha256));
    file.write(0, vec![pattern(5_000)]).await.unwrap();
    file.truncate().await.unwrap();
    file.write(0, vec![Bytes::from_static(b"abc")])
        .await
        .unwrap();
    file.sync().await.unwrap();
    let digest = file.digest(Algorithm::Sha256, 3).await.unwrap();
    assert_eq!(digest[..4], [0xba, 0x78, 0x16, 0xbf]);
    let meta = fs::metadata(folder.path().join(TEMPORARY)).unwrap();
    assert_eq!(meta.len(), 3);
}

#[tokio::test]
async fn many_files_are_written_at_once() {
    let folder = folder();
    let disk = own();
    let mut files = Vec::new();
    for number in 0..50 {
        let file = disk.create(folder.path(), &format!("f{number}")).await;
        files.push(file.unwrap());
    }
    let mut writes = Vec::new();
    for at in 0..20_u64 {
        for file in &files {
            writes.push(file.write(at * 512, vec![pattern(512)]));
        }
    }
    for write in writes {
        write.await.unwrap();
    }
    for number in 0..50 {
        let found = fs::read(folder.path().join(format!("f{number}"))).unwrap();
        assert_eq!(found, pattern(512).repeat(20));
    }
}

#[tokio::test]
async fn a_folder_swapped_for_another_does_not_get_the_file() {
    let parent = folder();
    let (folder, moved) = (parent.path().join("a"), parent.path().join("b"));
    fs::create_dir(&folder).unwrap();
    let disk = own();
    let file = disk.create(&folder, TEMPORARY).await.unwrap();
    file.write(0, vec![pattern(10)]).await.unwrap();
    fs::rename(&folder, &moved).unwrap();
    let elsewhere = parent.path().join("c");
    fs::create_dir(&elsewhere).unwrap();
    symlink(&elsewhere, &folder).unwrap();

    file.write(10, vec![pattern(10)]).await.unwrap();
    file.sync().await.unwrap();
    let error = disk.prepare(&folder, TEMPORARY, 20, 0, None).await;
    assert_eq!(error.unwrap_err().condition, Condition::LocalFileChanged);
    assert!(names(&elsewhere).is_empty());
    assert_eq!(fs::read(moved.join(TEMPORARY)).unwrap().len(), 20);
}

#[tokio::test]
async fn a_folder_behind_a_symbolic_link_is_as_good_as_any() {
    let parent = folder();
    let real = parent.path().join("real");
    fs::create_dir(&real).unwrap();
    let link = parent.path().join("home");
    symlink(&real, &link).unwrap();
    let disk = own();
    disk.create(&link, TEMPORARY).await.unwrap();
    let inode = disk
        .prepare(&link, TEMPORARY, 0, 0o022, None)
        .await
        .unwrap();
    disk.publish(&link, TEMPORARY, "a", inode, 0, Existing::Replaced)
        .await
        .unwrap();
    assert_eq!(names(&real), ["a"]);
}

#[test]
fn the_futures_need_no_runtime() {
    struct Unpark(Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    fn block_on<F: Future>(future: F) -> F::Output {
        let waker = Waker::from(Arc::new(Unpark(thread::current())));
        let mut future = pin!(future);
        loop {
            if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
                return output;
            }
            thread::park();
        }
    }
    let folder = folder();
    let file = block_on(own().create(folder.path(), TEMPORARY)).unwrap();
    block_on(file.write(0, vec![pattern(10)])).unwrap();
    block_on(file.sync()).unwrap();
}

#[tokio::test]
async fn a_file_of_which_the_mode_was_finished_is_still_found() {
    let folder = folder();
    let path = folder.path().join(TEMPORARY);
    let disk = own();
    drop(disk.create(folder.path(), TEMPORARY).await.unwrap());
    for umask in [0o222, 0o777, 0o022] {
        let prepared = disk.prepare(folder.path(), TEMPORARY, 0, umask, None).await;
        prepared.unwrap();
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o7777, 0o666 & !umask);
    }
    let opened = disk
        .reopen(folder.path(), TEMPORARY, first(0))
        .await
        .unwrap();
    assert!(opened.is_some());
}

/// What a random history does to a file.
#[derive(Clone, Debug)]
enum Step {
    Write(u64, Vec<u8>, usize),
    Sync,
    Truncate,
    Reopen,
    Expect(Option<Algorithm>),
    Digest(Algorithm),
}

fn algorithm() -> impl Strategy<Value = Algorithm> {
    prop_oneof![Just(Algorithm::Sha256), Just(Algorithm::Blake3)]
}

fn step() -> impl Strategy<Value = Step> {
    let bytes = proptest::collection::vec(any::<u8>(), 0..600);
    prop_oneof![
        8 => (0..3_000_u64, bytes, 1..50_usize).prop_map(|(at, bytes, cut)| Step::Write(at, bytes, cut)),
        2 => Just(Step::Sync),
        1 => Just(Step::Truncate),
        1 => Just(Step::Reopen),
        2 => proptest::option::of(algorithm()).prop_map(Step::Expect),
        3 => algorithm().prop_map(Step::Digest),
    ]
}

fn digest_of(algorithm: Algorithm, bytes: &[u8]) -> [u8; 32] {
    use sha2::Digest as _;
    match algorithm {
        Algorithm::Sha256 => sha2::Sha256::digest(bytes).into(),
        Algorithm::Blake3 => blake3::hash(bytes).into(),
    }
}

async fn same_as_a_vector(steps: Vec<Step>) -> Result<(), TestCaseError> {
    let folder = folder();
    let disk = own();
    let mut file = disk.create(folder.path(), TEMPORARY).await.unwrap();
    let mut model = Vec::new();
    let mut written = RangeSet::new();
    for step in steps {
        match step {
            Step::Write(at, bytes, cut) => {
                let start = usize::try_from(at).unwrap();
                let end = start + bytes.len();
                if !bytes.is_empty() {
                    model.resize(model.len().max(end), 0);
                    model[start..end].copy_from_slice(&bytes);
                    written.insert(Extent::new(at, end as u64));
                }
                let chunks = bytes.chunks(cut).map(Bytes::copy_from_slice).collect();
                // Whether somebody waits makes no difference.
                let write = file.write(at, chunks);
                if at % 2 == 0 {
                    write.await.unwrap();
                }
            }
            Step::Sync => file.sync().await.unwrap(),
            Step::Truncate => {
                model.clear();
                written = RangeSet::new();
                file.truncate().await.unwrap();
            }
            Step::Reopen => {
                let opened = disk.reopen(folder.path(), TEMPORARY, written.clone());
                file = opened.await.unwrap().expect("it is what was written");
            }
            Step::Expect(algorithm) => file.expect(algorithm),
            Step::Digest(algorithm) => {
                let size = model.len() as u64;
                let digest = file.digest(algorithm, size).await.unwrap();
                prop_assert_eq!(digest, digest_of(algorithm, &model));
                let half = size / 2;
                let digest = file.digest(algorithm, half).await.unwrap();
                prop_assert_eq!(digest, digest_of(algorithm, &model[..model.len() / 2]));
            }
        }
    }
    file.sync().await.unwrap();
    prop_assert_eq!(fs::read(folder.path().join(TEMPORARY)).unwrap(), model);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn any_history_gives_the_bytes_and_digests_of_a_vector(
        steps in proptest::collection::vec(step(), 1..40)
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(same_as_a_vector(steps))?;
    }

    #[test]
    fn the_digest_does_not_depend_on_the_order_of_the_pieces(
        order in Just((0..16_u64).collect::<Vec<_>>()).prop_shuffle(),
        algorithm in algorithm(),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let folder = folder();
            let file = own().create(folder.path(), TEMPORARY).await.unwrap();
            file.expect(Some(algorithm));
            let whole = pattern(16 * 4_096);
            for piece in order {
                let at = usize::try_from(piece).unwrap() * 4_096;
                file.write(piece * 4_096, vec![whole.slice(at..at + 4_096)]).await.unwrap();
            }
            let digest = file.digest(algorithm, 16 * 4_096).await.unwrap();
            prop_assert_eq!(digest, digest_of(algorithm, &whole));
            Ok(())
        })?;
    }
}

//! Downloads into streams: a simple reader that counts its bytes, through breaks, pauses, restarts and new streams.

use std::time::Duration;

use bgcopy_engine::{Action, DownloadCall, Outcome, Report};
use bgcopy_model::{
    Condition, DownloadProperty, DownloadState, DownloadValue, Extent, JobId, Profile, RangeSet,
    Sink,
};
use proptest::prelude::*;

use crate::{
    downloads::{call, call_and_work, create, file, head, ranges, refused, start, state, text},
    world::{World, failed, finished},
};

use DownloadState::{Created, Finalized, Paused, Transferred, Transferring};

const SIZE: u64 = 1_000;

/// A download with a URI and a stream.
fn with_stream(world: &mut World, more: &[(DownloadProperty, DownloadValue)]) -> JobId {
    let mut properties = vec![(DownloadProperty::Uri, text("https://example.org/file"))];
    properties.extend_from_slice(more);
    let id = create(world, &properties);
    call(world, id, set_stream());
    id
}

const fn set_stream() -> DownloadCall {
    DownloadCall::SetStream { replaces: false }
}

fn durable(world: &World, id: JobId) -> u64 {
    let record = world.job(id).file(0).unwrap().record();
    let prefix: RangeSet = [Extent::new(0, record.durable.len())].into_iter().collect();
    assert!(
        record.durable.is_empty() || record.durable == prefix,
        "a stream has no gaps"
    );
    record.durable.len()
}

fn written(end: u64) -> Report {
    Report::Durable([Extent::new(0, end)].into_iter().collect())
}

fn error(world: &World, id: JobId) -> Option<Condition> {
    world.job(id).error().map(|error| error.condition)
}

#[test]
fn a_download_has_one_sink_and_a_stream_leaves_nothing_to_name() {
    let mut world = World::default();
    let id = with_stream(&mut world, &[]);
    assert!(world.job(id).has_stream());
    let path = DownloadCall::Set(DownloadProperty::LocalPath, text("/folder/x"));
    assert_eq!(refused(&mut world, id, path), Condition::SinkAlreadySet);
    assert_eq!(
        refused(&mut world, id, set_stream()),
        Condition::SinkAlreadySet
    );
    call(&mut world, id, DownloadCall::SetStream { replaces: true });
    let other = create(
        &mut world,
        &[(DownloadProperty::LocalPath, text("/folder/x"))],
    );
    assert_eq!(
        refused(&mut world, other, set_stream()),
        Condition::SinkAlreadySet
    );
    let code = |condition: Condition| condition.hresult(Profile::Do).0;
    assert_eq!(code(Condition::SinkAlreadySet), 0x80D0_2019);

    start(&mut world, id, &[]);
    assert_eq!(
        refused(&mut world, id, set_stream()),
        Condition::InvalidState
    );
    world.report(file(id), head(SIZE, SIZE));
    world.report(file(id), finished(SIZE));
    assert_eq!(state(&world, id), Transferred);
    assert!(world.asked.is_empty());
    call_and_work(&mut world, id, DownloadCall::Finalize);
    assert_eq!(state(&world, id), Finalized);
    assert!(!world.actions.iter().any(|action| {
        matches!(
            action,
            Action::Prepare(_) | Action::Publish(_) | Action::Discard(_)
        )
    }));
    let over = refused(&mut world, id, set_stream());
    assert!(matches!(over, Condition::InvalidState), "{over:?}");
}

#[test]
fn a_file_that_would_have_to_begin_again_ends_in_an_error_and_keeps_its_place() {
    for condition in [
        Condition::RemoteFileChanged,
        Condition::InsufficientRangeSupport,
    ] {
        let mut world = World::default();
        let id = with_stream(&mut world, &[]);
        start(&mut world, id, &[]);
        world.report(file(id), head(SIZE, SIZE));
        world.report(file(id), written(400));
        world.report(file(id), failed(condition));
        assert_eq!(
            (state(&world, id), error(&world, id)),
            (Paused, Some(condition))
        );
        assert_eq!(durable(&world, id), 400);
        start(&mut world, id, &[]);
        assert_eq!(
            (state(&world, id), durable(&world, id)),
            (Transferring, 400)
        );
    }
}

#[test]
fn a_size_that_is_not_the_announced_one_repeats_no_byte() {
    let mut world = World::default();
    let total = DownloadProperty::TotalSizeBytes;
    let id = with_stream(&mut world, &[(total, DownloadValue::Size(99))]);
    start(&mut world, id, &[]);
    world.report(file(id), head(SIZE, SIZE));
    assert_eq!(error(&world, id), Some(Condition::InvalidResponse));
    world.report(file(id), finished(SIZE));
    assert_eq!((state(&world, id), durable(&world, id)), (Paused, SIZE));
    call(
        &mut world,
        id,
        DownloadCall::Set(total, DownloadValue::Size(SIZE)),
    );
    start(&mut world, id, &[]);
    world.report(file(id), finished(SIZE));
    assert_eq!(state(&world, id), Transferred);
}

#[test]
fn a_reader_that_is_gone_stops_the_download_until_there_is_another() {
    let mut world = World::default();
    let id = with_stream(&mut world, &[]);
    start(&mut world, id, &[(500, 100)]);
    world.report(file(id), head(SIZE, 100));
    world.report(file(id), finished(100));
    start(&mut world, id, &[]);
    world.report(file(id), head(SIZE, SIZE + 100));
    world.report(file(id), written(700));
    world.report(file(id), failed(Condition::StreamBroken));
    assert_eq!(error(&world, id), Some(Condition::StreamBroken));
    assert_eq!(Condition::StreamBroken.hresult(Profile::Do).0, 0x8007_006D);
    let again = DownloadCall::Start(vec![], None);
    assert_eq!(refused(&mut world, id, again), Condition::NoSink);
    call(&mut world, id, set_stream());
    assert_eq!(world.job(id).progress().bytes_transferred, 100);
    let sink = world.job(id).file(0).unwrap().record().sink;
    assert_eq!(
        (sink, durable(&world, id)),
        (Sink::Stream { set: 100 }, 100)
    );
    start(&mut world, id, &[]);
    assert_eq!(state(&world, id), Transferring);
}

#[test]
fn a_restart_takes_the_stream_and_what_it_had_of_the_set() {
    let mut world = World::default();
    let created = with_stream(&mut world, &[]);
    let ids: Vec<_> = (0..4).map(|_| with_stream(&mut world, &[])).collect();
    let [running, paused, over, waiting] = ids[..] else {
        unreachable!()
    };
    for id in ids.iter().copied() {
        call(
            &mut world,
            id,
            DownloadCall::Set(
                DownloadProperty::ForegroundPriority,
                DownloadValue::Flag(true),
            ),
        );
        start(&mut world, id, &[]);
        world.report(file(id), head(SIZE, SIZE));
        world.report(file(id), written(300));
    }
    call(&mut world, paused, DownloadCall::Pause);
    world.report(file(paused), Report::Ended(Outcome::Stopped));
    world.report(file(over), finished(SIZE));
    world.report(file(waiting), failed(Condition::ConnectionClosed));
    world.crash();
    for id in [running, paused, waiting] {
        assert_eq!(state(&world, id), Paused);
        assert_eq!(error(&world, id), Some(Condition::NoSink));
        assert_eq!(world.job(id).progress().bytes_transferred, 0);
        let again = DownloadCall::Start(vec![], None);
        assert_eq!(refused(&mut world, id, again), Condition::NoSink);
    }
    assert!(world.runs.is_empty());
    assert_eq!(
        (state(&world, created), state(&world, over)),
        (Created, Transferred)
    );
    let start_it = || DownloadCall::Start(vec![], None);
    assert_eq!(refused(&mut world, created, start_it()), Condition::NoSink);
    let next = DownloadCall::Start(ranges(&[(1, 1)]), None);
    assert_eq!(refused(&mut world, over, next), Condition::NoSink);
    call(&mut world, over, set_stream());
    start(&mut world, over, &[(1, 1)]);
    assert_eq!(durable(&world, over), SIZE, "what was transferred stays so");
    // It survives a second one too, and is told so once.
    world.crash();
    assert_eq!(error(&world, running), Some(Condition::NoSink));
    call(&mut world, running, set_stream());
    start(&mut world, running, &[]);
    assert_eq!(state(&world, running), Transferring);
}

#[test]
fn a_stalled_reader_costs_neither_patience_nor_anybody_elses_turn() {
    let mut world = World::default();
    let timeout = DownloadProperty::NoProgressTimeoutSeconds;
    let sixty = (timeout, DownloadValue::Number(60));
    let ids: Vec<_> = (0..2)
        .map(|_| with_stream(&mut world, std::slice::from_ref(&sixty)))
        .collect();
    for id in ids.iter().copied() {
        start(&mut world, id, &[]);
        world.report(file(id), head(SIZE, SIZE));
        world.report(file(id), Report::Progress(10));
        world.report(file(id), Report::Stalled(true));
    }
    world.pass(Duration::from_hours(48));
    for id in ids.iter().copied() {
        assert_eq!((state(&world, id), error(&world, id)), (Transferring, None));
    }
    // The origin's time counts from when bytes are taken again.
    world.report(file(ids[0]), Report::Stalled(false));
    world.pass(Duration::from_secs(59));
    assert_eq!(state(&world, ids[0]), Transferring);
    world.pass(Duration::from_secs(2));
    assert_eq!(error(&world, ids[0]), Some(Condition::NoProgress));
    world.report(file(ids[0]), Report::Ended(Outcome::Stopped));

    // Both places are taken; whoever comes next need not wait for the end of a time slice.
    let busy = with_stream(&mut world, &[]);
    start(&mut world, busy, &[]);
    world.report(file(busy), head(SIZE, SIZE));
    let next = with_stream(&mut world, &[]);
    start(&mut world, next, &[]);
    let stalled = ids[1];
    assert!(world.runs[&file(stalled)].stopping, "it lets go at once");
    assert!(!world.runs[&file(busy)].stopping);
    world.report(file(stalled), written(10));
    world.report(file(stalled), Report::Ended(Outcome::Stopped));
    assert!(world.runs.contains_key(&file(next)));
    assert_eq!(state(&world, stalled), Transferring, "it waits for a turn");
}

proptest! {
    /// A stream takes bytes as they come, and nothing else can be said of it: each run begins where it is.
    #[test]
    fn no_byte_is_fetched_twice_for_one_stream_and_none_is_left_out(
        steps in prop::collection::vec((0_u8..8, 1_u64..300), 1..60),
    ) {
        let mut world = World::default();
        let foreground = (DownloadProperty::ForegroundPriority, DownloadValue::Flag(true));
        let id = with_stream(&mut world, &[foreground]);
        // Where the range set begins, where it ends, and what the present stream has taken up to.
        let (mut set, mut end, mut position) = (0, SIZE, Some(0_u64));
        start(&mut world, id, &[]);
        for (step, count) in steps {
            let runs = world.runs.get(&file(id)).copied();
            match (step, runs) {
                (0..=2, Some(_)) => {
                    let at = position.unwrap();
                    prop_assert_eq!(durable(&world, id), at);
                    let to = (at + count).min(end);
                    position = Some(to);
                    world.report(file(id), head(SIZE, end));
                    world.report(file(id), written(to));
                    if to == end {
                        world.report(file(id), finished(end));
                    }
                }
                (3, Some(_)) => {
                    world.report(file(id), failed(Condition::ConnectionClosed));
                    world.pass(Duration::from_secs(30));
                }
                (4, Some(_)) => {
                    world.report(file(id), failed(Condition::StreamBroken));
                    position = None;
                }
                (5, Some(_)) => {
                    call(&mut world, id, DownloadCall::Pause);
                    world.report(file(id), Report::Ended(Outcome::Stopped));
                }
                (6, _) => {
                    world.crash();
                    position = None;
                    prop_assert!(world.runs.is_empty());
                }
                (_, None) if state(&world, id) == Transferred => {
                    if position.is_none() {
                        call(&mut world, id, set_stream());
                    }
                    (set, end, position) = (end, end + count, Some(end));
                    start(&mut world, id, &[(count, count)]);
                }
                (_, None) => {
                    if position.is_none() {
                        call(&mut world, id, set_stream());
                        position = Some(set);
                    }
                    prop_assert_eq!(state(&world, id), Paused);
                    call(&mut world, id, DownloadCall::Start(vec![], None));
                    prop_assert_eq!(durable(&world, id), position.unwrap());
                }
                _ => {}
            }
            if world.runs.contains_key(&file(id)) {
                prop_assert_eq!(Some(durable(&world, id)), position);
            }
        }
    }
}

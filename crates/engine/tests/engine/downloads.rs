//! Downloads: calls by states, range sets that follow one another, properties, and what a restart leaves.

use std::time::Duration;

use bgcopy_engine::{Call, DownloadCall, Report, Setting};
use bgcopy_model::{
    ByteRange, ClientContext, Condition, DownloadProperty, DownloadRecord, DownloadState,
    DownloadValue, Extent, FileId, HResult, JobId, Owner, Priority, Profile, RangeSet, Validator,
};

use crate::world::{World, failed, finished, opened};

use DownloadState::{Aborted, Created, Finalized, Paused, Transferred, Transferring};

pub fn text(text: &str) -> DownloadValue {
    DownloadValue::Text(text.to_owned())
}

pub fn create(world: &mut World, properties: &[(DownloadProperty, DownloadValue)]) -> JobId {
    let id = world.new_id();
    let record = DownloadRecord {
        properties: properties.iter().cloned().collect(),
    };
    let call = Call::CreateDownload {
        id,
        owner: Owner { uid: 1_000 },
        record: Box::new(record),
        context: ClientContext::default(),
    };
    world.ok(call);
    id
}

/// A download with a URI and a path, and these properties.
fn complete(world: &mut World, more: &[(DownloadProperty, DownloadValue)]) -> JobId {
    let mut properties = vec![
        (DownloadProperty::Uri, text("https://example.org/file")),
        (DownloadProperty::LocalPath, text("/folder/file")),
    ];
    properties.extend_from_slice(more);
    create(world, &properties)
}

pub fn call(world: &mut World, id: JobId, call: DownloadCall) {
    world.ok(Call::Download(id, call));
}

pub fn start(world: &mut World, id: JobId, list: &[(u64, u64)]) {
    call(world, id, DownloadCall::Start(ranges(list), None));
}

pub fn refused(world: &mut World, id: JobId, call: DownloadCall) -> Condition {
    world.refused(Call::Download(id, call))
}

pub fn ranges(list: &[(u64, u64)]) -> Vec<ByteRange> {
    let range = |&(offset, length): &(u64, u64)| ByteRange { offset, length };
    list.iter().map(range).collect()
}

pub fn state(world: &World, id: JobId) -> DownloadState {
    world.job(id).download_state().unwrap()
}

pub const fn file(job: JobId) -> FileId {
    FileId { job, index: 0 }
}

/// The head of an answer for a remote file of so many bytes, of which `local` are wanted.
pub fn head(remote: u64, local: u64) -> Report {
    Report::Opened {
        size: Some(local),
        version: Validator {
            etag: Some("\"1\"".into()),
            size: Some(remote),
            ..Validator::default()
        },
        name: None,
        modified: None,
    }
}

#[test]
fn a_start_without_uri_or_sink_or_with_a_check_that_nobody_can_make_is_refused_and_changes_nothing()
{
    let mut world = World::default();
    let id = create(&mut world, &[]);
    let start = || DownloadCall::Start(vec![], None);
    let set = |property, value| DownloadCall::Set(property, value);
    assert_eq!(refused(&mut world, id, start()), Condition::NoUri);
    call(
        &mut world,
        id,
        set(DownloadProperty::Uri, text("http://h/f")),
    );
    assert_eq!(refused(&mut world, id, start()), Condition::NoSink);
    let path = DownloadProperty::LocalPath;
    call(&mut world, id, set(path, text("/folder/f")));
    let mandatory = DownloadProperty::IntegrityCheckMandatory;
    call(&mut world, id, set(mandatory, DownloadValue::Flag(true)));
    assert_eq!(
        refused(&mut world, id, start()),
        Condition::IntegrityCheckUnspecified
    );
    let info = DownloadProperty::IntegrityCheckInfo;
    call(&mut world, id, set(info, text("/h.json")));
    assert_eq!(
        refused(&mut world, id, start()),
        Condition::IntegrityCheckUnavailable
    );
    assert_eq!(state(&world, id), Created);
    call(&mut world, id, set(mandatory, DownloadValue::Flag(false)));
    call(&mut world, id, start());
    assert_eq!(state(&world, id), Transferring);
    let hresult = |condition: Condition| condition.hresult(Profile::Do);
    assert_eq!(hresult(Condition::NoUri), HResult(0x80D0_2200));
    assert_eq!(hresult(Condition::NoSink), HResult(0x80D0_2018));
}

#[test]
fn range_sets_follow_one_another_in_one_file() {
    let mut world = World::default();
    let id = complete(&mut world, &[]);
    let end = ByteRange::TO_END;
    start(&mut world, id, &[(900, end), (0, 10)]);
    world.report(file(id), head(1_000, 110));
    world.report(file(id), finished(110));
    assert_eq!(state(&world, id), Transferred);

    for (list, condition) in [
        (&[(5, 10), (14, 2)][..], Condition::OverlappingRanges),
        (&[(0, 0)], Condition::InvalidRange),
        (&[(999, 2)], Condition::InvalidRange),
        (&[(1_000, end)], Condition::InvalidRange),
    ] {
        let call = DownloadCall::Start(ranges(list), None);
        assert_eq!(refused(&mut world, id, call), condition, "{list:?}");
        assert_eq!(state(&world, id), Transferred);
    }
    // Bytes of an earlier set may come again: only within a set they may not.
    start(&mut world, id, &[(5, 10)]);
    assert_eq!(state(&world, id), Transferring);
    let record = world.job(id).file(0).unwrap().record().clone();
    assert_eq!(record.ranges, ranges(&[(900, 100), (0, 10), (5, 10)]));
    assert_eq!(record.size, Some(120));
    let here: RangeSet = [Extent::new(0, 110)].into_iter().collect();
    assert_eq!(record.durable, here, "what is there stays");

    call(&mut world, id, DownloadCall::Pause);
    world.report(file(id), Report::Ended(bgcopy_engine::Outcome::Stopped));
    let other = DownloadCall::Start(ranges(&[(7, 7)]), None);
    assert_eq!(refused(&mut world, id, other), Condition::InvalidState);
    start(&mut world, id, &[(5, 10)]);
    world.report(file(id), finished(120));
    // All of it once more, behind the rest.
    start(&mut world, id, &[]);
    world.report(file(id), finished(1_120));
    assert_eq!(state(&world, id), Transferred);
    let record = world.job(id).file(0).unwrap().record().clone();
    assert_eq!(record.size, Some(1_120));
    let ticket = world.ticket();
    world.step(bgcopy_engine::Event::Call(
        ticket,
        Call::Download(id, DownloadCall::Finalize),
    ));
    world.do_work();
    assert_eq!(state(&world, id), Finalized);
}

#[test]
fn a_whole_file_that_is_there_is_not_fetched_a_second_time_by_mistake() {
    let mut world = World::default();
    let id = complete(&mut world, &[]);
    start(&mut world, id, &[]);
    world.report(file(id), opened(100));
    world.report(file(id), finished(100));
    let again = DownloadCall::Start(vec![], None);
    assert_eq!(refused(&mut world, id, again), Condition::InvalidState);
    start(&mut world, id, &[(90, 10)]);
    let record = world.job(id).file(0).unwrap().record().clone();
    assert_eq!(record.ranges, ranges(&[(0, 100), (90, 10)]));
}

#[test]
fn without_a_byte_for_its_timeout_a_download_is_paused_with_that_error() {
    let mut world = World::default();
    let timeout = DownloadProperty::NoProgressTimeoutSeconds;
    let id = complete(&mut world, &[(timeout, DownloadValue::Number(60))]);
    start(&mut world, id, &[]);
    world.report(file(id), failed(Condition::ConnectFailure));
    assert_eq!(state(&world, id), Paused);
    let job = world.job(id);
    assert!(job.retry_at().is_some(), "it goes on by itself");
    for _ in 0..20 {
        world.pass(Duration::from_secs(5));
        if world.runs.contains_key(&file(id)) {
            assert_eq!(state(&world, id), Transferring);
            world.report(file(id), failed(Condition::ConnectFailure));
        }
    }
    let error = world.job(id).error().unwrap();
    let code = error.code(Profile::Do);
    assert_eq!(code, HResult(0x80D0_2002), "{error:?}");
    assert_eq!(
        (state(&world, id), world.job(id).retry_at()),
        (Paused, None)
    );
    start(&mut world, id, &[]);
    assert_eq!(state(&world, id), Transferring);
}

#[test]
fn the_next_range_set_is_not_blamed_on_the_trouble_with_the_one_before() {
    let mut world = World::default();
    let timeout = DownloadProperty::NoProgressTimeoutSeconds;
    let id = complete(&mut world, &[(timeout, DownloadValue::Number(60))]);
    let delay = Duration::from_secs(5);
    world.ok(Call::Set(id, Setting::MinimumRetryDelay(delay)));
    start(&mut world, id, &[(0, 10)]);
    world.report(file(id), head(1_000, 10));
    let all: RangeSet = [Extent::new(0, 10)].into_iter().collect();
    world.report(file(id), Report::Durable(all));
    // Behind the last byte: no byte that comes later makes it the past.
    world.report(file(id), failed(Condition::ConnectionClosed));
    world.pass(delay);
    world.report(file(id), finished(10));
    assert_eq!(state(&world, id), Transferred);

    start(&mut world, id, &[(5, 10)]);
    for _ in 0..12 {
        world.pass(Duration::from_secs(5));
    }
    assert_eq!(world.error(id), Condition::NoProgress);
    let detail = &world.job(id).error().unwrap().detail;
    assert_eq!(detail, "no byte arrived for 1 minute");
}

#[test]
fn pause_ends_the_retries_of_a_download_that_waits_for_one() {
    let mut world = World::default();
    let id = complete(&mut world, &[]);
    start(&mut world, id, &[]);
    world.report(file(id), failed(Condition::HttpStatus(503)));
    call(&mut world, id, DownloadCall::Pause);
    world.pass(Duration::from_hours(2));
    assert_eq!(state(&world, id), Paused);
    assert!(world.runs.is_empty());
}

#[test]
fn a_size_that_is_not_the_announced_one_is_an_error_and_the_announcement_can_be_mended() {
    let mut world = World::default();
    let total = DownloadProperty::TotalSizeBytes;
    for told in [true, false] {
        let id = complete(&mut world, &[(total, DownloadValue::Size(99))]);
        start(&mut world, id, &[]);
        if told {
            world.report(file(id), head(100, 100));
            assert_eq!(state(&world, id), Paused);
        } else {
            world.report(file(id), opened(None));
            assert_eq!(state(&world, id), Transferring);
        }
        // A run that finishes before it hears that it is to stop changes nothing about it.
        world.report(file(id), finished(100));
        assert_eq!(state(&world, id), Paused);
        assert_eq!(world.error(id), Condition::InvalidResponse);
        assert_eq!(world.job(id).progress().files_transferred, 0);
        let set = DownloadCall::Set(total, DownloadValue::Size(100));
        call(&mut world, id, set);
        start(&mut world, id, &[]);
        world.report(file(id), finished(100));
        assert_eq!(state(&world, id), Transferred);
    }
}

#[test]
fn properties_are_set_in_the_states_that_they_say_and_change_what_they_are_about() {
    use DownloadProperty as P;
    let mut world = World::default();
    let id = complete(&mut world, &[]);
    assert_eq!(world.job(id).record().priority, Priority::Normal);
    start(&mut world, id, &[]);
    let set = |world: &mut World, property, value| {
        let call = Call::Download(id, DownloadCall::Set(property, value));
        world
            .call(call)
            .unwrap()
            .map_err(|refusal| refusal.condition)
            .err()
    };
    let invalid = Some(Condition::InvalidState);
    let (moved, headers) = (text("https://example.net/file"), text("A: b\r\nC: d"));
    assert_eq!(set(&mut world, P::Uri, moved.clone()), invalid);
    assert_eq!(
        set(&mut world, P::HttpCustomHeaders, headers.clone()),
        invalid
    );
    assert_eq!(
        set(&mut world, P::LocalPath, text("/folder/other")),
        invalid
    );
    assert_eq!(
        set(&mut world, P::ForegroundPriority, DownloadValue::Flag(true)),
        None
    );
    assert_eq!(set(&mut world, P::DisplayName, text("image")), None);
    let record = world.job(id).record();
    assert_eq!(
        (record.priority, record.name.as_str()),
        (Priority::Foreground, "image")
    );
    assert_eq!(record.no_progress_timeout, Duration::from_hours(1));

    call(&mut world, id, DownloadCall::Pause);
    assert_eq!(set(&mut world, P::Uri, moved), None);
    assert_eq!(set(&mut world, P::HttpCustomHeaders, headers), None);
    let key = text("Authorization: Basic eA==");
    assert_eq!(set(&mut world, P::HttpCustomAuthHeaders, key), None);
    assert_eq!(
        set(&mut world, P::LocalPath, text("/folder/other")),
        invalid
    );
    let long = text(&format!("A: {}", "x".repeat(17_000)));
    let too_large = Some(Condition::HeadersTooLarge);
    assert_eq!(set(&mut world, P::HttpCustomHeaders, long), too_large);
    let record = world.job(id).record();
    let names = record.headers.iter().map(|header| header.name.as_str());
    assert_eq!(names.collect::<Vec<_>>(), ["A", "C", "Authorization"]);
    let url = &world.job(id).file(0).unwrap().record().url;
    assert_eq!(url.as_str(), "https://example.net/file");
}

#[test]
fn a_restart_leaves_what_is_durable_and_forgets_what_its_maker_called_volatile() {
    let mut world = World::default();
    let volatile = (DownloadProperty::NonVolatile, DownloadValue::Flag(false));
    let foreground = (
        DownloadProperty::ForegroundPriority,
        DownloadValue::Flag(true),
    );
    let kept = complete(&mut world, std::slice::from_ref(&foreground));
    let created = complete(&mut world, std::slice::from_ref(&volatile));
    let running = complete(&mut world, &[volatile.clone(), foreground.clone()]);
    let over = complete(&mut world, &[volatile, foreground]);
    for id in [kept, running, over] {
        start(&mut world, id, &[]);
        world.report(file(id), opened(100));
    }
    world.report(file(over), finished(100));
    call_and_work(&mut world, over, DownloadCall::Finalize);
    assert_eq!(state(&world, over), Finalized);
    world.crash();
    assert_eq!(state(&world, kept), Transferring);
    world.do_work();
    world.pass(Duration::from_secs(1));
    for id in [created, running, over] {
        assert!(world.engine.job(id).is_none(), "{id} is still known");
        assert!(!world.store.contains_key(&id), "{id} is still stored");
    }
    assert!(world.engine.job(kept).is_some());
}

pub fn call_and_work(world: &mut World, id: JobId, call: DownloadCall) {
    let ticket = world.ticket();
    world.step(bgcopy_engine::Event::Call(ticket, Call::Download(id, call)));
    world.do_work();
}

#[test]
fn an_aborted_download_answers_for_a_while_and_takes_no_more_calls() {
    let mut world = World::default();
    let id = complete(&mut world, &[]);
    call_and_work(&mut world, id, DownloadCall::Abort);
    assert_eq!(state(&world, id), Aborted);
    let set = DownloadCall::Set(DownloadProperty::DisplayName, text("x"));
    assert_eq!(refused(&mut world, id, set), Condition::InvalidState);
    assert_eq!(
        refused(&mut world, id, DownloadCall::Pause),
        Condition::InvalidState
    );
    call(&mut world, id, DownloadCall::Abort);
    world.pass(Duration::from_hours(2));
    assert!(world.engine.job(id).is_none());
}

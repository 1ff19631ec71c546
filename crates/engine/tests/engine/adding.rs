//! What may be added, and what it becomes.

use bgcopy_engine::{Call, Reply, Setting};
use bgcopy_model::{
    ByteRange, Condition, FileId, FileSpec, Header, JobId, JobSpec, JobState, Limits, Owner,
    Priority,
};

use crate::world::{World, file_spec, file_specs, job_spec, opened};

fn add(world: &mut World, id: JobId, file: FileSpec) -> Condition {
    // The good file beside it is not added either.
    let before = world.job(id).files().len();
    let condition = world.refused(Call::AddFiles(id, vec![file_spec("/folder/good"), file]));
    assert_eq!(
        world.job(id).files().len(),
        before,
        "a set is added whole or not at all"
    );
    condition
}

fn create(world: &mut World, uid: u32, spec: JobSpec) -> Call {
    Call::Create {
        id: world.new_id(),
        owner: Owner { uid },
        spec: Box::new(spec),
        files: Vec::new(),
        resume: false,
    }
}

#[test]
fn bad_files_are_refused_for_what_is_wrong_with_them() {
    let mut world = World::new(Limits {
        ranges_per_file: 2,
        ..Limits::default()
    });
    let id = world.create(job_spec(), file_specs(1), false);
    let with = |change: fn(&mut FileSpec)| {
        let mut file = file_spec("/folder/x");
        change(&mut file);
        file
    };
    let range = |offset, length| ByteRange { offset, length };
    let cases = [
        (
            with(|f| f.path = "relative".into()),
            Condition::InvalidArgument,
        ),
        (
            with(|f| f.path = "/a/../b".into()),
            Condition::InvalidArgument,
        ),
        (
            with(|f| f.path = "/folder/0".into()),
            Condition::InvalidArgument,
        ),
        (
            with(|f| f.path = "/folder//good".into()),
            Condition::InvalidArgument,
        ),
        (
            with(|f| f.url = "ftp://example.org/".parse().unwrap()),
            Condition::SchemeUnsupported,
        ),
        (
            with(|f| f.url.set_query(Some(&"x".repeat(2_200)))),
            Condition::StringTooLong,
        ),
    ];
    for (file, condition) in cases {
        assert_eq!(add(&mut world, id, file.clone()), condition, "{file:?}");
    }
    for (ranges, condition) in [
        (vec![range(0, 0)], Condition::InvalidRange),
        (vec![range(0, 5), range(4, 1)], Condition::OverlappingRanges),
        (
            vec![range(0, 1), range(1, 1), range(2, 1)],
            Condition::TooManyRanges,
        ),
    ] {
        let file = FileSpec {
            ranges,
            ..file_spec("/folder/x")
        };
        assert_eq!(add(&mut world, id, file), condition);
    }
    assert_eq!(
        world.refused(Call::AddFiles(id, Vec::new())),
        Condition::InvalidArgument
    );
}

#[test]
fn a_file_knows_its_temporary_name_before_it_is_made() {
    let mut world = World::default();
    let id = world.create(job_spec(), file_specs(2), false);
    let stored = &world.store[&id].1[&1];
    let temporary = format!(".bgcopy-{}-1.part", id.simple());
    assert_eq!(*stored.temporary, temporary);
}

#[test]
fn the_size_of_a_file_of_ranges_is_their_sum_unless_one_goes_to_the_end() {
    let mut world = World::default();
    let range = |offset, length| ByteRange { offset, length };
    let with = |path, ranges| FileSpec {
        ranges,
        ..file_spec(path)
    };
    let id = world.create(
        job_spec(),
        vec![
            with("/folder/a", vec![range(10, 5), range(0, 3)]),
            with("/folder/b", vec![range(10, ByteRange::TO_END)]),
        ],
        true,
    );
    let total = |world: &World, index| world.job(id).file(index).unwrap().progress().bytes_total;
    assert_eq!((total(&world, 0), total(&world, 1)), (Some(8), None));
    assert_eq!(
        world.job(id).progress().bytes_total,
        None,
        "one unknown size makes the sum unknown"
    );
    world.report(FileId { job: id, index: 0 }, opened(None));
    assert_eq!(
        total(&world, 0),
        Some(8),
        "an origin that tells no size changes nothing about that"
    );
}

#[test]
fn there_may_be_so_many_jobs_and_files_and_root_is_exempt() {
    let mut world = World::new(Limits {
        jobs_per_user: 2,
        jobs_per_machine: 3,
        files_per_job: 2,
        ..Limits::default()
    });
    for uid in [1, 1, 2, 0, 0] {
        let call = create(&mut world, uid, job_spec());
        assert!(matches!(world.ok(call), Reply::Created(_)));
    }
    let call = create(&mut world, 1, job_spec());
    assert_eq!(world.refused(call), Condition::TooManyJobsOfUser);
    let call = create(&mut world, 3, job_spec());
    assert_eq!(world.refused(call), Condition::TooManyJobs);
    let first = world.engine.jobs().next().unwrap().record().id;
    world.ok(Call::Cancel(first));
    let call = create(&mut world, 1, job_spec());
    world.ok(call);

    let id = world.engine.jobs().nth(2).unwrap().record().id;
    assert_eq!(
        world.refused(Call::AddFiles(id, file_specs(3))),
        Condition::TooManyFiles
    );
    world.ok(Call::AddFiles(id, file_specs(2)));
    let one_more = vec![file_spec("/folder/more")];
    assert_eq!(
        world.refused(Call::AddFiles(id, one_more)),
        Condition::TooManyFiles
    );
}

#[test]
fn counts_of_jobs_survive_a_restart() {
    let mut world = World::new(Limits {
        jobs_per_user: 1,
        ..Limits::default()
    });
    let call = create(&mut world, 1, job_spec());
    world.ok(call);
    world.crash();
    let call = create(&mut world, 1, job_spec());
    assert_eq!(world.refused(call), Condition::TooManyJobsOfUser);
}

#[test]
fn a_job_that_hands_over_too_much_is_refused() {
    let mut world = World::default();
    let mut large = job_spec();
    large.headers = vec![Header {
        name: "X".into(),
        value: "x".repeat(16 * 1_024 - 5),
    }];
    let call = create(&mut world, 1, large.clone());
    world.ok(call);
    large.headers[0].value.push('x');
    let call = create(&mut world, 1, large);
    assert_eq!(world.refused(call), Condition::HeadersTooLarge);
    let mut long = job_spec();
    long.name = "x".repeat(257);
    let call = create(&mut world, 1, long);
    assert_eq!(world.refused(call), Condition::StringTooLong);
}

#[test]
fn an_identity_is_used_once() {
    let mut world = World::default();
    let call = create(&mut world, 1, job_spec());
    world.ok(call.clone());
    assert_eq!(world.refused(call), Condition::InvalidArgument);
}

#[test]
fn files_added_to_a_running_foreground_job_start_at_once_and_those_of_a_background_job_in_order() {
    let mut world = World::default();
    let id = world.running(1);
    world.ok(Call::AddFiles(
        id,
        vec![file_spec("/folder/x"), file_spec("/folder/y")],
    ));
    assert_eq!(world.runs.len(), 1);
    world.ok(Call::Set(id, Setting::Priority(Priority::Foreground)));
    assert_eq!(world.runs.len(), 3);
    world.ok(Call::AddFiles(id, vec![file_spec("/folder/z")]));
    assert_eq!(world.runs.len(), 4);
    world.ok(Call::Set(id, Setting::Priority(Priority::Low)));
    let live = world.runs.iter().filter(|(_, run)| !run.stopping);
    assert_eq!(live.map(|(file, _)| file.index).collect::<Vec<_>>(), [0]);
}

#[test]
fn adding_files_changes_no_state_but_transferred() {
    let mut world = World::default();
    let id = world.create(job_spec(), file_specs(1), false);
    world.ok(Call::AddFiles(id, vec![file_spec("/folder/x")]));
    assert_eq!(world.state(id), JobState::Suspended);
    world.ok(Call::Resume(id));
    world.ok(Call::AddFiles(id, vec![file_spec("/folder/y")]));
    assert_eq!(world.state(id), JobState::Connecting);
    assert_eq!(world.job(id).progress().files_total, 3);
}

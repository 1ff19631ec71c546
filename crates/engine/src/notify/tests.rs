use bgcopy_model::{Due, JobId, JobSpec, Now, Owner, Priority, Profile};

use super::*;
use crate::intake;

const NOW: Moment = Moment(10_000);
const SOMEBODY: Option<(Listener, Connection)> = Some((Listener(1), Connection(1)));

fn job() -> JobRecord {
    let spec = JobSpec {
        profile: Profile::Bits,
        name: String::new(),
        description: String::new(),
        priority: Priority::Normal,
        auto_complete: false,
        notify_flags: NotifyFlags::from_bits(0x1b).unwrap(),
        notify_command: Vec::new(),
        activation: None,
        minimum_retry_delay: None,
        no_progress_timeout: None,
        headers: Vec::new(),
        http: bgcopy_model::HttpOptions::default(),
        context: bgcopy_model::ClientContext::default(),
    };
    let owner = Owner { uid: 1 };
    let mut job = intake::job_record(JobId::from_u128(1), owner, spec, Now::default()).unwrap();
    job.phase = JobPhase::Transferred;
    job.due = Due {
        transferred: true,
        error: false,
    };
    job
}

fn registered() -> Notify {
    let mut notify = Notify::default();
    notify.register(SOMEBODY);
    notify
}

fn due() -> Agenda {
    Agenda::new(&job(), None)
}

#[test]
fn the_agenda_is_what_is_due_and_asked_for_files_first() {
    let mut job = job();
    let due = |job: &JobRecord| Agenda::new(job, Some(3)).due();
    assert_eq!(due(&job), Some(Notification::FileTransferred(3)));
    job.notify_flags = NotifyFlags::default();
    assert_eq!(due(&job), Some(Notification::JobTransferred));
    job.notify_flags = NotifyFlags::ERROR;
    assert_eq!(due(&job), None);
    job.notify_flags = NotifyFlags::from_bits(0x1f).unwrap();
    assert_eq!(due(&job), None, "DISABLE goes before every other flag");
}

#[test]
fn while_a_job_is_being_completed_only_its_files_are_on_the_agenda() {
    let mut job = job();
    job.phase = JobPhase::Completing {
        shown: bgcopy_model::JobState::Transferred,
    };
    assert_eq!(Agenda::new(&job, None).due(), None);
    assert!(Agenda::new(&job, Some(0)).due().is_some());
    job.phase = JobPhase::Acknowledged {
        at: NOW,
        partial: false,
    };
    let after = Agenda::new(&job, Some(0));
    assert_eq!(after.due(), Some(Notification::JobTransferred));
    assert!(!after.modification);
}

#[test]
fn a_modification_does_not_wait_for_the_next_try_and_gives_way_to_it() {
    let mut notify = registered();
    notify.called(Delivery(1), Notification::JobTransferred, NOW);
    notify.modified();
    assert_eq!(notify.answered(Delivery(1), false, NOW), None);
    let next = notify.call(&due(), NOW).map(|(it, _)| it);
    assert_eq!(next, Some(Notification::JobModification));
    let next = notify.call(&due(), NOW + RETRY).map(|(it, _)| it);
    assert_eq!(next, Some(Notification::JobTransferred));
}

#[test]
fn a_modification_that_is_answered_does_not_shorten_the_wait_for_what_is_due() {
    let mut notify = registered();
    notify.called(Delivery(1), Notification::JobTransferred, NOW);
    notify.answered(Delivery(1), false, NOW);
    for answer in [true, false] {
        notify.modified();
        notify.called(Delivery(2), Notification::JobModification, NOW);
        assert_eq!(notify.answered(Delivery(2), answer, NOW), None);
        let next = notify.call(&due(), NOW);
        assert_eq!(next, Some((Notification::JobTransferred, NOW + RETRY)));
    }
}

#[test]
fn a_success_begins_the_intervals_anew() {
    let mut notify = registered();
    for _ in 0..40 {
        notify.called(Delivery(1), Notification::JobTransferred, NOW);
        notify.answered(Delivery(1), false, NOW);
    }
    let next = |notify: &Notify| notify.call(&due(), NOW).map(|(_, at)| at);
    assert_eq!(next(&notify), Some(NOW + LONGEST_RETRY));
    notify.called(Delivery(1), Notification::JobTransferred, NOW);
    let told = notify.answered(Delivery(1), true, NOW);
    assert_eq!(told, Some(Notification::JobTransferred));
    notify.called(Delivery(2), Notification::JobTransferred, NOW);
    notify.answered(Delivery(2), false, NOW);
    assert_eq!(next(&notify), Some(NOW + RETRY));
}

#[test]
fn a_failure_of_who_is_not_registered_any_more_delays_nobody() {
    let mut notify = registered();
    notify.called(Delivery(1), Notification::JobTransferred, NOW);
    notify.register(Some((Listener(2), Connection(1))));
    assert_eq!(notify.call(&due(), NOW), None, "one call at a time");
    notify.answered(Delivery(1), false, NOW);
    let next = notify.call(&due(), NOW).map(|(_, at)| at);
    assert_eq!(next, Some(Moment::default()));
}

#[test]
fn an_answer_to_another_delivery_is_none() {
    let mut notify = registered();
    notify.called(Delivery(1), Notification::JobTransferred, NOW);
    assert_eq!(notify.answered(Delivery(2), true, NOW), None);
    assert!(notify.call.is_some());
}

#[test]
fn intervals_double_up_to_the_longest_and_never_overflow() {
    let retry = |n| grown(RETRY, n, LONGEST_RETRY).as_secs();
    assert!([0, 1, 5, 6, 7, u32::MAX].map(retry) == [1, 2, 32, 60, 60, 60]);
    let start = |n| grown(ACTIVATION, n, LONGEST_ACTIVATION).as_secs();
    assert!([0, 1, 5, 6, u32::MAX].map(start) == [60, 120, 1_920, 3_600, 3_600]);
}

//! How many connections a file has while policy changes under way.

use std::sync::atomic::Ordering;

use bgcopy_testkit::faulty::{Fault, Origin, Resource, Seen};

use super::harness::Plan;

/// Large enough for the lanes of four connections to have much before them.
const SIZE: u64 = 64 << 20;

/// Bytes that are asked for.
fn length(seen: &Seen) -> Option<u64> {
    let (start, end) = seen
        .range
        .as_deref()?
        .strip_prefix("bytes=")?
        .split_once('-')?;
    Some(end.parse::<u64>().ok()? - start.parse::<u64>().ok()?)
}

fn open(seen: &[Seen]) -> usize {
    seen.iter().filter(|it| it.ended.is_none()).count()
}

#[tokio::test]
async fn a_file_whose_job_is_lowered_to_the_background_goes_on_by_one_connection() {
    let origin = Origin::start();
    let paced = Resource::pattern(1, SIZE).always(Fault::Pace(2 << 20));
    let plan = Plan::over(&[&origin.serve("/x", paced)]);
    plan.lanes.store(4, Ordering::Relaxed);
    let lanes = plan.lanes.clone();
    let lowered = async {
        // Trials ask for little; who asks for much is to stay.
        let are_many = |seen: &[Seen]| {
            let is_long = |it: &&Seen| length(it).is_some_and(|length| length > SIZE / 8);
            open(seen) == 4 && seen.iter().any(|it| is_long(&it))
        };
        origin.until(are_many).await;
        lanes.store(1, Ordering::Relaxed);
        origin.until(|seen| open(seen) == 1).await;
        origin.bytes_sent()
    };
    tokio::select! {
        ran = plan.run() => panic!("{:?}", ran.outcome),
        sent = lowered => assert!(sent < SIZE / 2, "{sent} bytes by several"),
    }
}

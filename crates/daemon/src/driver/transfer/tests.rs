//! Runs with several sources, over real sockets and on a real disk. What a run with one source does is shown by the
//! tests of the whole service.

#![allow(
    clippy::disallowed_methods,
    reason = "the tests look at files behind the disk's back"
)]

mod harness;
mod numbers;

use bgcopy_testkit::faulty::{Cut, Digest, Fault, Origin, Resource, Seen};

use bgcopy_disk::Rights;
use bgcopy_model::{Naming, Owner};

use super::*;
use harness::{Hosts, Plan, SIZE, content, paced};

#[tokio::test]
async fn a_file_with_a_checksum_comes_from_its_origin_and_a_mirror_whatever_their_tags() {
    let hosts = Hosts::serve(content(), content().etag("\"mirror\""));
    let ran = hosts.fetch().await;
    ran.brought_the_file();
    for place in [&hosts.origin, &hosts.mirror] {
        let brought = place.bytes_sent();
        assert!(brought > 1 << 20, "{brought} bytes");
    }
    let versions = ran.versions();
    let mut tags = versions.iter().map(|version| version.etag.as_deref());
    assert!(tags.all(|tag| tag != Some("\"mirror\"")));
    // What is asked of it is tied to what it told itself, never to the origin's tag.
    let asked = hosts.mirror.requests();
    assert_eq!(asked[0].header("if-range"), None);
    let mut ties = asked.iter().filter_map(|seen| seen.header("if-range"));
    assert!(ties.all(|tie| tie == "\"mirror\""));
}

#[tokio::test]
async fn without_a_checksum_a_mirror_is_never_asked() {
    let hosts = Hosts::serve(content(), content());
    let urls = hosts.urls.each_ref().map(String::as_str);
    Plan::over(&urls).run().await.brought_the_file();
    assert_eq!(hosts.mirror.requests().len(), 0);
}

#[tokio::test]
async fn a_mirror_that_has_another_size_is_asked_once() {
    let hosts = Hosts::serve(content(), Resource::pattern(1, SIZE + 1));
    hosts.fetch().await.brought_the_file();
    assert_eq!(hosts.mirror.requests().len(), 1);
}

#[tokio::test]
async fn where_the_origin_fails_a_mirror_brings_the_rest() {
    let broken = Resource::pattern(1, SIZE)
        .on_request(1, Fault::CutAfter(SIZE / 3, Cut::Fin))
        .from_request(2, Fault::status(404));
    let hosts = Hosts::serve(broken, Resource::pattern(1, SIZE).etag("\"m\""));
    hosts.fetch().await.brought_the_file();
    let asked = &hosts.mirror.requests()[0];
    let range = format!("bytes={}-", SIZE / 3);
    assert_eq!(asked.range.as_deref(), Some(range.as_str()));
}

#[tokio::test]
async fn an_origin_that_never_answers_leaves_the_record_without_anothers_tag() {
    let busy = content().always(Fault::status(503));
    let hosts = Hosts::serve(busy, Resource::pattern(1, SIZE));
    let ran = hosts.fetch().await;
    ran.brought_the_file();
    let versions = ran.versions();
    assert_eq!(versions.len(), 1);
    assert!(versions[0].if_range().is_none());
}

#[tokio::test]
async fn mirrors_that_the_origin_names_help_where_there_is_a_checksum() {
    for has_checksum in [true, false] {
        let (origin, mirror) = (Origin::start(), Origin::start());
        let url = mirror.serve("/y", content());
        let named = content().always(Fault::ReprDigest(Digest::Right)).header(
            "Link",
            format!("<{url}>; rel=duplicate, <{url}>; rel=duplicate"),
        );
        let mut plan = Plan::over(&[&origin.serve("/x", named)]);
        if has_checksum {
            plan = plan.expecting(&content());
        }
        plan.run().await.brought_the_file();
        assert_eq!(mirror.bytes_sent() > 1 << 20, has_checksum);
    }
}

/// Of the file's size, and not the file.
fn wrong(seed: u64) -> Resource {
    Resource::pattern(seed, SIZE)
}

/// Fetches the file from two places, slowly until both have brought bytes of it.
async fn fetch_from_both(resources: [Resource; 2]) -> (Hosts, harness::Ran) {
    let [at_origin, at_mirror] = resources;
    let hosts = Hosts::serve(paced(at_origin.clone()), paced(at_mirror.clone()));
    let speed_up = async {
        let has_brought = |seen: &[Seen]| seen.iter().any(|it| it.bytes_sent > 1 << 19);
        hosts.origin.until(has_brought).await;
        hosts.mirror.until(has_brought).await;
        hosts.origin.serve("/x", at_origin);
        hosts.mirror.serve("/y", at_mirror);
    };
    let (ran, ()) = tokio::join!(hosts.fetch(), speed_up);
    (hosts, ran)
}

#[tokio::test]
async fn what_several_brought_wrong_comes_from_each_alone_until_it_is_right() {
    let right = || Resource::pattern(1, SIZE);
    for (resources, asked_anew) in [([right(), wrong(2)], 0), ([wrong(2), right()], 1)] {
        let (hosts, ran) = fetch_from_both(resources).await;
        ran.brought_the_file();
        let from_the_start = |host: &Origin| {
            let is_whole = |seen: &&Seen| seen.range.as_deref().is_none_or(|it| it == "bytes=0-");
            host.requests().iter().filter(is_whole).count()
        };
        assert_eq!(
            from_the_start(&hosts.origin),
            2,
            "with the other, and alone"
        );
        assert_eq!(from_the_start(&hosts.mirror), asked_anew);
    }
}

#[tokio::test]
async fn what_every_place_has_wrong_is_never_taken_for_the_file() {
    let (_hosts, ran) = fetch_from_both([wrong(2), wrong(3)]).await;
    assert_eq!(ran.trouble().condition, Condition::DigestMismatch);
    ran.kept_nothing();
}

#[tokio::test]
async fn an_origin_that_breaks_is_asked_again_later_though_a_mirror_has_wrong_bytes() {
    let broken = Resource::pattern(1, SIZE).always(Fault::CutAfter(SIZE / 3, Cut::Fin));
    let hosts = Hosts::serve(broken, wrong(2));
    let ran = hosts.fetch().await;
    assert_eq!(ran.trouble().condition, Condition::ConnectionClosed);
    assert!(ran.trouble().in_vain);
    ran.kept_nothing();
    let asked = hosts.mirror.requests();
    assert!(asked.iter().any(|seen| seen.range.is_none()), "alone");
}

#[tokio::test]
async fn an_origin_with_wrong_bytes_is_an_error_though_a_mirror_may_come_back() {
    let hosts = Hosts::serve(wrong(2), content().always(Fault::status(503)));
    let ran = hosts.fetch().await;
    assert_eq!(ran.trouble().condition, Condition::DigestMismatch);
}

#[tokio::test]
async fn neither_the_name_nor_the_remote_name_of_a_file_is_a_mirrors() {
    for at_origin in [true, false] {
        let busy = Resource::new("").always(Fault::status(503));
        let named = Resource::pattern(1, SIZE).content_disposition("attachment; filename=other");
        let away = Resource::new("").always(Fault::Redirect(302, "/z".to_owned()));
        let hosts = if at_origin {
            Hosts::serve(away, busy)
        } else {
            Hosts::serve(busy, away)
        };
        let host = if at_origin {
            &hosts.origin
        } else {
            &hosts.mirror
        };
        let url = host.serve("/z", named);
        let mut plan = hosts.plan(&content());
        plan.reports_redirects = true;
        plan.naming = Naming::Pending;
        let ran = plan.run().await;
        ran.brought_the_file();
        let told = |report: &Report| match report {
            Report::Redirected(url) => Some(url.to_string()),
            Report::Opened { name, .. } => name.clone(),
            _ => None,
        };
        let told: Vec<_> = ran.reports.iter().filter_map(told).collect();
        let expected = if at_origin {
            vec![&*url, "other"]
        } else {
            vec!["x"]
        };
        assert_eq!(told, expected);
    }
}

#[tokio::test]
async fn where_the_disk_refuses_no_other_place_is_asked() {
    let hosts = Hosts::serve(Resource::pattern(1, SIZE), Resource::pattern(1, SIZE));
    let mut plan = hosts.plan(&content());
    // Nobody: as root the first operation fails, as anybody else the look for the rights does.
    plan.rights = Rights::Owners;
    plan.owner = Owner { uid: u32::MAX - 7 };
    let ran = plan.run().await;
    assert_eq!(ran.trouble().condition, Condition::AccessDenied);
    assert!(hosts.origin.requests().len() <= 1);
    assert_eq!(hosts.mirror.requests().len(), 0);
}

#[tokio::test]
async fn what_a_mirror_did_wrong_is_told_in_its_name() {
    let gone = Resource::new("").always(Fault::status(404));
    let hosts = Hosts::serve(gone, wrong(2));
    let ran = hosts.fetch().await;
    let trouble = ran.trouble();
    assert_eq!(trouble.condition, Condition::DigestMismatch);
    assert!(trouble.detail.contains(&hosts.urls[1]), "{trouble:?}");
}

#[tokio::test]
async fn a_mirror_with_an_empty_body_after_wrong_bytes_ends_the_run() {
    let hosts = Hosts::serve(Resource::pattern(2, 1_000), Resource::new(""));
    let ran = hosts.plan(&Resource::pattern(1, 1_000)).run().await;
    assert_eq!(ran.trouble().condition, Condition::DigestMismatch);
    assert_eq!(hosts.mirror.requests().len(), 1);
}

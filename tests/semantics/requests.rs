//! How requests go out, from the client's call to the socket and across restarts: credentials, proxies, redirects,
//! header fields, and the head of the answer.

use std::fs;

use crate::support::{Service, until};
use bgcopy::{
    AuthScheme, AuthTarget, ErrorName, FileRequest, HResult, Job, JobState, Proxies, SecurityFlags,
};
use bgcopy_testkit::{
    TestCa,
    faulty::{Fault, Origin, Proxy, Resource},
    servers::{Kind, PASSWORD, RealServer, USER},
};

const ENDS: [JobState; 2] = [JobState::Transferred, JobState::Error];

async fn fetched(job: &Job) {
    let info = until(job, &ENDS).await;
    assert_eq!(info.state, JobState::Transferred, "{:?}", info.error);
}

fn name_of(error: Result<(), bgcopy::Error>) -> ErrorName {
    error.unwrap_err().service_name().unwrap()
}

/// A real server's idea of both schemes: Apache's `mod_auth_basic` and `mod_auth_digest` (MD5).
#[tokio::test]
async fn s9_1_apache_is_convinced_in_both_schemes() {
    let folder = tempfile::tempdir().unwrap();
    for scheme in ["basic", "digest"] {
        fs::create_dir(folder.path().join(scheme)).unwrap();
        fs::write(folder.path().join(scheme).join("f"), scheme).unwrap();
    }
    let server = RealServer::start(Kind::Apache, folder.path(), None)
        .unwrap_or_else(|error| panic!("{error}"));
    let service = Service::start();
    let manager = service.manager().await;
    for scheme in [AuthScheme::Basic, AuthScheme::Digest] {
        let url = server.url(&format!("/{}/f", scheme.name()));
        let job = service.get(&manager, &url, "f").await;
        let info = until(&job, &ENDS).await;
        assert_eq!(info.error.unwrap().code, HResult(0x8019_0191));
        for (password, state) in [
            ("wrong", JobState::Error),
            (PASSWORD, JobState::Transferred),
        ] {
            job.set_credentials(AuthTarget::Server, scheme, USER, password)
                .await
                .unwrap();
            job.resume().await.unwrap();
            let info = until(&job, &ENDS).await;
            assert_eq!(info.state, state, "{:?}; {}", info.error, server.log());
            if let Some(error) = info.error {
                assert_eq!(error.code, HResult(0x8019_0191));
                assert!(error.description.contains("were refused"), "{error:?}");
            }
        }
        job.complete().await.unwrap();
        let bytes = fs::read_to_string(service.file("f")).unwrap();
        assert_eq!(bytes, scheme.name());
    }
}

#[tokio::test]
async fn s9_2_credentials_are_kept_across_a_restart_and_shown_to_nobody() {
    let (mut service, origin) = (Service::start(), Origin::start());
    let fault = Fault::RequireDigest("me", "hunter2", "n");
    let url = origin.serve("/f", Resource::new("content").always(fault));
    let manager = service.manager().await;
    let job = manager
        .create_job("x")
        .credentials(AuthTarget::Server, AuthScheme::Digest, "me", "hunter2")
        .credentials(AuthTarget::Proxy, AuthScheme::Basic, "p", "hunter2")
        .file(FileRequest::new(&url, service.file("f")))
        .create()
        .await
        .unwrap();
    job.remove_credentials(AuthTarget::Proxy, AuthScheme::Basic)
        .await
        .unwrap();
    let id = job.id();
    service.kill();
    service.launch(&[]);
    let job = service.manager().await.job(id).await.unwrap();
    let kinds = job.info().await.unwrap().credentials;
    assert_eq!(kinds, [(AuthTarget::Server, AuthScheme::Digest)]);
    job.resume().await.unwrap();
    fetched(&job).await;
    let id = id.to_string();
    for command in [
        ["show", &id].as_slice(),
        &["show", "--json", &id],
        &["files", "--json", &id],
    ] {
        let said = service.bgcopy(command);
        assert!(!said.out.contains("hunter2"), "{}", said.out);
    }
    assert!(service.bgcopy(&["show", &id]).out.contains("server digest"));
    assert!(!service.log().contains("hunter2"), "{}", service.log());
}

#[tokio::test]
async fn s9_3_what_cannot_be_credentials_is_refused_by_its_name() {
    let service = Service::start();
    let manager = service.manager().await;
    let job = manager.create_job("x").create().await.unwrap();
    let (server, basic) = (AuthTarget::Server, AuthScheme::Basic);
    let long = "x".repeat(301);
    let refused = job.set_credentials(server, basic, &long, "").await;
    assert_eq!(name_of(refused), ErrorName::UserNameTooLarge);
    let refused = job.set_credentials(server, basic, "", &long).await;
    assert_eq!(name_of(refused), ErrorName::PasswordTooLarge);
    job.set_credentials(server, basic, "me", "x").await.unwrap();
    job.cancel().await.unwrap();
    let refused = job.set_credentials(server, basic, "me", "x").await;
    assert_eq!(name_of(refused), ErrorName::InvalidState);
}

#[tokio::test]
async fn s9_4_where_a_redirect_leads_no_password_is_shown() {
    let service = Service::start();
    let (origin, elsewhere) = (Origin::start(), Origin::start());
    let locked = || Resource::new("content").always(Fault::RequireBasic("me", "word"));
    let end = elsewhere.serve("/end", locked());
    let away = Fault::Redirect(302, end);
    let manager = service.manager().await;
    for (name, resource, state) in [
        ("here", locked(), JobState::Transferred),
        ("away", Resource::new("").always(away), JobState::Error),
    ] {
        let url = origin.serve(&format!("/{name}"), resource);
        let job = manager.create_job(name);
        let job = job.file(FileRequest::new(url, service.file(name)));
        let job = job.create().await.unwrap();
        let (target, scheme) = (AuthTarget::Server, AuthScheme::Basic);
        job.set_credentials(target, scheme, "me", "word")
            .await
            .unwrap();
        job.resume().await.unwrap();
        assert_eq!(until(&job, &ENDS).await.state, state, "{name}");
    }
    let shown = |seen: &bgcopy_testkit::faulty::Seen| seen.header("Authorization").is_some();
    assert!(origin.requests().iter().any(shown));
    assert!(!elsewhere.requests().iter().any(shown));
}

#[tokio::test]
async fn s9_5_a_job_uses_the_proxies_that_it_is_told_to_and_shows_no_password_of_theirs() {
    let (service, origin) = (Service::start(), Origin::start());
    let (proxy, dead) = (Proxy::start_with_password("p", "hunter2"), "127.0.0.1:1");
    let url = origin.serve("/f", Resource::new("content"));
    let manager = service.manager().await;
    let with_password = proxy.url().replace("http://", "http://p:hunter2@");
    let list = Proxies::List {
        proxies: vec![dead.into(), with_password],
        bypass: vec!["*.example.org".into()],
    };
    let job = manager
        .create_job("x")
        .proxies(list)
        .file(FileRequest::new(&url, service.file("f")))
        .submit()
        .await
        .unwrap();
    fetched(&job).await;
    assert_eq!(proxy.requests().len(), 1);
    let shown = job.proxies().await.unwrap();
    let expected = Proxies::List {
        proxies: vec![
            format!("http://{dead}/"),
            format!("{}/", proxy.url().replace("http://", "http://***@")),
        ],
        bypass: vec!["*.example.org".into()],
    };
    assert!(shown == expected, "{shown:?}");
    job.set_proxies(Proxies::None).await.unwrap();
    assert!(job.proxies().await.unwrap() == Proxies::None);
    job.add_file(FileRequest::new(&url, service.file("g")))
        .await
        .unwrap();
    job.resume().await.unwrap();
    fetched(&job).await;
    assert_eq!((proxy.requests().len(), origin.requests().len()), (1, 2));
    let refused = job.set_proxies(Proxies::one("socks5://p:hunter2@h")).await;
    assert_eq!(name_of(refused), ErrorName::InvalidProxy);
}

#[tokio::test]
async fn s9_6_a_redirect_is_followed_reported_or_refused_as_the_job_says() {
    let mut service = Service::start();
    let (origin, mirror) = (Origin::start(), Origin::start());
    let end = mirror.serve("/end", Resource::new("content"));
    let redirect = Fault::Redirect(302, end.clone());
    let url = origin.serve("/f", Resource::new("").always(redirect));
    let manager = service.manager().await;
    let mut reported = None;
    for (bits, name, state) in [
        (0, &url, JobState::Transferred),
        (0x100, &end, JobState::Transferred),
        (0x200, &url, JobState::Error),
    ] {
        let flags = SecurityFlags::from_bits(bits).unwrap();
        let file = service.file(&format!("f{bits}"));
        let job = manager
            .create_job("x")
            .security_flags(flags)
            .header("X-Secret", "s")
            .file(FileRequest::new(&url, file))
            .submit()
            .await
            .unwrap();
        let info = until(&job, &ENDS).await;
        assert_eq!(info.state, state, "{bits:x}");
        assert_eq!(info.security_flags, flags);
        assert_eq!(&job.file(0).await.unwrap().remote_name, name, "{bits:x}");
        if bits == 0x100 {
            reported = Some(job.id());
        }
        if bits == 0x200 {
            let error = info.error.unwrap();
            assert!(
                error.description.contains("the job allows none"),
                "{error:?}"
            );
            // Once it may, it goes on.
            job.set_security_flags(SecurityFlags::default())
                .await
                .unwrap();
            job.resume().await.unwrap();
            fetched(&job).await;
        }
    }
    assert!(
        mirror
            .requests()
            .iter()
            .all(|seen| seen.header("X-Secret").is_none())
    );
    service.kill();
    service.launch(&[]);
    let job = service
        .manager()
        .await
        .job(reported.unwrap())
        .await
        .unwrap();
    assert_eq!(job.file(0).await.unwrap().remote_name, end);
}

#[tokio::test]
async fn s9_7_no_flag_takes_the_check_of_certificates_away() {
    let service = Service::start();
    let origin = Origin::start_tls(&TestCa::new());
    let url = origin.serve("/f", Resource::new("content"));
    let manager = service.manager().await;
    for bits in (0..13).map(|bit| 1 << bit).chain([0, 0x900]) {
        let Ok(flags) = SecurityFlags::from_bits(bits) else {
            assert!([0x1, 0x2, 0x4, 0x8, 0x10, 0x20, 0x40, 0x80, 0x400, 0x1000].contains(&bits));
            continue;
        };
        let file = FileRequest::new(&url, service.file("f"));
        let job = manager.create_job("x").security_flags(flags).file(file);
        let info = until(&job.submit().await.unwrap(), &ENDS).await;
        assert_eq!(info.error.unwrap().code, HResult(0x8007_2F8F), "{bits:x}");
    }
}

#[tokio::test]
async fn s9_8_header_fields_can_be_replaced_and_the_head_of_an_answer_read() {
    let (service, origin) = (Service::start(), Origin::start());
    let resource = Resource::new("content").always(Fault::Header("X-Answer", "yes".into()));
    let url = origin.serve("/f", resource);
    let manager = service.manager().await;
    let job = manager
        .create_job("x")
        .header("X-Old", "1")
        .file(FileRequest::new(&url, service.file("f")))
        .create()
        .await
        .unwrap();
    assert_eq!(job.response_headers(0).await.unwrap(), None);
    job.set_headers([("X-New", "2")]).await.unwrap();
    let refused = job.set_headers([("X-New", "x".repeat(16 << 10))]).await;
    assert_eq!(name_of(refused), ErrorName::HeadersTooLarge);
    job.resume().await.unwrap();
    fetched(&job).await;
    let seen = &origin.requests()[0];
    assert_eq!(
        (seen.header("X-Old"), seen.header("X-New")),
        (None, Some("2"))
    );
    let head = job.response_headers(0).await.unwrap().unwrap();
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
    assert!(head.contains("x-answer: yes\r\n"), "{head}");
    let none = job.response_headers(1).await.unwrap_err();
    assert_eq!(none.service_name(), Some(ErrorName::NoSuchFile));
}

/// The command line hands all of it over, and a password never by an argument.
#[test]
fn s9_9_the_command_line_reads_a_password_from_a_file() {
    let (service, origin) = (Service::start(), Origin::start());
    let fault = Fault::RequireBasic("me", "hunter2");
    let url = origin.serve("/f", Resource::new("content").always(fault));
    let secret = service.file("secret");
    fs::write(&secret, "hunter2\n").unwrap();
    let (secret, output) = (secret.to_str().unwrap(), service.file("f"));
    let output = output.to_str().unwrap();
    let said = service.bgcopy(&[
        "get",
        "-o",
        output,
        "--user",
        "me",
        "--password-file",
        secret,
        &url,
    ]);
    assert!(said.status.success(), "{said:?}");
    let said = service.bgcopy(&["get", "-o", output, "--user", "me", &url]);
    assert_eq!(said.status.code(), Some(2), "{said:?}");
    assert!(said.err.contains("--password-file"), "{}", said.err);

    let proxy = Proxy::start();
    let id = service.bgcopy(&[
        "create",
        "--proxy",
        &proxy.url(),
        "--redirects",
        "report",
        "x",
    ]);
    let id = id.out.trim();
    for command in [
        ["set", id, "--user", "me", "--password-file", secret].as_slice(),
        &["add", id, "-o", output, &url],
        &["resume", id],
        &["wait", id],
    ] {
        let said = service.bgcopy(command);
        assert!(said.status.success(), "{said:?}");
    }
    assert_eq!(proxy.requests().len(), 2);
    let shown = service.bgcopy(&["show", "--json", id]).out;
    let shown: serde_json::Value = serde_json::from_str(&shown).unwrap();
    assert_eq!(shown["job"]["redirects"], "report");
    assert_eq!(shown["job"]["credentials"][0], "server basic");
}

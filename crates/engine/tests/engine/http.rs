//! How requests go out: settings that are kept, and where files were found.

use bgcopy_engine::{Call, HttpSetting, Report, Setting};
use bgcopy_model::{
    AuthScheme, AuthTarget, Condition, Credential, FileId, Header, JobId, Limits, ProxySettings,
    ProxyUsage, SecurityFlags,
};
use url::Url;

use crate::world::{World, file_specs, finished, job_spec, opened};

fn set(id: JobId, setting: HttpSetting) -> Call {
    Call::Set(id, Setting::Http(setting))
}

fn credential(password: &str) -> Credential {
    let (target, scheme) = (AuthTarget::Server, AuthScheme::Basic);
    Credential::new(target, scheme, "me".into(), password.into()).unwrap()
}

fn header(value: &str) -> Header {
    Header {
        name: "Authorization".into(),
        value: value.into(),
    }
}

#[test]
fn every_setting_is_stored_once_and_is_there_after_a_restart() {
    let mut world = World::default();
    let id = world.create(job_spec(), file_specs(1), false);
    let list = ["http://proxy:1".to_owned()];
    let proxy = ProxySettings::new(ProxyUsage::Override, &list, Vec::new()).unwrap();
    for setting in [
        HttpSetting::Headers(vec![header("Bearer x")]),
        HttpSetting::Security(SecurityFlags::from_bits(0x100).unwrap()),
        HttpSetting::Proxy(proxy.clone()),
        HttpSetting::SetCredentials(credential("secret")),
    ] {
        world.ok(set(id, setting.clone()));
        assert_eq!(world.stores().len(), 1, "{setting:?}");
        world.ok(set(id, setting.clone()));
        assert_eq!(world.actions.len(), 1, "{setting:?} again is only answered");
        assert!(!format!("{setting:?}").contains("secret"));
    }
    world.crash();
    let record = world.job(id).record();
    assert_eq!(record.headers, [header("Bearer x")]);
    assert_eq!(record.http.security.bits(), 0x100);
    assert_eq!(record.http.proxy, proxy);
    let login = record
        .http
        .credentials
        .login(AuthTarget::Server, AuthScheme::Basic);
    assert_eq!(login.unwrap().password, "secret");

    world.ok(set(
        id,
        HttpSetting::RemoveCredentials(AuthTarget::Server, AuthScheme::Basic),
    ));
    world.ok(set(id, HttpSetting::Headers(Vec::new())));
    world.crash();
    let record = world.job(id).record();
    assert!(record.headers.is_empty());
    assert_eq!(record.http.credentials.kinds().count(), 0);
}

#[test]
fn a_final_job_and_too_many_header_fields_change_nothing() {
    let mut world = World::default();
    let id = world.create(job_spec(), file_specs(1), false);
    let room = Limits::HEADERS - "Authorization".len() - 4;
    world.ok(set(
        id,
        HttpSetting::Headers(vec![header(&"x".repeat(room))]),
    ));
    let more = HttpSetting::Headers(vec![header(&"x".repeat(room + 1))]);
    assert_eq!(world.refused(set(id, more)), Condition::HeadersTooLarge);
    assert_eq!(world.job(id).record().headers[0].value.len(), room);

    world.ok(Call::Cancel(id));
    let late = HttpSetting::SetCredentials(credential("late"));
    assert_eq!(world.refused(set(id, late)), Condition::InvalidState);
}

#[test]
fn where_a_file_was_found_is_stored_at_once_and_the_file_is_asked_for_where_it_was() {
    let mut world = World::default();
    let id = world.running(1);
    let file = FileId { job: id, index: 0 };
    let asked = world.job(id).file(0).unwrap().record().url.clone();
    let there: Url = "https://mirror.example.org/x".parse().unwrap();
    world.report(file, Report::Redirected(there.clone()));
    assert_eq!(world.stores().len(), 1);
    world.report(file, Report::Redirected(there.clone()));
    assert_eq!(world.stores().len(), 0, "it is known already");
    let long = format!("https://mirror.example.org/{}", "x".repeat(Limits::URL));
    world.report(file, Report::Redirected(long.parse().unwrap()));
    world.crash();
    let record = world.job(id).file(0).unwrap().record();
    assert_eq!(record.found_at.as_deref(), Some(&there));
    assert_eq!(record.url, asked);
    world.report(file, opened(5));
    world.report(file, finished(5));
}

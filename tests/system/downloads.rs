//! Whose downloads a caller sees and changes: docs/semantics.md, 7.5, over the private socket and over the bus.

use bgcopy_testkit::faulty::{Origin, Resource};

use crate::{
    contract,
    machine::{Account, System},
    peer::{
        DOWNLOAD, DOWNLOADS, INTROSPECTABLE, OBJECT_MANAGER, PROPERTIES, Peer, ROOT_OBJECT, Refusal,
    },
    wire::Value,
};

fn text(text: &str) -> Value {
    Value::text(text).variant()
}

/// A download of the caller's with a secret and a file, Created.
fn create(peer: &mut Peer, url: &str, path: &std::path::Path) -> String {
    let properties = Value::options(&[
        ("Uri", Value::text(url)),
        ("LocalPath", Value::text(path.to_str().unwrap())),
        ("HttpCustomAuthHeaders", Value::text("X-Key: hunter2")),
    ]);
    let answer = peer.ok(ROOT_OBJECT, DOWNLOADS, "CreateDownload", &[properties]);
    answer[0].as_text().to_owned()
}

fn listed(peer: &mut Peer, all_users: bool) -> Result<Vec<String>, Refusal> {
    let arguments = [Value::text(""), text(""), Value::Bool(all_users)];
    let answer = peer.call(ROOT_OBJECT, DOWNLOADS, "EnumDownloads", &arguments)?;
    let paths = answer[0].elements().iter();
    Ok(paths.map(|path| path.as_text().to_owned()).collect())
}

fn assert_denied(what: &str, answer: Result<Vec<Value>, Refusal>) {
    match answer {
        Err(refusal) => assert!(refusal.is_denied(), "{what}: {refusal:?}"),
        Ok(answer) => panic!("{what} is answered: {answer:?}"),
    }
}

#[test]
fn every_method_and_property_of_somebody_elses_download_is_refused() {
    let Some(system) = System::start() else {
        return;
    };
    let folder = system.place.folder(&Account::owner(), 0o700);
    let mut owner = system.on_socket(&Account::owner());
    let download = create(&mut owner, "http://127.0.0.1:1/x", &folder.join("x"));
    let before = owner.properties(&download, DOWNLOAD);
    for mut other in system.both_ways(&Account::other()) {
        for method in &contract::download().methods {
            let arguments = Value::samples(&method.arguments);
            let name = method.name.as_str();
            assert_denied(name, other.call(&download, DOWNLOAD, name, &arguments));
            assert_denied(name, other.call(&download, None, name, &arguments));
        }
        for property in &contract::download().properties {
            let read = [Value::text(DOWNLOAD), Value::text(&property.name)];
            let answer = other.call(&download, PROPERTIES, "Get", &read);
            assert_denied(&property.name, answer);
        }
        let all = [Value::text(DOWNLOAD)];
        assert_denied("GetAll", other.call(&download, PROPERTIES, "GetAll", &all));
        let seen = other.call(&download, INTROSPECTABLE, "Introspect", &[]);
        assert_denied("Introspect", seen);
        let digits = download.rsplit('/').next().unwrap();
        let mut seen = Vec::new();
        for method in &contract::downloads().methods {
            match method.name.as_str() {
                "CreateDownload" => {
                    let arguments = [Value::options(&[])];
                    seen.push(other.ok(ROOT_OBJECT, DOWNLOADS, "CreateDownload", &arguments));
                }
                "EnumDownloads" => {
                    let filter = [
                        Value::text("Uri"),
                        text("http://127.0.0.1:1/x"),
                        Value::Bool(false),
                    ];
                    seen.push(other.ok(ROOT_OBJECT, DOWNLOADS, "EnumDownloads", &filter));
                    let refusal = listed(&mut other, true).unwrap_err();
                    assert!(refusal.is_denied(), "{refusal:?}");
                }
                new => panic!("{new} is new: say here what it tells of somebody else's downloads"),
            }
        }
        for path in [ROOT_OBJECT, "/org/bgcopy/downloads"] {
            seen.push(other.ok(path, INTROSPECTABLE, "Introspect", &[]));
        }
        seen.push(other.ok(ROOT_OBJECT, OBJECT_MANAGER, "GetManagedObjects", &[]));
        for answer in seen {
            assert!(!format!("{answer:?}").contains(digits), "{answer:?}");
        }
        // Its own is there, so the list was no empty one for want of anything to list.
        for own in listed(&mut other, false).unwrap() {
            other.ok(&own, DOWNLOAD, "Abort", &[]);
        }
    }
    assert_eq!(owner.properties(&download, DOWNLOAD), before);
    assert_eq!(listed(&mut owner, false).unwrap(), [download.as_str()]);
}

#[test]
fn the_same_calls_of_the_owner_are_not_refused_and_root_may_make_them_too() {
    // Without this a call that never gets as far as the question whose download it is would pass for one that is refused.
    let Some(system) = System::start() else {
        return;
    };
    let origin = Origin::start();
    let url = origin.serve("/file", Resource::pattern(1, 10_000));
    let account = Account::owner();
    for mut owner in system.both_ways(&account) {
        let folder = system.place.folder(&account, 0o700);
        for method in &contract::download().methods {
            // Each on a download of its own, since some end it.
            let download = create(&mut owner, &url, &folder.join("file"));
            let arguments = Value::samples(&method.arguments);
            let name = method.name.as_str();
            if let Err(refusal) = owner.call(&download, DOWNLOAD, name, &arguments) {
                let is_ours = refusal.name.starts_with("org.bgcopy.Error.");
                assert!(is_ours && !refusal.is_denied(), "{name}: {refusal:?}");
            }
            for property in &contract::download().properties {
                let value = owner.property(&download, DOWNLOAD, &property.name);
                assert_eq!(value.signature(), property.signature, "{property:?}");
            }
        }
        let mut root = system.on_socket(&Account::ROOT);
        let all = listed(&mut root, true).unwrap();
        assert!(!all.is_empty());
        assert_eq!(listed(&mut root, false).unwrap(), [""; 0]);
        for download in all {
            let uid = root.property(&download, DOWNLOAD, "Owner").as_u32();
            assert_eq!(uid, account.uid);
            let secret = [Value::text("HttpCustomAuthHeaders")];
            let refusal = root.call(&download, DOWNLOAD, "GetProperty", &secret);
            assert_eq!(
                refusal.unwrap_err().name,
                "org.bgcopy.Error.WriteOnlyProperty"
            );
            root.ok(&download, DOWNLOAD, "Abort", &[]);
        }
        assert_eq!(listed(&mut owner, false).unwrap(), [""; 0]);
    }
}

#[test]
fn nobody_but_the_owner_hands_over_a_stream() {
    let Some(system) = System::start() else {
        return;
    };
    let mut owner = system.on_socket(&Account::owner());
    let properties = Value::options(&[("Uri", Value::text("http://127.0.0.1:1/x"))]);
    let answer = owner.ok(ROOT_OBJECT, DOWNLOADS, "CreateDownload", &[properties]);
    let download = answer[0].as_text().to_owned();
    let stream = [Value::Descriptor(0)];
    // None came with the message, which only who may hand one over is told.
    let refusal = owner.call(&download, DOWNLOAD, "SetStream", &stream);
    let refusal = refusal.unwrap_err();
    assert_eq!(refusal.name, "org.bgcopy.Error.InvalidArgument");
    for account in [Account::other(), Account::ROOT] {
        for mut somebody in system.both_ways(&account) {
            let answer = somebody.call(&download, DOWNLOAD, "SetStream", &stream);
            assert_denied("SetStream", answer);
        }
    }
}

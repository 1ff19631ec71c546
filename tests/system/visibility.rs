//! Whose jobs a caller sees and changes: docs/semantics.md, 5.7, over the private socket and over the bus.

use bgcopy_testkit::faulty::{Origin, Resource};

use crate::{
    contract::{self, Interface},
    machine::{Account, System},
    peer::{
        ERROR, FILE, INTROSPECTABLE, JOB, MANAGER, OBJECT_MANAGER, PROPERTIES, Peer, ROOT_OBJECT,
        Refusal,
    },
    wire::Value,
};

/// A job in ERROR, so that it has every kind of object: itself, a file, an error.
fn job_in_error(owner: &mut Peer, system: &System, origin: &Origin) -> String {
    let folder = system.place.folder(&Account::owner(), 0o700);
    let job = owner.get(&origin.url("/missing"), &folder.join("missing"));
    owner.until(&job, "error");
    job
}

/// The identity in a job's path, as other paths spell it.
fn digits(job: &str) -> &str {
    job.rsplit('/').next().unwrap()
}

/// What is at the paths of a job.
fn objects(job: &str) -> [(String, Interface); 3] {
    [
        (job.to_owned(), contract::job()),
        (format!("{job}/files/0"), contract::file()),
        (format!("{job}/error"), contract::error()),
    ]
}

fn assert_denied(what: &str, answer: Result<Vec<Value>, Refusal>) {
    match answer {
        Err(refusal) => assert!(refusal.is_denied(), "{what}: {refusal:?}"),
        Ok(answer) => panic!("{what} is answered: {answer:?}"),
    }
}

/// Everything that the owner can read of a job.
fn everything(owner: &mut Peer, job: &str) -> Vec<Vec<Value>> {
    let objects = objects(job).into_iter();
    objects
        .map(|(path, interface)| owner.properties(&path, interface.name))
        .collect()
}

#[test]
fn every_method_and_property_of_somebody_elses_job_is_refused() {
    let Some(system) = System::start() else {
        return;
    };
    let origin = Origin::start();
    let mut owner = system.on_socket(&Account::owner());
    let job = job_in_error(&mut owner, &system, &origin);
    let before = everything(&mut owner, &job);
    for mut other in system.both_ways(&Account::other()) {
        for (path, interface) in objects(&job) {
            let name = interface.name;
            for method in &interface.methods {
                let arguments = Value::samples(&method.arguments);
                let what = format!("{name}.{}", method.name);
                assert_denied(&what, other.call(&path, name, &method.name, &arguments));
                assert_denied(&what, other.call(&path, None, &method.name, &arguments));
            }
            let is = Value::text(name);
            for property in &interface.properties {
                let called = Value::text(&property.name);
                let what = format!("{name}.{}", property.name);
                let read = [is.clone(), called.clone()];
                assert_denied(&what, other.call(&path, PROPERTIES, "Get", &read));
                let value = Value::samples(&property.signature).remove(0).variant();
                let write = [is.clone(), called, value];
                assert_denied(&what, other.call(&path, PROPERTIES, "Set", &write));
            }
            for named in [is, Value::text("")] {
                assert_denied(name, other.call(&path, PROPERTIES, "GetAll", &[named]));
            }
        }
        let paths = ["", "/files", "/files/0", "/files/7", "/error"];
        for path in paths.map(|rest| format!("{job}{rest}")) {
            assert_denied(&path, other.call(&path, INTROSPECTABLE, "Introspect", &[]));
            assert_denied(
                &path,
                other.call(&path, OBJECT_MANAGER, "GetManagedObjects", &[]),
            );
            assert_denied(&path, other.call(&path, "org.example.None", "Nothing", &[]));
        }
    }
    assert_eq!(
        everything(&mut owner, &job),
        before,
        "a refused call did something"
    );
}

#[test]
fn the_same_calls_of_the_owner_are_not_refused() {
    // Without this a call that never gets as far as the question whose job it is would pass for one that is refused.
    let Some(system) = System::start() else {
        return;
    };
    let origin = Origin::start();
    for mut owner in system.both_ways(&Account::owner()) {
        for (path, interface) in objects("") {
            for method in &interface.methods {
                // Each on a job of its own, since some end it.
                let job = job_in_error(&mut owner, &system, &origin);
                let arguments = Value::samples(&method.arguments);
                let object = format!("{job}{path}");
                let answer = owner.call(&object, interface.name, &method.name, &arguments);
                let Err(refusal) = answer else { continue };
                let is_ours = refusal.name.starts_with("org.bgcopy.Error.");
                assert!(
                    is_ours && !refusal.is_denied(),
                    "{}: {refusal:?}",
                    method.name
                );
            }
        }
        let job = job_in_error(&mut owner, &system, &origin);
        for (path, interface) in objects(&job) {
            for property in &interface.properties {
                let value = owner.property(&path, interface.name, &property.name);
                assert_eq!(value.signature(), property.signature, "{property:?}");
                let arguments = [
                    Value::text(interface.name),
                    Value::text(&property.name),
                    value.variant(),
                ];
                let set = owner.call(&path, PROPERTIES, "Set", &arguments);
                // What can be said of a fetched file alone is refused for the state of this one.
                let is_early = |refusal: &Refusal| refusal.name == "org.bgcopy.Error.InvalidState";
                let may_set = set.as_ref().err().is_none_or(is_early);
                assert_eq!(may_set, property.writable, "{property:?}: {set:?}");
            }
        }
    }
}

#[test]
fn the_manager_tells_a_user_nothing_of_another_users_jobs() {
    let Some(system) = System::start() else {
        return;
    };
    let origin = Origin::start();
    let mut owner = system.on_bus(&Account::owner());
    let job = job_in_error(&mut owner, &system, &origin);
    for mut other in system.both_ways(&Account::other()) {
        let mut seen = Vec::new();
        for method in &contract::manager().methods {
            let name = method.name.as_str();
            let mut call = |arguments: &[Value]| other.call(ROOT_OBJECT, MANAGER, name, arguments);
            match name {
                "CreateJob" | "SubmitJob" => {
                    let mut arguments = Value::samples(&method.arguments);
                    arguments[0] = Value::text("bits");
                    seen.push(call(&arguments).unwrap());
                }
                "GetJob" => {
                    assert_denied(name, call(&[Value::text(digits(&job))]));
                    // What is guessed digit by digit is not even there.
                    let prefix = call(&[Value::text(&digits(&job)[..8])]);
                    assert_eq!(prefix.unwrap_err().name, "org.bgcopy.Error.NotFound");
                }
                "EnumJobs" | "ListJobs" => {
                    seen.push(call(&[Value::Bool(false)]).unwrap());
                    assert_denied(name, call(&[Value::Bool(true)]));
                }
                "Subscribe" | "Unsubscribe" => seen.push(call(&[]).unwrap()),
                "GetErrorDescription" => seen.push(call(&[Value::U32(0)]).unwrap()),
                "Shutdown" => assert_denied(name, call(&[])),
                new => panic!("{new} is new: say here what it tells of somebody else's jobs"),
            }
        }
        seen.push(other.ok(ROOT_OBJECT, OBJECT_MANAGER, "GetManagedObjects", &[]));
        seen.push(other.properties(ROOT_OBJECT, MANAGER));
        for path in ["/", "/org", ROOT_OBJECT, "/org/bgcopy/jobs"] {
            seen.push(other.ok(path, INTROSPECTABLE, "Introspect", &[]));
        }
        for answer in seen {
            assert!(!format!("{answer:?}").contains(digits(&job)), "{answer:?}");
        }
        // Its own two are there, so the lists were no empty ones for want of anything to list.
        assert_eq!(other.listed(false).unwrap().len(), 2);
        for own in other.listed(false).unwrap() {
            other.ok(&own, JOB, "Cancel", &[]);
        }
    }
    // For the owner all of it is there.
    assert_eq!(owner.listed(false).unwrap(), [job.as_str()]);
    let managed = owner.ok(ROOT_OBJECT, OBJECT_MANAGER, "GetManagedObjects", &[]);
    let jobs = owner.ok("/org/bgcopy/jobs", INTROSPECTABLE, "Introspect", &[]);
    for answer in [managed, jobs] {
        assert!(format!("{answer:?}").contains(digits(&job)), "{answer:?}");
    }
}

#[test]
fn a_job_that_is_not_there_and_one_of_somebody_else_are_told_apart() {
    let Some(system) = System::start() else {
        return;
    };
    let mut owner = system.on_socket(&Account::owner());
    let job = owner.create("mine", &[]);
    for mut other in system.both_ways(&Account::other()) {
        let mut ask = |id: &str| {
            let answer = other.call(ROOT_OBJECT, MANAGER, "GetJob", &[Value::text(id)]);
            answer.unwrap_err()
        };
        assert!(ask(digits(&job)).is_denied());
        let unknown = ask(&"0".repeat(32));
        assert_eq!(unknown.name, "org.bgcopy.Error.NotFound");
        assert_eq!(unknown.code, Some(0x8020_0001));
    }
}

#[test]
fn root_sees_and_changes_everybodys_jobs_and_they_stay_their_owners() {
    let Some(system) = System::start() else {
        return;
    };
    let origin = Origin::start();
    let url = origin.serve("/file", Resource::pattern(1, 10_000));
    let account = Account::owner();
    let mut owner = system.on_bus(&account);
    let mut other = system.on_bus(&Account::other());
    for mut root in system.both_ways(&Account::ROOT) {
        let folder = system.place.folder(&account, 0o700);
        let jobs = [
            owner.get(&url, &folder.join("file")),
            other.create("other's", &[]),
        ];
        let all = root.listed(true).unwrap();
        assert!(jobs.iter().all(|job| all.contains(job)), "{all:?}");
        assert_eq!(root.listed(false).unwrap(), [""; 0], "root's own are none");
        let [job, others] = jobs;
        root.ok(&others, JOB, "Cancel", &[]);

        root.until(&job, "transferred");
        assert_eq!(root.property(&job, JOB, "Owner").as_u32(), account.uid);
        root.property(&format!("{job}/files/0"), FILE, "LocalName");
        // A file that root adds is still written as the owner, or not at all.
        let roots = system.place.folder(&Account::ROOT, 0o755);
        let refusal = root.add(&job, &url, &roots.join("file")).unwrap_err();
        assert_eq!(refusal.name, "org.bgcopy.Error.FolderNotWritable");
        root.ok(&job, JOB, "Complete", &[]);
        let made = std::fs::metadata(folder.join("file")).unwrap();
        assert_eq!(std::os::unix::fs::MetadataExt::uid(&made), account.uid);
    }
    let folder = system.place.folder(&account, 0o700);
    let job = owner.get(&origin.url("/missing"), &folder.join("missing"));
    owner.until(&job, "error");
    let mut root = system.on_socket(&Account::ROOT);
    let code = root
        .property(&format!("{job}/error"), ERROR, "Code")
        .as_u32();
    assert_eq!(code, 0x8019_0194);
}

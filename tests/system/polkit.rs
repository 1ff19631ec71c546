//! Administrators who are not root (docs/semantics.md, 5.10): with an authority of the tests' own, which notes what it
//! is asked, and with the real one.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    process::{Child, Command},
    sync::mpsc::{Receiver, Sender, channel},
    thread,
};

use crate::{
    machine::{Account, Bus, PATIENCE, System},
    peer::{JOB, MANAGER, Peer, ROOT_OBJECT},
    wire::{ALLOW_INTERACTIVE_AUTHORIZATION, Value},
};

const POLKIT: &str = "org.freedesktop.PolicyKit1";

/// The test's own authority: it tells of each question and waits for the word.
struct Authority {
    questions: Receiver<Vec<Value>>,
    words: Sender<Result<bool, String>>,
}

impl Authority {
    fn on(bus: &Bus) -> Self {
        let mut peer = Peer::on_bus(&bus.socket, &Account::ROOT);
        let taken = peer.bus("RequestName", &[Value::text(POLKIT), Value::U32(0)]);
        assert_eq!(taken, [Value::U32(1)]);
        let (tell, questions) = channel();
        let (words, word) = channel::<Result<bool, String>>();
        thread::spawn(move || {
            peer.serve(|call| {
                assert_eq!(call.member, "CheckAuthorization");
                // Of a test that is over, nobody hears.
                let _ = tell.send(call.body.clone());
                let allowed = word.recv().unwrap_or(Ok(false))?;
                let details = Value::Array("{ss}".into(), vec![]);
                let fields = vec![Value::Bool(allowed), Value::Bool(!allowed), details];
                Ok(vec![Value::Struct(fields)])
            });
        });
        Self { questions, words }
    }

    /// What it is asked next.
    fn question(&self) -> Vec<Value> {
        self.questions.recv_timeout(PATIENCE).unwrap()
    }

    /// Says this to the next question, before it comes.
    fn say(&self, allowed: bool) {
        self.words.send(Ok(allowed)).unwrap();
    }

    fn assert_not_asked(&self) {
        assert!(self.questions.try_recv().is_err(), "polkit was asked");
    }
}

/// What polkit has to be asked about a caller.
fn question(caller: &Peer, action: &str, flags: u32) -> Vec<Value> {
    let name = Value::Entry(
        Box::new(Value::text("name")),
        Box::new(Value::text(caller.own_name()).variant()),
    );
    let subject = vec![
        Value::text("system-bus-name"),
        Value::Array("{sv}".into(), vec![name]),
    ];
    vec![
        Value::Struct(subject),
        Value::text(action),
        Value::Array("{ss}".into(), vec![]),
        Value::U32(flags),
        Value::text(""),
    ]
}

#[test]
fn s5_10_whom_polkit_allows_it_sees_and_changes_everybodys_jobs_call_by_call() {
    let Some(system) = System::start() else {
        return;
    };
    let polkit = Authority::on(&system.bus);
    let mut owner = system.on_bus(&Account::owner());
    let job = owner.create("mine", &[]);
    owner.ok(&job, JOB, "Suspend", &[]);
    let mut root = system.on_bus(&Account::ROOT);
    assert_eq!(root.listed(true).unwrap(), [job.as_str()]);
    let mut other = system.on_bus(&Account::other());
    assert!(other.listed(false).unwrap().is_empty());
    // Nobody of these needed polkit.
    polkit.assert_not_asked();

    let asked = question(&other, "org.bgcopy.manage-all", 0);
    polkit.say(true);
    assert_eq!(other.listed(true).unwrap(), [job.as_str()]);
    assert_eq!(polkit.question(), asked);
    polkit.say(true);
    assert_eq!(other.property(&job, JOB, "Name").as_text(), "mine");
    assert_eq!(polkit.question(), asked);
    // A word holds for one call.
    polkit.say(false);
    assert!(other.listed(true).unwrap_err().is_denied());
    assert_eq!(polkit.question(), asked);
    polkit.say(false);
    assert!(
        other
            .call(&job, JOB, "Cancel", &[])
            .unwrap_err()
            .is_denied()
    );
    assert_eq!(polkit.question(), asked);
    // An authority that is in trouble allows nothing.
    let trouble = "org.freedesktop.PolicyKit1.Error.Failed".to_owned();
    polkit.words.send(Err(trouble)).unwrap();
    assert!(
        other
            .call(&job, JOB, "Cancel", &[])
            .unwrap_err()
            .is_denied()
    );
    assert_eq!(polkit.question(), asked);
    assert_eq!(
        owner.property(&job, JOB, "StateName").as_text(),
        "suspended"
    );

    // Who is ready to be asked for a password says so.
    other.flags = ALLOW_INTERACTIVE_AUTHORIZATION;
    polkit.say(true);
    other.ok(&job, JOB, "Cancel", &[]);
    let by_hand = question(&other, "org.bgcopy.manage-all", 1);
    assert_eq!(polkit.question(), by_hand);
    assert_eq!(
        owner.property(&job, JOB, "StateName").as_text(),
        "cancelled"
    );
    polkit.assert_not_asked();
}

#[test]
fn s5_10_polkits_word_is_not_for_what_lasts_nor_for_the_private_socket() {
    let Some(system) = System::start() else {
        return;
    };
    let polkit = Authority::on(&system.bus);
    let mut owner = system.on_bus(&Account::owner());
    let job = owner.create("mine", &[]);
    let mut other = system.on_bus(&Account::other());
    let listener = [Value::Path("/listener".into())];
    for (member, arguments) in [("Subscribe", &[][..]), ("SetNotifyInterface", &listener)] {
        polkit.say(true);
        let refusal = other.call(&job, JOB, member, arguments).unwrap_err();
        assert!(refusal.is_denied(), "{member}: {refusal:?}");
        polkit.question();
    }
    // What is listed without asking for all is one's own, whatever polkit would say.
    other.ok(ROOT_OBJECT, MANAGER, "Subscribe", &[]);
    let managed = other.ok(
        ROOT_OBJECT,
        "org.freedesktop.DBus.ObjectManager",
        "GetManagedObjects",
        &[],
    );
    assert!(!format!("{managed:?}").contains(&job));
    let mut near = system.on_socket(&Account::other());
    assert!(near.listed(true).unwrap_err().is_denied());
    assert!(near.call(&job, JOB, "Cancel", &[]).unwrap_err().is_denied());
    polkit.assert_not_asked();
}

#[test]
fn s5_10_while_polkit_thinks_nobody_else_waits_and_changes_keep_their_order() {
    let Some(system) = System::start() else {
        return;
    };
    let polkit = Authority::on(&system.bus);
    let mut owner = system.on_bus(&Account::owner());
    let job = owner.create("first", &[]);
    let mut other = system.on_bus(&Account::other());
    let set = |name: &str| {
        let (interface, property) = (Value::text(JOB), Value::text("Name"));
        [interface, property, Value::text(name).variant()]
    };
    let properties = "org.freedesktop.DBus.Properties";
    let second = other.send(&job, properties, "Set", &set("second"));
    let third = other.send(&job, properties, "Set", &set("third"));
    // It thinks about the first of them now. The caller's own affairs and everybody else's go on.
    let asked = polkit.question();
    assert_eq!(asked, question(&other, "org.bgcopy.manage-all", 0));
    let own = other.create("own", &[]);
    assert_eq!(other.listed(false).unwrap(), [own.as_str()]);
    assert_eq!(owner.property(&job, JOB, "Name").as_text(), "first");
    owner.ok(&job, JOB, "Suspend", &[]);
    polkit.assert_not_asked();

    polkit.say(true);
    polkit.say(true);
    let heard = other.hear_until(|message| message.reply_to == Some(third));
    assert!(heard.iter().any(|message| message.reply_to == Some(second)));
    assert_eq!(owner.property(&job, JOB, "Name").as_text(), "third");
}

#[test]
fn s5_10_whom_polkit_allows_to_stops_the_service() {
    let Some(mut system) = System::start() else {
        return;
    };
    let polkit = Authority::on(&system.bus);
    let mut other = system.on_bus(&Account::other());
    polkit.say(false);
    let refusal = other.call(ROOT_OBJECT, MANAGER, "Shutdown", &[]);
    assert!(refusal.unwrap_err().is_denied());
    let asked = question(&other, "org.bgcopy.stop", 0);
    assert_eq!(polkit.question(), asked);
    polkit.say(true);
    other.ok(ROOT_OBJECT, MANAGER, "Shutdown", &[]);
    assert_eq!(polkit.question(), asked);
    system.daemon().wait();
}

/// The real authority on this bus, with the policy of dist/polkit and a rule of the test's.
struct Polkitd(Child);

impl Drop for Polkitd {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Polkitd {
    fn start(system: &System, rule: &str) -> Self {
        let rules = system.place.folder(&Account::ROOT, 0o755);
        fs::write(rules.join("50-test.rules"), rule).unwrap();
        let mode = fs::Permissions::from_mode(0o644);
        fs::set_permissions(rules.join("50-test.rules"), mode).unwrap();
        // A view of the file system of its own: the machine's policy stays as it is.
        let script = r#"mount --make-rprivate / &&
            mount --bind "$0" /usr/share/polkit-1/actions &&
            mount --bind "$1" /usr/share/polkit-1/rules.d &&
            exec /usr/lib/polkit-1/polkitd --no-debug"#;
        let child = Command::new("unshare")
            .args(["--mount", "sh", "-c", script])
            .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/dist/polkit"))
            .arg(rules)
            .env("DBUS_SYSTEM_BUS_ADDRESS", system.bus.address())
            .spawn()
            .unwrap();
        let mut polkitd = Self(child);
        let mut peer = system.on_bus(&Account::ROOT);
        let is_there = || {
            let ended = polkitd.0.try_wait().unwrap();
            assert!(
                ended.is_none(),
                "polkitd (package polkitd) ended: {ended:?}"
            );
            peer.bus("NameHasOwner", &[Value::text(POLKIT)]) == [Value::Bool(true)]
        };
        assert!(bgcopy_testkit::process::wait_until(is_there), "no polkitd");
        polkitd
    }
}

#[test]
fn s5_10_the_real_polkit_is_understood() {
    let Some(system) = System::start() else {
        return;
    };
    // Debian's user `nobody`, and nobody else.
    let rule = r#"polkit.addRule(function(action, subject) {
        if (action.id == "org.bgcopy.manage-all" && subject.user == "nobody")
            return polkit.Result.YES;
    });"#;
    let _polkitd = Polkitd::start(&system, rule);
    let mut owner = system.on_bus(&Account::owner());
    let mut other = system.on_bus(&Account::other());
    let job = owner.create("mine", &[]);
    assert_eq!(other.listed(true).unwrap(), [job.as_str()]);
    other.ok(&job, JOB, "Cancel", &[]);
    // The rule is for one user, and for one of the two actions: polkit knows both, and would want a password.
    assert!(owner.listed(true).unwrap_err().is_denied());
    let refusal = other.call(ROOT_OBJECT, MANAGER, "Shutdown", &[]);
    assert!(refusal.unwrap_err().is_denied());
    let mut system = system;
    let log = system.daemon().log();
    assert!(
        !log.contains("only root is"),
        "it was not understood: {log}"
    );
}

//! Who hears of a job: its owner and root, each by signals of their own.

use bgcopy_testkit::faulty::{Origin, Resource};

use crate::{
    machine::{Account, System},
    peer::{JOB, MANAGER, PROPERTIES, Peer, ROOT_OBJECT},
    wire::{Kind, Message, Value},
};

/// Does with jobs of this user whatever there are signals for: files, progress, properties, an error, both ends.
/// The identities of the jobs, as paths and properties spell them.
fn stir(owner: &mut Peer, system: &System, origin: &Origin) -> Vec<String> {
    let folder = system.place.folder(&Account::owner(), 0o700);
    let url = origin.serve("/file", Resource::pattern(1, 3_000_000));
    let done = owner.get(&url, &folder.join("file"));
    let failed = owner.get(&origin.url("/missing"), &folder.join("missing"));
    owner.until(&done, "transferred");
    owner.until(&failed, "error");
    let name = [
        Value::text(JOB),
        Value::text("Name"),
        Value::text("another").variant(),
    ];
    owner.ok(&done, PROPERTIES, "Set", &name);
    let ids = [&done, &failed].map(|job| owner.property(job, JOB, "Id").as_text().to_owned());
    owner.ok(&done, JOB, "Complete", &[]);
    owner.ok(&failed, JOB, "Cancel", &[]);
    let digits = ids.clone().map(|id| id.replace('-', ""));
    ids.into_iter().chain(digits).collect()
}

/// Makes a job and cancels it, and gives back all that was heard until the news of its end.
fn hear_up_to_own_end(peer: &mut Peer) -> Vec<Message> {
    let own = peer.create("the last", &[]);
    peer.ok(&own, JOB, "Cancel", &[]);
    peer.hear_until(|message| message.member == "JobRemoved" && message.mentions(&own))
}

fn is_about(message: &Message, ids: &[String]) -> bool {
    ids.iter().any(|id| message.mentions(id))
}

#[test]
fn nobody_but_the_owner_and_root_hears_of_a_job() {
    let Some(system) = System::start() else {
        return;
    };
    let origin = Origin::start();
    let mut others = system.both_ways(&Account::other());
    let mut entitled: Vec<Peer> = [Account::owner(), Account::ROOT]
        .iter()
        .flat_map(|account| system.both_ways(account))
        .collect();
    // A subscriber to everything it can name: the bus is asked for every signal too.
    others[1].bus("AddMatch", &[Value::text("type='signal'")]);
    let mut owner = system.on_socket(&Account::owner());
    let known = owner.create("known", &[]);
    for other in &mut others {
        other.ok(ROOT_OBJECT, MANAGER, "Subscribe", &[]);
        assert!(
            other
                .call(&known, JOB, "Subscribe", &[])
                .unwrap_err()
                .is_denied()
        );
    }
    for peer in &mut entitled {
        peer.ok(ROOT_OBJECT, MANAGER, "Subscribe", &[]);
    }
    let mut ids = stir(&mut owner, &system, &origin);
    ids.push(known.rsplit('/').next().unwrap().to_owned());
    owner.ok(&known, JOB, "Cancel", &[]);

    for other in &mut others {
        let heard = hear_up_to_own_end(other);
        let foreign = heard.iter().find(|message| is_about(message, &ids));
        assert!(foreign.is_none(), "the other user heard {foreign:?}");
    }
    for peer in &mut entitled {
        let heard = hear_up_to_own_end(peer);
        let heard = heard.iter().filter(|message| is_about(message, &ids));
        let mut members: Vec<_> = heard.map(|message| message.member.as_str()).collect();
        members.sort_unstable();
        members.dedup();
        let all = [
            "InterfacesAdded",
            "InterfacesRemoved",
            "JobAdded",
            "JobRemoved",
            "PropertiesChanged",
        ];
        assert_eq!(members, all);
    }
}

#[test]
fn every_signal_on_the_bus_is_for_one_receiver_who_may_hear_it() {
    let Some(system) = System::start() else {
        return;
    };
    let origin = Origin::start();
    let mut monitor = system.on_bus(&Account::ROOT);
    let service = monitor.bus("GetNameOwner", &[Value::text("org.bgcopy")]);
    let service = service[0].as_text().to_owned();
    monitor.bus(
        "BecomeMonitor",
        &[Value::Array("s".into(), vec![]), Value::U32(0)],
    );

    let mut owner = system.on_bus(&Account::owner());
    let mut root = system.on_bus(&Account::ROOT);
    let mut other = system.on_bus(&Account::other());
    for peer in [&mut owner, &mut root, &mut other] {
        peer.ok(ROOT_OBJECT, MANAGER, "Subscribe", &[]);
    }
    let mine = owner.create("mine", &[]);
    owner.ok(&mine, JOB, "Subscribe", &[]);
    let ids = stir(&mut owner, &system, &origin);
    hear_up_to_own_end(&mut other);
    // Signals to the others of the last job went out before or go out beside; the monitor sees this one after them.
    let last = other.create("the very last", &[]);

    let heard = monitor.hear_until(|message| {
        message.member == "JobAdded" && message.mentions(&last) && message.kind == Kind::Signal
    });
    let of_service = |message: &&Message| {
        message.kind == Kind::Signal && message.sender.as_deref() == Some(&service)
    };
    let entitled = [owner.own_name(), root.own_name()];
    let mut about_the_jobs = 0;
    for signal in heard.iter().filter(of_service) {
        let receiver = signal.destination.as_deref();
        let Some(receiver) = receiver else {
            panic!("a signal to everybody: {signal:?}")
        };
        if is_about(signal, &ids) {
            about_the_jobs += 1;
            let may = entitled.contains(&receiver);
            assert!(
                may,
                "{receiver} is told of a job that it may not see: {signal:?}"
            );
        }
    }
    assert!(
        about_the_jobs > 10,
        "only {about_the_jobs} signals were seen"
    );
}

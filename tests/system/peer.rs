//! A connection of one user to the service, on the private socket or on a bus.
//!
//! Owns the handshake and the order of messages. Who the user is, the kernel tells the other side: the connection is
//! made by a thread that has become this user for good.

use std::{
    collections::VecDeque,
    io::{self, BufRead as _, BufReader, Read as _, Write as _},
    os::unix::net::UnixStream,
    path::Path,
    thread,
    time::{Duration, Instant},
};

use rustix::{
    process::{Gid, Uid},
    thread::{set_thread_groups, set_thread_res_gid, set_thread_res_uid},
};

use crate::{
    machine::{Account, PATIENCE},
    wire::{self, Call, Kind, Message, PREFIX, Value, message_length},
};

pub const MANAGER: &str = "org.bgcopy.Manager1";
pub const JOB: &str = "org.bgcopy.Job1";
pub const FILE: &str = "org.bgcopy.File1";
pub const ERROR: &str = "org.bgcopy.Error1";
pub const DOWNLOADS: &str = "org.bgcopy.Downloads1";
pub const DOWNLOAD: &str = "org.bgcopy.Download1";
pub const PROPERTIES: &str = "org.freedesktop.DBus.Properties";
pub const INTROSPECTABLE: &str = "org.freedesktop.DBus.Introspectable";
pub const OBJECT_MANAGER: &str = "org.freedesktop.DBus.ObjectManager";
pub const ROOT_OBJECT: &str = "/org/bgcopy";
const BUS: &str = "org.freedesktop.DBus";

/// An error reply.
#[derive(Clone, Debug, PartialEq)]
pub struct Refusal {
    pub name: String,
    pub text: String,
    /// The HRESULT, in errors of this service.
    pub code: Option<u32>,
}

impl Refusal {
    /// Whether it is that of a caller without the right.
    pub fn is_denied(&self) -> bool {
        self.name == "org.bgcopy.Error.AccessDenied" && self.code == Some(0x8007_0005)
    }
}

pub struct Peer {
    stream: BufReader<UnixStream>,
    serial: u32,
    /// The service's name; `None` without a bus.
    service: Option<&'static str>,
    /// What the bus calls this connection.
    own_name: String,
    /// The flags of its calls.
    pub flags: u8,
    /// Signals that came while an answer was waited for.
    heard: VecDeque<Message>,
}

/// Connects as this user.
pub fn connect(path: &Path, account: &Account) -> io::Result<UnixStream> {
    if account.uid == rustix::process::geteuid().as_raw() {
        return UnixStream::connect(path);
    }
    let (path, account) = (path.to_owned(), account.clone());
    let become_and_connect = move || {
        let (uid, gid) = (Uid::from_raw(account.uid), Gid::from_raw(account.gid));
        // These change the calling thread alone, and it ends here.
        set_thread_groups(&[])?;
        set_thread_res_gid(gid, gid, gid)?;
        set_thread_res_uid(uid, uid, uid)?;
        UnixStream::connect(path)
    };
    thread::spawn(become_and_connect).join().unwrap()
}

impl Peer {
    /// On a private socket.
    pub fn on_socket(path: &Path, account: &Account) -> Self {
        Self::shake_hands(connect(path, account).unwrap(), account, None)
    }

    /// On a bus.
    pub fn on_bus(path: &Path, account: &Account) -> Self {
        let stream = connect(path, account).unwrap();
        let mut peer = Self::shake_hands(stream, account, Some("org.bgcopy"));
        let name = peer.bus("Hello", &[]);
        name[0].as_text().clone_into(&mut peer.own_name);
        peer
    }

    fn shake_hands(stream: UnixStream, account: &Account, service: Option<&'static str>) -> Self {
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        // A digit's code is 0x30 and the digit.
        let uid = account.uid.to_string();
        let hex: String = uid.chars().flat_map(|digit| ['3', digit]).collect();
        let mut stream = BufReader::new(stream);
        write!(stream.get_mut(), "\0AUTH EXTERNAL {hex}\r\n").unwrap();
        let mut line = String::new();
        stream.read_line(&mut line).unwrap();
        assert!(
            line.starts_with("OK "),
            "the handshake is refused: {line:?}"
        );
        stream.get_mut().write_all(b"BEGIN\r\n").unwrap();
        Self {
            stream,
            serial: 0,
            service,
            own_name: String::new(),
            flags: 0,
            heard: VecDeque::new(),
        }
    }

    /// What the bus calls this connection.
    pub fn own_name(&self) -> &str {
        &self.own_name
    }

    /// Calls a method of the service.
    pub fn call(
        &mut self,
        path: &str,
        interface: impl Into<Option<&'static str>>,
        member: &str,
        arguments: &[Value],
    ) -> Result<Vec<Value>, Refusal> {
        let service = self.service;
        self.call_at(service, path, interface.into(), member, arguments)
    }

    /// Calls a method of the bus.
    pub fn bus(&mut self, member: &str, arguments: &[Value]) -> Vec<Value> {
        let interface = if member == "BecomeMonitor" {
            "org.freedesktop.DBus.Monitoring"
        } else {
            BUS
        };
        let path = "/org/freedesktop/DBus";
        self.call_at(Some(BUS), path, Some(interface), member, arguments)
            .unwrap_or_else(|refusal| panic!("{member}: {refusal:?}"))
    }

    fn call_at(
        &mut self,
        destination: Option<&str>,
        path: &str,
        interface: Option<&str>,
        member: &str,
        arguments: &[Value],
    ) -> Result<Vec<Value>, Refusal> {
        self.serial += 1;
        let call = Call {
            serial: self.serial,
            destination,
            path,
            interface,
            member,
            flags: self.flags,
            arguments,
        };
        self.stream.get_mut().write_all(&call.bytes()).unwrap();
        loop {
            let message = self.receive();
            if message.reply_to != Some(self.serial) {
                self.heard.push_back(message);
                continue;
            }
            if message.kind == Kind::Return {
                return Ok(message.body);
            }
            let code = match message.body.get(1) {
                Some(Value::U32(code)) => Some(*code),
                _ => None,
            };
            let text = message.body.first().map_or("", Value::as_text).to_owned();
            let name = message.error;
            return Err(Refusal { name, text, code });
        }
    }

    fn receive(&mut self) -> Message {
        self.try_receive().unwrap()
    }

    fn try_receive(&mut self) -> io::Result<Message> {
        let mut bytes = vec![0; PREFIX];
        self.stream.read_exact(&mut bytes)?;
        bytes.resize(message_length(&bytes), 0);
        self.stream.read_exact(&mut bytes[PREFIX..])?;
        Ok(Message::read(bytes))
    }

    /// Answers the calls that come until the connection ends.
    pub fn serve(mut self, mut answer: impl FnMut(&Message) -> Result<Vec<Value>, String>) {
        while let Ok(message) = self.try_receive() {
            if message.kind != Kind::Call {
                continue;
            }
            self.serial += 1;
            let answer = answer(&message);
            let body = answer.as_deref().map_err(String::as_str);
            let bytes = wire::answer(self.serial, &message, body);
            if self.stream.get_mut().write_all(&bytes).is_err() {
                return;
            }
        }
    }

    /// Sends a call and does not wait for the answer; its number.
    pub fn send(&mut self, path: &str, interface: &str, member: &str, arguments: &[Value]) -> u32 {
        self.serial += 1;
        let call = Call {
            serial: self.serial,
            destination: self.service,
            path,
            interface: Some(interface),
            member,
            flags: self.flags,
            arguments,
        };
        self.stream.get_mut().write_all(&call.bytes()).unwrap();
        self.serial
    }

    /// What was heard up to and with the first message that is as wanted.
    pub fn hear_until(&mut self, wanted: impl Fn(&Message) -> bool) -> Vec<Message> {
        let mut heard = Vec::new();
        loop {
            let message = self.heard.pop_front().unwrap_or_else(|| self.receive());
            let last = wanted(&message);
            heard.push(message);
            if last {
                return heard;
            }
        }
    }

    /// Calls a method that has to succeed.
    pub fn ok(
        &mut self,
        path: &str,
        interface: &'static str,
        member: &str,
        arguments: &[Value],
    ) -> Vec<Value> {
        self.call(path, interface, member, arguments)
            .unwrap_or_else(|refusal| panic!("{member} of {path}: {refusal:?}"))
    }

    /// Makes a job; its path.
    pub fn create(&mut self, name: &str, options: &[(&str, Value)]) -> String {
        let arguments = [
            Value::text("bits"),
            Value::text(name),
            Value::options(options),
        ];
        let answer = self.ok(ROOT_OBJECT, MANAGER, "CreateJob", &arguments);
        answer[0].as_text().to_owned()
    }

    /// Adds a file to a job; its path.
    pub fn add(&mut self, job: &str, url: &str, destination: &Path) -> Result<String, Refusal> {
        let destination = Value::text(destination.to_str().unwrap());
        let arguments = [Value::text(url), destination, Value::options(&[])];
        let answer = self.call(job, JOB, "AddFile", &arguments)?;
        Ok(answer[0].as_text().to_owned())
    }

    /// A job of one file, started.
    pub fn get(&mut self, url: &str, destination: &Path) -> String {
        let job = self.create("get", &[]);
        self.add(&job, url, destination).unwrap();
        self.ok(&job, JOB, "Resume", &[]);
        job
    }

    /// A property.
    pub fn property(&mut self, path: &str, interface: &str, name: &str) -> Value {
        let arguments = [Value::text(interface), Value::text(name)];
        match self.ok(path, PROPERTIES, "Get", &arguments).remove(0) {
            Value::Variant(inner) => *inner,
            other => panic!("a property is {other:?}"),
        }
    }

    /// All properties of an object, as they came.
    pub fn properties(&mut self, path: &str, interface: &str) -> Vec<Value> {
        self.ok(path, PROPERTIES, "GetAll", &[Value::text(interface)])
    }

    /// Waits until the job is in this state.
    pub fn until(&mut self, job: &str, state: &str) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let found = self.property(job, JOB, "StateName");
            if found.as_text() == state {
                return;
            }
            assert!(
                Instant::now() < deadline,
                "the job stays {found:?} and does not become {state}: {:?}",
                self.properties(job, JOB)
            );
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// The jobs that are listed to this user.
    pub fn listed(&mut self, all_users: bool) -> Result<Vec<String>, Refusal> {
        let answer = self.call(ROOT_OBJECT, MANAGER, "EnumJobs", &[Value::Bool(all_users)])?;
        let paths = answer[0].elements().iter();
        Ok(paths.map(|path| path.as_text().to_owned()).collect())
    }
}

//! One run between real origins and a real disk, and what it reported.

use std::{fs, os::unix::fs::MetadataExt as _, path::Path, time::Duration};

use super::super::*;
use bgcopy_disk::{Disk, Rights};
use bgcopy_model::{
    Credentials, FilePhase, JobId, Naming, Owner, ProxyEnvironment, ProxySettings, Spent,
};
use bgcopy_origin::{RedirectPolicy, Target};
use bgcopy_testkit::{
    faulty::{Fault, Origin, Resource},
    fs::sha256_file,
};

const TEMPORARY: &str = ".x.part";

/// It takes one connection at [`PACE`] five seconds and more.
pub(super) const SIZE: u64 = 10 << 20;

/// Bytes a second of each answer.
pub(super) const PACE: u64 = 2 << 20;

/// Longer than anything takes.
const PATIENCE: Duration = Duration::from_mins(1);

pub(super) fn paced(resource: Resource) -> Resource {
    resource.always(Fault::Pace(PACE))
}

/// The file.
pub(super) fn content() -> Resource {
    paced(Resource::pattern(1, SIZE))
}

/// An origin and a mirror of it, each of which has one resource.
pub(super) struct Hosts {
    pub(super) origin: Origin,
    pub(super) mirror: Origin,
    pub(super) urls: [String; 2],
}

impl Hosts {
    pub(super) fn serve(at_origin: Resource, at_mirror: Resource) -> Self {
        let (origin, mirror) = (Origin::start(), Origin::start());
        let urls = [origin.serve("/x", at_origin), mirror.serve("/y", at_mirror)];
        Self {
            origin,
            mirror,
            urls,
        }
    }

    /// A run that is to bring what `right` is.
    pub(super) fn plan(&self, right: &Resource) -> Plan {
        Plan::over(&self.urls.each_ref().map(String::as_str)).expecting(right)
    }

    /// Fetches the file, and says how that ended.
    pub(super) async fn fetch(&self) -> Ran {
        self.plan(&content()).run().await
    }
}

/// A run that is to be made.
pub(super) struct Plan {
    urls: Vec<String>,
    checksum: Option<String>,
    /// Whether the job wants to know where redirects lead.
    pub(super) reports_redirects: bool,
    /// How the file gets its name.
    pub(super) naming: Naming,
    /// How many lanes it may have.
    pub(super) lanes: Arc<AtomicU32>,
    pub(super) rights: Rights,
    pub(super) owner: Owner,
}

impl Plan {
    /// A file that is to come from these places, the origin first, and has no checksum.
    pub(super) fn over(urls: &[&str]) -> Self {
        Self {
            urls: urls.iter().map(|url| (*url).to_owned()).collect(),
            checksum: None,
            reports_redirects: false,
            naming: Naming::Given,
            lanes: Arc::new(AtomicU32::new(16)),
            rights: Rights::Own,
            owner: Owner::ROOT,
        }
    }

    /// The same, held against the checksum of this resource.
    pub(super) fn expecting(self, right: &Resource) -> Self {
        Self {
            checksum: Some(right.sha256()),
            ..self
        }
    }

    /// Makes the run.
    pub(super) async fn run(self) -> Ran {
        let folder = tempfile::tempdir().unwrap();
        let file = FileRecord {
            naming: self.naming,
            ..record(folder.path(), &self.urls[0], self.checksum)
        };
        let client = Client::new(bgcopy_origin::Config::default()).unwrap();
        let mut places = self
            .urls
            .iter()
            .map(|url| Places::of(client.clone(), target(url), vec![]).origin());
        let origin = places.next().unwrap();
        let mut sources = Sources::new(origin, places.collect(), file.checksum.is_some());
        if file.checksum.is_some() {
            let known = Places::of(client.clone(), target(file.url.as_str()), vec![]);
            sources = sources.learning(known);
        }
        let (messages, inbox) = mpsc::unbounded_channel();
        let reporter = Reporter {
            told: Told {
                heads: Heads::default(),
                reports_redirects: self.reports_redirects,
            },
            messages,
            id: FileId {
                job: JobId::from_u128(1),
                index: file.index,
            },
            attempt: Attempt(1),
        };
        let listener = tokio::spawn(listen(inbox));
        let sink = Disk::new(self.rights)
            .owner(self.owner)
            .map(|disk| Sink::file(disk, Names::default()))
            .map_err(Halt::from);
        let (budget, (_go_on, stop)) = (Budget::default(), oneshot::channel());
        let run = run(file, sink, sources, self.lanes, budget, &reporter, stop);
        let outcome = tokio::time::timeout(PATIENCE, run).await.unwrap();
        drop(reporter);
        Ran {
            folder,
            outcome,
            reports: listener.await.unwrap(),
        }
    }
}

/// What came of a run: its end, and what it reported before.
pub(super) struct Ran {
    pub(super) folder: tempfile::TempDir,
    pub(super) outcome: Outcome,
    pub(super) reports: Vec<Report>,
}

impl Ran {
    /// The bytes that are here.
    pub(super) fn sha256(&self) -> String {
        sha256_file(self.folder.path().join(TEMPORARY)).unwrap()
    }

    /// Holds it to have brought the file.
    #[track_caller]
    pub(super) fn brought_the_file(&self) {
        let Outcome::Finished {
            size,
            length_unverified,
            inode,
        } = &self.outcome
        else {
            panic!("{:?}", self.outcome);
        };
        assert_eq!((*size, *length_unverified), (SIZE, false));
        let found = fs::metadata(self.folder.path().join(TEMPORARY)).unwrap();
        assert_eq!(inode.unwrap().number, found.ino());
        assert_eq!(self.sha256(), content().sha256());
    }

    /// Holds it to have left an empty file, and to have said so where its end does not.
    #[track_caller]
    pub(super) fn kept_nothing(&self) {
        let left = std::fs::metadata(self.folder.path().join(TEMPORARY)).unwrap();
        assert_eq!(left.len(), 0);
        let mut last = self.reports.iter().rev();
        let last = last.find(|it| matches!(it, Report::Durable(_) | Report::Restarted { .. }));
        let says_so = matches!(last, Some(Report::Restarted { .. }));
        assert!(says_so || self.trouble().condition == Condition::DigestMismatch);
    }

    /// Why it failed.
    #[track_caller]
    pub(super) fn trouble(&self) -> &Trouble {
        match &self.outcome {
            Outcome::Failed(trouble) => trouble,
            other => panic!("{other:?}"),
        }
    }

    /// What it said of versions.
    pub(super) fn versions(&self) -> Vec<&Validator> {
        let mut versions = Vec::new();
        for report in &self.reports {
            if let Report::Opened { version, .. } = report {
                versions.push(version);
            }
        }
        versions
    }
}

async fn listen(mut inbox: mpsc::UnboundedReceiver<Message>) -> Vec<Report> {
    let mut reports = Vec::new();
    while let Some(message) = inbox.recv().await {
        let event = match message {
            Message::Event(event) => event,
            Message::Durably(event, done) => {
                let _ = done.send(());
                event
            }
            _ => continue,
        };
        if let Event::Transfer(_, _, report) = event {
            reports.push(report);
        }
    }
    reports
}

fn target(url: &str) -> Target {
    Target {
        url: url.parse().unwrap(),
        headers: Vec::new(),
        proxies: ProxyEnvironment::default(),
        proxy: ProxySettings::default(),
        credentials: Credentials::default(),
        redirects: RedirectPolicy::default(),
    }
}

fn record(folder: &Path, url: &str, checksum: Option<String>) -> FileRecord {
    FileRecord {
        index: 0,
        url: Arc::new(url.parse().unwrap()),
        found_at: None,
        path: folder.join("x").into(),
        naming: Naming::Given,
        sink: model::Sink::File,
        folder: None,
        temporary: TEMPORARY.into(),
        ranges: vec![],
        checksum: checksum.map(|digest| Box::new(format!("sha256:{digest}").parse().unwrap())),
        size: None,
        validator: Validator::default(),
        modified: None,
        durable: RangeSet::new(),
        mirrors: vec![],
        restarts: 0,
        is_valid: false,
        spent: Spent::default(),
        notify_due: false,
        phase: FilePhase::Pending,
    }
}

//! The calls of clients: what each may do in which state (contract, section Job life cycle), and what it answers.

use std::sync::Arc;

use bgcopy_model::{
    Condition, FileIndex, FileRecord, FileSpec, JobId, JobPhase, JobSpec, Limits, Now, Owner,
    Priority,
};

use crate::{
    Call, Engine, Refusal, Reply, Setting, Ticket, http, intake,
    job::{File, Job},
    job_mut::JobMut,
    retry,
};

/// The answer to a call; `None`: it is given later.
pub(crate) type Answer = Result<Option<Reply>, Refusal>;

impl Engine {
    /// Carries out a call.
    pub(crate) fn call(&mut self, ticket: Ticket, call: Call, now: Now) {
        let answer = match call {
            Call::Create {
                id,
                owner,
                spec,
                files,
                resume,
            } => self.create(id, owner, *spec, files, resume, now),
            Call::AddFiles(id, files) => self.on(id, now, |mut job| job.add_files(files)),
            Call::Resume(id) => self.on(id, now, |mut job| job.resume()),
            Call::Suspend(id) => self.on(id, now, |mut job| job.suspend()),
            Call::Cancel(id) => self.on(id, now, |mut job| job.cancel(ticket)),
            Call::Complete(id) => self.on(id, now, |mut job| job.complete(ticket)),
            Call::SetNotifyInterface(id, listener) => {
                let done = self.set_listener(id, listener, now);
                done.map(|()| Some(Reply::Done))
            }
            Call::Set(id, setting) => self.on(id, now, |mut job| job.set(setting)),
            Call::SetUrl(file, url) => {
                self.on(file.job, now, |mut job| job.set_url(file.index, url))
            }
            Call::ReplacePrefix(id, old, new) => {
                self.on(id, now, |mut job| job.replace_prefix(&old, &new))
            }
            Call::SetValid(file, is_valid) => {
                self.on(file.job, now, |mut job| job.set_valid(file.index, is_valid))
            }
            Call::TakeOwnership(id, owner) => {
                let begun = self.on(id, now, |mut job| job.take_ownership(owner, ticket));
                self.hand_over(id, now);
                begun
            }
            Call::CreateDownload {
                id,
                owner,
                record,
                context,
            } => self.create_download(id, owner, *record, context, now),
            Call::Download(id, call) => self.download_call(ticket, id, call, now),
        };
        if let Some(answer) = answer.transpose() {
            self.out.reply(ticket, answer);
        }
    }

    fn on(&mut self, id: JobId, now: Now, call: impl FnOnce(JobMut<'_>) -> Answer) -> Answer {
        match self.open(id, now) {
            Some(job) => call(job),
            None => Err(no_job(id)),
        }
    }

    fn create(
        &mut self,
        id: JobId,
        owner: Owner,
        spec: JobSpec,
        files: Vec<FileSpec>,
        resume: bool,
        now: Now,
    ) -> Answer {
        let job = self.new_job(id, owner, spec, now)?;
        let files = intake::file_records(&job, files, &self.limits)?;
        if resume && files.is_empty() {
            return Err(empty());
        }
        self.admit(job);
        self.on(id, now, |mut job| {
            job.take_in(files);
            job.put();
            job.touch();
            if resume {
                job.resume()?;
            }
            Ok(Some(Reply::Created(id)))
        })
    }

    /// A job that is about to be admitted, if there may be one more.
    pub(crate) fn new_job(
        &self,
        id: JobId,
        owner: Owner,
        spec: JobSpec,
        now: Now,
    ) -> Result<Job, Refusal> {
        if self.jobs.contains_key(&id) {
            let detail = format!("there is a job {id} already");
            return Err(Refusal::new(Condition::InvalidArgument, detail));
        }
        self.census.check(owner, &self.limits)?;
        let record = intake::job_record(id, owner, spec, now)?;
        Ok(Job::new(record, now.moment))
    }
}

impl JobMut<'_> {
    fn add_files(&mut self, specs: Vec<FileSpec>) -> Answer {
        self.require_settled()?;
        if specs.is_empty() {
            let detail = "no file was given";
            return Err(Refusal::new(Condition::InvalidArgument, detail));
        }
        let files = intake::file_records(self.job, specs, self.limits)?;
        let first = self.take_in(files);
        if self.job.record.phase == JobPhase::Transferred {
            self.enter(JobPhase::Suspended);
        }
        self.job.record.transferred_at = None;
        self.put();
        self.touch();
        Ok(Some(Reply::Added(first)))
    }

    pub fn take_in(&mut self, files: Vec<Arc<FileRecord>>) -> FileIndex {
        let first = self.job.next_index();
        self.job.reserve(files.len());
        for file in files {
            let index = file.index;
            self.job.push(file, false);
            self.put_file(index);
            self.out.file_changed(self.id, index);
        }
        first
    }

    pub fn resume(&mut self) -> Answer {
        self.require_settled()?;
        match self.job.record.phase {
            JobPhase::Suspended | JobPhase::Error { .. } | JobPhase::TransientError { .. } => {}
            JobPhase::Transferred => return Err(self.wrong_state()),
            _ => return Ok(Some(Reply::Done)),
        }
        if self.job.files().is_empty() {
            return Err(empty());
        }
        self.accept_folders();
        self.reset_clocks();
        self.put();
        if self.job.is_whole() {
            self.transferred();
            return Ok(Some(Reply::Done));
        }
        self.forgive_restarts();
        self.queue();
        Ok(Some(Reply::Done))
    }

    /// Whoever goes on after a folder was missing, or was another, means the one that is there now.
    fn accept_folders(&mut self) {
        let error = self.job.record.phase.error();
        if error.is_some_and(|error| error.condition.is_about_the_folder()) {
            self.release_folders();
        }
    }

    /// Lets each file go to whichever folder its path leads to next.
    pub fn release_folders(&mut self) {
        let bound = |file: &&File| file.record.folder.is_some();
        let bound = self.job.files().iter().filter(bound);
        for index in bound.map(|file| file.record.index).collect::<Vec<_>>() {
            self.edit(index, |file| file.change().folder = None);
            self.put_file(index);
        }
    }

    /// A file that was started again too often gets all its chances back, else the first change would end it.
    fn forgive_restarts(&mut self) {
        let most = self.limits.version_restarts;
        let spent = |file: &&File| file.record.restarts > most;
        let spent = self.job.files().iter().filter(spent);
        for index in spent.map(|file| file.record.index).collect::<Vec<_>>() {
            self.edit(index, |file| file.change().restarts = 0);
            self.put_file(index);
        }
    }

    pub fn suspend(&mut self) -> Answer {
        self.require_settled()?;
        if self.job.record.phase != JobPhase::Suspended {
            self.halt();
            self.enter(JobPhase::Suspended);
            self.put();
        }
        Ok(Some(Reply::Done))
    }

    pub fn cancel(&mut self, ticket: Ticket) -> Answer {
        self.require_settled()?;
        self.begin_cancel(Some(ticket));
        Ok(None)
    }

    pub fn complete(&mut self, ticket: Ticket) -> Answer {
        self.require_at_rest()?;
        if let (JobPhase::Completing { .. }, Some(closing)) =
            (&self.job.record.phase, &mut self.job.closing)
        {
            closing.join(ticket);
            return Ok(None);
        }
        self.require_open()?;
        self.begin_complete(vec![ticket], false);
        Ok(None)
    }

    fn set(&mut self, setting: Setting) -> Answer {
        self.require_open()?;
        self.require_at_rest()?;
        let asks_to_complete = setting == Setting::AutoComplete(true);
        let record = &mut self.job.record;
        let changed = match setting {
            Setting::Name(name) => {
                intake::check_text("name", &name, Limits::NAME)?;
                replace(&mut record.name, name)
            }
            Setting::Description(description) => {
                intake::check_text("description", &description, Limits::DESCRIPTION)?;
                replace(&mut record.description, description)
            }
            Setting::MinimumRetryDelay(delay) => replace(
                &mut record.minimum_retry_delay,
                retry::minimum_delay(Some(delay)),
            ),
            Setting::NoProgressTimeout(timeout) => {
                replace(&mut record.no_progress_timeout, timeout)
            }
            Setting::MaximumDownloadTime(time) => replace(&mut record.maximum_download_time, time),
            Setting::NotifyFlags(flags) => replace(&mut record.notify_flags, flags),
            Setting::Priority(priority) => {
                replace(&mut record.priority, priority) && self.priority_changed(priority)
            }
            Setting::AutoComplete(auto) => replace(&mut record.auto_complete, auto),
            Setting::NotifyCommand(command) => {
                intake::check_command(&command)?;
                replace(&mut record.notify_command, command)
            }
            Setting::Activation(name) => {
                intake::check_activation(name.as_deref())?;
                replace(&mut record.activation, name)
            }
            Setting::TransferPolicy(policy) => replace(&mut record.transfer_policy, policy),
            Setting::PeerCaching(flags) => replace(&mut record.peer_caching, flags),
            Setting::Http(setting) => http::set(record, setting)?,
        };
        if changed {
            self.put();
            self.touch();
        }
        if asks_to_complete && self.job.record.phase == JobPhase::Transferred {
            self.begin_complete(Vec::new(), true);
        }
        Ok(Some(Reply::Done))
    }

    pub fn priority_changed(&mut self, priority: Priority) -> bool {
        self.schedule
            .set_priority(self.id, self.job.record.queue_priority());
        if priority.is_background() {
            self.stop_runs(1);
        }
        true
    }

    /// Refuses a job that is final.
    pub fn require_open(&self) -> Result<(), Refusal> {
        if self.job.record.phase.is_final() {
            return Err(self.wrong_state());
        }
        Ok(())
    }

    /// Refuses a job that is final, or on its way there.
    pub fn require_settled(&self) -> Result<(), Refusal> {
        self.require_open()?;
        self.require_at_rest()?;
        if self.job.closing.is_some() {
            let detail = "the job is being completed";
            return Err(Refusal::new(Condition::InvalidState, detail));
        }
        Ok(())
    }

    /// Refuses a job that is being given to somebody else.
    fn require_at_rest(&self) -> Result<(), Refusal> {
        if self.job.handover.is_some() {
            let detail = "the job is being given to another owner";
            return Err(Refusal::new(Condition::InvalidState, detail));
        }
        Ok(())
    }

    fn wrong_state(&self) -> Refusal {
        let state = self.job.state().name();
        Refusal::new(Condition::InvalidState, format!("the job is {state}"))
    }
}

/// There is no job of that name.
pub(crate) fn no_job(id: JobId) -> Refusal {
    Refusal::new(Condition::NotFound, format!("there is no job {id}"))
}

fn empty() -> Refusal {
    Refusal::new(Condition::Empty, "the job has no files; add one first")
}

/// Whether `new` is another value than `old` was.
fn replace<T: PartialEq>(old: &mut T, new: T) -> bool {
    let changed = *old != new;
    *old = new;
    changed
}

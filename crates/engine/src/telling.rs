//! Carries out what [`crate::notify`] and [`crate::deliveries`] decide, and keeps the durable marks.
//!
//! A mark is set and withdrawn in the step in which the job enters or leaves the state that it is about, so that both
//! are one transaction. Whatever is done here is done at the end of a step: a call tells of the job as it is then.

use bgcopy_model::{Due, FileIndex, JobId, JobState, Moment, NotifyFlags, Now};

use crate::{
    Action, Connection, Delivery, Engine, Listener, Notification, Refusal, calls::no_job, job::Job,
    job_mut::JobMut, notify::Agenda,
};

impl Engine {
    /// A client answered, or cannot; or a notification program ended.
    pub(crate) fn notified(&mut self, id: JobId, delivery: Delivery, success: bool, now: Now) {
        self.deliveries.answered(delivery);
        if let Some(mut job) = self.open(id, now) {
            job.told(delivery, success);
        }
    }

    /// A client's connection is gone.
    pub(crate) fn connection_gone(&mut self, connection: Connection, now: Now) {
        let (registered, lost) = self.deliveries.gone(connection);
        for id in registered {
            if let Some(job) = self.open(id, now) {
                job.job.notify.register(None);
                job.out.changed(id);
            }
        }
        for (delivery, id) in lost {
            if let Some(mut job) = self.open(id, now) {
                job.told(delivery, false);
            }
        }
    }

    /// The job has another callback object, or none.
    pub(crate) fn set_listener(
        &mut self,
        id: JobId,
        listener: Option<(Listener, Connection)>,
        now: Now,
    ) -> Result<(), Refusal> {
        let Some(job) = self.open(id, now) else {
            return Err(no_job(id));
        };
        // Who left the completing to the service learns of it, however late.
        if !job.job.record.due.transferred {
            job.require_open()?;
        }
        let on = |listener: Option<(_, Connection)>| listener.map(|(_, connection)| connection);
        let before = on(job.job.notify.listener());
        job.job.notify.register(listener);
        job.out.changed(id);
        self.deliveries.moved(id, before, on(listener));
        Ok(())
    }

    /// Makes the calls that can be made now.
    pub(crate) fn tell(&mut self, now: Now) {
        let alarmed = self.deliveries.alarmed(now.moment);
        for id in alarmed.union(&self.touched) {
            if let Some(job) = self.jobs.get_mut(id) {
                let agenda = job.agenda();
                if let Some(notification) = job.notify.program(&agenda) {
                    let delivery = self.deliveries.draw();
                    job.notify.program_started(delivery, notification);
                    self.out.tell(Action::RunCommand {
                        job: *id,
                        delivery,
                        notification,
                    });
                }
                let is_past = |moment: Moment| moment <= now.moment;
                if job.notify.activation(&agenda).is_some_and(is_past) {
                    job.notify.activated(now.moment);
                    self.out.tell(Action::Activate(*id));
                }
                let call = job.notify.call(&agenda, now.moment).map(|(_, at)| at);
                match (job.notify.listener(), call) {
                    (Some((_, connection)), Some(at)) if is_past(at) => {
                        self.deliveries.enter(*id, connection);
                    }
                    _ => self.deliveries.leave(*id),
                }
                let alarms = [call, job.notify.activation(&agenda)].into_iter().flatten();
                let alarm = alarms.filter(|moment| !is_past(*moment)).min();
                self.deliveries.set_alarm(*id, alarm);
            }
        }
        while let Some((id, connection)) = self.deliveries.next(now.moment) {
            if let Some(job) = self.jobs.get_mut(&id)
                && let Some((listener, _)) = job.notify.listener()
                && let Some((notification, _)) = job.notify.call(&job.agenda(), now.moment)
            {
                let delivery = self.deliveries.draw();
                job.notify.called(delivery, notification, now.moment);
                let moment = now.moment;
                self.deliveries.called(delivery, id, connection, moment);
                self.out.tell(Action::Notify {
                    job: id,
                    delivery,
                    listener,
                    notification,
                });
            }
        }
    }
}

impl Job {
    /// What may be told at present.
    pub fn agenda(&self) -> Agenda {
        Agenda::new(&self.record, self.first_untold())
    }
}

impl JobMut<'_> {
    /// Another state is shown: what is due with it.
    pub fn state_changed(&mut self) {
        let to = self.job.state();
        // Whether what was due stays so is for Complete to say; see [`Self::acknowledged`].
        if to != JobState::Acknowledged {
            self.set_due(Due {
                transferred: to == JobState::Transferred,
                error: to == JobState::Error,
            });
        }
        let has_own_call = matches!(to, JobState::Transferred | JobState::Error);
        if has_own_call || to.is_final() {
            self.job.notify.forget_modification();
        }
        if to.is_final() {
            self.withdraw_files();
        }
    }

    /// Complete is done. Only a job that the service completed by itself still has its client to tell.
    pub fn acknowledged(&mut self, automatic: bool) {
        if !automatic {
            self.set_due(Due::default());
        }
    }

    /// The file has its last byte. Stored by the caller, with that.
    pub fn mark_file(&mut self, index: FileIndex) {
        let flags = self.job.record.notify_flags;
        if flags.contains(NotifyFlags::FILE_TRANSFERRED) {
            if self.job.agenda().due().is_none() {
                self.job.notify.may_activate();
            }
            self.edit(index, |file| file.change().notify_due = true);
        }
    }

    /// The file has its last byte no more, or its job is over. Stored by the caller, with that.
    pub fn withdraw_file(&mut self, index: FileIndex) {
        self.edit(index, |file| file.change().notify_due = false);
        self.job.notify.file_withdrawn(index);
    }

    /// The job is final: its files' marks go. Not stored, since a restart takes them from a final job again.
    pub fn withdraw_files(&mut self) {
        while let Some(index) = self.job.first_untold() {
            self.withdraw_file(index);
        }
    }

    fn set_due(&mut self, due: Due) {
        if self.job.record.due != due {
            self.job.record.due = due;
            self.job.notify.event_changed();
        }
    }

    /// A call was answered, or is lost; or the program ended.
    fn told(&mut self, delivery: Delivery, success: bool) {
        let now = self.now.moment;
        let Some(told) = self.job.notify.answered(delivery, success, now) else {
            return;
        };
        match told {
            Notification::FileTransferred(index) => {
                self.edit(index, |file| file.change().notify_due = false);
                self.put_file(index);
                self.out.file_changed(self.id, index);
            }
            Notification::JobTransferred | Notification::JobError => {
                self.set_due(Due::default());
                self.put();
            }
            Notification::JobModification => return,
        }
        self.out.changed(self.id);
    }
}

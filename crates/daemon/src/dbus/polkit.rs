//! Administrators who are not root: polkit is asked where the rules of [`crate::authz`] say no and an administrator
//! may (system service, docs/semantics.md, 5.10).
//!
//! ```text
//!  call ──► route ──► refused for want of a privilege ──► CheckAuthorization ──► allowed: route once more
//!                 └─► any other answer: that is it                          └──► else: the refusal stands
//! ```
//!
//! A call is refused before it has done anything, so it can be routed again. An allowance is for that one call: polkit
//! itself remembers what it may. It never reaches signals and callbacks, which would outlast the call. Only callers on
//! the bus are asked about, by their unique name there, which is never used again; a process on the private socket
//! has a number alone, which is. There, root is the administrator.
//!
//! Must never make another caller wait: one question of a caller is under way at a time, in its own task.

use std::{
    collections::HashMap,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use futures_util::FutureExt;
use zbus::Variant;

use super::{
    call::{Call, Outcome},
    dispatch,
};
use crate::authz::{Action, Privilege};

const NAME: &str = "org.freedesktop.PolicyKit1";
const PATH: &str = "/org/freedesktop/PolicyKit1/Authority";
const INTERFACE: &str = "org.freedesktop.PolicyKit1.Authority";

/// `AllowUserInteraction` of `CheckAuthorizationFlags`.
const ASK_THE_USER: u32 = 1;

/// How long polkit may take where it has nobody to ask.
const SILENT: Duration = Duration::from_secs(25);

/// How long a person may take to type a password.
const BY_HAND: Duration = Duration::from_mins(5);

/// What is remembered of polkit.
#[derive(Debug, Default)]
pub(super) struct Polkit {
    /// It was told that polkit does not answer.
    complained: AtomicBool,
}

impl Call {
    /// Whether the caller may do this, by right or because polkit has just allowed it. Where only the latter could
    /// be, it is noted that polkit is to be asked.
    pub(super) fn may(&self, action: Action) -> bool {
        if self.may_by_right(action) {
            return true;
        }
        match self.service.authz().privilege(action) {
            Some(privilege) => self.claims(privilege),
            None => false,
        }
    }

    /// Whether the caller may do this without polkit's word, which holds for one call: for what lasts longer.
    pub(super) fn may_by_right(&self, action: Action) -> bool {
        self.service.authz().may(self.client.caller.user, action)
    }
}

/// Answers a call, as an administrator's where polkit allows it.
pub(super) async fn route(call: &Call) -> Outcome {
    let outcome = dispatch::route(call).await;
    let (Err(_), Some(privilege)) = (&outcome, call.claimed()) else {
        return outcome;
    };
    // Those who wait here come in the order of their calls.
    let turn = call.client.asking.lock().await;
    if !is_allowed(call, privilege).await {
        return outcome;
    }
    let call = call.granted(privilege);
    let mut again = Box::pin(dispatch::route(&call));
    // Begun in this turn, so that two changes of one job are made in the order of their calls.
    if let Some(outcome) = again.as_mut().now_or_never() {
        return outcome;
    }
    drop(turn);
    again.await
}

async fn is_allowed(call: &Call, privilege: Privilege) -> bool {
    let (user, peer) = (call.client.caller.user.uid, call.client.link.peer());
    if peer.is_empty() {
        return false;
    }
    let by_hand = call.allows_interaction();
    let patience = if by_hand { BY_HAND } else { SILENT };
    let asked = tokio::time::timeout(patience, ask(call, peer, privilege, by_hand)).await;
    let trouble = match asked {
        Ok(Ok(allowed)) => {
            if allowed {
                let (action, header) = (privilege.action(), call.header());
                let path = header.path().map(zbus::ObjectPath::as_str);
                let member = header.member().map(zbus::names::MemberName::as_str);
                tracing::info!(user, action, path, member, "polkit allows an administrator");
            }
            return allowed;
        }
        // Where a person was to be asked, nobody answered.
        Err(_) if by_hand => return false,
        Err(elapsed) => elapsed.to_string(),
        Ok(Err(error)) => error.to_string(),
    };
    let polkit = call.service.polkit();
    if !polkit.complained.swap(true, Ordering::Relaxed) {
        tracing::warn!("polkit does not say who is an administrator, so only root is: {trouble}");
    }
    false
}

async fn ask(call: &Call, peer: &str, privilege: Privilege, by_hand: bool) -> zbus::Result<bool> {
    let subject = (
        "system-bus-name",
        HashMap::from([("name", Variant::from(peer))]),
    );
    let details = HashMap::<&str, &str>::new();
    let flags = if by_hand { ASK_THE_USER } else { 0 };
    let question = (subject, privilege.action(), details, flags, "");
    let connection = call.client.link.connection();
    let answer = connection
        .call_method(
            Some(NAME),
            PATH,
            Some(INTERFACE),
            "CheckAuthorization",
            &question,
        )
        .await?;
    // Not whether a password would help: a caller who wants to be asked for one says so in the call.
    let body = answer.body();
    let ((allowed, _, _),): ((bool, bool, HashMap<String, String>),) = body.deserialize()?;
    Ok(allowed)
}

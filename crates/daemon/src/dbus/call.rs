//! One method call: what came, and how it is answered or refused.

use std::sync::{Arc, OnceLock};

use bgcopy_bus::ErrorName;
use bgcopy_engine::Refusal;
use bgcopy_model::{Condition, Profile};
use serde::{Deserialize, Serialize};
use zbus::{
    DynamicType, Message, Type, fdo,
    message::{Flags, Header},
};

use super::{Service, client::Client};
use crate::authz::Privilege;

/// A method call and who made it.
#[derive(Clone)]
pub(super) struct Call {
    pub(super) service: Service,
    pub(super) client: Arc<Client>,
    message: Message,
    /// What polkit has allowed the caller to do in this call.
    granted: Option<Privilege>,
    /// What the caller would need, where that is not enough.
    claimed: OnceLock<Privilege>,
}

/// An answer to send; `None`: it has been sent already.
pub(super) type Outcome = Result<Option<Message>, Failure>;

impl Call {
    pub(super) fn new(service: &Service, client: &Arc<Client>, message: Message) -> Self {
        Self {
            service: service.clone(),
            client: client.clone(),
            message,
            granted: None,
            claimed: OnceLock::new(),
        }
    }

    /// The same call of somebody who has this privilege.
    pub(super) fn granted(&self, privilege: Privilege) -> Self {
        Self {
            granted: Some(privilege),
            claimed: OnceLock::new(),
            ..self.clone()
        }
    }

    /// Whether this privilege is granted. If not, it is the first that was missing that counts.
    pub(super) fn claims(&self, privilege: Privilege) -> bool {
        let is_granted = self.granted == Some(privilege);
        if !is_granted {
            let _ = self.claimed.set(privilege);
        }
        is_granted
    }

    /// The privilege that was missing.
    pub(super) fn claimed(&self) -> Option<Privilege> {
        self.claimed.get().copied()
    }

    /// Whether the caller is ready to be asked for a password (D-Bus specification, `ALLOW_INTERACTIVE_AUTHORIZATION`).
    pub(super) fn allows_interaction(&self) -> bool {
        let flags = self.message.primary_header().flags();
        flags.contains(Flags::ALLOW_INTERACTIVE_AUTH)
    }

    pub(super) fn header(&self) -> Header<'_> {
        self.message.header()
    }

    /// Reads the arguments.
    ///
    /// # Errors
    /// The standard error for another signature than `T`'s; [`Condition::InvalidArgument`] for values that cannot be
    /// read, an unknown option among them.
    pub(super) fn arguments<T>(&self) -> Result<T, Failure>
    where
        T: Type + for<'de> Deserialize<'de>,
    {
        let body = self.message.body();
        body.deserialize().map_err(|error| match error {
            zbus::Error::SignatureMismatch(..) => {
                let (found, wanted) = (body.signature(), T::SIGNATURE);
                let (found, wanted) = (found.to_string_no_parens(), wanted.to_string_no_parens());
                let text = format!("the arguments have the types «{found}», «{wanted}» are wanted");
                fdo::Error::InvalidArgs(text).into()
            }
            error => Refusal::new(Condition::InvalidArgument, error.to_string()).into(),
        })
    }

    /// The answer with this body.
    pub(super) fn answer<B: Serialize + DynamicType>(&self, body: &B) -> Outcome {
        let message = Message::method_return(&self.header())
            .build(body)
            .map_err(|error| too_large_or(&error))?;
        if message.data().len() > self.client.link.largest() {
            return Err(Failure::too_large());
        }
        Ok(Some(message))
    }

    /// The answer without a value.
    pub(super) fn done(&self) -> Outcome {
        self.answer(&())
    }

    /// Sends an answer, if one is wanted.
    pub(super) async fn send(&self, message: Message) {
        let flags = self.message.primary_header().flags();
        if !flags.contains(Flags::NO_REPLY_EXPECTED) {
            // A client that is gone needs no answer.
            let _ = self.client.link.send(&[message]).await;
        }
    }

    /// Sends what came of it.
    pub(super) async fn conclude(&self, outcome: Outcome) {
        let message = match outcome {
            Ok(message) => message,
            Err(failure) => failure.reply(&self.message),
        };
        if let Some(message) = message {
            self.send(message).await;
        }
    }
}

/// Why a call is not answered with what it asked for.
#[derive(Debug)]
pub(super) enum Failure {
    /// Refused by the contract. The profile chooses the integer.
    Refused(Refusal, Profile),
    /// Refused by the rules of D-Bus itself, with one of the standard names.
    Standard(fdo::Error),
}

impl Failure {
    /// A refusal to a caller of a job with this profile.
    pub(super) fn refused(profile: Profile) -> impl Fn(Refusal) -> Self {
        move |refusal| Self::Refused(refusal, profile)
    }

    /// The caller has too many calls under way.
    pub(super) fn busy() -> Self {
        let text = "too many calls of this client are under way; wait for answers first";
        Self::Standard(fdo::Error::LimitsExceeded(text.into()))
    }

    fn too_large() -> Self {
        let text = "the answer is larger than a message can be; ask for the objects one by one";
        Self::Standard(fdo::Error::LimitsExceeded(text.into()))
    }

    /// The error reply to `message`; `None` when even that cannot be built, which a call that was received whole
    /// never leads to.
    pub(super) fn reply(&self, message: &Message) -> Option<Message> {
        let header = message.header();
        let reply = match self {
            Self::Refused(refusal, profile) => {
                let name = ErrorName::from(refusal.condition).wire();
                let hresult = refusal.condition.hresult(*profile);
                let text = text_of(refusal);
                Message::error(&header, name).build(&(text, hresult.0))
            }
            Self::Standard(error) => zbus::DBusError::create_reply(error, &header),
        };
        reply
            .inspect_err(|error| tracing::error!("an error reply cannot be built: {error}"))
            .ok()
    }
}

impl From<Refusal> for Failure {
    /// A refusal where no job says which profile: the integer is that of BITS.
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal, Profile::Bits)
    }
}

impl From<fdo::Error> for Failure {
    fn from(error: fdo::Error) -> Self {
        Self::Standard(error)
    }
}

/// The sentence of a refusal; never empty, and without the zero bytes that D-Bus does not carry.
fn text_of(refusal: &Refusal) -> String {
    if refusal.detail.is_empty() {
        return refusal.condition.description().to_owned();
    }
    refusal.detail.replace('\0', "\u{fffd}")
}

fn too_large_or(error: &zbus::Error) -> Failure {
    match error {
        zbus::Error::ExcessData => Failure::too_large(),
        error => {
            tracing::error!("an answer cannot be built: {error}");
            Refusal::new(
                Condition::Internal,
                "the answer cannot be put into a message",
            )
            .into()
        }
    }
}

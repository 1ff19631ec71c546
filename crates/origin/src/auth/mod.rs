//! Credentials as the answer to a challenge (RFC 9110, section 11): which challenge is answered, and how.
//!
//! Owns the choice of the scheme: Digest before Basic, SHA-256 before MD5, and only schemes that the job has a user
//! for. It must never make a value that nobody asked for, and never print one.

mod challenge;
mod digest;

use std::fmt;

use bgcopy_model::{AuthScheme, AuthTarget, Credentials, Login};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};

use crate::encoding::base64;
use challenge::challenges;

/// How often one request answers challenges: the second time for a nonce that has run out meanwhile.
const MOST_ANSWERS: u8 = 2;

/// Who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asker {
    Origin,
    Proxy,
}

impl Asker {
    /// Who asks with this status.
    pub(crate) const fn of(status: StatusCode) -> Option<Self> {
        match status {
            StatusCode::UNAUTHORIZED => Some(Self::Origin),
            StatusCode::PROXY_AUTHENTICATION_REQUIRED => Some(Self::Proxy),
            _ => None,
        }
    }

    const fn question(self) -> HeaderName {
        match self {
            Self::Origin => header::WWW_AUTHENTICATE,
            Self::Proxy => header::PROXY_AUTHENTICATE,
        }
    }

    /// The field of the answer.
    pub(crate) const fn field(self) -> HeaderName {
        match self {
            Self::Origin => header::AUTHORIZATION,
            Self::Proxy => header::PROXY_AUTHORIZATION,
        }
    }
}

/// What a job can answer one asker with.
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub(crate) struct Logins {
    basic: Option<Login>,
    digest: Option<Login>,
}

impl Logins {
    pub(crate) fn of(credentials: &Credentials, target: AuthTarget) -> Self {
        Self {
            basic: credentials.login(target, AuthScheme::Basic).cloned(),
            digest: credentials.login(target, AuthScheme::Digest).cloned(),
        }
    }
}

impl fmt::Debug for Logins {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Logins")
    }
}

/// What convinces an asker, from its first challenge on.
enum Proof {
    Basic(String),
    Digest(digest::Session),
}

impl Proof {
    /// The best answer to the challenges of `headers`; `None`: the job has none.
    fn to(asker: Asker, headers: &HeaderMap, logins: &Logins) -> Option<Self> {
        let all = challenges(headers, &asker.question());
        if let Some(login) = &logins.digest {
            let digests = all.iter().filter(|challenge| challenge.is("digest"));
            let sessions =
                digests.filter_map(|asked| digest::Session::new(asked, login, client_nonce()?));
            // The first of the strongest: an origin names them in the order that it prefers.
            let best = sessions.reduce(|best, next| {
                if next.strength() > best.strength() {
                    next
                } else {
                    best
                }
            });
            if let Some(session) = best {
                return Some(Self::Digest(session));
            }
        }
        let login = logins.basic.as_ref()?;
        all.iter().find(|challenge| challenge.is("basic"))?;
        let text = format!("{}:{}", login.user, login.password);
        Some(Self::Basic(format!("Basic {}", base64(text.as_bytes()))))
    }

    fn value(&mut self, method: &str, target: &str) -> Option<HeaderValue> {
        let text = match self {
            Self::Basic(value) => value.clone(),
            Self::Digest(session) => session.authorization(method, target),
        };
        // What a challenge said can be something that no field may carry.
        let mut value = HeaderValue::try_from(text).ok()?;
        value.set_sensitive(true);
        Some(value)
    }
}

/// The talk with one asker about who this is. It outlasts a request: whoever was convinced once is shown the proof
/// with the next request too, as long as it asks for nothing else.
#[derive(Default)]
pub(crate) struct Talk {
    logins: Logins,
    proof: Option<Proof>,
}

/// What has been said within one request.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Said {
    answers: u8,
}

/// How a challenge is met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reaction {
    /// The request is sent again: there is another answer.
    Again,
    /// What was answered was refused.
    Refused,
    /// The job has nothing that was asked for.
    Nothing,
}

impl Talk {
    pub(crate) fn new(logins: Logins) -> Self {
        Self {
            logins,
            proof: None,
        }
    }

    /// The proof for the next request, if the asker has asked for one before.
    pub(crate) fn value(&mut self, method: &str, target: &str) -> Option<HeaderValue> {
        self.proof.as_mut()?.value(method, target)
    }

    /// Takes a challenge in.
    pub(crate) fn challenged(
        &mut self,
        asker: Asker,
        headers: &HeaderMap,
        said: &mut Said,
    ) -> Reaction {
        let may_answer =
            said.answers == 0 || (said.answers < MOST_ANSWERS && is_stale(asker, headers));
        self.proof = None;
        if !may_answer {
            return Reaction::Refused;
        }
        self.proof = Proof::to(asker, headers, &self.logins);
        if self.proof.is_none() {
            return if said.answers > 0 {
                Reaction::Refused
            } else {
                Reaction::Nothing
            };
        }
        said.answers += 1;
        Reaction::Again
    }

    /// Forgets the proof, which is refused or for another asker.
    pub(crate) fn forget(&mut self) {
        self.proof = None;
    }
}

/// Whether the asker says that the answer was right, and only its nonce too old (RFC 7616, section 3.3).
fn is_stale(asker: Asker, headers: &HeaderMap) -> bool {
    let stale = |asked: &challenge::Challenge| {
        let stale = asked.param("stale");
        stale.is_some_and(|stale| stale.eq_ignore_ascii_case("true"))
    };
    challenges(headers, &asker.question()).iter().any(stale)
}

/// What is to be said of a request that ended with a challenge.
pub(crate) fn in_words(asker: Asker, reaction: Reaction, carried: bool) -> &'static str {
    match (asker, reaction) {
        (Asker::Origin, Reaction::Refused) => {
            "; the user name and password of the job were refused"
        }
        (Asker::Proxy, Reaction::Refused) => {
            "; the proxy refused the user name and password of the job"
        }
        (Asker::Origin, _) if carried => "; the credentials in the request were refused",
        (Asker::Proxy, _) if carried => "; the proxy refused the user name and password in its URL",
        (Asker::Origin, _) => {
            "; it asks for credentials, and the job has none that may be sent there"
        }
        (Asker::Proxy, _) => "; the proxy asks for credentials that the job does not have",
    }
}

/// 128 random bits. Without a source of them there is no answer.
fn client_nonce() -> Option<String> {
    let mut bytes = [0; 16];
    let random = rustls::crypto::ring::default_provider().secure_random;
    random.fill(&mut bytes).ok()?;
    Some(format!("{:032x}", u128::from_be_bytes(bytes)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[expect(
        clippy::unnecessary_wraps,
        reason = "as the functions under test take it"
    )]
    fn login(user: &str) -> Option<Login> {
        Some(Login {
            user: user.into(),
            password: "secret".into(),
        })
    }

    fn talk(basic: bool, digest: bool) -> Talk {
        Talk::new(Logins {
            basic: login("b").filter(|_| basic),
            digest: login("d").filter(|_| digest),
        })
    }

    fn headers(challenge: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(header::WWW_AUTHENTICATE, challenge.parse().unwrap());
        headers
    }

    const ALL: &str = "Basic realm=\"r\", Digest realm=\"r\", nonce=\"m\", algorithm=MD5, qop=\"auth\", \
                       Digest realm=\"r\", nonce=\"s\", algorithm=SHA-256, qop=\"auth\"";

    fn answer(talk: &mut Talk, challenge: &str) -> Option<String> {
        talk.challenged(Asker::Origin, &headers(challenge), &mut Said::default());
        let value = talk.value("GET", "/")?;
        assert!(value.is_sensitive());
        Some(value.to_str().unwrap().to_owned())
    }

    #[test]
    fn the_strongest_scheme_that_there_is_a_user_for_is_answered() {
        let best = answer(&mut talk(true, true), ALL).unwrap();
        assert!(best.contains("SHA-256") && best.contains("\"d\""), "{best}");
        let basic = answer(&mut talk(true, false), ALL).unwrap();
        assert_eq!(basic, format!("Basic {}", base64(b"b:secret")));
        let offered = answer(&mut talk(true, true), "Basic realm=\"r\"").unwrap();
        assert!(offered.starts_with("Basic "));
    }

    #[test]
    fn nothing_is_said_unasked_or_in_another_scheme() {
        assert_eq!(talk(true, true).value("GET", "/"), None);
        assert_eq!(
            answer(&mut talk(true, false), "Digest realm=\"r\", nonce=\"n\""),
            None
        );
        assert_eq!(answer(&mut talk(false, true), "Basic realm=\"r\""), None);
        assert_eq!(answer(&mut talk(true, true), "Negotiate"), None);
        let mut proxy = talk(true, true);
        let reaction = proxy.challenged(Asker::Proxy, &headers(ALL), &mut Said::default());
        assert_eq!(
            reaction,
            Reaction::Nothing,
            "the origin's field is not the proxy's"
        );
    }

    #[test]
    fn an_answer_is_given_once_and_again_only_for_a_new_nonce() {
        let stale = "Digest realm=\"r\", nonce=\"n2\", qop=\"auth\", stale=TRUE";
        let fresh = "Digest realm=\"r\", nonce=\"n1\", qop=\"auth\"";
        let mut talk = talk(false, true);
        let mut said = Said::default();
        let mut hear =
            |challenge, said: &mut Said| talk.challenged(Asker::Origin, &headers(challenge), said);
        assert_eq!(hear(fresh, &mut said), Reaction::Again);
        assert_eq!(hear(stale, &mut said), Reaction::Again);
        assert_eq!(hear(stale, &mut said), Reaction::Refused);
        let mut said = Said::default();
        assert_eq!(hear(fresh, &mut said), Reaction::Again);
        assert_eq!(hear(fresh, &mut said), Reaction::Refused);
        assert_eq!(
            talk.value("GET", "/"),
            None,
            "what was refused is not sent again"
        );
    }
}

use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ocm_http::{Client, Url};
use serde::Deserialize;
use serde_json::Value;

use super::exchange;
use crate::error::malformed;
use crate::{Result, Secret};

/// An identity token (`OpenID` Connect): who is signing, in the words of somebody whom the certificate authority believes.
/// It is sent to that authority and to nobody else.
#[derive(Clone, Debug)]
pub struct IdentityToken {
    text: Secret,
    identity: String,
    issuer: String,
}

#[derive(Deserialize)]
struct Claims {
    #[serde(default)]
    iss: String,
    #[serde(default)]
    sub: String,
    email: Option<String>,
    email_verified: Option<Value>,
    exp: Option<f64>,
}

impl IdentityToken {
    /// Reads a token. Its signature is for the authority to judge.
    ///
    /// # Errors
    /// It is no token, names nobody, or has expired. Messages never contain it.
    pub fn read(text: &Secret, now: SystemTime) -> Result<Self> {
        let none =
            || malformed("the identity token is no token of OpenID Connect (three parts with dots between them)");
        let trimmed = std::str::from_utf8(text.trimmed()).map_err(|_| none())?.trim();
        let [_, payload, _]: [&str; 3] = trimmed.split('.').collect::<Vec<_>>().try_into().map_err(|_| none())?;
        let payload = URL_SAFE_NO_PAD.decode(payload.trim_end_matches('=')).map_err(|_| none())?;
        let claims: Claims = serde_json::from_slice(&payload).map_err(|_| none())?;
        let seconds = now.duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64());
        if claims.exp.is_some_and(|expiry| expiry <= seconds) {
            return Err(malformed("the identity token has expired: get a new one"));
        }
        let identity = match claims.email.filter(|email| !email.is_empty()) {
            Some(email) => {
                let is_verified = match &claims.email_verified {
                    Some(Value::Bool(verified)) => *verified,
                    Some(Value::String(verified)) => verified == "true",
                    _ => false,
                };
                if !is_verified {
                    return Err(malformed("the identity token names a mail address that its issuer has not verified"));
                }
                email
            }
            None => claims.sub,
        };
        if identity.is_empty() {
            return Err(malformed("the identity token names nobody (neither email nor sub)"));
        }
        Ok(Self { text: Secret::new(trimmed), identity, issuer: claims.iss })
    }

    /// Asks for the token of a workflow: GitHub Actions gives it `ACTIONS_ID_TOKEN_REQUEST_URL` and
    /// `ACTIONS_ID_TOKEN_REQUEST_TOKEN`.
    ///
    /// # Errors
    /// The address is none, or what answers there gives no token.
    pub async fn of_workflow(client: &Client, address: &str, bearer: &Secret) -> Result<Self> {
        let address = Url::parse(address)
            .map_err(|error| malformed(format!("the address for the token of the workflow: {error}")))?;
        Self::read(&exchange::workflow_token(client, &address, bearer).await?, SystemTime::now())
    }

    /// Who is signing.
    pub fn identity(&self) -> &str {
        &self.identity
    }

    /// Who says so.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    pub(super) fn expose(&self) -> &str {
        // It was read from text.
        std::str::from_utf8(self.text.reveal()).unwrap_or_default()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn read(claims: &str) -> Result<IdentityToken> {
        let token = format!("e30.{}.c2ln\n", URL_SAFE_NO_PAD.encode(claims));
        IdentityToken::read(&Secret::new(token), UNIX_EPOCH)
    }

    #[test]
    fn mail_addresses_count_once_they_are_verified() {
        assert_eq!(read(r#"{"email":"a@b","email_verified":true,"sub":"x","exp":1}"#).unwrap().identity(), "a@b");
        assert_eq!(read(r#"{"sub":"repo:x","iss":"i"}"#).unwrap().identity(), "repo:x");
        for wrong in [r#"{"email":"a@b","sub":"x"}"#, r#"{"sub":"x","exp":0}"#, "{}", "x"] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
        let problem = IdentityToken::read(&Secret::new("secret.secret"), UNIX_EPOCH).unwrap_err().to_string();
        assert!(!problem.contains("secret"));
        assert!(!format!("{:?}", read(r#"{"sub":"x"}"#).unwrap()).contains("e30"));
    }
}

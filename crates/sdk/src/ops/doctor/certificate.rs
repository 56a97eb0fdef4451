use std::time::{Duration, SystemTime};

use ocm_http::Response;
use ocm_signing::Certificate;

use super::Outcome;

/// Time before the end of a certificate at which somebody should know.
const SOON: Duration = Duration::from_hours(14 * 24);

/// What there is to say of the certificate that a server showed.
pub(super) fn judge(response: &Response, is_unchecked: bool) -> (Outcome, String) {
    let Some(der) = response.certificate() else {
        // A tunnel hides what was shown at its end.
        match (response.url().scheme(), is_unchecked) {
            ("https", true) => return (Outcome::Warning, "NOT checked, as the configuration asks".to_owned()),
            ("https", false) => return (Outcome::Ok, "trusted; it cannot be shown through a proxy".to_owned()),
            _ => {}
        }
        return (Outcome::Warning, "plain HTTP: everybody on the way can read and change what is sent".to_owned());
    };
    let certificate = match Certificate::from_der(der.to_vec()) {
        Ok(certificate) => certificate,
        Err(error) => return (Outcome::Warning, error.to_string()),
    };
    let whose = format!("{}, issued by {}", certificate.subject(), certificate.issuer());
    if is_unchecked {
        return (Outcome::Warning, format!("{whose}; NOT checked, as the configuration asks (insecureSkipVerify)"));
    }
    if certificate.check_time(SystemTime::now() + SOON).is_err() {
        return (Outcome::Warning, format!("{whose}; trusted, but it ends within {} days", SOON.as_secs() / 86_400));
    }
    (Outcome::Ok, format!("{whose}; trusted"))
}

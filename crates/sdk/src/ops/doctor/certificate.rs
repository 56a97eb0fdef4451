//! The certificates that a server showed: who issued whom, what makes them trusted, and what is missing where they are not.

use std::time::{Duration, SystemTime};

use ocm_http::{Client, Url};
use ocm_signing::Certificate;

use super::{Authority, Outcome, report};

/// Time before the end of a certificate at which somebody should know.
const SOON: Duration = Duration::from_hours(14 * 24);

/// What was found out about the certificates of a server.
#[derive(Debug)]
pub(super) struct Judgement {
    pub(super) outcome: Outcome,
    pub(super) finding: String,
    pub(super) shown: Vec<report::Certificate>,
    pub(super) trusted_by: Option<String>,
}

/// How the client took the certificates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Trusted,
    /// The configuration asks for it.
    Unchecked,
    Refused,
}

/// Judges what the server at an address showed.
pub(super) fn judge(client: &Client, url: &Url, verdict: Verdict, authorities: &[Authority]) -> Judgement {
    if url.scheme() != "https" {
        let finding = "plain HTTP: everybody on the way can read and change what is sent".to_owned();
        return Judgement { outcome: Outcome::Warning, finding, shown: Vec::new(), trusted_by: None };
    }
    // With its port: settings for the name alone do not count where there are some for name and port.
    let host = format!(
        "{}{}",
        url.host_str().unwrap_or_default(),
        url.port().map_or(String::new(), |port| format!(":{port}"))
    );
    judge_chain(&host, client.certificates_of(url), verdict, authorities, SystemTime::now())
}

fn judge_chain(
    host: &str,
    chain: Vec<Vec<u8>>,
    verdict: Verdict,
    authorities: &[Authority],
    now: SystemTime,
) -> Judgement {
    let number = chain.len();
    let all: Vec<Certificate> = chain.into_iter().filter_map(|der| Certificate::from_der(der).ok()).collect();
    let path = path(&all);
    let told = path.iter().map(|certificate| told(certificate)).collect::<Vec<_>>().join("; ");
    let mut judgement = Judgement {
        outcome: Outcome::Ok,
        finding: told.clone(),
        shown: all.iter().map(reported).collect(),
        trusted_by: None,
    };
    let Some(last) = path.last() else {
        judgement.outcome = if verdict == Verdict::Trusted { Outcome::Ok } else { Outcome::Warning };
        return Judgement { finding: "the certificates that were shown cannot be read".to_owned(), ..judgement };
    };
    let (outcome, judged) = match verdict {
        Verdict::Unchecked => {
            (Outcome::Warning, "NOT checked, as the configuration asks (insecureSkipVerify)".to_owned())
        }
        Verdict::Trusted => {
            let anchor = match anchor(&path, authorities) {
                Some((authority, origin)) => format!("{} of {origin}", authority.subject()),
                None => format!("{} of the system", last.issuer()),
            };
            let judged = format!("trusted because of {anchor}");
            judgement.trusted_by = Some(anchor);
            match path.iter().find(|certificate| certificate.check_time(now + SOON).is_err()) {
                Some(ending) => {
                    let days = SOON.as_secs() / 86_400;
                    (Outcome::Warning, format!("{judged}; that of {} ends within {days} days", ending.subject()))
                }
                None => (Outcome::Ok, judged),
            }
        }
        Verdict::Refused => (Outcome::Failed, refused(host, number, &path, authorities, now)),
    };
    judgement.outcome = outcome;
    judgement.finding = format!("{told}: {judged}");
    judgement
}

/// The way from the server's own certificate up as far as it was shown, whatever the order of the others.
fn path(all: &[Certificate]) -> Vec<&Certificate> {
    let mut path: Vec<&Certificate> = all.first().into_iter().collect();
    while let Some(last) = path.last().filter(|last| !last.is_self_signed()) {
        let issuer = all.iter().find(|other| other.subject() == last.issuer());
        match issuer.filter(|issuer| !path.iter().any(|passed| passed.der() == issuer.der())) {
            Some(issuer) => path.push(issuer),
            None => break,
        }
    }
    path
}

/// The added authority that the path leads to: one of it, or the issuer of one of it.
fn anchor(path: &[&Certificate], authorities: &[Authority]) -> Option<(Certificate, String)> {
    let added = || {
        authorities.iter().flat_map(|authority| {
            let all = Certificate::read_all(&authority.pem).unwrap_or_default();
            all.into_iter().map(|certificate| (certificate, authority.origin.clone()))
        })
    };
    path.iter().find_map(|certificate| {
        added().find(|(added, _)| added.der() == certificate.der() || added.subject() == certificate.issuer())
    })
}

/// Why a path is not trusted, and what to do about it.
fn refused(host: &str, number: usize, path: &[&Certificate], authorities: &[Authority], now: SystemTime) -> String {
    for certificate in path {
        let (begin, end) = certificate.validity();
        if now < begin {
            return format!("that of {} counts only from {}: check the clock", certificate.subject(), moment(begin));
        }
        if now > end {
            return format!(
                "that of {} expired at {}: the registry needs a new one",
                certificate.subject(),
                moment(end)
            );
        }
    }
    let Some(last) = path.last() else { return String::new() };
    let shown = match number {
        1 => "the registry shows one certificate".to_owned(),
        number => format!("the registry shows {number} certificates"),
    };
    match anchor(path, authorities) {
        Some((authority, origin)) => format!(
            "{shown}; {} of {origin} has the name of the issuer, but it is not for {host} or did not sign it",
            authority.subject()
        ),
        None if last.is_self_signed() => format!(
            "{shown}; {} vouches for itself and is not among the authorities that are trusted, or it is not for {host}: add \
             it as certificateAuthority of the host {host} in http.config.ocm.software if it is right",
            last.subject()
        ),
        None => format!(
            "{shown}; the certificate of {} is missing: it is neither shown nor among the authorities that are trusted. Add it \
             as certificateAuthority of the host {host} in http.config.ocm.software",
            last.issuer()
        ),
    }
}

fn told(certificate: &Certificate) -> String {
    let (_, end) = certificate.validity();
    format!("{}, issued by {}, until {}", certificate.subject(), certificate.issuer(), moment(end))
}

fn reported(certificate: &Certificate) -> report::Certificate {
    let (begin, end) = certificate.validity();
    report::Certificate {
        subject: certificate.subject().to_string(),
        issuer: certificate.issuer().to_string(),
        not_before: moment(begin),
        not_after: moment(end),
    }
}

fn moment(time: SystemTime) -> String {
    jiff::Timestamp::try_from(time).map_or_else(|_| "an unknown time".to_owned(), |time| format!("{time:.0}"))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const AUTHORITY: &str = include_str!("../../../../testkit/certificates/ca.pem");
    const SERVER: &str = include_str!("../../../../testkit/certificates/server.pem");

    fn chain(texts: &[&str]) -> Vec<Vec<u8>> {
        let all = texts.iter().flat_map(|text| Certificate::read_all(text.as_bytes()).unwrap());
        all.map(|certificate| certificate.der().to_vec()).collect()
    }

    fn authority() -> Authority {
        Authority { origin: "c.yaml:3:5".into(), pem: AUTHORITY.as_bytes().to_vec() }
    }

    fn judged(texts: &[&str], verdict: Verdict, authorities: &[Authority], now: SystemTime) -> Judgement {
        judge_chain("registry.test", chain(texts), verdict, authorities, now)
    }

    #[test]
    fn what_makes_a_certificate_trusted_is_named() {
        let now = SystemTime::now();
        for shown in [&[SERVER][..], &[SERVER, AUTHORITY]] {
            let judgement = judged(shown, Verdict::Trusted, &[authority()], now);
            assert_eq!((judgement.outcome, judgement.shown.len()), (Outcome::Ok, shown.len()));
            assert!(judgement.trusted_by.unwrap().ends_with(" of c.yaml:3:5"), "{}", judgement.finding);
        }
        let judgement = judged(&[SERVER], Verdict::Trusted, &[], now);
        assert!(judgement.trusted_by.unwrap().ends_with(" of the system"));
        let judgement = judged(&[SERVER], Verdict::Unchecked, &[], now);
        assert!(judgement.outcome == Outcome::Warning && judgement.finding.contains("NOT checked"));
    }

    #[test]
    fn what_is_missing_is_named() {
        let now = SystemTime::now();
        let issuer = Certificate::read_all(SERVER.as_bytes()).unwrap()[0].issuer().to_string();
        let finding = |shown: &[&str], authorities: &[Authority], now| {
            let judgement = judged(shown, Verdict::Refused, authorities, now);
            assert_eq!((judgement.outcome, judgement.trusted_by), (Outcome::Failed, None));
            judgement.finding
        };
        let missing = finding(&[SERVER], &[], now);
        assert!(missing.contains(&format!("the certificate of {issuer} is missing")), "{missing}");
        let root = finding(&[SERVER, AUTHORITY], &[], now);
        assert!(root.contains("vouches for itself"), "{root}");
        let other = finding(&[SERVER], &[authority()], now);
        assert!(other.contains("c.yaml:3:5 has the name of the issuer"), "{other}");
        let early = finding(&[SERVER], &[authority()], SystemTime::UNIX_EPOCH);
        assert!(early.contains("counts only from"), "{early}");
        let late = finding(&[SERVER], &[authority()], now + Duration::from_hours(24 * 365 * 200));
        assert!(late.contains("expired at"), "{late}");
    }

    #[test]
    fn an_end_that_is_near_is_told() {
        let end = Certificate::read_all(SERVER.as_bytes()).unwrap()[0].validity().1;
        let judgement = judged(&[SERVER], Verdict::Trusted, &[authority()], end - Duration::from_hours(24));
        assert!(judgement.outcome == Outcome::Warning && judgement.finding.contains("ends within 14 days"));
    }
}

//! Who is logged in where.

use ocm::ops::login::Report;

use super::escape::terminal;

/// What `login` did.
pub(crate) fn login(report: &Report) -> String {
    format!("logged in to {}; the password is kept {}\n", terminal(&report.registry), place(report))
}

/// What `logout` did.
pub(crate) fn logout(report: &Report) -> String {
    format!("logged out of {}; the password was kept {}\n", terminal(&report.registry), place(report))
}

fn place(report: &Report) -> String {
    let file = report.file.display().to_string();
    match &report.helper {
        Some(helper) => format!("by {}, which {} names", terminal(helper), terminal(&file)),
        None => format!("unencrypted in {}", terminal(&file)),
    }
}

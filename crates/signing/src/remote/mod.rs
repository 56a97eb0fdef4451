//! Keys that somebody else keeps: a service asked over HTTPS, a program that is started. The private key never comes here.

mod command;
mod known;
mod service;

pub use command::CommandSigner;
pub use known::Known;
pub use service::ServiceSigner;

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;

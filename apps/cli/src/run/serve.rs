use ocm::ops::serve;
use serde_json::json;

use super::Session;
use super::interruption::interruption;
use crate::args::Serve;
use crate::exit::Failure;
use crate::print::{object, out};

/// Serves an archive until somebody interrupts, which is its ordinary end.
pub(crate) async fn run(session: &Session, arguments: Serve) -> Result<(), Failure> {
    let interruption = interruption()?;
    session.say_unknown().await?;
    let request = serve::Request { path: arguments.path, address: arguments.address, writable: arguments.writable };
    let server = serve::bind(&session.context, &request).await?;
    let address = server.address().to_string();
    out(&match arguments.report {
        None => format!("{address}\n"),
        Some(form) => object(form.into(), &json!({"address": address, "writable": request.writable}))?,
    })?;
    server.run(interruption).await;
    Ok(())
}

//! Serves an empty registry in memory; the first line says where. `cargo run -p ocm-serve --example memory -- 127.0.0.1:5000`

#![allow(clippy::print_stdout)]

use std::sync::Arc;

use ocm_oci::MemoryRegistry;
use ocm_serve::{Options, Server};

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:0".to_owned());
    let options = Options { writable: true, ..Options::default() };
    let server = Server::bind(address, Arc::new(MemoryRegistry::new()), options).await?;
    println!("{}", server.address());
    server.run(async { drop(tokio::signal::ctrl_c().await) }).await;
    Ok(())
}

//! `nginx` as a server that asks for the certificate of its client.

use std::process::Command;

use crate::sandbox::Sandbox;
use crate::tls::{Peer, certificate, free, peer, started};

/// Starts it with what it does where: entries `location` of its configuration. Returns the port, too; `None` where there is
/// no `nginx`.
pub(crate) fn start(sandbox: &Sandbox, locations: &str) -> Option<(Peer, u16)> {
    let (nginx, port, folder) = (peer("nginx")?, free(), sandbox.path("nginx"));
    let here = folder.display();
    let temporary: Vec<_> = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .iter()
        .map(|name| format!("{name}_temp_path {here}/{name};"))
        .collect();
    let text = format!(
        "daemon off; pid {here}/pid; error_log {here}/error.log; events {{}}\n\
         http {{ access_log off; client_max_body_size 0; {}\n\
         server {{ listen 127.0.0.1:{port} ssl; ssl_certificate {}; ssl_certificate_key {};\n\
         ssl_client_certificate {}; ssl_verify_client on;\n\
         {locations} }} }}\n",
        temporary.concat(),
        certificate("server.pem"),
        certificate("server.key"),
        certificate("ca.pem"),
    );
    sandbox.file("nginx/nginx.conf", &text);
    Some((started(Command::new(nginx).arg("-p").arg(&folder).arg("-c").arg(folder.join("nginx.conf")), port), port))
}

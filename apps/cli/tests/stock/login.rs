//! A registry that asks who is there: what a client's login left behind is enough for the program.

use crate::client::Client;
use crate::layout::Layout;
use crate::pull;
use crate::registry::Registry;
use crate::sandbox::Sandbox;

const COMPONENT: &str = "acme.org/private";

/// Exit status of the program for somebody who may not.
const NOT_AUTHORISED: i32 = 6;

#[test]
fn a_login_with_crane_is_a_login() {
    let Some(crane) = Client::find("crane") else { return };
    for registry in Registry::each_locked() {
        let sandbox = Sandbox::new();
        let layout = Layout::image(&sandbox, "layout", 1);
        sandbox.add_image(COMPONENT, "");
        let line = format!("transfer cv transport-archive//{COMPONENT}:1.0.0 http://{}", registry.address);
        sandbox.ocm_fails(&line, NOT_AUTHORISED);
        crane.run(&sandbox, &format!("auth login -u somebody -p wrong {}", registry.address));
        let message = sandbox.ocm_fails(&line, NOT_AUTHORISED);
        assert!(!message.contains("wrong"), "{message}");
        crane.run(&sandbox, &format!("auth login -u somebody -p secret {}", registry.address));
        sandbox.ocm(&line);
        // The library that `oras` stands for here reads no login.
        pull::everything_but("oras", &sandbox, &registry, &registry.repository(COMPONENT), &layout);
    }
}

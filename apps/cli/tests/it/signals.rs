//! Signals end the program also while it waits for something that never comes.
#![cfg(unix)]

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::sandbox::Sandbox;

/// The program, waiting for somebody to write into the constructor it opened.
fn stuck(sandbox: &Sandbox) -> Child {
    assert!(Command::new("mkfifo").arg(sandbox.path("pipe")).status().unwrap().success());
    let mut command = sandbox.command(&["add", "cv", "-c", "pipe", "-r", "ctf"]);
    let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    // Signals have been taken over when there is a thread for them.
    let begin = Instant::now();
    let threads = format!("/proc/{}/task", child.id());
    let has_thread =
        || {
            let tasks = std::fs::read_dir(&threads).ok()?;
            Some(tasks.flatten().any(|task| {
                std::fs::read_to_string(task.path().join("comm")).is_ok_and(|name| name.trim() == "signals")
            }))
        };
    while has_thread() == Some(false) && begin.elapsed() < Duration::from_secs(10) {
        std::thread::sleep(Duration::from_millis(10));
    }
    std::thread::sleep(Duration::from_millis(300));
    child
}

fn send(child: &Child, signal: &str) {
    assert!(Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap().success());
}

/// How the program ended, if it did so in time.
fn end(child: &mut Child, limit: Duration) -> Option<i32> {
    let begin = Instant::now();
    while begin.elapsed() < limit {
        if let Some(status) = child.try_wait().unwrap() {
            return status.code();
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    None
}

#[test]
fn the_second_signal_ends_at_once_what_the_first_cannot() {
    for signal in ["-INT", "-TERM", "-HUP"] {
        let sandbox = Sandbox::new();
        let mut child = stuck(&sandbox);
        send(&child, signal);
        std::thread::sleep(Duration::from_millis(300));
        assert!(child.try_wait().unwrap().is_none(), "{signal}");
        send(&child, signal);
        assert_eq!(end(&mut child, Duration::from_secs(3)), Some(130), "{signal}");
    }
}

#[test]
fn one_signal_is_enough_after_a_while() {
    let sandbox = Sandbox::new();
    let mut child = stuck(&sandbox);
    send(&child, "-TERM");
    assert_eq!(end(&mut child, Duration::from_secs(15)), Some(130));
}

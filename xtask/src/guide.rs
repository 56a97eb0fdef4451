//! Runs every command line of the guide, as a reader would: file by file, each in an empty folder.
//!
//! In blocks marked `console`, lines that start with `$ ` are commands, lines that start with `> ` continue them, and the
//! others are what the command prints on stdout. Output that is shown is compared; `…` stands for anything, blanks at the
//! ends of lines do not count. A command must succeed.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The address the guide uses; every file gets one of its own instead.
const ADDRESS: &str = "127.0.0.1:5001";
/// Written between commands; no program prints them.
const BEFORE: char = '\u{1e}';
const AFTER: char = '\u{1f}';

/// A command of the guide and the output that is shown for it.
#[derive(Debug, PartialEq, Eq)]
struct Step {
    line: usize,
    command: String,
    shown: String,
}

/// Runs README.md and all of docs/guide with the given program.
pub(crate) fn check(root: &Path, ocm: &Path) -> Result<(), String> {
    let fault = |path: &Path, e: std::io::Error| format!("{}: {e}", path.display());
    let guide = root.join("docs/guide");
    let entries = std::fs::read_dir(&guide).map_err(|e| fault(&guide, e))?;
    let mut files: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    files.push(root.join("README.md"));
    files.sort();
    let mut faults = String::new();
    for file in files {
        let text = std::fs::read_to_string(&file).map_err(|e| fault(&file, e))?;
        let steps = steps(&text);
        if steps.is_empty() {
            continue;
        }
        let name = file.strip_prefix(root).unwrap_or(&file).display().to_string();
        match run(root, ocm, &name, &steps) {
            Ok(()) => println!("{name}: {} commands ran", steps.len()),
            Err(said) => {
                let _ = write!(faults, "{name}:{said}\n\n");
            }
        }
    }
    if faults.is_empty() { Ok(()) } else { Err(faults) }
}

fn steps(text: &str) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    let mut inside = false;
    for (index, line) in text.lines().enumerate() {
        if line.starts_with("```") {
            inside = line == "```console";
        } else if !inside {
        } else if let Some(command) = line.strip_prefix("$ ") {
            steps.push(Step { line: index + 1, command: command.to_owned(), shown: String::new() });
        } else if let Some(step) = steps.last_mut() {
            match line.strip_prefix("> ").or_else(|| (line == ">").then_some("")) {
                Some(more) if step.shown.is_empty() => step.command = format!("{}\n{more}", step.command),
                _ => step.shown = format!("{}{}\n", step.shown, line.trim_end()),
            }
        }
    }
    steps
}

fn run(root: &Path, ocm: &Path, name: &str, steps: &[Step]) -> Result<(), String> {
    let folder = root.join("target/guide").join(name.replace(['/', '.'], "-"));
    let work = folder.join("work");
    let fault = |e: std::io::Error| format!(" {}: {e}", folder.display());
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&work).map_err(fault)?;
    let address = std::net::TcpListener::bind("127.0.0.1:0").and_then(|port| port.local_addr()).map_err(fault)?;
    let script = script(steps, &address.to_string(), address.port());

    let path = std::env::var("PATH").unwrap_or_default();
    let programs = ocm.parent().unwrap_or(root).display().to_string();
    let output = Command::new("bash")
        .args(["-c", &script])
        .current_dir(&work)
        .env("PATH", format!("{programs}:{path}"))
        .env("HOME", folder.join("home"))
        .env_remove("OCM_CONFIG")
        .stdin(std::process::Stdio::null())
        .output()
        .map_err(fault)?;
    let said = String::from_utf8_lossy(&output.stdout).replace(&address.to_string(), ADDRESS);
    let talk = String::from_utf8_lossy(&output.stderr).into_owned();

    let mut parts = said.split(BEFORE).skip(1);
    for step in steps {
        let fault = |what: String| format!("{}: {}\n{what}", step.line, step.command);
        let ran = parts.next().and_then(|part| part.split_once(AFTER));
        let Some((printed, status)) = ran else { return Err(fault(format!("did not run\n{talk}"))) };
        if status.trim() != "0" {
            let talk = talk.split(BEFORE).nth(1 + steps.iter().position(|other| other == step).unwrap_or(0));
            return Err(fault(format!("exit {}\n{}{printed}", status.trim(), talk.unwrap_or_default())));
        }
        if !step.shown.is_empty() && !matches(&step.shown, printed) {
            return Err(fault(format!("prints\n{printed}instead of\n{}", step.shown)));
        }
    }
    std::fs::remove_dir_all(&folder).map_err(fault)
}

/// The commands as one script, with marks around the output of each.
fn script(steps: &[Step], address: &str, port: u16) -> String {
    let mut script = "trap 'kill $(jobs -p) 2>/dev/null' EXIT\n".to_owned();
    for step in steps {
        let command = step.command.replace(ADDRESS, address);
        let command = match command.strip_suffix(" &") {
            // A reader takes longer to type the next line than a server to come up.
            Some(server) => format!(
                "{server} >/dev/null &\n\
                 for _ in $(seq 200); do (: </dev/tcp/127.0.0.1/{port}) 2>/dev/null && break; sleep 0.05; done"
            ),
            None => command,
        };
        let _ = write!(
            script,
            "printf '\\036' >&2; printf '\\036'\n{command}\nstatus=$?; printf '\\037%s\\n' $status; [ $status = 0 ] || exit\n"
        );
    }
    script
}

/// Whether what was printed is what is shown, `…` standing for anything.
fn matches(shown: &str, printed: &str) -> bool {
    let printed: String = printed.lines().flat_map(|line| [line.trim_end(), "\n"]).collect();
    let mut pieces = shown.split('…');
    let Some(mut rest) = printed.strip_prefix(pieces.next().unwrap_or_default()) else { return false };
    let Some(last) = pieces.next_back() else { return rest.is_empty() };
    for piece in pieces {
        let Some((_, after)) = rest.split_once(piece) else { return false };
        rest = after;
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_commands_continuations_and_output() {
        let text = "text\n```console\n$ cat <<END\n> a\n>\n> END\na\n\n$ true\n```\n```\n$ not this\n```\n";
        let expected = [
            Step { line: 3, command: "cat <<END\na\n\nEND".to_owned(), shown: "a\n\n".to_owned() },
            Step { line: 9, command: "true".to_owned(), shown: String::new() },
        ];
        assert_eq!(steps(text), expected);
    }

    #[test]
    fn an_ellipsis_stands_for_anything() {
        assert!(matches("a\nb\n", "a  \nb\n"));
        assert!(!matches("a\n", "a\nb\n"));
        assert!(matches("a…z\n", "a\nmany\nz\n"));
        assert!(matches("…\n", "anything\n"));
        assert!(!matches("a…b…c\n", "a c\n"));
    }

    #[test]
    fn a_failing_command_ends_the_script() {
        let steps = steps("```console\n$ false\n$ echo no\n```\n");
        let output = Command::new("bash").args(["-c", &script(&steps, "127.0.0.1:1", 1)]).output();
        let said = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
        assert_eq!(said.ok().as_deref(), Some("\u{1e}\u{1f}1\n"));
    }
}

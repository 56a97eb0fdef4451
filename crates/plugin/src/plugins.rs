//! The plugins of a run: found when the first type is looked for, started when the first question is asked.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures_util::{StreamExt as _, stream};
use ocm_model::TypedObject;
use tokio::sync::OnceCell;

use crate::discovery::look;
use crate::running::{Running, is_withheld};
use crate::{Capability, Error, Kind, Offer, Plugin, Program, Result, ask, candidates};

/// How long a program may take to say what it offers.
const PATIENCE: Duration = Duration::from_secs(10);

/// Programs that are asked at the same time.
const AT_ONCE: usize = 8;

/// How long all programs together may take. A folder that is full of programs which hang would stop every command.
const PATIENCE_WITH_ALL: Duration = Duration::from_secs(30);

/// Most programs that are warned of one by one. A folder of other programs that was named by mistake has hundreds.
const MOST_WARNINGS: usize = 10;

/// Where plugins are, and what they are given.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Folders of programs that somebody named; the first that offers a type has it. One that is not there is left out like a
    /// program that is none.
    pub folders: Vec<PathBuf>,
    /// The folder that is looked at after them, if it is there.
    pub usual_folder: Option<PathBuf>,
    /// The environment, of which plugins see what programs need to work at all.
    pub environment: BTreeMap<String, String>,
    /// Folder for what plugins hand over; the default is the one of the system.
    pub temporary: Option<PathBuf>,
    /// How long a plugin waits for work before it ends itself. Default one hour.
    pub idle_timeout: Duration,
    /// How long a plugin may take to end when it is told to. Default ten seconds.
    pub shutdown_timeout: Duration,
    /// How long a plugin may take to say where it listens. Default 30 seconds.
    pub start_timeout: Duration,
    /// How long a plugin may work on content without any sign that it does. Default two minutes.
    pub silence: Duration,
    /// Types that are built in, which no plugin gets.
    pub built_in: HashSet<(Capability, String)>,
    /// Entries of the configuration; a plugin is given those whose types it announced.
    pub configurations: Vec<TypedObject>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            folders: Vec::new(),
            usual_folder: None,
            environment: BTreeMap::new(),
            temporary: None,
            idle_timeout: Duration::from_hours(1),
            shutdown_timeout: Duration::from_secs(10),
            start_timeout: Duration::from_secs(30),
            silence: Duration::from_mins(2),
            built_in: HashSet::new(),
            configurations: Vec::new(),
        }
    }
}

/// A program, or a part of what it offers, that is left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The program, or the folder.
    pub path: PathBuf,
    /// Why.
    pub reason: String,
}

/// What the plugin folders have.
#[derive(Clone, Debug, Default)]
pub struct Found {
    /// The programs that are plugins, in the order of their folders and paths.
    pub programs: Vec<Arc<Program>>,
    /// Those that are not, and parts that are left out.
    pub faults: Vec<Fault>,
    /// Position of the program that has a type.
    types: HashMap<(Capability, String), usize>,
}

/// All plugins. Cheap to clone; clones share the running programs, which end with the last clone.
#[derive(Clone, Default)]
pub struct Plugins(Arc<Inner>);

#[derive(Default)]
struct Inner {
    settings: Settings,
    found: OnceCell<Found>,
    running: Mutex<HashMap<PathBuf, Arc<OnceCell<Arc<Running>>>>>,
}

impl Plugins {
    /// The plugins of some folders. Nothing is read or started yet.
    pub fn new(settings: Settings) -> Self {
        Self(Arc::new(Inner { settings, ..Inner::default() }))
    }

    /// Whether there is any program that may be a plugin. None is asked.
    pub fn has_programs(&self) -> bool {
        let settings = &self.0.settings;
        let mut folders = settings.folders.iter().chain(&settings.usual_folder);
        folders.any(|folder| candidates(folder).is_ok_and(|programs| !programs.is_empty()))
    }

    /// What there is. Programs are asked the first time, and each that is left out is warned of.
    pub async fn found(&self) -> &Found {
        self.0.found.get_or_init(|| find(&self.0.settings)).await
    }

    /// The plugin that has a type, by any of its names.
    pub async fn offering(&self, capability: Capability, kind: &str) -> Option<Plugin> {
        let found = self.found().await;
        let program = &found.programs[*found.types.get(&(capability, kind.to_owned()))?];
        Some(Plugin::new(self.clone(), program.clone(), capability))
    }

    /// The programs that are left out, as the end of a message that something is not offered; empty if there are none.
    pub async fn left_out(&self) -> String {
        let faults = &self.found().await.faults;
        let mut paths: Vec<String> = faults.iter().map(|fault| fault.path.display().to_string()).collect();
        paths.dedup();
        match paths.as_slice() {
            [] => String::new(),
            few if few.len() <= 3 => format!("; left out: {}", few.join(", ")),
            [first, ..] => format!("; left out: {first} and {} more, see `ocm plugin list`", paths.len() - 1),
        }
    }

    /// All types of a capability with their programs.
    pub async fn types(&self, capability: Capability) -> Vec<(crate::OfferedType, Arc<Program>)> {
        let found = self.found().await;
        let has = |program: &Arc<Program>, name: &str| {
            found
                .types
                .get(&(capability, name.to_owned()))
                .is_some_and(|position| Arc::ptr_eq(&found.programs[*position], program))
        };
        let mut types = Vec::new();
        for program in &found.programs {
            for offer in program.announcement.offers.iter().filter(|offer| offer.capability == capability) {
                let own = offer.types.iter().filter(|kind| has(program, &kind.name));
                types.extend(own.map(|kind| (kind.clone(), program.clone())));
            }
        }
        types
    }

    /// The types of configuration entries that programs want and get.
    pub async fn configuration_types(&self) -> BTreeSet<String> {
        if !self.has_programs() {
            return BTreeSet::new();
        }
        let programs = self.found().await.programs.iter();
        let wanted = programs.flat_map(|program| &program.announcement.configuration_types);
        wanted.filter(|kind| !is_withheld(kind)).cloned().collect()
    }

    /// Types of credentials that only stores of plugins know, with the programs of these.
    pub async fn credential_types(&self) -> Vec<(crate::OfferedType, Arc<Program>)> {
        self.beside(|offer| &offer.credentials).await
    }

    /// Types of consumers that stores of plugins have credentials for, with the programs of these.
    pub async fn consumer_types(&self) -> Vec<(crate::OfferedType, Arc<Program>)> {
        self.beside(|offer| &offer.consumers).await
    }

    /// Types that programs name beside those that they offer.
    async fn beside(&self, of: impl Fn(&Offer) -> &[crate::OfferedType]) -> Vec<(crate::OfferedType, Arc<Program>)> {
        let mut types = Vec::new();
        for program in &self.found().await.programs {
            let named = program.announcement.offers.iter().flat_map(&of);
            types.extend(named.map(|kind| (kind.clone(), program.clone())));
        }
        types
    }

    /// Tells all plugins that were started to end, and ends those that do not.
    pub async fn shut_down(&self) {
        let running: Vec<_> = self.running().drain().map(|(_, cell)| cell).collect();
        let patience = self.0.settings.shutdown_timeout;
        let ending = running.iter().filter_map(|cell| cell.get()).map(|running| running.shut_down(patience));
        futures_util::future::join_all(ending).await;
    }

    /// Ends all plugins that were started at once, without asking them: for whoever is interrupted.
    pub fn abandon(&self) {
        self.running().clear();
    }

    /// The running program of a plugin, started if it is not. One that ended by itself is started again.
    pub(crate) async fn start(&self, program: &Arc<Program>, capability: Capability) -> Result<Arc<Running>> {
        let cell = {
            let mut running = self.running();
            if running.get(&program.path).and_then(|cell| cell.get()).is_some_and(|running| running.has_ended()) {
                running.remove(&program.path);
            }
            running.entry(program.path.clone()).or_default().clone()
        };
        let start = || async { Running::start(program, capability, &self.0.settings).await.map(Arc::new) };
        cell.get_or_try_init(start).await.cloned()
    }

    fn running(&self) -> std::sync::MutexGuard<'_, HashMap<PathBuf, Arc<OnceCell<Arc<Running>>>>> {
        self.0.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn find(settings: &Settings) -> Found {
    let (mut found, mut paths) = (Found::default(), Vec::new());
    let named = settings.folders.iter().map(|folder| (folder, true));
    for (folder, is_named) in named.chain(settings.usual_folder.iter().map(|folder| (folder, false))) {
        match look(folder) {
            Ok(more) => {
                paths.extend(more.programs);
                let unfit = more.unfit.into_iter();
                found.faults.extend(unfit.map(|(path, reason)| Fault { path, reason: reason.to_owned() }));
            }
            Err(error) if !is_named && error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => found.faults.push(Fault { path: folder.clone(), reason: error.to_string() }),
        }
    }
    // A folder may be named twice, and one may lie in another.
    let mut seen = HashSet::new();
    paths.retain(|path| seen.insert(path.clone()));
    let end = Instant::now() + PATIENCE_WITH_ALL;
    let asked = stream::iter(paths).map(|path| async move {
        let left = end.saturating_duration_since(Instant::now());
        let announcement = if left.is_zero() {
            let reason = "was not asked: the programs before it took too long";
            Err(Error::new(Kind::Unavailable, path.display(), reason))
        } else {
            ask(&path, &settings.environment, PATIENCE.min(left)).await
        };
        (path, announcement)
    });
    let asked: Vec<_> = asked.buffered(AT_ONCE).collect().await;
    for (path, announcement) in asked {
        match announcement {
            Ok(announcement) => found.add(Program { path, announcement }, &settings.built_in),
            Err(error) => found.faults.push(Fault { path, reason: error.reason().to_owned() }),
        }
    }
    let mut warned: Vec<(&PathBuf, Vec<&str>)> = Vec::new();
    for Fault { path, reason } in &found.faults {
        match warned.iter_mut().find(|(other, _)| *other == path) {
            Some((_, reasons)) => reasons.push(reason),
            None => warned.push((path, vec![reason])),
        }
    }
    for (path, reasons) in warned.iter().take(MOST_WARNINGS) {
        let (path, reason) = (path.display().to_string(), reasons.join("; "));
        tracing::warn!(target: "ocm", plugin = path, reason, "plugin left out");
    }
    if let Some(more @ 1..) = warned.len().checked_sub(MOST_WARNINGS) {
        tracing::warn!(target: "ocm", "{more} more programs are left out: `ocm plugin list` names all of them");
    }
    found
}

impl Found {
    fn add(&mut self, program: Program, built_in: &HashSet<(Capability, String)>) {
        let position = self.programs.len();
        let mut fault = |reason: String| self.faults.push(Fault { path: program.path.clone(), reason });
        for name in &program.announcement.unknown {
            fault(format!("its capability {name:?} means nothing here"));
        }
        for offer in &program.announcement.offers {
            for kind in &offer.types {
                for name in kind.names() {
                    let key = (offer.capability, name.to_owned());
                    if built_in.contains(&key) {
                        fault(format!("its type {name:?} for {} is left out: it is built in", offer.capability.name()));
                        continue;
                    }
                    match self.types.get(&key) {
                        Some(other) if *other == position && name != kind.name => {}
                        Some(other) => {
                            let other = self
                                .programs
                                .get(*other)
                                .map_or_else(|| "itself".to_owned(), |program| program.path.display().to_string());
                            fault(format!(
                                "its type {name:?} for {} is left out: {other} has it already",
                                offer.capability.name()
                            ));
                        }
                        None => {
                            self.types.insert(key, position);
                        }
                    }
                }
            }
        }
        self.programs.push(Arc::new(program));
    }
}

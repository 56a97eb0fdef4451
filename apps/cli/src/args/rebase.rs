use clap::Args;

use super::{CheckKind, Command, DownloadKind, TransferKind};

/// Where images are looked for, for the commands that read content.
#[derive(Clone, Copy, Debug, Default, Args)]
pub(crate) struct Rebase {
    /// Look for images at their recorded addresses only. Without it, an image that was stored together with its component
    /// version is first looked for where that was opened
    #[arg(long)]
    pub(crate) no_rebase: bool,
}

impl Command {
    /// Where this command looks for images.
    pub(crate) fn rebase(&self) -> Rebase {
        match self {
            Self::Transfer(transfer) => match &transfer.kind {
                Some(TransferKind::ComponentVersion(arguments)) => arguments.options.rebase,
                Some(TransferKind::Archive(arguments) | TransferKind::ComponentArchive(arguments)) => {
                    arguments.options.rebase
                }
                Some(TransferKind::Artifact(_)) | None => Rebase::default(),
            },
            Self::Download(download) => match &download.kind {
                Some(
                    DownloadKind::Resource(arguments)
                    | DownloadKind::Resources(arguments)
                    | DownloadKind::Sources(arguments),
                ) => arguments.rebase,
                _ => Rebase::default(),
            },
            Self::Check(check) => match &check.kind {
                Some(CheckKind::ComponentVersion(arguments)) => arguments.rebase,
                _ => Rebase::default(),
            },
            _ => Rebase::default(),
        }
    }
}

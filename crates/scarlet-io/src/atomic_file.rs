//! Files that appear whole or not at all, where their path says.

use std::fs::{self, File, Metadata};
use std::io::{self, BufWriter, Seek, Write};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

/// Names of files that are not finished. What a killed process leaves of them can be told apart
/// from what a user put there.
const PREFIX: &str = ".scarlet-";
const SUFFIX: &str = ".part";

/// Links that lead to links, as many as Linux follows.
const MOST_LINKS: usize = 40;

/// Output on its way to a path.
///
/// - A path of a regular file, or of nothing yet, gets a temporary file beside it, which takes its
///   place when it is [finished](Self::finish) and vanishes when it is dropped before: the path
///   holds either what it held before or all of the output. The new file keeps the old one's
///   permissions and, where the system allows, its owner and group. Other names of the old file
///   (hard links) keep the old content.
/// - A symbolic link is followed: the file that it leads to is replaced or made, the link stays.
/// - A character device, a pipe, and the process's own streams (`/dev/stdout`) are written to
///   directly, and hold what arrived when something fails.
/// - Folders, block devices and sockets are refused, and so are files that may not be written:
///   those that the system does not open for writing, and those that nobody has permission to
///   write, even where the superuser could.
#[derive(Debug)]
pub struct OutputFile(Destination);

#[derive(Debug)]
enum Destination {
    Replace {
        temporary: NamedTempFile,
        target: PathBuf,
    },
    Stream(File),
}

impl OutputFile {
    /// Opens the way to `path`. Opening a named pipe waits for its reader.
    ///
    /// # Errors
    ///
    /// When `path` names something that is refused, or no file can be made beside it: better now
    /// than after hours of work.
    pub fn create(path: &Path) -> io::Result<Self> {
        let stream = |file| Ok(Self(Destination::Stream(file)));
        let target = match follow(path)? {
            Place::Descriptor(path) => return stream(open_descriptor(&path)?),
            Place::Path(target) => target,
        };
        let old = match fs::metadata(&target) {
            Ok(old) => Some(old),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(error),
        };
        if old.is_none() && names_a_folder(&target) {
            return Err(io::ErrorKind::IsADirectory.into());
        }
        if let Some(old) = &old {
            if is_stream(old)? {
                return stream(File::options().write(true).open(&target)?);
            }
            check_writable(&target, old)?;
        }
        let temporary = temporary_beside(&target)?;
        if let Some(old) = &old {
            keep_permissions(temporary.as_file(), old)?;
        }
        Ok(Self(Destination::Replace { temporary, target }))
    }

    /// Whether the output takes its place only when it is finished; else what is written is gone
    /// at once, into a device or a pipe.
    pub fn replaces(&self) -> bool {
        matches!(self.0, Destination::Replace { .. })
    }

    /// Puts the output into its place, once all of it has reached the disk.
    ///
    /// # Errors
    ///
    /// When it cannot be written or moved; then the path holds what it held before.
    pub fn finish(self) -> io::Result<()> {
        match self.0 {
            Destination::Stream(mut stream) => stream.flush(),
            Destination::Replace { temporary, target } => {
                temporary.as_file().sync_all()?;
                temporary.persist(&target)?;
                // The new name too must survive a crash. Not every system can sync a folder.
                if let Ok(folder) = File::open(folder_of(&target)) {
                    let _ = folder.sync_all();
                }
                Ok(())
            }
        }
    }

    /// The same without waiting for the disk, for files whose reader finds out by itself what a
    /// crash of the machine has left of them.
    ///
    /// # Errors
    ///
    /// As [`finish`](Self::finish).
    pub fn finish_unsynced(self) -> io::Result<()> {
        match self.0 {
            Destination::Stream(mut stream) => stream.flush(),
            Destination::Replace { temporary, target } => {
                temporary.persist(target)?;
                Ok(())
            }
        }
    }

    /// Puts the output into another place of the same folder than it was created for. What went
    /// into a device or a pipe is there already.
    ///
    /// # Errors
    ///
    /// As [`create`](Self::create) and [`finish`](Self::finish).
    pub fn finish_as(self, path: &Path) -> io::Result<()> {
        let Destination::Replace { temporary, .. } = self.0 else {
            return self.finish();
        };
        let Self(Destination::Replace {
            temporary: other,
            target,
        }) = Self::create(path)?
        else {
            return Err(io::Error::other("it is not a regular file"));
        };
        // Only its place and its permissions are wanted.
        let permissions = other.as_file().metadata()?.permissions();
        temporary.as_file().set_permissions(permissions)?;
        Self(Destination::Replace { temporary, target }).finish()
    }
}

impl Write for OutputFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.0 {
            Destination::Replace { temporary, .. } => temporary.write(bytes),
            Destination::Stream(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.0 {
            Destination::Replace { temporary, .. } => temporary.flush(),
            Destination::Stream(stream) => stream.flush(),
        }
    }
}

/// Writes a file through an [`OutputFile`], so that `path` holds either what it held before or all
/// of what `write` wrote, even after a crash or on a full disk.
///
/// # Errors
///
/// Those of `write`, and of [`OutputFile::create`] and [`OutputFile::finish`].
pub fn write<E: From<io::Error>>(
    path: &Path,
    write: impl FnOnce(&mut dyn Write) -> Result<(), E>,
) -> Result<(), E> {
    let mut output = OutputFile::create(path)?;
    let mut writer = BufWriter::with_capacity(1 << 20, &mut output);
    write(&mut writer)?;
    writer.flush()?;
    drop(writer);
    Ok(output.finish()?)
}

/// The same for files of which a part is only known when the rest is written.
///
/// # Errors
///
/// As [`write`](fn@write).
pub fn write_seekable<E: From<io::Error>>(
    path: &Path,
    write: impl FnOnce(&mut File) -> Result<(), E>,
) -> Result<(), E> {
    let mut output = OutputFile::create(path)?;
    match &mut output.0 {
        Destination::Replace { temporary, .. } => write(temporary.as_file_mut())?,
        // In a device or a pipe there is no way back.
        Destination::Stream(stream) => {
            let mut file = tempfile::tempfile()?;
            write(&mut file)?;
            file.rewind()?;
            io::copy(&mut file, stream)?;
        }
    }
    Ok(output.finish()?)
}

/// Whether output to `path` ends up on this process's standard output, as with `/dev/stdout`, so
/// that nothing else should be printed there.
pub fn is_standard_output(path: &Path) -> bool {
    matches!(follow(path), Ok(Place::Descriptor(path)) if own_descriptor(&path) == Some(1))
}

/// Removes what killed processes left unfinished in a folder that nobody else is writing to.
///
/// # Errors
///
/// When the folder cannot be read, or a file not removed.
pub fn remove_unfinished(folder: &Path) -> io::Result<()> {
    for entry in folder.read_dir()? {
        let entry = entry?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name.starts_with(PREFIX) && name.ends_with(SUFFIX) && entry.file_type()?.is_file() {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

/// Where a path leads.
enum Place {
    /// What a process has open: its link has a text, but no file need be there.
    Descriptor(PathBuf),
    /// No link.
    Path(PathBuf),
}

/// Follows symbolic links, also to a file that is not there yet.
fn follow(path: &Path) -> io::Result<Place> {
    let mut path = path.to_owned();
    for _ in 0..MOST_LINKS {
        if is_descriptor(&path) {
            return Ok(Place::Descriptor(path));
        }
        match fs::symlink_metadata(&path) {
            Ok(metadata) if metadata.is_symlink() => {
                path = folder_of(&path).join(fs::read_link(&path)?);
            }
            // What is wrong with it is found when it is opened.
            _ => return Ok(Place::Path(path)),
        }
    }
    Err(io::Error::other(
        "too many symbolic links, one leading to the next",
    ))
}

/// Whether a path names one of the files that a process has open.
fn is_descriptor(path: &Path) -> bool {
    let number = path.file_name().and_then(|name| name.to_str());
    if number.is_none_or(|number| number.parse::<u32>().is_err()) {
        return false;
    }
    folder_of(path).canonicalize().is_ok_and(|folder| {
        folder == Path::new("/dev/fd") || (folder.starts_with("/proc") && folder.ends_with("fd"))
    })
}

/// The number of one of this process's own open files.
fn own_descriptor(path: &Path) -> Option<u32> {
    let folder = folder_of(path).canonicalize().ok()?;
    let own = Path::new("/proc").join(std::process::id().to_string());
    let is_own = folder == Path::new("/dev/fd") || folder.starts_with(own);
    is_own.then(|| path.file_name()?.to_str()?.parse().ok())?
}

#[cfg(unix)]
fn open_descriptor(path: &Path) -> io::Result<File> {
    use std::os::fd::AsFd;
    // A copy of the stream itself goes on where it is, in a file too.
    let owned = match own_descriptor(path) {
        Some(1) => io::stdout().as_fd().try_clone_to_owned()?,
        Some(2) => io::stderr().as_fd().try_clone_to_owned()?,
        _ => return File::options().append(true).open(path),
    };
    Ok(owned.into())
}

#[cfg(not(unix))]
fn open_descriptor(path: &Path) -> io::Result<File> {
    File::options().append(true).open(path)
}

/// Whether what is there is written to as it is. An error for what takes no output.
#[cfg(unix)]
fn is_stream(metadata: &Metadata) -> io::Result<bool> {
    use std::os::unix::fs::FileTypeExt;
    let kind = metadata.file_type();
    if kind.is_block_device() {
        return Err(io::Error::other(
            "it is a block device, whose content would be lost: write a file and copy it there",
        ));
    }
    if kind.is_socket() {
        return Err(io::Error::other(
            "it is a socket: write to /dev/stdout and pipe that into a program that connects to it",
        ));
    }
    is_stream_elsewhere(metadata)
        .map(|is_stream| is_stream || kind.is_fifo() || kind.is_char_device())
}

#[cfg(not(unix))]
fn is_stream(metadata: &Metadata) -> io::Result<bool> {
    is_stream_elsewhere(metadata)
}

fn is_stream_elsewhere(metadata: &Metadata) -> io::Result<bool> {
    match metadata.is_dir() {
        true => Err(io::ErrorKind::IsADirectory.into()),
        false => Ok(!metadata.is_file()),
    }
}

/// Refuses a file that may not be written: replacing it would get around that.
fn check_writable(path: &Path, metadata: &Metadata) -> io::Result<()> {
    if metadata.permissions().readonly() {
        return Err(io::Error::new(
            io::ErrorKind::PermissionDenied,
            "it is read-only: make it writable (chmod u+w) or choose another name",
        ));
    }
    File::options().write(true).open(path).map(drop)
}

/// A path that ends in a separator.
fn names_a_folder(path: &Path) -> bool {
    let text = path.as_os_str().as_encoded_bytes();
    text.last()
        .is_some_and(|&last| std::path::is_separator(char::from(last)))
}

fn temporary_beside(path: &Path) -> io::Result<NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(PREFIX).suffix(SUFFIX);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        // A temporary file is private to its owner; results are as readable as any new file.
        builder.permissions(fs::Permissions::from_mode(0o666));
    }
    builder.tempfile_in(folder_of(path))
}

/// Gives a new file the owner and the permissions of the old one.
#[cfg(unix)]
fn keep_permissions(file: &File, old: &Metadata) -> io::Result<()> {
    use std::os::unix::fs::{MetadataExt, PermissionsExt, fchown};
    let new = file.metadata()?;
    if (new.uid(), new.gid()) != (old.uid(), old.gid()) {
        // Who may not give files away keeps them, in the same group if that is allowed.
        let _ = fchown(file, Some(old.uid()), Some(old.gid()))
            .or_else(|_| fchown(file, None, Some(old.gid())));
    }
    // Writing to a file takes away what makes it run as somebody else.
    let mode = old.permissions().mode() & 0o777;
    file.set_permissions(fs::Permissions::from_mode(mode))
}

#[cfg(not(unix))]
fn keep_permissions(file: &File, old: &Metadata) -> io::Result<()> {
    file.set_permissions(old.permissions())
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(path: &Path, text: &str) -> io::Result<()> {
        write(path, |file| file.write_all(text.as_bytes()))
    }

    fn read(path: &Path) -> String {
        fs::read_to_string(path).unwrap()
    }

    #[test]
    fn a_failed_write_leaves_the_old_file_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("weights");
        put(&path, "old").unwrap();
        let error = write(&path, |file| {
            file.write_all(b"new, but then")?;
            Err(io::Error::other("the disk is full"))
        })
        .unwrap_err();
        assert_eq!(error.to_string(), "the disk is full");
        assert_eq!(read(&path), "old");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn folders_and_names_of_folders_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        for path in [folder.path().to_owned(), folder.path().join("absent/")] {
            let error = put(&path, "new").unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::IsADirectory, "{path:?}");
        }
        let error = put(&folder.path().join("absent/file"), "new").unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_finished_file_can_go_by_another_name() {
        let folder = tempfile::tempdir().unwrap();
        let (path, other) = (folder.path().join("a"), folder.path().join("b"));
        put(&path, "old").unwrap();
        let mut output = OutputFile::create(&path).unwrap();
        assert!(output.replaces());
        output.write_all(b"new").unwrap();
        output.finish_as(&other).unwrap();
        assert_eq!((read(&path), read(&other)), ("old".into(), "new".into()));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
    }

    #[cfg(unix)]
    mod unix {
        use std::io::Read;
        use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt, chown, symlink};
        use std::os::unix::net::UnixListener;
        use std::process::Command;

        use super::*;

        fn mode(path: &Path) -> u32 {
            fs::metadata(path).unwrap().permissions().mode() & 0o7777
        }

        fn set_mode(path: &Path, mode: u32) {
            fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
        }

        #[test]
        fn links_are_followed_and_stay() {
            let folder = tempfile::tempdir().unwrap();
            let at = |name: &str| folder.path().join(name);
            fs::create_dir(at("far")).unwrap();
            fs::write(at("far/file"), "old").unwrap();
            symlink("far/file", at("link")).unwrap();
            symlink(at("link"), at("link-to-link")).unwrap();
            put(&at("link-to-link"), "new").unwrap();
            assert_eq!(read(&at("far/file")), "new");
            assert!(at("link").is_symlink() && at("link-to-link").is_symlink());
            // To where nothing is yet.
            symlink("far/fresh", at("dangling")).unwrap();
            put(&at("dangling"), "made").unwrap();
            assert_eq!(read(&at("far/fresh")), "made");
            assert!(at("dangling").is_symlink());
            // What is being written lies beside the file, not beside the link.
            assert_eq!(fs::read_dir(at("far")).unwrap().count(), 2);

            symlink("round", at("round")).unwrap();
            let error = put(&at("round"), "new").unwrap_err().to_string();
            assert!(error.contains("symbolic links"), "{error}");
            symlink("far", at("folder")).unwrap();
            let error = put(&at("folder"), "new").unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::IsADirectory);
        }

        #[test]
        fn permissions_stay_and_new_files_get_the_usual_ones() {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("file");
            put(&path, "first").unwrap();
            let usual = folder.path().join("usual");
            fs::write(&usual, "").unwrap();
            assert_eq!(mode(&path), mode(&usual));
            for kept in [0o600, 0o640, 0o755, 0o666] {
                set_mode(&path, kept);
                put(&path, "next").unwrap();
                assert_eq!(mode(&path), kept);
            }
            set_mode(&path, 0o4711);
            put(&path, "next").unwrap();
            assert_eq!(mode(&path), 0o711);
        }

        #[test]
        fn who_owned_a_file_still_does() {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("file");
            fs::write(&path, "old").unwrap();
            if chown(&path, Some(1234), Some(4321)).is_err() {
                eprintln!("SKIPPED: only the superuser gives files away");
                return;
            }
            set_mode(&path, 0o640);
            put(&path, "new").unwrap();
            let metadata = fs::metadata(&path).unwrap();
            assert_eq!((metadata.uid(), metadata.gid()), (1234, 4321));
            assert_eq!(mode(&path), 0o640);
        }

        #[test]
        fn a_file_that_may_not_be_written_stays() {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("file");
            fs::write(&path, "old").unwrap();
            set_mode(&path, 0o444);
            let link = folder.path().join("link");
            symlink("file", &link).unwrap();
            for way in [&path, &link] {
                let error = put(way, "new").unwrap_err();
                assert_eq!(error.kind(), io::ErrorKind::PermissionDenied);
                assert!(error.to_string().contains("chmod u+w"), "{error}");
            }
            assert_eq!(read(&path), "old");
            assert_eq!(mode(&path), 0o444);
        }

        #[test]
        fn other_names_of_a_file_keep_what_it_was() {
            let folder = tempfile::tempdir().unwrap();
            let (path, other) = (folder.path().join("a"), folder.path().join("b"));
            fs::write(&path, "old").unwrap();
            fs::hard_link(&path, &other).unwrap();
            put(&path, "new").unwrap();
            assert_eq!((read(&path), read(&other)), ("new".into(), "old".into()));
        }

        #[test]
        fn a_pipe_is_written_to_and_stays() {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("pipe");
            let made = Command::new("mkfifo").arg(&path).status().unwrap();
            assert!(made.success());
            let link = folder.path().join("link");
            symlink("pipe", &link).unwrap();
            // Open at both ends from here on, so that nothing waits: programs that other tests start
            // at this moment hold on to what is open here for an instant, and a reader that comes
            // late would wait for a writer that has been and gone.
            let mut ends = File::options().read(true).write(true).open(&path).unwrap();
            for way in [&path, &link] {
                let mut output = OutputFile::create(way).unwrap();
                assert!(!output.replaces());
                output.write_all(b"through the pipe").unwrap();
                output.finish().unwrap();
                let mut arrived = [0; 16];
                ends.read_exact(&mut arrived).unwrap();
                assert_eq!(&arrived, b"through the pipe");
                let kind = fs::symlink_metadata(&path).unwrap().file_type();
                assert!(kind.is_fifo());
            }
        }

        #[test]
        fn devices_are_written_to_and_stay() {
            put(Path::new("/dev/null"), "gone").unwrap();
            let kind = fs::metadata("/dev/null").unwrap().file_type();
            assert!(kind.is_char_device());
            let error = put(Path::new("/dev/full"), "too much").unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::StorageFull);

            let folder = tempfile::tempdir().unwrap();
            let make = |name: &str, kind: &str, numbers: [&str; 2]| {
                let path = folder.path().join(name);
                let mut command = Command::new("mknod");
                let made = command.arg(&path).arg(kind).args(numbers).output();
                made.is_ok_and(|made| made.status.success()).then_some(path)
            };
            let Some(null) = make("null", "c", ["1", "3"]) else {
                eprintln!("SKIPPED: only the superuser makes devices");
                return;
            };
            // Where devices may be made but not used, the error is the system's.
            let written = put(&null, "gone");
            assert!(
                written.is_ok() || File::options().write(true).open(&null).is_err(),
                "{written:?}"
            );
            let kind = fs::symlink_metadata(&null).unwrap().file_type();
            assert!(kind.is_char_device());
            if let Some(disk) = make("disk", "b", ["7", "250"]) {
                let error = put(&disk, "new").unwrap_err().to_string();
                assert!(error.contains("block device"), "{error}");
                let kind = fs::symlink_metadata(&disk).unwrap().file_type();
                assert!(kind.is_block_device());
            }
        }

        #[test]
        fn sockets_are_refused_and_stay() {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("socket");
            let _listener = UnixListener::bind(&path).unwrap();
            let error = put(&path, "new").unwrap_err().to_string();
            assert!(error.contains("it is a socket"), "{error}");
            let kind = fs::symlink_metadata(&path).unwrap().file_type();
            assert!(kind.is_socket());
        }

        #[test]
        fn standard_output_goes_by_many_names() {
            for name in ["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"] {
                assert!(is_standard_output(Path::new(name)), "{name}");
                let output = OutputFile::create(Path::new(name)).unwrap();
                assert!(!output.replaces(), "{name}");
            }
            for name in ["/dev/stderr", "/dev/null", "1", "/dev/fd/x"] {
                assert!(!is_standard_output(Path::new(name)), "{name}");
            }
        }

        #[test]
        fn an_open_file_is_appended_to() {
            use std::os::fd::AsRawFd;
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("log");
            fs::write(&path, "first, ").unwrap();
            let file = File::options().append(true).open(&path).unwrap();
            put(
                Path::new(&format!("/dev/fd/{}", file.as_raw_fd())),
                "second",
            )
            .unwrap();
            assert_eq!(read(&path), "first, second");
            assert_eq!(file.metadata().unwrap().nlink(), 1);
        }
    }
}

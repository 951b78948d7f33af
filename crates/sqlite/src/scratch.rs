//! Files beside the store.

use std::fs::{File, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};

use crate::open::private;

/// The file beside `path` whose name ends so.
pub(crate) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut beside = path.as_os_str().to_owned();
    beside.push(suffix);
    beside.into()
}

/// Makes what happened to the names in the folder of `path` last.
pub(crate) fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder)?.sync_all()
}

/// A file for a while: as private as the store, of one process at a time, and gone when this is dropped. What a process
/// that died has left in it is thrown away.
#[derive(Debug)]
pub(crate) struct Scratch {
    path: PathBuf,
    file: File,
}

impl Scratch {
    /// # Errors
    /// `WouldBlock` where another process is at it.
    pub(crate) fn take(path: PathBuf) -> io::Result<Self> {
        let file = private(&path)?;
        file.try_lock().map_err(|error| match error {
            TryLockError::WouldBlock => io::ErrorKind::WouldBlock.into(),
            TryLockError::Error(error) => error,
        })?;
        let mut scratch = Self { path, file };
        scratch.empty()?;
        Ok(scratch)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Takes everything out of it, and begins at its beginning.
    pub(crate) fn empty(&mut self) -> io::Result<()> {
        self.file.set_len(0)?;
        self.file.rewind()
    }

    /// Begins at its beginning, and says how long it is.
    pub(crate) fn rewind(&mut self) -> io::Result<u64> {
        self.file.rewind()?;
        Ok(self.file.metadata()?.len())
    }

    pub(crate) fn sync(&self) -> io::Result<()> {
        self.file.sync_all()
    }

    /// Gives it its name for good, in place of what has it now.
    pub(crate) fn become_file(self, path: &Path) -> io::Result<()> {
        self.sync()?;
        std::fs::rename(&self.path, path)?;
        sync_folder(path)
    }
}

impl Read for Scratch {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.file.read(buffer)
    }
}

impl Write for Scratch {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        for suffix in ["", "-wal", "-shm", "-journal"] {
            // Most of them are not there; and what cannot be removed is emptied by whoever takes it next.
            let _ = std::fs::remove_file(beside(&self.path, suffix));
        }
    }
}

/// Tells how far a copy has come: what is being done, how much of it is done, and how much there is, in bytes.
pub type Progress<'a> = dyn FnMut(&'static str, u64, u64) + 'a;

/// Reads, and tells how far it has come.
pub(crate) struct Counted<'a, 'p, R> {
    pub(crate) from: R,
    pub(crate) doing: &'static str,
    pub(crate) done: u64,
    pub(crate) total: u64,
    pub(crate) progress: &'a mut Progress<'p>,
}

impl<R: Read> Read for Counted<'_, '_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.from.read(buffer)?;
        self.done += read as u64;
        (self.progress)(self.doing, self.done, self.total);
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_process_at_a_time_has_it_and_nothing_is_left() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("z.db.copy");
        std::fs::write(&path, "left by one that died").unwrap();

        let mut scratch = Scratch::take(path.clone()).unwrap();
        assert_eq!(scratch.rewind().unwrap(), 0);
        assert_eq!(Scratch::take(path.clone()).unwrap_err().kind(), io::ErrorKind::WouldBlock);
        drop(scratch);
        assert!(!path.exists());
        Scratch::take(path).unwrap();
    }
}

//! libclang, with which bindgen reads NGINX's headers. A fresh machine does not have it.

use std::path::{Path, PathBuf};

use crate::pip::{FetchError, Wheels};

/// The libclang that headers are read with.
pub const LIBCLANG_VERSION: &str = "18.1.1";

/// A folder with libclang in it.
#[derive(Debug, Clone)]
pub struct Libclang {
    folder: PathBuf,
}

impl Libclang {
    const LIBRARY: &str = "clang/native/libclang.so";

    /// libclang in `given` (the folder that `WALLARM_TOOLCHAIN` names) if it is there, otherwise below `tools`, fetched if needed.
    ///
    /// # Errors
    /// When pip is missing or fails, or the folder cannot be written.
    pub fn fetch(given: Option<&Path>, tools: &Path) -> Result<Self, FetchError> {
        let wanted = [format!("libclang=={LIBCLANG_VERSION}")];
        let wheels = Wheels { wanted: &wanted, proof: &[Self::LIBRARY] };
        if let Some(folder) = given.filter(|folder| wheels.check(folder).is_ok()) {
            return Ok(Self { folder: folder.to_owned() });
        }
        let folder = tools.join(format!("libclang-{LIBCLANG_VERSION}"));
        wheels.fetch(&folder)?;
        Ok(Self { folder })
    }

    /// The library itself.
    pub fn library(&self) -> PathBuf {
        self.folder.join(Self::LIBRARY)
    }

    /// What bindgen's `LIBCLANG_PATH` wants: the folder of the library.
    pub fn library_folder(&self) -> PathBuf {
        self.library().parent().map(Path::to_owned).unwrap_or_default()
    }
}

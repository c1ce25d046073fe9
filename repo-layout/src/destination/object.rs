//! Object storage: S3 and what speaks like it, Google Cloud Storage, Azure Blob Storage.

use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use futures_util::StreamExt as _;
use object_store::path::Path as Key;
use object_store::{
    Attribute, Attributes, GetOptions, ObjectStore, ObjectStoreExt as _, PutMode, PutMultipartOptions, PutOptions,
    PutPayload, UpdateVersion,
};
use tokio::runtime::Runtime;

use super::{Condition, Content, Destination, Listed, Stat, Tag, Versioned, headers};
use crate::digest::HashingReader;
use crate::{Checksum, Error, STATE_FOLDER, Sha256Hex, TreePath, pool};

mod connect;
mod stream;

pub use connect::Settings;
use connect::connect;
use stream::BlockingReader;

/// Files up to this size go up in one request; larger ones in parts of it, so that memory stays flat.
const PART: u64 = 8 << 20;

/// The note beside each object, in which its digest is kept: an ETag is one of nothing that a reader knows.
const SHA256: Attribute = Attribute::Metadata(std::borrow::Cow::Borrowed("sha256"));

/// A bucket or container, or a part of one.
pub struct ObjectStorage {
    address: String,
    prefix: String,
    store: Arc<dyn ObjectStore>,
    runtime: Runtime,
    /// For so long a conditional write is tried again whose answer was lost; the library tries all other requests again by
    /// itself. Together with [`Settings::request`], of which it is two thirds, it bounds how late a write may still take effect.
    persistence: Duration,
}

impl ObjectStorage {
    /// Opens `s3://bucket/prefix`, `gs://bucket/prefix` or `az://container/prefix`. Who we are and, for what only speaks
    /// like S3, where it is, say the usual variables: `AWS_ACCESS_KEY_ID`, `AWS_ENDPOINT_URL`, `GOOGLE_APPLICATION_CREDENTIALS`,
    /// `AZURE_STORAGE_ACCOUNT_NAME` and the like. Nothing is sent yet.
    ///
    /// # Errors
    /// [`Error::Address`].
    pub fn open(address: &str, settings: &Settings) -> Result<Self, Error> {
        let wrong = |reason: String| Error::Address { address: address.to_owned(), reason };
        let (scheme, rest) = address.split_once("://").ok_or_else(|| wrong("it has no scheme".to_owned()))?;
        let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        let prefix = prefix.trim_end_matches('/');
        if bucket.is_empty() {
            return Err(wrong("it names no bucket".to_owned()));
        }
        if !prefix.is_empty() {
            TreePath::new(prefix)?;
        }
        // Two libraries may each have brought a provider along; whichever was first serves all.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let store = connect(scheme, bucket, settings).ok_or_else(|| {
            wrong("give a folder, or an address that begins with s3://, gs://, az:// or file:///".to_owned())
        })?;
        let store = store.map_err(|error| wrong(error.to_string()))?;
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
        let runtime = runtime.map_err(Error::io("start the threads for", Path::new(address)))?;
        let prefix = if prefix.is_empty() { String::new() } else { format!("{prefix}/") };
        let persistence = settings.request * 2 / 3;
        Ok(Self { address: address.trim_end_matches('/').to_owned(), prefix, store, runtime, persistence })
    }

    fn key(&self, path: &TreePath) -> Result<Key, Error> {
        Key::parse(format!("{}{path}", self.prefix)).map_err(|_| Error::TreePath { path: path.to_string() })
    }

    fn fail(&self, action: &'static str, path: &TreePath) -> impl Fn(object_store::Error) -> Error {
        let object = format!("{}/{path}", self.address);
        move |source| Error::Destination {
            action,
            object: object.clone(),
            advice: advice(&source),
            source: source.into(),
        }
    }

    fn try_put(
        &self,
        path: &TreePath,
        payload: PutPayload,
        sha256: &Sha256Hex,
        mode: PutMode,
    ) -> object_store::Result<Option<Tag>> {
        let key = Key::parse(format!("{}{path}", self.prefix))?;
        let options = PutOptions { mode, attributes: attributes(path, sha256), ..PutOptions::default() };
        match self.runtime.block_on(self.store.put_opts(&key, payload, options)) {
            Ok(done) => Ok(Some(Tag { e_tag: done.e_tag, version: done.version })),
            Err(object_store::Error::AlreadyExists { .. } | object_store::Error::Precondition { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Writes under a condition. When the answer is lost, the object itself tells whether the write was done.
    fn put_if(
        &self,
        path: &TreePath,
        payload: &PutPayload,
        sha256: &Sha256Hex,
        mode: &PutMode,
    ) -> Result<Option<Tag>, Error> {
        let is_ours = |found: &Versioned| Sha256Hex::of(&found.bytes) == *sha256;
        let (begun, mut unsure) = (Instant::now(), false);
        for attempt in 0.. {
            let error = match self.try_put(path, payload.clone(), sha256, mode.clone()) {
                Ok(Some(tag)) => return Ok(Some(tag)),
                Ok(None) if !unsure => return Ok(None),
                Ok(None) => return Ok(self.read(path)?.filter(is_ours).map(|found| found.tag)),
                Err(error) => error,
            };
            if begun.elapsed() > self.persistence || !matches!(error, object_store::Error::Generic { .. }) {
                return Err(self.fail("write", path)(error));
            }
            unsure = true;
            crate::publish::backoff(attempt);
        }
        Ok(None)
    }

    /// Sends a large file part by part; it appears when the last one is there and the whole is what it should be.
    fn put_parts(&self, path: &TreePath, source: &Path, checksum: &Checksum) -> Result<Tag, Error> {
        let key = self.key(path)?;
        let fail = self.fail("write", path);
        let attributes = attributes(path, &checksum.sha256);
        let options = PutMultipartOptions { attributes, ..PutMultipartOptions::default() };
        let mut upload = self.runtime.block_on(self.store.put_multipart_opts(&key, options)).map_err(&fail)?;
        let sent = (|| {
            // One byte more than there was shows a file that grew.
            let from = pool::open_regular(source)?.take(checksum.size.saturating_add(1));
            let mut reader = HashingReader::sha256(from);
            loop {
                let mut part = Vec::new();
                (&mut reader).take(PART).read_to_end(&mut part).map_err(Error::io("read", source))?;
                if part.is_empty() {
                    break;
                }
                self.runtime.block_on(upload.put_part(part.into())).map_err(&fail)?;
            }
            let read = reader.finish().map_err(Error::io("read", source))?;
            if read == *checksum { Ok(()) } else { Err(Error::Changed { path: source.to_owned() }) }
        })();
        if let Err(error) = sent {
            // The storage drops unfinished parts by its own rules, should this not reach it.
            let _ = self.runtime.block_on(upload.abort());
            return Err(error);
        }
        let done = self.runtime.block_on(upload.complete()).map_err(&fail)?;
        Ok(Tag { e_tag: done.e_tag, version: done.version })
    }
}

impl Destination for ObjectStorage {
    fn name(&self) -> String {
        self.address.clone()
    }

    /// What the storage says of an object that was written just now.
    fn now(&self) -> Result<SystemTime, Error> {
        let path = TreePath::new(format!("{STATE_FOLDER}/clock"))?;
        self.put(&path, &Content::Bytes(b"{}"), &Condition::Always)?;
        let found = self.runtime.block_on(self.store.head(&self.key(&path)?)).map_err(self.fail("look at", &path))?;
        Ok(found.last_modified.into())
    }

    fn read(&self, path: &TreePath) -> Result<Option<Versioned>, Error> {
        let key = self.key(path)?;
        let read = self.runtime.block_on(async {
            let found = self.store.get(&key).await?;
            let tag = Tag { e_tag: found.meta.e_tag.clone(), version: found.meta.version.clone() };
            let (size, bytes) = (found.meta.size, found.bytes().await?);
            Ok((tag, size, bytes))
        });
        match read {
            Ok((_, size, bytes)) if bytes.len() as u64 != size => {
                let source = io::Error::from(io::ErrorKind::UnexpectedEof);
                Err(self.fail("read", path)(object_store::Error::Generic { store: "object", source: source.into() }))
            }
            Ok((tag, _, bytes)) => Ok(Some(Versioned { bytes: bytes.to_vec(), tag })),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(self.fail("read", path)(error)),
        }
    }

    fn open(&self, path: &TreePath) -> Result<Option<Box<dyn Read + Send>>, Error> {
        let key = self.key(path)?;
        match self.runtime.block_on(self.store.get(&key)) {
            Ok(found) => {
                let size = found.meta.size;
                Ok(Some(Box::new(BlockingReader::new(self.runtime.handle().clone(), found.into_stream(), size))))
            }
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(self.fail("read", path)(error)),
        }
    }

    fn stat(&self, path: &TreePath) -> Result<Option<Stat>, Error> {
        let key = self.key(path)?;
        let options = GetOptions { head: true, ..GetOptions::default() };
        match self.runtime.block_on(self.store.get_opts(&key, options)) {
            Ok(found) => Ok(Some(Stat {
                size: found.meta.size,
                sha256: found.attributes.get(&SHA256).and_then(|text| Sha256Hex::parse(text.as_ref())),
                modified: found.meta.last_modified.into(),
            })),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(self.fail("look at", path)(error)),
        }
    }

    fn each(&self, folder: &TreePath, show: &mut dyn FnMut(Listed) -> Result<(), Error>) -> Result<(), Error> {
        let key = self.key(folder)?;
        let mut found = self.store.list(Some(&key));
        while let Some(meta) = self.runtime.block_on(found.next()) {
            let meta = meta.map_err(self.fail("list", folder))?;
            let path = meta.location.as_ref().strip_prefix(&self.prefix).and_then(|path| TreePath::new(path).ok());
            let Some(path) = path else { continue };
            show(Listed { path, size: meta.size, modified: meta.last_modified.into() })?;
        }
        Ok(())
    }

    fn put(&self, path: &TreePath, content: &Content<'_>, condition: &Condition) -> Result<Option<Tag>, Error> {
        let mode = match condition {
            Condition::Always => PutMode::Overwrite,
            Condition::Absent => PutMode::Create,
            Condition::Unchanged(tag) => {
                PutMode::Update(UpdateVersion { e_tag: tag.e_tag.clone(), version: tag.version.clone() })
            }
        };
        match content {
            Content::Bytes(bytes) => self.put_if(path, &PutPayload::from(bytes.to_vec()), &Sha256Hex::of(bytes), &mode),
            Content::Copy { source, checksum } | Content::Aside { file: source, checksum }
                if checksum.size > PART && mode == PutMode::Overwrite =>
            {
                self.put_parts(path, source, checksum).map(Some)
            }
            Content::Copy { source, checksum } | Content::Aside { file: source, checksum } => {
                let mut bytes = Vec::with_capacity(usize::try_from(checksum.size).unwrap_or(0).saturating_add(1));
                let from = pool::open_regular(source)?;
                from.take(checksum.size.saturating_add(1))
                    .read_to_end(&mut bytes)
                    .map_err(Error::io("read", source))?;
                if Checksum::of(&bytes) != **checksum {
                    return Err(Error::Changed { path: source.to_path_buf() });
                }
                self.put_if(path, &PutPayload::from(bytes), &checksum.sha256, &mode)
            }
        }
    }

    fn copy(&self, from: &TreePath, to: &TreePath) -> Result<(), Error> {
        let (from_key, to_key) = (self.key(from)?, self.key(to)?);
        self.runtime.block_on(self.store.copy(&from_key, &to_key)).map_err(self.fail("copy", from))
    }

    fn remove(&self, path: &TreePath) -> Result<(), Error> {
        match self.runtime.block_on(self.store.delete(&self.key(path)?)) {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(self.fail("remove", path)(error)),
        }
    }
}

/// What is sent with an object.
fn attributes(path: &TreePath, sha256: &Sha256Hex) -> Attributes {
    let headers = headers(path);
    Attributes::from_iter([
        (Attribute::ContentType, headers.content_type.to_owned()),
        (Attribute::CacheControl, headers.cache_control.to_owned()),
        (SHA256, sha256.as_str().to_owned()),
    ])
}

/// What to do about an error of the storage.
fn advice(error: &object_store::Error) -> &'static str {
    use object_store::Error as E;
    match error {
        E::NotFound { .. } => "see that the bucket is there and spelled right",
        E::PermissionDenied { .. } => "see that these credentials may read, write, list and delete there",
        E::Unauthenticated { .. } => "set the credentials of the storage in the environment",
        E::NotImplemented { .. } | E::NotSupported { .. } => {
            "the storage lacks conditional writes, which keep publishers apart: use one that has them"
        }
        _ => {
            "nothing that readers see has changed; see that the storage is well, and run again: what is there is not sent twice"
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(address: &str) -> String {
        let settings = Settings { variables: Default::default(), request: Duration::from_secs(1), retries: 0 };
        ObjectStorage::open(address, &settings).err().unwrap().to_string()
    }

    #[test]
    fn an_address_that_nobody_can_publish_to_is_told_what_it_lacks() {
        assert!(refusal("ftp://host/path").contains("give a folder, or an address that begins with s3://"));
        assert!(refusal("s3:///prefix").contains("names no bucket"));
        assert!(refusal("s3://bucket/../other").contains("no path within a repository"));
        assert!(refusal("az://container").contains("cannot be published to"));
    }
}

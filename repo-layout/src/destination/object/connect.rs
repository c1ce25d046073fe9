//! From an address and the environment to a client of the storage.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use object_store::aws::{AmazonS3Builder, S3ConditionalPut};
use object_store::azure::MicrosoftAzureBuilder;
use object_store::gcp::GoogleCloudStorageBuilder;
use object_store::{ClientOptions, ObjectStore, Result, RetryConfig};

/// How to reach the storage.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The variables that say who we are and where the storage is, as every tool for it reads them.
    pub variables: BTreeMap<String, String>,
    /// How long one request may take.
    pub request: Duration,
    /// How often a request is tried again, each time after a longer pause.
    pub retries: usize,
}

impl Settings {
    /// Those of this process, with patience for a storage that has a bad minute.
    #[must_use]
    pub fn from_environment() -> Self {
        let text = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        };
        let variables = std::env::vars_os().filter_map(text).collect();
        Self { variables, request: Duration::from_secs(60), retries: 6 }
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(String::as_str)
    }

    /// The variables of one kind of storage, with their names as the library wants them.
    fn of<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = (String, &'a String)> {
        let named = self.variables.iter().filter(move |(name, _)| name.starts_with(prefix));
        named.map(|(name, value)| (name.to_ascii_lowercase(), value))
    }

    /// Without TLS only where somebody has written an address so.
    fn client(&self, addresses: &[&str]) -> ClientOptions {
        let plain = addresses.iter().any(|name| self.get(name).is_some_and(|value| value.starts_with("http://")));
        ClientOptions::new()
            .with_allow_http(plain)
            .with_connect_timeout(self.request.min(Duration::from_secs(15)))
            .with_timeout(self.request)
    }
}

/// The storage of a scheme; `None` when nobody knows it.
pub(super) fn connect(scheme: &str, bucket: &str, settings: &Settings) -> Option<Result<Arc<dyn ObjectStore>>> {
    let retry =
        RetryConfig { max_retries: settings.retries, retry_timeout: settings.request * 2, ..RetryConfig::default() };
    match scheme {
        "s3" => Some(s3(bucket, settings, retry)),
        "gs" => Some(google(bucket, settings, retry)),
        "az" => Some(azure(bucket, settings, retry)),
        _ => None,
    }
}

fn s3(bucket: &str, settings: &Settings, retry: RetryConfig) -> Result<Arc<dyn ObjectStore>> {
    let mut builder = AmazonS3Builder::new().with_conditional_put(S3ConditionalPut::ETagMatch);
    for (name, value) in settings.of("AWS_") {
        if let Ok(key) = name.parse() {
            builder = builder.with_config(key, value);
        }
    }
    let client = settings.client(&["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT"]);
    let store = builder.with_bucket_name(bucket).with_client_options(client).with_retry(retry).build()?;
    Ok(Arc::new(store))
}

fn google(bucket: &str, settings: &Settings, retry: RetryConfig) -> Result<Arc<dyn ObjectStore>> {
    let mut builder = GoogleCloudStorageBuilder::new();
    if let Some(path) = settings.get("SERVICE_ACCOUNT") {
        builder = builder.with_service_account_path(path);
    }
    for (name, value) in settings.of("GOOGLE_") {
        if let Ok(key) = name.parse() {
            builder = builder.with_config(key, value);
        }
    }
    let store = builder.with_bucket_name(bucket).with_client_options(settings.client(&[])).with_retry(retry).build()?;
    Ok(Arc::new(store))
}

fn azure(container: &str, settings: &Settings, retry: RetryConfig) -> Result<Arc<dyn ObjectStore>> {
    let mut builder = MicrosoftAzureBuilder::new();
    for (name, value) in settings.of("AZURE_") {
        if let Ok(key) = name.parse() {
            builder = builder.with_config(key, value);
        }
    }
    if let Some(address) = settings.get("IDENTITY_ENDPOINT") {
        builder = builder.with_msi_endpoint(address);
    }
    let client = settings.client(&["AZURE_STORAGE_ENDPOINT", "AZURE_ENDPOINT"]);
    let store = builder.with_container_name(container).with_client_options(client).with_retry(retry).build()?;
    Ok(Arc::new(store))
}

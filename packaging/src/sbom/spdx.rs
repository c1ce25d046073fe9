//! SPDX 2.3.

use serde::Serialize;

use super::{Bill, Component, timestamp};

const DOCUMENT: &str = "SPDXRef-DOCUMENT";
const PACKAGE: &str = "SPDXRef-Package";
/// The specification's word for what nobody has looked into.
const UNKNOWN: &str = "NOASSERTION";

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    spdx_version: &'static str,
    data_license: &'static str,
    #[serde(rename = "SPDXID")]
    id: &'static str,
    name: String,
    document_namespace: String,
    creation_info: CreationInfo,
    packages: Vec<Entry>,
    relationships: Vec<Relationship>,
}

#[derive(Serialize)]
struct CreationInfo {
    created: String,
    creators: Vec<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    #[serde(rename = "SPDXID")]
    id: String,
    name: String,
    version_info: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    supplier: Option<String>,
    download_location: String,
    files_analyzed: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    checksums: Vec<Checksum>,
    license_concluded: &'static str,
    license_declared: String,
    copyright_text: String,
    external_refs: Vec<Reference>,
    primary_package_purpose: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Checksum {
    algorithm: &'static str,
    checksum_value: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Reference {
    reference_category: &'static str,
    reference_type: &'static str,
    reference_locator: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Relationship {
    spdx_element_id: String,
    relationship_type: &'static str,
    related_spdx_element: String,
}

/// Writes the document.
///
/// # Errors
/// None that serialising to memory could have.
pub fn spdx(bill: &Bill<'_>) -> serde_json::Result<String> {
    let (name, project) = (format!("{}-{}", bill.name, bill.version), bill.project);
    let linked = bill.linked.iter().map(|component| entry(component, "LIBRARY"));
    let built_for = bill.built_for.iter().map(|component| entry(component, "APPLICATION"));
    let document = Document {
        spdx_version: "SPDX-2.3",
        data_license: "CC0-1.0",
        id: DOCUMENT,
        document_namespace: format!("{}/spdx/{name}-{}", project.homepage, bill.uuid()),
        name,
        creation_info: CreationInfo {
            created: timestamp(bill.epoch),
            creators: vec![organisation(&project.maintainer), format!("Tool: {}-packaging", project.name)],
        },
        packages: std::iter::once(own_entry(bill)).chain(linked).chain(built_for).collect(),
        relationships: relationships(bill),
    };
    Ok(serde_json::to_string_pretty(&document)? + "\n")
}

fn own_entry(bill: &Bill<'_>) -> Entry {
    Entry {
        id: PACKAGE.to_owned(),
        name: bill.name.to_string(),
        version_info: bill.version.to_string(),
        supplier: Some(organisation(&bill.project.maintainer)),
        download_location: UNKNOWN.to_owned(),
        files_analyzed: false,
        checksums: Vec::new(),
        license_concluded: UNKNOWN,
        license_declared: bill.project.licence.clone(),
        copyright_text: bill.project.copyright.clone(),
        external_refs: vec![purl(bill.purl())],
        primary_package_purpose: "APPLICATION",
    }
}

fn entry(component: &Component, purpose: &'static str) -> Entry {
    let checksum = |value: &String| Checksum { algorithm: "SHA256", checksum_value: value.clone() };
    Entry {
        id: id(component),
        name: component.name.clone(),
        version_info: component.version.clone(),
        supplier: None,
        download_location: UNKNOWN.to_owned(),
        files_analyzed: false,
        checksums: component.sha256.iter().map(checksum).collect(),
        license_concluded: UNKNOWN,
        license_declared: component.licence.clone().unwrap_or_else(|| UNKNOWN.to_owned()),
        copyright_text: UNKNOWN.to_owned(),
        external_refs: vec![purl(component.purl())],
        primary_package_purpose: purpose,
    }
}

/// `Name <address>`, as the specification wants it (§6.8).
fn organisation(maintainer: &str) -> String {
    format!("Organization: {}", maintainer.replace('<', "(").replace('>', ")"))
}

fn purl(url: String) -> Reference {
    Reference { reference_category: "PACKAGE-MANAGER", reference_type: "purl", reference_locator: url }
}

/// Identifiers hold letters, digits, dots and dashes. A plus, the one other character of versions, and the underscore of names
/// are spelled out so that no two components share one.
fn id(component: &Component) -> String {
    let plain = |text: &str| -> String {
        let spell = |c: char| match c {
            '_' => "-underscore-".to_owned(),
            '+' => "-plus-".to_owned(),
            c if c.is_ascii_alphanumeric() || matches!(c, '.' | '-') => c.to_string(),
            c => format!("-u{:x}-", u32::from(c)),
        };
        text.chars().map(spell).collect()
    };
    format!("SPDXRef-{}-{}-{}", component.ecosystem, plain(&component.name), plain(&component.version))
}

fn relationships(bill: &Bill<'_>) -> Vec<Relationship> {
    let related = |from: &str, kind, to: &str| Relationship {
        spdx_element_id: from.to_owned(),
        relationship_type: kind,
        related_spdx_element: to.to_owned(),
    };
    let mut all = vec![related(DOCUMENT, "DESCRIBES", PACKAGE)];
    all.extend(bill.linked.iter().map(|one| related(PACKAGE, "CONTAINS", &id(one))));
    all.extend(bill.built_for.iter().map(|one| related(&id(one), "PREREQUISITE_FOR", PACKAGE)));
    for component in &bill.linked {
        all.extend(bill.needs_of(component).map(|need| related(&id(component), "DEPENDS_ON", &id(need))));
    }
    all
}

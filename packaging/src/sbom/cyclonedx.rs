//! CycloneDX 1.6.

use serde::Serialize;

use super::{Bill, Component, timestamp};

const SCHEMA: &str = "http://cyclonedx.org/schema/bom-1.6.schema.json";

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    #[serde(rename = "$schema")]
    schema: &'static str,
    bom_format: &'static str,
    spec_version: &'static str,
    serial_number: String,
    version: u32,
    metadata: Metadata,
    components: Vec<Entry>,
    dependencies: Vec<Dependency>,
}

#[derive(Serialize)]
struct Metadata {
    timestamp: String,
    component: Entry,
    supplier: Supplier,
}

#[derive(Serialize)]
struct Supplier {
    name: String,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Entry {
    #[serde(rename = "type")]
    kind: &'static str,
    bom_ref: String,
    name: String,
    version: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<&'static str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    hashes: Vec<Hash>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    licenses: Vec<Licence>,
    purl: String,
    #[serde(rename = "externalReferences", skip_serializing_if = "Vec::is_empty")]
    external_references: Vec<Reference>,
}

#[derive(Serialize)]
struct Hash {
    alg: &'static str,
    content: String,
}

#[derive(Serialize)]
struct Licence {
    expression: String,
}

#[derive(Serialize)]
struct Reference {
    #[serde(rename = "type")]
    kind: &'static str,
    url: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Dependency {
    #[serde(rename = "ref")]
    of: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    depends_on: Vec<String>,
}

/// Writes the document.
///
/// # Errors
/// None that serialising to memory could have.
pub fn cyclonedx(bill: &Bill<'_>) -> serde_json::Result<String> {
    let linked = bill.linked.iter().map(|component| entry(component, "library", "required"));
    // It is on the machine, not in the package.
    let built_for = bill.built_for.iter().map(|component| entry(component, "application", "excluded"));
    let document = Document {
        schema: SCHEMA,
        bom_format: "CycloneDX",
        spec_version: "1.6",
        serial_number: format!("urn:uuid:{}", bill.uuid()),
        version: 1,
        metadata: Metadata {
            timestamp: timestamp(bill.epoch),
            component: own_entry(bill),
            supplier: Supplier { name: bill.project.maintainer.clone() },
        },
        components: linked.chain(built_for).collect(),
        dependencies: dependencies(bill),
    };
    Ok(serde_json::to_string_pretty(&document)? + "\n")
}

fn own_entry(bill: &Bill<'_>) -> Entry {
    Entry {
        kind: "application",
        bom_ref: bill.purl(),
        name: bill.name.to_string(),
        version: bill.version.to_string(),
        scope: None,
        hashes: Vec::new(),
        licenses: vec![Licence { expression: bill.project.licence.clone() }],
        purl: bill.purl(),
        external_references: vec![Reference { kind: "website", url: bill.project.homepage.clone() }],
    }
}

fn entry(component: &Component, kind: &'static str, scope: &'static str) -> Entry {
    let hash = |content: &String| Hash { alg: "SHA-256", content: content.clone() };
    let licence = |expression: &String| Licence { expression: expression.clone() };
    Entry {
        kind,
        bom_ref: component.purl(),
        name: component.name.clone(),
        version: component.version.clone(),
        scope: Some(scope),
        hashes: component.sha256.iter().map(hash).collect(),
        licenses: component.licence.iter().map(licence).collect(),
        purl: component.purl(),
        external_references: Vec::new(),
    }
}

fn dependencies(bill: &Bill<'_>) -> Vec<Dependency> {
    let own = bill.roots().chain(&bill.built_for).map(Component::purl).collect();
    let mut all = vec![Dependency { of: bill.purl(), depends_on: own }];
    for component in &bill.linked {
        let depends_on = bill.needs_of(component).map(Component::purl).collect();
        all.push(Dependency { of: component.purl(), depends_on });
    }
    all
}

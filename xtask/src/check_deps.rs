//! `cargo xtask check-deps`: the edges between the crates are exactly those of the list.
//!
//! Owns the comparison of [`EDGES`] with what cargo says. Must never know a crate by name: names are in the list.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use anyhow::{Context as _, bail};
use serde::Deserialize;

use crate::cargo;
use crate::edges::{EDGES, IMPURE, PURE, RANDOM_FEATURES, TEST_EDGES, TEST_ONLY, TOLERATED};

/// Compares and reports every difference, not just the first.
pub fn run() -> anyhow::Result<()> {
    let metadata = Metadata::load()?;
    let mut faults = edge_faults(&metadata);
    faults.extend(test_edge_faults(&metadata));
    faults.extend(purity_faults(&metadata));
    if !faults.is_empty() {
        bail!(
            "the crates do not keep to the list in xtask/src/edges.rs:\n  {}",
            faults.join("\n  ")
        );
    }
    let edges: usize = EDGES.iter().map(|(_, to)| to.len()).sum();
    println!(
        "check-deps: {} crates, {edges} edges, as listed; {} are free of input and output.",
        EDGES.len(),
        PURE.join(" and "),
    );
    Ok(())
}

/// The part of `cargo metadata --format-version 1` that is used here.
#[derive(Debug, Deserialize)]
struct Metadata {
    packages: Vec<Package>,
    workspace_members: Vec<String>,
    resolve: Resolve,
}

#[derive(Debug, Deserialize)]
struct Package {
    id: String,
    name: String,
    dependencies: Vec<Dependency>,
}

/// A dependency as a manifest declares it, whether or not a feature or a platform switches it on.
#[derive(Debug, Deserialize)]
struct Dependency {
    name: String,
    kind: Option<String>,
    #[serde(default)]
    features: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct Resolve {
    nodes: Vec<Node>,
}

#[derive(Debug, Deserialize)]
struct Node {
    id: String,
    deps: Vec<NodeDependency>,
}

#[derive(Debug, Deserialize)]
struct NodeDependency {
    pkg: String,
    dep_kinds: Vec<DependencyKind>,
}

#[derive(Debug, Deserialize)]
struct DependencyKind {
    kind: Option<String>,
}

/// Which section of the manifest an edge stands in. A build script's dependencies count as the crate's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Section {
    Normal,
    Tests,
}

impl Section {
    fn of(kind: Option<&str>) -> Self {
        if kind == Some("dev") {
            Self::Tests
        } else {
            Self::Normal
        }
    }
}

impl Metadata {
    fn load() -> anyhow::Result<Self> {
        // Without the platform, the graph would hold what only wasm or Windows builds use.
        let output = cargo::cargo()
            .args([
                "metadata",
                "--format-version",
                "1",
                "--all-features",
                "--filter-platform",
            ])
            .arg("x86_64-unknown-linux-gnu")
            .output()
            .context("cannot run cargo metadata")?;
        if !output.status.success() {
            bail!(
                "cargo metadata failed:\n{}",
                String::from_utf8_lossy(&output.stderr).trim()
            );
        }
        serde_json::from_slice(&output.stdout).context("cannot read the answer of cargo metadata")
    }

    /// The packages of the workspace by the names of the list.
    fn members(&self) -> BTreeMap<&str, &Package> {
        self.packages
            .iter()
            .filter(|package| self.workspace_members.contains(&package.id))
            .map(|package| (short(&package.name), package))
            .collect()
    }

    /// Every declared edge from `package` to a package of the workspace, in the given section.
    fn edges<'a>(&'a self, package: &'a Package, section: Section) -> BTreeSet<&'a str> {
        let members = self.members();
        package
            .dependencies
            .iter()
            .filter(|dependency| Section::of(dependency.kind.as_deref()) == section)
            .map(|dependency| short(&dependency.name))
            .filter(|name| members.contains_key(name))
            .collect()
    }
}

/// The name of the crate's folder; of the root package, its own name.
fn short(package: &str) -> &str {
    package.strip_prefix("bgcopy-").unwrap_or(package)
}

/// Differences between the list and the edges outside of tests, in both directions.
fn edge_faults(metadata: &Metadata) -> Vec<String> {
    let members = metadata.members();
    let mut faults = Vec::new();
    for (name, package) in &members {
        let Some((_, listed)) = EDGES.iter().find(|(from, _)| from == name) else {
            faults.push(format!("{name} has no row in the list"));
            continue;
        };
        let declared = metadata.edges(package, Section::Normal);
        let listed: BTreeSet<_> = listed.iter().copied().collect();
        for to in declared.difference(&listed) {
            faults.push(format!("{name} -> {to} is not in the list"));
        }
        for to in listed.difference(&declared) {
            faults.push(format!(
                "{name} -> {to} is in the list, but the crate no longer uses it"
            ));
        }
    }
    for (name, _) in EDGES {
        if !members.contains_key(name) {
            faults.push(format!(
                "{name} has a row in the list, but is not in the workspace"
            ));
        }
    }
    faults
}

/// Tests may use the test-only crate, what the list has for them, and what the crate can reach anyway; every other sideways
/// edge is a fault even in tests.
fn test_edge_faults(metadata: &Metadata) -> Vec<String> {
    let mut faults = Vec::new();
    for (name, package) in metadata.members() {
        let within_reach = reach(name);
        for to in metadata.edges(package, Section::Tests) {
            let is_listed = to == TEST_ONLY || TEST_EDGES.contains(&(name, to));
            if !is_listed && !within_reach.contains(to) {
                faults.push(format!(
                    "{name} -> {to} is not in the list, and the tests of {name} use it"
                ));
            }
        }
    }
    for (from, to) in TEST_EDGES {
        let members = metadata.members();
        let package = members.get(from);
        if !package.is_some_and(|package| metadata.edges(package, Section::Tests).contains(to)) {
            faults.push(format!(
                "{from} -> {to} is in the list for tests, but the tests of {from} no longer use it"
            ));
        }
    }
    faults
}

/// All crates that `name` depends on by the list, directly or through others.
fn reach(name: &str) -> BTreeSet<&'static str> {
    let mut found = BTreeSet::new();
    let mut queue = VecDeque::from([name]);
    while let Some(from) = queue.pop_front() {
        let listed = EDGES.iter().find(|(row, _)| *row == from);
        for &to in listed.map_or(&[][..], |(_, to)| to) {
            if found.insert(to) {
                queue.push_back(to);
            }
        }
    }
    found
}

/// For each impure package that a pure crate can reach: the shortest way to it.
fn purity_faults(metadata: &Metadata) -> Vec<String> {
    let names: BTreeMap<&str, &str> = metadata
        .packages
        .iter()
        .map(|package| (package.id.as_str(), package.name.as_str()))
        .collect();
    let nodes: BTreeMap<&str, &Node> = metadata
        .resolve
        .nodes
        .iter()
        .map(|node| (node.id.as_str(), node))
        .collect();
    let members = metadata.members();

    let mut faults = Vec::new();
    for pure in PURE {
        let Some(package) = members.get(pure) else {
            continue;
        };
        faults.extend(random_faults(pure, package));
        let mut seen = BTreeSet::from([package.id.as_str()]);
        let mut queue = VecDeque::from([vec![package.id.as_str()]]);
        while let Some(way) = queue.pop_front() {
            let Some(node) = way.last().and_then(|id| nodes.get(id)) else {
                continue;
            };
            let from = names.get(node.id.as_str()).copied().unwrap_or_default();
            for dependency in &node.deps {
                let to = names
                    .get(dependency.pkg.as_str())
                    .copied()
                    .unwrap_or_default();
                let in_tests_only = dependency
                    .dep_kinds
                    .iter()
                    .all(|kind| Section::of(kind.kind.as_deref()) == Section::Tests);
                if in_tests_only || (from, to) == TOLERATED || !seen.insert(&dependency.pkg) {
                    continue;
                }
                let mut longer = way.clone();
                longer.push(&dependency.pkg);
                if IMPURE.contains(&to) {
                    let way: Vec<_> = longer
                        .iter()
                        .map(|id| short(names.get(id).copied().unwrap_or_default()))
                        .collect();
                    faults.push(format!(
                        "{pure} must only compute, but reaches {to}: {}",
                        way.join(" -> ")
                    ));
                } else {
                    queue.push_back(longer);
                }
            }
        }
    }
    faults
}

/// The features by which a pure crate could draw random ids itself.
fn random_faults(pure: &str, package: &Package) -> Vec<String> {
    let (from, _) = TOLERATED;
    package
        .dependencies
        .iter()
        .filter(|dependency| dependency.name == from)
        .filter(|dependency| Section::of(dependency.kind.as_deref()) == Section::Normal)
        .flat_map(|dependency| &dependency.features)
        .filter(|feature| RANDOM_FEATURES.contains(&feature.as_str()))
        .map(|feature| {
            format!("{pure} must only compute, but asks {from} for random ids: feature {feature}")
        })
        .collect()
}

#[cfg(test)]
mod tests;

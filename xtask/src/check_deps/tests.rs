//! Workspaces made up for the occasion, and the one that is.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::{EDGES, Metadata, PURE, TEST_EDGES, edge_faults, purity_faults, test_edge_faults};
use crate::cargo;

/// A workspace that keeps to the list, as `cargo metadata` would describe it; the tests spoil it.
struct Workspace {
    /// From, to, kind.
    edges: Vec<(String, String, Option<&'static str>)>,
    outsiders: Vec<&'static str>,
}

impl Workspace {
    fn as_listed() -> Self {
        let edges = EDGES
            .iter()
            .flat_map(|(from, to)| to.iter().map(|to| (package(from), package(to), None)))
            .chain(
                TEST_EDGES
                    .iter()
                    .map(|(from, to)| (package(from), package(to), Some("dev"))),
            )
            .collect();
        Self {
            edges,
            outsiders: Vec::new(),
        }
    }

    fn with(mut self, from: &str, to: &str, kind: Option<&'static str>) -> Self {
        self.edges.push((package(from), package(to), kind));
        self
    }

    fn without(mut self, from: &str, to: &str) -> Self {
        self.edges
            .retain(|edge| (&edge.0, &edge.1) != (&package(from), &package(to)));
        self
    }

    fn with_outsiders(mut self, names: &[&'static str]) -> Self {
        self.outsiders.extend(names);
        self
    }

    fn metadata(&self) -> Metadata {
        let members: Vec<_> = EDGES.iter().map(|(name, _)| package(name)).collect();
        let everything = members
            .iter()
            .cloned()
            .chain(self.outsiders.iter().map(|name| (*name).to_owned()));
        let packages: Vec<Value> = everything
            .map(|name| {
                let dependencies: Vec<Value> = self
                    .of(&name)
                    .map(|(to, kind)| json!({ "name": to, "kind": kind }))
                    .collect();
                json!({ "id": name, "name": name, "dependencies": dependencies })
            })
            .collect();
        let nodes: Vec<Value> = packages
            .iter()
            .map(|package| {
                let name = package["name"].as_str().unwrap();
                let deps: Vec<Value> = self
                    .of(name)
                    .map(|(to, kind)| json!({ "pkg": to, "dep_kinds": [{ "kind": kind }] }))
                    .collect();
                json!({ "id": name, "deps": deps })
            })
            .collect();
        serde_json::from_value(json!({
            "packages": packages,
            "workspace_members": members,
            "resolve": { "nodes": nodes },
        }))
        .unwrap()
    }

    fn of(&self, name: &str) -> impl Iterator<Item = (&str, Option<&'static str>)> {
        self.edges
            .iter()
            .filter(move |edge| edge.0 == name)
            .map(|edge| (edge.1.as_str(), edge.2))
    }
}

/// The package of a crate of the list; anything else goes by its own name.
fn package(name: &str) -> String {
    let is_folder =
        EDGES.iter().any(|(row, _)| *row == name) && !["bgcopy", "xtask"].contains(&name);
    if is_folder {
        format!("bgcopy-{name}")
    } else {
        name.to_owned()
    }
}

fn all_faults(workspace: &Workspace) -> Vec<String> {
    let metadata = workspace.metadata();
    let mut faults = edge_faults(&metadata);
    faults.extend(test_edge_faults(&metadata));
    faults.extend(purity_faults(&metadata));
    faults
}

#[test]
fn a_workspace_that_keeps_to_the_list_has_no_faults() {
    assert_eq!(all_faults(&Workspace::as_listed()), Vec::<String>::new());
}

#[test]
fn an_edge_outside_the_list_is_a_fault_even_if_it_is_a_build_dependency() {
    for kind in [None, Some("build")] {
        let faults = all_faults(&Workspace::as_listed().with("disk", "store", kind));
        assert_eq!(faults, ["disk -> store is not in the list"]);
    }
}

#[test]
fn an_edge_that_is_no_longer_used_is_a_fault() {
    let faults = all_faults(&Workspace::as_listed().without("origin", "model"));
    assert_eq!(
        faults,
        ["origin -> model is in the list, but the crate no longer uses it"]
    );
}

#[test]
fn the_testkit_is_for_tests_only() {
    let faults = all_faults(&Workspace::as_listed().with("origin", "testkit", Some("dev")));
    assert_eq!(faults, Vec::<String>::new());
    let faults = all_faults(&Workspace::as_listed().with("origin", "testkit", None));
    assert_eq!(faults, ["origin -> testkit is not in the list"]);
}

#[test]
fn tests_may_use_what_the_crate_reaches_anyway_but_no_sideways_edge() {
    let faults = all_faults(&Workspace::as_listed().with("bgcopy", "store", Some("dev")));
    assert_eq!(faults, Vec::<String>::new());
    let faults = all_faults(&Workspace::as_listed().with("disk", "store", Some("dev")));
    assert_eq!(
        faults,
        ["disk -> store is not in the list, and the tests of disk use it"]
    );
}

#[test]
fn an_edge_for_tests_alone_is_one_that_tests_use_and_nothing_else() {
    let faults = all_faults(&Workspace::as_listed().without("bgcopy", "com"));
    assert_eq!(
        faults,
        ["bgcopy -> com is in the list for tests, but the tests of bgcopy no longer use it"]
    );
    let faults = all_faults(&Workspace::as_listed().with("bgcopy", "com", None));
    assert_eq!(faults, ["bgcopy -> com is not in the list"]);
}

#[test]
fn a_pure_crate_that_reaches_a_runtime_is_a_fault_that_names_the_way() {
    let workspace = Workspace::as_listed()
        .with("model", "innocent", None)
        .with("innocent", "tokio", None)
        .with_outsiders(&["innocent", "tokio"]);
    assert_eq!(
        all_faults(&workspace),
        [
            "model must only compute, but reaches tokio: model -> innocent -> tokio",
            "engine must only compute, but reaches tokio: engine -> model -> innocent -> tokio",
        ]
    );
}

#[test]
fn the_random_numbers_of_uuid_are_tolerated_and_no_others() {
    let workspace = Workspace::as_listed()
        .with("model", "uuid", None)
        .with("uuid", "getrandom", None)
        .with_outsiders(&["uuid", "getrandom"]);
    assert_eq!(all_faults(&workspace), Vec::<String>::new());
    let workspace = workspace.with("engine", "getrandom", None);
    assert_eq!(
        all_faults(&workspace),
        ["engine must only compute, but reaches getrandom: engine -> getrandom"]
    );
}

#[test]
fn a_pure_crate_may_know_ids_but_not_make_them() {
    let with_features = |features: &[&str]| {
        let mut metadata = Workspace::as_listed()
            .with("model", "uuid", None)
            .with_outsiders(&["uuid"])
            .metadata();
        let model = metadata
            .packages
            .iter_mut()
            .find(|package| package.name == "bgcopy-model")
            .unwrap();
        model.dependencies[0].features = features.iter().map(|name| (*name).to_owned()).collect();
        purity_faults(&metadata)
    };
    assert_eq!(with_features(&["serde"]), Vec::<String>::new());
    assert_eq!(
        with_features(&["serde", "v4"]),
        ["model must only compute, but asks uuid for random ids: feature v4"]
    );
}

#[test]
fn what_only_tests_use_does_not_make_a_crate_impure() {
    let workspace = Workspace::as_listed()
        .with("engine", "proptest", Some("dev"))
        .with("proptest", "rand", None)
        .with_outsiders(&["proptest", "rand"]);
    assert_eq!(all_faults(&workspace), Vec::<String>::new());
}

#[test]
fn the_pure_crates_are_crates_of_the_list() {
    for pure in PURE {
        assert!(EDGES.iter().any(|(row, _)| row == pure), "{pure}");
    }
}

#[test]
fn the_workspace_keeps_to_the_list() {
    let metadata = Metadata::load().unwrap();
    let mut faults = edge_faults(&metadata);
    faults.extend(test_edge_faults(&metadata));
    faults.extend(purity_faults(&metadata));
    assert_eq!(faults, Vec::<String>::new());
}

#[test]
fn architecture_md_shows_the_same_list() {
    const SECTION: &str = "## Crates and edges";
    let path = cargo::root().join("ARCHITECTURE.md");
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| {
        panic!("ARCHITECTURE.md must hold the list of edges, but cannot be read: {error}")
    });
    let (_, section) = text
        .split_once(SECTION)
        .unwrap_or_else(|| panic!("ARCHITECTURE.md has no section `{SECTION}`"));
    let section = section.split("\n## ").next().unwrap_or(section);

    let listed: BTreeMap<_, BTreeSet<_>> = EDGES
        .iter()
        .map(|(from, to)| {
            (
                (*from).to_owned(),
                to.iter().map(|to| (*to).to_owned()).collect(),
            )
        })
        .collect();
    assert_eq!(
        edges_of_table(section),
        listed,
        "ARCHITECTURE.md (left) and xtask/src/edges.rs (right) differ"
    );
}

/// Reads the rows of a Markdown table `| crate | may depend on |`; crates go by `engine`, `` `engine` `` or `bgcopy-engine`, and
/// a cell without any of the workspace's names (empty, "nothing") holds no edge.
fn edges_of_table(section: &str) -> BTreeMap<String, BTreeSet<String>> {
    let names_in = |cell: &str| -> BTreeSet<String> {
        cell.split(|letter: char| !letter.is_alphanumeric() && letter != '-')
            .map(super::short)
            .filter(|name| EDGES.iter().any(|(row, _)| row == name))
            .map(str::to_owned)
            .collect()
    };
    section
        .lines()
        .filter_map(|line| {
            let mut cells = line.trim().strip_prefix('|')?.split('|');
            let from = names_in(cells.next()?).into_iter().next()?;
            Some((from, names_in(cells.next()?)))
        })
        .collect()
}

#[test]
fn the_table_is_read_with_or_without_code_marks_and_prefixes() {
    let table = "\
Prose about `model`.

| crate | may depend on |
|---|---|
| `model` | nothing |
| engine | `model` |
| `bgcopy-origin` | `transfer`, bgcopy-model | a remark |
";
    let edges = edges_of_table(table);
    let set = |names: &[&str]| {
        names
            .iter()
            .map(|name| (*name).to_owned())
            .collect::<BTreeSet<_>>()
    };
    assert_eq!(edges.len(), 3);
    assert_eq!(edges["model"], set(&[]));
    assert_eq!(edges["engine"], set(&["model"]));
    assert_eq!(edges["origin"], set(&["model", "transfer"]));
}

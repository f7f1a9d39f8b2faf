//! The rooms of the crate are layers: a room imports only rooms above it, and files never import each other in a
//! circle, not even within a room.

mod imports;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use imports::{Graph, Sources};

/// From the ground up, as in `lib.rs`.
const ROOMS: [&str; 13] = [
    "error",
    "memory",
    "text",
    "filter",
    "suffix",
    "progress",
    "reading",
    "store",
    "filter_files",
    "build",
    "query",
    "guide",
    "change",
];

/// Returns all faults in the imports of `sources`.
fn faults(sources: &Sources, rooms: &[&str]) -> Vec<String> {
    let graph = match Graph::of(sources) {
        Ok(graph) => graph,
        Err(fault) => return vec![fault],
    };
    let mut faults = Vec::new();
    let level = |room: &str| rooms.iter().position(|known| *known == room);
    for room in graph.rooms() {
        if level(&room).is_none() {
            faults.push(format!("{room} is not in the list of rooms"));
        }
    }
    for (from, to) in graph.edges() {
        let rooms = (imports::room(from), imports::room(to));
        if rooms.0 != rooms.1 && level(rooms.1) >= level(rooms.0) {
            let (from, to) = (from.join("::"), to.join("::"));
            faults.push(format!("{from} imports {to}, which is not above it"));
        }
    }
    if let Some(circle) = graph.circle() {
        faults.push(format!("a circle: {}", circle.join(" -> ")));
    }
    faults
}

fn read(directory: &Path, root: &Path, sources: &mut Sources) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            read(&path, root, sources);
        } else {
            let name = path.strip_prefix(root).unwrap().to_str().unwrap();
            sources.insert(name.to_owned(), fs::read_to_string(&path).unwrap());
        }
    }
}

#[test]
fn a_room_imports_only_rooms_above_it_and_no_files_import_each_other() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut sources = BTreeMap::new();
    read(&root, &root, &mut sources);
    let faults = faults(&sources, &ROOMS);
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    let edges = Graph::of(&sources).unwrap().edges().count();
    assert!(edges > 100, "only {edges} imports were found");
}

fn made_up(files: &[(&str, &str)]) -> Vec<String> {
    let owned = |&(name, text): &(&str, &str)| (name.to_owned(), text.to_owned());
    faults(&files.iter().map(owned).collect(), &["low", "high"])
}

const LOW: (&str, &str) = ("low/mod.rs", "mod part;\npub use part::Part;");

#[test]
fn imports_of_rooms_above_are_no_fault() {
    let found = made_up(&[
        ("lib.rs", "pub mod low;\npub mod high;"),
        LOW,
        (
            "low/part.rs",
            "// use crate::high;\nconst TEXT: &str = \"crate::high\";\npub struct Part;",
        ),
        (
            "high.rs",
            "use crate::low::{self, Part};\nfn f() { 'a'; crate::low::Part }",
        ),
    ]);
    assert_eq!(found, [""; 0]);
}

#[test]
fn an_import_of_a_lower_room_is_found_wherever_it_is_written() {
    for text in [
        "use crate::high::Thing;",
        "use {crate::high::Thing, std::io};",
        "use super::super::high;",
        "pub(crate) use crate::high::*;",
        "fn f(thing: &crate::high::Thing) {}",
        "mod tests { use super::super::super::high::Thing; }",
    ] {
        let found = made_up(&[LOW, ("low/part.rs", text), ("high.rs", "struct Thing;")]);
        assert_eq!(
            found,
            ["low::part imports high, which is not above it"],
            "{text}"
        );
    }
}

#[test]
fn a_room_that_is_not_in_the_list_is_found() {
    let found = made_up(&[("other.rs", "")]);
    assert_eq!(found, ["other is not in the list of rooms"]);
}

#[test]
fn a_circle_of_three_files_is_found_though_a_name_is_re_exported() {
    let found = made_up(&[
        LOW,
        ("low/part.rs", "use super::second::Second;"),
        ("low/second.rs", "use super::third;"),
        ("low/third.rs", "use crate::low::Part;"),
    ]);
    assert_eq!(
        found,
        ["a circle: low::part -> low::second -> low::third -> low::part"]
    );
}

#[test]
fn a_table_of_contents_with_code_that_its_parts_use_is_a_circle() {
    let found = made_up(&[
        (
            "low/mod.rs",
            "mod part;\npub use part::Part;\npub struct Own;",
        ),
        ("low/part.rs", "use super::Own;"),
    ]);
    assert_eq!(found, ["a circle: low -> low::part -> low"]);
}

#[test]
fn an_import_of_what_is_not_there_is_an_error_of_the_checker() {
    let found = made_up(&[LOW, ("low/part.rs", "use crate::nowhere::Thing;")]);
    assert_eq!(found, ["low::part: crate::nowhere::Thing leads nowhere"]);
}

//! Finds which file of a crate imports which, from the text of its `use` declarations and of the paths in its code.

use std::collections::{BTreeMap, BTreeSet};

/// Texts, by the path of their file in `src`.
pub type Sources = BTreeMap<String, String>;
/// Names of modules, from the root of the crate down.
pub type Module = Vec<String>;

/// Returns the room of a module, which is its first name.
pub fn room(module: &Module) -> &str {
    module.first().map_or("", String::as_str)
}

/// Modules, one per file, and the modules that they import.
pub struct Graph {
    imports: BTreeMap<Module, BTreeSet<Module>>,
}

impl Graph {
    pub fn of(sources: &Sources) -> Result<Self, String> {
        let named = sources
            .iter()
            .map(|(file, text)| (module_of(file), text.as_str()));
        let paths: BTreeMap<Module, Vec<Import>> = named
            .map(|(module, text)| (module.clone(), read(&module, text)))
            .collect();
        let mut imports = BTreeMap::new();
        for (module, found) in &paths {
            let mut targets = BTreeSet::new();
            for import in found {
                match target(&paths, module, &import.path) {
                    Target::Module(target) => drop(targets.insert(target)),
                    Target::OtherCrate => {}
                    Target::Nowhere => {
                        let (module, path) = (module.join("::"), import.path.join("::"));
                        return Err(format!("{module}: {path} leads nowhere"));
                    }
                }
            }
            targets.remove(module);
            imports.insert(module.clone(), targets);
        }
        Ok(Self { imports })
    }

    pub fn rooms(&self) -> BTreeSet<String> {
        let rooms = self.imports.keys().filter_map(|module| module.first());
        rooms.cloned().collect()
    }

    pub fn edges(&self) -> impl Iterator<Item = (&Module, &Module)> {
        let edges = self.imports.iter();
        edges.flat_map(|(from, targets)| targets.iter().map(move |to| (from, to)))
    }

    /// Returns modules that import each other in a circle, with the first one again at the end.
    pub fn circle(&self) -> Option<Vec<String>> {
        let mut done = BTreeSet::new();
        let mut modules = self.imports.keys();
        modules.find_map(|module| self.circle_from(module, &mut Vec::new(), &mut done))
    }

    fn circle_from<'g>(
        &'g self,
        module: &'g Module,
        way: &mut Vec<&'g Module>,
        done: &mut BTreeSet<&'g Module>,
    ) -> Option<Vec<String>> {
        if let Some(start) = way.iter().position(|before| *before == module) {
            let circle = way[start..].iter().chain([&module]);
            return Some(circle.map(|module| module.join("::")).collect());
        }
        if done.contains(module) {
            return None;
        }
        way.push(module);
        let mut targets = self.imports[module].iter();
        let found = targets.find_map(|target| self.circle_from(target, way, done));
        way.pop();
        done.insert(module);
        found
    }
}

fn module_of(file: &str) -> Module {
    let path = file.strip_suffix(".rs").expect("a Rust file");
    let names = path.split('/').map(str::to_owned);
    names
        .filter(|name| name != "mod" && name != "lib")
        .collect()
}

/// A path from the root of the crate, and the name under which it is re-exported, if it is.
struct Import {
    path: Module,
    name: Option<String>,
}

enum Target {
    Module(Module),
    OtherCrate,
    Nowhere,
}

/// Returns the file that `path`, written in `module`, leads to, through names that tables of contents re-export.
fn target(paths: &BTreeMap<Module, Vec<Import>>, module: &Module, path: &Module) -> Target {
    let absolute = match path.first().map(String::as_str) {
        Some("crate") => path[1..].to_vec(),
        // This may be a `use` of a module that is declared in this file.
        Some(_) => [module, path].map(Vec::as_slice).concat(),
        None => return Target::OtherCrate,
    };
    let lengths = (module.len().min(1)..=absolute.len()).rev();
    let mut known = lengths.filter(|&length| paths.contains_key(&absolute[..length]));
    let found = known.next().map(|length| absolute.split_at(length));
    match found {
        Some(([], _)) | None if path[0] == "crate" => Target::Nowhere,
        Some((inside, _)) if path[0] != "crate" && inside.len() <= module.len() => {
            Target::OtherCrate
        }
        Some((inside, [name, ..])) => {
            let mut re_exports = paths[inside].iter();
            let found = re_exports.find(|import| import.name.as_ref() == Some(name));
            match found.map(|import| target(paths, &inside.to_vec(), &import.path)) {
                Some(Target::Module(module)) => Target::Module(module),
                _ => Target::Module(inside.to_vec()),
            }
        }
        Some((inside, [])) => Target::Module(inside.to_vec()),
        None => Target::OtherCrate,
    }
}

/// Returns all paths in the code of `module` that may lead to other files of the crate.
fn read(module: &Module, text: &str) -> Vec<Import> {
    let tokens = tokens(text);
    let mut reader = Reader {
        tokens: &tokens,
        at: 0,
        module,
        inner: Vec::new(),
        depth: 0,
        found: Vec::new(),
    };
    while reader.at < tokens.len() {
        reader.step();
    }
    reader.found
}

struct Reader<'t> {
    tokens: &'t [String],
    at: usize,
    module: &'t Module,
    /// The depth of braces at which each inline module starts.
    inner: Vec<usize>,
    depth: usize,
    found: Vec<Import>,
}

impl Reader<'_> {
    fn peek(&self, ahead: usize) -> &str {
        self.tokens.get(self.at + ahead).map_or("", String::as_str)
    }

    fn step(&mut self) {
        match (self.peek(0), self.peek(1), self.peek(2)) {
            ("use", ..) => {
                let before = self.at.checked_sub(1).map(|at| self.tokens[at].as_str());
                let re_exports = matches!(before, Some("pub" | ")")) && self.inner.is_empty();
                self.at += 1;
                self.tree(&[], re_exports);
                return;
            }
            ("crate" | "super" | "self", "::", _) => {
                self.inline();
                return;
            }
            ("mod", _, "{") => self.inner.push(self.depth),
            ("{", ..) => self.depth += 1,
            ("}", ..) => {
                self.depth -= 1;
                self.inner.pop_if(|begin| *begin == self.depth);
            }
            _ => {}
        }
        self.at += 1;
    }

    /// Reads a path in the middle of code.
    fn inline(&mut self) {
        let mut path = vec![self.peek(0).to_owned()];
        self.at += 1;
        while self.peek(0) == "::" && is_name(self.peek(1)) {
            path.push(self.peek(1).to_owned());
            self.at += 2;
        }
        self.push(path, None);
    }

    /// Reads what follows `use`, or a `::` in it.
    fn tree(&mut self, before: &[String], re_exports: bool) {
        let mut path = before.to_vec();
        loop {
            if self.peek(0) == "{" {
                self.at += 1;
                while self.peek(0) != "}" {
                    self.tree(&path, re_exports);
                    if self.peek(0) == "," {
                        self.at += 1;
                    }
                }
                self.at += 1;
                return;
            }
            let segment = self.peek(0).to_owned();
            self.at += 1;
            // `self` at the end of a path means the path before it, and so does `*`, as far as files are concerned.
            if segment != "*" && (segment != "self" || path.is_empty()) {
                path.push(segment);
            }
            if self.peek(0) != "::" {
                break;
            }
            self.at += 1;
        }
        let mut name = path.last().cloned();
        if self.peek(0) == "as" {
            name = Some(self.peek(1).to_owned());
            self.at += 2;
        }
        self.push(path, name.filter(|_| re_exports));
    }

    /// Adds a path, converted to one from the root of the crate.
    fn push(&mut self, path: Module, name: Option<String>) {
        let mut inner = self.inner.len();
        let mut outer = self.module.len();
        let steps = path
            .iter()
            .take_while(|name| *name == "super" || *name == "self");
        let supers = steps.clone().filter(|name| *name == "super").count();
        let rest = &path[steps.count()..];
        for _ in 0..supers {
            match inner {
                0 => outer = outer.saturating_sub(1),
                _ => inner -= 1,
            }
        }
        let is_relative = rest.len() < path.len();
        let path = match is_relative {
            true => [&["crate".to_owned()], &self.module[..outer], rest].concat(),
            false => path,
        };
        // Inside an inline module, other first names than `crate` and `super` are its own.
        if path[0] == "crate" || inner == 0 {
            self.found.push(Import { path, name });
        }
    }
}

fn is_name(token: &str) -> bool {
    token.starts_with(|c: char| c.is_alphabetic() || c == '_')
}

/// Returns the names and signs of a text, without comments, strings and characters.
fn tokens(text: &str) -> Vec<String> {
    let mut tokens = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let length = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if let Some(length) = literal(rest) {
            length
        } else if first.is_alphanumeric() || first == '_' {
            let end = |c: char| !c.is_alphanumeric() && c != '_';
            let length = rest.find(end).unwrap_or(rest.len());
            tokens.push(rest[..length].to_owned());
            length
        } else {
            let length = if rest.starts_with("::") {
                2
            } else {
                first.len_utf8()
            };
            tokens.extend((!first.is_whitespace()).then(|| rest[..length].to_owned()));
            length
        };
        rest = &rest[length..];
    }
    tokens
}

/// Returns the length of the string or character literal that `text` starts with.
fn literal(text: &str) -> Option<usize> {
    let unprefixed = text.strip_prefix('b').unwrap_or(text);
    let prefix = text.len() - unprefixed.len();
    if let Some(raw) = unprefixed.strip_prefix('r') {
        let hashes = raw.len() - raw.trim_start_matches('#').len();
        if raw[hashes..].starts_with('"') {
            let end = format!("\"{}", "#".repeat(hashes));
            let inside = &raw[hashes + 1..];
            return Some(prefix + 2 + hashes + inside.find(&end)? + end.len());
        }
    }
    let quote = unprefixed
        .chars()
        .next()
        .filter(|c| matches!(c, '"' | '\''))?;
    let mut escaped = false;
    for (at, c) in unprefixed.char_indices().skip(1) {
        if !escaped && c == quote {
            return Some(prefix + at + 1);
        }
        // This is a lifetime, not a character: its quote is never closed.
        let characters = unprefixed[..at].chars().count();
        if quote == '\'' && !escaped && characters > 1 && !unprefixed.starts_with("'\\") {
            return None;
        }
        escaped = c == '\\' && !escaped;
    }
    None
}

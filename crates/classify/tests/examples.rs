//! Each public item of the crates that applications use has an example that compiles. `rustdoc` knows the
//! lint (`missing_doc_code_examples`), and not yet in a release.
//!
//! Read as it is written: an item counts as public if it says `pub`, which the lint `unreachable_pub` keeps true.
//! What a macro makes is not seen.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::fs;
use std::path::Path;

use syn::{Attribute, Expr, ExprLit, File, ImplItem, Item, Lit, Meta, TraitItem, Visibility};

const CRATES: [&str; 6] = [
    "classify",
    "classify-derive",
    "tracing",
    "code",
    "privet",
    "testing",
];

#[test]
fn each_public_item_has_an_example() {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut missing = Vec::new();
    for name in CRATES {
        let root = crates.join(name).join("src/lib.rs");
        let mut items = Items::default();
        items.file(&root, &root.with_file_name(""), "crate", true);
        assert!(items.seen > 0, "no item was found in `{name}`");
        missing.extend(
            items
                .missing
                .into_iter()
                .map(|item| format!("{name}: {item}")),
        );
    }
    assert!(
        missing.is_empty(),
        "without an example in its documentation:\n{}",
        missing.join("\n")
    );
}

fn check(code: &str, missing: &[&str]) {
    let mut items = Items::default();
    items.of_file(
        &syn::parse_file(code).unwrap(),
        Path::new(""),
        "crate",
        false,
    );
    assert_eq!(items.missing, missing, "{code}");
}

#[test]
fn each_kind_of_item_is_asked_for() {
    check(
        "pub fn a() {} pub const B: u8 = 1; pub static C: u8 = 1;",
        &["crate::a", "crate::B", "crate::C"],
    );
    check(
        "pub struct A; pub enum B {} pub union C { a: u8 }",
        &["crate::A", "crate::B", "crate::C"],
    );
    check("pub type A = u8; pub mod b {}", &["crate::A", "crate::b"]);
    check(
        "pub trait A { const B: u8; fn c(); }",
        &["crate::A", "crate::A::B", "crate::A::c"],
    );
    check(
        "struct A; impl A { pub const B: u8 = 1; pub fn c() {} }",
        &["crate::A::B", "crate::A::c"],
    );
    check("#[macro_export] macro_rules! a { () => {} }", &["crate::a"]);
    check("mod a { pub struct B; }", &["crate::a::B"]);
}

#[test]
fn what_is_not_public_is_not_asked_for() {
    check(
        "fn a() {} pub(crate) fn b() {} struct C; impl C { fn d() {} }",
        &[],
    );
    check(
        "struct A; impl Clone for A { fn clone(&self) -> Self { A } }",
        &[],
    );
    check("#[doc(hidden)] pub mod a { pub fn b() {} }", &[]);
    check("#[cfg(test)] mod tests { pub fn b() {} }", &[]);
}

#[test]
fn an_example_has_to_compile() {
    check("/// ```\n/// a();\n/// ```\npub fn a() {}", &[]);
    check("/// ```no_run\n/// a();\n/// ```\npub fn a() {}", &[]);
    check(
        "/// As:\n///\n/// ```toml\n/// a = 1\n/// ```\npub fn a() {}",
        &["crate::a"],
    );
    check(
        "/// ```ignore\n/// a();\n/// ```\npub fn a() {}",
        &["crate::a"],
    );
    check(
        "/// ```text\n/// a\n/// ```\n///\n/// ```\n/// a();\n/// ```\npub fn a() {}",
        &[],
    );
}

/// The public items of a crate.
#[derive(Default)]
struct Items {
    seen: usize,
    missing: Vec<String>,
}

impl Items {
    /// The file of a module, whose own modules lie in `folder`.
    fn file(&mut self, file: &Path, folder: &Path, path: &str, public: bool) {
        let code = fs::read_to_string(file).unwrap();
        self.of_file(&syn::parse_file(&code).unwrap(), folder, path, public);
    }

    fn of_file(&mut self, file: &File, folder: &Path, path: &str, public: bool) {
        if public {
            self.item(&file.attrs, path);
        }
        self.items(&file.items, folder, path);
    }

    fn item(&mut self, attributes: &[Attribute], path: &str) {
        self.seen += 1;
        if !has_example(attributes) {
            self.missing.push(path.to_owned());
        }
    }

    fn items(&mut self, items: &[Item], folder: &Path, path: &str) {
        for item in items {
            let attributes = attributes(item);
            if is_hidden(attributes) {
                continue;
            }
            match item {
                Item::Mod(module) => self.module(module, folder, path),
                Item::Impl(block) if block.trait_.is_none() => self.methods(block, path),
                _ => {}
            }
            let Some(name) = public_name(item) else {
                continue;
            };
            let path = format!("{path}::{name}");
            self.item(attributes, &path);
            if let Item::Trait(item) = item {
                self.required(item, &path);
            }
        }
    }

    fn module(&mut self, module: &syn::ItemMod, folder: &Path, path: &str) {
        let name = module.ident.to_string();
        let path = format!("{path}::{name}");
        let public = is_public(&module.vis);
        let below = folder.join(&name);
        match &module.content {
            Some((_, items)) => {
                if public {
                    self.item(&module.attrs, &path);
                }
                self.items(items, &below, &path);
            }
            // Documented in its own file.
            None => self.file(&below.with_extension("rs"), &below, &path, public),
        }
    }

    fn methods(&mut self, block: &syn::ItemImpl, path: &str) {
        let of = match &*block.self_ty {
            syn::Type::Path(of) => of.path.segments.last().unwrap().ident.to_string(),
            _ => "_".to_owned(),
        };
        for item in &block.items {
            let (attributes, visibility, name) = match item {
                ImplItem::Fn(item) => (&item.attrs, &item.vis, &item.sig.ident),
                ImplItem::Const(item) => (&item.attrs, &item.vis, &item.ident),
                _ => continue,
            };
            if is_public(visibility) && !is_hidden(attributes) {
                self.item(attributes, &format!("{path}::{of}::{name}"));
            }
        }
    }

    fn required(&mut self, of: &syn::ItemTrait, path: &str) {
        for item in &of.items {
            let (attributes, name) = match item {
                TraitItem::Fn(item) => (&item.attrs, &item.sig.ident),
                TraitItem::Const(item) => (&item.attrs, &item.ident),
                TraitItem::Type(item) => (&item.attrs, &item.ident),
                _ => continue,
            };
            if !is_hidden(attributes) {
                self.item(attributes, &format!("{path}::{name}"));
            }
        }
    }
}

/// The name of an item that is public by itself; a module is looked at apart.
fn public_name(item: &Item) -> Option<String> {
    let (visibility, name) = match item {
        Item::Const(item) => (&item.vis, &item.ident),
        Item::Enum(item) => (&item.vis, &item.ident),
        Item::Fn(item) => (&item.vis, &item.sig.ident),
        Item::Static(item) => (&item.vis, &item.ident),
        Item::Struct(item) => (&item.vis, &item.ident),
        Item::Trait(item) => (&item.vis, &item.ident),
        Item::Type(item) => (&item.vis, &item.ident),
        Item::Union(item) => (&item.vis, &item.ident),
        Item::Macro(item) => {
            let exported = item
                .attrs
                .iter()
                .any(|attribute| attribute.path().is_ident("macro_export"));
            let name = item.ident.as_ref().filter(|_| exported)?;
            return Some(name.to_string());
        }
        _ => return None,
    };
    is_public(visibility).then(|| name.to_string())
}

fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Macro(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Union(item) => &item.attrs,
        _ => &[],
    }
}

fn is_public(visibility: &Visibility) -> bool {
    matches!(visibility, Visibility::Public(_))
}

/// Not in the documentation, or there for tests alone.
fn is_hidden(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        let within = |word: &str| {
            let list = attribute.meta.require_list();
            list.is_ok_and(|list| list.tokens.to_string() == word)
        };
        attribute.path().is_ident("doc") && within("hidden")
            || attribute.path().is_ident("cfg") && within("test")
    })
}

/// Whether the documentation has a block of Rust that `rustdoc` compiles.
fn has_example(attributes: &[Attribute]) -> bool {
    let mut inside = false;
    let mut found = false;
    for line in attributes.iter().flat_map(documentation) {
        let Some(language) = line.trim_start().strip_prefix("```") else {
            continue;
        };
        inside = !inside;
        let compiles = |tag: &str| {
            matches!(
                tag.trim(),
                "" | "rust" | "no_run" | "should_panic" | "standalone_crate"
            )
        };
        found |= inside && language.split(',').all(compiles);
    }
    found
}

fn documentation(attribute: &Attribute) -> Vec<String> {
    match &attribute.meta {
        Meta::NameValue(meta) if meta.path.is_ident("doc") => match &meta.value {
            Expr::Lit(ExprLit {
                lit: Lit::Str(text),
                ..
            }) => text.value().lines().map(str::to_owned).collect(),
            _ => Vec::new(),
        },
        _ => Vec::new(),
    }
}

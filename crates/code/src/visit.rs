//! What is looked for in a file: reasons, log messages, fields that are marked `SYS`.

use proc_macro2::{TokenStream, TokenTree};
use syn::spanned::Spanned;
use syn::visit::{self, Visit};
use syn::{Attribute, Expr, ExprLit, Lit};

/// The macros of `tracing` and `log`, by their last names.
const LOG_MACROS: &[&str] = &["trace", "debug", "info", "warn", "error", "event"];

/// What was found, each with its line.
#[derive(Default)]
pub(crate) struct Visitor {
    pub(crate) reveals: Vec<(usize, String)>,
    pub(crate) problems: Vec<(usize, String)>,
    /// Names of fields with `#[class(SYS)]`.
    pub(crate) system_fields: Vec<(usize, String)>,
}

impl<'ast> Visit<'ast> for Visitor {
    fn visit_expr_call(&mut self, call: &'ast syn::ExprCall) {
        if let Expr::Path(function) = &*call.func
            && last_is(&function.path, "because")
        {
            let line = call.span().start().line;
            match call.args.first() {
                Some(Expr::Lit(ExprLit {
                    lit: Lit::Str(reason),
                    ..
                })) => {
                    self.reveals.push((line, reason.value()));
                }
                _ => self
                    .reveals
                    .push((line, "(a reason that is not written here)".to_owned())),
            }
        }
        visit::visit_expr_call(self, call);
    }

    fn visit_macro(&mut self, call: &'ast syn::Macro) {
        let name = call
            .path
            .segments
            .last()
            .map(|segment| segment.ident.to_string());
        if name.is_some_and(|name| LOG_MACROS.contains(&name.as_str()))
            && let Some((line, message)) = message_of(&call.tokens)
            && has_placeholder(&message)
        {
            let what = "a log message with a value in it, which no class guards: write a constant \
                        message and put the value into a field";
            self.problems.push((line, what.to_owned()));
        }
        self.reasons_within(&call.tokens);
    }

    fn visit_field(&mut self, field: &'ast syn::Field) {
        if let Some(name) = &field.ident
            && field.attrs.iter().any(is_system)
        {
            let line = name.span().start().line;
            self.system_fields.push((line, name.to_string()));
        }
        visit::visit_field(self, field);
    }
}

impl Visitor {
    /// Reasons in the arguments of macros, whose text is only tokens here.
    fn reasons_within(&mut self, tokens: &TokenStream) {
        let mut because = false;
        for token in tokens.clone() {
            match token {
                TokenTree::Ident(ident) => {
                    because = ident == "because";
                    continue;
                }
                TokenTree::Group(group) => {
                    let reason = syn::parse2::<syn::LitStr>(group.stream()).ok();
                    match reason.filter(|_| because) {
                        Some(reason) => {
                            let line = group.span().start().line;
                            self.reveals.push((line, reason.value()));
                        }
                        None => self.reasons_within(&group.stream()),
                    }
                }
                TokenTree::Punct(_) | TokenTree::Literal(_) => {}
            }
            because = false;
        }
    }
}

fn last_is(path: &syn::Path, name: &str) -> bool {
    path.segments
        .last()
        .is_some_and(|segment| segment.ident == name)
}

fn is_system(attribute: &Attribute) -> bool {
    attribute.path().is_ident("class")
        && attribute.meta.require_list().is_ok_and(|list| {
            let first = list.tokens.clone().into_iter().next();
            matches!(first, Some(TokenTree::Ident(class)) if class == "SYS")
        })
}

/// The message of a log macro: the first string that stands as an argument of its own, and not as
/// the value of a field or behind `target:`.
fn message_of(tokens: &TokenStream) -> Option<(usize, String)> {
    let mut alone = true;
    for token in tokens.clone() {
        match token {
            TokenTree::Punct(punct) if punct.as_char() == ',' => alone = true,
            TokenTree::Literal(literal) if alone => {
                let line = literal.span().start().line;
                if let Ok(text) = syn::parse_str::<syn::LitStr>(&literal.to_string()) {
                    return Some((line, text.value()));
                }
                alone = false;
            }
            _ => alone = false,
        }
    }
    None
}

/// Whether a format string has a placeholder: a brace that is not doubled.
fn has_placeholder(format: &str) -> bool {
    format.replace("{{", "").contains('{')
}

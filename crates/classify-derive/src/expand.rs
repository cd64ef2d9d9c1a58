//! What the derive writes.

use proc_macro2::{Span, TokenStream, TokenTree};
use quote::{format_ident, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Generics, Ident, Member, Path, Type, parse_quote_spanned};

use crate::input::{Container, Field, FieldClass, Shape, Variant};

pub(crate) fn expand(container: &Container) -> TokenStream {
    let krate = &container.krate;
    let name = &container.name;
    let generics = bounded(container);
    let (impl_generics, ty_generics, where_clause) = generics.split_for_impl();
    let arms = container
        .variants
        .iter()
        .map(|variant| arm(name, variant, krate));
    let body = if container.variants.is_empty() {
        quote!(match *self {})
    } else {
        quote!(match self { #(#arms)* })
    };
    quote! {
        #[automatically_derived]
        impl #impl_generics ::core::fmt::Debug for #name #ty_generics #where_clause {
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                #krate::derived::log_form(f, |f| #body)
            }
        }

        #[automatically_derived]
        impl #impl_generics #krate::Redacted for #name #ty_generics #where_clause {}
    }
}

/// The pattern of a variant and what writes its fields.
fn arm(container: &Ident, variant: &Variant, krate: &Path) -> TokenStream {
    let (path, shown) = match &variant.name {
        Some(name) => (quote!(#container::#name), name),
        None => (quote!(#container), container),
    };
    let shown = shown.to_string();
    let shown = shown.trim_start_matches("r#");
    let bindings: Vec<_> = (0..variant.fields.len())
        .map(|index| format_ident!("__{index}"))
        .collect();
    let members = variant.fields.iter().map(|field| &field.member);
    let values = variant
        .fields
        .iter()
        .zip(&bindings)
        .map(|(field, binding)| value(field, binding, krate));
    match variant.shape {
        Shape::Unit => quote!(#path => f.write_str(#shown),),
        Shape::Tuple => quote! {
            #path { #(#members: #bindings),* } => f.debug_tuple(#shown) #(.field(#values))* .finish(),
        },
        Shape::Named => {
            let names = variant.fields.iter().map(|field| match &field.member {
                Member::Named(name) => name.to_string().trim_start_matches("r#").to_owned(),
                Member::Unnamed(index) => index.index.to_string(),
            });
            quote! {
                #path { #(#members: #bindings),* } =>
                    f.debug_struct(#shown) #(.field(#names, #values))* .finish(),
            }
        }
    }
}

/// A field on its way to the formatter. The call bears the place of the field's type, so that the
/// compiler's complaint about a missing class points there.
fn value(field: &Field, binding: &Ident, krate: &Path) -> TokenStream {
    let span = field.ty.span().resolved_at(Span::mixed_site());
    let ty = &field.ty;
    let function = match field.class {
        FieldClass::ByType => quote_spanned!(span=> #krate::derived::field::<#ty>),
        FieldClass::Sys => quote_spanned!(span=> #krate::derived::sys::<#ty>),
    };
    quote!(#function(#binding))
}

/// The generics with a bound for each field whose type depends on them. A field that holds its own
/// container (a list, a tree) gets none: the bound would ask for itself without end, and its class
/// is checked inside of the container.
fn bounded(container: &Container) -> Generics {
    let krate = &container.krate;
    let mut generics = container.generics.clone();
    let parameters: Vec<Ident> = generics
        .type_params()
        .map(|parameter| parameter.ident.clone())
        .collect();
    let fields = container
        .variants
        .iter()
        .flat_map(|variant| &variant.fields);
    for field in fields {
        let ty = &field.ty;
        let generic = parameters.iter().any(|parameter| mentions(ty, parameter));
        if !generic || mentions(ty, &container.name) {
            continue;
        }
        let predicate = match field.class {
            FieldClass::ByType => parse_quote_spanned!(ty.span()=> #ty: #krate::Redacted),
            FieldClass::Sys => parse_quote_spanned!(ty.span()=> #ty: ::core::fmt::Debug),
        };
        generics.make_where_clause().predicates.push(predicate);
    }
    generics
}

fn mentions(ty: &Type, name: &Ident) -> bool {
    fn within(tokens: TokenStream, name: &Ident) -> bool {
        tokens.into_iter().any(|token| match token {
            TokenTree::Ident(ident) => ident == *name,
            TokenTree::Group(group) => within(group.stream(), name),
            TokenTree::Punct(_) | TokenTree::Literal(_) => false,
        })
    }
    within(quote!(#ty), name)
}

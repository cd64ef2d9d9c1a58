//! What the derive was given: fields with their classes, or errors that say what to write.

use proc_macro2::Span;
use syn::parse::ParseStream;
use syn::spanned::Spanned;
use syn::{
    Attribute, Data, DeriveInput, Error, Fields, Generics, Ident, LitStr, Member, Path, Result,
    Token, Type, parse_quote,
};

use crate::sounds;

/// A structure or enum.
pub(crate) struct Container {
    pub(crate) name: Ident,
    pub(crate) generics: Generics,
    /// Where `privet_classify` is.
    pub(crate) krate: Path,
    /// A structure is one variant without a name of its own.
    pub(crate) variants: Vec<Variant>,
}

pub(crate) struct Variant {
    /// The variant of an enum; none for a structure.
    pub(crate) name: Option<Ident>,
    pub(crate) shape: Shape,
    pub(crate) fields: Vec<Field>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    Named,
    Tuple,
    Unit,
}

pub(crate) struct Field {
    pub(crate) member: Member,
    pub(crate) ty: Type,
    pub(crate) class: FieldClass,
}

/// Where the class of a field comes from.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum FieldClass {
    ByType,
    Sys,
}

impl Container {
    pub(crate) fn parse(input: DeriveInput) -> Result<Self> {
        let options = Options::parse(&input.attrs)?;
        let variants = match input.data {
            Data::Struct(data) => {
                if let Some(span) = options.variants {
                    return Err(Error::new(
                        span,
                        "a structure has no variants; leave this out",
                    ));
                }
                Ok(vec![Variant::parse(None, data.fields)?])
            }
            Data::Enum(data) => {
                if options.variants.is_none() && !data.variants.is_empty() {
                    return Err(Error::new(
                        input.ident.span(),
                        variants_unclassified(&input.ident),
                    ));
                }
                collect(data.variants.into_iter().map(|variant| {
                    refuse_class(&variant.attrs, "a variant")?;
                    Variant::parse(Some(variant.ident), variant.fields)
                }))
            }
            Data::Union(data) => Err(Error::new(
                data.union_token.span,
                "a union cannot bear classes: nobody knows which of its fields is there; use an enum",
            )),
        }?;
        Ok(Self {
            name: input.ident,
            generics: input.generics,
            krate: options
                .krate
                .unwrap_or_else(|| parse_quote!(::privet_classify)),
            variants,
        })
    }
}

fn variants_unclassified(name: &Ident) -> String {
    format!(
        "which variant of `{name}` a value is tells something too, and bears no class\n\
         \n\
         if that is about the machine alone, say so: `#[classified(variants = SYS)]`\n\
         if it is about a person, put the whole value into a class where it is used: \
         `Udi<{name}, value::Opaque>`, and leave out this derive"
    )
}

impl Variant {
    fn parse(name: Option<Ident>, fields: Fields) -> Result<Self> {
        let shape = match fields {
            Fields::Named(_) => Shape::Named,
            Fields::Unnamed(_) => Shape::Tuple,
            Fields::Unit => Shape::Unit,
        };
        let fields = collect(
            fields
                .members()
                .collect::<Vec<_>>()
                .into_iter()
                .zip(fields)
                .map(|(member, field)| Field::parse(member, field)),
        )?;
        Ok(Self {
            name,
            shape,
            fields,
        })
    }
}

impl Field {
    fn parse(member: Member, field: syn::Field) -> Result<Self> {
        let mut class = FieldClass::ByType;
        let mut seen = None::<Span>;
        for attribute in &field.attrs {
            if attribute.path().is_ident("classified") {
                return Err(Error::new(
                    attribute.span(),
                    "`classified` stands on the structure or enum; a field has `#[class(…)]`",
                ));
            }
            if !attribute.path().is_ident("class") {
                continue;
            }
            if seen.replace(attribute.span()).is_some() {
                return Err(Error::new(attribute.span(), "a field has one class"));
            }
            parse_class(attribute, &member, &field.ty)?;
            class = FieldClass::Sys;
        }
        Ok(Self {
            member,
            ty: field.ty,
            class,
        })
    }
}

/// `#[class(SYS)]` or `#[class(SYS, because = "…")]`; anything else is explained.
fn parse_class(attribute: &Attribute, member: &Member, ty: &Type) -> Result<()> {
    let named = attribute.meta.require_list();
    if !named.is_ok_and(|list| !list.tokens.is_empty()) {
        return Err(Error::new(
            attribute.span(),
            "which class? for a value about the machine alone write `#[class(SYS)]`",
        ));
    }
    let because = attribute.parse_args_with(|input: ParseStream<'_>| {
        let class: Ident = input.parse()?;
        check_class(&class, member, ty)?;
        if input.is_empty() {
            return Ok(None);
        }
        input.parse::<Token![,]>()?;
        let key: Ident = input.parse()?;
        if key != "because" {
            return Err(Error::new(
                key.span(),
                "after the class there is only `because = \"…\"`",
            ));
        }
        input.parse::<Token![=]>()?;
        let reason: LitStr = input.parse()?;
        if reason
            .value()
            .chars()
            .filter(|c| c.is_alphanumeric())
            .count()
            < 3
        {
            return Err(Error::new(reason.span(), "that is not a reason; say why"));
        }
        Ok(Some(reason))
    })?;
    if because.is_none()
        && let Member::Named(name) = member
        && sounds::personal(&name.to_string())
    {
        return Err(Error::new(
            name.span(),
            format!(
                "`{name}` sounds personal, and class `SYS` would show it in every log\n\
                 \n\
                 if it is about a person, give it a class by its type, as `Uii<{ty}>`\n\
                 if it is not, say why: `#[class(SYS, because = \"…\")]`",
                ty = text_of(ty),
            ),
        ));
    }
    Ok(())
}

fn check_class(class: &Ident, member: &Member, ty: &Type) -> Result<()> {
    let name = class.to_string();
    let wrapper = match name.as_str() {
        "SYS" => return Ok(()),
        "UII" => "Uii",
        "UPI" => "Upi",
        "UDI" => "Udi",
        "CC" => "Cc",
        "OI" => "Oi",
        _ => {
            return Err(Error::new(
                class.span(),
                "unknown class; known: `UII`, `UPI`, `UDI`, `CC`, `OI`, `SYS`, \
                 and for a plain field only `SYS`",
            ));
        }
    };
    let field = match member {
        Member::Named(name) => format!("{name}: "),
        Member::Unnamed(_) => String::new(),
    };
    Err(Error::new(
        class.span(),
        format!(
            "a plain field cannot be `{name}`: whoever holds it can print it\n\
             \n\
             give the class by the type: `{field}{wrapper}<{ty}>`",
            ty = text_of(ty),
        ),
    ))
}

/// A type as a person writes it; tokens have a space around each sign.
fn text_of(ty: &Type) -> String {
    quote::quote!(#ty)
        .to_string()
        .replace(" < ", "<")
        .replace(" >", ">")
        .replace(" :: ", "::")
        .replace("& ", "&")
}

/// What stands in `#[classified(…)]`.
#[derive(Default)]
struct Options {
    krate: Option<Path>,
    variants: Option<Span>,
}

impl Options {
    fn parse(attributes: &[Attribute]) -> Result<Self> {
        refuse_class(attributes, "a structure or enum")?;
        let mut options = Self::default();
        let ours = attributes
            .iter()
            .filter(|attribute| attribute.path().is_ident("classified"));
        for attribute in ours {
            attribute.parse_nested_meta(|meta| {
                if meta.path.is_ident("crate") {
                    options.krate = Some(meta.value()?.parse()?);
                    Ok(())
                } else if meta.path.is_ident("variants") {
                    let class: Ident = meta.value()?.parse()?;
                    if class != "SYS" {
                        return Err(Error::new(
                            class.span(),
                            "the variants of an enum are shown, so they can only be `SYS`; \
                             else put the whole value into a class where it is used, \
                             and leave out this derive",
                        ));
                    }
                    options.variants = Some(meta.path.span());
                    Ok(())
                } else {
                    Err(meta.error("unknown option; known: `variants = SYS`, `crate = path`"))
                }
            })?;
        }
        Ok(options)
    }
}

fn refuse_class(attributes: &[Attribute], what: &str) -> Result<()> {
    match attributes
        .iter()
        .find(|attribute| attribute.path().is_ident("class"))
    {
        Some(attribute) => Err(Error::new(
            attribute.span(),
            format!("{what} has no class; each of its fields has one"),
        )),
        None => Ok(()),
    }
}

/// All results, or all errors: whoever classifies a structure wants to see the whole list.
fn collect<T>(results: impl Iterator<Item = Result<T>>) -> Result<Vec<T>> {
    let mut good = Vec::new();
    let mut bad = None::<Error>;
    for result in results {
        match (result, &mut bad) {
            (Ok(value), _) => good.push(value),
            (Err(error), Some(errors)) => errors.combine(error),
            (Err(error), None) => bad = Some(error),
        }
    }
    bad.map_or(Ok(good), Err)
}

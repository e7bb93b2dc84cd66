//! Derive macro of `db::FromRow`.

use proc_macro::TokenStream;
use quote::{quote, quote_spanned};
use syn::{Data, DeriveInput, Error, Field, Fields, parse_macro_input, parse_quote, spanned::Spanned as _};

/// Reads a struct from a row: each field from the column of its name.
///
/// Columns are expected in the order of the fields, which costs a comparison of names each; another order costs a search.
/// Attributes of a field:
///
/// * `#[column(flatten)]`: a struct of its own, whose columns are in the same row;
/// * `#[column(json)]`: a `json` or `jsonb` value, deserialized;
/// * `#[column(default)]`: the default value if there is no such column;
/// * `#[column(skip)]`: the default value.
#[proc_macro_derive(FromRow, attributes(column))]
pub fn from_row(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    expand(input).unwrap_or_else(Error::into_compile_error).into()
}

/// How a field is read.
enum Mode {
    Column,
    Flatten,
    Json,
    Default,
    Skip,
}

fn expand(mut input: DeriveInput) -> Result<proc_macro2::TokenStream, Error> {
    let Data::Struct(data) = &input.data else {
        return Err(Error::new(input.span(), "FromRow is for structs"));
    };
    let Fields::Named(fields) = &data.fields else {
        return Err(Error::new(input.span(), "FromRow is for structs with named fields"));
    };
    let (mut reads, mut flattened) = (Vec::new(), Vec::new());
    for field in &fields.named {
        let mode = mode(field)?;
        if matches!(mode, Mode::Flatten) {
            flattened.push(field.ty.clone());
        }
        reads.push(read(field, &mode));
    }
    let bounds = input.generics.make_where_clause();
    for of in flattened {
        bounds.predicates.push(parse_quote!(#of: ::db::FromRow));
    }
    let (name, (of, to, bounds)) = (&input.ident, input.generics.split_for_impl());
    Ok(quote! {
        #[automatically_derived]
        impl #of ::db::FromRow for #name #to #bounds {
            fn from_row(row: &::db::Row<'_>) -> ::std::result::Result<Self, ::db::RowError> {
                ::std::result::Result::Ok(Self { #(#reads),* })
            }
        }
    })
}

fn mode(field: &Field) -> Result<Mode, Error> {
    let mut mode = Mode::Column;
    for attribute in field.attrs.iter().filter(|attribute| attribute.path().is_ident("column")) {
        attribute.parse_nested_meta(|meta| {
            mode = match () {
                () if meta.path.is_ident("flatten") => Mode::Flatten,
                () if meta.path.is_ident("json") => Mode::Json,
                () if meta.path.is_ident("default") => Mode::Default,
                () if meta.path.is_ident("skip") => Mode::Skip,
                () => return Err(meta.error("flatten, json, default or skip")),
            };
            Ok(())
        })?;
    }
    Ok(mode)
}

fn read(field: &Field, mode: &Mode) -> proc_macro2::TokenStream {
    let (name, of) = (&field.ident, &field.ty);
    let column = name.as_ref().map(ToString::to_string).unwrap_or_default();
    let column = column.trim_start_matches("r#");
    match mode {
        Mode::Column => quote_spanned!(of.span()=> #name: row.get::<#of>(#column)?),
        Mode::Flatten => quote_spanned!(of.span()=> #name: <#of as ::db::FromRow>::from_row(row)?),
        Mode::Json => quote_spanned!(of.span()=> #name: row.get::<::db::Json<#of>>(#column)?.0),
        Mode::Default => quote_spanned!(of.span()=> #name: row.find::<#of>(#column)?.unwrap_or_default()),
        Mode::Skip => quote_spanned!(of.span()=> #name: ::std::default::Default::default()),
    }
}

//! Columns of `tokio-postgres` and `postgres`: text, or a domain over text as adoption makes them.

use std::error::Error;

use postgres_types::private::BytesMut;
use postgres_types::{FromSql, IsNull, Kind, ToSql, Type, to_sql_checked};

use super::{BlindIndex, Sealed};
use crate::Field;

/// The type below the domains. A server tells the domain of a parameter, and the type below it of a result.
fn base(ty: &Type) -> &Type {
    match ty.kind() {
        Kind::Domain(of) => base(of),
        _ => ty,
    }
}

macro_rules! column {
    ($name:ident) => {
        /// Needs the feature `tokio-postgres`.
        impl<F: Field> ToSql for $name<F> {
            fn to_sql(
                &self,
                ty: &Type,
                out: &mut BytesMut,
            ) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
                self.as_str().to_sql(base(ty), out)
            }

            fn accepts(ty: &Type) -> bool {
                <&str as ToSql>::accepts(base(ty))
            }

            to_sql_checked!();
        }

        /// Needs the feature `tokio-postgres`.
        impl<'a, F: Field> FromSql<'a> for $name<F> {
            fn from_sql(ty: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn Error + Sync + Send>> {
                let text = <&str as FromSql>::from_sql(base(ty), raw)?;
                Ok(Self::from_text(text)?)
            }

            fn accepts(ty: &Type) -> bool {
                <&str as FromSql>::accepts(base(ty))
            }
        }
    };
}

column!(Sealed);
column!(BlindIndex);

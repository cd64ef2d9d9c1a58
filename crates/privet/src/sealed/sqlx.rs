//! Columns of `sqlx`: what is text for its database.

use sqlx_core::database::Database;
use sqlx_core::decode::Decode;
use sqlx_core::encode::{Encode, IsNull};
use sqlx_core::error::BoxDynError;
use sqlx_core::types::Type;

use super::{BlindIndex, Sealed};
use crate::Field;

macro_rules! column {
    ($name:ident) => {
        /// Needs the feature `sqlx`.
        impl<DB: Database, F: Field> Type<DB> for $name<F>
        where
            String: Type<DB>,
        {
            fn type_info() -> DB::TypeInfo {
                String::type_info()
            }

            fn compatible(ty: &DB::TypeInfo) -> bool {
                String::compatible(ty)
            }
        }

        /// Needs the feature `sqlx`.
        impl<'q, DB: Database, F: Field> Encode<'q, DB> for $name<F>
        where
            String: Encode<'q, DB>,
        {
            fn encode_by_ref(
                &self,
                buffer: &mut DB::ArgumentBuffer,
            ) -> Result<IsNull, BoxDynError> {
                self.as_str().to_owned().encode(buffer)
            }
        }

        /// Needs the feature `sqlx`.
        impl<'r, DB: Database, F: Field> Decode<'r, DB> for $name<F>
        where
            String: Decode<'r, DB>,
        {
            fn decode(value: DB::ValueRef<'r>) -> Result<Self, BoxDynError> {
                Ok(Self::from_text(String::decode(value)?)?)
            }
        }
    };
}

column!(Sealed);
column!(BlindIndex);

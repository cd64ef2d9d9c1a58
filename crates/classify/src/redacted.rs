//! Which types show nothing that their classes forbid.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::fmt;
use std::marker::PhantomData;
use std::rc::Rc;
use std::sync::Arc;

use crate::classified::Classified;
use crate::taxonomy::DataClass;
use crate::value::Kind;

/// A type whose `Debug` shows nothing that its classes forbid: classified values, what
/// `derive(Classified)` made of them, and options, boxes and collections of such.
///
/// To implement it by hand is a promise about `Debug` that nobody checks; derive it.
///
/// ```
/// use std::collections::BTreeMap;
/// use privet_classify::{Cc, Redacted, Upi};
///
/// fn log(value: &impl Redacted) -> String {
///     format!("{value:?}")
/// }
/// let notes: BTreeMap<Upi<u32>, Option<Cc<String>>> = [(1.into(), None)].into();
/// assert_eq!(log(&notes), "{[UPI]: None}");
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` bears no class, so whoever logs it shows it",
    label = "say how personal this is",
    note = "wrap what is personal: `Uii<{Self}>` (names a person), `Upi<{Self}>` (an id of a person), `Udi<{Self}>` (describes a person), `Cc<{Self}>` (written by a person), `Oi<{Self}>` (about an organisation)",
    note = "mark what is about the machine alone: `#[class(SYS)]`",
    note = "a structure of such fields: `#[derive(Classified)]`"
)]
pub trait Redacted: fmt::Debug {}

impl<T, C: DataClass, V: Kind<T>> Redacted for Classified<T, C, V> {}

impl Redacted for () {}
impl<T> Redacted for PhantomData<T> {}
impl<T: Redacted + ?Sized> Redacted for &T {}
impl<T: Redacted + ?Sized> Redacted for &mut T {}
impl<T: Redacted + ?Sized> Redacted for Box<T> {}
impl<T: Redacted + ?Sized> Redacted for Rc<T> {}
impl<T: Redacted + ?Sized> Redacted for Arc<T> {}
impl<T: Redacted> Redacted for Option<T> {}
impl<T: Redacted, E: Redacted> Redacted for Result<T, E> {}
impl<T: Redacted> Redacted for [T] {}
impl<T: Redacted, const N: usize> Redacted for [T; N] {}
impl<T: Redacted> Redacted for Vec<T> {}
impl<T: Redacted> Redacted for VecDeque<T> {}
impl<T: Redacted> Redacted for BTreeSet<T> {}
impl<T: Redacted, S> Redacted for HashSet<T, S> {}
impl<K: Redacted, T: Redacted> Redacted for BTreeMap<K, T> {}
impl<K: Redacted, T: Redacted, S> Redacted for HashMap<K, T, S> {}
impl<A: Redacted> Redacted for (A,) {}
impl<A: Redacted, B: Redacted> Redacted for (A, B) {}
impl<A: Redacted, B: Redacted, C: Redacted> Redacted for (A, B, C) {}
impl<A: Redacted, B: Redacted, C: Redacted, D: Redacted> Redacted for (A, B, C, D) {}

/// What `derive(Classified)` writes calls to; not for others.
#[doc(hidden)]
pub mod derived {
    use std::fmt;

    use super::Redacted;

    /// Marks a derived `Debug` as a log form.
    pub fn log_form<'a>(
        f: &mut fmt::Formatter<'a>,
        write: impl FnOnce(&mut fmt::Formatter<'a>) -> fmt::Result,
    ) -> fmt::Result {
        crate::provenance::classified(f, write)
    }

    /// A field that bears a class by its type.
    pub fn field<T: Redacted>(value: &T) -> &dyn fmt::Debug {
        value
    }

    /// A field that is marked `SYS`.
    pub fn sys<T: fmt::Debug>(value: &T) -> &dyn fmt::Debug {
        value
    }
}

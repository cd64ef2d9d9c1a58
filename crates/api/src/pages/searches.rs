//! Texts that auditors search for. They may be people's names, so they stand in no address: an address names a search by a
//! number, which means something for its own login alone, and the text lies here until it is pushed out.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use privet_vault::TokenId;
use privet_wire::Personal;

/// Searches that are kept, of everybody.
const KEPT: usize = 1_000;

/// The latest searches.
#[derive(Default)]
pub(crate) struct Searches {
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    last: u64,
    searches: VecDeque<Search>,
}

struct Search {
    number: u64,
    whose: TokenId,
    text: Personal,
}

impl Searches {
    /// Keeps a text; answers its number.
    pub(super) fn keep(&self, whose: TokenId, text: Personal) -> u64 {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let same = kept.searches.iter();
        let mut same = same.filter(|search| search.whose == whose && search.text == text);
        if let Some(search) = same.next() {
            return search.number;
        }
        drop(same);
        kept.last += 1;
        let number = kept.last;
        kept.searches.push_back(Search {
            number,
            whose,
            text,
        });
        if kept.searches.len() > KEPT {
            kept.searches.pop_front();
        }
        number
    }

    /// Lets go of what was searched for with a token.
    pub(super) fn forget(&self, whose: TokenId) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.searches.retain(|search| search.whose != whose);
    }

    /// The text of a search, for whoever searched it.
    pub(super) fn text(&self, whose: TokenId, number: u64) -> Option<Personal> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let mut searches = kept.searches.iter();
        let search = searches.find(|search| search.number == number && search.whose == whose)?;
        Some(search.text.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_search_is_its_owner_s_and_is_pushed_out_by_many_others() {
        let searches = Searches::default();
        let (one, two) = (TokenId::from_bytes([1; 16]), TokenId::from_bytes([2; 16]));
        let number = searches.keep(one, Personal::new("ada"));
        assert_eq!(searches.keep(one, Personal::new("ada")), number);
        assert_eq!(searches.text(one, number).as_deref(), Some("ada"));
        assert_eq!(searches.text(two, number), None);
        let left = searches.keep(two, Personal::new("joan"));
        searches.forget(two);
        assert_eq!(searches.text(two, left), None);
        assert!(searches.text(one, number).is_some());
        for n in 0..KEPT {
            searches.keep(two, Personal::new(n.to_string()));
        }
        assert_eq!(searches.text(one, number), None);
    }
}

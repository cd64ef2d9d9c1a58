//! What the attacker tries with the rows of the consent ledger: whose they are, how many, how long, in which order.

use std::collections::{BTreeMap, BTreeSet};

use crate::attacks::{ended, forms, places};
use crate::evidence::{Claims, Copy, Evidence, Id, Record};

/// The first person in the ledger's file is the first one whose answer telemetry was told of, and so on.
pub(crate) fn order_of_answers(evidence: &Evidence) -> Claims {
    let mut claims = Claims::new();
    for copy in [&evidence.before, &evidence.after] {
        let told = evidence
            .stream
            .iter()
            .filter(|record| record.is_consent && !record.is_final);
        let named = owners(evidence);
        let people = copy.answers.iter().map(|answer| {
            let named = named.get(&answer.place);
            named.copied().unwrap_or(answer.place)
        });
        claims.extend(
            told.zip(people)
                .map(|(record, person)| (record.tyid, person)),
        );
    }
    claims
}

/// Those who alone have something in common with an id.
fn alone<S: Ord>(
    ids: impl Iterator<Item = (Id, S)>,
    people: impl Iterator<Item = (Id, S)>,
) -> Claims {
    let unique = |list: &mut dyn Iterator<Item = (Id, S)>| {
        let mut by: BTreeMap<S, Vec<Id>> = BTreeMap::new();
        for (id, sign) in list {
            by.entry(sign).or_default().push(id);
        }
        by
    };
    let mut ids = ids;
    let mut people = people;
    let (ids, people) = (unique(&mut ids), unique(&mut people));
    let pairs = ids.into_iter().filter_map(|(sign, ids)| {
        match (ids.as_slice(), people.get(&sign)?.as_slice()) {
            ([id], [person]) => Some((*id, *person)),
            _ => None,
        }
    });
    pairs.collect()
}

/// What answers' rows name: an account, a key that its values name, anything that an entry of the log names. Each with the
/// place of the row.
fn named_in_answers(evidence: &Evidence) -> &[(Id, Id)] {
    evidence.named.get_or_init(|| {
        let values = [&evidence.before, &evidence.after].map(|copy| &copy.values);
        let values = values.into_iter().flatten();
        let ids = values.flat_map(|(puid, sealed)| [*puid, key_of(sealed)]);
        let tokens = evidence.log.iter().flat_map(|entry| &entry.tokens).copied();
        let sought: BTreeSet<Id> = ids.chain(tokens).collect();
        let sought = forms(sought.into_iter());
        let (mut rows, mut ends, mut of_row) = (Vec::new(), Vec::new(), Vec::new());
        for answer in [&evidence.before, &evidence.after]
            .into_iter()
            .flat_map(|copy| &copy.answers)
        {
            rows.extend(answer.place);
            rows.extend(&answer.state);
            rows.extend(answer.evidence.iter().flatten());
            ends.push(rows.len());
            of_row.push(answer.place);
        }
        let found = places(&rows, &sought).into_iter();
        let found =
            found.map(|(place, id)| (of_row[ends.partition_point(|end| *end <= place)], id));
        found.collect()
    })
}

/// The key that a sealed value names (`docs/formats/sealed-values.md`).
fn key_of(sealed: &[u8]) -> Id {
    sealed[2..18].try_into().unwrap()
}

/// Whose answers are whose, as far as the files say.
fn owners(evidence: &Evidence) -> BTreeMap<Id, Id> {
    let mut people: BTreeMap<Id, Id> = BTreeMap::new();
    for copy in [&evidence.before, &evidence.after] {
        for (puid, sealed) in &copy.values {
            people.insert(*puid, *puid);
            people.insert(key_of(sealed), *puid);
        }
    }
    let named = named_in_answers(evidence).iter();
    let owners = named.filter_map(|(place, id)| Some((*place, *people.get(id)?)));
    owners.collect()
}

/// How many answers each has: a person where the row says whose it is, else whatever lies alone at its place.
fn answers(copy: &Copy, owners: &BTreeMap<Id, Id>) -> BTreeMap<Id, i64> {
    let mut counts = BTreeMap::new();
    for answer in &copy.answers {
        let owner = owners.get(&answer.place).unwrap_or(&answer.place);
        *counts.entry(*owner).or_default() += 1;
    }
    counts
}

pub(crate) fn counts_of_answers(evidence: &Evidence) -> Claims {
    counted(evidence, &owners(evidence))
}

/// What the count of answers is worth to whoever knows whose each is.
pub(crate) fn with_owners(evidence: &Evidence, owners: &BTreeMap<Id, Id>) -> Claims {
    let mut claims = counted(evidence, owners);
    claims.extend(stamped(evidence, owners));
    claims
}

/// An answer's row names an account, its key, or what an entry of the log names: whoever it is, that is too much.
pub(crate) fn named_by_answers(evidence: &Evidence) -> Claims {
    let ended = ended(evidence).into_iter().zip(named_in_answers(evidence));
    ended.map(|((tyid, _), _)| (tyid, tyid)).collect()
}

/// Answers of a length that is rare among rows, beside ids with as rare an answer: whoever is the only one of both.
pub(crate) fn lengths_of_answers(evidence: &Evidence) -> Claims {
    let owners = owners(evidence);
    let rows = evidence.before.answers.iter().map(|answer| {
        let length = answer.state.len() + answer.evidence.as_ref().map_or(0, Vec::len);
        let owner = owners.get(&answer.place).unwrap_or(&answer.place);
        (*owner, length)
    });
    // How much an id agrees to at most is what makes its answers long.
    let mut bits: BTreeMap<Id, usize> = BTreeMap::new();
    for record in evidence.stream.iter().filter(|record| !record.is_final) {
        let most = bits.entry(record.tyid).or_default();
        *most = (*most).max(record.bits.count_ones() as usize);
    }
    let lengths: BTreeSet<usize> = rows.clone().map(|(_, length)| length).collect();
    let ranks: BTreeMap<usize, usize> = lengths.into_iter().zip(0..).collect();
    let rows = rows.map(|(owner, length)| (owner, ranks[&length]));
    alone(bits.into_iter(), rows)
}

/// Answers of people before and after, beside answers of ids until then and in all; one more or less for those of before
/// telemetry knew them.
fn counted(evidence: &Evidence, owners: &BTreeMap<Id, Id>) -> Claims {
    let copied = evidence
        .stream
        .iter()
        .position(|record| record.is_final)
        .unwrap();
    let mut ids: BTreeMap<Id, (i64, i64)> = BTreeMap::new();
    for (place, record) in evidence.stream.iter().enumerate() {
        let (before, all) = ids.entry(record.tyid).or_default();
        if record.is_consent && !record.is_final {
            *all += 1;
            *before += i64::from(place < copied);
        }
    }
    let before = answers(&evidence.before, owners);
    let after = answers(&evidence.after, owners);
    let mut claims = Claims::new();
    for unseen in 0..3 {
        let ids = ids
            .iter()
            .map(|(id, (early, all))| (*id, (early + unseen, all + unseen)));
        let people = before.iter().map(|(person, early)| {
            let all = after.get(person).copied().unwrap_or(*early);
            (*person, (*early, all))
        });
        claims.extend(alone(ids, people));
    }
    claims
}

/// The highest stamp of an id is how often somebody answered.
pub(crate) fn stamps_as_counts(evidence: &Evidence) -> Claims {
    stamped(evidence, &owners(evidence))
}

fn stamped(evidence: &Evidence, owners: &BTreeMap<Id, Id>) -> Claims {
    let mut ids: BTreeMap<Id, (u32, u32)> = BTreeMap::new();
    for Record {
        tyid, stamp, bits, ..
    } in evidence.stream.iter().filter(|record| !record.is_final)
    {
        let now = ids.entry(*tyid).or_default();
        *now = (*now).max((*stamp, *bits));
    }
    let people = answers(&evidence.before, owners);
    let people = people
        .iter()
        .map(|(person, count)| (*person, u32::try_from(*count).unwrap()));
    alone(ids.iter().map(|(id, (stamp, _))| (*id, *stamp)), people)
}

//! Times, days, numbers, ids and names as PostgreSQL keeps them.

use std::str::FromStr;

use jiff::civil::Date;
use jiff::{Timestamp, ToSpan};
use privet_vault::SubjectRef;
use privet_vault::port::StoreError;
use tokio_postgres::Row;
use tokio_postgres::types::FromSql;
use uuid::Uuid;

use super::database::Failure;

const FIRST_DAY: Date = Date::constant(1970, 1, 1);

/// A moment as nanoseconds since 1970-01-01 UTC: the database's own type would cut it to microseconds, and MACs over
/// rows would no longer hold.
pub(super) fn from_time(time: Timestamp) -> Result<i64, Failure> {
    i64::try_from(time.as_nanosecond()).map_err(|_| out_of_range())
}

pub(super) fn from_day(day: Date) -> Result<i32, Failure> {
    i32::try_from(day.duration_since(FIRST_DAY).as_hours() / 24).map_err(|_| out_of_range())
}

/// A count or position; the database's integers are signed.
pub(super) fn from_count(count: u64) -> Result<i64, Failure> {
    i64::try_from(count).map_err(|_| out_of_range())
}

pub(super) fn from_id(id: &[u8; 16]) -> Uuid {
    Uuid::from_bytes(*id)
}

pub(super) fn from_subjects(subjects: &[SubjectRef]) -> Vec<Uuid> {
    subjects.iter().map(|id| from_id(id.as_bytes())).collect()
}

/// Numbers of fields; the database has no unsigned integers.
pub(super) fn from_fields(fields: &[u16]) -> Vec<i32> {
    fields.iter().copied().map(i32::from).collect()
}

/// What a row holds, by position. Anything that this program does not write is damage.
pub(super) struct Reading<'r> {
    pub(super) row: &'r Row,
    pub(super) damaged: &'static str,
}

impl<'r> Reading<'r> {
    pub(super) fn get<T: FromSql<'r>>(&self, at: usize) -> Result<T, Failure> {
        self.row.try_get(at).map_err(|_| self.damage())
    }

    pub(super) fn id(&self, at: usize) -> Result<[u8; 16], Failure> {
        Ok(self.get::<Uuid>(at)?.into_bytes())
    }

    pub(super) fn id_if(&self, at: usize) -> Result<Option<[u8; 16]>, Failure> {
        Ok(self.get::<Option<Uuid>>(at)?.map(Uuid::into_bytes))
    }

    pub(super) fn subjects(&self, at: usize) -> Result<Vec<SubjectRef>, Failure> {
        let ids = self.get::<Vec<Uuid>>(at)?.into_iter();
        Ok(ids
            .map(|id| SubjectRef::from_bytes(id.into_bytes()))
            .collect())
    }

    pub(super) fn fields(&self, at: usize) -> Result<Vec<u16>, Failure> {
        let numbers = self.get::<Vec<i32>>(at)?.into_iter();
        let fields: Result<Vec<u16>, _> = numbers.map(u16::try_from).collect();
        fields.map_err(|_| self.damage())
    }

    pub(super) fn bytes<const N: usize>(&self, at: usize) -> Result<[u8; N], Failure> {
        self.get::<&[u8]>(at)?.try_into().map_err(|_| self.damage())
    }

    pub(super) fn count(&self, at: usize) -> Result<u64, Failure> {
        u64::try_from(self.get::<i64>(at)?).map_err(|_| self.damage())
    }

    pub(super) fn time(&self, at: usize) -> Result<Timestamp, Failure> {
        self.as_time(self.get(at)?)
    }

    pub(super) fn time_if(&self, at: usize) -> Result<Option<Timestamp>, Failure> {
        let time: Option<i64> = self.get(at)?;
        time.map(|time| self.as_time(time)).transpose()
    }

    pub(super) fn day_if(&self, at: usize) -> Result<Option<Date>, Failure> {
        let days: Option<i32> = self.get(at)?;
        days.map(|days| {
            FIRST_DAY
                .checked_add(days.days())
                .map_err(|_| self.damage())
        })
        .transpose()
    }

    pub(super) fn parsed<T: FromStr>(&self, at: usize) -> Result<T, Failure> {
        self.get::<&str>(at)?.parse().map_err(|_| self.damage())
    }

    pub(super) fn damage(&self) -> Failure {
        StoreError::Damaged(self.damaged).into()
    }

    fn as_time(&self, nanoseconds: i64) -> Result<Timestamp, Failure> {
        Timestamp::from_nanosecond(nanoseconds.into()).map_err(|_| self.damage())
    }
}

fn out_of_range() -> Failure {
    StoreError::Unavailable("a time or number is out of the store's range".to_owned()).into()
}

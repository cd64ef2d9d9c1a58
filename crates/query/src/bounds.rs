//! What a statement's conditions say about the files that it needs. Conditions that are not understood say nothing; those
//! that are stay in the plan above the scan, so that a mistake here could leave out rows but never show one.

use std::sync::Arc;

use datafusion::common::ScalarValue;
use datafusion::logical_expr::expr::InList;
use datafusion::logical_expr::{BinaryExpr, Expr, Operator};
use privet_telemetry_store::DataFile;

use crate::people::{People, id, within};

/// Days since 1970 of a file's name.
pub(crate) fn days(day: jiff::civil::Date) -> i32 {
    jiff::civil::date(1970, 1, 1)
        .until((jiff::Unit::Day, day))
        .map_or(0, |span| span.get_days())
}

/// What rows have to be like.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Bounds {
    time: Range<i64>,
    day: Range<i32>,
    tenants: Option<Vec<String>>,
    people: Option<Vec<u128>>,
}

/// From and to, both included.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Range<T> {
    from: Option<T>,
    to: Option<T>,
}

impl<T> Default for Range<T> {
    fn default() -> Self {
        Self {
            from: None,
            to: None,
        }
    }
}

impl<T: Copy + Ord> Range<T> {
    /// Also where the value itself is left out: that a bound is one too wide costs nothing.
    fn narrow(&mut self, operator: Operator, value: T) {
        if matches!(operator, Operator::Eq | Operator::Gt | Operator::GtEq) {
            self.from = Some(self.from.map_or(value, |from| from.max(value)));
        }
        if matches!(operator, Operator::Eq | Operator::Lt | Operator::LtEq) {
            self.to = Some(self.to.map_or(value, |to| to.min(value)));
        }
    }

    fn meets(&self, first: T, last: T) -> bool {
        self.from.is_none_or(|from| last >= from) && self.to.is_none_or(|to| first <= to)
    }
}

impl Bounds {
    /// Of conditions that all have to hold.
    pub(crate) fn of(filters: &[Expr]) -> Self {
        let mut bounds = Self::default();
        for filter in filters {
            bounds.narrow(filter);
        }
        bounds
    }

    fn narrow(&mut self, filter: &Expr) {
        match filter {
            Expr::BinaryExpr(BinaryExpr {
                left,
                op: Operator::And,
                right,
            }) => {
                self.narrow(left);
                self.narrow(right);
            }
            Expr::BinaryExpr(BinaryExpr { left, op, right }) => {
                if let (Some(name), Some(value)) = (column(left), literal(right)) {
                    self.compare(name, *op, value);
                } else if let (Some(name), Some(value), Some(op)) =
                    (column(right), literal(left), op.swap())
                {
                    self.compare(name, op, value);
                }
            }
            Expr::InList(InList {
                expr,
                list,
                negated: false,
            }) => {
                let values: Option<Vec<_>> = list.iter().map(literal).collect();
                if let (Some(name), Some(values)) = (column(expr), values) {
                    self.one_of(name, &values);
                }
            }
            Expr::Between(between) if !between.negated => {
                if let Some(name) = column(&between.expr) {
                    for (op, bound) in [
                        (Operator::GtEq, &between.low),
                        (Operator::LtEq, &between.high),
                    ] {
                        if let Some(value) = literal(bound) {
                            self.compare(name, op, value);
                        }
                    }
                }
            }
            _ => {}
        }
    }

    fn compare(&mut self, name: &str, operator: Operator, value: &ScalarValue) {
        match (name, value) {
            ("time", ScalarValue::TimestampNanosecond(Some(value), _)) => {
                self.time.narrow(operator, *value);
            }
            ("day", ScalarValue::Date32(Some(value))) => self.day.narrow(operator, *value),
            // Days are those on which rows were received.
            ("received", ScalarValue::TimestampMillisecond(Some(value), _)) => {
                let day = value.div_euclid(24 * 60 * 60 * 1000);
                if let Ok(day) = i32::try_from(day) {
                    self.day.narrow(operator, day);
                }
            }
            _ if operator == Operator::Eq => self.one_of(name, &[value]),
            _ => {}
        }
    }

    fn one_of(&mut self, name: &str, values: &[&ScalarValue]) {
        if name == "tyid" {
            let ids = values
                .iter()
                .filter_map(|value| bytes(value))
                .filter_map(id);
            let ids: Vec<_> = ids.collect();
            // A value that is no id is nobody's.
            if values.iter().all(|value| bytes(value).is_some()) {
                self.people = Some(match self.people.take() {
                    Some(people) => people.into_iter().filter(|id| ids.contains(id)).collect(),
                    None => ids,
                });
            }
        }
        if name == "tenant" {
            let names: Option<Vec<_>> = values
                .iter()
                .map(|value| value.try_as_str().flatten().map(str::to_owned))
                .collect();
            if self.tenants.is_none() {
                self.tenants = names;
            }
        }
    }

    /// The people of these whom rows can be about.
    pub(crate) fn people(&self, agree: &People) -> People {
        match &self.people {
            Some(wanted) => agree.among(wanted),
            None => agree.clone(),
        }
    }

    /// The files that can have such rows.
    pub(crate) fn files(&self, files: &[Arc<DataFile>], people: &People) -> Vec<Arc<DataFile>> {
        files
            .iter()
            .filter(|file| self.can_match(file, people))
            .map(Arc::clone)
            .collect()
    }

    fn can_match(&self, file: &DataFile, people: &People) -> bool {
        let day = days(file.day);
        let tenant = self
            .tenants
            .as_ref()
            .is_none_or(|tenants| tenants.iter().any(|tenant| **tenant == *file.tenant));
        let somebody = match (people, file.people) {
            (People::Everybody, _) => true,
            (People::Only(_), None) => false,
            (People::Only(ids), Some((first, last))) => {
                let (first, last) = (u128::from_be_bytes(first), u128::from_be_bytes(last));
                !within(ids, first, last).is_empty()
            }
        };
        tenant
            && somebody
            && self.day.meets(day, day)
            && self.time.meets(file.times.0, file.times.1)
    }
}

fn column(expr: &Expr) -> Option<&str> {
    match expr {
        Expr::Column(column) => Some(column.name.as_str()),
        // Ids are compared as bytes of any length.
        Expr::Cast(cast) => match cast.expr.as_ref() {
            Expr::Column(column) if column.name == "tyid" => Some("tyid"),
            _ => None,
        },
        _ => None,
    }
}

fn literal(expr: &Expr) -> Option<&ScalarValue> {
    match expr {
        Expr::Literal(value, _) => Some(value),
        _ => None,
    }
}

fn bytes(value: &ScalarValue) -> Option<&[u8]> {
    match value {
        ScalarValue::Binary(Some(bytes))
        | ScalarValue::LargeBinary(Some(bytes))
        | ScalarValue::BinaryView(Some(bytes))
        | ScalarValue::FixedSizeBinary(_, Some(bytes)) => Some(bytes),
        _ => None,
    }
}

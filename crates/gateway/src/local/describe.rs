//! Describe: what a statement or a portal will answer, before it does.

use privet_vault::port::{Described, SqlValue};

use super::Local;
use super::expression::type_of_expression;
use super::prepared::{Portal, Progress};
use super::rows::Shape;
use crate::answer::Select;
use crate::frame::Target;
use crate::session::Halt;
use crate::text;
use crate::value::Type;

impl Local {
    pub(super) async fn describe(&mut self, target: Target) -> Result<(), Halt> {
        match target {
            Target::Statement(name) => self.describe_statement(&name).await,
            Target::Portal(name) => {
                let mut portal = self.prepared.take_portal(&name)?;
                let described = self.describe_portal(&mut portal).await;
                self.prepared.put_portal(&name, portal);
                described
            }
        }
    }

    async fn describe_statement(&mut self, name: &str) -> Result<(), Halt> {
        let statement = self.prepared.statement(name)?.clone();
        self.session
            .wire
            .out
            .parameter_description(&statement.types);
        let columns = match &statement.described {
            Some(described) => self.promised(&statement.sql, described),
            None => {
                let no_values = vec![SqlValue::Null; statement.types.len()];
                let answer = self
                    .made(&statement.plan, &statement.sql, &no_values)
                    .await?;
                answer.map(|answer| answer.columns).unwrap_or_default()
            }
        };
        if statement.described.is_some() {
            self.prepared
                .told(name, columns.iter().map(|(_, of_type)| *of_type).collect());
        }
        self.describe_columns(&columns, &Shape::default())
    }

    async fn describe_portal(&mut self, portal: &mut Portal) -> Result<(), Halt> {
        if let (Progress::Bound, Some(described)) = (&portal.progress, &portal.described)
            && !described.columns.is_empty()
        {
            if portal.shape.told.is_none() && described.read_only {
                // A look at the first rows tells the types of columns for which nothing is declared.
                self.begin_portal(portal).await?;
            } else {
                let columns = match &portal.shape.told {
                    Some(told) => described
                        .columns
                        .iter()
                        .map(|(name, _)| name.clone())
                        .zip(told.clone())
                        .collect(),
                    None => self.promised(&portal.sql, described),
                };
                portal.shape.told = Some(columns.iter().map(|(_, of_type)| *of_type).collect());
                return self.describe_columns(&columns, &portal.shape);
            }
        }
        if let Progress::Bound = portal.progress
            && portal.described.is_none()
            && let Some(answer) = self
                .made(&portal.plan, &portal.sql, &portal.parameters)
                .await?
        {
            portal.progress = Progress::Answered(answer, 0);
        }
        match &portal.progress {
            Progress::Running(cursor) => {
                if cursor.columns.is_empty() {
                    self.session.wire.out.no_data();
                } else {
                    self.session.wire.out.row_description(&cursor.columns);
                }
                Ok(())
            }
            Progress::Answered(answer, _) => {
                let columns = answer.columns.clone();
                self.describe_columns(&columns, &portal.shape)
            }
            _ => {
                self.session.wire.out.no_data();
                Ok(())
            }
        }
    }

    fn describe_columns(&mut self, columns: &[(String, Type)], shape: &Shape) -> Result<(), Halt> {
        if columns.is_empty() {
            self.session.wire.out.no_data();
        } else {
            let columns = shape.columns(columns)?;
            self.session.wire.out.row_description(&columns);
        }
        Ok(())
    }

    /// The column types that can be promised before a statement ran: declared ones, unless the column is sealed, and
    /// those of expressions that can have one type only.
    fn promised(&self, sql: &str, described: &Described) -> Vec<(String, Type)> {
        let tokens = text::tokens(sql);
        let items = Select::parse(text::first_statement(&tokens)).map(|select| select.items);
        let items = items.filter(|items| items.len() == described.columns.len());
        let column = |(index, (name, declared)): (usize, &(String, String))| {
            let sealed = self
                .session
                .sealed
                .iter()
                .any(|(_, column, _)| column.eq_ignore_ascii_case(name));
            let computed = || {
                let item = items.as_ref().and_then(|items| items.get(index))?;
                type_of_expression(item.tokens)
            };
            let of_type = match Type::declared(declared) {
                _ if sealed => Type::Text,
                Some(declared) => declared,
                None => computed().unwrap_or(Type::Text),
            };
            (name.clone(), of_type)
        };
        described.columns.iter().enumerate().map(column).collect()
    }
}

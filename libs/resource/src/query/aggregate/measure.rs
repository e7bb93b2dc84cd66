use std::sync::Arc;

use db::Result;

use super::unanswerable;
use crate::{FieldSchema, Kind, query::column::Columns};

/// A value that is computed of the records of a group.
#[derive(Debug)]
pub(super) struct Measure {
    /// Name as it was asked for, such as `sum(budget)`.
    pub(super) name: String,
    of: Option<(Function, Arc<FieldSchema>)>,
}

/// A function over the values of a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Function {
    Sum,
    Average,
    Least,
    Greatest,
}

impl Function {
    const ALL: [(&'static str, Self); 4] =
        [("sum", Self::Sum), ("avg", Self::Average), ("min", Self::Least), ("max", Self::Greatest)];

    /// Whether the function can be computed of values of this kind.
    fn suits(self, kind: Kind) -> bool {
        match self {
            Self::Sum | Self::Average => matches!(kind, Kind::Integer | Kind::Amount),
            Self::Least | Self::Greatest => {
                matches!(kind, Kind::Integer | Kind::Amount | Kind::Instant | Kind::Date)
            }
        }
    }
}

/// Names of the functions that can be computed of values of this kind.
pub(crate) fn measures(kind: Kind) -> Vec<&'static str> {
    Function::ALL.iter().filter(|(_, function)| function.suits(kind)).map(|(name, _)| *name).collect()
}

impl Measure {
    pub(super) fn parse(text: &str, columns: &Columns) -> Result<Self> {
        let name = text.to_owned();
        if text == "count" {
            return Ok(Self { name, of: None });
        }
        let unknown = || unanswerable("measure", format!("has no measure `{text}`"));
        let (function, field) =
            text.strip_suffix(')').and_then(|text| text.split_once('(')).ok_or_else(unknown)?;
        let (_, function) = Function::ALL.iter().find(|(name, _)| *name == function).ok_or_else(unknown)?;
        let found = columns.own(field);
        let found = found.ok_or_else(|| unanswerable("measure", format!("has no field `{field}`")))?;
        if !function.suits(found.kind) {
            return Err(unanswerable("measure", format!("cannot compute `{text}`")));
        }
        Ok(Self { name, of: Some((*function, found)) })
    }

    /// Whether it is an amount of money, which is computed for each currency.
    pub(super) fn is_money(&self) -> bool {
        self.of.as_ref().is_some_and(|(_, field)| field.kind == Kind::Amount)
    }

    /// SQL of the value.
    pub(super) fn sql(&self) -> String {
        let Some((function, field)) = &self.of else { return "count(*)".to_owned() };
        let column = format!("record.{}", field.name);
        match function {
            Function::Sum if field.kind == Kind::Integer => format!("sum({column})::bigint"),
            Function::Sum => format!("sum({column})"),
            Function::Average => format!("round(avg({column}), 4)"),
            Function::Least => format!("min({column})"),
            Function::Greatest => format!("max({column})"),
        }
    }
}

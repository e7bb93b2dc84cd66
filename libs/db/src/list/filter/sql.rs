use super::{Filter, Operator, Term};
use crate::{Row, list::value::Value};

impl Filter {
    /// As `where` writes it. `record` is the name by which the statement calls the records.
    pub(crate) fn sql(&self, record: &str, values: &mut Row) -> String {
        match self {
            Self::And(all) => joined(all, " and ", record, values),
            Self::Or(all) => joined(all, " or ", record, values),
            // Unknown is false, so its opposite is true.
            Self::Not(one) => format!("not coalesce({}, false)", one.sql(record, values)),
            Self::Term(term) => term.sql(record, values),
        }
    }
}

fn joined(all: &[Filter], with: &str, record: &str, values: &mut Row) -> String {
    let parts: Vec<_> = all.iter().map(|one| one.sql(record, values)).collect();
    format!("({})", parts.join(with))
}

impl Term {
    fn sql(&self, record: &str, values: &mut Row) -> String {
        self.path.sql(record, |column| self.compared(column, values))
    }

    fn compared(&self, column: &str, values: &mut Row) -> String {
        if self.operator == Operator::Is {
            return format!("{column} is null");
        }
        let bound: Vec<String> = self.values.iter().map(|value| value.bind(values)).collect();
        let (one, list) = (bound.first().map(String::as_str).unwrap_or_default(), bound.join(", "));
        // By code points, so that an order does not depend on how the server was set up.
        let ordered =
            if matches!(self.values.first(), Some(Value::Text(_))) { r#" collate "C""# } else { "" };
        match self.operator {
            Operator::Eq => format!("{column} = {one}"),
            Operator::Ne => format!("{column} is distinct from {one}"),
            Operator::Lt => format!("{column}{ordered} < {one}"),
            Operator::Lte => format!("{column}{ordered} <= {one}"),
            Operator::Gt => format!("{column}{ordered} > {one}"),
            Operator::Gte => format!("{column}{ordered} >= {one}"),
            Operator::In => format!("{column} in ({list})"),
            Operator::Nin => format!("({column} is null or {column} not in ({list}))"),
            Operator::Contains => format!("strpos({column}, {one}) > 0"),
            Operator::StartsWith => format!("{column} ^@ {one}"),
            Operator::Is => String::new(),
        }
    }
}

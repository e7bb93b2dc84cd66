use db::Bindings;

use super::{Filter, Operator, Term};
use crate::query::value::Value;

impl Filter {
    /// SQL for a `where` clause. `record` is the alias of the records.
    pub(crate) fn sql(&self, record: &str, values: &mut Bindings) -> String {
        match self {
            Self::And(all) => joined(all, " and ", record, values),
            Self::Or(all) => joined(all, " or ", record, values),
            // Maps SQL's unknown to false, so that its negation is true.
            Self::Not(one) => format!("not coalesce({}, false)", one.sql(record, values)),
            Self::Term(term) => term.sql(record, values),
        }
    }
}

fn joined(all: &[Filter], with: &str, record: &str, values: &mut Bindings) -> String {
    let parts: Vec<_> = all.iter().map(|one| one.sql(record, values)).collect();
    format!("({})", parts.join(with))
}

impl Term {
    fn sql(&self, record: &str, values: &mut Bindings) -> String {
        self.path.sql(record, |column| self.compared(column, values))
    }

    fn compared(&self, column: &str, values: &mut Bindings) -> String {
        if self.operator == Operator::Is {
            return format!("{column} is null");
        }
        let bound: Vec<String> = self.values.iter().map(|value| value.bind(values)).collect();
        let (one, list) = (bound.first().map(String::as_str).unwrap_or_default(), bound.join(", "));
        // Collation "C" compares code points, so that the order does not depend on the server's locale.
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

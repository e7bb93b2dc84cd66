use super::{FromRow, FromSql, Row, RowError};

macro_rules! tuple {
    ($($name:ident $at:tt),+) => {
        impl<$($name: for<'r> FromSql<'r>),+> FromRow for ($($name,)+) {
            fn from_row(row: &Row<'_>) -> Result<Self, RowError> {
                Ok(($(row.at::<$name>($at)?,)+))
            }
        }
    };
}

tuple!(A 0);
tuple!(A 0, B 1);
tuple!(A 0, B 1, C 2);
tuple!(A 0, B 1, C 2, D 3);
tuple!(A 0, B 1, C 2, D 3, E 4);
tuple!(A 0, B 1, C 2, D 3, E 4, F 5);
tuple!(A 0, B 1, C 2, D 3, E 4, F 5, G 6);
tuple!(A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7);
tuple!(A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8);
tuple!(A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8, J 9);

//! The resources of the engine's own tests: boxes with an owner, and toys that lie in a box. Permissions know a fixed
//! catalogue of names, of which the two borrow one each.

use db::{FromRow, Refusal, RefusalKind};
use kernel::{Amount, Id, UserId};
use resource::{Field, Kind, Related, Resource};
use serde::{Deserialize, Serialize};
use time::Date;
use utoipa::ToSchema;
use validator::Validate;
use web::ResourceName;

/// A box with an owner.
#[derive(Debug, Clone, Serialize, Deserialize, FromRow, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ToyBox {
    /// Name, unique within the account regardless of case.
    #[validate(length(min = 1, max = 80))]
    pub name: String,
    /// Number of toys that fit in.
    #[validate(range(min = 1, max = 1000))]
    pub size: Option<i32>,
    /// Member who owns the box.
    #[schema(value_type = Option<uuid::Uuid>)]
    pub owner_id: Option<UserId>,
}

impl ResourceName for ToyBox {
    const NAME: &'static str = "project";
}

impl Resource for ToyBox {
    const TABLE: &'static str = "boxes";
    const OWNER: &'static str = "owner_id";
    const SEARCH_FIELDS: &'static [&'static str] = &["name"];
    const FIELDS: &'static [Field<Self>] = &[
        Field::required("name", Kind::Text, |one, row| row.bind(&one.name)),
        Field::new("size", Kind::Integer, |one, row| row.bind(one.size)),
        Field::new("owner_id", Kind::Id, |one, row| row.bind(one.owner_id)),
    ];
    type Refusal = ToyRefusal;

    fn set_default_owner(&mut self, person: UserId) {
        self.owner_id.get_or_insert(person);
    }

    fn constraint(name: &str) -> Option<ToyRefusal> {
        match name {
            "uq_boxes_name" => Some(ToyRefusal::NameTaken),
            "fk_boxes_owner" => Some(ToyRefusal::OwnerNotAMember),
            _ => None,
        }
    }
}

/// A toy in a box.
#[derive(Debug, Clone, Serialize, Deserialize, FromRow, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Toy {
    /// Name of the toy.
    #[validate(length(min = 1, max = 80))]
    pub name: String,
    /// State of the toy; a broken toy stays broken.
    pub state: State,
    /// Price, exact.
    pub price: Option<Amount>,
    /// Day on which it was made.
    #[serde(default, with = "date")]
    #[schema(value_type = Option<String>, format = Date)]
    pub made_on: Option<Date>,
    /// Whether it makes noise.
    pub is_loud: bool,
    /// Box in which it lies.
    #[schema(value_type = uuid::Uuid)]
    pub box_id: Id<ToyBox>,
}

/// State of a toy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, sqlx::Type, ToSchema)]
#[serde(rename_all = "lowercase")]
#[sqlx(type_name = "text", rename_all = "lowercase")]
pub(crate) enum State {
    /// Never played with.
    New,
    /// Played with.
    Used,
    /// Beyond repair.
    Broken,
}

db::text_enum!(State);

time::serde::format_description!(iso, Date, "[year]-[month]-[day]");

mod date {
    pub(super) use super::iso::option::{deserialize, serialize};
}

impl ResourceName for Toy {
    const NAME: &'static str = "task";
}

impl Resource for Toy {
    const TABLE: &'static str = "toys";
    const RELATIONS: &'static [Related] = &[Related::new::<ToyBox>("box", "box_id")];
    const FIELDS: &'static [Field<Self>] = &[
        Field::required("name", Kind::Text, |toy, row| row.bind(&toy.name)),
        Field::required("state", Kind::Choice(&["new", "used", "broken"]), |toy, row| row.bind(toy.state)),
        Field::new("price", Kind::Amount, |toy, row| row.bind(toy.price)),
        Field::new("made_on", Kind::Date, |toy, row| row.bind(toy.made_on)),
        Field::required("is_loud", Kind::Boolean, |toy, row| row.bind(toy.is_loud)),
        Field::required("box_id", Kind::Id, |toy, row| row.bind(toy.box_id)),
    ];
    type Refusal = ToyRefusal;

    fn check(before: Option<&Self>, after: &Self) -> Result<(), ToyRefusal> {
        let mended =
            before.is_some_and(|before| before.state == State::Broken) && after.state != State::Broken;
        if mended { Err(ToyRefusal::BeyondRepair) } else { Ok(()) }
    }

    fn constraint(name: &str) -> Option<ToyRefusal> {
        (name == "fk_toys_box").then_some(ToyRefusal::UnknownBox)
    }
}

/// Reasons to refuse a toy or a box.
#[derive(Debug, Clone, Copy, thiserror::Error)]
pub(crate) enum ToyRefusal {
    /// Violates the constraint `uq_boxes_name`.
    #[error("another box has this name")]
    NameTaken,
    /// Violates the constraint `fk_boxes_owner`.
    #[error("the owner is not a member of this account")]
    OwnerNotAMember,
    /// The box does not exist, is in the trash, or is out of the writer's scope.
    #[error("there is no such box")]
    UnknownBox,
    /// A broken toy cannot become new or used.
    #[error("a broken toy stays broken")]
    BeyondRepair,
}

impl Refusal for ToyRefusal {
    fn code(&self) -> &'static str {
        match self {
            Self::NameTaken => "box-name-taken",
            Self::OwnerNotAMember => "box-owner-not-a-member",
            Self::UnknownBox => "box-not-found",
            Self::BeyondRepair => "toy-beyond-repair",
        }
    }

    fn kind(&self) -> RefusalKind {
        if matches!(self, Self::UnknownBox | Self::OwnerNotAMember) {
            RefusalKind::Invalid
        } else {
            RefusalKind::Conflict
        }
    }

    fn pointer(&self) -> Option<&'static str> {
        Some(match self {
            Self::NameTaken => "/name",
            Self::OwnerNotAMember => "/owner_id",
            Self::UnknownBox => "/box_id",
            Self::BeyondRepair => "/state",
        })
    }
}

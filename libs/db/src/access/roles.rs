//! Which roles a member has: the one SQL text that says so.

/// SQL of the column `roles`: the live roles of the membership `m` as a JSON array of rows of `app.roles`. A macro, since
/// a statement is a constant text.
#[macro_export]
macro_rules! held_roles {
    () => {
        "coalesce((select jsonb_agg(to_jsonb(r)) from app.member_roles h join app.roles r on r.account_id = h.account_id and r.id = h.role_id
                      where h.account_id = m.account_id and h.user_id = m.user_id and r.deleted_at is null), '[]') as roles"
    };
}

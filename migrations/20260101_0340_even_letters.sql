-- A token for a known address took longer to keep than one for nobody: checking that its person exists locks their row.
-- The time of an answer told who is known. Nobody is ever deleted from app.users; every use of a token looks for its person.

alter table app.one_time_tokens drop constraint fk_one_time_tokens_user;

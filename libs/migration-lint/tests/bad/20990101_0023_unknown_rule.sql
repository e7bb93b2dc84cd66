-- nexo:allow no-such-rule because it sounds right
select 1;

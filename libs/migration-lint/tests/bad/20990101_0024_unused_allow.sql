-- nexo:allow ban-drop-table because nothing is dropped here
select 1;

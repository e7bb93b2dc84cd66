-- nexo:allow ban-drop-table because no release uses it
drop table app.bystanders;

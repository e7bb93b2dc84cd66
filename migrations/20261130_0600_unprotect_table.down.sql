-- Takes 20261130_0600_unprotect_table.sql back.
drop procedure ops.unprotect_table(text);

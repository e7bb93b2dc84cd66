alter role nexo_app bypassrls;

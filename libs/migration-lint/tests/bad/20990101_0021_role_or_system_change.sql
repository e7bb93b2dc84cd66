alter role nexo_app set work_mem = '64MB';

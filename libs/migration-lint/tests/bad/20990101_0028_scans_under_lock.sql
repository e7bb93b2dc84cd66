lock table app.grounds in share mode;
select count(*) from app.grounds;

drop table if exists app.gone;

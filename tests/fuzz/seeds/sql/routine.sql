create procedure p() begin if 1 then select case 1 when 1 then 2 end; end if; while 1 do set @a=1; end while; case x when 1 then select 1; end case; create temporary table no1 (a int); end;
create table yes (a int) insert_method=no
insert into yes values (1);
create trigger t after insert on yes for each row begin create table no2 (a int); end;
create definer=x@y function f() returns int return case when 1 then 2 end;
create event e on schedule every 1 day do begin select 1; create table no3 (a int); end;
create table yes2 (a int, constraint check (a > 0), b int not null unsigned default 5 constraint check (b>1), vector index vi (a), vector int);
/*M!999999\- enable the sandbox mode */ 
create table yes3 (a int /*M!100301 unsigned*/);
create table yes4 like yes2; create table yes5 like nobody; alter table yes4 alter b set default 7, rename to yes6; rename table yes3 to yes7, q to r;

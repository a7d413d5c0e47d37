#hand written
--no blank
create table if not exists t1(id int primary key auto_increment, n varchar(10) unique not null, b bool default false, c char, e enum('x;y',"q""r"), r real, dp double precision unsigned, cv character varying(9), nc national char(3), nv nvarchar(4), ncv national character varying(5), lv long varchar, l long, dcl dec, nm numeric(5), fx fixed(4,1), f24 float(24), f25 float(25), ti tinytext charset latin1 collate latin1_bin, tb text binary, tx text(100), bl blob(70000), vb varbinary(3), i1 int1, i2 int2, i3 int3, i4 int4, i8 int8, mi middleint, b3 bit, cb char byte, ca char(3) ascii, cu char(3) unicode) engine innodb default charset utf8;
create temporary table tmp1 (a int);
CREATE TABLE t2
(
    id          BIGINT                                 NOT NULL COMMENT 'id' PRIMARY KEY,
    `order`     INT          DEFAULT - 1               NOT NULL,
    created_at  TIMESTAMP    DEFAULT CURRENT_TIMESTAMP NULL ON UPDATE CURRENT_TIMESTAMP,
    status      TINYINT(1)   DEFAULT 1                 NOT NULL COMMENT "it's ok",
    x           VARCHAR(255) DEFAULT 'it''s \'q\' \\',
    y           DATETIME(3)  DEFAULT NOW(3) ON UPDATE NOW(3),
    z           INT UNSIGNED REFERENCES t1 (id) ON DELETE CASCADE,
    h           INT DEFAULT 0x10, hh BIT(8) DEFAULT b'101', hx VARBINARY(4) DEFAULT X'4D',
    k1          INT
);
create table t3 (a int not null, b int not null, c int, primary key using btree (a, b desc), unique (c), unique key (b, c), constraint unique (a, c), constraint ux unique index ui (c, a), index using hash (c), key `k``q` (c) using btree, foreign key (c) references t2 (z) match full on update set null, foreign key fkn (a) references t2(id)) engine=innodb, comment 'a''b', auto_increment 5 union=(t1,t2) default character set utf8 collate utf8_bin;
CREATE TABLE t4 LIKE t2;
CREATE TABLE IF NOT EXISTS t5 (LIKE t3);
CREATE TABLE t6 AS SELECT * FROM t2;
CREATE TABLE t7 (a int) SELECT 1 as b;
alter table t4 add column k int default 5 after id, add (l int, m int), drop column x, modify column y datetime null first, change z zz bigint not null, add unique ukk (k), add index (l), rename column l to l2, alter column m set default 3, rename to t44;
rename table t5 to t55;
create unique index ix on t44 (m desc) using btree comment 'x';
create index iy using btree on t44 (k, m) algorithm=inplace lock=none;
drop index iy on t44;
alter table t44 drop index ukk, engine=innodb, convert to character set utf8, add key later (k);
truncate t44; insert into t44 values (1); replace into t44 set m=1; update t44 set m=2; delete from t44; grant all on *.* to x; flush privileges; call p(); explain select 1; analyze table t44; commit

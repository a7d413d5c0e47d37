/*
 As Navicat, phpMyAdmin, HeidiSQL, mysqldump and people write it; drop; it
*/
SET NAMES utf8mb4;
SET FOREIGN_KEY_CHECKS = 0;

-- ----------------------------
-- Table structure for user
-- ----------------------------
DROP TABLE IF EXISTS `user`;
CREATE TABLE `user`  (
  `id` bigint(20) UNSIGNED NOT NULL AUTO_INCREMENT COMMENT '用户;ID',
  `name` varchar(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci NOT NULL DEFAULT '' COMMENT '名称, ''引号'' "双" \\',
  `sex` enum('男','女','未知,x','a''b') NULL DEFAULT '未知,x' COMMENT '性别',
  `tags` set('a','b') NULL DEFAULT NULL,
  `score` decimal(10, 2) UNSIGNED ZEROFILL NULL DEFAULT 00000000.00,
  `flag` bit(1) NOT NULL DEFAULT b'0',
  `birth` date NULL DEFAULT NULL,
  `create_time` datetime(6) NULL DEFAULT CURRENT_TIMESTAMP(6) ON UPDATE CURRENT_TIMESTAMP(6),
  `t` time(3) NULL, `y` year NULL,
  `d` double(10, 2) NULL DEFAULT NULL, `f` float(7,3) NULL,
  `j` json NULL, `g` geometry NULL, `lb` longblob NULL, `b16` binary(16) NULL,
  PRIMARY KEY (`id`) USING BTREE,
  UNIQUE INDEX `uk_name`(`name`(20)) USING BTREE COMMENT '唯一; (x)',
  UNIQUE INDEX `uk2`(`sex`, `birth`) USING BTREE,
  INDEX `idx_a`(`score`, `birth`) USING BTREE,
  FULLTEXT INDEX `ft`(`name`) COMMENT 'x'
) ENGINE = InnoDB AUTO_INCREMENT = 10 CHARACTER SET = utf8mb4 COMMENT = '用户表; (x)' ROW_FORMAT = Dynamic;

INSERT INTO `user` (`id`, `name`) VALUES (2, '); CREATE TABLE `no` (id int);');

delimiter ;;
CREATE PROCEDURE `p`(IN a int)
BEGIN
  CREATE TEMPORARY TABLE tmp_x (id int);
  IF a > 1 THEN SELECT 1; END IF;
END
;;
delimiter ;

CREATE TABLE `items` (
  `id` int(10) UNSIGNED NOT NULL,
  `order_no` varchar(64) NOT NULL,
  `cat_id` int(11) DEFAULT NULL,
  `price` decimal(8,2) NOT NULL DEFAULT '0.00',
  `upd` timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP
) ENGINE=InnoDB DEFAULT CHARSET=utf8;
CREATE TABLE `cats` (`id` int(11) NOT NULL, `name` varchar(10) NOT NULL);
CREATE TABLE `vw` (
`id` int(10) unsigned
,`name` varchar(10)
);
DROP TABLE IF EXISTS `vw`;
CREATE ALGORITHM=UNDEFINED SQL SECURITY DEFINER VIEW `vw` AS select `items`.`id` AS `id`,'x' AS `name` from `items` ;
ALTER TABLE `items`
  ADD PRIMARY KEY (`id`),
  ADD UNIQUE KEY `order_no` (`order_no`),
  ADD KEY `cat_id` (`cat_id`) USING BTREE;
ALTER TABLE `items` ADD FULLTEXT KEY `ft` (`order_no`);
ALTER TABLE `cats` ADD PRIMARY KEY (`id`);
ALTER TABLE `items`
  MODIFY `id` int(10) UNSIGNED NOT NULL AUTO_INCREMENT, AUTO_INCREMENT=3;
ALTER TABLE `cats`
  MODIFY `id` int(11) NOT NULL AUTO_INCREMENT;
ALTER TABLE `items`
  ADD CONSTRAINT `fk1` FOREIGN KEY (`cat_id`) REFERENCES `cats` (`id`) ON DELETE SET NULL ON UPDATE CASCADE;

CREATE TABLE IF NOT EXISTS `gen` (
  `id` int(11) NOT NULL AUTO_INCREMENT PRIMARY KEY,
  `u` tinyint(3) unsigned zerofill DEFAULT NULL,
  `vis` int(11) NOT NULL DEFAULT 0,
  `virtual_sum` int(11) GENERATED ALWAYS AS (`vis` + (1)) VIRTUAL,
  `stored` varchar(20) AS (concat(`vis`,';)')) STORED,
  KEY `k` (`vis`),
  CONSTRAINT `c` CHECK (`vis` > 0 and (`u` in (1,2) or 'a)' <> ';'))
) ENGINE=InnoDB;

/*!40101 SET @saved_cs_client     = @@character_set_client */;
CREATE TABLE `parts` (
  `id` bigint unsigned NOT NULL AUTO_INCREMENT,
  `a` varchar(20) NOT NULL DEFAULT 'x;)',
  `u` char(36) NOT NULL DEFAULT (uuid()) /*!80023 INVISIBLE */,
  `created` date NOT NULL,
  PRIMARY KEY (`id`,`created`),
  UNIQUE KEY `uk` (`a`,`created`),
  KEY `d` (`a` DESC,`created`),
  KEY `pre` (`u`(10)) COMMENT 'p'
) ENGINE=InnoDB COMMENT='c'
/*!50100 PARTITION BY RANGE (year(`created`))
SUBPARTITION BY HASH (to_days(`created`))
(PARTITION p0 VALUES LESS THAN (2020)
 (SUBPARTITION s0 ENGINE = InnoDB COMMENT = 'no',
  SUBPARTITION s1 ENGINE = InnoDB),
 PARTITION p1 VALUES LESS THAN MAXVALUE
 (SUBPARTITION s2 ENGINE = InnoDB,
  SUBPARTITION s3 ENGINE = InnoDB)) */;

#hand written
create table types(n varchar(10) unique not null, b bool default false, c char, r double, dp double precision unsigned, cv character varying(9), nv national varchar(4), dcl dec, nm numeric(5), ti tinytext charset latin1, vb varbinary(3), si smallint unsigned, mi mediumint, i integer, b3 bit, h int default 0x10, q varchar(9) default 'it''s \'q\'', primary key using btree (n desc, si)) engine innodb default charset utf8;
create table copied like items;
create table old_name like gen;
alter table copied add column k int default 5 after id, add (l int, m int), drop column upd, modify column price decimal(9,3) null first, change order_no no varchar(32) not null, add unique ukk (k), add index (l), drop key ft, rename to renamed;
alter table renamed rename column l to l2;
rename table old_name to new_name;
create unique index ix on renamed (m desc) using btree comment 'x';
create index iy using btree on renamed (k, m);
drop index iy on renamed;
create definer=`root`@`localhost` trigger tr before insert on `user` for each row set new.name = 'x';
SET FOREIGN_KEY_CHECKS = 1;

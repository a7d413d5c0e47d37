--no blank behind the dashes
/*M!999999\- enable the sandbox mode */
USE shop
DROP TABLE IF EXISTS `goods`;
CREATE TABLE IF NOT EXISTS shop.`goods` (
  `id` serial primary key, # inline
  `sn` char(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT "it's",
  period varchar(10) default null,
  price decimal(10, 2) unsigned NOT NULL DEFAULT 0.00,
  kind enum("A", 'b''c') not null default 'A',
  spot point,
  total decimal(12,2) GENERATED ALWAYS AS (price * 2) STORED,
  parent_id bigint unsigned references goods(id) on delete set null,
  made datetime(6) default current_timestamp(6) on update current_timestamp(6),
  2fa tinyint(1) null,
  unique index `sn` (`sn`(8) desc) using btree,
  fulltext key ft (period) with parser ngram,
  key lower_period ((lower(period))),
  constraint ck check (price >= 0)
) engine=innodb comment='goods; all' /*!50100 partition by key (id)
partitions 4 */;
CREATE TABLE log (
  at timestamp not null,
  line text
)
CREATE TABLE log_copy LIKE log;
ALTER TABLE `log` ADD COLUMN id bigint NOT NULL FIRST, ADD PRIMARY KEY (`id`);
ALTER TABLE `log`
  MODIFY `id` bigint NOT NULL AUTO_INCREMENT, AUTO_INCREMENT=7;
CREATE UNIQUE INDEX at_line ON log (at, line(20));
DELIMITER $$
CREATE PROCEDURE tidy() BEGIN DELETE FROM log; END$$
DELIMITER ;

-- The user of the first tutorial.
CREATE TABLE `bench_user` (
  `id` bigint NOT NULL AUTO_INCREMENT,
  `number` varchar(64) NOT NULL DEFAULT '' COMMENT 'student number',
  `name` varchar(255) NOT NULL DEFAULT '' COMMENT 'user name',
  `password` varchar(255) NOT NULL DEFAULT '' COMMENT 'user password',
  `gender` char(5) NOT NULL COMMENT 'male|female|secret',
  `score` bigint NOT NULL DEFAULT '0',
  `create_time` timestamp NULL DEFAULT CURRENT_TIMESTAMP,
  `update_time` timestamp NULL DEFAULT CURRENT_TIMESTAMP,
  PRIMARY KEY (`id`),
  UNIQUE KEY `number_unique` (`number`)
);

CREATE TABLE `letter` (
  `id` bigint NOT NULL AUTO_INCREMENT,
  `box` varchar(64) NOT NULL,
  `mark` varchar(64) NOT NULL,
  PRIMARY KEY (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

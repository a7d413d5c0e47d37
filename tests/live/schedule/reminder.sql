CREATE TABLE `note` (
  `id` bigint NOT NULL AUTO_INCREMENT,
  `text` varchar(64) NOT NULL,
  `due` bigint NOT NULL,
  PRIMARY KEY (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

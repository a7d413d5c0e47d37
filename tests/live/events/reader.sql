CREATE TABLE `got` (
  `seq` bigint NOT NULL AUTO_INCREMENT,
  `number` bigint NOT NULL,
  `box` varchar(64) NOT NULL,
  `mark` varchar(64) NOT NULL,
  PRIMARY KEY (`seq`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

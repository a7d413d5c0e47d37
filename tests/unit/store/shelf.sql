-- Tables with what models offer beside go-zero's functions.
CREATE TABLE `shelf` (
  `shop` bigint NOT NULL,
  `sku` varchar(20) NOT NULL,
  `code` varchar(20) NOT NULL,
  `kind` int NOT NULL DEFAULT '0',
  `price` decimal(20,2) NOT NULL DEFAULT '0.00',
  `version` int NOT NULL DEFAULT '0',
  `del_state` tinyint NOT NULL DEFAULT '0',
  `delete_time` datetime(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6),
  PRIMARY KEY (`shop`, `sku`),
  UNIQUE KEY `code` (`code`),
  KEY `kind` (`kind`)
);

CREATE TABLE `memo` (
  `id` bigint NOT NULL AUTO_INCREMENT,
  `text` varchar(64) DEFAULT NULL,
  `page` int NOT NULL DEFAULT '0',
  `deleted_at` datetime(6) DEFAULT NULL,
  PRIMARY KEY (`id`),
  KEY `page` (`page`)
);

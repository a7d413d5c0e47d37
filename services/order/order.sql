CREATE TABLE `orders` (
  `no` varchar(32) NOT NULL,
  `user_id` bigint NOT NULL,
  `amount` bigint NOT NULL COMMENT 'cents',
  `state` tinyint NOT NULL DEFAULT '0' COMMENT '0: placed, 1: refunded',
  `version` int NOT NULL DEFAULT '0',
  `create_time` datetime NOT NULL DEFAULT CURRENT_TIMESTAMP,
  `update_time` datetime NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP,
  PRIMARY KEY (`no`),
  KEY `user_id` (`user_id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

CREATE TABLE `order_item` (
  `order_no` varchar(32) NOT NULL,
  `product_id` bigint NOT NULL,
  `quantity` int NOT NULL,
  PRIMARY KEY (`order_no`, `product_id`),
  KEY `order_no` (`order_no`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

CREATE TABLE `product` (
  `id` bigint NOT NULL AUTO_INCREMENT,
  `name` varchar(64) NOT NULL,
  `price` bigint NOT NULL COMMENT 'cents',
  `stock` int NOT NULL DEFAULT '0',
  `create_time` datetime NOT NULL DEFAULT CURRENT_TIMESTAMP,
  `update_time` datetime NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP,
  PRIMARY KEY (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

CREATE TABLE `stock_take` (
  `order_no` varchar(32) NOT NULL,
  `product_id` bigint NOT NULL,
  `quantity` int NOT NULL,
  `state` tinyint NOT NULL DEFAULT '0' COMMENT '0: taken, 1: given back',
  `create_time` datetime NOT NULL DEFAULT CURRENT_TIMESTAMP,
  PRIMARY KEY (`order_no`, `product_id`),
  KEY `order_no` (`order_no`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

INSERT INTO `product` (`id`, `name`, `price`, `stock`) VALUES
  (1, '西游记', 4550, 100),
  (2, '红楼梦', 5999, 100),
  (3, '水浒传', 3900, 3);

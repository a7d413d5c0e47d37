CREATE TABLE `account` (
  `user_id` bigint NOT NULL,
  `balance` bigint NOT NULL DEFAULT '0' COMMENT 'cents; below 0 where a refund was taken back after it was spent',
  `create_time` datetime NOT NULL DEFAULT CURRENT_TIMESTAMP,
  `update_time` datetime NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP,
  PRIMARY KEY (`user_id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

CREATE TABLE `payment` (
  `order_no` varchar(32) NOT NULL,
  `user_id` bigint NOT NULL,
  `amount` bigint NOT NULL COMMENT 'cents',
  `state` tinyint NOT NULL DEFAULT '0' COMMENT '0: paid, 1: paid back',
  `create_time` datetime NOT NULL DEFAULT CURRENT_TIMESTAMP,
  `update_time` datetime NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP,
  PRIMARY KEY (`order_no`),
  KEY `user_id` (`user_id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

-- The demonstration user has 1000 yuan.
INSERT INTO `account` (`user_id`, `balance`) VALUES (1, 100000);

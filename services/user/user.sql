CREATE TABLE `user` (
  `id` bigint NOT NULL AUTO_INCREMENT,
  `name` varchar(64) DEFAULT NULL COMMENT '用户名称',
  `number` varchar(64) DEFAULT NULL COMMENT 'what a user logs in with',
  `password` varchar(128) DEFAULT NULL COMMENT 'yescrypt hash',
  `gender` varchar(8) DEFAULT NULL COMMENT '用户性别',
  PRIMARY KEY (`id`),
  UNIQUE KEY `number_unique` (`number`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

-- Who was welcomed: one row an event of user.registered.
CREATE TABLE `welcome` (
  `user_id` bigint NOT NULL,
  `name` varchar(64) NOT NULL,
  PRIMARY KEY (`user_id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

-- How many there were, by the hour.
CREATE TABLE `user_count` (
  `id` bigint NOT NULL AUTO_INCREMENT,
  `due` bigint NOT NULL COMMENT 'Unix seconds',
  `users` bigint NOT NULL,
  PRIMARY KEY (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

-- The demonstration user; the password is 123456.
INSERT INTO `user` (`id`, `name`, `number`, `password`, `gender`) VALUES
  (1, '小明', '666', '$y$j9T$3X/A1MfL3O0lwfXFn.LRr.$6qqxAg3yAT9zAgxI2yM3tTTjPscVdfEyo5oOu41sNA.', '男');

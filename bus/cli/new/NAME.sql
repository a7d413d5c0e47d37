-- One row a greeting. It becomes struct visit_row with visit_row_insert, find
-- and the like (@NAME@.model.h), on SQLite or MySQL, as the configuration says.
CREATE TABLE `visit` (
    `id` bigint NOT NULL AUTO_INCREMENT,
    `name` varchar(64) NOT NULL,
    `create_time` timestamp NULL DEFAULT CURRENT_TIMESTAMP,
    PRIMARY KEY (`id`),
    KEY `name` (`name`)
) COMMENT='who was greeted';

/*
 Navicat Premium Data Transfer

 Source Server         : 本地
 Source Server Type    : MySQL
 Source Schema         : mall; drop

 Date: 01/01/2021 00:00:00
*/

SET NAMES utf8mb4;
SET FOREIGN_KEY_CHECKS = 0;

-- ----------------------------
-- Table structure for user
-- ----------------------------
DROP TABLE IF EXISTS `user`;
CREATE TABLE `user`  (
  `id` bigint(20) UNSIGNED NOT NULL AUTO_INCREMENT COMMENT '用户;ID',
  `name` varchar(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci NOT NULL DEFAULT '' COMMENT '名称, ''引号'' "双"',
  `sex` enum('男','女','未知,x','a''b') CHARACTER SET utf8 COLLATE utf8_general_ci NULL DEFAULT '未知,x' COMMENT '性别',
  `tags` set('a','b') NULL DEFAULT NULL,
  `score` decimal(10, 2) UNSIGNED ZEROFILL NULL DEFAULT 00000000.00,
  `flag` bit(1) NOT NULL DEFAULT b'0',
  `birth` date NULL DEFAULT NULL,
  `create_time` datetime(6) NULL DEFAULT CURRENT_TIMESTAMP(6) ON UPDATE CURRENT_TIMESTAMP(6),
  `t` time(3) NULL, `y` year NULL, `y4` year(4) NULL,
  `d` double(10, 2) NULL DEFAULT NULL, `f` float(7,3) NULL,
  `j` json NULL, `g` geometry NULL, `p` point NULL,
  `lb` longblob NULL, `b16` binary(16) NULL,
  PRIMARY KEY (`id`) USING BTREE,
  UNIQUE INDEX `uk_name`(`name`(20)) USING BTREE COMMENT '唯一; (x)',
  UNIQUE INDEX `uk2`(`sex`, `birth`) USING HASH,
  INDEX `idx_a`(`score`, `birth`) USING BTREE,
  FULLTEXT INDEX `ft`(`name`) COMMENT 'x'
) ENGINE = InnoDB AUTO_INCREMENT = 10 CHARACTER SET = utf8mb4 COLLATE = utf8mb4_general_ci COMMENT = '用户表; (x)' ROW_FORMAT = Dynamic;

-- ----------------------------
-- Records of user
-- ----------------------------
INSERT INTO `user` VALUES (1, 'a;b\'c', '男', NULL, 1.00, b'1', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO `user` (`id`, `name`) VALUES (2, '); CREATE TABLE `no` (id int);');

-- ----------------------------
-- Procedure structure for p
-- ----------------------------
DROP PROCEDURE IF EXISTS `p`;
delimiter ;;
CREATE PROCEDURE `p`(IN a int)
BEGIN
  DECLARE b INT DEFAULT 0;
  CREATE TEMPORARY TABLE tmp_x (id int);
  IF a > 1 THEN SELECT 1; END IF;
END
;;
delimiter ;
-- ----------------------------
-- View structure for v
-- ----------------------------
DROP VIEW IF EXISTS `v`;
CREATE ALGORITHM = UNDEFINED SQL SECURITY DEFINER VIEW `v` AS select 1 AS `a`;
CREATE TRIGGER `tr` BEFORE INSERT ON `user` FOR EACH ROW set new.name = 'x';
SET FOREIGN_KEY_CHECKS = 1;

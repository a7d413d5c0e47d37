-- MySQL dump 10.13  Distrib 8.0.28, for Linux (x86_64)
/*!40101 SET @OLD_CHARACTER_SET_CLIENT=@@CHARACTER_SET_CLIENT */;
/*!50503 SET NAMES utf8mb4 */;
/*!40103 SET TIME_ZONE='+00:00' */;
DROP TABLE IF EXISTS `p`;
/*!40101 SET @saved_cs_client     = @@character_set_client */;
/*!50503 SET character_set_client = utf8mb4 */;
CREATE TABLE `p` (
  `id` bigint unsigned NOT NULL AUTO_INCREMENT,
  `inv` int DEFAULT NULL /*!80023 INVISIBLE */,
  `a` varchar(20) COLLATE utf8mb4_bin NOT NULL DEFAULT (_utf8mb4'x;)'),
  `u` char(36) NOT NULL DEFAULT (uuid()),
  `loc` point NOT NULL /*!80003 SRID 4326 */,
  `st` tinyint(1) NOT NULL DEFAULT '1',
  `g` int GENERATED ALWAYS AS (json_extract(`a`,_utf8mb4'$.x')) VIRTUAL,
  `created` date NOT NULL,
  PRIMARY KEY (`id`,`created`),
  UNIQUE KEY `uk` (`a`,`created`) /*!80000 INVISIBLE */,
  KEY `d` (`st` DESC,`created`),
  KEY `fn` ((lower(`a`))),
  KEY `pre` (`a`(10)) COMMENT 'p' KEY_BLOCK_SIZE=1024,
  CONSTRAINT `p_chk_1` CHECK ((`st` in (0,1))) /*!80016 NOT ENFORCED */
) ENGINE=InnoDB AUTO_INCREMENT=5 DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin STATS_PERSISTENT=1 COMMENT='c'
/*!50100 PARTITION BY RANGE (year(`created`))
SUBPARTITION BY HASH (to_days(`created`))
(PARTITION p0 VALUES LESS THAN (2020)
 (SUBPARTITION s0 ENGINE = InnoDB COMMENT = 'no',
  SUBPARTITION s1 ENGINE = InnoDB),
 PARTITION p1 VALUES LESS THAN MAXVALUE
 (SUBPARTITION s2 ENGINE = InnoDB,
  SUBPARTITION s3 ENGINE = InnoDB)) */;
/*!40101 SET character_set_client = @saved_cs_client */;
LOCK TABLES `p` WRITE;
/*!40000 ALTER TABLE `p` DISABLE KEYS */;
INSERT INTO `p` VALUES (1,NULL,'a\\','b',0x00,1,1,'2020-01-01');
/*!40000 ALTER TABLE `p` ENABLE KEYS */;
UNLOCK TABLES;
/*!50003 SET @saved_sql_mode = @@sql_mode */ ;
DELIMITER ;;
/*!50003 CREATE*/ /*!50017 DEFINER=`root`@`%`*/ /*!50003 TRIGGER `tt` BEFORE INSERT ON `p` FOR EACH ROW BEGIN
 SET NEW.a = 'x'; /* inner */
END */;;
DELIMITER ;
/*!50001 DROP VIEW IF EXISTS `vv`*/;
SET @saved_cs_client     = @@character_set_client;
/*!50001 CREATE VIEW `vv` AS SELECT 
 1 AS `id`,
 1 AS `b`*/;
SET character_set_client = @saved_cs_client;
/*!50001 CREATE TABLE `vold` (
  `a` tinyint NOT NULL
) ENGINE=MyISAM */;
/*!50001 DROP TABLE IF EXISTS `vold`*/;
-- Dump completed on 2022-01-01

"""The tables of .sql files as `bus gen check` reads them, beside those that a
server has after it ran the same files; and `bus gen model` of the live
database beside that of the file. Usage: tables.py BIN SOCKET SCRATCH."""

import json
import os
import re
import resource
import subprocess
import sys

BIN, SOCKET, SCRATCH = sys.argv[1:]
BUS = os.path.join(BIN, "bus")
HERE = os.path.dirname(os.path.abspath(__file__))
failures = 0


def check(good, what):
    global failures
    if not good:
        failures += 1
        print("FAILED:", what)


def client(*args, text=None):
    done = subprocess.run(
        ["mariadb", "--no-defaults", "--socket=" + SOCKET, "--user=root",
         "--default-character-set=utf8mb4", "--batch", "--raw",
         "--skip-column-names", *args],
        input=text, capture_output=True, check=False)
    check(done.returncode == 0, done.stderr.decode(errors="replace")[:500])
    return done.stdout.decode()


def rows(query):
    return [line.split("\t") for line in client("-e", query).splitlines()]


def load(path, database):
    client("-e", f"drop database if exists {database}; "
                 f"create database {database} character set utf8mb4")
    with open(path, "rb") as file:
        client(database, text=file.read())


def as_server(sql):
    """A type as the server writes it: synonyms, widths that it adds."""
    widths = {"tinyint": (4, 3), "smallint": (6, 5), "mediumint": (9, 8),
              "int": (11, 10), "bigint": (20, 20)}
    sql = re.sub(r"^integer", "int", sql)
    sql = re.sub(r"^bool(ean)?$", "tinyint(1)", sql)
    sql = re.sub(r"^(dec|numeric|fixed)\b", "decimal", sql)
    sql = re.sub(r"^decimal(?!\()", "decimal(10,0)", sql)
    sql = re.sub(r"^decimal\((\d+)\)", r"decimal(\1,0)", sql)
    sql = re.sub(r"^year$", "year(4)", sql)
    sql = re.sub(r"^json$", "longtext", sql)
    sql = re.sub(r"^(char|binary|bit)(?!\()", r"\1(1)", sql)
    for name, (signed, unsigned) in widths.items():
        if re.match(name + r"\b(?!\()", sql):
            width = unsigned if "unsigned" in sql else signed
            sql = sql.replace(name, f"{name}({width})", 1)
    return sql


def of_server(database):
    tables = {}
    where = f"where table_schema = '{database}'"
    for name, comment in rows(
            "select table_name, hex(table_comment) from "
            f"information_schema.tables {where} and table_type = 'BASE TABLE'"):
        tables[name] = {"comment": bytes.fromhex(comment).decode(),
                        "columns": [], "keys": {}}
    for table, name, sql, null, extra, comment in rows(
            "select table_name, column_name, column_type, is_nullable, extra, "
            f"hex(column_comment) from information_schema.columns {where} "
            "order by table_name, ordinal_position"):
        if table in tables:
            tables[table]["columns"].append(
                (name, sql, null == "YES", "auto_increment" in extra,
                 bytes.fromhex(comment).decode()))
    for table, key, many, column in rows(
            "select table_name, index_name, non_unique, column_name from "
            f"information_schema.statistics {where} "
            "order by table_name, index_name, seq_in_index"):
        tables[table]["keys"].setdefault((key, many), []).append(column)
    for table in tables.values():
        keys = table.pop("keys")
        primary = keys.pop(("PRIMARY", "0"), [])
        table["primary"] = primary
        table["unique"] = sorted({tuple(columns) for (_, many), columns
                                  in keys.items() if many == "0"} -
                                 {tuple(primary)})
        table["indexes"] = sorted({tuple(columns) for (_, many), columns
                                   in keys.items() if many == "1"})
    return tables


def of_file(path):
    done = subprocess.run([BUS, "gen", "check", "--json", path],
                          capture_output=True, check=False)
    check(done.returncode == 0, done.stdout.decode()[:500])
    return {table["name"]: {
        "comment": table["comment"],
        "columns": [(column["name"], as_server(column["sql"]), column["null"],
                     column["auto"], column["comment"])
                    for column in table["columns"]],
        "primary": table["primary"],
        "unique": sorted(map(tuple, table["unique"])),
        "indexes": sorted(map(tuple, table["indexes"]))}
        for table in json.loads(done.stdout).get("tables", [])}


def compare(path, database):
    load(path, database)
    server, ours = of_server(database), of_file(path)
    check(server.keys() == ours.keys(),
          f"{path}: tables {sorted(server.keys() ^ ours.keys())}")
    for name in server.keys() & ours.keys():
        for part, value in server[name].items():
            check(value == ours[name][part],
                  f"{path}: {name}.{part}: server {value}, "
                  f"ours {ours[name][part]}")
    return len(server)


def model(folder, *args):
    """The lines of the header, which name every column, key and function."""
    done = subprocess.run([BUS, "gen", "model", *args, "-o", folder],
                          capture_output=True, check=False)
    check(done.returncode == 0, done.stderr.decode()[:500])
    name = [file for file in os.listdir(folder) if file.endswith(".model.h")]
    with open(os.path.join(folder, name[0]), encoding="utf-8") as file:
        return file.read()


def compare_models(path, database):
    source = f"root@unix({SOCKET})/{database}?charset=utf8mb4"
    file = model(os.path.join(SCRATCH, "file"), path)
    live = model(os.path.join(SCRATCH, "live"), "--url", source)
    check(sorted(file.splitlines()) == sorted(live.splitlines()),
          "the model of the live database differs: " + "\n".join(
              sorted(set(file.splitlines()) ^ set(live.splitlines())))[:2000])
    some = model(os.path.join(SCRATCH, "some"), "--url", source, "--table",
                 "cats,ite*")
    check(re.findall(r"\nstruct (\w+)_row \{", some) == ["cats", "items"],
          "--table takes others")
    for args, said in ((("--url", source, "--table", "items,nope*"), "nope*"),
                       (("--url", f"root@unix({SOCKET}.x)/a"), "connect")):
        done = subprocess.run([BUS, "gen", "model", *args, "-o", SCRATCH],
                              capture_output=True, check=False)
        check(done.returncode == 1 and said in done.stderr.decode(),
              f"{args}: {done.stderr.decode()}")


def write_dump(path, size):
    """A dump of that many bytes, half of it rows."""
    with open(path, "w", encoding="utf-8") as file:
        for number in range(1 << 20):
            file.write(
                f"DROP TABLE IF EXISTS `t_{number}`;\n"
                f"CREATE TABLE `t_{number}` (\n"
                "  `id` bigint(20) unsigned NOT NULL AUTO_INCREMENT,\n"
                "  `order_no` varchar(64) NOT NULL DEFAULT '' COMMENT '单;号'"
                ",\n  `sum` decimal(10,2) NOT NULL DEFAULT 0.00,\n"
                "  `made` datetime(6) NOT NULL DEFAULT current_timestamp(6),\n"
                "  PRIMARY KEY (`id`),\n"
                "  UNIQUE KEY `order_no` (`order_no`),\n"
                "  KEY `made` (`made`,`sum`)\n"
                ") ENGINE=MyISAM DEFAULT CHARSET=utf8mb4;\n"
                f"LOCK TABLES `t_{number}` WRITE;\n"
                f"INSERT INTO `t_{number}` VALUES " + ",".join(
                    f"({row},'it''s; \\'{row}) CREATE TABLE x (',{row}.5,"
                    "'2024-01-01 00:00:00.000001')" for row in range(1, 400)) +
                ";\nUNLOCK TABLES;\n")
            if file.tell() >= size:
                return


def cost(path):
    """Seconds of processor and KiB of memory for one check."""
    pid = os.fork()
    if not pid:
        with open(os.devnull, "w", encoding="utf-8") as null:
            os.dup2(null.fileno(), 1)
            os.execl(BUS, BUS, "gen", "check", "--json", path)
    _, status, usage = os.wait4(pid, 0)
    check(status == 0, f"{path}: status {status}")
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss


def compare_costs(path):
    double = os.path.join(SCRATCH, "double.sql")
    write_dump(double, 8 << 20)
    seconds, memory = cost(path)
    double_seconds, double_memory = cost(double)
    print(f"4 MB: {seconds:.2f} s, {memory} KiB; "
          f"8 MB: {double_seconds:.2f} s, {double_memory} KiB")
    with open(BUS, "rb") as file:
        instrumented = b"__asan_init" in file.read()
    check(seconds < (10 if instrumented else 1), "4 MB take too long")
    check(double_seconds < 3 * seconds + 0.2, "time is not linear")
    check(double_memory < 2.5 * memory, "memory is not linear")


def main():
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    shop = os.path.join(HERE, "shop.sql")
    print(compare(shop, "shop"), "tables compared")
    compare_models(shop, "shop")
    dump = os.path.join(SCRATCH, "dump.sql")
    write_dump(dump, 4 << 20)
    print(compare(dump, "dump"), "tables compared")
    compare_costs(dump)
    sys.exit(1 if failures else 0)


main()

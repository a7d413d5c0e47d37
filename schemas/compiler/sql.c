/* SPDX-License-Identifier: MIT
 *
 * Statements of MySQL's dialect as people and mysqldump write it. CREATE TABLE
 * is understood, and what changes such a table later; INSERT statements of
 * moderate size are kept as seeds; every other statement is passed over and
 * counted by its first word.
 */
#include "sql.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "map.h"
#include "name.h"

/* CREATE OR REPLACE DEFINER = a @ b AGGREGATE FUNCTION, and some. */
#define ROUTINE_WORDS_MAX 12

struct sql_file {
    struct sql_lex lex;
    const char *database; /* of the last USE; "" */
    struct vec tables;    /* struct sql_table * */
    struct map by_name;   /* "database.table" to its struct sql_table */
    struct vec skipped;   /* struct schema_pair; value is a count as text */
    struct vec counts;    /* size_t, beside skipped */
    struct vec seeds;     /* struct seed */
};

struct seed {
    const char *table; /* "database.table" */
    const char *text;
};

static void count_statement(struct sql_file *file, const char *word)
{
    struct pool *pool = file->lex.pool;
    if (file->skipped.count >= SQL_WORDS_MAX)
        word = "OTHERS";
    char *upper = pool_text(pool, word);
    for (char *at = upper; *at; at++)
        *at = (char)toupper((unsigned char)*at);
    struct schema_pair *pairs = file->skipped.items;
    size_t *counts = file->counts.items;
    for (size_t i = 0; i < file->skipped.count; i++)
        if (!strcmp(pairs[i].key, upper)) {
            counts[i]++;
            return;
        }
    struct schema_pair *pair = vec_add(pool, &file->skipped, sizeof(*pair));
    pair->key = upper;
    *(size_t *)vec_add(pool, &file->counts, sizeof(size_t)) = 1;
}

/* DELIMITER is the client's: its line is raw. */
static void set_delimiter(struct sql_lex *lex)
{
    const char *text = lex->source->text;
    size_t at = lex->at + strspn(text + lex->at, " \t");
    size_t len = strcspn(text + at, " \t\r\n");
    lex->delimiter = len ? pool_text_n(lex->pool, text + at, len) : ";";
    sql_seek(lex, at + strcspn(text + at, "\n"));
}

/* USE needs no delimiter: it ends with its line. */
static void use_database(struct sql_file *file)
{
    struct sql_lex *lex = &file->lex;
    const struct sql_token *token = sql_peek(lex);
    if (token->kind == SQL_WORD || token->kind == SQL_NAME)
        file->database = sql_next(lex).text;
    sql_eat(lex, lex->delimiter);
}

static const char *full_name(const struct sql_file *file, const char *database,
                             const char *name)
{
    return pool_printf(file->lex.pool, "%s.%s",
                       database ? database : file->database, name);
}

/* Behind INSERT: the table's name, whatever stands before it. */
static const char *insert_target(struct sql_file *file)
{
    struct sql_lex *lex = &file->lex;
    static const char *const words[] = {
        "INTO", "IGNORE", "LOW_PRIORITY", "DELAYED", "HIGH_PRIORITY", NULL};
    for (int i = 0; words[i]; i++)
        if (sql_eat(lex, words[i]))
            i = -1;
    const struct sql_token *token = sql_peek(lex);
    if (token->kind != SQL_WORD && token->kind != SQL_NAME)
        return NULL;
    const char *database = NULL, *name = sql_next(lex).text;
    if (!sql_eat(lex, "."))
        return full_name(file, NULL, name);
    token = sql_peek(lex);
    if (token->kind != SQL_WORD && token->kind != SQL_NAME)
        return NULL;
    database = name;
    name = sql_next(lex).text;
    return full_name(file, database, name);
}

static bool is_plain_insert(const struct sql_token *word)
{
    return sql_is(word, "INSERT") || sql_is(word, "REPLACE");
}

static void keep_seed(struct sql_file *file, size_t from)
{
    struct sql_lex *lex = &file->lex;
    const char *table = insert_target(file);
    sql_skip_statement(lex, true);
    const char *text = lex->source->text;
    size_t to = lex->at;
    while (to > from && strchr("; \t\r\n", text[to - 1]))
        to--;
    if (!table || to - from > SQL_SEED_BYTES_MAX ||
        file->seeds.count >= SQL_SEEDS_MAX)
        return;
    struct seed *seed = vec_add(lex->pool, &file->seeds, sizeof(*seed));
    seed->table = table;
    seed->text = pool_text_n(lex->pool, text + from, to - from);
}

static struct sql_table *find_table(struct sql_file *file)
{
    const char *database;
    const char *name = sql_table_name(&file->lex, &database);
    return name ? map_get(&file->by_name, full_name(file, database, name))
                : NULL;
}

static struct sql_table *new_table(struct sql_file *file, const char *name)
{
    struct pool *pool = file->lex.pool;
    struct sql_table *table = pool_alloc(pool, sizeof(*table));
    table->lex = &file->lex;
    table->made = pool_alloc(pool, sizeof(*table->made));
    table->made->name = name;
    table->made->comment = table->made->note = "";
    return table;
}

/* IF NOT EXISTS; true if it stands there. */
static bool eat_if(struct sql_lex *lex)
{
    if (!sql_eat(lex, "IF"))
        return false;
    sql_eat(lex, "NOT");
    sql_eat(lex, "EXISTS");
    return true;
}

/* CREATE TABLE ... LIKE one of this file. False: of another, or AS SELECT. */
static bool copy_table(struct sql_file *file, struct sql_table *table)
{
    if (!table->like)
        return false;
    const struct sql_table *from = map_get(
        &file->by_name, full_name(file, table->like_database, table->like));
    if (from)
        sql_table_copy(table, from);
    return from;
}

/* Behind CREATE TABLE. */
static void create_table(struct sql_file *file)
{
    struct sql_lex *lex = &file->lex;
    size_t at = sql_peek(lex)->at;
    bool lenient = eat_if(lex);
    const char *database, *name = sql_table_name(lex, &database);
    if (!name)
        return;
    const char *full = full_name(file, database, name);
    const struct sql_table *first = map_get(&file->by_name, full);
    struct sql_table *table = new_table(file, name);
    table->at = at;
    table->database = database ? database : file->database;
    table->made->pos = source_pos(lex->source, at);
    if (!sql_create_table(table) && !copy_table(file, table)) {
        count_statement(file, "CREATE");
    } else if (first && lenient) {
        count_statement(file, "CREATE");
    } else {
        if (first)
            source_error(lex->source, at,
                         "table '%s' is declared already, in line %u", name,
                         first->made->pos.line);
        map_put(lex->pool, &file->by_name, full, table);
        vec_push(lex->pool, &file->tables, table);
    }
}

/* DROP TABLE undoes what stands before it in the file. */
static void drop_tables(struct sql_file *file)
{
    struct sql_lex *lex = &file->lex;
    const char *database;
    sql_eat(lex, "TEMPORARY");
    if (!sql_eat(lex, "TABLE") && !sql_eat(lex, "TABLES"))
        return;
    eat_if(lex);
    do {
        const char *name = sql_table_name(lex, &database);
        if (!name)
            return;
        const char *full = full_name(file, database, name);
        struct sql_table *table = map_get(&file->by_name, full);
        if (table) {
            table->dropped = true;
            map_put(lex->pool, &file->by_name, full, NULL);
        }
    } while (sql_eat(lex, ","));
}

static void rename_table(struct sql_file *file, struct sql_table *table,
                         const char *database, const char *name)
{
    struct pool *pool = file->lex.pool;
    map_put(pool, &file->by_name,
            full_name(file, table->database, table->made->name), NULL);
    table->made->name = name;
    if (database)
        table->database = database;
    map_put(pool, &file->by_name, full_name(file, table->database, name),
            table);
}

/* Behind RENAME: TABLE a TO b, c TO d. False: none of this file. */
static bool rename_tables(struct sql_file *file)
{
    struct sql_lex *lex = &file->lex;
    bool renamed = false;
    if (!sql_eat(lex, "TABLE") && !sql_eat(lex, "TABLES"))
        return false;
    do {
        struct sql_table *table = find_table(file);
        const char *database, *name;
        if (!sql_eat(lex, "TO"))
            break;
        name = sql_table_name(lex, &database);
        if (table && name)
            rename_table(file, table, database, name);
        renamed = renamed || (table && name);
    } while (sql_eat(lex, ","));
    return renamed;
}

/* Behind DROP: INDEX name ON table. False: another, or none of this file. */
static bool drop_index(struct sql_file *file)
{
    struct sql_lex *lex = &file->lex;
    if (!sql_eat(lex, "INDEX"))
        return false;
    eat_if(lex);
    const char *name = sql_identifier(lex, "a key's name");
    if (!name || !sql_eat(lex, "ON"))
        return false;
    struct sql_table *table = find_table(file);
    return table && sql_key_drop(table, name);
}

/* Behind ALTER. False: it changes nothing that is known here. */
static bool alter_table(struct sql_file *file)
{
    struct sql_lex *lex = &file->lex;
    if (!sql_eat(lex, "ONLINE"))
        sql_eat(lex, "IGNORE");
    if (!sql_eat(lex, "TABLE"))
        return false;
    eat_if(lex);
    struct sql_table *table = find_table(file);
    if (!table)
        return false;
    table->renamed = NULL;
    bool applied = sql_alter_table(table);
    if (table->renamed)
        rename_table(file, table, table->renamed_database, table->renamed);
    return applied;
}

/* Behind CREATE: [UNIQUE] INDEX name ON table (columns). False: another. */
static bool create_index(struct sql_file *file)
{
    struct sql_lex *lex = &file->lex;
    bool unique = sql_eat(lex, "UNIQUE");
    if (!unique && !sql_eat(lex, "FULLTEXT"))
        sql_eat(lex, "SPATIAL");
    if (!sql_eat(lex, "INDEX"))
        return false;
    eat_if(lex);
    const char *name = sql_identifier(lex, "a key's name");
    if (sql_eat(lex, "USING"))
        sql_skip_item(lex);
    if (!name || !sql_eat(lex, "ON"))
        return false;
    struct sql_table *table = find_table(file);
    struct sql_key key = {.name = name};
    if (!table)
        return false;
    if (sql_key_columns(table, &key) && !key.functional)
        *sql_key_add(table, unique ? &table->unique : &table->indexes) = key;
    return true;
}

/* Behind CREATE [OR REPLACE]: TABLE, after words that do not matter. */
static bool eat_create_table(struct sql_lex *lex)
{
    size_t back = sql_peek(lex)->at;
    if (sql_eat(lex, "OR"))
        sql_eat(lex, "REPLACE");
    sql_eat(lex, "GLOBAL");
    sql_eat(lex, "TEMPORARY");
    if (sql_eat(lex, "TABLE"))
        return true;
    sql_seek(lex, back);
    return false;
}

/* Behind CREATE: a routine, whoever defines it. Reads no further than that. */
static bool is_routine(struct sql_lex *lex)
{
    static const char *const kinds[] = {"PROCEDURE", "FUNCTION", "TRIGGER",
                                        "EVENT", NULL};
    size_t back = sql_peek(lex)->at;
    bool found = false;
    for (int i = 0; i < ROUTINE_WORDS_MAX && !found && !sql_at_end(lex); i++) {
        struct sql_token token = sql_next(lex);
        for (int kind = 0; kinds[kind]; kind++)
            found = found || sql_is(&token, kinds[kind]);
    }
    sql_seek(lex, back);
    return found;
}

static void read_create(struct sql_file *file)
{
    struct sql_lex *lex = &file->lex;
    if (eat_create_table(lex)) {
        create_table(file);
        if (!sql_at_statement(lex))
            sql_skip_statement(lex, true);
        return;
    }
    if (create_index(file)) {
        sql_skip_statement(lex, false);
        return;
    }
    count_statement(file, "CREATE");
    if (is_routine(lex))
        sql_skip_routine(lex);
    else
        sql_skip_statement(lex, false);
}

/* Statements that are counted, and what of them matters all the same. */
static void read_other(struct sql_file *file, const struct sql_token *word)
{
    struct sql_lex *lex = &file->lex;
    if (sql_is(word, "RENAME") && rename_tables(file)) {
        sql_skip_statement(lex, true);
        return;
    }
    if (sql_is(word, "DROP") && drop_index(file)) {
        sql_skip_statement(lex, true);
        return;
    }
    count_statement(file, word->kind == SQL_WORD ? word->text : "OTHERS");
    if (sql_is(word, "USE")) {
        use_database(file);
    } else if (is_plain_insert(word)) {
        keep_seed(file, word->at);
    } else {
        if (sql_is(word, "DROP"))
            drop_tables(file);
        sql_skip_statement(lex, true);
    }
}

static void read_statement(struct sql_file *file)
{
    struct sql_lex *lex = &file->lex;
    struct sql_token word = sql_next(lex);
    if (word.kind == SQL_MARK &&
        (!strcmp(word.text, lex->delimiter) || !strcmp(word.text, ";")))
        return;
    if (sql_is(&word, "DELIMITER")) {
        set_delimiter(lex);
    } else if (sql_is(&word, "CREATE")) {
        read_create(file);
    } else if (sql_is(&word, "ALTER")) {
        if (!alter_table(file))
            count_statement(file, word.text);
        sql_skip_statement(lex, true);
    } else {
        read_other(file, &word);
    }
}

static void give_seeds(struct sql_file *file, const struct map *own)
{
    struct pool *pool = file->lex.pool;
    const struct seed *seeds = file->seeds.items;
    for (size_t i = 0; i < file->seeds.count; i++) {
        struct vec *texts = map_get(own, seeds[i].table);
        if (texts)
            vec_push(pool, texts, seeds[i].text);
    }
}

/* "user_row"; tables that C would name alike are named apart, by their
 * databases first. */
static void name_table(struct sql_table *table, struct map *names)
{
    struct pool *pool = table->lex->pool;
    struct schema_table *made = table->made;
    made->c_name = name_c(pool, pool_printf(pool, "%s_row", made->name));
    if (map_get(names, made->c_name) && table->database[0])
        made->c_name = name_c(
            pool, pool_printf(pool, "%s_%s_row", table->database, made->name));
    for (int i = 0; i < SQL_ALIKE_MAX && map_get(names, made->c_name); i++)
        made->c_name = pool_printf(pool, "%s_", made->c_name);
    if (map_get(names, made->c_name))
        source_error(table->lex->source, table->at,
                     "more than %d tables that are one name in C",
                     SQL_ALIKE_MAX);
    map_put(pool, names, made->c_name, table);
}

/* Of tables whose names go-zero makes one ("a_b" and "aB", or "t" of two
 * databases) each has keys of its own: the database follows the prefix, as
 * goctl puts it if told, then '_' the name. */
static void name_cache(struct sql_table *table, struct map *names)
{
    struct pool *pool = table->lex->pool;
    const char *name =
        name_go(pool, name_go_safe(pool, table->made->name), false);
    if (map_get(names, name) && table->database[0])
        name = pool_printf(pool, "%s:%s", name_go(pool, table->database, false),
                           name);
    for (int i = 0; i < SQL_ALIKE_MAX && map_get(names, name); i++)
        name = pool_printf(pool, "%s_", name);
    map_put(pool, names, name, table);
    table->cache_name = name;
}

static void finish_tables(struct sql_file *file, struct schema_unit *unit)
{
    struct pool *pool = file->lex.pool;
    struct sql_table *const *tables = file->tables.items;
    struct vec made = {0}, owns = {0};
    struct map names = {0}, cache_names = {0}, seeds = {0};
    for (size_t i = 0; i < file->tables.count; i++) {
        if (tables[i]->dropped)
            continue;
        name_table(tables[i], &names);
        name_cache(tables[i], &cache_names);
        sql_table_finish(tables[i]);
        struct vec *own = pool_alloc(pool, sizeof(*own));
        map_put(pool, &seeds,
                full_name(file, tables[i]->database, tables[i]->made->name),
                own);
        vec_push(pool, &made, tables[i]->made);
        vec_push(pool, &owns, own);
    }
    give_seeds(file, &seeds);
    struct schema_table *const *all = made.items;
    const struct vec *const *texts = owns.items;
    for (size_t i = 0; i < made.count; i++)
        all[i]->seeds = vec_texts(pool, texts[i]);
    unit->tables = made.items;
    unit->table_count = made.count;
}

struct schema_unit *sql_load(struct source *source)
{
    struct pool *pool = source->pool;
    struct sql_file file = {
        .lex = {.source = source, .pool = pool, .delimiter = ";"},
        .database = ""};
    struct schema_unit *unit =
        unit_new(source->schema, SCHEMA_SQL, source->path);
    while (sql_peek(&file.lex)->kind != SQL_END)
        read_statement(&file);
    finish_tables(&file, unit);
    struct schema_pair *skipped = file.skipped.items;
    const size_t *counts = file.counts.items;
    for (size_t i = 0; i < file.skipped.count; i++)
        skipped[i].value = pool_printf(pool, "%zu", counts[i]);
    struct vec files = {0};
    vec_push(pool, &files, source->path);
    unit->skipped = skipped;
    unit->skipped_count = file.skipped.count;
    unit->files = files.items;
    unit->file_count = files.count;
    return unit;
}

/* SPDX-License-Identifier: MIT
 *
 * Files, positions and errors. Invalid UTF-8 and NUL bytes are refused here, so
 * that no later stage has to think of them; a byte order mark is skipped.
 */
#include "source.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#define SOURCE_CHUNK_BYTES 1024 /* between counts of characters */
#define EXCERPT_MAX 240         /* bytes of a source line that an error shows */

/* What a parser finds unexpected is said once a place. */
static bool said_already(const struct schema *schema,
                         const struct schema_pos *pos, const char *message)
{
    const struct schema_error *last =
        schema_error_at(schema, schema->errors.count - 1);
    return last && last->pos.line == pos->line &&
           last->pos.column == pos->column && pos->line &&
           !strcmp(last->pos.file, pos->file) &&
           !strncmp(last->message, "found ", 6) &&
           !strncmp(message, "found ", 6);
}

static void error_put(struct schema *schema, struct schema_pos pos,
                      const char *excerpt, const char *message)
{
    if (said_already(schema, &pos, message))
        return;
    if (schema->errors.count >= SCHEMA_ERRORS_MAX) {
        if (schema->errors_ceased)
            return;
        schema->errors_ceased = true;
        message = "too many errors, the rest is not shown";
    }
    struct schema_error *error =
        vec_add(&schema->pool, &schema->errors, sizeof(*error));
    error->pos = pos;
    error->excerpt = excerpt;
    error->message = message;
}

/* A line of a file whose text is not at hand any more; "" if it cannot be had.
 */
static const char *line_of_file(struct pool *pool, const struct schema_pos *pos)
{
    FILE *file = fopen(pos->file, "rbe");
    char line[EXCERPT_MAX + 1];
    size_t len = 0;
    uint32_t number = 1;
    for (int c; file && number <= pos->line && (c = getc(file)) != EOF;) {
        number += c == '\n';
        if (number == pos->line && c != '\n' && c != '\r' && c &&
            len < EXCERPT_MAX)
            line[len++] = (char)c;
    }
    if (file)
        fclose(file);
    bool cut = len == EXCERPT_MAX; /* perhaps within a character */
    while (cut && len && ((unsigned char)line[len - 1] & 0x80))
        len--;
    return pool_text_n(pool, line, len);
}

void schema_error_add(struct schema *schema, const struct schema_pos *pos,
                      const char *excerpt, const char *format, ...)
{
    struct schema_pos none = {"", 0, 0};
    va_list args;
    va_start(args, format);
    char *message = pool_vprintf(&schema->pool, format, args);
    va_end(args);
    if (!excerpt && pos && pos->line)
        excerpt = line_of_file(&schema->pool, pos);
    error_put(schema, pos ? *pos : none, excerpt ? excerpt : "", message);
}

/* The line that holds an offset: the last start at or before it. */
static size_t line_of(const struct source *source, size_t offset)
{
    size_t low = 0, high = source->line_count;
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (source->lines[middle] <= offset)
            low = middle;
        else
            high = middle;
    }
    return low;
}

/* Characters before an offset: what is known of its chunk, and a count. */
static size_t characters(const struct source *source, size_t offset)
{
    size_t chunk = offset / SOURCE_CHUNK_BYTES;
    size_t count = source->chunks[chunk];
    for (size_t i = chunk * SOURCE_CHUNK_BYTES; i < offset; i++)
        count += ((unsigned char)source->text[i] & 0xC0) != 0x80;
    return count;
}

struct schema_pos source_pos(const struct source *source, size_t offset)
{
    if (offset > source->len)
        offset = source->len;
    size_t line = line_of(source, offset);
    size_t before =
        characters(source, offset) - characters(source, source->lines[line]);
    return (struct schema_pos){source->path, (uint32_t)line + 1,
                               (uint32_t)before + 1};
}

static const char *excerpt_at(struct source *source, size_t offset)
{
    size_t start = source->lines[line_of(source, offset)];
    size_t len = strcspn(source->text + start, "\r\n");
    if (len > EXCERPT_MAX)
        len = EXCERPT_MAX;
    while (len && ((unsigned char)source->text[start + len] & 0xC0) == 0x80)
        len--;
    return pool_text_n(source->pool, source->text + start, len);
}

void source_error(struct source *source, size_t offset, const char *format, ...)
{
    va_list args;
    source->errors++;
    if (source->schema->errors_ceased)
        return;
    va_start(args, format);
    char *message = pool_vprintf(source->pool, format, args);
    va_end(args);
    if (offset > source->len)
        offset = source->len;
    error_put(source->schema, source_pos(source, offset),
              excerpt_at(source, offset), message);
}

/* Bytes of the UTF-8 character at text, 0 if it is not one. */
static size_t utf8_len(const unsigned char *text, size_t left)
{
    static const unsigned char lead[] = {0x80, 0xE0, 0xF0, 0xF8};
    static const uint32_t least[] = {0, 0x80, 0x800, 0x10000};
    size_t extra = text[0] < 0x80   ? 0
                   : text[0] < 0xC2 ? 4
                   : text[0] < 0xE0 ? 1
                   : text[0] < 0xF0 ? 2
                   : text[0] < 0xF5 ? 3
                                    : 4;
    if (extra == 4 || extra >= left || !text[0])
        return 0;
    uint32_t point = text[0] & (unsigned char)~lead[extra];
    for (size_t i = 1; i <= extra; i++) {
        if ((text[i] & 0xC0) != 0x80)
            return 0;
        point = point << 6 | (text[i] & 0x3F);
    }
    if (point < least[extra] || point > 0x10FFFF ||
        (point >= 0xD800 && point < 0xE000))
        return 0;
    return extra + 1;
}

static void check_text(struct source *source)
{
    for (size_t i = 0; i < source->len;) {
        size_t len =
            utf8_len((const unsigned char *)source->text + i, source->len - i);
        if (!len) {
            source_error(source, i, "found byte 0x%02x, expected UTF-8 text",
                         (unsigned char)source->text[i]);
            return;
        }
        i += len;
    }
}

static void find_lines(struct source *source)
{
    size_t count = 1;
    for (size_t i = 0; i < source->len; i++)
        count += source->text[i] == '\n';
    source->lines = pool_array(source->pool, count, sizeof(size_t));
    source->line_count = 1;
    for (size_t i = 0; i < source->len; i++)
        if (source->text[i] == '\n')
            source->lines[source->line_count++] = i + 1;
}

/* Characters before each chunk, so that a position in a very long line costs no
 * more than one in a short line. */
static void count_chunks(struct source *source)
{
    size_t count = 0;
    source->chunks = pool_array(
        source->pool, source->len / SOURCE_CHUNK_BYTES + 1, sizeof(size_t));
    for (size_t i = 0; i <= source->len; i++) {
        if (i % SOURCE_CHUNK_BYTES == 0)
            source->chunks[i / SOURCE_CHUNK_BYTES] = count;
        count += ((unsigned char)source->text[i] & 0xC0) != 0x80;
    }
}

bool source_mend(char *text, size_t size)
{
    bool mended = false;
    for (size_t i = 0; i < size;) {
        size_t len = utf8_len((const unsigned char *)text + i, size - i);
        if (!len) {
            text[i] = '?';
            mended = true;
        }
        i += len ? len : 1;
    }
    return mended;
}

/* Dumps hold binary values, and comments are in other encodings here and there:
 * names and types are not written with them. */
static bool is_mended(const char *path)
{
    const char *dot = strrchr(path, '.');
    return dot && (!strcasecmp(dot, ".sql") || !strcasecmp(dot, ".proto") ||
                   !strcasecmp(dot, ".api"));
}

/* A CR alone ends a line too; but in a dump it may be a value's. */
static void end_lines(char *text, size_t size, const char *path)
{
    const char *dot = strrchr(path, '.');
    for (size_t i = 0; i < size && dot && strcasecmp(dot, ".sql"); i++)
        if (text[i] == '\r' && text[i + 1] != '\n')
            text[i] = '\n';
}

/* Some exports are UTF-16, whose bytes would be thousands of errors. */
static bool is_wide(const char *text, size_t len)
{
    return len >= 2 &&
           (!memcmp(text, "\xFF\xFE", 2) || !memcmp(text, "\xFE\xFF", 2));
}

struct source *source_new(struct schema *schema, const char *path,
                          const char *text, size_t len)
{
    struct source *source = pool_alloc(&schema->pool, sizeof(*source));
    if (len >= 3 && !memcmp(text, "\xEF\xBB\xBF", 3)) {
        text += 3;
        len -= 3;
    }
    source->schema = schema;
    source->pool = &schema->pool;
    source->path = pool_text(&schema->pool, path);
    char *copy = pool_text_n(&schema->pool, text, len);
    bool wide = is_wide(text, len);
    if (wide)
        copy[len = 0] = '\0';
    else if (is_mended(path))
        source->mended = source_mend(copy, len);
    end_lines(copy, len, path);
    source->text = copy;
    source->len = len;
    find_lines(source);
    count_chunks(source);
    if (wide)
        source_error(source, 0,
                     "found UTF-16 text, expected UTF-8 (iconv -f UTF-16 -t "
                     "UTF-8 makes it)");
    else
        check_text(source);
    return source->errors ? NULL : source;
}

static ssize_t read_all(int fd, char *to, size_t size)
{
    size_t done = 0;
    while (done < size) {
        ssize_t got = read(fd, to + done, size - done);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return -1;
        if (!got)
            break;
        done += (size_t)got;
    }
    return (ssize_t)done;
}

char *source_slurp(struct pool *pool, const char *path, size_t *ret_len,
                   const char **why)
{
    char *text = NULL;
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0 || fstat(fd, &st) < 0) {
        *why = pool_text(pool, strerror(errno));
    } else if (!S_ISREG(st.st_mode)) {
        *why = "not a file";
    } else if (st.st_size > (off_t)SCHEMA_FILE_BYTES_MAX) {
        *why = "larger than 64 MiB";
    } else {
        text = pool_alloc(pool, (size_t)st.st_size + 1);
        ssize_t len = read_all(fd, text, (size_t)st.st_size);
        *ret_len = len < 0 ? 0 : (size_t)len;
        if (len < 0) {
            *why = pool_text(pool, strerror(errno));
            text = NULL;
        }
    }
    if (fd >= 0)
        close(fd);
    return text;
}

/* A file that cannot be had is the error of who asked for it. */
static void refuse(struct schema *schema, const char *path, const char *why,
                   struct source *from, size_t at)
{
    struct schema_pos pos = {path, 0, 0};
    if (from)
        source_error(from, at, "cannot read %s: %s", path, why);
    else
        schema_error_add(schema, &pos, NULL, "cannot read: %s", why);
}

struct source *source_read(struct schema *schema, const char *path,
                           struct source *from, size_t at)
{
    const char *why = "too many files";
    size_t len = 0;
    char *text = NULL;
    if (schema->files < SCHEMA_FILES_MAX)
        text = source_slurp(&schema->pool, path, &len, &why);
    schema->files++;
    if (text)
        return source_new(schema, path, text, len);
    refuse(schema, path, why, from, at);
    return NULL;
}

const char *path_beside(struct pool *pool, const char *base,
                        const char *relative)
{
    const char *slash = strrchr(base, '/');
    if (relative[0] == '/' || !slash)
        return path_clean(pool, relative);
    return path_clean(pool, pool_printf(pool, "%.*s/%s", (int)(slash - base),
                                        base, relative));
}

/* Drops the last segment of out unless it is empty or itself "..". */
static bool path_up(char *out, size_t *len)
{
    size_t start = *len;
    if (!start || (start == 1 && out[0] == '/'))
        return start == 1;
    while (start && out[start - 1] != '/')
        start--;
    if (*len - start == 2 && !memcmp(out + start, "..", 2))
        return false;
    *len = start > 1 ? start - 1 : start;
    return true;
}

const char *path_clean(struct pool *pool, const char *path)
{
    char *out = pool_alloc(pool, strlen(path) + 2);
    size_t len = 0;
    if (path[0] == '/')
        out[len++] = '/';
    while (*path) {
        size_t part = strcspn(path, "/");
        bool dot = part == 1 && path[0] == '.';
        bool up = part == 2 && path[0] == '.' && path[1] == '.';
        if (part && !dot && !(up && path_up(out, &len))) {
            if (len && out[len - 1] != '/')
                out[len++] = '/';
            memcpy(out + len, path, part);
            len += part;
        }
        path += part;
        path += *path == '/';
    }
    out[len] = '\0';
    return len ? out : ".";
}

static void print_caret(const struct schema_error *error, FILE *out)
{
    fprintf(out, "    %s\n    ", error->excerpt);
    const char *at = error->excerpt;
    for (uint32_t i = 1; i < error->pos.column && *at; i++) {
        putc(*at == '\t' ? '\t' : ' ', out);
        do
            at++;
        while (((unsigned char)*at & 0xC0) == 0x80);
    }
    fputs("^\n", out);
}

void schema_errors_print(const struct schema *schema, FILE *out)
{
    for (size_t i = 0; i < schema->errors.count; i++) {
        const struct schema_error *error = schema_error_at(schema, i);
        if (error->pos.line)
            fprintf(out, "%s:%u:%u: %s\n", error->pos.file, error->pos.line,
                    error->pos.column, error->message);
        else
            fprintf(out, "%s%s%s\n", error->pos.file,
                    error->pos.file[0] ? ": " : "", error->message);
        if (error->excerpt[0])
            print_caret(error, out);
    }
}

/* Which file of the errors this is, in the order of their first errors. */
static size_t file_rank(const struct schema_error *errors, size_t from,
                        const char *file)
{
    while (strcmp(errors[from].pos.file, file))
        from++;
    return from;
}

static bool is_before(const struct schema_error *errors, size_t from,
                      const struct schema_error *a,
                      const struct schema_error *b)
{
    size_t a_rank = file_rank(errors, from, a->pos.file);
    size_t b_rank = file_rank(errors, from, b->pos.file);
    if (a_rank != b_rank)
        return a_rank < b_rank;
    if (a->pos.line != b->pos.line)
        return a->pos.line < b->pos.line;
    return a->pos.column < b->pos.column;
}

void errors_sort(struct schema *schema, size_t from)
{
    size_t count = schema->errors.count;
    const struct schema_error *old = schema->errors.items;
    struct schema_error *sorted =
        pool_array(&schema->pool, count + 1, sizeof(*sorted));
    for (size_t i = 0; i < count; i++) {
        size_t at = i;
        while (at > from && is_before(old, from, &old[i], &sorted[at - 1])) {
            sorted[at] = sorted[at - 1];
            at--;
        }
        sorted[at] = old[i];
    }
    schema->errors.items = sorted;
    schema->errors.cap = count + 1;
}

size_t schema_error_count(const struct schema *schema)
{
    return schema->errors.count;
}

const struct schema_error *schema_error_at(const struct schema *schema,
                                           size_t index)
{
    const struct schema_error *errors = schema->errors.items;
    return index < schema->errors.count ? &errors[index] : NULL;
}

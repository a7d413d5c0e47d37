/* SPDX-License-Identifier: MIT
 *
 * Numbers with a point: doubles both ways, and exact decimals. strtod reads and
 * snprintf writes; the locale is C's, which no program of ours changes.
 */
#include "bus/text.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bus/arena.h"

#define DECIMAL_DIGITS_MAX 256 /* of a decimal, before and after the point */

/* A number's text in its parts: [sign] whole [. part] [e exponent]. */
struct number {
    bool minus;
    struct bus_bytes whole, part;
    bool pointed; /* had a point or an exponent */
    int exponent;
};

static struct bus_bytes take_digits(struct bus_bytes *text)
{
    size_t len = 0;
    while (len < text->len && text->data[len] >= '0' && text->data[len] <= '9')
        len++;
    struct bus_bytes digits = {text->data, len};
    text->data += len;
    text->len -= len;
    return digits;
}

static bool take_any(struct bus_bytes *text, const char *set, char *ret)
{
    if (text->len == 0 || text->data[0] == '\0' || !strchr(set, text->data[0]))
        return false;
    *ret = (char)text->data[0];
    text->data++;
    text->len--;
    return true;
}

/* The rest after e. Values past any use are held at EXPONENT_MAX. */
static bool take_exponent(struct bus_bytes *text, int *ret)
{
    enum { EXPONENT_MAX = 100000 };
    char sign = '+';
    take_any(text, "+-", &sign);
    struct bus_bytes digits = take_digits(text);
    int value = 0;
    for (size_t i = 0; i < digits.len && value < EXPONENT_MAX; i++)
        value = value * 10 + (digits.data[i] - '0');
    *ret = sign == '-' ? -value : value;
    return digits.len > 0;
}

static bool number_split(struct bus_bytes text, struct number *ret)
{
    struct number number = {0};
    char sign = '+', mark;
    take_any(&text, "+-", &sign);
    number.minus = sign == '-';
    number.whole = take_digits(&text);
    if (take_any(&text, ".", &mark)) {
        number.pointed = true;
        number.part = take_digits(&text);
    }
    if (number.whole.len + number.part.len == 0)
        return false;
    if (take_any(&text, "eE", &mark)) {
        number.pointed = true;
        if (!take_exponent(&text, &number.exponent))
            return false;
    }
    if (text.len)
        return false;
    *ret = number;
    return true;
}

static bool all_zero(struct bus_bytes digits)
{
    size_t i = 0;
    while (i < digits.len && digits.data[i] == '0')
        i++;
    return i == digits.len;
}

static bool digits_are(struct bus_bytes digits, const char *text)
{
    return strlen(text) == digits.len &&
           memcmp(text, digits.data, digits.len) == 0;
}

/* True if an integer's digits are value's, either all of them or, as programs
 * write large doubles (2^60 as 1152921504606847000), the shortest that mean it:
 * then nothing was rounded. */
static bool int_is_exact(struct bus_bytes whole, double value, bool single)
{
    char text[TEXT_NUMBER_MAX + 1];
    while (whole.len > 1 && whole.data[0] == '0') {
        whole.data++;
        whole.len--;
    }
    snprintf(text, sizeof(text), "%.0f", fabs(value));
    if (digits_are(whole, text))
        return true;
    text_double_write(fabs(value), single, text);
    return digits_are(whole, text);
}

/* Ten to that power, which a double holds exactly. */
static const double powers[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

#define POWER_MAX 22
#define EXACT_DIGITS 15 /* so many are a double's own, whatever they are */

static uint64_t digits_value(struct bus_bytes digits, uint64_t value)
{
    for (size_t i = 0; i < digits.len; i++)
        value = value * 10 + (uint64_t)(digits.data[i] - '0');
    return value;
}

/* Most numbers are a few digits: one division or multiplication of two doubles
 * that hold theirs exactly is rounded once, as strtod's answer is (W. Clinger,
 * How to read floating point numbers accurately). False: ask strtod. */
static bool double_of_few_digits(const struct number *number, double *ret)
{
    int power = number->exponent - (int)number->part.len;
    if (number->whole.len + number->part.len > EXACT_DIGITS ||
        power < -POWER_MAX || power > POWER_MAX || FLT_EVAL_METHOD != 0)
        return false;
    double value =
        (double)digits_value(number->part, digits_value(number->whole, 0));
    value = power < 0 ? value / powers[-power] : value * powers[power];
    *ret = number->minus ? -value : value;
    return true;
}

enum text_fault text_double(struct bus_bytes text, bool single, double *ret)
{
    struct number number;
    char copy[TEXT_NUMBER_MAX + 1];
    if (!number_split(text, &number))
        return TEXT_SYNTAX;
    if (text.len > TEXT_NUMBER_MAX)
        return TEXT_RANGE;
    if (!single && double_of_few_digits(&number, ret))
        return TEXT_FINE;
    memcpy(copy, text.data, text.len);
    copy[text.len] = '\0';
    double value = single ? (double)strtof(copy, NULL) : strtod(copy, NULL);
    if (!isfinite(value))
        return TEXT_RANGE;
    bool zero = all_zero(number.whole) && all_zero(number.part);
    if (fpclassify(value) == FP_ZERO && !zero)
        return TEXT_RANGE;
    if (!number.pointed && !int_is_exact(number.whole, value, single))
        return TEXT_RANGE;
    *ret = value;
    return TEXT_FINE;
}

/* -- decimals -------------------------------------------------------------- */

/* A decimal as digits with a place for the point; both ends may be padded. */
struct decimal {
    char digits[DECIMAL_DIGITS_MAX];
    int count;
    int point; /* digits before the point; may lie outside 0..count */
};

/* Leading zeros are dropped here, so that they never count as digits. */
static bool decimal_add(struct decimal *decimal, struct bus_bytes digits)
{
    for (size_t i = 0; i < digits.len; i++) {
        if (decimal->count == 0 && digits.data[i] == '0') {
            decimal->point--;
            continue;
        }
        if (decimal->count == DECIMAL_DIGITS_MAX)
            return false;
        decimal->digits[decimal->count++] = (char)digits.data[i];
    }
    return true;
}

static char decimal_digit(const struct decimal *decimal, int place)
{
    return place >= 0 && place < decimal->count ? decimal->digits[place] : '0';
}

static char *decimal_write(const struct decimal *decimal, bool minus,
                           struct bus_arena *arena)
{
    int first = decimal->point > 0 ? 0 : decimal->point - 1;
    int last =
        decimal->count > decimal->point ? decimal->count : decimal->point;
    char *text = bus_arena_alloc(arena, (size_t)(last - first) + 3);
    if (!text)
        return NULL;
    char *at = text;
    if (minus)
        *at++ = '-';
    for (int place = first; place < last; place++) {
        if (place == decimal->point)
            *at++ = '.';
        *at++ = decimal_digit(decimal, place);
    }
    return text;
}

enum text_fault text_decimal(struct bus_bytes text, struct bus_arena *arena,
                             const char **ret)
{
    struct number number;
    struct decimal decimal = {.count = 0};
    if (!number_split(text, &number))
        return TEXT_SYNTAX;
    /* What is written has at most this many places on either side. */
    if (text.len > TEXT_NUMBER_MAX || number.exponent > DECIMAL_DIGITS_MAX ||
        number.exponent < -DECIMAL_DIGITS_MAX)
        return TEXT_RANGE;
    decimal.point = (int)number.whole.len + number.exponent;
    if (!decimal_add(&decimal, number.whole) ||
        !decimal_add(&decimal, number.part))
        return TEXT_RANGE;
    bool zero = decimal.count == 0;
    if (zero && decimal.point > 0)
        decimal.point = 0;
    char *canonical = decimal_write(&decimal, number.minus && !zero, arena);
    if (!canonical)
        return TEXT_FULL;
    *ret = canonical;
    return TEXT_FINE;
}

/* -- doubles to text ------------------------------------------------------- */

/* Digits and decimal exponent of the shortest text that reads back equal. */
static int shortest(double value, bool single, char *ret, size_t size)
{
    int precision = single ? 6 : 15;
    int precision_max = single ? 9 : 17;
    char text[TEXT_DOUBLE_MAX];
    for (;; precision++) {
        snprintf(text, sizeof(text), "%.*e", precision - 1, value);
        double back = single ? (double)strtof(text, NULL) : strtod(text, NULL);
        if (precision == precision_max || !(back < value || back > value))
            break;
    }
    char *mark = strchr(text, 'e');
    int exponent = (int)strtol(mark + 1, NULL, 10);
    size_t len = 0;
    for (char *at = text; at < mark && len + 1 < size; at++)
        if (*at >= '0' && *at <= '9')
            ret[len++] = *at;
    while (len > 1 && ret[len - 1] == '0')
        len--;
    ret[len] = '\0';
    return exponent;
}

static void write_scientific(const char *digits, int exponent, char *ret)
{
    snprintf(ret, TEXT_DOUBLE_MAX - 1, "%c%s%.17se%c%02d", digits[0],
             digits[1] ? "." : "", digits + 1, exponent < 0 ? '-' : '+',
             abs(exponent));
    /* Go writes e-9, but e+21 and e-10 as they are. */
    char *mark = strchr(ret, 'e');
    if (mark[1] == '-' && mark[2] == '0')
        memmove(mark + 2, mark + 3, strlen(mark + 3) + 1);
}

static void write_plain(const char *digits, int exponent, char *ret)
{
    int count = (int)strlen(digits);
    int first = exponent < 0 ? exponent : 0;
    int last = count > exponent + 1 ? count : exponent + 1;
    char *at = ret;
    for (int place = first; place < last; place++) {
        if (place == exponent + 1)
            *at++ = '.';
        *at++ = place >= 0 && place < count ? digits[place] : '0';
    }
    *at = '\0';
}

/* A double that so few digits name needs no search for them: if they are a
 * whole number, and dividing it gives the double back, reading it does. False:
 * search. */
static bool write_few_digits(double size, char *ret)
{
    enum { PLACES_MAX = 6 }; /* below that Go writes an exponent */
    for (int places = 0; places <= PLACES_MAX && FLT_EVAL_METHOD == 0;
         places++) {
        double scaled = size * powers[places];
        if (scaled >= powers[EXACT_DIGITS])
            return false;
        uint64_t digits = (uint64_t)scaled;
        double back = (double)digits / powers[places];
        if (back < size || back > size)
            continue;
        char text[EXACT_DIGITS + PLACES_MAX];
        int len = 0;
        for (; digits || len <= places; digits /= 10)
            text[len++] = (char)('0' + digits % 10);
        while (len) {
            if (len == places)
                *ret++ = '.';
            *ret++ = text[--len];
        }
        *ret = '\0';
        return true;
    }
    return false;
}

void text_double_write(double value, bool single, char ret[TEXT_DOUBLE_MAX])
{
    char digits[TEXT_DOUBLE_MAX];
    if (signbit(value))
        *ret++ = '-';
    double size = fabs(value);
    if (!single && write_few_digits(size, ret))
        return;
    int exponent = shortest(size, single, digits, sizeof(digits));
    /* Go's bounds: below 1e-6 and from 1e21 on with an exponent. */
    if (fpclassify(value) != FP_ZERO && (exponent < -6 || exponent >= 21))
        write_scientific(digits, exponent, ret);
    else
        write_plain(digits, exponent, ret);
}

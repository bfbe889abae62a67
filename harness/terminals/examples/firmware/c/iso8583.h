/* Messages of the domestic dialect: two bytes of length, TPDU, header, then BCD digits, a bitmap and the fields below. */
#include <stdio.h>
#include <string.h>

#define FRAME_MAX 2048
#define TEXT_MAX 700
#define PREFIX_SIZE 11 /* TPDU and header, which a reply has too */

struct message {
    char mti[5];
    char field[65][TEXT_MAX]; /* digits or text; binary fields as hex; empty: not there */
};

/* n digits, a text, b bytes; the length, or the digits of a length that goes before. */
static const struct { char kind; short size, prefix; } FIELDS[65] = {
    [2] = {'n', 19, 2},  [3] = {'n', 6},      [4] = {'n', 12},     [11] = {'n', 6},     [12] = {'n', 6},
    [13] = {'n', 4},     [14] = {'n', 4},     [15] = {'n', 4},     [22] = {'n', 3},     [25] = {'n', 2},
    [32] = {'n', 11, 2}, [35] = {'n', 37, 2}, [37] = {'a', 12},    [38] = {'a', 6},     [39] = {'a', 2},
    [41] = {'a', 8},     [42] = {'a', 15},    [44] = {'a', 25, 2}, [48] = {'n', 322, 3}, [49] = {'a', 3},
    [60] = {'n', 17, 3}, [61] = {'n', 29, 3}, [62] = {'b', 340, 3}, [63] = {'a', 163, 3}, [64] = {'b', 8},
};

static char *to_hex(const unsigned char *data, size_t size, char *out) {
    for (size_t at = 0; at < size; at++)
        sprintf(out + 2 * at, "%02x", data[at]);
    out[2 * size] = 0;
    return out;
}

static int digit(char each) { return each <= '9' ? each - '0' : (each | 32) - 'a' + 10; }

static size_t from_hex(const char *hex, unsigned char *out) {
    size_t size = strlen(hex) / 2;
    for (size_t at = 0; at < size; at++)
        out[at] = (unsigned char)(digit(hex[2 * at]) << 4 | digit(hex[2 * at + 1]));
    return size;
}

/* Digits two a byte, filled up on the right; the track's = is D. */
static size_t put_digits(unsigned char *out, const char *digits) {
    size_t count = strlen(digits);
    for (size_t at = 0; at < count; at += 2) {
        int high = digits[at] == '=' ? 13 : digits[at] - '0', low = at + 1 < count ? digits[at + 1] - '0' : 0;
        out[at / 2] = (unsigned char)(high << 4 | (digits[at + 1] == '=' ? 13 : low));
    }
    return (count + 1) / 2;
}

/* The whole frame. With field 64, its eight bytes are zero: they are the last. */
static size_t pack(const struct message *message, unsigned char *frame) {
    static const unsigned char prefix[] = {0, 0, 0x60, 0, 3, 0, 0, 0x60, 0x31, 0, 0x31, 0x10, 1};
    unsigned char *out = frame + sizeof prefix, *bitmap = out + 2;
    memset(frame, 0, FRAME_MAX);
    memcpy(frame, prefix, sizeof prefix);
    put_digits(out, message->mti);
    out = bitmap + 8;
    for (int number = 2; number <= 64; number++) {
        const char *text = message->field[number];
        size_t size = strlen(text), prefix_digits = (size_t)FIELDS[number].prefix;
        if (!size)
            continue;
        bitmap[(number - 1) / 8] |= (unsigned char)(128 >> (number - 1) % 8);
        if (prefix_digits) {
            size_t count = FIELDS[number].kind == 'b' ? size / 2 : size;
            if (prefix_digits == 3)
                *out++ = (unsigned char)(count / 100);
            *out++ = (unsigned char)(count / 10 % 10 << 4 | count % 10);
        }
        if (FIELDS[number].kind == 'n')
            out += put_digits(out, text);
        else if (FIELDS[number].kind == 'b')
            out += from_hex(text, out);
        else
            out += strlen(strcpy((char *)out, text));
    }
    frame[0] = (unsigned char)((out - frame - 2) >> 8);
    frame[1] = (unsigned char)(out - frame - 2);
    return (size_t)(out - frame);
}

/* What came after the length; whether it is a message. */
static int unpack(struct message *message, const unsigned char *data, size_t size) {
    const unsigned char *bitmap = data + PREFIX_SIZE + 2, *at = bitmap + 8, *end = data + size;
    char hex[2 * TEXT_MAX];
    memset(message, 0, sizeof *message);
    if (size < PREFIX_SIZE + 10)
        return 0;
    to_hex(data + PREFIX_SIZE, 2, message->mti);
    for (int number = 2; number <= 64; number++) {
        if (!(bitmap[(number - 1) / 8] & 128 >> (number - 1) % 8))
            continue;
        size_t length = (size_t)FIELDS[number].size, bytes;
        if (!length || end - at < 2)
            return 0;
        if (FIELDS[number].prefix) {
            length = FIELDS[number].prefix == 3 ? (size_t)(*at++ & 15) * 100 : 0;
            length += (size_t)(*at >> 4) * 10 + (*at & 15);
            at++;
        }
        bytes = FIELDS[number].kind == 'n' ? (length + 1) / 2 : length;
        if (length > (size_t)FIELDS[number].size || (size_t)(end - at) < bytes)
            return 0;
        to_hex(at, bytes, hex);
        if (FIELDS[number].kind == 'a')
            memcpy(message->field[number], at, length);
        else
            memcpy(message->field[number], hex, FIELDS[number].kind == 'n' ? length : 2 * bytes);
        at += bytes;
    }
    return at == end;
}

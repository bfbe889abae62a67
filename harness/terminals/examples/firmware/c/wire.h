/* The harness's lines: one JSON object out, one in. For one thread; the reference of all calls is harness/sut/wire. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char answer[8192];

/* The value of a key in a line of JSON, a text or a number; empty when it is not there. */
static char *word(const char *line, const char *key, char *out, size_t size) {
    char quoted[40];
    size_t length = 0;
    snprintf(quoted, sizeof quoted, "\"%s\":", key);
    const char *at = strstr(line, quoted);
    if (at) {
        at += strlen(quoted);
        const char *ends = *at == '"' ? "\"" : ",}";
        at += *at == '"';
        length = strcspn(at, ends);
        length = length < size ? length : size - 1;
        memcpy(out, at, length);
    }
    out[length] = 0;
    return out;
}

#define WORD(key, out) word(answer, key, out, sizeof out) /* of the line that came last */

static void read_line(void) {
    if (!fgets(answer, sizeof answer, stdin))
        exit(0); /* the harness is gone */
}

/* Ask for something: the request without its id and braces. Whether it was done; `answer` holds what came back. */
static int ask(const char *format, ...) {
    static int id;
    va_list words;
    va_start(words, format);
    printf("{\"id\":%d,", ++id);
    vprintf(format, words);
    puts("}");
    va_end(words);
    fflush(stdout);
    read_line();
    return strstr(answer, "\"error\":{") == NULL;
}

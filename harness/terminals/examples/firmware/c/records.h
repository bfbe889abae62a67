/* The terminal's records: settings and the entries of the open batch, in one SQLite file. A failure is remembered in
 * `storage_failed` until the next action. States of an entry: asked (in doubt), approved, told (so was the customer), voided.
 *
 * SQLite needs room to delete: it writes a journal first. On a full volume a reversal could not be struck off and a batch not be
 * cleared, so that the terminal could never be freed. A file of so many bytes is kept for that, given up when a change finds no
 * room, and made again before the next sale. */
#include <fcntl.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define RESERVE_BYTES (256 * 1024)

struct entry {
    char stan[7], batch[7], kind[8], rrn[13], state[12], sealed[200], doubt[3];
    long long amount;
};

static sqlite3 *db;
static int storage_failed, keeps_reserve = 1;
static char reserve[300]; /* the path of the file */
static const char *pragmas = "PRAGMA synchronous=EXTRA";
/* With less, the journal's removal is not durable, and its return takes the last transaction back. */

/* Whether the reserve is there, or could be made again. */
static int has_reserve(void) {
    static const char zeros[4096];
    struct stat found;
    if (!keeps_reserve || (!stat(reserve, &found) && found.st_size == RESERVE_BYTES))
        return 1;
    int file = open(reserve, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600), good = file >= 0;
    for (int at = 0; good && at < RESERVE_BYTES; at += (int)sizeof zeros)
        good = write(file, zeros, sizeof zeros) == (ssize_t)sizeof zeros;
    good = good && !fsync(file);
    if (file >= 0)
        close(file);
    if (!good)
        unlink(reserve);
    return good;
}

static int executed(const char *sql) {
    if (sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK)
        return 1;
    storage_failed = sqlite3_errcode(db);
    fprintf(stderr, "storage: %s\n", sqlite3_errmsg(db));
    sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
    return 0;
}

/* One transaction, whole or not at all; if there is no room, with that of the reserve. */
static int change(const char *format, ...) {
    va_list values;
    va_start(values, format);
    char *body = sqlite3_vmprintf(format, values), *sql = sqlite3_mprintf("BEGIN IMMEDIATE;%s;COMMIT", body);
    va_end(values);
    int failed_before = storage_failed, good = executed(sql);
    if (!good && !unlink(reserve) && (good = executed(sql)))
        storage_failed = failed_before;
    sqlite3_free(body);
    sqlite3_free(sql);
    return good;
}

static sqlite3_stmt *query(const char *sql, const char *value) {
    sqlite3_stmt *made = NULL;
    if (sqlite3_prepare_v2(db, sql, -1, &made, NULL) != SQLITE_OK)
        storage_failed = sqlite3_errcode(db);
    if (made && value)
        sqlite3_bind_text(made, 1, value, -1, SQLITE_TRANSIENT);
    return made;
}

/* Whether there is a row more; what is neither a row nor the end is a failure. */
static int next_row(sqlite3_stmt *rows) {
    int found = rows ? sqlite3_step(rows) : SQLITE_ERROR;
    if (found != SQLITE_ROW && found != SQLITE_DONE)
        storage_failed = found;
    return found == SQLITE_ROW;
}

static char *column(sqlite3_stmt *rows, int at, char *out, size_t size) {
    const char *text = (const char *)sqlite3_column_text(rows, at);
    snprintf(out, size, "%s", text ? text : "");
    return out;
}

static int next_entry(sqlite3_stmt *rows, struct entry *entry) {
    if (!next_row(rows))
        return 0;
    column(rows, 0, entry->stan, sizeof entry->stan);
    column(rows, 1, entry->batch, sizeof entry->batch);
    column(rows, 2, entry->kind, sizeof entry->kind);
    column(rows, 3, entry->rrn, sizeof entry->rrn);
    column(rows, 4, entry->state, sizeof entry->state);
    column(rows, 5, entry->sealed, sizeof entry->sealed);
    entry->amount = sqlite3_column_int64(rows, 6);
    column(rows, 7, entry->doubt, sizeof entry->doubt);
    return 1;
}

#define ENTRIES "SELECT stan,batch,kind,rrn,state,sealed,amount,doubt FROM entry "
#define SALES "WHERE kind='sale' AND state IN ('approved','told')"

static int find(const char *sql, const char *value, struct entry *entry) {
    sqlite3_stmt *rows = query(sql, value);
    int found = next_entry(rows, entry);
    sqlite3_finalize(rows);
    return found;
}

static long long number(const char *sql) {
    sqlite3_stmt *rows = query(sql, NULL);
    long long value = next_row(rows) ? sqlite3_column_int64(rows, 0) : 0;
    sqlite3_finalize(rows);
    return value;
}

static char *setting(const char *name, char *out, size_t size) {
    sqlite3_stmt *rows = query("SELECT value FROM setting WHERE name=?", name);
    out[0] = 0;
    if (next_row(rows))
        column(rows, 0, out, size);
    sqlite3_finalize(rows);
    return out;
}

static void open_storage(const char *directory) {
    char path[300];
    snprintf(path, sizeof path, "%s/shop.db", directory);
    snprintf(reserve, sizeof reserve, "%s/reserve", directory);
    sqlite3_open(path, &db);
    sqlite3_exec(db, "PRAGMA auto_vacuum=FULL;PRAGMA temp_store=MEMORY", NULL, NULL, NULL);
    sqlite3_exec(db, pragmas, NULL, NULL, NULL);
    if (!number("SELECT count(*) FROM sqlite_master"))
        change("CREATE TABLE setting(name TEXT PRIMARY KEY, value TEXT);"
               "CREATE TABLE entry(stan TEXT, batch TEXT, kind TEXT, rrn TEXT, state TEXT, sealed TEXT, amount INTEGER, doubt TEXT);"
               "INSERT INTO setting VALUES('batch','000001'),('stan','000000')");
}

/* The next trace number, durable before it is used, and `more` with it. */
static int take_stan(char *stan, const char *more) {
    char last[8];
    setting("stan", last, sizeof last);
    if (storage_failed)
        return 0;
    sprintf(stan, "%06u", (unsigned)atoi(last) % 999999u + 1);
    return change("UPDATE setting SET value=%Q WHERE name='stan';%s", stan, more);
}

/* A shop's payment terminal: sign-on, sale, void, reprint, settlement. Records are in SQLite, keys in the PIN pad.
 *
 *     cc -O2 -o shop_terminal shop_terminal.c -lsqlite3
 *     ./shop_terminal [--no-reserve] [--pragmas "PRAGMA journal_mode=WAL"] [--inspect DIR]
 *
 * What makes it safe: a trace number and its entry are durable before the first byte is sent. An entry that is "asked" is in
 * doubt, and is reversed before anything new. It is "approved" before anybody is told. Nothing is cleared before the host has
 * closed the batch. What was approved or settled and not yet told when power went is told at the next start.
 */
#include "wire.h"
#include "records.h"
#include "iso8583.h"
#include "acquirer.h"

#define BATCH_MAX 500

static char action[24]; /* the number of the one under way */

/* ---------------------------------------------------------------- people */

static void show(const char *kind, const char *text) { ask("\"call\":\"show\",\"screen\":\"%s\",\"text\":\"%s\"", kind, text); }

static void end(const char *outcome, const char *reason, const struct entry *entry) {
    ask("\"call\":\"finish\",\"action\":%s,\"outcome\":\"%s\",\"reason\":\"%s\",\"stan\":\"%s\",\"batch\":\"%s\",\"rrn\":\"%s\"",
        action, outcome, reason, entry ? entry->stan : "", entry ? entry->batch : "", entry ? entry->rrn : "");
}

static void end_with(const char *screen, const char *text, const char *outcome, const char *reason) {
    show(screen, text);
    end(outcome, reason, NULL);
}

static int end_if_storage_failed(void) {
    if (storage_failed)
        end_with("error", storage_failed == SQLITE_FULL ? "存储空间不足 NO SPACE" : "文件错误 FILE ERROR", "failed", "storage");
    return storage_failed;
}

static int print_entry(const struct entry *entry, const char *duplicate) {
    return ask("\"call\":\"print\",\"receipt\":\"%s\",\"text\":\"%lld.%02lld\",\"amount_fen\":%lld,\"stan\":\"%s\",\"batch\":\"%s\","
               "\"rrn\":\"%s\",\"duplicate\":%s", entry->kind, entry->amount / 100, entry->amount % 100, entry->amount, entry->stan,
               entry->batch, entry->rrn, duplicate);
}

/* Screen, slip, and the note that both were; only ever with the entry durable. */
static void tell(const struct entry *entry) {
    ask("\"call\":\"show\",\"screen\":\"approved\",\"text\":\"交易成功\",\"amount_fen\":%lld,\"stan\":\"%s\",\"batch\":\"%s\","
        "\"rrn\":\"%s\"", entry->amount, entry->stan, entry->batch, entry->rrn);
    print_entry(entry, "false");
    change("UPDATE entry SET state='told' WHERE stan=%Q", entry->stan);
}

static void tell_settled(void) {
    char closed[80], batch[8];
    long long count, fen;
    if (sscanf(setting("closed", closed, sizeof closed), "%6s %lld %lld", batch, &count, &fen) != 3)
        return;
    ask("\"call\":\"show\",\"screen\":\"settled\",\"text\":\"结算成功\",\"batch\":\"%s\"", batch);
    ask("\"call\":\"print\",\"receipt\":\"settlement\",\"text\":\"结算单 %s\",\"batch\":\"%s\",\"totals\":{\"debit_count\":%lld,"
        "\"debit_fen\":%lld}", batch, batch, count, fen);
    change("DELETE FROM setting WHERE name='closed'");
}

/* ---------------------------------------------------------------- actions */

/* Whether a sale or void may begin; otherwise the action is ended here. */
static int may_begin(void) {
    char settling[2];
    if (number("SELECT count(*) FROM entry") >= BATCH_MAX || !has_reserve())
        end_with("storage_full", "存储满,请先结算 SETTLE FIRST", "refused", "storage_full");
    else if (*setting("settling", settling, sizeof settling))
        end_with("refused", "请先结算 SETTLE FIRST", "refused", "settle_pending");
    else if (!reversed() && !storage_failed)
        end_with("refused", "冲正未完成 REVERSAL PENDING", "refused", "reversal_pending");
    else if (!storage_failed && !signed_on() && !storage_failed)
        end_with("refused", "请签到 SIGN ON", "refused", "not_signed_on");
    else
        return !end_if_storage_failed();
    return 0;
}

/* Send what `request` holds besides the entry's own fields, and end the action; `also` goes with the approval. */
static void transact(struct entry *entry, const char *also) {
    struct message more = request;
    setting("batch", entry->batch, sizeof entry->batch);
    char *insert = sqlite3_mprintf("INSERT INTO entry SELECT value,%Q,%Q,'','asked',%Q,%lld,'98' FROM setting WHERE name='stan'",
                                   entry->batch, entry->kind, entry->sealed, entry->amount);
    int kept = take_stan(entry->stan, insert);
    sqlite3_free(insert);
    if (!kept) {
        end_if_storage_failed();
        return;
    }
    show("processing", "处理中 PROCESSING");
    fill("0200", entry);
    for (int number = 2; number <= 64; number++)
        if (more.field[number][0])
            strcpy(request.field[number], more.field[number]);
    int answered = exchange();
    const char *code = reply.field[39];
    char reason[12];
    snprintf(reason, sizeof reason, "host_%.2s", code);
    if (!answered || !*code || code_in("96 98")) {
        if (mac_was_wrong)
            change("UPDATE entry SET doubt='A0' WHERE stan=%Q", entry->stan);
        show("unknown", "交易超时,将冲正 NO ANSWER");
        end("unknown", "no_answer", entry);
    } else if (strcmp(code, "00")) {
        change("DELETE FROM entry WHERE stan=%Q", entry->stan);
        end_with("declined", "交易拒绝 DECLINED", "declined", reason);
    } else if (!change("UPDATE entry SET state='approved',rrn=%Q WHERE stan=%Q;%s", reply.field[37], entry->stan, also)) {
        end_if_storage_failed(); /* it stays asked, and is reversed */
    } else {
        strcpy(entry->rrn, reply.field[37]);
        tell(entry);
        end("approved", "", entry);
    }
}

static void sale(long long amount) {
    struct entry entry = {.kind = "sale", .amount = amount};
    char pan[20], hex[40];
    if (!may_begin())
        return;
    show("prompt", "请刷卡 PRESENT CARD");
    if (!ask("\"call\":\"read_card\",\"timeout_s\":60")) {
        char kind[20];
        end_with("refused", "读卡失败 NO CARD", "refused", WORD("kind", kind));
        return;
    }
    memset(&request, 0, sizeof request);
    strcpy(request.field[2], WORD("pan", pan));
    word(answer, "expiry", request.field[14], 5);
    word(answer, "entry_mode", request.field[22], 4);
    word(answer, "track2", request.field[35], 38);
    if (!ask("\"call\":\"encrypt\",\"data\":\"%s\"", to_hex((unsigned char *)pan, strlen(pan), hex))) {
        end_with("error", "密码键盘故障 PIN PAD", "failed", "pin_pad");
        return;
    }
    WORD("data", entry.sealed);
    transact(&entry, "");
}

static void void_sale(const char *stan) {
    struct entry entry, original;
    char also[80];
    if (!may_begin())
        return;
    if (!find(ENTRIES SALES " AND stan=?", stan, &original)) {
        if (!end_if_storage_failed())
            end_with("refused", "原交易不存在 NOT FOUND", "refused", "not_found");
        return;
    }
    entry = original;
    strcpy(entry.kind, "void");
    memset(&request, 0, sizeof request);
    strcpy(request.field[37], original.rrn);
    sprintf(request.field[61], "%s%s", original.batch, original.stan);
    sprintf(also, "UPDATE entry SET state='voided' WHERE stan='%s'", original.stan);
    transact(&entry, also);
}

/* Whether the host has every sale of the batch, eight a message. */
static int uploaded(void) {
    char items[400], pan[100];
    unsigned char clear[50];
    struct entry entry;
    sqlite3_stmt *rows = query(ENTRIES SALES, NULL);
    int good = 1, count = 0, more = next_entry(rows, &entry);
    while (good && more) {
        good = ask("\"call\":\"decrypt\",\"data\":\"%s\"", entry.sealed);
        clear[from_hex(WORD("data", pan), clear)] = 0;
        sprintf(items + 40 * count++, "00%s%020lld%012lld", entry.stan, atoll((char *)clear), entry.amount);
        more = next_entry(rows, &entry);
        if (good && (count == 8 || !more)) {
            good = begin("0320", "00", "201");
            sprintf(request.field[48], "%02d%s", count, items);
            good = good && exchange() && code_in("00 94");
            count = 0;
        }
    }
    sqlite3_finalize(rows);
    return good && !storage_failed;
}

static const char *why_not_settled(void) {
    char batch[8];
    if (!reversed())
        return "reversal_pending";
    if (!signed_on() || !change("INSERT OR REPLACE INTO setting VALUES('settling','1')"))
        return "not_signed_on";
    long long count = number("SELECT count(*) FROM entry " SALES), fen = number("SELECT sum(amount) FROM entry " SALES);
    if (!begin("0500", "00", "201"))
        return "storage";
    sprintf(request.field[48], "%012lld%03lld%047d", fen, count, 0);
    strcpy(request.field[49], "156");
    if (!accepted() || strlen(reply.field[48]) != 62 || !strchr("12", reply.field[48][30]))
        return "no_verdict";
    int is_balanced = reply.field[48][30] == '1';
    if (!is_balanced && !uploaded())
        return "upload";
    if (!begin("0320", "00", is_balanced ? "207" : "202"))
        return "storage";
    sprintf(request.field[48], "%04lld", count);
    if (!accepted())
        return "not_closed";
    setting("batch", batch, sizeof batch);
    return change("DELETE FROM entry;DELETE FROM setting WHERE name='settling';"
                  "UPDATE setting SET value='%06d' WHERE name='batch';"
                  "INSERT OR REPLACE INTO setting VALUES('closed','%s %lld %lld')",
                  atoi(batch) % 999999 + 1, batch, count, fen) ? NULL : "storage";
}

static void settle(void) {
    const char *why = why_not_settled();
    if (storage_failed == SQLITE_FULL)
        end_with("settle_failed", "结算失败,存储空间不足 SETTLE FAILED, NO SPACE", "failed", "storage_full");
    else if (why)
        end_with("settle_failed", "结算失败 SETTLE FAILED", "failed", why);
    else {
        tell_settled();
        end("done", "", NULL);
    }
}

static void reprint(const char *stan) {
    struct entry entry;
    const char *which = *stan ? ENTRIES "WHERE state<>'asked' AND stan=?" : ENTRIES "WHERE state<>'asked' ORDER BY rowid DESC";
    if (!find(which, *stan ? stan : NULL, &entry))
        end_with("refused", "无此交易 NOT FOUND", "failed", "not_found");
    else if (print_entry(&entry, "true"))
        end_with("text", "重打印 REPRINTED", "done", "");
    else
        end_with("error", "缺纸 NO PAPER", "failed", "paper_out");
}

static void sign_on(void) {
    has_keys = 0;
    if (signed_on())
        end_with("text", "签到成功 SIGNED ON", "done", "");
    else
        end_with("error", "签到失败 SIGN-ON FAILED", "failed", "sign_on");
}

static void perform(void) {
    char kind[24], stan[8], amount[16];
    WORD("number", action), WORD("kind", kind), WORD("amount_fen", amount), WORD("original_stan", stan);
    storage_failed = 0;
    if (!strcmp(kind, "sale"))
        sale(atoll(amount));
    else if (!strcmp(kind, "void"))
        void_sale(stan);
    else if (!strcmp(kind, "settle"))
        settle();
    else if (!strcmp(kind, "sign_on"))
        sign_on();
    else if (!strcmp(kind, "reprint"))
        reprint(stan);
    else if (!strcmp(kind, "reboot")) {
        end_with("text", "重启 RESTART", "done", "");
        ask("\"call\":\"reboot\"");
    } else
        end_with("error", "不支持 NOT SUPPORTED", "unsupported", "");
    show("idle", "欢迎 WELCOME");
}

/* ---------------------------------------------------------------- --inspect DIR, and the main loop */

static void inspect(const char *directory) {
    char path[300], batch[8], stan[8];
    struct entry entry;
    snprintf(path, sizeof path, "%s/data/shop.db", directory);
    if (sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL) != SQLITE_OK) {
        puts("{\"batch\":\"000001\",\"next_stan\":\"000001\"}");
        return;
    }
    setting("batch", batch, sizeof batch), setting("stan", stan, sizeof stan);
    printf("{\"batch\":\"%s\",\"next_stan\":\"%06d\",\"records\":[", batch, atoi(stan) % 999999 + 1);
    const char *comma = "";
    sqlite3_stmt *rows = query(ENTRIES "WHERE state<>'asked'", NULL);
    for (; next_entry(rows, &entry); comma = ",")
        printf("%s{\"stan\":\"%s\",\"batch\":\"%s\",\"kind\":\"%s\",\"amount_fen\":%lld,\"state\":\"%s\"}", comma, entry.stan,
               entry.batch, entry.kind, entry.amount, strcmp(entry.state, "voided") ? "active" : "voided");
    fputs("],\"pending_reversals\":[", stdout);
    rows = query(ENTRIES "WHERE state='asked'", NULL);
    for (comma = ""; next_entry(rows, &entry); comma = ",")
        printf("%s\"%s\"", comma, entry.stan);
    puts("]}");
    if (storage_failed) {
        fprintf(stderr, "%s: %s\n", path, sqlite3_errmsg(db));
        exit(1);
    }
}

int main(int count, char **arguments) {
    char directory[256], event[24];
    struct entry untold;
    for (int at = 1; at < count; at++) {
        if (!strcmp(arguments[at], "--no-reserve")) {
            keeps_reserve = 0;
        } else if (!strcmp(arguments[at], "--pragmas") && at + 1 < count) {
            pragmas = arguments[++at];
        } else if (!strcmp(arguments[at], "--inspect") && at + 1 < count) {
            inspect(arguments[++at]);
            return 0;
        }
    }
    read_line(); /* {"boot":{...}} */
    WORD("tid", tid), WORD("mid", mid), WORD("host", host), WORD("port", port), WORD("data", directory);
    open_storage(directory);
    has_keys = ask("\"call\":\"has_key\",\"slot\":\"mac\"") && strstr(answer, "true");
    while (!storage_failed && find(ENTRIES "WHERE state='approved'", NULL, &untold))
        tell(&untold);
    tell_settled();
    show(storage_failed ? "error" : "idle", storage_failed ? "文件错误 FILE ERROR" : "欢迎 WELCOME");
    for (;;) {
        ask("\"call\":\"next_event\",\"timeout_s\":60");
        if (!strcmp(WORD("event", event), "action"))
            perform();
        else if (!strcmp(event, "timeout") && number("SELECT count(*) FROM entry WHERE state='asked'"))
            reversed();
    }
}

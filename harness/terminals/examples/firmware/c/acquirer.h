/* The acquirer: one request, one reply, over a fresh connection. Sign-on and reversals, which everything else waits for. */
#include <netdb.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define REPLY_TIMEOUT_S 60

static char tid[16], mid[16], host[128], port[8];
static int has_keys, mac_was_wrong;
static struct message request, reply;

static int connected(void) {
    struct addrinfo hints = {.ai_family = AF_INET, .ai_socktype = SOCK_STREAM}, *found = NULL;
    struct timeval patience = {.tv_sec = REPLY_TIMEOUT_S};
    if (getaddrinfo(host, port, &hints, &found))
        return -1;
    int line = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    setsockopt(line, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    setsockopt(line, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    if (connect(line, found->ai_addr, found->ai_addrlen)) {
        close(line);
        line = -1;
    }
    freeaddrinfo(found);
    return line;
}

static int receive(int line, unsigned char *data, size_t size) {
    for (ssize_t got; size; data += got, size -= (size_t)got)
        if ((got = recv(line, data, size, 0)) <= 0)
            return 0;
    return 1;
}

static int make_mac(const unsigned char *data, size_t size, unsigned char *mac) {
    char hex[2 * FRAME_MAX + 1], made[17];
    return ask("\"call\":\"mac\",\"data\":\"%s\"", to_hex(data, size, hex)) && from_hex(WORD("data", made), mac) == 8;
}

/* Whether the reply's code is one of some. */
static int code_in(const char *codes) { return strlen(reply.field[39]) == 2 && strstr(codes, reply.field[39]); }

/* Whether the reply says of a field what the request said. */
static int same(int number) { return !strcmp(reply.field[number], request.field[number]); }

/* Send `request`; whether `reply` came, belongs to it and may be trusted. */
static int exchange(void) {
    unsigned char frame[FRAME_MAX], mac[8];
    int is_signed = !strcmp(request.mti, "0200") || !strcmp(request.mti, "0400"), good = 0, line;
    strcpy(request.field[41], tid);
    strcpy(request.field[42], mid);
    strcpy(request.field[64], is_signed ? "0000000000000000" : "");
    size_t size = pack(&request, frame), covered = size - 2 - PREFIX_SIZE - 8;
    if (is_signed && !make_mac(frame + 2 + PREFIX_SIZE, covered, frame + size - 8))
        return 0;
    if ((line = connected()) < 0)
        return 0;
    if (send(line, frame, size, MSG_NOSIGNAL) == (ssize_t)size)
        while (!good && receive(line, frame, 2)) {
            size = (size_t)frame[0] << 8 | frame[1];
            if (size > sizeof frame || !receive(line, frame, size) || !unpack(&reply, frame, size))
                break;
            good = atoi(reply.mti) == atoi(request.mti) + 10 && same(4) && same(11) && same(41);
        }
    close(line);
    mac_was_wrong = 0;
    if (good && is_signed && code_in("00")) {
        good = reply.field[64][0] && make_mac(frame + PREFIX_SIZE, size - PREFIX_SIZE - 8, mac) &&
               !memcmp(mac, frame + size - 8, 8);
        mac_was_wrong = !good;
    }
    if (good && code_in("77 A0"))
        has_keys = 0;
    return good;
}

static int begin(const char *mti, const char *type, const char *code) {
    char batch[8];
    memset(&request, 0, sizeof request);
    strcpy(request.mti, mti);
    sprintf(request.field[60], "%s%s%s", type, setting("batch", batch, sizeof batch), code);
    return take_stan(request.field[11], "");
}

static int accepted(void) { return exchange() && code_in("00"); }

static int signed_on(void) {
    if (has_keys)
        return 1;
    if (!begin("0800", "00", "003") || !accepted() || strlen(reply.field[62]) < 80)
        return 0;
    const char *keys = reply.field[62] + 40; /* as hex: behind the PIN key and its check value */
    has_keys = ask("\"call\":\"load_key\",\"slot\":\"mac\",\"key\":\"%.16s\",\"check\":\"%.8s\"", keys, keys + 32);
    if (has_keys && strlen(reply.field[60]) >= 8 && !number("SELECT count(*) FROM entry"))
        return change("UPDATE setting SET value='%.6s' WHERE name='batch'", reply.field[60] + 2);
    return has_keys;
}

static void fill(const char *mti, const struct entry *entry) {
    int is_sale = !strcmp(entry->kind, "sale");
    memset(&request, 0, sizeof request);
    strcpy(request.mti, mti);
    strcpy(request.field[3], is_sale ? "000000" : "200000");
    sprintf(request.field[4], "%012lld", entry->amount);
    strcpy(request.field[11], entry->stan);
    strcpy(request.field[25], "00");
    strcpy(request.field[49], "156");
    sprintf(request.field[60], "%s%s", is_sale ? "22" : "23", entry->batch);
}

/* Whether nothing is in doubt: what was asked for and never answered is undone, and the host has said so. */
static int reversed(void) {
    struct entry entry;
    while (find(ENTRIES "WHERE state='asked'", NULL, &entry)) {
        if (!signed_on())
            return 0;
        fill("0400", &entry);
        strcpy(request.field[39], entry.doubt);
        if (!exchange() || !code_in("00 12 25") || !change("DELETE FROM entry WHERE stan=%Q", entry.stan))
            return 0;
    }
    return !storage_failed;
}

/* A day of a terminal that blocks: sleep, append a record and make it durable, exchange a message with the host.
 *
 *     day ROUNDS SLEEP_S FILE [IP PORT]     the day; without an address nothing is exchanged
 *     day check FILE                        reads the records back
 *     day serve ROUNDS                      the other end: prints its port, answers so often
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { RECORD = 128, MESSAGE = 64 };

static int exchange(const char *ip, int port, char *message) {
    struct sockaddr_in host = {.sin_family = AF_INET, .sin_port = htons(port)};
    inet_pton(AF_INET, ip, &host.sin_addr);
    int line = socket(AF_INET, SOCK_STREAM, 0);
    int good = !connect(line, (void *)&host, sizeof host) && send(line, message, MESSAGE, 0) == MESSAGE
        && recv(line, message, MESSAGE, MSG_WAITALL) == MESSAGE;
    close(line);
    return good;
}

static int serve(int rounds) {
    struct sockaddr_in at = {.sin_family = AF_INET};
    socklen_t size = sizeof at;
    char message[MESSAGE];
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    inet_pton(AF_INET, "127.0.0.1", &at.sin_addr);
    if (bind(listener, (void *)&at, sizeof at) || listen(listener, 8) || getsockname(listener, (void *)&at, &size))
        return 1;
    printf("%d\n", ntohs(at.sin_port));
    fflush(stdout);
    for (int round = 0; round < rounds; round++) {
        int line = accept(listener, NULL, NULL);
        if (recv(line, message, MESSAGE, MSG_WAITALL) == MESSAGE)
            send(line, message, MESSAGE, 0);
        close(line);
    }
    return 0;
}

static int check(const char *path) {
    char record[RECORD];
    int file = open(path, O_RDONLY), expected = 0;
    while (file >= 0 && read(file, record, RECORD) == RECORD && record[RECORD - 1] == '\n')
        if (atoi(record) != expected++)
            return 1;
    return 0;
}

int main(int count, char **words) {
    if (count == 3 && !strcmp(words[1], "serve"))
        return serve(atoi(words[2]));
    if (count == 3 && !strcmp(words[1], "check"))
        return check(words[2]);
    if (count < 4)
        return 2;
    int rounds = atoi(words[1]), sleep_s = atoi(words[2]);
    for (int round = 0; round < rounds; round++) {
        char record[RECORD + 1], message[MESSAGE + 1];
        if (sleep_s)
            sleep(sleep_s);
        snprintf(record, sizeof record, "%06d%*s\n", round, RECORD - 7, "");
        int file = open(words[3], O_WRONLY | O_CREAT | O_APPEND, 0644);
        if (write(file, record, RECORD) != RECORD || fsync(file) || close(file))
            return 3;
        snprintf(message, sizeof message, "%c%c%062d", 0, MESSAGE - 2, round);
        if (count == 6 && !exchange(words[4], atoi(words[5]), message))
            return 4;
    }
    return 0;
}

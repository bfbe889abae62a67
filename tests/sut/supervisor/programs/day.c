/* A day of a terminal that blocks: sleep, append and sync, exchange with the host. What it writes holds time and chance. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
int main(int count, char **words) {
    int rounds = count > 1 ? atoi(words[1]) : 10;
    for (int i = 0; i < rounds; i++) {
        sleep(60);
        struct timespec now;
        unsigned chance;
        clock_gettime(CLOCK_REALTIME, &now);
        if (getrandom(&chance, sizeof chance, 0) != sizeof chance) return 1;
        char line[256];
        unsigned long given = *(unsigned long *)getauxval(AT_RANDOM);
        int length = snprintf(line, sizeof line, "%d %ld.%09ld %u %lx %d %p %p\n", i, (long)now.tv_sec, now.tv_nsec, chance,
                              given, getpid(), (void *)line, (void *)main);
        int file = open("/journal", O_WRONLY | O_CREAT | O_APPEND, 0644);
        if (write(file, line, length) != length || fsync(file) || close(file)) return 2;
        int line_out = socket(AF_INET, SOCK_STREAM, 0);
        struct sockaddr_in host = {.sin_family = AF_INET, .sin_port = htons(5500)};
        inet_pton(AF_INET, "192.0.2.10", &host.sin_addr);
        if (connect(line_out, (void *)&host, sizeof host)) return 3;
        dprintf(line_out, "echo %d\n", i);
        if (recv(line_out, line, sizeof line, 0) <= 0) return 4;
        close(line_out);
    }
    puts("done");
    return 0;
}

/* Calls made at random, with arguments at random. Usage: nonsense SEED COUNT CALL,CALL,... */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <unistd.h>

static unsigned long long state;
static char *page;

static void nothing(int number) {}
static unsigned draw(void) {
    state ^= state << 13, state ^= state >> 7, state ^= state << 17;
    return state >> 11;
}
static long argument(void) {
    switch (draw() % 14) {
    case 0: return draw() % 16;
    case 1: return -1;
    case 2: return 0;
    case 3: return (long)page + draw() % 64;
    case 4: return (long)page + 4090;
    case 5: return 1L << draw() % 63;
    case 6: return -(1L << draw() % 63);
    case 7: return 8;
    case 8: return draw() % 4096;
    case 9: return (long)page + 512;
    case 10: return draw() % 8;
    case 11: return 3 + draw() % 9;
    case 12: return 0x7fffffff;
    default: return 16;
    }
}
static void furnish(void) {
    for (int number = 3; number < 40; number++) close(number);
    struct sockaddr_in host = {AF_INET, htons(5500)};
    inet_pton(AF_INET, "192.0.2.10", &host.sin_addr);
    int fd = socket(AF_INET, SOCK_STREAM, 0), pair[2];
    connect(fd, (struct sockaddr *)&host, sizeof host);
    send(fd, "echo abcdefgh\n", 14, MSG_NOSIGNAL);
    listen(socket(AF_INET, SOCK_STREAM, 0), 4);
    socket(AF_INET, SOCK_DGRAM, 0);
    timerfd_create(0, 0), eventfd(3, 0), epoll_create1(0);
    open("/file", O_RDWR | O_CREAT, 0600), open("/", O_RDONLY), open("/dev/urandom", O_RDONLY);
    pipe(pair), socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
    memset(page, 0, 4096);
    memcpy(page, &host, sizeof host);
    strcpy(page + 512, "/file");
}

int main(int count, char **words) {
    int calls[400], known = 0;
    state = strtoull(words[1], 0, 10) * 2654435761u + 88172645463325252ull;
    for (char *each = strtok(words[3], ","); each; each = strtok(0, ",")) calls[known++] = atoi(each);
    page = mmap(0, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    munmap(page + 4096, 4096);
    struct sigaction action = {.sa_handler = nothing};
    for (int number = 1; number < 32; number++) sigaction(number, &action, 0);
    for (int place = 0; place < atoi(words[2]); place++) {
        if (place % 50 == 0) furnish();
        if (place % 7 == 0)
            for (int byte = 0; byte < 200; byte++) page[draw() % 4096] = draw();
        /* What waits is ended. */
        struct itimerval soon = {{1, 0}, {0, 10000}};
        setitimer(ITIMER_REAL, &soon, 0);
        syscall(calls[draw() % known], argument(), argument(), argument(), argument(), argument(), argument());
    }
    return 0;
}

/* A path that swallows everything: how long each call waits, and what it says. Usage: blackhole IP PORT */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static double now(void) { struct timespec at; clock_gettime(CLOCK_MONOTONIC, &at); return at.tv_sec + at.tv_nsec / 1e9; }
static double since;
#define TRY(what) do { since = now(); errno = 0; long r_ = (what); int e_ = errno; \
    printf("%s = %ld %s after %.2f s\n", #what, r_, r_ < 0 ? strerrorname_np(e_) : "", now() - since); fflush(stdout); } while (0)

int main(int count, char **words) {
    struct sockaddr_in host = {AF_INET, htons(atoi(words[2]))};
    inet_pton(AF_INET, words[1], &host.sin_addr);
    struct timeval three = {3, 0};
    char room[20];
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(fd, (struct sockaddr *)&host, sizeof host)) perror("connect");
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &three, sizeof three);
    sleep(10);  /* the path dies now */
    TRY(send(fd, "echo lost\n", 10, 0));
    TRY(recv(fd, room, 20, 0));
    TRY(send(fd, "echo reset\n", 11, 0));
    TRY(recv(fd, room, 20, 0));
    int other = socket(AF_INET, SOCK_STREAM, 0);
    TRY(connect(other, (struct sockaddr *)&host, sizeof host));
    TRY(connect(other, (struct sockaddr *)&host, sizeof host));
    close(other);
    other = socket(AF_INET, SOCK_STREAM, 0);
    setsockopt(other, SOL_SOCKET, SO_SNDTIMEO, &three, sizeof three);
    TRY(connect(other, (struct sockaddr *)&host, sizeof host));
    TRY(connect(other, (struct sockaddr *)&host, sizeof host));
    struct pollfd one = {other, POLLOUT, 0};
    TRY(poll(&one, 1, -1));
    printf("events %x\n", one.revents);
    TRY(connect(other, (struct sockaddr *)&host, sizeof host));
    return 0;
}

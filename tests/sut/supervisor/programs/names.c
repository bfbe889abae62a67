/* The host's name asked for in every way. Usage: names NAME */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <arpa/nameser.h>
#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <resolv.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static double now(void) { struct timespec at; clock_gettime(CLOCK_MONOTONIC, &at); return at.tv_sec + at.tv_nsec / 1e9; }

static void look_up(const char *name) {
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found = 0;
    double since = now();
    int failed = getaddrinfo(name, "9000", &hints, &found);
    printf("getaddrinfo %s: %s after %.0f s", name, failed ? gai_strerror(failed) : "ok", now() - since);
    for (struct addrinfo *each = found; each; each = each->ai_next) {
        char text[64];
        getnameinfo(each->ai_addr, each->ai_addrlen, text, sizeof text, 0, 0, NI_NUMERICHOST);
        printf(" %s", text);
    }
    puts("");
    if (found) freeaddrinfo(found);
}
static int make(const char *name, int kind, unsigned char *room) {
    return res_mkquery(QUERY, name, C_IN, kind, 0, 0, 0, room, 512);
}
static void ask(const char *name, int kind) {
    unsigned char answer[512];
    double since = now();
    errno = 0;
    int size = res_query(name, C_IN, kind, answer, sizeof answer);
    printf("res_query %s %d: size %d h_errno %d late %d", name, kind, size, size < 0 ? h_errno : 0, now() - since > 1);
    ns_msg message; ns_rr record;
    if (size > 0 && !ns_initparse(answer, size, &message) && !ns_parserr(&message, ns_s_an, 0, &record))
        printf(" %s ttl %u", inet_ntoa(*(struct in_addr *)ns_rr_rdata(record)), ns_rr_ttl(record));
    puts("");
}

int main(int count, char **words) {
    const char *name = words[1];
    setvbuf(stdout, 0, _IOLBF, 0);
    look_up(name);
    look_up("nobody.example");
    ask(name, T_A);
    ask(name, T_AAAA);
    ask("ACQUIRER.example.", T_A);
    ask("nobody.example", T_A);

    /* By hand: unconnected, with the sender's address; then connected; as c-ares, musl and Go do it. */
    unsigned char query[512], answer[512];
    int size = make(name, T_A, query), waiting = 0;
    struct sockaddr_in server = {AF_INET, htons(53)}, from = {0};
    inet_pton(AF_INET, "192.0.2.53", &server.sin_addr);
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0), epoll = epoll_create1(0);
    long sent = send(fd, query, size, 0);
    printf("nowhere: %ld %s\n", sent, strerrorname_np(errno));
    printf("sent %d\n", sendto(fd, query, size, 0, (struct sockaddr *)&server, sizeof server) == size);
    sent = recv(fd, answer, 512, 0);
    printf("early: %ld %s\n", sent, strerrorname_np(errno));
    struct epoll_event event = {EPOLLIN};
    epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
    double since = now();
    printf("epoll %d", epoll_wait(epoll, &event, 1, 5000));
    printf(" late %d\n", now() - since > 0.001);
    ioctl(fd, FIONREAD, &waiting);
    printf("waiting %d\n", waiting);
    socklen_t room = sizeof from;
    printf("peek %zd", recv(fd, answer, 12, MSG_PEEK | MSG_TRUNC));
    printf(" got %zd", recvfrom(fd, answer, 512, 0, (struct sockaddr *)&from, &room));
    printf(" from %s:%d, %d\n", inet_ntoa(from.sin_addr), ntohs(from.sin_port), memcmp(answer, query, 2) == 0);
    connect(fd, (struct sockaddr *)&server, sizeof server);
    write(fd, query, size);
    struct pollfd one = {fd, POLLIN};
    printf("poll %d", poll(&one, 1, 5000));
    printf(" read %zd\n", read(fd, answer, 20));
    struct sockaddr_in self = {0};
    room = sizeof self;
    getsockname(fd, (struct sockaddr *)&self, &room);
    printf("from %s, port %d\n", inet_ntoa(self.sin_addr), self.sin_port != 0);
    server.sin_port = htons(123);
    printf("elsewhere %ld\n", sendto(fd, query, 48, 0, (struct sockaddr *)&server, sizeof server));
    printf("poll %d\n", poll(&one, 1, 5000));
    return 0;
}

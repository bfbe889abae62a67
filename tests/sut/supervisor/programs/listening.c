/* Listening, and connections between the programs of one device: natively and under the supervisor the same. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#define SAY(...) do { printf(__VA_ARGS__); putchar('\n'); fflush(stdout); } while (0)
#define TRY(what) do { errno = 0; long r_ = (what); SAY("%s = %ld %s", #what, r_, r_ < 0 ? strerrorname_np(errno) : ""); } while (0)
#define OK(what) do { errno = 0; long r_ = (what); SAY("%s: %s", #what, r_ < 0 ? strerrorname_np(errno) : "ok"); } while (0)

static struct sockaddr_in at;
static struct sockaddr *address = (struct sockaddr *)&at;
static socklen_t size = sizeof at;

static int fresh(void) { return socket(AF_INET, SOCK_STREAM, 0); }
static void one(int fd) { int on = 1; setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on); }
static void polled(const char *when, int fd) {
    struct pollfd each = {fd, POLLIN | POLLOUT | POLLRDHUP, 0};
    int count = poll(&each, 1, 100);
    SAY("poll %s: %d %x", when, count, each.revents);
}
static void got(int fd, int flags) {
    char room[64];
    errno = 0;
    long count = recv(fd, room, sizeof room, flags);
    SAY("recv: %ld '%.*s' %s", count, count > 0 ? (int)count : 0, room, count < 0 ? strerrorname_np(errno) : "");
}
static void *client(void *delay) {
    usleep((long)delay);
    int fd = fresh();
    if (connect(fd, address, size)) SAY("client: %m");
    send(fd, "from the thread", 15, 0);
    char room[20];
    long count = recv(fd, room, 20, 0);
    SAY("client got %ld", count);
    close(fd);
    return 0;
}

int main(void) {
    int listener = fresh(), value = -1, status;
    socklen_t four = 4;
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    TRY(accept(listener, 0, 0));
    OK(bind(listener, address, size));
    OK(bind(listener, address, size));
    OK(listen(listener, 5));
    OK(listen(listener, 6));
    getsockname(listener, address, &size);
    SAY("port %d at %s", at.sin_port != 0, inet_ntoa(at.sin_addr));
    getsockopt(listener, SOL_SOCKET, SO_ACCEPTCONN, &value, &four);
    SAY("listening %d", value);
    polled("nobody", listener);
    TRY(connect(listener, address, size));
    got(listener, 0);
    TRY(send(listener, "x", 1, MSG_NOSIGNAL));

    int other = fresh();
    OK(bind(other, address, size));
    one(other);
    OK(bind(other, address, size));
    close(other);
    other = fresh();
    struct sockaddr_in elsewhere = {AF_INET, 0};
    inet_pton(AF_INET, "198.51.100.7", &elsewhere.sin_addr);
    OK(bind(other, (struct sockaddr *)&elsewhere, sizeof elsewhere));
    close(other);

    pthread_t thread;
    pthread_create(&thread, 0, client, (void *)100000L);
    struct sockaddr_in peer = {0};
    socklen_t room = sizeof peer;
    int fd = accept4(listener, (struct sockaddr *)&peer, &room, SOCK_NONBLOCK | SOCK_CLOEXEC);
    SAY("accepted %d from %s, port %d, %u", fd >= 0, inet_ntoa(peer.sin_addr), peer.sin_port != 0, room);
    SAY("nonblocking %d, close on exec %d", (fcntl(fd, F_GETFL) & O_NONBLOCK) != 0, fcntl(fd, F_GETFD));
    usleep(50000);
    TRY(ioctl(fd, FIONREAD, &value));
    SAY("waiting %d", value);
    got(fd, 0);
    got(fd, 0);
    struct sockaddr_in name;
    room = sizeof name;
    getsockname(fd, (struct sockaddr *)&name, &room);
    SAY("same port %d", name.sin_port == at.sin_port);
    room = sizeof name;
    getpeername(fd, (struct sockaddr *)&name, &room);
    SAY("same peer %d", name.sin_port == peer.sin_port);
    TRY(send(fd, "hello", 5, 0));
    pthread_join(thread, 0);
    polled("after the end", fd);
    got(fd, 0);
    close(fd);

    fcntl(listener, F_SETFL, O_NONBLOCK);
    TRY(accept(listener, 0, 0));
    int epoll = epoll_create1(0);
    struct epoll_event event = {EPOLLIN, {.u32 = 3}};
    epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event);
    SAY("epoll %d", epoll_wait(epoll, &event, 1, 50));
    other = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    TRY(connect(other, address, size));
    SAY("epoll %d %x", epoll_wait(epoll, &event, 1, 5000), event.events);
    polled("connected", other);
    TRY(connect(other, address, size));
    TRY(connect(other, address, size));
    fd = accept(listener, 0, 0);
    SAY("blocking %d", (fcntl(fd, F_GETFL) & O_NONBLOCK) == 0);
    /* more than any buffer holds: the writer waits for the reader */
    if (fork() == 0) {
        static char much[3000000];
        fcntl(other, F_SETFL, 0);
        long sent = send(other, much, sizeof much, 0);
        SAY("sent %ld", sent);
        _exit(0);
    }
    close(other);
    long total = 0, count;
    static char piece[100000];
    while ((count = recv(fd, piece, sizeof piece, MSG_WAITALL)) > 0) total += count;
    SAY("received %ld", total);
    wait(&status);
    close(fd);
    close(listener);
    other = fresh();
    TRY(connect(other, address, size));
    close(other);
    listener = fresh();
    one(listener);
    OK(bind(listener, address, size));
    OK(listen(listener, 1));
    struct timeval soon = {0, 50000};
    setsockopt(listener, SOL_SOCKET, SO_RCVTIMEO, &soon, sizeof soon);
    TRY(accept(listener, 0, 0));
    close(listener);

    int six = socket(AF_INET6, SOCK_STREAM, 0), zero = 0;
    struct sockaddr_in6 any = {AF_INET6};
    setsockopt(six, IPPROTO_IPV6, IPV6_V6ONLY, &zero, sizeof zero);
    OK(bind(six, (struct sockaddr *)&any, sizeof any));
    OK(listen(six, 1));
    room = sizeof any;
    getsockname(six, (struct sockaddr *)&any, &room);
    at.sin_port = any.sin6_port;
    other = fresh();
    OK(connect(other, address, size));
    struct sockaddr_in6 long_peer;
    room = sizeof long_peer;
    fd = accept(six, (struct sockaddr *)&long_peer, &room);
    SAY("accepted %d, %u, mapped %d", fd >= 0, room, IN6_IS_ADDR_V4MAPPED(&long_peer.sin6_addr));
    any.sin6_addr = in6addr_loopback;
    int seventh = socket(AF_INET6, SOCK_STREAM, 0);
    OK(connect(seventh, (struct sockaddr *)&any, sizeof any));
    return 0;
}

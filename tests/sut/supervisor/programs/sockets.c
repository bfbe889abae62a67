/* What a program sees of TCP, scene by scene: run on loopback and under the supervisor, it prints the same.
   Usage: sockets IP PORT [SCENE].  The host answers lines: "echo TEXT" with TEXT, "eof" by closing, "reset" by aborting, and
   nothing to "quiet". */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

static struct sockaddr_in host;
static const char *ip;

#define SAY(...) do { printf(__VA_ARGS__); putchar('\n'); fflush(stdout); } while (0)
#define TRY(what) do { errno = 0; long r_ = (what); SAY("%s = %ld %s", #what, r_, r_ < 0 ? strerrorname_np(errno) : ""); } while (0)

static int plain(void) { return socket(AF_INET, SOCK_STREAM, 0); }
static int nonblocking(void) { return socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0); }
static int go(int fd) { return connect(fd, (struct sockaddr *)&host, sizeof host); }
static int go_wrong(int fd) {
    struct sockaddr_in wrong = host;
    wrong.sin_port = htons(1);
    return connect(fd, (struct sockaddr *)&wrong, sizeof wrong);
}
static int joined(void) { int fd = plain(); if (go(fd)) SAY("connect failed: %m"); return fd; }
static int tell(int fd, const char *line) { return send(fd, line, strlen(line), MSG_NOSIGNAL); }
static void settle(void) { usleep(300000); }
static int so_error(int fd) {
    int value = -1; socklen_t size = sizeof value;
    getsockopt(fd, SOL_SOCKET, SO_ERROR, &value, &size);
    return value;
}
static const char *events(int bits) {
    static char text[200];
    text[0] = 0;
    if (bits & POLLIN) strcat(text, " IN");
    if (bits & POLLOUT) strcat(text, " OUT");
    if (bits & POLLERR) strcat(text, " ERR");
    if (bits & POLLHUP) strcat(text, " HUP");
    if (bits & POLLRDHUP) strcat(text, " RDHUP");
    if (bits & POLLNVAL) strcat(text, " NVAL");
    return text;
}
static void polled(const char *when, int fd, int timeout_ms) {
    struct pollfd one = {fd, POLLIN | POLLOUT | POLLRDHUP, 0};
    int count = poll(&one, 1, timeout_ms);
    SAY("poll %s: %d%s", when, count, events(one.revents));
}
static void got(const char *what, int fd, int size, int flags) {
    char room[256];
    errno = 0;
    long count = recv(fd, room, size, flags);
    SAY("recv %s: %ld '%.*s' %s", what, count, count > 0 ? (int)count : 0, room, count < 0 ? strerrorname_np(errno) : "");
}
static int watched(int epoll, int timeout_ms) {
    struct epoll_event found[4];
    int count = epoll_wait(epoll, found, 4, timeout_ms);
    if (count > 0) SAY("epoll: %d tag %d%s", count, found[0].data.u32, events(found[0].events));
    else SAY("epoll: %d", count);
    return count;
}
static int watch(int fd, int bits) {
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event event = {bits, {.u32 = 7}};
    epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
    return epoll;
}

static void connecting(void) {
    int fd = plain();
    polled("fresh", fd, 0);
    TRY(go(fd));
    TRY(go(fd));
    polled("connected", fd, 0);
    struct pollfd all = {fd, -1, 0};
    SAY("poll for everything: %d", poll(&all, 1, 0));
    close(fd);
    fd = nonblocking();
    TRY(go(fd));
    struct pollfd one = {fd, POLLOUT, 0};
    SAY("poll: %d%s", poll(&one, 1, 5000), events(one.revents));
    SAY("SO_ERROR %d", so_error(fd));
    TRY(go(fd));
    TRY(go(fd));
    got("nothing", fd, 10, 0);
    close(fd);
}
static void refused(void) {
    int fd = plain();
    TRY(go_wrong(fd));
    SAY("SO_ERROR %d", so_error(fd));
    polled("refused", fd, 0);
    TRY(go(fd));
    TRY(tell(fd, "echo again\n"));
    got("again", fd, 20, MSG_WAITALL & 0);
    close(fd);
    fd = nonblocking();
    int epoll = watch(fd, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET);
    watched(epoll, 0);
    TRY(go_wrong(fd));
    settle();
    polled("refused", fd, 0);
    watched(epoll, 0);
    SAY("SO_ERROR is refused: %d", so_error(fd) == ECONNREFUSED);
    SAY("SO_ERROR %d", so_error(fd));
    polled("told", fd, 0);
    TRY(go(fd));
    close(fd), close(epoll);
    fd = nonblocking();
    TRY(go_wrong(fd));
    settle();
    got("refused", fd, 10, 0);
    close(fd);
    fd = nonblocking();
    TRY(go_wrong(fd));
    settle();
    TRY(go_wrong(fd));
    close(fd);
    fd = nonblocking();
    TRY(go_wrong(fd));
    settle();
    TRY(tell(fd, "echo x\n"));
    TRY(tell(fd, "echo x\n"));
    close(fd);
    fd_set out;
    fd = nonblocking();
    TRY(go_wrong(fd));
    FD_ZERO(&out);
    FD_SET(fd, &out);
    struct timeval patience = {5, 0};
    SAY("select %d %d", select(fd + 1, 0, &out, 0, &patience), FD_ISSET(fd, &out) != 0);
    close(fd);
}
static void unconnected(void) {
    int fd = plain();
    struct sockaddr_in name; socklen_t size = sizeof name;
    got("fresh", fd, 10, 0);
    TRY(tell(fd, "x"));
    TRY(shutdown(fd, SHUT_RDWR));
    TRY(getpeername(fd, (struct sockaddr *)&name, &size));
    TRY(getsockname(fd, (struct sockaddr *)&name, &size));
    SAY("any %d %d", name.sin_addr.s_addr == 0, name.sin_port == 0);
    TRY(accept(fd, 0, 0));
    struct sockaddr_in6 six = {AF_INET6};
    TRY(connect(fd, (struct sockaddr *)&six, sizeof six));
    TRY(connect(fd, (struct sockaddr *)&host, 7));
    TRY(recv(99, &size, 1, 0));
    TRY(recv(0, &size, 1, MSG_DONTWAIT));
    close(fd);
}
static void names(void) {
    int fd = joined();
    struct sockaddr_in name; socklen_t size = sizeof name;
    TRY(getsockname(fd, (struct sockaddr *)&name, &size));
    SAY("%d %d %d %d", size, name.sin_family, name.sin_port != 0, name.sin_addr.s_addr != 0);
    TRY(getpeername(fd, (struct sockaddr *)&name, &size));
    SAY("%d %d", name.sin_port == host.sin_port, name.sin_addr.s_addr == host.sin_addr.s_addr);
    size = 4;
    TRY(getpeername(fd, (struct sockaddr *)&name, &size));
    SAY("size %d", size);
    close(fd);
    struct sockaddr_in6 six = {AF_INET6, host.sin_port};
    char text[64];
    snprintf(text, sizeof text, "::ffff:%s", ip);
    inet_pton(AF_INET6, text, &six.sin6_addr);
    fd = socket(AF_INET6, SOCK_STREAM, 0);
    TRY(connect(fd, (struct sockaddr *)&six, sizeof six));
    socklen_t long_size = sizeof six;
    memset(&six, 0, sizeof six);
    TRY(getpeername(fd, (struct sockaddr *)&six, &long_size));
    SAY("%d mapped %d %d", long_size, IN6_IS_ADDR_V4MAPPED(&six.sin6_addr), six.sin6_port == host.sin_port);
    int value = 0; socklen_t four = sizeof value;
    getsockopt(fd, SOL_SOCKET, SO_TYPE, &value, &four);
    SAY("type %d", value);
    getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &value, &four);
    SAY("domain %d", value);
    value = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &value, sizeof value);
    setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &value, sizeof value);
    value = 5, getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &value, &four);
    SAY("nodelay %d", value);
    value = 5, getsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &value, &four);
    SAY("keepalive %d", value);
    value = 5, getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &value, &four);
    SAY("listening %d", value);
    struct timeval third = {1, 500000}, back = {0, 0}; socklen_t sixteen = sizeof back;
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &third, sizeof third);
    getsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &back, &sixteen);
    SAY("timeout %ld.%06ld", (long)back.tv_sec, (long)back.tv_usec);
    struct linger linger = {1, 3}; socklen_t eight = sizeof linger;
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
    linger.l_onoff = linger.l_linger = 0;
    getsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, &eight);
    SAY("linger %d %d", linger.l_onoff, linger.l_linger);
    TRY(setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &value, 2));
    close(fd);
}
static void data(void) {
    int fd = joined(), count = -1;
    TRY(tell(fd, "echo hello world\n"));
    settle();
    polled("data", fd, 0);
    TRY(ioctl(fd, FIONREAD, &count));
    SAY("waiting %d", count);
    got("peek", fd, 5, MSG_PEEK);
    got("five", fd, 5, 0);
    char a[3], b[10];
    struct iovec parts[2] = {{a, 3}, {b, 10}};
    TRY(readv(fd, parts, 2));
    SAY("'%.3s' '%.3s'", a, b);
    got("nothing", fd, 10, MSG_DONTWAIT);
    TRY(tell(fd, "echo 12345\n"));
    settle();
    TRY(tell(fd, "echo 67890\n"));
    got("all", fd, 10, MSG_WAITALL);
    struct iovec out[2] = {{"echo ab", 7}, {"cd\n", 3}};
    struct msghdr header = {.msg_iov = out, .msg_iovlen = 2};
    TRY(sendmsg(fd, &header, 0));
    settle();
    struct sockaddr_in name;
    struct msghdr in = {.msg_iov = parts, .msg_iovlen = 2, .msg_name = &name, .msg_namelen = sizeof name, .msg_flags = -1};
    TRY(recvmsg(fd, &in, 0));
    SAY("'%.3s' '%.1s' name %d flags %d", a, b, in.msg_namelen, in.msg_flags);
    struct timeval short_time = {0, 50000};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &short_time, sizeof short_time);
    got("timed out", fd, 10, 0);
    tell(fd, "echo 123\n");
    settle();
    got("part", fd, 10, MSG_WAITALL);
    TRY(write(fd, "echo w\n", 7));
    settle();
    TRY(read(fd, a, 3));
    TRY(read(fd, a, 0));
    got("urgent", fd, 1, MSG_OOB);
    close(fd);
}
static void endings(void) {
    int fd = joined();
    int epoll = watch(fd, EPOLLIN | EPOLLRDHUP);
    watched(epoll, 0);
    tell(fd, "echo last\n");
    settle();
    tell(fd, "eof\n");
    settle();
    polled("eof behind data", fd, 0);
    watched(epoll, 0);
    got("data", fd, 20, 0);
    watched(epoll, 0);
    got("eof", fd, 20, 0);
    got("eof", fd, 20, MSG_PEEK);
    polled("eof", fd, 0);
    close(fd), close(epoll);

    fd = joined(), epoll = watch(fd, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET);
    watched(epoll, 0);
    tell(fd, "reset\n");
    settle();
    watched(epoll, 0);
    polled("reset", fd, 0);
    got("reset", fd, 20, 0);
    got("after", fd, 20, 0);
    polled("told", fd, 0);
    TRY(tell(fd, "echo x\n"));
    TRY(go(fd));
    struct sockaddr_in name; socklen_t size = sizeof name;
    TRY(getpeername(fd, (struct sockaddr *)&name, &size));
    TRY(shutdown(fd, SHUT_WR));
    close(fd), close(epoll);
    fd = joined();
    tell(fd, "reset\n");
    settle();
    SAY("SO_ERROR is reset: %d", so_error(fd) == ECONNRESET);
    got("after", fd, 20, 0);
    close(fd);
    fd = joined();
    tell(fd, "echo kept\n");
    settle();
    tell(fd, "reset\n");
    settle();
    TRY(tell(fd, "echo x\n"));
    TRY(tell(fd, "echo x\n"));
    got("kept", fd, 20, 0);
    got("after", fd, 20, 0);
    close(fd);
}
static volatile sig_atomic_t rang;
static void ring(int number) { rang = number; }
static void pipes(void) {
    signal(SIGPIPE, ring);
    int fd = joined();
    tell(fd, "reset\n");
    settle();
    TRY(send(fd, "a\n", 2, 0));
    SAY("signal %d", rang);
    TRY(send(fd, "a\n", 2, 0));
    SAY("signal %d", rang);
    rang = 0;
    TRY(send(fd, "a\n", 2, MSG_NOSIGNAL));
    SAY("signal %d", rang);
    TRY(write(fd, "a\n", 2));
    SAY("signal %d", rang);
    close(fd);
    fd = joined();
    TRY(shutdown(fd, SHUT_WR));
    polled("shut", fd, 0);
    TRY(tell(fd, "echo x\n"));
    TRY(shutdown(fd, 5));
    close(fd);
    signal(SIGPIPE, SIG_DFL);
    if (fork() == 0) {
        fd = joined();
        shutdown(fd, SHUT_WR);
        write(fd, "x", 1);
        _exit(1);
    }
    int status;
    wait(&status);
    SAY("child signalled %d by %d", WIFSIGNALED(status), WTERMSIG(status));
}
static void shut_read(void) {
    int fd = joined();
    tell(fd, "echo in\n");
    settle();
    TRY(shutdown(fd, SHUT_RD));
    polled("shut", fd, 0);
    got("queued", fd, 10, 0);
    got("end", fd, 10, 0);
    TRY(tell(fd, "quiet\n"));
    close(fd);
}
static void edges(void) {
    int fd = joined();
    int epoll = watch(fd, EPOLLIN | EPOLLOUT | EPOLLET);
    watched(epoll, 0);
    watched(epoll, 0);
    tell(fd, "echo one\n");
    watched(epoll, 5000);
    watched(epoll, 50);
    tell(fd, "echo two\n");
    watched(epoll, 5000);
    got("both", fd, 20, 0);
    watched(epoll, 50);
    struct epoll_event event = {EPOLLIN | EPOLLONESHOT, {.u32 = 9}};
    TRY(epoll_ctl(epoll, EPOLL_CTL_MOD, fd, &event));
    watched(epoll, 50);
    tell(fd, "echo three\n");
    watched(epoll, 5000);
    watched(epoll, 50);
    got("three", fd, 2, 0);
    TRY(epoll_ctl(epoll, EPOLL_CTL_MOD, fd, &event));
    watched(epoll, 50);
    event.events = EPOLLIN;
    epoll_ctl(epoll, EPOLL_CTL_MOD, fd, &event);
    watched(epoll, 50);
    watched(epoll, 50);
    TRY(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event));
    int other = dup(fd);
    close(fd);
    watched(epoll, 50);
    close(other);
    watched(epoll, 50);
    close(epoll);
}
static int shared;
static void *reader(void *unused) {
    (void)unused;
    got("in the thread", shared, 20, 0);
    return 0;
}
static void sharing(void) {
    int fd = joined(), copy = dup(fd), status;
    if (fork() == 0) {
        close(copy);
        tell(fd, "echo child\n");
        got("child", fd, 20, 0);
        _exit(0);
    }
    wait(&status);
    close(fd);
    tell(copy, "echo parent\n");
    got("parent", copy, 20, 0);
    TRY(fcntl(copy, F_GETFL) & O_NONBLOCK);
    fcntl(copy, F_SETFL, O_NONBLOCK);
    got("nothing", copy, 20, 0);
    fcntl(copy, F_SETFL, 0);
    pthread_t thread;
    shared = copy;
    pthread_create(&thread, 0, reader, 0);
    settle();
    fd = dup(copy);
    close(copy);
    tell(fd, "echo closed\n");
    pthread_join(thread, 0);
    shared = fd;
    pthread_create(&thread, 0, reader, 0);
    settle();
    shutdown(fd, SHUT_RDWR);
    pthread_join(thread, 0);
    polled("shut", fd, 0);
    close(fd);
}
static void interrupted(void) {
    struct sigaction action = {.sa_handler = ring};
    sigaction(SIGALRM, &action, 0);
    int fd = joined();
    struct itimerval soon = {{0, 0}, {0, 100000}};
    setitimer(ITIMER_REAL, &soon, 0);
    got("interrupted", fd, 20, 0);
    action.sa_flags = SA_RESTART;
    sigaction(SIGALRM, &action, 0);
    rang = 0;
    tell(fd, "quiet\n");
    setitimer(ITIMER_REAL, &soon, 0);
    struct timeval longer = {0, 300000};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &longer, sizeof longer);
    got("with a timeout", fd, 20, 0);
    SAY("rang %d", rang);
    longer.tv_usec = 0;
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &longer, sizeof longer);
    rang = 0;
    shared = fd;
    setitimer(ITIMER_REAL, &soon, 0);
    if (fork() == 0) {
        usleep(400000);
        tell(fd, "echo restarted\n");
        _exit(0);
    }
    got("restarted", fd, 20, 0);
    SAY("rang %d", rang);
    wait(0);
    setitimer(ITIMER_REAL, &soon, 0);
    struct pollfd one = {fd, POLLIN, 0};
    TRY(poll(&one, 1, 2000));
    close(fd);
}

int main(int count, char **words) {
    static const struct { const char *name; void (*play)(void); } scenes[] = {
        {"connecting", connecting}, {"refused", refused}, {"unconnected", unconnected}, {"names", names}, {"data", data},
        {"endings", endings}, {"pipes", pipes}, {"shut_read", shut_read}, {"edges", edges}, {"sharing", sharing},
        {"interrupted", interrupted},
    };
    ip = words[1];
    host.sin_family = AF_INET;
    host.sin_port = htons(atoi(words[2]));
    inet_pton(AF_INET, ip, &host.sin_addr);
    for (unsigned place = 0; place < sizeof scenes / sizeof *scenes; place++)
        if (count < 4 || !strcmp(words[3], scenes[place].name)) {
            SAY("--- %s", scenes[place].name);
            scenes[place].play();
        }
    return 0;
}

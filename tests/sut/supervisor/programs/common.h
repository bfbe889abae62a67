/* What the programs of these tests share: a line for each call, with its result and error. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/select.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define T(call)                                                                              \
    do {                                                                                     \
        errno = 0;                                                                           \
        long result_ = (long)(call);                                                         \
        printf("%s = %ld %s\n", #call, result_, result_ == -1 ? strerrorname_np(errno) : ""); \
    } while (0)

#define SECTION(name) printf("== %s\n", name)

static void begin(const char *directory) {
    setvbuf(stdout, NULL, _IOLBF, 0);
    alarm(0);
    if (chdir(directory) != 0) {
        printf("no directory %s\n", directory);
        exit(2);
    }
}

static inline double now_s(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec + now.tv_nsec / 1e9;
}

/* Milliseconds since `from`, in steps of ten, so that a busy machine does not matter; never less than what passed. */
static inline int tens_of_ms(double from) { return (int)((now_s() - from) * 100 + 0.05) * 10; }

static inline const char *ended(int status) {
    static char text[64];
    if (WIFEXITED(status)) snprintf(text, sizeof text, "exit %d", WEXITSTATUS(status));
    else if (WIFSIGNALED(status)) snprintf(text, sizeof text, "signal %d", WTERMSIG(status));
    else snprintf(text, sizeof text, "status %x", status);
    return text;
}

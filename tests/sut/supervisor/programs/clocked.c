/* What a clock that is set meanwhile does to waits: absolute times by CLOCK_REALTIME move with it, all others do not. */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

static double now(void) { struct timespec at; clock_gettime(CLOCK_MONOTONIC, &at); return at.tv_sec + at.tv_nsec / 1e9; }
static struct timespec in(int clock, int seconds) {
    struct timespec at;
    clock_gettime(clock, &at);
    at.tv_sec += seconds;
    return at;
}
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t never = PTHREAD_COND_INITIALIZER;
static double begun;
#define SAY(...) do { flockfile(stdout); printf("%6.0f s: ", now() - begun); printf(__VA_ARGS__); putchar('\n'); fflush(stdout); \
    funlockfile(stdout); } while (0)

static void *by_condition(void *unused) {
    struct timespec at = in(CLOCK_REALTIME, 3600);
    pthread_mutex_lock(&lock);
    int result = pthread_cond_timedwait(&never, &lock, &at);
    SAY("condition, time of day: %s", strerrorname_np(result));
    pthread_mutex_unlock(&lock);
    return 0;
}
static void *by_sleep(void *unused) {
    struct timespec at = in(CLOCK_REALTIME, 3600);
    clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &at, 0);
    SAY("sleep, time of day");
    return 0;
}
static void *by_monotonic(void *unused) {
    struct timespec at = in(CLOCK_MONOTONIC, 3600);
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, 0);
    SAY("sleep, monotonic");
    return 0;
}
static void *by_length(void *unused) {
    struct timespec hour = {3600, 0};
    clock_nanosleep(CLOCK_REALTIME, 0, &hour, 0);
    SAY("sleep, a length");
    return 0;
}
static void *by_timer(void *cancelled) {
    int fd = timerfd_create(CLOCK_REALTIME, 0);
    struct itimerspec at = {{0, 0}, in(CLOCK_REALTIME, 3600)};
    uint64_t count;
    timerfd_settime(fd, TFD_TIMER_ABSTIME | (cancelled ? TFD_TIMER_CANCEL_ON_SET : 0), &at, 0);
    long size = read(fd, &count, 8);
    SAY("timer%s: %ld %s", cancelled ? " that minds" : "", size, size < 0 ? strerrorname_np(errno) : "");
    return 0;
}
static void *by_signal(void *unused) {
    sigset_t set;
    sigemptyset(&set), sigaddset(&set, SIGUSR1);
    timer_t timer;
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1};
    timer_create(CLOCK_REALTIME, &event, &timer);
    struct itimerspec at = {{0, 0}, in(CLOCK_REALTIME, 3600)};
    timer_settime(timer, TIMER_ABSTIME, &at, 0);
    int got;
    sigwait(&set, &got);
    SAY("signal");
    return 0;
}

int main(void) {
    pthread_t each[7];
    sigset_t set;
    sigemptyset(&set), sigaddset(&set, SIGUSR1);
    pthread_sigmask(SIG_BLOCK, &set, 0);
    begun = now();
    pthread_create(&each[0], 0, by_condition, 0);
    pthread_create(&each[1], 0, by_sleep, 0);
    pthread_create(&each[2], 0, by_monotonic, 0);
    pthread_create(&each[3], 0, by_length, 0);
    pthread_create(&each[4], 0, by_timer, 0);
    pthread_create(&each[5], 0, by_timer, each);
    pthread_create(&each[6], 0, by_signal, 0);
    for (int place = 0; place < 7; place++) pthread_join(each[place], 0);
    return 0;
}

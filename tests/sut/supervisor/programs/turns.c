/* Timers, signals and the order of threads: natively and under the supervisor the same. Usage: turns [SCENE] */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SAY(...) do { printf(__VA_ARGS__); putchar('\n'); fflush(stdout); } while (0)
#define TRY(what) do { errno = 0; long r_ = (what); SAY("%s = %ld %s", #what, r_, r_ < 0 ? strerrorname_np(errno) : ""); } while (0)
/* Pthread calls return their error. */
#define CODE(what) do { int r_ = (what); SAY("%s = %s", #what, r_ ? strerrorname_np(r_) : "0"); } while (0)

static double now(void) { struct timespec at; clock_gettime(CLOCK_MONOTONIC, &at); return at.tv_sec + at.tv_nsec / 1e9; }
/* Time since, in steps of 50 ms: real runs are a little late. */
static int steps(double since) { return (int)((now() - since) / 0.05 + 0.1); }
static struct timespec in(int clock, int ms) {
    struct timespec at;
    clock_gettime(clock, &at);
    at.tv_nsec += ms * 1000000L;
    at.tv_sec += at.tv_nsec / 1000000000, at.tv_nsec %= 1000000000;
    return at;
}

static volatile sig_atomic_t rang, code, value, id;
static void ring(int number, siginfo_t *info, void *unused) {
    (void)unused;
    rang++, code = info->si_code, value = info->si_value.sival_int, id = number;
}
static void handle(int number, int flags) {
    struct sigaction action = {.sa_sigaction = ring, .sa_flags = SA_SIGINFO | flags};
    sigaction(number, &action, 0);
}
static struct itimerspec every(int first_ms, int then_ms) {
    return (struct itimerspec){{then_ms / 1000, then_ms % 1000 * 1000000L}, {first_ms / 1000, first_ms % 1000 * 1000000L}};
}

static void sleeps(void) {
    handle(SIGALRM, SA_RESTART);
    struct itimerval soon = {{0, 0}, {0, 100000}};
    struct timespec second = {1, 0}, left = {9, 9};
    double since = now();
    setitimer(ITIMER_REAL, &soon, 0);
    TRY(nanosleep(&second, &left));
    SAY("after %d, left %d", steps(since), (int)(left.tv_nsec / 5e7 + 1.9));
    setitimer(ITIMER_REAL, &soon, 0);
    struct timespec until = in(CLOCK_MONOTONIC, 1000);
    CODE(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, &left));
    until = in(CLOCK_REALTIME, 150);
    since = now();
    CODE(clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &until, 0));
    SAY("after %d", steps(since));
    CODE(clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &until, 0));
    CODE(clock_nanosleep(77, 0, &until, 0));
    until.tv_nsec = -1;
    CODE(clock_nanosleep(CLOCK_REALTIME, 0, &until, 0));
    alarm(1);
    since = now();
    TRY(pause());
    SAY("after %d, rang %d", steps(since), rang);
    alarm(10);
    SAY("left %u", alarm(0));
}
static void posix_timers(void) {
    timer_t first, second, none;
    handle(SIGUSR1, 0);
    handle(SIGALRM, 0);
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1, .sigev_value.sival_int = 42};
    TRY(timer_create(CLOCK_MONOTONIC, &event, &first));
    TRY(timer_create(CLOCK_REALTIME, 0, &second));
    TRY(timer_create(99, 0, &none));
    struct itimerspec at = every(100, 200), old;
    double since = now();
    TRY(timer_settime(first, 0, &at, 0));
    TRY(pause());
    SAY("after %d: rang %d, signal %d, code %d, value %d", steps(since), rang, id == SIGUSR1, code == SI_TIMER, value);
    TRY(timer_gettime(first, &old));
    SAY("next in %d, every %ld ms", (int)(old.it_value.tv_nsec / 5e7 + 0.9), old.it_interval.tv_nsec / 1000000);
    TRY(pause());
    SAY("after %d", steps(since));
    sigset_t set;
    sigemptyset(&set), sigaddset(&set, SIGUSR1);
    sigprocmask(SIG_BLOCK, &set, 0);
    struct timespec long_time = {0, 650000000};
    nanosleep(&long_time, 0);
    rang = 0;
    sigprocmask(SIG_UNBLOCK, &set, 0);
    SAY("rang %d, overrun %d", rang, timer_getoverrun(first));
    at = every(0, 0);
    TRY(timer_settime(first, 0, &at, &old));
    SAY("was every %ld ms", old.it_interval.tv_nsec / 1000000);
    TRY(timer_gettime(first, &old));
    SAY("off %d", old.it_value.tv_sec == 0 && old.it_value.tv_nsec == 0);
    at = every(0, 0), at.it_value = in(CLOCK_REALTIME, 100);
    TRY(timer_settime(second, TIMER_ABSTIME, &at, 0));
    since = now();
    TRY(pause());
    SAY("after %d: signal %d", steps(since), id == SIGALRM);
    TRY(timer_delete(first));
    TRY(timer_settime(first, 0, &at, 0));
    event.sigev_notify = SIGEV_NONE;
    TRY(timer_create(CLOCK_MONOTONIC, &event, &none));
    at = every(50, 0);
    timer_settime(none, 0, &at, 0);
    usleep(100000);
    timer_gettime(none, &old);
    SAY("none left %ld", old.it_value.tv_nsec);
}
static sem_t posted;
static void by_thread(union sigval told) { SAY("in a thread: %d", told.sival_int); sem_post(&posted); }
static void thread_timer(void) {
    timer_t timer;
    struct sigevent event = {.sigev_notify = SIGEV_THREAD, .sigev_notify_function = by_thread, .sigev_value.sival_int = 7};
    sem_init(&posted, 0, 0);
    TRY(timer_create(CLOCK_MONOTONIC, &event, &timer));
    struct itimerspec at = every(100, 100);
    double since = now();
    timer_settime(timer, 0, &at, 0);
    sem_wait(&posted), sem_wait(&posted);
    SAY("after %d", steps(since));
    timer_delete(timer);
}
static void descriptors(void) {
    int timer = timerfd_create(CLOCK_REALTIME, TFD_NONBLOCK);
    struct itimerspec at = every(100, 100);
    uint64_t count = 0;
    TRY(read(timer, &count, 8));
    timerfd_settime(timer, 0, &at, 0);
    struct pollfd one = {timer, POLLIN};
    double since = now();
    TRY(poll(&one, 1, 2000));
    SAY("after %d", steps(since));
    usleep(230000);
    TRY(read(timer, &count, 8));
    SAY("count %d", (int)count);
    TRY(read(timer, &count, 4));
    sigset_t set;
    sigemptyset(&set), sigaddset(&set, SIGUSR2), sigaddset(&set, SIGCHLD);
    sigprocmask(SIG_BLOCK, &set, 0);
    int fd = signalfd(-1, &set, SFD_CLOEXEC), epoll = epoll_create1(0);
    SAY("made %d, close on exec %d", fd >= 0, fcntl(fd, F_GETFD));
    struct epoll_event event = {EPOLLIN, {.u32 = 5}};
    TRY(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event));
    TRY(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event));
    TRY(epoll_wait(epoll, &event, 1, 50));
    kill(getpid(), SIGUSR2);
    one.fd = fd;
    TRY(poll(&one, 1, 0));
    TRY(epoll_wait(epoll, &event, 1, 1000));
    SAY("tag %d events %x", event.data.u32, event.events);
    struct signalfd_siginfo info;
    TRY(read(fd, &info, sizeof info));
    SAY("signal %d", info.ssi_signo == SIGUSR2);
    TRY(poll(&one, 1, 0));
    pid_t child = fork();
    if (child == 0) { usleep(100000); _exit(3); }
    TRY(epoll_wait(epoll, &event, 1, 5000));
    TRY(read(fd, &info, sizeof info));
    SAY("child %d ended with %d", info.ssi_pid == (uint32_t)child, info.ssi_status);
    waitpid(child, 0, 0);
    event.data.u32 = 6, event.events = EPOLLIN;
    TRY(epoll_ctl(epoll, EPOLL_CTL_MOD, fd, &event));
    child = fork();
    if (child == 0) { usleep(100000); kill(getppid(), SIGUSR2); _exit(0); }
    TRY(read(fd, &info, sizeof info));
    SAY("signal %d", info.ssi_signo == SIGUSR2);
    waitpid(child, 0, 0);
    TRY(epoll_ctl(epoll, EPOLL_CTL_DEL, fd, 0));
    TRY(epoll_wait(epoll, &event, 1, 50));
    fcntl(fd, F_SETFL, O_NONBLOCK);
    TRY(read(fd, &info, sizeof info));
    TRY(read(fd, &info, sizeof info));
    sigemptyset(&set), sigaddset(&set, SIGUSR1);
    sigprocmask(SIG_BLOCK, &set, 0);
    TRY(signalfd(fd, &set, 0) == fd);
    raise(SIGUSR1);
    TRY(read(fd, &info, sizeof info));
}
static void waits(void) {
    sigset_t set;
    sigemptyset(&set), sigaddset(&set, SIGUSR1), sigaddset(&set, SIGALRM);
    pthread_sigmask(SIG_BLOCK, &set, 0);
    timer_t timer;
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1, .sigev_value.sival_int = 9};
    timer_create(CLOCK_MONOTONIC, &event, &timer);
    struct itimerspec at = every(100, 0);
    timer_settime(timer, 0, &at, 0);
    siginfo_t info;
    double since = now();
    struct timespec second = {1, 0};
    TRY(sigtimedwait(&set, &info, &second) == SIGUSR1);
    SAY("after %d: timer %d, value %d", steps(since), info.si_code == SI_TIMER, info.si_value.sival_int);
    union sigval told = {.sival_int = 77};
    sigqueue(getpid(), SIGUSR1, told);
    TRY(sigwaitinfo(&set, &info) == SIGUSR1);
    SAY("queued %d, value %d, own %d", info.si_code == SI_QUEUE, info.si_value.sival_int, info.si_pid == getpid());
    struct timespec tenth = {0, 100000000};
    TRY(sigtimedwait(&set, &info, &tenth));
    int got;
    alarm(1);
    CODE(sigwait(&set, &got));
    SAY("alarm %d", got == SIGALRM);
}

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static pthread_barrier_t barrier;
static pthread_rwlock_t both = PTHREAD_RWLOCK_INITIALIZER;
static int ready, woken;
static void *sleeper(void *unused) {
    (void)unused;
    pthread_mutex_lock(&lock);
    ready++;
    pthread_cond_wait(&changed, &lock);
    woken++;
    pthread_mutex_unlock(&lock);
    return (void *)5;
}
static void *holder(void *unused) {
    (void)unused;
    pthread_rwlock_wrlock(&both);
    pthread_barrier_wait(&barrier);
    usleep(200000);
    pthread_rwlock_unlock(&both);
    return 0;
}
static void cleaned(void *what) { SAY("cleaned %s", (char *)what); }
static void *endless(void *unused) {
    (void)unused;
    pthread_cleanup_push(cleaned, "up");
    for (;;) sleep(1000);
    pthread_cleanup_pop(0);
    return 0;
}
static void threads(void) {
    pthread_t each[4];
    void *result;
    for (int place = 0; place < 4; place++) pthread_create(&each[place], 0, sleeper, 0);
    while (ready < 4) usleep(10000);
    pthread_mutex_lock(&lock);
    pthread_cond_signal(&changed);
    pthread_mutex_unlock(&lock);
    usleep(50000);
    SAY("woken %d", woken);
    pthread_cond_broadcast(&changed);
    for (int place = 0; place < 4; place++) pthread_join(each[place], &result);
    SAY("woken %d, joined with %ld", woken, (long)result);
    pthread_mutex_lock(&lock);
    struct timespec at = in(CLOCK_REALTIME, 100);
    double since = now();
    CODE(pthread_cond_timedwait(&changed, &lock, &at));
    at = in(CLOCK_MONOTONIC, 100);
    CODE(pthread_cond_clockwait(&changed, &lock, CLOCK_MONOTONIC, &at));
    SAY("after %d", steps(since));
    CODE(pthread_mutex_trylock(&lock));
    at = in(CLOCK_REALTIME, 100);
    since = now();
    CODE(pthread_mutex_timedlock(&lock, &at));
    SAY("after %d", steps(since));
    pthread_mutex_unlock(&lock);
    pthread_barrier_init(&barrier, 0, 2);
    pthread_create(each, 0, holder, 0);
    pthread_barrier_wait(&barrier);
    CODE(pthread_rwlock_tryrdlock(&both));
    at = in(CLOCK_REALTIME, 50);
    CODE(pthread_rwlock_timedrdlock(&both, &at));
    since = now();
    CODE(pthread_rwlock_rdlock(&both));
    SAY("waited %d", now() - since > 0.1);
    pthread_rwlock_unlock(&both);
    pthread_join(*each, 0);
    sem_t semaphore;
    sem_init(&semaphore, 0, 1);
    TRY(sem_wait(&semaphore));
    TRY(sem_trywait(&semaphore));
    at = in(CLOCK_REALTIME, 100);
    since = now();
    TRY(sem_timedwait(&semaphore, &at));
    SAY("after %d", steps(since));
    pthread_create(each, 0, endless, 0);
    usleep(50000);
    CODE(pthread_cancel(*each));
    pthread_join(*each, &result);
    SAY("cancelled %d", result == PTHREAD_CANCELED);
    pthread_create(each, 0, endless, 0);
    at = in(CLOCK_REALTIME, 100);
    CODE(pthread_timedjoin_np(*each, &result, &at));
    handle(SIGUSR1, 0);
    rang = 0;
    pthread_kill(*each, SIGUSR1);
    usleep(50000);
    SAY("rang %d", rang);
}
static void *inherits(void *mutex) {
    SAY("robust: %s", strerrorname_np(pthread_mutex_lock(mutex)) ? "owner died" : "?");
    pthread_mutex_consistent(mutex);
    pthread_mutex_unlock(mutex);
    return 0;
}
static void *dies(void *mutex) { pthread_mutex_lock(mutex); usleep(100000); return 0; }
static void *contends(void *mutex) {
    for (int round = 0; round < 3; round++) {
        pthread_mutex_lock(mutex);
        usleep(20000);
        woken++;
        pthread_mutex_unlock(mutex);
    }
    return 0;
}
static void robust(void) {
    pthread_mutex_t mutex;
    pthread_mutexattr_t kind;
    pthread_mutexattr_init(&kind);
    pthread_mutexattr_setrobust(&kind, PTHREAD_MUTEX_ROBUST);
    pthread_mutex_init(&mutex, &kind);
    pthread_t each;
    pthread_create(&each, 0, dies, &mutex), pthread_join(each, 0);
    pthread_create(&each, 0, inherits, &mutex), pthread_join(each, 0);
    pthread_mutex_init(&mutex, &kind);
    pthread_t waiting;
    pthread_create(&each, 0, dies, &mutex);
    usleep(50000);
    pthread_create(&waiting, 0, inherits, &mutex);
    pthread_join(waiting, 0), pthread_join(each, 0);
    pthread_mutexattr_init(&kind);
    pthread_mutexattr_setprotocol(&kind, PTHREAD_PRIO_INHERIT);
    CODE(pthread_mutex_init(&mutex, &kind));
    pthread_t several[3];
    for (int place = 0; place < 3; place++) pthread_create(&several[place], 0, contends, &mutex);
    for (int place = 0; place < 3; place++) pthread_join(several[place], 0);
    SAY("rounds %d", woken);
    pthread_create(&each, 0, dies, &mutex);
    usleep(50000);
    CODE(pthread_mutex_trylock(&mutex));
    struct timespec at = in(CLOCK_REALTIME, 30);
    CODE(pthread_mutex_timedlock(&mutex, &at));
    pthread_join(each, 0);
}

int main(int count, char **words) {
    static const struct { const char *name; void (*play)(void); } scenes[] = {
        {"sleeps", sleeps}, {"posix_timers", posix_timers}, {"thread_timer", thread_timer}, {"descriptors", descriptors},
        {"waits", waits}, {"threads", threads}, {"robust", robust},
    };
    for (unsigned place = 0; place < sizeof scenes / sizeof *scenes; place++)
        if (count < 2 || !strcmp(words[1], scenes[place].name)) {
            SAY("--- %s", scenes[place].name);
            scenes[place].play();
        }
    return 0;
}

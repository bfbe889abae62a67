/* Threads, processes and signals: printed alike by the kernel and by the supervisor. argv[1]: an empty directory. */
#include "common.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static int turn, counter;

static void *take_turns(void *place) {
    for (int round = 0; round < 3; round++) {
        pthread_mutex_lock(&lock);
        while (turn % 3 != (int)(long)place) pthread_cond_wait(&changed, &lock);
        counter = counter * 3 + (int)(long)place;
        turn++;
        pthread_cond_broadcast(&changed);
        pthread_mutex_unlock(&lock);
    }
    return (void *)((long)place + 10);
}

static sem_t *shared_semaphore;
static __thread int own = 5;

static void *thread_local_(void *unused) {
    (void)unused;
    own++;
    pthread_exit((void *)(long)own);
}

static void threads(void) {
    SECTION("threads");
    pthread_t each[3];
    void *result;
    for (long place = 0; place < 3; place++) pthread_create(&each[place], NULL, take_turns, (void *)place);
    for (int place = 0; place < 3; place++) {
        pthread_join(each[place], &result);
        printf("joined %ld\n", (long)result);
    }
    printf("counter %d\n", counter);
    pthread_create(&each[0], NULL, thread_local_, NULL);
    pthread_join(each[0], &result);
    printf("thread-local %ld %d\n", (long)result, own);
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += 20000000;
    if (until.tv_nsec >= 1000000000) until.tv_sec++, until.tv_nsec -= 1000000000;
    pthread_mutex_lock(&lock);
    double from = now_s();
    printf("timed wait %s\n", strerrorname_np(pthread_cond_timedwait(&changed, &lock, &until)));
    printf("waited %d\n", tens_of_ms(from) >= 20);
    printf("trylock %s\n", strerrorname_np(pthread_mutex_trylock(&lock)));
    pthread_mutex_unlock(&lock);
    sem_t semaphore;
    sem_init(&semaphore, 0, 1);
    T(sem_wait(&semaphore));
    T(sem_trywait(&semaphore));
    T(sem_timedwait(&semaphore, &until));
    pthread_barrier_t barrier;
    pthread_barrier_init(&barrier, NULL, 1);
    T(pthread_barrier_wait(&barrier));
    pthread_rwlock_t rw = PTHREAD_RWLOCK_INITIALIZER;
    T(pthread_rwlock_rdlock(&rw));
    T(pthread_rwlock_trywrlock(&rw) == EBUSY);
}

static void children(char *self) {
    SECTION("fork, wait, exec");
    int status;
    T(wait(&status));
    T(waitpid(-1, &status, WNOHANG));
    pid_t me = getpid(), child;
    fflush(stdout);
    if ((child = fork()) == 0) _exit(getppid() == me ? 7 : 8);
    printf("same %d\n", waitpid(child, &status, 0) == child);
    printf("%s\n", ended(status));
    if ((child = fork()) == 0) {
        struct timespec pause = {0, 20000000};
        nanosleep(&pause, NULL);
        _exit(0);
    }
    T(waitpid(child, &status, WNOHANG));
    T(waitpid(child, &status, 0) == child);
    T(waitpid(child, &status, 0));
    if ((child = fork()) == 0) abort();
    waitpid(child, &status, 0);
    printf("%s\n", ended(status & ~0x80));
    if ((child = fork()) == 0) {
        volatile int *nowhere = NULL;
        *nowhere = 1;
    }
    waitpid(child, &status, 0);
    printf("%s\n", ended(status & ~0x80));
    if ((child = fork()) == 0) pause();
    T(kill(child, SIGTERM));
    waitpid(child, &status, 0);
    printf("%s\n", ended(status));
    T(kill(child, SIGTERM));
    int deaf[2]; /* the child tells when it is: no sleep is long enough on a busy machine */
    char told;
    T(pipe(deaf));
    if ((child = fork()) == 0) {
        signal(SIGTERM, SIG_IGN);
        if (write(deaf[1], "d", 1) != 1) _exit(9);
        for (;;) pause();
    }
    struct timespec moment = {0, 10000000};
    T(read(deaf[0], &told, 1));
    close(deaf[0]);
    close(deaf[1]);
    T(kill(child, SIGTERM));
    nanosleep(&moment, NULL);
    T(waitpid(child, &status, WNOHANG));
    T(kill(child, SIGKILL));
    T(waitpid(child, &status, 0) == child);
    printf("%s\n", ended(status));
    siginfo_t info = {0};
    if ((child = fork()) == 0) _exit(3);
    T(waitid(P_PID, child, &info, WEXITED | WNOWAIT));
    printf("%d %d %d\n", info.si_pid == child, info.si_code == CLD_EXITED, info.si_status);
    T(waitid(P_ALL, 0, &info, WEXITED));
    T(waitid(P_ALL, 0, &info, WEXITED));
    pid_t first = fork();
    if (first == 0) _exit(1);
    pid_t second = fork();
    if (second == 0) {
        nanosleep(&moment, NULL);
        _exit(2);
    }
    printf("second %d\n", waitpid(second, &status, 0) == second);
    printf("%s\n", ended(status));
    printf("first %d\n", wait(&status) == first);
    printf("%s\n", ended(status));
    char *arguments[] = {self, "-", "child", NULL}, *environment[] = {"WORD=hello", NULL};
    int kept = open("kept", O_RDWR | O_CREAT, 0600), closed = open("closed", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    write(kept, "abcdef", 6), lseek(kept, 2, SEEK_SET);
    dup2(kept, 40), close(kept), dup3(closed, 41, O_CLOEXEC), close(closed);
    fflush(stdout);
    if ((child = vfork()) == 0) {
        execve(self, arguments, environment);
        _exit(9);
    }
    waitpid(child, &status, 0);
    printf("%s\n", ended(status));
    T(lseek(40, 0, SEEK_CUR));
    int made = posix_spawn(&child, self, NULL, NULL, arguments, environment);
    waitpid(child, &status, 0);
    printf("spawned %d, %s\n", made, ended(status));
    T(posix_spawn(&child, "/usr/bin/nothing", NULL, NULL, arguments, environment) == ENOENT);
    T(execve("zz", arguments, environment));
    T(execve("/usr", arguments, environment));
    T(execve("/etc/hostname", arguments, environment));
    T(WEXITSTATUS(system("exit 3")));
    T(WEXITSTATUS(system("nothing_of_that_name 2>/dev/null")));
    FILE *out = popen("echo hello from sh; echo $WORDS", "r");
    char line[100];
    while (fgets(line, sizeof line, out)) printf("%s", line);
    T(pclose(out));
    out = popen("cat >/dev/null; exit 4", "w");
    fputs("some text\n", out);
    T(WEXITSTATUS(pclose(out)));
    T(WEXITSTATUS(system("echo a | cat | tr a b > sh; read X < sh; test \"$X\" = b")));
    T(WEXITSTATUS(system("(exit 5) & wait $!; exit $?")));
    T(WEXITSTATUS(system("trap 'exit 6' TERM; kill -TERM $$; exit 1")));
    T(WEXITSTATUS(system("i=0; while [ $i -lt 3 ]; do i=$((i+1)); echo $i; done | tail -1 > sh; read X < sh; exit $X")));
    /* An orphan belongs to somebody else. */
    int pipes[2];
    pipe(pipes);
    if ((child = fork()) == 0) {
        if (fork() == 0) {
            nanosleep(&moment, NULL);
            char gone = getppid() == child ? '0' : '1';
            write(pipes[1], &gone, 1);
            _exit(0);
        }
        _exit(0);
    }
    waitpid(child, &status, 0);
    close(pipes[1]);
    T(read(pipes[0], line, 10));
    T(read(pipes[0], line, 10));
    T(wait(&status));
    close(pipes[0]);
}

static int as_child(void) {
    char data[10] = {0};
    const char *word = getenv("WORD");
    ssize_t got = read(40, data, 2);
    printf("child %s %zd %s %d\n", word ? word : "?", got, data, fcntl(41, F_GETFD));
    return 11;
}

static volatile sig_atomic_t rang, last;
static void ring(int number) { rang++, last = number; }

static void on(int number, int flags) {
    struct sigaction action = {0};
    action.sa_handler = ring, action.sa_flags = flags;
    sigaction(number, &action, NULL);
}

static void *reading(void *pipe_) {
    char data[4];
    ssize_t got = read(*(int *)pipe_, data, 4);
    return (void *)(got == -1 && errno == EINTR ? -4L : (long)got);
}

static void signals(void) {
    SECTION("signals");
    int pipes[2], status;
    char data[10];
    pipe(pipes);
    on(SIGALRM, 0);
    double from = now_s();
    struct itimerval in = {{0, 0}, {0, 20000}}, left;
    T(setitimer(ITIMER_REAL, &in, NULL));
    T(pause());
    printf("rang %d after 20 ms: %d\n", rang, tens_of_ms(from) >= 20);
    setitimer(ITIMER_REAL, &in, NULL);
    struct timespec second = {1, 0}, rest = {9, 9};
    T(nanosleep(&second, &rest));
    printf("rest %d\n", rest.tv_sec == 0 && rest.tv_nsec > 500000000 && rest.tv_nsec < 990000000);
    setitimer(ITIMER_REAL, &in, NULL);
    rest.tv_sec = 9;
    T(clock_nanosleep(CLOCK_MONOTONIC, 0, &second, &rest));
    printf("rest %ld\n", rest.tv_sec);
    setitimer(ITIMER_REAL, &in, NULL);
    T(read(pipes[0], data, 1));
    setitimer(ITIMER_REAL, &in, NULL);
    struct pollfd wanted = {pipes[0], POLLIN, 0};
    T(poll(&wanted, 1, 1000));
    setitimer(ITIMER_REAL, &in, NULL);
    T(sem_wait(shared_semaphore));
    on(SIGALRM, SA_RESTART);
    setitimer(ITIMER_REAL, &in, NULL);
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        struct timespec later = {0, 60000000};
        nanosleep(&later, NULL);
        write(pipes[1], "x", 1);
        _exit(0);
    }
    T(read(pipes[0], data, 1));
    waitpid(child, &status, 0);
    printf("rang %d\n", rang);
    setitimer(ITIMER_REAL, &in, NULL);
    T(poll(&wanted, 1, 1000));
    in.it_value.tv_usec = 500000;
    setitimer(ITIMER_REAL, &in, NULL);
    getitimer(ITIMER_REAL, &left);
    printf("left %d\n", left.it_value.tv_sec == 0 && left.it_value.tv_usec > 300000);
    T(alarm(0));
    T(alarm(5));
    T(alarm(0));
    in.it_interval.tv_usec = in.it_value.tv_usec = 10000;
    setitimer(ITIMER_REAL, &in, NULL);
    rang = 0;
    while (rang < 3) pause();
    printf("periodic %d\n", rang >= 3);
    memset(&in, 0, sizeof in);
    setitimer(ITIMER_REAL, &in, NULL);

    on(SIGCHLD, 0);
    rang = 0;
    fflush(stdout);
    if ((child = fork()) == 0) {
        struct timespec later = {0, 20000000};
        nanosleep(&later, NULL);
        _exit(2);
    }
    T(nanosleep(&second, NULL));
    printf("rang %d last %d\n", rang, last);
    T(waitpid(-1, &status, WNOHANG) == child);
    sigset_t mask, pending, none;
    sigemptyset(&none);
    sigemptyset(&mask);
    sigaddset(&mask, SIGUSR1);
    on(SIGUSR1, 0);
    sigprocmask(SIG_BLOCK, &mask, NULL);
    rang = 0;
    T(raise(SIGUSR1));
    T(kill(getpid(), SIGUSR1));
    printf("blocked %d\n", rang);
    sigpending(&pending);
    T(sigismember(&pending, SIGUSR1));
    T(sigsuspend(&none));
    printf("rang %d\n", rang);
    T(raise(SIGUSR1));
    int got = 0;
    T(sigwait(&mask, &got));
    T(got == SIGUSR1);
    struct timespec soon = {0, 20000000};
    siginfo_t info;
    T(sigtimedwait(&mask, &info, &soon));
    union sigval value = {.sival_int = 5};
    T(sigqueue(getpid(), SIGUSR1, value));
    T(sigtimedwait(&mask, &info, &soon) == SIGUSR1);
    printf("%d %d\n", info.si_value.sival_int, info.si_pid == getpid());
    fflush(stdout);
    if ((child = fork()) == 0) {
        struct timespec later = {0, 20000000};
        nanosleep(&later, NULL);
        kill(getppid(), SIGUSR1);
        _exit(0);
    }
    T(sigwaitinfo(&mask, &info));
    printf("from child %d\n", info.si_pid == child);
    waitpid(child, &status, 0);
    sigprocmask(SIG_UNBLOCK, &mask, NULL);

    signal(SIGPIPE, SIG_IGN);
    int broken[2];
    pipe(broken), close(broken[0]);
    T(write(broken[1], "x", 1));
    signal(SIGPIPE, SIG_DFL);
    fflush(stdout);
    if ((child = fork()) == 0) {
        write(broken[1], "x", 1);
        _exit(0);
    }
    waitpid(child, &status, 0);
    printf("%s\n", ended(status));
    on(SIGUSR2, 0);
    pthread_t thread;
    void *result;
    pthread_create(&thread, NULL, reading, &pipes[0]);
    nanosleep(&soon, NULL);
    T(pthread_kill(thread, SIGUSR2));
    pthread_join(thread, &result);
    printf("thread's read %ld\n", (long)result);
    pthread_create(&thread, NULL, reading, &pipes[0]);
    nanosleep(&soon, NULL);
    T(pthread_cancel(thread));
    pthread_join(thread, &result);
    printf("cancelled %d\n", result == PTHREAD_CANCELED);
    T(kill(getpid(), 0));
    T(kill(getpid(), 99));
    T(kill(1 << 22, SIGTERM));
}

/* Two processes that share memory and what lies in it. */
static void shared(void) {
    SECTION("semaphores and mutexes between processes");
    struct timespec moment = {0, 10000000};
    int status;
    pid_t child;
    fflush(stdout);
    if ((child = fork()) == 0) {
        nanosleep(&moment, NULL);
        sem_post(shared_semaphore);
        _exit(0);
    }
    T(sem_wait(shared_semaphore));
    waitpid(child, &status, 0);
    pthread_mutex_t *mutex = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pthread_mutexattr_t kind;
    pthread_mutexattr_init(&kind);
    pthread_mutexattr_setpshared(&kind, PTHREAD_PROCESS_SHARED);
    pthread_mutex_init(mutex, &kind);
    int *value = (int *)(mutex + 1);
    pthread_mutex_lock(mutex);
    if ((child = fork()) == 0) {
        pthread_mutex_lock(mutex);
        *value = *value * 10 + 2;
        pthread_mutex_unlock(mutex);
        _exit(0);
    }
    nanosleep(&moment, NULL);
    *value = *value * 10 + 1;
    pthread_mutex_unlock(mutex);
    waitpid(child, &status, 0);
    printf("value %d\n", *value);
}

int main(int count, char **arguments) {
    if (count > 2) return as_child();
    begin(arguments[1]);
    shared_semaphore = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    sem_init(shared_semaphore, 1, 0);
    threads();
    children(arguments[0]);
    signals();
    shared();
    return 0;
}

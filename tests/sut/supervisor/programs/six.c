/* Six threads whose results depend on who comes first: a queue, a barrier, timeouts, a timer's signals, exchanges with the host,
   and computing between. Usage: six IP PORT */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static pthread_barrier_t round_over;
static pthread_rwlock_t totals = PTHREAD_RWLOCK_INITIALIZER;
static int queue[4096], head, tail, late, journal, total;
static volatile int done, rang;
static struct sockaddr_in host;
enum { ROUNDS = 30 };

static void ring(int number) { rang++; }
static void compute(unsigned seed) {
    volatile unsigned value = seed;
    for (unsigned step = seed % 7 * 3000; step; step--) value = value * 1103515245 + 12345;
}
static void note(const char *who, int what) {
    char line[80];
    struct timespec at;
    clock_gettime(CLOCK_REALTIME, &at);
    int size = snprintf(line, sizeof line, "%ld.%09ld %s %d %d\n", (long)at.tv_sec, at.tv_nsec, who, what, rang);
    write(journal, line, size);
}
static void *producer(void *which) {
    for (int round = 0; round < ROUNDS; round++) {
        unsigned chance;
        getrandom(&chance, sizeof chance, 0);
        compute(chance);
        if (chance % 3) usleep(chance % 5 * 1000);
        pthread_mutex_lock(&lock);
        queue[tail++] = (long)which * 1000 + round;
        pthread_cond_signal(&changed);
        pthread_mutex_unlock(&lock);
        pthread_rwlock_wrlock(&totals);
        total += round;
        pthread_rwlock_unlock(&totals);
        pthread_barrier_wait(&round_over);
    }
    return 0;
}
static void *consumer(void *unused) {
    while (!done || head < tail) {
        struct timespec until;
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_nsec += 2000000;
        until.tv_sec += until.tv_nsec / 1000000000, until.tv_nsec %= 1000000000;
        pthread_mutex_lock(&lock);
        while (head == tail && !done)
            if (pthread_cond_timedwait(&changed, &lock, &until)) { late++; break; }
        int item = head < tail ? queue[head++] : -1;
        pthread_mutex_unlock(&lock);
        if (item >= 0) note("took", item), fsync(journal);
    }
    return 0;
}
static void *caller(void *unused) {
    char room[64];
    for (int round = 0; round < ROUNDS; round++) {
        int fd = socket(AF_INET, SOCK_STREAM, 0);
        connect(fd, (struct sockaddr *)&host, sizeof host);
        int size = snprintf(room, sizeof room, "echo %d\n", tail);
        send(fd, room, size, 0);
        size = recv(fd, room, sizeof room, 0);
        note("heard", size > 0 ? atoi(room) : -1);
        close(fd);
    }
    return 0;
}

int main(int count, char **words) {
    host.sin_family = AF_INET, host.sin_port = htons(atoi(words[2]));
    inet_pton(AF_INET, words[1], &host.sin_addr);
    journal = open("/journal", O_WRONLY | O_CREAT | O_APPEND, 0600);
    struct sigaction action = {.sa_handler = ring, .sa_flags = SA_RESTART};
    sigaction(SIGUSR1, &action, 0);
    timer_t timer;
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1};
    timer_create(CLOCK_MONOTONIC, &event, &timer);
    struct itimerspec every = {{0, 7000000}, {0, 7000000}};
    timer_settime(timer, 0, &every, 0);
    pthread_barrier_init(&round_over, 0, 3);
    pthread_t each[5];
    for (long place = 0; place < 3; place++) pthread_create(&each[place], 0, producer, (void *)place);
    pthread_create(&each[3], 0, consumer, 0);
    pthread_create(&each[4], 0, caller, 0);
    for (int place = 0; place < 3; place++) pthread_join(each[place], 0);
    pthread_join(each[4], 0);
    pthread_mutex_lock(&lock);
    done = 1;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
    pthread_join(each[3], 0);
    printf("took %d, late %d, total %d, rang %d\n", head, late, total, rang);
    return 0;
}

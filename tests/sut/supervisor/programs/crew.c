/* Six threads: four that sleep and push, one that takes with a deadline and writes, one that ticks. The journal tells the order. */
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t some = PTHREAD_COND_INITIALIZER;
static int queue[100000], head, tail, ticks, rounds, over;
static void *push(void *which) {
    for (int i = 0; i < rounds; i++) {
        usleep(120000000);
        pthread_mutex_lock(&lock);
        queue[tail++] = (int)(long)which * 10000 + i;
        pthread_cond_signal(&some);
        pthread_mutex_unlock(&lock);
    }
    return 0;
}
static void *tick(void *unused) {
    while (!over) {
        usleep(7000000);
        ticks++;
    }
    return 0;
}
static void *take(void *unused) {
    int file = open("/journal", O_WRONLY | O_CREAT | O_APPEND, 0644), late = 0;
    for (int taken = 0; taken < 4 * rounds;) {
        pthread_mutex_lock(&lock);
        struct timespec until;
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_sec += 7;
        while (head == tail)
            if (pthread_cond_timedwait(&some, &lock, &until)) {
                late++;
                break;
            }
        int value = head < tail ? queue[head++] : -1;
        pthread_mutex_unlock(&lock);
        if (value >= 0) {
            dprintf(file, "%d %d %d\n", value, late, ticks);
            fsync(file);
            taken++;
        }
    }
    over = 1;
    return 0;
}
int main(int count, char **words) {
    rounds = count > 1 ? atoi(words[1]) : 5;
    pthread_t threads[6];
    pthread_create(&threads[0], 0, take, 0);
    pthread_create(&threads[1], 0, tick, 0);
    for (long i = 0; i < 4; i++) pthread_create(&threads[2 + i], 0, push, (void *)i);
    for (int i = 0; i < 6; i++) pthread_join(threads[i], 0);
    puts("done");
    return 0;
}

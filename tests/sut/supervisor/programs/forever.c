/* A till's interface that nobody connects to: the accept waits while another thread goes on. Usage: forever PORT */
#include <arpa/inet.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static void *listens(void *port) {
    struct sockaddr_in at = {AF_INET, htons((long)port)};
    int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(fd, (struct sockaddr *)&at, sizeof at) || listen(fd, 5)) perror("listen");
    accept(fd, 0, 0);
    puts("somebody came");
    return 0;
}

int main(int count, char **words) {
    pthread_t thread;
    pthread_create(&thread, 0, listens, (void *)atol(words[1]));
    for (int hour = 0; hour < 14; hour++) sleep(3600);
    puts("nobody came");
    return 0;
}

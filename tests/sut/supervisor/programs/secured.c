/* A client of TLS. Usage: secured IP PORT NAME VERSION [SLEEP_S], VERSION 12 or 13, NAME "-" to check none, "plain" for no TLS. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static double now(void) { struct timespec at; clock_gettime(CLOCK_MONOTONIC, &at); return at.tv_sec + at.tv_nsec / 1e9; }

int main(int count, char **words) {
    setvbuf(stdout, 0, _IOLBF, 0);
    struct sockaddr_in host = {AF_INET, htons(atoi(words[2]))};
    inet_pton(AF_INET, words[1], &host.sin_addr);
    if (count > 5) sleep(atoi(words[5]));
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    struct timeval patience = {30, 0};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    if (connect(fd, (struct sockaddr *)&host, sizeof host)) { perror("connect"); return 1; }
    char room[100];
    if (!strcmp(words[3], "plain")) {
        send(fd, "echo hello\n", 11, 0);
        long size = recv(fd, room, 100, 0);
        printf("plain: %ld, first byte %d\n", size, room[0]);
        printf("then: %ld\n", (long)recv(fd, room, 100, 0));
        return 0;
    }
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_max_proto_version(context, atoi(words[4]) == 12 ? TLS1_2_VERSION : TLS1_3_VERSION);
    SSL_CTX_set_default_verify_paths(context);
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, 0);
    SSL *tls = SSL_new(context);
    if (strcmp(words[3], "-")) {
        SSL_set_tlsext_host_name(tls, words[3]);
        SSL_set1_host(tls, words[3]);
    }
    SSL_set_fd(tls, fd);
    double since = now();
    int done = SSL_connect(tls);
    printf("handshake %d in %.1f ms\n", done, 1000 * (now() - since));
    if (done != 1) {
        printf("%s; errno %s\n", X509_verify_cert_error_string(SSL_get_verify_result(tls)), errno ? strerrorname_np(errno) : "");
        return 1;
    }
    printf("%s %s\n", SSL_get_version(tls), SSL_get_cipher(tls));
    for (int round = 0; round < 3; round++) {
        since = now();
        SSL_write(tls, "echo hello\n", 11);
        int size = SSL_read(tls, room, 100);
        printf("'%.*s' after %.1f ms\n", size > 0 ? size : 0, room, 1000 * (now() - since));
        sleep(60);
    }
    SSL_write(tls, "eof\n", 4);
    int size = SSL_read(tls, room, 100);
    printf("end: %d, %d\n", size, SSL_get_error(tls, size) == SSL_ERROR_ZERO_RETURN);
    SSL_shutdown(tls);
    printf("closed: %zd\n", recv(fd, room, 100, 0));
    return 0;
}

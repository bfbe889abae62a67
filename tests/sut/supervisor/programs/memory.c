/* Files mapped into memory, and locks on them: printed alike on a real tmpfs and on the device's volume. argv[1]: an empty directory. */
#include "common.h"

static char data[20000];

static void bytes(const char *what, const char *at, int count) {
    printf("%s:", what);
    for (int place = 0; place < count; place++) printf(at[place] >= ' ' && at[place] < 127 ? "%c" : "\\%02x", (unsigned char)at[place]);
    printf("\n");
}

static void mapped(void) {
    SECTION("mappings");
    int fd = open("m", O_RDWR | O_CREAT, 0600), again, reader;
    memset(data, '.', sizeof data);
    write(fd, data, 10000);
    char *shared = mmap(NULL, 10000, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    char *private = mmap(NULL, 10000, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
    T(shared != MAP_FAILED);
    T(private != MAP_FAILED);
    memcpy(shared + 100, "stored", 6);
    T(pread(fd, data, 10, 98));
    bytes("read after a store", data, 10);
    memcpy(private + 4000, "hidden", 6);
    T(pread(fd, data, 10, 3998));
    bytes("read after a private store", data, 10);
    T(pwrite(fd, "written", 7, 200));
    bytes("mapped after a write", shared + 198, 11);
    bytes("private after a write", private + 198, 11);
    again = open("m", O_RDWR);
    char *other = mmap(NULL, 10000, PROT_READ | PROT_WRITE, MAP_SHARED, again, 0);
    memcpy(other + 300, "other", 5);
    bytes("the first sees", shared + 299, 7);
    T(msync(shared, 10000, MS_SYNC));
    T(msync(shared, 10000, MS_ASYNC));
    T(msync(shared + 1, 10, MS_SYNC));
    T(msync(shared, 10, 77));
    T(close(fd));
    memcpy(shared + 8190, "across", 6);
    T(pread(again, data, 8, 8189));
    bytes("after close", data, 8);
    T(munmap(other, 10000));
    memcpy(shared + 400, "late", 4);
    T(munmap(shared, 10000));
    T(pread(again, data, 6, 399));
    bytes("after munmap", data, 6);
    reader = open("m", O_RDONLY);
    T(mmap(NULL, 10, PROT_READ | PROT_WRITE, MAP_SHARED, reader, 0) == MAP_FAILED ? errno : 0);
    T(mmap(NULL, 10, PROT_READ | PROT_WRITE, MAP_PRIVATE, reader, 0) == MAP_FAILED ? errno : 0);
    T(mmap(NULL, 0, PROT_READ, MAP_PRIVATE, reader, 0) == MAP_FAILED ? errno : 0);
    T(mmap(NULL, 10, PROT_READ, MAP_PRIVATE, reader, 100) == MAP_FAILED ? errno : 0);
    T(mmap(NULL, 10, PROT_READ, MAP_PRIVATE, 900, 0) == MAP_FAILED ? errno : 0);
    int writer = open("m", O_WRONLY);
    T(mmap(NULL, 10, PROT_WRITE, MAP_SHARED, writer, 0) == MAP_FAILED ? errno : 0);
    int directory = open(".", O_RDONLY);
    T(mmap(NULL, 10, PROT_READ, MAP_PRIVATE, directory, 0) == MAP_FAILED ? errno : 0);
    shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, again, 4096);
    memcpy(shared, "offset", 6);
    T(pread(again, data, 8, 4095));
    bytes("at an offset", data, 8);
    T(pread(reader, data, 8, 4095));
    bytes("through another", data, 8);
    T(mprotect(shared, 4096, PROT_READ));
    T(mprotect(shared, 4096, PROT_READ | PROT_WRITE));
    close(again);
    fflush(stdout);
    if (fork() == 0) {
        memcpy(shared + 10, "child", 5);
        _exit(0);
    }
    wait(NULL);
    bytes("from the child", shared + 9, 7);
    T(pread(reader, data, 7, 4096 + 9));
    bytes("read", data, 7);
    struct stat found;
    T(fstat(reader, &found));
    T(found.st_size);
    close(reader), close(writer), close(directory);
    munmap(shared, 4096);
}

static void grown(void) {
    SECTION("mapped and grown");
    int fd = open("g", O_RDWR | O_CREAT, 0600);
    ftruncate(fd, 4096);
    char *at = mmap(NULL, 16384, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    memcpy(at + 4000, "first", 5);
    T(ftruncate(fd, 16384));
    bytes("new page", at + 8192, 3);
    memcpy(at + 8192, "second", 6);
    T(pread(fd, data, 6, 8192));
    bytes("read", data, 6);
    T(pwrite(fd, "third", 5, 12288));
    bytes("mapped", at + 12288, 6);
    T(ftruncate(fd, 8192));
    T(ftruncate(fd, 16384));
    bytes("cut and grown", at + 8192, 6);
    bytes("kept", at + 4000, 6);
    at = mremap(at, 16384, 20480, MREMAP_MAYMOVE);
    T(at != MAP_FAILED);
    T(ftruncate(fd, 20480));
    memcpy(at + 16384, "fourth", 6);
    T(lseek(fd, 16384, SEEK_SET));
    T(read(fd, data, 7));
    bytes("read", data, 7);
    T(unlink("g"));
    memcpy(at, "gone", 4);
    T(pread(fd, data, 4, 0));
    bytes("unlinked", data, 4);
    int other = open("g2", O_RDWR | O_CREAT, 0600);
    write(other, "x", 1);
    char *small = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, other, 0);
    memcpy(small + 1, "beyond", 6);
    struct stat found;
    T(fstat(other, &found));
    T(found.st_size);
    T(pread(other, data, 10, 0));
    T(rename("g2", "g3"));
    small[0] = 'y';
    T(pread(other, data, 10, 0));
    bytes("renamed", data, 1);
    int third = open("g3", O_RDONLY);
    T(read(third, data, 10));
    bytes("anew", data, 1);
    char *anonymous = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    fflush(stdout);
    if (fork() == 0) {
        strcpy(anonymous, "from below");
        _exit(0);
    }
    wait(NULL);
    printf("%s\n", anonymous);
    T(madvise(anonymous, 8192, MADV_DONTNEED));
    T(munmap(anonymous, 8192));
    T(munmap((void *)1, 10));
    T(brk(sbrk(0)));
    T(sbrk(4096) != (void *)-1);
}

static int lock(int fd, int command, int kind, long start, long length) {
    struct flock wanted = {kind, SEEK_SET, start, length, 0};
    return fcntl(fd, command, &wanted);
}

static const char *who(int fd, int kind, long start, long length, pid_t parent) {
    static char text[80];
    struct flock wanted = {kind, SEEK_SET, start, length, 0};
    if (fcntl(fd, F_GETLK, &wanted) != 0) return strerrorname_np(errno);
    if (wanted.l_type == F_UNLCK) return "free";
    snprintf(text, sizeof text, "kind %d from %ld for %ld by the parent %d", wanted.l_type, (long)wanted.l_start, (long)wanted.l_len, wanted.l_pid == parent);
    return text;
}

static void locks(void) {
    SECTION("record locks");
    int fd = open("l", O_RDWR | O_CREAT, 0600), status;
    write(fd, "0123456789", 10);
    T(lock(fd, F_SETLK, F_WRLCK, 0, 4));
    T(lock(fd, F_SETLK, F_RDLCK, 6, 0));
    T(lock(fd, F_SETLK, F_WRLCK, 2, 4));
    T(lock(fd, F_SETLK, F_RDLCK, -1, 4));
    T(lock(fd, F_SETLK, 77, 0, 4));
    printf("mine: %s\n", who(fd, F_WRLCK, 0, 0, getpid()));
    fflush(stdout);
    pid_t parent = getpid();
    if (fork() == 0) {
        int own = open("l", O_RDWR);
        T(lock(own, F_SETLK, F_WRLCK, 0, 1) == -1 && (errno == EAGAIN || errno == EACCES));
        T(lock(own, F_SETLK, F_RDLCK, 8, 1));
        T(lock(own, F_SETLK, F_WRLCK, 8, 1) == -1 && (errno == EAGAIN || errno == EACCES));
        printf("%s\n", who(own, F_WRLCK, 0, 1, getppid()));
        printf("%s\n", who(own, F_WRLCK, 7, 1, getppid()));
        printf("%s\n", who(own, F_RDLCK, 7, 1, getppid()));
        printf("%s\n", who(own, F_WRLCK, 5, 1, getppid()));
        int inherited = lock(fd, F_SETLK, F_WRLCK, 0, 1);
        printf("inherited %d\n", inherited);
        fflush(stdout);
        _exit(0);
    }
    wait(&status);
    T(lock(fd, F_SETLK, F_UNLCK, 1, 2));
    fflush(stdout);
    if (fork() == 0) {
        int own = open("l", O_RDWR);
        printf("%s\n", who(own, F_WRLCK, 1, 1, parent));
        printf("%s\n", who(own, F_WRLCK, 0, 0, parent));
        struct timespec moment = {0, 10000000};
        T(lock(own, F_SETLKW, F_WRLCK, 0, 0));
        fflush(stdout);
        _exit(9);
    }
    struct timespec moment = {0, 20000000};
    nanosleep(&moment, NULL);
    int second = open("l", O_RDONLY);
    T(close(second)); /* all locks of this process on the file go */
    wait(&status);
    printf("%s\n", ended(status));
    T(lock(fd, F_SETLK, F_WRLCK, 0, 0));
    T(lock(fd, F_SETLK, F_UNLCK, 0, 0));
    int reader = open("l", O_RDONLY);
    T(lock(reader, F_SETLK, F_WRLCK, 0, 0));
    T(lock(reader, F_SETLK, F_RDLCK, 0, 0));
    T(lock(reader, F_SETLK, F_UNLCK, 0, 0));
    struct flock relative = {F_WRLCK, SEEK_END, -2, 2, 0};
    T(fcntl(fd, F_SETLK, &relative));
    fflush(stdout);
    if (fork() == 0) {
        printf("%s\n", who(fd, F_WRLCK, 0, 0, parent));
        fflush(stdout);
        _exit(0);
    }
    wait(&status);
    T(lockf(fd, F_TEST, 0));
    int one = open("l", O_RDWR), two = open("l", O_RDWR);
    T(lock(one, F_OFD_SETLK, F_WRLCK, 0, 1));
    T(lock(two, F_OFD_SETLK, F_WRLCK, 0, 1));
    T(lock(two, F_OFD_SETLK, F_WRLCK, 1, 1));
    close(one);
    T(lock(two, F_OFD_SETLK, F_WRLCK, 0, 1));
    T(lock(two, F_SETLEASE, F_RDLCK, 0, 0) == -1);
}

int main(int count, char **arguments) {
    (void)count;
    begin(arguments[1]);
    mapped();
    grown();
    locks();
    return 0;
}

/* Files by every call: printed alike on a real tmpfs and on the device's volume. argv[1]: an empty directory. */
#include "common.h"

static void show(const char *path) {
    struct stat found;
    if (lstat(path, &found) != 0) {
        printf("%s: %s\n", path, strerrorname_np(errno));
        return;
    }
    printf("%s: mode %o links %ld size %ld\n", path, found.st_mode, (long)found.st_nlink,
           S_ISREG(found.st_mode) || S_ISLNK(found.st_mode) ? (long)found.st_size : -1L);
}

static void content(const char *path) {
    char data[256];
    int fd = open(path, O_RDONLY);
    ssize_t got = fd < 0 ? -1 : read(fd, data, sizeof data);
    if (fd >= 0) close(fd);
    printf("%s holds %zd:", path, got);
    for (ssize_t at = 0; at < got; at++) printf(data[at] >= ' ' && data[at] < 127 ? "%c" : "\\%02x", (unsigned char)data[at]);
    printf("\n");
}

static void put(const char *path, const char *text) {
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    if (write(fd, text, strlen(text)) < 0) printf("put failed\n");
    close(fd);
}

static void offsets(void) {
    SECTION("offsets, O_APPEND, dup, fork");
    char data[64];
    int a, b, c;
    T(a = open("f", O_RDWR | O_CREAT | O_EXCL, 0640));
    T(open("f", O_RDWR | O_CREAT | O_EXCL, 0640));
    T(write(a, "0123456789", 10));
    T(b = dup(a));
    T(lseek(b, 3, SEEK_SET));
    T(read(a, data, 2));
    T(lseek(b, 0, SEEK_CUR));
    T(c = open("f", O_WRONLY | O_APPEND));
    T(write(c, "abc", 3));
    T(lseek(c, 0, SEEK_CUR));
    T(pwrite(c, "XY", 2, 0));
    content("f");
    T(lseek(c, -1, SEEK_SET));
    T(lseek(c, 100, SEEK_END));
    T(write(c, "z", 1));
    content("f");
    T(lseek(a, 1, 77));
    T(read(c, data, 1));
    T(fcntl(c, F_GETFL) & (O_ACCMODE | O_APPEND));
    T(fcntl(a, F_SETFL, O_APPEND));
    T(lseek(a, 0, SEEK_SET));
    T(write(a, "!", 1));
    T(lseek(b, 0, SEEK_CUR));
    T(fcntl(b, F_GETFL) & (O_ACCMODE | O_APPEND));
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        lseek(a, 5, SEEK_SET);
        _exit(close(b));
    }
    waitpid(child, NULL, 0);
    T(lseek(a, 0, SEEK_CUR));
    T(pread(a, data, 3, 1));
    T(pread(a, data, 3, -1));
    T(pread(a, data, 3, 1000));
    struct iovec parts[3] = {{data, 2}, {data + 2, 0}, {data + 2, 3}};
    T(readv(a, parts, 3));
    T(preadv(a, parts, 3, 2));
    T(writev(a, parts, 3));
    T(pwritev(a, parts, 3, 0));
    T(readv(a, parts, -1));
    T(preadv2(a, parts, 3, -1, 0));
    T(ftruncate(a, 20));
    T(ftruncate(a, -1));
    T(truncate("f", 5));
    T(truncate("missing", 5));
    content("f");
    T(ftruncate(c, 8));
    content("f");
    T(posix_fallocate(a, 0, 12));
    show("f");
    T(lseek(a, 0, SEEK_DATA));
    T(lseek(a, 0, SEEK_HOLE));
    T(lseek(a, 100, SEEK_DATA));
    T(fsync(a));
    T(fdatasync(a));
    T(fsync(999));
    T(close(a));
    T(close(a));
    T(write(a, "x", 1));
    T(close(b));
    T(close(c));
    int r = open("f", O_RDONLY);
    T(write(r, "x", 1));
    T(ftruncate(r, 0));
    T(open("f", O_WRONLY | O_TRUNC) > 0);
    show("f");
    T(read(r, (void *)1, 10));
    T(write(1, NULL, 0));
    close(r);
}

static void names(void) {
    SECTION("names");
    char data[256];
    struct stat found;
    T(mkdir("d", 0755));
    T(mkdir("d", 0755));
    T(mkdir("d/e", 0700));
    T(mkdir("x/y", 0700));
    T(rmdir("d"));
    T(rmdir("f"));
    T(unlink("d"));
    T(unlink("nothing"));
    T(open("d", O_WRONLY));
    T(open("f/", O_RDONLY));
    T(open("f/x", O_RDONLY));
    T(open("", O_RDONLY));
    T(open("new/", O_WRONLY | O_CREAT, 0600));
    T(open("d", O_RDONLY | O_CREAT, 0600));
    int d;
    T(d = open("d", O_RDONLY | O_DIRECTORY));
    T(open("f", O_RDONLY | O_DIRECTORY));
    T(read(d, data, 10));
    T(write(d, data, 10));
    T(openat(d, "g", O_WRONLY | O_CREAT, 0666) > 0);
    T(fstatat(d, "g", &found, 0));
    T(fstatat(d, "../f", &found, 0));
    T(fstatat(d, "", &found, 0));
    T(fstatat(d, "", &found, AT_EMPTY_PATH));
    T(fstatat(d, "g", &found, 0x40000000));
    T(mkdirat(d, "h", 0711));
    T(unlinkat(d, "h", 0));
    T(unlinkat(d, "h", AT_REMOVEDIR));
    T(unlinkat(d, "h", AT_REMOVEDIR));
    T(renameat(d, "g", AT_FDCWD, "g2"));
    T(linkat(AT_FDCWD, "g2", d, "g3", 0));
    T(link("g2", "g3"));
    T(link("g2", "g3"));
    T(link("d", "d2"));
    show("g2");
    T(symlinkat("g2", AT_FDCWD, "s"));
    T(symlink("s", "ss"));
    T(symlink("loop", "loop"));
    T(symlink("missing", "dangling"));
    T(symlink("", "empty"));
    memset(data, 0, sizeof data);
    T(readlink("ss", data, sizeof data));
    T(readlink("ss", data, 0));
    T(readlinkat(AT_FDCWD, "s", data, 1));
    T(readlink("f", data, sizeof data));
    T(open("loop", O_RDONLY));
    T(open("ss", O_RDONLY | O_NOFOLLOW));
    T(open("dangling", O_RDONLY));
    T(open("dangling", O_WRONLY | O_CREAT | O_EXCL, 0600));
    T(open("dangling", O_WRONLY | O_CREAT, 0600) > 0);
    show("missing");
    show("ss");
    T(stat("ss", &found));
    T(access("f", R_OK | W_OK));
    T(access("f", X_OK));
    T(access("zz", F_OK));
    T(faccessat(d, "g3", F_OK, 0));
    T(chmod("f", 0755));
    T(access("f", X_OK));
    T(fchmodat(AT_FDCWD, "f", 0600, 0));
    show("f");
    T(umask(027));
    T(close(creat("masked", 0666)));
    show("masked");
    T(mkdir("masked.d", 0777));
    show("masked.d");
    T(umask(022));
    T(rename("g2", "f"));
    show("f");
    T(rename("d", "f"));
    T(rename("f", "d"));
    T(rename("d", "d/e/under"));
    T(rename("masked.d", "d"));
    T(rename("zz", "zzz"));
    T(rename("f", "g3"));
    show("f");
    T(rename("g3", "g3"));
    T(renameat2(AT_FDCWD, "g3", AT_FDCWD, "masked", RENAME_NOREPLACE));
    show("g3");
    show("masked");
    char longest[300];
    memset(longest, 'n', sizeof longest);
    longest[255] = 0;
    T(close(creat(longest, 0600)));
    longest[255] = 'n', longest[256] = 0;
    T(creat(longest, 0600));
    T(unlink("d/"));
    T(rmdir("d/e/."));
    T(rmdir("d/e/.."));
    T(rename("d/e", "."));
    T(fchmod(d, 0700));
    show("d");
    T(close(d));
}

static void unlinked(void) {
    SECTION("unlinked but open");
    char data[8];
    struct stat found;
    int fd = open("u", O_RDWR | O_CREAT, 0600);
    T(write(fd, "abc", 3));
    T(unlink("u"));
    T(fstat(fd, &found));
    T(found.st_nlink);
    T(found.st_size);
    T(pread(fd, data, 8, 0));
    T(linkat(fd, "", AT_FDCWD, "again", AT_EMPTY_PATH));
    T(close(fd));
    int path = open("f", O_PATH);
    T(path >= 0);
    T(read(path, data, 1));
    close(path);
    FILE *file = tmpfile();
    T(file != NULL);
}

static int by_name(const struct dirent **a, const struct dirent **b) { return strcmp((*a)->d_name, (*b)->d_name); }

static void listing(void) {
    SECTION("directories");
    mkdir("list", 0700);
    put("list/b", "b");
    put("list/a", "a");
    mkdir("list/c", 0700);
    symlink("a", "list/l");
    struct dirent **entries;
    int count = scandir("list", &entries, NULL, by_name);
    for (int at = 0; at < count; at++) printf("%s type %d\n", entries[at]->d_name, entries[at]->d_type);
    DIR *open_ = opendir("list");
    int seen = 0;
    while (readdir(open_)) seen++;
    printf("%d entries\n", seen);
    put("list/d", "d");
    rewinddir(open_);
    for (seen = 0; readdir(open_); seen++) {}
    printf("%d entries after rewinddir\n", seen);
    rewinddir(open_);
    readdir(open_), readdir(open_), readdir(open_);
    long place = telldir(open_);
    char third[300];
    strcpy(third, readdir(open_)->d_name);
    readdir(open_);
    seekdir(open_, place);
    printf("seekdir %s\n", strcmp(third, readdir(open_)->d_name) == 0 ? "came back" : "went elsewhere");
    closedir(open_);
    open_ = opendir("list");
    seen = 0;
    for (struct dirent *each; (each = readdir(open_));)
        if (each->d_type == DT_REG) {
            char path[300];
            snprintf(path, sizeof path, "list/%s", each->d_name);
            seen += unlink(path) == 0;
        }
    printf("%d removed while listing\n", seen);
    closedir(open_);
    int fd = open("list", O_RDONLY);
    rmdir("list/c"), unlink("list/l");
    T(rmdir("list"));
    open_ = fdopendir(fd);
    for (seen = 0; readdir(open_); seen++) {}
    printf("%d entries in a removed directory\n", seen);
    T(openat(fd, "x", O_CREAT | O_WRONLY, 0600));
    closedir(open_);
}

static const char *here(const char *top) {
    static char path[4096];
    if (!getcwd(path, sizeof path)) return strerrorname_np(errno);
    return strncmp(path, top, strlen(top)) == 0 ? path + strlen(top) : path;
}

static void directories(const char *top) {
    SECTION("working directory");
    char small[2];
    mkdir("w", 0755), mkdir("w/v", 0755);
    T(chdir("w"));
    printf("at %s\n", here(top));
    T(chdir("v"));
    printf("at %s\n", here(top));
    T(chdir(".."));
    printf("at %s\n", here(top));
    T(chdir("nothing"));
    T(chdir("../f"));
    symlink("v", "link");
    T(chdir("link"));
    printf("at %s\n", here(top));
    T(rename("../../w", "../../w2"));
    printf("at %s\n", here(top));
    int fd = open(top, O_RDONLY);
    T(fchdir(fd));
    printf("at %s\n", here(top));
    T((long)syscall(SYS_getcwd, small, sizeof small));
    fflush(stdout);
    if (fork() == 0) _exit(chdir("w2"));
    wait(NULL);
    printf("at %s\n", here(top));
    mkdir("gone", 0755);
    chdir("gone");
    T(rmdir("../gone"));
    printf("at %s\n", here(top));
    T(open("x", O_CREAT | O_WRONLY, 0600));
    T(open("../y", O_CREAT | O_WRONLY, 0600) >= 0);
    T(fchdir(fd));
    T(fchdir(12345));
    close(fd);
    fd = open("masked", O_RDONLY);
    T(fchdir(fd));
    close(fd);
}

static void descriptors(void) {
    SECTION("descriptors");
    int a = open("desc", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    T(fcntl(a, F_GETFD));
    T(fcntl(a, F_SETFD, 0));
    T(fcntl(a, F_GETFD));
    int b;
    T((b = fcntl(a, F_DUPFD, 50)));
    T(fcntl(a, F_DUPFD_CLOEXEC, 50));
    T(fcntl(51, F_GETFD));
    T(dup2(a, 60));
    T(dup2(60, 60));
    T(dup2(777, 61));
    T(dup2(777, 777));
    T(dup3(a, a, 0));
    T(dup3(a, 61, O_CLOEXEC));
    T(fcntl(61, F_GETFD));
    T(dup3(a, 62, 0x1234));
    T(dup2(a, -1));
    T(dup2(a, 1 << 30));
    T(fcntl(a, F_DUPFD, -1));
    T(fcntl(a, 9999));
    T(fcntl(777, F_GETFL));
    T(dup(777));
    T(lseek(777, 0, SEEK_SET));
    T(syscall(SYS_close_range, 50, 70, 0));
    T(fcntl(60, F_GETFD));
    T(syscall(SYS_close_range, 5, 4, 0));
    int pipes[2];
    T(pipe2(pipes, O_CLOEXEC | O_NONBLOCK));
    T(fcntl(pipes[0], F_GETFD));
    T(fcntl(pipes[1], F_GETFL) & O_NONBLOCK);
    T(pipe2(pipes, 0x1234));
    T(pipe((void *)8));
    T(lseek(pipes[0], 0, SEEK_SET));
    T(ftruncate(pipes[1], 0));
    T(fsync(pipes[1]));
    T(write(pipes[0], "x", 1));
    T(ioctl(a, TCGETS, NULL));
    T(isatty(a));
    int waiting = 0;
    T(write(pipes[1], "abc", 3));
    T(ioctl(pipes[0], FIONREAD, &waiting));
    T(waiting);
    pwrite(a, "0123456789", 10, 0);
    lseek(a, 4, SEEK_SET);
    T(ioctl(a, FIONREAD, &waiting));
    T(waiting);
    T(flock(a, LOCK_EX | LOCK_NB));
    int c = open("desc", O_RDWR);
    T(flock(c, LOCK_EX | LOCK_NB));
    T(flock(c, LOCK_SH | LOCK_NB));
    T(flock(a, LOCK_SH));
    T(flock(c, LOCK_SH | LOCK_NB));
    T(flock(a, LOCK_EX | LOCK_NB));
    T(flock(c, LOCK_UN));
    int d = dup(a);
    T(close(a));
    T(flock(c, LOCK_EX | LOCK_NB));
    T(close(d));
    T(flock(c, LOCK_EX | LOCK_NB));
    T(flock(c, 77));
    close(c);
}

static void between(void) {
    SECTION("sendfile and copies");
    char data[64] = {0};
    put("src", "hello world");
    int in = open("src", O_RDONLY), out = open("dst", O_RDWR | O_CREAT, 0600), pipes[2];
    pipe(pipes);
    off_t at = 6;
    ssize_t got = sendfile(pipes[1], in, &at, 5);
    if (got < 0 && errno == EINVAL) {
        /* A kernel may refuse; programs then read and write. */
        got = pread(in, data, 5, at), at += got, write(pipes[1], data, got);
    }
    printf("%zd to %ld\n", got, (long)at);
    got = copy_file_range(in, NULL, out, NULL, 5, 0);
    if (got < 0 && (errno == EINVAL || errno == EXDEV || errno == ENOSYS)) got = read(in, data, 5), write(out, data, got);
    printf("%zd\n", got);
    content("dst");
    T(read(pipes[0], data, 64));
    printf("%.5s\n", data);
    close(in), close(out), close(pipes[0]), close(pipes[1]);
}

static void times(void) {
    SECTION("times");
    struct stat found;
    put("t", "t");
    struct timespec when[2] = {{1000000000, 5}, {1100000000, 7}};
    T(utimensat(AT_FDCWD, "t", when, 0));
    stat("t", &found);
    printf("%ld.%ld %ld.%ld\n", found.st_atim.tv_sec, found.st_atim.tv_nsec, found.st_mtim.tv_sec, found.st_mtim.tv_nsec);
    when[0].tv_nsec = UTIME_OMIT, when[1].tv_sec = 7, when[1].tv_nsec = 0;
    int fd = open("t", O_RDWR);
    T(futimens(fd, when));
    stat("t", &found);
    printf("%ld %ld\n", found.st_atim.tv_sec, found.st_mtim.tv_sec);
    when[1].tv_nsec = 2000000000;
    T(futimens(fd, when));
    T(utimensat(AT_FDCWD, "zz", NULL, 0));
    struct timeval old[2] = {{5, 0}, {6, 0}};
    T(utimes("t", old));
    T(syscall(SYS_utimes, "t", old));
    T(syscall(SYS_utime, "t", NULL));
    stat("t", &found);
    printf("recent %d\n", found.st_mtim.tv_sec > 1500000000);
    write(fd, "x", 1);
    struct stat later;
    stat("t", &later);
    printf("later %d\n", later.st_mtim.tv_sec >= found.st_mtim.tv_sec);
    close(fd);
}

static void streams(void) {
    SECTION("stdio");
    char line[64];
    FILE *file = fopen("stream", "w+");
    fprintf(file, "one\ntwo\nthree\n");
    rewind(file);
    while (fgets(line, sizeof line, file)) printf("%s", line);
    fseek(file, 4, SEEK_SET);
    T(fgetc(file));
    T(ungetc('T', file));
    T(fgetc(file));
    T(ftell(file));
    T(fclose(file));
    file = fopen("stream", "a+");
    fputs("four\n", file);
    T(ftell(file));
    fclose(file);
    content("stream");
    T(fopen("zz", "r") == NULL);
    T(remove("stream"));
    char template[] = "tXXXXXX", directory[] = "dXXXXXX";
    T(mkstemp(template) >= 0);
    T(mkdtemp(directory) != NULL);
    T(rmdir(directory));
    T(unlink(template));
    char *real = realpath("w2/../w2/v", NULL);
    printf("%s\n", real ? strstr(real, "/w2") : "none");
    struct statvfs room;
    T(statvfs(".", &room));
    T(statvfs("zz", &room));
}

int main(int count, char **arguments) {
    (void)count;
    begin(arguments[1]);
    offsets();
    names();
    unlinked();
    listing();
    directories(arguments[1]);
    descriptors();
    between();
    times();
    streams();
    return 0;
}

/*
 * A disk whose flushes fail, for a process that has this before the C library (LD_PRELOAD).
 *
 * Owns what becomes of `fsync` and `fdatasync`; SQLite flushes with nothing else on Linux. Does
 * not know what is in the files, nor who asks. Only files below $FAILING_DISK_OF are on this disk.
 * Who stands outside says in the folder $FAILING_DISK, by files, what is to fail:
 *
 *     next.kept, next.lost    the next flush: taken away when it has
 *     each.kept, each.lost    each flush, as long as the file is there
 *     hang                    each flush waits as long as the file is there, and adds a byte to
 *                             `hung` as it begins to; it is good then, unless it is to fail
 *
 * `kept` answers EIO and leaves what was written, as the system's cache does until it is dropped.
 * `lost` answers EIO and gives the file back the content of its last good flush, as a disk that
 * dropped what it was given; that content lies in $FAILING_DISK, named for the file's inode. (A
 * folder, or a file that is open for reading only, loses nothing.) To a process that is killed
 * the two are all that a failed flush can come to: what it wrote is there, or it is not.
 *
 * The first $FAILING_DISK_SPARES flushes of the process are good whatever is asked. Each one that
 * failed adds a byte to `failed`, after all else is done and before the process hears of it.
 */

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum fate { GOOD, KEPT, LOST };

static const char *controls;
static const char *disk;
static long spared;
static atomic_long flushes;

__attribute__((constructor)) static void begin(void)
{
    const char *first = getenv("FAILING_DISK_SPARES");
    controls = getenv("FAILING_DISK");
    disk = getenv("FAILING_DISK_OF");
    spared = first ? atol(first) : 0;
    if (!controls || !disk) {
        fputs("failing_disk: FAILING_DISK and FAILING_DISK_OF say what is to fail\n", stderr);
        abort();
    }
}

/* A disk that does not do what is said above would prove nothing. */
static void give_up(const char *what)
{
    perror(what);
    abort();
}

/* A path in the folder of the controls. A path too long is cut, and then names no file. */
static const char *control(char path[PATH_MAX], const char *name)
{
    snprintf(path, PATH_MAX, "%s/%s", controls, name);
    return path;
}

/* Where the content of a file's last good flush lies. */
static const char *flushed(char path[PATH_MAX], const struct stat *file)
{
    char name[64];
    unsigned long long device = file->st_dev, inode = file->st_ino;
    snprintf(name, sizeof name, "%llu-%llu.flushed", device, inode);
    return control(path, name);
}

/* Opens a control for writing; it is made if there is none. */
static int open_control(char path[PATH_MAX], const char *name, int how)
{
    return open(control(path, name), O_WRONLY | O_CREAT | O_CLOEXEC | how, 0600);
}

static void add_a_byte(const char *name, char byte)
{
    char path[PATH_MAX];
    int log = open_control(path, name, O_APPEND);
    if (log < 0 || write(log, &byte, 1) != 1 || close(log))
        give_up("failing_disk: what became of a flush can't be told");
}

static void wait_while_it_hangs(void)
{
    char path[PATH_MAX];
    if (access(control(path, "hang"), F_OK))
        return;
    add_a_byte("hung", 'h');
    while (!access(control(path, "hang"), F_OK))
        usleep(1000);
}

static bool is_on_the_disk(int fd)
{
    char link[64], path[PATH_MAX];
    size_t length = strlen(disk);
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t size = readlink(link, path, sizeof path - 1);
    if (size < 0)
        return false;
    path[size] = '\0';
    return !strncmp(path, disk, length) && (path[length] == '/' || path[length] == '\0');
}

static enum fate fate_of_the_next_flush(void)
{
    char path[PATH_MAX];
    if (atomic_fetch_add(&flushes, 1) < spared)
        return GOOD;
    /* Who unlinks it was the next one: two threads can't both be. */
    if (!unlink(control(path, "next.kept")) || !access(control(path, "each.kept"), F_OK))
        return KEPT;
    if (!unlink(control(path, "next.lost")) || !access(control(path, "each.lost"), F_OK))
        return LOST;
    return GOOD;
}

/* Makes the content of one open file that of another; without another, it is emptied. */
static bool copy(int from, int to)
{
    char block[1 << 16];
    off_t at = 0;
    ssize_t size = 0;
    while (from >= 0 && (size = pread(from, block, sizeof block, at)) > 0) {
        if (pwrite(to, block, (size_t)size, at) != size)
            return false;
        at += size;
    }
    return size == 0 && !ftruncate(to, at);
}

/* Remembers what a good flush has left, whole or not at all. */
static void remember(int fd, const struct stat *file)
{
    char whole[PATH_MAX], unfinished[PATH_MAX];
    int to = open_control(unfinished, "unfinished", O_TRUNC);
    if (to < 0 || !copy(fd, to) || close(to) || rename(unfinished, flushed(whole, file)))
        give_up("failing_disk: a good flush can't be remembered");
}

/* What was never flushed was never there. */
static void lose(int fd, const struct stat *file)
{
    char path[PATH_MAX];
    if ((fcntl(fd, F_GETFL) & O_ACCMODE) == O_RDONLY)
        return;
    int from = open(flushed(path, file), O_RDONLY | O_CLOEXEC);
    if (!copy(from, fd))
        give_up("failing_disk: what was written can't be lost");
    if (from >= 0)
        close(from);
}

static int flush(int fd, long number)
{
    struct stat file;
    if (!is_on_the_disk(fd) || fstat(fd, &file))
        return (int)syscall(number, fd);
    wait_while_it_hangs();
    enum fate fate = fate_of_the_next_flush();
    if (fate == GOOD) {
        int answer = (int)syscall(number, fd);
        if (!answer && S_ISREG(file.st_mode))
            remember(fd, &file);
        return answer;
    }
    if (fate == LOST && S_ISREG(file.st_mode))
        lose(fd, &file);
    add_a_byte("failed", fate == LOST ? 'l' : 'k');
    errno = EIO;
    return -1;
}

int fsync(int fd)
{
    return flush(fd, SYS_fsync);
}

int fdatasync(int fd)
{
    return flush(fd, SYS_fdatasync);
}

/* The next file with this inode is another one, of which nothing has been flushed. */
int unlink(const char *path)
{
    char memory[PATH_MAX];
    struct stat file;
    bool known = !lstat(path, &file) && S_ISREG(file.st_mode) && file.st_nlink == 1;
    int answer = (int)syscall(SYS_unlinkat, AT_FDCWD, path, 0);
    if (!answer && known)
        syscall(SYS_unlinkat, AT_FDCWD, flushed(memory, &file), 0);
    return answer;
}

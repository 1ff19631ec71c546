/* What would survive a power cut, kept beside the live files.
 *
 * The directory BGCOPY_POWER_SHADOW holds
 *
 *   ino/DEV-INO   a symbolic link whose target is the object of that inode
 *   data/OBJECT   the durable content of a regular file; absent: empty
 *   dirty/OBJECT  what was written since the last sync, as struct note
 *   keep/OBJECT   a link to the inode of a file whose last name is gone
 *   log           names: what was created, renamed, removed and synced, in this order
 *   lock          held while a name changes and the log is written
 *
 * Everything is on disk at once: the process may be killed between any two instructions, another may go on. What
 * was noted too late belongs to a call that has not returned, and such a call need not have happened. */
#define _GNU_SOURCE
#include "shadow.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* A range that was written; a length of CUT says that the file was cut to `offset`. */
struct note {
    uint64_t offset, len;
};

#define CUT UINT64_MAX
#define COPY ((size_t)256 * 1024)

/* The calls that power.c interposes have to be made directly here. */
static int raw_open(const char *path, int flags)
{
    return (int)syscall(SYS_openat, AT_FDCWD, path, flags | O_CLOEXEC, 0666);
}

static ssize_t raw_write(int fd, const void *data, size_t len)
{
    return syscall(SYS_write, fd, data, len);
}

/* A simulator that cannot keep its books must not pretend: the test has to fail. */
static void give_up(const char *what)
{
    fprintf(stderr, "power shim: %s: %s\n", what, strerror(errno));
    abort();
}

static const char *root(void)
{
    static const char *shadow;
    if (!shadow)
        shadow = getenv("BGCOPY_POWER_SHADOW") ?: "";
    return shadow;
}

int shadow_armed(void)
{
    return root()[0] == '/';
}

static char *within(char path[PATH_MAX], const char *dir, const char *name)
{
    snprintf(path, PATH_MAX, "%s/%s/%s", root(), dir, name);
    return path;
}

static char *ino_link(char path[PATH_MAX], const struct stat *st)
{
    char name[64];
    snprintf(name, sizeof name, "%llx-%llx", (unsigned long long)st->st_dev, (unsigned long long)st->st_ino);
    return within(path, "ino", name);
}

/* Opens a file of the shadow that threads with other rights may open later. */
static int open_shared(const char *path, int flags)
{
    int fd = raw_open(path, flags);
    if (fd < 0 && errno == ENOENT) {
        fd = raw_open(path, flags | O_CREAT);
        if (fd >= 0)
            fchmod(fd, 0666);
    }
    if (fd < 0)
        give_up(path);
    return fd;
}

static void lock_whole(int fd, int how)
{
    while (flock(fd, how) < 0)
        if (errno != EINTR)
            give_up("flock");
}

int shadow_find(const struct stat *st, struct object *object)
{
    char path[PATH_MAX];
    ssize_t n = readlink(ino_link(path, st), object->id, sizeof object->id - 1);
    object->id[n < 0 ? 0 : n] = '\0';
    return n > 0;
}

int shadow_find_fd(int fd, mode_t type, struct object *object)
{
    struct stat st;
    return shadow_armed() && fstat(fd, &st) == 0 && (st.st_mode & S_IFMT) == type && shadow_find(&st, object);
}

void shadow_adopt(const struct stat *st, struct object *object)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    snprintf(object->id, sizeof object->id, "%llx-%llx%09lx", (unsigned long long)st->st_ino,
             (unsigned long long)now.tv_sec, now.tv_nsec);
    char path[PATH_MAX];
    ino_link(path, st);
    syscall(SYS_unlinkat, AT_FDCWD, path, 0);
    if (syscall(SYS_symlinkat, object->id, AT_FDCWD, path) < 0)
        give_up(path);
}

void shadow_pin(int dirfd, const char *name, const struct stat *st, const struct object *object)
{
    char path[PATH_MAX];
    if (!S_ISREG(st->st_mode) || st->st_nlink != 1)
        return;
    if (syscall(SYS_linkat, dirfd, name, AT_FDCWD, within(path, "keep", object->id), 0) == 0 || errno == EEXIST)
        return;
    /* On another file system the inode goes, and its number may be used again. */
    syscall(SYS_unlinkat, AT_FDCWD, ino_link(path, st), 0);
}

void shadow_unpin(const struct object *object)
{
    char path[PATH_MAX];
    syscall(SYS_unlinkat, AT_FDCWD, within(path, "keep", object->id), 0);
}

static void note(const struct object *object, uint64_t offset, uint64_t len)
{
    int saved = errno;
    char path[PATH_MAX];
    struct note note = {offset, len};
    int fd = open_shared(within(path, "dirty", object->id), O_WRONLY | O_APPEND);
    /* Shared: writers do not wait for each other, but a sync reads and empties the notes in one. */
    lock_whole(fd, LOCK_SH);
    if (raw_write(fd, &note, sizeof note) != sizeof note)
        give_up(path);
    close(fd);
    errno = saved;
}

void shadow_dirty(const struct object *object, uint64_t offset, uint64_t len)
{
    if (len > 0)
        note(object, offset, len);
}

void shadow_cut(const struct object *object, uint64_t size)
{
    note(object, size, CUT);
}

static void copy_range(int from, int to, uint64_t offset, uint64_t end, char *buf)
{
    while (offset < end) {
        size_t want = end - offset < COPY ? end - offset : COPY;
        ssize_t n = pread(from, buf, want, (off_t)offset);
        if (n < 0)
            give_up("reading a live file");
        if (n == 0)
            return;
        if (syscall(SYS_pwrite64, to, buf, (size_t)n, (off_t)offset) != n)
            give_up("writing a durable file");
        offset += (uint64_t)n;
    }
}

static int by_offset(const void *a, const void *b)
{
    const struct note *x = a, *y = b;
    return (x->offset > y->offset) - (x->offset < y->offset);
}

/* Copies what the notes name, each byte once. */
static void replay(struct note *notes, size_t count, int live, int durable)
{
    struct stat st;
    uint64_t cut = UINT64_MAX;
    for (size_t i = 0; i < count; i++)
        if (notes[i].len == CUT && notes[i].offset < cut)
            cut = notes[i].offset;
    if (fstat(durable, &st) == 0 && cut < (uint64_t)st.st_size)
        syscall(SYS_ftruncate, durable, (off_t)cut);
    qsort(notes, count, sizeof *notes, by_offset);
    char *buf = malloc(COPY);
    if (!buf || fstat(live, &st) < 0)
        give_up("syncing");
    uint64_t done = 0;
    for (size_t i = 0; i < count; i++) {
        if (notes[i].len == CUT)
            continue;
        uint64_t start = notes[i].offset > done ? notes[i].offset : done;
        uint64_t end = notes[i].offset + notes[i].len;
        if (end > (uint64_t)st.st_size)
            end = (uint64_t)st.st_size;
        if (start < end) {
            copy_range(live, durable, start, end, buf);
            done = end;
        }
    }
    free(buf);
    if (syscall(SYS_ftruncate, durable, st.st_size) < 0)
        give_up("setting a durable size");
}

void shadow_sync(const struct object *object, int fd)
{
    int saved = errno;
    char path[PATH_MAX], self[64];
    /* The descriptor may be open for writing alone. */
    snprintf(self, sizeof self, "/proc/self/fd/%d", fd);
    int live = raw_open(self, O_RDONLY);
    if (live < 0)
        give_up(self);
    int dirty = open_shared(within(path, "dirty", object->id), O_RDWR);
    /* Held until the copy is done: a second sync that finds nothing to do must not return before. */
    lock_whole(dirty, LOCK_EX);
    int durable = open_shared(within(path, "data", object->id), O_RDWR);
    struct stat st;
    if (fstat(dirty, &st) < 0)
        give_up("reading notes");
    size_t size = (size_t)st.st_size;
    struct note *notes = malloc(size + 1);
    if (!notes || pread(dirty, notes, size, 0) != (ssize_t)size)
        give_up("reading notes");
    replay(notes, size / sizeof *notes, live, durable);
    free(notes);
    if (syscall(SYS_ftruncate, dirty, (off_t)0) < 0)
        give_up("emptying notes");
    close(durable);
    close(dirty);
    close(live);
    errno = saved;
}

int shadow_lock(void)
{
    if (!shadow_armed())
        return -1;
    int saved = errno;
    char path[PATH_MAX];
    int fd = open_shared(within(path, ".", "lock"), O_RDWR);
    lock_whole(fd, LOCK_EX);
    errno = saved;
    return fd;
}

void shadow_unlock(int lock)
{
    int saved = errno;
    if (lock >= 0)
        close(lock);
    errno = saved;
}

char *shadow_escape(const char *name, char *buf, size_t size)
{
    size_t at = 0;
    for (const unsigned char *c = (const unsigned char *)name; *c && at + 4 < size; c++) {
        int plain = (*c >= '0' && *c <= '9') || (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') ||
                    strchr("._-", *c);
        at += (size_t)snprintf(buf + at, size - at, plain ? "%c" : "%%%02X", *c);
    }
    buf[at] = '\0';
    return buf;
}

void shadow_log(const char *format, ...)
{
    int saved = errno;
    char path[PATH_MAX], line[8 * PATH_MAX];
    va_list values;
    va_start(values, format);
    int len = vsnprintf(line, sizeof line, format, values);
    va_end(values);
    int fd = open_shared(within(path, ".", "log"), O_WRONLY | O_APPEND);
    /* One write: a line is there or not. */
    if (len < 0 || (size_t)len >= sizeof line || raw_write(fd, line, (size_t)len) != len)
        give_up(path);
    close(fd);
    errno = saved;
}

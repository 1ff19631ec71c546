/* The system calls that change files, interposed by LD_PRELOAD.
 *
 * Each wrapper lets a rule of BGCOPY_FAIL decide (fail.c), makes the call, and notes what it did to a watched file
 * (shadow.c). An inode is watched if the shadow has an object for it: at first all that lay below the roots when it
 * was armed, then what is created in a watched directory.
 *
 * Not seen: stdio's own writes, stores through a mapping until msync, io_uring, and direct system calls. syncfs is a
 * sync of what the process has open; sync, sync_file_range and O_SYNC make nothing durable here: relying on them
 * counts as a fault. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "fail.h"
#include "shadow.h"

#define EXPORT __attribute__((visibility("default")))
#define ALIAS(of) EXPORT __attribute__((alias(#of)))

#define FAIL_FD(op, fd)          \
    do {                         \
        if (fail_fd(op, fd) < 0) \
            return -1;           \
    } while (0)

#define FAIL_AT(op, dirfd, path)          \
    do {                                  \
        if (fail_at(op, dirfd, path) < 0) \
            return -1;                    \
    } while (0)

/* ------------------------------------------------------------------------------------------------ contents --- */

/* Notes `n` bytes written at `offset`, or before the present position if that is negative. */
static ssize_t written(int fd, off_t offset, ssize_t n)
{
    struct object object;
    if (n > 0 && shadow_find_fd(fd, S_IFREG, &object)) {
        int saved = errno;
        if (offset < 0)
            offset = lseek(fd, 0, SEEK_CUR) - n;
        shadow_dirty(&object, offset < 0 ? 0 : (uint64_t)offset, (uint64_t)n);
        errno = saved;
    }
    fail_after();
    return n;
}

static int synced(int fd, int with_meta);

EXPORT ssize_t write(int fd, const void *data, size_t len)
{
    FAIL_FD(OP_WRITE, fd);
    return written(fd, -1, syscall(SYS_write, fd, data, len));
}

EXPORT ssize_t writev(int fd, const struct iovec *parts, int count)
{
    FAIL_FD(OP_WRITE, fd);
    return written(fd, -1, syscall(SYS_writev, fd, parts, count));
}

EXPORT ssize_t pwrite(int fd, const void *data, size_t len, off_t offset)
{
    FAIL_FD(OP_PWRITE, fd);
    return written(fd, offset, syscall(SYS_pwrite64, fd, data, len, offset));
}

EXPORT ssize_t pwritev2(int fd, const struct iovec *parts, int count, off_t offset, int flags)
{
    FAIL_FD(OP_PWRITE, fd);
    /* The kernel takes the offset in two halves, of which a 64-bit machine uses the first. */
    ssize_t n = written(fd, offset, syscall(SYS_pwritev2, fd, parts, count, offset, 0, flags));
    if (n > 0 && (flags & (RWF_DSYNC | RWF_SYNC)))
        synced(fd, 0);
    return n;
}

EXPORT ssize_t pwritev(int fd, const struct iovec *parts, int count, off_t offset)
{
    FAIL_FD(OP_PWRITE, fd);
    return written(fd, offset, syscall(SYS_pwritev, fd, parts, count, offset, 0));
}

EXPORT ssize_t copy_file_range(int in, off_t *in_at, int out, off_t *out_at, size_t len, unsigned flags)
{
    FAIL_FD(OP_WRITE, out);
    off_t at = out_at ? *out_at : -1;
    return written(out, at, syscall(SYS_copy_file_range, in, in_at, out, out_at, len, flags));
}

EXPORT ssize_t sendfile(int out, int in, off_t *in_at, size_t len)
{
    FAIL_FD(OP_WRITE, out);
    return written(out, -1, syscall(SYS_sendfile, out, in, in_at, len));
}

EXPORT ssize_t splice(int in, off_t *in_at, int out, off_t *out_at, size_t len, unsigned flags)
{
    FAIL_FD(OP_WRITE, out);
    off_t at = out_at ? *out_at : -1;
    return written(out, at, syscall(SYS_splice, in, in_at, out, out_at, len, flags));
}

EXPORT int ftruncate(int fd, off_t size)
{
    FAIL_FD(OP_FTRUNCATE, fd);
    int result = (int)syscall(SYS_ftruncate, fd, size);
    struct object object;
    if (result == 0 && shadow_find_fd(fd, S_IFREG, &object))
        shadow_cut(&object, (uint64_t)size);
    fail_after();
    return result;
}

EXPORT int truncate(const char *path, off_t size)
{
    FAIL_AT(OP_FTRUNCATE, AT_FDCWD, path);
    int result = (int)syscall(SYS_truncate, path, size);
    struct stat st;
    struct object object;
    if (result == 0 && shadow_armed() && stat(path, &st) == 0 && shadow_find(&st, &object))
        shadow_cut(&object, (uint64_t)size);
    fail_after();
    return result;
}

EXPORT int fallocate(int fd, int mode, off_t offset, off_t len)
{
    FAIL_FD(OP_FALLOCATE, fd);
    int result = (int)syscall(SYS_fallocate, fd, mode, offset, len);
    struct object object;
    /* Plain allocation changes no byte; the size is taken from the live file when it is synced. */
    if (result == 0 && (mode & ~FALLOC_FL_KEEP_SIZE) && shadow_find_fd(fd, S_IFREG, &object)) {
        int shifts = mode & (FALLOC_FL_COLLAPSE_RANGE | FALLOC_FL_INSERT_RANGE);
        shadow_dirty(&object, (uint64_t)offset, shifts ? (uint64_t)(INT64_MAX - offset) : (uint64_t)len);
    }
    fail_after();
    return result;
}

EXPORT int posix_fallocate(int fd, off_t offset, off_t len)
{
    int saved = errno;
    int result = fallocate(fd, 0, offset, len) < 0 ? errno : 0;
    errno = saved;
    return result;
}

/* -------------------------------------------------------------------------------------------------- syncing --- */

/* Copies what is durable from now on. The machine's own disk is not waited for: the copy is what counts here. */
static int synced(int fd, int with_meta)
{
    struct object object;
    struct stat st;
    if (shadow_find_fd(fd, S_IFREG, &object)) {
        shadow_sync(&object, fd);
        if (with_meta && fstat(fd, &st) == 0) {
            int lock = shadow_lock();
            shadow_log("meta %s %o %lld %ld\n", object.id, st.st_mode, (long long)st.st_mtim.tv_sec,
                       st.st_mtim.tv_nsec);
            shadow_unlock(lock);
        }
        return 1;
    }
    if (shadow_find_fd(fd, S_IFDIR, &object)) {
        int lock = shadow_lock();
        shadow_log("sync %s\n", object.id);
        shadow_unlock(lock);
        return 1;
    }
    return 0;
}

EXPORT int fsync(int fd)
{
    FAIL_FD(OP_FSYNC, fd);
    int result = synced(fd, 1) ? 0 : (int)syscall(SYS_fsync, fd);
    fail_after();
    return result;
}

EXPORT int fdatasync(int fd)
{
    FAIL_FD(OP_FDATASYNC, fd);
    int result = synced(fd, 0) ? 0 : (int)syscall(SYS_fdatasync, fd);
    fail_after();
    return result;
}

/* A whole file system, of which this knows what the process has open: the rest stays as lost as it was. */
EXPORT int syncfs(int fd)
{
    struct object object;
    struct dirent *entry;
    if (!shadow_find_fd(fd, S_IFREG, &object) && !shadow_find_fd(fd, S_IFDIR, &object))
        return (int)syscall(SYS_syncfs, fd);
    DIR *open = opendir("/proc/self/fd");
    if (!open)
        return -1;
    while ((entry = readdir(open)))
        if (entry->d_name[0] != '.')
            synced(atoi(entry->d_name), 1);
    closedir(open);
    fail_after();
    return 0;
}

/* Syncs the part of a file that a line of /proc/self/maps shows, if it overlaps the range. */
static void sync_mapping(const char *line, uintptr_t from, uintptr_t to)
{
    unsigned long start, end, offset;
    int path_at = 0;
    if (sscanf(line, "%lx-%lx %*s %lx %*s %*s %n", &start, &end, &offset, &path_at) < 3 || !path_at)
        return;
    if (line[path_at] != '/' || end <= from || start >= to)
        return;
    int fd = (int)syscall(SYS_openat, AT_FDCWD, line + path_at, O_RDONLY | O_CLOEXEC, 0);
    struct object object;
    if (fd >= 0 && shadow_find_fd(fd, S_IFREG, &object)) {
        uintptr_t first = from > start ? from : start, last = to < end ? to : end;
        shadow_dirty(&object, offset + (first - start), last - first);
        shadow_sync(&object, fd);
    }
    if (fd >= 0)
        close(fd);
}

EXPORT int msync(void *addr, size_t len, int flags)
{
    int result = (int)syscall(SYS_msync, addr, len, flags);
    if (result < 0 || !(flags & MS_SYNC) || !shadow_armed())
        return result;
    FILE *maps = fopen("/proc/self/maps", "re");
    char line[PATH_MAX + 128];
    while (maps && fgets(line, sizeof line, maps)) {
        line[strcspn(line, "\n")] = '\0';
        sync_mapping(line, (uintptr_t)addr, (uintptr_t)addr + len);
    }
    if (maps)
        fclose(maps);
    return result;
}

/* ---------------------------------------------------------------------------------------------------- names --- */

/* A name in a directory: what a path given to a system call means. */
struct place {
    int watched;
    struct object dir;
    char name[3 * NAME_MAX + 8];
    /* What the name stands for at present; `exists` says whether anything. */
    int exists, known;
    struct stat st;
    struct object object;
};

/* Resolves a path. Only a place in a watched directory is of interest. */
static void locate(struct place *place, int dirfd, const char *path)
{
    int saved = errno;
    memset(place, 0, sizeof *place);
    char dir[PATH_MAX];
    size_t len = strlen(path);
    while (len > 1 && path[len - 1] == '/')
        len--;
    if (!shadow_armed() || len == 0 || len >= sizeof dir)
        return;
    memcpy(dir, path, len);
    dir[len] = '\0';
    char *slash = strrchr(dir, '/');
    const char *name = slash ? slash + 1 : dir;
    struct stat st;
    if (!strcmp(name, ".") || !strcmp(name, "..") || strlen(name) > NAME_MAX)
        return;
    shadow_escape(name, place->name, sizeof place->name);
    if (!slash)
        strcpy(dir, ".");
    else if (slash == dir)
        strcpy(dir, "/");
    else
        *slash = '\0';
    place->watched = fstatat(dirfd, dir, &st, 0) == 0 && shadow_find(&st, &place->dir);
    place->exists = fstatat(dirfd, path, &place->st, AT_SYMLINK_NOFOLLOW) == 0;
    place->known = place->exists && shadow_find(&place->st, &place->object);
    errno = saved;
}

static char type_of(const struct stat *st)
{
    return S_ISREG(st->st_mode) ? 'f' : S_ISDIR(st->st_mode) ? 'd' : S_ISLNK(st->st_mode) ? 'l' : 'x';
}

/* Notes a file or directory that has just come to be at a place. Sockets and the like are gone after a crash. */
static void created(const struct place *place, const struct stat *st, const char *target)
{
    char escaped[3 * PATH_MAX] = "-";
    if (type_of(st) == 'x')
        return;
    if (target)
        shadow_escape(target, escaped, sizeof escaped);
    struct object object;
    shadow_adopt(st, &object);
    shadow_log("create %s %s %s %c %o %s\n", place->dir.id, place->name, object.id, type_of(st), st->st_mode,
               escaped);
    /* A file that comes from elsewhere brings bytes along of which none is known to be durable. */
    shadow_dirty(&object, 0, (uint64_t)st->st_size);
}

static int open_plainly(int dirfd, const char *path, int flags, mode_t mode)
{
    int fd = (int)syscall(SYS_openat, dirfd, path, flags, mode);
    struct object object;
    if (fd >= 0 && (flags & O_TRUNC) && shadow_find_fd(fd, S_IFREG, &object))
        shadow_cut(&object, 0);
    return fd;
}

static int open_unnamed(int dirfd, const char *path, int flags, mode_t mode)
{
    int fd = (int)syscall(SYS_openat, dirfd, path, flags, mode);
    struct stat dir, st;
    struct object object;
    if (fd >= 0 && shadow_armed() && fstatat(dirfd, path, &dir, 0) == 0 && shadow_find(&dir, &object) &&
        fstat(fd, &st) == 0)
        shadow_adopt(&st, &object);
    return fd;
}

static int open_any(int dirfd, const char *path, int flags, mode_t mode)
{
    if ((flags & O_TMPFILE) == O_TMPFILE)
        return open_unnamed(dirfd, path, flags, mode);
    if (!(flags & O_CREAT))
        return open_plainly(dirfd, path, flags, mode);
    FAIL_AT(OP_OPEN_CREATE, dirfd, path);
    struct place place;
    int lock = shadow_lock();
    locate(&place, dirfd, path);
    int fd = open_plainly(dirfd, path, flags, mode);
    struct stat st;
    if (fd >= 0 && place.watched && !place.exists && fstat(fd, &st) == 0)
        created(&place, &st, NULL);
    shadow_unlock(lock);
    fail_after();
    return fd;
}

static mode_t mode_argument(int flags, va_list values)
{
    return (flags & O_CREAT) || (flags & O_TMPFILE) == O_TMPFILE ? va_arg(values, mode_t) : 0;
}

EXPORT int open(const char *path, int flags, ...)
{
    va_list values;
    va_start(values, flags);
    mode_t mode = mode_argument(flags, values);
    va_end(values);
    return open_any(AT_FDCWD, path, flags, mode);
}

EXPORT int openat(int dirfd, const char *path, int flags, ...)
{
    va_list values;
    va_start(values, flags);
    mode_t mode = mode_argument(flags, values);
    va_end(values);
    return open_any(dirfd, path, flags, mode);
}

EXPORT int creat(const char *path, mode_t mode)
{
    return open_any(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode);
}

EXPORT int mkdirat(int dirfd, const char *path, mode_t mode)
{
    FAIL_AT(OP_MKDIR, dirfd, path);
    struct place place;
    struct stat st;
    int lock = shadow_lock();
    locate(&place, dirfd, path);
    int result = (int)syscall(SYS_mkdirat, dirfd, path, mode);
    if (result == 0 && place.watched && fstatat(dirfd, path, &st, AT_SYMLINK_NOFOLLOW) == 0)
        created(&place, &st, NULL);
    shadow_unlock(lock);
    fail_after();
    return result;
}

EXPORT int mkdir(const char *path, mode_t mode)
{
    return mkdirat(AT_FDCWD, path, mode);
}

EXPORT int symlinkat(const char *target, int dirfd, const char *path)
{
    struct place place;
    struct stat st;
    int lock = shadow_lock();
    locate(&place, dirfd, path);
    int result = (int)syscall(SYS_symlinkat, target, dirfd, path);
    if (result == 0 && place.watched && fstatat(dirfd, path, &st, AT_SYMLINK_NOFOLLOW) == 0)
        created(&place, &st, target);
    shadow_unlock(lock);
    fail_after();
    return result;
}

EXPORT int symlink(const char *target, const char *path)
{
    return symlinkat(target, AT_FDCWD, path);
}

EXPORT int linkat(int from_dir, const char *from, int to_dir, const char *to, int flags)
{
    FAIL_AT(OP_LINK, to_dir, to);
    struct place place;
    struct stat st;
    struct object object;
    int lock = shadow_lock();
    locate(&place, to_dir, to);
    int result = (int)syscall(SYS_linkat, from_dir, from, to_dir, to, flags);
    if (result == 0 && place.watched && fstatat(to_dir, to, &st, AT_SYMLINK_NOFOLLOW) == 0) {
        if (shadow_find(&st, &object))
            shadow_log("link %s %s %s %c %o -\n", place.dir.id, place.name, object.id, type_of(&st), st.st_mode);
        else
            created(&place, &st, NULL);
    }
    shadow_unlock(lock);
    fail_after();
    return result;
}

EXPORT int link(const char *from, const char *to)
{
    return linkat(AT_FDCWD, from, AT_FDCWD, to, 0);
}

EXPORT int unlinkat(int dirfd, const char *path, int flags)
{
    if (!(flags & AT_REMOVEDIR))
        FAIL_AT(OP_UNLINK, dirfd, path);
    struct place place;
    int lock = shadow_lock();
    locate(&place, dirfd, path);
    if (place.known)
        shadow_pin(dirfd, path, &place.st, &place.object);
    int result = (int)syscall(SYS_unlinkat, dirfd, path, flags);
    if (result < 0 && place.known)
        shadow_unpin(&place.object);
    else if (result == 0 && place.watched && place.known)
        shadow_log("unlink %s %s %s\n", place.dir.id, place.name, place.object.id);
    shadow_unlock(lock);
    fail_after();
    return result;
}

EXPORT int unlink(const char *path)
{
    return unlinkat(AT_FDCWD, path, 0);
}

EXPORT int rmdir(const char *path)
{
    return unlinkat(AT_FDCWD, path, AT_REMOVEDIR);
}

EXPORT int remove(const char *path)
{
    struct stat st;
    int is_dir = fstatat(AT_FDCWD, path, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode);
    return unlinkat(AT_FDCWD, path, is_dir ? AT_REMOVEDIR : 0);
}

/* Notes a rename that has been made. */
static void renamed(const struct place *from, const struct place *to, unsigned flags)
{
    if (flags & RENAME_EXCHANGE)
        shadow_log("exchange %s %s %s %s\n", from->watched ? from->dir.id : "-", from->name,
                   to->watched ? to->dir.id : "-", to->name);
    else if (!to->watched)
        shadow_log("unlink %s %s %s\n", from->dir.id, from->name, from->object.id);
    else if (!from->known)
        created(to, &from->st, NULL);
    else
        shadow_log("rename %s %s %s %s %s\n", from->watched ? from->dir.id : "-", from->name, to->dir.id, to->name,
                   from->object.id);
}

EXPORT int renameat2(int from_dir, const char *from, int to_dir, const char *to, unsigned flags)
{
    FAIL_AT(OP_RENAME, from_dir, from);
    struct place source, target;
    int lock = shadow_lock();
    locate(&source, from_dir, from);
    locate(&target, to_dir, to);
    int same = source.exists && target.exists && source.st.st_dev == target.st.st_dev &&
               source.st.st_ino == target.st.st_ino;
    int replaces = target.known && !same && !(flags & (RENAME_EXCHANGE | RENAME_NOREPLACE));
    if (replaces)
        shadow_pin(to_dir, to, &target.st, &target.object);
    int result = (int)syscall(SYS_renameat2, from_dir, from, to_dir, to, flags);
    if (result < 0 && replaces)
        shadow_unpin(&target.object);
    else if (result == 0 && !same && ((source.watched && source.known) || target.watched))
        renamed(&source, &target, flags);
    shadow_unlock(lock);
    fail_after();
    return result;
}

EXPORT int renameat(int from_dir, const char *from, int to_dir, const char *to)
{
    return renameat2(from_dir, from, to_dir, to, 0);
}

EXPORT int rename(const char *from, const char *to)
{
    return renameat2(AT_FDCWD, from, AT_FDCWD, to, 0);
}

/* ---------------------------------------------------------------------- the same under other names of glibc --- */

ALIAS(pwrite) ssize_t pwrite64(int, const void *, size_t, off64_t);
ALIAS(pwritev) ssize_t pwritev64(int, const struct iovec *, int, off64_t);
ALIAS(pwritev2) ssize_t pwritev64v2(int, const struct iovec *, int, off64_t, int);
ALIAS(sendfile) ssize_t sendfile64(int, int, off64_t *, size_t);
ALIAS(ftruncate) int ftruncate64(int, off64_t);
ALIAS(truncate) int truncate64(const char *, off64_t);
ALIAS(fallocate) int fallocate64(int, int, off64_t, off64_t);
ALIAS(posix_fallocate) int posix_fallocate64(int, off64_t, off64_t);
ALIAS(open) int open64(const char *, int, ...);
ALIAS(openat) int openat64(int, const char *, int, ...);
ALIAS(creat) int creat64(const char *, mode_t);

/* What fortified code calls for an open without a mode. */
EXPORT int __open_2(const char *path, int flags)
{
    return open_any(AT_FDCWD, path, flags, 0);
}

EXPORT int __openat_2(int dirfd, const char *path, int flags)
{
    return open_any(dirfd, path, flags, 0);
}

ALIAS(__open_2) int __open64_2(const char *, int);
ALIAS(__openat_2) int __openat64_2(int, const char *, int);

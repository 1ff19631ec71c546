/* Failing and killing at the k-th call: BGCOPY_FAIL. See fail.c. */
#ifndef BGCOPY_FAIL_H
#define BGCOPY_FAIL_H

/* The operations that a rule can name; the names are in fail.c in the same order. */
enum op {
    OP_WRITE,
    OP_PWRITE,
    OP_FDATASYNC,
    OP_FSYNC,
    OP_RENAME,
    OP_OPEN_CREATE,
    OP_UNLINK,
    OP_FALLOCATE,
    OP_MKDIR,
    OP_FTRUNCATE,
    OP_LINK,
    OP_COUNT
};

/* Counts a call of an operation on a descriptor, or on a path below a directory descriptor. Returns 0 when the
 * call is to go on; else errno is set and the caller returns failure. Does not return when a rule kills. */
int fail_fd(enum op op, int fd);
int fail_at(enum op op, int dirfd, const char *path);

/* Called after the operation was carried out and recorded: ends the process when a rule says so. Keeps errno. */
void fail_after(void);

#endif

/* What would survive a power cut, kept beside the live files. See shadow.c for the layout. */
#ifndef BGCOPY_SHADOW_H
#define BGCOPY_SHADOW_H

#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

/* The name of a file or directory in the shadow; its inode number may be used again, the name never is. */
struct object {
    char id[64];
};

/* Whether BGCOPY_POWER_SHADOW names a shadow. */
int shadow_armed(void);

/* The object of an inode. Returns 0 when the inode is not watched. */
int shadow_find(const struct stat *st, struct object *object);

/* The object of the inode behind a descriptor, if that is a watched file of type S_IFREG or S_IFDIR. */
int shadow_find_fd(int fd, mode_t type, struct object *object);

/* Gives an inode a new object, in the place of an older one with the same number. */
void shadow_adopt(const struct stat *st, struct object *object);

/* Keeps the inode of a file alive whose last name is about to go; a crash may bring the name back. */
void shadow_pin(int dirfd, const char *path, const struct stat *st, const struct object *object);
void shadow_unpin(const struct object *object);

/* Notes that the bytes of a file from `offset` on are not durable any more. */
void shadow_dirty(const struct object *object, uint64_t offset, uint64_t len);

/* Notes that the file was cut to `size`. */
void shadow_cut(const struct object *object, uint64_t size);

/* Makes all that was noted durable, by copying it from the live file behind `fd`. */
void shadow_sync(const struct object *object, int fd);

/* Serialises operations on names, over threads and processes, so that the log has their order. Without a shadow
 * it does nothing. */
int shadow_lock(void);
void shadow_unlock(int lock);

/* Appends a line to the log, formatted as by printf. */
void shadow_log(const char *format, ...);

/* A name or target with everything but letters, digits and "._-" written as %XX. Returns buf. */
char *shadow_escape(const char *name, char *buf, size_t size);

#endif

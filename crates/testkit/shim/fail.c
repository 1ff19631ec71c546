/* Failing and killing at the k-th call.
 *
 * BGCOPY_FAIL holds rules separated by ';', each `op:error:path:calls`. A call of `op` on a path that contains
 * `path` (empty: any) is counted, from 1; the calls in `calls` (`3`, `3-5` or `3-`) fail with `error`: an errno
 * name or number, or KILL (the process dies before the call) or KILLAFTER (it dies when the call is done). */
#define _GNU_SOURCE
#include "fail.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { RULES = 16, KILL = -1, KILL_AFTER = -2 };

static const char *const OP_NAMES[OP_COUNT] = {
    "write", "pwrite", "fdatasync", "fsync",     "rename", "open-create",
    "unlink", "fallocate", "mkdir", "ftruncate", "link",
};

static const struct { const char *name; int number; } ERRORS[] = {
    {"ENOSPC", ENOSPC}, {"EIO", EIO},       {"EDQUOT", EDQUOT}, {"EROFS", EROFS},   {"EACCES", EACCES},
    {"EPERM", EPERM},   {"EMFILE", EMFILE}, {"ENFILE", ENFILE}, {"ENOENT", ENOENT}, {"EISDIR", EISDIR},
    {"EFBIG", EFBIG},   {"EINTR", EINTR},   {"ENOMEM", ENOMEM}, {"EXDEV", EXDEV},   {"ENODEV", ENODEV},
    {"EOPNOTSUPP", EOPNOTSUPP}, {"ESTALE", ESTALE}, {"KILL", KILL}, {"KILLAFTER", KILL_AFTER},
};

struct rule {
    enum op op;
    int error;
    const char *path;
    unsigned long first, last;
    atomic_ulong calls;
};

static struct rule rules[RULES];
static size_t rule_count;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static _Thread_local int dies_afterwards;

/* A rule that cannot be understood would silently test nothing. */
static void reject(const char *rule)
{
    fprintf(stderr, "BGCOPY_FAIL: cannot understand \"%s\"\n", rule);
    abort();
}

static int parse_error(const char *text)
{
    for (size_t i = 0; i < sizeof ERRORS / sizeof *ERRORS; i++)
        if (strcmp(ERRORS[i].name, text) == 0)
            return ERRORS[i].number;
    int number = atoi(text);
    if (number <= 0)
        reject(text);
    return number;
}

static void parse_calls(struct rule *rule, const char *text)
{
    char *end;
    rule->first = strtoul(text, &end, 10);
    rule->last = rule->first;
    if (*end == '-')
        rule->last = end[1] ? strtoul(end + 1, &end, 10) : (end++, ULONG_MAX);
    if (*end || rule->first == 0 || rule->last < rule->first)
        reject(text);
}

static void parse_rule(char *text)
{
    if (rule_count == RULES)
        reject(text);
    struct rule *rule = &rules[rule_count];
    char *error = strchr(text, ':');
    char *path = error ? strchr(error + 1, ':') : NULL;
    /* The last colon, so that a path may contain some. */
    char *calls = path ? strrchr(path + 1, ':') : NULL;
    if (!calls)
        reject(text);
    *error = *path = *calls = '\0';
    int op = 0;
    while (op < OP_COUNT && strcmp(OP_NAMES[op], text) != 0)
        op++;
    if (op == OP_COUNT)
        reject(text);
    rule->op = (enum op)op;
    rule->error = parse_error(error + 1);
    rule->path = path + 1;
    parse_calls(rule, calls + 1);
    rule_count++;
}

static void load(void)
{
    const char *text = getenv("BGCOPY_FAIL");
    if (!text || !*text)
        return;
    /* Never freed: the rules point into it. */
    char *copy = strdup(text), *rest = copy;
    for (char *rule; (rule = strsep(&rest, ";"));)
        if (*rule)
            parse_rule(rule);
}

static int any_rule(enum op op)
{
    pthread_once(&once, load);
    for (size_t i = 0; i < rule_count; i++)
        if (rules[i].op == op)
            return 1;
    return 0;
}

static void die(void)
{
    kill(getpid(), SIGKILL);
    for (;;)
        pause();
}

static int apply(enum op op, const char *path)
{
    int outcome = 0;
    for (size_t i = 0; i < rule_count; i++) {
        struct rule *rule = &rules[i];
        if (rule->op != op || !strstr(path, rule->path))
            continue;
        unsigned long call = atomic_fetch_add(&rule->calls, 1) + 1;
        if (call < rule->first || call > rule->last)
            continue;
        if (rule->error == KILL)
            die();
        else if (rule->error == KILL_AFTER)
            dies_afterwards = 1;
        else
            outcome = rule->error;
    }
    if (outcome) {
        errno = outcome;
        return -1;
    }
    return 0;
}

/* Where a descriptor points, or an empty string. */
static void path_of(int fd, char path[PATH_MAX])
{
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, path, PATH_MAX - 1);
    path[n < 0 ? 0 : n] = '\0';
}

int fail_fd(enum op op, int fd)
{
    if (!any_rule(op))
        return 0;
    int saved = errno;
    char path[PATH_MAX];
    path_of(fd, path);
    errno = saved;
    return apply(op, path);
}

int fail_at(enum op op, int dirfd, const char *path)
{
    if (!any_rule(op))
        return 0;
    int saved = errno;
    char dir[PATH_MAX] = "", whole[2 * PATH_MAX];
    if (path[0] != '/' && dirfd != AT_FDCWD)
        path_of(dirfd, dir);
    snprintf(whole, sizeof whole, "%s%s%s", dir, *dir ? "/" : "", path);
    errno = saved;
    return apply(op, whole);
}

void fail_after(void)
{
    if (dies_afterwards)
        die();
}

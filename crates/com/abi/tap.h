/* Counts what was checked, one line each, and ends the program at the first thing that does not hold.
 *
 * Must not allocate: a program under valgrind answers for its own memory alone. */
#ifndef TAP_H
#define TAP_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/* One count for a program of several files. */
#ifdef __cplusplus
extern "C" {
__attribute__((weak)) int tap_checks = 0;
}
#else
__attribute__((weak)) int tap_checks = 0;
#endif

static inline void tap_fail(const char *file, int line, const char *what, const char *detail) {
    printf("not ok %d - %s\n# %s:%d: %s\n", tap_checks + 1, what, file, line, detail);
    fflush(stdout);
    exit(1);
}

static inline void tap_true(int holds, const char *file, int line, const char *what) {
    if (!holds)
        tap_fail(file, line, what, "does not hold");
    printf("ok %d - %s\n", ++tap_checks, what);
}

static inline void tap_equal(int32_t is, int32_t expected, const char *file, int line, const char *what) {
    char detail[64];
    snprintf(detail, sizeof detail, "is 0x%08X, expected 0x%08X", (unsigned)is, (unsigned)expected);
    if (is != expected)
        tap_fail(file, line, what, detail);
    printf("ok %d - %s\n", ++tap_checks, what);
}

static inline void tap_one_of(int32_t is, int32_t a, int32_t b, int32_t c, const char *file, int line, const char *what) {
    char detail[96];
    snprintf(detail, sizeof detail, "is 0x%08X, expected 0x%08X, 0x%08X or 0x%08X", (unsigned)is, (unsigned)a, (unsigned)b, (unsigned)c);
    if (is != a && is != b && is != c)
        tap_fail(file, line, what, detail);
    printf("ok %d - %s\n", ++tap_checks, what);
}

static inline int tap_done(void) {
    printf("1..%d\n", tap_checks);
    return 0;
}

/* A condition; a call and its HRESULT; a call that has to succeed. */
#define CHECK(condition) tap_true(!!(condition), __FILE__, __LINE__, #condition)
#define CHECK_HR(call, expected) tap_equal((call), (expected), __FILE__, __LINE__, #call " answers " #expected)
#define OK(call) tap_equal((call), S_OK, __FILE__, __LINE__, #call " answers S_OK")
/* A call that is given a null pointer that it cannot do without. */
#define REFUSED(call) tap_one_of((call), E_POINTER, E_INVALIDARG, E_INVALIDARG, __FILE__, __LINE__, #call " is refused")
/* The same of a method that may not be supported at all, or not in this state. */
#define REFUSED_OR(call, also)                                                                                         \
    tap_one_of((call), E_POINTER, E_INVALIDARG, (also), __FILE__, __LINE__, #call " is refused or answers " #also)

#endif

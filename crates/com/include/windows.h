/* As much of windows.h as a client of the copy service uses: types, HRESULTs, COM, and a few functions that have an exact counterpart.
 *
 * A listed subset, no port of Windows. The list: windef.h, winerror.h, guiddef.h, unknwn.h, objidl.h, objbase.h (not with
 * WIN32_LEAN_AND_MEAN), and what is below. */
#ifndef BGCOPY_WINDOWS_H
#define BGCOPY_WINDOWS_H

#include "guiddef.h"
#include "windef.h"
#include "winerror.h"
#include <string.h>
#include <threads.h>
#include <time.h>
#ifndef COM_NO_WINDOWS_H
#include "objbase.h"
#endif

#define INFINITE 0xFFFFFFFFu
#define ZeroMemory(destination, length) memset((destination), 0, (length))
#define CopyMemory(destination, source, length) memcpy((destination), (source), (length))
#define ARRAYSIZE(array) (sizeof(array) / sizeof((array)[0]))
#define _countof(array) ARRAYSIZE(array)
#define UNREFERENCED_PARAMETER(parameter) ((void)(parameter))

#define LANG_NEUTRAL 0x00
#define LANG_ENGLISH 0x09
#define SUBLANG_NEUTRAL 0x00
#define SUBLANG_DEFAULT 0x01
#define SUBLANG_ENGLISH_US 0x01
#define MAKELANGID(primary, sub) ((WORD)(((WORD)(sub) << 10) | (WORD)(primary)))
#define MAKELCID(language, sort) ((DWORD)(((DWORD)(WORD)(sort) << 16) | (DWORD)(WORD)(language)))
#define LANGIDFROMLCID(lcid) ((WORD)(lcid))
#define PRIMARYLANGID(language) ((WORD)(language) & 0x3ff)

/* The service speaks English, whatever is asked for. */
static inline LCID GetThreadLocale(void) { return MAKELCID(MAKELANGID(LANG_ENGLISH, SUBLANG_ENGLISH_US), 0); }
static inline LANGID GetUserDefaultLangID(void) { return MAKELANGID(LANG_ENGLISH, SUBLANG_ENGLISH_US); }

static inline LONG InterlockedIncrement(volatile LONG *value) { return __atomic_add_fetch(value, 1, __ATOMIC_SEQ_CST); }
static inline LONG InterlockedDecrement(volatile LONG *value) { return __atomic_sub_fetch(value, 1, __ATOMIC_SEQ_CST); }
static inline LONG InterlockedExchange(volatile LONG *value, LONG now) { return __atomic_exchange_n(value, now, __ATOMIC_SEQ_CST); }
static inline LONG InterlockedCompareExchange(volatile LONG *value, LONG now, LONG expected) {
    __atomic_compare_exchange_n(value, &expected, now, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
    return expected;
}

/* In milliseconds; INFINITE is for ever. */
static inline void Sleep(DWORD milliseconds) {
    struct timespec left;
    left.tv_sec = (time_t)(milliseconds / 1000);
    left.tv_nsec = (long)(milliseconds % 1000) * 1000000;
    do {
        while (thrd_sleep(&left, &left) == -1) {
        }
    } while (milliseconds == INFINITE);
}

static inline int lstrlenW(LPCWSTR text) {
    int length = 0;
    if (text)
        while (text[length])
            length++;
    return length;
}

#endif

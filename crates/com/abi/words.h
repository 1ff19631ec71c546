/* Words between a program's arguments, which are UTF-8, and the interfaces, which take UTF-16. */
#ifndef WORDS_H
#define WORDS_H

#include <string.h>
#include <windows.h>

/* ASCII and UTF-8 into a buffer of `room` WCHARs, cut to fit, and the buffer. */
static inline LPWSTR wide_into(WCHAR *buffer, size_t room, const char *text) {
    const unsigned char *s = (const unsigned char *)text;
    size_t n = 0;
    while (*s && n + 2 < room) {
        uint32_t c = *s++;
        int more = c >= 0xF0 ? 3 : c >= 0xE0 ? 2 : c >= 0xC0 ? 1 : 0;
        if (more)
            c &= 0x3Fu >> more;
        while (more-- > 0 && *s)
            c = c << 6 | (*s++ & 0x3Fu);
        if (c >= 0x10000) {
            buffer[n++] = (WCHAR)(0xD800 + ((c - 0x10000) >> 10));
            buffer[n++] = (WCHAR)(0xDC00 + ((c - 0x10000) & 0x3FF));
        } else {
            buffer[n++] = (WCHAR)c;
        }
    }
    buffer[n] = 0;
    return buffer;
}

/* UTF-16 to ASCII with ? for the rest, for messages and paths. */
static inline char *narrow_into(char *buffer, size_t room, LPCWSTR text) {
    size_t n = 0;
    for (; text && text[n] && n + 1 < room; n++)
        buffer[n] = text[n] < 0x80 ? (char)text[n] : '?';
    buffer[n] = 0;
    return buffer;
}

static inline int same_words(LPCWSTR a, LPCWSTR b) {
    size_t n = 0;
    while (a[n] && a[n] == b[n])
        n++;
    return a[n] == b[n];
}

/* folder/name and base/name. */
static inline LPWSTR beneath(WCHAR *buffer, size_t room, const char *folder, const char *name) {
    char whole[4096];
    snprintf(whole, sizeof whole, "%s/%s", folder, name);
    return wide_into(buffer, room, whole);
}

#endif

/* The Windows types that the interfaces are written in.
 *
 * LONG, ULONG, DWORD, BOOL and HRESULT have 32 bits here too, where `long` has 64: print them with %d and %x, without `l`.
 * WCHAR has 16 bits: char16_t, with literals written u"…"; in a program built with -fshort-wchar it is wchar_t, with L"…". */
#ifndef BGCOPY_WINDEF_H
#define BGCOPY_WINDEF_H

#include <stddef.h>
#include <stdint.h>
#if !defined(__cplusplus) && __SIZEOF_WCHAR_T__ != 2
#include <uchar.h>
#endif

/* One calling convention: the platform's. */
#ifndef __stdcall
#define __stdcall
#endif
#ifndef __cdecl
#define __cdecl
#endif
#define WINAPI __stdcall
#define APIENTRY WINAPI
#define CALLBACK __stdcall

typedef int BOOL, *PBOOL, *LPBOOL;
typedef unsigned char BYTE, *PBYTE, *LPBYTE;
typedef unsigned char BOOLEAN, UCHAR;
typedef char CHAR, *PSTR, *LPSTR;
typedef const char *PCSTR, *LPCSTR;
typedef int16_t SHORT;
typedef uint16_t WORD, USHORT;
typedef int32_t INT, LONG, *PLONG, *LPLONG;
typedef uint32_t UINT, ULONG, DWORD, *PULONG, *PDWORD, *LPDWORD;
/* As on Windows, so that %llu and overloads on `unsigned long long` keep fitting. */
typedef long long INT64, LONG64, LONGLONG;
typedef unsigned long long UINT64, ULONG64, ULONGLONG, DWORD64, *PUINT64;
typedef int32_t INT32, LONG32;
typedef uint32_t UINT32, ULONG32;
typedef intptr_t INT_PTR, LONG_PTR;
typedef uintptr_t UINT_PTR, ULONG_PTR, DWORD_PTR;
typedef size_t SIZE_T;
typedef float FLOAT;
typedef double DOUBLE;
#define VOID void
typedef void *PVOID, *LPVOID;
typedef const void *LPCVOID;
typedef void *HANDLE;
typedef int32_t HRESULT;
typedef int32_t SCODE;
typedef uint32_t LCID;
typedef uint16_t LANGID;

#if __SIZEOF_WCHAR_T__ == 2
typedef wchar_t WCHAR;
#define BGCOPY_WIDE(text) L##text
#else
typedef char16_t WCHAR;
#define BGCOPY_WIDE(text) u##text
#endif
typedef WCHAR *PWSTR, *LPWSTR, OLECHAR, *LPOLESTR, TCHAR, *LPTSTR;
typedef const WCHAR *PCWSTR, *LPCWSTR, *LPCOLESTR, *LPCTSTR;

/* A literal of WCHARs, however the program is built: TEXT("a"), OLESTR("a"). */
#define TEXT(text) BGCOPY_WIDE(text)
#define OLESTR(text) BGCOPY_WIDE(text)

#ifndef TRUE
#define TRUE 1
#endif
#ifndef FALSE
#define FALSE 0
#endif
#define MAX_PATH 260
#define CONST const

/* Its parts and the whole; `u` is for a language without unnamed structs. */
typedef union _LARGE_INTEGER {
    __extension__ struct {
        DWORD LowPart;
        LONG HighPart;
    };
    struct bgcopy_parts {
        DWORD LowPart;
        LONG HighPart;
    } u;
    LONGLONG QuadPart;
} LARGE_INTEGER, *PLARGE_INTEGER;

typedef union _ULARGE_INTEGER {
    __extension__ struct {
        DWORD LowPart;
        DWORD HighPart;
    };
    struct bgcopy_unsigned_parts {
        DWORD LowPart;
        DWORD HighPart;
    } u;
    ULONGLONG QuadPart;
} ULARGE_INTEGER, *PULARGE_INTEGER;

/* 100 ns since 1601-01-01 UTC. */
typedef struct _FILETIME {
    DWORD dwLowDateTime;
    DWORD dwHighDateTime;
} FILETIME, *PFILETIME, *LPFILETIME;

#endif

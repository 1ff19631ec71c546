/* GUIDs, how they are defined, compared and passed: by pointer in C, by reference in C++.
 *
 * The constants IID_… and CLSID_… are exported by libdosvc. A program that defines INITGUID before its first header (or includes
 * initguid.h) has them in itself and needs no library for them. In C++ __uuidof never needs the library. */
#ifndef BGCOPY_GUIDDEF_H
#define BGCOPY_GUIDDEF_H

#include <stdint.h>
#include <string.h>

#ifndef EXTERN_C
#ifdef __cplusplus
#define EXTERN_C extern "C"
#else
#define EXTERN_C extern
#endif
#endif

typedef struct _GUID {
    uint32_t Data1;
    uint16_t Data2;
    uint16_t Data3;
    uint8_t Data4[8];
} GUID;

typedef GUID IID;
typedef GUID CLSID;
typedef GUID *LPGUID;
typedef const GUID *LPCGUID;
typedef IID *LPIID;
typedef CLSID *LPCLSID;

#ifdef __cplusplus
typedef const GUID &REFGUID;
typedef const IID &REFIID;
typedef const CLSID &REFCLSID;
static inline int IsEqualGUID(REFGUID a, REFGUID b) { return memcmp(&a, &b, sizeof(GUID)) == 0; }
inline bool operator==(REFGUID a, REFGUID b) { return IsEqualGUID(a, b) != 0; }
inline bool operator!=(REFGUID a, REFGUID b) { return IsEqualGUID(a, b) == 0; }
#else
typedef const GUID *REFGUID;
typedef const IID *REFIID;
typedef const CLSID *REFCLSID;
static inline int IsEqualGUID(REFGUID a, REFGUID b) { return memcmp(a, b, sizeof(GUID)) == 0; }
#endif

#define IsEqualIID(a, b) IsEqualGUID(a, b)
#define IsEqualCLSID(a, b) IsEqualGUID(a, b)

/* The second definition is weak: several files of a program may have it, and the library has it too. */
#define BGCOPY_DECLARE_GUID(name, d1, d2, d3, a, b, c, d, e, f, g, h) EXTERN_C const GUID name
#define BGCOPY_DEFINE_GUID(name, d1, d2, d3, a, b, c, d, e, f, g, h)                                                    \
    EXTERN_C const GUID name __attribute__((weak));                                                                    \
    const GUID name = {d1, d2, d3, {a, b, c, d, e, f, g, h}}

#endif /* BGCOPY_GUIDDEF_H */

/* Outside the guard: initguid.h may come after windows.h. */
#undef DEFINE_GUID
#ifdef INITGUID
#define DEFINE_GUID BGCOPY_DEFINE_GUID
#else
#define DEFINE_GUID BGCOPY_DECLARE_GUID
#endif

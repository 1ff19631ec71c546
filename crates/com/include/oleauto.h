/* BSTR, VARIANT and vectors of bytes, in which the properties of a download are passed. */
#ifndef BGCOPY_OLEAUTO_H
#define BGCOPY_OLEAUTO_H

#include "objbase.h"

/* Points to the first WCHAR; the four bytes before it are the length in bytes without the NUL. */
typedef OLECHAR *BSTR;
typedef unsigned short VARTYPE;
typedef short VARIANT_BOOL;
typedef double DATE;
#define VARIANT_TRUE ((VARIANT_BOOL)-1)
#define VARIANT_FALSE ((VARIANT_BOOL)0)

enum VARENUM {
    VT_EMPTY = 0,
    VT_NULL = 1,
    VT_I2 = 2,
    VT_I4 = 3,
    VT_R4 = 4,
    VT_R8 = 5,
    VT_DATE = 7,
    VT_BSTR = 8,
    VT_DISPATCH = 9,
    VT_ERROR = 10,
    VT_BOOL = 11,
    VT_VARIANT = 12,
    VT_UNKNOWN = 13,
    VT_I1 = 16,
    VT_UI1 = 17,
    VT_UI2 = 18,
    VT_UI4 = 19,
    VT_I8 = 20,
    VT_UI8 = 21,
    VT_INT = 22,
    VT_UINT = 23,
    VT_VECTOR = 0x1000,
    VT_ARRAY = 0x2000,
    VT_BYREF = 0x4000,
    VT_TYPEMASK = 0x0fff
};

typedef struct tagSAFEARRAYBOUND {
    ULONG cElements;
    LONG lLbound;
} SAFEARRAYBOUND;

typedef struct tagSAFEARRAY {
    USHORT cDims;
    USHORT fFeatures;
    ULONG cbElements;
    ULONG cLocks;
    PVOID pvData;
    SAFEARRAYBOUND rgsabound[1];
} SAFEARRAY, *LPSAFEARRAY;

/* Makes the union 16 bytes long. */
struct bgcopy_record {
    void *pvRecord;
    void *pRecInfo;
};

typedef struct tagVARIANT VARIANT, VARIANTARG, *LPVARIANT;
struct tagVARIANT {
    VARTYPE vt;
    WORD wReserved1;
    WORD wReserved2;
    WORD wReserved3;
    union {
        CHAR cVal;
        BYTE bVal;
        SHORT iVal;
        USHORT uiVal;
        LONG lVal;
        ULONG ulVal;
        INT intVal;
        UINT uintVal;
        LONGLONG llVal;
        ULONGLONG ullVal;
        FLOAT fltVal;
        DOUBLE dblVal;
        VARIANT_BOOL boolVal;
        SCODE scode;
        DATE date;
        BSTR bstrVal;
        IUnknown *punkVal;
        SAFEARRAY *parray;
        void *byref;
        BYTE *pbVal;
        LONG *plVal;
        BSTR *pbstrVal;
        IUnknown **ppunkVal;
        VARIANT *pvarVal;
        struct bgcopy_record brecVal;
    };
};

#define V_VT(x) ((x)->vt)
#define V_UNION(x, member) ((x)->member)
#define V_ARRAY(x) ((x)->parray)
#define V_BOOL(x) ((x)->boolVal)
#define V_BSTR(x) ((x)->bstrVal)
#define V_ERROR(x) ((x)->scode)
#define V_I4(x) ((x)->lVal)
#define V_I8(x) ((x)->llVal)
#define V_UI1(x) ((x)->bVal)
#define V_UI2(x) ((x)->uiVal)
#define V_UI4(x) ((x)->ulVal)
#define V_UI8(x) ((x)->ullVal)
#define V_UNKNOWN(x) ((x)->punkVal)
#define V_ISBYREF(x) (V_VT(x) & VT_BYREF)

STDAPI_(BSTR) SysAllocString(const OLECHAR *text);
/* length WCHARs of text, which may be NULL, and a NUL. */
STDAPI_(BSTR) SysAllocStringLen(const OLECHAR *text, UINT length);
/* In WCHARs, without the NUL. */
STDAPI_(UINT) SysStringLen(BSTR text);
STDAPI_(void) SysFreeString(BSTR text);
STDAPI_(void) VariantInit(VARIANTARG *variant);
/* Frees the string or releases the object inside. */
STDAPI VariantClear(VARIANTARG *variant);

/* Vectors of VT_UI1 only; NULL for another type. */
STDAPI_(SAFEARRAY *) SafeArrayCreateVector(VARTYPE type, LONG lower, ULONG elements);
STDAPI SafeArrayAccessData(SAFEARRAY *array, void **data);
STDAPI SafeArrayUnaccessData(SAFEARRAY *array);
STDAPI SafeArrayDestroy(SAFEARRAY *array);

#endif

/* IEnumUnknown, in which IDOManager::EnumDownloads answers, and IStream, to which a download can write. */
#ifndef BGCOPY_OBJIDL_H
#define BGCOPY_OBJIDL_H

#include "unknwn.h"

BGCOPY_INTERFACE_ID(IEnumUnknown, 0x00000100, 0x0000, 0x0000, 0xc0, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x46)

#define BGCOPY_ENUM_UNKNOWN_METHODS                                                                                    \
    STDMETHOD(Next)(THIS_ ULONG celt, IUnknown * *rgelt, ULONG * pceltFetched) PURE;                                   \
    STDMETHOD(Skip)(THIS_ ULONG celt) PURE;                                                                            \
    STDMETHOD(Reset)(THIS) PURE;                                                                                       \
    STDMETHOD(Clone)(THIS_ IEnumUnknown * *ppenum) PURE;

#undef INTERFACE
#define INTERFACE IEnumUnknown
DECLARE_INTERFACE_(IEnumUnknown, IUnknown) {
    BGCOPY_INHERIT(BGCOPY_UNKNOWN_METHODS)
    BGCOPY_ENUM_UNKNOWN_METHODS
};

BGCOPY_INTERFACE_ID(ISequentialStream, 0x0c733a30, 0x2a1c, 0x11ce, 0xad, 0xe5, 0x00, 0xaa, 0x00, 0x44, 0x77, 0x3d)
BGCOPY_INTERFACE_ID(IStream, 0x0000000c, 0x0000, 0x0000, 0xc0, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x46)

typedef struct tagSTATSTG {
    LPOLESTR pwcsName;
    DWORD type;
    ULARGE_INTEGER cbSize;
    FILETIME mtime;
    FILETIME ctime;
    FILETIME atime;
    DWORD grfMode;
    DWORD grfLocksSupported;
    CLSID clsid;
    DWORD grfStateBits;
    DWORD reserved;
} STATSTG;

#define BGCOPY_SEQUENTIAL_STREAM_METHODS                                                                               \
    STDMETHOD(Read)(THIS_ void *pv, ULONG cb, ULONG *pcbRead) PURE;                                                    \
    STDMETHOD(Write)(THIS_ const void *pv, ULONG cb, ULONG *pcbWritten) PURE;

#undef INTERFACE
#define INTERFACE ISequentialStream
DECLARE_INTERFACE_(ISequentialStream, IUnknown) {
    BGCOPY_INHERIT(BGCOPY_UNKNOWN_METHODS)
    BGCOPY_SEQUENTIAL_STREAM_METHODS
};

/* Implemented by the client. A download calls Write alone, in order, and the rest is never called. */
#define BGCOPY_STREAM_METHODS                                                                                          \
    STDMETHOD(Seek)(THIS_ LARGE_INTEGER dlibMove, DWORD dwOrigin, ULARGE_INTEGER * plibNewPosition) PURE;              \
    STDMETHOD(SetSize)(THIS_ ULARGE_INTEGER libNewSize) PURE;                                                          \
    STDMETHOD(CopyTo)(THIS_ IStream * pstm, ULARGE_INTEGER cb, ULARGE_INTEGER * pcbRead, ULARGE_INTEGER * pcbWritten)  \
        PURE;                                                                                                          \
    STDMETHOD(Commit)(THIS_ DWORD grfCommitFlags) PURE;                                                                \
    STDMETHOD(Revert)(THIS) PURE;                                                                                      \
    STDMETHOD(LockRegion)(THIS_ ULARGE_INTEGER libOffset, ULARGE_INTEGER cb, DWORD dwLockType) PURE;                   \
    STDMETHOD(UnlockRegion)(THIS_ ULARGE_INTEGER libOffset, ULARGE_INTEGER cb, DWORD dwLockType) PURE;                 \
    STDMETHOD(Stat)(THIS_ STATSTG * pstatstg, DWORD grfStatFlag) PURE;                                                 \
    STDMETHOD(Clone)(THIS_ IStream * *ppstm) PURE;

#undef INTERFACE
#define INTERFACE IStream
DECLARE_INTERFACE_(IStream, ISequentialStream) {
    BGCOPY_INHERIT(BGCOPY_UNKNOWN_METHODS)
    BGCOPY_INHERIT(BGCOPY_SEQUENTIAL_STREAM_METHODS)
    BGCOPY_STREAM_METHODS
};
typedef IStream *LPSTREAM;

#undef INTERFACE

#ifdef COBJMACROS
#define ISequentialStream_QueryInterface(p, riid, ppv) (p)->lpVtbl->QueryInterface(p, riid, ppv)
#define ISequentialStream_AddRef(p) (p)->lpVtbl->AddRef(p)
#define ISequentialStream_Release(p) (p)->lpVtbl->Release(p)
#define ISequentialStream_Read(p, pv, cb, pcbRead) (p)->lpVtbl->Read(p, pv, cb, pcbRead)
#define ISequentialStream_Write(p, pv, cb, pcbWritten) (p)->lpVtbl->Write(p, pv, cb, pcbWritten)

#define IStream_QueryInterface(p, riid, ppv) (p)->lpVtbl->QueryInterface(p, riid, ppv)
#define IStream_AddRef(p) (p)->lpVtbl->AddRef(p)
#define IStream_Release(p) (p)->lpVtbl->Release(p)
#define IStream_Read(p, pv, cb, pcbRead) (p)->lpVtbl->Read(p, pv, cb, pcbRead)
#define IStream_Write(p, pv, cb, pcbWritten) (p)->lpVtbl->Write(p, pv, cb, pcbWritten)

#define IEnumUnknown_QueryInterface(p, riid, ppv) (p)->lpVtbl->QueryInterface(p, riid, ppv)
#define IEnumUnknown_AddRef(p) (p)->lpVtbl->AddRef(p)
#define IEnumUnknown_Release(p) (p)->lpVtbl->Release(p)
#define IEnumUnknown_Next(p, celt, rgelt, fetched) (p)->lpVtbl->Next(p, celt, rgelt, fetched)
#define IEnumUnknown_Skip(p, celt) (p)->lpVtbl->Skip(p, celt)
#define IEnumUnknown_Reset(p) (p)->lpVtbl->Reset(p)
#define IEnumUnknown_Clone(p, ppenum) (p)->lpVtbl->Clone(p, ppenum)
#endif

#endif

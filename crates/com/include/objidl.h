/* IEnumUnknown, in which IDOManager::EnumDownloads answers. */
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

#undef INTERFACE

#ifdef COBJMACROS
#define IEnumUnknown_QueryInterface(p, riid, ppv) (p)->lpVtbl->QueryInterface(p, riid, ppv)
#define IEnumUnknown_AddRef(p) (p)->lpVtbl->AddRef(p)
#define IEnumUnknown_Release(p) (p)->lpVtbl->Release(p)
#define IEnumUnknown_Next(p, celt, rgelt, fetched) (p)->lpVtbl->Next(p, celt, rgelt, fetched)
#define IEnumUnknown_Skip(p, celt) (p)->lpVtbl->Skip(p, celt)
#define IEnumUnknown_Reset(p) (p)->lpVtbl->Reset(p)
#define IEnumUnknown_Clone(p, ppenum) (p)->lpVtbl->Clone(p, ppenum)
#endif

#endif

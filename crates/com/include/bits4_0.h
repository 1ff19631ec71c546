/* Version 4.0: where a file's bytes came from. */
#ifndef BGCOPY_BITS_H
#include "bits.h" /* which includes this file, in its turn */
#elif !defined(BGCOPY_BITS4_0_H)
#define BGCOPY_BITS4_0_H

BGCOPY_CLASS_ID(BackgroundCopyManager4_0, 0xbb6df56b, 0xcace, 0x11dc, 0x99, 0x92, 0x00, 0x19, 0xb9, 0x3a, 0x3a, 0x84)
BGCOPY_INTERFACE_ID(IBackgroundCopyFile4, 0xef7e0655, 0x7888, 0x4960, 0xb0, 0xe5, 0x73, 0x08, 0x46, 0xe0, 0x34, 0x92)

#define BGCOPY_FILE4_METHODS STDMETHOD(GetPeerDownloadStats)(THIS_ UINT64 * pFromOrigin, UINT64 * pFromPeers) PURE;

#undef INTERFACE
#define INTERFACE IBackgroundCopyFile4
DECLARE_INTERFACE_(IBackgroundCopyFile4, IBackgroundCopyFile3) {
    BGCOPY_INHERIT(BGCOPY_UNKNOWN_METHODS)
    BGCOPY_INHERIT(BGCOPY_FILE_METHODS)
    BGCOPY_INHERIT(BGCOPY_FILE2_METHODS)
    BGCOPY_INHERIT(BGCOPY_FILE3_METHODS)
    BGCOPY_FILE4_METHODS
};

#undef INTERFACE

#ifdef COBJMACROS
#define IBackgroundCopyFile4_QueryInterface(p, riid, ppvObject) (p)->lpVtbl->QueryInterface(p, riid, ppvObject)
#define IBackgroundCopyFile4_AddRef(p) (p)->lpVtbl->AddRef(p)
#define IBackgroundCopyFile4_Release(p) (p)->lpVtbl->Release(p)
#define IBackgroundCopyFile4_GetRemoteName(p, pVal) (p)->lpVtbl->GetRemoteName(p, pVal)
#define IBackgroundCopyFile4_GetLocalName(p, pVal) (p)->lpVtbl->GetLocalName(p, pVal)
#define IBackgroundCopyFile4_GetProgress(p, pVal) (p)->lpVtbl->GetProgress(p, pVal)
#define IBackgroundCopyFile4_GetFileRanges(p, RangeCount, Ranges) (p)->lpVtbl->GetFileRanges(p, RangeCount, Ranges)
#define IBackgroundCopyFile4_SetRemoteName(p, Val) (p)->lpVtbl->SetRemoteName(p, Val)
#define IBackgroundCopyFile4_GetTemporaryName(p, pFilename) (p)->lpVtbl->GetTemporaryName(p, pFilename)
#define IBackgroundCopyFile4_SetValidationState(p, state) (p)->lpVtbl->SetValidationState(p, state)
#define IBackgroundCopyFile4_GetValidationState(p, pState) (p)->lpVtbl->GetValidationState(p, pState)
#define IBackgroundCopyFile4_IsDownloadedFromPeer(p, pVal) (p)->lpVtbl->IsDownloadedFromPeer(p, pVal)
#define IBackgroundCopyFile4_GetPeerDownloadStats(p, pFromOrigin, pFromPeers) (p)->lpVtbl->GetPeerDownloadStats(p, pFromOrigin, pFromPeers)
#endif

#endif

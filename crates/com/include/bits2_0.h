/* Version 2.0: ranges of a file, changed remote names. */
#ifndef BGCOPY_BITS_H
#include "bits.h" /* which includes this file, in its turn */
#elif !defined(BGCOPY_BITS2_0_H)
#define BGCOPY_BITS2_0_H

BGCOPY_CLASS_ID(BackgroundCopyManager2_0, 0x6d18ad12, 0xbde3, 0x4393, 0xb3, 0x11, 0x09, 0x9c, 0x34, 0x6e, 0x6d, 0xf9)
BGCOPY_INTERFACE_ID(IBackgroundCopyJob3, 0x443c8934, 0x90ff, 0x48ed, 0xbc, 0xde, 0x26, 0xf5, 0xc7, 0x45, 0x00, 0x42)
BGCOPY_INTERFACE_ID(IBackgroundCopyFile2, 0x83e81b93, 0x0873, 0x474d, 0x8a, 0x8c, 0xf2, 0x01, 0x8b, 0x1a, 0x93, 0x9c)

/* The length of a range that reaches to the end of the file. */
#define BG_LENGTH_TO_EOF ((UINT64)-1)

/* IBackgroundCopyJob3::SetFileACLFlags. */
#define BG_COPY_FILE_OWNER 1
#define BG_COPY_FILE_GROUP 2
#define BG_COPY_FILE_DACL 4
#define BG_COPY_FILE_SACL 8
#define BG_COPY_FILE_ALL 15

typedef struct _BG_FILE_RANGE {
    UINT64 InitialOffset;
    UINT64 Length;
} BG_FILE_RANGE;

#define BGCOPY_JOB3_METHODS                                                                                            \
    STDMETHOD(ReplaceRemotePrefix)(THIS_ LPCWSTR OldPrefix, LPCWSTR NewPrefix) PURE;                                   \
    STDMETHOD(AddFileWithRanges)                                                                                       \
    (THIS_ LPCWSTR RemoteUrl, LPCWSTR LocalName, DWORD RangeCount, BG_FILE_RANGE Ranges[]) PURE;                       \
    STDMETHOD(SetFileACLFlags)(THIS_ DWORD Flags) PURE;                                                                \
    STDMETHOD(GetFileACLFlags)(THIS_ DWORD * Flags) PURE;

#undef INTERFACE
#define INTERFACE IBackgroundCopyJob3
DECLARE_INTERFACE_(IBackgroundCopyJob3, IBackgroundCopyJob2) {
    BGCOPY_INHERIT(BGCOPY_UNKNOWN_METHODS)
    BGCOPY_INHERIT(BGCOPY_JOB_METHODS)
    BGCOPY_INHERIT(BGCOPY_JOB2_METHODS)
    BGCOPY_JOB3_METHODS
};

#define BGCOPY_FILE2_METHODS                                                                                           \
    STDMETHOD(GetFileRanges)(THIS_ DWORD * RangeCount, BG_FILE_RANGE * *Ranges) PURE;                                  \
    STDMETHOD(SetRemoteName)(THIS_ LPCWSTR Val) PURE;

#undef INTERFACE
#define INTERFACE IBackgroundCopyFile2
DECLARE_INTERFACE_(IBackgroundCopyFile2, IBackgroundCopyFile) {
    BGCOPY_INHERIT(BGCOPY_UNKNOWN_METHODS)
    BGCOPY_INHERIT(BGCOPY_FILE_METHODS)
    BGCOPY_FILE2_METHODS
};

#undef INTERFACE

#ifdef COBJMACROS
#define IBackgroundCopyJob3_QueryInterface(p, riid, ppvObject) (p)->lpVtbl->QueryInterface(p, riid, ppvObject)
#define IBackgroundCopyJob3_AddRef(p) (p)->lpVtbl->AddRef(p)
#define IBackgroundCopyJob3_Release(p) (p)->lpVtbl->Release(p)
#define IBackgroundCopyJob3_AddFileSet(p, cFileCount, pFileSet) (p)->lpVtbl->AddFileSet(p, cFileCount, pFileSet)
#define IBackgroundCopyJob3_AddFile(p, RemoteUrl, LocalName) (p)->lpVtbl->AddFile(p, RemoteUrl, LocalName)
#define IBackgroundCopyJob3_EnumFiles(p, pEnum) (p)->lpVtbl->EnumFiles(p, pEnum)
#define IBackgroundCopyJob3_Suspend(p) (p)->lpVtbl->Suspend(p)
#define IBackgroundCopyJob3_Resume(p) (p)->lpVtbl->Resume(p)
#define IBackgroundCopyJob3_Cancel(p) (p)->lpVtbl->Cancel(p)
#define IBackgroundCopyJob3_Complete(p) (p)->lpVtbl->Complete(p)
#define IBackgroundCopyJob3_GetId(p, pVal) (p)->lpVtbl->GetId(p, pVal)
#define IBackgroundCopyJob3_GetType(p, pVal) (p)->lpVtbl->GetType(p, pVal)
#define IBackgroundCopyJob3_GetProgress(p, pVal) (p)->lpVtbl->GetProgress(p, pVal)
#define IBackgroundCopyJob3_GetTimes(p, pVal) (p)->lpVtbl->GetTimes(p, pVal)
#define IBackgroundCopyJob3_GetState(p, pVal) (p)->lpVtbl->GetState(p, pVal)
#define IBackgroundCopyJob3_GetError(p, ppError) (p)->lpVtbl->GetError(p, ppError)
#define IBackgroundCopyJob3_GetOwner(p, pVal) (p)->lpVtbl->GetOwner(p, pVal)
#define IBackgroundCopyJob3_SetDisplayName(p, Val) (p)->lpVtbl->SetDisplayName(p, Val)
#define IBackgroundCopyJob3_GetDisplayName(p, pVal) (p)->lpVtbl->GetDisplayName(p, pVal)
#define IBackgroundCopyJob3_SetDescription(p, Val) (p)->lpVtbl->SetDescription(p, Val)
#define IBackgroundCopyJob3_GetDescription(p, pVal) (p)->lpVtbl->GetDescription(p, pVal)
#define IBackgroundCopyJob3_SetPriority(p, Val) (p)->lpVtbl->SetPriority(p, Val)
#define IBackgroundCopyJob3_GetPriority(p, pVal) (p)->lpVtbl->GetPriority(p, pVal)
#define IBackgroundCopyJob3_SetNotifyFlags(p, Val) (p)->lpVtbl->SetNotifyFlags(p, Val)
#define IBackgroundCopyJob3_GetNotifyFlags(p, pVal) (p)->lpVtbl->GetNotifyFlags(p, pVal)
#define IBackgroundCopyJob3_SetNotifyInterface(p, Val) (p)->lpVtbl->SetNotifyInterface(p, Val)
#define IBackgroundCopyJob3_GetNotifyInterface(p, pVal) (p)->lpVtbl->GetNotifyInterface(p, pVal)
#define IBackgroundCopyJob3_SetMinimumRetryDelay(p, Seconds) (p)->lpVtbl->SetMinimumRetryDelay(p, Seconds)
#define IBackgroundCopyJob3_GetMinimumRetryDelay(p, Seconds) (p)->lpVtbl->GetMinimumRetryDelay(p, Seconds)
#define IBackgroundCopyJob3_SetNoProgressTimeout(p, Seconds) (p)->lpVtbl->SetNoProgressTimeout(p, Seconds)
#define IBackgroundCopyJob3_GetNoProgressTimeout(p, Seconds) (p)->lpVtbl->GetNoProgressTimeout(p, Seconds)
#define IBackgroundCopyJob3_GetErrorCount(p, Errors) (p)->lpVtbl->GetErrorCount(p, Errors)
#define IBackgroundCopyJob3_SetProxySettings(p, ProxyUsage, ProxyList, ProxyBypassList) (p)->lpVtbl->SetProxySettings(p, ProxyUsage, ProxyList, ProxyBypassList)
#define IBackgroundCopyJob3_GetProxySettings(p, pProxyUsage, pProxyList, pProxyBypassList) (p)->lpVtbl->GetProxySettings(p, pProxyUsage, pProxyList, pProxyBypassList)
#define IBackgroundCopyJob3_TakeOwnership(p) (p)->lpVtbl->TakeOwnership(p)
#define IBackgroundCopyJob3_SetNotifyCmdLine(p, Program, Parameters) (p)->lpVtbl->SetNotifyCmdLine(p, Program, Parameters)
#define IBackgroundCopyJob3_GetNotifyCmdLine(p, pProgram, pParameters) (p)->lpVtbl->GetNotifyCmdLine(p, pProgram, pParameters)
#define IBackgroundCopyJob3_GetReplyProgress(p, pProgress) (p)->lpVtbl->GetReplyProgress(p, pProgress)
#define IBackgroundCopyJob3_GetReplyData(p, ppBuffer, pLength) (p)->lpVtbl->GetReplyData(p, ppBuffer, pLength)
#define IBackgroundCopyJob3_SetReplyFileName(p, ReplyFileName) (p)->lpVtbl->SetReplyFileName(p, ReplyFileName)
#define IBackgroundCopyJob3_GetReplyFileName(p, pReplyFileName) (p)->lpVtbl->GetReplyFileName(p, pReplyFileName)
#define IBackgroundCopyJob3_SetCredentials(p, credentials) (p)->lpVtbl->SetCredentials(p, credentials)
#define IBackgroundCopyJob3_RemoveCredentials(p, Target, Scheme) (p)->lpVtbl->RemoveCredentials(p, Target, Scheme)
#define IBackgroundCopyJob3_ReplaceRemotePrefix(p, OldPrefix, NewPrefix) (p)->lpVtbl->ReplaceRemotePrefix(p, OldPrefix, NewPrefix)
#define IBackgroundCopyJob3_AddFileWithRanges(p, RemoteUrl, LocalName, RangeCount, Ranges) (p)->lpVtbl->AddFileWithRanges(p, RemoteUrl, LocalName, RangeCount, Ranges)
#define IBackgroundCopyJob3_SetFileACLFlags(p, Flags) (p)->lpVtbl->SetFileACLFlags(p, Flags)
#define IBackgroundCopyJob3_GetFileACLFlags(p, Flags) (p)->lpVtbl->GetFileACLFlags(p, Flags)

#define IBackgroundCopyFile2_QueryInterface(p, riid, ppvObject) (p)->lpVtbl->QueryInterface(p, riid, ppvObject)
#define IBackgroundCopyFile2_AddRef(p) (p)->lpVtbl->AddRef(p)
#define IBackgroundCopyFile2_Release(p) (p)->lpVtbl->Release(p)
#define IBackgroundCopyFile2_GetRemoteName(p, pVal) (p)->lpVtbl->GetRemoteName(p, pVal)
#define IBackgroundCopyFile2_GetLocalName(p, pVal) (p)->lpVtbl->GetLocalName(p, pVal)
#define IBackgroundCopyFile2_GetProgress(p, pVal) (p)->lpVtbl->GetProgress(p, pVal)
#define IBackgroundCopyFile2_GetFileRanges(p, RangeCount, Ranges) (p)->lpVtbl->GetFileRanges(p, RangeCount, Ranges)
#define IBackgroundCopyFile2_SetRemoteName(p, Val) (p)->lpVtbl->SetRemoteName(p, Val)
#endif

#endif

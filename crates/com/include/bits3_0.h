/* Version 3.0: a callback for each file, peers, a limit of the time, validation of a file. */
#ifndef BGCOPY_BITS_H
#include "bits.h" /* which includes this file, in its turn */
#elif !defined(BGCOPY_BITS3_0_H)
#define BGCOPY_BITS3_0_H

BGCOPY_CLASS_ID(BackgroundCopyManager3_0, 0x659cdea7, 0x489e, 0x11d9, 0xa9, 0xcd, 0x00, 0x0d, 0x56, 0x96, 0x52, 0x51)
BGCOPY_INTERFACE_ID(IBackgroundCopyCallback2, 0x659cdeac, 0x489e, 0x11d9, 0xa9, 0xcd, 0x00, 0x0d, 0x56, 0x96, 0x52, 0x51)
BGCOPY_INTERFACE_ID(IBackgroundCopyJob4, 0x659cdeae, 0x489e, 0x11d9, 0xa9, 0xcd, 0x00, 0x0d, 0x56, 0x96, 0x52, 0x51)
BGCOPY_INTERFACE_ID(IBackgroundCopyFile3, 0x659cdeaa, 0x489e, 0x11d9, 0xa9, 0xcd, 0x00, 0x0d, 0x56, 0x96, 0x52, 0x51)

/* IBackgroundCopyJob4::SetPeerCachingFlags. */
#define BG_JOB_ENABLE_PEERCACHING_CLIENT 0x0001
#define BG_JOB_ENABLE_PEERCACHING_SERVER 0x0002
#define BG_JOB_DISABLE_BRANCH_CACHE 0x0004

#define BGCOPY_CALLBACK2_METHODS                                                                                       \
    STDMETHOD(FileTransferred)(THIS_ IBackgroundCopyJob * pJob, IBackgroundCopyFile * pFile) PURE;

#undef INTERFACE
#define INTERFACE IBackgroundCopyCallback2
DECLARE_INTERFACE_(IBackgroundCopyCallback2, IBackgroundCopyCallback) {
    BGCOPY_INHERIT(BGCOPY_UNKNOWN_METHODS)
    BGCOPY_INHERIT(BGCOPY_CALLBACK_METHODS)
    BGCOPY_CALLBACK2_METHODS
};

#define BGCOPY_JOB4_METHODS                                                                                            \
    STDMETHOD(SetPeerCachingFlags)(THIS_ DWORD Flags) PURE;                                                            \
    STDMETHOD(GetPeerCachingFlags)(THIS_ DWORD * pFlags) PURE;                                                         \
    STDMETHOD(GetOwnerIntegrityLevel)(THIS_ ULONG * pLevel) PURE;                                                      \
    STDMETHOD(GetOwnerElevationState)(THIS_ BOOL * pElevated) PURE;                                                    \
    STDMETHOD(SetMaximumDownloadTime)(THIS_ ULONG Timeout) PURE;                                                       \
    STDMETHOD(GetMaximumDownloadTime)(THIS_ ULONG * pTimeout) PURE;

#undef INTERFACE
#define INTERFACE IBackgroundCopyJob4
DECLARE_INTERFACE_(IBackgroundCopyJob4, IBackgroundCopyJob3) {
    BGCOPY_INHERIT(BGCOPY_UNKNOWN_METHODS)
    BGCOPY_INHERIT(BGCOPY_JOB_METHODS)
    BGCOPY_INHERIT(BGCOPY_JOB2_METHODS)
    BGCOPY_INHERIT(BGCOPY_JOB3_METHODS)
    BGCOPY_JOB4_METHODS
};

#define BGCOPY_FILE3_METHODS                                                                                           \
    STDMETHOD(GetTemporaryName)(THIS_ LPWSTR * pFilename) PURE;                                                        \
    STDMETHOD(SetValidationState)(THIS_ BOOL state) PURE;                                                              \
    STDMETHOD(GetValidationState)(THIS_ BOOL * pState) PURE;                                                           \
    STDMETHOD(IsDownloadedFromPeer)(THIS_ BOOL * pVal) PURE;

#undef INTERFACE
#define INTERFACE IBackgroundCopyFile3
DECLARE_INTERFACE_(IBackgroundCopyFile3, IBackgroundCopyFile2) {
    BGCOPY_INHERIT(BGCOPY_UNKNOWN_METHODS)
    BGCOPY_INHERIT(BGCOPY_FILE_METHODS)
    BGCOPY_INHERIT(BGCOPY_FILE2_METHODS)
    BGCOPY_FILE3_METHODS
};

#undef INTERFACE

#ifdef COBJMACROS
#define IBackgroundCopyCallback2_QueryInterface(p, riid, ppvObject) (p)->lpVtbl->QueryInterface(p, riid, ppvObject)
#define IBackgroundCopyCallback2_AddRef(p) (p)->lpVtbl->AddRef(p)
#define IBackgroundCopyCallback2_Release(p) (p)->lpVtbl->Release(p)
#define IBackgroundCopyCallback2_JobTransferred(p, pJob) (p)->lpVtbl->JobTransferred(p, pJob)
#define IBackgroundCopyCallback2_JobError(p, pJob, pError) (p)->lpVtbl->JobError(p, pJob, pError)
#define IBackgroundCopyCallback2_JobModification(p, pJob, dwReserved) (p)->lpVtbl->JobModification(p, pJob, dwReserved)
#define IBackgroundCopyCallback2_FileTransferred(p, pJob, pFile) (p)->lpVtbl->FileTransferred(p, pJob, pFile)

#define IBackgroundCopyJob4_QueryInterface(p, riid, ppvObject) (p)->lpVtbl->QueryInterface(p, riid, ppvObject)
#define IBackgroundCopyJob4_AddRef(p) (p)->lpVtbl->AddRef(p)
#define IBackgroundCopyJob4_Release(p) (p)->lpVtbl->Release(p)
#define IBackgroundCopyJob4_AddFileSet(p, cFileCount, pFileSet) (p)->lpVtbl->AddFileSet(p, cFileCount, pFileSet)
#define IBackgroundCopyJob4_AddFile(p, RemoteUrl, LocalName) (p)->lpVtbl->AddFile(p, RemoteUrl, LocalName)
#define IBackgroundCopyJob4_EnumFiles(p, pEnum) (p)->lpVtbl->EnumFiles(p, pEnum)
#define IBackgroundCopyJob4_Suspend(p) (p)->lpVtbl->Suspend(p)
#define IBackgroundCopyJob4_Resume(p) (p)->lpVtbl->Resume(p)
#define IBackgroundCopyJob4_Cancel(p) (p)->lpVtbl->Cancel(p)
#define IBackgroundCopyJob4_Complete(p) (p)->lpVtbl->Complete(p)
#define IBackgroundCopyJob4_GetId(p, pVal) (p)->lpVtbl->GetId(p, pVal)
#define IBackgroundCopyJob4_GetType(p, pVal) (p)->lpVtbl->GetType(p, pVal)
#define IBackgroundCopyJob4_GetProgress(p, pVal) (p)->lpVtbl->GetProgress(p, pVal)
#define IBackgroundCopyJob4_GetTimes(p, pVal) (p)->lpVtbl->GetTimes(p, pVal)
#define IBackgroundCopyJob4_GetState(p, pVal) (p)->lpVtbl->GetState(p, pVal)
#define IBackgroundCopyJob4_GetError(p, ppError) (p)->lpVtbl->GetError(p, ppError)
#define IBackgroundCopyJob4_GetOwner(p, pVal) (p)->lpVtbl->GetOwner(p, pVal)
#define IBackgroundCopyJob4_SetDisplayName(p, Val) (p)->lpVtbl->SetDisplayName(p, Val)
#define IBackgroundCopyJob4_GetDisplayName(p, pVal) (p)->lpVtbl->GetDisplayName(p, pVal)
#define IBackgroundCopyJob4_SetDescription(p, Val) (p)->lpVtbl->SetDescription(p, Val)
#define IBackgroundCopyJob4_GetDescription(p, pVal) (p)->lpVtbl->GetDescription(p, pVal)
#define IBackgroundCopyJob4_SetPriority(p, Val) (p)->lpVtbl->SetPriority(p, Val)
#define IBackgroundCopyJob4_GetPriority(p, pVal) (p)->lpVtbl->GetPriority(p, pVal)
#define IBackgroundCopyJob4_SetNotifyFlags(p, Val) (p)->lpVtbl->SetNotifyFlags(p, Val)
#define IBackgroundCopyJob4_GetNotifyFlags(p, pVal) (p)->lpVtbl->GetNotifyFlags(p, pVal)
#define IBackgroundCopyJob4_SetNotifyInterface(p, Val) (p)->lpVtbl->SetNotifyInterface(p, Val)
#define IBackgroundCopyJob4_GetNotifyInterface(p, pVal) (p)->lpVtbl->GetNotifyInterface(p, pVal)
#define IBackgroundCopyJob4_SetMinimumRetryDelay(p, Seconds) (p)->lpVtbl->SetMinimumRetryDelay(p, Seconds)
#define IBackgroundCopyJob4_GetMinimumRetryDelay(p, Seconds) (p)->lpVtbl->GetMinimumRetryDelay(p, Seconds)
#define IBackgroundCopyJob4_SetNoProgressTimeout(p, Seconds) (p)->lpVtbl->SetNoProgressTimeout(p, Seconds)
#define IBackgroundCopyJob4_GetNoProgressTimeout(p, Seconds) (p)->lpVtbl->GetNoProgressTimeout(p, Seconds)
#define IBackgroundCopyJob4_GetErrorCount(p, Errors) (p)->lpVtbl->GetErrorCount(p, Errors)
#define IBackgroundCopyJob4_SetProxySettings(p, ProxyUsage, ProxyList, ProxyBypassList) (p)->lpVtbl->SetProxySettings(p, ProxyUsage, ProxyList, ProxyBypassList)
#define IBackgroundCopyJob4_GetProxySettings(p, pProxyUsage, pProxyList, pProxyBypassList) (p)->lpVtbl->GetProxySettings(p, pProxyUsage, pProxyList, pProxyBypassList)
#define IBackgroundCopyJob4_TakeOwnership(p) (p)->lpVtbl->TakeOwnership(p)
#define IBackgroundCopyJob4_SetNotifyCmdLine(p, Program, Parameters) (p)->lpVtbl->SetNotifyCmdLine(p, Program, Parameters)
#define IBackgroundCopyJob4_GetNotifyCmdLine(p, pProgram, pParameters) (p)->lpVtbl->GetNotifyCmdLine(p, pProgram, pParameters)
#define IBackgroundCopyJob4_GetReplyProgress(p, pProgress) (p)->lpVtbl->GetReplyProgress(p, pProgress)
#define IBackgroundCopyJob4_GetReplyData(p, ppBuffer, pLength) (p)->lpVtbl->GetReplyData(p, ppBuffer, pLength)
#define IBackgroundCopyJob4_SetReplyFileName(p, ReplyFileName) (p)->lpVtbl->SetReplyFileName(p, ReplyFileName)
#define IBackgroundCopyJob4_GetReplyFileName(p, pReplyFileName) (p)->lpVtbl->GetReplyFileName(p, pReplyFileName)
#define IBackgroundCopyJob4_SetCredentials(p, credentials) (p)->lpVtbl->SetCredentials(p, credentials)
#define IBackgroundCopyJob4_RemoveCredentials(p, Target, Scheme) (p)->lpVtbl->RemoveCredentials(p, Target, Scheme)
#define IBackgroundCopyJob4_ReplaceRemotePrefix(p, OldPrefix, NewPrefix) (p)->lpVtbl->ReplaceRemotePrefix(p, OldPrefix, NewPrefix)
#define IBackgroundCopyJob4_AddFileWithRanges(p, RemoteUrl, LocalName, RangeCount, Ranges) (p)->lpVtbl->AddFileWithRanges(p, RemoteUrl, LocalName, RangeCount, Ranges)
#define IBackgroundCopyJob4_SetFileACLFlags(p, Flags) (p)->lpVtbl->SetFileACLFlags(p, Flags)
#define IBackgroundCopyJob4_GetFileACLFlags(p, Flags) (p)->lpVtbl->GetFileACLFlags(p, Flags)
#define IBackgroundCopyJob4_SetPeerCachingFlags(p, Flags) (p)->lpVtbl->SetPeerCachingFlags(p, Flags)
#define IBackgroundCopyJob4_GetPeerCachingFlags(p, pFlags) (p)->lpVtbl->GetPeerCachingFlags(p, pFlags)
#define IBackgroundCopyJob4_GetOwnerIntegrityLevel(p, pLevel) (p)->lpVtbl->GetOwnerIntegrityLevel(p, pLevel)
#define IBackgroundCopyJob4_GetOwnerElevationState(p, pElevated) (p)->lpVtbl->GetOwnerElevationState(p, pElevated)
#define IBackgroundCopyJob4_SetMaximumDownloadTime(p, Timeout) (p)->lpVtbl->SetMaximumDownloadTime(p, Timeout)
#define IBackgroundCopyJob4_GetMaximumDownloadTime(p, pTimeout) (p)->lpVtbl->GetMaximumDownloadTime(p, pTimeout)

#define IBackgroundCopyFile3_QueryInterface(p, riid, ppvObject) (p)->lpVtbl->QueryInterface(p, riid, ppvObject)
#define IBackgroundCopyFile3_AddRef(p) (p)->lpVtbl->AddRef(p)
#define IBackgroundCopyFile3_Release(p) (p)->lpVtbl->Release(p)
#define IBackgroundCopyFile3_GetRemoteName(p, pVal) (p)->lpVtbl->GetRemoteName(p, pVal)
#define IBackgroundCopyFile3_GetLocalName(p, pVal) (p)->lpVtbl->GetLocalName(p, pVal)
#define IBackgroundCopyFile3_GetProgress(p, pVal) (p)->lpVtbl->GetProgress(p, pVal)
#define IBackgroundCopyFile3_GetFileRanges(p, RangeCount, Ranges) (p)->lpVtbl->GetFileRanges(p, RangeCount, Ranges)
#define IBackgroundCopyFile3_SetRemoteName(p, Val) (p)->lpVtbl->SetRemoteName(p, Val)
#define IBackgroundCopyFile3_GetTemporaryName(p, pFilename) (p)->lpVtbl->GetTemporaryName(p, pFilename)
#define IBackgroundCopyFile3_SetValidationState(p, state) (p)->lpVtbl->SetValidationState(p, state)
#define IBackgroundCopyFile3_GetValidationState(p, pState) (p)->lpVtbl->GetValidationState(p, pState)
#define IBackgroundCopyFile3_IsDownloadedFromPeer(p, pVal) (p)->lpVtbl->IsDownloadedFromPeer(p, pVal)
#endif

#endif

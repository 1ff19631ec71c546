/* Version 5.0: properties of jobs and files. */
#ifndef BGCOPY_BITS_H
#include "bits.h" /* which includes this file, in its turn */
#elif !defined(BGCOPY_BITS5_0_H)
#define BGCOPY_BITS5_0_H

BGCOPY_CLASS_ID(BackgroundCopyManager5_0, 0x1ecca34c, 0xe88a, 0x44e3, 0x8d, 0x6a, 0x89, 0x21, 0xbd, 0xe9, 0xe4, 0x52)
BGCOPY_INTERFACE_ID(IBackgroundCopyJob5, 0xe847030c, 0xbbba, 0x4657, 0xaf, 0x6d, 0x48, 0x4a, 0xa4, 0x2b, 0xf1, 0xfe)
BGCOPY_INTERFACE_ID(IBackgroundCopyFile5, 0x85c1657f, 0xdafc, 0x40e8, 0x88, 0x34, 0xdf, 0x18, 0xea, 0x25, 0x71, 0x7e)

/* BITS_JOB_PROPERTY_ID_COST_FLAGS. */
#define BITS_COST_STATE_UNRESTRICTED 0x1
#define BITS_COST_STATE_CAPPED_USAGE_UNKNOWN 0x2
#define BITS_COST_STATE_BELOW_CAP 0x4
#define BITS_COST_STATE_NEAR_CAP 0x8
#define BITS_COST_STATE_OVERCAP_CHARGED 0x10
#define BITS_COST_STATE_OVERCAP_THROTTLED 0x20
#define BITS_COST_STATE_USAGE_BASED 0x40
#define BITS_COST_STATE_ROAMING 0x80
#define BITS_COST_STATE_RESERVED 0x40000000
#define BITS_COST_OPTION_IGNORE_CONGESTION 0x80000000
#define BITS_COST_STATE_TRANSFER_UNRESTRICTED 0x80000021
#define BITS_COST_STATE_TRANSFER_STANDARD 0x80000067
#define BITS_COST_STATE_TRANSFER_NO_SURCHARGE 0x8000006f
#define BITS_COST_STATE_TRANSFER_NOT_ROAMING 0x8000007f
#define BITS_COST_STATE_TRANSFER_ALWAYS 0x800000ff

typedef enum BITS_JOB_PROPERTY_ID {
    BITS_JOB_PROPERTY_ID_COST_FLAGS = 1,                    /* Dword */
    BITS_JOB_PROPERTY_NOTIFICATION_CLSID = 2,               /* ClsID */
    BITS_JOB_PROPERTY_DYNAMIC_CONTENT = 3,                  /* Enable */
    BITS_JOB_PROPERTY_HIGH_PERFORMANCE = 4,                 /* Enable */
    BITS_JOB_PROPERTY_MAX_DOWNLOAD_SIZE = 5,                /* Uint64 */
    BITS_JOB_PROPERTY_USE_STORED_CREDENTIALS = 7,           /* Target */
    BITS_JOB_PROPERTY_MINIMUM_NOTIFICATION_INTERVAL_MS = 9, /* Dword */
    BITS_JOB_PROPERTY_ON_DEMAND_MODE = 10                   /* Enable */
} BITS_JOB_PROPERTY_ID;

/* 16 bytes, passed by value in two registers. */
typedef union _BITS_JOB_PROPERTY_VALUE {
    DWORD Dword;
    GUID ClsID;
    BOOL Enable;
    UINT64 Uint64;
    BG_AUTH_TARGET Target;
} BITS_JOB_PROPERTY_VALUE;

typedef enum BITS_FILE_PROPERTY_ID { BITS_FILE_PROPERTY_ID_HTTP_RESPONSE_HEADERS = 1 } BITS_FILE_PROPERTY_ID;

/* 8 bytes, passed by value. */
typedef union _BITS_FILE_PROPERTY_VALUE { LPWSTR String; } BITS_FILE_PROPERTY_VALUE;

#define BGCOPY_JOB5_METHODS                                                                                            \
    STDMETHOD(SetProperty)(THIS_ BITS_JOB_PROPERTY_ID PropertyId, BITS_JOB_PROPERTY_VALUE PropertyValue) PURE;         \
    STDMETHOD(GetProperty)(THIS_ BITS_JOB_PROPERTY_ID PropertyId, BITS_JOB_PROPERTY_VALUE * PropertyValue) PURE;

#undef INTERFACE
#define INTERFACE IBackgroundCopyJob5
DECLARE_INTERFACE_(IBackgroundCopyJob5, IBackgroundCopyJob4) {
    BGCOPY_INHERIT(BGCOPY_UNKNOWN_METHODS)
    BGCOPY_INHERIT(BGCOPY_JOB_METHODS)
    BGCOPY_INHERIT(BGCOPY_JOB2_METHODS)
    BGCOPY_INHERIT(BGCOPY_JOB3_METHODS)
    BGCOPY_INHERIT(BGCOPY_JOB4_METHODS)
    BGCOPY_JOB5_METHODS
};

#define BGCOPY_FILE5_METHODS                                                                                           \
    STDMETHOD(SetProperty)(THIS_ BITS_FILE_PROPERTY_ID PropertyId, BITS_FILE_PROPERTY_VALUE PropertyValue) PURE;       \
    STDMETHOD(GetProperty)(THIS_ BITS_FILE_PROPERTY_ID PropertyId, BITS_FILE_PROPERTY_VALUE * PropertyValue) PURE;

#undef INTERFACE
#define INTERFACE IBackgroundCopyFile5
DECLARE_INTERFACE_(IBackgroundCopyFile5, IBackgroundCopyFile4) {
    BGCOPY_INHERIT(BGCOPY_UNKNOWN_METHODS)
    BGCOPY_INHERIT(BGCOPY_FILE_METHODS)
    BGCOPY_INHERIT(BGCOPY_FILE2_METHODS)
    BGCOPY_INHERIT(BGCOPY_FILE3_METHODS)
    BGCOPY_INHERIT(BGCOPY_FILE4_METHODS)
    BGCOPY_FILE5_METHODS
};

#undef INTERFACE

#ifdef COBJMACROS
#define IBackgroundCopyJob5_QueryInterface(p, riid, ppvObject) (p)->lpVtbl->QueryInterface(p, riid, ppvObject)
#define IBackgroundCopyJob5_AddRef(p) (p)->lpVtbl->AddRef(p)
#define IBackgroundCopyJob5_Release(p) (p)->lpVtbl->Release(p)
#define IBackgroundCopyJob5_AddFileSet(p, cFileCount, pFileSet) (p)->lpVtbl->AddFileSet(p, cFileCount, pFileSet)
#define IBackgroundCopyJob5_AddFile(p, RemoteUrl, LocalName) (p)->lpVtbl->AddFile(p, RemoteUrl, LocalName)
#define IBackgroundCopyJob5_EnumFiles(p, pEnum) (p)->lpVtbl->EnumFiles(p, pEnum)
#define IBackgroundCopyJob5_Suspend(p) (p)->lpVtbl->Suspend(p)
#define IBackgroundCopyJob5_Resume(p) (p)->lpVtbl->Resume(p)
#define IBackgroundCopyJob5_Cancel(p) (p)->lpVtbl->Cancel(p)
#define IBackgroundCopyJob5_Complete(p) (p)->lpVtbl->Complete(p)
#define IBackgroundCopyJob5_GetId(p, pVal) (p)->lpVtbl->GetId(p, pVal)
#define IBackgroundCopyJob5_GetType(p, pVal) (p)->lpVtbl->GetType(p, pVal)
#define IBackgroundCopyJob5_GetProgress(p, pVal) (p)->lpVtbl->GetProgress(p, pVal)
#define IBackgroundCopyJob5_GetTimes(p, pVal) (p)->lpVtbl->GetTimes(p, pVal)
#define IBackgroundCopyJob5_GetState(p, pVal) (p)->lpVtbl->GetState(p, pVal)
#define IBackgroundCopyJob5_GetError(p, ppError) (p)->lpVtbl->GetError(p, ppError)
#define IBackgroundCopyJob5_GetOwner(p, pVal) (p)->lpVtbl->GetOwner(p, pVal)
#define IBackgroundCopyJob5_SetDisplayName(p, Val) (p)->lpVtbl->SetDisplayName(p, Val)
#define IBackgroundCopyJob5_GetDisplayName(p, pVal) (p)->lpVtbl->GetDisplayName(p, pVal)
#define IBackgroundCopyJob5_SetDescription(p, Val) (p)->lpVtbl->SetDescription(p, Val)
#define IBackgroundCopyJob5_GetDescription(p, pVal) (p)->lpVtbl->GetDescription(p, pVal)
#define IBackgroundCopyJob5_SetPriority(p, Val) (p)->lpVtbl->SetPriority(p, Val)
#define IBackgroundCopyJob5_GetPriority(p, pVal) (p)->lpVtbl->GetPriority(p, pVal)
#define IBackgroundCopyJob5_SetNotifyFlags(p, Val) (p)->lpVtbl->SetNotifyFlags(p, Val)
#define IBackgroundCopyJob5_GetNotifyFlags(p, pVal) (p)->lpVtbl->GetNotifyFlags(p, pVal)
#define IBackgroundCopyJob5_SetNotifyInterface(p, Val) (p)->lpVtbl->SetNotifyInterface(p, Val)
#define IBackgroundCopyJob5_GetNotifyInterface(p, pVal) (p)->lpVtbl->GetNotifyInterface(p, pVal)
#define IBackgroundCopyJob5_SetMinimumRetryDelay(p, Seconds) (p)->lpVtbl->SetMinimumRetryDelay(p, Seconds)
#define IBackgroundCopyJob5_GetMinimumRetryDelay(p, Seconds) (p)->lpVtbl->GetMinimumRetryDelay(p, Seconds)
#define IBackgroundCopyJob5_SetNoProgressTimeout(p, Seconds) (p)->lpVtbl->SetNoProgressTimeout(p, Seconds)
#define IBackgroundCopyJob5_GetNoProgressTimeout(p, Seconds) (p)->lpVtbl->GetNoProgressTimeout(p, Seconds)
#define IBackgroundCopyJob5_GetErrorCount(p, Errors) (p)->lpVtbl->GetErrorCount(p, Errors)
#define IBackgroundCopyJob5_SetProxySettings(p, ProxyUsage, ProxyList, ProxyBypassList) (p)->lpVtbl->SetProxySettings(p, ProxyUsage, ProxyList, ProxyBypassList)
#define IBackgroundCopyJob5_GetProxySettings(p, pProxyUsage, pProxyList, pProxyBypassList) (p)->lpVtbl->GetProxySettings(p, pProxyUsage, pProxyList, pProxyBypassList)
#define IBackgroundCopyJob5_TakeOwnership(p) (p)->lpVtbl->TakeOwnership(p)
#define IBackgroundCopyJob5_SetNotifyCmdLine(p, Program, Parameters) (p)->lpVtbl->SetNotifyCmdLine(p, Program, Parameters)
#define IBackgroundCopyJob5_GetNotifyCmdLine(p, pProgram, pParameters) (p)->lpVtbl->GetNotifyCmdLine(p, pProgram, pParameters)
#define IBackgroundCopyJob5_GetReplyProgress(p, pProgress) (p)->lpVtbl->GetReplyProgress(p, pProgress)
#define IBackgroundCopyJob5_GetReplyData(p, ppBuffer, pLength) (p)->lpVtbl->GetReplyData(p, ppBuffer, pLength)
#define IBackgroundCopyJob5_SetReplyFileName(p, ReplyFileName) (p)->lpVtbl->SetReplyFileName(p, ReplyFileName)
#define IBackgroundCopyJob5_GetReplyFileName(p, pReplyFileName) (p)->lpVtbl->GetReplyFileName(p, pReplyFileName)
#define IBackgroundCopyJob5_SetCredentials(p, credentials) (p)->lpVtbl->SetCredentials(p, credentials)
#define IBackgroundCopyJob5_RemoveCredentials(p, Target, Scheme) (p)->lpVtbl->RemoveCredentials(p, Target, Scheme)
#define IBackgroundCopyJob5_ReplaceRemotePrefix(p, OldPrefix, NewPrefix) (p)->lpVtbl->ReplaceRemotePrefix(p, OldPrefix, NewPrefix)
#define IBackgroundCopyJob5_AddFileWithRanges(p, RemoteUrl, LocalName, RangeCount, Ranges) (p)->lpVtbl->AddFileWithRanges(p, RemoteUrl, LocalName, RangeCount, Ranges)
#define IBackgroundCopyJob5_SetFileACLFlags(p, Flags) (p)->lpVtbl->SetFileACLFlags(p, Flags)
#define IBackgroundCopyJob5_GetFileACLFlags(p, Flags) (p)->lpVtbl->GetFileACLFlags(p, Flags)
#define IBackgroundCopyJob5_SetPeerCachingFlags(p, Flags) (p)->lpVtbl->SetPeerCachingFlags(p, Flags)
#define IBackgroundCopyJob5_GetPeerCachingFlags(p, pFlags) (p)->lpVtbl->GetPeerCachingFlags(p, pFlags)
#define IBackgroundCopyJob5_GetOwnerIntegrityLevel(p, pLevel) (p)->lpVtbl->GetOwnerIntegrityLevel(p, pLevel)
#define IBackgroundCopyJob5_GetOwnerElevationState(p, pElevated) (p)->lpVtbl->GetOwnerElevationState(p, pElevated)
#define IBackgroundCopyJob5_SetMaximumDownloadTime(p, Timeout) (p)->lpVtbl->SetMaximumDownloadTime(p, Timeout)
#define IBackgroundCopyJob5_GetMaximumDownloadTime(p, pTimeout) (p)->lpVtbl->GetMaximumDownloadTime(p, pTimeout)
#define IBackgroundCopyJob5_SetProperty(p, PropertyId, PropertyValue) (p)->lpVtbl->SetProperty(p, PropertyId, PropertyValue)
#define IBackgroundCopyJob5_GetProperty(p, PropertyId, PropertyValue) (p)->lpVtbl->GetProperty(p, PropertyId, PropertyValue)

#define IBackgroundCopyFile5_QueryInterface(p, riid, ppvObject) (p)->lpVtbl->QueryInterface(p, riid, ppvObject)
#define IBackgroundCopyFile5_AddRef(p) (p)->lpVtbl->AddRef(p)
#define IBackgroundCopyFile5_Release(p) (p)->lpVtbl->Release(p)
#define IBackgroundCopyFile5_GetRemoteName(p, pVal) (p)->lpVtbl->GetRemoteName(p, pVal)
#define IBackgroundCopyFile5_GetLocalName(p, pVal) (p)->lpVtbl->GetLocalName(p, pVal)
#define IBackgroundCopyFile5_GetProgress(p, pVal) (p)->lpVtbl->GetProgress(p, pVal)
#define IBackgroundCopyFile5_GetFileRanges(p, RangeCount, Ranges) (p)->lpVtbl->GetFileRanges(p, RangeCount, Ranges)
#define IBackgroundCopyFile5_SetRemoteName(p, Val) (p)->lpVtbl->SetRemoteName(p, Val)
#define IBackgroundCopyFile5_GetTemporaryName(p, pFilename) (p)->lpVtbl->GetTemporaryName(p, pFilename)
#define IBackgroundCopyFile5_SetValidationState(p, state) (p)->lpVtbl->SetValidationState(p, state)
#define IBackgroundCopyFile5_GetValidationState(p, pState) (p)->lpVtbl->GetValidationState(p, pState)
#define IBackgroundCopyFile5_IsDownloadedFromPeer(p, pVal) (p)->lpVtbl->IsDownloadedFromPeer(p, pVal)
#define IBackgroundCopyFile5_GetPeerDownloadStats(p, pFromOrigin, pFromPeers) (p)->lpVtbl->GetPeerDownloadStats(p, pFromOrigin, pFromPeers)
#define IBackgroundCopyFile5_SetProperty(p, PropertyId, PropertyValue) (p)->lpVtbl->SetProperty(p, PropertyId, PropertyValue)
#define IBackgroundCopyFile5_GetProperty(p, PropertyId, PropertyValue) (p)->lpVtbl->GetProperty(p, PropertyId, PropertyValue)
#endif

#endif

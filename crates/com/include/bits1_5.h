/* Version 1.5: command line notification, replies of an upload, credentials. */
#ifndef BGCOPY_BITS_H
#include "bits.h" /* which includes this file, in its turn */
#elif !defined(BGCOPY_BITS1_5_H)
#define BGCOPY_BITS1_5_H

BGCOPY_CLASS_ID(BackgroundCopyManager1_5, 0xf087771f, 0xd74f, 0x4c1a, 0xbb, 0x8a, 0xe1, 0x6a, 0xca, 0x91, 0x24, 0xea)
BGCOPY_INTERFACE_ID(IBackgroundCopyJob2, 0x54b50739, 0x686f, 0x45eb, 0x9d, 0xff, 0xd6, 0xa9, 0xa0, 0xfa, 0xa9, 0xaf)

typedef struct _BG_JOB_REPLY_PROGRESS {
    UINT64 BytesTotal;
    UINT64 BytesTransferred;
} BG_JOB_REPLY_PROGRESS;

typedef enum BG_AUTH_TARGET { BG_AUTH_TARGET_SERVER = 1, BG_AUTH_TARGET_PROXY = 2 } BG_AUTH_TARGET;

typedef enum BG_AUTH_SCHEME {
    BG_AUTH_SCHEME_BASIC = 1,
    BG_AUTH_SCHEME_DIGEST = 2,
    BG_AUTH_SCHEME_NTLM = 3,
    BG_AUTH_SCHEME_NEGOTIATE = 4,
    BG_AUTH_SCHEME_PASSPORT = 5
} BG_AUTH_SCHEME;

typedef struct BG_BASIC_CREDENTIALS {
    LPWSTR UserName;
    LPWSTR Password;
} BG_BASIC_CREDENTIALS, *PBG_BASIC_CREDENTIALS;

typedef union BG_AUTH_CREDENTIALS_UNION { BG_BASIC_CREDENTIALS Basic; } BG_AUTH_CREDENTIALS_UNION;

typedef struct BG_AUTH_CREDENTIALS {
    BG_AUTH_TARGET Target;
    BG_AUTH_SCHEME Scheme;
    BG_AUTH_CREDENTIALS_UNION Credentials;
} BG_AUTH_CREDENTIALS, *PBG_AUTH_CREDENTIALS;

#define BGCOPY_JOB2_METHODS                                                                                            \
    STDMETHOD(SetNotifyCmdLine)(THIS_ LPCWSTR Program, LPCWSTR Parameters) PURE;                                       \
    STDMETHOD(GetNotifyCmdLine)(THIS_ LPWSTR * pProgram, LPWSTR * pParameters) PURE;                                   \
    STDMETHOD(GetReplyProgress)(THIS_ BG_JOB_REPLY_PROGRESS * pProgress) PURE;                                         \
    STDMETHOD(GetReplyData)(THIS_ BYTE * *ppBuffer, UINT64 * pLength) PURE;                                            \
    STDMETHOD(SetReplyFileName)(THIS_ LPCWSTR ReplyFileName) PURE;                                                     \
    STDMETHOD(GetReplyFileName)(THIS_ LPWSTR * pReplyFileName) PURE;                                                   \
    STDMETHOD(SetCredentials)(THIS_ BG_AUTH_CREDENTIALS * credentials) PURE;                                           \
    STDMETHOD(RemoveCredentials)(THIS_ BG_AUTH_TARGET Target, BG_AUTH_SCHEME Scheme) PURE;

#undef INTERFACE
#define INTERFACE IBackgroundCopyJob2
DECLARE_INTERFACE_(IBackgroundCopyJob2, IBackgroundCopyJob) {
    BGCOPY_INHERIT(BGCOPY_UNKNOWN_METHODS)
    BGCOPY_INHERIT(BGCOPY_JOB_METHODS)
    BGCOPY_JOB2_METHODS
};

#undef INTERFACE

#ifdef COBJMACROS
#define IBackgroundCopyJob2_QueryInterface(p, riid, ppvObject) (p)->lpVtbl->QueryInterface(p, riid, ppvObject)
#define IBackgroundCopyJob2_AddRef(p) (p)->lpVtbl->AddRef(p)
#define IBackgroundCopyJob2_Release(p) (p)->lpVtbl->Release(p)
#define IBackgroundCopyJob2_AddFileSet(p, cFileCount, pFileSet) (p)->lpVtbl->AddFileSet(p, cFileCount, pFileSet)
#define IBackgroundCopyJob2_AddFile(p, RemoteUrl, LocalName) (p)->lpVtbl->AddFile(p, RemoteUrl, LocalName)
#define IBackgroundCopyJob2_EnumFiles(p, pEnum) (p)->lpVtbl->EnumFiles(p, pEnum)
#define IBackgroundCopyJob2_Suspend(p) (p)->lpVtbl->Suspend(p)
#define IBackgroundCopyJob2_Resume(p) (p)->lpVtbl->Resume(p)
#define IBackgroundCopyJob2_Cancel(p) (p)->lpVtbl->Cancel(p)
#define IBackgroundCopyJob2_Complete(p) (p)->lpVtbl->Complete(p)
#define IBackgroundCopyJob2_GetId(p, pVal) (p)->lpVtbl->GetId(p, pVal)
#define IBackgroundCopyJob2_GetType(p, pVal) (p)->lpVtbl->GetType(p, pVal)
#define IBackgroundCopyJob2_GetProgress(p, pVal) (p)->lpVtbl->GetProgress(p, pVal)
#define IBackgroundCopyJob2_GetTimes(p, pVal) (p)->lpVtbl->GetTimes(p, pVal)
#define IBackgroundCopyJob2_GetState(p, pVal) (p)->lpVtbl->GetState(p, pVal)
#define IBackgroundCopyJob2_GetError(p, ppError) (p)->lpVtbl->GetError(p, ppError)
#define IBackgroundCopyJob2_GetOwner(p, pVal) (p)->lpVtbl->GetOwner(p, pVal)
#define IBackgroundCopyJob2_SetDisplayName(p, Val) (p)->lpVtbl->SetDisplayName(p, Val)
#define IBackgroundCopyJob2_GetDisplayName(p, pVal) (p)->lpVtbl->GetDisplayName(p, pVal)
#define IBackgroundCopyJob2_SetDescription(p, Val) (p)->lpVtbl->SetDescription(p, Val)
#define IBackgroundCopyJob2_GetDescription(p, pVal) (p)->lpVtbl->GetDescription(p, pVal)
#define IBackgroundCopyJob2_SetPriority(p, Val) (p)->lpVtbl->SetPriority(p, Val)
#define IBackgroundCopyJob2_GetPriority(p, pVal) (p)->lpVtbl->GetPriority(p, pVal)
#define IBackgroundCopyJob2_SetNotifyFlags(p, Val) (p)->lpVtbl->SetNotifyFlags(p, Val)
#define IBackgroundCopyJob2_GetNotifyFlags(p, pVal) (p)->lpVtbl->GetNotifyFlags(p, pVal)
#define IBackgroundCopyJob2_SetNotifyInterface(p, Val) (p)->lpVtbl->SetNotifyInterface(p, Val)
#define IBackgroundCopyJob2_GetNotifyInterface(p, pVal) (p)->lpVtbl->GetNotifyInterface(p, pVal)
#define IBackgroundCopyJob2_SetMinimumRetryDelay(p, Seconds) (p)->lpVtbl->SetMinimumRetryDelay(p, Seconds)
#define IBackgroundCopyJob2_GetMinimumRetryDelay(p, Seconds) (p)->lpVtbl->GetMinimumRetryDelay(p, Seconds)
#define IBackgroundCopyJob2_SetNoProgressTimeout(p, Seconds) (p)->lpVtbl->SetNoProgressTimeout(p, Seconds)
#define IBackgroundCopyJob2_GetNoProgressTimeout(p, Seconds) (p)->lpVtbl->GetNoProgressTimeout(p, Seconds)
#define IBackgroundCopyJob2_GetErrorCount(p, Errors) (p)->lpVtbl->GetErrorCount(p, Errors)
#define IBackgroundCopyJob2_SetProxySettings(p, ProxyUsage, ProxyList, ProxyBypassList) (p)->lpVtbl->SetProxySettings(p, ProxyUsage, ProxyList, ProxyBypassList)
#define IBackgroundCopyJob2_GetProxySettings(p, pProxyUsage, pProxyList, pProxyBypassList) (p)->lpVtbl->GetProxySettings(p, pProxyUsage, pProxyList, pProxyBypassList)
#define IBackgroundCopyJob2_TakeOwnership(p) (p)->lpVtbl->TakeOwnership(p)
#define IBackgroundCopyJob2_SetNotifyCmdLine(p, Program, Parameters) (p)->lpVtbl->SetNotifyCmdLine(p, Program, Parameters)
#define IBackgroundCopyJob2_GetNotifyCmdLine(p, pProgram, pParameters) (p)->lpVtbl->GetNotifyCmdLine(p, pProgram, pParameters)
#define IBackgroundCopyJob2_GetReplyProgress(p, pProgress) (p)->lpVtbl->GetReplyProgress(p, pProgress)
#define IBackgroundCopyJob2_GetReplyData(p, ppBuffer, pLength) (p)->lpVtbl->GetReplyData(p, ppBuffer, pLength)
#define IBackgroundCopyJob2_SetReplyFileName(p, ReplyFileName) (p)->lpVtbl->SetReplyFileName(p, ReplyFileName)
#define IBackgroundCopyJob2_GetReplyFileName(p, pReplyFileName) (p)->lpVtbl->GetReplyFileName(p, pReplyFileName)
#define IBackgroundCopyJob2_SetCredentials(p, credentials) (p)->lpVtbl->SetCredentials(p, credentials)
#define IBackgroundCopyJob2_RemoveCredentials(p, Target, Scheme) (p)->lpVtbl->RemoveCredentials(p, Target, Scheme)
#endif

#endif

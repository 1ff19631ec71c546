/* Background copy jobs, first version: manager, job, file, error, enumerators, callback. Includes the later versions at its end.
 *
 * Written for libdosvc; names, numbers and the order of the methods are the ABI's. What a method does is in docs/com.md. */
#ifndef BGCOPY_BITS_H
#define BGCOPY_BITS_H

#ifndef COM_NO_WINDOWS_H
#include "windows.h"
#endif
#include "bitsmsg.h"
#include "unknwn.h"

BGCOPY_CLASS_ID(BackgroundCopyManager, 0x4991d34b, 0x80a1, 0x4291, 0x83, 0xb6, 0x33, 0x28, 0x36, 0x6b, 0x90, 0x97)
BGCOPY_INTERFACE_ID(IBackgroundCopyFile, 0x01b7bd23, 0xfb88, 0x4a77, 0x84, 0x90, 0x58, 0x91, 0xd3, 0xe4, 0x65, 0x3a)
BGCOPY_INTERFACE_ID(IEnumBackgroundCopyFiles, 0xca51e165, 0xc365, 0x424c, 0x8d, 0x41, 0x24, 0xaa, 0xa4, 0xff, 0x3c, 0x40)
BGCOPY_INTERFACE_ID(IBackgroundCopyError, 0x19c613a0, 0xfcb8, 0x4f28, 0x81, 0xae, 0x89, 0x7c, 0x3d, 0x07, 0x8f, 0x81)
BGCOPY_INTERFACE_ID(IBackgroundCopyJob, 0x37668d37, 0x507e, 0x4160, 0x93, 0x16, 0x26, 0x30, 0x6d, 0x15, 0x0b, 0x12)
BGCOPY_INTERFACE_ID(IEnumBackgroundCopyJobs, 0x1af4f612, 0x3b71, 0x466f, 0x8f, 0x58, 0x7b, 0x6f, 0x73, 0xac, 0x57, 0xad)
BGCOPY_INTERFACE_ID(IBackgroundCopyCallback, 0x97ea99c7, 0x0186, 0x4ad4, 0x8d, 0xf9, 0xc5, 0xb4, 0xe0, 0xed, 0x6b, 0x22)
BGCOPY_INTERFACE_ID(IBackgroundCopyManager, 0x5ce34c0d, 0x0dc9, 0x4c1f, 0x89, 0x7c, 0xda, 0xa1, 0xb7, 0x8c, 0xee, 0x7c)

/* A number of bytes that is not known. */
#define BG_SIZE_UNKNOWN ((UINT64)-1)

/* IBackgroundCopyJob::SetNotifyFlags. The default is BG_NOTIFY_JOB_TRANSFERRED | BG_NOTIFY_JOB_ERROR. */
#define BG_NOTIFY_JOB_TRANSFERRED 0x0001
#define BG_NOTIFY_JOB_ERROR 0x0002
#define BG_NOTIFY_DISABLE 0x0004
#define BG_NOTIFY_JOB_MODIFICATION 0x0008
#define BG_NOTIFY_FILE_TRANSFERRED 0x0010
#define BG_NOTIFY_FILE_RANGES_TRANSFERRED 0x0020

/* IBackgroundCopyManager::EnumJobs: everybody's jobs, for an administrator. */
#define BG_JOB_ENUM_ALL_USERS 0x0001

typedef enum BG_ERROR_CONTEXT {
    BG_ERROR_CONTEXT_NONE = 0,
    BG_ERROR_CONTEXT_UNKNOWN = 1,
    BG_ERROR_CONTEXT_GENERAL_QUEUE_MANAGER = 2,
    BG_ERROR_CONTEXT_QUEUE_MANAGER_NOTIFICATION = 3,
    BG_ERROR_CONTEXT_LOCAL_FILE = 4,
    BG_ERROR_CONTEXT_REMOTE_FILE = 5,
    BG_ERROR_CONTEXT_GENERAL_TRANSPORT = 6,
    BG_ERROR_CONTEXT_REMOTE_APPLICATION = 7,
    BG_ERROR_CONTEXT_SERVER_CERTIFICATE_CALLBACK = 8
} BG_ERROR_CONTEXT;

typedef enum BG_JOB_PRIORITY {
    BG_JOB_PRIORITY_FOREGROUND = 0,
    BG_JOB_PRIORITY_HIGH = 1,
    BG_JOB_PRIORITY_NORMAL = 2,
    BG_JOB_PRIORITY_LOW = 3
} BG_JOB_PRIORITY;

typedef enum BG_JOB_STATE {
    BG_JOB_STATE_QUEUED = 0,
    BG_JOB_STATE_CONNECTING = 1,
    BG_JOB_STATE_TRANSFERRING = 2,
    BG_JOB_STATE_SUSPENDED = 3,
    BG_JOB_STATE_ERROR = 4,
    BG_JOB_STATE_TRANSIENT_ERROR = 5,
    BG_JOB_STATE_TRANSFERRED = 6,
    BG_JOB_STATE_ACKNOWLEDGED = 7,
    BG_JOB_STATE_CANCELLED = 8
} BG_JOB_STATE;

typedef enum BG_JOB_TYPE { BG_JOB_TYPE_DOWNLOAD = 0, BG_JOB_TYPE_UPLOAD = 1, BG_JOB_TYPE_UPLOAD_REPLY = 2 } BG_JOB_TYPE;

typedef enum BG_JOB_PROXY_USAGE {
    BG_JOB_PROXY_USAGE_PRECONFIG = 0,
    BG_JOB_PROXY_USAGE_NO_PROXY = 1,
    BG_JOB_PROXY_USAGE_OVERRIDE = 2,
    BG_JOB_PROXY_USAGE_AUTODETECT = 3
} BG_JOB_PROXY_USAGE;

typedef struct _BG_FILE_PROGRESS {
    UINT64 BytesTotal;
    UINT64 BytesTransferred;
    BOOL Completed;
} BG_FILE_PROGRESS;

typedef struct _BG_FILE_INFO {
    LPWSTR RemoteName;
    LPWSTR LocalName;
} BG_FILE_INFO;

typedef struct _BG_JOB_PROGRESS {
    UINT64 BytesTotal;
    UINT64 BytesTransferred;
    ULONG FilesTotal;
    ULONG FilesTransferred;
} BG_JOB_PROGRESS;

typedef struct _BG_JOB_TIMES {
    FILETIME CreationTime;
    FILETIME ModificationTime;
    FILETIME TransferCompletionTime;
} BG_JOB_TIMES;

#define BGCOPY_FILE_METHODS                                                                                            \
    STDMETHOD(GetRemoteName)(THIS_ LPWSTR * pVal) PURE;                                                                \
    STDMETHOD(GetLocalName)(THIS_ LPWSTR * pVal) PURE;                                                                 \
    STDMETHOD(GetProgress)(THIS_ BG_FILE_PROGRESS * pVal) PURE;

#undef INTERFACE
#define INTERFACE IBackgroundCopyFile
DECLARE_INTERFACE_(IBackgroundCopyFile, IUnknown) {
    BGCOPY_INHERIT(BGCOPY_UNKNOWN_METHODS)
    BGCOPY_FILE_METHODS
};

/* Next answers S_FALSE when fewer than celt were left; pceltFetched may be NULL when celt is 1. */
#define BGCOPY_ENUM_FILES_METHODS                                                                                      \
    STDMETHOD(Next)(THIS_ ULONG celt, IBackgroundCopyFile * *rgelt, ULONG * pceltFetched) PURE;                        \
    STDMETHOD(Skip)(THIS_ ULONG celt) PURE;                                                                            \
    STDMETHOD(Reset)(THIS) PURE;                                                                                       \
    STDMETHOD(Clone)(THIS_ IEnumBackgroundCopyFiles * *ppenum) PURE;                                                   \
    STDMETHOD(GetCount)(THIS_ ULONG * puCount) PURE;

#undef INTERFACE
#define INTERFACE IEnumBackgroundCopyFiles
DECLARE_INTERFACE_(IEnumBackgroundCopyFiles, IUnknown) {
    BGCOPY_INHERIT(BGCOPY_UNKNOWN_METHODS)
    BGCOPY_ENUM_FILES_METHODS
};

#define BGCOPY_ERROR_METHODS                                                                                           \
    STDMETHOD(GetError)(THIS_ BG_ERROR_CONTEXT * pContext, HRESULT * pCode) PURE;                                      \
    STDMETHOD(GetFile)(THIS_ IBackgroundCopyFile * *pVal) PURE;                                                        \
    STDMETHOD(GetErrorDescription)(THIS_ DWORD LanguageId, LPWSTR * pErrorDescription) PURE;                           \
    STDMETHOD(GetErrorContextDescription)(THIS_ DWORD LanguageId, LPWSTR * pContextDescription) PURE;                  \
    STDMETHOD(GetProtocol)(THIS_ LPWSTR * pProtocol) PURE;

#undef INTERFACE
#define INTERFACE IBackgroundCopyError
DECLARE_INTERFACE_(IBackgroundCopyError, IUnknown) {
    BGCOPY_INHERIT(BGCOPY_UNKNOWN_METHODS)
    BGCOPY_ERROR_METHODS
};

#define BGCOPY_JOB_METHODS                                                                                             \
    STDMETHOD(AddFileSet)(THIS_ ULONG cFileCount, BG_FILE_INFO * pFileSet) PURE;                                       \
    STDMETHOD(AddFile)(THIS_ LPCWSTR RemoteUrl, LPCWSTR LocalName) PURE;                                               \
    STDMETHOD(EnumFiles)(THIS_ IEnumBackgroundCopyFiles * *pEnum) PURE;                                                \
    STDMETHOD(Suspend)(THIS) PURE;                                                                                     \
    STDMETHOD(Resume)(THIS) PURE;                                                                                      \
    STDMETHOD(Cancel)(THIS) PURE;                                                                                      \
    STDMETHOD(Complete)(THIS) PURE;                                                                                    \
    STDMETHOD(GetId)(THIS_ GUID * pVal) PURE;                                                                          \
    STDMETHOD(GetType)(THIS_ BG_JOB_TYPE * pVal) PURE;                                                                 \
    STDMETHOD(GetProgress)(THIS_ BG_JOB_PROGRESS * pVal) PURE;                                                         \
    STDMETHOD(GetTimes)(THIS_ BG_JOB_TIMES * pVal) PURE;                                                               \
    STDMETHOD(GetState)(THIS_ BG_JOB_STATE * pVal) PURE;                                                               \
    STDMETHOD(GetError)(THIS_ IBackgroundCopyError * *ppError) PURE;                                                   \
    STDMETHOD(GetOwner)(THIS_ LPWSTR * pVal) PURE;                                                                     \
    STDMETHOD(SetDisplayName)(THIS_ LPCWSTR Val) PURE;                                                                 \
    STDMETHOD(GetDisplayName)(THIS_ LPWSTR * pVal) PURE;                                                               \
    STDMETHOD(SetDescription)(THIS_ LPCWSTR Val) PURE;                                                                 \
    STDMETHOD(GetDescription)(THIS_ LPWSTR * pVal) PURE;                                                               \
    STDMETHOD(SetPriority)(THIS_ BG_JOB_PRIORITY Val) PURE;                                                            \
    STDMETHOD(GetPriority)(THIS_ BG_JOB_PRIORITY * pVal) PURE;                                                         \
    STDMETHOD(SetNotifyFlags)(THIS_ ULONG Val) PURE;                                                                   \
    STDMETHOD(GetNotifyFlags)(THIS_ ULONG * pVal) PURE;                                                                \
    STDMETHOD(SetNotifyInterface)(THIS_ IUnknown * Val) PURE;                                                          \
    STDMETHOD(GetNotifyInterface)(THIS_ IUnknown * *pVal) PURE;                                                        \
    STDMETHOD(SetMinimumRetryDelay)(THIS_ ULONG Seconds) PURE;                                                         \
    STDMETHOD(GetMinimumRetryDelay)(THIS_ ULONG * Seconds) PURE;                                                       \
    STDMETHOD(SetNoProgressTimeout)(THIS_ ULONG Seconds) PURE;                                                         \
    STDMETHOD(GetNoProgressTimeout)(THIS_ ULONG * Seconds) PURE;                                                       \
    STDMETHOD(GetErrorCount)(THIS_ ULONG * Errors) PURE;                                                               \
    STDMETHOD(SetProxySettings)                                                                                        \
    (THIS_ BG_JOB_PROXY_USAGE ProxyUsage, const WCHAR *ProxyList, const WCHAR *ProxyBypassList) PURE;                  \
    STDMETHOD(GetProxySettings)                                                                                        \
    (THIS_ BG_JOB_PROXY_USAGE * pProxyUsage, LPWSTR * pProxyList, LPWSTR * pProxyBypassList) PURE;                     \
    STDMETHOD(TakeOwnership)(THIS) PURE;

#undef INTERFACE
#define INTERFACE IBackgroundCopyJob
DECLARE_INTERFACE_(IBackgroundCopyJob, IUnknown) {
    BGCOPY_INHERIT(BGCOPY_UNKNOWN_METHODS)
    BGCOPY_JOB_METHODS
};

#define BGCOPY_ENUM_JOBS_METHODS                                                                                       \
    STDMETHOD(Next)(THIS_ ULONG celt, IBackgroundCopyJob * *rgelt, ULONG * pceltFetched) PURE;                         \
    STDMETHOD(Skip)(THIS_ ULONG celt) PURE;                                                                            \
    STDMETHOD(Reset)(THIS) PURE;                                                                                       \
    STDMETHOD(Clone)(THIS_ IEnumBackgroundCopyJobs * *ppenum) PURE;                                                    \
    STDMETHOD(GetCount)(THIS_ ULONG * puCount) PURE;

#undef INTERFACE
#define INTERFACE IEnumBackgroundCopyJobs
DECLARE_INTERFACE_(IEnumBackgroundCopyJobs, IUnknown) {
    BGCOPY_INHERIT(BGCOPY_UNKNOWN_METHODS)
    BGCOPY_ENUM_JOBS_METHODS
};

/* Implemented by the client, called on a thread of the library; every method of the job may be called inside. */
#define BGCOPY_CALLBACK_METHODS                                                                                        \
    STDMETHOD(JobTransferred)(THIS_ IBackgroundCopyJob * pJob) PURE;                                                   \
    STDMETHOD(JobError)(THIS_ IBackgroundCopyJob * pJob, IBackgroundCopyError * pError) PURE;                          \
    STDMETHOD(JobModification)(THIS_ IBackgroundCopyJob * pJob, DWORD dwReserved) PURE;

#undef INTERFACE
#define INTERFACE IBackgroundCopyCallback
DECLARE_INTERFACE_(IBackgroundCopyCallback, IUnknown) {
    BGCOPY_INHERIT(BGCOPY_UNKNOWN_METHODS)
    BGCOPY_CALLBACK_METHODS
};

#define BGCOPY_MANAGER_METHODS                                                                                         \
    STDMETHOD(CreateJob)(THIS_ LPCWSTR DisplayName, BG_JOB_TYPE Type, GUID * pJobId, IBackgroundCopyJob * *ppJob) PURE; \
    STDMETHOD(GetJob)(THIS_ REFGUID jobID, IBackgroundCopyJob * *ppJob) PURE;                                          \
    STDMETHOD(EnumJobs)(THIS_ DWORD dwFlags, IEnumBackgroundCopyJobs * *ppEnum) PURE;                                  \
    STDMETHOD(GetErrorDescription)(THIS_ HRESULT hResult, DWORD LanguageId, LPWSTR * pErrorDescription) PURE;

#undef INTERFACE
#define INTERFACE IBackgroundCopyManager
DECLARE_INTERFACE_(IBackgroundCopyManager, IUnknown) {
    BGCOPY_INHERIT(BGCOPY_UNKNOWN_METHODS)
    BGCOPY_MANAGER_METHODS
};

#undef INTERFACE

#ifdef COBJMACROS
#define IBackgroundCopyFile_QueryInterface(p, riid, ppvObject) (p)->lpVtbl->QueryInterface(p, riid, ppvObject)
#define IBackgroundCopyFile_AddRef(p) (p)->lpVtbl->AddRef(p)
#define IBackgroundCopyFile_Release(p) (p)->lpVtbl->Release(p)
#define IBackgroundCopyFile_GetRemoteName(p, pVal) (p)->lpVtbl->GetRemoteName(p, pVal)
#define IBackgroundCopyFile_GetLocalName(p, pVal) (p)->lpVtbl->GetLocalName(p, pVal)
#define IBackgroundCopyFile_GetProgress(p, pVal) (p)->lpVtbl->GetProgress(p, pVal)

#define IEnumBackgroundCopyFiles_QueryInterface(p, riid, ppvObject) (p)->lpVtbl->QueryInterface(p, riid, ppvObject)
#define IEnumBackgroundCopyFiles_AddRef(p) (p)->lpVtbl->AddRef(p)
#define IEnumBackgroundCopyFiles_Release(p) (p)->lpVtbl->Release(p)
#define IEnumBackgroundCopyFiles_Next(p, celt, rgelt, pceltFetched) (p)->lpVtbl->Next(p, celt, rgelt, pceltFetched)
#define IEnumBackgroundCopyFiles_Skip(p, celt) (p)->lpVtbl->Skip(p, celt)
#define IEnumBackgroundCopyFiles_Reset(p) (p)->lpVtbl->Reset(p)
#define IEnumBackgroundCopyFiles_Clone(p, ppenum) (p)->lpVtbl->Clone(p, ppenum)
#define IEnumBackgroundCopyFiles_GetCount(p, puCount) (p)->lpVtbl->GetCount(p, puCount)

#define IBackgroundCopyError_QueryInterface(p, riid, ppvObject) (p)->lpVtbl->QueryInterface(p, riid, ppvObject)
#define IBackgroundCopyError_AddRef(p) (p)->lpVtbl->AddRef(p)
#define IBackgroundCopyError_Release(p) (p)->lpVtbl->Release(p)
#define IBackgroundCopyError_GetError(p, pContext, pCode) (p)->lpVtbl->GetError(p, pContext, pCode)
#define IBackgroundCopyError_GetFile(p, pVal) (p)->lpVtbl->GetFile(p, pVal)
#define IBackgroundCopyError_GetErrorDescription(p, LanguageId, pErrorDescription) (p)->lpVtbl->GetErrorDescription(p, LanguageId, pErrorDescription)
#define IBackgroundCopyError_GetErrorContextDescription(p, LanguageId, pContextDescription) (p)->lpVtbl->GetErrorContextDescription(p, LanguageId, pContextDescription)
#define IBackgroundCopyError_GetProtocol(p, pProtocol) (p)->lpVtbl->GetProtocol(p, pProtocol)

#define IBackgroundCopyJob_QueryInterface(p, riid, ppvObject) (p)->lpVtbl->QueryInterface(p, riid, ppvObject)
#define IBackgroundCopyJob_AddRef(p) (p)->lpVtbl->AddRef(p)
#define IBackgroundCopyJob_Release(p) (p)->lpVtbl->Release(p)
#define IBackgroundCopyJob_AddFileSet(p, cFileCount, pFileSet) (p)->lpVtbl->AddFileSet(p, cFileCount, pFileSet)
#define IBackgroundCopyJob_AddFile(p, RemoteUrl, LocalName) (p)->lpVtbl->AddFile(p, RemoteUrl, LocalName)
#define IBackgroundCopyJob_EnumFiles(p, pEnum) (p)->lpVtbl->EnumFiles(p, pEnum)
#define IBackgroundCopyJob_Suspend(p) (p)->lpVtbl->Suspend(p)
#define IBackgroundCopyJob_Resume(p) (p)->lpVtbl->Resume(p)
#define IBackgroundCopyJob_Cancel(p) (p)->lpVtbl->Cancel(p)
#define IBackgroundCopyJob_Complete(p) (p)->lpVtbl->Complete(p)
#define IBackgroundCopyJob_GetId(p, pVal) (p)->lpVtbl->GetId(p, pVal)
#define IBackgroundCopyJob_GetType(p, pVal) (p)->lpVtbl->GetType(p, pVal)
#define IBackgroundCopyJob_GetProgress(p, pVal) (p)->lpVtbl->GetProgress(p, pVal)
#define IBackgroundCopyJob_GetTimes(p, pVal) (p)->lpVtbl->GetTimes(p, pVal)
#define IBackgroundCopyJob_GetState(p, pVal) (p)->lpVtbl->GetState(p, pVal)
#define IBackgroundCopyJob_GetError(p, ppError) (p)->lpVtbl->GetError(p, ppError)
#define IBackgroundCopyJob_GetOwner(p, pVal) (p)->lpVtbl->GetOwner(p, pVal)
#define IBackgroundCopyJob_SetDisplayName(p, Val) (p)->lpVtbl->SetDisplayName(p, Val)
#define IBackgroundCopyJob_GetDisplayName(p, pVal) (p)->lpVtbl->GetDisplayName(p, pVal)
#define IBackgroundCopyJob_SetDescription(p, Val) (p)->lpVtbl->SetDescription(p, Val)
#define IBackgroundCopyJob_GetDescription(p, pVal) (p)->lpVtbl->GetDescription(p, pVal)
#define IBackgroundCopyJob_SetPriority(p, Val) (p)->lpVtbl->SetPriority(p, Val)
#define IBackgroundCopyJob_GetPriority(p, pVal) (p)->lpVtbl->GetPriority(p, pVal)
#define IBackgroundCopyJob_SetNotifyFlags(p, Val) (p)->lpVtbl->SetNotifyFlags(p, Val)
#define IBackgroundCopyJob_GetNotifyFlags(p, pVal) (p)->lpVtbl->GetNotifyFlags(p, pVal)
#define IBackgroundCopyJob_SetNotifyInterface(p, Val) (p)->lpVtbl->SetNotifyInterface(p, Val)
#define IBackgroundCopyJob_GetNotifyInterface(p, pVal) (p)->lpVtbl->GetNotifyInterface(p, pVal)
#define IBackgroundCopyJob_SetMinimumRetryDelay(p, Seconds) (p)->lpVtbl->SetMinimumRetryDelay(p, Seconds)
#define IBackgroundCopyJob_GetMinimumRetryDelay(p, Seconds) (p)->lpVtbl->GetMinimumRetryDelay(p, Seconds)
#define IBackgroundCopyJob_SetNoProgressTimeout(p, Seconds) (p)->lpVtbl->SetNoProgressTimeout(p, Seconds)
#define IBackgroundCopyJob_GetNoProgressTimeout(p, Seconds) (p)->lpVtbl->GetNoProgressTimeout(p, Seconds)
#define IBackgroundCopyJob_GetErrorCount(p, Errors) (p)->lpVtbl->GetErrorCount(p, Errors)
#define IBackgroundCopyJob_SetProxySettings(p, ProxyUsage, ProxyList, ProxyBypassList) (p)->lpVtbl->SetProxySettings(p, ProxyUsage, ProxyList, ProxyBypassList)
#define IBackgroundCopyJob_GetProxySettings(p, pProxyUsage, pProxyList, pProxyBypassList) (p)->lpVtbl->GetProxySettings(p, pProxyUsage, pProxyList, pProxyBypassList)
#define IBackgroundCopyJob_TakeOwnership(p) (p)->lpVtbl->TakeOwnership(p)

#define IEnumBackgroundCopyJobs_QueryInterface(p, riid, ppvObject) (p)->lpVtbl->QueryInterface(p, riid, ppvObject)
#define IEnumBackgroundCopyJobs_AddRef(p) (p)->lpVtbl->AddRef(p)
#define IEnumBackgroundCopyJobs_Release(p) (p)->lpVtbl->Release(p)
#define IEnumBackgroundCopyJobs_Next(p, celt, rgelt, pceltFetched) (p)->lpVtbl->Next(p, celt, rgelt, pceltFetched)
#define IEnumBackgroundCopyJobs_Skip(p, celt) (p)->lpVtbl->Skip(p, celt)
#define IEnumBackgroundCopyJobs_Reset(p) (p)->lpVtbl->Reset(p)
#define IEnumBackgroundCopyJobs_Clone(p, ppenum) (p)->lpVtbl->Clone(p, ppenum)
#define IEnumBackgroundCopyJobs_GetCount(p, puCount) (p)->lpVtbl->GetCount(p, puCount)

#define IBackgroundCopyCallback_QueryInterface(p, riid, ppvObject) (p)->lpVtbl->QueryInterface(p, riid, ppvObject)
#define IBackgroundCopyCallback_AddRef(p) (p)->lpVtbl->AddRef(p)
#define IBackgroundCopyCallback_Release(p) (p)->lpVtbl->Release(p)
#define IBackgroundCopyCallback_JobTransferred(p, pJob) (p)->lpVtbl->JobTransferred(p, pJob)
#define IBackgroundCopyCallback_JobError(p, pJob, pError) (p)->lpVtbl->JobError(p, pJob, pError)
#define IBackgroundCopyCallback_JobModification(p, pJob, dwReserved) (p)->lpVtbl->JobModification(p, pJob, dwReserved)

#define IBackgroundCopyManager_QueryInterface(p, riid, ppvObject) (p)->lpVtbl->QueryInterface(p, riid, ppvObject)
#define IBackgroundCopyManager_AddRef(p) (p)->lpVtbl->AddRef(p)
#define IBackgroundCopyManager_Release(p) (p)->lpVtbl->Release(p)
#define IBackgroundCopyManager_CreateJob(p, DisplayName, Type, pJobId, ppJob) (p)->lpVtbl->CreateJob(p, DisplayName, Type, pJobId, ppJob)
#define IBackgroundCopyManager_GetJob(p, jobID, ppJob) (p)->lpVtbl->GetJob(p, jobID, ppJob)
#define IBackgroundCopyManager_EnumJobs(p, dwFlags, ppEnum) (p)->lpVtbl->EnumJobs(p, dwFlags, ppEnum)
#define IBackgroundCopyManager_GetErrorDescription(p, hResult, LanguageId, pErrorDescription) (p)->lpVtbl->GetErrorDescription(p, hResult, LanguageId, pErrorDescription)
#endif

#include "bits1_5.h"
#include "bits2_0.h"
#include "bits2_5.h"
#include "bits3_0.h"
#include "bits4_0.h"
#include "bits5_0.h"
#include "bits10_1.h"
#include "bits10_2.h"
#include "bits10_3.h"

#endif

/* Delivery Optimization: its class, its downloads, and what it adds to the jobs of bits.h.
 *
 * CLSID_DeliveryOptimization answers IBackgroundCopyManager and IDOManager. Its jobs and those of CLSID_BackgroundCopyManager are two
 * queues that do not see each other, with different error codes: deliveryoptimizationerrors.h here, bitsmsg.h there. */
#ifndef BGCOPY_DELIVERYOPTIMIZATION_H
#define BGCOPY_DELIVERYOPTIMIZATION_H

#include "bits.h"
#include "deliveryoptimizationdownloadtypes.h"
#include "deliveryoptimizationerrors.h"
#include "oleauto.h"

BGCOPY_CLASS_ID(DeliveryOptimization, 0x5b99fa76, 0x721c, 0x423c, 0xad, 0xac, 0x56, 0xd0, 0x3c, 0x8a, 0x80, 0x07)
BGCOPY_INTERFACE_ID(IDOManager, 0x400e2d4a, 0x1431, 0x4c1a, 0xa7, 0x48, 0x39, 0xca, 0x47, 0x2c, 0xfd, 0xb1)
BGCOPY_INTERFACE_ID(IDODownload, 0xfbbd7fc0, 0xc147, 0x4727, 0xa3, 0x8d, 0x82, 0x7e, 0xf0, 0x71, 0xee, 0x77)
BGCOPY_INTERFACE_ID(IDODownloadStatusCallback, 0xd166e8e3, 0xa90e, 0x4392, 0x8e, 0x87, 0x05, 0xe9, 0x96, 0xd3, 0x74, 0x7d)
BGCOPY_INTERFACE_ID(IDeliveryOptimizationJob, 0xee2584cf, 0xa69c, 0x4848, 0xb6, 0x33, 0x26, 0x49, 0x96, 0x2b, 0x3e, 0xf7)
BGCOPY_INTERFACE_ID(IDeliveryOptimizationJob2, 0x18995a26, 0xbf59, 0x4abe, 0x9f, 0x8b, 0xd5, 0x09, 0x2d, 0x5a, 0x24, 0x05)
BGCOPY_INTERFACE_ID(IDeliveryOptimizationFile, 0xb76b9699, 0xe99e, 0x4101, 0x80, 0x3f, 0xa2, 0x0e, 0x32, 0x5d, 0x93, 0xe2)
BGCOPY_INTERFACE_ID(IDeliveryOptimizationFile2, 0x3a87296f, 0x6ec2, 0x4126, 0xab, 0x29, 0xe3, 0xf8, 0xdc, 0x4c, 0xc3, 0x90)

typedef enum _DownloadMode {
    DownloadMode_CdnOnly = 0,
    DownloadMode_Lan = 1,
    DownloadMode_Group = 2,
    DownloadMode_Internet = 3,
    DownloadMode_Simple = 99,
    DownloadMode_Bypass = 100
} DownloadMode;

typedef enum _SwarmStatus {
    SwarmStatus_Downloading = 0,
    SwarmStatus_Complete = 1,
    SwarmStatus_Caching = 2,
    SwarmStatus_Paused = 3
} SwarmStatus;

/* fileId and sourceURL are the caller's to free. downloadDuration is in milliseconds. */
typedef struct _DOSwarmStats {
    LPWSTR fileId;
    LPWSTR sourceURL;
    UINT64 fileSize;
    UINT64 totalBytesDownloaded;
    UINT64 bytesFromLanPeers;
    UINT64 bytesFromGroupPeers;
    UINT64 bytesFromInternetPeers;
    UINT64 bytesFromHttp;
    UINT64 bytesFromDoinc;
    UINT64 bytesToLanPeers;
    UINT64 bytesToGroupPeers;
    UINT64 bytesToInternetPeers;
    UINT httpConnectionCount;
    UINT doincConnectionCount;
    UINT lanConnectionCount;
    UINT groupConnectionCount;
    UINT internetConnectionCount;
    UINT downloadDuration;
    DownloadMode downloadMode;
    SwarmStatus status;
    BOOL isBackground;
} DOSwarmStats;

typedef enum _DeliveryOptimizationJobProperty {
    DOJobPropertyId_ExtendedErrorInfo = 0 /* VT_BSTR, read-only */
} DOJobPropertyId;

typedef enum _DeliveryOptimizationFileProperty {
    DOFilePropertyId_DecryptionInfo = 0,           /* VT_BSTR, write-only */
    DOFilePropertyId_IntegrityCheckInfo = 1,       /* VT_BSTR, write-only */
    DOFilePropertyId_IntegrityCheckMandatory = 2,  /* VT_BOOL */
    DOFilePropertyId_DownloadSinkInterface = 3,    /* VT_UNKNOWN */
    DOFilePropertyId_DownloadSinkFilePath = 4,     /* VT_BSTR */
    DOFilePropertyId_DownloadSinkMemoryStream = 5, /* VT_UNKNOWN */
    DOFilePropertyId_TotalSizeBytes = 6            /* VT_UI8 */
} DOFilePropertyId;

#define BGCOPY_DOWNLOAD_METHODS                                                                                        \
    STDMETHOD(Start)(THIS_ const DO_DOWNLOAD_RANGES_INFO *ranges) PURE;                                                \
    STDMETHOD(Pause)(THIS) PURE;                                                                                       \
    STDMETHOD(Abort)(THIS) PURE;                                                                                       \
    STDMETHOD(Finalize)(THIS) PURE;                                                                                    \
    STDMETHOD(GetStatus)(THIS_ DO_DOWNLOAD_STATUS * status) PURE;                                                      \
    STDMETHOD(GetProperty)(THIS_ DODownloadProperty propId, VARIANT * propVal) PURE;                                   \
    STDMETHOD(SetProperty)(THIS_ DODownloadProperty propId, const VARIANT *propVal) PURE;

#undef INTERFACE
#define INTERFACE IDODownload
DECLARE_INTERFACE_(IDODownload, IUnknown) {
    BGCOPY_INHERIT(BGCOPY_UNKNOWN_METHODS)
    BGCOPY_DOWNLOAD_METHODS
};

/* Implemented by the client, called on a thread of the library; GetStatus and Pause may be called inside. */
#define BGCOPY_DOWNLOAD_CALLBACK_METHODS                                                                               \
    STDMETHOD(OnStatusChange)(THIS_ IDODownload * download, const DO_DOWNLOAD_STATUS *status) PURE;

#undef INTERFACE
#define INTERFACE IDODownloadStatusCallback
DECLARE_INTERFACE_(IDODownloadStatusCallback, IUnknown) {
    BGCOPY_INHERIT(BGCOPY_UNKNOWN_METHODS)
    BGCOPY_DOWNLOAD_CALLBACK_METHODS
};

/* category is NULL for every download. */
#define BGCOPY_DO_MANAGER_METHODS                                                                                      \
    STDMETHOD(CreateDownload)(THIS_ IDODownload * *download) PURE;                                                     \
    STDMETHOD(EnumDownloads)(THIS_ const DO_DOWNLOAD_ENUM_CATEGORY *category, IEnumUnknown **ppEnum) PURE;

#undef INTERFACE
#define INTERFACE IDOManager
DECLARE_INTERFACE_(IDOManager, IUnknown) {
    BGCOPY_INHERIT(BGCOPY_UNKNOWN_METHODS)
    BGCOPY_DO_MANAGER_METHODS
};

/* With rangeCount 0 the whole file is meant. */
#define BGCOPY_DO_JOB_METHODS                                                                                          \
    STDMETHOD(AddFileWithRanges)                                                                                       \
    (THIS_ LPCWSTR fileId, LPCWSTR remoteUrl, LPCWSTR localName, DWORD rangeCount, BG_FILE_RANGE ranges[],             \
     ULONG64 fileSize) PURE;

#undef INTERFACE
#define INTERFACE IDeliveryOptimizationJob
DECLARE_INTERFACE_(IDeliveryOptimizationJob, IUnknown) {
    BGCOPY_INHERIT(BGCOPY_UNKNOWN_METHODS)
    BGCOPY_DO_JOB_METHODS
};

/* No public header shows this one and IDeliveryOptimizationFile2: the order of the methods is the documentation's. */
#define BGCOPY_DO_JOB2_METHODS                                                                                         \
    STDMETHOD(AddFile)                                                                                                 \
    (THIS_ LPCWSTR fileId, LPCWSTR remoteUrl, DWORD rangeCount, BG_FILE_RANGE ranges[], REFIID riid, void **object) PURE; \
    STDMETHOD(GetProperty)(THIS_ DOJobPropertyId propId, VARIANT * propValue) PURE;                                    \
    STDMETHOD(SetProperty)(THIS_ DOJobPropertyId propId, const VARIANT *propValue) PURE;

#undef INTERFACE
#define INTERFACE IDeliveryOptimizationJob2
DECLARE_INTERFACE_(IDeliveryOptimizationJob2, IUnknown) {
    BGCOPY_INHERIT(BGCOPY_UNKNOWN_METHODS)
    BGCOPY_DO_JOB2_METHODS
};

/* Clients are known that find GetStats in the slot after its own. Both slots answer. */
#define BGCOPY_DO_FILE_METHODS                                                                                         \
    STDMETHOD(GetStats)(THIS_ DOSwarmStats * swarmStats) PURE;                                                         \
    STDMETHOD(GetStatsSlot4)(THIS_ DOSwarmStats * swarmStats) PURE;

#undef INTERFACE
#define INTERFACE IDeliveryOptimizationFile
DECLARE_INTERFACE_(IDeliveryOptimizationFile, IUnknown) {
    BGCOPY_INHERIT(BGCOPY_UNKNOWN_METHODS)
    BGCOPY_DO_FILE_METHODS
};

#define BGCOPY_DO_FILE2_METHODS                                                                                        \
    STDMETHOD(GetProperty)(THIS_ DOFilePropertyId propId, VARIANT * propValue) PURE;                                   \
    STDMETHOD(SetProperty)(THIS_ DOFilePropertyId propId, const VARIANT *propValue) PURE;

#undef INTERFACE
#define INTERFACE IDeliveryOptimizationFile2
DECLARE_INTERFACE_(IDeliveryOptimizationFile2, IUnknown) {
    BGCOPY_INHERIT(BGCOPY_UNKNOWN_METHODS)
    BGCOPY_DO_FILE2_METHODS
};

#undef INTERFACE

#ifdef COBJMACROS
#define IDODownload_QueryInterface(p, riid, ppvObject) (p)->lpVtbl->QueryInterface(p, riid, ppvObject)
#define IDODownload_AddRef(p) (p)->lpVtbl->AddRef(p)
#define IDODownload_Release(p) (p)->lpVtbl->Release(p)
#define IDODownload_Start(p, ranges) (p)->lpVtbl->Start(p, ranges)
#define IDODownload_Pause(p) (p)->lpVtbl->Pause(p)
#define IDODownload_Abort(p) (p)->lpVtbl->Abort(p)
#define IDODownload_Finalize(p) (p)->lpVtbl->Finalize(p)
#define IDODownload_GetStatus(p, status) (p)->lpVtbl->GetStatus(p, status)
#define IDODownload_GetProperty(p, propId, propVal) (p)->lpVtbl->GetProperty(p, propId, propVal)
#define IDODownload_SetProperty(p, propId, propVal) (p)->lpVtbl->SetProperty(p, propId, propVal)

#define IDODownloadStatusCallback_QueryInterface(p, riid, ppvObject) (p)->lpVtbl->QueryInterface(p, riid, ppvObject)
#define IDODownloadStatusCallback_AddRef(p) (p)->lpVtbl->AddRef(p)
#define IDODownloadStatusCallback_Release(p) (p)->lpVtbl->Release(p)
#define IDODownloadStatusCallback_OnStatusChange(p, download, status) (p)->lpVtbl->OnStatusChange(p, download, status)

#define IDOManager_QueryInterface(p, riid, ppvObject) (p)->lpVtbl->QueryInterface(p, riid, ppvObject)
#define IDOManager_AddRef(p) (p)->lpVtbl->AddRef(p)
#define IDOManager_Release(p) (p)->lpVtbl->Release(p)
#define IDOManager_CreateDownload(p, download) (p)->lpVtbl->CreateDownload(p, download)
#define IDOManager_EnumDownloads(p, category, ppEnum) (p)->lpVtbl->EnumDownloads(p, category, ppEnum)

#define IDeliveryOptimizationJob_QueryInterface(p, riid, ppvObject) (p)->lpVtbl->QueryInterface(p, riid, ppvObject)
#define IDeliveryOptimizationJob_AddRef(p) (p)->lpVtbl->AddRef(p)
#define IDeliveryOptimizationJob_Release(p) (p)->lpVtbl->Release(p)
#define IDeliveryOptimizationJob_AddFileWithRanges(p, fileId, remoteUrl, localName, rangeCount, ranges, fileSize) (p)->lpVtbl->AddFileWithRanges(p, fileId, remoteUrl, localName, rangeCount, ranges, fileSize)

#define IDeliveryOptimizationJob2_QueryInterface(p, riid, ppvObject) (p)->lpVtbl->QueryInterface(p, riid, ppvObject)
#define IDeliveryOptimizationJob2_AddRef(p) (p)->lpVtbl->AddRef(p)
#define IDeliveryOptimizationJob2_Release(p) (p)->lpVtbl->Release(p)
#define IDeliveryOptimizationJob2_AddFile(p, fileId, remoteUrl, rangeCount, ranges, riid, object) (p)->lpVtbl->AddFile(p, fileId, remoteUrl, rangeCount, ranges, riid, object)
#define IDeliveryOptimizationJob2_GetProperty(p, propId, propValue) (p)->lpVtbl->GetProperty(p, propId, propValue)
#define IDeliveryOptimizationJob2_SetProperty(p, propId, propValue) (p)->lpVtbl->SetProperty(p, propId, propValue)

#define IDeliveryOptimizationFile_QueryInterface(p, riid, ppvObject) (p)->lpVtbl->QueryInterface(p, riid, ppvObject)
#define IDeliveryOptimizationFile_AddRef(p) (p)->lpVtbl->AddRef(p)
#define IDeliveryOptimizationFile_Release(p) (p)->lpVtbl->Release(p)
#define IDeliveryOptimizationFile_GetStats(p, swarmStats) (p)->lpVtbl->GetStats(p, swarmStats)
#define IDeliveryOptimizationFile_GetStatsSlot4(p, swarmStats) (p)->lpVtbl->GetStatsSlot4(p, swarmStats)

#define IDeliveryOptimizationFile2_QueryInterface(p, riid, ppvObject) (p)->lpVtbl->QueryInterface(p, riid, ppvObject)
#define IDeliveryOptimizationFile2_AddRef(p) (p)->lpVtbl->AddRef(p)
#define IDeliveryOptimizationFile2_Release(p) (p)->lpVtbl->Release(p)
#define IDeliveryOptimizationFile2_GetProperty(p, propId, propValue) (p)->lpVtbl->GetProperty(p, propId, propValue)
#define IDeliveryOptimizationFile2_SetProperty(p, propId, propValue) (p)->lpVtbl->SetProperty(p, propId, propValue)
#endif

#endif

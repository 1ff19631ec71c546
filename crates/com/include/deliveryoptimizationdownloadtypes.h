/* What a download is described with: properties, states, ranges. */
#ifndef BGCOPY_DELIVERYOPTIMIZATIONDOWNLOADTYPES_H
#define BGCOPY_DELIVERYOPTIMIZATIONDOWNLOADTYPES_H

#include "windef.h"

/* The length of a range that reaches to the end of the file. */
#define DO_LENGTH_TO_EOF ((UINT64)-1)

typedef struct _DO_DOWNLOAD_RANGE {
    UINT64 Offset;
    UINT64 Length;
} DO_DOWNLOAD_RANGE;

/* RangeCount ranges follow; memory for more than one is the caller's to allocate. */
typedef struct _DO_DOWNLOAD_RANGES_INFO {
    UINT RangeCount;
    DO_DOWNLOAD_RANGE Ranges[1];
} DO_DOWNLOAD_RANGES_INFO;

typedef enum _DODownloadState {
    DODownloadState_Created = 0,
    DODownloadState_Transferring = 1,
    DODownloadState_Transferred = 2,
    DODownloadState_Finalized = 3,
    DODownloadState_Aborted = 4,
    DODownloadState_Paused = 5
} DODownloadState;

typedef struct _DO_DOWNLOAD_STATUS {
    UINT64 BytesTotal;
    UINT64 BytesTransferred;
    DODownloadState State;
    HRESULT Error;
    HRESULT ExtendedError;
} DO_DOWNLOAD_STATUS;

typedef enum _DODownloadCostPolicy {
    DODownloadCostPolicy_Always = 0,
    DODownloadCostPolicy_Unrestricted = 1,
    DODownloadCostPolicy_Standard = 2,
    DODownloadCostPolicy_NoRoaming = 3,
    DODownloadCostPolicy_NoSurcharge = 4,
    DODownloadCostPolicy_NoCellular = 5
} DODownloadCostPolicy;

/* The type is the VARIANT's. An unset property reads E_NOT_SET. */
typedef enum _DODownloadProperty {
    DODownloadProperty_Id = 0,                                  /* VT_BSTR, read-only */
    DODownloadProperty_Uri = 1,                                 /* VT_BSTR */
    DODownloadProperty_ContentId = 2,                           /* VT_BSTR */
    DODownloadProperty_DisplayName = 3,                         /* VT_BSTR */
    DODownloadProperty_LocalPath = 4,                           /* VT_BSTR */
    DODownloadProperty_HttpCustomHeaders = 5,                   /* VT_BSTR */
    DODownloadProperty_CostPolicy = 6,                          /* VT_UI4, DODownloadCostPolicy */
    DODownloadProperty_SecurityFlags = 7,                       /* VT_UI4, BG_SSL_… and BG_HTTP_… */
    DODownloadProperty_CallbackFreqPercent = 8,                 /* VT_UI4 */
    DODownloadProperty_CallbackFreqSeconds = 9,                 /* VT_UI4 */
    DODownloadProperty_NoProgressTimeoutSeconds = 10,           /* VT_UI4, at least 60 */
    DODownloadProperty_ForegroundPriority = 11,                 /* VT_BOOL */
    DODownloadProperty_BlockingMode = 12,                       /* VT_BOOL */
    DODownloadProperty_CallbackInterface = 13,                  /* VT_UNKNOWN, IDODownloadStatusCallback */
    DODownloadProperty_StreamInterface = 14,                    /* VT_UNKNOWN */
    DODownloadProperty_SecurityContext = 15,                    /* VT_ARRAY | VT_UI1 */
    DODownloadProperty_NetworkToken = 16,                       /* VT_BOOL */
    DODownloadProperty_CorrelationVector = 17,                  /* VT_BSTR */
    DODownloadProperty_DecryptionInfo = 18,                     /* VT_BSTR, write-only */
    DODownloadProperty_IntegrityCheckInfo = 19,                 /* VT_BSTR, write-only: where the piece hash file is */
    DODownloadProperty_IntegrityCheckMandatory = 20,            /* VT_BOOL */
    DODownloadProperty_TotalSizeBytes = 21,                     /* VT_UI8 */
    DODownloadProperty_DisallowOnCellular = 22,                 /* VT_BOOL */
    DODownloadProperty_HttpCustomAuthHeaders = 23,              /* VT_BSTR */
    DODownloadProperty_HttpAllowSecureToNonSecureRedirect = 24, /* VT_BOOL */
    DODownloadProperty_NonVolatile = 25,                        /* VT_BOOL */
    /* Of later systems: DO_E_UNKNOWN_PROPERTY_ID. */
    DODownloadProperty_HttpRedirectionTarget = 26,
    DODownloadProperty_HttpResponseHeaders = 27,
    DODownloadProperty_HttpServerIPAddress = 28,
    DODownloadProperty_HttpStatusCode = 29
} DODownloadProperty;

/* The downloads whose property has this value. */
typedef struct _DO_DOWNLOAD_ENUM_CATEGORY {
    DODownloadProperty Property;
    LPCWSTR Value;
} DO_DOWNLOAD_ENUM_CATEGORY;

#endif

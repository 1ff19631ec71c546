/* Version 2.5: HTTP options of a job. QueryInterface on the job answers them. */
#ifndef BGCOPY_BITS_H
#include "bits.h" /* which includes this file, in its turn */
#elif !defined(BGCOPY_BITS2_5_H)
#define BGCOPY_BITS2_5_H

BGCOPY_CLASS_ID(BackgroundCopyManager2_5, 0x03ca98d6, 0xff5d, 0x49b8, 0xab, 0xc6, 0x03, 0xdd, 0x84, 0x12, 0x70, 0x20)
BGCOPY_INTERFACE_ID(IBackgroundCopyJobHttpOptions, 0xf1bd1079, 0x9f01, 0x4bdc, 0x80, 0x36, 0xf0, 0x9b, 0x70, 0x09, 0x50, 0x66)

/* IBackgroundCopyJobHttpOptions::SetSecurityFlags. */
#define BG_SSL_ENABLE_CRL_CHECK 0x0001
#define BG_SSL_IGNORE_CERT_CN_INVALID 0x0002
#define BG_SSL_IGNORE_CERT_DATE_INVALID 0x0004
#define BG_SSL_IGNORE_UNKNOWN_CA 0x0008
#define BG_SSL_IGNORE_CERT_WRONG_USAGE 0x0010
#define BG_HTTP_REDIRECT_POLICY_MASK 0x0700
#define BG_HTTP_REDIRECT_POLICY_ALLOW_SILENT 0x0000
#define BG_HTTP_REDIRECT_POLICY_ALLOW_REPORT 0x0100
#define BG_HTTP_REDIRECT_POLICY_DISALLOW 0x0200
#define BG_HTTP_REDIRECT_POLICY_ALLOW_HTTPS_TO_HTTP 0x0800

typedef enum BG_CERT_STORE_LOCATION {
    BG_CERT_STORE_LOCATION_CURRENT_USER = 0,
    BG_CERT_STORE_LOCATION_LOCAL_MACHINE = 1,
    BG_CERT_STORE_LOCATION_CURRENT_SERVICE = 2,
    BG_CERT_STORE_LOCATION_SERVICES = 3,
    BG_CERT_STORE_LOCATION_USERS = 4,
    BG_CERT_STORE_LOCATION_CURRENT_USER_GROUP_POLICY = 5,
    BG_CERT_STORE_LOCATION_LOCAL_MACHINE_GROUP_POLICY = 6,
    BG_CERT_STORE_LOCATION_LOCAL_MACHINE_ENTERPRISE = 7
} BG_CERT_STORE_LOCATION;

/* pCertHashBlob is 20 bytes. */
#define BGCOPY_HTTP_OPTIONS_METHODS                                                                                    \
    STDMETHOD(SetClientCertificateByID)                                                                                \
    (THIS_ BG_CERT_STORE_LOCATION StoreLocation, LPCWSTR StoreName, BYTE * pCertHashBlob) PURE;                        \
    STDMETHOD(SetClientCertificateByName)                                                                              \
    (THIS_ BG_CERT_STORE_LOCATION StoreLocation, LPCWSTR StoreName, LPCWSTR SubjectName) PURE;                         \
    STDMETHOD(RemoveClientCertificate)(THIS) PURE;                                                                     \
    STDMETHOD(GetClientCertificate)                                                                                    \
    (THIS_ BG_CERT_STORE_LOCATION * pStoreLocation, LPWSTR * pStoreName, BYTE * *ppCertHashBlob, LPWSTR * pSubjectName) \
        PURE;                                                                                                          \
    STDMETHOD(SetCustomHeaders)(THIS_ LPCWSTR RequestHeaders) PURE;                                                    \
    STDMETHOD(GetCustomHeaders)(THIS_ LPWSTR * pRequestHeaders) PURE;                                                  \
    STDMETHOD(SetSecurityFlags)(THIS_ ULONG Flags) PURE;                                                               \
    STDMETHOD(GetSecurityFlags)(THIS_ ULONG * pFlags) PURE;

#undef INTERFACE
#define INTERFACE IBackgroundCopyJobHttpOptions
DECLARE_INTERFACE_(IBackgroundCopyJobHttpOptions, IUnknown) {
    BGCOPY_INHERIT(BGCOPY_UNKNOWN_METHODS)
    BGCOPY_HTTP_OPTIONS_METHODS
};

#undef INTERFACE

#ifdef COBJMACROS
#define IBackgroundCopyJobHttpOptions_QueryInterface(p, riid, ppvObject) (p)->lpVtbl->QueryInterface(p, riid, ppvObject)
#define IBackgroundCopyJobHttpOptions_AddRef(p) (p)->lpVtbl->AddRef(p)
#define IBackgroundCopyJobHttpOptions_Release(p) (p)->lpVtbl->Release(p)
#define IBackgroundCopyJobHttpOptions_SetClientCertificateByID(p, StoreLocation, StoreName, pCertHashBlob) (p)->lpVtbl->SetClientCertificateByID(p, StoreLocation, StoreName, pCertHashBlob)
#define IBackgroundCopyJobHttpOptions_SetClientCertificateByName(p, StoreLocation, StoreName, SubjectName) (p)->lpVtbl->SetClientCertificateByName(p, StoreLocation, StoreName, SubjectName)
#define IBackgroundCopyJobHttpOptions_RemoveClientCertificate(p) (p)->lpVtbl->RemoveClientCertificate(p)
#define IBackgroundCopyJobHttpOptions_GetClientCertificate(p, pStoreLocation, pStoreName, ppCertHashBlob, pSubjectName) (p)->lpVtbl->GetClientCertificate(p, pStoreLocation, pStoreName, ppCertHashBlob, pSubjectName)
#define IBackgroundCopyJobHttpOptions_SetCustomHeaders(p, RequestHeaders) (p)->lpVtbl->SetCustomHeaders(p, RequestHeaders)
#define IBackgroundCopyJobHttpOptions_GetCustomHeaders(p, pRequestHeaders) (p)->lpVtbl->GetCustomHeaders(p, pRequestHeaders)
#define IBackgroundCopyJobHttpOptions_SetSecurityFlags(p, Flags) (p)->lpVtbl->SetSecurityFlags(p, Flags)
#define IBackgroundCopyJobHttpOptions_GetSecurityFlags(p, pFlags) (p)->lpVtbl->GetSecurityFlags(p, pFlags)
#endif

#endif

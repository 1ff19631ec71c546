/* NULL for every pointer of every method: refused with E_POINTER or E_INVALIDARG, never a crash: nulls URL FOLDER.
 *
 * Where NULL means something (no callback, no notification program, no headers, all downloads, the whole file) it has to be taken. */
#define COBJMACROS
#include "live.h"

static void functions(void) {
    IUnknown *object = NULL;
    GUID id;
    WCHAR text[39];
    REFUSED(CoCreateInstance(&CLSID_BackgroundCopyManager, NULL, CLSCTX_ALL, &IID_IUnknown, NULL));
    REFUSED(CoCreateInstance(NULL, NULL, CLSCTX_ALL, &IID_IUnknown, (void **)&object));
    REFUSED(CoCreateInstance(&CLSID_BackgroundCopyManager, NULL, CLSCTX_ALL, NULL, (void **)&object));
    CHECK_HR(CoCreateInstance(&IID_IUnknown, NULL, CLSCTX_ALL, &IID_IUnknown, (void **)&object), REGDB_E_CLASSNOTREG);
    CHECK(object == NULL);
    CHECK_HR(CoCreateInstance(&CLSID_BackgroundCopyManager, NULL, CLSCTX_ALL, &IID_IBackgroundCopyJob, (void **)&object), E_NOINTERFACE);
    CHECK(object == NULL);
    CHECK(StringFromGUID2(&IID_IUnknown, NULL, 39) == 0);
    CHECK(StringFromGUID2(&IID_IUnknown, text, 38) == 0);
    CHECK(StringFromGUID2(&IID_IUnknown, text, 39) == 39);
    CHECK(same_words(text, TEXT("{00000000-0000-0000-C000-000000000046}")));
    REFUSED(CLSIDFromString(text, NULL));
    REFUSED(IIDFromString(text, NULL));
    OK(CLSIDFromString(text, &id));
    CHECK(IsEqualGUID(&id, &IID_IUnknown));
    CHECK_HR(CLSIDFromString(TEXT("{00000000-0000-0000-C000-00000000004}"), &id), CO_E_CLASSSTRING);
    CHECK(SysAllocString(NULL) == NULL);
    CHECK(SysStringLen(NULL) == 0);
    SysFreeString(NULL);
    CoTaskMemFree(NULL);
    REFUSED(VariantClear(NULL));
}

static void unknowns(const struct live *live) {
    for (int kind = 0; kind < LIVE_KINDS; kind++) {
        IUnknown *object = NULL;
        printf("# %s\n", live->name[kind]);
        REFUSED(IUnknown_QueryInterface(live->object[kind], &IID_IUnknown, NULL));
        REFUSED(IUnknown_QueryInterface(live->object[kind], NULL, (void **)&object));
    }
}

static void manager(IBackgroundCopyManager *m) {
    IBackgroundCopyJob *job = NULL;
    GUID id = IID_IUnknown;
    REFUSED(IBackgroundCopyManager_CreateJob(m, NULL, BG_JOB_TYPE_DOWNLOAD, &id, &job));
    REFUSED(IBackgroundCopyManager_CreateJob(m, TEXT("n"), BG_JOB_TYPE_DOWNLOAD, NULL, &job));
    REFUSED(IBackgroundCopyManager_CreateJob(m, TEXT("n"), BG_JOB_TYPE_DOWNLOAD, &id, NULL));
    REFUSED(IBackgroundCopyManager_GetJob(m, NULL, &job));
    REFUSED(IBackgroundCopyManager_GetJob(m, &id, NULL));
    REFUSED(IBackgroundCopyManager_EnumJobs(m, 0, NULL));
    REFUSED(IBackgroundCopyManager_GetErrorDescription(m, E_FAIL, 0, NULL));
    CHECK(job == NULL);
}

static void job(IBackgroundCopyJob *j) {
    BG_FILE_INFO none = {NULL, NULL};
    BG_JOB_PROXY_USAGE usage;
    LPWSTR text = NULL, other = NULL;
    IUnknown *callback = (IUnknown *)&none;
    REFUSED(IBackgroundCopyJob_AddFileSet(j, 1, NULL));
    REFUSED(IBackgroundCopyJob_AddFileSet(j, 1, &none));
    REFUSED(IBackgroundCopyJob_AddFile(j, NULL, TEXT("/tmp/x")));
    REFUSED(IBackgroundCopyJob_AddFile(j, TEXT("http://127.0.0.1/x"), NULL));
    REFUSED(IBackgroundCopyJob_EnumFiles(j, NULL));
    REFUSED(IBackgroundCopyJob_GetId(j, NULL));
    REFUSED(IBackgroundCopyJob_GetType(j, NULL));
    REFUSED(IBackgroundCopyJob_GetProgress(j, NULL));
    REFUSED(IBackgroundCopyJob_GetTimes(j, NULL));
    REFUSED(IBackgroundCopyJob_GetState(j, NULL));
    REFUSED(IBackgroundCopyJob_GetError(j, NULL));
    REFUSED(IBackgroundCopyJob_GetOwner(j, NULL));
    REFUSED(IBackgroundCopyJob_SetDisplayName(j, NULL));
    REFUSED(IBackgroundCopyJob_GetDisplayName(j, NULL));
    REFUSED(IBackgroundCopyJob_SetDescription(j, NULL));
    REFUSED(IBackgroundCopyJob_GetDescription(j, NULL));
    REFUSED(IBackgroundCopyJob_GetPriority(j, NULL));
    REFUSED(IBackgroundCopyJob_GetNotifyFlags(j, NULL));
    REFUSED(IBackgroundCopyJob_GetNotifyInterface(j, NULL));
    REFUSED(IBackgroundCopyJob_GetMinimumRetryDelay(j, NULL));
    REFUSED(IBackgroundCopyJob_GetNoProgressTimeout(j, NULL));
    REFUSED(IBackgroundCopyJob_GetErrorCount(j, NULL));
    REFUSED(IBackgroundCopyJob_GetProxySettings(j, NULL, &text, &other));
    REFUSED(IBackgroundCopyJob_GetProxySettings(j, &usage, NULL, &other));
    REFUSED(IBackgroundCopyJob_GetProxySettings(j, &usage, &text, NULL));
    REFUSED(IBackgroundCopyJob_SetProxySettings(j, BG_JOB_PROXY_USAGE_OVERRIDE, NULL, NULL));
    CHECK(text == NULL && other == NULL);
    OK(IBackgroundCopyJob_SetProxySettings(j, BG_JOB_PROXY_USAGE_NO_PROXY, NULL, NULL));
    OK(IBackgroundCopyJob_SetNotifyInterface(j, NULL));
    OK(IBackgroundCopyJob_GetNotifyInterface(j, &callback));
    CHECK(callback == NULL);
}

static void later_job(IBackgroundCopyJob *first) {
    IBackgroundCopyJob5 *j = NULL;
    BG_FILE_RANGE range = {0, 1};
    BG_AUTH_CREDENTIALS nameless;
    BYTE *data = NULL;
    UINT64 length;
    LPWSTR text = NULL;
    OK(IBackgroundCopyJob_QueryInterface(first, &IID_IBackgroundCopyJob5, (void **)&j));
    OK(IBackgroundCopyJob5_SetNotifyCmdLine(j, NULL, NULL));
    REFUSED(IBackgroundCopyJob5_GetNotifyCmdLine(j, NULL, &text));
    REFUSED(IBackgroundCopyJob5_GetNotifyCmdLine(j, &text, NULL));
    REFUSED_OR(IBackgroundCopyJob5_GetReplyProgress(j, NULL), E_NOTIMPL);
    REFUSED_OR(IBackgroundCopyJob5_GetReplyData(j, NULL, &length), E_NOTIMPL);
    REFUSED_OR(IBackgroundCopyJob5_GetReplyData(j, &data, NULL), E_NOTIMPL);
    REFUSED_OR(IBackgroundCopyJob5_SetReplyFileName(j, NULL), E_NOTIMPL);
    REFUSED_OR(IBackgroundCopyJob5_GetReplyFileName(j, NULL), E_NOTIMPL);
    REFUSED(IBackgroundCopyJob5_SetCredentials(j, NULL));
    memset(&nameless, 0, sizeof nameless);
    nameless.Target = BG_AUTH_TARGET_SERVER;
    nameless.Scheme = BG_AUTH_SCHEME_BASIC;
    REFUSED_OR(IBackgroundCopyJob5_SetCredentials(j, &nameless), BG_E_INVALID_CREDENTIALS);
    REFUSED(IBackgroundCopyJob5_ReplaceRemotePrefix(j, NULL, TEXT("http://127.0.0.1/")));
    REFUSED(IBackgroundCopyJob5_ReplaceRemotePrefix(j, TEXT("http://127.0.0.1/"), NULL));
    REFUSED(IBackgroundCopyJob5_AddFileWithRanges(j, NULL, TEXT("/tmp/x"), 1, &range));
    REFUSED(IBackgroundCopyJob5_AddFileWithRanges(j, TEXT("http://127.0.0.1/x"), NULL, 1, &range));
    REFUSED(IBackgroundCopyJob5_AddFileWithRanges(j, TEXT("http://127.0.0.1/x"), TEXT("/tmp/x"), 1, NULL));
    REFUSED_OR(IBackgroundCopyJob5_GetFileACLFlags(j, NULL), E_NOTIMPL);
    REFUSED_OR(IBackgroundCopyJob5_GetPeerCachingFlags(j, NULL), E_NOTIMPL);
    REFUSED_OR(IBackgroundCopyJob5_GetOwnerIntegrityLevel(j, NULL), E_NOTIMPL);
    REFUSED_OR(IBackgroundCopyJob5_GetOwnerElevationState(j, NULL), E_NOTIMPL);
    REFUSED(IBackgroundCopyJob5_GetMaximumDownloadTime(j, NULL));
    REFUSED(IBackgroundCopyJob5_GetProperty(j, BITS_JOB_PROPERTY_DYNAMIC_CONTENT, NULL));
    IBackgroundCopyJob5_Release(j);
}

static void http_options(IBackgroundCopyJob *first) {
    IBackgroundCopyJobHttpOptions *h = NULL;
    BG_CERT_STORE_LOCATION place;
    LPWSTR store = NULL, subject = NULL;
    BYTE hash[20] = {0}, *found = NULL;
    OK(IBackgroundCopyJob_QueryInterface(first, &IID_IBackgroundCopyJobHttpOptions, (void **)&h));
    REFUSED_OR(IBackgroundCopyJobHttpOptions_SetClientCertificateByID(h, BG_CERT_STORE_LOCATION_CURRENT_USER, NULL, hash), E_NOTIMPL);
    REFUSED_OR(IBackgroundCopyJobHttpOptions_SetClientCertificateByID(h, BG_CERT_STORE_LOCATION_CURRENT_USER, TEXT("MY"), NULL), E_NOTIMPL);
    REFUSED_OR(IBackgroundCopyJobHttpOptions_SetClientCertificateByName(h, BG_CERT_STORE_LOCATION_CURRENT_USER, NULL, TEXT("x")), E_NOTIMPL);
    REFUSED_OR(IBackgroundCopyJobHttpOptions_SetClientCertificateByName(h, BG_CERT_STORE_LOCATION_CURRENT_USER, TEXT("MY"), NULL), E_NOTIMPL);
    REFUSED_OR(IBackgroundCopyJobHttpOptions_GetClientCertificate(h, NULL, &store, &found, &subject), E_NOTIMPL);
    REFUSED_OR(IBackgroundCopyJobHttpOptions_GetClientCertificate(h, &place, NULL, &found, &subject), E_NOTIMPL);
    REFUSED_OR(IBackgroundCopyJobHttpOptions_GetClientCertificate(h, &place, &store, NULL, &subject), E_NOTIMPL);
    REFUSED_OR(IBackgroundCopyJobHttpOptions_GetClientCertificate(h, &place, &store, &found, NULL), E_NOTIMPL);
    OK(IBackgroundCopyJobHttpOptions_SetCustomHeaders(h, NULL));
    REFUSED(IBackgroundCopyJobHttpOptions_GetCustomHeaders(h, NULL));
    REFUSED(IBackgroundCopyJobHttpOptions_GetSecurityFlags(h, NULL));
    IBackgroundCopyJobHttpOptions_Release(h);
}

static void file(IBackgroundCopyFile *first) {
    IBackgroundCopyFile5 *f = NULL;
    BG_FILE_RANGE *ranges = NULL;
    DWORD count = 0;
    UINT64 bytes;
    OK(IBackgroundCopyFile_QueryInterface(first, &IID_IBackgroundCopyFile5, (void **)&f));
    REFUSED(IBackgroundCopyFile5_GetRemoteName(f, NULL));
    REFUSED(IBackgroundCopyFile5_GetLocalName(f, NULL));
    REFUSED(IBackgroundCopyFile5_GetProgress(f, NULL));
    REFUSED(IBackgroundCopyFile5_GetFileRanges(f, NULL, &ranges));
    REFUSED(IBackgroundCopyFile5_GetFileRanges(f, &count, NULL));
    REFUSED(IBackgroundCopyFile5_SetRemoteName(f, NULL));
    REFUSED(IBackgroundCopyFile5_GetTemporaryName(f, NULL));
    REFUSED(IBackgroundCopyFile5_GetValidationState(f, NULL));
    REFUSED(IBackgroundCopyFile5_IsDownloadedFromPeer(f, NULL));
    /* Whoever wants one number need not take the other. */
    OK(IBackgroundCopyFile5_GetPeerDownloadStats(f, NULL, &bytes));
    OK(IBackgroundCopyFile5_GetPeerDownloadStats(f, &bytes, NULL));
    REFUSED(IBackgroundCopyFile5_GetProperty(f, BITS_FILE_PROPERTY_ID_HTTP_RESPONSE_HEADERS, NULL));
    IBackgroundCopyFile5_Release(f);
}

static void error(IBackgroundCopyError *e) {
    BG_ERROR_CONTEXT context;
    HRESULT code;
    REFUSED(IBackgroundCopyError_GetError(e, NULL, &code));
    REFUSED(IBackgroundCopyError_GetError(e, &context, NULL));
    REFUSED(IBackgroundCopyError_GetFile(e, NULL));
    REFUSED(IBackgroundCopyError_GetErrorDescription(e, 0, NULL));
    REFUSED(IBackgroundCopyError_GetErrorContextDescription(e, 0, NULL));
    REFUSED(IBackgroundCopyError_GetProtocol(e, NULL));
}

/* More than one element without a place for their number is refused; fewer than asked for is S_FALSE. */
#define ENUMERATOR(type, element, e)                                                                                   \
    do {                                                                                                               \
        element *two[2] = {NULL, NULL};                                                                                \
        ULONG fetched = 99;                                                                                            \
        OK(type##_Reset(e));                                                                                           \
        REFUSED(type##_Next(e, 1, NULL, &fetched));                                                                    \
        CHECK_HR(type##_Next(e, 2, two, NULL), E_INVALIDARG);                                                          \
        CHECK(two[0] == NULL);                                                                                         \
        CHECK_HR(type##_Next(e, 2, two, &fetched), S_FALSE);                                                           \
        CHECK(fetched == 1 && two[0] != NULL && two[1] == NULL);                                                       \
        element##_Release(two[0]);                                                                                     \
        two[0] = NULL;                                                                                                 \
        CHECK_HR(type##_Next(e, 1, two, &fetched), S_FALSE);                                                           \
        CHECK(fetched == 0 && two[0] == NULL);                                                                         \
        CHECK_HR(type##_Skip(e, 1), S_FALSE);                                                                          \
        OK(type##_Reset(e));                                                                                           \
        OK(type##_Next(e, 1, two, NULL));                                                                              \
        element##_Release(two[0]);                                                                                     \
        OK(type##_Reset(e));                                                                                           \
        OK(type##_Skip(e, 1));                                                                                         \
        REFUSED(type##_Clone(e, NULL));                                                                                \
    } while (0)

static void deliveries(const struct live *live) {
    IDOManager *manager = NULL;
    OK(IUnknown_QueryInterface(live->object[LIVE_DO_MANAGER], &IID_IDOManager, (void **)&manager));
    REFUSED(IDOManager_CreateDownload(manager, NULL));
    REFUSED(IDOManager_EnumDownloads(manager, NULL, NULL));
    const DO_DOWNLOAD_ENUM_CATEGORY valueless = {DODownloadProperty_Uri, NULL};
    IEnumUnknown *found = NULL;
    REFUSED(IDOManager_EnumDownloads(manager, &valueless, &found));
    IDOManager_Release(manager);

    IDODownload *d = (IDODownload *)live->object[LIVE_DOWNLOAD];
    VARIANT value;
    VariantInit(&value);
    REFUSED(IDODownload_GetStatus(d, NULL));
    REFUSED(IDODownload_GetProperty(d, DODownloadProperty_Uri, NULL));
    REFUSED(IDODownload_SetProperty(d, DODownloadProperty_Uri, NULL));
    V_VT(&value) = VT_BSTR;
    V_BSTR(&value) = NULL;
    REFUSED(IDODownload_SetProperty(d, DODownloadProperty_Uri, &value));
    CHECK_HR(IDODownload_Start(d, NULL), DO_E_NO_URI);
    V_VT(&value) = VT_UNKNOWN;
    V_UNKNOWN(&value) = NULL;
    OK(IDODownload_SetProperty(d, DODownloadProperty_CallbackInterface, &value));

    IDeliveryOptimizationJob *job = NULL;
    IDeliveryOptimizationJob2 *job2 = NULL;
    IUnknown *made = NULL;
    OK(IUnknown_QueryInterface(live->object[LIVE_DO_JOB], &IID_IDeliveryOptimizationJob, (void **)&job));
    OK(IUnknown_QueryInterface(live->object[LIVE_DO_JOB], &IID_IDeliveryOptimizationJob2, (void **)&job2));
    REFUSED(IDeliveryOptimizationJob_AddFileWithRanges(job, TEXT("i"), NULL, TEXT("/tmp/x"), 0, NULL, 0));
    REFUSED(IDeliveryOptimizationJob_AddFileWithRanges(job, TEXT("i"), TEXT("http://127.0.0.1/x"), NULL, 0, NULL, 0));
    REFUSED(IDeliveryOptimizationJob_AddFileWithRanges(job, TEXT("i"), TEXT("http://127.0.0.1/x"), TEXT("/tmp/x"), 1, NULL, 0));
    REFUSED_OR(IDeliveryOptimizationJob2_AddFile(job2, TEXT("i"), TEXT("http://127.0.0.1/x"), 0, NULL, NULL, (void **)&made), E_NOTIMPL);
    REFUSED_OR(IDeliveryOptimizationJob2_AddFile(job2, TEXT("i"), TEXT("http://127.0.0.1/x"), 0, NULL, &IID_IUnknown, NULL), E_NOTIMPL);
    REFUSED(IDeliveryOptimizationJob2_GetProperty(job2, DOJobPropertyId_ExtendedErrorInfo, NULL));
    REFUSED_OR(IDeliveryOptimizationJob2_SetProperty(job2, DOJobPropertyId_ExtendedErrorInfo, NULL), DO_E_READ_ONLY_PROPERTY);
    IDeliveryOptimizationJob_Release(job);
    IDeliveryOptimizationJob2_Release(job2);

    IDeliveryOptimizationFile *f = NULL;
    IDeliveryOptimizationFile2 *f2 = NULL;
    OK(IUnknown_QueryInterface(live->object[LIVE_DO_FILE], &IID_IDeliveryOptimizationFile, (void **)&f));
    OK(IUnknown_QueryInterface(live->object[LIVE_DO_FILE], &IID_IDeliveryOptimizationFile2, (void **)&f2));
    REFUSED(IDeliveryOptimizationFile_GetStats(f, NULL));
    REFUSED(IDeliveryOptimizationFile_GetStatsSlot4(f, NULL));
    REFUSED_OR(IDeliveryOptimizationFile2_GetProperty(f2, DOFilePropertyId_TotalSizeBytes, NULL), E_NOTIMPL);
    REFUSED_OR(IDeliveryOptimizationFile2_SetProperty(f2, DOFilePropertyId_TotalSizeBytes, NULL), E_NOTIMPL);
    IDeliveryOptimizationFile_Release(f);
    IDeliveryOptimizationFile2_Release(f2);
}

int main(int argc, char **argv) {
    if (argc != 3)
        return fputs("usage: nulls URL FOLDER\n", stderr), 2;
    struct live live;
    OK(CoInitializeEx(NULL, COINIT_MULTITHREADED));
    functions();
    live_open(&live, argv[1], argv[2]);
    unknowns(&live);
    manager((IBackgroundCopyManager *)live.object[LIVE_MANAGER]);
    manager((IBackgroundCopyManager *)live.object[LIVE_DO_MANAGER]);
    for (int kind = LIVE_JOB; kind <= LIVE_DO_JOB; kind += LIVE_DO_JOB - LIVE_JOB) {
        IBackgroundCopyJob *one = (IBackgroundCopyJob *)live.object[kind];
        job(one);
        later_job(one);
        http_options(one);
    }
    file((IBackgroundCopyFile *)live.object[LIVE_FILE]);
    file((IBackgroundCopyFile *)live.object[LIVE_DO_FILE]);
    error((IBackgroundCopyError *)live.object[LIVE_ERROR]);
    ENUMERATOR(IEnumBackgroundCopyFiles, IBackgroundCopyFile, (IEnumBackgroundCopyFiles *)live.object[LIVE_ENUM_FILES]);
    REFUSED(IEnumBackgroundCopyFiles_GetCount((IEnumBackgroundCopyFiles *)live.object[LIVE_ENUM_FILES], NULL));
    ENUMERATOR(IEnumBackgroundCopyJobs, IBackgroundCopyJob, (IEnumBackgroundCopyJobs *)live.object[LIVE_ENUM_JOBS]);
    REFUSED(IEnumBackgroundCopyJobs_GetCount((IEnumBackgroundCopyJobs *)live.object[LIVE_ENUM_JOBS], NULL));
    ENUMERATOR(IEnumUnknown, IUnknown, (IEnumUnknown *)live.object[LIVE_ENUM_DOWNLOADS]);
    deliveries(&live);
    live_close(&live);
    CoUninitialize();
    return tap_done();
}

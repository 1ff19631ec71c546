/* A download with ranges, its status callback in C, a pause from inside it, and finding it by a property: download URL FOLDER.
 *
 * URL/file has at least 64 KiB. Of it 1 000 bytes from 100 on and the 4 096 from 8 192 on are fetched, in this order. */
#define COBJMACROS
#include "tap.h"
#include "words.h"
#include <deliveryoptimization.h>
#include <stdatomic.h>
#include <stddef.h>

enum { FIRST = 1000, SECOND = 4096 };

struct callback {
    IDODownloadStatusCallback base;
    atomic_uint references;
    atomic_int calls, asked, wrong;
    atomic_int pause_answered; /* 1 when Pause, called inside, has succeeded */
    atomic_int state;
};

static struct callback *of(IDODownloadStatusCallback *This) { return (struct callback *)(void *)This; }

static HRESULT STDMETHODCALLTYPE query(IDODownloadStatusCallback *This, REFIID riid, void **object) {
    if (!object)
        return E_POINTER;
    *object = NULL;
    if (!IsEqualIID(riid, &IID_IUnknown) && !IsEqualIID(riid, &IID_IDODownloadStatusCallback))
        return E_NOINTERFACE;
    of(This)->references++;
    *object = This;
    return S_OK;
}

static ULONG STDMETHODCALLTYPE add_ref(IDODownloadStatusCallback *This) { return ++of(This)->references; }
static ULONG STDMETHODCALLTYPE release(IDODownloadStatusCallback *This) { return --of(This)->references; }

static HRESULT STDMETHODCALLTYPE changed(IDODownloadStatusCallback *This, IDODownload *download, const DO_DOWNLOAD_STATUS *status) {
    struct callback *self = of(This);
    DO_DOWNLOAD_STATUS now;
    self->calls++;
    if (IDODownload_GetStatus(download, &now) == S_OK && now.BytesTransferred >= status->BytesTransferred)
        self->asked++;
    else
        self->wrong++;
    if (status->State <= DODownloadState_Transferred && !self->pause_answered && IDODownload_Pause(download) == S_OK)
        self->pause_answered = 1;
    self->state = (int)status->State;
    return S_OK;
}

static const IDODownloadStatusCallbackVtbl METHODS = {query, add_ref, release, changed};

static void set(IDODownload *download, DODownloadProperty property, const char *text) {
    WCHAR wide[1024];
    VARIANT value;
    VariantInit(&value);
    V_VT(&value) = VT_BSTR;
    V_BSTR(&value) = SysAllocString(wide_into(wide, 1024, text));
    OK(IDODownload_SetProperty(download, property, &value));
    OK(VariantClear(&value));
}

static DO_DOWNLOAD_STATUS wait_for(IDODownload *download, DODownloadState wanted) {
    DO_DOWNLOAD_STATUS status;
    for (int i = 0; i < 1200; i++) {
        if (IDODownload_GetStatus(download, &status) != S_OK)
            break;
        if (status.State == wanted)
            return status;
        Sleep(50);
    }
    printf("# state %d, error 0x%08X, awaited state %d\n", (int)status.State, (unsigned)status.Error, (int)wanted);
    CHECK(!"the awaited state came within 60 s");
    return status;
}

/* How many downloads have this name, each asked for its interface. */
static int found(IDOManager *manager, LPCWSTR name) {
    const DO_DOWNLOAD_ENUM_CATEGORY category = {DODownloadProperty_DisplayName, name};
    IEnumUnknown *all = NULL;
    IUnknown *one = NULL;
    ULONG fetched = 0;
    int count = 0;
    OK(IDOManager_EnumDownloads(manager, &category, &all));
    while (IEnumUnknown_Next(all, 1, &one, &fetched) == S_OK) {
        IDODownload *download = NULL;
        OK(IUnknown_QueryInterface(one, &IID_IDODownload, (void **)&download));
        IDODownload_Release(download);
        IUnknown_Release(one);
        count++;
    }
    IEnumUnknown_Release(all);
    return count;
}

static long size_of(const char *path) {
    FILE *file = fopen(path, "r");
    if (!file)
        return -1;
    fseek(file, 0, SEEK_END);
    long size = ftell(file);
    fclose(file);
    return size;
}

int main(int argc, char **argv) {
    if (argc != 3)
        return fputs("usage: download URL FOLDER\n", stderr), 2;
    char from[1024], to[1024];
    snprintf(from, sizeof from, "%s/file", argv[1]);
    snprintf(to, sizeof to, "%s/ranges", argv[2]);
    static struct callback callback;
    callback.base.lpVtbl = &METHODS;
    callback.references = 1;

    IDOManager *manager = NULL;
    IDODownload *download = NULL;
    VARIANT value;
    OK(CoInitializeEx(NULL, COINIT_MULTITHREADED));
    OK(CoCreateInstance(&CLSID_DeliveryOptimization, NULL, CLSCTX_LOCAL_SERVER, &IID_IDOManager, (void **)&manager));
    OK(IDOManager_CreateDownload(manager, &download));
    CHECK_HR(IDODownload_Start(download, NULL), DO_E_NO_URI);
    set(download, DODownloadProperty_Uri, from);
    CHECK_HR(IDODownload_Start(download, NULL), DO_E_DOWNLOADSINK_UNSPECIFIED);
    set(download, DODownloadProperty_LocalPath, to);
    set(download, DODownloadProperty_DisplayName, "download.c");
    VariantInit(&value);
    V_VT(&value) = VT_BOOL;
    V_BOOL(&value) = VARIANT_TRUE;
    OK(IDODownload_SetProperty(download, DODownloadProperty_ForegroundPriority, &value));
    V_VT(&value) = VT_UNKNOWN;
    V_UNKNOWN(&value) = (IUnknown *)&callback.base;
    OK(IDODownload_SetProperty(download, DODownloadProperty_CallbackInterface, &value));
    VariantInit(&value);
    OK(IDODownload_GetProperty(download, DODownloadProperty_Id, &value));
    CHECK(V_VT(&value) == VT_BSTR && SysStringLen(V_BSTR(&value)) > 0);
    CHECK_HR(IDODownload_SetProperty(download, DODownloadProperty_Id, &value), DO_E_READ_ONLY_PROPERTY);
    OK(VariantClear(&value));
    CHECK_HR(IDODownload_GetProperty(download, (DODownloadProperty)999, &value), DO_E_UNKNOWN_PROPERTY_ID);
    CHECK(found(manager, TEXT("download.c")) == 1);
    CHECK(found(manager, TEXT("another")) == 0);

    CHECK_HR(IDODownload_Finalize(download), DO_E_INVALID_STATE);
    DO_DOWNLOAD_RANGES_INFO *ranges = malloc(sizeof *ranges + sizeof ranges->Ranges[0]);
    CHECK(ranges != NULL);
    DO_DOWNLOAD_RANGE *range = (DO_DOWNLOAD_RANGE *)(void *)((char *)ranges + offsetof(DO_DOWNLOAD_RANGES_INFO, Ranges));
    ranges->RangeCount = 2;
    range[0] = (DO_DOWNLOAD_RANGE){100, FIRST};
    range[1] = (DO_DOWNLOAD_RANGE){8192, SECOND};
    OK(IDODownload_Start(download, ranges));
    /* The pause may come before the last byte, then it has to be started again, or after it, then it means nothing. */
    DO_DOWNLOAD_STATUS status;
    for (int i = 0; i < 1200 && !callback.pause_answered; i++)
        Sleep(50);
    CHECK(callback.pause_answered);
    for (int i = 0; i < 1200; i++) {
        OK(IDODownload_GetStatus(download, &status));
        if (status.State == DODownloadState_Paused)
            OK(IDODownload_Start(download, ranges));
        if (status.State != DODownloadState_Transferring)
            break;
        Sleep(50);
    }
    free(ranges);
    status = wait_for(download, DODownloadState_Transferred);
    CHECK(status.BytesTotal == FIRST + SECOND && status.BytesTransferred == FIRST + SECOND);
    OK(status.Error);
    CHECK(size_of(to) == -1);
    OK(IDODownload_Finalize(download));
    OK(IDODownload_Finalize(download));
    CHECK_HR(IDODownload_Start(download, NULL), DO_E_INVALID_STATE);
    CHECK_HR(IDODownload_Pause(download), DO_E_INVALID_STATE);
    CHECK(size_of(to) == FIRST + SECOND);
    /* The last call tells of Finalized and may still be on its way; behind it the object is released. */
    for (int i = 0; i < 1200 && callback.references > 1; i++)
        Sleep(50);
    CHECK(callback.references == 1 && callback.state == DODownloadState_Finalized);
    CHECK(callback.calls > 0 && callback.asked == callback.calls && callback.wrong == 0);
    CHECK(found(manager, TEXT("download.c")) == 0);

    CHECK(IDODownload_Release(download) == 0);
    CHECK(IDOManager_Release(manager) == 0);
    CoUninitialize();
    CHECK(callback.references == 1);
    return tap_done();
}

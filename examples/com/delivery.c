/* A download of Delivery Optimization: delivery URL PATH. One file, no job; the file is there once it is finalized. */
#define COBJMACROS
#include <deliveryoptimization.h>
#include <stdio.h>

static HRESULT set_text(IDODownload *download, DODownloadProperty property, const char *ascii) {
    WCHAR wide[4096];
    VARIANT value;
    size_t n = 0;
    for (; ascii[n] && n + 1 < ARRAYSIZE(wide); n++)
        wide[n] = (unsigned char)ascii[n];
    wide[n] = 0;
    VariantInit(&value);
    V_VT(&value) = VT_BSTR;
    V_BSTR(&value) = SysAllocString(wide);
    const HRESULT hr = IDODownload_SetProperty(download, property, &value);
    VariantClear(&value);
    return hr;
}

static HRESULT set_foreground(IDODownload *download) {
    VARIANT value;
    VariantInit(&value);
    V_VT(&value) = VT_BOOL;
    V_BOOL(&value) = VARIANT_TRUE;
    return IDODownload_SetProperty(download, DODownloadProperty_ForegroundPriority, &value);
}

/* S_OK when it is transferred. Paused with an error is where it ends; paused without one it waits, for the network for example. */
static HRESULT wait_for(IDODownload *download) {
    DO_DOWNLOAD_STATUS status;
    HRESULT hr;
    while (SUCCEEDED(hr = IDODownload_GetStatus(download, &status))) {
        if (status.State == DODownloadState_Transferred)
            return S_OK;
        if (status.State == DODownloadState_Paused && FAILED(status.Error))
            return status.Error;
        if (status.State == DODownloadState_Aborted)
            return E_ABORT;
        if (status.BytesTotal != BG_SIZE_UNKNOWN)
            printf("%llu of %llu bytes\n", status.BytesTransferred, status.BytesTotal);
        Sleep(200);
    }
    return hr;
}

int main(int argc, char **argv) {
    if (argc != 3)
        return fputs("usage: delivery URL PATH\n", stderr), 2;
    IDOManager *manager = NULL;
    IDODownload *download = NULL;
    HRESULT hr = CoInitializeEx(NULL, COINIT_MULTITHREADED);
    if (SUCCEEDED(hr))
        hr = CoCreateInstance(&CLSID_DeliveryOptimization, NULL, CLSCTX_LOCAL_SERVER, &IID_IDOManager, (void **)&manager);
    if (SUCCEEDED(hr))
        hr = IDOManager_CreateDownload(manager, &download);
    if (SUCCEEDED(hr))
        hr = set_text(download, DODownloadProperty_Uri, argv[1]);
    if (SUCCEEDED(hr))
        hr = set_text(download, DODownloadProperty_LocalPath, argv[2]);
    if (SUCCEEDED(hr))
        hr = set_foreground(download);
    if (SUCCEEDED(hr))
        hr = IDODownload_Start(download, NULL);
    if (SUCCEEDED(hr))
        hr = wait_for(download);
    if (SUCCEEDED(hr))
        hr = IDODownload_Finalize(download);
    if (FAILED(hr)) {
        fprintf(stderr, "0x%08X\n", (unsigned)hr);
        if (download)
            IDODownload_Abort(download);
    }
    if (download)
        IDODownload_Release(download);
    if (manager)
        IDOManager_Release(manager);
    CoUninitialize();
    return FAILED(hr) ? 1 : 0;
}

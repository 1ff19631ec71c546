/* A service that neither runs nor can be started: absent. Prints what GetErrorDescription says of that, in ASCII. */
#define COBJMACROS
#include "tap.h"
#include <bits.h>

int main(void) {
    IBackgroundCopyManager *manager = NULL;
    IBackgroundCopyJob *job = NULL;
    LPWSTR words = NULL;
    GUID id;

    OK(CoInitializeEx(NULL, COINIT_MULTITHREADED));
    OK(CoCreateInstance(&CLSID_BackgroundCopyManager, NULL, CLSCTX_LOCAL_SERVER, &IID_IBackgroundCopyManager, (void **)&manager));
    const HRESULT answer = IBackgroundCopyManager_CreateJob(manager, u"absent", BG_JOB_TYPE_DOWNLOAD, &id, &job);
    CHECK(answer == HRESULT_FROM_WIN32(1722)); /* RPC_S_SERVER_UNAVAILABLE */
    CHECK(!job);
    OK(IBackgroundCopyManager_GetErrorDescription(manager, answer, 0x407, &words));
    CHECK(words && words[0]);
    for (const WCHAR *unit = words; *unit; unit++)
        putchar(*unit < 128 ? *unit : '?');
    putchar('\n');
    CoTaskMemFree(words);
    IBackgroundCopyManager_Release(manager);
    CoUninitialize();
    return tap_done();
}

/* Makes a job of one file and asks for its state until it has come: create URL PATH, where the path is absolute.
 *
 * cc -I crates/com/include create.c -ldosvc. Words are UTF-16: u"…" is a literal, an argument has to be converted. */
#define COBJMACROS
#include <bits.h>
#include <stdio.h>

static WCHAR *wide(WCHAR *to, size_t room, const char *ascii) {
    size_t n = 0;
    for (; ascii[n] && n + 1 < room; n++)
        to[n] = (unsigned char)ascii[n];
    to[n] = 0;
    return to;
}

static int failed(const char *what, HRESULT hr) {
    fprintf(stderr, "%s: 0x%08X\n", what, (unsigned)hr);
    return 1;
}

int main(int argc, char **argv) {
    if (argc != 3)
        return fputs("usage: create URL PATH\n", stderr), 2;
    WCHAR url[2201], path[4096];
    IBackgroundCopyManager *manager = NULL;
    IBackgroundCopyJob *job = NULL;
    BG_JOB_STATE state = BG_JOB_STATE_QUEUED;
    GUID id;
    HRESULT hr = CoInitializeEx(NULL, COINIT_MULTITHREADED);
    if (SUCCEEDED(hr))
        hr = CoCreateInstance(&CLSID_BackgroundCopyManager, NULL, CLSCTX_LOCAL_SERVER, &IID_IBackgroundCopyManager, (void **)&manager);
    if (FAILED(hr))
        return failed("no service", hr);
    hr = IBackgroundCopyManager_CreateJob(manager, TEXT("example"), BG_JOB_TYPE_DOWNLOAD, &id, &job);
    if (SUCCEEDED(hr))
        hr = IBackgroundCopyJob_SetPriority(job, BG_JOB_PRIORITY_FOREGROUND);
    if (SUCCEEDED(hr))
        hr = IBackgroundCopyJob_AddFile(job, wide(url, ARRAYSIZE(url), argv[1]), wide(path, ARRAYSIZE(path), argv[2]));
    if (SUCCEEDED(hr))
        hr = IBackgroundCopyJob_Resume(job);
    while (SUCCEEDED(hr) && (hr = IBackgroundCopyJob_GetState(job, &state)) == S_OK) {
        BG_JOB_PROGRESS progress;
        if (state == BG_JOB_STATE_TRANSFERRED || state == BG_JOB_STATE_ERROR)
            break;
        if (IBackgroundCopyJob_GetProgress(job, &progress) == S_OK && progress.BytesTotal != BG_SIZE_UNKNOWN)
            printf("%llu of %llu bytes\n", progress.BytesTransferred, progress.BytesTotal);
        Sleep(500);
    }
    /* The file has its name only now: the job keeps it until it is completed, whoever is there to ask. */
    if (SUCCEEDED(hr))
        hr = state == BG_JOB_STATE_TRANSFERRED ? IBackgroundCopyJob_Complete(job) : E_FAIL;
    if (FAILED(hr) && job)
        IBackgroundCopyJob_Cancel(job);
    if (job)
        IBackgroundCopyJob_Release(job);
    IBackgroundCopyManager_Release(manager);
    CoUninitialize();
    return FAILED(hr) ? failed("the job", hr) : 0;
}

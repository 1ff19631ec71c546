/* Tells what went wrong, in words: error URL PATH, where the URL is one that fails.
 *
 * Ends with 0 when the job failed and said why. */
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

/* Prints a string that a method handed out, and frees it. */
static void say(const char *label, HRESULT hr, LPWSTR text) {
    printf("%s: ", label);
    for (LPWSTR c = text; SUCCEEDED(hr) && c && *c; c++)
        putchar(*c < 0x80 ? (int)*c : '?');
    putchar('\n');
    CoTaskMemFree(text);
}

static void explain(IBackgroundCopyError *error) {
    BG_ERROR_CONTEXT context;
    HRESULT code;
    LPWSTR text = NULL;
    IBackgroundCopyFile *file = NULL;
    const DWORD language = LANGIDFROMLCID(GetThreadLocale());
    if (SUCCEEDED(IBackgroundCopyError_GetError(error, &context, &code)))
        printf("code 0x%08X, context %d\n", (unsigned)code, (int)context);
    HRESULT hr = IBackgroundCopyError_GetErrorDescription(error, language, &text);
    say("error", hr, text);
    text = NULL;
    hr = IBackgroundCopyError_GetErrorContextDescription(error, language, &text);
    say("context", hr, text);
    text = NULL;
    /* Not every error is one of a file. */
    if (IBackgroundCopyError_GetFile(error, &file) == S_OK) {
        hr = IBackgroundCopyFile_GetRemoteName(file, &text);
        say("file", hr, text);
        IBackgroundCopyFile_Release(file);
    }
}

int main(int argc, char **argv) {
    if (argc != 3)
        return fputs("usage: error URL PATH\n", stderr), 2;
    WCHAR url[2201], path[4096];
    IBackgroundCopyManager *manager = NULL;
    IBackgroundCopyJob *job = NULL;
    IBackgroundCopyError *error = NULL;
    BG_JOB_STATE state = BG_JOB_STATE_QUEUED;
    GUID id;
    HRESULT hr = CoInitializeEx(NULL, COINIT_MULTITHREADED);
    if (SUCCEEDED(hr))
        hr = CoCreateInstance(&CLSID_BackgroundCopyManager, NULL, CLSCTX_LOCAL_SERVER, &IID_IBackgroundCopyManager, (void **)&manager);
    if (SUCCEEDED(hr))
        hr = IBackgroundCopyManager_CreateJob(manager, TEXT("will fail"), BG_JOB_TYPE_DOWNLOAD, &id, &job);
    if (SUCCEEDED(hr))
        hr = IBackgroundCopyJob_AddFile(job, wide(url, ARRAYSIZE(url), argv[1]), wide(path, ARRAYSIZE(path), argv[2]));
    if (SUCCEEDED(hr))
        hr = IBackgroundCopyJob_Resume(job);
    while (SUCCEEDED(hr) && state != BG_JOB_STATE_ERROR && state != BG_JOB_STATE_TRANSIENT_ERROR && state != BG_JOB_STATE_TRANSFERRED) {
        Sleep(100);
        hr = IBackgroundCopyJob_GetState(job, &state);
    }
    if (SUCCEEDED(hr))
        hr = IBackgroundCopyJob_GetError(job, &error);
    if (SUCCEEDED(hr)) {
        explain(error);
        IBackgroundCopyError_Release(error);
    }
    if (job) {
        IBackgroundCopyJob_Cancel(job);
        IBackgroundCopyJob_Release(job);
    }
    if (manager)
        IBackgroundCopyManager_Release(manager);
    CoUninitialize();
    if (FAILED(hr))
        fprintf(stderr, "0x%08X\n", (unsigned)hr);
    return FAILED(hr) ? 1 : 0;
}

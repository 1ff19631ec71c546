/* Fetches from a server that wants a name and a password: credentials URL PATH USER PASSWORD.
 *
 * The service keeps both with the job, so that it goes on after a restart; nobody can read them back. */
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

static HRESULT sign_in(IBackgroundCopyJob *job, LPWSTR user, LPWSTR password) {
    IBackgroundCopyJob2 *job2 = NULL;
    HRESULT hr = IBackgroundCopyJob_QueryInterface(job, &IID_IBackgroundCopyJob2, (void **)&job2);
    if (FAILED(hr))
        return hr;
    BG_AUTH_CREDENTIALS credentials;
    credentials.Target = BG_AUTH_TARGET_SERVER;
    credentials.Scheme = BG_AUTH_SCHEME_BASIC;
    credentials.Credentials.Basic.UserName = user;
    credentials.Credentials.Basic.Password = password;
    hr = IBackgroundCopyJob2_SetCredentials(job2, &credentials);
    IBackgroundCopyJob2_Release(job2);
    return hr;
}

int main(int argc, char **argv) {
    if (argc != 5)
        return fputs("usage: credentials URL PATH USER PASSWORD\n", stderr), 2;
    WCHAR url[2201], path[4096], user[300], password[300];
    IBackgroundCopyManager *manager = NULL;
    IBackgroundCopyJob *job = NULL;
    BG_JOB_STATE state = BG_JOB_STATE_QUEUED;
    GUID id;
    HRESULT hr = CoInitializeEx(NULL, COINIT_MULTITHREADED);
    if (SUCCEEDED(hr))
        hr = CoCreateInstance(&CLSID_BackgroundCopyManager, NULL, CLSCTX_LOCAL_SERVER, &IID_IBackgroundCopyManager, (void **)&manager);
    if (SUCCEEDED(hr))
        hr = IBackgroundCopyManager_CreateJob(manager, TEXT("signed in"), BG_JOB_TYPE_DOWNLOAD, &id, &job);
    if (SUCCEEDED(hr))
        hr = IBackgroundCopyJob_AddFile(job, wide(url, ARRAYSIZE(url), argv[1]), wide(path, ARRAYSIZE(path), argv[2]));
    if (SUCCEEDED(hr))
        hr = sign_in(job, wide(user, ARRAYSIZE(user), argv[3]), wide(password, ARRAYSIZE(password), argv[4]));
    memset(password, 0, sizeof password);
    if (SUCCEEDED(hr))
        hr = IBackgroundCopyJob_Resume(job);
    while (SUCCEEDED(hr) && state != BG_JOB_STATE_TRANSFERRED) {
        Sleep(100);
        hr = IBackgroundCopyJob_GetState(job, &state);
        if (SUCCEEDED(hr) && state == BG_JOB_STATE_ERROR)
            hr = HTTP_E_STATUS_DENIED;
    }
    if (SUCCEEDED(hr))
        hr = IBackgroundCopyJob_Complete(job);
    if (FAILED(hr)) {
        fprintf(stderr, "0x%08X\n", (unsigned)hr);
        if (job)
            IBackgroundCopyJob_Cancel(job);
    }
    if (job)
        IBackgroundCopyJob_Release(job);
    if (manager)
        IBackgroundCopyManager_Release(manager);
    CoUninitialize();
    return FAILED(hr) ? 1 : 0;
}

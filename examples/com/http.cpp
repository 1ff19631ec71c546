// Fetches with a header of its own and follows no redirection: http URL PATH HEADER, for example "X-Token: 1".
#include <bits.h>
#include <cstdio>
#include <string>

int main(int argc, char **argv) {
    if (argc != 4)
        return std::fputs("usage: http URL PATH HEADER\n", stderr), 2;
    using Words = std::basic_string<WCHAR>;
    const std::string arguments[] = {argv[1], argv[2], argv[3]};
    const Words url(arguments[0].begin(), arguments[0].end()), path(arguments[1].begin(), arguments[1].end());
    const Words header(arguments[2].begin(), arguments[2].end());
    IBackgroundCopyManager *manager = nullptr;
    IBackgroundCopyJob *job = nullptr;
    IBackgroundCopyJobHttpOptions *options = nullptr;
    GUID id;
    HRESULT hr = CoInitializeEx(nullptr, COINIT_MULTITHREADED);
    if (SUCCEEDED(hr))
        hr = CoCreateInstance(__uuidof(BackgroundCopyManager2_5), nullptr, CLSCTX_LOCAL_SERVER, IID_PPV_ARGS(&manager));
    if (SUCCEEDED(hr))
        hr = manager->CreateJob(TEXT("with a header"), BG_JOB_TYPE_DOWNLOAD, &id, &job);
    if (SUCCEEDED(hr))
        hr = job->AddFile(url.c_str(), path.c_str());
    // The options are another interface of the job itself.
    if (SUCCEEDED(hr))
        hr = job->QueryInterface(&options);
    if (SUCCEEDED(hr))
        hr = options->SetCustomHeaders(header.c_str());
    if (SUCCEEDED(hr))
        hr = options->SetSecurityFlags(BG_HTTP_REDIRECT_POLICY_DISALLOW);
    ULONG flags = 0;
    if (SUCCEEDED(hr))
        hr = options->GetSecurityFlags(&flags);
    if (SUCCEEDED(hr) && (flags & BG_HTTP_REDIRECT_POLICY_MASK) == BG_HTTP_REDIRECT_POLICY_DISALLOW)
        hr = job->Resume();
    BG_JOB_STATE state = BG_JOB_STATE_QUEUED;
    while (SUCCEEDED(hr) && state != BG_JOB_STATE_TRANSFERRED) {
        Sleep(100);
        hr = job->GetState(&state);
        if (SUCCEEDED(hr) && state == BG_JOB_STATE_ERROR)
            hr = E_FAIL;
    }
    if (SUCCEEDED(hr))
        hr = job->Complete();
    if (FAILED(hr)) {
        std::fprintf(stderr, "0x%08X\n", static_cast<unsigned>(hr));
        if (job)
            job->Cancel();
    }
    if (options)
        options->Release();
    if (job)
        job->Release();
    if (manager)
        manager->Release();
    CoUninitialize();
    return FAILED(hr) ? 1 : 0;
}

// Fetches two parts of a file into one: ranges URL PATH. The file there has at least 4 KiB.
//
// The parts are written one after the other, in the order given. A server without ranges ends the job with an error.
#include <bits.h>
#include <cstdio>
#include <string>

int main(int argc, char **argv) {
    if (argc != 3)
        return std::fputs("usage: ranges URL PATH\n", stderr), 2;
    const std::string narrow_url = argv[1], narrow_path = argv[2];
    const std::basic_string<WCHAR> url(narrow_url.begin(), narrow_url.end()), path(narrow_path.begin(), narrow_path.end());
    IBackgroundCopyManager *manager = nullptr;
    IBackgroundCopyJob *job = nullptr;
    IBackgroundCopyJob3 *job3 = nullptr;
    GUID id;
    HRESULT hr = CoInitializeEx(nullptr, COINIT_MULTITHREADED);
    if (SUCCEEDED(hr))
        hr = CoCreateInstance(__uuidof(BackgroundCopyManager2_0), nullptr, CLSCTX_LOCAL_SERVER, IID_PPV_ARGS(&manager));
    if (SUCCEEDED(hr))
        hr = manager->CreateJob(TEXT("two parts"), BG_JOB_TYPE_DOWNLOAD, &id, &job);
    // Ranges came with the third version of the job's interface.
    if (SUCCEEDED(hr))
        hr = job->QueryInterface(&job3);
    if (SUCCEEDED(hr)) {
        BG_FILE_RANGE parts[] = {{2048, 100}, {0, 28}};
        hr = job3->AddFileWithRanges(url.c_str(), path.c_str(), 2, parts);
        if (SUCCEEDED(hr))
            hr = job3->SetPriority(BG_JOB_PRIORITY_FOREGROUND);
        if (SUCCEEDED(hr))
            hr = job3->Resume();
    }
    BG_JOB_STATE state = BG_JOB_STATE_QUEUED;
    while (SUCCEEDED(hr) && state != BG_JOB_STATE_TRANSFERRED) {
        Sleep(100);
        hr = job->GetState(&state);
        if (SUCCEEDED(hr) && state == BG_JOB_STATE_ERROR)
            hr = E_FAIL;
    }
    BG_JOB_PROGRESS progress = {};
    if (SUCCEEDED(hr))
        hr = job->Complete();
    if (SUCCEEDED(hr) && SUCCEEDED(job->GetProgress(&progress)))
        std::printf("%llu bytes in %s\n", progress.BytesTransferred, argv[2]);
    if (FAILED(hr)) {
        std::fprintf(stderr, "0x%08X\n", static_cast<unsigned>(hr));
        if (job)
            job->Cancel();
    }
    if (job3)
        job3->Release();
    if (job)
        job->Release();
    if (manager)
        manager->Release();
    CoUninitialize();
    return FAILED(hr) ? 1 : 0;
}

// Lists the jobs of the caller and their files: list.
//
// c++ -I crates/com/include list.cpp -ldosvc
#include <bits.h>
#include <cstdio>
#include <string>

namespace {

// The string that a method handed out, which is freed here.
std::string words(LPWSTR text) {
    std::string narrow;
    for (LPWSTR c = text; c && *c; c++)
        narrow += *c < 0x80 ? static_cast<char>(*c) : '?';
    CoTaskMemFree(text);
    return narrow;
}

void files_of(IBackgroundCopyJob *job) {
    IEnumBackgroundCopyFiles *files = nullptr;
    IBackgroundCopyFile *file = nullptr;
    if (FAILED(job->EnumFiles(&files)))
        return;
    while (files->Next(1, &file, nullptr) == S_OK) {
        LPWSTR from = nullptr, to = nullptr;
        BG_FILE_PROGRESS progress = {};
        file->GetRemoteName(&from);
        file->GetLocalName(&to);
        file->GetProgress(&progress);
        const std::string url = words(from), path = words(to);
        std::printf("  %s -> %s, %llu bytes%s\n", url.c_str(), path.c_str(), progress.BytesTransferred,
                    progress.Completed ? ", completed" : "");
        file->Release();
    }
    files->Release();
}

} // namespace

int main() {
    IBackgroundCopyManager *manager = nullptr;
    IEnumBackgroundCopyJobs *jobs = nullptr;
    IBackgroundCopyJob *job = nullptr;
    HRESULT hr = CoInitializeEx(nullptr, COINIT_MULTITHREADED);
    if (SUCCEEDED(hr))
        hr = CoCreateInstance(__uuidof(BackgroundCopyManager), nullptr, CLSCTX_LOCAL_SERVER, IID_PPV_ARGS(&manager));
    if (SUCCEEDED(hr))
        hr = manager->EnumJobs(0, &jobs);
    if (SUCCEEDED(hr)) {
        // A snapshot: a job that ends meanwhile stays in it.
        while (jobs->Next(1, &job, nullptr) == S_OK) {
            LPWSTR name = nullptr;
            BG_JOB_STATE state = BG_JOB_STATE_QUEUED;
            job->GetDisplayName(&name);
            job->GetState(&state);
            std::printf("%s, state %d\n", words(name).c_str(), static_cast<int>(state));
            files_of(job);
            job->Release();
        }
        jobs->Release();
    }
    if (manager)
        manager->Release();
    CoUninitialize();
    if (FAILED(hr))
        std::fprintf(stderr, "0x%08X\n", static_cast<unsigned>(hr));
    return FAILED(hr) ? 1 : 0;
}

// Many threads, many jobs, a callback that calls back into its job: threads URL FOLDER [THREADS JOBS].
//
// Each thread makes its share of the jobs. Every job has to be completed by its callback, once and by no two calls at a time. Meant for
// valgrind and helgrind too.
#include "tap.h"
#include "words.h"
#include <deliveryoptimization.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace {

class Callback final : public IBackgroundCopyCallback {
  public:
    STDMETHODIMP QueryInterface(REFIID riid, void **object) override {
        if (!object)
            return E_POINTER;
        *object = nullptr;
        if (riid != __uuidof(IUnknown) && riid != __uuidof(IBackgroundCopyCallback))
            return E_NOINTERFACE;
        AddRef();
        *object = this;
        return S_OK;
    }
    STDMETHODIMP_(ULONG) AddRef() override { return ++references; }
    STDMETHODIMP_(ULONG) Release() override { return --references; }
    STDMETHODIMP JobTransferred(IBackgroundCopyJob *job) override {
        if (inside.exchange(true))
            overlapping++;
        LPWSTR name = nullptr;
        BG_JOB_PROGRESS progress;
        GUID id;
        if (job->GetDisplayName(&name) != S_OK || job->GetProgress(&progress) != S_OK || job->GetId(&id) != S_OK)
            wrong++;
        CoTaskMemFree(name);
        if (job->Complete() != S_OK)
            wrong++;
        inside = false;
        completed++;
        return S_OK;
    }
    STDMETHODIMP JobError(IBackgroundCopyJob *, IBackgroundCopyError *error) override {
        BG_ERROR_CONTEXT context;
        HRESULT code = E_FAIL;
        error->GetError(&context, &code);
        failed = code;
        return S_OK;
    }
    STDMETHODIMP JobModification(IBackgroundCopyJob *, DWORD) override { return S_OK; }

    std::atomic<ULONG> references{1};
    std::atomic<int> completed{0}, overlapping{0}, wrong{0};
    std::atomic<HRESULT> failed{S_OK};

  private:
    std::atomic<bool> inside{false};
};

struct Place {
    Callback callback;
    IBackgroundCopyJob *job = nullptr;
};

// No CHECK in here: it prints, and a line is one thread's.
HRESULT make(IBackgroundCopyManager *manager, const char *url, const char *folder, int number, Place &place) {
    WCHAR from[1024], to[1024], name[64];
    GUID id;
    const std::string file = "thread-" + std::to_string(number);
    HRESULT hr = manager->CreateJob(wide_into(name, 64, file.c_str()), BG_JOB_TYPE_DOWNLOAD, &id, &place.job);
    if (hr == S_OK)
        hr = place.job->SetPriority(BG_JOB_PRIORITY_FOREGROUND);
    if (hr == S_OK)
        hr = place.job->AddFile(beneath(from, 1024, url, "small"), beneath(to, 1024, folder, file.c_str()));
    if (hr == S_OK)
        hr = place.job->SetNotifyInterface(&place.callback);
    if (hr == S_OK)
        hr = place.job->Resume();
    return hr;
}

void share(const char *url, const char *folder, int first, int step, std::vector<std::unique_ptr<Place>> &places, std::atomic<HRESULT> &worst) {
    HRESULT hr = CoInitializeEx(nullptr, COINIT_MULTITHREADED);
    IBackgroundCopyManager *manager = nullptr;
    if (SUCCEEDED(hr))
        hr = CoCreateInstance(__uuidof(BackgroundCopyManager), nullptr, CLSCTX_LOCAL_SERVER, IID_PPV_ARGS(&manager));
    for (int i = first; hr == S_OK && i < static_cast<int>(places.size()); i += step)
        hr = make(manager, url, folder, i, *places[static_cast<std::size_t>(i)]);
    for (int waited = 0; hr == S_OK && waited < 12000; waited++) {
        bool all = true;
        for (std::size_t i = static_cast<std::size_t>(first); i < places.size(); i += static_cast<std::size_t>(step)) {
            BG_JOB_STATE state = BG_JOB_STATE_QUEUED;
            if (places[i]->job->GetState(&state) != S_OK)
                hr = E_UNEXPECTED;
            all = all && places[i]->callback.completed > 0;
        }
        if (all)
            break;
        Sleep(50);
    }
    if (manager)
        manager->Release();
    if (hr != S_OK)
        worst = hr;
    CoUninitialize();
}

} // namespace

int main(int argc, char **argv) {
    if (argc != 3 && argc != 5)
        return std::fputs("usage: threads URL FOLDER [THREADS JOBS]\n", stderr), 2;
    const int threads = argc == 5 ? std::atoi(argv[3]) : 8;
    const int jobs = argc == 5 ? std::atoi(argv[4]) : 200;
    std::vector<std::unique_ptr<Place>> places;
    for (int i = 0; i < jobs; i++)
        places.push_back(std::make_unique<Place>());
    std::atomic<HRESULT> worst{S_OK};
    OK(CoInitializeEx(nullptr, COINIT_MULTITHREADED));
    {
        std::vector<std::thread> all;
        for (int i = 0; i < threads; i++)
            all.emplace_back(share, argv[1], argv[2], i, threads, std::ref(places), std::ref(worst));
        for (auto &one : all)
            one.join();
    }
    OK(worst.load());
    int completed = 0;
    for (auto &place : places) {
        BG_JOB_STATE state = BG_JOB_STATE_QUEUED;
        OK(place->callback.failed.load());
        CHECK(place->callback.overlapping == 0 && place->callback.wrong == 0);
        OK(place->job->GetState(&state));
        CHECK(state == BG_JOB_STATE_ACKNOWLEDGED);
        place->job->Release();
        completed += place->callback.completed;
    }
    std::printf("# %d threads, %d jobs, %d calls of JobTransferred\n", threads, jobs, completed);
    CHECK(completed == jobs);
    CoUninitialize();
    for (auto &place : places)
        CHECK(place->callback.references == 1);
    return tap_done();
}

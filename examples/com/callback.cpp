// Is called when the file has come, and waits until then without asking: callback URL PATH.
//
// The calls arrive on a thread of the library, and may use the job. An error as their answer means: call again later.
#include <bits.h>
#include <condition_variable>
#include <cstdio>
#include <mutex>
#include <string>

namespace {

class Callback final : public IBackgroundCopyCallback {
  public:
    HRESULT QueryInterface(REFIID riid, void **object) override {
        if (!object)
            return E_POINTER;
        *object = nullptr;
        if (riid != __uuidof(IUnknown) && riid != __uuidof(IBackgroundCopyCallback))
            return E_NOINTERFACE;
        *object = this;
        return S_OK;
    }
    // Lives as long as main.
    ULONG AddRef() override { return 2; }
    ULONG Release() override { return 1; }

    HRESULT JobTransferred(IBackgroundCopyJob *job) override {
        const HRESULT hr = job->Complete();
        if (SUCCEEDED(hr))
            end(S_OK);
        return hr;
    }
    HRESULT JobError(IBackgroundCopyJob *job, IBackgroundCopyError *error) override {
        BG_ERROR_CONTEXT context;
        HRESULT code = E_FAIL;
        error->GetError(&context, &code);
        job->Cancel();
        end(code);
        return S_OK;
    }
    HRESULT JobModification(IBackgroundCopyJob *, DWORD) override { return S_OK; }

    HRESULT wait() {
        std::unique_lock<std::mutex> held(lock);
        ended.wait(held, [this] { return over; });
        return result;
    }

  private:
    void end(HRESULT hr) {
        std::lock_guard<std::mutex> held(lock);
        result = hr;
        over = true;
        ended.notify_all();
    }

    std::mutex lock;
    std::condition_variable ended;
    bool over = false;
    HRESULT result = E_FAIL;
};

} // namespace

int main(int argc, char **argv) {
    if (argc != 3)
        return std::fputs("usage: callback URL PATH\n", stderr), 2;
    const std::string narrow_url = argv[1], narrow_path = argv[2];
    const std::basic_string<WCHAR> url(narrow_url.begin(), narrow_url.end()), path(narrow_path.begin(), narrow_path.end());
    Callback callback;
    IBackgroundCopyManager *manager = nullptr;
    IBackgroundCopyJob *job = nullptr;
    GUID id;
    HRESULT hr = CoInitializeEx(nullptr, COINIT_MULTITHREADED);
    if (SUCCEEDED(hr))
        hr = CoCreateInstance(__uuidof(BackgroundCopyManager), nullptr, CLSCTX_LOCAL_SERVER, IID_PPV_ARGS(&manager));
    if (SUCCEEDED(hr) && SUCCEEDED(hr = manager->CreateJob(TEXT("called"), BG_JOB_TYPE_DOWNLOAD, &id, &job)))
        hr = job->AddFile(url.c_str(), path.c_str());
    if (SUCCEEDED(hr))
        hr = job->SetNotifyInterface(&callback);
    if (SUCCEEDED(hr) && SUCCEEDED(hr = job->SetNotifyFlags(BG_NOTIFY_JOB_TRANSFERRED | BG_NOTIFY_JOB_ERROR)))
        hr = job->Resume();
    if (SUCCEEDED(hr))
        hr = callback.wait();
    if (job)
        job->Release();
    if (manager)
        manager->Release();
    CoUninitialize(); // from here on nobody calls
    if (FAILED(hr))
        std::fprintf(stderr, "0x%08X\n", static_cast<unsigned>(hr));
    return FAILED(hr) ? 1 : 0;
}

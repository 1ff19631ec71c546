// A client that leaves while its job runs, and comes back: callback URL FOLDER.
//
// The first process makes the job, registers, starts it and exits at once. The second finds the job by its identifier, registers again
// (the callback object died with the first process, the flags did not), and completes the job in JobTransferred.
#include "tap.h"
#include "words.h"
#include <deliveryoptimization.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <spawn.h>
#include <string>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

namespace {

template <typename T> class Held {
  public:
    ~Held() {
        if (pointer)
            pointer->Release();
    }
    T *operator->() const { return pointer; }
    T **operator&() { return &pointer; }
    T *pointer = nullptr;
};

class Callback final : public IBackgroundCopyCallback2 {
  public:
    STDMETHODIMP QueryInterface(REFIID riid, void **object) override {
        if (!object)
            return E_POINTER;
        if (riid == __uuidof(IUnknown) || riid == __uuidof(IBackgroundCopyCallback) || riid == __uuidof(IBackgroundCopyCallback2)) {
            *object = this;
            AddRef();
            return S_OK;
        }
        *object = nullptr;
        return E_NOINTERFACE;
    }
    STDMETHODIMP_(ULONG) AddRef() override { return ++references; }
    STDMETHODIMP_(ULONG) Release() override { return --references; }

    STDMETHODIMP JobTransferred(IBackgroundCopyJob *job) override {
        std::lock_guard<std::mutex> one(calls);
        BG_JOB_PROGRESS progress;
        transferred_before_file = !file_seen;
        completed = job->Complete();
        if (job->GetProgress(&progress) == S_OK)
            whole = progress.BytesTransferred == progress.BytesTotal && progress.FilesTransferred == 1;
        done = true;
        return S_OK;
    }
    STDMETHODIMP JobError(IBackgroundCopyJob *job, IBackgroundCopyError *error) override {
        BG_ERROR_CONTEXT context;
        HRESULT code = E_FAIL;
        error->GetError(&context, &code);
        completed = code;
        job->Cancel();
        done = true;
        return S_OK;
    }
    STDMETHODIMP JobModification(IBackgroundCopyJob *, DWORD) override { return S_OK; }
    STDMETHODIMP FileTransferred(IBackgroundCopyJob *, IBackgroundCopyFile *file) override {
        LPWSTR name = nullptr;
        if (file->GetRemoteName(&name) != S_OK)
            return E_FAIL;
        CoTaskMemFree(name);
        file_seen = true;
        return S_OK;
    }

    std::atomic<ULONG> references{1};
    std::atomic<bool> done{false}, file_seen{false}, whole{false}, transferred_before_file{false};
    std::atomic<HRESULT> completed{E_FAIL};

  private:
    std::mutex calls;
};

constexpr ULONG FLAGS = BG_NOTIFY_JOB_TRANSFERRED | BG_NOTIFY_JOB_ERROR | BG_NOTIFY_FILE_TRANSFERRED;

int first(const char *url, const char *folder, const char *note) {
    WCHAR from[1024], to[1024], text[39];
    GUID id;
    static Callback callback;
    Held<IBackgroundCopyManager> manager;
    Held<IBackgroundCopyJob> job;
    OK(CoInitializeEx(nullptr, COINIT_MULTITHREADED));
    OK(CoCreateInstance(__uuidof(BackgroundCopyManager), nullptr, CLSCTX_LOCAL_SERVER, IID_PPV_ARGS(&manager)));
    OK(manager->CreateJob(TEXT("callback"), BG_JOB_TYPE_DOWNLOAD, &id, &job));
    OK(job->AddFile(beneath(from, 1024, url, "file"), beneath(to, 1024, folder, "called")));
    OK(job->SetNotifyInterface(&callback));
    OK(job->SetNotifyFlags(FLAGS));
    IUnknown *registered = nullptr;
    OK(job->GetNotifyInterface(&registered));
    CHECK(registered != nullptr);
    registered->Release();
    OK(job->Suspend());
    CHECK(StringFromGUID2(id, text, 39) == 39);
    char line[64];
    std::FILE *out = std::fopen(note, "w");
    CHECK(out && std::fputs(narrow_into(line, sizeof line, text), out) >= 0 && std::fclose(out) == 0);
    OK(job->Resume());
    // No CoUninitialize, no Release: a process that ends is all that the service sees.
    std::fflush(stdout);
    std::_Exit(0);
}

int second(const char *folder, const char *note) {
    char line[64] = "";
    WCHAR text[64];
    GUID id;
    std::FILE *in = std::fopen(note, "r");
    CHECK(in && std::fgets(line, sizeof line, in) && std::fclose(in) == 0);
    OK(CLSIDFromString(wide_into(text, 64, line), &id));
    Callback callback;
    {
        Held<IBackgroundCopyManager> manager;
        Held<IBackgroundCopyJob> job;
        ULONG flags = 0;
        OK(CoInitializeEx(nullptr, COINIT_MULTITHREADED));
        // What a program written for Windows says here is accepted.
        OK(CoInitializeSecurity(nullptr, -1, nullptr, nullptr, RPC_C_AUTHN_LEVEL_CONNECT, RPC_C_IMP_LEVEL_IMPERSONATE, nullptr,
                                EOAC_DYNAMIC_CLOAKING, nullptr));
        OK(CoCreateInstance(__uuidof(BackgroundCopyManager), nullptr, CLSCTX_LOCAL_SERVER, IID_PPV_ARGS(&manager)));
        OK(CoSetProxyBlanket(manager.pointer, RPC_C_AUTHN_DEFAULT, RPC_C_AUTHZ_DEFAULT, COLE_DEFAULT_PRINCIPAL,
                             RPC_C_AUTHN_LEVEL_DEFAULT, RPC_C_IMP_LEVEL_IMPERSONATE, COLE_DEFAULT_AUTHINFO, EOAC_DEFAULT));
        OK(manager->GetJob(id, &job));
        IUnknown *registered = &callback;
        OK(job->GetNotifyInterface(&registered));
        CHECK(registered == nullptr);
        OK(job->GetNotifyFlags(&flags));
        CHECK(flags == FLAGS);
        OK(job->SetNotifyInterface(&callback));
        for (int i = 0; i < 1200 && !callback.done; i++)
            Sleep(50);
        CHECK(callback.done);
        OK(callback.completed.load());
        CHECK(callback.whole && callback.file_seen && !callback.transferred_before_file);
        BG_JOB_STATE state;
        OK(job->GetState(&state));
        CHECK(state == BG_JOB_STATE_ACKNOWLEDGED);
        CHECK_HR(job->SetNotifyInterface(nullptr), BG_E_INVALID_STATE);
    }
    CoUninitialize();
    // The library lets go of the callback by then: it lives on this stack.
    CHECK(callback.references == 1);
    std::FILE *file = std::fopen((std::string(folder) + "/called").c_str(), "r");
    CHECK(file != nullptr);
    std::fclose(file);
    return tap_done();
}

void run(char **argv, const char *phase, const char *note) {
    // By its path, and not as /proc/self/exe, which under valgrind is valgrind.
    char self[4096] = "";
    CHECK(readlink("/proc/self/exe", self, sizeof self - 1) > 0);
    char *const arguments[] = {argv[0], argv[1], argv[2], const_cast<char *>(phase), const_cast<char *>(note), nullptr};
    pid_t child = 0;
    int status = -1;
    CHECK(posix_spawn(&child, self, nullptr, nullptr, arguments, environ) == 0);
    CHECK(waitpid(child, &status, 0) == child);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

} // namespace

int main(int argc, char **argv) {
    if (argc == 5)
        return std::strcmp(argv[3], "first") == 0 ? first(argv[1], argv[2], argv[4]) : second(argv[2], argv[4]);
    if (argc != 3)
        return std::fputs("usage: callback URL FOLDER\n", stderr), 2;
    const std::string note = std::string(argv[2]) + "/job-id";
    std::fflush(stdout);
    run(argv, "first", note.c_str());
    std::fflush(stdout);
    run(argv, "second", note.c_str());
    return 0;
}

/* A process that ends without a word, with objects, calls and threads of the library about, ends at once: leave URL FOLDER.
 *
 * Each way is a process of its own: main returns; exit is called inside JobTransferred, on the library's thread; main's thread exits by
 * itself while a callback ends the process. One that hangs is ended by SIGALRM after a minute. */
#define _GNU_SOURCE
#define COBJMACROS
#include "tap.h"
#include "words.h"
#include <bits.h>
#include <pthread.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static int leaving; /* whether JobTransferred exits */

static HRESULT STDMETHODCALLTYPE query(IBackgroundCopyCallback *This, REFIID riid, void **object) {
    *object = IsEqualIID(riid, &IID_IUnknown) || IsEqualIID(riid, &IID_IBackgroundCopyCallback) ? This : NULL;
    return *object ? S_OK : E_NOINTERFACE;
}
static ULONG STDMETHODCALLTYPE count(IBackgroundCopyCallback *This) {
    (void)This;
    return 1;
}
static HRESULT STDMETHODCALLTYPE transferred(IBackgroundCopyCallback *This, IBackgroundCopyJob *job) {
    (void)This;
    if (leaving) {
        IBackgroundCopyJob_Cancel(job);
        exit(0);
    }
    return E_FAIL; /* call again */
}
static HRESULT STDMETHODCALLTYPE failed(IBackgroundCopyCallback *This, IBackgroundCopyJob *job, IBackgroundCopyError *error) {
    (void)This, (void)job, (void)error;
    _exit(1);
}
static HRESULT STDMETHODCALLTYPE modified(IBackgroundCopyCallback *This, IBackgroundCopyJob *job, DWORD reserved) {
    (void)This, (void)job, (void)reserved;
    return S_OK;
}

static const IBackgroundCopyCallbackVtbl METHODS = {query, count, count, transferred, failed, modified};
static IBackgroundCopyCallback callback = {&METHODS};

static int child(const char *url, const char *folder, const char *way) {
    WCHAR from[1024], to[1024];
    IBackgroundCopyManager *manager = NULL;
    IBackgroundCopyJob *job = NULL;
    GUID id;
    alarm(60);
    leaving = strcmp(way, "return") != 0;
    OK(CoInitializeEx(NULL, COINIT_MULTITHREADED));
    OK(CoCreateInstance(&CLSID_BackgroundCopyManager, NULL, CLSCTX_LOCAL_SERVER, &IID_IBackgroundCopyManager, (void **)&manager));
    OK(IBackgroundCopyManager_CreateJob(manager, TEXT("leave"), BG_JOB_TYPE_DOWNLOAD, &id, &job));
    OK(IBackgroundCopyJob_SetPriority(job, BG_JOB_PRIORITY_FOREGROUND));
    OK(IBackgroundCopyJob_AddFile(job, beneath(from, 1024, url, "file"), beneath(to, 1024, folder, way)));
    OK(IBackgroundCopyJob_SetNotifyInterface(job, (IUnknown *)&callback));
    fflush(stdout);
    OK(IBackgroundCopyJob_Resume(job));
    if (strcmp(way, "thread") == 0)
        pthread_exit(NULL);
    while (leaving)
        Sleep(1000);
    return 0;
}

static void clean(void) {
    IBackgroundCopyManager *manager = NULL;
    IEnumBackgroundCopyJobs *jobs = NULL;
    IBackgroundCopyJob *job = NULL;
    ULONG count = 0;
    OK(CoInitializeEx(NULL, COINIT_MULTITHREADED));
    OK(CoCreateInstance(&CLSID_BackgroundCopyManager, NULL, CLSCTX_LOCAL_SERVER, &IID_IBackgroundCopyManager, (void **)&manager));
    OK(IBackgroundCopyManager_EnumJobs(manager, 0, &jobs));
    OK(IEnumBackgroundCopyJobs_GetCount(jobs, &count));
    CHECK(count == 1); /* the one that nobody was called for */
    OK(IEnumBackgroundCopyJobs_Next(jobs, 1, &job, NULL));
    OK(IBackgroundCopyJob_Cancel(job));
    IBackgroundCopyJob_Release(job);
    IEnumBackgroundCopyJobs_Release(jobs);
    IBackgroundCopyManager_Release(manager);
    CoUninitialize();
}

int main(int argc, char **argv) {
    if (argc == 4)
        return child(argv[1], argv[2], argv[3]);
    if (argc != 3)
        return fputs("usage: leave URL FOLDER\n", stderr), 2;
    const char *const ways[] = {"return", "callback", "thread"};
    char self[4096] = "";
    CHECK(readlink("/proc/self/exe", self, sizeof self - 1) > 0);
    for (size_t i = 0; i < ARRAYSIZE(ways); i++) {
        char *const arguments[] = {argv[0], argv[1], argv[2], (char *)(uintptr_t)ways[i], NULL};
        pid_t pid = 0;
        int status = -1;
        fflush(stdout);
        CHECK(posix_spawn(&pid, self, NULL, NULL, arguments, environ) == 0);
        CHECK(waitpid(pid, &status, 0) == pid);
        printf("# %s: status 0x%X\n", ways[i], (unsigned)status);
        CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    }
    clean();
    return tap_done();
}

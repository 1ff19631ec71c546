/* A process forks while it has a connection: fork URL FOLDER.
 *
 * In the child, what it inherited answers RPC_E_DISCONNECTED at once, with words, and can be released; what it makes itself works. The
 * parent does not notice. */
#define _GNU_SOURCE
#define COBJMACROS
#include "tap.h"
#include "words.h"
#include <bits.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef RPC_E_DISCONNECTED
#define RPC_E_DISCONNECTED ((HRESULT)0x80010108)
#endif

static IBackgroundCopyManager *manager(void) {
    IBackgroundCopyManager *made = NULL;
    OK(CoCreateInstance(&CLSID_BackgroundCopyManager, NULL, CLSCTX_LOCAL_SERVER, &IID_IBackgroundCopyManager, (void **)&made));
    return made;
}

static IBackgroundCopyJob *job(IBackgroundCopyManager *of) {
    IBackgroundCopyJob *made = NULL;
    GUID id;
    OK(IBackgroundCopyManager_CreateJob(of, u"fork", BG_JOB_TYPE_DOWNLOAD, &id, &made));
    return made;
}

static void child(IBackgroundCopyManager *inherited, IBackgroundCopyJob *its) {
    BG_JOB_STATE state;
    GUID id;
    LPWSTR words = NULL;
    IBackgroundCopyJob *none = NULL;

    CHECK_HR(IBackgroundCopyJob_GetState(its, &state), RPC_E_DISCONNECTED);
    CHECK_HR(IBackgroundCopyManager_CreateJob(inherited, u"none", BG_JOB_TYPE_DOWNLOAD, &id, &none), RPC_E_DISCONNECTED);
    CHECK(!none);
    OK(IBackgroundCopyManager_GetErrorDescription(inherited, RPC_E_DISCONNECTED, 0x409, &words));
    CHECK(words && words[0]);
    CoTaskMemFree(words);
    IBackgroundCopyJob_Release(its);
    IBackgroundCopyManager_Release(inherited);

    OK(CoInitializeEx(NULL, COINIT_MULTITHREADED) == S_FALSE ? S_OK : E_FAIL);
    IBackgroundCopyManager *own = manager();
    IBackgroundCopyJob *made = job(own);
    OK(IBackgroundCopyJob_GetState(made, &state));
    OK(IBackgroundCopyJob_Cancel(made));
    IBackgroundCopyJob_Release(made);
    IBackgroundCopyManager_Release(own);
    CoUninitialize();
}

int main(void) {
    BG_JOB_STATE state;
    int status = -1;

    OK(CoInitializeEx(NULL, COINIT_MULTITHREADED));
    IBackgroundCopyManager *ours = manager();
    IBackgroundCopyJob *our = job(ours);
    fflush(stdout);
    const pid_t forked = fork();
    if (forked == 0) {
        child(ours, our);
        return tap_done();
    }
    CHECK(waitpid(forked, &status, 0) == forked);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    OK(IBackgroundCopyJob_GetState(our, &state));
    OK(IBackgroundCopyJob_Cancel(our));
    IBackgroundCopyJob_Release(our);
    IBackgroundCopyManager_Release(ours);
    CoUninitialize();
    return tap_done();
}

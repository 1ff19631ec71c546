/* A program built with somebody else's Windows headers, here Wine's, shows that the ABI is the contract and not our headers: foreign URL FOLDER.
 *
 * Built with -fshort-wchar and without our include folder. Their headers ask for the Microsoft calling convention; on Linux it is the
 * platform's, which the lines after windef.h say. The table and the layouts are the ones that our own headers are checked with. */
#define COBJMACROS
/* The library is a shared object, whose symbols are not hidden. */
#define DECLSPEC_HIDDEN
#include <windef.h>
#undef __stdcall
#define __stdcall
#undef __cdecl
#define __cdecl

#include <windows.h>

#include <bits.h>
#include <bits5_0.h>
#include <oleauto.h>

#include "tap.h"
#include "words.h"
#include <assert.h>
#include <stddef.h>
#include <time.h>

/* Their C names the unions in a VARIANT. */
#define VARIANT_TYPE n1.n2.vt
#define VARIANT_FIELD(name) n1.n2.n3.name
#define SIZE(type, bytes) static_assert(sizeof(type) == (bytes), #type);
#define FIELD(type, member, offset) static_assert(offsetof(type, member) == (offset), #type "." #member);
#define VALUE(name, number) static_assert((name) == (number), #name);
#define LAYOUT_JOBS
#define LAYOUT_PROPERTIES
#include "layout.def"


#undef INTERFACE
#define INTERFACE(name, base, iid, slots) static_assert(sizeof(name##Vtbl) == (slots) * sizeof(void *), #name);
#define SLOT(interface_name, method, slot)                                                                             \
    static_assert(offsetof(interface_name##Vtbl, method) == (slot) * sizeof(void *), #interface_name "::" #method);
#define UNKNOWN(interface_name)                                                                                        \
    SLOT(interface_name, QueryInterface, 0) SLOT(interface_name, AddRef, 1) SLOT(interface_name, Release, 2)
#define SLOTS_PUBLIC
#include "slots.def"

static void wait_for(IBackgroundCopyJob *job, BG_JOB_STATE wanted) {
    const struct timespec tick = {0, 50000000};
    BG_JOB_STATE state = BG_JOB_STATE_QUEUED;
    for (int i = 0; i < 1200 && IBackgroundCopyJob_GetState(job, &state) == S_OK && state != wanted; i++)
        nanosleep(&tick, NULL);
    CHECK(state == wanted);
}

int main(int argc, char **argv) {
    if (argc != 3)
        return fputs("usage: foreign URL FOLDER\n", stderr), 2;
    WCHAR from[1024], to[1024];
    GUID id;
    IBackgroundCopyManager *manager = NULL;
    IBackgroundCopyJob *job = NULL;
    IBackgroundCopyJob5 *job5 = NULL;
    LPWSTR text = NULL;
    OK(CoInitializeEx(NULL, COINIT_MULTITHREADED));
    OK(CoCreateInstance(&CLSID_BackgroundCopyManager, NULL, CLSCTX_LOCAL_SERVER, &IID_IBackgroundCopyManager, (void **)&manager));
    OK(IBackgroundCopyManager_CreateJob(manager, L"foreign \x20ac", BG_JOB_TYPE_DOWNLOAD, &id, &job));
    OK(IBackgroundCopyJob_GetDisplayName(job, &text));
    CHECK(same_words(text, L"foreign \x20ac"));
    CoTaskMemFree(text);
    OK(IBackgroundCopyJob_SetPriority(job, BG_JOB_PRIORITY_FOREGROUND));
    OK(IBackgroundCopyJob_AddFile(job, beneath(from, 1024, argv[1], "file"), beneath(to, 1024, argv[2], "foreign")));

    /* 16 bytes by value, both registers of it: a GUID would be cut otherwise. */
    OK(IBackgroundCopyJob_QueryInterface(job, &IID_IBackgroundCopyJob5, (void **)&job5));
    BITS_JOB_PROPERTY_VALUE in, out;
    memset(&in, 0, sizeof in);
    memset(&out, 0xFF, sizeof out);
    in.Dword = BITS_COST_STATE_TRANSFER_ALWAYS;
    OK(IBackgroundCopyJob5_SetProperty(job5, BITS_JOB_PROPERTY_ID_COST_FLAGS, in));
    OK(IBackgroundCopyJob5_GetProperty(job5, BITS_JOB_PROPERTY_ID_COST_FLAGS, &out));
    CHECK(out.Dword == BITS_COST_STATE_TRANSFER_ALWAYS);
    in.ClsID = id;
    HRESULT hr = IBackgroundCopyJob5_SetProperty(job5, BITS_JOB_PROPERTY_NOTIFICATION_CLSID, in);
    CHECK(hr == S_OK || hr == E_NOTIMPL);
    if (hr == S_OK) {
        OK(IBackgroundCopyJob5_GetProperty(job5, BITS_JOB_PROPERTY_NOTIFICATION_CLSID, &out));
        CHECK(memcmp(&out.ClsID, &id, sizeof id) == 0);
    }
    IBackgroundCopyJob5_Release(job5);

    OK(IBackgroundCopyJob_Resume(job));
    wait_for(job, BG_JOB_STATE_TRANSFERRED);
    OK(IBackgroundCopyJob_Complete(job));
    BG_JOB_PROGRESS progress;
    OK(IBackgroundCopyJob_GetProgress(job, &progress));
    CHECK(progress.FilesTransferred == 1 && progress.BytesTransferred == progress.BytesTotal);
    CHECK(IBackgroundCopyJob_Release(job) == 0);
    CHECK(IBackgroundCopyManager_Release(manager) == 0);
    CoUninitialize();
    return tap_done();
}

/* The library opened twice and closed by a program that is not linked against it: reload LIBRARY [used].
 *
 * With `used` it has threads and a connection when it is closed; they must keep neither dlclose nor the exit from coming back. */
#define COBJMACROS
#define INITGUID
#include "tap.h"
#include <deliveryoptimization.h>
#include <dlfcn.h>
#include <string.h>

typedef HRESULT(STDAPICALLTYPE *initialize)(LPVOID, DWORD);
typedef void(STDAPICALLTYPE *uninitialize)(void);
typedef HRESULT(STDAPICALLTYPE *create)(REFCLSID, IUnknown *, DWORD, REFIID, LPVOID *);

static void *symbol(void *library, const char *name) {
    void *found = dlsym(library, name);
    if (!found)
        tap_fail(__FILE__, __LINE__, name, "is not exported");
    return found;
}

/* ISO C has no conversion from an object's address to a function's. */
#define FUNCTION(variable, library, name)                                                                              \
    do {                                                                                                               \
        void *address = symbol(library, name);                                                                         \
        memcpy(&(variable), &address, sizeof(variable));                                                               \
    } while (0)

static void use(void *library, int service) {
    initialize enter;
    uninitialize leave;
    create make;
    FUNCTION(enter, library, "CoInitializeEx");
    FUNCTION(leave, library, "CoUninitialize");
    FUNCTION(make, library, "CoCreateInstance");
    IBackgroundCopyManager *manager = NULL;
    OK(enter(NULL, COINIT_MULTITHREADED));
    OK(make(&CLSID_BackgroundCopyManager, NULL, CLSCTX_LOCAL_SERVER, &IID_IBackgroundCopyManager, (void **)&manager));
    if (service) {
        IEnumBackgroundCopyJobs *jobs = NULL;
        OK(IBackgroundCopyManager_EnumJobs(manager, 0, &jobs));
        IEnumBackgroundCopyJobs_Release(jobs);
    }
    CHECK(IBackgroundCopyManager_Release(manager) == 0);
    leave();
}

int main(int argc, char **argv) {
    if (argc != 2 && argc != 3)
        return fputs("usage: reload LIBRARY [used]\n", stderr), 2;
    const int service = argc == 3;
    for (int i = 0; i < 2; i++) {
        void *library = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
        if (!library)
            tap_fail(__FILE__, __LINE__, "dlopen", dlerror());
        void *again = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
        CHECK(again == library);
        const GUID *id = symbol(library, "IID_IBackgroundCopyJob5");
        CHECK(IsEqualGUID(id, &IID_IBackgroundCopyJob5));
        use(library, service);
        CHECK(dlclose(again) == 0);
        use(library, service);
        CHECK(dlclose(library) == 0);
    }
    return tap_done();
}

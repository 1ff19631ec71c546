// The rules of QueryInterface, over every pair of interfaces of every kind of object: query URL FOLDER.
//
// An object answers exactly its interfaces; IUnknown is one pointer, whichever interface is asked for it; what is reached from one
// interface is reached from every other; and each call takes one reference and no more.
#include "live.h"
#include <cstring>
#include <string>
#include <vector>

namespace {

struct Interface {
    const char *name;
    const IID &iid;
};

const Interface INTERFACES[] = {
    {"IUnknown", IID_IUnknown},
#define INTERFACE(name, base, iid, slots) {#name, IID_##name},
#define SLOT(interface_name, method, slot)
#define UNKNOWN(interface_name)
#include "slots.def"
};

const char *const JOB = " IBackgroundCopyJob IBackgroundCopyJob2 IBackgroundCopyJob3 IBackgroundCopyJob4 IBackgroundCopyJob5"
                        " IBackgroundCopyJobHttpOptions IDeliveryOptimizationJob IDeliveryOptimizationJob2 ";
const char *const DO_FILE = " IBackgroundCopyFile IBackgroundCopyFile2 IBackgroundCopyFile3 IBackgroundCopyFile4 IBackgroundCopyFile5"
                            " IDeliveryOptimizationFile IDeliveryOptimizationFile2 ";

const char *interfaces_of(int kind) {
    switch (kind) {
    case LIVE_MANAGER:
        return " IBackgroundCopyManager ";
    case LIVE_DO_MANAGER:
        return " IBackgroundCopyManager IDOManager ";
    case LIVE_JOB:
    case LIVE_DO_JOB:
        return JOB;
    case LIVE_FILE:
    case LIVE_DO_FILE:
        return DO_FILE;
    case LIVE_ERROR:
        return " IBackgroundCopyError ";
    case LIVE_ENUM_FILES:
        return " IEnumBackgroundCopyFiles ";
    case LIVE_ENUM_JOBS:
        return " IEnumBackgroundCopyJobs ";
    case LIVE_DOWNLOAD:
        return " IDODownload ";
    default:
        return " IEnumUnknown ";
    }
}

bool answers(int kind, const char *name) {
    return std::strcmp(name, "IUnknown") == 0 || std::strstr(interfaces_of(kind), (" " + std::string(name) + " ").c_str());
}

ULONG references(IUnknown *object) {
    object->AddRef();
    return object->Release();
}

struct Answer {
    const Interface *what;
    IUnknown *pointer;
};

void fail(const char *object, const char *from, const char *to, const char *why) {
    tap_fail(__FILE__, __LINE__, (std::string(object) + ": " + from + " to " + to).c_str(), why);
}

void look_at(int kind, const char *name, IUnknown *object) {
    const ULONG before = references(object);
    std::vector<Answer> all;
    for (const auto &one : INTERFACES) {
        void *found = &all;
        const HRESULT hr = object->QueryInterface(one.iid, &found);
        if (answers(kind, one.name)) {
            if (hr != S_OK || !found)
                fail(name, "itself", one.name, "is not answered");
            all.push_back({&one, static_cast<IUnknown *>(found)});
        } else if (hr != E_NOINTERFACE || found) {
            fail(name, "itself", one.name, "is answered, or leaves something in the place for it");
        }
    }
    IUnknown *const identity = all[0].pointer;
    for (const auto &from : all) {
        IUnknown *unknown = nullptr;
        if (from.pointer->QueryInterface(IID_PPV_ARGS(&unknown)) != S_OK || unknown != identity)
            fail(name, from.what->name, "IUnknown", "is another object");
        unknown->Release();
        for (const auto &to : all) {
            void *found = nullptr;
            const ULONG count = references(from.pointer);
            if (from.pointer->QueryInterface(to.what->iid, &found) != S_OK || !found)
                fail(name, from.what->name, to.what->name, "is not answered");
            // The way back, and the identity of what was reached.
            IUnknown *reached = static_cast<IUnknown *>(found);
            IUnknown *back = nullptr;
            if (reached->QueryInterface(from.what->iid, reinterpret_cast<void **>(&back)) != S_OK)
                fail(name, to.what->name, from.what->name, "has no way back");
            if (reached->QueryInterface(IID_PPV_ARGS(&unknown)) != S_OK || unknown != identity)
                fail(name, to.what->name, "IUnknown", "is another object");
            unknown->Release();
            back->Release();
            reached->Release();
            if (references(from.pointer) != count)
                fail(name, from.what->name, to.what->name, "changes the number of references");
        }
    }
    for (const auto &one : all)
        one.pointer->Release();
    CHECK(references(object) == before);
    printf("# %s: %zu interfaces, every pair\n", name, all.size());
}

} // namespace

int main(int argc, char **argv) {
    if (argc != 3)
        return fputs("usage: query URL FOLDER\n", stderr), 2;
    OK(CoInitializeEx(nullptr, COINIT_MULTITHREADED));
    live live;
    live_open(&live, argv[1], argv[2]);
    for (int kind = 0; kind < LIVE_KINDS; kind++)
        look_at(kind, live.name[kind], live.object[kind]);
    live_close(&live);
    CoUninitialize();
    return tap_done();
}

/* The vtables of the C headers and of live objects, slot by slot: slots [URL FOLDER].
 *
 * Without arguments only the headers are looked at. */
#define _GNU_SOURCE
#define COBJMACROS
#include "live.h"
#include <dlfcn.h>
#include <stddef.h>

#define INTERFACE(name, base, iid, slots) CHECK(sizeof(name##Vtbl) == (slots) * sizeof(void *));
#define SLOT(interface_name, method, slot)                                                                             \
    if (offsetof(interface_name##Vtbl, method) != (slot) * sizeof(void *))                                             \
        tap_fail(__FILE__, __LINE__, #interface_name "::" #method, "is in another slot than " #slot);
#define UNKNOWN(interface_name)                                                                                        \
    SLOT(interface_name, QueryInterface, 0) SLOT(interface_name, AddRef, 1) SLOT(interface_name, Release, 2)

static void look_at_headers(void) {
#include "slots.def"
}

#undef INTERFACE
#undef SLOT
#undef UNKNOWN

struct entry {
    const char *name;
    const GUID *iid;
    const char *text;
    int slots;
};

#define INTERFACE(name, base, iid, slots) {#name, &IID_##name, "{" iid "}", slots},
#define SLOT(interface_name, method, slot)
#define UNKNOWN(interface_name)
static const struct entry *interfaces(size_t *count) {
    static struct entry table[64];
    const struct entry written[] = {
#include "slots.def"
    };
    memcpy(table, written, sizeof written);
    *count = ARRAYSIZE(written);
    return table;
}

/* The constants that the library exports are the table's. */
static void look_at_identifiers(void) {
    size_t count = 0;
    const struct entry *all = interfaces(&count);
    for (size_t i = 0; i < count; i++) {
        WCHAR text[64];
        IID iid;
        OK(IIDFromString(wide_into(text, 64, all[i].text), &iid));
        if (!IsEqualIID(&iid, all[i].iid))
            tap_fail(__FILE__, __LINE__, all[i].name, "has another identifier");
    }
}

/* Each slot of each interface that an object answers is a function of the library. */
static void look_at_objects(const char *url, const char *folder) {
    struct live live;
    live_open(&live, url, folder);
    size_t count = 0;
    const struct entry *all = interfaces(&count);
    for (int kind = 0; kind < LIVE_KINDS; kind++) {
        int answered = 0;
        for (size_t i = 0; i < count; i++) {
            IUnknown *found = NULL;
            if (IUnknown_QueryInterface(live.object[kind], all[i].iid, (void **)&found) != S_OK)
                continue;
            void *const *slots = (void *const *)(const void *)found->lpVtbl;
            for (int slot = 0; slot < all[i].slots; slot++) {
                Dl_info where;
                if (!slots[slot] || !dladdr(slots[slot], &where) || !strstr(where.dli_fname, "libdosvc")) {
                    printf("# %s, %s, slot %d\n", live.name[kind], all[i].name, slot);
                    CHECK(!"the slot is a function of the library");
                }
            }
            IUnknown_Release(found);
            answered++;
        }
        printf("# %s: %d interfaces\n", live.name[kind], answered);
        CHECK(answered > 0);
    }
    live_close(&live);
}

int main(int argc, char **argv) {
    look_at_headers();
    if (argc == 3) {
        OK(CoInitializeEx(NULL, COINIT_MULTITHREADED));
        look_at_identifiers();
        look_at_objects(argv[1], argv[2]);
        CoUninitialize();
    }
    return tap_done();
}

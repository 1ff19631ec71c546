// The vtables of the C++ headers, slot by slot; with an argument also __uuidof and the library's constants: slots [identifiers].
//
// A pointer to a virtual member function tells its slot; it is read as the Itanium C++ ABI lays it out.
#include "live.h"
#include <cstddef>
#include <cstring>
#include <type_traits>

namespace {

template <typename Method> std::ptrdiff_t slot_of(Method method) {
    std::ptrdiff_t words[2];
    static_assert(sizeof words == sizeof method, "pointers to member functions of another ABI");
    std::memcpy(words, &method, sizeof words);
#if defined(__aarch64__) || defined(__arm__)
    return words[0] / static_cast<std::ptrdiff_t>(sizeof(void *));
#else
    return (words[0] - 1) / static_cast<std::ptrdiff_t>(sizeof(void *));
#endif
}

void same_slot(std::ptrdiff_t is, std::ptrdiff_t expected, const char *what) {
    if (is != expected) {
        printf("# slot %td, expected %td\n", is, expected);
        tap_fail(__FILE__, __LINE__, what, "is in another slot");
    }
}

void same_identifier(const GUID &id, const char *text, const char *what) {
    WCHAR wide[64];
    IID iid;
    OK(IIDFromString(wide_into(wide, 64, text), &iid));
    tap_true(IsEqualIID(id, iid), __FILE__, __LINE__, what);
}

void look_at_headers() {
    using Query = HRESULT (IUnknown::*)(REFIID, void **);
#define INTERFACE(name, base, iid, slots)                                                                              \
    static_assert(std::is_base_of<base, name>::value && sizeof(name) == sizeof(void *), #name);                        \
    CHECK(!std::has_virtual_destructor<name>::value);
#define SLOT(interface_name, method, slot) same_slot(slot_of(&interface_name::method), slot, #interface_name "::" #method);
#define UNKNOWN(interface_name)                                                                                        \
    same_slot(slot_of(static_cast<Query>(&interface_name::QueryInterface)), 0, #interface_name);                       \
    same_slot(slot_of(&interface_name::AddRef), 1, #interface_name);                                                   \
    same_slot(slot_of(&interface_name::Release), 2, #interface_name);
#include "slots.def"
#undef INTERFACE
#undef SLOT
#undef UNKNOWN
}

void look_at_identifiers() {
#define INTERFACE(name, base, iid, slots)                                                                              \
    same_identifier(__uuidof(name), "{" iid "}", "__uuidof(" #name ")");                                               \
    same_identifier(IID_##name, "{" iid "}", "IID_" #name);
#define SLOT(interface_name, method, slot)
#define UNKNOWN(interface_name)
#include "slots.def"
    const struct {
        const GUID &class_id;
        const GUID &constant;
        const char *text;
    } classes[] = {
        {__uuidof(DeliveryOptimization), CLSID_DeliveryOptimization, "{5b99fa76-721c-423c-adac-56d03c8a8007}"},
        {__uuidof(BackgroundCopyManager), CLSID_BackgroundCopyManager, "{4991d34b-80a1-4291-83b6-3328366b9097}"},
        {__uuidof(BackgroundCopyManager1_5), CLSID_BackgroundCopyManager1_5, "{f087771f-d74f-4c1a-bb8a-e16aca9124ea}"},
        {__uuidof(BackgroundCopyManager2_0), CLSID_BackgroundCopyManager2_0, "{6d18ad12-bde3-4393-b311-099c346e6df9}"},
        {__uuidof(BackgroundCopyManager2_5), CLSID_BackgroundCopyManager2_5, "{03ca98d6-ff5d-49b8-abc6-03dd84127020}"},
        {__uuidof(BackgroundCopyManager3_0), CLSID_BackgroundCopyManager3_0, "{659cdea7-489e-11d9-a9cd-000d56965251}"},
        {__uuidof(BackgroundCopyManager4_0), CLSID_BackgroundCopyManager4_0, "{bb6df56b-cace-11dc-9992-0019b93a3a84}"},
        {__uuidof(BackgroundCopyManager5_0), CLSID_BackgroundCopyManager5_0, "{1ecca34c-e88a-44e3-8d6a-8921bde9e452}"},
        {__uuidof(BackgroundCopyManager10_1), CLSID_BackgroundCopyManager10_1, "{4bd3e4e1-7bd4-4a2b-9964-496400de5193}"},
        {__uuidof(BackgroundCopyManager10_2), CLSID_BackgroundCopyManager10_2, "{4575438f-a6c8-4976-b0fe-2f26b80d959e}"},
        {__uuidof(BackgroundCopyManager10_3), CLSID_BackgroundCopyManager10_3, "{5fd42ad5-c04e-4d36-adc7-e08ff15737ad}"},
    };
    for (const auto &row : classes) {
        same_identifier(row.class_id, row.text, "__uuidof of a class");
        same_identifier(row.constant, row.text, "CLSID_ of a class");
        IBackgroundCopyManager *manager = nullptr;
        OK(CoCreateInstance(row.class_id, nullptr, CLSCTX_ALL, IID_PPV_ARGS(&manager)));
        CHECK(manager != nullptr);
        CHECK(manager->Release() == 0);
    }
}

} // namespace

int main(int argc, char **) {
    look_at_headers();
    if (argc > 1)
        look_at_identifiers();
    return tap_done();
}

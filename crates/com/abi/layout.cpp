/* Sizes, offsets and values, as a C++ compiler sees them. That it compiles is the test. */
#include <cassert>
#include <deliveryoptimization.h>
#include <cstddef>
#include <cstdio>

#define VARIANT_TYPE vt
#define VARIANT_FIELD(name) name
#define SIZE(type, bytes) static_assert(sizeof(type) == (bytes), #type);
#define FIELD(type, member, offset) static_assert(offsetof(type, member) == (offset), #type "." #member);
#define VALUE(name, number) static_assert((name) == (number), #name);
#define LAYOUT_JOBS
#define LAYOUT_PROPERTIES
#define LAYOUT_DOWNLOADS
#include "layout.def"

int main() {
    std::puts("ok 1 - sizes, offsets and values in C++\n1..1");
    return 0;
}

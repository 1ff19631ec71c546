/* From here on DEFINE_GUID defines and does not only declare. Comes before the headers whose constants are wanted. */
#ifndef INITGUID
#define INITGUID
#endif
#include "guiddef.h"

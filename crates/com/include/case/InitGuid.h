/* The spelling of programs whose file system ignores case. */
#include "../initguid.h"

/* The spelling of programs whose file system ignores case. */
#include "../ole2.h"

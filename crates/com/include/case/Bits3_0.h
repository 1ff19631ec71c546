/* The spelling of programs whose file system ignores case. */
#include "../bits3_0.h"

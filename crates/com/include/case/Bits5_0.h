/* The spelling of programs whose file system ignores case. */
#include "../bits5_0.h"

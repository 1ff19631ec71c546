/* The spelling of programs whose file system ignores case. */
#include "../bits1_5.h"

/* The spelling of programs whose file system ignores case. */
#include "../bits2_5.h"

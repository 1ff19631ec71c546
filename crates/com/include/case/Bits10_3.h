/* The spelling of programs whose file system ignores case. */
#include "../bits10_3.h"

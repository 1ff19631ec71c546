/* The spelling of programs whose file system ignores case. */
#include "../bits10_2.h"

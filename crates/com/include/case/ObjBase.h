/* The spelling of programs whose file system ignores case. */
#include "../objbase.h"

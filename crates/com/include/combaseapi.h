/* See objbase.h. */
#include "objbase.h"

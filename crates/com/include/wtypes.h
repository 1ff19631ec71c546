/* See windef.h. */
#include "windef.h"
#include "winerror.h"

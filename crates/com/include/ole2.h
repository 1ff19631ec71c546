/* See objbase.h and oleauto.h. */
#include "objbase.h"
#include "oleauto.h"

/* Version 10.3: its class. Its interfaces beyond version 5.0 are not offered; QueryInterface says so. */
#ifndef BGCOPY_BITS_H
#include "bits.h" /* which includes this file, in its turn */
#elif !defined(BGCOPY_BITS10_3_H)
#define BGCOPY_BITS10_3_H

BGCOPY_CLASS_ID(BackgroundCopyManager10_3, 0x5fd42ad5, 0xc04e, 0x4d36, 0xad, 0xc7, 0xe0, 0x8f, 0xf1, 0x57, 0x37, 0xad)

#endif

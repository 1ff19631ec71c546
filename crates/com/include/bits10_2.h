/* Version 10.2: its class. Its interfaces beyond version 5.0 are not offered; QueryInterface says so. */
#ifndef BGCOPY_BITS_H
#include "bits.h" /* which includes this file, in its turn */
#elif !defined(BGCOPY_BITS10_2_H)
#define BGCOPY_BITS10_2_H

BGCOPY_CLASS_ID(BackgroundCopyManager10_2, 0x4575438f, 0xa6c8, 0x4976, 0xb0, 0xfe, 0x2f, 0x26, 0xb8, 0x0d, 0x95, 0x9e)

#endif

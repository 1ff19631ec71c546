/* Version 10.1: its class. Its interfaces beyond version 5.0 are not offered; QueryInterface says so. */
#ifndef BGCOPY_BITS_H
#include "bits.h" /* which includes this file, in its turn */
#elif !defined(BGCOPY_BITS10_1_H)
#define BGCOPY_BITS10_1_H

BGCOPY_CLASS_ID(BackgroundCopyManager10_1, 0x4bd3e4e1, 0x7bd4, 0x4a2b, 0x99, 0x64, 0x49, 0x64, 0x00, 0xde, 0x51, 0x93)

#endif

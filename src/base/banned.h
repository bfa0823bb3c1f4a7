/*
 * Functions that no file of this project may call, each with what to use instead. Included by every source
 * file through its own header; tools/check_floors looks for the names too, so that a missing include hides
 * nothing. The idea of making a banned name a compile error is git's.
 */
#ifndef BASE_BANNED_H
#define BASE_BANNED_H

/* Declared first: what is poisoned below must not meet its own declaration. */
#include <alloca.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if defined(__GNUC__)
#undef alloca
#pragma GCC poison strcpy strcat sprintf vsprintf gets strtok atoi atol atoll atof alloca
#endif

#endif

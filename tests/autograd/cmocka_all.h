/* cmocka with the headers it wants before it. */
#ifndef AG_TESTS_CMOCKA_ALL_H
#define AG_TESTS_CMOCKA_ALL_H

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#endif

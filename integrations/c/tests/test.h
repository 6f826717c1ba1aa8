/* What the test programs share. */
#ifndef TEST_H
#define TEST_H

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rectify.h>

/* Fails with the line and, where there is one, the library's message. */
#define CHECK(condition, ...)                                                                                          \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            fprintf(stderr, "%s:%d: not so: %s: ", __FILE__, __LINE__, #condition);                                    \
            fprintf(stderr, __VA_ARGS__);                                                                              \
            fprintf(stderr, "; last error: %s\n", rectify_last_error());                                               \
            exit(1);                                                                                                   \
        }                                                                                                              \
    } while (0)

/* A call that has to fail so, with these words in its message. */
#define FAILS(call, status, words, name)                                                                               \
    do {                                                                                                               \
        rectify_status returned = (call);                                                                              \
        CHECK(returned == (status), "%s returned %d", name, (int)returned);                                            \
        CHECK(strstr(rectify_last_error(), words) != NULL, "%s: no \"%s\" in the message", name, words);               \
    } while (0)

#define OK(call) CHECK((call) == RECTIFY_OK, "a call that should work")

#endif

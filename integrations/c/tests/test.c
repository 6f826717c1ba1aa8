/* Every function, every code. An argument asks for what needs a process of its own. */
#include <pthread.h>

#include "test.h"

#define T float
#define F(name) rectify_##name##_f32
#define N(name) f32_##name
#include "typed.h"
#undef T
#undef F
#undef N

#define T double
#define F(name) rectify_##name##_f64
#define N(name) f64_##name
#include "typed.h"

static void activations(void) {
    rectify_activation *f = NULL;
    CHECK(rectify_last_error()[0] == '\0', "nothing has failed yet");
    OK(rectify_activation_new("leaky_relu(negative_slope=0.1)", &f));
    CHECK(strcmp(rectify_activation_text(f), "leaky_relu(negative_slope=0.1)") == 0, "%s", rectify_activation_text(f));
    rectify_activation_free(f);
    OK(rectify_activation_new("clip(min=-inf, max=6)", &f));
    CHECK(strcmp(rectify_activation_text(f), "clip(min=-inf, max=6.0)") == 0, "%s", rectify_activation_text(f));
    rectify_activation_free(f);
    rectify_activation_free(NULL);
    CHECK(rectify_activation_text(NULL) == NULL, "no activation, no text");

    rectify_activation *untouched = f = (rectify_activation *)&f;
#define BAD(text, words) FAILS(rectify_activation_new(text, &f), RECTIFY_BAD_ACTIVATION, words, text)
    BAD("nonsense", "`nonsense` is no activation: there are `relu`");
    BAD("", "no activation");
    BAD("leaky_relu(slope=0.1)", "it has `negative_slope`");
    BAD("leaky_relu(negative_slope=nan)", "is NaN");
    BAD("hard_shrink(lambda=-1)", "at least");
    BAD("leaky_relu(negative_slope=0.1", "leaky_relu");
    BAD("relu\xff", "utf-8");
#undef BAD
    FAILS(rectify_activation_new(NULL, &f), RECTIFY_NULL_POINTER, "`text` is null", "new");
    CHECK(f == untouched, "a handle was written");
    FAILS(rectify_activation_new("relu", NULL), RECTIFY_NULL_POINTER, "`activation` is null", "new");
}

static void *other_thread(void *unused) {
    CHECK(rectify_last_error()[0] == '\0', "the message of another thread");
    FAILS(rectify_tier(NULL), RECTIFY_NULL_POINTER, "`name` is null", "tier");
    return unused;
}

static void messages(void) {
    FAILS(rectify_set_max_tier(NULL), RECTIFY_NULL_POINTER, "`name` is null", "set_max_tier");
    FAILS(rectify_set_max_tier("neon-9000"), RECTIFY_BAD_TIER, "neon-9000", "set_max_tier");
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, other_thread, NULL) == 0, "a thread");
    CHECK(pthread_join(thread, NULL) == 0, "its end");
    const char *name = NULL;
    OK(rectify_tier(&name));
    CHECK(strstr(rectify_last_error(), "neon-9000") != NULL, "the message is this thread's last");
    CHECK(name != NULL && name[0] != '\0', "a tier has a name");
    FAILS(rectify_set_max_tier("portable"), RECTIFY_TOO_LATE, "settled", "set_max_tier");
    CHECK(strcmp(rectify_version(), EXPECTED_VERSION) == 0, "the version is %s", rectify_version());
}

static void capped(void) {
    OK(rectify_set_max_tier("portable"));
    const char *name = NULL;
    OK(rectify_tier(&name));
    CHECK(strncmp(name, "portable", 8) == 0, "the tier is %s", name);
}

static void threads(void) {
    OK(rectify_set_threads(3));
    f32_test();
    FAILS(rectify_set_threads(2), RECTIFY_TOO_LATE, "", "set_threads");
}

/* RECTIFY_MAX_TIER names no tier: the library panics, and that becomes a code. */
static void panics(void) {
    rectify_activation *relu = NULL;
    const char *name = "untouched";
    const float x = -1;
    float y = 7;
    OK(rectify_activation_new("relu", &relu));
    for (int again = 0; again < 2; again++) {
        FAILS(rectify_forward_f32(relu, &x, &y, 1, RECTIFY_SERIAL), RECTIFY_PANIC, "RECTIFY_MAX_TIER", "forward");
        FAILS(rectify_tier(&name), RECTIFY_PANIC, "RECTIFY_MAX_TIER", "tier");
    }
    CHECK(y == 7 && strcmp(name, "untouched") == 0, "something was written");
    rectify_activation_free(relu);
}

int main(int argc, char **argv) {
    const char *what = argc > 1 ? argv[1] : "all";
    if (strcmp(what, "capped") == 0) {
        capped();
    } else if (strcmp(what, "threads") == 0) {
        threads();
    } else if (strcmp(what, "panics") == 0) {
        panics();
    } else if (strcmp(what, "all") == 0) {
        activations();
        messages();
        f32_test();
        f64_test();
    } else {
        fprintf(stderr, "what is %s?\n", what);
        return 1;
    }
    printf("%s: good\n", what);
    return 0;
}

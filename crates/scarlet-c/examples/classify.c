/* What a network sees on a photograph: classify FILE PHOTO, where FILE is what `scarlet deploy` wrote
 * (.scarlet), or weights that scarlet wrote (.safetensors).
 *
 * From the folder crates/scarlet-c, in one command:
 *
 *   cargo build --release && cc -std=c99 -Wall -Wextra -I include examples/classify.c \
 *       ../../target/release/libscarlet_c.a -lpthread -ldl -lm -o classify
 */
#include <stdio.h>
#include <stdlib.h>

#include "scarlet.h"

/* Shows the most probable classes, the largest first. */
static void show(const ScarletClassifier *network, float *probabilities, size_t classes, size_t most) {
    for (size_t shown = 0; shown < most && shown < classes; shown++) {
        size_t best = 0;
        for (size_t class_ = 1; class_ < classes; class_++) {
            if (probabilities[class_] > probabilities[best]) {
                best = class_;
            }
        }
        const char *name = scarlet_class_name(network, best);
        if (name != NULL) {
            printf("%6.2f %%  %s\n", 100.0 * probabilities[best], name);
        } else {
            printf("%6.2f %%  %zu\n", 100.0 * probabilities[best], best);
        }
        probabilities[best] = -1;
    }
}

int main(int argc, char **argv) {
    if (argc < 3) {
        fprintf(stderr, "usage: %s FILE PHOTO\n", argv[0]);
        return 2;
    }
    char *error = NULL;
    ScarletClassifier *network = scarlet_open(argv[1], NULL, &error);
    if (network == NULL) {
        fprintf(stderr, "error: %s\n", error);
        scarlet_free_string(error);
        return 1;
    }
    size_t classes = scarlet_classes(network);
    float *logits = malloc(2 * classes * sizeof *logits);
    int status = 1;
    if (logits == NULL) {
        fprintf(stderr, "error: there is no memory\n");
    } else if (scarlet_classify_file(network, argv[2], logits, classes) != SCARLET_STATUS_OK ||
               scarlet_probabilities(network, logits, logits + classes, classes) != SCARLET_STATUS_OK) {
        fprintf(stderr, "error: %s\n", scarlet_error(network));
    } else {
        show(network, logits + classes, classes, 5);
        status = 0;
    }
    free(logits);
    scarlet_close(network);
    return status;
}

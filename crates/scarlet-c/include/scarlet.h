/* scarlet's image classifiers, run from C. Made by cbindgen from crates/scarlet-c/src: see
 * tests/header.rs there. SPDX-License-Identifier: MIT OR Apache-2.0 */

#ifndef SCARLET_H
#define SCARLET_H

#include <stddef.h>
#include <stdint.h>

/*
 What a call came to.
 */
enum ScarletStatus
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  /*
   All is well.
   */
  SCARLET_STATUS_OK = 0,
  /*
   It came to nothing, for the reason that `scarlet_error` tells.
   */
  SCARLET_STATUS_FAILED = 1,
  /*
   The pointer to the classifier is null.
   */
  SCARLET_STATUS_NO_CLASSIFIER = 2,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum ScarletStatus ScarletStatus;
#else
typedef int32_t ScarletStatus;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/*
 An open network. It is used by one thread at a time.
 */
typedef struct ScarletClassifier ScarletClassifier;

/*
 What a classifier is opened for. A zero asks for the default.
 */
typedef struct ScarletOptions {
  /*
   Threads that share the work; as many as the machine runs at once by default. They change no bit of
   the result.
   */
  size_t threads;
  /*
   The most images of one call of `scarlet_run`; 1 by default.
   */
  size_t batch;
  /*
   Height of the images in pixels; the network's own by default. Give the width too.
   */
  size_t height;
  /*
   Width of the images in pixels; the network's own by default. Give the height too.
   */
  size_t width;
} ScarletOptions;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/*
 Opens a file: a deployed network (.scarlet), or weights that scarlet wrote (.safetensors). Returns null
 when it cannot be opened, and then puts a message at `error`, unless that is null; free it with
 `scarlet_free_string`. A deployed network's file is mapped into memory and must not be changed in place
 as long as the classifier lives.

 # Safety

 `path` is a text that ends with a zero byte, in UTF-8 on Windows; `options` are options or null; `error`
 points to a place for a pointer, or is null.
 */
struct ScarletClassifier *scarlet_open(const char *path,
                                       const struct ScarletOptions *options,
                                       char **error);

/*
 As `scarlet_open`, for the bytes of a file, wherever they come from. They are copied.

 # Safety

 There are `length` bytes at `bytes`; `options` and `error` are as for `scarlet_open`.
 */
struct ScarletClassifier *scarlet_open_bytes(const uint8_t *bytes,
                                             size_t length,
                                             const struct ScarletOptions *options,
                                             char **error);

/*
 Closes a classifier and gives back its memory. Null is left alone.

 # Safety

 The classifier is one that was opened here and not closed, nobody uses it now or later.
 */
void scarlet_close(struct ScarletClassifier *classifier);

/*
 Frees a message that `scarlet_open` or `scarlet_open_bytes` gave. Null is left alone.

 # Safety

 The text is such a message, and not freed yet.
 */
void scarlet_free_string(char *text);

/*
 Logits `[n, classes]` of images `[n, channels, height, width]`, both row by row; `n` is at most the
 batch that the classifier was opened for. `images_length` is the number of all their values.
 `logits_length` is the number of places at `logits`, of which the first are filled.

 # Safety

 The classifier is null, or was opened here and not closed, and no other thread uses it meanwhile. There
 are as many values at both pointers as their lengths say, and they do not overlap.
 */
ScarletStatus scarlet_run(struct ScarletClassifier *classifier,
                          const float *images,
                          size_t images_length,
                          float *logits,
                          size_t logits_length);

/*
 Logits `[classes]` of an image of any size: `width` · `height` pixels of red, green and blue, row by row
 from the top. It is resized, cropped and normalised as the network wants it.

 # Safety

 As for `scarlet_run`; there are 3 · `width` · `height` bytes at `rgb`.
 */
ScarletStatus scarlet_classify_rgb(struct ScarletClassifier *classifier,
                                   const uint8_t *rgb,
                                   size_t width,
                                   size_t height,
                                   float *logits,
                                   size_t logits_length);

/*
 Logits `[classes]` of a photograph's file, JPEG, PNG, WebP, BMP, GIF or TIFF, prepared as the network
 wants it.

 # Safety

 As for `scarlet_run`; `path` is a text that ends with a zero byte, in UTF-8 on Windows.
 */
ScarletStatus scarlet_classify_file(struct ScarletClassifier *classifier,
                                    const char *path,
                                    float *logits,
                                    size_t logits_length);

/*
 The probabilities of the classes, from an image's logits: their softmax, by the temperature in the
 network's card if it has one; or, where the card says that images have any number of labels, of each
 class by itself. `length` is the number of classes, at both pointers.

 # Safety

 As for `scarlet_run`.
 */
ScarletStatus scarlet_probabilities(struct ScarletClassifier *classifier,
                                    const float *logits,
                                    float *probabilities,
                                    size_t length);

/*
 The shape of the images of `scarlet_run`: writes batch, channels, height and width to the four places at
 `shape`.

 # Safety

 As for `scarlet_run`; there is room for four numbers at `shape`.
 */
ScarletStatus scarlet_input_shape(struct ScarletClassifier *classifier,
                                  size_t *shape);

/*
 How many classes there are; 0 where the classifier is null.

 # Safety

 The classifier is null, or was opened here and not closed.
 */
size_t scarlet_classes(const struct ScarletClassifier *classifier);

/*
 What a class is called, in UTF-8, as long as the classifier is open; null where nobody knows, or there
 is no such class.

 # Safety

 The classifier is null, or was opened here and not closed.
 */
const char *scarlet_class_name(const struct ScarletClassifier *classifier,
                               size_t class_);

/*
 Why the last call with this classifier that failed did so, in UTF-8, until the next one fails; empty
 before the first does.

 # Safety

 The classifier is null, or was opened here and not closed.
 */
const char *scarlet_error(const struct ScarletClassifier *classifier);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* SCARLET_H */

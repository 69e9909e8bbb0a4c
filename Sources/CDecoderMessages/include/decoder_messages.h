// What decoders print to the C library's `stdout` and `stderr`, kept apart from the program's results and messages.
#pragma once
#include <stddef.h>

// Replaces both by streams that pass everything on to descriptors 1 and 2, unless a decoder is at work on the thread.
void decoder_messages_install(void);

// From here on, this thread's output to both is a decoder's, and kept.
void decoder_messages_begin(void);

// The decoder has returned. Returns how many bytes are kept.
size_t decoder_messages_end(void);

// Copies the bytes that are kept, at most `size`, and forgets them. Returns how many.
size_t decoder_messages_take(unsigned char *destination, size_t size);

// What decoders print to the C library's `stderr`, kept apart from the program's messages.
#pragma once
#include <stddef.h>

// Replaces `stderr` by a stream that passes everything on to descriptor 2, unless a decoder is at work on the thread.
void decoder_messages_install(void);

// From here on, this thread's output to `stderr` is a decoder's, and kept.
void decoder_messages_begin(void);

// The decoder has returned. Returns how many bytes are kept.
size_t decoder_messages_end(void);

// Copies the bytes that are kept, at most `size`, and forgets them. Returns how many.
size_t decoder_messages_take(unsigned char *destination, size_t size);

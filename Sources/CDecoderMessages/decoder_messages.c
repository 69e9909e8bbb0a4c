#define _GNU_SOURCE
#include "decoder_messages.h"
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

enum { LIMIT = 2048 };

static _Thread_local int at_work;
static _Thread_local size_t kept;
static _Thread_local unsigned char words[LIMIT];

static ssize_t take(void *cookie, const char *bytes, size_t count) {
    int descriptor = (int)(intptr_t)cookie;
    if (at_work) {  // more than the limit is dropped: a damaged file can cause a message a frame
        size_t room = LIMIT - kept < count ? LIMIT - kept : count;
        memcpy(words + kept, bytes, room);
        kept += room;
        return (ssize_t)count;
    }
    size_t done = 0;
    while (done < count) {
        ssize_t written = write(descriptor, bytes + done, count - done);
        if (written < 0 && errno == EINTR) continue;
        if (written <= 0) return 0;
        done += (size_t)written;
    }
    return (ssize_t)count;
}

static FILE *stream_to(int descriptor, FILE *present) {
    cookie_io_functions_t functions = {.write = take};
    FILE *stream = fopencookie((void *)(intptr_t)descriptor, "w", functions);
    if (!stream) return present;
    // Without a buffer each write reaches `take` at once, on the thread that it comes from.
    setvbuf(stream, NULL, _IONBF, 0);
    return stream;
}

void decoder_messages_install(void) {
    fflush(stdout);
    stdout = stream_to(STDOUT_FILENO, stdout);
    stderr = stream_to(STDERR_FILENO, stderr);
}

void decoder_messages_begin(void) { at_work = 1; }

size_t decoder_messages_end(void) {
    at_work = 0;
    return kept;
}

size_t decoder_messages_take(unsigned char *destination, size_t size) {
    size_t count = kept < size ? kept : size;
    memcpy(destination, words, count);
    kept = 0;
    return count;
}

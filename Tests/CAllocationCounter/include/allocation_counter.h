// Counts the allocations of the calling thread, for tests that show that a step makes none. Linking this target
// replaces malloc, so only test targets do, and builds with a sanitizer (which brings a malloc of its own) count nothing.
#ifndef ALLOCATION_COUNTER_H
#define ALLOCATION_COUNTER_H

// Allocations that this thread has made since it began.
unsigned long allocation_counter_count(void);
// 0 where a sanitizer's allocator is in charge.
int allocation_counter_is_active(void);

#endif

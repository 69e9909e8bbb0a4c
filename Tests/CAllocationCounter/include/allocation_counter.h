// Counts the allocations of the calling thread, for tests that show that a step allocates nothing. This target replaces
// malloc, so only test targets link it. A build with a sanitizer has a malloc of its own and counts nothing.
#ifndef ALLOCATION_COUNTER_H
#define ALLOCATION_COUNTER_H

// Allocations that this thread has made since it began.
unsigned long allocation_counter_count(void);
// 0 where a sanitizer's allocator is in charge.
int allocation_counter_is_active(void);

#endif

#pragma once

// Multiply-adds under way at a time.
#define PEAK_CHAINS 12

// Makes `rounds` multiply-adds a lane of PEAK_CHAINS vectors of `bits` bits (512, 256 or else 128), which are all in registers: the most that a core
// does. The processor must have vectors of that size. Returns what keeps the compiler from leaving them out.
float peak_multiply_adds(int bits, long rounds);

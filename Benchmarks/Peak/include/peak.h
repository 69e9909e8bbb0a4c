#pragma once

// Independent chains of multiply-adds.
#define PEAK_CHAINS 12

// Runs `rounds` multiply-adds in each lane of PEAK_CHAINS vectors of `bits` bits (512, 256 or 128) in registers, the
// most that a core can do. The processor must have vectors of that size. Returns the sum of the results, without which
// the compiler would remove the loop.
float peak_multiply_adds(int bits, long rounds);

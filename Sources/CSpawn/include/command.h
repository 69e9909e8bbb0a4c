// Commands as children of this process: what the system offers for it is not all visible from Swift.
#ifndef COMMAND_H
#define COMMAND_H

#include <sys/types.h>

struct command {
    pid_t process;  // also the number of its process group
    int output;     // the end to read of its standard output
    int errors;     // the end to read of its standard error
};

// Starts arguments[0], which is looked for in PATH, with nothing to read, no other descriptor than the standard ones,
// default signals, and a process group of its own.
// Returns 0 or an error number.
int command_start(struct command *command, char *const arguments[], char *const environment[]);

// Whether the process has ended; it is not reaped yet, so that its number stays its own.
int command_has_ended(pid_t process);

#endif

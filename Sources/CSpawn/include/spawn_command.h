// Commands as children of this process, by parts of the system's interface that Swift's Glibc module lacks.
#ifndef SPAWN_COMMAND_H
#define SPAWN_COMMAND_H

#include <sys/types.h>

struct spawn_child {
    pid_t process;  // also the number of its process group
    int output;     // the end to read of its standard output
    int errors;     // the end to read of its standard error
};

// Starts arguments[0], which is searched for in PATH, with /dev/null as its input, no descriptors but the standard
// ones, default signals, and a process group of its own. Returns 0 or an error number.
int spawn_start(struct spawn_child *child, char *const arguments[], char *const environment[]);

// Whether the process has ended. It is not reaped, so that its number stays its own.
int spawn_has_ended(pid_t process);

#endif

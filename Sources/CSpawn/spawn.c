#define _GNU_SOURCE
#include "spawn_command.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static int start(
    struct spawn_child *child, int output, int errors, char *const arguments[], char *const environment[]) {
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none, all;
    int failure = posix_spawn_file_actions_init(&actions);
    if (failure != 0) return failure;
    failure = posix_spawnattr_init(&attributes);
    if (failure != 0) {
        posix_spawn_file_actions_destroy(&actions);
        return failure;
    }
    sigemptyset(&none);
    sigfillset(&all);
    if ((failure = posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0)) == 0
        && (failure = posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO)) == 0
        && (failure = posix_spawn_file_actions_adddup2(&actions, errors, STDERR_FILENO)) == 0
        // Sockets of clients would stay open in a child, and their ends would not be noticed.
        && (failure = posix_spawn_file_actions_addclosefrom_np(&actions, 3)) == 0
        && (failure = posix_spawnattr_setpgroup(&attributes, 0)) == 0
        && (failure = posix_spawnattr_setsigmask(&attributes, &none)) == 0
        && (failure = posix_spawnattr_setsigdefault(&attributes, &all)) == 0
        && (failure = posix_spawnattr_setflags(
                &attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF)) == 0) {
        failure = posix_spawnp(&child->process, arguments[0], &actions, &attributes, arguments, environment);
    }
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    return failure;
}

int spawn_start(struct spawn_child *child, char *const arguments[], char *const environment[]) {
    int output[2], errors[2];
    if (pipe2(output, O_CLOEXEC) != 0) return errno;
    if (pipe2(errors, O_CLOEXEC) != 0) {
        int failure = errno;
        close(output[0]);
        close(output[1]);
        return failure;
    }
    int failure = start(child, output[1], errors[1], arguments, environment);
    close(output[1]);
    close(errors[1]);
    if (failure != 0) {
        close(output[0]);
        close(errors[0]);
        return failure;
    }
    child->output = output[0];
    child->errors = errors[0];
    return 0;
}

int spawn_has_ended(pid_t process) {
    siginfo_t information;
    memset(&information, 0, sizeof information);
    if (waitid(P_PID, (id_t)process, &information, WEXITED | WNOHANG | WNOWAIT) != 0) return errno == ECHILD;
    return information.si_pid == process;
}

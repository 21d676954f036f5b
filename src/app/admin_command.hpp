#pragma once
// corral status | start | stop | restart | reload | upgrade: what the command line asks a running daemon.

#include <map>
#include <string>

namespace CLI {
class App;
}

namespace corral::app {

struct admin_command {
    std::string verb;
    std::string program;  // of upgrade; empty: the one that runs
    std::string target;   // MODEL or MODEL/SERVICE; empty: all
    std::string socket;   // else the one that `config` or the usual places have
    std::string config;
    bool json = false;
    bool now = false;
    bool wait = false;
};

// Adds the commands; `asked` is filled while the arguments are read and outlives `program`. Its verb is not
// empty when one of them was asked for.
void add_admin_commands(CLI::App& program, admin_command& asked);

// Asks the daemon and tells the person; the exit status of the program: 0, or 1 when nobody answers or the
// daemon refuses.
[[nodiscard]] int run_admin_command(const admin_command& asked,
                                    const std::map<std::string, std::string>& environment);

}  // namespace corral::app
